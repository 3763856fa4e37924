/* Running a chain: all steps on one block after the other. Blocks are the leaves of the tree by which a sum is halved,
 * so that sums have the same bits as those of whole arrays, on any number of threads. */
#include "ag/record/record.h"

enum {
    STEPS = AG_CHAIN_NODES + 4 * 48 + 2,
    DEPTH = 5,
    PART = 1 << 14
}; /* 2^DEPTH parts for threads, of so many elements or more */

typedef struct job {
    const ag_chain_plan *c;
    size_t size, slot_bytes; /* of an element, of a slot */
    int slots, depth;        /* used; how often all elements are halved for a part */
    char *memory;            /* slots for each part, or for one after the other */
    double *sums;            /* of each part */
} job;

typedef struct worker {
    const job *j;
    char *slots;
} worker;

/* ---- slots: what holds a value that is not read any more is free */

typedef struct slots {
    int last[STEPS + 1], now[STEPS + 1], free[STEPS + 1];
    int count, used;
} slots;

static void note_uses(const ag_chain_plan *c, slots *s)
{
    for (int i = 0; i < c->steps; i++) {
        s->last[c->step[i].to.slot] = i;
        for (int k = 0; k < 4; k++)
            s->last[c->step[i].from[k].slot] = i;
    }
}

static void rename_slot(slots *s, ag_chain_place *p)
{
    if (!p->slot)
        return;
    if (!s->now[p->slot])
        s->now[p->slot] = s->count ? s->free[--s->count] : ++s->used;
    p->slot = s->now[p->slot];
}

/* A kernel may write over its operands. */
static int share_slots(ag_chain_plan *c)
{
    slots s = { .count = 0 };
    note_uses(c, &s);
    for (int i = 0; i < c->steps; i++) {
        ag_chain_step *x = &c->step[i];
        const int to = x->to.slot;
        int over[4], ends = 0;
        for (int k = 0; k < 4; k++) {
            const int v = x->from[k].slot;
            bool seen = !v || s.last[v] != i || v == to;
            for (int j = 0; j < k; j++)
                seen |= over[j] == v;
            over[k] = v;
            rename_slot(&s, &x->from[k]);
            if (!seen)
                s.free[s.count + ends++] = x->from[k].slot;
        }
        s.count += ends;
        rename_slot(&s, &x->to);
        if (to && s.last[to] == i)
            s.free[s.count++] = x->to.slot;
    }
    return s.used;
}

/* ---- a block */

static char *at(const worker *w, const ag_chain_place *p, int64_t i)
{
    if (p->slot)
        return w->slots + (size_t)(p->slot - 1) * w->j->slot_bytes;
    return p->array ? p->array + (size_t)i * w->j->size : NULL;
}

#define FILL(type)                                    \
    do {                                              \
        type *y = (type *)(void *)to, v = (type)x->c; \
        for (int64_t k = 0; k < n; k++)               \
            y[k] = x->add ? y[k] + v : v;             \
    } while (0)

static void fill(const worker *w, const ag_chain_step *x, char *to, int64_t n)
{
    if (w->j->size == sizeof(float))
        FILL(float);
    else
        FILL(double);
}

static void run_kernel(const worker *w, const ag_chain_step *x, int64_t i, int64_t n)
{
    const size_t size = w->j->size;
    const ag_range r = { .forward = x->forward,
                         .backward = x->backward,
                         .to = at(w, &x->to, i),
                         .dy = at(w, &x->from[AG_CHAIN_DY], i),
                         .a = at(w, &x->from[AG_CHAIN_A], i),
                         .b = at(w, &x->from[AG_CHAIN_B], i),
                         .y = at(w, &x->from[AG_CHAIN_Y], i),
                         .c = x->c,
                         .d = x->d,
                         .size = size,
                         .out_size = size,
                         .add = x->add,
                         .padded = x->padded };
    ag_range_run(&r, n, 1);
}

static void run_block(const worker *w, int64_t i, int64_t n, double *sums)
{
    const ag_chain_plan *c = w->j->c;
    for (const ag_chain_step *x = c->step; x < c->step + c->steps; x++) {
        if (x->forward || x->backward)
            run_kernel(w, x, i, n);
        else if (x->sum)
            sums[x->sum - 1] = ag_sum_floats(c->layout->dtype, at(w, &x->from[0], i), n, 1);
        else
            fill(w, x, at(w, &x->to, i), n);
    }
}

/* ---- the tree */

static void run_tree(const worker *w, int64_t i, int64_t n, double *sums)
{
    double more[STEPS];
    const int64_t half = ag_sum_half(w->j->c->layout->dtype, n);
    if (half == n) {
        run_block(w, i, n, sums);
        return;
    }
    run_tree(w, i, half, sums);
    run_tree(w, i + half, n - half, more);
    for (int k = 0; k < w->j->c->sums; k++)
        sums[k] += more[k];
}

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const job *j = context;
    const worker w = { j, j->memory + (size_t)begin * (size_t)j->slots * j->slot_bytes }; /* nobody else's */
    for (int64_t part = begin; part < end; part++) {
        int64_t i = 0, n = j->c->layout->size;
        for (int level = j->depth - 1; level >= 0; level--) {
            const int64_t half = ag_sum_half(j->c->layout->dtype, n);
            i += part >> level & 1 ? half : 0;
            n = part >> level & 1 ? n - half : half;
        }
        run_tree(&w, i, n, j->sums + part * j->c->sums);
    }
}

static void join_parts(const job *j)
{
    const int sums = j->c->sums;
    for (int span = 1; span < 1 << j->depth; span *= 2)
        for (int i = 0; i < 1 << j->depth; i += 2 * span)
            for (int k = 0; k < sums; k++)
                j->sums[i * sums + k] += j->sums[(i + span) * sums + k];
}

bool ag_chain_run(ag_chain_plan *c, double *sums)
{
    ag_tape *t = c->t;
    job j = { .c = c, .size = ag_bytes_of(c->layout->dtype) };
    while (j.depth < DEPTH && c->layout->size >> (j.depth + 1) >= PART)
        j.depth++;
    j.slots = share_slots(c);
    const int64_t block = c->layout->size < AG_SUM_LEAF ? c->layout->size : AG_SUM_LEAF;
    j.slot_bytes = ((size_t)block * j.size + 63) / 64 * 64 + 64; /* not all at the same place of a page */
    const int64_t parts = (int64_t)1 << j.depth;
    const double steps = (double)(c->layout->size / parts) * c->steps;
    const int team = ag_team(parts, steps, t->options.threads); /* asked once: it depends on who else calls */
    const size_t areas = team > 1 ? (size_t)parts : 1;
    const size_t slots = areas * (size_t)j.slots * j.slot_bytes,
                 totals = (size_t)parts * (size_t)c->sums * sizeof *sums;
    j.memory = ag_pool_take(t, slots + totals + 1);
    if (!j.memory)
        return false;
    j.sums = (double *)(void *)(j.memory + slots);
    if (team > 1)
        ag_share_ranges(parts, team, run_parts, &j);
    else
        run_parts(&j, 0, parts);
    join_parts(&j);
    if (c->sums)
        memcpy(sums, j.sums, (size_t)c->sums * sizeof *sums);
    ag_pool_give(t, j.memory, slots + totals + 1);
    return true;
}
