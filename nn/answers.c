/* Answers of a classifier beside the labels. */
#include "nn/internal.h"
#include <math.h>

typedef struct answers {
    const void *z, *y; /* NULL: there are no rows */
    ag_dtype z_dtype, y_dtype;
    int64_t rows, classes;
} answers;

#define NN_ARGMAX(name, type)                                                                  \
    static int64_t name(const void *data, int64_t row, int64_t count) /* -1: there is a NaN */ \
    {                                                                                          \
        const type *x = (const type *)data + row * count;                                      \
        int64_t best = 0;                                                                      \
        bool numbers = true;                                                                   \
        for (int64_t i = 0; i < count; i++) {                                                  \
            best = x[i] > x[best] ? i : best;                                                  \
            numbers &= x[i] == x[i];                                                           \
        }                                                                                      \
        return numbers ? best : -1;                                                            \
    }
NN_ARGMAX(argmax_f32, float)
NN_ARGMAX(argmax_f64, double)

static int64_t label_at(const void *data, ag_dtype d, int64_t i)
{
    return d == AG_U8    ? ((const uint8_t *)data)[i]
           : d == AG_I32 ? ((const int32_t *)data)[i]
                         : ((const int64_t *)data)[i];
}

static bool check_shapes(ag_tensor z, ag_tensor labels, const char *who, answers *a)
{
    ag_tape *t = z.tape;
    const ag_shape n = ag_shape_of(labels), s = ag_shape_of(z);
    if (s.rank < 0 || n.rank < 0)
        return false;
    if (s.rank != 2 || n.rank != 1 || s.dim[0] != n.dim[0]) {
        ag_fail(t, AG_ESHAPE, "%s: logits [n,c] and labels [n] are wanted, not ranks %d and %d with %lld and %lld rows",
                who, s.rank, n.rank, (long long)s.dim[0], (long long)n.dim[0]);
        return false;
    }
    const ag_dtype d = ag_dtype_of(labels), f = ag_dtype_of(z);
    *a = (answers){ .z_dtype = f, .y_dtype = d, .rows = s.dim[0], .classes = s.dim[1] };
    if ((d == AG_U8 || d == AG_I32 || d == AG_I64) && (f == AG_F32 || f == AG_F64))
        return true;
    ag_fail(t, AG_EDTYPE, "%s: floating logits and integer labels are wanted, not %s and %s", who, ag_dtype_name(f),
            ag_dtype_name(d));
    return false;
}

/* False: reported, or one is inert. */
static bool open_answers(ag_tensor z, ag_tensor labels, const char *who, answers *a)
{
    ag_tape *t = z.tape ? z.tape : labels.tape;
    if (!z.tape || !labels.tape)
        ag_fail(t, AG_ENULL, "%s: %s absent", who, z.tape ? "the labels are" : "the logits are");
    else if (z.tape != labels.tape)
        ag_fail(t, AG_EUSE, "%s: logits and labels belong to different tapes", who);
    if (!z.id || !labels.id || z.tape != labels.tape || !check_shapes(z, labels, who, a))
        return false;
    if (a->rows) {
        a->z = ag_data(z, a->z_dtype);
        a->y = a->z ? ag_data(labels, a->y_dtype) : NULL;
    }
    const bool there = !a->rows || a->y;
    for (int64_t i = 0; there && i < a->rows; i++) {
        const int64_t label = label_at(a->y, a->y_dtype, i);
        if (label >= 0 && label < a->classes)
            continue;
        ag_fail(t, AG_EARG, "%s: label %lld in row %lld is outside [0, %lld)", who, (long long)label, (long long)i,
                (long long)a->classes);
        return false;
    }
    return there;
}

/* What row i answers; -1: it has a NaN. */
static int64_t answer_at(const answers *a, int64_t i)
{
    return a->z_dtype == AG_F32 ? argmax_f32(a->z, i, a->classes) : argmax_f64(a->z, i, a->classes);
}

static int64_t count_right(const answers *a)
{
    int64_t right = 0;
    for (int64_t i = 0; i < a->rows; i++)
        right += label_at(a->y, a->y_dtype, i) == answer_at(a, i);
    return right;
}

int64_t nn_correct(ag_tensor logits, ag_tensor labels)
{
    answers a;
    return open_answers(logits, labels, "nn_correct", &a) ? count_right(&a) : 0;
}

double nn_accuracy(ag_tensor logits, ag_tensor labels)
{
    answers a;
    if (!open_answers(logits, labels, "nn_accuracy", &a) || !a.rows)
        return NAN;
    return (double)count_right(&a) / (double)a.rows;
}

ag_tensor nn_confusion_matrix(ag_tensor logits, ag_tensor labels)
{
    answers a;
    ag_tape *t = logits.tape ? logits.tape : labels.tape;
    if (!open_answers(logits, labels, "nn_confusion_matrix", &a))
        return nn_inert(t);
    const ag_tensor y = ag_zeros(t, AG_I64, AG_SHAPE(a.classes, a.classes));
    int64_t *count = y.id && a.rows ? ag_write(y, AG_I64) : NULL;
    if (!count)
        return a.rows ? nn_inert(t) : y;
    for (int64_t i = 0; i < a.rows; i++) {
        const int64_t answer = answer_at(&a, i);
        if (answer >= 0)
            count[label_at(a.y, a.y_dtype, i) * a.classes + answer]++;
    }
    return y;
}
