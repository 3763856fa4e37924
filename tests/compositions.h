/* Random functions of a few numbers, smooth or with a kink at the point, whose derivative may be wrong. */
#ifndef TESTS_COMPOSITIONS_H
#define TESTS_COMPOSITIONS_H

#include "values.h"

enum { MOST_STEPS = 6, MOST_INPUTS = 4 };

/* ---- random numbers, the same everywhere */

static uint64_t state_of_random;

static uint64_t draw(void) /* xorshift64* (Vigna 2016) */
{
    state_of_random ^= state_of_random >> 12;
    state_of_random ^= state_of_random << 25;
    state_of_random ^= state_of_random >> 27;
    return state_of_random * 0x2545f4914f6cdd1du;
}

static double draw_between(double low, double high)
{
    return low + (high - low) * ldexp((double)(draw() >> 11), -53);
}

static int draw_below(int n)
{
    return (int)(draw() >> 33) % n;
}

/* ---- an identity whose derivative may be wrong */

typedef enum mistake {
    NONE,
    FLIPPED,
    THOUSANDTH,
    TRIPLED,
    MISSING,
    ONE_DOUBLED,
    ONE_MISSING,
    SECOND_ORDER,
    MISTAKES
} mistake;

static double same_map(const double *x, const void *params)
{
    (void)params;
    return x[0];
}

static void same_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const mistake m = *(const mistake *)ag_call_params(c);
    const double factors[] = { [FLIPPED] = -1, [THOUSANDTH] = 1.001, [TRIPLED] = 3, [MISSING] = 0 };
    ag_tensor x = ag_call_input(c, 0), d = dy[0];
    if (m == ONE_DOUBLED || m == ONE_MISSING) {
        ag_tensor second = ag_equal(counting(x.tape, ag_shape_of(x)), ag_constant(x.tape, 2));
        d = ag_mul(d, ag_add_scalar(ag_mul_scalar(ag_cast(second, AG_F64), m == ONE_MISSING ? -1 : 1), 1));
    } else if (m == SECOND_ORDER) {
        d = ag_mul(d, ag_add_scalar(ag_sub(x, ag_detach(x)), 1));
    } else if (m) {
        d = ag_mul_scalar(d, factors[m]);
    }
    dx[0] = d;
}

static const ag_op same_op = {
    .name = "same", .inputs = 1, .params_size = sizeof(mistake), .map = same_map, .vjp = same_vjp
};

/* ---- random functions */

typedef struct step {
    int op;
    double c;
} step;

typedef struct composed {
    int steps;
    step step[MOST_STEPS];
    mistake m;
    double scale;
    bool summed;
    double bent; /* where the first element has a kink; NaN: nowhere */
    int kink;
} composed;

static ag_tensor apply_step(ag_tensor y, ag_tensor x, step s)
{
    switch (s.op) {
    case 0:
        return ag_sin(y);
    case 1:
        return ag_cos(y);
    case 2:
        return ag_tanh(y);
    case 3:
        return ag_sigmoid(y);
    case 4:
        return ag_exp(ag_mul_scalar(ag_tanh(y), s.c));
    case 5:
        return ag_log(ag_add_scalar(ag_square(y), 1));
    case 6:
        return ag_mul(y, ag_sin(x));
    case 7:
        return ag_add(y, ag_mul_scalar(ag_cos(x), s.c));
    case 8:
        return ag_div(y, ag_add_scalar(ag_square(x), 1.5));
    case 9:
        return ag_softmax(y, -1);
    case 10:
        return ag_mul_scalar(y, s.c);
    case 11:
        return ag_sub(y, ag_mean(y));
    case 12:
        return ag_sqrt(ag_add_scalar(ag_square(y), 0.3));
    case 13:
        return ag_mul(y, ag_sum(ag_square(x)));
    case 14:
        return ag_log_softmax(y, -1);
    default:
        return ag_square(y);
    }
}

static ag_tensor f(ag_list list, void *user)
{
    const composed *c = user;
    ag_tensor x = ag_apply(&same_op, AG_LIST(list.at[0]), &c->m), y = x;
    for (int i = 0; i < c->steps; i++)
        y = apply_step(y, x, c->step[i]);
    if (isnan(c->bent)) {
        y = ag_mul_scalar(y, c->scale);
        return c->summed ? ag_sum(y) : y;
    }
    y = ag_add_scalar(ag_slice(y, 0, 0, 1, 1), -c->bent);
    return c->kink == 0 ? ag_abs(y) : c->kink == 1 ? ag_relu(y) : ag_leaky_relu(y, 0.4);
}

static composed draw_function(ag_tape *t, int i, ag_tensor *x)
{
    const double scales[] = { 1, 1, 1e-12, 1e12, 1e-100, 1e100 };
    double values[MOST_INPUTS];
    composed c = { .steps = 2 + i % 5, .scale = scales[draw_below(ARRAY_SIZE(scales))], .summed = i % 2, .bent = NAN };
    int n = 2 + draw_below(MOST_INPUTS - 1);
    for (int k = 0; k < n; k++)
        values[k] = draw_between(-2, 2);
    for (int k = 0; k < c.steps; k++)
        c.step[k] = (step){ draw_below(16), draw_between(-2, 2) };
    *x = ag_from(t, AG_F64, AG_SHAPE(n), values, (size_t)n * sizeof *values);
    return c;
}

/* The smallest derivative of the summed, unscaled function. */
static double least_slope(composed c, ag_tensor x)
{
    ag_tensor leaf = ag_require_grad(x), d = { 0 };
    double least = INFINITY;
    c.m = NONE;
    c.scale = 1;
    ag_gradients(ag_sum(f(AG_LIST(leaf), &c)), AG_LIST(leaf), 0, &d);
    for (int64_t k = 0; k < ag_size_of(d); k++)
        least = fmin(least, fabs(ag_item_at(d, k)));
    return least;
}

#endif
