/* Memory for what is kept of passes, in blocks that are filled one after the other. */
#include "ag/tape/tape.h"

enum { KEPT_BLOCK = 1 << 14, KEPT_HEAD = 64 };

typedef struct ag_kept_block {
    struct ag_kept_block *next;
    size_t bytes; /* with this head */
} ag_kept_block;

void *ag_kept_take(ag_tape *t, ag_kept *k, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    while (k->last && k->used + bytes > k->last->bytes && k->last->next) {
        k->last = k->last->next;
        k->used = KEPT_HEAD;
    }
    if (!k->last || k->used + bytes > k->last->bytes) {
        const size_t whole = bytes + KEPT_HEAD > KEPT_BLOCK ? bytes + KEPT_HEAD : KEPT_BLOCK;
        ag_kept_block *more = k->all + whole <= AG_ROUTINE_MOST ? ag_try_obtain(t, whole) : NULL;
        if (!more)
            return NULL;
        *more = (ag_kept_block){ NULL, whole };
        *(k->last ? &k->last->next : &k->first) = more;
        k->last = more;
        k->used = KEPT_HEAD;
        k->all += whole;
    }
    void *taken = (char *)k->last + k->used;
    k->used += bytes;
    return taken;
}

void ag_kept_empty(ag_kept *k)
{
    k->last = k->first;
    k->used = KEPT_HEAD;
}

void ag_kept_return(ag_kept *k, const ag_kept *before)
{
    k->last = before->last;
    k->used = before->used;
    if (!k->last)
        ag_kept_empty(k);
}

void ag_kept_free(ag_tape *t, ag_kept *k)
{
    for (ag_kept_block *b = k->first, *next; b; b = next) {
        next = b->next;
        ag_give_back(t, b, b->bytes);
    }
    *k = (ag_kept){ 0 };
}

static void drop(ag_tape *t, ag_routine *r)
{
    ag_kept_free(t, &r->memory);
    r->ready = false;
    r->seen = 0;
}

bool ag_routines_drop(ag_tape *t)
{
    bool any = false;
    for (int i = 0; i < AG_ROUTINES; i++) {
        ag_routine *r = &t->routines.at[i];
        if (!r->memory.first || r == t->routines.used)
            continue;
        drop(t, r);
        any = true;
    }
    return any;
}
