/* Axes that are reduced, as lines. */
#include "ag/ops/reductions/lines.h"

enum { LINES = 1 << 13 /* whose totals stay in the cache */ };

bool ag_side_by_side(const ag_shape *s, const bool *reduced, ag_lines *l)
{
    *l = (ag_lines){ 1, 1, 1 };
    bool inside = false;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] == 1)
            continue;
        if (reduced[i] && l->inner != 1)
            return false;
        inside |= reduced[i];
        int64_t *extent = reduced[i] ? &l->n : inside ? &l->inner : &l->outer;
        *extent = ag_times(*extent, s->dim[i]);
    }
    return true;
}

/* The reduced axes moved to the end. */
static ag_array reduced_last(const ag_array *x, const bool *reduced, ag_lines *l)
{
    ag_array moved = *x;
    int to = 0;
    *l = (ag_lines){ 1, 1, 1 };
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < x->shape.rank; i++)
            if (reduced[i] == (bool)last) {
                moved.shape.dim[to] = x->shape.dim[i];
                moved.stride[to++] = x->stride[i];
                int64_t *extent = last ? &l->n : &l->outer;
                *extent = ag_times(*extent, x->shape.dim[i]);
            }
    return moved;
}

ag_status ag_reduced_lines(const ag_call *c, const ag_array *x, ag_axes axes, ag_array *lined, ag_lines *l)
{
    bool reduced[AG_MAX_RANK] = { false };
    *lined = *x;
    ag_axes_mask(axes, x->shape.rank, reduced);
    if (ag_side_by_side(&x->shape, reduced, l))
        return AG_OK;
    const ag_array moved = reduced_last(x, reduced, l);
    *lined = moved;
    lined->data = ag_call_scratch(c, (size_t)ag_array_size(x) * ag_dtype_size(x->dtype));
    if (!lined->data)
        return AG_ENOMEM;
    ag_array_dense(lined);
    ag_copy_array(lined, &moved, false, ag_call_threads(c));
    return AG_OK;
}

ag_status ag_fold_axes(const ag_call *c, const ag_fold *f, const ag_array *x, ag_axes axes, ag_finish_function *finish,
                       ag_array *y)
{
    ag_array lined;
    ag_lines l;
    if (ag_reduced_lines(c, x, axes, &lined, &l))
        return AG_ENOMEM;
    const int64_t at_once = l.inner == 1 && l.outer > LINES ? LINES : l.outer, results = ag_times(at_once, l.inner);
    const size_t bytes = ag_fold_work(at_once, l.n, l.inner);
    void *work = bytes ? ag_call_scratch(c, bytes) : NULL;
    ag_total_of *total = ag_call_scratch(c, (size_t)results * sizeof *total);
    if (!total || (bytes && !work))
        return AG_ENOMEM;
    for (int64_t i = 0; i < l.outer; i += at_once) {
        const int64_t now = l.outer - i < at_once ? l.outer - i : at_once;
        ag_fold_lines(f, &lined, now, l.n, l.inner, total, work, ag_call_threads(c));
        finish(c, total, i, now * l.inner, y);
        if (l.n > 0 && i + now < l.outer) /* inner is 1: other extents could be any */
            lined.data = (char *)lined.data + now * l.n * (int64_t)ag_dtype_size(x->dtype);
    }
    return AG_OK;
}
