/* Sums of products in Einstein's notation: the order of products, and what is wrong with an equation, with its place. */
#include "tests/values.h"

#include "ag/ops/products/contraction.h"

static void sums_of_products(void **state)
{
    ag_tape *t = *state;
    ag_tensor a = ag_require_grad(counting(t, AG_SHAPE(2, 2))), b = counting(t, AG_SHAPE(2));
    VALUES(ag_einsum(" ij , j -> i ", AG_LIST(a, b)), AG_SHAPE(2), 5, 11);
    VALUES(ag_einsum("ij,j", AG_LIST(a, b)), AG_SHAPE(2), 5, 11);
    VALUES(ag_einsum("ii", AG_LIST(a)), AG_SCALAR, 5);
    VALUES(ag_einsum("i,j,k->kji", AG_LIST(b, b, b)), AG_SHAPE(2, 2, 2), 1, 2, 2, 4, 2, 4, 4, 8);
    VALUES(ag_einsum("...i,...->i", AG_LIST(b, ag_constant(t, 3))), AG_SHAPE(2), 3, 6);
}

static void numbers_of_another_float_type_follow(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = ag_ones(t, AG_F32, AG_SHAPE(2, 2)), y = ag_einsum(",ij->i", AG_LIST(ag_constant(t, 3), x));
    assert_int_equal(ag_dtype_of(y), AG_F32);
    VALUES(y, AG_SHAPE(2), 6, 6);
    expect_failure(ag_einsum("ij,jk", AG_LIST(x, counting(t, AG_SHAPE(2, 2)))), t, AG_EDTYPE,
                   "ag_einsum: operand 2 is f64, but others are f32; see ag_cast");
    expect_failure(ag_einsum("ij", AG_LIST(ag_zeros(t, AG_I64, AG_SHAPE(2, 2)))), t, AG_EDTYPE, "operand 1 is i64");
}

/* ij,jk,k: from the right, two products of a matrix and a vector. */
static void the_cheapest_order_is_taken(void **state)
{
    (void)state;
    const int64_t extent[AG_LABELS] = { 100, 100, 100 };
    ag_factor f[3] = { { .labels = 3 }, { .labels = 6 }, { .labels = 4 } };
    ag_contraction_plan plan;
    assert_true(ag_plan_products(f, 3, 1, extent, &plan));
    assert_int_equal(plan.left[7], 6);
    f[2].labels = 12; /* a matrix, of one column: the same */
    assert_true(ag_plan_products(f, 3, 9, (const int64_t[AG_LABELS]){ 100, 100, 100, 2 }, &plan));
    assert_int_equal(plan.left[7], 6);
    assert_true(ag_plan_products(f, 3, 9, (const int64_t[AG_LABELS]){ 2, 100, 100, 100 }, &plan));
    assert_int_equal(plan.left[7], 4); /* the first two, then the third */
}

/* More than are tried in every order: forty matrices that make one like each of them. */
static void many_factors_are_no_matter(void **state)
{
    ag_tape *t = *state;
    enum { FACTORS = 40 };
    ag_tensor x[FACTORS];
    char equation[3 * FACTORS + 1] = "";
    for (int i = 0; i < FACTORS; i++) {
        const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        x[i] = ag_full(t, AG_F64, AG_SHAPE(3, 3), 1.0 / 3);
        snprintf(equation + strlen(equation), sizeof equation - strlen(equation), "%s%.2s", i ? "," : "", letters + i);
    }
    const ag_tensor y = ag_einsum(equation, (ag_list){ x, FACTORS });
    assert_string_equal(ag_error_text(t), "");
    assert_int_equal(ag_size_of(y), 9);
    for (int i = 0; i < 9; i++)
        assert_true(fabs(ag_item_at(y, i) - 1.0 / 3) < 1e-12);
}

static void equations_that_are_none(void **state)
{
    ag_tape *t = *state;
    const ag_tensor a = counting(t, AG_SHAPE(2, 3)), b = counting(t, AG_SHAPE(3, 4));
    const struct {
        const char *equation;
        ag_status status;
        const char *text;
    } all[] = {
        { "ij,jk->il", AG_EARG, "ag_einsum: \"ij,jk->il\", character 9: 'l' of the result stands in no operand" },
        { "ij,jk->ii", AG_EARG, "character 9: 'i' stands twice in the result" },
        { "ij", AG_EARG, "character 3: 2 operands are given, but 1 written" },
        { "ij,jk,k", AG_EARG, "character 6: 2 operands are given, but more written" },
        { "ij,jkl", AG_ESHAPE, "character 4: operand 2 has 2 dimensions, but 3 letters" },
        { "ij,kj", AG_ESHAPE, "character 5: 'j' is 4 in operand 2, but 3 before" },
        { "...,...", AG_ESHAPE, "the dimensions of '...' do not broadcast: 3 in operand 2, but 2 before" },
        { "i.j,jk", AG_EARG, "character 2: an ellipsis has three points" },
        { "i...j...,jk", AG_EARG, "character 6: there is an ellipsis already" },
        { "ij,jk->i,k", AG_EARG, "character 9: there must be nothing behind the result" },
        { "ij;jk", AG_EARG, "character 3: ';' is no letter" },
        { "ij,jk-i", AG_EARG, "character 6: an arrow is ->" },
        { "ij,jk->i1", AG_EARG, "character 9: '1' is no letter" },
        { "ijklmnopq,jk", AG_ESHAPE, "character 9: a tensor has at most 8 dimensions" },
        { "", AG_ESHAPE, "character 1: operand 1 has 2 dimensions, but 0 letters" },
        { NULL, AG_ENULL, "ag_einsum: the equation is NULL" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        expect_failure(ag_einsum(all[i].equation, AG_LIST(a, b)), t, all[i].status, all[i].text);
    expect_failure(ag_einsum("ii", AG_LIST(ag_ones(t, AG_F64, AG_SHAPE(1, 3)))), t, AG_ESHAPE,
                   "character 2: 'i' is 1 and 3 in operand 1");
    const ag_tensor wide = ag_ones(t, AG_F64, AG_SHAPE(2, 2, 2, 2, 2));
    expect_failure(ag_einsum("abcde,fghij", AG_LIST(wide, wide)), t, AG_ESHAPE, "a result has at most 8");
}

static void products_with_names(void **state)
{
    ag_tape *t = *state;
    const ag_tensor a = counting(t, AG_SHAPE(2, 3)), v = counting(t, AG_SHAPE(3)), w = counting(t, AG_SHAPE(2));
    VALUES(ag_outer(w, v), AG_SHAPE(2, 3), 1, 2, 3, 2, 4, 6);
    VALUES(ag_mv(a, v), AG_SHAPE(2), 14, 32);
    VALUES(ag_inner(a, v), AG_SHAPE(2), 14, 32);
    VALUES(ag_kron(w, v), AG_SHAPE(6), 1, 2, 3, 2, 4, 6);
    VALUES(ag_cross(v, AG_VALUES(t, AG_SHAPE(3), 0, 0, 1), 0), AG_SHAPE(3), 2, -1, 0);
    VALUES(ag_tensordot(a, a, AG_AXES(0, 1), AG_AXES(0, 1)), AG_SCALAR, 91);
    expect_failure(ag_tensordot(a, a, AG_AXES(0), AG_AXES(1)), t, AG_ESHAPE,
                   "axis 0 of [2,3] and axis 1 of [2,3] differ");
    expect_failure(ag_tensordot(a, a, AG_AXES(0), AG_AXES(0, 1)), t, AG_ESHAPE, "1 axes and 2 are given");
    expect_failure(ag_tensordot(a, a, AG_AXES(0, 0), AG_AXES(0, 1)), t, AG_ESHAPE, "named twice");
    expect_failure(ag_outer(a, v), t, AG_ESHAPE,
                   "ag_outer: [2,3] and [3], but the operands must have 1 and 1 dimensions");
    expect_failure(ag_bmm(a, a), t, AG_ESHAPE, "ag_bmm: [2,3] and [2,3]");
    expect_failure(ag_cross(v, w, 0), t, AG_ESHAPE, "ag_cross: [3] and [2] do not both have extent 3 in axis 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_of_products),
        TEST(numbers_of_another_float_type_follow),
        TEST(the_cheapest_order_is_taken),
        TEST(many_factors_are_no_matter),
        TEST(equations_that_are_none),
        TEST(products_with_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
