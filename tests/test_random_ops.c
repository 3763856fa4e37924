/* What is drawn at random: it has the distributions that it is said to have, the same numbers come from the same seed, on
 * any number of threads, and mistakes are named. Seeds are fixed: a test of a distribution that passes always does. */
#include "support.h"

enum { N = 100000 };

/* ---- distributions */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: the largest distance of the share of numbers below a place from what it should be; beyond
 * 1.95 / sqrt(n) once in a thousand seeds. */
static void expect_distribution(ag_tensor x, double (*below)(double x, const double *p), const double *p)
{
    static double v[N];
    expect_fine(x.tape);
    assert_int_equal(ag_size_of(x), N);
    ag_copy_out(ag_cast(x, AG_F64), AG_F64, v, sizeof v);
    qsort(v, N, sizeof *v, ascending);
    double most = 0;
    for (int i = 0; i < N; i++) {
        const double at = below(v[i], p);
        most = fmax(most, fmax(fabs(at - (double)i / N), fabs(at - (double)(i + 1) / N)));
    }
    assert_true(most * sqrt((double)N) < 1.95);
}

/* Pearson: the sum of (count - expected)^2 / expected over n classes; beyond n + 4 sqrt(2 n) in very few seeds. */
static void expect_counts(const int64_t *counts, const double *p, int n)
{
    double total = 0, sum = 0;
    for (int i = 0; i < n; i++)
        total += (double)counts[i];
    for (int i = 0; i < n; i++) {
        const double expected = total * p[i];
        assert_true(p[i] > 0 || counts[i] == 0);
        sum += p[i] > 0 ? ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected : 0;
    }
    assert_true(sum < n + 4 * sqrt(2.0 * n));
}

static double normal_below(double x)
{
    return erfc(-x / sqrt(2)) / 2;
}

/* p: mean, deviation, low, high; with probabilities from above where that is where the interval lies */
static double truncated_below(double x, const double *p)
{
    const double z = (x - p[0]) / p[1], low = (p[2] - p[0]) / p[1], high = (p[3] - p[0]) / p[1];
    return low > 0 ? (normal_below(-low) - normal_below(-z)) / (normal_below(-low) - normal_below(-high))
                   : (normal_below(z) - normal_below(low)) / (normal_below(high) - normal_below(low));
}

static void truncated_normal_numbers(void **state)
{
    (void)state;
    static const double p[][4] = { { 0, 1, -2, 2 },     { 3, 2, 2.5, INFINITY }, { 0, 1, -INFINITY, -1 },
                                   { 0, 1, 6, 9 },      { 5, 0.5, -1, 1.5 },     { 0, 1, 20, INFINITY },
                                   { 0, 0.02, -2, 2 },  { -1, 4, -30, -29 },     { 0, 1, -INFINITY, INFINITY },
                                   { 1, 1, 1, 1.00001 } };
    for (size_t i = 0; i < ARRAY_SIZE(p); i++)
        for (int f32 = 0; f32 < 2; f32++) {
            ag_tape *t = new_tape();
            const bool coarse = f32 && i == 9; /* few floats lie there */
            ag_tensor x =
                ag_truncated_normal(t, f32 ? AG_F32 : AG_F64, AG_SHAPE(N), p[i][0], p[i][1], p[i][2], p[i][3]);
            if (!coarse)
                expect_distribution(x, truncated_below, p[i]);
            assert_true(ag_item(ag_min(x)) >= p[i][2] && ag_item(ag_max(x)) <= p[i][3]);
            assert_true(isfinite(ag_item(ag_sum(x))));
            ag_tape_free(t);
        }
}

static double gumbel_below(double x, const double *p)
{
    return exp(-exp(-(x - p[0]) / p[1]));
}

static void gumbel_numbers(void **state)
{
    (void)state;
    static const double p[][2] = { { 0, 1 }, { -2, 0.5 } };
    const double pi = 3.14159265358979323846;
    for (int i = 0; i < 2; i++)
        for (int f32 = 0; f32 < 2; f32++) {
            ag_tape *t = new_tape();
            ag_tensor x = ag_gumbel(t, f32 ? AG_F32 : AG_F64, AG_SHAPE(N), p[i][0], p[i][1]);
            expect_distribution(x, gumbel_below, p[i]);
            const double deviation = p[i][1] * pi / sqrt(6);
            assert_close(ag_item(ag_mean(x)), p[i][0] + p[i][1] * 0.57721566490153286, 5 * deviation / sqrt((double)N));
            assert_close(sqrt(ag_item(ag_var(x))), deviation, 0.02 * deviation);
            ag_tape_free(t);
        }
    ag_tape *t = new_tape();
    assert_values(ag_gumbel(t, AG_F64, AG_SHAPE(2), 3, 0), 3, 3);
    ag_tape_free(t);
}

static void ones_have_their_probabilities(void **state)
{
    (void)state;
    static const double p[] = { 0, 0.001, 0.3, 0.5, 0.99, 1 };
    for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
        ag_tape *t = new_tape();
        ag_tensor y = ag_bernoulli(ag_full(t, AG_F32, AG_SHAPE(N), p[i]));
        const int64_t ones = (int64_t)ag_item(ag_sum(ag_cast(y, AG_F64))), counts[] = { ones, N - ones };
        expect_counts(counts, (const double[]){ p[i], 1 - p[i] }, 2);
        ag_tape_free(t);
    }
}

/* How often each of n numbers is there. */
static void count(ag_tensor x, int n, int64_t *counts)
{
    const int64_t *v = ag_data(x, AG_I64);
    memset(counts, 0, (size_t)n * sizeof *counts);
    for (int64_t i = 0; i < ag_size_of(x); i++) {
        assert_true(v[i] >= 0 && v[i] < n);
        counts[v[i]]++;
    }
}

static void indices_are_drawn_by_their_weights(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double w[] = { 2, 0, 1, 5, 0.5 }, p[] = { 2 / 8.5, 0, 1 / 8.5, 5 / 8.5, 0.5 / 8.5 };
    ag_tensor weights = ag_values(t, AG_SHAPE(5), w, 5);
    int64_t counts[5];
    count(ag_multinomial(weights, N, true), 5, counts);
    expect_counts(counts, p, 5);
    count(ag_multinomial(ag_cast(ag_expand(weights, AG_SHAPE(N, 5)), AG_F32), 1, false), 5, counts);
    expect_counts(counts, p, 5);
    ag_tape_free(t);
}

/* Of three without replacement: i, then j with probability w[j] / (1 - w[i]). */
static void orders_without_replacement_have_their_probabilities(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double w[] = { 0.5, 0.3, 0.2 };
    ag_tensor y = ag_multinomial(ag_expand(ag_values(t, AG_SHAPE(3), w, 3), AG_SHAPE(N, 3)), 3, false);
    const int64_t *v = ag_data(y, AG_I64);
    int64_t counts[9] = { 0 };
    double p[9] = { 0 };
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            p[3 * i + j] = i == j ? 0 : w[i] * w[j] / (1 - w[i]);
    for (int64_t r = 0; r < N; r++) {
        assert_int_equal(v[3 * r] + v[3 * r + 1] + v[3 * r + 2], 3);
        counts[3 * v[3 * r] + v[3 * r + 1]]++;
    }
    expect_counts(counts, p, 9);
    ag_tape_free(t);
}

static void dropout_keeps_the_mean_and_alpha_dropout_the_variance_too(void **state)
{
    (void)state;
    for (double p = 0.1; p < 1; p += 0.3) {
        ag_tape *t = new_tape();
        ag_tensor y = ag_dropout(ag_ones(t, AG_F64, AG_SHAPE(N)), p);
        const int64_t none = (int64_t)ag_item(ag_sum(ag_cast(ag_equal_scalar(y, 0), AG_F64)));
        expect_counts((const int64_t[]){ none, N - none }, (const double[]){ p, 1 - p }, 2);
        assert_close(ag_item(ag_max(y)), 1 / (1 - p), 1e-15);
        assert_close(ag_item(ag_mean(y)), 1, 5 * sqrt(p / (1 - p) / N));
        ag_tensor z = ag_alpha_dropout(ag_randn(t, AG_F64, AG_SHAPE(N), 0, 1), p);
        assert_close(ag_item(ag_mean(z)), 0, 5 / sqrt((double)N));
        assert_close(ag_item(ag_var(z)), 1, 0.03);
        ag_tape_free(t);
    }
}

static void gumbel_softmax_draws_classes(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double logit[] = { 0, 1, -1, 2 };
    double p[4], sum = 0;
    for (int i = 0; i < 4; i++)
        sum += p[i] = exp(logit[i]);
    for (int i = 0; i < 4; i++)
        p[i] /= sum;
    ag_tensor x = ag_require_grad(ag_expand(ag_values(t, AG_SHAPE(4), logit, 4), AG_SHAPE(N, 4))), dx = { 0 };
    ag_tensor y = ag_gumbel_softmax(x, 0.7, true, -1), classes = ag_argmax(y, 1);
    int64_t counts[4];
    count(classes, 4, counts);
    expect_counts(counts, p, 4);
    assert_true(ag_item(ag_max(ag_abs(ag_sub(y, ag_one_hot(classes, 4, AG_F64))))) == 0);
    assert_int_equal(ag_gradients(ag_sum(ag_square(y)), AG_LIST(x), 0, &dx), AG_OK);
    assert_true(ag_item(ag_max(ag_abs(dx))) > 1e-3 && ag_item(ag_max(ag_abs(ag_sum_over(dx, AG_AXES(1), 0)))) < 1e-12);
    assert_int_equal(ag_size_of(ag_gumbel_softmax(ag_zeros(t, AG_F64, AG_SHAPE(2, 0)), 1, true, -1)), 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- replay, threads */

enum { OPS = 9 };

static ag_tensor drawn(ag_tape *t, int op, ag_dtype d)
{
    const ag_shape s = AG_SHAPE(N / 4, 4);
    ag_tensor x = ag_full(t, d, s, 0.4);
    switch (op) {
    case 0:
        return ag_truncated_normal(t, d, s, 0, 1, -1, 3);
    case 1:
        return ag_gumbel(t, d, s, 0, 1);
    case 2:
        return ag_bernoulli(x);
    case 3:
        return ag_multinomial(x, 100, true);
    case 4:
        return ag_multinomial(x, 2, false);
    case 5:
        return ag_dropout(x, 0.3);
    case 6:
        return ag_alpha_dropout(x, 0.3);
    case 7:
        return ag_gumbel_softmax(x, 1, false, -1);
    default:
        return ag_gumbel_softmax(x, 1, true, 0);
    }
}

static bool same_bits(ag_tensor x, ag_tensor y)
{
    const ag_dtype d = ag_dtype_of(x);
    assert_int_equal(ag_size_of(x), ag_size_of(y));
    return !memcmp(ag_data(x, d), ag_data(y, d), (size_t)ag_size_of(x) * ag_dtype_size(d));
}

static void seeds_replay_on_any_number_of_threads(void **state)
{
    (void)state;
    for (int f32 = 0; f32 < 2; f32++)
        for (int op = 0; op < OPS; op++) {
            const ag_dtype d = f32 ? AG_F32 : AG_F64;
            ag_tape *one = tape_with((ag_options){ .seed = 3, .threads = 1 }),
                    *other = tape_with((ag_options){ .seed = 4, .threads = 1 });
            ag_tensor first = drawn(one, op, d), second = drawn(one, op, d);
            assert_false(same_bits(first, second));
            assert_false(same_bits(first, drawn(other, op, d)));
            for (int threads = 1; threads <= 4; threads++) {
                ag_tape *t = tape_with((ag_options){ .seed = 3, .threads = threads });
                assert_true(same_bits(first, drawn(t, op, d)) && same_bits(second, drawn(t, op, d)));
                ag_tape_free(t);
            }
            ag_tape_free(one);
            ag_tape_free(other);
        }
}

/* Neither the shape nor, but for rounding, the dtype says what is drawn. */
static void an_element_depends_on_its_place_alone(void **state)
{
    (void)state;
    ag_tape *a = new_tape(), *b = new_tape();
    ag_tensor x = ag_truncated_normal(a, AG_F64, AG_SHAPE(2, 3), 0, 1, -2, 2),
              y = ag_truncated_normal(b, AG_F32, AG_SHAPE(1000), 0, 1, -2, 2);
    for (int i = 0; i < 6; i++)
        assert_close(ag_item_at(x, i), ag_item_at(y, i), 1e-6);
    x = ag_gumbel(a, AG_F64, AG_SCALAR, 0, 1);
    y = ag_gumbel(b, AG_F32, AG_SHAPE(70), 0, 1);
    assert_close(ag_item(x), ag_item_at(y, 0), 1e-6);
    ag_tape_free(a);
    ag_tape_free(b);
}

/* ---- messages */

static void what_cannot_be_drawn_is_said(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_shape s = AG_SHAPE(2);
    ag_tensor x = ag_ones(t, AG_F64, s);
    assert_false(ag_ok(ag_truncated_normal(t, AG_F64, s, 0, 0, -1, 1)));
    expect_error(t, AG_EARG, "ag_truncated_normal: mean 0 and deviation 0 leave nothing to truncate");
    assert_false(ag_ok(ag_truncated_normal(t, AG_F64, s, 0, 1, 2, 2)));
    expect_error(t, AG_EARG, "ag_truncated_normal: no interval [2, 2]");
    assert_false(ag_ok(ag_truncated_normal(t, AG_F64, s, 0, 1, 40, 41)));
    expect_error(t, AG_EARG, "ag_truncated_normal: nothing of mean 0 and deviation 1 lies in [40, 41]");
    assert_false(ag_ok(ag_gumbel(t, AG_F64, s, 0, -1)));
    expect_error(t, AG_EARG, "ag_gumbel: no Gumbel distribution has location 0 and scale -1");
    assert_false(ag_ok(ag_gumbel(t, AG_I64, s, 0, 1)));
    expect_error(t, AG_EDTYPE, "ag_gumbel: random numbers are f32 or f64, not i64");
    assert_false(ag_ok(ag_gumbel_softmax(x, 0, false, -1)));
    expect_error(t, AG_EARG, "ag_gumbel_softmax: a temperature is above 0, not 0");
    assert_false(ag_ok(ag_gumbel_softmax(x, 1, true, 1)));
    expect_error(t, AG_ESHAPE, "ag_gumbel_softmax: [2] has no axis 1");
    assert_false(ag_ok(ag_gumbel_softmax(ag_cast(x, AG_I32), 1, false, 0)));
    expect_error(t, AG_EDTYPE, "ag_gumbel_softmax: is defined for f32 and f64, not i32; see ag_cast");
    assert_false(ag_ok(ag_dropout(x, 1.5)));
    expect_error(t, AG_EARG, "ag_dropout: a probability is from 0 to 1, not 1.5");
    assert_false(ag_ok(ag_multinomial(x, 3, false)));
    expect_error(t, AG_EARG, "ag_multinomial: 2 weights of a row are above 0, too few for 3 samples");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_normal_numbers),
        cmocka_unit_test(gumbel_numbers),
        cmocka_unit_test(ones_have_their_probabilities),
        cmocka_unit_test(indices_are_drawn_by_their_weights),
        cmocka_unit_test(orders_without_replacement_have_their_probabilities),
        cmocka_unit_test(dropout_keeps_the_mean_and_alpha_dropout_the_variance_too),
        cmocka_unit_test(gumbel_softmax_draws_classes),
        cmocka_unit_test(seeds_replay_on_any_number_of_threads),
        cmocka_unit_test(an_element_depends_on_its_place_alone),
        cmocka_unit_test(what_cannot_be_drawn_is_said),
    };
    return cmocka_run_group_tests_name("random ops", tests, NULL, NULL);
}
