/* Every op of the registry through every check that applies to it, a test per op. The table shows how much was
 * compared, and below it stand the reasons of what was not. */
#include "ag/check/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WIDTH = 7 };

static const char *const headings[AG_CHECKS] = {
    [AG_CHECK_FIRST] = "first",     [AG_CHECK_SECOND] = "second",  [AG_CHECK_PASSES] = "passes",
    [AG_CHECK_MEMORY] = "memory",   [AG_CHECK_NEEDS] = "single",   [AG_CHECK_JVP] = "jvp",
    [AG_CHECK_VECTORS] = "vector",  [AG_CHECK_F32] = "f32",        [AG_CHECK_STRIDES] = "stride",
    [AG_CHECK_BROADCAST] = "broad", [AG_CHECK_RANK0] = "rank 0",   [AG_CHECK_EMPTY] = "empty",
    [AG_CHECK_SHAPES] = "shapes",   [AG_CHECK_HANDLES] = "handle", [AG_CHECK_WRITES] = "writes",
    [AG_CHECK_PARAMS] = "params",   [AG_CHECK_STATE] = "state",    [AG_CHECK_ZEROS] = "zeros",
    [AG_CHECK_LARGE] = "larger",    [AG_CHECK_THREADS] = "thread",
};

typedef struct entry {
    const ag_op *op;
    ag_op_check check;
    ag_verdict verdict;
} entry;

static void the_op_is_right(void **state)
{
    entry *e = *state;
    e->verdict = ag_check_op_into(e->op, NULL, &e->check);
    if (e->verdict != AG_PASS)
        ag_check_op(e->op, stdout);
    assert_int_equal(e->verdict, AG_PASS);
}

static void print_row(const entry *e)
{
    printf("%-14s", e->op->name);
    for (int i = 0; i < AG_CHECKS; i++) {
        const ag_check_result *r = &e->check.result[i];
        if (r->done)
            printf("%*lld%s", WIDTH, (long long)r->done, r->skipped ? "*" : " ");
        else
            printf("%*s ", WIDTH, "-");
    }
    printf(" %s\n", ag_verdict_name(e->verdict));
}

/* The ops to which a check does not apply for the same reason, after the first of them. */
static void print_reason(const entry *entries, size_t count, size_t first, int check)
{
    const char *why = entries[first].check.result[check].why;
    for (size_t i = 0; i < first; i++)
        if (!strcmp(why, entries[i].check.result[check].why))
            return;
    printf("  %s: %s:", ag_check_names[check], why);
    for (size_t i = first; i < count; i++)
        if (!strcmp(why, entries[i].check.result[check].why))
            printf(" %s(%lld)", entries[i].op->name, (long long)entries[i].check.result[check].skipped);
    printf("\n");
}

static void print_table(const entry *entries, size_t count)
{
    printf("\n%-14s", "op");
    for (int i = 0; i < AG_CHECKS; i++)
        printf("%*s ", WIDTH, headings[i]);
    printf("\n");
    for (size_t i = 0; i < count; i++)
        print_row(&entries[i]);
    printf("\n-: does not apply, *: applies in part. The reasons, and how often:\n");
    for (int check = 0; check < AG_CHECKS; check++)
        for (size_t i = 0; i < count; i++)
            if (entries[i].check.result[check].skipped)
                print_reason(entries, count, i, check);
}

/* With an argument: the ops whose names match it. */
int main(int argc, char **argv)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    entry *entries = calloc(count, sizeof *entries);
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    if (!entries || !tests || !count)
        return 1;
    for (size_t i = 0; i < count; i++) {
        entries[i].op = ops[i];
        tests[i] =
            (struct CMUnitTest){ .name = ops[i]->name, .test_func = the_op_is_right, .initial_state = &entries[i] };
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int failed = _cmocka_run_group_tests("registry", tests, count, NULL, NULL);
    print_table(entries, count);
    free(entries);
    free(tests);
    return failed;
}
