/* Training watched: what is looked at, and when. */
#include "nn/watch_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- making */

static bool usable_path(ag_tape *t, const char *path, const char *who)
{
    if (path && *path)
        return true;
    ag_fail(t, path ? AG_EARG : AG_ENULL, "%s: the path is %s", who, path ? "empty" : "NULL");
    return false;
}

static bool usable_config(ag_tape *t, nn_watch_config c, const char *who)
{
    if (!(c.every >= 0 && c.every < INFINITY))
        return ag_fail(t, AG_EARG, "%s: every is %g; it must be finite and not negative", who, c.every), false;
    if (!(c.share >= 0 && c.share <= 1))
        return ag_fail(t, AG_EARG, "%s: share is %g; it must be in [0, 1]", who, c.share), false;
    return true;
}

static bool usable_params(ag_tape *t, ag_list params, const char *who)
{
    if (!params.count)
        return ag_fail(t, AG_EARG, "%s: the list has no parameters", who), false;
    for (size_t i = 0; i < params.count; i++) {
        const ag_tensor p = params.at[i];
        ag_storage of;
        if (p.tape != t || !p.id)
            return ag_fail(t, p.tape ? AG_EUSE : AG_ENULL, "%s: parameter %zu is %s", who, i + 1,
                           !p.tape       ? "absent"
                           : p.tape != t ? "of another tape than the first"
                                         : "what a failed call returned"),
                   false;
        if (ag_size_of(p) < 0) /* stale: reported */
            return false;
        if (!ag_is_persistent(p) || !ag_needs_grad(p))
            return ag_fail(t, AG_EUSE, "%s: tensor %zu is no parameter; ag_param makes one", who, i + 1), false;
        if (ag_storage_of(p, &of))
            return false;
    }
    return true;
}

/* Text after text, each with its end. */
static const char *put_text(char **to, const char *text, const char *ending)
{
    const char *at = *to;
    *to += sprintf(*to, "%s%s", text, ending) + 1;
    return at;
}

static void discard(nn_watching *w)
{
    ag_tape *t = w->head.tape;
    ag_tape_deallocate(t, w->texts);
    ag_tape_deallocate(t, w->params);
    ag_tape_deallocate(t, w->watched);
    ag_tape_deallocate(t, w->values);
    ag_tape_deallocate(t, w);
}

static bool allocate(nn_watching *w, size_t text)
{
    ag_tape *t = w->head.tape;
    w->values = ag_tape_allocate(t, NN_WATCH_VALUES * sizeof *w->values);
    w->watched = w->values ? ag_tape_allocate(t, w->shown * sizeof *w->watched) : NULL;
    w->params = w->watched ? ag_tape_allocate(t, w->count * sizeof *w->params) : NULL;
    w->texts = w->params ? ag_tape_allocate(t, text) : NULL;
    return w->texts;
}

static nn_watching *make(ag_tape *t, ag_list params, const char *path, nn_watch_config config)
{
    const char *title = config.title ? config.title : path;
    nn_watching *w = ag_tape_allocate(t, sizeof *w);
    if (!w)
        return NULL;
    *w = (nn_watching){ .head = { .tape = t },
                        .config = config,
                        .stride = 1,
                        .norm = { .name = "all gradients", .stride = 1 },
                        .count = params.count,
                        .shown = params.count < NN_WATCH_PARAMS ? params.count : NN_WATCH_PARAMS };
    if (!allocate(w, 2 * strlen(path) + strlen(title) + 16))
        return discard(w), NULL;
    memcpy(w->params, params.at, params.count * sizeof *w->params);
    char *text = w->texts;
    w->csv = put_text(&text, path, ".csv");
    w->html = put_text(&text, path, ".html");
    w->config.title = put_text(&text, title, "");
    w->config.every = config.every == 0 ? 2 : config.every;
    w->config.share = config.share == 0 ? 0.01 : config.share;
    return w;
}

static void look_at_weights(nn_watching *w, bool first)
{
    for (size_t i = 0; i < w->shown; i++) {
        nn_watched *p = &w->watched[i];
        ag_storage of;
        if (!ag_storage_of(w->params[i], &of))
            nn_bins_fill(first ? &p->first : &p->now, of.value, of.dtype, of.count);
    }
}

nn_watch *nn_watch_new(ag_list params, const char *path, nn_watch_config config)
{
    static const char who[] = "nn_watch_new";
    ag_tape *t = ag_list_tape(params);
    if (!t || ag_error(t) || !usable_path(t, path, who) || !usable_config(t, config, who) ||
        !usable_params(t, params, who))
        return NULL;
    nn_watching *w = make(t, params, path, config);
    if (!w)
        return NULL;
    for (size_t i = 0; i < w->shown; i++) {
        nn_watched *p = &w->watched[i];
        const char *name = ag_name_of(params.at[i]);
        snprintf(p->norm.name, sizeof p->norm.name, "%s", name);
        if (!*name)
            snprintf(p->norm.name, sizeof p->norm.name, "parameter %zu", i + 1);
        p->norm.stride = 1;
        p->shape = ag_shape_of(params.at[i]);
    }
    look_at_weights(w, true);
    look_at_weights(w, false);
    w->start = w->written = nn_seconds();
    if (nn_make_directories(t, who, path) && nn_watch_write(w, "running"))
        return &w->head;
    discard(w);
    return NULL;
}

/* ---- values */

static nn_curve *new_curve(nn_watching *w, const char *name)
{
    static const char who[] = "nn_watch_value";
    const char *wrong = nn_what_is_wrong(name);
    if (wrong)
        return ag_fail(w->head.tape, AG_EARG, "%s: the name '%.127s' %s", who, name ? name : "", wrong), NULL;
    if (w->value_count == NN_WATCH_VALUES)
        return ag_fail(w->head.tape, AG_ELIMIT, "%s: '%s' would be value %d; there may be %d", who, name,
                       NN_WATCH_VALUES + 1, NN_WATCH_VALUES),
               NULL;
    nn_curve *c = &w->values[w->value_count++];
    strcpy(c->name, name);
    c->stride = 1;
    return c;
}

ag_status nn_watch_value(nn_watch *head, const char *name, double value)
{
    nn_watching *w = (nn_watching *)(void *)head;
    if (!w)
        return AG_ENULL;
    if (ag_error(head->tape))
        return ag_error(head->tape);
    nn_curve *c = NULL;
    for (int i = 0; name && !c && i < w->value_count; i++)
        c = strcmp(w->values[i].name, name) ? NULL : &w->values[i];
    c = c ? c : new_curve(w, name);
    if (!c)
        return ag_error(head->tape);
    nn_curve_add(c, (double)head->steps, value);
    return AG_OK;
}

/* ---- steps */

/* Once more of it would not take more than its part of the time. */
static bool affordable(const nn_account *a, double seconds)
{
    return a->spent + a->last <= seconds;
}

static void charge(nn_account *a, double seconds)
{
    a->last = seconds;
    a->spent += seconds;
}

static ag_status look_at_gradients(nn_watching *w)
{
    double total = 0;
    bool any = false;
    for (size_t i = 0; i < w->count; i++) {
        ag_storage of;
        const ag_status status = ag_storage_of(w->params[i], &of);
        if (status)
            return status;
        if (!of.grad)
            continue;
        const double squares = nn_sum_of_squares(of.grad, of.dtype, of.count);
        any = true;
        total += squares;
        if (i < w->shown)
            nn_curve_add(&w->watched[i].norm, (double)w->head.steps, sqrt(squares));
    }
    if (any)
        nn_curve_add(&w->norm, (double)w->head.steps, sqrt(total));
    return AG_OK;
}

/* Both files, apart from any error of the tape's. */
static ag_status write_apart(nn_watching *w, const char *state, char *text, size_t size)
{
    ag_tape *t = w->head.tape;
    ag_status status = ag_error_push(t);
    *text = 0;
    if (status)
        return status;
    look_at_weights(w, false);
    ag_error_clear(t); /* of a parameter that was released */
    nn_watch_write(w, state);
    snprintf(text, size, "%s", ag_error_text(t));
    return ag_error_pop(t);
}

/* Training goes on where a file cannot be written; nn_watch_end says so. */
static void write_now(nn_watching *w)
{
    const double before = nn_seconds();
    char text[512];
    if (write_apart(w, "running", text, sizeof text) && !w->warned) {
        w->warned = true;
        ag_warn(w->head.tape, "nn_watch_step: %s; training goes on, and nn_watch_end tries again", text);
    }
    w->written = nn_seconds();
    charge(&w->writing, w->written - before);
}

/* Steps of about a millisecond, at most a thousand, and few of them at first: short trainings are seen too. */
static int64_t stride_of(int64_t steps, double elapsed)
{
    const double in_a_while = 1e-3 * (double)steps / elapsed;
    const int64_t most = steps < 64000 ? 1 + steps / 64 : 1000;
    return in_a_while < 1 ? 1 : in_a_while < (double)most ? (int64_t)in_a_while : most;
}

static ag_status look(nn_watching *w)
{
    const double now = nn_seconds(), elapsed = now - w->start;
    ag_status status = ag_error(w->head.tape);
    w->unlooked = 0;
    w->stride = stride_of(w->head.steps, elapsed);
    if (!status && affordable(&w->measuring, 0.25 * w->config.share * elapsed)) {
        status = look_at_gradients(w);
        const double took = nn_seconds() - now;
        w->quickest = w->quickest > 0 && w->quickest < took ? w->quickest : took;
        charge(&w->measuring, fmin(took, 2 * w->quickest)); /* the rest is time that others had */
    }
    if (!status && now - w->written >= w->config.every && affordable(&w->writing, 0.75 * w->config.share * elapsed))
        write_now(w);
    return status;
}

ag_status nn_watch_step(nn_watch *head)
{
    nn_watching *w = (nn_watching *)(void *)head;
    if (!w)
        return AG_ENULL;
    if (w->ended)
        return AG_OK;
    head->steps++;
    return ++w->unlooked < w->stride ? AG_OK : look(w);
}

ag_status nn_watch_end(nn_watch *head)
{
    nn_watching *w = (nn_watching *)(void *)head;
    if (!w)
        return AG_ENULL;
    ag_tape *t = head->tape;
    char state[600] = "finished", text[512];
    ag_status pending = ag_error(t);
    if (pending)
        snprintf(state, sizeof state, "stopped, %.500s", ag_error_text(t));
    else if (!w->ended)
        pending = look_at_gradients(w);
    w->ended = true;
    const ag_status status = write_apart(w, state, text, sizeof text);
    if (pending || !status)
        return pending;
    return ag_fail(t, status, "%s", text);
}
