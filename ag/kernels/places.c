#include "ag/kernels/places.h"

enum {
    COLUMNS = 128,       /* lines that are looked at together, where they lie side by side */
    BLOCK = 512,         /* elements of a line of which first only the best one is found */
    LANES = 32,          /* comparisons that do not wait for each other */
    PART = 4 * AG_SHARE, /* elements of a line that are worth a thread's turn */
    PARTS = 32
};

/* A NaN is better than any number, and nothing is better than a NaN. */
#define ABOVE(a, b) ((a) > (b) || ((a) != (a) && (b) == (b)))
#define BELOW(a, b) ((a) < (b) || ((a) != (a) && (b) == (b)))

/* The place of the best of n elements, one after the other. */
typedef int64_t line_function(const void *x, int64_t n);
/* Those of `count` lines side by side, at most COLUMNS, whose elements are `step` apart. */
typedef void columns_function(const void *x, int64_t n, int64_t step, int64_t count, int64_t *place);
/* Is element i better than element k? */
typedef bool better_function(const void *x, int64_t i, int64_t k);

typedef struct finder {
    line_function *line;
    columns_function *columns;
    better_function *better;
} finder;

#define FINDER(name, type, BETTER)                                                                     \
    /* of n elements, at least LANES, the last ones looked at twice */                                 \
    static type name##_best(const type *x, int64_t n)                                                  \
    {                                                                                                  \
        type lane[LANES], best;                                                                        \
        for (int l = 0; l < LANES; l++)                                                                \
            lane[l] = x[n - LANES + l];                                                                \
        for (int64_t i = 0; i + LANES <= n; i += LANES)                                                \
            for (int l = 0; l < LANES; l++)                                                            \
                lane[l] = BETTER(x[i + l], lane[l]) ? x[i + l] : lane[l];                              \
        best = lane[0];                                                                                \
        for (int l = 1; l < LANES; l++)                                                                \
            best = BETTER(lane[l], best) ? lane[l] : best;                                             \
        return best;                                                                                   \
    }                                                                                                  \
    static int64_t name##_line(const void *x_, int64_t n)                                              \
    {                                                                                                  \
        const type *x = x_;                                                                            \
        type best = x[0];                                                                              \
        int64_t at = 0;                                                                                \
        for (int64_t i = 0; i < n && n < LANES; i++)                                                   \
            at = BETTER(x[i], x[at]) ? i : at;                                                         \
        if (n < LANES)                                                                                 \
            return at;                                                                                 \
        for (int64_t i = 0; i < n; i += BLOCK) {                                                       \
            const int64_t from = n - i < LANES ? n - LANES : i, left = n - from;                       \
            const type most = name##_best(x + from, left < BLOCK ? left : BLOCK);                      \
            at = BETTER(most, best) ? from : at;                                                       \
            best = BETTER(most, best) ? most : best;                                                   \
        }                                                                                              \
        while (x[at] != best && (best == best || x[at] == x[at]))                                      \
            at++;                                                                                      \
        return at;                                                                                     \
    }                                                                                                  \
    static void name##_columns(const void *x_, int64_t n, int64_t step, int64_t count, int64_t *place) \
    {                                                                                                  \
        const type *x = x_;                                                                            \
        type best[COLUMNS];                                                                            \
        int64_t at[COLUMNS] = { 0 };                                                                   \
        for (int64_t j = 0; j < count; j++)                                                            \
            best[j] = x[j];                                                                            \
        for (int64_t i = 1; i < n; i++)                                                                \
            for (int64_t j = 0; j < count; j++) {                                                      \
                const type v = x[i * step + j];                                                        \
                at[j] = BETTER(v, best[j]) ? i : at[j];                                                \
                best[j] = BETTER(v, best[j]) ? v : best[j];                                            \
            }                                                                                          \
        for (int64_t j = 0; j < count; j++)                                                            \
            place[j] = at[j];                                                                          \
    }                                                                                                  \
    static bool name##_better(const void *x_, int64_t i, int64_t k)                                    \
    {                                                                                                  \
        const type *x = x_;                                                                            \
        return BETTER(x[i], x[k]);                                                                     \
    }

FINDER(largest_f32, float, ABOVE)
FINDER(largest_f64, double, ABOVE)
FINDER(largest_i32, int32_t, ABOVE)
FINDER(largest_i64, int64_t, ABOVE)
FINDER(largest_u8, uint8_t, ABOVE)
FINDER(smallest_f32, float, BELOW)
FINDER(smallest_f64, double, BELOW)
FINDER(smallest_i32, int32_t, BELOW)
FINDER(smallest_i64, int64_t, BELOW)
FINDER(smallest_u8, uint8_t, BELOW)

#define FUNCTIONS(name)                            \
    {                                              \
        name##_line, name##_columns, name##_better \
    }
static const finder finders[2][6] = {
    { { NULL, NULL, NULL },
      FUNCTIONS(smallest_f32),
      FUNCTIONS(smallest_f64),
      FUNCTIONS(smallest_i32),
      FUNCTIONS(smallest_i64),
      FUNCTIONS(smallest_u8) },
    { { NULL, NULL, NULL },
      FUNCTIONS(largest_f32),
      FUNCTIONS(largest_f64),
      FUNCTIONS(largest_i32),
      FUNCTIONS(largest_i64),
      FUNCTIONS(largest_u8) },
};

typedef struct places_job {
    const finder *find;
    const char *x;
    int64_t size, n, inner, chunks; /* size: of an element; chunks: items into which lines side by side fall */
    int64_t *place;
    int64_t *part, parts; /* the places in parts of one long line */
} places_job;

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const places_job *j = context;
    for (int64_t i = begin; i < end; i++)
        j->place[i] = j->find->line(j->x + i * j->n * j->size, j->n);
}

static void run_columns(const void *context, int64_t begin, int64_t end)
{
    const places_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i / j->chunks, first = i % j->chunks * COLUMNS, left = j->inner - first;
        j->find->columns(j->x + (row * j->n * j->inner + first) * j->size, j->n, j->inner,
                         left < COLUMNS ? left : COLUMNS, j->place + row * j->inner + first);
    }
}

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const places_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = j->n / j->parts * i, n = i + 1 < j->parts ? j->n / j->parts : j->n - first;
        j->part[i] = first + j->find->line(j->x + first * j->size, n);
    }
}

static void run_divided(places_job *j, int threads)
{
    int64_t part[PARTS];
    j->part = part;
    ag_for_ranges(j->parts, (double)j->n / (double)j->parts, threads, run_parts, j);
    int64_t at = part[0];
    for (int64_t i = 1; i < j->parts; i++)
        at = j->find->better(j->x, part[i], at) ? part[i] : at;
    *j->place = at;
}

#define TAKE(type)                          \
    for (int64_t i = 0; i < outer; i++)     \
        for (int64_t k = 0; k < inner; k++) \
            ((type *)value)[i * inner + k] = ((const type *)x)[(i * n + place[i * inner + k]) * inner + k];

static void take_values(size_t size, const void *x, int64_t outer, int64_t n, int64_t inner, const int64_t *place,
                        void *value)
{
    if (size == 8)
        TAKE(uint64_t)
    else if (size == 4)
        TAKE(uint32_t)
    else
        TAKE(uint8_t)
}

void ag_extremum_places(ag_dtype d, const void *x, int64_t outer, int64_t n, int64_t inner, bool largest,
                        int64_t *place, void *value, int threads)
{
    places_job j = { .find = &finders[largest][d],
                     .x = x,
                     .size = (int64_t)ag_dtype_size(d),
                     .n = n,
                     .inner = inner,
                     .chunks = ag_parts(inner, COLUMNS),
                     .place = place };
    if (outer == 0 || inner == 0)
        return;
    j.parts = n / PART < PARTS ? n / PART : PARTS;
    if (inner > 1)
        ag_for_ranges(outer * j.chunks, (double)n * (double)(inner < COLUMNS ? inner : COLUMNS), threads, run_columns,
                      &j);
    else if (outer == 1 && j.parts > 1)
        run_divided(&j, threads);
    else
        ag_for_ranges(outer, (double)n, threads, run_lines, &j);
    if (value)
        take_values(ag_dtype_size(d), x, outer, n, inner, place, value);
}
