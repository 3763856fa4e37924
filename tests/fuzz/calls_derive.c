/* Derivatives, and looking at graphs. */
#include "tests/fuzz/fuzz.h"

/* ---- passes */

/* A failed pass leaves every gradient as it was. */
static void check_grads(const frame *f, ag_status s, uint64_t before)
{
    world *w = f->w;
    if (f->lane >= 0 && s && w->callbacks == f->callbacks && grads_hash(w, f->lane) != before)
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
    uint64_t before = f.lane >= 0 ? grads_hash(w, f.lane) : 0;
    ag_status s = from ? ag_backward_from(y.x, dy.x) : ag_backward(y.x);
    check_grads(&f, s, before);
    if (f.lane >= 0 && !s)
        observe(w, grads_hash(w, f.lane));
    end_status(&f, s);
}

/* ---- a pass against another one */

enum { COMPARED = 32 };

static int read_grad(ag_tensor p, double *to)
{
    ag_storage s;
    if (ag_storage_of(p, &s) || s.count > COMPARED)
        return -1;
    for (int64_t i = 0; i < s.count; i++)
        to[i] = !s.grad ? 0 : s.dtype == AG_F32 ? (double)((float *)s.grad)[i] : ((double *)s.grad)[i];
    return (int)s.count;
}

/* What ag_backward(y) added to the parameter's gradient is what ag_gradients gives. */
static void compare_passes(world *w, lane *l, ag_tensor y, const known *p, const double *before)
{
    double after[COMPARED], given[COMPARED], most = 0;
    int count = read_grad(p->x, after), callbacks = w->callbacks;
    ag_tensor g;
    bool linear = p->shape.rank < 2; /* the storage may have another order */
    if (count < 1 || !linear || ag_error_push(l->t))
        return;
    ag_status s = ag_gradients(y, AG_LIST(p->x), draw(w, 2), &g);
    if (!s)
        s = ag_copy_out(g, AG_F64, given, (size_t)count * sizeof *given);
    ag_error_pop(l->t);
    if (s || w->callbacks != callbacks)
        return;
    for (int i = 0; i < count; i++) {
        if (!isfinite(after[i]) || !isfinite(given[i]))
            return;
        most = fmax(most, fmax(fabs(after[i]), fmax(fabs(before[i]), fabs(given[i]))));
    }
    double tolerance = l->options.dtype == AG_F32 || p->dtype == AG_F32 ? 1e-2 : 1e-5;
    for (int i = 0; i < count && most < 1e30; i++)
        if (fabs(after[i] - before[i] - given[i]) > tolerance * most)
            fault(w, "ag_backward added %g where ag_gradients gives %g", after[i] - before[i], given[i]);
}

/* The sum of something, so that there is a gradient to be had. */
static void play_loss(world *w)
{
    argument y = pick(w), p = { { 0 }, -1 };
    if (chance(w, 4))
        p = pick_of(w, is_param);
    frame f = begin(w, y.x.tape, "ag_backward(ag_sum(%s))", text_of(w, y));
    double grad[COMPARED];
    uint64_t before = f.lane >= 0 ? grads_hash(w, f.lane) : 0;
    bool compares = f.lane >= 0 && w->depth == 0 && p.place >= 0 && !f.gone && p.x.tape == y.x.tape && !f.before;
    compares = compares && read_grad(p.x, grad) > 0;
    ag_tensor sum = ag_sum(y.x);
    ag_status s = ag_backward(sum);
    check_grads(&f, s, before);
    f.gone = f.foreign = false; /* the parameter's, perhaps */
    end_status(&f, s);
    if (compares && !s && w->callbacks == f.callbacks)
        compare_passes(w, &w->lanes[f.lane], sum, &w->at[p.place], grad);
}

static void play_gradients(world *w)
{
    ag_tensor at[24], out[24];
    argument y = pick(w);
    int most = chance(w, 8) ? 24 : 4, flags = draw_flags(w);
    ag_list xs = pick_list(w, at, most);
    bool nowhere = rude(w, may_null_list);
    frame f = begin(w, y.x.tape, "ag_gradients(%s, %s, %d)", text_of(w, y), text_of_list(w, xs), flags);
    uint64_t before = f.lane >= 0 ? grads_hash(w, f.lane) : 0;
    ag_status s = ag_gradients(y.x, xs, flags, nowhere ? NULL : out);
    if (f.lane >= 0 && w->callbacks == f.callbacks && grads_hash(w, f.lane) != before)
        fault(w, "ag_gradients changed a gradient");
    for (size_t i = 0; f.lane >= 0 && !nowhere && i < xs.count; i++) {
        if (s && out[i].id)
            fault(w, "ag_gradients failed and gave a result");
        if (!s && !out[i].id)
            fault(w, "ag_gradients succeeded and gave no result");
        if (!s && i < RESULTS)
            learn(w, out[i], -1, f.ends == w->lanes[f.lane].ends);
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
    int which = draw(w, 3);
    frame f = begin(w, x.x.tape, "%s(%s)",
                    which == 0   ? "ag_print"
                    : which == 1 ? "ag_print_graph"
                                 : "ag_draw",
                    text_of(w, x));
    ag_status s = which == 0 ? ag_print(x.x, to) : which == 1 ? ag_print_graph(x.x, to) : ag_draw(x.x, to);
    if (to)
        fclose(to);
    if (!s && to && !bytes && w->lanes[f.lane < 0 ? 0 : f.lane].told == f.told)
        fault(w, "nothing was printed");
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
    { .name = NULL },
};
