/* Sums of many results in the order of memory, part by part. The parts' totals are joined as units join theirs: reduce.c. */
#include "ag/kernels/reduce_job.h"

enum { LINE = 32 /* elements: shorter ones have totals that take too much room */ };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Rows are added up: a part is a block of them. */
static bool in_blocks(const ag_sum_job *j)
{
    const int last = j->kept.rank - 1;
    return j->across && j->box.rank == 1 && j->kept.stride[0][last] == 1 && j->kept.dim[last] > AG_SUM_CHUNK &&
           j->box.dim[0] > AG_SUM_ROWS;
}

/* Results lie between what is summed, [n, results, line]: a part is a line. */
static bool in_lines(const ag_sum_job *j)
{
    const ag_box *b = &j->box;
    return !j->across && b->rank == 2 && b->stride[1] == 1 && b->dim[1] >= LINE && j->kept.rank == 1 &&
           j->kept.dim[0] > 1 && j->kept.stride[0][0] == b->dim[1];
}

void ag_sum_choose(ag_sum_job *j)
{
    const bool floats = ag_is_float(j->end.from);
    j->parts = !floats ? 0 : in_blocks(j) ? ag_parts(j->box.dim[0], AG_SUM_ROWS) : in_lines(j) ? j->box.dim[0] : 0;
}

/* Results that are joined at a time. */
static int64_t width_of(const ag_sum_job *j)
{
    return j->across ? AG_SUM_WIDE : AG_SUM_CHUNK;
}

/* ---- blocks of whole rows, as memory gives them most quickly */

static void run_blocks(const void *context, int64_t begin, int64_t end)
{
    const ag_sum_job *j = context;
    const int64_t results = j->kept.dim[j->kept.rank - 1], pieces = ag_parts(results, AG_SUM_WIDE);
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i % pieces * AG_SUM_WIDE, block = i / pieces % j->parts, done = block * AG_SUM_ROWS;
        ag_cursor row;
        ag_cursor_set(&j->kept, i / pieces / j->parts, &row);
        const int64_t from = row.offset[0] + done * j->box.stride[0] + first;
        const ag_sum_unit u = { .box = &j->box,
                                .from = j->from + from * j->from_size,
                                .count = smaller(results - first, AG_SUM_WIDE),
                                .step = 1,
                                .across = true,
                                .maker = j->maker,
                                .first = j->from };
        j->sums->block(&u, smaller(j->box.dim[0] - done, AG_SUM_ROWS), j->work + i / pieces * results + first);
    }
}

/* Of so many rows, the totals of whose blocks are `step` apart. */
static void join_blocks(const ag_sum_job *j, ag_total *total, int64_t rows, int64_t step, int64_t count)
{
    if (rows <= AG_SUM_ROWS)
        return;
    const int64_t at = ag_parts(rows / 2, AG_SUM_ROWS);
    ag_total *second = total + at * step;
    join_blocks(j, total, at * AG_SUM_ROWS, step, count);
    join_blocks(j, second, rows - at * AG_SUM_ROWS, step, count);
    j->sums->join(total, second, count);
}

/* ---- lines */

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const ag_sum_job *j = context;
    const int64_t results = j->kept.dim[0], pieces = ag_parts(results, AG_SUM_CHUNK), n = j->box.dim[1];
    const ag_box line = { .rank = 1, .dim = { n }, .stride = { 1 } };
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i % pieces * AG_SUM_CHUNK, from = i / pieces * j->box.stride[0] + first * n;
        const ag_sum_unit u = { .box = &line,
                                .from = j->from + from * j->from_size,
                                .count = smaller(results - first, AG_SUM_CHUNK),
                                .step = n,
                                .maker = j->maker,
                                .first = j->from };
        j->sums->unit(&u, 0, 0, j->work + i / pieces * results + first);
    }
}

static void join_lines(const ag_sum_job *j, ag_total *total, int64_t lines, int64_t step, int64_t count)
{
    if (lines == 1)
        return;
    if (lines * j->box.dim[1] <= AG_SUM_BLOCK) {
        for (int64_t i = 1; i < lines; i++)
            j->sums->join(total, total + i * step, count);
        return;
    }
    ag_total *second = total + lines / 2 * step;
    join_lines(j, total, lines / 2, step, count);
    join_lines(j, second, lines - lines / 2, step, count);
    j->sums->join(total, second, count);
}

/* ---- both */

static void finish_parts(const void *context, int64_t begin, int64_t end)
{
    const ag_sum_job *j = context;
    const int last = j->kept.rank - 1;
    const int64_t results = j->kept.dim[last], step = j->kept.stride[1][last], wide = width_of(j);
    const int64_t pieces = ag_parts(results, wide);
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i % pieces * wide, count = smaller(results - first, wide);
        ag_total *total = j->work + i / pieces * j->parts * results + first;
        ag_cursor row;
        ag_cursor_set(&j->kept, i / pieces, &row);
        if (j->across)
            join_blocks(j, total, j->box.dim[0], results, count);
        else
            join_lines(j, total, j->box.dim[0], results, count);
        ag_sum_finish(&j->end, j->to + (row.offset[1] + first * step) * j->to_size, step, total, count);
    }
}

void ag_sum_parts(const ag_sum_job *j, int threads)
{
    const int64_t rows = ag_nest_rows(&j->kept), results = j->kept.dim[j->kept.rank - 1];
    const int64_t wide = smaller(results, width_of(j)), pieces = ag_parts(results, width_of(j));
    const int64_t elements = wide * (j->across ? AG_SUM_ROWS : j->box.dim[1]); /* of a part */
    ag_for_ranges(rows * j->parts * pieces, (double)elements, threads, j->across ? run_blocks : run_lines, j);
    ag_for_ranges(rows * pieces, (double)(j->parts * wide), threads, finish_parts, j);
}
