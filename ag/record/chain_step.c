/* One step of a chain on one block. */
#include "ag/record/chain_run.h"

char *ag_chain_at(const ag_chain_block *b, const ag_chain_place *p)
{
    if (p->slot)
        return b->slots + (size_t)(p->slot - 1) * b->slot_bytes;
    if (!p->array || p->kind == AG_CHAIN_COLUMNS)
        return p->array;
    return p->array + (size_t)(p->kind == AG_CHAIN_ROWS ? b->at / b->c->frame.columns : b->at) * b->size;
}

static int64_t rows(const ag_chain_block *b)
{
    return b->n / b->c->frame.columns;
}

static int64_t elements(const ag_chain_block *b, const ag_chain_place *p)
{
    return p->kind == AG_CHAIN_ROWS ? rows(b) : b->n;
}

#define FILL(type)                                    \
    do {                                              \
        type *y = (type *)(void *)to, v = (type)x->c; \
        for (int64_t k = 0; k < n; k++)               \
            y[k] = x->add ? y[k] + v : v;             \
    } while (0)

static void fill(const ag_chain_block *b, const ag_chain_step *x)
{
    char *to = ag_chain_at(b, &x->to);
    const int64_t n = elements(b, &x->to);
    if (b->size == sizeof(float))
        FILL(float);
    else
        FILL(double);
}

/* The last row first: both may lie in the same slot. */
#define SPREAD(type)                                                             \
    do {                                                                         \
        const type *v = (const type *)(const void *)ag_chain_at(b, &x->from[0]); \
        type *y = (type *)(void *)ag_chain_at(b, &x->to);                        \
        for (int64_t r = rows(b) - 1; r >= 0; r--) {                             \
            const type of_row = in_rows ? v[r] : 0;                              \
            type *to = y + r * columns;                                          \
            for (int64_t k = 0; k < columns; k++) {                              \
                const type w = in_rows ? of_row : v[r * columns + k];            \
                to[k] = x->add ? to[k] + w : w;                                  \
            }                                                                    \
        }                                                                        \
    } while (0)

static void spread(const ag_chain_block *b, const ag_chain_step *x)
{
    const int64_t columns = b->c->frame.columns;
    const bool in_rows = x->from[0].kind == AG_CHAIN_ROWS;
    if (b->size == sizeof(float))
        SPREAD(float);
    else
        SPREAD(double);
}

/* Of a value for each row there is nothing to add, but it is scaled. */
static void sum_rows(const ag_chain_block *b, const ag_chain_step *x)
{
    const ag_dtype d = b->c->frame.layout->dtype;
    const int64_t columns = x->from[0].kind == AG_CHAIN_ROWS ? 1 : b->c->frame.columns;
    const ag_array from = ag_dense_array(AG_SHAPE(rows(b), columns), d, ag_chain_at(b, &x->from[0]));
    const ag_array to = ag_dense_array(AG_SHAPE(rows(b), 1), d, ag_chain_at(b, &x->to));
    ag_sum_array(&to, &from, x->c, x->add, 1);
}

static void run_kernel(const ag_chain_block *b, const ag_chain_step *x)
{
    void *to = ag_chain_at(b, &x->to);
    const void *dy = ag_chain_at(b, &x->from[AG_CHAIN_DY]), *y = ag_chain_at(b, &x->from[AG_CHAIN_Y]);
    const void *left = ag_chain_at(b, &x->from[AG_CHAIN_A]), *right = ag_chain_at(b, &x->from[AG_CHAIN_B]);
    const int64_t n = elements(b, &x->to);
    if (x->padded) {
        const ag_range r = { .forward = x->forward,
                             .backward = x->backward,
                             .to = to,
                             .dy = dy,
                             .a = left,
                             .b = right,
                             .y = y,
                             .c = x->c,
                             .d = x->d,
                             .size = b->size,
                             .out_size = b->size,
                             .add = x->add,
                             .padded = true };
        ag_range_run(&r, n, 1);
    } else if (x->forward) {
        x->forward(n, to, left, right, x->c, x->d);
    } else {
        x->backward(n, to, dy, left, right, y, x->c, x->d, x->add);
    }
}

void ag_chain_do(const ag_chain_block *b, const ag_chain_step *x)
{
    switch (x->work) {
    case AG_STEP_KERNEL:
        run_kernel(b, x);
        break;
    case AG_STEP_FILL:
        fill(b, x);
        break;
    case AG_STEP_SPREAD:
        spread(b, x);
        break;
    default:
        sum_rows(b, x);
    }
}
