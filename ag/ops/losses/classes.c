#include "ag/ops/losses/classes.h"
#include "ag/kernels/kernels.h"

/* ---- what is given */

static ag_status check_weight(const ag_call *c, const ag_array *x, int64_t classes)
{
    if (x[2].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE, "the weights of the classes must have the logits' dtype; see ag_cast");
    if (x[2].shape.rank != 1 || x[2].shape.dim[0] != classes)
        return ag_call_fail(c, AG_ESHAPE, "the weights of the classes must be [%lld]", (long long)classes);
    return AG_OK;
}

static int class_axis(ag_shape z)
{
    return z.rank > 1 ? 1 : 0;
}

static ag_shape without_classes(ag_shape z)
{
    ag_shape s = AG_SCALAR;
    for (int i = 0; i < z.rank; i++)
        if (i != class_axis(z))
            s.dim[s.rank++] = z.dim[i];
    return s;
}

static ag_status check_target(const ag_call *c, const ag_array *x)
{
    const ag_class_params *p = ag_call_params(c);
    const ag_shape z = x[0].shape;
    const bool classes = !ag_is_float(x[1].dtype);
    char text[128];
    if (!classes && x[1].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE,
                            "probabilities must have the logits' dtype, and labels are integers; see ag_cast");
    if (!classes && p->ignore)
        return ag_call_fail(c, AG_EARG, "labels can be ignored, probabilities cannot");
    const ag_shape expected = classes ? without_classes(z) : z;
    if (!ag_shape_equal(expected, x[1].shape))
        return ag_call_fail(c, AG_ESHAPE,
                            classes ? "the labels must be %s, one for each %s of logits%s"
                                    : "probabilities must be %s; labels, one for each %s, are integers: see ag_cast%s",
                            ag_shape_text(expected, text, sizeof text), z.rank > 2 ? "position" : "row",
                            classes && z.rank > 2 ? ", whose classes lie along axis 1; see ag_movedim" : "");
    return AG_OK;
}

/* A single class is certain, so that its loss is 0: as a rule the score of a classifier of two. */
static void watch_classes(const ag_call *c, int64_t classes)
{
    ag_tape *t = ag_call_tape(c);
    if (classes == 1 && ag_warn_first(t, AG_WARN_ONE_CLASS))
        ag_warn(t,
                "ag_%s: there is one class, which is certain, so that the loss is 0 whatever the logits; for one logit "
                "that says yes or no see ag_bce_logits",
                c->op->name);
}

ag_status ag_classes_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_class_params *p = ag_call_params(c);
    const ag_shape z = x[0].shape;
    const int count = ag_call_inputs(c);
    if (count < 2 || count > 3)
        return ag_call_fail(c, AG_EARG, "takes logits, a target and perhaps weights of the classes");
    if (!ag_is_float(x[0].dtype))
        return ag_call_fail(c, AG_EDTYPE, "the logits must be f32 or f64");
    if (z.rank < 1)
        return ag_call_fail(c, AG_ESHAPE, "the logits must be [n,classes,..] or [classes]");
    if (z.dim[class_axis(z)] == 0)
        return ag_call_fail(c, AG_ESHAPE, "there are no classes");
    if (!(p->smoothing >= 0 && p->smoothing <= 1))
        return ag_call_fail(c, AG_EARG, "label_smoothing is %g, and must be from 0 to 1", p->smoothing);
    if (p->reduce == AG_REDUCE_BATCH_MEAN)
        return ag_call_fail(c, AG_EARG, "AG_REDUCE_BATCH_MEAN is for losses of two tensors of one shape");
    ag_status status = check_target(c, x);
    if (!status && count == 3)
        status = check_weight(c, x, z.dim[class_axis(z)]);
    if (!status)
        status = ag_loss_check_reduce(c, p->reduce);
    if (!status)
        watch_classes(c, z.dim[class_axis(z)]);
    y->dtype = x[0].dtype;
    y->shape = p->reduce == AG_REDUCE_NONE ? without_classes(z) : AG_SCALAR;
    return status;
}

/* ---- for kernels */

ag_classes ag_classes_of(const ag_call *c, const ag_array *z, const ag_array *target, const ag_array *weight)
{
    const int axis = class_axis(z->shape);
    ag_classes x = { .dtype = z->dtype,
                     .target_dtype = target->dtype,
                     .outer = axis ? z->shape.dim[0] : 1,
                     .n = z->shape.dim[axis],
                     .inner = 1,
                     .z = z->data,
                     .target = target->data,
                     .weight = weight ? weight->data : NULL,
                     .by_class = !ag_is_float(target->dtype),
                     .p = *(const ag_class_params *)ag_call_params(c),
                     .threads = ag_call_threads(c) };
    for (int i = axis + 1; i < z->shape.rank; i++)
        x.inner *= z->shape.dim[i];
    return x;
}

ag_status ag_classes_operands(const ag_call *c, const ag_array *dx, const ag_array **x)
{
    const int count = ag_call_inputs(c);
    bool others = false;
    x[2] = NULL;
    for (int k = 0; k < count; k++) {
        x[k] = ag_call_input_array(c, k);
        if (!x[k])
            return AG_EUSE;
        others |= k > 0 && dx[k].data;
    }
    return others ? AG_USE_RULE : AG_OK;
}

int64_t ag_classes_at(const ag_classes *x, int64_t i)
{
    const int64_t k = ag_class_at(x->target, x->target_dtype, i);
    return x->p.ignore && k == x->p.ignored ? -1 : k;
}

ag_status ag_classes_check(const ag_call *c, const ag_classes *x)
{
    const int64_t positions = x->by_class ? ag_times(x->outer, x->inner) : 0;
    for (int64_t i = 0; i < positions; i++) {
        const int64_t k = ag_class_at(x->target, x->target_dtype, i);
        if ((k < 0 || k >= x->n) && !(x->p.ignore && k == x->p.ignored))
            return ag_call_fail(c, AG_EARG, "target[%lld] is %lld, but there are %lld classes, 0 to %lld", (long long)i,
                                (long long)k, (long long)x->n, (long long)x->n - 1);
    }
    return AG_OK;
}

double ag_classes_value(const ag_classes *x, const void *data, int64_t i)
{
    return x->dtype == AG_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

double ag_classes_weight(const ag_classes *x, int64_t i)
{
    const int64_t k = x->by_class ? ag_classes_at(x, i) : 0;
    return k < 0 ? 0 : x->by_class && x->weight ? ag_classes_value(x, x->weight, k) : 1;
}

double ag_classes_divisor(const ag_classes *x)
{
    const int64_t positions = ag_times(x->outer, x->inner);
    double sum = 0;
    if (x->p.reduce != AG_REDUCE_MEAN)
        return 1;
    if (!x->by_class || (!x->weight && !x->p.ignore))
        return (double)positions;
    for (int64_t i = 0; i < positions; i++)
        sum += ag_classes_weight(x, i);
    return sum;
}

void ag_classes_scales(const ag_classes *x, const ag_array *dy, bool weighted, double *scale)
{
    const int64_t positions = ag_times(x->outer, x->inner);
    const double divisor = ag_classes_divisor(x);
    const bool each = x->p.reduce == AG_REDUCE_NONE;
    for (int64_t i = 0; i < positions; i++) {
        const double weight = weighted || (x->by_class && ag_classes_at(x, i) < 0) ? ag_classes_weight(x, i) : 1;
        scale[i] = weight == 0 ? 0 : weight * ag_classes_value(x, dy->data, each ? i : 0) / divisor;
    }
}

void ag_classes_finish(const ag_classes *x, const double *loss, ag_array *y)
{
    const int64_t positions = ag_times(x->outer, x->inner);
    double sum = 0;
    if (x->p.reduce == AG_REDUCE_NONE) {
        ag_array each = *y;
        each.dtype = AG_F64;
        each.data = (void *)(uintptr_t)loss;
        ag_copy_array(y, &each, false, x->threads);
        return;
    }
    for (int64_t i = 0; i < positions; i++)
        sum += loss[i];
    ag_fill_array(y, sum / ag_classes_divisor(x));
}

/* ---- the rule
 *
 * With u = (1 - e) t + e/n, t the chances of the classes and e the smoothing, 0 where the position is ignored, and
 * q = w u: L = sum of q (-log p) / d, where d is what is divided by. */

/* A tensor [..] or [n] that belongs to the classes or to the positions, shaped to broadcast with z. */
static ag_tensor beside_classes(ag_tensor positions, ag_shape z)
{
    return ag_unsqueeze(positions, class_axis(z));
}

static ag_tensor beside_positions(ag_tensor weight, ag_shape z)
{
    ag_shape s = AG_SCALAR;
    for (int i = class_axis(z); i < z.rank; i++)
        s.dim[s.rank++] = i == class_axis(z) ? z.dim[i] : 1;
    return ag_reshape(weight, s);
}

typedef struct targets {
    ag_tensor chances, kept; /* t as a tensor of z's shape, 0 where ignored; 1 where a position counts; inert: all do */
} targets;

static targets targets_of(const ag_call *c, ag_shape z)
{
    const ag_class_params *p = ag_call_params(c);
    const int axis = class_axis(z);
    ag_tape *t = ag_call_tape(c);
    ag_tensor target = ag_call_input(c, 1);
    const ag_dtype d = ag_dtype_of(ag_call_input(c, 0));
    targets to = { target, { 0 } };
    if (ag_is_float(ag_dtype_of(target)))
        return to;
    if (p->ignore) {
        target = ag_cast(target, AG_I64);
        const ag_tensor differs = ag_not_equal(target, ag_full(t, AG_I64, AG_SCALAR, (double)p->ignored));
        target = ag_where(differs, target, ag_zeros(t, AG_I64, AG_SCALAR));
        to.kept = beside_classes(ag_cast(differs, d), z);
    }
    ag_axes order = { z.rank, { 0 } };
    for (int i = 0; i < z.rank; i++)
        order.axis[i] = i < axis ? i : i == axis ? z.rank - 1 : i - 1;
    to.chances = ag_permute(ag_one_hot(target, z.dim[axis], d), order);
    if (p->ignore)
        to.chances = ag_mul(to.chances, to.kept);
    return to;
}

/* dy / d for each position, so that it broadcasts with z */
static ag_tensor share_of(const ag_call *c, ag_tensor dy, ag_shape z, const targets *to)
{
    const ag_class_params *p = ag_call_params(c);
    const bool classes = !ag_is_float(ag_dtype_of(ag_call_input(c, 1))), weights = ag_call_inputs(c) == 3;
    if (p->reduce == AG_REDUCE_NONE)
        return beside_classes(dy, z);
    if (p->reduce != AG_REDUCE_MEAN)
        return dy;
    if (!classes || (!weights && !p->ignore)) {
        const int64_t positions = ag_shape_size(without_classes(z));
        return positions > 0 ? ag_mul_scalar(dy, 1 / (double)positions) : dy;
    }
    const ag_tensor t = to->chances;
    return ag_div(dy, ag_sum(weights ? ag_mul(t, beside_positions(ag_call_input(c, 2), z)) : t));
}

/* dw = sum of u (-log p) / d over the positions, less the part of a mean's divisor */
static ag_tensor to_weights(const ag_call *c, const targets *to, ag_tensor u, ag_tensor loss, ag_tensor share)
{
    const ag_class_params *p = ag_call_params(c);
    const ag_shape z = ag_shape_of(u);
    const bool divides = p->reduce == AG_REDUCE_MEAN && !ag_is_float(ag_dtype_of(ag_call_input(c, 1)));
    ag_tensor each = ag_chain(ag_chain(u, loss), share);
    if (divides)
        each = ag_sub(each, ag_chain(to->chances, ag_mul(ag_call_output(c, 0), share)));
    ag_axes others = { 0, { 0 } };
    for (int i = 0; i < z.rank; i++)
        if (i != class_axis(z))
            others.axis[others.count++] = i;
    return others.count ? ag_sum_over(each, others, 0) : each;
}

void ag_classes_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx, bool logits)
{
    const ag_class_params *p = ag_call_params(c);
    const ag_tensor z = ag_call_input(c, 0);
    const ag_shape s = ag_shape_of(z);
    const bool weights = ag_call_inputs(c) == 3;
    if (s.rank < 1)
        return;
    const int axis = class_axis(s);
    const targets to = targets_of(c, s);
    const ag_tensor share = share_of(c, dy[0], s, &to);
    ag_tensor u = to.chances;
    if (p->smoothing != 0) {
        const double rest = p->smoothing / (double)s.dim[axis];
        u = ag_add_scalar(ag_mul_scalar(u, 1 - p->smoothing), rest);
        u = p->ignore ? ag_mul(u, to.kept) : u;
    }
    const ag_tensor w = weights ? beside_positions(ag_call_input(c, 2), s) : (ag_tensor){ 0 };
    const ag_tensor q = weights ? ag_mul(u, w) : u;
    if (ag_call_needs(c, 0)) {
        const ag_tensor d =
            !logits ? ag_neg(q) : ag_sub(ag_mul(ag_softmax(z, axis), ag_sum_over(q, AG_AXES(axis), AG_KEEPDIM)), q);
        dx[0] = ag_chain(d, share);
    }
    const bool target = ag_is_float(ag_dtype_of(ag_call_input(c, 1))) && ag_call_needs(c, 1);
    if (!target && !(weights && ag_call_needs(c, 2)))
        return;
    const ag_tensor loss = ag_neg(logits ? ag_log_softmax(z, axis) : z);
    if (target) {
        const ag_tensor each = ag_mul_scalar(ag_chain(share, loss), 1 - p->smoothing);
        dx[1] = weights ? ag_mul(each, w) : each;
    }
    if (weights && ag_call_needs(c, 2))
        dx[2] = to_weights(c, &to, u, loss, share);
}
