/* Negative log likelihood of classes, from logarithms of their probabilities. */
#include "ag/ops/losses/classes.h"

static ag_status nll_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (ag_call_inputs(c) > 1 && ag_is_float(x[1].dtype))
        return ag_call_fail(c, AG_EDTYPE, "labels are integers; see ag_cast, and ag_kl_div for probabilities");
    return ag_classes_shape(c, x, y);
}

/* Where the element of position i at its class lies; -1: it is ignored. */
static int64_t place_of(const ag_classes *x, int64_t i)
{
    const int64_t k = ag_classes_at(x, i);
    return k < 0 ? -1 : (i / x->inner * x->n + k) * x->inner + i % x->inner;
}

static ag_status nll_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_classes classes = ag_classes_of(c, &x[0], &x[1], ag_call_inputs(c) == 3 ? &x[2] : NULL);
    const int64_t positions = ag_times(classes.outer, classes.inner);
    double *loss = ag_call_scratch(c, (size_t)positions * sizeof *loss);
    if (!loss)
        return AG_ENOMEM;
    if (ag_classes_check(c, &classes))
        return AG_EARG;
    for (int64_t i = 0; i < positions; i++) {
        const int64_t at = place_of(&classes, i);
        const double weight = ag_classes_weight(&classes, i);
        loss[i] = at < 0 || weight == 0 ? 0 : -weight * ag_classes_value(&classes, classes.z, at);
    }
    ag_classes_finish(&classes, loss, y);
    return AG_OK;
}

static void nll_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_classes_vjp(c, dy, dx, false);
}

static ag_status nll_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x[3];
    const ag_status s = ag_classes_operands(c, dx, x);
    if (s)
        return s;
    const ag_classes classes = ag_classes_of(c, x[0], x[1], x[2]);
    const int64_t positions = ag_times(classes.outer, classes.inner);
    double *scale = ag_call_scratch(c, (size_t)positions * sizeof *scale);
    if (!scale)
        return AG_ENOMEM;
    if (ag_classes_check(c, &classes)) /* wrapped memory may have changed */
        return AG_EARG;
    ag_classes_scales(&classes, dy, true, scale);
    if (beta[0] == 0)
        memset(dx[0].data, 0, (size_t)ag_array_size(x[0]) * ag_dtype_size(x[0]->dtype));
    for (int64_t i = 0; i < positions; i++) {
        const int64_t at = place_of(&classes, i);
        if (at >= 0 && classes.dtype == AG_F32)
            ((float *)dx[0].data)[at] -= (float)scale[i];
        else if (at >= 0)
            ((double *)dx[0].data)[at] -= scale[i];
    }
    return AG_OK;
}

/* clang-format off */
#define PARAMS(...) &(const ag_class_params){ __VA_ARGS__ }
#define SAMPLE(count, parameters, ...) \
    { .inputs = count, .params = parameters, .low = { -3, 0, 0.3 }, .high = { 0, 3, 2 }, .dtype = { AG_FLOAT, AG_I64 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(nll) = {
    .name = "nll",
    .formula = "-z[target], reduced",
    .flags = AG_VARIADIC,
    .params_size = sizeof(ag_class_params),
    .shape = nll_shape,
    .forward = nll_forward,
    .vjp = nll_vjp,
    .vjp_fused = nll_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(2, PARAMS(0), AG_DIMS(4, 3), AG_DIMS(4)),
                                    SAMPLE(2, PARAMS(AG_REDUCE_SUM, 0, 0, 0), AG_DIMS(3), { 0, { 0 } }),
                                    SAMPLE(2, PARAMS(AG_REDUCE_NONE, 1, 0, 0), AG_DIMS(2, 3, 2), AG_DIMS(2, 2)),
                                    SAMPLE(3, PARAMS(AG_REDUCE_MEAN, 0, 0, 0), AG_DIMS(3), { 0, { 0 } }, AG_DIMS(3)),
                                    SAMPLE(3, PARAMS(AG_REDUCE_SUM, 1, 1, 0), AG_DIMS(5, 3), AG_DIMS(5), AG_DIMS(3)),
                                    SAMPLE(3, PARAMS(AG_REDUCE_NONE, 0, 0, 0), AG_DIMS(2, 3, 2), AG_DIMS(2, 2),
                                           AG_DIMS(3)),
                                    { 0 } },
};

/* ag_nll - negative log likelihood of classes target[n,d1,..], integers, given logarithms of probabilities
 * z[n,c,d1,..], or a class given z[c]; with a weight for each class, weight[c], or {0}. Reductions, weights and what is
 * ignored are as in ag_cross_entropy_with: this is that after ag_log_softmax.
 *   y = reduced -weight[target[i]] z[i,target[i]]        dz = -dy weight[target[i]] there, 0 elsewhere
 * Errors: AG_EARG for a class out of range or an unknown reduction; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_nll(ag_tensor z, ag_tensor target, ag_tensor weight, ag_nll_options options)
{
    const ag_class_params p = { options.reduce, options.ignore, options.ignore_index, 0 };
    return AG_APPLY(nll, ag_absent(weight) ? AG_LIST(z, target) : AG_LIST(z, target, weight), &p);
}
