/* A derivative that ignores a parameter of its op: with another value there the op's values change as by another
 * derivative, and the gradient keeps its bits. Parameters are bytes to the checks: other values come from the other
 * samples, or, where eight bytes are an ordinary f64, from that. */
#include "ag/check/check.h"
#include <math.h>
#include <stdio.h>

enum { WORD = 8, MOST_BYTES = 4096 };

typedef struct trial {
    ag_op_check *k;
    const ag_case *c;
    const char *params; /* of the case */
    char *other;        /* the same with one word changed */
} trial;

static double direction(int input, int64_t i)
{
    return ag_random_bits(13, AG_CHECK_RANDOM + 256 + (uint64_t)input, (uint64_t)i) & 256 ? 1 : -1;
}

static bool run(const trial *s, const ag_case *c, ag_case_pass pass, ag_outcome *o)
{
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = pass };
    return ag_case_run(c, &r, &s->k->tapes, o) && !o->status;
}

/* How much the weighted sum of the outputs gains along a direction of all inputs, per step of 1. */
static bool numeric(const trial *s, const ag_case *c, double *gain)
{
    const double step = 0x1p-17;
    ag_outcome o[2];
    for (int side = 0; side < 2; side++) {
        ag_case moved = *c;
        for (int i = 0; i < c->count; i++) {
            int64_t size = ag_case_is_float(c, i) ? ag_shape_size(c->shape[i]) : 0;
            double *x = ag_check_doubles(s->k->tapes.home, size);
            for (int64_t j = 0; x && j < size; j++)
                x[j] = c->x[i][j] + (side ? -step : step) * direction(i, j);
            if (!x)
                return false;
            if (size)
                moved.x[i] = x;
        }
        if (!run(s, &moved, AG_CASE_FORWARD, &o[side]))
            return false;
    }
    double *w = ag_check_doubles(s->k->tapes.home, o[0].y_count);
    if (!w || o[0].y_count != o[1].y_count)
        return false;
    ag_case_weights(w, o[0].y_count, 0, 0);
    *gain = 0;
    for (int64_t i = 0; i < o[0].y_count; i++)
        *gain += w[i] * (o[0].y[i] - o[1].y[i]) / (2 * step);
    return isfinite(*gain);
}

static bool same_gradient(const trial *s, const ag_case *other, ag_case_pass pass)
{
    ag_outcome a, b;
    if (!run(s, s->c, pass, &a) || !run(s, other, pass, &b) || a.g_count != b.g_count)
        return false;
    bool any = false; /* none at all is another mistake */
    for (int64_t i = 0; i < a.g_count; i++)
        any |= a.g[i] != 0;
    return any && !memcmp(a.g, b.g, (size_t)a.g_count * sizeof *a.g);
}

/* The parameters but for one word, which is another one. */
static bool is_ignored(const trial *s)
{
    ag_case other = *s->c;
    double before, after;
    other.params = s->other;
    if (!numeric(s, s->c, &before) || !numeric(s, &other, &after))
        return false;
    return fabs(before - after) > 1e-4 * fmax(fabs(before), fabs(after)) &&
           (same_gradient(s, &other, AG_CASE_BACKWARD) || same_gradient(s, &other, AG_CASE_GRAPH));
}

/* Puts another value in the place of a word: one of another sample, or a number near it. */
static bool change(const trial *s, size_t at, size_t bytes)
{
    const ag_sample *sample = s->k->op->samples;
    memcpy(s->other, s->params, s->k->op->params_size);
    for (; sample->low[0] != sample->high[0]; sample++)
        if (sample->params && memcmp((const char *)sample->params + at, s->params + at, bytes)) {
            memcpy(s->other + at, (const char *)sample->params + at, bytes);
            return true;
        }
    double number = 0;
    if (bytes == sizeof number)
        memcpy(&number, s->params + at, sizeof number);
    if (!(fabs(number) > 1e-6 && fabs(number) < 1e6))
        return false;
    number *= 1.25;
    memcpy(s->other + at, &number, sizeof number);
    return true;
}

static void look(const trial *s)
{
    const size_t size = s->k->op->params_size;
    for (size_t at = 0; at < size; at += WORD) {
        size_t bytes = size - at < WORD ? size - at : WORD;
        if (!change(s, at, bytes) || !is_ignored(s))
            continue;
        snprintf(s->k->cause, sizeof s->k->cause,
                 "ignores parameter %zu: the gradient stays the same where it changes, the values do not",
                 at / WORD + 1);
        return;
    }
}

void ag_check_ignored(ag_op_check *k, const ag_case *c)
{
    const size_t size = k->op->params_size;
    trial s = { .k = k, .c = c, .params = c->params };
    if (!size || size > MOST_BYTES || !c->params || *k->cause)
        return;
    ag_mark mark = ag_tape_mark(k->tapes.home);
    s.other = ag_scratch(k->tapes.home, size);
    if (ag_check_memory(k, s.other))
        look(&s);
    ag_tape_rewind(k->tapes.home, mark);
}
