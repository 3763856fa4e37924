/* An op with a kernel for its derivative: x^3, f32 and f64. */
#ifndef TESTS_CERTAIN_KERNELS_H
#define TESTS_CERTAIN_KERNELS_H

#include "ag/ag.h"

typedef enum kernel {
    KERNEL_RIGHT,
    KERNEL_FACTOR,
    KERNEL_OVERWRITES,
    KERNEL_UNWRITTEN,
    KERNEL_STRIDED,
    KERNEL_SINGLE,
    KERNEL_FAR,
    KERNEL_KEEPS,
    KERNEL_WRITES
} kernel;

static double kept[64]; /* what no op should have */

static double get(const ag_array *a, int64_t i)
{
    return a->dtype == AG_F32 ? ((const float *)a->data)[i] : ((const double *)a->data)[i];
}

static void put(const ag_array *a, int64_t i, double v)
{
    if (a->dtype == AG_F32)
        ((float *)a->data)[i] = (float)v;
    else
        ((double *)a->data)[i] = v;
}

static ag_status kernel_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x->dtype != AG_F32 && x->dtype != AG_F64)
        return ag_call_fail(c, AG_EDTYPE, "expected floating numbers");
    *y = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    return AG_OK;
}

static ag_status kernel_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const kernel k = *(const kernel *)ag_call_params(c);
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        double v = get(x, i);
        put(y, i, v * v * v * (k == KERNEL_FAR && i > 4096 ? 1.01 : 1));
        if (k == KERNEL_WRITES)
            put(x, i, v / 2);
        if (i < 64)
            kept[i] = v;
    }
    return AG_OK;
}

static void kernel_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], ag_mul_scalar(ag_square(ag_call_input(c, 0)), 3));
}

static ag_status kernel_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const kernel k = *(const kernel *)ag_call_params(c);
    const ag_array *x = ag_call_input_array(c, 0);
    double factor = k == KERNEL_FACTOR ? 3.03 : k == KERNEL_SINGLE && x && x->dtype == AG_F32 ? 3.03 : 3;
    for (int64_t i = 0; x && i < ag_shape_size(dx->shape); i++) {
        double v = k == KERNEL_KEEPS && i < 64 ? kept[i] : get(x, i);
        double old = k == KERNEL_OVERWRITES || beta[0] == 0 ? 0 : get(dx, i);
        if (k != KERNEL_UNWRITTEN || i != 5 || beta[0] != 0)
            put(dx, i, old + factor * v * v * get(dy, i));
    }
    return x ? AG_OK : AG_EUSE;
}

static const kernel kernels[] = { KERNEL_RIGHT,  KERNEL_FACTOR, KERNEL_OVERWRITES, KERNEL_UNWRITTEN, KERNEL_STRIDED,
                                  KERNEL_SINGLE, KERNEL_FAR,    KERNEL_KEEPS,      KERNEL_WRITES };
#define KERNEL_SAMPLES(k)                                                      \
    (const ag_sample[])                                                        \
    {                                                                          \
        { SAMPLE(0.5, 3), .shape = { AG_DIMS(3, 4) }, .params = &kernels[k] }, \
        {                                                                      \
            0                                                                  \
        }                                                                      \
    }
#define KERNEL_WITH(k, more)                                                                                  \
    {                                                                                                         \
        .name = "cube", .inputs = 1, .flags = more, .params_size = sizeof(kernel), .shape = kernel_shape,     \
        .forward = kernel_forward, .vjp = kernel_vjp, .vjp_fused = kernel_fused, .samples = KERNEL_SAMPLES(k) \
    }
#define KERNEL_OP(k) KERNEL_WITH(k, 0)
#define STRIDED_OP KERNEL_WITH(KERNEL_STRIDED, AG_STRIDED) /* it says that it takes strides, and does not */

#endif
