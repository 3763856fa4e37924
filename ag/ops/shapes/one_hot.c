/* Classes as rows of zeros with a single one. */
#include "ag/ops/define.h"
#include "ag/ops/reductions/softmax_kernels.h"

typedef struct one_hot_params {
    int64_t classes;
    int64_t dtype;
} one_hot_params;

static ag_status one_hot_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const one_hot_params *p = ag_call_params(c);
    const ag_dtype d = ag_real_dtype(ag_call_tape(c), (ag_dtype)p->dtype);
    if (ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "classes must be integers; see ag_cast");
    if (!ag_dtype_size(d))
        return ag_call_fail(c, AG_EDTYPE, "unknown dtype %d", (int)p->dtype);
    if (p->classes < 0)
        return ag_call_fail(c, AG_EARG, "%lld classes", (long long)p->classes);
    if (x->shape.rank == AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "too many dimensions");
    y->shape = x->shape;
    y->shape.dim[y->shape.rank++] = p->classes;
    y->dtype = d;
    return AG_OK;
}

static void set_one(ag_array *y, int64_t i)
{
    switch (y->dtype) {
    case AG_F32:
        ((float *)y->data)[i] = 1;
        break;
    case AG_F64:
        ((double *)y->data)[i] = 1;
        break;
    case AG_I32:
        ((int32_t *)y->data)[i] = 1;
        break;
    case AG_I64:
        ((int64_t *)y->data)[i] = 1;
        break;
    default:
        ((uint8_t *)y->data)[i] = 1;
    }
}

static ag_status one_hot_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const one_hot_params *p = ag_call_params(c);
    const int64_t n = ag_array_size(x), wrong = ag_class_outside(x->data, x->dtype, n, p->classes);
    if (wrong >= 0)
        return ag_call_fail(c, AG_EARG, "element %lld is %lld, but there are %lld classes, 0 to %lld", (long long)wrong,
                            (long long)ag_class_at(x->data, x->dtype, wrong), (long long)p->classes,
                            (long long)p->classes - 1);
    memset(y->data, 0, (size_t)ag_array_size(y) * ag_dtype_size(y->dtype));
    for (int64_t i = 0; i < n; i++)
        set_one(y, i * p->classes + ag_class_at(x->data, x->dtype, i));
    return AG_OK;
}

static const one_hot_params five_f64 = { 5, AG_F64 }, three_f32 = { 3, AG_F32 }, two_u8 = { 2, AG_U8 };

AG_OP(one_hot) = {
    .name = "one_hot",
    .formula = "1 where j = x, else 0",
    .inputs = 1,
    .flags = AG_NO_GRADIENT,
    .params_size = sizeof(one_hot_params),
    .shape = one_hot_shape,
    .forward = one_hot_forward,
    .samples =
        (const ag_sample[]){
            { .params = &five_f64, .low = { 0 }, .high = { 5 }, .dtype = { AG_I64 }, .shape = { AG_DIMS(4) } },
            { .params = &three_f32, .low = { 0 }, .high = { 3 }, .dtype = { AG_I32 }, .shape = { AG_DIMS(2, 3) } },
            { .params = &two_u8, .low = { 0 }, .high = { 2 }, .dtype = { AG_U8 }, .shape = { AG_DIMS(7) } },
            { 0 } },
};

/* ag_one_hot - classes 0 ... classes-1 as rows of zeros with a single 1, of dtype d.
 *   y[..,classes] = 1 where the last index is x[..], else 0        no gradient
 * Errors: AG_EARG for a class out of range, AG_EDTYPE if x is not an integer tensor. */
AG_API ag_tensor ag_one_hot(ag_tensor x, int64_t classes, ag_dtype d)
{
    return AG_APPLY(one_hot, AG_LIST(x), (&(one_hot_params){ classes, d }));
}
