/* Modules: registering, finding, sharing, nesting, and everything that must be refused. */
#include "nn_support.h"

static ag_tensor twice(nn_module *m, ag_tensor x)
{
    (void)m;
    return ag_add(x, x);
}

static ag_tensor nothing(nn_module *m, ag_tensor x)
{
    (void)m;
    (void)x;
    return (ag_tensor){ 0 };
}

static ag_tensor two(ag_tape *t)
{
    return AG_VALUES(t, AG_SHAPE(2), 1, 2);
}

static void init_makes_a_module(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    char name[] = "mine";
    nn_module m;
    memset(&m, 0xa5, sizeof m);
    nn_init(&m, t, name, twice);
    name[0] = 'X'; /* the name was copied */
    assert_ptr_equal(m.tape, t);
    assert_string_equal(m.name, "mine");
    assert_true(m.training);
    assert_int_equal(nn_params(&m).count, 0);
    nn_init(&m, t, NULL, NULL);
    assert_string_equal(m.name, "module");
    nn_init(NULL, t, "x", twice);
    expect_error(t, AG_ENULL, "nn_init");
    nn_init(&m, NULL, "x", twice); /* stays inert */
    assert_true(is_inert(nn_param(&m, two(t), "a"), t));
    expect_error(t, AG_ENULL, "nn_param");
    nn_init(NULL, NULL, NULL, NULL);
    ag_tape_free(t);
}

static void params_and_buffers_are_found(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m;
    nn_init(&m, t, "m", NULL);
    ag_tensor a = nn_param(&m, two(t), "a"), b = nn_buffer(&m, two(t), "b"), c = nn_param(&m, ag_constant(t, 3), "c");
    assert_true(ag_is_persistent(a) && ag_is_persistent(b) && ag_is_persistent(c));
    assert_true(ag_needs_grad(a) && !ag_needs_grad(b) && ag_needs_grad(c));
    assert_string_equal(ag_name_of(a), "a");
    ag_list list = nn_params(&m);
    assert_int_equal(list.count, 2);
    assert_true(same_handle(list.at[0], a) && same_handle(list.at[1], c));
    assert_ptr_equal(nn_params(&m).at, list.at); /* cached */
    assert_true(same_handle(nn_find(&m, "a"), a) && same_handle(nn_find(&m, "b"), b));
    ag_tensor d = nn_param(&m, two(t), "d");
    assert_int_equal(nn_params(&m).count, 3);
    assert_true(same_handle(nn_params(&m).at[2], d));
    assert_int_equal(list.count, 2);
    assert_true(same_handle(list.at[0], a)); /* the old list is still there */
    ag_tensor whole = nn_buffer(&m, ag_zeros(t, AG_I64, AG_SHAPE(2)), "whole");
    assert_int_equal(ag_dtype_of(whole), AG_I64);
    expect_fine(t);
    ag_tape_reset(t);
    assert_near(ag_item_at(nn_find(&m, "a"), 1), 2, 0);
    ag_tape_free(t);
}

static void names_are_checked(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m, child;
    nn_init(&m, t, "m", NULL);
    nn_init(&child, t, "child", NULL);
    char longest[129];
    memset(longest, 'n', sizeof longest - 1);
    longest[128] = 0;
    const char *bad[] = { NULL,   "",         "a.b",          ".",         "__metadata__",
                          "\xff", "\xc0\x80", "\xed\xa0\x80", "a\xe2\x82", "\xf4\x90\x80\x80",
                          longest };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(is_inert(nn_param(&m, two(t), bad[i]), t));
        expect_error(t, AG_EARG, "nn_param: the name");
        assert_true(is_inert(nn_buffer(&m, two(t), bad[i]), t));
        expect_error(t, AG_EARG, "nn_buffer: the name");
        assert_null(nn_child(&m, &child, bad[i]));
        expect_error(t, AG_EARG, "nn_child: the name");
    }
    assert_int_equal(nn_params(&m).count, 0);
    assert_int_equal(ag_params(t).count, 0); /* a refused name makes no parameter */
    longest[127] = 0;
    const char *good[] = { longest, "w\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8d", "with space", "a/b", "\"" };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        ag_tensor x = nn_param(&m, two(t), good[i]);
        expect_fine(t);
        assert_true(same_handle(nn_find(&m, good[i]), x));
    }
    ag_tape_free(t);
}

static void names_are_unique(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m, child;
    nn_init(&m, t, "m", NULL);
    nn_init(&child, t, "child", NULL);
    ag_tensor a = nn_param(&m, two(t), "a");
    assert_true(is_inert(nn_param(&m, two(t), "a"), t));
    expect_error(t, AG_EARG, "has a 'a' already");
    assert_true(is_inert(nn_buffer(&m, two(t), "a"), t));
    expect_error(t, AG_EARG, "already");
    assert_null(nn_child(&m, &child, "a"));
    expect_error(t, AG_EARG, "already");
    assert_true(is_inert(nn_share(&m, a, "a"), t));
    expect_error(t, AG_EARG, "already");
    assert_ptr_equal(nn_child(&m, &child, "c"), &child);
    assert_null(nn_child(&m, &child, "c"));
    expect_error(t, AG_EARG, "already");
    assert_int_equal(nn_params(&m).count, 1);
    ag_tape_free(t);
}

static void bad_values_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    nn_module m;
    nn_init(&m, t, "m", NULL);
    ag_tensor none = { 0 }, stale = two(t), foreign = two(other);
    ag_tape_reset(t);
    assert_true(is_inert(nn_param(&m, none, "a"), t));
    expect_error(t, AG_ENULL, "the value of 'a' is absent");
    assert_true(is_inert(nn_buffer(&m, none, "a"), t));
    expect_error(t, AG_ENULL, "nn_buffer");
    assert_true(is_inert(nn_param(&m, stale, "a"), t));
    expect_error(t, AG_ESTALE, "ag_param");
    assert_true(is_inert(nn_param(&m, foreign, "a"), t));
    expect_error(t, AG_EUSE, "another tape");
    expect_fine(other);
    assert_true(is_inert(nn_param(&m, ag_zeros(t, AG_I32, AG_SHAPE(2)), "a"), t));
    expect_error(t, AG_EDTYPE, "i32");
    ag_tensor inert = { t, 0, 0 };
    assert_true(is_inert(nn_param(&m, inert, "a"), t));
    assert_true(is_inert(nn_buffer(&m, inert, "a"), t));
    expect_fine(t); /* whoever made it reported */
    assert_true(
        ag_ok(nn_param(&m, ag_zeros(t, AG_FLOAT, AG_SHAPE(0, 3)), "a"))); /* the name is free yet; empty is fine */
    expect_fine(t);
    ag_tape_free(t);
    ag_tape_free(other);
}

static void share_registers_the_tensor_itself(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m, n;
    nn_init(&m, t, "m", NULL);
    nn_init(&n, t, "n", NULL);
    ag_tensor w = nn_param(&m, two(t), "w"), shared = nn_share(&n, w, "v");
    assert_true(same_handle(w, shared));
    nn_child(&m, &n, "n");
    assert_int_equal(nn_params(&m).count, 1); /* once */
    assert_true(same_handle(nn_find(&m, "n.v"), w));
    ag_tensor plain = ag_buffer(two(t), "plain");
    assert_true(same_handle(nn_share(&m, plain, "plain"), plain));
    assert_int_equal(nn_params(&m).count, 1); /* a buffer stays one */
    assert_true(is_inert(nn_share(&m, two(t), "x"), t));
    expect_error(t, AG_EUSE, "transient");
    assert_true(is_inert(nn_share(&m, (ag_tensor){ 0 }, "x"), t));
    expect_error(t, AG_ENULL, "nn_share");
    ag_tensor released = ag_buffer(two(t), "r");
    ag_release(released);
    assert_true(is_inert(nn_share(&m, released, "x"), t));
    expect_error(t, AG_ESTALE, "");
    assert_true(is_inert(nn_share(NULL, w, "x"), t));
    expect_error(t, AG_ENULL, "module is absent");
    ag_tape_free(t);
}

static void children_nest(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m[4];
    for (int i = 0; i < 4; i++)
        nn_init(&m[i], t, "level", twice);
    ag_tensor w = nn_param(&m[3], two(t), "w");
    assert_ptr_equal(nn_child(&m[2], &m[3], "c"), &m[3]);
    assert_ptr_equal(nn_child(&m[1], &m[2], "b"), &m[2]);
    assert_ptr_equal(nn_child(&m[0], &m[1], "a"), &m[1]);
    assert_true(same_handle(nn_find(&m[0], "a.b.c.w"), w));
    assert_true(same_handle(nn_find(&m[2], "c.w"), w));
    assert_string_equal(ag_name_of(w), "a.b.c.w");
    assert_string_equal(m[3].name, "c");
    assert_int_equal(nn_params(&m[0]).count, 1);
    nn_param(&m[3], two(t), "late");
    assert_int_equal(nn_params(&m[0]).count, 2); /* what is added below is seen above */
    nn_train(&m[0], false);
    for (int i = 0; i < 4; i++)
        assert_false(m[i].training);
    nn_train(&m[2], true);
    assert_true(!m[0].training && !m[1].training && m[2].training && m[3].training);
    const char *absent[] = { "",         ".",         "a",        "a.b",      "a.b.c",  "w",
                             "a.b.c.w.", "a.b.c.w.x", ".a.b.c.w", "a..b.c.w", "a.b.c.W" };
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        assert_true(is_inert(nn_find(&m[0], absent[i]), t));
        expect_error(t, AG_EARG, "nn_find: module 'level' has no");
    }
    assert_true(is_inert(nn_find(&m[2], "w"), t));
    expect_error(t, AG_EARG, "no parameter or buffer 'w'; it has 2: c.w, c.late");
    assert_true(is_inert(nn_find(&m[0], NULL), t));
    expect_error(t, AG_ENULL, "nn_find");
    ag_tape_free(t);
}

static void cycles_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    nn_module a, b, c, foreign;
    nn_init(&a, t, "a", NULL);
    nn_init(&b, t, "b", NULL);
    nn_init(&c, t, "c", NULL);
    nn_init(&foreign, other, "foreign", NULL);
    assert_null(nn_child(&a, &a, "self"));
    expect_error(t, AG_EARG, "contain itself");
    nn_child(&a, &b, "b");
    nn_child(&b, &c, "c");
    assert_null(nn_child(&c, &a, "a"));
    expect_error(t, AG_EARG, "contain itself");
    assert_null(nn_child(&a, NULL, "x"));
    expect_error(t, AG_ENULL, "nn_child");
    assert_null(nn_child(NULL, &a, "x"));
    expect_error(t, AG_ENULL, "nn_child");
    assert_null(nn_child(NULL, NULL, "x"));
    assert_null(nn_child(&a, &foreign, "x"));
    expect_error(t, AG_EUSE, "another tape");
    expect_fine(other);
    nn_child(&a, &c, "again"); /* twice in one tree is fine */
    nn_param(&c, two(t), "w");
    assert_int_equal(nn_params(&a).count, 1);
    assert_true(same_handle(nn_find(&a, "again.w"), nn_find(&a, "b.c.w")));
    ag_tape_free(t);
    ag_tape_free(other);
}

static void depth_is_limited(void **state)
{
    (void)state;
    enum { DEEP = 40 };
    ag_tape *t = f64_tape();
    nn_module m[DEEP];
    for (int i = 0; i < DEEP; i++)
        nn_init(&m[i], t, "m", NULL);
    nn_param(&m[DEEP - 1], two(t), "w");
    int made = DEEP - 1;
    while (made > 0 && nn_child(&m[made - 1], &m[made], "c")) /* from below */
        made--;
    assert_true(made > 0);
    expect_error(t, AG_ELIMIT, "more than 32 deep");
    assert_int_equal(nn_params(&m[made]).count, 1); /* what was accepted works */
    expect_fine(t);
    for (int i = 0; i < DEEP; i++)
        nn_init(&m[i], t, "m", NULL);
    for (int i = 0; i + 1 < DEEP; i++) /* from above: each link is shallow */
        assert_non_null(nn_child(&m[i], &m[i + 1], "c"));
    nn_param(&m[DEEP - 1], two(t), "w");
    assert_int_equal(nn_params(&m[0]).count, 0);
    expect_error(t, AG_ELIMIT, "more than 32 deep");
    nn_train(&m[0], false);
    ag_tape_free(t);
}

static void forward_checks_both_ends(void **state)
{
    (void)state;
    ag_tape *t = f64_tape(), *other = f64_tape();
    nn_module m, empty, broken;
    nn_init(&m, t, "doubler", twice);
    nn_init(&empty, t, "empty", NULL);
    nn_init(&broken, t, "broken", nothing);
    ag_tensor x = two(t), y = nn_forward(&m, x);
    assert_near(ag_item_at(y, 1), 4, 0);
    assert_true(is_inert(nn_forward(&empty, x), t));
    expect_error(t, AG_EUSE, "'empty' has no forward");
    assert_true(is_inert(nn_forward(&broken, x), t));
    expect_error(t, AG_ENULL, "'broken' returned no tensor");
    assert_true(is_inert(nn_forward(&m, (ag_tensor){ 0 }), t));
    expect_error(t, AG_ENULL, "the input of module 'doubler' is absent");
    assert_true(is_inert(nn_forward(NULL, x), t));
    expect_error(t, AG_ENULL, "module is absent");
    assert_true(is_inert(nn_forward(NULL, (ag_tensor){ 0 }), NULL));
    assert_true(is_inert(nn_forward(&m, (ag_tensor){ t, 0, 0 }), t));
    expect_fine(t);
    ag_tape_reset(t);
    assert_true(is_inert(nn_forward(&m, x), t));
    expect_error(t, AG_ESTALE, "doubler: ag_add");
    assert_true(is_inert(nn_forward(&m, two(other)), t)); /* though without parameters it could */
    expect_error(t, AG_EUSE, "nn_forward: the input belongs to another tape than module 'doubler'");
    expect_fine(other);
    nn_module failed = { .tape = t };
    ag_fail(t, AG_EARG, "an earlier error");
    assert_true(is_inert(nn_forward(&failed, x), t));
    expect_error(t, AG_EARG, "an earlier error");
    ag_tape_free(t);
    ag_tape_free(other);
}

static void absent_modules_are_inert(void **state)
{
    (void)state;
    nn_module zero;
    memset(&zero, 0, sizeof zero);
    nn_module *modules[] = { NULL, &zero };
    for (int i = 0; i < 2; i++) {
        ag_tensor none = { 0 };
        assert_int_equal(nn_params(modules[i]).count, 0);
        assert_null(nn_find(modules[i], "a").tape);
        assert_null(nn_param(modules[i], none, "a").tape);
        assert_null(nn_buffer(modules[i], none, "a").tape);
        assert_null(nn_share(modules[i], none, "a").tape);
        assert_null(nn_child(modules[i], modules[i], "a"));
        assert_null(nn_forward(modules[i], none).tape);
        nn_train(modules[i], true);
        assert_int_equal(nn_save(modules[i], "x"), AG_ENULL);
        assert_int_equal(nn_load(modules[i], "x"), AG_ENULL);
    }
}

/* Every allocation of building and using a module in turn fails: an error, nothing registered by halves, and it works
 * after. */
static void build(ag_tape *t, nn_module *m, nn_module *child)
{
    nn_init(m, t, "m", twice);
    nn_init(child, t, "child", twice);
    nn_param(child, AG_VALUES(t, AG_SHAPE(2), 1, 2), "a");
    nn_buffer(child, AG_VALUES(t, AG_SHAPE(2), 1, 2), "b");
    nn_child(m, child, "c");
    nn_params(m);
}

static void memory_failures_leave_it_usable(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        memory memory = { .fail_at = n };
        ag_tape *t = tape_on(&memory, AG_F64);
        if (!t)
            continue;
        nn_module m, child;
        build(t, &m, &child);
        bool failed = memory.requests >= n;
        assert_int_equal(ag_error(t), failed ? AG_ENOMEM : AG_OK);
        memory.fail_at = 0;
        ag_error_clear(t);
        build(t, &m, &child);
        expect_fine(t);
        assert_int_equal(nn_params(&m).count, 1);
        assert_true(ag_ok(nn_find(&m, "c.a")) && ag_ok(nn_find(&m, "c.b")));
        ag_tape_free(t);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_makes_a_module),
        cmocka_unit_test(params_and_buffers_are_found),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(share_registers_the_tensor_itself),
        cmocka_unit_test(children_nest),
        cmocka_unit_test(cycles_are_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(forward_checks_both_ends),
        cmocka_unit_test(absent_modules_are_inert),
        cmocka_unit_test(memory_failures_leave_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
