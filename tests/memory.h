/* Memory for a tape that counts, is not zeroed, and fails where it is told to. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include "ag/tape/tape.h"
#include "support.h"

typedef struct memory {
    long requests, fail_at; /* the request that fails, from 1; 0: none */
    bool for_good;          /* and all after it */
    size_t limit;           /* larger requests fail; 0: none */
    size_t largest;         /* request */
    size_t bytes;           /* in use */
} memory;

static void *take_memory(void *user, size_t bytes, size_t alignment)
{
    memory *m = user;
    void *p = NULL;
    long number = ++m->requests;
    m->largest = bytes > m->largest ? bytes : m->largest;
    if (m->limit && bytes > m->limit)
        return NULL;
    if (m->fail_at && (number == m->fail_at || (m->for_good && number > m->fail_at)))
        return NULL;
    if (posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes + !bytes))
        return NULL;
    m->bytes += bytes;
    memset(p, 0xa5, bytes); /* nothing may rely on zeros */
    return p;
}

static void release_memory(void *user, void *p, size_t bytes)
{
    memory *m = user;
    m->bytes -= bytes;
    free(p);
}

static UNUSED ag_allocator allocator_of(memory *m)
{
    return (ag_allocator){ .allocate = take_memory, .release = release_memory, .user = m };
}

/* Memory is taken in large chunks, so that most requests within an op never fail: here the last chunk of the arena, or
 * of the pool, has room for so many blocks of 64 bytes more, and there is no other. */
static UNUSED void leave_room(memory *m, ag_tape *t, bool pool, size_t blocks)
{
    ag_arena *a = pool ? &t->pool.arena : &t->arena;
    a->wanted = blocks * 64;
    assert_non_null(ag_arena_take(t, a, 64)); /* a chunk of that size, or of the smallest */
    while ((size_t)(a->end - a->at) < blocks * 64)
        assert_non_null(ag_arena_take(t, a, blocks * 64));
    assert_non_null(ag_arena_take(t, a, (size_t)(a->end - a->at) - blocks * 64));
    a->wanted = 1 << 22; /* the next one would have */
    m->limit = 1 << 20;  /* what is elsewhere may grow */
}

static UNUSED size_t more_room(size_t blocks)
{
    return blocks < 300 ? blocks + 1 : blocks + 1 + blocks / (slow() ? 5 : 50);
}

#endif
