/* Every op while memory runs out, at whichever place: forward, in a pass, in one that records, and in a pass through
 * that: it fails with AG_ENOMEM, and the same tape then computes what it would have. */
#include "memory.h"
#include "ops_tested.h"

enum { NUMBERS = 2048 };

typedef struct numbers {
    double at[NUMBERS];
    size_t count;
} numbers;

static void put(numbers *n, ag_tensor x)
{
    const int64_t size = ag_size_of(x);
    for (int64_t i = 0; i < size && n->count < NUMBERS; i++)
        n->at[n->count++] = ag_item_at(x, i);
}

static void put_gradients(numbers *n, ag_tensor y, ag_list wanted)
{
    ag_tensor dx[MOST_INPUTS], ddx[MOST_INPUTS], sum = ag_sum(ag_mul(y, y));
    if (!ag_needs_grad(sum) || ag_backward(sum))
        return;
    for (size_t i = 0; i < wanted.count; i++)
        put(n, ag_grad(wanted.at[i]));
    if (ag_gradients(sum, wanted, AG_CREATE_GRAPH, dx))
        return;
    ag_tensor second = ag_constant(y.tape, 0);
    for (size_t i = 0; i < wanted.count; i++)
        second = ag_add(second, ag_sum(ag_square(dx[i])));
    if (!ag_needs_grad(second) || ag_gradients(second, wanted, 0, ddx))
        return;
    for (size_t i = 0; i < wanted.count; i++)
        put(n, ddx[i]);
}

static void work(ag_tape *t, const example *e, numbers *n)
{
    ag_tensor x[MOST_INPUTS], y[MOST_RESULTS], wanted[MOST_INPUTS];
    size_t count = 0;
    n->count = 0;
    for (int i = 0; i < e->inputs; i++) {
        x[i] = tensor_of(t, &e->x[i], e->x[i].dtype);
        if (e->x[i].v && e->x[i].dtype == AG_F64)
            wanted[count++] = x[i];
    }
    op_called(e->op)->call(&(arguments){ x, (size_t)e->inputs, e->p, e->parameters, e->text }, y);
    for (int i = 0; i < e->results; i++)
        put(n, y[i]);
    if (count && e->adjoints)
        put_gradients(n, y[0], (ag_list){ wanted, count });
}

static ag_tape *tape_on(memory *m)
{
    *m = (memory){ 0 };
    return ag_tape_new((ag_options){ .threads = 2,
                                     .seed = 5,
                                     .on_error = ag_quiet,
                                     .allocator = allocator_of(m),
                                     .memory_limit = (uint64_t)1 << 40 });
}

/* With room for so many blocks of 64 bytes; returns whether that was enough. */
static bool is_enough(const example *e, bool pool, size_t blocks, const numbers *expected)
{
    static numbers again;
    memory m;
    ag_tape *t = tape_on(&m);
    leave_room(&m, t, pool, blocks);
    work(t, e, &again);
    const bool failed = ag_error(t) != AG_OK;
    if (failed && ag_error(t) != AG_ENOMEM)
        fail_msg("ag_%s: %s", e->op, ag_error_text(t));
    m.limit = 0;
    ag_error_clear(t);
    assert_int_equal(ag_tape_reset(t), AG_OK);
    work(t, e, &again);
    expect_fine(t);
    if (again.count != expected->count || memcmp(again.at, expected->at, again.count * sizeof *again.at))
        fail_msg("ag_%s: other numbers after memory had failed", e->op);
    ag_tape_free(t);
    assert_int_equal(m.bytes, 0);
    return !failed;
}

static void memory_that_fails(void **state)
{
    static numbers expected;
    const called_op *op = *state;
    const example *e = first_case_of(all, op->name);
    memory m;
    if (!e)
        return; /* test_pytorch.c asks for a case of each */
    ag_tape *t = tape_on(&m);
    work(t, e, &expected);
    expect_fine(t);
    ag_tape_free(t);
    for (int pool = 0; pool < 2; pool++)
        for (size_t blocks = 0; !is_enough(e, pool, blocks, &expected);) {
            blocks = more_room(blocks);
            assert_true(blocks < 30000);
        }
}

int main(int argc, char **argv)
{
    return test_called_ops("memory that fails in ops", memory_that_fails, argc, argv);
}
