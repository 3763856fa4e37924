/* One sequence: its tapes, the order of its calls, and what must hold at the end. */
#include "tests/fuzz/fuzz.h"

static const move *const kinds[] = { op_moves,     tensor_moves, tape_moves,    derive_moves, user_moves,
                                     module_moves, optim_moves,  file_moves,    check_moves,  transform_moves,
                                     train_moves,  plot_moves,   profile_moves, loop_moves,   chain_moves };

/* ---- the order of calls */

static const move *choose_move(world *w)
{
    int total = 0, i = 0;
    for (int k = 0; k < COUNT(kinds); k++)
        total += w->weights[k];
    for (int at = draw(w, total); at >= w->weights[i]; i++)
        at -= w->weights[i];
    const move *m = kinds[i];
    total = 0;
    for (; m->name; m++)
        total += m->weight;
    int at = draw(w, total);
    for (m = kinds[i]; at >= m->weight; m++)
        at -= m->weight;
    return m;
}

static bool is_kept_from(const world *w, const move *m)
{
    return w->depth && ((m->ends && fuzz_without[may_nested_end]) || (m->writes && fuzz_without[may_nested_write]) ||
                        (m->differentiates && fuzz_without[may_nested_backward]));
}

void play_call(world *w)
{
    const move *m = choose_move(w);
    if (is_kept_from(w, m) || w->budget-- <= 0)
        return;
    memset(&w->given, 0, sizeof w->given);
    ag_tape *t = w->lanes[draw(w, TAPES)].t;
    const bool placed = t && w->traced;
    const ag_site before = ag_site_enter(t, placed && !chance(w, 4) ? "folder/fuzz.c" : NULL, 1 + draw(w, 5));
    m->play(w);
    ag_site_leave(t, placed ? before : (ag_site){ 0 });
}

/* Marks of an op's functions are forgotten with what they took: how much there is after them depends on what waits. */
void play_inside(world *w)
{
    int marks[TAPES];
    w->callbacks++;
    if (w->depth == DEPTH)
        return;
    const given_arguments given = w->given; /* of a call that has not begun */
    for (int i = 0; i < TAPES; i++)
        marks[i] = w->lanes[i].mark_count;
    w->depth++;
    for (int n = 1 + draw(w, 3); n > 0; n--)
        play_call(w);
    w->depth--;
    for (int i = 0; i < TAPES; i++)
        w->lanes[i].mark_count = w->lanes[i].mark_count < marks[i] ? w->lanes[i].mark_count : marks[i];
    w->given = given;
}

/* ---- handlers */

void handler(void *user, ag_status status, const char *text)
{
    lane *l = user;
    world *w = l->world;
    (void)text;
    l->told++;
    l->starved |= status == AG_ENOMEM;
    observe(w, status);
    if (l->manner == 1 && !fuzz_without[may_handler_clears]) {
        note(w, "  (the handler clears)");
        ag_error_clear(l->t);
        l->clears += !ag_error(l->t);
    } else if (l->manner == 2 && !fuzz_without[may_handler_calls]) {
        note(w, "  (the handler calls)");
        play_inside(w);
    } else if (l->manner == 3 && !fuzz_without[may_handler_ends] && w->depth < DEPTH) {
        const given_arguments given = w->given;
        note(w, "  (the handler resets)");
        memset(&w->given, 0, sizeof w->given);
        w->depth++;
        tape_moves[draw(w, 2)].play(w);
        w->depth--;
        w->given = given;
    }
}

static void hear_warning(void *user, ag_status status, const char *text)
{
    lane *l = user;
    if (status != AG_OK || !*text || !ag_tape_debug(l->t))
        fault(l->world, "a warning that is none");
    observe(l->world, 1);
}

/* ---- the beginning */

static void choose_options(world *w, lane *l, variant v)
{
    static const int manners[] = { 0, 0, 0, 1, 2, 3 };
    l->heap = (heap){ .until = -1, .fill = v.fill };
    l->options = (ag_options){
        .threads = v.threads, .seed = bits(w), .on_error = handler, .user = l, .fuse = v.fuse, .repeat = v.repeat
    };
    l->options.dtype = chance(w, 3) && !fuzz_without[may_f32] ? AG_F32 : AG_FLOAT;
    l->options.keep_grads = chance(w, 8) && !fuzz_without[may_keep_grads];
    l->options.check_finite = chance(w, 8) && !fuzz_without[may_check_finite];
    l->options.allocator = heap_allocator(&l->heap, chance(w, 2));
    if (chance(w, 3) && !fuzz_without[may_debug])
        l->options.on_warning = hear_warning;
    bool small = chance(w, 6) && !fuzz_without[may_small_limit];
    l->options.memory_limit = small ? 80000 + (uint64_t)draw(w, 300000) : 1 << 24;
    l->manner = manners[draw(w, COUNT(manners))];
    int until = draw(w, chance(w, 2) ? 30 : 100), every = chance(w, 2) ? 0 : 1 + draw(w, 20);
    if (v.failing && !fuzz_without[may_failing_memory]) {
        l->heap.until = until;
        l->heap.every = every;
    }
}

static void odd_options(world *w)
{
    ag_options o = { .dtype = (ag_dtype)draw(w, 9),
                     .threads = draw(w, 8) - 4,
                     .memory_limit = (uint64_t)draw(w, 9000) };
    heap h = { .until = draw(w, 6) };
    o.allocator = heap_allocator(&h, false);
    o.on_error = ag_quiet;
    if (chance(w, 3))
        o.allocator.release = NULL;
    ag_tape *t = chance(w, 2) ? ag_tape_new(o) : ag_tape_new_at("fuzz.c", 1, o);
    ag_tape_free(t);
    if (h.blocks)
        fault(w, "a tape that was not made left %d blocks", (int)h.blocks);
}

static void open_world(world *w, variant v)
{
    static const int rudenesses[] = { 0, 5, 20, 20, 60 };
    w->rudeness = rudenesses[draw(w, COUNT(rudenesses))];
    w->large = chance(w, 60) && !fuzz_without[may_large];
    w->traced = chance(w, 3) && !fuzz_without[may_traced];
    w->files = chance(w, 40) && !fuzz_without[may_files];
    for (int k = 0; k < COUNT(kinds); k++)
        w->weights[k] = chance(w, 3) && k > 1 ? 0 : 1 + draw(w, k < 4 ? 12 : 5);
    if (w->files)
        remove_files(w); /* of the time before */
    else
        w->weights[7] = 0;
    if (!chance(w, 4))
        w->weights[8] = 0;
    if (chance(w, 20))
        odd_options(w);
    for (int i = 0; i < TAPES; i++) {
        lane *l = &w->lanes[i];
        memset(l, 0, sizeof *l);
        l->world = w;
        choose_options(w, l, v);
        int64_t until = l->heap.until;
        l->heap.until = -1; /* there must be a tape */
        l->t = ag_tape_new(l->options);
        l->heap.until = until;
        if (!l->t)
            fault(w, "no tape");
    }
}

/* ---- the end */

static void expect_number(world *w, lane *l, double a, double b, const char *what)
{
    if (ag_error(l->t) == AG_ENOMEM)
        return; /* of a tape with a small limit */
    if (ag_error(l->t))
        fault(w, "after all, %s: %s", what, ag_error_text(l->t));
    if (a != b)
        fault(w, "after all, %s is %g", what, a);
}

/* A step whose results are known. */
static void take_known_step(world *w, lane *l)
{
    ag_tape *t = l->t;
    ag_tensor x = ag_variable(t, 2), y = ag_add_scalar(ag_mul_scalar(x, 3), 1), dx = { t, 0, 0 };
    expect_number(w, l, ag_item(y), 7, "3 x + 1");
    ag_gradients(y, AG_LIST(x), 0, &dx);
    expect_number(w, l, ag_item(dx), 3, "its derivative");
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 3), "p");
    ag_tensor v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 3, 5));
    ag_tensor z = ag_add(ag_dot(p, v), ag_sum(ag_square(p)));
    expect_number(w, l, ag_item(z), 34, "a v + a a");
    ag_backward(z);
    expect_number(w, l, ag_item_at(ag_grad(p), 1), 11, "its derivative by a");
    expect_number(w, l, ag_item_at(ag_grad(v), 0), 2, "its derivative by v");
    ag_error_clear(t);
}

static void close_lane(world *w, lane *l)
{
    ag_tape *t = l->t;
    l->manner = 0;
    l->heap.paused = true;
    ag_error_clear(t);
    for (int i = 0; i < 9; i++)
        ag_error_pop(t);
    ag_error_clear(t);
    for (int i = 0; i < 4 * CALLS && !ag_error(t); i++)
        ag_no_grad_end(t);
    for (int i = 0; i < 4 * CALLS; i++)
        ag_scope_end(t);
    ag_error_clear(t);
    look_around(w, true);
    observe(w, grads_hash(w, (int)(l - w->lanes)));
    ag_error_clear(t); /* what waited may find no memory when it is looked at */
    for (int i = 0; i < w->used_count; i++)
        if (w->at[w->used[i]].param && w->at[w->used[i]].life == ALIVE && &w->lanes[w->at[w->used[i]].tape] == l)
            ag_zero_grad(w->at[w->used[i]].x);
    ag_status s = ag_tape_reset(t);
    if (s)
        fault(w, "after all, the tape cannot be reset: %s", ag_error_text(t));
    ended(w, (int)(l - w->lanes), 0);
    look_around(w, true);
    take_known_step(w, l);
}

static void close_world(world *w)
{
    for (int i = 0; i < TAPES; i++)
        close_lane(w, &w->lanes[i]);
    for (int i = 0; i < TAPES; i++) {
        lane *l = &w->lanes[i];
        ag_tape_free(l->t);
        l->t = NULL;
        if (l->heap.blocks || l->heap.bytes)
            fault(w, "a tape left %d blocks of %lld bytes", (int)l->heap.blocks, (long long)l->heap.bytes);
    }
}

/* After which two outcomes may differ: how much memory a tape needs depends on what waits to be computed. */
static bool has_starved(const world *w)
{
    bool any = false;
    for (int i = 0; i < TAPES; i++)
        any |= w->lanes[i].starved || w->lanes[i].heap.failed;
    return any;
}

void play(world *w, uint64_t seed, variant v, const bool *left_out)
{
    w->seed = seed;
    w->random = mix(seed + 1);
    w->trace = w->used_count = w->depth = w->callbacks = w->call = 0;
    memset(w->results, 0, sizeof w->results);
    open_world(w, v);
    int length = FURNITURE + draw(w, CALLS - FURNITURE);
    uint64_t stream = bits(w);
    for (int i = 0; i < length; i++) {
        w->call = i;
        w->random = mix(stream + (uint64_t)i);
        w->budget = 40;
        memset(&w->given, 0, sizeof w->given);
        if (!left_out[i]) {
            if (i < FURNITURE)
                furnish(w, i);
            else
                play_call(w);
            look_around(w, false);
            for (int k = 0; k < TAPES; k++)
                if (ag_error(w->lanes[k].t) && !chance(w, 4)) {
                    ag_error_clear(w->lanes[k].t);
                    note(w, "ag_error_clear");
                }
        }
        w->traces[i] = has_starved(w) ? 0 : w->trace;
        if (w->reference && w->reference[i] && w->traces[i] && w->reference[i] != w->trace)
            fault(w, "the outcome differs from the first time");
    }
    close_world(w);
}
