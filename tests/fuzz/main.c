/* fuzz [-t SECONDS] [-n SEQUENCES] [-s SEED] [-k] [-r SEED] - plays random sequences until the time is over or one
 * fails, and then prints the fewest calls that still fail. -r plays the sequence of one seed, with its log. -k goes on
 * after a failure. FUZZ_WITHOUT="habit ..." leaves out what is listed in fuzz.h.
 *
 * Sequences run in a child process, so that a crash and an endless loop are failures like others. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAULT = 33, HANG_SECONDS = 60 };

static const char *const habit_names[] = {
#define NAME(name) #name,
    HABITS(NAME)
};
bool fuzz_without[HABIT_COUNT];

/* What both processes see. */
typedef struct board {
    uint64_t seed, played, calls;
    int call;
    char fault[TEXT];
    bool left_out[CALLS];
} board;
static board *shared;

typedef struct failure {
    bool any;
    char what[TEXT];
} failure;

_Noreturn void fault(world *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(shared->fault, sizeof shared->fault, format, arguments);
    va_end(arguments);
    shared->call = w->call;
    note(w, "WRONG: %s", shared->fault);
    _exit(FAULT);
}

/* ---- in the child */

/* A sequence twice: with elementwise ops that wait, and with two threads and ops one by one, or with memory that fails. */
static void play_both(world *w, uint64_t seed)
{
    static uint64_t traces[CALLS];
    variant second = { seed % 2 ? 2 : 1, seed % 2 == 0, 0x11, seed % 2 ? AG_FUSE_OFF : 1,
                       seed % 2 ? AG_REPEAT_OFF : 0 };
    w->reference = NULL;
    play(w, seed, (variant){ 1, false, 0xff, 1, 0 }, shared->left_out);
    for (int i = 0; i < CALLS; i++)
        traces[i] = w->traces[i];
    bool limited = false;
    for (int i = 0; i < TAPES; i++)
        limited |= w->lanes[i].options.memory_limit < 1 << 24;
    note(w, "---- again, %s",
         second.failing ? "with memory that fails" : "with two threads, op by op, and other memory");
    w->reference = limited ? NULL : traces;
    play(w, seed, second, shared->left_out);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of the processor for a sequence that runs for ever, which a busy machine does not use up; of the clock for one that
 * waits. */
static void limit_time(void)
{
    const struct itimerval busy = { .it_value.tv_sec = HANG_SECONDS };
    setitimer(ITIMER_PROF, &busy, NULL);
    alarm(10 * HANG_SECONDS);
}

static _Noreturn void work(uint64_t seed, uint64_t count, double end, bool log, const char *directory)
{
    world *w = calloc(1, sizeof *w);
    if (!w)
        _exit(1);
    mallopt(M_MMAP_THRESHOLD, 1 << 28); /* blocks stay with the process */
    mallopt(M_TRIM_THRESHOLD, 1 << 28);
    w->log = log;
    snprintf(w->directory, sizeof w->directory, "%s", directory);
    for (uint64_t i = 0; i < count && (i % 16 || now() < end); i++) {
        shared->seed = seed + i;
        limit_time();
        play_both(w, seed + i);
        shared->played++;
    }
    free(w);
    exit(0);
}

/* ---- in the parent */

/* What a sanitizer says, without addresses and processes. */
static void find_report(const char *path, char *what)
{
    char line[1000];
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *report = strstr(line, "SUMMARY: "), *error = strstr(line, ": runtime error: ");
        if (!report && !error)
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(what, TEXT, "%.300s", report ? report + 9 : line);
        if (error)
            break;
    }
    if (file)
        fclose(file);
}

/* Plays `count` sequences in a child. */
static failure run(uint64_t seed, uint64_t count, double end, bool log, const char *directory)
{
    failure f = { false, "" };
    char errors[100];
    int status = 0;
    snprintf(errors, sizeof errors, "%s/errors", directory);
    shared->fault[0] = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int to = log ? -1 : open(errors, O_CREAT | O_WRONLY | O_TRUNC, 0600);
        if (to >= 0)
            dup2(to, 2);
        work(seed, count, end, log, directory);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fuzz");
        exit(2);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return f;
    f.any = true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == FAULT)
        snprintf(f.what, sizeof f.what, "%.300s", shared->fault);
    else if (WIFSIGNALED(status))
        snprintf(f.what, sizeof f.what, "%s",
                 WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGPROF ? "no end" : strsignal(WTERMSIG(status)));
    else
        snprintf(f.what, sizeof f.what, "exit status %d", WEXITSTATUS(status));
    if (!log && shared->fault[0] == 0)
        find_report(errors, f.what);
    return f;
}

/* The text up to the first digit that is no part of a name says whether two failures are the same. */
static bool same_failure(const failure *a, const failure *b)
{
    char kinds[2][TEXT];
    const failure *both[2] = { a, b };
    for (int i = 0; i < 2; i++) {
        char *to = kinds[i];
        for (const char *s = both[i]->what; *s; s++)
            if (*s < '0' || *s > '9')
                *to++ = *s;
        *to = 0;
    }
    return b->any && !strcmp(kinds[0], kinds[1]);
}

/* Leaves out runs of calls, shorter and shorter ones, while the sequence still fails in the same way. */
static void shrink(uint64_t seed, const failure *f, const char *directory)
{
    for (int round = 0; round < 3; round++) {
        for (int size = CALLS / 2; size > 0; size /= 2) {
            for (int from = 0; from < CALLS; from += size) {
                bool before[CALLS], any = false;
                memcpy(before, shared->left_out, sizeof before);
                for (int i = from; i < from + size && i < CALLS; i++) {
                    any |= !shared->left_out[i];
                    shared->left_out[i] = true;
                }
                failure again = { 0 };
                if (any)
                    again = run(seed, 1, INFINITY, false, directory);
                if (!same_failure(f, &again))
                    memcpy(shared->left_out, before, sizeof before);
            }
        }
    }
}

static void report(uint64_t seed, const failure *f, const char *directory)
{
    printf("seed %llu: %s\n", (unsigned long long)seed, f->what);
    fflush(stdout);
    if (strcmp(f->what, "no end"))
        shrink(seed, f, directory);
    run(seed, 1, INFINITY, true, directory);
    memset(shared->left_out, 0, sizeof shared->left_out);
    printf("---- again: fuzz -r %llu\n", (unsigned long long)seed);
    fflush(stdout);
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
    (void)s;
    (void)kind;
    (void)where;
    return remove(path);
}

static void read_habits(const char *text)
{
    for (int h = 0; text && h < HABIT_COUNT; h++) {
        size_t length = strlen(habit_names[h]);
        for (const char *at = strstr(text, habit_names[h]); at; at = strstr(at + 1, habit_names[h]))
            if ((at == text || at[-1] == ' ') && (!at[length] || at[length] == ' '))
                fuzz_without[h] = true;
    }
}

/* Plays until the time is over; the number of failures. */
static int play_all(uint64_t seed, uint64_t count, double seconds, bool go_on, const char *directory)
{
    double start = now();
    uint64_t next = seed;
    int failures = 0;
    while (next < seed + count && now() < start + seconds) {
        failure f = run(next, seed + count - next, start + seconds, false, directory);
        if (!f.any)
            break;
        failures++;
        next = shared->seed + 1;
        report(shared->seed, &f, directory);
        if (!go_on)
            break;
    }
    printf("%llu sequences from seed %llu on in %.0f s\n", (unsigned long long)shared->played, (unsigned long long)seed,
           now() - start);
    printf("%d passed, %d failed, 0 skipped\n", !failures, failures);
    return failures;
}

/* Threads that wait must not take the processor from those that work, which OpenMP wants to know before it begins. */
static void wait_passively(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1))
        return;
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    wait_passively(argv);
    const char *base = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    char directory[64];
    uint64_t seed = (uint64_t)time(NULL) << 20, count = UINT64_MAX / 2, one = 0;
    double seconds = INFINITY;
    bool go_on = false, replay = false;
    for (int option; (option = getopt(argc, argv, "t:n:s:r:k")) != -1;) {
        if (option == 't')
            seconds = strtod(optarg, NULL);
        else if (option == 'n')
            count = strtoull(optarg, NULL, 10);
        else if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (option == 'k')
            go_on = true;
        else if (option == 'r')
            one = strtoull(optarg, NULL, 10), replay = true;
        else
            return 2;
    }
    read_habits(getenv("FUZZ_WITHOUT"));
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(directory, sizeof directory, "%s/ag-fuzz.XXXXXX", base);
    if (!load_cases() || shared == MAP_FAILED || !mkdtemp(directory))
        return 2;
    int failures =
        replay ? run(one, 1, INFINITY, true, directory).any : play_all(seed, count, seconds, go_on, directory);
    nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return failures > 0;
}
