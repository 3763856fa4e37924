/* What a tape holds, by part. */
#include "ag/tape/tape.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t taken(const ag_arena *a)
{
    return a->before + (uint64_t)(a->at - a->begin);
}

static uint64_t chunks(const ag_arena *a)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < a->count; i++)
        sum += a->chunks[i].bytes;
    return sum;
}

static ag_memory arena(const ag_arena *a)
{
    const uint64_t now = taken(a);
    return (ag_memory){ now, larger(larger(a->highest, a->peak), now) };
}

ag_stats ag_tape_stats(const ag_tape *t)
{
    ag_stats s = { 0 };
    if (!t)
        return s;
    const ag_account *a = &t->account;
    const uint64_t arenas = chunks(&t->arena) + chunks(&t->work) + chunks(&t->pool.arena);
    s.held = (ag_memory){ t->memory, a->most };
    s.values = arena(&t->arena);
    s.work = arena(&t->work);
    s.adjoints = (ag_memory){ t->pool.live - t->waiting.late, larger(t->pool.highest, t->pool.most) };
    s.persistent = a->persistent;
    s.allocated = a->allocated;
    s.spare = arenas - s.values.live - s.work.live - t->pool.live;
    s.tables.live = s.tables.peak = t->memory - arenas - a->persistent.live - a->allocated.live;
    s.values.live += t->waiting.late; /* they lie among the adjoints, whose peak has them too */
    s.values.peak += t->waiting.most_late;
    s.nodes = ag_tape_nodes(t);
    s.most_nodes = (int64_t)larger(a->most_nodes, (uint64_t)s.nodes + 1) - 1;
    s.allocations = a->requests;
    s.repeated = t->routines.passes;
    s.in_step = t->echoes.ops;
    return s;
}

void ag_tape_stats_restart(ag_tape *t)
{
    if (!t)
        return;
    ag_account *a = &t->account;
    a->most = t->memory;
    a->persistent.peak = a->persistent.live;
    a->allocated.peak = a->allocated.live;
    a->most_nodes = 0;
    t->waiting.most_late = t->waiting.late;
    t->arena.highest = t->work.highest = t->pool.highest = 0;
}
