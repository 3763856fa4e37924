/* What a pass starts from and what it leaves: leaves of several writes, seeds, retained gradients, many targets. */
#include "support.h"

/* ---- leaves: a persistent tensor has one for each write */

/* Whatever leaf the slot had last, and wherever it lay, a pass finds those that are alive. */
static void gradients_do_not_come_back_after_a_rewind(void **state)
{
    (void)state;
    for (int shift = 0; shift < 3; shift++) {
        ag_tape *t = new_tape();
        ag_tensor v = AG_VALUES(t, AG_SHAPE(2), 1, 2), p = ag_param(v, "p"), q = ag_param(v, "q");
        ag_tensor y = ag_sum(ag_mul_scalar(p, 1));
        assert_int_equal(ag_backward(ag_sum(ag_mul_scalar(p, 10))), AG_OK);
        assert_values(ag_grad(p), 10, 10);
        ag_zero_grad(p);
        assert_int_equal(ag_assign(p, v), AG_OK);
        ag_mark mark = ag_tape_mark(t);
        ag_sum(ag_mul_scalar(p, 3)); /* a leaf that the rewind takes away */
        assert_int_equal(ag_tape_rewind(t, mark), AG_OK);
        for (int i = 0; i < shift; i++)
            ag_variable(t, i);
        y = ag_add(y, ag_sum(ag_mul_scalar(q, 1))); /* a leaf where that one was */
        assert_int_equal(ag_backward(y), AG_OK);
        assert_values(ag_grad(p), 1, 1);
        assert_values(ag_grad(q), 1, 1);
        ag_tape_free(t);
    }
}

/* The first contribution is written straight into the gradient, whichever leaf it comes from; the others are added. */
static void leaves_of_several_writes_add_up(void **state)
{
    (void)state;
    for (int order = 0; order < 12; order++) {
        ag_tape *t = new_tape();
        ag_tensor v = AG_VALUES(t, AG_SHAPE(2), 1, 2), p = ag_param(v, "p"), part[3], y;
        for (int k = 0; k < 3; k++) {
            part[k] = ag_mul_scalar(p, 1 + k);
            ag_assign(p, AG_VALUES(t, AG_SHAPE(2), 10 + k, 20 + k));
        }
        y = ag_add(ag_add(part[order % 3], part[(order + 1) % 3]), part[(order + 2) % 3]);
        if (order >= 6)
            y = ag_add(ag_add(part[(order + 2) % 3], part[order % 3]), part[(order + 1) % 3]);
        for (int pass = 1; pass < 4; pass++) {
            if (order % 2)
                ag_exp(p); /* one more leaf, of which y knows nothing */
            assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
            assert_values(ag_grad(p), 6 * pass, 6 * pass);
            if (pass == 2) {
                ag_zero_grad(p);
                assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
                assert_values(ag_grad(p), 6, 6);
                assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
            }
        }
        ag_tape_free(t);
    }
}

typedef struct assign_params {
    ag_tensor to;
} assign_params;

static double same(const double *x, const void *params)
{
    (void)params;
    return x[0];
}

/* Writes to the parameter in the middle of the pass, and uses it. */
static void assign_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const assign_params *p = ag_call_params(c);
    ag_assign(p->to, ag_add_scalar(p->to, 1));
    ag_mul(p->to, p->to);
    dx[0] = dy[0];
}

static const ag_op assigning = {
    .name = "assigning", .inputs = 1, .params_size = sizeof(assign_params), .map = same, .vjp = assign_vjp
};

static void a_rule_may_write_to_a_leaf_of_its_pass(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), first = ag_mul_scalar(p, 2);
    ag_assign(p, AG_VALUES(t, AG_SHAPE(2), 3, 4));
    ag_tensor second = ag_mul_scalar(p, 5),
              y = ag_add(ag_apply(&assigning, AG_LIST(first), &(assign_params){ p }), second);
    for (int pass = 1; pass < 4; pass++) {
        assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
        assert_values(ag_grad(p), 7 * pass, 7 * pass);
        assert_values(p, 3 + pass, 4 + pass);
    }
    ag_tape_free(t);
}

/* ---- seeds */

/* Records so much that the tables move. */
static void crowded_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = dy[0];
    for (int i = 0; i < 3000; i++) {
        ag_variable(ag_call_tape(c), -1);
        ag_zeros(ag_call_tape(c), AG_F64, AG_SHAPE(1));
    }
}

static const ag_op crowded = { .name = "crowded", .inputs = 1, .map = same, .vjp = crowded_vjp };

/* A pass that meets an infinite adjoint starts again, from the same adjoint. */
static void seeds_outlive_the_tables_they_lie_in(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        ag_tape *t = new_tape();
        ag_tensor x = ag_variable(t, 3), u = ag_variable(t, 0), g[2];
        ag_tensor y = ag_add(ag_sqrt(u), ag_apply(&crowded, AG_LIST(x), NULL));
        ag_tensor dy = way % 2 ? ag_param(ag_constant(t, 2), "dy") : ag_constant(t, 2);
        if (way < 2) {
            assert_int_equal(ag_backward_from(y, dy), AG_OK);
            g[0] = ag_grad(x);
            g[1] = ag_grad(u);
        } else {
            g[0] = ag_vjp(y, dy, x);
            g[1] = ag_vjp(y, dy, u);
        }
        assert_item(g[0], 2);
        assert_item(g[1], INFINITY);
        ag_tape_free(t);
    }
}

/* ---- retained gradients */

static void retaining_a_number_begins_with_the_next_pass(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 3), a = ag_square(x), b = ag_mul_scalar(a, 5), y = ag_mul(b, x);
    assert_int_equal(ag_retain_grad(b), AG_OK);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_int_equal(ag_retain_grad(a), AG_OK);
    assert_item(ag_grad(a), 0);
    assert_item(ag_grad(b), 3);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_int_equal(ag_retain_grad(a), AG_OK); /* again: nothing is lost */
    assert_item(ag_grad(a), 15);
    assert_item(ag_grad(b), 6);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_item(ag_grad(a), 30);
    ag_tape_free(t);
    t = tape_with((ag_options){ .keep_grads = true }); /* which keeps them from the first pass on */
    x = ag_variable(t, 3);
    a = ag_square(x);
    assert_int_equal(ag_backward(ag_mul_scalar(a, 2)), AG_OK);
    assert_int_equal(ag_retain_grad(a), AG_OK);
    assert_item(ag_grad(a), 2);
    ag_tape_free(t);
}

/* ---- many targets */

/* Leaves, results, parameters and their repetitions, as numbers and arrays, beside parameters that were written. */
static void thousands_of_targets(void **state)
{
    (void)state;
    enum { N = 4000, KINDS = 8 };
    ag_tape *t = new_tape();
    ag_tensor *x = calloc(N, sizeof *x), *g = calloc(N, sizeof *g), y = ag_constant(t, 0);
    ag_tensor v = AG_VALUES(t, AG_SHAPE(2), 1, 2), w = ag_param(v, "w"), c = ag_constant(t, 1);
    for (int i = 0; i < N; i++) {
        ag_tensor z;
        switch (i % KINDS) {
        case 0:
            z = x[i] = ag_variable(t, 1);
            break;
        case 1:
            z = x[i] = ag_require_grad(v);
            break;
        case 2:
            z = x[i] = ag_param(v, NULL);
            break;
        case 3:
            z = x[i] = ag_mul_scalar(x[i - 3], 1); /* adds to the gradient of that one */
            break;
        case 4:
            z = x[i] = ag_mul_scalar(x[i - 3], 1);
            break;
        case 5:
            z = x[i] = i % 16 < 8 ? w : ag_param(c, NULL);
            break;
        case 6:
            x[i] = x[i - 4];
            continue;
        default:
            x[i] = c; /* no gradient */
            continue;
        }
        y = ag_add(y, ag_sum(ag_mul_scalar(z, i)));
        if (i == N / 2)
            ag_assign(w, v); /* another leaf from here on */
    }
    for (int flags = 0; flags < 2; flags++) {
        assert_int_equal(ag_gradients(y, (ag_list){ x, N }, flags, g), AG_OK);
        double all = 0;
        for (int i = 5; i < N; i += 16)
            all += i;
        for (int i = 0; i < N; i++) {
            double expected[KINDS] = { i + i + 3, i + i + 3, i, i, i, i % 16 < 8 ? all : i, i - 4, 0 };
            if (!is_close(ag_item_at(g[i], 0), expected[i % KINDS], 1e-12))
                print_error("target %d\n", i);
            assert_close(ag_item_at(g[i], 0), expected[i % KINDS], 1e-12);
        }
    }
    assert_values(ag_grad(w), 0, 0);
    assert_item(ag_grad(x[0]), 0);
    free(x);
    free(g);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_do_not_come_back_after_a_rewind),
        cmocka_unit_test(leaves_of_several_writes_add_up),
        cmocka_unit_test(a_rule_may_write_to_a_leaf_of_its_pass),
        cmocka_unit_test(seeds_outlive_the_tables_they_lie_in),
        cmocka_unit_test(retaining_a_number_begins_with_the_next_pass),
        cmocka_unit_test(thousands_of_targets),
    };
    return cmocka_run_group_tests_name("passes", tests, NULL, NULL);
}
