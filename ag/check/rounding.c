/* How far rounding inside f may move its value, or its first derivative: the last bits of all intermediate results,
 * each times the derivative by it. Where terms cancel that is far more than the last bits of the result. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <float.h>

enum { MOST_NODES = 1024 };

/* The floating results from `first` on through which a gradient flows, the last ones if there are too many. */
static size_t list_results(ag_tape *t, uint32_t first, ag_tensor *to)
{
    size_t count = 0;
    for (uint32_t i = ag_next(t) - 1; i >= first && count < MOST_NODES; i--)
        if (t->headers[i].flags & AG_NEEDS)
            to[count++] = ag_handle(t, ag_id_at(t, i));
    return count;
}

static double sum_of_sizes(ag_tape *t, const ag_tensor *x, const ag_tensor *dx, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += ag_item(ag_cast(ag_sum(ag_abs(ag_mul(x[k], dx[k]))), AG_F64));
    return t->error.status ? 0 : DBL_EPSILON * sum;
}

double ag_evaluation_rounding(ag_evaluation *v, int order, int64_t group)
{
    ag_tape *t = v->t;
    const ag_probe_result before = *v->result;
    const size_t inputs = v->p->inputs, outputs = (size_t)v->p->outputs;
    ag_mark mark = ag_tape_mark(t);
    ag_tensor *x = ag_scratch(t, (2 * MOST_NODES + inputs + outputs) * sizeof *x), *leaf = x + 2 * MOST_NODES,
              *y = leaf + inputs;
    double rounding = 0;
    if (x) { /* another evaluation may be at work */
        memcpy(leaf, v->leaf, inputs * sizeof *leaf);
        memcpy(y, v->y, outputs * sizeof *y);
    }
    if (x && ag_evaluation_run(v)) {
        ag_tensor sum = ag_evaluation_sum(v, order, group);
        size_t count = sum.id ? list_results(t, mark.id, x) : 0;
        t->no_grad++;
        ag_set_recording(t);
        if (count && !ag_gradients(sum, (ag_list){ x, count }, 0, x + MOST_NODES))
            rounding = sum_of_sizes(t, x, x + MOST_NODES, count);
        t->no_grad--;
        ag_set_recording(t);
    }
    if (t->error.status != AG_ENOMEM && t->error.status != AG_ELIMIT)
        t->error.status = AG_OK; /* what cannot be had here says nothing about f */
    *v->result = before;
    if (x) {
        memcpy(v->leaf, leaf, inputs * sizeof *leaf);
        memcpy(v->y, y, outputs * sizeof *y);
    }
    ag_tape_rewind(t, mark);
    return rounding;
}
