/* Lines of elements that are taken or put by index: of all lengths, layouts and dtypes beside plain loops. */
#include "support.h"

typedef enum layout { SIDE_BY_SIDE, ONE_FOR_ALL, TURNED, LAYOUTS } layout;

static ag_tensor places(ag_tape *t, ag_dtype d, int64_t lines, int64_t n, int64_t extent, layout how)
{
    const ag_shape s = how == TURNED ? AG_SHAPE(n, lines) : AG_SHAPE(how == ONE_FOR_ALL ? 1 : lines, n);
    const ag_tensor i =
        ag_cast(ag_floor(ag_rand(t, AG_F64, s, 0, (double)(d == AG_U8 && extent > 256 ? 256 : extent))), d);
    return how == TURNED ? ag_transpose(i, 0, 1) : ag_expand(i, AG_SHAPE(lines, n));
}

static double at(ag_tensor x, int64_t line, int64_t i)
{
    return ag_item_at(x, line * ag_shape_of(x).dim[1] + i);
}

/* What scatter_add, scatter and the derivative of gather make of x (or zeros) and src. */
static void expect_put(ag_tensor y, ag_tensor x, ag_tensor index, ag_tensor src, bool add)
{
    const ag_shape s = ag_shape_of(index);
    const int64_t extent = ag_shape_of(y).dim[1];
    float line[2000];
    for (int64_t r = 0; r < ag_shape_of(y).dim[0]; r++) {
        for (int64_t i = 0; i < extent; i++)
            line[i] = x.id ? (float)at(x, r, i) : 0;
        for (int64_t i = 0; i < s.dim[1] && r < s.dim[0]; i++) {
            float *place = &line[(int64_t)at(index, r, i)];
            *place = (float)at(src, r, i) + (add ? *place : 0);
        }
        for (int64_t i = 0; i < extent; i++)
            assert_true((float)at(y, r, i) == line[i]);
    }
}

/* The last source of a place receives what arrives there, and neither x nor the others do. */
static void expect_moved(ag_tensor arrived, ag_tensor index, ag_tensor dx, ag_tensor dsrc)
{
    const ag_shape s = ag_shape_of(index);
    const int64_t extent = ag_shape_of(dx).dim[1];
    for (int64_t r = 0; r < s.dim[0]; r++) {
        int64_t last[2000];
        for (int64_t i = 0; i < extent; i++)
            last[i] = -1;
        for (int64_t i = 0; i < s.dim[1]; i++)
            last[(int64_t)at(index, r, i)] = i;
        for (int64_t i = 0; i < extent; i++)
            assert_true(at(dx, r, i) == (last[i] < 0 ? at(arrived, r, i) : 0));
        for (int64_t i = 0; i < s.dim[1]; i++) {
            const int64_t place = (int64_t)at(index, r, i);
            assert_true(at(dsrc, r, i) == (last[place] == i ? at(arrived, r, place) : 0));
        }
    }
}

static void expect_lines(ag_tape *t, ag_dtype d, int64_t lines, int64_t n, int64_t extent, layout how)
{
    const ag_tensor index = places(t, d, lines, n, extent, how), none = { 0 };
    const ag_tensor x = ag_require_grad(ag_randn(t, AG_F32, AG_SHAPE(lines + 1, extent), 0, 1));
    const ag_tensor src = ag_randn(t, AG_F32, AG_SHAPE(lines, n), 0, 1), y = ag_gather(x, -1, index);
    const ag_tensor same = ag_slice(x, 0, 0, lines, 1);
    for (int64_t i = 0; i < lines * n; i++)
        assert_true(ag_item_at(y, i) == at(x, i / n, (int64_t)ag_item_at(index, i)));
    expect_put(ag_scatter_add(x, -1, index, src), x, index, src, true);
    expect_put(ag_scatter(x, -1, index, src), x, index, src, false);
    ag_tensor dx;
    ag_gradients(ag_sum(ag_mul(y, src)), AG_LIST(x), 0, &dx);
    expect_put(dx, none, index, src, true);
    ag_gradients(ag_sum(ag_mul(ag_gather(same, -1, index), src)), AG_LIST(x), 0, &dx);
    expect_put(dx, none, index, src, true);
    const ag_tensor arrived = ag_randn(t, AG_F32, AG_SHAPE(lines + 1, extent), 0, 1), from = ag_require_grad(src);
    ag_tensor straight[2], turned[2];
    ag_gradients(ag_sum(ag_mul(ag_scatter(x, 1, index, from), arrived)), AG_LIST(x, from), 0, straight);
    expect_moved(arrived, index, straight[0], straight[1]);
    const ag_tensor across = ag_scatter(ag_transpose(x, 0, 1), 0, ag_transpose(index, 0, 1), ag_transpose(from, 0, 1));
    ag_gradients(ag_sum(ag_mul(ag_transpose(across, 0, 1), arrived)), AG_LIST(x, from), 0, turned);
    expect_moved(arrived, index, turned[0], turned[1]);
    ag_gradients(ag_sum(ag_mul(ag_scatter(ag_detach(x), 1, index, from), arrived)), AG_LIST(from), 0, &turned[1]);
    expect_moved(arrived, index, straight[0], turned[1]);
    const ag_tensor row = ag_require_grad(ag_randn(t, AG_F32, AG_SHAPE(1, extent), 0, 1));
    const ag_tensor z = ag_take_along(row, 1, index);
    for (int64_t i = 0; i < lines * n; i++)
        assert_true(ag_item_at(z, i) == ag_item_at(row, (int64_t)ag_item_at(index, i)));
    assert_int_equal(ag_error(t), AG_OK);
}

static void lines_of_any_length_are_as_by_a_loop(void **state)
{
    (void)state;
    const int64_t lengths[] = { 1, 3, 16, 65, 300, 512, 513, 1100 }, extents[] = { 1, 7, 64, 1500 };
    const ag_dtype dtypes[] = { AG_I64, AG_I32, AG_U8 };
    ag_tape *t = new_tape();
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        for (size_t e = 0; e < 4; e++)
            for (int how = 0; how < LAYOUTS; how++) {
                const int64_t lines = lengths[k] < 100 ? 11 : 2;
                expect_lines(t, dtypes[(k + e) % 3], lines, lengths[k], extents[e], (layout)how);
                ag_tape_reset(t);
            }
    ag_tape_free(t);
}

static void lines_with_the_same_indices_are_as_by_a_loop(void **state)
{
    (void)state;
    const int64_t lengths[] = { 15, 16, 130, 1100 }, extents[] = { 7, 64, 301 };
    const ag_dtype dtypes[] = { AG_I64, AG_I32, AG_U8 };
    ag_tape *t = new_tape();
    for (size_t k = 0; k < 4; k++)
        for (size_t e = 0; e < 3; e++) {
            expect_lines(t, dtypes[(k + e) % 3], 37, lengths[k], extents[e], ONE_FOR_ALL);
            ag_tape_reset(t);
        }
    ag_tape_free(t);
}

static void elements_of_any_dtype_are_taken_and_put(void **state)
{
    (void)state;
    const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };
    ag_tape *t = new_tape();
    for (int k = 0; k < 10; k++) {
        const ag_dtype d = dtypes[k / 2];
        const int64_t lines = k % 2 ? 5 : 19;
        const ag_tensor x = ag_cast(ag_floor(ag_rand(t, AG_F64, AG_SHAPE(lines, 70), 0, 50)), d), none = { 0 };
        const ag_tensor index = places(t, AG_I64, lines, 90, 70, k % 2 ? SIDE_BY_SIDE : ONE_FOR_ALL);
        const ag_tensor y = ag_gather(x, 1, index), ones = ag_ones(t, d, AG_SHAPE(lines, 90));
        for (int64_t i = 0; i < lines * 90; i++)
            assert_true(ag_item_at(y, i) == at(x, i / 90, (int64_t)ag_item_at(index, i)));
        expect_put(ag_cast(ag_scatter(x, 1, index, y), AG_F64), x, index, y, false);
        expect_put(ag_cast(ag_scatter_add(x, 1, index, ones), AG_F64), x, index, ones, true);
        if (d <= AG_F64) {
            const ag_tensor w = ag_require_grad(ag_mul_scalar(x, 1));
            expect_put(ag_vjp(ag_gather(w, 1, index), y, w), none, index, y, true);
        }
    }
    ag_tape_free(t);
}

static void a_wrong_index_is_named_wherever_it_stands(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int64_t v[3 * 1100] = { 0 };
    const ag_tensor x = ag_zeros(t, AG_F32, AG_SHAPE(300, 9)), y = ag_ones(t, AG_F32, AG_SHAPE(3, 1100));
    v[100 * 11 + 7] = 9;
    v[100 * 11 + 8] = -1;
    const ag_tensor few = ag_from(t, AG_I64, AG_SHAPE(300, 11), v, sizeof v);
    const ag_tensor many = ag_reshape(few, AG_SHAPE(3, 1100));
    ag_gather(x, 1, few);
    expect_error(t, AG_EARG, "index[100,7] is 9, but axis 1 has extent 9");
    ag_scatter_add(x, 1, many, y);
    expect_error(t, AG_EARG, "index[1,7] is 9, but axis 1 has extent 9");
    v[100 * 11 + 7] = 0;
    ag_gather(x, 1, ag_cast(ag_from(t, AG_I64, AG_SHAPE(3, 1100), v, sizeof v), AG_I32));
    expect_error(t, AG_EARG, "index[1,8] is -1, but axis 1 has extent 9");
    ag_take_along(x, 1, ag_slice(ag_reshape(few, AG_SHAPE(1, 3300)), 1, 1100, 1116, 1));
    expect_error(t, AG_EARG, "index[0,7] is 9, but axis 1 has extent 9");
    ag_tape_free(t);
}

static void run_lines(int threads, float *to)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = threads, .seed = 3 });
    const ag_tensor index = places(t, AG_I64, 600, 200, 37, SIDE_BY_SIDE);
    const ag_tensor x = ag_require_grad(ag_randn(t, AG_F32, AG_SHAPE(600, 37), 0, 1));
    const ag_tensor src = ag_randn(t, AG_F32, AG_SHAPE(600, 200), 0, 1);
    ag_tensor dx;
    ag_gradients(ag_sum(ag_mul(ag_gather(x, 1, index), src)), AG_LIST(x), 0, &dx);
    const ag_tensor both[] = { dx, ag_scatter_add(x, 1, index, src) };
    for (int k = 0; k < 2; k++)
        memcpy(to + (size_t)k * 600 * 37, ag_data(both[k], AG_F32), sizeof(float) * 600 * 37);
    ag_tape_free(t);
}

static void sums_in_lines_have_the_same_bits_on_two_threads(void **state)
{
    (void)state;
    static float one[2 * 600 * 37], two[2 * 600 * 37];
    run_lines(1, one);
    run_lines(2, two);
    assert_memory_equal(one, two, sizeof one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_any_length_are_as_by_a_loop),
        cmocka_unit_test(lines_with_the_same_indices_are_as_by_a_loop),
        cmocka_unit_test(elements_of_any_dtype_are_taken_and_put),
        cmocka_unit_test(a_wrong_index_is_named_wherever_it_stands),
        cmocka_unit_test(sums_in_lines_have_the_same_bits_on_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
