/* Reductions that need more than one number on their way: what becomes of lines of elements, part by part. */
#ifndef AG_KERNELS_FOLD_H
#define AG_KERNELS_FOLD_H

#include "ag/array/array.h"

enum {
    AG_FOLD_COLUMNS =
        2048, /* lines side by side that are gone through together: the longer rows are, the nearer to memory's order */
    AG_FOLD_LANES = 16, /* into which a line is dealt out */
    AG_FOLD_LINE = 4096 /* elements of it that are dealt out at a time */
};

typedef struct ag_total_of {
    double a, b;
    int64_t n;
} ag_total_of;

typedef struct ag_fold {
    /* total[k], for each of `count` lines on end of n elements, `least`, 8 or more, to AG_FOLD_LINE; NULL: as columns and
     * join give it */
    void (*lines)(const void *x, int64_t n, int64_t count, const void *context, ag_total_of *total);
    int64_t least;
    /* total[k], for each of `count` lines side by side, at most AG_FOLD_COLUMNS, of n elements `step` apart; n > 0 */
    void (*columns)(const void *x, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total);
    /* each of `count` totals becomes that of both, which are in this order */
    void (*join)(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context);
    const void *context;
    ag_total_of none; /* of no elements */
    int64_t deep;     /* elements of lines side by side that are gone through before they are joined */
} ag_fold;

/* x, dense, as [outer, n, inner]: total[outer, inner]. The order depends on the extents alone. work:
 * ag_fold_work bytes, NULL where it says 0. */
size_t ag_fold_work(int64_t outer, int64_t n, int64_t inner);
void ag_fold_lines(const ag_fold *f, const ag_array *x, int64_t outer, int64_t n, int64_t inner, ag_total_of *total,
                   void *work, int threads);

/* For each of `count` lines side by side of n elements v, `step` apart: as[k] and bs[k] are what becomes of `first` and 0
 * as a and b by NEXT, which knows v and cs[k], too. Several rows at a time, since what was just stored is slow to load. */
#define AG_FOLD_EACH(name, type, state, first, NEXT)                                                                   \
    static inline __attribute__((always_inline)) void name##_some(                                                     \
        const type *x, int rows, int64_t step, int64_t count, const state *cs, state *restrict as, state *restrict bs) \
    {                                                                                                                  \
        (void)cs;                                                                                                      \
        for (int64_t k = 0; k < count; k++) {                                                                          \
            state a = as[k], b = bs[k];                                                                                \
            _Pragma("GCC unroll 8") for (int r = 0; r < rows; r++)                                                     \
            {                                                                                                          \
                const type v = x[r * step + k];                                                                        \
                NEXT;                                                                                                  \
            }                                                                                                          \
            as[k] = a;                                                                                                 \
            bs[k] = b;                                                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(const type *x, int64_t n, int64_t step, int64_t count, const state *cs, state *as, state *bs)     \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        for (int64_t k = 0; k < count; k++) {                                                                          \
            as[k] = first;                                                                                             \
            bs[k] = 0;                                                                                                 \
        }                                                                                                              \
        for (; i + 8 <= n; i += 8)                                                                                     \
            name##_some(x + i * step, 8, step, count, cs, as, bs);                                                     \
        for (; i < n; i++)                                                                                             \
            name##_some(x + i * step, 1, step, count, cs, as, bs);                                                     \
    }

#endif
