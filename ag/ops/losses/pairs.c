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

static void *slope_at(const ag_pairs *p, chunk k)
{
    return p->slope ? (char *)p->slope + k.offset : NULL;
}

static int64_t chunks_of(const ag_pairs *p)
{
    return ag_parts(p->n, AG_PAIR_CHUNK);
}

typedef struct job { /* what is wanted of the chunks: their sums, their values or derivatives */
    const ag_pairs *pairs;
    double *sums;
    char *to;
    const char *dy;
    const ag_array *dx;
    const double *beta;
    double scale;
} job;

static void sum_chunk(const void *context, int64_t i)
{
    const job *j = context;
    const ag_pairs *p = j->pairs;
    const chunk k = chunk_at(p, i);
    j->sums[i] = kernels_of(p)->sum(p->kind, k.n, (const char *)p->a + k.offset, (const char *)p->b + k.offset, p->c,
                                    slope_at(p, k));
}

double ag_pair_sum(const ag_pairs *p, double *partials)
{
    if (p->n <= AG_PAIR_CHUNK)
        return kernels_of(p)->sum(p->kind, p->n, p->a, p->b, p->c, p->slope);
    const int64_t chunks = chunks_of(p);
    ag_for_items(chunks, AG_PAIR_CHUNK, p->threads, sum_chunk, &(job){ .pairs = p, .sums = partials });
    double sum = 0;
    for (int64_t i = 0; i < chunks; i++)
        sum += partials[i];
    return sum;
}

static void each_chunk(const void *context, int64_t i)
{
    const job *j = context;
    const ag_pairs *p = j->pairs;
    const chunk k = chunk_at(p, i);
    kernels_of(p)->each(p->kind, k.n, (const char *)p->a + k.offset, (const char *)p->b + k.offset, p->c,
                        j->to + k.offset);
}

void ag_pair_each(const ag_pairs *p, void *y)
{
    ag_for_items(chunks_of(p), AG_PAIR_CHUNK, p->threads, each_chunk, &(job){ .pairs = p, .to = y });
}

static void back_chunk(const void *context, int64_t i)
{
    const job *j = context;
    const ag_pairs *p = j->pairs;
    const chunk k = chunk_at(p, i);
    void *to[2];
    for (int side = 0; side < 2; side++)
        to[side] = j->dx[side].data ? (char *)j->dx[side].data + k.offset : NULL;
    if (to[0] || to[1])
        kernels_of(p)->back(p->kind, k.n, (const char *)p->a + k.offset, (const char *)p->b + k.offset, p->c,
                            slope_at(p, k), j->dy ? j->dy + k.offset : NULL, j->scale, j->beta, to);
}

void ag_pair_back(const ag_pairs *p, const void *dy, double scale, const double *beta, const ag_array *dx)
{
    ag_for_items(chunks_of(p), AG_PAIR_CHUNK, p->threads, back_chunk,
                 &(job){ .pairs = p, .dy = dy, .dx = dx, .scale = scale, .beta = beta });
}
