/* What tests of ops share: expected values, gradients and errors. */
#ifndef TESTS_VALUES_H
#define TESTS_VALUES_H

#include "support.h"

#include <float.h>

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static UNUSED int set_up(void **state)
{
    *state = ag_tape_new((ag_options){ .on_error = ag_quiet, .threads = 2 });
    return *state ? 0 : -1;
}

static UNUSED int tear_down(void **state)
{
    ag_tape_free(*state);
    return 0;
}

/* 1, 2, 3, ... */
static UNUSED ag_tensor counting(ag_tape *t, ag_shape s)
{
    return ag_reshape(ag_arange(t, AG_F64, 1, 1 + (double)ag_shape_size(s), 1), s);
}

static UNUSED void check_exactly(ag_tensor x, ag_shape s, const double *v)
{
    ag_shape found = ag_shape_of(x);
    assert_string_equal(ag_error_text(x.tape), "");
    assert_int_equal(found.rank, s.rank);
    for (int i = 0; i < s.rank; i++)
        assert_int_equal(found.dim[i], s.dim[i]);
    for (int64_t i = 0; i < ag_shape_size(s); i++) {
        double got = ag_item_at(x, i);
        assert_true(got == v[i] || (got != got && v[i] != v[i]));
    }
}
#define VALUES(x, s, ...) check_exactly(x, s, (const double[]){ __VA_ARGS__ })

/* The call failed with status s and a message that contains the text; cleared afterwards. */
#define expect_failure(x, t, status, text) \
    do {                                   \
        assert_true(is_inert(x, t));       \
        expect_error(t, status, text);     \
    } while (0)

/* The gradient of sum(w * y) by x, w = 1, 2, 3, ...: each element of y is known by its weight. */
static UNUSED ag_tensor weighted_gradient(ag_tensor y, ag_tensor x)
{
    ag_tape *t = y.tape;
    return ag_vjp(y, counting(t, ag_shape_of(y)), x);
}

/* The same where the graph of the gradient is made, by the rules. */
static UNUSED ag_tensor weighted_gradient_by_rule(ag_tensor y, ag_tensor x)
{
    ag_tensor out = { 0 }, loss = ag_sum(ag_mul(y, counting(y.tape, ag_shape_of(y))));
    ag_gradients(loss, AG_LIST(x), AG_CREATE_GRAPH, &out);
    return out;
}

#define GRADIENT(y, x, s, ...)                                        \
    do {                                                              \
        ag_tensor at = x, value = y;                                  \
        VALUES(weighted_gradient(value, at), s, __VA_ARGS__);         \
        VALUES(weighted_gradient_by_rule(value, at), s, __VA_ARGS__); \
    } while (0)

#endif
