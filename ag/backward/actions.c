/* What a plain pass did, as a list, and running it again. */
#include "ag/backward/routine.h"

/* ---- noting */

void ag_note_leave(ag_pass *s)
{
    s->list = NULL;
}

void *ag_note_memory(ag_pass *s, size_t bytes)
{
    void *memory = ag_kept_take(s->t, &s->list->memory, bytes);
    if (!memory)
        ag_note_leave(s);
    return memory;
}

void *ag_note(ag_pass *s, ag_action_kind kind, size_t bytes)
{
    ag_routine *list = s->list;
    ag_action *a = ag_note_memory(s, bytes);
    if (!a)
        return NULL;
    memset(a, 0, bytes);
    a->kind = kind;
    *list->next = a;
    list->next = &a->next;
    return a;
}

void ag_note_row(ag_pass *s, const ag_row_action *row)
{
    ag_row_action *a = ag_note(s, AG_DO_ROW, sizeof *a);
    if (!a)
        return;
    const ag_action head = a->head;
    *a = *row;
    a->head = head;
}

void ag_note_index(ag_pass *s, ag_action_kind kind, uint32_t low, uint32_t high)
{
    ag_index_action *a = ag_note(s, kind, sizeof *a);
    if (!a)
        return;
    a->low = low;
    a->high = high;
}

void ag_note_arrays(ag_pass *s, ag_action_kind kind, const ag_array *to, const ag_array *from, bool add)
{
    ag_arrays_action *a = ag_note(s, kind, sizeof *a);
    if (!a)
        return;
    a->to = *to;
    if (from)
        a->from = *from;
    a->add = add;
}

const double *ag_note_sum(ag_pass *s, ag_dtype d, const void *from, int64_t n, double factor)
{
    double *sum = ag_note_memory(s, sizeof *sum);
    ag_sum_action *a = sum ? ag_note(s, AG_DO_SUM, sizeof *a) : NULL;
    if (!a)
        return NULL;
    a->dtype = d;
    a->from = from;
    a->n = n;
    a->factor = factor;
    return a->to = sum;
}

void ag_note_number(ag_pass *s, uint32_t id, void *to, bool add, const double *from)
{
    ag_number_action *a = from ? ag_note(s, AG_DO_NUMBER, sizeof *a) : NULL;
    if (!a) {
        ag_note_leave(s);
        return;
    }
    a->id = AG_INDEX(id);
    a->to = to;
    a->dtype = ag_layout_at(s->t, id)->dtype;
    a->add = add;
    a->from = from;
}

/* ---- running */

static inline void run_row(const ag_tape *t, const ag_row_action *a)
{
    double c = a->c;
    if (a->number)
        ag_number_at(t, a->number, &c);
    a->back(a->n, a->dx, a->dy, a->a, a->b, a->y, c, a->d, a->add);
}

static void run_range(const ag_tape *t, const ag_range_action *a)
{
    ag_range r = a->range;
    if (a->number)
        ag_number_at(t, a->number, &r.c);
    ag_range_run(&r, a->n, t->options.threads);
}

static ag_status run_fused(ag_tape *t, const ag_fused_action *a)
{
    const int all = a->call.count + a->call.outputs;
    if (a->taken) {
        const double g = t->adjoints[a->taken];
        if (g == 0 || !ag_is_finite(g))
            return AG_USE_RULE;
        t->adjoints[a->taken] = 0;
        a->seed[0] = g;
    }
    for (int i = 0; i < all; i++)
        if (a->call.operands[i].data == &a->number[i])
            a->number[i] = t->records[i < a->call.count ? AG_INDEX(a->call.inputs[i]) : a->call.id].value;
    if (a->call.products)
        a->call.products->next = 0;
    const uint64_t work = ag_work_begin(t);
    const ag_kernel k = ag_kernel_begin(t, t->headers[a->call.id].op >= ag_op_count);
    ag_status status = ag_kernel_end(t, k, a->call.op->vjp_fused(&a->call, a->dy, a->dx, a->beta));
    ag_work_end(t, work);
    return status && !t->error.status ? AG_USE_RULE : status;
}

static void run_number(ag_tape *t, const ag_number_action *a)
{
    const double more = *a->from;
    if (!a->to)
        t->adjoints[a->id] += more;
    else if (a->dtype == AG_F32)
        *(float *)a->to = a->add ? *(float *)a->to + (float)more : (float)more;
    else
        *(double *)a->to = a->add ? *(double *)a->to + more : more;
}

static bool is_persistent(const ag_tape *t, uint32_t i)
{
    return t->headers[i].op == AG_OP_PERSISTENT;
}

/* A number's leaf: whether nothing arrived, or what did begins the pass anew, the normal way says. */
static ag_status run_end(const ag_tape *t, const ag_index_action *a)
{
    const double g = t->adjoints[a->low];
    return !ag_is_finite(g) || (g == 0 && is_persistent(t, a->low)) ? AG_USE_RULE : AG_OK;
}

static void run_store(ag_tape *t, const ag_index_action *a)
{
    const double g = t->adjoints[a->low];
    t->adjoints[a->low] = 0;
    if (!is_persistent(t, a->low)) {
        t->records[a->low].partial[0] += g;
        t->headers[a->low].flags |= AG_STORED;
        return;
    }
    ag_stored *to = &t->slots[ag_leaf_slot(t, a->low)].grad;
    *(double *)to->data = to->arrived ? *(double *)to->data + g : g;
    to->arrived = true;
}

static ag_status run_any(ag_tape *t, const ag_action *action)
{
    const ag_index_action *at = (const ag_index_action *)action;
    const ag_arrays_action *arrays = (const ag_arrays_action *)action;
    const ag_sum_action *sum = (const ag_sum_action *)action;
    const int threads = t->options.threads;
    switch (action->kind) {
    /* clang-format off */
    case AG_DO_ROW: run_row(t, (const ag_row_action *)action); break;
    case AG_DO_RANGE: run_range(t, (const ag_range_action *)action); break;
    case AG_DO_FUSED: return run_fused(t, (const ag_fused_action *)action);
    case AG_DO_SUM: *sum->to = ag_sum_floats(sum->dtype, sum->from, sum->n, threads) * sum->factor; break;
    case AG_DO_NUMBER: run_number(t, (const ag_number_action *)action); break;
    case AG_DO_REDUCE: ag_reduce_to(&arrays->to, &arrays->from, arrays->add, threads); break;
    case AG_DO_RECORDS: ag_pass_quickly(t, at->low, at->high); break;
    case AG_DO_SEED: t->adjoints[at->low] = 1; break;
    case AG_DO_FILL: ag_fill_array(&arrays->to, 1); break;
    case AG_DO_CLEAR: t->adjoints[at->low] = 0; break;
    case AG_DO_END: return run_end(t, at);
    case AG_DO_COPY: ag_copy_array(&arrays->to, &arrays->from, arrays->add, threads); break;
    case AG_DO_ARRIVED: t->slots[at->low].grad.arrived = true; break;
    case AG_DO_STORE: run_store(t, at); break;
        /* clang-format on */
    }
    return AG_OK;
}

ag_status ag_routine_run(ag_tape *t, const ag_routine *r)
{
    for (const ag_action *a = r->first; a; a = a->next) {
        if (AG_LIKELY(a->kind == AG_DO_ROW)) {
            run_row(t, (const ag_row_action *)a);
            continue;
        }
        const ag_status status = run_any(t, a);
        if (AG_UNLIKELY(status))
            return status;
    }
    return AG_OK;
}
