/* Names of tensors. */
#include "ag/tape/tape.h"

const char *ag_named_at(const ag_tape *t, uint32_t index)
{
    const uint32_t at = ag_first_from(t->names, t->name_count, sizeof *t->names, offsetof(ag_named, index), index);
    return at < t->name_count && t->names[at].index == index ? t->names[at].name : "";
}

static size_t scope_bytes(const ag_tape *t)
{
    size_t bytes = 0;
    for (int i = 0; i < t->scope_count && i < AG_SCOPES; i++)
        bytes += strlen(t->scopes[i]) + 1;
    return bytes;
}

size_t ag_scoped_bytes(const ag_tape *t, const char *name)
{
    return name && *name ? scope_bytes(t) + strlen(name) + 1 : 1;
}

char *ag_scoped_name(const ag_tape *t, const char *name, char *to)
{
    char *at = to;
    if (!name || !*name) {
        *to = 0;
        return to;
    }
    memmove(to + scope_bytes(t), name, strlen(name) + 1); /* first: the name may be what `to` held */
    for (int i = 0; i < t->scope_count && i < AG_SCOPES; i++) {
        size_t length = strlen(t->scopes[i]);
        memcpy(at, t->scopes[i], length);
        at[length] = '.';
        at += length + 1;
    }
    return to;
}

/* From the pool: a rewind must not take the name of a tensor that was made before the mark. */
static char *keep_name(ag_tape *t, const char *name)
{
    char *copy = ag_pool_take(t, ag_scoped_bytes(t, name));
    return copy ? ag_scoped_name(t, name, copy) : NULL;
}

static ag_status rename_slot(ag_tape *t, ag_slot *s, const char *name)
{
    size_t bytes = ag_scoped_bytes(t, name);
    char *to = bytes > s->name_bytes ? ag_obtain(t, bytes) : s->name;
    if (!to)
        return t->error.status;
    ag_scoped_name(t, name, to);
    if (to == s->name)
        return AG_OK;
    if (s->name_bytes)
        ag_give_back(t, s->name, s->name_bytes);
    ag_count_in(&t->account.persistent, bytes);
    t->account.persistent.live -= s->name_bytes;
    s->name = to;
    s->name_bytes = bytes;
    return AG_OK;
}

ag_tensor ag_name(ag_tensor x, const char *name)
{
    ag_tape *t = x.tape;
    if (!t)
        return x;
    if (x.id & AG_TAG_PERSISTENT) {
        ag_slot *s = ag_slot_of(x, "ag_name");
        return s && !rename_slot(t, s, name) ? x : ag_inert(t);
    }
    uint32_t id = ag_find(t, x, "ag_name", 0), i = AG_INDEX(id);
    char *copy = id ? keep_name(t, name) : NULL;
    if (!copy)
        return ag_inert(t);
    if (!ag_grow(t, (void **)&t->names, &t->name_capacity, sizeof *t->names, (uint64_t)t->name_count + 1)) {
        ag_pool_give(t, copy, strlen(copy) + 1);
        return ag_inert(t);
    }
    uint32_t at = t->name_count;
    while (at && t->names[at - 1].index >= i)
        at--;
    bool known = at < t->name_count && t->names[at].index == i;
    if (known) {
        ag_pool_give(t, t->names[at].name, strlen(t->names[at].name) + 1);
    } else {
        memmove(&t->names[at + 1], &t->names[at], (t->name_count - at) * sizeof *t->names);
        t->name_count++;
    }
    t->names[at] = (ag_named){ i, copy };
    return x;
}

const char *ag_name_of(ag_tensor x)
{
    ag_tape *t = x.tape;
    if (!t)
        return "";
    if (x.id & AG_TAG_PERSISTENT) {
        const ag_slot *s = ag_slot_of(x, "ag_name_of");
        return s ? s->name : "";
    }
    uint32_t id = ag_find(t, x, "ag_name_of", 0);
    return id ? ag_named_at(t, AG_INDEX(id)) : "";
}
