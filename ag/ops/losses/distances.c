/* Distances and similarities of rows. */
#include "ag/ops/losses/loss.h"
#include "ag/kernels/kernels.h"
#include "ag/ops/losses/grid.h"
#include "ag/ops/losses/rows.h"
#include <math.h>

static ag_status rows_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_shape *a = &x[0].shape, *b = &x[1].shape;
    const ag_rows_params *p = ag_call_params(c);
    if (!ag_is_float(x[0].dtype) || x[0].dtype != x[1].dtype)
        return ag_call_fail(c, AG_EDTYPE, "both must be f32, or both f64; see ag_cast");
    if (a->rank < 1 || b->rank < 1 || a->dim[a->rank - 1] != b->dim[b->rank - 1] ||
        !ag_shape_broadcast(*a, *b, &y->shape))
        return ag_call_fail(c, AG_ESHAPE, "the operands must be [..,n], with dimensions before that broadcast");
    if (!(p->p >= 0))
        return ag_call_fail(c, AG_EARG, "p is %g, and must not be below 0", p->p);
    if (!(p->eps >= 0))
        return ag_call_fail(c, AG_EARG, "eps is %g, and must not be below 0", p->eps);
    y->shape.rank--;
    y->dtype = x[0].dtype;
    return AG_OK;
}

/* ---- walking pairs of rows */

typedef struct rows_context {
    const ag_rows_params *p;
    const ag_rows_kernels *k;
    int64_t n;
    bool add[2];        /* is there something to add to? */
    const char *y, *dy; /* backward: of dense arrays */
} rows_context;

static rows_context context_of(const ag_call *c, const ag_array *a)
{
    return (rows_context){ .p = ag_call_params(c),
                           .k = a->dtype == AG_F32 ? &ag_rows_f32 : &ag_rows_f64,
                           .n = a->shape.dim[a->shape.rank - 1] };
}

/* The first elements of the rows of x, in the shape of the results. */
static ag_array heads(const ag_array *x, ag_shape y)
{
    ag_array h = *x;
    h.shape.rank--;
    return ag_array_expand(&h, y);
}

static void *place(const ag_walk_row *w, int which, int64_t i)
{
    return (char *)w->data[which] + i * w->stride[which] * (int64_t)ag_dtype_size(w->dtype[which]);
}

/* Arrays of a row: y, a, b. */
static void run_values(const ag_walk_row *w, void *context)
{
    const rows_context *r = context;
    for (int64_t i = 0; i < w->n; i++) {
        const double y = r->k->value(r->p, r->n, place(w, 1, i), place(w, 2, i));
        if (w->dtype[0] == AG_F32)
            *(float *)place(w, 0, i) = (float)y;
        else
            *(double *)place(w, 0, i) = y;
    }
}

static double number(const void *at, ag_dtype d)
{
    return d == AG_F32 ? (double)*(const float *)at : *(const double *)at;
}

/* Arrays of a row: da, db, of which one may be missing, y, a, b. */
static void run_slopes(const ag_walk_row *w, void *context)
{
    const rows_context *r = context;
    ag_rows_slopes s = { .add = { r->add[0], r->add[1] } };
    for (int64_t i = 0; i < w->n; i++) {
        const char *y = place(w, 2, i);
        for (int side = 0; side < 2; side++)
            s.to[side] = w->data[side] ? place(w, side, i) : NULL;
        r->k->slopes(r->p, r->n, place(w, 3, i), place(w, 4, i), number(y, w->dtype[2]),
                     number(r->dy + (y - r->y), w->dtype[2]), &s);
    }
}

/* A walk shares out rows of results; a result here is worth a row of n. */
static int team_of(const ag_call *c, const rows_context *r, const ag_array *y)
{
    return ag_team(ag_array_size(y), 4 * (double)r->n, ag_call_threads(c));
}

/* Each row of a and each of b, for which there are kernels of tiles: Euclidean distances. The shapes alone decide. */
static bool is_grid(const rows_context *r, const ag_array *a, const ag_array *b, ag_shape y)
{
    return r->p->kind == AG_ROWS_DISTANCE && r->p->p == 2 && r->p->eps == 0 && ag_grid_fits(a, b, y);
}

static ag_status rows_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    rows_context r = context_of(c, &x[0]);
    const ag_array a = heads(&x[0], y->shape), b = heads(&x[1], y->shape);
    if (is_grid(&r, &x[0], &x[1], y->shape)) {
        ag_grid_values(r.n, &a, &b, y, ag_call_threads(c));
        return AG_OK;
    }
    ag_walk(y->shape, 3, (const ag_array *const[]){ y, &a, &b }, run_values, &r, team_of(c, &r, y));
    return AG_OK;
}

/* The derivatives of both sides, or one, where each row is of one pair, else of a side whose rows have several: these are
 * one thread's. */
static void walk_slopes(const ag_call *c, rows_context *r, const ag_array *y, const ag_array *to, bool alone)
{
    const ag_array as = heads(ag_call_input_array(c, 0), y->shape), bs = heads(ag_call_input_array(c, 1), y->shape);
    ag_walk(y->shape, 5, (const ag_array *const[]){ &to[0], &to[1], y, &as, &bs }, run_slopes, r,
            alone ? team_of(c, r, y) : 1);
}

/* Of a side to whose rows several pairs contribute. */
static void add_slopes(const ag_call *c, rows_context *r, int side, const ag_array *dy, const ag_array *y,
                       const ag_array *dx, double beta)
{
    const ag_array *a = ag_call_input_array(c, 0), *b = ag_call_input_array(c, 1);
    const ag_array none = { .data = NULL, .dtype = dx->dtype, .shape = y->shape }, own = heads(dx, y->shape);
    if (beta == 0)
        ag_fill_array(dx, 0);
    r->add[side] = true;
    if (!is_grid(r, a, b, y->shape)) {
        walk_slopes(c, r, y, side ? (const ag_array[]){ none, own } : (const ag_array[]){ own, none }, false);
        return;
    }
    ag_shape rows = dx->shape;
    rows.rank--;
    const bool shared = ag_shape_size(rows) * y->shape.dim[y->shape.rank - 1 - side] != ag_array_size(y);
    const ag_grid_back g = { r->n, { heads(a, y->shape), heads(b, y->shape) }, *y, *dy, own, side, shared };
    ag_grid_slopes(&g, ag_call_threads(c));
}

/* x, or a copy that is dense, without data where there is no memory. */
static ag_array made_dense(const ag_call *c, const ag_array *x)
{
    if (ag_array_is_dense(x))
        return *x;
    void *data = ag_call_scratch(c, (size_t)ag_array_size(x) * ag_dtype_size(x->dtype));
    const ag_array dense = ag_dense_array(x->shape, x->dtype, data);
    if (data)
        ag_copy_array(&dense, x, false, 1);
    return dense;
}

static ag_status rows_back(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *a = ag_call_input_array(c, 0), *b = ag_call_input_array(c, 1), *y = ag_call_output_array(c, 0);
    if (!a || !b || !y)
        return AG_EUSE;
    const ag_array results = made_dense(c, y), arrived = made_dense(c, dy);
    rows_context r = context_of(c, a);
    ag_array to[2];
    r.y = results.data;
    r.dy = arrived.data;
    if (ag_array_size(y) > 0 && (!r.y || !r.dy))
        return AG_ENOMEM;
    for (int side = 0; side < 2; side++) {
        ag_shape rows = dx[side].shape;
        rows.rank--;
        to[side] = (ag_array){ .data = NULL, .dtype = a->dtype, .shape = y->shape };
        r.add[side] = beta[side] != 0;
        if (dx[side].data && ag_shape_equal(rows, y->shape))
            to[side] = heads(&dx[side], y->shape);
    }
    if (to[0].data || to[1].data)
        walk_slopes(c, &r, &results, to, true);
    for (int side = 0; side < 2; side++)
        if (dx[side].data && !to[side].data)
            add_slopes(c, &r, side, &arrived, &results, &dx[side], beta[side]);
    return AG_OK;
}

/* ---- p-norms of differences */

/* The derivative of a norm by the row d of a - b + eps, of which y, kept, is the norm; where that is 0 nothing passes. */
static ag_tensor slope_of_norm(const ag_call *c, ag_tensor d, ag_tensor y)
{
    const double p = ((const ag_rows_params *)ag_call_params(c))->p;
    const ag_tensor zero = ag_constant(ag_call_tape(c), 0), one = ag_constant(ag_call_tape(c), 1);
    if (p == 0)
        return ag_mul_scalar(d, 0);
    if (p == 1)
        return ag_sign(d);
    const ag_tensor norm = ag_where(ag_equal(y, zero), one, y);
    if (p == 2)
        return ag_div(d, norm);
    if (isinf(p)) {
        const ag_tensor at = ag_cast(ag_equal(ag_abs(d), y), ag_dtype_of(d));
        return ag_div(ag_mul(at, ag_sign(d)), ag_sum_over(at, AG_AXES(-1), AG_KEEPDIM));
    }
    const ag_tensor none = ag_equal(d, zero), size = ag_where(none, one, ag_abs(d));
    return ag_where(none, zero, ag_mul(ag_sign(d), ag_pow_scalar(ag_div(size, norm), p - 1)));
}

static void distance_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_rows_params *p = ag_call_params(c);
    const ag_tensor d = ag_add_scalar(ag_sub(ag_call_input(c, 0), ag_call_input(c, 1)), p->eps);
    const ag_tensor y = ag_unsqueeze(ag_call_output(c, 0), -1);
    const ag_tensor contribution = ag_chain(ag_unsqueeze(dy[0], -1), slope_of_norm(c, d, y));
    if (ag_call_needs(c, 0))
        dx[0] = contribution;
    if (ag_call_needs(c, 1))
        dx[1] = ag_neg(contribution);
}

/* clang-format off */
#define SAMPLE(kind, p, eps, ...) \
    { .params = &(const ag_rows_params){ kind, p, eps }, .low = { -2, -2 }, .high = { 2, 2 }, .shape = { __VA_ARGS__ } }
/* Rows that differ everywhere: for p between 1 and 2 the second derivative has poles where they do not. */
#define APART(kind, p, eps, ...) \
    { .params = &(const ag_rows_params){ kind, p, eps }, .low = { -2, 1 }, .high = { 0, 3 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(pairwise_distance) = {
    .name = "pairwise_distance",
    .formula = "(sum of |a - b + eps|^p)^(1/p) along the last axis",
    .inputs = 2,
    .flags = AG_DENSE_ROWS,
    .params_size = sizeof(ag_rows_params),
    .shape = rows_shape,
    .forward = rows_forward,
    .vjp = distance_vjp,
    .vjp_fused = rows_back,
    .samples = (const ag_sample[]){ SAMPLE(AG_ROWS_DISTANCE, 2, 1e-6, AG_DIMS(3, 4), AG_DIMS(3, 4)),
                                    SAMPLE(AG_ROWS_DISTANCE, 2, 0, AG_DIMS(3, 1, 2), AG_DIMS(4, 2)),
                                    SAMPLE(AG_ROWS_DISTANCE, 2, 0, AG_DIMS(9, 1, 3), AG_DIMS(2, 1, 8, 3)),
                                    SAMPLE(AG_ROWS_DISTANCE, 1, 0, AG_DIMS(3), AG_DIMS(2, 3)),
                                    SAMPLE(AG_ROWS_DISTANCE, INFINITY, 0, AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    SAMPLE(AG_ROWS_DISTANCE, 3, 0, AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    APART(AG_ROWS_DISTANCE, 1.5, 1e-6, AG_DIMS(2, 3), AG_DIMS(1, 3)),
                                    SAMPLE(AG_ROWS_DISTANCE, 0, 0, AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    { 0 } },
};

/* ag_pairwise_distance - the p-norm (p = 0: how many differ, 1, 2, any, INFINITY: the largest) of a - b + eps along the
 * last axis; the axes before it broadcast. flags: AG_KEEPDIM. eps, as 1e-6, keeps the derivative of equal rows finite;
 * where y is 0 it is 0.
 *   y[..] = (sum_j |d[..,j]|^p)^(1/p), d = a - b + eps        da = dy sign(d) (|d| / y)^(p-1)    db = -da
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for a p or eps below 0, or unknown flags. */
AG_API ag_tensor ag_pairwise_distance(ag_tensor a, ag_tensor b, double p, double eps, int flags)
{
    const ag_rows_params params = { AG_ROWS_DISTANCE, p, eps };
    const ag_tensor y = AG_APPLY(pairwise_distance, AG_LIST(a, b), &params);
    if (y.id && flags & ~AG_KEEPDIM) {
        ag_fail(y.tape, AG_EARG, "ag_pairwise_distance: the flags %d are unknown; see AG_KEEPDIM", flags);
        return ag_inert(y.tape);
    }
    return flags & AG_KEEPDIM ? ag_unsqueeze(y, -1) : y;
}

/* ag_cdist - the distances of each row of a from each row of b; the axes before the rows broadcast.
 *   y[..,i,j] = (sum_k |a[..,i,k] - b[..,j,k]|^p)^(1/p)        da, db as for ag_pairwise_distance with eps = 0
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for a p below 0. */
AG_API ag_tensor ag_cdist(ag_tensor a, ag_tensor b, double p)
{
    return ag_pairwise_distance(ag_unsqueeze(a, -2), ag_unsqueeze(b, -3), p, 0, 0);
}

/* ---- cosines */

/* dx of the side whose row is a: dy (b / (|a| |b|) - y a / |a|^2), lengths at least eps */
static ag_tensor slope_of_cosine(const ag_call *c, ag_tensor a, ag_tensor b)
{
    const double eps = ((const ag_rows_params *)ag_call_params(c))->eps;
    const ag_tensor y = ag_unsqueeze(ag_call_output(c, 0), -1);
    const ag_tensor aa = ag_sum_over(ag_square(a), AG_AXES(-1), AG_KEEPDIM),
                    bb = ag_sum_over(ag_square(b), AG_AXES(-1), AG_KEEPDIM);
    const ag_tensor long_a = ag_maximum_scalar(ag_sqrt(aa), eps), long_b = ag_maximum_scalar(ag_sqrt(bb), eps);
    const ag_tensor steep = ag_cast(ag_greater_equal(ag_sqrt(aa), ag_constant(ag_call_tape(c), eps)), ag_dtype_of(a));
    return ag_sub(ag_div(b, ag_mul(long_a, long_b)), ag_mul(a, ag_mul(steep, ag_div(y, ag_square(long_a)))));
}

static void cosine_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor a = ag_call_input(c, 0), b = ag_call_input(c, 1), each = ag_unsqueeze(dy[0], -1);
    if (ag_call_needs(c, 0))
        dx[0] = ag_chain(each, slope_of_cosine(c, a, b));
    if (ag_call_needs(c, 1))
        dx[1] = ag_chain(each, slope_of_cosine(c, b, a));
}

AG_OP(cosine_similarity) = {
    .name = "cosine_similarity",
    .formula = "a . b / (max(|a|, eps) max(|b|, eps)) along an axis",
    .inputs = 2,
    .flags = AG_DENSE_ROWS,
    .params_size = sizeof(ag_rows_params),
    .shape = rows_shape,
    .forward = rows_forward,
    .vjp = cosine_vjp,
    .vjp_fused = rows_back,
    .samples = (const ag_sample[]){ SAMPLE(AG_ROWS_COSINE, 0, 1e-8, AG_DIMS(3, 4), AG_DIMS(3, 4)),
                                    SAMPLE(AG_ROWS_COSINE, 0, 1e-8, AG_DIMS(2, 1, 3), AG_DIMS(3, 3)),
                                    SAMPLE(AG_ROWS_COSINE, 0, 9, AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    SAMPLE(AG_ROWS_COSINE, 0, 0, AG_DIMS(5), AG_DIMS(5)),
                                    { 0 } },
};

/* x as a tensor of so many axes, of which the given one and the last are exchanged. */
static ag_tensor axis_last(ag_tensor x, int rank, int axis)
{
    const ag_shape s = ag_shape_of(x);
    ag_shape to = { rank, { 0 } };
    for (int i = 0; i < rank; i++)
        to.dim[i] = i < rank - s.rank ? 1 : s.dim[i - (rank - s.rank)];
    const ag_tensor ranked = s.rank < rank ? ag_expand(x, to) : x;
    return axis < rank - 1 ? ag_transpose(ranked, axis, -1) : ranked;
}

/* ag_cosine_similarity - the cosines of the angles between the rows along an axis of a and b, which broadcast; lengths
 * count as at least eps, as 1e-8, so that the cosine with a row of zeros is 0.
 *   y[..] = sum_j a[..,j] b[..,j] / (|a| |b|), |x| = max(sqrt(sum_j x[..,j]^2), eps)
 *       da = dy (b / (|a| |b|) - y a / |a|^2), without the second term where |a| is eps    db likewise
 * Errors: AG_ESHAPE if the shapes do not fit or there is no such axis; AG_EARG for an eps below 0. */
AG_API ag_tensor ag_cosine_similarity(ag_tensor a, ag_tensor b, int axis, double eps)
{
    const ag_rows_params params = { AG_ROWS_COSINE, 0, eps };
    ag_shape s[2];
    ag_tape *t = ag_shapes_for("ag_cosine_similarity", AG_LIST(a, b), s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(a, b)));
    const ag_shape longer = s[0].rank > s[1].rank ? s[0] : s[1];
    const int rank = longer.rank, k = rank > 0 ? ag_axis_for("ag_cosine_similarity", t, longer, axis) : 0;
    if (k < 0)
        return ag_inert(t);
    const ag_tensor y = AG_APPLY(cosine_similarity, AG_LIST(axis_last(a, rank, k), axis_last(b, rank, k)), &params);
    /* the axis that was last stands where the other one was */
    ag_axes order = { rank - 1, { 0 } };
    for (int i = 0; i < rank - 1; i++)
        order.axis[i] = i < k ? i : i < rank - 2 ? i + 1 : k;
    return k < rank - 2 ? ag_permute(y, order) : y;
}
