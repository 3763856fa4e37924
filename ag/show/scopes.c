/* To which module a node belongs, as far as names tell: a parameter "0.weight" to "0", and so do the op that uses it and
 * what lies between nodes of "0" alone. */
#include "ag/show/pictures.h"

static ag_scope of_name(const char *name)
{
    const char *end = strrchr(name, '.');
    return end ? (ag_scope){ name, (size_t)(end - name) } : (ag_scope){ "", 0 };
}

static bool same(ag_scope a, ag_scope b)
{
    return a.length == b.length && !memcmp(a.name, b.name, a.length);
}

static ag_scope of_node(const ag_look *g, uint32_t i, const ag_scope *known)
{
    const uint32_t *inputs;
    const int count = ag_look_inputs(g->t, i, &inputs);
    ag_scope s = of_name(ag_look_name(g->t, i));
    if (*ag_look_name(g->t, i))
        return s;
    for (int k = 0; k < count; k++) {
        const uint32_t to = AG_INDEX(inputs[k]);
        if (g->t->headers[to].op == AG_OP_PERSISTENT && known[to].length > s.length)
            s = known[to];
    }
    return s;
}

/* Is one of the operands an op of the scope? */
static bool follows(const ag_look *g, uint32_t i, ag_scope s, const ag_scope *known)
{
    const uint32_t *inputs;
    const int count = ag_look_inputs(g->t, i, &inputs);
    for (int k = 0; k < count; k++) {
        const uint32_t to = AG_INDEX(inputs[k]);
        if (!ag_look_is_leaf(g->t, to) && same(known[to], s))
            return true;
    }
    return false;
}

/* Adds what a node's users are of to what its operands' users are: `mixed` where they differ. */
static void tell_inputs(const ag_look *g, uint32_t i, ag_scope s, ag_scope *users, ag_scope mixed)
{
    const uint32_t *inputs;
    const int count = ag_look_inputs(g->t, i, &inputs);
    for (int k = 0; k < count; k++) {
        ag_scope *u = &users[AG_INDEX(inputs[k])];
        *u = !u->name || (u->length && same(*u, s)) ? s : mixed;
    }
}

bool ag_scopes_find(const ag_look *g, ag_scope *scopes)
{
    const size_t count = (size_t)g->y + 1;
    const ag_scope mixed = { "", 0 };
    ag_scope *users = ag_pool_take(g->t, count * sizeof *users);
    if (!users)
        return false;
    memset(users, 0, count * sizeof *users);
    for (uint32_t i = 1; i <= g->y; i++)
        scopes[i] = g->reached[i] ? of_node(g, i, scopes) : mixed;
    for (uint32_t i = g->y; i; i--) {
        if (!g->reached[i])
            continue;
        if (!scopes[i].length && users[i].length && follows(g, i, users[i], scopes))
            scopes[i] = users[i];
        tell_inputs(g, i, scopes[i], users, mixed);
    }
    ag_pool_give(g->t, users, count * sizeof *users);
    return true;
}

/* ---- nodes in the order of their scopes, a module before the modules in it */

static int rank(ag_scope s, size_t at)
{
    return at >= s.length ? 0 : s.name[at] == '.' ? 1 : 2 + (unsigned char)s.name[at];
}

int ag_scopes_compare(ag_scope a, ag_scope b)
{
    size_t at = 0;
    while (at < a.length && at < b.length && a.name[at] == b.name[at])
        at++;
    return rank(a, at) - rank(b, at);
}

size_t ag_scopes_common(ag_scope a, ag_scope b)
{
    size_t at = 0, whole = 0;
    for (;; at++) {
        const bool end = (at == a.length || a.name[at] == '.') && (at == b.length || b.name[at] == '.');
        if (end)
            whole = at;
        if (at == a.length || at == b.length || a.name[at] != b.name[at])
            return whole;
    }
}
