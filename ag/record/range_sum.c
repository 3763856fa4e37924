/* Sums of what a row's backward kernel gives, for an operand that was broadcast: it is made in blocks that stay in the
 * cache, never as a whole. */
#include "ag/record/record.h"

typedef struct making {
    ag_range r;
    ag_dtype work;
    ag_gathered operand[2]; /* in the shape of the result */
    const void *numbers;    /* of an operand that is a number in each row: the kernel's c; NULL: there is none such */
    int64_t first;          /* the element that counts as number 0 */
} making;

static const void *at(const void *p, int64_t i, ag_dtype d)
{
    return p ? (const char *)p + i * (int64_t)ag_bytes_of(d) : NULL;
}

static void make(const void *context, int64_t i, int64_t n, void *to)
{
    const making *m = context;
    _Alignas(64) char block[2][AG_MADE_BYTES];
    ag_range r = m->r;
    i += m->first;
    r.to = to;
    r.dy = at(r.dy, i, m->work);
    r.y = at(r.y, i, m->work);
    r.a = ag_gathered_at(&m->operand[0], i, n, block[0]);
    r.b = ag_gathered_at(&m->operand[1], i, n, block[1]);
    ag_range_run(&r, n, 1);
}

static making making_of(const ag_range *r, ag_dtype work, const ag_array *const *arrays)
{
    making m = { .r = *r, .work = work };
    m.r.dy = arrays[1]->data;
    m.r.y = arrays[4]->data;
    m.r.add = false;
    for (int i = 0; i < 2; i++)
        m.operand[i] = ag_gathered_of(arrays[2 + i], work);
    return m;
}

void ag_range_sum(const ag_range *r, ag_dtype work, const ag_array *const *arrays, const ag_array *to, bool add,
                  void *room, int threads)
{
    const making m = making_of(r, work, arrays);
    ag_reduce_made(to, arrays[1], &(ag_maker){ make, &m }, add, room, threads);
}

/* ---- two operands together, some rows at a time: a block of those that are added up in one go */

enum { ROWS = AG_COLUMNS_BLOCK, NARROW = 128, WIDE = 4096 /* columns */, LINE = 64, PAGE = 4096, AHEAD = 2 /* rows */ };

typedef struct both {
    making repeated, other;
    const ag_range_part *part; /* the other one's */
    bool whole;                /* it has a place for each element */
    int64_t rows, columns;
    double *total;
} both;

bool ag_range_goes_with(ag_shape y, ag_shape repeated, ag_shape other)
{
    const int64_t size = ag_shape_size(y), columns = y.rank > 0 ? y.dim[y.rank - 1] : 1;
    if (size < AG_TOGETHER || columns <= NARROW || columns > WIDE || size / columns <= ROWS ||
        ag_shape_size(repeated) != columns || repeated.dim[repeated.rank - 1] != columns)
        return false;
    return ag_shape_equal(other, y) ||
           (other.rank == y.rank && other.dim[y.rank - 1] == 1 && ag_shape_size(other) == size / columns);
}

/* Where an operand is a number in each row, the kernel of a number makes what that of arrays would, and none are gathered. */
static void number_rows(making *m, const ag_range_part *part)
{
    ag_gathered *column = &m->operand[part->column];
    if (m->r.padded || !column->data)
        return;
    m->numbers = column->data;
    column->data = NULL;
    m->r.backward = part->of_number;
}

static void set_number(making *m, int64_t row)
{
    if (m->numbers && m->work == AG_F32)
        m->r.c = (double)((const float *)m->numbers)[row];
    else if (m->numbers)
        m->r.c = ((const double *)m->numbers)[row];
}

/* So many elements from number i on, in pieces. */
static void make_row(const making *m, int64_t i, int64_t n, char *to)
{
    const int64_t size = (int64_t)ag_bytes_of(m->work), most = AG_MADE_BYTES / size;
    for (int64_t k = 0; k < n; k += most)
        make(m, i + k, n - k < most ? n - k : most, to + k * size);
}

/* For what comes next: memory would wait while the row is added. */
static void ask_for(const char *next, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i += LINE)
        __builtin_prefetch(next + i, 0, 2);
}

/* The row, in two parts where nothing else is written to memory, with each of which a part of what comes next is asked for:
 * what is asked for at once fills the queue in which this row's own loads then stand. */
static void make_asking(const both *p, const making *m, int64_t i, int64_t n, char *to, const char *next, int64_t bytes)
{
    const int64_t part = p->whole ? 0 : n / 2 & -LINE, asked = p->whole ? 0 : bytes / 2 & -LINE;
    ask_for(next, asked);
    make_row(m, i, part, to);
    ask_for(next + asked, bytes - asked);
    make_row(m, i + part, n - part, to + part * (int64_t)ag_bytes_of(m->work));
}

/* Adds the contributions of a row to the lanes, or to the totals of those columns that have none. */
static void add_row(const both *p, const making *m, int64_t i, char *lanes, double *total, const char *next,
                    int64_t bytes)
{
    const int64_t together = ag_columns_in_lanes(m->work, p->columns), rest = p->columns - together;
    double alone[LINE];
    make_asking(p, m, i, together, lanes, next, bytes);
    if (!rest)
        return;
    making last = *m;
    last.r.add = false;
    make_row(&last, i + together, rest, (char *)alone);
    for (int64_t k = 0; k < rest; k++)
        total[together + k] += m->work == AG_F32 ? (double)((const float *)alone)[k] : alone[k];
}

/* Where in so much room, with a page more, what is written lies half a page from what is read at `from`: a load waits for stores
 * to places whose last twelve bits are its own. */
static char *aside(char *room, const char *from)
{
    return room + (((uintptr_t)from - (uintptr_t)room - PAGE / 2) & (PAGE - LINE));
}

/* Rows from `first` on: what they are added to in the order of a sum over rows, and what goes to the other operand. */
static void run_block(const both *p, int64_t first, int64_t rows, double *total)
{
    const ag_dtype d = p->other.work;
    const int64_t bytes = p->columns * (int64_t)ag_bytes_of(d), half = bytes / 2 & -LINE;
    making repeated = p->repeated, other = p->other;
    _Alignas(LINE) char space[2][WIDE * 8 + PAGE];
    const char *dy = at(p->repeated.r.dy, first * p->columns, d);
    char *lanes = aside(space[0], dy), *room = aside(space[1], dy);
    double sum[ROWS];
    memset(lanes, 0, (size_t)bytes);
    memset(total, 0, (size_t)p->columns * sizeof *total);
    for (int64_t r = 0; r < rows; r++) {
        const int64_t i = (first + r) * p->columns;
        set_number(&repeated, first + r);
        set_number(&other, first + r);
        const char *next = at(p->repeated.r.dy, i + AHEAD * p->columns, d);
        char *made = p->whole ? (char *)(uintptr_t)at(p->part->to.data, i, d) : room;
        add_row(p, &repeated, i, lanes, total, next, half);
        make_asking(p, &other, i, p->columns, made, next + half, bytes - half);
        if (!p->whole)
            sum[r] = ag_sum_floats(d, room, p->columns, 1);
    }
    ag_columns_end(d, p->columns, lanes, total);
    if (p->whole)
        return;
    const ag_shape one_each = AG_SHAPE(rows);
    const ag_array from = ag_dense_array(one_each, AG_F64, sum),
                   to = ag_dense_array(one_each, d, (void *)(uintptr_t)at(p->part->to.data, first, d));
    ag_sum_array(&to, &from, 1, p->part->add, 1);
}

static void run_blocks(const void *context, int64_t begin, int64_t end)
{
    const both *p = context;
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * ROWS, rows = p->rows - first < ROWS ? p->rows - first : ROWS;
        run_block(p, first, rows, p->total + block * p->columns);
    }
}

void ag_range_both(const ag_range_part *repeated, const ag_range_part *other, ag_dtype work, void *room, int threads)
{
    const ag_shape y = repeated->arrays[1]->shape;
    both p = { .repeated = making_of(&repeated->r, work, repeated->arrays),
               .other = making_of(&other->r, work, other->arrays),
               .part = other,
               .whole = ag_shape_equal(other->to.shape, y),
               .columns = y.dim[y.rank - 1],
               .total = room };
    p.rows = ag_shape_size(y) / p.columns;
    p.repeated.r.add = true;
    p.other.r.add = p.whole && other->add;
    if (!p.whole) {
        number_rows(&p.repeated, repeated);
        number_rows(&p.other, other);
    }
    ag_for_ranges(ag_columns_blocks(p.rows), (double)(ROWS * p.columns), threads, run_blocks, &p);
    ag_columns_join(p.total, p.rows, p.columns);
    const ag_array total = ag_dense_array(repeated->to.shape, AG_F64, p.total);
    ag_sum_array(&repeated->to, &total, 1, repeated->add, 1);
}
