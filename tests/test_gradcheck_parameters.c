/* The gradient checker at persistent tensors, which are changed in place because f may read them by handles of its own,
 * and at inputs that f does not read at all. */
#include "nn/nn.h"
#include "values.h"

#include <stdio.h>

/* ---- an op whose rule is wrong in one order */

typedef struct mistake {
    double first, second; /* factors of the derivatives */
} mistake;

static double square_map(const double *x, const void *params)
{
    (void)params;
    return x[0] * x[0];
}

static void square_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const mistake *m = ag_call_params(c);
    ag_tensor x = ag_call_input(c, 0), constant = ag_mul_scalar(ag_detach(x), 1 - m->second);
    dx[0] = ag_mul(dy[0], ag_mul_scalar(ag_add(ag_mul_scalar(x, m->second), constant), 2 * m->first));
}

static const ag_op square_op = {
    .name = "square_3", .inputs = 1, .params_size = sizeof(mistake), .map = square_map, .vjp = square_vjp
};

typedef struct model {
    ag_tensor w, b, x;
    mistake m;
} model;

static model make_model(ag_tape *t)
{
    model m = { .m = { 1, 1 } };
    m.w = ag_param_as(AG_VALUES(t, AG_SHAPE(2, 3), 0.3, -1.2, 0.8, 1.7, -0.4, 0.25), AG_AXES(1, 0), "w");
    m.b = ag_param(ag_constant(t, 0.5), "b");
    m.x = AG_VALUES(t, AG_SHAPE(4, 3), 1, 2, 3, -1, 0.5, 2, 0.1, 0.7, -0.3, 1, -2, 1);
    return m;
}

/* It reads its parameters, and not the list. */
static ag_tensor loss(ag_list unread, void *user)
{
    (void)unread;
    const model *m = user;
    ag_tensor y = ag_add(ag_matmul(m->x, ag_transpose(m->w, 0, 1)), m->b);
    return ag_sum(ag_apply(&square_op, AG_LIST(y), &m->m));
}

static void a_wrong_derivative_by_parameters_that_f_knows_is_found(void **state)
{
    ag_tape *t = *state;
    model m = make_model(t);
    assert_int_equal(ag_gradcheck(loss, &m, ag_params(t), stdout), AG_PASS);
    m.m.first = 3;
    assert_int_equal(ag_gradcheck(loss, &m, ag_params(t), NULL), AG_FAIL);
    assert_int_equal(ag_gradcheck(loss, &m, AG_LIST(m.b), NULL), AG_FAIL);
    m.m = (mistake){ 1, 3 };
    ag_check_report r;
    assert_int_equal(ag_gradcheck_with(loss, &m, ag_params(t), (ag_check_options){ .order = 1 }, &r), AG_PASS);
    assert_int_equal(ag_gradcheck_with(loss, &m, ag_params(t), (ag_check_options){ 0 }, &r), AG_FAIL);
    assert_int_equal(r.order, 2);
    assert_int_equal(ag_gradcheck_with(loss, &m, ag_params(t), (ag_check_options){ .directions = 2 }, &r), AG_FAIL);
    m.m = (mistake){ 1, 1 };
    assert_int_equal(ag_gradcheck_with(loss, &m, ag_params(t), (ag_check_options){ .directions = 2 }, &r), AG_PASS);
}

typedef struct trained {
    nn_module *m;
    ag_tensor x, target;
} trained;

static ag_tensor module_loss(ag_list unread, void *user)
{
    (void)unread;
    const trained *s = user;
    return ag_mse(nn_forward(s->m, s->x), s->target);
}

static ag_tensor of_the_list(ag_list x, void *user)
{
    (void)user;
    return ag_sum(ag_mul(ag_exp(x.at[0]), x.at[1]));
}

static ag_tensor through_a_view(ag_list unread, void *user)
{
    (void)unread;
    return ag_sum(ag_tanh(*(ag_tensor *)user));
}

static void right_derivatives_by_persistent_tensors_pass(void **state)
{
    ag_tape *t = *state;
    trained s = { nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 }, .activation = NN_TANH }),
                  ag_rand(t, AG_F64, AG_SHAPE(5, 3), -1, 1), ag_rand(t, AG_F64, AG_SHAPE(5, 2), -1, 1) };
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(3), 0.5, -0.25, 1), "w");
    ag_tensor buffer = ag_buffer(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3), "state");
    ag_tensor view = ag_slice(w, 0, 1, 3, 1); /* shows what the parameter holds */
    assert_int_equal(ag_gradcheck(module_loss, &s, nn_params(s.m), stdout), AG_PASS);
    assert_int_equal(ag_gradcheck(of_the_list, NULL, AG_LIST(w, buffer), stdout), AG_PASS);
    assert_int_equal(ag_gradcheck(of_the_list, NULL, AG_LIST(w, w), stdout), AG_PASS);
    assert_int_equal(ag_gradcheck(of_the_list, NULL, AG_LIST(buffer, ag_slice(w, 0, 0, 3, 1)), stdout), AG_PASS);
    assert_int_equal(ag_gradcheck(through_a_view, &view, AG_LIST(w), stdout), AG_PASS);
    assert_string_equal(ag_error_text(t), "");
}

static ag_tensor with_a_result(ag_list x, void *user)
{
    return ag_sum(ag_mul(ag_sin(x.at[0]), *(ag_tensor *)user));
}

static void a_result_from_before_the_check_is_inconclusive(void **state)
{
    ag_tape *t = *state;
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(3), 0.5, -0.25, 1), "w"), b = ag_param(ag_constant(t, 2), "b");
    ag_tensor of_w = ag_mul_scalar(ag_slice(w, 0, 0, 3, 1), 3), of_b = ag_mul_scalar(b, 3), kept = ag_detach(of_w);
    ag_tensor other = ag_square(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3)), view = ag_slice(w, 0, 0, 3, 1);
    assert_int_equal(ag_gradcheck(with_a_result, &of_w, AG_LIST(w), NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck(with_a_result, &of_b, AG_LIST(w, b), NULL), AG_INCONCLUSIVE);
    assert_int_equal(ag_gradcheck(with_a_result, &of_b, AG_LIST(w), stdout), AG_PASS); /* a constant */
    assert_int_equal(ag_gradcheck(with_a_result, &kept, AG_LIST(w), stdout), AG_PASS);
    assert_int_equal(ag_gradcheck(with_a_result, &other, AG_LIST(w), stdout), AG_PASS);
    assert_int_equal(ag_gradcheck(with_a_result, &view, AG_LIST(w), stdout), AG_PASS);
    assert_string_equal(ag_error_text(t), "");
}

/* ---- everything about a persistent tensor stays */

typedef struct troublemaker {
    model m;
    int calls, fails_at;
    enum { FAIL, ASSIGN, RELEASE, ZERO, RENAME, OVERWRITE } deed;
} troublemaker;

static ag_tensor makes_trouble(ag_list x, void *user)
{
    troublemaker *s = user;
    ag_tape *t = x.at[0].tape;
    ag_storage storage;
    if (++s->calls == s->fails_at && s->deed == FAIL)
        ag_fail(t, AG_EARG, "that was the last one");
    if (s->calls == s->fails_at && s->deed == RELEASE)
        ag_release(s->m.w);
    if (s->deed == ASSIGN)
        ag_assign(s->m.w, ag_zeros(t, AG_F64, AG_SHAPE(2, 3)));
    if (s->deed == ZERO)
        ag_zero_grad(s->m.w);
    if (s->deed == RENAME)
        ag_name(s->m.b, s->calls % 2 ? "one name" : "another, much longer name of the same tensor");
    if (s->deed == OVERWRITE && !ag_storage_of(s->m.w, &storage) && storage.grad)
        *(double *)storage.grad = 0;
    return loss(x, &s->m);
}

static uint64_t bits(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static void expect_untouched(ag_tape *t, const model *m, ag_tensor y, ag_tensor gradient)
{
    ag_storage s;
    assert_string_equal(ag_error_text(t), "");
    assert_int_equal(ag_storage_of(m->w, &s), AG_OK);
    const double stored[] = { -0.0, 1.7, -1.2, -0.4, 0.8, 0.25 };
    for (int i = 0; i < 6; i++)
        assert_int_equal(bits(((double *)s.value)[i]), bits(stored[i]));
    assert_int_equal(bits(ag_item(m->b)), bits(0.5));
    VALUES(ag_grad(m->w), AG_SHAPE(2, 3), 1, 2, 3, 1, 2, 3);
    VALUES(gradient, AG_SHAPE(2, 3), 1, 2, 3, 1, 2, 3); /* a handle from before */
    VALUES(ag_grad(m->b), AG_SCALAR, 0);
    ag_tensor dw = { 0 };
    assert_int_equal(ag_gradients(y, AG_LIST(m->w), 0, &dw), AG_OK); /* nothing counts as written */
    VALUES(dw, AG_SHAPE(2, 3), -0.0, -2.4, 1.6, 3.4, -0.8, 0.5);
}

static void persistent_tensors_are_left_as_they_were(void **state)
{
    (void)state;
    for (int deed = FAIL; deed <= OVERWRITE; deed++)
        for (int n = 1; n < 130; n += deed == FAIL || deed == RELEASE ? 1 : 1000) {
            ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet });
            troublemaker s = { .m = make_model(t), .fails_at = n, .deed = deed };
            ag_tensor first = AG_VALUES(t, AG_SHAPE(2, 3), -0.0, -1.2, 0.8, 1.7, -0.4, 0.25);
            ag_assign(s.m.w, first);
            ag_backward(ag_sum(ag_mul(s.m.w, AG_VALUES(t, AG_SHAPE(3), 1, 2, 3))));
            ag_tensor y = ag_sum(ag_square(s.m.w)), gradient = ag_grad(s.m.w);
            ag_verdict v = ag_gradcheck(makes_trouble, &s, AG_LIST(s.m.w, s.m.b), NULL);
            assert_true(v == (deed == FAIL || deed == RELEASE ? AG_FAIL : deed == ASSIGN ? v : AG_PASS));
            expect_untouched(t, &s.m, y, gradient);
            ag_tape_free(t);
        }
}

/* ---- memory that runs out */

typedef struct scarce {
    int64_t left;
} scarce;

static void *take(void *user, size_t bytes, size_t alignment)
{
    scarce *s = user;
    return s->left-- > 0 ? aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment) : NULL;
}

static void give(void *user, void *memory, size_t bytes)
{
    (void)user, (void)bytes;
    free(memory);
}

static void a_check_that_runs_out_of_memory_leaves_parameters_alone(void **state)
{
    (void)state;
    bool passed = false;
    for (int64_t n = 0; n < 1000 && !passed; n++) {
        scarce s = { 1 << 20 };
        ag_tape *t =
            ag_tape_new((ag_options){ .on_error = ag_quiet, .threads = 1, .allocator = { take, give, &s, NULL } });
        model m = make_model(t);
        ag_assign(m.w, AG_VALUES(t, AG_SHAPE(2, 3), -0.0, -1.2, 0.8, 1.7, -0.4, 0.25));
        ag_backward(ag_sum(ag_mul(m.w, AG_VALUES(t, AG_SHAPE(3), 1, 2, 3))));
        ag_tensor y = ag_sum(ag_square(m.w)), gradient = ag_grad(m.w);
        s.left = n;
        ag_verdict v = ag_gradcheck(loss, &m, AG_LIST(m.w, m.b), NULL);
        s.left = 1 << 20;
        passed = v == AG_PASS;
        assert_int_equal(v, passed ? AG_PASS : AG_INCONCLUSIVE);
        assert_int_equal(ag_error(t), passed ? AG_OK : AG_ENOMEM);
        ag_error_clear(t);
        expect_untouched(t, &m, y, gradient);
        ag_tape_free(t);
    }
    assert_true(passed);
}

/* ---- inputs that do not matter */

static void expect_text(ag_function *f, void *user, ag_list at, ag_verdict verdict, const char *part)
{
    char text[512] = "";
    FILE *file = tmpfile();
    assert_non_null(file);
    ag_verdict v = ag_gradcheck(f, user, at, file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    if (v != verdict || !strstr(text, part))
        fail_msg("%s: \"%s\", expected %s and \"%s\"", ag_verdict_name(v), text, ag_verdict_name(verdict), part);
}

static ag_tensor second_only(ag_list x, void *user)
{
    (void)user;
    return ag_square(x.at[1]);
}

static ag_tensor three(ag_list x, void *user)
{
    (void)user;
    return ag_constant(x.at[0].tape, 3);
}

static void an_input_that_f_does_not_read_is_inconclusive(void **state)
{
    ag_tape *t = *state;
    model m = make_model(t);
    ag_tensor other = ag_param(ag_constant(t, 1), "other"), x = AG_VALUES(t, AG_SHAPE(2), 1, 2);
    ag_tensor outside = ag_square(m.x);
    expect_text(loss, &m, AG_LIST(m.w, other), AG_INCONCLUSIVE, "input 1 (other) neither changes");
    expect_text(loss, &m, AG_LIST(x), AG_INCONCLUSIVE, "input 0 neither changes");
    expect_text(second_only, NULL, AG_LIST(x, x), AG_INCONCLUSIVE, "input 0 neither changes");
    expect_text(three, NULL, AG_LIST(x), AG_INCONCLUSIVE, "input 0 neither changes");
    expect_text(through_a_view, &outside, AG_LIST(x), AG_INCONCLUSIVE, "input 0 neither changes");
    expect_text(loss, &m, AG_LIST(m.w, ag_zeros(t, AG_F64, AG_SHAPE(0))), AG_PASS, ""); /* of no elements */
    m.m.first = 3;
    expect_text(loss, &m, AG_LIST(m.w, other), AG_FAIL, "by w"); /* what is wrong comes first */
    ag_check_report r;
    ag_check_options o = { .directions = 3 };
    assert_int_equal(ag_gradcheck_with(second_only, NULL, AG_LIST(x, x), o, &r), AG_INCONCLUSIVE);
    assert_int_equal(r.input, 0);
    assert_string_equal(ag_error_text(t), "");
}

static ag_tensor sign(ag_list x, void *user)
{
    (void)user;
    return ag_sign(x.at[0]);
}

static ag_tensor hidden_branch(ag_list x, void *user) /* the second operand is not taken */
{
    (void)user;
    return ag_where(ag_less(x.at[0], ag_constant(x.at[0].tape, 100)), ag_square(x.at[0]), x.at[1]);
}

static ag_tensor chosen_by_value(ag_list x, void *user) /* a dependence that no op records */
{
    (void)user;
    return ag_item(x.at[1]) > 0 ? ag_square(x.at[0]) : ag_sin(x.at[0]);
}

static ag_tensor fails_elsewhere(ag_list x, void *user)
{
    (void)user;
    double v = ag_item(x.at[1]);
    if (v < 0 || v > 3)
        ag_fail(x.at[0].tape, AG_EARG, "not at %g", v);
    return ag_square(x.at[0]);
}

static ag_tensor times_zero(ag_list x, void *user)
{
    (void)user;
    return ag_add(ag_mul_scalar(x.at[1], 0), ag_square(x.at[0]));
}

static void an_input_with_a_gradient_of_zero_passes(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 1, 2), two = ag_constant(t, 2), p = ag_param(two, "p");
    expect_text(sign, NULL, AG_LIST(x), AG_PASS, "");
    expect_text(sign, NULL, AG_LIST(two), AG_PASS, "");
    expect_text(sign, NULL, AG_LIST(p), AG_PASS, "");
    expect_text(hidden_branch, NULL, AG_LIST(x, x), AG_PASS, "");
    expect_text(hidden_branch, NULL, AG_LIST(x, p), AG_PASS, "");
    expect_text(chosen_by_value, NULL, AG_LIST(x, two), AG_PASS, "");
    expect_text(fails_elsewhere, NULL, AG_LIST(x, two), AG_PASS, "");
    expect_text(times_zero, NULL, AG_LIST(x, two), AG_PASS, "");
    assert_string_equal(ag_error_text(t), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_wrong_derivative_by_parameters_that_f_knows_is_found),
        TEST(right_derivatives_by_persistent_tensors_pass),
        TEST(a_result_from_before_the_check_is_inconclusive),
        TEST(persistent_tensors_are_left_as_they_were),
        TEST(a_check_that_runs_out_of_memory_leaves_parameters_alone),
        TEST(an_input_that_f_does_not_read_is_inconclusive),
        TEST(an_input_with_a_gradient_of_zero_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
