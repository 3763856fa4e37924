/* A warm training loop asks for no memory: neither the tape's allocator nor the C library's. */
#include "support.h"

#include <errno.h>
#include <stdatomic.h>

/* ---- counting what anyone in the process allocates, where the C library lets us stand in for its functions */

static atomic_long allocations;

#if defined(__GLIBC__) && !SANITIZED
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *p, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *p);

void *malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes)
{
    allocations++;
    return __libc_calloc(count, bytes);
}
void *realloc(void *p, size_t bytes)
{
    allocations++;
    return __libc_realloc(p, bytes);
}
void *memalign(size_t alignment, size_t bytes)
{
    allocations++;
    return __libc_memalign(alignment, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes)
{
    allocations++;
    return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **p, size_t alignment, size_t bytes)
{
    allocations++;
    *p = __libc_memalign(alignment, bytes);
    return *p ? 0 : ENOMEM;
}
void free(void *p)
{
    __libc_free(p);
}
#endif

static bool counts_everything(void)
{
    long before = allocations;
    void *volatile p = malloc(100);
    free(p);
    return allocations > before;
}

/* ---- loops */

typedef struct loop {
    ag_tape *t;
    nn_module *net;
    optim *o;
    nn_batches *batches;
    ag_tensor a, b; /* state of its own */
} loop;

/* The one that everybody writes. The last batch of an epoch is smaller than the others. */
static void classify_setup(loop *l)
{
    ag_tensor x = ag_buffer(ag_randn(l->t, AG_FLOAT, AG_SHAPE(1000, 20), 0, 1), "x");
    ag_tensor y = ag_buffer(ag_cast(ag_rand(l->t, AG_FLOAT, AG_SHAPE(1000), 0, 5), AG_I64), "y");
    int hidden = slow() ? 30 : 300;
    l->net = nn_mlp(l->t, (nn_mlp_config){ .sizes = { 20, hidden, hidden, 5 } });
    l->o = optim_adam(nn_params(l->net), (optim_adam_config){ .lr = 1e-3 });
    l->batches = nn_batches_new((nn_dataset){ x, y }, (nn_batches_config){ .size = 300, .shuffle = true });
}

static void classify(loop *l)
{
    while (!nn_batches_next(l->batches)) /* a new epoch */
        assert_int_equal(ag_error(l->t), AG_OK);
    ag_tensor z = nn_forward(l->net, l->batches->x), loss = ag_cross_entropy(z, l->batches->y);
    ag_backward(loss);
    optim_clip_norm(l->o, 1);
    optim_step(l->o);
    optim_zero_grad(l->o);
    nn_correct(z, l->batches->y);
    ag_item(loss);
    ag_data(ag_transpose(z, 0, 1), AG_FLOAT);
    ag_tape_reset(l->t);
}

/* Large products and elementwise ops, over several threads. */
static void large_setup(loop *l)
{
    int64_t n = slow() ? 30 : 300;
    l->a = ag_param(ag_randn(l->t, AG_FLOAT, AG_SHAPE(n, n + 100), 0, 0.05), "a");
    l->b = ag_buffer(ag_randn(l->t, AG_FLOAT, AG_SHAPE(n + 200, n), 0, 1), "b");
    l->o = optim_sgd(AG_LIST(l->a), (optim_sgd_config){ .lr = 1e-3, .momentum = 0.9, .nesterov = true });
}

static void large(loop *l)
{
    ag_tensor h = ag_tanh(ag_matmul(l->b, l->a)), s = ag_softmax(ag_matmul(h, ag_transpose(h, 0, 1)), -1);
    ag_tensor y = ag_mean(ag_square(ag_exp(ag_sum_over(ag_mul(s, ag_sin(s)), AG_AXES(0), 0))));
    ag_backward(y);
    optim_step(l->o);
    optim_zero_grad(l->o);
    ag_tape_reset(l->t);
}

/* Rank-0 graphs, a second derivative, names, scopes, marks, kept gradients, persistent state, an error that
 * is handled. */
static void mixed_setup(loop *l)
{
    l->a = ag_param(ag_constant(l->t, 0.5), "a");
    l->b = ag_buffer(ag_zeros(l->t, AG_FLOAT, AG_SHAPE(10)), "b");
    l->o = optim_adamw(AG_LIST(l->a), (optim_adam_config){ .lr = 1e-3 });
}

static void mixed(loop *l)
{
    ag_tape *t = l->t;
    ag_tensor y = l->a, g, h = ag_name(ag_tanh(ag_add_scalar(ag_mul(l->b, l->a), 1)), "hidden");
    for (int i = 0; i < 1000; i++)
        y = ag_sin(ag_mul(y, l->a));
    ag_mark mark = ag_tape_mark(t);
    ag_scope_begin(t, "probe");
    ag_tensor v = ag_require_grad(ag_rand(t, AG_FLOAT, AG_SHAPE(30), 0, 1)), e = ag_name(ag_exp(v), "e");
    ag_retain_grad(e);
    ag_backward(ag_sum(ag_square(e)));
    ag_hvp(ag_sum(ag_square(e)), v, v);
    ag_scope_end(t);
    ag_tape_rewind(t, mark);
    ag_error_push(t);
    ag_add(l->b, ag_zeros(t, AG_FLOAT, AG_SHAPE(11)));
    ag_error_pop(t);
    ag_gradients(ag_square(y), AG_LIST(l->a), AG_CREATE_GRAPH, &g);
    ag_backward(ag_add(ag_add(ag_square(g), y), ag_sum(h)));
    ag_grad(l->a);
    ag_show(h);
    ag_params(t);
    ag_assign(l->b, ag_detach(h));
    ag_name(l->b, "state");
    optim_step(l->o);
    optim_zero_grad(l->o);
    ag_tape_reset(t);
}

/* ---- the test */

typedef struct counter {
    long requests;
} counter;

static void *take(void *user, size_t bytes, size_t alignment)
{
    counter *c = user;
    c->requests++;
    return aligned_alloc(alignment, (bytes + alignment) & ~(alignment - 1));
}

static void give_back(void *user, void *p, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(p);
}

static void warm(void (*setup)(loop *l), void (*step)(loop *l), ag_dtype d, int threads)
{
    counter c = { 0 };
    loop l = { .t = tape_with((ag_options){ .seed = 1,
                                            .dtype = d,
                                            .threads = threads,
                                            .keep_grads = threads == 3,
                                            .allocator = { .allocate = take, .release = give_back, .user = &c } }) };
    long requests = 0, everything = 0;
    setup(&l);
    expect_fine(l.t);
    ag_tape_reset(l.t);
    for (int i = 1; i <= 32; i++) {
        step(&l);
        if (i == 16) { /* an epoch has four steps, and what repeats itself is found out in some of them */
            requests = c.requests;
            everything = allocations;
        }
    }
    everything = allocations - everything; /* before what the test does itself */
    assert_true(requests > 0);
    expect_fine(l.t);
    assert_int_equal(c.requests, requests);
    if (counts_everything())
        assert_int_equal(everything, 0);
    else
        print_message("skip: allocations in libraries are not counted here\n");
    ag_tape_free(l.t);
}

static void warm_in_all_settings(void (*setup)(loop *l), void (*step)(loop *l))
{
    for (int threads = 1; threads <= (slow() ? 1 : 3); threads++) {
        warm(setup, step, AG_F32, threads);
        warm(setup, step, AG_F64, threads);
    }
}

static void classifiers(void **state)
{
    (void)state;
    warm_in_all_settings(classify_setup, classify);
}

static void large_tensors(void **state)
{
    (void)state;
    warm_in_all_settings(large_setup, large);
}

static void everything_mixed(void **state)
{
    (void)state;
    warm_in_all_settings(mixed_setup, mixed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifiers),
        cmocka_unit_test(large_tensors),
        cmocka_unit_test(everything_mixed),
    };
    return cmocka_run_group_tests_name("warm allocation", tests, NULL, NULL);
}
