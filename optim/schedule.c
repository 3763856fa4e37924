/* Learning rates that change: as functions of the step, and when a value stops improving. */
#include "optim/internal.h"
#include <math.h>

typedef struct curve curve;
struct curve {
    optim_schedule head;
    double base;
    double (*rate)(const curve *c, int64_t step);
    double factor, from, to; /* of the base */
    int64_t steps;
    optim_cosine_config cosine;
    optim_milestones_config milestones;
    optim_factor *function;
    void *user;
    const curve *first, *second;
};

static const double pi = 3.14159265358979323846;

/* ---- making */

static curve *curve_of(optim_schedule *s)
{
    return (curve *)(void *)s;
}

/* A factor that may stand before a rate? */
static bool usable(ag_tape *t, double v, const char *name, const char *who)
{
    if (v >= 0 && v < INFINITY)
        return true;
    ag_fail(t, AG_EARG, "%s: %s is %g; it must be finite and not negative", who, name, v);
    return false;
}

static bool positive(ag_tape *t, int64_t v, const char *name, const char *who)
{
    if (v > 0)
        return true;
    ag_fail(t, AG_EARG, "%s: %s is %lld; it must be at least 1", who, name, (long long)v);
    return false;
}

/* The rate of a step, or NaN: reported. */
static double rate_at(const curve *c, int64_t step, const char *who)
{
    ag_tape *t = c->head.optimizer->t;
    if (step < 0) {
        ag_fail(t, AG_EARG, "%s: the step is %lld; it must not be negative", who, (long long)step);
        return NAN;
    }
    const double rate = c->rate(c, step);
    if (rate >= 0 && rate < INFINITY)
        return rate;
    ag_fail(t, AG_EARG, "%s: the rate of step %lld is %g; it must be finite and not negative", who, (long long)step,
            rate);
    return NAN;
}

/* A schedule at its first step. */
static optim_schedule *start(optim *o, curve config, const char *who)
{
    config.head.optimizer = o;
    config.base = o->base_lr;
    const double rate = rate_at(&config, 0, who);
    curve *c = rate >= 0 ? ag_tape_allocate(o->t, sizeof *c) : NULL;
    if (!c)
        return NULL;
    *c = config;
    o->lr = rate;
    return &c->head;
}

/* ---- rates */

static double rate_every(const curve *c, int64_t step)
{
    return c->base * pow(c->factor, (double)(step / c->steps));
}

optim_schedule *optim_schedule_every(optim *o, int64_t steps, double factor)
{
    static const char who[] = "optim_schedule_every";
    if (!o || !positive(o->t, steps, "steps", who) || !usable(o->t, factor, "factor", who))
        return NULL;
    return start(o, (curve){ .rate = rate_every, .steps = steps, .factor = factor }, who);
}

static double rate_milestones(const curve *c, int64_t step)
{
    int passed = 0;
    for (int i = 0; i < OPTIM_MILESTONES && c->milestones.at[i]; i++)
        passed += c->milestones.at[i] <= step;
    return c->base * pow(c->factor, passed);
}

optim_schedule *optim_schedule_milestones(optim *o, optim_milestones_config config)
{
    static const char who[] = "optim_schedule_milestones";
    if (!o || !usable(o->t, config.factor, "factor", who) || !positive(o->t, config.at[0], "the first step", who))
        return NULL;
    for (int i = 1; i < OPTIM_MILESTONES; i++)
        if (config.at[i] < 0 || (config.at[i] && !config.at[i - 1]))
            return ag_fail(o->t, AG_EARG, "%s: step %d is %lld; steps are at least 1, and a 0 ends them", who, i + 1,
                           (long long)config.at[i]),
                   NULL;
    return start(
        o, (curve){ .rate = rate_milestones, .milestones = config, .factor = config.factor == 0 ? 0.1 : config.factor },
        who);
}

static double rate_linear(const curve *c, int64_t step)
{
    const double part = step < c->steps ? (double)step / (double)c->steps : 1;
    return c->base * (c->from + (c->to - c->from) * part);
}

optim_schedule *optim_schedule_linear(optim *o, double from, double to, int64_t steps)
{
    static const char who[] = "optim_schedule_linear";
    if (!o || !usable(o->t, from, "from", who) || !usable(o->t, to, "to", who) || !positive(o->t, steps, "steps", who))
        return NULL;
    return start(o, (curve){ .rate = rate_linear, .from = from, .to = to, .steps = steps }, who);
}

static double rate_cosine(const curve *c, int64_t step)
{
    int64_t round = c->cosine.steps;
    if (c->cosine.restart && c->cosine.grow == 1)
        step %= round;
    else if (c->cosine.restart)
        while (step >= round) {
            step -= round;
            round = round > INT64_MAX / c->cosine.grow ? INT64_MAX : round * c->cosine.grow;
        }
    const double low = c->cosine.min_lr;
    return low + (c->base - low) * (1 + cos(pi * (double)step / (double)round)) / 2;
}

optim_schedule *optim_schedule_cosine(optim *o, optim_cosine_config config)
{
    static const char who[] = "optim_schedule_cosine";
    if (!o || !positive(o->t, config.steps, "steps", who) || !usable(o->t, config.min_lr, "min_lr", who))
        return NULL;
    if (config.min_lr > o->base_lr)
        return ag_fail(o->t, AG_EARG, "%s: min_lr is %g, above the optimizer's lr %g", who, config.min_lr, o->base_lr),
               NULL;
    if (config.grow < 0 || (config.grow && !config.restart))
        return ag_fail(o->t, AG_EARG, "%s: grow is %lld; it goes with restart and is at least 1", who,
                       (long long)config.grow),
               NULL;
    config.grow += !config.grow;
    return start(o, (curve){ .rate = rate_cosine, .cosine = config }, who);
}

static double rate_function(const curve *c, int64_t step)
{
    return c->base * c->function(step, c->user);
}

optim_schedule *optim_schedule_function(optim *o, optim_factor *f, void *user)
{
    static const char who[] = "optim_schedule_function";
    if (!o)
        return NULL;
    if (!f)
        return ag_fail(o->t, AG_ENULL, "%s: the function is NULL", who), NULL;
    return start(o, (curve){ .rate = rate_function, .function = f, .user = user }, who);
}

static double rate_then(const curve *c, int64_t step)
{
    return step < c->steps ? c->first->rate(c->first, step) : c->second->rate(c->second, step - c->steps);
}

optim_schedule *optim_schedule_then(optim_schedule *first, int64_t steps, optim_schedule *second)
{
    static const char who[] = "optim_schedule_then";
    optim_schedule *there = first ? first : second;
    optim *o = there ? there->optimizer : NULL;
    if (!o || !positive(o->t, steps, "steps", who))
        return NULL;
    if (!first || !second)
        return ag_fail(o->t, AG_ENULL, "%s: the %s schedule is absent", who, first ? "second" : "first"), NULL;
    if (second->optimizer != o)
        return ag_fail(o->t, AG_EUSE, "%s: the schedules are of two optimizers", who), NULL;
    return start(o, (curve){ .rate = rate_then, .steps = steps, .first = curve_of(first), .second = curve_of(second) },
                 who);
}

/* ---- steps */

double optim_schedule_at(optim_schedule *s, int64_t step)
{
    return s ? rate_at(curve_of(s), step, "optim_schedule_at") : NAN;
}

static ag_status go_to(optim_schedule *s, int64_t step, const char *who)
{
    if (!s)
        return AG_ENULL;
    ag_tape *t = s->optimizer->t;
    const double rate = ag_error(t) ? NAN : rate_at(curve_of(s), step, who);
    if (ag_error(t) || !(rate >= 0)) /* the function may have cleared what it caused */
        return ag_error(t) ? ag_error(t) : AG_EARG;
    s->optimizer->lr = rate;
    s->step = step;
    return AG_OK;
}

ag_status optim_schedule_step(optim_schedule *s)
{
    return go_to(s, s ? s->step + (s->step < INT64_MAX) : 0, "optim_schedule_step");
}

ag_status optim_schedule_set(optim_schedule *s, int64_t step)
{
    return go_to(s, step, "optim_schedule_set");
}

/* ---- plateaus */

typedef struct plateau {
    optim_plateau head;
    optim_plateau_config config;
    int64_t cooling;
} plateau;

optim_plateau *optim_plateau_new(optim *o, optim_plateau_config config)
{
    static const char who[] = "optim_plateau_new";
    if (!o || !usable(o->t, config.factor, "factor", who) || !usable(o->t, config.threshold, "threshold", who) ||
        !usable(o->t, config.min_lr, "min_lr", who) || !usable(o->t, config.eps, "eps", who))
        return NULL;
    if (config.factor >= 1)
        return ag_fail(o->t, AG_EARG, "%s: factor is %g; it must be below 1", who, config.factor), NULL;
    if (config.threshold >= 1 && !config.absolute && !config.maximize)
        return ag_fail(o->t, AG_EARG, "%s: threshold is %g; as a part of the best value it must be below 1", who,
                       config.threshold),
               NULL;
    if (config.patience < 0 || config.cooldown < 0)
        return ag_fail(o->t, AG_EARG, "%s: %s is %lld; it must not be negative", who,
                       config.patience < 0 ? "patience" : "cooldown",
                       (long long)(config.patience < 0 ? config.patience : config.cooldown)),
               NULL;
    plateau *p = ag_tape_allocate(o->t, sizeof *p);
    if (!p)
        return NULL;
    config.factor = config.factor == 0 ? 0.1 : config.factor;
    config.patience += 10 * !config.patience;
    config.threshold = config.threshold == 0 ? 1e-4 : config.threshold;
    config.eps = config.eps == 0 ? 1e-8 : config.eps;
    *p = (plateau){ .head = { .optimizer = o, .best = config.maximize ? -INFINITY : INFINITY }, .config = config };
    return &p->head;
}

static bool improves(const plateau *p, double value)
{
    const double best = p->head.best, by = p->config.threshold;
    if (p->config.maximize)
        return value > (p->config.absolute ? best + by : best * (1 + by));
    return value < (p->config.absolute ? best - by : best * (1 - by));
}

ag_status optim_plateau_step(optim_plateau *s, double value)
{
    plateau *p = (plateau *)(void *)s;
    if (!p)
        return AG_ENULL;
    optim *o = s->optimizer;
    if (ag_error(o->t))
        return ag_error(o->t);
    s->bad++;
    if (improves(p, value)) {
        s->best = value;
        s->bad = 0;
    }
    if (p->cooling) {
        p->cooling--;
        s->bad = 0;
    }
    if (s->bad <= p->config.patience)
        return AG_OK;
    const double reduced = fmax(o->lr * p->config.factor, p->config.min_lr);
    p->cooling = p->config.cooldown;
    s->bad = 0;
    if (o->lr - reduced > p->config.eps) {
        o->lr = reduced;
        s->reductions++;
    }
    return AG_OK;
}
