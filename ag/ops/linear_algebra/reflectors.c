/* Householder reflectors, and many of them at once: h = 1 - v t v' (Schreiber and Van Loan 1989). */
#include "ag/ops/linear_algebra/matrices.h"
#include <math.h>

/* Of the elements behind the first; no square of an element over- or underflows. */
static double length_of_rest(int64_t n, const double *x, int64_t step)
{
    double most = 0, sum = 0;
    for (int64_t i = 1; i < n; i++)
        most = fmax(most, fabs(x[i * step]));
    if (most == 0 || !ag_is_finite(most))
        return most;
    const double scale = most < 0x1p-1000 ? 0x1p1000 : most > 0x1p1000 ? 0x1p-1000 : 1;
    for (int64_t i = 1; i < n; i++) {
        const double scaled = x[i * step] * scale;
        sum += (most < 0x1p-500 || most > 0x1p500) ? (scaled / (most * scale)) * (scaled / (most * scale))
                                                   : scaled * scaled;
    }
    return (most < 0x1p-500 || most > 0x1p500) ? most * sqrt(sum) : sqrt(sum);
}

double ag_reflector(int64_t n, double *x, int64_t step)
{
    const double rest = n > 1 ? length_of_rest(n, x, step) : 0;
    if (rest == 0)
        return 0;
    const double first = x[0], size = hypot(first, rest), image = first < 0 ? size : -size;
    for (int64_t i = 1; i < n; i++)
        x[i * step] /= first - image;
    x[0] = image;
    return (image - first) / image;
}

/* t[count,count], upper triangular. */
static void make_triangle(int64_t rows, int64_t count, const double *v, const double *tau, double *t)
{
    memset(t, 0, (size_t)(count * count) * sizeof *t);
    for (int64_t k = 0; k < count; k++) {
        double known[AG_BLOCK] = { 0 };
        for (int64_t i = k; i < rows; i++)
            for (int64_t l = 0; l < k; l++)
                known[l] += v[i * count + l] * v[i * count + k];
        for (int64_t i = 0; i < k; i++) {
            double sum = 0;
            for (int64_t l = i; l < k; l++)
                sum += t[i * count + l] * known[l];
            t[i * count + k] = -tau[k] * sum;
        }
        t[k * count + k] = tau[k];
    }
}

void ag_reflect(ag_work *w, int64_t rows, int64_t count, const double *v, const double *tau, bool transposed,
                ag_target c, double *room)
{
    double *negative = room, *inner = negative + AG_BLOCK * rows, *turned = inner + AG_BLOCK * c.columns,
           *t = turned + AG_BLOCK * c.columns;
    if (!w->measuring) {
        ag_negate(rows, count, v, count, negative);
        make_triangle(rows, count, v, tau, t);
    }
    const ag_product project = { .m = count,
                                 .n = c.columns,
                                 .k = rows,
                                 .a = v,
                                 .a_row = 1,
                                 .a_col = count,
                                 .b = c.at,
                                 .b_row = c.row,
                                 .b_col = c.col,
                                 .c = inner,
                                 .c_row = c.columns,
                                 .c_col = 1 };
    const ag_product turn = { .m = count,
                              .n = c.columns,
                              .k = count,
                              .a = t,
                              .a_row = transposed ? 1 : count,
                              .a_col = transposed ? count : 1,
                              .b = inner,
                              .b_row = c.columns,
                              .b_col = 1,
                              .c = turned,
                              .c_row = c.columns,
                              .c_col = 1 };
    const ag_product apply = { .m = rows,
                               .n = c.columns,
                               .k = count,
                               .a = negative,
                               .a_row = count,
                               .a_col = 1,
                               .b = turned,
                               .b_row = c.columns,
                               .b_col = 1,
                               .c = c.at,
                               .c_row = c.row,
                               .c_col = c.col,
                               .beta = 1 };
    ag_work_product(w, project);
    ag_work_product(w, turn);
    ag_work_product(w, apply);
}
