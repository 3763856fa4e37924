/* How work is divided between threads. */
#include "ag/array/parallel.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- how many threads */

/* What OpenMP's environment allows: its users expect the same of whatever else has threads. 0: nothing is said. */
static int allowed(const char *name)
{
    const char *text = getenv(name);
    const long n = text ? strtol(text, NULL, 10) : 0;
    return n < 1 ? 0 : n > AG_MOST_TEAM ? AG_MOST_TEAM : (int)n;
}

static int online(void)
{
#if defined(__linux__) && defined(CPU_COUNT)
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set))
        return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int ag_processors(void)
{
    const int wanted = allowed("OMP_NUM_THREADS"), limit = allowed("OMP_THREAD_LIMIT");
    int n = wanted ? wanted : online();
    if (limit && limit < n)
        n = limit;
    return n < 1 ? 1 : n > AG_MOST_TEAM ? AG_MOST_TEAM : n;
}

/* The threads of a program that call at the same time have the processors between them. */
int ag_team_of(int64_t count, double steps, int threads)
{
    const double shares = (double)count * steps / AG_SHARE;
    threads /= ag_callers();
    if (threads > AG_MOST_TEAM)
        threads = AG_MOST_TEAM;
    if (shares < threads)
        threads = (int)shares;
    if (count < threads)
        threads = (int)count;
    return threads < 1 ? 1 : threads;
}

/* ---- dividing */

void ag_share_ranges(int64_t count, int team, ag_range_function *run, const void *context)
{
    enum { EACH = 4 }; /* pieces of a thread: enough for one that comes late, and too few to cost anything */
    const int64_t pieces = (int64_t)team * EACH;
    ag_crew_run(count, (int)(pieces < count ? pieces : count), team, run, context);
}

typedef struct items {
    ag_item_function *run;
    const void *context;
} items;

static void run_items(const void *context, int64_t begin, int64_t end)
{
    const items *all = context;
    for (int64_t i = begin; i < end; i++)
        all->run(all->context, i);
}

void ag_share_items(int64_t count, int team, ag_item_function *run, const void *context)
{
    const int64_t pieces = count < AG_MOST_PIECES ? count : AG_MOST_PIECES;
    ag_crew_run(count, (int)pieces, team, run_items, &(items){ run, context });
}
