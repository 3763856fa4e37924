/* The workloads whose instructions `make bench-check` counts: each in a function of its own, by which callgrind tells them
 * apart. Without it nothing is to be seen but the losses. */
#include "workloads.h"

#include <stdio.h>

enum { WARM = 6, STEPS = 2 };

/* The name keeps the compiler from making one function of all. */
#define COUNTED(name)                                                   \
    static __attribute__((noinline)) double counted_##name(workload *w) \
    {                                                                   \
        double loss = 0;                                                \
        for (int i = 0; i < STEPS; i++)                                 \
            loss = w->step(w);                                          \
        __asm__ volatile("# " #name);                                   \
        return loss;                                                    \
    }
COUNTED(T1)
COUNTED(T2)
COUNTED(T3_momentum)
COUNTED(T3_adam)
COUNTED(T4_relu)
COUNTED(T4_tanh)
COUNTED(W1)
COUNTED(W2_variables)
COUNTED(W2_parameters)
COUNTED(op)

static const struct {
    const char *name;
    double (*run)(workload *w);
} counted[] = { { "T1", counted_T1 },
                { "T2", counted_T2 },
                { "T3_momentum", counted_T3_momentum },
                { "T3_adam", counted_T3_adam },
                { "T4_relu", counted_T4_relu },
                { "T4_tanh", counted_T4_tanh },
                { "W1", counted_W1 },
                { "W2_variables", counted_W2_variables },
                { "W2_parameters", counted_W2_parameters },
                { "op", counted_op } };

int main(void)
{
    ag_status failed = AG_OK;
    printf("steps %d\n", STEPS);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        for (int k = 0; k < WORKLOADS; k++) {
            if (strcmp(workload_kinds[k].name, counted[i].name))
                continue;
            workload *w = make_workload(&workload_kinds[k], 1);
            for (int step = 0; step < WARM; step++)
                w->step(w);
            printf("%s %.6g\n", w->name, counted[i].run(w));
            const ag_status status = free_workload(w);
            failed = failed ? failed : status;
        }
    return failed;
}
