/* 3.4. A net of L layers, by batches.
 *
 * Lecture 3 writes forward and backward pass for a whole batch, samples in rows, in two lines each:
 *
 *     Z_l = H_{l-1} W_l' + 1 b_l',   H_l = g(Z_l)               H_0 = X
 *     D_l = G_l g'(Z_l),             G_{l-1} = D_l W_l          G_l = dC/dH_l, element by element in D_l
 *     dC/dW_l = D_l' H_{l-1},        dC/db_l = D_l' 1
 *
 * Here they are, for any number of layers, with C the mean over the batch of |H_L - Y|^2 / 2, and beside them what the
 * tape says. The same numbers come out: backpropagation is what the tape does, one op at a time. */
#include "ag/ag.h"
#include <sys/stat.h>

enum { LAYERS = 5, SAMPLES = 16 };

static double distance(ag_tensor a, ag_tensor b)
{
    return ag_item(ag_max(ag_abs(ag_sub(a, b))));
}

int main(void)
{
    static const int64_t sizes[LAYERS + 1] = { 3, 8, 6, 7, 5, 2 };
    static const char *const names[LAYERS + 1][3] = { { "" },
                                                      { "W1", "b1", "H1" },
                                                      { "W2", "b2", "H2" },
                                                      { "W3", "b3", "H3" },
                                                      { "W4", "b4", "H4" },
                                                      { "W5", "b5", "H5" } };
    ag_tape *t = ag_tape_new((ag_options){ .seed = 1, .keep_grads = true });
    ag_tensor w[LAYERS + 1], b[LAYERS + 1], h[LAYERS + 1];
    h[0] = ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, sizes[0]), 0, 1);
    ag_tensor y = ag_randn(t, AG_F64, AG_SHAPE(SAMPLES, sizes[LAYERS]), 0, 1);
    for (int l = 1; l <= LAYERS; l++) {
        w[l] = ag_name(ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(sizes[l], sizes[l - 1]), 0, 0.7)), names[l][0]);
        b[l] = ag_name(ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(sizes[l]), 0, 0.7)), names[l][1]);
        h[l] = ag_name(ag_tanh(ag_add(ag_matmul(h[l - 1], ag_transpose(w[l], 0, 1)), b[l])), names[l][2]);
    }
    ag_tensor c = ag_mul_scalar(ag_sum(ag_square(ag_sub(h[LAYERS], y))), 0.5 / SAMPLES);
    ag_backward(c);
    printf("C = %.15g\n", ag_item(c));

    double largest = 0;
    ag_tensor g = ag_mul_scalar(ag_sub(h[LAYERS], y), 1.0 / SAMPLES);
    for (int l = LAYERS; l >= 1; l--) {
        double by_h = distance(g, ag_grad(h[l]));
        ag_tensor d = ag_mul(g, ag_scalar_sub(1, ag_square(h[l]))); /* tanh' = 1 - tanh^2 */
        double by_w = distance(ag_matmul(ag_transpose(d, 0, 1), h[l - 1]), ag_grad(w[l]));
        double by_b = distance(ag_sum_over(d, AG_AXES(0), 0), ag_grad(b[l]));
        g = ag_matmul(d, w[l]);
        printf("layer %d, %d of %d: differs from the tape by: G %.2g, dC/dW %.2g, dC/db %.2g\n", l, (int)sizes[l],
               (int)sizes[l - 1], by_h, by_w, by_b);
        for (int i = 0; i < 3; i++)
            largest = (double[]){ by_h, by_w, by_b }[i] > largest ? (double[]){ by_h, by_w, by_b }[i] : largest;
    }
    printf("largest difference: %.2g\n", largest);
    mkdir("out", 0777);
    mkdir("out/3_deep_networks", 0777);
    ag_draw_html(ag_name(c, "C"), "out/3_deep_networks/04_layers_by_batches.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
