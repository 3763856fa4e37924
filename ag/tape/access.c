/* Reading and writing what a tensor holds. */
#include "ag/tape/tape.h"
#include <math.h>

/* ---- reading */

/* The tensor's array without making a leaf for a persistent one, with or without values; false: reported. */
static bool find_array(ag_tensor x, bool values, const char *who, ag_array *a)
{
    ag_tape *t = x.tape;
    if (!t)
        return false;
    if (x.id & AG_TAG_PERSISTENT) {
        ag_slot *s = ag_slot_of(x, who);
        if (s)
            *a = ag_layout_array(s->layout, s->data);
        return s;
    }
    uint32_t id = (values ? ag_resolve : ag_find)(t, x, who, 0);
    if (id)
        *a = ag_array_of(t, id);
    return id;
}

static bool array_for_reading(ag_tensor x, const char *who, ag_array *a)
{
    return find_array(x, true, who, a);
}

bool ag_ok(ag_tensor x)
{
    ag_tape *t = x.tape;
    if (!t || !x.id)
        return false;
    uint32_t index = AG_INDEX(x.id);
    if (x.id & AG_TAG_PERSISTENT)
        return index < t->slot_count && t->slots[index].handle == ag_word(x);
    return ag_live(t, index, x.epoch);
}

ag_shape ag_shape_of(ag_tensor x)
{
    ag_array a;
    return find_array(x, false, "ag_shape_of", &a) ? a.shape : (ag_shape){ .rank = -1 };
}

ag_dtype ag_dtype_of(ag_tensor x)
{
    ag_array a;
    return find_array(x, false, "ag_dtype_of", &a) ? a.dtype : AG_FLOAT;
}

int64_t ag_size_of(ag_tensor x)
{
    ag_array a;
    return find_array(x, false, "ag_size_of", &a) ? ag_array_size(&a) : -1;
}

bool ag_needs_grad(ag_tensor x)
{
    if (!x.tape)
        return false;
    if (x.id & AG_TAG_PERSISTENT) {
        ag_slot *s = ag_slot_of(x, "ag_needs_grad");
        return s && s->param;
    }
    uint32_t id = ag_find(x.tape, x, "ag_needs_grad", 0);
    return id && ag_needs(x.tape, id);
}

bool ag_is_persistent(ag_tensor x)
{
    return ag_ok(x) && (x.id & AG_TAG_PERSISTENT);
}

double ag_item_at(ag_tensor x, int64_t i)
{
    ag_array a;
    if (!array_for_reading(x, "ag_item_at", &a))
        return NAN;
    int64_t size = ag_array_size(&a);
    if (i < 0 || i >= size) {
        ag_fail(x.tape, AG_ESHAPE, "ag_item_at: index %lld is outside a tensor of %lld elements", (long long)i,
                (long long)size);
        return NAN;
    }
    return ag_array_get(&a, i);
}

double ag_item(ag_tensor x)
{
    ag_array a;
    if (!array_for_reading(x, "ag_item", &a))
        return NAN;
    if (ag_array_size(&a) != 1) {
        char text[128];
        ag_fail(x.tape, AG_ESHAPE, "ag_item: the tensor has shape %s, not one element; see ag_item_at",
                ag_shape_text(a.shape, text, sizeof text));
        return NAN;
    }
    return ag_array_get(&a, 0);
}

/* AG_OK if the dtype is the expected one */
static ag_status expect(ag_tape *t, const ag_array *a, ag_dtype expected, const char *who)
{
    if (a->dtype == ag_real_dtype(t, expected))
        return AG_OK;
    return ag_fail(t, AG_EDTYPE, "%s: the tensor is %s, not %s; ag_copy_%s converts", who, ag_dtype_name(a->dtype),
                   ag_dtype_name(ag_real_dtype(t, expected)), strcmp(who, "ag_data") ? "in" : "out");
}

const void *ag_data(ag_tensor x, ag_dtype expected)
{
    ag_array a;
    if (!array_for_reading(x, "ag_data", &a) || expect(x.tape, &a, expected, "ag_data"))
        return NULL;
    if (ag_array_is_dense(&a) && (a.shape.rank || (x.id & (AG_TAG_RANKED | AG_TAG_PERSISTENT))))
        return a.data;
    void *copy = ag_scratch(x.tape, (size_t)ag_array_size(&a) * ag_dtype_size(a.dtype) + 1);
    if (!copy)
        return NULL;
    ag_array to = a;
    to.data = copy;
    ag_array_dense(&to);
    ag_copy_array(&to, &a, false, x.tape->options.threads);
    return copy;
}

/* Checks that `bytes` is what `size` elements of dtype d take. */
static ag_status check_bytes(ag_tape *t, const ag_array *a, ag_dtype d, const void *memory, size_t bytes,
                             const char *who)
{
    uint64_t wanted = (uint64_t)ag_array_size(a) * ag_dtype_size(d);
    char text[128];
    if (!ag_dtype_size(d))
        return ag_fail(t, AG_EDTYPE, "%s: %d is no dtype", who, (int)d);
    if (bytes != wanted)
        return ag_fail(t, AG_EARG, "%s: %zu bytes given, but %s of shape %s takes %llu", who, bytes, ag_dtype_name(d),
                       ag_shape_text(a->shape, text, sizeof text), (unsigned long long)wanted);
    if (!memory && bytes)
        return ag_fail(t, AG_ENULL, "%s: the memory is NULL", who);
    return AG_OK;
}

ag_status ag_copy_out(ag_tensor x, ag_dtype d, void *to, size_t bytes)
{
    ag_array a;
    if (!array_for_reading(x, "ag_copy_out", &a))
        return ag_refuse(x.tape, "ag_copy_out");
    d = ag_real_dtype(x.tape, d);
    ag_status s = check_bytes(x.tape, &a, d, to, bytes, "ag_copy_out");
    if (s)
        return s;
    ag_array out = { .data = to, .dtype = d, .shape = a.shape };
    ag_array_dense(&out);
    ag_copy_array(&out, &a, false, x.tape->options.threads);
    return AG_OK;
}

/* ---- writing */

/* The array of what may be written to; marks the write. */
static ag_status array_for_writing(ag_tensor x, const char *who, ag_array *a)
{
    ag_tape *t = x.tape;
    if (!t)
        return AG_ENULL;
    if (x.id & AG_TAG_PERSISTENT) {
        ag_slot *s = ag_slot_of(x, who);
        if (!s)
            return ag_refuse(t, who);
        *a = ag_layout_array(s->layout, s->data);
        return ag_settle_slot_readers(t, s) ? AG_OK : t->error.status;
    }
    uint32_t id = ag_resolve(t, x, who, 0);
    if (!id)
        return ag_refuse(t, who);
    ag_node *d = ag_node_or_null(t, id);
    uint32_t op = t->headers[AG_INDEX(id)].op;
    bool leaf = !ag_is_number(d) && (op == AG_OP_CONSTANT || op == AG_OP_VARIABLE) && t->nodes[d->owner].id == d->id;
    if (!leaf || (d->flags & AG_NODE_READONLY))
        return ag_fail(t, AG_EUSE,
                       "%s: only leaves with storage of their own can be written: not an op's result, a view, a "
                       "gradient, wrapped memory or a rank-0 f64 transient",
                       who);
    *a = ag_layout_array(d->layout, d->data);
    return ag_settle_readers(t, d->owner) ? AG_OK : t->error.status;
}

static void mark(ag_tensor x)
{
    if (x.id & AG_TAG_PERSISTENT)
        ag_written(x);
    else
        ag_mark_written(x.tape, x.id);
}

void *ag_write(ag_tensor x, ag_dtype expected)
{
    ag_array a;
    if (array_for_writing(x, "ag_write", &a) || expect(x.tape, &a, expected, "ag_write"))
        return NULL;
    if (!ag_array_is_dense(&a)) {
        ag_fail(x.tape, AG_EUSE, "ag_write: the tensor is not stored row by row; see ag_copy_in");
        return NULL;
    }
    mark(x);
    return a.data;
}

ag_status ag_copy_in(ag_tensor x, ag_dtype d, const void *from, size_t bytes)
{
    ag_array a;
    ag_status s = array_for_writing(x, "ag_copy_in", &a);
    if (s)
        return s;
    d = ag_real_dtype(x.tape, d);
    s = check_bytes(x.tape, &a, d, from, bytes, "ag_copy_in");
    if (s)
        return s;
    ag_array in = { .data = (void *)(uintptr_t)from, .dtype = d, .shape = a.shape };
    ag_array_dense(&in);
    ag_copy_array(&a, &in, false, x.tape->options.threads);
    mark(x);
    return AG_OK;
}
