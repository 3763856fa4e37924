/* What ops that multiply matrices share. */
#ifndef AG_OPS_PRODUCTS_H
#define AG_OPS_PRODUCTS_H

#include "ag/ops/define.h"

/* c = a b + beta c, with scratch memory of the call; see ag_batched_plan. Errors are reported. */
static inline ag_status ag_call_product(const ag_call *call, const ag_array *a, const ag_array *b, const ag_array *c,
                                        double beta)
{
    const ag_batch batch = ag_batched_plan(a, b, c, beta, ag_call_threads(call));
    void *workspace = batch.workspace ? ag_call_scratch(call, batch.workspace) : NULL;
    if (batch.workspace && !workspace)
        return AG_ENOMEM;
    const ag_status status = ag_batched_run(&batch, c, workspace);
    return status ? ag_call_fail(call, status, "the product failed") : AG_OK;
}

#endif
