/* Saving and loading a module's tensors. */
#include "nn/internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a file holds little-endian numbers, copied as they are");

/* ---- what a module holds */

typedef struct collection {
    ag_tape *t;
    const char *who;
    nn_table table;
    nn_memory names;
} collection;

static bool collect(void *user, const nn_entry *e, const char *path)
{
    collection *c = user;
    nn_stored s = { .tensor = e->tensor, .shape = ag_shape_of(e->tensor), .begin = c->names.size };
    if (s.shape.rank < 0) /* released: reported */
        return false;
    s.dtype = ag_dtype_of(e->tensor);
    c->table.count++;
    return nn_memory_add(c->t, &c->table.memory, &s, sizeof s) &&
           nn_memory_add(c->t, &c->names, path, strlen(path) + 1);
}

static bool collect_all(collection *c, nn_module *m)
{
    if (!nn_walk(m, collect, c))
        return false;
    for (size_t i = 0; i < c->table.count; i++) { /* now that the names do not move any more */
        nn_stored *s = nn_table_at(&c->table, i);
        s->name = (const char *)c->names.at + s->begin;
        s->begin = 0;
    }
    return true;
}

static int by_name(const nn_stored *x, const nn_stored *y)
{
    return strcmp(x->name, y->name);
}

/* The order in which the reference implementation writes: keeps every tensor aligned, and files comparable byte by
 * byte. */
static int by_dtype(const nn_stored *x, const nn_stored *y)
{
    static const int rank[] = { [AG_U8] = 0, [AG_I32] = 1, [AG_F32] = 2, [AG_F64] = 3, [AG_I64] = 4 };
    return x->dtype != y->dtype ? rank[y->dtype] - rank[x->dtype] : by_name(x, y);
}

static size_t bytes_of(const nn_stored *s)
{
    return (size_t)ag_shape_size(s->shape) * ag_dtype_size(s->dtype);
}

/* ---- saving */

static void place(nn_table *table, size_t *largest)
{
    uint64_t at = 0;
    nn_table_sort(table, by_dtype);
    for (size_t i = 0; i < table->count; i++) {
        nn_stored *s = nn_table_at(table, i);
        size_t bytes = bytes_of(s);
        s->begin = at;
        s->end = at += bytes;
        if (bytes > *largest)
            *largest = bytes;
    }
}

static bool write_tensors(nn_atomic_file *o, const nn_table *table, nn_memory *buffer)
{
    for (size_t i = 0; i < table->count; i++) {
        const nn_stored *s = nn_table_at(table, i);
        if (ag_copy_out(s->tensor, s->dtype, buffer->at, bytes_of(s)) || !nn_atomic_write(o, buffer->at, bytes_of(s)))
            return false;
    }
    return true;
}

static ag_status begin(nn_module *m, const char *path, const char *who)
{
    if (!nn_usable(m, NULL, who))
        return m && m->tape && ag_error(m->tape) ? ag_error(m->tape) : AG_ENULL;
    if (ag_error(m->tape))
        return ag_error(m->tape);
    return path ? AG_OK : ag_fail(m->tape, AG_ENULL, "%s: the path is NULL", who);
}

ag_status nn_save(nn_module *m, const char *path)
{
    static const char who[] = "nn_save";
    ag_status status = begin(m, path, who);
    if (status)
        return status;
    collection c = { .t = m->tape, .who = who };
    nn_memory header = { 0 }, buffer = { 0 };
    nn_atomic_file o = { .file = -1 };
    size_t largest = 1;
    if (collect_all(&c, m)) {
        place(&c.table, &largest);
        if (nn_header_print(c.t, &c.table, &header, who) && nn_memory_grow(c.t, &buffer, largest) &&
            nn_atomic_open(&o, c.t, who, path) && nn_atomic_write(&o, header.at, header.size) &&
            write_tensors(&o, &c.table, &buffer))
            nn_atomic_commit(&o);
    }
    nn_atomic_close(&o);
    nn_memory_free(&buffer);
    nn_memory_free(&header);
    nn_memory_free(&c.names);
    nn_table_free(&c.table);
    return ag_error(m->tape);
}

/* ---- loading */

typedef struct archive {
    nn_reader r;
    uint64_t data_bytes;
    nn_memory header, data;
    nn_table table;
} archive;

static bool read_bytes(archive *a, void *to, size_t count)
{
    int64_t got = nn_reader_read(&a->r, to, count);
    if (got >= 0 && (size_t)got < count)
        nn_reader_fail(&a->r, "it became shorter while it was read");
    return got >= 0 && (size_t)got == count;
}

static bool read_header(archive *a)
{
    uint64_t length, size = (uint64_t)nn_reader_rest(&a->r);
    if (size < sizeof length)
        return nn_reader_fail(&a->r, "it has %" PRIu64 " bytes, too few for a safetensors file", size);
    if (!read_bytes(a, &length, sizeof length))
        return false;
    if (!memcmp(&length, "PK\3\4", 4))
        return nn_reader_fail(&a->r, "it is a zip archive, as torch.save writes; the function save_file of the Python "
                                     "package safetensors writes what is read here");
    if (length > NN_HEADER_LIMIT || length > size - sizeof length || length < 2)
        return nn_reader_fail(&a->r,
                              "its header would have %" PRIu64 " bytes; the file has %" PRIu64
                              ", so that it is no whole safetensors file",
                              length, size);
    if (!nn_memory_grow(a->r.t, &a->header, length + 1) || !read_bytes(a, a->header.at, length))
        return false;
    a->header.at[length] = 0;
    a->header.size = length;
    a->data_bytes = size - sizeof length - length;
    return nn_header_parse(&a->r, &a->header, a->data_bytes, &a->table);
}

static const char *shape_text(ag_shape s, char *text, size_t bytes)
{
    size_t used = (size_t)snprintf(text, bytes, "[");
    for (int i = 0; i < s.rank && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%lld", i ? "," : "", (long long)s.dim[i]);
    if (used < bytes)
        snprintf(text + used, bytes - used, "]");
    return text;
}

/* One tensor of the file and that of the module; both lists are sorted by name. */
static bool match_one(archive *a, nn_stored *in_file, const nn_stored *in_module)
{
    bool widened = in_file->dtype == AG_F32 && in_module->dtype == AG_F64;
    if (in_file->dtype != in_module->dtype && !widened)
        return nn_reader_fail(&a->r, "'%.100s' is %s, but %s in the module", in_file->name,
                              ag_dtype_name(in_file->dtype), ag_dtype_name(in_module->dtype));
    bool same = in_file->shape.rank == in_module->shape.rank;
    for (int i = 0; same && i < in_file->shape.rank; i++)
        same = in_file->shape.dim[i] == in_module->shape.dim[i];
    char given[192], wanted[192];
    if (!same)
        return nn_reader_fail(&a->r, "'%.100s' has not the shape that it has in the module: %s, not %s", in_file->name,
                              shape_text(in_file->shape, given, sizeof given),
                              shape_text(in_module->shape, wanted, sizeof wanted));
    in_file->tensor = in_module->tensor;
    return true;
}

static bool match(archive *a, nn_table *module)
{
    nn_table_sort(&a->table, by_name);
    nn_table_sort(module, by_name);
    for (size_t i = 1; i < a->table.count; i++)
        if (!by_name(nn_table_at(&a->table, i - 1), nn_table_at(&a->table, i)))
            return nn_reader_fail(&a->r, "it has '%.100s' twice", nn_table_at(&a->table, i)->name);
    for (size_t i = 0; i < a->table.count || i < module->count; i++) {
        nn_stored *x = i < a->table.count ? nn_table_at(&a->table, i) : NULL;
        const nn_stored *y = i < module->count ? nn_table_at(module, i) : NULL;
        int order = !y ? -1 : !x ? 1 : by_name(x, y);
        if (order < 0)
            return nn_reader_fail(&a->r, "it has '%.100s', which the module has not", x->name);
        if (order > 0)
            return nn_reader_fail(&a->r, "it lacks '%.100s'", y->name);
        if (!match_one(a, x, y))
            return false;
    }
    return true;
}

static int by_begin(const nn_stored *x, const nn_stored *y)
{
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Reads all data, each tensor to an aligned place of its own. */
static bool read_data(archive *a)
{
    enum { ALIGNMENT = 16 };
    size_t room = (size_t)a->data_bytes + ALIGNMENT * a->table.count, at = 0;
    if (!nn_memory_grow(a->r.t, &a->data, room + 1))
        return false;
    nn_table_sort(&a->table, by_begin);
    for (size_t i = 0; i < a->table.count; i++) {
        nn_stored *s = nn_table_at(&a->table, i);
        s->data = a->data.at + at;
        if (!read_bytes(a, s->data, s->end - s->begin))
            return false;
        at += (s->end - s->begin + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    }
    return true;
}

static int by_tensor(const nn_stored *x, const nn_stored *y)
{
    if (x->tensor.id != y->tensor.id)
        return x->tensor.id < y->tensor.id ? -1 : 1;
    return by_name(x, y);
}

/* A shared tensor stands in the file under each of its names, with one value. */
static bool check_shared(archive *a)
{
    nn_table_sort(&a->table, by_tensor);
    for (size_t i = 1; i < a->table.count; i++) {
        const nn_stored *x = nn_table_at(&a->table, i - 1), *y = nn_table_at(&a->table, i);
        if (x->tensor.id != y->tensor.id)
            continue;
        if (x->dtype != y->dtype || memcmp(x->data, y->data, x->end - x->begin))
            return nn_reader_fail(&a->r, "'%.100s' and '%.100s' differ, but are one tensor in the module", x->name,
                                  y->name);
    }
    return true;
}

static void write_values(const archive *a)
{
    for (size_t i = 0; i < a->table.count; i++) {
        const nn_stored *s = nn_table_at(&a->table, i);
        ag_copy_in(s->tensor, s->dtype, s->data, s->end - s->begin);
    }
}

ag_status nn_load(nn_module *m, const char *path)
{
    ag_status status = begin(m, path, "nn_load");
    if (status)
        return status;
    collection c = { .t = m->tape, .who = "nn_load" };
    archive a = { .r = { .t = m->tape, .who = c.who, .path = path, .plain = true } };
    if (collect_all(&c, m) && nn_reader_open(&a.r) && read_header(&a) && match(&a, &c.table) && read_data(&a) &&
        check_shared(&a))
        write_values(&a);
    nn_reader_close(&a.r);
    nn_memory_free(&a.header);
    nn_memory_free(&a.data);
    nn_table_free(&a.table);
    nn_memory_free(&c.names);
    nn_table_free(&c.table);
    return ag_error(m->tape);
}
