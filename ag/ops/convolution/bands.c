/* The bands of averages and interpolations: which elements a result is made of, and with which weights. */
#include "ag/ops/convolution/bands.h"
#include <math.h>

enum { MOST = 4 }; /* elements of an interpolated one */

/* ---- extents */

static ag_status check_interpolate(const ag_call *c, const ag_band_params *p, ag_shape x)
{
    const ag_interpolate_options *o = &p->interpolate;
    if (o->mode < AG_NEAREST || o->mode > AG_CUBIC)
        return ag_call_fail(c, AG_EARG, "%d is no mode of interpolation", (int)o->mode);
    if (o->align_corners && o->mode != AG_LINEAR && o->mode != AG_CUBIC)
        return ag_call_fail(c, AG_EARG, "align_corners goes with AG_LINEAR and AG_CUBIC");
    if (x.rank < 3 || x.rank > 2 + AG_SPATIAL)
        return ag_call_fail(c, AG_ESHAPE, "the input must be [n,c,l], [n,c,h,w] or [n,c,d,h,w]");
    return AG_OK;
}

static ag_status interpolated_extent(const ag_call *c, const ag_band_params *p, int i, int spatial, int64_t source,
                                     int64_t *result)
{
    const ag_interpolate_options *o = &p->interpolate;
    const double scaled = floor((double)source * o->scale[i]);
    if ((o->size[i] != 0) == (o->scale[i] != 0))
        return ag_call_fail(c, AG_EARG, "for dimension %d of %d one of size and scale must be given, not %s", i,
                            spatial, o->size[i] ? "both" : "neither");
    if (o->size[i] < 0 || !(o->scale[i] >= 0) || (o->scale[i] > 0 && !(scaled >= 1 && scaled <= INT32_MAX)) ||
        o->size[i] > INT32_MAX || source < 1 || source > INT32_MAX)
        return ag_call_fail(c, AG_EARG, "along axis %d %lld elements cannot become %lld with a scale of %g",
                            i - spatial, (long long)source, (long long)o->size[i], o->scale[i]);
    *result = o->size[i] ? o->size[i] : (int64_t)scaled;
    return AG_OK;
}

ag_status ag_band_extents(const ag_call *c, const ag_band_params *p, ag_shape x, int64_t *result)
{
    ag_pool_axis axis[AG_SPATIAL];
    if (p->kind != AG_BAND_INTERPOLATE) {
        const ag_status s = ag_pool_settle(c, &p->pool, x, axis);
        for (int d = 0; d < AG_SPATIAL && !s; d++)
            result[d] = axis[d].result;
        return s;
    }
    ag_status s = check_interpolate(c, p, x);
    const int spatial = x.rank - 2;
    for (int d = 0; d < AG_SPATIAL && !s; d++) {
        const int i = d - AG_SPATIAL + spatial;
        result[d] = 1;
        if (i >= 0)
            s = interpolated_extent(c, p, i, spatial, x.dim[2 + i], &result[d]);
    }
    return s;
}

int ag_band_spatial(const ag_band_params *p, ag_shape x)
{
    return p->kind == AG_BAND_INTERPOLATE ? x.rank - 2 : (int)p->pool.spatial;
}

ag_status ag_band_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_band_params *p = ag_call_params(c);
    int64_t result[AG_SPATIAL];
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "is defined for f32 and f64; see ag_cast");
    if (p->kind == AG_BAND_POOL &&
        (p->pool.options.dilation[0] || p->pool.options.dilation[1] || p->pool.options.dilation[2]))
        return ag_call_fail(c, AG_EARG, "dilation is for pools that take the largest element");
    if (p->pool.options.divisor < 0)
        return ag_call_fail(c, AG_EARG, "the divisor is %lld", (long long)p->pool.options.divisor);
    const ag_status s = ag_band_extents(c, p, x->shape, result);
    const int spatial = ag_band_spatial(p, x->shape);
    y->dtype = x->dtype;
    y->shape = x->shape;
    for (int i = 0; i < spatial && !s; i++)
        y->shape.dim[x->shape.rank - spatial + i] = result[AG_SPATIAL - spatial + i];
    return s;
}

/* ---- what one result is made of */

typedef struct taps {
    int64_t first, count;
    double weight[MOST], divisor; /* without weights all are 1 */
} taps;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static taps pooled(const ag_pool_axis *a, const ag_pool_params *p, bool last, int64_t i)
{
    const int64_t begin = i * a->stride - a->before, end = least(begin + a->window, a->source + a->before);
    taps t = { .first = begin > 0 ? begin : 0 };
    t.count = least(end, a->source) - t.first;
    t.divisor = p->options.divisor           ? last ? (double)p->options.divisor : 1
                : p->options.exclude_padding ? (double)t.count
                                             : (double)(end - begin);
    return t;
}

static void add_tap(taps *t, int64_t at, double weight, int64_t source)
{
    at = at < 0 ? 0 : least(at, source - 1);
    if (weight == 0)
        return;
    if (t->count == 0)
        t->first = at;
    if (t->count == 0 || at > t->first + t->count - 1)
        t->weight[t->count++] = 0;
    t->weight[t->count - 1] += weight;
}

/* Keys 1977 with a = -0.75: the weight of an element at that distance. */
static double cubic(double distance)
{
    const double a = -0.75, d = fabs(distance);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

static taps interpolated(const ag_interpolate_options *o, int axis, int64_t i, int64_t source, int64_t result)
{
    const double scale = o->scale[axis] > 0 ? 1 / o->scale[axis] : (double)source / (double)result;
    const double aligned = result > 1 ? (double)(source - 1) / (double)(result - 1) : 0;
    taps t = { .divisor = 1 };
    double at = o->align_corners ? aligned * (double)i : scale * ((double)i + 0.5) - 0.5;
    if (o->mode == AG_NEAREST) {
        add_tap(&t, (int64_t)floor((double)i * scale), 1, source);
        return t;
    }
    if (o->mode == AG_LINEAR && at < 0)
        at = 0;
    const int64_t below = (int64_t)floor(at);
    const double part = at - (double)below;
    if (o->mode == AG_LINEAR && below >= source - 1) {
        add_tap(&t, source - 1, 1, source);
    } else if (o->mode == AG_LINEAR) {
        add_tap(&t, below, 1 - part, source);
        add_tap(&t, below + 1, part, source);
    } else {
        for (int k = -1; k <= 2; k++)
            add_tap(&t, below + k, cubic(part - k), source);
    }
    return t;
}

static taps taps_of(const ag_band_params *p, const ag_pool_axis *a, int d, int spatial, int64_t i)
{
    const ag_interpolate_options *o = &p->interpolate;
    if (d < AG_SPATIAL - spatial)
        return (taps){ .count = 1, .weight = { 1 }, .divisor = 1 };
    if (p->kind == AG_BAND_POOL)
        return pooled(a, &p->pool, d == AG_SPATIAL - 1, i);
    if (p->kind == AG_BAND_INTERPOLATE && o->mode != AG_AREA)
        return interpolated(o, d - AG_SPATIAL + spatial, i, a->source, a->result);
    taps t = { .first = ag_adaptive_first(i, a->source, a->result) };
    t.count = ag_adaptive_end(i, a->source, a->result) - t.first;
    t.divisor = (double)t.count;
    return t;
}

/* ---- bands */

static int few_of(const ag_band *b)
{
    int64_t most = 1;
    for (int64_t i = 0; i < b->result; i++) {
        const int64_t count = b->at[i + 1] - b->at[i];
        if (count < 1 || count > 2 || b->divisor[i] != 1)
            return 0;
        most = count > most ? count : most;
    }
    return (int)most;
}

/* Of few elements, the weights side by side. False: no memory. */
static bool lay_out_few(const ag_call *c, ag_band *b)
{
    b->few = few_of(b);
    b->left = ag_call_scratch(c, 2 * (size_t)b->result * sizeof *b->left + 8);
    if (!b->left)
        return false;
    b->right = b->left + b->result;
    for (int64_t i = 0; i < b->result && b->few; i++) {
        const double *weight = b->weight + b->at[i];
        b->left[i] = weight[0];
        b->right[i] = b->at[i + 1] - b->at[i] == 2 ? weight[1] : 0;
    }
    return true;
}

static bool make_band(const ag_call *c, const ag_band_params *p, const ag_pool_axis *a, int d, int spatial, ag_band *b)
{
    int64_t all = 0;
    *b = (ag_band){ .source = a->source, .result = a->result };
    b->first = ag_call_scratch(c, (size_t)a->result * sizeof *b->first + 8);
    b->at = ag_call_scratch(c, (size_t)(a->result + 1) * sizeof *b->at);
    b->divisor = ag_call_scratch(c, (size_t)a->result * sizeof *b->divisor + 8);
    if (!b->first || !b->at || !b->divisor)
        return false;
    for (int64_t i = 0; i < a->result; i++) {
        b->at[i] = all;
        all += taps_of(p, a, d, spatial, i).count;
    }
    b->at[a->result] = all;
    b->weight = ag_call_scratch(c, (size_t)all * sizeof *b->weight + 8);
    for (int64_t i = 0; i < a->result && b->weight; i++) {
        const taps t = taps_of(p, a, d, spatial, i);
        const bool weighted = p->kind == AG_BAND_INTERPOLATE && p->interpolate.mode != AG_AREA;
        b->first[i] = t.first;
        b->divisor[i] = t.divisor;
        for (int64_t k = 0; k < t.count; k++)
            b->weight[b->at[i] + k] = weighted && d >= AG_SPATIAL - spatial ? t.weight[k] : 1;
    }
    return b->weight && lay_out_few(c, b);
}

bool ag_bands_make(const ag_call *c, const ag_band_params *p, ag_shape x, ag_band *b)
{
    ag_pool_axis axis[AG_SPATIAL];
    int64_t result[AG_SPATIAL];
    const int spatial = ag_band_spatial(p, x);
    if (p->kind != AG_BAND_INTERPOLATE) {
        if (ag_pool_settle(c, &p->pool, x, axis))
            return false;
    } else {
        if (ag_band_extents(c, p, x, result))
            return false;
        for (int d = 0; d < AG_SPATIAL; d++)
            axis[d] = (ag_pool_axis){ .source = d < AG_SPATIAL - spatial ? 1 : x.dim[x.rank - AG_SPATIAL + d],
                                      .result = result[d] };
    }
    for (int d = 0; d < AG_SPATIAL; d++)
        if (!make_band(c, p, &axis[d], d, spatial, &b[d]))
            return false;
    return true;
}

bool ag_band_transpose(const ag_call *c, const ag_band *b, ag_band *to)
{
    int64_t all = 0;
    *to = (ag_band){ .source = b->result, .result = b->source };
    to->first = ag_call_scratch(c, (size_t)to->result * sizeof *to->first + 8);
    to->at = ag_call_scratch(c, (size_t)(to->result + 1) * sizeof *to->at);
    to->divisor = ag_call_scratch(c, (size_t)to->result * sizeof *to->divisor + 8);
    if (!to->first || !to->at || !to->divisor)
        return false;
    memset(to->at, 0, (size_t)(to->result + 1) * sizeof *to->at);
    memset(to->first, 0, (size_t)to->result * sizeof *to->first); /* some have no results */
    for (int64_t i = 0; i < b->result; i++) /* both ends of bands ascend: an element's results are neighbours */
        for (int64_t k = b->at[i]; k < b->at[i + 1]; k++) {
            const int64_t j = b->first[i] + k - b->at[i];
            if (to->at[j] == 0)
                to->first[j] = i;
            to->at[j] = i - to->first[j] + 1;
        }
    for (int64_t j = 0; j <= to->result; j++) {
        const int64_t count = to->at[j];
        to->at[j] = all;
        all += count;
    }
    to->weight = ag_call_scratch(c, (size_t)all * sizeof *to->weight + 8);
    if (!to->weight)
        return false;
    memset(to->weight, 0, (size_t)all * sizeof *to->weight);
    for (int64_t j = 0; j < to->result; j++)
        to->divisor[j] = 1;
    for (int64_t i = 0; i < b->result; i++)
        for (int64_t k = b->at[i]; k < b->at[i + 1]; k++) {
            const int64_t j = b->first[i] + k - b->at[i];
            to->weight[to->at[j] + i - to->first[j]] = b->weight[k] / b->divisor[i];
        }
    return lay_out_few(c, to);
}
