/* Errors: the first one sticks, inert handles pass through, actions refuse, probes are isolated. */
#include "support.h"

typedef struct heard {
    int count;
    ag_status status;
    char text[1024];
} heard;

static void listen(void *user, ag_status status, const char *text)
{
    heard *h = user;
    h->count++;
    h->status = status;
    snprintf(h->text, sizeof h->text, "%s", text);
}

static void the_first_error_is_kept(void **state)
{
    (void)state;
    heard h = { 0 };
    ag_tape *t = tape_with((ag_options){ .on_error = listen, .user = &h });
    assert_string_equal(ag_error_text(t), "");
    ag_tensor a = ag_zeros(t, AG_F64, AG_SHAPE(2, 3)), b = ag_zeros(t, AG_F64, AG_SHAPE(4, 5));
    ag_tensor bad = ag_matmul(ag_name(a, "a"), b);
    assert_true(is_inert(bad, t));
    assert_int_equal(ag_error(t), AG_ESHAPE);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.status, AG_ESHAPE);
    assert_string_equal(h.text, ag_error_text(t));
    assert_non_null(strstr(h.text, "ag_matmul"));
    assert_non_null(strstr(h.text, "[2,3]"));
    assert_non_null(strstr(h.text, "[4,5]"));
    assert_non_null(strstr(h.text, "'a'"));
    ag_cast(a, (ag_dtype)99); /* another error: neither kept nor told */
    assert_int_equal(ag_error(t), AG_ESHAPE);
    assert_int_equal(h.count, 1);
    ag_error_clear(t);
    assert_int_equal(ag_error(t), AG_OK);
    assert_string_equal(ag_error_text(t), "");
    ag_cast(a, (ag_dtype)99);
    assert_int_equal(h.count, 2);
    expect_error(t, AG_EDTYPE, "ag_cast");
    ag_tape_free(t);
}

static void inert_handles_pass_through(void **state)
{
    (void)state;
    heard h = { 0 };
    ag_tape *t = tape_with((ag_options){ .on_error = listen, .user = &h });
    ag_tensor x = ag_variable(t, 1), v = ag_ones(t, AG_F64, AG_SHAPE(2)), none = inert(t);
    /* not even an inert handle that came out of nothing makes an error of its own */
    const ag_tensor results[] = { ag_add(none, x),
                                  ag_mul(v, none),
                                  ag_exp(none),
                                  ag_sum(none),
                                  ag_matmul(v, none),
                                  ag_where(v, none, x),
                                  ag_clamp(none, 0, 1),
                                  ag_reshape(none, AG_SHAPE(1)),
                                  ag_concat(AG_LIST(v, none), 0),
                                  ag_linear(v, v, none),
                                  ag_detach(none),
                                  ag_require_grad(none),
                                  ag_param(none, "p"),
                                  ag_name(none, "n"),
                                  ag_cast(none, AG_F32) };
    for (size_t i = 0; i < ARRAY_SIZE(results); i++)
        assert_true(is_inert(results[i], t));
    assert_true(isnan(ag_item(none)) && isnan(ag_item_at(none, 0)));
    assert_int_equal(ag_shape_of(none).rank, -1);
    assert_int_equal(ag_size_of(none), -1);
    assert_null(ag_data(none, AG_F64));
    assert_string_equal(ag_name_of(none), "");
    assert_false(ag_ok(none) || ag_needs_grad(none) || ag_is_persistent(none));
    expect_fine(t);
    assert_int_equal(h.count, 0);
    /* in an expression the first error is what is reported */
    ag_tensor y = ag_sum(ag_exp(ag_mul(ag_add(v, ag_zeros(t, AG_F64, AG_SHAPE(3))), ag_log(none))));
    assert_true(isnan(ag_item(y)));
    assert_int_equal(h.count, 1);
    expect_error(t, AG_ESHAPE, "ag_add");
    /* an absent operand is an error, with its place */
    assert_true(is_inert(ag_mul(x, absent), t));
    expect_error(t, AG_ENULL, "ag_mul: operand 2 is absent");
    assert_true(is_inert(ag_mul(absent, x), t));
    expect_error(t, AG_ENULL, "ag_mul: operand 1 is absent");
    assert_usable(t);
    ag_tape_free(t);
}

static void actions_refuse_while_an_error_is_pending(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), y = ag_sum(ag_square(p)), g = inert(t);
    optim *o = optim_sgd(AG_LIST(p), (optim_sgd_config){ .lr = 0.1 });
    assert_int_equal(ag_backward(y), AG_OK);
    ag_fail(t, AG_EFILE, "pending");
    assert_int_equal(ag_backward(y), AG_EFILE);
    assert_int_equal(ag_backward_from(y, y), AG_EFILE);
    assert_int_equal(ag_gradients(y, AG_LIST(p), 0, &g), AG_EFILE);
    assert_true(is_inert(g, t));
    assert_true(is_inert(ag_vjp(y, y, p), t));
    assert_true(is_inert(ag_hvp(y, p, p), t));
    assert_int_equal(ag_assign(p, p), AG_EFILE);
    assert_int_equal(optim_step(o), AG_EFILE);
    assert_int_equal(nn_save(NULL, "x"), AG_ENULL);
    /* ops on valid inputs still run, and so does what tidies up */
    assert_close(ag_item(ag_add(ag_variable(t, 1), ag_variable(t, 2))), 3, 0);
    assert_int_equal(ag_zero_grad(p), AG_OK);
    assert_int_equal(optim_zero_grad(o), AG_OK);
    ag_mark mark = ag_tape_mark(t);
    assert_int_equal(ag_tape_rewind(t, mark), AG_OK);
    ag_no_grad_begin(t);
    ag_no_grad_end(t);
    assert_int_equal(ag_tape_reset(t), AG_EFILE);
    assert_int_equal(ag_tape_reset(t), AG_EFILE);
    assert_string_equal(ag_error_text(t), "pending");
    ag_error_clear(t);
    assert_int_equal(ag_tape_reset(t), AG_OK);
    assert_values(p, 1, 2);
    assert_values(ag_grad(p), 0, 0);
    assert_usable(t);
    ag_tape_free(t);
}

static void probes_are_isolated(void **state)
{
    (void)state;
    heard h = { 0 };
    ag_tape *t = tape_with((ag_options){ .on_error = listen, .user = &h });
    assert_int_equal(ag_error_pop(t), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_error_pop");
    ag_fail(t, AG_EFILE, "outer %d", 1);
    h.count = 0;
    assert_int_equal(ag_error_push(t), AG_OK);
    assert_int_equal(ag_error(t), AG_OK);
    assert_string_equal(ag_error_text(t), "");
    ag_fail(t, AG_EARG, "probe");
    ag_fail(t, AG_ELIMIT, "second");
    assert_string_equal(ag_error_text(t), "probe");
    assert_int_equal(ag_error_push(t), AG_OK);
    assert_int_equal(ag_error_pop(t), AG_OK);
    assert_int_equal(ag_error(t), AG_EARG);
    assert_int_equal(ag_error_pop(t), AG_EARG);
    assert_int_equal(ag_error(t), AG_EFILE);
    assert_string_equal(ag_error_text(t), "outer 1");
    assert_int_equal(h.count, 0);
    ag_error_clear(t);
    ag_fail(t, AG_EARG, "told again");
    assert_int_equal(h.count, 1);
    ag_error_clear(t);
    for (int i = 0; i < 8; i++)
        assert_int_equal(ag_error_push(t), AG_OK);
    assert_int_equal(ag_error_push(t), AG_ELIMIT);
    assert_int_equal(ag_error(t), AG_ELIMIT);
    for (int i = 0; i < 8; i++)
        assert_int_equal(ag_error_pop(t), i ? AG_OK : AG_ELIMIT);
    assert_int_equal(ag_error_pop(t), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_error_pop");
    assert_usable(t);
    ag_tape_free(t);
}

static double first(const double *x, const void *params)
{
    (void)params;
    return x[0];
}

/* It has no tensors, but knows its tape. */
static void an_op_of_an_empty_list_is_an_error(void **state)
{
    (void)state;
    const ag_op any = { .name = "any", .flags = AG_VARIADIC, .map = first }, none = { .name = "none", .map = first };
    ag_tape *t = new_tape();
    ag_tensor y = ag_variable(t, 1);
    assert_true(is_inert(ag_concat(ag_params(t), 0), t));
    expect_error(t, AG_EARG, "ag_concat: 0 operands given, but it takes at least 1");
    assert_true(is_inert(ag_stack(ag_list_none(t), 0), t));
    expect_error(t, AG_EARG, "ag_stack");
    assert_true(is_inert(ag_apply(&any, ag_params(t), NULL), t));
    expect_error(t, AG_EARG, "any: 0 operands");
    assert_int_equal(ag_apply_all(&any, ag_params(t), NULL, &y), AG_EARG);
    assert_true(is_inert(y, t));
    expect_error(t, AG_EARG, "any: 0 operands");
    assert_true(is_inert(ag_apply(&none, ag_params(t), NULL), t));
    expect_error(t, AG_EARG, "its field inputs must be from 1");
    assert_true(is_inert(ag_concat((ag_list){ NULL, 0 }, 0), NULL)); /* one that knows nothing */
    assert_usable(t);
    ag_tape_free(t);
}

static void a_list_that_is_too_long_is_an_error(void **state)
{
    (void)state;
    enum { MANY = 65536 };
    static ag_tensor x[MANY];
    ag_tape *t = new_tape();
    for (int i = 0; i < MANY; i++)
        x[i] = i ? x[0] : ag_ones(t, AG_F64, AG_SHAPE(1));
    assert_true(is_inert(ag_concat((ag_list){ x, MANY }, 0), t));
    expect_error(t, AG_EARG, "ag_concat: 65536 operands are more than the 65535");
    assert_int_equal(ag_size_of(ag_concat((ag_list){ x, MANY - 1 }, 0)), MANY - 1);
    ag_tape_free(t);
}

static void errors_between_tapes_go_to_the_first_operands(void **state)
{
    (void)state;
    ag_tape *t = new_tape(), *other = new_tape();
    ag_tensor x = ag_variable(t, 1), y = ag_variable(other, 2), v = ag_ones(t, AG_F64, AG_SHAPE(2));
    assert_true(is_inert(ag_add(x, y), t));
    expect_error(t, AG_EUSE, "ag_add: operand 2 belongs to another tape");
    expect_fine(other);
    assert_true(is_inert(ag_matmul(y, v), other));
    expect_error(other, AG_EUSE, "ag_matmul: operand 2 belongs to another tape");
    expect_fine(t);
    assert_true(is_inert(ag_apply(ag_ops(NULL)[0], AG_LIST(x, y), NULL), t));
    expect_error(t, AG_EUSE, "ag_");
    assert_int_equal(ag_assign(ag_param(x, "p"), y), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_assign");
    ag_tensor g;
    assert_int_equal(ag_gradients(x, AG_LIST(y), 0, &g), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_gradients: the tensor belongs to another tape");
    assert_true(is_inert(ag_local(x, y), t));
    expect_error(t, AG_EUSE, "ag_local");
    expect_fine(other);
    assert_usable(t);
    assert_usable(other);
    ag_tape_free(t);
    ag_tape_free(other);
}

static void scopes_prefix_messages_and_names(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_scope_end(t); /* none is open: nothing happens */
    ag_scope_begin(t, "net");
    ag_scope_begin(t, "3");
    ag_fail(t, AG_EARG, "wrong");
    expect_error(t, AG_EARG, "net.3: wrong");
    ag_tensor x = ag_name(ag_variable(t, 1), "x");
    assert_string_equal(ag_name_of(x), "net.3.x");
    ag_scope_end(t);
    ag_fail(t, AG_EARG, "wrong");
    expect_error(t, AG_EARG, "net: wrong");
    ag_scope_end(t);
    ag_fail(t, AG_EARG, "wrong");
    assert_string_equal(ag_error_text(t), "wrong");
    ag_error_clear(t);
    for (int i = 0; i < 40; i++)
        ag_scope_begin(t,
                       i % 2 ? NULL : "a-rather-long-name-of-a-scope-that-goes-on-and-on-and-on-and-on-and-on-and-on");
    ag_fail(t, AG_EARG, "deep");
    assert_true(strlen(ag_error_text(t)) > 100);
    ag_error_clear(t);
    ag_name(x, "deep");
    for (int i = 0; i < 40; i++)
        ag_scope_end(t);
    ag_fail(t, AG_EARG, "wrong");
    assert_string_equal(ag_error_text(t), "wrong");
    ag_error_clear(t);
    assert_usable(t);
    ag_tape_free(t);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    char *text = malloc(100000);
    memset(text, 'x', 99999);
    text[99999] = 0;
    ag_fail(t, AG_EARG, "%s", text);
    assert_true(strlen(ag_error_text(t)) > 500 && strlen(ag_error_text(t)) < 5000);
    ag_error_clear(t);
    ag_tensor p = ag_param(ag_zeros(t, AG_F64, AG_SHAPE(2)), text);
    assert_string_equal(ag_name_of(p), text);
    assert_true(is_inert(ag_add(p, ag_zeros(t, AG_F64, AG_SHAPE(3))), t));
    expect_error(t, AG_ESHAPE, "ag_add");
    assert_int_equal(ag_assign(p, ag_constant(t, 1)), AG_ESHAPE);
    expect_error(t, AG_ESHAPE, "ag_assign");
    ag_name(ag_variable(t, 1), text);
    expect_fine(t);
    free(text);
    ag_tape_free(t);
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(ag_status_name(AG_OK), "AG_OK");
    assert_string_equal(ag_status_name(AG_EINCOMPLETE), "AG_EINCOMPLETE");
    assert_string_equal(ag_status_name(AG_EFILE), "AG_EFILE");
    assert_string_equal(ag_status_name(AG_USE_RULE), "AG_USE_RULE");
    assert_true(strlen(ag_status_name((ag_status)99)) > 0);
    assert_true(strlen(ag_status_name((ag_status)-1)) > 0);
    assert_int_equal(ag_error(NULL), AG_ENOMEM);
    assert_true(strlen(ag_error_text(NULL)) > 0);
    assert_int_equal(ag_fail(NULL, AG_EARG, "nobody hears"), AG_EARG);
    ag_tape *t = new_tape();
    assert_int_equal(ag_fail(t, AG_OK, "no error"), AG_OK);
    expect_fine(t);
    ag_tape_free(t);
}

/* Without a handler an error is printed, once. */
static void errors_are_printed(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    int keep = dup(2);
    char text[256] = "";
    fflush(stderr);
    dup2(fileno(file), 2);
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_fail(t, AG_EARG, "printed");
    ag_fail(t, AG_EARG, "not printed");
    ag_tape_free(t);
    fflush(stderr);
    dup2(keep, 2);
    close(keep);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    assert_string_equal(text, "printed (AG_EARG)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_is_kept),
        cmocka_unit_test(inert_handles_pass_through),
        cmocka_unit_test(actions_refuse_while_an_error_is_pending),
        cmocka_unit_test(an_op_of_an_empty_list_is_an_error),
        cmocka_unit_test(a_list_that_is_too_long_is_an_error),
        cmocka_unit_test(probes_are_isolated),
        cmocka_unit_test(errors_between_tapes_go_to_the_first_operands),
        cmocka_unit_test(scopes_prefix_messages_and_names),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(errors_are_printed),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
