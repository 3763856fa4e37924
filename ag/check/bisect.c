/* Of many elements, which one is wrong? The derivative along a random direction shows that there is one; halves of the
 * direction show where. */
#include "ag/check/check.h"
#include <math.h>

double ag_check_product(const double *a, const double *b, int64_t n)
{
    double sum = 0, rest = 0;
    for (int64_t i = 0; i < n; i++)
        ag_check_add(&sum, &rest, a[i] * b[i]);
    return isfinite(sum) ? sum + rest : sum;
}

typedef struct search {
    ag_checker *c;
    int64_t row;
    double *analytic; /* the row's derivatives: n */
    double *part;     /* of the direction: n */
    double *values;   /* of all rows, at one point */
} search;

static void take_row(void *user, int64_t group, const double *row)
{
    const search *s = user;
    if (group == s->row)
        memcpy(s->analytic, row, (size_t)s->c->v.n * sizeof *row);
}

/* The value of the row at that distance. */
static bool value_at(search *s, const ag_line *l, double distance, double *value)
{
    if (!l->at(l->user, distance, s->values))
        return false;
    *value = s->values[s->row];
    return isfinite(*value);
}

/* By how much the derivative is off along the part of the direction from `low` to `high`: four values and one
 * extrapolation are enough where what is searched is larger than what is allowed. */
static bool difference(search *s, const double *direction, int64_t low, int64_t high, double *off)
{
    ag_checker *c = s->c;
    double up, down, slope[2];
    memset(s->part, 0, (size_t)c->v.n * sizeof *s->part);
    memcpy(s->part + low, direction + low, (size_t)(high - low) * sizeof *s->part);
    c->direct = s->part;
    ag_line l = ag_checker_line(c);
    double h = fmin(l.step, 0.9 * fmin(l.above, l.below));
    for (int k = 0; k < 2; k++, h /= 2) {
        if (!(h > l.finest) || !value_at(s, &l, h, &up) || !value_at(s, &l, -h, &down))
            return false;
        slope[k] = (up - down) / (2 * h);
    }
    *off = ag_check_product(s->analytic, s->part, c->v.n) - (4 * slope[1] - slope[0]) / 3;
    return true;
}

/* The element by itself: the report is about it if it is wrong. */
static bool confirm(search *s, int64_t element)
{
    ag_checker *c = s->c;
    const ag_check_report before = c->result->report;
    double *direction = c->direction;
    c->direction = NULL;
    c->direct = NULL;
    c->column = element;
    ag_line l = ag_checker_line(c);
    bool ok = ag_line_slopes(&l, c->memory, c->slope);
    if (ok) {
        c->worst = -1;
        ag_checker_note(c, s->row, s->analytic[element]);
        c->result->report.checked = before.checked;
        c->result->checked[c->order - 1]--;
    }
    c->direction = direction;
    return ok;
}

static bool look(search *s, const double *direction)
{
    int64_t low = 0, high = s->c->v.n;
    double all, left;
    if (!ag_evaluation_rows(&s->c->v, s->c->order, take_row, s) || !difference(s, direction, low, high, &all))
        return false;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (!difference(s, direction, low, middle, &left))
            return false;
        bool in_left = fabs(left) >= fabs(all - left);
        all = in_left ? left : all - left;
        *(in_left ? &high : &low) = middle;
    }
    return confirm(s, low);
}

void ag_checker_bisect(ag_checker *c)
{
    ag_tape *t = c->p->tape;
    const ag_probe_result before = *c->result;
    ag_mark mark = ag_tape_mark(t);
    search s = { .c = c, .row = before.report.output };
    s.analytic = ag_check_doubles(t, c->v.n);
    s.part = ag_check_doubles(t, c->v.n);
    s.values = ag_check_doubles(t, c->rows);
    bool found = s.analytic && s.part && s.values && look(&s, c->direction + before.report.element * c->v.n);
    if (!found || c->result->report.verdict != AG_FAIL || c->result->report.along)
        *c->result = before;
    if (t->error.status != AG_ENOMEM && t->error.status != AG_ELIMIT)
        t->error.status = AG_OK;
    ag_tape_rewind(t, mark);
}
