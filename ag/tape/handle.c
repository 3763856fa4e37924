/* Handles: from a tensor to its node. */
#include "ag/tape/tape.h"

ag_tensor ag_inert(ag_tape *t)
{
    return (ag_tensor){ t, 0, 0 };
}

/* ---- resolving */

static AG_COLD uint32_t absent(ag_tape *t, const char *who, int operand)
{
    if (operand)
        ag_fail(t, AG_ENULL, "%s: operand %d is absent: {0}, never set", who, operand);
    else
        ag_fail(t, AG_ENULL, "%s: the tensor is absent: {0}, never set", who);
    return 0;
}

static AG_COLD uint32_t foreign(ag_tape *t, const char *who, int operand)
{
    if (operand)
        ag_fail(t, AG_EUSE,
                "%s: operand %d belongs to another tape than the first; ag_copy_out and ag_from copy values", who,
                operand);
    else
        ag_fail(t, AG_EUSE, "%s: the tensor belongs to another tape", who);
    return 0;
}

static AG_COLD uint32_t stale(ag_tape *t, ag_tensor x, const char *who, int operand)
{
    char why[512] = "is stale: it was released;", which[24] = "the tensor";
    if (!(x.id & AG_TAG_PERSISTENT))
        ag_stale_text(t, x, why, sizeof why);
    if (operand)
        snprintf(which, sizeof which, "operand %d", operand);
    ag_fail(t, AG_ESTALE, "%s: %s %s ag_param and ag_buffer make tensors that persist", who, which, why);
    return 0;
}

/* The leaf is the one of the last step, at its place: see echo.c. A tensor keeps its layout as long as its generation. */
static bool leaf_again(ag_tape *t, ag_slot *s, uint32_t index)
{
    const ag_echo *e = ag_echo_next(t, AG_OP_PERSISTENT);
    if (!e || t->span >= t->room || e->node.input[0] != index || e->bytes != ag_slot_generation(s) ||
        e->node.data != s->data || e->node.layout != s->layout || s->hook_count)
        return false;
    ag_echo_put(t, &e->node, e->header, 0, 0);
    s->leaf_id = s->first_id = e->node.id | AG_TAG_RANKED;
    s->leaf_epoch = s->first_epoch = (uint32_t)(t->base >> 32);
    return true;
}

uint32_t ag_leaf_again(ag_tape *t, ag_tensor x)
{
    const uint32_t index = AG_INDEX(x.id);
    if (!(x.id & AG_TAG_PERSISTENT) || index >= t->slot_count)
        return 0;
    ag_slot *s = &t->slots[index];
    if (s->handle != ag_word(x) || s->first_epoch)
        return 0;
    return leaf_again(t, s, index) ? s->leaf_id : 0;
}

static void note_leaf(ag_tape *t, const ag_slot *s)
{
    ag_echo *e = ag_echo_noted(t);
    e->node = t->nodes[t->node_count - 1];
    e->op = AG_OP_PERSISTENT;
    e->bytes = ag_slot_generation(s);
}

/* Makes the leaf by which a persistent tensor enters the step; its id, 0: no memory. */
static uint32_t slot_leaf(ag_tape *t, ag_slot *s, uint32_t index)
{
    uint32_t op = AG_OP_PERSISTENT;
    const bool again = s->first_epoch && ag_live(t, AG_INDEX(s->first_id), s->first_epoch);
    ag_tensor leaf;
    if (!again && leaf_again(t, s, index))
        return s->leaf_id;
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
        ag_node *d = ag_node_at(t, leaf.id);
        d->inputs = 0;
        if (again)
            d->owner = ag_node_at(t, s->first_id)->owner;
        else if (AG_UNLIKELY(ag_echo_noted(t) != NULL))
            note_leaf(t, s);
    }
    if (!again) {
        s->first_id = leaf.id;
        s->first_epoch = leaf.epoch;
    }
    if (s->hook_count)
        t->headers[AG_INDEX(leaf.id)].flags |= AG_HOOKED;
    s->leaf_id = leaf.id;
    s->leaf_epoch = leaf.epoch;
    return leaf.id;
}

static uint32_t resolve_persistent(ag_tape *t, ag_tensor x, const char *who, int operand)
{
    uint32_t index = AG_INDEX(x.id);
    if (index >= t->slot_count || t->slots[index].handle != ag_word(x))
        return stale(t, x, who, operand);
    ag_slot *s = &t->slots[index];
    if (AG_LIKELY(s->leaf_epoch && ag_live(t, AG_INDEX(s->leaf_id), s->leaf_epoch)))
        return s->leaf_id;
    return slot_leaf(t, s, index);
}

uint32_t ag_find(ag_tape *t, ag_tensor x, const char *who, int operand)
{
    if (AG_UNLIKELY(x.tape != t))
        return x.tape ? foreign(t, who, operand) : absent(t, who, operand);
    if (AG_UNLIKELY(!x.id))
        return 0;
    if (x.id & AG_TAG_PERSISTENT)
        return resolve_persistent(t, x, who, operand);
    if (AG_UNLIKELY(!ag_live(t, AG_INDEX(x.id), x.epoch)))
        return stale(t, x, who, operand);
    bool ranked = (t->headers[AG_INDEX(x.id)].flags & AG_HAS_NODE) && ag_node_at(t, x.id)->data;
    if (AG_UNLIKELY(ranked != !!(x.id & AG_TAG_RANKED)))
        return stale(t, x, who, operand);
    return x.id;
}

uint32_t ag_resolve(ag_tape *t, ag_tensor x, const char *who, int operand)
{
    const uint32_t id = ag_find(t, x, who, operand);
    return id && ag_settle(t, id) ? id : 0;
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
    if (index >= t->slot_count || t->slots[index].handle != ag_word(p)) {
        stale(t, p, who, 0);
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

ag_tensor ag_node_new(ag_tape *t, uint32_t op, const ag_layout *layout, void *data, const uint32_t *inputs,
                      size_t count, bool needs)
{
    if (AG_UNLIKELY(!ag_node_fits(t)) && !ag_make_room(t, 1))
        return ag_inert(t);
    uint32_t *many = AG_LIKELY(count <= 3) ? NULL : ag_scratch(t, count * sizeof *inputs);
    if (AG_UNLIKELY(count > 3 && !many))
        return ag_inert(t);
    ag_node *d = ag_node_put(t, op, needs ? AG_NEEDS : 0, layout, data);
    for (size_t k = 0; k < count; k++)
        *(many ? &many[k] : &d->input[k]) = inputs[k];
    if (AG_UNLIKELY(many != NULL))
        memcpy(d->input, &many, sizeof many);
    d->inputs = (uint16_t)count;
    return (ag_tensor){ t, data ? d->id | AG_TAG_RANKED : d->id, (uint32_t)(t->base >> 32) };
}

ag_tensor ag_constant_of(ag_tape *t, const ag_array *a)
{
    if (a->shape.rank == 0 && a->dtype == AG_F64)
        return ag_scalar_new(t, AG_OP_CONSTANT, *(const double *)a->data);
    const ag_layout *l = ag_layout_of_array(t, a);
    return l ? ag_node_new(t, AG_OP_CONSTANT, l, a->data, NULL, 0, false) : ag_inert(t);
}

ag_array ag_array_of(ag_tape *t, uint32_t id)
{
    ag_node *d = ag_node_or_null(t, id);
    if (!ag_is_number(d))
        return ag_layout_array(d->layout, d->data);
    return ag_layout_array(&ag_scalar_layouts[AG_F64], &t->records[AG_INDEX(id)].value);
}

void ag_array_for_op(const ag_tape *t, uint32_t id, double *number, ag_array *x)
{
    const ag_node *d = ag_node_or_null(t, id);
    if (!ag_is_number(d)) {
        *x = ag_layout_array(d->layout, d->data);
    } else {
        *number = t->records[AG_INDEX(id)].value;
        *x = ag_layout_array(&ag_scalar_layouts[AG_F64], number);
    }
}

void ag_mark_written(ag_tape *t, uint32_t id)
{
    ag_node *d = ag_node_or_null(t, id);
    if (!d)
        return;
    t->nodes[d->owner].written = t->last_write = ag_next(t);
    if (AG_UNLIKELY(t->sites.now.file || t->sites.write_count))
        ag_sites_written(t, d->owner);
}
