/* Copies, conversions and fills of strided arrays. */
#include "ag/kernels/convert.h"
#include "ag/kernels/copy_short.h"
#include "ag/kernels/kernels.h"
#include "ag/kernels/transpose.h"

/* Rows and columns of what is transposed at a time. It is read along its rows, of which each begins another page, and
 * written in lines of the cache, all of which stay there until they are whole. */
enum { TALL = 512, WIDE = 512, MANY = 128, NARROW = 64 /* one by one */, PIECE = 8192, TOGETHER = 64 };
enum { LONG = 1 << 13 /* bytes */ };
static const double STEPS = 0.5; /* of an element */

/* ---- rows: n elements at even strides, to = from or to += from */

typedef void row_function(void *to, int64_t to_step, const void *from, int64_t from_step, int64_t n, bool add);

#define AS_IS(v) (v)
#define TO_F32(v) ((float)(v))
#define TO_F64(v) ((double)(v))
#define TO_I64(v) ((int64_t)(v))
#define TO_I32(v) ((int32_t)(v))

/* SUM is the type in which elements are added: integers wrap. */
#define SET(to, from, TO, SUM, CONVERT) to = CONVERT(from)
#define ADD(to, from, TO, SUM, CONVERT) to = (TO)((SUM)to + (SUM)CONVERT(from))

/* The steps that vectorise well have loops of their own. */
#define LOOPS(STORE, TO, SUM, CONVERT)                                         \
    do {                                                                       \
        if (to_step == 1 && from_step == 1)                                    \
            for (int64_t i = 0; i < n; i++)                                    \
                STORE(to[i], from[i], TO, SUM, CONVERT);                       \
        else if (to_step == 1 && from_step == 0)                               \
            for (int64_t i = 0; i < n; i++)                                    \
                STORE(to[i], first, TO, SUM, CONVERT);                         \
        else if (to_step == 1 && from_step == -1)                              \
            for (int64_t i = 0; i < n; i++)                                    \
                STORE(to[i], from[-i], TO, SUM, CONVERT);                      \
        else                                                                   \
            for (int64_t i = 0; i < n; i++)                                    \
                STORE(to[i * to_step], from[i * from_step], TO, SUM, CONVERT); \
    } while (0)

#define ROW(name, TO, SUM, FROM, CONVERT)                                                                   \
    static void name(void *to_, int64_t to_step, const void *from_, int64_t from_step, int64_t n, bool add) \
    {                                                                                                       \
        TO *restrict to = to_;                                                                              \
        const FROM *restrict from = from_;                                                                  \
        const FROM first = from[0];                                                                         \
        if (add)                                                                                            \
            LOOPS(ADD, TO, SUM, CONVERT);                                                                   \
        else                                                                                                \
            LOOPS(SET, TO, SUM, CONVERT);                                                                   \
    }

ROW(row_f32, float, float, float, AS_IS)
ROW(row_f32_f64, float, float, double, TO_F32)
ROW(row_f32_i32, float, float, int32_t, TO_F32)
ROW(row_f32_i64, float, float, int64_t, TO_F32)
ROW(row_f32_u8, float, float, uint8_t, TO_F32)
ROW(row_f64_f32, double, double, float, TO_F64)
ROW(row_f64, double, double, double, AS_IS)
ROW(row_f64_i32, double, double, int32_t, TO_F64)
ROW(row_f64_i64, double, double, int64_t, TO_F64)
ROW(row_f64_u8, double, double, uint8_t, TO_F64)
ROW(row_i32_f32, int32_t, uint32_t, float, ag_i32_of_real)
ROW(row_i32_f64, int32_t, uint32_t, double, ag_i32_of_real)
ROW(row_i32, int32_t, uint32_t, int32_t, AS_IS)
ROW(row_i32_i64, int32_t, uint32_t, int64_t, ag_i32_of_integer)
ROW(row_i32_u8, int32_t, uint32_t, uint8_t, TO_I32)
ROW(row_i64_f32, int64_t, uint64_t, float, ag_i64_of_real)
ROW(row_i64_f64, int64_t, uint64_t, double, ag_i64_of_real)
ROW(row_i64_i32, int64_t, uint64_t, int32_t, TO_I64)
ROW(row_i64, int64_t, uint64_t, int64_t, AS_IS)
ROW(row_i64_u8, int64_t, uint64_t, uint8_t, TO_I64)
ROW(row_u8_f32, uint8_t, uint8_t, float, ag_u8_of_real)
ROW(row_u8_f64, uint8_t, uint8_t, double, ag_u8_of_real)
ROW(row_u8_i32, uint8_t, uint8_t, int32_t, ag_u8_of_integer)
ROW(row_u8_i64, uint8_t, uint8_t, int64_t, ag_u8_of_integer)
ROW(row_u8, uint8_t, uint8_t, uint8_t, AS_IS)

static row_function *const rows[6][6] = {
    [AG_F32] = { NULL, row_f32, row_f32_f64, row_f32_i32, row_f32_i64, row_f32_u8 },
    [AG_F64] = { NULL, row_f64_f32, row_f64, row_f64_i32, row_f64_i64, row_f64_u8 },
    [AG_I32] = { NULL, row_i32_f32, row_i32_f64, row_i32, row_i32_i64, row_i32_u8 },
    [AG_I64] = { NULL, row_i64_f32, row_i64_f64, row_i64_i32, row_i64, row_i64_u8 },
    [AG_U8] = { NULL, row_u8_f32, row_u8_f64, row_u8_i32, row_u8_i64, row_u8 },
};

/* Rows of so many bytes that are copied as they are, n of them; steps are in bytes. */
#define WORDS(bytes)                                                                                               \
    static void words_##bytes(void *to, int64_t to_step, const void *from, int64_t from_step, int64_t n, bool add) \
    {                                                                                                              \
        (void)add;                                                                                                 \
        for (int64_t i = 0; i < n; i++)                                                                            \
            memcpy((char *)to + i * to_step, (const char *)from + i * from_step, bytes);                           \
    }
WORDS(8)
WORDS(16)
WORDS(32)

/* ---- jobs */

typedef struct copy_job {
    ag_nest nest; /* 0: to, 1: from */
    char *to;
    const char *from;
    int64_t to_size, from_size; /* of an element */
    row_function *row;
    const ag_turn *turns;  /* of words as large as from's */
    bool add, same, again; /* same: dtypes are equal; again: rows are copied several times */
} copy_job;

/* A row that is copied several times lies in the cache, and is copied line by line. */
static void copy_bytes(void *restrict to, const void *restrict from, size_t n, bool again)
{
    if (again && n < LONG)
        ag_copy_lines(to, from, n);
    else
        memcpy(to, from, n);
}

static void copy_row(const copy_job *j, int64_t to, int64_t from, int64_t n)
{
    int last = j->nest.rank - 1;
    char *at = j->to + to * j->to_size;
    const char *source = j->from + from * j->from_size;
    if (j->same && !j->add && j->nest.stride[0][last] == 1 && j->nest.stride[1][last] == 1)
        copy_bytes(at, source, (size_t)(n * j->to_size), j->again);
    else
        j->row(at, j->nest.stride[0][last], source, j->nest.stride[1][last], n, j->add);
}

/* One dimension, divided anywhere. */
static void copy_line(const void *context, int64_t begin, int64_t end)
{
    const copy_job *j = context;
    copy_row(j, begin * j->nest.stride[0][0], begin * j->nest.stride[1][0], end - begin);
}

static void copy_rows(const void *context, int64_t begin, int64_t end)
{
    const copy_job *j = context;
    ag_cursor c;
    ag_cursor_set(&j->nest, begin, &c);
    for (int64_t r = begin; r < end; r++) {
        copy_row(j, c.offset[0], c.offset[1], j->nest.dim[j->nest.rank - 1]);
        ag_cursor_next(&j->nest, &c, 2);
    }
}

/* Innermost rows that share lines of the cache, where the elements of each are apart. */
static int64_t rows_together(const ag_nest *w)
{
    int64_t rows = 1;
    for (int d = w->rank - 2; d >= 0 && rows * w->dim[d] <= TOGETHER; d--)
        rows *= w->dim[d];
    return rows;
}

/* Pieces of these, one of each, and then the next of each. */
static void copy_pieces(const void *context, int64_t begin, int64_t end)
{
    const copy_job *j = context;
    const ag_nest *w = &j->nest;
    const int last = w->rank - 1;
    const int64_t rows = rows_together(w), n = w->dim[last], pieces = ag_parts(n, PIECE);
    for (int64_t s = begin; s < end; s++) {
        const int64_t first = s / rows % pieces * PIECE;
        ag_cursor c;
        ag_cursor_set(w, s / rows / pieces * rows + s % rows, &c);
        copy_row(j, c.offset[0] + first * w->stride[0][last], c.offset[1] + first * w->stride[1][last],
                 n - first < PIECE ? n - first : PIECE);
    }
}

/* ---- transposing: `to` is contiguous along the last dimension, `from` along the one before */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void transpose_plain(const copy_job *j, int64_t to, int64_t from, int64_t m, int64_t n)
{
    const int64_t to_row = j->nest.stride[0][j->nest.rank - 2], from_row = j->nest.stride[1][j->nest.rank - 1];
    for (int64_t k = 0; k < n; k += NARROW)
        for (int64_t i = 0; i < m; i++)
            copy_row(j, to + i * to_row + k, from + k * from_row + i, smaller(n - k, NARROW));
}

/* side x side elements; where they are also converted or added, row by row. What is wanted `ahead` of them is asked for: it
 * is too far apart to be foreseen. */
static void transpose_block(const copy_job *j, ag_transpose_block *block, int64_t side, char *to, const char *from,
                            int64_t ahead)
{
    _Alignas(64) char words[AG_TURN_BYTES];
    const int64_t to_row = j->nest.stride[0][j->nest.rank - 2], from_row = j->nest.stride[1][j->nest.rank - 1];
    const bool plain = j->same && !j->add;
    for (int64_t r = 0; r < side; r++)
        __builtin_prefetch(from + (r * from_row + ahead + side - 1) * j->from_size, 0, 2);
    block(plain ? to : words, plain ? to_row : side, from, from_row);
    for (int64_t r = 0; r < side && !plain; r++)
        j->row(to + r * to_row * j->to_size, 1, words + r * side * j->from_size, 1, side, j->add);
}

/* m x n elements in blocks, of which the last overlap those before them. Lines of many rows are read, one of each, then the
 * next of each, and rows are written on end; of few rows a part of each is read. */
static void transpose_blocks(const copy_job *j, const ag_turn *b, int64_t to, int64_t from, int64_t m, int64_t n)
{
    const int64_t to_row = j->nest.stride[0][j->nest.rank - 2], from_row = j->nest.stride[1][j->nest.rank - 1];
    const int64_t side = b->side, last_m = m - side, last_n = n - side;
    const bool many = n >= MANY, beside = (many ? m > side : n <= side) && !b->next;
    const int64_t ahead = beside ? side : side * from_row;
    for (int64_t outer = 0; outer < (many ? m : n); outer += side)
        for (int64_t inner = 0; inner < (many ? n : m); inner += side) {
            const int64_t i = smaller(many ? outer : inner, last_m), k = smaller(many ? inner : outer, last_n);
            transpose_block(j, b->block, side, j->to + (to + i * to_row + k) * j->to_size,
                            j->from + (from + k * from_row + i) * j->from_size, ahead);
        }
}

/* In blocks as large as they may be, *b or smaller; what is added is added once, so that smaller ones are left. */
static void transpose_tile(const copy_job *j, const ag_turn *b, int64_t to, int64_t from, int64_t m, int64_t n)
{
    const int64_t to_row = j->nest.stride[0][j->nest.rank - 2], from_row = j->nest.stride[1][j->nest.rank - 1];
    while (b->block && (m < b->least || n < b->least))
        b++;
    if (!b->block) {
        transpose_plain(j, to, from, m, n);
        return;
    }
    const int64_t whole_m = j->add ? m & -b->side : m, whole_n = j->add ? n & -b->side : n;
    transpose_blocks(j, b, to, from, whole_m, whole_n);
    if (whole_n < n)
        transpose_tile(j, b + 1, to + whole_n, from + whole_n * from_row, whole_m, n - whole_n);
    if (whole_m < m)
        transpose_tile(j, b + 1, to + whole_m * to_row, from + whole_m, m - whole_m, n);
}

/* The last one has what is left, too. */
static int64_t tiles_of(int64_t n, int64_t side)
{
    return n < 2 * side ? 1 : n / side;
}

/* Tiles, counted through all outer dimensions. */
static void transpose_tiles(const void *context, int64_t begin, int64_t end)
{
    const copy_job *j = context;
    const ag_nest *w = &j->nest;
    const int64_t m = w->dim[w->rank - 2], n = w->dim[w->rank - 1], strips = tiles_of(m, TALL),
                  across = tiles_of(n, WIDE);
    const int64_t from_row = w->stride[1][w->rank - 1];
    for (int64_t s = begin; s < end; s++) {
        const int64_t i = s % strips * TALL, k = s / strips % across * WIDE;
        ag_cursor c;
        ag_cursor_set(w, s / across / strips * m + i, &c);
        transpose_tile(j, j->turns, c.offset[0] + k, c.offset[1] + k * from_row, i / TALL + 1 < strips ? TALL : m - i,
                       k / WIDE + 1 < across ? WIDE : n - k);
    }
}

static void transpose(copy_job *j, int threads)
{
    const ag_nest *w = &j->nest;
    const int64_t m = w->dim[w->rank - 2], n = w->dim[w->rank - 1], matrices = ag_nest_rows(w) / m;
    j->turns = ag_transpose_turns((size_t)j->from_size);
    ag_for_ranges(matrices * tiles_of(m, TALL) * tiles_of(n, WIDE),
                  STEPS * (double)(smaller(m, TALL) * smaller(n, WIDE)), threads, transpose_tiles, j);
}

/* Arranges the loops for transposing if that is what they do. */
static bool transposes(ag_nest *w)
{
    return w->rank > 1 && w->stride[0][w->rank - 1] == 1 && ag_nest_turn(w, 1 << 1, 8, 8);
}

/* ---- entry points */

/* A row of a few elements costs more to begin than to copy: the next dimension that is longer becomes the rows', or where
 * there is none the longest. */
static void lengthen_rows(ag_nest *w)
{
    int last = w->rank - 1, longest = last;
    if (w->dim[last] >= 8)
        return;
    for (int d = last - 1; d >= 0 && w->dim[longest] < 64; d--)
        if (w->dim[d] > w->dim[longest])
            longest = d;
    if (longest == last)
        return;
    ag_nest_raise(w, longest);
    ag_nest_swap(w, last - 1, last);
}

/* Are the rows of 8, 16 or 32 bytes? */
static bool are_words(const copy_job *j)
{
    const ag_nest *w = &j->nest;
    const int last = w->rank - 1;
    const int64_t bytes = w->dim[last] * j->to_size;
    return last > 0 && j->same && !j->add && w->stride[0][last] == 1 && w->stride[1][last] == 1 &&
           (bytes == 8 || bytes == 16 || bytes == 32);
}

/* They become the elements of rows. */
static void make_words(copy_job *j)
{
    ag_nest *w = &j->nest;
    const int last = w->rank - 1;
    const int64_t bytes = w->dim[last] * j->to_size;
    for (int d = 0; d < last; d++)
        for (int k = 0; k < 2; k++)
            w->stride[k][d] *= j->to_size;
    w->rank = last;
    j->to_size = j->from_size = 1;
    j->row = bytes == 8 ? words_8 : bytes == 16 ? words_16 : words_32;
}

static void run(copy_job *j, int threads)
{
    ag_nest *w = &j->nest;
    const bool words = are_words(j), few = w->rank == 3 && w->dim[1] < 8; /* words: too few for a row of them */
    if (j->same && !j->add && (few || !words) && ag_copy_short(w, j->to, j->from, j->to_size, threads))
        return;
    if (words)
        make_words(j);
    int64_t inner = w->dim[w->rank - 1];
    if (!words && transposes(w)) {
        transpose(j, threads);
    } else if (w->rank == 1) {
        ag_for_ranges(inner, words ? 1 : STEPS, threads, copy_line, j);
    } else {
        lengthen_rows(w);
        inner = w->dim[w->rank - 1];
        if (inner > PIECE && w->stride[0][w->rank - 1] != 1 && w->stride[1][w->rank - 1] != 1)
            ag_for_ranges(ag_nest_rows(w) * ag_parts(inner, PIECE), STEPS * PIECE, threads, copy_pieces, j);
        else
            ag_for_ranges(ag_nest_rows(w), STEPS * (double)inner, threads, copy_rows, j);
    }
}

void ag_copy_array(const ag_array *to, const ag_array *from, bool add, int threads)
{
    copy_job j; /* a nest is large: it is not cleared first */
    if (ag_array_size(to) == 0)
        return;
    j.to = to->data;
    j.from = from->data;
    j.row = rows[to->dtype][from->dtype];
    j.add = add;
    j.to_size = (int64_t)ag_dtype_size(to->dtype);
    j.from_size = (int64_t)ag_dtype_size(from->dtype);
    j.same = to->dtype == from->dtype;
    ag_nest_init(&j.nest, to, from);
    j.again = false;
    for (int d = 0; d < j.nest.rank - 1; d++)
        j.again |= j.nest.stride[1][d] == 0;
    run(&j, threads);
}

void ag_fill_array(const ag_array *to, double value)
{
    int32_t as_i32 = ag_i32_of_real(value);
    int64_t as_i64 = ag_i64_of_real(value), n = ag_array_size(to);
    uint8_t as_u8 = ag_u8_of_real(value);
    float as_f32 = (float)value;
    const void *number = to->dtype == AG_F32   ? (const void *)&as_f32
                         : to->dtype == AG_I32 ? (const void *)&as_i32
                         : to->dtype == AG_I64 ? (const void *)&as_i64
                         : to->dtype == AG_U8  ? (const void *)&as_u8
                                               : (const void *)&value;
    if (ag_array_is_dense(to)) {
        rows[to->dtype][to->dtype](to->data, 1, number, 0, n, false);
        return;
    }
    /* all strides zero */
    ag_array from = { .data = (void *)(uintptr_t)number, .dtype = to->dtype, .shape = to->shape };
    ag_copy_array(to, &from, false, 1);
}
