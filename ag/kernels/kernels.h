/* Kernels on strided arrays of any dtype. Results do not depend on the number of threads. */
#ifndef AG_KERNELS_KERNELS_H
#define AG_KERNELS_KERNELS_H

#include "ag/array/array.h"
#include "ag/kernels/batched.h"
#include "ag/kernels/convert.h"
#include "ag/kernels/copy_lines.h"
#include "ag/kernels/exponential.h"
#include "ag/kernels/extrema.h"
#include "ag/kernels/fold.h"
#include "ag/kernels/gathered.h"
#include "ag/kernels/libraries.h"
#include "ag/kernels/matmul.h"
#include "ag/kernels/pack.h"
#include "ag/kernels/triangular.h"
#include "ag/kernels/places.h"
#include "ag/kernels/precise.h"
#include "ag/kernels/scan.h"
#include "ag/kernels/sort.h"
#include "ag/kernels/transpose.h"
#include "ag/kernels/vector.h"

/* A table by dtype: name_f32, ..., each with `way` after it. */
#define AG_BY_DTYPE(name, way)                                                                   \
    {                                                                                            \
        NULL, name##_f32##way, name##_f64##way, name##_i32##way, name##_i64##way, name##_u8##way \
    }

/* to = from (converted), or to += from; `from` has to's shape, strides 0 allowed */
void ag_copy_array(const ag_array *to, const ag_array *from, bool add, int threads);
/* to[n, lines] = from[lines, n], both dense: lines as columns; `to` has room for 8 rows where n is less */
void ag_turn_lines(ag_dtype d, const void *from, int64_t lines, int64_t n, void *to);
/* ag_walk over arrays with data, of which those of the bits in `read` are only read, and may be shown as a copy: rows are long,
 * and arrays that lie turned are read by lines of the cache. */
void ag_walk_tiles(ag_shape shape, int count, const ag_array *const *arrays, int read,
                   void (*row)(const ag_walk_row *w, void *context), void *context, int threads);
/* to = scale * sum of from over the dimensions in which to has extent 1 (+ to); same rank */
void ag_sum_array(const ag_array *to, const ag_array *from, double scale, bool add, int threads);
/* The same, quicker where many results lie side by side. work: ag_sum_work bytes, NULL where it says 0. */
size_t ag_sum_work(const ag_array *to, const ag_array *from);
void ag_sum_within(const ag_array *to, const ag_array *from, double scale, bool add, void *work, int threads);
/* Elements that are not in memory: writes the n from number i on, in row-major order, to the block. */
enum { AG_MADE_BYTES = 8192 }; /* at most, at a time */
typedef struct ag_maker {
    void (*make)(const void *context, int64_t i, int64_t n, void *block);
    const void *context;
} ag_maker;
void ag_fill_array(const ag_array *to, double value);
/* the sum over broadcast dimensions: to has any shape that broadcasts to from's */
void ag_reduce_to(const ag_array *to, const ag_array *from, bool add, int threads);
/* the same of elements that are made on the way; `like` is a dense array of their shape and dtype. work: ag_reduce_work
 * bytes, NULL where it says 0. */
size_t ag_reduce_work(const ag_array *to, const ag_array *like);
void ag_reduce_made(const ag_array *to, const ag_array *like, const ag_maker *maker, bool add, void *work, int threads);
/* The first element from `from` on, in row-major order, that is infinite or NaN; -1: none, as in integers. */
int64_t ag_find_nonfinite(const ag_array *a, int64_t from);
int64_t ag_find_zero(const ag_array *a); /* the first element of integers that is 0; -1: none */
const char *ag_nonfinite_text(double x); /* "inf", "-inf", or "nan", whose sign says nothing */
static inline bool ag_is_finite(double x)
{
    return __builtin_fabs(x) <= __DBL_MAX__;
}
/* the sum of a dense range of f32 or f64 */
double ag_sum_floats(ag_dtype d, const void *data, int64_t count, int threads);
/* Where a range of so many is halved in it, so that the sums of both parts, added, are the bits of the whole; the count
 * itself: it is not. */
enum { AG_SUM_LEAF = 1024 }; /* what is not halved is no longer */
int64_t ag_sum_half(ag_dtype d, int64_t count);

/* Philox: see ag_rand. `call` numbers the random calls of a tape. */
void ag_random_uniform(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double low, double high,
                       int threads);
void ag_random_normal(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double mean, double deviation,
                      int threads);
/* of a normal distribution what lies in [low, high]; false: nothing that numbers could say lies there */
bool ag_random_truncated(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double mean,
                         double deviation, double low, double high, int threads);
void ag_random_gumbel(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double location, double scale,
                      int threads);
uint64_t ag_random_bits(uint64_t seed, uint64_t call, uint64_t i);

/* ---- columns.c: sums over the rows of a matrix, at least 16 long, that come one after the other */

enum { AG_COLUMNS_BLOCK = 32 };          /* rows */
int64_t ag_columns_blocks(int64_t rows); /* each of which needs `columns` totals */
/* The next row of a block, the first, or the last of it. `lanes`: room for a row. */
void ag_columns_add(ag_dtype d, int64_t columns, const void *row, bool first, bool last, void *lanes, double *total);
/* Where a block's rows are added to the lanes, which begin as zeros, by what makes them: how many columns go there, the others
 * are added to their totals; and what makes the lanes totals after the last row. */
int64_t ag_columns_in_lanes(ag_dtype d, int64_t columns);
void ag_columns_end(ag_dtype d, int64_t columns, const void *lanes, double *total);
void ag_columns_join(double *total, int64_t rows, int64_t columns); /* all blocks' to those of the first */

#endif
