/* The memory of a step. What is recorded lies in an arena, a stack of chunks that is wound back; adjoints come and go
 * within a pass, in a pool cut from an arena of its own. Both keep what steps of late have needed, in one chunk, so that
 * a loop of like steps asks the allocator for nothing and steps of changing shapes do not pile up chunks. */
#include "ag/tape/tape.h"

enum {
    SMALLEST_CHUNK = 1 << 16,
    INSISTED = 1 << 21, /* bytes of a chunk that are not too many, whatever is needed now */
    OFFSET_BITS = 48,
    LATE = 32,       /* steps: what none of so many, or twice as many, has needed goes back */
    LARGE = 1 << 15, /* bytes of a block of the pool that is cut and joined */
    GRAIN = 64
};

/* ---- arena */

static size_t taken(const ag_arena *a)
{
    return a->before + (size_t)(a->at - a->begin);
}

static void note_peak(ag_arena *a)
{
    size_t now = taken(a);
    if (now > a->peak)
        a->peak = now;
}

static void enter_chunk(ag_arena *a, uint32_t index, size_t offset)
{
    const ag_arena_chunk *c = &a->chunks[index];
    a->current = index;
    a->begin = c->memory;
    a->at = a->begin + offset;
    a->end = a->begin + c->bytes;
}

/* Bytes of the chunks from `first` on. */
static size_t held(const ag_arena *a, uint32_t first)
{
    size_t sum = 0;
    for (uint32_t i = first; i < a->count; i++)
        sum += a->chunks[i].bytes;
    return sum;
}

static AG_COLD void release(ag_tape *t, ag_arena *a, uint32_t first)
{
    while (a->count > first) {
        a->count--;
        AG_ALLOW(a->chunks[a->count].memory, a->chunks[a->count].bytes);
        ag_give_back(t, a->chunks[a->count].memory, a->chunks[a->count].bytes);
    }
    if (!first) {
        a->begin = a->at = a->end = NULL;
        a->current = 0;
        a->before = 0;
    }
}

static bool allowed(const ag_tape *t, size_t size)
{
    return size <= t->options.memory_limit && t->memory <= t->options.memory_limit - size;
}

/* As much as is expected to be needed, or an eighth more than there is in whole blocks of this size, within the limit.
 * The pool, whose free blocks are joined within a chunk, has fewer and larger ones. */
static size_t chunk_size(ag_tape *t, const ag_arena *a, size_t bytes)
{
    size_t size = held(a, 0) / (a == &t->pool.arena ? 1 : 8) / bytes * bytes;
    if (size > bytes)
        size += SMALLEST_CHUNK; /* for what is small between blocks of this size */
    if (size < a->wanted)
        size = a->wanted;
    if (size < SMALLEST_CHUNK)
        size = SMALLEST_CHUNK;
    if (!allowed(t, size)) {
        ag_routines_drop(t);
        ag_echo_drop(t);
    }
    return size < bytes || !allowed(t, size) ? bytes : size;
}

/* More than is needed now is a wish: where there is no memory for it, less will do. */
static char *obtain_chunk(ag_tape *t, const ag_arena *a, size_t bytes, size_t *size)
{
    const size_t least = bytes < INSISTED ? INSISTED : bytes;
    char *memory = NULL;
    *size = chunk_size(t, a, bytes);
    while (*size > least && !(memory = ag_try_obtain(t, *size)))
        *size = *size / 2 > least ? *size / 2 : least;
    return memory ? memory : ag_obtain(t, *size);
}

static bool add_chunk(ag_tape *t, ag_arena *a, size_t bytes)
{
    size_t size;
    if (!ag_grow(t, (void **)&a->chunks, &a->capacity, sizeof *a->chunks, (uint64_t)a->count + 1))
        return false;
    char *memory = obtain_chunk(t, a, bytes, &size);
    if (!memory)
        return false;
    AG_FORBID(memory, size);
    a->chunks[a->count++] = (ag_arena_chunk){ memory, size, 0 };
    a->wanted = 0;
    return true;
}

/* Those after the current one are spare. One that is large enough comes next; else they all make way for one that is.
 * Chunks up to the current one keep their numbers, so marks stay valid. */
static bool next_chunk(ag_tape *t, ag_arena *a, size_t bytes)
{
    uint32_t next = a->count ? a->current + 1 : 0, i = next;
    while (i < a->count && a->chunks[i].bytes < bytes)
        i++;
    if (i == a->count) {
        release(t, a, next);
        if (!add_chunk(t, a, bytes))
            return false;
        i = next;
    }
    ag_arena_chunk found = a->chunks[i];
    a->chunks[i] = a->chunks[next];
    a->chunks[next] = found;
    if (next) {
        ag_arena_chunk *left = &a->chunks[next - 1];
        left->used = (size_t)(a->at - a->begin);
        a->before += left->used;
    }
    enter_chunk(a, next, 0);
    return true;
}

void *ag_arena_take(ag_tape *t, ag_arena *a, size_t bytes)
{
    size_t rounded = (bytes + !bytes + GRAIN - 1) & ~(size_t)(GRAIN - 1);
    if (rounded < bytes) {
        ag_fail(t, AG_ELIMIT, "a block of %zu bytes is too large", bytes);
        return NULL;
    }
    if (rounded > (size_t)(a->end - a->at) && !next_chunk(t, a, rounded))
        return NULL;
    void *p = a->at;
    a->at += rounded;
    AG_ALLOW(p, rounded);
    return p;
}

uint64_t ag_arena_position(const ag_arena *a)
{
    return (uint64_t)a->current << OFFSET_BITS | (uint64_t)(a->at - a->begin);
}

bool ag_arena_reached(const ag_arena *a, uint64_t position)
{
    uint64_t offset = position & (((uint64_t)1 << OFFSET_BITS) - 1);
    return position <= ag_arena_position(a) && (!a->count || offset <= a->chunks[position >> OFFSET_BITS].bytes);
}

void ag_arena_rewind(ag_arena *a, uint64_t position)
{
    if (!a->count)
        return;
    note_peak(a);
    uint32_t chunk = (uint32_t)(position >> OFFSET_BITS);
    for (uint32_t i = chunk; i < a->current; i++) {
        a->before -= a->chunks[i].used;
        AG_FORBID(a->chunks[i + 1].memory, a->chunks[i + 1].bytes);
    }
    char *end = chunk == a->current ? a->at : a->chunks[chunk].memory + a->chunks[chunk].bytes;
    enter_chunk(a, chunk, position & (((uint64_t)1 << OFFSET_BITS) - 1));
    AG_FORBID(a->at, (size_t)(end - a->at));
}

uint64_t ag_work_begin(const ag_tape *t)
{
    return ag_arena_position(&t->work);
}

void ag_work_end(ag_tape *t, uint64_t begin)
{
    if (ag_arena_position(&t->work) != begin)
        ag_arena_rewind(&t->work, begin);
}

/* The most that a step of late has had; the rewind that ended this one has noted its peak. */
static size_t needed_of_late(ag_arena *a)
{
    if (a->peak > a->late)
        a->late = a->peak;
    if (a->peak > a->highest)
        a->highest = a->peak;
    size_t needed = a->late > a->earlier ? a->late : a->earlier;
    if (++a->steps >= LATE) {
        a->steps = 0;
        a->earlier = a->late;
        a->late = 0;
    }
    a->peak = 0;
    return needed;
}

void ag_arena_end_step(ag_tape *t, ag_arena *a)
{
    if (!a->chunks)
        return; /* it was never used */
    size_t needed = needed_of_late(a), now = taken(a), wanted = needed - now;
    if (!a->count)
        return;
    uint32_t spare = now ? a->current + 1 : 0;
    if (now && wanted <= (size_t)(a->end - a->at))
        wanted = 0; /* the current chunk has room for it */
    bool joined = a->count <= spare + 1;
    if (AG_LIKELY(joined && (a->count == spare || a->chunks[spare].bytes <= wanted + wanted / 5 + SMALLEST_CHUNK)))
        return;
    a->wanted = wanted;
    release(t, a, spare);
}

void ag_arena_free(ag_tape *t, ag_arena *a)
{
    release(t, a, 0);
    ag_give_back(t, a->chunks, a->capacity * sizeof *a->chunks);
    *a = (ag_arena){ 0 };
}

/* ---- pool: small blocks, in size classes, four between a power of two and the next */

static int size_class(size_t bytes, size_t *rounded)
{
    if (bytes <= GRAIN) {
        *rounded = GRAIN;
        return 0;
    }
    int bits = 63 - __builtin_clzll(bytes - 1);
    size_t step = bits > 8 ? (size_t)1 << (bits - 2) : GRAIN;
    *rounded = (bytes + step - 1) & ~(step - 1);
    return 4 * (bits - 6) + (int)(*rounded >> (bits - 2)) - 4;
}

/* ---- pool: large blocks, those that are free in the order of their addresses */

static size_t rounded_up(size_t bytes)
{
    return (bytes + GRAIN - 1) & ~(size_t)(GRAIN - 1);
}

/* The smallest that is enough; what it has more stays. */
static void *take_large(ag_pool *p, size_t bytes)
{
    ag_free **best = NULL;
    for (ag_free **f = &p->large; *f; f = &(*f)->next)
        if ((*f)->bytes >= bytes && (!best || (*f)->bytes < (*best)->bytes))
            best = f;
    if (!best)
        return NULL;
    ag_free *block = *best, *next = block->next;
    if (block->bytes > bytes) {
        ag_free *rest = (ag_free *)(void *)((char *)block + bytes);
        *rest = (ag_free){ next, block->bytes - bytes };
        next = rest;
    }
    *best = next;
    return block;
}

static bool is_chunk(const ag_arena *a, const void *at)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (a->chunks[i].memory == at)
            return true;
    return false;
}

static bool joins(const ag_pool *p, const ag_free *f, const ag_free *next)
{
    return (const char *)f + f->bytes == (const char *)next && !is_chunk(&p->arena, next);
}

/* Joined with what is free beside it; at the arena's end it goes back there. */
static void give_large(ag_pool *p, void *memory, size_t bytes)
{
    ag_arena *a = &p->arena;
    ag_free *block = memory, **at = &p->large, *before = NULL, **to_before = &p->large;
    while (*at && *at < block) {
        to_before = at;
        before = *at;
        at = &before->next;
    }
    *block = (ag_free){ *at, bytes };
    *at = block;
    if (block->next && joins(p, block, block->next)) {
        block->bytes += block->next->bytes;
        block->next = block->next->next;
    }
    if (before && joins(p, before, block)) {
        before->bytes += block->bytes;
        before->next = block->next;
        block = before;
        at = to_before;
    }
    if ((char *)block + block->bytes == a->at && !is_chunk(a, a->at)) {
        note_peak(a);
        *at = block->next;
        a->at = (char *)block;
    }
}

/* ---- pool */

static void *take_small(ag_pool *p, size_t bytes, size_t *rounded)
{
    int c = size_class(bytes, rounded);
    void *block = p->free[c];
    if (block)
        memcpy(&p->free[c], block, sizeof(void *));
    return block;
}

void *ag_pool_take(ag_tape *t, size_t bytes)
{
    ag_pool *p = &t->pool;
    size_t rounded = rounded_up(bytes);
    void *block = bytes <= LARGE ? take_small(p, bytes, &rounded) : rounded ? take_large(p, rounded) : NULL;
    if (!block)
        block = ag_arena_block(t, &p->arena, rounded ? rounded : bytes);
    if (AG_UNLIKELY(!block))
        return NULL;
    p->live += rounded;
    if (p->live > p->most)
        p->most = p->live;
    return block;
}

void ag_pool_give(ag_tape *t, void *block, size_t bytes)
{
    ag_pool *p = &t->pool;
    size_t rounded;
    if (!block)
        return;
    if (bytes > LARGE) {
        rounded = rounded_up(bytes);
        give_large(p, block, rounded);
    } else {
        int c = size_class(bytes, &rounded);
        memcpy(block, &p->free[c], sizeof(void *));
        p->free[c] = block;
    }
    p->live -= rounded;
}

/* Blocks of several chunks can not be joined: what was live says better how much a step needs, unless there was one
 * chunk for that already. */
void ag_pool_end_step(ag_tape *t)
{
    ag_pool *p = &t->pool;
    ag_arena *a = &p->arena;
    size_t likely = p->most + p->most / 8;
    ag_arena_rewind(a, 0);
    if (a->count > 1 && a->chunks[0].bytes < likely && likely < a->peak)
        a->peak = likely;
    ag_arena_end_step(t, a);
    memset(p->free, 0, sizeof p->free);
    p->large = NULL;
    p->highest = p->most > p->highest ? p->most : p->highest;
    p->live = p->most = 0;
}
