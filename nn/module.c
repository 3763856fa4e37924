/* Modules: named parameters, buffers and children. */
#include "nn/internal.h"
#include <string.h>

/* ---- making */

void nn_init(nn_module *m, ag_tape *t, const char *name, nn_function *forward)
{
    if (!m) {
        ag_fail(t, AG_ENULL, "nn_init: the module is NULL");
        return;
    }
    *m = (nn_module){ .tape = t, .name = "module", .forward = forward, .training = true };
    if (!t)
        return;
    size_t length = strlen(name ? name : m->name) + 1;
    m->registry = ag_tape_allocate(t, sizeof *m->registry + length);
    if (m->registry)
        m->name = memcpy(m->registry->name, name ? name : m->name, length);
}

nn_module *nn_new(ag_tape *t, size_t bytes, const char *name, nn_function *forward)
{
    nn_module *m = ag_tape_allocate(t, bytes);
    if (!m)
        return NULL;
    nn_init(m, t, name, forward);
    return m->registry ? m : NULL;
}

bool nn_usable(const nn_module *m, ag_tape *t, const char *who)
{
    if (m && m->tape && m->registry)
        return true;
    ag_fail(m && m->tape ? m->tape : t, AG_ENULL, "%s: the module is absent", who);
    return false;
}

/* ---- registering */

static const char *what_is_wrong(const char *name)
{
    const char *wrong = nn_what_is_wrong(name);
    if (wrong)
        return wrong;
    if (strchr(name, '.'))
        return "contains a dot";
    return strcmp(name, "__metadata__") ? NULL : "is reserved in weight files";
}

nn_entry *nn_entry_called(const nn_module *m, const char *name, size_t length)
{
    for (nn_entry *e = m->registry->first; e; e = e->next)
        if (strlen(e->name) == length && !memcmp(e->name, name, length))
            return e;
    return NULL;
}

/* An entry not yet in the list, so that what fails later leaves the module as it was. NULL: reported. */
static nn_entry *new_entry(nn_module *m, const char *name, const char *who)
{
    const char *wrong = what_is_wrong(name);
    if (wrong) {
        ag_fail(m->tape, AG_EARG, "%s: the name '%.127s' in module '%s' %s", who, name ? name : "", m->name, wrong);
        return NULL;
    }
    if (nn_entry_called(m, name, strlen(name))) {
        ag_fail(m->tape, AG_EARG, "%s: module '%s' has a '%s' already", who, m->name, name);
        return NULL;
    }
    nn_entry *e = ag_tape_allocate(m->tape, sizeof *e);
    if (e)
        memcpy(e->name, name, strlen(name) + 1);
    return e;
}

static void append(nn_module *m, nn_entry *e)
{
    if (m->registry->last)
        m->registry->last->next = e;
    else
        m->registry->first = e;
    m->registry->last = e;
}

/* May m register x? False: reported, unless x is inert. */
static bool acceptable(const nn_module *m, ag_tensor x, const char *name, const char *who)
{
    if (!nn_usable(m, x.tape, who))
        return false;
    if (!x.tape)
        ag_fail(m->tape, AG_ENULL, "%s: the value of '%.127s' is absent", who, name ? name : "");
    else if (x.tape != m->tape)
        ag_fail(m->tape, AG_EUSE, "%s: the value of '%.127s' belongs to another tape than module '%s'", who,
                name ? name : "", m->name);
    return x.tape == m->tape && x.id;
}

ag_tensor nn_param_as(nn_module *m, ag_tensor value, const ag_axes *order, const char *name)
{
    ag_tape *t = m && m->tape ? m->tape : value.tape;
    nn_entry *e = acceptable(m, value, name, "nn_param") ? new_entry(m, name, "nn_param") : NULL;
    if (!e)
        return nn_inert(t);
    e->param = true;
    e->tensor = order ? ag_param_as(value, *order, e->name) : ag_param(value, e->name);
    if (!e->tensor.id)
        return nn_inert(t);
    append(m, e);
    return e->tensor;
}

ag_tensor nn_param(nn_module *m, ag_tensor value, const char *name)
{
    return nn_param_as(m, value, NULL, name);
}

ag_tensor nn_buffer(nn_module *m, ag_tensor value, const char *name)
{
    ag_tape *t = m && m->tape ? m->tape : value.tape;
    nn_entry *e = acceptable(m, value, name, "nn_buffer") ? new_entry(m, name, "nn_buffer") : NULL;
    if (!e)
        return nn_inert(t);
    e->tensor = ag_buffer(value, e->name);
    if (!e->tensor.id)
        return nn_inert(t);
    append(m, e);
    return e->tensor;
}

ag_tensor nn_share(nn_module *m, ag_tensor persistent, const char *name)
{
    ag_tape *t = m && m->tape ? m->tape : persistent.tape;
    if (!acceptable(m, persistent, name, "nn_share"))
        return nn_inert(t);
    if (ag_size_of(persistent) < 0) /* stale: reported */
        return nn_inert(t);
    if (!ag_is_persistent(persistent)) {
        ag_fail(t, AG_EUSE, "nn_share: '%.127s' is transient; nn_param and nn_buffer make copies that persist",
                name ? name : "");
        return nn_inert(t);
    }
    nn_entry *e = new_entry(m, name, "nn_share");
    if (!e)
        return nn_inert(t);
    e->tensor = persistent;
    e->param = ag_needs_grad(persistent);
    append(m, e);
    return persistent;
}

/* ---- walking */

typedef struct walk {
    nn_visit *visit;
    void *user;
    char path[NN_PATH];
} walk;

static bool walk_below(walk *w, nn_module *m, size_t used, int depth)
{
    if (depth == NN_DEPTH) {
        ag_fail(m->tape, AG_ELIMIT, "nn: modules are nested more than %d deep at '%s'", NN_DEPTH, m->name);
        return false;
    }
    for (nn_entry *e = m->registry->first; e; e = e->next) {
        size_t length = strlen(e->name);
        memcpy(w->path + used, e->name, length + 1);
        if (!e->child && !w->visit(w->user, e, w->path))
            return false;
        if (!e->child)
            continue;
        w->path[used + length] = '.';
        if (!walk_below(w, e->child, used + length + 1, depth + 1))
            return false;
    }
    return true;
}

bool nn_walk(nn_module *m, nn_visit *visit, void *user)
{
    walk w = { .visit = visit, .user = user };
    return walk_below(&w, m, 0, 0);
}

static bool count_params(void *user, const nn_entry *e, const char *path)
{
    size_t *count = user;
    (void)path;
    *count += e->param;
    return true;
}

/* The parameters so far, in a hash table of their numbers + 1 too, at most half full: an array of a power of two. */
typedef struct param_set {
    ag_tensor *params;
    uint32_t *slots;
    size_t count, mask;
} param_set;

static bool collect_param(void *user, const nn_entry *e, const char *path)
{
    param_set *set = user;
    ag_tensor p = e->tensor;
    (void)path;
    if (!e->param)
        return true;
    size_t at = (p.id * 0x9e3779b97f4a7c15u >> 32) & set->mask; /* Fibonacci hashing (Knuth 1973) */
    for (; set->slots[at]; at = (at + 1) & set->mask) {
        ag_tensor known = set->params[set->slots[at] - 1];
        if (known.id == p.id && known.epoch == p.epoch)
            return true;
    }
    set->params[set->count++] = p;
    set->slots[at] = (uint32_t)set->count;
    return true;
}

static bool build_params(nn_module *m, size_t count)
{
    struct nn_registry *r = m->registry;
    size_t slots = 2;
    while (slots < 2 * count)
        slots *= 2;
    param_set set = { .mask = slots - 1, .slots = ag_tape_allocate(m->tape, slots * sizeof *set.slots) };
    set.params = set.slots ? ag_tape_allocate(m->tape, count * sizeof *set.params) : NULL;
    if (set.params) {
        nn_walk(m, collect_param, &set);
        r->params = set.params;
        r->param_count = set.count;
        r->built_from = count;
    }
    ag_tape_deallocate(m->tape, set.slots);
    return set.params;
}

ag_list nn_params(nn_module *m)
{
    size_t count = 0;
    if (!nn_usable(m, NULL, "nn_params"))
        return (ag_list){ NULL, 0 };
    struct nn_registry *r = m->registry;
    if (!nn_walk(m, count_params, &count) || !count || (count != r->built_from && !build_params(m, count)))
        return ag_list_none(m->tape);
    return (ag_list){ r->params, r->param_count };
}

static bool release(void *user, const nn_entry *e, const char *path)
{
    (void)user;
    (void)path;
    ag_release(e->tensor);
    return true;
}

void nn_discard(nn_module *m)
{
    if (m)
        nn_walk(m, release, NULL);
}

/* ---- children */

static bool contains(const nn_module *m, const nn_module *wanted, int depth)
{
    if (m == wanted)
        return true;
    for (const nn_entry *e = m->registry->first; e && depth < NN_DEPTH; e = e->next)
        if (e->child && contains(e->child, wanted, depth + 1))
            return true;
    return false;
}

typedef struct renaming {
    const char *name;
    char path[NN_NAME + NN_PATH];
} renaming;

static bool name_tensor(void *user, const nn_entry *e, const char *path)
{
    renaming *r = user;
    size_t length = strlen(r->name);
    memcpy(r->path, r->name, length);
    r->path[length] = '.';
    memcpy(r->path + length + 1, path, strlen(path) + 1);
    return !ag_ok(e->tensor) || ag_name(e->tensor, r->path).id;
}

nn_module *nn_child(nn_module *m, nn_module *child, const char *name)
{
    if (!nn_usable(m, child ? child->tape : NULL, "nn_child") || !nn_usable(child, m->tape, "nn_child"))
        return NULL;
    if (child->tape != m->tape) {
        ag_fail(m->tape, AG_EUSE, "nn_child: module '%s' belongs to another tape than '%s'", child->name, m->name);
        return NULL;
    }
    if (contains(child, m, 0)) {
        ag_fail(m->tape, AG_EARG, "nn_child: module '%s' would contain itself", m->name);
        return NULL;
    }
    nn_entry *e = new_entry(m, name, "nn_child");
    if (!e)
        return NULL;
    renaming r = { .name = e->name };
    walk w = { .visit = name_tensor, .user = &r };
    if (!walk_below(&w, child, 0, 1))
        return NULL;
    e->child = child;
    child->name = e->name;
    append(m, e);
    return child;
}

/* ---- using */

bool nn_begin(nn_module *m, ag_tensor x, const char *who, nn_call *c)
{
    ag_tape *t = m->tape;
    if (!x.tape)
        ag_fail(t, AG_ENULL, "%s: the input of module '%s' is absent", who, m->name);
    else if (x.tape != t)
        ag_fail(t, AG_EUSE,
                "%s: the input belongs to another tape than module '%s'; ag_copy_out and ag_from copy values", who,
                m->name);
    if (x.tape != t || !x.id)
        return false;
    ag_scope_begin(t, m->name);
    c->now = m->training;
    m->training = c->then = ag_replayed(t, c->now); /* differs where a checkpoint runs again */
    return true;
}

void nn_end(nn_module *m, nn_call c)
{
    if (c.then != c.now)
        m->training = c.now;
    ag_scope_end(m->tape);
}

ag_tensor nn_forward(nn_module *m, ag_tensor x)
{
    nn_call c;
    if (!nn_usable(m, x.tape, "nn_forward"))
        return nn_inert(x.tape);
    if (x.tape == m->tape && !m->forward)
        ag_fail(m->tape, AG_EUSE, "nn_forward: module '%s' has no forward function", m->name);
    if ((x.tape == m->tape && !m->forward) || !nn_begin(m, x, "nn_forward", &c))
        return nn_inert(m->tape);
    ag_tensor y = m->forward(m, x);
    nn_end(m, c);
    if (!y.tape) {
        ag_fail(m->tape, AG_ENULL, "nn_forward: the forward function of module '%s' returned no tensor", m->name);
        return nn_inert(m->tape);
    }
    return y;
}

static void train_below(nn_module *m, bool training, int depth)
{
    m->training = training;
    for (nn_entry *e = m->registry->first; e && depth < NN_DEPTH; e = e->next)
        if (e->child)
            train_below(e->child, training, depth + 1);
}

void nn_train(nn_module *m, bool training)
{
    if (nn_usable(m, NULL, "nn_train"))
        train_below(m, training, 0);
}
