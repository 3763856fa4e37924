/* Reductions and losses, for the end of the first table of ops.c. Where exponentials and logarithms take most of the time a
 * row says how far that is from the memory's. */
#ifndef BENCH_REDUCTIONS_H
#define BENCH_REDUCTIONS_H

OP(sum, ag_sum(x[0]))
OP(sum_down, ag_sum_over(x[0], AG_AXES(0), 0))
OP(sum_along, ag_sum_over(x[0], AG_AXES(-1), 0))
OP(mean, ag_mean(x[0]))
OP(mean_down, ag_mean_over(x[0], AG_AXES(0), 0))
OP(mean_along, ag_mean_over(x[0], AG_AXES(-1), 0))
OP(max, ag_max(x[0]))
OP(max_down, ag_max_over(x[0], AG_AXES(0), 0))
OP(max_along, ag_max_over(x[0], AG_AXES(-1), 0))
OP(min_down, ag_min_over(x[0], AG_AXES(0), 0))
OP(extremes_down, ag_max_along(x[0], 0).values)
OP(extremes_along, ag_max_along(x[0], 1).values)
OP(logsumexp, ag_logsumexp(x[0], AG_AXES(-1), 0))
OP(logsumexp_down, ag_logsumexp(x[0], AG_AXES(0), 0))
OP(softmax_down, ag_softmax(x[0], 0))
OP(log_softmax_down, ag_log_softmax(x[0], 0))
OP(var, ag_var(x[0]))
OP(var_down, ag_var_over(x[0], AG_AXES(0), 0, (ag_var_options){ 0 }))
OP(var_along, ag_var_over(x[0], AG_AXES(-1), 0, (ag_var_options){ 0 }))
OP(std_down, ag_std_over(x[0], AG_AXES(0), 0, (ag_var_options){ 0 }))
OP(norm, ag_norm(x[0]))
OP(norm_down, ag_norm_over(x[0], 2, AG_AXES(0), 0))
OP(norm_along, ag_norm_over(x[0], 2, AG_AXES(-1), 0))
OP(norm_0, ag_norm_over(x[0], 0, AG_ALL, 0))
OP(norm_1, ag_norm_over(x[0], 1, AG_ALL, 0))
OP(norm_1_down, ag_norm_over(x[0], 1, AG_AXES(0), 0))
OP(norm_inf, ag_norm_over(x[0], INFINITY, AG_ALL, 0))
OP(norm_inf_down, ag_norm_over(x[0], INFINITY, AG_AXES(0), 0))
OP(norm_inf_along, ag_norm_over(x[0], INFINITY, AG_AXES(-1), 0))
OP(prod, ag_prod(x[0]))
OP(prod_down, ag_prod_over(x[0], AG_AXES(0), 0))
OP(prod_along, ag_prod_over(x[0], AG_AXES(-1), 0))
OP(any, ag_any(x[0]))
OP(any_down, ag_any_over(x[0], AG_AXES(0), 0))
OP(any_along, ag_any_over(x[0], AG_AXES(-1), 0))
OP(all, ag_all(x[0]))
OP(count_nonzero, ag_count_nonzero(x[0]))
OP(count_nonzero_down, ag_count_nonzero_over(x[0], AG_AXES(0), 0))
OP(argmax, ag_argmax(x[0], -1))
OP(argmax_down, ag_argmax(x[0], 0))
OP(argmin, ag_argmin(x[0], -1))
OP(argmin_all, ag_argmin_all(x[0]))
OP(mse, ag_mse(x[0], x[1]))
OP(l1, ag_l1(x[0], x[1], AG_REDUCE_MEAN))
OP(huber, ag_huber(x[0], x[1], 1, AG_REDUCE_MEAN))
OP(smooth_l1, ag_smooth_l1(x[0], x[1], 1, AG_REDUCE_MEAN))
OP(l1_each, ag_l1(x[0], x[1], AG_REDUCE_NONE))
OP(hinge, ag_hinge(x[0], x[1], 1, AG_REDUCE_MEAN))
OP(hinge_embedding, ag_hinge_embedding(x[0], x[1], 1, AG_REDUCE_MEAN))
OP(margin_ranking, ag_margin_ranking(x[0], x[1], x[2], 0.5, AG_REDUCE_MEAN))
OP(bce_logits, ag_bce_logits(x[0], x[1]))
OP(soft_margin, ag_soft_margin(x[0], x[1], AG_REDUCE_MEAN))
OP(poisson_nll, ag_poisson_nll(x[0], x[1], (ag_poisson_options){ 0 }))
OP(gaussian_nll, ag_gaussian_nll(x[0], x[1], ag_ones(x[0].tape, AG_F32, AG_SHAPE(1)), (ag_gaussian_options){ 0 }))
OP(kl_div, ag_kl_div(x[0], x[1], true, AG_REDUCE_SUM))
OP(nll, ag_nll(x[0], x[1], (ag_tensor){ 0 }, (ag_nll_options){ 0 }))
OP(distance, ag_pairwise_distance(x[0], x[1], 2, 1e-6, 0))
OP(city_distance, ag_pairwise_distance(x[0], x[1], 1, 1e-6, 0))
OP(chess_distance, ag_pairwise_distance(x[0], x[1], INFINITY, 1e-6, 0))
OP(cosine_similarity, ag_cosine_similarity(x[0], x[1], -1, 1e-8))
OP(triplet_margin, ag_triplet_margin(x[0], x[1], x[2], 1, (ag_triplet_options){ 0 }))
OP(multi_margin, ag_multi_margin(x[0], x[1], (ag_tensor){ 0 }, 1, 1, AG_REDUCE_MEAN))
OP(dot, ag_dot(x[0], x[1]))

/* clang-format off */
#define VECTOR AG_DIMS(SIDE * SIDE)
static const bench reductions[] = {
    { "sum", sum, .shape = { FULL } },
    { "sum over axis 0", sum_down, .shape = { FULL } },
    { "sum over axis 1", sum_along, .shape = { FULL } },
    { "mean", mean, .shape = { FULL } },
    { "mean over axis 0", mean_down, .shape = { FULL } },
    { "mean over axis 1", mean_along, .shape = { FULL } },
    { "max", max, .shape = { FULL }, .kept = A },
    { "max over axis 0", max_down, .shape = { FULL }, .kept = A | RESULT },
    { "max of [n,32]", max_along, .shape = { AG_DIMS(1 << 17, 32) }, .kept = A | RESULT },
    { "max of [n,10], axis 0", max_down, .shape = { AG_DIMS(400000, 10) }, .kept = A | RESULT },
    { "max over axis 1", max_along, .shape = { FULL }, .kept = A | RESULT },
    { "min over axis 0", min_down, .shape = { FULL }, .kept = A | RESULT },
    { "max_along, axis 0", extremes_down, .shape = { FULL } },
    { "max_along, axis 1", extremes_along, .shape = { FULL } },
    { "logsumexp", logsumexp, .shape = { FULL }, .kept = A | RESULT },
    { "logsumexp, axis 0", logsumexp_down, .shape = { FULL }, .kept = A | RESULT },
    { "softmax, axis 0", softmax_down, .shape = { FULL }, .kept = RESULT },
    { "log_softmax, axis 0", log_softmax_down, .shape = { FULL }, .kept = RESULT },
    { "var", var, .shape = { FULL }, .kept = A },
    { "var over axis 0", var_down, .shape = { FULL }, .kept = A },
    { "var of [n,32]", var_along, .shape = { AG_DIMS(1 << 17, 32) }, .kept = A },
    { "var over axis 1", var_along, .shape = { FULL }, .kept = A },
    { "std over axis 0", std_down, .shape = { FULL }, .kept = A },
    { "norm", norm, .shape = { FULL }, .kept = A },
    { "norm over axis 0", norm_down, .shape = { FULL }, .kept = A },
    { "norm of [n,32]", norm_along, .shape = { AG_DIMS(1 << 17, 32) }, .kept = A },
    { "norm of [n,3]", norm_along, .shape = { AG_DIMS(1 << 20, 3) }, .kept = A },
    { "norm over axis 1", norm_along, .shape = { FULL }, .kept = A },
    { "norm 0", norm_0, .shape = { FULL }, .one_way = true },
    { "norm 1", norm_1, .shape = { FULL }, .kept = A },
    { "norm 1 over axis 0", norm_1_down, .shape = { FULL }, .kept = A },
    { "norm inf", norm_inf, .shape = { FULL }, .kept = A },
    { "norm inf, axis 0", norm_inf_down, .shape = { FULL }, .kept = A | RESULT },
    { "norm inf, axis 1", norm_inf_along, .shape = { FULL }, .kept = A | RESULT },
    { "prod", prod, .shape = { FULL }, .kept = A },
    { "prod over axis 0", prod_down, .shape = { FULL }, .kept = A },
    { "prod of [n,32]", prod_along, .shape = { AG_DIMS(1 << 17, 32) }, .kept = A },
    { "prod over axis 1", prod_along, .shape = { FULL }, .kept = A },
    { "any", any, .shape = { FULL }, .one_way = true },
    { "any over axis 0", any_down, .shape = { FULL }, .one_way = true },
    { "any over axis 1", any_along, .shape = { FULL }, .one_way = true },
    { "all", all, .shape = { FULL }, .one_way = true },
    { "count_nonzero", count_nonzero, .shape = { FULL }, .one_way = true },
    { "count_nonzero, axis 0", count_nonzero_down, .shape = { FULL }, .one_way = true },
    { "argmax", argmax, .shape = { FULL }, .one_way = true },
    { "argmax over axis 0", argmax_down, .shape = { FULL }, .one_way = true },
    { "argmin", argmin, .shape = { FULL }, .one_way = true },
    { "argmin of all", argmin_all, .shape = { FULL }, .one_way = true },
    { "mse", mse, .shape = { FULL, FULL }, .kept = A | B },
    { "l1", l1, .shape = { FULL, FULL }, .kept = A | B },
    { "huber", huber, .shape = { FULL, FULL }, .kept = A | B },
    { "smooth_l1", smooth_l1, .shape = { FULL, FULL }, .kept = A | B },
    { "l1, not reduced", l1_each, .shape = { FULL, FULL }, .kept = A | B },
    { "hinge", hinge, .shape = { FULL, FULL }, .kept = A | B },
    { "hinge_embedding", hinge_embedding, .shape = { FULL, FULL }, .kept = A | B },
    { "margin_ranking", margin_ranking, .shape = { FULL, FULL, FULL }, .kept = A | B | C },
    { "bce_logits", bce_logits, .shape = { FULL, FULL }, .kept = A | B },
    { "soft_margin", soft_margin, .shape = { FULL, FULL }, .kept = A | B },
    { "poisson_nll", poisson_nll, .shape = { FULL, FULL }, .kept = A | B },
    { "gaussian_nll", gaussian_nll, .shape = { FULL, FULL }, .kept = A | B },
    { "kl_div", kl_div, .shape = { FULL, FULL }, .kept = A | B },
    { "nll", nll, .shape = { FULL, AG_DIMS(SIDE) }, .below = { 0, SIDE } },
    { "pairwise_distance", distance, .shape = { FULL, FULL }, .kept = A | B },
    { "distance, p = 1", city_distance, .shape = { FULL, FULL }, .kept = A | B },
    { "distance, p = inf", chess_distance, .shape = { FULL, FULL }, .kept = A | B },
    { "cosine_similarity", cosine_similarity, .shape = { FULL, FULL }, .kept = A | B },
    { "triplet_margin", triplet_margin, .shape = { FULL, FULL, FULL }, .kept = A | B | C },
    { "multi_margin", multi_margin, .shape = { FULL, AG_DIMS(SIDE) }, .below = { 0, SIDE }, .kept = A },
    { "dot", dot, .shape = { VECTOR, VECTOR }, .kept = A | B },
    { 0 }
};
/* clang-format on */

#endif
