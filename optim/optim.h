/* optim: optimizers that update a list of parameters from their gradients, by the rules of PyTorch's of the same names.
 *
 * Rules that hold for every function here, beside those of ag/ag.h:
 * - An optimizer lives on its parameters' tape; there is nothing to free. It works on any list of them: nn_params(m),
 *   ag_params(t), AG_LIST(w, b). The list is copied.
 * - NULL for an optimizer is what a failed constructor returned: every function accepts it and returns AG_ENULL or NaN.
 * - A parameter that no gradient has reached since it was zeroed is left alone, state and all. NaN and infinite
 *   gradients are passed on as they are, unless the config says error_if_nonfinite: then optim_step and
 *   optim_clip_norm change nothing and return AG_EVALUE, and the message names the parameter.
 * - State (momenta) is made in the step in which a parameter first has a gradient. After that nothing allocates.
 * - Results do not depend on the number of threads. */
#ifndef OPTIM_OPTIM_H
#define OPTIM_OPTIM_H

#include "ag/ag.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct optim optim;

/* Constructors return NULL on failure. Errors: AG_EUSE for a tensor that is no parameter or belongs to another tape
 * than the first, AG_EARG for one that is listed twice and for numbers out of range: lr must be positive, the others
 * must not be negative, betas and alpha must be below 1, and all must be finite, and for an empty list of a tape's or a module's:
 * the layers are missing that it was to train. A list {NULL, 0} of one's own has no tape to report to. */

typedef struct optim_sgd_config {
    double lr, momentum, weight_decay;
    bool nesterov;
    bool error_if_nonfinite; /* see above */
} optim_sgd_config;
/* optim_sgd - stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013).
 *   g = dp + weight_decay p    b = momentum b + g, at first g    p = p - lr (nesterov ? g + momentum b : b)
 * Errors: AG_EARG for nesterov without momentum. */
AG_API optim *optim_sgd(ag_list params, optim_sgd_config config);

typedef struct optim_adam_config {
    double lr;
    double betas[2]; /* both zero: 0.9 and 0.999; give both or none */
    double eps;      /* zero: 1e-8 */
    double weight_decay;
    bool error_if_nonfinite; /* see above */
} optim_adam_config;
/* optim_adam - Adam (Kingma and Ba 2015); k counts the parameter's steps.
 *   g = dp + weight_decay p    m = beta0 m + (1 - beta0) g    v = beta1 v + (1 - beta1) g^2
 *   p = p - lr / (1 - beta0^k) m / (sqrt(v / (1 - beta1^k)) + eps) */
AG_API optim *optim_adam(ag_list params, optim_adam_config config);
/* optim_adamw - Adam with decoupled weight decay (Loshchilov and Hutter 2019): p = (1 - lr weight_decay) p comes first,
 * and g = dp. Weight decay is 0 unless given. */
AG_API optim *optim_adamw(ag_list params, optim_adam_config config);

typedef struct optim_adagrad_config {
    double lr, lr_decay, weight_decay;
    double initial;          /* the sum of squares at first */
    double eps;              /* zero: 1e-10 */
    bool error_if_nonfinite; /* see above */
} optim_adagrad_config;
/* optim_adagrad - AdaGrad (Duchi et al. 2011); k counts the parameter's steps.
 *   g = dp + weight_decay p    s = s + g^2, at first initial    p = p - lr / (1 + (k - 1) lr_decay) g / (sqrt(s) + eps) */
AG_API optim *optim_adagrad(ag_list params, optim_adagrad_config config);

typedef struct optim_rmsprop_config {
    double lr, momentum, weight_decay;
    double alpha;            /* of the mean square; zero: 0.99 */
    double eps;              /* zero: 1e-8 */
    bool centered;           /* in units of the deviation, not of the root mean square */
    bool error_if_nonfinite; /* see above */
} optim_rmsprop_config;
/* optim_rmsprop - RMSProp (Tieleman and Hinton 2012), centered as in Graves 2013.
 *   g = dp + weight_decay p    v = alpha v + (1 - alpha) g^2    m = alpha m + (1 - alpha) g
 *   q = g / (sqrt(centered ? v - m^2 : v) + eps)    b = momentum b + q    p = p - lr b
 * Where v - m^2 rounds to less than 0 it counts as 0. */
AG_API optim *optim_rmsprop(ag_list params, optim_rmsprop_config config);

/* optim_step - updates every parameter that has a gradient. Does nothing while an error is pending, and returns it. All
 * is checked and allocated before the first value changes. */
AG_API ag_status optim_step(optim *o);
/* optim_zero_grad - zeroes the gradients of the parameters; also while an error is pending. */
AG_API ag_status optim_zero_grad(optim *o);
/* optim_set_lr - the learning rate from the next step on; it may be 0. Errors: AG_EARG if it is negative or not
 * finite. */
AG_API ag_status optim_set_lr(optim *o, double lr);
AG_API double optim_lr(const optim *o);     /* NaN for NULL */
AG_API ag_tape *optim_tape(const optim *o); /* that of its parameters; NULL for NULL */

/* optim_grad_norm - the 2-norm of all gradients as one vector; NaN on error. Summed in f64. */
AG_API double optim_grad_norm(optim *o);
/* optim_clip_norm - scales all gradients by min(1, max / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does.
 * Errors: AG_EARG unless max is positive and finite. */
AG_API ag_status optim_clip_norm(optim *o, double max);
/* optim_clip_value - clamps every element of the gradients to [-max, max]; a NaN stays. Errors: as optim_clip_norm. */
AG_API ag_status optim_clip_value(optim *o, double max);

/* ---- schedules of the learning rate, with the numbers of torch.optim.lr_scheduler
 *
 * A schedule gives its optimizer a learning rate for each of its steps 0, 1, 2, ..., which are steps of training or epochs,
 * as one calls it, and sets that of step 0 at once. Its base is the rate with which the optimizer was made, or that
 * optim_set_lr gave it before the schedule was made; what that sets later lasts until the schedule's next step. Schedules
 * live on the tape. */

typedef struct optim_schedule {
    optim *optimizer;
    int64_t step; /* where it is */
} optim_schedule;
/* optim_schedule_step - goes to the next step and sets its rate. optim_schedule_set - goes to that step, as when training
 * is resumed. While an error is pending they do nothing, and return it. Errors: AG_EARG for a negative step. */
AG_API ag_status optim_schedule_step(optim_schedule *s);
AG_API ag_status optim_schedule_set(optim_schedule *s, int64_t step);
/* optim_schedule_at - the rate of any step; sets nothing, so it can be drawn. NaN on error. */
AG_API double optim_schedule_at(optim_schedule *s, int64_t step);

/* Constructors return NULL on failure. Errors: AG_EARG for numbers that make no sense; factors must be finite and not
 * negative. */

/* optim_schedule_every - every `steps` steps the rate is multiplied by `factor`; every 1 that is exponential decay. */
AG_API optim_schedule *optim_schedule_every(optim *o, int64_t steps, double factor);
enum { OPTIM_MILESTONES = 16 };
typedef struct optim_milestones_config {
    int64_t at[OPTIM_MILESTONES]; /* steps, up to the first 0 */
    double factor;                /* zero: 0.1 */
} optim_milestones_config;
/* optim_schedule_milestones - it is multiplied by the factor at each of these steps. */
AG_API optim_schedule *optim_schedule_milestones(optim *o, optim_milestones_config config);
/* optim_schedule_linear - base times a factor that goes from `from` to `to` in `steps` steps and stays there: a warm-up from
 * 0.1 to 1, a decay from 1 to 0. */
AG_API optim_schedule *optim_schedule_linear(optim *o, double from, double to, int64_t steps);

typedef struct optim_cosine_config {
    int64_t steps; /* from the base to the lowest rate */
    double min_lr;
    bool restart; /* begins anew after them, where it would else rise again as it fell (Loshchilov and Hutter 2017) */
    int64_t grow; /* with restart: each round is so many times as long as the one before; zero: 1 */
} optim_cosine_config;
/* optim_schedule_cosine - min_lr + (base - min_lr) (1 + cos(pi step / steps)) / 2. */
AG_API optim_schedule *optim_schedule_cosine(optim *o, optim_cosine_config config);

typedef double optim_factor(int64_t step, void *user);
/* optim_schedule_function - base times f(step, user). A factor that is negative or not finite is AG_EARG when it is met,
 * and the rate stays. */
AG_API optim_schedule *optim_schedule_function(optim *o, optim_factor *f, void *user);
/* optim_schedule_then - `first` for `steps` steps, then `second`, which counts from 0 there: a warm-up and what follows it,
 * of one optimizer. The two are parts of the result now and are not to be stepped themselves. */
AG_API optim_schedule *optim_schedule_then(optim_schedule *first, int64_t steps, optim_schedule *second);

typedef struct optim_plateau_config {
    double factor;    /* what the rate is multiplied by, below 1; zero: 0.1 */
    int64_t patience; /* so many values without improvement are borne; zero: 10 */
    double threshold; /* what counts as an improvement is better by this part of the best value; zero: 1e-4 */
    bool absolute;    /* better by the threshold itself */
    bool maximize;    /* larger values are better */
    int64_t cooldown; /* values after a reduction that do not count as bad */
    double min_lr;
    double eps; /* smaller changes of the rate are not made; zero: 1e-8 */
} optim_plateau_config;
typedef struct optim_plateau {
    optim *optimizer;
    double best;        /* so far; infinite at first */
    int64_t bad;        /* values without improvement since */
    int64_t reductions; /* so far */
} optim_plateau;
/* optim_plateau_new - reduces the rate when a value, as a validation loss, stops improving. NULL on failure. Errors:
 * AG_EARG for numbers that make no sense. */
AG_API optim_plateau *optim_plateau_new(optim *o, optim_plateau_config config);
/* optim_plateau_step - looks at the next value; one that is NaN is no improvement. */
AG_API ag_status optim_plateau_step(optim_plateau *p, double value);

#ifdef __cplusplus
}
#endif
#endif

#ifdef AG_TRACE_CALLS
#include "traced.h"
#endif
