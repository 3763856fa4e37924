/* Every function of ag/ops.h with every operand that it should not get, beside what its first case in tests/fixtures
 * gives it. */
#include "misuse.h"
#include "ops_tested.h"

typedef struct tried { /* a function, and its operands */
    const called_op *op;
    const example *e;
    ag_tensor x[MOST_INPUTS];
    const char *name; /* what a complaint must contain: the function's own, or, where it calls others, one of theirs */
} tried;

static ag_tensor call(const tried *f)
{
    ag_tensor y[MOST_RESULTS];
    const arguments a = { f->x, (size_t)f->e->inputs, f->e->p, f->e->parameters, f->e->text };
    f->op->call(&a, y);
    for (size_t i = 1; i < f->op->results; i++)
        assert_int_equal(!y[0].id, !y[i].id);
    return y[0];
}

static const char *name_of(const called_op *op)
{
    static char name[64];
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ops[i]->name, op->name)) {
            snprintf(name, sizeof name, "ag_%s", op->name);
            return name;
        }
    return "ag_";
}

static tried fitting(ag_tape *t, int op)
{
    tried f = { .op = &called_ops[op], .name = name_of(&called_ops[op]) };
    f.e = first_case_of(all, f.op->name);
    for (int i = 0; f.e && i < f.e->inputs; i++)
        f.x[i] = tensor_of(t, &f.e->x[i], f.e->x[i].dtype);
    return f;
}

static void handles_at(bench *b, tried *f, int k)
{
    const ag_tensor keep = f->x[k];
    f->x[k] = b->stale;
    expect_inert(b->t, call(f), AG_ESTALE, f->name);
    f->x[k] = b->released;
    expect_inert(b->t, call(f), AG_ESTALE, f->name);
    f->x[k] = inert(b->t);
    assert_true(is_inert(call(f), b->t));
    expect_fine(b->t);
    f->x[k] = absent;
    if (f->e->inputs == 1)
        assert_true(is_inert(call(f), NULL));
    else if (!ag_ok(call(f))) /* it is not optional */
        expect_inert(b->t, inert(b->t), AG_ENULL, f->name);
    f->x[k] = b->foreign;
    if (f->e->inputs > 1) /* the error is that of the first one's tape */
        expect_inert(k ? b->t : b->other, call(f), AG_EUSE, f->name);
    f->x[k] = keep;
}

static void handles(int op)
{
    bench b = new_bench();
    tried f = fitting(b.t, op);
    if (!ag_ok(call(&f)))
        fail_msg("ag_%s: %s", f.op->name, ag_error_text(b.t));
    expect_fine(b.t);
    for (int k = 0; k < f.e->inputs; k++)
        if (f.x[k].tape)
            handles_at(&b, &f, k);
    free_bench(&b);
}

static void check_gradient(bench *b, const tried *f, ag_tensor y, ag_tensor x, int flags)
{
    ag_tensor g;
    ag_status s = ag_gradients(ag_sum(y), AG_LIST(x), flags, &g);
    if ((s == AG_ENOMEM || s == AG_ELIMIT) && ag_size_of(x) == 0) {
        ag_error_clear(b->t); /* a sum over no elements of a giant is a giant */
        return;
    }
    if (ag_error(b->t))
        print_error("ag_%s: %s\n", f->op->name, ag_error_text(b->t));
    expect_fine(b->t);
    const ag_shape like = ag_shape_of(x);
    assert_int_equal(ag_shape_of(g).rank, like.rank);
    assert_memory_equal(ag_shape_of(g).dim, like.dim, (size_t)like.rank * sizeof *like.dim);
    assert_int_equal(ag_dtype_of(g), ag_dtype_of(x));
}

/* Everything is a value, or a clear error; and what is a value has a gradient, of the operand's shape. */
static void try_operands(bench *b, const tried *f)
{
    ag_tensor y = call(f);
    if (!ag_ok(y)) {
        expect_complaint(b->t, f->name);
        return;
    }
    expect_fine(b->t);
    assert_true(strlen(ag_show(y)) > 0);
    if (!ag_needs_grad(y) || ag_size_of(y) > 1000000)
        return;
    for (int k = 0; k < f->e->inputs; k++)
        for (int flags = 0; flags < 2 && ag_needs_grad(f->x[k]); flags++)
            check_gradient(b, f, y, f->x[k], flags);
}

static void try_all_places(bench *b, int op, ag_tensor bad)
{
    const int inputs = fitting(b->t, op).e->inputs;
    for (int places = 1; places < 1 << inputs; places++) {
        if (inputs > 3 && places & (places - 1) && places + 1 < 1 << inputs)
            continue; /* of many, one or all */
        tried f = fitting(b->t, op);
        for (int k = 0; k < inputs; k++)
            if (places >> k & 1)
                f.x[k] = bad;
        try_operands(b, &f);
    }
    check_bench(b);
}

static void shapes(int op)
{
    static const ag_shape shapes[] = {
        AG_DIMS(0),
        AG_DIMS(1),
        AG_DIMS(2),
        AG_DIMS(3),
        AG_DIMS(5),
        { 0, { 0 } },
        AG_DIMS(1, 1),
        AG_DIMS(3, 2),
        AG_DIMS(2, 1),
        AG_DIMS(0, 3),
        AG_DIMS(2, 0),
        AG_DIMS(0, 0),
        AG_DIMS(2, 0, 3),
        AG_DIMS(3, 2, 2),
        AG_DIMS(1, 1, 1, 1, 1, 1, 2, 3),
        AG_DIMS(1, 2, 1, 2, 1, 2, 1, 2),
        AG_DIMS(0, 1, 1, 1, 1, 1, 2, 3),
        AG_DIMS(1, 1, 1, 1, 1, 1, 1, 1),
    };
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        bench b = new_bench();
        for (int way = 0; way < 4; way++) {
            ag_tensor x = ag_full(b.t, way == 1 ? AG_F32 : AG_F64, shapes[s], 0.5);
            if (way == 2 && shapes[s].rank > 1)
                x = ag_transpose(x, 0, -1);
            try_all_places(&b, op, way == 3 ? ag_param(x, "x") : ag_require_grad(x));
        }
        free_bench(&b);
    }
}

/* No elements, but extents whose product overflows, or for which a loop would take for ever. */
static void empty_giants(int op)
{
    const int64_t g = (int64_t)1 << 40, h = (int64_t)1 << 62;
    const ag_shape shapes[] = { AG_DIMS(g, 0),         AG_DIMS(0, g),           AG_DIMS(g, g, 0),
                                AG_DIMS(0, g, g),      AG_DIMS(h, 0, h),        AG_DIMS(INT64_MAX, INT64_MAX, 0),
                                AG_DIMS(0, INT64_MAX), AG_DIMS(2, 0, INT64_MAX) };
    for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
        bench b = new_bench();
        ag_tensor x = ag_zeros(b.t, AG_F64, shapes[s]);
        if (ag_ok(x)) {
            try_all_places(&b, op, ag_require_grad(x));
            try_all_places(&b, op, ag_param(ag_zeros(b.t, AG_F32, shapes[s]), NULL));
            try_all_places(&b, op, ag_transpose(ag_require_grad(x), 0, -1));
            try_all_places(&b, op, ag_zeros(b.t, AG_I32, shapes[s]));
        } else {
            expect_complaint(b.t, "ag_zeros");
        }
        free_bench(&b);
    }
}

static void dtypes(int op)
{
    const ag_dtype all[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };
    for (size_t d = 0; d < ARRAY_SIZE(all); d++) {
        bench b = new_bench();
        const ag_tensor tries[] = {
            ag_full(b.t, all[d], AG_SHAPE(2, 3), 2), ag_full(b.t, all[d], AG_SCALAR, 2),
            ag_full(b.t, all[d], AG_SHAPE(3), 2),    ag_full(b.t, all[d], AG_SHAPE(2), 200),
            ag_full(b.t, all[d], AG_SHAPE(2), -1),   ag_expand(ag_full(b.t, all[d], AG_SHAPE(3), 1), AG_SHAPE(2, 3))
        };
        for (size_t i = 0; i < ARRAY_SIZE(tries); i++)
            try_all_places(&b, op, tries[i]);
        free_bench(&b);
    }
}

/* Numbers that are none pass through, with gradients. */
static void numbers(int op)
{
    const double all[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, -0.0, 0 };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        bench b = new_bench();
        for (int way = 0; way < 6; way++) {
            ag_dtype d = way % 2 ? AG_F32 : AG_F64;
            ag_shape s = way < 2 ? AG_SCALAR : way < 4 ? AG_SHAPE(2, 3) : AG_SHAPE(3);
            try_all_places(&b, op, ag_require_grad(ag_full(b.t, d, s, all[i])));
        }
        free_bench(&b);
    }
}

static void misused(void **state)
{
    const called_op *of = *state;
    const int op = (int)(of - called_ops);
    if (!first_case_of(all, of->name))
        return; /* test_pytorch.c asks for a case of each */
    handles(op);
    shapes(op);
    empty_giants(op);
    dtypes(op);
    numbers(op);
}

int main(int argc, char **argv)
{
    return test_called_ops("misuse of ops", misused, argc, argv);
}
