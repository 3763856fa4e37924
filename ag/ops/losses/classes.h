/* Losses of classes: logits, or logarithms of probabilities, z[n,c,d1,..] or z[c], and for each position a class, or
 * probabilities of z's shape. */
#ifndef AG_OPS_CLASSES_H
#define AG_OPS_CLASSES_H

#include "ag/ops/losses/loss.h"
#include "ag/ops/reductions/softmax_kernels.h"

typedef struct ag_class_params {
    int64_t reduce, ignore, ignored;
    double smoothing;
} ag_class_params;

typedef struct ag_classes {
    ag_dtype dtype, target_dtype;
    int64_t outer, n, inner;         /* z as [outer, n classes, inner] */
    const void *z, *target, *weight; /* weight NULL: 1 for each class */
    bool by_class;                   /* else the target is probabilities */
    ag_class_params p;
    int threads;
} ag_classes;

/* ---- classes.c */

ag_status ag_classes_shape(const ag_call *c, const ag_array *x, ag_array *y);
ag_classes ag_classes_of(const ag_call *c, const ag_array *z, const ag_array *target, const ag_array *weight);
/* x[0..2]: z, the target and the weights, NULL without them, in a derivative's kernel. AG_USE_RULE: there are gradients of
 * others than z to make. */
ag_status ag_classes_operands(const ag_call *c, const ag_array *dx, const ag_array **x);
/* Refuses a class out of range that is not ignored. */
ag_status ag_classes_check(const ag_call *c, const ag_classes *x);
/* The class at position i; -1: it is ignored. */
int64_t ag_classes_at(const ag_classes *x, int64_t i);
/* A number of z's or the weights' dtype. */
double ag_classes_value(const ag_classes *x, const void *data, int64_t i);
/* What position i weighs: 0 where it is ignored. */
double ag_classes_weight(const ag_classes *x, int64_t i);
/* What a mean divides the sum by: the weights of all positions, or with probabilities their number; else 1. */
double ag_classes_divisor(const ag_classes *x);
/* What arrives at the loss of each position, 0 where it is ignored; times its weight, if so wanted. */
void ag_classes_scales(const ag_classes *x, const ag_array *dy, bool weighted, double *scale);
/* The losses of the positions as the op's result. */
void ag_classes_finish(const ag_classes *x, const double *loss, ag_array *y);

/* The rule: for -log softmax(z), or for -z, which are logarithms already. */
void ag_classes_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx, bool logits);

#endif
