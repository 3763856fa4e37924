/* Random graphs: the gradient by every way there is, and by differences of the values. */
#include "support.h"

enum { LEAVES = 6, POOL = 60, OPS = 40 };

typedef struct graph {
    ag_tape *t;
    uint64_t random;
    ag_tensor leaf[LEAVES], pool[POOL];
    int count;
} graph;

static int draw(graph *g, int below)
{
    g->random = g->random * 6364136223846793005u + 1442695040888963407u;
    return (int)((g->random >> 33) % (uint64_t)below);
}

static ag_tensor pick(graph *g)
{
    return g->pool[draw(g, g->count)];
}

/* Into [-1.5, 1.5], smoothly, so that nothing grows. */
static ag_tensor tame(ag_tensor x)
{
    return ag_mul_scalar(ag_tanh(x), 1.5);
}

static ag_tensor unary(graph *g, ag_tensor x)
{
    switch (draw(g, 12)) {
    case 0:
        return ag_sin(x);
    case 1:
        return ag_exp(ag_mul_scalar(x, -0.5));
    case 2:
        return ag_square(x);
    case 3:
        return ag_log(ag_add_scalar(ag_square(x), 1.5));
    case 4:
        return ag_sqrt(ag_add_scalar(ag_abs(ag_add_scalar(x, 5)), 1));
    case 5:
        return ag_sigmoid(x);
    case 6:
        return ag_scalar_div(2, ag_add_scalar(ag_softplus(x), 1));
    case 7:
        return ag_pow_scalar(ag_add_scalar(ag_square(x), 1), 1.3);
    case 8:
        return ag_scalar_sub(0.3, ag_neg(ag_cos(x)));
    case 9:
        return ag_clamp(x, -50, 50);
    case 10:
        return ag_where(ag_less(x, ag_constant(g->t, 100)), x, ag_log(ag_mul_scalar(ag_detach(x), 0)));
    default:
        return ag_leaky_relu(ag_add_scalar(x, 9), 0.1);
    }
}

static ag_tensor binary(graph *g, ag_tensor x, ag_tensor y)
{
    ag_shape a = ag_shape_of(x), b = ag_shape_of(y);
    for (int i = 1; i <= a.rank && i <= b.rank; i++)
        if (a.dim[a.rank - i] != b.dim[b.rank - i] && a.dim[a.rank - i] != 1 && b.dim[b.rank - i] != 1)
            return x;
    switch (draw(g, 6)) {
    case 0:
        return ag_add(x, y);
    case 1:
        return ag_sub(x, y);
    case 2:
        return ag_div(x, ag_add_scalar(ag_square(y), 1));
    case 3:
        return ag_pow(ag_add_scalar(ag_square(x), 1), y);
    case 4:
        return ag_maximum(x, ag_add_scalar(y, 20));
    default:
        return ag_mul(x, y);
    }
}

/* Changes of shape, views, reductions, products; x may have any rank up to 3. */
static ag_tensor structured(graph *g, ag_tensor x)
{
    ag_shape s = ag_shape_of(x);
    if (s.rank == 0)
        return draw(g, 2) ? ag_stack(AG_LIST(x, ag_sin(x)), 0) : ag_expand(x, AG_SHAPE(2, 3));
    int last = s.rank - 1;
    switch (draw(g, 12)) {
    case 0:
        return ag_sum(x);
    case 1:
        return ag_mean_over(x, AG_AXES(last), draw(g, 2));
    case 2:
        return ag_transpose(x, 0, -1);
    case 3:
        return s.dim[0] > 1 ? ag_slice(x, 0, 1, INT64_MAX, 1) : x;
    case 4:
        return ag_select(x, last, draw(g, (int)s.dim[last]));
    case 5:
        return ag_size_of(x) < 20 ? ag_concat(AG_LIST(x, x, ag_sin(x)), 0) : x;
    case 6:
        return ag_softmax(x, draw(g, s.rank));
    case 7:
        return ag_reshape(x, AG_SHAPE(-1));
    case 8:
        return s.rank == 2 ? ag_matmul(x, ag_transpose(x, 0, 1))
                           : ag_dot(ag_reshape(x, AG_SHAPE(-1)), ag_reshape(x, AG_SHAPE(-1)));
    case 9:
        return ag_logsumexp(x, AG_ALL, 0);
    case 10:
        return s.rank == 2 && s.dim[1] == 3 ? ag_linear(x, g->leaf[3], absent) : ag_sum_over(x, AG_AXES(0), 0);
    default:
        return s.rank < 3 ? ag_mul(ag_unsqueeze(x, draw(g, s.rank + 1)), ag_constant(g->t, 0.5))
                          : ag_embed(x, 0, s.dim[0] + 1, 1, 1);
    }
}

/* The function: always the same for a seed, whatever the leaves hold. */
static ag_tensor build(graph *g, uint64_t seed)
{
    g->random = seed;
    g->count = LEAVES;
    memcpy(g->pool, g->leaf, sizeof g->leaf);
    ag_tensor l = ag_constant(g->t, 0);
    for (int i = 0; i < OPS; i++) {
        int kind = draw(g, 5);
        ag_tensor x = pick(g), y = kind < 2 ? unary(g, x) : kind < 4 ? binary(g, x, pick(g)) : structured(g, x);
        if (ag_size_of(y) > 60)
            y = ag_sum(y);
        g->pool[g->count++] = draw(g, 3) ? tame(y) : ag_mul_scalar(tame(y), 1); /* some results are used as they are */
    }
    for (int i = g->count - 12; i < g->count; i++) /* several are left over */
        if (draw(g, 4))
            l = ag_add(l, ag_mean(g->pool[i]));
    return l;
}

static const ag_shape shapes[LEAVES] = { { 0, { 0 } },  AG_DIMS(3),   AG_DIMS(2, 3),
                                         AG_DIMS(2, 3), { 0, { 0 } }, AG_DIMS(2, 1) };

/* kind 0: parameters where it alternates; 1: transient leaves; 2: parameters stored by columns. shift: along the
 * direction. */
static void make_leaves(graph *g, int kind, uint64_t seed, double shift)
{
    uint64_t random = seed ^ 0x123456789abcdefu;
    for (int i = 0; i < LEAVES; i++) {
        double v[6];
        int64_t size = ag_shape_size(shapes[i]);
        for (int k = 0; k < size; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            v[k] = (double)(random >> 40) / (1 << 24) * 2 - 1 + shift * cos(i + 5 * k);
        }
        ag_tensor x = shapes[i].rank ? ag_values(g->t, shapes[i], v, (size_t)size) : ag_constant(g->t, v[0]);
        bool param = kind == 2 || (kind == 0 && i % 2);
        bool columns = kind == 2 && shapes[i].rank == 2;
        g->leaf[i] = columns          ? ag_param_as(x, AG_AXES(1, 0), "p")
                     : param          ? ag_param(x, "p")
                     : shapes[i].rank ? ag_require_grad(x)
                                      : ag_variable(g->t, v[0]);
    }
}

static double value_at(uint64_t seed, double shift)
{
    graph g = { .t = new_tape() };
    make_leaves(&g, 1, seed, shift);
    double v = ag_item(build(&g, seed));
    expect_fine(g.t);
    ag_tape_free(g.t);
    return v;
}

typedef struct gradient {
    double at[LEAVES][6];
} gradient;

static void read_gradient(const graph *g, const ag_tensor *dx, gradient *to)
{
    for (int i = 0; i < LEAVES; i++)
        for (int64_t k = 0; k < ag_shape_size(shapes[i]); k++)
            to->at[i][k] = ag_item_at(dx[i], k);
    expect_fine(g->t);
}

static void compare(uint64_t seed, const char *way, const gradient *a, const gradient *b)
{
    for (int i = 0; i < LEAVES; i++) {
        for (int64_t k = 0; k < ag_shape_size(shapes[i]); k++) {
            bool close = fabs(a->at[i][k] - b->at[i][k]) <= 1e-11 * fmax(1, fabs(b->at[i][k]));
            if (!close)
                print_error("seed %d, %s: leaf %d[%d]: %.17g, not %.17g\n", (int)seed, way, i, (int)k, a->at[i][k],
                            b->at[i][k]);
            assert_true(close);
        }
    }
}

static void one_graph(uint64_t seed)
{
    gradient first = { { { 0 } } }, other;
    for (int kind = 0; kind < 3; kind++) {
        graph g = { .t = tape_with((ag_options){ .keep_grads = kind == 1 }) };
        ag_tensor dx[LEAVES];
        make_leaves(&g, kind, seed, 0);
        ag_tensor l = build(&g, seed), filler = ag_exp(g.leaf[0]);
        assert_true(ag_ok(filler));
        assert_int_equal(ag_backward(l), AG_OK);
        for (int i = 0; i < LEAVES; i++)
            dx[i] = ag_grad(g.leaf[i]);
        read_gradient(&g, dx, kind ? &other : &first);
        if (kind)
            compare(seed, kind == 1 ? "kept" : "columns", &other, &first);
        for (int flags = 0; flags < 2; flags++) {
            assert_int_equal(ag_gradients(l, (ag_list){ g.leaf, LEAVES }, flags, dx), AG_OK);
            read_gradient(&g, dx, &other);
            compare(seed, flags ? "graph" : "plain", &other, &first);
        }
        if (kind == 0) { /* the second derivative along a direction, twice */
            ag_tensor s = ag_constant(g.t, 0), h[2][LEAVES];
            for (int i = 0; i < LEAVES; i++)
                s = ag_add(s, ag_sum(ag_mul_scalar(dx[i], cos(i))));
            for (int flags = 0; flags < 2; flags++)
                assert_int_equal(ag_gradients(s, (ag_list){ g.leaf, LEAVES }, flags, h[flags]), AG_OK);
            gradient a, b;
            read_gradient(&g, h[0], &a);
            read_gradient(&g, h[1], &b);
            compare(seed, "second order", &a, &b);
        }
        assert_int_equal(ag_backward(l), AG_OK); /* once more: twice as much */
        for (int i = 0; i < LEAVES; i++)
            dx[i] = ag_mul_scalar(ag_grad(g.leaf[i]), 0.5);
        read_gradient(&g, dx, &other);
        compare(seed, "twice", &other, &first);
        ag_tape_free(g.t);
    }
    double slope = 0, h = 1e-3;
    for (int i = 0; i < LEAVES; i++)
        for (int64_t k = 0; k < ag_shape_size(shapes[i]); k++)
            slope += first.at[i][k] * cos(i + 5 * (double)k);
    double d1 = (value_at(seed, h) - value_at(seed, -h)) / (2 * h),
           d2 = (value_at(seed, h / 2) - value_at(seed, -h / 2)) / h;
    double numeric = (4 * d2 - d1) / 3;
    if (fabs(slope - numeric) > 1e-6 * fmax(1, fabs(slope)))
        print_error("seed %d: the slope is %.12g, by differences %.12g\n", (int)seed, slope, numeric);
    assert_true(fabs(slope - numeric) <= 1e-6 * fmax(1, fabs(slope)));
}

static void random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (slow() ? 30 : 600); seed++)
        one_graph(seed);
}

/* ---- numbers, whose adjoints are carried past memory */

enum { NUMBERS = 300, VARIABLES = 5 };

typedef struct number {
    int p, q; /* operands; of one: itself second, of none: both */
    double d, e, adjoint;
} number;

/* An op on numbers that were made lately; what it passes on goes to *n. */
static ag_tensor number_op(graph *g, ag_tensor *x, int i, number *n)
{
    const int near = 1 + draw(g, draw(g, 4) ? 4 : i), p = i - (near > i ? i : near),
              q = draw(g, 3) ? i - 1 : draw(g, i);
    const double a = ag_item(x[p]), b = ag_item(x[q]);
    switch (draw(g, 5)) {
    case 0:
        *n = (number){ p, q, 1, 1, 0 };
        return ag_add(x[p], x[q]);
    case 1:
        *n = (number){ p, q, 1, -1, 0 };
        return ag_sub(x[p], x[q]);
    case 2:
        *n = (number){ p, q, b, a, 0 };
        return ag_mul(x[p], x[q]);
    case 3:
        *n = (number){ p, i, 0.37, 0, 0 };
        return ag_mul_scalar(x[p], 0.37);
    default:
        *n = (number){ p, i, -1, 0, 0 };
        return ag_neg(x[p]);
    }
}

/* Contributions are added in the order of a plain loop: the same bits. */
static void numbers_receive_what_a_plain_loop_adds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        graph g = { .t = ag_tape_new((ag_options){ .dtype = AG_F64 }), .random = seed };
        ag_tensor x[NUMBERS];
        number n[NUMBERS];
        for (int i = 0; i < VARIABLES; i++) {
            x[i] = ag_variable(g.t, 0.3 * i - 0.7);
            n[i] = (number){ i, i, 0, 0, 0 };
        }
        const int count = VARIABLES + 1 + draw(&g, NUMBERS - VARIABLES);
        for (int i = VARIABLES; i < count; i++) {
            x[i] = number_op(&g, x, i, &n[i]);
            if (fabs(ag_item(x[i])) > 1e3)
                x[i] = ag_mul_scalar(x[i - 1], 0.37), n[i] = (number){ i - 1, i, 0.37, 0, 0 };
        }
        for (int i = 0; i < count; i++)
            n[i].adjoint = i == count - 1;
        for (int i = count - 1; i >= VARIABLES; i--) {
            n[n[i].p].adjoint += n[i].adjoint * n[i].d;
            if (n[i].q != i)
                n[n[i].q].adjoint += n[i].adjoint * n[i].e;
        }
        ag_backward(x[count - 1]);
        for (int i = 0; i < VARIABLES; i++)
            assert_true(ag_item(ag_grad(x[i])) == n[i].adjoint);
        expect_fine(g.t);
        ag_tape_free(g.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_graphs),
                                        cmocka_unit_test(numbers_receive_what_a_plain_loop_adds) };
    return cmocka_run_group_tests_name("random graphs", tests, NULL, NULL);
}
