/* Work on several threads: every OpenMP region goes through here. No result depends on how many there are, or on where
 * one's share ends. */
#ifndef AG_ARRAY_PARALLEL_H
#define AG_ARRAY_PARALLEL_H

#include <stdint.h>

/* Measured: entering a region pays from two shares on. A step is about what adding two elements costs. */
enum { AG_SHARE = 1 << 15 /* steps of one thread */ };

/* ---- parallel.c */

int ag_team_of(int64_t count, double steps, int threads);

/* The threads, at most so many, that `count` items of so many steps each are worth. */
static inline int ag_team(int64_t count, double steps, int threads)
{
    if (threads <= 1 || count <= 1 || (double)count * steps < 2 * AG_SHARE)
        return 1;
    return ag_team_of(count, steps, threads);
}

/* A statement for i = 0 ... count - 1, each worth so many steps; neighbours by one thread. */
#define AG_FOR_EACH(i, count, steps, threads, statement)                                                             \
    do {                                                                                                             \
        const int64_t ag_items = count;                                                                              \
        const int ag_crew = ag_team(ag_items, steps, threads);                                                       \
        if (ag_crew > 1) {                                                                                           \
            _Pragma("omp parallel for num_threads(ag_crew) schedule(static)") for (int64_t i = 0; i < ag_items; i++) \
                statement;                                                                                           \
        } else {                                                                                                     \
            for (int64_t i = 0; i < ag_items; i++)                                                                   \
                statement;                                                                                           \
        }                                                                                                            \
    } while (0)

/* [0, count) in one range a thread. */
typedef void ag_range_function(const void *context, int64_t begin, int64_t end);
void ag_share_ranges(int64_t count, int team, ag_range_function *run, const void *context);
static inline void ag_for_ranges(int64_t count, double steps, int threads, ag_range_function *run, const void *context)
{
    int team = ag_team(count, steps, threads);
    if (team == 1)
        run(context, 0, count);
    else
        ag_share_ranges(count, team, run, context);
}

/* Items that differ much in length, each by the next thread that has nothing to do. */
typedef void ag_item_function(const void *context, int64_t item);
void ag_share_items(int64_t count, int team, ag_item_function *run, const void *context);
static inline void ag_for_items(int64_t count, double steps, int threads, ag_item_function *run, const void *context)
{
    int team = ag_team(count, steps, threads);
    for (int64_t i = 0; team == 1 && i < count; i++)
        run(context, i);
    if (team > 1)
        ag_share_items(count, team, run, context);
}

#endif
