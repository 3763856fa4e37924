/* Checkpoints: a function whose intermediate results are not kept but computed again on the way back.
 *
 * It runs in an interlude, of which its value alone remains, as the result of an op whose operands are the arguments and
 * whatever else of the step the value depends on. The op's rule runs the function again and differentiates what that
 * records: a pass within the pass. */
#include "ag/backward/backward.h"

typedef struct checkpoint_params {
    ag_function *f;
    void *user;
    size_t count; /* of arguments; the operands after them are read without being given */
    uint64_t random_calls;
    const uint8_t *modes;
    uint32_t mode_count;
} checkpoint_params;

/* ---- what the function saw the first time */

bool ag_replayed(ag_tape *t, bool now)
{
    if (!t)
        return now;
    ag_modes *m = &t->modes;
    if (m->left) {
        now = *m->next++;
        m->left--;
    }
    if (m->notes && ag_grow(t, (void **)&m->noted, &m->capacity, 1, (uint64_t)m->count + 1))
        m->noted[m->count++] = now;
    return now;
}

/* ---- the way back */

static ag_tensor run_again(ag_tape *t, const checkpoint_params *p, ag_list xs)
{
    const uint64_t random_calls = t->random_calls;
    const ag_modes modes = t->modes;
    t->random_calls = p->random_calls;
    t->modes.next = p->modes;
    t->modes.left = p->mode_count;
    t->modes.notes = 0;
    ag_tensor y = p->f(xs, p->user);
    t->modes.next = modes.next;
    t->modes.left = modes.left;
    t->modes.notes = modes.notes;
    t->random_calls = random_calls;
    return y;
}

/* Are the values of the result and of what the function gave now the same bits? False without an error: no. */
static bool same_values(const ag_call *c, uint32_t id)
{
    ag_tape *t = c->tape;
    ag_array then = ag_array_of(t, ag_id_at(t, c->id)), now = ag_array_of(t, id);
    const size_t bytes = (size_t)ag_array_size(&now) * ag_bytes_of(now.dtype);
    return ag_make_acceptable(t, c->op, &now, 1) && (!bytes || !memcmp(then.data, now.data, bytes));
}

/* The id of the second value, which must be the first. 0: reported. */
static uint32_t check_again(const ag_call *c, ag_tensor y)
{
    ag_tape *t = c->tape;
    char a[128], b[128];
    uint32_t id = t->error.status ? 0 : ag_resolve(t, y, "the function of ag_checkpoint", 0);
    if (!id)
        return ag_refuse(t, "ag_checkpoint"), 0;
    const ag_layout *now = ag_layout_at(t, id), *then = ag_layout_at(t, c->id);
    if (AG_INDEX(id) >= t->inner && now->dtype == then->dtype && ag_layout_same_shape(now, then)) {
        if (same_values(c, id))
            return id;
        ag_fail(
            t, AG_EUSE,
            "ag_checkpoint: run again on the way back, the function gave other values than at first; it must do the "
            "same both times: was something written since that it reads, or does it count its calls?");
        return 0;
    }
    ag_fail(
        t, AG_EUSE,
        "ag_checkpoint: run again on the way back, the function gave %s %s where it had given %s %s; it must do the "
        "same both times",
        ag_dtype_name(now->dtype), ag_shape_text(ag_layout_shape(now), a, sizeof a), ag_dtype_name(then->dtype),
        ag_shape_text(ag_layout_shape(then), b, sizeof b));
    return 0;
}

/* Is a derivative by operand i wanted? What stands among the arguments several times has all of it at the first. */
static bool is_wanted(const ag_call *c, int i, size_t arguments)
{
    for (int k = 1; k < i && (size_t)k <= arguments; k++)
        if (AG_INDEX(c->inputs[k]) == AG_INDEX(c->inputs[i]))
            return false;
    return ag_call_needs(c, i);
}

static void differentiate(const ag_call *c, ag_tensor y, ag_tensor dy, ag_list xs, int flags, ag_tensor *dx)
{
    ag_tape *t = c->tape;
    ag_tensor *wanted = ag_call_scratch(c, 2 * xs.count * sizeof *wanted), *given = wanted ? wanted + xs.count : NULL;
    const size_t arguments = ((const checkpoint_params *)c->params)->count;
    const uint32_t id = wanted ? check_again(c, y) : 0;
    size_t count = 0;
    if (!id || !ag_needs(t, id))
        return;
    for (size_t i = 0; i < xs.count; i++)
        if (is_wanted(c, (int)i + 1, arguments))
            wanted[count++] = xs.at[i];
    if (ag_find_gradients(y, dy, (ag_list){ wanted, count }, flags, given, "ag_checkpoint"))
        return;
    count = 0;
    for (size_t i = 0; i < xs.count; i++)
        if (is_wanted(c, (int)i + 1, arguments))
            dx[i + 1] = given[count++];
}

/* A persistent number has no storage that would tell of a write, but another leaf after it. */
static bool was_written(const ag_call *c, uint32_t id)
{
    const ag_tape *t = c->tape;
    const ag_node *d = ag_node_or_null(t, id);
    const uint32_t index = AG_INDEX(id);
    if (!ag_is_number(d))
        return t->nodes[d->owner].written > AG_INDEX(c->id);
    if (t->headers[index].op != AG_OP_PERSISTENT)
        return false;
    const ag_slot *s = &t->slots[ag_leaf_slot(t, id)];
    return AG_INDEX(s->leaf_id) != index || s->leaf_epoch != ag_epoch_of(t, index);
}

/* Operand i, which the function reads again; inert: it is not what it read. */
static ag_tensor read_again(const ag_call *c, int i, size_t arguments)
{
    ag_tape *t = c->tape;
    char which[24] = "a tensor", where[AG_PLACE];
    if (!was_written(c, c->inputs[i]))
        return ag_handle(t, c->inputs[i]);
    const char *name = ag_written_name(t, c->inputs[i], where, sizeof where);
    if ((size_t)i <= arguments)
        snprintf(which, sizeof which, "argument %d", i);
    ag_fail(
        t, AG_EUSE,
        "ag_checkpoint: %s%s%s%s was written%s after the function had read it, which is to run again on the way back; "
        "write after ag_backward, and record again before the next one",
        which, *name ? " '" : "", name, *name ? "'" : "", where);
    return ag_inert(t);
}

static void checkpoint_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tape *t = c->tape;
    const checkpoint_params *p = c->params;
    const size_t count = (size_t)c->count - 1;
    ag_tensor *xs = ag_call_scratch(c, count * sizeof *xs);
    for (size_t i = 0; xs && i < count; i++) {
        xs[i] = read_again(c, (int)i + 1, p->count);
        if (!xs[i].id)
            return;
    }
    if (!xs)
        return;
    const int flags = t->no_grad ? 0 : AG_CREATE_GRAPH;
    const unsigned suspended = ag_enable_grad_begin(t);
    ag_tensor y = run_again(t, p, (ag_list){ xs, p->count });
    differentiate(c, y, dy[0], (ag_list){ xs, count }, flags, dx);
    t->no_grad = suspended;
    ag_set_recording(t);
}

static const ag_op checkpoint = { .name = "ag_checkpoint",
                                  .formula = "f(xs), computed again on the way back",
                                  .flags = AG_VARIADIC | AG_VIEW,
                                  .params_size = sizeof(checkpoint_params),
                                  .shape = ag_shape_of_value,
                                  .vjp = checkpoint_vjp };

/* ---- the way forward */

typedef struct running {
    ag_tape *t;
    ag_list xs;
    uint32_t *ids; /* of the pool: their indices */
    checkpoint_params params;
    uint32_t first; /* of what the function records */
    bool kept;      /* the value is one, with a history */
    void *value;    /* of the pool, dense; outlives the interlude, as the rest does */
    size_t value_bytes;
    ag_dtype dtype;
    ag_shape shape;
    ag_tensor *operands; /* of the pool: the value, the arguments, what else the value depends on */
    size_t count, room;
} running;

/* Of a node of before that the value depends on: is it no argument? */
static bool is_read(const running *r, uint32_t i)
{
    if (r->t->headers[i].op == AG_OP_CONSTANT && !(r->t->headers[i].flags & AG_HAS_NODE))
        return false; /* a number that nobody can write */
    for (size_t k = 0; k < r->xs.count; k++)
        if (r->ids[k] == i)
            return false;
    return true;
}

/* The next node of before, from i on, that is read; r->first: none. However many there are, few are reached. */
static uint32_t next_read(const running *r, const uint8_t *reached, uint32_t i)
{
    const uint8_t *at;
    for (; i < r->first; i++) {
        at = memchr(reached + i, AG_REACHED, r->first - i);
        i = at ? (uint32_t)(at - reached) : r->first;
        if (!at || is_read(r, i))
            return i;
    }
    return r->first;
}

/* The tensors of before that the value depends on, be it by a leaf that the function made or through memory that it
 * shows. */
static bool gather(running *r, uint32_t y)
{
    ag_tape *t = r->t;
    uint8_t *reached = ag_reachable(t, y, r->first);
    size_t found = 0;
    for (uint32_t i = y; reached && i >= r->first; i--) {
        const ag_node *d = reached[i] ? ag_node_or_null(t, i) : NULL;
        if (!ag_is_number(d))
            reached[t->nodes[d->owner].id] = AG_REACHED;
        found += reached[i] && t->headers[i].op == AG_OP_PERSISTENT;
    }
    for (uint32_t i = reached ? next_read(r, reached, 1) : r->first; i < r->first; i = next_read(r, reached, i + 1))
        found++;
    r->room = 1 + r->xs.count + found;
    r->operands = reached ? ag_pool_take(t, r->room * sizeof *r->operands) : NULL;
    r->count = 1 + r->xs.count;
    for (uint32_t i = r->operands ? next_read(r, reached, 1) : r->first; i < r->first; i = next_read(r, reached, i + 1))
        r->operands[r->count++] = ag_handle(t, ag_id_at(t, i));
    for (uint32_t i = r->first; r->operands && i <= y; i++) {
        if (!reached[i] || t->headers[i].op != AG_OP_PERSISTENT)
            continue;
        const uint32_t slot = ag_leaf_slot(t, i);
        r->operands[r->count++] = (ag_tensor){ t, slot | AG_TAG_PERSISTENT, ag_slot_generation(&t->slots[slot]) };
    }
    ag_pool_give(t, reached, (size_t)y + 1);
    return r->operands;
}

static bool keep_value(running *r, uint32_t y)
{
    ag_tape *t = r->t;
    ag_array from = ag_array_of(t, y), to = from;
    r->dtype = from.dtype;
    r->shape = from.shape;
    r->value_bytes = (size_t)ag_array_size(&from) * ag_dtype_size(from.dtype);
    to.data = r->value = ag_pool_take(t, r->value_bytes);
    if (!r->value)
        return false;
    ag_array_dense(&to);
    ag_copy_array(&to, &from, false, t->options.threads);
    return true;
}

/* The function may neither end the step nor differentiate what was there before. */
static ag_tensor call(ag_tape *t, ag_function *f, ag_list xs, void *user)
{
    const ag_inner_start outer = ag_inner_enter(t);
    t->busy++;
    ag_tensor y = f(xs, user);
    t->busy--;
    ag_inner_leave(t, outer);
    return y;
}

/* In an interlude that is running; what its value needs to become a tensor of the step. */
static ag_tensor run_first(running *r, ag_function *f, void *user)
{
    ag_tape *t = r->t;
    t->modes.notes++;
    ag_tensor y = call(t, f, r->xs, user);
    t->modes.notes--;
    uint32_t id = t->error.status ? 0 : ag_resolve(t, y, "the function of ag_checkpoint", 0);
    if (!id || y.id & AG_TAG_PERSISTENT || AG_INDEX(id) < r->first)
        return id ? y : (ag_refuse(t, "ag_checkpoint"), ag_inert(t));
    r->kept = ag_needs(t, id);
    return keep_value(r, id) && (!r->kept || gather(r, AG_INDEX(id))) ? y : ag_inert(t);
}

static const uint8_t *copy_modes(ag_tape *t, uint32_t from, uint32_t count)
{
    uint8_t *copy = count ? ag_scratch(t, count) : NULL;
    return copy ? memcpy(copy, t->modes.noted + from, count) : NULL;
}

static ag_tensor result(running *r, uint32_t modes)
{
    ag_tape *t = r->t;
    ag_array a = ag_dense_array(r->shape, r->dtype, ag_scratch(t, r->value_bytes));
    if (!a.data)
        return ag_inert(t);
    memcpy(a.data, r->value, r->value_bytes);
    ag_tensor y = ag_constant_of(t, &a);
    if (!r->kept || !y.id)
        return y;
    r->params.mode_count = t->modes.count - modes;
    r->params.modes = copy_modes(t, modes, r->params.mode_count);
    if (r->params.mode_count && !r->params.modes)
        return ag_inert(t);
    r->operands[0] = y;
    memcpy(r->operands + 1, r->xs.at, r->xs.count * sizeof *r->xs.at);
    return ag_apply(&checkpoint, (ag_list){ r->operands, r->count }, &r->params);
}

static ag_tensor run(running *r, ag_function *f, void *user)
{
    ag_tape *t = r->t;
    const uint32_t modes = t->modes.count;
    ag_interlude g;
    r->params = (checkpoint_params){ .f = f, .user = user, .count = r->xs.count, .random_calls = t->random_calls };
    if (!ag_interlude_begin(t, &g))
        return ag_inert(t);
    r->first = ag_next(t);
    ag_tensor y = run_first(r, f, user);
    ag_interlude_end(t, &g);
    if (r->value && !t->error.status)
        y = result(r, modes);
    ag_pool_give(t, r->value, r->value_bytes);
    ag_pool_give(t, r->operands, r->room * sizeof *r->operands);
    if (!t->modes.notes)
        t->modes.count = modes;
    return t->error.status ? ag_inert(t) : y;
}

/* Under no-grad nothing has to be run again. */
static ag_tensor run_plainly(ag_tape *t, ag_function *f, void *user, ag_list xs)
{
    ag_tensor y = call(t, f, xs, user);
    if (!t->error.status && !ag_resolve(t, y, "the function of ag_checkpoint", 0))
        ag_refuse(t, "ag_checkpoint");
    return t->error.status ? ag_inert(t) : y;
}

static ag_tensor refuse(ag_tape *t, ag_status s, const char *why)
{
    ag_fail(t, s, "ag_checkpoint: %s", why);
    return ag_inert(t);
}

ag_tensor ag_checkpoint(ag_function *f, void *user, ag_list xs)
{
    ag_tape *t = xs.at ? ag_list_tape(xs) : NULL;
    if (!f || !t || !xs.count)
        return refuse(t, AG_ENULL, f ? "the list of arguments is empty" : "the function is NULL");
    if (t->closed)
        return refuse(t, AG_EUSE, "not inside an error handler, nor in an op's functions but its rule");
    if (t->error.status)
        return ag_inert(t);
    running r = { .t = t, .xs = xs };
    r.ids = ag_pool_take(t, xs.count * sizeof *r.ids);
    bool ready = r.ids;
    for (size_t i = 0; i < xs.count && ready; i++) {
        r.ids[i] = AG_INDEX(ag_resolve(t, xs.at[i], "ag_checkpoint", xs.count == 1 ? 0 : (int)i + 1));
        ready = r.ids[i];
    }
    ag_tensor y = !ready ? ag_inert(t) : t->no_grad ? run_plainly(t, f, user, xs) : run(&r, f, user);
    ag_pool_give(t, r.ids, xs.count * sizeof *r.ids);
    return y;
}
