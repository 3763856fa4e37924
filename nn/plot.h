/* Pictures of what is learned, drawn by gnuplot (package gnuplot-nox) as PNG or SVG. A part of nn.h, which includes it.
 *
 *     nn_plot *p = nn_plot_new(t, (nn_plot_config){ .columns = 2 });
 *     nn_plot_panel(p, "Two moons", "x_1", "x_2");
 *     nn_plot_regions(p, net);
 *     nn_plot_classes(p, points, labels);
 *     nn_plot_panel(p, "Loss", "step", "cross entropy");
 *     nn_plot_curve(p, "training", losses, steps);
 *     nn_plot_save(p, "out/moons.png");
 *
 * Rules that hold for every function here, beside those of nn/nn.h:
 * - Values are copied when they are given. A module or function is asked when the picture is saved, a module as it is in
 *   use, not in training (nn_train), and without a trace on the tape; both must be there until then.
 * - What is given again takes the place of what was there: a panel of the same titles is that panel, and in a panel a
 *   thing of the same kind and name, NULL being a name too, is that thing. So a program draws and saves while it trains,
 *   and again, with the same lines.
 * - Colours are those of Okabe and Ito (2008), which colour-blind eyes tell apart; classes differ by marker too, and
 *   curves by dashes. Infinite values and NaNs leave gaps.
 * - Text is UTF-8 and shown as it is, but that behind a single letter _ with a letter or digits is a subscript and ^ with
 *   digits a superscript: "x_1^2", not "train_loss". A name is shown in the legend; NULL: it is not there.
 * - Errors: while one is pending nothing is added, and it is returned; AG_ENULL for an absent argument; AG_EUSE before
 *   the first panel, for things that do not go together in one, and for a module or tensor of another tape. */
#ifndef NN_NN_H
#include "nn/nn.h"
#endif
#ifndef NN_PLOT_H
#define NN_PLOT_H

/* ---- a picture and its panels */

typedef struct nn_plot nn_plot; /* memory of the tape */

typedef struct nn_plot_config {
    int columns;       /* of panels, which fill them row by row; zero: 1 */
    int width, height; /* of the picture, in pixels; zero: 700 x 560 for each panel */
} nn_plot_config;
/* nn_plot_new - a picture without panels. Errors: AG_EARG for columns beyond 1 to 16, or sides beyond 100 to 10000. */
AG_API nn_plot *nn_plot_new(ag_tape *t, nn_plot_config config);
/* nn_plot_tape - its tape; NULL for NULL. */
AG_API ag_tape *nn_plot_tape(const nn_plot *p);
/* nn_plot_panel - a new panel, or again the one with these titles: what follows is drawn there. NULL: no title; a panel
 * without any is always a new one. */
AG_API ag_status nn_plot_panel(nn_plot *p, const char *title, const char *x_title, const char *y_title);

typedef struct nn_plot_axes_config {
    double x[2], y[2], z[2]; /* from, to; both zero: as the values need it */
    bool log_x, log_y;
    bool equal; /* a unit is as long on both axes */
    const char *z_title;
} nn_plot_axes_config;
/* nn_plot_axes - the axes of the panel. Errors: AG_EARG for an interval that is empty or not finite. */
AG_API ag_status nn_plot_axes(nn_plot *p, nn_plot_axes_config config);
/* nn_plot_names - the names of the panel's classes, bars, or rows and columns of a matrix, in order; copied. */
AG_API ag_status nn_plot_names(nn_plot *p, nn_classes names);

/* ---- curves, points, bars */

/* nn_plot_curve - y[0] ... y[count-1] over 0 ... count-1; nn_plot_curve_at over x. Errors: AG_EARG for no values; at the
 * save AG_EVALUE where none of them is finite. */
AG_API ag_status nn_plot_curve(nn_plot *p, const char *name, const double *y, size_t count);
AG_API ag_status nn_plot_curve_at(nn_plot *p, const char *name, const double *x, const double *y, size_t count);
/* nn_plot_add - one more point for the curve of that name, which begins with it where there is none. */
AG_API ag_status nn_plot_add(nn_plot *p, const char *name, double x, double y);
/* nn_plot_points - the rows of [n,2] as points. Errors, here and below: AG_ESHAPE; AG_EARG for no rows. */
AG_API ag_status nn_plot_points(nn_plot *p, const char *name, ag_tensor points);
/* nn_plot_classes - the rows of [n,2], or of [n,3] in space, as points with the colours and markers of their labels, n
 * whole numbers from 0 to 63, of any type. Errors: AG_EARG for another label. */
AG_API ag_status nn_plot_classes(nn_plot *p, ag_tensor points, ag_tensor labels);
/* nn_plot_bars - a bar for each of the values; several names stand side by side, see nn_plot_names. */
AG_API ag_status nn_plot_bars(nn_plot *p, const char *name, const double *values, size_t count);
/* nn_plot_histogram - how many elements of x, of any shape, lie in each of the equal bins between the least and the
 * largest; those that are not finite count nowhere. bins 0: 30. Errors: AG_EARG for bins beyond 1 to 1000. */
AG_API ag_status nn_plot_histogram(nn_plot *p, const char *name, ag_tensor x, int bins);

/* ---- functions of the plane */

/* nn_plot_regions - what a module that takes [n,2] decides: where it has several outputs the class of the largest; where
 * it has one, a logit z, class 1 for z > 0, shaded by sigma(z), with the line z = 0 where p = 0.5. nn_plot_regions_at is for
 * one output that is p itself, or any other: class 1 beyond the level, shaded up to 0.5 from it. */
AG_API ag_status nn_plot_regions(nn_plot *p, nn_module *m);
AG_API ag_status nn_plot_regions_at(nn_plot *p, nn_module *m, double level);
/* nn_plot_map - the values of one output of a module, from 0, as colours. */
AG_API ag_status nn_plot_map(nn_plot *p, nn_module *m, int output);
/* nn_plot_boundary - the line on which the only output of a module is at the level. */
AG_API ag_status nn_plot_boundary(nn_plot *p, const char *name, nn_module *m, double level);
/* nn_plot_line - the line a x + b y + c = 0, such as w.x + bias of a neuron. Errors: AG_EARG where it is none. */
AG_API ag_status nn_plot_line(nn_plot *p, const char *name, double a, double b, double c);
/* nn_plot_contour - where a function of the plane is at the level; nn_plot_surface - the function itself, in space. */
typedef double nn_plot_function(const void *user, double x, double y);
AG_API ag_status nn_plot_contour(nn_plot *p, const char *name, nn_plot_function *f, const void *user, double level);
AG_API ag_status nn_plot_surface(nn_plot *p, const char *name, nn_plot_function *f, const void *user);

/* ---- matrices and images */

/* nn_plot_confusion - counts [classes,classes] as cells with their numbers: rows are what is true, columns what was
 * said; the colour is the share in the row. At most 64 classes. */
AG_API ag_status nn_plot_confusion(nn_plot *p, ag_tensor counts);

typedef struct nn_plot_grid_config {
    int columns;                 /* of images; zero: as the panel's shape suggests */
    const char *const *captions; /* above each of them, copied; NULL: none */
} nn_plot_grid_config;
/* nn_plot_grid - images of the given shape, [height,width], side by side in the panel: one in each row of x [n,...], row
 * by row from its top. Where there are negative values, as in weights, blue is negative, white 0, orange positive;
 * otherwise 0 is black and the largest white. Errors: AG_ESHAPE where a row is no such image; AG_ELIMIT beyond 4 million
 * pixels, or beyond four times as many with the space between images, which is much where they are long and thin. */
AG_API ag_status nn_plot_grid(nn_plot *p, ag_tensor x, ag_shape image, nn_plot_grid_config config);
/* nn_plot_images - the same as a picture of its own, titled with the name of x. */
AG_API ag_status nn_plot_images(ag_tape *t, ag_tensor x, ag_shape image, const char *path);

/* ---- saving */

/* nn_plot_save - writes what there is so far to path, which ends in .png or .svg, by way of path.gp, a script that holds
 * the values too: gnuplot path.gp draws it again. Directories that are missing are made; picture and script are replaced
 * as a whole, as by nn_save, so that who watches sees one picture or the next.
 * Errors: AG_EFILE, also where gnuplot is not there or fails, and then a picture that was there before is as it was; AG_EARG
 * for another ending; AG_EUSE without a panel, or for an empty one; AG_EVALUE where a thing has no finite value, or none
 * above 0 on a logarithmic axis; what a module says of [n,2]. */
AG_API ag_status nn_plot_save(nn_plot *p, const char *path);

#endif
