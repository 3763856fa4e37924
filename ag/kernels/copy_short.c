/* Short rows to dense ones: rows of an array, which may be repeated, or elements that are repeated along a row. Each is copied
 * by one vector, whose end the next row overwrites, or several by one, or a row that is all there is in blocks of it. */
#include "ag/kernels/copy_short.h"
#include "ag/kernels/vector.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#pragma GCC diagnostic ignored "-Wpsabi"

enum { WIDEST = 64, BLOCK = 1024 };

/* In bytes: to[outer, rows, n], of which row (i, k) is at from + i outer_step + k step. */
typedef struct rows_job {
    char *to;
    const char *from;
    int64_t rows, n, outer_step, step, size;
    int64_t readable; /* from `from` on */
    bool repeats;     /* the row's first element */
} rows_job;

typedef uint8_t bytes_1 __attribute__((vector_size(WIDEST)));
typedef uint32_t bytes_4 __attribute__((vector_size(WIDEST)));
typedef uint64_t bytes_8 __attribute__((vector_size(WIDEST)));

#define REPEAT(bytes, type)                                              \
    AG_INLINE void repeat_##bytes(char *to, const char *from, int width) \
    {                                                                    \
        type x;                                                          \
        memcpy(&x, from, sizeof x);                                      \
        const bytes_##bytes v = x - (bytes_##bytes){ 0 };                \
        memcpy(to, &v, (size_t)width);                                   \
    }
REPEAT(1, uint8_t)
REPEAT(4, uint32_t)
REPEAT(8, uint64_t)

AG_INLINE void one_row(const rows_job *j, char *to, const char *from, int width, int repeat)
{
    char v[WIDEST];
    if (repeat == 1)
        repeat_1(to, from, width);
    else if (repeat == 4)
        repeat_4(to, from, width);
    else if (repeat == 8)
        repeat_8(to, from, width);
    else if (from - j->from + width <= j->readable) {
        memcpy(v, from, (size_t)width);
        memcpy(to, v, (size_t)width);
    } else
        memcpy(to, from, (size_t)j->n);
}

/* The last ones by themselves: nothing beyond the range may be written. */
static void end_rows(const rows_job *j, int64_t begin, int64_t end)
{
    const int64_t first = j->repeats ? j->size : j->n;
    for (int64_t r = begin; r < end; r++) {
        char *to = j->to + r * j->n;
        memcpy(to, j->from + r / j->rows * j->outer_step + r % j->rows * j->step, (size_t)first);
        for (int64_t i = first; i < j->n; i += first)
            memcpy(to + i, to, (size_t)first);
    }
}

AG_INLINE void copy_rows(const rows_job *j, int64_t begin, int64_t end, int width, int repeat)
{
    const int64_t rows = j->rows, n = j->n, beyond = (width - n + n - 1) / n, turn = j->outer_step - rows * j->step;
    const int64_t last = end - begin > beyond ? end - beyond : begin;
    const char *from = j->from + begin / rows * j->outer_step + begin % rows * j->step;
    int64_t k = begin % rows;
    for (int64_t r = begin; r < last; r++) {
        one_row(j, j->to + r * n, from, width, repeat);
        from += j->step;
        if (++k == rows) {
            k = 0;
            from += turn;
        }
    }
    end_rows(j, last, end);
}

AG_INLINE void copy_kind(const rows_job *j, int64_t begin, int64_t end, int repeat)
{
    if (j->n <= 16)
        copy_rows(j, begin, end, 16, repeat);
    else if (j->n <= 32)
        copy_rows(j, begin, end, 32, repeat);
    else
        copy_rows(j, begin, end, WIDEST, repeat);
}

static void run(const void *context, int64_t begin, int64_t end)
{
    const rows_job *j = context;
    if (!j->repeats)
        copy_kind(j, begin, end, 0);
    else if (j->size == 1)
        copy_kind(j, begin, end, 1);
    else if (j->size == 4)
        copy_kind(j, begin, end, 4);
    else
        copy_kind(j, begin, end, 8);
}

/* ---- one row, many times: a block of whole rows is copied */

static void run_again(const void *context, int64_t begin, int64_t end)
{
    const rows_job *j = context;
    const int64_t many = BLOCK / j->n;
    char block[BLOCK];
    for (int64_t r = 0; r < many; r++)
        memcpy(block + r * j->n, j->from, (size_t)j->n);
    for (int64_t r = begin; r < end; r += many)
        memcpy(j->to + r * j->n, block, (size_t)((end - r < many ? end - r : many) * j->n));
}

/* ---- several rows by one vector: from which of the source's four bytes those of the result are is always the same */

#if defined(__AVX512F__)
enum { PICKED = 64 /* bytes */ };
#elif defined(__AVX2__)
enum { PICKED = 32 };
#else
enum { PICKED = 0 };
#endif

typedef struct pick_job {
    const rows_job *rows;
    int64_t group, to_step, from_step; /* rows, and bytes from one group to the next */
    uint32_t from[WIDEST / 4];
} pick_job;

AG_INLINE void pick(const pick_job *j, char *to, const char *from)
{
#if defined(__AVX512F__)
    _mm512_storeu_si512(to, _mm512_permutexvar_epi32(_mm512_loadu_si512(j->from), _mm512_loadu_si512(from)));
#elif defined(__AVX2__)
    const __m256i lane = _mm256_loadu_si256((const __m256i *)j->from), x = _mm256_loadu_si256((const __m256i *)from);
    _mm256_storeu_si256((__m256i *)to, _mm256_permutevar8x32_epi32(x, lane));
#else
    (void)j, (void)to, (void)from;
#endif
}

/* Where only so many bytes may be read, and the group's be written. */
static void pick_some(const pick_job *j, char *to, const char *from, int64_t readable)
{
    const int64_t words = readable < PICKED ? readable / 4 : PICKED / 4;
#if defined(__AVX512F__)
    const __m512i x = _mm512_maskz_loadu_epi32((__mmask16)((1u << words) - 1), from);
    const __m512i y = _mm512_permutexvar_epi32(_mm512_loadu_si512(j->from), x);
    _mm512_mask_storeu_epi32(to, (__mmask16)((1u << j->to_step / 4) - 1), y);
#elif defined(__AVX2__)
    const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i read = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)words), number);
    const __m256i written = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(j->to_step / 4)), number);
    const __m256i lane = _mm256_loadu_si256((const __m256i *)j->from),
                  x = _mm256_maskload_epi32((const int *)from, read);
    _mm256_maskstore_epi32((int *)to, written, _mm256_permutevar8x32_epi32(x, lane));
#else
    (void)j, (void)to, (void)from, (void)words;
#endif
}

static void run_groups(const void *context, int64_t begin, int64_t end)
{
    const pick_job *p = context;
    const rows_job *j = p->rows;
    const int64_t written = end - (PICKED - 1) / p->to_step, read = (j->readable - PICKED) / p->from_step + 1;
    const int64_t last = written < read ? written : read;
    char *to = j->to + begin * p->to_step;
    const char *from = j->from + begin * p->from_step;
    int64_t i = begin;
    for (; i < last; i++, to += p->to_step, from += p->from_step)
        pick(p, to, from);
    for (; i < end; i++, to += p->to_step, from += p->from_step)
        pick_some(p, to, from, j->readable - i * p->from_step);
}

/* How many steps, of so many rows, a vector holds, and what they are copied from. */
static int64_t steps_of_group(const rows_job *j, int64_t rows, int64_t outer_step)
{
    const int64_t span = (rows - 1) * j->step + (j->repeats ? j->size : j->n), fit = PICKED / (rows * j->n);
    if (span > PICKED || outer_step == 0)
        return 0;
    const int64_t read = (PICKED - span) / outer_step + 1;
    return fit < read ? fit : read;
}

static bool run_picked(const rows_job *j, int64_t outer, int threads)
{
    const int64_t rows = outer > 1 ? j->rows : 1, steps_of_all = outer > 1 ? outer : j->rows;
    const int64_t outer_step = outer > 1 ? j->outer_step : j->step, steps = steps_of_group(j, rows, outer_step);
    pick_job p = { .rows = j, .group = steps * rows, .to_step = steps * rows * j->n, .from_step = steps * outer_step };
    if (p.group < (rows > 1 ? 2 : 4) || j->size % 4 != 0 || j->readable < PICKED || steps_of_all < 2 * steps)
        return false;
    for (int64_t at = 0; at < p.to_step; at += 4) {
        const int64_t row = at / j->n, within = at % (j->repeats ? j->size : j->n);
        p.from[at / 4] = (uint32_t)((row / rows * outer_step + row % rows * j->step + within) / 4);
    }
    ag_for_ranges(steps_of_all / steps, (double)p.to_step / 16, threads, run_groups, &p);
    end_rows(j, steps_of_all / steps * p.group, steps_of_all * rows);
    return true;
}

bool ag_copy_short(const ag_nest *w, void *to, const void *from, int64_t size, int threads)
{
    const int last = w->rank - 1;
    const int64_t n = w->dim[last];
    if (w->rank < 2 || w->rank > 3 || n * size > WIDEST || w->stride[0][last] != 1 || w->stride[0][last - 1] != n ||
        w->stride[1][last] < 0 || w->stride[1][last] > 1 || w->stride[1][last - 1] < 0)
        return false;
    const int64_t outer = w->rank == 3 ? w->dim[0] : 1, rows = w->dim[last - 1], step = w->stride[1][last - 1] * size;
    const int64_t outer_step = w->rank == 3 ? w->stride[1][0] * size : 0;
    if (outer_step < 0 || (w->rank == 3 && w->stride[0][0] != n * rows))
        return false;
    const bool repeats = w->stride[1][last] == 0;
    const rows_job j = { .to = to,
                         .from = from,
                         .rows = rows,
                         .n = n * size,
                         .outer_step = outer_step,
                         .step = step,
                         .size = size,
                         .readable = (outer - 1) * outer_step + (rows - 1) * step + (repeats ? 1 : n) * size,
                         .repeats = repeats };
    if (outer == 1 && step == 0 && !j.repeats && rows * j.n > 4 * BLOCK)
        ag_for_ranges(rows, (double)n / 2, threads, run_again, &j);
    else if (!run_picked(&j, outer, threads))
        ag_for_ranges(outer * rows, (double)n / 2, threads, run, &j);
    return true;
}
