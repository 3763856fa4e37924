/* All automatic checks of an op on its samples, and what they report. */
#include "ag/check/check.h"
#include <stdarg.h>
#include <stdio.h>

const char *const ag_check_names[AG_CHECKS] = {
    [AG_CHECK_FIRST] = "first derivative",
    [AG_CHECK_SECOND] = "second derivative",
    [AG_CHECK_PASSES] = "kernels and rule",
    [AG_CHECK_MEMORY] = "unwritten memory",
    [AG_CHECK_NEEDS] = "single gradients",
    [AG_CHECK_JVP] = "forward derivative",
    [AG_CHECK_VECTORS] = "jvp and hvp",
    [AG_CHECK_F32] = "f32",
    [AG_CHECK_STRIDES] = "strides",
    [AG_CHECK_BROADCAST] = "broadcasting",
    [AG_CHECK_RANK0] = "rank 0",
    [AG_CHECK_EMPTY] = "empty inputs",
    [AG_CHECK_SHAPES] = "bad shapes",
    [AG_CHECK_HANDLES] = "bad handles",
    [AG_CHECK_WRITES] = "written operands",
    [AG_CHECK_PARAMS] = "copied parameters",
    [AG_CHECK_STATE] = "kept state",
    [AG_CHECK_ZEROS] = "structural zeros",
    [AG_CHECK_LARGE] = "larger shapes",
    [AG_CHECK_THREADS] = "threads",
};

/* ---- taking note */

void ag_check_done(ag_op_check *k, ag_check_id id, int64_t count)
{
    ag_check_result *r = &k->result[id];
    r->done += count;
    if (count && r->verdict == AG_INCONCLUSIVE && !r->text[0])
        r->verdict = AG_PASS;
}

void ag_check_skip(ag_op_check *k, ag_check_id id, const char *format, ...)
{
    ag_check_result *r = &k->result[id];
    va_list list;
    if (!r->skipped++) {
        va_start(list, format);
        vsnprintf(r->why, sizeof r->why, format, list);
        va_end(list);
    }
}

static int severity(ag_verdict v)
{
    return v == AG_FAIL ? 3 : v == AG_KINK ? 2 : v == AG_INCONCLUSIVE ? 1 : 0;
}

static void describe_case(const ag_op_check *k, const ag_case *c, char *text, size_t bytes)
{
    size_t used = (size_t)snprintf(text, bytes, "sample %d, inputs", k->sample);
    for (int i = 0; c && i < c->count && used < bytes; i++) {
        char shape[128];
        used += (size_t)snprintf(text + used, bytes - used, " %s%s",
                                 c->dtype[i] == AG_FLOAT ? "" : ag_dtype_name(c->dtype[i]),
                                 ag_shape_text(c->shape[i], shape, sizeof shape));
    }
}

void ag_check_wrong(ag_op_check *k, ag_check_id id, ag_verdict verdict, const ag_case *c, const char *format, ...)
{
    ag_check_result *r = &k->result[id];
    va_list list;
    if (r->text[0] && severity(verdict) <= severity(r->verdict))
        return;
    describe_case(k, c, r->inputs, sizeof r->inputs);
    va_start(list, format);
    vsnprintf(r->text, sizeof r->text, format, list);
    va_end(list);
    r->verdict = verdict;
}

bool ag_check_memory(ag_op_check *k, bool got)
{
    if (!got)
        ag_check_wrong(k, AG_CHECK_FIRST, AG_INCONCLUSIVE, NULL, "there was not enough memory for the checks");
    return got;
}

/* ---- the samples */

static void check_case(ag_op_check *k, const ag_case *c)
{
    ag_check_passes(k, c);
    ag_check_unwritten(k, c);
    ag_check_needs(k, c);
    ag_check_jvp(k, c);
    ag_check_vectors(k, c);
    ag_check_f32(k, c);
    ag_check_strides(k, c);
    ag_check_broadcast(k, c);
    ag_check_rank0(k, c);
    ag_check_empty(k, c);
    ag_check_shapes(k, c);
    ag_check_handles(k, c);
    ag_check_writes(k, c);
    ag_check_params(k, c);
    ag_check_state(k, c);
    ag_check_zeros(k, c);
    ag_check_large(k, c);
    ag_check_threads(k, c);
}

static void check_sample(ag_op_check *k, const ag_sample *sample)
{
    ag_case c;
    ag_mark mark = ag_tape_mark(k->tapes.home);
    ag_case_of_sample(k->op, sample, 2, &c);
    if (c.count > AG_CASE_INPUTS || c.outputs > AG_CASE_OUTPUTS)
        ag_check_wrong(k, AG_CHECK_FIRST, AG_INCONCLUSIVE, NULL,
                       "the checks know ops of up to %d inputs and %d outputs", AG_CASE_INPUTS, AG_CASE_OUTPUTS);
    else if (ag_check_memory(k, ag_case_draw(k->tapes.home, &c, (uint64_t)k->sample)) && ag_check_gradient(k, &c))
        check_case(k, &c);
    ag_tape_rewind(k->tapes.home, mark);
}

static void check_samples(ag_op_check *k)
{
    const ag_sample *s = k->op->samples;
    for (; s && s->low[0] != s->high[0]; s++) {
        k->sample = ++k->samples;
        check_sample(k, s);
    }
}

/* ---- the report */

static ag_verdict overall(const ag_op_check *k)
{
    ag_verdict worst = k->samples ? AG_PASS : AG_INCONCLUSIVE;
    int64_t done = 0;
    for (int i = 0; i < AG_CHECKS; i++) {
        const ag_check_result *r = &k->result[i];
        done += r->done;
        if ((r->done || r->text[0]) && severity(r->verdict) > severity(worst))
            worst = r->verdict;
    }
    return worst == AG_PASS && !done ? AG_INCONCLUSIVE : worst;
}

static void print_check(const ag_check_result *r, const char *name, bool above, FILE *to)
{
    fprintf(to, "  %-18s", name);
    if (!r->done && !r->text[0]) {
        fprintf(to, "       -  %s\n", r->skipped ? r->why : "nothing to do");
        return;
    }
    fprintf(to, "%8lld  %s", (long long)r->done, ag_verdict_name(r->verdict));
    if (r->skipped)
        fprintf(to, "  (not %lld: %s)", (long long)r->skipped, r->why);
    if (r->text[0] && above)
        fprintf(to, "  as said");
    else if (r->text[0])
        fprintf(to, "  %s: %s", r->inputs, r->text);
    fputc('\n', to);
}

/* The check that says why: the first of those with the verdict, since what comes later builds on it. */
static int first_wrong(const ag_op_check *k, ag_verdict verdict)
{
    int i = 0;
    while (i < AG_CHECKS && (verdict == AG_PASS || k->result[i].verdict != verdict || !k->result[i].text[0]))
        i++;
    return i;
}

static void print_report(const ag_op_check *k, ag_verdict verdict, FILE *to)
{
    const char *name = k->op->name ? k->op->name : "(an op without a name)";
    const int first = first_wrong(k, verdict);
    fprintf(to, "%s: %s, %d sample%s", name, ag_verdict_name(verdict), k->samples, k->samples == 1 ? "" : "s");
    if (first < AG_CHECKS)
        fprintf(to, ": %s%s%s (%s, %s)", k->cause, *k->cause ? ": " : "", k->result[first].text, ag_check_names[first],
                k->result[first].inputs);
    fputc('\n', to);
    if (!k->samples)
        fprintf(to, "  ag_op.samples says on which arguments an op is tried\n");
    for (int i = 0; i < AG_CHECKS && k->samples; i++)
        print_check(&k->result[i], ag_check_names[i], i == first, to);
}

/* ---- the whole */

static bool is_builtin(const ag_op *op)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    for (size_t i = 0; i < count; i++)
        if (ops[i] == op)
            return true;
    return false;
}

ag_verdict ag_check_op_into(const ag_op *op, FILE *report, ag_op_check *k)
{
    if (!op)
        return AG_INCONCLUSIVE;
    k->op = op;
    k->builtin = is_builtin(op);
    k->tapes.home = ag_case_tape(AG_F64, 1, 0);
    if (k->tapes.home)
        check_samples(k);
    ag_case_tapes_free(&k->tapes);
    ag_verdict verdict = overall(k);
    if (report)
        print_report(k, verdict, report);
    return verdict;
}

ag_verdict ag_check_op(const ag_op *op, FILE *report)
{
    ag_op_check k = { 0 };
    return ag_check_op_into(op, report, &k);
}
