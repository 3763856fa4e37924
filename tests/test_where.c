/* Messages say from where in the caller's code they come, and where a tensor was made, ended and written. */
#define AG_TRACE_CALLS
#include "memory.h"

/* The pending error's text, with %d for a line of this file. */
#define expect_text(t, status, ...) check_text(t, status, __LINE__, __VA_ARGS__)
static void check_text(ag_tape *t, ag_status status, int at, const char *format, ...) AG_PRINTF(4, 5);
static void check_text(ag_tape *t, ag_status status, int at, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (strncmp(ag_error_text(t), text, strlen(text)) != 0)
        print_error("line %d: expected '%s'\n                 got '%s'\n", at, text, ag_error_text(t));
    assert_int_equal(ag_error(t), status);
    assert_int_equal(strncmp(ag_error_text(t), text, strlen(text)), 0);
    ag_error_clear(t);
}

/* The value of the call, and the line on which it stands. */
#define AT(line, call) (line = __LINE__, call)

/* ---- the call that fails */

static void messages_begin_with_the_callers_file_and_line(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = ag_name(ag_ones(t, AG_F64, AG_SHAPE(2, 3)), "a"), v = AG_VALUES(t, AG_SHAPE(2), 1, 2);
    int at;
    AT(at, ag_matmul(a, a));
    expect_text(t, AG_ESHAPE, "test_where.c:%d: ag_matmul: 'a' [2,3] f64 and 'a' [2,3] f64:", at);
    AT(at, ag_exp(ag_add(v, ag_sum_over(ag_reshape(a, AG_SHAPE(3, 2)), AG_AXES(1), 0))));
    expect_text(t, AG_ESHAPE, "test_where.c:%d: ag_add: [2] f64 and [3] f64", at);
    AT(at, ag_item(v));
    expect_text(t, AG_ESHAPE, "test_where.c:%d: ag_item:", at);
    AT(at, ag_backward(v));
    expect_text(t, AG_EUSE, "test_where.c:%d: ag_backward:", at);
    AT(at, ag_mul(absent, v));
    expect_text(t, AG_ENULL, "test_where.c:%d: ag_mul: operand 1", at);
    AT(at, AG_VALUES(t, AG_SHAPE(2), 1));
    expect_text(t, AG_ESHAPE, "test_where.c:%d: ag_values:", at);
    AT(at, ag_concat(AG_LIST(v, a), 0));
    expect_text(t, AG_ESHAPE, "test_where.c:%d: ag_concat:", at);
    AT(at, optim_sgd(AG_LIST(v), (optim_sgd_config){ .lr = 0.1, .momentum = 0.9 }));
    expect_text(t, AG_EUSE, "test_where.c:%d: optim_sgd:", at);
    AT(at, nn_linear(t, 0, 3, (nn_linear_config){ .no_bias = true }));
    expect_text(t, AG_EARG, "test_where.c:%d: nn_linear:", at);
    AT(at, NN_SEQUENTIAL(t, NULL, NULL));
    expect_text(t, AG_ENULL, "test_where.c:%d: nn_child:", at);
    AT(at, ag_fail(t, AG_EFILE, "my_layer: %d is too %s", 7, "large"));
    expect_text(t, AG_EFILE, "test_where.c:%d: my_layer: 7 is too large", at);
    ag_scope_begin(t, "encoder");
    AT(at, ag_cast(v, (ag_dtype)99));
    expect_text(t, AG_EDTYPE, "test_where.c:%d: encoder: ag_cast:", at);
    ag_scope_end(t);
    ag_tape_free(t);
}

static char told[512];
static void tell(void *user, ag_status status, const char *text)
{
    (void)user;
    (void)status;
    snprintf(told, sizeof told, "%s", text);
}

static void a_tape_that_cannot_be_made_says_where(void **state)
{
    (void)state;
    char expected[128];
    int at;
    assert_null(AT(at, ag_tape_new((ag_options){ .threads = -1, .on_error = tell })));
    snprintf(expected, sizeof expected, "test_where.c:%d: ag_tape_new: the option threads is -1; ", at);
    assert_non_null(strstr(told, expected));
    assert_null((ag_tape_new)((ag_options){ .memory_limit = 1, .on_error = tell }));
    assert_int_equal(strncmp(told, "ag_tape_new: ", 13), 0);
}

/* Ops inside the library's functions are called from the user's line. */
static void calls_inside_the_library_say_the_users_line(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 } });
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(5, 7));
    int at;
    AT(at, nn_forward(net, x));
    expect_text(t, AG_ESHAPE, "test_where.c:%d: mlp.0: ag_linear: [5,7] f64, '0.weight' [4,3] f64", at);
    optim *o = optim_adam(nn_params(net), (optim_adam_config){ .lr = 0.1 });
    AT(at, optim_set_lr(o, -1));
    expect_text(t, AG_EARG, "test_where.c:%d: optim_set_lr", at);
    ag_tape_free(t);
}

static int inner_line;
static ag_tensor broken(nn_module *m, ag_tensor x)
{
    (void)m;
    return AT(inner_line, ag_matmul(x, x));
}

/* A function of the user's that the library calls has lines of its own; after it the outer one counts again. */
static void the_innermost_traced_call_counts(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module *m = ag_tape_allocate(t, sizeof *m);
    nn_init(m, t, "m", broken);
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 3));
    nn_forward(m, x);
    expect_text(t, AG_ESHAPE, "test_where.c:%d: m: ag_matmul", inner_line);
    (ag_matmul)(x, x);
    expect_text(t, AG_ESHAPE, "ag_matmul");
    ag_tape_free(t);
}

static void a_place_does_not_stay_behind(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(2, 3));
    (ag_matmul)(x, x); /* as a file would that knows nothing of tracing */
    expect_text(t, AG_ESHAPE, "ag_matmul");
    int at;
    AT(at, ag_matmul(x, x));
    expect_text(t, AG_ESHAPE, "test_where.c:%d: ag_matmul", at);
    (ag_fail)(t, AG_EARG, "nowhere");
    expect_text(t, AG_EARG, "nowhere");
    ag_site before = ag_site_enter(t, "/a/folder/outer.py", 3);
    assert_null(before.file);
    assert_string_equal(ag_site_enter(t, NULL, 0).file, "/a/folder/outer.py");
    (ag_matmul)(x, x);
    ag_site_leave(t, before);
    expect_text(t, AG_ESHAPE, "outer.py:3: ag_matmul");
    assert_null(ag_site_enter(NULL, "x.c", 1).file);
    ag_site_leave(NULL, before);
    ag_tape_free(t);
}

/* ---- what macros must not break */

static ag_tensor applied(ag_tensor (*f)(ag_tensor), ag_tensor x)
{
    return f(x);
}

static void functions_stay_functions_and_arguments_are_evaluated_once(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int calls = 0;
    ag_tensor x = ag_full(t, AG_F64, AG_SHAPE(2, (int64_t)++calls + 2), 3);
    assert_int_equal(calls, 1);
    assert_int_equal(ag_size_of(x), 6);
    assert_int_equal(ag_size_of(applied(ag_square, x)), ag_size_of(x));
    ag_tensor (*op)(ag_tensor, ag_tensor) = &ag_add;
    ag_tensor many[] = { op(x, x), ag_concat(AG_LIST(x, AG_VALUES(t, AG_SHAPE(1, 3), 1, 2, 3)), 0) };
    assert_int_equal(ag_size_of(many[1]), 9);
    optim *o = optim_sgd(AG_LIST(ag_param(x, "x")), (optim_sgd_config){ .lr = 0.1, .momentum = 0.5 });
    assert_ptr_equal(optim_tape(o), t);
    assert_null(optim_tape(NULL));
    expect_fine(t);
    ag_tape_free(t);
}

/* ---- stale tensors */

static void a_stale_tensor_says_where_it_was_made_and_what_ended_it(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int first, made, ended, at;
    ag_tape_reset(t);
    ag_tensor x = AT(first, ag_ones(t, AG_F64, AG_SHAPE(2)));
    ag_tensor y = AT(made, ag_square(x));
    ag_sum(y);
    AT(ended, ag_tape_reset(t));
    AT(at, ag_add(ag_ones(t, AG_F64, AG_SHAPE(2)), y));
    expect_text(t, AG_ESTALE,
                "test_where.c:%d: ag_add: operand 2 is stale: it was made at test_where.c:%d in the step before, which "
                "ag_tape_reset at test_where.c:%d ended; ag_param and ag_buffer make tensors that persist",
                at, made, ended);
    AT(at, ag_item(x));
    expect_text(t, AG_ESTALE, "test_where.c:%d: ag_item: the tensor is stale: it was made at test_where.c:%d", at,
                first);
    ag_tape_reset(t);
    AT(at, ag_item(x));
    expect_text(t, AG_ESTALE,
                "test_where.c:%d: ag_item: the tensor is stale: it was made 2 steps ago, in one that "
                "ag_tape_reset at test_where.c:%d ended;",
                at, ended);
    for (int i = 0; i < 20; i++)
        ag_tape_reset(t);
    ag_item(x);
    expect_error(t, AG_ESTALE, "ag_item: the tensor is stale: it was made 8 or more steps ago");
    ag_tape_free(t);
}

static void a_rewound_tensor_says_so(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int before, made, ended, at;
    ag_tensor x = AT(before, ag_ones(t, AG_F64, AG_SHAPE(2)));
    ag_mark mark = ag_tape_mark(t);
    ag_tensor y = AT(before, ag_sum(ag_square(x)));
    ag_tensor w = AT(made, ag_exp(y));
    AT(ended, ag_tape_rewind(t, mark));
    AT(at, ag_item(w));
    expect_text(t, AG_ESTALE,
                "test_where.c:%d: ag_item: the tensor is stale: it was made at test_where.c:%d after a mark to which "
                "ag_tape_rewind at test_where.c:%d returned; ag_param",
                at, made, ended);
    AT(at, ag_item(y));
    expect_text(t, AG_ESTALE, "test_where.c:%d: ag_item: the tensor is stale: it was made at test_where.c:%d after", at,
                before);
    assert_item(ag_sum(x), 2);
    y = AT(made, ag_exp(x));
    AT(ended, ag_tape_reset(t));
    AT(at, ag_sum(y));
    expect_text(
        t, AG_ESTALE,
        "test_where.c:%d: ag_sum: the tensor is stale: it was made at test_where.c:%d in the step before, which "
        "ag_tape_reset at test_where.c:%d",
        at, made, ended);
    AT(at, ag_item(w));
    expect_text(t, AG_ESTALE, "test_where.c:%d: ag_item: the tensor is stale: it was made in the step before, which",
                at);
    ag_tape_free(t);
}

/* Without the callers' lines what the epochs tell is said. */
static void without_tracing_the_steps_are_counted(void **state)
{
    (void)state;
    ag_tape *t = (ag_tape_new)((ag_options){ .on_error = ag_quiet });
    ag_tensor x = (ag_variable)(t, 1), p = (ag_param)(x, "p");
    (ag_tape_reset)(t);
    (ag_item)(x);
    expect_text(t, AG_ESTALE,
                "ag_item: the tensor is stale: it was made in the step before, which ag_tape_reset ended; "
                "ag_param and ag_buffer make tensors that persist");
    (ag_tape_reset)(t);
    (ag_tape_reset)(t);
    (ag_add)(p, x);
    expect_text(t, AG_ESTALE, "ag_add: operand 2 is stale: it was made 3 steps ago, in one that ag_tape_reset ended;");
    ag_mark mark = ag_tape_mark(t);
    x = (ag_variable)(t, 1);
    (ag_tape_rewind)(t, mark);
    (ag_exp)(x);
    expect_text(t, AG_ESTALE,
                "ag_exp: the tensor is stale: it was made after a mark to which ag_tape_rewind returned, or "
                "in a rule, which is over;");
    (ag_exp)((ag_tensor){ t, 17, 123456 });
    expect_text(t, AG_ESTALE, "ag_exp: the tensor is no tensor of this tape's: was it ever set?");
    (ag_release)(p);
    (ag_exp)(p);
    expect_text(t, AG_ESTALE, "ag_exp: the tensor is stale: it was released;");
    ag_tape_free(t);
}

/* ---- written operands */

static void a_written_operand_says_where(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "w"), x = ag_ones(t, AG_F64, AG_SHAPE(2));
    ag_tensor y = ag_sum(ag_mul(ag_square(w), x));
    int wrote, at;
    AT(wrote, ag_assign(w, AG_VALUES(t, AG_SHAPE(2), 3, 4)));
    AT(at, ag_backward(y));
    expect_text(t, AG_EUSE,
                "test_where.c:%d: ag_square: operand 1 'w' was written at test_where.c:%d after the op had been "
                "recorded, but its derivative needs the old values; write after ag_backward",
                at, wrote);
    y = ag_sum(ag_mul(w, x));
    *(double *)AT(wrote, ag_write(x, AG_F64)) = 3;
    AT(at, ag_backward(y));
    expect_text(t, AG_EUSE, "test_where.c:%d: ag_mul: operand 2 was written at test_where.c:%d after", at, wrote);
    y = ag_sum(ag_square(w));
    (ag_assign)(w, x);
    AT(at, ag_backward(y));
    expect_text(t, AG_EUSE, "test_where.c:%d: ag_square: operand 1 'w' was written after the op", at);
    ag_tape_free(t);
}

/* ---- memory */

/* The work fails as it would without tracing, or not at all: the logs are no reason. */
static void memory_for_places_is_not_missed(void **state)
{
    (void)state;
    for (long fail_at = 1;; fail_at++) {
        memory m = { .fail_at = fail_at };
        ag_tape *t = (ag_tape_new)((ag_options){ .on_error = ag_quiet, .allocator = allocator_of(&m) });
        if (!t)
            continue;
        double values[2] = { 0, 0 };
        for (int step = 0; step < 2; step++) {
            ag_tensor x = ag_variable(t, 2), y = x;
            for (int i = 0; i < 300; i++) {
                y = ag_mul_scalar(y, 1);
                y = ag_add(y, x);
            }
            ag_mark mark = ag_tape_mark(t);
            y = ag_add(y, x);
            values[step] = ag_item(y);
            ag_tape_rewind(t, mark);
            ag_tape_reset(t);
        }
        assert_true(ag_error(t) ? ag_error(t) == AG_ENOMEM : values[0] == 604 && values[1] == 604);
        bool failed = ag_error(t);
        bool all = m.requests < fail_at;
        m.fail_at = 0;
        ag_error_clear(t);
        assert_usable(t);
        ag_tape_free(t);
        assert_int_equal(m.bytes, 0);
        if (!failed && all)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_begin_with_the_callers_file_and_line),
        cmocka_unit_test(a_tape_that_cannot_be_made_says_where),
        cmocka_unit_test(calls_inside_the_library_say_the_users_line),
        cmocka_unit_test(the_innermost_traced_call_counts),
        cmocka_unit_test(a_place_does_not_stay_behind),
        cmocka_unit_test(functions_stay_functions_and_arguments_are_evaluated_once),
        cmocka_unit_test(a_stale_tensor_says_where_it_was_made_and_what_ended_it),
        cmocka_unit_test(a_rewound_tensor_says_so),
        cmocka_unit_test(without_tracing_the_steps_are_counted),
        cmocka_unit_test(a_written_operand_says_where),
        cmocka_unit_test(memory_for_places_is_not_missed),
    };
    return cmocka_run_group_tests_name("where", tests, NULL, NULL);
}
