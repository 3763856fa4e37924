/* Pictures: their panels, and what is given to be drawn there. */
#include "nn/plot_internal.h"
#include <math.h>
#include <string.h>

/* ---- the picture */

bool nn_plot_usable(const nn_plot *p)
{
    return p && !ag_error(p->t);
}

nn_plot *nn_plot_new(ag_tape *t, nn_plot_config config)
{
    enum { COLUMNS = 16, LEAST = 100, MOST = 10000 };
    const int sides[] = { config.width, config.height };
    if (!t)
        return NULL;
    if (config.columns < 0 || config.columns > COLUMNS) {
        ag_fail(t, AG_EARG, "nn_plot_new: %d columns of panels, not 1 to %d", config.columns, COLUMNS);
        return NULL;
    }
    for (int i = 0; i < 2; i++)
        if (sides[i] && (sides[i] < LEAST || sides[i] > MOST)) {
            ag_fail(t, AG_EARG, "nn_plot_new: a picture of %d x %d pixels; a side has %d to %d", config.width,
                    config.height, LEAST, MOST);
            return NULL;
        }
    nn_plot *p = ag_tape_allocate(t, sizeof *p);
    if (p)
        *p = (nn_plot){ .t = t, .config = config };
    return p;
}

ag_tape *nn_plot_tape(const nn_plot *p)
{
    return p ? p->t : NULL;
}

static void free_item(nn_item *i)
{
    nn_memory_free(&i->name);
    nn_memory_free(&i->values);
    nn_memory_free(&i->captions);
}

static void free_panel(nn_panel *panel)
{
    nn_memory *const texts[] = { &panel->title, &panel->x_title, &panel->y_title, &panel->z_title, &panel->names };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        nn_memory_free(texts[i]);
}

void nn_plot_discard(nn_plot *p)
{
    for (nn_panel *panel = p ? p->first : NULL, *next; panel; panel = next) {
        next = panel->next;
        for (nn_item *i = panel->first, *behind; i; i = behind) {
            behind = i->next;
            free_item(i);
            ag_tape_deallocate(p->t, i);
        }
        free_panel(panel);
        ag_tape_deallocate(p->t, panel);
    }
    if (p)
        ag_tape_deallocate(p->t, p);
}

/* ---- panels */

bool nn_plot_text(ag_tape *t, nn_memory *m, const char *text)
{
    size_t length = text ? strlen(text) + 1 : 0;
    if (!nn_memory_grow(t, m, length))
        return false;
    m->size = 0;
    return nn_memory_add(t, m, text, length);
}

static bool same(const nn_memory *m, const char *text)
{
    return !strcmp(nn_text(m), text ? text : "");
}

static nn_panel *find_panel(const nn_plot *p, const char *title, const char *x_title, const char *y_title)
{
    for (nn_panel *panel = title || x_title || y_title ? p->first : NULL; panel; panel = panel->next)
        if (same(&panel->title, title) && same(&panel->x_title, x_title) && same(&panel->y_title, y_title))
            return panel;
    return NULL;
}

ag_status nn_plot_panel(nn_plot *p, const char *title, const char *x_title, const char *y_title)
{
    if (!nn_plot_usable(p))
        return nn_plot_status(p);
    nn_panel *panel = find_panel(p, title, x_title, y_title);
    if (panel) {
        p->current = panel;
        return AG_OK;
    }
    panel = ag_tape_allocate(p->t, sizeof *panel);
    if (!panel)
        return nn_plot_status(p);
    if (!nn_plot_text(p->t, &panel->title, title) || !nn_plot_text(p->t, &panel->x_title, x_title) ||
        !nn_plot_text(p->t, &panel->y_title, y_title)) {
        free_panel(panel);
        ag_tape_deallocate(p->t, panel);
        return nn_plot_status(p);
    }
    if (p->last)
        p->last->next = panel;
    else
        p->first = panel;
    p->last = p->current = panel;
    return AG_OK;
}

static bool has_panel(const nn_plot *p, const char *who)
{
    if (p->current)
        return true;
    ag_fail(p->t, AG_EUSE, "%s: the picture has no panel yet; nn_plot_panel makes one", who);
    return false;
}

/* Both zero, or an interval. */
static bool is_interval(const nn_plot *p, const double *v, bool logarithmic, char axis)
{
    if ((v[0] == 0 && v[1] == 0) || (isfinite(v[0]) && isfinite(v[1]) && v[0] < v[1] && !(logarithmic && v[0] <= 0)))
        return true;
    ag_fail(p->t, AG_EARG, "nn_plot_axes: %c from %g to %g is no interval%s", axis, v[0], v[1],
            logarithmic ? " above 0, as a logarithmic axis needs" : "");
    return false;
}

ag_status nn_plot_axes(nn_plot *p, nn_plot_axes_config config)
{
    if (!nn_plot_usable(p) || !has_panel(p, "nn_plot_axes"))
        return nn_plot_status(p);
    if (is_interval(p, config.x, config.log_x, 'x') && is_interval(p, config.y, config.log_y, 'y') &&
        is_interval(p, config.z, false, 'z') && nn_plot_text(p->t, &p->current->z_title, config.z_title)) {
        p->current->axes = config;
        p->current->axes.z_title = NULL; /* the caller's; the text is kept */
    }
    return nn_plot_status(p);
}

ag_status nn_plot_names(nn_plot *p, nn_classes names)
{
    if (!nn_plot_usable(p) || !has_panel(p, "nn_plot_names"))
        return nn_plot_status(p);
    if (!names.name || names.count < 0)
        return ag_fail(p->t, AG_ENULL, "nn_plot_names: there are no names");
    nn_panel *panel = p->current;
    panel->names.size = panel->name_count = 0;
    for (int64_t i = 0; i < names.count; i++) {
        const char *name = names.name[i] ? names.name[i] : "";
        if (!nn_memory_add(p->t, &panel->names, name, strlen(name) + 1))
            break;
        panel->name_count++;
    }
    return nn_plot_status(p);
}

/* ---- things in a panel */

/* What fills the panel with colours, of which there is one. */
static bool fills(nn_item_kind kind)
{
    return kind <= NN_ITEM_GRID;
}

/* What has rows and columns for axes. */
static bool tabular(nn_item_kind kind)
{
    return kind == NN_ITEM_CONFUSION || kind == NN_ITEM_GRID;
}

static bool spatial(nn_item_kind kind)
{
    return kind == NN_ITEM_SURFACE || kind == NN_ITEM_CLASSES;
}

static bool goes_with(const nn_plot *p, nn_item_kind kind, const char *who)
{
    const char *wrong = NULL;
    for (const nn_item *i = p->current->first; i && !wrong; i = i->next) {
        bool flat = !spatial(i->kind) || (i->kind == NN_ITEM_CLASSES && i->rows && i->columns == 3);
        if (fills(kind) && fills(i->kind) && i->kind != kind)
            wrong = "regions, a map, a matrix or images fill it already";
        else if (tabular(i->kind) != tabular(kind))
            wrong = "a matrix or images stand alone";
        else if (kind == NN_ITEM_SURFACE && flat)
            wrong = "what is there has two axes, a surface three";
        else if (!spatial(kind) && nn_panel_in_space(p->current))
            wrong = "it has three axes, for surfaces and points [n,3] alone";
    }
    if (wrong)
        ag_fail(p->t, AG_EUSE, "%s: panel '%s': %s", who, nn_text(&p->current->title), wrong);
    return !wrong;
}

nn_item *nn_plot_item(nn_plot *p, nn_item_kind kind, const char *name, const char *who)
{
    if (!has_panel(p, who))
        return NULL;
    for (nn_item *i = p->current->first; i; i = i->next)
        if (i->kind == kind && same(&i->name, name))
            return i;
    if (!goes_with(p, kind, who))
        return NULL;
    nn_item *i = ag_tape_allocate(p->t, sizeof *i);
    if (!i)
        return NULL;
    if (!nn_plot_text(p->t, &i->name, name)) {
        free_item(i);
        ag_tape_deallocate(p->t, i);
        return NULL;
    }
    i->kind = kind;
    if (p->current->last)
        p->current->last->next = i;
    else
        p->current->first = i;
    p->current->last = i;
    return i;
}

double *nn_item_room(nn_plot *p, nn_item *i, size_t rows, size_t columns)
{
    if (rows > SIZE_MAX / sizeof(double) / columns) {
        ag_fail(p->t, AG_ELIMIT, "nn_plot: %zu rows of values are too many", rows);
        return NULL;
    }
    size_t bytes = rows * columns * sizeof(double);
    if (!nn_memory_grow(p->t, &i->values, bytes))
        return NULL;
    i->values.size = bytes;
    i->rows = rows;
    i->columns = columns;
    return (double *)(void *)i->values.at;
}

/* ---- numbers */

/* The columns of a curve, or the one of bars. x NULL: a curve's is 0, 1, 2, ... */
static ag_status put_numbers(nn_plot *p, const char *who, nn_item_kind kind, const char *name, const double *x,
                             const double *y, size_t count)
{
    if (!nn_plot_usable(p))
        return nn_plot_status(p);
    if (!y)
        return ag_fail(p->t, AG_ENULL, "%s: the values of '%s' are absent", who, name ? name : "");
    if (count == 0)
        return ag_fail(p->t, AG_EARG, "%s: '%s' has no values", who, name ? name : "");
    const size_t columns = kind == NN_ITEM_CURVE ? 2 : 1;
    nn_item *i = nn_plot_item(p, kind, name, who);
    double *to = i ? nn_item_room(p, i, count, columns) : NULL;
    for (size_t k = 0; to && k < count; k++) {
        if (columns == 2)
            *to++ = x ? x[k] : (double)k;
        *to++ = y[k];
    }
    return nn_plot_status(p);
}

ag_status nn_plot_curve(nn_plot *p, const char *name, const double *y, size_t count)
{
    return put_numbers(p, "nn_plot_curve", NN_ITEM_CURVE, name, NULL, y, count);
}

ag_status nn_plot_curve_at(nn_plot *p, const char *name, const double *x, const double *y, size_t count)
{
    return put_numbers(p, "nn_plot_curve_at", NN_ITEM_CURVE, name, x, x ? y : NULL, count);
}

ag_status nn_plot_add(nn_plot *p, const char *name, double x, double y)
{
    const double point[] = { x, y };
    if (!nn_plot_usable(p))
        return nn_plot_status(p);
    nn_item *i = nn_plot_item(p, NN_ITEM_CURVE, name, "nn_plot_add");
    if (i && nn_memory_add(p->t, &i->values, point, sizeof point)) {
        i->rows++;
        i->columns = 2;
    }
    return nn_plot_status(p);
}

ag_status nn_plot_bars(nn_plot *p, const char *name, const double *values, size_t count)
{
    return put_numbers(p, "nn_plot_bars", NN_ITEM_BARS, name, NULL, values, count);
}

ag_status nn_plot_line(nn_plot *p, const char *name, double a, double b, double c)
{
    if (!nn_plot_usable(p))
        return nn_plot_status(p);
    const double most = fmax(fabs(a), fabs(b)); /* by which all are divided, as squares of them need not be numbers */
    if (!isfinite(a) || !isfinite(b) || !(most > 0) || !isfinite(c / most))
        return ag_fail(p->t, AG_EARG, "nn_plot_line: %g x + %g y + %g = 0 is no line", a, b, c);
    nn_item *i = nn_plot_item(p, NN_ITEM_LINE, name, "nn_plot_line");
    if (i) {
        i->a = a / most;
        i->b = b / most;
        i->c = c / most;
    }
    return nn_plot_status(p);
}

/* ---- functions */

static ag_status put_module(nn_plot *p, const char *who, nn_item_kind kind, const char *name, nn_module *m, int output,
                            double level)
{
    if (!nn_plot_usable(p) || !nn_usable(m, p->t, who))
        return nn_plot_status(p);
    if (m->tape != p->t)
        return ag_fail(p->t, AG_EUSE, "%s: module '%s' belongs to another tape than the picture", who, m->name);
    if (!isfinite(level) || output < 0)
        return ag_fail(p->t, AG_EARG, "%s: output %d at level %g", who, output, level);
    nn_item *i = nn_plot_item(p, kind, name, who);
    if (i) {
        i->module = m;
        i->output = output;
        i->a = level;
    }
    return nn_plot_status(p);
}

/* The level of a logit is 0, of which regions are shaded otherwise: b says so. */
static ag_status put_regions(nn_plot *p, const char *who, nn_module *m, double level, bool logit)
{
    ag_status s = put_module(p, who, NN_ITEM_REGIONS, NULL, m, 0, level);
    for (nn_item *i = s || !p->current ? NULL : p->current->first; i; i = i->next) /* a handler may have cleared s */
        if (i->kind == NN_ITEM_REGIONS)
            i->b = logit;
    return s;
}

ag_status nn_plot_regions(nn_plot *p, nn_module *m)
{
    return put_regions(p, "nn_plot_regions", m, 0, true);
}

ag_status nn_plot_regions_at(nn_plot *p, nn_module *m, double level)
{
    return put_regions(p, "nn_plot_regions_at", m, level, false);
}

ag_status nn_plot_map(nn_plot *p, nn_module *m, int output)
{
    return put_module(p, "nn_plot_map", NN_ITEM_MAP, NULL, m, output, 0);
}

ag_status nn_plot_boundary(nn_plot *p, const char *name, nn_module *m, double level)
{
    return put_module(p, "nn_plot_boundary", NN_ITEM_BOUNDARY, name, m, 0, level);
}

static ag_status put_function(nn_plot *p, const char *who, nn_item_kind kind, const char *name, nn_plot_function *f,
                              const void *user, double level)
{
    if (!nn_plot_usable(p))
        return nn_plot_status(p);
    if (!f)
        return ag_fail(p->t, AG_ENULL, "%s: the function is absent", who);
    if (!isfinite(level))
        return ag_fail(p->t, AG_EARG, "%s: the level is %g", who, level);
    nn_item *i = nn_plot_item(p, kind, name, who);
    if (i) {
        i->f = f;
        i->user = user;
        i->a = level;
    }
    return nn_plot_status(p);
}

ag_status nn_plot_contour(nn_plot *p, const char *name, nn_plot_function *f, const void *user, double level)
{
    return put_function(p, "nn_plot_contour", NN_ITEM_CONTOUR, name, f, user, level);
}

ag_status nn_plot_surface(nn_plot *p, const char *name, nn_plot_function *f, const void *user)
{
    return put_function(p, "nn_plot_surface", NN_ITEM_SURFACE, name, f, user, 0);
}
