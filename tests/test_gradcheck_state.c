/* The checks of an op on ops that keep in memory of their own what belongs to one application, and on such as are wrong
 * for many elements alone. */
#include "planted.h"

/* ---- y = c x^3 */

typedef enum mistake {
    RIGHT,
    KEEPS_OPERAND,      /* the kernel reads the operand of the last application */
    KEEPS_RESULT,       /* ... its result */
    KEEPS_VALUES,       /* ... a copy of its operand's values */
    KEEPS_FIRST_VALUES, /* ... a copy of the first application's */
    KEEPS_PARAMS,       /* ... its parameters where they lay */
    RULE_KEEPS_PARAMS,
    KEEPS_FIRST_PARAMS,
    RULE_KEEPS_SLOPE, /* the rule has a number of the last application's */
    FAR_KERNEL,       /* wrong beyond 4096 elements */
    FAR_RULE,
    FAR_BOTH,
    FAR_FORWARD,
    FAR_ELEMENT, /* a single one */
    MISTAKES
} mistake;

enum { KEPT = 64, FAR = 4096, FAR_AWAY = 3 * AG_SHARE + 1697 };

typedef struct cube_params {
    double c;
    mistake m;
} cube_params;

static struct { /* what no op should have */
    const double *x, *y;
    const cube_params *params, *first_params;
    double values[KEPT], first_values[KEPT], slope;
    bool first;
} kept;

static ag_status cube_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    if (x->dtype != AG_F64)
        return ag_call_fail(c, AG_EDTYPE, "expected f64");
    *y = (ag_array){ .dtype = AG_F64, .shape = x->shape };
    return AG_OK;
}

static void keep(const cube_params *p, const double *x, const double *y, int64_t n)
{
    kept.x = x;
    kept.y = y;
    kept.params = p;
    kept.slope = n > 0 ? 1 + 1e-3 * x[0] : 1;
    for (int64_t i = 0; i < n && i < KEPT; i++)
        kept.values[i] = x[i];
    if (!kept.first)
        memcpy(kept.first_values, kept.values, sizeof kept.values);
    if (!kept.first)
        kept.first_params = p;
    kept.first = true;
}

static ag_status cube_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const cube_params *p = ag_call_params(c);
    const double *v = x->data;
    int64_t n = ag_shape_size(x->shape);
    for (int64_t i = 0; i < n; i++) {
        bool wrong = (p->m == FAR_FORWARD && i >= FAR) || (p->m == FAR_ELEMENT && i == FAR_AWAY);
        ((double *)y->data)[i] = p->c * v[i] * v[i] * (wrong ? 1.5 * v[i] : v[i]);
    }
    keep(p, v, y->data, n);
    return AG_OK;
}

/* 1, and 1.01 for elements that are far out. */
static ag_tensor far_factor(ag_tensor x)
{
    ag_tape *t = x.tape;
    int64_t n = ag_size_of(x);
    ag_tensor f = ag_ones(t, AG_F64, AG_SHAPE(n));
    double *v = ag_write(f, AG_F64);
    for (int64_t i = FAR; v && i < n; i++)
        v[i] = 1.01;
    return ag_reshape(f, ag_shape_of(x));
}

static void cube_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const cube_params *p = ag_call_params(c);
    ag_tensor x = ag_call_input(c, 0);
    double factor = p->m == RULE_KEEPS_PARAMS ? kept.params->c : p->m == RULE_KEEPS_SLOPE ? kept.slope * p->c : p->c;
    dx[0] = ag_mul(dy[0], ag_mul_scalar(ag_square(x), 3 * factor));
    if (p->m == FAR_RULE || p->m == FAR_BOTH)
        dx[0] = ag_mul(dx[0], far_factor(x));
}

static ag_status cube_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const cube_params *p = ag_call_params(c);
    const ag_array *in = ag_call_input_array(c, 0), *out = ag_call_output_array(c, 0);
    if (!in || !out)
        return AG_EUSE;
    const double *x = in->data, *g = dy->data, *y = p->m == KEEPS_RESULT ? kept.y : out->data;
    double factor = p->m == KEEPS_PARAMS ? kept.params->c : p->m == KEEPS_FIRST_PARAMS ? kept.first_params->c : p->c;
    for (int64_t i = 0; i < ag_shape_size(dx->shape); i++) {
        double v = p->m == KEEPS_OPERAND                    ? kept.x[i]
                   : p->m == KEEPS_VALUES && i < KEPT       ? kept.values[i]
                   : p->m == KEEPS_FIRST_VALUES && i < KEPT ? kept.first_values[i]
                                                            : x[i];
        double slope = p->m == KEEPS_RESULT ? 3 * pow(fabs(y[i]), 2. / 3) * cbrt(factor) : 3 * factor * v * v;
        double *to = (double *)dx->data + i, far = (p->m == FAR_KERNEL || p->m == FAR_BOTH) && i >= FAR ? 1.01 : 1;
        *to = (beta[0] != 0 ? *to : 0) + far * slope * g[i];
    }
    return AG_OK;
}

static void check_mistake(mistake m, ag_check_id id)
{
    const cube_params p = { 2, m };
    const ag_sample samples[] = { { .low = { 0.5 }, .high = { 3 }, .shape = { AG_DIMS(3, 4) }, .params = &p }, { 0 } };
    const ag_op op = { .name = "cube",
                       .inputs = 1,
                       .params_size = sizeof p,
                       .shape = cube_shape,
                       .forward = cube_forward,
                       .vjp = cube_vjp,
                       .vjp_fused = m == RULE_KEEPS_PARAMS ? NULL : cube_fused,
                       .samples = samples };
    memset(&kept, 0, sizeof kept);
    if (m == RIGHT)
        expect_pass(&op);
    else
        expect_fail(&op, id);
}

static void ops_that_keep_values_fail(void **state)
{
    (void)state;
    check_mistake(RIGHT, AG_CHECKS);
    check_mistake(KEEPS_VALUES, AG_CHECK_STATE);
    check_mistake(KEEPS_FIRST_VALUES, AG_CHECK_STATE);
    check_mistake(RULE_KEEPS_SLOPE, AG_CHECK_PASSES);
}

static void ops_that_keep_addresses_fail(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("skip: a sanitizer ends a program that reads what an op should not have kept\n");
        skip();
    }
    const mistake kinds[] = { KEEPS_OPERAND, KEEPS_RESULT, KEEPS_PARAMS, RULE_KEEPS_PARAMS };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        check_mistake(kinds[i], AG_CHECK_STATE);
    check_mistake(KEEPS_FIRST_PARAMS, AG_CHECK_STRIDES); /* of a tape that has other things there by then */
}

static void errors_far_out_are_found(void **state)
{
    (void)state;
    for (mistake m = FAR_KERNEL; m < MISTAKES; m++)
        check_mistake(m, AG_CHECK_LARGE);
}

/* ---- two outputs, x^2 and x^3, of which a kernel or a rule forgets one where it stands alone */

static ag_status pair_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_status s = cube_shape(c, x, &y[0]);
    y[1] = y[0];
    return s;
}

static ag_status pair_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        double v = ((const double *)x->data)[i];
        ((double *)y[0].data)[i] = v * v;
        ((double *)y[1].data)[i] = v * v * v;
    }
    return AG_OK;
}

static void pair_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor x = ag_call_input(c, 0);
    dx[0] = ag_add(ag_mul(dy[0], ag_mul_scalar(x, 2)), ag_mul(dy[1], ag_mul_scalar(ag_square(x), 3)));
}

static ag_status pair_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *in = ag_call_input_array(c, 0);
    if (!in)
        return AG_EUSE;
    const double *x = in->data, *g = dy[0].data, *h = dy[1].data;
    for (int64_t i = 0; i < ag_shape_size(dx->shape); i++) {
        double *to = (double *)dx->data + i;
        *to = (beta[0] != 0 ? *to : 0) + (g ? g[i] * 2 * x[i] : 0) + (h ? h[i] * 3 * x[i] * x[i] : 0);
    }
    return AG_OK;
}

static ag_status pair_forgetful(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    if (dy[0].data)
        return pair_fused(c, dy, dx, beta);
    for (int64_t i = 0; i < ag_shape_size(dx->shape) && beta[0] == 0; i++)
        ((double *)dx->data)[i] = 0;
    return AG_OK;
}

static void outputs_are_tried_alone(void **state)
{
    (void)state;
    const ag_sample samples[] = { { .low = { -2 }, .high = { 2 }, .shape = { AG_DIMS(5) } }, { 0 } };
    ag_op op = { .name = "pair",
                 .inputs = 1,
                 .outputs = 2,
                 .shape = pair_shape,
                 .forward = pair_forward,
                 .vjp = pair_vjp,
                 .vjp_fused = pair_fused,
                 .samples = samples };
    expect_pass(&op);
    op.vjp_fused = pair_forgetful;
    expect_fail(&op, AG_CHECK_PASSES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_that_keep_values_fail),
        cmocka_unit_test(ops_that_keep_addresses_fail),
        cmocka_unit_test(errors_far_out_are_found),
        cmocka_unit_test(outputs_are_tried_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
