/* The ops against PyTorch: values, gradients and gradients of gradients from tests/fixtures, a test per function of
 * ag/ops.h. Each case is played on dense and on strided inputs and in f32, gradients by a plain pass and by one that
 * records. */
#include "ops_tested.h"
#include "values.h"

typedef enum manner { DENSE, STRIDED, SINGLE } manner;

typedef struct play { /* of a case */
    const example *e;
    int number;
    manner how;
    ag_tape *t;
    ag_tensor x[MOST_INPUTS], y[MOST_RESULTS], wanted[MOST_INPUTS + 1];
    int count; /* of those wanted */
} play;

/* ---- comparing */

/* In f64: relative to the element, and to the largest one for what was summed; in f32 to the largest one. */
static double allowed(const play *p, double b, double largest)
{
    return p->how == SINGLE ? p->e->single * (1e-3 + largest) : 1e-10 * fabs(b) + 1e-12 * (1e-3 + largest);
}

static void expect_row(const play *p, const char *what, ag_tensor x, const row *r)
{
    static const char *const manners[] = { "", ", strided", ", in f32" };
    if (ag_error(p->t))
        fail_msg("%s, case %d%s, %s: %s", p->e->op, p->number, manners[p->how], what, ag_error_text(p->t));
    const ag_shape s = ag_shape_of(x);
    const bool floating = r->dtype == AG_F64;
    assert_int_equal(ag_dtype_of(x), p->how == SINGLE && floating && s.rank ? AG_F32 : ag_dtype_of(x));
    if (p->how != SINGLE)
        assert_int_equal(ag_dtype_of(x), r->dtype);
    assert_int_equal(s.rank, r->shape.rank);
    double largest = 0;
    for (int i = 0; i < s.rank; i++)
        assert_int_equal(s.dim[i], r->shape.dim[i]);
    for (int64_t i = 0; i < r->count; i++)
        largest = isfinite(r->v[i]) && fabs(r->v[i]) > largest ? fabs(r->v[i]) : largest;
    for (int64_t i = 0; i < r->count; i++) {
        const double a = ag_item_at(x, i), b = p->how == SINGLE && floating ? (double)(float)r->v[i] : r->v[i];
        if (!(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= allowed(p, b, largest)))
            fail_msg("%s, case %d%s, %s, element %lld: %.17g, PyTorch %.17g", p->e->op, p->number, manners[p->how],
                     what, (long long)i, a, b);
    }
}

/* ---- inputs */

static ag_dtype dtype_of(const play *p, const row *r)
{
    return p->how == SINGLE && r->dtype == AG_F64 ? AG_F32 : r->dtype;
}

/* The same elements, every other one of a larger tensor whose axes lie the other way round. */
static ag_tensor strided(ag_tape *t, ag_tensor x)
{
    const ag_shape s = ag_shape_of(x);
    ag_axes back = { .count = s.rank };
    if (!s.rank)
        return x;
    for (int i = 0; i < s.rank; i++)
        back.axis[i] = s.rank - 1 - i;
    ag_no_grad_begin(t);
    const ag_tensor wide = ag_embed(ag_permute(x, back), -1, 2 * s.dim[0] + 1, 1, 2),
                    y = ag_permute(ag_slice(wide, -1, 1, INT64_MAX, 2), back);
    ag_no_grad_end(t);
    return ag_dtype_of(x) == AG_F64 || ag_dtype_of(x) == AG_F32 ? ag_require_grad(y) : y;
}

static void begin(play *p)
{
    p->t = ag_tape_new((ag_options){ .on_error = ag_quiet });
    p->count = 0;
    for (int i = 0; i < p->e->inputs; i++) {
        const row *r = &p->e->x[i];
        p->x[i] = tensor_of(p->t, r, dtype_of(p, r));
        if (p->how == STRIDED && r->v)
            p->x[i] = strided(p->t, p->x[i]);
        if (r->v && r->dtype == AG_F64)
            p->wanted[p->count++] = p->x[i];
    }
    const example *e = p->e;
    op_called(e->op)->call(&(arguments){ p->x, (size_t)e->inputs, e->p, e->parameters, e->text }, p->y);
    for (int i = 0; i < e->results; i++)
        expect_row(p, "value", p->y[i], &e->y[i]);
}

/* ---- gradients */

static void check_first_order(play *p)
{
    const example *e = p->e;
    begin(p);
    if (e->adjoints) {
        assert_int_equal(p->count, e->gradients);
        ag_backward_from(p->y[0], ag_detach(tensor_of(p->t, &e->w, dtype_of(p, &e->w))));
        for (int i = 0; i < p->count; i++)
            expect_row(p, "gradient", ag_grad(p->wanted[i]), &e->dx[i]);
    }
    ag_tape_free(p->t);
}

static void check_second_order(play *p)
{
    const example *e = p->e;
    ag_tensor dx[MOST_INPUTS], ddx[MOST_INPUTS + 1];
    begin(p);
    const ag_tensor w = tensor_of(p->t, &e->w, dtype_of(p, &e->w));
    ag_tensor sum = ag_constant(p->t, 0);
    p->wanted[p->count] = w;
    ag_gradients(ag_sum(ag_mul(p->y[0], w)), (ag_list){ p->wanted, (size_t)p->count }, AG_CREATE_GRAPH, dx);
    for (int i = 0; i < p->count; i++) {
        expect_row(p, "gradient with a graph", dx[i], &e->dx[i]);
        if (e->vs)
            sum = ag_add(sum, ag_sum(ag_mul(dx[i], ag_detach(tensor_of(p->t, &e->v[i], dtype_of(p, &e->v[i]))))));
    }
    if (e->vs && ag_needs_grad(sum)) {
        assert_int_equal(p->count + 1, e->seconds);
        ag_gradients(sum, (ag_list){ p->wanted, (size_t)p->count + 1 }, 0, ddx);
        for (int i = 0; i <= p->count; i++)
            expect_row(p, i < p->count ? "second gradient" : "gradient by the adjoint", ddx[i], &e->ddx[i]);
    } else {
        for (int i = 0; i < e->seconds; i++)
            for (int64_t k = 0; k < e->ddx[i].count; k++)
                if (e->ddx[i].v[k])
                    fail_msg("%s, case %d: a gradient that should have one has none", e->op, p->number);
    }
    ag_tape_free(p->t);
}

static void equals_pytorch(void **state)
{
    const called_op *op = *state;
    int number = 0;
    for (int i = 0; i < all->count; i++) {
        const example *e = &all->at[i];
        if (strcmp(e->op, op->name))
            continue;
        number++;
        if ((size_t)e->results != op->results)
            fail_msg("%s, case %d has %d results, the function %zu", e->op, number, e->results, op->results);
        for (manner how = DENSE; how <= (e->single > 0 ? SINGLE : STRIDED); how++) {
            check_first_order(&(play){ .e = e, .number = number, .how = how });
            if (e->adjoints)
                check_second_order(&(play){ .e = e, .number = number, .how = how });
        }
    }
    if (!number)
        fail_msg("there is no case of ag_%s in tests/fixtures", op->name);
}

static void every_case_is_of_an_op(void **state)
{
    (void)state;
    assert_true(all->count > 0);
    for (int i = 0; i < all->count; i++)
        if (!op_called(all->at[i].op))
            fail_msg("there is no ag_%s", all->at[i].op);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest whole[] = { cmocka_unit_test(every_case_is_of_an_op) };
    const int failed = test_called_ops("pytorch", equals_pytorch, argc, argv);
    return failed + (all ? cmocka_run_group_tests_name("cases", whole, NULL, NULL) : 1);
}
