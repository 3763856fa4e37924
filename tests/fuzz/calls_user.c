/* Applying ops: of a user's, and the built-in ones by their descriptions. */
#include "tests/fuzz/fuzz.h"

/* Operands, mostly as many as the op takes. */
static ag_list draw_operands(world *w, const ag_op *op, ag_tensor *to)
{
    int count = op->flags & AG_VARIADIC ? 1 + draw(w, 3) : op->inputs;
    if (rude(w, may_null_list))
        return (ag_list){ NULL, (size_t)draw(w, 3) };
    if (rude(w, may_odd_flags))
        count = draw(w, 12);
    count = count < 0 ? 0 : count;
    argument x = { { 0 }, -1 };
    for (int i = 0; i < count; i++) {
        x = i ? pick_like(w, x) : pick(w);
        to[i] = x.x;
    }
    return (ag_list){ to, (size_t)count };
}

static void apply(world *w, const ag_op *op, const void *params, bool own)
{
    ag_tensor at[12], out[300];
    int view = op->flags & AG_VIEW, outputs = op->outputs > 0 ? op->outputs : 1;
    ag_list xs = draw_operands(w, op, at);
    ag_tape *t = NULL;
    for (size_t i = 0; xs.at && i < xs.count && !t; i++)
        t = xs.at[i].tape;
    if (xs.at && xs.count && !xs.at[0].tape)
        t = NULL;
    bool all = chance(w, 2) && own;
    frame f = begin(w, t, "%s(%s %.12s, %s)", all ? "ag_apply_all" : "ag_apply", op->name ? op->name : "a nameless op",
                    "", text_of_list(w, xs));
    f.inert |= !xs.at || !xs.count;
    if (!all) {
        ag_tensor y = ag_apply(op, xs, params);
        int place = -1;
        for (int i = 0; i < w->used_count && view && xs.at && xs.count; i++)
            if (is_same(w->at[w->used[i]].x, xs.at[0]))
                place = w->used[i];
        end_tensor(&f, y, place);
        return;
    }
    ag_status s = ag_apply_all(op, xs, params, rude(w, may_null_list) ? NULL : out);
    for (int i = 0; i < outputs && i < RESULTS && !s && f.lane >= 0 && !view; i++)
        learn(w, out[i], -1, f.ends == w->lanes[f.lane].ends);
    end_anyway(&f, s);
}

static void play_user(world *w)
{
    char params[FUZZ_PARAMS];
    const ag_op *op = user_op(w, params);
    apply(w, op, rude(w, may_null_list) ? NULL : params, true);
}

static void play_builtin(world *w)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    const ag_op *op = ops[draw(w, (int)count)];
    const void *params = op->samples && (op->samples[0].inputs || op->samples[0].params) ? op->samples[0].params : NULL;
    apply(w, op, params, false);
}

/* ---- a rule beside a value */

static void custom_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    world *w = user;
    w->callbacks++;
    if (chance(w, 3) && !fuzz_without[may_rule_calls])
        play_inside(w);
    if (chance(w, 3)) { /* a pass of its own */
        const unsigned suspended = ag_enable_grad_begin(y.tape);
        ag_tensor own = ag_mul(chance(w, 3) ? y : ag_square(xs.at[0]), dy);
        ag_gradients(own, xs, chance(w, 3) ? AG_CREATE_GRAPH : 0, dx);
        ag_enable_grad_end(y.tape, suspended);
        return;
    }
    for (size_t i = 0; i < xs.count; i++)
        dx[i] = i ? ag_mul(dy, chance(w, 2) ? y : xs.at[i]) : dy;
    if (chance(w, 4) && !fuzz_without[may_rule_odd])
        dx[0] = chance(w, 2) ? pick(w).x : (ag_tensor){ 0 };
}

static void play_custom(world *w)
{
    ag_tensor at[4];
    argument y = pick(w);
    ag_list xs = pick_list(w, at, 3);
    bool none = rude(w, may_null_list);
    frame f = begin(w,
                    y.x.tape            ? y.x.tape
                    : xs.at && xs.count ? at[0].tape
                                        : NULL,
                    "ag_custom_vjp(%s, %s)", text_of(w, y), text_of_list(w, xs));
    f.inert |= !y.x.tape;
    end_tensor(&f, ag_custom_vjp(y.x, xs, none ? NULL : custom_rule, w), y.place);
}

/* ---- hooks */

static ag_tensor halve(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_mul_scalar(adjoint, 0.5);
}

static ag_tensor odd_hook(ag_tensor adjoint, void *user)
{
    world *w = user;
    w->callbacks++;
    if (chance(w, 3) && !fuzz_without[may_rule_calls])
        play_inside(w);
    if (chance(w, 4) && !fuzz_without[may_rule_odd])
        return chance(w, 2) ? pick(w).x : ag_zeros(adjoint.tape, draw_dtype(w), draw_shape(w));
    return chance(w, 2) ? ag_neg(adjoint) : (ag_tensor){ 0 };
}

static void play_hook(world *w)
{
    argument x = pick_of(w, chance(w, 2) ? is_param : is_float);
    int which = rude(w, may_null_list) ? 2 : chance(w, 3);
    frame f = begin(w, x.x.tape, "ag_hook(%s, %s)", text_of(w, x), which ? "odd" : "halve");
    end_anyway(&f, ag_hook(x.x, which == 2 ? NULL : which ? odd_hook : halve, w));
}

/* ---- a function that runs again */

static ag_tensor checkpointed(ag_list xs, void *user)
{
    world *w = user;
    w->callbacks++;
    if (chance(w, 8) && !fuzz_without[may_rule_calls])
        play_inside(w);
    if (chance(w, 20) && !fuzz_without[may_rule_odd])
        return pick(w).x;
    ag_tensor y = ag_sin(xs.at[0]);
    for (size_t i = 1; i < xs.count; i++)
        y = ag_mul(y, i % 2 ? xs.at[i] : ag_checkpoint(checkpointed, user, AG_LIST(xs.at[i])));
    return ag_replayed(y.tape, chance(w, 2)) ? ag_mul_scalar(y, 2) : y;
}

static void play_checkpoint(world *w)
{
    ag_tensor at[4];
    ag_list xs = pick_list(w, at, 3);
    bool none = rude(w, may_null_list);
    ag_tape *t = NULL;
    for (size_t i = 0; xs.at && i < xs.count && !t; i++)
        t = at[i].tape;
    frame f = begin(w, t, "ag_checkpoint(%s)", text_of_list(w, xs));
    f.inert |= !t;
    end_tensor(&f, ag_checkpoint(none ? NULL : checkpointed, w, xs), -1);
}

const move user_moves[] = {
    { .name = "user", 8, play_user },
    { .name = "custom", 2, play_custom },
    { .name = "checkpoint", 2, play_checkpoint },
    { .name = "hook", 2, play_hook },
    { .name = "builtin", 1, play_builtin },
    { .name = NULL },
};
