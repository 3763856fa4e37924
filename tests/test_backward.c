/* Backward passes: what accumulates where, what is refused, gradients of leaves and of intermediate results. */
#include "support.h"

#include <time.h>

/* ---- accumulation */

/* d = a (a + b) at a = 4, b = 3: dd/da = 2a + b = 11, twice 22. */
static void the_graph_of_the_lecture(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .keep_grads = true });
    ag_tensor a = ag_variable(t, 4), b = ag_variable(t, 3), c = ag_add(a, b), d = ag_mul(a, c);
    for (int pass = 1; pass <= 3; pass++) {
        assert_int_equal(ag_backward(d), AG_OK);
        assert_item(ag_grad(a), 11 * pass);
        assert_item(ag_grad(b), 4 * pass);
        assert_item(ag_grad(c), 4 * pass);
        assert_item(ag_grad(d), pass);
    }
    assert_item(ag_local(c, a), 1);
    assert_item(ag_local(d, a), 7);
    assert_item(ag_local(d, c), 4);
    assert_item(ag_local(d, b), 0);
    assert_item(c, 7);
    assert_item(d, 28);
    ag_tape_free(t);
}

/* The same with tensors, parameters of both float types and rank-0 parameters. */
static void every_kind_of_leaf_accumulates(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor leaves[] = {
        ag_variable(t, 4),
        ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 4)),
        ag_require_grad(ag_full(t, AG_F32, AG_SCALAR, 4)),
        ag_param(ag_constant(t, 4), "rank-0 f64"),
        ag_param(ag_full(t, AG_F32, AG_SCALAR, 4), "rank-0 f32"),
        ag_param(ag_full(t, AG_F32, AG_SHAPE(1, 1), 4), "f32"),
        ag_param(ag_full(t, AG_F64, AG_SHAPE(1), 4), "f64"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
        ag_tensor a = leaves[i], b = ag_variable(t, 3), d = ag_mul(a, ag_add(a, b)), e = ag_square(a);
        assert_item(ag_grad(a), 0);
        assert_int_equal(ag_backward(d), AG_OK);
        assert_int_equal(ag_backward(d), AG_OK);
        assert_item(ag_grad(a), 22);
        assert_item(ag_grad(b), 8);
        assert_int_equal(ag_backward(e), AG_OK); /* another loss */
        assert_item(ag_grad(a), 30);
        assert_int_equal(ag_dtype_of(ag_grad(a)), ag_dtype_of(a));
        assert_int_equal(ag_zero_grad(a), AG_OK);
        assert_item(ag_grad(a), 0);
        assert_int_equal(ag_backward(e), AG_OK);
        assert_item(ag_grad(a), 8);
    }
    ag_tape_reset(t);
    for (size_t i = 3; i < ARRAY_SIZE(leaves); i++) /* those of parameters outlive the step */
        assert_item(ag_grad(leaves[i]), 8);
    ag_tape_free(t);
}

static void a_seed_makes_other_shapes_possible(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4)), y = ag_square(x);
    assert_int_equal(ag_backward(y), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "ag_backward: the tensor has shape [2,2]");
    assert_int_equal(ag_backward_from(y, AG_VALUES(t, AG_SHAPE(2, 2), 1, 0, -1, 10)), AG_OK);
    assert_values(ag_grad(x), 2, 0, -6, 80);
    assert_int_equal(ag_backward_from(y, ag_full(t, AG_F32, AG_SHAPE(2, 2), 1)), AG_OK);
    assert_values(ag_grad(x), 4, 4, 0, 88);
    assert_int_equal(
        ag_backward_from(ag_transpose(y, 0, 1), ag_transpose(AG_VALUES(t, AG_SHAPE(2, 2), 1, 0, 0, 0), 0, 1)), AG_OK);
    assert_values(ag_grad(x), 6, 4, 0, 88);
    assert_int_equal(ag_backward_from(y, ag_constant(t, 1)), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "ag_backward_from");
    assert_int_equal(ag_backward_from(y, ag_ones(t, AG_I32, AG_SHAPE(2, 2))), AG_EDTYPE);
    expect_error(t, AG_EDTYPE, "ag_backward_from");
    assert_int_equal(ag_backward_from(y, absent), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_backward_from");
    assert_int_equal(ag_backward_from(ag_sum(x), ag_constant(t, 2)), AG_OK);
    assert_values(ag_grad(x), 8, 6, 2, 90);
    assert_int_equal(ag_backward(ag_reshape(ag_sum(x), AG_SHAPE(1, 1))), AG_OK); /* one element is enough */
    assert_values(ag_grad(x), 9, 7, 3, 91);
    ag_tape_free(t);
}

static void passes_that_are_refused(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2), y = ag_square(x), k = ag_exp(ag_constant(t, 1));
    assert_int_equal(ag_backward(k), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_backward: the tensor depends on no leaf");
    assert_int_equal(ag_backward(ag_sum(ag_zeros(t, AG_I32, AG_SHAPE(1)))), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_backward");
    ag_no_grad_begin(t);
    assert_int_equal(ag_backward(y), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_backward: not between ag_no_grad_begin");
    ag_tensor z = ag_square(x), v = ag_sum(ag_mul(ag_ones(t, AG_F64, AG_SHAPE(3)), x));
    assert_false(ag_needs_grad(z) || ag_needs_grad(v));
    ag_no_grad_begin(t);
    ag_no_grad_end(t);
    assert_false(ag_needs_grad(ag_square(x)));
    ag_no_grad_end(t);
    assert_true(ag_needs_grad(ag_square(x)));
    ag_no_grad_end(t);
    expect_error(t, AG_EUSE, "ag_no_grad_end");
    assert_int_equal(ag_backward(z), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_backward");
    assert_int_equal(ag_backward(v), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_backward");
    assert_int_equal(ag_backward(absent), AG_ENULL);
    assert_int_equal(ag_backward(inert(t)), AG_ENULL);
    expect_error(t, AG_ENULL, "ag_backward");
    assert_item(ag_grad(x), 0);
    /* functions that are flat everywhere have no gradient to pass on, of whatever rank */
    ag_tensor r = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    assert_false(ag_needs_grad(ag_sign(x)) || ag_needs_grad(ag_sign(r)));
    assert_false(ag_needs_grad(ag_heaviside(x, 1)) || ag_needs_grad(ag_less(x, r)));
    ag_tape_reset(t);
    assert_int_equal(ag_backward(y), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_backward");
    assert_usable(t);
    ag_tape_free(t);
}

/* A parameter that enters a step several times, written in between, gets the sum of all contributions. */
static void several_leaves_of_one_parameter(void **state)
{
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        ag_tape *t = new_tape();
        ag_dtype d = kind == 1 || kind == 3 ? AG_F32 : AG_F64;
        ag_tensor value = kind < 2 ? ag_full(t, d, AG_SHAPE(2, 2), 3) : ag_full(t, d, AG_SCALAR, 3);
        ag_tensor p =
            kind == 4 ? ag_param_as(ag_full(t, d, AG_SHAPE(2, 2), 3), AG_AXES(1, 0), "p") : ag_param(value, "p");
        double n = (double)ag_size_of(p);
        for (int step = 0; step < 3; step++) {
            ag_tensor l = ag_sum(ag_mul_scalar(p, 10)); /* does not need the old values */
            ag_assign(p, ag_full(t, d, ag_shape_of(p), 5));
            l = ag_add(l, ag_sum(ag_mul_scalar(p, 100)));
            ag_assign(p, ag_full(t, d, ag_shape_of(p), 7));
            l = ag_add(l, ag_sum(ag_square(p)));
            assert_int_equal(ag_backward(l), AG_OK);
            for (int64_t i = 0; i < ag_size_of(p); i++)
                assert_close(ag_item_at(ag_grad(p), i), (step + 1) * 124, 1e-6);
            ag_tensor g;
            ag_gradients(l, AG_LIST(p), 0, &g);
            for (int64_t i = 0; i < ag_size_of(p); i++)
                assert_close(ag_item_at(g, i), 124, 1e-6);
            ag_gradients(l, AG_LIST(p), AG_CREATE_GRAPH, &g);
            assert_close(ag_item(ag_sum(g)), 124 * n, 1e-6);
            expect_fine(t);
            ag_tape_reset(t);
            ag_assign(p, ag_full(t, d, ag_shape_of(p), 3));
            ag_tape_reset(t);
        }
        ag_tape_free(t);
    }
}

/* ---- gradients of intermediate results */

static void intermediate_gradients(void **state)
{
    (void)state;
    for (int ranked = 0; ranked < 2; ranked++) {
        ag_tape *t = new_tape();
        ag_tensor x = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 2)) : ag_variable(t, 2);
        ag_tensor y = ag_square(x), z = ag_mul(y, y), w = ag_sum(z);
        assert_true(is_inert(ag_grad(y), t));
        expect_error(t, AG_EUSE, "ag_grad");
        assert_int_equal(ag_retain_grad(y), AG_OK);
        assert_item(ag_grad(y), 0);
        assert_int_equal(ag_backward(w), AG_OK);
        assert_int_equal(ag_backward(w), AG_OK);
        assert_item(ag_grad(y), 16);
        assert_item(ag_grad(x), 64);
        assert_true(is_inert(ag_grad(z), t));
        expect_error(t, AG_EUSE, "ag_grad");
        assert_int_equal(ag_zero_grad(y), AG_OK);
        assert_item(ag_grad(y), 0);
        assert_int_equal(ag_backward(w), AG_OK);
        assert_item(ag_grad(y), 8);
        assert_int_equal(ag_retain_grad(ag_constant(t, 1)), AG_EUSE);
        expect_error(t, AG_EUSE, "ag_retain_grad");
        assert_true(is_inert(ag_grad(ag_constant(t, 1)), t));
        expect_error(t, AG_EUSE, "ag_grad");
        assert_int_equal(ag_zero_grad(ag_zeros(t, AG_F32, AG_SHAPE(2))), AG_EUSE);
        expect_error(t, AG_EUSE, "ag_zero_grad");
        /* what is recorded in the next step at the same place retains nothing */
        ag_tape_reset(t);
        x = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 2)) : ag_variable(t, 2);
        y = ag_square(x);
        assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
        assert_true(is_inert(ag_grad(y), t));
        expect_error(t, AG_EUSE, "ag_grad");
        ag_tape_free(t);
    }
}

static void all_gradients_can_be_kept(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .keep_grads = true });
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), s = ag_variable(t, 3), a = ag_mul(x, s),
              b = ag_exp(a);
    ag_tensor r = ag_add(a, b), u = ag_transpose(ag_reshape(r, AG_SHAPE(2, 1)), 0, 1), l = ag_sum(u);
    for (int pass = 1; pass <= 2; pass++) {
        assert_int_equal(ag_backward(l), AG_OK);
        assert_item(ag_grad(l), pass);
        assert_values(ag_grad(u), pass, pass);
        assert_values(ag_grad(r), pass, pass);
        assert_values(ag_grad(b), pass, pass);
        assert_values(ag_grad(a), pass * (1 + exp(3)), pass * (1 + exp(6)));
        assert_values(ag_grad(x), pass * 3 * (1 + exp(3)), pass * 3 * (1 + exp(6)));
        assert_item(ag_grad(s), pass * (1 * (1 + exp(3)) + 2 * (1 + exp(6))));
    }
    ag_tape_free(t);
}

/* ag_grad's handle is for reading, and what was computed from it is not silently differentiated with newer values. */
static void gradient_handles(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), y = ag_sum(ag_square(p));
    ag_tensor v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 1));
    ag_backward(y);
    ag_tensor g = ag_grad(p), gv = ag_sum(ag_mul(g, v));
    assert_false(ag_needs_grad(g));
    assert_null(ag_write(g, AG_F64));
    expect_error(t, AG_EUSE, "ag_write");
    assert_int_equal(ag_backward(gv), AG_OK);
    assert_values(ag_grad(v), 2, 4);
    const int writes = 4;
    for (int k = 0; k < writes; k++) { /* each kind of change to the gradient is noticed */
        ag_zero_grad(v);
        ag_tensor now = k ? g : ag_grad(p), later = ag_sum(ag_mul(now, v));
        if (k == 3)
            ag_zero_grad(p);
        ag_backward(y);
        assert_int_equal(ag_backward(later), AG_EUSE);
        expect_error(t, AG_EUSE, "ag_mul");
        assert_values(ag_grad(v), 0, 0);
        if (k == 1)
            ag_zero_grad(p);
    }
    ag_tensor copy = ag_mul_scalar(ag_grad(p), 1), from_copy = ag_sum(ag_mul(copy, v));
    ag_backward(y);
    assert_int_equal(ag_backward(from_copy), AG_OK);
    ag_tape_free(t);
}

/* ---- sharing values */

static void detaching(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const ag_tensor xs[] = { ag_variable(t, 3), ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 3)),
                             ag_param(AG_VALUES(t, AG_SHAPE(1), 3), "p"), ag_param(ag_constant(t, 3), "q") };
    for (size_t i = 0; i < ARRAY_SIZE(xs); i++) {
        ag_tensor x = xs[i], y = ag_square(x), l = ag_require_grad(y);
        assert_false(ag_needs_grad(ag_detach(y)));
        assert_int_equal(ag_backward(ag_mul(ag_detach(y), x)), AG_OK);
        assert_item(ag_grad(x), 9);
        assert_true(ag_needs_grad(l));
        assert_int_equal(ag_backward(ag_mul(l, x)), AG_OK);
        assert_item(ag_grad(x), 18);
        assert_item(ag_grad(l), 3);
    }
    assert_true(is_inert(ag_require_grad(ag_ones(t, AG_I32, AG_SHAPE(2))), t));
    expect_error(t, AG_EDTYPE, "ag_require_grad");
    ag_no_grad_begin(t); /* a leaf may be made anywhere */
    ag_tensor leaf = ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 3));
    ag_no_grad_end(t);
    assert_true(ag_needs_grad(leaf));
    ag_tape_free(t);
}

/* ---- dtypes */

static void gradients_have_their_inputs_dtype(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor s = ag_variable(t, 0.1), f = ag_require_grad(ag_full(t, AG_F32, AG_SCALAR, 2));
    ag_tensor a = ag_require_grad(ag_full(t, AG_F32, AG_SHAPE(2, 3), 2)),
              b = ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(3), 3));
    ag_tensor y = ag_mul(a, s), z = ag_mul(f, b), w = ag_mul(s, f);
    assert_int_equal(ag_dtype_of(y), AG_F32);
    assert_int_equal(ag_dtype_of(z), AG_F64);
    assert_int_equal(ag_dtype_of(w), AG_F64);
    assert_int_equal(ag_dtype_of(ag_mul(f, f)), AG_F32);
    assert_true(is_inert(ag_add(a, b), t));
    expect_error(t, AG_EDTYPE, "ag_add");
    assert_int_equal(ag_dtype_of(ag_add(a, ag_ones(t, AG_I32, AG_SHAPE(3)))), AG_F32);
    assert_int_equal(ag_dtype_of(ag_add(ag_ones(t, AG_I32, AG_SHAPE(3)), ag_ones(t, AG_I64, AG_SHAPE(3)))), AG_I64);
    ag_tensor l =
        ag_add(ag_add(ag_sum(y), ag_sum(z)), ag_add(w, ag_sum(ag_cast(ag_expand(b, AG_SHAPE(2, 3)), AG_F32))));
    assert_int_equal(ag_backward(l), AG_OK);
    assert_int_equal(ag_dtype_of(ag_grad(a)), AG_F32);
    assert_int_equal(ag_dtype_of(ag_grad(b)), AG_F64);
    assert_int_equal(ag_dtype_of(ag_grad(f)), AG_F32);
    assert_values(ag_grad(a), 0.1, 0.1, 0.1, 0.1, 0.1, 0.1);
    assert_values(ag_grad(b), 4, 4, 4);
    assert_item(ag_grad(s), 14);
    assert_close(ag_item(ag_grad(f)), 9.1, 1e-6);
    ag_tensor g[4];
    assert_int_equal(ag_gradients(l, AG_LIST(a, b, f, s), AG_CREATE_GRAPH, g), AG_OK);
    const ag_dtype expected[] = { AG_F32, AG_F64, AG_F32, AG_F64 };
    for (int i = 0; i < 4; i++)
        assert_int_equal(ag_dtype_of(g[i]), expected[i]);
    assert_values(g[1], 4, 4, 4);
    assert_item(g[3], 14);
    ag_tape_free(t);
}

/* ---- depth */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* x_n = sin-like chain of rank-0 ops: 10 million deep, without recursion and in seconds. */
static void deep_chains(void **state)
{
    (void)state;
    const int depth = slow() ? 1000000 : 10000000;
    ag_tape *t = new_tape();
    double start = seconds();
    ag_tensor x = ag_variable(t, 0.5), y = x, v = ag_require_grad(AG_VALUES(t, AG_SHAPE(1), 0.5)), z = v;
    double factor = 1;
    for (int i = 0; i < depth / 2; i++) {
        y = ag_mul_scalar(ag_add_scalar(y, 1e-9), i % 2 ? 1.25 : 0.8);
        factor *= i % 2 ? 1.25 : 0.8;
    }
    for (int i = 0; i < depth / 50; i++)
        z = ag_add_scalar(z, 1e-9);
    assert_true(ag_tape_nodes(t) > depth);
    assert_int_equal(ag_backward(ag_add(y, ag_sum(z))), AG_OK);
    assert_close(ag_item(ag_grad(x)), factor, 1e-9);
    assert_values(ag_grad(v), 1);
    ag_tensor g;
    assert_int_equal(ag_gradients(y, AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
    assert_close(ag_item(g), factor, 1e-9);
    assert_true(seconds() - start < 60);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_graph_of_the_lecture),
        cmocka_unit_test(every_kind_of_leaf_accumulates),
        cmocka_unit_test(a_seed_makes_other_shapes_possible),
        cmocka_unit_test(passes_that_are_refused),
        cmocka_unit_test(several_leaves_of_one_parameter),
        cmocka_unit_test(intermediate_gradients),
        cmocka_unit_test(all_gradients_can_be_kept),
        cmocka_unit_test(gradient_handles),
        cmocka_unit_test(detaching),
        cmocka_unit_test(gradients_have_their_inputs_dtype),
        cmocka_unit_test(deep_chains),
    };
    return cmocka_run_group_tests_name("backward", tests, NULL, NULL);
}
