/* Running sums, products and linear recurrences along an axis. */
#ifndef AG_KERNELS_SCAN_H
#define AG_KERNELS_SCAN_H

#include "ag/array/array.h"

/* Dense arrays as [outer, n, inner], run through along n: from its first element on, or in reverse from its last. */
typedef struct ag_scan {
    ag_dtype dtype;
    int64_t outer, n, inner;
    bool reverse;
    int threads;
} ag_scan;

/* y[i] = x[0] + ... + x[i], of integers as i64, modulo 2^64. f32 is added in double. The sums of numbers that are not
 * negative do not descend. work: NULL, or ag_scan_work bytes, with which one long line is divided among threads. */
size_t ag_scan_work(const ag_scan *s);
void ag_scan_sum(const ag_scan *s, const void *x, void *y, void *work);
/* y[i] = x[0] ... x[i], of integers as i64, modulo 2^64; of f32 in double. */
void ag_scan_product(const ag_scan *s, const void *x, void *y);
/* y[i] = a[i - lag] y[i-1] + b[i] in the order of the scan, y[0] = b[0]; f32 and f64. y is neither. */
void ag_scan_linear(const ag_scan *s, const void *a, const void *b, void *y, int lag);
/* y[i] = x[0] ... x[i-1] b[i] (+ y[i]) in the order of the scan; f32 and f64. */
void ag_scan_product_before(const ag_scan *s, const void *x, const void *b, void *y, bool add);

#endif
