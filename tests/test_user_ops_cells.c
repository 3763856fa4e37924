/* An LSTM cell and the norm of a batch as ops of one's own, with several outputs, saved ones and fused kernels: against
 * numeric derivatives, PyTorch, the same made of ag's ops, and each other's threads. */
#include "batch_norm.h"
#include "lstm.h"
#include "memory.h"
#include "planted.h"

static void the_lstm_cell_passes_every_check(void **state)
{
    (void)state;
    expect_pass(&lstm_cell);
}

static void the_batch_norm_passes_every_check(void **state)
{
    (void)state;
    expect_pass(&batch_norm);
}

/* ---- beside PyTorch 2.15, in double precision, to second order */

static ag_tensor filled(ag_tape *t, ag_shape s, int64_t offset)
{
    double values[64];
    const int64_t n = ag_shape_size(s);
    for (int64_t k = 0; k < n; k++)
        values[k] = (double)((k * 7 + offset) % 11 - 5) / 8;
    return ag_require_grad(ag_values(t, s, values, (size_t)n));
}

static ag_tensor weighted(ag_tensor x, int64_t offset)
{
    return ag_sum(ag_mul(x, ag_detach(filled(x.tape, ag_shape_of(x), offset))));
}

static ag_tensor sum_of_squares(const ag_tensor *g, int count)
{
    ag_tensor sum = ag_sum(ag_square(g[0]));
    for (int i = 1; i < count; i++)
        sum = ag_add(sum, ag_sum(ag_square(g[i])));
    return sum;
}

static void lstm_inputs(ag_tape *t, ag_tensor *in)
{
    const ag_shape shapes[LSTM_INPUTS] = { AG_DIMS(2, 3), AG_DIMS(2, 2), AG_DIMS(2, 2),
                                           AG_DIMS(8, 3), AG_DIMS(8, 2), AG_DIMS(8) };
    for (int i = 0; i < LSTM_INPUTS; i++)
        in[i] = filled(t, shapes[i], i);
}

static void the_lstm_cell_agrees_with_pytorch(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor in[LSTM_INPUTS], y[LSTM_OUTPUTS], g[LSTM_INPUTS], gg[LSTM_INPUTS];
    lstm_inputs(t, in);
    const ag_list inputs = { in, LSTM_INPUTS };
    assert_int_equal(ag_apply_all(&lstm_cell, inputs, NULL, y), AG_OK);
    assert_values(y[0], -0.294397291850877, 0.171567984488261, 0.0692798802366132, 0.0369952865427135);
    assert_values(y[1], -0.655428641809591, 0.27131484825186, 0.1311662392228, 0.0687471311642574);
    const ag_tensor loss = ag_add(weighted(y[0], 6), weighted(y[1], 7));
    for (int flags = 0; flags < 2; flags++) { /* by the kernel, then by the rule */
        assert_int_equal(ag_gradients(loss, inputs, flags, g), AG_OK);
        assert_values(g[LSTM_X], -0.0194245318884758, -0.0337033329301453, 0.0793661489495881, 0.307260467869124,
                      0.0949583503231013, -0.192835406008626);
        assert_values(g[LSTM_H], -0.0388145394381663, -0.0213389934971036, 0.00346112463884413, -0.281331851266531);
        assert_values(g[LSTM_C], 0.185458247415251, -0.32482629470847, 0.443043487397846, 0.0426978124297896);
        assert_values(g[LSTM_U], 0.0226691403317289, -0.052934859374945, -0.0121753124514903, -0.00450015467277103,
                      0.0127475793785112, -0.00956068453388343, 0.027534161107215, -0.0105475161490379,
                      -0.0884861026778601, -0.277332264485581, 0.0917045668651532, -0.0876518754758893,
                      0.00695447192263325, -0.0168875483916687, 0.0113299781023369, -0.00849748357675268);
        assert_values(g[LSTM_B], -0.00784297201008568, 0.0385749438713864, -0.0254951587570225, -0.0656106923167326,
                      0.535612387784217, -0.163715098606455, -0.00172978441949911, -0.0226599562046738);
        assert_close(ag_item_at(g[LSTM_W], 12), 0.262975895015693, 1e-12);
    }
    assert_int_equal(ag_gradients(sum_of_squares(g, LSTM_INPUTS), inputs, 0, gg), AG_OK);
    assert_values(gg[LSTM_X], -0.0556122808524344, 0.0979461780626969, -0.045175646029804, -0.256867850449531,
                  0.396111855404292, -0.0668390639224099);
    assert_values(gg[LSTM_H], -0.0545095194015189, 0.0157219175877042, -0.180812404643786, -0.251407059562035);
    assert_values(gg[LSTM_C], -0.000705748285284209, -0.0414550661072909, -0.1080951889244, -0.0179083396318199);
    assert_values(gg[LSTM_B], 0.575736776299968, 0.103852667104307, 0.218747804457989, 0.057308388724985,
                  -0.514106413163534, -0.00744236403050191, 0.247914671797541, 0.0635852068298289);
    assert_close(ag_item_at(gg[LSTM_W], 0), 0.374492439223426, 1e-12);
    assert_close(ag_item_at(gg[LSTM_U], 1), -0.370847075212449, 1e-12);
    ag_tape_free(t);
}

static void the_batch_norm_agrees_with_pytorch(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor in[] = { filled(t, AG_SHAPE(4, 2), 0), filled(t, AG_SHAPE(2), 1), filled(t, AG_SHAPE(2), 2) };
    ag_tensor y[NORM_OUTPUTS], g[3], gg[3];
    const ag_list inputs = { in, 3 };
    assert_int_equal(ag_apply_all(&batch_norm, inputs, &(batch_norm_params){ 1e-2 }, y), AG_OK);
    assert_values(y[NORM_Y], 0.277516639386459, 0.624038975310429, -0.157494453537847, 0.996155901241717,
                  -0.592505546462153, 0.0038440987582832, -1.02751663938646, 0.375961024689571);
    assert_values(y[NORM_MEAN], -0.0625, 0.125);
    assert_values(y[NORM_VARIANCE], 0.17578125, 0.1328125);
    const ag_tensor loss =
        ag_add(ag_add(weighted(y[NORM_Y], 3), weighted(y[NORM_MEAN], 4)), weighted(y[NORM_VARIANCE], 5));
    for (int flags = 0; flags < 2; flags++) {
        assert_int_equal(ag_gradients(loss, inputs, flags, g), AG_OK);
        assert_values(g[0], 0.284245850124805, 0.311573667072323, -0.191924828967696, -0.672705606436469,
                      -0.668095508060198, -0.322008757770891, 0.450774486903089, 0.0581406971350375);
        assert_values(g[1], -0.163129159846615, -0.413463251034764);
        assert_values(g[2], -0.125, 0.625);
    }
    assert_int_equal(ag_gradients(sum_of_squares(g, 3), inputs, 0, gg), AG_OK);
    assert_values(gg[0], 1.28765482321288, -1.04131590535978, 0.317250960115285, -0.203275712582242, -0.653152902982307,
                  1.33527225796992, -0.951752880345855, -0.090680640027899);
    assert_values(gg[1], -3.05309535688164, 2.78990606888425);
    assert_values(gg[2], 0, 0);
    ag_tape_free(t);
}

/* ---- beside the same cell made of ag's ops */

static void assert_same(ag_tensor x, ag_tensor y)
{
    assert_int_equal(ag_size_of(x), ag_size_of(y));
    for (int64_t k = 0; k < ag_size_of(x); k++)
        assert_close(ag_item_at(x, k), ag_item_at(y, k), 1e-13);
}

static void composed(const ag_tensor *in, ag_tensor *y)
{
    const ag_tensor z = ag_add(ag_add(ag_matmul(in[LSTM_X], ag_transpose(in[LSTM_W], 0, 1)),
                                      ag_matmul(in[LSTM_H], ag_transpose(in[LSTM_U], 0, 1))),
                               in[LSTM_B]);
    const ag_tensor i = ag_sigmoid(lstm_gate(z, 0)), f = ag_sigmoid(lstm_gate(z, 1)), g = ag_tanh(lstm_gate(z, 2)),
                    o = ag_sigmoid(lstm_gate(z, 3));
    y[1] = ag_add(ag_mul(f, in[LSTM_C]), ag_mul(i, g));
    y[0] = ag_mul(o, ag_tanh(y[1]));
}

static void both_ways_to_a_cell_agree(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor in[LSTM_INPUTS], g[2][LSTM_INPUTS], gg[2][LSTM_INPUTS];
    lstm_inputs(t, in);
    const ag_list inputs = { in, LSTM_INPUTS };
    for (int used = 1; used < 4; used++) { /* h_new, c_new, both */
        for (int way = 0; way < 2; way++) {
            ag_tensor y[LSTM_OUTPUTS], loss = ag_constant(t, 0);
            if (way)
                composed(in, y);
            else
                assert_int_equal(ag_apply_all(&lstm_cell, inputs, NULL, y), AG_OK);
            for (int k = 0; k < LSTM_OUTPUTS; k++)
                if (used >> k & 1)
                    loss = ag_add(loss, weighted(ag_square(y[k]), k));
            assert_int_equal(ag_gradients(loss, inputs, AG_CREATE_GRAPH, g[way]), AG_OK);
            assert_int_equal(ag_gradients(sum_of_squares(g[way], LSTM_INPUTS), inputs, 0, gg[way]), AG_OK);
        }
        for (int i = 0; i < LSTM_INPUTS; i++) {
            assert_same(g[0][i], g[1][i]);
            assert_same(gg[0][i], gg[1][i]);
        }
    }
    ag_tape_free(t);
}

static void derivatives_as_functions_go_through_cells(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor in[LSTM_INPUTS], y[2][LSTM_OUTPUTS], v[LSTM_INPUTS], hv[2][LSTM_INPUTS];
    lstm_inputs(t, in);
    for (int i = 0; i < LSTM_INPUTS; i++)
        v[i] = ag_detach(filled(t, ag_shape_of(in[i]), i + 3));
    assert_int_equal(ag_apply_all(&lstm_cell, (ag_list){ in, LSTM_INPUTS }, NULL, y[0]), AG_OK);
    composed(in, y[1]);
    for (int k = 0; k < LSTM_OUTPUTS; k++) {
        assert_same(ag_jacobian(y[0][k], in[LSTM_U]), ag_jacobian(y[1][k], in[LSTM_U]));
        assert_same(ag_jvp(y[0][k], (ag_list){ in, LSTM_INPUTS }, (ag_list){ v, LSTM_INPUTS }),
                    ag_jvp(y[1][k], (ag_list){ in, LSTM_INPUTS }, (ag_list){ v, LSTM_INPUTS }));
    }
    for (int way = 0; way < 2; way++)
        assert_int_equal(ag_hvps(ag_mul(weighted(y[way][0], 1), weighted(y[way][1], 2)), (ag_list){ in, LSTM_INPUTS },
                                 (ag_list){ v, LSTM_INPUTS }, hv[way]),
                         AG_OK);
    for (int i = 0; i < LSTM_INPUTS; i++)
        assert_same(hv[0][i], hv[1][i]);
    expect_fine(t);
    ag_tape_free(t);
}

/* Without a rule there is a first derivative, by the kernel, and no graph of it. */
static void the_kernel_alone_is_a_first_derivative(void **state)
{
    (void)state;
    ag_op op = lstm_cell;
    op.vjp = NULL;
    ag_tape *t = new_tape();
    ag_tensor in[LSTM_INPUTS], g[LSTM_INPUTS];
    lstm_inputs(t, in);
    const ag_tensor loss = weighted(ag_apply(&op, (ag_list){ in, LSTM_INPUTS }, NULL), 0);
    assert_int_equal(ag_gradients(loss, (ag_list){ in, LSTM_INPUTS }, 0, g), AG_OK);
    assert_int_equal(ag_gradients(loss, (ag_list){ in, LSTM_INPUTS }, AG_CREATE_GRAPH, g), AG_EUSE);
    expect_error(t, AG_EUSE, "no derivative");
    ag_tape_free(t);
}

/* ---- a sequence through the cell, its last state normalised */

enum { SEQUENCE, W, U, B, GAMMA, BETA, PARTS };

static ag_tensor run_sequence(ag_list p, void *user)
{
    (void)user;
    ag_tape *t = p.at[SEQUENCE].tape;
    const ag_shape s = ag_shape_of(p.at[SEQUENCE]), state = AG_SHAPE(s.dim[1], ag_shape_of(p.at[U]).dim[1]);
    ag_tensor y[LSTM_OUTPUTS] = { ag_zeros(t, ag_dtype_of(p.at[W]), state), ag_zeros(t, ag_dtype_of(p.at[W]), state) };
    for (int64_t k = 0; k < s.dim[0]; k++) {
        const ag_tensor x = ag_select(p.at[SEQUENCE], 0, k);
        ag_apply_all(&lstm_cell, AG_LIST(x, y[0], y[1], p.at[W], p.at[U], p.at[B]), NULL, y);
    }
    ag_tensor norm = ag_apply(&batch_norm, AG_LIST(y[0], p.at[GAMMA], p.at[BETA]), &(batch_norm_params){ 1e-2 });
    return ag_add(ag_sum(ag_tanh(norm)), ag_mean(ag_square(y[1])));
}

static void sequence_parts(ag_tape *t, ag_tensor *p)
{
    const ag_shape shapes[PARTS] = {
        AG_DIMS(3, 4, 2), AG_DIMS(8, 2), AG_DIMS(8, 2), AG_DIMS(8), AG_DIMS(2), AG_DIMS(2)
    };
    for (int i = 0; i < PARTS; i++)
        p[i] = filled(t, shapes[i], i);
}

static void sequences_pass_the_gradient_check(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p[PARTS];
    sequence_parts(t, p);
    assert_int_equal(ag_gradcheck(run_sequence, NULL, (ag_list){ p, PARTS }, stdout), AG_PASS);
    expect_fine(t);
    ag_tape_free(t);
}

/* Of the loss and of the squares of its gradients, all in one number. */
static double second_order(ag_tape *t)
{
    ag_tensor p[PARTS], g[PARTS];
    sequence_parts(t, p);
    ag_gradients(run_sequence((ag_list){ p, PARTS }, NULL), (ag_list){ p, PARTS }, AG_CREATE_GRAPH, g);
    ag_backward(sum_of_squares(g, PARTS));
    return ag_item(ag_add(ag_sum(ag_grad(p[U])), ag_sum(ag_grad(p[SEQUENCE]))));
}

/* The first forward of a checkpoint saves nothing, the second one does. */
static void cells_can_be_computed_again(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p[PARTS], g[2][PARTS], gg[2][PARTS];
    sequence_parts(t, p);
    const ag_list parts = { p, PARTS };
    for (int again = 0; again < 2; again++) {
        const ag_tensor loss = again ? ag_checkpoint(run_sequence, NULL, parts) : run_sequence(parts, NULL);
        assert_int_equal(ag_gradients(loss, parts, AG_CREATE_GRAPH, g[again]), AG_OK);
        assert_int_equal(ag_gradients(sum_of_squares(g[again], PARTS), parts, 0, gg[again]), AG_OK);
    }
    for (int i = 0; i < PARTS; i++) {
        assert_same(g[0][i], g[1][i]);
        assert_same(gg[0][i], gg[1][i]);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void memory_that_fails_leaves_cells_usable(void **state)
{
    (void)state;
    memory m = { 0 };
    const ag_options options = { .threads = 2, .on_error = ag_quiet, .allocator = allocator_of(&m) };
    ag_tape *t = ag_tape_new(options);
    const double expected = second_order(t);
    expect_fine(t);
    ag_tape_free(t);
    const long total = m.requests;
    assert_true(total > 10);
    for (long i = 1; i <= total; i++) {
        m = (memory){ .fail_at = i };
        t = ag_tape_new(options);
        if (!t)
            continue;
        second_order(t);
        ag_error_clear(t);
        ag_tape_reset(t);
        assert_close(second_order(t), expected, 0);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

static void cells_are_the_same_bits_on_two_threads(void **state)
{
    (void)state;
    float *bits[PARTS] = { NULL };
    for (int threads = 1; threads < 3; threads++) {
        ag_tape *t = tape_with((ag_options){ .threads = threads, .seed = 5 });
        const ag_shape shapes[PARTS] = { AG_DIMS(2, 64, 96), AG_DIMS(512, 96), AG_DIMS(512, 128),
                                         AG_DIMS(512),       AG_DIMS(128),     AG_DIMS(128) };
        ag_tensor p[PARTS];
        for (int i = 0; i < PARTS; i++)
            p[i] = ag_param(ag_mul_scalar(ag_randn(t, AG_F32, shapes[i], 0, 1), 0.1), NULL);
        assert_int_equal(ag_backward(run_sequence((ag_list){ p, PARTS }, NULL)), AG_OK);
        for (int i = 0; i < PARTS; i++) {
            const size_t bytes = (size_t)ag_shape_size(shapes[i]) * sizeof(float);
            const float *now = ag_data(ag_grad(p[i]), AG_F32);
            if (!bits[i])
                bits[i] = memcpy(malloc(bytes), now, bytes);
            assert_memory_equal(bits[i], now, bytes);
        }
        ag_tape_free(t);
    }
    for (int i = 0; i < PARTS; i++)
        free(bits[i]);
}

static void operands_that_do_not_fit_are_named(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor in[LSTM_INPUTS];
    lstm_inputs(t, in);
    in[LSTM_W] = ag_name(ag_transpose(in[LSTM_W], 0, 1), "weights");
    assert_true(is_inert(ag_apply(&lstm_cell, (ag_list){ in, LSTM_INPUTS }, NULL), t));
    expect_error(t, AG_ESHAPE, "'weights' [3,8] f64, [8,2] f64 and [8] f64: the weights are [4 hidden,n]");
    in[LSTM_B] = ag_cast(in[LSTM_B], AG_F32);
    assert_true(is_inert(ag_apply(&lstm_cell, (ag_list){ in, LSTM_INPUTS }, NULL), t));
    expect_error(t, AG_EDTYPE, "all f64");
    assert_true(is_inert(ag_apply(&lstm_cell, (ag_list){ in, LSTM_B }, NULL), t));
    expect_error(t, AG_EARG, "it takes 6");
    assert_true(is_inert(ag_apply(&batch_norm, AG_LIST(in[0], in[1], in[2]), &(batch_norm_params){ 1 }), t));
    expect_error(t, AG_ESHAPE, "as x has so many columns");
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lstm_cell_passes_every_check),
        cmocka_unit_test(the_batch_norm_passes_every_check),
        cmocka_unit_test(the_lstm_cell_agrees_with_pytorch),
        cmocka_unit_test(the_batch_norm_agrees_with_pytorch),
        cmocka_unit_test(both_ways_to_a_cell_agree),
        cmocka_unit_test(derivatives_as_functions_go_through_cells),
        cmocka_unit_test(cells_can_be_computed_again),
        cmocka_unit_test(the_kernel_alone_is_a_first_derivative),
        cmocka_unit_test(sequences_pass_the_gradient_check),
        cmocka_unit_test(memory_that_fails_leaves_cells_usable),
        cmocka_unit_test(cells_are_the_same_bits_on_two_threads),
        cmocka_unit_test(operands_that_do_not_fit_are_named),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
