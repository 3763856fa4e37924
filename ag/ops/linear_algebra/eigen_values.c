/* Eigenvalues of symmetric matrices: reflectors make them tridiagonal, rotations diagonal (the implicit QL method, Bowdler,
 * Martin, Reinsch and Wilkinson 1968). */
#include "ag/ops/linear_algebra/matrices.h"
#include <float.h>
#include <math.h>

enum { SWEEPS = 60 }; /* for one eigenvalue; two or three are usual */

/* ---- tridiagonal */

typedef struct reduction { /* of a[n,n] */
    int64_t n;
    double *a, *d, *e, *tau;
} reduction;

/* a minus v w' + w v', of the rows and columns from `from` on; v and w lie with their first element there. */
static void update(const reduction *r, int64_t from, const double *v, const double *w)
{
    for (int64_t i = from; i < r->n; i++) {
        double *row = r->a + i * r->n + from;
        const double vi = v[i - from], wi = w[i - from];
#pragma omp simd
        for (int64_t j = 0; j < r->n - from; j++)
            row[j] -= vi * w[j] + wi * v[j];
    }
}

/* Row k is left of the diagonal what column k is below it, so that its reflector may lie there: in a[k][k+1..]. */
static void reduce(const reduction *r, double *w)
{
    for (int64_t k = 0; k < r->n; k++) {
        const int64_t from = k + 1, left = r->n - from;
        double *v = r->a + k * r->n + from;
        r->d[k] = r->a[k * r->n + k];
        if (left == 0)
            break;
        r->tau[k] = ag_reflector(left, v, 1);
        r->e[k] = v[0];
        v[0] = 1;
        if (r->tau[k] == 0)
            continue;
        double product = 0;
        for (int64_t i = 0; i < left; i++) {
            const double *row = r->a + (from + i) * r->n + from;
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t j = 0; j < left; j++)
                sum += row[j] * v[j];
            w[i] = r->tau[k] * sum;
            product += w[i] * v[i];
        }
        for (int64_t i = 0; i < left; i++)
            w[i] -= r->tau[k] / 2 * product * v[i];
        update(r, from, v, w);
    }
}

/* ---- diagonal */

/* The last of the elements from l on that are bound to each other. */
static int64_t find_split(int64_t n, const double *d, const double *e, int64_t l, double least)
{
    int64_t m = l;
    while (m < n - 1 && !(fabs(e[m]) <= DBL_EPSILON * (fabs(d[m]) + fabs(d[m + 1])) || fabs(e[m]) <= least))
        m++;
    return m;
}

/* One sweep of rotations from m up to l, which the shift makes smaller. */
static void sweep(int64_t n, double *d, double *e, int64_t l, int64_t m, double *z)
{
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    g = d[m] - d[l] + e[l] / (g + copysign(hypot(g, 1), g));
    double s = 1, c = 1, moved = 0;
    for (int64_t i = m - 1; i >= l; i--) {
        const double f = s * e[i], b = c * e[i], size = hypot(f, g);
        e[i + 1] = size;
        if (size == 0) { /* it has split */
            d[i + 1] -= moved;
            e[m] = 0;
            return;
        }
        s = f / size;
        c = g / size;
        g = d[i + 1] - moved;
        const double turned = (d[i] - g) * s + 2 * c * b;
        moved = s * turned;
        d[i + 1] = g + moved;
        g = c * turned - b;
        if (z)
            ag_rotate(n, z + (i + 1) * n, z + i * n, c, s);
    }
    d[l] -= moved;
    e[l] = g;
    e[m] = 0;
}

static bool diagonalise(int64_t n, double *d, double *e, double *z)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fmax(fabs(d[i]), i + 1 < n ? fabs(e[i]) : 0));
    const double least = most * DBL_EPSILON * DBL_EPSILON;
    for (int64_t l = 0; l < n; l++) {
        int64_t m;
        for (int sweeps = 0; (m = find_split(n, d, e, l, least)) > l; sweeps++) {
            if (sweeps == SWEEPS)
                return false;
            sweep(n, d, e, l, m, z);
        }
    }
    return true;
}

/* Ascending, with the rows of z. */
static void order(int64_t n, double *d, double *z)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t least = i;
        for (int64_t j = i + 1; j < n; j++)
            if (d[j] < d[least])
                least = j;
        const double value = d[least];
        d[least] = d[i];
        d[i] = value;
        if (z && least != i)
            ag_rotate(n, z + i * n, z + least * n, 0, 1);
    }
}

/* ---- both */

/* z becomes z h', h the reflectors of the rows of a. */
static void turn_back(int64_t n, const double *a, const double *tau, double *z, double *room, ag_work *w)
{
    for (int64_t j = (n - 2) / AG_BLOCK * AG_BLOCK; j >= 0 && n > 1; j -= AG_BLOCK) {
        const int64_t count = n - 1 - j < AG_BLOCK ? n - 1 - j : AG_BLOCK, rows = n - 1 - j;
        for (int64_t i = 0; i < rows && !w->measuring; i++)
            for (int64_t k = 0; k < count; k++)
                room[i * count + k] = i >= k ? a[(j + k) * n + j + 1 + i] : 0;
        ag_reflect(w, rows, count, room, tau + j, false, (ag_target){ z + j + 1, n, 1, n }, room + AG_BLOCK * n);
    }
}

bool ag_eigen_run(int64_t n, double *a, double *values, double *z, double *room, ag_work *w)
{
    const reduction r = { n, a, values, room, room + n };
    bool done = true;
    if (!w->measuring) {
        reduce(&r, room + 2 * n);
        if (z)
            memset(z, 0, (size_t)(n * n) * sizeof *z);
        for (int64_t i = 0; i < n && z; i++)
            z[i * n + i] = 1;
        done = diagonalise(n, values, r.e, z);
        order(n, values, z);
    }
    if (z)
        turn_back(n, a, r.tau, z, room + 3 * n, w);
    for (int64_t i = 0; i < n && z && !w->measuring; i++) {
        const double sign = ag_sign_of(n, z + i * n, 1);
        for (int64_t k = 0; k < n; k++)
            z[i * n + k] *= sign;
    }
    return done;
}
