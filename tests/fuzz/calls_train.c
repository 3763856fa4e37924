/* Penalties, snapshots, early stopping, progress: made, used, and left to the tape. */
#include "tests/fuzz/fuzz.h"

static void play_penalty(world *w)
{
    ag_tensor at[3];
    ag_list list = { at, (size_t)draw(w, 4) };
    for (size_t i = 0; i < list.count; i++)
        at[i] = pick_of(w, chance(w, 9) ? NULL : is_param).x;
    const lane *l = draw_lane(w);
    if (chance(w, 2) && l->module_count)
        list = nn_params(l->modules[0]);
    const double factor = rude(w, may_absurd_number) ? draw_number(w) : 0.1;
    frame f = begin(w, ag_list_tape(list), "nn_l1_penalty or the like(%s, %g)", text_of_list(w, list), factor);
    const ag_tensor y = chance(w, 2) ? nn_l1_penalty(list, factor) : nn_l2_penalty(list, factor);
    if (ag_ok(y))
        learn(w, y, -1, true);
    end_call(&f);
}

/* A snapshot may be restored long after it was taken. */
static void play_snapshot(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    frame f = begin(w, l->t, "nn_snapshot_new(%s)", m ? m->name : "NULL");
    nn_snapshot *s = nn_snapshot_new(m);
    if (s && f.before && f.clears == l->clears)
        fault(w, "a snapshot while an error is pending");
    if (s)
        l->snapshots[l->snapshot_count < FEW ? l->snapshot_count++ : draw(w, FEW)] = s;
    end_call(&f);
}

static void play_restore(world *w)
{
    lane *l = draw_lane(w);
    nn_snapshot *s = l->snapshot_count && !rude(w, may_absent) ? l->snapshots[draw(w, l->snapshot_count)] : NULL;
    const bool back = chance(w, 2);
    frame f = begin(w, l->t, "nn_snapshot_%s(%s)", back ? "restore" : "take", s ? "s" : "NULL");
    f.inert |= !s;
    const ag_status status = back ? nn_snapshot_restore(s) : nn_snapshot_take(s);
    if (back && !status)
        wrote_all(w, (int)(l - w->lanes));
    end_status(&f, status);
}

static void play_stopping(world *w)
{
    lane *l = draw_lane(w);
    nn_module *m = draw_module(w, l);
    const nn_early_stopping_config config = { .patience = draw(w, 4), .maximize = chance(w, 2) };
    frame f = begin(w, l->t, "nn_early_stopping_new(%s, %d)", m ? m->name : "NULL", (int)config.patience);
    nn_early_stopping *e = nn_early_stopping_new(m, config);
    for (int i = 0; i < 4; i++)
        observe(w, nn_early_stopping_next(e, draw_number(w)));
    observe(w, nn_early_stopping_restore(e));
    if (e)
        wrote_all(w, (int)(l - w->lanes));
    end_call(&f);
}

static void play_progress(world *w)
{
    lane *l = draw_lane(w);
    FILE *nowhere = fopen("/dev/null", "w");
    if (!nowhere)
        return;
    const double every = rude(w, may_absurd_number) ? draw_number(w) : 1e-9;
    frame f = begin(w, l->t, "nn_progress_new(%g)", every);
    nn_progress *p =
        nn_progress_new(l->t, (nn_progress_config){ .total = draw(w, 50) - 2, .to = nowhere, .every = every });
    for (int i = 0; i < 3; i++)
        nn_progress_step(p, draw_index(w), draw_number(w));
    nn_progress_end(p);
    fclose(nowhere);
    end_call(&f);
}

static void play_watch(world *w)
{
    lane *l = draw_lane(w);
    ag_tensor at[3];
    ag_list list = { at, (size_t)draw(w, 4) };
    for (size_t i = 0; i < list.count; i++)
        at[i] = pick_of(w, chance(w, 9) ? NULL : is_param).x;
    if (chance(w, 2) && l->module_count)
        list = nn_params(l->modules[0]);
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->directory, chance(w, 9) ? "" : "watch");
    frame f = begin(w, ag_list_tape(list), "nn_watch_new(%s, %s)", text_of_list(w, list), path);
    const nn_watch_config config = { .every = rude(w, may_absurd_number) ? -1 : 1000 }; /* time decides nothing */
    nn_watch *watch = nn_watch_new(list, path, config);
    for (int i = 0; i < 3; i++)
        observe(w, nn_watch_value(watch, draw_name(w), draw_number(w)));
    observe(w, nn_watch_step(watch)); /* the first one looks at the gradients */
    observe(w, nn_watch_end(watch));
    end_call(&f);
}

const move train_moves[] = {
    { .name = "penalty", 1, play_penalty },
    { .name = "snapshot", 1, play_snapshot },
    { .name = "restore", 2, play_restore, .writes = true },
    { .name = "stopping", 1, play_stopping, .writes = true },
    { .name = "progress", 1, play_progress },
    { .name = "watch", 1, play_watch },
    { .name = NULL },
};
