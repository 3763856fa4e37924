#include "ag/kernels/libraries.h"

#include "ag/kernels/code.h"
#include "ag/kernels/matmul_tiles.h"

#include <blis.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if AG_XSMM
#include <libxsmm_config.h>
#include <libxsmm_cpuid.h>
#include <libxsmm_generator.h>
#endif

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define AG_X86 1
#endif

typedef enum vector_level { VECTOR_OTHER, VECTOR_AVX2, VECTOR_AVX512 } vector_level;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char description[160];
static bool chosen;                     /* BLIS's kernels, by ag */
static bool generates, generates_masks; /* masks: a few columns cost no more than a vector */

/* ---- the processor */

/* A build for a level without AVX-512 stays below it, so that it runs under tools that know no AVX-512. */
static vector_level processor_level(void)
{
#if AG_X86
#if defined(__AVX512F__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return VECTOR_AVX512;
#endif
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return VECTOR_AVX2;
#endif
    return VECTOR_OTHER;
}

#if AG_X86
static unsigned processor_family(void)
{
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    unsigned family = eax >> 8 & 0xf;
    return family == 0xf ? family + (eax >> 20 & 0xff) : family;
}

/* BLIS tells Intel's processors by their features but AMD's by a list of families, and takes portable C for
 * any other. */
static bool blis_knows_processor(void)
{
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    char vendor[13] = { 0 };
    __get_cpuid(0, &eax, &ebx, &ecx, &edx);
    memcpy(vendor, &ebx, 4);
    memcpy(vendor + 4, &edx, 4);
    memcpy(vendor + 8, &ecx, 4);
    if (strcmp(vendor, "GenuineIntel") == 0)
        return true;
    if (strcmp(vendor, "AuthenticAMD") != 0)
        return false;
    unsigned family = processor_family();
#ifdef BLIS_CONFIG_ZEN5
    if (family == 0x1a)
        return true;
#endif
    return family == 0x15 || family == 0x17 || family == 0x19;
}
#endif

/* ---- BLIS */

/* The sub-configuration to ask for, or -1 for the library's own choice. Only those built in may be asked for: BLIS
 * aborts on others. */
static int blis_choice(vector_level level)
{
    (void)level;
#if AG_X86 && (defined(BLIS_FAMILY_X86_64) || defined(BLIS_FAMILY_AMD64) || defined(BLIS_FAMILY_INTEL64))
    bool lowered = level == VECTOR_AVX2 && __builtin_cpu_supports("avx512f");
    if (blis_knows_processor() && !lowered)
        return -1;
#ifdef BLIS_CONFIG_SKX
    if (level == VECTOR_AVX512)
        return BLIS_ARCH_SKX;
#endif
#ifdef BLIS_CONFIG_HASWELL
    if (level != VECTOR_OTHER)
        return BLIS_ARCH_HASWELL;
#endif
#ifdef BLIS_CONFIG_ZEN
    if (level != VECTOR_OTHER)
        return BLIS_ARCH_ZEN;
#endif
#endif
    return -1;
}

/* BLIS listens to nothing but the environment, and only when it starts. Where ag knows better than BLIS, BLIS is started
 * while the library is loaded, before main has threads. A list of its own that lasts stands in for the environment meanwhile:
 * where a process that has threads loads the library, another one's getenv goes on in the old list or in this one, none
 * of which moves or goes away, as they would with setenv. */
__attribute__((constructor)) static void blis_choose(void)
{
    enum { ENTRIES = 1024 };
    static char *list[ENTRIES], entry[32];
    int choice = getenv("BLIS_ARCH_TYPE") ? -1 : blis_choice(processor_level()), count = 0;
    char **before = environ;
    while (before && count < ENTRIES - 2 && before[count]) {
        list[count] = before[count];
        count++;
    }
    if (choice < 0)
        return;
    snprintf(entry, sizeof entry, "BLIS_ARCH_TYPE=%d", choice);
    list[count] = entry;
    environ = list;
    bli_init();
    chosen = (int)bli_arch_query_id() == choice;
    environ = before;
}

static void blis_run(const ag_product_tile *t, const void *a, const void *b, void *c)
{
    inc_t a_row = t->a_columns ? 1 : t->a_step, a_col = t->a_columns ? t->a_step : 1;
    inc_t b_row = t->b_columns ? 1 : t->b_step, b_col = t->b_columns ? t->b_step : 1;
    rntm_t runtime = BLIS_RNTM_INITIALIZER; /* of this call alone: the caller's own setting stays as it is */
    bli_rntm_set_num_threads(1, &runtime);
    if (t->dtype == AG_F32) {
        float one = 1, beta = t->accumulate;
        bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, t->m, t->n, t->k, &one, (float *)a, a_row, a_col, (float *)b,
                     b_row, b_col, &beta, c, t->c_row, 1, NULL, &runtime);
    } else {
        double one = 1, beta = t->accumulate;
        bli_dgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, t->m, t->n, t->k, &one, (double *)a, a_row, a_col,
                     (double *)b, b_row, b_col, &beta, c, t->c_row, 1, NULL, &runtime);
    }
}

void ag_libraries_triangular(const ag_triangular *s)
{
    double one = 1;
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    ag_libraries_init();
    bli_rntm_set_num_threads(1, &runtime);
    bli_dtrsm_ex(BLIS_LEFT, s->upper ? BLIS_UPPER : BLIS_LOWER, BLIS_NO_TRANSPOSE,
                 s->unit ? BLIS_UNIT_DIAG : BLIS_NONUNIT_DIAG, s->n, s->k, &one, (double *)(uintptr_t)s->t, s->t_row,
                 s->t_col, s->b, s->b_row, s->b_col, NULL, &runtime);
}

/* ---- libxsmm, which counts in columns: what it calls A and B are our b and a. Only its generator is linked: the
 * library around it would open a lock file, close a descriptor that is not its own at exit, and keep all code for ever.
 */

#if AG_XSMM
static void xsmm_start(vector_level level)
{
    generates = level != VECTOR_OTHER && ag_code_start();
    generates_masks = generates && level == VECTOR_AVX512;
}

/* Generated code addresses whole tiles by 32-bit displacements. */
static bool xsmm_reaches(const ag_product_tile *t)
{
    int64_t size = t->dtype == AG_F32 ? 4 : 8, limit = INT32_MAX / size;
    int64_t a_rows = t->a_columns ? t->k : t->m;
    return !t->b_columns && t->m < limit && t->n < limit && t->k < limit && t->a_step < limit / a_rows &&
           t->b_step < limit / t->k && t->c_row < limit / t->m;
}

/* Without masks the columns that fill no vector are done one by one; where they are all, BLIS is faster once its call
 * is paid. */
static bool xsmm_pays(const ag_product_tile *t)
{
    int64_t vector = t->dtype == AG_F32 ? 8 : 4;
    return generates_masks || t->n % vector == 0 || t->n > 2 * vector || t->m * t->n * t->k < 1 << 15;
}

/* The narrower vectors do better where two extents make no more than one of the wide ones. */
static unsigned xsmm_target(const ag_product_tile *t)
{
    bool small = t->m * t->k <= 16 || t->k * t->n <= 16 || t->m * t->n <= 16;
    return generates_masks && !small ? LIBXSMM_X86_AVX512_CORE : LIBXSMM_X86_AVX2;
}

static size_t xsmm_generate(const void *context, void *to, size_t room)
{
    const ag_product_tile *t = context;
    libxsmm_blasint m = (libxsmm_blasint)t->m, n = (libxsmm_blasint)t->n, k = (libxsmm_blasint)t->k;
    libxsmm_blasint a = (libxsmm_blasint)t->a_step, b = (libxsmm_blasint)t->b_step, c = (libxsmm_blasint)t->c_row;
    int flags = t->a_columns ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    libxsmm_descriptor_blob place;
    const libxsmm_gemm_descriptor *d =
        t->dtype == AG_F32 ? libxsmm_sgemm_descriptor_init(&place, n, m, k, b, a, c, 1, t->accumulate, flags, 0)
                           : libxsmm_dgemm_descriptor_init(&place, n, m, k, b, a, c, 1, t->accumulate, flags, 0);
    libxsmm_generated_code code = { .generated_code = to, .buffer_size = (unsigned)room, .code_type = 2 };
    code.arch = xsmm_target(t);
    if (!d)
        return 0;
    libxsmm_generator_gemm_kernel(&code, d);
    return code.last_error ? 0 : code.code_size;
}

static void xsmm_prepare(ag_product_tile *t)
{
    if (!xsmm_reaches(t) || !xsmm_pays(t))
        return;
    const ag_code_key key = { { (uint64_t)t->m | (uint64_t)t->n << 32, (uint64_t)t->k | (uint64_t)t->a_step << 32,
                                (uint64_t)t->b_step | (uint64_t)t->c_row << 32,
                                (uint64_t)t->dtype | (uint64_t)t->a_columns << 8 | (uint64_t)t->accumulate << 9 } };
    t->generated = ag_code_take(&key, xsmm_generate, t);
}

static void xsmm_run(const ag_product_tile *t, const void *a, const void *b, void *c)
{
    if (t->dtype == AG_F32)
        ((libxsmm_smmfunction)t->generated->run)(b, a, c);
    else
        ((libxsmm_dmmfunction)t->generated->run)(b, a, c);
}
#endif

/* ---- both */

static void start(void)
{
    bli_init();
    int used = snprintf(description, sizeof description, "BLIS %s (%s%s)", bli_info_get_version_str(),
                        bli_arch_string(bli_arch_query_id()), chosen ? ", chosen by ag" : "");
#if AG_XSMM
    xsmm_start(processor_level());
    if (used > 0 && (size_t)used < sizeof description)
        snprintf(description + used, sizeof description - (size_t)used, ", libxsmm %s (%s)", LIBXSMM_CONFIG_VERSION,
                 !generates        ? "not used"
                 : generates_masks ? "AVX-512"
                                   : "AVX2");
#else
    (void)used;
#endif
}

void ag_libraries_init(void)
{
    pthread_once(&once, start);
}

const char *ag_libraries_describe(void)
{
    ag_libraries_init();
    return description;
}

bool ag_libraries_generate(void)
{
#if AG_XSMM
    ag_libraries_init();
#endif
    return generates;
}

bool ag_libraries_suit_small(void)
{
    return AG_TILES || ag_libraries_generate();
}

/* Few rows do not pay for packing b, nor for walking through it tile by tile where it is in no cache. */
static bool few_rows(ag_dtype dtype, int64_t m, int64_t n, int64_t k, bool b_columns)
{
    const double bytes = (double)n * (double)k * (dtype == AG_F32 ? 4 : 8);
    return m <= 32 && (b_columns ? k >= 128 && bytes >= 1 << 18 : bytes > 8 << 20);
}

bool ag_libraries_prefer_general(ag_dtype dtype, int64_t m, int64_t n, int64_t k, bool b_columns)
{
    const bool generated = ag_libraries_generate(), wide = generated ? generates_masks : AG_TILES_WIDE;
    const bool large = m >= 512 && n >= 512 && k >= 512 && (double)m * (double)n * (double)k >= 4e9;
    if (few_rows(dtype, m, n, k, b_columns) || (!generated && !AG_TILES))
        return true;
    return large && (dtype == AG_F64 || !wide);
}

void ag_tile_prepare(ag_product_tile *tile)
{
    tile->generated = NULL;
    tile->own = AG_TILES && !tile->b_columns;
#if AG_XSMM
    ag_libraries_init();
    if (generates)
        xsmm_prepare(tile);
#endif
}

void ag_tile_release(ag_product_tile *tile)
{
    if (tile->generated)
        ag_code_release(tile->generated);
    tile->generated = NULL;
}

void ag_tile_run(const ag_product_tile *tile, const void *a, const void *b, void *c)
{
#if AG_XSMM
    if (tile->generated) {
        xsmm_run(tile, a, b, c);
        return;
    }
#endif
    if (!tile->own)
        blis_run(tile, a, b, c);
    else if (tile->dtype == AG_F32)
        ag_tile_f32(tile, a, b, c);
    else
        ag_tile_f64(tile, a, b, c);
}
