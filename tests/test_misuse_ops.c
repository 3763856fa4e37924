/* Every op with every operand that it should not get. */
#include "misuse.h"

/* ---- the ops, with parameters that fit x[2,3] */

typedef ag_tensor application(const ag_tensor *x);

#define ONE(op)                                     \
    static ag_tensor apply_##op(const ag_tensor *x) \
    {                                               \
        return ag_##op(x[0]);                       \
    }
#define TWO(op)                                     \
    static ag_tensor apply_##op(const ag_tensor *x) \
    {                                               \
        return ag_##op(x[0], x[1]);                 \
    }
#define OTHER(op, call)                             \
    static ag_tensor apply_##op(const ag_tensor *x) \
    {                                               \
        return call;                                \
    }
#define LISTED(op, ...) { "ag_" #op, apply_##op, __VA_ARGS__ },

/* clang-format off */
#define ALL_ONE(X) X(neg) X(square) X(sqrt) X(exp) X(log) X(sin) X(cos) X(tanh) X(sigmoid) X(softplus) X(relu) X(abs) X(sign) \
    X(sum) X(mean) X(max) X(min)
#define ALL_TWO(X) X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(chain) X(less) X(less_equal) X(greater) \
    X(greater_equal) X(equal) X(not_equal) X(mse) X(bce) X(bce_logits)
ALL_ONE(ONE)
ALL_TWO(TWO)
OTHER(add_scalar, ag_add_scalar(x[0], 2))
OTHER(mul_scalar, ag_mul_scalar(x[0], 2))
OTHER(scalar_sub, ag_scalar_sub(2, x[0]))
OTHER(scalar_div, ag_scalar_div(2, x[0]))
OTHER(pow_scalar, ag_pow_scalar(x[0], 2))
OTHER(leaky_relu, ag_leaky_relu(x[0], 0.1))
OTHER(maximum_scalar, ag_maximum_scalar(x[0], 1))
OTHER(minimum_scalar, ag_minimum_scalar(x[0], 1))
OTHER(heaviside, ag_heaviside(x[0], 1))
OTHER(clamp, ag_clamp(x[0], 0, 1))
OTHER(cast, ag_cast(x[0], AG_F32))
OTHER(expand, ag_expand(x[0], AG_SHAPE(4, 2, 3)))
OTHER(reshape, ag_reshape(x[0], AG_SHAPE(3, 2)))
OTHER(flatten, ag_flatten(x[0], 0, -1))
OTHER(unsqueeze, ag_unsqueeze(x[0], 1))
OTHER(squeeze, ag_squeeze(x[0], 0))
OTHER(transpose, ag_transpose(x[0], 0, 1))
OTHER(permute, ag_permute(x[0], AG_AXES(1, 0)))
OTHER(slice, ag_slice(x[0], 1, 0, 2, 1))
OTHER(select, ag_select(x[0], 1, 1))
OTHER(embed, ag_embed(x[0], 1, 7, 1, 2))
OTHER(softmax, ag_softmax(x[0], -1))
OTHER(log_softmax, ag_log_softmax(x[0], 0))
OTHER(logsumexp, ag_logsumexp(x[0], AG_AXES(1), 0))
OTHER(sum_over, ag_sum_over(x[0], AG_AXES(1), 0))
OTHER(mean_over, ag_mean_over(x[0], AG_AXES(0), AG_KEEPDIM))
OTHER(max_over, ag_max_over(x[0], AG_AXES(1), 0))
OTHER(min_over, ag_min_over(x[0], AG_AXES(0), 0))
OTHER(one_hot, ag_one_hot(x[0], 5, AG_F64))
OTHER(dot, ag_dot(x[0], x[1]))
OTHER(matmul, ag_matmul(x[0], x[1]))
OTHER(cross_entropy, ag_cross_entropy(x[0], x[1]))
OTHER(linear, ag_linear(x[0], x[1], x[2]))
OTHER(where, ag_where(x[0], x[1], x[2]))
OTHER(concat, ag_concat((ag_list){ x, 3 }, 0))
OTHER(stack, ag_stack((ag_list){ x, 3 }, 0))

enum { FLOATS, CLASSES, VECTORS, MATRICES, LABELS, WEIGHTS, MASK }; /* what the first operand, or all, must be */
#define FIRST(op) LISTED(op, 1, FLOATS)
#define SECOND(op) LISTED(op, 2, FLOATS)
static const struct {
    const char *name;
    application *f;
    int inputs, kind;
} ops[] = {
    ALL_ONE(FIRST) ALL_TWO(SECOND)
    FIRST(add_scalar) FIRST(mul_scalar) FIRST(scalar_sub) FIRST(scalar_div) FIRST(pow_scalar) FIRST(leaky_relu)
    FIRST(maximum_scalar) FIRST(minimum_scalar) FIRST(heaviside) FIRST(clamp) FIRST(cast) FIRST(expand)
    FIRST(reshape) FIRST(flatten) FIRST(unsqueeze) FIRST(squeeze) FIRST(transpose) FIRST(permute) FIRST(slice) FIRST(select)
    FIRST(embed) FIRST(softmax) FIRST(log_softmax) FIRST(logsumexp) FIRST(sum_over) FIRST(mean_over) FIRST(max_over)
    FIRST(min_over) LISTED(one_hot, 1, CLASSES) LISTED(dot, 2, VECTORS) LISTED(matmul, 2, MATRICES)
    LISTED(cross_entropy, 2, LABELS) LISTED(linear, 3, WEIGHTS) LISTED(where, 3, MASK)
    LISTED(concat, 3, FLOATS) LISTED(stack, 3, FLOATS)
};
/* clang-format on */

static void fitting(ag_tape *t, int kind, ag_tensor *x)
{
    ag_tensor v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 3), 0.1, 0.2, 0.3, 0.4, 0.5, 0.6));
    x[0] = x[1] = x[2] = v;
    if (kind == CLASSES)
        x[0] = ag_ones(t, AG_I64, AG_SHAPE(2, 3));
    if (kind == VECTORS)
        x[0] = x[1] = ag_select(v, 0, 1);
    if (kind == MATRICES)
        x[1] = ag_transpose(v, 0, 1);
    if (kind == LABELS)
        x[1] = ag_ones(t, AG_I32, AG_SHAPE(2));
    if (kind == WEIGHTS)
        x[2] = ag_ones(t, AG_F64, AG_SHAPE(2));
    if (kind == MASK)
        x[0] = ag_ones(t, AG_U8, AG_SHAPE(2, 3));
}

static void handles(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tensor x[3];
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        fitting(b.t, ops[i].kind, x);
        assert_true(ag_ok(ops[i].f(x)));
        expect_fine(b.t);
        for (int k = 0; k < ops[i].inputs; k++) {
            const ag_tensor keep = x[k];
            const char *name = ops[i].name;
            x[k] = b.stale;
            expect_inert(b.t, ops[i].f(x), AG_ESTALE, name);
            x[k] = b.released;
            expect_inert(b.t, ops[i].f(x), AG_ESTALE, name);
            x[k] = inert(b.t);
            assert_true(is_inert(ops[i].f(x), b.t));
            expect_fine(b.t);
            x[k] = absent;
            if (ops[i].inputs == 1)
                assert_true(is_inert(ops[i].f(x), NULL));
            else if (!strcmp(name, "ag_linear") && k == 2)
                assert_true(ag_ok(ops[i].f(x))); /* optional */
            else
                expect_inert(b.t, ag_ok(ops[i].f(x)) ? x[0] : inert(b.t), AG_ENULL, name);
            x[k] = b.foreign;
            ag_tape *first = k ? b.t : b.other; /* whose error it is */
            if (ops[i].inputs > 1)
                expect_inert(first, ops[i].f(x), AG_EUSE, name);
            x[k] = keep;
        }
        check_bench(&b);
    }
    free_bench(&b);
}

/* Everything is a value, or a clear error; and what is a value has a gradient, of the operand's shape. */
static void try_operands(bench *b, size_t op, const ag_tensor *x)
{
    ag_tensor y = ops[op].f(x);
    if (!ag_ok(y)) {
        expect_complaint(b->t, ops[op].name);
        return;
    }
    expect_fine(b->t);
    assert_true(strlen(ag_show(y)) > 0);
    if (!ag_needs_grad(y) || ag_size_of(y) > 1000000)
        return;
    for (int k = 0; k < ops[op].inputs; k++) {
        if (!ag_needs_grad(x[k]))
            continue;
        for (int flags = 0; flags < 2; flags++) {
            ag_tensor g;
            ag_status s = ag_gradients(ag_sum(y), AG_LIST(x[k]), flags, &g);
            if ((s == AG_ENOMEM || s == AG_ELIMIT) && ag_size_of(x[k]) == 0) {
                ag_error_clear(b->t); /* a sum over no elements of a giant is a giant */
                continue;
            }
            if (ag_error(b->t))
                print_error("%s: %s\n", ops[op].name, ag_error_text(b->t));
            expect_fine(b->t);
            ag_shape like = ag_shape_of(x[k]);
            assert_int_equal(ag_shape_of(g).rank, like.rank);
            assert_memory_equal(ag_shape_of(g).dim, like.dim, (size_t)like.rank * sizeof *like.dim);
            assert_int_equal(ag_dtype_of(g), ag_dtype_of(x[k]));
        }
    }
}

static void try_all_places(bench *b, ag_tensor bad)
{
    ag_tensor x[3];
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        for (int places = 1; places < 1 << ops[i].inputs; places++) {
            fitting(b->t, ops[i].kind, x);
            for (int k = 0; k < ops[i].inputs; k++)
                if (places >> k & 1)
                    x[k] = bad;
            try_operands(b, i, x);
        }
    }
    check_bench(b);
}

static void shapes(void **state)
{
    (void)state;
    static const ag_shape shapes[] = {
        AG_DIMS(0),
        AG_DIMS(1),
        AG_DIMS(2),
        AG_DIMS(3),
        AG_DIMS(5),
        { 0, { 0 } },
        AG_DIMS(1, 1),
        AG_DIMS(3, 2),
        AG_DIMS(2, 1),
        AG_DIMS(0, 3),
        AG_DIMS(2, 0),
        AG_DIMS(0, 0),
        AG_DIMS(2, 0, 3),
        AG_DIMS(3, 2, 2),
        AG_DIMS(1, 1, 1, 1, 1, 1, 2, 3),
        AG_DIMS(1, 2, 1, 2, 1, 2, 1, 2),
        AG_DIMS(0, 1, 1, 1, 1, 1, 2, 3),
        AG_DIMS(1, 1, 1, 1, 1, 1, 1, 1),
    };
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        bench b = new_bench();
        for (int way = 0; way < 4; way++) {
            ag_tensor x = ag_full(b.t, way == 1 ? AG_F32 : AG_F64, shapes[s], 0.5);
            if (way == 2 && shapes[s].rank > 1)
                x = ag_transpose(x, 0, -1);
            try_all_places(&b, way == 3 ? ag_param(x, "x") : ag_require_grad(x));
        }
        free_bench(&b);
    }
}

/* No elements, but extents whose product overflows, or for which a loop would take for ever. */
static void empty_giants(void **state)
{
    (void)state;
    const int64_t g = (int64_t)1 << 40, h = (int64_t)1 << 62;
    const ag_shape shapes[] = { AG_DIMS(g, 0),         AG_DIMS(0, g),           AG_DIMS(g, g, 0),
                                AG_DIMS(0, g, g),      AG_DIMS(h, 0, h),        AG_DIMS(INT64_MAX, INT64_MAX, 0),
                                AG_DIMS(0, INT64_MAX), AG_DIMS(2, 0, INT64_MAX) };
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        bench b = new_bench();
        ag_tensor x = ag_zeros(b.t, AG_F64, shapes[s]);
        if (ag_ok(x)) {
            try_all_places(&b, ag_require_grad(x));
            try_all_places(&b, ag_param(ag_zeros(b.t, AG_F32, shapes[s]), NULL));
            try_all_places(&b, ag_transpose(ag_require_grad(x), 0, -1));
            try_all_places(&b, ag_zeros(b.t, AG_I32, shapes[s]));
        } else {
            expect_complaint(b.t, "ag_zeros");
        }
        free_bench(&b);
    }
}

static void dtypes(void **state)
{
    (void)state;
    const ag_dtype all[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };
    for (size_t d = 0; d < ARRAY_SIZE(all); d++) {
        bench b = new_bench();
        const ag_tensor tries[] = {
            ag_full(b.t, all[d], AG_SHAPE(2, 3), 2), ag_full(b.t, all[d], AG_SCALAR, 2),
            ag_full(b.t, all[d], AG_SHAPE(3), 2),    ag_full(b.t, all[d], AG_SHAPE(2), 200),
            ag_full(b.t, all[d], AG_SHAPE(2), -1),   ag_expand(ag_full(b.t, all[d], AG_SHAPE(3), 1), AG_SHAPE(2, 3))
        };
        for (size_t i = 0; i < ARRAY_SIZE(tries); i++)
            try_all_places(&b, tries[i]);
        free_bench(&b);
    }
}

/* Numbers that are none pass through, with gradients. */
static void numbers(void **state)
{
    (void)state;
    const double all[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, -0.0, 0 };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        bench b = new_bench();
        for (int way = 0; way < 6; way++) {
            ag_dtype d = way % 2 ? AG_F32 : AG_F64;
            ag_shape s = way < 2 ? AG_SCALAR : way < 4 ? AG_SHAPE(2, 3) : AG_SHAPE(3);
            try_all_places(&b, ag_require_grad(ag_full(b.t, d, s, all[i])));
        }
        free_bench(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles), cmocka_unit_test(shapes),  cmocka_unit_test(empty_giants),
        cmocka_unit_test(dtypes),  cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests_name("misuse of ops", tests, NULL, NULL);
}
