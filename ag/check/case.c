/* An op with inputs: drawing them from a sample, laying them out in memory. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <math.h>

enum { GAP = 1 };

ag_tape *ag_case_tape(ag_dtype d, int threads, uint64_t memory_limit)
{
    ag_tape *t =
        ag_tape_new((ag_options){ .dtype = d, .threads = threads, .memory_limit = memory_limit, .on_error = ag_quiet });
    if (t) { /* an op is tried on poles and infinities too, and where it is constant, whatever the environment asks for */
        ag_check_nothing(t);
        t->options.debug = false;
    }
    return t;
}

bool ag_case_is_float(const ag_case *c, int i)
{
    return c->dtype[i] == AG_FLOAT || ag_is_float(c->dtype[i]);
}

int64_t ag_case_size(const ag_case *c)
{
    int64_t size = 0;
    for (int i = 0; i < c->count; i++)
        size += ag_shape_size(c->shape[i]);
    return size;
}

/* ---- samples */

void ag_case_of_sample(const ag_op *op, const ag_sample *sample, int rank, ag_case *c)
{
    *c = (ag_case){ .op = op, .params = sample->params, .tolerance = sample->tolerance, .diagonal = sample->diagonal };
    c->count = sample->inputs ? sample->inputs : op->inputs ? op->inputs : 1;
    c->outputs = ag_op_outputs(op);
    for (int i = 0; i < c->count && i < AG_CASE_INPUTS; i++) {
        int k = i < AG_SAMPLE_INPUTS ? i : AG_SAMPLE_INPUTS - 1;
        bool given = sample->low[k] != sample->high[k];
        c->low[i] = given ? sample->low[k] : sample->low[0];
        c->high[i] = given ? sample->high[k] : sample->high[0];
        c->dtype[i] = sample->dtype[k];
        c->shape[i] = sample->shape[k];
        if (op->map)
            c->shape[i] = rank == 0   ? AG_SCALAR
                          : rank == 1 ? AG_SHAPE(7)
                          : rank == 2 ? AG_SHAPE(3, 4)
                                      : AG_SHAPE(2, 3, 4);
    }
}

/* Inside of the open bounds, a single one in their middle half, and exact in single precision. */
static void draw_floats(double *x, int64_t count, double low, double high, uint64_t seed, uint64_t call)
{
    double margin = (count > 1 ? 0.02 : 0.25) * (high - low);
    ag_random_uniform(AG_F64, x, count, seed, AG_CHECK_RANDOM + call, low + margin, high - margin, 1);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)x[i];
}

/* So that matrices are regular, positive definite, or have values that lie apart. */
static void add_diagonal(double *x, ag_shape s, double step)
{
    if (s.rank < 2)
        return;
    const int64_t rows = s.dim[s.rank - 2], columns = s.dim[s.rank - 1], count = ag_shape_size(s);
    for (int64_t first = 0; first < count; first += rows * columns)
        for (int64_t i = 0; i < rows && i < columns; i++)
            x[first + i * columns + i] = (float)(x[first + i * columns + i] + step * (double)(i + 1));
}

static void draw_integers(double *x, int64_t count, double low, double high, uint64_t seed, uint64_t call)
{
    const double span = fmin(ceil(high) - ceil(low), 0x1p53);
    const uint64_t choices = span >= 1 ? (uint64_t)span : 1;
    for (int64_t i = 0; i < count; i++)
        x[i] = ceil(low) + (double)(ag_random_bits(seed, AG_CHECK_RANDOM + call, (uint64_t)i) % choices);
}

bool ag_case_draw(ag_tape *home, ag_case *c, uint64_t seed)
{
    for (int i = 0; i < c->count; i++) {
        int64_t count = ag_shape_size(c->shape[i]);
        double *x = ag_check_doubles(home, count);
        if (!x)
            return false;
        if (ag_case_is_float(c, i))
            draw_floats(x, count, c->low[i], c->high[i], seed, 16 + (uint64_t)i);
        else
            draw_integers(x, count, c->dtype[i] == AG_U8 ? fmax(c->low[i], 0) : c->low[i], c->high[i], seed,
                          16 + (uint64_t)i);
        if (i == 0 && c->diagonal != 0)
            add_diagonal(x, c->shape[i], c->diagonal);
        c->x[i] = x;
    }
    return true;
}

static int stretched_axis(ag_shape s)
{
    for (int k = 0; k < s.rank; k++)
        if (s.dim[k] > 1)
            return k;
    return -1;
}

bool ag_case_flatten(ag_tape *home, ag_case *c, int i)
{
    int axis = stretched_axis(c->shape[i]);
    int64_t count = ag_shape_size(c->shape[i]), inner = 1;
    double *x = ag_check_doubles(home, count);
    if (!x)
        return false;
    for (int k = axis + 1; k < c->shape[i].rank; k++)
        inner *= c->shape[i].dim[k];
    for (int64_t j = 0; axis >= 0 && j < count; j++) {
        int64_t outer = j / (inner * c->shape[i].dim[axis]);
        x[j] = c->x[i][outer * inner * c->shape[i].dim[axis] + j % inner];
    }
    if (axis >= 0)
        c->x[i] = x;
    return true;
}

/* ---- tensors from values */

ag_array ag_case_array(ag_dtype d, ag_shape s, const double *data)
{
    ag_array a = { .data = (void *)(uintptr_t)data, .dtype = d, .shape = s };
    ag_array_dense(&a);
    return a;
}

void ag_case_shake(double *x, int64_t count, double size, uint64_t seed, uint64_t call)
{
    for (int64_t i = 0; size != 0 && i < count; i++) {
        double r = ldexp((double)(ag_random_bits(seed, AG_CHECK_RANDOM + call, (uint64_t)i) >> 11), -52) - 1;
        x[i] *= 1 + size * r;
    }
}

ag_tensor ag_case_leaf(ag_tape *t, const ag_array *from, ag_dtype d, ag_shape whole, int64_t inside)
{
    int64_t size = ag_shape_size(whole);
    void *data = ag_scratch(t, ((size_t)size + 1) * ag_dtype_size(d));
    if (!data)
        return ag_inert(t);
    ag_array all = ag_case_array(d, whole, data), part = all;
    ag_fill_array(&all, ag_is_float(d) ? NAN : 0);
    part.shape = from->shape;
    part.data = (char *)data + (size_t)inside * ag_dtype_size(d);
    ag_copy_array(&part, from, false, 1);
    return ag_from(t, d, whole, data, (size_t)size * ag_dtype_size(d));
}

static ag_tensor wanting(ag_tensor leaf, bool gradient)
{
    return gradient ? ag_require_grad(leaf) : leaf;
}

static ag_tensor transposed_input(ag_tape *t, const ag_array *x, ag_dtype d, bool gradient, ag_tensor *leaf)
{
    ag_array turned = *x;
    ag_axes axes = { .count = x->shape.rank };
    for (int k = 0, last = x->shape.rank - 1; k <= last; k++) {
        turned.shape.dim[k] = x->shape.dim[last - k];
        turned.stride[k] = x->stride[last - k];
        axes.axis[k] = last - k;
    }
    *leaf = ag_case_leaf(t, &turned, d, turned.shape, 0);
    return ag_permute(wanting(*leaf, gradient), axes);
}

static ag_tensor gappy_input(ag_tape *t, const ag_array *x, ag_dtype d, bool gradient, ag_tensor *leaf)
{
    ag_shape whole = x->shape;
    int64_t inside = 0;
    for (int k = 0; k < whole.rank; k++)
        whole.dim[k] += 2 * GAP;
    ag_array all = ag_case_array(d, whole, NULL);
    for (int k = 0; k < whole.rank; k++)
        inside += GAP * all.stride[k];
    *leaf = ag_case_leaf(t, x, d, whole, inside);
    ag_tensor y = wanting(*leaf, gradient);
    for (int k = 0; k < whole.rank; k++)
        y = ag_slice(y, k, GAP, GAP + x->shape.dim[k], 1);
    return y;
}

static ag_tensor stretched_input(ag_tape *t, const ag_array *x, ag_dtype d, bool gradient, ag_tensor *leaf)
{
    ag_array slice = *x;
    slice.shape.dim[stretched_axis(x->shape)] = 1;
    *leaf = ag_case_leaf(t, &slice, d, slice.shape, 0);
    return ag_expand(wanting(*leaf, gradient), x->shape);
}

static ag_tensor input_in(ag_tape *t, const ag_case *c, const ag_run *r, int i, ag_tensor *leaf)
{
    ag_dtype d = c->dtype[i] == AG_FLOAT ? r->dtype : c->dtype[i];
    bool gradient = ag_is_float(d) && !(r->constant >> i & 1);
    int64_t size = ag_shape_size(c->shape[i]);
    double *values = ag_check_doubles(t, size);
    if (!values)
        return *leaf = ag_inert(t);
    memcpy(values, c->x[i], (size_t)size * sizeof *values);
    if (ag_is_float(d))
        ag_case_shake(values, size, r->shaken, r->shake, (uint64_t)i);
    ag_array x = ag_case_array(AG_F64, c->shape[i], values);
    switch (r->layout[i]) {
    case AG_CASE_TRANSPOSED:
        return transposed_input(t, &x, d, gradient, leaf);
    case AG_CASE_GAPS:
        return gappy_input(t, &x, d, gradient, leaf);
    case AG_CASE_STRETCHED:
        if (stretched_axis(c->shape[i]) >= 0)
            return stretched_input(t, &x, d, gradient, leaf);
        break;
    default:
        break;
    }
    *leaf = ag_case_leaf(t, &x, d, c->shape[i], 0);
    if (!r->persistent)
        return wanting(*leaf, gradient);
    return *leaf = gradient ? ag_param(*leaf, NULL) : ag_buffer(*leaf, NULL);
}

void ag_case_inputs(const ag_case *c, const ag_run *r, ag_tape *t, ag_tensor *leaf, ag_tensor *x)
{
    for (int i = 0; i < c->count; i++)
        x[i] = input_in(t, c, r, i, &leaf[i]);
}

ag_tensor ag_case_constant(const ag_case *c, ag_tape *t, int i)
{
    ag_array x = ag_case_array(AG_F64, c->shape[i], c->x[i]);
    return ag_case_leaf(t, &x, c->dtype[i] == AG_FLOAT ? AG_F64 : c->dtype[i], c->shape[i], 0);
}
