/* Orthogonal factors by reflectors, column by column within a block, and by products for what lies right of it. */
#include "ag/ops/linear_algebra/matrices.h"

/* The columns j to j + count - 1. */
static void reduce_block(int64_t m, int64_t n, double *a, double *tau, int64_t j, int64_t count)
{
    for (int64_t k = j; k < j + count; k++) {
        const int64_t right = j + count - k - 1;
        double *top = a + k * n + k + 1, image[AG_BLOCK];
        tau[k] = ag_reflector(m - k, a + k * n + k, n);
        if (tau[k] == 0 || right == 0)
            continue;
        memcpy(image, top, (size_t)right * sizeof *image);
        for (int64_t i = k + 1; i < m; i++)
            for (int64_t l = 0; l < right; l++)
                image[l] += a[i * n + k] * a[i * n + k + 1 + l];
        for (int64_t l = 0; l < right; l++) {
            image[l] *= tau[k];
            top[l] -= image[l];
        }
        for (int64_t i = k + 1; i < m; i++)
            for (int64_t l = 0; l < right; l++)
                a[i * n + k + 1 + l] -= a[i * n + k] * image[l];
    }
}

/* The block's reflectors with the zeros and ones that are not stored. */
static void take_vectors(int64_t m, int64_t n, const double *a, int64_t j, int64_t count, double *v)
{
    for (int64_t i = j; i < m; i++)
        for (int64_t k = 0; k < count; k++)
            v[(i - j) * count + k] = i - j > k ? a[i * n + j + k] : i - j == k;
}

void ag_qr_factor(int64_t m, int64_t n, double *a, double *tau, double *room, ag_work *w)
{
    const int64_t steps = m < n ? m : n;
    for (int64_t j = 0; j < steps; j += AG_BLOCK) {
        const int64_t count = steps - j < AG_BLOCK ? steps - j : AG_BLOCK, right = n - j - count;
        if (!w->measuring)
            reduce_block(m, n, a, tau, j, count);
        if (right == 0)
            break;
        if (!w->measuring)
            take_vectors(m, n, a, j, count, room);
        ag_reflect(w, m - j, count, room, tau + j, true, (ag_target){ a + j * n + j + count, right, n, 1 },
                   room + AG_BLOCK * m);
    }
}

void ag_qr_form(int64_t m, int64_t n, int64_t k, const double *a, const double *tau, double *q, double *room,
                ag_work *w)
{
    const int64_t steps = m < n ? m : n;
    if (!w->measuring)
        memset(q, 0, (size_t)(m * k) * sizeof *q);
    for (int64_t i = 0; i < k && !w->measuring; i++)
        q[i * k + i] = 1;
    for (int64_t j = (steps - 1) / AG_BLOCK * AG_BLOCK; j >= 0; j -= AG_BLOCK) {
        const int64_t count = steps - j < AG_BLOCK ? steps - j : AG_BLOCK;
        if (!w->measuring)
            take_vectors(m, n, a, j, count, room);
        ag_reflect(w, m - j, count, room, tau + j, false, (ag_target){ q + j * k + j, k - j, k, 1 },
                   room + AG_BLOCK * m);
    }
}
