/* What is wrong with a derivative, where the pattern of its elements says so. All of them are compared with differences
 * that are cheap and mostly good enough; where they are not, nothing is claimed. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { MOST_ELEMENTS = 1 << 20, MOST_COLUMNS = 4096, SIMPLE = 12 };
/* What numeric derivatives must be good to, relative to themselves and to the largest, before a pattern is looked for;
 * and how well one must fit. */
static const double GOOD = 1e-4, FITS = 1e-3;

typedef struct pattern { /* the derivatives of the order both ways, rows by columns */
    ag_checker *c;
    const double *analytic;
    double *numeric;
    double largest;
    size_t input; /* whose columns are looked at */
    int64_t first, count, of;
} pattern;

static bool name_it(pattern *s, const char *format, ...) AG_PRINTF(2, 3);
static bool name_it(pattern *s, const char *format, ...)
{
    ag_probe_result *r = s->c->result;
    va_list list;
    va_start(list, format);
    vsnprintf(r->cause, sizeof r->cause, format, list);
    va_end(list);
    return true;
}

static double analytic(const pattern *s, int64_t row, int64_t column)
{
    return s->analytic[row * s->of + column];
}

static double numeric(const pattern *s, int64_t row, int64_t column)
{
    return s->numeric[row * s->of + column];
}

static bool same(const pattern *s, double a, double b)
{
    return fabs(a - b) <= FITS * fmax(fabs(a), fabs(b)) + GOOD * FITS * s->largest;
}

/* ---- numeric derivatives */

static void aim(ag_checker *c, int64_t column)
{
    c->column = column;
    c->direct = c->direction ? c->direction + column * c->v.n : NULL;
}

static bool values_at(ag_checker *c, double distance, double *values)
{
    ag_line l = ag_checker_line(c);
    return l.at(l.user, distance, values);
}

/* Two steps and an extrapolation, which must not be far from either. */
static bool find_column(pattern *s, int64_t column, double *values)
{
    ag_checker *c = s->c;
    aim(c, column);
    ag_line l = ag_checker_line(c);
    double h = fmin(l.step / 4, 0.9 * fmin(l.above, l.below)), *at[4];
    const double places[] = { h, -h, h / 2, -h / 2 };
    for (int k = 0; k < 4; k++)
        if (!(h > l.finest) || !values_at(c, places[k], at[k] = values + k * c->rows))
            return false;
    for (int64_t row = 0; row < c->rows; row++) {
        double wide = (at[0][row] - at[1][row]) / (2 * h), narrow = (at[2][row] - at[3][row]) / h;
        double best = (4 * narrow - wide) / 3;
        s->numeric[row * s->of + column] = best;
        if (!isfinite(best))
            return false;
        s->largest = fmax(s->largest, fabs(best));
    }
    return true;
}

static bool find_all(pattern *s)
{
    ag_checker *c = s->c;
    const ag_check_report *r = &c->result->report;
    double *values = ag_check_doubles(c->p->tape, 4 * c->rows);
    s->numeric = ag_check_doubles(c->p->tape, c->rows * s->of);
    for (int64_t k = 0; k < s->of; k++)
        if (!values || !s->numeric || !find_column(s, k, values))
            return false;
    int64_t column = r->element;
    for (size_t k = 0; !r->along && k < r->input; k++)
        column += ag_shape_size(c->p->shape[k]);
    double seen = numeric(s, r->output, column); /* the check itself took more care */
    return fabs(seen - r->numeric) <= GOOD * fmax(fabs(r->numeric), GOOD * s->largest);
}

/* ---- patterns */

static bool is_nothing(pattern *s)
{
    for (int64_t row = 0; row < s->c->rows; row++)
        for (int64_t k = s->first; k < s->first + s->count; k++)
            if (analytic(s, row, k) != 0)
                return false;
    char name[80];
    ag_check_input_name(s->c->p, s->input, name, sizeof name);
    if (s->c->order == 2)
        return name_it(s, "no second derivative by %s: something counts as a constant", name);
    return s->c->direction ? name_it(s, "no gradient") : name_it(s, "no gradient by %s", name);
}

/* A ratio of small whole numbers: of few elements, nothing else is believed. */
static bool is_simple(double ratio)
{
    for (int k = 1; k <= SIMPLE; k++)
        if (fabs(ratio * k - round(ratio * k)) <= 1e-6 * fabs(ratio * k) && fabs(ratio * k) <= SIMPLE)
            return true;
    return false;
}

static bool is_factor(pattern *s)
{
    double most = 0, ratio = 1;
    int64_t seen = 0;
    for (int64_t row = 0; row < s->c->rows; row++)
        for (int64_t k = s->first; k < s->first + s->count; k++) {
            double n = numeric(s, row, k);
            seen += fabs(n) > GOOD * s->largest;
            if (fabs(n) > most) {
                most = fabs(n);
                ratio = analytic(s, row, k) / n;
            }
        }
    for (int64_t row = 0; row < s->c->rows; row++)
        for (int64_t k = s->first; k < s->first + s->count; k++)
            if (fabs(analytic(s, row, k) - ratio * numeric(s, row, k)) > 1e-5 * fabs(ratio) * most)
                return false;
    if (!isfinite(ratio) || ratio == 0 || fabs(ratio - 1) < 1e-5 || (seen < 3 && !is_simple(ratio)))
        return false;
    return name_it(s, "off by the constant factor %.5g%s", ratio, fabs(ratio + 1) < 1e-5 ? ": the sign" : "");
}

/* Where element i of the shape lies with the last two axes exchanged. */
static int64_t turned(ag_shape s, int64_t i)
{
    int64_t m = s.dim[s.rank - 2], n = s.dim[s.rank - 1], in = i % (m * n);
    return i - in + in % n * m + in / n;
}

static bool has_matrix(ag_shape s)
{
    return s.rank >= 2 && s.dim[s.rank - 2] > 1 && s.dim[s.rank - 1] > 1;
}

typedef enum turn { INPUT_AXES, OUTPUT_AXES, WHOLE } turn;

static bool fits_turned(const pattern *s, turn what)
{
    const ag_evaluation *v = &s->c->v;
    for (int64_t row = 0; row < s->c->rows; row++)
        for (int64_t k = 0; k < s->count; k++) {
            int64_t of_row = what == OUTPUT_AXES ? turned(v->shape[0], row) : what == WHOLE ? k : row;
            int64_t of_k = what == INPUT_AXES ? turned(v->p->shape[s->input], k) : what == WHOLE ? row : k;
            if (!same(s, analytic(s, row, s->first + k), numeric(s, of_row, s->first + of_k)))
                return false;
        }
    return true;
}

static bool is_transposed(pattern *s)
{
    const ag_evaluation *v = &s->c->v;
    char name[80];
    bool single = v->p->outputs == 1 && v->groups[0] == v->m;
    ag_check_input_name(v->p, s->input, name, sizeof name);
    if (s->c->order == 2 || s->c->direction)
        return false;
    if (has_matrix(v->p->shape[s->input]) && fits_turned(s, INPUT_AXES))
        return name_it(s, "transposed: the gradient by %s has its last two axes exchanged", name);
    if (single && has_matrix(v->shape[0]) && fits_turned(s, OUTPUT_AXES))
        return name_it(s, "transposed: dy has its last two axes exchanged in the gradient by %s", name);
    if (single && s->count == s->c->rows && s->count > 1 && fits_turned(s, WHOLE))
        return name_it(s, "transposed: the gradient by %s is J dy, not J' dy", name);
    return false;
}

static bool is_exchanged(pattern *s)
{
    const ag_probe *p = s->c->p;
    char name[80], other[80];
    int64_t first = 0;
    for (size_t i = 0; i < p->inputs && !s->c->direction; first += ag_shape_size(p->shape[i++])) {
        bool fits = i != s->input && ag_shape_size(p->shape[i]) == s->count;
        for (int64_t row = 0; fits && row < s->c->rows; row++)
            for (int64_t k = 0; k < s->count; k++)
                fits &= same(s, analytic(s, row, s->first + k), numeric(s, row, first + k)) &&
                        same(s, analytic(s, row, first + k), numeric(s, row, s->first + k));
        if (fits)
            return name_it(s, "the gradients by %s and %s are exchanged",
                           ag_check_input_name(p, i < s->input ? i : s->input, name, sizeof name),
                           ag_check_input_name(p, i < s->input ? s->input : i, other, sizeof other));
    }
    return false;
}

/* ---- where it is wrong */

typedef struct extent {            /* of one column */
    int64_t right, wrong, missing; /* derivatives that are not 0: as they should be, not so, 0 */
} extent;

static extent extent_of(const pattern *s, int64_t column)
{
    extent e = { 0, 0, 0 };
    for (int64_t row = 0; row < s->c->rows; row++) {
        double a = analytic(s, row, column), n = numeric(s, row, column);
        bool is_right = same(s, a, n), something = fabs(n) > GOOD * s->largest;
        e.right += is_right && something;
        e.wrong += !is_right;
        e.missing += !is_right && a == 0;
    }
    return e;
}

/* Is the input stretched to the output's shape, aligned at the end? */
static bool broadcasts(const pattern *s)
{
    const ag_evaluation *v = &s->c->v;
    ag_shape in = v->p->shape[s->input], out = v->shape[0];
    if (v->p->outputs > 1 || in.rank > out.rank || ag_shape_size(in) >= ag_shape_size(out))
        return false;
    for (int k = 0; k < in.rank; k++)
        if (in.dim[k] != 1 && in.dim[k] != out.dim[out.rank - in.rank + k])
            return false;
    return true;
}

/* The terms of each sum that arrive are right, and others do not arrive. */
static bool is_sum_missing(pattern *s)
{
    extent e = { 0, 0, 0 };
    if (s->c->order == 2 || s->c->direction || !broadcasts(s))
        return false;
    for (int64_t k = s->first; k < s->first + s->count; k++) {
        e = extent_of(s, k);
        if (!e.right || !e.missing || e.missing < e.wrong)
            return false;
    }
    char place[160];
    return name_it(s, "the sum over the broadcast is missing: %s has the dy of %lld output%s of %lld",
                   ag_check_input_place(s->c->p, s->first + s->count - 1, place, sizeof place), (long long)e.right,
                   e.right == 1 ? "" : "s", (long long)(e.right + e.missing));
}

static bool say_where(pattern *s)
{
    int64_t wrong = 0, last = 0;
    char name[80], place[160];
    if (s->c->direction)
        return false;
    for (int64_t k = s->first; k < s->first + s->count; k++)
        if (extent_of(s, k).wrong) {
            wrong++;
            last = k;
        }
    ag_check_input_name(s->c->p, s->input, name, sizeof name);
    const char *order = s->c->order == 2 ? " at second order" : "";
    if (s->count == 1 || !wrong)
        return false;
    if (wrong == 1)
        return name_it(s, "wrong%s at %s alone", order, ag_check_input_place(s->c->p, last, place, sizeof place));
    if (wrong == s->count)
        return name_it(s, "wrong%s at every element of %s", order, name);
    return name_it(s, "wrong%s at %lld of %lld elements of %s", order, (long long)wrong, (long long)s->count, name);
}

/* ---- the whole */

/* Does f leave other values in a tensor that it was given? */
static bool writes(ag_checker *c)
{
    ag_evaluation *v = &c->v;
    const double *x = c->p->x;
    char place[160];
    double *now = ag_check_doubles(v->t, v->n);
    if (!now || !ag_evaluation_run(v))
        return false;
    int64_t at = 0;
    for (size_t i = 0; i < c->p->inputs; i++) {
        int64_t size = ag_shape_size(c->p->shape[i]);
        if (ag_copy_out(v->leaf[i], AG_F64, now, (size_t)size * sizeof *now))
            return false;
        for (int64_t k = 0; k < size; k++)
            if (now[k] != x[at + k]) {
                snprintf(c->result->cause, sizeof c->result->cause, "an operand is written: %s was %.9g, and is %.9g",
                         ag_check_input_place(c->p, at + k, place, sizeof place), x[at + k], now[k]);
                return true;
            }
        at += size;
    }
    return false;
}

static void find_pattern(ag_checker *c)
{
    pattern s = { .c = c, .analytic = c->analytic, .input = c->result->report.input, .count = c->columns };
    s.of = c->columns;
    if (c->columns > MOST_COLUMNS || c->rows * c->columns > MOST_ELEMENTS || !find_all(&s))
        return;
    for (size_t k = 0; !c->direction && k < s.input; k++)
        s.first += ag_shape_size(c->p->shape[k]);
    if (!c->direction)
        s.count = ag_shape_size(c->p->shape[s.input]);
    if (!is_nothing(&s) && !is_factor(&s) && !is_transposed(&s) && !is_exchanged(&s) && !is_sum_missing(&s))
        say_where(&s);
}

void ag_checker_explain(ag_checker *c)
{
    ag_tape *t = c->p->tape;
    ag_mark mark = ag_tape_mark(t);
    ag_probe_result result = *c->result;
    if (!writes(c))
        find_pattern(c);
    memcpy(result.cause, c->result->cause, sizeof result.cause);
    *c->result = result; /* what failed on the way says nothing more about f */
    if (t->error.status != AG_ENOMEM && t->error.status != AG_ELIMIT)
        t->error.status = AG_OK;
    ag_tape_rewind(t, mark);
    if (c->result->report.along)
        ag_checker_bisect(c);
}
