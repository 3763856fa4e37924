/* The gradient checker and functions that do what they should not, and points at which nothing can be known: no crash,
 * no verdict that was not earned, the tape as it was. */
#include "values.h"

#include <stdio.h>

static ag_verdict check_text(ag_function *f, void *user, ag_list at, ag_check_options o, char *text, size_t bytes)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    ag_verdict v = ag_gradcheck(f, user, at, file);
    rewind(file);
    text[fread(text, 1, bytes - 1, file)] = 0;
    fclose(file);
    o.directions = 2;
    ag_check_report r;
    ag_verdict along = ag_gradcheck_with(f, user, at, o, &r); /* the same verdict, most of the time */
    assert_int_equal(along, r.verdict);
    return v;
}

static void expect(ag_function *f, void *user, ag_list at, ag_verdict verdict, const char *part)
{
    char text[1024];
    ag_tape *t = at.at[0].tape;
    ag_mark before = ag_tape_mark(t);
    int64_t nodes = ag_tape_nodes(t);
    ag_verdict v = check_text(f, user, at, (ag_check_options){ 0 }, text, sizeof text);
    if (v != verdict || !strstr(text, part))
        fail_msg("%s: \"%s\", expected %s and \"%s\"", ag_verdict_name(v), text, ag_verdict_name(verdict), part);
    assert_string_equal(ag_error_text(t), "");
    assert_int_equal(ag_tape_nodes(t), nodes);
    assert_int_equal(ag_tape_rewind(t, before), AG_OK);
}

/* ---- deeds */

typedef enum deed {
    STALE,    /* returns the tensor of the call before */
    INERT,    /* a failed op, with the error cleared */
    INTEGER,  /* i64 from some call on */
    SINGLE,   /* f32 */
    SHORTER,  /* a value of fewer elements */
    LONGER,   /* and of more */
    OTHER,    /* of another shape and as many */
    EMPTY,    /* of none */
    BACKWARD, /* calls what it must not */
    RESET,
    REWIND,
    FAILS,
    POPS,      /* the check's own ag_error_push */
    PUSHES,    /* and never pops */
    SCOPES,    /* leaves scopes and no-grad blocks open */
    NO_GRAD,   /* computes in a block that it does not end */
    GRAD_ENDS, /* ends blocks that it did not begin */
    FORGIVES,  /* clears an error of its own */
    DEEDS
} deed;

typedef struct hostile {
    deed what;
    int calls, from;
    ag_tensor last;
    ag_mark mark;
} hostile;

static ag_tensor misbehave(hostile *h, ag_tensor y)
{
    ag_tape *t = y.tape;
    switch (h->what) {
    case STALE:
        return h->last;
    case INERT:
        y = ag_reshape(y, AG_SHAPE(17));
        ag_error_clear(t);
        return y;
    case INTEGER:
        return ag_cast(y, AG_I64);
    case SINGLE:
        return ag_cast(y, AG_F32);
    case SHORTER:
        return ag_slice(y, 0, 0, 1, 1);
    case LONGER:
        return ag_expand(y, AG_SHAPE(5000, 3));
    case OTHER:
        return ag_reshape(y, AG_SHAPE(3, 1));
    case EMPTY:
        return ag_slice(y, 0, 0, 0, 1);
    case BACKWARD:
        ag_backward(ag_sum(y));
        return y;
    case RESET:
        ag_tape_reset(t);
        return y;
    case REWIND:
        ag_tape_rewind(t, h->mark);
        return y;
    case FAILS:
        ag_fail(t, AG_EARG, "it had enough");
        return y;
    case POPS:
        ag_error_pop(t);
        ag_error_pop(t);
        return y;
    case PUSHES:
        for (int i = 0; i < 5; i++)
            ag_error_push(t);
        return y;
    case SCOPES:
        for (int i = 0; i < 40; i++)
            ag_scope_begin(t, "open");
        ag_no_grad_begin(t);
        return y;
    case NO_GRAD:
        ag_no_grad_begin(t);
        return ag_mul_scalar(y, 1);
    case GRAD_ENDS:
        ag_no_grad_end(t);
        return y;
    default:
        ag_matmul(y, y);
        ag_error_clear(t);
        return y;
    }
}

static ag_tensor f(ag_list x, void *user)
{
    hostile *h = user;
    ag_rand(x.at[0].tape, AG_F64, AG_SHAPE(++h->calls), 0, 1); /* the random numbers are replayed */
    ag_tensor y = ag_square(x.at[0]), result = h->calls >= h->from ? misbehave(h, y) : y;
    h->last = y;
    return result;
}

static void functions_that_misbehave_get_a_verdict(void **state)
{
    static const struct {
        ag_verdict v;
        const char *text;
    } expected[DEEDS] = {
        [STALE] = { AG_FAIL, "stale" },
        [INERT] = { AG_FAIL, "no usable tensor" },
        [INTEGER] = { AG_FAIL, "the size or dtype" },
        [SINGLE] = { AG_FAIL, "the size or dtype" },
        [SHORTER] = { AG_FAIL, "the size or dtype" },
        [LONGER] = { AG_FAIL, "the size or dtype" },
        [OTHER] = { AG_FAIL, "the size or dtype" },
        [EMPTY] = { AG_FAIL, "the size or dtype" },
        [BACKWARD] = { AG_FAIL, "AG_EUSE: ag_backward" },
        [RESET] = { AG_FAIL, "AG_EUSE: ag_tape_reset" },
        [REWIND] = { AG_FAIL, "AG_EUSE: ag_tape_rewind" },
        [FAILS] = { AG_FAIL, "it had enough" },
        [POPS] = { AG_FAIL, "ag_error_pop" },
        [PUSHES] = { AG_FAIL, "ag_error_push" },
        [SCOPES] = { AG_PASS, "" },
        [NO_GRAD] = { AG_FAIL, "" },
        [GRAD_ENDS] = { AG_FAIL, "ag_no_grad_end" },
        [FORGIVES] = { AG_PASS, "" },
    };
    ag_tape *t = *state;
    ag_mark mark = ag_tape_mark(t);
    ag_tensor x = AG_VALUES(t, AG_SHAPE(3), 1.1, 2.2, 3.3);
    for (int what = 0; what < DEEDS; what++)
        for (int from = 2; from < (what == NO_GRAD ? 3 : 80); from += from < 8 ? 1 : 17) {
            hostile h = { .what = (deed)what, .from = from, .mark = mark };
            expect(f, &h, AG_LIST(x), expected[what].v, expected[what].text);
        }
    VALUES(x, AG_SHAPE(3), 1.1, 2.2, 3.3);
}

static void a_caller_s_error_survives_a_function_that_pops_it(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(3), 1, 2, 3);
    ag_fail(t, AG_EFILE, "the caller's");
    for (int what = POPS; what <= PUSHES; what++) {
        hostile h = { .what = (deed)what, .from = 3 };
        assert_int_equal(ag_gradcheck(f, &h, AG_LIST(x), NULL), AG_FAIL);
        assert_int_equal(ag_error(t), AG_EFILE);
        assert_string_equal(ag_error_text(t), "the caller's");
        assert_int_equal(ag_error_pop(t), AG_EUSE); /* there is nothing to pop */
        assert_string_equal(ag_error_text(t), "the caller's");
    }
    ag_error_clear(t);
}

/* ---- lists */

static ag_tensor all_squared(ag_list x, void *user)
{
    ag_tensor sum = ag_constant(x.at[0].tape, 0);
    for (size_t i = 0; i < x.count; i++)
        if (ag_size_of(x.at[i]))
            sum = ag_add(sum, ag_sum(ag_square(ag_sin(x.at[i]))));
    return user ? ag_mul(sum, *(ag_tensor *)user) : sum;
}

static ag_tensor wrong(ag_list x, void *user)
{
    (void)user;
    return ag_sum(ag_detach(x.at[x.count - 1]));
}

static void any_list_can_be_checked(void **state)
{
    ag_tape *t = *state;
    ag_tensor x = AG_VALUES(t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), empty = ag_zeros(t, AG_F64, AG_SHAPE(2, 0, 3));
    ag_tensor deep = ag_rand(t, AG_F64, AG_SHAPE(1, 2, 1, 2, 1, 1, 2, 1), -1, 1), p = ag_param(x, "p");
    ag_tensor wide = ag_expand(ag_constant(t, 1.5), AG_SHAPE(2, 3)), nothing = ag_param(empty, "nothing");
    expect(all_squared, NULL, AG_LIST(x, x), AG_PASS, "");
    expect(all_squared, NULL, AG_LIST(p, p, ag_transpose(p, 0, 1)), AG_PASS, "");
    expect(all_squared, NULL, AG_LIST(x, ag_transpose(x, 0, 1), ag_slice(x, 1, 0, 3, 2), wide), AG_PASS, "");
    expect(all_squared, NULL, AG_LIST(empty, deep), AG_PASS, "");
    expect(all_squared, NULL, AG_LIST(nothing, p, nothing), AG_PASS, "");
    expect(wrong, NULL, AG_LIST(empty, x), AG_FAIL,
           "no gradient by x1: the derivative of y by x1[0, 0] = 1: analytic 0, numeric 1 ");
    expect(wrong, NULL, AG_LIST(nothing, p), AG_FAIL, "by p[0, 0]");
    expect(wrong, NULL, AG_LIST(empty, deep), AG_FAIL, "[0, 0, 0, 0, 0, 0, 0, 0]");
    expect(all_squared, NULL, AG_LIST(empty), AG_INCONCLUSIVE, "nothing to check");
    expect(all_squared, NULL, AG_LIST(nothing, empty), AG_INCONCLUSIVE, "nothing to check");
    ag_check_report r;
    ag_check_options along = { .directions = 2 };
    assert_int_equal(ag_gradcheck_with(wrong, NULL, AG_LIST(empty, x), along, &r), AG_FAIL);
    assert_int_equal(ag_gradcheck_with(wrong, NULL, AG_LIST(nothing, p), along, &r), AG_FAIL);
}

/* ---- points and steps */

static ag_tensor apply(ag_list x, void *user)
{
    ag_tensor (*g)(ag_tensor);
    memcpy(&g, user, sizeof g);
    return g(x.at[0]);
}

static void points_without_a_neighbourhood_are_inconclusive(void **state)
{
    ag_tape *t = *state;
    const double at[] = { INFINITY, -INFINITY, NAN };
    ag_tensor (*functions[])(ag_tensor) = { ag_tanh, ag_exp, ag_square, ag_sigmoid, ag_sign, ag_relu };
    for (size_t i = 0; i < ARRAY_SIZE(at); i++)
        for (size_t k = 0; k < ARRAY_SIZE(functions); k++) {
            ag_tensor x = AG_VALUES(t, AG_SHAPE(2), 0.5, at[i]);
            expect(apply, &functions[k], AG_LIST(x), AG_INCONCLUSIVE, "");
            expect(apply, &functions[k], AG_LIST(ag_param(x, "p")), AG_INCONCLUSIVE, "");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(functions_that_misbehave_get_a_verdict),
        TEST(a_caller_s_error_survives_a_function_that_pops_it),
        TEST(any_list_can_be_checked),
        TEST(points_without_a_neighbourhood_are_inconclusive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
