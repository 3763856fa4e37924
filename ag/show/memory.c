/* What a tape holds, as tables. */
#include "ag/show/show.h"
#include <stdlib.h>

typedef struct line {
    const char *name;
    size_t length; /* of the name */
    int64_t count;
    uint64_t bytes;
} line;

const char *ag_bytes_text(uint64_t bytes, char text[16])
{
    static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
    double x = (double)bytes;
    int unit = 0;
    for (; x >= 1000 && unit < 4; unit++)
        x /= 1000;
    snprintf(text, 16, unit && x < 99.95 ? "%.1f %s" : "%.0f %s", x, units[unit]);
    return text;
}

static void put_part(FILE *to, const char *name, ag_memory m)
{
    char now[16], most[16];
    fprintf(to, "%-24s %10s %10s\n", name, ag_bytes_text(m.live, now), ag_bytes_text(m.peak, most));
}

static void put_parts(const ag_tape *t, FILE *to)
{
    const ag_stats s = ag_tape_stats(t);
    char spare[16];
    fprintf(to, "%-24s %10s %10s\n", "memory", "now", "at most");
    put_part(to, "held", s.held);
    put_part(to, "  values", s.values);
    put_part(to, "  adjoints", s.adjoints);
    put_part(to, "  work", s.work);
    put_part(to, "  persistent", s.persistent);
    put_part(to, "  allocated", s.allocated);
    put_part(to, "  tables", s.tables);
    fprintf(to, "%-24s %10s\n", "  spare", ag_bytes_text(s.spare, spare));
    fprintf(to, "%-24s %10lld %10lld\n%-24s %10llu\n", "nodes", (long long)s.nodes, (long long)s.most_nodes,
            "allocations", (unsigned long long)s.allocations);
}

/* ---- lines that are alike become one */

static int by_name(const void *a, const void *b)
{
    const line *l = a, *m = b;
    const size_t length = l->length < m->length ? l->length : m->length;
    const int order = memcmp(l->name, m->name, length);
    return order ? order : l->length < m->length ? -1 : l->length > m->length;
}

static int by_bytes(const void *a, const void *b)
{
    const line *l = a, *m = b;
    return l->bytes != m->bytes ? (l->bytes < m->bytes ? 1 : -1) : by_name(a, b);
}

static void put_lines(line *lines, size_t count, const char *title, FILE *to)
{
    size_t made = 0;
    char bytes[16];
    if (!count)
        return;
    qsort(lines, count, sizeof *lines, by_name);
    for (size_t i = 0; i < count; i++) {
        if (made && !by_name(&lines[made - 1], &lines[i])) {
            lines[made - 1].count += lines[i].count;
            lines[made - 1].bytes += lines[i].bytes;
        } else {
            lines[made++] = lines[i];
        }
    }
    qsort(lines, made, sizeof *lines, by_bytes);
    fprintf(to, "\n%-24s %10s %10s\n", title, "now", "tensors");
    for (size_t i = 0; i < made; i++)
        fprintf(to, "%-24.*s %10s %10lld\n", (int)lines[i].length, lines[i].length ? lines[i].name : "",
                ag_bytes_text(lines[i].bytes, bytes), (long long)lines[i].count);
}

/* ---- what there is */

/* Nodes with memory of their own; a parameter's leaf and a view show another's. */
static size_t values(const ag_tape *t, line *lines)
{
    size_t count = 0;
    for (uint32_t i = 0; i < t->node_count; i++) {
        const ag_node *d = &t->nodes[i];
        const uint16_t op = t->headers[d->id].op;
        if (!d->data || ag_is_pending(d) || op == AG_OP_PERSISTENT || d->flags & AG_NODE_READONLY || d->owner != i)
            continue;
        const char *name = ag_look_op(t, d->id);
        lines[count++] = (line){ name, strlen(name), 1, ag_layout_bytes(d->layout) };
    }
    return count;
}

static size_t persistents(const ag_tape *t, line *lines)
{
    size_t count = 0;
    for (uint32_t i = t->slot_first; i; i = t->slots[i - 1].next) {
        const ag_slot *s = &t->slots[i - 1];
        const char *end = strrchr(s->name, '.');
        const line l = { end ? s->name : "(no module)", end ? (size_t)(end - s->name) : 11, 1,
                         s->bytes + s->grad_bytes };
        lines[count++] = l;
    }
    return count;
}

ag_status ag_print_memory(ag_tape *t, FILE *to)
{
    if (!t)
        return AG_ENULL;
    if (!to)
        return ag_fail(t, AG_ENULL, "ag_print_memory: the file is NULL");
    const size_t most = t->node_count > t->slot_count ? t->node_count : t->slot_count, bytes = most * sizeof(line);
    put_parts(t, to);
    line *lines = ag_pool_take(t, bytes);
    if (!lines)
        return t->error.status;
    put_lines(lines, values(t, lines), "values by op", to);
    put_lines(lines, persistents(t, lines), "persistent by module", to);
    ag_pool_give(t, lines, bytes);
    return ferror(to) || fflush(to) ? ag_fail(t, AG_EFILE, "ag_print_memory: cannot write") : AG_OK;
}
