/* Exponentials of square matrices, by scaling and squaring with Pade approximants (Higham 2005). */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

static ag_status exp_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->shape = x->shape;
    y->dtype = x->dtype;
    return ag_call_matrices(c, x, true);
}

/* ---- an approximant r = (v - u)^-1 (v + u): u the odd powers with their coefficients, v the even ones */

typedef struct approximant {
    int degree;
    double bound; /* of the 1-norm, up to which its error is below 2^-53 */
    double b[14];
} approximant;

static const approximant approximants[] = {
    { 3, 1.495585217958292e-2, { 120, 60, 12, 1 } },
    { 5, 2.539398330063230e-1, { 30240, 15120, 3360, 420, 30, 1 } },
    { 7, 9.504178996162932e-1, { 17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1 } },
    { 9,
      2.097847961257068,
      { 17643225600, 8821612800, 2075673600, 302702400, 30270240, 2162160, 110880, 3960, 90, 1 } },
    { 13,
      5.371920351148152,
      { 64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
        670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1 } },
};
enum { LAST = sizeof approximants / sizeof *approximants - 1, MATRICES = 8 };

typedef struct exponential {
    ag_work *w;
    int64_t n;
    double *a, *power[4], *u, *v, *room; /* a, its powers 2, 4, 6 and 8; the room is for the elimination too */
} exponential;

static void product(const exponential *e, const double *a, const double *b, double *to)
{
    const int64_t n = e->n;
    ag_work_product(e->w, (ag_product){ .m = n,
                                        .n = n,
                                        .k = n,
                                        .a = a,
                                        .a_row = n,
                                        .a_col = 1,
                                        .b = b,
                                        .b_row = n,
                                        .b_col = 1,
                                        .c = to,
                                        .c_row = n,
                                        .c_col = 1 });
}

/* to = b[0] + b[2] a^2 + b[4] a^4 + ..., `terms` of them; without the first one where it is not wanted */
static void sum_powers(const exponential *e, const double *b, int terms, bool constant, double *to)
{
    const int64_t n = e->n;
    memset(to, 0, (size_t)(n * n) * sizeof *to);
    for (int64_t i = 0; constant && i < n; i++)
        to[i * n + i] = b[0];
    for (int k = 1; k < terms; k++)
        for (int64_t i = 0; i < n * n; i++)
            to[i] += b[2 * k] * e->power[k - 1][i];
}

/* The 13th: what stands before powers beyond the sixth is a polynomial times the sixth. */
static void sum_high_powers(const exponential *e, const double *b, double *to)
{
    sum_powers(e, b + 6, 4, false, e->room);
    product(e, e->power[2], e->room, to);
    sum_powers(e, b, 4, true, e->room);
    for (int64_t i = 0; i < e->n * e->n; i++)
        to[i] += e->room[i];
}

static void make_powers(const exponential *e, int degree)
{
    product(e, e->a, e->a, e->power[0]);
    for (int k = 1; k < (degree == 13 ? 3 : (degree - 1) / 2); k++)
        product(e, e->power[k - 1], e->power[0], e->power[k]);
}

/* In the place of v. */
static void approximate(const exponential *e, const approximant *p)
{
    const int64_t size = e->n * e->n;
    int64_t *pivots = (int64_t *)(void *)e->room;
    make_powers(e, p->degree);
    if (p->degree == 13) {
        sum_high_powers(e, p->b + 1, e->v);
        product(e, e->a, e->v, e->u);
        sum_high_powers(e, p->b, e->v);
    } else {
        sum_powers(e, p->b + 1, (p->degree + 1) / 2, true, e->v);
        product(e, e->a, e->v, e->u);
        sum_powers(e, p->b, (p->degree + 1) / 2, true, e->v);
    }
    for (int64_t i = 0; i < size; i++) {
        const double sum = e->v[i] + e->u[i];
        e->u[i] = e->v[i] - e->u[i];
        e->v[i] = sum;
    }
    ag_lu_factor(e->n, e->u, pivots, e->room + e->n, e->w);
    ag_lu_solve(e->n, e->u, pivots, false, e->n, e->v, e->w);
}

/* ---- scaling and squaring */

enum { LESS = 32 };

/* The largest sum of a column's sizes, over 2^LESS, so that sums of finite ones are finite. */
static double norm_of(int64_t n, const double *a)
{
    const double part = ldexp(1, -LESS);
    double most = 0;
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += fabs(a[i * n + j]) * part;
        most = sum > most || sum != sum ? sum : most;
        if (most != most)
            break;
    }
    return most;
}

static double *exponential_of(const exponential *e)
{
    const double norm = norm_of(e->n, e->a), size = ldexp(norm, LESS); /* it may be infinite */
    const approximant *p = approximants;
    int squarings = 0;
    while (p < approximants + LAST && size > p->bound)
        p++;
    if (size > p->bound) {
        frexp(norm / p->bound, &squarings);
        squarings += LESS;
    }
    for (int64_t i = 0; squarings > 0 && i < e->n * e->n; i++)
        e->a[i] = ldexp(e->a[i], -squarings);
    approximate(e, p);
    double *y = e->v, *next = e->u;
    for (int i = 0; i < squarings; i++) {
        product(e, y, y, next);
        double *before = y;
        y = next;
        next = before;
    }
    return y;
}

static int64_t room_for(int64_t n)
{
    return MATRICES * n * n + (AG_BLOCK + 1) * n;
}

static void exp_one(const void *context, int64_t i, ag_work *w)
{
    const ag_array *const *xy = context;
    const int64_t n = xy[0]->shape.dim[xy[0]->shape.rank - 1], size = n * n;
    exponential e = { .w = w, .n = n, .a = w->room, .u = w->room + 5 * size, .v = w->room + 6 * size };
    for (int k = 0; k < 4; k++)
        e.power[k] = w->room + (k + 1) * size;
    e.room = w->room + 7 * size;
    if (w->measuring) {
        product(&e, e.a, e.a, e.u);
        ag_lu_factor(n, e.u, NULL, e.room, w);
        return;
    }
    ag_matrix_load(xy[0], i, e.a);
    const double norm = norm_of(n, e.a);
    if (n == 1)
        e.a[0] = exp(e.a[0]);
    for (int64_t k = 0; n > 1 && k < size && !ag_is_finite(norm); k++)
        e.a[k] = NAN;
    ag_matrix_store(xy[1], i, n > 1 && ag_is_finite(norm) ? exponential_of(&e) : e.a);
}

static ag_status exp_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int64_t n = x->shape.dim[x->shape.rank - 1];
    const ag_array *const xy[] = { x, y };
    if (ag_array_size(x) == 0)
        return AG_OK;
    return ag_each_matrix(c, ag_matrix_count(x->shape), (double)n * (double)n * (double)n + 64, room_for(n), exp_one,
                          xy);
}

/* ---- the derivative along e is the right upper part of the exponential of [x e; 0 x] */

static ag_tensor along(ag_tensor x, ag_tensor e)
{
    const ag_shape s = ag_shape_of(x);
    if (s.rank < 2 || !ag_ok(e))
        return ag_inert(x.tape);
    if (ag_size_of(x) == 0) /* whatever its extents */
        return e;
    const int64_t n = s.dim[s.rank - 1];
    const ag_tensor zero = ag_zeros(x.tape, ag_dtype_of(x), s);
    const ag_tensor both = ag_concat(AG_LIST(ag_concat(AG_LIST(x, e), -1), ag_concat(AG_LIST(zero, x), -1)), -2);
    return ag_slice(ag_slice(ag_matrix_exp(both), -2, 0, n, 1), -1, n, 2 * n, 1);
}

static void exp_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = along(ag_transpose(ag_call_input(c, 0), -2, -1), dy[0]);
}

static void exp_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    dy[0] = along(ag_call_input(c, 0), dx[0]);
}

/* Several matrices: a single one would be made as large as all of them, which takes long. */
/* clang-format off */
#define SAMPLE(size, ...) { .low = { -(size) }, .high = { size }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(matrix_exp) = {
    .name = "matrix_exp",
    .formula = "1 + x + x x / 2! + x x x / 3! + ...",
    .inputs = 1,
    .flags = AG_STRIDED,
    .shape = exp_shape,
    .forward = exp_forward,
    .vjp = exp_vjp,
    .jvp = exp_jvp,
    .samples = (const ag_sample[]){ SAMPLE(0.003, AG_DIMS(2, 2, 2)),
                                    SAMPLE(0.1, AG_DIMS(2, 2, 2)),
                                    SAMPLE(0.4, AG_DIMS(2, 2, 2)),
                                    SAMPLE(1, AG_DIMS(2, 3, 3)),
                                    SAMPLE(3, AG_DIMS(4, 2, 2)),
                                    SAMPLE(4, AG_DIMS(2, 2, 2)),
                                    SAMPLE(2, AG_DIMS(1, 1)),
                                    { 0 } },
};

/* ag_matrix_exp - the exponentials of matrices x[..,n,n], which solve y' = x y: not ag_exp, which is of each element. NaN
 * where an element is not finite, but for n = 1. f32 is computed in f64.
 *   y = 1 + x + x^2 / 2! + x^3 / 3! + ...        dx = the right upper part of exp([x' dy; 0 x'])
 * Errors: AG_ESHAPE if the matrices are not square; AG_EDTYPE for integers. */
AG_API ag_tensor ag_matrix_exp(ag_tensor x)
{
    return AG_APPLY(matrix_exp, AG_LIST(x), NULL);
}
