/* Cross entropy of logits. */
#include "ag/ops/define.h"
#include "ag/ops/reductions/softmax_kernels.h"

static ag_status cross_entropy_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_shape *z = &x[0].shape, *target = &x[1].shape;
    const bool classes = !ag_is_float(x[1].dtype);
    if (!ag_is_float(x[0].dtype))
        return ag_call_fail(c, AG_EDTYPE, "the logits must be f32 or f64");
    if (!classes && x[1].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE,
                            "probabilities must have the logits' dtype, and labels are integers; see ag_cast");
    if (z->rank != 1 && z->rank != 2)
        return ag_call_fail(c, AG_ESHAPE, "the logits must be [n,classes] or [classes]");
    if (z->dim[z->rank - 1] == 0)
        return ag_call_fail(c, AG_ESHAPE, "there are no classes");
    ag_shape expected = *z;
    expected.rank -= classes;
    if (!ag_shape_equal(expected, *target)) {
        char text[128];
        return ag_call_fail(c, AG_ESHAPE,
                            classes ? "the labels must be %s, one for each row of logits"
                                    : "probabilities must be %s; labels, one for each row, are integers: see ag_cast",
                            ag_shape_text(expected, text, sizeof text));
    }
    y->dtype = x[0].dtype;
    return AG_OK;
}

static ag_cross cross_of(const ag_call *c, const ag_array *z, const ag_array *target)
{
    const int last = z->shape.rank - 1;
    return (ag_cross){ .dtype = z->dtype,
                       .target_dtype = target->dtype,
                       .rows = last > 0 ? z->shape.dim[0] : 1,
                       .n = z->shape.dim[last],
                       .z = z->data,
                       .target = target->data,
                       .threads = ag_call_threads(c) };
}

static ag_status check_classes(const ag_call *c, const ag_cross *x)
{
    const int64_t wrong =
        ag_is_float(x->target_dtype) ? -1 : ag_class_outside(x->target, x->target_dtype, x->rows, x->n);
    if (wrong < 0)
        return AG_OK;
    return ag_call_fail(c, AG_EARG, "target[%lld] is %lld, but there are %lld classes, 0 to %lld", (long long)wrong,
                        (long long)ag_class_at(x->target, x->target_dtype, wrong), (long long)x->n,
                        (long long)x->n - 1);
}

static ag_status cross_entropy_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_cross cross = cross_of(c, &x[0], &x[1]);
    double *loss = ag_call_scratch(c, (size_t)cross.rows * sizeof *loss), sum = 0;
    if (!loss)
        return AG_ENOMEM;
    if (check_classes(c, &cross))
        return AG_EARG;
    ag_cross_run(&cross, loss);
    for (int64_t i = 0; i < cross.rows; i++)
        sum += loss[i];
    ag_fill_array(y, sum / (double)cross.rows);
    return AG_OK;
}

/* dz = dy (softmax(z) s - target) / n, s the sum of a row's target: 1 where it is a class */
static void cross_entropy_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor z = ag_call_input(c, 0);
    ag_tensor target = ag_call_input(c, 1);
    const ag_shape s = ag_shape_of(z);
    const bool classes = !ag_is_float(ag_dtype_of(target));
    if (s.rank < 1)
        return;
    const ag_tensor scaled = ag_mul_scalar(dy[0], 1 / (double)(s.rank > 1 ? s.dim[0] : 1));
    if (ag_call_needs(c, 0)) {
        ag_tensor expected = ag_softmax(z, -1);
        if (classes)
            target = ag_one_hot(target, s.dim[s.rank - 1], ag_dtype_of(z));
        else
            expected = ag_mul(expected, ag_sum_over(target, AG_AXES(-1), AG_KEEPDIM));
        dx[0] = ag_mul(ag_sub(expected, target), scaled);
    }
    if (!classes && ag_call_needs(c, 1))
        dx[1] = ag_mul(ag_neg(ag_log_softmax(z, -1)), scaled);
}

static ag_status cross_entropy_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *z = ag_call_input_array(c, 0), *target = ag_call_input_array(c, 1);
    if (!z || !target)
        return AG_EUSE;
    const ag_cross cross = cross_of(c, z, target);
    const double scale = ag_array_get(dy, 0) / (double)cross.rows;
    if (check_classes(c, &cross)) /* wrapped memory may have changed */
        return AG_EARG;
    if (dx[0].data)
        ag_cross_back(&cross, scale, beta[0], dx[0].data);
    if (dx[1].data)
        ag_cross_target_back(&cross, scale, beta[1], dx[1].data);
    return AG_OK;
}

/* clang-format off */
#define CLASSES(type, count, ...) { .low = { -2, 0 }, .high = { 2, count }, .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }
#define CHANCES(...) { .low = { -2, 0.1 }, .high = { 2, 1 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(cross_entropy) = {
    .name = "cross_entropy",
    .formula = "mean of -log softmax(z)[target]",
    .inputs = 2,
    .shape = cross_entropy_shape,
    .forward = cross_entropy_forward,
    .vjp = cross_entropy_vjp,
    .vjp_fused = cross_entropy_vjp_fused,
    .samples = (const ag_sample[]){ CLASSES(AG_I64, 4, AG_DIMS(3, 4), AG_DIMS(3)),
                                    CLASSES(AG_I32, 2, AG_DIMS(5, 2), AG_DIMS(5)),
                                    CLASSES(AG_U8, 5, AG_DIMS(5), { 0, { 0 } }),
                                    CHANCES(AG_DIMS(3, 4), AG_DIMS(3, 4)),
                                    CHANCES(AG_DIMS(5), AG_DIMS(5)),
                                    { 0 } },
};

/* ag_cross_entropy - mean over the rows of logits z[n,c] (or one row, z[c]) of -log softmax(z), taken at a class per
 * row, target[n] (i64, i32 or u8), or weighted with probabilities target[n,c] of z's dtype. NaN where n = 0.
 *   y = 1/n sum_i (log(sum_j exp z[i,j]) - z[i,target[i]])        dz = dy (softmax(z) - onehot(target)) / n
 *   y = -1/n sum_ij target[i,j] log softmax(z)[i,j]
 *       dz = dy (softmax(z) sum_j target[i,j] - target) / n, dtarget = -dy log softmax(z) / n
 * A class of probability 0 contributes 0, whatever its logit.
 * Errors: AG_EARG for a class out of range; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_cross_entropy(ag_tensor z, ag_tensor target)
{
    return AG_APPLY(cross_entropy, AG_LIST(z, target), NULL);
}
