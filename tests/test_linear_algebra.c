/* Linear algebra: what is wrong with a matrix is said, factors multiply to what they are of, also where blocks and threads
 * are used, and gradients are right where matrices are singular or eigenvalues equal. */
#include "support.h"

enum { LARGE = 150 };

static ag_tensor values(ag_tape *t, ag_shape s, const double *x)
{
    return ag_from(t, AG_F64, s, x, (size_t)ag_shape_size(s) * sizeof *x);
}

/* ---- messages */

static void a_singular_matrix_is_named_with_its_pivot(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double x[] = { 1, 0, 0, 1, 1, 2, 2, 4 };
    ag_tensor a = values(t, AG_SHAPE(2, 2, 2), x), b = ag_ones(t, AG_F64, AG_SHAPE(2, 1));
    assert_false(ag_ok(ag_solve(a, b)));
    expect_error(t, AG_EARG, "ag_solve: [2,2,2] f64 and [2,1] f64: matrix [1] of the batch is singular: pivot 1 is 0");
    assert_false(ag_ok(ag_inverse(ag_select(a, 0, 1))));
    expect_error(t, AG_EARG, "ag_inverse: [2,2] f64: the matrix is singular: pivot 1 is 0");
    assert_false(ag_ok(ag_triangular_solve(ag_zeros(t, AG_F64, AG_SHAPE(2, 2)), b, 0)));
    expect_error(t, AG_EARG, "the matrix is singular: element [0,0] is 0");
    ag_tape_free(t);
}

static void a_matrix_that_is_not_positive_definite_is_named_with_its_pivot(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double x[] = { 4, 2, 2, 1, 1, 2, 2, 1, 1, 0, 0, NAN };
    assert_false(ag_ok(ag_cholesky(values(t, AG_SHAPE(3, 1, 2, 2), x), 0)));
    expect_error(t, AG_EARG, "matrix [0,0] of the batch is not positive definite: pivot 1 is 0");
    assert_false(ag_ok(ag_cholesky(values(t, AG_SHAPE(2, 2), x + 4), 0)));
    expect_error(t, AG_EARG, "the matrix is not positive definite: pivot 1 is -3");
    assert_false(ag_ok(ag_cholesky(values(t, AG_SHAPE(2, 2), x + 8), 0)));
    expect_error(t, AG_EARG, "not positive definite: pivot 1 is");
    ag_tape_free(t);
}

static void flags_and_shapes_that_cannot_work_are_refused(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 3)), a = ag_eye(t, AG_F64, 3);
    ag_cholesky(x, 0);
    expect_error(t, AG_ESHAPE, "the matrix must be square, but is 2 x 3");
    ag_cholesky(a, 8);
    expect_error(t, AG_EARG, "unknown flags 8");
    ag_triangular_solve(a, x, 0);
    expect_error(t, AG_ESHAPE, "3 unknowns, but 2 rows of right sides");
    ag_triangular_solve(a, x, AG_RIGHT | 32);
    expect_error(t, AG_EARG, "unknown flags 40");
    ag_solve(a, x);
    expect_error(t, AG_ESHAPE, "3 unknowns, but right sides of 2");
    ag_qr(ag_ones(t, AG_F64, AG_SHAPE(3)));
    expect_error(t, AG_ESHAPE, "a vector is no matrix, nor several");
    ag_matrix_power(x, 2);
    expect_error(t, AG_ESHAPE, "the matrix must be square, but x is [2,3]");
    ag_matrix_exp(x);
    expect_error(t, AG_ESHAPE, "ag_matrix_exp: [2,3] f64: the matrix must be square, but is 2 x 3");
    ag_qr_with(x, (ag_qr_options){ .mode = (ag_qr_mode)3 });
    expect_error(t, AG_EARG, "ag_qr_with: there is no mode 3");
    ag_pinv(x, -1);
    expect_error(t, AG_EARG, "rcond is -1");
    ag_det(ag_cast(a, AG_I64));
    expect_error(t, AG_EDTYPE, "is defined for f32 and f64");
    ag_tape_free(t);
}

/* ---- large matrices */

static double largest(ag_tensor x)
{
    return ag_item(ag_max(ag_abs(x)));
}

static ag_tensor turned(ag_tensor x)
{
    return ag_transpose(x, -2, -1);
}

static void expect_orthonormal(ag_tensor columns)
{
    const int64_t n = ag_shape_of(columns).dim[1];
    assert_true(largest(ag_sub(ag_matmul(turned(columns), columns), ag_eye(columns.tape, AG_F64, n))) < 1e-13);
}

static void factors_multiply_to_large_matrices(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(LARGE, LARGE - 20), 0, 1), square = ag_matmul(x, turned(x));
    const ag_qr_factors f = ag_qr(x), g = ag_qr(turned(x));
    expect_orthonormal(f.q);
    assert_true(largest(ag_sub(ag_matmul(f.q, f.r), x)) < 1e-12);
    assert_true(largest(ag_sub(ag_matmul(g.q, g.r), turned(x))) < 1e-12);
    const ag_singular s = ag_svd(x);
    expect_orthonormal(s.u);
    expect_orthonormal(turned(s.vh));
    assert_true(largest(ag_sub(ag_matmul(ag_mul(s.u, s.s), s.vh), x)) < 1e-12);
    const ag_eigen e = ag_eigh(square);
    expect_orthonormal(e.eigenvectors);
    assert_true(largest(ag_sub(ag_matmul(ag_mul(e.eigenvectors, e.eigenvalues), turned(e.eigenvectors)), square)) <
                1e-10);
    ag_tensor positive = ag_add(square, ag_eye(t, AG_F64, LARGE)), l = ag_cholesky(positive, 0);
    assert_true(largest(ag_sub(ag_matmul(l, turned(l)), positive)) < 1e-11);
    ag_tensor a = ag_randn(t, AG_F64, AG_SHAPE(LARGE, LARGE), 0, 1),
              b = ag_randn(t, AG_F64, AG_SHAPE(LARGE, 300), 0, 1);
    assert_true(largest(ag_sub(ag_matmul(a, ag_solve(a, b)), b)) < 1e-9);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- known in closed form */

static void equal_eigenvalues_have_the_gradient_of_their_sum(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(ag_mul_scalar(ag_eye(t, AG_F64, 3), 2)), eye = ag_eye(t, AG_F64, 3);
    ag_backward(ag_sum(ag_eigvalsh(x)));
    assert_true(largest(ag_sub(ag_grad(x), eye)) < 1e-15);
    ag_zero_grad(x);
    ag_backward(ag_sum(ag_svdvals(x)));
    assert_true(largest(ag_sub(ag_grad(x), eye)) < 1e-15);
    ag_zero_grad(x);
    ag_backward(ag_sum(ag_square(ag_eigh(x).eigenvalues))); /* the sum of squares of x */
    assert_true(largest(ag_sub(ag_grad(x), ag_mul_scalar(x, 2))) < 1e-14);
    expect_fine(t);
    ag_tape_free(t);
}

static ag_tensor det_of(ag_list x, void *user)
{
    (void)user;
    return ag_det(x.at[0]);
}

static void determinants_of_singular_matrices_have_two_derivatives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = ag_randn(t, AG_F64, AG_SHAPE(3, 2), 0, 1), b = ag_randn(t, AG_F64, AG_SHAPE(2, 3), 0, 1);
    assert_int_equal(ag_gradcheck(det_of, NULL, AG_LIST(ag_matmul(a, b)), stdout), AG_PASS);
    for (int rank = 0; rank < 3; rank++) { /* [2,3,0], as far as the rank goes, on the diagonal */
        double d[3] = { rank > 0 ? 2 : 0, rank > 1 ? 3 : 0, 0 }, expected[9][9] = { { 0 } },
               x[9] = { d[0], 0, 0, 0, d[1] };
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                const double other = i == j ? 0 : d[3 - i - j];
                expected[4 * i][4 * j] = other;
                expected[3 * i + j][3 * j + i] -= other;
            }
        ag_tensor m = ag_require_grad(values(t, AG_SHAPE(3, 3), x)), y = ag_det(m), h = ag_hessian(y, m);
        ag_tensor error = ag_sub(ag_reshape(h, AG_SHAPE(9, 9)), values(t, AG_SHAPE(9, 9), &expected[0][0]));
        assert_true(largest(error) < 1e-14);
        ag_backward(y);
        assert_true(ag_item_at(ag_grad(m), 8) == d[0] * d[1] && ag_item(ag_sum(ag_abs(ag_grad(m)))) == d[0] * d[1]);
    }
    expect_fine(t);
    ag_tape_free(t);
}

/* A row, a column or an element of another size costs the others no digits. */
static void determinants_of_elements_of_all_sizes_have_exact_gradients(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double sizes[] = { 1e12, 1e-12, 0x1p-300, 0x1p300 };
    for (int way = 0; way < 11; way++) {
        const double s = sizes[way / 3], row = way % 3 == 0 ? s : 1, column = way % 3 == 1 ? s : 1;
        const double v[] = {
            1 * row, 2 * row, 4 * row * column, 2, 1, 1 * column, way % 3 == 2 ? s : 3, 1, 2.5 * column
        };
        const double expected[] = { v[4] * v[8] - v[5] * v[7], v[5] * v[6] - v[3] * v[8], v[3] * v[7] - v[4] * v[6],
                                    v[2] * v[7] - v[1] * v[8], v[0] * v[8] - v[2] * v[6], v[1] * v[6] - v[0] * v[7],
                                    v[1] * v[5] - v[2] * v[4], v[2] * v[3] - v[0] * v[5], v[0] * v[4] - v[1] * v[3] };
        const ag_tensor x = ag_require_grad(values(t, AG_SHAPE(3, 3), v));
        ag_backward(ag_det(x));
        for (int i = 0; i < 9; i++)
            if (fabs(ag_item_at(ag_grad(x), i) - expected[i]) > 1e-13 * fabs(expected[i]))
                fail_msg("way %d, element %d: %.17g, not %.17g", way, i, ag_item_at(ag_grad(x), i), expected[i]);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void determinants_of_many_rows_do_not_overflow(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_mul_scalar(ag_eye(t, AG_F64, 400), -1e10);
    const ag_signed_log d = ag_slogdet(x);
    assert_true(ag_item(d.sign) == 1);
    assert_true(fabs(ag_item(d.logabsdet) - 4000 * log(10)) < 1e-9);
    assert_true(ag_item(ag_det(x)) == INFINITY);
    assert_true(ag_item(ag_logdet(ag_zeros(t, AG_F64, AG_SHAPE(2, 2)))) == -INFINITY);
    assert_true(ag_item(ag_det(ag_zeros(t, AG_F64, AG_SHAPE(0, 0)))) == 1);
    expect_fine(t);
    ag_tape_free(t);
}

static void what_is_not_finite_gives_nan_beside_what_is(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double x[] = { 1, 0, 0, INFINITY, 2, 0, 0, 1 };
    ag_tensor a = values(t, AG_SHAPE(2, 2, 2), x), w = ag_eigh(a).eigenvalues, s = ag_svdvals(a);
    assert_true(isnan(ag_item_at(w, 0)) && isnan(ag_item_at(s, 1)));
    assert_true(ag_item_at(w, 2) == 1 && ag_item_at(w, 3) == 2 && ag_item_at(s, 2) == 2);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- complete factors */

/* Of a basis beyond x's columns, in a way that does not depend on the basis. */
static ag_tensor span_beyond(ag_list x, void *user)
{
    (void)user;
    const ag_shape s = ag_shape_of(x.at[0]);
    const ag_qr_factors f = ag_qr_with(x.at[0], (ag_qr_options){ .mode = AG_QR_COMPLETE });
    const ag_tensor beyond = ag_slice(f.q, -1, s.dim[1], s.dim[0], 1);
    const ag_tensor weight = ag_reshape(ag_arange(x.at[0].tape, AG_F64, 1, 1 + 25, 1), AG_SHAPE(5, 5));
    return ag_sum(ag_mul(weight, ag_matmul(beyond, turned(beyond))));
}

static void complete_factors_span_everything_and_their_spans_have_derivatives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(LARGE, LARGE - 70), 0, 1);
    const ag_qr_factors f = ag_qr_with(x, (ag_qr_options){ .mode = AG_QR_COMPLETE }), g = ag_qr(x);
    assert_shape(f.q, LARGE, LARGE);
    assert_shape(f.r, LARGE, LARGE - 70);
    expect_orthonormal(f.q);
    assert_true(largest(ag_sub(ag_matmul(f.q, f.r), x)) < 1e-12);
    assert_true(largest(ag_sub(ag_slice(f.q, -1, 0, LARGE - 70, 1), g.q)) == 0);
    for (int64_t n = 1; n < 5; n++)
        assert_int_equal(ag_gradcheck(span_beyond, NULL, AG_LIST(ag_randn(t, AG_F64, AG_SHAPE(5, n), 0, 1)), stdout),
                         AG_PASS);
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- exponentials */

static void exponentials_of_matrices_are_known(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (double angle = 1e-3; angle < 200; angle *= 3) {
        const double x[] = { 0, -angle, angle, 0 }, turn[] = { cos(angle), -sin(angle), sin(angle), cos(angle) };
        ag_tensor error = ag_sub(ag_matrix_exp(values(t, AG_SHAPE(2, 2), x)), values(t, AG_SHAPE(2, 2), turn));
        assert_true(largest(error) < 1e-15 * (10 + 4 * angle));
    }
    const double x[] = { 0, 3, 5, 0, 0, 2, 0, 0, 0 }, diagonal[] = { -1000, 0, 0, 2 };
    assert_values(ag_matrix_exp(values(t, AG_SHAPE(3, 3), x)), 1, 3, 8, 0, 1, 2, 0, 0, 1);
    assert_values(ag_matrix_exp(ag_zeros(t, AG_F32, AG_SHAPE(2, 2))), 1, 0, 0, 1);
    assert_values(ag_matrix_exp(values(t, AG_SHAPE(2, 2), diagonal)), 0, 0, 0, exp(2));
    assert_values(ag_matrix_exp(ag_full(t, AG_F64, AG_SHAPE(2, 1, 1), -INFINITY)), 0, 0);
    assert_true(isnan(ag_item_at(ag_matrix_exp(ag_full(t, AG_F64, AG_SHAPE(2, 2), INFINITY)), 1)));
    expect_fine(t);
    ag_tape_free(t);
}

static void exponentials_of_large_matrices_are_inverse_to_those_of_their_negatives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(2, LARGE, LARGE), 0, 0.2), y = ag_matrix_exp(x);
    ag_tensor error = ag_sub(ag_matmul(y, ag_matrix_exp(ag_neg(x))), ag_eye(t, AG_F64, LARGE));
    assert_true(largest(error) < 1e-10);
    /* det exp(x) = exp(trace x), whose derivative is known */
    ag_tensor small = ag_require_grad(ag_randn(t, AG_F64, AG_SHAPE(20, 20), 0, 0.3));
    ag_backward(ag_logdet(ag_matrix_exp(small)));
    assert_true(largest(ag_sub(ag_grad(small), ag_eye(t, AG_F64, 20))) < 1e-10);
    expect_fine(t);
    ag_tape_free(t);
}

/* Sums of columns beyond all numbers make no difference: what decays is gone, what grows infinite. */
static void exponentials_of_matrices_of_any_size_are_numbers(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double big = 1e308, zero[] = { 0, 0, 0, 0 }, most[] = { INFINITY, INFINITY, INFINITY, INFINITY };
    const struct {
        double x[4];
        const double *y;
    } cases[] = { { { -big, big, 0, -big }, zero },
                  { { -big, -big, big, -big }, zero },
                  { { big, big, big, big }, most } };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const ag_tensor y = ag_matrix_exp(ag_values(t, AG_SHAPE(2, 2), cases[i].x, 4));
        for (int k = 0; k < 4; k++)
            assert_true(ag_item_at(y, k) == cases[i].y[k]);
    }
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_singular_matrix_is_named_with_its_pivot),
        cmocka_unit_test(a_matrix_that_is_not_positive_definite_is_named_with_its_pivot),
        cmocka_unit_test(flags_and_shapes_that_cannot_work_are_refused),
        cmocka_unit_test(factors_multiply_to_large_matrices),
        cmocka_unit_test(equal_eigenvalues_have_the_gradient_of_their_sum),
        cmocka_unit_test(determinants_of_singular_matrices_have_two_derivatives),
        cmocka_unit_test(determinants_of_elements_of_all_sizes_have_exact_gradients),
        cmocka_unit_test(determinants_of_many_rows_do_not_overflow),
        cmocka_unit_test(what_is_not_finite_gives_nan_beside_what_is),
        cmocka_unit_test(complete_factors_span_everything_and_their_spans_have_derivatives),
        cmocka_unit_test(exponentials_of_matrices_are_known),
        cmocka_unit_test(exponentials_of_large_matrices_are_inverse_to_those_of_their_negatives),
        cmocka_unit_test(exponentials_of_matrices_of_any_size_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
