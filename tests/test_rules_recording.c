/* Rules of a user's that begin a block of no-grad and do not end it. */
#include "support.h"

static double copied(const double *x, const void *params)
{
    (void)params;
    return x[0];
}

static void forgetful_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], ag_square(ag_call_input(c, 0)));
    ag_no_grad_begin(ag_call_tape(c));
}

static const ag_op forgetful = { .name = "forgetful", .inputs = 1, .map = copied, .vjp = forgetful_vjp };

/* What other rules of the same pass give can be differentiated again none the less. */
static void a_block_of_no_grad_that_a_rule_begins_ends_with_it(void **state)
{
    (void)state;
    for (int ranked = 0; ranked < 2; ranked++) {
        ag_tape *t = new_tape();
        ag_tensor x = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 0.5)) : ag_variable(t, 0.5), g, h;
        ag_tensor u = ag_mul(x, ag_square(x)), y = ag_sum(ag_apply(&forgetful, AG_LIST(u), NULL));
        assert_int_equal(ag_gradients(y, AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
        assert_close(ag_item(g), 3 * pow(0.5, 8), 1e-15); /* x^6 3 x^2 */
        assert_int_equal(ag_gradients(ag_sum(g), AG_LIST(x), 0, &h), AG_OK);
        assert_close(ag_item(h), 24 * pow(0.5, 7), 1e-15);
        assert_close(ag_item(ag_hvp(y, x, x)), 12 * pow(0.5, 7), 1e-15);
        assert_int_equal(ag_backward(y), AG_OK);
        assert_close(ag_item(ag_grad(x)), 3 * pow(0.5, 8), 1e-15);
        assert_close(ag_item(ag_local(y, x)), 0, 0);
        expect_fine(t);
        assert_usable(t);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_of_no_grad_that_a_rule_begins_ends_with_it),
    };
    return cmocka_run_group_tests_name("rules and recording", tests, NULL, NULL);
}
