/* The IDX file format: 0, 0, type, rank, the extents as big-endian 32-bit numbers, and the elements, big-endian. */
#include "nn/internal.h"
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are reversed as a little-endian machine needs");

typedef struct kind {
    unsigned char code;
    unsigned char bytes; /* of an element in the file */
    ag_dtype dtype;
} kind;

static const kind kinds[] = {
    { 0x08, 1, AG_U8 },  { 0x09, 1, AG_I32 }, { 0x0B, 2, AG_I32 },
    { 0x0C, 4, AG_I32 }, { 0x0D, 4, AG_F32 }, { 0x0E, 8, AG_F64 },
};

typedef struct idx {
    nn_reader r;
    nn_memory data;
    kind kind;
    ag_shape shape;
    size_t count; /* elements */
} idx;

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool read_all(idx *f, void *to, size_t count, const char *what)
{
    int64_t got = nn_reader_read(&f->r, to, count);
    if (got >= 0 && (size_t)got < count)
        nn_reader_fail(&f->r, "the file ends within %s", what);
    return got >= 0 && (size_t)got == count;
}

static bool find_kind(idx *f, const unsigned char *magic)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!magic[0] && !magic[1] && kinds[i].code == magic[2])
            f->kind = kinds[i];
    return f->kind.bytes;
}

static bool read_header(idx *f)
{
    unsigned char magic[4], extents[4 * AG_MAX_RANK];
    if (!read_all(f, magic, sizeof magic, "its header"))
        return false;
    if (!find_kind(f, magic))
        return nn_reader_fail(&f->r, "it is no IDX file: it begins with %02x %02x %02x %02x", magic[0], magic[1],
                              magic[2], magic[3]);
    if (magic[3] < 1 || magic[3] > AG_MAX_RANK)
        return nn_reader_fail(&f->r, "it has %d dimensions, not 1 to %d", magic[3], AG_MAX_RANK);
    f->shape.rank = magic[3];
    if (!read_all(f, extents, 4 * (size_t)f->shape.rank, "its header"))
        return false;
    for (int i = 0; i < f->shape.rank; i++)
        f->shape.dim[i] = big_endian(extents + 4 * i);
    int64_t count = ag_shape_size(f->shape);
    if (count < 0 || count > INT64_MAX / 16)
        return nn_reader_fail(&f->r, "its header promises more than 2^59 elements");
    f->count = (size_t)count;
    return true;
}

/* The header may lie: a file's size is compared with it, and what is gzipped gets memory as its data come. */
static bool read_elements(idx *f)
{
    enum { FIRST = 1 << 20 };
    size_t wanted = f->count * f->kind.bytes, capacity = FIRST;
    int64_t rest = nn_reader_rest(&f->r);
    nn_memory *m = &f->data;
    if (rest >= 0 && (size_t)rest < wanted)
        return nn_reader_fail(&f->r, "its header promises %zu bytes of data, but there are %lld", wanted,
                              (long long)rest);
    for (; m->size < wanted; capacity = 2 * m->capacity) {
        if (!nn_memory_grow(f->r.t, m, capacity < wanted && rest < 0 ? capacity : wanted))
            return false;
        int64_t got = nn_reader_read(&f->r, m->at + m->size, m->capacity - m->size);
        if (got < 0)
            return false;
        m->size += (size_t)got;
        if (m->size < m->capacity)
            return nn_reader_fail(&f->r, "its header promises %zu bytes of data, but there are %zu", wanted, m->size);
    }
    unsigned char more;
    int64_t got = nn_reader_read(&f->r, &more, 1);
    if (got > 0)
        nn_reader_fail(&f->r, "there are more than the %zu bytes of data that its header promises", wanted);
    return got == 0;
}

/* Reverses the bytes of each element and widens short integers, from the last to the first: the result may
 * be larger. */
static bool convert(idx *f)
{
    size_t to = ag_dtype_size(f->kind.dtype), from = f->kind.bytes;
    if (to == 1)
        return true;
    if (!nn_memory_grow(f->r.t, &f->data, f->count * to))
        return false;
    unsigned char *at = f->data.at, element[8];
    for (size_t i = f->count; i-- > 0;) {
        for (size_t k = 0; k < from; k++)
            element[from - 1 - k] = at[i * from + k];
        for (size_t k = from; k < to; k++)
            element[k] = element[from - 1] & 0x80 ? 0xff : 0;
        memcpy(at + i * to, element, to);
    }
    f->data.size = f->count * to;
    return true;
}

static ag_tensor read_file(ag_tape *t, const char *path, const char *name)
{
    idx f = { .r = { .t = t, .who = "nn_read_idx", .path = path } };
    ag_tensor x = nn_inert(t);
    if (nn_reader_open(&f.r) && read_header(&f) && read_elements(&f) && convert(&f))
        x = nn_make_buffer(t, f.kind.dtype, f.shape, &f.data, name);
    nn_reader_close(&f.r);
    nn_memory_free(&f.data);
    return x;
}

static void check_counts(nn_dataset d, const char *x_path, const char *y_path)
{
    long long x = ag_shape_of(d.x).dim[0], y = ag_shape_of(d.y).dim[0];
    if (x != y)
        ag_fail(d.x.tape, AG_EFILE, "nn_read_idx: %s holds %lld samples, but %s holds %lld labels", x_path, x, y_path,
                y);
}

nn_dataset nn_read_idx(ag_tape *t, const char *x_path, const char *y_path)
{
    nn_dataset none = { nn_inert(t), nn_inert(t) };
    if (!t || ag_error(t))
        return none;
    if (!x_path) {
        ag_fail(t, AG_ENULL, "nn_read_idx: the path is NULL");
        return none;
    }
    nn_dataset d = { read_file(t, x_path, "x"), { 0 } };
    if (y_path && d.x.id)
        d.y = read_file(t, y_path, "y");
    if (d.y.id)
        check_counts(d, x_path, y_path);
    if (!ag_error(t))
        return d;
    if (d.x.id)
        ag_release(d.x);
    if (d.y.id)
        ag_release(d.y);
    return none;
}
