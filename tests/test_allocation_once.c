/* One request for memory fails, and the next would not: what failed has failed, and is not done after all. */
#include "support.h"

static void *take(void *user, size_t bytes, size_t alignment)
{
    bool *fails = user;
    void *p = *fails || posix_memalign(&p, alignment, bytes) ? NULL : p;
    *fails = false;
    return p;
}

static void give_back(void *user, void *p, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(p);
}

/* The node by which a persistent tensor enters a step is an operand's, and its op has a result only if it was made. */
static void entering_a_step(void **state)
{
    (void)state;
    bool fails = false;
    ag_tape *t = tape_with((ag_options){ .allocator = { .allocate = take, .release = give_back, .user = &fails } });
    ag_tensor p = ag_buffer(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p");
    for (int nodes = 0; nodes < 70; nodes++) {
        ag_tape_reset(t);
        for (int i = 0; i < nodes; i++)
            ag_zeros(t, AG_F64, AG_SHAPE(1));
        fails = true;
        bool made = ag_slice(p, 0, 0, 1, 1).id;
        assert_int_equal(made, !ag_error(t));
        fails = false;
        ag_error_clear(t);
    }
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- an op of two numbers, x / 2 and x^2 */

static ag_status numbers_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c, (void)x;
    y[0] = y[1] = (ag_array){ .dtype = AG_F64 };
    return AG_OK;
}

static ag_status numbers_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    double v = *(double *)x->data;
    *(double *)y[0].data = v / 2;
    *(double *)y[1].data = v * v;
    return AG_OK;
}

static void numbers_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor x = ag_call_input(c, 0);
    dx[0] = ag_add(ag_mul_scalar(dy[0], 0.5), ag_mul(dy[1], ag_mul_scalar(x, 2)));
}

static ag_status numbers_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0);
    if (!x)
        return AG_EUSE;
    double g = dy[0].data ? *(double *)dy[0].data / 2 : 0, *to = dx[0].data;
    g += dy[1].data ? 2 * *(double *)x->data * *(double *)dy[1].data : 0;
    *to = g + (beta[0] != 0 ? *to : 0);
    return AG_OK;
}

/* Whether an adjoint of 0 has arrived is told by a mask, for which there is no memory when it is first asked. */
static void telling_what_has_arrived(void **state)
{
    (void)state;
    static const ag_op numbers = { .name = "numbers",
                                   .inputs = 1,
                                   .outputs = 2,
                                   .shape = numbers_shape,
                                   .forward = numbers_forward,
                                   .vjp = numbers_vjp,
                                   .vjp_fused = numbers_vjp_fused };
    bool fails = false;
    ag_tape *t = tape_with((ag_options){ .allocator = { .allocate = take, .release = give_back, .user = &fails } });
    ag_tensor x = ag_variable(t, 3), y[2];
    for (int i = 0; i < 300000; i++)
        ag_constant(t, i);
    assert_int_equal(ag_backward(ag_square(ag_variable(t, 1))), AG_OK); /* tables are as large as they must be */
    assert_int_equal(ag_apply_all(&numbers, AG_LIST(x), NULL, y), AG_OK);
    ag_tensor loss = ag_mul_scalar(y[1], 5);
    fails = true;
    assert_int_equal(ag_backward(loss), AG_ENOMEM);
    assert_false(fails);
    assert_int_equal(ag_error(t), AG_ENOMEM);
    ag_error_clear(t);
    assert_item(ag_grad(x), 0);
    assert_int_equal(ag_backward(loss), AG_OK);
    assert_item(ag_grad(x), 30);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(entering_a_step), cmocka_unit_test(telling_what_has_arrived) };
    return cmocka_run_group_tests_name("allocation, once", tests, NULL, NULL);
}
