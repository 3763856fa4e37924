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
