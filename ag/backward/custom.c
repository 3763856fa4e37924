/* A value whose derivative is given by a function of the caller's. */
#include "ag/backward/backward.h"

typedef struct custom_params {
    ag_custom_rule *rule;
    void *user;
} custom_params;

ag_status ag_shape_of_value(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    *y = x[0];
    return AG_OK;
}

/* Said here in the rule's own numbers: to the engine xs[0] is the second operand. */
static void check_result(const ag_call *c, size_t i, ag_tensor x, ag_tensor dx)
{
    ag_axes axes;
    char given[128], own[128];
    if (!ag_call_needs(c, (int)i + 1) || dx.tape != x.tape || !ag_ok(dx) ||
        ag_broadcast_axes(ag_shape_of(x), ag_shape_of(dx), &axes))
        return;
    ag_fail(x.tape, AG_ESHAPE, "ag_custom_vjp: the rule gave dx[%zu] the shape %s, but xs[%zu] has %s", i,
            ag_shape_text(ag_shape_of(dx), given, sizeof given), i, ag_shape_text(ag_shape_of(x), own, sizeof own));
}

static void custom_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const custom_params *p = ag_call_params(c);
    const size_t count = (size_t)ag_call_inputs(c) - 1;
    ag_tensor few[AG_FEW], *xs = count <= AG_FEW ? few : ag_call_scratch(c, count * sizeof *xs);
    ag_tensor y = ag_call_output(c, 0);
    if (!xs || !y.id)
        return;
    for (size_t i = 0; i < count; i++) {
        xs[i] = ag_call_input(c, (int)i + 1);
        if (!xs[i].id)
            return;
    }
    p->rule(y, dy[0], (ag_list){ xs, count }, dx + 1, p->user);
    for (size_t i = 0; i < count; i++)
        check_result(c, i, xs[i], dx[i + 1]);
}

static const ag_op custom = { .name = "ag_custom_vjp",
                              .formula = "y, with a derivative of the caller's",
                              .flags = AG_VARIADIC | AG_VIEW,
                              .params_size = sizeof(custom_params),
                              .shape = ag_shape_of_value,
                              .vjp = custom_vjp };

static ag_tensor refuse(ag_tape *t, ag_status s, const char *why)
{
    ag_fail(t, s, "ag_custom_vjp: %s", why);
    return ag_inert(t);
}

ag_tensor ag_custom_vjp(ag_tensor y, ag_list xs, ag_custom_rule *rule, void *user)
{
    ag_tape *t = y.tape;
    if (!t)
        return ag_inert(NULL);
    if (!rule)
        return refuse(t, AG_ENULL, "the rule is NULL");
    if (!xs.at || !xs.count)
        return refuse(t, AG_ENULL, "the list of what y depends on is empty");
    if (xs.count >= UINT16_MAX)
        return refuse(t, AG_ELIMIT, "the list is too long");
    if (ag_ok(y) && !ag_is_float(ag_dtype_of(y)))
        return refuse(t, AG_EDTYPE, "only floating tensors have derivatives");
    ag_tensor few[AG_FEW], *all = few;
    const size_t bytes = (xs.count + 1) * sizeof *all;
    if (xs.count >= AG_FEW && !(all = ag_pool_take(t, bytes)))
        return ag_inert(t);
    all[0] = y;
    memcpy(all + 1, xs.at, xs.count * sizeof *all);
    ag_tensor out = ag_apply(&custom, (ag_list){ all, xs.count + 1 }, &(custom_params){ rule, user });
    if (all != few)
        ag_pool_give(t, all, bytes);
    return out;
}
