/* Shapes large enough for blocked kernels and for threads. */
#include "ag/check/check.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

enum { MEDIUM = 3000, LARGE = 4 * AG_SHARE, ENOUGH = 30000, MOST_ROWS = 4096, DIRECTIONS = 2 };

/* ---- larger shapes that the op accepts */

typedef struct larger { /* the case with larger shapes; why there are none */
    ag_op_check *k;
    const ag_case *from;
    int64_t size; /* that the inputs should have together */
    ag_case *to;
    char why[AG_TEXT];
    ag_status status;
    bool slow; /* of several inputs, and a forward pass takes longer than many of them should */
} larger;

static const double slow_seconds = 0.04;

static bool accepts(larger *l)
{
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_FORWARD };
    r.memory_limit = ((uint64_t)ag_case_size(l->to) * 32 + 65536) * sizeof(double);
    ag_outcome o;
    ag_op_check *k = l->k;
    if (!ag_check_memory(k, ag_case_draw(k->tapes.home, l->to, 200 + (uint64_t)k->sample)))
        return false;
    const clock_t start = clock();
    if (!ag_check_memory(k, ag_case_run(l->to, &r, &k->tapes, &o)))
        return false;
    l->slow = l->from->count > 1 && (double)(clock() - start) > slow_seconds * CLOCKS_PER_SEC;
    if (o.status)
        snprintf(l->why, sizeof l->why, "%s", o.text);
    l->status = o.status;
    return !o.status;
}

/* Extents of more than 1 times the factor; extent: only such ones, 0 for all. */
static void stretch(ag_case *c, int64_t extent, int64_t factor)
{
    for (int i = 0; i < c->count; i++)
        for (int a = 0; a < c->shape[i].rank; a++)
            if (c->shape[i].dim[a] > 1 && (!extent || c->shape[i].dim[a] == extent))
                c->shape[i].dim[a] *= factor;
}

static int64_t factor_for(double times, int rank)
{
    int64_t f = (int64_t)ceil(pow(times, 1.0 / (rank > 0 ? rank : 1)));
    return f < 2 ? 2 : f > MOST_ROWS ? MOST_ROWS : f;
}

/* In how many dimensions of one input the extent occurs; 0: any but 1. */
static int occurrences(const ag_case *c, int64_t extent)
{
    int most = 0;
    for (int i = 0; i < c->count; i++) {
        int found = 0;
        for (int a = 0; a < c->shape[i].rank; a++)
            found += extent ? c->shape[i].dim[a] == extent : c->shape[i].dim[a] > 1;
        most = found > most ? found : most;
    }
    return most;
}

/* The given extents multiplied: less than wished where broadcasting makes the result much larger than the inputs, or where
 * the work grows faster than they do. */
static bool try_stretched(larger *l, int64_t extent)
{
    double times = (double)l->size / (double)(ag_case_size(l->from) + 1);
    for (int64_t factor = factor_for(times, occurrences(l->from, extent)); factor > 1;) {
        *l->to = *l->from;
        stretch(l->to, extent, factor);
        if (ag_case_size(l->to) == ag_case_size(l->from))
            return false;
        if (accepts(l) && (!l->slow || factor == 2 || ag_case_size(l->to) <= ENOUGH))
            return true;
        if (l->status && l->status != AG_ENOMEM)
            return false;
        factor = l->status ? factor / 2 : factor * 3 / 4;
    }
    return false;
}

static bool enlarge(larger *l)
{
    const ag_case *c = l->from;
    snprintf(l->why, sizeof l->why, "the inputs have no extent to enlarge");
    if (c->op->map) {
        int64_t side = (int64_t)sqrt((double)l->size / c->count);
        *l->to = *c;
        for (int i = 0; i < c->count; i++)
            l->to->shape[i] = AG_SHAPE(side - 3, side + 8);
        return accepts(l);
    }
    if (try_stretched(l, 0))
        return true;
    for (int i = 0; i < c->count; i++)
        for (int a = 0; a < c->shape[i].rank; a++)
            if (c->shape[i].dim[a] > 1 && try_stretched(l, c->shape[i].dim[a]))
                return true;
    return false;
}

/* ---- medium: blocks and remainders */

static bool run(ag_op_check *k, const ag_case *c, ag_dtype d, int threads, ag_case_pass pass, ag_case_layout layout,
                ag_outcome *o)
{
    ag_run r = { .dtype = d, .threads = threads, .pass = pass };
    for (int i = 0; i < c->count; i++)
        r.layout[i] = c->shape[i].rank > 1 ? layout : AG_CASE_DENSE;
    return ag_check_memory(k, ag_case_run(c, &r, &k->tapes, o));
}

static void check_medium(ag_op_check *k, const ag_case *c)
{
    ag_outcome plain, other;
    ag_scale s;
    if (!run(k, c, AG_F64, 1, AG_CASE_BACKWARD, AG_CASE_DENSE, &plain) ||
        !ag_check_memory(k, ag_case_scale(c, &k->tapes, &s)))
        return;
    if (plain.status) {
        ag_check_wrong(k, AG_CHECK_LARGE, AG_FAIL, c, "ag_backward: %s: %s", ag_status_name(plain.status), plain.text);
        return;
    }
    if (run(k, c, AG_F64, 1, AG_CASE_GRAPH, AG_CASE_DENSE, &other))
        ag_check_close(k, AG_CHECK_LARGE, c, &other, &plain, &s, AG_CLOSE_F64, "with a graph against ag_backward");
    if (run(k, c, AG_F64, 1, AG_CASE_PLAIN, AG_CASE_TRANSPOSED, &other))
        ag_check_close(k, AG_CHECK_LARGE, c, &other, &plain, &s, AG_CLOSE_F64, "transposed operands");
    ag_outcome_round(&plain);
    if (run(k, c, AG_F32, 1, AG_CASE_BACKWARD, AG_CASE_DENSE, &other) && (other.applied || other.status != AG_EDTYPE))
        ag_check_close(k, AG_CHECK_LARGE, c, &other, &plain, &s, fmax(AG_CLOSE_F32, c->tolerance), "f32 against f64");
    ag_check_unwritten(k, c);
    if (k->differentiable && ag_case_obstacle(c, &plain) == NULL)
        ag_check_numeric(k, AG_CHECK_LARGE, c, 2, DIRECTIONS);
}

void ag_check_large(ag_op_check *k, const ag_case *c)
{
    ag_case big;
    larger l = { .k = k, .from = c, .size = MEDIUM, .to = &big };
    if (enlarge(&l))
        check_medium(k, &big);
    else
        ag_check_skip(k, AG_CHECK_LARGE, "no larger shapes: %s", l.why);
}

static void compare_threads(ag_op_check *k, const ag_case *c, ag_dtype d, ag_case_pass pass, ag_case_layout layout,
                            int fewest)
{
    ag_outcome one, several;
    char text[600];
    ag_mark mark = ag_tape_mark(k->tapes.home);
    bool ok = run(k, c, d, 1, pass, layout, &one) && one.applied;
    for (int threads = fewest; ok && threads <= AG_CASE_THREADS; threads++) {
        ok = run(k, c, d, threads, pass, layout, &several);
        if (ok && !ag_outcome_same(&one, &several, text, sizeof text))
            ag_check_wrong(k, AG_CHECK_THREADS, AG_FAIL, c, "%s, 1 and %d threads%s: %s", ag_dtype_name(d), threads,
                           layout ? ", transposed operands" : "", text);
        ag_check_done(k, AG_CHECK_THREADS, ok);
    }
    ag_tape_rewind(k->tapes.home, mark);
}

/* How many there are is tried once: what divides the work does not know the dtype or the pass. */
static void check_threads(ag_op_check *k, const ag_case *c)
{
    compare_threads(k, c, AG_F64, AG_CASE_BACKWARD, AG_CASE_DENSE, 2);
    compare_threads(k, c, AG_F32, AG_CASE_BACKWARD, AG_CASE_DENSE, AG_CASE_THREADS);
    compare_threads(k, c, AG_F64, AG_CASE_GRAPH, AG_CASE_DENSE, AG_CASE_THREADS);
    compare_threads(k, c, AG_F32, AG_CASE_PLAIN, AG_CASE_TRANSPOSED, AG_CASE_THREADS);
}

/* ---- large: values and derivatives against each other, where kernels divide their work */

/* What the loss gains from the inputs at x - h u to those at x + h u, per step of 1; by how much that differs before x and
 * behind it, which is little unless there is a kink, two equal elements that are sorted; and what rounding may do to it. */
typedef struct gain {
    double value, bend, noise;
} gain;

static const double first_step = 0x1p-24; /* so small that hardly an element of many crosses a kink */

static double sign_of(int input, int64_t i)
{
    return ag_random_bits(11, AG_CHECK_RANDOM + 128 + (uint64_t)input, (uint64_t)i) & 256 ? 1 : -1;
}

/* The outputs where each floating element has moved by `distance`, this way or that. */
static bool values_at(ag_op_check *k, const ag_case *c, double distance, ag_outcome *o)
{
    ag_case moved = *c;
    for (int i = 0; i < c->count; i++) {
        int64_t size = ag_shape_size(c->shape[i]);
        if (!ag_case_is_float(c, i))
            continue;
        double *x = ag_check_doubles(k->tapes.home, size);
        if (!ag_check_memory(k, x))
            return false;
        for (int64_t j = 0; j < size; j++)
            x[j] = c->x[i][j] + distance * sign_of(i, j);
        moved.x[i] = x;
    }
    return run(k, &moved, AG_F64, 1, AG_CASE_FORWARD, AG_CASE_DENSE, o) && !o->status;
}

static bool find_gain(ag_op_check *k, const ag_case *c, const ag_outcome *plain, double step, gain *g)
{
    ag_outcome above, below;
    if (!values_at(k, c, step, &above) || !values_at(k, c, -step, &below) || above.y_count != below.y_count ||
        above.y_count != plain->y_count)
        return false;
    double *w = ag_check_doubles(k->tapes.home, above.y_count);
    if (!ag_check_memory(k, w))
        return false;
    *g = (gain){ 0 };
    const double *a = above.y, *b = below.y, *y = plain->y;
    for (int i = 0; i < c->outputs; i++) {
        int64_t size = ag_shape_size(above.shape[i]);
        ag_case_weights(w, size, 0, i);
        for (int64_t j = 0; ag_is_float(above.dtype[i]) && j < size; j++) {
            g->value += w[j] * ((a[j] - b[j]) / (2 * step));
            g->bend += w[j] * ((a[j] - y[j] - (y[j] - b[j])) / step);
            g->noise += DBL_EPSILON / step * fabs(w[j] * a[j]);
        }
        a += size;
        b += size;
        y += size;
    }
    return isfinite(g->value) && isfinite(g->noise);
}

static void compare_gain(ag_op_check *k, const ag_case *c, const ag_outcome *plain)
{
    gain g, half;
    double sum = 0, size = 0;
    const double *dx = plain->g;
    if (!find_gain(k, c, plain, first_step, &g) || !find_gain(k, c, plain, first_step / 2, &half))
        return;
    for (int i = 0; i < c->count; i++)
        for (int64_t j = 0; ag_case_is_float(c, i) && j < ag_shape_size(c->shape[i]); j++, dx++) {
            sum += *dx * sign_of(i, j);
            size += fabs(*dx);
        }
    double allowed = 1e-7 * size + half.noise + 16 * fabs(g.value - half.value) + fabs(g.bend);
    if (!(allowed <= 1e-5 * size + half.noise)) {
        ag_check_skip(k, AG_CHECK_LARGE, "differences of so many elements do not settle");
        return;
    }
    if (!(fabs(sum - g.value) <= allowed))
        ag_check_wrong(k, AG_CHECK_LARGE, AG_FAIL, c,
                       "a step of all elements changes the sum of the results by %.9g, its derivative says %.9g; "
                       "allowed difference %.2g",
                       g.value, sum, allowed);
    ag_check_done(k, AG_CHECK_LARGE, 1);
}

static void check_far(ag_op_check *k, const ag_case *c)
{
    ag_outcome plain, graph;
    ag_scale s;
    ag_mark mark = ag_tape_mark(k->tapes.home);
    if (run(k, c, AG_F64, 1, AG_CASE_BACKWARD, AG_CASE_DENSE, &plain) && !plain.status &&
        ag_check_memory(k, ag_case_scale(c, &k->tapes, &s)) &&
        run(k, c, AG_F64, 1, AG_CASE_GRAPH, AG_CASE_DENSE, &graph)) {
        ag_check_close(k, AG_CHECK_LARGE, c, &graph, &plain, &s, AG_CLOSE_F64, "with a graph against ag_backward");
        compare_gain(k, c, &plain);
    }
    ag_tape_rewind(k->tapes.home, mark);
}

/* ---- large: threads */

void ag_check_threads(ag_op_check *k, const ag_case *c)
{
    ag_case big;
    larger l = { .k = k, .from = c, .size = LARGE, .to = &big };
    if (!enlarge(&l)) {
        ag_check_skip(k, AG_CHECK_THREADS, "no larger shapes: %s", l.why);
        return;
    }
    check_threads(k, &big);
    check_far(k, &big);
    if (c->op->map && c->count == 2) { /* a row and a column */
        big.shape[0].dim[0] = 1;
        big.shape[1].dim[1] = 1;
        if (accepts(&l))
            check_threads(k, &big);
    }
}
