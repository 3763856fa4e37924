/* The equation of ag_einsum, read: factors with labels, and the labels of the result. */
#ifndef AG_OPS_EQUATION_H
#define AG_OPS_EQUATION_H

#include "ag/ops/products/contraction.h"

enum {
    AG_ELLIPSIS = 52, /* labels: letters in the order of ASCII, then the axes for which `...` stands */
    AG_LABELS_USED = AG_ELLIPSIS + AG_MAX_RANK,
    AG_QUOTED = 100 /* characters of an equation in a message */
};

typedef struct ag_equation {
    ag_tape *tape;
    const char *text, *at; /* at: how far it has been read */
    ag_factor *factors;    /* with the labels as they are written */
    int count;
    int8_t out[AG_LABELS_USED];
    int out_rank;
    int64_t extent[AG_LABELS]; /* of each label; -1: it stands nowhere */
    int uses[AG_LABELS];       /* how often it is written in operands, and from then on: how many factors have it */
    uint64_t kept;             /* labels of the result */
} ag_equation;

/* ---- equation.c */

/* Reads the text, for operands of these shapes, of which there are `count`. False: reported. */
bool ag_equation_read(ag_equation *e, ag_list xs, const ag_shape *shapes);

#endif
