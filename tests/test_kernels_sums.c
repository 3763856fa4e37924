/* Sums against plain loops: exact, accurate, and the same bits on any number of threads. */
#include "tests/arrays.h"

typedef struct sums {
    long double *sum, *size; /* size: of the absolute values */
    int64_t count;
} sums;

static sums plain_sums(const ag_array *to, const ag_array *from)
{
    sums s = { .count = ag_array_size(to) };
    s.sum = calloc((size_t)s.count + 1, sizeof *s.sum);
    s.size = calloc((size_t)s.count + 1, sizeof *s.size);
    for (int64_t i = 0; i < ag_array_size(from); i++) {
        long double v = get(from, i);
        s.sum[result_of(to, from, i)] += v;
        s.size[result_of(to, from, i)] += fabsl(v);
    }
    return s;
}

static void sums_free(sums *s)
{
    free(s->sum);
    free(s->size);
}

/* With small integers every order of adding gives the same, exact sum. */
static void check_exact_sum(ag_dtype to_type, ag_dtype from_type, ag_shape s, unsigned mask, bool plain, bool add)
{
    block from = make(from_type, s, plain, true), to = make(to_type, reduced_shape(s, mask), below(2), false);
    fill_with(&from.a, small_integer);
    fill_with(&to.a, small_integer);
    sums expected = plain_sums(&to.a, &from.a);
    block wanted = copy_of(&to);
    for (int64_t i = 0; i < expected.count; i++)
        put(&wanted.a, i, expected.sum[i] + (add ? get(&to.a, i) : 0));
    for (int threads = 1; threads <= 3; threads++) {
        block result = copy_of(&to);
        ag_sum_array(&result.a, &from.a, 1, add, threads);
        assert_same(&result, &wanted);
        free(result.memory);
    }
    sums_free(&expected);
    free(wanted.memory);
    free(from.memory);
    free(to.memory);
}

static const struct {
    ag_dtype to, from;
} pairs[] = { { AG_F32, AG_F32 }, { AG_F64, AG_F64 }, { AG_F64, AG_F32 }, { AG_F32, AG_F64 },
              { AG_I64, AG_I32 }, { AG_I64, AG_I64 }, { AG_I64, AG_U8 } };

static void sums_of_small_arrays(void **unused)
{
    (void)unused;
    state = 5;
    for (int k = 0; k < 4000; k++) {
        int rank = (int)below(6), p = k % 7;
        check_exact_sum(pairs[p].to, pairs[p].from, any_shape(rank, 7), (unsigned)below(64), below(2), below(2));
    }
}

static void sums_of_large_arrays(void **unused)
{
    (void)unused;
    state = 6;
    const ag_shape shapes[] = { AG_SHAPE(150000),     AG_SHAPE(1, 70001),       AG_SHAPE(1000, 2),
                                AG_SHAPE(999, 3),     AG_SHAPE(500, 4),         AG_SHAPE(64, 10),
                                AG_SHAPE(700, 100),   AG_SHAPE(33, 2100),       AG_SHAPE(2100, 33),
                                AG_SHAPE(5000, 17),   AG_SHAPE(257, 129),       AG_SHAPE(50000, 3),
                                AG_SHAPE(8, 16, 400), AG_SHAPE(100, 2, 100, 2), AG_SHAPE(90, 2, 16),
                                AG_SHAPE(90, 16, 2),  AG_SHAPE(3, 3, 20000),    AG_SHAPE(20000, 3, 3),
                                AG_SHAPE(300, 1024),  AG_SHAPE(20, 31, 20, 5) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (unsigned mask = 0; mask < 1u << shapes[i].rank; mask++)
            for (int p = 0; p < 2; p++)
                check_exact_sum(pairs[(i + mask + (unsigned)p) % 7].to, pairs[(i + mask + (unsigned)p) % 7].from,
                                shapes[i], mask, p == 0, below(2));
}

/* Errors grow with the logarithm of the count, and like a random walk: far below those of one sum in sequence. */
static void check_accuracy(ag_dtype d, ag_shape shape, unsigned mask)
{
    block from = make(d, shape, true, false), to = make(d, reduced_shape(shape, mask), true, false);
    fill_with(&from.a, any_real);
    ag_sum_array(&to.a, &from.a, 1, false, 2);
    sums s = plain_sums(&to.a, &from.a);
    long double unit = (d == AG_F32 ? FLT_EPSILON : DBL_EPSILON) / 2,
                n = (long double)(ag_array_size(&from.a) / s.count);
    for (int64_t k = 0; k < s.count; k++) {
        long double bound = unit * (fabsl(s.sum[k]) + (20 / sqrtl(n) + 1e-6L) * s.size[k]);
        assert_true(fabsl(get(&to.a, k) - s.sum[k]) <= bound);
    }
    sums_free(&s);
    free(from.memory);
    free(to.memory);
}

static void sums_are_accurate(void **unused)
{
    (void)unused;
    state = 7;
    const ag_shape shapes[] = { AG_SHAPE(1000000), AG_SHAPE(30000, 20), AG_SHAPE(20, 30000), AG_SHAPE(300, 1500),
                                AG_SHAPE(50, 40, 30) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (unsigned mask = 1; mask < 1u << shapes[i].rank; mask++) {
            check_accuracy(AG_F32, shapes[i], mask);
            check_accuracy(AG_F64, shapes[i], mask);
        }
    }
}

static void sums_do_not_depend_on_threads(void **unused)
{
    (void)unused;
    state = 8;
    const ag_shape shapes[] = { AG_SHAPE(1000003),  AG_SHAPE(9011, 70),   AG_SHAPE(70, 9011),   AG_SHAPE(631, 630),
                                AG_SHAPE(90000, 5), AG_SHAPE(70, 60, 70), AG_SHAPE(3, 3, 30000) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (unsigned mask = 1; mask < 1u << shapes[i].rank; mask++) {
            for (int k = 0; k < 4; k++) {
                ag_dtype d = k & 1 ? AG_F32 : AG_F64;
                block from = make(d, shapes[i], k < 2, false),
                      to = make(d, reduced_shape(shapes[i], mask), true, false);
                fill_with(&from.a, any_real);
                block one = copy_of(&to);
                ag_sum_array(&one.a, &from.a, 0.3, false, 1);
                for (int threads = 2; threads <= 7; threads++) {
                    ag_sum_array(&to.a, &from.a, 0.3, false, threads);
                    assert_same(&to, &one);
                }
                free(from.memory);
                free(to.memory);
                free(one.memory);
            }
        }
    }
}

/* Whether a row is added by itself or with its neighbours, in lanes or halved. */
static void rows_have_the_same_sums_alone_and_side_by_side(void **unused)
{
    (void)unused;
    state = 10;
    const int64_t lengths[] = { 1, 2, 4, 5, 16, 31, 32, 33, 36, 47, 48, 49, 63, 64, 65, 100, 1024, 1025, 3136 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int k = 0; k < 2; k++) {
            const ag_dtype d = k ? AG_F32 : AG_F64;
            const int64_t n = lengths[i];
            block from = make(d, AG_SHAPE(19, n), true, false), to = make(d, AG_SHAPE(19, 1), true, false);
            fill_with(&from.a, any_real);
            for (int64_t j = 0; j < n && n > 4; j++) /* sums of zeros, too */
                put(&from.a, 3 * n + j, -0.0);
            block alone = copy_of(&to);
            ag_sum_array(&to.a, &from.a, 1, false, 1);
            for (int64_t row = 0; row < 19; row++) {
                const int64_t step = row * (int64_t)ag_dtype_size(d);
                ag_array one = from.a, result = alone.a;
                one.shape.dim[0] = result.shape.dim[0] = 1;
                one.data = (char *)one.data + step * from.a.stride[0];
                result.data = (char *)result.data + step;
                ag_sum_array(&result, &one, 1, false, 1);
            }
            assert_same(&alone, &to);
            free(from.memory);
            free(to.memory);
            free(alone.memory);
        }
}

static void means_and_empty_sums(void **unused)
{
    (void)unused;
    for (int64_t n = 1; n < 300; n++) { /* the mean of equal numbers is the number */
        block from = make(AG_F64, AG_SHAPE(n), true, false);
        double mean, number = 1.0 / 3;
        ag_array to = { .data = &mean, .dtype = AG_F64, .shape = AG_SHAPE(1), .stride = { 1 } };
        ag_fill_array(&from.a, 3);
        ag_sum_array(&to, &from.a, 1.0 / (double)n, false, 1);
        assert_true(mean == 3);
        from.a.stride[0] = 0; /* so also of a number that is repeated */
        *(double *)from.a.data = number;
        ag_sum_array(&to, &from.a, 1.0 / (double)n, false, 1);
        assert_true(fabs(mean - number) <= DBL_EPSILON * number);
        free(from.memory);
    }
    double results[3] = { 1, 2, 3 };
    ag_array to = { .data = results, .dtype = AG_F64, .shape = AG_SHAPE(3, 1), .stride = { 1, 1 } };
    ag_array from = { .dtype = AG_F64, .shape = AG_SHAPE(3, 0), .stride = { 0, 1 } };
    ag_sum_array(&to, &from, 1, true, 1);
    assert_true(results[0] == 1 && results[1] == 2 && results[2] == 3);
    ag_sum_array(&to, &from, 1, false, 1);
    assert_true(results[0] == 0 && results[1] == 0 && results[2] == 0);
    ag_sum_array(&to, &from, 1.0 / 0.0, false, 1);
    assert_true(isnan(results[0]) && isnan(results[2]));
}

static void infinities_and_nans_are_summed(void **unused)
{
    (void)unused;
    float x[2000] = { 0 }, sum;
    ag_array from = { .data = x, .dtype = AG_F32, .shape = AG_SHAPE(2000), .stride = { 1 } };
    ag_array to = { .data = &sum, .dtype = AG_F32, .shape = AG_SHAPE(1), .stride = { 1 } };
    for (int i = 0; i < 2000; i += 111) {
        x[i] = INFINITY;
        ag_sum_array(&to, &from, 1, false, 1);
        assert_true(sum == INFINITY);
        x[(i + 700) % 2000] = -INFINITY;
        ag_sum_array(&to, &from, 1, false, 1);
        assert_true(isnan(sum));
        x[i] = x[(i + 700) % 2000] = 0;
    }
}

static void sums_over_broadcast_dimensions(void **unused)
{
    (void)unused;
    state = 9;
    for (int k = 0; k < 2000; k++) {
        ag_shape s = any_shape((int)below(5), 6), r = { .rank = (int)below(s.rank + 1) };
        for (int d = 0; d < r.rank; d++)
            r.dim[d] = below(2) ? 1 : s.dim[s.rank - r.rank + d];
        block from = make(below(2) ? AG_F32 : AG_F64, s, below(2), true),
              to = make(below(2) ? AG_F32 : AG_F64, r, below(2), false);
        fill_with(&from.a, small_integer);
        fill_with(&to.a, small_integer);
        bool add = below(2);
        block wanted = copy_of(&to);
        ag_array full = to.a; /* as result_of wants it: of the same rank */
        full.shape.rank = s.rank;
        for (int d = 0; d < s.rank; d++) {
            int e = d - (s.rank - r.rank);
            full.shape.dim[d] = e < 0 ? 1 : r.dim[e];
            full.stride[d] = e < 0 ? 0 : to.a.stride[e];
        }
        sums expected = plain_sums(&full, &from.a);
        for (int64_t i = 0; i < expected.count; i++)
            put(&wanted.a, i, expected.sum[i] + (add ? get(&to.a, i) : 0));
        ag_reduce_to(&to.a, &from.a, add, 2);
        assert_same(&to, &wanted);
        sums_free(&expected);
        free(wanted.memory);
        free(from.memory);
        free(to.memory);
    }
}

static void copy_elements(const void *context, int64_t i, int64_t n, void *to)
{
    const ag_array *from = context;
    const size_t size = ag_dtype_size(from->dtype);
    memcpy(to, (const char *)from->data + (size_t)i * size, (size_t)n * size);
}

/* By blocks of rows, with room for their totals, and of elements that are made on the way. */
static void check_ways(ag_dtype d, ag_shape s, unsigned mask)
{
    block from = make(d, s, true, false), to = make(AG_F64, reduced_shape(s, mask), true, false);
    fill_with(&from.a, any_real);
    fill_with(&to.a, any_real);
    const ag_maker maker = { copy_elements, &from.a };
    const size_t bytes = ag_sum_work(&to.a, &from.a), made_bytes = ag_reduce_work(&to.a, &from.a);
    void *work = bytes ? malloc(bytes) : NULL;
    block wanted = copy_of(&to);
    ag_reduce_to(&wanted.a, &from.a, true, 1);
    assert_int_equal(bytes, made_bytes);
    for (int threads = 1; threads <= 3; threads++)
        for (int way = 0; way < 3; way++) {
            block result = copy_of(&to);
            if (way == 0)
                ag_sum_within(&result.a, &from.a, 1, true, work, threads);
            else
                ag_reduce_made(&result.a, &from.a, &maker, true, way == 1 ? work : NULL, threads);
            assert_same(&result, &wanted);
            free(result.memory);
        }
    free(work);
    free(wanted.memory);
    free(from.memory);
    free(to.memory);
}

static void all_ways_to_a_sum_give_the_same_bits(void **unused)
{
    (void)unused;
    state = 11;
    const ag_shape shapes[] = { AG_SHAPE(70001),       AG_SHAPE(33000, 2),      AG_SHAPE(4999, 15),
                                AG_SHAPE(533, 130),    AG_SHAPE(300, 300),      AG_SHAPE(140, 517),
                                AG_SHAPE(70, 5005),    AG_SHAPE(5, 200, 70),    AG_SHAPE(80, 1025),
                                AG_SHAPE(3, 50, 513),  AG_SHAPE(9, 81, 100),    AG_SHAPE(7, 9, 1500),
                                AG_SHAPE(50, 45, 33),  AG_SHAPE(20, 31, 20, 6), AG_SHAPE(900, 8, 8),
                                AG_SHAPE(5, 9001),     AG_SHAPE(30, 4, 9, 64),  AG_SHAPE(3001, 2, 3),
                                AG_SHAPE(60, 131, 31), AG_SHAPE(2, 700, 5, 7) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (unsigned mask = 1; mask < 1u << shapes[i].rank; mask++)
            for (int p = 0; p < 2; p++)
                check_ways(p ? AG_F32 : AG_F64, shapes[i], mask);
}

/* Rows that one unit adds up, and those of more than that, beside the same with a dimension more. */
static void rows_that_are_few_have_the_sums_of_any(void **unused)
{
    (void)unused;
    state = 12;
    const ag_shape shapes[] = { AG_SHAPE(2, 1),    AG_SHAPE(100, 1),  AG_SHAPE(4096, 1), AG_SHAPE(40000, 1),
                                AG_SHAPE(3, 2),    AG_SHAPE(100, 16), AG_SHAPE(64, 10),  AG_SHAPE(257, 15),
                                AG_SHAPE(1, 7),    AG_SHAPE(32, 128), AG_SHAPE(33, 129), AG_SHAPE(256, 128),
                                AG_SHAPE(257, 128) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int p = 0; p < 16; p++) {
            const ag_dtype from_type = p & 1 ? AG_F32 : AG_F64, to_type = p & 2 ? AG_F32 : AG_F64;
            const int64_t columns = shapes[i].dim[1];
            block from = make(from_type, shapes[i], true, true), a = make(to_type, AG_SHAPE(columns), true, false);
            fill_with(&from.a, p & 8 ? any_real : small_integer);
            fill_with(&a.a, small_integer);
            block b = copy_of(&a);
            const ag_array row = {
                .data = b.a.data, .dtype = to_type, .shape = AG_SHAPE(1, columns), .stride = { columns, 1 }
            };
            ag_reduce_to(&a.a, &from.a, p & 4, 1 + p % 2);
            ag_reduce_to(&row, &from.a, p & 4, 1);
            assert_same(&a, &b);
            free(from.memory);
            free(a.memory);
            free(b.memory);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_small_arrays),
        cmocka_unit_test(sums_of_large_arrays),
        cmocka_unit_test(sums_are_accurate),
        cmocka_unit_test(sums_do_not_depend_on_threads),
        cmocka_unit_test(rows_have_the_same_sums_alone_and_side_by_side),
        cmocka_unit_test(means_and_empty_sums),
        cmocka_unit_test(infinities_and_nans_are_summed),
        cmocka_unit_test(sums_over_broadcast_dimensions),
        cmocka_unit_test(all_ways_to_a_sum_give_the_same_bits),
        cmocka_unit_test(rows_that_are_few_have_the_sums_of_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
