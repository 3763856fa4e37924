/* The threads that help a caller. A piece of work is nobody's before it is taken: the caller takes pieces from the front,
 * the others from the back, and the caller waits only for pieces that are being worked on. So on a machine that is
 * busy otherwise, where helpers come late or never, a call takes as long as on one thread and no longer, and nobody waits
 * at a barrier for a thread that has no processor. */
#include "ag/array/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
    STACK = 4 << 20, /* of a helper: the callbacks of users run there too */
    TURNS = 100,     /* of looking for work before a thread sleeps; some 50 us where nobody else wants the processor */
    PAUSES = 40      /* in each turn */
};

typedef struct helper {
    pthread_cond_t wake;
    bool asleep; /* under the lock */
} helper;

/* One piece of work at a time, for one caller; another caller that comes meanwhile works alone. */
static struct crew {
    atomic_flag taken;
    _Atomic uint64_t open; /* round << 24 | begin << 12 | end: the pieces of this round that nobody has taken yet */
    _Atomic(ag_range_function *) run;
    _Atomic(const void *) context;
    _Atomic int64_t count;
    atomic_int pieces, team, done; /* done: pieces that helpers took and have finished */
    atomic_int sleepers;
    atomic_bool caller_sleeps;
    int helpers; /* that there are; the caller's to change while it has the crew */
    pthread_mutex_t lock;
    pthread_cond_t finished;
    helper helper[AG_MOST_TEAM]; /* helper[i] is of each team larger than i; the caller is 0 */
} crew = { .taken = ATOMIC_FLAG_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER };

/* ---- pieces */

enum { BITS = 12, MASK = (1 << BITS) - 1 };
_Static_assert((int)AG_MOST_PIECES <= (int)MASK, "places of pieces fit their bits");

static int begin_of(uint64_t open)
{
    return (int)(open >> BITS & MASK);
}

static int end_of(uint64_t open)
{
    return (int)(open & MASK);
}

static void run_piece(ag_range_function *run, const void *context, int64_t count, int pieces, int i)
{
    const int64_t share = count / pieces, more = count % pieces;
    run(context, i * share + (i < more ? i : more), (i + 1) * share + (i + 1 < more ? i + 1 : more));
}

/* What is read of the work is of this round if the exchange succeeds: it changes only after all pieces were taken. */
static bool run_last(int self)
{
    uint64_t open = atomic_load(&crew.open);
    for (;;) {
        if (begin_of(open) >= end_of(open) || self >= atomic_load_explicit(&crew.team, memory_order_relaxed))
            return false;
        ag_range_function *run = atomic_load_explicit(&crew.run, memory_order_relaxed);
        const void *context = atomic_load_explicit(&crew.context, memory_order_relaxed);
        const int64_t count = atomic_load_explicit(&crew.count, memory_order_relaxed);
        const int pieces = atomic_load_explicit(&crew.pieces, memory_order_relaxed);
        if (!atomic_compare_exchange_weak(&crew.open, &open, open - 1))
            continue;
        run_piece(run, context, count, pieces, end_of(open) - 1);
        return true;
    }
}

static int take_first(void)
{
    uint64_t open = atomic_load(&crew.open);
    while (begin_of(open) < end_of(open))
        if (atomic_compare_exchange_weak(&crew.open, &open, open + (1 << BITS)))
            return begin_of(open);
    return -1;
}

/* ---- waiting, first in turns that leave the processor to whoever wants it */

static void rest(void)
{
    for (int i = 0; i < PAUSES; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    }
    sched_yield();
}

static bool has_work(int self)
{
    const uint64_t open = atomic_load(&crew.open);
    return begin_of(open) < end_of(open) && self < atomic_load(&crew.team);
}

static void await_work(int self)
{
    for (int i = 0; i < TURNS; i++) {
        if (has_work(self))
            return;
        rest();
    }
    helper *h = &crew.helper[self];
    pthread_mutex_lock(&crew.lock);
    h->asleep = true;
    atomic_fetch_add(&crew.sleepers, 1);
    while (h->asleep && !has_work(self))
        pthread_cond_wait(&h->wake, &crew.lock);
    h->asleep = false;
    atomic_fetch_sub(&crew.sleepers, 1);
    pthread_mutex_unlock(&crew.lock);
}

static void wake_helpers(int team)
{
    if (!atomic_load(&crew.sleepers))
        return;
    pthread_mutex_lock(&crew.lock);
    for (int i = 1; i < team && i <= crew.helpers; i++)
        if (crew.helper[i].asleep) {
            crew.helper[i].asleep = false;
            pthread_cond_signal(&crew.helper[i].wake);
        }
    pthread_mutex_unlock(&crew.lock);
}

static void await_pieces(int wanted)
{
    for (int i = 0; i < TURNS && atomic_load(&crew.done) < wanted; i++)
        rest();
    if (atomic_load(&crew.done) == wanted)
        return;
    pthread_mutex_lock(&crew.lock);
    atomic_store(&crew.caller_sleeps, true);
    while (atomic_load(&crew.done) < wanted)
        pthread_cond_wait(&crew.finished, &crew.lock);
    atomic_store(&crew.caller_sleeps, false);
    pthread_mutex_unlock(&crew.lock);
}

/* The caller's memory may be gone once the piece is counted: after that only what is the crew's is touched. */
static void count_piece(void)
{
    atomic_fetch_add(&crew.done, 1);
    if (!atomic_load(&crew.caller_sleeps))
        return;
    pthread_mutex_lock(&crew.lock);
    pthread_cond_signal(&crew.finished);
    pthread_mutex_unlock(&crew.lock);
}

/* ---- helpers */

static void *help(void *place)
{
    const int self = (int)((helper *)place - crew.helper);
    for (;;) {
        await_work(self);
        while (run_last(self))
            count_piece();
    }
    return NULL;
}

static bool start_thread(helper *h)
{
    pthread_t thread;
    pthread_attr_t a;
    if (pthread_attr_init(&a))
        return false;
    const bool good = !pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED) &&
                      !pthread_attr_setstacksize(&a, STACK) && !pthread_create(&thread, &a, help, h);
    pthread_attr_destroy(&a);
    return good;
}

static bool start_helper(helper *h)
{
    if (pthread_cond_init(&h->wake, NULL))
        return false;
    const bool good = start_thread(h);
    if (!good)
        pthread_cond_destroy(&h->wake);
    return good;
}

/* Fewer than wanted where the system gives no more: then those that are there do it all. Signals are for the threads of
 * the program. */
static void start_helpers(int team)
{
    sigset_t all, before;
    if (crew.helpers + 1 >= team)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (crew.helpers + 1 < team && start_helper(&crew.helper[crew.helpers + 1]))
        crew.helpers++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- callers */

enum { PLACES = 16, LATELY = 50 /* ms */ };
static _Atomic int64_t called[PLACES]; /* when the thread of that place called last, in ms */
static atomic_int places;

static int64_t now(void)
{
    struct timespec t;
#ifdef CLOCK_MONOTONIC_COARSE
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + LATELY + 1;
}

int ag_callers(void)
{
    static _Thread_local int place = -1;
    const int64_t time = now();
    int count = 0;
    if (place < 0)
        place = atomic_fetch_add(&places, 1) % PLACES; /* two threads in one place are counted as one */
    if (atomic_load_explicit(&called[place], memory_order_relaxed) != time)
        atomic_store_explicit(&called[place], time, memory_order_relaxed);
    for (int i = 0; i < PLACES; i++)
        count += time - atomic_load_explicit(&called[i], memory_order_relaxed) <= LATELY;
    return count;
}

/* ---- children of fork have none of their parent's other threads: they start with a crew of their own */

static void in_child(void)
{
    atomic_flag_clear(&crew.taken);
    atomic_store(&crew.open, 0);
    atomic_store(&crew.sleepers, 0);
    atomic_store(&crew.caller_sleeps, false);
    crew.helpers = 0;
    pthread_mutex_init(&crew.lock, NULL);
    pthread_cond_init(&crew.finished, NULL);
    for (int i = 0; i < PLACES; i++)
        atomic_store(&called[i], 0);
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

/* ---- work */

static void publish(int64_t count, int pieces, int team, ag_range_function *run, const void *context)
{
    atomic_store_explicit(&crew.run, run, memory_order_relaxed);
    atomic_store_explicit(&crew.context, context, memory_order_relaxed);
    atomic_store_explicit(&crew.count, count, memory_order_relaxed);
    atomic_store_explicit(&crew.pieces, pieces, memory_order_relaxed);
    atomic_store_explicit(&crew.team, team, memory_order_relaxed);
    atomic_store_explicit(&crew.done, 0, memory_order_relaxed);
    const uint64_t round = (atomic_load_explicit(&crew.open, memory_order_relaxed) >> 2 * BITS) + 1;
    atomic_store(&crew.open, round << 2 * BITS | (uint64_t)pieces);
    wake_helpers(team);
}

void ag_crew_run(int64_t count, int pieces, int team, ag_range_function *run, const void *context)
{
    if (pieces < 2 || atomic_flag_test_and_set(&crew.taken)) {
        run(context, 0, count);
        return;
    }
    start_helpers(team);
    publish(count, pieces, team, run, context);
    int own = 0;
    for (int i; (i = take_first()) >= 0; own++)
        run_piece(run, context, count, pieces, i);
    await_pieces(pieces - own);
    atomic_flag_clear(&crew.taken);
}
