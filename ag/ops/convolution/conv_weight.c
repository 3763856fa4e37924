/* The derivative of a convolution by its weight, for rules: linear in x and dy, as the convolution is in x and w. */
#define AG_OPS_INNER
#include "ag/ops/convolution/convolution.h"

static ag_status weight_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    return ag_conv_shape(c, AG_CONV_W, x, y);
}

static ag_status weight_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_conv v;
    const ag_status s = ag_conv_settle(c, AG_CONV_W, x, &v);
    return s ? s : ag_conv_run_weight(c, &v, x[0].data, x[1].data, 0, y->data);
}

static void weight_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_conv_params *p = ag_call_params(c);
    if (ag_call_needs(c, 0))
        dx[0] = ag_conv_x(AG_LIST(ag_call_input(c, 1), dy[0]), p);
    if (ag_call_needs(c, 1))
        dx[1] = ag_conv_y(AG_LIST(ag_call_input(c, 0), dy[0]), p);
}

static ag_status weight_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0), *y = ag_call_input_array(c, 1);
    ag_conv v;
    if (!x || !y)
        return AG_EUSE;
    ag_status s = ag_conv_settle(c, AG_CONV_W, (const ag_array[]){ *x, *y }, &v);
    if (!s && dx[0].data)
        s = ag_conv_run_back(c, &v, y->data, dy->data, NULL, beta[0], dx[0].data);
    if (!s && dx[1].data)
        s = ag_conv_run(c, &v, x->data, dy->data, NULL, beta[1], dx[1].data);
    return s;
}

static double weight_flops(const ag_call *c, const ag_array *x, const ag_array *y)
{
    (void)c;
    return ag_conv_flops(&x[1], y);
}

/* clang-format off */
#define SAMPLE(d, ...) \
    { .params = &(const ag_conv_params){ __VA_ARGS__, .spatial = d, .of_rule = 1 }, .low = { -2 }, .high = { 2 },
/* clang-format on */

AG_OP(conv_weight) = {
    .name = "conv_weight",
    .formula = "x correlated with dy: the derivative of a convolution by w",
    .inputs = 2,
    .flags = AG_INNER,
    .params_size = sizeof(ag_conv_params),
    .shape = weight_shape,
    .forward = weight_forward,
    .vjp = weight_vjp,
    .vjp_fused = weight_vjp_fused,
    .flops = weight_flops,
    .samples = (const ag_sample[]){ SAMPLE(2, .kernel = { 2, 2 }).shape = { AG_DIMS(2, 2, 3, 4),
                                                                            AG_DIMS(2, 3, 2, 3) } },
    SAMPLE(1, .kernel = { 2 }, .options = { .stride = { 2 }, .groups = 2 }, .after = { -1 }).shape = { AG_DIMS(2, 7),
                                                                                                       AG_DIMS(4, 3) }
},
{
    0
}
}
,
}
;

ag_tensor ag_conv_w(ag_list operands, const ag_conv_params *p)
{
    return AG_APPLY(conv_weight, operands, p);
}
