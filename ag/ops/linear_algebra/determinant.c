/* Determinants and their logarithms. */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

/* ---- from the factors */

typedef struct determinant { /* sign times mantissa times 2^exponent; log: of its size */
    double sign, mantissa, log;
    int64_t exponent;
} determinant;

/* No product on the way overflows, though the factors be many. */
static determinant determinant_of(int64_t n, const double *lu, const int64_t *pivots)
{
    determinant d = { 1, 1, 0, 0 };
    for (int64_t i = 0; i < n; i++) {
        int exponent;
        const double pivot = lu[i * n + i];
        if ((pivot < 0) != (pivots[i] != i))
            d.sign = -d.sign;
        d.mantissa = frexp(d.mantissa * fabs(pivot), &exponent);
        d.exponent += exponent;
    }
    d.log = d.exponent > -1000 && d.exponent < 1000 ? log(ldexp(d.mantissa, (int)d.exponent))
                                                    : log(d.mantissa) + (double)d.exponent * M_LN2;
    if (d.mantissa == 0)
        d.sign = 0;
    else if (isnan(d.mantissa))
        d.sign = NAN;
    return d;
}

static double value_of(const determinant *d)
{
    const int64_t e = d->exponent < -5000 ? -5000 : d->exponent > 5000 ? 5000 : d->exponent;
    return d->sign == 0 ? 0 : d->sign * ldexp(d->mantissa, (int)e);
}

static void put(const ag_array *y, int64_t i, double value)
{
    if (y->dtype == AG_F32)
        ((float *)y->data)[i] = (float)value;
    else
        ((double *)y->data)[i] = value;
}

/* The shapes of `count` results, one number for each matrix, and of the factors that are saved. */
static ag_status determinant_shape(const ag_call *c, const ag_array *x, ag_array *y, int count)
{
    const ag_status status = ag_call_matrices(c, x, true);
    if (status)
        return status;
    for (int i = 0; i < count; i++) {
        y[i].dtype = x->dtype;
        y[i].shape = x->shape;
        y[i].shape.rank -= 2;
    }
    ag_lu_outputs(x, &y[count], &y[count + 1]);
    return AG_OK;
}

/* x'^-1 by the saved factors. */
static ag_tensor inverse_transposed(const ag_call *c, int lu)
{
    const ag_tensor x = ag_call_input(c, 0);
    const ag_shape s = ag_shape_of(x);
    if (ag_size_of(x) <= 0) /* whatever its extents */
        return x;
    const ag_tensor one = ag_expand(ag_eye(ag_call_tape(c), ag_dtype_of(x), s.dim[s.rank - 1]), s);
    return ag_solve_factored(x, one, ag_call_output(c, lu), ag_call_output(c, lu + 1), true);
}

static ag_tensor for_each_element(ag_tensor of_matrices)
{
    return ag_unsqueeze(ag_unsqueeze(of_matrices, -1), -1);
}

/* ---- det */

static ag_status det_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    return determinant_shape(c, x, y, 1);
}

static ag_status det_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = x->shape.dim[x->shape.rank - 1];
    double *lu = y[1].data;
    int64_t *pivots = y[2].data;
    const ag_status status = ag_lu_all(c, x, lu, pivots, false);
    for (int64_t i = 0; i < ag_array_size(&y[0]) && !status; i++) {
        const determinant d = determinant_of(n, lu + i * n * n, pivots + i * n);
        put(&y[0], i, value_of(&d));
    }
    return status;
}

/* Are all matrices far from singular, by the pivots that were saved? */
static bool are_regular(const ag_call *c)
{
    const ag_tensor lu = ag_call_output(c, 1);
    if (ag_size_of(lu) <= 0)
        return true;
    const ag_tensor sizes = ag_sum_over(ag_abs(ag_triangle(lu, 0, 1, 0)), AG_AXES(-1), 0);
    return ag_all_above(ag_min_over(sizes, AG_AXES(-1), 0), ag_max_over(sizes, AG_AXES(-1), 0), AG_REGULAR);
}

static void det_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    if (!are_regular(c)) {
        dx[0] = ag_mul(for_each_element(dy[0]), ag_cofactors(ag_call_input(c, 0)));
        return;
    }
    const ag_tensor scale = ag_mul(dy[0], ag_call_output(c, 0));
    dx[0] = ag_mul(for_each_element(scale), inverse_transposed(c, 1));
}

/* clang-format off */
#define SAMPLE(...) { .low = { -1 }, .high = { 1 }, .diagonal = 0.5, .shape = { __VA_ARGS__ } }
/* clang-format on */
static const ag_sample samples[] = { SAMPLE(AG_DIMS(3, 3)), SAMPLE(AG_DIMS(2, 2, 2)), { 0 } };

AG_OP(det) = {
    .name = "det",
    .formula = "the determinant of x",
    .inputs = 1,
    .saved = 2,
    .flags = AG_STRIDED,
    .shape = det_shape,
    .forward = det_forward,
    .vjp = det_vjp,
    .samples = samples,
};

/* ag_det - the determinants y[..] of matrices x[..,n,n]; 1 where n = 0. See ag_slogdet where they may be too large or too
 * small for a number.
 *   y = det x        dx = dy y x'^-1 (Giles 2008); where a matrix is singular, or nearly, dy times its cofactors, of which
 *                    there is one derivative more
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_det(ag_tensor x)
{
    return AG_APPLY(det, AG_LIST(x), NULL);
}

/* ---- slogdet */

static ag_status slogdet_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    return determinant_shape(c, x, y, 2);
}

static ag_status slogdet_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = x->shape.dim[x->shape.rank - 1];
    double *lu = y[2].data;
    int64_t *pivots = y[3].data;
    const ag_status status = ag_lu_all(c, x, lu, pivots, false);
    for (int64_t i = 0; i < ag_array_size(&y[0]) && !status; i++) {
        const determinant d = determinant_of(n, lu + i * n * n, pivots + i * n);
        put(&y[0], i, d.sign);
        put(&y[1], i, d.log);
    }
    return status;
}

/* The sign does not move. */
static void slogdet_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(for_each_element(dy[1]), inverse_transposed(c, 2));
}

AG_OP(slogdet) = {
    .name = "slogdet",
    .formula = "the sign of x's determinant, and the logarithm of its size",
    .inputs = 1,
    .outputs = 2,
    .saved = 2,
    .flags = AG_STRIDED,
    .shape = slogdet_shape,
    .forward = slogdet_forward,
    .vjp = slogdet_vjp,
    .samples = samples,
};

/* ag_slogdet - the determinants of matrices x[..,n,n] as their sign[..], 1, -1 or 0, and logabsdet[..], the logarithms of
 * their sizes, which neither overflow nor underflow. Where a matrix is singular these are 0 and -infinity, and the
 * gradient is not finite.
 *   sign exp(logabsdet) = det x        dx = dlogabsdet x'^-1; none by the sign (Giles 2008)
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_signed_log ag_slogdet(ag_tensor x)
{
    ag_tensor y[2];
    ag_apply_all(&ag_op_slogdet, AG_LIST(x), NULL, y);
    return (ag_signed_log){ y[0], y[1] };
}

/* ag_logdet - the logarithms y[..] of the determinants of matrices x[..,n,n]: -infinity where one is 0, NaN where it is
 * negative.
 *   y = log det x        dx = dy x'^-1
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_logdet(ag_tensor x)
{
    const ag_signed_log d = ag_slogdet(x);
    return ag_add(ag_log(d.sign), d.logabsdet);
}
