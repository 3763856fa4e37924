/* The ops that reduce rows with exponentials: rows of several lengths and kinds, beside many digits. */
#include "tests/accuracy/accuracy.h"

#include <math.h>

enum { LONGEST = 200 };
const char *const row_op_names[ROW_OPS] = { "softmax", "log_softmax", "logsumexp", "cross_entropy" };

typedef enum kind { MODERATE, FAR, DOMINATED, NEGATIVE, LARGE, WIDE, KINDS } kind;

static double uniform(uint64_t *state)
{
    return (double)(next_bits(state) >> 11) * 0x1p-53;
}

static void draw_row(uint64_t *state, kind k, int n, bool single, double *x)
{
    const double most = single ? 90 : 700, size = pow(10, 3 * uniform(state));
    for (int i = 0; i < n; i++) {
        const double u = uniform(state);
        x[i] = k == MODERATE    ? 8 * u - 4
               : k == FAR       ? (u < 0.5 ? -80 : 80) + u
               : k == DOMINATED ? u
               : k == NEGATIVE  ? -size * (1 + u)
               : k == LARGE     ? size * u + 60
                                : most * (2 * u - 1);
        x[i] = single ? (double)(float)x[i] : x[i];
    }
    if (k == DOMINATED)
        x[(int)(uniform(state) * n)] = single ? (double)(float)(5 + 40 * uniform(state)) : 5 + 300 * uniform(state);
}

/* log(sum of exp(x)) - most, as log1p of the others' terms */
static num above(const double *x, int n, int top)
{
    num rest = mp_of(0);
    for (int i = 0; i < n; i++)
        if (i != top)
            mpfr_add(rest, rest, mp_exp(mp_sub(mp_of(x[i]), mp_of(x[top]))), MPFR_RNDN);
    return mp_log1p(rest);
}

/* Result i of the op, cross entropy's target being i too. */
static num truth_of(row_op op, const double *x, int top, num more, int i)
{
    const num less = mp_sub(mp_sub(mp_of(x[i]), mp_of(x[top])), more);
    return op == SOFTMAX         ? mp_exp(less)
           : op == LOG_SOFTMAX   ? less
           : op == CROSS_ENTROPY ? mp_neg(less)
                                 : mp_add(mp_of(x[top]), more);
}

static void note(finding *f, row_op op, const double *x, int n, const double *y, bool single)
{
    int top = 0;
    for (int i = 1; i < n; i++)
        top = x[i] > x[top] ? i : top;
    mp_begin();
    const num more = above(x, n, top);
    for (int i = 0; i < (op == LOGSUMEXP ? 1 : n); i++) {
        const num terms = op == LOGSUMEXP ? mp_of(x[top]) : NULL;
        const double ulp = error_beside(y[i], truth_of(op, x, top, more, i), terms, single);
        f->tried++;
        if (ulp > f->ulp)
            *f = (finding){ ulp, { x[i], x[top] }, { n, i }, y[i], f->tried };
    }
}

/* Along rows, or down columns: one of several, but for cross entropy, of which there is one with each target. */
static void run(row_op op, const double *x, int n, bool column, bool single, double *y)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = 1 });
    const int axis = column ? 1 : 2;
    const int64_t many = op == CROSS_ENTROPY ? n : 2;
    ag_tensor a = ag_zeros(t, single ? AG_F32 : AG_F64, column ? AG_SHAPE(1, n, 1) : AG_SHAPE(1, 1, n)), b;
    ag_copy_in(a, AG_F64, x, (size_t)n * sizeof *x);
    a = ag_expand(a, column ? AG_SHAPE(1, n, many) : AG_SHAPE(1, many, n));
    if (op == CROSS_ENTROPY) {
        const ag_tensor target = ag_arange(t, AG_I64, 0, n, 1);
        b = ag_cross_entropy_with(column ? a : ag_reshape(a, AG_SHAPE(n, n)),
                                  column ? ag_reshape(target, AG_SHAPE(1, n)) : target, (ag_tensor){ 0 },
                                  (ag_cross_entropy_options){ .reduce = AG_REDUCE_NONE });
    } else {
        b = op == SOFTMAX       ? ag_softmax(a, axis)
            : op == LOG_SOFTMAX ? ag_log_softmax(a, axis)
                                : ag_logsumexp(a, AG_AXES(axis), AG_KEEPDIM);
        b = ag_slice(b, 3 - axis, 0, 1, 1);
    }
    ag_copy_out(b, AG_F64, y, (size_t)ag_size_of(b) * sizeof *y);
    ag_tape_free(t);
}

finding measure_rows(row_op op, bool single, long count)
{
    static const int lengths[] = { 2, 10, LONGEST };
    finding f = { 0 };
    uint64_t state = 1;
    for (long done = 0, turn = 0; done < count; turn++) {
        const int n = lengths[turn % 3];
        double x[LONGEST], y[LONGEST];
        draw_row(&state, (kind)(turn / 3 % KINDS), n, single, x);
        run(op, x, n, turn / 3 / KINDS % 2, single, y);
        note(&f, op, x, n, y, single);
        done += n;
    }
    return f;
}
