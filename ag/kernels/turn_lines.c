/* Lines of few elements as columns, a block of them in registers at a time. */
#include "ag/kernels/kernels.h"

enum {
    LONG = 256, /* bytes of a line */
    FEW = 4,    /* a loop that knows how many they are becomes vector code */
    SIDE = 8    /* of a block */
};

typedef void turn_function(const void *from, int64_t lines, int64_t n, void *to, int64_t to_row);

#define LOOPS(name, type)                                                                                            \
    AG_INLINE void name##_of(const type *restrict from, int64_t lines, int64_t n, type *restrict to, int64_t to_row) \
    {                                                                                                                \
        for (int64_t j = 0; j < lines; j++)                                                                          \
            for (int64_t i = 0; i < n; i++)                                                                          \
                to[i * to_row + j] = from[j * n + i];                                                                \
    }                                                                                                                \
    static void name(const void *from, int64_t lines, int64_t n, void *to, int64_t to_row)                           \
    {                                                                                                                \
        if (n == 2)                                                                                                  \
            name##_of(from, lines, 2, to, to_row);                                                                   \
        else if (n == 3)                                                                                             \
            name##_of(from, lines, 3, to, to_row);                                                                   \
        else if (n == FEW)                                                                                           \
            name##_of(from, lines, FEW, to, to_row);                                                                 \
        else                                                                                                         \
            name##_of(from, lines, n, to, to_row);                                                                   \
    }
LOOPS(turn_8, uint8_t)
LOOPS(turn_32, uint32_t)
LOOPS(turn_64, uint64_t)

/* The last blocks overlap those before them; of lines that are shorter than a block what follows is turned with them, and
 * left over. */
static void turn_blocks(ag_transpose_block *block, int64_t side, int64_t size, const char *from, int64_t lines,
                        int64_t n, char *to, int64_t to_row)
{
    for (int64_t k = 0; k < lines; k += side) {
        const int64_t line = k + side <= lines ? k : lines - side;
        for (int64_t i = 0; i < n; i += side) {
            const int64_t column = i + side <= n || i == 0 ? i : n - side;
            block(to + (column * to_row + line) * size, to_row, from + (line * n + column) * size, n);
        }
    }
}

static void turn_long(ag_dtype d, const void *from_, int64_t lines, int64_t n, void *to_)
{
    const ag_array to = ag_dense_array(AG_SHAPE(n, lines), d, to_);
    ag_array from = ag_dense_array(to.shape, d, from_);
    from.stride[0] = 1;
    from.stride[1] = n;
    ag_copy_array(&to, &from, false, 1);
}

void ag_turn_lines(ag_dtype d, const void *from, int64_t lines, int64_t n, void *to)
{
    const int64_t size = (int64_t)ag_dtype_size(d), side = size == 1 && n >= 2 * SIDE ? 2 * SIDE : SIDE;
    const int64_t rest = n < SIDE ? 1 : 0; /* lines, of which no block is made: it would read what is beyond them */
    turn_function *const loops = size == 8 ? turn_64 : size == 4 ? turn_32 : turn_8;
    ag_transpose_block *const block = size == 8      ? ag_transpose_block_64
                                      : size == 4    ? ag_transpose_block_32
                                      : side == SIDE ? ag_transpose_block_8
                                                     : ag_transpose_lines_8;
    if (n * size > LONG) {
        turn_long(d, from, lines, n, to);
    } else if (n <= FEW || lines < side + rest) {
        loops(from, lines, n, to, lines);
    } else {
        turn_blocks(block, side, size, from, lines - rest, n, to, lines);
        if (rest > 0)
            loops((const char *)from + (lines - 1) * n * size, 1, n, (char *)to + (lines - 1) * size, lines);
    }
}
