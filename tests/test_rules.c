/* What the rules of a user's ops do to the tape they run on: nothing of what they make outlives them. */
#include "support.h"

/* y = x, for the ops below, which differ in their rules */

static ag_status copy_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    y->dtype = x->dtype;
    y->shape = x->shape;
    return AG_OK;
}

static ag_status copy_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    (void)c;
    memcpy(y->data, x->data, (size_t)ag_shape_size(x->shape) * sizeof(double));
    return AG_OK;
}

#define COPY_OP(op_name, rule, params)                      \
    static const ag_op op_name = { .name = #op_name,        \
                                   .inputs = 1,             \
                                   .params_size = params,   \
                                   .shape = copy_shape,     \
                                   .forward = copy_forward, \
                                   .vjp = rule }

/* ---- rules that look at other tensors */

typedef struct peek_params {
    ag_tensor param;
} peek_params;

static void peek_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const peek_params *p = ag_call_params(c);
    ag_tensor g = ag_grad(p->param);                       /* 5 everywhere */
    dx[0] = ag_add(ag_mul(dy[0], ag_mul(g, p->param)), g); /* brings the parameter into the step */
}

COPY_OP(peek, peek_vjp, sizeof(peek_params));

static void rules_leave_nothing_behind(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p");
    assert_int_equal(ag_backward(ag_sum(ag_mul_scalar(p, 5))), AG_OK);
    for (int round = 0; round < 3; round++) {
        ag_tape_reset(t);
        ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 3, 4));
        ag_tensor y = ag_apply(&peek, AG_LIST(x), &(peek_params){ p });
        int64_t before = ag_tape_nodes(t);
        assert_int_equal(ag_backward_from(y, AG_VALUES(t, AG_SHAPE(2), 1, 1)), AG_OK);
        assert_int_equal(ag_tape_nodes(t), before + 1);
        ag_tensor later[10]; /* take the ids that the rule's tensors had */
        for (int i = 0; i < 10; i++)
            later[i] = AG_VALUES(t, AG_SHAPE(2), 100 + i, 200 + i);
        assert_values(ag_grad(x), 10, 15);
        assert_values(ag_grad(p), 5, 5);
        assert_values(ag_mul_scalar(p, 3), 3, 6);
        ag_assign(p, AG_VALUES(t, AG_SHAPE(2), 1, 2));
        assert_int_equal(ag_backward(ag_sum(ag_mul(ag_require_grad(later[5]), later[6]))), AG_OK);
        ag_zero_grad(p);
        assert_int_equal(ag_backward(ag_sum(ag_mul_scalar(p, 5))), AG_OK);
        assert_values(later[9], 109, 209);
        assert_values(ag_grad(p), 5, 5);
    }
    ag_tape_free(t);
}

/* ---- rules that keep handles */

enum { KEPT = 5 };

typedef struct keep_params {
    ag_tensor *kept, param;
    ag_mark *mark;
} keep_params;

static void keep_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const keep_params *p = ag_call_params(c);
    ag_tape *t = ag_call_tape(c);
    p->kept[0] = dy[0];
    p->kept[1] = ag_variable(t, 7);
    p->kept[2] = ag_exp(p->kept[1]);
    p->kept[3] = ag_mul(dy[0], p->param);
    p->kept[4] = ag_grad(p->param);
    *p->mark = ag_tape_mark(t);
    dx[0] = dy[0];
}

COPY_OP(keep, keep_vjp, sizeof(keep_params));

/* However many tensors are made afterwards, by other rules too, none is taken for one of the rule's. */
static void handles_kept_from_a_rule_are_stale_for_ever(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), kept[KEPT], others[KEPT];
    ag_mark mark, other;
    for (int ranked = 0; ranked < 2; ranked++) {
        ag_tensor x = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 3, 4)) : ag_variable(t, 3);
        assert_int_equal(ag_backward(ag_sum(p)), AG_OK);
        ag_tensor y = ag_apply(&keep, AG_LIST(x), &(keep_params){ kept, p, &mark });
        ag_tensor z = ag_apply(&keep, AG_LIST(x), &(keep_params){ others, p, &other });
        for (int way = 0; way < 2; way++) { /* a pass, the local derivative */
            if (way)
                assert_close(ag_item_at(ag_local(y, x), 0), 1, 0);
            else
                assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
            for (int i = 0; i < 60; i++) {
                if (i % 3 == 0)
                    ag_variable(t, i);
                else if (i % 3 == 1)
                    ag_zeros(t, AG_F64, AG_SHAPE(2));
                else
                    assert_int_equal(ag_backward(ag_sum(z)), AG_OK);
                for (int k = 0; k < KEPT; k++) {
                    assert_false(ag_ok(kept[k]));
                    assert_true(isnan(ag_item(kept[k])));
                    expect_error(t, AG_ESTALE, "ag_item");
                }
            }
            assert_int_equal(ag_tape_rewind(t, mark), AG_ESTALE);
            expect_error(t, AG_ESTALE, "ag_tape_rewind");
            assert_true(ag_ok(x) && ag_ok(y));
        }
    }
    ag_tape_free(t);
}

/* The caller's tensors are where they were, and what is made next follows them. */
static void a_local_derivative_is_one_tensor(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 3, 4)), w = ag_ones(t, AG_F64, AG_SHAPE(2, 2));
    ag_tensor y = ag_matmul(w, x), z = ag_add(w, x),
              f = ag_mul(ag_require_grad(ag_full(t, AG_F32, AG_SHAPE(1), 2)), ag_full(t, AG_F32, AG_SHAPE(3), 2));
    int64_t before = ag_tape_nodes(t);
    ag_tensor dx = ag_local(y, x), by_none = ag_local(y, z), broadcast = ag_local(z, x);
    assert_int_equal(ag_tape_nodes(t), before + 3);
    assert_values(dx, 2, 2);
    assert_values(by_none, 0, 0, 0, 0);
    assert_values(broadcast, 2, 2);
    assert_true(ag_ok(f));
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- rules that write */

typedef struct write_params {
    ag_tensor buffer, gradient;
} write_params;

static void write_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const write_params *p = ag_call_params(c);
    ag_tape *t = ag_call_tape(c);
    ag_tensor b = ag_mul(p->buffer, dy[0]);
    for (int i = 0; i < 20; i++)
        ag_variable(t, i);
    ag_assign(p->buffer, ag_add_scalar(p->buffer, 1));
    ag_zero_grad(p->gradient); /* a write to what ag_grad showed */
    dx[0] = ag_mul(b, p->buffer);
}

COPY_OP(count, write_vjp, sizeof(write_params));

/* What is recorded after the pass sees the values that the rule wrote; what was recorded before it does not. */
static void a_write_inside_a_rule_is_past_when_the_rule_ends(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        ag_tape *t = new_tape();
        ag_tensor b = ag_buffer(AG_VALUES(t, AG_SHAPE(2), 1, 2), "b"), p = ag_param(b, "p");
        ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 1));
        assert_int_equal(ag_backward(ag_sum(p)), AG_OK);
        ag_tensor shown = ag_grad(p), early = held ? ag_sum(ag_mul(x, ag_mul(b, shown))) : x;
        ag_tensor y = ag_sum(ag_apply(&count, AG_LIST(x), &(write_params){ b, p }));
        for (int i = 1; i < 4; i++) {
            ag_zero_grad(x);
            assert_int_equal(ag_backward(y), AG_OK);
            assert_values(b, 1 + i, 2 + i);
            assert_values(ag_grad(x), i * (i + 1), (i + 1) * (i + 2));
            ag_tensor late = ag_sum(ag_mul(ag_mul(x, b), ag_grad(p)));
            ag_zero_grad(x);
            assert_int_equal(ag_backward(late), AG_OK);
            assert_values(ag_grad(x), 0, 0);
            ag_tensor later = ag_sum(ag_mul(x, b));
            assert_int_equal(ag_backward(later), AG_OK);
            assert_values(ag_grad(x), 1 + i, 2 + i);
        }
        if (held) {
            assert_int_equal(ag_backward(ag_sum(ag_mul(x, ag_mul(x, b)))), AG_OK);
            assert_int_equal(ag_backward(early), AG_OK); /* the product of b and the gradient is a value of its own */
        }
        ag_tape_free(t);
    }
}

static void poke_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    double *g = ag_write(dy[0], AG_F64);
    (void)c;
    if (g)
        g[0] = 1e9;
    dx[0] = dy[0];
}

COPY_OP(poke, poke_vjp, 0);

/* The adjoint that a rule receives is the engine's. */
static void rules_cannot_write_to_their_adjoint(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), y = ag_apply(&poke, AG_LIST(x), NULL), g;
    assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(x), 0, &g), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_write");
    assert_int_equal(ag_backward(ag_sum(y)), AG_EUSE);
    expect_error(t, AG_EUSE, "ag_write");
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- what rules give */

typedef struct give_params {
    ag_tensor what;
} give_params;

static void give_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const give_params *p = ag_call_params(c);
    (void)dy;
    dx[0] = p->what;
}

COPY_OP(give, give_vjp, sizeof(give_params));

/* A parameter as it is, whose gradient by itself is 1. */
static void a_rule_may_give_a_persistent_tensor(void **state)
{
    (void)state;
    for (int ranked = 0; ranked < 2; ranked++) {
        ag_tape *t = new_tape();
        ag_tensor p = ranked ? ag_param(AG_VALUES(t, AG_SHAPE(2), 5, 6), "p") : ag_param(ag_constant(t, 5), "p"), g, h;
        ag_tensor x = ranked ? ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)) : ag_variable(t, 1);
        ag_tensor y = ag_sum(ag_apply(&give, AG_LIST(x), &(give_params){ p }));
        for (int flags = 0; flags < 2; flags++) {
            assert_int_equal(ag_gradients(y, AG_LIST(x), flags, &g), AG_OK);
            assert_true(ag_ok(g));
            assert_false(ag_is_persistent(g));
            assert_close(ag_item_at(g, 0), 5, 0);
            expect_fine(t);
        }
        assert_int_equal(ag_gradients(ag_sum(g), AG_LIST(p), 0, &h), AG_OK);
        assert_close(ag_item_at(h, 0), 1, 0);
        ag_tensor twice = ag_add(y, ag_sum(ag_apply(&give, AG_LIST(x), &(give_params){ p })));
        assert_int_equal(ag_gradients(twice, AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
        assert_close(ag_item_at(g, 0), 10, 0);
        assert_int_equal(ag_backward(twice), AG_OK);
        assert_close(ag_item_at(ag_grad(x), 0), 10, 0);
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* One check, whoever asks: shapes that are no broadcast of the operand's. */
static void the_shape_that_a_rule_gives_is_checked(void **state)
{
    (void)state;
    const ag_shape wrong[] = { AG_SHAPE(7), AG_SHAPE(3),    AG_SHAPE(2, 2), AG_SHAPE(1),
                               AG_SCALAR,   AG_SHAPE(0, 3), AG_SHAPE(2, 1) };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        ag_tape *t = new_tape();
        ag_tensor x = ag_require_grad(ag_ones(t, AG_F64, AG_SHAPE(2, 3))), g;
        ag_tensor y = ag_apply(&give, AG_LIST(x), &(give_params){ ag_buffer(ag_ones(t, AG_F64, wrong[i]), NULL) });
        static const char message[] = "the derivative rule of give gave ";
        assert_int_equal(ag_backward(ag_sum(y)), AG_ESHAPE);
        expect_error(t, AG_ESHAPE, message);
        assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(x), AG_CREATE_GRAPH, &g), AG_ESHAPE);
        expect_error(t, AG_ESHAPE, message);
        assert_true(is_inert(ag_local(y, x), t));
        expect_error(t, AG_ESHAPE, message);
        assert_values(ag_grad(x), 0, 0, 0, 0, 0, 0);
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* A broadcast of the operand, in another dtype too, is summed to its shape the same way in every pass. */
static void broadcasts_that_a_rule_gives_are_summed(void **state)
{
    (void)state;
    const ag_shape given[] = { AG_SHAPE(4, 2, 3), AG_SHAPE(2, 3), AG_SHAPE(5, 4, 2, 3) },
                   own[] = { AG_SHAPE(2, 3), AG_SHAPE(1, 3), AG_SHAPE(2, 1), AG_SHAPE(1, 1) };
    for (size_t i = 0; i < ARRAY_SIZE(given) * ARRAY_SIZE(own); i++) {
        ag_tape *t = new_tape();
        ag_shape from = given[i % ARRAY_SIZE(given)], to = own[i / ARRAY_SIZE(given)];
        ag_tensor dx = ag_buffer(ag_full(t, i % 2 ? AG_F32 : AG_F64, from, 0.5), NULL), g;
        ag_tensor x = ag_require_grad(ag_ones(t, AG_F64, to)), y = ag_apply(&give, AG_LIST(x), &(give_params){ dx });
        double expected = 0.5 * (double)ag_size_of(dx) / (double)ag_size_of(x);
        assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
        assert_close(ag_item_at(ag_grad(x), 0), expected, 0);
        assert_int_equal(ag_gradients(ag_sum(y), AG_LIST(x), AG_CREATE_GRAPH, &g), AG_OK);
        assert_close(ag_item_at(g, 0), expected, 0);
        assert_int_equal(ag_dtype_of(g), AG_F64);
        assert_close(ag_item_at(ag_local(y, x), 0), expected, 0);
        expect_fine(t);
        ag_tape_free(t);
    }
}

/* ---- rules that end the block without gradients in which they run */

static void record_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor x = ag_call_input(c, 0);
    ag_no_grad_end(ag_call_tape(c));
    dx[0] = ag_mul(dy[0], ag_add(ag_neg(x), ag_mul(x, x)));
}

COPY_OP(record, record_vjp, 0);

static void a_rule_that_ends_its_block_reads_what_was_before(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 3), y = ag_apply(&record, AG_LIST(x), NULL);
    assert_int_equal(ag_backward(y), AG_OK);
    assert_item(ag_grad(x), 6);
    assert_usable(t);
    ag_no_grad_end(t);
    expect_error(t, AG_EUSE, "ag_no_grad_end");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_leave_nothing_behind),
        cmocka_unit_test(handles_kept_from_a_rule_are_stale_for_ever),
        cmocka_unit_test(a_local_derivative_is_one_tensor),
        cmocka_unit_test(a_write_inside_a_rule_is_past_when_the_rule_ends),
        cmocka_unit_test(rules_cannot_write_to_their_adjoint),
        cmocka_unit_test(a_rule_may_give_a_persistent_tensor),
        cmocka_unit_test(the_shape_that_a_rule_gives_is_checked),
        cmocka_unit_test(broadcasts_that_a_rule_gives_are_summed),
        cmocka_unit_test(a_rule_that_ends_its_block_reads_what_was_before),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
