/* What a tape warns of under ag_options.debug, and what it does not; where warnings go. */
#define AG_TRACE_CALLS
#include "support.h"

/* What a tape warns of. */
typedef struct warnings {
    int count;
    char text[512];
} warnings;

static void hear(void *user, ag_status status, const char *text)
{
    warnings *w = user;
    assert_int_equal(status, AG_OK);
    w->count++;
    snprintf(w->text, sizeof w->text, "%s", text);
}

static ag_tape *watched(warnings *w, uint64_t limit)
{
    *w = (warnings){ 0 };
    return tape_with((ag_options){ .seed = 7, .user = w, .on_warning = hear, .memory_limit = limit });
}

#define expect_warning(w, part) check_warning(w, part, __LINE__)
static void check_warning(warnings *w, const char *part, int line)
{
    if (w->count != 1 || !strstr(w->text, part))
        print_error("line %d: expected '%s'\n                 got %d: '%s'\n", line, part, w->count, w->text);
    assert_int_equal(w->count, 1);
    assert_int_equal(strncmp(w->text, "test_warnings.c:", 16), 0);
    assert_non_null(strstr(w->text, part));
    *w = (warnings){ 0 };
}

/* ---- [n,1] and [n] */

static void a_broadcast_that_nobody_wanted(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    ag_tensor y = ag_name(ag_ones(t, AG_F64, AG_SHAPE(64, 1)), "y"), target = ag_ones(t, AG_F64, AG_SHAPE(64));
    ag_mul(ag_ones(t, AG_F64, AG_SHAPE(3, 1)), ag_ones(t, AG_F64, AG_SHAPE(1, 3))); /* an outer product, meant so */
    ag_mul(ag_ones(t, AG_F64, AG_SHAPE(3, 4)), ag_ones(t, AG_F64, AG_SHAPE(4)));
    ag_mul(ag_ones(t, AG_F64, AG_SHAPE(1, 4)), ag_ones(t, AG_F64, AG_SHAPE(4)));
    ag_mul(y, ag_constant(t, 2));
    assert_int_equal(w.count, 0);
    assert_int_equal(ag_size_of(ag_sub(y, target)), 64 * 64);
    expect_warning(&w, "ag_sub: 'y' [64,1] f64 and [64] f64 broadcast to [64,64], each element with every other; where "
                       "they belong together one by one, ag_squeeze or ag_reshape makes their shapes equal");
    ag_sub(target, y);
    assert_int_equal(w.count, 0);
    expect_fine(t);
    ag_tape_free(t);
    t = new_tape();
    ag_sub(ag_ones(t, AG_F64, AG_SHAPE(2, 1)), ag_ones(t, AG_F64, AG_SHAPE(2)));
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- steps */

static void a_forgotten_reset(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 4000000);
    ag_tensor p = ag_param(ag_ones(t, AG_F64, AG_SHAPE(100)), "p");
    for (int i = 0; i < 90; i++)
        ag_backward(ag_sum(ag_square(p)));
    assert_int_equal(w.count, 0);
    while (!ag_error(t))
        ag_backward(ag_sum(ag_square(p)));
    expect_warning(&w, " nodes and ");
    const char *text = strstr(ag_error_text(t), " would exceed the memory limit of 4000000; ");
    assert_non_null(text);
    assert_non_null(strstr(text, " nodes and "));
    assert_non_null(strstr(text, " backward passes since the last ag_tape_reset, which makes their memory free"));
    assert_int_equal(ag_error(t), AG_ENOMEM);
    ag_error_clear(t);
    ag_tape_reset(t);
    for (int i = 0; i < 2000; i++) {
        ag_backward(ag_sum(ag_square(p)));
        ag_tape_reset(t);
    }
    expect_fine(t);
    assert_int_equal(w.count, 0);
    ag_tape_free(t);
}

/* Numbers alone: a program of a lecture that never resets is left in peace for a long time. */
static void a_small_program_may_never_reset(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    double x = 5;
    for (int i = 0; i < 2000; i++) {
        ag_tensor v = ag_variable(t, x);
        ag_backward(ag_square(ag_add_scalar(v, 2)));
        x -= 0.1 * ag_item(ag_grad(v));
    }
    assert_int_equal(w.count, 0);
    for (int i = 0; i < 200 && !w.count; i++) {
        ag_tensor v = ag_variable(t, x), y = v;
        for (int k = 0; k < 10000; k++)
            y = ag_add(y, v);
        ag_backward(y);
    }
    expect_warning(&w, "ag_backward: the tape only grows: 1");
    ag_tape_free(t);
}

/* ---- derivatives by what wants none: zeros, which look like a result */

/* One of the functions that give derivatives as results, by x. */
static const char *differentiate(int which, ag_tensor y, ag_tensor x)
{
    ag_tape *t = y.tape;
    ag_tensor ones = ag_ones(t, AG_F64, AG_SHAPE(2)), out[2], sum = ag_sum(y);
    switch (which) {
    case 0:
        return ag_gradients(sum, AG_LIST(y, x), 0, out) ? NULL : "ag_gradients: ";
    case 1:
        return ag_gradients_from(y, ones, AG_LIST(x), AG_CREATE_GRAPH, out) ? NULL : "ag_gradients_from: ";
    case 2:
        return ag_ok(ag_vjp(y, ones, x)) ? "ag_vjp: " : NULL;
    case 3:
        return ag_vjps(y, ones, AG_LIST(x), out) ? NULL : "ag_vjps: ";
    case 4:
        return ag_ok(ag_jvp(y, AG_LIST(x), AG_LIST(ones))) ? "ag_jvp: " : NULL;
    case 5:
        return ag_ok(ag_hvp(sum, x, ones)) ? "ag_hvp: " : NULL;
    case 6:
        return ag_ok(ag_jacobian(y, x)) ? "ag_jacobian: " : NULL;
    default:
        return ag_ok(ag_hessian(sum, x)) ? "ag_hessian: " : NULL;
    }
}

/* That of what depends on nothing is zeros too; where a function is linear the second one is meant to be. */
static void expect_constants(ag_tape *t, warnings *w, int which, ag_tensor p)
{
    ag_tensor slope;
    char text[160];
    assert_non_null(differentiate(which, ag_mul_scalar(p, 3), p));
    ag_gradients(ag_sum(ag_square(p)), AG_LIST(p), 0, &slope);
    assert_int_equal(w->count, 0);
    snprintf(text, sizeof text,
             "%sthe tensor depends on nothing that wants a gradient, so that its derivatives are zeros",
             differentiate(which, slope, p));
    expect_warning(w, text);
    expect_fine(t);
}

static void a_derivative_by_what_wants_none(void **state)
{
    (void)state;
    for (int which = 0; which < 8; which++) {
        warnings w;
        ag_tape *t = watched(&w, 0);
        ag_tensor x = ag_name(ag_ones(t, AG_F64, AG_SHAPE(2)), "x"), b = ag_buffer(x, "b"), p = ag_param(x, "p");
        ag_tensor leaf = ag_require_grad(x), y = ag_mul(ag_mul(p, ag_square(leaf)), ag_mul(x, b));
        assert_non_null(differentiate(which, y, p));
        assert_non_null(differentiate(which, y, leaf));
        assert_int_equal(w.count, 0);
        char text[160];
        snprintf(text, sizeof text,
                 "%sthe tensor '%s' wants no gradient, so that the derivative by it is zeros; ag_require_grad makes a "
                 "leaf that does, to compute with from then on",
                 differentiate(which, y, which % 2 ? b : x), which % 2 ? "b" : "x");
        expect_warning(&w, text);
        assert_non_null(differentiate(which, y, x));
        assert_int_equal(w.count, 0);
        if (which) /* the first takes y itself as x */
            expect_constants(t, &w, which, p);
        expect_fine(t);
        ag_tape_free(t);
    }
}

static ag_tensor cube(ag_list x, void *user)
{
    (void)user;
    return ag_sum(ag_mul(ag_square(x.at[0]), x.at[0]));
}

/* A rule need not know for which operands it is asked. */
static void cube_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user)
{
    unsigned suspended = ag_enable_grad_begin(y.tape);
    ag_tensor x = ag_require_grad(xs.at[0]), z = cube(AG_LIST(x), user);
    ag_gradients_from(z, dy, AG_LIST(xs.at[0]), AG_CREATE_GRAPH, dx);
    ag_enable_grad_end(y.tape, suspended);
}

static void a_check_and_a_rule_may_ask_for_it(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    ag_tensor b = ag_buffer(ag_ones(t, AG_F64, AG_SHAPE(2)), "b"), x = ag_ones(t, AG_F64, AG_SHAPE(2));
    assert_int_equal(ag_gradcheck(cube, NULL, AG_LIST(b, x), NULL), AG_INCONCLUSIVE); /* of the second */
    assert_int_equal(ag_gradcheck(cube, NULL, AG_LIST(b), NULL), AG_PASS);
    ag_tensor p = ag_variable(t, 2);
    ag_backward(ag_custom_vjp(ag_mul(ag_square(p), p), AG_LIST(ag_constant(t, 2), p), cube_rule, NULL));
    assert_int_equal(w.count, 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- gradients */

static void train(ag_tape *t, optim *o, ag_tensor w, int steps, bool zero)
{
    for (int i = 0; i < steps; i++) {
        if (zero)
            optim_zero_grad(o);
        ag_backward(ag_sum(ag_square(w)));
        optim_step(o);
        ag_tape_reset(t);
    }
}

static void a_forgotten_zero_grad(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    ag_tensor p = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "net.w");
    optim *o = optim_sgd(AG_LIST(p), (optim_sgd_config){ .lr = 0.01 });
    train(t, o, p, 20, true);
    train(t, o, p, 2, false);
    assert_int_equal(w.count, 0);
    train(t, o, p, 20, true);
    train(t, o, p, 4, false);
    expect_warning(&w,
                   "optim_step: the gradient of 'net.w' was not zeroed before the last 3 steps, so that it is the sum "
                   "of all passes; call optim_zero_grad before each ag_backward");
    train(t, o, p, 4, false);
    assert_int_equal(w.count, 0);
    ag_tape_free(t);
}

/* The loss belongs to other parameters, or the gradients are zeroed between the pass and the step. */
static void a_step_without_a_gradient(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    ag_tensor p = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "p"), q = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "q");
    optim *o = optim_sgd(AG_LIST(p, q), (optim_sgd_config){ .lr = 0.01 });
    train(t, o, q, 3, true); /* to be trained in part is no mistake */
    assert_int_equal(w.count, 0);
    ag_backward(ag_sum(ag_square(p)));
    optim_zero_grad(o);
    optim_step(o);
    expect_warning(&w, "optim_step: no parameter has a gradient, so that nothing changes; optim_zero_grad, "
                       "ag_backward, optim_step is the order, and the loss must depend on the optimizer's parameters");
    optim_step(o);
    assert_int_equal(w.count, 0);
    assert_item(ag_select(p, 0, 0), 1);
    expect_fine(t);
    ag_tape_free(t);
}

/* Gradients of several batches may be summed, and each parameter zeroed alone. */
static void gradients_that_are_summed_on_purpose(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    ag_tensor p = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "p");
    optim *o = optim_adam(AG_LIST(p), (optim_adam_config){ .lr = 0.01 });
    for (int i = 0; i < 10; i++) {
        ag_zero_grad(p);
        for (int batch = 0; batch <= i; batch++)
            ag_backward(ag_sum(ag_square(p)));
        optim_step(o);
        ag_tape_reset(t);
    }
    assert_int_equal(w.count, 0);
    ag_tape_free(t);
}

static void a_learning_rate_that_is_too_large(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    ag_tensor p = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "p"), q = ag_param(ag_ones(t, AG_F32, AG_SHAPE(2)), "q");
    optim *o = optim_sgd(AG_LIST(p), (optim_sgd_config){ .lr = 100 });
    for (int i = 0; i < 20 && !w.count; i++) {
        optim_zero_grad(o);
        ag_backward(ag_sum(ag_square(ag_square(p))));
        optim_step(o);
        ag_tape_reset(t);
    }
    expect_warning(&w,
                   "optim_step: the gradient of 'p' is not finite in step 5; if the loss has grown until then, lr 100 "
                   "is too large, else there is a NaN in the data, or ag_options.check_finite finds the op");
    o = optim_sgd(AG_LIST(q), (optim_sgd_config){ .lr = 1e39 });
    train(t, o, q, 1, true);
    expect_warning(&w, "optim_step: 'q' is not finite after step 1, though its gradient was; lr 1e+39 is too large");
    ag_tape_free(t);
}

static void backward_twice(void **state)
{
    (void)state;
    warnings w;
    ag_tape *t = watched(&w, 0);
    ag_tensor x = ag_variable(t, 3), y = ag_square(x), z = ag_square(y);
    ag_backward(y);
    ag_backward(z); /* two losses */
    ag_zero_grad(x);
    ag_backward(z);
    assert_int_equal(w.count, 0);
    ag_backward(z);
    expect_warning(&w, "ag_backward: a second pass from the same tensor adds its gradients once more; if they are not "
                       "wanted twice, call it once in a step");
    assert_item(ag_grad(x), 2 * 4 * 27);
    ag_backward(z);
    assert_int_equal(w.count, 0);
    ag_tape_free(t);
}

/* ---- where warnings go */

static void warnings_are_lines_on_stderr(void **state)
{
    (void)state;
    char text[200] = "";
    FILE *file = tmpfile();
    fflush(stderr);
    int keep = dup(2);
    dup2(fileno(file), 2);
    setenv("AG_DEBUG", "1", 1);
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet });
    setenv("AG_DEBUG", "0", 1);
    ag_tape *quiet = ag_tape_new((ag_options){ 0 }), *loud = ag_tape_new((ag_options){ .debug = true });
    unsetenv("AG_DEBUG");
    assert_true(ag_tape_debug(t) && !ag_tape_debug(quiet) && ag_tape_debug(loud));
    ag_warn(t, "%d layers", 2);
    ag_warn(quiet, "not printed");
    ag_scope_begin(loud, "encoder");
    ag_warn(loud, "%s", "third");
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
    ag_tape_free(quiet);
    ag_tape_free(loud);
    fflush(stderr);
    dup2(keep, 2);
    close(keep);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    assert_string_equal(text, "warning: 2 layers\nwarning: encoder: third\n");
}

static ag_tape *warned;
static void misbehave(void *user, ag_status status, const char *text)
{
    (void)user;
    (void)text;
    assert_int_equal(status, AG_OK);
    assert_false(ag_ok(ag_variable(warned, 1))); /* the tape is closed, as in an error's handler */
    assert_int_equal(ag_tape_reset(warned), AG_EUSE);
    ag_no_grad_begin(warned);
    ag_error_push(warned);
}

static void a_warnings_handler_cannot_end_the_step(void **state)
{
    (void)state;
    warned = tape_with((ag_options){ .on_warning = misbehave });
    ag_warn(warned, "once");
    expect_error(warned, AG_EUSE, "no tensor can be made by an error handler");
    assert_int_equal(ag_error_pop(warned), AG_EUSE);
    expect_error(warned, AG_EUSE, "no ag_error_push before it");
    assert_usable(warned);
    ag_tape_free(warned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broadcast_that_nobody_wanted),    cmocka_unit_test(a_forgotten_reset),
        cmocka_unit_test(a_small_program_may_never_reset),   cmocka_unit_test(a_forgotten_zero_grad),
        cmocka_unit_test(a_derivative_by_what_wants_none),   cmocka_unit_test(a_check_and_a_rule_may_ask_for_it),
        cmocka_unit_test(a_step_without_a_gradient),         cmocka_unit_test(gradients_that_are_summed_on_purpose),
        cmocka_unit_test(a_learning_rate_that_is_too_large), cmocka_unit_test(backward_twice),
        cmocka_unit_test(warnings_are_lines_on_stderr),      cmocka_unit_test(a_warnings_handler_cannot_end_the_step),
    };
    return cmocka_run_group_tests_name("warnings", tests, NULL, NULL);
}
