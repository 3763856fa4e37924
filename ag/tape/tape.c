/* The tape: its records, its life from one step to the next. */
#include "ag/tape/tape.h"
#include <stdlib.h>
#include <unistd.h>

enum { FUSE_LEAST = 8 }; /* fewer elements are added in loops of their own, some of which keep a -0 */

/* ---- options */

static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
}

/* There is no tape yet to keep the error, so the handler is all that can be told. */
static void refuse(const ag_options *o, ag_status s, ag_site where, const char *why)
{
    char text[AG_TEXT], place[AG_PLACE];
    ag_site_text(where, "", place, sizeof place);
    snprintf(text, sizeof text, "%s%sag_tape_new: %.700s", place, *place ? ": " : "", why);
    ag_tell(o, s, text);
}

static bool check_options(const ag_options *o, ag_site where)
{
    enum { THREADS = 1024 };
    const ag_allocator *a = &o->allocator;
    char text[128] = "";
    if (o->dtype != AG_FLOAT && !ag_is_float(o->dtype))
        snprintf(text, sizeof text, "the option dtype is %s (%d); it must be AG_F32 or AG_F64", ag_dtype_name(o->dtype),
                 (int)o->dtype);
    else if (o->threads < 0 || o->threads > THREADS)
        snprintf(text, sizeof text, "the option threads is %d; it must be from 0 to %d", o->threads, THREADS);
    else if (!a->allocate != !a->release || (a->resize && !a->allocate))
        snprintf(text, sizeof text, "the option allocator lacks %s", a->allocate ? "release" : "allocate");
    if (*text)
        refuse(o, AG_EARG, where, text);
    return !*text;
}

static bool complete_options(ag_options *o, ag_site where)
{
    if (!check_options(o, where))
        return false;
    if (o->dtype == AG_FLOAT)
        o->dtype = AG_F64;
    if (!o->threads)
        o->threads = ag_processors();
    if (!o->allocator.allocate)
        o->allocator = ag_default_allocator();
    if (!o->memory_limit)
        o->memory_limit = machine_memory();
    const char *check = getenv("AG_CHECK_FINITE");
    o->check_finite |= check && !strcmp(check, "1");
    o->debug = ag_debug_wanted(o);
    return true;
}

/* ---- nodes */

void ag_set_recording(ag_tape *t)
{
    uint32_t end = t->capacity < AG_MAX_NODES ? t->capacity : AG_MAX_NODES; /* the bits above are tags */
    t->room = t->closed ? 0 : end - (uint32_t)t->base;
    t->limit = t->no_grad || t->observed ? 0 : t->room;
}

void ag_close(ag_tape *t)
{
    t->closed++;
    t->busy++;
    ag_set_recording(t);
}

void ag_open(ag_tape *t)
{
    t->closed--;
    t->busy--;
    ag_set_recording(t);
}

static bool grow_records(ag_tape *t, uint64_t wanted)
{
    bool grown = ag_grow(t, (void **)&t->records, &t->record_capacity, sizeof *t->records, wanted) &&
                 ag_grow(t, (void **)&t->headers, &t->header_capacity, sizeof *t->headers, wanted);
    uint32_t first = (uint32_t)t->base;
    t->r = t->records ? t->records + first : NULL;
    t->h = t->headers ? t->headers + first : NULL;
    t->capacity = t->record_capacity < t->header_capacity ? t->record_capacity : t->header_capacity;
    ag_set_recording(t);
    return grown;
}

bool ag_make_room(ag_tape *t, uint32_t nodes)
{
    uint64_t next = ag_next(t), wanted = next + nodes;
    if (AG_UNLIKELY(t->closed))
        return ag_fail(t, AG_EUSE,
                       "no tensor can be made by an error handler, nor by an op's functions but its rule: see ag_op"),
               false;
    if (AG_UNLIKELY(wanted > AG_MAX_NODES))
        return ag_fail(t, AG_ELIMIT,
                       "more than %d nodes in one step, with %u backward passes; ag_tape_reset ends a step",
                       AG_MAX_NODES, t->passes),
               false;
    if (AG_UNLIKELY(wanted > t->capacity) && !grow_records(t, wanted))
        return false;
    uint64_t ranked = (uint64_t)t->node_count + nodes, stops = (uint64_t)t->stop_count + nodes;
    return (ranked <= t->node_capacity ||
            ag_grow(t, (void **)&t->nodes, &t->node_capacity, sizeof *t->nodes, ranked)) &&
           (stops <= t->stop_capacity || ag_grow(t, (void **)&t->stops, &t->stop_capacity, sizeof *t->stops, stops));
}

void ag_rewind_nodes(ag_tape *t, uint32_t index)
{
    if (AG_UNLIKELY(t->waiting.count))
        ag_drop_chained(t, index);
    if (ag_next(t) > t->account.most_nodes)
        t->account.most_nodes = ag_next(t);
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
    while (t->hook_count && t->hooks[t->hook_count - 1].index >= index)
        t->hook_count--;
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

ag_tape *ag_tape_new_at(const char *file, int line, ag_options options)
{
    const ag_site where = { file, line };
    if (!complete_options(&options, where))
        return NULL;
    ag_tape *t = options.allocator.allocate(options.allocator.user, sizeof *t, 64);
    if (!t) {
        refuse(&options, AG_ENOMEM, where, "no memory for a tape");
        return NULL;
    }
    memset(t, 0, sizeof *t);
    t->options = options;
    t->observed = t->examined = options.check_finite;
    t->memory = t->account.most = sizeof *t;
    t->account.requests = 1;
    t->waiting.from = options.fuse < 0 ? INT64_MAX : options.fuse ? options.fuse : AG_FUSE_FROM;
    if (t->waiting.from < FUSE_LEAST)
        t->waiting.from = FUSE_LEAST;
    t->waiting.plain_below = t->waiting.from < AG_PLAIN_BELOW ? t->waiting.from : AG_PLAIN_BELOW;
    t->error.text[0] = 0;
    t->hidden_count = 1; /* nobody is told before it is known where */
    if (!grow_records(t, 64) || !ag_new_epoch(t, 1)) {
        char why[AG_TEXT];
        memcpy(why, t->error.text, sizeof why);
        ag_tape_free(t);
        refuse(&options, AG_ENOMEM, where, why);
        return NULL;
    }
    t->hidden_count = 0;
    t->reset_epoch = t->epoch;
    return t;
}

ag_tape *ag_tape_new(ag_options options)
{
    return ag_tape_new_at(NULL, 0, options);
}

void ag_tape_free(ag_tape *t)
{
    if (!t || t->freed) {
        ag_fail(t, AG_EUSE, "ag_tape_free: twice");
        return;
    }
    ag_slots_free(t);
    ag_arena_free(t, &t->arena);
    ag_arena_free(t, &t->work);
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
    ag_give_back(t, t->hooks, t->hook_capacity * sizeof *t->hooks);
    ag_give_back(t, t->waiting.at, t->waiting.capacity * sizeof *t->waiting.at);
    ag_give_back(t, t->wrapped, t->wrapped_capacity * sizeof *t->wrapped);
    ag_give_back(t, t->user_ops, t->user_op_capacity * sizeof *t->user_ops);
    ag_give_back(t, t->param_list, t->param_capacity * sizeof *t->param_list);
    ag_give_back(t, t->shown, t->shown_bytes);
    ag_give_back(t, t->modes.noted, t->modes.capacity);
    ag_sites_free(t);
    ag_routines_drop(t);
    ag_echo_drop(t);
    const ag_allocator allocator = t->options.allocator;
    memset(t, 0, sizeof *t);
    t->freed = true;
    t->closed = t->busy = 1;
    allocator.release(allocator.user, t, sizeof *t);
}

ag_status ag_tape_reset(ag_tape *t)
{
    if (!t)
        return AG_ENULL;
    if (t->busy)
        return ag_fail(t, AG_EUSE,
                       "ag_tape_reset: not inside an op's functions, a hook, an error handler or a gradient check");
    ag_check_wrapped(t);
    ag_echo_end_step(t);
    t->stop_count = t->node_count = t->wrapped_count = 0; /* all of them, without a look at each */
    t->waiting.count = t->waiting.pending = 0;
    t->waiting.late = 0;
    ag_rewind_nodes(t, 1);
    t->grad_count = t->grad_free = 0;
    t->last_write = 0;
    t->any_retained = t->hooked_again = false;
    ag_rewind_arena(t, 0);
    ag_arena_end_step(t, &t->arena);
    ag_arena_rewind(&t->work, 0);
    ag_arena_end_step(t, &t->work);
    ag_pool_end_step(t);
    ag_slots_end_step(t);
    ag_new_epoch(t, 1); /* takes the place of the segments there are: no memory is needed */
    t->reset_epoch = t->epoch;
    ag_sites_end_step(t);
    t->passes = 0;
    t->last_pass = 0;
    return t->error.status;
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

unsigned ag_enable_grad_begin(ag_tape *t)
{
    const unsigned suspended = t ? t->no_grad : 0;
    if (t) {
        t->no_grad = 0;
        ag_set_recording(t);
    }
    return suspended;
}

void ag_enable_grad_end(ag_tape *t, unsigned suspended)
{
    if (!t)
        return;
    if (t->no_grad)
        ag_fail(t, AG_EUSE, "ag_enable_grad_end: an ag_no_grad_begin since ag_enable_grad_begin has no end");
    t->no_grad = suspended;
    ag_set_recording(t);
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
