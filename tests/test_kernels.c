/* Copies, conversions, fills and extrema against plain loops, on 1, 2 and 3 threads. */
#include "ag/kernels/extrema.h"
#include "tests/arrays.h"
#include <sys/mman.h>
#include <unistd.h>

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
            for (int k = 0; k < 120; k++) {
                ag_shape small = any_shape((int)below(6), 6), large = any_shape((int)below(4), 40);
                copy_case(dtypes[to], dtypes[from], k % 10 ? small : large, below(2), below(2), below(2));
            }
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

static void transposed_case(ag_dtype d, ag_dtype from_type, int64_t m, int64_t n, bool add)
{
    block to = make(d, AG_SHAPE(m, n), true, false), from = make(from_type, AG_SHAPE(n, m), true, false);
    fill_with(&to.a, any_value);
    fill_with(&from.a, any_value);
    from.a.shape = to.a.shape;
    from.a.stride[0] = 1;
    from.a.stride[1] = m;
    check_copy(&to, &from, add);
    free(to.memory);
    free(from.memory);
}

static void copies_of_transposed_matrices(void **unused)
{
    (void)unused;
    state = 3;
    for (int64_t m = 1; m < 200; m += 1 + m / 3)
        for (int64_t n = 1; n < 200; n += 1 + n / 3) {
            const ag_dtype d = dtypes[below(5)];
            transposed_case(d, d, m, n, below(2));
        }
}

/* Of more than a tile, and of bytes whole lines of the cache. */
static void copies_of_large_transposed_matrices(void **unused)
{
    (void)unused;
    state = 17;
    static const int64_t sides[][2] = { { 256, 256 }, { 257, 300 }, { 255, 256 }, { 513, 1024 }, { 1100, 270 } };
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (int k = 0; k < 4; k++)
            transposed_case(k < 2 ? AG_U8 : dtypes[below(5)], AG_U8, sides[i][0], sides[i][1], k % 2);
}

/* Of larger rows, of rows that are repeated, of elements that are. */
static void copies_of_short_rows(void **unused)
{
    (void)unused;
    state = 11;
    for (int k = 0; k < 600; k++) {
        const ag_dtype d = dtypes[k % 5];
        const int64_t m = 1 + below(below(10) ? 40 : 3000), r = 1 + below(9), n = 1 + below(70);
        block to = make(d, AG_SHAPE(m, r, n), true, false), from = make(d, AG_SHAPE(m, r, n + below(3)), true, false);
        fill_with(&to.a, any_value);
        fill_with(&from.a, any_value);
        from.a.shape = to.a.shape;
        if (below(3))
            from.a.stride[below(3)] = 0;
        check_copy(&to, &from, below(8) == 0);
        free(to.memory);
        free(from.memory);
    }
}

/* Memory that ends where the next page may not be touched. */
static unsigned char *before_a_wall(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), all = (bytes + page - 1) / page * page;
    unsigned char *p = mmap(NULL, all + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + all, page, PROT_NONE), 0);
    return p + all;
}

/* Rows, repeated rows, and repeated elements, at the end of what may be read, to the end of what may be written. */
static void copies_of_short_rows_touch_nothing_beyond(void **unused)
{
    (void)unused;
    state = 12;
    enum { ROWS = 300, LONGEST = 20, ROOM = ROWS * (LONGEST + 3) * 8 };
    unsigned char *from_end = before_a_wall(ROOM), *to_end = before_a_wall(ROOM);
    for (int k = 0; k < 4000; k++) {
        const ag_dtype d = dtypes[k % 5];
        const int64_t size = (int64_t)ag_dtype_size(d), r = below(2) ? 1 : 1 + below(4), n = 1 + below(LONGEST);
        const int64_t m = 1 + below(ROWS / r), gap = below(3);
        ag_array to = { .dtype = d, .shape = AG_SHAPE(m, r, n) }, from = to;
        ag_array_dense(&to);
        const bool elements = below(3) == 0, rows = below(3) == 0, all = below(8) == 0;
        const int64_t in_row = elements ? 1 : n + gap, in_box = (rows ? 1 : r) * in_row;
        from.stride[0] = all ? 0 : in_box;
        from.stride[1] = rows ? 0 : in_row;
        from.stride[2] = elements ? 0 : 1;
        const int64_t reach = (all ? 0 : m - 1) * in_box + (rows ? 0 : r - 1) * in_row + (elements ? 1 : n);
        from.data = from_end - reach * size;
        to.data = to_end - m * r * n * size;
        for (int64_t i = 0; i < reach * size; i++)
            ((unsigned char *)from.data)[i] = (unsigned char)below(256);
        ag_copy_array(&to, &from, false, 1 + k % 2);
        for (int64_t i = 0; i < m * r * n; i++)
            assert_memory_equal(place(&to, i), place(&from, i), (size_t)size);
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
    const ag_shape shapes[] = { AG_SHAPE(150000),     AG_SHAPE(500, 300),  AG_SHAPE(50001, 2),   AG_SHAPE(2, 50001),
                                AG_SHAPE(30, 50, 60), AG_SHAPE(500, 2, 3), AG_SHAPE(40, 20, 20), AG_SHAPE(1000, 10),
                                AG_SHAPE(90, 31),     AG_SHAPE(7, 4, 128) };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (unsigned mask = 0; mask < 1u << shapes[i].rank; mask++)
            for (int p = 0; p < 5; p++)
                check_extremum(dtypes[p], shapes[i], mask, below(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_convert_and_follow_strides),
        cmocka_unit_test(copies_of_matrices),
        cmocka_unit_test(copies_of_transposed_matrices),
        cmocka_unit_test(copies_of_large_transposed_matrices),
        cmocka_unit_test(copies_of_short_rows),
        cmocka_unit_test(copies_of_short_rows_touch_nothing_beyond),
        cmocka_unit_test(nothing_is_copied_to_nowhere),
        cmocka_unit_test(fills_convert_and_follow_strides),
        cmocka_unit_test(extrema_with_nans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
