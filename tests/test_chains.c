/* Random programs whose elementwise ops wait and run block by block, beside the same ops one by one: the same bits. */
#include "game.h"

enum { LEAVES = 4, NUMBERS = 3, MOST = 48, STEPS = 26 };

typedef struct game { /* a random program on one tape */
    ag_tape *t;
    played so_far;
    ag_shape shape;
    ag_tensor leaf[LEAVES], number[NUMBERS], column, row, x[MOST];
    int count;
} game;

static ag_tensor pick(game *g)
{
    return g->x[g->count - 1 - draw(&g->so_far, g->count < 9 ? g->count : 9)];
}

static void put_tensor(game *g, ag_tensor x)
{
    const int64_t n = ag_size_of(x);
    put(&g->so_far, (double)n);
    double *v = malloc((size_t)(n > 0 ? n : 1) * sizeof *v);
    if (n > 0 && !ag_copy_out(x, AG_F64, v, (size_t)n * sizeof *v))
        for (int64_t i = 0; i < n; i++)
            put(&g->so_far, v[i]);
    free(v);
}

/* ---- steps of a program */

static ag_tensor unary(game *g, ag_tensor x)
{
    switch (draw(&g->so_far, 12)) {
    case 0:
        return ag_tanh(x);
    case 1:
        return ag_sigmoid(x);
    case 2:
        return ag_exp(ag_neg(ag_mul(x, x)));
    case 3:
        return ag_relu(x);
    case 4:
        return ag_sqrt(ag_abs(x));
    case 5:
        return ag_mul_scalar(ag_sin(x), 1.5);
    case 6:
        return ag_clamp(x, -0.5, 0.75);
    case 7:
        return ag_log(ag_add_scalar(ag_square(x), 1));
    case 8:
        return ag_scalar_sub(0.5, x);
    case 9:
        return ag_add(x, ag_floor(x));
    case 10:
        return ag_add(ag_add(x, x), x);
    default:
        return ag_pow_scalar(ag_sigmoid(x), 1.5);
    }
}

static ag_tensor binary(game *g, ag_tensor x, ag_tensor y)
{
    switch (draw(&g->so_far, 7)) {
    case 0:
        return ag_add(x, y);
    case 1:
        return ag_sub(y, x);
    case 2:
        return ag_mul(ag_tanh(x), y);
    case 3:
        return ag_maximum(x, y);
    case 4:
        return ag_div(x, ag_add_scalar(ag_square(y), 1));
    case 5:
        return ag_mul(g->number[draw(&g->so_far, NUMBERS)], x);
    default:
        return ag_add(ag_tanh(y), ag_mul(x, g->number[draw(&g->so_far, NUMBERS)]));
    }
}

static ag_tensor normalized(ag_tensor x, ag_axes axes)
{
    const ag_tensor d = ag_sub(x, ag_mean_over(x, axes, AG_KEEPDIM));
    const ag_tensor v = ag_mean_over(ag_square(d), axes, AG_KEEPDIM);
    return ag_mul(d, ag_scalar_div(1, ag_sqrt(ag_add_scalar(v, 0.01))));
}

/* Operands that repeat along rows, or from row to row, and sums over these. */
static ag_tensor broadcast(game *g, ag_tensor x, ag_tensor y)
{
    switch (draw(&g->so_far, 12)) {
    case 0:
        return ag_add(x, g->column);
    case 1:
        return ag_mul(g->row, ag_tanh(x));
    case 2:
        return ag_sub(ag_mul(x, g->column), ag_mean_over(y, AG_AXES(-1), AG_KEEPDIM));
    case 3:
        return ag_add(ag_mul(normalized(x, AG_AXES(-1)), g->column), g->column);
    case 4:
        return normalized(x, AG_AXES(0));
    case 5:
        return ag_maximum(x, ag_mean_over(y, AG_AXES(0), 0));
    case 6:
        return ag_mul(y, ag_tanh(ag_mul(ag_sum_over(ag_sin(x), AG_AXES(-1), AG_KEEPDIM), g->row)));
    case 7:
        return ag_add(x, ag_mean(ag_square(ag_mean_over(ag_mul(x, y), AG_AXES(-1), 0))));
    case 8:
        return ag_div(g->column, ag_add_scalar(ag_square(x), 1));
    case 9:
        put_tensor(g,
                   ag_sum_over(ag_mul(x, y), AG_AXES(draw(&g->so_far, 2) - 1), draw(&g->so_far, 2) ? AG_KEEPDIM : 0));
        return ag_pow(ag_sigmoid(x), ag_add_scalar(ag_square(g->row), 1));
    case 10:
        return ag_sub(ag_exp(ag_neg(ag_square(g->row))), y);
    default:
        return ag_mul(ag_mul(g->number[draw(&g->so_far, NUMBERS)], ag_mean_over(x, AG_AXES(-1), AG_KEEPDIM)), y);
    }
}

/* What is no elementwise op on arrays of one shape, so that values must be there. */
static ag_tensor other(game *g, ag_tensor x, ag_tensor y)
{
    switch (draw(&g->so_far, 6)) {
    case 0:
        return ag_softmax(x, -1);
    case 1:
        return ag_add(x, ag_mean_over(y, AG_AXES(0), AG_KEEPDIM));
    case 2:
        return ag_mul(ag_mean(x), y);
    case 3:
        return ag_sub(y, ag_mul_scalar(ag_sum(x), 0.001));
    case 4:
        return ag_reshape(ag_reshape(x, AG_SHAPE(ag_size_of(x))), g->shape);
    default:
        return ag_where(ag_less(x, y), x, ag_mul_scalar(y, 0.5));
    }
}

static ag_tensor rewound(game *g)
{
    const ag_mark mark = ag_tape_mark(g->t);
    put(&g->so_far, ag_item(ag_sum(ag_mul(unary(g, pick(g)), pick(g)))));
    put(&g->so_far, ag_item_at(pick(g), 0));
    ag_tape_rewind(g->t, mark);
    return unary(g, pick(g));
}

static ag_tensor without_gradient(game *g)
{
    ag_no_grad_begin(g->t);
    ag_tensor y = unary(g, binary(g, pick(g), pick(g)));
    if (draw(&g->so_far, 2)) {
        ag_tensor z = ag_add(y, pick(g));
        ag_copy_in(y, AG_F64, &(double){ 1 }, 8 * (size_t)(ag_size_of(y) == 1));
        ag_error_clear(g->t);
        y = ag_mul(y, z);
    }
    ag_no_grad_end(g->t);
    return y;
}

static ag_tensor written(game *g)
{
    ag_tensor y = unary(g, binary(g, g->leaf[0], pick(g)));
    const int i = draw(&g->so_far, 4);
    if (i == 0) {
        ag_no_grad_begin(g->t);
        ag_assign(g->leaf[0], ag_mul_scalar(g->leaf[0], 0.875));
        ag_no_grad_end(g->t);
    } else if (i == 1) {
        ag_assign(g->number[0], ag_full(g->t, AG_FLOAT, AG_SCALAR, 0.75));
    } else {
        float *v = ag_write(g->leaf[3], AG_F32);
        for (int64_t k = 0; v && k < ag_size_of(g->leaf[3]); k++)
            v[k] *= 0.5f;
        ag_error_clear(g->t); /* it is f64, or has no storage of its own */
    }
    return y;
}

static ag_tensor again(ag_list x, void *user)
{
    (void)user;
    return ag_mul(ag_tanh(x.at[0]), ag_add(x.at[0], x.at[1]));
}

static ag_tensor step(game *g)
{
    const int i = draw(&g->so_far, 40);
    if (i < 14)
        return unary(g, pick(g));
    if (i < 23)
        return binary(g, pick(g), pick(g));
    if (i < 30)
        return broadcast(g, pick(g), pick(g));
    switch (i) {
    case 30:
        return rewound(g);
    case 31:
        return without_gradient(g);
    case 32:
        return written(g);
    case 33:
        put(&g->so_far, ag_item_at(pick(g), 0));
        return unary(g, pick(g));
    case 34:
        return ag_checkpoint(again, NULL, AG_LIST(pick(g), pick(g)));
    case 35:
        return ag_detach(pick(g));
    default:
        return other(g, pick(g), pick(g));
    }
}

/* ---- a program */

static void make_leaves(game *g)
{
    for (int i = 0; i < LEAVES; i++) {
        ag_tensor v = ag_rand(g->t, AG_FLOAT, g->shape, -1, 1);
        g->leaf[i] = i < 2 ? ag_param(v, "p") : i == 2 ? ag_require_grad(v) : v;
    }
    ag_shape row = g->shape;
    row.dim[row.rank - 1] = 1;
    g->row = ag_param(ag_rand(g->t, AG_FLOAT, row, -1, 1), "row");
    g->column = ag_param(ag_rand(g->t, AG_FLOAT, AG_SHAPE(g->shape.dim[g->shape.rank - 1]), -1, 1), "column");
    g->number[0] = ag_param(ag_full(g->t, AG_FLOAT, AG_SCALAR, 1.25), "a");
    g->number[1] = ag_variable(g->t, -0.5);
    g->number[2] = ag_constant(g->t, 0.25);
    for (int i = 0; i < LEAVES; i++)
        g->x[g->count++] = g->leaf[i];
}

static void put_gradients(game *g)
{
    for (int i = 0; i < 3; i++) {
        put_tensor(g, ag_grad(g->leaf[i]));
        if (i < 2)
            put(&g->so_far, ag_item(ag_grad(g->number[i])));
    }
    put_tensor(g, ag_grad(g->row));
    put_tensor(g, ag_grad(g->column));
    put(&g->so_far, (double)ag_error(g->t)); /* of two operands that were written either may be named */
    ag_error_clear(g->t);
}

static void differentiate(game *g)
{
    ag_tensor z = pick(g), y = ag_mean(ag_add(pick(g), z)), dx[3];
    if (draw(&g->so_far, 3) == 0)
        y = ag_add(ag_mul_scalar(y, 2), ag_mul(ag_sum(pick(g)), ag_mean(pick(g))));
    if (draw(&g->so_far, 8) == 0)
        ag_retain_grad(z);
    ag_error_clear(g->t);
    ag_backward(y);
    put_gradients(g);
    put(&g->so_far, ag_item(y));
    ag_gradients(y, AG_LIST(g->leaf[0], pick(g), g->number[0]), draw(&g->so_far, 2) ? AG_CREATE_GRAPH : 0, dx);
    for (int i = 0; i < 3; i++)
        put_tensor(g, dx[i]);
    put_gradients(g);
}

static game play(uint64_t seed, ag_shape shape, ag_options options)
{
    game g = { .t = tape_with(options), .so_far.random = seed * 1000003 + 17, .shape = shape };
    for (int step_ = 0; step_ < 2; step_++) {
        g.count = 0;
        make_leaves(&g);
        const int steps = 4 + draw(&g.so_far, STEPS);
        for (int i = 0; i < steps; i++) {
            const ag_tensor y = step(&g);
            g.x[g.count++] = y;
        }
        differentiate(&g);
        for (int i = 0; i < g.count; i++)
            put_tensor(&g, g.x[i]);
        put(&g.so_far, (double)ag_tape_nodes(g.t));
        ag_error_clear(g.t);
        ag_tape_reset(g.t);
    }
    ag_tape_free(g.t);
    return g;
}

static void compare(uint64_t seed, ag_shape shape, ag_dtype d, int threads)
{
    game g = play(seed, shape, (ag_options){ .dtype = d, .threads = 1, .fuse = AG_FUSE_OFF, .seed = seed });
    game h = play(seed, shape, (ag_options){ .dtype = d, .threads = threads, .fuse = 1, .seed = seed });
    size_t i = 0;
    while (i < g.so_far.results && i < h.so_far.results &&
           !memcmp(&g.so_far.out[i], &h.so_far.out[i], sizeof *g.so_far.out))
        i++;
    if (i < g.so_far.results || i < h.so_far.results)
        print_error("program %llu: result %zu of %zu and %zu is %.17g one by one and %.17g in blocks\n",
                    (unsigned long long)seed, i, g.so_far.results, h.so_far.results,
                    i < g.so_far.results ? g.so_far.out[i] : NAN, i < h.so_far.results ? h.so_far.out[i] : NAN);
    assert_true(i == g.so_far.results && i == h.so_far.results);
    free(g.so_far.out);
    free(h.so_far.out);
}

static void random_programs_have_the_same_bits_as_op_by_op(void **state)
{
    (void)state;
    const ag_shape shapes[] = { AG_SHAPE(1),      AG_SHAPE(8),         AG_SHAPE(17),      AG_SHAPE(3, 7),
                                AG_SHAPE(2, 511), AG_SHAPE(1025),      AG_SHAPE(3, 900),  AG_SHAPE(40, 16),
                                AG_SHAPE(70, 33), AG_SHAPE(2, 3, 130), AG_SHAPE(33, 257), AG_SHAPE(3, 1536),
                                AG_SHAPE(2, 2063) };
    const uint64_t count = slow() ? 60 : 600;
    for (uint64_t seed = 1; seed <= count; seed++)
        compare(seed, shapes[seed % ARRAY_SIZE(shapes)], seed / 6 % 2 ? AG_F64 : AG_F32, 1);
}

static void so_they_have_on_several_threads(void **state)
{
    (void)state;
    static const int threads[] = { 2, 3, 4, 8 };
    const uint64_t count = slow() ? 4 : 16;
    for (uint64_t seed = 1; seed <= count; seed++)
        compare(seed + 5000, AG_SHAPE(70, 1001 + (int64_t)seed), seed / 4 % 2 ? AG_F32 : AG_F64, threads[seed % 4]);
}

/* A view of a gradient shows memory that the next pass writes to. */
static void a_view_of_a_gradient_is_read_at_once(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .fuse = 8 });
    ag_tensor p = ag_param(ag_full(t, AG_F64, AG_SHAPE(100), 1), "p");
    ag_backward(ag_sum(ag_square(p)));
    ag_tensor y = ag_tanh(ag_detach(ag_grad(p))), z = ag_exp(ag_reshape(ag_grad(p), AG_SHAPE(10, 10)));
    ag_zero_grad(p);
    assert_true(fabs(ag_item_at(y, 0) - tanh(2)) < 1e-12);
    assert_true(fabs(ag_item_at(z, 99) - exp(2)) < 1e-12);
    assert_int_equal(ag_error(t), AG_OK);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_have_the_same_bits_as_op_by_op),
        cmocka_unit_test(so_they_have_on_several_threads),
        cmocka_unit_test(a_view_of_a_gradient_is_read_at_once),
    };
    return cmocka_run_group_tests_name("chains", tests, NULL, NULL);
}
