/* Sums over the rows of a matrix that come one after the other, with the bits of ag_sum_array: up to AG_SUM_ROWS of them
 * are added up in the elements' dtype, but for the last few columns, and such blocks in double, pairwise. */
#include "ag/kernels/reduce_sums.h"

#include <string.h>

/* See sum_block in reduce_sums.inc. */
int64_t ag_columns_in_lanes(ag_dtype d, int64_t columns)
{
    const int64_t left = columns % AG_SUM_CHUNK, lanes = 64 / (int64_t)ag_bytes_of(d);
    return left < lanes ? columns - left : columns;
}

int64_t ag_columns_blocks(int64_t rows)
{
    return ag_parts(rows, AG_SUM_ROWS);
}

void ag_columns_end(ag_dtype d, int64_t columns, const void *lanes, double *total)
{
    const int64_t together = ag_columns_in_lanes(d, columns);
    for (int64_t i = 0; i < together && d == AG_F32; i++)
        total[i] = (double)((const float *)lanes)[i];
    if (d == AG_F64)
        memcpy(total, lanes, (size_t)together * sizeof *total);
}

#define ADD_ROW(type)                                         \
    do {                                                      \
        const type *restrict x = row;                         \
        type *restrict sum = lanes;                           \
        for (int64_t i = 0; i < together && first; i++)       \
            sum[i] = (type)0 + x[i];                          \
        for (int64_t i = 0; i < together && !first; i++)      \
            sum[i] += x[i];                                   \
        for (int64_t i = together; i < columns; i++)          \
            total[i] = (first ? 0 : total[i]) + (double)x[i]; \
    } while (0)

void ag_columns_add(ag_dtype d, int64_t columns, const void *row, bool first, bool last, void *lanes, double *total)
{
    const int64_t together = ag_columns_in_lanes(d, columns);
    if (d == AG_F32)
        ADD_ROW(float);
    else
        ADD_ROW(double);
    if (last)
        ag_columns_end(d, columns, lanes, total);
}

void ag_columns_join(double *total, int64_t rows, int64_t columns)
{
    if (rows <= AG_SUM_ROWS)
        return;
    const int64_t at = ag_parts(rows / 2, AG_SUM_ROWS);
    double *second = total + at * columns;
    ag_columns_join(total, at * AG_SUM_ROWS, columns);
    ag_columns_join(second, rows - at * AG_SUM_ROWS, columns);
    for (int64_t i = 0; i < columns; i++)
        total[i] += second[i];
}
