/* Sums over the rows of a matrix that come one after the other, with the bits of ag_sum_array: up to AG_SUM_ROWS of them
 * are added up in the elements' dtype, but for the last few columns, and such blocks in double, pairwise. */
#include "ag/kernels/reduce_sums.h"

/* How many columns are added in lanes: see sum_block in reduce_sums.inc. */
static int64_t in_lanes(ag_dtype d, int64_t columns)
{
    const int64_t left = columns % AG_SUM_CHUNK, lanes = 64 / (int64_t)ag_bytes_of(d);
    return left < lanes ? columns - left : columns;
}

int64_t ag_columns_blocks(int64_t rows)
{
    return ag_parts(rows, AG_SUM_ROWS);
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
        for (int64_t i = 0; i < together && last; i++)        \
            total[i] = (double)sum[i];                        \
    } while (0)

void ag_columns_add(ag_dtype d, int64_t columns, const void *row, bool first, bool last, void *lanes, double *total)
{
    const int64_t together = in_lanes(d, columns);
    if (d == AG_F32)
        ADD_ROW(float);
    else
        ADD_ROW(double);
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
