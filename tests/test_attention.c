/* Attention: by tiles it is what the composition of a program is, also where tiles end, on any number of threads, and its
 * memory does not grow with the product of the numbers of queries and keys. */
#include "memory.h"
#include "support.h"

typedef struct operands {
    ag_tensor q, k, v, mask, dy;
} operands;

/* softmax(scale q k' + mask) v as a program would write it; a mask of u8 selects */
static ag_tensor composition(operands o, ag_attention_options options)
{
    const ag_shape s = ag_shape_of(o.q), m = ag_shape_of(o.k);
    const int64_t n = s.dim[s.rank - 2], d = s.dim[s.rank - 1], keys = m.dim[m.rank - 2];
    const double scale = options.scale != 0 ? options.scale : 1 / sqrt((double)d);
    ag_tensor scores = ag_mul_scalar(ag_matmul(o.q, ag_transpose(o.k, -2, -1)), scale);
    if (o.mask.tape)
        scores = ag_dtype_of(o.mask) == AG_U8 ? ag_where_scalar(o.mask, scores, -INFINITY) : ag_add(scores, o.mask);
    if (options.causal)
        scores = ag_where_scalar(ag_tril(ag_ones(o.q.tape, AG_U8, AG_SHAPE(n, keys)), 0), scores, -INFINITY);
    return ag_matmul(ag_softmax(scores, -1), o.v);
}

static double distance(ag_tensor a, ag_tensor b)
{
    return ag_item(ag_max(ag_abs(ag_sub(a, b))));
}

static ag_tensor normal(ag_tape *t, ag_dtype d, ag_shape s)
{
    return ag_randn(t, d, s, 0, 1);
}

static ag_tensor wanted(ag_tape *t, ag_dtype d, ag_shape s)
{
    return ag_require_grad(normal(t, d, s));
}

/* Values and gradients both ways. */
static void expect_the_composition(operands o, ag_attention_options options, double tolerance)
{
    const ag_list x = AG_LIST(o.q, o.k, o.v);
    ag_tensor by_tiles[3] = { { 0 } }, composed[3] = { { 0 } };
    const ag_tensor y = ag_scaled_dot_product_attention(o.q, o.k, o.v, o.mask, options), z = composition(o, options);
    assert_true(distance(y, z) < tolerance);
    assert_int_equal(ag_gradients(ag_sum(ag_mul(y, o.dy)), x, 0, by_tiles), AG_OK);
    assert_int_equal(ag_gradients(ag_sum(ag_mul(z, o.dy)), x, 0, composed), AG_OK);
    for (int i = 0; i < 3; i++)
        assert_true(distance(by_tiles[i], composed[i]) < tolerance * fmax(1, ag_item(ag_max(ag_abs(composed[i])))));
    expect_fine(o.q.tape);
}

static void tiles_are_the_composition(void **state)
{
    (void)state;
    static const int64_t extents[][2] = {
        { 1, 600 }, { 600, 1 }, { 128, 256 }, { 129, 257 }, { 300, 520 }, { 400, 130 }
    };
    for (int f32 = 0; f32 < 2; f32++)
        for (size_t i = 0; i < ARRAY_SIZE(extents); i++)
            for (int causal = 0; causal < 2; causal++) {
                const ag_dtype d = f32 ? AG_F32 : AG_F64;
                const int64_t n = extents[i][0], m = extents[i][1];
                ag_tape *t = tape_with((ag_options){ .seed = 7, .threads = 2 });
                const operands o = { wanted(t, d, AG_SHAPE(2, 1, n, 8)), wanted(t, d, AG_SHAPE(2, m, 8)),
                                     wanted(t, d, AG_SHAPE(2, 1, m, 5)), absent, normal(t, d, AG_SHAPE(2, 2, n, 5)) };
                expect_the_composition(o, (ag_attention_options){ .causal = causal }, f32 ? 2e-5 : 1e-13);
                ag_tape_free(t);
            }
}

static void masks_of_both_kinds_are_applied_to_every_tile(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        ag_tape *t = new_tape();
        const int64_t n = 200, m = 300;
        ag_tensor mask = normal(t, AG_F64, kind < 2 ? AG_SHAPE(n, m) : AG_SHAPE(2, 1, 1, m));
        mask = kind % 2 ? ag_greater_scalar(mask, -1) : mask;
        const operands o = { wanted(t, AG_F64, AG_SHAPE(2, 1, n, 8)), wanted(t, AG_F64, AG_SHAPE(2, m, 8)),
                             wanted(t, AG_F64, AG_SHAPE(m, 5)), mask, normal(t, AG_F64, AG_SHAPE(2, 2, n, 5)) };
        expect_the_composition(o, (ag_attention_options){ 0 }, 1e-13);
        expect_the_composition(o, (ag_attention_options){ .scale = -0.3 }, 1e-13);
        ag_tape_free(t);
    }
}

static void heads_may_lie_between_the_elements_of_a_row(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    operands o = { wanted(t, AG_F64, AG_SHAPE(150, 2, 4)), wanted(t, AG_F64, AG_SHAPE(270, 2, 4)),
                   wanted(t, AG_F64, AG_SHAPE(270, 4, 2)), absent, normal(t, AG_F64, AG_SHAPE(2, 150, 4)) };
    ag_tensor dense[3] = { { 0 } }, viewed[3] = { { 0 } };
    const ag_list x = AG_LIST(o.q, o.k, o.v);
    const ag_tensor q = ag_movedim(o.q, 1, 0), k = ag_movedim(o.k, 1, 0), v = ag_transpose(ag_movedim(o.v, 2, 0), 1, 2);
    const ag_tensor turned = ag_transpose(v, 1, 2);
    const ag_tensor y = ag_scaled_dot_product_attention(q, k, turned, absent, (ag_attention_options){ 0 });
    const ag_tensor z = composition((operands){ q, k, turned, absent, o.dy }, (ag_attention_options){ 0 });
    assert_true(distance(y, z) < 1e-13);
    ag_gradients(ag_sum(ag_mul(y, o.dy)), x, 0, viewed);
    ag_gradients(ag_sum(ag_mul(z, o.dy)), x, 0, dense);
    for (int i = 0; i < 3; i++)
        assert_true(distance(viewed[i], dense[i]) < 1e-13);
    ag_tape_free(t);
}

static void rows_in_which_nothing_takes_part_are_zero(void **state)
{
    (void)state;
    for (int u8 = 0; u8 < 2; u8++) {
        ag_tape *t = new_tape();
        const int64_t n = 140, m = 300;
        ag_tensor row = ag_less_scalar(ag_arange(t, AG_F64, 0, (double)n, 1), 100); /* the last 40 see nothing */
        ag_tensor chosen = ag_expand(ag_reshape(row, AG_SHAPE(n, 1)), AG_SHAPE(n, m));
        ag_tensor mask = u8 ? chosen : ag_where_scalar(chosen, ag_zeros(t, AG_F64, AG_SHAPE(n, m)), -INFINITY);
        ag_tensor q = wanted(t, AG_F64, AG_SHAPE(n, 8)), k = wanted(t, AG_F64, AG_SHAPE(m, 8)),
                  v = wanted(t, AG_F64, AG_SHAPE(m, 4)), d[3] = { { 0 } };
        ag_tensor y = ag_scaled_dot_product_attention(q, k, v, mask, (ag_attention_options){ 0 });
        assert_item(ag_max(ag_abs(ag_slice(y, 0, 100, n, 1))), 0);
        assert_true(ag_item(ag_min(ag_max_over(ag_abs(ag_slice(y, 0, 0, 100, 1)), AG_AXES(-1), 0))) > 0);
        assert_int_equal(ag_gradients(ag_sum(ag_square(y)), AG_LIST(q, k, v), 0, d), AG_OK);
        assert_item(ag_max(ag_abs(ag_slice(d[0], 0, 100, n, 1))), 0);
        for (int i = 0; i < 3; i++)
            assert_true(isfinite(ag_item(ag_max(ag_abs(d[i])))));
        ag_tape_free(t);
    }
}

static void large_scores_do_not_overflow_and_what_is_not_finite_stays_in_its_row(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double far[] = { 1000, -1000, 999 }, one[] = { 1, 2, 4 };
    ag_tensor q = AG_VALUES(t, AG_SHAPE(2, 1), 1, NAN), k = ag_values(t, AG_SHAPE(3, 1), far, 3),
              v = ag_values(t, AG_SHAPE(3, 1), one, 3);
    ag_tensor y = ag_scaled_dot_product_attention(q, k, v, absent, (ag_attention_options){ 0 });
    assert_close(ag_item_at(y, 0), (1 + 4 * exp(-1)) / (1 + exp(-1)), 1e-14);
    assert_true(isnan(ag_item_at(y, 1)));
    ag_tape_free(t);
}

/* ---- threads, memory */

enum { RESULTS = 4 };

static void run_on(int threads, ag_dtype d, int64_t batches, double *all, int64_t each)
{
    ag_tape *t = tape_with((ag_options){ .seed = 7, .threads = threads });
    ag_tensor q = wanted(t, d, AG_SHAPE(batches, 400, 16)), k = wanted(t, d, AG_SHAPE(batches, 600, 16)),
              v = wanted(t, d, AG_SHAPE(600, 16)), r[RESULTS] = { { 0 } };
    r[3] = ag_scaled_dot_product_attention(q, k, v, absent, (ag_attention_options){ .causal = true });
    assert_int_equal(ag_gradients(ag_sum(ag_square(r[3])), AG_LIST(q, k, v), 0, r), AG_OK);
    for (int i = 0; i < RESULTS; i++) {
        const int64_t size = ag_size_of(r[i]);
        assert_true(size <= each);
        ag_copy_out(ag_cast(r[i], AG_F64), AG_F64, all + i * each, (size_t)size * sizeof *all);
    }
    ag_tape_free(t);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for (int64_t batches = 1; batches <= 3; batches++)
        for (int f32 = 0; f32 < 2; f32++) {
            const int64_t each = batches * 600 * 16;
            const size_t bytes = (size_t)(RESULTS * each) * sizeof(double);
            double *one = calloc(1, bytes), *more = calloc(1, bytes);
            assert_true(one && more);
            run_on(1, f32 ? AG_F32 : AG_F64, batches, one, each);
            for (int threads = 2; threads <= 4; threads++) {
                run_on(threads, f32 ? AG_F32 : AG_F64, batches, more, each);
                assert_memory_equal(one, more, bytes);
            }
            free(one);
            free(more);
        }
}

static void memory_does_not_hold_a_matrix_of_scores(void **state)
{
    (void)state;
    const int64_t n = 4096, d = 16;
    memory m = { 0 };
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .seed = 7, .threads = 1, .allocator = allocator_of(&m) });
    ag_tensor q = wanted(t, AG_F32, AG_SHAPE(n, d)), k = wanted(t, AG_F32, AG_SHAPE(n, d)),
              v = wanted(t, AG_F32, AG_SHAPE(n, d)), g[3] = { { 0 } };
    ag_tensor y = ag_scaled_dot_product_attention(q, k, v, absent, (ag_attention_options){ .causal = true });
    assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(q, k, v), 0, g), AG_OK);
    assert_true(m.largest < (size_t)(n * n) && m.bytes < (size_t)(n * n) / 2); /* a matrix: 4 n n bytes */
    ag_tape_free(t);
}

/* ---- messages */

static void what_does_not_fit_is_said(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_attention_options none = { 0 };
    ag_tensor q = ag_ones(t, AG_F64, AG_SHAPE(2, 3, 4)), k = ag_ones(t, AG_F64, AG_SHAPE(2, 5, 4));
    ag_scaled_dot_product_attention(q, ag_ones(t, AG_F64, AG_SHAPE(5, 3)), k, absent, none);
    expect_error(t, AG_ESHAPE, "queries of 4 numbers, but keys of 3");
    ag_scaled_dot_product_attention(q, k, ag_ones(t, AG_F64, AG_SHAPE(2, 6, 4)), absent, none);
    expect_error(t, AG_ESHAPE, "5 keys, but 6 values");
    ag_scaled_dot_product_attention(q, ag_ones(t, AG_F64, AG_SHAPE(3, 5, 4)), k, absent, none);
    expect_error(t, AG_ESHAPE, "the leading dimensions do not broadcast");
    ag_scaled_dot_product_attention(ag_ones(t, AG_F64, AG_SHAPE(4)), k, k, absent, none);
    expect_error(t, AG_ESHAPE, "q must have two dimensions at least");
    ag_scaled_dot_product_attention(q, k, ag_cast(k, AG_F32), absent, none);
    expect_error(t, AG_EDTYPE, "q, k and v must be f32, or all f64; see ag_cast");
    ag_scaled_dot_product_attention(q, k, k, ag_ones(t, AG_F64, AG_SHAPE(5, 3)), none);
    expect_error(t, AG_ESHAPE, "the mask must broadcast to [2,3,5]");
    ag_scaled_dot_product_attention(q, k, k, ag_ones(t, AG_F64, AG_SHAPE(4, 1, 3, 5)), none);
    expect_error(t, AG_ESHAPE, "the mask must broadcast to [2,3,5]");
    ag_scaled_dot_product_attention(q, k, k, ag_ones(t, AG_I64, AG_SHAPE(3, 5)), none);
    expect_error(t, AG_EDTYPE, "a mask is u8, or f64 as the others");
    ag_scaled_dot_product_attention(q, k, k, absent, (ag_attention_options){ .scale = NAN });
    expect_error(t, AG_EARG, "scale is nan");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_the_composition),
        cmocka_unit_test(masks_of_both_kinds_are_applied_to_every_tile),
        cmocka_unit_test(heads_may_lie_between_the_elements_of_a_row),
        cmocka_unit_test(rows_in_which_nothing_takes_part_are_zero),
        cmocka_unit_test(large_scores_do_not_overflow_and_what_is_not_finite_stays_in_its_row),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(memory_does_not_hold_a_matrix_of_scores),
        cmocka_unit_test(what_does_not_fit_is_said),
    };
    return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
