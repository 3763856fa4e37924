/* Transposed convolutions: the derivatives of convolutions by x, as ops of their own. In what they share with those the
 * operand is y and the result x. */
#include "ag/ops/convolution/convolution.h"

static ag_status transpose_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    return ag_conv_shape(c, AG_CONV_X, x, y);
}

static ag_status transpose_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_conv v;
    const ag_status s = ag_conv_settle(c, AG_CONV_X, x, &v);
    return s ? s : ag_conv_run_back(c, &v, x[0].data, x[1].data, ag_call_inputs(c) == 3 ? x[2].data : NULL, 0, y->data);
}

static void transpose_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_array operands[] = { { .shape = ag_call_input_shape(c, 0) }, { .shape = ag_call_input_shape(c, 1) } };
    ag_conv v;
    if (ag_conv_settle(c, AG_CONV_X, operands, &v))
        return;
    const ag_conv_params p = ag_conv_params_of(c, &v);
    if (ag_call_needs(c, 0))
        dx[0] = ag_conv_y(AG_LIST(dy[0], ag_call_input(c, 1)), &p);
    if (ag_call_needs(c, 1))
        dx[1] = ag_conv_w(AG_LIST(dy[0], ag_call_input(c, 0)), &p);
    if (ag_call_inputs(c) == 3 && ag_call_needs(c, 2))
        dx[2] = ag_conv_bias_gradient(c, dy[0]);
}

static ag_status transpose_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x = ag_call_input_array(c, 0), *w = ag_call_input_array(c, 1);
    ag_conv v;
    if (!x || !w)
        return AG_EUSE;
    ag_status s = ag_conv_settle(c, AG_CONV_X, (const ag_array[]){ *x, *w }, &v);
    if (!s && dx[0].data)
        s = ag_conv_run(c, &v, dy->data, w->data, NULL, beta[0], dx[0].data);
    if (!s && dx[1].data)
        s = ag_conv_run_weight(c, &v, dy->data, x->data, beta[1], dx[1].data);
    if (!s && ag_call_inputs(c) == 3 && dx[2].data)
        ag_conv_bias_back(c, dy, &dx[2], beta[2]);
    return s;
}

static double transpose_flops(const ag_call *c, const ag_array *x, const ag_array *y)
{
    (void)c;
    (void)y;
    return ag_conv_flops(&x[0], &x[1]);
}

/* clang-format off */
#define SAMPLE(d, count, options_, ...) \
    { .params = &(const ag_conv_params){ .options = options_, .spatial = d }, .inputs = count, .low = { -2 }, .high = { 2 }, .shape = { __VA_ARGS__ } }
#define OPTIONS(...) { __VA_ARGS__ }
/* clang-format on */

AG_OP(conv_transpose1d) = {
    .name = "conv_transpose1d",
    .formula = "x spread by w, + b",
    .flags = AG_VARIADIC,
    .params_size = sizeof(ag_conv_params),
    .shape = transpose_shape,
    .forward = transpose_forward,
    .vjp = transpose_vjp,
    .vjp_fused = transpose_vjp_fused,
    .flops = transpose_flops,
    .samples =
        (const ag_sample[]){
            SAMPLE(1, 3, OPTIONS(0), AG_DIMS(2, 2, 3), AG_DIMS(2, 1, 2), AG_DIMS(1)),
            SAMPLE(1, 3, OPTIONS(.stride = { 3 }, .padding = { 1 }), AG_DIMS(1, 2, 3), AG_DIMS(2, 2, 2), AG_DIMS(2)),
            SAMPLE(1, 2, OPTIONS(.stride = { 2 }, .dilation = { 3 }, .output_padding = { 2 }, .groups = 2),
                   AG_DIMS(2, 3), AG_DIMS(2, 1, 2)),
            { 0 } },
};

/* ag_conv_transpose1d - the derivative of ag_conv1d by its input as a function of its own; see ag_conv_transpose2d.
 *   y[n,o, i stride + k dilation - padding] = b[o] + sum of w[c,o,k] x[n,c,i] over all c, i and k that lead there
 * Errors: as ag_conv_transpose2d. */
AG_API ag_tensor ag_conv_transpose1d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options)
{
    const ag_conv_params p = { .options = options, .spatial = 1 };
    const bool absent = !b.tape && !b.id && !b.epoch;
    return ag_conv_x(absent ? AG_LIST(x, w) : AG_LIST(x, w, b), &p);
}

AG_OP(conv_transpose2d) = {
    .name = "conv_transpose2d",
    .formula = "x spread by w, + b",
    .flags = AG_VARIADIC,
    .params_size = sizeof(ag_conv_params),
    .shape = transpose_shape,
    .forward = transpose_forward,
    .vjp = transpose_vjp,
    .vjp_fused = transpose_vjp_fused,
    .flops = transpose_flops,
    .samples = (const ag_sample[]){ SAMPLE(2, 3, OPTIONS(0), AG_DIMS(2, 2, 2, 3), AG_DIMS(2, 1, 2, 2), AG_DIMS(1)),
                                    SAMPLE(2, 2,
                                           OPTIONS(.stride = { 2, 3 }, .padding = { 1, 0 }, .output_padding = { 1, 2 }),
                                           AG_DIMS(1, 3, 2), AG_DIMS(1, 2, 3, 2)),
                                    SAMPLE(2, 3, OPTIONS(.stride = { 2, 1 }, .dilation = { 2, 2 }, .groups = 2),
                                           AG_DIMS(1, 2, 2, 2), AG_DIMS(2, 1, 2, 2), AG_DIMS(2)),
                                    { 0 } },
};

/* ag_conv_transpose2d - the derivative of ag_conv2d by its input as a function of its own: x[n,c,h,w] or x[c,h,w] is
 * spread with w[c,out/groups,kh,kw]; b[out] may be absent, {0}. With the options of a convolution and its w it makes the
 * shape of that one's input from the shape of its output; output_padding makes up for what the rounding lost.
 *   y[n,o, i stride + k dilation - padding, ..] = b[o] + sum of w[c,o,k,l] x[n,c,i,j] over all that lead there
 *       dx = ag_conv2d of dy and w    dw = dy correlated with x    db = sum of dy over all but o
 * An extent of y is (x - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1.
 * Errors: AG_ESHAPE if the channels do not fit or an extent would be below 1; AG_EARG for options that are negative or do
 * not go together. */
AG_API ag_tensor ag_conv_transpose2d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options)
{
    const ag_conv_params p = { .options = options, .spatial = 2 };
    const bool absent = !b.tape && !b.id && !b.epoch;
    return ag_conv_x(absent ? AG_LIST(x, w) : AG_LIST(x, w, b), &p);
}

AG_OP(conv_transpose3d) = {
    .name = "conv_transpose3d",
    .formula = "x spread by w, + b",
    .flags = AG_VARIADIC,
    .params_size = sizeof(ag_conv_params),
    .shape = transpose_shape,
    .forward = transpose_forward,
    .vjp = transpose_vjp,
    .vjp_fused = transpose_vjp_fused,
    .flops = transpose_flops,
    .samples = (const ag_sample[]){ SAMPLE(3, 3, OPTIONS(.stride = { 2, 1, 2 }, .padding = { 1, 0, 0 }),
                                           AG_DIMS(1, 2, 3, 1, 2), AG_DIMS(2, 1, 3, 1, 2), AG_DIMS(1)),
                                    SAMPLE(3, 2, OPTIONS(.stride = { 3, 1, 1 }), AG_DIMS(1, 2, 2, 2),
                                           AG_DIMS(1, 1, 2, 2, 1)),
                                    { 0 } },
};

/* ag_conv_transpose3d - the derivative of ag_conv3d by its input as a function of its own, with
 * w[c,out/groups,kd,kh,kw]; see ag_conv_transpose2d.
 *   y[n,o, i stride + k dilation - padding, ..] = b[o] + sum of w[c,o,k,..] x[n,c,i,..] over all that lead there
 * Errors: as ag_conv_transpose2d. */
AG_API ag_tensor ag_conv_transpose3d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options)
{
    const ag_conv_params p = { .options = options, .spatial = 3 };
    const bool absent = !b.tape && !b.id && !b.epoch;
    return ag_conv_x(absent ? AG_LIST(x, w) : AG_LIST(x, w, b), &p);
}

ag_tensor ag_conv_x(ag_list operands, const ag_conv_params *p)
{
    const uint32_t number = p->spatial == 1   ? AG_OP_conv_transpose1d
                            : p->spatial == 2 ? AG_OP_conv_transpose2d
                                              : AG_OP_conv_transpose3d;
    return ag_apply_op(number, operands, p);
}
