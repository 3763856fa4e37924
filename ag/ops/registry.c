/* The table of the built-in ops, from the generated registry. */
#include "ag/ops/define.h"

const ag_op *const ag_builtin[] = { AG_ALL_OPS };
const uint32_t ag_op_count = AG_OP_COUNT;

const ag_op *const *ag_ops(size_t *count)
{
    if (count)
        *count = sizeof ag_builtin / sizeof *ag_builtin;
    return ag_builtin;
}
