/* Rows of a Jacobian, several at once: the passes of stacked.c from their seeds, which are 1 at one element each, to their
 * results. */
#include "ag/backward/stacked.h"
#include <math.h>

static void drop(ag_pass *s, uint32_t i)
{
    void **at = &s->stacks->at[i - s->stacks->low];
    if (*at)
        ag_pool_give(s->t, *at, ag_stack_bytes(s, i));
    *at = NULL;
    s->stacks->filled[i - s->stacks->low] = 0;
}

static ag_status run(ag_pass *s)
{
    ag_status status = AG_OK;
    for (uint32_t i = s->top; i >= s->low && !status; i--) {
        if (!(s->targets->wanted[i] & AG_PASSES))
            continue;
        status = ag_stacked_visit(s, i);
        if (!status && (s->restart || s->stacks->uneven))
            status = AG_USE_RULE;
        for (int k = 0; k < ag_outputs_of(s->t, i); k++)
            drop(s, i + (uint32_t)k);
    }
    return status;
}

/* Where element i of a dense tensor stands among those of the array. */
static int64_t place_of(const ag_array *a, int64_t i)
{
    int64_t place = 0;
    for (int d = a->shape.rank - 1; d >= 0; d--) {
        place += i % a->shape.dim[d] * a->stride[d];
        i /= a->shape.dim[d];
    }
    return place;
}

/* The adjoints: 1 for element `first` and each one after it, else 0. */
static ag_status seed(ag_pass *s, int64_t first)
{
    const ag_node *d = ag_node_or_null(s->t, s->y);
    ag_array one = ag_layout_array(&ag_scalar_layouts[AG_F64], NULL), whole = one;
    char *stack = ag_stack_of(s, s->y);
    if (!stack)
        return s->t->error.status;
    memset(stack, 0, ag_stack_bytes(s, s->y));
    if (!ag_is_number(d))
        ag_pass_adjoint(s->t, d, &whole);
    one.dtype = whole.dtype;
    for (int64_t n = 0; n < s->stacks->count; n++) {
        one.data = stack + (size_t)n * ag_slice_bytes(s->t, s->y) +
                   (size_t)place_of(&whole, first + n) * ag_bytes_of(whole.dtype);
        ag_fill_array(&one, 1);
    }
    ag_stack_fill(s, s->y);
    return AG_OK;
}

/* Adds what arrived at the target's node i, or, first, copies it. AG_USE_RULE: a number is not finite. */
static ag_status take(const ag_pass *s, uint32_t i, const ag_layout *x, char *rows, bool add)
{
    const ag_node *d = ag_node_or_null(s->t, i);
    char *stack = s->stacks->at[i - s->stacks->low];
    const size_t bytes = ag_slice_bytes(s->t, i);
    for (int64_t n = 0; n < s->stacks->count; n++, stack += bytes, rows += bytes) {
        ag_array to = ag_dense_array(ag_layout_shape(x), x->dtype, rows), from = to;
        from.data = stack;
        if (!ag_is_number(d) && s->t->headers[i].op == AG_OP_PERSISTENT)
            from = ag_layout_array(d->layout, stack);
        if (ag_is_number(d) && !isfinite(*(double *)(void *)stack))
            return AG_USE_RULE;
        ag_copy_array(&to, &from, add, s->t->options.threads);
    }
    return AG_OK;
}

static ag_status take_all(const ag_pass *s, char *rows)
{
    const ag_tape *t = s->t;
    const ag_target *target = s->targets->at;
    const ag_layout *x = ag_target_layout(t, target);
    const uint32_t only = AG_INDEX(target->id);
    bool any = false;
    ag_status status = AG_OK;
    for (uint32_t n = ag_stop_from(t, s->low); n < t->stop_count && t->stops[n] <= s->top && target->slot; n++) {
        const uint32_t i = t->stops[n];
        if (status || !ag_targets_at_leaf(t, s->targets, i) || !ag_stack_is_full(s, i))
            continue;
        status = take(s, i, x, rows, any);
        any = true;
    }
    if (!target->slot && only >= s->low && only <= s->top && ag_stack_is_full(s, only)) {
        status = take(s, only, x, rows, false);
        any = true;
    }
    if (!any)
        memset(rows, 0, (size_t)s->stacks->count * ag_layout_bytes(x));
    return status;
}

/* ---- all of it */

int64_t ag_stacked_rows_at_once(const ag_tape *t, uint32_t y, const ag_targets *targets)
{
    enum { LARGEST = 1 << 20, ALL = 1 << 26 }; /* bytes of stacks */
    size_t largest = 0, all = 0;
    if (t->inner || t->observed || !targets->wanted[AG_INDEX(y)])
        return 0;
    for (uint32_t i = targets->low; i <= targets->top; i++) {
        if (!targets->wanted[i])
            continue;
        if (t->headers[i].flags & AG_HOOKED) /* who looks at adjoints sees those of one pass */
            return 0;
        const size_t bytes = ag_slice_bytes(t, i);
        largest = bytes > largest ? bytes : largest;
        all += bytes;
    }
    if (!largest)
        return 0;
    const int64_t by_one = LARGEST / (int64_t)largest, by_all = ALL / (int64_t)all;
    return by_one < by_all ? by_one : by_all;
}

ag_status ag_stacked_rows(ag_tape *t, uint32_t y, ag_targets *targets, int64_t first, int64_t count, void *rows)
{
    ag_stacks stacks = { .count = count, .low = targets->low };
    ag_pass s = { .t = t,
                  .y = AG_INDEX(y),
                  .top = targets->top,
                  .first = 1,
                  .low = targets->low,
                  .targets = targets,
                  .stacks = &stacks };
    const size_t entries = (size_t)s.top - s.low + 1,
                 bytes = entries * (sizeof *stacks.at + sizeof *stacks.filled + sizeof *stacks.shown);
    if (!ag_make_adjoints(t, s.top) || !ag_settle_all(t))
        return t->error.status;
    stacks.filled = ag_pool_take(t, bytes);
    if (!stacks.filled)
        return t->error.status;
    memset(stacks.filled, 0, bytes);
    stacks.at = (void **)(stacks.filled + entries);
    stacks.shown = (bool *)(stacks.at + entries);
    t->busy++;
    ag_status status = seed(&s, first);
    if (!status)
        status = run(&s);
    if (!status)
        status = take_all(&s, rows);
    t->busy--;
    for (uint32_t i = s.low; i <= s.top; i++)
        drop(&s, i);
    ag_pool_give(t, stacks.filled, bytes);
    ag_pool_give(t, s.reached, (size_t)s.y + 1);
    return status;
}
