/* The header of a safetensors file: a JSON object that names each tensor's type, shape and place in the data. */
#include "nn/internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const dtype_names[] = {
    [AG_F32] = "F32", [AG_F64] = "F64", [AG_I32] = "I32", [AG_I64] = "I64", [AG_U8] = "U8"
};

/* ---- tables */

void nn_table_free(nn_table *t)
{
    nn_memory_free(&t->memory);
    t->count = 0;
}

/* Lets the entry at i sink below those that come after it in the order. */
static void sink(nn_table *t, size_t i, size_t count, int (*order)(const nn_stored *, const nn_stored *))
{
    for (size_t child = 2 * i + 1; child < count; i = child, child = 2 * i + 1) {
        child += child + 1 < count && order(nn_table_at(t, child), nn_table_at(t, child + 1)) < 0;
        if (order(nn_table_at(t, i), nn_table_at(t, child)) >= 0)
            return;
        nn_stored above = *nn_table_at(t, i);
        *nn_table_at(t, i) = *nn_table_at(t, child);
        *nn_table_at(t, child) = above;
    }
}

/* Heapsort (Williams 1964): unlike qsort it takes no memory of its own. */
void nn_table_sort(nn_table *t, int (*order)(const nn_stored *, const nn_stored *))
{
    for (size_t i = t->count / 2; i-- > 0;)
        sink(t, i, t->count, order);
    for (size_t last = t->count; last-- > 1;) {
        nn_stored largest = *nn_table_at(t, 0);
        *nn_table_at(t, 0) = *nn_table_at(t, last);
        *nn_table_at(t, last) = largest;
        sink(t, 0, last, order);
    }
}

/* ---- printing */

static bool add_text(ag_tape *t, nn_memory *m, const char *text)
{
    return nn_memory_add(t, m, text, strlen(text));
}

/* Names are UTF-8: only quotes, backslashes and control characters are written otherwise. */
static bool add_name(ag_tape *t, nn_memory *m, const char *name)
{
    static const char special[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
    bool good = add_text(t, m, "\"");
    for (; *name && good; name++) {
        const char *found = strchr(special, *name);
        char text[8] = { *name };
        if (found)
            snprintf(text, sizeof text, "\\%c", letters[found - special]);
        else if ((unsigned char)*name < 0x20)
            snprintf(text, sizeof text, "\\u%04x", *name);
        good = add_text(t, m, text);
    }
    return good && add_text(t, m, "\":");
}

static bool add_tensor(ag_tape *t, nn_memory *m, const nn_stored *s)
{
    char text[400];
    int used = snprintf(text, sizeof text, "{\"dtype\":\"%s\",\"shape\":[", dtype_names[s->dtype]);
    for (int i = 0; i < s->shape.rank; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, i ? ",%" PRId64 : "%" PRId64, s->shape.dim[i]);
    snprintf(text + used, sizeof text - (size_t)used, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", s->begin,
             s->end);
    return add_name(t, m, s->name) && add_text(t, m, text);
}

bool nn_header_print(ag_tape *t, const nn_table *table, nn_memory *text, const char *who)
{
    uint64_t length = 0;
    if (!nn_memory_add(t, text, &length, sizeof length) || !add_text(t, text, "{"))
        return false;
    for (size_t i = 0; i < table->count; i++)
        if (!add_text(t, text, i ? "," : "") || !add_tensor(t, text, nn_table_at(table, i)))
            return false;
    if (!add_text(t, text, "}"))
        return false;
    while (text->size % 8) /* the data begin at a multiple of 8 */
        if (!add_text(t, text, " "))
            return false;
    length = text->size - sizeof length;
    if (length > NN_HEADER_LIMIT)
        return ag_fail(t, AG_ELIMIT, "%s: the header would be longer than %d bytes", who, NN_HEADER_LIMIT), false;
    memcpy(text->at, &length, sizeof length);
    return true;
}

/* ---- parsing */

/* Where parsing stands in the header's text. */
typedef struct parser {
    const nn_reader *r;
    const char *text;
    nn_json json;
    uint64_t data_bytes;
    nn_table *table;
} parser;

static bool no_json(const parser *p)
{
    return nn_reader_fail(p->r, "its header is no JSON at byte %td", p->json.at - p->text);
}

/* Behind a value of an object or an array: another follows. False: the end is there, or *good is false: neither. */
static bool more(parser *p, char end, bool *good)
{
    if (nn_json_take(&p->json, ','))
        return true;
    *good = nn_json_take(&p->json, end) || no_json(p);
    return false;
}

static const char *get_key(parser *p)
{
    const char *key = nn_json_string(&p->json);
    if (key && nn_json_take(&p->json, ':'))
        return key;
    no_json(p);
    return NULL;
}

static bool get_dtype(parser *p, nn_stored *s)
{
    if (nn_json_peek(&p->json) != '"')
        return nn_reader_fail(p->r, "the dtype of '%.100s' is no string", s->name);
    const char *name = nn_json_string(&p->json);
    if (!name)
        return no_json(p);
    for (int i = AG_F32; i <= AG_U8; i++)
        if (!strcmp(name, dtype_names[i]))
            s->dtype = (ag_dtype)i;
    return s->dtype != AG_FLOAT ||
           nn_reader_fail(p->r, "the dtype %.20s of '%.100s' is none of F32, F64, I32, I64, U8", name, s->name);
}

static bool get_shape(parser *p, nn_stored *s)
{
    bool good = true;
    s->shape.rank = 0;
    if (!nn_json_take(&p->json, '['))
        return nn_reader_fail(p->r, "the shape of '%.100s' is no array", s->name);
    for (bool follows = !nn_json_take(&p->json, ']'); follows; follows = more(p, ']', &good)) {
        uint64_t size;
        if (s->shape.rank == AG_MAX_RANK)
            return nn_reader_fail(p->r, "'%.100s' has more than %d dimensions", s->name, AG_MAX_RANK);
        if (!nn_json_size(&p->json, &size))
            return nn_reader_fail(p->r, "the shape of '%.100s' is not made of whole numbers", s->name);
        s->shape.dim[s->shape.rank++] = (int64_t)size;
    }
    return good;
}

static bool get_offsets(parser *p, nn_stored *s)
{
    nn_json *j = &p->json;
    if (nn_json_take(j, '[') && nn_json_size(j, &s->begin) && nn_json_take(j, ',') && nn_json_size(j, &s->end) &&
        nn_json_take(j, ']'))
        return true;
    return nn_reader_fail(p->r, "the data_offsets of '%.100s' are not two whole numbers", s->name);
}

static bool check_size(const nn_reader *r, const nn_stored *s, uint64_t data_bytes)
{
    int64_t elements = ag_shape_size(s->shape);
    if (s->begin > s->end || s->end > data_bytes)
        return nn_reader_fail(r, "'%.100s' lies at bytes %" PRIu64 " to %" PRIu64 " of %" PRIu64, s->name, s->begin,
                              s->end, data_bytes);
    uint64_t bytes = s->end - s->begin, size = ag_dtype_size(s->dtype);
    if (elements < 0 || bytes % size || bytes / size != (uint64_t)elements)
        return nn_reader_fail(r, "'%.100s' has %" PRIu64 " bytes, which do not fit its shape", s->name, bytes);
    return true;
}

/* One field of a tensor's entry; `seen` has a bit for each that was there. */
static bool get_field(parser *p, nn_stored *s, int *seen)
{
    static const struct {
        const char *key;
        bool (*get)(parser *, nn_stored *);
    } fields[] = { { "dtype", get_dtype }, { "shape", get_shape }, { "data_offsets", get_offsets } };
    const char *key = get_key(p);
    for (int i = 0; key && i < 3; i++) {
        if (strcmp(key, fields[i].key))
            continue;
        if (*seen & 1 << i)
            return nn_reader_fail(p->r, "the entry '%.100s' has a second field '%s'", s->name, key);
        *seen |= 1 << i;
        return fields[i].get(p, s);
    }
    return key && nn_reader_fail(p->r, "the entry '%.100s' has an unknown field '%.40s'", s->name, key);
}

static bool get_tensor(parser *p, const char *name)
{
    nn_stored s = { .name = name };
    bool good = true;
    int seen = 0;
    if (!nn_json_take(&p->json, '{'))
        return nn_reader_fail(p->r, "the entry '%.100s' is no object", name);
    for (bool follows = !nn_json_take(&p->json, '}'); follows; follows = more(p, '}', &good))
        if (!get_field(p, &s, &seen))
            return false;
    if (good && seen != 7)
        return nn_reader_fail(p->r, "the entry '%.100s' lacks a dtype, shape or data_offsets", name);
    if (!good || !check_size(p->r, &s, p->data_bytes) || !nn_memory_add(p->r->t, &p->table->memory, &s, sizeof s))
        return false;
    p->table->count++;
    return true;
}

static bool skip_metadata(parser *p)
{
    bool good = true;
    if (!nn_json_take(&p->json, '{'))
        return nn_reader_fail(p->r, "its __metadata__ is not made of strings");
    for (bool follows = !nn_json_take(&p->json, '}'); follows; follows = more(p, '}', &good)) {
        if (!get_key(p))
            return false;
        if (nn_json_peek(&p->json) != '"')
            return nn_reader_fail(p->r, "its __metadata__ is not made of strings");
        if (!nn_json_string(&p->json))
            return no_json(p);
    }
    return good;
}

static bool get_entry(parser *p, bool *metadata)
{
    const char *name = get_key(p);
    if (!name || strcmp(name, "__metadata__"))
        return name && get_tensor(p, name);
    if (*metadata)
        return nn_reader_fail(p->r, "it has two __metadata__");
    *metadata = true;
    return skip_metadata(p);
}

static bool get_entries(parser *p)
{
    bool good = true, metadata = false;
    if (*p->json.at != '{')
        return nn_reader_fail(p->r, "its header is no JSON object");
    p->json.at++;
    for (bool follows = !nn_json_take(&p->json, '}'); follows; follows = more(p, '}', &good))
        if (!get_entry(p, &metadata))
            return false;
    return good && (nn_json_peek(&p->json) == 0 || no_json(p));
}

static int by_position(const nn_stored *x, const nn_stored *y)
{
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static bool check_positions(const nn_reader *r, nn_table *table, uint64_t data_bytes)
{
    uint64_t at = 0;
    nn_table_sort(table, by_position);
    for (size_t i = 0; i < table->count; i++) {
        const nn_stored *s = nn_table_at(table, i);
        if (s->begin != at)
            return nn_reader_fail(
                r, "'%.100s' begins at byte %" PRIu64 " of the data, but what is before it ends at %" PRIu64, s->name,
                s->begin, at);
        at = s->end;
    }
    if (at != data_bytes)
        return nn_reader_fail(r, "its tensors take %" PRIu64 " bytes, but there are %" PRIu64, at, data_bytes);
    return true;
}

bool nn_header_parse(const nn_reader *r, nn_memory *text, uint64_t data_bytes, nn_table *table)
{
    char *at = (char *)text->at;
    parser p = { .r = r, .text = at, .json = { at }, .data_bytes = data_bytes, .table = table };
    if (memchr(at, 0, text->size))
        return nn_reader_fail(r, "its header has a NUL byte");
    return get_entries(&p) && check_positions(r, table, data_bytes);
}
