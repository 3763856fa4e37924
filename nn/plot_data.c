/* Tensors as things in a picture: points, classes, histograms, matrices of counts, images. */
#include "nn/plot_internal.h"
#include "ag/array/array.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* ---- what a tensor holds */

static bool describe(const nn_plot *p, ag_tensor x, const char *what, const char *who, ag_shape *s)
{
    if (!x.tape)
        ag_fail(p->t, AG_ENULL, "%s: %s absent", who, what);
    else if (x.tape != p->t)
        ag_fail(p->t, AG_EUSE, "%s: %s of another tape than the picture", who, what);
    if (x.tape != p->t || !x.id)
        return false;
    *s = ag_shape_of(x);
    return s->rank >= 0; /* otherwise stale: reported */
}

/* The elements as f64, `columns` of them in each row with room for `more` behind them. */
static double *copy(nn_plot *p, nn_item *i, ag_tensor x, size_t rows, size_t columns, size_t more)
{
    double *to = i ? nn_item_room(p, i, rows, columns + more) : NULL;
    if (!to || ag_copy_out(x, AG_F64, to, rows * columns * sizeof *to)) {
        if (to)
            i->rows = 0;
        return NULL;
    }
    for (size_t r = more ? rows : 0; r-- > 0;)
        memmove(to + r * (columns + more), to + r * columns, columns * sizeof *to);
    return to;
}

/* ---- points */

static bool are_points(const nn_plot *p, const char *who, ag_shape s, int64_t most)
{
    char text[128];
    if (s.rank != 2 || s.dim[1] < 2 || s.dim[1] > most)
        ag_fail(p->t, AG_ESHAPE, "%s: points [n,2]%s are wanted, not %s", who, most > 2 ? " or [n,3]" : "",
                ag_shape_text(s, text, sizeof text));
    else if (s.dim[0] == 0)
        ag_fail(p->t, AG_EARG, "%s: there are no points", who);
    return !ag_error(p->t);
}

ag_status nn_plot_points(nn_plot *p, const char *name, ag_tensor points)
{
    const char *who = "nn_plot_points";
    ag_shape s;
    if (!nn_plot_usable(p) || !describe(p, points, "the points are", who, &s) || !are_points(p, who, s, 2))
        return nn_plot_status(p);
    copy(p, nn_plot_item(p, NN_ITEM_POINTS, name, who), points, (size_t)s.dim[0], 2, 0);
    return nn_plot_status(p);
}

/* Points of two and of three coordinates do not meet in one panel. */
static bool fits_panel(const nn_plot *p, const char *who, int64_t coordinates)
{
    const nn_panel *panel = p->current;
    for (const nn_item *i = panel ? panel->first : NULL; i; i = i->next) {
        bool space = i->kind == NN_ITEM_SURFACE, again = i->kind == NN_ITEM_CLASSES;
        if (!again && space != (coordinates == 3)) {
            ag_fail(p->t, AG_EUSE, "%s: panel '%s': points [n,%d] do not go with what is there", who,
                    nn_text(&panel->title), (int)coordinates);
            return false;
        }
    }
    return true;
}

static bool are_labels(const nn_plot *p, const double *values, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
        double label = values[r * columns + columns - 1];
        if (!(label >= 0 && label < NN_PLOT_LABELS && label == floor(label))) {
            ag_fail(p->t, AG_EARG, "nn_plot_classes: label %zu is %g, no whole number from 0 to %d", r, label,
                    NN_PLOT_LABELS - 1);
            return false;
        }
    }
    return true;
}

static void put_labels(nn_plot *p, nn_item *i, ag_tensor labels, ag_shape s)
{
    size_t rows = (size_t)s.dim[0], columns = (size_t)s.dim[1] + 1;
    nn_memory m = { 0 };
    double *to = (double *)(void *)i->values.at;
    if (nn_memory_grow(p->t, &m, rows * sizeof(double)) && !ag_copy_out(labels, AG_F64, m.at, rows * sizeof(double)))
        for (size_t r = 0; r < rows; r++)
            to[r * columns + columns - 1] = ((const double *)(const void *)m.at)[r];
    nn_memory_free(&m);
    if (ag_error(p->t) || !are_labels(p, to, rows, columns))
        i->rows = 0;
}

ag_status nn_plot_classes(nn_plot *p, ag_tensor points, ag_tensor labels)
{
    const char *who = "nn_plot_classes";
    ag_shape s, l;
    if (!nn_plot_usable(p) || !describe(p, points, "the points are", who, &s) || !are_points(p, who, s, 3) ||
        !describe(p, labels, "the labels are", who, &l) || !fits_panel(p, who, s.dim[1]))
        return nn_plot_status(p);
    if (ag_size_of(labels) != s.dim[0])
        return ag_fail(p->t, AG_ESHAPE, "%s: %lld points have %lld labels", who, (long long)s.dim[0],
                       (long long)ag_size_of(labels));
    nn_item *i = nn_plot_item(p, NN_ITEM_CLASSES, NULL, who);
    if (copy(p, i, points, (size_t)s.dim[0], (size_t)s.dim[1], 1))
        put_labels(p, i, labels, s);
    return nn_plot_status(p);
}

/* ---- histograms */

/* In which bin a value lies; by halves where the difference is beyond all numbers. */
static int bin_of(double v, double low, double width, int bins)
{
    const double above = v - low, at = isfinite(above) ? above / width : (0.5 * v - 0.5 * low) / (0.5 * width);
    return at < bins ? (int)at : bins - 1;
}

/* Rows of centre, count and width. False: no element is finite. */
static bool count_bins(const double *v, size_t count, double *to, int bins)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < count; k++)
        if (isfinite(v[k])) {
            low = fmin(low, v[k]);
            high = fmax(high, v[k]);
        }
    if (low > high)
        return false;
    double width = high / bins - low / bins;
    if (!(width > 0)) { /* all are the same */
        width = fabs(low) > 1 ? fabs(low) / bins : 1.0 / bins;
        low = fmax(low - bins / 2 * width, -DBL_MAX);
    }
    for (int b = 0; b < bins; b++) {
        to[3 * b] = 2 * (0.5 * low + (b + 0.5) * (0.5 * width)); /* the product alone may be beyond all numbers */
        to[3 * b + 1] = 0;
        to[3 * b + 2] = width;
    }
    for (size_t k = 0; k < count; k++)
        if (isfinite(v[k]))
            to[3 * bin_of(v[k], low, width, bins) + 1]++;
    return true;
}

ag_status nn_plot_histogram(nn_plot *p, const char *name, ag_tensor x, int bins)
{
    enum { BINS = 30, MOST = 1000 };
    const char *who = "nn_plot_histogram";
    ag_shape s;
    if (!nn_plot_usable(p) || !describe(p, x, "the values are", who, &s))
        return nn_plot_status(p);
    if (bins < 0 || bins > MOST)
        return ag_fail(p->t, AG_EARG, "%s: %d bins, not 1 to %d", who, bins, MOST);
    bins = bins ? bins : BINS;
    size_t count = (size_t)ag_size_of(x), bytes = count * sizeof(double);
    if (count == 0)
        return ag_fail(p->t, AG_EARG, "%s: '%s' has no values", who, name ? name : "");
    nn_memory m = { 0 };
    nn_item *i = nn_plot_item(p, NN_ITEM_HISTOGRAM, name, who);
    double *to = i && nn_memory_grow(p->t, &m, bytes) && !ag_copy_out(x, AG_F64, m.at, bytes)
                     ? nn_item_room(p, i, (size_t)bins, 3)
                     : NULL;
    if (to && !count_bins((const double *)(const void *)m.at, count, to, bins)) {
        i->rows = 0;
        ag_fail(p->t, AG_EVALUE, "%s: none of the %zu values of '%s' is finite", who, count, name ? name : "");
    }
    nn_memory_free(&m);
    return nn_plot_status(p);
}

/* ---- matrices of counts, images */

ag_status nn_plot_confusion(nn_plot *p, ag_tensor counts)
{
    const char *who = "nn_plot_confusion";
    char text[128];
    ag_shape s;
    if (!nn_plot_usable(p) || !describe(p, counts, "the counts are", who, &s))
        return nn_plot_status(p);
    if (s.rank != 2 || s.dim[0] != s.dim[1] || s.dim[0] < 1 || s.dim[0] > NN_PLOT_LABELS)
        return ag_fail(p->t, AG_ESHAPE, "%s: counts [n,n] of at most %d classes are wanted, not %s", who,
                       NN_PLOT_LABELS, ag_shape_text(s, text, sizeof text));
    copy(p, nn_plot_item(p, NN_ITEM_CONFUSION, NULL, who), counts, (size_t)s.dim[0], (size_t)s.dim[0], 0);
    return nn_plot_status(p);
}

static bool are_images(const nn_plot *p, const char *who, ag_shape s, ag_shape image)
{
    char text[128], wanted[128];
    int64_t pixels = image.rank == 2 && image.dim[0] > 0 && image.dim[1] > 0 ? ag_shape_size(image) : -1;
    if (image.rank != 2 || pixels < 1)
        ag_fail(p->t, AG_ESHAPE, "%s: the shape of an image is [height,width], not %s", who,
                ag_shape_text(image, wanted, sizeof wanted));
    else if (s.rank < 1 || s.dim[0] < 1 || ag_shape_size(s) % s.dim[0] || ag_shape_size(s) / s.dim[0] != pixels)
        ag_fail(p->t, AG_ESHAPE, "%s: the rows of %s are no images %s", who, ag_shape_text(s, text, sizeof text),
                ag_shape_text(image, wanted, sizeof wanted));
    else if (ag_shape_size(s) > NN_PLOT_CELLS)
        ag_fail(p->t, AG_ELIMIT, "%s: %s has more pixels than %d", who, ag_shape_text(s, text, sizeof text),
                NN_PLOT_CELLS);
    return !ag_error(p->t);
}

ag_status nn_plot_grid(nn_plot *p, ag_tensor x, ag_shape image, nn_plot_grid_config config)
{
    enum { MOST = 4 * NN_PLOT_CELLS };
    const char *who = "nn_plot_grid";
    char text[2][128];
    ag_shape s;
    if (!nn_plot_usable(p) || !describe(p, x, "the images are", who, &s) || !are_images(p, who, s, image))
        return nn_plot_status(p);
    if (config.columns < 0 || config.columns > s.dim[0])
        return ag_fail(p->t, AG_EARG, "%s: %d columns for %lld images", who, config.columns, (long long)s.dim[0]);
    nn_item *i = nn_plot_item(p, NN_ITEM_GRID, NULL, who);
    size_t count = (size_t)s.dim[0];
    if (!copy(p, i, x, count, (size_t)ag_shape_size(image), 0))
        return nn_plot_status(p);
    i->image = image;
    i->across = (size_t)config.columns;
    i->captions.size = 0;
    const nn_tiles g = nn_plot_tiles(i);
    if (g.width > (size_t)MOST / g.height) {
        i->rows = 0;
        return ag_fail(p->t, AG_ELIMIT, "%s: %s as images %s would take %zu x %zu cells with the space between them",
                       who, ag_shape_text(s, text[0], sizeof text[0]), ag_shape_text(image, text[1], sizeof text[1]),
                       g.width, g.height);
    }
    for (size_t k = 0; config.captions && k < count; k++) {
        const char *caption = config.captions[k] ? config.captions[k] : "";
        if (!nn_memory_add(p->t, &i->captions, caption, strlen(caption) + 1)) {
            i->captions.size = i->rows = 0;
            break;
        }
    }
    return nn_plot_status(p);
}

nn_tiles nn_plot_tiles(const nn_item *grid)
{
    enum { FINE = 12 };
    size_t w = (size_t)grid->image.dim[1], h = (size_t)grid->image.dim[0], large = w > h ? w : h;
    nn_tiles g = { .across = grid->across, .scale = large < FINE ? (FINE + large - 1) / large : 1 };
    g.image_x = w * g.scale;
    g.image_y = h * g.scale;
    size_t space = (large * g.scale + FINE - 1) / FINE;
    g.step_x = g.image_x + space;
    g.step_y = g.image_y + space + (grid->captions.size ? g.image_y * 2 / 5 : 0);
    if (!g.across)
        g.across = (size_t)ceil(sqrt(1.4 * (double)grid->rows * (double)g.step_y / (double)g.step_x));
    g.across = g.across < grid->rows ? g.across : grid->rows;
    g.down = (grid->rows + g.across - 1) / g.across;
    g.width = g.across * g.step_x;
    g.height = g.down * g.step_y;
    return g;
}

/* A picture of its own is as large as its images need it. */
static void fit(nn_plot *p, const nn_item *grid)
{
    enum { WIDTH = 900, HEIGHT = 700, LEAST = 320, MOST = 4000, BESIDE = 150, ABOVE = 90 };
    nn_tiles g = nn_plot_tiles(grid);
    double zoom = fmin((double)WIDTH / (double)g.width, (double)HEIGHT / (double)g.height);
    zoom = fmax(zoom, 1);
    p->config.width = (int)fmin(fmax(zoom * (double)g.width + BESIDE, LEAST), MOST);
    p->config.height = (int)fmin(fmax(zoom * (double)g.height + ABOVE, LEAST), MOST);
}

ag_status nn_plot_images(ag_tape *t, ag_tensor x, ag_shape image, const char *path)
{
    nn_plot *p = nn_plot_new(t ? t : x.tape, (nn_plot_config){ 0 });
    if (!p)
        return t || x.tape ? ag_error(t ? t : x.tape) : AG_ENULL;
    ag_tape *owner = p->t;
    const char *name = x.tape == owner && ag_ok(x) ? ag_name_of(x) : "";
    if (!nn_plot_panel(p, *name ? name : NULL, NULL, NULL) && !nn_plot_grid(p, x, image, (nn_plot_grid_config){ 0 }) &&
        p->first->first) { /* nothing was added for an inert tensor */
        fit(p, p->first->first);
        nn_plot_save(p, path);
    }
    ag_status s = ag_error(owner);
    nn_plot_discard(p);
    return s;
}
