/* What ops that multiply matrices share. */
#ifndef AG_OPS_PRODUCTS_H
#define AG_OPS_PRODUCTS_H

#include "ag/ops/define.h"

/* c = a b + beta c, with scratch memory of the call; see ag_batched_plan. Errors are reported. */
static inline ag_status ag_call_product(const ag_call *call, const ag_array *a, const ag_array *b, const ag_array *c,
                                        double beta)
{
    ag_batch here, *batch = ag_products_next(call->products, &here, a, b, c, beta, ag_call_threads(call));
    void *workspace = batch->workspace ? ag_call_scratch(call, batch->workspace) : NULL;
    if (batch->workspace && !workspace)
        return AG_ENOMEM;
    const ag_status status = ag_batched_run(batch, c, workspace);
    return status ? ag_call_fail(call, status, "the product failed") : AG_OK;
}

/* AG_STACKED: how many dimensions dy has more than y, 1 for a stack of adjoints, else 0. */
static inline int ag_call_stacked(const ag_call *c, const ag_array *dy)
{
    return dy->shape.rank - ag_layout_at(c->tape, c->id)->rank;
}

/* A stack with dimensions of extent 1 behind its first, so that the others keep their places counted from the end. */
static inline ag_array ag_stack_aligned(ag_array a, int stacked, int rank)
{
    while (stacked && a.shape.rank < rank)
        a = ag_with_axis(&a, 1);
    return a;
}

#endif
