/* Other shapes than the sample's: broadcast, rank 0, empty, and such as do not fit. */
#include "ag/check/check.h"
#include <math.h>
#include <stdio.h>

enum { FUZZED = 24, EMPTY_VARIANTS = 8 };

/* ---- a variant of the case: accepted with the right derivative, or refused with a clear error */

static bool clean(ag_op_check *k, ag_check_id id, const ag_case *c, const ag_outcome *o)
{
    bool shape = o->status == AG_ESHAPE || o->status == AG_EDTYPE || o->status == AG_EARG || o->status == AG_ELIMIT;
    if (o->contradicts)
        ag_check_wrong(k, id, AG_FAIL, c, "refused with a result that is not inert, or without an error");
    else if (!shape)
        ag_check_wrong(k, id, AG_FAIL, c, "refused with %s: %s", ag_status_name(o->status), o->text);
    else if (!strstr(o->text, c->op->name))
        ag_check_wrong(k, id, AG_FAIL, c, "the error does not name the op: %s", o->text);
    else
        return true;
    return false;
}

/* Draws and runs it. False: refused, or wrong, which is noted. */
static bool accepted(ag_op_check *k, ag_check_id id, ag_case *c, ag_outcome *o)
{
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_BACKWARD };
    if (!ag_check_memory(k, ag_case_draw(k->tapes.home, c, 100 + (uint64_t)k->sample) &&
                                ag_case_run(c, &r, &k->tapes, o))) {
        *o = (ag_outcome){ .applied = true, .status = AG_ENOMEM };
        return false;
    }
    if (o->applied && o->status) {
        ag_check_wrong(k, id, AG_FAIL, c, "accepted, but its derivative fails: %s: %s", ag_status_name(o->status),
                       o->text);
        return false;
    }
    return o->applied;
}

static void check_variant(ag_op_check *k, ag_check_id id, ag_case *c, int order)
{
    ag_outcome o;
    if (accepted(k, id, c, &o)) {
        if (ag_case_differentiable(c) && !ag_case_obstacle(c, &o))
            ag_check_numeric(k, id, c, order, 0);
        else
            ag_check_done(k, id, 1);
    } else if (!o.applied && clean(k, id, c, &o)) {
        ag_check_skip(k, id, "refused: %s", o.text);
    }
}

/* ---- elementwise results against the map, element by element */

static void compare_with_map(ag_op_check *k, ag_check_id id, const ag_case *c)
{
    ag_outcome o, expected;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_FORWARD };
    ag_scale s;
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &o) && ag_case_scale(c, &k->tapes, &s)) || o.status)
        return;
    double *y = ag_check_doubles(k->tapes.home, o.y_count), x[AG_CASE_INPUTS];
    if (!ag_check_memory(k, y))
        return;
    ag_array in[AG_CASE_INPUTS];
    for (int i = 0; i < c->count; i++) {
        in[i] = (ag_array){ .data = (void *)(uintptr_t)c->x[i], .dtype = AG_F64, .shape = c->shape[i] };
        ag_array_dense(&in[i]);
        in[i] = ag_array_expand(&in[i], o.shape[0]);
    }
    for (int64_t j = 0; j < o.y_count; j++) {
        for (int i = 0; i < c->count; i++)
            x[i] = ag_array_get(&in[i], j);
        y[j] = c->op->map(x, c->params);
    }
    expected = o;
    expected.y = y;
    ag_check_close(k, id, c, &o, &expected, &s, AG_CLOSE_F64, "the array kernel against the formula for one element");
}

/* ---- broadcasting */

static ag_shape without_first(ag_shape s)
{
    for (int k = 1; k < s.rank; k++)
        s.dim[k - 1] = s.dim[k];
    s.rank--;
    return s;
}

static void check_broadcast(ag_op_check *k, ag_case *c)
{
    ag_mark mark = ag_tape_mark(k->tapes.home);
    check_variant(k, AG_CHECK_BROADCAST, c, 1);
    if (c->op->map)
        compare_with_map(k, AG_CHECK_BROADCAST, c);
    ag_tape_rewind(k->tapes.home, mark);
}

void ag_check_broadcast(ag_op_check *k, const ag_case *c)
{
    if (c->count < 2) {
        ag_check_skip(k, AG_CHECK_BROADCAST, "a single operand");
        return;
    }
    for (int i = 0; i < c->count; i++) {
        if (!ag_case_is_float(c, i))
            continue;
        for (int axis = 0; axis < c->shape[i].rank; axis++) {
            ag_case other = *c;
            other.shape[i].dim[axis] = 1;
            if (c->shape[i].dim[axis] != 1)
                check_broadcast(k, &other);
        }
        ag_case other = *c;
        while (other.shape[i].rank > 1) {
            other.shape[i] = without_first(other.shape[i]);
            check_broadcast(k, &other);
        }
    }
}

/* ---- rank 0 */

/* Single precision, and an f64 number beside f32 arrays. */
static void check_rank0_f32(ag_op_check *k, const ag_case *c, ag_dtype scalars)
{
    ag_case mixed = *c;
    ag_outcome exact, single;
    ag_scale s;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_PLAIN };
    for (int i = 0; i < c->count; i++)
        if (c->shape[i].rank == 0 && c->dtype[i] == AG_FLOAT)
            mixed.dtype[i] = scalars;
    if (!ag_check_memory(k, ag_case_run(c, &r, &k->tapes, &exact) && ag_case_scale(c, &k->tapes, &s)) || exact.status)
        return;
    r.dtype = AG_F32;
    ag_outcome_round(&exact);
    if (!ag_check_memory(k, ag_case_run(&mixed, &r, &k->tapes, &single)))
        return;
    if (!single.applied && clean(k, AG_CHECK_RANK0, &mixed, &single))
        ag_check_skip(k, AG_CHECK_RANK0, "refused: %s", single.text);
    else
        ag_check_close(k, AG_CHECK_RANK0, &mixed, &single, &exact, &s, fmax(AG_CLOSE_F32, c->tolerance),
                       scalars == AG_F64 ? "f64 numbers beside f32, against f64" : "f32 numbers against f64");
}

static bool has_ranked(const ag_case *c)
{
    for (int i = 0; i < c->count; i++)
        if (c->shape[i].rank && ag_case_is_float(c, i))
            return true;
    return false;
}

static void check_rank0(ag_op_check *k, ag_case *c)
{
    ag_mark mark = ag_tape_mark(k->tapes.home);
    int64_t before = k->result[AG_CHECK_RANK0].done;
    check_variant(k, AG_CHECK_RANK0, c, 2);
    if (k->result[AG_CHECK_RANK0].done > before) {
        if (c->op->map)
            compare_with_map(k, AG_CHECK_RANK0, c);
        check_rank0_f32(k, c, AG_FLOAT);
        if (has_ranked(c))
            check_rank0_f32(k, c, AG_F64);
    }
    ag_tape_rewind(k->tapes.home, mark);
}

void ag_check_rank0(ag_op_check *k, const ag_case *c)
{
    ag_case all = *c;
    int floats = 0, changed = 0;
    for (int i = 0; i < c->count; i++) {
        if (!ag_case_is_float(c, i))
            continue;
        ag_case one = *c;
        one.shape[i] = all.shape[i] = AG_SCALAR;
        floats++;
        changed += c->shape[i].rank > 0;
        if (c->count > 1)
            check_rank0(k, &one);
    }
    if (floats && (changed || c->count == 1))
        check_rank0(k, &all);
    else if (!floats)
        ag_check_skip(k, AG_CHECK_RANK0, "no floating input");
}

/* ---- empty */

/* All dimensions of the given extent become empty. */
static void check_emptied(ag_op_check *k, const ag_case *c, int64_t extent)
{
    ag_mark mark = ag_tape_mark(k->tapes.home);
    ag_case other = *c;
    for (int i = 0; i < c->count; i++)
        for (int a = 0; a < c->shape[i].rank; a++)
            if (c->shape[i].dim[a] == extent)
                other.shape[i].dim[a] = 0;
    check_variant(k, AG_CHECK_EMPTY, &other, 1);
    ag_tape_rewind(k->tapes.home, mark);
}

void ag_check_empty(ag_op_check *k, const ag_case *c)
{
    int64_t seen[EMPTY_VARIANTS];
    int count = 0;
    for (int i = 0; i < c->count; i++)
        for (int a = 0; a < c->shape[i].rank && count < EMPTY_VARIANTS; a++) {
            bool known = c->shape[i].dim[a] == 0;
            for (int s = 0; s < count; s++)
                known |= seen[s] == c->shape[i].dim[a];
            if (known)
                continue;
            seen[count++] = c->shape[i].dim[a];
            check_emptied(k, c, c->shape[i].dim[a]);
        }
    if (!count)
        ag_check_skip(k, AG_CHECK_EMPTY, "the inputs have no dimensions");
}

/* ---- shapes and dtypes that do not fit */

static uint64_t dice(const ag_op_check *k, int variant, int throw)
{
    return ag_random_bits(99, AG_CHECK_RANDOM + (uint64_t)(k->sample * FUZZED + variant), (uint64_t) throw) >> 8;
}

static void distort(const ag_op_check *k, int variant, ag_case *c)
{
    static const ag_dtype dtypes[] = { AG_FLOAT, AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };
    int i = (int)(dice(k, variant, 0) % (uint64_t)c->count), choice = (int)(dice(k, variant, 1) % 4);
    if (choice == 0) {
        c->dtype[i] = dtypes[dice(k, variant, 2) % 6];
        return;
    }
    if (choice == 1)
        c->shape[i].rank = (int)(dice(k, variant, 3) % (AG_MAX_RANK / 2 + 1));
    for (int a = 0; a < c->shape[i].rank; a++)
        if (choice == 1 || dice(k, variant, 4 + a) % 2)
            c->shape[i].dim[a] = (int64_t)(dice(k, variant, 12 + a) % 6);
}

static void check_count(ag_op_check *k, const ag_case *c)
{
    ag_tape *t = ag_case_tape(AG_F64, 1, 0);
    ag_tensor leaf[AG_CASE_INPUTS], x[AG_CASE_INPUTS + 1], y[AG_CASE_OUTPUTS];
    ag_run r = { .dtype = AG_F64, .threads = 1 };
    if (!ag_check_memory(k, t))
        return;
    ag_case_inputs(c, &r, t, leaf, x);
    x[c->count] = x[0];
    for (int more = -1; more <= 1 && !(c->op->flags & AG_VARIADIC); more += 2) {
        ag_status s = ag_apply_all(c->op, (ag_list){ x, (size_t)(c->count + more) }, c->params, y);
        if (!s || (c->count + more > 0 && !ag_error(t)) || y[0].id)
            ag_check_wrong(k, AG_CHECK_SHAPES, AG_FAIL, c, "%d operands are accepted", c->count + more);
        ag_error_clear(t);
        ag_check_done(k, AG_CHECK_SHAPES, 1);
    }
    if (c->op->params_size) {
        ag_status s = ag_apply_all(c->op, (ag_list){ x, (size_t)c->count }, NULL, y);
        if (!s || !ag_error(t) || y[0].id)
            ag_check_wrong(k, AG_CHECK_SHAPES, AG_FAIL, c, "no parameters are accepted");
        ag_check_done(k, AG_CHECK_SHAPES, 1);
    }
    ag_tape_free(t);
}

void ag_check_shapes(ag_op_check *k, const ag_case *c)
{
    for (int variant = 0; variant < FUZZED; variant++) {
        ag_mark mark = ag_tape_mark(k->tapes.home);
        ag_case other = *c;
        ag_outcome o;
        distort(k, variant, &other);
        bool fits = accepted(k, AG_CHECK_SHAPES, &other, &o);
        if (!fits && !o.applied)
            clean(k, AG_CHECK_SHAPES, &other, &o);
        ag_check_done(k, AG_CHECK_SHAPES, 1);
        ag_tape_rewind(k->tapes.home, mark);
    }
    check_count(k, c);
}
