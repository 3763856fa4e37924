/* Convolutions: ag_conv1d, ag_conv2d and ag_conv3d. */
#include "ag/ops/convolution/convolution.h"

static ag_status conv_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    return ag_conv_shape(c, AG_CONV_Y, x, y);
}

static ag_status conv_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_conv v;
    const ag_status s = ag_conv_settle(c, AG_CONV_Y, x, &v);
    return s ? s : ag_conv_run(c, &v, x[0].data, x[1].data, ag_call_inputs(c) == 3 ? x[2].data : NULL, 0, y->data);
}

/* The operands' shapes: a rule does not read more. */
static ag_status settle_in_rule(const ag_call *c, ag_conv *v)
{
    const ag_array operands[] = { { .shape = ag_call_input_shape(c, 0) }, { .shape = ag_call_input_shape(c, 1) } };
    return ag_conv_settle(c, AG_CONV_Y, operands, v);
}

static void conv_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_conv v;
    if (settle_in_rule(c, &v))
        return;
    const ag_conv_params p = ag_conv_params_of(c, &v);
    if (ag_call_needs(c, 0))
        dx[0] = ag_conv_x(AG_LIST(dy[0], ag_call_input(c, 1)), &p);
    if (ag_call_needs(c, 1))
        dx[1] = ag_conv_w(AG_LIST(ag_call_input(c, 0), dy[0]), &p);
    if (ag_call_inputs(c) == 3 && ag_call_needs(c, 2))
        dx[2] = ag_conv_bias_gradient(c, dy[0]);
}

static ag_status conv_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0), *w = ag_call_input_array(c, 1);
    ag_conv v;
    if (!x || !w)
        return AG_EUSE;
    ag_status s = ag_conv_settle(c, AG_CONV_Y, (const ag_array[]){ *x, *w }, &v);
    if (!s && dx[0].data)
        s = ag_conv_run_back(c, &v, dy->data, w->data, NULL, beta[0], dx[0].data);
    if (!s && dx[1].data)
        s = ag_conv_run_weight(c, &v, x->data, dy->data, beta[1], dx[1].data);
    if (!s && ag_call_inputs(c) == 3 && dx[2].data)
        ag_conv_bias_back(c, dy, &dx[2], beta[2]);
    return s;
}

static double conv_flops(const ag_call *c, const ag_array *x, const ag_array *y)
{
    (void)c;
    return ag_conv_flops(y, &x[1]);
}

/* clang-format off */
#define SAMPLE(d, count, options_, ...) \
    { .params = &(const ag_conv_params){ .options = options_, .spatial = d }, .inputs = count, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define OPTIONS(...) { __VA_ARGS__ }
/* clang-format on */

AG_OP(conv1d) = {
    .name = "conv1d",
    .formula = "x convolved with w, + b",
    .flags = AG_VARIADIC,
    .params_size = sizeof(ag_conv_params),
    .shape = conv_shape,
    .forward = conv_forward,
    .vjp = conv_vjp,
    .vjp_fused = conv_vjp_fused,
    .flops = conv_flops,
    .samples = (const ag_sample[]){ SAMPLE(1, 3, OPTIONS(0), AG_DIMS(2, 2, 5), AG_DIMS(3, 2, 2), AG_DIMS(3)),
                                    SAMPLE(1, 2, OPTIONS(.stride = { 2 }, .padding = { 2 }, .dilation = { 2 }),
                                           AG_DIMS(2, 6), AG_DIMS(1, 2, 3)),
                                    SAMPLE(1, 2, OPTIONS(.stride = { 3 }, .groups = 2), AG_DIMS(1, 2, 8),
                                           AG_DIMS(2, 1, 2)),
                                    SAMPLE(1, 2, OPTIONS(.mode = AG_CONV_SAME), AG_DIMS(1, 1, 3), AG_DIMS(2, 1, 4)),
                                    { 0 } },
};

/* ag_conv1d - cross-correlation over the last dimension; see ag_conv2d.
 *   y[n,o,i] = b[o] + sum over c and k of w[o,c,k] x[n,c, i stride + k dilation - padding]
 * Errors: as ag_conv2d. */
AG_API ag_tensor ag_conv1d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options)
{
    const ag_conv_params p = { .options = options, .spatial = 1 };
    const bool absent = !b.tape && !b.id && !b.epoch;
    return ag_conv_y(absent ? AG_LIST(x, w) : AG_LIST(x, w, b), &p);
}

AG_OP(conv2d) = {
    .name = "conv2d",
    .formula = "x convolved with w, + b",
    .flags = AG_VARIADIC,
    .params_size = sizeof(ag_conv_params),
    .shape = conv_shape,
    .forward = conv_forward,
    .vjp = conv_vjp,
    .vjp_fused = conv_vjp_fused,
    .flops = conv_flops,
    .samples =
        (const ag_sample[]){
            SAMPLE(2, 3, OPTIONS(0), AG_DIMS(2, 2, 4, 3), AG_DIMS(3, 2, 2, 2), AG_DIMS(3)),
            SAMPLE(2, 2, OPTIONS(.stride = { 2, 3 }, .padding = { 1, 2 }), AG_DIMS(2, 4, 5), AG_DIMS(1, 2, 3, 2)),
            SAMPLE(2, 2, OPTIONS(.stride = { 1, 2 }, .dilation = { 2, 3 }), AG_DIMS(1, 1, 3, 5), AG_DIMS(1, 1, 2, 2)),
            SAMPLE(2, 3, OPTIONS(.groups = 2), AG_DIMS(1, 2, 3, 3), AG_DIMS(4, 1, 2, 2), AG_DIMS(4)),
            SAMPLE(2, 2, OPTIONS(.mode = AG_CONV_SAME), AG_DIMS(1, 3, 4), AG_DIMS(1, 1, 2, 1)),
            SAMPLE(2, 3, OPTIONS(0), AG_DIMS(2, 3, 2, 2), AG_DIMS(2, 3, 1, 1), AG_DIMS(2)),
            { 0 } },
};

/* ag_conv2d - cross-correlation over the last two dimensions of x[n,c,h,w] or x[c,h,w], as in layers of neural networks,
 * with w[out,c/groups,kh,kw] and b[out], which may be absent, {0}. x counts as zero where it is padded.
 *   y[n,o,i,j] = b[o] + sum over c, k and l of w[o,c,k,l] x[n,c, i stride + k dilation - padding, ..], the c of o's group
 *       dx = ag_conv_transpose2d of dy and w    dw = x correlated with dy    db = sum of dy over all but o
 * An extent of y is (x + 2 padding - dilation (k - 1) - 1) / stride + 1, rounded down; with AG_CONV_SAME it is x's.
 * Errors: AG_ESHAPE if the channels do not fit or the kernel is longer than the padded input; AG_EARG for options that
 * are negative or do not go together. */
AG_API ag_tensor ag_conv2d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options)
{
    const ag_conv_params p = { .options = options, .spatial = 2 };
    const bool absent = !b.tape && !b.id && !b.epoch;
    return ag_conv_y(absent ? AG_LIST(x, w) : AG_LIST(x, w, b), &p);
}

AG_OP(conv3d) = {
    .name = "conv3d",
    .formula = "x convolved with w, + b",
    .flags = AG_VARIADIC,
    .params_size = sizeof(ag_conv_params),
    .shape = conv_shape,
    .forward = conv_forward,
    .vjp = conv_vjp,
    .vjp_fused = conv_vjp_fused,
    .flops = conv_flops,
    .samples =
        (const ag_sample[]){ SAMPLE(3, 3, OPTIONS(0), AG_DIMS(1, 1, 3, 2, 2), AG_DIMS(2, 1, 2, 2, 1), AG_DIMS(2)),
                             SAMPLE(3, 2,
                                    OPTIONS(.stride = { 2, 1, 2 }, .padding = { 1, 0, 1 }, .dilation = { 1, 2, 1 }),
                                    AG_DIMS(2, 3, 3, 2), AG_DIMS(1, 2, 3, 2, 2)),
                             { 0 } },
};

/* ag_conv3d - cross-correlation over the last three dimensions of x[n,c,d,h,w] or x[c,d,h,w], with
 * w[out,c/groups,kd,kh,kw]; see ag_conv2d.
 *   y[n,o,i,j,k] = b[o] + sum over c and a kernel's elements of w[o,c,..] x[n,c, i stride + .. dilation - padding, ..]
 * Errors: as ag_conv2d. */
AG_API ag_tensor ag_conv3d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options)
{
    const ag_conv_params p = { .options = options, .spatial = 3 };
    const bool absent = !b.tape && !b.id && !b.epoch;
    return ag_conv_y(absent ? AG_LIST(x, w) : AG_LIST(x, w, b), &p);
}

ag_tensor ag_conv_y(ag_list operands, const ag_conv_params *p)
{
    const uint32_t number = p->spatial == 1 ? AG_OP_conv1d : p->spatial == 2 ? AG_OP_conv2d : AG_OP_conv3d;
    return ag_apply_op(number, operands, p);
}
