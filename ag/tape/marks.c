/* Which epoch a node belongs to: segments, marks, and the interludes in which rules record.
 *
 * The live nodes are divided into segments, each with an epoch of its own: ids are given out again, ids with their
 * epoch are not. Epochs come from a counter that wraps after 2^32 of them. */
#include "ag/tape/tape.h"

/* ---- segments */

static const ag_segment *segment_of(const ag_tape *t, uint32_t index)
{
    uint32_t low = 0, high = t->segment_count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (t->segments[middle].first <= index)
            low = middle;
        else
            high = middle;
    }
    return &t->segments[low];
}

uint32_t ag_epoch_of(const ag_tape *t, uint32_t index)
{
    return segment_of(t, index)->epoch;
}

bool ag_live(const ag_tape *t, uint32_t index, uint32_t epoch)
{
    if (AG_LIKELY(((uint64_t)epoch << 32 | index) - t->base < t->span))
        return true;
    return index && index < ag_next(t) && segment_of(t, index)->epoch == epoch;
}

/* Memory for one segment more: asked for before anything is dropped. */
static bool reserve_segment(ag_tape *t)
{
    return ag_grow(t, (void **)&t->segments, &t->segment_capacity, sizeof *t->segments, (uint64_t)t->segment_count + 1);
}

/* Recording goes on in the newest segment, whose next node is `next`. */
static void enter_segment(ag_tape *t, uint32_t next)
{
    const ag_segment *s = &t->segments[t->segment_count - 1];
    t->base = (uint64_t)s->epoch << 32 | s->first;
    t->span = next - s->first;
    t->r = t->records + s->first;
    t->h = t->headers + s->first;
    ag_set_recording(t);
}

static void begin_segment(ag_tape *t, uint32_t first)
{
    t->epoch += t->epoch == UINT32_MAX ? 2 : 1; /* 0 is no epoch */
    t->segments[t->segment_count++] = (ag_segment){ first, t->epoch };
    enter_segment(t, first);
}

bool ag_new_epoch(ag_tape *t, uint32_t first)
{
    uint32_t before = t->segment_count;
    while (t->segment_count > t->segment_floor && t->segments[t->segment_count - 1].first >= first)
        t->segment_count--;
    if (t->segment_count == before && !reserve_segment(t))
        return false;
    begin_segment(t, first);
    return true;
}

/* ---- dropping nodes */

/* The gradients of nodes that are dropped go back to the pool. */
static void drop_gradients(ag_tape *t, uint32_t index)
{
    for (uint32_t n = t->node_count; t->grad_count && n > 0 && t->nodes[n - 1].id >= index; n--) {
        const ag_node *d = &t->nodes[n - 1];
        if (!d->grad)
            continue;
        ag_stored *g = &t->grads[d->grad - 1];
        ag_pool_give(t, g->data, ag_layout_bytes(d->layout));
        *g = (ag_stored){ .alias_id = t->grad_free };
        t->grad_free = d->grad;
    }
}

/* What was written later than at the index counts as written there: ids from it on are given out again. */
static void forget_writes(ag_tape *t, uint32_t index)
{
    for (uint32_t n = 0; t->last_write > index && n < t->node_count; n++)
        if (t->nodes[n].written > index)
            t->nodes[n].written = index;
    if (t->last_write > index)
        t->last_write = index;
}

static void drop(ag_tape *t, uint32_t index, uint64_t arena)
{
    drop_gradients(t, index);
    ag_rewind_nodes(t, index);
    forget_writes(t, index);
    ag_rewind_arena(t, arena);
}

/* ---- marks */

static uint32_t epoch_before(const ag_tape *t, uint32_t index)
{
    return index > 1 ? ag_epoch_of(t, index - 1) : t->reset_epoch;
}

ag_mark ag_tape_mark(ag_tape *t)
{
    if (!t)
        return (ag_mark){ 0 };
    return (ag_mark){ ag_arena_position(&t->arena), ag_next(t), epoch_before(t, ag_next(t)) };
}

ag_status ag_tape_rewind(ag_tape *t, ag_mark mark)
{
    if (!t)
        return AG_ENULL;
    const bool own = mark.id >= t->inner && mark.arena >= t->inner_arena; /* of what runs */
    if (t->busy && (!t->inner || t->closed))
        return ag_fail(t, AG_EUSE,
                       "ag_tape_rewind: not inside an op's functions, a hook, an error handler or a gradient check");
    if (t->busy && !own)
        return ag_fail(t, AG_EUSE,
                       "ag_tape_rewind: the mark is older than the rule, hook or function of a checkpoint that runs");
    if (!mark.id || mark.id > ag_next(t) || epoch_before(t, mark.id) != mark.epoch ||
        !ag_arena_reached(&t->arena, mark.arena))
        return ag_fail(t, AG_ESTALE, "ag_tape_rewind: the mark is of an earlier step, or was itself rewound");
    if (!reserve_segment(t))
        return AG_ENOMEM;
    ag_sites_rewind(t, mark.id);
    t->passes = 0;
    t->last_pass = 0;
    drop(t, mark.id, mark.arena);
    ag_arena_end_step(t, &t->arena);
    if (!t->pool.live)
        ag_pool_end_step(t);
    ag_new_epoch(t, mark.id);
    return AG_OK;
}

/* ---- interludes */

bool ag_interlude_begin(ag_tape *t, ag_interlude *g)
{
    *g = (ag_interlude){ .arena = ag_arena_position(&t->arena),
                         .outer = t->outer,
                         .outer_span = t->outer_span,
                         .first = ag_next(t),
                         .segments = t->segment_count,
                         .floor = t->segment_floor,
                         .no_grad = t->no_grad };
    if (!reserve_segment(t))
        return false;
    t->outer = t->base;
    t->outer_span = t->span;
    t->segment_floor = t->segment_count;
    g->echoes = ag_echo_begin_aside(t);
    begin_segment(t, g->first);
    return true;
}

void ag_interlude_end(ag_tape *t, const ag_interlude *g)
{
    drop(t, g->first, g->arena);
    t->segment_count = g->segments;
    t->segment_floor = g->floor;
    t->no_grad = g->no_grad;
    t->outer = g->outer;
    t->outer_span = g->outer_span;
    ag_echo_end_aside(t, g->echoes);
    enter_segment(t, g->first);
}
