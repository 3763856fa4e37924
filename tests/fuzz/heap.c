/* An allocator that counts what is out, fills what it gives, and fails when it is told to. */
#include "tests/fuzz/fuzz.h"

enum { HEADER = 64, LARGEST = 1 << 23 };
static const uint64_t canary = 0x6675727a20746170;

typedef struct header {
    uint64_t canary, bytes;
} header;

static bool fails(heap *h, size_t bytes)
{
    if (bytes > LARGEST)
        return true;
    if (h->paused || h->until < 0)
        return false;
    if (h->until-- > 0)
        return false;
    h->until = h->every ? h->every - 1 : -1;
    h->failed++;
    return true;
}

static void *take(void *user, size_t bytes, size_t alignment)
{
    heap *h = user;
    void *block;
    if (alignment > HEADER || (alignment & (alignment - 1)))
        abort();
    if (fails(h, bytes) || posix_memalign(&block, HEADER, bytes + HEADER))
        return NULL;
    *(header *)block = (header){ canary, bytes };
    memset((char *)block + HEADER, h->fill, bytes);
    h->blocks++;
    h->bytes += (int64_t)bytes;
    return (char *)block + HEADER;
}

static void give(void *user, void *memory, size_t bytes)
{
    heap *h = user;
    header *block = (header *)(void *)((char *)memory - HEADER);
    if (block->canary != canary || block->bytes != bytes)
        abort(); /* not a block of ours, or not all of it */
    block->canary = 0;
    h->blocks--;
    h->bytes -= (int64_t)bytes;
    free(block);
}

static void *enlarge(void *user, void *memory, size_t before, size_t bytes)
{
    void *larger = take(user, bytes, HEADER);
    if (!larger)
        return NULL;
    memcpy(larger, memory, before);
    give(user, memory, before);
    return larger;
}

ag_allocator heap_allocator(heap *h, bool resizes)
{
    return (ag_allocator){ take, give, h, resizes ? enlarge : NULL };
}
