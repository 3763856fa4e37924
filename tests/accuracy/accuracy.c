/* accuracy [COUNT [OP]] - the largest errors of the elementwise ops, and of those that reduce rows, on COUNT inputs each.
 * accuracy check [COUNT] - are they within what docs/ops.md promises? */
#include "ag/record/record.h"
#include "tests/accuracy/accuracy.h"
#include "tests/accuracy/bounds.h"

#include <math.h>

#include <stdlib.h>

static void print_text(const reference *r, const finding *f)
{
    static const char *const ways[] = { "number", "f64", "f32" };
    for (way how = NUMBERS; how < WAYS; how++)
        if (f[how].ulp > 1.5)
            printf("%-12s %-7s %8.3g ulp at %.17g %.17g (%g %g): %.17g\n", r->op, ways[how], f[how].ulp, f[how].x[0],
                   f[how].x[1], f[how].c[0], f[how].c[1], f[how].got);
}

static void print_row_op(row_op op, long count)
{
    const finding f[] = { measure_rows(op, false, count), measure_rows(op, true, count) };
    printf("%-16s        %6.2f %6.2f\n", row_op_names[op], f[0].ulp, f[1].ulp);
    for (int i = 0; i < 2; i++)
        if (f[i].ulp > 1.5)
            printf("%-12s %-7s %8.3g ulp in a row of %g at %.17g, beside %.17g: %.17g\n", row_op_names[op],
                   i ? "f32" : "f64", f[i].ulp, f[i].c[0], f[i].x[0], f[i].x[1], f[i].got);
}

/* Rounded to what the table shows. */
static void check_bound(const char *name, double f64, double f32)
{
    const accuracy_bound *b = accuracy_bound_of(name);
    const bool held = b && f64 < b->f64 + 0.005 && f32 < b->f32 + 0.005;
    printf(held ? "ok accuracy of %s" : "not ok accuracy of %s: %g ulp in f64 and %g in f32, of %g and %g", name, f64,
           f32, b ? b->f64 : NAN, b ? b->f32 : NAN);
    printf("\n");
}

/* Every elementwise op that has a derivative has its place in the table. */
static void check_table(void)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    for (size_t i = 0; i < count; i++)
        if (ops[i]->flags & AG_ROW && !(ops[i]->flags & (AG_INNER | AG_NO_GRADIENT)) &&
            !accuracy_bound_of(ops[i]->name))
            printf("not ok accuracy of %s: tests/accuracy/bounds.h has no bound\n", ops[i]->name);
}

static int check(long count)
{
#if defined(__clang__) || !defined(__FMA__)
    printf("skip accuracy: promised of gcc's builds with fused multiply-adds\n");
    return 0;
#endif
    check_table();
    for (const reference *r = references; r->op; r++) {
        const called_op *op = op_called(r->op);
        double f[WAYS];
        for (way how = NUMBERS; how < WAYS; how++)
            f[how] = op ? measure(r, op, how, count).ulp : INFINITY;
        check_bound(r->op, fmax(f[NUMBERS], f[ARRAYS_F64]), f[ARRAYS_F32]);
    }
    for (row_op op = SOFTMAX; op < ROW_OPS; op++)
        check_bound(row_op_names[op], measure_rows(op, false, count).ulp, measure_rows(op, true, count).ulp);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "check"))
        return check(argc > 2 ? atol(argv[2]) : 2048);
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
    for (row_op op = SOFTMAX; op < ROW_OPS; op++)
        if (argc <= 2 || !strcmp(argv[2], row_op_names[op]))
            print_row_op(op, count);
    return 0;
}
