/* A tape's memory: its allocator with a limit, growing arrays, the arena of transient data and the pool of adjoints.
 * All of it is kept for reuse, so that a training loop allocates nothing after its first step. */
#include "ag/tape/tape.h"

enum {
    FIRST_CHUNK = 1 << 16,
    LARGEST_CHUNK = 1 << 26,
    OFFSET_BITS = 48,
    SMALLEST_BLOCK_BITS = 6,
    LARGE_TABLE = 1 << 22,
    OWNED_HEAD = 64 /* before a block that lives as long as the tape: an ag_owned */
};

static bool within_limit(ag_tape *t, size_t more)
{
    if (more <= t->options.memory_limit && t->memory <= t->options.memory_limit - more)
        return true;
    ag_fail(t, AG_ENOMEM, "%zu bytes more than the %llu in use would exceed the memory limit of %llu", more,
            (unsigned long long)t->memory, (unsigned long long)t->options.memory_limit);
    return false;
}

void *ag_take(ag_tape *t, size_t bytes)
{
    if (!within_limit(t, bytes))
        return NULL;
    void *p = t->options.allocator.allocate(t->options.allocator.user, bytes, 64);
    if (!p)
        ag_fail(t, AG_ENOMEM, "no memory for %zu bytes", bytes);
    else
        t->memory += bytes;
    return p;
}

void ag_give_back(ag_tape *t, void *memory, size_t bytes)
{
    if (!memory)
        return;
    t->options.allocator.release(t->options.allocator.user, memory, bytes);
    t->memory -= bytes;
}

/* A block that can grow where it stands, or by moving pages, is not copied. */
static void *resized(ag_tape *t, void *p, size_t before, size_t bytes)
{
    const ag_allocator *a = &t->options.allocator;
    if (!p || !a->resize || !within_limit(t, bytes - before))
        return NULL;
    void *larger = a->resize(a->user, p, before, bytes);
    t->memory += larger ? bytes - before : 0;
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
        grown = ag_take(t, larger * element);
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

/* ---- arena */

static void enter_chunk(ag_arena *a, uint32_t index, size_t offset)
{
    a->current = index;
    a->at = a->chunks[index].memory + offset;
    a->end = a->chunks[index].memory + a->chunks[index].bytes;
}

/* A new chunk of at least `bytes` after the current one. Chunks before it keep their numbers, so marks stay valid. */
static bool add_chunk(ag_tape *t, ag_arena *a, size_t bytes)
{
    size_t size = a->count ? a->chunks[a->count - 1].bytes * 2 : FIRST_CHUNK;
    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    if (size < bytes)
        size = bytes;
    if (!ag_grow(t, (void **)&a->chunks, &a->capacity, sizeof *a->chunks, (uint64_t)a->count + 1))
        return false;
    char *memory = ag_take(t, size);
    if (!memory)
        return false;
    uint32_t index = a->count ? a->current + 1 : 0;
    memmove(&a->chunks[index + 1], &a->chunks[index], (a->count - index) * sizeof *a->chunks);
    a->chunks[index] = (ag_chunk){ memory, size };
    a->count++;
    enter_chunk(a, index, 0);
    return true;
}

void *ag_arena_take(ag_tape *t, ag_arena *a, size_t bytes)
{
    size_t rounded = (bytes + !bytes + 63) & ~(size_t)63;
    if (rounded < bytes) {
        ag_fail(t, AG_ELIMIT, "a block of %zu bytes is too large", bytes);
        return NULL;
    }
    if (rounded > (size_t)(a->end - a->at)) {
        bool next = a->count && a->current + 1 < a->count && a->chunks[a->current + 1].bytes >= rounded;
        if (next)
            enter_chunk(a, a->current + 1, 0);
        else if (!add_chunk(t, a, rounded))
            return NULL;
    }
    void *p = a->at;
    a->at += rounded;
    return p;
}

uint64_t ag_arena_position_of(const ag_arena *a, uint32_t chunk, const char *at)
{
    return (uint64_t)chunk << OFFSET_BITS | (uint64_t)(at - a->chunks[chunk].memory);
}

uint64_t ag_arena_position(const ag_arena *a)
{
    return a->count ? ag_arena_position_of(a, a->current, a->at) : 0;
}

bool ag_arena_reached(const ag_arena *a, uint64_t position)
{
    uint64_t offset = position & (((uint64_t)1 << OFFSET_BITS) - 1);
    return position <= ag_arena_position(a) && (!a->count || offset <= a->chunks[position >> OFFSET_BITS].bytes);
}

void ag_arena_rewind(ag_arena *a, uint64_t position)
{
    if (a->count)
        enter_chunk(a, (uint32_t)(position >> OFFSET_BITS), position & (((uint64_t)1 << OFFSET_BITS) - 1));
}

void ag_arena_free(ag_tape *t, ag_arena *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        ag_give_back(t, a->chunks[i].memory, a->chunks[i].bytes);
    ag_give_back(t, a->chunks, a->capacity * sizeof *a->chunks);
    *a = (ag_arena){ 0 };
}

/* ---- pool: size classes are powers of two */

static int size_class(size_t bytes, size_t *rounded)
{
    if (bytes <= 64) {
        *rounded = 64;
        return 0;
    }
    int bits = 63 - __builtin_clzll(bytes - 1);
    *rounded = (size_t)1 << (bits + 1);
    return bits + 1 - SMALLEST_BLOCK_BITS;
}

void *ag_pool_take(ag_tape *t, size_t bytes)
{
    size_t rounded;
    int c = size_class(bytes, &rounded);
    if (c >= AG_POOL_CLASSES) {
        ag_fail(t, AG_ELIMIT, "a block of %zu bytes is too large", bytes);
        return NULL;
    }
    void *block = t->pool.free[c];
    if (!block)
        return ag_arena_take(t, &t->pool.arena, rounded);
    memcpy(&t->pool.free[c], block, sizeof(void *));
    return block;
}

void ag_pool_give(ag_tape *t, void *block, size_t bytes)
{
    size_t rounded;
    if (!block)
        return;
    int c = size_class(bytes, &rounded);
    memcpy(block, &t->pool.free[c], sizeof(void *));
    t->pool.free[c] = block;
}

void ag_pool_reset(ag_tape *t)
{
    memset(t->pool.free, 0, sizeof t->pool.free);
    ag_arena_rewind(&t->pool.arena, 0);
}

/* ---- memory that lives as long as the tape */

/* The list is doubly linked, so that a block can leave it or move. */
static void *own(ag_tape *t, ag_owned *o, size_t whole)
{
    *o = (ag_owned){ .next = t->owned, .bytes = whole };
    if (o->next)
        o->next->before = o;
    t->owned = o;
    return (char *)o + OWNED_HEAD;
}

static void disown(ag_tape *t, const ag_owned *o)
{
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
    ag_owned *o = ag_take(t, bytes + OWNED_HEAD);
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
