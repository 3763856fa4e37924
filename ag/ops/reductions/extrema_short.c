/* Which derivatives of extremes extrema_short.inc makes. */
#include "ag/ops/reductions/extrema_short.h"

enum { FEW = 4096 /* elements that stay in the first cache */, LONG = 512 /* of a row that others find as quickly */ };

/* The extents before, of and after what is reduced; false: it is not in one place. */
static bool box_of(ag_short_box *b, ag_shape x, ag_shape kept)
{
    int64_t *to = &b->outer;
    b->outer = b->n = b->inner = 1;
    for (int d = 0; d < x.rank; d++) {
        const bool reduced = kept.dim[d] != x.dim[d];
        if (x.dim[d] == 1)
            continue;
        if (reduced && to == &b->inner)
            return false;
        to = reduced ? &b->n : to == &b->n ? &b->inner : to;
        *to *= x.dim[d];
    }
    return true;
}

bool ag_extremum_short(const ag_array *dx, const ag_array *x, const ag_array *y, const ag_array *dy, int threads)
{
    ag_short_box b = { .dx = dx->data, .x = x->data, .y = y->data, .dy = dy->data };
    if (!box_of(&b, x->shape, y->shape) || b.outer < 2 || b.n < 2 || b.n * b.inner > FEW || !ag_array_is_dense(x) ||
        !ag_array_is_dense(dx) || (b.inner == 1 && b.n > LONG))
        return false;
    ag_for_ranges(b.outer, (double)(b.n * b.inner), threads,
                  x->dtype == AG_F32 ? ag_extremum_short_f32 : ag_extremum_short_f64, &b);
    return true;
}
