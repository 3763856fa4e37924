/* Losses beyond the numbers of PyTorch: closed forms, sizes that take other ways, what is ignored, the usual mistakes. */
#include "support.h"

static ag_tensor integers(ag_tape *t, ag_shape s, const int64_t *values)
{
    return ag_from(t, AG_I64, s, values, (size_t)ag_shape_size(s) * sizeof *values);
}

#define INTEGERS(t, shape, ...) integers(t, shape, (const int64_t[]){ __VA_ARGS__ })

static void expect_close(double got, double wanted, double relative)
{
    if (!(fabs(got - wanted) <= relative * (1 + fabs(wanted))))
        fail_msg("%.17g, expected %.17g", got, wanted);
}

/* ---- cross entropy */

/* Of any rank and number of classes it is that of rows, for which the classes are moved to the end. */
static void the_axis_of_the_classes_changes_no_number(void **state)
{
    (void)state;
    const int64_t classes[] = { 1, 2, 3, 21, 600 }, places[] = { 1, 5, 70, 130 };
    for (size_t i = 0; i < ARRAY_SIZE(classes) * ARRAY_SIZE(places); i++) {
        const int64_t n = classes[i / ARRAY_SIZE(places)], m = places[i % ARRAY_SIZE(places)];
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor z = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(3, n, m), 0, 3));
        const ag_tensor target = ag_cast(ag_rand(t, AG_F64, AG_SHAPE(3, m), 0, (double)n), AG_I64);
        const ag_tensor w = ag_rand(t, AG_F64, AG_SHAPE(n), 0.5, 2);
        const ag_cross_entropy_options o = { .ignore = true, .ignore_index = 0, .label_smoothing = i % 2 ? 0.1 : 0 };
        const ag_tensor rows = ag_reshape(ag_transpose(z, 1, 2), AG_SHAPE(3 * m, n));
        const ag_tensor a = ag_cross_entropy_with(z, target, w, o);
        const ag_tensor b = ag_cross_entropy_with(rows, ag_reshape(target, AG_SHAPE(3 * m)), w, o);
        ag_tensor da, db;
        ag_gradients(a, AG_LIST(z), 0, &da);
        ag_gradients(b, AG_LIST(z), 0, &db);
        if (n > 1) { /* else all is ignored */
            expect_close(ag_item(a), ag_item(b), 1e-13);
            for (int64_t k = 0; k < 3 * n * m; k++)
                expect_close(ag_item_at(da, k), ag_item_at(db, k), 1e-13);
        }
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void what_is_ignored_counts_for_nothing(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor z = ag_require_grad(ag_values(t, AG_SHAPE(2, 2), (const double[]){ INFINITY, NAN, 0, 0 }, 4));
    const ag_tensor target = INTEGERS(t, AG_SHAPE(2), -100, 1);
    const ag_cross_entropy_options o = { .ignore = true, .ignore_index = -100 };
    const ag_tensor y = ag_cross_entropy_with(z, target, absent, o);
    expect_close(ag_item(y), log(2), 1e-15);
    ag_backward(y);
    const double wanted[] = { 0, 0, 0.5, -0.5 };
    for (int i = 0; i < 4; i++)
        assert_true(ag_item_at(ag_grad(z), i) == wanted[i]);
    const ag_tensor none = INTEGERS(t, AG_SHAPE(2), -100, -100);
    const ag_tensor mean = ag_cross_entropy_with(z, none, absent, o);
    assert_true(isnan(ag_item(mean)));
    ag_tensor dz;
    ag_gradients(mean, AG_LIST(z), 0, &dz);
    for (int i = 0; i < 4; i++)
        assert_true(ag_item_at(dz, i) == 0);
    assert_true(isnan(ag_item(ag_nll(z, none, absent, (ag_nll_options){ .ignore = true, .ignore_index = -100 }))));
    expect_fine(t);
    ag_tape_free(t);
}

typedef struct weighing {
    bool ignore, logits;
    double smoothing;
} weighing;

static ag_tensor weighted(ag_list at, void *user)
{
    const weighing *w = user;
    const ag_tensor target = INTEGERS(at.at[0].tape, AG_SHAPE(3, 2), 0, 2, 1, 1, 2, 0);
    if (!w->logits)
        return ag_nll(at.at[0], target, at.at[1], (ag_nll_options){ .ignore = w->ignore, .ignore_index = 1 });
    return ag_cross_entropy_with(
        at.at[0], target, at.at[1],
        (ag_cross_entropy_options){ .ignore = w->ignore, .ignore_index = 1, .label_smoothing = w->smoothing });
}

/* What a mean is divided by depends on the weights. */
static void weights_of_classes_have_a_derivative(void **state)
{
    (void)state;
    weighing how[] = { { false, true, 0 }, { true, true, 0.2 }, { true, false, 0 } };
    for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
        ag_tape *t = new_tape();
        const ag_tensor z = ag_randn(t, AG_F64, AG_SHAPE(3, 3, 2), 0, 1), w = ag_rand(t, AG_F64, AG_SHAPE(3), 0.5, 2);
        assert_int_equal(ag_gradcheck(weighted, &how[i], AG_LIST(z, w), stderr), AG_PASS);
        ag_tape_free(t);
    }
}

static void hear(void *user, ag_status status, const char *text)
{
    (void)status;
    *(int *)user += strstr(text, "ag_cross_entropy: there is one class") != NULL;
}

static void a_single_class_is_warned_of(void **state)
{
    (void)state;
    int heard = 0;
    ag_tape *t = tape_with((ag_options){ .user = &heard, .on_warning = hear });
    const ag_tensor target = ag_zeros(t, AG_I64, AG_SHAPE(4));
    ag_cross_entropy(ag_ones(t, AG_F64, AG_SHAPE(4, 2)), target);
    assert_int_equal(heard, 0);
    assert_true(ag_item(ag_cross_entropy(ag_ones(t, AG_F64, AG_SHAPE(4, 1)), target)) == 0);
    assert_int_equal(heard, 1);
    ag_tape_free(t);
}

/* ---- closed forms and structural zeros */

static void a_chance_of_zero_contributes_nothing(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor z = ag_require_grad(ag_values(t, AG_SHAPE(2), (const double[]){ 0, -INFINITY }, 2));
    const ag_tensor y = ag_values(t, AG_SHAPE(2), (const double[]){ 1, 0 }, 2);
    const ag_tensor k = ag_kl_div(z, y, false, AG_REDUCE_SUM);
    assert_true(ag_item(k) == 0);
    ag_backward(k);
    assert_true(ag_item_at(ag_grad(z), 0) == -1 && ag_item_at(ag_grad(z), 1) == 0);
    assert_true(ag_item(ag_kl_div(z, ag_log(y), true, AG_REDUCE_SUM)) == 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* What an infinite logit says is certain: nothing is lost by it where it is true, and everything where it is not. */
static void an_infinite_logit_that_is_right_loses_nothing(void **state)
{
    (void)state;
    for (int f32 = 0; f32 < 2; f32++) {
        ag_tape *t = new_tape();
        const ag_dtype d = f32 ? AG_F32 : AG_F64;
        const ag_tensor z = ag_cast(ag_values(t, AG_SHAPE(3), (const double[]){ INFINITY, -INFINITY, 0 }, 3), d);
        const ag_tensor y = ag_cast(ag_values(t, AG_SHAPE(3), (const double[]){ 1, 0, 1 }, 3), d), none = { 0 };
        for (int i = 0; i < 3; i++) {
            const ag_reduce reduce = (ag_reduce)i;
            const double total = log(2) / (reduce == AG_REDUCE_MEAN ? 3 : 1);
            const ag_tensor plain = ag_bce_logits_with(z, y, none, none, reduce);
            const ag_tensor weighed = ag_bce_logits_with(z, y, none, ag_ones(t, d, AG_SHAPE(3)), reduce);
            expect_close(ag_item(ag_sum(plain)), total, 1e-7);
            expect_close(ag_item(ag_sum(weighed)), total, 1e-7);
        }
        assert_true(isinf(ag_item(ag_bce_logits(z, ag_scalar_sub(1, y)))));
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* The variance that counts as eps is told to grow, as PyTorch's is. */
static void a_variance_below_its_bound_can_grow(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor v = ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(1), 0));
    const ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(1)), zero = ag_zeros(t, AG_F64, AG_SHAPE(1));
    ag_backward(ag_gaussian_nll(x, zero, v, (ag_gaussian_options){ .eps = 0.5 }));
    expect_close(ag_item(ag_grad(v)), 0.5 * (1 / 0.5 - 1 / 0.25), 1e-15);
    ag_gaussian_nll(x, zero, ag_full(t, AG_F64, AG_SHAPE(1), -1), (ag_gaussian_options){ 0 });
    expect_error(t, AG_EARG, "the variance of element 0 is -1, and must not be below 0");
    ag_tape_free(t);
}

/* Uniform probabilities: each alignment has the same, so that their number is what counts. */
static void ctc_counts_alignments(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor z = ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(4, 1, 3), -log(3)));
    const ag_tensor steps = INTEGERS(t, AG_SHAPE(1), 4), two = INTEGERS(t, AG_SHAPE(1), 2);
    /* "1 2" in four steps: C(4+2, 4-2) ways; "1 1" needs a blank between: C(4+2-1, 4-2-1) of them */
    const ag_tensor distinct = ag_ctc(z, INTEGERS(t, AG_SHAPE(1, 2), 1, 2), steps, two, (ag_ctc_options){ 0 });
    expect_close(ag_item(distinct), -log(15 / 81.0) / 2, 1e-14);
    const ag_tensor twice =
        ag_ctc(z, INTEGERS(t, AG_SHAPE(2), 1, 1), steps, two, (ag_ctc_options){ .reduce = AG_REDUCE_SUM });
    expect_close(ag_item(twice), -log(5 / 81.0), 1e-14);
    const ag_tensor long_one = INTEGERS(t, AG_SHAPE(1, 3), 1, 1, 2);
    const ag_tensor never = ag_ctc(ag_slice(z, 0, 0, 3, 1), long_one, INTEGERS(t, AG_SHAPE(1), 3),
                                   INTEGERS(t, AG_SHAPE(1), 3), (ag_ctc_options){ 0 });
    assert_true(ag_item(never) == INFINITY);
    ag_backward(never);
    for (int i = 0; i < 12; i++)
        assert_true(ag_item_at(ag_grad(z), i) == 0);
    expect_fine(t);
    ag_ctc(z, INTEGERS(t, AG_SHAPE(1, 2), 1, 0), steps, two, (ag_ctc_options){ 0 });
    expect_error(t, AG_EARG, "label 1 of sample 0 is 0, the blank");
    ag_ctc(z, INTEGERS(t, AG_SHAPE(1, 2), 1, 7), steps, two, (ag_ctc_options){ 0 });
    expect_error(t, AG_EARG, "label 1 of sample 0 is 7, but there are 3 classes, 0 to 2");
    ag_ctc(z, INTEGERS(t, AG_SHAPE(1, 2), 1, 2), INTEGERS(t, AG_SHAPE(1), 5), two, (ag_ctc_options){ 0 });
    expect_error(t, AG_EARG, "input_lengths[0] is 5, but there are 4");
    ag_tape_free(t);
}

static void distances_of_3_4_5(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor a = ag_values(t, AG_SHAPE(2, 2), (const double[]){ 0, 0, 3, 4 }, 4);
    const ag_tensor d = ag_cdist(a, a, 2);
    assert_true(ag_item_at(d, 0) == 0 && ag_item_at(d, 1) == 5 && ag_item_at(d, 2) == 5 && ag_item_at(d, 3) == 0);
    assert_true(ag_item_at(ag_cdist(a, a, INFINITY), 1) == 4 && ag_item_at(ag_cdist(a, a, 1), 1) == 7);
    assert_true(ag_item_at(ag_cosine_similarity(a, a, -1, 1e-8), 0) == 0);
    ag_cosine_similarity(a, a, 2, 0);
    expect_error(t, AG_ESHAPE, "ag_cosine_similarity: [2,2] has no axis 2");
    ag_pairwise_distance(a, a, -1, 0, 0);
    expect_error(t, AG_EARG, "p is -1, and must not be below 0");
    ag_tape_free(t);
}

/* The adjoints of a and b of distances, which the definition gives, too; g arrives. */
static void compare_distances(ag_tensor a, ag_tensor b, ag_tensor g, double tolerance)
{
    const ag_tensor d = ag_sub(ag_unsqueeze(a, -2), ag_unsqueeze(b, -3));
    const ag_tensor wanted = ag_sqrt(ag_sum_over(ag_square(d), AG_AXES(-1), 0)), y = ag_cdist(a, b, 2);
    ag_tensor got[2], expected[2];
    assert_int_equal(ag_vjps(y, g, AG_LIST(a, b), got), AG_OK);
    assert_int_equal(ag_vjps(wanted, g, AG_LIST(a, b), expected), AG_OK);
    for (int64_t i = 0; i < ag_size_of(y); i++)
        expect_close(ag_item_at(y, i), ag_item_at(wanted, i), tolerance);
    for (int side = 0; side < 2; side++)
        for (int64_t i = 0; i < ag_size_of(got[side]); i++)
            expect_close(ag_item_at(got[side], i), ag_item_at(expected[side], i), 30 * tolerance);
}

static void many_distances_are_those_of_the_definition(void **state)
{
    (void)state;
    const int64_t lengths[] = { 1, 3, 64, 150 };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(lengths); i++) {
        const int64_t n = lengths[i / 2];
        const ag_dtype dtype = i % 2 ? AG_F32 : AG_F64;
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor a = ag_require_grad(ag_randn(t, dtype, AG_SHAPE(2, 1, 70, n), 0, 1));
        const ag_tensor b = ag_require_grad(ag_randn(t, dtype, AG_SHAPE(3, 83, n), 0, 1));
        compare_distances(a, b, ag_randn(t, dtype, AG_SHAPE(2, 3, 70, 83), 0, 1), i % 2 ? 3e-6 : 1e-14);
        ag_tape_free(t);
    }
}

static void nothing_passes_between_equal_rows_nor_where_nothing_arrives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor a = ag_require_grad(ag_eye(t, AG_F64, 20)), y = ag_cdist(a, a, 2);
    const ag_tensor far = ag_full(t, AG_F64, AG_SHAPE(20, 20), INFINITY), cut = ag_cdist(a, far, 2);
    ag_tensor da;
    ag_gradients(y, AG_LIST(a), 0, &da);
    assert_true(ag_item_at(y, 0) == 0 && ag_item_at(y, 1) == sqrt(2));
    expect_close(ag_item_at(da, 0), 2 * 19 / sqrt(2), 1e-14);
    expect_close(ag_item_at(da, 1), -2 / sqrt(2), 1e-14);
    ag_gradients_from(cut, ag_zeros(t, AG_F64, AG_SHAPE(20, 20)), AG_LIST(a), 0, &da);
    assert_true(ag_item_at(cut, 0) == INFINITY && ag_item_at(da, 0) == 0);
    ag_tape_free(t);
}

/* ---- margins of classes */

/* In ag's ops, op by op. */
static ag_tensor margins_by_hand(ag_tensor z, ag_tensor target, ag_tensor weight, int p)
{
    const ag_tensor own = ag_one_hot(target, ag_shape_of(z).dim[1], AG_U8), zero = ag_constant(z.tape, 0);
    const ag_tensor score = ag_sum_over(ag_where(own, z, zero), AG_AXES(-1), AG_KEEPDIM);
    const ag_tensor base = ag_relu(ag_add_scalar(ag_sub(z, score), 0.8));
    const ag_tensor each = ag_mean_over(ag_where(own, zero, p == 2 ? ag_square(base) : base), AG_AXES(-1), 0);
    return ag_mul(each, ag_index_select(weight, 0, target));
}

static void margins_of_many_classes_are_those_of_the_definition(void **state)
{
    (void)state;
    const int64_t counts[] = { 2, 15, 512, 1300 };
    for (size_t i = 0; i < ARRAY_SIZE(counts) * 4; i++) {
        const ag_dtype d = i % 2 ? AG_F32 : AG_F64;
        const int p = i % 4 < 2 ? 1 : 2;
        const int64_t n = counts[i / 4];
        ag_tape *t = tape_with((ag_options){ .seed = i, .threads = 2 });
        const ag_tensor z = ag_param(ag_randn(t, d, AG_SHAPE(9, n), 0, 1), "z");
        const ag_tensor target = ag_cast(ag_rand(t, AG_F64, AG_SHAPE(9), 0, (double)n), AG_I64);
        const ag_tensor w = ag_rand(t, d, AG_SHAPE(n), 0.5, 2), u = ag_randn(t, d, AG_SHAPE(9), 0, 1);
        const ag_tensor wanted = margins_by_hand(z, target, w, p);
        const ag_tensor got = ag_multi_margin(z, target, w, p, 0.8, AG_REDUCE_NONE);
        const double bound = d == AG_F32 ? 1e-5 : 1e-13;
        ag_tensor dwanted, dgot;
        ag_gradients(ag_sum(ag_mul(wanted, u)), AG_LIST(z), 0, &dwanted);
        ag_gradients(ag_sum(ag_mul(got, u)), AG_LIST(z), 0, &dgot);
        for (int64_t k = 0; k < 9; k++)
            expect_close(ag_item_at(got, k), ag_item_at(wanted, k), bound);
        for (int64_t k = 0; k < 9 * n; k++)
            expect_close(ag_item_at(dgot, k), ag_item_at(dwanted, k), bound);
        const double mean = ag_item(ag_mean(wanted));
        expect_close(ag_item(ag_multi_margin(z, target, w, p, 0.8, AG_REDUCE_MEAN)), mean, bound);
        expect_close(ag_item(ag_multi_margin(z, target, w, p, 0.8, AG_REDUCE_BATCH_MEAN)), mean, bound);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* ---- the usual mistakes */

static void a_setting_that_cannot_be_is_named(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 3)), y = INTEGERS(t, AG_SHAPE(2), 0, 3);
    ag_l1(x, x, (ag_reduce)9);
    expect_error(t, AG_EARG, "the reduction 9 is unknown; see ag_reduce");
    ag_bce_with(x, x, x, (ag_reduce)9);
    expect_error(t, AG_EARG, "the reduction 9 is unknown; see ag_reduce");
    ag_huber(x, x, 0, AG_REDUCE_MEAN);
    expect_error(t, AG_EARG, "delta is 0, and must be above 0");
    ag_smooth_l1(x, x, -1, AG_REDUCE_MEAN);
    expect_error(t, AG_EARG, "beta is -1, and must not be below 0");
    ag_nll(x, y, absent, (ag_nll_options){ 0 });
    expect_error(t, AG_EARG, "target[1] is 3, but there are 3 classes, 0 to 2");
    ag_cross_entropy_with(x, x, absent, (ag_cross_entropy_options){ .ignore = true });
    expect_error(t, AG_EARG, "labels can be ignored, probabilities cannot");
    ag_cross_entropy_with(x, y, absent, (ag_cross_entropy_options){ .label_smoothing = 2 });
    expect_error(t, AG_EARG, "label_smoothing is 2, and must be from 0 to 1");
    ag_cross_entropy_with(x, y, x, (ag_cross_entropy_options){ 0 });
    expect_error(t, AG_ESHAPE, "the weights of the classes must be [3]");
    ag_multi_margin(x, y, absent, 3, 1, AG_REDUCE_MEAN);
    expect_error(t, AG_EARG, "p is 3, and must be 1 or 2");
    ag_multi_margin(x, y, absent, 1, 1, AG_REDUCE_MEAN);
    expect_error(t, AG_EARG, "target[1] is 3, but there are 3 classes, 0 to 2");
    ag_multi_margin(x, x, absent, 1, 1, AG_REDUCE_MEAN);
    expect_error(t, AG_EDTYPE, "labels are integers; see ag_cast");
    ag_multi_margin(ag_ones(t, AG_F64, AG_SHAPE(2, 3, 1)), y, absent, 1, 1, AG_REDUCE_MEAN);
    expect_error(t, AG_ESHAPE, "the scores must be [n,classes] or [classes]");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_axis_of_the_classes_changes_no_number),
        cmocka_unit_test(what_is_ignored_counts_for_nothing),
        cmocka_unit_test(weights_of_classes_have_a_derivative),
        cmocka_unit_test(a_single_class_is_warned_of),
        cmocka_unit_test(a_chance_of_zero_contributes_nothing),
        cmocka_unit_test(an_infinite_logit_that_is_right_loses_nothing),
        cmocka_unit_test(a_variance_below_its_bound_can_grow),
        cmocka_unit_test(ctc_counts_alignments),
        cmocka_unit_test(distances_of_3_4_5),
        cmocka_unit_test(many_distances_are_those_of_the_definition),
        cmocka_unit_test(nothing_passes_between_equal_rows_nor_where_nothing_arrives),
        cmocka_unit_test(margins_of_many_classes_are_those_of_the_definition),
        cmocka_unit_test(a_setting_that_cannot_be_is_named),
    };
    return cmocka_run_group_tests_name("losses", tests, NULL, NULL);
}
