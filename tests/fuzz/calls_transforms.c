/* Jacobians, Hessians and their products. */
#include "tests/fuzz/fuzz.h"

enum { LISTED = 4 };

/* Vectors that mostly fit the tensors of the list. */
static ag_list pick_vectors(world *w, ag_list xs, ag_tensor *to)
{
    size_t count = xs.count;
    if (!xs.at || rude(w, may_null_list))
        return (ag_list){ NULL, count };
    for (size_t i = 0; i < count; i++)
        to[i] = chance(w, 8) ? pick(w).x : xs.at[i];
    return (ag_list){ to, count };
}

/* All results or none. */
static void end_list(frame *f, ag_status s, ag_list xs, const ag_tensor *out)
{
    world *w = f->w;
    for (size_t i = 0; f->lane >= 0 && out && i < xs.count; i++) {
        if (s && out[i].id)
            fault(w, "a transform failed and gave a result");
        if (!s && !out[i].id)
            fault(w, "a transform succeeded and gave no result");
        if (!s && i < RESULTS)
            learn(w, out[i], -1, f->ends == w->lanes[f->lane].ends);
    }
    end_status(f, s);
}

/* What was picked must be used: the model takes every one for an argument. */
static void play_vjps(world *w)
{
    ag_tensor x_at[LISTED], out[LISTED];
    argument y = pick_of(w, is_float), dy = pick_like(w, y);
    ag_list xs = pick_list(w, x_at, LISTED);
    bool nowhere = rude(w, may_null_list);
    frame f = begin(w, y.x.tape, "ag_vjps(%s, %s, %s)", text_of(w, y), text_of(w, dy), text_of_list(w, xs));
    ag_status s = ag_vjps(y.x, dy.x, xs, nowhere ? NULL : out);
    end_list(&f, s, xs, nowhere ? NULL : out);
}

static void play_hvps(world *w)
{
    ag_tensor x_at[LISTED], v_at[LISTED], out[LISTED];
    argument y = pick_of(w, is_small);
    ag_list xs = pick_list(w, x_at, LISTED), vs = pick_vectors(w, xs, v_at);
    bool nowhere = rude(w, may_null_list);
    frame f = begin(w, y.x.tape, "ag_hvps(%s, %s, %s)", text_of(w, y), text_of_list(w, xs), text_of_list(w, vs));
    uint64_t before = f.lane >= 0 ? grads_hash(w, f.lane) : 0;
    ag_status s = ag_hvps(y.x, xs, vs, nowhere ? NULL : out);
    if (f.lane >= 0 && w->callbacks == f.callbacks && grads_hash(w, f.lane) != before)
        fault(w, "ag_hvps changed a gradient");
    end_list(&f, s, xs, nowhere ? NULL : out);
}

static void play_jvp(world *w)
{
    ag_tensor x_at[LISTED], v_at[LISTED];
    argument y = pick_of(w, is_float);
    ag_list xs = pick_list(w, x_at, LISTED), vs = pick_vectors(w, xs, v_at);
    frame f = begin(w, y.x.tape, "ag_jvp(%s, %s, %s)", text_of(w, y), text_of_list(w, xs), text_of_list(w, vs));
    if (!y.x.tape || f.before)
        f.inert = true; /* a result is not promised */
    end_tensor(&f, ag_jvp(y.x, xs, vs), -1);
}

static void play_matrix(world *w)
{
    argument y = pick_of(w, is_small), x = pick_of(w, chance(w, 4) ? is_float : is_small);
    bool hessian = chance(w, 2);
    frame f = begin(w, y.x.tape, hessian ? "ag_hessian(%s, %s)" : "ag_jacobian(%s, %s)", text_of(w, y), text_of(w, x));
    if (!y.x.tape || f.before)
        f.inert = true;
    end_tensor(&f, hessian ? ag_hessian(y.x, x.x) : ag_jacobian(y.x, x.x), -1);
}

/* The Hessian of a sum, which is often one of a ranked tensor. */
static void play_hessian_of_sum(world *w)
{
    argument y = pick_of(w, is_float), x = pick_of(w, is_small);
    frame f = begin(w, y.x.tape, "ag_hessian(ag_sum(%s), %s)", text_of(w, y), text_of(w, x));
    if (!y.x.tape || f.before)
        f.inert = true;
    ag_tensor sum = ag_sum(y.x);
    end_tensor(&f, ag_hessian(sum, x.x), -1);
}

const move transform_moves[] = {
    { .name = "vjps", 2, play_vjps, .differentiates = true },
    { .name = "hvps", 2, play_hvps, .differentiates = true },
    { .name = "jvp", 3, play_jvp, .differentiates = true },
    { .name = "matrix", 3, play_matrix, .differentiates = true },
    { .name = "hessian", 2, play_hessian_of_sum, .differentiates = true },
    { .name = NULL },
};
