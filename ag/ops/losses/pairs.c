#include "ag/ops/losses/pairs.h"

static const ag_pair_kernels *kernels_of(const ag_pairs *p)
{
    return p->dtype == AG_F32 ? &ag_pairs_f32 : &ag_pairs_f64;
}

int64_t ag_pair_partials(int64_t n)
{
    return n / AG_PAIR_CHUNK + 1;
}

typedef struct chunk {
    int64_t n;
    size_t offset;
} chunk;

static chunk chunk_at(const ag_pairs *p, int64_t i)
{
    const int64_t rest = p->n - i * AG_PAIR_CHUNK;
    return (chunk){ rest < AG_PAIR_CHUNK ? rest : AG_PAIR_CHUNK, (size_t)i * AG_PAIR_CHUNK * ag_dtype_size(p->dtype) };
}

static int64_t chunks_of(const ag_pairs *p)
{
    return (p->n + AG_PAIR_CHUNK - 1) / AG_PAIR_CHUNK;
}

static double sum_chunk(const ag_pairs *p, int64_t i)
{
    const chunk k = chunk_at(p, i);
    return kernels_of(p)->sum(p->kind, k.n, (const char *)p->a + k.offset, (const char *)p->b + k.offset, p->c);
}

double ag_pair_sum(const ag_pairs *p, double *partials)
{
    if (p->n <= AG_PAIR_CHUNK)
        return kernels_of(p)->sum(p->kind, p->n, p->a, p->b, p->c);
    const int64_t chunks = chunks_of(p);
    AG_FOR_EACH(i, chunks, AG_PAIR_CHUNK, p->threads, partials[i] = sum_chunk(p, i));
    double sum = 0;
    for (int64_t i = 0; i < chunks; i++)
        sum += partials[i];
    return sum;
}

static void each_chunk(const ag_pairs *p, int64_t i, char *y)
{
    const chunk k = chunk_at(p, i);
    kernels_of(p)->each(p->kind, k.n, (const char *)p->a + k.offset, (const char *)p->b + k.offset, p->c, y + k.offset);
}

void ag_pair_each(const ag_pairs *p, void *y)
{
    AG_FOR_EACH(i, chunks_of(p), AG_PAIR_CHUNK, p->threads, each_chunk(p, i, y));
}

static void back_chunk(const ag_pairs *p, int side, int64_t i, const char *dy, double scale, double beta, char *to)
{
    const chunk k = chunk_at(p, i);
    kernels_of(p)->back(p->kind, side, k.n, (const char *)p->a + k.offset, (const char *)p->b + k.offset, p->c,
                        dy ? dy + k.offset : NULL, scale, beta, to + k.offset);
}

void ag_pair_back(const ag_pairs *p, int side, const void *dy, double scale, double beta, void *to)
{
    AG_FOR_EACH(i, chunks_of(p), AG_PAIR_CHUNK, p->threads, back_chunk(p, side, i, dy, scale, beta, to));
}
