/* What a profile tells apart: ops by their operands' shapes and by scope, and regions. */
#include "ag/show/times.h"

typedef struct key {
    char at[AG_KEY];
    size_t used;
} key;

static void put(key *k, const void *bytes, size_t count)
{
    if (count > sizeof k->at - k->used)
        count = sizeof k->at - k->used; /* what has so many operands, or so long names, differs before */
    memcpy(k->at + k->used, bytes, count);
    k->used += count;
}

static uint64_t hash_of(const key *k)
{
    uint64_t h = k->used, word;
    size_t at = 0;
    for (; at + sizeof word <= k->used; at += sizeof word) {
        memcpy(&word, k->at + at, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    for (; at < k->used; at++)
        h = (h ^ (unsigned char)k->at[at]) * 0x100000001b3u;
    return h ^ h >> 32;
}

/* "mlp.0" with its end */
static void put_scope(key *k, const ag_profile *p, uint32_t within)
{
    const ag_tape *t = p->t;
    if (within != AG_NO_ENTRY) {
        put(k, p->entries[within].scope, strlen(p->entries[within].scope));
    } else {
        for (int i = 0; i < t->scope_count && i < AG_SCOPES; i++) {
            put(k, ".", i > 0);
            put(k, t->scopes[i], strlen(t->scopes[i]));
        }
    }
    put(k, "", 1);
}

static size_t shapes_text(const ag_call *c, char *text, size_t bytes)
{
    size_t used = 0;
    char shape[128];
    text[0] = 0;
    for (int i = 0; i < c->count && used + sizeof shape < bytes; i++) {
        ag_shape_text(ag_layout_shape(ag_layout_at(c->tape, c->inputs[i])), shape, sizeof shape);
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? " " : "", shape);
    }
    return used + 1;
}

/* ---- the table */

static uint32_t *place_of(const ag_profile *p, const key *k, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & (p->places - 1);
    for (;; i = (i + 1) & (p->places - 1)) {
        const ag_entry *e = p->table[i] ? &p->entries[p->table[i] - 1] : NULL;
        if (!e || (e->hash == hash && e->key_bytes == k->used && !memcmp(e->key, k->at, k->used)))
            return &p->table[i];
    }
}

static bool double_table(ag_profile *p)
{
    const uint32_t places = p->places ? 2 * p->places : 256;
    uint32_t *table = ag_tape_allocate(p->t, places * sizeof *table);
    if (!table)
        return false;
    for (uint32_t i = 0; i < p->entry_count; i++) {
        uint32_t at = (uint32_t)p->entries[i].hash & (places - 1);
        while (table[at])
            at = (at + 1) & (places - 1);
        table[at] = i + 1;
    }
    ag_tape_deallocate(p->t, p->table);
    p->table = table;
    p->places = places;
    return true;
}

/* c: NULL for a region. The texts and the key lie in one block. */
static uint32_t add(ag_profile *p, const key *k, uint64_t hash, const ag_call *c, const char *name)
{
    char shapes[512] = "";
    const size_t bytes = c ? shapes_text(c, shapes, sizeof shapes) : 1;
    const char *scope = c ? k->at + sizeof c->op : "";
    const size_t scope_bytes = strnlen(scope, sizeof k->at - sizeof c->op) + 1;
    if (!ag_profile_grow(p->t, (void **)&p->entries, &p->entry_capacity, sizeof *p->entries,
                         (uint64_t)p->entry_count + 1))
        return AG_NO_ENTRY;
    char *block = ag_tape_allocate(p->t, bytes + scope_bytes + k->used);
    if (!block)
        return AG_NO_ENTRY;
    ag_entry *e = &p->entries[p->entry_count];
    *e = (ag_entry){ .op = c ? c->op : NULL, .name = name, .hash = hash, .key_bytes = k->used };
    e->shapes = memcpy(block, shapes, bytes);
    e->scope = memcpy(block + bytes, scope, scope_bytes - 1);
    e->key = memcpy(block + bytes + scope_bytes, k->at, k->used);
    e->dtype = c ? ag_layout_at(c->tape, c->inputs[0])->dtype : AG_F64;
    if (c && !ag_is_float(e->dtype))
        e->dtype = ag_layout_at(c->tape, c->id)->dtype;
    return p->entry_count++;
}

static uint32_t find(ag_profile *p, const key *k, const ag_call *c, const char *name)
{
    const uint64_t hash = hash_of(k);
    if (2 * (p->entry_count + 1) > p->places && !double_table(p))
        return AG_NO_ENTRY;
    uint32_t *place = place_of(p, k, hash);
    if (*place)
        return *place - 1;
    const uint32_t entry = add(p, k, hash, c, name);
    if (entry != AG_NO_ENTRY)
        *place = entry + 1;
    return entry;
}

uint32_t ag_entry_of_call(ag_profile *p, const ag_call *c, uint32_t within)
{
    key k;
    k.used = 0;
    put(&k, &c->op, sizeof c->op);
    put_scope(&k, p, within);
    for (int i = 0; i < c->count; i++) {
        const ag_layout *l = ag_layout_at(c->tape, c->inputs[i]);
        const char head[2] = { (char)l->dtype, (char)l->rank };
        put(&k, head, sizeof head);
        put(&k, l->dim, (size_t)l->rank * sizeof *l->dim);
    }
    return find(p, &k, c, c->op->name);
}

uint32_t ag_entry_of_region(ag_profile *p, const char *name)
{
    key k;
    const ag_op *none = NULL;
    k.used = 0;
    put(&k, &none, sizeof none);
    put(&k, name, strlen(name));
    return find(p, &k, NULL, name);
}
