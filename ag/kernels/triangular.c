/* Systems with triangular matrices: loops for few unknowns, the general library for many. */
#include "ag/kernels/triangular.h"

#include "ag/array/array.h"
#include "ag/kernels/libraries.h"

enum {
    FEW_COLUMNS = 8, /* which loops do as fast as memory allows */
    FEW_MULTIPLICATIONS = 1 << 14,
    CHUNK = 256 /* columns that one thread solves for at a time */
};

/* Row i of t, against `count` rows of b from `from` on, which are known. */
static inline void eliminate_row(const ag_triangular *s, int64_t i, int64_t from, int64_t count)
{
    const double *t = s->t + i * s->t_row, *factor = t + from * s->t_col, *known = s->b + from * s->b_row;
    double *x = s->b + i * s->b_row;
    for (; count > 0; count--, factor += s->t_col, known += s->b_row) {
#pragma omp simd
        for (int64_t k = 0; k < s->k; k++)
            x[k] -= *factor * known[k];
    }
    const double pivot = t[i * s->t_col];
    for (int64_t k = 0; !s->unit && k < s->k; k++)
        x[k] /= pivot;
}

/* The rows of b lie without gaps: all columns at a time. */
static void solve_rows(const ag_triangular *s)
{
    for (int64_t known = 0; known < s->n; known++)
        if (s->upper)
            eliminate_row(s, s->n - 1 - known, s->n - known, known);
        else
            eliminate_row(s, known, 0, known);
}

/* One column, by the rows of t. */
static void solve_by_rows(const ag_triangular *s, double *x)
{
    const int64_t step = s->b_row;
    for (int64_t l = 0; l < s->n; l++) {
        const int64_t i = s->upper ? s->n - 1 - l : l, from = s->upper ? i + 1 : 0, to = s->upper ? s->n : i;
        const double *t = s->t + i * s->t_row;
        double sum = 0;
        if (s->t_col == 1 && step == 1) {
#pragma omp simd reduction(+ : sum)
            for (int64_t j = from; j < to; j++)
                sum += t[j] * x[j];
        } else {
            for (int64_t j = from; j < to; j++)
                sum += t[j * s->t_col] * x[j * step];
        }
        x[i * step] -= sum;
        if (!s->unit)
            x[i * step] /= t[i * s->t_col];
    }
}

/* One column, by the columns of t. */
static void solve_by_columns(const ag_triangular *s, double *x)
{
    const int64_t step = s->b_row;
    for (int64_t l = 0; l < s->n; l++) {
        const int64_t j = s->upper ? s->n - 1 - l : l, from = s->upper ? 0 : j + 1, to = s->upper ? j : s->n;
        const double *t = s->t + j * s->t_col;
        if (!s->unit)
            x[j * step] /= t[j * s->t_row];
        const double known = x[j * step];
        if (step == 1) {
#pragma omp simd
            for (int64_t i = from; i < to; i++)
                x[i] -= t[i] * known;
        } else {
            for (int64_t i = from; i < to; i++)
                x[i * step] -= t[i] * known;
        }
    }
}

static void solve_columns(const ag_triangular *s)
{
    for (int64_t k = 0; k < s->k; k++)
        if (s->t_row == 1 && s->t_col != 1)
            solve_by_columns(s, s->b + k * s->b_col);
        else
            solve_by_rows(s, s->b + k * s->b_col);
}

static void solve_chunk(const void *context, int64_t chunk)
{
    const ag_triangular *all = context;
    ag_triangular s = *all;
    s.b += chunk * CHUNK * s.b_col;
    s.k = all->k - chunk * CHUNK < CHUNK ? all->k - chunk * CHUNK : CHUNK;
    ag_libraries_triangular(&s);
}

void ag_triangular_run(const ag_triangular *s, int threads)
{
    const double work = (double)s->n * (double)s->n * (double)s->k;
    if (s->n == 0 || s->k == 0)
        return;
    if (s->k < FEW_COLUMNS || work <= FEW_MULTIPLICATIONS) {
        if (s->b_col == 1 && s->k > 1)
            solve_rows(s);
        else
            solve_columns(s);
    } else {
        ag_for_items(ag_parts(s->k, CHUNK), (double)s->n * (double)s->n * CHUNK / 16, threads, solve_chunk, s);
    }
}
