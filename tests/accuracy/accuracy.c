/* accuracy [COUNT [OP]] - the largest errors of the elementwise ops, on COUNT inputs each. */
#include "tests/accuracy/accuracy.h"

#include <stdlib.h>

static void print_text(const reference *r, const finding *f)
{
    static const char *const ways[] = { "number", "f64", "f32" };
    for (way how = NUMBERS; how < WAYS; how++)
        if (f[how].ulp > 1.5)
            printf("%-12s %-7s %8.3g ulp at %.17g %.17g (%g %g): %.17g\n", r->op, ways[how], f[how].ulp, f[how].x[0],
                   f[how].x[1], f[how].c[0], f[how].c[1], f[how].got);
}

int main(int argc, char **argv)
{
    const long count = argc > 1 ? atol(argv[1]) : 20480;
    for (const reference *r = references; r->op; r++) {
        const called_op *op = op_called(r->op);
        if (!op || (argc > 2 && strcmp(argv[2], r->op)))
            continue;
        finding f[WAYS];
        for (way how = NUMBERS; how < WAYS; how++)
            f[how] = measure(r, op, how, count);
        printf("%-16s %6.2f %6.2f %6.2f\n", r->op, f[NUMBERS].ulp, f[ARRAYS_F64].ulp, f[ARRAYS_F32].ulp);
        print_text(r, f);
        fflush(stdout);
    }
    return 0;
}
