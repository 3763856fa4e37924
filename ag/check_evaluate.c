/* A function and its first derivative as plain functions from numbers to numbers, evaluated on a tape that is rewound.
 */
#include "ag/check.h"
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { MOST_GROUPS = 1024, FEW_GROUPS = 64, LEAST_GROUPS = 16, MOST_DERIVATIVES = 1 << 22 };

/* ---- failing */

static bool fail(ag_evaluation *v, ag_verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool fail(ag_evaluation *v, ag_verdict verdict, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(v->result->text, sizeof v->result->text, format, list);
    va_end(list);
    v->result->report.verdict = verdict;
    return false;
}

/* An error is pending: memory and limits say nothing about f. */
static bool fail_pending(ag_evaluation *v, const char *what)
{
    ag_status s = v->t->error.status;
    bool resources = s == AG_ENOMEM || s == AG_ELIMIT;
    return fail(v, resources ? AG_INCONCLUSIVE : AG_FAIL, "%s: %s: %s", what, ag_status_name(s), v->t->error.text);
}

/* ---- evaluating */

/* Leaves with the point's values; rank 0 as records, as a caller's variables are. */
static bool make_leaves(ag_evaluation *v)
{
    const double *x = v->point;
    for (size_t i = 0; i < v->p->inputs; i++) {
        int64_t size = ag_shape_size(v->p->shape[i]);
        if (v->p->shape[i].rank == 0)
            v->leaf[i] = ag_variable(v->t, x[0]);
        else
            v->leaf[i] = ag_require_grad(ag_from(v->t, AG_F64, v->p->shape[i], x, (size_t)size * sizeof *x));
        x += size;
    }
    return !v->t->error.status || fail_pending(v, "the inputs");
}

static bool check_output(ag_evaluation *v, ag_tensor y)
{
    if (!y.tape || (y.tape == v->t && !y.id))
        return fail(v, AG_FAIL, "f returned no usable tensor, and no error");
    if (y.tape != v->t)
        return fail(v, AG_FAIL, "f returned a tensor of another tape");
    if (!ag_ok(y))
        return fail(v, AG_FAIL, "f returned a stale tensor");
    return true;
}

/* f at the point, from the same random numbers each time. It may neither reset nor rewind. */
static bool run(ag_evaluation *v)
{
    ag_tape *t = v->t;
    t->random_calls = v->random_calls;
    if (!make_leaves(v))
        return false;
    for (int k = 0; k < v->p->outputs; k++)
        v->y[k] = (ag_tensor){ 0 };
    uint32_t no_grad = t->no_grad;
    t->busy++;
    v->p->run(v->p, v->leaf, v->y);
    t->busy--;
    t->no_grad = no_grad;
    ag_set_recording(t);
    if (t->error.status)
        return fail_pending(v, "f failed");
    for (int k = 0; k < v->p->outputs; k++)
        if (!check_output(v, v->y[k]))
            return false;
    return true;
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

/* The gradient of the sum of outputs weighted by c, which is of length m. */
static bool differentiate(ag_evaluation *v, const double *c, int flags)
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
    ag_gradients(sum, (ag_list){ v->leaf, v->p->inputs }, flags, v->dx);
    return !t->error.status || fail_pending(v, "the derivative of f failed");
}

/* The elements of v->dx, one after the other. */
static bool copy_gradient(ag_evaluation *v, double *to)
{
    char has[128], wants[128];
    for (size_t i = 0; i < v->p->inputs; i++) {
        int64_t size = ag_shape_size(v->p->shape[i]);
        if (!ag_shape_equal(ag_shape_of(v->dx[i]), v->p->shape[i]))
            return fail(v, AG_FAIL, "the gradient of input %zu has shape %s, the input %s", i,
                        ag_shape_text(ag_shape_of(v->dx[i]), has, sizeof has),
                        ag_shape_text(v->p->shape[i], wants, sizeof wants));
        if (ag_copy_out(v->dx[i], AG_F64, to, (size_t)size * sizeof *to))
            return fail_pending(v, "the derivative of f failed");
        to += size;
    }
    return true;
}

/* c[o] = the weight of output o in the sum over all groups */
static void all_weights(const ag_evaluation *v, double *c)
{
    for (int64_t o = 0; o < v->m; o++)
        c[o] = v->output_weight[o] * v->group_weight[o % v->groups];
}

/* The graph of the first derivative: its elements, weighted and summed. */
static bool second_order_value(ag_evaluation *v, ag_tensor *sum)
{
    double *c = ag_scratch(v->t, (size_t)v->m * sizeof *c);
    const double *w = v->input_weight;
    if (!c)
        return fail_pending(v, "the check");
    all_weights(v, c);
    if (!differentiate(v, c, AG_CREATE_GRAPH))
        return false;
    *sum = (ag_tensor){ 0 };
    for (size_t i = 0; i < v->p->inputs; i++) {
        int64_t size = ag_shape_size(v->p->shape[i]);
        ag_tensor weight = ag_from(v->t, AG_F64, v->p->shape[i], w, (size_t)size * sizeof *w);
        ag_tensor part = ag_sum(ag_mul(v->dx[i], weight));
        *sum = sum->tape ? ag_add(*sum, part) : part;
        w += size;
    }
    return !v->t->error.status || fail_pending(v, "the derivative of f failed");
}

static bool read_outputs(ag_evaluation *v, double *value, double *size)
{
    if (total_size(v) != v->m)
        return fail(v, AG_FAIL, "the size of f's value depends on the values of its inputs");
    double *to = v->output;
    for (int k = 0; k < v->p->outputs; k++) {
        if (!counts(v, k))
            continue;
        int64_t count = ag_size_of(v->y[k]);
        if (ag_copy_out(v->y[k], AG_F64, to, (size_t)count * sizeof *to))
            return fail_pending(v, "f's value");
        to += count;
    }
    memset(value, 0, (size_t)v->groups * sizeof *value);
    for (int64_t o = 0; o < v->m; o++) {
        double term = v->output_weight[o] * v->output[o];
        value[o % v->groups] += term;
        if (size)
            size[o % v->groups] += fabs(term);
    }
    return true;
}

static bool read_gradient(ag_evaluation *v, double *value, double *size)
{
    ag_tensor sum;
    if (!second_order_value(v, &sum))
        return false;
    *value = ag_item(sum);
    double *g = size ? ag_scratch(v->t, (size_t)v->n * sizeof *g) : NULL;
    if (!size)
        return true;
    if (!g || !copy_gradient(v, g))
        return fail_pending(v, "the derivative of f failed");
    for (int64_t i = 0; i < v->n; i++)
        *size += fabs(v->input_weight[i] * g[i]);
    return true;
}

bool ag_evaluation_at(ag_evaluation *v, int order, double *value, double *size)
{
    ag_mark mark = ag_tape_mark(v->t);
    if (size)
        memset(size, 0, (size_t)(order == 1 ? v->groups : 1) * sizeof *size);
    bool ok = run(v) && (order == 1 ? read_outputs(v, value, size) : read_gradient(v, value, size));
    ag_tape_rewind(v->t, mark);
    return ok;
}

/* ---- analytic derivatives */

static bool plain_rows(ag_evaluation *v, double *row, double *c, ag_row_taker *take, void *user)
{
    memset(v->gradient, 0, (size_t)v->n * sizeof *v->gradient);
    memset(v->gradient_size, 0, (size_t)v->n * sizeof *v->gradient_size);
    for (int64_t g = 0; g < v->groups; g++) {
        ag_mark mark = ag_tape_mark(v->t);
        for (int64_t o = 0; o < v->m; o++)
            c[o] = o % v->groups == g ? v->output_weight[o] : 0;
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
 * is that of the terms, or of f itself where its derivative is zero but for rounding. */
static bool compare_passes(ag_evaluation *v, const double *by_graph)
{
    for (int64_t i = 0; i < v->n; i++) {
        double allowed = 1e-9 * v->gradient_size[i] + 8 * DBL_EPSILON * v->size / fmax(fabs(v->p->x[i]), 1);
        double difference = fabs(by_graph[i] - v->gradient[i]);
        bool both_lost = !isfinite(by_graph[i]) && !isfinite(v->gradient[i]);
        if (difference <= allowed || both_lost)
            continue;
        ag_check_report *r = &v->result->report;
        int64_t element = i;
        size_t k = 0;
        for (; element >= ag_shape_size(v->p->shape[k]); k++)
            element -= ag_shape_size(v->p->shape[k]);
        *r = (ag_check_report){ .order = 1,
                                .input = k,
                                .element = element,
                                .analytic = by_graph[i],
                                .numeric = v->gradient[i],
                                .tolerance = allowed,
                                .checked = r->checked,
                                .kinks = r->kinks };
        return fail(v, AG_FAIL,
                    "the first derivative with a graph is not that of a plain pass: input %zu, element %lld: %.17g "
                    "by the rules, %.17g by the kernels",
                    k, (long long)element, by_graph[i], v->gradient[i]);
    }
    return true;
}

static bool graph_row(ag_evaluation *v, double *row, ag_row_taker *take, void *user)
{
    ag_tensor sum;
    if (!second_order_value(v, &sum) || !copy_gradient(v, row) || !compare_passes(v, row))
        return false;
    if (ag_gradients(sum, (ag_list){ v->leaf, v->p->inputs }, 0, v->dx) || !copy_gradient(v, row))
        return fail_pending(v, "the second derivative of f failed");
    take(user, 0, row);
    return true;
}

/* The sum of the absolute terms of what the second order differentiates. */
static bool measure_size(ag_evaluation *v)
{
    double *value = ag_scratch(v->t, (size_t)v->groups * sizeof *value);
    if (!value || !read_outputs(v, value, NULL))
        return value || fail_pending(v, "the check");
    v->size = 0;
    for (int64_t o = 0; o < v->m; o++)
        v->size += fabs(v->group_weight[o % v->groups] * v->output_weight[o] * v->output[o]);
    if (!isfinite(v->size))
        v->size = 0;
    return true;
}

bool ag_evaluation_rows(ag_evaluation *v, int order, ag_row_taker *take, void *user)
{
    ag_mark mark = ag_tape_mark(v->t);
    double *row = ag_scratch(v->t, (size_t)v->n * sizeof *row), *c = ag_scratch(v->t, (size_t)v->m * sizeof *c);
    bool ok = row && c ? run(v) : fail_pending(v, "the check");
    if (ok && order == 1)
        ok = measure_size(v);
    if (ok)
        ok = order == 1 ? plain_rows(v, row, c, take, user) : graph_row(v, row, take, user);
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

static int64_t groups_of(const ag_evaluation *v)
{
    if (v->p->options.directions)
        return v->m < FEW_GROUPS ? v->m : FEW_GROUPS;
    int64_t groups = v->n ? MOST_DERIVATIVES / v->n : MOST_GROUPS;
    groups = groups < LEAST_GROUPS ? LEAST_GROUPS : groups > MOST_GROUPS ? MOST_GROUPS : groups;
    return v->m < groups ? v->m : groups;
}

static double *doubles(ag_evaluation *v, int64_t count)
{
    return ag_scratch(v->t, (size_t)count * sizeof(double));
}

static bool measure(ag_evaluation *v)
{
    ag_mark mark = ag_tape_mark(v->t);
    bool ok = run(v);
    ag_dtype first = ok ? ag_dtype_of(v->y[0]) : AG_F64;
    bool coarse = false;
    for (int k = 0; ok && k < v->p->outputs; k++)
        coarse |= ag_dtype_of(v->y[k]) == AG_F32;
    v->m = ok ? total_size(v) : 0;
    ag_tape_rewind(v->t, mark);
    if (ok && !ag_is_float(first) && v->p->outputs == 1)
        return fail(v, AG_FAIL, "f returned %s, which has no derivative", ag_dtype_name(first));
    if (coarse && !v->p->coarse)
        return fail(v, AG_INCONCLUSIVE, "f returned f32; derivatives are checked in f64");
    if (ok && (!v->m || !v->n))
        return fail(v, AG_INCONCLUSIVE, "there is nothing to check: f has %lld input and %lld output elements",
                    (long long)v->n, (long long)v->m);
    return ok;
}

bool ag_evaluation_begin(ag_evaluation *v, const ag_probe *p, ag_probe_result *result)
{
    ag_tape *t = p->tape;
    *v = (ag_evaluation){ .p = p, .t = t, .result = result, .random_calls = t->random_calls };
    for (size_t i = 0; i < p->inputs; i++)
        v->n += ag_shape_size(p->shape[i]);
    v->leaf = ag_scratch(t, p->inputs * sizeof *v->leaf);
    v->dx = ag_scratch(t, p->inputs * sizeof *v->dx);
    v->y = ag_scratch(t, (size_t)p->outputs * sizeof *v->y);
    v->point = doubles(v, v->n);
    v->input_weight = doubles(v, v->n);
    v->gradient = doubles(v, v->n);
    v->gradient_size = doubles(v, v->n);
    if (t->error.status)
        return fail_pending(v, "the check");
    memcpy(v->point, p->x, (size_t)v->n * sizeof *v->point);
    if (!measure(v))
        return false;
    v->groups = groups_of(v);
    v->output = doubles(v, v->m);
    v->output_weight = doubles(v, v->m);
    v->group_weight = doubles(v, v->groups);
    if (t->error.status)
        return fail_pending(v, "the check");
    draw_weights(v, 0, v->input_weight, v->n);
    draw_weights(v, 1, v->group_weight, v->groups);
    draw_weights(v, 2, v->output_weight, v->m);
    for (int64_t o = 0; o < v->m && v->groups == v->m; o++)
        v->output_weight[o] = 1;
    return true;
}
