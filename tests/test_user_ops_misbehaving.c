/* Functions of a user's ops that do to their tape what they should not, and errors that they ignore. */
#include "support.h"

static ag_tensor square(ag_list x, void *user)
{
    (void)user;
    return ag_square(x.at[0]);
}

static void thrice_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = ag_mul_scalar(dy[0], 3);
}

static double triple(const double *x, const void *params)
{
    (void)params;
    return 3 * x[0];
}

static const ag_op thrice = { .name = "thrice", .inputs = 1, .map = triple, .vjp = thrice_vjp };

typedef enum place { IN_SHAPE, IN_FORWARD, IN_FUSED, PLACES } place;
typedef enum deed {
    RESETS,
    REWINDS,
    RUNS_BACKWARD,
    RUNS_GRADIENTS,
    RUNS_A_GRAPH,
    RUNS_HVP,
    RUNS_LOCAL,
    RUNS_A_CHECK,
    MAKES_NUMBERS,
    MAKES_ARRAYS,
    ADDS,
    MULTIPLIES,
    USES_A_PARAMETER,
    APPLIES,
    IGNORES_AN_ERROR,
    LAST_DEED = IGNORES_AN_ERROR,
    READS,
    WRITES_A_BUFFER,
    PROBES,
    BEGINS_NO_GRAD,
    DEEDS
} deed;

typedef struct deed_params {
    place place;
    deed deed;
    ag_tape *t;
    ag_tensor x, y, b;
    ag_mark mark;
} deed_params;

static void do_what_ops_may(const deed_params *p)
{
    const double one = 1;
    switch (p->deed) {
    case READS:
        assert_close(ag_item(p->x), 3, 0);
        assert_close(*(const double *)ag_data(p->x, AG_F64), 3, 0);
        break;
    case WRITES_A_BUFFER:
        assert_int_equal(ag_copy_in(p->b, AG_F64, &one, sizeof one), AG_OK);
        break;
    case PROBES:
        ag_error_push(p->t);
        ag_exp(p->x);
        assert_int_equal(ag_error_pop(p->t), AG_EUSE);
        break;
    default:
        ag_no_grad_begin(p->t);
    }
}

static void do_deed(const ag_call *c, place here)
{
    const deed_params *p = ag_call_params(c);
    ag_tape *t = p->t;
    ag_tensor g;
    if (p->place != here)
        return;
    switch (p->deed) {
    case RESETS:
        assert_int_equal(ag_tape_reset(t), AG_EUSE);
        return;
    case REWINDS:
        assert_int_equal(ag_tape_rewind(t, p->mark), AG_EUSE);
        return;
    case RUNS_BACKWARD:
        assert_int_equal(ag_backward(p->y), AG_EUSE);
        return;
    case RUNS_GRADIENTS:
    case RUNS_A_GRAPH:
        assert_int_equal(ag_gradients(p->y, AG_LIST(p->x), p->deed == RUNS_A_GRAPH, &g), AG_EUSE);
        return;
    case RUNS_HVP:
        assert_true(is_inert(ag_hvp(p->y, p->x, p->x), t));
        return;
    case RUNS_LOCAL:
        assert_true(is_inert(ag_local(p->y, p->x), t));
        return;
    case RUNS_A_CHECK:
        assert_int_equal(ag_gradcheck(square, NULL, AG_LIST(p->x), NULL), AG_INCONCLUSIVE);
        return;
    case MAKES_NUMBERS:
        for (int i = 0; i < 200; i++)
            assert_true(is_inert(ag_variable(t, 1), t));
        return;
    case MAKES_ARRAYS:
        for (int i = 0; i < 200; i++)
            assert_true(is_inert(ag_zeros(t, AG_F32, AG_SHAPE(7)), t));
        return;
    case ADDS:
        for (int i = 0; i < 200; i++)
            assert_true(is_inert(ag_add(p->x, p->y), t) && is_inert(ag_clamp(p->x, 0, 1), t));
        return;
    case MULTIPLIES:
        assert_true(is_inert(ag_matmul(p->b, p->b), t) && is_inert(ag_add(p->b, p->x), t));
        return;
    case USES_A_PARAMETER:
        assert_true(is_inert(ag_exp(p->b), t) && is_inert(ag_reshape(p->b, AG_SHAPE(1)), t));
        return;
    case APPLIES:
        assert_true(is_inert(ag_apply(&thrice, AG_LIST(p->x), NULL), t));
        return;
    case IGNORES_AN_ERROR:
        assert_null(ag_call_scratch(c, SIZE_MAX / 2));
        return;
    default:
        do_what_ops_may(p);
    }
}

static ag_status doing_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    *y = (ag_array){ .dtype = AG_F64, .shape = x->shape };
    do_deed(c, IN_SHAPE);
    return AG_OK;
}

static ag_status doing_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    do_deed(c, IN_FORWARD);
    memcpy(y->data, x->data, (size_t)ag_shape_size(x->shape) * sizeof(double));
    return AG_OK;
}

static void doing_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = dy[0];
}

static ag_status doing_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    do_deed(c, IN_FUSED);
    for (int64_t i = 0; dx[0].data && i < ag_shape_size(dy->shape); i++) {
        double *to = (double *)dx[0].data + i;
        *to = ((const double *)dy->data)[i] + (beta[0] ? *to : 0);
    }
    return AG_OK;
}

static const ag_op doing = { .name = "doing",
                             .inputs = 1,
                             .params_size = sizeof(deed_params),
                             .shape = doing_shape,
                             .forward = doing_forward,
                             .vjp = doing_vjp,
                             .vjp_fused = doing_fused };

/* Kernels compute on arrays: they make no tensors, begin no pass and end no step, and an error that they ignore is
 * none the less. Reading, writing buffers and probing are fine. */
static void kernels_leave_the_tape_alone(void **state)
{
    (void)state;
    for (int way = 0; way < PLACES * DEEDS * 2; way++) {
        ag_tape *t = new_tape();
        deed_params p = { .place = (place)(way % PLACES), .deed = (deed)(way / PLACES % DEEDS), .t = t };
        bool ranked = way / (PLACES * DEEDS), fails = p.deed <= LAST_DEED;
        p.x = ag_variable(t, 3);
        p.mark = ag_tape_mark(t);
        p.y = ag_square(p.x);
        p.b = ag_param(ag_ones(t, AG_F64, AG_SHAPE(1, 1)), "b");
        ag_tensor x = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 4, 5)) : ag_variable(t, 4);
        ag_tensor y = ag_apply(&doing, AG_LIST(x), &p);
        assert_int_equal(is_inert(y, t), fails && p.place != IN_FUSED);
        if (y.id) {
            ag_status s = ag_backward(ag_sum(ag_mul(y, y)));
            if ((s != AG_OK) != (fails && p.place == IN_FUSED))
                print_error("place %d, deed %d: %s\n", p.place, p.deed, ag_status_name(s));
            assert_int_equal(s != AG_OK, fails && p.place == IN_FUSED);
        }
        assert_int_equal(ag_error(t) != AG_OK, fails);
        if (fails && p.deed != IGNORES_AN_ERROR)
            expect_error(t, AG_EUSE, "");
        ag_error_clear(t);
        assert_close(ag_item_at(ag_grad(x), 0), fails ? 0 : 8, 0);
        assert_item(ag_grad(p.x), 0);
        assert_usable(t); /* recording is on, whatever the op began */
        assert_int_equal(ag_tape_rewind(t, p.mark), AG_OK);
        assert_usable(t);
        ag_tape_free(t);
    }
}

static void rule_that_ignores(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_exp(ag_zeros(ag_call_tape(c), AG_I32, AG_SHAPE(9)));
    dx[0] = dy[0];
}

static const ag_op ignoring = { .name = "ignoring", .inputs = 1, .map = triple, .vjp = rule_that_ignores };

static void a_rule_that_ignores_an_error_has_failed(void **state)
{
    (void)state;
    for (int ranked = 0; ranked < 2; ranked++) {
        ag_tape *t = new_tape();
        ag_tensor x = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 4, 5)) : ag_variable(t, 4), g;
        ag_tensor y = ag_apply(&ignoring, AG_LIST(x), NULL);
        assert_true(ag_backward(ag_sum(y)) != AG_OK);
        expect_error(t, AG_EDTYPE, "ag_exp");
        for (int flags = 0; flags < 2; flags++) {
            assert_true(ag_gradients(ag_sum(y), AG_LIST(x), flags, &g) != AG_OK);
            assert_true(is_inert(g, t));
            expect_error(t, AG_EDTYPE, "ag_exp");
        }
        assert_true(is_inert(ag_local(y, x), t));
        expect_error(t, AG_EDTYPE, "ag_exp");
        assert_close(ag_item_at(ag_grad(x), 0), 0, 0);
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* ---- kernels that forgive themselves */

static void try_to_make(const ag_call *c)
{
    ag_tape *t = ag_call_tape(c);
    assert_true(is_inert(ag_zeros(t, AG_F32, AG_SHAPE(7, 3)), t));
    assert_true(is_inert(ag_add(ag_call_input(c, 0), ag_call_input(c, 0)), t));
    ag_error_clear(t);
}

static ag_status trying_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    y->dtype = x->dtype;
    y->shape = x->shape;
    return AG_OK;
}

static ag_status trying_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    try_to_make(c);
    memcpy(y->data, x->data, (size_t)ag_shape_size(x->shape) * sizeof(double));
    return AG_OK;
}

static ag_status trying_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    try_to_make(c);
    (void)dy;
    (void)dx;
    (void)beta;
    return AG_USE_RULE;
}

/* The layout of what a kernel could not make is of memory that goes back: nobody else's. */
static void shapes_that_a_kernel_tried_are_not_shared(void **state)
{
    (void)state;
    const ag_op trying = { .name = "trying",
                           .inputs = 1,
                           .shape = trying_shape,
                           .forward = trying_forward,
                           .vjp = doing_vjp,
                           .vjp_fused = trying_fused };
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 4, 5)), y = ag_apply(&trying, AG_LIST(x), NULL);
    ag_tensor a = ag_zeros(t, AG_F32, AG_SHAPE(7, 3));
    assert_shape(a, 7, 3);
    assert_int_equal(ag_backward_from(y, x), AG_OK);
    ag_tensor b = ag_ones(t, AG_F32, AG_SHAPE(7, 3));
    assert_shape(b, 7, 3);
    assert_values(ag_grad(x), 4, 5);
    assert_item(ag_sum(ag_mul(a, b)), 0);
    assert_usable(t);
    ag_tape_free(t);
}

static ag_status whole_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    *y = *x;
    ag_elu(*(const ag_tensor *)ag_call_params(c), 1);
    return AG_OK;
}

/* An op that is made where none can be, on a dtype that it does not take. */
static void the_first_error_does_not_depend_on_values_that_wait(void **state)
{
    (void)state;
    const ag_op whole = { .name = "whole",
                          .inputs = 1,
                          .params_size = sizeof(ag_tensor),
                          .shape = whole_shape,
                          .forward = doing_forward,
                          .vjp = doing_vjp };
    for (int waits = 0; waits < 2; waits++) {
        ag_tape *t = tape_with((ag_options){ .fuse = waits ? 1 : AG_FUSE_OFF });
        const ag_tensor number = ag_sum(ag_ones(t, AG_I64, AG_SHAPE(2))), x = AG_VALUES(t, AG_SHAPE(2), 4, 5);
        const ag_tensor later = ag_exp(ag_full(t, AG_F64, AG_SHAPE(300), 4));
        ag_apply(&whole, AG_LIST(x), &number);
        expect_error(t, AG_EUSE, "no tensor can be made");
        ag_error_clear(t);
        assert_close(ag_item_at(later, 0), exp(4), 1e-12);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_leave_the_tape_alone),
        cmocka_unit_test(the_first_error_does_not_depend_on_values_that_wait),
        cmocka_unit_test(a_rule_that_ignores_an_error_has_failed),
        cmocka_unit_test(shapes_that_a_kernel_tried_are_not_shared),
    };
    return cmocka_run_group_tests_name("misbehaving user ops", tests, NULL, NULL);
}
