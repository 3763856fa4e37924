/* Optimizers over lists of all kinds. */
#include "tests/fuzz/fuzz.h"

static optim *make_optimizer(world *w, ag_list list, int which, double lr, double decay)
{
    const optim_sgd_config sgd = { lr, chance(w, 2) ? 0.9 : 0, decay, chance(w, 3), chance(w, 3) };
    const double odd = chance(w, 4) ? draw_number(w) : 0;
    const optim_adam_config adam = {
        .lr = lr, .weight_decay = decay, .betas = { 0, odd }, .error_if_nonfinite = sgd.error_if_nonfinite
    };
    const optim_adagrad_config adagrad = { .lr = lr, .weight_decay = decay, .initial = odd, .lr_decay = sgd.momentum };
    const optim_rmsprop_config rmsprop = {
        .lr = lr, .weight_decay = decay, .alpha = odd, .momentum = sgd.momentum, .centered = sgd.nesterov
    };
    return which == 0   ? optim_sgd(list, sgd)
           : which == 1 ? optim_adam(list, adam)
           : which == 2 ? optim_adamw(list, adam)
           : which == 3 ? optim_adagrad(list, adagrad)
                        : optim_rmsprop(list, rmsprop);
}

static void play_optimizer(world *w)
{
    ag_tensor at[6];
    ag_list list = { at, (size_t)draw(w, 6) };
    lane *l = draw_lane(w);
    for (size_t i = 0; i < list.count; i++)
        at[i] = pick_of(w, chance(w, 20) ? NULL : is_param).x;
    for (size_t i = 1; i < list.count; i++) /* mostly each one once */
        for (size_t k = 0; k < i; k++)
            if (at[k].id == at[i].id && !rude(w, may_odd_flags))
                list.count = i;
    if (chance(w, 3))
        list = chance(w, 2) && l->module_count ? nn_params(l->modules[0]) : ag_params(l->t);
    double lr = rude(w, may_absurd_number) ? draw_number(w) : 0.1, decay = chance(w, 3) ? draw_number(w) : 0;
    static const char *const names[] = { "optim_sgd", "optim_adam", "optim_adamw", "optim_adagrad", "optim_rmsprop" };
    int which = draw(w, 5);
    ag_tape *t = list.count && list.at ? list.at[0].tape : NULL;
    for (int i = 0; i < TAPES; i++)
        if (w->lanes[i].t == t)
            l = &w->lanes[i];
    frame f = begin(w, t, "%s(%s, %g, %g)", names[which], text_of_list(w, list), lr, decay);
    optim *o = make_optimizer(w, list, which, lr, decay);
    if (o && t && f.before == AG_OK && f.clears == l->clears && ag_error(t))
        fault(w, "an optimizer beside an error");
    if (!o && t && !ag_error(t) && f.clears == l->clears && !f.inert)
        fault(w, "no optimizer and no error");
    if (o)
        l->optims[l->optim_count < FEW ? l->optim_count++ : draw(w, FEW)] = o;
    end_call(&f);
}

static optim *any_optim(world *w, lane *l)
{
    return l->optim_count && !rude(w, may_absent) ? l->optims[draw(w, l->optim_count)] : NULL;
}

static void play_step(world *w)
{
    lane *l = draw_lane(w);
    optim *o = any_optim(w, l);
    frame f = begin(w, l->t, "optim_step(%s)", o ? "o" : "NULL");
    ag_status s = optim_step(o);
    if (!s)
        wrote_all(w, (int)(l - w->lanes));
    f.inert |= !o;
    end_status(&f, s);
}

static void play_change(world *w)
{
    lane *l = draw_lane(w);
    optim *o = any_optim(w, l);
    int which = draw(w, 5);
    double v = chance(w, 2) ? draw_number(w) : 1;
    frame f = begin(w, l->t, "optim_zero_grad or the like (%d) (%g)", which, v);
    f.inert |= !o;
    if (which == 0) {
        observe_number(w, optim_grad_norm(o));
        observe_number(w, optim_lr(o));
        if (optim_tape(o) != (o ? l->t : NULL))
            fault(w, "the optimizer is of another tape");
        end_call(&f);
        return;
    }
    uint64_t before = grads_hash(w, f.lane);
    ag_status s = which == 1   ? optim_zero_grad(o)
                  : which == 2 ? optim_set_lr(o, v)
                  : which == 3 ? optim_clip_norm(o, v)
                               : optim_clip_value(o, v);
    if (s && which > 1 && w->callbacks == f.callbacks && grads_changed(w, f.lane, before))
        fault(w, "clipping failed and changed a gradient");
    end_anyway(&f, s);
}

static double play_factor(int64_t step, void *user)
{
    world *w = user;
    const double factor = chance(w, 10) ? draw_number(w) : 1 / (1 + (double)step);
    observe(w, 1);
    return factor;
}

static optim_schedule *make_schedule(world *w, optim *o, int which)
{
    const int64_t steps = rude(w, may_absurd_number) ? draw(w, 5) - 2 : 1 + draw(w, 5);
    const double factor = rude(w, may_absurd_number) ? draw_number(w) : 0.5;
    if (which == 0)
        return optim_schedule_every(o, steps, factor);
    if (which == 1)
        return optim_schedule_milestones(o, (optim_milestones_config){ .at = { steps, draw(w, 9) }, .factor = factor });
    if (which == 2)
        return optim_schedule_linear(o, factor, chance(w, 2), steps);
    if (which == 3)
        return optim_schedule_cosine(
            o, (optim_cosine_config){
                   .steps = steps, .min_lr = factor / 100, .restart = chance(w, 2), .grow = draw(w, 3) });
    return optim_schedule_function(o, play_factor, w);
}

/* A schedule's first steps; it lives on, as does what became of the rate. */
static void play_schedule(world *w)
{
    lane *l = draw_lane(w);
    optim *o = any_optim(w, l);
    const int which = draw(w, 5), then = draw(w, 8);
    frame f = begin(w, l->t, "schedule %d then %d", which, then);
    optim_schedule *s = make_schedule(w, o, which);
    if (then < 5)
        s = optim_schedule_then(s, 1 + draw(w, 3), make_schedule(w, o, then));
    for (int i = 0; i < 4; i++)
        observe(w, optim_schedule_step(s));
    observe(w, optim_schedule_set(s, rude(w, may_absurd_number) ? draw(w, 9) - 4 : draw(w, 9)));
    observe_number(w, optim_schedule_at(s, draw(w, 9)));
    observe_number(w, optim_lr(o));
    if (o && !(optim_lr(o) >= 0 && optim_lr(o) < INFINITY))
        fault(w, "a rate that is none");
    end_call(&f);
}

static void play_plateau(world *w)
{
    lane *l = draw_lane(w);
    optim *o = any_optim(w, l);
    const double odd = rude(w, may_absurd_number) ? draw_number(w) : 0;
    frame f = begin(w, l->t, "optim_plateau_new(%g)", odd);
    const optim_plateau_config config = { .factor = odd,
                                          .threshold = odd,
                                          .patience = draw(w, 3),
                                          .cooldown = draw(w, 3),
                                          .maximize = chance(w, 2),
                                          .absolute = chance(w, 2) };
    optim_plateau *p = optim_plateau_new(o, config);
    for (int i = 0; i < 6; i++)
        observe(w, optim_plateau_step(p, draw_number(w)));
    observe_number(w, optim_lr(o));
    end_call(&f);
}

const move optim_moves[] = {
    { .name = "optimizer", 3, play_optimizer },
    { .name = "step", 6, play_step, .writes = true },
    { .name = "change", 3, play_change, .writes = true },
    { .name = "schedule", 1, play_schedule },
    { .name = "plateau", 1, play_plateau },
    { .name = NULL },
};
