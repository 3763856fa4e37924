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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_the_scopes_before_them),
        cmocka_unit_test(renaming_takes_the_scopes_too),
        cmocka_unit_test(parameters_are_listed_in_the_order_of_creation),
        cmocka_unit_test(empty_lists_know_their_tape),
        cmocka_unit_test(a_hundred_thousand_parameters),
        cmocka_unit_test(modules_with_many_equal_parameters),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
