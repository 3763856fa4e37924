/* Derivatives, and looking at graphs. */
#include "tests/fuzz/fuzz.h"

/* ---- passes */

/* A failed pass leaves every gradient as it was. */
static void check_grads(const frame *f, ag_status s, uint64_t before)
{
    world *w = f->w;
    if (f->lane >= 0 && s && w->callbacks == f->callbacks && grads_changed(w, f->lane, before))
        fault(w, "a pass that failed changed a gradient");
}

static void play_backward(world *w)
{
    argument y = pick_of(w, chance(w, 3) ? is_float : is_small), dy = { { 0 }, -1 };
    bool from = chance(w, 2);
    if (from)
        dy = pick_like(w, y);
    frame f = begin(w, y.x.tape, "ag_backward%s(%s%s%s)", from ? "_from" : "", text_of(w, y), from ? ", " : "",
                    from ? text_of(w, dy) : "");
    uint64_t before = f.lane >= 0 && chance(w, 2) ? grads_hash(w, f.lane) : 0; /* else what waits goes on waiting */
    ag_status s = from ? ag_backward_from(y.x, dy.x) : ag_backward(y.x);
    check_grads(&f, s, before);
    if (f.lane >= 0 && !s)
        observe(w, grads_hash(w, f.lane));
    end_status(&f, s);
}

/* ---- a pass against another one */

enum { COMPARED = 32 };
typedef struct gradient {
    int count; /* 0: there is none to be had */
    double at[COMPARED];
} gradient;

/* Begins a look at the tape that leaves no trace: its errors are hidden, and memory does not fail. */
static bool probe(lane *l, bool *paused)
{
    *paused = l->heap.paused;
    if (ag_error_push(l->t)) {
        ag_error_clear(l->t);
        return false;
    }
    l->heap.paused = true;
    return true;
}

static void end_probe(lane *l, bool paused)
{
    ag_error_pop(l->t);
    l->heap.paused = paused;
}

static void read_values(ag_tensor x, gradient *to)
{
    int64_t size = ag_size_of(x);
    to->count = 0;
    if (size > 0 && size <= COMPARED && !ag_copy_out(x, AG_F64, to->at, (size_t)size * sizeof *to->at))
        to->count = (int)size;
}

static gradient gradient_of(lane *l, ag_tensor x)
{
    gradient g = { .count = 0 };
    bool paused;
    if (!probe(l, &paused))
        return g;
    read_values(ag_grad(x), &g);
    end_probe(l, paused);
    return g;
}

/* What ag_backward(y) added to the gradient of x is what ag_gradients gives. */
static void compare_passes(world *w, lane *l, ag_tensor y, const known *x, const gradient *before)
{
    gradient after = gradient_of(l, x->x), given = { .count = 0 };
    int callbacks = w->callbacks;
    double most = 0;
    bool paused;
    ag_tensor g;
    if (!probe(l, &paused))
        return;
    if (!ag_gradients(y, AG_LIST(x->x), draw(w, 2), &g))
        read_values(g, &given);
    end_probe(l, paused);
    if (!given.count || given.count != after.count || w->callbacks != callbacks)
        return;
    for (int i = 0; i < after.count; i++) {
        if (!isfinite(after.at[i]) || !isfinite(given.at[i]))
            return;
        most = fmax(most, fmax(fabs(after.at[i]), fmax(fabs(before->at[i]), fabs(given.at[i]))));
    }
    const bool f32 = l->options.dtype == AG_F32 || x->dtype == AG_F32;
    const double noise = f32 ? 1e-6 : 1e-15; /* of what cancels out */
    for (int i = 0; i < after.count && most < 1e30; i++)
        if (fabs(after.at[i] - before->at[i] - given.at[i]) > (f32 ? 1e-2 : 1e-5) * most + noise)
            fault(w, "ag_backward added %g where ag_gradients gives %g", after.at[i] - before->at[i], given.at[i]);
}

/* The sum of something, so that there is a gradient to be had, beside the gradient of something. */
static void play_loss(world *w)
{
    argument y = pick(w), x = { { 0 }, -1 };
    bool watches = w->depth == 0 && chance(w, 3);
    if (watches)
        x = pick_of(w, chance(w, 2) ? is_param : is_float);
    frame f = begin(w, y.x.tape, "ag_backward(ag_sum(%s))", text_of(w, y));
    watches = watches && f.lane >= 0 && !f.before && x.place >= 0 && x.x.tape == y.x.tape;
    lane *l = &w->lanes[f.lane < 0 ? 0 : f.lane];
    gradient before = { .count = 0 };
    if (watches)
        before = gradient_of(l, x.x);
    uint64_t hash = f.lane >= 0 && chance(w, 2) ? grads_hash(w, f.lane) : 0;
    ag_tensor sum = ag_sum(y.x);
    ag_status s = ag_backward(sum);
    check_grads(&f, s, hash);
    f.gone = f.foreign = false; /* the other one's, perhaps */
    end_status(&f, s);
    if (!before.count || w->callbacks != f.callbacks || l->ends != f.ends)
        return;
    if (!s) {
        compare_passes(w, l, sum, &w->at[x.place], &before);
        return;
    }
    gradient after = gradient_of(l, x.x);
    if (after.count &&
        (after.count != before.count || memcmp(after.at, before.at, sizeof(double) * (size_t)after.count)))
        fault(w, "a pass that failed changed the gradient of x%d", x.place);
}

static void play_gradients(world *w)
{
    ag_tensor at[24], out[24];
    argument y = pick(w);
    int most = chance(w, 8) ? 24 : 4, flags = draw_flags(w);
    ag_list xs = pick_list(w, at, most);
    bool nowhere = rude(w, may_null_list);
    bool from = chance(w, 3);
    argument dy = from ? pick_like(w, y) : (argument){ 0 };
    frame f = begin(w, y.x.tape, "ag_gradients%s(%s, %s, %s, %d)", from ? "_from" : "", text_of(w, y),
                    from ? text_of(w, dy) : "ones", text_of_list(w, xs), flags);
    uint64_t before = f.lane >= 0 && chance(w, 2) ? grads_hash(w, f.lane) : 0;
    ag_status s = from ? ag_gradients_from(y.x, dy.x, xs, flags, nowhere ? NULL : out)
                       : ag_gradients(y.x, xs, flags, nowhere ? NULL : out);
    if (f.lane >= 0 && w->callbacks == f.callbacks && grads_changed(w, f.lane, before))
        fault(w, "ag_gradients changed a gradient");
    for (size_t i = 0; f.lane >= 0 && !nowhere && i < xs.count; i++) {
        if (s && out[i].id)
            fault(w, "ag_gradients failed and gave a result");
        if (!s && !out[i].id)
            fault(w, "ag_gradients succeeded and gave no result");
        if (!s && i < RESULTS)
            learn(w, out[i], -1, f.ends == w->lanes[f.lane].ends && w->callbacks == f.callbacks);
    }
    end_status(&f, s);
}

static void play_products(world *w)
{
    argument y = pick_of(w, chance(w, 3) ? is_float : is_small), a = pick(w), b = pick_like(w, chance(w, 2) ? y : a);
    bool hvp = chance(w, 2);
    frame f = begin(w, y.x.tape, hvp ? "ag_hvp(%s, %s, %s)" : "ag_vjp(%s, %s, %s)", text_of(w, y), text_of(w, a),
                    text_of(w, b));
    if (!y.x.tape || f.before)
        f.inert = true; /* a result is not promised */
    end_tensor(&f, hvp ? ag_hvp(y.x, a.x, b.x) : ag_vjp(y.x, b.x, a.x), -1);
}

static void play_local(world *w)
{
    argument y = pick(w), x = pick(w);
    frame f = begin(w, y.x.tape, "ag_local(%s, %s)", text_of(w, y), text_of(w, x));
    end_tensor(&f, ag_local(y.x, x.x), -1);
}

/* ---- stored gradients */

static void play_grad(world *w)
{
    argument x = pick(w);
    frame f = begin(w, x.x.tape, "ag_grad(%s)", text_of(w, x));
    int place = end_tensor(&f, ag_grad(x.x), -1);
    if (place >= 0)
        w->at[place].changing = true;
}

static void play_zero_grad(world *w)
{
    argument x = pick(w);
    frame f = begin(w, x.x.tape, "ag_zero_grad(%s)", text_of(w, x));
    end_anyway(&f, ag_zero_grad(x.x));
}

static void play_retain(world *w)
{
    argument x = pick(w);
    frame f = begin(w, x.x.tape, "ag_retain_grad(%s)", text_of(w, x));
    end_anyway(&f, ag_retain_grad(x.x));
}

/* ---- looking */

static void play_print(world *w)
{
    argument x = pick_of(w, NULL);
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = rude(w, may_null_list) ? NULL : open_memstream(&text, &bytes);
    static ag_status (*const functions[])(ag_tensor x, FILE * to) = { ag_print, ag_print_graph, ag_draw, ag_explain,
                                                                      ag_explain_json };
    static const char *const names[] = { "ag_print", "ag_print_graph", "ag_draw", "ag_explain", "ag_explain_json" };
    int which = draw(w, 5);
    frame f = begin(w, x.x.tape, "%s(%s)", names[which], text_of(w, x));
    ag_status s = functions[which](x.x, to);
    if (to)
        fclose(to);
    if (!s && to && !bytes && w->lanes[f.lane < 0 ? 0 : f.lane].told == f.told)
        fault(w, "nothing was printed");
    free(text);
    end_anyway(&f, s);
}

static void play_routes(world *w)
{
    argument y = pick(w), x = pick(w);
    const int64_t i = draw(w, 4), j = draw(w, 4);
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);
    static const char *const names[] = { "ag_explain_element", "ag_explain_element_json", "ag_explain_routes" };
    const int which = draw(w, COUNT(names));
    frame f = begin(w, y.x.tape, "%s(%s, %d, %s, %d)", names[which], text_of(w, y), (int)i, text_of(w, x), (int)j);
    ag_status s = which == 0   ? ag_explain_element(y.x, i, x.x, j, to)
                  : which == 1 ? ag_explain_element_json(y.x, i, x.x, j, to)
                               : ag_explain_routes(y.x, x.x, to);
    fclose(to);
    free(text);
    end_anyway(&f, s);
}

const move derive_moves[] = {
    { .name = "backward", 6, play_backward, .differentiates = true },
    { .name = "loss", 8, play_loss, .differentiates = true },
    { .name = "gradients", 6, play_gradients, .differentiates = true },
    { .name = "products", 3, play_products, .differentiates = true },
    { .name = "local", 2, play_local, .differentiates = true },
    { .name = "grad", 5, play_grad },
    { .name = "zero_grad", 2, play_zero_grad, .writes = true },
    { .name = "retain", 2, play_retain },
    { .name = "print", 1, play_print },
    { .name = "routes", 2, play_routes, .differentiates = true },
    { .name = NULL },
};
