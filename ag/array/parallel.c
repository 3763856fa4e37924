/* Teams of threads, and where there can be none: in a child of fork, and where stacks are small. */
#include "ag/array/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__GLIBC__) && defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define HAD_THREADS (!__libc_single_threaded)
#endif
#endif
#ifndef HAD_THREADS
#define HAD_THREADS false
#endif

/* The largest frames are a gathered row's and those of the libraries for products. */
enum { STACK = 128 << 10 };

static atomic_bool started, orphaned; /* there were threads; and they did not come along into this process */
static atomic_size_t stack;           /* of a thread; 0: not looked at yet */

/* ---- children of fork: OpenMP's threads exist in the parent alone, and a region would wait for them for ever */

static void before_fork(void)
{
    if (HAD_THREADS)
        started = true;
}

static void in_child(void)
{
    if (started)
        orphaned = true;
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, NULL, in_child);
}

/* ---- stacks, whose size OpenMP takes from the environment and does not tell */

static size_t stack_size(void)
{
    size_t bytes = SIZE_MAX; /* not known, and then as large as is usual */
#if defined(__linux__)
    pthread_attr_t a;
    if (!pthread_getattr_np(pthread_self(), &a)) {
        pthread_attr_getstacksize(&a, &bytes);
        pthread_attr_destroy(&a);
    }
#endif
    return bytes;
}

static void look_at_stack(void)
{
    pthread_t caller = pthread_self();
    started = true;
#pragma omp parallel num_threads(2)
    if (!pthread_equal(pthread_self(), caller))
        stack = stack_size();
}

/* ---- teams */

int ag_team_of(int64_t count, double steps, int threads)
{
    if (orphaned)
        return 1;
    if (!stack)
        look_at_stack();
    if (stack && stack < STACK)
        return 1;
    double shares = (double)count * steps / AG_SHARE;
    if (shares < threads)
        threads = (int)shares;
    return count < threads ? (int)count : threads;
}

void ag_share_ranges(int64_t count, int team, ag_range_function *run, const void *context)
{
    int64_t share = count / team, more = count % team;
    AG_FOR_EACH(p, team, 2 * AG_SHARE, team,
                run(context, p * share + (p < more ? p : more), (p + 1) * share + (p < more ? p + 1 : more)));
}

void ag_share_items(int64_t count, int team, ag_item_function *run, const void *context)
{
    _Atomic int64_t next = 0;
    AG_FOR_EACH(p, team, 2 * AG_SHARE, team,
                for (int64_t i; (i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed)) < count;)
                    run(context, i));
}
