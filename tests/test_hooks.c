/* Hooks: when they are called, with what, and what becomes of an adjoint that they replace. */
#include "memory.h"

/* ---- hooks */

typedef struct seen {
    int calls, size;
    double at[8];
} seen;

static ag_tensor look(ag_tensor adjoint, void *user)
{
    seen *s = user;
    s->calls++;
    s->size = (int)ag_size_of(adjoint);
    for (int i = 0; i < s->size && i < 8; i++)
        s->at[i] = ag_item_at(adjoint, i);
    return absent;
}

static ag_tensor twice(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_mul_scalar(adjoint, 2);
}

static ag_tensor add_one(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_add_scalar(adjoint, 1);
}

static ag_tensor squared(ag_tensor adjoint, void *user)
{
    ++*(int *)user;
    return ag_square(adjoint);
}

#define assert_seen(s, ...) \
    check_seen(&(s), (const double[]){ __VA_ARGS__ }, (int)AG_COUNT(double, __VA_ARGS__), __FILE__, __LINE__)
static void check_seen(seen *s, const double *at, int size, const char *file, int line)
{
    _assert_int_equal(s->calls, 1, file, line);
    _assert_int_equal(s->size, size, file, line);
    for (int i = 0; i < size; i++)
        check_close(s->at[i], at[i], 1e-6, file, line);
    *s = (seen){ 0 };
}

/* ---- when and with what */

static void a_hook_sees_the_whole_adjoint_once(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    seen n = { 0 }, a = { 0 }, v = { 0 }, top = { 0 };
    ag_tensor x = ag_variable(t, 3), h = ag_mul_scalar(x, 10), g[2]; /* used three times, and by arrays */
    ag_tensor m = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), k = ag_square(m);
    ag_tensor y = ag_add(ag_mul(h, h), ag_sum(ag_mul(ag_mul(k, h), k)));
    ag_hook(h, look, &n);
    ag_hook(k, look, &a);
    ag_hook(x, look, &v);
    ag_hook(y, look, &top);
    for (int way = 0; way < 3; way++) {
        if (way == 2)
            assert_int_equal(ag_backward(y), AG_OK);
        else
            assert_int_equal(ag_gradients(y, AG_LIST(x, m), way ? AG_CREATE_GRAPH : 0, g), AG_OK);
        assert_seen(n, 77);
        assert_seen(a, 60, 240);
        assert_seen(v, 770);
        assert_seen(top, 1);
    }
    assert_item(ag_grad(x), 770);
    assert_int_equal(ag_gradients(y, AG_LIST(m), 0, g), AG_OK); /* nothing goes to x */
    assert_int_equal(v.calls, 0);
    expect_fine(t);
    ag_tape_free(t);
}

static void a_hook_is_called_only_where_an_adjoint_arrives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    seen s = { 0 };
    ag_tensor x = ag_variable(t, 3), h = ag_sin(x), unused = ag_exp(h),
              v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    ag_hook(unused, look, &s);
    ag_hook(ag_square(v), look, &s);
    ag_hook(v, look, &s);
    assert_int_equal(ag_backward(ag_mul(h, x)), AG_OK);
    assert_int_equal(s.calls, 0);
    ag_tape_free(t);
}

static void structural_zeros_are_seen_as_they_are_meant(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    seen s = { 0 }, r = { 0 }, v = { 0 };
    ag_tensor x = ag_variable(t, -1), h = ag_relu(x), y = ag_sqrt(h);
    ag_tensor a = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), -1, 4)), b = ag_relu(a);
    ag_hook(x, look, &s);
    ag_hook(h, look, &r);
    ag_hook(a, look, &v);
    assert_int_equal(ag_backward(ag_add(y, ag_sum(ag_sqrt(b)))), AG_OK);
    assert_seen(s, 0);
    assert_seen(r, INFINITY);
    assert_seen(v, 0, 0.25);
    ag_tape_free(t);
}

/* ---- every kind of tensor */

static ag_status pair_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    y[0] = (ag_array){ .dtype = AG_F64, .shape = x->shape };
    y[1] = (ag_array){ .dtype = AG_F64, .shape = AG_SCALAR };
    return AG_OK;
}

static ag_status pair_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    double sum = 0;
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++)
        sum += ((double *)y[0].data)[i] = ((const double *)x->data)[i];
    *(double *)y[1].data = sum;
    return AG_OK;
}

static void pair_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    (void)c;
    dx[0] = ag_add(dy[0], dy[1]);
}

static const ag_op pair = {
    .name = "pair", .inputs = 1, .outputs = 2, .shape = pair_shape, .forward = pair_forward, .vjp = pair_vjp
};

/* The adjoint of x, which is `before` everywhere, is doubled: it is seen so, and what x shows is the result. */
static void try_kind(ag_tensor x, ag_tensor y, double before)
{
    ag_tape *t = y.tape;
    static seen all[64]; /* the hooks of a parameter stay */
    static int used;
    seen *s = &all[used++], *after = &all[used++];
    ag_tensor g;
    assert_int_equal(ag_hook(x, look, s), AG_OK);
    assert_int_equal(ag_hook(x, twice, NULL), AG_OK);
    assert_int_equal(ag_hook(x, look, after), AG_OK);
    ag_retain_grad(x);
    for (int way = 0; way < 3; way++) {
        if (way == 2)
            assert_int_equal(ag_backward(y), AG_OK);
        else
            assert_int_equal(ag_gradients(y, AG_LIST(x), way ? AG_CREATE_GRAPH : 0, &g), AG_OK);
        g = way == 2 ? ag_grad(x) : g;
        assert_int_equal(s->calls, way + 1);
        assert_int_equal(after->calls, way + 1);
        for (int i = 0; i < s->size; i++) {
            assert_close(s->at[i], before, 1e-6);
            assert_close(after->at[i], 2 * before, 1e-6);
            assert_close(ag_item_at(g, i), 2 * before, 1e-6);
        }
        assert_int_equal(ag_size_of(g), s->size);
    }
    expect_fine(t);
}

static void every_kind_of_tensor_has_hooks(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor n = ag_variable(t, 2), a = ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(2, 3), 2)), pairs[2];
    ag_tensor f = ag_require_grad(ag_full(t, AG_F32, AG_SCALAR, 2)), clamped = ag_clamp(ag_square(n), -9, 9);
    ag_tensor flipped = ag_transpose(ag_square(a), 0, 1), sum = ag_sum(ag_square(a));
    try_kind(n, ag_square(n), 4);
    ag_tensor square = ag_square(n);
    try_kind(square, ag_square(square), 8);
    try_kind(clamped, ag_mul_scalar(clamped, 3), 3);
    try_kind(a, ag_sum(ag_square(a)), 4);
    try_kind(flipped, ag_sum(ag_mul_scalar(flipped, 3)), 3);
    try_kind(sum, ag_mul_scalar(sum, 3), 3);
    try_kind(f, ag_square(f), 4);
    assert_int_equal(ag_apply_all(&pair, AG_LIST(a), NULL, pairs), AG_OK);
    try_kind(pairs[0], ag_sum(ag_mul_scalar(pairs[0], 3)), 3);
    try_kind(pairs[1], ag_add(ag_sum(pairs[0]), ag_mul_scalar(pairs[1], 5)), 5);
    ag_tape_free(t);
}

static void parameters_keep_their_hooks(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor start = ag_full(t, AG_F32, AG_SHAPE(2, 3), 2);
    ag_tensor p[] = { ag_param(ag_constant(t, 2), "number"), ag_param(ag_full(t, AG_F64, AG_SHAPE(4), 2), "vector"),
                      ag_param_as(start, AG_AXES(1, 0), "columns") };
    for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
        try_kind(p[i], ag_sum(ag_square(p[i])), 4);
        seen s = { 0 };
        ag_hook(p[i], look, &s);
        for (int step = 1; step < 4; step++) { /* the gradient grows, a hook sees what the pass brings */
            ag_tape_reset(t);
            assert_int_equal(ag_backward(ag_sum(ag_square(p[i]))), AG_OK);
            assert_int_equal(s.calls, step);
            assert_close(s.at[0], 8, 1e-6);
            assert_close(ag_item_at(ag_grad(p[i]), 0), 8 * (step + 1), 1e-6);
        }
        ag_release(p[i]);
        ag_tape_reset(t);
        p[i] = ag_param(ag_full(t, AG_F64, AG_SHAPE(4), 2), "another");
        assert_int_equal(ag_backward(ag_sum(ag_square(p[i]))), AG_OK);
        assert_int_equal(s.calls, 3);
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void the_uses_of_a_parameter_are_summed_before_its_hooks(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p[] = { ag_param(ag_constant(t, 2), "number"), ag_param(ag_full(t, AG_F64, AG_SHAPE(2), 2), "vector") };
    for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
        seen s = { 0 };
        int calls = 0;
        ag_tensor y = ag_sum(ag_mul_scalar(p[i], 3)), g;
        ag_written(p[i]); /* from here on it is another leaf */
        y = ag_add(y, ag_sum(ag_mul_scalar(p[i], 5)));
        ag_hook(p[i], look, &s);
        ag_hook(p[i], squared, &calls);
        for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
            assert_int_equal(ag_gradients(y, AG_LIST(p[i]), flags, &g), AG_OK);
            assert_int_equal(s.calls, 1 + flags);
            assert_close(s.at[0], 8, 0);
            assert_close(ag_item_at(g, 0), 64, 0);
        }
        assert_int_equal(ag_backward(y), AG_OK);
        assert_close(ag_item_at(ag_grad(p[i]), 0), 64, 0);
        assert_int_equal(calls, 3);
    }
    ag_tape_free(t);
}

/* ---- replacing */

static void hooks_run_in_the_order_in_which_they_were_given(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 3), h = ag_mul_scalar(x, 10), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    seen s = { 0 };
    ag_hook(h, twice, NULL);
    ag_hook(v, add_one, NULL);
    ag_hook(h, add_one, NULL);
    ag_hook(v, twice, NULL);
    ag_hook(h, look, &s);
    assert_int_equal(ag_backward(ag_mul(ag_mul_scalar(h, 5), ag_sum(v))), AG_OK);
    assert_seen(s, 31);
    assert_item(ag_grad(x), 310);
    assert_values(ag_grad(v), 302, 302);
    ag_tape_free(t);
}

/* z = h^2, h = x^2; with dz/dh = 2 h replaced by its square dz/dx = 4 h^2 2 x = 8 x^5. */
static void what_a_hook_does_is_differentiated(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (int ranked = 0; ranked < 2; ranked++) {
        ag_tensor x = ranked ? ag_require_grad(ag_full(t, AG_F64, AG_SHAPE(1), 3)) : ag_variable(t, 3), d[2];
        ag_tensor h = ag_square(x), z = ag_sum(ag_square(h));
        int calls = 0;
        ag_hook(h, squared, &calls);
        ag_gradients(z, AG_LIST(x), 0, &d[0]);
        assert_item(d[0], 8 * pow(3, 5));
        ag_gradients(z, AG_LIST(x), AG_CREATE_GRAPH, &d[0]);
        assert_int_equal(calls, 2);
        ag_gradients(ag_sum(d[0]), AG_LIST(x), 0, &d[1]); /* 8 h^2 x by h is 16 h x, squared before it goes on to x */
        assert_item(d[1], 8 * pow(3, 4) + pow(16 * pow(3, 3), 2) * 2 * 3);
        expect_fine(t);
    }
    ag_tape_free(t);
}

static void a_jacobian_calls_hooks_for_each_row(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(3), 1, 2, 3)), h = ag_square(x);
    seen s = { 0 };
    ag_hook(h, look, &s);
    ag_hook(h, twice, NULL);
    assert_values(ag_jacobian(ag_mul_scalar(h, 5), x), 20, 0, 0, 0, 40, 0, 0, 0, 60);
    assert_int_equal(s.calls, 3);
    assert_close(s.at[2], 5, 0);
    ag_tape_free(t);
}

static ag_tensor rotated(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_transpose(adjoint, 0, 1);
}

static ag_tensor in_f32(ag_tensor adjoint, void *user)
{
    (void)user;
    return ag_cast(ag_mul_scalar(adjoint, 3), AG_F32);
}

static ag_tensor of_before(ag_tensor adjoint, void *user)
{
    (void)adjoint;
    return *(ag_tensor *)user;
}

static void anything_of_its_shape_takes_an_adjoints_place(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor m = ag_require_grad(AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4)),
              w = AG_VALUES(t, AG_SHAPE(2, 2), 1, 2, 3, 4), g;
    ag_tensor a = ag_mul_scalar(m, 1), b = ag_mul_scalar(m, 1), c = ag_mul_scalar(m, 1), p = ag_param(w, "p");
    ag_hook(a, rotated, NULL); /* a view of what it replaces */
    ag_hook(b, in_f32, NULL);
    ag_hook(c, of_before, &p);
    for (int flags = 0; flags <= AG_CREATE_GRAPH; flags++) {
        ag_gradients(ag_sum(ag_mul(a, w)), AG_LIST(m), flags, &g);
        assert_values(g, 1, 3, 2, 4);
        ag_gradients(ag_sum(ag_mul(b, w)), AG_LIST(m), flags, &g);
        assert_values(g, 3, 6, 9, 12);
        ag_gradients(ag_sum(c), AG_LIST(m), flags, &g);
        assert_values(g, 1, 2, 3, 4);
    }
    ag_tape_free(t);
}

/* A Jacobian is many passes, each of which a hook sees. */
static void jacobians_call_hooks_for_each_row(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int calls = 0;
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), h = ag_mul(x, x);
    ag_hook(h, squared, &calls);
    ag_tensor j = ag_jacobian(ag_mul_scalar(h, 3), x);
    assert_int_equal(calls, 2);
    assert_close(ag_item_at(j, 0), 9 * 2, 0);
    assert_close(ag_item_at(j, 1), 0, 0);
    assert_close(ag_item_at(j, 3), 9 * 4, 0);
    ag_tensor v = ag_variable(t, 2), w = ag_mul(v, v);
    ag_hook(w, twice, NULL);
    j = ag_jacobian(ag_mul(w, ag_detach(x)), v);
    assert_close(ag_item_at(j, 0), 8, 0);
    assert_close(ag_item_at(j, 1), 16, 0);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hook_sees_the_whole_adjoint_once),
        cmocka_unit_test(a_hook_is_called_only_where_an_adjoint_arrives),
        cmocka_unit_test(structural_zeros_are_seen_as_they_are_meant),
        cmocka_unit_test(every_kind_of_tensor_has_hooks),
        cmocka_unit_test(parameters_keep_their_hooks),
        cmocka_unit_test(the_uses_of_a_parameter_are_summed_before_its_hooks),
        cmocka_unit_test(hooks_run_in_the_order_in_which_they_were_given),
        cmocka_unit_test(what_a_hook_does_is_differentiated),
        cmocka_unit_test(a_jacobian_calls_hooks_for_each_row),
        cmocka_unit_test(anything_of_its_shape_takes_an_adjoints_place),
        cmocka_unit_test(jacobians_call_hooks_for_each_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
