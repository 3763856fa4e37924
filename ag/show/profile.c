/* Profiles: an observer that takes the time of each op and region, and of what it does itself. */
#include "ag/show/times.h"
#include <time.h>

static uint64_t now(void) /* nanoseconds */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool ag_profile_grow(ag_tape *t, void **array, uint32_t *capacity, size_t element, uint64_t wanted)
{
    if (wanted <= *capacity)
        return true;
    uint64_t larger = *capacity ? 2 * (uint64_t)*capacity : 64;
    larger = larger < wanted ? wanted : larger;
    if (larger > UINT32_MAX)
        return ag_fail(t, AG_ELIMIT, "ag_profile: a table would have more than 2^32 entries"), false;
    void *grown = ag_tape_resize(t, *array, larger * element);
    if (!grown)
        return false;
    *array = grown;
    *capacity = (uint32_t)larger;
    return true;
}

/* ---- silence: that the profile has no memory is no error of the op's */

static ag_status begin_silence(ag_tape *t)
{
    t->hidden_count++;
    return t->error.status;
}

static void end_silence(ag_tape *t, ag_status before)
{
    t->hidden_count--;
    t->error.status = before; /* the text of one that was pending is still there */
}

/* ---- what is seen */

static void enter(ag_observer *o, const char *name)
{
    ag_profile *p = (ag_profile *)o;
    const uint32_t depth = p->depth++;
    if (depth >= AG_FRAMES)
        return;
    const ag_frame *around = depth ? &p->frames[depth - 1] : NULL;
    ag_frame *f = &p->frames[depth];
    *f = (ag_frame){ .name = name, .entry = AG_NO_ENTRY, .phase = AG_PHASE_NONE };
    f->backward = around && (around->backward || around->phase == AG_PHASE_BACKWARD);
    f->backward |= name && !strncmp(name, AG_BACKWARD_PASS, sizeof AG_BACKWARD_PASS - 1);
    f->entered = f->begin = now();
}

static void count_step(ag_profile *p)
{
    if (p->steps && p->reset_epoch == p->t->reset_epoch)
        return;
    p->steps++;
    p->reset_epoch = p->t->reset_epoch;
}

static void keep(ag_profile *p, ag_entry *e, uint64_t bytes)
{
    if (e->step != p->steps)
        e->kept_now = 0;
    e->step = p->steps;
    e->kept_now += bytes;
    e->kept = e->kept_now > e->kept ? e->kept_now : e->kept;
}

/* For the way back. */
static void remember(ag_profile *p, uint32_t id, uint32_t entry)
{
    const uint32_t before = p->of_capacity;
    const bool room = ag_profile_grow(p->t, (void **)&p->of, &p->of_capacity, sizeof *p->of, (uint64_t)id + 1);
    if (p->of_capacity > before)
        memset(p->of + before, 0, (p->of_capacity - before) * sizeof *p->of);
    p->lost |= !room;
    if (room)
        p->of[id] = entry + 1;
}

/* The op's results are there. */
static void computed(ag_profile *p, ag_frame *f, const ag_call *c)
{
    const ag_frame *around = p->depth > 1 && f->backward ? f - 1 : NULL;
    f->entry = ag_entry_of_call(p, c, around ? around->entry : AG_NO_ENTRY);
    f->phase = f->backward ? AG_PHASE_RULE : AG_PHASE_FORWARD;
    if (f->entry == AG_NO_ENTRY)
        return;
    remember(p, c->id, f->entry);
    f->flops = ag_forward_flops(c);
    f->bytes = ag_forward_bytes(c);
    if (!f->backward)
        keep(p, &p->entries[f->entry], ag_kept_bytes(c));
}

/* It is about to pass its adjoint on. An op of before the profile's begin has no scope. */
static void arrived(ag_profile *p, ag_frame *f, const ag_call *c)
{
    const uint32_t known = c->id < p->of_capacity ? p->of[c->id] : 0;
    const bool same = known && p->entries[known - 1].op == c->op;
    f->entry = same ? known - 1 : ag_entry_of_call(p, c, AG_NO_ENTRY);
    f->phase = AG_PHASE_BACKWARD;
    f->flops = ag_backward_flops(c);
    f->bytes = ag_backward_bytes(c);
}

static ag_status see(ag_observer *o, ag_event *e)
{
    ag_profile *p = (ag_profile *)o;
    const uint64_t time = now();
    if (!p->depth || p->depth > AG_FRAMES)
        return AG_OK;
    ag_frame *f = &p->frames[p->depth - 1];
    if (e->moment != AG_ARRIVED)
        f->end = time;
    if (e->moment == AG_PASSED_ON)
        return AG_OK;
    const ag_status before = begin_silence(p->t);
    count_step(p);
    if (e->moment == AG_COMPUTED)
        computed(p, f, e->call);
    else
        arrived(p, f, e->call);
    p->lost |= f->entry == AG_NO_ENTRY;
    end_silence(p->t, before);
    if (e->moment == AG_ARRIVED)
        f->begin = now();
    return AG_OK;
}

static void keep_slice(ag_profile *p, const ag_frame *f)
{
    if (!p->path)
        return;
    if (p->slice_count >= p->options.events) {
        p->dropped++;
        return;
    }
    if (ag_profile_grow(p->t, (void **)&p->slices, &p->slice_capacity, sizeof *p->slices, (uint64_t)p->slice_count + 1))
        p->slices[p->slice_count++] = (ag_interval){ f->begin, f->end, f->entry, f->phase };
    else
        p->lost = true;
}

static void count(ag_profile *p, ag_frame *f)
{
    const ag_status before = begin_silence(p->t);
    if (f->name)
        f->entry = ag_entry_of_region(p, f->name);
    p->lost |= f->name && f->entry == AG_NO_ENTRY;
    if (f->entry != AG_NO_ENTRY) { /* else it failed, or has no place, and its time is of what lies around it */
        ag_sums *times = &p->entries[f->entry].phase[f->phase];
        times->calls++;
        times->own += f->end - f->begin - f->children;
        times->total += f->end - f->begin;
        times->flops += f->flops;
        times->bytes += f->bytes;
        keep_slice(p, f);
    }
    end_silence(p->t, before);
}

static void pop(ag_profile *p)
{
    if (p->depth-- > AG_FRAMES)
        return;
    ag_frame *f = &p->frames[p->depth];
    if (!f->end)
        f->end = now();
    count(p, f);
    const uint64_t time = now(), all = f->entry == AG_NO_ENTRY ? f->children : time - f->entered;
    if (f->entry != AG_NO_ENTRY)
        p->own += (f->begin - f->entered) + (time - f->end);
    if (p->depth)
        p->frames[p->depth - 1].children += all;
    else
        p->covered += all;
}

/* How many frames end with the one of that name; 0: there is none. A region of the program's ends where it is innermost. */
static uint32_t frames_to(const ag_profile *p, const char *name)
{
    if (p->depth > AG_FRAMES || !p->depth)
        return p->depth > 0;
    const ag_frame *f = &p->frames[p->depth - 1];
    if (name && !*name)
        return f->name && strncmp(f->name, AG_BACKWARD_PASS, sizeof AG_BACKWARD_PASS - 1) != 0;
    for (uint32_t i = 1; i <= p->depth; i++) {
        f = &p->frames[p->depth - i];
        if (name ? f->name == name : !f->name)
            return i;
    }
    return 0;
}

/* Regions that began within it, as in a hook, and have no end end with it. */
static void leave(ag_observer *o, const char *name)
{
    ag_profile *p = (ag_profile *)o;
    for (uint32_t count = frames_to(p, name); count; count--)
        pop(p);
}

/* ---- life */

static ag_status refuse(ag_tape *t, const char *who)
{
    return ag_fail(t, AG_EUSE, "%s: not inside an op's functions, a hook, an error handler or a gradient check", who);
}

static ag_status check_options(ag_tape *t, const ag_profile_options *o)
{
    const double peaks[] = { o->flops_f32, o->flops_f64, o->bytes };
    static const char *const names[] = { "flops_f32", "flops_f64", "bytes" };
    for (int i = 0; i < 3; i++)
        if (!(peaks[i] >= 0))
            return ag_fail(t, AG_EARG, "ag_profile_begin: the option %s is %g; it must not be negative", names[i],
                           peaks[i]);
    return t->busy || t->inner || t->rules ? refuse(t, "ag_profile_begin") : AG_OK;
}

ag_profile *ag_profile_begin(ag_tape *t, ag_profile_options options)
{
    enum { EVENTS = 1000000 };
    if (!t || check_options(t, &options) || ag_measure_peaks(t, &options))
        return NULL;
    const size_t path = options.trace ? strlen(options.trace) + 1 : 0;
    ag_profile *p = ag_tape_allocate(t, sizeof *p + path);
    if (!p)
        return NULL;
    if (!options.events)
        options.events = EVENTS;
    p->t = t;
    p->options = options;
    p->path = path ? memcpy((char *)p + sizeof *p, options.trace, path) : NULL;
    p->observer = (ag_observer){ .see = see, .enter = enter, .leave = leave, .blind = true };
    ag_observer_add(t, &p->observer);
    p->running = true;
    p->begin = now();
    return p;
}

ag_status ag_profile_end(ag_profile *p)
{
    if (!p)
        return AG_ENULL;
    ag_tape *t = p->t;
    if (!p->running)
        return ag_fail(t, AG_EUSE, "ag_profile_end: the profile has ended already");
    if (t->busy || t->inner || t->rules)
        return refuse(t, "ag_profile_end");
    while (p->depth) /* regions that are open */
        pop(p);
    p->end = now();
    ag_observer_remove(t, &p->observer);
    p->running = false;
    if (p->lost)
        return ag_fail(t, AG_ENOMEM, "ag_profile_end: there was no memory for all that the profile saw");
    return p->path ? ag_write_trace(p) : AG_OK;
}

void ag_profile_free(ag_profile *p)
{
    if (!p)
        return;
    ag_tape *t = p->t;
    if (p->running)
        ag_observer_remove(t, &p->observer);
    for (uint32_t i = 0; i < p->entry_count; i++)
        ag_tape_deallocate(t, (char *)(uintptr_t)p->entries[i].shapes);
    void *const blocks[] = { p->entries, p->table, p->of, p->slices, p->rows, p };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        ag_tape_deallocate(t, blocks[i]);
}

/* ---- asking */

ag_tape *ag_profile_tape(const ag_profile *p)
{
    return p ? p->t : NULL;
}

double ag_profile_seconds(const ag_profile *p)
{
    return p ? 1e-9 * (double)((p->running ? now() : p->end) - p->begin) : 0;
}

int64_t ag_profile_steps(const ag_profile *p)
{
    return p ? p->steps : 0;
}

void ag_region_begin(ag_tape *t, const char *name)
{
    if (t && t->observed)
        ag_observe_enter(t, name && *name ? name : "region");
}

void ag_region_end(ag_tape *t)
{
    if (t && t->observed)
        ag_observe_leave(t, "");
}
