#include "ag/kernels/places_boxes.h"
#include "ag/kernels/places_lines.h"
#include "ag/kernels/kernels.h"
#include "ag/kernels/vector.h"

enum {
    COLUMNS = 512,       /* lines that are looked at together, where they lie side by side */
    LANES = 64,          /* elements of rows that are taken together, */
    NARROW = 64,         /* of fewer bytes, */
    LONG = 256,          /* of columns of so many elements at least */
    SHORT = 128,         /* bytes of a line, or BYTES where these are its elements: several lines are turned, */
    TURNED = 64,         /* so many at a time, */
    ROOM = 1 << 13,      /* or as many as have so many elements */
    ROWS = 8,            /* that are looked at before what is best so far is stored: it would be slow to load */
    DEEP = 1 << 30,      /* elements of which a place is an int32_t, */
    BYTES = 256,         /* or, if they are bytes, a byte */
    PART = 4 * AG_SHARE, /* elements of a line that are worth a thread's turn */
    PARTS = 32
};

/* A NaN is better than any number, and nothing is better than a NaN. */
#define ABOVE(a, b) ((a) > (b) || NAN_FIRST(a, b))
#define BELOW(a, b) ((a) < (b) || NAN_FIRST(a, b))
#define NAN_FIRST(a, b) ((a) != (a) && (b) == (b))

/* Those of `count` lines side by side, at most COLUMNS, of elements `step` apart, at most DEEP or BYTES bytes; value: NULL or
 * theirs. */
typedef void columns_function(const void *x, int64_t n, int64_t step, int64_t count, int64_t *place, void *value);
/* Is element i better than element k? */
typedef bool better_function(const void *x, int64_t i, int64_t k);

typedef struct finder {
    columns_function *columns;
    better_function *better;
} finder;

/* place: an integer as wide as an element, or wider */
#define FINDER(name, type, index, MORE, BETTER)                                                                    \
    /* n rows, from row `first` on; careful: also of NaNs. Was there one? */                                       \
    AG_INLINE bool name##_rows(const type *x, int rows, index first, int64_t step, int64_t count, bool careful,    \
                               type *restrict best, index *restrict at)                                            \
    {                                                                                                              \
        int strange = 0;                                                                                           \
        for (int64_t j = 0; j < count; j++) {                                                                      \
            type b = best[j];                                                                                      \
            index place = at[j];                                                                                   \
            _Pragma("GCC unroll 8") for (int r = 0; r < rows; r++)                                                 \
            {                                                                                                      \
                const type v = x[r * step + j];                                                                    \
                const bool better = v MORE b || (careful && NAN_FIRST(v, b));                                      \
                strange |= v != v;                                                                                 \
                place = better ? (index)(first + r) : place;                                                       \
                b = better ? v : b;                                                                                \
            }                                                                                                      \
            best[j] = b;                                                                                           \
            at[j] = place;                                                                                         \
        }                                                                                                          \
        return strange;                                                                                            \
    }                                                                                                              \
    AG_INLINE bool name##_all(const type *x, int64_t n, int64_t step, int64_t count, bool careful, type *best,     \
                              index *at)                                                                           \
    {                                                                                                              \
        bool strange = false;                                                                                      \
        int64_t i = 0;                                                                                             \
        for (int64_t j = 0; j < count; j++) {                                                                      \
            best[j] = x[j];                                                                                        \
            at[j] = 0;                                                                                             \
        }                                                                                                          \
        for (; i + ROWS <= n; i += ROWS)                                                                           \
            strange |= name##_rows(x + i * step, ROWS, (index)i, step, count, careful, best, at);                  \
        for (; i < n; i++)                                                                                         \
            strange |= name##_rows(x + i * step, 1, (index)i, step, count, careful, best, at);                     \
        return strange;                                                                                            \
    }                                                                                                              \
    static void name##_columns(const void *x, int64_t n, int64_t step, int64_t count, int64_t *place, void *value) \
    {                                                                                                              \
        type best[COLUMNS];                                                                                        \
        index at[COLUMNS];                                                                                         \
        if (name##_all(x, n, step, count, false, best, at))                                                        \
            name##_all(x, n, step, count, true, best, at);                                                         \
        for (int64_t j = 0; j < count; j++)                                                                        \
            place[j] = at[j];                                                                                      \
        if (value)                                                                                                 \
            memcpy(value, best, (size_t)count * sizeof *best);                                                     \
    }                                                                                                              \
    static bool name##_better(const void *x_, int64_t i, int64_t k)                                                \
    {                                                                                                              \
        const type *x = x_;                                                                                        \
        return BETTER(x[i], x[k]);                                                                                 \
    }

FINDER(largest_f32, float, int32_t, >, ABOVE)
FINDER(largest_f64, double, int64_t, >, ABOVE)
FINDER(largest_i32, int32_t, int32_t, >, ABOVE)
FINDER(largest_i64, int64_t, int64_t, >, ABOVE)
FINDER(largest_u8, uint8_t, uint8_t, >, ABOVE)
FINDER(smallest_f32, float, int32_t, <, BELOW)
FINDER(smallest_f64, double, int64_t, <, BELOW)
FINDER(smallest_i32, int32_t, int32_t, <, BELOW)
FINDER(smallest_i64, int64_t, int64_t, <, BELOW)
FINDER(smallest_u8, uint8_t, uint8_t, <, BELOW)

#define FUNCTIONS(name)               \
    {                                 \
        name##_columns, name##_better \
    }
static const finder finders[2][6] = {
    { { NULL, NULL },
      FUNCTIONS(smallest_f32),
      FUNCTIONS(smallest_f64),
      FUNCTIONS(smallest_i32),
      FUNCTIONS(smallest_i64),
      FUNCTIONS(smallest_u8) },
    { { NULL, NULL },
      FUNCTIONS(largest_f32),
      FUNCTIONS(largest_f64),
      FUNCTIONS(largest_i32),
      FUNCTIONS(largest_i64),
      FUNCTIONS(largest_u8) },
};

typedef struct places_job {
    const finder *find;
    ag_place_function *line;
    const char *x;
    ag_dtype dtype;
    int64_t size, n, inner, chunks; /* size: of an element; chunks: items into which lines side by side fall */
    bool largest;
    int64_t *place;
    char *value;          /* NULL: not asked for */
    int64_t *part, parts; /* the places in parts of one long line */
} places_job;

/* The place of the best of n elements, one after the other. */
static int64_t find_in_line(const places_job *j, const char *x, int64_t n)
{
    int64_t at = 0;
    for (int64_t from = 0; from < n; from += DEEP) {
        const int64_t left = n - from, next = from + j->line(x + from * j->size, left < DEEP ? left : DEEP);
        at = from == 0 || j->find->better(x, next, at) ? next : at;
    }
    return at;
}

/* The value of result `at`, of which the line begins at x and has its elements `step` apart. */
static void take_value(const places_job *j, int64_t at, const char *x, int64_t step)
{
    if (j->value)
        memcpy(j->value + at * j->size, x + j->place[at] * step * j->size, (size_t)j->size);
}

/* Short lines, as columns. */
static void run_turned(const void *context, int64_t begin, int64_t end)
{
    const places_job *j = context;
    _Alignas(64) char block[ROOM * 8];
    const int64_t most = ROOM / j->n < TURNED ? ROOM / j->n : TURNED;
    for (int64_t i = begin; i < end; i += most) {
        const int64_t lines = end - i < most ? end - i : most;
        char *value = j->value ? j->value + i * j->size : NULL;
        ag_turn_lines(j->dtype, j->x + i * j->n * j->size, lines, j->n, block);
        if (j->n >= ROWS || j->size == 1 ||
            !ag_place_boxes(j->dtype, block, 1, j->n, lines, j->largest, j->place + i, value, 1))
            j->find->columns(block, j->n, lines, lines, j->place + i, value);
    }
}

static void run_lines(const void *context, int64_t begin, int64_t end)
{
    const places_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const char *x = j->x + i * j->n * j->size;
        j->place[i] = find_in_line(j, x, j->n);
        take_value(j, i, x, 1);
    }
}

static bool few(const places_job *j, int64_t n)
{
    return j->inner * j->size < NARROW && n >= LONG;
}

/* Few long columns: so many rows are taken together that they are as long as a vector or two. */
static void find_in_few(const places_job *j, const char *x, int64_t n, int64_t *place)
{
    const int64_t inner = j->inner, together = LANES / inner, rows = n / together;
    int64_t lane[LANES];
    j->find->columns(x, rows, together * inner, together * inner, lane, NULL);
    for (int64_t k = 0; k < inner; k++) {
        int64_t at = lane[k] * together;
        for (int64_t g = 1; g < together; g++) {
            const int64_t i = lane[g * inner + k] * together + g;
            if (j->find->better(x, i * inner + k, at * inner + k) ||
                (i < at && !j->find->better(x, at * inner + k, i * inner + k)))
                at = i;
        }
        for (int64_t i = rows * together; i < n; i++)
            at = j->find->better(x, i * inner + k, at * inner + k) ? i : at;
        place[k] = at;
    }
}

/* Columns from number `first` on, at most COLUMNS, of outer index `row`. */
static void find_in_columns(const places_job *j, int64_t row, int64_t first)
{
    const int64_t deep = j->size == 1 ? BYTES : DEEP, left = j->inner - first, count = left < COLUMNS ? left : COLUMNS;
    const char *x = j->x + (row * j->n * j->inner + first) * j->size;
    int64_t *place = j->place + row * j->inner + first, more[COLUMNS];
    char *value = j->value ? j->value + (row * j->inner + first) * j->size : NULL;
    for (int64_t from = 0; from < j->n; from += deep) {
        const int64_t n = j->n - from < deep ? j->n - from : deep;
        const char *part = x + from * j->inner * j->size;
        if (few(j, n))
            find_in_few(j, part, n, from == 0 ? place : more);
        else
            j->find->columns(part, n, j->inner, count, from == 0 ? place : more, from == 0 ? value : NULL);
        for (int64_t k = 0; k < count && from > 0; k++)
            if (j->find->better(x, (from + more[k]) * j->inner + k, place[k] * j->inner + k))
                place[k] = from + more[k];
    }
    for (int64_t k = 0; k < count && (j->n > deep || few(j, j->n)); k++)
        take_value(j, row * j->inner + first + k, x + k * j->size, j->inner);
}

static void run_columns(const void *context, int64_t begin, int64_t end)
{
    const places_job *j = context;
    for (int64_t i = begin; i < end; i++)
        find_in_columns(j, i / j->chunks, i % j->chunks * COLUMNS);
}

static void run_parts(const void *context, int64_t begin, int64_t end)
{
    const places_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = j->n / j->parts * i, n = i + 1 < j->parts ? j->n / j->parts : j->n - first;
        j->part[i] = first + find_in_line(j, j->x + first * j->size, n);
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
    take_value(j, 0, j->x, 1);
}

void ag_extremum_places(ag_dtype d, const void *x, int64_t outer, int64_t n, int64_t inner, bool largest,
                        int64_t *place, void *value, int threads)
{
    places_job j = { .find = &finders[largest][d],
                     .line = ag_place_in_line(d, largest),
                     .x = x,
                     .dtype = d,
                     .size = (int64_t)ag_dtype_size(d),
                     .n = n,
                     .inner = inner,
                     .chunks = ag_parts(inner, COLUMNS),
                     .largest = largest,
                     .place = place,
                     .value = value };
    if (outer == 0 || inner == 0 ||
        (inner > 1 && ag_place_boxes(d, x, outer, n, inner, largest, place, value, threads)))
        return;
    j.parts = n / PART < PARTS ? n / PART : PARTS;
    if (inner > 1)
        ag_for_ranges(outer * j.chunks, (double)n * (double)(inner < COLUMNS ? inner : COLUMNS), threads, run_columns,
                      &j);
    else if (outer == 1 && j.parts > 1)
        run_divided(&j, threads);
    else
        ag_for_ranges(outer, (double)n, threads, n * j.size <= (d == AG_U8 ? BYTES : SHORT) ? run_turned : run_lines,
                      &j);
}
