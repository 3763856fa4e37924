/* 5.1. An op of one's own.
 *
 * swish(x) = x sigma(beta x). As a composition of ag's ops it would need no derivative at all; as an op it is one node
 * instead of three. What it takes is below: the value of one element, the derivative written in ag's ops (so that
 * it can be differentiated again), and samples on which to check both. Broadcasting, dtypes and strides are the
 * engine's.
 *
 * ag_check_op compares the derivatives, first and second, with numeric ones, and tries everything else an op must
 * stand: f32, strides, empty tensors, wrong handles. The program also checks an op whose author forgot the product
 * rule. */
#include "ag/ag.h"
#include <math.h>

typedef struct swish_params {
    double beta;
} swish_params;

static double swish_map(const double *x, const void *params)
{
    const swish_params *p = params;
    return x[0] / (1 + exp(-p->beta * x[0]));
}

/* With s = sigma(beta x): dx = dy (s + beta x s (1 - s)) */
static void swish_vjp(const ag_call *call, const ag_tensor *dy, ag_tensor *dx)
{
    const swish_params *p = ag_call_params(call);
    ag_tensor x = ag_call_input(call, 0), s = ag_sigmoid(ag_mul_scalar(x, p->beta));
    ag_tensor slope = ag_mul_scalar(ag_mul(x, ag_mul(s, ag_scalar_sub(1, s))), p->beta);
    dx[0] = ag_mul(dy[0], ag_add(s, slope));
}

/* Wrong: only the first of the product rule's two terms */
static void careless_vjp(const ag_call *call, const ag_tensor *dy, ag_tensor *dx)
{
    const swish_params *p = ag_call_params(call);
    dx[0] = ag_mul(dy[0], ag_sigmoid(ag_mul_scalar(ag_call_input(call, 0), p->beta)));
}

static const ag_sample samples[] = { { .low = { -4 }, .high = { 4 }, .params = &(const swish_params){ 1 } },
                                     { .low = { -1 }, .high = { 2 }, .params = &(const swish_params){ 2.5 } },
                                     { 0 } };
static const ag_op swish_op = { .name = "swish",
                                .formula = "x sigma(beta x)",
                                .inputs = 1,
                                .params_size = sizeof(swish_params),
                                .map = swish_map,
                                .vjp = swish_vjp,
                                .samples = samples };
static const ag_op careless_op = { .name = "careless_swish",
                                   .formula = "x sigma(beta x)",
                                   .inputs = 1,
                                   .params_size = sizeof(swish_params),
                                   .map = swish_map,
                                   .vjp = careless_vjp,
                                   .samples = samples };

static ag_tensor swish(ag_tensor x, double beta)
{
    return ag_apply(&swish_op, AG_LIST(x), &(swish_params){ beta });
}

int main(void)
{
    bool right = ag_check_op(&swish_op, stdout) == AG_PASS;
    printf("\n");
    bool found = ag_check_op(&careless_op, stdout) == AG_FAIL;

    ag_tape *t = ag_tape_new((ag_options){ 0 });
    ag_tensor x = ag_variable(t, 1), y = swish(x, 1);
    ag_backward(y);
    printf("\nswish(1) = %.15f, its derivative %.15f\n", ag_item(y), ag_item(ag_grad(x)));
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status ? (int)status : !(right && found);
}
