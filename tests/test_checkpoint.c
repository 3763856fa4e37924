/* Checkpoints: functions whose intermediate results are computed again on the way back. */
#include "memory.h"

/* ---- the same as without */

typedef struct layers {
    ag_tensor w, b;
    int runs;
} layers;

static ag_tensor dense(ag_list x, void *user)
{
    layers *l = user;
    l->runs++;
    ag_tensor h = ag_tanh(ag_add(ag_matmul(x.at[0], l->w), l->b));
    return ag_add(h, ag_mul(x.at[x.count - 1], h));
}

static layers make_layers(ag_tape *t, int n)
{
    return (layers){ ag_param(ag_randn(t, AG_FLOAT, AG_SHAPE(n, n), 0, 0.5), "w"),
                     ag_param(ag_randn(t, AG_FLOAT, AG_SHAPE(n), 0, 0.5), "b"), 0 };
}

enum { N = 6, ROWS = 40 };

/* The loss of three layers with their gradients in `out`: of x, of the weights. */
static void train(bool checkpoints, ag_dtype dtype, int threads, double *out)
{
    ag_tape *t = tape_with((ag_options){ .seed = 3, .dtype = dtype, .threads = threads });
    layers l[3] = { make_layers(t, N), make_layers(t, N), make_layers(t, N) };
    ag_tensor x = ag_require_grad(ag_randn(t, AG_FLOAT, AG_SHAPE(ROWS, N), 0, 1)), h = ag_mul(x, x);
    for (int i = 0; i < 3; i++)
        h = checkpoints ? ag_checkpoint(dense, &l[i], AG_LIST(h, x)) : dense(AG_LIST(h, x), &l[i]);
    assert_int_equal(ag_backward(ag_mean(ag_square(h))), AG_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(l[i].runs, checkpoints ? 2 : 1);
        assert_int_equal(ag_copy_out(ag_grad(l[i].w), AG_F64, out, sizeof(double[N][N])), AG_OK);
        assert_int_equal(ag_copy_out(ag_grad(l[i].b), AG_F64, out + N * N, sizeof(double[N])), AG_OK);
        out += N * N + N;
    }
    assert_int_equal(ag_copy_out(ag_grad(x), AG_F64, out, sizeof(double[ROWS][N])), AG_OK);
    ag_tape_free(t);
}

static void gradients_are_those_of_the_function(void **state)
{
    (void)state;
    enum { ALL = 3 * (N * N + N) + ROWS * N };
    static double plain[ALL], kept[ALL], more[ALL];
    for (ag_dtype d = AG_F32; d <= AG_F64; d++) {
        train(false, d, 1, plain);
        train(true, d, 1, kept);
        train(true, d, 2, more);
        assert_memory_equal(kept, more, sizeof kept);
        assert_memory_equal(plain, kept, 3 * (N * N + N) * sizeof *plain);
        for (int i = 0; i < ALL; i++)
            assert_close(kept[i], plain[i], d == AG_F32 ? 1e-6 : 1e-15);
    }
}

static ag_tensor cube(ag_list x, void *user)
{
    (void)user;
    return ag_mul(ag_mul(x.at[0], x.at[0]), x.at[x.count - 1]);
}

static ag_tensor cube_of_cube(ag_list x, void *user)
{
    return ag_checkpoint(cube, user, AG_LIST(ag_checkpoint(cube, user, x)));
}

static void checkpoints_nest_and_are_differentiated_again(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        ag_tape *t = new_tape();
        ag_tensor x = kind == 0   ? ag_variable(t, 2)
                      : kind == 1 ? ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 2))
                                  : ag_param(AG_VALUES(t, AG_SHAPE(1), 2), "x");
        ag_tensor y = ag_checkpoint(cube_of_cube, NULL, AG_LIST(x)), g[3]; /* x^9 */
        assert_close(ag_item(y), 512, 0);
        assert_int_equal(ag_backward(y), AG_OK);
        assert_close(ag_item(ag_grad(x)), 9 * 256, 0);
        ag_tensor at = y;
        for (int order = 0; order < 3; order++, at = g[order - 1])
            assert_int_equal(ag_gradients(at, AG_LIST(x), AG_CREATE_GRAPH, &g[order]), AG_OK);
        assert_close(ag_item(g[0]), 9 * 256, 0);
        assert_close(ag_item(g[1]), 72 * 128, 0);
        assert_close(ag_item(g[2]), 504 * 64, 0);
        assert_close(ag_item(ag_hvp(y, x, ag_ones(t, AG_F64, ag_shape_of(x)))), 72 * 128, 0);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* Both arguments may be one tensor, and the function may read it beside. */
static ag_tensor product_with(ag_list x, void *user)
{
    return ag_mul(ag_mul(x.at[0], x.at[1]), *(ag_tensor *)user);
}

static void one_tensor_may_be_read_in_several_ways(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 2, 3)), p = ag_param(ag_detach(x), "p");
    assert_int_equal(ag_backward(ag_sum(ag_checkpoint(product_with, &x, AG_LIST(x, x)))), AG_OK);
    assert_values(ag_grad(x), 12, 27);
    assert_int_equal(ag_backward(ag_sum(ag_checkpoint(product_with, &p, AG_LIST(p, p)))), AG_OK);
    assert_values(ag_grad(p), 12, 27);
    ag_tensor number = ag_variable(t, 2);
    assert_int_equal(ag_backward(ag_checkpoint(product_with, &number, AG_LIST(number, number))), AG_OK);
    assert_close(ag_item(ag_grad(number)), 12, 0);
    expect_fine(t);
    ag_tape_free(t);
}

typedef struct checked {
    ag_tensor w;
} checked;

static ag_tensor inner_part(ag_list x, void *user)
{
    ag_tensor w = ((checked *)user)->w;
    return ag_sum(ag_sigmoid(ag_mul(ag_matmul(x.at[0], w), x.at[1])));
}

static ag_tensor checked_function(ag_list x, void *user)
{
    checked c = { x.at[2] };
    (void)user;
    checked *lasting = ag_tape_allocate(x.at[0].tape, sizeof *lasting);
    *lasting = c;
    return ag_mul(ag_checkpoint(inner_part, lasting, AG_LIST(ag_mul(x.at[0], x.at[0]), x.at[1])), ag_sum(x.at[0]));
}

static void checkpointed_code_passes_the_gradient_check(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(2, 3), 0, 1), w = ag_randn(t, AG_F64, AG_SHAPE(3, 2), 0, 1);
    assert_int_equal(ag_gradcheck(checked_function, NULL, AG_LIST(x, ag_constant(t, 0.7), w), stderr), AG_PASS);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- the same both times */

static ag_tensor noisy(ag_list x, void *user)
{
    (void)user;
    return ag_mul(x.at[0], ag_rand(x.at[0].tape, AG_F64, AG_SHAPE(3), 0, 1));
}

static void random_numbers_are_drawn_again(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 1, 1)), y = ag_checkpoint(noisy, NULL, AG_LIST(x));
    ag_tensor first = ag_rand(t, AG_F64, AG_SHAPE(3), 0, 1);
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    ag_tensor second = ag_rand(t, AG_F64, AG_SHAPE(3), 0, 1);
    for (int i = 0; i < 3; i++) {
        assert_close(ag_item_at(ag_grad(x), i), ag_item_at(y, i), 0);
        assert_true(ag_item_at(first, i) != ag_item_at(second, i));
        assert_true(ag_item_at(y, i) != ag_item_at(second, i));
    }
    ag_tape_free(t);
}

static ag_tensor double_in_training(nn_module *m, ag_tensor x)
{
    return m->training ? ag_mul_scalar(x, 2) : ag_mul_scalar(x, 3);
}

static ag_tensor forward_twice(ag_list x, void *user)
{
    nn_module **m = user;
    return nn_forward(m[1], nn_forward(m[0], x.at[0]));
}

static ag_tensor forward_checkpoint(ag_list x, void *user)
{
    return ag_checkpoint(forward_twice, user, x);
}

static void modules_run_again_in_the_mode_of_then(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module first_module, second_module, *m[2] = { &first_module, &second_module };
    nn_init(m[0], t, "a", double_in_training);
    nn_init(m[1], t, "b", double_in_training);
    ag_tensor x = ag_variable(t, 1);
    nn_train(m[1], false);
    ag_tensor y = ag_checkpoint(forward_checkpoint, m, AG_LIST(x)), z = ag_checkpoint(forward_twice, m, AG_LIST(x));
    nn_train(m[0], false);
    nn_train(m[1], true);
    assert_int_equal(ag_backward(ag_mul(y, z)), AG_OK);
    assert_close(ag_item(ag_grad(x)), 72, 0);
    assert_false(m[0]->training);
    assert_true(m[1]->training);
    ag_tape_free(t);
}

static ag_tensor changing(ag_list x, void *user)
{
    int *kind = user;
    if (*kind == 0)
        return ag_mul(x.at[0], x.at[0]);
    return *kind == 1 ? ag_sum(x.at[0]) : *kind == 2 ? x.at[0] : ag_mul(x.at[0], (ag_tensor){ 0 });
}

static void a_function_that_does_something_else_is_found_out(void **state)
{
    (void)state;
    static const char *const text[] = { "", "gave f64 [] where it had given f64 [2]", "the same both times", "ag_mul" };
    for (int kind = 1; kind < 4; kind++) {
        ag_tape *t = new_tape();
        int now = 0;
        ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), y = ag_checkpoint(changing, &now, AG_LIST(x));
        now = kind;
        assert_int_equal(ag_backward(ag_sum(y)), kind == 3 ? AG_ENULL : AG_EUSE);
        expect_error(t, kind == 3 ? AG_ENULL : AG_EUSE, text[kind]);
        assert_values(ag_grad(x), 0, 0);
        now = 0;
        assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
        assert_values(ag_grad(x), 2, 4);
        ag_tape_free(t);
    }
}

static ag_tensor scaled(ag_list x, void *user)
{
    return ag_mul(ag_exp(x.at[0]), ag_exp(ag_detach(*(ag_tensor *)user)));
}

/* What the function reads is held to what other ops' operands are, though only its memory be shared. */
static void what_it_read_may_not_have_been_written(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        ag_tape *t = new_tape();
        ag_tensor two = AG_VALUES(t, AG_SHAPE(2), 1, 2), x = ag_param(two, "x");
        ag_tensor other = kind == 0 ? x : kind == 1 ? ag_param(two, "p") : kind == 2 ? ag_buffer(two, "b") : two;
        ag_tensor y = ag_checkpoint(scaled, &other, AG_LIST(x));
        expect_fine(t);
        if (kind == 3)
            ((double *)ag_write(other, AG_F64))[0] = 5;
        else
            ag_assign(other, ag_mul_scalar(two, 2));
        assert_int_equal(ag_backward(ag_sum(y)), AG_EUSE);
        expect_error(t, AG_EUSE, "ag_checkpoint");
        assert_values(ag_grad(x), 0, 0);
        ag_tape_free(t);
    }
}

/* ---- at the edges */

static ag_tensor resetting(ag_list x, void *user)
{
    (void)user;
    ag_tape_reset(x.at[0].tape);
    return ag_neg(x.at[0]);
}

static ag_tensor nothing(ag_list x, void *user)
{
    (void)x, (void)user;
    return (ag_tensor){ 0 };
}

static ag_tensor whole(ag_list x, void *user)
{
    (void)user;
    return ag_greater(x.at[0], ag_zeros(x.at[0].tape, AG_F64, AG_SHAPE(2)));
}

static ag_tensor constant_part(ag_list x, void *user)
{
    (void)user;
    return ag_exp(ag_detach(x.at[0]));
}

static void misuse_is_refused(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int kind = 2;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    assert_true(is_inert(ag_checkpoint(NULL, NULL, AG_LIST(x)), t));
    expect_error(t, AG_ENULL, "ag_checkpoint: the function is NULL");
    assert_true(is_inert(ag_checkpoint(cube, NULL, ag_list_none(t)), t));
    expect_error(t, AG_ENULL, "list of arguments is empty");
    assert_int_equal(ag_checkpoint(cube, NULL, (ag_list){ NULL, 0 }).id, 0);
    assert_true(is_inert(ag_checkpoint(resetting, NULL, AG_LIST(x)), t));
    expect_error(t, AG_EUSE, "ag_tape_reset");
    assert_true(is_inert(ag_checkpoint(nothing, NULL, AG_LIST(x)), t));
    expect_error(t, AG_ENULL, "the function of ag_checkpoint");
    assert_true(same_handle(ag_checkpoint(changing, &kind, AG_LIST(x)), x));
    assert_int_equal(ag_dtype_of(ag_checkpoint(whole, NULL, AG_LIST(x))), AG_U8);
    ag_tensor y = ag_checkpoint(constant_part, NULL, AG_LIST(x));
    assert_false(ag_needs_grad(y));
    assert_values(y, exp(1), exp(2));
    ag_no_grad_begin(t);
    assert_true(is_inert(ag_checkpoint(resetting, NULL, AG_LIST(x)), t));
    expect_error(t, AG_EUSE, "ag_tape_reset");
    y = ag_checkpoint(cube, NULL, AG_LIST(x));
    ag_no_grad_end(t);
    assert_false(ag_needs_grad(y));
    assert_values(y, 1, 8);
    assert_true(ag_replayed(t, true) && !ag_replayed(t, false) && ag_replayed(NULL, true));
    expect_fine(t);
    ag_tape_free(t);
}

/* A checkpoint's node and value are all that it leaves; passes leave nothing. */
static void little_is_kept(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    layers l = make_layers(t, 64);
    ag_tensor x = ag_require_grad(ag_randn(t, AG_FLOAT, AG_SHAPE(512, 64), 0, 1));
    ag_tensor y = ag_checkpoint(dense, &l, AG_LIST(x, x));
    const int64_t nodes = ag_tape_nodes(t);
    y = ag_checkpoint(dense, &l, AG_LIST(y, x));
    assert_int_equal(ag_tape_nodes(t), nodes + 2);
    assert_int_equal(ag_backward(ag_mean(y)), AG_OK);
    assert_int_equal(ag_tape_nodes(t), nodes + 3);
    ag_tape_free(t);
}

static void memory_that_fails_leaves_gradients_as_they_were(void **state)
{
    (void)state;
    for (long fail = 1, done = 0; !done; fail++) {
        memory m = { 0 };
        ag_tape *t = tape_with((ag_options){ .allocator = allocator_of(&m) });
        ag_tensor x = ag_param(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3), "x");
        nn_module first, second, *mode[2] = { &first, &second };
        nn_init(mode[0], t, "a", double_in_training);
        nn_init(mode[1], t, "b", double_in_training);
        for (int i = 0; i < 61; i++)
            ag_variable(t, 1);
        m.fail_at = m.requests + fail;
        ag_tensor y = ag_checkpoint(forward_checkpoint, mode, AG_LIST(ag_checkpoint(cube_of_cube, NULL, AG_LIST(x))));
        ag_status status = ag_backward(ag_sum(y));
        done = m.fail_at > m.requests;
        m.fail_at = 0;
        assert_int_equal(status, done ? AG_OK : AG_ENOMEM);
        assert_true(done || ag_error(t) == AG_ENOMEM);
        ag_error_clear(t);
        assert_close(ag_item_at(ag_grad(x), 0), done ? 36 : 0, 0);
        assert_true(fail < 300);
        assert_usable(t);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_function),
        cmocka_unit_test(checkpoints_nest_and_are_differentiated_again),
        cmocka_unit_test(one_tensor_may_be_read_in_several_ways),
        cmocka_unit_test(checkpointed_code_passes_the_gradient_check),
        cmocka_unit_test(random_numbers_are_drawn_again),
        cmocka_unit_test(modules_run_again_in_the_mode_of_then),
        cmocka_unit_test(a_function_that_does_something_else_is_found_out),
        cmocka_unit_test(what_it_read_may_not_have_been_written),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(little_is_kept),
        cmocka_unit_test(memory_that_fails_leaves_gradients_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
