/* Generated from the sources in ag/ops by ag/ops/generate: do not edit. */
#ifndef AG_OPS_H
#define AG_OPS_H

/* ======== attention */

/* ---- scaled dot product attention */
/* ag_scaled_dot_product_attention - for each query, a row of q[..,n,d], an average of the rows of v[..,m,e], weighted by
 * how its products with the keys, rows of k[..,m,d], compare. Leading dimensions broadcast. What takes part is where a
 * mask of u8 is not 0; one of q's dtype is added to the scores; it broadcasts to [..,n,m], or is absent, {0}. A row in
 * which nothing takes part is 0. No matrix [n,m] is made, except by derivatives of the second order and by the mask.
 *   y = p v, p = softmax of s along keys, s = scale q k' + mask        dv = p' dy, dq = scale ds k, dk = scale ds' q,
 *       ds = p (dp - sum of p dp along keys) = dmask, dp = dy v'
 * Errors: AG_ESHAPE where extents do not fit; AG_EDTYPE for a mask of another dtype; AG_EARG if scale is not finite. */
AG_API ag_tensor ag_scaled_dot_product_attention(ag_tensor q, ag_tensor k, ag_tensor v, ag_tensor mask,
                                                 ag_attention_options options);

/* ======== convolution */

/* ---- avg pool */
/* ag_avg_pool1d - the means of windows over the last dimension of x[n,c,l] or x[c,l]; see ag_avg_pool2d.
 *   y = sum of x over a window / elements of the window        dx = sum of dy / elements, of all windows with the element
 * Errors: as ag_avg_pool2d. */
AG_API ag_tensor ag_avg_pool1d(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_avg_pool2d - the means of windows over the last two dimensions of x[n,c,h,w] or x[c,h,w]. The windows begin so far
 * apart as they are long, or as options.stride says; what is padded counts as zeros, or with exclude_padding not at all;
 * with a divisor the sums are divided by that.
 *   y[n,c,i,j] = sum of x[n,c, i stride + k - padding, ..] over the window / elements of the window
 *       dx = sum of dy / elements, of all windows with the element
 * An extent of y is (x + 2 padding - window) / stride + 1, rounded down, or up with ceil_mode, where windows that begin in
 * the padding behind are left out. Errors: AG_ESHAPE if a window is longer than the padded input; AG_EARG for options that
 * are negative or a padding of more than half a window. */
AG_API ag_tensor ag_avg_pool2d(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_avg_pool3d - the means of windows over the last three dimensions of x[n,c,d,h,w] or x[c,d,h,w]; see ag_avg_pool2d.
 *   y = sum of x over a window / elements of the window        dx = sum of dy / elements, of all windows with the element
 * Errors: as ag_avg_pool2d. */
AG_API ag_tensor ag_avg_pool3d(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_adaptive_avg_pool1d - the means of size[..] parts, as equal as they can be, of the last dimension of
 * x[n,c,l] or x[c,l]; see ag_adaptive_max_pool1d.
 *   y = sum of x over a part / elements of the part        dx = sum of dy / elements, of all parts with the element
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_avg_pool1d(ag_tensor x, ag_shape size);
/* ag_adaptive_avg_pool2d - the means of size[..] parts, as equal as they can be, of the last two dimensions of
 * x[n,c,h,w] or x[c,h,w]; see ag_adaptive_max_pool2d.
 *   y = sum of x over a part / elements of the part        dx = sum of dy / elements, of all parts with the element
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_avg_pool2d(ag_tensor x, ag_shape size);
/* ag_adaptive_avg_pool3d - the means of size[..] parts, as equal as they can be, of the last three dimensions of
 * x[n,c,d,h,w] or x[c,d,h,w]; see ag_adaptive_max_pool3d.
 *   y = sum of x over a part / elements of the part        dx = sum of dy / elements, of all parts with the element
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_avg_pool3d(ag_tensor x, ag_shape size);

/* ---- conv */
/* ag_conv1d - cross-correlation over the last dimension; see ag_conv2d.
 *   y[n,o,i] = b[o] + sum over c and k of w[o,c,k] x[n,c, i stride + k dilation - padding]
 * Errors: as ag_conv2d. */
AG_API ag_tensor ag_conv1d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options);
/* ag_conv2d - cross-correlation over the last two dimensions of x[n,c,h,w] or x[c,h,w], as in layers of neural networks,
 * with w[out,c/groups,kh,kw] and b[out], which may be absent, {0}. x counts as zero where it is padded.
 *   y[n,o,i,j] = b[o] + sum over c, k and l of w[o,c,k,l] x[n,c, i stride + k dilation - padding, ..], the c of o's group
 *       dx = ag_conv_transpose2d of dy and w    dw = x correlated with dy    db = sum of dy over all but o
 * An extent of y is (x + 2 padding - dilation (k - 1) - 1) / stride + 1, rounded down; with AG_CONV_SAME it is x's.
 * Errors: AG_ESHAPE if the channels do not fit or the kernel is longer than the padded input; AG_EARG for options that
 * are negative or do not go together. */
AG_API ag_tensor ag_conv2d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options);
/* ag_conv3d - cross-correlation over the last three dimensions of x[n,c,d,h,w] or x[c,d,h,w], with
 * w[out,c/groups,kd,kh,kw]; see ag_conv2d.
 *   y[n,o,i,j,k] = b[o] + sum over c and a kernel's elements of w[o,c,..] x[n,c, i stride + .. dilation - padding, ..]
 * Errors: as ag_conv2d. */
AG_API ag_tensor ag_conv3d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options);

/* ---- conv transpose */
/* ag_conv_transpose1d - the derivative of ag_conv1d by its input as a function of its own; see ag_conv_transpose2d.
 *   y[n,o, i stride + k dilation - padding] = b[o] + sum of w[c,o,k] x[n,c,i] over all c, i and k that lead there
 * Errors: as ag_conv_transpose2d. */
AG_API ag_tensor ag_conv_transpose1d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options);
/* ag_conv_transpose2d - the derivative of ag_conv2d by its input as a function of its own: x[n,c,h,w] or x[c,h,w] is
 * spread with w[c,out/groups,kh,kw]; b[out] may be absent, {0}. With the options of a convolution and its w it makes the
 * shape of that one's input from the shape of its output; output_padding makes up for what the rounding lost.
 *   y[n,o, i stride + k dilation - padding, ..] = b[o] + sum of w[c,o,k,l] x[n,c,i,j] over all that lead there
 *       dx = ag_conv2d of dy and w    dw = dy correlated with x    db = sum of dy over all but o
 * An extent of y is (x - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1.
 * Errors: AG_ESHAPE if the channels do not fit or an extent would be below 1; AG_EARG for options that are negative or do
 * not go together. */
AG_API ag_tensor ag_conv_transpose2d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options);
/* ag_conv_transpose3d - the derivative of ag_conv3d by its input as a function of its own, with
 * w[c,out/groups,kd,kh,kw]; see ag_conv_transpose2d.
 *   y[n,o, i stride + k dilation - padding, ..] = b[o] + sum of w[c,o,k,..] x[n,c,i,..] over all that lead there
 * Errors: as ag_conv_transpose2d. */
AG_API ag_tensor ag_conv_transpose3d(ag_tensor x, ag_tensor w, ag_tensor b, ag_conv_options options);

/* ---- interpolate */
/* ag_interpolate - x[n,c,l], x[n,c,h,w] or x[n,c,d,h,w] in other extents: options.size of them, or x's times
 * options.scale, rounded down. By options.mode the nearest element, neighbouring ones weighted linearly (in each
 * dimension), the means of parts (as ag_adaptive_avg_pool2d), or four elements weighted by a cubic polynomial (Keys 1981
 * with a = -0.75). Element i has its place at (i + 0.5) / scale - 0.5 of x, with align_corners at i (s - 1) / (r - 1) for
 * extents s of x and r of y; the nearest one is at i / scale, rounded down. Beyond the edges x goes on as there.
 *   y = sum of weights times x        dx = sum of weights times dy
 * Errors: AG_ESHAPE for another rank; AG_EARG for a size or scale that is not positive, both or neither. */
AG_API ag_tensor ag_interpolate(ag_tensor x, ag_interpolate_options options);

/* ---- max pool */
/* ag_max_pool1d - the largest elements of windows over the last dimension of x[n,c,l] or x[c,l]; see
 * ag_max_pool2d.
 *   y = max of x over a window        dx = sum of dy where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_tensor ag_max_pool1d(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_max_pool2d - the largest elements of windows over the last two dimensions of x[n,c,h,w] or x[c,h,w]: NaN where there
 * is one. The windows begin so far apart as they are long, or as options.stride says; what is padded is never the largest.
 *   y[n,c,i,j] = max of x[n,c, i stride + k dilation - padding, ..] over the window
 *       dx = sum of dy where the element was chosen: the first of equals in the window, the last NaN
 * An extent of y is (x + 2 padding - dilation (window - 1) - 1) / stride + 1, rounded down, or up with ceil_mode, where
 * windows that begin in the padding behind are left out. Errors: AG_ESHAPE if a window is longer than the padded input;
 * AG_EARG for options that are negative or a padding of more than half a window. */
AG_API ag_tensor ag_max_pool2d(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_max_pool3d - the largest elements of windows over the last three dimensions of x[n,c,d,h,w] or x[c,d,h,w]; see
 * ag_max_pool2d.
 *   y = max of x over a window        dx = sum of dy where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_tensor ag_max_pool3d(ag_tensor x, ag_shape window, ag_pool_options options);

/* ---- max pool more */
/* ag_max_pool1d_with_indices - ag_max_pool1d, and where each element stands in its plane of x, counted row by row.
 *   values = max of x over a window        dx = sum of dvalues where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_placed ag_max_pool1d_with_indices(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_max_pool2d_with_indices - ag_max_pool2d, and where each element stands in its plane of x, counted row by row.
 *   values = max of x over a window        dx = sum of dvalues where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_placed ag_max_pool2d_with_indices(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_max_pool3d_with_indices - ag_max_pool3d, and where each element stands in its plane of x, counted row by row.
 *   values = max of x over a window        dx = sum of dvalues where the element was chosen
 * Errors: as ag_max_pool2d. */
AG_API ag_placed ag_max_pool3d_with_indices(ag_tensor x, ag_shape window, ag_pool_options options);
/* ag_adaptive_max_pool1d - the largest elements of size[..] parts, as equal as they can be, of the last dimension of
 * x[n,c,l] or x[c,l]. Part i of r in an extent of s begins at i s / r, rounded down, and ends before (i + 1) s / r,
 * rounded up.
 *   y = max of x over a part        dx = sum of dy where the element was chosen
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_max_pool1d(ag_tensor x, ag_shape size);
/* ag_adaptive_max_pool2d - the largest elements of size[..] parts, as equal as they can be, of the last two dimensions of
 * x[n,c,h,w] or x[c,h,w]. Part i of r in an extent of s begins at i s / r, rounded down, and ends before (i + 1) s / r,
 * rounded up.
 *   y = max of x over a part        dx = sum of dy where the element was chosen
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_max_pool2d(ag_tensor x, ag_shape size);
/* ag_adaptive_max_pool3d - the largest elements of size[..] parts, as equal as they can be, of the last three dimensions of
 * x[n,c,d,h,w] or x[c,d,h,w]. Part i of r in an extent of s begins at i s / r, rounded down, and ends before (i + 1) s / r,
 * rounded up.
 *   y = max of x over a part        dx = sum of dy where the element was chosen
 * Errors: AG_EARG if `size` is negative or has another rank; AG_ESHAPE if x has, or is empty there. */
AG_API ag_tensor ag_adaptive_max_pool3d(ag_tensor x, ag_shape size);

/* ======== elementwise */

/* ---- activations */
/* ag_gelu - Gaussian error linear unit: y = x erfc(-x / sqrt(2)) / 2, dx = (y/x + x exp(-x^2/2) / sqrt(2 pi)) dy */
AG_API ag_tensor ag_gelu(ag_tensor x);
/* ag_gelu_tanh - gelu by its approximation with tanh: y = x (1 + tanh(v)) / 2, v = sqrt(2/pi) (x + 0.044715 x^3), dx = (y/x + x v' (1 - tanh(v)^2) / 2) dy */
AG_API ag_tensor ag_gelu_tanh(ag_tensor x);
/* ag_silu - sigmoid linear unit, swish: y = x sigmoid(x), dx = sigmoid(x) (1 + x sigmoid(-x)) dy */
AG_API ag_tensor ag_silu(ag_tensor x);
/* ag_mish - mish: y = x tanh(softplus(x)), dx = (y/x + x sigmoid(x) (1 - (y/x)^2)) dy */
AG_API ag_tensor ag_mish(ag_tensor x);
/* ag_elu - exponential linear unit (c = alpha): y = x where x > 0, else alpha (exp(x) - 1), dx = dy where x > 0, else alpha exp(x) dy */
AG_API ag_tensor ag_elu(ag_tensor x, double alpha);
/* ag_selu - scaled exponential linear unit: y = 1.0507009873554805 x where x > 0, else 1.7580993408473766 (exp(x) - 1), dx = 1.0507009873554805 dy where x > 0, else 1.7580993408473766 exp(x) dy */
AG_API ag_tensor ag_selu(ag_tensor x);
/* ag_celu - elu whose derivative is continuous (c = alpha): y = x where x > 0, else alpha (exp(x / alpha) - 1), dx = dy where x > 0, else exp(x / alpha) dy */
AG_API ag_tensor ag_celu(ag_tensor x, double alpha);
/* ag_logsigmoid - logarithm of the sigmoid: y = log(1 / (1 + exp(-x))), dx = sigmoid(-x) dy */
AG_API ag_tensor ag_logsigmoid(ag_tensor x);
/* ag_softsign - softsign: y = x / (1 + |x|), dx = dy / (1 + |x|)^2 */
AG_API ag_tensor ag_softsign(ag_tensor x);
/* ag_hardtanh - x within bounds, low <= high or AG_EARG; clamp but for the derivative on the bounds: y = min(max(x, low), high), dx = dy where low < x < high, else 0 */
AG_API ag_tensor ag_hardtanh(ag_tensor x, double low, double high);
/* ag_hardsigmoid - sigmoid of three lines: y = min(max(x + 3, 0), 6) / 6, dx = dy/6 where -3 < x < 3, else 0 */
AG_API ag_tensor ag_hardsigmoid(ag_tensor x);
/* ag_hardswish - swish of two lines and a parabola: y = x min(max(x + 3, 0), 6) / 6, dx = 0 where x <= -3, dy where x >= 3, else (x/3 + 1/2) dy */
AG_API ag_tensor ag_hardswish(ag_tensor x);

/* ---- binary */
/* ag_add - sum: y = a + b; da = dy, db = dy. Of integers too. */
AG_API ag_tensor ag_add(ag_tensor a, ag_tensor b);
/* ag_sub - difference: y = a - b; da = dy, db = -dy. Of integers too. */
AG_API ag_tensor ag_sub(ag_tensor a, ag_tensor b);
/* ag_mul - product, elementwise: y = a b; da = b dy, db = a dy. Of integers too. */
AG_API ag_tensor ag_mul(ag_tensor a, ag_tensor b);
/* ag_div - quotient: y = a / b; da = dy / b, db = -y/b dy */
AG_API ag_tensor ag_div(ag_tensor a, ag_tensor b);
/* ag_pow - power: y = a^b; da = b a^(b-1) dy, db = y log(a) dy; db = 0 where y = 0 */
AG_API ag_tensor ag_pow(ag_tensor a, ag_tensor b);
/* ag_maximum - larger one: y = max(a, b); the larger one receives dy, equal ones dy/2 each. Of integers too. */
AG_API ag_tensor ag_maximum(ag_tensor a, ag_tensor b);
/* ag_minimum - smaller one: y = min(a, b); the smaller one receives dy, equal ones dy/2 each. Of integers too. */
AG_API ag_tensor ag_minimum(ag_tensor a, ag_tensor b);
/* ag_chain - product of an adjoint a and a derivative b, with structural zeros: y = a b, but 0 where a = 0 and b is not finite; da = b dy (0 where y was made 0), db = a dy (0 where one is 0) */
AG_API ag_tensor ag_chain(ag_tensor a, ag_tensor b);
/* ag_copysign - size of a with the sign of b: y = |a| sign(b), of the sign's bit; da = sign(a) sign(b) dy, db = 0 */
AG_API ag_tensor ag_copysign(ag_tensor a, ag_tensor b);
/* ag_nextafter - next number of the type from a toward b: y = nextafter(a, b); da = dy, db = 0 */
AG_API ag_tensor ag_nextafter(ag_tensor a, ag_tensor b);

/* ---- bits */
/* ag_bitwise_and - bits that both have, of integers: y = a & b */
AG_API ag_tensor ag_bitwise_and(ag_tensor a, ag_tensor b);
/* ag_bitwise_or - bits that one has, of integers: y = a | b */
AG_API ag_tensor ag_bitwise_or(ag_tensor a, ag_tensor b);
/* ag_bitwise_xor - bits that one alone has, of integers: y = a ^ b */
AG_API ag_tensor ag_bitwise_xor(ag_tensor a, ag_tensor b);
/* ag_bitwise_not - bits that x lacks; ag_logical_not turns masks, of integers: y = ~x */
AG_API ag_tensor ag_bitwise_not(ag_tensor x);
/* ag_bitwise_left_shift - bits moved up, 0 where b is negative or all are moved out, of integers: y = a << b */
AG_API ag_tensor ag_bitwise_left_shift(ag_tensor a, ag_tensor b);
/* ag_bitwise_right_shift - bits moved down, as far as there are any where b is negative or larger, of integers: y = a >> b */
AG_API ag_tensor ag_bitwise_right_shift(ag_tensor a, ag_tensor b);

/* ---- cast */
/* ag_cast - x as dtype d (AG_FLOAT: the tape's); x itself if that is its dtype. To an integer type: truncated toward
 * zero; what the type cannot hold becomes the nearest that it can, NaN becomes 0.
 *   y = x        dx = dy between f32 and f64, else none
 * Errors: AG_EDTYPE if d is no dtype. */
AG_API ag_tensor ag_cast(ag_tensor x, ag_dtype d);

/* ---- comparisons */
/* ag_less - comparison, u8: 1 where a < b, else 0 */
AG_API ag_tensor ag_less(ag_tensor a, ag_tensor b);
/* ag_less_equal - comparison, u8: 1 where a <= b, else 0 */
AG_API ag_tensor ag_less_equal(ag_tensor a, ag_tensor b);
/* ag_greater - comparison, u8: 1 where a > b, else 0 */
AG_API ag_tensor ag_greater(ag_tensor a, ag_tensor b);
/* ag_greater_equal - comparison, u8: 1 where a >= b, else 0 */
AG_API ag_tensor ag_greater_equal(ag_tensor a, ag_tensor b);
/* ag_equal - comparison, u8: 1 where a = b, else 0 */
AG_API ag_tensor ag_equal(ag_tensor a, ag_tensor b);
/* ag_not_equal - comparison; a NaN differs from everything, u8: 1 where a != b, else 0 */
AG_API ag_tensor ag_not_equal(ag_tensor a, ag_tensor b);
/* ag_less_scalar - comparison with a number c, u8: 1 where x < c, else 0 */
AG_API ag_tensor ag_less_scalar(ag_tensor x, double number);
/* ag_less_equal_scalar - comparison with a number c, u8: 1 where x <= c, else 0 */
AG_API ag_tensor ag_less_equal_scalar(ag_tensor x, double number);
/* ag_greater_scalar - comparison with a number c, u8: 1 where x > c, else 0 */
AG_API ag_tensor ag_greater_scalar(ag_tensor x, double number);
/* ag_greater_equal_scalar - comparison with a number c, u8: 1 where x >= c, else 0 */
AG_API ag_tensor ag_greater_equal_scalar(ag_tensor x, double number);
/* ag_equal_scalar - comparison with a number c, u8: 1 where x = c, else 0 */
AG_API ag_tensor ag_equal_scalar(ag_tensor x, double number);
/* ag_not_equal_scalar - comparison with a number c; a NaN differs from everything, u8: 1 where x != c, else 0 */
AG_API ag_tensor ag_not_equal_scalar(ag_tensor x, double number);

/* ---- division */
/* ag_floor_divide - quotient rounded down, no gradient: y = floor(a / b); da = 0, db = 0. Of integers too. */
AG_API ag_tensor ag_floor_divide(ag_tensor a, ag_tensor b);
/* ag_remainder - remainder with the sign of b: y = a - b floor(a / b); da = dy, db = -floor(a / b) dy. Of integers too. */
AG_API ag_tensor ag_remainder(ag_tensor a, ag_tensor b);
/* ag_fmod - remainder with the sign of a: y = a - b trunc(a / b); da = dy, db = -trunc(a / b) dy. Of integers too. */
AG_API ag_tensor ag_fmod(ag_tensor a, ag_tensor b);
/* ag_floor_divide_scalar - quotient by a number rounded down, no gradient (c = number): y = floor(x / c), dx = 0. Of integers too. */
AG_API ag_tensor ag_floor_divide_scalar(ag_tensor x, double number);
/* ag_remainder_scalar - remainder with the sign of the number (c = number): y = x - c floor(x / c), dx = dy. Of integers too. */
AG_API ag_tensor ag_remainder_scalar(ag_tensor x, double number);
/* ag_fmod_scalar - remainder by a number with the sign of x (c = number): y = x - c trunc(x / c), dx = dy. Of integers too. */
AG_API ag_tensor ag_fmod_scalar(ag_tensor x, double number);

/* ---- exponential */
/* ag_expm1 - exp(x) - 1, exact near 0: y = exp(x) - 1, dx = exp(x) dy */
AG_API ag_tensor ag_expm1(ag_tensor x);
/* ag_exp2 - power of 2: y = 2^x, dx = log(2) y dy */
AG_API ag_tensor ag_exp2(ag_tensor x);
/* ag_log1p - log(1 + x), exact near 0: y = log(1 + x), dx = dy / (1 + x) */
AG_API ag_tensor ag_log1p(ag_tensor x);
/* ag_log2 - logarithm to base 2: y = log2(x), dx = dy / (log(2) x) */
AG_API ag_tensor ag_log2(ag_tensor x);
/* ag_log10 - logarithm to base 10: y = log10(x), dx = dy / (log(10) x) */
AG_API ag_tensor ag_log10(ag_tensor x);
/* ag_logaddexp - logarithm of the sum of two exponentials, without overflow: y = log(exp(a) + exp(b)); da = exp(a - y) dy, db = exp(b - y) dy */
AG_API ag_tensor ag_logaddexp(ag_tensor a, ag_tensor b);

/* ---- logical */
/* ag_logical_and - are both true, u8: 1 where a != 0 and b != 0, else 0 */
AG_API ag_tensor ag_logical_and(ag_tensor a, ag_tensor b);
/* ag_logical_or - is one true, u8: 1 where a != 0 or b != 0, else 0 */
AG_API ag_tensor ag_logical_or(ag_tensor a, ag_tensor b);
/* ag_logical_xor - is one alone true, u8: 1 where one of a and b is 0, the other not, else 0 */
AG_API ag_tensor ag_logical_xor(ag_tensor a, ag_tensor b);
/* ag_logical_not - is it false, u8: 1 where x = 0, else 0 */
AG_API ag_tensor ag_logical_not(ag_tensor x);
/* ag_isfinite - is it a number, not infinite, u8: 1 where x is finite, else 0 */
AG_API ag_tensor ag_isfinite(ag_tensor x);
/* ag_isinf - is it infinite, u8: 1 where x is inf or -inf, else 0 */
AG_API ag_tensor ag_isinf(ag_tensor x);
/* ag_isnan - is it no number, u8: 1 where x is NaN, else 0 */
AG_API ag_tensor ag_isnan(ag_tensor x);

/* ---- nan to num */
/* ag_nan_to_num - numbers for what is none: `nan` for NaN, `high` for inf, `low` for -inf. Those beyond the type, as INFINITY
 * and -INFINITY are, stand for its largest and its smallest number.
 *   y = x where it is finite        dx = dy there, else 0, whatever dy is
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_nan_to_num(ag_tensor x, double nan, double high, double low);

/* ---- powers */
/* ag_reciprocal - reciprocal: y = 1 / x, dx = -y^2 dy */
AG_API ag_tensor ag_reciprocal(ag_tensor x);
/* ag_rsqrt - reciprocal of the square root: y = 1 / sqrt(x), dx = -y^3/2 dy */
AG_API ag_tensor ag_rsqrt(ag_tensor x);
/* ag_cbrt - cube root: y = x^(1/3), negative where x is, dx = dy / (3 y^2) */
AG_API ag_tensor ag_cbrt(ag_tensor x);
/* ag_hypot - length of (a, b), without overflow: y = sqrt(a^2 + b^2); da = a/y dy, db = b/y dy; 0 where y = 0 */
AG_API ag_tensor ag_hypot(ag_tensor a, ag_tensor b);

/* ---- rounding */
/* ag_floor - rounded down, no gradient: y = floor(x), dx = 0. Of integers too. */
AG_API ag_tensor ag_floor(ag_tensor x);
/* ag_ceil - rounded up, no gradient: y = ceil(x), dx = 0. Of integers too. */
AG_API ag_tensor ag_ceil(ag_tensor x);
/* ag_round - rounded to the nearest, halves to the even one, no gradient: y = round(x), dx = 0. Of integers too. */
AG_API ag_tensor ag_round(ag_tensor x);
/* ag_trunc - rounded toward 0, no gradient: y = trunc(x), dx = 0. Of integers too. */
AG_API ag_tensor ag_trunc(ag_tensor x);
/* ag_frac - what rounding toward 0 takes away: y = x - trunc(x), dx = dy */
AG_API ag_tensor ag_frac(ag_tensor x);

/* ---- special */
/* ag_erf - error function: y = erf(x), dx = 2/sqrt(pi) exp(-x^2) dy */
AG_API ag_tensor ag_erf(ag_tensor x);
/* ag_erfc - complementary error function, exact where it is small: y = 1 - erf(x), dx = -2/sqrt(pi) exp(-x^2) dy */
AG_API ag_tensor ag_erfc(ag_tensor x);
/* ag_erfinv - inverse error function, NaN outside of [-1, 1]: y = erfinv(x), dx = sqrt(pi)/2 exp(y^2) dy */
AG_API ag_tensor ag_erfinv(ag_tensor x);
/* ag_lgamma - logarithm of the absolute value of the gamma function: y = log(|gamma(x)|), dx = digamma(x) dy */
AG_API ag_tensor ag_lgamma(ag_tensor x);
/* ag_digamma - derivative of lgamma: y = gamma'(x) / gamma(x), dx = polygamma(1, x) dy */
AG_API ag_tensor ag_digamma(ag_tensor x);
/* ag_polygamma - the derivative number n of digamma, n from 0 to 100: infinite at 0, -1, -2 ...
 *   y = digamma^(n)(x)        dx = polygamma(n + 1, x) dy
 * Errors: AG_EARG if n is not in that range. */
AG_API ag_tensor ag_polygamma(int n, ag_tensor x);

/* ---- trigonometric */
/* ag_tan - tangent: y = tan(x), dx = (1 + y^2) dy */
AG_API ag_tensor ag_tan(ag_tensor x);
/* ag_asin - inverse sine, NaN outside of [-1, 1]: y = asin(x), dx = dy / sqrt(1 - x^2) */
AG_API ag_tensor ag_asin(ag_tensor x);
/* ag_acos - inverse cosine, NaN outside of [-1, 1]: y = acos(x), dx = -dy / sqrt(1 - x^2) */
AG_API ag_tensor ag_acos(ag_tensor x);
/* ag_atan - inverse tangent: y = atan(x), dx = dy / (1 + x^2) */
AG_API ag_tensor ag_atan(ag_tensor x);
/* ag_atan2 - angle of the point (b, a), from -pi to pi: y = atan2(a, b); da = b / (a^2 + b^2) dy, db = -a / (a^2 + b^2) dy */
AG_API ag_tensor ag_atan2(ag_tensor a, ag_tensor b);
/* ag_sinh - hyperbolic sine: y = sinh(x), dx = cosh(x) dy */
AG_API ag_tensor ag_sinh(ag_tensor x);
/* ag_cosh - hyperbolic cosine: y = cosh(x), dx = sinh(x) dy */
AG_API ag_tensor ag_cosh(ag_tensor x);
/* ag_asinh - inverse hyperbolic sine: y = asinh(x), dx = dy / sqrt(x^2 + 1) */
AG_API ag_tensor ag_asinh(ag_tensor x);
/* ag_acosh - inverse hyperbolic cosine, NaN below 1: y = acosh(x), dx = dy / sqrt(x^2 - 1) */
AG_API ag_tensor ag_acosh(ag_tensor x);
/* ag_atanh - inverse hyperbolic tangent, NaN outside of [-1, 1]: y = atanh(x), dx = dy / (1 - x^2) */
AG_API ag_tensor ag_atanh(ag_tensor x);

/* ---- unary */
/* ag_neg - negative: y = -x, dx = -dy. Of integers too. */
AG_API ag_tensor ag_neg(ag_tensor x);
/* ag_square - square: y = x^2, dx = 2 x dy. Of integers too. */
AG_API ag_tensor ag_square(ag_tensor x);
/* ag_sqrt - square root: y = sqrt(x), dx = dy / (2 y) */
AG_API ag_tensor ag_sqrt(ag_tensor x);
/* ag_exp - exponential: y = exp(x), dx = y dy */
AG_API ag_tensor ag_exp(ag_tensor x);
/* ag_log - natural logarithm: y = log(x), dx = dy / x */
AG_API ag_tensor ag_log(ag_tensor x);
/* ag_sin - sine: y = sin(x), dx = cos(x) dy */
AG_API ag_tensor ag_sin(ag_tensor x);
/* ag_cos - cosine: y = cos(x), dx = -sin(x) dy */
AG_API ag_tensor ag_cos(ag_tensor x);
/* ag_tanh - hyperbolic tangent: y = tanh(x), dx = (1 - y^2) dy */
AG_API ag_tensor ag_tanh(ag_tensor x);
/* ag_sigmoid - logistic function: y = 1 / (1 + exp(-x)), dx = y (1 - y) dy */
AG_API ag_tensor ag_sigmoid(ag_tensor x);
/* ag_softplus - smooth relu: y = log(1 + exp(x)), dx = sigmoid(x) dy */
AG_API ag_tensor ag_softplus(ag_tensor x);
/* ag_relu - rectifier: y = max(x, 0), dx = dy where x > 0, else 0. Of integers too. */
AG_API ag_tensor ag_relu(ag_tensor x);
/* ag_abs - absolute value: y = |x|, dx = sign(x) dy. Of integers too. */
AG_API ag_tensor ag_abs(ag_tensor x);
/* ag_sign - sign: -1, 0 or 1, no gradient: y = sign(x), dx = 0. Of integers too. */
AG_API ag_tensor ag_sign(ag_tensor x);
/* ag_add_scalar - sum with a number (c = number): y = x + c, dx = dy. Of integers too. */
AG_API ag_tensor ag_add_scalar(ag_tensor x, double number);
/* ag_mul_scalar - product with a number (c = number): y = c x, dx = c dy. Of integers too. */
AG_API ag_tensor ag_mul_scalar(ag_tensor x, double number);
/* ag_scalar_sub - difference from a number (c = number): y = c - x, dx = -dy. Of integers too. */
AG_API ag_tensor ag_scalar_sub(double number, ag_tensor x);
/* ag_scalar_div - quotient of a number (c = number): y = c / x, dx = -y/x dy */
AG_API ag_tensor ag_scalar_div(double number, ag_tensor x);
/* ag_pow_scalar - power with a constant exponent (c = number): y = x^c, dx = c x^(c-1) dy; 0 if c is 0 */
AG_API ag_tensor ag_pow_scalar(ag_tensor x, double number);
/* ag_leaky_relu - rectifier with a slope below 0 (c = slope): y = x where x > 0, else slope x, dx = dy where x > 0, else slope dy */
AG_API ag_tensor ag_leaky_relu(ag_tensor x, double slope);
/* ag_maximum_scalar - larger one of x and a number (c = number): y = max(x, c), dx = dy where x > c, dy/2 where equal. Of integers too. */
AG_API ag_tensor ag_maximum_scalar(ag_tensor x, double number);
/* ag_minimum_scalar - smaller one of x and a number (c = number): y = min(x, c), dx = dy where x < c, dy/2 where equal. Of integers too. */
AG_API ag_tensor ag_minimum_scalar(ag_tensor x, double number);
/* ag_heaviside - unit step with the given value at 0, no gradient (c = at_zero): y = 1 where x > 0, at_zero where x = 0, else 0, dx = 0 */
AG_API ag_tensor ag_heaviside(ag_tensor x, double at_zero);
/* ag_clamp - x within bounds, low <= high or AG_EARG: y = min(max(x, low), high), dx = dy where low <= x <= high, else 0. Of integers too. */
AG_API ag_tensor ag_clamp(ag_tensor x, double low, double high);

/* ---- where */
/* ag_where - a where the condition c (u8) is not 0, else b; all three broadcast.
 *   y = c ? a : b        da = c ? dy : 0    db = c ? 0 : dy
 * What is not chosen contributes 0 even if its derivative is not finite.
 * Errors: AG_EDTYPE if c is not u8 or the dtypes of a and b differ; AG_ESHAPE if the shapes do not broadcast. */
AG_API ag_tensor ag_where(ag_tensor c, ag_tensor a, ag_tensor b);
/* ag_where_scalar - x where the condition c (u8) is not 0, else the number; c and x broadcast, x is of any dtype.
 *   y = c ? x : number        dx = c ? dy : 0, whatever dy is elsewhere
 * Errors: AG_EDTYPE if c is not u8; AG_ESHAPE if the shapes do not broadcast; AG_EARG if integers x cannot be the number. */
AG_API ag_tensor ag_where_scalar(ag_tensor c, ag_tensor x, double number);
/* ag_masked_fill - the number where the mask (u8) is not 0, else x; both broadcast, x is of any dtype.
 *   y = mask ? number : x        dx = mask ? 0 : dy, whatever dy is there
 * Errors: AG_EDTYPE if the mask is not u8; AG_ESHAPE if the shapes do not broadcast; AG_EARG if integers x cannot be the
 * number. */
AG_API ag_tensor ag_masked_fill(ag_tensor x, ag_tensor mask, double number);

/* ======== indexing */

/* ---- embedding */
/* ag_embedding - rows of weight[n,d], one for each index.
 *   y[..,:] = weight[index[..],:]        dweight = dy summed in the rows that the index names, 0 in others
 * Under options.padded the row padding_idx, from the end where it is negative, receives nothing. Sums are in the order of
 * the index; a gradient that is there already is changed in the named rows alone. Errors: AG_EARG for an index or padding
 * out of range, AG_EDTYPE if the index is floating, AG_ESHAPE if the weight is no matrix. */
AG_API ag_tensor ag_embedding(ag_tensor weight, ag_tensor index, ag_embedding_options options);

/* ---- embedding bag */
/* ag_embedding_bag - of rows of weight[n,d] that a vector of indices names, the mean, sum or maximum of each bag: bag k
 * has the indices from offsets[k] on, up to offsets[k+1] or the end. Without offsets, {0}, each row of an index of two
 * dimensions is a bag. factors, for sums, may be absent, {0}. An empty bag makes zeros.
 *   y[k,:] = mean, sum or max of factors[p] weight[index[p],:] over p in bag k
 *       dweight = dy factors, dy / size of the bag, or dy shared by the largest, summed in the rows that are named
 *       dfactors[p] = sum of dy[k,:] weight[index[p],:]
 * Errors: AG_EARG for an index out of range, offsets that do not ascend from 0, or factors of what is no sum; AG_EDTYPE,
 * AG_ESHAPE for other arguments. */
AG_API ag_tensor ag_embedding_bag(ag_tensor weight, ag_tensor index, ag_tensor offsets, ag_tensor factors, ag_bag mode);

/* ---- gather */
/* ag_gather - elements of x at places along an axis (-1: the last), one for each element of the index, which has x's
 * rank and, along the other axes, at most x's extents.
 *   y[i,..,p,..] = x[i,..,index[i,..,p,..],..]        dx = dy summed at the places that the index names, 0 elsewhere
 * Sums are in the order of the index. Errors: AG_EARG for an index that is negative or not below the extent of the axis,
 * AG_EDTYPE if the index is floating, AG_ESHAPE for another rank or a larger extent. */
AG_API ag_tensor ag_gather(ag_tensor x, int axis, ag_tensor index);
/* ag_take_along - ag_gather where x and the index broadcast along the other axes, as NumPy's take_along_axis: of a
 * matrix's rows the places that an argmax with its axis kept names, say.
 *   y[i,..,p,..] = x[i,..,index[i,..,p,..],..]        dx = dy summed at the places that the index names, 0 elsewhere
 * Errors: as ag_gather; AG_ESHAPE if the ranks differ or the other axes do not broadcast. */
AG_API ag_tensor ag_take_along(ag_tensor x, int axis, ag_tensor index);

/* ---- index */
/* ag_index - x[i, j, ..]: a tensor of indices for each axis from the first on, {0} for one that is taken whole, as it is
 * after the last of them. The indices broadcast to one shape, which stands in the result where the indexed axes stood, or
 * first if they do not lie side by side. Negative ones count from the end. A u8 index is one of numbers: for masks see
 * ag_masked_select, ag_nonzero.
 *   y[..,p,..] = x[..,i[p],j[p],..]        dx = dy summed at the places that the indices name, 0 elsewhere
 * Sums are in the order of the indices. Errors: AG_EARG for an index out of range, AG_EDTYPE if one is floating, AG_ESHAPE
 * if there are more than axes or they do not broadcast. */
AG_API ag_tensor ag_index(ag_tensor x, ag_list indices);
/* ag_index_put - x with values at x[i, j, ..] in place of its own, or under `accumulate` added to them; indices as in
 * ag_index, values broadcast to what that returns. Of several that are put to one place the last in row-major order
 * stays, and it alone receives a gradient (PyTorch leaves open which).
 *   y = x, y[..,i[p],j[p],..] = values[..,p,..]        dx = dy, 0 at the places    dvalues = dy there
 *   y = x, y[..,i[p],j[p],..] += values[..,p,..]        dx = dy    dvalues = dy there
 * Sums are in the order of the indices. Errors: as ag_index; AG_EDTYPE, AG_ESHAPE if values have another dtype or do not
 * broadcast. */
AG_API ag_tensor ag_index_put(ag_tensor x, ag_list indices, ag_tensor values, bool accumulate);

/* ---- index select */
/* ag_index_select - the parts of x at places along an axis (-1: the last) that a vector of indices names, each as often
 * as it occurs.
 *   y[..,p,..] = x[..,index[p],..]        dx = dy summed at the places that the index names, 0 elsewhere
 * Sums are in the order of the index. Errors: AG_EARG for an index that is negative or not below the extent of the axis,
 * AG_EDTYPE if the index is floating, AG_ESHAPE if it is no vector or there is no such axis. */
AG_API ag_tensor ag_index_select(ag_tensor x, int axis, ag_tensor index);
/* ag_index_add - x with parts of src added at places along an axis (-1: the last) that a vector of indices names; src has
 * x's shape but along the axis, where it has as many elements as the index.
 *   y = x, y[..,index[p],..] += src[..,p,..]        dx = dy    dsrc[..,p,..] = dy[..,index[p],..]
 * Sums are in the order of the index. Errors: as ag_index_select; AG_EDTYPE, AG_ESHAPE if src has another dtype or shape. */
AG_API ag_tensor ag_index_add(ag_tensor x, int axis, ag_tensor index, ag_tensor src);

/* ---- masked */
/* ag_masked_select - the elements of x where a mask (u8) is not 0, as a vector in row-major order; both broadcast.
 *   y = x where mask        dx = the elements of dy where mask, 0 elsewhere
 * Errors: AG_EDTYPE if the mask is not u8, AG_ESHAPE if the shapes do not broadcast. */
AG_API ag_tensor ag_masked_select(ag_tensor x, ag_tensor mask);
/* ag_masked_scatter - x with the elements of src, one after the other, where a mask (u8) is not 0; x and the mask
 * broadcast, and of src the first elements are used, in row-major order.
 *   y = mask ? next of src : x        dx = dy, 0 where mask    dsrc = the elements of dy where mask, then 0
 * Errors: AG_EDTYPE if the mask is not u8 or the dtypes differ; AG_ESHAPE if the shapes do not broadcast or src has too
 * few elements. */
AG_API ag_tensor ag_masked_scatter(ag_tensor x, ag_tensor mask, ag_tensor src);

/* ---- nonzero */
/* ag_nonzero - where x is not 0: a row of coordinates for each such element, in row-major order, i64. NaN is not 0.
 *   y[count,rank] = coordinates        no gradient */
AG_API ag_tensor ag_nonzero(ag_tensor x);

/* ---- scatter */
/* ag_scatter_add - x with elements of src added at places along an axis (-1: the last), one for each element of the
 * index, which has x's rank, at most src's extents and, along the other axes, at most x's.
 *   y = x, y[i,..,index[i,..,p,..],..] += src[i,..,p,..]
 *       dx = dy    dsrc[i,..,p,..] = dy[i,..,index[i,..,p,..],..], 0 where the index does not reach
 * Sums are in the order of the index. Errors: AG_EARG for an index that is negative or not below the extent of the axis,
 * AG_EDTYPE if the index is floating or src has another dtype, AG_ESHAPE for other ranks or larger extents. */
AG_API ag_tensor ag_scatter_add(ag_tensor x, int axis, ag_tensor index, ag_tensor src);
/* ag_scatter - x with elements of src in place of its own at places along an axis (-1: the last), one for each element
 * of the index; its extents are as in ag_scatter_add. Of several that are put to one place the last in row-major order
 * of the index stays, and it alone receives a gradient (PyTorch leaves open which).
 *   y = x, y[i,..,index[i,..,p,..],..] = src[i,..,p,..]
 *       dx = dy, 0 at the places    dsrc[i,..,p,..] = dy[i,..,index[i,..,p,..],..] where that one stayed, else 0
 * Errors: as ag_scatter_add. */
AG_API ag_tensor ag_scatter(ag_tensor x, int axis, ag_tensor index, ag_tensor src);
/* ag_scatter_scalar - x with a number in place of its own elements at places along an axis, as ag_scatter.
 *   y = x, y[i,..,index[i,..,p,..],..] = number        dx = dy, 0 at the places
 * Errors: as ag_scatter_add. */
AG_API ag_tensor ag_scatter_scalar(ag_tensor x, int axis, ag_tensor index, double number);

/* ---- take */
/* ag_take - elements of x by their number in row-major order, in the index' shape; negative ones count from the end.
 *   y[..] = x.flat[index[..]]        dx = dy summed at the places that the index names, 0 elsewhere
 * Sums are in the order of the index. Errors: AG_EARG for an index out of range, AG_EDTYPE if it is floating. */
AG_API ag_tensor ag_take(ag_tensor x, ag_tensor index);

/* ======== linear algebra */

/* ---- cholesky */
/* ag_cholesky - the lower triangular root of positive definite matrices x[..,n,n], with a positive diagonal; flags:
 * AG_UPPER, its transpose. Of an x that is not symmetric the symmetric part (x + x') / 2 is meant: so the gradient is
 * symmetric, and right for every element.
 *   l l' = x        dx = the symmetric part of l'^-1 p l^-1, p the lower triangle of l' dl with half of its diagonal (Murray
 *                   2016)
 * Errors: AG_EARG where a matrix is not positive definite, which is named with the pivot, and for unknown flags;
 * AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_cholesky(ag_tensor x, int flags);

/* ---- determinant */
/* ag_det - the determinants y[..] of matrices x[..,n,n]; 1 where n = 0. See ag_slogdet where they may be too large or too
 * small for a number.
 *   y = det x        dx = dy y x'^-1 (Giles 2008); where a matrix is singular, or nearly, dy times its cofactors, of which
 *                    there is one derivative more
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_det(ag_tensor x);
/* ag_slogdet - the determinants of matrices x[..,n,n] as their sign[..], 1, -1 or 0, and logabsdet[..], the logarithms of
 * their sizes, which neither overflow nor underflow. Where a matrix is singular these are 0 and -infinity, and the
 * gradient is not finite.
 *   sign exp(logabsdet) = det x        dx = dlogabsdet x'^-1; none by the sign (Giles 2008)
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_signed_log ag_slogdet(ag_tensor x);
/* ag_logdet - the logarithms y[..] of the determinants of matrices x[..,n,n]: -infinity where one is 0, NaN where it is
 * negative.
 *   y = log det x        dx = dy x'^-1
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_logdet(ag_tensor x);

/* ---- eigh */
/* ag_eigh - the eigenvalues w[..,n] of symmetric matrices x[..,n,n], ascending, and their eigenvectors, the columns of
 * v[..,n,n], of length 1; the first of the largest elements of each is positive (what is within a thousandth of the
 * largest counts). Of an x that is not symmetric the symmetric part (x + x') / 2 is meant: so the gradient is symmetric,
 * and right for every element. NaN where a matrix is not finite.
 *   x = v diag(w) v'        dx = v (diag(dw) + k) v', k[i,j] = s[i,j] / (w[j] - w[i]), s the antisymmetric part of v' dv
 *                           (Giles 2008): what does not move vectors of equal eigenvalues has a gradient, what does has none
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_eigen ag_eigh(ag_tensor x);
/* ag_eigvalsh - the eigenvalues of ag_eigh; where no gradient is recorded no vectors are computed. Of equal eigenvalues
 * the gradient is that of one choice of vectors: sums over them, and what else does not tell them apart, have the right
 * one.
 *   w: x = v diag(w) v'        dx = v diag(dw) v'
 * Errors: AG_ESHAPE if the matrices are not square. */
AG_API ag_tensor ag_eigvalsh(ag_tensor x);

/* ---- inverse */
/* ag_inverse - the inverses of matrices x[..,n,n]; ag_solve is faster and more accurate where the inverse multiplies
 * something.
 *   y = x^-1        dx = -y' dy y'
 * Errors: AG_EARG where a matrix is singular, which is named with the pivot that is 0; AG_ESHAPE if the matrices are not
 * square. */
AG_API ag_tensor ag_inverse(ag_tensor x);

/* ---- lstsq */
/* ag_lstsq - the x for which the sum of squares of a x - b is least, for matrices a[..,m,n] of full rank and right sides
 * b[..,m,k]; where m < n that of the x with a x = b whose own sum of squares is least. Leading dimensions broadcast; a
 * vector b[m] is one right side. By ag_qr, whose derivatives it has.
 *   x = r^-1 q' b, q r = a; where m < n: x = q r'^-1 b, q r = a'
 * Errors: AG_EARG where r has a 0 on its diagonal; AG_ESHAPE, AG_EDTYPE. */
AG_API ag_tensor ag_lstsq(ag_tensor a, ag_tensor b);
/* ag_pinv - the pseudoinverses y[..,n,m] of matrices x[..,m,n] (Moore, Penrose), by ag_svd: singular values of at most
 * rcond times the largest count as 0; rcond 0: the larger of m and n times the dtype's epsilon.
 *   y = x^+        dx = -y' dy y' + (1 - x y) dy' y y' + y' y dy' (1 - y x), where the rank stays (Golub and Pereyra 1973)
 * Errors: AG_EARG for a negative rcond; AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_pinv(ag_tensor x, double rcond);
/* ag_matrix_rank - how many singular values of matrices x[..,m,n] are above rcond times the largest, i64; rcond 0: the
 * larger of m and n times the dtype's epsilon. No gradient.
 * Errors: AG_EARG for a negative rcond; AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_matrix_rank(ag_tensor x, double rcond);
/* ag_cond - the condition numbers y[..] of matrices x[..,m,n]: their largest singular value over the smallest, infinite
 * where that is 0. That of a matrix without elements is 0.
 *   y = s[0] / s[k-1]        dx: by ag_svdvals
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_cond(ag_tensor x);

/* ---- matrix exp */
/* ag_matrix_exp - the exponentials of matrices x[..,n,n], which solve y' = x y: not ag_exp, which is of each element. NaN
 * where an element is not finite, but for n = 1. f32 is computed in f64.
 *   y = 1 + x + x^2 / 2! + x^3 / 3! + ...        dx = the right upper part of exp([x' dy; 0 x'])
 * Errors: AG_ESHAPE if the matrices are not square; AG_EDTYPE for integers. */
AG_API ag_tensor ag_matrix_exp(ag_tensor x);

/* ---- powers */
/* ag_matrix_power - matrices x[..,n,n] multiplied with themselves, p factors: the identity where p = 0, powers of the
 * inverse where p < 0. By repeated squares; its derivatives are those of ag_matmul and ag_inverse.
 *   y = x^p
 * Errors: AG_ESHAPE if the matrices are not square; AG_EARG where p < 0 and one is singular. */
AG_API ag_tensor ag_matrix_power(ag_tensor x, int64_t p);

/* ---- qr */
/* ag_qr - matrices x[..,m,n] as q[..,m,k] r[..,k,n], k the smaller of m and n: q has orthonormal columns, r is upper
 * triangular. By Householder reflectors: an element of r's diagonal has the sign that the element it came from had not,
 * or is that element where nothing was below it, as in LAPACK.
 *   q r = x        dx = (dq + q s) r'^-1, s the symmetric matrix with the lower triangle of r dr' - dq' q (Walter, Lehmann
 *                  and Lamour 2012); of the columns beyond m: q dr, and dq grows by x dr' there
 * Where the first k columns are linearly dependent the gradient is not finite. Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_qr_factors ag_qr(ag_tensor x);
/* ag_qr_with - ag_qr with options. Complete factors are q[..,m,m] and r[..,m,n], whose rows beyond n are 0. The columns of q
 * beyond n span what x's do not, and another basis of it would do as well: their derivative is right for what does not
 * depend on the basis.
 *   q r = x        dx as ag_qr's, where dq2, of the columns q2 beyond n, adds -q2 dq2' q to dq
 * Errors: AG_ESHAPE if x is no matrix; AG_EARG for an unknown mode. */
AG_API ag_qr_factors ag_qr_with(ag_tensor x, ag_qr_options options);

/* ---- solve */
/* ag_solve - x with a x = b for matrices a[..,n,n] and right sides b[..,n,k], by elimination with partial pivoting;
 * leading dimensions broadcast. A vector b[n] is one right side, and so is each of b[..,n] where that is a's shape but
 * for its last dimension. The gradient is solved for with the factors that are there.
 *   x = a^-1 b        db = a'^-1 dx    da = -db x' (Giles 2008)
 * Errors: AG_EARG where a matrix is singular, which is named with the pivot that is 0; AG_ESHAPE, AG_EDTYPE. */
AG_API ag_tensor ag_solve(ag_tensor a, ag_tensor b);

/* ---- svd */
/* ag_svd - matrices x[..,m,n] as u[..,m,k] diag(s[..,k]) vh[..,k,n], k the smaller of m and n: the singular values s,
 * descending, and their vectors, the columns of u and the rows of vh, of length 1. The first of the largest elements of
 * the longer of both, of u's where they are as long, is positive (what is within a thousandth of the largest counts). NaN
 * where a matrix is not finite.
 *   x = u diag(s) vh        dx = u (f s + s g + diag(ds)) vh + (1 - u u') du s^-1 vh + u s^-1 dvh (1 - vh' vh), f[i,j] =
 *       (u' du - du' u)[i,j] / (s[j]^2 - s[i]^2), g the same of vh' (Giles 2008): what does not move vectors of equal values
 *       has a gradient, what does has none
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_singular ag_svd(ag_tensor x);
/* ag_svdvals - the singular values s[..,k] of ag_svd; where no gradient is recorded no vectors are computed. Of equal
 * values, and of those that are 0, the gradient is that of one choice of vectors.
 *   s: x = u diag(s) vh        dx = u diag(ds) vh
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_svdvals(ag_tensor x);

/* ---- triangular solve */
/* ag_triangular_solve - x with a x = b for the lower triangle a[..,n,n], of which nothing above the diagonal is read, and
 * right sides b[..,n,k]; leading dimensions broadcast. Flags: AG_UPPER, the upper triangle; AG_TRANSPOSED, a' x = b;
 * AG_UNIT, a diagonal of ones, not read; AG_RIGHT, x a = b for b[..,k,n].
 *   x = a^-1 b        db = a'^-1 dx    da = the triangle of -db x' (Giles 2008)
 * Errors: AG_EARG where an element of a diagonal is 0, and for unknown flags; AG_ESHAPE, AG_EDTYPE. */
AG_API ag_tensor ag_triangular_solve(ag_tensor a, ag_tensor b, int flags);

/* ======== losses */

/* ---- binary cross entropy */
/* ag_bce - binary cross entropy of probabilities p and targets y of one shape, mean; NaN where they are empty.
 * Logarithms count as at least -100, and where they would be less, at p or 1-p of e^-100 and below, their derivative
 * is 0.
 *   L = -1/n sum (y log p + (1-y) log(1-p))
 *       dp = dL ((1-y) / (1-p) - y / p) / n    dy = dL (log(1-p) - log p) / n
 * Errors: AG_EARG if a p is below 0 or above 1 (NaN is passed on); AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_bce(ag_tensor p, ag_tensor y);
/* ag_bce_with - ag_bce with a weight for each element's loss, which broadcasts to p's shape or is absent, {0}, and a
 * reduction. A mean is divided by the number of elements, whatever they weigh.
 *   L = reduced weight (-y log p - (1-y) log(1-p))        dp, dy as for ag_bce, times the weights
 * Errors: AG_EARG if a p is below 0 or above 1 or for an unknown reduction; AG_ESHAPE if the shapes do not fit. */
AG_API ag_tensor ag_bce_with(ag_tensor p, ag_tensor y, ag_tensor weight, ag_reduce reduce);
/* ag_bce_logits - ag_bce of sigmoid(z), without overflow and without clamping.
 *   L = 1/n sum (max(z,0) - z y + log(1 + exp(-|z|)))        dz = dL (sigmoid(z) - y) / n    dy = -dL z / n
 * Where z is infinite and y, 0 or 1, is what it says the loss is 0. Errors: AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_bce_logits(ag_tensor z, ag_tensor y);
/* ag_bce_logits_with - ag_bce_logits with a weight for each element's loss, one for what is positive in it, which
 * trades recall for precision, and a reduction. Both weights broadcast to z's shape or are absent, {0}.
 *   L = reduced weight (pos_weight y log(1 + exp(-z)) + (1-y) log(1 + exp(z)))
 *       dz = dL weight ((1-y) sigmoid(z) - pos_weight y sigmoid(-z))
 * Errors: AG_EARG for an unknown reduction; AG_ESHAPE if the shapes do not fit. */
AG_API ag_tensor ag_bce_logits_with(ag_tensor z, ag_tensor y, ag_tensor weight, ag_tensor pos_weight, ag_reduce reduce);

/* ---- cross entropy */
/* ag_cross_entropy - mean over the rows of logits z[n,c] (or one row, z[c]) of -log softmax(z), taken at a class per
 * row, target[n] (i64, i32 or u8), or weighted with probabilities target[n,c] of z's dtype. NaN where n = 0. Logits of
 * more dimensions are [n,c,d1,..], with targets [n,d1,..] or [n,c,d1,..].
 *   y = 1/n sum_i (log(sum_j exp z[i,j]) - z[i,target[i]])        dz = dy (softmax(z) - onehot(target)) / n
 *   y = -1/n sum_ij target[i,j] log softmax(z)[i,j]
 *       dz = dy (softmax(z) sum_j target[i,j] - target) / n, dtarget = -dy log softmax(z) / n
 * A class of probability 0 contributes 0, whatever its logit.
 * Errors: AG_EARG for a class out of range; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_cross_entropy(ag_tensor z, ag_tensor target);
/* ag_cross_entropy_with - ag_cross_entropy with options, and with a weight for each class, weight[c], or {0}. Smoothing
 * e takes e of a target's probability and gives it to all classes alike. A position whose class is ignored counts for
 * nothing. A mean is divided by the sum of the weights of the positions' classes, or with probabilities by the number
 * of positions; it is NaN where that is 0.
 *   y = reduced sum_j weight[j] ((1-e) target[i,j] + e/c) (-log softmax(z)[i,j]), target[i,j] 1 at a class, else 0
 *       dz = dy (softmax(z) sum_j q[i,j] - q), q what -log softmax(z) is multiplied by
 * Errors: AG_EARG for a class out of range, a smoothing that is not from 0 to 1, an unknown reduction, or probabilities
 * where a class is to be ignored; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_cross_entropy_with(ag_tensor z, ag_tensor target, ag_tensor weight,
                                       ag_cross_entropy_options options);

/* ---- ctc */
/* ag_ctc - connectionist temporal classification: the negative log likelihood that n sequences of log probabilities
 * z[t,n,c] spell their labels when repeated labels and blanks are taken out. labels[n,length], padded with anything, or
 * of all samples one after the other; input_lengths[n] and target_lengths[n] say how much of each counts. A mean divides
 * each loss by its number of labels first. Labels that cannot be spelled in so few steps lose infinity, or 0 under
 * options.zero_infinity, and nothing passes.
 *   y = reduced -log sum_alignments prod_t exp z[t,n,class at t]
 *       dz[t,n,c] = -dy (the part of the alignments, by their probability, that are at class c at step t)
 * A pass that records goes step by step and takes correspondingly longer.
 * Errors: AG_EARG for a label out of range, one that is the blank, or a length that does not fit; AG_ESHAPE, AG_EDTYPE for
 * other arguments. */
AG_API ag_tensor ag_ctc(ag_tensor z, ag_tensor labels, ag_tensor input_lengths, ag_tensor target_lengths,
                        ag_ctc_options options);

/* ---- distances */
/* ag_pairwise_distance - the p-norm (p = 0: how many differ, 1, 2, any, INFINITY: the largest) of a - b + eps along the
 * last axis; the axes before it broadcast. flags: AG_KEEPDIM. eps, as 1e-6, keeps the derivative of equal rows finite;
 * where y is 0 it is 0.
 *   y[..] = (sum_j |d[..,j]|^p)^(1/p), d = a - b + eps        da = dy sign(d) (|d| / y)^(p-1)    db = -da
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for a p or eps below 0, or unknown flags. */
AG_API ag_tensor ag_pairwise_distance(ag_tensor a, ag_tensor b, double p, double eps, int flags);
/* ag_cdist - the distances of each row of a from each row of b; the axes before the rows broadcast.
 *   y[..,i,j] = (sum_k |a[..,i,k] - b[..,j,k]|^p)^(1/p)        da, db as for ag_pairwise_distance with eps = 0
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for a p below 0. */
AG_API ag_tensor ag_cdist(ag_tensor a, ag_tensor b, double p);
/* ag_cosine_similarity - the cosines of the angles between the rows along an axis of a and b, which broadcast; lengths
 * count as at least eps, as 1e-8, so that the cosine with a row of zeros is 0.
 *   y[..] = sum_j a[..,j] b[..,j] / (|a| |b|), |x| = max(sqrt(sum_j x[..,j]^2), eps)
 *       da = dy (b / (|a| |b|) - y a / |a|^2), without the second term where |a| is eps    db likewise
 * Errors: AG_ESHAPE if the shapes do not fit or there is no such axis; AG_EARG for an eps below 0. */
AG_API ag_tensor ag_cosine_similarity(ag_tensor a, ag_tensor b, int axis, double eps);

/* ---- embeddings */
/* ag_triplet_margin - the anchor is to be nearer to what it belongs to than to what it does not, by a margin. Rows along
 * the last axis, the axes before it broadcast; d is ag_pairwise_distance.
 *   y = reduced max(d(anchor, positive) - d(anchor, negative) + margin, 0)
 *       with options.swap the smaller one of d(anchor, negative) and d(positive, negative)
 *       nothing passes where that is not above 0
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for a p or eps below 0, or an unknown reduction. */
AG_API ag_tensor ag_triplet_margin(ag_tensor anchor, ag_tensor positive, ag_tensor negative, double margin,
                                   ag_triplet_options options);
/* ag_cosine_embedding - the rows of a and b, [n,d] or [d], are to be alike where the class y[n] is 1, and their cosine
 * at most the margin where it is -1; other classes count for nothing. y is floating.
 *   L = reduced 1 - cos(a, b) where y = 1, max(cos(a, b) - margin, 0) where y = -1
 *       da, db as for ag_cosine_similarity, with eps = 1e-8
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_cosine_embedding(ag_tensor a, ag_tensor b, ag_tensor y, double margin, ag_reduce reduce);

/* ---- gaussian */
/* ag_gaussian_nll - negative log likelihood of y under normal distributions of the given means and variances. The means
 * and y broadcast; the variances have the shape of both, or lack its last axis, or broadcast to it. A variance below
 * eps counts as eps, and is passed the derivative that it would have there.
 *   L = reduced (log v + (mean - y)^2 / v) / 2, v = max(variance, eps)
 *       dmean = dL (mean - y) / v    dy = -dmean    dvariance = dL (1 - (mean - y)^2 / v) / (2 v)
 * Errors: AG_EARG for a variance below 0 or an unknown reduction; AG_ESHAPE if the shapes do not fit. */
AG_API ag_tensor ag_gaussian_nll(ag_tensor mean, ag_tensor y, ag_tensor variance, ag_gaussian_options options);

/* ---- likelihoods */
/* ag_poisson_nll - negative log likelihood of counts y under Poisson distributions, z the logarithms of their rates or,
 * with options.rate, these themselves; floating tensors of one shape. log y! is left out, as it depends on no z, but
 * with options.full, which adds Stirling's approximation of it where y > 1.
 *   L = reduced exp(z) - y z         dz = dL (exp(z) - y)            dy = -dL z
 *   L = reduced z - y log(z + eps)   dz = dL (1 - y / (z + eps))     dy = -dL log(z + eps)
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_poisson_nll(ag_tensor z, ag_tensor y, ag_poisson_options options);
/* ag_kl_div - Kullback-Leibler divergence of distributions from targets y, given the logarithms z of the former;
 * floating tensors of one shape. A target of 0 contributes 0, whatever its logarithm. With log_target y are logarithms
 * too. The divergence itself is the sum over a distribution's elements: AG_REDUCE_BATCH_MEAN is the mean of those.
 *   L = reduced y (log y - z)         dz = -dL y         dy = dL (log y + 1 - z)
 *   L = reduced exp(y) (y - z)        dz = -dL exp(y)    dy = dL exp(y) (y - z + 1)
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_kl_div(ag_tensor z, ag_tensor y, bool log_target, ag_reduce reduce);

/* ---- margins */
/* ag_hinge - hinge loss of scores x and classes y, -1 or 1, floating tensors of one shape.
 *   L = reduced max(margin - x y, 0)        dx = -dL y where that is above 0, else 0    dy = -dL x likewise
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_hinge(ag_tensor x, ag_tensor y, double margin, ag_reduce reduce);
/* ag_margin_ranking - ag_hinge of a - b: is a above b where y is 1, and below where it is -1? a and b broadcast.
 *   L = reduced max(margin - y (a - b), 0)        da = -dL y where that is above 0, else 0    db = -da
 * Errors: AG_ESHAPE if the shapes do not fit; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_margin_ranking(ag_tensor a, ag_tensor b, ag_tensor y, double margin, ag_reduce reduce);
/* ag_hinge_embedding - for distances x, of which those of class y = 1 are to be small and those of class -1 to be above
 * the margin; floating tensors of one shape. Any other y counts as both.
 *   L = reduced x where y = 1, max(margin - x, 0) where y = -1
 *       dx = dL where y = 1; where y = -1 -dL if x is below the margin, else 0
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_hinge_embedding(ag_tensor x, ag_tensor y, double margin, ag_reduce reduce);
/* ag_soft_margin - logistic loss of scores x and classes y, -1 or 1, floating tensors of one shape.
 *   L = reduced log(1 + exp(-x y))        dx = -dL y sigmoid(-x y)    dy = -dL x sigmoid(-x y)
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_soft_margin(ag_tensor x, ag_tensor y, ag_reduce reduce);

/* ---- margins of classes */
/* ag_multi_margin - the score of the class target[n], or of one target[], is to be above those of the others by a margin;
 * scores z[n,c] or z[c], a weight for each class, weight[c], or {0}. p is 1 or 2.
 *   L = reduced 1/c sum_(j != target[i]) weight[target[i]] max(margin - z[i,target[i]] + z[i,j], 0)^p
 *       dz[i,j] = dL weight[target[i]] / c, for p = 2 times twice the base, where that is above 0; dz[i,target[i]] less
 *       the sum of these
 * Errors: AG_EARG for a class out of range, another p or an unknown reduction; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_multi_margin(ag_tensor z, ag_tensor target, ag_tensor weight, int p, double margin,
                                 ag_reduce reduce);

/* ---- nll */
/* ag_nll - negative log likelihood of classes target[n,d1,..], integers, given logarithms of probabilities
 * z[n,c,d1,..], or a class given z[c]; with a weight for each class, weight[c], or {0}. Reductions, weights and what is
 * ignored are as in ag_cross_entropy_with: this is that after ag_log_softmax.
 *   y = reduced -weight[target[i]] z[i,target[i]]        dz = -dy weight[target[i]] there, 0 elsewhere
 * Errors: AG_EARG for a class out of range or an unknown reduction; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_nll(ag_tensor z, ag_tensor target, ag_tensor weight, ag_nll_options options);

/* ---- regression */
/* ag_mse - mean squared error of tensors of one shape; NaN where they are empty.
 *   y = 1/n sum (a - b)^2        da = 2 dy (a - b) / n    db = -da
 * Errors: AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_mse(ag_tensor a, ag_tensor b);
/* ag_mse_with - squared error of tensors of one shape, with a reduction.
 *   y = reduced (a - b)^2        da = 2 dy (a - b)    db = -da
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_mse_with(ag_tensor a, ag_tensor b, ag_reduce reduce);
/* ag_l1 - absolute error of tensors of one shape; a mean is NaN where they are empty.
 *   y = reduced |a - b|        da = dy sign(a - b), 0 where they are equal    db = -da
 * Errors: AG_ESHAPE if the shapes differ; AG_EARG for an unknown reduction. */
AG_API ag_tensor ag_l1(ag_tensor a, ag_tensor b, ag_reduce reduce);
/* ag_huber - squared error up to a difference of delta, from where on it grows as the absolute one; of tensors of one
 * shape.
 *   y = reduced d^2 / 2 where d = |a - b| <= delta, else delta (d - delta / 2)
 *       da = dy (a - b), dy delta sign(a - b) where d is larger    db = -da
 * Errors: AG_EARG unless delta > 0, or for an unknown reduction; AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_huber(ag_tensor a, ag_tensor b, double delta, ag_reduce reduce);
/* ag_smooth_l1 - absolute error with a rounded tip, of tensors of one shape: ag_huber divided by its delta, and ag_l1
 * where beta is 0.
 *   y = reduced d^2 / (2 beta) where d = |a - b| < beta, else d - beta / 2
 *       da = dy (a - b) / beta, dy sign(a - b) where d is larger    db = -da
 * Errors: AG_EARG unless beta >= 0, or for an unknown reduction; AG_ESHAPE if the shapes differ. */
AG_API ag_tensor ag_smooth_l1(ag_tensor a, ag_tensor b, double beta, ag_reduce reduce);

/* ======== normalization */

/* ---- group norm */
/* ag_group_norm - x[n,channels,..] with each group of channels of an example about its mean, in units of its deviation;
 * then weight[channels] and bias[channels], which may be absent, {0}. An eps of 0 is 1e-5.
 *   y = z weight + bias, z = (x - mean) / sqrt(mean of (x - mean)^2 + eps)        dx as for ag_layer_norm
 * Errors: AG_EARG unless the channels are so many groups of one size, or for an eps below 0; AG_ESHAPE; AG_EDTYPE. */
AG_API ag_tensor ag_group_norm(ag_tensor x, int64_t groups, ag_tensor weight, ag_tensor bias, double eps);
/* ag_instance_norm - ag_group_norm with each channel a group of its own.
 *   y = z weight + bias, z = (x - mean) / sqrt(mean of (x - mean)^2 + eps)        dx as for ag_layer_norm
 * Errors: as for ag_group_norm. */
AG_API ag_tensor ag_instance_norm(ag_tensor x, ag_tensor weight, ag_tensor bias, double eps);
/* ag_batch_norm - x[n,channels,..] with each channel about a mean and in units of a deviation; then weight and bias,
 * which may be absent, {0}, as may the running statistics where options.training, which then are those of the batch.
 * There mean and variance are the batch's own, and the running ones that are returned have moved towards them, the
 * variance's estimate with n - 1, by options.momentum; they carry no gradient and are the caller's to keep, with
 * ag_assign. Otherwise the given statistics are used, and returned.
 *   y = z weight + bias, z = (x - mean) / sqrt(variance + eps)
 *       dx = k (g - mean of g - z (mean of g z)), k = 1 / sqrt(variance + eps), g = dy weight; of given statistics k g
 * Errors: AG_EARG where there are too few numbers for a variance, or statistics are missing; AG_ESHAPE; AG_EDTYPE. */
AG_API ag_batch_normed ag_batch_norm(ag_tensor x, ag_tensor running_mean, ag_tensor running_var, ag_tensor weight,
                                     ag_tensor bias, ag_batch_norm_options options);

/* ---- layer norm */
/* ag_layer_norm - x about its mean over the last dimensions, options.dims of them, in units of its deviation there.
 * weight and bias have the extents of these, or are absent, {0}.
 *   y = z weight + bias, z = k (x - mean), k = 1 / sqrt(mean of (x - mean)^2 + eps)
 *       dx = k (g - mean of g - z (mean of g z)), g = dy weight        dweight, dbias: the sums of dy z, of dy
 * Errors: AG_ESHAPE if there are no such dimensions or extents differ; AG_EARG for an eps below 0; AG_EDTYPE. */
AG_API ag_tensor ag_layer_norm(ag_tensor x, ag_tensor weight, ag_tensor bias, ag_layer_norm_options options);
/* ag_rms_norm - x in units of its root mean square over the last dimensions, options.dims of them. weight has the
 * extents of these, or is absent, {0}. An eps of 0 is that of the dtype: 2^-23 or 2^-52.
 *   y = z weight, z = k x, k = 1 / sqrt(mean of x^2 + eps)
 *       dx = k (g - z (mean of g z)), g = dy weight        dweight: the sum of dy z
 * Errors: AG_ESHAPE if there are no such dimensions or extents differ; AG_EARG for an eps below 0; AG_EDTYPE. */
AG_API ag_tensor ag_rms_norm(ag_tensor x, ag_tensor weight, ag_layer_norm_options options);

/* ======== products */

/* ---- dot */
/* ag_dot - product of two vectors.
 *   y = sum_i a[i] b[i]        da = b dy    db = a dy
 * Errors: AG_ESHAPE if they are no vectors of one length. */
AG_API ag_tensor ag_dot(ag_tensor a, ag_tensor b);

/* ---- einsum */
/* ag_einsum - a sum of products in Einstein's notation: "bik,kj->bij" names the axes of each operand by letters, and
 * behind the arrow those of the result; products are summed over all other letters. A letter that an operand has twice
 * is its diagonal; axes of extent 1 broadcast; `...` stands for any further axes, which broadcast from their end.
 * Without an arrow the result has the axes of `...`, then the letters that stand once, A to Z before a to z. Of up to
 * six operands those are multiplied first that make the fewest multiplications in all.
 *   y = sum over the letters that y lacks of x0 x1 ...        dxi: the same of dy and the others
 * Errors: AG_EARG, with the place, for an equation that is none; AG_ESHAPE if it does not fit the operands; AG_EDTYPE if
 * one is not floating or dtypes differ; AG_ELIMIT if every order needs more than eight dimensions. */
AG_API ag_tensor ag_einsum(const char *equation, ag_list xs);

/* ---- linear */
/* ag_linear - affine map of the last dimension; b may be absent, {0}. Fastest with weights stored by columns: see
 * ag_param_as.
 *   y[..,out] = x[..,in] w[out,in]' + b[out]        dx = dy w    dw = dy' x    db = sum of dy over all rows
 * Errors: AG_ESHAPE if the extents called `in` or `out` differ. */
AG_API ag_tensor ag_linear(ag_tensor x, ag_tensor w, ag_tensor b);

/* ---- matmul */
/* ag_matmul - matrix product, batched over leading dimensions, which broadcast. A vector a counts as a row, a vector b
 * as a column, and the result lacks that dimension.
 *   y[..,m,n] = a[..,m,k] b[..,k,n]        da = dy b'    db = a' dy
 * Errors: AG_ESHAPE if the k's differ, the leading dimensions do not broadcast, or an operand has rank 0. */
AG_API ag_tensor ag_matmul(ag_tensor a, ag_tensor b);

/* ---- tensordot */
/* ag_tensordot - products of a and b, summed over the axes axes_a of a, each with that of axes_b in the same place. The
 * result has the other axes of a, then those of b.
 *   y[i..,j..] = sum_k a[i..,k..] b[k..,j..]        da, db: dy with the other one, likewise
 * Errors: AG_ESHAPE if the axes are not as many, their extents differ, one does not exist or is named twice. */
AG_API ag_tensor ag_tensordot(ag_tensor a, ag_tensor b, ag_axes axes_a, ag_axes axes_b);
/* ag_inner - products of a and b summed over the last axes of both: the dot product of vectors. Operands of rank 0 are
 * multiplied with all elements.
 *   y[i..,j..] = sum_k a[i..,k] b[j..,k]        da, db: dy with the other one, likewise
 * Errors: AG_ESHAPE if the last extents differ. */
AG_API ag_tensor ag_inner(ag_tensor a, ag_tensor b);
/* ag_outer - all products of the elements of two vectors.
 *   y[i,j] = a[i] b[j]        da = dy b    db = dy' a
 * Errors: AG_ESHAPE if one is no vector. */
AG_API ag_tensor ag_outer(ag_tensor a, ag_tensor b);
/* ag_mv - a matrix times a vector.
 *   y[m] = a[m,n] x[n]        da = dy x'    dx = a' dy
 * Errors: AG_ESHAPE if they are not that or the n's differ. */
AG_API ag_tensor ag_mv(ag_tensor a, ag_tensor x);
/* ag_bmm - as many matrices times as many; nothing broadcasts.
 *   y[b,m,n] = a[b,m,k] c[b,k,n]        da = dy c'    dc = a' dy
 * Errors: AG_ESHAPE if they are not that or the b's or the k's differ. */
AG_API ag_tensor ag_bmm(ag_tensor a, ag_tensor c);
/* ag_kron - Kronecker's product: a with each element times all of b. The one with fewer axes gets new ones in front.
 *   y[i p + k,..] = a[i,..] b[k,..], p = extent of b        da, db: dy with the other one, summed
 * Errors: AG_ELIMIT for more than four axes. */
AG_API ag_tensor ag_kron(ag_tensor a, ag_tensor b);
/* ag_cross - the vector product along an axis of extent 3; the other axes broadcast.
 *   y = a x b, y0 = a1 b2 - a2 b1        da = b x dy    db = dy x a
 * Errors: AG_ESHAPE if the operands have not as many dimensions, or there is no such axis of extent 3. */
AG_API ag_tensor ag_cross(ag_tensor a, ag_tensor b, int axis);

/* ======== random */

/* ---- dropout */
/* ag_dropout - each element is 0 with probability p, and those that stay are divided by 1 - p, so that the mean does not
 * change. It is for training: otherwise x itself is what is meant.
 *   y = x / (1 - p) where the element stays, else 0        dx = dy / (1 - p) where it stays, else 0
 * Errors: AG_EARG for a p that is not from 0 to 1; AG_EDTYPE for integers. */
AG_API ag_tensor ag_dropout(ag_tensor x, double p);
/* ag_alpha_dropout - for what ag_selu makes: an element gets selu's limit towards minus infinity, a = -1.7580993408473766,
 * with probability p, and all are scaled and shifted so that mean 0 and variance 1 stay (Klambauer et al. 2017).
 *   y = u x + v where the element stays, else u a + v, u = 1 / sqrt((1 - p) (1 + p a^2)), v = -u p a; 0 if p = 1
 *       dx = u dy where it stays, else 0
 * Errors: AG_EARG for a p that is not from 0 to 1; AG_EDTYPE for integers. */
AG_API ag_tensor ag_alpha_dropout(ag_tensor x, double p);
/* ag_bernoulli - ones with the given probabilities, else zeros, u8. What is below 0 counts as 0, what is above 1 as 1, and
 * a NaN as 0. It has no derivative.
 *   y = 1 with probability p, else 0
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_bernoulli(ag_tensor p);
/* ag_multinomial - for each row of weights[..,n], `samples` indices, drawn with probabilities that are proportional to
 * the weights: i64 [..,samples]. Without replacement no index comes twice, in the order of drawing. No derivative.
 *   y = i with probability weights[i] / sum of weights
 * Errors: AG_EARG for weights below 0 or not finite, or where too few are above 0; AG_ESHAPE; AG_EDTYPE for integers. */
AG_API ag_tensor ag_multinomial(ag_tensor weights, int64_t samples, bool replacement);
/* ag_gumbel_softmax - samples of classes with the probabilities softmax(x) along an axis (-1: the last), in a form that
 * has a derivative (Jang, Gu and Poole 2017; Maddison, Mnih and Teh 2017): the lower the temperature, the closer to a 1
 * among zeros. hard: exactly that, with the derivative of the soft ones.
 *   y = softmax((x + g) / temperature), g of ag_gumbel        dx = y (dy - sum of y dy along the axis) / temperature
 * Errors: AG_EARG for a temperature that is not above 0; AG_ESHAPE if there is no such axis; AG_EDTYPE for integers. */
AG_API ag_tensor ag_gumbel_softmax(ag_tensor x, double temperature, bool hard, int axis);

/* ======== reductions */

/* ---- extrema */
/* ag_max - the largest element; NaN if one is NaN.
 *   y = max of x        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_max(ag_tensor x);
/* ag_min - the smallest element; NaN if one is NaN.
 *   y = min of x        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_min(ag_tensor x);
/* ag_max_over - the largest elements over axes; axes and flags as in ag_sum_over; NaN where one is NaN.
 *   y[i,..] = max of x[i,..,j,..] over j        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if an axis is out of range, named twice or empty; AG_EARG for unknown flags. */
AG_API ag_tensor ag_max_over(ag_tensor x, ag_axes axes, int flags);
/* ag_min_over - the smallest elements over axes; axes and flags as in ag_sum_over; NaN where one is NaN.
 *   y[i,..] = min of x[i,..,j,..] over j        dx = dy / n at the n elements equal to y, else 0
 * Errors: AG_ESHAPE if an axis is out of range, named twice or empty; AG_EARG for unknown flags. */
AG_API ag_tensor ag_min_over(ag_tensor x, ag_axes axes, int flags);

/* ---- norm */
/* ag_norm - the length of all elements as a vector; neither huge nor tiny elements overflow or vanish in it.
 *   y = sqrt(sum of x^2)        dx = dy x / y, 0 where y = 0
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_norm(ag_tensor x);
/* ag_norm_over - p-norms over axes; axes and flags as in ag_sum_over. p may be any number: 0 counts what is not 0
 * (without a gradient), INFINITY and -INFINITY take the largest and smallest |x| (equal ones share dy).
 *   y = (sum of |x|^p)^(1/p)        dx = dy sign(x) (|x| / y)^(p-1), 0 where y = 0; where p < 1 also where x = 0
 * Errors: AG_ESHAPE if an axis is out of range or named twice, or there are no elements and p is negative or infinite;
 * AG_EARG for unknown flags or if p is NaN; AG_EDTYPE for integers. */
AG_API ag_tensor ag_norm_over(ag_tensor x, double p, ag_axes axes, int flags);

/* ---- places */
/* ag_argmax - where along an axis (-1: the last), which the result lacks, the largest element is, i64: the first one of
 * equal ones, the first NaN if there is one.
 *   y[i,..] = the j of the largest x[i,..,j,..]        no gradient
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_tensor ag_argmax(ag_tensor x, int axis);
/* ag_argmax_all - where in row-major order the largest of all elements is; see ag_argmax.
 *   y = the j of the largest x[j], x as a vector        no gradient
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_argmax_all(ag_tensor x);
/* ag_argmin - where along an axis (-1: the last), which the result lacks, the smallest element is, i64: the first one of
 * equal ones, the first NaN if there is one.
 *   y[i,..] = the j of the smallest x[i,..,j,..]        no gradient
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_tensor ag_argmin(ag_tensor x, int axis);
/* ag_argmin_all - where in row-major order the smallest of all elements is; see ag_argmin.
 *   y = the j of the smallest x[j], x as a vector        no gradient
 * Errors: AG_ESHAPE if there are no elements. */
AG_API ag_tensor ag_argmin_all(ag_tensor x);
/* ag_max_along - the largest elements along an axis (-1: the last), which the results lack, and where they are: the
 * first one of equal ones, the first NaN if there is one. Unlike ag_max_over, equal ones do not share dy.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_placed ag_max_along(ag_tensor x, int axis);
/* ag_min_along - the smallest elements along an axis (-1: the last), which the results lack, and where they are: the
 * first one of equal ones, the first NaN if there is one. Unlike ag_min_over, equal ones do not share dy.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_placed ag_min_along(ag_tensor x, int axis);

/* ---- prod */
/* ag_prod - the product of all elements, 1 if there are none; of integers as i64. Nothing overflows or vanishes on the
 * way to a product that does not.
 *   y = product of x        dx = dy times the product of the others, where elements are 0 too */
AG_API ag_tensor ag_prod(ag_tensor x);
/* ag_prod_over - products over axes; axes and flags as in ag_sum_over; of integers as i64.
 *   y[i,..] = product of x[i,..,j,..] over j        dx[i,..,j,..] = dy[i,..] times the product of the others
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_prod_over(ag_tensor x, ag_axes axes, int flags);

/* ---- softmax */
/* ag_softmax - exponentials that sum to 1 along an axis (-1: the last).
 *   y = exp(x) / s, s = sum of exp(x) along the axis        dx = y (dy - sum of y dy along the axis)
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_softmax(ag_tensor x, int axis);
/* ag_softmin - ag_softmax of -x: the smallest element gets the most.
 *   y = exp(-x) / s, s = sum of exp(-x) along the axis        dx = y (sum of y dy along the axis - dy)
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_softmin(ag_tensor x, int axis);
/* ag_log_softmax - the logarithm of ag_softmax.
 *   y = x - log s, s = sum of exp(x) along the axis        dx = dy - exp(y) (sum of dy along the axis)
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_log_softmax(ag_tensor x, int axis);
/* ag_logsumexp - the logarithm of the sum of exponentials over axes (AG_ALL: all), -infinity where there are no
 * elements. flags: AG_KEEPDIM.
 *   y = log(sum of exp(x))        dx = dy exp(x - y), shared by what is infinite where y is
 * Errors: AG_ESHAPE for an axis that is out of range or given twice. */
AG_API ag_tensor ag_logsumexp(ag_tensor x, ag_axes axes, int flags);

/* ---- sum */
/* ag_sum - the sum of all elements, 0 if there are none; of integers as i64.
 *   y = sum of x        dx = dy everywhere */
AG_API ag_tensor ag_sum(ag_tensor x);
/* ag_sum_over - sums over axes (AG_ALL: all), which are dropped, or kept with extent 1 under the flag AG_KEEPDIM; of
 * integers as i64.
 *   y[i,..] = sum of x[i,..,j,..] over j        dx[i,..,j,..] = dy[i,..]
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_sum_over(ag_tensor x, ag_axes axes, int flags);
/* ag_mean - the mean of all n elements, NaN if there are none.
 *   y = (sum of x) / n        dx = dy / n everywhere
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_mean(ag_tensor x);
/* ag_mean_over - means over axes (AG_ALL: all) with n elements each; axes and flags as in ag_sum_over.
 *   y[i,..] = (sum of x[i,..,j,..] over j) / n        dx[i,..,j,..] = dy[i,..] / n
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags; AG_EDTYPE for integers. */
AG_API ag_tensor ag_mean_over(ag_tensor x, ag_axes axes, int flags);

/* ---- truth */
/* ag_count_nonzero - how many elements are not 0, i64; 0 if there are none.
 *   y = sum of (x != 0), no gradient */
AG_API ag_tensor ag_count_nonzero(ag_tensor x);
/* ag_count_nonzero_over - how many are not 0 over axes, i64; axes and flags as in ag_sum_over.
 *   y[i,..] = sum of (x[i,..,j,..] != 0) over j, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_count_nonzero_over(ag_tensor x, ag_axes axes, int flags);
/* ag_any - is one element not 0? u8; 0 if there are none.
 *   y = 1 where an x != 0, else 0, no gradient */
AG_API ag_tensor ag_any(ag_tensor x);
/* ag_any_over - is one of them not 0, over axes? u8; axes and flags as in ag_sum_over.
 *   y[i,..] = 1 where an x[i,..,j,..] != 0, else 0, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_any_over(ag_tensor x, ag_axes axes, int flags);
/* ag_all - are all elements not 0? u8; 1 if there are none.
 *   y = 1 where every x != 0, else 0, no gradient */
AG_API ag_tensor ag_all(ag_tensor x);
/* ag_all_over - are all of them not 0, over axes? u8; axes and flags as in ag_sum_over.
 *   y[i,..] = 1 where every x[i,..,j,..] != 0, else 0, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_all_over(ag_tensor x, ag_axes axes, int flags);

/* ---- var */
/* ag_var - the variance of all n elements about their mean, with n - 1 in the denominator; NaN if there are fewer than
 * two.
 *   y = sum of (x - mean)^2 / (n - 1)        dx = 2 dy (x - mean) / (n - 1)
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_var(ag_tensor x);
/* ag_var_over - variances over axes with n elements each, axes and flags as in ag_sum_over; c is the options'
 * correction, 1 unless they say otherwise. Where n - c is not positive it counts as 0, which makes infinity or NaN.
 *   y = sum of (x - mean)^2 / (n - c)        dx = 2 dy (x - mean) / (n - c)
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags; AG_EDTYPE for integers. */
AG_API ag_tensor ag_var_over(ag_tensor x, ag_axes axes, int flags, ag_var_options options);
/* ag_std - the standard deviation of all n elements, with n - 1 in the denominator; NaN if there are fewer than two.
 *   y = sqrt(sum of (x - mean)^2 / (n - 1))        dx = dy (x - mean) / (y (n - 1)), 0 where y = 0
 * Errors: AG_EDTYPE for integers. */
AG_API ag_tensor ag_std(ag_tensor x);
/* ag_std_over - the roots of ag_var_over.
 *   y = sqrt(sum of (x - mean)^2 / (n - c))        dx = dy (x - mean) / (y (n - c)), 0 where y = 0
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags; AG_EDTYPE for integers. */
AG_API ag_tensor ag_std_over(ag_tensor x, ag_axes axes, int flags, ag_var_options options);

/* ======== scans */

/* ---- cumextrema */
/* ag_cummax - the largest elements so far along an axis (-1: the last), and where they are: the last one of equal ones,
 * the last NaN once there is one.
 *   values[..,i,..] = max of x[..,0,..] ... x[..,i,..]        dx[..,j,..] = sum of dvalues[..,i,..] where j = indices[..,i,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_placed ag_cummax(ag_tensor x, int axis);
/* ag_cummin - the smallest elements so far along an axis (-1: the last), and where they are: the last one of equal ones,
 * the last NaN once there is one.
 *   values[..,i,..] = min of x[..,0,..] ... x[..,i,..]        dx[..,j,..] = sum of dvalues[..,i,..] where j = indices[..,i,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_placed ag_cummin(ag_tensor x, int axis);

/* ---- cumprod */
/* ag_cumprod - running products along an axis (-1: the last); of integers as i64. f32 is multiplied in double. The
 * derivative divides by nothing: elements of 0 do not harm it.
 *   y[..,i,..] = x[..,0,..] ... x[..,i,..]        dx[..,j,..] = sum over i >= j of dy[..,i,..] times the product without
 *       x[..,j,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_cumprod(ag_tensor x, int axis);

/* ---- cumsum */
/* ag_cumsum - running sums along an axis (-1: the last); of integers as i64. f32 is added in double; where no element is
 * negative the sums do not descend.
 *   y[..,i,..] = x[..,0,..] + ... + x[..,i,..]        dx[..,j,..] = dy[..,j,..] + ... + dy[..,n-1,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_cumsum(ag_tensor x, int axis);

/* ---- logcumsumexp */
/* ag_logcumsumexp - logarithms of running sums of exponentials along an axis (-1: the last), safe from overflow.
 *   y[..,i,..] = log(exp(x[..,0,..]) + ... + exp(x[..,i,..]))
 *       dx[..,j,..] = sum over i >= j of dy[..,i,..] exp(x[..,j,..] - y[..,i,..])
 * Errors: AG_ESHAPE if there is no such axis; AG_EDTYPE for integers. */
AG_API ag_tensor ag_logcumsumexp(ag_tensor x, int axis);

/* ---- recurrence */
/* ag_recurrence - linear recurrence along an axis (-1: the last), as of exponential averages; y[..,-1,..] counts as 0,
 * and a[..,0,..] is not read. f32 is computed in double.
 *   y[..,i,..] = a[..,i,..] y[..,i-1,..] + b[..,i,..]
 *       db[..,i,..] = dy[..,i,..] + a[..,i+1,..] db[..,i+1,..], da[..,i,..] = db[..,i,..] y[..,i-1,..]
 * Errors: AG_ESHAPE if there is no such axis or the shapes differ; AG_EDTYPE if the dtypes do. */
AG_API ag_tensor ag_recurrence(ag_tensor a, ag_tensor b, int axis);

/* ======== shapes */

/* ---- concat */
/* ag_concat - the tensors of the list one after the other along an axis; the other extents are equal.
 *   y = [x0 x1 ...]        dxi = its part of dy
 * Errors: AG_ESHAPE if there is no such axis or other extents differ; AG_EDTYPE if dtypes differ. */
AG_API ag_tensor ag_concat(ag_list xs, int axis);
/* ag_stack - tensors of one shape along a new axis, which becomes axis `axis` of the result.
 *   y[..,i,..] = xi[..,..]        dxi = dy[..,i,..]
 * Errors: AG_ESHAPE if the shapes differ or there can be no such axis; AG_EDTYPE if dtypes differ (but for rank-0
 * floats, which make f64). */
AG_API ag_tensor ag_stack(ag_list xs, int axis);

/* ---- diagonal */
/* ag_diagonal - the diagonal of the matrices along axis1 (rows) and axis2 (columns), as the last dimension in their place;
 * offset 0: the main diagonal, 1: the one above it, -1: the one below. A view.
 *   y[..,k] = x[..,k,..,k + offset,..]        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there are no such two axes. */
AG_API ag_tensor ag_diagonal(ag_tensor x, int64_t offset, int axis1, int axis2);
/* ag_diag_embed - square matrices of zeros with x's last dimension on a diagonal, along axis1 (rows) and axis2 (columns)
 * of the result; offset as in ag_diagonal.
 *   y[..,k,..,k + offset,..] = x[..,k], 0 elsewhere        dx = the diagonal of dy
 * Errors: AG_ESHAPE if x has rank 0 or the result can have no such two axes. */
AG_API ag_tensor ag_diag_embed(ag_tensor x, int64_t offset, int axis1, int axis2);
/* ag_diag - of a vector: the matrix of zeros with it on a diagonal; of a matrix: that diagonal, a view. offset as in
 * ag_diagonal.
 * Errors: AG_ESHAPE for tensors of other ranks; see ag_diagonal and ag_diag_embed. */
AG_API ag_tensor ag_diag(ag_tensor x, int64_t offset);
/* ag_trace - the sum of a matrix's main diagonal, 0 if there is none; of integers as i64.
 *   y = sum_k x[k,k]        dx = dy on the diagonal, else 0
 * Errors: AG_ESHAPE if x is no matrix. */
AG_API ag_tensor ag_trace(ag_tensor x);

/* ---- expand */
/* ag_expand - x repeated along axes of extent 1, and along new leading axes, to the shape s, in which -1 keeps an
 * extent. A view: nothing is copied.
 *   y[i,..] = x[0 or i,..]        dx = dy summed over the axes along which x was repeated
 * Errors: AG_ESHAPE if x does not broadcast to s. */
AG_API ag_tensor ag_expand(ag_tensor x, ag_shape s);
/* ag_expand_as - ag_expand to the shape of another tensor, which gets no gradient.
 * Errors: AG_ESHAPE if x does not broadcast to that. */
AG_API ag_tensor ag_expand_as(ag_tensor x, ag_tensor like);
/* ag_meshgrid - tensor number i of a grid over the vectors of the list: xs[i] along one axis, repeated along the others.
 * That is axis i; with AG_XY the first two are exchanged. A view.
 *   y[j0,j1,..] = xs[i][ji]        dxs[i] = dy summed over the other axes
 * Errors: AG_ESHAPE if one is no vector or there are too many; AG_EARG if there is no tensor i or no such indexing. */
AG_API ag_tensor ag_meshgrid(ag_list xs, int i, ag_indexing indexing);

/* ---- flip */
/* ag_flip - x in reverse order along the given axes (AG_ALL: all). A view.
 *   y[..,i,..] = x[..,n - 1 - i,..]        dx: dy in reverse order along the same axes
 * Errors: AG_ESHAPE if an axis is out of range or named twice. */
AG_API ag_tensor ag_flip(ag_tensor x, ag_axes axes);
/* ag_roll - x with element i of an axis in place i + shift; those that leave at one end come in at the other.
 *   y[..,(i + shift) mod n,..] = x[..,i,..]        dx: dy moved by -shift
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_roll(ag_tensor x, int axis, int64_t shift);

/* ---- one hot */
/* ag_one_hot - classes 0 ... classes-1 as rows of zeros with a single 1, of dtype d.
 *   y[..,classes] = 1 where the last index is x[..], else 0        no gradient
 * Errors: AG_EARG for a class out of range, AG_EDTYPE if x is not an integer tensor. */
AG_API ag_tensor ag_one_hot(ag_tensor x, int64_t classes, ag_dtype d);

/* ---- pad */
/* ag_pad - x with before[i] elements in front of axis i and after[i] behind it, where the lists belong to the last axes:
 * AG_SHAPE(1, 2) to the last two. Negative: so many fewer. What stands there: AG_CONSTANT, `value`; AG_REFLECT, x in
 * reverse order from its last element on, which is not repeated; AG_REPLICATE, the last element; AG_CIRCULAR, x from
 * its other end.
 *   y[..,i + before,..] = x[..,i,..]        dx = dy there, and what the same elements receive elsewhere
 * Errors: AG_ESHAPE if the lists differ in length or are too long, or an axis is too short; AG_EARG if there is no such
 * mode. */
AG_API ag_tensor ag_pad(ag_tensor x, ag_shape before, ag_shape after, ag_pad_mode mode, double value);

/* ---- permute */
/* ag_transpose - x with the axes a and b exchanged. A view.
 *   y[..,i,..,j,..] = x[..,j,..,i,..]        dx: dy with the same axes exchanged
 * Errors: AG_ESHAPE if there are no such axes. */
AG_API ag_tensor ag_transpose(ag_tensor x, int a, int b);
/* ag_permute - axis i of the result is axis axes[i] of x; every axis is named once. A view.
 *   y = x with its axes in another order        dx: dy with its axes back in place
 * Errors: AG_ESHAPE if the axes are no permutation of x's. */
AG_API ag_tensor ag_permute(ag_tensor x, ag_axes axes);
/* ag_swapaxes - NumPy's name of ag_transpose. */
AG_API ag_tensor ag_swapaxes(ag_tensor x, int a, int b);
/* ag_movedim - x with axis `from` moved to place `to`; the others keep their order. A view.
 * Errors: AG_ESHAPE if there are no such axes. */
AG_API ag_tensor ag_movedim(ag_tensor x, int from, int to);

/* ---- reshape */
/* ag_reshape - the same elements in row-major order under the shape s, of which one extent may be -1, to be found out.
 * A view where x's strides allow it, else a copy.
 *   y = x        dx = dy
 * Errors: AG_ESHAPE if the shape has another number of elements, or more than one -1. */
AG_API ag_tensor ag_reshape(ag_tensor x, ag_shape s);
/* ag_view_as - ag_reshape to the shape of another tensor, which gets no gradient.
 * Errors: AG_ESHAPE if that has another number of elements. */
AG_API ag_tensor ag_view_as(ag_tensor x, ag_tensor like);
/* ag_flatten - the axes first ... last as one. A rank-0 x becomes a vector of one element.
 * Errors: AG_ESHAPE if there are no such axes, or last is before first. */
AG_API ag_tensor ag_flatten(ag_tensor x, int first, int last);
/* ag_unsqueeze - x with an axis of extent 1 inserted, so that it becomes axis `axis` of the result. A view.
 *   y = x        dx = dy
 * Errors: AG_ESHAPE if the result can have no such axis. */
AG_API ag_tensor ag_unsqueeze(ag_tensor x, int axis);
/* ag_squeeze - x without the axis if its extent is 1, else x as it is. A view.
 *   y = x        dx = dy
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_squeeze(ag_tensor x, int axis);

/* ---- slice */
/* ag_slice - the elements start, start + step, ... below stop of an axis, as x[start:stop:step] in Python: negative
 * positions count from the end, those beyond an end mean that end (stop = INT64_MAX: to the end). A view.
 *   y[..,i,..] = x[..,start + i step,..]        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG if step < 1. */
AG_API ag_tensor ag_slice(ag_tensor x, int axis, int64_t start, int64_t stop, int64_t step);
/* ag_select - element i of an axis (-1: the last), which the result lacks. A view.
 *   y[..,..] = x[..,i,..]        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or index. */
AG_API ag_tensor ag_select(ag_tensor x, int axis, int64_t i);
/* ag_embed - zeros of the given extent along an axis, with x in the places start, start + step, ...: padding, and the
 * adjoint of ag_slice.
 *   y[..,start + i step,..] = x[..,i,..], 0 elsewhere        dx = dy[start : .. : step]
 * Errors: AG_ESHAPE if there is no such axis or x does not fit; AG_EARG if step < 1. */
AG_API ag_tensor ag_embed(ag_tensor x, int axis, int64_t extent, int64_t start, int64_t step);

/* ---- split */
/* ag_split - part i of the parts of `size` elements into which an axis falls, of which the last may have fewer (-1: the
 * last). A view.
 *   y = x[i size : (i + 1) size] along the axis        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or part; AG_EARG if size < 1. */
AG_API ag_tensor ag_split(ag_tensor x, int axis, int64_t size, int64_t i);
/* ag_chunk - part i of the `chunks` parts into which an axis falls, all of one size but the last ones, which may have
 * fewer elements, or none (-1: the last). A view.
 *   y = x[i size : (i + 1) size] along the axis, size = ceil(extent / chunks)        dx = dy there, 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or part; AG_EARG if chunks < 1. */
AG_API ag_tensor ag_chunk(ag_tensor x, int axis, int64_t chunks, int64_t i);

/* ---- tile */
/* ag_tile - x so many times along each axis. The counts belong to the last axes; where there are more than x has axes it
 * gets new ones in front.
 *   y[i,..] = x[i mod n,..]        dx = sum of dy over the repetitions
 * Errors: AG_EARG if a count is negative; AG_ESHAPE if there are too many. */
AG_API ag_tensor ag_tile(ag_tensor x, ag_shape counts);
/* ag_repeat - ag_tile, which like PyTorch takes a count for every axis of x at least.
 * Errors: AG_EARG if a count is negative; AG_ESHAPE if there are too few or too many. */
AG_API ag_tensor ag_repeat(ag_tensor x, ag_shape counts);
/* ag_repeat_interleave - each element of an axis `count` times, one after the other.
 *   y[..,i,..] = x[..,floor(i / count),..]        dx = sum of dy over the repetitions
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG if the count is negative. */
AG_API ag_tensor ag_repeat_interleave(ag_tensor x, int axis, int64_t count);

/* ---- triangle */
/* ag_tril - the lower triangle of matrices, in the last two dimensions; diagonal 0: the main one and what lies below,
 * 1: one diagonal more, -1: one less.
 *   y[..,i,j] = x[..,i,j] where j <= i + diagonal, else 0        dx = dy there, else 0
 * What is left out contributes 0 even if its derivative is not finite.
 * Errors: AG_ESHAPE if x has fewer than two dimensions. */
AG_API ag_tensor ag_tril(ag_tensor x, int64_t diagonal);
/* ag_triu - the upper triangle of matrices, in the last two dimensions; diagonal 0: the main one and what lies above,
 * 1: one diagonal less, -1: one more.
 *   y[..,i,j] = x[..,i,j] where j >= i + diagonal, else 0        dx = dy there, else 0
 * What is left out contributes 0 even if its derivative is not finite.
 * Errors: AG_ESHAPE if x has fewer than two dimensions. */
AG_API ag_tensor ag_triu(ag_tensor x, int64_t diagonal);

/* ---- unfold */
/* ag_unfold - the windows of `size` elements that begin at places 0, step, 2 step, ... of an axis, in which they are
 * counted then; their elements are the last dimension. A view.
 *   y[..,w,..,k] = x[..,w step + k,..]        dx = sum of dy over the windows that an element is in
 * Errors: AG_ESHAPE if there is no such axis or window; AG_EARG if step < 1. */
AG_API ag_tensor ag_unfold(ag_tensor x, int axis, int64_t size, int64_t step);
/* ag_overlap_add - windows, the last dimension, added in the places 0, step, 2 step, ... of an axis of the given extent,
 * along which x counts them: the adjoint of ag_unfold.
 *   y[..,i,..] = sum over w of x[..,w,..,i - w step] where that is in the window        dx = the windows of dy
 * Errors: AG_ESHAPE if there is no such axis or the windows do not fit; AG_EARG if step < 1; AG_EDTYPE for integers. */
AG_API ag_tensor ag_overlap_add(ag_tensor x, int axis, int64_t extent, int64_t step);

/* ======== sorting */

/* ---- count */
/* ag_bincount - how often each of 0, 1, ... is an element of x, i64, or the sum of the weights of those elements, of
 * x's shape, where they are not absent, {0}; for at least so many of 0, 1, ..., and up to the largest one.
 *   y[k] = number of x[..] = k, or sum of weights[..] where x[..] = k        dweights[..] = dy[x[..]]
 * Errors: AG_EARG if an element or the least length is negative; AG_EDTYPE if x is not an integer tensor or the weights
 * are; AG_ESHAPE if they have another shape. */
AG_API ag_tensor ag_bincount(ag_tensor x, ag_tensor weights, int64_t minlength);
/* ag_histogram - how many elements are in each of so many bins of one width from low to high, i64; what is outside or NaN
 * is not counted, and the last bin has its upper end, too.
 *   y[k] = number of x[..] with k <= bins (x[..] - low) / (high - low) < k + 1        no gradient
 * Errors: AG_EARG if there are no bins, or low is not below high. */
AG_API ag_tensor ag_histogram(ag_tensor x, int64_t bins, double low, double high);

/* ---- kth */
/* ag_kthvalue - the k-th smallest element along an axis (-1: the last), which the results lack, k counted from 1, and
 * where it is; of equal ones as ag_sort puts them.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG or AG_ESHAPE if there is no k-th element. */
AG_API ag_placed ag_kthvalue(ag_tensor x, int64_t k, int axis);
/* ag_median - the element in the middle along an axis (-1: the last), which the results lack, the lower one of two, and
 * where it is; NaN where one is NaN.
 *   values[i,..] = x[i,..,j,..], j = indices[i,..]        dx[i,..,j,..] = dvalues[i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis or it is empty. */
AG_API ag_placed ag_median(ag_tensor x, int axis);

/* ---- search */
/* ag_searchsorted - where each value belongs in an ascending sequence[n], or in that of its row, sequence[..,n], i64: the
 * first place that keeps the order, under options.right the last one. NaN counts as the largest.
 *   y[..,i] = how many of sequence[..,:] are below values[..,i], under options.right not above it        no gradient
 * Errors: AG_ESHAPE if the leading extents differ; AG_EDTYPE if the dtypes do. */
AG_API ag_tensor ag_searchsorted(ag_tensor sequence, ag_tensor values, ag_searchsorted_options options);
/* ag_unique_consecutive - the elements in row-major order, each that equals the one before it left out; which of them
 * each element is, of x's shape, i64; and how many stood in a row, i64. Of a sorted x these are all that are different.
 *   values[inverse[..]] = x[..], counts[k] = how many inverse[..] are k        no gradient */
AG_API ag_unique ag_unique_consecutive(ag_tensor x);

/* ---- sort */
/* ag_sort - the elements in order along an axis (-1: the last), and where in x they stand; under options.descending the
 * largest first. Equal elements, as -0 and 0, stay in their order; NaN counts as the largest.
 *   values[..,i,..] = x[..,j,..], j = indices[..,i,..]        dx[..,j,..] = dvalues[..,i,..]
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_placed ag_sort(ag_tensor x, int axis, ag_sort_options options);
/* ag_topk - the k largest elements along an axis (-1: the last), the largest first, and where in x they stand; under
 * options.smallest the smallest ones, the smallest first. Of equal ones the first are taken; NaN counts as the largest.
 *   values[..,i,..] = x[..,j,..], j = indices[..,i,..]        dx[..,j,..] = dvalues[..,i,..], 0 elsewhere
 * Errors: AG_ESHAPE if there is no such axis; AG_EARG if k is negative or there are fewer elements. */
AG_API ag_placed ag_topk(ag_tensor x, int64_t k, int axis, ag_topk_options options);
/* ag_argsort - where along an axis (-1: the last) the elements stand that ag_sort puts in order, i64.
 *   y = the indices of ag_sort        no gradient
 * Errors: AG_ESHAPE if there is no such axis. */
AG_API ag_tensor ag_argsort(ag_tensor x, int axis, ag_sort_options options);

#endif
