/* Is the tape that a pass begins on the one that a pass was noted on? */
#include "ag/backward/routine.h"

enum {
    MOST_LAYOUTS = 32,
    OFTEN = 4, /* times in vain: from then on it takes longer from one to the next, up to a thousand passes */
    MOST_VAIN = OFTEN + 10
};

typedef struct leaf { /* of a persistent tensor */
    uint32_t id, slot, generation;
    const void *gradient;
    bool arrived;
} leaf;

typedef struct bytes_at { /* in the step's memory, where the nodes say that they are */
    const void *at, *were;
    size_t count;
} bytes_at;

typedef struct constants { /* of an elementwise op */
    uint32_t id;
    ag_row_params were;
} constants;

typedef struct layout_at {
    const ag_layout *at;
    ag_layout was;
} layout_at;

/* All that the pass goes by, but values. */
typedef struct ag_sight {
    const uint32_t *stops;
    const ag_header *headers; /* of all from 1 to top: records that are operands of nodes want a gradient, or none */
    uint32_t top;
    const ag_node *nodes;
    leaf *leaves;
    bytes_at *bytes;
    constants *constants;
    layout_at *layouts;
    uint32_t leaf_count, bytes_count, constant_count, layout_count;
} ag_sight;

/* ---- comparing */

static leaf leaf_of(const ag_tape *t, uint32_t id)
{
    const uint32_t index = ag_leaf_slot(t, id);
    const ag_slot *s = &t->slots[index];
    return (leaf){ id, index, ag_slot_generation(s), s->grad.data, s->grad.arrived };
}

/* ag_grad has given out the gradient, or the tensor is released: rare. */
static bool is_plain_leaf(const ag_tape *t, uint32_t index)
{
    return !t->slots[index].grad.alias_epoch && ag_slot_taken(&t->slots[index]);
}

static bool same_leaves(const ag_tape *t, const ag_sight *g)
{
    for (uint32_t i = 0; i < g->leaf_count; i++) {
        const leaf *was = &g->leaves[i], now = leaf_of(t, was->id);
        if (now.slot != was->slot || now.generation != was->generation || now.gradient != was->gradient ||
            now.arrived != was->arrived || !is_plain_leaf(t, was->slot))
            return false;
    }
    return true;
}

static bool same_tape(const ag_tape *t, const ag_routine *r)
{
    const ag_sight *g = r->sight;
    if (memcmp(t->stops, g->stops, r->stops * sizeof *g->stops) ||
        memcmp(t->nodes, g->nodes, r->nodes * sizeof *g->nodes) ||
        memcmp(t->headers + 1, g->headers, g->top * sizeof *g->headers) || !same_leaves(t, g))
        return false;
    for (uint32_t i = 0; i < g->layout_count; i++)
        if (!ag_layout_equal(g->layouts[i].at, &g->layouts[i].was))
            return false;
    for (uint32_t i = 0; i < g->bytes_count; i++)
        if (memcmp(g->bytes[i].at, g->bytes[i].were, g->bytes[i].count))
            return false;
    for (uint32_t i = 0; i < g->constant_count; i++) {
        const ag_row_params now = ag_row_params_at(t, g->constants[i].id);
        if (memcmp(&now, &g->constants[i].were, sizeof now))
            return false;
    }
    return true;
}

/* ---- looking at the tape */

static const void *copied(ag_pass *s, const void *from, size_t bytes)
{
    void *copy = ag_note_memory(s, bytes);
    return copy ? memcpy(copy, from, bytes) : NULL;
}

/* Layouts of persistent tensors do not change, those of steps lie where others may lie in the next one. */
static bool see_layout(ag_sight *g, const ag_layout *l)
{
    for (uint32_t i = g->layout_count; i > 0; i--)
        if (g->layouts[i - 1].at == l)
            return true;
    if (g->layout_count == MOST_LAYOUTS)
        return false;
    g->layouts[g->layout_count++] = (layout_at){ l, *l };
    return true;
}

static bool see_bytes(ag_pass *s, const void *at, size_t bytes)
{
    const void *copy = copied(s, at, bytes);
    ag_sight *g = s->list->sight;
    if (copy)
        g->bytes[g->bytes_count++] = (bytes_at){ at, copy, bytes };
    return copy;
}

static bool see_stop(ag_pass *s, uint32_t i)
{
    const ag_tape *t = s->t;
    ag_sight *g = s->list->sight;
    const ag_node *d = ag_node_or_null(t, i);
    const uint32_t number = t->headers[i].op;
    if (number == AG_OP_PERSISTENT) {
        g->leaves[g->leaf_count++] = leaf_of(t, i);
        return is_plain_leaf(t, ag_leaf_slot(t, i));
    }
    if (d && !see_layout(g, d->layout))
        return false;
    if (!d || number < AG_OP_FIRST)
        return true;
    const ag_op *op = ag_op_at(t, number);
    if (op->flags & AG_ROW && op->params_size)
        g->constants[g->constant_count++] = (constants){ i, ag_row_params_at(t, i) };
    else if (op->params_size && d->params && !see_bytes(s, d->params, op->params_size))
        return false;
    return d->inputs <= 3 || see_bytes(s, ag_node_inputs(d), d->inputs * sizeof(uint32_t));
}

static bool see_tape(ag_pass *s)
{
    const ag_tape *t = s->t;
    ag_routine *r = s->list;
    const size_t stops = r->stops;
    ag_sight *g = r->sight = ag_note_memory(s, sizeof *g);
    if (!g)
        return false;
    memset(g, 0, sizeof *g);
    g->top = s->top;
    if (!(g->stops = copied(s, t->stops, stops * sizeof *t->stops)) ||
        !(g->nodes = copied(s, t->nodes, r->nodes * sizeof *t->nodes)) ||
        !(g->headers = copied(s, t->headers + 1, g->top * sizeof *t->headers)) ||
        !(g->leaves = ag_note_memory(s, stops * sizeof *g->leaves)) ||
        !(g->bytes = ag_note_memory(s, 2 * stops * sizeof *g->bytes)) ||
        !(g->constants = ag_note_memory(s, stops * sizeof *g->constants)) ||
        !(g->layouts = ag_note_memory(s, MOST_LAYOUTS * sizeof *g->layouts)))
        return false;
    for (size_t i = 0; i < stops; i++)
        if (!see_stop(s, t->stops[i]))
            return false;
    return true;
}

/* ---- passes */

/* Nothing has been taken from the pool since the step began, and all lies in its first chunk, which it has got already
 * if it has needed one. */
static bool pool_is_new(const ag_tape *t)
{
    const ag_arena *a = &t->pool.arena;
    return !a->current && a->at == a->begin && (a->count || !a->chunks);
}

static bool can_repeat(const ag_pass *s)
{
    const ag_tape *t = s->t;
    return !s->targets && !s->dy && !t->inner && !t->busy && !t->observed && !t->hook_count && !t->slot_hooks &&
           !t->hooked_again && !t->waiting.count && !t->any_retained && !t->options.keep_grads &&
           t->options.repeat != AG_REPEAT_OFF && pool_is_new(t);
}

static uint32_t stops_up_to(const ag_tape *t, uint32_t top)
{
    return t->stop_count && t->stops[t->stop_count - 1] <= top ? t->stop_count : ag_stop_from(t, top + 1);
}

static uint32_t nodes_up_to(const ag_tape *t, uint32_t top)
{
    if (t->node_count && t->nodes[t->node_count - 1].id <= top)
        return t->node_count;
    return ag_first_from(t->nodes, t->node_count, sizeof *t->nodes, offsetof(ag_node, id), top + 1);
}

static ag_routine *find(ag_tape *t, const ag_pass *s)
{
    const uint32_t stops = stops_up_to(t, s->top), nodes = nodes_up_to(t, s->top);
    const uint64_t values = ag_arena_position(&t->arena);
    ag_routines *all = &t->routines;
    for (int i = 0; i < AG_ROUTINES; i++) {
        ag_routine *r = &all->at[i];
        if (r->y == s->y && r->stops == stops && r->nodes == nodes && r->values == values)
            return r;
    }
    ag_routine *r = &all->at[all->turn];
    all->turn = (all->turn + 1) % AG_ROUTINES;
    *r = (ag_routine){ .y = s->y, .stops = stops, .nodes = nodes, .values = values, .memory = r->memory };
    return r;
}

static bool same_pool(const ag_tape *t, const ag_routine *r)
{
    const ag_arena *a = &t->pool.arena;
    return a->begin == r->pool && (size_t)(a->end - a->at) >= r->pool_bytes;
}

/* The adjoints have the places in the pool that they had, and leave it as it was. */
static ag_status run_again(ag_pass *s, ag_routine *r)
{
    ag_tape *t = s->t;
    if (r->pool_bytes)
        ag_arena_block(t, &t->pool.arena, r->pool_bytes);
    t->busy++;
    t->routines.used = r;
    const ag_status status = ag_routine_run(t, r);
    t->routines.used = NULL;
    t->busy--;
    if (status)
        memset(t->adjoints + s->first, 0, ((size_t)s->top + 1 - s->first) * sizeof *t->adjoints);
    if (t->pool.arena.begin == r->pool && t->pool.arena.at <= r->pool + r->pool_bytes)
        ag_arena_rewind(&t->pool.arena, 0);
    if (t->pool.most < r->pool_most)
        t->pool.most = r->pool_most;
    t->routines.passes += !status;
    return status;
}

static void give_up(ag_routine *r)
{
    r->ready = false;
    r->seen = 0;
    r->vain += r->vain < MOST_VAIN;
}

ag_status ag_routine_begin(ag_pass *s)
{
    ag_tape *t = s->t;
    if (!can_repeat(s))
        return AG_USE_RULE;
    ag_routine *r = find(t, s);
    if (r->ready && same_pool(t, r) && same_tape(t, r)) {
        const ag_status status = run_again(s, r);
        if (!status)
            r->vain = 0;
        else
            give_up(r);
        return status;
    }
    if (r->ready)
        give_up(r);
    if (++r->seen < (r->vain > OFTEN ? 2u << (r->vain - OFTEN) : 2))
        return AG_USE_RULE;
    ag_kept_empty(&r->memory);
    r->first = NULL;
    r->next = &r->first;
    r->pool = t->pool.arena.begin;
    s->list = r;
    if (see_tape(s)) {
        t->routines.used = r;
    } else {
        ag_note_leave(s);
        give_up(r);
    }
    return AG_USE_RULE;
}

void ag_routine_end(ag_pass *s, ag_routine *r, ag_status status)
{
    const ag_arena *a = &s->t->pool.arena;
    const size_t used = (size_t)(a->at - a->begin);
    s->t->routines.used = NULL;
    if (status || !s->list || s->careful || s->reached || a->current || a->begin != r->pool) {
        give_up(r);
        return;
    }
    r->ready = true;
    r->pool_bytes = a->peak > used ? a->peak : used;
    r->pool_most = s->t->pool.most;
}
