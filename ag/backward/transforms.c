/* Derivatives as functions: products with the Jacobian from the right, with the Hessian, and both as tensors. What is
 * recorded for them lies in an interlude; results are copied out of it. */
#include "ag/backward/backward.h"
#include "ag/ops.h"

/* ---- arguments */

/* May a function that differentiates begin? Then its only or first tensor y is floating and has the id. */
static bool begin(ag_tensor y, const char *who, uint32_t *id)
{
    ag_tape *t = y.tape;
    if (!t || t->error.status)
        return false;
    *id = ag_resolve(t, y, who, 1);
    if (!*id) {
        ag_refuse(t, who);
        return false;
    }
    if (ag_check_place(t, *id, false, who))
        return false;
    ag_dtype d = ag_layout_at(t, *id)->dtype;
    if (!ag_is_float(d))
        ag_fail(t, AG_EDTYPE, "%s: only floating tensors have derivatives, not %s; see ag_cast", who, ag_dtype_name(d));
    return ag_is_float(d);
}

static bool is_single(ag_tape *t, uint32_t y, const char *who)
{
    const ag_layout *l = ag_layout_at(t, y);
    char text[128];
    if (l->size != 1)
        ag_fail(t, AG_ESHAPE, "%s: the function's value has shape %s, not one element", who,
                ag_shape_text(ag_layout_shape(l), text, sizeof text));
    return l->size == 1;
}

/* NULL: reported. */
static const ag_layout *layout_of(ag_tape *t, ag_tensor x, const char *who, int operand)
{
    if (x.tape == t && x.id & AG_TAG_PERSISTENT) {
        const ag_slot *s = ag_slot_of(x, who);
        return s ? s->layout : NULL;
    }
    uint32_t id = ag_resolve(t, x, who, operand);
    if (!id)
        ag_refuse(t, who);
    return id ? ag_layout_at(t, id) : NULL;
}

static bool check_vector(ag_tape *t, ag_tensor x, ag_tensor v, size_t i, const char *who)
{
    char given[128], wanted[128];
    const ag_layout *l = layout_of(t, x, who, 0), *of = l ? layout_of(t, v, who, 0) : NULL;
    if (!l || !of)
        return false;
    if (!ag_layout_same_shape(of, l)) {
        ag_fail(t, AG_ESHAPE, "%s: vector %zu has shape %s, but its tensor %s", who, i + 1,
                ag_shape_text(ag_layout_shape(of), given, sizeof given),
                ag_shape_text(ag_layout_shape(l), wanted, sizeof wanted));
        return false;
    }
    if (AG_UNLIKELY(t->options.debug))
        ag_watch_unwanted(x, who);
    if (!ag_is_float(of->dtype))
        ag_fail(t, AG_EDTYPE, "%s: vector %zu is %s, not floating; see ag_cast", who, i + 1, ag_dtype_name(of->dtype));
    return ag_is_float(of->dtype);
}

static void watch_constant(ag_tensor y, ag_list xs, const char *who)
{
    if (AG_UNLIKELY(y.tape->options.debug))
        ag_watch_constant(y, xs, who);
}

static bool check_lists(ag_tensor y, ag_list xs, ag_list vs, const char *who)
{
    ag_tape *t = y.tape;
    if ((!xs.at && xs.count) || (!vs.at && vs.count)) {
        ag_fail(t, AG_ENULL, "%s: a list is NULL", who);
        return false;
    }
    if (xs.count != vs.count) {
        ag_fail(t, AG_EARG, "%s: there are %zu tensors, but %zu vectors", who, xs.count, vs.count);
        return false;
    }
    for (size_t i = 0; i < xs.count; i++)
        if (!check_vector(t, xs.at[i], vs.at[i], i, who))
            return false;
    watch_constant(y, xs, who);
    return true;
}

/* ---- interludes, and results that outlive them */

/* An interlude in which recording is on. */
static bool begin_aside(ag_tape *t, ag_interlude *aside)
{
    if (!ag_interlude_begin(t, aside))
        return false;
    ag_enable_grad_begin(t); /* the interlude's end brings back what it suspends */
    return true;
}

/* A dense array of the step's memory; data NULL: reported. */
static ag_array new_array(ag_tape *t, ag_dtype d, ag_shape s)
{
    ag_array a = ag_dense_array(s, d, NULL);
    a.data = ag_scratch(t, (size_t)ag_array_size(&a) * ag_bytes_of(d));
    return a;
}

static ag_status copy_out(ag_tensor x, const ag_array *to)
{
    ag_tape *t = x.tape;
    if (t->error.status || !x.id)
        return ag_refuse(t, "ag_gradients");
    ag_array from = ag_array_of(t, x.id);
    ag_copy_array(to, &from, false, t->options.threads);
    return AG_OK;
}

/* Those of what comes of a derivative, which may depend on nothing. */
static ag_status derivatives(ag_tensor y, ag_list xs, ag_tensor *out)
{
    return ag_find_gradients(y, (ag_tensor){ 0 }, xs, 0, out, "ag_gradients");
}

/* ---- products with a Hessian */

/* The sum of <g_i, v_i>, which vs of another float type do not keep from being differentiated. */
static ag_tensor inner_product(ag_tape *t, const ag_tensor *g, ag_list vs)
{
    ag_tensor sum = ag_constant(t, 0);
    for (size_t i = 0; i < vs.count; i++)
        sum = ag_add(sum, ag_sum(ag_mul(g[i], ag_cast(ag_detach(vs.at[i]), ag_dtype_of(g[i])))));
    return sum;
}

static ag_status hessian_products(ag_tensor y, ag_list xs, ag_list vs, ag_tensor *g, const ag_array *to)
{
    ag_tape *t = y.tape;
    ag_interlude aside;
    if (!begin_aside(t, &aside))
        return t->error.status;
    ag_status status = ag_gradients(y, xs, AG_CREATE_GRAPH, g);
    if (!status)
        status = derivatives(inner_product(t, g, vs), xs, g);
    for (size_t i = 0; i < xs.count && !status; i++)
        status = copy_out(g[i], &to[i]);
    ag_interlude_end(t, &aside);
    return status;
}

static ag_status hvps(ag_tensor y, ag_list xs, ag_list vs, ag_tensor *out, const char *who)
{
    ag_tape *t = y.tape;
    uint32_t id;
    ag_array few[AG_FEW], *to = few;
    if (!begin(y, who, &id))
        return t ? t->error.status : AG_ENULL;
    if (!is_single(t, id, who) || !check_lists(y, xs, vs, who))
        return t->error.status;
    if (xs.count > AG_FEW)
        to = ag_scratch(t, xs.count * sizeof *to);
    for (size_t i = 0; to && i < xs.count; i++) {
        const ag_layout *l = layout_of(t, xs.at[i], who, 0);
        to[i] = new_array(t, l->dtype, ag_layout_shape(l));
        if (!to[i].data)
            to = NULL;
    }
    ag_status status = to ? hessian_products(y, xs, vs, out, to) : t->error.status;
    for (size_t i = 0; i < xs.count && !status; i++) {
        out[i] = ag_constant_of(t, &to[i]);
        status = out[i].id ? AG_OK : t->error.status;
    }
    for (size_t i = 0; i < xs.count && status; i++)
        out[i] = ag_inert(t);
    return status;
}

ag_status ag_hvps(ag_tensor y, ag_list xs, ag_list vs, ag_tensor *out)
{
    ag_tape *t = y.tape;
    for (size_t i = 0; out && i < xs.count; i++)
        out[i] = ag_inert(t);
    if (t && !t->error.status && !out)
        return ag_fail(t, AG_ENULL, "ag_hvps: the results are NULL");
    return hvps(y, xs, vs, out, "ag_hvps");
}

ag_tensor ag_hvp(ag_tensor y, ag_tensor x, ag_tensor v)
{
    ag_tensor out = ag_inert(y.tape);
    hvps(y, AG_LIST(x), AG_LIST(v), &out, "ag_hvp");
    return out;
}

/* ---- a Jacobian from the right */

/* What the adjoint u of y brings to the xs, u' J, is linear in u: its derivative along the vs, by u, is J v. */
static ag_status jacobian_product(ag_tensor y, ag_list xs, ag_list vs, ag_tensor *g, const ag_array *to)
{
    ag_tape *t = y.tape;
    ag_interlude aside;
    if (!begin_aside(t, &aside))
        return t->error.status;
    ag_tensor u = ag_require_grad(ag_ones(t, to->dtype, to->shape)), d = ag_inert(t);
    ag_status status = ag_gradients(ag_sum(ag_mul(y, u)), xs, AG_CREATE_GRAPH, g);
    if (!status)
        status = derivatives(inner_product(t, g, vs), AG_LIST(u), &d);
    if (!status)
        status = copy_out(d, to);
    ag_interlude_end(t, &aside);
    return status;
}

ag_tensor ag_jvp(ag_tensor y, ag_list xs, ag_list vs)
{
    ag_tape *t = y.tape;
    uint32_t id;
    ag_tensor few[AG_FEW], *g = few;
    if (!begin(y, "ag_jvp", &id) || !check_lists(y, xs, vs, "ag_jvp"))
        return ag_inert(t);
    const ag_layout *l = ag_layout_at(t, id);
    ag_array to = new_array(t, l->dtype, ag_layout_shape(l));
    if (xs.count > AG_FEW)
        g = ag_scratch(t, xs.count * sizeof *g);
    if (!to.data || !g || jacobian_product(y, xs, vs, g, &to))
        return ag_inert(t);
    return ag_constant_of(t, &to);
}

/* ---- Jacobians, row by row */

/* The shape of dy/dx; false: reported. */
static bool jacobian_shape(ag_tape *t, const ag_layout *y, const ag_layout *x, const char *who, ag_shape *s)
{
    char a[128], b[128];
    ag_shape of = ag_layout_shape(y), by = ag_layout_shape(x);
    ag_shape_text(of, a, sizeof a);
    ag_shape_text(by, b, sizeof b);
    if (of.rank + by.rank > AG_MAX_RANK) {
        ag_fail(t, AG_ESHAPE, "%s: the derivative of %s by %s would have %d dimensions, more than %d; see ag_flatten",
                who, a, b, of.rank + by.rank, AG_MAX_RANK);
        return false;
    }
    *s = of;
    for (int i = 0; i < by.rank; i++)
        s->dim[s->rank++] = by.dim[i];
    int64_t size = ag_shape_size(*s);
    if (size < 0 || size > INT64_MAX / 16)
        ag_fail(t, AG_ELIMIT, "%s: the derivative of %s by %s would be too large", who, a, b);
    return size >= 0 && size <= INT64_MAX / 16;
}

/* Room for the derivative by x of a tensor of layout `of`, NULL: of x's own, which is x's in `by`. data NULL: reported. */
static ag_array new_derivative(ag_tensor y, const ag_layout *of, ag_tensor x, const char *who, const ag_layout **by)
{
    ag_tape *t = y.tape;
    ag_shape s;
    *by = layout_of(t, x, who, 2);
    if (!*by || !jacobian_shape(t, of ? of : *by, *by, who, &s))
        return (ag_array){ 0 };
    if (AG_UNLIKELY(t->options.debug))
        ag_watch_unwanted(x, who);
    watch_constant(y, AG_LIST(x), who);
    return new_array(t, (*by)->dtype, s);
}

/* Row i: the gradient of element i of y. */
static ag_status jacobian_row(ag_tensor y, const ag_layout *l, int64_t i, ag_tensor x, const ag_array *to)
{
    ag_tape *t = y.tape;
    ag_interlude aside;
    if (!begin_aside(t, &aside))
        return t->error.status;
    ag_tensor dy = ag_zeros(t, l->dtype, ag_layout_shape(l)), g = ag_inert(t);
    if (dy.id && dy.id & AG_TAG_RANKED) {
        ag_array one = ag_array_of(t, dy.id);
        one.data = (char *)one.data + (size_t)i * ag_bytes_of(l->dtype);
        one.shape = AG_SCALAR;
        ag_fill_array(&one, 1);
    } else if (dy.id) {
        t->records[dy.id].value = 1;
    }
    ag_status status = dy.id ? ag_find_gradients(y, dy, AG_LIST(x), 0, &g, "ag_vjps") : t->error.status;
    if (!status)
        status = copy_out(g, to);
    ag_interlude_end(t, &aside);
    return status;
}

/* Many rows at once; AG_USE_RULE: they must be made one by one. */
static ag_status stacked_rows(ag_tape *t, uint32_t y, ag_targets *targets, const ag_array *to, size_t row)
{
    char *rows = to->data;
    const int64_t size = ag_layout_at(t, y)->size, most = ag_stacked_rows_at_once(t, y, targets);
    if (!targets->wanted[AG_INDEX(y)]) { /* y does not depend on x */
        memset(rows, 0, (size_t)size * row);
        return AG_OK;
    }
    ag_status status = most > 1 ? AG_OK : AG_USE_RULE;
    for (int64_t i = 0; i < size && !status; i += most)
        status = ag_stacked_rows(t, y, targets, i, size - i < most ? size - i : most, rows + (size_t)i * row);
    return status;
}

static ag_status single_rows(ag_tensor y, ag_tensor x, const ag_array *to, ag_shape row, size_t bytes)
{
    const ag_layout *l = ag_layout_at(y.tape, y.id);
    ag_array part = ag_dense_array(row, to->dtype, to->data);
    ag_status status = AG_OK;
    for (int64_t i = 0; i < l->size && !status; i++, part.data = (char *)part.data + bytes)
        status = jacobian_row(y, l, i, x, &part);
    return status;
}

/* dy/dx as the rows of `to`. */
static ag_status jacobian_rows(ag_tensor y, ag_tensor x, const ag_array *to, ag_shape row)
{
    ag_tape *t = y.tape;
    ag_target target = { 0 };
    ag_targets targets = { .at = &target, .count = 1 };
    const size_t bytes = (size_t)ag_shape_size(row) * ag_bytes_of(to->dtype);
    ag_status status = AG_USE_RULE;
    if (x.id & AG_TAG_PERSISTENT)
        target.slot = AG_INDEX(x.id) + 1;
    else
        target.id = ag_resolve(t, x, "ag_jacobian", 2);
    if (ag_layout_at(t, y.id)->size > 1) {
        if (!ag_targets_begin(t, &targets, y.id))
            return t->error.status;
        status = stacked_rows(t, y.id, &targets, to, bytes);
        ag_targets_end(t, &targets);
    }
    return status == AG_USE_RULE ? single_rows(y, x, to, row, bytes) : status;
}

ag_tensor ag_jacobian(ag_tensor y, ag_tensor x)
{
    ag_tape *t = y.tape;
    uint32_t id;
    const ag_layout *by;
    if (!begin(y, "ag_jacobian", &id))
        return ag_inert(t);
    ag_array to = new_derivative(y, ag_layout_at(t, id), x, "ag_jacobian", &by);
    if (!to.data || jacobian_rows(ag_handle(t, id), x, &to, ag_layout_shape(by)))
        return ag_inert(t);
    return ag_constant_of(t, &to);
}

ag_tensor ag_hessian(ag_tensor y, ag_tensor x)
{
    ag_tape *t = y.tape;
    uint32_t id;
    const ag_layout *by;
    ag_interlude aside;
    if (!begin(y, "ag_hessian", &id) || !is_single(t, id, "ag_hessian"))
        return ag_inert(t);
    ag_array to = new_derivative(y, NULL, x, "ag_hessian", &by);
    if (!to.data || !begin_aside(t, &aside))
        return ag_inert(t);
    ag_tensor g = ag_inert(t);
    ag_status status = ag_gradients(y, AG_LIST(x), AG_CREATE_GRAPH, &g);
    if (!status)
        status = jacobian_rows(g, x, &to, ag_layout_shape(by));
    ag_interlude_end(t, &aside);
    return status ? ag_inert(t) : ag_constant_of(t, &to);
}
