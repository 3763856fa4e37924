/* What is in a panel, in gnuplot's language: colours, and the commands that draw. */
#include "nn/plot_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const int markers[] = { 7, 5, 9, 13, 11, 15, 6, 4, 8, 12, 10, 14 }; /* gnuplot's point types */
static const char *const dashes[] = { "1", "(14,5)", "(3,4)", "(14,4,3,4)", "(7,3)", "(3,3,3,9)" };
#define TURN(list, number) (list)[(number) % (sizeof(list) / sizeof *(list))]

typedef struct drawing {
    nn_output *s;
    const nn_panel *panel;
    const nn_range *range;
    const nn_item *item;
    char name[32];          /* of the item's values */
    size_t items, lines;    /* drawn so far; lines: those with a colour of their own */
    size_t bars, bar_kinds; /* drawn so far; in all */
    bool plane;             /* colours are classes, so that lines begin with black */
} drawing;

/* ---- texts */

static void put_title(const drawing *d)
{
    const char *name = nn_text(&d->item->name);
    nn_print(d->s, *name ? " title " : " notitle");
    if (*name)
        nn_script_quote(d->s, name);
}

/* A class's name; those that have none are numbered. */
static void put_class(const drawing *d, const char *what, size_t k)
{
    char number[32];
    const char *name = k < d->panel->name_count ? nn_text_at(&d->panel->names, k) : "";
    snprintf(number, sizeof number, "%s%zu", what, k);
    nn_script_quote(d->s, *name ? name : number);
}

/* ---- colours */

/* A class's colour in a region, so light that points stand out. */
static void put_tint(nn_output *s, size_t k)
{
    const double part = 0.42;
    unsigned c[3];
    sscanf(nn_plot_colour(k), "#%2x%2x%2x", &c[0], &c[1], &c[2]);
    for (int i = 0; i < 3; i++)
        c[i] = (unsigned)(255 - part * (255 - c[i]));
    nn_print(s, "'#%02X%02X%02X'", c[0], c[1], c[2]);
}

static void put_class_palette(nn_output *s, size_t classes)
{
    nn_print(s, "set palette maxcolors %zu defined (", classes);
    for (size_t k = 0; k < classes; k++) {
        nn_print(s, k ? ", %zu " : "%zu ", k);
        put_tint(s, k);
    }
    nn_print(s, ")\nset cbrange [-0.5:%zu.5]\n", classes - 1);
}

static void put_image_palette(nn_output *s, const nn_item *i)
{
    double low = 0, high = 0;
    for (size_t k = 0; k < i->rows * i->columns; k++) {
        double v = ((const double *)(const void *)i->values.at)[k];
        low = isfinite(v) ? fmin(low, v) : low;
        high = isfinite(v) ? fmax(high, v) : high;
    }
    double side = fmax(-low, high);
    side = side > 0 ? side : 1;
    if (low < 0)
        nn_print(s,
                 "set palette defined (-1 '#0072B2', 0 '#F7F7F7', 1 '#D55E00')\nset cbrange [%.9g:%.9g]\n"
                 "set colorbox\n",
                 -side, side);
    else
        nn_print(s, "set palette gray\nset cbrange [0:%.9g]\n", side);
}

/* What fills a panel has the palette. */
static void put_palette(const drawing *d, const nn_item *i)
{
    nn_print(d->s, "set palette maxcolors 0\n");
    if (i->kind == NN_ITEM_GRID) {
        put_image_palette(d->s, i);
    } else if (i->kind == NN_ITEM_CONFUSION) {
        nn_print(d->s, "set palette defined (0 '#FFFFFF', 1 '#0072B2')\nset cbrange [0:1]\n");
    } else if (i->kind == NN_ITEM_MAP) {
        nn_print(d->s, "set palette defined (0 '#440154', 1 '#3B528B', 2 '#21918C', 3 '#5EC962', 4 '#FDE725')\n"
                       "set cbrange [*:*]\nset colorbox\n");
    } else if (i->kind == NN_ITEM_REGIONS && i->output == 1) {
        nn_print(d->s, "set palette defined (0 ");
        put_tint(d->s, 0);
        nn_print(d->s, ", 0.5 '#FCFCFC', 1 ");
        put_tint(d->s, 1);
        nn_print(d->s, ")\nset cbrange [0:1]\n");
    } else if (i->kind == NN_ITEM_REGIONS) {
        put_class_palette(d->s, (size_t)i->output);
    }
}

/* ---- what is drawn */

static void separate(drawing *d)
{
    nn_print(d->s, d->items++ ? ", \\\n    " : nn_panel_in_space(d->panel) ? "splot " : "plot ");
}

static void put_line_style(drawing *d, double width)
{
    static const int on_classes[] = { 6, 2, 3, 8, 9, 4 };
    size_t n = d->lines++;
    nn_print(d->s, " linewidth %g linecolor '%s' dashtype %s", width,
             nn_plot_colour(d->plane ? (size_t)TURN(on_classes, n)
                            : n < 6  ? n
                                     : n + 1),
             TURN(dashes, n));
}

static void draw_curve(drawing *d)
{
    enum { FEW = 25 };
    bool few = d->item->rows <= FEW;
    separate(d);
    nn_print(d->s, "$%s using 1:2 with %s", d->name, few ? "linespoints" : "lines");
    if (few)
        nn_print(d->s, " pointtype %d pointsize 1.1", TURN(markers, d->lines));
    put_line_style(d, 2.2);
    put_title(d);
}

static void draw_contour(drawing *d)
{
    separate(d);
    nn_print(d->s, "$l%s using 1:2 with lines", d->name);
    put_line_style(d, 2.5);
    put_title(d);
}

/* Four times as long as the panel, which cuts it. */
static void draw_line(drawing *d)
{
    const nn_item *i = d->item;
    const double *x = d->range->x, *y = d->range->y;
    double sx = x[1] - x[0], sy = y[1] - y[0], mx = 0.5 * (x[0] + x[1]), my = 0.5 * (y[0] + y[1]);
    double a = i->a * sx, b = i->b * sy, c = i->a * mx + i->b * my + i->c; /* where the panel's sides are 1 */
    double length = hypot(a, b), px = -a / length * (c / length), py = -b / length * (c / length);
    separate(d);
    nn_print(d->s, "[t=-2:2] '+' using (%.9g%+.9g*t):(%.9g%+.9g*t) with lines", mx + px * sx, -b / length * sx,
             my + py * sy, a / length * sy);
    put_line_style(d, 2.5);
    put_title(d);
}

static double point_size(size_t count)
{
    return count > 4000 ? 0.3 : count > 1000 ? 0.5 : count > 100 ? 0.9 : count > 20 ? 1.3 : 2.2;
}

static void draw_points(drawing *d)
{
    separate(d);
    nn_print(d->s, "$%s using 1:2 with points pointtype %d pointsize %g linecolor '%s'", d->name,
             TURN(markers, d->lines), point_size(d->item->rows), nn_plot_colour(d->lines));
    d->lines++;
    put_title(d);
}

static size_t class_count(const nn_item *i)
{
    double last = 0;
    for (size_t r = 0; r < i->rows; r++)
        last = fmax(last, nn_item_row(i, r)[i->columns - 1]);
    return (size_t)last + 1;
}

/* The points of a class at a time; in the legend they are large enough to be told apart. */
static void draw_classes(drawing *d)
{
    const nn_item *i = d->item;
    for (size_t k = 0; k < class_count(i); k++) {
        char style[64];
        snprintf(style, sizeof style, "pointtype %d linecolor '%s'", TURN(markers, k), nn_plot_colour(k));
        separate(d);
        nn_print(d->s, "$%s using ", d->name);
        nn_print(d->s, i->columns == 4 ? "1:2:($4==%zu?$3:NaN)" : "1:($3==%zu?$2:NaN)", k);
        nn_print(d->s, " with points %s pointsize %g notitle", style, point_size(i->rows));
        separate(d);
        nn_print(d->s, "keyentry with points %s pointsize 1.3 title ", style);
        put_class(d, "class ", k);
    }
}

static void draw_grid(drawing *d, const char *style)
{
    double side = d->item->kind == NN_ITEM_SURFACE ? NN_PLOT_MESH - 1 : NN_PLOT_SIDE - 1;
    separate(d);
    nn_print(d->s, "$%s matrix using (%.9g+$1*%.9g):(%.9g+$2*%.9g):3 with %s", d->name, d->range->x[0],
             (d->range->x[1] - d->range->x[0]) / side, d->range->y[0], (d->range->y[1] - d->range->y[0]) / side, style);
}

static void draw_regions(drawing *d)
{
    draw_grid(d, "image notitle");
    if (d->item->output != 1)
        return;
    separate(d);
    nn_print(d->s, "$l%s using 1:2 with lines linewidth 2 linecolor '#202020' title \"%s = %g\"", d->name,
             d->item->b != 0 || d->item->a == 0.5 ? "p" : "output", d->item->b != 0 ? 0.5 : d->item->a);
    d->lines++;
}

static void draw_surface(drawing *d)
{
    draw_grid(d, "lines");
    nn_print(d->s, " linewidth 0.8 linecolor '%s'", nn_plot_colour(2));
    put_title(d);
}

static void draw_bars(drawing *d)
{
    double width = 0.8 / (double)d->bar_kinds;
    double shift = ((double)d->bars - 0.5 * (double)(d->bar_kinds - 1)) * width;
    separate(d);
    nn_print(d->s, "$%s using ($0%+.9g):1:(%.9g) with boxes fillstyle solid 0.9 linecolor '%s'", d->name, shift,
             0.94 * width, nn_plot_colour(d->bars));
    d->bars++;
    put_title(d);
}

static void draw_histogram(drawing *d)
{
    separate(d);
    nn_print(d->s, "$%s using 1:2:3 with boxes fillstyle transparent solid 0.55 linecolor '%s'", d->name,
             nn_plot_colour(d->bars++));
    put_title(d);
}

/* Numbers are white on dark cells. */
static void draw_confusion(drawing *d)
{
    const nn_item *i = d->item;
    nn_print(d->s, "array row[%zu]\n", i->rows);
    for (size_t r = 0; r < i->rows; r++) {
        double sum = 0;
        for (size_t c = 0; c < i->columns; c++) {
            const double v = nn_item_row(i, r)[c];
            sum += isfinite(v) ? v : 0; /* what is not finite leaves a gap */
        }
        nn_print(d->s, "row[%zu] = %.9g\n", r + 1, sum > 0 && isfinite(sum) ? sum : 1);
    }
    separate(d);
    nn_print(d->s, "$%s matrix using 1:2:($3/row[int($2)+1]) with image notitle", d->name);
    for (int dark = 0; dark < 2; dark++) {
        separate(d);
        nn_print(d->s,
                 "$%s matrix using 1:2:($3/row[int($2)+1] %s 0.5 ? sprintf('%%g', $3) : '') with labels "
                 "textcolor '%s' notitle",
                 d->name, dark ? ">" : "<=", dark ? "#FFFFFF" : "#202020");
    }
}

static void draw_images(drawing *d)
{
    separate(d);
    nn_print(d->s, "$%s matrix using 1:2:3 with image notitle", d->name);
}

static void draw(drawing *d)
{
    switch (d->item->kind) {
    case NN_ITEM_REGIONS:
        draw_regions(d);
        break;
    case NN_ITEM_MAP:
        draw_grid(d, "image notitle");
        break;
    case NN_ITEM_CONFUSION:
        draw_confusion(d);
        break;
    case NN_ITEM_GRID:
        draw_images(d);
        break;
    case NN_ITEM_SURFACE:
        draw_surface(d);
        break;
    case NN_ITEM_BARS:
        draw_bars(d);
        break;
    case NN_ITEM_HISTOGRAM:
        draw_histogram(d);
        break;
    case NN_ITEM_POINTS:
        draw_points(d);
        break;
    case NN_ITEM_CLASSES:
        draw_classes(d);
        break;
    case NN_ITEM_CURVE:
        draw_curve(d);
        break;
    case NN_ITEM_LINE:
        draw_line(d);
        break;
    case NN_ITEM_BOUNDARY:
    case NN_ITEM_CONTOUR:
        draw_contour(d);
        break;
    case NN_ITEM_KINDS:
        break;
    }
}

/* ---- the panel */

static void look_around(drawing *d)
{
    for (const nn_item *i = d->panel->first; i; i = i->next) {
        d->plane |= i->kind == NN_ITEM_CLASSES || i->kind == NN_ITEM_REGIONS || i->kind == NN_ITEM_MAP;
        d->bar_kinds += i->kind == NN_ITEM_BARS;
        if (i->kind <= NN_ITEM_GRID)
            put_palette(d, i);
    }
}

void nn_script_panel(nn_output *s, const nn_panel *panel, int number, const nn_range *range)
{
    drawing d = { .s = s, .panel = panel, .range = range };
    nn_script_axes(s, panel, range);
    look_around(&d);
    for (int kind = 0; kind < NN_ITEM_KINDS; kind++) {
        int k = 0;
        for (d.item = panel->first; d.item; d.item = d.item->next, k++) {
            snprintf(d.name, sizeof d.name, "p%d_%d", number, k);
            if ((int)d.item->kind == kind && (d.item->rows || kind == NN_ITEM_LINE))
                draw(&d);
        }
    }
    nn_print(s, "\n");
}
