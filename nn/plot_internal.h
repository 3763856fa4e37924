/* What the files of nn/plot share: a picture as it is kept, and its script while it is written. */
#ifndef NN_PLOT_INTERNAL_H
#define NN_PLOT_INTERNAL_H

#include "nn/internal.h"

enum { NN_PLOT_LABELS = 64, NN_PLOT_CELLS = 1 << 22 };

typedef enum nn_item_kind {
    NN_ITEM_REGIONS, /* in the order in which they are drawn: what covers everything comes first */
    NN_ITEM_MAP,
    NN_ITEM_CONFUSION,
    NN_ITEM_GRID,
    NN_ITEM_SURFACE,
    NN_ITEM_BARS,
    NN_ITEM_HISTOGRAM,
    NN_ITEM_POINTS,
    NN_ITEM_CLASSES,
    NN_ITEM_CURVE,
    NN_ITEM_LINE,
    NN_ITEM_BOUNDARY,
    NN_ITEM_CONTOUR,
    NN_ITEM_KINDS
} nn_item_kind;

typedef struct nn_item { /* something in a panel */
    struct nn_item *next;
    nn_item_kind kind;
    nn_memory name;        /* text with its end */
    nn_memory values;      /* doubles, row by row */
    size_t rows, columns;  /* of the values */
    nn_module *module;     /* of regions, a map, a boundary */
    nn_plot_function *f;   /* of a contour, a surface */
    const void *user;      /* for f */
    double a, b, c;        /* of a line; a: the level */
    int output;            /* of a map; how many values a point has, once it was asked; the classes there are */
    ag_shape image;        /* of a grid */
    size_t images, across; /* how many, and how many side by side; zero: as suits */
    nn_memory captions;    /* texts with their ends, one behind the other */
} nn_item;

typedef struct nn_panel {
    struct nn_panel *next;
    nn_memory title, x_title, y_title, z_title; /* texts with their ends */
    nn_memory names;                            /* the same, one behind the other */
    size_t name_count;
    nn_plot_axes_config axes;
    nn_item *first, *last;
} nn_panel;

struct nn_plot {
    ag_tape *t;
    nn_plot_config config;
    nn_panel *first, *last, *current;
};

static inline const double *nn_item_row(const nn_item *i, size_t row)
{
    return (const double *)(const void *)i->values.at + row * i->columns;
}
static inline const char *nn_text(const nn_memory *m) /* "" for none */
{
    return m->size ? (const char *)m->at : "";
}

/* ---- plot.c */

bool nn_plot_usable(const nn_plot *p); /* is it there, and no error pending? */
static inline ag_status nn_plot_status(const nn_plot *p)
{
    return p ? ag_error(p->t) : AG_ENULL;
}
bool nn_plot_text(ag_tape *t, nn_memory *m, const char *text); /* in place of what it held; NULL: nothing */
/* The thing of this kind and name in the current panel, a new one if there is none; NULL: reported. */
nn_item *nn_plot_item(nn_plot *p, nn_item_kind kind, const char *name, const char *who);
/* Room for so many values, which replace what there was; NULL: reported. */
double *nn_item_room(nn_plot *p, nn_item *i, size_t rows, size_t columns);
void nn_plot_discard(nn_plot *p);                           /* gives all its memory back */
static inline bool nn_panel_in_space(const nn_panel *panel) /* does it have three axes? */
{
    for (const nn_item *i = panel->first; i; i = i->next)
        if (i->kind == NN_ITEM_SURFACE || (i->kind == NN_ITEM_CLASSES && i->columns == 4))
            return true;
    return false;
}

/* ---- plot_data.c */

/* Images side by side, in pixels of the whole: each has `image_x` by `image_y`, its own ones repeated `scale` times, at the
 * lower right end of a tile. */
typedef struct nn_tiles {
    size_t across, down, scale, image_x, image_y, step_x, step_y, width, height;
} nn_tiles;
nn_tiles nn_plot_tiles(const nn_item *grid);

/* ---- plot_plane.c: functions of the plane */

typedef struct nn_range {
    double x[2], y[2], z[2];
} nn_range;
bool nn_plane_asked(const nn_item *i); /* is it a function that is asked when the picture is saved? */
bool nn_plane_range(const nn_plot *p, const nn_panel *panel, nn_range *to); /* what it is asked for; false: reported */
/* Asks it: the values are then those on a grid of `side` by `side` points, y by y. False: reported. */
bool nn_plane_ask(nn_plot *p, nn_item *i, const nn_range *range, size_t side);

/* ---- plot_script.c: the script's text; plot_axes.c: a panel's axes; plot_draw.c: what is drawn in it */

void nn_script_quote(nn_output *s, const char *text);      /* as gnuplot's string, with what says how it is shown */
void nn_script_number(nn_output *s, double v, int digits); /* NaN where it is not finite */
void nn_script_string(nn_output *s, const char *text);     /* as one that is shown as it is */
const char *nn_plot_colour(size_t number);                 /* "#0072B2" */
const char *nn_text_at(const nn_memory *m, size_t k); /* of texts that stand one behind the other; "" beyond the last */
void nn_script_axes(nn_output *s, const nn_panel *panel, const nn_range *range);
void nn_script_panel(nn_output *s, const nn_panel *panel, int number, const nn_range *range);
/* The whole script for a picture. False: reported. */
bool nn_plot_script(nn_plot *p, nn_output *s, const char *path);

enum { NN_PLOT_SIDE = 201, NN_PLOT_MESH = 25 }; /* of the grid that a plane's functions are asked on, or a surface's */

#endif
