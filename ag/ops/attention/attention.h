/* Attention by tiles of scores, with sums that are carried on from tile to tile (Rabe and Staats 2021; Dao, Fu, Ermon,
 * Rudra and Re 2022): no matrix of all scores is made. A tile lies turned, a row for each key, so that neighbours in
 * memory are queries, whose largest scores and sums are vectors. What depends on the scores is computed again on the way
 * back, from the logarithms of the sums. Tiles depend on the extents alone. */
#ifndef AG_OPS_ATTENTION_H
#define AG_OPS_ATTENTION_H

#include "ag/kernels/kernels.h"
#include "ag/ops/define.h"

enum { AG_QUERIES = 128, AG_KEYS = 256 /* of a tile at most */ };

typedef struct ag_attention {
    ag_dtype dtype;
    size_t size; /* bytes of an element */
    int64_t batches, n, m, d, e;
    bool causal;
    double scale;
    ag_array q, k, v, y,
        mask;     /* of all batches: strides 0 where one is broadcast; mask: without data if there is none */
    double *sums; /* for each row of y the logarithm of its sum; infinity where nothing takes part */
    int threads;
} ag_attention;

/* What is computed on the way back: arrays of all batches, without data where not wanted, to which is added. */
typedef struct ag_attention_gradients {
    ag_array dy, dq, dk, dv;
    double *dots; /* for each row, of dy and y */
} ag_attention_gradients;

/* Some queries and keys of a batch. */
typedef struct ag_attention_tile {
    int64_t batch, i, rows, width, j, columns; /* from query i and key j on; rows in whole vectors */
} ag_attention_tile;

/* What a thread works with: blocks of elements, with `width` in each row. `measuring`: nothing is computed, and the
 * memory for products is found out. */
typedef struct ag_attention_room {
    bool measuring;
    size_t bytes; /* for products */
    char *products, *q, *dy, *scores, *more, *mask;
} ag_attention_room;

/* ---- tiles.c */

ag_attention_tile ag_attention_tile_at(const ag_attention *a, int64_t batch, int64_t i, int64_t j);
bool ag_attention_unseen(const ag_attention *a, ag_attention_tile t); /* causal, and all keys are behind all queries */
/* A batch's matrix, `count` rows of it from `from` on. */
ag_array ag_attention_rows(const ag_array *x, int64_t batch, int64_t from, int64_t count);
ag_array ag_attention_block(const ag_attention *a, char *data, int64_t rows, int64_t width);
void ag_attention_product(ag_attention_room *w, ag_array x, ag_array y, ag_array to, double beta);
/* Queries, or dy, times a number: to[d,width], zeros behind the tile's rows. */
void ag_attention_turn(const ag_attention *a, ag_attention_tile t, const ag_array *x, double scale, char *to);
/* The tile's scores, by the queries that were turned before; minus infinity for what takes no part. */
void ag_attention_scores(const ag_attention *a, ag_attention_tile t, ag_attention_room *w);
/* Runs it for 0 to count - 1, each worth so many steps, on rooms for all threads. Errors are reported. */
typedef void ag_attention_function(const void *context, int64_t item, ag_attention_room *w);
ag_status ag_attention_each(const ag_call *c, const ag_attention *a, int64_t count, double steps,
                            ag_attention_function *run, const void *context);
ag_status ag_attention_run(const ag_call *c, const ag_attention *a);

/* ---- tiles_back.c */

ag_status ag_attention_back(const ag_call *c, const ag_attention *a, const ag_attention_gradients *g);

/* ---- tiles.inc: what the types provide; blocks have `width` elements in a row, in whole vectors */

typedef struct ag_attention_rows_known { /* of the queries of a tile: the largest score, the sum of exponentials */
    double sum[AG_QUERIES];
    union {
        float f32[AG_QUERIES];
        double f64[AG_QUERIES];
    } most, factor;
} ag_attention_rows_known;

typedef struct ag_attention_kernels {
    void (*start)(ag_attention_rows_known *r);
    /* scores become exponentials; false: the largest scores have not changed, so that all factors are 1 */
    bool (*carry)(int64_t rows, int64_t width, void *scores, ag_attention_rows_known *r);
    void (*multiply)(int64_t rows, const ag_array *y, const ag_attention_rows_known *r); /* by the factors */
    void (*finish)(int64_t rows, const ag_array *y, const ag_attention_rows_known *r, double *sums);
    void (*select)(int64_t count, void *scores, const void *mask); /* minus infinity where the mask is 0 */
    void (*add)(int64_t count, void *scores, const void *mask);
    void (*hide)(int64_t rows, int64_t width, int64_t first, void *scores); /* of row r the first r + `first` */
    double (*dot)(int64_t n, const void *x, const void *y);
    /* scores become weights; then ds = scale weight (dw - dot) in the place of dw */
    void (*weigh)(int64_t rows, int64_t width, int64_t known, void *scores, const double *sums);
    void (*back)(int64_t rows, int64_t width, int64_t known, const void *weights, void *dw, const double *dots,
                 double scale);
} ag_attention_kernels;
extern const ag_attention_kernels ag_attention_f32, ag_attention_f64;

static inline const ag_attention_kernels *ag_attention_kernels_of(ag_dtype d)
{
    return d == AG_F32 ? &ag_attention_f32 : &ag_attention_f64;
}

#endif
