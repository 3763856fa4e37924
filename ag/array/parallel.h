/* Work on several threads. No result depends on how many there are, or on which of them does what. */
#ifndef AG_ARRAY_PARALLEL_H
#define AG_ARRAY_PARALLEL_H

#include <stdint.h>

/* Measured: other threads pay from two shares on. A step is about what adding two elements costs. In debugging builds shares
 * are small, so that what is slow under sanitizers divides smaller tensors in the same way. */
#ifdef AG_DEBUG
enum { AG_SHARE = 1 << 12 };
#else
enum { AG_SHARE = 1 << 15 /* steps of one thread */ };
#endif

/* ---- parallel.c */

int ag_processors(void); /* that this process may use, or fewer if OMP_NUM_THREADS says so */
int ag_team_of(int64_t count, double steps, int threads);

/* The threads, at most so many, that `count` items of so many steps each are worth. */
static inline int ag_team(int64_t count, double steps, int threads)
{
    if (threads <= 1 || count <= 1 || (double)count * steps < 2 * AG_SHARE)
        return 1;
    return ag_team_of(count, steps, threads);
}

/* [0, count) in a few ranges for each thread, neighbours by the same one as a rule. */
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

/* Items, each by the next thread that has nothing to do. */
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

/* ---- crew.c */

enum { AG_MOST_PIECES = 4095, AG_MOST_TEAM = 256 };

int ag_callers(void); /* threads that have shared their work of late, the one that asks among them */

/* Runs `run` on [0, count) in so many pieces, by the caller and up to team - 1 others. */
void ag_crew_run(int64_t count, int pieces, int team, ag_range_function *run, const void *context);

#endif
