/* Jacobians, Hessians and their products with what they should not get. */
#include "misuse.h"

/* Every one of them, with the failing operand in turn; `of` has one element. */
static void try_all(ag_tape *t, ag_tensor of, ag_tensor by, ag_tensor v, ag_status status)
{
    ag_tensor out[2] = { by, by };
    expect_inert(t, ag_jacobian(of, by), status, "ag_jacobian");
    expect_inert(t, ag_hessian(of, by), status, "ag_hessian");
    expect_inert(t, ag_jvp(of, AG_LIST(by), AG_LIST(v)), status, "ag_jvp");
    expect_inert(t, ag_hvp(of, by, v), status, "ag_hvp");
    expect_refusal(t, ag_hvps(of, AG_LIST(by, by), AG_LIST(v, v), out), status, "ag_hvps");
    assert_true(is_inert(out[0], t) && is_inert(out[1], t));
    out[0] = by;
    expect_refusal(t, ag_vjps(of, of, AG_LIST(by), out), status, "ag_vjps");
    assert_true(is_inert(out[0], t));
}

static void handles(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor y = ag_sum(ag_square(b.p)), out;
    const struct {
        ag_tensor x;
        ag_status status;
    } bad[] = { { absent, AG_ENULL },
                { b.foreign, AG_EUSE },
                { b.stale, AG_ESTALE },
                { inert(t), AG_ENULL },
                { b.released, AG_ESTALE } };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ag_tensor x = bad[i].x;
        if (x.tape == t)
            try_all(t, x, b.p, b.p, bad[i].status);
        try_all(t, y, x, b.p, bad[i].status);
        expect_inert(t, ag_jvp(y, AG_LIST(b.p, b.p), AG_LIST(b.p, x)), bad[i].status, "ag_jvp");
        expect_inert(t, ag_hvp(y, b.p, x), bad[i].status, "ag_hvp");
        expect_refusal(t, ag_hvps(y, AG_LIST(b.p), AG_LIST(x), &out), bad[i].status, "ag_hvps");
        expect_refusal(t, ag_vjps(y, x, AG_LIST(b.p), &out), bad[i].status, "ag_vjps");
    }
    assert_true(is_inert(ag_jacobian(absent, b.p), NULL) && is_inert(ag_hessian(absent, b.p), NULL) &&
                is_inert(ag_jvp(absent, AG_LIST(b.p), AG_LIST(b.p)), NULL));
    assert_int_equal(ag_hvps(absent, AG_LIST(b.p), AG_LIST(b.p), &out), AG_ENULL);
    assert_int_equal(ag_vjps(absent, y, AG_LIST(b.p), &out), AG_ENULL);
    free_bench(&b);
}

static void lists(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor y = ag_sum(ag_square(b.p)), out[2], short_one = AG_VALUES(t, AG_SHAPE(2), 1, 2);
    const ag_list none = { NULL, 1 };
    expect_inert(t, ag_jvp(y, none, AG_LIST(b.p)), AG_ENULL, "ag_jvp");
    expect_inert(t, ag_jvp(y, AG_LIST(b.p), none), AG_ENULL, "ag_jvp");
    expect_inert(t, ag_jvp(y, AG_LIST(b.p, b.p), AG_LIST(b.p)), AG_EARG, "ag_jvp: there are 2 tensors, but");
    expect_inert(t, ag_jvp(y, AG_LIST(b.p, b.p), AG_LIST(b.p, short_one)), AG_ESHAPE,
                 "ag_jvp: vector 2 has shape [2], but");
    expect_refusal(t, ag_hvps(y, none, AG_LIST(b.p), out), AG_ENULL, "ag_hvps");
    expect_refusal(t, ag_hvps(y, AG_LIST(b.p), none, out), AG_ENULL, "ag_hvps");
    expect_refusal(t, ag_hvps(y, AG_LIST(b.p), AG_LIST(b.p), NULL), AG_ENULL, "ag_hvps");
    expect_refusal(t, ag_hvps(y, AG_LIST(b.p), (ag_list){ NULL, 0 }, out), AG_EARG, "ag_hvps");
    expect_refusal(t, ag_hvps(y, AG_LIST(b.p), AG_LIST(short_one), out), AG_ESHAPE, "ag_hvps");
    expect_refusal(t, ag_vjps(y, y, none, out), AG_ENULL, "ag_vjps");
    expect_refusal(t, ag_vjps(y, y, AG_LIST(b.p), NULL), AG_ENULL, "ag_vjps");
    expect_refusal(t, ag_vjps(y, short_one, AG_LIST(b.p), out), AG_ESHAPE, "ag_vjps");
    free_bench(&b);
}

static void shapes_and_dtypes(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor out, y = ag_square(b.p), whole = ag_cast(y, AG_I64), i = ag_cast(b.p, AG_I32);
    expect_inert(t, ag_hessian(y, b.p), AG_ESHAPE, "ag_hessian: the function's value has shape [3]");
    expect_inert(t, ag_hvp(y, b.p, b.p), AG_ESHAPE, "ag_hvp");
    expect_refusal(t, ag_hvps(y, AG_LIST(b.p), AG_LIST(b.p), &out), AG_ESHAPE, "ag_hvps");
    try_all(t, ag_select(whole, 0, 0), b.p, b.p, AG_EDTYPE);
    expect_inert(t, ag_jvp(y, AG_LIST(b.p), AG_LIST(i)), AG_EDTYPE, "ag_jvp: vector 1 is i32");
    ag_tensor deep = ag_expand(ag_sum(y), AG_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    expect_inert(t, ag_jacobian(deep, b.p), AG_ESHAPE,
                 "ag_jacobian: the derivative of [1,1,1,1,1,1,1,1] by [3] would have 9");
    ag_tensor five = ag_require_grad(ag_ones(t, AG_F64, AG_SHAPE(1, 2, 1, 2, 1)));
    expect_inert(t, ag_hessian(ag_sum(five), five), AG_ESHAPE, "ag_hessian");
    ag_tensor vast = ag_expand(ag_sum(y), AG_SHAPE((int64_t)1 << 40));
    expect_inert(t, ag_jacobian(vast, vast), AG_ELIMIT, "ag_jacobian");
    expect_inert(t, ag_jacobian(vast, b.p), AG_ENOMEM, "");
    free_bench(&b);
}

/* A value that was overwritten is missed by all of them. */
static void values_that_are_gone(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor q = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "q"), y = ag_sum(ag_exp(ag_square(q))), out;
    ag_assign(q, AG_VALUES(t, AG_SHAPE(2), 3, 4));
    expect_inert(t, ag_jacobian(y, q), AG_EUSE, "'q' was written");
    expect_inert(t, ag_hessian(y, q), AG_EUSE, "'q' was written");
    expect_inert(t, ag_jvp(y, AG_LIST(q), AG_LIST(q)), AG_EUSE, "'q' was written");
    expect_refusal(t, ag_hvps(y, AG_LIST(q), AG_LIST(q), &out), AG_EUSE, "'q' was written");
    expect_refusal(t, ag_vjps(y, ag_constant(t, 1), AG_LIST(q), &out), AG_EUSE, "'q' was written");
    ag_release(q);
    free_bench(&b);
}

static void while_an_error_is_pending(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor y = ag_sum(ag_square(b.p)), out = y;
    ag_fail(t, AG_EFILE, "pending");
    assert_true(is_inert(ag_jacobian(y, b.p), t) && is_inert(ag_hessian(y, b.p), t));
    assert_true(is_inert(ag_jvp(y, AG_LIST(b.p), AG_LIST(b.p)), t));
    assert_int_equal(ag_hvps(y, AG_LIST(b.p), AG_LIST(b.p), &out), AG_EFILE);
    assert_true(is_inert(out, t));
    assert_int_equal(ag_vjps(y, y, AG_LIST(b.p), &out), AG_EFILE);
    expect_error(t, AG_EFILE, "pending");
    free_bench(&b);
}

/* ---- inside of functions */

static ag_tensor seen;

static void hostile(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    ag_tensor one = ag_constant(y.tape, 1), out;
    (void)dy;
    switch (*(const int *)user) {
    case 0:
        seen = ag_jacobian(y, xs.at[0]);
        break;
    case 1:
        seen = ag_hessian(y, xs.at[0]);
        break;
    case 2:
        seen = ag_jvp(y, xs, AG_LIST(one));
        break;
    case 3:
        ag_hvps(y, xs, AG_LIST(one), &out);
        break;
    default:
        ag_vjps(y, one, xs, &out);
    }
    dx[0] = one;
}

static void inside_a_rule(void **state)
{
    (void)state;
    static const char *const names[] = { "ag_jacobian", "ag_hessian", "ag_jvp", "ag_hvps", "ag_vjps" };
    bench b = new_bench();
    for (int i = 0; i < 5; i++) {
        ag_tensor x = ag_variable(b.t, 2), y = ag_custom_vjp(ag_constant(b.t, 4), AG_LIST(x), hostile, &i);
        expect_refusal(b.t, ag_backward(y), AG_EUSE, names[i]);
    }
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles),           cmocka_unit_test(lists),
        cmocka_unit_test(shapes_and_dtypes), cmocka_unit_test(values_that_are_gone),
        cmocka_unit_test(inside_a_rule),     cmocka_unit_test(while_an_error_is_pending),
    };
    return cmocka_run_group_tests_name("misuse of transforms", tests, NULL, NULL);
}
