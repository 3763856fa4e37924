/* Steps in step with the last one. Of a step that ended like the one before it the nodes are noted as they are made. In
 * the steps that follow each new node is compared with the one that is noted at its place: while all nodes are those that
 * are noted (where their data lies, their layouts, whether they want a gradient), what an op would find out of its
 * operands is known, if they are the same ones, and plain.c has but to run its kernel. That holds for the nodes that
 * there are, whatever was recorded and rewound in between. The first node that differs ends it until the next step. */
#include "ag/tape/tape.h"

enum {
    MOST_NODES = 1 << 13, /* that are noted: beside kernels that take so long nothing is gained */
    MOST_LAYOUTS = 128,
    MOST_VAIN = 10 /* notes are made after 2, 4, ... 1024 steps */
};

typedef struct ag_echo_layout {
    const ag_layout *at;
    ag_layout was; /* persistent tensors come and go; others lie where another one may lie in the next step */
} ag_echo_layout;

/* Forgets the notes from a place on. */
static void cut(ag_echoes *e, uint32_t place)
{
    for (uint32_t i = place; i < e->count; i++)
        if (e->at[i].call) {
            ag_kept_return(&e->memory, &e->at[i].call->before);
            break;
        }
    e->count = place;
}

bool ag_echo_drop(ag_tape *t)
{
    ag_echoes *e = &t->echoes;
    const bool any = e->at || (e->memory.first && !e->held);
    cut(e, 0);
    if (!e->held)
        ag_kept_free(t, &e->memory);
    ag_give_back(t, e->at, e->capacity * sizeof *e->at);
    ag_give_back(t, e->layouts, MOST_LAYOUTS * sizeof *e->layouts);
    *e = (ag_echoes){ .vain = e->vain, .wait = e->wait, .ops = e->ops, .held = e->held, .memory = e->memory };
    return any;
}

/* ---- noting */

static bool reserve(ag_tape *t)
{
    ag_echoes *e = &t->echoes;
    if (e->count < e->capacity)
        return true;
    const uint32_t capacity = e->capacity ? 2 * e->capacity : 32;
    ag_echo *at = capacity <= MOST_NODES ? ag_try_obtain(t, capacity * sizeof *at) : NULL;
    if (!at)
        return false;
    if (e->count)
        memcpy(at, e->at, e->count * sizeof *at);
    ag_give_back(t, e->at, e->capacity * sizeof *at);
    e->at = at;
    e->capacity = capacity;
    return true;
}

/* Where the layout is among those noted; MOST_LAYOUTS: there is no place for it. */
static uint16_t place_of(ag_tape *t, const ag_layout *l)
{
    ag_echoes *e = &t->echoes;
    for (uint32_t i = e->layout_count; i > 0; i--)
        if (e->layouts[i - 1].at == l && ag_layout_equal(l, &e->layouts[i - 1].was))
            return (uint16_t)(i - 1);
    if (!e->layouts)
        e->layouts = ag_try_obtain(t, MOST_LAYOUTS * sizeof *e->layouts);
    if (!e->layouts || e->layout_count == MOST_LAYOUTS)
        return MOST_LAYOUTS;
    e->layouts[e->layout_count] = (ag_echo_layout){ l, *l };
    return (uint16_t)e->layout_count++;
}

static bool note(ag_tape *t, const ag_node *d)
{
    ag_echoes *e = &t->echoes;
    if (d->data == AG_PENDING || !reserve(t))
        return false;
    const uint16_t layout = place_of(t, d->layout);
    if (layout == MOST_LAYOUTS)
        return false;
    e->at[e->count++] = (ag_echo){ .node = *d, .header = t->headers[d->id], .layout = layout };
    return true;
}

/* ---- comparing */

static bool is_same(const ag_tape *t, const ag_echo *e, const ag_node *d)
{
    const ag_header h = t->headers[d->id];
    const ag_echo_layout *l = &t->echoes.layouts[e->layout];
    return e->node.data == d->data && e->node.id == d->id && e->header.op == h.op && e->header.flags == h.flags &&
           l->at == d->layout && ag_layout_equal(d->layout, &l->was);
}

void ag_echo_node(ag_tape *t, const ag_node *d)
{
    ag_echoes *e = &t->echoes;
    const uint32_t place = t->node_count - 1;
    if (place < e->count) {
        e->on = is_same(t, &e->at[place], d);
        if (e->on)
            return;
        cut(e, place);
        e->differed = true;
    } else {
        e->on = e->noting && note(t, d);
    }
    if (!e->on)
        e->end = 0;
}

ag_echo_aside ag_echo_begin_aside(ag_tape *t)
{
    ag_echoes *e = &t->echoes;
    const ag_echo_aside a = { e->count, e->end, e->on };
    e->on = false;
    e->end = 0;
    return a;
}

/* The nodes are those of before it. */
void ag_echo_end_aside(ag_tape *t, ag_echo_aside a)
{
    ag_echoes *e = &t->echoes;
    e->on = a.on && e->count == a.count; /* they were not dropped meanwhile */
    e->end = e->on ? a.end : 0;
}

void ag_echo_end_step(ag_tape *t)
{
    ag_echoes *e = &t->echoes;
    const uint64_t values = ag_arena_position(&t->arena);
    const bool like = e->next == ag_next(t) && e->nodes == t->node_count && e->values == values;
    e->next = ag_next(t);
    e->nodes = t->node_count;
    e->values = values;
    if (e->differed) {
        e->vain += e->vain < MOST_VAIN;
        e->wait = 1u << e->vain;
    } else if (e->end) {
        e->vain = 0;
    }
    e->wait -= e->wait > 0;
    if (!e->count)
        e->layout_count = 0;
    e->noting = like && !e->wait && t->node_count && t->options.repeat != AG_REPEAT_OFF;
    e->on = e->noting || e->count;
    e->end = e->count;
    e->differed = false;
}
