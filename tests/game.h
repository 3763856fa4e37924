/* What random games on a tape have in common: a number chooses what is done next, and all that comes out is kept, to be
 * compared bit for bit with what comes out of the same game played in another way. */
#ifndef TESTS_GAME_H
#define TESTS_GAME_H

#include "support.h"

typedef struct played {
    uint64_t random;
    double *out;
    size_t results, room;
} played;

static int draw(played *p, int below)
{
    p->random = p->random * 6364136223846793005u + 1442695040888963407u;
    return (int)((p->random >> 33) % (uint64_t)below);
}

static void put(played *p, double v)
{
    if (p->results == p->room) {
        p->room = 2 * p->room + 64;
        p->out = realloc(p->out, p->room * sizeof *p->out);
        assert_non_null(p->out);
    }
    p->out[p->results++] = v;
}

static UNUSED bool same(const played *a, const played *b)
{
    return a->results == b->results && !memcmp(a->out, b->out, a->results * sizeof *a->out);
}

#endif
