/* One request for memory fails, and the next would not: what failed has failed, and is not done after all. */
#include "support.h"

static void *take(void *user, size_t bytes, size_t alignment)
{
    bool *fails = user;
    void *p = *fails || posix_memalign(&p, alignment, bytes) ? NULL : p;
    *fails = false;
    return p;
}

static void give_back(void *user, void *p, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(p);
}

/* The node by which a persistent tensor enters a step is an operand's, and its op has a result only if it was made. */
static void entering_a_step(void **state)
{
    (void)state;
    bool fails = false;
    ag_tape *t = tape_with((ag_options){ .allocator = { .allocate = take, .release = give_back, .user = &fails } });
    ag_tensor p = ag_buffer(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p");
    for (int nodes = 0; nodes < 70; nodes++) {
        ag_tape_reset(t);
        for (int i = 0; i < nodes; i++)
            ag_zeros(t, AG_F64, AG_SHAPE(1));
        fails = true;
        bool made = ag_slice(p, 0, 0, 1, 1).id;
        assert_int_equal(made, !ag_error(t));
        fails = false;
        ag_error_clear(t);
    }
    assert_usable(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(entering_a_step) };
    return cmocka_run_group_tests_name("allocation, once", tests, NULL, NULL);
}
