/* Pools that take the largest element, beside a search of each window: widths that fill vectors or do not, windows for
 * which there are loops of their own. */
#include "tests/values.h"

/* Windows of a square. */
typedef struct square_pool {
    int64_t window, stride, padding, dilation;
} square_pool;

static int64_t chosen_of(const square_pool *p, const double *x, int64_t high, int64_t wide, int64_t row, int64_t column)
{
    int64_t chosen = -1;
    for (int64_t i = 0; i < p->window; i++)
        for (int64_t j = 0; j < p->window; j++) {
            const int64_t h = row * p->stride + i * p->dilation - p->padding,
                          w = column * p->stride + j * p->dilation - p->padding;
            if (h < 0 || h >= high || w < 0 || w >= wide)
                continue;
            const double v = x[h * wide + w];
            if (chosen < 0 || v > x[chosen] || isnan(v))
                chosen = h * wide + w;
        }
    return chosen;
}

static void expect_chosen(ag_tape *t, const square_pool *p, ag_dtype d, int64_t wide)
{
    enum { PLANES = 3, HIGH = 7 };
    const int64_t plane = HIGH * wide;
    const ag_pool_options o = { .stride = { p->stride, p->stride },
                                .padding = { p->padding, p->padding },
                                .dilation = { p->dilation, p->dilation } };
    double v[PLANES * HIGH * 70];
    for (int64_t i = 0; i < PLANES * plane; i++)
        v[i] = i * 7 % 23 == 5 ? NAN : i * 5 % 11 < 4 ? -INFINITY : (double)(i * i % 5);
    ag_tensor x = ag_require_grad(ag_cast(ag_values(t, AG_SHAPE(PLANES, HIGH, wide), v, (size_t)(PLANES * plane)), d));
    ag_placed y = ag_max_pool2d_with_indices(x, AG_SHAPE(p->window, p->window), o);
    const ag_shape s = ag_shape_of(y.values);
    double expected[PLANES * HIGH * 70] = { 0 };
    const int64_t *index = ag_data(y.indices, AG_I64);
    for (int64_t i = 0; i < ag_size_of(y.values); i++) {
        const int64_t first = i / (s.dim[1] * s.dim[2]) * plane;
        const int64_t at = chosen_of(p, v + first, HIGH, wide, i / s.dim[2] % s.dim[1], i % s.dim[2]);
        assert_int_equal(index[i], at);
        expected[first + at] += (double)i;
    }
    const ag_tensor gathered = ag_gather(ag_flatten(x, 1, 2), -1, ag_flatten(y.indices, 1, 2));
    assert_true(ag_item(ag_all(ag_logical_or(ag_equal(ag_flatten(y.values, 1, 2), gathered), ag_isnan(gathered)))) !=
                0);
    const ag_tensor dy = ag_reshape(ag_arange(t, d, 0, (double)ag_size_of(y.values), 1), s);
    const ag_tensor dx = ag_cast(ag_vjp(y.values, dy, x), AG_F64);
    assert_memory_equal(ag_data(dx, AG_F64), expected, (size_t)(PLANES * plane) * sizeof *expected);
}

static void windows_of_every_width_choose_alike(void **state)
{
    static const square_pool pools[] = {
        { 2, 2, 0, 1 }, { 3, 2, 1, 1 }, { 3, 1, 1, 1 }, { 2, 1, 1, 2 }, { 3, 3, 0, 1 }
    };
    for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
        for (int64_t wide = 3; wide < 70; wide += wide < 20 ? 1 : 7) {
            expect_chosen(*state, &pools[i], AG_F32, wide);
            expect_chosen(*state, &pools[i], AG_F64, wide);
            expect_fine(*state);
            ag_tape_reset(*state);
        }
}

/* Small planes are searched in a copy, which large ones have no room for. */
static void a_high_plane_is_its_pieces(void **state)
{
    enum { HIGH = 10000, WIDE = 8, PIECE = 100, STRIDE = 2 };
    ag_tape *t = *state;
    const ag_pool_options o = { .stride = { STRIDE, STRIDE } };
    const ag_tensor x = ag_randn(t, AG_F32, AG_SHAPE(1, HIGH, WIDE), 0, 1);
    const ag_tensor y = ag_max_pool2d(x, AG_SHAPE(3, 3), o);
    for (int64_t i = 0; i + PIECE <= HIGH; i += PIECE) {
        const ag_tensor piece = ag_max_pool2d(ag_slice(x, 1, i, i + PIECE, 1), AG_SHAPE(3, 3), o);
        const int64_t begin = i / STRIDE, rows = ag_shape_of(piece).dim[1];
        assert_true(ag_item(ag_all(ag_equal(piece, ag_slice(y, 1, begin, begin + rows, 1)))) != 0);
    }
    expect_fine(t);
}

/* Of nothing there may be as much. */
static void an_extent_that_no_padding_fits_beside_is_refused(void **state)
{
    ag_tape *t = *state;
    const ag_tensor x = ag_zeros(t, AG_F32, AG_SHAPE(0, 2, INT64_MAX));
    const ag_pool_options o = { .padding = { 1 } };
    expect_fine(t);
    ag_max_pool1d(x, AG_SHAPE(2), o);
    expect_error(t, AG_ELIMIT, "the extents are too large");
    ag_avg_pool1d(x, AG_SHAPE(2), o);
    expect_error(t, AG_ELIMIT, "the extents are too large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(windows_of_every_width_choose_alike),
        TEST(a_high_plane_is_its_pieces),
        TEST(an_extent_that_no_padding_fits_beside_is_refused),
    };
    return cmocka_run_group_tests_name("max_pools", tests, NULL, NULL);
}
