/* The norms of the elements along the last dimensions: their mean and deviation, or their root mean square. */
#include "ag/ops/normalization/channel_run.h"
#include "ag/ops/shapes/views.h"
#include <math.h>

enum {
    STEPS = 4,       /* of an element */
    MOST_PARTS = 32, /* in which rows are summed */
    PART = 32,       /* rows, at least */
    APART = 192,     /* bytes */
    SHORT = 1024,    /* elements of a row */
    LONG = 4096      /* bytes of a row */
};

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

/* ---- values */

typedef struct rows {
    const ag_norm_kernels *k;
    int64_t n, count; /* elements of a row; rows */
    double eps;
    bool centered;
    const ag_array *x, *y, *dy, *dx; /* y: forward; dx->data NULL: it is not wanted */
    const void *weight, *bias;
    double *mean, *inverse; /* of each row: 0 for a root mean square, and of the deviation */
    double beta, *sums;     /* sums: of the parts, or NULL */
    int64_t parts, room;    /* of a part: doubles */
    int64_t few;            /* bytes of the weights' sums of a few rows */
} rows;

static rows rows_of(const ag_call *c, const ag_array *x, const ag_array *mean, const ag_array *inverse)
{
    const norm_params *p = ag_call_params(c);
    return (rows){ .k = x->dtype == AG_F32 ? &ag_norm_f32 : &ag_norm_f64,
                   .n = length_of(p, &x->shape),
                   .count = ag_array_size(mean),
                   .eps = eps_of(p, x->dtype),
                   .centered = p->centered,
                   .x = x,
                   .mean = mean->data,
                   .inverse = inverse->data };
}

static void *row_at(const rows *r, const ag_array *a, int64_t i)
{
    return (char *)a->data + (size_t)(i * r->n) * ag_dtype_size(a->dtype);
}

static void measure_row(const rows *r, int64_t i)
{
    const ag_moments m = r->k->moments(r->n, row_at(r, r->x, i), r->centered);
    r->mean[i] = m.mean;
    r->inverse[i] = 1 / sqrt(m.squares / (double)r->n + r->eps);
}

/* A short row is measured before the one in front of it is written: what that waits for, the other one does not. */
static void run_rows(const void *context, int64_t begin, int64_t end)
{
    const rows *r = context;
    const int64_t ahead = r->n <= SHORT ? 1 : 0;
    for (int64_t next = begin; next < end + ahead; next++) {
        const int64_t i = next - ahead;
        if (next < end)
            measure_row(r, next);
        if (i >= begin)
            r->k->apply(r->n, row_at(r, r->x, i), r->weight, r->bias, row_at(r, r->y, i),
                        &(ag_norm_line){ r->mean[i], r->inverse[i], 0, 0, next + 1 < end ? (1 + ahead) * r->n : 0 });
    }
}

static ag_status norm_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const norm_params *p = ag_call_params(c);
    rows r = rows_of(c, x, &y[1], &y[2]);
    r.y = y;
    r.weight = p->weight ? x[1].data : NULL;
    r.bias = p->bias ? x[ag_call_inputs(c) - 1].data : NULL;
    ag_for_ranges(r.count, STEPS * (double)r.n, ag_call_threads(c), run_rows, &r);
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

typedef struct parts { /* of the value, for its derivatives */
    ag_tensor k, z;
} parts;

static parts parts_of(const ag_call *c)
{
    const norm_params *p = ag_call_params(c);
    const ag_tensor x = ag_call_input(c, 0), about = p->centered ? ag_sub(x, mean_of(p, x)) : x;
    const double eps = eps_of(p, ag_dtype_of(x));
    const ag_tensor k = ag_pow_scalar(ag_add_scalar(mean_of(p, ag_square(about)), eps), -0.5);
    return (parts){ k, ag_mul(about, k) };
}

/* The matrix by which z changes with x, times g, is symmetric. */
static ag_tensor through_norm(const norm_params *p, parts v, ag_tensor g)
{
    const ag_tensor rest = p->centered ? ag_sub(g, mean_of(p, g)) : g;
    return ag_mul(v.k, ag_sub(rest, ag_mul(v.z, mean_of(p, ag_mul(g, v.z)))));
}

static void norm_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const norm_params *p = ag_call_params(c);
    const parts v = parts_of(c);
    if (ag_call_needs(c, 0))
        dx[0] = through_norm(p, v, p->weight ? ag_mul(dy[0], ag_call_input(c, 1)) : dy[0]);
    if (p->weight && ag_call_needs(c, 1))
        dx[1] = ag_mul(dy[0], v.z);
    if (p->bias && ag_call_needs(c, ag_call_inputs(c) - 1))
        dx[ag_call_inputs(c) - 1] = dy[0];
}

static void norm_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const norm_params *p = ag_call_params(c);
    const int last = ag_call_inputs(c) - 1;
    const parts v = parts_of(c);
    const ag_tensor dz = through_norm(p, v, ag_call_tangent(c, dx, 0));
    dy[0] = p->weight ? ag_mul(dz, ag_call_input(c, 1)) : dz;
    if (p->weight && dx[1].tape)
        dy[0] = ag_add(dy[0], ag_mul(v.z, dx[1]));
    if (p->bias && dx[last].tape)
        dy[0] = ag_add(dy[0], dx[last]);
}

/* ---- the same as a kernel. Rows are summed in parts, whose number depends on the shape alone. */

/* dx = k g + (x - mean) slope + shift, slope = -k^3 mean of g (x - mean), shift = -k mean of g */
static ag_norm_line line_of(const rows *r, int64_t i, int64_t next)
{
    const ag_norm_sums s = r->k->sums(r->n, row_at(r, r->x, i), row_at(r, r->dy, i), r->weight, r->mean[i]);
    const double k = r->inverse[i], by = -k / (double)r->n;
    return (ag_norm_line){ r->mean[i], k, by * s.product * k * k, r->centered ? by * s.sum : 0, next };
}

/* Two rows in one page, whose dx is written by turns, are no streams to the processor. */
static int rows_together(const rows *r)
{
    const bool both = r->sums && r->dx->data, is_long = r->n >= LONG / (int64_t)ag_dtype_size(r->x->dtype);
    return both && is_long ? AG_NORM_TOGETHER : 1;
}

/* So many rows from row i of those to `end`: dx, and what they add to the sums that are wanted. */
static void rows_back(const rows *r, int64_t i, int count, int64_t end, ag_norm_row *to)
{
    const void *x = row_at(r, r->x, i), *dy = row_at(r, r->dy, i);
    to->inverse = &r->inverse[i];
    if (!r->dx->data) {
        r->k->add(r->n, x, dy, r->mean[i], to);
        return;
    }
    ag_norm_line line[AG_NORM_TOGETHER];
    for (int k = 0; k < count; k++)
        line[k] = line_of(r, i + k, i + 2 * count <= end ? count * r->n : 0);
    void *dx = row_at(r, r->dx, i);
    if (to->dweight)
        r->k->back_and_add(count, r->n, x, dy, r->weight, dx, line, r->beta != 0, to);
    else
        r->k->back(r->n, x, dy, r->weight, dx, line, r->beta != 0);
}

static void run_part(const void *context, int64_t part)
{
    const rows *r = context;
    double *sums = r->sums ? r->sums + part * r->room : NULL;
    char *few = (char *)(sums ? sums + 2 * r->n : NULL);
    ag_norm_row to = { NULL, few, few ? few + r->few : NULL };
    const int64_t begin = r->count * part / r->parts, end = r->count * (part + 1) / r->parts;
    const int together = rows_together(r);
    if (sums)
        memset(sums, 0, (size_t)r->room * sizeof(double));
    for (int64_t i = begin, next; i < end; i = next) {
        next = i + together <= end ? i + together : i + 1;
        rows_back(r, i, (int)(next - i), end, &to);
        if (sums && (next == end || (next - begin) % AG_NORM_ROWS == 0)) {
            r->k->join(r->n, to.dweight, sums);
            r->k->join(r->n, to.dbias, sums + r->n);
        }
    }
}

/* Zeros for the sums of the parts: of weights, of biases, and in their own type those of a few rows, which do not lie
 * 4096 bytes apart: a store to one would seem to be of the other. False: no memory. */
static bool sums_for(const ag_call *c, rows *r)
{
    r->few = r->n * (int64_t)ag_dtype_size(r->x->dtype) + APART;
    r->room = 2 * r->n + (2 * r->few + 7) / 8;
    r->sums = ag_call_scratch(c, (size_t)(r->parts * r->room) * sizeof(double));
    return r->sums;
}

static void put_sums(const rows *r, double *sums, const ag_array *to, double beta)
{
    for (int64_t part = 1; part < r->parts; part++)
        for (int64_t i = 0; i < r->n; i++)
            sums[i] += sums[part * r->room + i];
    ag_norm_put(r->n, sums, to, beta);
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
    rows r = rows_of(c, x, mean, inverse);
    r.weight = w ? w->data : NULL;
    r.dy = dy;
    r.dx = &dx[0];
    r.beta = beta[0];
    r.parts = r.count < 2 * PART ? 1 : r.count < MOST_PARTS * PART ? r.count / PART : MOST_PARTS;
    const bool by_weight = p->weight && dx[1].data, by_bias = p->bias && dx[last].data;
    if ((by_weight || by_bias) && !sums_for(c, &r))
        return AG_ENOMEM;
    ag_for_items(r.parts, STEPS * (double)(r.n * r.count / r.parts), ag_call_threads(c), run_part, &r);
    if (by_weight)
        put_sums(&r, r.sums, &dx[1], beta[1]);
    if (by_bias)
        put_sums(&r, r.sums + r.n, &dx[last], beta[last]);
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
    .jvp = norm_jvp,
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
    .jvp = norm_jvp,
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
