/* Copies, sums, extrema and random numbers against plain loops and published values, on 1, 2 and 3 threads. */
#include "ag/internal.h"
#include "ag/kernels/extrema.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { GUARD = 16 };

static const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };

static uint64_t state;

static uint64_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static int64_t below(int64_t bound)
{
    return (int64_t)(next_random() % (uint64_t)bound);
}

static double real(void) /* in [-1, 1) */
{
    return (double)next_random() * 0x1p-30 - 1;
}

/* ---- arrays in memory of their own, between guard cells */

typedef struct block {
    ag_array a;
    unsigned char *memory;
    size_t bytes;
} block;

static int64_t *order_of(int rank)
{
    static int64_t order[AG_MAX_RANK];
    for (int i = 0; i < rank; i++)
        order[i] = i;
    for (int i = rank - 1; i > 0; i--) {
        int64_t k = below(i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    return order;
}

/* Elements in a random order of dimensions, with gaps, some backwards; with `spread` some dimensions have stride 0. */
static block make(ag_dtype d, ag_shape s, bool plain, bool spread)
{
    block b = { .a = { .dtype = d, .shape = s } };
    size_t size = ag_dtype_size(d);
    int64_t reach = 1, first = 0, *order = order_of(s.rank);
    ag_array_dense(&b.a);
    if (plain)
        reach = ag_array_size(&b.a);
    for (int i = 0; !plain && i < s.rank; i++) {
        int64_t k = order[i], extent = s.dim[k] > 0 ? s.dim[k] : 1;
        b.a.stride[k] = below(3) ? reach : reach + below(3);
        if (spread && below(4) == 0) {
            b.a.stride[k] = 0;
            continue;
        }
        reach = b.a.stride[k] * (extent - 1) + reach;
        if (below(6) == 0) {
            first += b.a.stride[k] * (extent - 1);
            b.a.stride[k] = -b.a.stride[k];
        }
    }
    b.bytes = ((size_t)reach + 2 * GUARD) * size;
    b.memory = malloc(b.bytes);
    assert_non_null(b.memory);
    memset(b.memory, 0x5a, b.bytes);
    b.a.data = b.memory + ((size_t)first + GUARD) * size;
    return b;
}

static block copy_of(const block *b)
{
    block c = *b;
    c.memory = malloc(b->bytes);
    assert_non_null(c.memory);
    memcpy(c.memory, b->memory, b->bytes);
    c.a.data = c.memory + ((unsigned char *)b->a.data - b->memory);
    return c;
}

/* Where element i, counted row-major, lies. */
static void *place(const ag_array *a, int64_t i)
{
    int64_t at = 0;
    if (ag_array_is_dense(a))
        return (char *)a->data + i * (int64_t)ag_dtype_size(a->dtype);
    for (int d = a->shape.rank - 1; d >= 0; d--) {
        at += i % a->shape.dim[d] * a->stride[d];
        i /= a->shape.dim[d];
    }
    return (char *)a->data + at * (int64_t)ag_dtype_size(a->dtype);
}

static long double get(const ag_array *a, int64_t i)
{
    const void *p = place(a, i);
    switch (a->dtype) {
    case AG_F32:
        return *(const float *)p;
    case AG_F64:
        return *(const double *)p;
    case AG_I32:
        return *(const int32_t *)p;
    case AG_I64:
        return *(const int64_t *)p;
    default:
        return *(const uint8_t *)p;
    }
}

static long double limited(long double v, long double low, long double high)
{
    return v != v ? 0 : v < low ? low : v > high ? high : truncl(v);
}

/* The value as dtype d holds it, by way of long double, in which every element is exact. */
static long double converted(long double v, ag_dtype d)
{
    switch (d) {
    case AG_F32:
        return (float)v;
    case AG_F64:
        return (double)v;
    case AG_I32:
        return limited(v, INT32_MIN, INT32_MAX);
    case AG_I64:
        return limited(v, (long double)INT64_MIN, (long double)INT64_MAX);
    default:
        return limited(v, 0, UINT8_MAX);
    }
}

static void put(const ag_array *a, int64_t i, long double v)
{
    void *p = place(a, i);
    v = converted(v, a->dtype);
    switch (a->dtype) {
    case AG_F32:
        *(float *)p = (float)v;
        break;
    case AG_F64:
        *(double *)p = (double)v;
        break;
    case AG_I32:
        *(int32_t *)p = (int32_t)v;
        break;
    case AG_I64:
        *(int64_t *)p = (int64_t)v;
        break;
    default:
        *(uint8_t *)p = (uint8_t)v;
    }
}

static void fill_with(const ag_array *a, long double (*value)(void))
{
    for (int64_t i = 0; i < ag_array_size(a); i++)
        put(a, i, value());
}

static long double any_value(void)
{
    static const long double special[] = { NAN,        INFINITY,       -INFINITY, 0,       -0.0L,  0.999L, -0.999L,
                                           255,        255.5L,         -1,        1e30L,   -1e30L, 1e300L, 2147483647,
                                           2147483648, -2147483648.0L, 0x1p63,    -0x1p63, 0x1p62, -2.5L,  1e-320L };
    int64_t k = below(3 * (int64_t)(sizeof special / sizeof *special));
    return k < (int64_t)(sizeof special / sizeof *special) ? special[k] : 1000 * real();
}

static long double small_integer(void)
{
    return (long double)(below(17) - 8);
}

static long double any_real(void)
{
    return real();
}

static ag_shape any_shape(int rank, int64_t most)
{
    ag_shape s = { .rank = rank };
    for (int i = 0; i < rank; i++)
        s.dim[i] = 1 + below(most);
    return s;
}

static void assert_same(const block *a, const block *b)
{
    assert_int_equal(a->bytes, b->bytes);
    assert_memory_equal(a->memory, b->memory, a->bytes);
}

/* ---- copies */

static long double added(long double old, long double v, ag_dtype d)
{
    switch (d) {
    case AG_F32:
        return (float)old + (float)v;
    case AG_F64:
        return (double)old + (double)v;
    case AG_I32:
        return (int32_t)((uint32_t)(int32_t)old + (uint32_t)(int32_t)v);
    case AG_I64:
        return (int64_t)((uint64_t)(int64_t)old + (uint64_t)(int64_t)v);
    default:
        return (uint8_t)((uint8_t)old + (uint8_t)v);
    }
}

static void check_copy(const block *to, const block *from, bool add)
{
    block expected = copy_of(to);
    for (int64_t i = 0; i < ag_array_size(&to->a); i++) {
        long double v = converted(get(&from->a, i), to->a.dtype);
        put(&expected.a, i, add ? added(get(&to->a, i), v, to->a.dtype) : v);
    }
    for (int threads = 1; threads <= 3; threads++) {
        block result = copy_of(to);
        ag_copy_array(&result.a, &from->a, add, threads);
        for (int64_t i = 0; i < ag_array_size(&to->a); i++) { /* NaNs of any sign and payload */
            long double x = get(&result.a, i), y = get(&expected.a, i);
            if (x != x && y != y)
                memcpy(place(&expected.a, i), place(&result.a, i), ag_dtype_size(to->a.dtype));
        }
        assert_same(&result, &expected);
        free(result.memory);
    }
    free(expected.memory);
}

static void copy_case(ag_dtype to_type, ag_dtype from_type, ag_shape s, bool plain_to, bool plain_from, bool add)
{
    block to = make(to_type, s, plain_to, false), from = make(from_type, s, plain_from, true);
    fill_with(&to.a, any_value);
    fill_with(&from.a, any_value);
    check_copy(&to, &from, add);
    free(to.memory);
    free(from.memory);
}

static void copies_convert_and_follow_strides(void **unused)
{
    (void)unused;
    state = 1;
    for (int to = 0; to < 5; to++)
        for (int from = 0; from < 5; from++)
            for (int k = 0; k < 120; k++)
                copy_case(dtypes[to], dtypes[from], any_shape((int)below(6), k % 10 ? 6 : 40), below(2), below(2),
                          below(2));
}

static void copies_of_matrices(void **unused)
{
    (void)unused;
    state = 2;
    const ag_shape shapes[] = { AG_SHAPE(7, 9),     AG_SHAPE(8, 8),      AG_SHAPE(64, 64),   AG_SHAPE(65, 130),
                                AG_SHAPE(3, 71, 9), AG_SHAPE(500, 300),  AG_SHAPE(2, 40000), AG_SHAPE(40000, 2),
                                AG_SHAPE(100000),   AG_SHAPE(2, 90, 80), AG_SHAPE(1, 1, 1) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int k = 0; k < 12; k++) {
            ag_dtype d = dtypes[k % 5];
            copy_case(d, k < 9 ? d : AG_F64, shapes[i], true, k % 3 == 0, k % 4 == 3);
        }
    }
}

static void copies_of_transposed_matrices(void **unused)
{
    (void)unused;
    state = 3;
    for (int64_t m = 1; m < 200; m += 1 + m / 3) {
        for (int64_t n = 1; n < 200; n += 1 + n / 3) {
            ag_dtype d = dtypes[below(5)];
            block to = make(d, AG_SHAPE(m, n), true, false), from = make(d, AG_SHAPE(n, m), true, false);
            fill_with(&to.a, any_value);
            fill_with(&from.a, any_value);
            from.a.shape = to.a.shape;
            from.a.stride[0] = 1;
            from.a.stride[1] = m;
            check_copy(&to, &from, below(2));
            free(to.memory);
            free(from.memory);
        }
    }
}

static void nothing_is_copied_to_nowhere(void **unused)
{
    (void)unused;
    ag_array empty = { .dtype = AG_F32, .shape = AG_SHAPE(3, 0, 2) };
    ag_array_dense(&empty);
    ag_copy_array(&empty, &empty, false, 2);
    ag_copy_array(&empty, &empty, true, 2);
    ag_fill_array(&empty, 1);
    ag_array result = empty;
    result.shape.dim[0] = 1;
    ag_sum_array(&result, &empty, 1, false, 2);
}

static void fills_convert_and_follow_strides(void **unused)
{
    (void)unused;
    state = 4;
    for (int k = 0; k < 500; k++) {
        block b = make(dtypes[k % 5], any_shape((int)below(4), 12), below(2), false), expected = copy_of(&b);
        double v = (double)any_value();
        ag_fill_array(&b.a, v);
        for (int64_t i = 0; i < ag_array_size(&b.a); i++) {
            put(&expected.a, i, v);
            if (v != v)
                memcpy(place(&expected.a, i), place(&b.a, i), ag_dtype_size(b.a.dtype));
        }
        assert_same(&b, &expected);
        free(b.memory);
        free(expected.memory);
    }
}

/* ---- sums */

static ag_shape reduced_shape(ag_shape s, unsigned mask)
{
    for (int d = 0; d < s.rank; d++)
        if (mask >> d & 1)
            s.dim[d] = 1;
    return s;
}

/* The element of `to` that belongs to element i of from. */
static int64_t result_of(const ag_array *to, const ag_array *from, int64_t i)
{
    int64_t index[AG_MAX_RANK] = { 0 }, at = 0;
    for (int d = from->shape.rank - 1; d >= 0; d--) {
        index[d] = i % from->shape.dim[d];
        i /= from->shape.dim[d];
    }
    for (int d = 0; d < to->shape.rank; d++)
        at = at * to->shape.dim[d] + (to->shape.dim[d] == 1 ? 0 : index[d]);
    return at;
}

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

static void sums_are_accurate(void **unused)
{
    (void)unused;
    state = 7;
    const ag_shape shapes[] = { AG_SHAPE(1000000), AG_SHAPE(30000, 20), AG_SHAPE(20, 30000), AG_SHAPE(300, 1500),
                                AG_SHAPE(50, 40, 30) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (unsigned mask = 1; mask < 1u << shapes[i].rank; mask++) {
            for (int f32 = 0; f32 < 2; f32++) {
                ag_dtype d = f32 ? AG_F32 : AG_F64;
                block from = make(d, shapes[i], true, false), to = make(d, reduced_shape(shapes[i], mask), true, false);
                fill_with(&from.a, any_real);
                ag_sum_array(&to.a, &from.a, 1, false, 2);
                sums s = plain_sums(&to.a, &from.a);
                for (int64_t k = 0; k < s.count; k++) {
                    long double unit = f32 ? FLT_EPSILON / 2 : DBL_EPSILON / 2,
                                n = (long double)(ag_array_size(&from.a) / s.count);
                    long double bound = unit * (fabsl(s.sum[k]) + 12 * s.size[k] / sqrtl(n) + 1e-6L * s.size[k]);
                    assert_true(fabsl(get(&to.a, k) - s.sum[k]) <= bound);
                }
                sums_free(&s);
                free(from.memory);
                free(to.memory);
            }
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

/* ---- extrema */

static long double with_nans(void)
{
    return below(200) ? (long double)below(1000) - 500 : NAN;
}

static void check_extremum(ag_dtype d, ag_shape s, unsigned mask, bool largest)
{
    block from = make(d, s, below(2), true), to = make(d, reduced_shape(s, mask), below(2), false),
          wanted = copy_of(&to);
    fill_with(&from.a, with_nans);
    for (int64_t i = 0; i < ag_array_size(&to.a); i++)
        put(&wanted.a, i, largest ? -INFINITY : INFINITY);
    for (int64_t i = 0; i < ag_array_size(&from.a); i++) {
        int64_t k = result_of(&to.a, &from.a, i);
        long double v = get(&from.a, i), best = get(&wanted.a, k);
        if (v != v || (largest ? v > best : v < best))
            put(&wanted.a, k, v);
    }
    for (int threads = 1; threads <= 3; threads++) {
        block result = copy_of(&to);
        ag_extremum_array(&result.a, &from.a, largest, threads);
        for (int64_t i = 0; i < ag_array_size(&to.a); i++) {
            long double x = get(&result.a, i), y = get(&wanted.a, i);
            assert_true(x == y || (x != x && y != y));
        }
        free(result.memory);
    }
    free(from.memory);
    free(to.memory);
    free(wanted.memory);
}

static void extrema_with_nans(void **unused)
{
    (void)unused;
    state = 10;
    for (int k = 0; k < 2000; k++)
        check_extremum(dtypes[k % 5], any_shape((int)below(5), 9), (unsigned)below(32), below(2));
    const ag_shape shapes[] = { AG_SHAPE(150000), AG_SHAPE(500, 300), AG_SHAPE(50001, 2), AG_SHAPE(2, 50001),
                                AG_SHAPE(30, 50, 60) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (unsigned mask = 0; mask < 1u << shapes[i].rank; mask++)
            for (int p = 0; p < 5; p++)
                check_extremum(dtypes[p], shapes[i], mask, below(2));
}

/* ---- random numbers */

static void reference_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t w[4])
{
    uint32_t c[4], k[2] = { key[0], key[1] };
    memcpy(c, counter, sizeof c);
    for (int r = 0; r < 10; r++) {
        uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
        uint32_t n[4] = { (uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                          (uint32_t)a };
        memcpy(c, n, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(w, c, sizeof c);
}

static void reference_words(uint64_t seed, uint64_t call, uint64_t i, uint32_t w[4])
{
    const uint32_t counter[4] = { (uint32_t)i, (uint32_t)(i >> 32), (uint32_t)call, (uint32_t)(call >> 32) };
    reference_philox(counter, (const uint32_t[2]){ (uint32_t)seed, (uint32_t)(seed >> 32) }, w);
}

/* From Random123's file of known answers. */
static void philox_gives_the_published_words(void **unused)
{
    (void)unused;
    static const uint32_t known[3][10] = { { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
                                           { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                             0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
                                           { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
                                             0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } };
    for (int k = 0; k < 3; k++) {
        const uint32_t *v = known[k];
        uint32_t w[4];
        reference_philox(v, v + 4, w);
        assert_memory_equal(w, v + 6, sizeof w);
        uint64_t i = (uint64_t)v[1] << 32 | v[0], call = (uint64_t)v[3] << 32 | v[2],
                 seed = (uint64_t)v[5] << 32 | v[4];
        assert_true(ag_random_bits(seed, call, i) == ((uint64_t)v[6] << 32 | v[7]));
    }
}

static long double upper_53(uint32_t high, uint32_t low)
{
    return (long double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53L;
}

static void random_elements_are_as_specified(void **unused)
{
    (void)unused;
    enum { N = 1000 };
    static double u[N], z[N];
    static float uf[N], zf[N];
    state = 11;
    for (int k = 0; k < 50; k++) {
        uint64_t seed = next_random() << 31 ^ next_random(), call = next_random() << 31 ^ next_random();
        int64_t n = 1 + below(N);
        ag_random_uniform(AG_F64, u, n, seed, call, 0, 1, 1);
        ag_random_uniform(AG_F32, uf, n, seed, call, 0, 1, 1);
        ag_random_normal(AG_F64, z, n, seed, call, 0, 1, 1);
        ag_random_normal(AG_F32, zf, n, seed, call, 3, 2, 1);
        for (int64_t i = 0; i < n; i++) {
            uint32_t w[4];
            reference_words(seed, call, (uint64_t)i, w);
            assert_true(u[i] == (double)upper_53(w[0], w[1]));
            assert_true(uf[i] == (float)(w[0] >> 8) * 0x1p-24f);
            long double radius = sqrtl(-2 * logl(upper_53(w[0], w[1]) + 0x1p-53L));
            long double wanted = radius * cosl(6.283185307179586476925286766559L * upper_53(w[2], w[3]));
            assert_true(fabsl(z[i] - wanted) <= 4 * DBL_EPSILON * radius);
            assert_true(zf[i] == (float)(3 + 2 * z[i]));
        }
    }
}

static void random_numbers_depend_on_no_thread_and_no_size(void **unused)
{
    (void)unused;
    enum { N = 200003 };
    double *one = malloc(N * sizeof *one), *many = malloc(N * sizeof *many);
    for (int k = 0; k < 4; k++) {
        ag_dtype d = k & 1 ? AG_F32 : AG_F64;
        void (*make_numbers)(ag_dtype, void *, int64_t, uint64_t, uint64_t, double, double, int) =
            k < 2 ? ag_random_uniform : ag_random_normal;
        make_numbers(d, one, N, 5, 6, 1, 2, 1);
        for (int threads = 2; threads <= 5; threads++) {
            memset(many, 0, N * sizeof *many);
            make_numbers(d, many, N, 5, 6, 1, 2, threads);
            assert_memory_equal(one, many, N * ag_dtype_size(d));
        }
        make_numbers(d, many, 77, 5, 6, 1, 2, 1);
        assert_memory_equal(one, many, 77 * ag_dtype_size(d));
        make_numbers(d, many, N, 5, 7, 1, 2, 1);
        assert_true(memcmp(one, many, N * ag_dtype_size(d)) != 0);
        make_numbers(d, many, N, 4, 6, 1, 2, 1);
        assert_true(memcmp(one, many, N * ag_dtype_size(d)) != 0);
    }
    free(one);
    free(many);
}

static void uniform_numbers_stay_in_their_interval(void **unused)
{
    (void)unused;
    enum { N = 20000 };
    static double x[N];
    static float f[N];
    const double intervals[][2] = {
        { 0, 1 },        { -0.1, 0.1 }, { 1, 1 + DBL_EPSILON },    { 1, 1 + 3 * DBL_EPSILON },
        { 0.1, 0.3 },    { -1e-40, 0 }, { 1e30, 1.0000001e30 },    { 1, 1 + 1.5 * FLT_EPSILON },
        { -3e38, 3e38 }, { 0, 5e-324 }, { 16777215.3, 16777217.9 }
    };
    for (size_t k = 0; k < sizeof intervals / sizeof *intervals; k++) {
        double low = intervals[k][0], high = intervals[k][1];
        ag_random_uniform(AG_F64, x, N, 1, k, low, high, 1);
        ag_random_uniform(AG_F32, f, N, 1, k, low, high, 1);
        bool narrow = nextafterf((float)low, INFINITY) >= (float)high; /* perhaps no f32 lies inside */
        for (int i = 0; i < N; i++) {
            assert_true(x[i] >= low && x[i] < high);
            if (!narrow)
                assert_true((double)f[i] >= low && (double)f[i] < high);
        }
    }
}

static void random_numbers_have_their_distribution(void **unused)
{
    (void)unused;
    enum { N = 1 << 20, BINS = 64 };
    double *x = malloc(N * sizeof *x), moments[5] = { 0 }, neighbours = 0;
    int bins[BINS] = { 0 };
    ag_random_normal(AG_F64, x, N, 2024, 1, 0, 1, 2);
    for (int i = 0; i < N; i++) {
        double p = 1;
        for (int k = 1; k < 5; k++)
            moments[k] += p *= x[i];
        neighbours += i ? x[i] * x[i - 1] : 0;
        bins[(int)(BINS * 0.5 * erfc(-x[i] * sqrt(0.5)))]++;
    }
    double root = sqrt((double)N), chi = 0; /* five standard deviations each */
    assert_true(fabs(moments[1] / N) < 5 / root);
    assert_true(fabs(moments[2] / N - 1) < 5 * sqrt(2) / root);
    assert_true(fabs(moments[3] / N) < 5 * sqrt(15) / root);
    assert_true(fabs(moments[4] / N - 3) < 5 * sqrt(96) / root);
    assert_true(fabs(neighbours / N) < 5 / root);
    for (int b = 0; b < BINS; b++) {
        double off = bins[b] - (double)N / BINS;
        chi += off * off * BINS / N;
        bins[b] = 0;
    }
    assert_true(chi > 20 && chi < 125); /* 63 degrees of freedom */
    ag_random_uniform(AG_F64, x, N, 2024, 2, -1, 3, 2);
    double mean = 0, square = 0;
    for (int i = 0; i < N; i++) {
        mean += x[i];
        square += (x[i] - 1) * (x[i] - 1);
        bins[(int)((x[i] + 1) * (BINS / 4))]++;
    }
    assert_true(fabs(mean / N - 1) < 5 * sqrt(16.0 / 12) / root);
    assert_true(fabs(square / N - 16.0 / 12) < 5 * sqrt(16 * 16 / 180.0) / root);
    chi = 0;
    for (int b = 0; b < BINS; b++) {
        double off = bins[b] - (double)N / BINS;
        chi += off * off * BINS / N;
    }
    assert_true(chi > 20 && chi < 125);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_convert_and_follow_strides),
        cmocka_unit_test(copies_of_matrices),
        cmocka_unit_test(copies_of_transposed_matrices),
        cmocka_unit_test(nothing_is_copied_to_nowhere),
        cmocka_unit_test(fills_convert_and_follow_strides),
        cmocka_unit_test(sums_of_small_arrays),
        cmocka_unit_test(sums_of_large_arrays),
        cmocka_unit_test(sums_are_accurate),
        cmocka_unit_test(sums_do_not_depend_on_threads),
        cmocka_unit_test(means_and_empty_sums),
        cmocka_unit_test(infinities_and_nans_are_summed),
        cmocka_unit_test(sums_over_broadcast_dimensions),
        cmocka_unit_test(extrema_with_nans),
        cmocka_unit_test(philox_gives_the_published_words),
        cmocka_unit_test(random_elements_are_as_specified),
        cmocka_unit_test(random_numbers_depend_on_no_thread_and_no_size),
        cmocka_unit_test(uniform_numbers_stay_in_their_interval),
        cmocka_unit_test(random_numbers_have_their_distribution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
