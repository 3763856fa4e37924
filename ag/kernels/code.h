/* A store of generated code: functions made on demand, found again by what they were made for, and of bounded size. */
#ifndef AG_KERNELS_CODE_H
#define AG_KERNELS_CODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AG_CODE_KINDS = 512,      /* functions kept at a time */
    AG_CODE_BYTES = 24 << 10, /* of the longest, in whole pages; 12 MB in all */
    AG_CODE_WORDS = 4
};

typedef struct ag_code_key { /* all that the code depends on; not all zero */
    uint64_t word[AG_CODE_WORDS];
} ag_code_key;

typedef struct ag_code {
    void (*run)(void);
    _Atomic uint64_t word[AG_CODE_WORDS]; /* the key; all zero: none */
    atomic_int users;                     /* -1: it is being replaced */
    atomic_ushort next;                   /* in the list of its hash: 1 + number, 0 at the end */
    atomic_bool recent;
} ag_code;

/* Writes code for `context` to memory of so many bytes; returns how many it took, 0 if it can not be made. */
typedef size_t ag_code_generator(const void *context, void *to, size_t room);

/* Takes the address space; call it once, before the others. False: the system grants no memory for code. */
bool ag_code_start(void);

/* The code for a key, made where the store has none, perhaps in the place of one that was not used for long. It stays
 * until ag_code_release, which every take but a NULL needs. NULL: it can not be made. Thread-safe. */
ag_code *ag_code_take(const ag_code_key *key, ag_code_generator *generate, const void *context);
void ag_code_release(ag_code *c);

#endif
