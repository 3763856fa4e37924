/* The product of two tensors with labelled axes, as one matrix product over their views. */
#include "ag/ops/products/contraction.h"

typedef struct group { /* labels, in an order */
    int count;
    int8_t label[AG_MAX_RANK];
} group;

/* The labels of f that are in the set, in f's order. */
static group group_of(const ag_factor *f, uint64_t set)
{
    group g = { 0 };
    for (int i = 0; i < f->rank; i++)
        if (set & ag_label(f->label[i]))
            g.label[g.count++] = f->label[i];
    return g;
}

static void append(ag_factor *f, const group *g)
{
    for (int i = 0; i < g->count; i++) {
        f->label[f->rank++] = g->label[i];
        f->labels |= ag_label(g->label[i]);
    }
}

/* Of a group beside an extent of 0 the product may overflow: no array is as large. */
static int64_t extent_of(const group *g, const int64_t *extent)
{
    int64_t size = 1;
    for (int i = 0; i < g->count; i++)
        if (__builtin_mul_overflow(size, extent[g->label[i]], &size))
            return INT64_MAX;
    return size;
}

static void put_extents(ag_shape *s, const group *g, const int64_t *extent)
{
    for (int i = 0; i < g->count; i++)
        s->dim[s->rank++] = extent[g->label[i]];
}

ag_tensor ag_factor_ordered(const ag_factor *f, const int8_t *label, int count)
{
    ag_axes order = { .count = count };
    bool moved = false;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < f->rank; k++)
            if (f->label[k] == label[i]) {
                order.axis[i] = k;
                moved |= k != i;
            }
    return moved ? ag_permute(f->x, order) : f->x;
}

/* f's axes in the order of these groups. */
static ag_tensor arranged(const ag_factor *f, const group *first, const group *second, const group *third)
{
    ag_factor to = { 0 };
    append(&to, first);
    append(&to, second);
    append(&to, third);
    return ag_factor_ordered(f, to.label, to.rank);
}

/* Nothing to sum over: elementwise, along axes of extent 1 where a factor lacks them. */
static ag_tensor multiply(const ag_factor *a, const ag_factor *b, const group *both, const group *left,
                          const group *right, const int64_t *extent)
{
    static const group none = { 0 };
    ag_tensor p = arranged(a, both, left, &none), q = arranged(b, both, right, &none);
    ag_shape s = { 0 };
    if (left->count && both->count) { /* in front a missing axis needs none */
        put_extents(&s, both, extent);
        for (int i = 0; i < left->count; i++)
            s.dim[s.rank++] = 1;
        put_extents(&s, right, extent);
        q = ag_reshape(q, s);
    }
    if (right->count && left->count + both->count > 0) { /* a number stays one */
        s.rank = 0;
        put_extents(&s, both, extent);
        put_extents(&s, left, extent);
        for (int i = 0; i < right->count; i++)
            s.dim[s.rank++] = 1;
        p = ag_reshape(p, s);
    }
    return ag_mul(p, q);
}

/* [both.., m, k] of a factor: the axes of a group become one. */
static ag_tensor as_matrices(ag_tensor x, const group *both, bool merged, const group *rows, const group *columns,
                             const int64_t *extent)
{
    ag_shape s = { 0 };
    if (merged)
        s.dim[s.rank++] = extent_of(both, extent);
    else
        put_extents(&s, both, extent);
    s.dim[s.rank++] = extent_of(rows, extent);
    s.dim[s.rank++] = extent_of(columns, extent);
    return rows->count == 1 && columns->count == 1 && !merged ? x : ag_reshape(x, s);
}

ag_factor ag_contract_pair(const ag_factor *a, const ag_factor *b, uint64_t kept, const int64_t *extent)
{
    const uint64_t common = a->labels & b->labels;
    const bool larger = ag_labels_size(a->labels, extent) >= ag_labels_size(b->labels, extent);
    const ag_factor *leader = larger ? a : b; /* its order decides, so that it is not copied where strides allow */
    const group both = group_of(leader, common & kept), summed = group_of(leader, common & ~kept);
    const group left = group_of(a, a->labels & ~common), right = group_of(b, b->labels & ~common);
    ag_factor y = { 0 };
    append(&y, &both);
    append(&y, &left);
    append(&y, &right);
    if (summed.count == 0) {
        y.x = multiply(a, b, &both, &left, &right, extent);
        return y;
    }
    const bool merged = both.count + 2 > AG_MAX_RANK;
    const ag_tensor p = as_matrices(arranged(a, &both, &left, &summed), &both, merged, &left, &summed, extent);
    const ag_tensor q = as_matrices(arranged(b, &both, &summed, &right), &both, merged, &summed, &right, extent);
    const ag_tensor product = ag_matmul(p, q);
    ag_shape s = { 0 };
    put_extents(&s, &both, extent);
    put_extents(&s, &left, extent);
    put_extents(&s, &right, extent);
    y.x = left.count == 1 && right.count == 1 && !merged ? product : ag_reshape(product, s);
    return y;
}
