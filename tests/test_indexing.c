/* What is taken and put by indices, beyond PyTorch's numbers: mistakes, places named several times, large tables. */
#include "support.h"

static ag_tensor indices(ag_tape *t, ag_shape s, const int64_t *at)
{
    return ag_from(t, AG_I64, s, at, (size_t)ag_shape_size(s) * sizeof *at);
}
#define INDICES(t, shape, ...) indices(t, shape, (const int64_t[]){ __VA_ARGS__ })

static void expect_values(ag_tensor x, const double *v, int64_t count)
{
    assert_int_equal(ag_size_of(x), count);
    for (int64_t i = 0; i < count; i++)
        assert_true(ag_item_at(x, i) == v[i]);
}
#define EXPECT(x, ...) expect_values(x, (const double[]){ __VA_ARGS__ }, AG_COUNT(double, __VA_ARGS__))

static void an_index_out_of_range_is_named_with_its_place(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_name(ag_values(t, AG_SHAPE(2, 3), (const double[]){ 1, 2, 3, 4, 5, 6 }, 6), "x");
    const ag_tensor i = INDICES(t, AG_SHAPE(2, 2), 0, 1, 2, 0), j = INDICES(t, AG_SHAPE(2), 1, -4);
    ag_gather(x, 0, i);
    expect_error(t, AG_EARG, "ag_gather: 'x' [2,3] f64 and [2,2] i64: index[1,0] is 2, but axis 0 has extent 2");
    ag_scatter_scalar(x, -1, ag_sub(i, ag_ones(t, AG_I64, AG_SHAPE(2, 2))), 0);
    expect_error(t, AG_EARG, "index[0,0] is -1, but axis 1 has extent 3");
    ag_index_select(x, 1, ag_cast(j, AG_I32));
    expect_error(t, AG_EARG, "index[1] is -4, but axis 1 has extent 3");
    ag_embedding(x, INDICES(t, AG_SCALAR, 7), (ag_embedding_options){ 0 });
    expect_error(t, AG_EARG, "index is 7, but axis 0 has extent 2");
    ag_index(x, AG_LIST(INDICES(t, AG_SHAPE(1), -2), j));
    expect_error(t, AG_EARG, "index 1, at [1] is -4, but axis 1 has extent 3");
    ag_take(x, INDICES(t, AG_SHAPE(3), 5, -6, -7));
    expect_error(t, AG_EARG, "index[2] is -7, but axis 0 has extent 6");
    ag_gather(ag_gather(x, 0, ag_cast(x, AG_F32)), 0, i);
    expect_error(t, AG_EDTYPE, "indices must be integers");
    ag_tape_free(t);
}

static void other_mistakes_are_explained(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_zeros(t, AG_F64, AG_SHAPE(2, 3)), i = INDICES(t, AG_SHAPE(2), 0, 1), none = { 0 };
    ag_gather(x, 0, i);
    expect_error(t, AG_ESHAPE, "as many dimensions");
    ag_index(x, AG_LIST(none, none, i));
    expect_error(t, AG_ESHAPE, "ag_index: index 2 is for an axis that is not there: the rank is 2");
    ag_index_put(x, AG_LIST(none), x, true);
    expect_error(t, AG_ENULL, "all indices are absent");
    ag_masked_scatter(x, ag_ones(t, AG_U8, AG_SHAPE(3)), ag_zeros(t, AG_F64, AG_SHAPE(5)));
    expect_error(t, AG_ESHAPE, "the mask has 6 places, but there are 5 elements for them");
    ag_masked_select(x, x);
    expect_error(t, AG_EDTYPE, "the mask must be u8");
    ag_embedding_bag(x, i, none, none, AG_BAG_SUM);
    expect_error(t, AG_ENULL, "needs offsets");
    ag_embedding_bag(x, i, INDICES(t, AG_SHAPE(2), 0, 3), none, AG_BAG_SUM);
    expect_error(t, AG_EARG, "offsets must ascend from 0 to at most 2, but offset[1] is 3");
    ag_embedding_bag(x, i, INDICES(t, AG_SHAPE(1), 0), ag_zeros(t, AG_F64, AG_SHAPE(2)), AG_BAG_MEAN);
    expect_error(t, AG_EARG, "factors are for sums");
    ag_embedding(x, i, (ag_embedding_options){ .padded = true, .padding_idx = -3 });
    expect_error(t, AG_EARG, "there are 2 rows");
    ag_tape_free(t);
}

static void the_last_of_several_stays_and_alone_receives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3));
    const ag_tensor src = ag_require_grad(AG_VALUES(t, AG_SHAPE(4), 10, 20, 30, 40)),
                    i = INDICES(t, AG_SHAPE(4), 2, 0, 2, 0);
    const ag_tensor y = ag_scatter(x, 0, i, src);
    ag_tensor d[2];
    EXPECT(y, 40, 2, 30);
    ag_gradients(ag_sum(y), AG_LIST(x, src), 0, d);
    EXPECT(d[0], 0, 1, 0);
    EXPECT(d[1], 0, 0, 1, 1);
    const ag_tensor z = ag_index_put(x, AG_LIST(i), src, false);
    EXPECT(z, 40, 2, 30);
    ag_gradients(ag_sum(z), AG_LIST(x, src), 0, d);
    EXPECT(d[1], 0, 0, 1, 1);
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
}

/* Where nothing is gathered from nothing arrives, be it infinite elsewhere. */
static void zeros_are_structural(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 0, 4, 0)), i = INDICES(t, AG_SHAPE(1), 1);
    ag_tensor d;
    ag_gradients(ag_sum(ag_gather(ag_sqrt(x), 0, i)), AG_LIST(x), 0, &d);
    EXPECT(d, 0, 0.25, 0);
    ag_gradients(ag_sum(ag_scatter_scalar(ag_sqrt(x), 0, INDICES(t, AG_SHAPE(2), 0, 2), 7)), AG_LIST(x), 0, &d);
    EXPECT(d, 0, 0.25, 0);
    ag_gradients(ag_sum(ag_masked_select(ag_sqrt(x), ag_greater_scalar(x, 0))), AG_LIST(x), AG_CREATE_GRAPH, &d);
    EXPECT(d, 0, 0.25, 0);
    ag_tape_free(t);
}

static void a_padding_changes_no_gradient_that_is_there(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor weight = ag_param(ag_zeros(t, AG_F64, AG_SHAPE(3, 2)), "weight");
    for (int step = 0; step < 2; step++) {
        const ag_tensor i = INDICES(t, AG_SHAPE(4), 1, 0, 1, 2);
        ag_backward(ag_sum(ag_embedding(weight, i, (ag_embedding_options){ .padded = step == 1, .padding_idx = 1 })));
    }
    EXPECT(ag_grad(weight), 2, 2, 2, 2, 2, 2);
    ag_tape_free(t);
}

/* The gradients of a table by many indices, most of which are few: their bits. */
static void run_table(int threads, ag_dtype d, float *to, int64_t rows, int64_t width)
{
    ag_tape *t = tape_with((ag_options){ .seed = 3, .threads = threads, .dtype = d });
    const ag_tensor u = ag_rand(t, AG_F64, AG_SHAPE(20000), 0, 1);
    const ag_tensor i = ag_cast(ag_mul_scalar(ag_mul(u, ag_mul(u, u)), (double)rows), AG_I64);
    const ag_tensor x = ag_require_grad(ag_randn(t, d, AG_SHAPE(rows, width), 0, 1)),
                    w = ag_randn(t, d, AG_SHAPE(20000, width), 0, 1);
    const ag_shape wide = AG_SHAPE(20000, width);
    const ag_tensor ys[] = { ag_index_select(x, 0, i), ag_index(x, AG_LIST(i)),
                             ag_gather(x, 0, ag_expand(ag_unsqueeze(i, 1), wide)),
                             ag_gather(x, 0, ag_add(ag_expand(ag_unsqueeze(i, 1), wide), ag_zeros(t, AG_I64, wide))) };
    for (size_t k = 0; k < ARRAY_SIZE(ys); k++) {
        ag_tensor dx;
        ag_gradients(ag_sum(ag_mul(ys[k], w)), AG_LIST(x), 0, &dx);
        ag_copy_out(dx, AG_F32, to + (int64_t)k * rows * width, (size_t)(rows * width) * sizeof *to);
    }
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
}

static void sums_in_tables_have_the_same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    enum { WAYS = 4 };
    const int64_t shapes[][2] = { { 300, 24 }, { 5, 64 }, { 2000, 1 }, { 70, 3 } };
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        const int64_t size = shapes[s][0] * shapes[s][1];
        float *one = calloc((size_t)size * WAYS, sizeof *one), *more = calloc((size_t)size * WAYS, sizeof *more);
        assert_true(one && more);
        run_table(1, AG_F32, one, shapes[s][0], shapes[s][1]);
        for (int64_t i = size; i < WAYS * size; i++) /* however the rows are named */
            assert_true(one[i] == one[i % size]);
        for (int threads = 2; threads <= 4; threads++) {
            run_table(threads, AG_F32, more, shapes[s][0], shapes[s][1]);
            assert_memory_equal(one, more, (size_t)size * WAYS * sizeof *one);
        }
        free(one);
        free(more);
    }
}

static void indexed_axes_stand_where_numpy_has_them(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor x = ag_reshape(ag_arange(t, AG_I64, 0, 24, 1), AG_SHAPE(2, 3, 4)), none = { 0 };
    const ag_tensor i = INDICES(t, AG_SHAPE(5), 0, 1, 1, 0, -1), j = INDICES(t, AG_SHAPE(5), 3, 0, -1, 1, 2);
    assert_true(ag_shape_of(ag_index(x, AG_LIST(none, i))).dim[1] == 5);
    const ag_tensor y = ag_index(x, AG_LIST(i, none, j)); /* not side by side: first */
    assert_int_equal(ag_shape_of(y).dim[0], 5);
    EXPECT(ag_select(y, 1, 2), 11, 20, 23, 9, 22);
    assert_true(ag_index(x, AG_LIST(none, none)).id == x.id);
    const ag_tensor z = ag_index_put(x, AG_LIST(i, none, j), ag_full(t, AG_I64, AG_SCALAR, 100), false);
    assert_int_equal(ag_item(ag_sum(ag_equal(z, ag_full(t, AG_I64, AG_SCALAR, 100)))), 15);
    assert_int_equal(ag_item_at(z, 11), 100);
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
}

/* Widths that fill vectors, and do not; bags with an index twice, and without one. */
static void bags_are_sums_of_rows(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .seed = 5 });
    const ag_tensor none = { 0 }, index = INDICES(t, AG_SHAPE(6), 2, 0, 2, 4, 1, 2),
                    offsets = INDICES(t, AG_SHAPE(4), 0, 3, 3, 5);
    const ag_tensor by_sum = AG_VALUES(t, AG_SHAPE(4, 5), 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0),
                    sizes = AG_VALUES(t, AG_SHAPE(4, 1), 3, 1, 2, 1);
    for (int64_t width = 1; width < 300; width += width < 20 ? 5 : 70)
        for (int mean = 0; mean < 2; mean++)
            for (ag_dtype d = AG_F32; d <= AG_F64; d++) {
                ag_tensor w = ag_require_grad(ag_randn(t, d, AG_SHAPE(5, width), 0, 1)), dw[2];
                ag_tensor bags = ag_embedding_bag(w, index, offsets, none, mean ? AG_BAG_MEAN : AG_BAG_SUM);
                ag_tensor some = ag_matmul(ag_cast(mean ? ag_div(by_sum, sizes) : by_sum, d), w);
                ag_tensor g = ag_randn(t, d, ag_shape_of(some), 0, 1);
                assert_true(ag_item(ag_max(ag_abs(ag_sub(bags, some)))) < (d == AG_F32 ? 1e-6 : 1e-15));
                ag_gradients(ag_sum(ag_mul(bags, g)), AG_LIST(w), 0, dw);
                ag_gradients(ag_sum(ag_mul(some, g)), AG_LIST(w), 0, dw + 1);
                assert_true(ag_item(ag_max(ag_abs(ag_sub(dw[0], dw[1])))) < (d == AG_F32 ? 1e-6 : 1e-14));
                expect_fine(t);
            }
    ag_tape_free(t);
}

static void rows_without_elements_may_be_very_many(void **state)
{
    (void)state;
    const int64_t many = (int64_t)1 << 40;
    ag_tape *t = new_tape();
    const ag_tensor one = AG_VALUES(t, AG_SHAPE(1), 1), i = ag_cast(one, AG_I64);
    const ag_tensor x = ag_require_grad(ag_zeros(t, AG_F64, AG_SHAPE(3, many, 0))),
                    values = ag_require_grad(ag_zeros(t, AG_F64, AG_SHAPE(1, many, 0)));
    ag_backward(ag_sum(ag_index_put(x, AG_LIST(i), values, false)));
    const ag_tensor w = ag_require_grad(ag_zeros(t, AG_F64, AG_SHAPE(many, 0)));
    ag_backward(ag_sum(ag_embedding_bag(w, i, ag_cast(ag_sub(one, one), AG_I64), (ag_tensor){ 0 }, AG_BAG_SUM)));
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
}

static void hear(void *user, ag_status status, const char *text)
{
    (void)status;
    *(int *)user += strstr(text, "ag_index: a u8 index of the shape of what it indexes counts as places") != NULL;
}

/* Labels may be u8 as well as what comparisons give. */
static void an_index_that_looks_like_a_mask_is_warned_of(void **state)
{
    (void)state;
    int heard = 0;
    ag_tape *t = tape_with((ag_options){ .user = &heard, .on_warning = hear });
    const ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), mask = ag_greater_scalar(x, 3);
    EXPECT(ag_index(x, AG_LIST(ag_cast(ag_ones(t, AG_F64, AG_SHAPE(1)), AG_U8))), 4, 5, 6);
    EXPECT(ag_masked_select(x, mask), 4, 5, 6);
    assert_int_equal(heard, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ag_size_of(ag_index(x, AG_LIST(mask))), 18);
    assert_int_equal(heard, 1);
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_out_of_range_is_named_with_its_place),
        cmocka_unit_test(other_mistakes_are_explained),
        cmocka_unit_test(the_last_of_several_stays_and_alone_receives),
        cmocka_unit_test(zeros_are_structural),
        cmocka_unit_test(a_padding_changes_no_gradient_that_is_there),
        cmocka_unit_test(sums_in_tables_have_the_same_bits_on_any_number_of_threads),
        cmocka_unit_test(bags_are_sums_of_rows),
        cmocka_unit_test(rows_without_elements_may_be_very_many),
        cmocka_unit_test(indexed_axes_stand_where_numpy_has_them),
        cmocka_unit_test(an_index_that_looks_like_a_mask_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
