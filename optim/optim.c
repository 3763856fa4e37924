/* Optimizers: making one, and the step, which checks and allocates everything before it writes anything. */
#include "optim/internal.h"

#include "ag/kernels/kernels.h"
#include <math.h>
#include <stdlib.h>

/* ---- making */

static bool is_parameter(ag_tape *t, ag_list params, size_t i, const char *who)
{
    ag_tensor p = params.at[i];
    if (!p.tape)
        return ag_fail(t, AG_ENULL, "%s: parameter %zu is absent", who, i + 1), false;
    if (p.tape != t)
        return ag_fail(t, AG_EUSE, "%s: parameter %zu belongs to another tape than the first", who, i + 1), false;
    if (!p.id) /* which was reported, but perhaps forgiven since */
        return ag_fail(t, AG_ENULL, "%s: parameter %zu is what a failed call returned", who, i + 1), false;
    if (ag_size_of(p) < 0) /* stale: reported */
        return false;
    if (!ag_is_persistent(p) || !ag_needs_grad(p))
        return ag_fail(t, AG_EUSE, "%s: tensor %zu%s%s%s is no parameter; ag_param makes one", who, i + 1,
                       *ag_name_of(p) ? " '" : "", ag_name_of(p), *ag_name_of(p) ? "'" : ""),
               false;
    return true;
}

/* By id, and where that is the same by place. */
static int by_id(const void *a, const void *b)
{
    const optim_slot *x = a, *y = b;
    if (x->param.id != y->param.id)
        return x->param.id < y->param.id ? -1 : 1;
    return x->first_block < y->first_block ? -1 : 1;
}

/* While an optimizer is made its slots are in this order, for which each knows its place. */
static bool is_each_once(const optim *o, const char *who)
{
    qsort(o->slots, o->count, sizeof *o->slots, by_id);
    for (size_t i = 1; i < o->count; i++) {
        const optim_slot *x = &o->slots[i - 1], *y = &o->slots[i];
        if (x->param.id == y->param.id)
            return ag_fail(o->t, AG_EARG, "%s: parameter '%s' is listed twice, at %lld and %lld", who,
                           ag_name_of(x->param), (long long)x->first_block + 1, (long long)y->first_block + 1),
                   false;
    }
    return true;
}

static void set_slots(optim *o, ag_list params)
{
    for (size_t i = 0; i < o->count; i++)
        o->slots[i] = (optim_slot){ .param = params.at[i], .first_block = (int64_t)i };
}

static optim *make(ag_list params, optim config, const char *who)
{
    ag_tape *t = ag_list_tape(params);
    for (size_t i = 0; t && i < params.count; i++)
        if (!is_parameter(t, params, i, who))
            return NULL;
    optim *o = t ? ag_tape_allocate(t, sizeof *o) : NULL;
    optim_slot *slots = o ? ag_tape_allocate(t, params.count * sizeof *slots) : NULL;
    if (!slots)
        return NULL;
    *o = config;
    o->t = t;
    o->base_lr = o->lr;
    o->count = params.count;
    o->slots = slots;
    set_slots(o, params);
    if (is_each_once(o, who)) {
        set_slots(o, params);
        return o;
    }
    ag_tape_deallocate(t, slots);
    ag_tape_deallocate(t, o);
    return NULL;
}

/* Is there anything to train? An optimizer that is made before its layers would do nothing, step by step. */
static bool any_parameter(ag_list params, const char *who)
{
    if (params.count)
        return true;
    ag_fail(ag_list_tape(params), AG_EARG, "%s: the list has no parameters; an optimizer is made after its layers",
            who);
    return false;
}

/* low <= v < high, so neither NaN */
static bool within(ag_tape *t, double v, double low, double high, const char *name, const char *who)
{
    if (v >= low && v < high)
        return true;
    ag_fail(t, AG_EARG, "%s: %s is %g; it must be in [%g, %g)", who, name, v, low, high);
    return false;
}

static bool usable_rate(ag_tape *t, double lr, const char *who)
{
    if (lr > 0 && isfinite(lr))
        return true;
    ag_fail(t, AG_EARG, "%s: lr is %g; it must be positive and finite%s", who, lr,
            lr == 0 ? ": set .lr of the configuration" : "");
    return false;
}

optim *optim_sgd(ag_list params, optim_sgd_config config)
{
    static const char who[] = "optim_sgd";
    ag_tape *t = ag_list_tape(params);
    if (!any_parameter(params, who) || !usable_rate(t, config.lr, who) ||
        !within(t, config.momentum, 0, INFINITY, "momentum", who) ||
        !within(t, config.weight_decay, 0, INFINITY, "weight_decay", who))
        return NULL;
    if (config.nesterov && config.momentum == 0)
        return ag_fail(t, AG_EARG, "%s: nesterov goes with a momentum above 0", who), NULL;
    optim o = { .f32 = optim_sgd_f32,
                .f64 = optim_sgd_f64,
                .states = config.momentum != 0,
                .lr = config.lr,
                .momentum = config.momentum,
                .weight_decay = config.weight_decay,
                .nesterov = config.nesterov,
                .error_if_nonfinite = config.error_if_nonfinite };
    return make(params, o, who);
}

static optim *make_adam(ag_list params, optim_adam_config config, bool decoupled, const char *who)
{
    ag_tape *t = ag_list_tape(params);
    bool defaults = config.betas[0] == 0 && config.betas[1] == 0;
    if (!any_parameter(params, who) || !usable_rate(t, config.lr, who) ||
        !within(t, config.betas[0], 0, 1, "betas[0]", who) || !within(t, config.betas[1], 0, 1, "betas[1]", who) ||
        !within(t, config.eps, 0, INFINITY, "eps", who) ||
        !within(t, config.weight_decay, 0, INFINITY, "weight_decay", who))
        return NULL;
    if (config.betas[0] > 0 && config.betas[1] == 0)
        ag_warn(t,
                "%s: betas[1] is 0, so that steps do not depend on how large gradients are; both betas are to be "
                "given: { %g, 0.999 }",
                who, config.betas[0]);
    optim o = { .f32 = optim_adam_f32,
                .f64 = optim_adam_f64,
                .states = 2,
                .lr = config.lr,
                .beta = { defaults ? 0.9 : config.betas[0], defaults ? 0.999 : config.betas[1] },
                .eps = config.eps == 0 ? 1e-8 : config.eps,
                .weight_decay = config.weight_decay,
                .decoupled = decoupled,
                .error_if_nonfinite = config.error_if_nonfinite };
    return make(params, o, who);
}

optim *optim_adam(ag_list params, optim_adam_config config)
{
    return make_adam(params, config, false, "optim_adam");
}

optim *optim_adamw(ag_list params, optim_adam_config config)
{
    return make_adam(params, config, true, "optim_adamw");
}

optim *optim_adagrad(ag_list params, optim_adagrad_config config)
{
    static const char who[] = "optim_adagrad";
    ag_tape *t = ag_list_tape(params);
    if (!any_parameter(params, who) || !usable_rate(t, config.lr, who) ||
        !within(t, config.lr_decay, 0, INFINITY, "lr_decay", who) ||
        !within(t, config.initial, 0, INFINITY, "initial", who) || !within(t, config.eps, 0, INFINITY, "eps", who) ||
        !within(t, config.weight_decay, 0, INFINITY, "weight_decay", who))
        return NULL;
    optim o = { .f32 = optim_adagrad_f32,
                .f64 = optim_adagrad_f64,
                .states = 1,
                .lr = config.lr,
                .lr_decay = config.lr_decay,
                .initial = config.initial,
                .eps = config.eps == 0 ? 1e-10 : config.eps,
                .weight_decay = config.weight_decay,
                .error_if_nonfinite = config.error_if_nonfinite };
    return make(params, o, who);
}

optim *optim_rmsprop(ag_list params, optim_rmsprop_config config)
{
    static const char who[] = "optim_rmsprop";
    ag_tape *t = ag_list_tape(params);
    if (!any_parameter(params, who) || !usable_rate(t, config.lr, who) ||
        !within(t, config.momentum, 0, INFINITY, "momentum", who) ||
        !within(t, config.weight_decay, 0, INFINITY, "weight_decay", who) ||
        !within(t, config.alpha, 0, 1, "alpha", who) || !within(t, config.eps, 0, INFINITY, "eps", who))
        return NULL;
    optim o = { .f32 = optim_rmsprop_f32,
                .f64 = optim_rmsprop_f64,
                .states = 1 + config.centered + (config.momentum != 0),
                .lr = config.lr,
                .momentum = config.momentum,
                .alpha = config.alpha == 0 ? 0.99 : config.alpha,
                .eps = config.eps == 0 ? 1e-8 : config.eps,
                .weight_decay = config.weight_decay,
                .centered = config.centered,
                .error_if_nonfinite = config.error_if_nonfinite };
    return make(params, o, who);
}

double optim_lr(const optim *o)
{
    return o ? o->lr : NAN;
}

ag_tape *optim_tape(const optim *o)
{
    return o ? o->t : NULL;
}

ag_status optim_set_lr(optim *o, double lr)
{
    if (!o)
        return AG_ENULL;
    if (!within(o->t, lr, 0, INFINITY, "lr", "optim_set_lr"))
        return AG_EARG;
    o->lr = o->base_lr = lr;
    return AG_OK;
}

/* ---- going over the parameters */

ag_status optim_look(optim *o)
{
    o->blocks = o->elements = 0;
    for (size_t i = 0; i < o->count; i++) {
        optim_slot *s = &o->slots[i];
        ag_status status = ag_storage_of(s->param, &s->at);
        if (status)
            return status;
        s->first_block = o->blocks;
        o->blocks += s->at.grad ? optim_blocks(s->at.count) : 0;
        o->elements += s->at.grad ? s->at.count : 0;
    }
    return AG_OK;
}

/* The parameter that has the block. Many that are as large as each other are found at once. */
static const optim_slot *slot_of(const optim *o, int64_t block)
{
    size_t low = (size_t)block * o->count / (size_t)o->blocks, high = o->count;
    if (o->slots[low].first_block <= block && (low + 1 == high || o->slots[low + 1].first_block > block))
        return &o->slots[low];
    low = 0;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (o->slots[middle].first_block <= block)
            low = middle;
        else
            high = middle;
    }
    return &o->slots[low];
}

typedef struct job {
    const optim *o;
    optim_work *work;
    void *user;
} job;

static void run_block(const void *context, int64_t block)
{
    const job *j = context;
    const optim_slot *s = slot_of(j->o, block);
    int64_t from = (block - s->first_block) * OPTIM_BLOCK, to = from + OPTIM_BLOCK;
    j->work(j->o, s, from, to < s->at.count ? to : s->at.count, block, j->user);
}

void optim_run(const optim *o, optim_work *work, void *user)
{
    const double steps = 0.5 * (double)o->elements / (double)o->blocks; /* of a block, as was measured */
    ag_for_items(o->blocks, steps, ag_tape_threads(o->t), run_block, &(job){ o, work, user });
}

/* ---- the step */

static ag_status make_state(optim *o)
{
    for (size_t i = 0; i < o->count; i++) {
        optim_slot *s = &o->slots[i];
        for (int k = 0; k < o->states; k++) {
            if (s->state[k] || !s->at.grad)
                continue;
            s->state[k] = ag_tape_allocate(o->t, (size_t)s->at.count * ag_dtype_size(s->at.dtype));
            if (!s->state[k])
                return ag_error(o->t);
            const ag_array state = ag_dense_array(AG_SHAPE(s->at.count), s->at.dtype, s->state[k]);
            if (k == 0 && o->initial != 0)
                ag_fill_array(&state, o->initial);
        }
    }
    return AG_OK;
}

static void set_rates(const optim *o, optim_slot *s)
{
    if (s > o->slots && s->steps == s[-1].steps) { /* mostly: powers are what a small parameter waits for */
        s->rate = s[-1].rate;
        s->root = s[-1].root;
        return;
    }
    s->rate = o->lr / (1 + (double)(s->steps - 1) * o->lr_decay);
    s->root = 1;
    if (o->beta[0] == 0 && o->beta[1] == 0)
        return;
    s->rate = o->lr / (1 - pow(o->beta[0], (double)s->steps));
    s->root = 1 / sqrt(1 - pow(o->beta[1], (double)s->steps));
}

static void update(const optim *o, const optim_slot *s, int64_t from, int64_t to, int64_t block, void *user)
{
    (void)block;
    (void)user;
    (s->at.dtype == AG_F32 ? o->f32 : o->f64)(o, s, from, to);
}

static ag_status step(optim *o)
{
    ag_status status = ag_error(o->t);
    status = status ? status : optim_look(o);
    status = status ? status : optim_check_finite(o, "optim_step");
    status = status ? status : make_state(o);
    if (status)
        return status;
    const bool debug = ag_tape_debug(o->t);
    if (debug)
        optim_watch_gradients(o);
    for (size_t i = 0; i < o->count; i++) {
        o->slots[i].steps += o->slots[i].at.grad != NULL;
        set_rates(o, &o->slots[i]);
    }
    optim_run(o, update, NULL);
    for (size_t i = 0; i < o->count; i++)
        if (o->slots[i].at.grad)
            ag_written(o->slots[i].param);
    if (debug)
        optim_watch_values(o);
    return AG_OK;
}

ag_status optim_step(optim *o)
{
    if (!o)
        return AG_ENULL;
    ag_region_begin(o->t, "optim_step");
    const ag_status status = step(o);
    ag_region_end(o->t);
    return status;
}

ag_status optim_zero_grad(optim *o)
{
    ag_status status = AG_OK;
    if (!o)
        return AG_ENULL;
    ag_region_begin(o->t, "optim_zero_grad");
    for (size_t i = 0; i < o->count; i++) {
        ag_status one = ag_zero_grad(o->slots[i].param);
        status = status ? status : one;
    }
    ag_region_end(o->t);
    return status;
}
