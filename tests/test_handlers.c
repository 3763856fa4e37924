/* Error handlers that do what they should not: an error that is pending stays pending, the function that failed says
 * so, and nothing is lost. */
#include "support.h"

/* ---- handlers */

typedef enum act {
    CLEAR,
    PUSH,
    PUSH_AND_CLEAR,
    PROBE,
    POP,
    RESET,
    REWIND,
    BACKWARD,
    GRADIENTS,
    LOCAL,
    CHECK,
    MAKE,
    APPLY,
    READ,
    NO_GRAD,
    FAIL,
    CLEAR_AND_ALL,
    ACTS
} act;

typedef struct meddler {
    ag_tape *t;
    ag_tensor x, y;
    ag_mark mark;
    act act;
    int calls;
} meddler;

static ag_tensor square(ag_list x, void *user)
{
    (void)user;
    return ag_square(x.at[0]);
}

static void make_things(const meddler *m)
{
    for (int i = 0; i < 200; i++) {
        assert_true(is_inert(ag_variable(m->t, i), m->t));
        assert_true(is_inert(ag_mul(m->x, m->x), m->t));
        assert_true(is_inert(ag_zeros(m->t, AG_F32, AG_SHAPE(100)), m->t));
    }
    assert_true(is_inert(ag_linspace(m->t, AG_U8, 0, 1, 60000), m->t));
    assert_true(is_inert(ag_arange(m->t, AG_U8, 0, 60000, 1), m->t));
}

static void read_things(const meddler *m)
{
    assert_close(ag_item(m->x), 3, 0);
    assert_true(ag_ok(m->x) && ag_ok(m->y));
    assert_true(strlen(ag_show(m->x)) > 0);
}

static void do_one(const meddler *m, act a)
{
    ag_tensor g;
    switch (a) {
    case CLEAR:
        ag_error_clear(m->t);
        break;
    case PUSH:
        ag_error_push(m->t);
        break;
    case PUSH_AND_CLEAR:
        ag_error_push(m->t);
        ag_error_push(m->t);
        ag_error_clear(m->t);
        break;
    case PROBE:
        ag_error_push(m->t);
        ag_add(m->x, ag_zeros(m->t, AG_I32, AG_SHAPE(2)));
        assert_true(ag_error_pop(m->t) != AG_OK);
        break;
    case POP:
        ag_error_pop(m->t);
        break;
    case RESET:
        assert_true(ag_tape_reset(m->t) != AG_OK);
        break;
    case REWIND:
        assert_int_equal(ag_tape_rewind(m->t, m->mark), AG_EUSE);
        break;
    case BACKWARD:
        assert_true(ag_backward(m->y) != AG_OK);
        break;
    case GRADIENTS:
        assert_true(ag_gradients(m->y, AG_LIST(m->x), 0, &g) != AG_OK);
        assert_true(ag_gradients(m->y, AG_LIST(m->x), AG_CREATE_GRAPH, &g) != AG_OK);
        break;
    case LOCAL:
        assert_true(is_inert(ag_local(m->y, m->x), m->t));
        break;
    case CHECK:
        assert_int_equal(ag_gradcheck(square, NULL, AG_LIST(m->x), NULL), AG_INCONCLUSIVE);
        break;
    case NO_GRAD:
        ag_no_grad_begin(m->t);
        ag_no_grad_end(m->t);
        break;
    case FAIL:
        ag_fail(m->t, AG_ELIMIT, "another one");
        break;
    case READ:
        read_things(m);
        break;
    default:
        make_things(m);
    }
}

static void meddle(void *user, ag_status status, const char *text)
{
    meddler *m = user;
    (void)status;
    (void)text;
    if (!m->t)
        return;
    m->calls++;
    if (m->act != CLEAR_AND_ALL) {
        do_one(m, m->act);
        return;
    }
    ag_error_clear(m->t);
    for (int a = 0; a < CLEAR_AND_ALL; a++)
        do_one(m, (act)a);
}

static void failing_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_call_fail(c, AG_EARG, "on purpose");
    dx[0] = ag_mul_scalar(dy[0], 1e9); /* and then an answer */
}

static double triple(const double *x, const void *params)
{
    (void)params;
    return 3 * x[0];
}

static const ag_op failing = { .name = "failing", .inputs = 1, .map = triple, .vjp = failing_vjp };

/* What fails, one way after the other: an op, a pass, a pass that records, the local derivative, an action. */
static ag_status fail_somehow(const meddler *m, int way)
{
    ag_tensor g, y = m->y, wrong = ag_zeros(m->t, AG_F64, AG_SHAPE(2, 3));
    switch (way) {
    case 0:
        assert_true(is_inert(ag_matmul(wrong, wrong), m->t));
        return ag_error(m->t);
    case 1:
        return ag_backward(ag_mul(y, m->x));
    case 2:
        return ag_gradients(y, AG_LIST(m->x), 0, &g);
    case 3:
        return ag_gradients(y, AG_LIST(m->x), AG_CREATE_GRAPH, &g);
    case 4:
        return is_inert(ag_local(y, m->x), m->t) ? ag_error(m->t) : AG_OK;
    default:
        return ag_assign(m->x, wrong);
    }
}

/* Whatever the handler does, the error is there when the failed function returns. */
static void handlers_cannot_undo_an_error(void **state)
{
    (void)state;
    for (int a = 0; a < ACTS; a++) {
        for (int way = 0; way < 6; way++) {
            meddler m = { .act = (act)a };
            ag_tape *t = tape_with((ag_options){ .on_error = meddle, .user = &m });
            m.x = ag_variable(t, 3);
            m.mark = ag_tape_mark(t);
            m.y = ag_mul(m.x, ag_apply(&failing, AG_LIST(m.x), NULL));
            if (way == 4)
                m.y = ag_apply(&failing, AG_LIST(m.x), NULL);
            assert_int_equal(ag_backward(ag_square(m.x)), AG_OK);
            m.t = t;
            ag_status s = fail_somehow(&m, way);
            m.t = NULL;
            assert_int_equal(m.calls, 1);
            if (s == AG_OK || s != ag_error(t))
                print_error("act %d, way %d: %s, pending %s\n", a, way, ag_status_name(s), ag_status_name(ag_error(t)));
            assert_true(s != AG_OK && s == ag_error(t));
            assert_non_null(strstr(ag_error_text(t), way == 0 ? "ag_matmul" : way == 5 ? "ag_assign" : "on purpose"));
            ag_error_clear(t);
            assert_int_equal(ag_error_pop(t), AG_EUSE); /* nothing is hidden */
            ag_error_clear(t);
            assert_true(ag_ok(m.x) && ag_ok(m.y));
            ag_tensor like = ag_zeros(t, AG_F32, AG_SHAPE(100)); /* what the handler could not make */
            ag_full(t, AG_F64, AG_SHAPE(200), -1);
            assert_shape(like, 100);
            assert_item(ag_grad(m.x), 6);
            assert_usable(t);
            assert_int_equal(ag_tape_rewind(t, m.mark), AG_OK);
            assert_usable(t);
            ag_tape_free(t);
        }
    }
}

/* Nor a block of the caller's, whether it begins one of its own or ends the caller's. */
static void end_block(void *user, ag_status status, const char *text)
{
    (void)status, (void)text;
    ag_no_grad_end(*(ag_tape **)user);
}

static void begin_block(void *user, ag_status status, const char *text)
{
    (void)status, (void)text;
    ag_no_grad_begin(*(ag_tape **)user);
}

static void handlers_leave_blocks_without_gradients_alone(void **state)
{
    (void)state;
    ag_tape *t = NULL;
    t = ag_tape_new((ag_options){ .on_error = end_block, .user = &t });
    ag_tensor x = ag_variable(t, 2), m = ag_zeros(t, AG_F64, AG_SHAPE(2, 3));
    ag_no_grad_begin(t);
    ag_matmul(m, m);
    assert_false(ag_needs_grad(ag_square(x)));
    ag_no_grad_end(t);
    assert_int_equal(ag_error(t), AG_ESHAPE);
    assert_true(ag_needs_grad(ag_square(x)));
    ag_tape_free(t);
    t = NULL;
    t = ag_tape_new((ag_options){ .on_error = begin_block, .user = &t });
    x = ag_variable(t, 2);
    m = ag_zeros(t, AG_F64, AG_SHAPE(2, 3));
    ag_matmul(m, m);
    assert_true(ag_needs_grad(ag_square(x)));
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handlers_cannot_undo_an_error),
        cmocka_unit_test(handlers_leave_blocks_without_gradients_alone),
    };
    return cmocka_run_group_tests_name("handlers", tests, NULL, NULL);
}
