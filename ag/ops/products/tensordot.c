/* Products of tensors that have names of their own. */
#include "ag/ops/products/contraction.h"

/* Operands of one of these functions, which must have `ranks` dimensions. NULL: an error. */
static ag_tape *two_of_ranks(const char *who, ag_tensor a, ag_tensor b, const int ranks[2], const char *hint,
                             ag_shape s[2])
{
    char text[2][128];
    ag_tape *t = ag_shapes_for(who, AG_LIST(a, b), s);
    if (!t || (s[0].rank == ranks[0] && s[1].rank == ranks[1]))
        return t;
    ag_fail(t, AG_ESHAPE, "%s: %s and %s, but the operands must have %d and %d dimensions%s", who,
            ag_shape_text(s[0], text[0], sizeof text[0]), ag_shape_text(s[1], text[1], sizeof text[1]), ranks[0],
            ranks[1], hint);
    return NULL;
}

static ag_tensor nothing(ag_tensor a, ag_tensor b)
{
    return ag_inert(ag_list_tape(AG_LIST(a, b)));
}

/* ---- tensordot */

static ag_status dot_axes(ag_tape *t, const ag_shape s[2], const ag_axes axes[2])
{
    char text[2][128];
    bool summed[2][AG_MAX_RANK];
    if (axes[0].count != axes[1].count || axes[0].count < 0)
        return ag_fail(t, AG_ESHAPE, "ag_tensordot: %d axes and %d are given", axes[0].count, axes[1].count);
    for (int i = 0; i < 2; i++)
        if (!ag_axes_mask(axes[i], s[i].rank, summed[i]))
            return ag_fail(t, AG_ESHAPE,
                           "ag_tensordot: of the axes of operand %d, %s, one does not exist or is named twice", i + 1,
                           ag_shape_text(s[i], text[i], sizeof text[i]));
    for (int i = 0; i < axes[0].count; i++) {
        const int a = ag_axis(axes[0].axis[i], s[0].rank), b = ag_axis(axes[1].axis[i], s[1].rank);
        if (s[0].dim[a] != s[1].dim[b])
            return ag_fail(t, AG_ESHAPE, "ag_tensordot: axis %d of %s and axis %d of %s differ", axes[0].axis[i],
                           ag_shape_text(s[0], text[0], sizeof text[0]), axes[1].axis[i],
                           ag_shape_text(s[1], text[1], sizeof text[1]));
    }
    const int rank = s[0].rank + s[1].rank - 2 * axes[0].count;
    return rank <= AG_MAX_RANK
               ? AG_OK
               : ag_fail(t, AG_ESHAPE, "ag_tensordot: the result would have %d dimensions, but at most %d are possible",
                         rank, AG_MAX_RANK);
}

/* ag_tensordot - products of a and b, summed over the axes axes_a of a, each with that of axes_b in the same place. The
 * result has the other axes of a, then those of b.
 *   y[i..,j..] = sum_k a[i..,k..] b[k..,j..]        da, db: dy with the other one, likewise
 * Errors: AG_ESHAPE if the axes are not as many, their extents differ, one does not exist or is named twice. */
AG_API ag_tensor ag_tensordot(ag_tensor a, ag_tensor b, ag_axes axes_a, ag_axes axes_b)
{
    ag_shape s[2];
    int64_t extent[AG_LABELS];
    ag_tape *t = ag_shapes_for("ag_tensordot", AG_LIST(a, b), s);
    if (!t || dot_axes(t, s, (const ag_axes[]){ axes_a, axes_b }))
        return nothing(a, b);
    ag_factor f[2] = { { .x = a, .rank = s[0].rank }, { .x = b, .rank = s[1].rank } };
    for (int i = 0; i < 2; i++)
        for (int d = 0; d < s[i].rank; d++)
            f[i].label[d] = (int8_t)(i * AG_MAX_RANK + d);
    uint64_t summed = 0;
    for (int i = 0; i < axes_a.count; i++) {
        const int label = ag_axis(axes_a.axis[i], s[0].rank);
        f[1].label[ag_axis(axes_b.axis[i], s[1].rank)] = (int8_t)label;
        summed |= ag_label(label);
    }
    for (int i = 0; i < 2; i++)
        for (int d = 0; d < s[i].rank; d++) {
            f[i].labels |= ag_label(f[i].label[d]);
            extent[f[i].label[d]] = s[i].dim[d];
        }
    return ag_contract_pair(&f[0], &f[1], ~summed, extent).x;
}

/* ag_inner - products of a and b summed over the last axes of both: the dot product of vectors. Operands of rank 0 are
 * multiplied with all elements.
 *   y[i..,j..] = sum_k a[i..,k] b[j..,k]        da, db: dy with the other one, likewise
 * Errors: AG_ESHAPE if the last extents differ. */
AG_API ag_tensor ag_inner(ag_tensor a, ag_tensor b)
{
    ag_shape s[2];
    if (!ag_shapes_for("ag_inner", AG_LIST(a, b), s))
        return nothing(a, b);
    return s[0].rank && s[1].rank ? ag_tensordot(a, b, AG_AXES(-1), AG_AXES(-1)) : ag_mul(a, b);
}

/* ag_outer - all products of the elements of two vectors.
 *   y[i,j] = a[i] b[j]        da = dy b    db = dy' a
 * Errors: AG_ESHAPE if one is no vector. */
AG_API ag_tensor ag_outer(ag_tensor a, ag_tensor b)
{
    ag_shape s[2];
    return two_of_ranks("ag_outer", a, b, (const int[]){ 1, 1 }, "; see ag_tensordot", s)
               ? ag_mul(ag_unsqueeze(a, 1), b)
               : nothing(a, b);
}

/* ---- matrices */

/* ag_mv - a matrix times a vector.
 *   y[m] = a[m,n] x[n]        da = dy x'    dx = a' dy
 * Errors: AG_ESHAPE if they are not that or the n's differ. */
AG_API ag_tensor ag_mv(ag_tensor a, ag_tensor x)
{
    ag_shape s[2];
    return two_of_ranks("ag_mv", a, x, (const int[]){ 2, 1 }, "; see ag_matmul", s) ? ag_matmul(a, x) : nothing(a, x);
}

/* ag_bmm - as many matrices times as many; nothing broadcasts.
 *   y[b,m,n] = a[b,m,k] c[b,k,n]        da = dy c'    dc = a' dy
 * Errors: AG_ESHAPE if they are not that or the b's or the k's differ. */
AG_API ag_tensor ag_bmm(ag_tensor a, ag_tensor c)
{
    ag_shape s[2];
    ag_tape *t = two_of_ranks("ag_bmm", a, c, (const int[]){ 3, 3 }, "; see ag_matmul", s);
    if (!t)
        return nothing(a, c);
    if (s[0].dim[0] == s[1].dim[0])
        return ag_matmul(a, c);
    ag_fail(t, AG_ESHAPE, "ag_bmm: %lld matrices times %lld; see ag_matmul", (long long)s[0].dim[0],
            (long long)s[1].dim[0]);
    return ag_inert(t);
}

/* ag_kron - Kronecker's product: a with each element times all of b. The one with fewer axes gets new ones in front.
 *   y[i p + k,..] = a[i,..] b[k,..], p = extent of b        da, db: dy with the other one, summed
 * Errors: AG_ELIMIT for more than four axes. */
AG_API ag_tensor ag_kron(ag_tensor a, ag_tensor b)
{
    ag_shape s[2], wide[2] = { { 0 } }, y = { 0 };
    ag_tape *t = ag_shapes_for("ag_kron", AG_LIST(a, b), s);
    if (!t)
        return nothing(a, b);
    const int rank = s[0].rank > s[1].rank ? s[0].rank : s[1].rank;
    bool fits = 2 * rank <= AG_MAX_RANK;
    for (int d = 0; fits && d < rank; d++) {
        int64_t extent[2];
        for (int i = 0; i < 2; i++) {
            const int from = d - (rank - s[i].rank);
            extent[i] = from < 0 ? 1 : s[i].dim[from];
            wide[i].dim[wide[i].rank + i] = extent[i];
            wide[i].dim[wide[i].rank + !i] = 1;
            wide[i].rank += 2;
        }
        fits = !__builtin_mul_overflow(extent[0], extent[1], &y.dim[y.rank++]);
    }
    if (fits)
        return ag_reshape(ag_mul(ag_reshape(a, wide[0]), ag_reshape(b, wide[1])), y);
    ag_fail(t, AG_ELIMIT, "ag_kron: the operands have too many dimensions, or extents too large");
    return ag_inert(t);
}

/* ---- vectors of three */

/* ag_cross - the vector product along an axis of extent 3; the other axes broadcast.
 *   y = a x b, y0 = a1 b2 - a2 b1        da = b x dy    db = dy x a
 * Errors: AG_ESHAPE if the operands have not as many dimensions, or there is no such axis of extent 3. */
AG_API ag_tensor ag_cross(ag_tensor a, ag_tensor b, int axis)
{
    char text[2][128];
    ag_shape s[2];
    ag_tape *t = ag_shapes_for("ag_cross", AG_LIST(a, b), s);
    if (!t)
        return nothing(a, b);
    const int at = s[0].rank == s[1].rank ? ag_axis(axis, s[0].rank) : -1;
    if (at >= 0 && s[0].dim[at] == 3 && s[1].dim[at] == 3) {
        const ag_tensor y = ag_sub(ag_mul(a, ag_roll(b, at, -1)), ag_mul(ag_roll(a, at, -1), b)); /* y2, y0, y1 */
        return ag_roll(y, at, -1);
    }
    ag_fail(t, AG_ESHAPE, "ag_cross: %s and %s do not both have extent 3 in axis %d",
            ag_shape_text(s[0], text[0], sizeof text[0]), ag_shape_text(s[1], text[1], sizeof text[1]), axis);
    return ag_inert(t);
}
