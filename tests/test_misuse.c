/* Every function of ag/ag.h that is no op, with what it should not get: NULL, absent, failed, stale and foreign
 * tensors. */
#include "misuse.h"

/* ---- without a tape */

static void functions_of_no_tape(void **state)
{
    (void)state;
    assert_null(ag_tape_new((ag_options){ .dtype = AG_U8 }));
    assert_null(ag_tape_new_at(NULL, -1, (ag_options){ .dtype = AG_U8, .on_error = ag_quiet }));
    assert_int_equal(ag_dtype_size((ag_dtype)-1), 0);
    assert_true(strlen(ag_dtype_name((ag_dtype)99)) > 0 && strlen(ag_status_name((ag_status)99)) > 0);
    assert_int_equal(ag_tape_reset(NULL), AG_ENULL);
    assert_int_equal(ag_tape_mark(NULL).id, 0);
    assert_int_equal(ag_tape_rewind(NULL, (ag_mark){ 0, 1, 1 }), AG_ENULL);
    assert_int_equal(ag_tape_dtype(NULL), AG_FLOAT);
    assert_int_equal(ag_tape_threads(NULL), 0);
    assert_int_equal(ag_tape_nodes(NULL), 0);
    assert_int_equal(ag_tape_memory(NULL), 0);
    ag_tape_free(NULL);
    ag_error_clear(NULL);
    assert_int_equal(ag_error(NULL), AG_ENOMEM);
    assert_true(strlen(ag_error_text(NULL)) > 0);
    assert_int_equal(ag_error_push(NULL), AG_ENULL);
    assert_int_equal(ag_error_pop(NULL), AG_ENULL);
    assert_int_equal(ag_fail(NULL, AG_EARG, NULL), AG_EARG);
    assert_int_equal(ag_fail_at(NULL, 0, NULL, AG_EARG, NULL), AG_EARG);
    assert_null(ag_site_enter(NULL, NULL, 0).file);
    ag_site_leave(NULL, (ag_site){ "x", -1 });
    ag_warn(NULL, NULL);
    assert_false(ag_tape_debug(NULL));
    ag_quiet(NULL, AG_EARG, NULL);
    ag_no_grad_begin(NULL);
    ag_no_grad_end(NULL);
    assert_int_equal(ag_enable_grad_begin(NULL), 0);
    ag_enable_grad_end(NULL, 3);
    assert_true(ag_replayed(NULL, true) && !ag_replayed(NULL, false));
    ag_scope_begin(NULL, "x");
    ag_scope_end(NULL);
    assert_null(ag_tape_allocate(NULL, 8));
    assert_null(ag_tape_resize(NULL, NULL, 8));
    ag_tape_deallocate(NULL, NULL);
    assert_int_equal(ag_params(NULL).count, 0);
    assert_int_equal(ag_list_none(NULL).count, 0);
    assert_null(ag_list_tape(ag_list_none(NULL)));
    assert_null(ag_list_tape((ag_list){ NULL, 7 }));
}

static void tensors_of_no_tape(void **state)
{
    (void)state;
    const double number = 0;
    const ag_shape two = AG_SHAPE(2);
    const ag_tensor made[] = { ag_variable(NULL, 1),
                               ag_constant(NULL, 1),
                               ag_values(NULL, two, &number, 1),
                               ag_empty(NULL, AG_F64, two),
                               ag_zeros(NULL, AG_F64, two),
                               ag_ones(NULL, AG_F64, two),
                               ag_full(NULL, AG_F64, two, 1),
                               ag_arange(NULL, AG_F64, 0, 1, 1),
                               ag_linspace(NULL, AG_F64, 0, 1, 2),
                               ag_eye(NULL, AG_F64, 2),
                               ag_rand(NULL, AG_F64, two, 0, 1),
                               ag_randn(NULL, AG_F64, two, 0, 1),
                               ag_truncated_normal(NULL, AG_F64, two, 0, 1, -2, 2),
                               ag_gumbel(NULL, AG_F64, two, 0, 1),
                               ag_randperm(NULL, 3),
                               ag_from(NULL, AG_F64, two, &number, 16),
                               ag_wrap(NULL, AG_F64, two, &number, 16),
                               ag_require_grad(absent),
                               ag_param(absent, "p"),
                               ag_buffer(absent, NULL),
                               ag_param_as(absent, AG_AXES(0), "p"),
                               ag_buffer_as(absent, AG_AXES(0), "p"),
                               ag_name(absent, "x"),
                               ag_detach(absent),
                               ag_vjp(absent, absent, absent),
                               ag_hvp(absent, absent, absent),
                               ag_grad(absent),
                               ag_custom_vjp(absent, AG_LIST(absent), NULL, NULL),
                               ag_local(absent, absent),
                               ag_apply(NULL, AG_LIST(absent), NULL) };
    for (size_t i = 0; i < ARRAY_SIZE(made); i++)
        assert_true(is_inert(made[i], NULL));
}

static void absent_tensors(void **state)
{
    (void)state;
    double number = 0;
    ag_storage s;
    ag_tensor out[2];
    assert_int_equal(ag_assign(absent, absent), AG_ENULL);
    assert_int_equal(ag_release(absent), AG_ENULL);
    assert_int_equal(ag_storage_of(absent, &s), AG_ENULL);
    assert_int_equal(ag_written(absent), AG_ENULL);
    assert_int_equal(ag_grad_written(absent), AG_ENULL);
    assert_string_equal(ag_name_of(absent), "");
    assert_false(ag_ok(absent) || ag_needs_grad(absent) || ag_is_persistent(absent));
    assert_int_equal(ag_shape_of(absent).rank, -1);
    assert_int_equal(ag_dtype_of(absent), AG_FLOAT);
    assert_int_equal(ag_size_of(absent), -1);
    assert_true(isnan(ag_item(absent)) && isnan(ag_item_at(absent, 0)));
    assert_null(ag_data(absent, AG_F64));
    assert_null(ag_write(absent, AG_F64));
    assert_int_equal(ag_copy_out(absent, AG_F64, &number, 8), AG_ENULL);
    assert_int_equal(ag_copy_in(absent, AG_F64, &number, 8), AG_ENULL);
    assert_int_equal(ag_print(absent, stderr), AG_ENULL);
    assert_true(strlen(ag_show(absent)) > 0);
    assert_int_equal(ag_backward(absent), AG_ENULL);
    assert_int_equal(ag_backward_from(absent, absent), AG_ENULL);
    assert_int_equal(ag_gradients(absent, AG_LIST(absent), 0, out), AG_ENULL);
    assert_int_equal(ag_gradients_from(absent, absent, AG_LIST(absent), 0, out), AG_ENULL);
    assert_int_equal(ag_zero_grad(absent), AG_ENULL);
    assert_int_equal(ag_retain_grad(absent), AG_ENULL);
    assert_int_equal(ag_hook(absent, NULL, NULL), AG_ENULL);
    assert_int_equal(ag_apply_all(NULL, AG_LIST(absent), NULL, out), AG_ENULL);
    assert_int_equal(ag_print_graph(absent, stderr), AG_ENULL);
    assert_int_equal(ag_draw(absent, stderr), AG_ENULL);
    assert_int_equal(ag_draw_file(absent, "never.svg"), AG_ENULL);
    assert_int_equal(ag_draw_html(absent, "never.html"), AG_ENULL);
    assert_int_equal(ag_explain(absent, stderr), AG_ENULL);
    assert_int_equal(ag_explain_json(absent, stderr), AG_ENULL);
    assert_int_equal(ag_explain_routes(absent, absent, stderr), AG_ENULL);
    assert_int_equal(ag_explain_element(absent, 0, absent, 0, stderr), AG_ENULL);
    assert_int_equal(ag_explain_element_json(absent, 0, absent, 0, stderr), AG_ENULL);
}

/* ---- tensors that cannot be used */

typedef struct bad_tensor {
    ag_tensor x;
    ag_status status; /* AG_OK: passed on in silence, or an error of an action */
} bad_tensor;

enum { BAD_TENSORS = 3 };
static bad_tensor bad_at(const bench *b, int i)
{
    const bad_tensor bad[BAD_TENSORS] = { { b->stale, AG_ESTALE }, { b->released, AG_ESTALE }, { inert(b->t), AG_OK } };
    return bad[i];
}

#define PASSED(call, function)                  \
    do {                                        \
        if (s) {                                \
            expect_inert(t, call, s, function); \
        } else {                                \
            assert_true(is_inert(call, t));     \
            expect_fine(t);                     \
        }                                       \
    } while (0)
#define ASKED(condition, function)         \
    do {                                   \
        assert_true(condition);            \
        assert_int_equal(ag_error(t), s);  \
        if (s)                             \
            expect_complaint(t, function); \
    } while (0)

static void tensors_that_are_asked(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    for (int i = 0; i < BAD_TENSORS; i++) {
        ag_tensor x = bad_at(&b, i).x;
        ag_status s = bad_at(&b, i).status;
        PASSED(ag_require_grad(x), "ag_require_grad");
        PASSED(ag_param(x, "p"), "ag_param");
        PASSED(ag_buffer(x, "p"), "ag_buffer");
        PASSED(ag_param_as(x, AG_AXES(0), "p"), "ag_param_as");
        PASSED(ag_buffer_as(x, AG_AXES(0), "p"), "ag_buffer_as");
        PASSED(ag_name(x, "x"), "ag_name");
        PASSED(ag_detach(x), "ag_detach");
        PASSED(ag_grad(x), "ag_grad");
        PASSED(ag_local(x, b.p), "ag_local");
        PASSED(ag_local(b.p, x), "ag_local");
        ASKED(ag_shape_of(x).rank == -1, "ag_shape_of");
        ASKED(ag_dtype_of(x) == AG_FLOAT, "ag_dtype_of");
        ASKED(ag_size_of(x) == -1, "ag_size_of");
        ASKED(!ag_needs_grad(x), "ag_needs_grad");
        ASKED(isnan(ag_item(x)), "ag_item");
        ASKED(isnan(ag_item_at(x, 0)), "ag_item_at");
        ASKED(!ag_data(x, AG_F64), "ag_data");
        ASKED(!*ag_name_of(x), "ag_name_of");
        assert_false(ag_ok(x) || ag_is_persistent(x));
        assert_true(strlen(ag_show(x)) > 0);
        expect_fine(t);
        check_bench(&b);
    }
    free_bench(&b);
}

static void tensors_that_are_written(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    for (int i = 0; i < BAD_TENSORS; i++) {
        ag_tensor x = bad_at(&b, i).x;
        ag_status s = bad_at(&b, i).status, action = s ? s : AG_ENULL;
        double numbers[6] = { 0 };
        ag_storage storage;
        assert_null(ag_write(x, AG_F64));
        expect_complaint(t, "ag_write");
        expect_refusal(t, ag_copy_out(x, AG_F64, numbers, sizeof numbers), action, "ag_copy_out");
        expect_refusal(t, ag_copy_in(x, AG_F64, numbers, sizeof numbers), action, "ag_copy_in");
        expect_refusal(t, ag_assign(x, b.p), action == AG_ESTALE && !(x.id & 0x80000000u) ? AG_EUSE : action,
                       "ag_assign");
        expect_refusal(t, ag_assign(b.p, x), action, "ag_assign");
        bool transient = s && !(x.id & 0x80000000u);
        expect_refusal(t, ag_release(x), transient ? AG_EUSE : action, "ag_release");
        expect_refusal(t, ag_storage_of(x, &storage), transient ? AG_EUSE : action, "ag_storage_of");
        expect_refusal(t, ag_written(x), transient ? AG_EUSE : action, "ag_written");
        expect_refusal(t, ag_grad_written(x), transient ? AG_EUSE : action, "ag_grad_written");
        check_bench(&b);
    }
    free_bench(&b);
}

static ag_tensor no_hook(ag_tensor adjoint, void *user)
{
    (void)user;
    return adjoint;
}

static void tensors_that_are_differentiated(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    for (int i = 0; i < BAD_TENSORS; i++) {
        ag_tensor x = bad_at(&b, i).x;
        ag_status action = bad_at(&b, i).status ? bad_at(&b, i).status : AG_ENULL;
        expect_refusal(t, ag_print(x, stderr), action, "ag_print");
        expect_refusal(t, ag_print_graph(x, stderr), action, "ag_print_graph");
        expect_refusal(t, ag_draw(x, stderr), action, "ag_draw");
        expect_refusal(t, ag_draw_file(x, "never.svg"), action, "ag_draw_file");
        expect_refusal(t, ag_draw_html(x, "never.html"), action, "ag_draw_html");
        expect_refusal(t, ag_explain(x, stderr), action, "ag_explain");
        expect_refusal(t, ag_explain_json(x, stderr), action, "ag_explain_json");
        expect_refusal(t, ag_explain_routes(x, b.p, stderr), action, "ag_explain_routes");
        expect_refusal(t, ag_explain_routes(b.p, x, stderr), action, "ag_explain_routes");
        expect_refusal(t, ag_explain_element(b.p, 0, x, 0, stderr), action, "ag_explain_element");
        expect_refusal(t, ag_explain_element_json(b.p, 0, x, 0, stderr), action, "ag_explain_element_json");
        expect_refusal(t, ag_backward(x), action, "ag_backward");
        expect_refusal(t, ag_backward_from(x, b.p), action, "ag_backward_from");
        expect_refusal(t, ag_backward_from(b.p, x), action, "ag_backward_from");
        expect_refusal(t, ag_zero_grad(x), action, "ag_zero_grad");
        expect_refusal(t, ag_retain_grad(x), action, "ag_retain_grad");
        expect_refusal(t, ag_hook(x, no_hook, NULL), action, "ag_hook");
        ag_tensor g[2];
        expect_refusal(t, ag_gradients(x, AG_LIST(b.p), 0, g), action, "ag_gradients");
        expect_refusal(t, ag_gradients(x, AG_LIST(b.p), AG_CREATE_GRAPH, g), action, "ag_gradients");
        expect_refusal(t, ag_gradients(ag_sum(b.p), AG_LIST(b.p, x), 0, g), action, "ag_gradients");
        assert_true(is_inert(g[0], t) && is_inert(g[1], t));
        expect_inert(t, ag_vjp(x, b.p, b.p), action, "ag_vjp");
        expect_inert(t, ag_vjp(b.p, x, b.p), action, "ag_vjp");
        expect_inert(t, ag_vjp(b.p, b.p, x), action, "ag_vjp");
        expect_inert(t, ag_hvp(x, b.p, b.p), action, "ag_hvp");
        expect_inert(t, ag_hvp(ag_sum(b.p), x, b.p), action, "ag_hvp");
        check_bench(&b);
    }
    free_bench(&b);
}

static void foreign_tensors(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    ag_tensor f = ag_ones(b.other, AG_F64, AG_SHAPE(3)), g[2], y = ag_sum(ag_square(b.p));
    expect_refusal(t, ag_assign(b.p, f), AG_EUSE, "ag_assign");
    expect_refusal(t, ag_backward_from(b.p, f), AG_EUSE, "ag_backward_from");
    expect_refusal(t, ag_gradients(y, AG_LIST(b.p, f), 0, g), AG_EUSE, "ag_gradients");
    expect_refusal(t, ag_gradients_from(y, (ag_tensor){ 0 }, AG_LIST(b.p), 0, g), AG_ENULL, "the adjoint is absent");
    expect_refusal(t, ag_gradients(y, AG_LIST(f), AG_CREATE_GRAPH, g), AG_EUSE, "ag_gradients");
    expect_inert(t, ag_vjp(b.p, f, b.p), AG_EUSE, "ag_vjp");
    expect_inert(t, ag_vjp(b.p, b.p, f), AG_EUSE, "ag_vjp");
    expect_inert(t, ag_hvp(y, f, b.p), AG_EUSE, "ag_hvp");
    assert_true(is_inert(ag_hvp(y, b.p, f), t));
    assert_int_equal(ag_error(t), AG_EUSE);
    ag_error_clear(t);
    expect_inert(t, ag_local(y, f), AG_EUSE, "ag_local");
    expect_fine(b.other);
    free_bench(&b);
}

/* ---- other arguments */

static void memory_of_the_callers(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    _Alignas(8) char bytes[64] = { 0 };
    ag_tensor x = ag_zeros(t, AG_F64, AG_SHAPE(3)), e = ag_zeros(t, AG_F64, AG_SHAPE(0));
    expect_inert(t, ag_values(t, AG_SHAPE(3), NULL, 3), AG_ENULL, "ag_values");
    expect_inert(t, ag_values(t, AG_SHAPE(3), (double *)bytes, 4), AG_ESHAPE, "ag_values");
    const size_t wrong[] = { 0, 1, 23, 25, 48, SIZE_MAX };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        expect_inert(t, ag_from(t, AG_F64, AG_SHAPE(3), bytes, wrong[i]), AG_EARG, "ag_from");
        expect_inert(t, ag_wrap(t, AG_F64, AG_SHAPE(3), bytes, wrong[i]), AG_EARG, "ag_wrap");
        expect_refusal(t, ag_copy_out(x, AG_F64, bytes, wrong[i]), AG_EARG, "ag_copy_out");
        expect_refusal(t, ag_copy_in(x, AG_F64, bytes, wrong[i]), AG_EARG, "ag_copy_in");
    }
    expect_inert(t, ag_from(t, AG_F64, AG_SHAPE(3), NULL, 24), AG_ENULL, "ag_from");
    expect_inert(t, ag_wrap(t, AG_F64, AG_SHAPE(3), NULL, 24), AG_ENULL, "ag_wrap");
    expect_inert(t, ag_wrap(t, AG_F64, AG_SHAPE(3), bytes + 1, 24), AG_EARG, "ag_wrap");
    expect_refusal(t, ag_copy_out(x, AG_F64, NULL, 24), AG_ENULL, "ag_copy_out");
    expect_refusal(t, ag_copy_in(x, AG_F64, NULL, 24), AG_ENULL, "ag_copy_in");
    expect_refusal(t, ag_copy_out(x, (ag_dtype)77, bytes, 24), AG_EDTYPE, "ag_copy_out");
    expect_refusal(t, ag_copy_in(x, (ag_dtype)77, bytes, 24), AG_EDTYPE, "ag_copy_in");
    assert_int_equal(ag_copy_out(e, AG_F64, NULL, 0), AG_OK);
    assert_int_equal(ag_copy_in(e, AG_F64, NULL, 0), AG_OK);
    assert_true(ag_ok(ag_from(t, AG_U8, AG_SHAPE(2, 0), NULL, 0)) && ag_ok(ag_wrap(t, AG_U8, AG_SHAPE(0), NULL, 0)));
    assert_true(ag_ok(ag_values(t, AG_SHAPE(0), NULL, 0)));
    expect_refusal(t, ag_storage_of(b.p, NULL), AG_ENULL, "ag_storage_of");
    free_bench(&b);
}

static void dtypes_that_are_none(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    _Alignas(8) char bytes[64] = { 0 };
    ag_tensor x = ag_zeros(t, AG_F64, AG_SHAPE(3));
    const ag_dtype none[] = { (ag_dtype)6, (ag_dtype)-1, (ag_dtype)INT32_MAX };
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        expect_inert(t, ag_zeros(t, none[i], AG_SHAPE(3)), AG_EDTYPE, "ag_zeros");
        expect_inert(t, ag_ones(t, none[i], AG_SHAPE(3)), AG_EDTYPE, "ag_ones");
        expect_inert(t, ag_full(t, none[i], AG_SCALAR, 1), AG_EDTYPE, "ag_full");
        expect_inert(t, ag_empty(t, none[i], AG_SHAPE(3)), AG_EDTYPE, "ag_empty");
        expect_inert(t, ag_eye(t, none[i], 3), AG_EDTYPE, "ag_eye");
        expect_inert(t, ag_arange(t, none[i], 0, 3, 1), AG_EDTYPE, "ag_arange");
        expect_inert(t, ag_linspace(t, none[i], 0, 3, 4), AG_EDTYPE, "ag_linspace");
        expect_inert(t, ag_rand(t, none[i], AG_SHAPE(3), 0, 1), AG_EDTYPE, "ag_rand");
        expect_inert(t, ag_randn(t, none[i], AG_SHAPE(3), 0, 1), AG_EDTYPE, "ag_randn");
        expect_inert(t, ag_gumbel(t, none[i], AG_SHAPE(3), 0, 1), AG_EDTYPE, "ag_gumbel");
        expect_inert(t, ag_truncated_normal(t, none[i], AG_SHAPE(3), 0, 1, -2, 2), AG_EDTYPE, "ag_truncated_normal");
        expect_inert(t, ag_from(t, none[i], AG_SHAPE(3), bytes, 24), AG_EDTYPE, "ag_from");
        expect_inert(t, ag_wrap(t, none[i], AG_SHAPE(3), bytes, 24), AG_EDTYPE, "ag_wrap");
        assert_null(ag_data(x, none[i]));
        expect_complaint(t, "ag_data");
        assert_null(ag_write(x, none[i]));
        expect_complaint(t, "ag_write");
    }
    free_bench(&b);
}

static void sizes_that_are_none(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const int64_t huge[] = { -1, (int64_t)1 << 31, (int64_t)1 << 62, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < ARRAY_SIZE(huge); i++) {
        assert_true(is_inert(ag_eye(t, AG_F64, huge[i]), t));
        expect_complaint(t, "ag_eye");
        if (huge[i] != (int64_t)1 << 31) {
            assert_true(is_inert(ag_randperm(t, huge[i]), t));
            expect_complaint(t, "ag_randperm");
            assert_true(is_inert(ag_linspace(t, AG_F64, 0, 1, huge[i]), t));
            expect_complaint(t, "ag_linspace");
        }
    }
    assert_true(is_inert(ag_arange(t, AG_F64, 0, 1e17, 1), t));
    expect_complaint(t, "ag_arange");
    assert_true(is_inert(ag_arange(t, AG_F64, 0, 1e300, 1), t));
    expect_complaint(t, "ag_arange");
    const size_t sizes[] = { (size_t)1 << 62, SIZE_MAX, SIZE_MAX - 63, (size_t)1 << 45 };
    char *block = ag_tape_allocate(t, 1);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_null(ag_tape_allocate(t, sizes[i]));
        expect_complaint(t, "ag_tape_allocate");
        assert_null(ag_tape_resize(t, block, sizes[i]));
        expect_complaint(t, "ag_tape_resize");
        assert_int_equal(*block, 0);
    }
    assert_non_null(ag_tape_allocate(t, 0));
    ag_tape_deallocate(t, NULL);
    expect_inert(t, ag_param(ag_ones(t, AG_I32, AG_SHAPE(2)), "p"), AG_EDTYPE, "ag_param");
    expect_inert(t, ag_param_as(ag_ones(t, AG_U8, AG_SHAPE(2)), AG_AXES(0), "p"), AG_EDTYPE, "ag_param_as");
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_no_tape),     cmocka_unit_test(tensors_of_no_tape),
        cmocka_unit_test(absent_tensors),           cmocka_unit_test(tensors_that_are_asked),
        cmocka_unit_test(tensors_that_are_written), cmocka_unit_test(tensors_that_are_differentiated),
        cmocka_unit_test(foreign_tensors),          cmocka_unit_test(memory_of_the_callers),
        cmocka_unit_test(dtypes_that_are_none),     cmocka_unit_test(sizes_that_are_none),
    };
    return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
