/* What a check of derivatives found, in words. */
#include "ag/check/check.h"
#include <stdio.h>

static const char *coordinates(ag_shape s, int64_t element, char *text, size_t bytes)
{
    int64_t at[AG_MAX_RANK];
    size_t used = 1;
    for (int k = s.rank - 1; k >= 0; k--) {
        at[k] = element % s.dim[k];
        element /= s.dim[k];
    }
    snprintf(text, bytes, "%s", s.rank ? "[" : "");
    for (int k = 0; k < s.rank && used < bytes; k++)
        used += (size_t)snprintf(text + used, bytes - used, "%lld%s", (long long)at[k], k + 1 < s.rank ? "," : "]");
    return text;
}

static const char *name_of(const ag_evaluation *v, size_t input)
{
    return v->p->names && v->p->names[input] ? v->p->names[input] : "";
}

void ag_check_describe_unused(const ag_evaluation *v, size_t input, ag_probe_result *result)
{
    const char *name = name_of(v, input);
    result->report.verdict = AG_INCONCLUSIVE;
    result->report.input = input;
    snprintf(result->text, sizeof result->text,
             "input %zu%s%.60s%s neither changes f's value nor receives a gradient: f does not read it, but perhaps "
             "another tensor in its place",
             input, *name ? " (" : "", name, *name ? ")" : "");
}

/* What the report says, in words. */
void ag_check_describe(const ag_evaluation *v, ag_probe_result *result)
{
    const ag_check_report *r = &result->report;
    char by[200], element[128];
    const char *name = name_of(v, r->input);
    if (!v->p->options.directions)
        coordinates(v->p->shape[r->input], r->element, element, sizeof element);
    if (v->p->options.directions)
        snprintf(by, sizeof by, "along direction %lld", (long long)r->element);
    else if (*name)
        snprintf(by, sizeof by, "by %.60s%s", name, element);
    else
        snprintf(by, sizeof by, "by input %zu%s", r->input, element);
    char of[128];
    const char *what = r->order == 2 ? "gradient element" : "output";
    int64_t groups = v->groups[r->order - 1];
    if (groups < (r->order == 2 ? v->n : v->m))
        snprintf(of, sizeof of, "order %d: %s %lld and every %lldth after it, weighted,", r->order, what,
                 (long long)r->output, (long long)groups);
    else
        snprintf(of, sizeof of, "order %d: %s %lld", r->order, what, (long long)r->output);
    snprintf(
        result->text, sizeof result->text,
        "%s %s: analytic %.9g, numeric %.9g with an error of about %.2g, allowed difference %.2g; %lld derivatives "
        "checked, %lld at kinks, %lld inconclusive",
        of, by, r->analytic, r->numeric, r->estimate, r->tolerance, (long long)r->checked, (long long)r->kinks,
        (long long)r->inconclusive);
}
