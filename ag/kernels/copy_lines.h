/* Copying short rows, line by line of the cache. */
#ifndef AG_KERNELS_COPY_LINES_H
#define AG_KERNELS_COPY_LINES_H

#include <stdint.h>
#include <string.h>

/* n bytes. The C library's memcpy writes some KB with their ends first, which takes longer than line by line: the
 * processor need not read a line that it sees written as a whole. The end is a line that overlaps the one before. */
static inline void ag_copy_lines(void *restrict to_, const void *restrict from_, size_t n)
{
    typedef uint64_t line __attribute__((vector_size(64)));
    char *to = to_;
    const char *from = from_;
    line v;
    if (n < sizeof v) {
        memcpy(to, from, n);
        return;
    }
    for (size_t i = 0; i + sizeof v <= n; i += sizeof v) {
        memcpy(&v, from + i, sizeof v);
        memcpy(to + i, &v, sizeof v);
        __asm__ volatile("" ::: "memory"); /* else gcc makes a memcpy of it */
    }
    if (n % sizeof v != 0) {
        memcpy(&v, from + n - sizeof v, sizeof v);
        memcpy(to + n - sizeof v, &v, sizeof v);
    }
}

/* Rows from memory, of which the C library copies long ones as quickly. */
enum { AG_LONG_ROW = 2048 /* bytes */ };
static inline void ag_copy_row(void *restrict to, const void *restrict from, size_t n)
{
    if (n < AG_LONG_ROW)
        ag_copy_lines(to, from, n);
    else
        memcpy(to, from, n);
}

#endif
