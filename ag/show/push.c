/* An adjoint brought over one op, to be looked at: by the op's rule, or by the local derivatives of a record. */
#include "ag/show/show.h"

bool ag_aside_begin(ag_tape *t, ag_aside *a)
{
    if (!ag_interlude_begin(t, &a->interlude))
        return false;
    ag_no_grad_begin(t);
    t->busy++;
    return true;
}

void ag_aside_end(ag_tape *t, const ag_aside *a)
{
    t->busy--;
    ag_interlude_end(t, &a->interlude);
    ag_suspects_end(t, &(ag_suspects){ 0 }); /* of passes within rules: there is none around them */
}

double ag_push_number(const ag_tape *t, uint32_t i, int k, double g)
{
    const double d = t->records[i].partial[k];
    if (g == 0 || (d == 0 && ((const ag_row *)ag_op_at(t, t->headers[i].op))->flags & AG_ROW_SELECTS_A << k))
        return 0;
    return g * d;
}

/* What the rule gave for operand k, in the operand's shape and dtype. */
static ag_status take(const ag_rule *r, int k, ag_array *dx)
{
    ag_tape *t = r->call.tape;
    uint32_t id;
    ag_status status = ag_rule_result(r, k, &id);
    *dx = (ag_array){ 0 };
    if (status || !id)
        return status;
    const ag_layout *l = ag_layout_at(t, r->call.inputs[k]);
    ag_array to = ag_layout_dense(l, NULL), from = ag_array_of(t, id);
    to.data = ag_scratch(t, ag_layout_bytes(l));
    if (!to.data)
        return t->error.status;
    ag_reduce_to(&to, &from, false, t->options.threads);
    *dx = to;
    return AG_OK;
}

ag_status ag_push(ag_tape *t, uint32_t base, const ag_array *dy, ag_array *dx)
{
    ag_rule r;
    if (!ag_rule_begin(t, base, NULL, &r))
        return t->error.status;
    for (int k = 0; k < r.call.outputs; k++) {
        const ag_layout *l = ag_layout_at(t, base + (uint32_t)k);
        r.dy[k] = dy[k].data ? ag_constant_of(t, &dy[k]) : ag_zeros(t, l->dtype, ag_layout_shape(l));
    }
    ag_status status = t->error.status ? t->error.status : ag_rule_run(&r);
    for (int k = 0; k < r.call.count && !status; k++)
        status = take(&r, k, &dx[k]);
    return status;
}

ag_status ag_push_one(ag_tape *t, uint32_t base, int output, int64_t element, ag_array *dx)
{
    const int outputs = ag_op_results(ag_op_at(t, t->headers[base].op));
    const ag_layout *l = ag_layout_at(t, base + (uint32_t)output);
    ag_array *dy = ag_scratch(t, (size_t)outputs * sizeof *dy), one = ag_layout_dense(l, NULL);
    one.data = ag_scratch(t, ag_layout_bytes(l));
    if (!dy || !one.data)
        return t->error.status;
    memset(dy, 0, (size_t)outputs * sizeof *dy);
    ag_fill_array(&one, 0);
    dy[output] = one;
    one.data = (char *)one.data + (size_t)element * ag_bytes_of(l->dtype);
    one.shape = AG_SCALAR;
    ag_fill_array(&one, 1);
    return ag_push(t, base, dy, dx);
}
