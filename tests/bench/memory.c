/* What training takes of the machine's memory: `memory WORKLOAD` prints the bytes by which this process has grown at most, from
 * after a first tiny step on, while the network was made and took three steps; and what the tape held of them. peers_memory.py is PyTorch's side. */
#include "workloads.h"

#include <stdio.h>

/* A line of /proc/self/status, in bytes. */
static double status_of(const char *what)
{
    FILE *from = fopen("/proc/self/status", "r");
    char line[256];
    double kilobytes = 0;
    while (from && fgets(line, sizeof line, from))
        if (!strncmp(line, what, strlen(what)))
            kilobytes = atof(line + strlen(what));
    if (from)
        fclose(from);
    return 1024 * kilobytes;
}

static void forget_peak(void) /* from now on VmHWM counts anew */
{
    FILE *to = fopen("/proc/self/clear_refs", "w");
    if (to) {
        fputs("5", to);
        fclose(to);
    }
}

/* Two convolutions, each with a maximum of 2 x 2, and a linear layer: 28 x 28 pictures, batch 64, Adam. */
static void make_cnn(workload *w)
{
    nn_conv_config same = { .options = { .padding = { 1, 1 } } };
    const ag_shape three = AG_SHAPE(3, 3), two = AG_SHAPE(2, 2);
    w->x[0] = numbers(w->t, AG_SHAPE(64, 1, 28, 28), 0, 1, 1);
    w->y = ag_buffer(ag_remainder_scalar(ag_arange(w->t, AG_I64, 0, 64, 1), 10), NULL);
    w->net = NN_SEQUENTIAL(w->t, nn_conv2d(w->t, 1, 16, three, same), nn_activation(w->t, NN_RELU),
                           nn_max_pool2d(w->t, two, (ag_pool_options){ 0 }), nn_conv2d(w->t, 16, 32, three, same),
                           nn_activation(w->t, NN_RELU), nn_max_pool2d(w->t, two, (ag_pool_options){ 0 }),
                           nn_flatten(w->t), nn_linear(w->t, 32 * 7 * 7, 10, (nn_linear_config){ 0 }));
    w->optimizer = optim_adam(nn_params(w->net), (optim_adam_config){ .lr = 1e-3 });
}

static const workload_kind cnn = { .name = "CNN", .make = make_cnn, .step = net_step };

int main(int count, char **arguments)
{
    const workload_kind *kind = &cnn;
    for (int k = 0; k < WORKLOADS && count > 1; k++)
        if (!strcmp(workload_kinds[k].name, arguments[1]))
            kind = &workload_kinds[k];
    workload *w = make_workload(&workload_kinds[4], 1);
    w->step(w);
    free_workload(w);
    forget_peak();
    const double before = status_of("VmRSS:");
    w = make_workload(kind, 1);
    for (int i = 0; i < 3; i++)
        w->step(w);
    printf("memory_%s %.0f\n", kind->name, status_of("VmHWM:") - before);
    printf("held_%s %.0f\n", kind->name, (double)ag_tape_stats(w->t).held.peak);
    return free_workload(w);
}
