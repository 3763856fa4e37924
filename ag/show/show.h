/* Looking at graphs: what the tables, the pictures, the explanations and the page share. */
#ifndef AG_SHOW_SHOW_H
#define AG_SHOW_SHOW_H

#include "ag/backward/backward.h"
#include <inttypes.h>

/* ---- look.c: a graph, its nodes, and what is said of them */

typedef struct ag_look {
    ag_tape *t;
    FILE *to;
    const char *who; /* the public function */
    uint32_t y, top; /* top: the last output of y's op */
    uint32_t nodes;  /* that y depends on, with itself */
    uint8_t *reached;
} ag_look;

enum { AG_LABEL = 256 }; /* bytes of a label */

bool ag_look_begin(ag_look *g, ag_tensor y, FILE *to, const char *who); /* false: reported */
ag_status ag_look_end(ag_look *g);
ag_status ag_look_refused(ag_tensor y); /* what is returned where ag_look_begin was false */
/* Only where no error is pending, y is one number, and a pass may begin. */
ag_status ag_look_check_pass(const ag_look *g);
const char *ag_look_op(const ag_tape *t, uint32_t i);                              /* "variable", "mul" */
const char *ag_look_name(const ag_tape *t, uint32_t i);                            /* "" without one */
const char *ag_look_label(const ag_tape *t, uint32_t i, char *text, size_t bytes); /* its name, or "%12" */
/* "dy/dx", of two labels */
const char *ag_look_derivative(const char *y, const char *x, char *text, size_t bytes);
const char *ag_look_value(ag_tape *t, uint32_t id, char *text, size_t bytes); /* the only element, or the shape */
int ag_look_inputs(const ag_tape *t, uint32_t i, const uint32_t **inputs);    /* how many */
bool ag_look_is_leaf(const ag_tape *t, uint32_t i);
/* The gradient that is kept of a node; inert: none. */
ag_tensor ag_look_gradient(ag_tape *t, uint32_t i);
/* Why a file cannot be written: AG_EFILE, which names its directory where that is what is missing. */
ag_status ag_look_unwritable(ag_tape *t, const char *who, const char *path, const char *why);
/* The only element, or the 2-norm. */
double ag_look_measure(const ag_array *a);
static inline bool ag_look_single(const ag_tape *t, uint32_t id)
{
    return ag_layout_at(t, id)->size == 1;
}

/* ---- memory.c */

const char *ag_bytes_text(uint64_t bytes, char text[16]); /* "1.5 MB" */

/* ---- push.c: an adjoint brought over one op */

/* An interlude in which rules run, as in a pass. */
typedef struct ag_aside {
    ag_interlude interlude;
} ag_aside;
bool ag_aside_begin(ag_tape *t, ag_aside *a); /* false: reported */
void ag_aside_end(ag_tape *t, const ag_aside *a);
/* Inside of one: what the adjoints dy of the op at `base`, by output, without data where there is none, bring to its
 * operands: dx by operand, dense, of the operand's shape and dtype, without data where nothing flows. */
ag_status ag_push(ag_tape *t, uint32_t base, const ag_array *dy, ag_array *dx);
/* The same for element `element` of output `output`, whose adjoint is 1. */
ag_status ag_push_one(ag_tape *t, uint32_t base, int output, int64_t element, ag_array *dx);
/* Operand k of the record i, whose adjoint is g: what it receives. */
double ag_push_number(const ag_tape *t, uint32_t i, int k, double g);

/* ---- steps.c: the backward pass, contribution by contribution */

typedef struct ag_step {
    uint32_t from, to;                                   /* the result and the operand */
    int operand;                                         /* which one */
    bool numbers;                                        /* both are one number, and so is the local derivative */
    double upstream, local, contribution, before, after; /* of arrays the norms */
} ag_step;
typedef struct ag_steps ag_steps;
/* Is shown the steps; with `step` NULL a node whose gradient is complete, and that. */
typedef void ag_step_see(void *user, const ag_step *step, uint32_t node, const ag_array *gradient);
/* The pass from an element of y, with 1. Nodes come in the order in which the pass takes them, the steps of each after it. */
ag_status ag_steps_run(const ag_look *g, int64_t element, ag_step_see *see, void *user);

#endif
