/* The ops against PyTorch: values, gradients and gradients of gradients from tests/fixtures, a test per function of
 * ag/ops.h. Each case is played on dense and on strided inputs and in f32, gradients by a plain pass and by one that
 * records. No function goes without a kind of case, but where the fixtures say why. */
#include "ops_tested.h"
#include "values.h"

#include <float.h>

typedef enum manner { DENSE, STRIDED, SINGLE } manner;

typedef struct play { /* of a case */
    const example *e;
    int number;
    manner how;
    ag_tape *t;
    ag_tensor x[MOST_INPUTS], y[MOST_RESULTS], wanted[MOST_INPUTS + 1];
    int count;         /* of those wanted */
    bool *needs, *has; /* kinds of cases */
} play;

typedef enum kind { RANDOM, EDGE, EMPTY, STRIDES, F32, GRADIENT, SECOND, BROADCAST, KINDS } kind;
static const char *const kinds[] = { "random", "edge", "empty", "strided", "f32", "gradient", "second", "broadcast" };

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
        if (p->how == STRIDED && r->v) {
            p->x[i] = strided(p->t, p->x[i]);
            p->has[STRIDES] |= r->shape.rank > 0;
        }
        if (r->v && r->dtype == AG_F64)
            p->wanted[p->count++] = p->x[i];
    }
    const example *e = p->e;
    op_called(e->op)->call(&(arguments){ p->x, (size_t)e->inputs, e->p, e->parameters, e->text }, p->y);
    for (int i = 0; i < e->results; i++)
        expect_row(p, "value", p->y[i], &e->y[i]);
    p->needs[GRADIENT] |= ag_needs_grad(p->y[0]);
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

/* ---- kinds of cases */

static bool is_special(double v)
{
    return v == 0 || !isfinite(v) || fabs(v) < DBL_MIN;
}

/* How many elements differ from all that come before them? */
static int64_t different(const row *r)
{
    int64_t count = 0;
    for (int64_t i = 0; i < r->count; i++) {
        int64_t k = 0;
        while (k < i && r->v[k] != r->v[i])
            k++;
        count += k == i;
    }
    return count;
}

static void see_input(const row *r, bool *has)
{
    bool special = r->shape.rank == 0 || different(r) < r->count;
    if (!r->v)
        return;
    for (int i = 0; i < r->shape.rank; i++)
        special |= r->shape.dim[i] == 1;
    for (int64_t i = 0; i < r->count; i++)
        special |= is_special(r->v[i]);
    has[EMPTY] |= r->count == 0;
    has[EDGE] |= special;
    has[RANDOM] |= different(r) > 2;
}

static bool is_floating(const row *r, ag_dtype d)
{
    return r->v && r->dtype == d;
}

static void see_case(const example *e, bool *needs, bool *has)
{
    for (int i = 0; i < e->inputs; i++) {
        const row *r = &e->x[i];
        const bool floating = is_floating(r, AG_F64);
        see_input(r, has);
        needs[F32] |= floating;
        has[F32] |= (floating && e->single > 0 && e->single <= 1e-5) || is_floating(r, AG_F32);
        for (int k = 0; k < i; k++)
            has[BROADCAST] |= r->v && e->x[k].v && memcmp(&r->shape, &e->x[k].shape, sizeof r->shape);
    }
    has[GRADIENT] |= e->adjoints > 0;
    has[SECOND] |= e->seconds > 0;
}

/* An elementwise op of several operands */
static bool broadcasts(const char *name)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ops[i]->name, name))
            return ops[i]->map && ops[i]->inputs > 1;
    return false;
}

static bool is_said_to_lack(const char *op, kind k)
{
    for (int i = 0; i < all->lacking; i++)
        if (!strcmp(all->lacks[i].op, op) && !strcmp(all->lacks[i].kind, kinds[k]))
            return true;
    return false;
}

static void expect_all_kinds(const called_op *op, const bool *needs, const bool *has)
{
    for (kind k = 0; k < KINDS; k++) {
        const bool lacks = is_said_to_lack(op->name, k);
        if (needs[k] && !has[k] && !lacks)
            fail_msg("ag_%s has no case of this kind in tests/fixtures, nor a reason: %s", op->name, kinds[k]);
        if (has[k] && lacks)
            fail_msg("ag_%s has a case of the kind that it is said to lack: %s", op->name, kinds[k]);
    }
}

static void equals_pytorch(void **state)
{
    const called_op *op = *state;
    int number = 0;
    bool has[KINDS] = { false }, needs[KINDS] = { [RANDOM] = true, [EDGE] = true, [EMPTY] = true, [STRIDES] = true };
    for (int i = 0; i < all->count; i++) {
        const example *e = &all->at[i];
        if (strcmp(e->op, op->name))
            continue;
        number++;
        if ((size_t)e->results != op->results)
            fail_msg("%s, case %d has %d results, the function %zu", e->op, number, e->results, op->results);
        see_case(e, needs, has);
        for (manner how = DENSE; how <= (e->single > 0 ? SINGLE : STRIDED); how++) {
            play p = { .e = e, .number = number, .how = how, .needs = needs, .has = has };
            check_first_order(&p);
            if (e->adjoints)
                check_second_order(&p);
        }
    }
    needs[SECOND] = needs[GRADIENT];
    needs[BROADCAST] = broadcasts(op->name);
    expect_all_kinds(op, needs, has);
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
