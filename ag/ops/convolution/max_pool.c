/* Pools that take the largest element of each window. Their second result, which says where that stands, is handed out or
 * saved: the derivative is a scatter, and that of the derivative a gather. */
#include "ag/ops/convolution/max_pool.h"

enum {
    SHORT = 2, /* elements along the last dimension */
    FEWEST = 3,
    MOST = 63, /* results of a row for which its source is copied and padded */
    LARGEST_COPY = 1 << 15
};

/* Parts of one extent, if they are short, are windows like others. */
static bool make_alike(ag_pool_axis *axis)
{
    for (int d = 0; d < AG_SPATIAL; d++)
        if (axis[d].result == 0 || axis[d].source % axis[d].result)
            return false;
    if (axis[2].source / axis[2].result > SHORT)
        return false;
    for (int d = 0; d < AG_SPATIAL; d++)
        axis[d].stride = axis[d].window = axis[d].source / axis[d].result;
    return true;
}

/* Does a padded copy of a plane pay? Results that fill no vector are made one by one without it. One that is too large for a
 * cache would take what its plane does once more. */
static void measure_copy(ag_max_pool *m)
{
    const ag_pool_axis *a = &m->axis[2];
    if (m->adaptive || a->stride > 2 || a->result < FEWEST || a->result > MOST || a->result == ag_whole(a->result))
        return;
    const int64_t whole = ag_whole(a->result), wide = (whole - 1) * a->stride + (a->window - 1) * a->dilation + 1;
    const int64_t rows = m->axis[0].source * m->axis[1].source;
    if (rows > LARGEST_COPY / wide)
        return;
    m->whole = whole;
    m->wide = wide;
    m->work += (size_t)(whole * 3 + rows * wide) * ag_dtype_size(m->dtype);
}

static ag_status settle(const ag_call *c, ag_dtype d, ag_shape x, ag_max_pool *m)
{
    const ag_pool_params *p = ag_call_params(c);
    *m = (ag_max_pool){ .dtype = d, .planes = 1, .source = 1, .result = 1 };
    const ag_status s = ag_pool_settle(c, p, x, m->axis);
    if (s)
        return s;
    m->adaptive = p->adaptive && !make_alike(m->axis);
    if (ag_shape_size(x) == 0) { /* other extents may be too large to count with */
        m->planes = 0;
        return AG_OK;
    }
    for (int d = 0; d < AG_SPATIAL; d++) {
        m->source *= m->axis[d].source;
        if (__builtin_mul_overflow(m->result, m->axis[d].result, &m->result))
            return ag_call_fail(c, AG_ELIMIT, "the result would be too large");
    }
    for (int d = 0; d < x.rank - p->spatial; d++)
        m->planes *= x.dim[d];
    m->work = (size_t)(2 * m->axis[2].result + (m->adaptive ? 2 * m->axis[2].source : 0) + AG_LANES) * sizeof(int64_t);
    measure_copy(m);
    return AG_OK;
}

ag_status ag_max_pool_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_pool_params *p = ag_call_params(c);
    ag_max_pool m;
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "is defined for f32 and f64; see ag_cast");
    if (p->options.divisor || p->options.exclude_padding)
        return ag_call_fail(c, AG_EARG, "divisor and exclude_padding are for averages");
    const ag_status s = settle(c, x->dtype, x->shape, &m);
    if (s)
        return s;
    if (x->dtype == AG_F32 && m.source > INT32_MAX)
        return ag_call_fail(c, AG_ELIMIT, "a plane of %lld elements is too large", (long long)m.source);
    y[0].shape = x->shape;
    for (int i = 0; i < p->spatial; i++)
        y[0].shape.dim[x->shape.rank - p->spatial + i] = m.axis[AG_SPATIAL - p->spatial + i].result;
    y[1].shape = y[0].shape;
    y[0].dtype = x->dtype;
    y[1].dtype = AG_I64;
    return AG_OK;
}

ag_status ag_max_pool_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_max_pool m;
    const ag_status s = settle(c, x->dtype, x->shape, &m);
    return s ? s : ag_max_pool_run(c, &m, x->data, y[0].data, y[1].data);
}

/* A tensor with its last dimensions as one. */
static ag_tensor as_planes(const ag_call *c, ag_tensor x)
{
    const ag_pool_params *p = ag_call_params(c);
    return ag_flatten(x, -(int)p->spatial, -1);
}

void ag_max_pool_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_pool_params *p = ag_call_params(c);
    const ag_shape x = ag_call_input_shape(c, 0);
    ag_shape planes = x;
    planes.rank -= (int)p->spatial - 1;
    for (int d = planes.rank; d < x.rank; d++)
        planes.dim[planes.rank - 1] = ag_times(planes.dim[planes.rank - 1], x.dim[d]);
    const ag_tensor zeros = ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), planes);
    dx[0] = ag_reshape(ag_scatter_add(zeros, -1, as_planes(c, ag_call_output(c, 1)), as_planes(c, dy[0])), x);
}

void ag_max_pool_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_tensor index = ag_call_output(c, 1);
    dy[0] = ag_reshape(ag_gather(as_planes(c, dx[0]), -1, as_planes(c, index)), ag_shape_of(index));
}

ag_status ag_max_pool_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *index = ag_call_output_array(c, 1);
    ag_max_pool m;
    if (!index)
        return AG_EUSE;
    const ag_status s = settle(c, dx->dtype, dx->shape, &m);
    if (!s)
        ag_max_pool_back(&m, dy->data, index->data, beta[0] != 0, dx->data, ag_call_threads(c));
    return s;
}

AG_OP(max_pool1d) = {
    .name = "max_pool1d",
    .formula = "largest elements of windows",
    .inputs = 1,
    .saved = 1,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(1, WINDOW(2), 0, OPTIONS(0), AG_DIMS(2, 2, 5)),
                                    POOL(1, WINDOW(3), 0,
                                         OPTIONS(.stride = { 2 }, .padding = { 1 }, .dilation = { 2 },
                                                 .ceil_mode = true),
                                         AG_DIMS(2, 7)),
                                    { 0 } },
};

/* ag_max_pool1d - the largest elements of windows over the last dimension of x[n,c,l] or x[c,l]; see
 * ag_max_pool2d.
 *   y = max of x over a window        dx = sum of dy where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_tensor ag_max_pool1d(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_pool_params p = { .window = window, .options = options, .spatial = 1 };
    return AG_APPLY(max_pool1d, AG_LIST(x), &p);
}

AG_OP(max_pool2d) = {
    .name = "max_pool2d",
    .formula = "largest elements of windows",
    .inputs = 1,
    .saved = 1,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(2, WINDOW(2, 2), 0, OPTIONS(0), AG_DIMS(2, 1, 4, 5)),
                                    POOL(2, WINDOW(2, 2), 0, OPTIONS(0), AG_DIMS(1, 5, 4)),
                                    POOL(2, WINDOW(3, 2), 0, OPTIONS(.stride = { 1, 3 }, .padding = { 1, 1 }),
                                         AG_DIMS(2, 4, 5)),
                                    { 0 } },
};

/* ag_max_pool2d - the largest elements of windows over the last two dimensions of x[n,c,h,w] or x[c,h,w]: NaN where there
 * is one. The windows begin so far apart as they are long, or as options.stride says; what is padded is never the largest.
 *   y[n,c,i,j] = max of x[n,c, i stride + k dilation - padding, ..] over the window
 *       dx = sum of dy where the element was chosen: the first of equals in the window, the last NaN
 * An extent of y is (x + 2 padding - dilation (window - 1) - 1) / stride + 1, rounded down, or up with ceil_mode, where
 * windows that begin in the padding behind are left out. Errors: AG_ESHAPE if a window is longer than the padded input;
 * AG_EARG for options that are negative or a padding of more than half a window. */
AG_API ag_tensor ag_max_pool2d(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_pool_params p = { .window = window, .options = options, .spatial = 2 };
    return AG_APPLY(max_pool2d, AG_LIST(x), &p);
}

AG_OP(max_pool3d) = {
    .name = "max_pool3d",
    .formula = "largest elements of windows",
    .inputs = 1,
    .saved = 1,
    AG_MAX_POOL,
    .samples = (const ag_sample[]){ POOL(3, WINDOW(2, 1, 2), 0, OPTIONS(.stride = { 1, 2, 1 }, .ceil_mode = true),
                                         AG_DIMS(1, 3, 2, 3)),
                                    { 0 } },
};

/* ag_max_pool3d - the largest elements of windows over the last three dimensions of x[n,c,d,h,w] or x[c,d,h,w]; see
 * ag_max_pool2d.
 *   y = max of x over a window        dx = sum of dy where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_tensor ag_max_pool3d(ag_tensor x, ag_shape window, ag_pool_options options)
{
    const ag_pool_params p = { .window = window, .options = options, .spatial = 3 };
    return AG_APPLY(max_pool3d, AG_LIST(x), &p);
}
