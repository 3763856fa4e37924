/* Where a tensor is not 0. */
#include "ag/ops/indexing/masked.h"

static ag_status nonzero_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    y->dtype = AG_I64;
    y->shape = (ag_shape){ 2, { ag_nonzero_count(x), x->shape.rank } };
    return AG_OK;
}

enum { BLOCK = 512 };

/* Elements in row-major order, those of a part of one row at a time. */
typedef struct place {
    ag_shape shape;
    int64_t at[AG_MAX_RANK]; /* of the next one */
    int64_t *to, left;
    int32_t number[BLOCK]; /* 0, 1, .. */
} place;

/* On by n elements, which reach the end of the row at most. */
static void move_on(place *p, int64_t n)
{
    int d = p->shape.rank - 1;
    if (d < 0)
        return;
    for (p->at[d] += n; d > 0 && p->at[d] == p->shape.dim[d]; p->at[d]++) {
        p->at[d] = 0;
        d--;
    }
}

/* The coordinates of those of the next n elements that are true. */
static void note(place *p, const uint8_t *truth, int64_t n)
{
    int32_t chosen[BLOCK];
    const int64_t count = ag_pack(chosen, p->left < n ? p->left : n, p->number, truth, n, sizeof *chosen);
    const int rank = p->shape.rank, last = rank - 1;
    int64_t *to = p->to;
    for (int64_t k = 0; k < count && rank == 2; k++) {
        to[2 * k] = p->at[0];
        to[2 * k + 1] = p->at[1] + chosen[k];
    }
    for (int64_t k = 0; k < count && rank != 2 && rank > 0; k++) {
        for (int d = 0; d < last; d++)
            to[k * rank + d] = p->at[d];
        to[k * rank + last] = p->at[last] + chosen[k];
    }
    p->to += count * rank;
    p->left -= count;
}

#define NOTE(name, type)                                                         \
    static void name(const ag_walk_row *w, void *context)                        \
    {                                                                            \
        place *p = context;                                                      \
        const int last = p->shape.rank - 1;                                      \
        uint8_t truth[BLOCK];                                                    \
        for (int64_t i = 0, n; i < w->n; i += n) {                               \
            const int64_t row = last < 0 ? 1 : p->shape.dim[last] - p->at[last]; \
            const type *x = (const type *)w->data[0] + i * w->stride[0];         \
            n = w->n - i < row ? w->n - i : row;                                 \
            n = n < BLOCK ? n : BLOCK;                                           \
            for (int64_t k = 0; k < n && w->stride[0] == 1; k++)                 \
                truth[k] = x[k] != 0;                                            \
            for (int64_t k = 0; k < n && w->stride[0] != 1; k++)                 \
                truth[k] = x[k * w->stride[0]] != 0;                             \
            note(p, truth, n);                                                   \
            move_on(p, n);                                                       \
        }                                                                        \
    }
NOTE(note_f32, float)
NOTE(note_f64, double)
NOTE(note_i32, int32_t)
NOTE(note_i64, int64_t)
NOTE(note_u8, uint8_t)

static ag_status nonzero_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    static void (*const notes[])(const ag_walk_row *, void *) = {
        [AG_F32] = note_f32, [AG_F64] = note_f64, [AG_I32] = note_i32, [AG_I64] = note_i64, [AG_U8] = note_u8
    };
    place p = { .shape = x->shape, .to = y->data, .left = y->shape.dim[0] };
    (void)c;
    for (int32_t k = 0; k < BLOCK; k++)
        p.number[k] = k;
    ag_walk(x->shape, 1, &x, notes[x->dtype], &p, 1);
    return AG_OK;
}

/* clang-format off */
#define NONZERO(type, ...) { .low = { 0 }, .high = { 2 }, .dtype = { type }, .shape = { __VA_ARGS__ } }

AG_OP(nonzero) = {
    .name = "nonzero",
    .formula = "the places where x is not 0",
    .inputs = 1,
    .flags = AG_NO_GRADIENT | AG_STRIDED,
    .shape = nonzero_shape,
    .forward = nonzero_forward,
    .samples = (const ag_sample[]){ NONZERO(AG_U8, AG_DIMS(3, 4)),
                                    NONZERO(AG_I64, AG_DIMS(2, 3, 2)),
                                    NONZERO(AG_I32, AG_DIMS(7)),
                                    { 0 } },
};
/* clang-format on */

/* ag_nonzero - where x is not 0: a row of coordinates for each such element, in row-major order, i64. NaN is not 0.
 *   y[count,rank] = coordinates        no gradient */
AG_API ag_tensor ag_nonzero(ag_tensor x)
{
    return AG_APPLY(nonzero, AG_LIST(x), NULL);
}
