/* The script that gnuplot draws a picture from: text and numbers in its language, the values, the panels' places. */
#include "nn/plot_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- printing */

void nn_script_number(nn_output *s, double v, int digits)
{
    if (isfinite(v))
        nn_print(s, " %.*g", digits, v);
    else
        nn_print(s, " NaN");
}

/* One character of a text between double quotes, in which gnuplot runs what stands between backquotes. With `marked`
 * the text is one in which {}^_@&~ have a meaning. How long it is. */
static int put_character(nn_output *s, const char *at, bool marked)
{
    int length = nn_utf8_length(at);
    if (*at == '\n')
        nn_print(s, "\\n");
    else if (!length || (unsigned char)*at < 0x20)
        nn_print(s, length ? " " : "?");
    else if (*at == '`')
        nn_print(s, "\\140");
    else if (*at == '"')
        nn_print(s, "\\\"");
    else if (*at == '\\')
        nn_print(s, marked ? "\\\\\\\\" : "\\\\");
    else if (marked && strchr("{}^_@&~", *at))
        nn_print(s, "\\\\%c", *at);
    else
        nn_print(s, "%.*s", length, at);
    return length ? length : 1;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '_';
}

/* How long the index is of which the _ or ^ stands at `at`; 0: it is none. An index of letters has one, its base is a single
 * letter, perhaps with another index; an exponent may also stand behind a bracket or a number. */
static size_t index_at(const char *text, const char *at)
{
    size_t digits = 0;
    while (is_digit(at[1 + digits]))
        digits++;
    if (at == text || (*at != '_' && *at != '^'))
        return 0;
    if (*at == '^')
        return is_word(at[1 + digits]) || !(is_word(at[-1]) || at[-1] == ')') ? 0 : digits;
    if (!digits && is_letter(at[1]))
        digits = 1;
    return !is_letter(at[-1]) || (at - text > 1 && is_word(at[-2])) || is_word(at[1 + digits]) ? 0 : digits;
}

static void put_string(nn_output *s, const char *text, bool marked)
{
    nn_print(s, "\"");
    for (const char *at = text; *at;) {
        size_t index = marked ? index_at(text, at) : 0;
        if (index)
            nn_print(s, "%c{%.*s}", *at, (int)index, at + 1);
        at += index ? 1 + (int)index : put_character(s, at, marked);
    }
    nn_print(s, "\"");
}

void nn_script_quote(nn_output *s, const char *text)
{
    bool marked = false;
    for (const char *at = text; *at && !marked; at++)
        marked = index_at(text, at) > 0;
    put_string(s, text, marked);
    nn_print(s, marked ? " enhanced" : " noenhanced");
}

void nn_script_string(nn_output *s, const char *text)
{
    put_string(s, text, false);
}

const char *nn_plot_colour(size_t number)
{
    static const char colours[][8] = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
                                       "#56B4E9", "#202020", "#F0E442", "#999999", "#882255" };
    return colours[number % (sizeof colours / sizeof *colours)];
}

/* ---- values */

static void put_rows(nn_output *s, const nn_item *i)
{
    const int digits = nn_plane_asked(i) ? 5 : 9;
    for (size_t r = 0; r < i->rows && !s->failed; r++) {
        for (size_t c = 0; c < i->columns; c++)
            nn_script_number(s, nn_item_row(i, r)[c], digits);
        nn_print(s, "\n");
    }
}

/* A grid of images as one matrix, in which NaN is what lies between them. A small image's pixels are repeated, so that
 * the space is not as wide as an image. */
static void put_images(nn_output *s, const nn_item *i)
{
    nn_tiles g = nn_plot_tiles(i);
    for (size_t y = 0; y < g.height && !s->failed; y++) {
        for (size_t x = 0; x < g.width; x++) {
            size_t column = x / g.step_x, row = y / g.step_y, image = row * g.across + column;
            size_t px = x % g.step_x, py = y % g.step_y;
            bool inside = image < i->rows && px < g.image_x && py >= g.step_y - g.image_y;
            py -= inside ? g.step_y - g.image_y : 0;
            size_t pixel = py / g.scale * (size_t)i->image.dim[1] + px / g.scale;
            nn_script_number(s, inside ? nn_item_row(i, image)[pixel] : NAN, 5);
        }
        nn_print(s, "\n");
    }
}

/* Where the values of a grid are at the level, as $lNAME. */
static void put_contour(nn_output *s, const char *name, const nn_range *range, double level)
{
    double step_x = (range->x[1] - range->x[0]) / (NN_PLOT_SIDE - 1);
    double step_y = (range->y[1] - range->y[0]) / (NN_PLOT_SIDE - 1);
    nn_print(s,
             "set contour base\nset cntrparam levels discrete %.9g\nunset surface\nset table $l%s\n"
             "splot $%s matrix using (%.9g+$1*%.9g):(%.9g+$2*%.9g):3\n"
             "unset table\nset surface\nunset contour\n",
             level, name, name, range->x[0], step_x, range->y[0], step_y);
}

static void put_values(nn_output *s, const nn_item *i, const char *name, const nn_range *range)
{
    if (!i->rows)
        return;
    nn_print(s, "$%s << END\n", name);
    if (i->kind == NN_ITEM_GRID)
        put_images(s, i);
    else
        put_rows(s, i);
    nn_print(s, "END\n");
    if (i->kind == NN_ITEM_REGIONS && i->output == 1)
        put_contour(s, name, range, 0.5);
    else if (i->kind == NN_ITEM_BOUNDARY || i->kind == NN_ITEM_CONTOUR)
        put_contour(s, name, range, i->a);
}

/* ---- checking */

/* A curve's x says nothing, nor do labels. */
static bool has_finite(const nn_item *i)
{
    for (size_t k = 0; k < i->rows * i->columns; k++) {
        size_t column = k % i->columns;
        bool counts = i->kind == NN_ITEM_CURVE ? column > 0 : i->kind != NN_ITEM_CLASSES || column + 1 < i->columns;
        if (counts && isfinite(((const double *)(const void *)i->values.at)[k]))
            return true;
    }
    return i->rows == 0;
}

static bool is_drawable(const nn_plot *p, const nn_panel *panel)
{
    const char *title = nn_text(&panel->title);
    bool any = false;
    for (const nn_item *i = panel->first; i; i = i->next) {
        any |= i->rows || i->kind == NN_ITEM_LINE;
        if (!has_finite(i)) {
            ag_fail(p->t, AG_EVALUE, "nn_plot_save: panel '%s': none of the values%s%s%s is finite", title,
                    i->name.size ? " of '" : "", nn_text(&i->name), i->name.size ? "'" : "");
            return false;
        }
    }
    if (!any)
        ag_fail(p->t, AG_EUSE, "nn_plot_save: there is nothing in panel '%s'", title);
    return any;
}

/* The column of an item's values that lies on axis 0 or 1; -1: there is none, or another. */
static int column_on(const nn_item *i, int axis)
{
    if (i->kind == NN_ITEM_BARS)
        return axis - 1;
    return i->kind == NN_ITEM_POINTS || i->kind == NN_ITEM_CLASSES || i->kind == NN_ITEM_CURVE ? axis : -1;
}

/* Can the axis be logarithmic? */
static bool is_above_zero(const nn_plot *p, const nn_panel *panel, const nn_range *range, int axis)
{
    const double *plane = axis ? range->y : range->x;
    double largest = -INFINITY;
    for (const nn_item *i = panel->first; i; i = i->next)
        for (size_t r = 0; r < i->rows; r++) {
            const int column = column_on(i, axis);
            largest = fmax(largest, column < 0 ? INFINITY : nn_item_row(i, r)[column]);
        }
    if (plane[0] < plane[1] && plane[0] <= 0)
        ag_fail(p->t, AG_EVALUE,
                "nn_plot_save: panel '%s': the %c axis is logarithmic and would begin at %g; nn_plot_axes says where",
                nn_text(&panel->title), "xy"[axis], plane[0]);
    else if (largest > -INFINITY && largest <= 0)
        ag_fail(p->t, AG_EVALUE,
                "nn_plot_save: panel '%s': the %c axis is logarithmic and needs values above 0; the largest is %g",
                nn_text(&panel->title), "xy"[axis], largest);
    return !ag_error(p->t);
}

/* ---- the whole */

static void put_head(nn_plot *p, nn_output *s, const char *path, int rows, int columns)
{
    enum { WIDTH = 700, HEIGHT = 560 };
    int width = p->config.width ? p->config.width : columns * WIDTH;
    int height = p->config.height ? p->config.height : rows * HEIGHT;
    int across = width / columns, high = height / rows * WIDTH / HEIGHT; /* of a panel, as wide as it is high */
    int font = (across < high ? across : high) / 45;
    font = font < 8 ? 8 : font > 15 ? 15 : font;
    nn_print(s, "# gnuplot draws the picture from this script, which may be changed\nset encoding utf8\n");
    if (!strcmp(strrchr(path, '.'), ".svg"))
        nn_print(s, "set terminal svg size %d,%d font 'sans,%d' linewidth 1.3 background '#ffffff'\n", width, height,
                 font);
    else
        nn_print(s,
                 "if (strstrt(GPVAL_TERMINALS, 'pngcairo')) {\n"
                 "    set terminal pngcairo size %d,%d font 'sans,%d' linewidth 1.3\n"
                 "} else {\n    set terminal png size %d,%d font 'sans,%d' linewidth 2\n}\n",
                 width, height, font, width, height, font);
    nn_print(s, "set output ARGC > 0 ? ARG1 : ");
    nn_print(s, strchr("|<-~", *path) ? "'./' . " : ""); /* to gnuplot these are no names */
    nn_script_string(s, path);
    nn_print(s, "\n");
}

/* Asks the functions of the plane, and writes the values of all. */
static bool put_panel_values(nn_plot *p, nn_output *s, const nn_panel *panel, int number, nn_range *range)
{
    bool plane = false;
    int k = 0;
    for (const nn_item *i = panel->first; i; i = i->next)
        plane |= nn_plane_asked(i) || i->kind == NN_ITEM_LINE;
    *range = (nn_range){ 0 };
    if (plane && !nn_plane_range(p, panel, range))
        return false;
    for (nn_item *i = panel->first; i; i = i->next)
        if (nn_plane_asked(i) && !nn_plane_ask(p, i, range, i->kind == NN_ITEM_SURFACE ? NN_PLOT_MESH : NN_PLOT_SIDE))
            return false;
    if (!is_drawable(p, panel) || (panel->axes.log_x && !is_above_zero(p, panel, range, 0)) ||
        (panel->axes.log_y && !is_above_zero(p, panel, range, 1)))
        return false;
    for (nn_item *i = panel->first; i; i = i->next) {
        char name[32];
        snprintf(name, sizeof name, "p%d_%d", number, k++);
        put_values(s, i, name, range);
    }
    return !s->failed;
}

static bool put_all(nn_plot *p, nn_output *s, const char *path)
{
    int panels = 0, columns = p->config.columns ? p->config.columns : 1, number = 0;
    nn_memory ranges = { 0 };
    nn_range range;
    for (const nn_panel *panel = p->first; panel; panel = panel->next)
        panels++;
    columns = columns < panels ? columns : panels;
    int rows = (panels + columns - 1) / columns;
    bool good = true;
    put_head(p, s, path, rows, columns);
    for (const nn_panel *panel = p->first; panel && good; panel = panel->next)
        good = put_panel_values(p, s, panel, number++, &range) && nn_memory_add(p->t, &ranges, &range, sizeof range);
    nn_print(s, "set multiplot layout %d,%d\n", rows, columns);
    number = 0;
    for (const nn_panel *panel = p->first; panel && good; panel = panel->next, number++)
        nn_script_panel(s, panel, number, (const nn_range *)(const void *)ranges.at + number);
    nn_print(s, "unset multiplot\n");
    nn_memory_free(&ranges);
    return good && !s->failed;
}

bool nn_plot_script(nn_plot *p, nn_output *s, const char *path)
{
    const bool good = nn_output_begin(s, p->t, "nn_plot_save") && put_all(p, s, path);
    nn_output_end(s);
    return good;
}
