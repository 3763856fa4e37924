/* The matrices of arrays, one after another or side by side. */
#include "ag/ops/linear_algebra/matrices.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- the matrices of an array */

int64_t ag_matrix_count(ag_shape s)
{
    int64_t count = 1;
    for (int d = 0; d < s.rank - 2; d++)
        count *= s.dim[d];
    return count;
}

ag_array ag_matrix_at(const ag_array *a, int64_t i)
{
    const int leading = a->shape.rank - 2;
    int64_t at = 0;
    for (int d = leading - 1; d >= 0; d--) {
        at += i % a->shape.dim[d] * a->stride[d];
        i /= a->shape.dim[d];
    }
    ag_array m = { .data = a->data, .dtype = a->dtype, .shape = { .rank = 2 } };
    if (at)
        m.data = (char *)a->data + at * (int64_t)ag_dtype_size(a->dtype);
    for (int d = 0; d < 2; d++) {
        m.shape.dim[d] = a->shape.dim[leading + d];
        m.stride[d] = a->stride[leading + d];
    }
    return m;
}

void ag_matrix_load(const ag_array *a, int64_t i, double *to)
{
    const ag_array from = ag_matrix_at(a, i), dense = ag_dense_array(from.shape, AG_F64, to);
    ag_copy_array(&dense, &from, false, 1);
}

void ag_matrix_store(const ag_array *y, int64_t i, const double *from)
{
    const ag_array to = ag_matrix_at(y, i), dense = ag_dense_array(to.shape, AG_F64, from);
    ag_copy_array(&to, &dense, false, 1);
}

void ag_negate(int64_t rows, int64_t columns, const double *from, int64_t row, double *to)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[i * columns + j] = -from[i * row + j];
}

/* ---- errors */

ag_status ag_call_matrices(const ag_call *c, const ag_array *x, bool square)
{
    const int rank = x->shape.rank;
    if (!ag_is_float(x->dtype))
        return ag_call_fail(c, AG_EDTYPE, "is defined for f32 and f64; see ag_cast");
    if (rank < 2)
        return ag_call_fail(c, AG_ESHAPE, "%s is no matrix, nor several", rank ? "a vector" : "a number");
    if (square && x->shape.dim[rank - 2] != x->shape.dim[rank - 1])
        return ag_call_fail(c, AG_ESHAPE, "the matrix must be square, but is %lld x %lld",
                            (long long)x->shape.dim[rank - 2], (long long)x->shape.dim[rank - 1]);
    return AG_OK;
}

ag_status ag_call_matrix_fail(const ag_call *c, const ag_array *x, int64_t i, const char *format, ...)
{
    char which[160] = "the matrix", place[128], what[192];
    ag_shape at = { .rank = x->shape.rank - 2 };
    va_list arguments;
    for (int d = at.rank - 1; d >= 0; d--) {
        at.dim[d] = i % x->shape.dim[d];
        i /= x->shape.dim[d];
    }
    if (at.rank > 0)
        snprintf(which, sizeof which, "matrix %s of the batch", ag_shape_text(at, place, sizeof place));
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return ag_call_fail(c, AG_EARG, "%s %s", which, what);
}

/* ---- a batch of matrices */

void ag_work_product(ag_work *w, ag_product p)
{
    p.dtype = AG_F64;
    p.threads = w->threads;
    if (w->measuring) {
        const size_t bytes = (ag_product_workspace(&p) + 63) / 64 * 64;
        w->bytes = bytes > w->bytes ? bytes : w->bytes;
    } else {
        ag_product_run(&p, w->bytes ? w->products : NULL);
    }
}

typedef struct shares { /* of the matrices, each with room of its own */
    int64_t matrices, count;
    char *rooms, *products;
    size_t room;
    const ag_work *work;
    ag_matrix_function *run;
    const void *context;
} shares;

static void run_share(const void *context, int64_t k)
{
    const shares *s = context;
    ag_work w = *s->work;
    w.room = s->rooms ? (double *)(void *)(s->rooms + (size_t)k * s->room) : NULL;
    w.products = s->products ? s->products + (size_t)k * w.bytes : NULL;
    for (int64_t i = s->matrices * k / s->count; i < s->matrices * (k + 1) / s->count; i++)
        s->run(s->context, i, &w);
}

ag_status ag_each_matrix(const ag_call *c, int64_t count, double steps, int64_t room, ag_matrix_function *run,
                         const void *context)
{
    const int threads = ag_call_threads(c);
    const bool spread = threads > 1 && count >= threads && (double)count * steps >= 2 * AG_SHARE;
    const int64_t parts = count == 0 ? 0 : spread ? threads : 1;
    const size_t share = ((size_t)room * sizeof(double) + 63) / 64 * 64;
    char *rooms = parts && share ? ag_call_scratch(c, (size_t)parts * share) : NULL;
    if (parts && share && !rooms)
        return AG_ENOMEM;
    ag_work all = { .measuring = true, .threads = spread ? 1 : threads, .room = (double *)(void *)rooms };
    if (parts)
        run(context, 0, &all);
    all.measuring = false;
    char *products = all.bytes ? ag_call_scratch(c, (size_t)parts * all.bytes) : NULL;
    if (all.bytes && !products)
        return AG_ENOMEM;
    ag_for_items(parts, steps * (double)count / (double)parts, threads, run_share,
                 &(shares){ count, parts, rooms, products, share, &all, run, context });
    return AG_OK;
}
