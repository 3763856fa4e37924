/* Progress in one line. */
#include "nn/internal.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 512 };

typedef struct progress {
    nn_progress head;
    nn_progress_config config;
    bool terminal, started;
    double start, last;              /* seconds: the end of the first step, the last line */
    int64_t before;                  /* what was done at the start */
    double recent, all;              /* sums of losses: since the last line, and since the start */
    int64_t recent_steps, all_steps; /* how many those are of */
    int shown;                       /* bytes of the line on the terminal */
    char text[];                     /* label and unit */
} progress;

double nn_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

nn_progress *nn_progress_new(ag_tape *t, nn_progress_config config)
{
    static const char who[] = "nn_progress_new";
    if (!t)
        return NULL;
    if (config.total < 0)
        return ag_fail(t, AG_EARG, "%s: total is %lld; it must not be negative", who, (long long)config.total), NULL;
    if (!(config.every >= 0 && config.every < INFINITY))
        return ag_fail(t, AG_EARG, "%s: every is %g; it must be finite and not negative", who, config.every), NULL;
    const char *label = config.label ? config.label : "", *unit = config.unit ? config.unit : "steps";
    const size_t length = strlen(label) + 1;
    progress *p = ag_tape_allocate(t, sizeof *p + length + strlen(unit) + 1);
    if (!p)
        return NULL;
    p->head.tape = t;
    p->config = config;
    p->config.label = strcpy(p->text, label);
    p->config.unit = strcpy(p->text + length, unit);
    p->config.to = config.to ? config.to : stderr;
    p->terminal = isatty(fileno(p->config.to)) == 1;
    if (config.every == 0)
        p->config.every = p->terminal ? 0.1 : 10;
    return &p->head;
}

/* ---- the line */

static size_t add(char *line, size_t used, const char *format, ...) AG_PRINTF(3, 4);
static size_t add(char *line, size_t used, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const int wanted = vsnprintf(line + used, LINE - used, format, values);
    va_end(values);
    return wanted < 0 ? used : used + (size_t)wanted < LINE ? used + (size_t)wanted : LINE - 1;
}

static size_t add_time(char *line, size_t used, double seconds)
{
    if (!(seconds < 1e9))
        return add(line, used, "ages");
    const long long whole = (long long)(seconds + 0.5);
    if (whole < 60)
        return add(line, used, seconds < 9.95 ? "%.1f s" : "%.0f s", seconds);
    if (whole < 3600)
        return add(line, used, "%lld min %02lld s", whole / 60, whole % 60);
    return add(line, used, "%lld h %02lld min", whole / 3600, whole / 60 % 60);
}

static void describe(const progress *p, char *line, double now, bool last)
{
    const nn_progress_config *c = &p->config;
    const double elapsed = now - p->start, done = (double)p->head.done,
                 rate = elapsed > 0 ? (done - (double)p->before) / elapsed : 0;
    const double sum = last ? p->all : p->recent;
    const int64_t steps = last ? p->all_steps : p->recent_steps;
    size_t used = *c->label ? add(line, 0, "%.100s: ", c->label) : 0;
    used = add(line, used, "%" PRId64, p->head.done);
    if (c->total && !last)
        used = add(line, used, " of %" PRId64, c->total);
    used = add(line, used, " %.40s", c->unit);
    if (c->total && !last)
        used = add(line, used, " (%.0f %%)", floor(100 * done / (double)c->total));
    if (rate > 0)
        used = add(line, used, rate < 99.5 ? ", %.3g %.40s/s" : ", %.0f %.40s/s", rate, c->unit);
    if (steps)
        used = add(line, used, ", loss %.4g", sum / (double)steps);
    if (!(rate > 0) || (!last && !(c->total && done <= (double)c->total)))
        return;
    used = add(line, used, last ? ", in " : ", ");
    used = add_time(line, used, (last ? done : (double)c->total - done) / rate);
    if (!last)
        add(line, used, " left");
}

/* What would be wrapped could not be written over. */
static int fit(const progress *p, const char *line)
{
    struct winsize window;
    int length = (int)strlen(line);
    if (ioctl(fileno(p->config.to), TIOCGWINSZ, &window) || !window.ws_col || length < window.ws_col)
        return length;
    length = window.ws_col - 1;
    while (length && ((unsigned char)line[length] & 0xc0) == 0x80) /* within a character */
        length--;
    return length;
}

static void write_line(progress *p, double now, bool last)
{
    char line[LINE] = "";
    describe(p, line, now, last);
    if (p->terminal) {
        const int length = fit(p, line);
        fprintf(p->config.to, "\r%.*s%*s", length, line, p->shown > length ? p->shown - length : 0, "");
        p->shown = length;
    } else {
        fputs(line, p->config.to);
    }
    if (last || !p->terminal)
        fputc('\n', p->config.to);
    fflush(p->config.to);
    p->last = now;
    p->recent = 0;
    p->recent_steps = 0;
}

/* ---- steps */

void nn_progress_step(nn_progress *head, int64_t count, double loss)
{
    progress *p = (progress *)(void *)head;
    if (!p)
        return;
    if (count < 0) {
        ag_fail(head->tape, AG_EARG, "nn_progress_step: the count is %lld; it must not be negative", (long long)count);
        return;
    }
    const double now = nn_seconds();
    head->done = head->done > INT64_MAX - count ? INT64_MAX : head->done + count;
    if (!p->started) {
        p->start = p->last = now;
        p->before = head->done;
    }
    p->started = true;
    p->recent += loss;
    p->all += loss;
    p->recent_steps++;
    p->all_steps++;
    if (now - p->last >= p->config.every)
        write_line(p, now, false);
}

void nn_progress_end(nn_progress *head)
{
    progress *p = (progress *)(void *)head;
    if (!p || !p->started)
        return;
    write_line(p, nn_seconds(), true);
    p->started = false;
    p->shown = 0;
    head->done = 0;
    p->all = 0;
    p->all_steps = 0;
}
