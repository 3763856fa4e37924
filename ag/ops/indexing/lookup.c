/* Rows of arrays of any strides: by the loops over rows where they are long and dense, else by those over elements. */
#include "ag/ops/indexing/rows.h"

enum { LONG = 32 /* bytes of a row */, SHORT = 8 /* elements */ };

ag_status ag_lookup_shape(const ag_call *c, ag_shape table, const ag_index_list *l, ag_shape *list)
{
    const int inner = table.rank - l->axis - l->count;
    if (l->axis + l->shape.rank + inner > AG_MAX_RANK)
        return ag_call_fail(c, AG_ESHAPE, "the result would have %d dimensions, more than %d",
                            l->axis + l->shape.rank + inner, AG_MAX_RANK);
    *list = (ag_shape){ l->axis + l->shape.rank + inner, { 0 } };
    for (int d = 0; d < l->axis; d++)
        list->dim[d] = table.dim[d];
    for (int d = 0; d < l->shape.rank; d++)
        list->dim[l->axis + d] = l->shape.dim[d];
    for (int d = 0; d < inner; d++)
        list->dim[l->axis + l->shape.rank + d] = table.dim[l->axis + l->count + d];
    return AG_OK;
}

/* The table with its indexed axes as one, and the steps along it that an index of each makes: rows where the table is
 * dense, else elements. */
static ag_array merged(const ag_array *table, ag_index_list *l)
{
    ag_array r = { .data = table->data, .dtype = table->dtype, .shape.rank = table->shape.rank - l->count + 1 };
    const bool dense = ag_array_is_dense(table);
    const int last = l->axis + l->count - 1;
    for (int d = 0, to = 0; d < table->shape.rank; d += d == l->axis ? l->count : 1, to++) {
        r.shape.dim[to] = table->shape.dim[d];
        r.stride[to] = table->stride[d];
    }
    int64_t step = 1; /* of an array without elements it may overflow, and is not used */
    for (int k = l->count - 1; k >= 0; k--) {
        l->extent[k] = table->shape.dim[l->axis + k];
        l->step[k] = dense || l->count == 1 ? step : table->stride[l->axis + k];
        step = (int64_t)((uint64_t)step * (uint64_t)l->extent[k]);
    }
    if (dense || l->count == 1) {
        r.shape.dim[l->axis] = step;
        r.stride[l->axis] = table->stride[last];
    } else {
        r.shape.dim[l->axis] = INT64_MAX;
        r.stride[l->axis] = 1;
    }
    return r;
}

static bool make_dense(const ag_call *c, ag_array *a)
{
    if (ag_array_is_dense(a))
        return true;
    ag_array copy =
        ag_dense_array(a->shape, a->dtype, ag_call_scratch(c, (size_t)ag_array_size(a) * ag_bytes_of(a->dtype)));
    if (!copy.data)
        return false;
    ag_copy_array(&copy, a, false, ag_call_threads(c));
    *a = copy;
    return true;
}

ag_status ag_lookup_of(const ag_call *c, const ag_array *table, const ag_array *list, ag_index_list *l, ag_lookup *u)
{
    ag_array dense = *list;
    u->table = *table;
    u->e.axis = l->axis;
    u->e.table = merged(table, l);
    const int64_t *at = ag_index_places(c, l);
    if (!at)
        return c->tape->error.status;
    if (!make_dense(c, &dense))
        return AG_ENOMEM;
    ag_shape s = u->e.table.shape;
    s.dim[l->axis] = ag_shape_size(l->shape);
    u->e.list = ag_dense_array(s, dense.dtype, dense.data);
    u->e.index = (ag_array){ .data = (void *)(uintptr_t)at, .dtype = AG_I64, .shape = s };
    u->e.index.stride[l->axis] = 1;
    return AG_OK;
}

/* ---- by rows or by elements */

/* False: the table is not dense. */
static bool rows_of(const ag_elements *e, const ag_array *table, ag_rows *r)
{
    *r = (ag_rows){ .outer = 1, .inner = 1, .skip = -1, .dtype = e->table.dtype, .at = e->index.data };
    r->extent = e->table.shape.dim[e->axis];
    r->n = e->list.shape.dim[e->axis];
    for (int d = 0; d < e->axis; d++)
        r->outer *= e->list.shape.dim[d];
    for (int d = e->axis + 1; d < e->list.shape.rank; d++)
        r->inner *= e->list.shape.dim[d];
    return ag_array_is_dense(table);
}

static bool is_long(const ag_rows *r)
{
    return r->inner * (int64_t)ag_bytes_of(r->dtype) >= LONG;
}

static ag_array axis_last(const ag_array *a, int axis)
{
    ag_array r = *a;
    const int last = a->shape.rank - 1;
    for (int d = axis; d < last; d++) {
        r.shape.dim[d] = a->shape.dim[d + 1];
        r.stride[d] = a->stride[d + 1];
    }
    r.shape.dim[last] = a->shape.dim[axis];
    r.stride[last] = a->stride[axis];
    return r;
}

/* Loops run over the indices where there are few elements to each. */
static ag_elements arranged(const ag_elements *e, int64_t inner)
{
    if (inner >= SHORT)
        return *e;
    return (ag_elements){ axis_last(&e->table, e->axis), axis_last(&e->list, e->axis), axis_last(&e->index, e->axis),
                          e->table.shape.rank - 1, NULL };
}

void ag_lookup_take(const ag_call *c, const ag_lookup *u)
{
    ag_rows r;
    if (ag_array_size(&u->e.list) == 0)
        return;
    if (rows_of(&u->e, &u->table, &r) && is_long(&r)) {
        ag_rows_take(&r, u->table.data, u->e.list.data, ag_call_threads(c));
        return;
    }
    const ag_elements e = arranged(&u->e, r.inner);
    ag_elements_take(&e, ag_call_threads(c));
}

ag_status ag_lookup_put(const ag_call *c, const ag_lookup *u, ag_putting how, bool clear, int64_t skip)
{
    ag_rows r;
    const bool nothing = ag_array_size(&u->e.list) == 0, dense = !nothing && rows_of(&u->e, &u->table, &r);
    if (dense && (is_long(&r) || skip >= 0)) {
        r.skip = skip;
        return ag_rows_put(c, &r, u->table.data, u->e.list.data, how, clear);
    }
    if (nothing && clear)
        ag_fill_array(&u->table, 0);
    if (nothing)
        return AG_OK;
    const ag_elements e = arranged(&u->e, r.inner);
    ag_elements_put(&e, how, clear ? &u->table : NULL, ag_call_threads(c));
    return AG_OK;
}

/* ---- elements along an axis */

/* The index of rows, the other axes' extents being 1. False: there are none, or they are short. */
static bool row_index(const ag_elements *e, ag_array *places)
{
    int64_t inner = 1;
    *places = e->index;
    if (!ag_array_is_dense(&e->table) || !ag_array_is_dense(&e->list))
        return false;
    for (int d = 0; d < places->shape.rank; d++) {
        const int64_t extent = e->index.shape.dim[d];
        if (d == e->axis)
            continue;
        if (e->table.shape.dim[d] != extent || (extent != 1 && e->index.stride[d] != 0))
            return false;
        inner *= d > e->axis ? extent : 1;
        places->shape.dim[d] = 1;
    }
    return inner * (int64_t)ag_bytes_of(e->table.dtype) >= LONG;
}

static ag_status rows_along(const ag_call *c, const ag_elements *e, const ag_array *places, ag_lookup *u)
{
    ag_index_list l = { .index = places, .count = 1, .axis = e->axis, .shape = places->shape };
    return ag_lookup_of(c, &e->table, &e->list, &l, u);
}

ag_status ag_along_take(const ag_call *c, const ag_elements *e, const ag_array *index)
{
    ag_array places;
    ag_lookup u;
    if (!row_index(e, &places))
        return ag_elements_take(e, ag_call_threads(c)) ? AG_OK : ag_elements_outside(c, e, index);
    const ag_status status = rows_along(c, e, &places, &u);
    if (!status)
        ag_lookup_take(c, &u);
    return status;
}

ag_status ag_along_put(const ag_call *c, const ag_elements *e, const ag_array *index, ag_putting how, bool clear)
{
    ag_array places;
    ag_lookup u;
    if (row_index(e, &places)) {
        const ag_status status = rows_along(c, e, &places, &u);
        ag_elements_begin(e, ag_call_threads(c));
        return status ? status : ag_lookup_put(c, &u, how, clear, -1);
    }
    return ag_elements_put(e, how, clear ? &e->table : NULL, ag_call_threads(c)) ? AG_OK
                                                                                 : ag_elements_outside(c, e, index);
}
