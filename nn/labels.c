/* Numbers for labels: a hash table with open addressing over the labels' text. */
#include "nn/internal.h"
#include <string.h>

static uint64_t hash(const char *s) /* FNV-1a (Fowler, Noll, Vo 1991) */
{
    uint64_t h = 14695981039346656037u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h ^ h >> 32;
}

const char *nn_labels_at(const nn_labels *l, size_t number)
{
    return (const char *)l->text.at + ((const size_t *)(const void *)l->start.at)[number];
}

/* Where the label is, or the empty slot where it belongs. */
static uint32_t *slot_of(const nn_labels *l, const char *label)
{
    uint32_t *slots = (uint32_t *)(void *)l->slots.at;
    size_t mask = l->slots.size / sizeof *slots - 1, at = hash(label) & mask;
    while (slots[at] && strcmp(nn_labels_at(l, slots[at] - 1), label))
        at = (at + 1) & mask;
    return &slots[at];
}

int64_t nn_labels_find(const nn_labels *l, const char *label)
{
    return l->count ? (int64_t)*slot_of(l, label) - 1 : -1;
}

/* Room for one more; at most half of the slots are taken. */
static bool grow(ag_tape *t, nn_labels *l)
{
    enum { FIRST = 64 };
    size_t slots = l->slots.size / sizeof(uint32_t);
    if (2 * (l->count + 1) <= slots)
        return true;
    slots = slots ? 2 * slots : FIRST;
    if (!nn_memory_grow(t, &l->slots, slots * sizeof(uint32_t)))
        return false;
    l->slots.size = slots * sizeof(uint32_t);
    memset(l->slots.at, 0, l->slots.size);
    for (size_t i = 0; i < l->count; i++)
        *slot_of(l, nn_labels_at(l, i)) = (uint32_t)i + 1;
    return true;
}

int64_t nn_labels_add(ag_tape *t, nn_labels *l, const char *label, const char *who)
{
    int64_t known = nn_labels_find(l, label);
    if (known >= 0)
        return known;
    if (l->count >= INT32_MAX) {
        ag_fail(t, AG_ELIMIT, "%s: more than 2^31 different labels", who);
        return -1;
    }
    size_t start = l->text.size;
    if (!grow(t, l) || !nn_memory_add(t, &l->text, label, strlen(label) + 1) ||
        !nn_memory_add(t, &l->start, &start, sizeof start))
        return -1;
    *slot_of(l, label) = (uint32_t)++l->count;
    return (int64_t)l->count - 1;
}

bool nn_labels_export(ag_tape *t, const nn_labels *l, nn_classes *to)
{
    size_t table = l->count * sizeof(char *);
    char *block = ag_tape_allocate(t, table + l->text.size);
    if (!block)
        return false;
    const char **names = (const char **)(void *)block;
    memcpy(block + table, l->text.at, l->text.size);
    for (size_t i = 0; i < l->count; i++)
        names[i] = block + table + (nn_labels_at(l, i) - (const char *)l->text.at);
    to->name = names;
    to->count = (int64_t)l->count;
    return true;
}

void nn_labels_free(nn_labels *l)
{
    nn_memory_free(&l->text);
    nn_memory_free(&l->start);
    nn_memory_free(&l->slots);
}
