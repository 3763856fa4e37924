/* The threads that help: every item once, none waited for that has not come, one crew for all callers. */
#include "support.h"

#include "ag/array/array.h"
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { MOST = 5000 };

typedef struct marks {
    atomic_int count[MOST];
    atomic_int_least64_t sum;
} marks;

static void mark(const void *context, int64_t begin, int64_t end)
{
    marks *m = (marks *)(uintptr_t)context;
    for (int64_t i = begin; i < end; i++) {
        m->count[i]++;
        m->sum += i;
    }
}

static void mark_item(const void *context, int64_t i)
{
    mark(context, i, i + 1);
}

/* Of rounds of many sizes: how many went wrong. */
static int64_t rounds(unsigned seed, int count)
{
    int64_t wrong = 0;
    marks *m = calloc(1, sizeof *m);
    for (int r = 0; r < count; r++) {
        seed = seed * 1664525 + 1013904223;
        const int64_t n = (seed >> 8) % (r % 10 ? 40 : MOST) + 1;
        const int team = (int)(seed >> 20) % 6 + 2;
        memset(m, 0, sizeof *m);
        (r % 2 ? ag_share_ranges(n, team, mark, m) : ag_share_items(n, team, mark_item, m));
        for (int64_t i = 0; i < n; i++)
            wrong += m->count[i] != 1;
        wrong += m->sum != n * (n - 1) / 2;
    }
    free(m);
    return wrong;
}

static void every_item_is_run_once(void **state)
{
    (void)state;
    assert_int_equal(rounds(1, slow() ? 2000 : 50000), 0);
}

static void *rounds_of_a_thread(void *seed)
{
    return (void *)(intptr_t)rounds(*(unsigned *)seed, slow() ? 500 : 5000);
}

static void callers_in_several_threads_do_not_meet(void **state)
{
    (void)state;
    enum { CALLERS = 6 };
    pthread_t thread[CALLERS];
    unsigned seed[CALLERS];
    void *wrong;
    for (int i = 0; i < CALLERS; i++) {
        seed[i] = (unsigned)i;
        assert_int_equal(pthread_create(&thread[i], NULL, rounds_of_a_thread, &seed[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
}

static void nested(const void *context, int64_t i)
{
    marks *m = (marks *)(uintptr_t)context;
    marks inner = { 0 };
    ag_share_ranges(100, 4, mark, &inner);
    m->count[i] += inner.sum == 4950;
}

static void work_may_share_work_of_its_own(void **state)
{
    (void)state;
    marks m = { 0 };
    ag_share_items(60, 3, nested, &m);
    for (int i = 0; i < 60; i++)
        assert_int_equal(m.count[i], 1);
}

/* ---- a helper that does not go on */

typedef struct stuck {
    pthread_t caller;
    atomic_int done;
    int pieces;
} stuck;

/* A helper ends its first piece when there is no other left: with shares that were dealt out before this would never end. */
static void wait_for_the_rest(const void *context, int64_t i)
{
    stuck *s = (stuck *)(uintptr_t)context;
    (void)i;
    if (!pthread_equal(pthread_self(), s->caller))
        while (s->done < s->pieces - 1)
            sched_yield();
    s->done++;
}

static void the_caller_does_what_helpers_leave(void **state)
{
    (void)state;
    alarm(120);
    for (int i = 0; i < 200; i++) {
        stuck s = { .caller = pthread_self(), .pieces = 50 };
        ag_share_items(50, 2, wait_for_the_rest, &s);
        assert_int_equal(s.done, 50);
    }
    alarm(0);
}

/* ---- what helpers are */

typedef struct look {
    pthread_t caller;
    atomic_int helped, signals;
} look;

static void look_at_helper(const void *context, int64_t i)
{
    look *l = (look *)(uintptr_t)context;
    sigset_t blocked;
    (void)i;
    if (pthread_equal(pthread_self(), l->caller)) {
        for (int k = 0; k < 1000 && !l->helped; k++)
            sched_yield();
        return;
    }
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    l->signals += !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGALRM);
    l->helped++;
}

static void signals_are_for_the_threads_of_the_program(void **state)
{
    (void)state;
    look l = { .caller = pthread_self() };
    for (int i = 0; i < 100000 && !l.helped; i++)
        ag_share_items(8, 2, look_at_helper, &l);
    assert_true(l.helped > 0);
    assert_int_equal(l.signals, 0);
}

static int threads_there(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && (e = readdir(tasks));)
        count += e->d_name[0] != '.';
    if (tasks)
        closedir(tasks);
    return count;
}

/* Helpers are of the process, not of a caller: no team was larger than 7. */
static void all_callers_have_one_crew(void **state)
{
    (void)state;
    callers_in_several_threads_do_not_meet(NULL);
    const int count = threads_there();
    if (!count)
        skip();
    assert_in_range(count, 2, 7 + 1 /* which a sanitizer may have */);
}

/* ---- callers share the processors */

static atomic_bool over;

static void *call_too(void *most)
{
    while (!over) {
        const int callers = ag_callers();
        *(int *)most = callers > *(int *)most ? callers : *(int *)most;
    }
    return NULL;
}

static void callers_of_the_same_time_divide_the_threads(void **state)
{
    (void)state;
    pthread_t other;
    int most = 0, team = 4, of_two = 2;
    usleep(200000); /* nobody called of late */
    assert_int_equal(ag_team(1000, 1e6, 4), 4);
    assert_int_equal(pthread_create(&other, NULL, call_too, &most), 0);
    for (int i = 0; i < 10000 && (team != 2 || of_two != 1); i++) {
        team = ag_team(1000, 1e6, 4);
        of_two = ag_team(1000, 1e6, 2);
        usleep(1000);
    }
    over = true;
    pthread_join(other, NULL);
    assert_int_equal(most, 2);
    assert_int_equal(team, 2);
    assert_int_equal(of_two, 1);
    usleep(200000);
    assert_int_equal(ag_team(1000, 1e6, 4), 4);
}

/* ---- children of fork */

static void a_child_of_fork_has_helpers_too(void **state)
{
    (void)state;
    int status = 0;
    rounds(1, 100);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        _exit(rounds(2, 100) != 0 || (threads_there() && threads_there() < 2));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(rounds(3, 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_run_once),
        cmocka_unit_test(callers_in_several_threads_do_not_meet),
        cmocka_unit_test(work_may_share_work_of_its_own),
        cmocka_unit_test(the_caller_does_what_helpers_leave),
        cmocka_unit_test(signals_are_for_the_threads_of_the_program),
        cmocka_unit_test(all_callers_have_one_crew),
        cmocka_unit_test(callers_of_the_same_time_divide_the_threads),
        cmocka_unit_test(a_child_of_fork_has_helpers_too),
    };
    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
