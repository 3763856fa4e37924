/* Factors of square matrices, by elimination with partial pivoting, and systems solved by them. */
#include "ag/ops/linear_algebra/matrices.h"

/* ---- elimination */

static void exchange_rows(int64_t columns, double *a, double *b)
{
    for (int64_t j = 0; a != b && j < columns; j++) {
        const double before = a[j];
        a[j] = b[j];
        b[j] = before;
    }
}

/* The largest element of a column from row `from` on; of equal ones the first, and never past a NaN. */
static int64_t find_pivot(int64_t n, const double *column, int64_t from)
{
    int64_t best = from;
    double most = __builtin_fabs(column[from * n]);
    for (int64_t i = from + 1; i < n; i++) {
        const double size = __builtin_fabs(column[i * n]);
        if (size > most) {
            best = i;
            most = size;
        }
    }
    return best;
}

/* Columns j to j + count - 1, in which all that is above row j is settled. */
static void eliminate_block(int64_t n, double *a, int64_t *pivots, int64_t j, int64_t count)
{
    for (int64_t k = j; k < j + count; k++) {
        pivots[k] = find_pivot(n, a + k, k);
        exchange_rows(n, a + k * n, a + pivots[k] * n);
        const double *top = a + k * n, pivot = top[k];
        for (int64_t i = k + 1; i < n && pivot != 0; i++) {
            double *row = a + i * n;
            const double factor = row[k] /= pivot;
#pragma omp simd
            for (int64_t l = k + 1; l < j + count; l++)
                row[l] -= factor * top[l];
        }
    }
}

void ag_lu_factor(int64_t n, double *a, int64_t *pivots, double *room, ag_work *w)
{
    for (int64_t j = 0; j < n; j += AG_BLOCK) {
        const int64_t count = n - j < AG_BLOCK ? n - j : AG_BLOCK, next = j + count, rest = n - next;
        if (!w->measuring)
            eliminate_block(n, a, pivots, j, count);
        if (rest == 0)
            break;
        if (!w->measuring) {
            ag_triangular_run(&(ag_triangular){ .n = count,
                                                .k = rest,
                                                .unit = true,
                                                .t = a + j * n + j,
                                                .t_row = n,
                                                .t_col = 1,
                                                .b = a + j * n + next,
                                                .b_row = n,
                                                .b_col = 1 },
                              w->threads);
            ag_negate(rest, count, a + next * n + j, n, room);
        }
        ag_work_product(w, (ag_product){ .m = rest,
                                         .n = rest,
                                         .k = count,
                                         .a = room,
                                         .a_row = count,
                                         .a_col = 1,
                                         .b = a + j * n + next,
                                         .b_row = n,
                                         .b_col = 1,
                                         .c = a + next * n + next,
                                         .c_row = n,
                                         .c_col = 1,
                                         .beta = 1 });
    }
}

int64_t ag_lu_zero(int64_t n, const double *lu)
{
    for (int64_t i = 0; i < n; i++)
        if (lu[i * n + i] == 0)
            return i;
    return -1;
}

/* ---- systems */

static void solve_triangle(int64_t n, const double *lu, bool upper, bool transposed, int64_t k, double *b, int threads)
{
    ag_triangular_run(&(ag_triangular){ .n = n,
                                        .k = k,
                                        .upper = upper != transposed,
                                        .unit = !upper,
                                        .t = lu,
                                        .t_row = transposed ? 1 : n,
                                        .t_col = transposed ? n : 1,
                                        .b = b,
                                        .b_row = k,
                                        .b_col = 1 },
                      threads);
}

void ag_lu_solve(int64_t n, const double *lu, const int64_t *pivots, bool transposed, int64_t k, double *b, ag_work *w)
{
    for (int64_t i = 0; i < n && !transposed; i++)
        exchange_rows(k, b + i * k, b + pivots[i] * k);
    solve_triangle(n, lu, transposed, transposed, k, b, w->threads);
    solve_triangle(n, lu, !transposed, transposed, k, b, w->threads);
    for (int64_t i = n - 1; i >= 0 && transposed; i--)
        exchange_rows(k, b + i * k, b + pivots[i] * k);
}

/* ---- all matrices of an array */

typedef struct factors {
    const ag_array *a;
    int64_t n;
    double *lu;
    int64_t *pivots;
} factors;

static void factor_one(const void *context, int64_t i, ag_work *w)
{
    const factors *f = context;
    double *lu = f->lu + i * f->n * f->n;
    if (!w->measuring)
        ag_matrix_load(f->a, i, lu);
    ag_lu_factor(f->n, lu, f->pivots + i * f->n, w->room, w);
}

ag_status ag_lu_all(const ag_call *c, const ag_array *a, double *lu, int64_t *pivots, bool refuse)
{
    const int64_t n = a->shape.dim[a->shape.rank - 1], count = ag_array_size(a) ? ag_matrix_count(a->shape) : 0;
    const factors f = { a, n, lu, pivots };
    ag_status status =
        ag_each_matrix(c, count, (double)n * (double)n * (double)n / 6 + 64, count ? AG_BLOCK * n : 0, factor_one, &f);
    for (int64_t i = 0; i < count && refuse && !status; i++) {
        const int64_t zero = ag_lu_zero(n, lu + i * n * n);
        if (zero >= 0)
            status = ag_call_matrix_fail(c, a, i, "is singular: pivot %lld is 0", (long long)zero);
    }
    return status;
}

void ag_lu_outputs(const ag_array *a, ag_array *lu, ag_array *pivots)
{
    lu->shape = pivots->shape = a->shape;
    lu->dtype = AG_F64;
    pivots->shape.rank--;
    pivots->dtype = AG_I64;
}
