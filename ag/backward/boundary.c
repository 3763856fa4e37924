/* A pass within a pass: a rule, a hook or a checkpoint differentiates a graph of its own while the pass that called it is
 * half-way. The inner pass runs over the nodes from `first` on, which the outer one does not know, so both use the same
 * tables. Only at the boundary, where operands of inner nodes are nodes of before, their adjoints meet: the outer pass's
 * are put aside, and come back when the inner one has given its targets what arrived there. */
#include "ag/backward/backward.h"
#include <math.h>

struct ag_outer_adjoint {
    uint32_t index;
    uint8_t flags; /* of the node */
    double number;
    void *array;
};

/* ---- which nodes those are */

typedef void visitor(ag_pass *s, uint32_t index);

static void visit_operands(ag_pass *s, uint32_t i, visitor *f)
{
    const ag_tape *t = s->t;
    const ag_node *d = ag_node_or_null(t, i);
    const uint32_t *inputs = d ? ag_node_inputs(d) : t->records[i].parent;
    const int count = t->headers[i].op < AG_OP_FIRST ? 0 : d ? d->inputs : 2;
    for (int k = 0; k < count; k++)
        if (AG_INDEX(inputs[k]) < s->first)
            f(s, AG_INDEX(inputs[k]));
}

static void visit_boundary(ag_pass *s, visitor *f)
{
    for (uint32_t i = s->first; i <= s->top; i++)
        visit_operands(s, i, f);
}

/* ---- putting their adjoints aside */

static void count_one(ag_pass *s, uint32_t index)
{
    (void)index;
    s->boundary_count++;
}

/* One that several nodes read is met again, with nothing: the end goes the other way round. */
static void put_aside(ag_pass *s, uint32_t index)
{
    ag_tape *t = s->t;
    ag_node *d = ag_node_or_null(t, index);
    s->boundary[s->boundary_count++] =
        (ag_outer_adjoint){ index, d ? d->flags : 0, t->adjoints[index], d ? d->adjoint : NULL };
    t->adjoints[index] = 0;
    if (d) {
        d->adjoint = NULL;
        d->flags &= (uint8_t)~AG_NODE_DIRECT;
    }
    if (s->targets && index <= s->targets->top)
        s->targets->wanted[index] |= AG_TOUCHED;
}

bool ag_boundary_begin(ag_pass *s)
{
    s->boundary_count = 0;
    if (s->first <= 1)
        return true;
    visit_boundary(s, count_one);
    s->boundary_bytes = s->boundary_count * sizeof *s->boundary;
    s->boundary = ag_pool_take(s->t, s->boundary_bytes);
    s->boundary_count = 0;
    if (!s->boundary)
        return false;
    visit_boundary(s, put_aside);
    return true;
}

void ag_boundary_clear(ag_pass *s)
{
    for (size_t k = 0; k < s->boundary_count; k++) {
        ag_node *d = ag_node_or_null(s->t, s->boundary[k].index);
        s->t->adjoints[s->boundary[k].index] = 0;
        if (d)
            ag_pass_drop(s, d);
    }
}

bool ag_boundary_finite(const ag_pass *s)
{
    bool finite = true;
    for (size_t k = 0; k < s->boundary_count; k++)
        finite &= isfinite(s->t->adjoints[s->boundary[k].index]);
    return finite;
}

void ag_boundary_end(ag_pass *s)
{
    ag_tape *t = s->t;
    ag_boundary_clear(s);
    for (size_t k = s->boundary_count; k-- > 0;) {
        const ag_outer_adjoint *a = &s->boundary[k];
        ag_node *d = ag_node_or_null(t, a->index);
        t->adjoints[a->index] = a->number;
        if (d) {
            d->adjoint = a->array;
            d->flags = a->flags;
        }
    }
    ag_pool_give(t, s->boundary, s->boundary_bytes);
}

/* ---- ag_backward in a rule */

/* Leaves of the inner graph receive gradients; whatever else would is not the inner pass's to change. */
ag_status ag_boundary_check(ag_tape *t, uint32_t y, const char *who)
{
    const uint32_t top = AG_INDEX(y);
    uint8_t *reached = ag_reachable(t, top, t->inner);
    if (!reached)
        return t->error.status;
    bool fine = true;
    for (uint32_t i = 1; i <= top && fine; i++)
        fine = !reached[i] || !ag_needs(t, i) || (i >= t->inner && t->headers[i].op != AG_OP_PERSISTENT);
    ag_pool_give(t, reached, (size_t)top + 1);
    return fine ? AG_OK
                : ag_fail(
                      t, AG_EUSE,
                      "%s: the tensor depends on leaves that were there before the rule, hook or checkpoint that runs; "
                      "within one, see ag_gradients, or begin with ag_require_grad(ag_detach(x))",
                      who);
}
