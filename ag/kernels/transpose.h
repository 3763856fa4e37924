/* Transposing blocks of words in registers. */
#ifndef AG_KERNELS_TRANSPOSE_H
#define AG_KERNELS_TRANSPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* to[i * to_row + j] = from[j * from_row + i] for i < 8, j < 8, strides in words. */
typedef void ag_transpose_block(void *to, int64_t to_row, const void *from, int64_t from_row);

ag_transpose_block ag_transpose_block_8, ag_transpose_block_32, ag_transpose_block_64; /* words of 1, 4 and 8 bytes */
ag_transpose_block ag_transpose_lines_8, ag_transpose_lines_32; /* 16 x 16; the latter are whole lines of the cache */

/* Ways to turn side x side words, for `least` rows and columns or more. */
typedef struct ag_turn {
    ag_transpose_block *block; /* NULL: there is no other */
    int64_t side, least;
    bool next; /* while a block is turned the next one in order should be asked for, and not the one beside it */
} ag_turn;
enum { AG_TURN_BYTES = 4096 };                  /* of a block, at most */
const ag_turn *ag_transpose_turns(size_t size); /* of words of 1, 4 or 8 bytes, the largest first */

/* to[i * to_row + j] = element i of line at[j], of lines of 16. */
void ag_transpose_chosen_32(void *to, int64_t to_row, const void *lines, const int64_t *at);
/* element i of line at[j] += from[i * from_row + j], for one j after the other. */
void ag_transpose_add_f32(void *lines, const int64_t *at, const void *from, int64_t from_row);

#endif
