/* Ops of one's own whose shapes, forwards, rules or kernels fail or misbehave, and definitions that are
 * not complete. */
#include "support.h"

/* ---- ops that fail: y = x of one input, with something wrong */

typedef enum fault {
    SHAPE_FAILS,
    SHAPE_FAILS_SILENTLY,
    SHAPE_USE_RULE,
    SHAPE_NO_STATUS,
    NEGATIVE_EXTENT,
    RANK_9,
    HUGE_SHAPE,
    NO_DTYPE,
    UNKNOWN_DTYPE,
    FORWARD_FAILS,
    FORWARD_FAILS_SILENTLY,
    FORWARD_USE_RULE,
    FORWARD_NO_STATUS,
    FORWARD_SCRATCH,
    LAST_OF_FORWARD = FORWARD_SCRATCH,
    RULE_FAILS,
    RULE_INERT,
    RULE_WRONG_SHAPE,
    RULE_SMALLER_SHAPE,
    RULE_STALE,
    RULE_FOREIGN,
    RULE_RESETS,
    RULE_REWINDS,
    RULE_BACKWARD,
    RULE_GRADIENTS,
    RULE_GRAPH,
    RULE_HVP,
    RULE_LOCAL,
    RULE_READS_BEYOND,
    FUSED_FAILS,
    FUSED_FAILS_SILENTLY,
    FUSED_NO_STATUS,
    FUSED_OTHER_STATUS,
    FUSED_WRITES_AND_FAILS,
    FUSED_SCRATCH,
    FAULTS
} fault;

typedef struct fault_params {
    fault fault;
    ag_tensor other; /* a stale tensor, or one of another tape */
    ag_mark before;  /* of the time when the op was applied */
} fault_params;

static fault fault_of(const ag_call *c)
{
    const fault_params *p = ag_call_params(c);
    return p->fault;
}

static ag_status faulty_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    *y = (ag_array){ .dtype = AG_F64, .shape = x->shape };
    switch (fault_of(c)) {
    case SHAPE_FAILS:
        return ag_call_fail(c, AG_ESHAPE, "on purpose");
    case SHAPE_FAILS_SILENTLY:
        return AG_ESHAPE;
    case SHAPE_USE_RULE:
        return AG_USE_RULE;
    case SHAPE_NO_STATUS:
        return (ag_status)77;
    case NEGATIVE_EXTENT:
        y->shape = AG_SHAPE(2, -3);
        return AG_OK;
    case RANK_9:
        y->shape.rank = 9;
        return AG_OK;
    case HUGE_SHAPE:
        y->shape = AG_SHAPE((int64_t)1 << 31, (int64_t)1 << 30);
        return AG_OK;
    case NO_DTYPE:
        y->dtype = AG_FLOAT;
        return AG_OK;
    case UNKNOWN_DTYPE:
        y->dtype = (ag_dtype)77;
        return AG_OK;
    default:
        return AG_OK;
    }
}

static ag_status faulty_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    switch (fault_of(c)) {
    case FORWARD_FAILS:
        return ag_call_fail(c, AG_EARG, "on purpose");
    case FORWARD_FAILS_SILENTLY:
        return AG_EARG;
    case FORWARD_USE_RULE:
        return AG_USE_RULE;
    case FORWARD_NO_STATUS:
        return (ag_status)-1;
    case FORWARD_SCRATCH:
        return ag_call_scratch(c, SIZE_MAX / 2) ? AG_OK : AG_ENOMEM;
    default:
        memcpy(y->data, x->data, (size_t)ag_shape_size(x->shape) * sizeof(double));
        return AG_OK;
    }
}

static void faulty_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const fault_params *p = ag_call_params(c);
    ag_tape *t = ag_call_tape(c);
    dx[0] = dy[0];
    switch (p->fault) {
    case RULE_FAILS:
        ag_call_fail(c, AG_EARG, "on purpose");
        return;
    case RULE_INERT:
        dx[0] = inert(t);
        return;
    case RULE_WRONG_SHAPE:
        dx[0] = ag_zeros(t, AG_F64, AG_SHAPE(7));
        return;
    case RULE_SMALLER_SHAPE:
        dx[0] = ag_sum(dy[0]);
        return;
    case RULE_STALE:
    case RULE_FOREIGN:
        dx[0] = p->other;
        return;
    case RULE_RESETS:
        ag_tape_reset(t);
        return;
    case RULE_REWINDS:
        ag_tape_rewind(t, p->before);
        return;
    case RULE_BACKWARD:
        ag_backward(ag_sum(ag_call_input(c, 0)));
        return;
    case RULE_GRADIENTS:
    case RULE_GRAPH:
        ag_gradients(ag_call_output(c, 0), AG_LIST(ag_call_input(c, 0)), p->fault == RULE_GRAPH, &dx[0]);
        return;
    case RULE_HVP:
        dx[0] = ag_hvp(ag_call_output(c, 0), ag_call_input(c, 0), dy[0]);
        return;
    case RULE_LOCAL:
        dx[0] = ag_local(ag_call_output(c, 0), ag_call_input(c, 0));
        return;
    case RULE_READS_BEYOND:
        dx[0] = ag_mul(dy[0], ag_call_input(c, 1));
        return;
    default:
        return;
    }
}

static ag_status faulty_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    double *to = dx[0].data;
    (void)beta;
    switch (fault_of(c)) {
    case FUSED_FAILS:
        return ag_call_fail(c, AG_EARG, "on purpose");
    case FUSED_FAILS_SILENTLY:
        return AG_EARG;
    case FUSED_NO_STATUS:
        return (ag_status)77;
    case FUSED_OTHER_STATUS:
        ag_call_fail(c, AG_EARG, "on purpose");
        return AG_ESHAPE;
    case FUSED_WRITES_AND_FAILS:
        for (int64_t i = 0; to && i < ag_shape_size(dy->shape); i++)
            to[i] = 1e9;
        return AG_EARG;
    case FUSED_SCRATCH:
        return ag_call_scratch(c, SIZE_MAX / 2) ? AG_OK : AG_ENOMEM;
    default:
        return AG_USE_RULE;
    }
}

static const ag_op faulty = { .name = "faulty",
                              .inputs = 1,
                              .params_size = sizeof(fault_params),
                              .shape = faulty_shape,
                              .forward = faulty_forward,
                              .vjp = faulty_vjp,
                              .vjp_fused = faulty_fused };

static void failing_ops_leave_no_trace(void **state)
{
    (void)state;
    for (int f = 0; f < FAULTS; f++) {
        bool any_shape_fits = f == RULE_WRONG_SHAPE || f == RULE_SMALLER_SHAPE; /* on rank 0 it is summed */
        for (int kind = 0; kind < (any_shape_fits ? 2 : 4); kind++) {
            ag_tape *t = new_tape(), *other = new_tape();
            ag_tensor v = AG_VALUES(t, AG_SHAPE(2), 1, 2), x = kind == 0   ? ag_param(v, "x")
                                                               : kind == 1 ? ag_require_grad(v)
                                                               : kind == 2 ? ag_variable(t, 1)
                                                                           : ag_param(ag_constant(t, 1), "x");
            ag_tensor p = ag_param(v, "p"), s = ag_param(ag_constant(t, 3), "s"), g[3];
            fault_params params = { (fault)f, f == RULE_FOREIGN ? ag_variable(other, 1) : stale_tensor(t),
                                    ag_tape_mark(t) };
            if (f % 2) /* gradients that are there already */
                assert_int_equal(ag_backward(ag_add(ag_add(ag_sum(x), ag_sum(p)), s)), AG_OK);
            ag_tensor y = ag_apply(&faulty, AG_LIST(x), &params);
            if (f <= LAST_OF_FORWARD) {
                assert_true(is_inert(y, t));
            } else {
                ag_tensor l =
                    ag_add(ag_add(ag_sum(ag_mul(y, p)), ag_sum(ag_mul_scalar(x, 5))), ag_sum(ag_mul(ag_exp(p), s)));
                expect_fine(t);
                ag_status got = ag_backward(l);
                assert_int_equal(got, ag_error(t));
                assert_true(ag_error(t) != AG_OK);
            }
            if (!ag_error(t) || ag_error(t) >= AG_USE_RULE || strlen(ag_error_text(t)) < 10)
                print_error("fault %d, kind %d: %s: '%s'\n", f, kind, ag_status_name(ag_error(t)), ag_error_text(t));
            assert_true(ag_error(t) > AG_OK && ag_error(t) < AG_USE_RULE);
            assert_true(strlen(ag_error_text(t)) >= 10);
            ag_error_clear(t);
            for (int64_t i = 0; i < ag_size_of(x); i++) {
                if (ag_item_at(ag_grad(x), i) != f % 2)
                    print_error("fault %d, kind %d: the gradient changed\n", f, kind);
                assert_close(ag_item_at(ag_grad(x), i), f % 2, 0);
            }
            assert_values(ag_grad(p), f % 2, f % 2);
            assert_item(ag_grad(s), f % 2);
            assert_usable(t);
            /* the same through ag_gradients; the graph does not use the kernel */
            if (f > LAST_OF_FORWARD && f != RULE_RESETS) {
                for (int flags = 0; flags < 2; flags++) {
                    bool fails = !flags || f < FUSED_FAILS;
                    ag_status status = ag_gradients(ag_sum(ag_mul(y, p)), AG_LIST(x, p, s), flags, g);
                    if ((status != AG_OK) != fails)
                        print_error("fault %d, kind %d, flags %d: %s\n", f, kind, flags, ag_error_text(t));
                    assert_int_equal(status != AG_OK, fails);
                    assert_int_equal(is_inert(g[0], t), fails);
                    ag_error_clear(t);
                }
            }
            expect_fine(other);
            ag_tape_reset(t);
            assert_usable(t);
            ag_tape_free(t);
            ag_tape_free(other);
        }
    }
}

/* ---- definitions that are not complete, calls that do not fit */

static double triple(const double *x, const void *params)
{
    (void)params;
    return 3 * x[0];
}

static ag_status view_of_nowhere(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    *y = *x;
    y->shape.rank = 100;
    return AG_OK;
}

static const ag_op bad[] = {
    { 0 },
    { .name = "nothing", .inputs = 1 },
    { .name = "no_forward", .inputs = 1, .shape = faulty_shape },
    { .inputs = 1, .map = triple },
    { .name = "two_maps", .inputs = 1, .outputs = 2, .map = triple },
    { .name = "fewer_than_none", .inputs = 1, .outputs = -1, .shape = faulty_shape, .forward = faulty_forward },
    { .name = "too_many", .inputs = 1, .outputs = 256, .shape = faulty_shape, .forward = faulty_forward },
    { .name = "two_inputs", .inputs = 2, .map = triple },
    { .name = "wants_params", .inputs = 1, .params_size = 8, .map = triple },
    { .name = "bad_view", .inputs = 1, .flags = AG_VIEW, .shape = view_of_nowhere },
    { .name = "negative", .inputs = -1, .map = triple },
    { .name = "unknown_flag", .inputs = 1, .flags = 32, .map = triple },
    { .name = "any_flag", .inputs = 1, .flags = -1, .map = triple },
    { .name = "row", .inputs = 1, .flags = 1 << 16, .map = triple },
    { .name = "row_of_arrays", .inputs = 1, .flags = 1 << 16, .shape = faulty_shape, .forward = faulty_forward },
    { .name = "map_and_shape", .inputs = 1, .map = triple, .shape = faulty_shape },
    { .name = "map_and_forward", .inputs = 1, .map = triple, .forward = faulty_forward },
    { .name = "map_as_view", .inputs = 1, .flags = AG_VIEW, .map = triple },
    { .name = "view", .inputs = 1, .flags = AG_VIEW, .shape = view_of_nowhere, .forward = faulty_forward },
    { .name = "view_alone", .inputs = 1, .flags = AG_VIEW },
    { .name = "no_gradient", .inputs = 1, .flags = AG_NO_GRADIENT, .map = triple, .vjp = faulty_vjp },
    { .name = "no_kernel", .inputs = 1, .flags = AG_NO_GRADIENT, .map = triple, .vjp_fused = faulty_fused },
    { .name = "no_tangent", .inputs = 1, .flags = AG_NO_GRADIENT, .map = triple, .jvp = faulty_vjp },
    { .size = 8, .name = "another_size", .inputs = 1, .map = triple },
    { .size = sizeof(ag_op) + 8, .name = "later_version", .inputs = 1, .map = triple },
};

static void numbers_that_cannot_be_name_their_field(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_op none = { .name = "none", .map = triple },
                two = { .name = "two", .inputs = 1, .outputs = 2, .map = triple };
    ag_apply(&none, AG_LIST(ag_variable(t, 1)), NULL);
    expect_error(
        t, AG_EARG,
        "none: this op cannot be applied: its field inputs must be from 1 to 65535, or 0 too with AG_VARIADIC");
    ag_apply(&two, AG_LIST(ag_variable(t, 1)), NULL);
    expect_error(
        t, AG_EARG,
        "two: this op cannot be applied: its field outputs must be from 0, which means one, to 255, and a map has one");
    ag_tape_free(t);
}

static void definitions_are_checked(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 1), many[20];
    for (int i = 0; i < 20; i++)
        many[i] = x;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ag_tensor out[256];
        assert_true(is_inert(ag_apply(&bad[i], AG_LIST(x), NULL), t));
        assert_true(ag_error(t) != AG_OK && strlen(ag_error_text(t)) > 10);
        ag_error_clear(t);
        assert_true(ag_apply_all(&bad[i], AG_LIST(x), NULL, out) != AG_OK);
        assert_true(ag_error(t) != AG_OK);
        ag_error_clear(t);
        assert_usable(t);
    }
    const ag_op sized = { .size = sizeof sized, .name = "sized", .inputs = 1, .map = triple };
    assert_item(ag_apply(&sized, AG_LIST(x), NULL), 3);
    const ag_op thrice = { .name = "thrice", .inputs = 1, .map = triple },
                wide = { .name = "wide", .flags = AG_VARIADIC, .map = triple };
    ag_tensor out[2];
    assert_item(ag_apply(&thrice, AG_LIST(x), NULL), 3);
    assert_true(is_inert(ag_apply(&thrice, (ag_list){ many, 2 }, NULL), t));
    expect_error(t, AG_EARG, "thrice");
    assert_true(is_inert(ag_apply(&wide, (ag_list){ many, 20 }, NULL), t));
    expect_error(t, AG_ELIMIT, "wide");
    assert_true(is_inert(ag_apply(NULL, AG_LIST(x), NULL), t));
    expect_error(t, AG_ENULL, "ag_apply");
    assert_int_equal(ag_apply_all(NULL, AG_LIST(x), NULL, out), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_apply_all");
    assert_int_equal(ag_apply_all(&thrice, AG_LIST(x), NULL, NULL), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_apply_all");
    assert_true(is_inert(ag_apply(&thrice, (ag_list){ NULL, 1 }, NULL), NULL));
    assert_true(is_inert(ag_apply(&thrice, (ag_list){ NULL, 0 }, NULL), NULL));
    assert_int_equal(ag_apply_all(&thrice, (ag_list){ NULL, 1 }, NULL, out), AG_ENULL);
    assert_int_equal(ag_backward(ag_apply(&thrice, AG_LIST(x), NULL)), AG_EUSE); /* it has no rule */
    expect_error(t, AG_EUSE, "thrice");
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_ops_leave_no_trace),
        cmocka_unit_test(numbers_that_cannot_be_name_their_field),
        cmocka_unit_test(definitions_are_checked),
    };
    return cmocka_run_group_tests_name("failing user ops", tests, NULL, NULL);
}
