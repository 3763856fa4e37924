/* Values, gradients and errors of sums, means and extrema. */
#include "tests/values.h"

/* ---- sums and means */

static void sums(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 3, 2));
    VALUES(ag_sum(x), AG_SCALAR, 78);
    VALUES(ag_sum_over(x, AG_ALL, 0), AG_SCALAR, 78);
    VALUES(ag_sum_over(x, AG_ALL, AG_KEEPDIM), AG_SHAPE(1, 1, 1), 78);
    VALUES(ag_sum_over(x, AG_AXES(0), 0), AG_SHAPE(3, 2), 8, 10, 12, 14, 16, 18);
    VALUES(ag_sum_over(x, AG_AXES(1), 0), AG_SHAPE(2, 2), 9, 12, 27, 30);
    VALUES(ag_sum_over(x, AG_AXES(-1), AG_KEEPDIM), AG_SHAPE(2, 3, 1), 3, 7, 11, 15, 19, 23);
    VALUES(ag_sum_over(x, AG_AXES(-1, 0), 0), AG_SHAPE(3), 18, 26, 34);
    VALUES(ag_sum_over(ag_transpose(x, 0, 2), AG_AXES(0), 0), AG_SHAPE(3, 2), 3, 15, 7, 19, 11, 23);
    VALUES(ag_mean(x), AG_SCALAR, 6.5);
    VALUES(ag_mean_over(x, AG_AXES(0, 2), AG_KEEPDIM), AG_SHAPE(1, 3, 1), 4.5, 6.5, 8.5);
    VALUES(ag_sum(ag_constant(t, 3)), AG_SCALAR, 3);
    VALUES(ag_mean_over(ag_constant(t, 3), AG_ALL, AG_KEEPDIM), AG_SCALAR, 3);
    ag_tensor none = ag_zeros(t, AG_F32, AG_SHAPE(2, 0));
    VALUES(ag_sum(none), AG_SCALAR, 0);
    VALUES(ag_mean(none), AG_SCALAR, NAN);
    VALUES(ag_sum_over(none, AG_AXES(1), 0), AG_SHAPE(2), 0, 0);
    VALUES(ag_mean_over(none, AG_AXES(1), 0), AG_SHAPE(2), NAN, NAN);
    assert_int_equal(ag_size_of(ag_sum_over(none, AG_AXES(0), 0)), 0);
}

static void sums_of_integers(void **state)
{
    ag_tape *t = *state;
    const int32_t large[] = { 2000000000, 2000000000, -1, 5 };
    const uint8_t bytes[] = { 255, 255, 1, 0 };
    ag_tensor x = ag_from(t, AG_I32, AG_SHAPE(2, 2), large, sizeof large),
              y = ag_from(t, AG_U8, AG_SHAPE(4), bytes, sizeof bytes);
    assert_int_equal(ag_dtype_of(ag_sum(x)), AG_I64);
    VALUES(ag_sum(x), AG_SCALAR, 4000000004.0);
    VALUES(ag_sum_over(x, AG_AXES(1), 0), AG_SHAPE(2), 4000000000.0, 4);
    assert_int_equal(ag_dtype_of(ag_sum(y)), AG_I64);
    VALUES(ag_sum(y), AG_SCALAR, 511);
    expect_failure(ag_mean(x), t, AG_EDTYPE, "ag_mean: [2,2] i32");
    expect_failure(ag_mean_over(y, AG_AXES(0), 0), t, AG_EDTYPE, "ag_cast");
}

static void gradients_of_sums(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(counting(t, AG_SHAPE(2, 3)));
    GRADIENT(ag_sum(x), x, AG_SHAPE(2, 3), 1, 1, 1, 1, 1, 1);
    GRADIENT(ag_sum_over(x, AG_AXES(0), 0), x, AG_SHAPE(2, 3), 1, 2, 3, 1, 2, 3);
    GRADIENT(ag_sum_over(x, AG_AXES(1), AG_KEEPDIM), x, AG_SHAPE(2, 3), 1, 1, 1, 2, 2, 2);
    GRADIENT(ag_mean_over(x, AG_AXES(0), 0), x, AG_SHAPE(2, 3), 0.5, 1, 1.5, 0.5, 1, 1.5);
    GRADIENT(ag_mean(ag_slice(x, 1, 0, 2, 1)), x, AG_SHAPE(2, 3), 0.25, 0.25, 0, 0.25, 0.25, 0);
    ag_tensor y = ag_add(ag_sum_over(x, AG_AXES(1), 0), ag_mean_over(ag_mul_scalar(x, 3), AG_AXES(1), 0));
    GRADIENT(ag_add(y, ag_sum_over(x, AG_AXES(1), 0)), x, AG_SHAPE(2, 3), 3, 3, 3, 6, 6, 6);
    ag_tensor z = ag_require_grad(ag_cast(counting(t, AG_SHAPE(3)), AG_F32));
    assert_int_equal(ag_dtype_of(weighted_gradient(ag_mean(z), z)), AG_F32);
}

static void errors_of_sums(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = counting(t, AG_SHAPE(2, 3));
    expect_failure(ag_sum_over(x, AG_AXES(2), 0), t, AG_ESHAPE, "ag_sum_over: [2,3] f64: of the axes 2");
    expect_failure(ag_sum_over(x, AG_AXES(-3), 0), t, AG_ESHAPE, "-3");
    expect_failure(ag_sum_over(x, AG_AXES(1, -1), 0), t, AG_ESHAPE, "1, -1");
    expect_failure(ag_mean_over(x, AG_AXES(0), 2), t, AG_EARG, "AG_KEEPDIM");
    expect_failure(ag_sum_over(ag_constant(t, 1), AG_AXES(0), 0), t, AG_ESHAPE, "ag_sum_over: [] f64");
}

/* ---- extrema */

static void extrema(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 4, -1, 7, 5, 9, -2);
    VALUES(ag_max(x), AG_SCALAR, 9);
    VALUES(ag_min(x), AG_SCALAR, -2);
    VALUES(ag_max_over(x, AG_AXES(0), 0), AG_SHAPE(3), 5, 9, 7);
    VALUES(ag_min_over(x, AG_AXES(-1), AG_KEEPDIM), AG_SHAPE(2, 1), -1, -2);
    VALUES(ag_max_over(x, AG_ALL, AG_KEEPDIM), AG_SHAPE(1, 1), 9);
    VALUES(ag_max_over(ag_transpose(x, 0, 1), AG_AXES(0), 0), AG_SHAPE(2), 7, 9);
    ag_tensor n = AG_VALUES(t, AG_SHAPE(2, 3), 4, NAN, 7, 5, 9, -2);
    VALUES(ag_max(n), AG_SCALAR, NAN);
    VALUES(ag_min_over(n, AG_AXES(0), 0), AG_SHAPE(3), 4, NAN, -2);
    VALUES(ag_max(ag_full(t, AG_F32, AG_SHAPE(4), -INFINITY)), AG_SCALAR, -INFINITY);
    VALUES(ag_max(ag_constant(t, 2)), AG_SCALAR, 2);
    VALUES(ag_min(ag_cast(x, AG_I32)), AG_SCALAR, -2);
    VALUES(ag_max_over(ag_cast(x, AG_U8), AG_AXES(1), 0), AG_SHAPE(2), 7, 9);
    assert_int_equal(ag_dtype_of(ag_max(ag_cast(x, AG_I64))), AG_I64);
    assert_int_equal(ag_size_of(ag_max_over(ag_zeros(t, AG_F64, AG_SHAPE(2, 0)), AG_AXES(0), 0)), 0);
    expect_failure(ag_max(ag_zeros(t, AG_F64, AG_SHAPE(0))), t, AG_ESHAPE, "ag_max: [0] f64");
    expect_failure(ag_min_over(ag_zeros(t, AG_F64, AG_SHAPE(2, 0)), AG_AXES(1), 0), t, AG_ESHAPE,
                   "ag_min_over: [2,0] f64");
    expect_failure(ag_max_over(x, AG_AXES(0, 0), 0), t, AG_ESHAPE, "0, 0");
    expect_failure(ag_min_over(x, AG_AXES(0), 8), t, AG_EARG, "flags");
}

static void gradients_of_extrema(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 3), 4, 7, 7, 5, 9, -2));
    GRADIENT(ag_max(x), x, AG_SHAPE(2, 3), 0, 0, 0, 0, 1, 0);
    GRADIENT(ag_max_over(x, AG_AXES(1), 0), x, AG_SHAPE(2, 3), 0, 0.5, 0.5, 0, 2, 0);
    GRADIENT(ag_min_over(x, AG_AXES(0), AG_KEEPDIM), x, AG_SHAPE(2, 3), 1, 2, 0, 0, 0, 3);
    GRADIENT(ag_add(ag_max(x), ag_max(x)), x, AG_SHAPE(2, 3), 0, 0, 0, 0, 2, 0);
    ag_tensor n = ag_require_grad(AG_VALUES(t, AG_SHAPE(4), 1, NAN, 9, NAN));
    GRADIENT(ag_max(n), n, AG_SHAPE(4), 0, 0.5, 0, 0.5);
}

/* ---- windows: what lies in one is compared as selections are, with ties, NaNs and any strides */

static ag_tensor windows_by_selections(ag_tensor x, int height, int width)
{
    ag_tensor y = { 0 };
    for (int r = 0; r < height; r++)
        for (int c = 0; c < width; c++) {
            ag_tensor part = ag_select(ag_select(x, 4, c), 2, r);
            y = y.tape ? ag_maximum(y, part) : part;
        }
    return y;
}

static ag_tensor window_input(ag_tape *t, ag_dtype d, ag_shape s, bool turned)
{
    const int64_t size = ag_shape_size(s);
    ag_tensor v = ag_cast(ag_cast(ag_rand(t, AG_F64, AG_SHAPE(size), 0, 1000), AG_I32), d); /* with ties */
    if (d == AG_F64)
        v = ag_concat(AG_LIST(ag_slice(v, 0, 1, size, 1), AG_VALUES(t, AG_SHAPE(1), NAN)), 0);
    if (!turned)
        return ag_require_grad(ag_reshape(v, s));
    ag_shape back = s;
    for (int k = 0; k < s.rank; k++)
        back.dim[k] = s.dim[s.rank - 1 - k];
    return ag_permute(ag_require_grad(ag_reshape(v, back)), AG_AXES(4, 3, 2, 1, 0));
}

static void extrema_of_windows(void **state)
{
    ag_tape *t = *state;
    const ag_shape shapes[] = { AG_DIMS(3, 5, 2, 7, 2),  AG_DIMS(2, 9, 3, 40, 3), AG_DIMS(1, 1, 2, 1, 2),
                                AG_DIMS(4, 2, 1, 33, 2), AG_DIMS(2, 3, 2, 2, 5),  AG_DIMS(1, 40, 2, 1000, 2) };
    for (size_t way = 0; way < ARRAY_SIZE(shapes) * 4; way++) {
        ag_shape s = shapes[way / 4];
        ag_tensor x = window_input(t, way % 2 ? AG_F32 : AG_F64, s, way / 2 % 2), dx;
        ag_tensor y = ag_max_over(x, AG_AXES(2, 4), 0), z = windows_by_selections(x, (int)s.dim[2], (int)s.dim[4]);
        assert_int_equal(ag_size_of(y), ag_size_of(z));
        for (int64_t i = 0; i < ag_size_of(y); i++)
            assert_true(ag_item_at(y, i) == ag_item_at(z, i) || (isnan(ag_item_at(y, i)) && isnan(ag_item_at(z, i))));
        ag_tensor least = ag_neg(ag_min_over(ag_neg(x), AG_AXES(2, 4), 0)), w = counting(t, ag_shape_of(y));
        dx = ag_vjp(y, ag_dtype_of(y) == AG_F64 ? w : ag_cast(w, AG_F32), x);
        ag_tensor sums = ag_sum_over(dx, AG_AXES(2, 4), 0); /* each result's adjoint arrives once */
        for (int64_t i = 0; i < ag_size_of(y); i++) {
            assert_true(fabs(ag_item_at(sums, i) - (double)(i + 1)) <= 1e-2);
            assert_true(ag_item_at(least, i) == ag_item_at(y, i) || isnan(ag_item_at(y, i)));
        }
        ag_tensor at = ag_where(ag_equal(x, ag_unsqueeze(ag_unsqueeze(y, 2), 4)), ag_constant(t, 0), dx);
        if (way % 2) /* without a NaN: nothing where x is not the largest */
            assert_true(ag_item(ag_sum(ag_abs(at))) == 0);
        assert_string_equal(ag_error_text(t), "");
    }
}

/* ---- softmax */

static void near_to(ag_tensor y, int64_t i, double truth, double error)
{
    const double unit = ag_dtype_of(y) == AG_F32 ? 0x1p-24 : 0x1p-53;
    if (fabs(ag_item_at(y, i) - truth) > error * unit * fabs(truth) + 0x1p-149)
        fail_msg("%.17g instead of %.17g", ag_item_at(y, i), truth);
}

/* Of a row, and of a column among others; what is far from the largest element, and what is near 1. */
static void softmax_keeps_digits(void **state)
{
    ag_tape *t = *state;
    const double far[] = { -80.1, 79.3, 80.2, -2.5 }, below[] = { -90.3, -1.7, -60.4, -31.2 },
                 alone[] = { 20, 0.5, 1, 1 };
    for (int way = 0; way < 12; way++) {
        const double *v = way < 4 ? far : way < 8 ? below : alone;
        const ag_dtype d = way % 2 ? AG_F32 : AG_F64;
        const int axis = way / 2 % 2 ? 0 : -1;
        ag_tensor x = ag_cast(ag_values(t, AG_SHAPE(4), v, 4), d);
        double sum = 0, most = -INFINITY, rest = 0, e[4];
        for (int i = 0; i < 4; i++)
            most = fmax(most, ag_item_at(x, i));
        for (int i = 0; i < 4; i++) {
            e[i] = exp(ag_item_at(x, i) - most) * (1 + (ag_item_at(x, i) - (ag_item_at(x, i) - most) - most));
            sum += e[i];
            rest += ag_item_at(x, i) == most ? 0 : e[i];
        }
        x = axis ? x : ag_expand(ag_reshape(x, AG_SHAPE(4, 1)), AG_SHAPE(4, 3));
        const int64_t step = axis ? 1 : 3;
        for (int i = 0; i < 4; i++) {
            near_to(ag_softmax(x, axis), i * step, e[i] / sum, 8);
            near_to(ag_log_softmax(x, axis), i * step,
                    ag_item_at(x, i * step) == most ? -log1p(rest) : ag_item_at(x, i * step) - most - log1p(rest), 8);
        }
        near_to(ag_logsumexp(x, AG_AXES(axis), 0), 0, most + log1p(rest), 8);
    }
}

static void logsumexp_of_large_numbers(void **state)
{
    ag_tape *t = *state;
    const double v[] = { 1e6, 1e6 + 1, 1e6 };
    for (int way = 0; way < 8; way++) {
        const int axis = way / 2 % 2, flags = way / 4 ? AG_CREATE_GRAPH : 0;
        ag_tensor x = ag_cast(ag_values(t, axis ? AG_SHAPE(1, 3) : AG_SHAPE(3, 1), v, 3), way % 2 ? AG_F32 : AG_F64),
                  dx;
        x = ag_require_grad(axis ? x : ag_expand(x, AG_SHAPE(3, 2)));
        ag_gradients(ag_sum(ag_logsumexp(x, AG_AXES(axis), 0)), AG_LIST(x), flags, &dx);
        near_to(dx, 0, 1 / (2 + exp(1)), 8);
        near_to(dx, axis ? 1 : 2, exp(1) / (2 + exp(1)), 8);
    }
}

/* Equal elements of any size share the derivative, also in running sums, where what came before counts as one. */
static void equal_elements_share_a_logarithm_of_exponentials(void **state)
{
    ag_tape *t = *state;
    const double sizes[] = { 0, 1e200, -1e200, 3e8, INFINITY };
    for (int way = 0; way < 20; way++) {
        const double size = sizes[way / 4], v[] = { size, size, size };
        const ag_dtype d = way % 2 ? AG_F32 : AG_F64;
        const int flags = way / 2 % 2 ? AG_CREATE_GRAPH : 0;
        if (d == AG_F32 && fabs(size) == 1e200)
            continue;
        ag_tensor x = ag_require_grad(ag_cast(ag_values(t, AG_SHAPE(3), v, 3), d)), dx;
        ag_gradients(ag_logsumexp(x, AG_ALL, 0), AG_LIST(x), flags, &dx);
        near_to(dx, 0, 1. / 3, 8);
        ag_gradients(ag_sum(ag_logsumexp(ag_reshape(x, AG_SHAPE(3, 1)), AG_AXES(0), 0)), AG_LIST(x), flags, &dx);
        near_to(dx, 2, 1. / 3, 8);
        if (size == INFINITY)
            continue; /* what is infinite is all there is */
        ag_gradients(ag_sum(ag_logcumsumexp(x, 0)), AG_LIST(x), flags, &dx);
        near_to(dx, 0, 1 + 1. / 2 + 1. / 3, 8);
        near_to(dx, 2, 1. / 3, 8);
        if (flags) {
            ag_gradients(ag_select(dx, 0, 2), AG_LIST(x), 0, &dx);
            near_to(dx, 0, -1. / 9, 16);
            near_to(dx, 2, 2. / 9, 16);
        }
    }
}

/* Where a class is all but certain its loss and its derivative are what the others have. */
static void cross_entropy_of_the_certain(void **state)
{
    ag_tape *t = *state;
    const double v[] = { 1, 40, 0.5, 2 }, others = exp(-39) + exp(-39.5) + exp(-38);
    for (int way = 0; way < 4; way++) {
        const ag_dtype d = way % 2 ? AG_F32 : AG_F64;
        ag_tensor z = ag_require_grad(ag_cast(ag_values(t, AG_SHAPE(1, 4), v, 4), d)), x = z, dz;
        if (way > 1)
            x = ag_expand(ag_unsqueeze(z, 2), AG_SHAPE(1, 4, 2));
        ag_tensor y = ag_cross_entropy(x, ag_full(t, AG_I64, way > 1 ? AG_SHAPE(1, 2) : AG_SHAPE(1), 1));
        near_to(y, 0, others, 8);
        ag_gradients(y, AG_LIST(z), 0, &dz);
        near_to(dz, 0, exp(-39), 16);
        near_to(dz, 1, -others, 16);
    }
}

static void softmax_of_one_element_is_one_to_the_last_bit(void **state)
{
    ag_tape *t = *state;
    for (double x = -120; x < 200; x += 0.37)
        for (int d = 0; d < 2; d++) {
            const ag_tensor row = ag_full(t, d ? AG_F64 : AG_F32, AG_SHAPE(3, 1), x);
            assert_true(ag_item(ag_min(ag_softmax(row, 1))) == 1 && ag_item(ag_max(ag_softmax(row, 1))) == 1);
            const ag_tensor column = ag_reshape(row, AG_SHAPE(1, 3));
            assert_true(ag_item(ag_min(ag_softmax(column, 0))) == 1 && ag_item(ag_max(ag_softmax(column, 0))) == 1);
        }
}

/* Of results side by side most have one largest element, some share it among several. */
static void maxima_side_by_side_share_their_gradient(void **unused)
{
    (void)unused;
    enum { N = 3, M = 4097 };
    static float x[N * M];
    for (int j = 0; j < M; j++)
        for (int i = 0; i < N; i++)
            x[i * M + j] = j % 1000 == 96 ? (i == 1 ? -1 : 2) : (float)((i + j) % N);
    for (int threads = 1; threads <= 2; threads++) {
        ag_tape *t = tape_with((ag_options){ .threads = threads });
        const ag_tensor a = ag_require_grad(ag_from(t, AG_F32, AG_SHAPE(N, M), x, sizeof x));
        ag_tensor g;
        ag_gradients(ag_sum(ag_max_over(a, AG_AXES(0), 0)), AG_LIST(a), 0, &g);
        const float *dx = ag_data(g, AG_F32);
        for (int j = 0; j < M; j++)
            for (int i = 0; i < N; i++)
                assert_true(dx[i * M + j] == (j % 1000 == 96 ? (i == 1 ? 0 : 0.5F) : (float)((i + j) % N == 2)));
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* The first elements tell nothing about the others. */
static void variances_are_accurate_far_from_the_first_element(void **unused)
{
    (void)unused;
    enum { N = 2000, M = 80 };
    static float x[N * M];
    ag_tape *t = tape_with((ag_options){ 0 });
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M; j++)
            x[i * M + j] = i == 0 ? 1e15F : i == 1 ? -1e15F : (float)(i % 2) + 1e6F;
    const ag_tensor a = ag_from(t, AG_F32, AG_SHAPE(N, M), x, sizeof x);
    const ag_tensor rest = ag_slice(a, 0, 2, N, 1), infinite = ag_mul_scalar(a, INFINITY);
    for (int j = 0; j < M; j += 79) {
        assert_close(ag_item_at(ag_var_over(a, AG_AXES(0), 0, (ag_var_options){ .biased = true }), j) / 1e27, 1, 1e-6);
        assert_close(ag_item_at(ag_var_over(rest, AG_AXES(0), 0, (ag_var_options){ .biased = true }), j), 0.25, 1e-6);
        assert_true(isnan(ag_item_at(ag_var_over(infinite, AG_AXES(0), 0, (ag_var_options){ 0 }), j)));
    }
    assert_close(ag_item(ag_var_over(rest, AG_ALL, 0, (ag_var_options){ .biased = true })), 0.25, 1e-6);
    expect_fine(t);
    ag_tape_free(t);
}

static void derivatives_of_products_are_products_of_the_others(void **state)
{
    ag_tape *t = *state;
    const double huge = 0x1p600, tiny = 0x1p-600, small = 0x1p-100, large = 0x1p100;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(4, 3), 2, 4, 8, 2, 0, 4, 0, 4, 0, huge, huge, tiny));
    GRADIENT(ag_prod_over(x, AG_AXES(1), 0), x, AG_SHAPE(4, 3), 32, 16, 8, 0, 16, 0, 0, 0, 0, 4, 4, INFINITY);
    ag_tensor turned = ag_require_grad(AG_VALUES(t, AG_SHAPE(3, 4), 2, 2, 0, huge, 4, 0, 4, huge, 8, 4, 0, tiny));
    GRADIENT(ag_prod_over(turned, AG_AXES(0), 0), turned, AG_SHAPE(3, 4), 32, 0, 0, 4, 16, 16, 0, 4, 8, 0, 0, INFINITY);
    ag_tensor single = ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(4), small, small, large, 2 * large), AG_F32));
    VALUES(weighted_gradient(ag_prod(single), single), AG_SHAPE(4), 2 * large, 2 * large, 2 * small, small);
    ag_tensor infinite = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 2), 3, INFINITY, 5, 7));
    GRADIENT(ag_prod_over(infinite, AG_AXES(1), 0), infinite, AG_SHAPE(2, 2), INFINITY, 3, 14, 10);
    const double most = 0x1.8p127, least = 0x1p-126;
    ag_tensor far = ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(2, 2), most, most, least, 4 * least), AG_F32));
    VALUES(weighted_gradient(ag_prod_over(far, AG_AXES(1), 0), far), AG_SHAPE(2, 2), most, most, 8 * least, 2 * least);
    ag_tensor deep = ag_require_grad(ag_cast(AG_VALUES(t, AG_SHAPE(4), least, least, least, least), AG_F32));
    VALUES(weighted_gradient(ag_prod(deep), deep), AG_SHAPE(4), 0, 0, 0, 0);
}

static void products_do_not_remember_the_way(void **state)
{
    ag_tape *t = *state;
    const double huge = 0x1p1000, third = 0x1.5555555555555p-560, tiny = 0x1p-500;
    VALUES(ag_prod_over(AG_VALUES(t, AG_SHAPE(2, 3), huge, huge, 0, 0, huge, huge), AG_AXES(1), 0), AG_SHAPE(2), 0, 0);
    VALUES(ag_prod(AG_VALUES(t, AG_SHAPE(2), INFINITY, 0)), AG_SCALAR, NAN);
    const ag_tensor most = ag_from(t, AG_I64, AG_SHAPE(2), (const int64_t[]){ INT64_MAX, 1 }, 2 * sizeof(int64_t));
    assert_true(*(const int64_t *)ag_data(ag_prod(most), AG_I64) == INT64_MAX);
    const ag_tensor sunk = AG_VALUES(t, AG_SHAPE(2, 4), third, tiny, huge, 0x1p60, third, tiny, huge, 0);
    VALUES(ag_mul_scalar(ag_prod_over(ag_transpose(sunk, 0, 1), AG_AXES(0), 0), 3), AG_SHAPE(2), 4, 0);
}

static void equal_extremes_share_the_gradient_of_a_norm(void **state)
{
    (void)state;
    enum { N = 3000, M = 5 };
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F64 });
    static double values[N][M];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M; j++)
            values[i][j] = i % 700 != 6 ? 1 : i < 700 ? -3 : 3; /* at five rows */
    ag_tensor x = ag_require_grad(ag_from(t, AG_F64, AG_SHAPE(N, M), values, sizeof values));
    ag_tensor down = weighted_gradient(ag_norm_over(x, INFINITY, AG_AXES(0), 0), x);
    for (int j = 0; j < M; j++) {
        assert_true(ag_item_at(down, 6 * M + j) == -(j + 1) / 5.0);
        assert_true(ag_item_at(down, 706 * M + j) == (j + 1) / 5.0);
        assert_true(ag_item_at(down, 707 * M + j) == 0);
    }
    assert_true(ag_item(ag_norm_over(x, INFINITY, AG_ALL, 0)) == 3);
    assert_true(ag_item(ag_norm_over(x, -INFINITY, AG_ALL, 0)) == 1);
    assert_true(ag_item(ag_norm_over(x, 1, AG_ALL, 0)) == (N + 2 * 5) * M);
    assert_true(ag_item(ag_norm_over(x, 0, AG_ALL, 0)) == N * M);
    expect_fine(t);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums),
        TEST(sums_of_integers),
        TEST(gradients_of_sums),
        TEST(errors_of_sums),
        TEST(extrema),
        TEST(gradients_of_extrema),
        TEST(extrema_of_windows),
        TEST(softmax_keeps_digits),
        TEST(softmax_of_one_element_is_one_to_the_last_bit),
        TEST(logsumexp_of_large_numbers),
        TEST(equal_elements_share_a_logarithm_of_exponentials),
        TEST(cross_entropy_of_the_certain),
        cmocka_unit_test(maxima_side_by_side_share_their_gradient),
        cmocka_unit_test(variances_are_accurate_far_from_the_first_element),
        TEST(derivatives_of_products_are_products_of_the_others),
        TEST(products_do_not_remember_the_way),
        cmocka_unit_test(equal_extremes_share_the_gradient_of_a_norm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
