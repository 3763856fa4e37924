/* Distances (p = 2) of each of some rows from each of others, in tiles: cdist. */
#ifndef AG_OPS_LOSS_GRID_H
#define AG_OPS_LOSS_GRID_H

#include "ag/array/array.h"

enum { AG_GRID_ROWS = 128, AG_GRID_COLUMNS = 32, AG_GRID_OWN = 16 };

/* Rows of n elements, so many elements apart. */
typedef struct ag_grid_rows {
    int64_t count, step;
    const void *data;
} ag_grid_rows;

/* What arrives, and the distances, as arrays with an axis for a side's own rows and one for the other side's. */
typedef struct ag_grid_pairs {
    const void *dy, *y;
    int64_t dy_step[2], y_step[2]; /* along own, along others */
} ag_grid_pairs;

/* What the types provide. values: y[i * step + j] = |a_i - b_j|, at most AG_GRID_ROWS of a and AG_GRID_COLUMNS of b.
 * slopes: to[i * to_step] += the sum over j of dy / y (own_i - other_j), at most AG_GRID_OWN of own; nothing passes where
 * dy or y is 0. */
typedef struct ag_grid_kernels {
    void (*values)(int64_t n, ag_grid_rows a, ag_grid_rows b, void *y, int64_t step);
    void (*slopes)(int64_t n, ag_grid_rows own, ag_grid_rows others, ag_grid_pairs pairs, void *to, int64_t to_step);
} ag_grid_kernels;
extern const ag_grid_kernels ag_grid_f32, ag_grid_f64;

/* ---- grid.c. Arrays of first elements of rows, in the shape of y, whose last two axes are those of the rows. */

/* Are a [..,rows,1,n] and b [..,1,rows,n], with enough rows for tiles? */
bool ag_grid_fits(const ag_array *a, const ag_array *b, ag_shape y);
void ag_grid_values(int64_t n, const ag_array *a, const ag_array *b, const ag_array *y, int threads);
/* Adds to `to`, the adjoints of the rows of a (side 0) or b (1); shared: several of y's first axes have the same ones. */
typedef struct ag_grid_back {
    int64_t n;
    ag_array row[2], y, dy, to;
    int side;
    bool shared;
} ag_grid_back;
void ag_grid_slopes(const ag_grid_back *g, int threads);

#endif
