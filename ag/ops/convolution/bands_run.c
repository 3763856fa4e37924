/* Bands applied to planes. Sums are made in f64: over the depth and height of a window for a whole row, which is then
 * summed along its width. */
#include "ag/ops/convolution/bands.h"

typedef struct job {
    const ag_band *b; /* of depth, height, width */
    const char *x;
    char *y, *rows; /* a row of sums for each share */
    ag_dtype dtype;
    bool add;
    int64_t planes, shares;
} job;

/* Of a row of sums, what result i is made of. */
static inline double sum_of(const ag_band *w, int64_t i, const double *row)
{
    const double *from = row + w->first[i], *weight = w->weight + w->at[i];
    const int64_t count = w->at[i + 1] - w->at[i];
    double sum = count > 0 ? weight[0] * from[0] : 0;
    for (int64_t k = 1; k < count; k++)
        sum += weight[k] * from[k];
    return sum;
}

/* The same of one or two elements; both are read, so that it vectorises. */
static inline double sum_of_few(const ag_band *w, int64_t i, const double *row)
{
    const bool two = w->right[i] != 0;
    const double *from = row + w->first[i], sum = w->left[i] * from[0], more = w->right[i] * from[two];
    return two ? sum + more : sum;
}

/* Is result i made as the one before it? */
static bool repeats(const ag_band *b, int64_t i)
{
    const int64_t at = b->at[i], count = b->at[i + 1] - at;
    return i > 0 && b->first[i] == b->first[i - 1] && at - b->at[i - 1] == count &&
           b->divisor[i] == b->divisor[i - 1] &&
           memcmp(b->weight + at, b->weight + at - count, (size_t)count * sizeof *b->weight) == 0;
}

#define PLANE(name, type)                                                                                        \
    static void name##_add(int64_t n, double *row, const type *x, double weight, bool first)                     \
    {                                                                                                            \
        if (first)                                                                                               \
            for (int64_t i = 0; i < n; i++)                                                                      \
                row[i] = weight * (double)x[i];                                                                  \
        else                                                                                                     \
            for (int64_t i = 0; i < n; i++)                                                                      \
                row[i] += weight * (double)x[i];                                                                 \
    }                                                                                                            \
    /* rows of the source into a row of sums; false: there is nothing to sum */                                  \
    static bool name##_row(const ag_band *b, int64_t deep, int64_t high, const type *x, double *row)             \
    {                                                                                                            \
        bool first = true;                                                                                       \
        for (int64_t d = b[0].at[deep]; d < b[0].at[deep + 1]; d++)                                              \
            for (int64_t h = b[1].at[high]; h < b[1].at[high + 1]; h++) {                                        \
                const int64_t from =                                                                             \
                    (b[0].first[deep] + d - b[0].at[deep]) * b[1].source + b[1].first[high] + h - b[1].at[high]; \
                name##_add(b[2].source, row, x + from * b[2].source, b[0].weight[d] * b[1].weight[h], first);    \
                first = false;                                                                                   \
            }                                                                                                    \
        return !first;                                                                                           \
    }                                                                                                            \
    static void name(const ag_band *b, const type *x, type *y, double *row, bool add)                            \
    {                                                                                                            \
        const ag_band *w = &b[2];                                                                                \
        for (int64_t d = 0; d < b[0].result; d++)                                                                \
            for (int64_t h = 0; h < b[1].result; h++, y += w->result) {                                          \
                if (!add && repeats(&b[1], h)) {                                                                 \
                    memcpy(y, y - w->result, (size_t)w->result * sizeof *y);                                     \
                    continue;                                                                                    \
                }                                                                                                \
                const bool any = name##_row(b, d, h, x, row);                                                    \
                const double divisor = b[0].divisor[d] * b[1].divisor[h];                                        \
                if (any && w->few == 1 && divisor == 1 && !add)                                                  \
                    for (int64_t i = 0; i < w->result; i++)                                                      \
                        y[i] = (type)(w->left[i] * row[w->first[i]]);                                            \
                else if (any && w->few && divisor == 1 && !add)                                                  \
                    for (int64_t i = 0; i < w->result; i++)                                                      \
                        y[i] = (type)sum_of_few(w, i, row);                                                      \
                else                                                                                             \
                    for (int64_t i = 0; i < w->result; i++) {                                                    \
                        const double sum = any ? sum_of(w, i, row) / (divisor * w->divisor[i]) : 0;              \
                        y[i] = (type)(add ? (double)y[i] + sum : sum);                                           \
                    }                                                                                            \
            }                                                                                                    \
    }
PLANE(plane_f32, float)
PLANE(plane_f64, double)

static void share_item(const void *context, int64_t i)
{
    const job *j = context;
    const ag_band *b = j->b;
    const int64_t source = b[0].source * b[1].source * b[2].source, result = b[0].result * b[1].result * b[2].result;
    double *row = (double *)(j->rows + (size_t)(i * b[2].source) * sizeof *row);
    for (int64_t k = i * j->planes / j->shares; k < (i + 1) * j->planes / j->shares; k++) {
        if (j->dtype == AG_F32)
            plane_f32(b, (const float *)j->x + k * source, (float *)j->y + k * result, row, j->add);
        else
            plane_f64(b, (const double *)j->x + k * source, (double *)j->y + k * result, row, j->add);
    }
}

static ag_status run(const ag_call *c, const ag_band *b, const ag_array *x, const ag_array *y, bool add)
{
    const int64_t result = b[0].result * b[1].result * b[2].result;
    job j = { .b = b, .x = x->data, .y = y->data, .dtype = x->dtype, .add = add };
    j.planes = ag_array_size(y) / result;
    const double steps = (double)(b[0].source * b[1].source * b[2].source + result) * 2;
    j.shares = ag_team(j.planes, steps, ag_call_threads(c));
    j.rows = ag_call_scratch(c, (size_t)(j.shares * b[2].source + 8) * sizeof(double));
    if (!j.rows)
        return AG_ENOMEM;
    ag_for_items(j.shares, steps * (double)j.planes, ag_call_threads(c), share_item, &j);
    return AG_OK;
}

/* ---- all elements of a plane, or to all of them */

/* The factor that all elements of the source have along a dimension whose only result is their sum; 0: it is not. */
static double factor_of_all(const ag_band *b)
{
    if (b->result != 1 || b->source < 1 || b->at[1] != b->source)
        return 0;
    for (int64_t k = 1; k < b->source; k++)
        if (b->weight[k] != b->weight[0])
            return 0;
    return b->weight[0];
}

/* The factor with which the only element of the source makes all results of a dimension; 0: it does not. */
static double factor_to_all(const ag_band *b)
{
    if (b->source != 1)
        return 0;
    for (int64_t i = 0; i < b->result; i++)
        if (b->at[i + 1] - b->at[i] != 1 || b->weight[i] != b->weight[0] || b->divisor[i] != 1)
            return 0;
    return b->weight[0];
}

/* y = the scaled sums of x's planes. False: they are not what the bands say. */
static bool sum_planes(const ag_band *b, const ag_array *x, const ag_array *y, bool add, int threads)
{
    double factor = 1, divisor = 1;
    for (int d = 0; d < AG_SPATIAL; d++) {
        factor *= factor_of_all(&b[d]);
        divisor *= b[d].divisor[0];
    }
    if (factor != 1)
        return false;
    const int64_t planes = ag_array_size(y), source = b[0].source * b[1].source * b[2].source;
    const ag_array from = ag_dense_array(AG_SHAPE(planes, source), x->dtype, x->data),
                   to = ag_dense_array(AG_SHAPE(planes, 1), y->dtype, y->data);
    ag_sum_array(&to, &from, 1 / divisor, add, threads);
    return true;
}

typedef struct spread_job {
    const void *x;
    void *y;
    ag_dtype dtype;
    int64_t n; /* elements of a plane of y */
    double factor;
    bool add;
} spread_job;

#define SPREAD(name, type)                                                \
    static void name(const spread_job *j, int64_t begin, int64_t end)     \
    {                                                                     \
        for (int64_t k = begin; k < end; k++) {                           \
            const double v = j->factor * (double)((const type *)j->x)[k]; \
            type *restrict y = (type *)j->y + k * j->n;                   \
            for (int64_t i = 0; i < j->n && !j->add; i++)                 \
                y[i] = (type)v;                                           \
            for (int64_t i = 0; i < j->n && j->add; i++)                  \
                y[i] = (type)((double)y[i] + v);                          \
        }                                                                 \
    }
SPREAD(spread_f32, float)
SPREAD(spread_f64, double)

static void spread_range(const void *context, int64_t begin, int64_t end)
{
    const spread_job *j = context;
    (j->dtype == AG_F32 ? spread_f32 : spread_f64)(j, begin, end);
}

/* y's planes = the elements of x, scaled. False: they are not what the bands say. */
static bool spread_planes(const ag_band *b, const ag_array *x, const ag_array *y, bool add, int threads)
{
    spread_job j = { .x = x->data, .y = y->data, .dtype = x->dtype, .n = 1, .factor = 1, .add = add };
    for (int d = 0; d < AG_SPATIAL; d++) {
        j.factor *= factor_to_all(&b[d]);
        j.n *= b[d].result;
    }
    if (j.factor != 0)
        ag_for_ranges(ag_array_size(x), (double)j.n, threads, spread_range, &j);
    return j.factor != 0;
}

static ag_status run_any(const ag_call *c, const ag_band *b, const ag_array *x, const ag_array *y, bool add)
{
    const int threads = ag_call_threads(c);
    if (sum_planes(b, x, y, add, threads) || spread_planes(b, x, y, add, threads))
        return AG_OK;
    return run(c, b, x, y, add);
}

/* Where there are no elements other extents may be too large for bands. */
ag_status ag_bands_map(const ag_call *c, const ag_band_params *p, const ag_array *x, const ag_array *y, bool add)
{
    ag_band b[AG_SPATIAL];
    if (ag_array_size(y) == 0)
        return AG_OK;
    return ag_bands_make(c, p, x->shape, b) ? run_any(c, b, x, y, add) : AG_ENOMEM;
}

ag_status ag_bands_map_back(const ag_call *c, const ag_band_params *p, const ag_array *dy, const ag_array *dx, bool add)
{
    ag_band b[AG_SPATIAL], turned[AG_SPATIAL];
    if (ag_array_size(dx) == 0)
        return AG_OK;
    if (ag_array_size(dy) == 0) {
        if (!add)
            ag_fill_array(dx, 0);
        return AG_OK;
    }
    if (!ag_bands_make(c, p, dx->shape, b))
        return AG_ENOMEM;
    for (int d = 0; d < AG_SPATIAL; d++)
        if (!ag_band_transpose(c, &b[d], &turned[d]))
            return AG_ENOMEM;
    return run_any(c, turned, dy, dx, add);
}
