/* Where values belong among sorted ones, and neighbours that are equal. */
#include "ag/ops/shapes/views.h"

/* ---- searchsorted */

typedef struct search_params {
    int right;
} search_params;

static ag_status searchsorted_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_shape *s = &x[0].shape, *v = &x[1].shape;
    ag_shape rows = *v;
    if (x[0].dtype != x[1].dtype)
        return ag_call_fail(c, AG_EDTYPE, "the dtypes differ; see ag_cast");
    if (s->rank < 1)
        return ag_call_fail(c, AG_ESHAPE, "a number is no sorted sequence");
    if (v->rank > 0)
        rows.dim[v->rank - 1] = s->dim[s->rank - 1];
    if (s->rank > 1 && !ag_shape_equal(rows, *s))
        return ag_call_fail(c, AG_ESHAPE, "of several sequences there must be one for each row of values");
    y->shape = *v;
    y->dtype = AG_I64;
    return AG_OK;
}

typedef struct search {
    const void *sequence, *values;
    int64_t *place, n, row; /* row: values for each sequence; 0: all are for one */
    ag_dtype dtype;
    bool right;
} search;

enum { TOGETHER = 8 }; /* values: each step of one waits for memory */

/* How many of n stand before v; a NaN is the largest. */
#define BEFORE(a, b) ((a) < (b) || ((b) != (b) && (a) == (a)))
#define FIND(type)                                                                            \
    for (int64_t i = begin; i < end; i += TOGETHER) {                                         \
        const int64_t count = end - i < TOGETHER ? end - i : TOGETHER;                        \
        const type *from[TOGETHER], *at[TOGETHER];                                            \
        type v[TOGETHER];                                                                     \
        for (int64_t k = 0; k < TOGETHER; k++) {                                              \
            const int64_t own = i + (k < count ? k : 0);                                      \
            v[k] = ((const type *)s->values)[own];                                            \
            at[k] = from[k] = (const type *)s->sequence + (s->row ? own / s->row * s->n : 0); \
        }                                                                                     \
        for (int64_t n = s->n; n > 0; n /= 2) {                                               \
            const int64_t half = n - n / 2; /* without a branch on what is compared */        \
            for (int64_t k = 0; k < TOGETHER; k++) {                                          \
                const type e = at[k][half - 1];                                               \
                at[k] += (s->right ? !BEFORE(v[k], e) : BEFORE(e, v[k])) ? half : 0;          \
            }                                                                                 \
        }                                                                                     \
        for (int64_t k = 0; k < count; k++)                                                   \
            s->place[i + k] = at[k] - from[k];                                                \
    }                                                                                         \
    break;

static void find(const void *context, int64_t begin, int64_t end)
{
    const search *s = context;
    switch (s->dtype) {
    case AG_F32:
        FIND(float)
    case AG_F64:
        FIND(double)
    case AG_I32:
        FIND(int32_t)
    case AG_I64:
        FIND(int64_t)
    default:
        FIND(uint8_t)
    }
}

static ag_status searchsorted_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const search_params *p = ag_call_params(c);
    const ag_shape *sequence = &x[0].shape, *v = &x[1].shape;
    const search s = { .sequence = x[0].data,
                       .values = x[1].data,
                       .place = y->data,
                       .n = sequence->dim[sequence->rank - 1],
                       .row = sequence->rank > 1 ? v->dim[v->rank - 1] : 0,
                       .dtype = x[0].dtype,
                       .right = p->right };
    ag_for_ranges(ag_array_size(y), 64, ag_call_threads(c), find, &s);
    return AG_OK;
}

/* clang-format off */
#define SEARCH(right, type, ...)                                                                                       \
    { .params = &(const search_params){ right }, .low = { 0, 0 }, .high = { 9, 9 }, .dtype = { type, type },           \
      .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(searchsorted) = {
    .name = "searchsorted",
    .formula = "place of each value in a sorted sequence",
    .inputs = 2,
    .flags = AG_NO_GRADIENT,
    .params_size = sizeof(search_params),
    .shape = searchsorted_shape,
    .forward = searchsorted_forward,
    .samples = (const ag_sample[]){ SEARCH(0, AG_FLOAT, AG_DIMS(5), AG_DIMS(2, 3)),
                                    SEARCH(1, AG_FLOAT, AG_DIMS(2, 5), AG_DIMS(2, 3)),
                                    SEARCH(0, AG_I64, AG_DIMS(5), AG_DIMS(3)),
                                    { 0 } },
};

/* ag_searchsorted - where each value belongs in an ascending sequence[n], or in that of its row, sequence[..,n], i64: the
 * first place that keeps the order, under options.right the last one. NaN counts as the largest.
 *   y[..,i] = how many of sequence[..,:] are below values[..,i], under options.right not above it        no gradient
 * Errors: AG_ESHAPE if the leading extents differ; AG_EDTYPE if the dtypes do. */
AG_API ag_tensor ag_searchsorted(ag_tensor sequence, ag_tensor values, ag_searchsorted_options options)
{
    return AG_APPLY(searchsorted, AG_LIST(sequence, values), &(search_params){ options.right });
}

/* ---- unique_consecutive */

/* Writes, where there is something to write to; returns how many runs there are. */
#define RUNS(type)                                            \
    for (int64_t i = 0; i < n; i++) {                         \
        const type v = ((const type *)x->data)[i];            \
        if (i == 0 || v != ((const type *)x->data)[i - 1]) {  \
            if (y)                                            \
                ((type *)y[0].data)[runs] = v;                \
            begun = i;                                        \
            runs++;                                           \
        }                                                     \
        if (y) {                                              \
            ((int64_t *)y[1].data)[i] = runs - 1;             \
            ((int64_t *)y[2].data)[runs - 1] = i - begun + 1; \
        }                                                     \
    }                                                         \
    break;

/* Of a dense x. */
static int64_t find_runs(const ag_array *x, ag_array *y)
{
    const int64_t n = ag_array_size(x);
    int64_t runs = 0, begun = 0;
    switch (x->dtype) {
    case AG_F32:
        RUNS(float)
    case AG_F64:
        RUNS(double)
    case AG_I32:
        RUNS(int32_t)
    case AG_I64:
        RUNS(int64_t)
    default:
        RUNS(uint8_t)
    }
    return runs;
}

static int64_t count_runs(const ag_array *x)
{
    const int64_t n = ag_array_size(x);
    int64_t runs = n > 0;
    if (ag_array_is_dense(x))
        return find_runs(x, NULL);
    for (int64_t i = 1; i < n; i++)
        runs += ag_is_float(x->dtype) ? ag_array_get(x, i) != ag_array_get(x, i - 1)
                                      : ag_array_get_integer(x, i) != ag_array_get_integer(x, i - 1);
    return runs;
}

static ag_status unique_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_shape runs = { 1, { count_runs(x) } };
    (void)c;
    y[0] = (ag_array){ .dtype = x->dtype, .shape = runs };
    y[1] = (ag_array){ .dtype = AG_I64, .shape = x->shape };
    y[2] = (ag_array){ .dtype = AG_I64, .shape = runs };
    return AG_OK;
}

static ag_status unique_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    find_runs(x, y);
    return AG_OK;
}

AG_OP(unique_consecutive) = {
    .name = "unique_consecutive",
    .formula = "x without repetitions, the place of each element there, and how often it stood in a row",
    .inputs = 1,
    .outputs = 3,
    .flags = AG_NO_GRADIENT,
    .shape = unique_shape,
    .forward = unique_forward,
    .samples = (const ag_sample[]){ { .low = { 0 }, .high = { 3 }, .dtype = { AG_I64 }, .shape = { AG_DIMS(9) } },
                                    { .low = { 0 }, .high = { 2 }, .dtype = { AG_U8 }, .shape = { AG_DIMS(2, 7) } },
                                    { 0 } },
};

/* ag_unique_consecutive - the elements in row-major order, each that equals the one before it left out; which of them
 * each element is, of x's shape, i64; and how many stood in a row, i64. Of a sorted x these are all that are different.
 *   values[inverse[..]] = x[..], counts[k] = how many inverse[..] are k        no gradient */
AG_API ag_unique ag_unique_consecutive(ag_tensor x)
{
    ag_tensor y[3];
    ag_apply_all(&ag_op_unique_consecutive, AG_LIST(x), NULL, y);
    return (ag_unique){ y[0], y[1], y[2] };
}
