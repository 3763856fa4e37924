/* Counters near their ends: of epochs, of the generations of persistent tensors, and of nodes. */
#include "ag/tape/tape.h"
#include "support.h"
#include <sys/mman.h>

/* ---- epochs: after 2^32 of them they begin again */

/* As if the tape had been reset so often that `left` epochs are left. */
static void spend_epochs(ag_tape *t, uint32_t left)
{
    t->epoch = UINT32_MAX - left;
    ag_tape_reset(t);
}

static void epochs_begin_again(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        enum { STEPS = 12 };
        ag_tape *t = new_tape();
        spend_epochs(t, STEPS / 2);
        ag_tensor before = ag_variable(t, -1), kept[STEPS], p = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "p");
        ag_mark mark = ag_tape_mark(t), marks[STEPS];
        for (int i = 0; i < STEPS; i++) {
            bool resets = way == 0 || (way == 2 && i % 3 == 0);
            kept[i] = ag_variable(t, i);
            marks[i] = ag_tape_mark(t);
            assert_item(ag_add(kept[i], ag_sum(p)), i + 3);
            assert_usable(t);
            assert_int_equal(resets ? ag_tape_reset(t) : ag_tape_rewind(t, mark), AG_OK);
            assert_int_equal(ag_ok(before), !resets);
            if (resets) {
                before = ag_variable(t, -1);
                mark = ag_tape_mark(t);
            }
            for (int k = 0; k <= i; k++) {
                assert_false(ag_ok(kept[k]));
                assert_int_equal(ag_tape_rewind(t, marks[k]), AG_ESTALE);
                ag_error_clear(t);
            }
            assert_item(before, -1);
        }
        assert_true(t->epoch < STEPS); /* it did wrap */
        assert_usable(t);
        ag_tape_free(t);
    }
}

/* The handle of a failed op has the epoch 0, which no segment takes. */
static void no_epoch_is_zero(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    spend_epochs(t, 1);
    for (int i = 0; i < 3; i++) {
        ag_tensor x = ag_variable(t, i);
        assert_true(x.epoch != 0);
        assert_false(ag_ok((ag_tensor){ t, x.id, 0 }));
        ag_tape_reset(t);
    }
    ag_tape_free(t);
}

/* What is documented: a handle that is 2^32 epochs old is taken for one of now. */
static void handles_of_exactly_two_to_the_32_epochs_ago_are_missed(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor old = ag_variable(t, 1);
    ag_tape_reset(t);
    ag_variable(t, 2);
    assert_false(ag_ok(old));
    t->epoch = UINT32_MAX - 1;
    ag_tape_reset(t);
    ag_variable(t, 3);
    assert_false(ag_ok(old));
    ag_tape_reset(t);
    ag_variable(t, 4);
    assert_true(ag_ok(old));
    ag_tape_reset(t);
    ag_variable(t, 5);
    assert_false(ag_ok(old));
    ag_tape_free(t);
}

/* ---- persistent tensors: a slot is used again after a release */

static void generations_begin_again(void **state)
{
    (void)state;
    enum { ROUNDS = 6 };
    ag_tape *t = new_tape();
    ag_tensor kept[ROUNDS], x = ag_param(AG_VALUES(t, AG_SHAPE(2), 1, 2), "x");
    x.epoch = UINT32_MAX - ROUNDS / 2;
    t->slots[AG_INDEX(x.id)].handle = ag_word(x);
    for (int i = 0; i < ROUNDS; i++) {
        assert_values(x, 1 + i, 2);
        kept[i] = x;
        assert_int_equal(ag_release(x), AG_OK);
        ag_tape_reset(t);
        x = ag_param(AG_VALUES(t, AG_SHAPE(2), 2 + i, 2), "x");
        assert_int_equal(AG_INDEX(x.id), AG_INDEX(kept[0].id));
        assert_true(x.epoch != 0);
        for (int k = 0; k <= i; k++)
            assert_false(ag_ok(kept[k]));
    }
    assert_int_equal(t->slot_count, 1);
    ag_tape_free(t);
}

/* ---- nodes: ids stay below their tag bits. Address space is reserved for the tables, not memory. */

static void *reserve(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    (void)alignment;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void release(void *user, void *memory, size_t bytes)
{
    (void)user;
    munmap(memory, bytes);
}

/* Makes one node in one of several ways. */
static ag_tensor make(ag_tape *t, ag_tensor x, ag_tensor v, int way)
{
    switch (way % 5) {
    case 0:
        return ag_mul(x, x);
    case 1:
        return ag_variable(t, 1);
    case 2:
        return ag_exp(v);
    case 3:
        return ag_clamp(x, 0, 1);
    default:
        return ag_sum(v);
    }
}

static void ids_stay_below_their_tags(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        enum { LEFT = 20 };
        ag_tape *t = tape_with(
            (ag_options){ .allocator = { .allocate = reserve, .release = release }, .memory_limit = UINT64_MAX / 2 });
        uint32_t capacity = AG_MAX_NODES + AG_MAX_NODES / 16; /* a table grows by a sixteenth */
        if (!ag_grow(t, (void **)&t->records, &t->record_capacity, sizeof *t->records, capacity) ||
            !ag_grow(t, (void **)&t->headers, &t->header_capacity, sizeof *t->headers, capacity)) {
            ag_tape_free(t);
            print_message("skip: there is no address space for 2^30 nodes\n");
            skip();
        }
        ag_mark first = ag_tape_mark(t);
        ag_make_room(t, 64);
        t->capacity = capacity;
        t->span = AG_MAX_NODES - LEFT - 1; /* as if so many had been recorded */
        t->r = t->records + 1;
        t->h = t->headers + 1;
        ag_set_recording(t);
        ag_tensor x = ag_variable(t, 2), v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 1, 2)), y = x;
        for (int i = 3; i < LEFT; i++) {
            y = make(t, x, v, way == 5 ? i : way);
            assert_true(ag_ok(y));
            assert_true(AG_INDEX(y.id) < AG_MAX_NODES);
        }
        expect_fine(t);
        for (int i = 0; i < 10; i++) {
            assert_true(is_inert(make(t, x, v, way == 5 ? i : way), t));
            expect_error(t, AG_ELIMIT, "nodes in one step");
        }
        assert_item(x, 2);
        assert_int_equal(ag_tape_nodes(t), AG_MAX_NODES - 1);
        assert_int_equal(ag_tape_rewind(t, first), AG_OK);
        x = ag_variable(t, 3); /* no pass: it would write to an adjoint of each node that there is room for */
        assert_item(ag_mul(x, x), 9);
        ag_tape_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_begin_again),
        cmocka_unit_test(no_epoch_is_zero),
        cmocka_unit_test(handles_of_exactly_two_to_the_32_epochs_ago_are_missed),
        cmocka_unit_test(generations_begin_again),
        cmocka_unit_test(ids_stay_below_their_tags),
    };
    return cmocka_run_group_tests_name("limits of the tape", tests, NULL, NULL);
}
