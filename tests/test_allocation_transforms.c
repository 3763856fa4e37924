/* Memory that fails within Jacobians, Hessians and their products: there is no result, nothing is left behind, and the same
 * tape gives the same numbers afterwards. */
#include "memory.h"

enum { RESULTS = 7, NUMBERS = 2000 };
typedef struct numbers {
    double at[NUMBERS];
    int count;
} numbers;

static ag_tape *tape_on(memory *m)
{
    return ag_tape_new((ag_options){ .seed = 3, .threads = 2, .on_error = ag_quiet, .allocator = allocator_of(m) });
}

static void put(numbers *n, ag_tensor x)
{
    int64_t size = ag_size_of(x);
    for (int64_t i = 0; i < size; i++) {
        assert_true(n->count < NUMBERS);
        n->at[n->count++] = ag_item_at(x, i);
    }
}

/* Everything once; memory fails only while it is computed. */
static void compute(ag_tape *t, memory *m, memory failing, numbers *n)
{
    double values[12];
    for (int i = 0; i < 12; i++)
        values[i] = sin(i);
    m->fail_at = 0;
    ag_tensor x = ag_require_grad(ag_values(t, AG_SHAPE(4), values, 4)),
              w = ag_require_grad(ag_values(t, AG_SHAPE(3, 4), values, 12)), s = ag_variable(t, 0.5);
    ag_tensor y = ag_softmax(ag_reshape(ag_tanh(ag_mul(ag_matmul(w, x), s)), AG_SHAPE(3, 1)), 0),
              z = ag_sum(ag_square(y));
    ag_tensor many[20], out[20], r[RESULTS];
    for (int i = 0; i < 20; i++)
        many[i] = i % 2 ? s : x;
    const ag_list list = { many, 20 };
    m->requests = 0;
    m->fail_at = failing.fail_at;
    m->for_good = failing.for_good;
    r[0] = ag_jacobian(y, x);
    r[1] = ag_jacobian(y, s);
    r[2] = ag_hessian(z, x);
    r[3] = ag_hessian(z, w);
    r[4] = ag_jvp(y, list, list);
    r[5] = ag_hvps(z, list, list, out) ? inert(t) : out[7];
    r[6] = ag_vjps(y, y, list, out) ? inert(t) : out[2];
    m->fail_at = 0;
    n->count = 0;
    if (ag_error(t)) {
        assert_true(is_inert(r[RESULTS - 1], t));
        expect_error(t, AG_ENOMEM, "");
        return;
    }
    for (int i = 0; i < RESULTS; i++)
        put(n, r[i]);
}

static void whichever_allocation_fails(void **state)
{
    static numbers expected, again;
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m);
    compute(t, &m, (memory){ 0 }, &expected);
    long total = m.requests, failures = 0;
    assert_true(total > 5 && expected.count > 100);
    ag_tape_free(t);
    for (long i = 0; i < 2 * total; i++) {
        m = (memory){ 0 };
        t = tape_on(&m);
        compute(t, &m, (memory){ .fail_at = i / 2 + 1, .for_good = i % 2 }, &again);
        failures += again.count == 0;
        assert_int_equal(ag_tape_reset(t), AG_OK);
        compute(t, &m, (memory){ 0 }, &again);
        assert_int_equal(again.count, expected.count);
        assert_memory_equal(again.at, expected.at, (size_t)expected.count * sizeof *expected.at);
        assert_usable(t);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
    assert_true(failures > total);
}

/* A limit that is reached somewhere on the way, and not before. */
static void whatever_the_limit(void **state)
{
    static numbers expected, again;
    (void)state;
    memory m = { 0 };
    ag_tape *t = tape_on(&m);
    compute(t, &m, (memory){ 0 }, &expected);
    uint64_t most = ag_tape_memory(t);
    ag_tape_free(t);
    for (uint64_t limit = most; limit > most / 2; limit -= most / 200) {
        m = (memory){ 0 };
        t = ag_tape_new((ag_options){
            .seed = 3, .threads = 2, .on_error = ag_quiet, .allocator = allocator_of(&m), .memory_limit = limit });
        if (t && !ag_error(t)) {
            compute(t, &m, (memory){ 0 }, &again);
            if (again.count)
                assert_memory_equal(again.at, expected.at, (size_t)expected.count * sizeof *expected.at);
            assert_int_equal(ag_tape_reset(t), AG_OK);
        }
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(whichever_allocation_fails),
                                        cmocka_unit_test(whatever_the_limit) };
    return cmocka_run_group_tests_name("allocation in transforms", tests, NULL, NULL);
}
