/* Slots of a chain: what holds a value that is not read any more is free. */
#include "ag/record/chain_run.h"

typedef struct slots {
    int last[AG_CHAIN_STEPS + 1], now[AG_CHAIN_STEPS + 1], free[AG_CHAIN_STEPS + 1];
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
int ag_chain_share_slots(ag_chain_plan *c)
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
