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

/* Where there are no elements other extents may be too large for bands. */
ag_status ag_bands_map(const ag_call *c, const ag_band_params *p, const ag_array *x, const ag_array *y, bool add)
{
    ag_band b[AG_SPATIAL];
    if (ag_array_size(y) == 0)
        return AG_OK;
    return ag_bands_make(c, p, x->shape, b) ? run(c, b, x, y, add) : AG_ENOMEM;
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
    return run(c, turned, dy, dx, add);
}
