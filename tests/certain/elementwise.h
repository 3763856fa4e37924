/* Elementwise ops: c x^3, a b^2, x sin x and the cube root. */
#ifndef TESTS_CERTAIN_ELEMENTWISE_H
#define TESTS_CERTAIN_ELEMENTWISE_H

#include "ag/ag.h"
#include <math.h>
#include <string.h>

static double cube_map(const double *x, const void *params)
{
    return *(const double *)params * x[0] * x[0] * x[0];
}

static ag_tensor cube_slope(const ag_call *c, ag_tensor x)
{
    return ag_mul_scalar(ag_square(x), 3 * *(const double *)ag_call_params(c));
}

static void cube_right(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], cube_slope(c, ag_call_input(c, 0)));
}

static void cube_sign(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    cube_right(c, dy, dx);
    dx[0] = ag_neg(dx[0]);
}

static void cube_twice(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    cube_right(c, dy, dx);
    dx[0] = ag_mul_scalar(dx[0], 2);
}

static void cube_thousandth(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    cube_right(c, dy, dx);
    dx[0] = ag_mul_scalar(dx[0], 1.001);
}

static void cube_nothing(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c, (void)dy;
    dx[0] = (ag_tensor){ 0 };
}

static void cube_added(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    cube_right(c, dy, dx);
    dx[0] = ag_add_scalar(dx[0], 0.01);
}

static void cube_squared(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(ag_square(dy[0]), cube_slope(c, ag_call_input(c, 0)));
}

static void cube_absolute(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(ag_abs(dy[0]), cube_slope(c, ag_call_input(c, 0)));
}

static void cube_one(const ag_call *c, const ag_tensor *dy, ag_tensor *dx) /* the sixth by 1 % */
{
    cube_right(c, dy, dx);
    ag_tensor x = ag_call_input(c, 0), numbers = ag_arange(x.tape, AG_F64, 0, (double)ag_size_of(x), 1);
    ag_tensor sixth = ag_cast(ag_equal_scalar(ag_reshape(numbers, ag_shape_of(x)), 5), ag_dtype_of(x));
    dx[0] = ag_mul(dx[0], ag_add_scalar(ag_mul_scalar(sixth, 0.01), 1));
}

static void cube_neighbour(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor x = ag_call_input(c, 0);
    dx[0] = ag_mul(dy[0], cube_slope(c, ag_shape_of(x).rank ? ag_roll(x, 1, -1) : x));
}

static void cube_tail(const ag_call *c, const ag_tensor *dy, ag_tensor *dx) /* 1 % where x > 1.7 */
{
    cube_right(c, dy, dx);
    ag_tensor x = ag_call_input(c, 0), tail = ag_cast(ag_greater_scalar(x, 1.7), ag_dtype_of(x));
    dx[0] = ag_mul(dx[0], ag_add_scalar(ag_mul_scalar(tail, 0.01), 1));
}

static void cube_ignores(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], ag_mul_scalar(ag_square(ag_call_input(c, 0)), 3));
}

static void cube_detached(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], cube_slope(c, ag_detach(ag_call_input(c, 0))));
}

static void cube_second(const ag_call *c, const ag_tensor *dy, ag_tensor *dx) /* 2 f'(d) - f'(x), where d = x */
{
    ag_tensor x = ag_call_input(c, 0), constant = cube_slope(c, ag_detach(x));
    dx[0] = ag_mul(dy[0], ag_sub(ag_mul_scalar(constant, 2), cube_slope(c, x)));
}

static int unsteady; /* what no op should have */

static void cube_random(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    cube_right(c, dy, dx);
    dx[0] = ag_mul_scalar(dx[0], 1 + 1e-5 * (double)(unsteady++ % 7));
}

static const double two_and_half = 2.5;
static const ag_sample cube_samples[] = { { SAMPLE(-2, 3), .params = &two_and_half }, { 0 } };
#define CUBE_OP(rule)                                                                             \
    {                                                                                             \
        .name = "cube", .inputs = 1, .params_size = sizeof(double), .map = cube_map, .vjp = rule, \
        .samples = cube_samples                                                                   \
    }

static double unsteady_map(const double *x, const void *params)
{
    return cube_map(x, params) + 1e-9 * (double)(unsteady++ % 7);
}
#define UNSTEADY_OP                                                                                         \
    {                                                                                                       \
        .name = "cube", .inputs = 1, .params_size = sizeof(double), .map = unsteady_map, .vjp = cube_right, \
        .samples = cube_samples                                                                             \
    }
#define FORWARD_OP                                                                                      \
    {                                                                                                   \
        .name = "cube", .inputs = 1, .params_size = sizeof(double), .map = cube_map, .vjp = cube_right, \
        .jvp = cube_twice, .samples = cube_samples                                                      \
    }

/* ---- x sin x */

static double wave_map(const double *x, const void *params)
{
    (void)params;
    return x[0] * sin(x[0]);
}

static void wave_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_mul(dy[0], ag_sin(ag_call_input(c, 0)));
}

static const ag_sample wave_samples[] = { { SAMPLE(-2, 2) }, { 0 } };
#define PRODUCT_RULE_OP                                                                        \
    {                                                                                          \
        .name = "wave", .inputs = 1, .map = wave_map, .vjp = wave_vjp, .samples = wave_samples \
    }

/* ---- a b^2 */

static double product_map(const double *x, const void *params)
{
    (void)params;
    return x[0] * x[1] * x[1];
}

static void product_exchanged(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor a = ag_call_input(c, 0), b = ag_call_input(c, 1);
    dx[1] = ag_mul(dy[0], ag_square(b));
    dx[0] = ag_mul_scalar(ag_mul(dy[0], ag_mul(a, b)), 2);
}

static void product_needy(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor both[2];
    product_exchanged(c, dy, both);
    if (ag_call_needs(c, 0) && ag_call_needs(c, 1)) {
        dx[0] = both[1];
        dx[1] = both[0];
    }
}

static const ag_sample product_samples[] = { { .low = { -2, 0.5 }, .high = { 2, 3 } }, { 0 } };
#define PRODUCT_OP(rule)                                                                            \
    {                                                                                               \
        .name = "product", .inputs = 2, .map = product_map, .vjp = rule, .samples = product_samples \
    }
#define EXCHANGED_OP PRODUCT_OP(product_exchanged)
#define NEEDY_OP PRODUCT_OP(product_needy)

/* ---- the cube root: where dy is 0 nothing flows, though the slope be infinite */

static double root_map(const double *x, const void *params)
{
    (void)params;
    return cbrt(x[0]);
}

static void root_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    dx[0] = ag_div(dy[0], ag_mul_scalar(ag_square(ag_call_output(c, 0)), 3));
}

static const ag_sample root_samples[] = { { SAMPLE(-2, 2) }, { 0 } };
#define ROOT_OP                                                                                \
    {                                                                                          \
        .name = "root", .inputs = 1, .map = root_map, .vjp = root_vjp, .samples = root_samples \
    }

#endif
