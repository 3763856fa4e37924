/* Writes docs/ops.md from the registry, without the ops that rules alone use. */
#include "ag/record/record.h"

static const char *derivative_of(const ag_op *op)
{
    if (op->flags & AG_NO_GRADIENT)
        return "none";
    return op->vjp_fused ? "rule, kernel" : op->map ? "rule, row kernel" : "rule";
}

int main(void)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    printf("# The ops\n\nGenerated from the registry by `make docs`. Signatures, shapes and errors: `ag/ops.h`. Every "
           "op is checked by\n"
           "`ag_check_op` on its samples: derivatives to second order against numeric ones, rule against kernel, f32 "
           "against f64,\n"
           "strided, broadcast, empty and rank-0 operands, bad shapes and handles, one thread against several bit for "
           "bit.\n\n"
           "| op | formula | operands | derivative | samples |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const ag_op *op = ops[i];
        int samples = 0;
        if (op->flags & AG_INNER)
            continue;
        while (op->samples && op->samples[samples].low[0] != op->samples[samples].high[0])
            samples++;
        printf("| `%s` | ", op->name);
        for (const char *c = op->formula ? op->formula : ""; *c; c++)
            printf("%s%c", *c == '|' || *c == '*' ? "\\" : "", *c);
        if (op->flags & AG_VARIADIC)
            printf(" | any number | ");
        else
            printf(" | %d | ", op->inputs);
        printf("%s%s | %d |\n", derivative_of(op), op->flags & AG_VIEW ? "; a view" : "", samples);
    }
    return 0;
}
