/* The way back through rank-0 records between two stops. By itself: compiled into the loop over stops it is longer. */
#include "ag/backward/backward.h"

static inline void pass_one(const ag_tape *t, int64_t i)
{
    const ag_record *r = &t->records[i];
    const double g = t->adjoints[i];
    t->adjoints[r->parent[0]] += g * r->partial[0];
    t->adjoints[r->parent[1]] += g * r->partial[1];
    t->adjoints[i] = 0;
}

/* Record i, whose adjoint is g: `before` is that of the record before it, `second` becomes that of the one before that. First
 * operands are mostly older than these, second ones often the newest that there is. */
static inline __attribute__((always_inline)) void pass_near(const ag_record *restrict r, double *restrict a, int64_t i,
                                                            double g, double *before, double *second)
{
    const int64_t p = r[i].parent[0], q = r[i].parent[1];
    const double to_p = g * r[i].partial[0], to_q = g * r[i].partial[1];
    *second = a[i - 2];
    if (p < i - 2)
        a[p] += to_p;
    else if (p == i - 1)
        *before += to_p;
    else if (p == i - 2)
        *second += to_p;
    if (q == i - 1)
        *before += to_q;
    else if (q == i - 2)
        *second += to_q;
    else if (q != i) /* a unary op names itself, a constant does twice */
        a[q] += to_q;
    a[i] = 0;
}

/* The adjoints of a record and of the two before it are carried in registers: most operands are one of these, and what goes
 * through memory waits there longer than it takes. Three records a turn: then none moves to another register. */
void ag_pass_quickly(const ag_tape *t, int64_t low, int64_t high)
{
    const ag_record *restrict r = t->records;
    double *restrict a = t->adjoints, x = a[high], y = a[high - 1], z;
    int64_t i = high;
    for (; i > low + 2; i -= 3) {
        pass_near(r, a, i, x, &y, &z);
        pass_near(r, a, i - 1, y, &z, &x);
        pass_near(r, a, i - 2, z, &x, &y);
    }
    for (; i > low; i--) {
        pass_near(r, a, i, x, &y, &z);
        x = y;
        y = z;
    }
    a[low] = x;
    a[low - 1] = y;
    pass_one(t, low);
}
