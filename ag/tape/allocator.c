/* The allocator of tapes that bring none: the C library's, and for large blocks the system's pages, which can grow
 * without being copied. */
#include "ag/tape/tape.h"
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
enum { LARGE = 1 << 21 };

static bool is_large(size_t bytes)
{
    return bytes >= LARGE;
}

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, bytes, MADV_HUGEPAGE); /* where that is not to be had, small ones do */
    return p;
}

static void unmap(void *p, size_t bytes)
{
    munmap(p, bytes);
}

static void *grow(void *user, void *p, size_t before, size_t bytes)
{
    (void)user;
    if (!is_large(before) || bytes < before)
        return NULL;
    void *moved = mremap(p, before, bytes, MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? NULL : moved;
}
#else
static bool is_large(size_t bytes)
{
    (void)bytes;
    return false;
}

static void *map(size_t bytes)
{
    (void)bytes;
    return NULL;
}

static void unmap(void *p, size_t bytes)
{
    (void)p;
    (void)bytes;
}

static void *grow(void *user, void *p, size_t before, size_t bytes)
{
    (void)user;
    (void)p;
    (void)before;
    (void)bytes;
    return NULL;
}
#endif

static void *allocate(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    size_t rounded = (bytes + alignment - 1) & ~(alignment - 1);
    if (rounded < bytes)
        return NULL;
    return is_large(bytes) ? map(bytes) : aligned_alloc(alignment, rounded ? rounded : alignment);
}

static void release(void *user, void *memory, size_t bytes)
{
    (void)user;
    if (is_large(bytes))
        unmap(memory, bytes);
    else
        free(memory);
}

ag_allocator ag_default_allocator(void)
{
    return (ag_allocator){ allocate, release, NULL, grow };
}
