/* What a file in ag/ops/ includes. One op is one file here, or one row in unary.c or binary.c; the registry is
 * generated from them. A structured op is defined by `AG_OP(name) = { .name = "name", ... };` and its public function
 * follows its documentation: AG_API ag_tensor ag_name(ag_tensor x)
 *     {
 *         return AG_APPLY(name, AG_LIST(x), NULL);
 *     } */
#ifndef AG_OPS_DEFINE_H
#define AG_OPS_DEFINE_H

#include "ag/record/record.h"
#include "registry.h"

#define AG_OP(name) const ag_op ag_op_##name
#define AG_APPLY(name, list, ...) ag_apply_op(AG_OP_##name, list, __VA_ARGS__) /* the parameters' address, or NULL */

/* ---- ops/reductions/sum.c */

/* What each of the n elements under an op with AG_SUMS receives of the adjoint dy. */
void ag_sum_share(const ag_op *op, int64_t n, const ag_array *dy, const ag_array *share);

/* Several results of a function that is made of others: either all of them or, where one failed, none. */
static inline bool ag_all_or_none(ag_tensor *results, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all = all && results[i].id;
    for (size_t i = 0; !all && i < count; i++)
        results[i] = (ag_tensor){ results[i].tape, 0, 0 };
    return all;
}

#endif
