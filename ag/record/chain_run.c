/* Running a chain: all steps on one block after the other. Blocks are the leaves of the tree by which a sum is halved,
 * so that sums have the same bits as those of whole arrays, on any number of threads. */
#include "ag/record/chain_run.h"

enum { SUMS = 128, DEPTH = 5 }; /* at most; 2^DEPTH parts for threads */

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

static void run_block(const worker *w, int64_t i, int64_t n, double *sums)
{
    const ag_chain_plan *c = w->j->c;
    const ag_chain_block b = { c, w->slots, w->j->size, w->j->slot_bytes, i, n };
    for (const ag_chain_step *x = c->step; x < c->step + c->steps; x++) {
        if (x->work == AG_STEP_SUM)
            sums[x->number] = ag_sum_floats(c->frame.layout->dtype, ag_chain_at(&b, &x->from[0]), n, 1);
        else
            ag_chain_do(&b, x);
    }
}

/* ---- the tree */

static void run_tree(const worker *w, int64_t i, int64_t n, double *sums)
{
    double more[SUMS];
    const int64_t half = ag_sum_half(w->j->c->frame.layout->dtype, n);
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
        int64_t i = 0, n = j->c->frame.layout->size;
        for (int level = j->depth - 1; level >= 0; level--) {
            const int64_t half = ag_sum_half(j->c->frame.layout->dtype, n);
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
    if (c->frame.columns)
        return ag_chain_run_rows(c, sums);
    job j = { .c = c, .size = ag_bytes_of(c->frame.layout->dtype) };
    while (j.depth < DEPTH && c->frame.layout->size >> (j.depth + 1) >= AG_CHAIN_PART)
        j.depth++;
    j.slots = ag_chain_share_slots(c);
    const int64_t block = c->frame.layout->size < AG_SUM_LEAF ? c->frame.layout->size : AG_SUM_LEAF;
    j.slot_bytes = ag_chain_bytes(block, j.size);
    const int64_t parts = (int64_t)1 << j.depth;
    const double steps = (double)(c->frame.layout->size / parts) * c->steps;
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
