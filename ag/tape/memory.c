/* A tape's memory: its allocator with a limit, growing arrays, and what lives as long as the tape. */
#include "ag/tape/tape.h"

enum {
    LARGE_TABLE = 1 << 22,
    OWNED_HEAD = 64 /* before a block that lives as long as the tape: an ag_owned */
};

/* What a step that has grown too large should know. */
static const char *hint(const ag_tape *t, char *text, size_t bytes)
{
    char growth[AG_PLACE];
    text[0] = 0;
    if (ag_tape_nodes(t))
        snprintf(text, bytes, "; %s, which makes their memory free", ag_growth_text(t, growth, sizeof growth));
    return text;
}

static bool fits(const ag_tape *t, size_t more)
{
    return more <= t->options.memory_limit && t->memory <= t->options.memory_limit - more;
}

static bool within_limit(ag_tape *t, size_t more)
{
    if (fits(t, more))
        return true;
    char text[AG_HINT];
    ag_fail(t, AG_ENOMEM, "%zu bytes more than the %llu in use would exceed the memory limit of %llu%s", more,
            (unsigned long long)t->memory, (unsigned long long)t->options.memory_limit, hint(t, text, sizeof text));
    return false;
}

static void count_in(ag_tape *t, size_t bytes)
{
    t->memory += bytes;
    t->account.most = t->memory > t->account.most ? t->memory : t->account.most;
}

void *ag_try_obtain(ag_tape *t, size_t bytes)
{
    if (!fits(t, bytes))
        return NULL;
    void *p = t->options.allocator.allocate(t->options.allocator.user, bytes, 64);
    t->account.requests++;
    if (p)
        count_in(t, bytes);
    return p;
}

void *ag_obtain(ag_tape *t, size_t bytes)
{
    char text[AG_HINT];
    void *p = ag_try_obtain(t, bytes);
    if (AG_UNLIKELY(!p)) {
        const bool lists = ag_routines_drop(t), notes = ag_echo_drop(t);
        p = lists || notes ? ag_try_obtain(t, bytes) : NULL;
    }
    if (!p && within_limit(t, bytes))
        ag_fail(t, AG_ENOMEM, "no memory for %zu bytes beside the %llu in use%s", bytes, (unsigned long long)t->memory,
                hint(t, text, sizeof text));
    return p;
}

void ag_give_back(ag_tape *t, void *memory, size_t bytes)
{
    if (!memory)
        return;
    t->options.allocator.release(t->options.allocator.user, memory, bytes);
    t->memory -= bytes;
}

/* A block that can grow where it stands, or by moving pages, is not copied. NULL: it has to be; nothing is reported, and so
 * no handler has made room meanwhile. */
static void *resized(ag_tape *t, void *p, size_t before, size_t bytes)
{
    const ag_allocator *a = &t->options.allocator;
    if (!p || !a->resize || !fits(t, bytes - before))
        return NULL;
    void *larger = a->resize(a->user, p, before, bytes);
    t->account.requests++;
    count_in(t, larger ? bytes - before : 0);
    return larger;
}

bool ag_grow(ag_tape *t, void **array, uint32_t *capacity, size_t element, uint64_t wanted)
{
    if (wanted <= *capacity)
        return true;
    bool large = *capacity * element >= LARGE_TABLE;
    uint64_t larger = !*capacity ? 64 : large ? *capacity + (uint64_t)*capacity / 16 : 2 * (uint64_t)*capacity;
    if (larger < wanted)
        larger = wanted;
    if (larger > UINT32_MAX)
        larger = UINT32_MAX;
    if (wanted > larger)
        return ag_fail(t, AG_ELIMIT, "an internal table would have more than 2^32 entries"), false;
    size_t before = *capacity * element;
    void *grown = resized(t, *array, before, larger * element);
    if (!grown) {
        grown = ag_obtain(t, larger * element);
        if (!grown)
            return false;
        if (*capacity)
            memcpy(grown, *array, before);
        ag_give_back(t, *array, before);
    }
    *array = grown;
    *capacity = (uint32_t)larger;
    return true;
}

/* ---- memory that lives as long as the tape */

/* The list is doubly linked, so that a block can leave it or move. */
static void *own(ag_tape *t, ag_owned *o, size_t whole)
{
    *o = (ag_owned){ .next = t->owned, .bytes = whole };
    if (o->next)
        o->next->before = o;
    t->owned = o;
    ag_count_in(&t->account.allocated, whole);
    return (char *)o + OWNED_HEAD;
}

static void disown(ag_tape *t, const ag_owned *o)
{
    t->account.allocated.live -= o->bytes;
    if (o->next)
        o->next->before = o->before;
    if (o->before)
        o->before->next = o->next;
    else
        t->owned = o->next;
}

static ag_owned *owned_of(void *memory)
{
    return (ag_owned *)(void *)((char *)memory - OWNED_HEAD);
}

static void *take_owned(ag_tape *t, size_t bytes, const char *who)
{
    if (bytes > PTRDIFF_MAX - OWNED_HEAD) {
        ag_fail(t, AG_ELIMIT, "%s: %zu bytes are too many", who, bytes);
        return NULL;
    }
    ag_owned *o = ag_obtain(t, bytes + OWNED_HEAD);
    return o ? own(t, o, bytes + OWNED_HEAD) : NULL;
}

void *ag_tape_allocate(ag_tape *t, size_t bytes)
{
    void *memory = t ? take_owned(t, bytes, "ag_tape_allocate") : NULL;
    return memory ? memset(memory, 0, bytes) : NULL;
}

void *ag_tape_resize(ag_tape *t, void *memory, size_t bytes)
{
    if (!t)
        return NULL;
    if (!memory)
        return take_owned(t, bytes, "ag_tape_resize");
    ag_owned *o = owned_of(memory);
    size_t before = o->bytes - OWNED_HEAD;
    if (bytes <= before)
        return memory;
    disown(t, o);
    void *larger = bytes <= PTRDIFF_MAX - OWNED_HEAD ? resized(t, o, o->bytes, bytes + OWNED_HEAD) : NULL;
    if (larger)
        return own(t, larger, bytes + OWNED_HEAD);
    own(t, o, o->bytes);
    larger = take_owned(t, bytes, "ag_tape_resize");
    if (!larger)
        return NULL;
    memcpy(larger, memory, before);
    ag_tape_deallocate(t, memory);
    return larger;
}

void ag_tape_deallocate(ag_tape *t, void *memory)
{
    if (!t || !memory)
        return;
    ag_owned *o = owned_of(memory);
    disown(t, o);
    ag_give_back(t, o, o->bytes);
}
