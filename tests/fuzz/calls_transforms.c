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
    if (f.lane >= 0 && w->callbacks == f.callbacks && grads_changed(w, f.lane, before))
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

/* The rows of a Jacobian are what single passes give. */
static void compare_rows(world *w, const frame *f, argument y, argument x, ag_tensor j)
{
    enum { MOST = 400 };
    lane *l = &w->lanes[f->lane];
    const bool paused = l->heap.paused;
    const int64_t rows = ag_size_of(y.x), size = ag_size_of(x.x);
    const int callbacks = w->callbacks;
    double all[MOST], row[MOST];
    if (rows < 1 || size < 1 || rows * size > MOST || ag_error_push(l->t)) {
        ag_error_clear(l->t);
        return;
    }
    l->heap.paused = true;
    bool known = !ag_copy_out(j, AG_F64, all, (size_t)(rows * size) * sizeof *all);
    for (int64_t i = 0; i < rows && known; i++) {
        ag_tensor unit = ag_zeros(l->t, ag_dtype_of(y.x), AG_SHAPE(rows)),
                  one = ag_arange(l->t, AG_I64, 0, (double)rows, 1);
        unit = ag_where(ag_equal(one, ag_full(l->t, AG_I64, AG_SHAPE(1), (double)i)), ag_add_scalar(unit, 1), unit);
        ag_tensor g = ag_vjp(y.x, ag_reshape(unit, ag_shape_of(y.x)), x.x);
        known = !ag_copy_out(g, AG_F64, row, (size_t)size * sizeof *row) && w->callbacks == callbacks;
        for (int64_t k = 0; k < size && known; k++) {
            const double a = all[i * size + k], b = row[k], most = fmax(fabs(a), fabs(b));
            if (isfinite(a) != isfinite(b) || (most < 1e30 && fabs(a - b) > 1e-4 * fmax(1, most)))
                fault(w, "ag_jacobian has %g where ag_vjp gives %g", a, b);
        }
    }
    ag_error_pop(l->t);
    l->heap.paused = paused;
}

static void play_matrix(world *w)
{
    argument y = pick_of(w, is_small), x = pick_of(w, chance(w, 4) ? is_float : is_small);
    bool hessian = chance(w, 2);
    frame f = begin(w, y.x.tape, hessian ? "ag_hessian(%s, %s)" : "ag_jacobian(%s, %s)", text_of(w, y), text_of(w, x));
    if (!y.x.tape || f.before)
        f.inert = true;
    ag_tensor j = hessian ? ag_hessian(y.x, x.x) : ag_jacobian(y.x, x.x);
    if (j.id && !hessian && w->depth == 0 && f.lane >= 0 && !f.before && w->callbacks == f.callbacks)
        compare_rows(w, &f, y, x, j);
    end_tensor(&f, j, -1);
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
