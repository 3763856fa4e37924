/* Tensors whose axes have labels, and their products: what einsum and its kin are made of. */
#ifndef AG_OPS_CONTRACTION_H
#define AG_OPS_CONTRACTION_H

#include "ag/ops/shapes/views.h"

enum { AG_LABELS = 64 };  /* a set of labels is a mask */
enum { AG_PLAN_MAX = 6 }; /* factors whose best order is found by trying all */

typedef struct ag_factor {
    ag_tensor x;
    int rank;
    int8_t label[AG_MAX_RANK]; /* of each axis; no two are alike */
    uint64_t labels;
} ag_factor;

static inline uint64_t ag_label(int label)
{
    return (uint64_t)1 << label;
}

/* The elements of an array with these axes. */
static inline double ag_labels_size(uint64_t labels, const int64_t *extent)
{
    double size = 1;
    for (; labels; labels &= labels - 1)
        size *= (double)extent[__builtin_ctzll(labels)];
    return size;
}

/* ---- contraction.c */

/* The product of a and b, summed over the labels that are not to be kept, which both have. The result has first the
 * labels of both, then those of a alone, then those of b alone: at most AG_MAX_RANK. */
ag_factor ag_contract_pair(const ag_factor *a, const ag_factor *b, uint64_t kept, const int64_t *extent);
/* The factor with its axes in this order; x has them all. */
ag_tensor ag_factor_ordered(const ag_factor *f, const int8_t *label, int count);

/* ---- contraction_order.c */

/* Which factors are multiplied first: of those in a mask, the part that makes one operand of the last product. */
typedef struct ag_plan_of_products {
    uint8_t left[1 << AG_PLAN_MAX];
} ag_contraction_plan;
/* The fewest multiplications, by trying every way to divide every subset of the factors. False: each has an intermediate
 * result with more than AG_MAX_RANK axes. */
bool ag_plan_products(const ag_factor *f, int count, uint64_t kept, const int64_t *extent, ag_contraction_plan *plan);

#endif
