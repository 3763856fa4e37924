/* Products of matrices inside of ops of one's own. */
#include "misuse.h"

/* ---- y = beta + a b, as its parameters say; one thing may be wrong */

typedef enum fault {
    NOTHING,
    NO_ARRAY,
    NO_DATA,
    RANK,
    INNER,
    ROWS,
    LEADING,
    DTYPE,
    INTEGERS,
    BETA,
    NEGATIVE,
    FAULTS
} fault;
typedef struct product_params {
    double beta;
    bool turned; /* b is given as its transpose */
    fault fault;
    ag_shape y;
} product_params;

static ag_status product_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const product_params *p = ag_call_params(c);
    *y = (ag_array){ .dtype = x->dtype, .shape = p->y };
    return AG_OK;
}

static ag_array turned(const ag_array *x)
{
    ag_array y = *x;
    const int r = x->shape.rank;
    y.shape.dim[r - 1] = x->shape.dim[r - 2];
    y.shape.dim[r - 2] = x->shape.dim[r - 1];
    y.stride[r - 1] = x->stride[r - 2];
    y.stride[r - 2] = x->stride[r - 1];
    return y;
}

static ag_status spoilt(const ag_call *c, fault f, ag_array a, ag_array b, ag_array y, double beta)
{
    if (f == NO_DATA)
        b.data = NULL;
    if (f == RANK)
        a.shape.rank = 1;
    if (f == INNER)
        a.shape.dim[a.shape.rank - 1]++;
    if (f == ROWS)
        y.shape.dim[y.shape.rank - 2]++;
    if (f == LEADING)
        y.shape = AG_SHAPE(7, y.shape.dim[y.shape.rank - 2], y.shape.dim[y.shape.rank - 1]);
    if (f == DTYPE)
        b.dtype = AG_F32;
    if (f == INTEGERS)
        a.dtype = b.dtype = y.dtype = AG_I64;
    if (f == NEGATIVE)
        a.shape.dim[0] = -1;
    return ag_call_matmul(c, f == NO_ARRAY ? NULL : &a, &b, &y, f == BETA ? 0.5 : beta);
}

static ag_status product_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const product_params *p = ag_call_params(c);
    const ag_array b = p->turned ? turned(&x[1]) : x[1];
    const double before = p->beta != 0 ? 1 : NAN;
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++)
        if (y->dtype == AG_F32)
            ((float *)y->data)[i] = (float)before;
        else
            ((double *)y->data)[i] = before;
    return spoilt(c, p->fault, x[0], b, *y, p->beta);
}

static const ag_op product = { .name = "product",
                               .inputs = 2,
                               .flags = AG_STRIDED,
                               .params_size = sizeof(product_params),
                               .shape = product_shape,
                               .forward = product_forward };

static ag_tensor filled(ag_tape *t, ag_dtype d, ag_shape s)
{
    return ag_cast(ag_reshape(ag_arange(t, AG_F64, 1, (double)ag_shape_size(s) + 1, 1), s), d);
}

static void assert_same(ag_tensor x, ag_tensor y)
{
    assert_int_equal(ag_size_of(x), ag_size_of(y));
    for (int64_t i = 0; i < ag_size_of(x); i++)
        assert_close(ag_item_at(x, i), ag_item_at(y, i), 0);
}

/* Small integers, so that all is exact. */
static void products_are_those_of_matmul(void **state)
{
    (void)state;
    for (int way = 0; way < 16; way++) {
        ag_tape *t = new_tape();
        const ag_dtype d = way % 2 ? AG_F32 : AG_F64;
        const bool turn = way / 2 % 2, sum = way / 8;
        const double beta = way / 4 % 2;
        ag_tensor a = filled(t, d, AG_SHAPE(3, 4, 5)), b = filled(t, d, turn ? AG_SHAPE(6, 5) : AG_SHAPE(5, 6));
        product_params p = { beta, turn, NOTHING, sum ? AG_SHAPE(4, 6) : AG_SHAPE(3, 4, 6) };
        ag_tensor expected = ag_matmul(a, turn ? ag_transpose(b, 0, 1) : b);
        if (sum)
            expected = ag_sum_over(expected, AG_AXES(0), 0);
        assert_same(ag_apply(&product, AG_LIST(a, b), &p), ag_add_scalar(expected, beta));
        a = ag_transpose(ag_slice(filled(t, d, AG_SHAPE(10, 4)), 0, 0, 10, 2), 0, 1); /* [4,5] */
        p.y = AG_SHAPE(4, 6);
        expected = ag_matmul(a, turn ? ag_transpose(b, 0, 1) : b);
        assert_same(ag_apply(&product, AG_LIST(a, b), &p), ag_add_scalar(expected, beta));
        expect_fine(t);
        ag_tape_free(t);
    }
}

static void empty_products_are_sums_of_nothing(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    product_params p = { 0, false, NOTHING, AG_SHAPE(2, 3) };
    assert_values(ag_apply(&product, AG_LIST(filled(t, AG_F64, AG_SHAPE(2, 0)), filled(t, AG_F64, AG_SHAPE(0, 3))), &p),
                  0, 0, 0, 0, 0, 0);
    p.beta = 1;
    assert_values(ag_apply(&product, AG_LIST(filled(t, AG_F64, AG_SHAPE(2, 0)), filled(t, AG_F64, AG_SHAPE(0, 3))), &p),
                  1, 1, 1, 1, 1, 1);
    p.y = AG_SHAPE(0, 3);
    assert_int_equal(ag_size_of(ag_apply(
                         &product, AG_LIST(filled(t, AG_F64, AG_SHAPE(0, 2)), filled(t, AG_F64, AG_SHAPE(2, 3))), &p)),
                     0);
    expect_fine(t);
    ag_tape_free(t);
}

static void products_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const ag_status expected[FAULTS] = {
        [NO_ARRAY] = AG_ENULL, [NO_DATA] = AG_ENULL, [RANK] = AG_ESHAPE,     [INNER] = AG_ESHAPE, [ROWS] = AG_ESHAPE,
        [LEADING] = AG_ESHAPE, [DTYPE] = AG_EDTYPE,  [INTEGERS] = AG_EDTYPE, [BETA] = AG_EARG,    [NEGATIVE] = AG_ESHAPE
    };
    bench b = new_bench();
    ag_tensor x = filled(b.t, AG_F64, AG_SHAPE(3, 2, 2)), y = filled(b.t, AG_F64, AG_SHAPE(2, 2));
    for (fault f = NOTHING + 1; f < FAULTS; f++) {
        product_params p = { 0, false, f, AG_SHAPE(3, 2, 2) };
        expect_inert(b.t, ag_apply(&product, AG_LIST(x, y), &p), expected[f], "ag_call_matmul");
    }
    assert_int_equal(ag_call_matmul(NULL, NULL, NULL, NULL, 0), AG_ENULL);
    free_bench(&b);
}

static void products_are_the_same_bits_on_two_threads(void **state)
{
    (void)state;
    float *bits = malloc(sizeof *bits * 300 * 200);
    assert_non_null(bits);
    for (int threads = 1; threads < 3; threads++) {
        ag_tape *t = tape_with((ag_options){ .threads = threads, .seed = 5 });
        ag_tensor a = ag_randn(t, AG_F32, AG_SHAPE(300, 400), 0, 1), b = ag_randn(t, AG_F32, AG_SHAPE(200, 400), 0, 1);
        ag_tensor y = ag_apply(&product, AG_LIST(a, b), &(product_params){ 0, true, NOTHING, AG_SHAPE(300, 200) });
        const float *now = ag_data(y, AG_F32);
        assert_non_null(now);
        if (threads == 1)
            memcpy(bits, now, sizeof *bits * 300 * 200);
        assert_memory_equal(bits, now, sizeof *bits * 300 * 200);
        ag_tape_free(t);
    }
    free(bits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_matmul),
        cmocka_unit_test(empty_products_are_sums_of_nothing),
        cmocka_unit_test(products_that_do_not_fit_are_refused),
        cmocka_unit_test(products_are_the_same_bits_on_two_threads),
    };
    return cmocka_run_group_tests_name("products of user ops", tests, NULL, NULL);
}
