/* Handles: from a tensor to its node, and reading what it holds. */
#include "ag/internal.h"
#include <math.h>

ag_tensor ag_inert(ag_tape *t)
{
    return (ag_tensor){ t, 0, 0 };
}

bool ag_begin(ag_tape *t)
{
    return t && !t->error.status;
}

/* ---- resolving */

static AG_COLD uint32_t absent(ag_tape *t, const char *who, int operand)
{
    if (operand)
        ag_fail(t, AG_ENULL, "%s: operand %d is absent", who, operand);
    else
        ag_fail(t, AG_ENULL, "%s: the tensor is absent", who);
    return 0;
}

static AG_COLD uint32_t foreign(ag_tape *t, const char *who, int operand)
{
    ag_fail(t, AG_EUSE, "%s: operand %d belongs to another tape", who, operand);
    return 0;
}

static AG_COLD uint32_t stale(ag_tape *t, const char *who, int operand)
{
    static const char why[] = "is stale: its step was reset or rewound, or it was released";
    if (operand)
        ag_fail(t, AG_ESTALE, "%s: operand %d %s", who, operand, why);
    else
        ag_fail(t, AG_ESTALE, "%s: the tensor %s", who, why);
    return 0;
}

static uint32_t leaf_of(ag_tape *t, ag_slot *s, uint32_t index)
{
    uint32_t op = AG_OP_PERSISTENT;
    ag_tensor leaf;
    if (s->layout->rank == 0 && s->layout->dtype == AG_F64) {
        if (!ag_make_room(t, 1))
            return 0;
        leaf = ag_scalar_new(t, op, *(double *)s->data);
        t->records[leaf.id].parent[1] = index;
        t->headers[leaf.id].flags = s->param ? AG_NEEDS : 0;
        t->stops[t->stop_count++] = leaf.id;
    } else {
        leaf = ag_node_new(t, op, s->layout, s->data, &index, 1, s->param);
        if (!leaf.id)
            return 0;
        ag_node_at(t, leaf.id)->inputs = 0;
    }
    s->leaf_id = leaf.id;
    s->leaf_epoch = leaf.epoch;
    return leaf.id;
}

static uint32_t resolve_persistent(ag_tape *t, ag_tensor x, const char *who, int operand)
{
    uint32_t index = AG_INDEX(x.id);
    if (index >= t->slot_count || t->slots[index].generation != x.epoch || t->slots[index].released)
        return stale(t, who, operand);
    ag_slot *s = &t->slots[index];
    if (AG_LIKELY(s->leaf_epoch && ag_live(t, AG_INDEX(s->leaf_id), s->leaf_epoch)))
        return s->leaf_id;
    return leaf_of(t, s, index);
}

uint32_t ag_resolve(ag_tape *t, ag_tensor x, const char *who, int operand)
{
    if (AG_UNLIKELY(x.tape != t))
        return x.tape ? foreign(t, who, operand) : absent(t, who, operand);
    if (AG_UNLIKELY(!x.id))
        return 0;
    if (x.id & AG_TAG_PERSISTENT)
        return resolve_persistent(t, x, who, operand);
    if (AG_UNLIKELY(!ag_live(t, AG_INDEX(x.id), x.epoch)))
        return stale(t, who, operand);
    bool ranked = (t->headers[AG_INDEX(x.id)].flags & AG_HAS_NODE) && ag_node_at(t, x.id)->data;
    if (AG_UNLIKELY(ranked != !!(x.id & AG_TAG_RANKED)))
        return stale(t, who, operand);
    return x.id;
}

ag_tape *ag_common_tape(const ag_tensor *x, size_t count, const char *who)
{
    ag_tape *t = NULL;
    for (size_t i = 0; i < count && !t; i++)
        t = x[i].tape;
    if (!t)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (x[i].tape && x[i].tape != t) {
            foreign(t, who, (int)i + 1);
            return NULL;
        }
    }
    return t;
}

ag_slot *ag_slot_of(ag_tensor p, const char *who)
{
    ag_tape *t = p.tape;
    if (!t || !p.id) {
        ag_refuse(t, who);
        return NULL;
    }
    if (!(p.id & AG_TAG_PERSISTENT)) {
        ag_fail(t, AG_EUSE, "%s: the tensor is transient; ag_param or ag_buffer makes one that persists", who);
        return NULL;
    }
    uint32_t index = AG_INDEX(p.id);
    if (index >= t->slot_count || t->slots[index].generation != p.epoch || t->slots[index].released) {
        stale(t, who, 0);
        return NULL;
    }
    return &t->slots[index];
}

ag_status ag_refuse(ag_tape *t, const char *who)
{
    if (!t)
        return AG_ENULL;
    return t->error.status ? t->error.status : ag_fail(t, AG_ENULL, "%s: the tensor is the result of a failed op", who);
}

/* ---- nodes */

ag_tensor ag_scalar_new(ag_tape *t, uint32_t op, double value)
{
    if (!ag_make_room(t, 1))
        return ag_inert(t);
    uint32_t index = ag_next(t);
    bool needs = op == AG_OP_VARIABLE;
    t->records[index] = (ag_record){ .parent = { index, index }, .value = value };
    t->headers[index] = (ag_header){ (uint16_t)op, needs ? AG_NEEDS : 0 };
    t->span++;
    if (needs)
        t->stops[t->stop_count++] = index;
    return (ag_tensor){ t, index, (uint32_t)(t->base >> 32) };
}

static bool set_inputs(ag_tape *t, ag_node *d, const uint32_t *inputs, size_t count)
{
    if (count <= 3) {
        if (count)
            memcpy(d->input, inputs, count * sizeof *inputs);
    } else {
        uint32_t *many = ag_scratch(t, count * sizeof *inputs);
        if (!many)
            return false;
        memcpy(many, inputs, count * sizeof *inputs);
        memcpy(d->input, &many, sizeof many);
    }
    d->inputs = (uint16_t)count;
    return true;
}

ag_tensor ag_node_new(ag_tape *t, uint32_t op, const ag_layout *layout, void *data, const uint32_t *inputs, size_t count,
                      bool needs)
{
    uint32_t index = ag_next(t);
    bool full = index >= t->capacity || t->node_count >= t->node_capacity || t->stop_count >= t->stop_capacity;
    if (AG_UNLIKELY(full) && !ag_make_room(t, 1))
        return ag_inert(t);
    ag_node *d = &t->nodes[t->node_count];
    d->data = data;
    d->adjoint = NULL;
    d->layout = layout;
    d->params = NULL;
    d->owner = t->node_count;
    d->written = 0;
    d->id = index;
    d->grad = 0;
    d->output = 0;
    d->flags = 0;
    if (!set_inputs(t, d, inputs, count))
        return ag_inert(t);
    t->records[index] = (ag_record){ .parent = { index, t->node_count } };
    t->headers[index] = (ag_header){ (uint16_t)op, (uint16_t)(AG_HAS_NODE | (needs ? AG_NEEDS : 0)) };
    t->node_count++;
    t->span++;
    t->stops[t->stop_count++] = index;
    return (ag_tensor){ t, data ? index | AG_TAG_RANKED : index, (uint32_t)(t->base >> 32) };
}

ag_array ag_array_of(ag_tape *t, uint32_t id)
{
    ag_node *d = ag_node_or_null(t, id);
    if (d && d->data)
        return ag_layout_array(d->layout, d->data);
    return ag_layout_array(&ag_scalar_layouts[AG_F64], &t->records[AG_INDEX(id)].value);
}

void ag_mark_written(ag_tape *t, uint32_t id)
{
    ag_node *d = ag_node_or_null(t, id);
    if (d)
        t->nodes[d->owner].written = ag_next(t);
}

/* ---- reading */

static double get(const ag_array *a, int64_t at)
{
    switch (a->dtype) {
    case AG_F32:
        return ((const float *)a->data)[at];
    case AG_I32:
        return ((const int32_t *)a->data)[at];
    case AG_I64:
        return (double)((const int64_t *)a->data)[at];
    case AG_U8:
        return ((const uint8_t *)a->data)[at];
    default:
        return ((const double *)a->data)[at];
    }
}

double ag_array_get(const ag_array *a, int64_t i)
{
    int64_t at = 0;
    for (int k = a->shape.rank - 1; k >= 0; k--) {
        at += i % a->shape.dim[k] * a->stride[k];
        i /= a->shape.dim[k];
    }
    return get(a, at);
}

/* The tensor's array without making a leaf for a persistent one; false: reported. */
static bool array_for_reading(ag_tensor x, const char *who, ag_array *a)
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
    uint32_t id = ag_resolve(t, x, who, 0);
    if (id)
        *a = ag_array_of(t, id);
    return id;
}

bool ag_ok(ag_tensor x)
{
    ag_tape *t = x.tape;
    if (!t || !x.id)
        return false;
    uint32_t index = AG_INDEX(x.id);
    if (x.id & AG_TAG_PERSISTENT)
        return index < t->slot_count && t->slots[index].generation == x.epoch && !t->slots[index].released;
    return ag_live(t, index, x.epoch);
}

ag_shape ag_shape_of(ag_tensor x)
{
    ag_array a;
    return array_for_reading(x, "ag_shape_of", &a) ? a.shape : (ag_shape){ .rank = -1 };
}

ag_dtype ag_dtype_of(ag_tensor x)
{
    ag_array a;
    return array_for_reading(x, "ag_dtype_of", &a) ? a.dtype : AG_FLOAT;
}

int64_t ag_size_of(ag_tensor x)
{
    ag_array a;
    return array_for_reading(x, "ag_size_of", &a) ? ag_array_size(&a) : -1;
}

bool ag_needs_grad(ag_tensor x)
{
    if (!x.tape)
        return false;
    if (x.id & AG_TAG_PERSISTENT) {
        ag_slot *s = ag_slot_of(x, "ag_needs_grad");
        return s && s->param;
    }
    uint32_t id = ag_resolve(x.tape, x, "ag_needs_grad", 0);
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
    return get(&a, 0);
}

/* AG_OK if the dtype is the expected one */
static ag_status expect(ag_tape *t, const ag_array *a, ag_dtype expected, const char *who)
{
    if (a->dtype == ag_real_dtype(t, expected))
        return AG_OK;
    return ag_fail(t, AG_EDTYPE, "%s: the tensor is %s, not %s", who, ag_dtype_name(a->dtype),
                   ag_dtype_name(ag_real_dtype(t, expected)));
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
static ag_status check_bytes(ag_tape *t, const ag_array *a, ag_dtype d, const void *memory, size_t bytes, const char *who)
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
        return AG_OK;
    }
    uint32_t id = ag_resolve(t, x, who, 0);
    if (!id)
        return ag_refuse(t, who);
    ag_node *d = ag_node_or_null(t, id);
    uint32_t op = t->headers[AG_INDEX(id)].op;
    bool leaf = d && d->data && (op == AG_OP_CONSTANT || op == AG_OP_VARIABLE) && t->nodes[d->owner].id == d->id;
    if (!leaf || (d->flags & AG_NODE_READONLY))
        return ag_fail(t, AG_EUSE, "%s: only leaves with storage of their own can be written: not an op's result, a view, a "
                                   "gradient, wrapped memory or a rank-0 f64 transient", who);
    *a = ag_layout_array(d->layout, d->data);
    return AG_OK;
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

/* ---- names */

const char *ag_named_at(const ag_tape *t, uint32_t index)
{
    uint32_t low = 0, high = t->name_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (t->names[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->name_count && t->names[low].index == index ? t->names[low].name : "";
}
