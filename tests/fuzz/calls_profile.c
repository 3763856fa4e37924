/* Profiles, regions, what memory is for: begun at any time, ended, asked and freed later, or left to the tape. */
#include "tests/fuzz/fuzz.h"

/* One that is in use is in no list: what a handler does in between does not free it. */
static ag_profile *take(world *w, lane *l)
{
    if (!l->profile_count)
        return NULL;
    const int i = draw(w, l->profile_count);
    ag_profile *p = l->profiles[i];
    l->profiles[i] = l->profiles[--l->profile_count];
    return p;
}

static void put(lane *l, ag_profile *p)
{
    if (l->profile_count < FEW)
        l->profiles[l->profile_count++] = p;
    else
        ag_profile_free(p);
}

/* The machine is not measured: that takes longer than a sequence. */
static void play_begin(world *w)
{
    lane *l = draw_lane(w);
    char path[200] = "";
    if (l->profile_count == FEW)
        return;
    ag_profile_options o = { .flops_f32 = INFINITY, .flops_f64 = 1e9, .bytes = chance(w, 9) ? -1 : INFINITY };
    if (chance(w, 3)) {
        snprintf(path, sizeof path, "%s/%s", w->directory, chance(w, 9) ? "nowhere/trace.json" : "trace.json");
        o.trace = path;
        o.events = (uint32_t)draw(w, 40);
    }
    frame f = begin(w, l->t, "ag_profile_begin(%s, {%s, %u, %g})", letter(l), path, o.events, o.bytes);
    ag_profile *p = ag_profile_begin(l->t, o);
    if (p && o.bytes < 0)
        fault(w, "a profile beside a negative peak");
    if (p && ag_profile_tape(p) != l->t)
        fault(w, "a profile of another tape");
    if (p)
        put(l, p);
    end_call(&f);
}

static void play_end(world *w)
{
    lane *l = draw_lane(w);
    ag_profile *p = take(w, l);
    if (!p)
        return;
    frame f = begin(w, l->t, "ag_profile_end(p)");
    observe(w, ag_profile_end(p));
    put(l, p);
    end_call(&f);
}

static void play_free(world *w)
{
    lane *l = draw_lane(w);
    ag_profile *p = take(w, l);
    frame f = begin(w, l->t, "ag_profile_free(%s)", p ? "p" : "NULL");
    ag_profile_free(p);
    end_call(&f);
}

/* Times differ from run to run; how many rows there are does not. */
static void play_look(world *w)
{
    lane *l = draw_lane(w);
    ag_profile *p = take(w, l);
    FILE *nowhere = p ? fopen("/dev/null", "w") : NULL;
    if (!nowhere) {
        if (p)
            put(l, p);
        return;
    }
    const int by = draw(w, 9);
    size_t count = 7;
    frame f = begin(w, l->t, "ag_profile_rows(p, %d)", by);
    const ag_profile_row *rows = ag_profile_rows(p, by, &count);
    if (!rows && count)
        fault(w, "no rows, but %zu of them", count);
    for (size_t i = 0; i < count; i++)
        if (!rows[i].name || !rows[i].scope || !rows[i].shapes || !(rows[i].seconds >= 0) || rows[i].calls < 0)
            fault(w, "row %zu of a profile is none", i);
    if (!(ag_profile_seconds(p) >= 0) || ag_profile_steps(p) < 0)
        fault(w, "a profile of %g s and %lld steps", ag_profile_seconds(p), (long long)ag_profile_steps(p));
    ag_profile_print(p, by, nowhere);
    put(l, p);
    fclose(nowhere);
    end_call(&f);
}

static void play_region(world *w)
{
    lane *l = draw_lane(w);
    const bool open = chance(w, 2);
    frame f = begin(w, l->t, open ? "ag_region_begin(%s, part)" : "ag_region_end(%s)", letter(l));
    if (open)
        ag_region_begin(l->t, "part");
    else
        ag_region_end(l->t);
    end_call(&f);
}

static void play_stats(world *w)
{
    lane *l = draw_lane(w);
    FILE *nowhere = fopen("/dev/null", "w");
    frame f = begin(w, l->t, "ag_tape_stats(%s)", letter(l));
    const ag_stats s = ag_tape_stats(l->t);
    const uint64_t parts =
        s.values.live + s.adjoints.live + s.work.live + s.persistent.live + s.allocated.live + s.tables.live + s.spare;
    if (parts != s.held.live)
        fault(w, "parts of %llu bytes, where %llu are held", (unsigned long long)parts,
              (unsigned long long)s.held.live);
    if (s.held.peak < s.held.live)
        fault(w, "a peak below what is there");
    if (chance(w, 4))
        ag_tape_stats_restart(l->t);
    if (nowhere) {
        ag_print_memory(l->t, nowhere);
        fclose(nowhere);
    }
    end_call(&f);
}

const move profile_moves[] = {
    { .name = "begin", 1, play_begin },
    { .name = "end", 1, play_end },
    { .name = "free", 1, play_free },
    { .name = "look", 1, play_look },
    { .name = "region", 2, play_region },
    { .name = "stats", 2, play_stats },
    { .name = NULL },
};
