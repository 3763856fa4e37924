/* What an op's functions are given stays where it is, whatever they make meanwhile; and what a forward takes for itself
 * goes back when it returns. */
#include "support.h"

/* ---- memory that is spoilt as soon as it is given back */

static void *take(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    void *p = NULL;
    return posix_memalign(&p, alignment, bytes + !bytes) ? NULL : p;
}

static void spoil(void *user, void *p, size_t bytes)
{
    (void)user;
    memset(p, 0xff, bytes);
    free(p);
}

static ag_tape *spoiling_tape(void)
{
    return tape_with((ag_options){ .threads = 1, .allocator = { .allocate = take, .release = spoil } });
}

/* Every table moves at least once, if the tape lets an op's functions make tensors. */
static void move_tables(ag_tape *t)
{
    ag_error_push(t);
    for (int i = 0; i < 3000; i++)
        ag_constant(t, i);
    for (int i = 0; i < 3000; i++)
        ag_zeros(t, AG_F64, AG_SHAPE(1));
    ag_error_pop(t);
}

/* ---- y = a b + a, elementwise on dense operands of one shape; one of its functions moves the tables first */

typedef enum mover { NOBODY, SHAPE, FORWARD, FUSED, RULE, MOVERS } mover;

static void move_if(const ag_call *c, mover who)
{
    const mover *m = ag_call_params(c);
    if (*m == who)
        move_tables(ag_call_tape(c));
}

static ag_status moving_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    move_if(c, SHAPE);
    assert_true(*(const double *)x[0].data == 3 && *(const double *)x[1].data == 5);
    *y = (ag_array){ .dtype = AG_F64, .shape = x[0].shape };
    return AG_OK;
}

static ag_status moving_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    move_if(c, FORWARD);
    const double *a = x[0].data, *b = x[1].data;
    *(double *)y->data = *a * *b + *a;
    return AG_OK;
}

static void moving_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    move_if(c, RULE);
    dx[0] = ag_mul(dy[0], ag_add_scalar(ag_call_input(c, 1), 1));
    dx[1] = ag_mul(dy[0], ag_call_input(c, 0));
}

static ag_status moving_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const double *a = ag_call_input_array(c, 0)->data, *b = ag_call_input_array(c, 1)->data;
    const double *y = ag_call_output_array(c, 0)->data, *g = dy->data;
    move_if(c, FUSED);
    assert_true(*a == 3 && *b == 5 && *y == 18);
    for (int k = 0; k < 2; k++) {
        double *to = dx[k].data;
        *to = (beta[k] != 0 ? *to : 0) + *g * (k ? *a : *b + 1);
    }
    return AG_OK;
}

static const ag_op moving = { .name = "moving",
                              .inputs = 2,
                              .params_size = sizeof(mover),
                              .shape = moving_shape,
                              .forward = moving_forward,
                              .vjp = moving_vjp };

static void operands_stay_where_they_are(void **state)
{
    (void)state;
    for (int way = 0; way < 4 * MOVERS; way++) {
        mover who = (mover)(way / 4);
        ag_op op = moving;
        op.vjp_fused = who == RULE ? NULL : moving_fused;
        ag_tape *t = spoiling_tape();
        bool ranked = way % 2, persistent = way / 2 % 2;
        ag_tensor a = ranked ? AG_VALUES(t, AG_SHAPE(1), 3) : ag_constant(t, 3);
        ag_tensor b = ranked ? AG_VALUES(t, AG_SHAPE(1), 5) : ag_constant(t, 5);
        a = persistent ? ag_param(a, "a") : ranked ? ag_require_grad(a) : ag_variable(t, 3);
        b = persistent ? ag_param(b, "b") : ranked ? ag_require_grad(b) : ag_variable(t, 5);
        ag_tensor y = ag_apply(&op, AG_LIST(a, b), &who);
        assert_values(y, 18);
        assert_int_equal(ag_backward(ag_sum(ag_square(y))), AG_OK);
        assert_values(ag_grad(a), 36 * 6);
        assert_values(ag_grad(b), 36 * 3);
        assert_usable(t);
        ag_tape_reset(t);
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* A map that makes tensors while it runs over its operands. */

static double moving_map(const double *x, const void *params)
{
    move_tables(*(ag_tape *const *)params);
    return x[0] * x[1];
}

static void operands_of_a_map_stay_too(void **state)
{
    (void)state;
    const ag_op op = { .name = "mapped", .inputs = 2, .params_size = sizeof(ag_tape *), .map = moving_map };
    ag_tape *t = spoiling_tape();
    assert_values(ag_apply(&op, AG_LIST(ag_constant(t, 3), AG_VALUES(t, AG_SHAPE(3), 1, 2, 3)), &t), 3, 6, 9);
    ag_tape_free(t);
}

/* ---- a view of a number shows a copy that lasts */

static ag_status triple_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    *y = *x;
    y->shape = AG_SHAPE(3);
    y->stride[0] = 0;
    return AG_OK;
}

static void triple_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = dy[0];
}

static void a_view_of_a_number_lasts(void **state)
{
    (void)state;
    const ag_op op = { .name = "triple", .inputs = 1, .flags = AG_VIEW, .shape = triple_shape, .vjp = triple_vjp };
    ag_tape *t = spoiling_tape();
    ag_tensor x = ag_variable(t, 7), y = ag_apply(&op, AG_LIST(x), NULL);
    move_tables(t);
    assert_values(y, 7, 7, 7);
    assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
    assert_item(ag_grad(x), 3);
    ag_tape_free(t);
}

/* ---- outputs beyond those that lie on the stack, of which an operand is absent or unusable */

static ag_status forty_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    for (int k = 0; k < 40; k++)
        y[k] = (ag_array){ .dtype = AG_F64, .shape = x->shape };
    return AG_OK;
}

static ag_status forty_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c, (void)x;
    for (int k = 0; k < 40; k++)
        *(double *)y[k].data = k;
    return AG_OK;
}

static void many_outputs_of_no_operand(void **state)
{
    (void)state;
    const ag_op op = { .name = "forty", .inputs = 2, .outputs = 40, .shape = forty_shape, .forward = forty_forward };
    ag_tape *t = new_tape();
    ag_tensor x = ag_constant(t, 1), y[40];
    assert_true(is_inert(ag_apply(&op, AG_LIST(absent, x), NULL), t));
    expect_error(t, AG_ENULL, "operand 1");
    assert_true(is_inert(ag_apply(&op, AG_LIST(absent, absent), NULL), NULL));
    assert_true(is_inert(ag_apply(&op, AG_LIST(inert(t), x), NULL), t));
    expect_fine(t);
    assert_int_equal(ag_apply_all(&op, AG_LIST(absent, absent), NULL, y), AG_ENULL);
    assert_int_equal(ag_apply_all(&op, AG_LIST(x, x), NULL, y), AG_OK);
    assert_item(y[39], 39);
    assert_item(ag_apply(&op, AG_LIST(x, x), NULL), 0);
    ag_tape_free(t);
}

/* ---- what a forward takes for itself goes back when it returns */

enum { SIDE = 512, TIMES = 16 };

static uint64_t grown_by(ag_tensor (*work)(ag_tensor x))
{
    ag_tape *t = tape_with((ag_options){ .threads = 1 });
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(SIDE, SIDE), 0, 1);
    uint64_t before = ag_tape_memory(t);
    for (int i = 0; i < TIMES; i++)
        assert_true(ag_ok(work(x)));
    uint64_t grown = ag_tape_memory(t) - before;
    ag_tape_free(t);
    return grown;
}

static ag_tensor results_alone(ag_tensor x)
{
    return ag_empty(x.tape, AG_F64, AG_SHAPE(SIDE, SIDE));
}

static ag_tensor strided_product(ag_tensor x)
{
    return ag_matmul(ag_transpose(x, 0, 1), ag_slice(ag_transpose(x, 0, 1), 1, 0, SIDE, 1));
}

static ag_status greedy_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    *y = (ag_array){ .dtype = AG_F64, .shape = x->shape };
    return ag_call_scratch(c, 1 << 20) ? AG_OK : AG_ENOMEM;
}

static ag_status greedy_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    memcpy(y->data, x->data, (size_t)ag_shape_size(x->shape) * sizeof(double));
    return ag_call_scratch(c, 3 << 20) ? AG_OK : AG_ENOMEM;
}

static const ag_op greedy = { .name = "greedy", .inputs = 1, .shape = greedy_shape, .forward = greedy_forward };

static ag_tensor apply_greedy(ag_tensor x)
{
    return ag_apply(&greedy, AG_LIST(x), NULL);
}

static ag_tensor apply_to_strided(ag_tensor x) /* which the op wants dense */
{
    return ag_apply(&greedy, AG_LIST(ag_transpose(x, 0, 1)), NULL);
}

static void a_forwards_scratch_goes_back(void **state)
{
    (void)state;
    ag_tensor (*const works[])(ag_tensor x) = { strided_product, apply_greedy, apply_to_strided };
    const uint64_t live = grown_by(results_alone) + (8 << 20), allowed = live + live / 5; /* what one of them takes */
    for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
        uint64_t grown = grown_by(works[i]);
        if (grown > allowed)
            fail_msg("work %zu: %llu bytes instead of %llu", i, (unsigned long long)grown, (unsigned long long)allowed);
    }
}

/* Nothing that a forward made is lost with it. */
static ag_tensor kept;

static ag_status keeping_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    void *work = ag_call_scratch(c, 1 << 16);
    ag_error_push(ag_call_tape(c)); /* it may be refused */
    kept = AG_VALUES(ag_call_tape(c), AG_SHAPE(3), 1, 2, 3);
    ag_error_pop(ag_call_tape(c));
    memcpy(y->data, x->data, (size_t)ag_shape_size(x->shape) * sizeof(double));
    return work ? AG_OK : AG_ENOMEM;
}

static void what_a_forward_makes_stays(void **state)
{
    (void)state;
    ag_op op = greedy;
    op.forward = keeping_forward;
    ag_tape *t = new_tape();
    ag_tensor y = ag_apply(&op, AG_LIST(AG_VALUES(t, AG_SHAPE(2), 5, 6)), NULL);
    for (int i = 0; i < 100; i++)
        ag_full(t, AG_F64, AG_SHAPE(64), -1);
    assert_values(y, 5, 6);
    if (ag_ok(kept))
        assert_values(kept, 1, 2, 3);
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_stay_where_they_are), cmocka_unit_test(operands_of_a_map_stay_too),
        cmocka_unit_test(a_view_of_a_number_lasts),     cmocka_unit_test(many_outputs_of_no_operand),
        cmocka_unit_test(a_forwards_scratch_goes_back), cmocka_unit_test(what_a_forward_makes_stays),
    };
    return cmocka_run_group_tests_name("memory of user ops", tests, NULL, NULL);
}
