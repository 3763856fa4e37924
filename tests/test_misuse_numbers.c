/* Every function of ag/ops.h with numbers that it should not get, in place of those that the cases of tests/fixtures give
 * it: one at a time and two at once, with operands that are there and such as are gone. */
#include "memory.h"
#include "ops_tested.h"

enum { CASES = 6 }; /* of a function */

static const double odd[] = { -0x1p63, -1e9, -3,        -1,        -0.5,   0,   1,     2,
                              7,       1e5,  INT32_MAX, INT32_MIN, 0x1p63, NAN, -1e-9, 1e308 };
static const double worst[] = { -0x1p63, INT32_MIN, -1, 0, INT32_MAX, 0x1p63 };

typedef struct attempt {
    memory m;
    ag_tape *t;
    const called_op *op;
    const example *e;
    double p[MOST_PARAMETERS];
} attempt;

static bool is_complaint(ag_tape *t)
{
    const ag_status s = ag_error(t);
    return s == AG_ENOMEM || s == AG_ELIMIT || (s && strstr(ag_error_text(t), "ag_"));
}

static void look_at(const attempt *a, ag_tensor y, ag_tensor x)
{
    ag_tensor g;
    if (ag_size_of(y) > 100000)
        return;
    assert_true(strlen(ag_show(y)) > 0);
    for (int flags = 0; flags < 2 && ag_needs_grad(y) && ag_needs_grad(x); flags++) {
        if (ag_gradients(ag_sum(y), AG_LIST(x), flags, &g) && !is_complaint(a->t))
            fail_msg("ag_%s: %s", a->op->name, ag_error_text(a->t));
        ag_error_clear(a->t);
    }
}

static void attempt_call(attempt *a, bool gone)
{
    ag_tensor x[MOST_INPUTS], y[MOST_RESULTS] = { { 0 } };
    for (int i = 0; i < a->e->inputs; i++)
        x[i] = tensor_of(a->t, &a->e->x[i], a->e->x[i].dtype);
    if (a->e->inputs && ag_dtype_of(x[0]) == AG_F64)
        x[0] = ag_require_grad(x[0]);
    if (gone)
        ag_tape_reset(a->t);
    const arguments given = { x, (size_t)a->e->inputs, a->p, a->e->parameters, a->e->text };
    a->op->call(&given, y);
    const bool complained = ag_error(a->t) != AG_OK;
    if (complained && !is_complaint(a->t))
        fail_msg("ag_%s: an error that names no function: %s", a->op->name, ag_error_text(a->t));
    if (y[0].tape && !complained != (y[0].id != 0))
        fail_msg("ag_%s: %s", a->op->name, complained ? "a result beside an error" : "neither a result nor an error");
    if (!complained && y[0].tape && a->e->inputs)
        look_at(a, y[0], x[0]);
    ag_error_clear(a->t);
    ag_tape_reset(a->t);
}

static void attempt_both(attempt *a)
{
    attempt_call(a, false);
    if (a->e->inputs)
        attempt_call(a, true);
}

static void replace_one_and_two(attempt *a)
{
    const double *p = a->e->p;
    for (int k = 0; k < a->e->parameters; k++) {
        for (size_t v = 0; v < ARRAY_SIZE(odd); v++) {
            a->p[k] = odd[v];
            attempt_both(a);
        }
        for (int other = 0; other < k; other++)
            for (size_t v = 0; v < ARRAY_SIZE(worst) * ARRAY_SIZE(worst); v++) {
                a->p[k] = worst[v % ARRAY_SIZE(worst)];
                a->p[other] = worst[v / ARRAY_SIZE(worst)];
                attempt_call(a, false);
                a->p[other] = p[other];
            }
        a->p[k] = p[k];
    }
}

static void odd_numbers(void **state)
{
    attempt a = { .op = *state, .m.limit = 1 << 23 };
    a.t = ag_tape_new((ag_options){
        .allocator = allocator_of(&a.m), .on_error = ag_quiet, .memory_limit = 1 << 24, .dtype = AG_F64 });
    int tried = 0;
    for (int i = 0; i < all->count && tried < CASES; i++) {
        if (strcmp(all->at[i].op, a.op->name))
            continue;
        a.e = &all->at[i];
        memcpy(a.p, a.e->p, sizeof a.p);
        replace_one_and_two(&a);
        tried++;
    }
    ag_tape_free(a.t);
    assert_int_equal(a.m.bytes, 0);
}

int main(int argc, char **argv)
{
    return test_called_ops("odd numbers for ops", odd_numbers, argc, argv);
}
