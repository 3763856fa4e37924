/* Pictures, of plots and of graphs: made of anything, saved mostly where they cannot be. */
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

enum { THINGS = 8 };

static double a_function(const void *user, double x, double y)
{
    (void)user;
    return x * y;
}

/* Where a picture may be saved: an ending that is none costs no process. */
static const char *draw_picture_path(world *w, bool costly)
{
    static char path[128];
    if (rude(w, may_null_list))
        return NULL;
    snprintf(path, sizeof path, "%s/%s", w->directory, costly ? "picture.svg" : "picture.txt");
    return path;
}

static void remove_picture(const char *path)
{
    char script[160];
    if (!path)
        return;
    snprintf(script, sizeof script, "%s.gp", path);
    unlink(script);
    unlink(path);
}

static ag_status draw_numbers(world *w, nn_plot *p, const char *name)
{
    const double x[] = { draw_number(w), draw_number(w), draw_number(w) }, y[] = { draw_number(w), 1, draw_number(w) };
    const size_t count = (size_t)draw(w, 4);
    switch (draw(w, 5)) {
    case 0:
        return nn_plot_curve(p, name, y, count);
    case 1:
        return nn_plot_curve_at(p, name, x, y, count);
    case 2:
        return nn_plot_bars(p, name, y, count);
    case 3:
        return nn_plot_line(p, name, x[0], y[0], y[2]);
    default:
        return nn_plot_add(p, name, x[0], y[0]);
    }
}

static ag_status draw_tensors(world *w, nn_plot *p, const char *name)
{
    const ag_tensor x = pick_of(w, NULL).x, y = pick_of(w, NULL).x;
    switch (draw(w, 5)) {
    case 0:
        return nn_plot_points(p, name, x);
    case 1:
        return nn_plot_classes(p, x, y);
    case 2:
        return nn_plot_histogram(p, name, x, draw(w, 9) - 2);
    case 3:
        return nn_plot_confusion(p, x);
    default:
        return nn_plot_grid(p, x, draw_shape(w), (nn_plot_grid_config){ .columns = draw(w, 4) - 1 });
    }
}

static ag_status draw_plane(world *w, nn_plot *p, const char *name)
{
    nn_module *m = draw_module(w, draw_lane(w));
    switch (draw(w, 6)) {
    case 0:
        return nn_plot_regions(p, m);
    case 1:
        return nn_plot_regions_at(p, m, draw_number(w));
    case 2:
        return nn_plot_map(p, m, draw(w, 4) - 1);
    case 3:
        return nn_plot_boundary(p, name, m, draw_number(w));
    case 4:
        return nn_plot_contour(p, name, a_function, NULL, draw_number(w));
    default:
        return nn_plot_surface(p, name, a_function, NULL);
    }
}

static ag_status draw_frame(world *w, nn_plot *p)
{
    static const char *const names[] = { "one", "two", "x_1^2" };
    const nn_plot_axes_config axes = { .x = { draw_number(w), draw_number(w) }, .log_y = chance(w, 3) };
    switch (draw(w, 3)) {
    case 0:
        return nn_plot_axes(p, axes);
    case 1:
        return nn_plot_names(p, (nn_classes){ names, (size_t)draw(w, 4) });
    default:
        return nn_plot_panel(p, draw_name(w), draw_name(w), NULL);
    }
}

static void play_plot(world *w)
{
    lane *l = draw_lane(w);
    const int columns = rude(w, may_absurd_number) ? draw_axis(w) : 2, things = draw(w, THINGS);
    const bool costly = chance(w, 60);
    const char *path = draw_picture_path(w, costly);
    frame f = begin(w, l->t, "nn_plot_new(%d), %d things, %s", columns, things, path ? path : "NULL");
    nn_plot *p = nn_plot_new(l->t, (nn_plot_config){ .columns = columns });
    observe(w, nn_plot_tape(p) == l->t);
    if (!chance(w, 9))
        observe(w, nn_plot_panel(p, "panel", "x", "y"));
    for (int i = 0; i < things; i++) {
        const char *name = draw_name(w);
        const int kind = draw(w, 4);
        observe(w, kind == 0   ? draw_numbers(w, p, name)
                   : kind == 1 ? draw_tensors(w, p, name)
                   : kind == 2 ? draw_plane(w, p, name)
                               : draw_frame(w, p));
    }
    observe(w, nn_plot_save(p, path));
    remove_picture(path);
    end_call(&f);
}

static void play_images(world *w)
{
    const argument x = pick_of(w, NULL);
    const ag_shape s = draw_shape(w);
    const char *path = draw_picture_path(w, chance(w, 60));
    frame f = begin(w, x.x.tape, "nn_plot_images(%s, %s)", text_of(w, x), text_of_shape(s));
    const ag_status status = nn_plot_images(x.x.tape, x.x, s, path);
    remove_picture(path);
    end_status(&f, status);
}

static void play_graph_file(world *w)
{
    const argument y = pick(w);
    const bool page = chance(w, 2);
    const char *path = draw_picture_path(w, !page && chance(w, 60));
    frame f =
        begin(w, y.x.tape, "%s(%s, %s)", page ? "ag_draw_html" : "ag_draw_file", text_of(w, y), path ? path : "NULL");
    const ag_status status = page ? ag_draw_html(y.x, path) : ag_draw_file(y.x, path);
    remove_picture(path);
    end_anyway(&f, status);
}

const move plot_moves[] = {
    { .name = "plot", 2, play_plot },
    { .name = "images", 1, play_images },
    { .name = "graph", 1, play_graph_file },
    { .name = NULL },
};
