/* The public face of gradient checking. */
#include "ag/check/check.h"
#include <math.h>

typedef struct subject {
    ag_function *f;
    void *user;
} subject;

static void call(const ag_probe *p, const ag_tensor *x, ag_tensor *y)
{
    const subject *s = p->user;
    y[0] = s->f((ag_list){ x, p->inputs }, s->user);
}

static bool refuse(ag_tape *t, ag_status s, const char *what)
{
    ag_fail(t, s, "ag_gradcheck: %s", what);
    return false;
}

static bool within(const ag_probe *p)
{
    const double *x = p->x;
    for (size_t i = 0; i < p->inputs; i++)
        for (int64_t size = ag_shape_size(p->shape[i]); size > 0; size--, x++)
            if ((p->options.low && !(*x >= p->options.low[i])) || (p->options.high && !(*x <= p->options.high[i])))
                return false;
    return true;
}

static bool check_options(ag_tape *t, const ag_check_options *o)
{
    if (o->order < 0 || o->order > 2)
        return refuse(t, AG_EARG, "the order is 1 or 2");
    if (!(o->tolerance >= 0 && o->tolerance < INFINITY) || !(o->step >= 0 && o->step < INFINITY) || o->directions < 0)
        return refuse(t, AG_EARG, "tolerance, step and directions are not negative");
    return true;
}

static bool is_usable(ag_tape *t, ag_tensor x)
{
    if (x.tape == t && !x.id)
        return false; /* inert: its error was reported */
    if (x.tape != t)
        return refuse(t, x.tape ? AG_EUSE : AG_ENULL, "all inputs are tensors of one tape");
    ag_dtype d = ag_dtype_of(x);
    return d == AG_F64 ||
           (d != AG_FLOAT && refuse(t, AG_EDTYPE,
                                    "derivatives are checked at f64 tensors: see ag_cast, or dtype in the "
                                    "tape's options where a module makes them"));
}

/* A persistent tensor is written in place; where it is listed again it is a tensor of its own with the same values. */
static ag_tensor in_place(ag_list at, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (ag_word(at.at[k]) == ag_word(at.at[i]))
            return (ag_tensor){ 0 };
    return ag_is_persistent(at.at[i]) ? at.at[i] : (ag_tensor){ 0 };
}

/* f may give the tensor another name, which ends this one's memory. */
static const char *copy_name(ag_tape *t, ag_tensor x)
{
    const char *name = ag_name_of(x);
    char *copy = ag_scratch(t, strlen(name) + 1);
    return copy ? strcpy(copy, name) : NULL;
}

/* What is known of the point, in memory that the caller's mark frees. */
static bool gather(ag_probe *p, ag_list at)
{
    ag_tape *t = p->tape;
    int64_t n = 0;
    for (size_t i = 0; i < at.count; i++) {
        if (!is_usable(t, at.at[i]))
            return false;
        n += ag_size_of(at.at[i]);
    }
    ag_shape *shape = ag_scratch(t, at.count * sizeof *shape);
    const char **names = ag_scratch(t, at.count * sizeof *names);
    ag_tensor *persistent = ag_scratch(t, at.count * sizeof *persistent);
    double *x = ag_check_doubles(t, n);
    if (!shape || !names || !persistent || !x)
        return false;
    p->shape = shape;
    p->names = names;
    p->persistent = persistent;
    p->x = x;
    for (size_t i = 0; i < at.count; i++) {
        shape[i] = ag_shape_of(at.at[i]);
        persistent[i] = in_place(at, i);
        names[i] = copy_name(t, at.at[i]);
        size_t bytes = (size_t)ag_size_of(at.at[i]) * sizeof *x;
        if (!names[i] || ag_copy_out(at.at[i], AG_F64, x, bytes))
            return false;
        x += bytes / sizeof *x;
    }
    return within(p) || refuse(t, AG_EARG, "an input is outside of the given bounds");
}

static ag_tape *tape_of(ag_list at)
{
    for (size_t i = 0; at.at && i < at.count; i++)
        if (at.at[i].tape)
            return at.at[i].tape;
    return NULL;
}

static void gradcheck(ag_function *f, void *user, ag_list at, const ag_check_options *o, ag_probe_result *r)
{
    ag_tape *t = tape_of(at);
    *r = (ag_probe_result){ .report = { .verdict = AG_INCONCLUSIVE } };
    snprintf(r->text, sizeof r->text, "nothing was checked: %s",
             at.count ? "the inputs are not usable" : "there are no inputs");
    if (!t)
        return;
    if (!f) {
        snprintf(r->text, sizeof r->text, "nothing was checked: the function is NULL");
        refuse(t, AG_ENULL, "the function is NULL");
        return;
    }
    if (t->busy) {
        refuse(t, AG_EUSE, "not inside an op's rule or a gradient check");
        return;
    }
    if (!check_options(t, o) || !ag_settle_all(t)) /* parameters will be changed */
        return;
    subject s = { f, user };
    ag_probe p = { .tape = t, .run = call, .user = &s, .inputs = at.count, .outputs = 1, .options = *o };
    ag_mark mark = ag_tape_mark(t);
    const uint32_t told = t->warned;
    t->warned |= 1u << AG_WARN_CONSTANT; /* where f is linear, the second derivatives are of constants */
    if (gather(&p, at))
        ag_check_function(&p, r);
    t->warned &= told | ~(1u << AG_WARN_CONSTANT);
    ag_tape_rewind(t, mark);
}

ag_verdict ag_gradcheck_with(ag_function *f, void *user, ag_list at, ag_check_options options, ag_check_report *report)
{
    ag_probe_result r;
    gradcheck(f, user, at, &options, &r);
    if (report)
        *report = r.report;
    return r.report.verdict;
}

ag_verdict ag_gradcheck(ag_function *f, void *user, ag_list at, FILE *report)
{
    ag_probe_result r;
    ag_check_options options = { 0 };
    gradcheck(f, user, at, &options, &r);
    if (report && r.report.verdict != AG_PASS)
        fprintf(report, "gradcheck: %s: %s\n", ag_verdict_name(r.report.verdict), r.text);
    return r.report.verdict;
}

const char *ag_verdict_name(ag_verdict v)
{
    static const char *const names[] = { "INCONCLUSIVE", "PASS", "FAIL", "KINK" };
    return v >= AG_INCONCLUSIVE && v <= AG_KINK ? names[v] : "unknown";
}
