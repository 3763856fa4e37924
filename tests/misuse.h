/* What the tests of misuse share: a tape with something to lose, and what an error must be like. */
#ifndef TESTS_MISUSE_H
#define TESTS_MISUSE_H

#include "support.h"

typedef struct bench {
    ag_tape *t, *other;
    ag_tensor p, foreign, stale, released; /* p: a parameter with values 1, 2, 3 and gradient 2, 4, 6 */
} bench;

static UNUSED bench new_bench(void)
{
    bench b = { .t = new_tape(), .other = new_tape() };
    b.p = ag_param(AG_VALUES(b.t, AG_SHAPE(3), 1, 2, 3), "p");
    b.released = ag_param(AG_VALUES(b.t, AG_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), "released");
    ag_release(b.released);
    assert_int_equal(ag_backward(ag_sum(ag_square(b.p))), AG_OK);
    ag_tape_reset(b.t);
    b.foreign = ag_ones(b.other, AG_F64, AG_SHAPE(2, 3));
    b.stale = stale_tensor(b.t);
    return b;
}

/* Nothing is lost, whatever was tried. */
static UNUSED void check_bench(const bench *b)
{
    expect_fine(b->t);
    expect_fine(b->other);
    assert_values(b->p, 1, 2, 3);
    assert_values(ag_grad(b->p), 2, 4, 6);
    assert_usable(b->t);
}

static UNUSED void free_bench(bench *b)
{
    check_bench(b);
    assert_int_equal(ag_tape_reset(b->t), AG_OK);
    check_bench(b);
    ag_tape_free(b->t);
    ag_tape_free(b->other);
}

/* There is an error, it says something, and it names the function; no memory is told by whoever finds it out. Clears
 * it. */
#define expect_complaint(t, function) check_complaint(t, function, __FILE__, __LINE__)
static UNUSED void check_complaint(ag_tape *t, const char *function, const char *file, int line)
{
    ag_status s = ag_error(t);
    const char *text = ag_error_text(t);
    bool memory = s == AG_ENOMEM || s == AG_ELIMIT;
    bool clear =
        s != AG_OK && s != AG_USE_RULE && strlen(text) > strlen(function) + 5 && (memory || strstr(text, function));
    if (!clear)
        print_error("%s:%d: %s: %s: '%s'\n", file, line, function, ag_status_name(s), text);
    _assert_true(clear, "a clear error", file, line);
    ag_error_clear(t);
}

/* The call failed with this status, as its tape says too. */
#define expect_refusal(t, call, status, function)                                            \
    do {                                                                                     \
        ag_status got_ = (call);                                                             \
        if (got_ != (status))                                                                \
            print_error("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, ag_status_name(got_)); \
        assert_int_equal(got_, status);                                                      \
        assert_int_equal(ag_error(t), status);                                               \
        expect_complaint(t, function);                                                       \
    } while (0)

/* The call gave an inert tensor and an error. */
#define expect_inert(t, call, status, function)                                                        \
    do {                                                                                               \
        ag_tensor got_ = (call);                                                                       \
        if (!is_inert(got_, t) || ag_error(t) != (status))                                             \
            print_error("%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, ag_status_name(ag_error(t)), \
                        ag_error_text(t));                                                             \
        assert_true(is_inert(got_, t));                                                                \
        assert_int_equal(ag_error(t), status);                                                         \
        expect_complaint(t, function);                                                                 \
    } while (0)

static const int bad_axes[] UNUSED = { 2, -3, 8, 100, -100, INT32_MAX, INT32_MIN }; /* of a tensor of rank 2 */

/* Shapes that are none, or too large for any machine. */
static const ag_shape bad_shapes[] UNUSED = {
    { -1, { 0 } },
    { 9, { 1, 1, 1, 1, 1, 1, 1, 1 } },
    { INT32_MAX, { 1 } },
    { INT32_MIN, { 1 } },
    { 1, { -5 } },
    { 2, { 3, INT64_MIN } },
    { 2, { -1, -1 } },
    { 1, { INT64_MAX } },
    { 1, { (int64_t)1 << 62 } },
    { 2, { (int64_t)1 << 31, (int64_t)1 << 31 } },
    { 3, { (int64_t)1 << 31, (int64_t)1 << 31, (int64_t)1 << 31 } },
    { 8, { 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30 } },
    { 2, { -1, 0 } },
};

#endif
