/* The tape itself, errors, scopes, marks. */
#include "tests/fuzz/fuzz.h"

/* ---- ends */

ag_status reset_tape(world *w, lane *l)
{
    const ag_status s = ag_tape_reset(l->t);
    if (s && ag_tape_nodes(l->t))
        return s;
    l->ends++;
    l->mark_count = 0;
    ended(w, (int)(l - w->lanes), 0);
    note(w, "  done");
    return s;
}

static void play_reset(world *w)
{
    lane *l = draw_lane(w);
    ag_constant(l->t, 1); /* something to end, which may fail by itself */
    frame f = begin(w, l->t, "ag_tape_reset(%s)", letter(l));
    end_anyway(&f, reset_tape(w, l));
}

static void play_rewind(world *w)
{
    lane *l = draw_lane(w);
    marked m = { .mark = { bits(w), (uint32_t)draw(w, 100), (uint32_t)draw(w, 9) } };
    int i = l->mark_count ? draw(w, l->mark_count) : 0;
    bool made_up = !l->mark_count || rude(w, may_stale);
    if (!made_up)
        m = l->marks[i];
    frame f = begin(w, l->t, "ag_tape_rewind(%s, {%llx, %u, %u})", letter(l), (unsigned long long)m.mark.arena,
                    m.mark.id, m.mark.epoch);
    ag_status s = ag_tape_rewind(l->t, m.mark);
    if (!s) {
        l->ends++;
        ended(w, (int)(l - w->lanes), made_up ? UINT64_MAX : m.time);
        for (int k = 0; k < w->used_count && (made_up || !m.good); k++) { /* it may have removed more */
            known *x = &w->at[w->used[k]];
            if (x->life == ALIVE && !x->persistent && x->tape == l - w->lanes)
                x->life = EITHER;
        }
        for (int k = 0; k < l->mark_count; k++)
            l->marks[k].good &= l->marks[k].time <= m.time && !made_up && w->depth == 0;
    } else if (m.good && w->depth == 0 && (!f.before || ag_error(l->t) == f.before) && s != AG_ENOMEM) {
        fault(w, "a good mark is refused: %s", ag_error_text(l->t));
    }
    if (f.before)
        end_call(&f);
    else
        end_anyway(&f, s);
}

static void play_mark(world *w)
{
    lane *l = draw_lane(w);
    if (l->mark_count == MARKS)
        return;
    frame f = begin(w, l->t, "ag_tape_mark(%s)", letter(l));
    ag_mark m = ag_tape_mark(l->t);
    l->marks[l->mark_count++] = (marked){ m, ++l->clock, w->depth == 0 };
    note(w, "  = {%llx, %u, %u}", (unsigned long long)m.arena, m.id, m.epoch);
    end_call(&f);
}

/* ---- errors */

static void play_clear(world *w)
{
    lane *l = draw_lane(w);
    frame f = begin(w, l->t, "ag_error_clear(%s)", letter(l));
    l->clears++;
    ag_error_clear(l->t);
    end_call(&f);
}

static void play_push(world *w)
{
    lane *l = draw_lane(w);
    l->clears++;
    frame f = begin(w, l->t, "ag_error_push(%s)", letter(l));
    f.clears--;
    ag_status s = ag_error_push(l->t);
    if (!s && ag_error(l->t))
        fault(w, "an error is pending after ag_error_push");
    end_call(&f);
}

static void play_pop(world *w)
{
    lane *l = draw_lane(w);
    l->clears++;
    frame f = begin(w, l->t, "ag_error_pop(%s)", letter(l));
    f.clears--;
    ag_status s = ag_error_pop(l->t);
    observe(w, s);
    end_call(&f);
}

static void play_warn(world *w)
{
    lane *l = draw_lane(w);
    frame f = begin(w, l->t, "ag_warn(%s)", letter(l));
    if (ag_tape_debug(l->t) != (l->options.on_warning != NULL))
        fault(w, "another tape is to warn");
    ag_warn(l->t, "ag_warn of the fuzzer, %d", 1);
    end_call(&f);
}

static void play_fail(world *w)
{
    lane *l = draw_lane(w);
    ag_status s = (ag_status)draw(w, AG_USE_RULE);
    frame f = begin(w, l->t, "ag_fail(%s, %s)", letter(l), ag_status_name(s));
    ag_status got = chance(w, 2) ? ag_fail(l->t, s, "ag_fail of the fuzzer, %d", 1)
                                 : ag_fail_at("fuzz.c", 2, l->t, s, "ag_fail_at of the fuzzer, %d", 2);
    if (got != s)
        fault(w, "ag_fail returned another status");
    if (f.before)
        end_call(&f);
    else
        end_anyway(&f, s);
}

/* ---- scopes, no-grad, questions */

static void play_scope(world *w)
{
    static const char *const names[] = { "net", "layer", "", NULL, "a long name of a scope, longer than most are" };
    lane *l = draw_lane(w);
    bool open = chance(w, 2);
    const char *name = names[draw(w, COUNT(names))];
    frame f = begin(w, l->t, open ? "ag_scope_begin(%s, %s)" : "ag_scope_end(%s)", letter(l), name ? name : "NULL");
    if (open)
        ag_scope_begin(l->t, name);
    else
        ag_scope_end(l->t);
    end_call(&f);
}

static void play_no_grad(world *w)
{
    lane *l = draw_lane(w);
    if (chance(w, 6)) {
        frame f = begin(w, l->t, "ag_enable_grad_begin(%s), and its end", letter(l));
        unsigned suspended = ag_enable_grad_begin(l->t);
        ag_enable_grad_end(l->t, chance(w, 8) ? 0 : suspended);
        end_call(&f);
        return;
    }
    bool open = chance(w, 3);
    frame f = begin(w, l->t, open ? "ag_no_grad_begin(%s)" : "ag_no_grad_end(%s)", letter(l));
    if (open)
        ag_no_grad_begin(l->t);
    else
        ag_no_grad_end(l->t);
    end_call(&f);
}

static void play_questions(world *w)
{
    const lane *l = draw_lane(w);
    frame f = begin(w, l->t, "ag_tape_nodes(%s) and the like", letter(l));
    if (ag_tape_dtype(l->t) != (l->options.dtype ? l->options.dtype : AG_F64))
        fault(w, "ag_tape_dtype");
    if (ag_tape_threads(l->t) != l->options.threads)
        fault(w, "ag_tape_threads");
    if (ag_tape_nodes(l->t) < 0 || ag_tape_memory(l->t) > l->options.memory_limit)
        fault(w, "ag_tape_memory: %llu of %llu", (unsigned long long)ag_tape_memory(l->t),
              (unsigned long long)l->options.memory_limit);
    if ((int64_t)ag_tape_memory(l->t) != l->heap.bytes)
        fault(w, "ag_tape_memory: %llu, but the allocator gave %lld", (unsigned long long)ag_tape_memory(l->t),
              (long long)l->heap.bytes);
    if (!ag_status_name((ag_status)draw(w, 20)) || !ag_dtype_name((ag_dtype)draw(w, 9)))
        fault(w, "no name");
    ag_dtype_size((ag_dtype)draw(w, 9));
    end_call(&f);
}

/* What has no tape is refused without a crash. */
static void play_nothing(world *w)
{
    note(w, "everything with a NULL tape");
    ag_tape_free(NULL);
    ag_tape_reset(NULL);
    ag_tape_rewind(NULL, ag_tape_mark(NULL));
    ag_error_clear(NULL);
    ag_error_push(NULL);
    ag_error_pop(NULL);
    ag_no_grad_begin(NULL);
    ag_no_grad_end(NULL);
    ag_enable_grad_end(NULL, ag_enable_grad_begin(NULL));
    ag_scope_begin(NULL, "x");
    ag_scope_end(NULL);
    if (ag_params(NULL).count || ag_tape_allocate(NULL, 3) || ag_variable(NULL, 1).id || ag_randperm(NULL, 3).id ||
        ag_eye(NULL, AG_F64, 3).id || ag_arange(NULL, AG_F64, 0, 3, 1).id || ag_constant(NULL, 2).id)
        fault(w, "something from no tape");
}

/* One of a few blocks is made, made larger or given back; it holds what was written. */
static void play_allocate(world *w)
{
    lane *l = draw_lane(w);
    int i = draw(w, FEW), which = draw(w, 3);
    size_t bytes = (size_t)draw(w, 300), before = l->block_bytes[i];
    char *p = l->blocks[i];
    if (rude(w, may_absurd_shape))
        bytes = chance(w, 2) ? SIZE_MAX - bytes : SIZE_MAX / 2;
    else if (which == 1 && p)
        bytes += before;
    frame f = begin(w, l->t, "%s(%zu)",
                    which == 0   ? "ag_tape_allocate"
                    : which == 1 ? "ag_tape_resize"
                                 : "ag_tape_deallocate",
                    bytes);
    if (which == 2) {
        ag_tape_deallocate(l->t, p);
        l->blocks[i] = NULL;
        end_call(&f);
        return;
    }
    char *block = which ? ag_tape_resize(l->t, p, bytes) : ag_tape_allocate(l->t, bytes);
    if (!f.before && l->clears == f.clears && !block != (ag_error(l->t) != AG_OK))
        fault(w, "memory and an error, or neither");
    for (size_t k = 0; block && k < (which ? before : bytes) && (p || !which); k++)
        if (block[k] != (which ? 0x5a : 0))
            fault(w, "memory of the tape's has other values than it had");
    if (block) {
        memset(block, 0x5a, bytes);
        l->blocks[i] = block;
        l->block_bytes[i] = bytes;
    }
    end_call(&f);
}

const move tape_moves[] = {
    { .name = "reset", 2, play_reset, .ends = true },
    { .name = "rewind", 4, play_rewind, .ends = true },
    { .name = "mark", 5, play_mark },
    { .name = "clear", 2, play_clear },
    { .name = "push", 1, play_push },
    { .name = "pop", 1, play_pop },
    { .name = "fail", 1, play_fail },
    { .name = "warn", 1, play_warn },
    { .name = "scope", 1, play_scope },
    { .name = "no_grad", 3, play_no_grad },
    { .name = "questions", 1, play_questions },
    { .name = "nothing", 1, play_nothing },
    { .name = "allocate", 1, play_allocate },
    { .name = NULL },
};
