/* The derivatives of a function, element by element or along random directions, against numeric ones. */
#include "ag/check/check.h"
#include <math.h>
#include <stdio.h>

/* ---- one order */

static void take_row(void *user, int64_t group, const double *row)
{
    ag_checker *c = user;
    double size = 0;
    for (int64_t i = 0; i < c->v.n; i++)
        size += fabs(row[i] * c->p->x[i]);
    c->size[group] = isfinite(size) ? size : 0;
    c->along[group] = ag_check_product(row, c->probing, c->v.n);
    double *to = c->analytic + group * c->columns;
    for (int64_t k = 0; k < c->columns; k++) {
        to[k] = c->direction ? ag_check_product(row, c->direction + k * c->v.n, c->v.n) : row[k];
        if (isfinite(to[k]))
            c->steepest = fmax(c->steepest, fabs(to[k]));
    }
}

static bool fail(ag_checker *c, ag_verdict verdict, const char *text)
{
    snprintf(c->result->text, sizeof c->result->text, "%s", text);
    c->result->report.verdict = verdict;
    return false;
}

static bool not_deterministic(ag_checker *c)
{
    snprintf(c->result->cause, sizeof c->result->cause, "not deterministic");
    return fail(c, AG_INCONCLUSIVE, "f is not deterministic: two evaluations at one point differ");
}

/* The values at the point itself: twice, since nothing can be said of a function that is never the same. */
static bool take_center(ag_checker *c)
{
    double *size = c->again;
    if (!ag_evaluation_at(&c->v, c->order, c->center, size))
        return false;
    c->largest = 0;
    for (int64_t g = 0; g < c->rows; g++) {
        double finite = isfinite(size[g]) ? size[g] : 0;
        c->size[g] += finite;
        c->largest = fmax(c->largest, finite);
    }
    if (!ag_evaluation_at(&c->v, c->order, c->again, NULL))
        return false;
    if (memcmp(c->center, c->again, (size_t)c->rows * sizeof *c->again))
        return not_deterministic(c);
    return true;
}

static double *analytic_of(const ag_checker *c, int64_t row)
{
    return &c->analytic[row * c->columns + c->column];
}

/* Is there a row that fails, or has a kink where rounding was not reckoned with? Those are looked at again. */
static bool any_fails(ag_checker *c)
{
    bool any = false;
    for (int64_t g = 0; g < c->rows; g++) {
        double tolerance, noise = c->noise[g];
        ag_verdict v = ag_checker_judge(c, g, *analytic_of(c, g), &tolerance);
        if (v == AG_FAIL || v == AG_KINK)
            ag_checker_expect_rounding(c, g);
        any |= v == AG_FAIL || (v == AG_KINK && c->noise[g] > 4 * noise);
    }
    return any;
}

/* To the smallest steps where anything is strange, until the verdict is certain. */
static bool check_column(ag_checker *c)
{
    c->direct = c->direction ? c->direction + c->column * c->v.n : NULL;
    ag_line l = ag_checker_line(c);
    bool failed = c->result->report.verdict == AG_FAIL;
    l.thorough = c->contradicted && !failed;
    if (!ag_line_slopes(&l, c->memory, c->slope))
        return false;
    if (!failed && any_fails(c)) {
        l.thorough = true;
        if (!ag_line_slopes(&l, c->memory, c->slope))
            return false;
    }
    for (int64_t g = 0; g < c->rows; g++)
        ag_checker_note(c, g, *analytic_of(c, g));
    return true;
}

static bool find_unused(ag_checker *c)
{
    for (c->unused = 0; c->unused < c->p->inputs; c->unused++)
        if (!ag_evaluation_uses(&c->v, c->unused, c->center, c->again))
            break;
    return !c->p->tape->error.status;
}

static bool check_order(ag_checker *c, int order)
{
    c->order = order;
    c->steepest = 0;
    c->seen = c->lost = 0;
    c->rows = c->v.groups[order - 1];
    for (int64_t g = 0; g < c->rows; g++)
        c->rounding[g] = -1;
    ag_checker_aim(c);
    if (!ag_evaluation_rows(&c->v, order, take_row, c) || !take_center(c) || !ag_checker_noise(c))
        return false;
    if (order == 1 && !find_unused(c))
        return false;
    c->contradicted = ag_checker_is_contradicted(c);
    for (c->column = 0; c->column < c->columns; c->column++)
        if (!check_column(c))
            return false;
    c->hidden |= c->lost > c->seen / 3;
    if (c->result->report.verdict == AG_FAIL)
        ag_checker_explain(c);
    return c->result->report.verdict != AG_FAIL; /* the derivative of a wrong one proves nothing */
}

/* ---- the whole */

static bool prepare(ag_checker *c)
{
    int64_t n = c->v.n, directions = c->p->options.directions;
    int64_t rows = c->v.groups[0] > c->v.groups[1] ? c->v.groups[0] : c->v.groups[1];
    ag_tape *t = c->p->tape;
    c->columns = directions ? directions : n;
    c->analytic = ag_check_doubles(t, rows * c->columns);
    c->direction = directions ? ag_check_doubles(t, n * directions) : NULL;
    c->probing = ag_check_doubles(t, n);
    c->center = ag_check_doubles(t, rows * 4);
    c->slope = ag_scratch(t, (size_t)rows * sizeof *c->slope);
    c->near = ag_scratch(t, (size_t)rows * sizeof *c->near);
    c->along = ag_check_doubles(t, rows);
    c->rounding = ag_check_doubles(t, rows);
    c->memory = ag_scratch(t, ag_line_bytes(rows));
    if (t->error.status)
        return fail(c, AG_INCONCLUSIVE, t->error.text);
    c->again = c->center + rows;
    c->size = c->again + rows;
    c->noise = c->size + rows;
    for (int64_t k = 0; k < directions; k++) {
        double *d = c->direction + k * n;
        ag_random_uniform(AG_F64, d, n, c->p->options.seed, AG_CHECK_RANDOM + 5 + (uint64_t)k, -1, 1, 1);
        for (int64_t i = 0; i < n; i++) /* of size 1/2 to 3/2: none hides its element */
            d[i] = (d[i] + (d[i] < 0 ? -0.5 : 0.5)) * ag_check_unit(c->p->x[i]);
    }
    return true;
}

/* Derivatives may be lost in rounding where three times as many are not. */
static void conclude(ag_checker *c)
{
    if (c->result->report.verdict == AG_PASS && c->hidden)
        fail(c, AG_INCONCLUSIVE, "more than a quarter of the derivatives are so small that rounding hides them");
    if (c->result->report.verdict == AG_PASS && c->unused < c->p->inputs)
        ag_check_describe_unused(&c->v, c->unused, c->result);
}

static void check(ag_checker *c)
{
    int order = c->p->options.order ? c->p->options.order : 2;
    if (!ag_evaluation_begin(&c->v, c->p, c->result) || !prepare(c))
        return;
    c->worst = -1;
    c->result->report.verdict = AG_PASS;
    for (int k = 1; k <= order; k++)
        if (!check_order(c, k))
            return;
    conclude(c);
}

void ag_check_function(const ag_probe *p, ag_probe_result *result)
{
    ag_tape *t = p->tape;
    *result = (ag_probe_result){ .report = { .verdict = AG_INCONCLUSIVE } };
    if (ag_error_push(t)) {
        snprintf(result->text, sizeof result->text, "%s", t->error.text);
        return;
    }
    ag_mark mark = ag_tape_mark(t);
    uint64_t random_calls = t->random_calls;
    uint32_t no_grad = t->no_grad;
    t->no_grad = 0;
    ag_set_recording(t);
    ag_checker c = { .p = p, .result = result };
    check(&c);
    if (result->report.verdict != AG_PASS && !result->text[0])
        ag_check_describe(&c.v, result);
    ag_evaluation_end(&c.v);
    ag_tape_rewind(t, mark);
    t->random_calls = random_calls;
    t->no_grad = no_grad;
    ag_set_recording(t);
    ag_status s = ag_error_pop(t);
    if (s == AG_ENOMEM || s == AG_ELIMIT)
        ag_fail(t, s, "the check of derivatives: %s", result->text);
}
