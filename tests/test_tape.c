/* The tape: handles and how they end, options, two tapes in two threads. */
#include "support.h"

#include <pthread.h>

/* ---- handles */

static void handles_end_with_the_step(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_variable(t, 2), v = ag_zeros(t, AG_F32, AG_SHAPE(3)), y = ag_square(x), p = ag_param(v, "p");
    assert_true(ag_ok(x) && ag_ok(v) && ag_ok(y) && ag_ok(p));
    for (int step = 0; step < 3; step++) {
        ag_tape_reset(t);
        ag_tensor x2 = ag_variable(t, 3), v2 = ag_ones(t, AG_F32, AG_SHAPE(3)), y2 = ag_square(x2);
        assert_false(ag_ok(x) || ag_ok(v) || ag_ok(y));
        const ag_tensor gone[] = { x, v, y };
        for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
            assert_true(isnan(ag_item(gone[i])));
            expect_error(t, AG_ESTALE, "ag_item");
            assert_true(is_inert(ag_add(gone[i], x2), t));
            expect_error(t, AG_ESTALE, "ag_add: operand 1");
            assert_true(is_inert(ag_mul(v2, gone[i]), t));
            expect_error(t, AG_ESTALE, "ag_mul: operand 2");
            assert_int_equal(ag_backward(gone[i]), AG_ESTALE);
            expect_error(t, AG_ESTALE, "ag_backward");
            assert_true(is_inert(ag_grad(gone[i]), t));
            expect_error(t, AG_ESTALE, "ag_grad");
        }
        assert_true(ag_ok(p));
        assert_item(y2, 9);
        assert_values(v2, 1, 1, 1);
        x = x2, v = v2, y = y2; /* the next round's stale ones have the ids of this round */
    }
    ag_tape_free(t);
}

/* The same index in every step: only the epoch tells the handles apart. */
static void handles_of_many_steps_are_told_apart(void **state)
{
    enum { STEPS = 200 };
    ag_tape *t = new_tape();
    ag_tensor old[STEPS];
    (void)state;
    for (int step = 0; step < STEPS; step++) {
        old[step] = step % 2 ? ag_variable(t, step) : ag_full(t, AG_F64, AG_SHAPE(1), step);
        for (int k = 0; k < step; k++)
            assert_false(ag_ok(old[k]));
        assert_item(old[step], step);
        if (step % 3)
            ag_tape_reset(t);
        else
            assert_int_equal(ag_tape_rewind(t, (ag_mark){ 0, 1, 0 }), AG_ESTALE);
        if (!(step % 3)) {
            expect_error(t, AG_ESTALE, "ag_tape_rewind");
            ag_tape_reset(t);
        }
    }
    ag_tape_free(t);
}

static void persistent_tensors_outlive_the_step(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), b = ag_buffer(ag_constant(t, 5), "b");
    for (int step = 0; step < 5; step++) {
        assert_values(ag_mul(p, b), 5 * (step + 1), 10 * (step + 1));
        ag_assign(p, AG_VALUES(t, AG_SHAPE(2), step + 2, 2 * (step + 2)));
        assert_int_equal(ag_tape_reset(t), AG_OK);
    }
    assert_true(ag_is_persistent(p) && ag_is_persistent(b));
    assert_true(ag_needs_grad(p) && !ag_needs_grad(b));
    assert_int_equal(ag_params(t).count, 1);
    ag_tape_free(t);
}

static void released_tensors_are_stale_at_once_and_for_ever(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p"), y = ag_square(p);
    ag_tensor view = ag_select(p, 0, 1), rank0 = ag_param(ag_constant(t, 1), "r");
    assert_int_equal(ag_release(p), AG_OK);
    assert_int_equal(ag_release(rank0), AG_OK);
    for (int step = 0; step < 6; step++) {
        const ag_tensor gone[] = { p, rank0 };
        for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
            assert_false(ag_ok(gone[i]) || ag_is_persistent(gone[i]));
            assert_int_equal(ag_shape_of(gone[i]).rank, -1);
            expect_error(t, AG_ESTALE, "ag_shape_of");
            assert_true(is_inert(ag_exp(gone[i]), t));
            expect_error(t, AG_ESTALE, "ag_exp");
            assert_true(isnan(ag_item_at(gone[i], 0)));
            expect_error(t, AG_ESTALE, "ag_item_at");
            assert_int_equal(ag_release(gone[i]), AG_ESTALE);
            expect_error(t, AG_ESTALE, "ag_release");
            assert_int_equal(ag_zero_grad(gone[i]), AG_ESTALE);
            expect_error(t, AG_ESTALE, "ag_zero_grad");
            assert_string_equal(ag_name_of(gone[i]), "");
            expect_error(t, AG_ESTALE, "ag_name_of");
            assert_true(strlen(ag_show(gone[i])) > 0);
            expect_fine(t);
        }
        if (step == 0) { /* what was made of it lives on to the end of the step */
            assert_values(y, 1, 4);
            assert_item(view, 2);
            assert_int_equal(ag_backward(ag_sum(y)), AG_OK);
        }
        ag_tape_reset(t);
        if (step > 2) /* the slot is used again */
            ag_param(ag_full(t, AG_F64, AG_SHAPE(step), 3), "q");
    }
    assert_int_equal(ag_params(t).count, 3);
    assert_usable(t);
    ag_tape_free(t);
}

/* ---- options */

typedef struct told {
    ag_status status;
    int count;
    char text[200];
} told;

static void note(void *user, ag_status status, const char *text)
{
    told *n = user;
    n->status = status;
    n->count++;
    snprintf(n->text, sizeof n->text, "%s", text);
}

static void *give_nothing(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    (void)bytes;
    (void)alignment;
    return NULL;
}

static void take_nothing(void *user, void *memory, size_t bytes)
{
    (void)user;
    (void)memory;
    (void)bytes;
}

static void *resize_nothing(void *user, void *memory, size_t before, size_t bytes)
{
    (void)memory;
    (void)before;
    return give_nothing(user, bytes, 64);
}

/* The handler is told what is wrong, as there is no tape to keep it. */
static void options_are_checked(void **state)
{
    (void)state;
    const struct {
        ag_options options;
        ag_status status;
        const char *text;
    } bad[] = {
        { { .dtype = AG_I32 }, AG_EARG, "the option dtype is i32" },
        { { .dtype = AG_U8 }, AG_EARG, "the option dtype is u8" },
        { { .dtype = (ag_dtype)77 }, AG_EARG, "(77); it must be AG_F32 or AG_F64" },
        { { .dtype = (ag_dtype)-1 }, AG_EARG, "the option dtype" },
        { { .threads = -1 }, AG_EARG, "the option threads is -1; it must be from 0 to 1024" },
        { { .threads = 1 << 30 }, AG_EARG, "the option threads" },
        { { .allocator = { .allocate = give_nothing } }, AG_EARG, "the option allocator lacks release" },
        { { .allocator = { .release = take_nothing } }, AG_EARG, "the option allocator lacks allocate" },
        { { .allocator = { .resize = resize_nothing } }, AG_EARG, "the option allocator lacks allocate" },
        { { .allocator = { .allocate = give_nothing, .release = take_nothing } }, AG_ENOMEM, "no memory for a tape" },
        { { .memory_limit = 1 }, AG_ENOMEM, "would exceed the memory limit of 1" },
        { { .memory_limit = 100 }, AG_ENOMEM, "would exceed the memory limit of 100" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        told told = { 0 };
        ag_options options = bad[i].options;
        options.on_error = note;
        options.user = &told;
        assert_null(ag_tape_new(options));
        assert_int_equal(told.count, 1);
        assert_int_equal(told.status, bad[i].status);
        assert_true(strstr(told.text, "ag_tape_new: ") == told.text && strstr(told.text, bad[i].text));
    }
    ag_tape *t = ag_tape_new((ag_options){ 0 });
    assert_int_equal(ag_tape_dtype(t), AG_F64);
    assert_true(ag_tape_threads(t) >= 1);
    assert_true(ag_tape_memory(t) > 0);
    ag_tape_free(t);
    t = tape_with((ag_options){ .dtype = AG_F32, .threads = 3 });
    assert_int_equal(ag_tape_dtype(t), AG_F32);
    assert_int_equal(ag_tape_threads(t), 3);
    assert_int_equal(ag_dtype_of(AG_VALUES(t, AG_SHAPE(1), 1)), AG_F32);
    assert_int_equal(ag_dtype_of(ag_zeros(t, AG_FLOAT, AG_SCALAR)), AG_F32);
    assert_int_equal(ag_dtype_of(ag_constant(t, 1)), AG_F64);
    ag_tape_free(t);
    ag_tape_free(NULL);
}

static void the_memory_limit_is_an_error(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .memory_limit = 1 << 20 });
    assert_true(is_inert(ag_zeros(t, AG_F64, AG_SHAPE(1 << 17)), t));
    expect_error(t, AG_ENOMEM, "limit");
    assert_usable(t);
    assert_true(ag_tape_memory(t) <= 1 << 20);
    ag_tape_free(t);
    t = new_tape();
    const ag_shape huge[] = { AG_DIMS((int64_t)1 << 40), AG_DIMS((int64_t)1 << 31, (int64_t)1 << 31),
                              AG_DIMS(INT64_MAX), AG_DIMS((int64_t)1 << 32, (int64_t)1 << 32),
                              AG_DIMS((int64_t)1 << 62, 1, 2) };
    for (size_t i = 0; i < ARRAY_SIZE(huge); i++) {
        assert_true(is_inert(ag_zeros(t, AG_U8, huge[i]), t));
        assert_true(ag_error(t) == AG_ENOMEM || ag_error(t) == AG_ELIMIT);
        assert_true(strlen(ag_error_text(t)) > 10);
        ag_error_clear(t);
        assert_usable(t);
    }
    ag_tape_free(t);
}

static unsigned char *filled(ag_tape *t, unsigned char *block, size_t from, size_t bytes)
{
    block = ag_tape_resize(t, block, bytes);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 64, 0);
    for (size_t i = 0; i < from; i++)
        assert_int_equal(block[i], (unsigned char)(i % 251));
    for (size_t i = from; i < bytes; i++)
        block[i] = (unsigned char)(i % 251);
    return block;
}

static void blocks_of_the_tape_grow_and_go_back(void **state)
{
    (void)state;
    enum { BLOCKS = 5, LARGEST = 1 << 23 };
    ag_tape *t = tape_with((ag_options){ .memory_limit = BLOCKS * 2 * LARGEST });
    uint64_t before = ag_tape_memory(t);
    unsigned char *blocks[BLOCKS] = { NULL };
    size_t bytes = 0;
    for (size_t next = 1; next <= LARGEST; bytes = next, next = 5 * next / 2 + 7) {
        for (int i = 0; i < BLOCKS; i++)
            blocks[i] = filled(t, blocks[i], bytes, next);
        assert_true(ag_tape_memory(t) - before >= BLOCKS * next && ag_tape_memory(t) - before < BLOCKS * (next + 128));
    }
    assert_ptr_equal(ag_tape_resize(t, blocks[0], 3), blocks[0]); /* smaller: it is enough as it is */
    assert_null(ag_tape_resize(t, blocks[0], BLOCKS * 2 * LARGEST));
    expect_error(t, AG_ENOMEM, "would exceed the memory limit");
    filled(t, blocks[0], bytes, bytes);
    const int order[] = { 2, 4, 0, 3 }; /* from the middle, the ends, and one for the tape to free */
    for (size_t i = 0; i < ARRAY_SIZE(order); i++)
        ag_tape_deallocate(t, blocks[order[i]]);
    assert_true(ag_tape_memory(t) - before < bytes + 128);
    filled(t, blocks[1], bytes, bytes);
    ag_tape_free(t);
}

static void nodes_are_counted(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    assert_int_equal(ag_tape_nodes(t), 0);
    ag_add(ag_variable(t, 1), ag_zeros(t, AG_F64, AG_SHAPE(2)));
    assert_int_equal(ag_tape_nodes(t), 3);
    ag_tape_reset(t);
    assert_int_equal(ag_tape_nodes(t), 0);
    ag_tape_free(t);
}

/* ---- threads */

static double train(uint64_t seed)
{
    ag_tape *t = ag_tape_new((ag_options){ .seed = seed, .threads = 2, .on_error = ag_quiet });
    ag_tensor w = ag_param(ag_randn(t, AG_F64, AG_SHAPE(40, 30), 0, 0.1), "w"), b = ag_param(ag_constant(t, 0.1), "b");
    optim *o = optim_sgd(ag_params(t), (optim_sgd_config){ .lr = 0.01, .momentum = 0.9 });
    double loss = NAN;
    for (int step = 0; step < 60 && !ag_error(t); step++) {
        ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(20, 40), -1, 1);
        ag_tensor y = ag_tanh(ag_add(ag_matmul(x, w), b)), l = ag_mean(ag_square(ag_add_scalar(y, -0.5)));
        ag_backward(l);
        optim_step(o);
        optim_zero_grad(o);
        loss = ag_item(l);
        ag_tape_reset(t);
    }
    if (ag_error(t))
        loss = NAN;
    ag_tape_free(t);
    return loss;
}

static void *train_thread(void *result)
{
    double *r = result;
    for (int i = 0; i < 4; i++)
        r[i] = train((uint64_t)i);
    return NULL;
}

static void tapes_in_threads_do_not_meet(void **state)
{
    (void)state;
    double expected[4], result[4][4];
    pthread_t threads[4];
    train_thread(expected);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, train_thread, result[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) {
        assert_true(expected[i] > 0 && expected[i] < 0.3);
        assert_memory_equal(result[i], expected, sizeof expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_end_with_the_step),
        cmocka_unit_test(handles_of_many_steps_are_told_apart),
        cmocka_unit_test(persistent_tensors_outlive_the_step),
        cmocka_unit_test(released_tensors_are_stale_at_once_and_for_ever),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(the_memory_limit_is_an_error),
        cmocka_unit_test(blocks_of_the_tape_grow_and_go_back),
        cmocka_unit_test(nodes_are_counted),
        cmocka_unit_test(tapes_in_threads_do_not_meet),
    };
    return cmocka_run_group_tests_name("tape", tests, NULL, NULL);
}
