/* The gradient checker on random functions: right derivatives pass, nearly all of them, and never fail; wrong ones fail;
 * a kink at the point is told. */
#include "compositions.h"

enum { FUNCTIONS = 400 };

static void random_derivatives_are_judged_rightly(void **state)
{
    ag_tape *t = *state;
    int passed = 0, wrong = 0;
    state_of_random = 1;
    for (int i = 0; i < FUNCTIONS; i++) {
        ag_tensor x;
        ag_tape_reset(t);
        composed c = draw_function(t, i, &x);
        ag_verdict v = ag_gradcheck(f, &c, AG_LIST(x), NULL);
        if (v == AG_FAIL || v == AG_KINK)
            fail_msg("function %d: %s", i, ag_verdict_name(v));
        passed += v == AG_PASS;
        if (!(least_slope(c, x) > 1e-3))
            continue; /* the mistake may be none */
        wrong++;
        c.m = (mistake)(1 + i % (MISTAKES - 1));
        v = ag_gradcheck(f, &c, AG_LIST(x), NULL);
        if (v != AG_FAIL)
            fail_msg("function %d, mistake %d: %s", i, c.m, ag_verdict_name(v));
    }
    assert_true(passed >= FUNCTIONS * 98 / 100);
    assert_true(wrong >= FUNCTIONS / 2);
}

static void random_kinks_are_told(void **state)
{
    ag_tape *t = *state;
    int kinks = 0;
    state_of_random = 2;
    for (int i = 0; i < FUNCTIONS; i++) {
        ag_tensor x;
        ag_tape_reset(t);
        composed c = draw_function(t, i, &x);
        c.scale = 1;
        c.summed = false;
        c.bent = 0;
        c.kink = 2; /* of any slope */
        double least = least_slope(c, x);
        c.bent = NAN;
        c.bent = ag_item_at(f(AG_LIST(x), &c), 0);
        c.kink = i % 3;
        if (!(least > 1e-3))
            continue;
        kinks++;
        ag_verdict v = ag_gradcheck_with(f, &c, AG_LIST(x), (ag_check_options){ .order = 1 }, NULL);
        if (v != AG_KINK)
            fail_msg("function %d, kink %d: %s", i, c.kink, ag_verdict_name(v));
    }
    assert_true(kinks >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_derivatives_are_judged_rightly),
        TEST(random_kinks_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
