/* One thing makes a step another one than those before, which would be repeated: it is found out. */
#include "support.h"

enum { STEPS = 10, ODD = 7, RESULTS = STEPS * 40 };

typedef struct side {
    ag_tape *t;
    ag_tensor w, s, m; /* [4,4], a number, [4,4] that wants no gradient */
    double out[RESULTS];
    int results;
} side;

typedef ag_tensor differing(side *d, bool odd); /* what is summed */

static ag_tensor by_op(side *d, bool odd)
{
    return odd ? ag_erf(d->w) : ag_tanh(d->w);
}
static ag_tensor by_parameter(side *d, bool odd)
{
    return ag_softmax(d->w, odd ? 0 : 1);
}
static ag_tensor by_constant(side *d, bool odd)
{
    return ag_mul_scalar(ag_mul(d->w, d->w), odd ? 0.5 : 1);
}
static ag_tensor by_operand(side *d, bool odd)
{
    return ag_mul(ag_tanh(d->w), odd ? d->m : d->w);
}
static ag_tensor by_shape(side *d, bool odd)
{
    const ag_tensor ones = ag_full(d->t, AG_F32, odd ? AG_SHAPE(6, 2) : AG_SHAPE(2, 6), 1);
    return ag_square(ag_sum_over(ag_mul(ag_mul(ones, d->s), ones), AG_AXES(0), 0));
}
static ag_tensor by_rows(side *d, bool odd)
{
    const int64_t rows = odd ? 3 : 1;
    return ag_concat(AG_LIST(ag_slice(d->w, 0, 0, rows, 1), ag_slice(ag_exp(d->w), 0, rows, 4, 1)), 0);
}
static ag_tensor by_what_has_arrived(side *d, bool odd)
{
    if (!odd)
        ag_zero_grad(d->w);
    return ag_exp(d->w);
}
static ag_tensor by_a_write(side *d, bool odd)
{
    const ag_tensor y = ag_add(ag_mul(d->w, d->s), d->w);
    if (odd)
        ag_assign(d->w, ag_mul_scalar(d->w, 0.5));
    return ag_add(y, ag_tanh(d->w));
}
static ag_tensor by_a_forbidden_write(side *d, bool odd)
{
    const ag_tensor y = ag_square(d->w);
    if (odd)
        ag_assign(d->w, ag_mul_scalar(d->w, 0.5));
    return y;
}
static ag_tensor by_infinity(side *d, bool odd)
{
    return ag_mul(ag_sqrt(ag_relu(ag_mul_scalar(d->s, odd ? -1 : 1))), d->m);
}
static ag_tensor by_no_grad(side *d, bool odd)
{
    if (odd)
        ag_no_grad_begin(d->t);
    const ag_tensor y = ag_tanh(d->w);
    if (odd)
        ag_no_grad_end(d->t);
    return ag_mul(y, d->w);
}
static ag_tensor by_a_gradient_that_is_kept(side *d, bool odd)
{
    const ag_tensor y = ag_tanh(d->w);
    if (odd)
        ag_retain_grad(y);
    return ag_exp(y);
}
static ag_tensor by_a_new_tensor(side *d, bool odd)
{
    if (odd) {
        ag_release(d->m);
        d->m = ag_buffer(ag_full(d->t, AG_F32, AG_SHAPE(4, 4), 2), NULL);
    }
    return ag_matmul(d->w, d->m);
}

static void put(side *d, ag_tensor x)
{
    double v[16];
    const int64_t n = ag_size_of(x);
    if (ag_ok(x) && n <= 16 && !ag_copy_out(x, AG_F64, v, (size_t)n * sizeof *v))
        for (int64_t i = 0; i < n; i++)
            d->out[d->results++] = v[i];
    ag_error_clear(d->t);
}

static side play(differing *f, int repeat)
{
    side d = { .t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1, .seed = 3, .repeat = repeat }) };
    d.w = ag_param(ag_randn(d.t, AG_FLOAT, AG_SHAPE(4, 4), 0, 1), NULL);
    d.s = ag_param(ag_full(d.t, AG_F64, AG_SCALAR, 0.75), NULL);
    d.m = ag_buffer(ag_randn(d.t, AG_FLOAT, AG_SHAPE(4, 4), 0, 1), NULL);
    ag_tape_reset(d.t);
    for (int i = 0; i < STEPS; i++) {
        const ag_tensor loss = ag_sum(f(&d, i == ODD || i == ODD + 2));
        d.out[d.results++] = ag_backward(loss);
        put(&d, loss);
        put(&d, ag_grad(d.w));
        put(&d, ag_grad(d.s));
        if (f != by_what_has_arrived)
            ag_zero_grad(d.w);
        ag_zero_grad(d.s);
        ag_error_clear(d.t);
        ag_tape_reset(d.t);
    }
    return d;
}

static void whatever_makes_a_step_another_one_is_found_out(void **state)
{
    (void)state;
    static differing *const all[] = { by_op,
                                      by_parameter,
                                      by_constant,
                                      by_operand,
                                      by_shape,
                                      by_rows,
                                      by_what_has_arrived,
                                      by_a_write,
                                      by_a_forbidden_write,
                                      by_infinity,
                                      by_no_grad,
                                      by_a_gradient_that_is_kept,
                                      by_a_new_tensor };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        side plain = play(all[i], AG_REPEAT_OFF), again = play(all[i], 0);
        const uint64_t repeated = ag_tape_stats(again.t).repeated;
        const bool same =
            plain.results == again.results && !memcmp(plain.out, again.out, (size_t)plain.results * sizeof *plain.out);
        if (!same || !repeated)
            print_error("case %zu: %s, %d passes repeated\n", i, same ? "the same" : "other results", (int)repeated);
        assert_true(same && repeated > 0);
        ag_tape_free(plain.t);
        ag_tape_free(again.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_makes_a_step_another_one_is_found_out) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
