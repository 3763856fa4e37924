/* Running a chain that has rows: some of them at a time, whole. A sum over everything is that of the leaves of its tree, in
 * which elements are halved whatever the rows are: those that lie in two blocks are put together first. */
#include "ag/record/chain_run.h"

enum { PARTS = 32 };

typedef struct job {
    const ag_chain_plan *c;
    int64_t rows, columns, at_once, part; /* at_once: rows of a block; part: rows that one thread runs */
    int64_t parts, leaves, blocks;
    size_t size, slot_bytes, area_bytes; /* area: all that a thread needs for itself */
    int slots;
    int64_t *leaf;                /* where each begins, and the end of the last */
    double *total;                /* of each leaf, for each sum */
    char *memory, *areas, *edges; /* edges: for each part and sum the leaf that ends in the next part */
} job;

typedef struct worker {
    const job *j;
    ag_chain_block b;
    char *carry, *lanes;       /* for each sum a leaf that ends in another block; for each sum of columns */
    int64_t first, begin, end; /* the leaf in which the block begins; elements of the part */
    int64_t number;            /* of the part */
} worker;

/* ---- leaves */

static int64_t find_leaves(ag_dtype d, int64_t i, int64_t n, int64_t *leaf, int64_t count)
{
    const int64_t half = ag_sum_half(d, n);
    if (half == n) {
        if (leaf)
            leaf[count] = i;
        return count + 1;
    }
    return find_leaves(d, i + half, n - half, leaf, find_leaves(d, i, half, leaf, count));
}

static double join_leaves(ag_dtype d, int64_t n, const double **total)
{
    const int64_t half = ag_sum_half(d, n);
    if (half == n)
        return *(*total)++;
    const double sum = join_leaves(d, half, total);
    return sum + join_leaves(d, n - half, total);
}

static char *edge(const job *j, int64_t part, int sum)
{
    return j->edges + (size_t)(part * j->c->sums + sum) * AG_SUM_LEAF * j->size;
}

static void add_leaves(const worker *w, const ag_chain_step *x)
{
    const job *j = w->j;
    const ag_dtype d = j->c->frame.layout->dtype;
    const char *data = ag_chain_at(&w->b, &x->from[0]);
    const int64_t at = w->b.at, end = at + w->b.n;
    for (int64_t k = w->first; k < j->leaves && j->leaf[k] < end; k++) {
        const int64_t s = j->leaf[k], e = j->leaf[k + 1], from = s > at ? s : at, to = e < end ? e : end;
        double *total = &j->total[x->number * j->leaves + k];
        if (to - from == e - s) {
            *total = ag_sum_floats(d, data + (size_t)(s - at) * j->size, e - s, 1);
            continue;
        }
        char *whole = s < w->begin ? edge(j, w->number - 1, x->number)
                      : e > w->end ? edge(j, w->number, x->number)
                                   : w->carry + (size_t)x->number * AG_SUM_LEAF * j->size;
        memcpy(whole + (size_t)(from - s) * j->size, data + (size_t)(from - at) * j->size,
               (size_t)(to - from) * j->size);
        if (to == e && s >= w->begin)
            *total = ag_sum_floats(d, whole, e - s, 1);
    }
}

static int64_t leaf_at(const job *j, int64_t i)
{
    int64_t low = 0, high = j->leaves;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        *(j->leaf[middle] <= i ? &low : &high) = middle;
    }
    return low;
}

static void join_sums(const job *j, double *sums)
{
    const ag_dtype d = j->c->frame.layout->dtype;
    for (int k = 0; k < j->c->sums; k++) {
        for (int64_t p = 1; p < j->parts; p++) {
            const int64_t border = p * j->part * j->columns, i = leaf_at(j, border), s = j->leaf[i];
            if (s < border)
                j->total[k * j->leaves + i] = ag_sum_floats(d, edge(j, p - 1, k), j->leaf[i + 1] - s, 1);
        }
        const double *total = j->total + k * j->leaves;
        sums[k] = join_leaves(d, j->rows * j->columns, &total);
    }
}

/* ---- columns */

static double *totals_of(const ag_chain_plan *c, int number)
{
    const int64_t blocks = ag_columns_blocks(c->frame.layout->size / c->frame.columns);
    return c->totals + number * blocks * c->frame.columns;
}

static void add_columns(const worker *w, const ag_chain_step *x)
{
    const job *j = w->j;
    const int64_t columns = j->columns, first = w->b.at / columns, last = first + w->b.n / columns;
    const char *row = ag_chain_at(&w->b, &x->from[0]);
    char *lanes = w->lanes + (size_t)(x->number * columns) * j->size;
    for (int64_t r = first; r < last; r++, row += (size_t)columns * j->size)
        ag_columns_add(j->c->frame.layout->dtype, columns, row, r % AG_COLUMNS_BLOCK == 0,
                       r % AG_COLUMNS_BLOCK == AG_COLUMNS_BLOCK - 1 || r == j->rows - 1, lanes,
                       totals_of(j->c, x->number) + r / AG_COLUMNS_BLOCK * columns);
}

void ag_chain_columns_arrive(const ag_chain_plan *c, int number, const ag_array *to, double scale, bool add)
{
    double *total = totals_of(c, number);
    ag_columns_join(total, c->frame.layout->size / c->frame.columns, c->frame.columns);
    const ag_array from = ag_dense_array(to->shape, AG_F64, total);
    ag_sum_array(to, &from, scale, add, 1);
}

/* Operands that repeat in each row repeat as often as a block has rows. */
static size_t repeat_columns(const job *j, ag_chain_plan *c, char *to)
{
    const size_t row = (size_t)j->columns * j->size;
    size_t done = 0;
    for (ag_chain_step *x = c->step; x < c->step + c->steps; x++)
        for (int k = 0; k < 4; k++) {
            if (j->at_once == 1 || x->from[k].kind != AG_CHAIN_COLUMNS || !x->from[k].array)
                continue;
            for (int64_t r = 0; to && r < j->at_once; r++)
                memcpy(to + done + (size_t)r * row, x->from[k].array, row);
            if (to)
                x->from[k].array = to + done;
            done += (size_t)j->at_once * row;
        }
    return done;
}

/* ---- running */

static void run_rows(worker *w, int64_t begin, int64_t end)
{
    const job *j = w->j;
    const ag_chain_plan *c = j->c;
    w->begin = begin * j->columns;
    w->end = end * j->columns;
    w->first = j->leaves ? leaf_at(j, w->begin) : 0;
    for (int64_t r = begin; r < end; r += j->at_once) {
        w->b.at = r * j->columns;
        w->b.n = (end - r < j->at_once ? end - r : j->at_once) * j->columns;
        while (w->first + 1 < j->leaves && j->leaf[w->first + 1] <= w->b.at)
            w->first++;
        for (const ag_chain_step *x = c->step; x < c->step + c->steps; x++) {
            if (x->work == AG_STEP_SUM)
                add_leaves(w, x);
            else if (x->work == AG_STEP_SUM_COLUMNS)
                add_columns(w, x);
            else
                ag_chain_do(&w->b, x);
        }
    }
}

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const job *j = context;
    worker w = { .j = j, .b = { j->c, j->areas + (size_t)begin * j->area_bytes, j->size, j->slot_bytes, 0, 0 } };
    w.carry = w.b.slots + (size_t)j->slots * j->slot_bytes;
    w.lanes = w.carry + (size_t)(j->c->sums * AG_SUM_LEAF) * j->size;
    for (w.number = begin; w.number < end; w.number++) {
        const int64_t from = w.number * j->part, to = from + j->part;
        run_rows(&w, from, to < j->rows ? to : j->rows);
    }
}

/* Parts are whole blocks of sums of columns. */
static void divide(job *j, int64_t *team)
{
    const ag_chain_plan *c = j->c;
    const int64_t worth = ag_parts(AG_CHAIN_PART, j->columns), least = ag_parts(j->rows, PARTS);
    j->part = ag_parts(worth > least ? worth : least, AG_COLUMNS_BLOCK) * AG_COLUMNS_BLOCK;
    if (!c->column_sums)
        j->part = worth > least ? worth : least;
    j->parts = ag_parts(j->rows, j->part);
    *team = ag_team(j->parts, (double)(j->part * j->columns) * c->steps, c->t->options.threads);
    if (*team > 1)
        return;
    j->part = j->rows;
    j->parts = 1;
}

static bool take_memory(job *j, ag_chain_plan *c, size_t *bytes)
{
    const size_t leaves = c->sums ? (size_t)(j->leaves + 1) * sizeof *j->leaf : 0;
    const size_t totals = (size_t)(c->sums * j->leaves) * sizeof(double);
    const size_t areas = (size_t)j->parts * j->area_bytes;
    const size_t edges = (size_t)(j->parts * c->sums * AG_SUM_LEAF) * j->size;
    *bytes = areas + leaves + totals + edges + repeat_columns(j, c, NULL) + 1;
    c->total_bytes = (size_t)(c->column_sums * j->blocks * j->columns) * sizeof(double);
    if (c->total_bytes && !(c->totals = ag_pool_take(c->t, c->total_bytes)))
        return false;
    j->memory = ag_pool_take(c->t, *bytes);
    if (!j->memory)
        return false;
    j->areas = j->memory;
    j->leaf = (int64_t *)(void *)(j->areas + areas);
    j->total = (double *)(void *)(j->areas + areas + leaves);
    j->edges = j->areas + areas + leaves + totals;
    repeat_columns(j, c, j->edges + edges);
    return true;
}

static job job_of(ag_chain_plan *c, int64_t *team)
{
    const ag_layout *l = c->frame.layout;
    job j = { .c = c, .columns = c->frame.columns, .size = ag_bytes_of(l->dtype) };
    j.rows = l->size / j.columns;
    j.blocks = ag_columns_blocks(j.rows);
    j.at_once = j.columns < AG_SUM_LEAF ? AG_SUM_LEAF / j.columns : 1;
    j.leaves = c->sums ? find_leaves(l->dtype, 0, l->size, NULL, 0) : 0;
    j.slots = ag_chain_share_slots(c);
    j.slot_bytes = ag_chain_bytes(j.at_once * j.columns, j.size);
    j.area_bytes =
        (size_t)j.slots * j.slot_bytes + ag_chain_bytes(c->sums * AG_SUM_LEAF + c->column_sums * j.columns, j.size);
    divide(&j, team);
    return j;
}

bool ag_chain_run_rows(ag_chain_plan *c, double *sums)
{
    int64_t team;
    size_t bytes;
    job j = job_of(c, &team);
    if (!take_memory(&j, c, &bytes))
        return false;
    if (j.leaves)
        j.leaf[find_leaves(c->frame.layout->dtype, 0, c->frame.layout->size, j.leaf, 0)] = c->frame.layout->size;
    if (team > 1)
        ag_share_ranges(j.parts, (int)team, run_parts, &j);
    else
        run_parts(&j, 0, j.parts);
    if (c->sums)
        join_sums(&j, sums);
    ag_pool_give(c->t, j.memory, bytes);
    return true;
}
