/* Losses of distances and angles between rows, composed of those. */
#include "ag/ops/losses/loss.h"

/* max(x, 0), reduced */
static ag_tensor hinged(ag_tensor x, ag_reduce reduce)
{
    return ag_loss_reduced(ag_relu(x), reduce);
}

/* ag_triplet_margin - the anchor is to be nearer to what it belongs to than to what it does not, by a margin. Rows along
 * the last axis, the axes before it broadcast; d is ag_pairwise_distance.
 *   y = reduced max(d(anchor, positive) - d(anchor, negative) + margin, 0)
 *       with options.swap the smaller one of d(anchor, negative) and d(positive, negative)
 *       nothing passes where that is not above 0
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for a p or eps below 0, or an unknown reduction. */
AG_API ag_tensor ag_triplet_margin(ag_tensor anchor, ag_tensor positive, ag_tensor negative, double margin,
                                   ag_triplet_options options)
{
    const double p = options.p != 0 ? options.p : 2, eps = options.eps != 0 ? options.eps : 1e-6;
    const ag_tensor near = ag_pairwise_distance(anchor, positive, p, eps, 0);
    ag_tensor far = ag_pairwise_distance(anchor, negative, p, eps, 0);
    if (options.swap)
        far = ag_minimum(far, ag_pairwise_distance(positive, negative, p, eps, 0));
    return hinged(ag_add_scalar(ag_sub(near, far), margin), options.reduce);
}

/* ag_cosine_embedding - the rows of a and b, [n,d] or [d], are to be alike where the class y[n] is 1, and their cosine
 * at most the margin where it is -1; other classes count for nothing. y is floating.
 *   L = reduced 1 - cos(a, b) where y = 1, max(cos(a, b) - margin, 0) where y = -1
 *       da, db as for ag_cosine_similarity, with eps = 1e-8
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_cosine_embedding(ag_tensor a, ag_tensor b, ag_tensor y, double margin, ag_reduce reduce)
{
    ag_shape s[3];
    ag_tape *t = ag_shapes_for("ag_cosine_embedding", AG_LIST(a, b, y), s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(a, b, y)));
    const ag_tensor cosine = ag_cosine_similarity(a, b, -1, 1e-8);
    const ag_tensor one = ag_constant(t, 1), zero = ag_constant(t, 0);
    const ag_tensor unlike = ag_where(ag_equal(y, ag_constant(t, -1)), ag_relu(ag_add_scalar(cosine, -margin)), zero);
    return ag_loss_reduced(ag_where(ag_equal(y, one), ag_scalar_sub(1, cosine), unlike), reduce);
}
