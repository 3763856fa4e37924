/* What the checks of derivatives say of a mistake: its cause first, then where it was seen, with the values there. */
#include "planted.h"

/* ---- functions: an identity on matrices whose gradient is spoilt */

typedef ag_tensor spoil(ag_tensor dx, ag_tensor x);

static ag_status same_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    *y = (ag_array){ .dtype = x->dtype, .shape = x->shape };
    return AG_OK;
}

static ag_status cube_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        double v = ((const double *)x->data)[i];
        ((double *)y->data)[i] = v * v * v;
    }
    return AG_OK;
}

static void cube_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    spoil *const *f = ag_call_params(c);
    ag_tensor x = ag_call_input(c, 0);
    dx[0] = (*f)(ag_mul(dy[0], ag_mul_scalar(ag_square(x), 3)), x);
}

static const ag_op cube_op = { .name = "cube",
                               .inputs = 1,
                               .params_size = sizeof(spoil *),
                               .shape = same_shape,
                               .forward = cube_forward,
                               .vjp = cube_vjp };

static ag_tensor cube(ag_list x, void *user)
{
    return ag_apply(&cube_op, AG_LIST(x.at[0]), user);
}

static ag_tensor cube_times(ag_list x, void *user)
{
    return ag_mul(ag_apply(&cube_op, AG_LIST(x.at[0]), user), x.at[1]);
}

static ag_tensor right(ag_tensor dx, ag_tensor x)
{
    (void)x;
    return dx;
}

static ag_tensor twice(ag_tensor dx, ag_tensor x)
{
    (void)x;
    return ag_mul_scalar(dx, 2);
}

static ag_tensor negative(ag_tensor dx, ag_tensor x)
{
    (void)x;
    return ag_neg(dx);
}

static ag_tensor none(ag_tensor dx, ag_tensor x)
{
    (void)x;
    return ag_mul_scalar(dx, 0);
}

static ag_tensor squared(ag_tensor dx, ag_tensor x) /* right where dy is 0 or 1 */
{
    ag_tensor slope = ag_mul_scalar(ag_square(x), 3);
    return ag_mul(slope, ag_square(ag_div(dx, slope)));
}

static ag_tensor place(ag_tensor x, double k) /* 1 at element k, counted from 0 */
{
    return ag_cast(ag_equal(counting(x.tape, ag_shape_of(x)), ag_constant(x.tape, k + 1)), AG_F64);
}

static ag_tensor one_element(ag_tensor dx, ag_tensor x)
{
    return ag_mul(dx, ag_add_scalar(ag_mul_scalar(place(x, 2), 0.01), 1));
}

static ag_tensor the_large(ag_tensor dx, ag_tensor x)
{
    return ag_mul(dx, ag_add_scalar(ag_cast(ag_greater_scalar(x, 0.75), AG_F64), 1));
}

static ag_tensor lacks_a_term(ag_tensor dx, ag_tensor x)
{
    return ag_add(dx, x);
}

static ag_tensor detached(ag_tensor dx, ag_tensor x) /* dx = dy 3 x^2, where x counts as a constant once */
{
    return ag_mul(ag_div(dx, ag_square(x)), ag_square(ag_detach(x)));
}

static ag_tensor constant(ag_tensor dx, ag_tensor x)
{
    ag_tensor slope = ag_mul_scalar(ag_square(x), 3);
    return ag_mul(ag_div(dx, slope), ag_detach(slope));
}

static ag_tensor infinite(ag_tensor dx, ag_tensor x)
{
    return ag_div(dx, ag_scalar_sub(1, place(x, 4)));
}

/* The text that ag_gradcheck prints begins with the verdict and what is given. */
static void expect_text(ag_function *f, void *user, ag_list at, const char *wanted)
{
    char text[1024], begin[512];
    FILE *file = tmpfile();
    assert_non_null(file);
    ag_verdict v = ag_gradcheck(f, user, at, file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    snprintf(begin, sizeof begin, "gradcheck: %s: %s", ag_verdict_name(v), wanted);
    if (strncmp(text, begin, strlen(begin)) != 0)
        fail_msg("expected\n%s, got\n%s", begin, text);
}

static void of(ag_tape *t, spoil *f, const char *wanted)
{
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 0.5, -1.25, 0.75, 1.5, -0.5, 0.25);
    expect_text(cube, &f, AG_LIST(x), wanted);
}

static void the_cause_comes_first(void **state)
{
    ag_tape *t = *state;
    assert_int_equal(ag_gradcheck(cube, &(spoil *){ right }, AG_LIST(AG_VALUES(t, AG_SHAPE(2), 1, 2)), stdout),
                     AG_PASS);
    of(t, twice,
       "off by the constant factor 2: the derivative of y[0, 1] by x[0, 1] = -1.25: analytic 9.375, numeric 4.6875 ");
    of(t, negative,
       "off by the constant factor -1: the sign: the derivative of y[0, 1] by x[0, 1] = -1.25: analytic -4.6875");
    of(t, none, "no gradient by x: the derivative of y[");
    of(t, squared, "not linear in dy: the derivative by x[0, 0] at 0.5 is ");
    of(t, one_element,
       "wrong at x[0, 2] alone: the derivative of y[0, 2] by x[0, 2] = 0.75: analytic 1.704375, numeric 1.6875");
    of(t, the_large, "wrong at x[1, 0] alone: the derivative of y[1, 0] by x[1, 0] = 1.5: analytic 13.5, numeric 6.75");
    of(t, lacks_a_term, "not linear in dy: ");
    of(t, detached, "wrong at second order at every element of x: the second derivative by x[");
    of(t, constant, "no second derivative by x: something counts as a constant: the second derivative by x[");
    of(t, infinite, "wrong at x[1, 1] alone: the derivative of y[");
    assert_string_equal(ag_error_text(t), "");
}

static void a_mistake_is_told_by_the_input_s_name(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 0.5, 1.25), w = ag_param(AG_VALUES(t, AG_SHAPE(2), 2, 3), "w");
    spoil *f = twice;
    expect_text(cube_times, &f, AG_LIST(x, w),
                "off by the constant factor 2: the derivative of y[0] by x0[0] = 0.5: analytic 3, numeric 1.5 ");
    expect_text(cube_times, &f, AG_LIST(w, x),
                "off by the constant factor 2: the derivative of y[0] by w[0] = 2: analytic 12, numeric 6 ");
}

/* ---- matrices */

static void product_rule(ag_tensor y, ag_tensor dy, ag_list x, ag_tensor *dx, void *user)
{
    (void)y;
    const int mistake = *(const int *)user;
    ag_tensor a = x.at[0], b = x.at[1];
    dx[0] = ag_matmul(dy, mistake == 1 ? b : ag_transpose(b, 0, 1));
    dx[1] = ag_matmul(ag_transpose(a, 0, 1), mistake == 2 ? ag_transpose(dy, 0, 1) : dy);
    if (mistake == 3)
        dx[1] = ag_transpose(dx[1], 0, 1);
    if (mistake == 4) {
        ag_tensor first = dx[0];
        dx[0] = dx[1];
        dx[1] = first;
    }
}

static ag_tensor wrong_product(ag_list x, void *user)
{
    return ag_custom_vjp(ag_matmul(x.at[0], x.at[1]), x, product_rule, user);
}

static void transposed_matrices_are_told(void **state)
{
    ag_tape *t = *state;
    ag_tensor a = AG_VALUES(t, AG_SHAPE(3, 3), 0.5, -1.25, 0.75, 1.5, -0.5, 0.25, 2, 0.125, -0.75),
              b = AG_VALUES(t, AG_SHAPE(3, 3), 1, 0.5, -1.5, 0.25, 2, 1.25, -0.75, 1.75, -2);
    const char *const texts[] = {
        "transposed: the gradient by x0 is J dy, not J' dy: the derivative of y[",
        "transposed: dy has its last two axes exchanged in the gradient by x1: the derivative of y[",
        "transposed: the gradient by x1 has its last two axes exchanged: the derivative of y[",
        "the gradients by x0 and x1 are exchanged: the derivative of y["
    };
    for (int mistake = 0; mistake <= 4; mistake++) {
        if (mistake)
            expect_text(wrong_product, &mistake, AG_LIST(a, b), texts[mistake - 1]);
        else
            assert_int_equal(ag_gradcheck(wrong_product, &mistake, AG_LIST(a, b), stdout), AG_PASS);
    }
}

/* ---- ops with kernels of their own: y = a + c b, b a row */

typedef struct row_params {
    double c;
    int mistake;
} row_params;

static ag_status row_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x[0].dtype != AG_F64 || x[1].dtype != AG_F64)
        return ag_call_fail(c, AG_EDTYPE, "expected f64");
    if (x[0].shape.rank != 2 || x[1].shape.rank != 1 || x[1].shape.dim[0] != x[0].shape.dim[1])
        return ag_call_fail(c, AG_ESHAPE, "expected [n,m] and [m]");
    *y = (ag_array){ .dtype = AG_F64, .shape = x[0].shape };
    return AG_OK;
}

static ag_status row_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const row_params *p = ag_call_params(c);
    int64_t n = x->shape.dim[0], m = x->shape.dim[1];
    double *a = x[0].data, *b = x[1].data, *to = y->data;
    for (int64_t i = 0; i < n * m; i++) {
        to[i] = a[i] * a[i] + p->c * b[i % m];
        if (p->mistake == 3)
            a[i] = 2 * a[i];
    }
    return AG_OK;
}

static void row_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const row_params *p = ag_call_params(c);
    ag_tensor of_b = ag_mul_scalar(dy[0], p->mistake == 2 ? 2 : p->c);
    dx[0] = ag_mul_scalar(ag_mul(dy[0], ag_call_input(c, 0)), 2);
    dx[1] = p->mistake == 1 ? ag_select(of_b, 0, -1) : ag_sum_over(of_b, AG_AXES(0), 0);
}

static void expect_cause(const ag_op *op, const char *wanted)
{
    char text[4096], begin[512];
    FILE *file = tmpfile();
    assert_non_null(file);
    ag_verdict v = ag_check_op(op, file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    snprintf(begin, sizeof begin, "%s: FAIL, 2 samples: %s", op->name, wanted);
    if (v != AG_FAIL || strncmp(text, begin, strlen(begin)) != 0)
        fail_msg("%s: expected\n%s, got\n%s", ag_verdict_name(v), begin, text);
}

static void check_rows(int mistake, const char *wanted)
{
    const row_params p[2] = { { 2, mistake }, { 3, mistake } };
    const ag_sample samples[] = {
        { .low = { 0.5 }, .high = { 2 }, .shape = { AG_DIMS(4, 3), AG_DIMS(3) }, .params = &p[0] },
        { .low = { 0.5 }, .high = { 2 }, .shape = { AG_DIMS(1, 3), AG_DIMS(3) }, .params = &p[1] },
        { 0 }
    };
    const ag_op op = { .name = "rows",
                       .inputs = 2,
                       .params_size = sizeof p[0],
                       .shape = row_shape,
                       .forward = row_forward,
                       .vjp = row_vjp,
                       .samples = samples };
    if (wanted)
        expect_cause(&op, wanted);
    else
        expect_pass(&op);
}

static void a_missing_sum_an_ignored_parameter_and_a_written_operand_are_told(void **state)
{
    (void)state;
    check_rows(0, NULL);
    check_rows(1, "the sum over the broadcast is missing: x1[2] has the dy of 1 output of 4: the derivative of y[");
    check_rows(
        2, "ignores parameter 1: the gradient stays the same where it changes, the values do not: off by the constant "
           "factor 0.66667: the derivative of y[");
    check_rows(3, "an operand is written: x0[0, 0] was ");
}

/* ---- one of a million */

enum { WRONG = 618033 };

static ag_status wave_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++)
        ((double *)y->data)[i] = sin(((const double *)x->data)[i]);
    return AG_OK;
}

static void wave_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor x = ag_call_input(c, 0), factor = ag_ones(x.tape, AG_F64, AG_SHAPE(ag_size_of(x)));
    double *f = ag_write(factor, AG_F64);
    if (f && ag_size_of(x) > WRONG)
        f[WRONG] = *(const double *)ag_call_params(c);
    dx[0] = ag_mul(ag_mul(dy[0], ag_cos(x)), ag_reshape(factor, ag_shape_of(x)));
}

static const ag_op wave_op = { .name = "wave",
                               .inputs = 1,
                               .params_size = sizeof(double),
                               .shape = same_shape,
                               .forward = wave_forward,
                               .vjp = wave_vjp };

typedef struct many {
    double factor;
    int calls;
} many;

static ag_tensor wave(ag_list x, void *user)
{
    many *m = user;
    m->calls++;
    return ag_sum(ag_apply(&wave_op, AG_LIST(x.at[0]), &m->factor));
}

static void one_wrong_element_of_a_million_is_named(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(1000, 1000), -2, 2);
    const ag_check_options o = { .order = 1, .directions = 1 };
    ag_check_report r;
    many m = { .factor = 1 };
    assert_int_equal(ag_gradcheck_with(wave, &m, AG_LIST(x), o, &r), AG_PASS);
    print_message("%d evaluations of a function of 1e6 numbers\n", m.calls);
    assert_true(m.calls < 100);
    m.factor = 1.01;
    assert_int_equal(ag_gradcheck_with(wave, &m, AG_LIST(x), o, &r), AG_FAIL);
    assert_false(r.along);
    assert_int_equal(r.element, WRONG);
    assert_true(fabs(r.analytic / r.numeric - 1.01) < 1e-4 && fabs(r.numeric - cos(ag_item_at(x, WRONG))) < 1e-6);
    assert_string_equal(ag_error_text(t), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_cause_comes_first),
        TEST(a_mistake_is_told_by_the_input_s_name),
        TEST(transposed_matrices_are_told),
        TEST(a_missing_sum_an_ignored_parameter_and_a_written_operand_are_told),
        TEST(one_wrong_element_of_a_million_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
