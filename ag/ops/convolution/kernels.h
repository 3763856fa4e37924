/* Convolutions of dense arrays: what the ops and the loops share.
 *
 * The loops know one sum: results[position] += weight[tap] * slab[position + offset of the tap]. A slab is a part of the
 * source, copied with zeros where it is padded, its rows as long as those of the results with what the last tap reads
 * beyond. Of a source with a stride those elements lie together that are so far apart, a plane for each remainder
 * that a tap reads: then neighbouring results read neighbouring elements, whatever stride and dilation are. Results are
 * made for the columns between two rows, too, and dropped; where rows are short each tap of the width has a plane of its
 * own, moved by what it lags, and there are no such columns. Forward, the source is x. For the derivative by x it is dy,
 * and the results are dx, one remainder after the other. */
#ifndef AG_OPS_CONVOLUTION_KERNELS_H
#define AG_OPS_CONVOLUTION_KERNELS_H

#include "ag/ops/define.h"

enum { AG_SPATIAL = 3 }; /* depth, height, width; extents that are missing are 1 */

/* y[n,g,o,p] = sum over c and k of w[g,o,c,k] x[n,g,c, p stride + k dilation - before], zero outside of x */
typedef struct ag_conv {
    ag_dtype dtype;
    int64_t images, groups, c, o; /* channels of x and of y in a group */
    int64_t x[AG_SPATIAL], y[AG_SPATIAL], k[AG_SPATIAL], stride[AG_SPATIAL], before[AG_SPATIAL], dilation[AG_SPATIAL];
    int threads;
} ag_conv;

/* One dimension. A tap k has a lag, k dilation / stride, and a phase, the remainder; a slot is a phase that occurs. */
typedef struct ag_conv_axis {
    int64_t taps, stride, dilation, lag; /* lag: of the last tap */
    bool apart;                          /* each tap has a plane of the slab to itself, and no lag */
    int64_t *slot;                       /* of each tap: in which plane of the slab it reads */
    int64_t *order, *first, *count;      /* the taps, by slots of the results; where each of these begins */
    int64_t *from_phase, *to_phase;      /* by slot of the source, and of the results */
    int64_t from_slots, to_slots;
    int64_t from_step, from_before, from_extent; /* entry i of a slot is source element i step + phase - before */
    int64_t to_step, to_before, to_extent;       /* and position i of one is element i step + phase - before */
    int64_t positions, block, blocks;            /* positions of a slot; those in a tile */
} ag_conv_axis;

enum { AG_CONV_KNOWN = 64 };
typedef enum ag_conv_result { AG_CONV_Y, AG_CONV_X, AG_CONV_W } ag_conv_result;

typedef struct ag_conv_plan {
    const ag_conv *v;
    bool back;                             /* dx from dy */
    bool products;                         /* dw by products of matrices */
    bool patches;                          /* one product for all taps, each of which has a plane of the slab */
    int64_t channels, outputs;             /* of a group: summed over, and made */
    int64_t taps;                          /* of all dimensions */
    int64_t known, offset[AG_CONV_KNOWN];  /* where so many taps read, where that is the same in all tiles */
    ag_conv_axis axis[AG_SPATIAL];         /* depth has one position at a time, and its taps slices of the slab */
    int64_t wide, plane, slice, channel;   /* elements of the slab: a row, a slot, a source plane, a channel */
    int64_t channel_block, channel_blocks; /* channels in the slab at a time */
    int64_t positions;                     /* in a tile, with the columns that are dropped, in whole vectors */
    int64_t tiles;
    size_t slab, results, offsets, worker; /* bytes that one thread works in */
    size_t weights;                        /* bytes of all weights, laid out for the loops */
    size_t tables;
} ag_conv_plan;

/* One piece of work: an image, a group, a depth and a block of rows and columns. */
typedef struct ag_conv_tile {
    int64_t image, group, depth, row, rows, column, columns;
} ag_conv_tile;

enum {
    AG_CONV_TAIL = 64,    /* elements behind a slab that vectors may read */
    AG_CONV_VECTORS = 16, /* at most so many lanes in a vector */
    AG_CONV_TILE = 1024,  /* positions in a tile, about */
    AG_CONV_SLAB = 1 << 18,
    AG_CONV_PATCHES = 256, /* the same of a product of all taps, of which there are at most so many: */
    AG_CONV_TAPS = 128,
    AG_CONV_ROWS = 64,  /* rows of dy at a time, for the derivative by w */
    AG_CONV_MANY = 16,  /* channels and outputs, at least, for products */
    AG_CONV_PARTS = 16, /* partial sums of that derivative */
    AG_CONV_PARTS_BYTES = 1 << 23
};

/* ---- plan.c */

/* The bytes of the tables that ag_conv_plan_make fills in, for any direction. */
size_t ag_conv_tables(const ag_conv *v);
ag_conv_plan ag_conv_plan_make(const ag_conv *v, ag_conv_result result, void *tables);
ag_conv_tile ag_conv_tile_at(const ag_conv_plan *p, int64_t i);
/* The depths of the source that a tile reads: of the taps order[first ..], `count` of them; source depth of each. */
typedef struct ag_conv_slices {
    int64_t slot, first, count;
} ag_conv_slices;
ag_conv_slices ag_conv_slices_at(const ag_conv_plan *p, int64_t depth);
int64_t ag_conv_source_depth(const ag_conv_plan *p, int64_t depth, int64_t tap);
/* Offsets in the slab of the taps of slots in height and width, for `slices` of them. Returns how many. */
int64_t ag_conv_offsets(const ag_conv_plan *p, int64_t slices, int64_t row_slot, int64_t column_slot, int64_t *offset);
/* Where in the packed weights of a channel the taps of these slots begin. */
int64_t ag_conv_first_tap(const ag_conv_plan *p, ag_conv_slices s, int64_t row_slot, int64_t column_slot);

/* a / b rounded up, b > 0. */
static inline int64_t ag_conv_ceil(int64_t a, int64_t b)
{
    return a <= 0 ? -(-a / b) : (a - 1) / b + 1;
}

/* Are there no dimensions but height and width? */
static inline bool ag_conv_is_flat(const ag_conv *v)
{
    return v->k[0] == 1 && v->x[0] == 1 && v->y[0] == 1 && v->before[0] == 0;
}

/* ---- classes.c: results that the same taps reach, for which the source is read where it lies */

enum { AG_CONV_CLASSES = 24, AG_CONV_CLASS_TAPS = 8, AG_CONV_SPOTS = 6 };

/* In one dimension: results first, first + to_step, .. and the taps that reach them, with what each reads for the first;
 * for the next one it reads from_step further. */
typedef struct ag_conv_class {
    int64_t first, count, taps, tap[AG_CONV_CLASS_TAPS], from[AG_CONV_CLASS_TAPS];
} ag_conv_class;

typedef struct ag_conv_axis_classes {
    int64_t to_step, from_step, count;
    ag_conv_class of[AG_CONV_CLASSES];
} ag_conv_axis_classes;

typedef struct ag_conv_classes {
    const ag_conv *v;
    bool back;
    int64_t channels, outputs, taps; /* of a group */
    int64_t block, together;         /* outputs made at a time, of so many images */
    /* Where tiles.inc would make the same results its sums are kept: so many channels at a time, of so many rows in a
     * tile, of which the last positions are summed by turns. 0: small planes, which only classes make. */
    int64_t channel_block, tile_rows;
    bool by_turns;
    ag_conv_axis_classes axis[2];           /* height and width */
    int64_t longest;                        /* positions of a piece, at most, in whole vectors */
    size_t weights, spots, results, worker; /* bytes that one thread works in */
} ag_conv_classes;

/* One piece of work: rows of the results of some images that are of a class in height and one in width. */
typedef struct ag_conv_piece {
    const ag_conv_class *high, *wide;
    int64_t image, images, group, output, outputs, row, rows, positions;
} ag_conv_piece;

/* The classes, and what else follows from v; false: there are too many. */
bool ag_conv_find_classes(const ag_conv *v, bool back, ag_conv_classes *q);
/* Of the taps of all results, how many read an element of the source: what is left of the products are those with zeros. */
double ag_conv_met(const ag_conv_classes *q);
/* False: that does not pay, or cannot be. */
bool ag_conv_classes_of_small(const ag_conv *v, bool back, ag_conv_classes *q);
bool ag_conv_classes_of_plan(const ag_conv_plan *p, ag_conv_classes *q);
ag_status ag_conv_run_classes(const ag_call *c, const ag_conv_classes *q, const void *from, const void *w,
                              const void *bias, bool add, void *to);

/* ---- batch.c: images side by side */

enum { AG_CONV_IMAGES = 16 }; /* whole vectors of them */

/* One piece of work: rows of results of so many images, outputs first .. end - 1 of a group, and the rows of the source
 * that they read. */
typedef struct ag_conv_band {
    int64_t image, group, first, end, row, rows, from_row, from_rows;
} ag_conv_band;

typedef struct ag_conv_batch {
    ag_conv_classes q;              /* in its slab each element is those of all images */
    int64_t rows, bands;            /* of results at a time */
    int64_t channel, channel_block; /* elements of a channel in the slab; channels in it at a time */
    int64_t kept, result;           /* outputs whose results are kept, elements of one */
    size_t slab, worker;            /* bytes that one thread works in */
} ag_conv_batch;

/* False: that does not pay. */
bool ag_conv_batch_make(const ag_conv *v, bool back, ag_conv_batch *b);
ag_status ag_conv_run_batch(const ag_call *c, const ag_conv_batch *b, const void *from, const void *w, const void *bias,
                            bool add, void *to);
/* Those results of a class that are of these rows; `first` counts from row, and what taps read from from_row. */
ag_conv_class ag_conv_class_within(const ag_conv_axis_classes *a, int64_t i, int64_t row, int64_t rows,
                                   int64_t from_row);

/* ---- run.c: dw, or with `add` that and dw, from the sum of so many parts, each as large: elements of outputs, channels and
 * taps `step` apart; NULL: as in dw */

void ag_conv_add_parts(const ag_conv *v, void *parts, int64_t count, const int64_t *step, bool add, void *dw);

/* ---- batch_weight.c: the same for dw, by products of matrices */

/* The slab has rows of x, in each the columns by their remainder by the stride, so that those are neighbours that a tap
 * reads for neighbours; and all of dy's outputs side by side, in blocks. */
typedef struct ag_conv_batch_weight {
    const ag_conv *v;
    int64_t rows, bands; /* of dy at a time */
    int64_t places;      /* of columns with the same remainder */
    int64_t channel, channel_block, channel_blocks;
    int64_t parts;               /* partial sums */
    size_t slab, turned, worker; /* bytes that one thread works in */
} ag_conv_batch_weight;

/* One piece of work: some rows of dy, and some channels. */
typedef struct ag_conv_weight_band {
    int64_t image, group, row, rows, from_row, from_rows, channel, channels;
} ag_conv_weight_band;

/* False: that does not pay. */
bool ag_conv_batch_weight_make(const ag_conv *v, ag_conv_batch_weight *b);
ag_status ag_conv_run_batch_weight(const ag_call *c, const ag_conv_batch_weight *b, const void *x, const void *dy,
                                   bool add, void *dw);
/* Results first .. end - 1 of dimension d for which a tap reads an element, the first of them `at`. */
typedef struct ag_conv_reach {
    int64_t first, end, at;
} ag_conv_reach;
ag_conv_reach ag_conv_reach_of(const ag_conv *v, int d, int64_t tap);

/* ---- planes.c: planes of results from one plane of the source */

typedef struct ag_conv_planes {
    const ag_conv *v;
    bool back;
    int64_t outputs;        /* of a plane */
    int64_t before[2], lag; /* rows and columns that the first tap reads before a result; rows to the last tap */
    int64_t margin, row;    /* elements of the slab before a row's first one, and of a row */
    int64_t rows, bands;    /* of results at a time */
    size_t worker;          /* bytes that one thread works in */
} ag_conv_planes;

/* False: that does not pay. */
bool ag_conv_planes_make(const ag_conv *v, bool back, ag_conv_planes *q);
ag_status ag_conv_run_planes(const ag_call *c, const ag_conv_planes *q, const void *from, const void *w,
                             const void *bias, bool add, void *to);

/* ---- planes_weight.c: dw of these */

/* One piece of work: some groups of images first .. end - 1. */
typedef struct ag_conv_share {
    int64_t group, groups, first, end;
} ag_conv_share;

bool ag_conv_planes_weight_make(const ag_conv *v, ag_conv_planes *q);
ag_status ag_conv_run_planes_weight(const ag_call *c, const ag_conv_planes *q, const void *x, const void *dy, bool add,
                                    void *dw);

/* ---- tiles_f32.c, tiles_f64.c */

typedef struct ag_conv_loops {
    int64_t block; /* outputs made at a time */
    /* weights of a group's block of outputs */
    void (*pack_weights)(const ag_conv_plan *p, const void *w, int64_t group, int64_t block, void *to);
    /* to = results + bias, which may be NULL, or to += that. `weights`: all of the group */
    void (*tile)(const ag_conv_plan *p, const ag_conv_tile *t, const void *from, const void *weights, const void *bias,
                 bool add, void *to, char *worker);
    /* part += what a tile gives dw; by products, part is [groups][taps][channels][outputs], or of patches
     * [groups][channels][taps][outputs] */
    void (*weight_tile)(const ag_conv_plan *p, const ag_conv_tile *t, const void *x, const void *dy, void *part,
                        char *worker);
    void (*product_tile)(const ag_conv_plan *p, const ag_conv_tile *t, const void *x, const void *dy, void *part,
                         char *worker);
    /* weights in the order of taps, as pack_weights */
    void (*pack_in_order)(const ag_conv_classes *q, const void *w, int64_t group, int64_t block, void *to);
    /* of classes: at most so many outputs at a time, in whole vectors, and how many of those that are left; a piece of the
     * results as `tile` */
    int64_t class_block, class_lanes;
    int64_t (*class_outputs)(int64_t left);
    void (*piece)(const ag_conv_classes *q, const ag_conv_piece *t, const void *from, const void *weights,
                  const void *bias, bool add, void *to, char *worker);
    /* the same of a band */
    void (*band)(const ag_conv_batch *b, const ag_conv_band *t, const void *from, const void *weights, const void *bias,
                 bool add, void *to, char *worker);
    /* part[taps][channels][outputs] += what a band gives */
    void (*weight_band)(const ag_conv_batch_weight *b, const ag_conv_weight_band *t, const void *x, const void *dy,
                        void *part, char *worker);
    /* rows first .. end - 1 of the results of a plane; the worker holds zeros before the first one */
    void (*plane)(const ag_conv_planes *q, int64_t number, int64_t first, int64_t end, const void *from, const void *w,
                  const void *bias, bool add, void *to, char *worker);
    /* dw[groups][outputs][taps] of a share; the worker as there, and a vector for each row and for each of these */
    void (*plane_weight)(const ag_conv_planes *q, const ag_conv_share *t, const void *x, const void *dy, void *dw,
                         char *worker);
} ag_conv_loops;
extern const ag_conv_loops ag_conv_f32, ag_conv_f64;
static inline const ag_conv_loops *ag_conv_loops_of(ag_dtype d)
{
    return d == AG_F32 ? &ag_conv_f32 : &ag_conv_f64;
}

/* ---- run.c: the three members of the family, which take scratch memory of the call; beta 0 or 1 */

/* y = x convolved with w, + bias (NULL: none), + beta y */
ag_status ag_conv_run(const ag_call *c, const ag_conv *v, const void *x, const void *w, const void *bias, double beta,
                      void *y);
/* dx from dy and w, + bias, + beta dx */
ag_status ag_conv_run_back(const ag_call *c, const ag_conv *v, const void *dy, const void *w, const void *bias,
                           double beta, void *dx);
/* dw from x and dy, + beta dw */
ag_status ag_conv_run_weight(const ag_call *c, const ag_conv *v, const void *x, const void *dy, double beta, void *dw);

#endif
