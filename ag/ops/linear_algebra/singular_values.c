/* Singular values: reflectors make a matrix bidiagonal, rotations diagonal (Golub and Reinsch 1970). */
#include "ag/ops/linear_algebra/matrices.h"
#include <float.h>
#include <math.h>

enum { SWEEPS = 75 }; /* for one singular value; two or three are usual */

/* ---- bidiagonal */

typedef struct
    reduction { /* of a[m,n], m >= n: the reflectors of the columns lie below its diagonal, of the rows right */
    int64_t m, n;
    double *a, *d, *e, *left, *right;
} reduction;

static void reduce_column(const reduction *r, int64_t k, double *image)
{
    const int64_t n = r->n, right = n - k - 1;
    r->left[k] = ag_reflector(r->m - k, r->a + k * n + k, n);
    r->d[k] = r->a[k * n + k];
    if (r->left[k] == 0 || right == 0)
        return;
    double *top = r->a + k * n + k + 1;
    memcpy(image, top, (size_t)right * sizeof *image);
    for (int64_t i = 1; i < r->m - k; i++) {
        const double v = top[i * n - 1], *row = top + i * n;
#pragma omp simd
        for (int64_t j = 0; j < right; j++)
            image[j] += v * row[j];
    }
    for (int64_t j = 0; j < right; j++) {
        image[j] *= r->left[k];
        top[j] -= image[j];
    }
    for (int64_t i = 1; i < r->m - k; i++) {
        const double v = top[i * n - 1];
        double *row = top + i * n;
#pragma omp simd
        for (int64_t j = 0; j < right; j++)
            row[j] -= v * image[j];
    }
}

static void reduce_row(const reduction *r, int64_t k)
{
    const int64_t n = r->n, right = n - k - 1;
    double *v = r->a + k * n + k + 1;
    r->right[k] = ag_reflector(right, v, 1);
    r->e[k] = v[0];
    v[0] = 1;
    for (int64_t i = 1; i < r->m - k && r->right[k] != 0; i++) {
        double *row = v + i * n, sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < right; j++)
            sum += row[j] * v[j];
        sum *= r->right[k];
#pragma omp simd
        for (int64_t j = 0; j < right; j++)
            row[j] -= sum * v[j];
    }
}

/* ---- diagonal */

typedef struct bidiagonal { /* d, and right of it e; the rows of ut and vt follow the rotations, if there are any */
    int64_t n;
    double *d, *e, *ut, *vt;
} bidiagonal;

static void turn(const bidiagonal *b, double *rows, int64_t i, int64_t j, double c, double s)
{
    if (rows)
        ag_rotate(b->n, rows + i * b->n, rows + j * b->n, c, s);
}

/* The cosine and sine that turn (x, y) to (size, 0); returns the size. */
static double rotation(double x, double y, double *c, double *s)
{
    const double size = hypot(x, y);
    *c = size != 0 ? x / size : 1;
    *s = size != 0 ? y / size : 0;
    return size;
}

/* d[last] is 0: so can e[last - 1] be. */
static void clear_column(const bidiagonal *b, int64_t first, int64_t last)
{
    double moved = b->e[last - 1], c, s;
    b->e[last - 1] = 0;
    for (int64_t j = last - 1; j >= first; j--) {
        b->d[j] = rotation(b->d[j], moved, &c, &s);
        if (j > first) {
            moved = -s * b->e[j - 1];
            b->e[j - 1] *= c;
        }
        turn(b, b->vt, j, last, c, s);
    }
}

/* d[zero] is 0: so can e[zero] be. */
static void clear_row(const bidiagonal *b, int64_t zero, int64_t last)
{
    double moved = b->e[zero], c, s;
    b->e[zero] = 0;
    for (int64_t j = zero + 1; j <= last; j++) {
        b->d[j] = rotation(b->d[j], moved, &c, &s);
        if (j < last) {
            moved = -s * b->e[j];
            b->e[j] *= c;
        }
        turn(b, b->ut, j, zero, c, s);
    }
}

/* What the sweep begins with: the first column of b' b less the shift, which is its last eigenvalue, nearly. */
static void begin_sweep(const bidiagonal *b, int64_t first, int64_t last, double *f, double *g)
{
    const double *d = b->d, *e = b->e;
    double scale = fmax(fabs(d[last]), fabs(d[first])), shift = 0;
    scale = fmax(fmax(scale, fabs(e[first])), fmax(fabs(d[last - 1]), fabs(e[last - 1])));
    const double z = d[last] / scale, y = d[last - 1] / scale, h = e[last - 1] / scale, x = d[first] / scale;
    const double half = ((y + z) * (y - z) + h * h) / 2, product = z * h * (z * h);
    if (half != 0 || product != 0)
        shift = product / (half + copysign(sqrt(half * half + product), half));
    *f = (x + z) * (x - z) + shift;
    *g = x * (e[first] / scale);
}

static void sweep(const bidiagonal *b, int64_t first, int64_t last)
{
    double f, g, c, s, *d = b->d, *e = b->e;
    begin_sweep(b, first, last, &f, &g);
    for (int64_t j = first; j < last; j++) {
        const double before = rotation(f, g, &c, &s);
        if (j > first)
            e[j - 1] = before;
        f = c * d[j] + s * e[j];
        e[j] = c * e[j] - s * d[j];
        g = s * d[j + 1];
        d[j + 1] *= c;
        turn(b, b->vt, j, j + 1, c, s);
        d[j] = rotation(f, g, &c, &s);
        f = c * e[j] + s * d[j + 1];
        d[j + 1] = c * d[j + 1] - s * e[j];
        if (j + 1 < last) {
            g = s * e[j + 1];
            e[j + 1] *= c;
        }
        turn(b, b->ut, j, j + 1, c, s);
    }
    e[last - 1] = f;
}

/* Works on what is bound to d[last]; whether anything was. */
static bool step(const bidiagonal *b, int64_t last, double least)
{
    double *d = b->d, *e = b->e;
    int64_t first = last;
    while (first > 0) {
        if (fabs(e[first - 1]) <= DBL_EPSILON * (fabs(d[first - 1]) + fabs(d[first])) || fabs(e[first - 1]) <= least) {
            e[first - 1] = 0;
            break;
        }
        first--;
    }
    if (first == last)
        return false;
    for (int64_t k = last; k >= first; k--) {
        const double beside = (k < last ? fabs(e[k]) : 0) + (k > first ? fabs(e[k - 1]) : 0);
        if (fabs(d[k]) > DBL_EPSILON * beside && fabs(d[k]) > least)
            continue;
        d[k] = 0;
        if (k == last)
            clear_column(b, first, last);
        else
            clear_row(b, k, last);
        return true;
    }
    sweep(b, first, last);
    return true;
}

static bool diagonalise(const bidiagonal *b)
{
    double most = 0;
    for (int64_t i = 0; i < b->n; i++)
        most = fmax(most, fmax(fabs(b->d[i]), i + 1 < b->n ? fabs(b->e[i]) : 0));
    for (int64_t last = b->n - 1; last >= 0; last--)
        for (int sweeps = 0; step(b, last, most * DBL_EPSILON * DBL_EPSILON); sweeps++)
            if (sweeps == SWEEPS)
                return false;
    return true;
}

/* No value negative, and descending. */
static void order(const bidiagonal *b)
{
    for (int64_t i = 0; i < b->n; i++) {
        for (int64_t k = 0; k < b->n && b->vt && b->d[i] < 0; k++)
            b->vt[i * b->n + k] = -b->vt[i * b->n + k];
        b->d[i] = fabs(b->d[i]);
    }
    for (int64_t i = 0; i < b->n; i++) {
        int64_t most = i;
        for (int64_t j = i + 1; j < b->n; j++)
            if (b->d[j] > b->d[most])
                most = j;
        if (most == i)
            continue;
        const double value = b->d[most];
        b->d[most] = b->d[i];
        b->d[i] = value;
        turn(b, b->ut, i, most, 0, 1);
        turn(b, b->vt, i, most, 0, 1);
    }
}

/* ---- vectors */

/* u[m,n] from ut[n,n] and the reflectors of the columns. */
static void make_left(const reduction *r, const double *ut, double *u, double *room, ag_work *w)
{
    const int64_t n = r->n;
    for (int64_t i = 0; i < r->m && !w->measuring; i++)
        for (int64_t k = 0; k < n; k++)
            u[i * n + k] = i < n ? ut[k * n + i] : 0;
    for (int64_t j = (n - 1) / AG_BLOCK * AG_BLOCK; j >= 0; j -= AG_BLOCK) {
        const int64_t count = n - j < AG_BLOCK ? n - j : AG_BLOCK;
        for (int64_t i = j; i < r->m && !w->measuring; i++)
            for (int64_t k = 0; k < count; k++)
                room[(i - j) * count + k] = i - j > k ? r->a[i * n + j + k] : i - j == k;
        ag_reflect(w, r->m - j, count, room, r->left + j, false, (ag_target){ u + j * n, n, n, 1 },
                   room + AG_BLOCK * r->m);
    }
}

/* vt[n,n] by the reflectors of the rows. */
static void make_right(const reduction *r, double *vt, double *room, ag_work *w)
{
    const int64_t n = r->n;
    for (int64_t j = (n - 2) / AG_BLOCK * AG_BLOCK; j >= 0 && n > 1; j -= AG_BLOCK) {
        const int64_t count = n - 1 - j < AG_BLOCK ? n - 1 - j : AG_BLOCK, rows = n - 1 - j;
        for (int64_t i = 0; i < rows && !w->measuring; i++)
            for (int64_t k = 0; k < count; k++)
                room[i * count + k] = i >= k ? r->a[(j + k) * n + j + 1 + i] : 0;
        ag_reflect(w, rows, count, room, r->right + j, false, (ag_target){ vt + j + 1, n, 1, n },
                   room + AG_BLOCK * r->m);
    }
}

static void fix_signs(const reduction *r, double *u, double *vt)
{
    const int64_t n = r->n;
    for (int64_t k = 0; k < n; k++) {
        const double sign = ag_sign_of(r->m, u + k, n);
        for (int64_t i = 0; i < r->m; i++)
            u[i * n + k] *= sign;
        for (int64_t i = 0; i < n; i++)
            vt[k * n + i] *= sign;
    }
}

bool ag_singular_run(int64_t m, int64_t n, double *a, double *values, double *u, double *vt, double *room, ag_work *w)
{
    const reduction r = { m, n, a, values, room, room + n, room + 2 * n };
    double *ut = u ? room + 4 * n : NULL, *rest = room + 4 * n + n * n;
    bool done = true;
    if (!w->measuring) {
        for (int64_t k = 0; k < n; k++) {
            reduce_column(&r, k, room + 3 * n);
            if (k + 1 < n)
                reduce_row(&r, k);
        }
        for (int64_t i = 0; i < n * n && u; i++)
            ut[i] = vt[i] = i % (n + 1) == 0;
        const bidiagonal b = { n, values, r.e, ut, vt };
        done = diagonalise(&b);
        order(&b);
    }
    if (!u)
        return done;
    make_left(&r, ut, u, rest, w);
    make_right(&r, vt, rest, w);
    if (!w->measuring)
        fix_signs(&r, u, vt);
    return done;
}
