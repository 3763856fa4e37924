/* Loops whose steps repeat themselves, or nearly: passes that do again what one before did give the same bits as passes
 * that decide everything anew. */
#include "game.h"
#include "memory.h"

enum { PARAMS = 6, MOST = 40, LOOP = 20 };

typedef struct game { /* a random loop on one tape */
    ag_tape *t;
    played so_far;
    uint64_t values;   /* chooses numbers; the game's own chooses ops */
    int step, strange; /* strange: how often steps differ, of 8 */
    ag_tensor p[PARAMS], batch, x[MOST];
    int count;
    optim *o;
} game;

static void put_tensor(game *g, ag_tensor x)
{
    double v[64];
    const int64_t n = ag_size_of(x);
    put(&g->so_far, (double)n);
    if (n > 64 || n < 0 || ag_copy_out(x, AG_F64, v, (size_t)n * sizeof *v))
        return;
    for (int64_t i = 0; i < n; i++)
        put(&g->so_far, v[i]);
}

/* ---- what steps are made of: x are [3,4], parameters [4,4], [4], [3,4] and numbers */

static ag_tensor pick(game *g)
{
    return g->x[g->count - 1 - draw(&g->so_far, g->count < 7 ? g->count : 7)];
}

static ag_tensor number(game *g)
{
    return g->p[3 + draw(&g->so_far, 3)];
}

static ag_tensor op(game *g, ag_tensor x)
{
    int rows;
    switch (draw(&g->so_far, 20)) {
    case 0:
        return draw(&g->so_far, 2) ? ag_tanh(x) : ag_erf(x);
    case 1:
        return ag_linear(x, g->p[0], g->p[1]);
    case 2:
        return ag_matmul(x, g->p[0]);
    case 3:
        return ag_mul(x, pick(g));
    case 4:
        return ag_add(x, g->p[1]);
    case 5:
        return ag_mul(x, number(g));
    case 6:
        return ag_sub(number(g), x);
    case 7:
        return ag_mul_scalar(x, draw(&g->so_far, 3) ? 0.5 : g->step % 3 ? 1 : 0.75);
    case 8:
        return ag_clamp(x, -0.5, 0.5 + 0.25 * (g->step % 2));
    case 9:
        return ag_sub(x, ag_mul(ag_square(number(g)), ag_mean(pick(g))));
    case 10:
        return ag_softmax(x, -draw(&g->so_far, 2));
    case 11:
        return draw(&g->so_far, 2) ? ag_add(x, x) : ag_mul(x, x);
    case 12:
        return ag_relu(ag_add(x, g->p[2]));
    case 13:
        return ag_transpose(ag_reshape(ag_transpose(x, 0, 1), AG_SHAPE(4, 3)), 0, 1);
    case 14:
        return ag_add(x, ag_mean_over(pick(g), AG_AXES(0), AG_KEEPDIM));
    case 15:
        return ag_layer_norm(x, ag_abs(g->p[1]), g->p[1], (ag_layer_norm_options){ 0 });
    case 16:
        rows = 1 + draw(&g->so_far, 2);
        return ag_concat(AG_LIST(ag_slice(x, 0, 0, rows, 1), ag_slice(pick(g), 0, rows, 3, 1)), 0);
    case 17:
        return ag_sqrt(ag_relu(x)); /* an infinite derivative that nothing reaches */
    case 18:
        return ag_mul(ag_exp(ag_neg(ag_square(number(g)))), x);
    default:
        return ag_sigmoid(ag_sub(x, g->batch));
    }
}

static ag_tensor loss_of(game *g, ag_tensor x)
{
    switch (draw(&g->so_far, 4)) {
    case 0:
        return ag_mean(ag_square(x));
    case 1:
        return ag_mse(x, g->batch);
    case 2:
        return ag_bce_logits(x, ag_sigmoid(g->batch));
    default:
        return ag_add(ag_sum(ag_tanh(x)), ag_square(number(g)));
    }
}

static ag_tensor double_it(ag_tensor dy, void *user)
{
    (void)user;
    return ag_mul_scalar(dy, 2);
}

/* What makes a step another one, or ends its being like others. */
static void strange(game *g)
{
    ag_tensor dx = { 0 };
    ag_mark mark;
    switch (draw(&g->so_far, 14)) {
    case 0: /* a write that no derivative minds, or that one does */
        ag_assign(g->p[2], ag_mul_scalar(g->p[2], 0.5));
        break;
    case 1:
        ag_retain_grad(pick(g));
        break;
    case 2:
        ag_no_grad_begin(g->t);
        g->x[g->count++] = op(g, pick(g));
        ag_no_grad_end(g->t);
        break;
    case 3:
        mark = ag_tape_mark(g->t);
        put(&g->so_far, ag_item(ag_sum(op(g, pick(g)))));
        ag_tape_rewind(g->t, mark);
        break;
    case 4:
        ag_hook(pick(g), double_it, NULL);
        break;
    case 5:
        ag_matmul(g->p[1], g->batch); /* fails */
        ag_error_clear(g->t);
        break;
    case 6:
        ag_gradients(loss_of(g, op(g, g->x[0])), AG_LIST(g->p[2]), AG_CREATE_GRAPH, &dx);
        g->x[g->count++] = ag_add(pick(g), dx);
        break;
    case 7:
        ag_backward(loss_of(g, pick(g)));
        break;
    case 8:
        put_tensor(g, ag_grad(g->p[draw(&g->so_far, PARAMS)]));
        ag_error_clear(g->t);
        break;
    case 9:
        g->x[g->count++] = ag_require_grad(ag_detach(pick(g)));
        break;
    case 10:
        ag_zero_grad(g->p[draw(&g->so_far, PARAMS)]);
        break;
    case 11:
        ag_release(g->batch);
        g->batch = ag_buffer(ag_randn(g->t, AG_FLOAT, AG_SHAPE(3, 4), 0, 1), NULL);
        break;
    case 12:
        g->x[g->count++] = ag_add(pick(g), ag_slice(ag_concat(AG_LIST(g->x[0], pick(g)), 0), 0, 1, 4, 1));
        break;
    default:
        g->x[g->count++] = op(g, pick(g));
    }
}

/* ---- loops */

static void step(game *g, uint64_t plan)
{
    const bool odd = draw(&g->so_far, 8) < g->strange,
               alone = draw(&g->so_far, 2); /* alone: one op is another one, or of other operands */
    const int where = draw(&g->so_far, 8), passes = 1 + (draw(&g->so_far, 20) == 0), keeps = draw(&g->so_far, 12);
    const uint64_t other = g->so_far.random;
    g->so_far.random = plan;
    g->count = 0;
    g->x[g->count++] = ag_add(g->batch, g->p[2]);
    for (int i = 0; i < 8; i++) {
        g->so_far.random = plan + (uint64_t)i * 977;
        if (odd && i == where) {
            g->so_far.random ^= other;
            if (!alone)
                strange(g);
        }
        g->x[g->count] = op(g, pick(g));
        g->count++;
    }
    const ag_tensor loss = loss_of(g, g->x[g->count - 1]);
    for (int i = 0; i < passes; i++)
        ag_backward(loss);
    put(&g->so_far, ag_error(g->t));
    put(&g->so_far, ag_item(loss));
    ag_error_clear(g->t);
    for (int i = 0; i < PARAMS; i++)
        put_tensor(g, ag_grad(g->p[i]));
    ag_error_clear(g->t);
    optim_step(g->o);
    if (keeps)
        optim_zero_grad(g->o);
    ag_error_clear(g->t);
    ag_tape_reset(g->t);
    g->so_far.random = other;
    g->step++;
}

static void begin(game *g, ag_options options, uint64_t seed, int odd)
{
    const ag_dtype d = options.dtype == AG_F32 ? AG_F32 : AG_F64, e = seed % 2 ? AG_F32 : AG_F64;
    options.on_error = ag_quiet;
    *g = (game){ .t = ag_tape_new(options), .so_far.random = seed * 77 + 5, .strange = odd };
    if (!g->t)
        return;
    g->batch = ag_buffer(ag_randn(g->t, d, AG_SHAPE(3, 4), 0, 1), NULL);
    g->p[0] = ag_param_as(ag_randn(g->t, d, AG_SHAPE(4, 4), 0, 0.5), seed % 3 ? AG_AXES(1, 0) : AG_AXES(0, 1), "w");
    g->p[1] = ag_param(ag_randn(g->t, d, AG_SHAPE(4), 0, 1), "b");
    g->p[2] = ag_param(ag_randn(g->t, d, AG_SHAPE(3, 4), 0, 1), "c");
    for (int i = 3; i < PARAMS; i++)
        g->p[i] = ag_param(ag_full(g->t, i == 3 ? e : d, AG_SCALAR, 0.25 * i), NULL);
    g->o = optim_sgd((ag_list){ g->p, PARAMS }, (optim_sgd_config){ .lr = 0.05 });
    ag_tape_reset(g->t);
}

static game play(uint64_t seed, ag_options options, int odd)
{
    game g;
    options.seed = seed;
    begin(&g, options, seed, odd);
    const uint64_t plans[2] = { seed * 31 + 1, seed * 31 + 2 };
    const bool alternate = draw(&g.so_far, 3) == 0;
    for (int i = 0; g.t && i < LOOP; i++)
        step(&g, plans[alternate ? i % 2 : 0]);
    return g;
}

static void check_same(const game *g, const game *h, uint64_t seed)
{
    const bool alike = same(&g->so_far, &h->so_far);
    if (!alike)
        print_error("loop %llu gives other results\n", (unsigned long long)seed);
    assert_true(alike);
}

static void compare(int odd, uint64_t from, uint64_t count)
{
    uint64_t repeated = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        const ag_dtype d = seed / 2 % 2 ? AG_F32 : AG_F64;
        const int threads = seed % 5 ? 1 : 2;
        game g = play(seed, (ag_options){ .dtype = d, .threads = 1, .repeat = AG_REPEAT_OFF }, odd);
        game h = play(seed, (ag_options){ .dtype = d, .threads = threads }, odd);
        repeated += ag_tape_stats(h.t).repeated;
        assert_int_equal(ag_tape_stats(g.t).repeated, 0);
        check_same(&g, &h, seed);
        ag_tape_free(g.t);
        ag_tape_free(h.t);
        free(g.so_far.out);
        free(h.so_far.out);
    }
    print_message("%.1f passes of %d repeated\n", (double)repeated / (double)count, LOOP);
    assert_true(repeated > count / 8);
}

static void loops_that_repeat_themselves_give_the_same_bits(void **state)
{
    (void)state;
    compare(0, 1, slow() ? 60 : 400);
}

static void loops_that_differ_now_and_then_give_the_same_bits(void **state)
{
    (void)state;
    compare(2, 10001, slow() ? 100 : 800);
    compare(5, 20001, slow() ? 60 : 400);
}

/* ---- what a loop is to have */

static double small_step(ag_tape *t, nn_module *net, ag_tensor x, ag_tensor y, optim *o)
{
    const ag_tensor loss = ag_bce_logits(ag_reshape(nn_forward(net, x), ag_shape_of(y)), y);
    ag_backward(loss);
    optim_step(o);
    optim_zero_grad(o);
    const double value = ag_item(loss);
    ag_tape_reset(t);
    return value;
}

static void a_warm_loop_repeats_every_pass_and_allocates_nothing(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .threads = 1 });
    const ag_tensor x = ag_buffer(ag_randn(t, AG_FLOAT, AG_SHAPE(10, 2), 0, 1), NULL);
    const ag_tensor y = ag_buffer(ag_zeros(t, AG_FLOAT, AG_SHAPE(10)), NULL);
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 2, 16, 16, 1 } });
    optim *o = optim_sgd(nn_params(net), (optim_sgd_config){ .lr = 0.1 });
    for (int i = 0; i < 5; i++)
        small_step(t, net, x, y, o);
    const ag_stats before = ag_tape_stats(t);
    for (int i = 0; i < 20; i++)
        small_step(t, net, x, y, o);
    const ag_stats after = ag_tape_stats(t);
    assert_int_equal(after.repeated - before.repeated, 20);
    assert_int_equal(after.allocations, before.allocations);
    ag_tape_free(t);
}

/* ---- where there is no memory */

static void without_memory_for_them_nothing_is_repeated_and_nothing_else_changes(void **state)
{
    (void)state;
    enum { SEED = 40004 };
    game all = play(SEED, (ag_options){ .threads = 1, .repeat = AG_REPEAT_OFF }, 0);
    bool none = false, some = false;
    for (long n = 0; n < 300; n++) {
        memory m = { .fail_at = n + 1, .for_good = true };
        game g = play(SEED, (ag_options){ .threads = 1, .allocator = allocator_of(&m) }, 0);
        if (g.t && same(&g.so_far, &all.so_far)) {
            const uint64_t repeated = ag_tape_stats(g.t).repeated;
            none |= !repeated;
            some |= repeated > 0;
        }
        if (g.t)
            ag_tape_free(g.t);
        free(g.so_far.out);
    }
    assert_true(none && some);
    ag_tape_free(all.t);
    free(all.so_far.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_that_repeat_themselves_give_the_same_bits),
        cmocka_unit_test(loops_that_differ_now_and_then_give_the_same_bits),
        cmocka_unit_test(a_warm_loop_repeats_every_pass_and_allocates_nothing),
        cmocka_unit_test(without_memory_for_them_nothing_is_repeated_and_nothing_else_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
