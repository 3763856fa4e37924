/* What others take beside ag, as bars: `picture FILE.png` reads lines `WHO WORKLOAD NUMBER`, of which the smallest count. */
#include "nn/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORKLOADS = 24, PEERS = 4, NAME = 32 };

typedef struct table {
    char workload[WORKLOADS][NAME];
    double best[PEERS][WORKLOADS]; /* 0: not measured */
    size_t count;
} table;

static const char *const peers[PEERS] = { "ag", "torch", "compiled", "jax" };
static const char *const titles[PEERS] = { "ag", "PyTorch", "PyTorch, compiled", "JAX, compiled" };

static size_t place_of(table *t, const char *workload)
{
    size_t at = 0;
    while (at < t->count && strcmp(t->workload[at], workload))
        at++;
    if (at == t->count && at < WORKLOADS)
        snprintf(t->workload[t->count++], NAME, "%s", workload);
    return at;
}

static void read_table(table *t, FILE *from)
{
    char who[NAME], workload[NAME];
    double number;
    while (fscanf(from, "%31s %31s %lf", who, workload, &number) == 3)
        for (size_t p = 0; p < PEERS; p++) {
            const size_t at = strcmp(who, peers[p]) ? WORKLOADS : place_of(t, workload);
            if (at < WORKLOADS && (t->best[p][at] == 0 || number < t->best[p][at]))
                t->best[p][at] = number;
        }
}

int main(int count, char **arguments)
{
    static table t;
    const char *names[WORKLOADS];
    double ratio[WORKLOADS], low = 0.5, high = 2;
    if (count < 2) {
        fprintf(stderr, "picture FILE.png <lines\n");
        return 2;
    }
    read_table(&t, stdin);
    ag_tape *tape = ag_tape_new((ag_options){ 0 });
    nn_plot *p = nn_plot_new(tape, (nn_plot_config){ .width = 1400, .height = 600 });
    nn_plot_panel(p, "What others take, in times what ag takes", "", "times as long, or as much memory");
    for (size_t k = 0; k < t.count; k++)
        names[k] = t.workload[k];
    nn_plot_names(p, (nn_classes){ names, (int64_t)t.count });
    for (size_t who = 1; who < PEERS; who++) {
        bool any = false;
        for (size_t k = 0; k < t.count; k++) {
            const bool both = t.best[who][k] > 0 && t.best[0][k] > 0;
            ratio[k] = both ? t.best[who][k] / t.best[0][k] : NAN;
            low = fmin(low, 0.8 * ratio[k]);
            high = fmax(high, 1.25 * ratio[k]);
            any |= both;
        }
        if (any)
            nn_plot_bars(p, titles[who], ratio, t.count);
    }
    nn_plot_axes(p, (nn_plot_axes_config){ .y = { low, high }, .log_y = true });
    nn_plot_save(p, arguments[1]);
    const ag_status status = ag_error(tape);
    ag_tape_free(tape);
    return status;
}
