/* Sums over dimensions of strided arrays: which dimensions are summed, in which order, by how many threads. */
#include "ag/kernels/kernels.h"
#include "ag/kernels/reduce_job.h"
#include <math.h>
#include <stdlib.h>

enum {
    UNIT = AG_SHARE, /* elements that are worth a unit of their own */
    UNITS = 32,      /* of long rows, at least, or one for each: they are summed by two some rows apart */
    FEW = 1024       /* totals that are made together of units that are not */
};

static const ag_sums *sums_of(ag_dtype d)
{
    return d == AG_F32   ? &ag_sums_f32
           : d == AG_F64 ? &ag_sums_f64
           : d == AG_I32 ? &ag_sums_i32
           : d == AG_I64 ? &ag_sums_i64
                         : &ag_sums_u8;
}

/* ---- units */

typedef struct unit {
    ag_sum_unit sum;
    char *to;
} unit;

static unit unit_at(const ag_sum_job *j, const ag_cursor *row, int64_t chunk)
{
    int last = j->kept.rank - 1;
    int64_t first = chunk * j->chunk, count = j->kept.dim[last] - first;
    int64_t from = row->offset[0] + first * j->kept.stride[0][last];
    int64_t to = row->offset[1] + first * j->kept.stride[1][last];
    return (unit){ { .box = &j->box,
                     .from = j->from + from * j->from_size,
                     .count = count < j->chunk ? count : j->chunk,
                     .step = j->kept.stride[0][last],
                     .across = j->across,
                     .maker = j->maker,
                     .first = j->from },
                   j->to + to * j->to_size };
}

static void finish(const ag_sum_job *j, const unit *u, ag_total *total)
{
    ag_sum_finish(&j->end, u->to, j->kept.stride[1][j->kept.rank - 1], total, u->sum.count);
}

static void run_units(const void *context, int64_t begin, int64_t end)
{
    const ag_sum_job *j = context;
    ag_total total[AG_SUM_WIDE];
    ag_cursor row;
    int64_t chunk = begin % j->chunks;
    ag_cursor_set(&j->kept, begin / j->chunks, &row);
    for (int64_t i = begin; i < end; i++) {
        unit u = unit_at(j, &row, chunk);
        if (j->wide)
            j->sums->block(&u.sum, j->box.dim[0], total);
        else
            j->sums->unit(&u.sum, 0, 0, total);
        finish(j, &u, total);
        if (++chunk == j->chunks) {
            chunk = 0;
            ag_cursor_next(&j->kept, &row, 2);
        }
    }
}

/* ---- units of few elements: many, one after the other */

static bool of_few(const ag_sum_job *j)
{
    ag_cursor row;
    if (j->kept.rank != 2 || j->chunks != 1)
        return false;
    ag_cursor_set(&j->kept, 0, &row);
    const unit u = unit_at(j, &row, 0);
    return j->sums->fits_few(&u.sum, j->kept.stride[0][0]);
}

static void run_few(const void *context, int64_t begin, int64_t end)
{
    const ag_sum_job *j = context;
    const int64_t count = j->kept.dim[1], step = j->kept.stride[1][1], to_row = j->kept.stride[1][0];
    const int64_t at_once = FEW / count;
    ag_total total[FEW + AG_SUM_SLACK];
    for (int64_t i = begin; i < end; i += at_once) {
        const int64_t now = end - i < at_once ? end - i : at_once;
        ag_cursor row;
        ag_cursor_set(&j->kept, i, &row);
        const unit u = unit_at(j, &row, 0);
        j->sums->few(&u.sum, now, j->kept.stride[0][0], total);
        if (to_row == count * step)
            ag_sum_finish(&j->end, u.to, step, total, now * count);
        else
            for (int64_t k = 0; k < now; k++)
                ag_sum_finish(&j->end, u.to + k * to_row * j->to_size, step, total + k * count, count);
    }
}

/* ---- parts of units */

typedef struct parts {
    const ag_sum_job *job;
    const ag_sum_unit *unit;
    ag_total (*total)[AG_SUM_CHUNK];
    int depth;
} parts;

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const parts *p = context;
    for (int64_t i = begin; i < end; i++)
        p->job->sums->unit(p->unit, p->depth, (int)i, p->total[i]);
}

/* A unit by several threads. Its parts are joined in the order in which one thread sums them. */
static void run_divided(const ag_sum_job *j, const unit *u, int depth, int threads)
{
    ag_total total[1 << AG_SUM_DEPTH][AG_SUM_CHUNK];
    parts p = { j, &u->sum, total, depth };
    ag_for_ranges(1 << depth, UNIT, threads, run_parts, &p);
    for (int span = 1; span < 1 << depth; span *= 2)
        for (int i = 0; i < 1 << depth; i += 2 * span)
            j->sums->join(total[i], total[i + span], u->sum.count);
    finish(j, u, total[0]);
}

/* ---- the plan */

static int64_t box_size(const ag_sum_job *j)
{
    int64_t size = 1;
    for (int d = 0; d < j->box.rank; d++)
        size *= j->box.dim[d];
    return size;
}

/* How often a unit may be halved so that no part becomes too small to be halved in turn. */
static int depth_of(int64_t elements)
{
    int depth = 0;
    while (depth < AG_SUM_DEPTH && elements >> (depth + 1) >= UNIT)
        depth++;
    return depth;
}

static void divide_dimensions(ag_sum_job *j, const ag_array *to, const ag_array *from, ag_nest *summed)
{
    for (int d = 0; d < from->shape.rank; d++) {
        int64_t dim = from->shape.dim[d], stride = from->stride[d];
        if (dim == 1)
            continue;
        if (to->shape.dim[d] != 1) {
            j->kept.dim[j->kept.rank] = dim;
            j->kept.stride[0][j->kept.rank] = stride;
            j->kept.stride[1][j->kept.rank++] = to->stride[d];
        } else if (stride == 0) {
            j->end.times *= (uint64_t)dim;
        } else {
            summed->dim[summed->rank] = dim;
            summed->stride[0][summed->rank++] = stride;
        }
    }
    ag_nest_order(&j->kept);
    ag_nest_order(summed);
}

static bool closer(int64_t stride, int64_t than)
{
    return stride != 0 && llabs(stride) < llabs(than);
}

static void plan(ag_sum_job *j, const ag_array *to, const ag_array *from)
{
    ag_nest summed = { .arrays = 1 };
    divide_dimensions(j, to, from, &summed);
    j->box.rank = summed.rank;
    memcpy(j->box.dim, summed.dim, sizeof j->box.dim);
    memcpy(j->box.stride, summed.stride[0], sizeof j->box.stride);
    int last = j->kept.rank - 1;
    int64_t results = j->kept.dim[last], size = box_size(j);
    j->across = size == 1 || (results > 1 && closer(j->kept.stride[0][last], summed.stride[0][summed.rank - 1]));
    j->chunk = j->across || size < UNIT / AG_SUM_CHUNK ? AG_SUM_CHUNK : size < UNIT ? UNIT / size : 1;
    if (ag_sum_lines(&j->box, j->across, j->kept.stride[0][last]))
        j->chunk = AG_SUM_BLOCK / j->box.dim[1] < AG_SUM_CHUNK ? AG_SUM_BLOCK / j->box.dim[1] : AG_SUM_CHUNK;
    if (!j->across && j->box.rank == 1 && size > AG_SUM_BLOCK && j->chunk < results / UNITS)
        j->chunk = results / UNITS < AG_SUM_CHUNK ? results / UNITS : AG_SUM_CHUNK;
    if (j->chunk > results)
        j->chunk = results;
    j->chunks = (results + j->chunk - 1) / j->chunk;
}

/* Few rows of many columns that are made, as many at once as a block may have. */
static void widen(ag_sum_job *j)
{
    const int last = j->kept.rank - 1;
    const int64_t results = j->kept.dim[last];
    j->wide = j->maker && j->across && j->box.rank == 1 && j->box.dim[0] <= AG_SUM_ROWS &&
              j->kept.stride[0][last] == 1 && results > AG_SUM_CHUNK;
    if (!j->wide)
        return;
    j->chunk = results < AG_SUM_WIDE ? results : AG_SUM_WIDE;
    j->chunks = ag_parts(results, j->chunk);
}

static void run(const ag_sum_job *j, int threads)
{
    int64_t rows = ag_nest_rows(&j->kept), units = rows * j->chunks;
    int64_t elements = box_size(j) * j->chunk; /* of a unit */
    int depth = depth_of(elements);
    if (of_few(j)) {
        ag_for_ranges(rows, (double)elements, threads, run_few, j);
        return;
    }
    if (threads <= 1 || units >= threads || depth == 0 || j->wide) {
        ag_for_ranges(units, (double)elements, threads, run_units, j);
        return;
    }
    ag_cursor row;
    ag_cursor_set(&j->kept, 0, &row);
    for (int64_t i = 0; i < units; i++) {
        unit u = unit_at(j, &row, i % j->chunks);
        run_divided(j, &u, depth, threads);
        if (i % j->chunks == j->chunks - 1)
            ag_cursor_next(&j->kept, &row, 2);
    }
}

/* The mean's 1/n: dividing by n rounds once. */
static double divisor_of(double scale)
{
    double n = rint(1 / scale);
    return scale != 1 && isfinite(n) && n != 0 && 1 / n == scale ? n : 0;
}

static ag_sum_job job_of(const ag_array *to, const ag_array *from, ag_sum_ending end)
{
    ag_sum_job j = { .sums = sums_of(from->dtype), .kept.arrays = 2, .from = from->data, .to = to->data, .end = end };
    j.end.from = from->dtype;
    j.end.to = to->dtype;
    j.from_size = (int64_t)ag_dtype_size(from->dtype);
    j.to_size = (int64_t)ag_dtype_size(to->dtype);
    plan(&j, to, from);
    ag_sum_choose(&j);
    return j;
}

static bool empty(const ag_array *to, const ag_array *from, ag_sum_ending end)
{
    if (ag_array_size(to) > 0 && ag_array_size(from) > 0)
        return false;
    if (ag_array_size(to) > 0 && !end.add)
        ag_fill_array(to, 0 * end.scale);
    return true;
}

static void sum_array(const ag_array *to, const ag_array *from, const ag_maker *maker, ag_sum_ending end, void *work,
                      int threads)
{
    if (empty(to, from, end))
        return;
    ag_sum_job j = job_of(to, from, end);
    j.maker = maker;
    j.work = work;
    widen(&j);
    if (work)
        ag_sum_parts(&j, threads);
    else if (j.across && box_size(&j) == 1 && j.end.times == 1 && end.scale == 1 && !maker)
        ag_copy_array(to, from, end.add, threads);
    else
        run(&j, threads);
}

size_t ag_sum_work(const ag_array *to, const ag_array *from)
{
    if (ag_array_size(to) == 0 || ag_array_size(from) < 2 * UNIT) /* small ones lie in the cache */
        return 0;
    const ag_sum_job j = job_of(to, from, (ag_sum_ending){ .times = 1 });
    return (size_t)(ag_array_size(to) * j.parts) * sizeof(ag_total);
}

void ag_sum_within(const ag_array *to, const ag_array *from, double scale, bool add, void *work, int threads)
{
    sum_array(to, from, NULL, (ag_sum_ending){ scale, divisor_of(scale), 1, add, 0, 0 }, work, threads);
}

void ag_sum_array(const ag_array *to, const ag_array *from, double scale, bool add, int threads)
{
    ag_sum_within(to, from, scale, add, NULL, threads);
}

static ag_array kept_of(const ag_array *to, const ag_array *from)
{
    ag_axes summed;
    ag_array kept = ag_array_expand(to, from->shape);
    ag_broadcast_axes(to->shape, from->shape, &summed);
    for (int i = 0; i < summed.count; i++)
        kept.shape.dim[summed.axis[i]] = 1;
    return kept;
}

/* The rows of a dense matrix, added up to one dense row by one unit: what the general way comes to, without its plan. */
static bool add_few_rows(const ag_array *to, const ag_array *from, bool add)
{
    const int64_t rows = from->shape.dim[0], columns = from->shape.dim[1];
    if (to->shape.rank != 1 || from->shape.rank != 2 || to->shape.dim[0] != columns || rows < 2 || columns < 1 ||
        columns > AG_SUM_CHUNK || rows > UNIT / columns || from->stride[0] != columns ||
        (columns > 1 && (from->stride[1] != 1 || to->stride[0] != 1)))
        return false;
    const ag_box box = { .rank = 1, .dim = { rows }, .stride = { columns } };
    const bool across = columns > 1;
    const ag_sum_unit all = {
        .box = &box, .from = from->data, .count = columns, .step = across ? 1 : rows, .across = across
    };
    ag_total total[AG_SUM_CHUNK];
    sums_of(from->dtype)->unit(&all, 0, 0, total);
    const ag_sum_ending end = { .scale = 1, .times = 1, .add = add, .from = from->dtype, .to = to->dtype };
    ag_sum_finish(&end, to->data, 1, total, columns);
    return true;
}

void ag_reduce_to(const ag_array *to, const ag_array *from, bool add, int threads)
{
    if (ag_shape_equal(to->shape, from->shape)) {
        ag_copy_array(to, from, add, threads);
        return;
    }
    if (add_few_rows(to, from, add))
        return;
    const ag_array kept = kept_of(to, from);
    ag_sum_array(&kept, from, 1, add, threads);
}

size_t ag_reduce_work(const ag_array *to, const ag_array *like)
{
    const ag_array kept = kept_of(to, like);
    return ag_sum_work(&kept, like);
}

void ag_reduce_made(const ag_array *to, const ag_array *like, const ag_maker *maker, bool add, void *work, int threads)
{
    const ag_array kept = kept_of(to, like);
    sum_array(&kept, like, maker, (ag_sum_ending){ 1, 0, 1, add, 0, 0 }, work, threads);
}

double ag_sum_floats(ag_dtype d, const void *data, int64_t count, int threads)
{
    double sum = 0;
    if (count > 0 && count <= UNIT) { /* what the general way comes to, without its plan */
        const ag_box box = { .rank = 1, .dim = { count }, .stride = { 1 } };
        const ag_sum_unit all = { .box = &box, .from = data, .count = 1, .step = count };
        ag_total total;
        sums_of(d)->unit(&all, 0, 0, &total);
        return total.real;
    }
    ag_array to = ag_layout_array(&ag_scalar_layouts[AG_F64], &sum);
    ag_array from = { .data = (void *)(uintptr_t)data, .dtype = d, .shape = { 1, { count } }, .stride = { 1 } };
    ag_reduce_to(&to, &from, false, threads);
    return sum;
}

int64_t ag_sum_half(ag_dtype d, int64_t count)
{
    const int64_t multiple = 4 * 64 / (int64_t)ag_bytes_of(d);
    _Static_assert((int)AG_SUM_LEAF == (int)AG_SUM_BLOCK, "what is not halved is added in lanes");
    return count <= AG_SUM_LEAF ? count : (count / 2 + multiple - 1) / multiple * multiple;
}
