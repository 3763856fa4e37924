/* Products against plain calls of BLIS, one thread each, side by side in interleaved rounds; the best of them counts.
 *   products [threads [f64]] */
#include "ag/kernels/matmul.h"

#include <blis.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15 };

typedef struct shape {
    int64_t m, n, k;
    const char *layout; /* n: by rows, t: transposed; of a and of b */
} shape;

static const shape shapes[] = {
    { 64, 100, 1000, "nn" },    { 1000, 100, 64, "tn" },    { 64, 1000, 100, "nt" }, /* 64-1000-100-10: layer 1 and its
                                                                                        gradients */
    { 64, 10, 100, "nn" },      { 100, 10, 64, "tn" },      { 64, 100, 10, "nt" },   /* layer 2 */
    { 1000, 100, 64, "nn" },    { 64, 1000, 100, "nn" },                             /* */
    { 64, 128, 784, "nn" },     { 784, 128, 64, "tn" },     { 64, 784, 128, "nt" },  /* 784-128-10 */
    { 64, 10, 128, "nn" },      { 128, 10, 64, "tn" },      { 64, 128, 10, "nt" },   /* */
    { 784, 128, 64, "nn" },                                                          /* */
    { 100, 16, 2, "nn" },       { 2, 16, 100, "tn" },       { 100, 2, 16, "nt" },    /* 2-16-16-1, batch 100 */
    { 100, 16, 16, "nn" },      { 16, 16, 100, "tn" },      { 100, 16, 16, "nt" },   /* */
    { 100, 1, 16, "nn" },       { 16, 1, 100, "tn" },       { 100, 16, 1, "nt" },    /* */
    { 256, 256, 256, "nn" },    { 256, 256, 256, "tn" },    { 256, 256, 256, "nt" }, /* */
    { 384, 384, 384, "nn" },    { 384, 384, 384, "nt" },                             /* */
    { 512, 512, 512, "nn" },    { 512, 512, 512, "tn" },    { 512, 512, 512, "nt" }, /* */
    { 1000, 1000, 1000, "nn" },                                                      /* */
    { 1024, 1024, 1024, "nn" }, { 1024, 1024, 1024, "tn" }, { 1024, 1024, 1024, "nt" }, /* */
    { 2048, 2048, 2048, "nn" }, { 2048, 2048, 2048, "tn" }, { 2048, 2048, 2048, "nt" }, /* */
    { 4096, 4096, 4096, "nn" },                                                         /* */
    { 512, 4096, 4096, "nn" },  { 4096, 4096, 512, "tn" },  { 512, 4096, 4096, "nt" },  /* */
    { 64, 4096, 4096, "nn" },   { 4096, 4096, 64, "tn" },   { 64, 4096, 4096, "nt" },   /* */
    { 10000, 128, 784, "nn" },  { 100000, 16, 16, "nn" },   { 16, 16, 100000, "tn" },   /* */
    { 1, 1, 1, "nn" },          { 2, 2, 2, "nn" },          { 4, 4, 4, "nn" },          { 8, 8, 8, "nn" },
    { 8, 8, 8, "nt" },          { 32, 32, 32, "nn" },       { 33, 33, 33, "nn" },       { 129, 129, 129, "nn" }, /* */
    { 1, 1, 1000, "nn" },       { 1, 1000, 1000, "nn" },    { 1000, 1, 1000, "nn" },    { 1000, 1, 1000, "tn" },
    { 1000, 1000, 1, "nn" },
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *fresh(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    if (!p)
        exit(1);
    memset(p, 0, bytes);
    return p;
}

static void by_blis(const ag_product *p)
{
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(1, &runtime);
    if (p->dtype == AG_F32) {
        float one = 1, zero = 0;
        bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, p->m, p->n, p->k, &one, (float *)p->a, p->a_row, p->a_col,
                     (float *)p->b, p->b_row, p->b_col, &zero, p->c, p->c_row, p->c_col, NULL, &runtime);
    } else {
        double one = 1, zero = 0;
        bli_dgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, p->m, p->n, p->k, &one, (double *)p->a, p->a_row, p->a_col,
                     (double *)p->b, p->b_row, p->b_col, &zero, p->c, p->c_row, p->c_col, NULL, &runtime);
    }
}

static double time_of(const ag_product *p, void *workspace, long repeats)
{
    double start = seconds();
    for (long r = 0; r < repeats; r++)
        if (workspace)
            ag_product_run(p, workspace);
        else
            by_blis(p);
    return (seconds() - start) / (double)repeats;
}

static void measure(const shape *s, ag_dtype dtype, int threads)
{
    size_t size = dtype == AG_F32 ? 4 : 8;
    bool ta = s->layout[0] == 't', tb = s->layout[1] == 't';
    ag_product p = { .dtype = dtype, .m = s->m, .n = s->n, .k = s->k, .c_row = s->n, .c_col = 1, .threads = threads };
    p.a_row = ta ? 1 : s->k, p.a_col = ta ? s->m : 1;
    p.b_row = tb ? 1 : s->n, p.b_col = tb ? s->k : 1;
    void *a = fresh((size_t)(s->m * s->k) * size), *b = fresh((size_t)(s->k * s->n) * size);
    void *workspace = fresh(ag_product_workspace(&p));
    p.a = a, p.b = b, p.c = fresh((size_t)(s->m * s->n) * size);
    double work = 2.0 * (double)s->m * (double)s->n * (double)s->k, ours = 1e9, blis = 1e9;
    long repeats = 1 + (long)(1e8 / (work + 2e4));
    for (int round = 0; round < ROUNDS; round++) {
        double t = time_of(&p, workspace, repeats), u = time_of(&p, NULL, repeats);
        ours = t < ours ? t : ours;
        blis = u < blis ? u : blis;
    }
    printf("%6lld %5lld %6lld  %s  %8.1f %8.1f %6.2f   %10.0f ns\n", (long long)s->m, (long long)s->n, (long long)s->k,
           s->layout, work / ours * 1e-9, work / blis * 1e-9, blis / ours, ours * 1e9);
    fflush(stdout);
    free(a), free(b), free(p.c), free(workspace);
}

int main(int count, char **arguments)
{
    int threads = count > 1 ? atoi(arguments[1]) : 1;
    ag_dtype dtype = count > 2 && strcmp(arguments[2], "f64") == 0 ? AG_F64 : AG_F32;
    ag_products_init();
    printf("%s, %s, %d thread(s) for ag, 1 for BLIS; GFLOP/s\n", ag_products_describe(),
           dtype == AG_F32 ? "f32" : "f64", threads);
    printf("     m     n      k  ab        ag     BLIS  ratio\n");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        measure(&shapes[i], dtype, threads);
    return 0;
}
