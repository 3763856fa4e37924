/* Matrices as an orthogonal factor times a triangular one. */
#include "ag/ops/linear_algebra/matrices.h"
#include "ag/ops/shapes/views.h"

static ag_status qr_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_status status = ag_call_matrices(c, x, false);
    if (status)
        return status;
    const int rank = x->shape.rank;
    const int64_t m = x->shape.dim[rank - 2], n = x->shape.dim[rank - 1];
    for (int i = 0; i < 2; i++) {
        y[i].shape = x->shape;
        y[i].dtype = x->dtype;
        y[i].shape.dim[i == 0 ? rank - 1 : rank - 2] = m < n ? m : n;
    }
    return AG_OK;
}

typedef struct matrices {
    ag_array x, q, r;
} matrices;

static void factor_one(const void *context, int64_t i, ag_work *w)
{
    const matrices *s = context;
    const int rank = s->x.shape.rank;
    const int64_t m = s->x.shape.dim[rank - 2], n = s->x.shape.dim[rank - 1], k = m < n ? m : n;
    double *a = w->room, *q = a + m * n, *tau = q + m * k, *room = tau + k;
    if (!w->measuring)
        ag_matrix_load(&s->x, i, a);
    ag_qr_factor(m, n, a, tau, room, w);
    ag_qr_form(m, n, k, a, tau, q, room, w);
    if (w->measuring)
        return;
    ag_matrix_store(&s->q, i, q);
    for (int64_t j = 1; j < k; j++)
        memset(a + j * n, 0, (size_t)j * sizeof *a);
    ag_matrix_store(&s->r, i, a);
}

static ag_status qr_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const int rank = x->shape.rank;
    const int64_t m = x->shape.dim[rank - 2], n = x->shape.dim[rank - 1], k = m < n ? m : n;
    const matrices s = { *x, y[0], y[1] };
    if (ag_array_size(x) == 0)
        return AG_OK;
    return ag_each_matrix(c, ag_matrix_count(x->shape), (double)m * (double)n * (double)k / 2 + 64,
                          m * n + m * k + k + ag_qr_room(m, n), factor_one, &s);
}

/* Where q and r are square but for q's rows: (dq + q s) r'^-1, s symmetric with the lower triangle of r dr' - dq' q. */
static ag_tensor tall_adjoint(ag_tensor q, ag_tensor r, ag_tensor dq, ag_tensor dr)
{
    const ag_tensor m = ag_sub(ag_matmul(r, ag_transpose(dr, -2, -1)), ag_matmul(ag_transpose(dq, -2, -1), q));
    const ag_tensor s = ag_add(ag_triangle(m, 1, 1, 0), ag_transpose(ag_triangle(m, 1, 0, 0), -2, -1));
    return ag_triangular_adjoint(r, ag_add(dq, ag_matmul(q, s)), AG_UPPER | AG_TRANSPOSED | AG_RIGHT);
}

/* What lies right of the first m columns is q times its part of r. */
static void qr_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor q = ag_call_output(c, 0), r = ag_call_output(c, 1);
    const ag_shape s = ag_shape_of(r);
    if (s.rank < 2)
        return;
    const int64_t m = s.dim[s.rank - 2], n = s.dim[s.rank - 1];
    if (m == n) {
        dx[0] = tall_adjoint(q, r, dy[0], dy[1]);
        return;
    }
    const ag_tensor rest = ag_slice(dy[1], -1, m, n, 1), beside = ag_matmul(q, rest);
    const ag_tensor x = ag_slice(ag_call_input(c, 0), -1, m, n, 1);
    const ag_tensor dq = ag_add(dy[0], ag_matmul(x, ag_transpose(rest, -2, -1)));
    const ag_tensor first = tall_adjoint(q, ag_slice(r, -1, 0, m, 1), dq, ag_slice(dy[1], -1, 0, m, 1));
    dx[0] = ag_concat(AG_LIST(first, beside), -1);
}

/* Where r is square: of m = q' dx r^-1 the skew part with m's lower triangle turns q, and r has the rest. */
static void tall_tangent(ag_tensor q, ag_tensor r, ag_tensor dx, ag_tensor *dq, ag_tensor *dr)
{
    const ag_tensor d = ag_triangular_adjoint(r, dx, AG_UPPER | AG_RIGHT);
    const ag_tensor m = ag_matmul(ag_transpose(q, -2, -1), d), low = ag_triangle(m, 1, 0, 0);
    const ag_tensor rest = ag_sub(m, ag_sub(low, ag_transpose(low, -2, -1)));
    *dq = ag_sub(d, ag_matmul(q, rest));
    *dr = ag_matmul(rest, r);
}

static void qr_jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    const ag_tensor q = ag_call_output(c, 0), r = ag_call_output(c, 1);
    const ag_shape s = ag_shape_of(r);
    if (s.rank < 2)
        return;
    const int64_t m = s.dim[s.rank - 2], n = s.dim[s.rank - 1];
    if (m == n) {
        tall_tangent(q, r, dx[0], &dy[0], &dy[1]);
        return;
    }
    ag_tensor first;
    tall_tangent(q, ag_slice(r, -1, 0, m, 1), ag_slice(dx[0], -1, 0, m, 1), &dy[0], &first);
    const ag_tensor x = ag_slice(ag_call_input(c, 0), -1, m, n, 1), d = ag_slice(dx[0], -1, m, n, 1);
    const ag_tensor beside = ag_add(ag_matmul(ag_transpose(dy[0], -2, -1), x), ag_matmul(ag_transpose(q, -2, -1), d));
    dy[1] = ag_concat(AG_LIST(first, beside), -1);
}

/* clang-format off */
#define SAMPLE(...) { .low = { -1 }, .high = { 1 }, .diagonal = 1, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(qr) = {
    .name = "qr",
    .formula = "q with orthonormal columns, r upper triangular, q r = x",
    .inputs = 1,
    .outputs = 2,
    .flags = AG_STRIDED,
    .shape = qr_shape,
    .forward = qr_forward,
    .vjp = qr_vjp,
    .jvp = qr_jvp,
    .samples = (const ag_sample[]){ SAMPLE(AG_DIMS(3, 3)), SAMPLE(AG_DIMS(2, 4, 2)), SAMPLE(AG_DIMS(2, 4)), { 0 } },
};

/* ag_qr - matrices x[..,m,n] as q[..,m,k] r[..,k,n], k the smaller of m and n: q has orthonormal columns, r is upper
 * triangular. By Householder reflectors: an element of r's diagonal has the sign that the element it came from had not,
 * or is that element where nothing was below it, as in LAPACK.
 *   q r = x        dx = (dq + q s) r'^-1, s the symmetric matrix with the lower triangle of r dr' - dq' q (Walter, Lehmann
 *                  and Lamour 2012); of the columns beyond m: q dr, and dq grows by x dr' there
 * Where the first k columns are linearly dependent the gradient is not finite. Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_qr_factors ag_qr(ag_tensor x)
{
    ag_tensor y[2];
    ag_apply_all(&ag_op_qr, AG_LIST(x), NULL, y);
    return (ag_qr_factors){ y[0], y[1] };
}

/* What makes q[..,m,n], m > n, square, by the reflectors that made q: columns of zeros need none more. They are constants c;
 * (1 - q q') c, which is c, turns with q, and a step towards orthonormal columns keeps them so to the third order. */
static ag_tensor complement_of(ag_tensor x, ag_tensor q, ag_shape s)
{
    const int64_t m = s.dim[s.rank - 2], n = s.dim[s.rank - 1];
    s.dim[s.rank - 1] = m - n;
    const ag_tensor wide = ag_concat(AG_LIST(ag_detach(x), ag_zeros(x.tape, ag_dtype_of(x), s)), -1);
    const ag_tensor c = ag_slice(ag_qr(wide).q, -1, n, m, 1);
    const ag_tensor p = ag_sub(c, ag_matmul(q, ag_matmul(ag_transpose(q, -2, -1), c)));
    const ag_tensor inner = ag_matmul(ag_transpose(p, -2, -1), p);
    return ag_sub(ag_mul_scalar(p, 1.5), ag_matmul(p, ag_mul_scalar(inner, 0.5)));
}

/* ag_qr_with - ag_qr with options. Complete factors are q[..,m,m] and r[..,m,n], whose rows beyond n are 0. The columns of q
 * beyond n span what x's do not, and another basis of it would do as well: their derivative is right for what does not
 * depend on the basis.
 *   q r = x        dx as ag_qr's, where dq2, of the columns q2 beyond n, adds -q2 dq2' q to dq
 * Errors: AG_ESHAPE if x is no matrix; AG_EARG for an unknown mode. */
AG_API ag_qr_factors ag_qr_with(ag_tensor x, ag_qr_options options)
{
    ag_shape s;
    ag_tape *t = ag_shapes_for("ag_qr_with", AG_LIST(x), &s);
    const bool known = options.mode == AG_QR_REDUCED || options.mode == AG_QR_COMPLETE;
    if (t && !known)
        ag_fail(t, AG_EARG, "ag_qr_with: there is no mode %d", (int)options.mode);
    if (!t || !known) {
        const ag_tensor none = ag_inert(ag_list_tape(AG_LIST(x)));
        return (ag_qr_factors){ none, none };
    }
    ag_qr_factors f = ag_qr(x);
    if (options.mode == AG_QR_REDUCED || !ag_ok(f.r) || s.dim[s.rank - 2] <= s.dim[s.rank - 1])
        return f;
    ag_shape below = s;
    below.dim[s.rank - 2] -= s.dim[s.rank - 1];
    ag_tensor both[] = { ag_concat(AG_LIST(f.q, complement_of(x, f.q, s)), -1),
                         ag_concat(AG_LIST(f.r, ag_zeros(t, ag_dtype_of(x), below)), -2) };
    ag_all_or_none(both, 2);
    return (ag_qr_factors){ both[0], both[1] };
}
