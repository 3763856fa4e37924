/* Where a tensor is not 0. */
#include "ag/ops/indexing/masked.h"

static ag_status nonzero_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    y->dtype = AG_I64;
    y->shape = (ag_shape){ 2, { ag_nonzero_count(x), x->shape.rank } };
    return AG_OK;
}

/* The coordinates of one element after the other. */
typedef struct place {
    ag_shape shape;
    int64_t at[AG_MAX_RANK], passed; /* elements since `at` */
    int64_t *to, left;
} place;

static void note(place *p)
{
    int64_t more = p->passed;
    for (int d = p->shape.rank - 1; d >= 0 && more; d--) {
        p->at[d] += more;
        more = 0;
        if (p->at[d] >= p->shape.dim[d]) {
            more = p->at[d] / p->shape.dim[d];
            p->at[d] -= more * p->shape.dim[d];
        }
    }
    p->passed = 0;
    for (int d = 0; d < p->shape.rank; d++)
        *p->to++ = p->at[d];
    p->left--;
}

#define NOTE(name, type)                                  \
    static void name(const ag_walk_row *w, void *context) \
    {                                                     \
        place *p = context;                               \
        const type *x = w->data[0];                       \
        for (int64_t i = 0; i < w->n; i++) {              \
            if (x[i * w->stride[0]] != 0 && p->left > 0)  \
                note(p);                                  \
            p->passed++;                                  \
        }                                                 \
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
