/* What an op has to do at least: floating-point operations and bytes. */
#include "ag/show/times.h"

static double bytes_at(const ag_tape *t, uint32_t id)
{
    return (double)ag_layout_bytes(ag_layout_at(t, id));
}

/* Does the result share the operand's memory? */
static bool shares(const ag_call *c)
{
    const ag_node *d = ag_node_or_null(c->tape, c->id);
    return c->op->flags & AG_VIEW && !ag_is_number(d) && &c->tape->nodes[d->owner] != d;
}

static double results(const ag_call *c)
{
    double sum = 0;
    for (int k = 0; k < c->outputs; k++)
        sum += bytes_at(c->tape, c->id + (uint32_t)k);
    return sum;
}

static bool computes(const ag_call *c)
{
    bool any = ag_is_float(ag_layout_at(c->tape, c->id)->dtype);
    for (int k = 0; k < c->count; k++)
        any |= ag_is_float(ag_layout_at(c->tape, c->inputs[k])->dtype);
    return any && !(c->op->flags & AG_VIEW);
}

/* The op's own word, if it has one. */
static bool counted(const ag_call *c, double *flops)
{
    enum { MOST = 4 };
    ag_array x[MOST], y = ag_array_of(c->tape, c->id);
    if (!c->op->flops || c->count > MOST)
        return false;
    for (int k = 0; k < c->count; k++)
        x[k] = ag_array_of(c->tape, c->inputs[k]);
    *flops = c->op->flops(c, x, &y);
    return true;
}

double ag_forward_flops(const ag_call *c)
{
    double flops = 0;
    if (!computes(c) || counted(c, &flops))
        return flops;
    flops = (double)ag_layout_at(c->tape, c->id)->size;
    for (int k = 0; k < c->count; k++) {
        const double size = (double)ag_layout_at(c->tape, c->inputs[k])->size;
        flops = size > flops ? size : flops;
    }
    return flops;
}

double ag_forward_bytes(const ag_call *c)
{
    if (shares(c))
        return 0;
    double sum = results(c);
    for (int k = 0; k < c->count; k++)
        sum += bytes_at(c->tape, c->inputs[k]);
    return sum;
}

/* Of what is linear in each operand as much for each as forward; of other ops one for each element of a gradient. */
double ag_backward_flops(const ag_call *c)
{
    double forward = 0, sum = 0;
    if (!computes(c))
        return 0;
    const bool linear = counted(c, &forward);
    for (int k = 0; k < c->count; k++)
        if (ag_needs(c->tape, c->inputs[k]))
            sum += linear && ag_layout_at(c->tape, c->inputs[k])->rank > 1
                       ? forward
                       : (double)ag_layout_at(c->tape, c->inputs[k])->size;
    return sum;
}

/* What a derivative of an elementwise op reads, by the bits of its table row; of other ops the operands. */
static double read_bytes(const ag_call *c)
{
    const bool row = c->op->flags & AG_ROW;
    int reads = 0;
    double sum = 0;
    for (int k = 0; k < c->count && row; k++)
        if (ag_needs(c->tape, c->inputs[k]))
            reads |= ((const ag_row *)c->op)->reads >> (k * AG_READS_SHIFT);
    for (int k = 0; k < c->count; k++)
        if (!row || reads & (k ? AG_READS_B : AG_READS_A))
            sum += bytes_at(c->tape, c->inputs[k]);
    return sum + (row && reads & AG_READS_Y ? results(c) : 0);
}

double ag_backward_bytes(const ag_call *c)
{
    double sum = results(c) + (c->op->flags & AG_VIEW ? 0 : read_bytes(c));
    for (int k = 0; k < c->count; k++)
        if (ag_needs(c->tape, c->inputs[k]))
            sum += bytes_at(c->tape, c->inputs[k]);
    return sum;
}

uint64_t ag_kept_bytes(const ag_call *c)
{
    return shares(c) ? 0 : (uint64_t)results(c);
}
