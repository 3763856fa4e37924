/* 2.1. Cross entropy over K classes.
 *
 * Backpropagation by hand (lecture 2): K outputs h_k = sigma(z_k), one for each class, and a 1 in y for the right one.
 * Each output is charged for what it says about its class, and the cost is the sum:
 *
 *     C = sum over k of  -y_k ln h_k - (1 - y_k) ln(1 - h_k)
 *
 * The last output says 0.8 where 0 is right and costs -ln 0.2 = 1.609. The lecture has 0.69897 there, by the logarithm
 * to base 10. That is the same cost in other units, 2.3026 times smaller, and so is its gradient: dC/dz = h - y holds
 * for the natural one alone. */
#include "nn/nn.h"
#include <math.h>

enum { K = 5 };

int main(void)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    const ag_tensor none = { 0 };
    ag_tensor y = ag_name(AG_VALUES(t, AG_SHAPE(K), 0, 1, 0, 0, 0), "y");
    ag_tensor z = ag_require_grad(
        AG_VALUES(t, AG_SHAPE(K), log(.234 / .766), log(.678 / .322), log(.102 / .898), log(.02 / .98), log(.8 / .2)));
    ag_tensor h = ag_name(ag_sigmoid(ag_name(z, "z")), "h"), other = ag_scalar_sub(1, h), not_y = ag_scalar_sub(1, y);
    ag_tensor each = ag_neg(ag_add(ag_mul(y, ag_log(h)), ag_mul(not_y, ag_log(other))));
    ag_tensor each10 = ag_neg(ag_add(ag_mul(y, ag_log10(h)), ag_mul(not_y, ag_log10(other))));
    ag_tensor ready = ag_bce_with(h, y, none, AG_REDUCE_NONE), cost = ag_sum(each), cost10 = ag_sum(each10);
    ag_tensor g, g10;
    ag_gradients(cost, AG_LIST(z), 0, &g);
    ag_gradients(cost10, AG_LIST(z), 0, &g10);

    printf("y  h      cost               by ag_bce_with      by log10           dC/dz = h - y\n");
    for (int k = 0; k < K; k++)
        printf("%g  %.3f  %.15f  %.15f  %.15f  %.15g\n", ag_item_at(y, k), ag_item_at(h, k), ag_item_at(each, k),
               ag_item_at(ready, k), ag_item_at(each10, k), ag_item_at(g, k));
    printf("the 5th entry costs %.16g, by log10 %.16g\n", ag_item_at(each, 4), ag_item_at(each10, 4));
    printf("the sum is %.15g, by log10 %.15g, ratio %.15g\n", ag_item(cost), ag_item(cost10),
           ag_item(cost) / ag_item(cost10));
    printf("dC/dz differs from h - y by at most %.2g, by log10 by %.3g\n",
           ag_item(ag_max(ag_abs(ag_sub(g, ag_sub(h, y))))), ag_item(ag_max(ag_abs(ag_sub(g10, ag_sub(h, y))))));

    nn_plot *p = nn_plot_new(t, (nn_plot_config){ 0 });
    nn_plot_panel(p, "What each of the five outputs costs", "class", "cost");
    nn_plot_names(p, (nn_classes){ (const char *const[]){ "1", "2: right", "3", "4", "5" }, K });
    nn_plot_bars(p, "natural logarithm", ag_data(each, AG_F64), K);
    nn_plot_bars(p, "base 10", ag_data(each10, AG_F64), K);
    nn_plot_save(p, "out/2_by_hand/01_cross_entropy.png");
    ag_draw_html(ag_name(cost, "C"), "out/2_by_hand/01_cross_entropy.html");
    ag_status status = ag_error(t);
    ag_tape_free(t);
    return status;
}
