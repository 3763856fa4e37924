/* How many threads there are: for the bits it does not matter. Threads in children of fork. */
#include "support.h"

#include <stdint.h>
#include <sys/wait.h>

/* ---- work of every kind that is spread over threads, as a number that depends on all its bits */

static uint64_t hash;

static void take(ag_tensor x)
{
    assert_int_equal(ag_error(x.tape), AG_OK);
    const ag_dtype d = ag_dtype_of(x);
    const unsigned char *bytes = ag_data(x, d);
    for (int64_t i = 0, n = ag_size_of(x) * (int64_t)ag_dtype_size(d); i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3;
}

static void train(ag_tape *t, ag_dtype d)
{
    ag_tensor w = ag_param(ag_randn(t, d, AG_SHAPE(400, 500), 0, 0.05), "w"),
              x = ag_randn(t, d, AG_SHAPE(300, 400), 0, 1);
    ag_tensor class = ag_cast(ag_rand(t, d, AG_SHAPE(300), 0, 500), AG_I64);
    optim *o = optim_adam(AG_LIST(w), (optim_adam_config){ .lr = 0.1 });
    ag_tensor z = ag_matmul(x, w), many = ag_transpose(ag_reshape(z, AG_SHAPE(30, 10, 500)), 0, 2);
    ag_tensor y = ag_add(ag_cross_entropy(z, class), ag_mean(ag_square(ag_softmax(z, 0))));
    y = ag_add(y, ag_mean(ag_mul(many, ag_tanh(ag_add_scalar(many, 1)))));
    y = ag_add(y, ag_bce_logits(z, ag_sigmoid(ag_neg(z))));
    y = ag_add(y, ag_mean(ag_bce(ag_sigmoid(z), ag_zeros(t, d, AG_SHAPE(300, 500)))));
    take(ag_max_over(z, AG_AXES(0), 0));
    take(ag_matmul(ag_reshape(ag_rand(t, d, AG_SHAPE(70000), 0, 1), AG_SHAPE(2, 35000)),
                   ag_ones(t, d, AG_SHAPE(35000, 3))));
    take(ag_matmul(ag_rand(t, d, AG_SHAPE(20, 90, 90), 0, 1), ag_rand(t, d, AG_SHAPE(20, 90, 90), 0, 1)));
    ag_backward(y);
    optim_clip_norm(o, 1);
    optim_step(o);
    take(ag_grad(w));
    take(w);
    take(y);
    ag_tape_reset(t);
}

static uint64_t work(int threads)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = 5, .threads = threads, .on_error = ag_quiet });
    hash = 0xcbf29ce484222325;
    train(t, AG_F32);
    train(t, AG_F64);
    ag_tape_free(t);
    return hash;
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    static const int threads[] = { 2, 3, 4, 8 };
    const uint64_t wanted = work(1);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_true(work(threads[i]) == wanted);
}

/* ---- children */

static void expect_good_end(pid_t child)
{
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_child_of_fork_computes_the_same(void **state)
{
    (void)state;
    uint64_t wanted = work(2);
    for (int i = 0; i < 2; i++) { /* the second time by a process that is a child itself */
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            if (i == 0)
                _exit(work(2) != wanted);
            pid_t grandchild = fork();
            int status = 1;
            if (grandchild == 0)
                _exit(work(2) != wanted);
            waitpid(grandchild, &status, 0);
            _exit(status != 0);
        }
        expect_good_end(child);
    }
    assert_true(work(2) == wanted); /* the parent has its threads still */
}

static void run_with(const char *setting, const char *wanted)
{
    char program[4096] = "";
    assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    pid_t child = fork();
    if (child == 0) {
        putenv((char *)(uintptr_t)setting);
        alarm(60);
        execl(program, program, wanted, (char *)NULL);
        _exit(99);
    }
    expect_good_end(child);
}

static void the_environment_of_openmp_is_respected(void **state)
{
    (void)state;
    run_with("OMP_NUM_THREADS=3", "3");
    run_with("OMP_NUM_THREADS=3,2", "3");
    run_with("OMP_THREAD_LIMIT=1", "1");
}

/* Run again with the number of threads that a tape should have. */
static int check_threads(int wanted)
{
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    const int threads = ag_tape_threads(t);
    ag_tape_free(t);
    return threads != wanted;
}

int main(int count, char **arguments)
{
    if (count > 1)
        return check_threads(atoi(arguments[1]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(a_child_of_fork_computes_the_same),
        cmocka_unit_test(the_environment_of_openmp_is_respected),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
