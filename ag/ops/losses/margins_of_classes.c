/* Margins between the score of a class and those of the others. */
#include "ag/ops/losses/loss.h"

/* ag_multi_margin - the score of the class target[n], or of one target[], is to be above those of the others by a margin;
 * scores z[n,c] or z[c], a weight for each class, weight[c], or {0}. p is 1 or 2.
 *   L = reduced 1/c sum_(j != target[i]) weight[target[i]] max(margin - z[i,target[i]] + z[i,j], 0)^p
 *       dz[i,j] = dL weight[target[i]] / c, for p = 2 times twice the base, where that is above 0; dz[i,target[i]] less
 *       the sum of these
 * Errors: AG_EARG for a class out of range, another p or an unknown reduction; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_multi_margin(ag_tensor z, ag_tensor target, ag_tensor weight, int p, double margin,
                                 ag_reduce reduce)
{
    const ag_list given = ag_absent(weight) ? AG_LIST(z, target) : AG_LIST(z, target, weight);
    ag_shape shapes[3];
    ag_tape *t = ag_shapes_for("ag_multi_margin", given, shapes);
    const ag_shape s = shapes[0];
    if (!t)
        return ag_inert(ag_list_tape(given));
    if (p != 1 && p != 2) {
        ag_fail(t, AG_EARG, "ag_multi_margin: p is %d, and must be 1 or 2", p);
        return ag_inert(t);
    }
    if (s.rank != 1 && s.rank != 2) {
        ag_fail(t, AG_ESHAPE, "ag_multi_margin: the scores must be [n,classes] or [classes]");
        return ag_inert(t);
    }
    const ag_tensor zero = ag_constant(t, 0);
    const ag_tensor own = ag_one_hot(target, s.dim[s.rank - 1], AG_U8);
    const ag_tensor score = ag_sum_over(ag_where(own, z, zero), AG_AXES(-1), AG_KEEPDIM);
    const ag_tensor base = ag_relu(ag_add_scalar(ag_sub(z, score), margin)), some = p == 2 ? ag_square(base) : base;
    const ag_tensor each = ag_mean_over(ag_where(own, zero, some), AG_AXES(-1), 0);
    if (ag_absent(weight))
        return ag_loss_reduced(each, reduce);
    const ag_tensor weights = ag_sum_over(ag_mul(ag_cast(own, ag_dtype_of(z)), weight), AG_AXES(-1), 0);
    return ag_loss_reduced(ag_mul(each, weights), reduce);
}
