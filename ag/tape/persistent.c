/* Persistent tensors: slots with an id space of their own, which enter a step through a leaf. */
#include "ag/tape/tape.h"

/* ---- making */

/* The first slot of the list of free ones, on which it stays until it is filled. */
static uint32_t find_slot(ag_tape *t)
{
    if (!ag_make_room(t, 0))
        return UINT32_MAX;
    if (t->slot_free)
        return t->slot_free - 1;
    if (t->slot_count >= AG_MAX_NODES) {
        ag_fail(t, AG_ELIMIT, "more than %d persistent tensors", AG_MAX_NODES);
        return UINT32_MAX;
    }
    if (!ag_grow(t, (void **)&t->slots, &t->slot_capacity, sizeof *t->slots, (uint64_t)t->slot_count + 1))
        return UINT32_MAX;
    t->slots[t->slot_count] = (ag_slot){ 0 };
    ag_slot_end(&t->slots[t->slot_count]);
    t->slot_free = t->slot_count + 1;
    return t->slot_count++;
}

/* Taken slots form a list in the order of creation. */
static void append_slot(ag_tape *t, uint32_t index)
{
    ag_slot *s = &t->slots[index];
    s->before = t->slot_last;
    *(s->before ? &t->slots[s->before - 1].next : &t->slot_first) = index + 1;
    t->slot_last = index + 1;
}

static void remove_slot(ag_tape *t, uint32_t index)
{
    ag_slot *s = &t->slots[index];
    *(s->before ? &t->slots[s->before - 1].next : &t->slot_first) = s->next;
    *(s->next ? &t->slots[s->next - 1].before : &t->slot_last) = s->before;
    s->next = t->slot_free;
    t->slot_free = index + 1;
}

static bool order_strides(ag_layout *l, ag_axes order)
{
    bool seen[AG_MAX_RANK] = { false };
    if (order.count != l->rank)
        return false;
    int64_t stride = 1; /* stays so without elements, where the product may overflow */
    for (int i = l->rank - 1; i >= 0; i--) {
        int axis = ag_axis(order.axis[i], l->rank);
        if (axis < 0 || seen[axis])
            return false;
        seen[axis] = true;
        l->stride[axis] = stride;
        stride *= l->size > 0 ? l->dim[axis] : 1;
    }
    ag_array a = ag_layout_array(l, NULL);
    l->dense = ag_array_is_dense(&a);
    return true;
}

/* One block: the layout, the name, the data. */
static bool fill_slot(ag_tape *t, uint32_t index, const ag_layout *l, const char *name)
{
    ag_slot *s = &t->slots[index];
    size_t head = (sizeof *l + ag_scoped_bytes(t, name) + 63) & ~(size_t)63;
    size_t bytes = head + (size_t)l->size * ag_dtype_size(l->dtype);
    char *block = ag_obtain(t, bytes);
    if (!block)
        return false;
    ag_count_in(&t->account.persistent, bytes);
    const uint64_t last = ag_slot_generation(s), generation = last == UINT32_MAX ? 1 : last + 1; /* 0 is none */
    t->slot_free = s->next;
    *s = (ag_slot){ .handle = generation << 32 | AG_TAG_PERSISTENT | index, .block = block, .bytes = bytes };
    append_slot(t, index);
    s->layout = memcpy(block, l, sizeof *l);
    s->name = ag_scoped_name(t, name, block + sizeof *l);
    s->data = block + head;
    return true;
}

static ag_tensor persist(ag_tensor value, ag_axes order, const char *name, bool param, const char *who)
{
    ag_tape *t = value.tape;
    if (!t)
        return ag_inert(NULL);
    uint32_t id = ag_resolve(t, value, who, 0);
    if (!id)
        return ag_inert(t);
    ag_array from = ag_array_of(t, id);
    ag_layout l;
    ag_layout_set(&l, from.dtype, from.shape);
    if (param && !ag_is_float(from.dtype)) {
        ag_fail(t, AG_EDTYPE, "%s: a parameter is f32 or f64, not %s", who, ag_dtype_name(from.dtype));
        return ag_inert(t);
    }
    if (order.count >= 0 && !order_strides(&l, order)) {
        ag_fail(t, AG_ESHAPE, "%s: the order must name each of the %d axes once", who, l.rank);
        return ag_inert(t);
    }
    uint32_t index = find_slot(t);
    if (index == UINT32_MAX || !fill_slot(t, index, &l, name))
        return ag_inert(t);
    ag_slot *s = &t->slots[index];
    s->param = param;
    from = ag_array_of(t, id);
    ag_array to = ag_layout_array(s->layout, s->data);
    ag_copy_array(&to, &from, false, t->options.threads);
    return ag_of_word(t, s->handle);
}

ag_tensor ag_param(ag_tensor value, const char *name)
{
    return persist(value, AG_ALL, name, true, "ag_param");
}

ag_tensor ag_buffer(ag_tensor value, const char *name)
{
    return persist(value, AG_ALL, name, false, "ag_buffer");
}

ag_tensor ag_param_as(ag_tensor value, ag_axes order, const char *name)
{
    return persist(value, order, name, true, "ag_param_as");
}

ag_tensor ag_buffer_as(ag_tensor value, ag_axes order, const char *name)
{
    return persist(value, order, name, false, "ag_buffer_as");
}

/* ---- writing */

ag_status ag_written(ag_tensor p)
{
    ag_slot *s = ag_slot_of(p, "ag_written");
    if (!s)
        return ag_refuse(p.tape, "ag_written");
    if (!ag_settle_slot_readers(p.tape, s))
        return p.tape->error.status;
    if (s->first_epoch && ag_live(p.tape, AG_INDEX(s->first_id), s->first_epoch))
        ag_mark_written(p.tape, s->first_id);
    s->leaf_epoch = 0;
    return AG_OK;
}

/* Does `value` lie in the memory that is about to be overwritten, but at other places? */
static bool overlaps(const ag_slot *s, const ag_array *value)
{
    const char *p = value->data, *low = s->data;
    bool inside = p >= low && p < low + s->layout->size * (int64_t)ag_dtype_size(s->layout->dtype);
    return inside && memcmp(value->stride, s->layout->stride, (size_t)s->layout->rank * sizeof *value->stride);
}

ag_status ag_assign(ag_tensor p, ag_tensor value)
{
    ag_tape *t = p.tape;
    if (!t)
        return AG_ENULL;
    if (t->error.status)
        return t->error.status;
    uint32_t id = ag_resolve(t, value, "ag_assign", 2);
    ag_slot *s = id ? ag_slot_of(p, "ag_assign") : NULL;
    if (!s)
        return ag_refuse(t, "ag_assign");
    if (!ag_settle_slot_readers(t, s))
        return t->error.status;
    ag_array from = ag_array_of(t, id);
    if (!ag_shape_equal(from.shape, ag_layout_shape(s->layout))) {
        char a[128], b[128];
        return ag_fail(t, AG_ESHAPE, "ag_assign: '%s' has shape %s, the value %s", s->name,
                       ag_shape_text(ag_layout_shape(s->layout), a, sizeof a), ag_shape_text(from.shape, b, sizeof b));
    }
    if (from.dtype != s->layout->dtype && !(ag_is_float(from.dtype) && ag_is_float(s->layout->dtype)))
        return ag_fail(t, AG_EDTYPE, "ag_assign: '%s' is %s, the value %s; see ag_cast", s->name,
                       ag_dtype_name(s->layout->dtype), ag_dtype_name(from.dtype));
    if (overlaps(s, &from)) {
        ag_array copy = from;
        copy.data = ag_scratch(t, (size_t)ag_array_size(&from) * ag_dtype_size(from.dtype));
        if (!copy.data)
            return t->error.status;
        ag_array_dense(&copy);
        ag_copy_array(&copy, &from, false, t->options.threads);
        from = copy;
    }
    ag_array to = ag_layout_array(s->layout, s->data);
    ag_copy_array(&to, &from, false, t->options.threads);
    return ag_written(p);
}

ag_status ag_storage_of(ag_tensor p, ag_storage *to)
{
    ag_slot *s = ag_slot_of(p, "ag_storage_of");
    if (!s)
        return ag_refuse(p.tape, "ag_storage_of");
    if (!to)
        return ag_fail(p.tape, AG_ENULL, "ag_storage_of: the result is NULL");
    if (!ag_settle_slot_readers(p.tape, s))
        return p.tape->error.status;
    *to = (ag_storage){ s->data, s->grad.arrived ? s->grad.data : NULL, s->layout->size, s->layout->dtype, s->zeroed };
    return AG_OK;
}

void *ag_slot_gradient(ag_tape *t, ag_slot *s)
{
    if (AG_LIKELY(s->grad.data != NULL))
        return s->grad.data;
    size_t bytes = ag_layout_bytes(s->layout);
    s->grad.data = ag_obtain(t, bytes);
    s->grad_bytes = s->grad.data ? bytes : 0;
    ag_count_in(&t->account.persistent, s->grad_bytes);
    return s->grad.data;
}

/* ---- ending */

ag_status ag_release(ag_tensor p)
{
    ag_slot *s = ag_slot_of(p, "ag_release");
    if (!s)
        return ag_refuse(p.tape, "ag_release");
    ag_slot_end(s);
    return AG_OK;
}

static void free_block(ag_tape *t, ag_slot *s)
{
    t->account.persistent.live -= s->bytes + s->grad_bytes + s->name_bytes;
    ag_give_back(t, s->block, s->bytes);
    ag_give_back(t, s->grad.data, s->grad_bytes);
    ag_give_back(t, s->hooks, s->hook_capacity * sizeof *s->hooks);
    t->slot_hooks -= s->hook_count;
    if (s->name_bytes)
        ag_give_back(t, s->name, s->name_bytes);
}

static void free_slot(ag_tape *t, uint32_t index)
{
    ag_slot *s = &t->slots[index];
    remove_slot(t, index);
    free_block(t, s);
    *s = (ag_slot){ .handle = s->handle, .next = s->next }; /* handles of it stay stale */
}

void ag_slots_end_step(ag_tape *t)
{
    for (uint32_t i = 0; i < t->slot_count; i++) { /* not along the list, where each waits for the one before */
        ag_slot *s = &t->slots[i];
        s->leaf_epoch = s->first_epoch = 0;
        s->grad.alias_epoch = 0;
        if (!ag_slot_taken(s) && s->block)
            free_slot(t, i);
    }
}

void ag_slots_free(ag_tape *t)
{
    for (uint32_t i = t->slot_first; i; i = t->slots[i - 1].next)
        free_block(t, &t->slots[i - 1]);
}

/* ---- lists */

ag_list ag_params(ag_tape *t)
{
    if (!t)
        return (ag_list){ 0 };
    if (!ag_grow(t, (void **)&t->param_list, &t->param_capacity, sizeof *t->param_list, t->slot_count))
        return ag_list_none(t);
    size_t count = 0;
    for (uint32_t i = t->slot_first; i; i = t->slots[i - 1].next) {
        const ag_slot *s = &t->slots[i - 1];
        if (s->param && ag_slot_taken(s))
            t->param_list[count++] = ag_of_word(t, s->handle);
    }
    return count ? (ag_list){ t->param_list, count } : ag_list_none(t);
}

/* A list has no place for its tape but its tensors. That of an empty one is the address of the tape with its lowest bit
 * set, where no tensor can lie. */
ag_list ag_list_none(ag_tape *t)
{
    return (ag_list){ t ? (const ag_tensor *)(const void *)((const char *)t + 1) : NULL, 0 };
}

ag_tape *ag_list_tape(ag_list l)
{
    if (!l.count)
        return (uintptr_t)l.at & 1 ? (ag_tape *)(void *)((char *)(uintptr_t)l.at - 1) : NULL;
    for (size_t i = 0; l.at && i < l.count; i++)
        if (l.at[i].tape)
            return l.at[i].tape;
    return NULL;
}
