/* An op with inputs: drawing them from a sample, laying them out in memory, running the op and its derivative. */
#include "ag/check.h"
#include <math.h>
#include <stdio.h>

enum { GAP = 1, POISONED_BLOCKS = 4, MOST_POISON = 1 << 18 };

ag_tape *ag_case_tape(ag_dtype d, int threads)
{
    return ag_tape_new((ag_options){ .dtype = d, .threads = threads, .on_error = ag_quiet });
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
    *c = (ag_case){ .op = op, .params = sample->params, .tolerance = sample->tolerance };
    c->count = sample->inputs ? sample->inputs : op->inputs ? op->inputs : 1;
    c->outputs = op->outputs ? op->outputs : 1;
    for (int i = 0; i < c->count && i < AG_CASE_INPUTS; i++) {
        int k = i < 4 ? i : 3; /* a sample describes four inputs, further ones are like the last */
        bool given = sample->low[k] != sample->high[k];
        c->low[i] = given ? sample->low[k] : sample->low[0];
        c->high[i] = given ? sample->high[k] : sample->high[0];
        c->dtype[i] = sample->dtype[k];
        c->shape[i] = sample->shape[k];
        if (op->map)
            c->shape[i] = rank == 0 ? AG_SCALAR : rank == 1 ? AG_SHAPE(7) : rank == 2 ? AG_SHAPE(3, 4) : AG_SHAPE(2, 3, 4);
    }
}

/* Inside of the open bounds, and exact in single precision. */
static void draw_floats(double *x, int64_t count, double low, double high, uint64_t seed, uint64_t call)
{
    double margin = 0.02 * (high - low);
    ag_random_uniform(AG_F64, x, count, seed, AG_CHECK_RANDOM + call, low + margin, high - margin, 1);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)x[i];
}

static void draw_integers(double *x, int64_t count, double low, double high, uint64_t seed, uint64_t call)
{
    uint64_t choices = high > low ? (uint64_t)(ceil(high) - ceil(low)) : 1;
    for (int64_t i = 0; i < count; i++)
        x[i] = ceil(low) + (double)(ag_random_bits(seed, AG_CHECK_RANDOM + call, (uint64_t)i) % (choices ? choices : 1));
}

bool ag_case_draw(ag_tape *home, ag_case *c, uint64_t seed)
{
    for (int i = 0; i < c->count; i++) {
        int64_t count = ag_shape_size(c->shape[i]);
        double *x = ag_scratch(home, (size_t)count * sizeof *x);
        if (!x)
            return false;
        if (ag_case_is_float(c, i))
            draw_floats(x, count, c->low[i], c->high[i], seed, 16 + (uint64_t)i);
        else
            draw_integers(x, count, c->dtype[i] == AG_U8 ? fmax(c->low[i], 0) : c->low[i], c->high[i], seed, 16 + (uint64_t)i);
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
    double *x = ag_scratch(home, (size_t)count * sizeof *x);
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

static ag_array dense_array(ag_dtype d, ag_shape s, const double *data)
{
    ag_array a = { .data = (void *)(uintptr_t)data, .dtype = d, .shape = s };
    ag_array_dense(&a);
    return a;
}

/* Values times 1 + size r, r random in [-1,1]. */
static void shake(double *x, int64_t count, double size, uint64_t seed, uint64_t call)
{
    for (int64_t i = 0; size != 0 && i < count; i++) {
        double r = ldexp((double)(ag_random_bits(seed, AG_CHECK_RANDOM + call, (uint64_t)i) >> 11), -52) - 1;
        x[i] *= 1 + size * r;
    }
}

/* A leaf with the values of the f64 array `from`, which lie in the part of it that starts at `inside`; the rest is NaN. */
static ag_tensor leaf_from(ag_tape *t, const ag_array *from, ag_dtype d, ag_shape whole, int64_t inside)
{
    int64_t size = ag_shape_size(whole);
    void *data = ag_scratch(t, (size_t)size * ag_dtype_size(d));
    if (!data)
        return ag_inert(t);
    ag_array all = dense_array(d, whole, data), part = all;
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
    *leaf = leaf_from(t, &turned, d, turned.shape, 0);
    return ag_permute(wanting(*leaf, gradient), axes);
}

static ag_tensor gappy_input(ag_tape *t, const ag_array *x, ag_dtype d, bool gradient, ag_tensor *leaf)
{
    ag_shape whole = x->shape;
    int64_t inside = 0;
    for (int k = 0; k < whole.rank; k++)
        whole.dim[k] += 2 * GAP;
    ag_array all = dense_array(d, whole, NULL);
    for (int k = 0; k < whole.rank; k++)
        inside += GAP * all.stride[k];
    *leaf = leaf_from(t, x, d, whole, inside);
    ag_tensor y = wanting(*leaf, gradient);
    for (int k = 0; k < whole.rank; k++)
        y = ag_slice(y, k, GAP, GAP + x->shape.dim[k], 1);
    return y;
}

static ag_tensor stretched_input(ag_tape *t, const ag_array *x, ag_dtype d, bool gradient, ag_tensor *leaf)
{
    ag_array slice = *x;
    slice.shape.dim[stretched_axis(x->shape)] = 1;
    *leaf = leaf_from(t, &slice, d, slice.shape, 0);
    return ag_expand(wanting(*leaf, gradient), x->shape);
}

static ag_tensor input_in(ag_tape *t, const ag_case *c, const ag_run *r, int i, ag_tensor *leaf)
{
    ag_dtype d = c->dtype[i] == AG_FLOAT ? r->dtype : c->dtype[i];
    bool gradient = ag_is_float(d) && !(r->constant >> i & 1);
    int64_t size = ag_shape_size(c->shape[i]);
    double *values = ag_scratch(t, (size_t)size * sizeof *values);
    if (!values)
        return *leaf = ag_inert(t);
    memcpy(values, c->x[i], (size_t)size * sizeof *values);
    if (ag_is_float(d))
        shake(values, size, r->shaken, r->shake, (uint64_t)i);
    ag_array x = dense_array(AG_F64, c->shape[i], values);
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
    *leaf = leaf_from(t, &x, d, c->shape[i], 0);
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
    ag_array x = dense_array(AG_F64, c->shape[i], c->x[i]);
    return leaf_from(t, &x, c->dtype[i] == AG_FLOAT ? AG_F64 : c->dtype[i], c->shape[i], 0);
}

ag_status ag_case_apply(const ag_case *c, const ag_tensor *x, ag_tensor *y)
{
    return ag_apply_all(c->op, (ag_list){ x, (size_t)c->count }, c->params, y);
}

/* ---- the derivative */

/* Weights of size 1/2 to 3/2, exact in every float type. */
static ag_tensor weights_like(ag_tape *t, ag_tensor y, const ag_run *r, int adjoint, int output)
{
    uint64_t call = 64 + (uint64_t)(16 * adjoint + output);
    ag_shape s = ag_shape_of(y);
    int64_t size = ag_shape_size(s);
    double *w = ag_scratch(t, (size_t)size * sizeof *w);
    if (!w)
        return ag_inert(t);
    ag_random_uniform(AG_F64, w, size, 7, AG_CHECK_RANDOM + call, -1, 1, 1);
    for (int64_t i = 0; i < size; i++)
        w[i] = (w[i] < 0 ? -0.5 : 0.5) + floor(w[i] * 64) / 64;
    shake(w, size, r->shaken, r->shake, call);
    ag_array from = dense_array(AG_F64, s, w);
    return leaf_from(t, &from, ag_dtype_of(y), s, 0);
}

ag_tensor ag_case_loss(const ag_case *c, const ag_run *r, ag_tape *t, const ag_tensor *y, int adjoint)
{
    ag_tensor sum = ag_inert(t);
    for (int k = 0; k < c->outputs; k++) {
        if (!ag_is_float(ag_dtype_of(y[k])))
            continue;
        ag_tensor part = ag_sum(ag_mul(y[k], weights_like(t, y[k], r, adjoint, k)));
        if (ag_dtype_of(part) != AG_F64)
            part = ag_cast(part, AG_F64);
        sum = sum.id ? ag_add(sum, part) : part;
    }
    return sum;
}

/* Blocks that the pass will take hold NaN: a kernel that reads what it should write shows it. */
static void poison(ag_tape *t, const ag_case *c)
{
    size_t bytes = (size_t)ag_case_size(c) * 64 + 4096;
    bytes = bytes < MOST_POISON ? bytes : MOST_POISON;
    uint64_t position = ag_arena_position(&t->arena);
    void *p = ag_scratch(t, bytes), *block[POISONED_BLOCKS];
    if (p)
        memset(p, 0xff, bytes);
    ag_arena_rewind(&t->arena, position);
    for (size_t size = 64; size <= bytes / 4; size *= 2) {
        for (int k = 0; k < POISONED_BLOCKS; k++)
            if ((block[k] = ag_pool_take(t, size)))
                memset(block[k], 0xff, size);
        for (int k = 0; k < POISONED_BLOCKS; k++)
            ag_pool_give(t, block[k], size);
    }
}

static bool copy_outputs(const ag_case *c, const ag_tensor *y, ag_tape *home, ag_outcome *o)
{
    o->y_count = 0;
    for (int k = 0; k < c->outputs; k++) {
        o->shape[k] = ag_shape_of(y[k]);
        o->dtype[k] = ag_dtype_of(y[k]);
        o->y_count += ag_shape_size(o->shape[k]);
    }
    o->y = ag_scratch(home, (size_t)o->y_count * sizeof *o->y);
    double *to = o->y;
    for (int k = 0; to && k < c->outputs; k++) {
        int64_t size = ag_shape_size(o->shape[k]);
        ag_copy_out(y[k], AG_F64, to, (size_t)size * sizeof *to);
        to += size;
    }
    return to;
}

static ag_tensor gradient_of(const ag_run *r, ag_tensor x, ag_tensor result)
{
    return r->pass == AG_CASE_BACKWARD || r->pass == AG_CASE_TWICE ? ag_grad(x) : result;
}

/* Zeros for the gradients of the floating inputs. */
static bool make_gradients(const ag_case *c, ag_tape *home, ag_outcome *o)
{
    o->g_count = 0;
    for (int i = 0; i < c->count; i++)
        o->g_count += ag_case_is_float(c, i) ? ag_shape_size(c->shape[i]) : 0;
    o->g = ag_scratch(home, (size_t)o->g_count * sizeof *o->g);
    if (o->g)
        memset(o->g, 0, (size_t)o->g_count * sizeof *o->g);
    return o->g;
}

/* A gradient of another shape than its input's is an error. */
static void copy_gradients(const ag_case *c, const ag_run *r, ag_tape *t, const ag_tensor *x, const ag_tensor *dx, double *to)
{
    for (int i = 0; i < c->count && !t->error.status; i++) {
        if (!ag_case_is_float(c, i))
            continue;
        int64_t size = ag_shape_size(c->shape[i]);
        if (ag_needs_grad(x[i])) {
            ag_tensor g = gradient_of(r, x[i], dx[i]);
            if (!ag_shape_equal(ag_shape_of(g), c->shape[i]) || ag_dtype_of(g) != ag_dtype_of(x[i]))
                ag_fail(t, AG_ESHAPE, "the gradient of operand %d has another shape or dtype than the operand", i + 1);
            ag_copy_out(g, AG_F64, to, (size_t)size * sizeof *to);
        }
        to += size;
    }
}

/* Other values of the same kind: each element takes its neighbour's, a single one the middle of the bounds. */
static void overwrite(const ag_case *c, ag_tape *t, const ag_tensor *leaf, int i)
{
    int64_t size = ag_shape_size(c->shape[i]);
    double *values = ag_scratch(t, (size_t)size * sizeof *values);
    if (!values)
        return;
    for (int64_t j = 0; j < size; j++)
        values[j] = size > 1 ? c->x[i][(j + 1) % size] : (c->low[i] + c->high[i]) / 2;
    ag_copy_in(leaf[i], AG_F64, values, (size_t)size * sizeof *values);
}

/* False: no output has a derivative. */
static bool differentiate(const ag_case *c, const ag_run *r, ag_tape *t, const ag_tensor *leaf, const ag_tensor *x,
                          const ag_tensor *y, ag_tensor *dx)
{
    ag_tensor loss = ag_case_loss(c, r, t, y, r->adjoint), wanted[AG_CASE_INPUTS], found[AG_CASE_INPUTS], again[AG_CASE_OUTPUTS];
    size_t count = 0;
    if (!loss.id || !ag_needs_grad(loss))
        return false;
    if (r->pass == AG_CASE_TWICE && !ag_case_apply(c, x, again))
        loss = ag_add(loss, ag_case_loss(c, r, t, again, r->adjoint + 1));
    poison(t, c);
    if (r->written)
        overwrite(c, t, leaf, r->written - 1);
    if (r->pass == AG_CASE_BACKWARD || r->pass == AG_CASE_TWICE) {
        ag_backward(loss);
        return true;
    }
    for (int i = 0; i < c->count; i++)
        if (ag_needs_grad(x[i]))
            wanted[count++] = x[i];
    ag_gradients(loss, (ag_list){ wanted, count }, r->pass == AG_CASE_GRAPH ? AG_CREATE_GRAPH : 0, found);
    count = 0;
    for (int i = 0; i < c->count; i++)
        if (ag_needs_grad(x[i]))
            dx[i] = found[count++];
    return true;
}

bool ag_case_run(const ag_case *c, const ag_run *r, ag_tape *home, ag_outcome *o)
{
    ag_tape *t = ag_case_tape(r->dtype, r->threads);
    ag_tensor leaf[AG_CASE_INPUTS], x[AG_CASE_INPUTS], y[AG_CASE_OUTPUTS], dx[AG_CASE_INPUTS];
    *o = (ag_outcome){ 0 };
    for (int k = 0; k < c->outputs; k++)
        y[k] = ag_inert(t);
    if (!t)
        return false;
    ag_case_inputs(c, r, t, leaf, x);
    for (int i = 0; i < c->count; i++)
        dx[i] = ag_inert(t);
    poison(t, c);
    o->status = ag_error(t) ? ag_error(t) : ag_case_apply(c, x, y);
    o->applied = !o->status;
    for (int k = 0; k < c->outputs; k++)
        o->contradicts |= !ag_error(t) || o->applied ? ag_ok(y[k]) != o->applied : y[k].id != 0;
    bool memory = true, differentiated = false;
    if (r->scribble)
        memset(r->scribble, 0xa5, c->op->params_size);
    if (o->applied && r->pass != AG_CASE_FORWARD)
        differentiated = differentiate(c, r, t, leaf, x, y, dx);
    if (o->applied)
        memory = copy_outputs(c, y, home, o) && make_gradients(c, home, o);
    if (differentiated && memory)
        copy_gradients(c, r, t, x, dx, o->g);
    o->status = ag_error(t) ? ag_error(t) : o->status;
    snprintf(o->text, sizeof o->text, "%s", ag_error_text(t));
    ag_tape_free(t);
    return memory;
}
