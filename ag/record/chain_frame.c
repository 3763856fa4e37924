/* What the arrays of a chain have in common: the largest shape, and how long its rows are, along which others repeat, or
 * for each of which they have one element. */
#include "ag/record/record.h"

enum { LEAST = 16, MOST = 1 << 14 }; /* columns: shorter rows are added otherwise, longer ones leave the cache */

/* The elements of a row of `all` for each of which l has none but one; 0: it is no such array. */
static int64_t row_length(const ag_layout *all, const ag_layout *l)
{
    int k = 0;
    if (l->rank != all->rank || !l->size)
        return 0;
    while (k < l->rank && l->dim[k] == all->dim[k])
        k++;
    for (int i = k; i < l->rank; i++)
        if (l->dim[i] != 1)
            return 0;
    return all->size / l->size;
}

/* Is it one row, that repeats in `all`? */
static bool is_row(const ag_layout *all, const ag_layout *l)
{
    int k = l->rank;
    if (l->rank > all->rank)
        return false;
    while (k > 0 && l->dim[k - 1] == all->dim[all->rank - l->rank + k - 1])
        k--;
    for (int i = 0; i < k; i++)
        if (l->dim[i] != 1)
            return false;
    return true;
}

int ag_chain_kind(ag_chain_frame *f, const ag_layout *l)
{
    const ag_layout *all = f->layout;
    if (l->dtype != all->dtype || !l->rank)
        return AG_CHAIN_NONE;
    if (ag_layout_same_shape(l, all))
        return AG_CHAIN_ALL;
    const int64_t length = row_length(all, l), columns = length ? length : is_row(all, l) ? l->size : 0;
    if (!l->dense || columns < LEAST || columns > MOST || columns >= all->size || (f->columns && f->columns != columns))
        return AG_CHAIN_NONE;
    f->columns = columns;
    return length ? AG_CHAIN_ROWS : AG_CHAIN_COLUMNS;
}

bool ag_chain_take(const ag_tape *t, ag_chain_frame *f, uint32_t id)
{
    const ag_node *d = ag_node_or_null(t, id);
    if (!ag_is_pending(d) || !d->layout->rank)
        return true;
    const int kind = ag_chain_kind(f, d->layout);
    if (kind != AG_CHAIN_ALL && kind != AG_CHAIN_ROWS)
        return false;
    for (int k = 0; k < ag_recipe_of(d).inputs; k++) {
        const ag_layout *l = ag_layout_at(t, d->input[k]);
        if (l->rank && (!ag_chain_kind(f, l) || !ag_chain_take(t, f, d->input[k])))
            return false;
    }
    return true;
}

const ag_layout *ag_chain_layout(const ag_tape *t, const ag_layout *l, uint32_t id)
{
    const ag_node *d = ag_node_or_null(t, id);
    if (!ag_is_pending(d))
        return l;
    for (int k = 0; k < ag_recipe_of(d).inputs; k++) {
        const ag_layout *x = ag_layout_at(t, d->input[k]);
        l = ag_chain_layout(t, x->size > l->size ? x : l, d->input[k]);
    }
    return l;
}

ag_chain_frame ag_chain_frame_of(const ag_tape *t, uint32_t id)
{
    ag_chain_frame f = { ag_chain_layout(t, ag_layout_at(t, id), id), 0 };
    ag_chain_take(t, &f, id); /* which was so when it was recorded */
    return f;
}
