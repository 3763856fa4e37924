/* What the files of optim/ share. */
#ifndef OPTIM_INTERNAL_H
#define OPTIM_INTERNAL_H

#include "optim/optim.h"

/* A parameter and what belongs to it. */
typedef struct optim_slot {
    ag_tensor param;
    ag_storage at;       /* in this step */
    void *state[3];      /* momenta, of the parameter's type, in its storage order; NULL until its first step */
    int64_t steps;       /* updates that it has had */
    int64_t first_block; /* number of its first block among all parameters' */
    uint32_t zeroed;     /* how often its gradient was, at the last step */
    double rate, root;   /* lr in this step; Adam: and 1 / sqrt of v, both corrected for the bias of this step */
} optim_slot;

/* Updates elements `from` to `to` of a parameter. */
typedef void optim_rule(const optim *o, const optim_slot *s, int64_t from, int64_t to);

struct optim {
    ag_tape *t;
    optim_rule *f32, *f64;
    int states;         /* momenta of each parameter */
    double lr, base_lr; /* base_lr: as it was last set, not by a schedule */
    double lr_decay, momentum, beta[2], alpha, eps, weight_decay;
    double initial; /* of the first state */
    bool nesterov, decoupled, centered, error_if_nonfinite;
    size_t count;
    optim_slot *slots;
    int64_t blocks, elements; /* of those that have a gradient in this step */
    double *partial;          /* a sum per block, see clip.c */
    int64_t partials;         /* how many there is room for */
    int64_t steps;            /* taken while the tape was to warn */
    int unzeroed;             /* steps in a row before which a gradient was not zeroed */
    bool warned_unzeroed, warned_none, warned_gradient, warned_value;
};

optim_rule optim_sgd_f32, optim_sgd_f64, optim_adam_f32, optim_adam_f64, optim_adagrad_f32, optim_adagrad_f64,
    optim_rmsprop_f32, optim_rmsprop_f64;

/* Work is cut into blocks of this many elements, whatever the number of threads. */
enum { OPTIM_BLOCK = 1 << 14 };
static inline int64_t optim_blocks(int64_t count)
{
    return (count + OPTIM_BLOCK - 1) / OPTIM_BLOCK;
}
/* Looks at every parameter's storage and counts what has a gradient. Writes nothing but *o. */
ag_status optim_look(optim *o);
bool optim_is_finite(const optim_slot *s, const void *memory); /* its value or its gradient */
/* After a look: is every gradient finite, or nobody asks? Reported under the name of `who`. */
ag_status optim_check_finite(const optim *o, const char *who);
/* debug.c: under ag_options.debug, before a step and after it. */
void optim_watch_gradients(optim *o);
void optim_watch_values(optim *o);
/* Calls work(o, s, from, to, user) for blocks that cover all gradients, on several threads where that pays. `block` is
 * the number of the one that begins at `from`. */
typedef void optim_work(const optim *o, const optim_slot *s, int64_t from, int64_t to, int64_t block, void *user);
void optim_run(const optim *o, optim_work *work, void *user);

#endif
