/* A test per function of ag/ops.h, which plays cases of tests/fixtures. */
#ifndef TESTS_OPS_TESTED_H
#define TESTS_OPS_TESTED_H

#include "cases.h"
#include "support.h"

static const examples *all;

/* The main function of such a program: a test's state is its row of called_ops. With an argument: the ops whose names
 * match it. */
static inline int test_called_ops(const char *group, CMUnitTestFunction test, int argc, char **argv)
{
    struct CMUnitTest tests[CALLED_OPS];
    all = read_cases();
    if (!all)
        return 1;
    for (int i = 0; i < CALLED_OPS; i++)
        tests[i] = (struct CMUnitTest){ .name = called_ops[i].name,
                                        .test_func = test,
                                        .initial_state = (void *)(uintptr_t)&called_ops[i] };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests(group, tests, CALLED_OPS, NULL, NULL);
}

#endif
