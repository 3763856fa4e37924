/* A function and its first derivative as plain functions from numbers to numbers, evaluated on a tape that
 * is rewound. */
#include "ag/check/check.h"
#include "ag/ops.h"
#include <float.h>
#include <math.h>

enum { MOST_GROUPS = 1024, FEW_GROUPS = 64, LEAST_GROUPS = 16, LEAST_QUICK_GROUPS = 2, MOST_DERIVATIVES = 1 << 22 };

/* ---- evaluating */

static double *doubles(ag_evaluation *v, int64_t count)
{
    return ag_check_doubles(v->t, count);
}

/* Floating outputs are what is differentiated; others may stand beside them. */
static bool counts(const ag_evaluation *v, int k)
{
    return v->p->outputs == 1 || ag_is_float(ag_dtype_of(v->y[k]));
}

static int64_t total_size(const ag_evaluation *v)
{
    int64_t m = 0;
    for (int k = 0; k < v->p->outputs; k++)
        m += counts(v, k) ? ag_size_of(v->y[k]) : 0;
    return m;
}

/* The sum of outputs weighted by c, which is of length m. */
static ag_tensor weighted_sum(ag_evaluation *v, const double *c)
{
    ag_tape *t = v->t;
    ag_tensor sum = { 0 };
    for (int k = 0; k < v->p->outputs; k++) {
        if (!counts(v, k))
            continue;
        int64_t size = ag_size_of(v->y[k]);
        ag_tensor weight = ag_from(t, AG_F64, ag_shape_of(v->y[k]), c, (size_t)size * sizeof *c);
        if (ag_dtype_of(v->y[k]) != AG_F64)
            weight = ag_cast(weight, ag_dtype_of(v->y[k]));
        ag_tensor part = ag_sum(ag_mul(v->y[k], weight));
        sum = sum.tape ? ag_add(sum, part) : part;
        c += size;
    }
    return sum;
}

/* The gradient of that. */
static bool differentiate(ag_evaluation *v, const double *c, int flags)
{
    ag_gradients(weighted_sum(v, c), (ag_list){ v->leaf, v->p->inputs }, flags, v->dx);
    return !v->t->error.status || ag_evaluation_fail_pending(v, "the derivative of f failed");
}

/* The elements of v->dx, one after the other. */
static bool copy_gradient(ag_evaluation *v, double *to)
{
    char has[128], wants[128];
    for (size_t i = 0; i < v->p->inputs; i++) {
        int64_t size = ag_shape_size(v->p->shape[i]);
        if (!ag_shape_equal(ag_shape_of(v->dx[i]), v->p->shape[i]))
            return ag_evaluation_fail(v, AG_FAIL, "the gradient of input %zu has shape %s, the input %s", i,
                                      ag_shape_text(ag_shape_of(v->dx[i]), has, sizeof has),
                                      ag_shape_text(v->p->shape[i], wants, sizeof wants));
        if (ag_copy_out(v->dx[i], AG_F64, to, (size_t)size * sizeof *to))
            return ag_evaluation_fail_pending(v, "the derivative of f failed");
        to += size;
    }
    return true;
}

/* The weights of one group of outputs, or, of what the second order is about, of all of them with those of the groups.
 */
static void weigh(const ag_evaluation *v, int64_t group, double *c)
{
    for (int64_t o = 0; o < v->m; o++) {
        int64_t g = o % v->groups[0];
        c[o] = group == AG_ALL_GROUPS ? v->weight[0][o] * v->group_weight[g] : g == group ? v->weight[0][o] : 0;
    }
}

static bool differentiate_all(ag_evaluation *v, double factor, int flags)
{
    double *c = ag_check_doubles(v->t, v->m);
    if (!c)
        return ag_evaluation_fail_pending(v, "the check");
    weigh(v, AG_ALL_GROUPS, c);
    for (int64_t o = 0; o < v->m; o++)
        c[o] *= factor;
    return differentiate(v, c, flags);
}

bool ag_evaluation_gradient(ag_evaluation *v, double factor, int flags, double *to)
{
    return differentiate_all(v, factor, flags) && copy_gradient(v, to);
}

static bool read_outputs(ag_evaluation *v)
{
    double *to = v->output;
    for (int k = 0; k < v->p->outputs; k++) {
        if (!counts(v, k))
            continue;
        int64_t count = ag_size_of(v->y[k]);
        if (ag_copy_out(v->y[k], AG_F64, to, (size_t)count * sizeof *to))
            return ag_evaluation_fail_pending(v, "f's value");
        to += count;
    }
    return true;
}

/* The sums over the groups of elements: of the outputs, or of their derivative by the inputs. */
static void sum_groups(const ag_evaluation *v, int order, const double *element, double *value, double *size)
{
    const int64_t groups = v->groups[order - 1], count = order == 1 ? v->m : v->n;
    memset(value, 0, (size_t)groups * sizeof *value);
    memset(v->rest, 0, (size_t)groups * sizeof *v->rest);
    for (int64_t i = 0; i < count; i++) {
        double term = v->weight[order - 1][i] * element[i];
        ag_check_add(&value[i % groups], &v->rest[i % groups], term);
        if (size)
            size[i % groups] += fabs(term);
    }
    for (int64_t g = 0; g < groups; g++)
        value[g] += isfinite(value[g]) ? v->rest[g] : 0;
}

bool ag_evaluation_at(ag_evaluation *v, int order, double *value, double *size)
{
    ag_mark mark = ag_tape_mark(v->t);
    bool ok = ag_evaluation_run(v);
    if (size)
        memset(size, 0, (size_t)v->groups[order - 1] * sizeof *size);
    if (ok)
        ok = order == 1 ? read_outputs(v) : ag_evaluation_gradient(v, 1, 0, v->first);
    ag_tape_rewind(v->t, mark);
    if (ok)
        sum_groups(v, order, order == 1 ? v->output : v->first, value, size);
    return ok;
}

/* ---- analytic derivatives */

static bool plain_rows(ag_evaluation *v, double *row, double *c, ag_row_taker *take, void *user)
{
    memset(v->gradient, 0, (size_t)v->n * sizeof *v->gradient);
    memset(v->gradient_size, 0, (size_t)v->n * sizeof *v->gradient_size);
    for (int64_t g = 0; g < v->groups[0]; g++) {
        ag_mark mark = ag_tape_mark(v->t);
        weigh(v, g, c);
        bool ok = differentiate(v, c, 0) && copy_gradient(v, row);
        ag_tape_rewind(v->t, mark);
        if (!ok)
            return false;
        for (int64_t i = 0; i < v->n; i++) {
            v->gradient[i] += v->group_weight[g] * row[i];
            v->gradient_size[i] += fabs(v->group_weight[g] * row[i]);
        }
        take(user, g, row);
    }
    return true;
}

/* Two ways to the first derivative: the plain pass, and the graph of the ops' rules. They may differ by rounding, which
 * is that of the terms, or of f itself where its derivative is zero but for rounding, or of what f consists of. */
static bool compare_passes(ag_evaluation *v, const double *by_graph)
{
    double inside = -1;
    for (int64_t i = 0; i < v->n; i++) {
        double allowed = 1e-9 * v->gradient_size[i] + 8 * DBL_EPSILON * v->size / fmax(fabs(v->p->x[i]), 1);
        double difference = fabs(by_graph[i] - v->gradient[i]);
        bool both_lost = !isfinite(by_graph[i]) && !isfinite(v->gradient[i]);
        if (difference <= allowed || both_lost)
            continue;
        if (inside < 0)
            inside = ag_evaluation_rounding(v, 1, AG_ALL_GROUPS);
        allowed += 256 * inside / fmax(fabs(v->p->x[i]), 1);
        if (difference <= allowed)
            continue;
        if (!ag_evaluation_is_linear(v, AG_CREATE_GRAPH))
            return false;
        ag_check_report *r = &v->result->report;
        int64_t element = i;
        size_t k = ag_check_input_of(v->p, &element);
        char place[160];
        *r = (ag_check_report){ .order = 1,
                                .input = k,
                                .element = element,
                                .analytic = by_graph[i],
                                .numeric = v->gradient[i],
                                .tolerance = allowed,
                                .checked = r->checked,
                                .kinks = r->kinks };
        return ag_evaluation_fail(
            v, AG_FAIL,
            "the rules do not agree with the kernels: at %s = %.9g the first derivative with a graph is %.17g, that of "
            "a plain pass %.17g",
            ag_check_input_place(v->p, i, place, sizeof place), v->p->x[i], by_graph[i], v->gradient[i]);
    }
    return true;
}

/* The sum of group g of the first derivative's elements, as a tensor. */
static ag_tensor group_of_first(ag_evaluation *v, const ag_tensor *first, int64_t g, double *w)
{
    ag_tensor sum = { 0 };
    int64_t at = 0, groups = v->groups[1];
    for (size_t i = 0; i < v->p->inputs; i++) {
        int64_t size = ag_shape_size(v->p->shape[i]);
        bool any = false;
        for (int64_t j = 0; j < size; j++) {
            bool member = (at + j) % groups == g;
            w[j] = member ? v->weight[1][at + j] : 0;
            any |= member;
        }
        at += size;
        if (!any)
            continue;
        ag_tensor weight = ag_from(v->t, AG_F64, v->p->shape[i], w, (size_t)size * sizeof *w);
        ag_tensor part = ag_sum(ag_mul(first[i], weight));
        sum = sum.tape ? ag_add(sum, part) : part;
    }
    return sum;
}

ag_tensor ag_evaluation_sum(ag_evaluation *v, int order, int64_t group)
{
    double *c = doubles(v, order == 1 ? v->m : v->n);
    if (!c || (order == 2 && !differentiate_all(v, 1, AG_CREATE_GRAPH)))
        return ag_inert(v->t);
    if (order == 2)
        return group_of_first(v, v->dx, group, c);
    weigh(v, group, c);
    return weighted_sum(v, c);
}

static bool graph_rows(ag_evaluation *v, double *row, double *w, ag_row_taker *take, void *user)
{
    ag_tensor *first = ag_scratch(v->t, v->p->inputs * sizeof *first);
    if (!first)
        return ag_evaluation_fail_pending(v, "the check");
    if (!ag_evaluation_gradient(v, 1, AG_CREATE_GRAPH, row) || !compare_passes(v, row))
        return false;
    memcpy(first, v->dx, v->p->inputs * sizeof *first);
    for (int64_t g = 0; g < v->groups[1]; g++) {
        ag_mark mark = ag_tape_mark(v->t);
        ag_gradients(group_of_first(v, first, g, w), (ag_list){ v->leaf, v->p->inputs }, 0, v->dx);
        bool ok = v->t->error.status ? ag_evaluation_fail_pending(v, "the second derivative of f failed")
                                     : copy_gradient(v, row);
        ag_tape_rewind(v->t, mark);
        if (!ok)
            return false;
        take(user, g, row);
    }
    return true;
}

/* The sum of the absolute terms of what the second order differentiates. */
static bool measure_size(ag_evaluation *v)
{
    if (!read_outputs(v))
        return false;
    v->size = v->largest = 0;
    for (int64_t o = 0; o < v->m; o++) {
        double term = fabs(v->group_weight[o % v->groups[0]] * v->weight[0][o] * v->output[o]);
        v->size += term;
        v->largest = isfinite(term) ? fmax(v->largest, term) : v->largest;
    }
    if (!isfinite(v->size))
        v->size = 0;
    return true;
}

static bool reach(ag_evaluation *v)
{
    for (int k = 0; k < v->p->outputs; k++)
        if (counts(v, k) && !ag_evaluation_reach(v, v->y[k]))
            return false;
    return true;
}

bool ag_evaluation_rows(ag_evaluation *v, int order, ag_row_taker *take, void *user)
{
    ag_mark mark = ag_tape_mark(v->t);
    double *row = doubles(v, v->n), *weights = doubles(v, order == 1 ? v->m : v->n);
    bool ok = row && weights ? ag_evaluation_run(v) : ag_evaluation_fail_pending(v, "the check");
    if (ok && order == 1)
        ok = measure_size(v) && reach(v) && plain_rows(v, row, weights, take, user) && ag_evaluation_is_linear(v, 0);
    else if (ok)
        ok = graph_rows(v, row, weights, take, user);
    ag_tape_rewind(v->t, mark);
    return ok;
}

/* ---- setting up */

/* Weights of size 1/2 to 3/2 and random sign: none of them hides its term. */
static void draw_weights(const ag_evaluation *v, uint64_t call, double *to, int64_t count)
{
    ag_random_uniform(AG_F64, to, count, v->p->options.seed, AG_CHECK_RANDOM + call, -1, 1, 1);
    for (int64_t i = 0; i < count; i++)
        to[i] += to[i] < 0 ? -0.5 : 0.5;
}

/* Into how many groups `count` elements fall: one each where that is not too many. */
static int64_t groups_of(const ag_evaluation *v, int64_t count)
{
    const bool quick = v->p->options.directions;
    const int64_t least = quick ? LEAST_QUICK_GROUPS : LEAST_GROUPS, most = quick ? FEW_GROUPS : MOST_GROUPS;
    int64_t groups = MOST_DERIVATIVES / v->n;
    groups = groups < least ? least : groups > most ? most : groups;
    return count < groups ? count : groups;
}

static void set_groups(ag_evaluation *v, int order, int64_t count)
{
    double *w = v->weight[order - 1];
    v->groups[order - 1] = groups_of(v, count);
    draw_weights(v, (uint64_t)order, w, count);
    for (int64_t i = 0; i < count && v->groups[order - 1] == count; i++)
        w[i] = 1;
}

static bool measure(ag_evaluation *v)
{
    ag_mark mark = ag_tape_mark(v->t);
    bool ok = ag_evaluation_run(v);
    ag_dtype first = ok ? ag_dtype_of(v->y[0]) : AG_F64;
    bool coarse = false;
    for (int k = 0; ok && k < v->p->outputs; k++) {
        v->dtype[k] = ag_dtype_of(v->y[k]);
        v->shape[k] = ag_shape_of(v->y[k]);
        coarse |= v->dtype[k] == AG_F32;
    }
    v->m = ok ? total_size(v) : 0;
    ag_tape_rewind(v->t, mark);
    if (ok && !ag_is_float(first) && v->p->outputs == 1)
        return ag_evaluation_fail(v, AG_FAIL, "f returned %s, which has no derivative", ag_dtype_name(first));
    if (coarse && !v->p->coarse)
        return ag_evaluation_fail(v, AG_INCONCLUSIVE, "f returned f32; derivatives are checked in f64");
    if (ok && (!v->m || !v->n))
        return ag_evaluation_fail(v, AG_INCONCLUSIVE,
                                  "there is nothing to check: f has %lld input and %lld output elements",
                                  (long long)v->n, (long long)v->m);
    return ok;
}

bool ag_evaluation_begin(ag_evaluation *v, const ag_probe *p, ag_probe_result *result)
{
    ag_tape *t = p->tape;
    *v = (ag_evaluation){ .p = p, .t = t, .result = result, .random_calls = t->random_calls, .begin = ag_next(t) };
    for (size_t i = 0; i < p->inputs; i++)
        v->n += ag_shape_size(p->shape[i]);
    v->leaf = ag_scratch(t, p->inputs * sizeof *v->leaf);
    v->dx = ag_scratch(t, p->inputs * sizeof *v->dx);
    v->y = ag_scratch(t, (size_t)p->outputs * sizeof *v->y);
    v->dtype = ag_scratch(t, (size_t)p->outputs * sizeof *v->dtype);
    v->shape = ag_scratch(t, (size_t)p->outputs * sizeof *v->shape);
    v->reached = ag_scratch(t, p->inputs * sizeof *v->reached);
    v->hidden = ag_scratch(t, sizeof *v->hidden);
    v->point = doubles(v, v->n);
    v->weight[1] = doubles(v, v->n);
    v->first = doubles(v, v->n);
    v->gradient = doubles(v, v->n);
    v->gradient_size = doubles(v, v->n);
    if (t->error.status || !ag_evaluation_hold(v))
        return ag_evaluation_fail_pending(v, "the check");
    memset(v->reached, 0, p->inputs * sizeof *v->reached);
    *v->hidden = t->hidden[t->hidden_count ? t->hidden_count - 1 : 0];
    memcpy(v->point, p->x, (size_t)v->n * sizeof *v->point);
    if (!measure(v))
        return false;
    v->output = doubles(v, v->m);
    v->weight[0] = doubles(v, v->m);
    if (t->error.status)
        return ag_evaluation_fail_pending(v, "the check");
    set_groups(v, 1, v->m);
    set_groups(v, 2, v->n);
    v->group_weight = doubles(v, v->groups[0]);
    v->rest = doubles(v, v->groups[0] > v->groups[1] ? v->groups[0] : v->groups[1]);
    if (!v->group_weight || !v->rest)
        return ag_evaluation_fail_pending(v, "the check");
    draw_weights(v, 0, v->group_weight, v->groups[0]);
    return true;
}
