/* Parameters as a tape keeps them: their names, their order, and very many of them. */
#include "nn_support.h"

/* ---- names */

static void names_have_the_scopes_before_them(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor v = ag_ones(t, AG_FLOAT, AG_SHAPE(2, 3));
    ag_scope_begin(t, "net");
    ag_tensor a = ag_param(v, "a"), unnamed = ag_param(v, NULL);
    ag_scope_begin(t, "3");
    ag_tensor b = ag_param_as(v, AG_AXES(1, 0), "b"), c = ag_buffer(v, "c"), d = ag_buffer_as(v, AG_AXES(1, 0), "d");
    ag_tensor x = ag_name(ag_square(v), "x"), y = ag_name(ag_square(v), "");
    nn_module *m = nn_linear(t, 3, 2, (nn_linear_config){ 0 });
    ag_scope_end(t);
    ag_scope_end(t);
    assert_string_equal(ag_name_of(a), "net.a");
    assert_string_equal(ag_name_of(unnamed), "");
    assert_string_equal(ag_name_of(b), "net.3.b");
    assert_string_equal(ag_name_of(c), "net.3.c");
    assert_string_equal(ag_name_of(d), "net.3.d");
    assert_string_equal(ag_name_of(x), "net.3.x");
    assert_string_equal(ag_name_of(y), "");
    assert_string_equal(ag_name_of(nn_find(m, "weight")), "net.3.weight");
    const char *const wanted[] = { "net.a", "", "net.3.b", "net.3.weight", "net.3.bias" };
    ag_list all = ag_params(t);
    assert_int_equal(all.count, ARRAY_SIZE(wanted));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        assert_string_equal(ag_name_of(all.at[i]), wanted[i]);
    ag_assign(a, b);
    assert_int_equal(ag_assign(a, ag_ones(t, AG_FLOAT, AG_SHAPE(2))), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "'net.a' has shape");
    ag_tape_free(t);
}

static void renaming_takes_the_scopes_too(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_ones(t, AG_FLOAT, AG_SCALAR), "p"), x = ag_variable(t, 1);
    const ag_tensor both[] = { p, x };
    char long_name[600], whole[610];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    snprintf(whole, sizeof whole, "s.%s", long_name);
    for (int i = 0; i < 2; i++) {
        ag_name(both[i], "first");
        ag_scope_begin(t, "s");
        ag_name(both[i], ag_name_of(both[i])); /* its own name, in place */
        assert_string_equal(ag_name_of(both[i]), "s.first");
        ag_name(both[i], long_name);
        assert_string_equal(ag_name_of(both[i]), whole);
        ag_name(both[i], "z");
        ag_name(both[i], ag_name_of(both[i]));
        assert_string_equal(ag_name_of(both[i]), "s.s.z");
        ag_scope_end(t);
        ag_name(both[i], NULL);
        assert_string_equal(ag_name_of(both[i]), "");
    }
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- order */

enum { MODEL = 64 };

static void check_order(ag_tape *t, const ag_tensor *model, size_t count)
{
    ag_list list = ag_params(t);
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(same_handle(list.at[i], model[i]));
}

/* Parameters and buffers made and released at random, beside a plain list of what there should be. */
static void parameters_are_listed_in_the_order_of_creation(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor model[MODEL], buffer = { 0 };
    size_t count = 0;
    unsigned random = 7;
    for (int step = 0; step < 5000; step++) {
        random = random * 1103515245 + 12345;
        unsigned choice = random >> 16 & 7, place = random >> 20;
        if (choice < 3 && count < MODEL) {
            model[count++] = ag_param(ag_ones(t, AG_FLOAT, AG_SCALAR), "p");
        } else if (choice < 5 && count) {
            size_t i = place % count;
            ag_release(model[i]);
            memmove(model + i, model + i + 1, (--count - i) * sizeof *model);
        } else if (choice == 5) {
            if (ag_ok(buffer))
                ag_release(buffer);
            buffer = ag_buffer(ag_ones(t, AG_FLOAT, AG_SCALAR), "b");
        } else if (choice == 6) {
            ag_tape_reset(t);
        }
        check_order(t, model, count);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void empty_lists_know_their_tape(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    nn_module m;
    nn_init(&m, t, "m", NULL);
    const ag_list lists[] = { ag_params(t), nn_params(&m), ag_list_none(t) };
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        assert_int_equal(lists[i].count, 0);
        assert_ptr_equal(ag_list_tape(lists[i]), t);
    }
    const ag_tensor absent = { NULL, 0, 0 }, x = ag_variable(other, 1);
    assert_ptr_equal(ag_list_tape(AG_LIST(absent, x)), other);
    assert_null(ag_list_tape(AG_LIST(absent)));
    assert_null(ag_list_tape((ag_list){ &x, 0 }));
    ag_tape_free(t);
    ag_tape_free(other);
}

/* ---- very many: a search for each among all would not end within a test */

static void a_hundred_thousand_parameters(void **state)
{
    (void)state;
    enum { N = 100000 };
    ag_tape *t = f64_tape();
    ag_tensor v = ag_zeros(t, AG_FLOAT, AG_SCALAR), first = ag_param(v, "first");
    for (int i = 1; i < N; i++)
        ag_param(v, NULL);
    ag_list list = ag_params(t);
    assert_int_equal(list.count, N);
    optim *o = optim_sgd(list, (optim_sgd_config){ .lr = 1 });
    assert_non_null(o);
    ag_tensor *twice = malloc((N + 1) * sizeof *twice);
    assert_non_null(twice);
    memcpy(twice, list.at, N * sizeof *twice);
    twice[N] = first;
    assert_null(optim_sgd((ag_list){ twice, N + 1 }, (optim_sgd_config){ .lr = 1 }));
    expect_error(t, AG_EARG, "parameter 'first' is listed twice, at 1 and 100001");
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < N; i++)
            ag_release(twice[i]);
        ag_tape_reset(t);
        assert_int_equal(ag_params(t).count, 0);
        v = ag_zeros(t, AG_FLOAT, AG_SCALAR);
        for (size_t i = 0; i < N; i++)
            twice[i] = ag_param(v, NULL);
        assert_true(same_handle(ag_params(t).at[N - 1], twice[N - 1]));
    }
    free(twice);
    expect_fine(t);
    ag_tape_free(t);
}

/* A hundred modules of a hundred parameters of the same values, and all of them once more, shared. */
static void modules_with_many_equal_parameters(void **state)
{
    (void)state;
    enum { MODULES = 100, EACH = 100 };
    ag_tape *t = f64_tape();
    nn_module *all = ag_tape_allocate(t, (MODULES + 2) * sizeof *all), *shared = all + MODULES, *root = shared + 1;
    char name[16];
    nn_init(root, t, "root", NULL);
    nn_init(shared, t, "shared", NULL);
    ag_tensor v = ag_zeros(t, AG_FLOAT, AG_SHAPE(4));
    for (int i = 0; i < MODULES; i++) {
        nn_init(&all[i], t, "one", NULL);
        for (int k = 0; k < EACH; k++) {
            snprintf(name, sizeof name, "%d", k);
            nn_param(&all[i], v, name);
        }
        snprintf(name, sizeof name, "%d", i);
        nn_child(root, &all[i], name);
        nn_child(shared, &all[i], name);
    }
    nn_child(root, shared, "again");
    assert_int_equal(nn_params(root).count, MODULES * EACH);
    assert_int_equal(nn_save(root, in_directory("many")), AG_OK);
    assert_int_equal(nn_load(root, in_directory("many")), AG_OK);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- numbers */

enum { USES = 8 };

/* Every way in which an op may find one as its operand, among numbers of the step. */
static ag_tensor use(ag_tensor p, ag_tensor q, ag_tensor x, ag_tensor *y)
{
    ag_tensor sum = x;
    const ag_tensor all[USES] = { ag_mul(p, x), ag_sub(x, p),        ag_div(p, q),        ag_mul(p, p),
                                  ag_exp(p),    ag_scalar_div(2, q), ag_add_scalar(p, 3), ag_pow(x, q) };
    for (int i = 0; i < USES; i++)
        sum = ag_add(ag_mul(sum, p), y[i] = all[i]);
    return ag_mul(q, sum);
}

static void numbers_that_persist_are_used_as_those_of_the_step_are(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    ag_tensor p = ag_param(ag_constant(t, 0.7), "p"), q = ag_param(ag_constant(t, 1.3), "q"), y[USES], z[USES];
    for (int step = 0; step < 4; step++) {
        ag_tape_reset(t);
        const ag_tensor x = ag_variable(t, 0.4), a = ag_variable(t, ag_item(p)), b = ag_variable(t, 1.3);
        const ag_tensor kept = use(p, q, x, y), plain = use(a, b, x, z);
        for (int i = 0; i < USES; i++)
            assert_true(ag_item(y[i]) == ag_item(z[i]));
        assert_true(ag_item(kept) == ag_item(plain));
        ag_backward(kept);
        ag_backward(plain);
        assert_true(ag_item(ag_grad(p)) == ag_item(ag_grad(a)));
        assert_true(ag_item(ag_grad(q)) == ag_item(ag_grad(b)));
        ag_zero_grad(p);
        ag_zero_grad(q);
        ag_assign(p, ag_constant(t, 0.7 + step)); /* used again in the same step */
        assert_true(ag_item(ag_mul(p, x)) == (0.7 + step) * 0.4);
        assert_true(ag_item(ag_mul(x, p)) == (0.7 + step) * 0.4);
        assert_true(ag_item(ag_square(p)) == (0.7 + step) * (0.7 + step));
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void a_released_number_is_stale_at_once(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        ag_tape *t = f64_tape();
        ag_tensor p = ag_param(ag_constant(t, 0.7), NULL), x = ag_variable(t, 2);
        ag_mul(p, x); /* its leaf is there */
        ag_release(p);
        const ag_tensor y = way == 0 ? ag_mul(p, x) : way == 1 ? ag_mul(x, p) : way == 2 ? ag_mul(p, p) : ag_exp(p);
        assert_int_equal(y.id, 0);
        expect_error(t, AG_ESTALE, "was released");
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_the_scopes_before_them),
        cmocka_unit_test(renaming_takes_the_scopes_too),
        cmocka_unit_test(parameters_are_listed_in_the_order_of_creation),
        cmocka_unit_test(empty_lists_know_their_tape),
        cmocka_unit_test(a_hundred_thousand_parameters),
        cmocka_unit_test(modules_with_many_equal_parameters),
        cmocka_unit_test(numbers_that_persist_are_used_as_those_of_the_step_are),
        cmocka_unit_test(a_released_number_is_stale_at_once),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
