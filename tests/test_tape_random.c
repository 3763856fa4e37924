/* Random sequences of everything that makes, writes and ends tensors, beside a model that knows what each handle must
 * hold and whether it is still good. */
#include "support.h"

enum { HANDLES = 3000, STORAGES = 3000, MARKS = 40, LONGEST = 5 };

typedef struct storage {
    double value[LONGEST];
} storage;

typedef struct known {
    ag_tensor x;
    int storage, offset, size; /* size 0: rank 0 */
    bool alive, persistent, writable;
} known;

typedef struct marked {
    ag_mark mark;
    int handles; /* known then */
    bool good;
} marked;

typedef struct model {
    ag_tape *t;
    uint64_t random;
    storage storages[STORAGES];
    known handles[HANDLES];
    marked marks[MARKS];
    int storage_count, handle_count, mark_count;
} model;

static int draw(model *m, int below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return (int)((m->random >> 33) % (uint64_t)below);
}

static double *values_of(model *m, const known *k)
{
    return m->storages[k->storage].value + k->offset;
}

/* A handle with a storage of its own. */
static double *learn(model *m, ag_tensor x, int size, bool persistent, bool writable)
{
    expect_fine(m->t);
    assert_true(ag_ok(x));
    known k = { x, m->storage_count++, 0, size, true, persistent, writable };
    m->handles[m->handle_count++] = k;
    return m->storages[k.storage].value;
}

static known *pick(model *m, bool alive)
{
    for (int tries = 0; tries < 50 && m->handle_count; tries++) {
        known *k = &m->handles[draw(m, m->handle_count)];
        if (k->alive == alive)
            return k;
    }
    return NULL;
}

/* ---- moves */

static void make_leaf(model *m)
{
    double v[LONGEST];
    int size = draw(m, LONGEST + 1), count = size ? size : 1;
    for (int i = 0; i < count; i++)
        v[i] = draw(m, 1000);
    bool grad = draw(m, 2);
    ag_tensor x = size   ? ag_values(m->t, AG_SHAPE(size), v, (size_t)size)
                  : grad ? ag_variable(m->t, v[0])
                         : ag_constant(m->t, v[0]);
    memcpy(learn(m, x, size, false, size > 0), v, sizeof v);
    if (size && grad) { /* shares the values */
        known k = m->handles[m->handle_count - 1];
        k.x = ag_require_grad(k.x);
        k.writable = false;
        m->handles[m->handle_count++] = k;
    }
}

static void compute(model *m)
{
    const known *a = pick(m, true), *b = pick(m, true);
    if (!a || !b || (a->size && b->size && a->size != b->size))
        return;
    int kind = draw(m, 4), size = a->size > b->size ? a->size : b->size;
    double v[LONGEST];
    const double *p = values_of(m, a), *q = values_of(m, b);
    for (int i = 0; i < (size ? size : 1); i++) {
        double x = p[a->size ? i : 0], y = q[b->size ? i : 0];
        v[i] = kind == 0 ? x + y : kind == 1 ? x - y : kind == 2 ? fmax(x, y) : fmin(fabs(x * y), 1000);
    }
    ag_tensor x = a->x, y = b->x;
    ag_tensor r = kind == 0   ? ag_add(x, y)
                  : kind == 1 ? ag_sub(x, y)
                  : kind == 2 ? ag_maximum(x, y)
                              : ag_minimum_scalar(ag_abs(ag_mul(x, y)), 1000);
    memcpy(learn(m, r, size, false, false), v, sizeof v);
}

static void make_persistent(model *m)
{
    const known *a = pick(m, true);
    if (!a || ag_params(m->t).count > 20)
        return;
    double v[LONGEST];
    memcpy(v, values_of(m, a), sizeof(double) * (size_t)(a->size ? a->size : 1));
    ag_tensor p = draw(m, 3) ? ag_param(a->x, "p") : ag_buffer(a->x, "b");
    memcpy(learn(m, p, a->size, true, true), v, sizeof v);
}

/* Views share the values; of rank 0 they are copies. */
static void view(model *m)
{
    const known *a = pick(m, true);
    if (!a || !a->size)
        return;
    known k = *a;
    int from = draw(m, a->size), to = from + 1 + draw(m, a->size - from);
    k.persistent = k.writable = false;
    switch (draw(m, 4)) {
    case 0:
        k.x = ag_slice(a->x, 0, from, to, 1);
        k.offset += from;
        k.size = to - from;
        break;
    case 1:
        k.x = ag_select(a->x, 0, from);
        *learn(m, k.x, 0, false, false) = values_of(m, a)[from];
        return;
    case 2:
        k.x = ag_detach(a->x);
        break;
    default:
        k.x = ag_reshape(ag_unsqueeze(a->x, 0), AG_SHAPE(a->size));
    }
    expect_fine(m->t);
    m->handles[m->handle_count++] = k;
}

static void write_values(model *m)
{
    known *a = pick(m, true), *b = pick(m, true);
    if (!a || !a->writable)
        return;
    double *to = values_of(m, a), v[LONGEST];
    if (a->persistent && b && b->size == a->size) {
        memcpy(v, values_of(m, b), sizeof(double) * (size_t)(a->size ? a->size : 1));
        assert_int_equal(ag_assign(a->x, b->x), AG_OK);
        memcpy(to, v, sizeof(double) * (size_t)(a->size ? a->size : 1));
        return;
    }
    double *p = ag_write(a->x, AG_F64);
    assert_non_null(p);
    for (int i = 0; i < (a->size ? a->size : 1); i++)
        p[i] = to[i] = draw(m, 1000);
    ag_error_clear(m->t);
}

static void differentiate(model *m)
{
    const known *a = pick(m, true);
    if (!a || !ag_needs_grad(a->x))
        return;
    ag_status s = draw(m, 2) ? ag_backward_from(a->x, ag_ones(m->t, AG_F64, ag_shape_of(a->x))) : ag_zero_grad(a->x);
    assert_true(s == AG_OK || s == AG_EUSE); /* an operand was written; no leaf */
    ag_error_clear(m->t);
}

static void end_handles(model *m, int from)
{
    for (int i = from; i < m->handle_count; i++)
        m->handles[i].alive &= m->handles[i].persistent;
}

static void set_mark(model *m)
{
    if (m->mark_count == MARKS)
        return;
    m->marks[m->mark_count++] = (marked){ ag_tape_mark(m->t), m->handle_count, true };
}

static void rewind_tape(model *m)
{
    if (!m->mark_count)
        return;
    int k = draw(m, m->mark_count);
    ag_status s = ag_tape_rewind(m->t, m->marks[k].mark);
    if (!m->marks[k].good) {
        assert_int_equal(s, AG_ESTALE);
        expect_error(m->t, AG_ESTALE, "ag_tape_rewind");
        return;
    }
    assert_int_equal(s, AG_OK);
    end_handles(m, m->marks[k].handles);
    for (int i = k + 1; i < m->mark_count; i++) /* later ones are void, unless nothing lay between */
        m->marks[i].good &=
            m->marks[i].mark.id == m->marks[k].mark.id && m->marks[i].mark.arena == m->marks[k].mark.arena;
}

static void reset(model *m)
{
    assert_int_equal(ag_tape_reset(m->t), AG_OK);
    end_handles(m, 0);
    m->mark_count = 0;
}

static void release(model *m)
{
    known *a = pick(m, true);
    if (!a || !a->persistent)
        return;
    assert_int_equal(ag_release(a->x), AG_OK);
    a->alive = a->persistent = false;
}

/* ---- checking */

static void check(model *m)
{
    for (int i = 0; i < m->handle_count; i++) {
        const known *k = &m->handles[i];
        assert_int_equal(ag_ok(k->x), k->alive);
        for (int j = 0; k->alive && j < (k->size ? k->size : 1); j++)
            assert_close(ag_item_at(k->x, j), values_of(m, k)[j], 0);
    }
    const known *gone = pick(m, false);
    if (gone) {
        assert_true(is_inert(ag_exp(gone->x), m->t));
        expect_error(m->t, AG_ESTALE, "ag_exp");
    }
    expect_fine(m->t);
}

/* Forgets handles that have ended, so that there is room for others; some are remembered. */
static void tidy(model *m)
{
    int kept = 0;
    for (int i = 0; i < m->handle_count; i++)
        if (m->handles[i].alive || i % 7 == 0)
            m->handles[kept++] = m->handles[i];
    m->handle_count = kept;
    int used = 0;
    for (int i = 0; i < kept; i++)
        used = m->handles[i].storage >= used ? m->handles[i].storage + 1 : used;
    m->storage_count = used;
}

static void play(uint64_t seed)
{
    static void (*const moves[])(model *) = { make_leaf, make_leaf,   compute,      compute,        compute,
                                              view,      view,        write_values, set_mark,       differentiate,
                                              set_mark,  rewind_tape, release,      make_persistent };
    model *m = calloc(1, sizeof *m);
    m->t = new_tape();
    m->random = seed;
    for (int i = 0; i < 600; i++) {
        moves[draw(m, (int)ARRAY_SIZE(moves))](m);
        if (i % 10 == 0)
            check(m);
        if (draw(m, 60) == 0 || m->handle_count > HANDLES - 10 || m->storage_count > STORAGES - 10) {
            reset(m);
            check(m);
            tidy(m);
        }
    }
    check(m);
    assert_usable(m->t);
    ag_tape_free(m->t);
    free(m);
}

static void random_lives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < (slow() ? 20 : 300); seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_lives) };
    return cmocka_run_group_tests_name("random lives", tests, NULL, NULL);
}
