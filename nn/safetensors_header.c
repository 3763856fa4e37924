/* The header of a safetensors file: a JSON object that names each tensor's type, shape and place in the data. */
#include "nn/internal.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dtype_names[] = {
    [AG_F32] = "F32", [AG_F64] = "F64", [AG_I32] = "I32", [AG_I64] = "I64", [AG_U8] = "U8"
};

void nn_table_free(nn_table *t)
{
    nn_memory_free(&t->memory);
    cJSON_Delete(t->json);
    t->json = NULL;
    t->count = 0;
}

/* ---- printing */

static bool add_text(ag_tape *t, nn_memory *m, const char *text, const char *who)
{
    return nn_memory_add(t, m, text, strlen(text), who);
}

/* Names are UTF-8: only quotes, backslashes and control characters are written otherwise. */
static bool add_name(ag_tape *t, nn_memory *m, const char *name, const char *who)
{
    static const char special[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
    bool good = add_text(t, m, "\"", who);
    for (; *name && good; name++) {
        const char *found = strchr(special, *name);
        char text[8] = { *name };
        if (found)
            snprintf(text, sizeof text, "\\%c", letters[found - special]);
        else if ((unsigned char)*name < 0x20)
            snprintf(text, sizeof text, "\\u%04x", *name);
        good = add_text(t, m, text, who);
    }
    return good && add_text(t, m, "\":", who);
}

static bool add_tensor(ag_tape *t, nn_memory *m, const nn_stored *s, const char *who)
{
    char text[400];
    int used = snprintf(text, sizeof text, "{\"dtype\":\"%s\",\"shape\":[", dtype_names[s->dtype]);
    for (int i = 0; i < s->shape.rank; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, i ? ",%" PRId64 : "%" PRId64, s->shape.dim[i]);
    snprintf(text + used, sizeof text - (size_t)used, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", s->begin,
             s->end);
    return add_name(t, m, s->name, who) && add_text(t, m, text, who);
}

bool nn_header_print(ag_tape *t, const nn_table *table, nn_memory *text, const char *who)
{
    uint64_t length = 0;
    if (!nn_memory_add(t, text, &length, sizeof length, who) || !add_text(t, text, "{", who))
        return false;
    for (size_t i = 0; i < table->count; i++)
        if (!add_text(t, text, i ? "," : "", who) || !add_tensor(t, text, nn_table_at(table, i), who))
            return false;
    if (!add_text(t, text, "}", who))
        return false;
    while (text->size % 8) /* the data begin at a multiple of 8 */
        if (!add_text(t, text, " ", who))
            return false;
    length = text->size - sizeof length;
    if (length > NN_HEADER_LIMIT)
        return ag_fail(t, AG_ELIMIT, "%s: the header would be longer than %d bytes", who, NN_HEADER_LIMIT), false;
    memcpy(text->at, &length, sizeof length);
    return true;
}

/* ---- parsing */

/* A whole number; JSON's numbers arrive as doubles, which count exactly up to 2^53. */
static bool get_size(const cJSON *item, uint64_t *to)
{
    const double limit = 9007199254740992.0;
    double v = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(v >= 0) || v > limit || v != (double)(uint64_t)v)
        return false;
    *to = (uint64_t)v;
    return true;
}

static bool get_dtype(const nn_reader *r, const cJSON *item, nn_stored *s)
{
    if (!cJSON_IsString(item))
        return nn_reader_fail(r, "the dtype of '%.100s' is no string", s->name);
    for (int i = AG_F32; i <= AG_U8; i++)
        if (!strcmp(item->valuestring, dtype_names[i]))
            s->dtype = (ag_dtype)i;
    if (s->dtype == AG_FLOAT)
        return nn_reader_fail(r, "the dtype %.20s of '%.100s' is none of F32, F64, I32, I64, U8", item->valuestring,
                              s->name);
    return true;
}

static bool get_shape(const nn_reader *r, const cJSON *item, nn_stored *s)
{
    if (!cJSON_IsArray(item))
        return nn_reader_fail(r, "the shape of '%.100s' is no array", s->name);
    s->shape.rank = 0;
    for (const cJSON *extent = item->child; extent; extent = extent->next) {
        uint64_t size;
        if (s->shape.rank == AG_MAX_RANK)
            return nn_reader_fail(r, "'%.100s' has more than %d dimensions", s->name, AG_MAX_RANK);
        if (!get_size(extent, &size))
            return nn_reader_fail(r, "the shape of '%.100s' is not made of whole numbers", s->name);
        s->shape.dim[s->shape.rank++] = (int64_t)size;
    }
    return true;
}

static bool get_offsets(const nn_reader *r, const cJSON *item, nn_stored *s)
{
    const cJSON *begin = cJSON_IsArray(item) ? item->child : NULL, *end = begin ? begin->next : NULL;
    if (end && !end->next && get_size(begin, &s->begin) && get_size(end, &s->end))
        return true;
    return nn_reader_fail(r, "the data_offsets of '%.100s' are not two whole numbers", s->name);
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

static bool get_tensor(const nn_reader *r, const cJSON *item, uint64_t data_bytes, nn_stored *s)
{
    int seen = 0; /* each of the three keys once, and no other */
    if (!cJSON_IsObject(item))
        return nn_reader_fail(r, "the entry '%.100s' is no object", s->name);
    for (const cJSON *field = item->child; field; field = field->next) {
        int bit = !strcmp(field->string, "dtype")          ? 1
                  : !strcmp(field->string, "shape")        ? 2
                  : !strcmp(field->string, "data_offsets") ? 4
                                                           : 0;
        if (!bit || (seen & bit))
            return nn_reader_fail(r, "the entry '%.100s' has %s field '%.40s'", s->name,
                                  bit ? "a second" : "an unknown", field->string);
        seen |= bit;
        if (!(bit == 1 ? get_dtype : bit == 2 ? get_shape : get_offsets)(r, field, s))
            return false;
    }
    if (seen != 7)
        return nn_reader_fail(r, "the entry '%.100s' lacks a dtype, shape or data_offsets", s->name);
    return check_size(r, s, data_bytes);
}

static bool check_metadata(const nn_reader *r, const cJSON *item)
{
    bool good = cJSON_IsObject(item);
    for (const cJSON *field = good ? item->child : NULL; field; field = field->next)
        good = good && cJSON_IsString(field);
    return good || nn_reader_fail(r, "its __metadata__ is not made of strings");
}

/* Memory stays in proportion: an item of JSON takes 64 bytes and more, but a byte or two of the file. A NUL, written
 * out or not, would cut a name short. */
static bool check_text(const nn_reader *r, const nn_memory *text)
{
    enum { ITEMS = 1 << 20 };
    size_t items = 0;
    const char *s = (const char *)text->at;
    for (size_t i = 0; i < text->size; i++)
        items += s[i] == ',' || s[i] == ':' || s[i] == '[' || s[i] == '{';
    if (items > ITEMS)
        return nn_reader_fail(r, "its header has more than %d items", ITEMS);
    if (s[0] != '{' || memchr(s, 0, text->size) || strstr(s, "\\u0000"))
        return nn_reader_fail(r, "its header is no JSON object");
    return true;
}

static bool get_tensors(const nn_reader *r, const cJSON *root, uint64_t data_bytes, nn_table *table)
{
    bool metadata = false;
    for (const cJSON *item = root->child; item; item = item->next) {
        nn_stored s = { .name = item->string };
        if (!strcmp(item->string, "__metadata__")) {
            if (metadata || !check_metadata(r, item))
                return metadata && nn_reader_fail(r, "it has two __metadata__");
            metadata = true;
            continue;
        }
        if (!get_tensor(r, item, data_bytes, &s) || !nn_memory_add(r->t, &table->memory, &s, sizeof s, r->who))
            return false;
        table->count++;
    }
    return true;
}

static int by_position(const void *a, const void *b)
{
    const nn_stored *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static bool check_positions(const nn_reader *r, const nn_table *table, uint64_t data_bytes)
{
    uint64_t at = 0;
    if (table->count)
        qsort(table->memory.at, table->count, sizeof(nn_stored), by_position);
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

bool nn_header_parse(const nn_reader *r, const nn_memory *text, uint64_t data_bytes, nn_table *table)
{
    if (!check_text(r, text))
        return false;
    const char *end = NULL;
    errno = 0;
    cJSON *root = cJSON_ParseWithOpts((const char *)text->at, &end, true);
    table->json = root;
    if (!root && errno == ENOMEM) {
        ag_fail(r->t, AG_ENOMEM, "%s: %s: no memory for its header", r->who, r->path);
        return false;
    }
    if (!root)
        return nn_reader_fail(r, "its header is no JSON at byte %td",
                              end ? end - (const char *)text->at : (ptrdiff_t)0);
    return get_tensors(r, root, data_bytes, table) && check_positions(r, table, data_bytes);
}
