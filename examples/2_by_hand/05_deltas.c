/* 2.5. Deltas: backpropagation as matrices.
 *
 * Lecture 2: with delta_l = dC/dz_l, the error of layer l's neurons, all of backpropagation is four lines:
 *
 *     delta_L = (a_L - y) sigma'(z_L)                    for C = |y - a_L|^2 / 2
 *     delta_L = a_L - y                                  for binary cross entropy
 *     delta_l = (W_{l+1}' delta_{l+1}) sigma'(z_l)       one layer further back
 *     dC/db_l = delta_l,  dC/dW_l = delta_l a_{l-1}'
 *
 * Products of vectors are element by element, and sigma'(z) = a (1 - a). Each line is computed here as it stands, and
 * compared with what the tape says: keep_grads has it keep the gradients by every z as well. */
#include "ag/ag.h"
#include <sys/stat.h>

enum { LAYERS = 3 };

static double distance(ag_tensor a, ag_tensor b)
{
    return ag_item(ag_max(ag_abs(ag_sub(a, b))));
}

static void print(const char *loss, const char *name, int layer, ag_tensor x)
{
    printf("%s: %s_%d = ", loss, name, layer);
    for (int64_t i = 0; i < ag_size_of(x); i++)
        printf("%s%.15g", i ? ", " : "", ag_item_at(x, i));
    printf("\n");
}

/* 3 inputs, 4, 3 and 2 neurons; b has W's rows. The entries count up so that one sees what they are. */
static ag_tensor entries(ag_tape *t, ag_shape s, double from)
{
    ag_tensor n = ag_arange(t, AG_F64, 0, (double)ag_shape_size(s), 1);
    return ag_require_grad(ag_reshape(ag_sin(ag_add_scalar(n, from)), s));
}

static ag_tensor compare(ag_tape *t, bool cross_entropy)
{
    static const int64_t sizes[LAYERS + 1] = { 3, 4, 3, 2 };
    static const char *const names[LAYERS + 1][4] = {
        { "" }, { "w1", "b1", "z1", "a1" }, { "w2", "b2", "z2", "a2" }, { "w3", "b3", "z3", "a3" }
    };
    ag_tensor w[LAYERS + 1], b[LAYERS + 1], z[LAYERS + 1], a[LAYERS + 1],
        y = ag_name(AG_VALUES(t, AG_SHAPE(2), 1, 0), "y");
    a[0] = ag_name(AG_VALUES(t, AG_SHAPE(3), 0.5, -1, 2), "x");
    for (int l = 1; l <= LAYERS; l++) {
        w[l] = ag_name(entries(t, AG_SHAPE(sizes[l], sizes[l - 1]), l), names[l][0]);
        b[l] = ag_name(entries(t, AG_SHAPE(sizes[l]), -l), names[l][1]);
        z[l] = ag_name(ag_add(ag_matmul(w[l], a[l - 1]), b[l]), names[l][2]);
        a[l] = ag_name(ag_sigmoid(z[l]), names[l][3]);
    }
    ag_tensor c = cross_entropy ? ag_bce_with(a[LAYERS], y, (ag_tensor){ 0 }, AG_REDUCE_SUM)
                                : ag_mul_scalar(ag_sum(ag_square(ag_sub(y, a[LAYERS]))), 0.5);
    ag_backward(c);
    const char *loss = cross_entropy ? "cross entropy" : "squares";
    printf("%s: C = %.15g\n", loss, ag_item(c));

    ag_tensor delta = ag_sub(a[LAYERS], y);
    if (!cross_entropy)
        delta = ag_mul(delta, ag_mul(a[LAYERS], ag_scalar_sub(1, a[LAYERS])));
    for (int l = LAYERS; l >= 1; l--) {
        if (l < LAYERS) {
            ag_tensor slope = ag_mul(a[l], ag_scalar_sub(1, a[l]));
            delta = ag_mul(ag_matmul(ag_transpose(w[l + 1], 0, 1), delta), slope);
        }
        ag_tensor by_w = ag_outer(delta, a[l - 1]);
        print(loss, "delta", l, delta);
        print(loss, "dC/dw", l, by_w);
        printf("%s: layer %d differs from the tape by: delta %.2g, dC/db %.2g, dC/dw %.2g\n", loss, l,
               distance(delta, ag_grad(z[l])), distance(delta, ag_grad(b[l])), distance(by_w, ag_grad(w[l])));
    }
    return c;
}

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ .keep_grads = true });
    compare(t, false);
    printf("\n");
    ag_tensor c = compare(t, true);
    mkdir("out", 0777);
    mkdir("out/2_by_hand", 0777);
    ag_draw_file(ag_name(c, "C"), "out/2_by_hand/05_deltas.png");
    ag_draw_html(c, "out/2_by_hand/05_deltas.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
