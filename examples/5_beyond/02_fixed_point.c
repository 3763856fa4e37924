/* 5.2. The derivative of a fixed point.
 *
 * z = tanh(W z + x) is an equation. Iterated from 0 it gives z after some dozens of steps, and a backward pass through all
 * of them would give the derivatives; but z does not depend on the way to it. With f(z, W, x) = tanh(W z + x),
 *
 *     dz = f_z dz + f_W dW + f_x dx,
 *
 * so that an adjoint v of z is that of f's result: u = v + f_z' u, again a fixed point, and then f_W' u and f_x' u. One
 * application of f is all that has to be recorded (the implicit function theorem; Bai, Kolter, Koltun 2019). */
#include "ag/ag.h"
#include <math.h>

enum { N = 4, STEPS = 100, EPOCHS = 40 };

static ag_tensor f(ag_tensor z, ag_tensor w, ag_tensor x)
{
    return ag_tanh(ag_add(ag_matmul(w, z), x));
}

/* v' dy/dx, which can itself be differentiated */
static ag_tensor vjp(ag_tensor y, ag_tensor v, ag_tensor x)
{
    ag_tensor g;
    ag_gradients_from(y, v, AG_LIST(x), AG_CREATE_GRAPH, &g);
    return g;
}

static void rule(ag_tensor z, ag_tensor dz, ag_list wx, ag_tensor *d, void *user)
{
    (void)user;
    unsigned suspended = ag_enable_grad_begin(z.tape); /* a pass records nothing, but this is to be differentiated */
    ag_tensor y = f(z, wx.at[0], wx.at[1]), u = dz;
    for (int i = 0; i < STEPS; i++)
        u = ag_add(dz, vjp(y, u, z));
    d[0] = vjp(y, u, wx.at[0]);
    d[1] = vjp(y, u, wx.at[1]);
    ag_enable_grad_end(z.tape, suspended);
}

static ag_tensor iterate(ag_tensor w, ag_tensor x)
{
    ag_tensor z = ag_zeros(w.tape, AG_F64, AG_SHAPE(N));
    for (int i = 0; i < STEPS; i++)
        z = f(z, w, x);
    return z;
}

static ag_tensor fixed_point(ag_tensor w, ag_tensor x)
{
    ag_no_grad_begin(w.tape);
    ag_tensor z = iterate(w, x);
    ag_no_grad_end(w.tape);
    return ag_custom_vjp(z, AG_LIST(w, x), rule, NULL);
}

static ag_tensor loss_of(ag_list wx, void *user)
{
    ag_tensor z = user ? iterate(wx.at[0], wx.at[1]) : fixed_point(wx.at[0], wx.at[1]);
    return ag_sum(ag_square(ag_sub(z, AG_VALUES(z.tape, AG_SHAPE(N), 0.5, -0.5, 0.25, 0))));
}

/* The largest difference between two lists of gradients. */
static double difference(const ag_tensor *a, const ag_tensor *b, int count)
{
    double worst = 0;
    for (int i = 0; i < count; i++)
        worst = fmax(worst, ag_item(ag_max(ag_abs(ag_sub(a[i], b[i])))));
    return worst;
}

int main(void)
{
    int through_all = 1;
    ag_tape *t = ag_tape_new((ag_options){ .seed = 2 });
    ag_tensor w = ag_param(ag_randn(t, AG_F64, AG_SHAPE(N, N), 0, 0.25), "W");
    ag_tensor x = ag_param(ag_randn(t, AG_F64, AG_SHAPE(N), 0, 1), "x"), wx[] = { w, x }, implicit[2], unrolled[2];
    ag_list both = { wx, 2 };

    ag_gradients(loss_of(both, NULL), both, 0, implicit);
    ag_gradients(loss_of(both, &through_all), both, 0, unrolled);
    printf("gradients by the rule and through all steps: they differ by %.1e at most\n",
           difference(implicit, unrolled, 2));
    printf("numeric derivatives, first and second: %s\n", ag_verdict_name(ag_gradcheck(loss_of, NULL, both, stdout)));

    for (int epoch = 0; epoch <= EPOCHS; epoch++) { /* find the x whose fixed point is the one wanted */
        ag_tape_reset(t);
        ag_zero_grad(x);
        ag_tensor loss = loss_of(both, NULL);
        if (epoch % 10 == 0)
            printf("epoch %2d: loss %.6f\n", epoch, ag_item(loss));
        ag_backward(loss);
        ag_assign(x, ag_sub(x, ag_mul_scalar(ag_grad(x), 0.2)));
    }
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
