/* The axes of a panel, its titles, and what is written on it. */
#include "nn/plot_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- texts */

/* Text k of those that stand one behind the other; "" beyond the last. */
const char *nn_text_at(const nn_memory *m, size_t k)
{
    const char *at = (const char *)m->at, *end = at + m->size;
    while (k-- && at < end)
        at += strlen(at) + 1;
    return m->size && at < end ? at : "";
}

static void put_setting(nn_output *s, const char *what, const char *text)
{
    nn_print(s, "set %s ", what);
    nn_script_quote(s, text);
    nn_print(s, "\n");
}

/* Text as tics have it: in them nothing is marked up. Below an axis many letters stand aslant. */
static void put_tics(nn_output *s, const nn_panel *panel, char axis, size_t count)
{
    enum { LETTERS = 45 };
    bool aslant = axis == 'x' && panel->name_count && panel->names.size > LETTERS;
    nn_print(s, "set %ctics noenhanced %s (", axis, aslant ? "rotate by 40 right" : "norotate");
    for (size_t k = 0; k < count; k++) {
        char number[32];
        const char *name = nn_text_at(&panel->names, k);
        snprintf(number, sizeof number, "%zu", k);
        nn_print(s, k ? ", " : "");
        nn_script_string(s, k < panel->name_count && *name ? name : number);
        nn_print(s, " %zu", k);
    }
    nn_print(s, ")\n");
}

/* ---- axes */

static void put_range(nn_output *s, char axis, const double *wanted, const double *range, const char *otherwise)
{
    if (wanted[0] < wanted[1])
        nn_print(s, "set %crange [%.9g:%.9g] noreverse\n", axis, wanted[0], wanted[1]);
    else if (range[0] < range[1])
        nn_print(s, "set %crange [%.9g:%.9g] noreverse\n", axis, range[0], range[1]);
    else
        nn_print(s, "set %crange %s noreverse\n", axis, otherwise);
}

/* Back to what holds for every panel. */
static void put_usual(nn_output *s)
{
    nn_print(s, "unset logscale\nunset label\nunset colorbox\nset size noratio\nset border 3 linecolor '#606060'\n"
                "set tics nomirror textcolor '#202020'\nset xtics autofreq norotate\nset ytics autofreq\n"
                "set grid linetype 1 linecolor '#D8D8D8' linewidth 0.7\nset format '%%h'\nset offsets 0,0,0,0\n"
                "set key outside top center horizontal Left reverse samplen 2.5 width 1 height 0.4\n");
}

static bool has(const nn_panel *panel, nn_item_kind kind)
{
    for (const nn_item *i = panel->first; i; i = i->next)
        if (i->kind == kind)
            return true;
    return false;
}

static void put_captions(nn_output *s, const nn_item *grid)
{
    nn_tiles g = nn_plot_tiles(grid);
    for (size_t k = 0; k < grid->rows && grid->captions.size; k++) {
        double x = (double)(k % g.across * g.step_x) + 0.5 * (double)g.image_x;
        double y = (double)(k / g.across * g.step_y) + 0.5 * (double)(g.step_y - g.image_y);
        nn_print(s, "set label ");
        nn_script_quote(s, nn_text_at(&grid->captions, k));
        nn_print(s, " at %.9g,%.9g center font ',11'\n", x - 0.5, y - 0.5);
    }
}

/* Rows are counted from the top. */
static void put_matrix_axes(nn_output *s, const nn_panel *panel, const nn_item *i)
{
    if (i->kind == NN_ITEM_CONFUSION) {
        put_tics(s, panel, 'x', i->rows);
        put_tics(s, panel, 'y', i->rows);
        nn_print(
            s, "set size ratio -1\nunset grid\nset xrange [-0.5:%zu.5] noreverse\nset yrange [%zu.5:-0.5] noreverse\n",
            i->rows - 1, i->rows - 1);
    } else {
        nn_tiles g = nn_plot_tiles(i);
        nn_print(s,
                 "set size ratio -1\nunset xtics\nunset ytics\nunset border\nunset grid\nset key off\n"
                 "set xrange [-0.5:%zu.5] noreverse\nset yrange [%zu.5:-0.5] noreverse\n",
                 g.width - 1, g.height - 1);
        put_captions(s, i);
    }
}

static void put_bar_axes(nn_output *s, const nn_panel *panel)
{
    bool negative = false;
    size_t count = 0;
    for (const nn_item *i = panel->first; i; i = i->next) {
        count = i->kind == NN_ITEM_BARS && i->rows > count ? i->rows : count;
        for (size_t k = 0; i->kind == NN_ITEM_BARS && k < i->rows; k++)
            negative |= nn_item_row(i, k)[0] < 0;
    }
    if (count) {
        put_tics(s, panel, 'x', count);
        nn_print(s, "set xrange [-0.6:%.9g]\n", (double)count - 0.4);
    }
    if (!(panel->axes.y[0] < panel->axes.y[1]) && !negative)
        nn_print(s, "set yrange [0:*]\nset offsets 0,0,graph 0.05,0\n");
}

/* In space the tics of an axis come close to each other: some four of them. */
static void put_few_tics(nn_output *s, char axis, const double *range)
{
    const double steps[] = { 1, 2, 5, 10 };
    double wanted = (range[1] - range[0]) / 4, power = pow(10, floor(log10(wanted)));
    int k = 0;
    while (k < 3 && steps[k] * power < wanted)
        k++;
    nn_print(s, "set %ctics %.9g\n", axis, steps[k] * power);
}

void nn_script_axes(nn_output *s, const nn_panel *panel, const nn_range *range)
{
    const nn_plot_axes_config *a = &panel->axes;
    bool curves = has(panel, NN_ITEM_CURVE) && !has(panel, NN_ITEM_POINTS);
    put_usual(s);
    put_setting(s, "title", nn_text(&panel->title));
    put_setting(s, "xlabel", nn_text(&panel->x_title));
    put_setting(s, "ylabel", nn_text(&panel->y_title));
    put_setting(s, "zlabel", nn_text(&panel->z_title));
    put_range(s, 'x', a->x, range->x, "[*:*]");
    put_range(s, 'y', a->y, range->y, "[*:*]");
    put_range(s, 'z', a->z, range->z, "[*:*]");
    if (curves)
        nn_print(s, "set autoscale xfixmin\nset autoscale xfixmax\n");
    else if (has(panel, NN_ITEM_POINTS) || has(panel, NN_ITEM_CLASSES))
        nn_print(s, "set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05\n");
    nn_print(s, "%s%s%s", a->log_x ? "set logscale x\nset format x '10^{%T}'\n" : "",
             a->log_y ? "set logscale y\nset format y '10^{%T}'\n" : "", a->equal ? "set size ratio -1\n" : "");
    if (nn_panel_in_space(panel))
        nn_print(s, "set view 70,25\nset xyplane relative 0\nset zlabel rotate parallel\n"
                    "set key outside bottom center horizontal\nset border 31\nset xtics offset 0,-0.3\nset "
                    "ytics offset 0.3,-0.2\n");
    if (nn_panel_in_space(panel) && range->x[0] < range->x[1]) {
        put_few_tics(s, 'x', range->x);
        put_few_tics(s, 'y', range->y);
    }
    if (has(panel, NN_ITEM_BARS) || has(panel, NN_ITEM_HISTOGRAM))
        put_bar_axes(s, panel);
    for (const nn_item *i = panel->first; i; i = i->next)
        if (i->kind == NN_ITEM_CONFUSION || i->kind == NN_ITEM_GRID)
            put_matrix_axes(s, panel, i);
    if (has(panel, NN_ITEM_REGIONS) || has(panel, NN_ITEM_MAP))
        nn_print(s, "set border 15\nunset grid\nset offsets 0,0,0,0\n");
}
