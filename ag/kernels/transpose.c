#include "ag/kernels/transpose.h"

#include <string.h>

/* Vectors stay inside this file: how they would be passed to others does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef uint32_t eight_32 __attribute__((vector_size(32)));
typedef uint64_t eight_64 __attribute__((vector_size(64)));

/* Exchanges the elements off the diagonal between rows a and b of the 2 x 2 blocks of the given size. */
#define EXCHANGE_1(type, a, b)                                        \
    do {                                                              \
        type p = a, q = b;                                            \
        a = __builtin_shufflevector(p, q, 0, 8, 2, 10, 4, 12, 6, 14); \
        b = __builtin_shufflevector(p, q, 1, 9, 3, 11, 5, 13, 7, 15); \
    } while (0)
#define EXCHANGE_2(type, a, b)                                         \
    do {                                                               \
        type p = a, q = b;                                             \
        a = __builtin_shufflevector(p, q, 0, 1, 8, 9, 4, 5, 12, 13);   \
        b = __builtin_shufflevector(p, q, 2, 3, 10, 11, 6, 7, 14, 15); \
    } while (0)
#define EXCHANGE_4(type, a, b)                                         \
    do {                                                               \
        type p = a, q = b;                                             \
        a = __builtin_shufflevector(p, q, 0, 1, 2, 3, 8, 9, 10, 11);   \
        b = __builtin_shufflevector(p, q, 4, 5, 6, 7, 12, 13, 14, 15); \
    } while (0)

/* Written out, for gcc keeps the rows in registers only then. */
#define TRANSPOSE_BLOCK(name, word, type)                                     \
    void name(void *to_, int64_t to_row, const void *from_, int64_t from_row) \
    {                                                                         \
        word *to = to_;                                                       \
        const word *from = from_;                                             \
        type r[8];                                                            \
        for (int j = 0; j < 8; j++)                                           \
            memcpy(&r[j], from + j * from_row, sizeof r[j]);                  \
        EXCHANGE_1(type, r[0], r[1]);                                         \
        EXCHANGE_1(type, r[2], r[3]);                                         \
        EXCHANGE_1(type, r[4], r[5]);                                         \
        EXCHANGE_1(type, r[6], r[7]);                                         \
        EXCHANGE_2(type, r[0], r[2]);                                         \
        EXCHANGE_2(type, r[1], r[3]);                                         \
        EXCHANGE_2(type, r[4], r[6]);                                         \
        EXCHANGE_2(type, r[5], r[7]);                                         \
        EXCHANGE_4(type, r[0], r[4]);                                         \
        EXCHANGE_4(type, r[1], r[5]);                                         \
        EXCHANGE_4(type, r[2], r[6]);                                         \
        EXCHANGE_4(type, r[3], r[7]);                                         \
        for (int i = 0; i < 8; i++)                                           \
            memcpy(to + i * to_row, &r[i], sizeof r[i]);                      \
    }

TRANSPOSE_BLOCK(ag_transpose_block_32, uint32_t, eight_32)
TRANSPOSE_BLOCK(ag_transpose_block_64, uint64_t, eight_64)

typedef uint8_t sixteen_8 __attribute__((vector_size(16)));
typedef uint64_t two_64 __attribute__((vector_size(16)));

/* The lower or upper halves of two rows, element by element. */
#define LOWER(p, q) __builtin_shufflevector(p, q, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define UPPER(p, q) __builtin_shufflevector(p, q, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

void ag_transpose_block_8(void *to_, int64_t to_row, const void *from_, int64_t from_row)
{
    uint8_t *to = to_;
    const uint8_t *from = from_;
    sixteen_8 r[8], pair[4], two[4];
    for (int j = 0; j < 8; j++) { /* as a word: half of a vector that is in memory would be waited for */
        uint64_t row;
        memcpy(&row, from + j * from_row, sizeof row);
        r[j] = (sixteen_8)(two_64){ row, 0 };
    }
    for (int j = 0; j < 4; j++)
        pair[j] = LOWER(r[j], r[j + 4]);
    for (int j = 0; j < 2; j++) { /* columns 0 to 3, then 4 to 7 of rows j, j + 2, j + 4, j + 6 */
        two[j] = LOWER(pair[j], pair[j + 2]);
        two[j + 2] = UPPER(pair[j], pair[j + 2]);
    }
    for (int i = 0; i < 4; i++) {
        const sixteen_8 p = two[i & 2], q = two[(i & 2) + 1], rows = i & 1 ? UPPER(p, q) : LOWER(p, q);
        memcpy(to + 2 * i * to_row, &rows, 8);
        memcpy(to + (2 * i + 1) * to_row, (const char *)&rows + 8, 8);
    }
}

/* ---- 16 x 16 */

/* Four times the rows of the upper half between those of the lower one: each time another bit of an element's row becomes
 * one of its column. */
void ag_transpose_lines_8(void *to_, int64_t to_row, const void *from_, int64_t from_row)
{
    uint8_t *to = to_;
    const uint8_t *from = from_;
    sixteen_8 r[16], mixed[16];
#pragma GCC unroll 16
    for (int j = 0; j < 16; j++)
        memcpy(&r[j], from + j * from_row, sizeof r[j]);
#pragma GCC unroll 4
    for (int time = 0; time < 4; time++) {
#pragma GCC unroll 8
        for (int j = 0; j < 8; j++) {
            mixed[2 * j] = LOWER(r[j], r[j + 8]);
            mixed[2 * j + 1] = UPPER(r[j], r[j + 8]);
        }
#pragma GCC unroll 16
        for (int j = 0; j < 16; j++)
            r[j] = mixed[j];
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        memcpy(to + i * to_row, &r[i], sizeof r[i]);
}

/* ---- 64 x 64: whole lines of the cache */

enum { SQUARE = 64 };

/* Sixteen bytes at a time, as they are loaded and were stored: others would be waited for. */
static void copy_lines(uint8_t *to, int64_t to_row, const uint8_t *from, int64_t from_row)
{
    for (int64_t i = 0; i < SQUARE; i++)
        for (int64_t j = 0; j < SQUARE; j += 16) {
            sixteen_8 v;
            memcpy(&v, from + i * from_row + j, sizeof v);
            memcpy(to + i * to_row + j, &v, sizeof v);
            __asm__ volatile("" ::: "memory"); /* else gcc makes a memcpy of it */
        }
}

/* Rows that lie a power of two apart share few places of a cache: only copies of theirs stay there. */
static void transpose_square_8(void *to, int64_t to_row, const void *from, int64_t from_row)
{
    _Alignas(64) uint8_t lines[SQUARE * SQUARE], turned[SQUARE * SQUARE];
    copy_lines(lines, SQUARE, from, from_row);
    for (int64_t i = 0; i < SQUARE; i += 16)
        for (int64_t k = 0; k < SQUARE; k += 16)
            ag_transpose_lines_8(turned + i * SQUARE + k, SQUARE, lines + k * SQUARE + i, SQUARE);
    copy_lines(to, to_row, turned, SQUARE);
}

#ifdef __AVX512F__
typedef uint32_t sixteen_32 __attribute__((vector_size(64)));

/* What EXCHANGE_* does, between rows j and j + distance, for 16 rows. */
#define EXCHANGE(distance, first, second)                                      \
    _Pragma("GCC unroll 16") for (int j = 0; j < 16; j++) if (!(j & distance)) \
    {                                                                          \
        const sixteen_32 p = r[j], q = r[j + distance];                        \
        r[j] = __builtin_shufflevector(p, q, first);                           \
        r[j + distance] = __builtin_shufflevector(p, q, second);               \
    }
#define LIST(...) __VA_ARGS__
/* Rows from where the place of number j says, or to that of number i. */
#define LOAD(place) _Pragma("GCC unroll 16") for (int j = 0; j < 16; j++) memcpy(&r[j], place, sizeof r[j])
#define STORE(place) _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) memcpy(place, &r[i], sizeof r[i])
#define TURN                                                                         \
    do {                                                                             \
        EXCHANGE(1, LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30), \
                 LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))    \
        EXCHANGE(2, LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),  \
                 LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))   \
        EXCHANGE(4, LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),  \
                 LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))   \
        EXCHANGE(8, LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),    \
                 LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)) \
    } while (0)

void ag_transpose_lines_32(void *to_, int64_t to_row, const void *from_, int64_t from_row)
{
    uint32_t *to = to_;
    const uint32_t *from = from_;
    sixteen_32 r[16];
    LOAD(from + j * from_row);
    TURN;
    STORE(to + i * to_row);
}

void ag_transpose_chosen_32(void *to_, int64_t to_row, const void *lines, const int64_t *at)
{
    uint32_t *to = to_;
    sixteen_32 r[16];
    LOAD((const char *)lines + at[j] * 64);
    TURN;
    STORE(to + i * to_row);
}

typedef float sixteen_f32 __attribute__((vector_size(64)));

void ag_transpose_add_f32(void *lines, const int64_t *at, const void *from_, int64_t from_row)
{
    const uint32_t *from = from_;
    sixteen_32 r[16];
    LOAD(from + j * from_row);
    TURN;
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        sixteen_f32 line;
        memcpy(&line, (char *)lines + at[i] * 64, sizeof line);
        line += (sixteen_f32)r[i];
        memcpy((char *)lines + at[i] * 64, &line, sizeof line);
    }
}
#else
void ag_transpose_lines_32(void *to_, int64_t to_row, const void *from_, int64_t from_row)
{
    uint32_t *to = to_;
    const uint32_t *from = from_;
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 16; j += 8)
            ag_transpose_block_32(to + i * to_row + j, to_row, from + j * from_row + i, from_row);
}

void ag_transpose_chosen_32(void *to, int64_t to_row, const void *lines, const int64_t *at)
{
    uint32_t chosen[16][16];
    for (int j = 0; j < 16; j++)
        memcpy(chosen[j], (const char *)lines + at[j] * 64, sizeof chosen[j]);
    ag_transpose_lines_32(to, to_row, chosen, 16);
}

void ag_transpose_add_f32(void *lines, const int64_t *at, const void *from, int64_t from_row)
{
    float turned[16][16];
    ag_transpose_lines_32(turned, 16, from, from_row);
    for (int i = 0; i < 16; i++) {
        float *line = (float *)lines + at[i] * 16;
        for (int j = 0; j < 16; j++)
            line[j] += turned[i][j];
    }
}
#endif

/* ---- which there are */

static const ag_turn turns_8[] = { { transpose_square_8, SQUARE, 256, true },
                                   { ag_transpose_lines_8, 16, 16, false },
                                   { ag_transpose_block_8, 8, 8, false },
                                   { NULL, 0, 0, false } };
static const ag_turn turns_32[] = { { ag_transpose_lines_32, 16, 16, false },
                                    { ag_transpose_block_32, 8, 8, false },
                                    { NULL, 0, 0, false } };
static const ag_turn turns_64[] = { { ag_transpose_block_64, 8, 8, false }, { NULL, 0, 0, false } };

const ag_turn *ag_transpose_turns(size_t size)
{
    return size == 8 ? turns_64 : size == 4 ? turns_32 : turns_8;
}
