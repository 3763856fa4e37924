#include "ag/ops/losses/grid.h"

enum { FEW = 8 }; /* rows for which tiles are not worth while */

bool ag_grid_fits(const ag_array *a, const ag_array *b, ag_shape y)
{
    return y.rank >= 2 && y.dim[y.rank - 2] >= FEW && y.dim[y.rank - 1] >= FEW && a->shape.rank >= 2 &&
           a->shape.dim[a->shape.rank - 2] == 1 && (b->shape.rank < 3 || b->shape.dim[b->shape.rank - 3] == 1);
}

static const ag_grid_kernels *kernels_of(ag_dtype d)
{
    return d == AG_F32 ? &ag_grid_f32 : &ag_grid_f64;
}

static int64_t parts_of(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

/* So many elements of the last two axes, y[i,j], of the slice of that number along those before. */
static char *place(const ag_array *x, int64_t slice, int64_t i, int64_t j)
{
    const int last = x->shape.rank - 1;
    int64_t at = i * x->stride[last - 1] + j * x->stride[last];
    for (int d = last - 2; d >= 0; slice /= x->shape.dim[d], d--)
        at += slice % x->shape.dim[d] * x->stride[d];
    return (char *)x->data + at * (int64_t)ag_dtype_size(x->dtype);
}

static int64_t slices_of(ag_shape y)
{
    int64_t slices = 1;
    for (int d = 0; d < y.rank - 2; d++)
        slices *= y.dim[d];
    return slices;
}

/* `most` rows from the first on, along the axis of y that is theirs. */
static ag_grid_rows rows_at(const ag_array *x, int axis, int64_t slice, int64_t first, int64_t most)
{
    const int last = x->shape.rank - 1, own = last - 1 + axis;
    const int64_t rest = x->shape.dim[own] - first;
    return (ag_grid_rows){ rest < most ? rest : most, x->stride[own],
                           place(x, slice, axis == 0 ? first : 0, axis == 1 ? first : 0) };
}

typedef struct values {
    int64_t n;
    const ag_array *a, *b, *y;
} values;

static void value_tile(const void *context, int64_t tile)
{
    const values *v = context;
    const ag_array *y = v->y;
    const int last = y->shape.rank - 1;
    const int64_t down = parts_of(y->shape.dim[last - 1], AG_GRID_ROWS);
    const int64_t across = parts_of(y->shape.dim[last], AG_GRID_COLUMNS);
    const int64_t slice = tile / (down * across), i = tile / across % down * AG_GRID_ROWS,
                  j = tile % across * AG_GRID_COLUMNS;
    kernels_of(y->dtype)->values(v->n, rows_at(v->a, 0, slice, i, AG_GRID_ROWS),
                                 rows_at(v->b, 1, slice, j, AG_GRID_COLUMNS), place(y, slice, i, j),
                                 y->stride[last - 1]);
}

void ag_grid_values(int64_t n, const ag_array *a, const ag_array *b, const ag_array *y, int threads)
{
    const int last = y->shape.rank - 1;
    const int64_t tiles = slices_of(y->shape) * parts_of(y->shape.dim[last - 1], AG_GRID_ROWS) *
                          parts_of(y->shape.dim[last], AG_GRID_COLUMNS);
    const double steps = (double)n * AG_GRID_ROWS * AG_GRID_COLUMNS;
    ag_for_items(tiles, steps, threads, value_tile, &(values){ n, a, b, y });
}

static void slope_block(const ag_grid_back *g, int64_t slice, int64_t block)
{
    const int last = g->y.shape.rank - 1, own = last - 1 + g->side, other = last - g->side;
    const int64_t first = block * AG_GRID_OWN, i = g->side == 0 ? first : 0, j = g->side == 1 ? first : 0;
    const ag_grid_pairs pairs = { place(&g->dy, slice, i, j),
                                  place(&g->y, slice, i, j),
                                  { g->dy.stride[own], g->dy.stride[other] },
                                  { g->y.stride[own], g->y.stride[other] } };
    kernels_of(g->y.dtype)
        ->slopes(g->n, rows_at(&g->row[g->side], g->side, slice, first, AG_GRID_OWN),
                 rows_at(&g->row[!g->side], !g->side, slice, 0, INT64_MAX), pairs, place(&g->to, slice, i, j),
                 g->to.stride[own]);
}

/* Rows to which several slices contribute are one thread's, which takes these in turn. */
typedef struct slopes {
    const ag_grid_back *g;
    int64_t slices, blocks;
} slopes;

static void slope_task(const void *context, int64_t task)
{
    const slopes *s = context;
    for (int64_t slice = 0; s->g->shared && slice < s->slices; slice++)
        slope_block(s->g, slice, task);
    if (!s->g->shared)
        slope_block(s->g, task / s->blocks, task % s->blocks);
}

void ag_grid_slopes(const ag_grid_back *g, int threads)
{
    const int last = g->y.shape.rank - 1;
    const int64_t slices = slices_of(g->y.shape), blocks = parts_of(g->y.shape.dim[last - 1 + g->side], AG_GRID_OWN);
    const int64_t tasks = g->shared ? blocks : blocks * slices;
    const double steps = (double)g->n * AG_GRID_OWN * (double)g->y.shape.dim[last - g->side];
    ag_for_items(tasks, steps, threads, slope_task, &(slopes){ g, slices, blocks });
}
