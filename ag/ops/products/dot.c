/* The product of vectors. */
#include "ag/ops/define.h"
#include "ag/ops/losses/pairs.h"

static ag_status dot_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x[0].dtype != x[1].dtype || !ag_is_float(x[0].dtype))
        return ag_call_fail(c, AG_EDTYPE, "both must be f32, or both f64");
    if (x[0].shape.rank != 1 || !ag_shape_equal(x[0].shape, x[1].shape))
        return ag_call_fail(c, AG_ESHAPE, "the operands must be vectors of one length; see ag_matmul");
    y->dtype = x[0].dtype;
    return AG_OK;
}

static ag_pairs pairs_of(const ag_call *c, const ag_array *a, const ag_array *b)
{
    return (ag_pairs){ .kind = AG_PAIR_PRODUCT,
                       .dtype = a->dtype,
                       .n = a->shape.dim[0],
                       .a = a->data,
                       .b = b->data,
                       .threads = ag_call_threads(c) };
}

static ag_status dot_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_pairs p = pairs_of(c, &x[0], &x[1]);
    double *partials = ag_call_scratch(c, (size_t)ag_pair_partials(p.n) * sizeof *partials);
    if (!partials)
        return AG_ENOMEM;
    ag_fill_array(y, ag_pair_sum(&p, partials));
    return AG_OK;
}

static void dot_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    for (int i = 0; i < 2; i++)
        if (ag_call_needs(c, i))
            dx[i] = ag_mul(ag_call_input(c, 1 - i), dy[0]);
}

static ag_status dot_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *a = ag_call_input_array(c, 0), *b = ag_call_input_array(c, 1);
    if (!a || !b)
        return AG_EUSE;
    const ag_pairs p = pairs_of(c, a, b);
    ag_pair_back(&p, NULL, ag_array_get(dy, 0), beta, dx);
    return AG_OK;
}

AG_OP(dot) = {
    .name = "dot",
    .formula = "sum_i a_i b_i",
    .inputs = 2,
    .shape = dot_shape,
    .forward = dot_forward,
    .vjp = dot_vjp,
    .vjp_fused = dot_vjp_fused,
    .samples = (const ag_sample[]){ { .low = { -2, -2 }, .high = { 2, 2 }, .shape = { AG_DIMS(5), AG_DIMS(5) } },
                                    { .low = { -1, -3 }, .high = { 1, 1 }, .shape = { AG_DIMS(37), AG_DIMS(37) } },
                                    { 0 } },
};

/* ag_dot - product of two vectors.
 *   y = sum_i a[i] b[i]        da = b dy    db = a dy
 * Errors: AG_ESHAPE if they are no vectors of one length. */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b)
{
    return AG_APPLY(dot, AG_LIST(a, b), NULL);
}
