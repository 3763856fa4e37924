/* Memory that goes back all at once: arenas, which are wound back to a position, chunk << 48 | offset, and the pool of blocks
 * that live shorter than a step. */
#ifndef AG_TAPE_ARENA_H
#define AG_TAPE_ARENA_H

#include "ag/array/array.h"

/* Under AddressSanitizer, memory that is not taken is out of bounds: a pointer that a caller kept over a reset is found. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define AG_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define AG_ASAN 1
#endif
#ifdef AG_ASAN
#include <sanitizer/asan_interface.h>
#define AG_FORBID(p, bytes) ASAN_POISON_MEMORY_REGION(p, bytes)
#define AG_ALLOW(p, bytes) ASAN_UNPOISON_MEMORY_REGION(p, bytes)
#else
#define AG_FORBID(p, bytes) ((void)(p), (void)(bytes))
#define AG_ALLOW(p, bytes) ((void)(p), (void)(bytes))
#endif

typedef struct ag_arena_chunk {
    char *memory;
    size_t bytes, used; /* used: when the one after it was entered */
} ag_arena_chunk;

typedef struct ag_arena {
    ag_arena_chunk *chunks; /* those after the current one are spare */
    uint32_t count, capacity, current;
    char *begin, *at, *end;     /* of the current chunk */
    size_t before, wanted;      /* bytes used in the chunks before it; of the next chunk, where they are known */
    size_t peak, late, earlier; /* the most that was used: in this step, in the steps of late, in those before them */
    size_t highest;             /* of all steps but this one */
    uint32_t steps;             /* of late */
} ag_arena;

typedef struct ag_free {
    struct ag_free *next;
    size_t bytes;
} ag_free;

enum { AG_POOL_CLASSES = 40 };
/* Blocks for adjoints and tables, which live shorter than a step; cut from an arena of its own. */
typedef struct ag_pool {
    ag_arena arena;
    void *free[AG_POOL_CLASSES]; /* small ones by size */
    ag_free *large;
    size_t live, most, highest; /* bytes that are not free; at most in this step, in those before */
} ag_pool;

/* What ag_tape_stats tells that is not known otherwise. */
typedef struct ag_account {
    uint64_t most, requests;         /* the tape's memory at most; requests to its allocator */
    ag_memory persistent, allocated; /* of slots; of blocks that live as long as the tape */
    uint32_t most_nodes;
} ag_account;
static inline void ag_count_in(ag_memory *m, size_t bytes)
{
    m->live += bytes;
    m->peak = m->live > m->peak ? m->live : m->peak;
}

/* ---- arena.c */

void *ag_arena_take(ag_tape *t, ag_arena *a, size_t bytes);
uint64_t ag_arena_position(const ag_arena *a);
bool ag_arena_reached(const ag_arena *a, uint64_t position); /* can it be rewound to there? */
void ag_arena_rewind(ag_arena *a, uint64_t position);
void ag_arena_end_step(ag_tape *t, ag_arena *a); /* after a rewind: gives back what steps of late did not need */
void ag_arena_free(ag_tape *t, ag_arena *a);
uint64_t ag_work_begin(const ag_tape *t); /* what is taken from t->work until the end goes back */
void ag_work_end(ag_tape *t, uint64_t begin);
void *ag_pool_take(ag_tape *t, size_t bytes);
void ag_pool_give(ag_tape *t, void *block, size_t bytes);
void ag_pool_end_step(ag_tape *t);
static inline void *ag_arena_block(ag_tape *t, ag_arena *a, size_t bytes) /* quick where the chunk has room */
{
    size_t rounded = (bytes + !bytes + 63) & ~(size_t)63;
    if (AG_LIKELY(rounded >= bytes && rounded <= (size_t)(a->end - a->at))) {
        void *p = a->at;
        a->at += rounded;
        AG_ALLOW(p, rounded);
        return p;
    }
    return ag_arena_take(t, a, bytes);
}

#endif
