/* Jacobians and Hessians beside pass by pass, one thread.
 *   jacobian [rounds]
 * Of three layers with n inputs and outputs; of a chain of rank-0 ops with n of them at the end. */
#include "ag/ag.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAYERS = 3, MOST = 256, LINKS = 20 };

typedef struct net {
    ag_tape *t;
    ag_dtype dtype;
    int64_t n;
    ag_tensor w[LAYERS], b[LAYERS];
} net;

static net new_net(ag_dtype d, int64_t n)
{
    net r = { ag_tape_new((ag_options){ .seed = 1, .dtype = d, .threads = 1 }), d, n, { { 0 } }, { { 0 } } };
    for (int i = 0; i < LAYERS; i++) {
        r.w[i] = ag_param(ag_randn(r.t, d, AG_SHAPE(n, n), 0, 0.1), NULL);
        r.b[i] = ag_param(ag_randn(r.t, d, AG_SHAPE(n), 0, 0.1), NULL);
    }
    return r;
}

static ag_tensor by_layers(const net *r, ag_tensor *x)
{
    ag_tensor h = *x = ag_require_grad(ag_randn(r->t, r->dtype, AG_SHAPE(r->n), 0, 1));
    for (int i = 0; i < LAYERS; i++) {
        h = ag_linear(h, r->w[i], r->b[i]);
        h = i + 1 < LAYERS ? ag_tanh(h) : h;
    }
    return h;
}

static ag_tensor by_numbers(const net *r, ag_tensor *x)
{
    ag_tensor y[MOST];
    *x = ag_variable(r->t, 0.5);
    for (int64_t i = 0; i < r->n; i++) {
        y[i] = ag_mul_scalar(*x, (double)i / (double)r->n);
        for (int k = 0; k < LINKS; k++)
            y[i] = ag_add(ag_mul(y[i], *x), ag_sin(y[i]));
    }
    return ag_stack((ag_list){ y, (size_t)r->n }, 0);
}

/* The rows of dy/dx by themselves. */
static void single_passes(ag_tape *t, ag_tensor y, ag_tensor x)
{
    const ag_dtype d = ag_dtype_of(y);
    const int64_t n = ag_size_of(y);
    const ag_tensor units = ag_eye(t, d, n);
    for (int64_t i = 0; i < n; i++) {
        const ag_mark mark = ag_tape_mark(t);
        ag_vjp(y, ag_select(units, 0, i), x);
        ag_tape_rewind(t, mark);
    }
}

static int compare(const char *what, net r, ag_tensor (*record)(const net *, ag_tensor *), int rounds)
{
    double together = 0, single = 0;
    for (int i = 0; i < rounds; i++) {
        ag_tensor x, y = record(&r, &x);
        const double t0 = now();
        ag_jacobian(y, x);
        const double t1 = now();
        single_passes(r.t, y, x);
        const double t2 = now();
        keep_best(&together, t1 - t0);
        keep_best(&single, t2 - t1);
        ag_tape_reset(r.t);
    }
    printf("%-18s %s [%3d]: ag_jacobian %8.1f us, passes one by one %8.1f us: %5.2f times\n", what,
           ag_dtype_name(r.dtype), (int)r.n, together * 1e6, single * 1e6, single / together);
    const int failed = ag_error(r.t);
    ag_tape_free(r.t);
    return failed;
}

static int hessian(net r, int rounds)
{
    double together = 0, single = 0;
    for (int i = 0; i < rounds; i++) {
        ag_tensor x, y = ag_sum(ag_square(by_layers(&r, &x)));
        const ag_tensor units = ag_eye(r.t, r.dtype, r.n);
        const double t0 = now();
        ag_hessian(y, x);
        const double t1 = now();
        for (int64_t k = 0; k < r.n; k++) {
            const ag_mark mark = ag_tape_mark(r.t);
            ag_hvp(y, x, ag_select(units, 0, k));
            ag_tape_rewind(r.t, mark);
        }
        keep_best(&together, t1 - t0);
        keep_best(&single, now() - t1);
        ag_tape_reset(r.t);
    }
    printf("%-18s %s [%3d]: ag_hessian  %8.1f us, ag_hvp one by one  %8.1f us: %5.2f times\n", "layers, squared",
           ag_dtype_name(r.dtype), (int)r.n, together * 1e6, single * 1e6, single / together);
    const int failed = ag_error(r.t);
    ag_tape_free(r.t);
    return failed;
}

int main(int argc, char **argv)
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 100;
    int failed = 0;
    for (ag_dtype d = AG_F32; d <= AG_F64; d++)
        for (int64_t n = 16; n <= MOST; n *= 4)
            failed |= compare("three layers", new_net(d, n), by_layers, n == MOST ? rounds / 4 + 1 : rounds);
    failed |= compare("rank-0 ops", new_net(AG_F64, 64), by_numbers, rounds);
    failed |= hessian(new_net(AG_F32, 64), rounds);
    return failed;
}
