/* A branch that is not taken contributes zero whatever arrives at it, an infinite or undefined adjoint too; and the
 * kernels, the rules and the sweep over numbers agree on what arrives, be it finite or not. */
#include "support.h"

/* ---- a selection under a function that is infinite at what it selected */

typedef ag_tensor function(ag_tensor x);

static ag_tensor clamped(ag_tensor x)
{
    return ag_clamp(x, 0, 9);
}
static ag_tensor at_least_0(ag_tensor x)
{
    return ag_maximum_scalar(x, 0);
}
static ag_tensor negated_minimum(ag_tensor x)
{
    return ag_neg(ag_minimum_scalar(ag_neg(x), 0));
}
static ag_tensor larger_of_0(ag_tensor x)
{
    return ag_maximum(x, ag_constant(x.tape, 0));
}
static ag_tensor negated_smaller_of_0(ag_tensor x)
{
    return ag_neg(ag_minimum(ag_constant(x.tape, 0), ag_neg(x)));
}
static ag_tensor where_positive(ag_tensor x)
{
    return ag_where(ag_greater(x, ag_constant(x.tape, 0)), x, ag_constant(x.tape, 0));
}

static ag_tensor root(ag_tensor x)
{
    return ag_pow_scalar(x, 0.5);
}
static ag_tensor inverse_root(ag_tensor x)
{
    return ag_pow_scalar(x, -0.5);
}
static ag_tensor general_root(ag_tensor x)
{
    return ag_pow(x, ag_constant(x.tape, 0.5));
}
static ag_tensor inverse(ag_tensor x)
{
    return ag_scalar_div(1, x);
}
static ag_tensor quotient(ag_tensor x)
{
    return ag_div(ag_constant(x.tape, 1), x);
}
static ag_tensor inverse_of_root(ag_tensor x)
{
    return ag_scalar_div(1, ag_sqrt(x));
}
static ag_tensor nothing_over_nothing(ag_tensor x)
{
    return ag_div(x, x);
}
static ag_tensor scaled_log(ag_tensor x)
{
    return ag_mul_scalar(ag_log(x), 3);
}

static const struct {
    const char *name;
    function *f;
} selections[] = { { "relu", ag_relu },
                   { "clamp", clamped },
                   { "maximum_scalar", at_least_0 },
                   { "minimum_scalar", negated_minimum },
                   { "maximum", larger_of_0 },
                   { "minimum", negated_smaller_of_0 },
                   { "where", where_positive } },
  poles[] = { { "sqrt", ag_sqrt },
              { "log", ag_log },
              { "root", root },
              { "inverse root", inverse_root },
              { "general root", general_root },
              { "inverse", inverse },
              { "quotient", quotient },
              { "inverse of the root", inverse_of_root },
              { "0 / 0", nothing_over_nothing },
              { "scaled log", scaled_log } };

enum { NUMBER, PARAMETER, ARRAY, STRIDED, LEAVES };

/* -1, and in an array 4 beside it */
static ag_tensor leaf_of(ag_tape *t, int kind, ag_dtype d)
{
    if (kind == NUMBER)
        return ag_require_grad(ag_full(t, d, AG_SCALAR, -1));
    if (kind == PARAMETER)
        return ag_param(ag_full(t, d, AG_SCALAR, -1), "p");
    if (kind == ARRAY)
        return ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(2), -1, 4), d));
    return ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(2, 2), -1, 4, 4, -1), d));
}

static void what_is_not_selected_gets_0(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t way = 0; way < 4 * LEAVES; way++) {
        for (size_t i = 0; i < ARRAY_SIZE(selections) * ARRAY_SIZE(poles); i++) {
            const size_t s = i / ARRAY_SIZE(poles), p = i % ARRAY_SIZE(poles);
            const ag_dtype d = way % 2 ? AG_F32 : AG_F64;
            const bool graph = way / 2 % 2;
            ag_tape *t = new_tape();
            ag_tensor x = leaf_of(t, (int)way / 4, d), first, second = { 0 };
            ag_tensor in = way / 4 == STRIDED ? ag_transpose(x, 0, 1) : x;
            ag_tensor y = ag_sum(poles[p].f(selections[s].f(in)));
            assert_int_equal(ag_gradients(y, AG_LIST(x), graph ? AG_CREATE_GRAPH : 0, &first), AG_OK);
            if (graph)
                assert_int_equal(ag_gradients(ag_sum(first), AG_LIST(x), 0, &second), AG_OK);
            const bool fits = ag_item_at(first, 0) == 0 && (!graph || ag_item_at(second, 0) == 0) &&
                              (way / 4 < ARRAY || isfinite(ag_item_at(first, 1)));
            if (!fits)
                print_error("%s of %s, way %zu: %g, %g\n", poles[p].name, selections[s].name, way, ag_item_at(first, 0),
                            graph ? ag_item_at(second, 0) : 0);
            wrong += !fits;
            ag_tape_free(t);
        }
    }
    assert_int_equal(wrong, 0);
}

static void ops_without_a_gradient_stop_what_arrives(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        ag_tape *t = tape_with((ag_options){ .keep_grads = kept });
        ag_tensor x = ag_variable(t, 3), one = ag_constant(t, 1), infinite = ag_constant(t, INFINITY);
        ag_tensor steps[] = { ag_sign(x), ag_heaviside(x, 0.5), ag_cast(ag_greater(x, one), AG_F64) };
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
            ag_tensor y = ag_add(ag_mul(steps[i], infinite), ag_square(x)), g;
            for (int flags = 0; flags < 2; flags++) {
                assert_int_equal(ag_gradients(y, AG_LIST(x), flags, &g), AG_OK);
                assert_item(g, 6);
            }
            ag_zero_grad(x);
            assert_int_equal(ag_backward(y), AG_OK);
            assert_item(ag_grad(x), 6);
        }
        ag_tape_free(t);
    }
}

/* ---- kernels, rules and sweeps */

enum { BY_KERNEL, BY_RULE, OF_NUMBERS, OF_NUMBERS_BY_RULE, BY_KERNEL_F32, BY_RULE_F32, WAYS };

/* The derivatives by each operand where dy is `seed`. */
static void derivatives(const ag_op *op, int way, const double *at, double seed, double *to)
{
    ag_tape *t = new_tape();
    ag_dtype d = way == BY_KERNEL_F32 || way == BY_RULE_F32 ? AG_F32 : AG_F64;
    bool rank0 = way == OF_NUMBERS || way == OF_NUMBERS_BY_RULE, graph = way % 2;
    ag_tensor x[2], dx[2];
    for (int i = 0; i < op->inputs; i++)
        x[i] = ag_require_grad(ag_full(t, d, rank0 ? AG_SCALAR : AG_SHAPE(3), at[i]));
    ag_list operands = { x, (size_t)op->inputs };
    ag_tensor y = ag_apply(op, operands, op->samples[0].params);
    ag_tensor dy = ag_full(t, d, ag_shape_of(y), seed), sum = ag_sum(ag_mul(y, dy));
    assert_int_equal(ag_gradients(sum, operands, graph ? AG_CREATE_GRAPH : 0, dx), AG_OK);
    for (int i = 0; i < op->inputs; i++)
        to[i] = ag_item_at(dx[i], 0);
    ag_tape_free(t);
}

static int compare_ways(const ag_op *op, const double *at, double seed)
{
    int wrong = 0;
    double first[2];
    derivatives(op, BY_KERNEL, at, seed, first);
    for (int way = BY_RULE; way < WAYS; way++) {
        double other[2];
        derivatives(op, way, at, seed, other);
        for (int i = 0; i < op->inputs; i++) {
            const bool f32 = way >= BY_KERNEL_F32;
            const bool same = f32 ? isnan(first[i]) == isnan(other[i]) : is_close(first[i], other[i], 1e-12);
            if (!same)
                print_error("%s at (%g, %g) by operand %d where dy is %g: %g, way %d: %g\n", op->name, at[0], at[1],
                            i + 1, seed, first[i], way, other[i]);
            wrong += !same;
        }
    }
    return wrong;
}

static void kernels_rules_and_sweeps_agree_wherever_they_stand(void **state)
{
    (void)state;
    const double places[] = { 0, 1, -1, 0.5, 2, INFINITY, -INFINITY, NAN },
                 seeds[] = { 1, 0, INFINITY, -INFINITY, NAN };
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (!ops[i]->map || ops[i]->flags & AG_NO_GRADIENT)
            continue;
        const size_t second = ops[i]->inputs > 1 ? ARRAY_SIZE(places) : 1;
        for (size_t k = 0; k < ARRAY_SIZE(places) * second * ARRAY_SIZE(seeds); k++) {
            const double at[2] = { places[k / second % ARRAY_SIZE(places)], places[k % second] };
            wrong += compare_ways(ops[i], at, seeds[k / second / ARRAY_SIZE(places)]);
        }
    }
    assert_int_equal(wrong, 0);
}

static void scaling_by_infinity_keeps_structural_zeros(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (int f32 = 0; f32 < 2; f32++) {
        const double factors[] = { INFINITY, -INFINITY, NAN, 1e300 };
        for (size_t i = 0; i < ARRAY_SIZE(factors); i++) {
            ag_tensor x = ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(2), 1, 2), f32 ? AG_F32 : AG_F64));
            ag_tensor n = ag_require_grad(ag_full(t, f32 ? AG_F32 : AG_F64, AG_SCALAR, 1)), g[2];
            ag_tensor none = ag_zeros(t, AG_U8, AG_SHAPE(2)), zero = ag_constant(t, 0);
            ag_tensor y = ag_where(none, ag_mul_scalar(ag_add(x, n), factors[i]), zero);
            for (int flags = 0; flags < 2; flags++) {
                assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(x, n), flags, g), AG_OK);
                assert_values(g[0], 0, 0);
                assert_item(g[1], 0);
            }
        }
    }
    ag_tape_free(t);
}

static void a_branch_that_is_taken_passes_everything_on(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double slopes[] = { 0.01, 0.1, 0.3, 1e-17, 3 };
    for (size_t i = 0; i < ARRAY_SIZE(slopes); i++) {
        ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 2, -2, 0)), dy = AG_VALUES(t, AG_SHAPE(3), 0.1, 0.1, 7),
                  g;
        for (int flags = 0; flags < 2; flags++) {
            assert_int_equal(ag_gradients(ag_sum(ag_mul(ag_leaky_relu(x, slopes[i]), dy)), AG_LIST(x), flags, &g),
                             AG_OK);
            assert_true(ag_item_at(g, 0) == 0.1);
            assert_true(ag_item_at(g, 1) == slopes[i] * 0.1);
            assert_true(ag_item_at(g, 2) == slopes[i] * 7);
        }
    }
    ag_tape_free(t);
}

static void tied_infinities_share(void **state)
{
    (void)state;
    const double all[] = { INFINITY, -INFINITY };
    for (int way = 0; way < 8; way++) {
        const ag_dtype d = way % 2 ? AG_F32 : AG_F64;
        const ag_shape s = way / 2 % 2 ? AG_SCALAR : AG_SHAPE(1);
        const int flags = way / 4 ? AG_CREATE_GRAPH : 0;
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
            ag_tape *t = new_tape();
            ag_tensor a = ag_require_grad(ag_full(t, d, s, all[i])), b = ag_require_grad(ag_full(t, d, s, all[i])),
                      g[2];
            ag_tensor ties[] = { ag_maximum(a, b), ag_minimum(a, b), ag_maximum_scalar(a, all[i]),
                                 ag_minimum_scalar(a, all[i]) };
            for (size_t k = 0; k < ARRAY_SIZE(ties); k++) {
                assert_int_equal(ag_gradients(ties[k], AG_LIST(a, b), flags, g), AG_OK);
                assert_item(g[0], 0.5);
                assert_item(g[1], k < 2 ? 0.5 : 0);
            }
            ag_tape_free(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_selected_gets_0),
        cmocka_unit_test(ops_without_a_gradient_stop_what_arrives),
        cmocka_unit_test(kernels_rules_and_sweeps_agree_wherever_they_stand),
        cmocka_unit_test(scaling_by_infinity_keeps_structural_zeros),
        cmocka_unit_test(a_branch_that_is_taken_passes_everything_on),
        cmocka_unit_test(tied_infinities_share),
    };
    return cmocka_run_group_tests_name("backward selects", tests, NULL, NULL);
}
