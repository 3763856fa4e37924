/* Marks and rewinds: what is before a mark survives, what is after it is gone, and nothing is confused. */
#include "ag/record/record.h"
#include "support.h"

static void what_is_before_a_mark_survives(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(ag_variable(t, 3), "x"), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2));
    ag_tensor p = ag_param(v, "p"), y = ag_mul(ag_square(x), p);
    for (int round = 0; round < 50; round++) {
        ag_mark mark = ag_tape_mark(t);
        ag_tensor z = ag_sum(ag_mul(y, v)), w = ag_full(t, AG_F64, AG_SHAPE(100), round);
        assert_item(z, 9 * 1 + 18 * 2);
        assert_int_equal(ag_backward(z), AG_OK);
        assert_int_equal(ag_tape_rewind(t, mark), AG_OK);
        assert_false(ag_ok(z) || ag_ok(w));
        ag_tensor filler = ag_full(t, AG_F64, AG_SHAPE(64), -1); /* lies where z and w lay */
        assert_true(ag_ok(filler));
        assert_true(isnan(ag_item(z)));
        expect_error(t, AG_ESTALE, "ag_item");
        assert_values(v, 1, 2);
        assert_values(y, 9, 18);
        assert_string_equal(ag_name_of(x), "x");
        assert_item(ag_grad(x), (round + 1) * 6 * (1 * 1 + 2 * 2));
        assert_values(ag_grad(v), (round + 1) * 9, (round + 1) * 18);
        assert_values(ag_grad(p), (round + 1) * 9, (round + 1) * 18);
        assert_int_equal(ag_tape_rewind(t, mark), AG_OK);
    }
    ag_tape_free(t);
}

/* A name given after the mark to a tensor made before it. */
static void names_survive_a_rewind(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 3);
    ag_mark mark = ag_tape_mark(t);
    ag_name(x, "late");
    ag_tape_rewind(t, mark);
    for (int i = 0; i < 20; i++)
        ag_full(t, AG_F64, AG_SHAPE(8), 7);
    assert_true(!strcmp(ag_name_of(x), "late") || !strcmp(ag_name_of(x), ""));
    ag_tape_free(t);
}

static void marks_nest(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor a = ag_variable(t, 1);
    ag_mark outer = ag_tape_mark(t);
    ag_tensor b = ag_exp(a);
    ag_mark inner = ag_tape_mark(t);
    ag_tensor c = ag_zeros(t, AG_F64, AG_SHAPE(5));
    assert_int_equal(ag_tape_rewind(t, inner), AG_OK);
    assert_true(ag_ok(a) && ag_ok(b) && !ag_ok(c));
    ag_tensor d = ag_ones(t, AG_F64, AG_SHAPE(5));
    assert_false(ag_ok(c));
    assert_int_equal(ag_tape_rewind(t, inner), AG_OK); /* the same mark again */
    assert_true(ag_ok(a) && ag_ok(b) && !ag_ok(d));
    assert_int_equal(ag_tape_rewind(t, outer), AG_OK);
    assert_true(ag_ok(a) && !ag_ok(b));
    ag_tensor e = ag_sin(a), f = ag_cos(a); /* as many nodes as the inner mark had before it */
    assert_int_equal(ag_tape_rewind(t, inner), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_tape_rewind");
    assert_true(ag_ok(e) && ag_ok(f));
    assert_int_equal(ag_tape_rewind(t, outer), AG_OK);
    assert_false(ag_ok(e) || ag_ok(f));
    ag_tape_reset(t);
    assert_int_equal(ag_tape_rewind(t, outer), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_tape_rewind");
    ag_variable(t, 1);
    ag_variable(t, 1);
    assert_int_equal(ag_tape_rewind(t, outer), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_tape_rewind");
    ag_tape_free(t);
}

static void marks_of_an_empty_tape(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_mark first = ag_tape_mark(t);
    ag_tensor x = ag_variable(t, 1);
    assert_int_equal(ag_tape_rewind(t, first), AG_OK);
    assert_false(ag_ok(x));
    assert_int_equal(ag_tape_nodes(t), 0);
    assert_int_equal(ag_tape_rewind(t, first), AG_OK);
    ag_tape_reset(t);
    assert_int_equal(ag_tape_rewind(t, first), AG_ESTALE);
    expect_error(t, AG_ESTALE, "ag_tape_rewind");
    ag_tape_free(t);
}

/* Nonsense, and marks of another tape whose memory is larger, do no harm. */
static void marks_that_are_none(void **state)
{
    (void)state;
    ag_tape *t = new_tape(), *other = new_tape();
    for (int i = 0; i < 5; i++)
        ag_zeros(other, AG_F64, AG_SHAPE(1 << (14 + i)));
    ag_mark foreign = ag_tape_mark(other);
    for (int i = 0; i < 10; i++)
        ag_variable(t, i);
    ag_tape_rewind(t, foreign);
    ag_error_clear(t);
    assert_usable(t);
    const ag_mark bad[] = {
        { 0, 0, 0 }, { 0, UINT32_MAX, 1 }, { UINT64_MAX, 3, 1 }, { UINT64_MAX, 1, 1 }, { 0, 2, 77 }
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ag_tape_rewind(t, bad[i]);
        ag_error_clear(t);
        assert_usable(t);
    }
    ag_tape_free(t);
    ag_tape_free(other);
}

/* A tensor written after a mark is not taken for written in what is recorded after the rewind. */
static void writes_before_a_rewind_are_past(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), x = AG_VALUES(t, AG_SHAPE(2), 3, 4);
    ag_tensor before = ag_sum(ag_mul(v, x));
    ag_mark mark = ag_tape_mark(t);
    for (int i = 0; i < 20; i++)
        ag_variable(t, i);
    ((double *)ag_write(x, AG_F64))[0] = 5;
    ag_tape_rewind(t, mark);
    assert_int_equal(ag_backward(ag_sum(ag_mul(v, x))), AG_OK);
    assert_values(ag_grad(v), 5, 4);
    assert_int_equal(ag_backward(before), AG_EUSE); /* this one did see the old value */
    expect_error(t, AG_EUSE, "ag_mul");
    assert_values(ag_grad(v), 5, 4);
    ag_tape_free(t);
}

/* A loop of marks, passes and rewinds needs no more memory than its first rounds did. */
static void rewinding_loops_keep_their_memory(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_randn(t, AG_F64, AG_SHAPE(50), 0, 1), p = ag_param(x, "p");
    uint64_t memory = 0;
    for (int round = 0; round < 2000; round++) {
        ag_mark mark = ag_tape_mark(t);
        ag_tensor leaf = ag_require_grad(x), mid = ag_mul(ag_exp(leaf), p);
        ag_retain_grad(mid);
        assert_int_equal(ag_backward(ag_sum(mid)), AG_OK);
        assert_close(ag_item_at(ag_grad(mid), 3), 1, 0);
        ag_tape_rewind(t, mark);
        if (round == 10)
            memory = ag_tape_memory(t);
    }
    assert_int_equal(ag_tape_memory(t), memory);
    ag_tape_free(t);
}

/* A rewind for which there is no memory removes nothing. */
static void rewinds_without_memory(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    int failures = 0;
    for (int i = 0; i < 1000; i++) {
        ag_variable(t, i);
        ag_mark mark = ag_tape_mark(t);
        ag_tensor x = ag_variable(t, i);
        const uint64_t limit = t->options.memory_limit;
        t->options.memory_limit = t->memory;
        ag_status s = ag_tape_rewind(t, mark);
        t->options.memory_limit = limit;
        if (s) {
            failures++;
            expect_error(t, AG_ENOMEM, "");
            assert_item(x, i);
            assert_int_equal(ag_tape_rewind(t, mark), AG_OK);
        }
        ag_tensor y = ag_variable(t, -i);
        assert_false(ag_ok(x));
        assert_item(y, -i);
    }
    assert_true(failures > 2);
    ag_tape_free(t);
}

/* A reset needs no memory, whatever lies on the tape. */
static void resets_without_memory(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p");
    for (int i = 0; i < 300; i++) { /* marks, so that there are many segments */
        ag_tensor x = ag_mul_scalar(p, i);
        ag_mark mark = ag_tape_mark(t);
        ag_exp(x);
        assert_int_equal(ag_tape_rewind(t, mark), AG_OK);
        if (i % 7)
            continue;
        const uint64_t limit = t->options.memory_limit;
        t->options.memory_limit = t->memory;
        assert_int_equal(ag_tape_reset(t), AG_OK);
        t->options.memory_limit = limit;
        assert_false(ag_ok(x));
        assert_usable(t);
    }
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_before_a_mark_survives),
        cmocka_unit_test(names_survive_a_rewind),
        cmocka_unit_test(marks_nest),
        cmocka_unit_test(marks_of_an_empty_tape),
        cmocka_unit_test(marks_that_are_none),
        cmocka_unit_test(writes_before_a_rewind_are_past),
        cmocka_unit_test(rewinding_loops_keep_their_memory),
        cmocka_unit_test(rewinds_without_memory),
        cmocka_unit_test(resets_without_memory),
    };
    return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
