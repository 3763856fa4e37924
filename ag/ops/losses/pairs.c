#include "ag/ops/losses/pairs.h"

static const ag_pair *pair_of(ag_pair_kind kind, ag_dtype d)
{
    return d == AG_F32 ? &ag_pairs_f32[kind] : &ag_pairs_f64[kind];
}

int64_t ag_pair_partials(int64_t n)
{
    return n / AG_PAIR_CHUNK + 1;
}

static int64_t chunk_size(int64_t n, int64_t chunk)
{
    const int64_t rest = n - chunk * AG_PAIR_CHUNK;
    return rest < AG_PAIR_CHUNK ? rest : AG_PAIR_CHUNK;
}

double ag_pair_sum(ag_pair_kind kind, ag_dtype d, int64_t n, const void *a, const void *b, double *partials,
                   int threads)
{
    const ag_pair *pair = pair_of(kind, d);
    if (n <= AG_PAIR_CHUNK)
        return pair->sum(n, a, b);
    const int64_t chunks = (n + AG_PAIR_CHUNK - 1) / AG_PAIR_CHUNK;
    const size_t step = AG_PAIR_CHUNK * ag_dtype_size(d);
    const char *as = a, *bs = b;
    AG_FOR_EACH(c, chunks, AG_PAIR_CHUNK, threads,
                partials[c] = pair->sum(chunk_size(n, c), as + (size_t)c * step, bs + (size_t)c * step));
    double sum = 0;
    for (int64_t c = 0; c < chunks; c++)
        sum += partials[c];
    return sum;
}

void ag_pair_gradient(ag_pair_kind kind, ag_dtype d, int side, int64_t n, const void *a, const void *b, double scale,
                      double beta, void *to, int threads)
{
    const ag_pair *pair = pair_of(kind, d);
    void (*const run)(int64_t, const void *, const void *, double, double, void *) = side == 0 ? pair->da : pair->db;
    const int64_t chunks = (n + AG_PAIR_CHUNK - 1) / AG_PAIR_CHUNK;
    const size_t step = AG_PAIR_CHUNK * ag_dtype_size(d);
    const char *as = a, *bs = b;
    char *tos = to;
    AG_FOR_EACH(
        c, chunks, AG_PAIR_CHUNK, threads,
        run(chunk_size(n, c), as + (size_t)c * step, bs + (size_t)c * step, scale, beta, tos + (size_t)c * step));
}
