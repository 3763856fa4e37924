/* Hooks that fail, that do what they must not, or that are gone: the pass fails and no gradient changes. */
#include "memory.h"

static int calls;

static ag_tensor count(ag_tensor adjoint, void *user)
{
    (void)adjoint;
    (void)user;
    calls++;
    return absent;
}

static ag_tensor give(ag_tensor adjoint, void *user)
{
    (void)adjoint;
    calls++;
    return *(ag_tensor *)user;
}

static void not_every_tensor_can_have_one(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1), constant = ag_constant(t, 1), buffer = ag_buffer(constant, "b"),
              p = ag_param(x, "p");
    ag_tensor whole = ag_greater(x, constant);
    assert_int_equal(ag_hook(absent, count, NULL), AG_ENULL);
    assert_int_equal(ag_hook(inert(t), count, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_hook");
    assert_int_equal(ag_hook(stale_tensor(t), count, NULL), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_hook");
    assert_int_equal(ag_hook(x, NULL, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_hook: the function is NULL");
    const ag_tensor without[] = { constant, buffer, whole, ag_detach(x) };
    for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
        assert_int_equal(ag_hook(without[i], count, NULL), AG_EUSE);
        expect_error(t, AG_EUSE, " wants no gradient; ag_param, ag_variable and ag_require_grad make tensors that do");
    }
    ag_release(p);
    assert_int_equal(ag_hook(p, count, NULL), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_hook");
    assert_usable(t);
    ag_tape_free(t);
}

static void what_a_hook_gives_is_checked(void **state)
{
    (void)state;
    ag_tape *t = new_tape(), *other = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), h = ag_name(ag_mul_scalar(x, 3), "h"),
              y = ag_sum(h), g;
    const struct {
        ag_tensor given;
        ag_status status;
        const char *text;
    } bad[] = {
        { AG_VALUES(t, AG_SHAPE(3), 1, 2, 3), AG_ESHAPE,
          "ag_hook: the hook of 'h' gave [3] for an adjoint of shape [2]" },
        { ag_constant(t, 1), AG_ESHAPE, "ag_hook: the hook of 'h' gave [] for an adjoint of shape [2]" },
        { ag_zeros(t, AG_I64, AG_SHAPE(2)), AG_EDTYPE,
          "ag_hook: the hook of 'h' gave i64 for an adjoint, which is floating" },
        { stale_tensor(t), AG_ESTALE, "the hook of 'h'" },
        { inert(t), AG_ENULL, "the hook of 'h': the tensor is the result of a failed op" },
        { ag_constant(other, 1), AG_EUSE, "the hook of 'h': the tensor belongs to another tape" },
    };
    ag_tensor now;
    ag_hook(h, give, &now);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        now = bad[i].given;
        assert_int_equal(ag_backward(y), bad[i].status);
        expect_error(t, bad[i].status, bad[i].text);
        for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
            assert_int_equal(ag_gradients(y, AG_LIST(x), flags, &g), bad[i].status);
            expect_error(t, bad[i].status, bad[i].text);
        }
        assert_values(ag_grad(x), 0, 0);
    }
    now = AG_VALUES(t, AG_SHAPE(2), 5, 7);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_values(ag_grad(x), 15, 21);
    ag_tape_free(t);
    ag_tape_free(other);
}

/* ---- what a hook must not do */

enum { FAIL, RESET, REWIND, BACKWARD, HOOK, HOOK_PARAMETER, WAYS };
typedef struct misuse {
    int way;
    ag_tensor y, x, p;
    ag_mark mark;
} misuse;

static ag_tensor misbehave(ag_tensor adjoint, void *user)
{
    const misuse *m = user;
    ag_tape *t = adjoint.tape;
    ag_no_grad_begin(t); /* is over with the hook */
    switch (m->way) {
    case FAIL:
        ag_fail(t, AG_EFILE, "not today");
        break;
    case RESET:
        ag_tape_reset(t);
        break;
    case REWIND:
        ag_tape_rewind(t, m->mark);
        break;
    case BACKWARD:
        ag_enable_grad_begin(t); /* so is this */
        ag_backward(m->y);
        break;
    case HOOK:
        ag_hook(m->x, count, NULL);
        break;
    case HOOK_PARAMETER:
        ag_hook(m->p, count, NULL);
        break;
    }
    return absent;
}

static void a_hook_keeps_out_of_what_is_going_on(void **state)
{
    (void)state;
    static const char *const texts[] = { "not today",     "ag_tape_reset: not inside", "ag_tape_rewind: ",
                                         "ag_backward: ", "ag_hook: not inside",       "ag_hook: not inside" };
    static const ag_status statuses[] = { AG_EFILE, AG_EUSE, AG_EUSE, AG_EUSE, AG_EUSE, AG_EUSE };
    ag_tape *t = new_tape();
    misuse m = { .mark = ag_tape_mark(t) };
    m.x = ag_variable(t, 2);
    m.p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p");
    ag_tensor h = ag_square(m.x), g[2];
    m.y = ag_mul(h, ag_sum(ag_square(m.p)));
    ag_hook(h, misbehave, &m);
    for (m.way = 0; m.way < WAYS; m.way++) {
        assert_int_equal(ag_backward(m.y), statuses[m.way]);
        expect_error(t, statuses[m.way], texts[m.way]);
        for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
            assert_int_equal(ag_gradients(m.y, AG_LIST(m.x, m.p), flags, g), statuses[m.way]);
            expect_error(t, statuses[m.way], texts[m.way]);
        }
        assert_item(ag_grad(m.x), 0);
        assert_values(ag_grad(m.p), 0, 0);
    }
    assert_int_equal(ag_backward(m.y), AG_OK);
    assert_item(ag_grad(m.x), 20);
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- graphs of a hook's own */

static ag_tensor differentiate(ag_tensor adjoint, void *user)
{
    ag_tape *t = adjoint.tape;
    ag_tensor g;
    const unsigned suspended = ag_enable_grad_begin(t);
    ag_tensor x = ag_require_grad(ag_detach(adjoint)), inner = ag_square(x);
    ag_hook(inner, count, NULL);
    ag_gradients(ag_sum(ag_square(inner)), AG_LIST(x), 0, &g); /* 4 x^3 */
    ag_enable_grad_end(t, suspended);
    (void)user;
    return g;
}

static void a_hook_has_passes_and_hooks_of_its_own(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), h = ag_mul_scalar(x, 5);
    ag_tensor k = ag_mul_scalar(v, 1), y = ag_add(ag_mul_scalar(h, 2), ag_sum(ag_mul_scalar(k, 3)));
    ag_hook(h, differentiate, NULL);
    ag_hook(k, differentiate, NULL);
    calls = 0;
    assert_int_equal(ag_backward(y), AG_OK);
    assert_int_equal(calls, 2);
    assert_item(ag_grad(x), 5 * 32);
    assert_values(ag_grad(v), 108, 108);
    ag_tape_free(t);
}

static ag_tensor body(ag_list x, void *user)
{
    ag_tensor h = ag_square(x.at[0]);
    ag_hook(h, count, user);
    return ag_sum(ag_sin(h));
}

static void functions_under_a_checkpoint_have_hooks(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    calls = 0;
    assert_int_equal(ag_backward(ag_checkpoint(body, NULL, AG_LIST(x))), AG_OK);
    expect_fine(t);
    assert_int_equal(calls, 1);
    assert_values(ag_grad(x), 2 * cos(1), 4 * cos(4));
    ag_tape_free(t);
}

/* An infinity that a branch not taken leaves out makes the pass begin again, but not the hooks. */
static void hooks_under_a_checkpoint_are_called_once(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 0), h = ag_mul_scalar(x, 2);
    ag_tensor y = ag_mul(ag_checkpoint(body, NULL, AG_LIST(ag_add_scalar(x, 1))), ag_sqrt(ag_relu(h)));
    calls = 0;
    assert_int_equal(ag_backward(ag_add(y, ag_checkpoint(body, NULL, AG_LIST(x)))), AG_OK);
    assert_int_equal(calls, 2);
    ag_tape_free(t);
}

static ag_tensor hooks_a_constant(ag_list x, void *user)
{
    ag_hook(ag_detach(x.at[0]), count, user);
    return ag_sin(x.at[0]);
}

static ag_tensor hooks_its_argument(ag_list x, void *user)
{
    ag_hook(x.at[0], count, user);
    return ag_sin(x.at[0]);
}

static void what_cannot_have_a_hook_is_refused_when_a_checkpoint_is_made(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1);
    assert_true(is_inert(ag_checkpoint(hooks_a_constant, NULL, AG_LIST(x)), t));
    expect_error(t, AG_EUSE, "ag_hook: the tensor wants no gradient");
    assert_true(is_inert(ag_checkpoint(hooks_its_argument, NULL, AG_LIST(x)), t));
    expect_error(t, AG_EUSE, "nor in a rule, a hook or a checkpoint for a tensor that was there before");
    ag_tape_free(t);
}

/* ---- hooks that are gone */

static void hooks_go_with_their_tensors(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2), h = ag_square(x), k;
    ag_hook(h, count, NULL);
    ag_mark mark = ag_tape_mark(t);
    k = ag_sin(h);
    ag_hook(k, count, NULL);
    calls = 0;
    assert_int_equal(ag_backward(k), AG_OK);
    assert_int_equal(calls, 2);
    ag_tape_rewind(t, mark);
    k = ag_sin(h); /* in the place of the other one */
    assert_int_equal(ag_backward(k), AG_OK);
    assert_int_equal(calls, 3);
    ag_tape_reset(t);
    x = ag_variable(t, 2), h = ag_square(x), k = ag_sin(h);
    assert_int_equal(ag_backward(k), AG_OK);
    assert_int_equal(calls, 3);
    assert_item(ag_grad(x), 4 * cos(4));
    ag_tape_free(t);
}

/* ---- finite checks */

static ag_tensor spoil(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_mul_scalar(adjoint, INFINITY);
}

static ag_tensor clean(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_clamp(adjoint, -1, 1);
}

static void finite_checks_look_at_what_hooks_give(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .check_finite = true });
    ag_tensor x = ag_variable(t, 1), v = ag_name(ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 0, 4)), "v"), g;
    ag_tensor h = ag_name(ag_square(x), "h"), y = ag_sum(ag_sqrt(v));
    ag_hook(h, spoil, NULL);
    ag_hook(v, clean, NULL); /* the infinite derivative of the root does not get through */
    for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
        assert_int_equal(ag_gradients(h, AG_LIST(x), flags, &g), AG_EVALUE);
        expect_error(t, AG_EVALUE, "ag_hook: a hook of 'h' makes element 0 of a finite adjoint, [], inf");
        assert_int_equal(ag_gradients(y, AG_LIST(v), flags, &g), AG_OK);
        assert_values(g, 1, 0.25);
    }
    ag_hook(v, spoil, NULL);
    assert_int_equal(ag_backward(y), AG_EVALUE);
    expect_error(t, AG_EVALUE, "ag_sqrt, on the way back: the gradient by 'v' is inf at element 0 of [2]");
    ag_tape_free(t);
}

/* ---- memory that fails */

static ag_tensor scale(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_mul_scalar(ag_add(adjoint, adjoint), 0.5);
}

static bool train(ag_tape *t, double *to)
{
    ag_tensor p = ag_param(ag_full(t, AG_F64, AG_SHAPE(50), 2), "p"), x = ag_variable(t, 3), g[2] = { absent, absent };
    ag_tensor h = ag_square(x), k = ag_sum(ag_mul(p, h));
    for (int i = 0; i < 20; i++)
        if (ag_hook(h, scale, NULL) || ag_hook(p, scale, NULL) || ag_hook(k, scale, NULL))
            return false;
    bool done = !ag_backward(k) && !ag_gradients(k, AG_LIST(x, p), AG_CREATE_GRAPH, g);
    to[0] = ag_item(ag_grad(x));
    to[1] = ag_item_at(ag_grad(p), 49);
    to[2] = ag_item(g[0]);
    to[3] = ag_item_at(g[1], 0);
    return done && !ag_error(t);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const double right[] = { 600, 9, 600, 9 };
    for (int checked = 0; checked < 2; checked++) {
        bool done = false;
        for (long fail_at = 1; !done; fail_at++) {
            memory m = { .fail_at = 0 };
            ag_tape *t = ag_tape_new(
                (ag_options){ .on_error = ag_quiet, .check_finite = checked, .allocator = allocator_of(&m) });
            double to[4];
            m.fail_at = m.requests + fail_at;
            done = train(t, to);
            assert_int_equal(ag_error(t), done ? AG_OK : AG_ENOMEM);
            m.fail_at = 0;
            ag_error_clear(t);
            ag_tape_reset(t);
            assert_true(train(t, to));
            assert_memory_equal(to, right, sizeof to);
            ag_tape_free(t);
            assert_int_equal(m.bytes, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_every_tensor_can_have_one),
        cmocka_unit_test(what_a_hook_gives_is_checked),
        cmocka_unit_test(a_hook_keeps_out_of_what_is_going_on),
        cmocka_unit_test(a_hook_has_passes_and_hooks_of_its_own),
        cmocka_unit_test(functions_under_a_checkpoint_have_hooks),
        cmocka_unit_test(hooks_under_a_checkpoint_are_called_once),
        cmocka_unit_test(what_cannot_have_a_hook_is_refused_when_a_checkpoint_is_made),
        cmocka_unit_test(hooks_go_with_their_tensors),
        cmocka_unit_test(finite_checks_look_at_what_hooks_give),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
