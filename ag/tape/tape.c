/* The tape: its records, the lifetimes of handles, marks. */
#include "ag/tape/tape.h"
#include <stdlib.h>
#include <omp.h>
#include <unistd.h>

/* ---- options */

static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
}

static int machine_threads(void) /* all processors, or what OMP_NUM_THREADS says */
{
    int n = omp_get_max_threads();
    return n < 1 ? 1 : n > 1024 ? 1024 : n;
}

static bool complete_options(ag_options *o)
{
    if (o->dtype == AG_FLOAT)
        o->dtype = AG_F64;
    if (!ag_is_float(o->dtype) || o->threads < 0 || o->threads > 1024)
        return false;
    if (!o->allocator.allocate != !o->allocator.release)
        return false;
    if (!o->threads)
        o->threads = machine_threads();
    if (!o->allocator.allocate)
        o->allocator = ag_default_allocator();
    if (!o->memory_limit)
        o->memory_limit = machine_memory();
    return true;
}

/* ---- segments: which epoch a node belongs to */

static void begin_segment(ag_tape *t, uint32_t first, uint32_t epoch)
{
    t->segments[t->segment_count++] = (ag_segment){ first, epoch };
    t->base = (uint64_t)epoch << 32 | first;
    t->span = 0;
}

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

/* Whether ag_new_epoch can succeed: asked before anything is dropped, so that no id is given out twice in one epoch. */
static bool is_epoch_left(ag_tape *t)
{
    if (t->base >> 32 == UINT32_MAX)
        return ag_fail(t, AG_ELIMIT, "the tape has no more epochs: it was reset or rewound 2^32 times"), false;
    return ag_grow(t, (void **)&t->segments, &t->segment_capacity, sizeof *t->segments, (uint64_t)t->segment_count + 1);
}

bool ag_new_epoch(ag_tape *t, uint32_t first)
{
    uint32_t epoch = (uint32_t)(t->base >> 32);
    if (!is_epoch_left(t))
        return false;
    while (t->segment_count && t->segments[t->segment_count - 1].first >= first)
        t->segment_count--;
    begin_segment(t, first, epoch + 1);
    t->r = t->records + first;
    t->h = t->headers + first;
    t->room = t->capacity - first;
    ag_set_recording(t);
    return true;
}

/* ---- nodes */

void ag_set_recording(ag_tape *t)
{
    t->limit = t->no_grad ? 0 : t->room;
}

static bool grow_records(ag_tape *t, uint64_t wanted)
{
    bool grown = ag_grow(t, (void **)&t->records, &t->record_capacity, sizeof *t->records, wanted) &&
                 ag_grow(t, (void **)&t->headers, &t->header_capacity, sizeof *t->headers, wanted);
    uint32_t first = (uint32_t)t->base;
    t->r = t->records + first;
    t->h = t->headers + first;
    t->capacity = t->record_capacity < t->header_capacity ? t->record_capacity : t->header_capacity;
    t->room = t->capacity - first;
    ag_set_recording(t);
    return grown;
}

bool ag_make_room(ag_tape *t, uint32_t nodes)
{
    uint64_t next = ag_next(t), wanted = next + nodes;
    if (AG_UNLIKELY(wanted > AG_MAX_NODES))
        return ag_fail(t, AG_ELIMIT, "more than %d nodes in one step", AG_MAX_NODES), false;
    if (AG_UNLIKELY(wanted > t->capacity) && !grow_records(t, wanted))
        return false;
    uint64_t ranked = (uint64_t)t->node_count + nodes, stops = (uint64_t)t->stop_count + nodes;
    return (ranked <= t->node_capacity ||
            ag_grow(t, (void **)&t->nodes, &t->node_capacity, sizeof *t->nodes, ranked)) &&
           (stops <= t->stop_capacity || ag_grow(t, (void **)&t->stops, &t->stop_capacity, sizeof *t->stops, stops));
}

void ag_rewind_nodes(ag_tape *t, uint32_t index)
{
    while (t->stop_count && t->stops[t->stop_count - 1] >= index)
        t->stop_count--;
    while (t->node_count && t->nodes[t->node_count - 1].id >= index)
        t->node_count--;
    while (t->wrapped_count && t->wrapped[t->wrapped_count - 1].index >= index)
        t->wrapped_count--;
    while (t->name_count && t->names[t->name_count - 1].index >= index) {
        char *name = t->names[--t->name_count].name;
        ag_pool_give(t, name, strlen(name) + 1);
    }
    if (t->retained)
        for (uint32_t i = index; i < ag_next(t) && i < t->retained_capacity; i++)
            t->retained[i] = 0;
    if (index >= (uint32_t)t->base)
        t->span = index - (uint32_t)t->base;
}

void ag_rewind_arena(ag_tape *t, uint64_t position)
{
    ag_arena_rewind(&t->arena, position);
    memset(t->recent, 0, sizeof t->recent);
}

/* ---- life */

ag_tape *ag_tape_new(ag_options options)
{
    if (!complete_options(&options))
        return NULL;
    ag_tape *t = options.allocator.allocate(options.allocator.user, sizeof *t, 64);
    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->options = options;
    t->memory = sizeof *t;
    t->error.text[0] = 0;
    t->hidden_count = 1; /* there is no one to tell yet: the caller gets NULL */
    if (!grow_records(t, 64) || !ag_new_epoch(t, 1)) {
        ag_tape_free(t);
        return NULL;
    }
    t->hidden_count = 0;
    t->reset_epoch = ag_epoch_of(t, 1);
    return t;
}

void ag_tape_free(ag_tape *t)
{
    if (!t)
        return;
    ag_slots_free(t);
    ag_arena_free(t, &t->arena);
    ag_arena_free(t, &t->pool.arena);
    for (ag_owned *o = t->owned, *next; o; o = next) {
        next = o->next;
        ag_give_back(t, o, o->bytes);
    }
    ag_give_back(t, t->records, t->record_capacity * sizeof *t->records);
    ag_give_back(t, t->headers, t->header_capacity * sizeof *t->headers);
    ag_give_back(t, t->adjoints, t->adjoint_capacity * sizeof *t->adjoints);
    ag_give_back(t, t->nodes, t->node_capacity * sizeof *t->nodes);
    ag_give_back(t, t->stops, t->stop_capacity * sizeof *t->stops);
    ag_give_back(t, t->segments, t->segment_capacity * sizeof *t->segments);
    ag_give_back(t, t->slots, t->slot_capacity * sizeof *t->slots);
    ag_give_back(t, t->names, t->name_capacity * sizeof *t->names);
    ag_give_back(t, t->grads, t->grad_capacity * sizeof *t->grads);
    ag_give_back(t, t->retained, t->retained_capacity * sizeof *t->retained);
    ag_give_back(t, t->wrapped, t->wrapped_capacity * sizeof *t->wrapped);
    ag_give_back(t, t->user_ops, t->user_op_capacity * sizeof *t->user_ops);
    ag_give_back(t, t->param_list, t->param_capacity * sizeof *t->param_list);
    ag_give_back(t, t->shown, t->shown_bytes);
    t->options.allocator.release(t->options.allocator.user, t, sizeof *t);
}

ag_status ag_tape_reset(ag_tape *t)
{
    if (!t)
        return AG_ENULL;
    if (t->busy)
        return ag_fail(t, AG_EUSE, "ag_tape_reset: not inside an op's rule or a gradient check");
    ag_check_wrapped(t);
    if (!is_epoch_left(t))
        return t->error.status;
    ag_rewind_nodes(t, 1);
    t->span = 0;
    t->grad_count = t->grad_free = 0;
    t->last_write = 0;
    t->any_retained = false;
    ag_rewind_arena(t, 0);
    ag_pool_reset(t);
    ag_slots_end_step(t);
    if (ag_new_epoch(t, 1))
        t->reset_epoch = (uint32_t)(t->base >> 32);
    return t->error.status;
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

/* The gradients of nodes that a rewind drops go back to the pool. */
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

/* What was written later than the mark counts as written at the mark: ids from there on are given out again. */
static void forget_writes(ag_tape *t, uint32_t index)
{
    for (uint32_t n = 0; t->last_write > index && n < t->node_count; n++)
        if (t->nodes[n].written > index)
            t->nodes[n].written = index;
    if (t->last_write > index)
        t->last_write = index;
}

ag_status ag_tape_rewind(ag_tape *t, ag_mark mark)
{
    if (!t)
        return AG_ENULL;
    if (t->busy)
        return ag_fail(t, AG_EUSE, "ag_tape_rewind: not inside an op's rule");
    if (!mark.id || mark.id > ag_next(t) || epoch_before(t, mark.id) != mark.epoch ||
        !ag_arena_reached(&t->arena, mark.arena))
        return ag_fail(t, AG_ESTALE, "ag_tape_rewind: the mark is of an earlier step, or was itself rewound");
    if (!is_epoch_left(t))
        return t->error.status;
    drop_gradients(t, mark.id);
    ag_rewind_nodes(t, mark.id);
    forget_writes(t, mark.id);
    ag_rewind_arena(t, mark.arena);
    return ag_new_epoch(t, mark.id) ? AG_OK : t->error.status;
}

/* ---- asking */

ag_dtype ag_tape_dtype(const ag_tape *t)
{
    return t ? t->options.dtype : AG_FLOAT;
}

int ag_tape_threads(const ag_tape *t)
{
    return t ? t->options.threads : 0;
}

int64_t ag_tape_nodes(const ag_tape *t)
{
    return t ? (int64_t)ag_next(t) - 1 : 0;
}

uint64_t ag_tape_memory(const ag_tape *t)
{
    return t ? t->memory : 0;
}

void ag_no_grad_begin(ag_tape *t)
{
    if (!t)
        return;
    t->no_grad++;
    ag_set_recording(t);
}

void ag_no_grad_end(ag_tape *t)
{
    if (!t)
        return;
    if (!t->no_grad) {
        ag_fail(t, AG_EUSE, "ag_no_grad_end: no ag_no_grad_begin before it");
        return;
    }
    t->no_grad--;
    ag_set_recording(t);
}
