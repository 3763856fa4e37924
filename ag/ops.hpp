/* Generated from ag/ops.h by ag/ops/generate_cpp: do not edit. A part of ag.hpp; ops.h has the documentation. */
#ifndef AG_OPS_HPP
#define AG_OPS_HPP

namespace ag
{
inline tensor scaled_dot_product_attention(tensor q, tensor k, tensor v, tensor mask, ag_attention_options options)
{
    return detail::checked(ag_scaled_dot_product_attention(q, k, v, mask, options));
}
inline tensor avg_pool1d(tensor x, shape window, ag_pool_options options)
{
    return detail::checked(ag_avg_pool1d(x, window, options));
}
inline tensor avg_pool2d(tensor x, shape window, ag_pool_options options)
{
    return detail::checked(ag_avg_pool2d(x, window, options));
}
inline tensor avg_pool3d(tensor x, shape window, ag_pool_options options)
{
    return detail::checked(ag_avg_pool3d(x, window, options));
}
inline tensor adaptive_avg_pool1d(tensor x, shape size)
{
    return detail::checked(ag_adaptive_avg_pool1d(x, size));
}
inline tensor adaptive_avg_pool2d(tensor x, shape size)
{
    return detail::checked(ag_adaptive_avg_pool2d(x, size));
}
inline tensor adaptive_avg_pool3d(tensor x, shape size)
{
    return detail::checked(ag_adaptive_avg_pool3d(x, size));
}
inline tensor conv1d(tensor x, tensor w, tensor b, ag_conv_options options)
{
    return detail::checked(ag_conv1d(x, w, b, options));
}
inline tensor conv2d(tensor x, tensor w, tensor b, ag_conv_options options)
{
    return detail::checked(ag_conv2d(x, w, b, options));
}
inline tensor conv3d(tensor x, tensor w, tensor b, ag_conv_options options)
{
    return detail::checked(ag_conv3d(x, w, b, options));
}
inline tensor conv_transpose1d(tensor x, tensor w, tensor b, ag_conv_options options)
{
    return detail::checked(ag_conv_transpose1d(x, w, b, options));
}
inline tensor conv_transpose2d(tensor x, tensor w, tensor b, ag_conv_options options)
{
    return detail::checked(ag_conv_transpose2d(x, w, b, options));
}
inline tensor conv_transpose3d(tensor x, tensor w, tensor b, ag_conv_options options)
{
    return detail::checked(ag_conv_transpose3d(x, w, b, options));
}
inline tensor interpolate(tensor x, ag_interpolate_options options)
{
    return detail::checked(ag_interpolate(x, options));
}
inline tensor max_pool1d(tensor x, shape window, ag_pool_options options)
{
    return detail::checked(ag_max_pool1d(x, window, options));
}
inline tensor max_pool2d(tensor x, shape window, ag_pool_options options)
{
    return detail::checked(ag_max_pool2d(x, window, options));
}
inline tensor max_pool3d(tensor x, shape window, ag_pool_options options)
{
    return detail::checked(ag_max_pool3d(x, window, options));
}
inline ag_placed max_pool1d_with_indices(tensor x, shape window, ag_pool_options options)
{
    return detail::checked_all(ag_max_pool1d_with_indices(x, window, options));
}
inline ag_placed max_pool2d_with_indices(tensor x, shape window, ag_pool_options options)
{
    return detail::checked_all(ag_max_pool2d_with_indices(x, window, options));
}
inline ag_placed max_pool3d_with_indices(tensor x, shape window, ag_pool_options options)
{
    return detail::checked_all(ag_max_pool3d_with_indices(x, window, options));
}
inline tensor adaptive_max_pool1d(tensor x, shape size)
{
    return detail::checked(ag_adaptive_max_pool1d(x, size));
}
inline tensor adaptive_max_pool2d(tensor x, shape size)
{
    return detail::checked(ag_adaptive_max_pool2d(x, size));
}
inline tensor adaptive_max_pool3d(tensor x, shape size)
{
    return detail::checked(ag_adaptive_max_pool3d(x, size));
}
inline tensor gelu(tensor x)
{
    return detail::checked(ag_gelu(x));
}
inline tensor gelu_tanh(tensor x)
{
    return detail::checked(ag_gelu_tanh(x));
}
inline tensor silu(tensor x)
{
    return detail::checked(ag_silu(x));
}
inline tensor mish(tensor x)
{
    return detail::checked(ag_mish(x));
}
inline tensor elu(tensor x, double alpha)
{
    return detail::checked(ag_elu(x, alpha));
}
inline tensor selu(tensor x)
{
    return detail::checked(ag_selu(x));
}
inline tensor celu(tensor x, double alpha)
{
    return detail::checked(ag_celu(x, alpha));
}
inline tensor logsigmoid(tensor x)
{
    return detail::checked(ag_logsigmoid(x));
}
inline tensor softsign(tensor x)
{
    return detail::checked(ag_softsign(x));
}
inline tensor hardtanh(tensor x, double low, double high)
{
    return detail::checked(ag_hardtanh(x, low, high));
}
inline tensor hardsigmoid(tensor x)
{
    return detail::checked(ag_hardsigmoid(x));
}
inline tensor hardswish(tensor x)
{
    return detail::checked(ag_hardswish(x));
}
inline tensor add(tensor a, tensor b)
{
    return detail::checked(ag_add(a, b));
}
inline tensor sub(tensor a, tensor b)
{
    return detail::checked(ag_sub(a, b));
}
inline tensor mul(tensor a, tensor b)
{
    return detail::checked(ag_mul(a, b));
}
inline tensor div(tensor a, tensor b)
{
    return detail::checked(ag_div(a, b));
}
inline tensor pow(tensor a, tensor b)
{
    return detail::checked(ag_pow(a, b));
}
inline tensor maximum(tensor a, tensor b)
{
    return detail::checked(ag_maximum(a, b));
}
inline tensor minimum(tensor a, tensor b)
{
    return detail::checked(ag_minimum(a, b));
}
inline tensor chain(tensor a, tensor b)
{
    return detail::checked(ag_chain(a, b));
}
inline tensor copysign(tensor a, tensor b)
{
    return detail::checked(ag_copysign(a, b));
}
inline tensor nextafter(tensor a, tensor b)
{
    return detail::checked(ag_nextafter(a, b));
}
inline tensor bitwise_and(tensor a, tensor b)
{
    return detail::checked(ag_bitwise_and(a, b));
}
inline tensor bitwise_or(tensor a, tensor b)
{
    return detail::checked(ag_bitwise_or(a, b));
}
inline tensor bitwise_xor(tensor a, tensor b)
{
    return detail::checked(ag_bitwise_xor(a, b));
}
inline tensor bitwise_not(tensor x)
{
    return detail::checked(ag_bitwise_not(x));
}
inline tensor bitwise_left_shift(tensor a, tensor b)
{
    return detail::checked(ag_bitwise_left_shift(a, b));
}
inline tensor bitwise_right_shift(tensor a, tensor b)
{
    return detail::checked(ag_bitwise_right_shift(a, b));
}
inline tensor cast(tensor x, ag_dtype d)
{
    return detail::checked(ag_cast(x, d));
}
inline tensor less(tensor a, tensor b)
{
    return detail::checked(ag_less(a, b));
}
inline tensor less_equal(tensor a, tensor b)
{
    return detail::checked(ag_less_equal(a, b));
}
inline tensor greater(tensor a, tensor b)
{
    return detail::checked(ag_greater(a, b));
}
inline tensor greater_equal(tensor a, tensor b)
{
    return detail::checked(ag_greater_equal(a, b));
}
inline tensor equal(tensor a, tensor b)
{
    return detail::checked(ag_equal(a, b));
}
inline tensor not_equal(tensor a, tensor b)
{
    return detail::checked(ag_not_equal(a, b));
}
inline tensor less_scalar(tensor x, double number)
{
    return detail::checked(ag_less_scalar(x, number));
}
inline tensor less_equal_scalar(tensor x, double number)
{
    return detail::checked(ag_less_equal_scalar(x, number));
}
inline tensor greater_scalar(tensor x, double number)
{
    return detail::checked(ag_greater_scalar(x, number));
}
inline tensor greater_equal_scalar(tensor x, double number)
{
    return detail::checked(ag_greater_equal_scalar(x, number));
}
inline tensor equal_scalar(tensor x, double number)
{
    return detail::checked(ag_equal_scalar(x, number));
}
inline tensor not_equal_scalar(tensor x, double number)
{
    return detail::checked(ag_not_equal_scalar(x, number));
}
inline tensor floor_divide(tensor a, tensor b)
{
    return detail::checked(ag_floor_divide(a, b));
}
inline tensor remainder(tensor a, tensor b)
{
    return detail::checked(ag_remainder(a, b));
}
inline tensor fmod(tensor a, tensor b)
{
    return detail::checked(ag_fmod(a, b));
}
inline tensor floor_divide_scalar(tensor x, double number)
{
    return detail::checked(ag_floor_divide_scalar(x, number));
}
inline tensor remainder_scalar(tensor x, double number)
{
    return detail::checked(ag_remainder_scalar(x, number));
}
inline tensor fmod_scalar(tensor x, double number)
{
    return detail::checked(ag_fmod_scalar(x, number));
}
inline tensor expm1(tensor x)
{
    return detail::checked(ag_expm1(x));
}
inline tensor exp2(tensor x)
{
    return detail::checked(ag_exp2(x));
}
inline tensor log1p(tensor x)
{
    return detail::checked(ag_log1p(x));
}
inline tensor log2(tensor x)
{
    return detail::checked(ag_log2(x));
}
inline tensor log10(tensor x)
{
    return detail::checked(ag_log10(x));
}
inline tensor logaddexp(tensor a, tensor b)
{
    return detail::checked(ag_logaddexp(a, b));
}
inline tensor logical_and(tensor a, tensor b)
{
    return detail::checked(ag_logical_and(a, b));
}
inline tensor logical_or(tensor a, tensor b)
{
    return detail::checked(ag_logical_or(a, b));
}
inline tensor logical_xor(tensor a, tensor b)
{
    return detail::checked(ag_logical_xor(a, b));
}
inline tensor logical_not(tensor x)
{
    return detail::checked(ag_logical_not(x));
}
inline tensor isfinite(tensor x)
{
    return detail::checked(ag_isfinite(x));
}
inline tensor isinf(tensor x)
{
    return detail::checked(ag_isinf(x));
}
inline tensor isnan(tensor x)
{
    return detail::checked(ag_isnan(x));
}
inline tensor nan_to_num(tensor x, double nan, double high, double low)
{
    return detail::checked(ag_nan_to_num(x, nan, high, low));
}
inline tensor reciprocal(tensor x)
{
    return detail::checked(ag_reciprocal(x));
}
inline tensor rsqrt(tensor x)
{
    return detail::checked(ag_rsqrt(x));
}
inline tensor cbrt(tensor x)
{
    return detail::checked(ag_cbrt(x));
}
inline tensor hypot(tensor a, tensor b)
{
    return detail::checked(ag_hypot(a, b));
}
inline tensor floor(tensor x)
{
    return detail::checked(ag_floor(x));
}
inline tensor ceil(tensor x)
{
    return detail::checked(ag_ceil(x));
}
inline tensor round(tensor x)
{
    return detail::checked(ag_round(x));
}
inline tensor trunc(tensor x)
{
    return detail::checked(ag_trunc(x));
}
inline tensor frac(tensor x)
{
    return detail::checked(ag_frac(x));
}
inline tensor erf(tensor x)
{
    return detail::checked(ag_erf(x));
}
inline tensor erfc(tensor x)
{
    return detail::checked(ag_erfc(x));
}
inline tensor erfinv(tensor x)
{
    return detail::checked(ag_erfinv(x));
}
inline tensor lgamma(tensor x)
{
    return detail::checked(ag_lgamma(x));
}
inline tensor digamma(tensor x)
{
    return detail::checked(ag_digamma(x));
}
inline tensor polygamma(int n, tensor x)
{
    return detail::checked(ag_polygamma(n, x));
}
inline tensor tan(tensor x)
{
    return detail::checked(ag_tan(x));
}
inline tensor asin(tensor x)
{
    return detail::checked(ag_asin(x));
}
inline tensor acos(tensor x)
{
    return detail::checked(ag_acos(x));
}
inline tensor atan(tensor x)
{
    return detail::checked(ag_atan(x));
}
inline tensor atan2(tensor a, tensor b)
{
    return detail::checked(ag_atan2(a, b));
}
inline tensor sinh(tensor x)
{
    return detail::checked(ag_sinh(x));
}
inline tensor cosh(tensor x)
{
    return detail::checked(ag_cosh(x));
}
inline tensor asinh(tensor x)
{
    return detail::checked(ag_asinh(x));
}
inline tensor acosh(tensor x)
{
    return detail::checked(ag_acosh(x));
}
inline tensor atanh(tensor x)
{
    return detail::checked(ag_atanh(x));
}
inline tensor neg(tensor x)
{
    return detail::checked(ag_neg(x));
}
inline tensor square(tensor x)
{
    return detail::checked(ag_square(x));
}
inline tensor sqrt(tensor x)
{
    return detail::checked(ag_sqrt(x));
}
inline tensor exp(tensor x)
{
    return detail::checked(ag_exp(x));
}
inline tensor log(tensor x)
{
    return detail::checked(ag_log(x));
}
inline tensor sin(tensor x)
{
    return detail::checked(ag_sin(x));
}
inline tensor cos(tensor x)
{
    return detail::checked(ag_cos(x));
}
inline tensor tanh(tensor x)
{
    return detail::checked(ag_tanh(x));
}
inline tensor sigmoid(tensor x)
{
    return detail::checked(ag_sigmoid(x));
}
inline tensor softplus(tensor x)
{
    return detail::checked(ag_softplus(x));
}
inline tensor relu(tensor x)
{
    return detail::checked(ag_relu(x));
}
inline tensor abs(tensor x)
{
    return detail::checked(ag_abs(x));
}
inline tensor sign(tensor x)
{
    return detail::checked(ag_sign(x));
}
inline tensor add_scalar(tensor x, double number)
{
    return detail::checked(ag_add_scalar(x, number));
}
inline tensor mul_scalar(tensor x, double number)
{
    return detail::checked(ag_mul_scalar(x, number));
}
inline tensor scalar_sub(double number, tensor x)
{
    return detail::checked(ag_scalar_sub(number, x));
}
inline tensor scalar_div(double number, tensor x)
{
    return detail::checked(ag_scalar_div(number, x));
}
inline tensor pow_scalar(tensor x, double number)
{
    return detail::checked(ag_pow_scalar(x, number));
}
inline tensor leaky_relu(tensor x, double slope)
{
    return detail::checked(ag_leaky_relu(x, slope));
}
inline tensor maximum_scalar(tensor x, double number)
{
    return detail::checked(ag_maximum_scalar(x, number));
}
inline tensor minimum_scalar(tensor x, double number)
{
    return detail::checked(ag_minimum_scalar(x, number));
}
inline tensor heaviside(tensor x, double at_zero)
{
    return detail::checked(ag_heaviside(x, at_zero));
}
inline tensor clamp(tensor x, double low, double high)
{
    return detail::checked(ag_clamp(x, low, high));
}
inline tensor where(tensor c, tensor a, tensor b)
{
    return detail::checked(ag_where(c, a, b));
}
inline tensor where_scalar(tensor c, tensor x, double number)
{
    return detail::checked(ag_where_scalar(c, x, number));
}
inline tensor masked_fill(tensor x, tensor mask, double number)
{
    return detail::checked(ag_masked_fill(x, mask, number));
}
inline tensor embedding(tensor weight, tensor index, ag_embedding_options options)
{
    return detail::checked(ag_embedding(weight, index, options));
}
inline tensor embedding_bag(tensor weight, tensor index, tensor offsets, tensor factors, ag_bag mode)
{
    return detail::checked(ag_embedding_bag(weight, index, offsets, factors, mode));
}
inline tensor gather(tensor x, int axis, tensor index)
{
    return detail::checked(ag_gather(x, axis, index));
}
inline tensor take_along(tensor x, int axis, tensor index)
{
    return detail::checked(ag_take_along(x, axis, index));
}
inline tensor index(tensor x, list indices)
{
    return detail::checked(ag_index(x, indices));
}
inline tensor index_put(tensor x, list indices, tensor values, bool accumulate)
{
    return detail::checked(ag_index_put(x, indices, values, accumulate));
}
inline tensor index_select(tensor x, int axis, tensor index)
{
    return detail::checked(ag_index_select(x, axis, index));
}
inline tensor index_add(tensor x, int axis, tensor index, tensor src)
{
    return detail::checked(ag_index_add(x, axis, index, src));
}
inline tensor masked_select(tensor x, tensor mask)
{
    return detail::checked(ag_masked_select(x, mask));
}
inline tensor masked_scatter(tensor x, tensor mask, tensor src)
{
    return detail::checked(ag_masked_scatter(x, mask, src));
}
inline tensor nonzero(tensor x)
{
    return detail::checked(ag_nonzero(x));
}
inline tensor scatter_add(tensor x, int axis, tensor index, tensor src)
{
    return detail::checked(ag_scatter_add(x, axis, index, src));
}
inline tensor scatter(tensor x, int axis, tensor index, tensor src)
{
    return detail::checked(ag_scatter(x, axis, index, src));
}
inline tensor scatter_scalar(tensor x, int axis, tensor index, double number)
{
    return detail::checked(ag_scatter_scalar(x, axis, index, number));
}
inline tensor take(tensor x, tensor index)
{
    return detail::checked(ag_take(x, index));
}
inline tensor cholesky(tensor x, int flags)
{
    return detail::checked(ag_cholesky(x, flags));
}
inline tensor det(tensor x)
{
    return detail::checked(ag_det(x));
}
inline ag_signed_log slogdet(tensor x)
{
    return detail::checked_all(ag_slogdet(x));
}
inline tensor logdet(tensor x)
{
    return detail::checked(ag_logdet(x));
}
inline ag_eigen eigh(tensor x)
{
    return detail::checked_all(ag_eigh(x));
}
inline tensor eigvalsh(tensor x)
{
    return detail::checked(ag_eigvalsh(x));
}
inline tensor inverse(tensor x)
{
    return detail::checked(ag_inverse(x));
}
inline tensor lstsq(tensor a, tensor b)
{
    return detail::checked(ag_lstsq(a, b));
}
inline tensor pinv(tensor x, double rcond)
{
    return detail::checked(ag_pinv(x, rcond));
}
inline tensor matrix_rank(tensor x, double rcond)
{
    return detail::checked(ag_matrix_rank(x, rcond));
}
inline tensor cond(tensor x)
{
    return detail::checked(ag_cond(x));
}
inline tensor matrix_exp(tensor x)
{
    return detail::checked(ag_matrix_exp(x));
}
inline tensor matrix_power(tensor x, int64_t p)
{
    return detail::checked(ag_matrix_power(x, p));
}
inline ag_qr_factors qr(tensor x)
{
    return detail::checked_all(ag_qr(x));
}
inline ag_qr_factors qr_with(tensor x, ag_qr_options options)
{
    return detail::checked_all(ag_qr_with(x, options));
}
inline tensor solve(tensor a, tensor b)
{
    return detail::checked(ag_solve(a, b));
}
inline ag_singular svd(tensor x)
{
    return detail::checked_all(ag_svd(x));
}
inline tensor svdvals(tensor x)
{
    return detail::checked(ag_svdvals(x));
}
inline tensor triangular_solve(tensor a, tensor b, int flags)
{
    return detail::checked(ag_triangular_solve(a, b, flags));
}
inline tensor bce(tensor p, tensor y)
{
    return detail::checked(ag_bce(p, y));
}
inline tensor bce_with(tensor p, tensor y, tensor weight, ag_reduce reduce)
{
    return detail::checked(ag_bce_with(p, y, weight, reduce));
}
inline tensor bce_logits(tensor z, tensor y)
{
    return detail::checked(ag_bce_logits(z, y));
}
inline tensor bce_logits_with(tensor z, tensor y, tensor weight, tensor pos_weight, ag_reduce reduce)
{
    return detail::checked(ag_bce_logits_with(z, y, weight, pos_weight, reduce));
}
inline tensor cross_entropy(tensor z, tensor target)
{
    return detail::checked(ag_cross_entropy(z, target));
}
inline tensor cross_entropy_with(tensor z, tensor target, tensor weight, ag_cross_entropy_options options)
{
    return detail::checked(ag_cross_entropy_with(z, target, weight, options));
}
inline tensor ctc(tensor z, tensor labels, tensor input_lengths, tensor target_lengths, ag_ctc_options options)
{
    return detail::checked(ag_ctc(z, labels, input_lengths, target_lengths, options));
}
inline tensor pairwise_distance(tensor a, tensor b, double p, double eps, int flags)
{
    return detail::checked(ag_pairwise_distance(a, b, p, eps, flags));
}
inline tensor cdist(tensor a, tensor b, double p)
{
    return detail::checked(ag_cdist(a, b, p));
}
inline tensor cosine_similarity(tensor a, tensor b, int axis, double eps)
{
    return detail::checked(ag_cosine_similarity(a, b, axis, eps));
}
inline tensor triplet_margin(tensor anchor, tensor positive, tensor negative, double margin, ag_triplet_options options)
{
    return detail::checked(ag_triplet_margin(anchor, positive, negative, margin, options));
}
inline tensor cosine_embedding(tensor a, tensor b, tensor y, double margin, ag_reduce reduce)
{
    return detail::checked(ag_cosine_embedding(a, b, y, margin, reduce));
}
inline tensor gaussian_nll(tensor mean, tensor y, tensor variance, ag_gaussian_options options)
{
    return detail::checked(ag_gaussian_nll(mean, y, variance, options));
}
inline tensor poisson_nll(tensor z, tensor y, ag_poisson_options options)
{
    return detail::checked(ag_poisson_nll(z, y, options));
}
inline tensor kl_div(tensor z, tensor y, bool log_target, ag_reduce reduce)
{
    return detail::checked(ag_kl_div(z, y, log_target, reduce));
}
inline tensor hinge(tensor x, tensor y, double margin, ag_reduce reduce)
{
    return detail::checked(ag_hinge(x, y, margin, reduce));
}
inline tensor margin_ranking(tensor a, tensor b, tensor y, double margin, ag_reduce reduce)
{
    return detail::checked(ag_margin_ranking(a, b, y, margin, reduce));
}
inline tensor hinge_embedding(tensor x, tensor y, double margin, ag_reduce reduce)
{
    return detail::checked(ag_hinge_embedding(x, y, margin, reduce));
}
inline tensor soft_margin(tensor x, tensor y, ag_reduce reduce)
{
    return detail::checked(ag_soft_margin(x, y, reduce));
}
inline tensor multi_margin(tensor z, tensor target, tensor weight, int p, double margin, ag_reduce reduce)
{
    return detail::checked(ag_multi_margin(z, target, weight, p, margin, reduce));
}
inline tensor nll(tensor z, tensor target, tensor weight, ag_nll_options options)
{
    return detail::checked(ag_nll(z, target, weight, options));
}
inline tensor mse(tensor a, tensor b)
{
    return detail::checked(ag_mse(a, b));
}
inline tensor mse_with(tensor a, tensor b, ag_reduce reduce)
{
    return detail::checked(ag_mse_with(a, b, reduce));
}
inline tensor l1(tensor a, tensor b, ag_reduce reduce)
{
    return detail::checked(ag_l1(a, b, reduce));
}
inline tensor huber(tensor a, tensor b, double delta, ag_reduce reduce)
{
    return detail::checked(ag_huber(a, b, delta, reduce));
}
inline tensor smooth_l1(tensor a, tensor b, double beta, ag_reduce reduce)
{
    return detail::checked(ag_smooth_l1(a, b, beta, reduce));
}
inline tensor group_norm(tensor x, int64_t groups, tensor weight, tensor bias, double eps)
{
    return detail::checked(ag_group_norm(x, groups, weight, bias, eps));
}
inline tensor instance_norm(tensor x, tensor weight, tensor bias, double eps)
{
    return detail::checked(ag_instance_norm(x, weight, bias, eps));
}
inline ag_batch_normed batch_norm(tensor x, tensor running_mean, tensor running_var, tensor weight, tensor bias, ag_batch_norm_options options)
{
    return detail::checked_all(ag_batch_norm(x, running_mean, running_var, weight, bias, options));
}
inline tensor layer_norm(tensor x, tensor weight, tensor bias, ag_layer_norm_options options)
{
    return detail::checked(ag_layer_norm(x, weight, bias, options));
}
inline tensor rms_norm(tensor x, tensor weight, ag_layer_norm_options options)
{
    return detail::checked(ag_rms_norm(x, weight, options));
}
inline tensor dot(tensor a, tensor b)
{
    return detail::checked(ag_dot(a, b));
}
inline tensor einsum(const char *equation, list xs)
{
    return detail::checked(ag_einsum(equation, xs));
}
inline tensor linear(tensor x, tensor w, tensor b)
{
    return detail::checked(ag_linear(x, w, b));
}
inline tensor matmul(tensor a, tensor b)
{
    return detail::checked(ag_matmul(a, b));
}
inline tensor tensordot(tensor a, tensor b, axes axes_a, axes axes_b)
{
    return detail::checked(ag_tensordot(a, b, axes_a, axes_b));
}
inline tensor inner(tensor a, tensor b)
{
    return detail::checked(ag_inner(a, b));
}
inline tensor outer(tensor a, tensor b)
{
    return detail::checked(ag_outer(a, b));
}
inline tensor mv(tensor a, tensor x)
{
    return detail::checked(ag_mv(a, x));
}
inline tensor bmm(tensor a, tensor c)
{
    return detail::checked(ag_bmm(a, c));
}
inline tensor kron(tensor a, tensor b)
{
    return detail::checked(ag_kron(a, b));
}
inline tensor cross(tensor a, tensor b, int axis)
{
    return detail::checked(ag_cross(a, b, axis));
}
inline tensor dropout(tensor x, double p)
{
    return detail::checked(ag_dropout(x, p));
}
inline tensor alpha_dropout(tensor x, double p)
{
    return detail::checked(ag_alpha_dropout(x, p));
}
inline tensor bernoulli(tensor p)
{
    return detail::checked(ag_bernoulli(p));
}
inline tensor multinomial(tensor weights, int64_t samples, bool replacement)
{
    return detail::checked(ag_multinomial(weights, samples, replacement));
}
inline tensor gumbel_softmax(tensor x, double temperature, bool hard, int axis)
{
    return detail::checked(ag_gumbel_softmax(x, temperature, hard, axis));
}
inline tensor max(tensor x)
{
    return detail::checked(ag_max(x));
}
inline tensor min(tensor x)
{
    return detail::checked(ag_min(x));
}
inline tensor max_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_max_over(x, axes_, flags));
}
inline tensor min_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_min_over(x, axes_, flags));
}
inline tensor norm(tensor x)
{
    return detail::checked(ag_norm(x));
}
inline tensor norm_over(tensor x, double p, axes axes_, int flags)
{
    return detail::checked(ag_norm_over(x, p, axes_, flags));
}
inline tensor argmax(tensor x, int axis)
{
    return detail::checked(ag_argmax(x, axis));
}
inline tensor argmax_all(tensor x)
{
    return detail::checked(ag_argmax_all(x));
}
inline tensor argmin(tensor x, int axis)
{
    return detail::checked(ag_argmin(x, axis));
}
inline tensor argmin_all(tensor x)
{
    return detail::checked(ag_argmin_all(x));
}
inline ag_placed max_along(tensor x, int axis)
{
    return detail::checked_all(ag_max_along(x, axis));
}
inline ag_placed min_along(tensor x, int axis)
{
    return detail::checked_all(ag_min_along(x, axis));
}
inline tensor prod(tensor x)
{
    return detail::checked(ag_prod(x));
}
inline tensor prod_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_prod_over(x, axes_, flags));
}
inline tensor softmax(tensor x, int axis)
{
    return detail::checked(ag_softmax(x, axis));
}
inline tensor softmin(tensor x, int axis)
{
    return detail::checked(ag_softmin(x, axis));
}
inline tensor log_softmax(tensor x, int axis)
{
    return detail::checked(ag_log_softmax(x, axis));
}
inline tensor logsumexp(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_logsumexp(x, axes_, flags));
}
inline tensor sum(tensor x)
{
    return detail::checked(ag_sum(x));
}
inline tensor sum_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_sum_over(x, axes_, flags));
}
inline tensor mean(tensor x)
{
    return detail::checked(ag_mean(x));
}
inline tensor mean_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_mean_over(x, axes_, flags));
}
inline tensor count_nonzero(tensor x)
{
    return detail::checked(ag_count_nonzero(x));
}
inline tensor count_nonzero_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_count_nonzero_over(x, axes_, flags));
}
inline tensor any(tensor x)
{
    return detail::checked(ag_any(x));
}
inline tensor any_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_any_over(x, axes_, flags));
}
inline tensor all(tensor x)
{
    return detail::checked(ag_all(x));
}
inline tensor all_over(tensor x, axes axes_, int flags)
{
    return detail::checked(ag_all_over(x, axes_, flags));
}
inline tensor var(tensor x)
{
    return detail::checked(ag_var(x));
}
inline tensor var_over(tensor x, axes axes_, int flags, ag_var_options options)
{
    return detail::checked(ag_var_over(x, axes_, flags, options));
}
inline tensor std(tensor x)
{
    return detail::checked(ag_std(x));
}
inline tensor std_over(tensor x, axes axes_, int flags, ag_var_options options)
{
    return detail::checked(ag_std_over(x, axes_, flags, options));
}
inline ag_placed cummax(tensor x, int axis)
{
    return detail::checked_all(ag_cummax(x, axis));
}
inline ag_placed cummin(tensor x, int axis)
{
    return detail::checked_all(ag_cummin(x, axis));
}
inline tensor cumprod(tensor x, int axis)
{
    return detail::checked(ag_cumprod(x, axis));
}
inline tensor cumsum(tensor x, int axis)
{
    return detail::checked(ag_cumsum(x, axis));
}
inline tensor logcumsumexp(tensor x, int axis)
{
    return detail::checked(ag_logcumsumexp(x, axis));
}
inline tensor recurrence(tensor a, tensor b, int axis)
{
    return detail::checked(ag_recurrence(a, b, axis));
}
inline tensor concat(list xs, int axis)
{
    return detail::checked(ag_concat(xs, axis));
}
inline tensor stack(list xs, int axis)
{
    return detail::checked(ag_stack(xs, axis));
}
inline tensor diagonal(tensor x, int64_t offset, int axis1, int axis2)
{
    return detail::checked(ag_diagonal(x, offset, axis1, axis2));
}
inline tensor diag_embed(tensor x, int64_t offset, int axis1, int axis2)
{
    return detail::checked(ag_diag_embed(x, offset, axis1, axis2));
}
inline tensor diag(tensor x, int64_t offset)
{
    return detail::checked(ag_diag(x, offset));
}
inline tensor trace(tensor x)
{
    return detail::checked(ag_trace(x));
}
inline tensor expand(tensor x, shape s)
{
    return detail::checked(ag_expand(x, s));
}
inline tensor expand_as(tensor x, tensor like)
{
    return detail::checked(ag_expand_as(x, like));
}
inline tensor meshgrid(list xs, int i, ag_indexing indexing)
{
    return detail::checked(ag_meshgrid(xs, i, indexing));
}
inline tensor flip(tensor x, axes axes_)
{
    return detail::checked(ag_flip(x, axes_));
}
inline tensor roll(tensor x, int axis, int64_t shift)
{
    return detail::checked(ag_roll(x, axis, shift));
}
inline tensor one_hot(tensor x, int64_t classes, ag_dtype d)
{
    return detail::checked(ag_one_hot(x, classes, d));
}
inline tensor pad(tensor x, shape before, shape after, ag_pad_mode mode, double value)
{
    return detail::checked(ag_pad(x, before, after, mode, value));
}
inline tensor transpose(tensor x, int a, int b)
{
    return detail::checked(ag_transpose(x, a, b));
}
inline tensor permute(tensor x, axes axes_)
{
    return detail::checked(ag_permute(x, axes_));
}
inline tensor swapaxes(tensor x, int a, int b)
{
    return detail::checked(ag_swapaxes(x, a, b));
}
inline tensor movedim(tensor x, int from, int to)
{
    return detail::checked(ag_movedim(x, from, to));
}
inline tensor reshape(tensor x, shape s)
{
    return detail::checked(ag_reshape(x, s));
}
inline tensor view_as(tensor x, tensor like)
{
    return detail::checked(ag_view_as(x, like));
}
inline tensor flatten(tensor x, int first, int last)
{
    return detail::checked(ag_flatten(x, first, last));
}
inline tensor unsqueeze(tensor x, int axis)
{
    return detail::checked(ag_unsqueeze(x, axis));
}
inline tensor squeeze(tensor x, int axis)
{
    return detail::checked(ag_squeeze(x, axis));
}
inline tensor slice(tensor x, int axis, int64_t start, int64_t stop, int64_t step)
{
    return detail::checked(ag_slice(x, axis, start, stop, step));
}
inline tensor select(tensor x, int axis, int64_t i)
{
    return detail::checked(ag_select(x, axis, i));
}
inline tensor embed(tensor x, int axis, int64_t extent, int64_t start, int64_t step)
{
    return detail::checked(ag_embed(x, axis, extent, start, step));
}
inline tensor split(tensor x, int axis, int64_t size, int64_t i)
{
    return detail::checked(ag_split(x, axis, size, i));
}
inline tensor chunk(tensor x, int axis, int64_t chunks, int64_t i)
{
    return detail::checked(ag_chunk(x, axis, chunks, i));
}
inline tensor tile(tensor x, shape counts)
{
    return detail::checked(ag_tile(x, counts));
}
inline tensor repeat(tensor x, shape counts)
{
    return detail::checked(ag_repeat(x, counts));
}
inline tensor repeat_interleave(tensor x, int axis, int64_t count)
{
    return detail::checked(ag_repeat_interleave(x, axis, count));
}
inline tensor tril(tensor x, int64_t diagonal)
{
    return detail::checked(ag_tril(x, diagonal));
}
inline tensor triu(tensor x, int64_t diagonal)
{
    return detail::checked(ag_triu(x, diagonal));
}
inline tensor unfold(tensor x, int axis, int64_t size, int64_t step)
{
    return detail::checked(ag_unfold(x, axis, size, step));
}
inline tensor overlap_add(tensor x, int axis, int64_t extent, int64_t step)
{
    return detail::checked(ag_overlap_add(x, axis, extent, step));
}
inline tensor bincount(tensor x, tensor weights, int64_t minlength)
{
    return detail::checked(ag_bincount(x, weights, minlength));
}
inline tensor histogram(tensor x, int64_t bins, double low, double high)
{
    return detail::checked(ag_histogram(x, bins, low, high));
}
inline ag_placed kthvalue(tensor x, int64_t k, int axis)
{
    return detail::checked_all(ag_kthvalue(x, k, axis));
}
inline ag_placed median(tensor x, int axis)
{
    return detail::checked_all(ag_median(x, axis));
}
inline tensor searchsorted(tensor sequence, tensor values, ag_searchsorted_options options)
{
    return detail::checked(ag_searchsorted(sequence, values, options));
}
inline ag_unique unique_consecutive(tensor x)
{
    return detail::checked_all(ag_unique_consecutive(x));
}
inline ag_placed sort(tensor x, int axis, ag_sort_options options)
{
    return detail::checked_all(ag_sort(x, axis, options));
}
inline ag_placed topk(tensor x, int64_t k, int axis, ag_topk_options options)
{
    return detail::checked_all(ag_topk(x, k, axis, options));
}
inline tensor argsort(tensor x, int axis, ag_sort_options options)
{
    return detail::checked(ag_argsort(x, axis, options));
}
} // namespace ag

#endif
