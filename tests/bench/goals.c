/* The steps of workloads.h beside the same by hand (hand.h): interleaved rounds, the best and the median of each, and
 * what of the hand's time is the goal.
 *   goals [--rounds N] [--threads T] [--json FILE] [WORKLOAD...]
 *   goals --peers [WORKLOAD...]     prints `WORKLOAD SECONDS` of ag alone, for peers.sh */
#include "hand_chains.h"

#include <stdio.h>

typedef struct goal {
    const char *name, *hand_name; /* NULL: no hand */
    double ratio;                 /* to the hand; 0: none */
    double nanoseconds;           /* an op; 0: none */
} goal;

/* clang-format off */
static const goal goals[] = {
    { "T1", "four passes", 1.2, 0 }, { "T2", "products", 1.03, 0 }, { "T3_momentum", "products", 1.03, 0 },
    { "T3_adam", "products", 1.03, 0 }, { "T4_relu", "products", 1.35, 0 }, { "T4_tanh", "products", 1.5, 0 },
    { "T5", "products", 1.03, 0 }, { "T6", "products", 1.03, 0 },
    { "F1", "a loop for each op and block", 1.5, 0 }, { "F2", NULL, 0, 0 }, { "W1", "one loop", 0, 3.9 },
    { "W2_variables", "one loop", 0, 2.6 }, { "W2_parameters", "one loop", 0, 2.8 }, { "op", NULL, 0, 15 },
};
/* clang-format on */

/* ---- what hand.h needs */

/* Data of the sizes that the workload has; numbers of the same kind, not the same ones. */
static void fill_net(hand *h)
{
    uint64_t seed = 7;
    for (int64_t i = 0; i < h->batch * h->sizes[0]; i++)
        h->h[0][i] = (float)next_uniform(&seed);
    for (int64_t i = 0; i < h->batch * h->sizes[h->layers]; i++)
        h->y[i] = next_uniform(&seed) > 0.5;
    for (int64_t i = 0; i < h->batch; i++)
        h->labels[i] = i % h->sizes[h->layers];
    hand_weights(h, &seed);
}

static void make_net_by_hand(hand *h, const workload *w)
{
    const bool squares = w->squares || !w->net;
    h->step = hand_net;
    h->layers = w->layers;
    memcpy(h->sizes, w->sizes, sizeof h->sizes);
    h->batch = ag_shape_of(w->x[0]).dim[0];
    h->biases = w->net;
    h->tanh = w->tanh;
    h->loss = squares ? HAND_SQUARES : ag_dtype_of(w->y) == AG_I64 ? HAND_CLASSES : HAND_BINARY;
    h->rule = !strcmp(w->name, "T3_momentum")                         ? HAND_MOMENTUM
              : !strcmp(w->name, "T3_adam") || !strcmp(w->name, "T5") ? HAND_ADAM
                                                                      : HAND_SGD;
    h->rate = h->loss == HAND_SQUARES && !h->biases ? 1e-5f : h->rule == HAND_ADAM ? 1e-3f : 0.01f;
    hand_allocate(h);
    fill_net(h);
}

/* ---- W1 and W2 by hand: doubles, nothing vectorised by the programmer */

static double hand_samples(hand *h)
{
    double g0 = 0, g1 = 0, g2 = 0, loss = 0;
    for (int i = 0; i < POINTS; i++) {
        const double a = (double)h->h[0][i] - 0.1, c = (double)h->h[1][i] - 0.05, y = (double)h->y[i];
        const double p = 1 / (1 + exp(-(a * a + c * c - 0.64)));
        loss += -y * log(p) - (1 - y) * log(1 - p);
        g0 += (p - y) * -2 * 0.8;
        g1 += (p - y) * -2 * a;
        g2 += (p - y) * -2 * c;
    }
    return loss / POINTS + 0 * (g0 + g1 + g2);
}

static double hand_numbers(hand *h)
{
    static double w[NET_WEIGHTS], g[NET_WEIGHTS];
    enum { N = NET_WIDTH };
    double loss = 0, x1, x2, y;
    (void)h;
    net_weights(w);
    memset(g, 0, sizeof g);
    const double *second = w + 3 * N, *third = second + N * (N + 1);
    double *g2 = g + 3 * N, *g3 = g2 + N * (N + 1);
    for (int i = 0; i < NET_POINTS; i++) {
        double a[N], b[N], da[N] = { 0 }, z = third[N];
        net_point(i, &x1, &x2, &y);
        for (int k = 0; k < N; k++)
            a[k] = 1 - 2 / (exp(2 * (x1 * w[3 * k] + x2 * w[3 * k + 1] + w[3 * k + 2])) + 1);
        for (int k = 0; k < N; k++) {
            double sum = second[k * (N + 1) + N];
            for (int j = 0; j < N; j++)
                sum += a[j] * second[k * (N + 1) + j];
            b[k] = 1 - 2 / (exp(2 * sum) + 1);
            z += b[k] * third[k];
        }
        const double dz = 2 * (z - y);
        loss += (z - y) * (z - y);
        g3[N] += dz;
        for (int k = 0; k < N; k++) {
            const double d = dz * third[k] * (1 - b[k] * b[k]);
            g3[k] += dz * b[k];
            g2[k * (N + 1) + N] += d;
            for (int j = 0; j < N; j++) {
                g2[k * (N + 1) + j] += d * a[j];
                da[j] += d * second[k * (N + 1) + j];
            }
        }
        for (int k = 0; k < N; k++) {
            const double d = da[k] * (1 - a[k] * a[k]);
            g[3 * k] += d * x1;
            g[3 * k + 1] += d * x2;
            g[3 * k + 2] += d;
        }
    }
    return loss / NET_POINTS + 0 * g[0];
}

static hand *make_hand(const goal *goal, const workload *w, int threads)
{
    hand *h = hand_zeros(sizeof *h);
    h->threads = threads;
    if (w->name[0] == 'F') {
        h->step = hand_f1;
        h->h[0] = hand_zeros(F1_NUMBERS * sizeof(float));
        h->d[0] = hand_zeros(F1_NUMBERS * sizeof(float));
        return h;
    }
    if (w->name[0] == 'T' && w->name[1] != '1') {
        make_net_by_hand(h, w);
        return h;
    }
    hand_points(h);
    h->step = w->name[0] == 'T' ? hand_circle : w->name[1] == '1' ? hand_samples : hand_numbers;
    return goal->hand_name ? h : NULL;
}

/* ---- measuring */

enum { MOST_ROUNDS = 400 };
typedef struct times {
    double at[MOST_ROUNDS];
    int count;
} times;

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double best(times *t)
{
    qsort(t->at, (size_t)t->count, sizeof *t->at, ascending);
    return t->count ? t->at[0] : 0;
}

static double median(times *t)
{
    best(t);
    return t->count ? t->at[t->count / 2] : 0;
}

typedef struct settings {
    int rounds, threads, names;
    bool peers;
    char **name;
    FILE *json;
    bool any;
} settings;

/* Steps that take some milliseconds, as the first ones say. */
static int steps_of(workload *w)
{
    double shortest = 0;
    for (int i = 0; i < 3; i++) {
        const double begin = now();
        w->step(w);
        keep_best(&shortest, now() - begin);
    }
    const double steps = 0.004 / shortest;
    return steps < 1 ? 1 : steps > 5000 ? 5000 : (int)steps;
}

static double run_ag(workload *w, int steps, double *loss)
{
    const double begin = now();
    for (int i = 0; i < steps; i++)
        *loss = w->step(w);
    return (now() - begin) / steps;
}

static double run_hand(hand *h, int steps, double *loss)
{
    const double begin = now();
    for (int i = 0; i < steps; i++)
        *loss = h->step(h);
    return (now() - begin) / steps;
}

static void put_json(settings *s, const workload *w, times *ag, times *by_hand, double aim)
{
    if (!s->json)
        return;
    fprintf(s->json, "%s\n  { \"name\": \"%s\", \"what\": \"%s\", \"threads\": %d, \"ag\": %.9g, \"ag_median\": %.9g",
            s->any ? "," : "", w->name, w->what, s->threads, best(ag), median(ag));
    if (by_hand->count)
        fprintf(s->json, ", \"hand\": %.9g, \"hand_median\": %.9g", best(by_hand), median(by_hand));
    fprintf(s->json, ", \"units\": %.0f, \"goal\": %.9g }", w->units ? w->units : 1, aim);
    s->any = true;
}

static void put_row(const workload *w, const goal *g, times *ag, times *by_hand)
{
    const double scale = w->units ? 1e9 / w->units : 1e6, hand_best = best(by_hand), hand_median = median(by_hand);
    printf("%-14s %10.2f %10.2f", w->name, scale * best(ag), scale * median(ag));
    if (hand_best > 0)
        printf(" %10.2f %10.2f %8.2f %8.2f", scale * hand_best, scale * hand_median, best(ag) / hand_best,
               median(ag) / hand_median);
    else
        printf(" %10s %10s %8s %8s", "-", "-", "-", "-");
    if (g->ratio > 0)
        printf(" %8.2f", g->ratio);
    else if (g->nanoseconds > 0)
        printf(" %5.1f ns", g->nanoseconds);
    else
        printf(" %8s", "-");
    printf("  %s, %s\n", w->units ? "ns an op" : "us", w->what);
}

static ag_status measure(settings *s, const goal *g, const workload_kind *k)
{
    workload *w = make_workload(k, s->threads);
    hand *h = s->peers || !g->hand_name ? NULL : make_hand(g, w, s->threads);
    const int steps = steps_of(w), rounds = (w->sizes[0] >= 4096 || w->name[0] == 'F') && s->rounds > 8 ? 8 : s->rounds;
    static times ag, by_hand, forward, backward;
    double loss = 0, expected = 0;
    ag.count = by_hand.count = forward.count = backward.count = 0;
    for (int i = 0; i < rounds; i++) {
        ag.at[ag.count++] = run_ag(w, steps, &loss);
        forward.at[forward.count++] = w->forward;
        backward.at[backward.count++] = w->backward;
        if (h)
            by_hand.at[by_hand.count++] = run_hand(h, steps, &expected);
    }
    if (s->peers) {
        printf("%s %.9f\n", w->name, best(&ag));
    } else {
        put_row(w, g, &ag, &by_hand);
        put_json(s, w, &ag, &by_hand, g->ratio > 0 ? g->ratio : g->nanoseconds);
    }
    if (w->forward > 0 && !s->peers)
        printf("%-14s %10.2f forward (goal 9), %.2f backward (6) ns an op\n", "", 1e9 / CHAIN * best(&forward),
               1e9 / CHAIN * best(&backward));
    fflush(stdout);
    const bool sane = loss == loss && (!h || expected == expected);
    const ag_status status = free_workload(w);
    return status || sane ? status : AG_EVALUE; /* what the hand has taken is the system's at the end */
}

static bool wanted(const settings *s, const char *name)
{
    for (int i = 0; i < s->names; i++)
        if (!strncmp(s->name[i], name, strlen(s->name[i])))
            return true;
    return !s->names;
}

static bool read_settings(int count, char **arguments, settings *s)
{
    int i = 1;
    for (; i < count && !strncmp(arguments[i], "--", 2); i++) {
        if (!strcmp(arguments[i], "--peers"))
            s->peers = true;
        else if (i + 1 < count && !strcmp(arguments[i], "--rounds"))
            s->rounds = atoi(arguments[++i]);
        else if (i + 1 < count && !strcmp(arguments[i], "--threads"))
            s->threads = atoi(arguments[++i]);
        else if (i + 1 < count && !strcmp(arguments[i], "--json"))
            s->json = fopen(arguments[++i], "w");
        else
            return false;
    }
    s->name = arguments + i;
    s->names = count - i;
    return s->rounds > 0 && s->rounds <= MOST_ROUNDS && s->threads >= (s->peers ? 0 : 1); /* 0: as many as ag takes */
}

int main(int count, char **arguments)
{
    settings s = { .rounds = 20, .threads = 1 };
    if (!read_settings(count, arguments, &s)) {
        fprintf(stderr, "goals [--rounds N] [--threads T] [--json FILE] [--peers] [WORKLOAD...]\n");
        return 2;
    }
    ag_status failed = AG_OK;
    if (!s.peers)
        printf("%-14s %10s %10s %10s %10s %8s %8s %8s\n", "", "ag, best", "median", "hand, best", "median", "ratio",
               "medians", "goal");
    if (s.json)
        fprintf(s.json, "[");
    for (size_t g = 0; g < sizeof goals / sizeof *goals; g++)
        for (int k = 0; k < WORKLOADS; k++)
            if (!strcmp(workload_kinds[k].name, goals[g].name) && wanted(&s, goals[g].name)) {
                const ag_status status = measure(&s, &goals[g], &workload_kinds[k]);
                failed = failed ? failed : status;
            }
    if (s.json) {
        fprintf(s.json, "\n]\n");
        fclose(s.json);
    }
    return failed;
}
