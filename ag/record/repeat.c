/* Ops that are no elementwise ones, in step with the last one: see tape/echo.c. Where such an op is on the operands that it
 * had, and these are what they were, its result is known but for its values: its layout, where it lies, and what the op's
 * functions see. What is left of applying it is its forward. */
#include "ag/record/record.h"
#include <math.h>

enum { NEAR = 64 /* nodes before it among which a layout is looked for */ };

typedef struct ag_repeat {
    ag_echo_call head;
    ag_node node;
    ag_header header;
    uint16_t recent; /* the place of the layout that it makes among those of late; AG_RECENT_LAYOUTS: it makes none */
    uint32_t arena;  /* bytes that it takes of the step's memory: parameters, values, layout */
    uint32_t ids[AG_REPEAT_INPUTS];
    ag_call call;
    ag_array x[AG_REPEAT_INPUTS], y;
    double value; /* of a result that is a number */
    ag_layout layout;
    void *params; /* these two follow; NULL: there are none */
    ag_products *products;
} ag_repeat;

/* ---- repeating */

const ag_repeat *ag_repeat_of(const ag_tape *t, uint32_t number, const uint32_t *ids, int count, const void *params)
{
    const ag_echo *e = ag_echo_next(t, number);
    if (!e || e->a != t->arena.at || e->bytes > (size_t)(t->arena.end - t->arena.at) || t->span >= t->limit)
        return NULL;
    const ag_repeat *r = (const ag_repeat *)e->call;
    if (r->call.count != count || memcmp(ids, r->ids, (size_t)count * sizeof *ids))
        return NULL;
    return !r->params || !memcmp(params, r->params, r->call.op->params_size) ? r : NULL;
}

/* What lay there before the forward ran. */
static void take(ag_tape *t, const ag_repeat *r)
{
    char *at = t->arena.at;
    t->arena.at += r->arena;
    AG_ALLOW(at, r->arena);
    if (r->params)
        memcpy(r->node.params, r->params, r->call.op->params_size);
    if (r->recent < AG_RECENT_LAYOUTS) {
        t->recent[r->recent] = r->node.layout;
        *(ag_layout *)(uintptr_t)r->node.layout = r->layout;
    }
}

ag_status ag_repeat_run(ag_tape *t, const ag_repeat *noted, ag_tensor *y)
{
    ag_repeat *r = (ag_repeat *)(uintptr_t)noted;
    const uint64_t position = ag_arena_position(&t->arena), work = ag_work_begin(t);
    take(t, r);
    r->value = NAN;
    if (r->products)
        r->products->next = 0;
    t->echoes.held = true;
    const ag_kernel k = ag_kernel_begin(t, false);
    const ag_status s = ag_kernel_end(t, k, r->call.op->forward(&r->call, r->x, &r->y));
    t->echoes.held = false;
    ag_work_end(t, work);
    if (AG_UNLIKELY(s)) {
        ag_rewind_arena(t, position);
    } else {
        ag_echo_put(t, &r->node, r->header, 0, 0);
        t->records[r->node.id].value = r->value;
        t->echoes.ops++;
        *y = (ag_tensor){ t, r->node.id | (r->node.data ? AG_TAG_RANKED : 0), (uint32_t)(t->base >> 32) };
    }
    return s;
}

/* ---- noting */

/* The layout is there whenever all nodes before this one are what they were. */
static bool is_known(const ag_tape *t, const ag_layout *l)
{
    const uint32_t last = t->node_count - 1;
    if (!l->rank)
        return true;
    for (uint32_t i = last; i > 0 && i + NEAR > last; i--)
        if (t->nodes[i - 1].layout == l)
            return true;
    return false;
}

static uint16_t recent_place(const ag_tape *t, const ag_layout *l)
{
    uint16_t i = 0;
    while (i < AG_RECENT_LAYOUTS && t->recent[i] != l)
        i++;
    return i;
}

/* Did the functions see the operands where they lie? */
static bool are_straight(const ag_tape *t, const ag_call *c)
{
    for (int i = 0; i < c->count; i++)
        if (!(c->inputs[i] & AG_TAG_RANKED) || c->x[i].data != ag_node_at(t, c->inputs[i])->data)
            return false;
    return true;
}

static ag_repeat *make(ag_tape *t, const ag_op *op)
{
    const size_t params = (sizeof(ag_repeat) + 15) & ~(size_t)15,
                 products = params + ((op->params_size + 15) & ~(size_t)15);
    const size_t bytes = products + (op->flags & AG_PRODUCTS ? sizeof(ag_products) : 0);
    const ag_kept before = t->echoes.memory;
    char *memory = ag_kept_take(t, &t->echoes.memory, bytes);
    if (!memory)
        return NULL;
    ag_repeat *r = (ag_repeat *)(void *)memory;
    *r = (ag_repeat){ .head = { before }, .params = op->params_size ? memory + params : NULL };
    if (op->flags & AG_PRODUCTS) {
        r->products = (ag_products *)(void *)(memory + products);
        r->products->count = 0;
    }
    return r;
}

void ag_repeat_note(ag_tape *t, uint32_t number, const ag_call *c, const ag_array *y, const char *begin)
{
    const ag_node *d = &t->nodes[t->node_count - 1];
    const ag_arena *a = &t->arena;
    const bool makes = (const char *)d->layout >= begin && (const char *)d->layout < a->at;
    const uint16_t recent = makes ? recent_place(t, d->layout) : AG_RECENT_LAYOUTS;
    if (!(c->op->flags & AG_REPEATS) || c->outputs != 1 || c->count > AG_REPEAT_INPUTS || begin < a->begin ||
        begin > a->at || a->at - begin > UINT32_MAX || !are_straight(t, c) ||
        (makes ? recent == AG_RECENT_LAYOUTS : !is_known(t, d->layout)))
        return;
    ag_echo *e = ag_echo_noted(t);
    if (e->call) /* the last node that is noted was made once more */
        ag_kept_return(&t->echoes.memory, &e->call->before);
    e->call = NULL;
    e->op = 0;
    ag_repeat *r = make(t, c->op);
    if (!r)
        return;
    r->node = *d;
    r->header = t->headers[d->id];
    r->recent = recent;
    r->arena = (uint32_t)(a->at - begin);
    r->layout = *d->layout;
    r->call = *c;
    r->call.x = r->x;
    r->call.inputs = r->ids;
    r->call.products = r->products;
    r->y = *y;
    if (!d->data)
        r->y.data = &r->value;
    memcpy(r->ids, c->inputs, (size_t)c->count * sizeof *r->ids);
    memcpy(r->x, c->x, (size_t)c->count * sizeof *r->x);
    if (r->params)
        memcpy(r->params, c->params, c->op->params_size);
    e->node = *d;
    e->a = begin;
    e->bytes = r->arena;
    e->call = &r->head;
    e->op = number;
}
