/* Functions of the plane in a picture: where they are asked, and what they say there. */
#include "nn/plot_internal.h"
#include <math.h>

/* ---- where */

static void widen(double *range, double v)
{
    if (isfinite(v)) {
        range[0] = fmin(range[0], v);
        range[1] = fmax(range[1], v);
    }
}

/* With a margin; what the program says of the axis goes first. False: nothing is known. */
static bool settle(double *range, const double *wanted)
{
    const double margin = 0.08;
    if (wanted[0] < wanted[1]) {
        range[0] = wanted[0];
        range[1] = wanted[1];
        return true;
    }
    if (range[0] > range[1])
        return false;
    double more = margin * (range[1] - range[0]);
    if (!(more > 0))
        more = fmax(0.5, 0.1 * fabs(range[0]));
    range[0] -= more;
    range[1] += more;
    return isfinite(range[0]) && isfinite(range[1]);
}

bool nn_plane_range(const nn_plot *p, const nn_panel *panel, nn_range *to)
{
    *to = (nn_range){ { INFINITY, -INFINITY }, { INFINITY, -INFINITY }, { INFINITY, -INFINITY } };
    for (const nn_item *i = panel->first; i; i = i->next)
        if (i->kind == NN_ITEM_POINTS || i->kind == NN_ITEM_CLASSES || i->kind == NN_ITEM_CURVE)
            for (size_t r = 0; r < i->rows; r++) {
                widen(to->x, nn_item_row(i, r)[0]);
                widen(to->y, nn_item_row(i, r)[1]);
            }
    if (settle(to->x, panel->axes.x) && settle(to->y, panel->axes.y))
        return true;
    ag_fail(p->t, AG_EUSE, "nn_plot_save: panel '%s' has no points that say for which x and y; nn_plot_axes does",
            nn_text(&panel->title));
    return false;
}

bool nn_plane_asked(const nn_item *i)
{
    return i->module || i->f;
}

/* ---- modules, as they are in use */

static void pause_training(nn_module *m, int depth)
{
    m->registry->paused |= m->training;
    m->training = false;
    for (nn_entry *e = m->registry->first; e && depth < NN_DEPTH; e = e->next)
        if (e->child)
            pause_training(e->child, depth + 1);
}

static void resume_training(nn_module *m, int depth)
{
    m->training |= m->registry->paused;
    m->registry->paused = false;
    for (nn_entry *e = m->registry->first; e && depth < NN_DEPTH; e = e->next)
        if (e->child)
            resume_training(e->child, depth + 1);
}

/* How many values the module gives for each of n points; 0: reported. */
static size_t outputs(const nn_plot *p, const nn_item *i, ag_tensor y, size_t n)
{
    ag_shape s = ag_shape_of(y);
    size_t count = s.rank == 1 ? 1 : s.rank == 2 ? (size_t)s.dim[1] : 0;
    if (s.rank < 0)
        return 0;
    if (!count || (size_t)s.dim[0] != n) {
        ag_fail(p->t, AG_ESHAPE, "nn_plot_save: module '%s' makes a tensor of rank %d from [%zu,2], not [%zu,outputs]",
                i->module->name, s.rank, n, n);
        return 0;
    }
    if (i->kind == NN_ITEM_BOUNDARY && count != 1)
        ag_fail(p->t, AG_ESHAPE, "nn_plot_save: a boundary is that of one output; module '%s' has %zu", i->module->name,
                count);
    else if (i->kind == NN_ITEM_MAP && (size_t)i->output >= count)
        ag_fail(p->t, AG_EARG, "nn_plot_save: module '%s' has outputs 0 to %zu, not %d", i->module->name, count - 1,
                i->output);
    else if (i->kind == NN_ITEM_REGIONS && count > NN_PLOT_LABELS)
        ag_fail(p->t, AG_ELIMIT, "nn_plot_save: regions of %zu classes; there are %d colours", count, NN_PLOT_LABELS);
    return ag_error(p->t) ? 0 : count;
}

/* What is drawn of the values at a point: a class, a shade from 0 to 1, or a value. */
static double drawn(const nn_item *i, const double *z, size_t count)
{
    size_t best = 0;
    if (i->kind == NN_ITEM_MAP)
        return z[i->output];
    if (i->kind == NN_ITEM_BOUNDARY)
        return z[0];
    if (count == 1)
        return i->b != 0 ? 1 / (1 + exp(-z[0])) : fmin(fmax(z[0] - i->a + 0.5, 0), 1);
    for (size_t k = 1; k < count; k++)
        best = z[k] > z[best] ? k : best;
    return z[best] == z[best] ? (double)best : NAN;
}

/* The module's values at n points, in room for them that grows. How many there are of each; 0: reported. */
static size_t forward(nn_plot *p, const nn_item *i, const double *points, size_t n, nn_memory *values)
{
    ag_tensor y = nn_forward(i->module, ag_values(p->t, AG_SHAPE((int64_t)n, 2), points, 2 * n));
    size_t count = ag_ok(y) ? outputs(p, i, y, n) : 0, bytes = n * count * sizeof(double);
    return count && nn_memory_grow(p->t, values, bytes) && !ag_copy_out(y, AG_F64, values->at, bytes) ? count : 0;
}

typedef struct grid {
    const nn_range *range;
    size_t side;
} grid;

static void point_of(const grid *g, size_t k, double *xy)
{
    double last = (double)g->side - 1, u = (double)(k % g->side) / last, v = (double)(k / g->side) / last;
    xy[0] = g->range->x[0] + u * (g->range->x[1] - g->range->x[0]);
    xy[1] = g->range->y[0] + v * (g->range->y[1] - g->range->y[0]);
}

/* In pieces, so that a large module needs little memory for it. */
static bool ask_module(nn_plot *p, nn_item *i, const grid *g, double *to)
{
    enum { PIECE = 1024 };
    double points[2 * PIECE];
    size_t all = g->side * g->side, count = 1;
    nn_memory values = { 0 };
    ag_no_grad_begin(p->t);
    pause_training(i->module, 0);
    for (size_t start = 0; start < all && count; start += PIECE) {
        size_t n = all - start < PIECE ? all - start : PIECE;
        ag_mark mark = ag_tape_mark(p->t);
        for (size_t k = 0; k < n; k++)
            point_of(g, start + k, points + 2 * k);
        count = forward(p, i, points, n, &values);
        for (size_t k = 0; k < n && count; k++)
            to[start + k] = drawn(i, (const double *)(const void *)values.at + k * count, count);
        ag_tape_rewind(p->t, mark);
    }
    resume_training(i->module, 0);
    ag_no_grad_end(p->t);
    nn_memory_free(&values);
    if (i->kind == NN_ITEM_REGIONS)
        i->output = (int)count;
    return count && !ag_error(p->t);
}

bool nn_plane_ask(nn_plot *p, nn_item *i, const nn_range *range, size_t side)
{
    grid g = { range, side };
    double *to = nn_item_room(p, i, side, side), xy[2];
    if (!to)
        return false;
    if (i->module)
        return nn_usable(i->module, p->t, "nn_plot_save") && ask_module(p, i, &g, to);
    for (size_t k = 0; k < side * side; k++) {
        point_of(&g, k, xy);
        to[k] = i->f(i->user, xy[0], xy[1]);
    }
    return true;
}
