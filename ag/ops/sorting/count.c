/* How many elements are where. */
#include "ag/ops/shapes/views.h"

/* ---- bincount */

typedef struct bincount_params {
    int64_t least;
} bincount_params;

/* The largest or smallest element of integers of any strides. */
static int64_t extreme(const ag_array *x, bool largest)
{
    int64_t held = 0;
    ag_array one = { .data = &held, .dtype = x->dtype, .shape = { .rank = x->shape.rank } };
    for (int i = 0; i < one.shape.rank; i++)
        one.shape.dim[i] = 1;
    ag_array_dense(&one);
    ag_extremum_array(&one, x, largest, 1);
    return ag_array_get_integer(&one, 0);
}

static ag_status bincount_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const bincount_params *p = ag_call_params(c);
    int64_t count = 0, wrong = 0;
    const bool weighted = ag_call_inputs(c) > 1;
    if (ag_call_inputs(c) > 2)
        return ag_call_fail(c, AG_EARG, "%d operands given, but it takes 1 or 2", ag_call_inputs(c));
    if (weighted && !ag_is_float(x[1].dtype))
        return ag_call_fail(c, AG_EDTYPE, "weights must be f32 or f64; see ag_cast");
    if (weighted && !ag_shape_equal(x[0].shape, x[1].shape))
        return ag_call_fail(c, AG_ESHAPE, "the shapes differ");
    if (ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "what is counted must be integers; see ag_cast");
    if (p->least < 0)
        return ag_call_fail(c, AG_EARG, "the least length is %lld", (long long)p->least);
    if (ag_array_size(x) > 0) {
        const int64_t low = extreme(x, false), high = extreme(x, true);
        while (low < 0 && ag_array_get_integer(x, wrong) >= 0)
            wrong++;
        if (low < 0)
            return ag_call_fail(c, AG_EARG, "element %lld is %lld, but none may be negative", (long long)wrong,
                                (long long)ag_array_get_integer(x, wrong));
        if (high == INT64_MAX)
            return ag_call_fail(c, AG_ELIMIT, "an element of %lld needs too many counts", (long long)high);
        count = high + 1;
    }
    y->shape = (ag_shape){ 1, { count > p->least ? count : p->least } };
    y->dtype = weighted ? x[1].dtype : AG_I64;
    return AG_OK;
}

/* f32 is added in double. */
static ag_status add_weights(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = ag_array_size(x);
    const size_t bytes = (size_t)ag_array_size(y) * sizeof(double);
    double *sum = y->dtype == AG_F64 ? y->data : ag_call_scratch(c, bytes);
    if (!sum)
        return AG_ENOMEM;
    memset(sum, 0, bytes);
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = x->dtype == AG_I64   ? ((const int64_t *)x->data)[i]
                          : x->dtype == AG_I32 ? ((const int32_t *)x->data)[i]
                                               : ((const uint8_t *)x->data)[i];
        sum[k] += y->dtype == AG_F64 ? ((const double *)x[1].data)[i] : (double)((const float *)x[1].data)[i];
    }
    for (int64_t k = 0; y->dtype == AG_F32 && k < ag_array_size(y); k++)
        ((float *)y->data)[k] = (float)sum[k];
    return AG_OK;
}

#define COUNT(type)                          \
    for (int64_t i = 0; i < n; i++)          \
        count[((const type *)x->data)[i]]++; \
    break;

static ag_status bincount_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = ag_array_size(x);
    int64_t *count = y->data;
    if (ag_call_inputs(c) > 1)
        return add_weights(c, x, y);
    memset(count, 0, (size_t)ag_array_size(y) * sizeof *count);
    switch (x->dtype) {
    case AG_I32:
        COUNT(int32_t)
    case AG_I64:
        COUNT(int64_t)
    default:
        COUNT(uint8_t)
    }
    return AG_OK;
}

static void bincount_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor x = ag_call_input(c, 0), each = ag_reshape(x, AG_SHAPE(-1));
    if (ag_call_inputs(c) > 1 && ag_call_needs(c, 1))
        dx[1] = ag_reshape(ag_index_select(dy[0], 0, each), ag_shape_of(x));
}

/* clang-format off */
#define WEIGHTED(least, type, ...)                                                                                     \
    { .params = &(const bincount_params){ least }, .low = { 0, -2 }, .high = { 9, 2 }, .dtype = { type, AG_FLOAT },    \
      .shape = { __VA_ARGS__, __VA_ARGS__ }, .inputs = 2 }
#define COUNTED(least, type, ...)                                                                                      \
    { .params = &(const bincount_params){ least }, .low = { 0 }, .high = { 9 }, .dtype = { type }, .shape = { __VA_ARGS__ }, .inputs = 1 }
/* clang-format on */

AG_OP(bincount) = {
    .name = "bincount",
    .formula = "how often each integer is in x",
    .flags = AG_VARIADIC,
    .params_size = sizeof(bincount_params),
    .shape = bincount_shape,
    .forward = bincount_forward,
    .vjp = bincount_vjp,
    .samples = (const ag_sample[]){ COUNTED(0, AG_I64, AG_DIMS(9)),
                                    COUNTED(20, AG_I32, AG_DIMS(3, 4)),
                                    COUNTED(0, AG_U8, AG_DIMS(7)),
                                    WEIGHTED(0, AG_I64, AG_DIMS(9)),
                                    WEIGHTED(12, AG_I32, AG_DIMS(3, 4)),
                                    { 0 } },
};

/* ag_bincount - how often each of 0, 1, ... is an element of x, i64, or the sum of the weights of those elements, of
 * x's shape, where they are not absent, {0}; for at least so many of 0, 1, ..., and up to the largest one.
 *   y[k] = number of x[..] = k, or sum of weights[..] where x[..] = k        dweights[..] = dy[x[..]]
 * Errors: AG_EARG if an element or the least length is negative; AG_EDTYPE if x is not an integer tensor or the weights
 * are; AG_ESHAPE if they have another shape. */
AG_API ag_tensor ag_bincount(ag_tensor x, ag_tensor weights, int64_t minlength)
{
    const bool absent = !weights.tape && !weights.id && !weights.epoch;
    return AG_APPLY(bincount, absent ? AG_LIST(x) : AG_LIST(x, weights), &(bincount_params){ minlength });
}

/* ---- histogram */

typedef struct histogram_params {
    int64_t bins;
    double low, high;
} histogram_params;

static ag_status histogram_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const histogram_params *p = ag_call_params(c);
    (void)x;
    if (p->bins < 1)
        return ag_call_fail(c, AG_EARG, "%lld bins", (long long)p->bins);
    if (!(p->low < p->high) || !ag_is_finite(p->high - p->low))
        return ag_call_fail(c, AG_EARG, "from %g to %g is no range", p->low, p->high);
    y->shape = (ag_shape){ 1, { p->bins } };
    y->dtype = AG_I64;
    return AG_OK;
}

#define BIN(type)                                                                              \
    for (int64_t i = 0; i < n; i++) {                                                          \
        const double v = (double)((const type *)x->data)[i];                                   \
        if (v >= p->low && v <= p->high) {                                                     \
            const int64_t at = (int64_t)((v - p->low) / (p->high - p->low) * (double)p->bins); \
            count[at < p->bins ? at : p->bins - 1]++;                                          \
        }                                                                                      \
    }                                                                                          \
    break;

static ag_status histogram_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const histogram_params *p = ag_call_params(c);
    const int64_t n = ag_array_size(x);
    int64_t *count = y->data;
    memset(count, 0, (size_t)p->bins * sizeof *count);
    switch (x->dtype) {
    case AG_F32:
        BIN(float)
    case AG_F64:
        BIN(double)
    case AG_I32:
        BIN(int32_t)
    case AG_I64:
        BIN(int64_t)
    default:
        BIN(uint8_t)
    }
    return AG_OK;
}

AG_OP(histogram) = {
    .name = "histogram",
    .formula = "how many elements are in each of bins of one width",
    .inputs = 1,
    .flags = AG_NO_GRADIENT,
    .params_size = sizeof(histogram_params),
    .shape = histogram_shape,
    .forward = histogram_forward,
    .samples = (const ag_sample[]){ { .params = &(const histogram_params){ 4, -1, 1 },
                                      .low = { -2 },
                                      .high = { 2 },
                                      .shape = { AG_DIMS(3, 5) } },
                                    { .params = &(const histogram_params){ 3, 0, 6 },
                                      .low = { 0 },
                                      .high = { 9 },
                                      .dtype = { AG_I64 },
                                      .shape = { AG_DIMS(9) } },
                                    { 0 } },
};

/* ag_histogram - how many elements are in each of so many bins of one width from low to high, i64; what is outside or NaN
 * is not counted, and the last bin has its upper end, too.
 *   y[k] = number of x[..] with k <= bins (x[..] - low) / (high - low) < k + 1        no gradient
 * Errors: AG_EARG if there are no bins, or low is not below high. */
AG_API ag_tensor ag_histogram(ag_tensor x, int64_t bins, double low, double high)
{
    return AG_APPLY(histogram, AG_LIST(x), (&(histogram_params){ bins, low, high }));
}
