/* The norms of the elements along the last dimensions: their mean and deviation, or their root mean square. */
#include "ag/ops/normalization/rows.h"
#include "ag/ops/shapes/views.h"

enum { STEPS = 4, MOST_PARTS = 32 }; /* of an element; in which rows are summed */

typedef struct norm_params {
    int dims;
    bool weight, bias, centered;
    double eps; /* zero: that of the dtype */
} norm_params;

static double eps_of(const norm_params *p, ag_dtype d)
{
    return p->eps != 0 ? p->eps : d == AG_F32 ? (double)__FLT_EPSILON__ : __DBL_EPSILON__;
}

static int64_t length_of(const norm_params *p, const ag_shape *s)
{
    int64_t n = 1;
    for (int i = s->rank - p->dims; i < s->rank; i++)
        n = ag_times(n, s->dim[i]);
    return n;
}

/* y, and what is saved of each row in double: its mean and the inverse of its deviation */
static ag_status norm_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    const ag_shape *s = &x[0].shape;
    if (ag_call_inputs(c) != 1 + p->weight + p->bias)
        return ag_call_fail(c, AG_EARG, "x has %d tensors beside it, not %d", ag_call_inputs(c) - 1,
                            p->weight + p->bias);
    for (int i = 0; i < ag_call_inputs(c); i++)
        if (x[i].dtype != x[0].dtype || !ag_is_float(x[i].dtype))
            return ag_call_fail(c, AG_EDTYPE, "all must be f32, or all f64; see ag_cast");
    if (!(p->eps >= 0 && ag_is_finite(p->eps)))
        return ag_call_fail(c, AG_EARG, "eps is a number above 0, not %g", p->eps);
    if (p->dims < 1 || p->dims > s->rank)
        return ag_call_fail(c, AG_ESHAPE, "there are no %d last dimensions", p->dims);
    for (int i = 1; i < ag_call_inputs(c); i++) {
        bool fits = x[i].shape.rank == p->dims;
        for (int k = 0; fits && k < p->dims; k++)
            fits = x[i].shape.dim[k] == s->dim[s->rank - p->dims + k];
        if (!fits)
            return ag_call_fail(c, AG_ESHAPE, "weight and bias must have the last %d extents of x", p->dims);
    }
    y[0] = (ag_array){ .dtype = x[0].dtype, .shape = *s };
    y[1] = (ag_array){ .dtype = AG_F64, .shape = *s };
    y[1].shape.rank = s->rank - p->dims;
    y[2] = y[1];
    return AG_OK;
}

static ag_norm_row row_of(const ag_call *c, const ag_array *x, const void *weight, const void *bias)
{
    const norm_params *p = ag_call_params(c);
    return (ag_norm_row){ .n = length_of(p, &x->shape),
                          .eps = eps_of(p, x->dtype),
                          .centered = p->centered,
                          .weight = weight,
                          .bias = bias };
}

typedef struct forward {
    ag_norm_row row;
    const ag_array *x;
    ag_array *y;
} forward;

static void run_row(const void *context, int64_t i)
{
    const forward *f = context;
    const ag_array *x = f->x, *y = f->y;
    ag_norm_row r = f->row;
    const ag_norm_kernels *k = x->dtype == AG_F32 ? &ag_norm_f32 : &ag_norm_f64;
    const size_t at = (size_t)(i * r.n) * ag_dtype_size(x->dtype);
    k->row(&r, (const char *)x->data + at, (char *)y[0].data + at);
    ((double *)y[1].data)[i] = r.mean;
    ((double *)y[2].data)[i] = r.inverse;
}

static ag_status norm_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    const ag_norm_row r = row_of(c, x, p->weight ? x[1].data : NULL, p->bias ? x[ag_call_inputs(c) - 1].data : NULL);
    const int64_t rows = ag_array_size(&y[1]);
    ag_for_items(rows, STEPS * (double)r.n, ag_call_threads(c), run_row, &(forward){ r, x, y });
    return AG_OK;
}

/* ---- the rule: with z the row in its units, k the inverse deviation and g = dy weight,
 *      dx = k (g - mean of g - z mean of g z) */

static ag_tensor mean_of(const norm_params *p, ag_tensor x)
{
    ag_axes last = { p->dims, { 0 } };
    for (int i = 0; i < p->dims; i++)
        last.axis[i] = -1 - i;
    return ag_mean_over(x, last, AG_KEEPDIM);
}

static void norm_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const norm_params *p = ag_call_params(c);
    const ag_tensor x = ag_call_input(c, 0), about = p->centered ? ag_sub(x, mean_of(p, x)) : x;
    const double eps = eps_of(p, ag_dtype_of(x));
    const ag_tensor k = ag_pow_scalar(ag_add_scalar(mean_of(p, ag_square(about)), eps), -0.5), z = ag_mul(about, k);
    if (ag_call_needs(c, 0)) {
        const ag_tensor g = p->weight ? ag_mul(dy[0], ag_call_input(c, 1)) : dy[0];
        const ag_tensor rest = p->centered ? ag_sub(g, mean_of(p, g)) : g;
        dx[0] = ag_mul(k, ag_sub(rest, ag_mul(z, mean_of(p, ag_mul(g, z)))));
    }
    if (p->weight && ag_call_needs(c, 1))
        dx[1] = ag_mul(dy[0], z);
    if (p->bias && ag_call_needs(c, ag_call_inputs(c) - 1))
        dx[ag_call_inputs(c) - 1] = dy[0];
}

/* ---- the same as a kernel. Rows are summed in parts, whose number depends on the shape alone. */

typedef struct back {
    ag_norm_row row;
    const ag_norm_kernels *k;
    const ag_array *x, *dy, *dx;
    const double *mean, *inverse;
    double beta, *dweight, *dbias; /* sums of the parts, or NULL */
    int64_t rows, parts;
} back;

static void run_part(const void *context, int64_t part)
{
    const back *b = context;
    ag_norm_row r = b->row;
    const size_t size = ag_dtype_size(b->x->dtype);
    for (int64_t i = b->rows * part / b->parts; i < b->rows * (part + 1) / b->parts; i++) {
        const size_t at = (size_t)(i * r.n) * size;
        r.mean = b->mean[i];
        r.inverse = b->inverse[i];
        b->k->back(&r, (const char *)b->x->data + at, (const char *)b->dy->data + at, b->beta,
                   b->dx->data ? (char *)b->dx->data + at : NULL, b->dweight ? b->dweight + part * r.n : NULL,
                   b->dbias ? b->dbias + part * r.n : NULL);
    }
}

/* Zeros for the sums of the parts. */
static double *sums_for(const ag_call *c, const back *b)
{
    const size_t bytes = (size_t)(b->parts * b->row.n) * sizeof(double);
    double *sums = ag_call_scratch(c, bytes);
    if (sums)
        memset(sums, 0, bytes);
    return sums;
}

static void put_sums(const back *b, const double *sums, const ag_array *to, double beta)
{
    for (int64_t i = 0; sums && i < b->row.n; i++) {
        double sum = 0;
        for (int64_t part = 0; part < b->parts; part++)
            sum += sums[part * b->row.n + i];
        if (to->dtype == AG_F32)
            ((float *)to->data)[i] = (float)(sum + (beta != 0 ? (double)((float *)to->data)[i] : 0));
        else
            ((double *)to->data)[i] = sum + (beta != 0 ? ((double *)to->data)[i] : 0);
    }
}

static ag_status norm_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const norm_params *p = ag_call_params(c);
    const int last = ag_call_inputs(c) - 1;
    const ag_array *x = ag_call_input_array(c, 0), *w = p->weight ? ag_call_input_array(c, 1) : NULL;
    const ag_array *mean = ag_call_output_array(c, 1), *inverse = ag_call_output_array(c, 2);
    if (!x || (p->weight && !w) || !mean || !inverse)
        return AG_EUSE;
    if (!dy[0].data)
        return AG_USE_RULE;
    back b = { .row = row_of(c, x, w ? w->data : NULL, NULL), .x = x, .dy = dy, .dx = &dx[0], .beta = beta[0] };
    b.k = x->dtype == AG_F32 ? &ag_norm_f32 : &ag_norm_f64;
    b.mean = mean->data;
    b.inverse = inverse->data;
    b.rows = ag_array_size(mean);
    b.parts = b.rows < 1 ? 1 : b.rows < MOST_PARTS ? b.rows : MOST_PARTS;
    const bool by_weight = p->weight && dx[1].data, by_bias = p->bias && dx[last].data;
    if ((by_weight && !(b.dweight = sums_for(c, &b))) || (by_bias && !(b.dbias = sums_for(c, &b))))
        return AG_ENOMEM;
    ag_for_items(b.parts, STEPS * (double)(b.row.n * b.rows / b.parts), ag_call_threads(c), run_part, &b);
    put_sums(&b, b.dweight, &dx[p->weight ? 1 : 0], beta[p->weight ? 1 : 0]);
    put_sums(&b, b.dbias, &dx[last], beta[last]);
    return AG_OK;
}

/* clang-format off */
#define PARAMS(dims, weight, bias, centered, eps) &(const norm_params){ dims, weight, bias, centered, eps }
#define SAMPLE(count, parameters, ...) \
    { .inputs = count, .params = parameters, .low = { -2, 0.5, -1 }, .high = { 2, 1.5, 1 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(layer_norm) = {
    .name = "layer_norm",
    .formula = "(x - mean) / sqrt(variance + eps) weight + bias",
    .flags = AG_VARIADIC,
    .saved = 2,
    .params_size = sizeof(norm_params),
    .shape = norm_shape,
    .forward = norm_forward,
    .vjp = norm_vjp,
    .vjp_fused = norm_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(3, PARAMS(1, 1, 1, 1, 1e-5), AG_DIMS(3, 4), AG_DIMS(4), AG_DIMS(4)),
                                    SAMPLE(2, PARAMS(2, 1, 0, 1, 0.1), AG_DIMS(2, 2, 3), AG_DIMS(2, 3)),
                                    SAMPLE(2, PARAMS(1, 0, 1, 1, 0.1), AG_DIMS(2, 3), AG_DIMS(3)),
                                    SAMPLE(1, PARAMS(1, 0, 0, 1, 0.1), AG_DIMS(5)),
                                    { 0 } },
};

AG_OP(rms_norm) = {
    .name = "rms_norm",
    .formula = "x / sqrt(mean of x^2 + eps) weight",
    .flags = AG_VARIADIC,
    .saved = 2,
    .params_size = sizeof(norm_params),
    .shape = norm_shape,
    .forward = norm_forward,
    .vjp = norm_vjp,
    .vjp_fused = norm_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(2, PARAMS(1, 1, 0, 0, 0), AG_DIMS(3, 4), AG_DIMS(4)),
                                    SAMPLE(2, PARAMS(2, 1, 0, 0, 0.1), AG_DIMS(2, 2, 3), AG_DIMS(2, 3)),
                                    SAMPLE(1, PARAMS(1, 0, 0, 0, 0.1), AG_DIMS(5)),
                                    { 0 } },
};

/* ag_layer_norm - x about its mean over the last dimensions, options.dims of them, in units of its deviation there.
 * weight and bias have the extents of these, or are absent, {0}.
 *   y = z weight + bias, z = k (x - mean), k = 1 / sqrt(mean of (x - mean)^2 + eps)
 *       dx = k (g - mean of g - z (mean of g z)), g = dy weight        dweight, dbias: the sums of dy z, of dy
 * Errors: AG_ESHAPE if there are no such dimensions or extents differ; AG_EARG for an eps below 0; AG_EDTYPE. */
AG_API ag_tensor ag_layer_norm(ag_tensor x, ag_tensor weight, ag_tensor bias, ag_layer_norm_options options)
{
    const norm_params p = { options.dims ? options.dims : 1, !ag_absent(weight), !ag_absent(bias), true,
                            options.eps != 0 ? options.eps : 1e-5 };
    ag_tensor given[3] = { x };
    ag_list list = { given, 1 };
    if (p.weight)
        given[list.count++] = weight;
    if (p.bias)
        given[list.count++] = bias;
    return AG_APPLY(layer_norm, list, &p);
}

/* ag_rms_norm - x in units of its root mean square over the last dimensions, options.dims of them. weight has the
 * extents of these, or is absent, {0}. An eps of 0 is that of the dtype: 2^-23 or 2^-52.
 *   y = z weight, z = k x, k = 1 / sqrt(mean of x^2 + eps)
 *       dx = k (g - z (mean of g z)), g = dy weight        dweight: the sum of dy z
 * Errors: AG_ESHAPE if there are no such dimensions or extents differ; AG_EARG for an eps below 0; AG_EDTYPE. */
AG_API ag_tensor ag_rms_norm(ag_tensor x, ag_tensor weight, ag_layer_norm_options options)
{
    const norm_params p = { options.dims ? options.dims : 1, !ag_absent(weight), false, false, options.eps };
    return AG_APPLY(rms_norm, p.weight ? AG_LIST(x, weight) : AG_LIST(x), &p);
}
