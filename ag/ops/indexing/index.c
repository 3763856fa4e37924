/* Advanced indexing: x[i, j], what is put there, and elements by their number. */
#include "ag/ops/indexing/rows.h"

typedef struct index_params {
    int axis; /* the first one that is indexed; those after it have an index each */
    int accumulate;
} index_params;

/* The inputs from number `first` on are the indices. */
static ag_status read_indices(const ag_call *c, const ag_array *x, int first, ag_index_list *l)
{
    const index_params *p = ag_call_params(c);
    *l = (ag_index_list){
        .index = &x[first], .count = ag_call_inputs(c) - first, .axis = p->axis, .negative = true, .shape = AG_SCALAR
    };
    if (l->count < 1)
        return ag_call_fail(c, AG_EARG, "there is no index");
    if (l->axis < 0 || l->axis + l->count > x[0].shape.rank)
        return ag_call_fail(c, AG_ESHAPE, "there are more indices than axes");
    for (int k = 0; k < l->count; k++) {
        if (ag_call_is_index(c, &l->index[k]))
            return AG_EDTYPE;
        if (!ag_shape_broadcast(l->shape, l->index[k].shape, &l->shape))
            return ag_call_fail(c, AG_ESHAPE, "the shapes of the indices do not broadcast");
    }
    ag_watch_mask(c, &x[0], &l->index[0], l->axis);
    return AG_OK;
}

/* The same of a call whose shapes are known to be right, in a backward kernel. False: an error is pending. */
static bool read_again(const ag_call *c, int first, ag_array *arrays, ag_index_list *l)
{
    for (int i = 0; i < ag_call_inputs(c); i++) {
        const ag_array *x = i == 0 || i >= first ? ag_call_input_array(c, i) : NULL;
        if (i >= first && !x)
            return false;
        if (x)
            arrays[i] = *x;
    }
    return !read_indices(c, arrays, first, l);
}

/* Inputs from number `first` on, in a rule. */
static ag_list indices_of(const ag_call *c, ag_tensor *at, int first, int before)
{
    const int count = ag_call_inputs(c) - first;
    for (int k = 0; k < count; k++)
        at[before + k] = ag_call_input(c, first + k);
    return (ag_list){ at, (size_t)(before + count) };
}

/* ---- reading */

static ag_status index_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_index_list l;
    const ag_status status = read_indices(c, x, 1, &l);
    y->dtype = x[0].dtype;
    return status ? status : ag_lookup_shape(c, x[0].shape, &l, &y->shape);
}

static ag_status index_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_index_list l;
    ag_lookup u;
    ag_status status = read_indices(c, x, 1, &l);
    if (!status)
        status = ag_lookup_of(c, &x[0], y, &l, &u);
    if (!status)
        ag_lookup_take(c, &u);
    return status;
}

static ag_tensor apply_index(ag_tensor x, const ag_call *c, int first)
{
    const index_params *p = ag_call_params(c);
    ag_tensor at[1 + AG_MAX_RANK] = { x };
    return AG_APPLY(index, indices_of(c, at, first, 1), &(index_params){ p->axis, 0 });
}

static ag_tensor apply_put(ag_tensor x, ag_tensor values, bool accumulate, const ag_call *c, int first)
{
    const index_params *p = ag_call_params(c);
    ag_tensor at[2 + AG_MAX_RANK] = { x, values };
    return AG_APPLY(index_put, indices_of(c, at, first, 2), (&(index_params){ p->axis, accumulate }));
}

static void index_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor zeros = ag_zeros(ag_call_tape(c), ag_dtype_of(dy[0]), ag_call_input_shape(c, 0));
    dx[0] = apply_put(zeros, dy[0], true, c, 1);
}

static void index_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = apply_index(dx[0], c, 1);
}

static ag_status index_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    ag_array x[1 + AG_MAX_RANK];
    ag_index_list l;
    ag_lookup u;
    x[0] = dx[0];
    if (!read_again(c, 1, x, &l))
        return AG_EUSE;
    const ag_status status = ag_lookup_of(c, &dx[0], dy, &l, &u);
    return status ? status : ag_lookup_put(c, &u, AG_ADD, beta[0] == 0, -1);
}

/* clang-format off */
#define INDEX(first, count, type, extent, ...)                                                                         \
    { .params = &(const index_params){ first, 0 }, .low = { -2, -(extent), 0 }, .high = { 2, extent, extent },         \
      .dtype = { AG_FLOAT, type, type }, .shape = { __VA_ARGS__ }, .inputs = 1 + (count) }

AG_OP(index) = {
    .name = "index",
    .formula = "x[.., i, j, ..]",
    .flags = AG_VARIADIC | AG_STRIDED,
    .params_size = sizeof(index_params),
    .shape = index_shape,
    .forward = index_forward,
    .vjp = index_vjp,
    .jvp = index_jvp,
    .vjp_fused = index_vjp_fused,
    .samples = (const ag_sample[]){ INDEX(0, 1, AG_I64, 4, AG_DIMS(4, 3), AG_DIMS(5)),
                                    INDEX(0, 2, AG_I64, 3, AG_DIMS(3, 3), AG_DIMS(2, 1), AG_DIMS(4)),
                                    INDEX(1, 2, AG_I32, 2, AG_DIMS(2, 2, 2, 4), AG_DIMS(3), AG_DIMS(3)),
                                    INDEX(1, 1, AG_I64, 3, AG_DIMS(2, 3), { 0 }),
                                    { 0 } },
};
/* clang-format on */

/* ---- writing */

static ag_status index_put_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_index_list l;
    ag_shape list, both;
    char text[128];
    ag_status status =
        ag_call_inputs(c) < 3 ? ag_call_fail(c, AG_EARG, "there is no index") : read_indices(c, x, 2, &l);
    if (!status)
        status = ag_lookup_shape(c, x[0].shape, &l, &list);
    if (status)
        return status;
    if (x[1].dtype != x[0].dtype && (x[1].shape.rank || !ag_is_float(x[1].dtype) || !ag_is_float(x[0].dtype)))
        return ag_call_fail(c, AG_EDTYPE, "values must have the dtype of what they are put into; see ag_cast");
    if (!ag_shape_broadcast(x[1].shape, list, &both) || !ag_shape_equal(both, list))
        return ag_call_fail(c, AG_ESHAPE, "the values must broadcast to %s", ag_shape_text(list, text, sizeof text));
    y->dtype = x[0].dtype;
    y->shape = x[0].shape;
    return AG_OK;
}

static ag_status index_put_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const index_params *p = ag_call_params(c);
    ag_index_list l;
    ag_lookup u;
    ag_shape s;
    ag_status status = read_indices(c, x, 2, &l);
    if (!status)
        status = ag_lookup_shape(c, x[0].shape, &l, &s);
    if (status)
        return status;
    ag_array values = ag_array_expand(&x[1], s);
    if (values.dtype != y->dtype) { /* a number beside an array */
        ag_array number = { .data = ag_call_scratch(c, sizeof(double)), .dtype = y->dtype };
        if (!number.data)
            return AG_ENOMEM;
        ag_copy_array(&number, &x[1], false, 1);
        values = ag_array_expand(&number, s);
    }
    status = ag_lookup_of(c, y, &values, &l, &u);
    if (status)
        return status;
    ag_copy_array(y, &x[0], false, ag_call_threads(c));
    return ag_lookup_put(c, &u, p->accumulate ? AG_ADD : AG_PUT, false, -1);
}

/* u8: is what was put at a place the last there? Of the shape that `like`, what is read there, has. */
static ag_tensor stayed(const ag_call *c, ag_tensor like)
{
    ag_tape *t = ag_call_tape(c);
    const ag_shape s = ag_shape_of(like);
    if (s.rank < 0)
        return ag_inert(t);
    const ag_tensor number = ag_reshape(ag_arange(t, AG_I64, 0, (double)ag_shape_size(s), 1), s);
    const ag_tensor none = ag_zeros(t, AG_I64, ag_call_input_shape(c, 0));
    return ag_equal(apply_index(apply_put(none, number, false, c, 2), c, 2), number);
}

static void index_put_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const index_params *p = ag_call_params(c);
    const ag_tensor zero = ag_constant(ag_call_tape(c), 0);
    if (ag_call_needs(c, 0))
        dx[0] = p->accumulate ? dy[0] : apply_put(dy[0], zero, false, c, 2);
    if (!ag_call_needs(c, 1))
        return;
    dx[1] = apply_index(dy[0], c, 2);
    if (!p->accumulate)
        dx[1] = ag_where(stayed(c, dx[1]), dx[1], zero);
}

static void index_put_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const index_params *p = ag_call_params(c);
    const ag_tensor x = ag_call_tangent(c, dx, 0);
    dy[0] = apply_put(x, dx[1].tape ? dx[1] : ag_constant(c->tape, 0), p->accumulate, c, 2);
}

/* Zeros in what was read from the places, for those where a later value was put. */
static ag_status clear_replaced(const ag_call *c, const ag_lookup *u)
{
    const ag_array *list = &u->e.list;
    const int64_t *at = u->e.index.data, n = list->shape.dim[u->e.axis];
    if (ag_array_size(list) == 0) /* and other extents may be giant */
        return AG_OK;
    int64_t outer = 1, *last = ag_call_scratch(c, (size_t)u->e.table.shape.dim[u->e.axis] * sizeof *last);
    size_t row = ag_dtype_size(list->dtype);
    if (!last)
        return AG_ENOMEM;
    for (int d = 0; d < u->e.axis; d++)
        outer *= list->shape.dim[d];
    for (int d = u->e.axis + 1; d < list->shape.rank; d++)
        row *= (size_t)list->shape.dim[d];
    for (int64_t p = 0; p < n; p++)
        last[at[p]] = p;
    for (int64_t i = 0; i < outer * n; i++)
        if (last[at[i % n]] != i % n)
            memset((char *)list->data + (size_t)i * row, 0, row);
    return AG_OK;
}

static ag_status put_zeros(const ag_call *c, const ag_array *to, ag_index_list *l, ag_shape list)
{
    const double zero = 0;
    const ag_array number = { .data = (void *)(uintptr_t)&zero, .dtype = to->dtype };
    const ag_array zeros = ag_array_expand(&number, list);
    ag_lookup u;
    const ag_status status = ag_lookup_of(c, to, &zeros, l, &u);
    return status ? status : ag_lookup_put(c, &u, AG_PUT, false, -1);
}

/* For values that do not broadcast. Their adjoint is taken, not added: the rule does that. */
static ag_status index_put_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const index_params *p = ag_call_params(c);
    ag_array x[2 + AG_MAX_RANK];
    ag_index_list l;
    ag_shape list;
    ag_lookup u;
    x[0] = *dy;
    if (dx[1].data && (beta[1] != 0 || !ag_array_is_dense(&dx[1]) || dx[1].dtype != dy->dtype))
        return AG_USE_RULE;
    if (!p->accumulate && (!ag_array_is_dense(dy) || (dx[0].data && (beta[0] != 0 || !ag_array_is_dense(&dx[0])))))
        return AG_USE_RULE;
    if (!read_again(c, 2, x, &l) || ag_lookup_shape(c, dy->shape, &l, &list))
        return AG_EUSE;
    if (dx[1].data && !ag_shape_equal(dx[1].shape, list))
        return AG_USE_RULE;
    ag_status status = dx[1].data ? ag_lookup_of(c, dy, &dx[1], &l, &u) : AG_OK;
    if (!status && dx[1].data) {
        ag_lookup_take(c, &u);
        status = p->accumulate ? AG_OK : clear_replaced(c, &u);
    }
    if (!status && dx[0].data) {
        ag_copy_array(&dx[0], dy, beta[0] != 0, ag_call_threads(c));
        status = p->accumulate ? AG_OK : put_zeros(c, &dx[0], &l, list);
    }
    return status;
}

/* clang-format off */
#define INDEX_PUT(first, add, count, type, extent, ...)                                                                \
    { .params = &(const index_params){ first, add }, .low = { -2, -2, -(extent), 0 }, .high = { 2, 2, extent, extent }, \
      .dtype = { AG_FLOAT, AG_FLOAT, type, type }, .shape = { __VA_ARGS__ }, .inputs = 2 + (count) }

AG_OP(index_put) = {
    .name = "index_put",
    .formula = "x, but the values at [.., i, j, ..], or added there",
    .flags = AG_VARIADIC | AG_STRIDED,
    .params_size = sizeof(index_params),
    .shape = index_put_shape,
    .forward = index_put_forward,
    .vjp = index_put_vjp,
    .jvp = index_put_jvp,
    .vjp_fused = index_put_vjp_fused,
    .samples = (const ag_sample[]){ INDEX_PUT(0, 1, 1, AG_I64, 4, AG_DIMS(4, 3), AG_DIMS(5, 3), AG_DIMS(5)),
                                    INDEX_PUT(0, 0, 1, AG_I64, 4, AG_DIMS(4, 3), AG_DIMS(5, 3), AG_DIMS(5)),
                                    INDEX_PUT(0, 0, 2, AG_I64, 3, AG_DIMS(3, 3), AG_DIMS(4), AG_DIMS(2, 1), AG_DIMS(4)),
                                    INDEX_PUT(1, 1, 2, AG_I32, 2, AG_DIMS(2, 2, 2, 4), AG_DIMS(3, 1), AG_DIMS(3), AG_DIMS(3)),
                                    INDEX_PUT(1, 0, 1, AG_I64, 3, AG_DIMS(2, 3), { 0 }, { 0 }),
                                    { 0 } },
};
/* clang-format on */

/* ---- the public functions */

typedef struct indexed {
    ag_tensor at[2 + AG_MAX_RANK]; /* x, values, indices */
    int count, axis;
    bool moved; /* x's indexed axes to the front: they do not lie side by side */
    ag_axes there, back;
} indexed;

/* False: too many, which is reported. */
static bool sort_out(const char *who, ag_tensor x, ag_list l, int before, indexed *s)
{
    const int rank = ag_ok(x) ? ag_shape_of(x).rank : -1; /* else the op says why */
    int axes[AG_MAX_RANK];
    bool taken[AG_MAX_RANK] = { false };
    *s = (indexed){ .axis = 0 };
    for (size_t i = 0; i < l.count; i++) {
        if (!l.at[i].tape)
            continue;
        if (rank >= 0 && i >= (size_t)rank)
            return ag_fail(x.tape, AG_ESHAPE, "%s: index %zu is for an axis that is not there: the rank is %d", who, i,
                           rank),
                   false;
        if (s->count == AG_MAX_RANK)
            break;
        s->at[before + s->count] = l.at[i];
        axes[s->count++] = (int)i;
        taken[i < AG_MAX_RANK ? i : 0] = true;
    }
    if (rank < 0 || s->count == 0)
        return true;
    s->axis = axes[0];
    s->moved = axes[s->count - 1] - axes[0] >= s->count;
    if (!s->moved)
        return true;
    s->axis = 0;
    s->there.count = s->back.count = rank;
    for (int k = 0; k < s->count; k++)
        s->there.axis[k] = axes[k];
    for (int d = 0, to = s->count; d < rank; d++)
        if (!taken[d])
            s->there.axis[to++] = d;
    for (int d = 0; d < rank; d++)
        s->back.axis[s->there.axis[d]] = d;
    return true;
}

/* ag_index - x[i, j, ..]: a tensor of indices for each axis from the first on, {0} for one that is taken whole, as it is
 * after the last of them. The indices broadcast to one shape, which stands in the result where the indexed axes stood, or
 * first if they do not lie side by side. Negative ones count from the end. A u8 index is one of numbers: for masks see
 * ag_masked_select, ag_nonzero.
 *   y[..,p,..] = x[..,i[p],j[p],..]        dx = dy summed at the places that the indices name, 0 elsewhere
 * Sums are in the order of the indices. Errors: AG_EARG for an index out of range, AG_EDTYPE if one is floating, AG_ESHAPE
 * if there are more than axes or they do not broadcast. */
AG_API ag_tensor ag_index(ag_tensor x, ag_list indices)
{
    indexed s;
    if (!sort_out("ag_index", x, indices, 1, &s))
        return ag_inert(x.tape);
    if (s.count == 0)
        return x.tape && ag_resolve(x.tape, x, "ag_index", 0) ? x : ag_inert(x.tape);
    s.at[0] = s.moved ? ag_permute(x, s.there) : x;
    const ag_list inputs = { s.at, (size_t)(1 + s.count) };
    return AG_APPLY(index, inputs, &(index_params){ s.axis, 0 });
}

/* ag_index_put - x with values at x[i, j, ..] in place of its own, or under `accumulate` added to them; indices as in
 * ag_index, values broadcast to what that returns. Of several that are put to one place the last in row-major order
 * stays, and it alone receives a gradient (PyTorch leaves open which).
 *   y = x, y[..,i[p],j[p],..] = values[..,p,..]        dx = dy, 0 at the places    dvalues = dy there
 *   y = x, y[..,i[p],j[p],..] += values[..,p,..]        dx = dy    dvalues = dy there
 * Sums are in the order of the indices. Errors: as ag_index; AG_EDTYPE, AG_ESHAPE if values have another dtype or do not
 * broadcast. */
AG_API ag_tensor ag_index_put(ag_tensor x, ag_list indices, ag_tensor values, bool accumulate)
{
    indexed s;
    if (!sort_out("ag_index_put", x, indices, 2, &s))
        return ag_inert(x.tape);
    if (s.count == 0 && ag_ok(x)) {
        ag_fail(x.tape, AG_ENULL, "ag_index_put: all indices are absent");
        return ag_inert(x.tape);
    }
    s.at[0] = s.moved ? ag_permute(x, s.there) : x;
    s.at[1] = values;
    const ag_list inputs = { s.at, (size_t)(2 + s.count) };
    const ag_tensor y = AG_APPLY(index_put, inputs, (&(index_params){ s.axis, accumulate }));
    return s.moved ? ag_permute(y, s.back) : y;
}
