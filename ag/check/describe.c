/* What a check of derivatives found, in words. */
#include "ag/check/check.h"
#include <stdio.h>

/* ---- places */

const char *ag_place_text(const char *name, ag_shape s, int64_t element, char *text, size_t bytes)
{
    int64_t at[AG_MAX_RANK];
    for (int k = s.rank - 1; k >= 0; k--) {
        at[k] = s.dim[k] ? element % s.dim[k] : 0;
        element /= s.dim[k] ? s.dim[k] : 1;
    }
    size_t used = (size_t)snprintf(text, bytes, "%.60s%s", name, s.rank ? "[" : "");
    for (int k = 0; k < s.rank && used < bytes; k++)
        used += (size_t)snprintf(text + used, bytes - used, "%lld%s", (long long)at[k], k + 1 < s.rank ? ", " : "]");
    return text;
}

const char *ag_check_input_name(const ag_probe *p, size_t input, char *text, size_t bytes)
{
    const char *name = p->names && p->names[input] ? p->names[input] : "";
    if (*name)
        snprintf(text, bytes, "%.60s", name);
    else if (p->inputs > 1)
        snprintf(text, bytes, "x%zu", input);
    else
        snprintf(text, bytes, "x");
    return text;
}

const char *ag_check_input_place(const ag_probe *p, int64_t i, char *text, size_t bytes)
{
    char name[80];
    size_t input = ag_check_input_of(p, &i);
    return ag_place_text(ag_check_input_name(p, input, name, sizeof name), p->shape[input], i, text, bytes);
}

const char *ag_check_output_place(const ag_evaluation *v, int64_t i, char *text, size_t bytes)
{
    char name[16] = "y";
    int k = 0;
    for (; k + 1 < v->p->outputs; k++) {
        int64_t size = ag_is_float(v->dtype[k]) ? ag_shape_size(v->shape[k]) : 0;
        if (i < size)
            break;
        i -= size;
    }
    if (v->p->outputs > 1)
        snprintf(name, sizeof name, "y%d", k);
    return ag_place_text(name, v->shape[k], i, text, bytes);
}

/* ---- the report */

void ag_check_describe_unused(const ag_evaluation *v, size_t input, ag_probe_result *result)
{
    const char *name = v->p->names && v->p->names[input] ? v->p->names[input] : "";
    result->report.verdict = AG_INCONCLUSIVE;
    result->report.input = input;
    snprintf(result->text, sizeof result->text,
             "input %zu%s%.60s%s neither changes f's value nor receives a gradient: f does not read it, but perhaps "
             "another tensor in its place",
             input, *name ? " (" : "", name, *name ? ")" : "");
}

/* The value, or the element of the first derivative, whose derivative the report is about. */
static void describe_row(const ag_evaluation *v, const ag_check_report *r, char *text, size_t bytes)
{
    char place[160], others[80] = "";
    int64_t groups = v->groups[r->order - 1];
    if (groups < (r->order == 2 ? v->n : v->m))
        snprintf(others, sizeof others, ", and %lld after each, weighted", (long long)groups);
    if (r->order == 2)
        snprintf(text, bytes, "the second derivative by %.120s%s and",
                 ag_check_input_place(v->p, r->output, place, sizeof place), others);
    else
        snprintf(text, bytes, "the derivative of %.120s%s by", ag_check_output_place(v, r->output, place, sizeof place),
                 others);
}

/* What it is a derivative by, with its value. */
static void describe_column(const ag_evaluation *v, const ag_check_report *r, char *text, size_t bytes)
{
    char name[80], place[160];
    int64_t at = r->element;
    if (r->along) {
        snprintf(text, bytes, "random direction %lld", (long long)r->element);
        return;
    }
    for (size_t k = 0; k < r->input; k++)
        at += ag_shape_size(v->p->shape[k]);
    ag_place_text(ag_check_input_name(v->p, r->input, name, sizeof name), v->p->shape[r->input], r->element, place,
                  sizeof place);
    snprintf(text, bytes, "%.120s = %.9g", place, v->p->x[at]);
}

void ag_check_describe(const ag_evaluation *v, ag_probe_result *result)
{
    const ag_check_report *r = &result->report;
    const char *cause = *result->cause          ? result->cause
                        : r->verdict == AG_FAIL ? "wrong"
                        : r->verdict == AG_KINK ? "a kink"
                                                : "not resolved";
    char of[280], by[200];
    describe_row(v, r, of, sizeof of);
    describe_column(v, r, by, sizeof by);
    snprintf(result->text, sizeof result->text,
             "%.200s: %s %s: analytic %.9g, numeric %.9g with an error of about %.2g, allowed difference %.2g; %lld "
             "derivatives checked, %lld at kinks, %lld inconclusive",
             cause, of, by, r->analytic, r->numeric, r->estimate, r->tolerance, (long long)r->checked,
             (long long)r->kinks, (long long)r->inconclusive);
}
