/* Recording an op on rank-0 f64 numbers: what the quick path of a table row is made of. */
#ifndef AG_RECORD_NUMBER_H
#define AG_RECORD_NUMBER_H

#include "ag/tape/tape.h"

/* Keeps two range checks two branches: merged, they would make the values wait for both. */
#define AG_BARRIER() __asm__ volatile("")

/* Puts the word of a persistent tensor's leaf, which may be of an older step, in the place of the tensor's own. False: it
 * has none, or is no such tensor. */
static inline bool ag_leaf_word(const ag_tape *t, uint64_t *word)
{
    const uint32_t index = AG_INDEX((uint32_t)*word);
    if (AG_UNLIKELY(index >= t->slot_count || t->slots[index].handle != *word))
        return false;
    *word = (uint64_t)t->slots[index].leaf_epoch << 32 | t->slots[index].leaf_id;
    return true;
}

static inline uint32_t ag_header_bits(const ag_header *h)
{
    uint32_t bits;
    memcpy(&bits, h, sizeof bits);
    return bits;
}

/* Makes the next node of the newest segment, node n there, whose record is to be written; bits: of the operands' headers,
 * of which AG_NEEDS is inherited. The values are read after it, which the empty statement holds the compiler to: then the
 * path is shortest, and needs no register that would have to be saved. */
static inline void ag_append(ag_tape *t, uint64_t n, uint32_t op, uint32_t bits)
{
    const uint32_t header = op | (bits & (uint32_t)AG_NEEDS << 16);
    memcpy(&t->h[n], &header, sizeof header);
    t->span = n + 1;
    __asm__ volatile("" : : : "memory");
}

/* Both derivatives leave in one store: of how many there are depends how long an op takes. The value has its own, since the
 * next op may read it at once. */
static inline void ag_record_put(ag_record *r, uint32_t a, uint32_t b, double by_a, double by_b, double value)
{
    typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));
    r->parent[0] = a;
    r->parent[1] = b;
    *(pair *)r->partial = (pair){ by_a, by_b };
    r->value = value;
}

#endif
