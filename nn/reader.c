/* Reading files: plain or gzipped, into memory that grows with what really comes. */
#include "nn/internal.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- memory */

bool nn_memory_grow(ag_tape *t, nn_memory *m, size_t capacity, const char *who)
{
    if (capacity <= m->capacity)
        return true;
    unsigned char *at = realloc(m->at, capacity);
    if (!at) {
        ag_fail(t, AG_ENOMEM, "%s: no memory for %zu bytes", who, capacity);
        return false;
    }
    m->at = at;
    m->capacity = capacity;
    return true;
}

bool nn_memory_add(ag_tape *t, nn_memory *m, const void *bytes, size_t count, const char *who)
{
    if (count > m->capacity - m->size) {
        size_t wanted = m->size + count, doubled = m->capacity ? 2 * m->capacity : 4096;
        if (!nn_memory_grow(t, m, wanted > doubled ? wanted : doubled, who))
            return false;
    }
    if (count)
        memcpy(m->at + m->size, bytes, count);
    m->size += count;
    return true;
}

void nn_memory_free(nn_memory *m)
{
    free(m->at);
    *m = (nn_memory){ 0 };
}

/* ---- reading */

bool nn_reader_fail(const nn_reader *r, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ag_fail(r->t, AG_EFILE, "%s: %s: %s", r->who, r->path, text);
    return false;
}

bool nn_reader_open(nn_reader *r, ag_tape *t, const char *who, const char *path)
{
    *r = (nn_reader){ .t = t, .who = who, .path = path };
    errno = 0;
    r->file = gzopen(path, "rbe");
    if (r->file)
        return true;
    if (!errno || errno == ENOMEM) {
        ag_fail(t, AG_ENOMEM, "%s: %s: no memory to open it", who, path);
        return false;
    }
    return nn_reader_fail(r, "%s", strerror(errno));
}

void nn_reader_close(nn_reader *r)
{
    if (r->file)
        gzclose_r(r->file);
    r->file = NULL;
}

/* zlib finds a damaged or cut stream at the byte where it is, and returns what was before. */
static bool read_failed(const nn_reader *r)
{
    int status;
    size_t length = strlen(r->path);
    const char *text = gzerror(r->file, &status);
    if (status == Z_OK || status == Z_STREAM_END)
        return false;
    if (!strncmp(text, r->path, length) && !strncmp(text + length, ": ", 2)) /* the path is said already */
        text += length + 2;
    if (status == Z_MEM_ERROR)
        ag_fail(r->t, AG_ENOMEM, "%s: %s: no memory to read it", r->who, r->path);
    else
        nn_reader_fail(r, "%s", status == Z_BUF_ERROR ? "the gzip data are cut short" : text);
    return true;
}

int64_t nn_reader_read(nn_reader *r, void *to, size_t count)
{
    size_t done = 0;
    while (done < count) {
        size_t rest = count - done;
        int got = gzread(r->file, (char *)to + done, rest < 1u << 30 ? (unsigned)rest : 1u << 30);
        if (got <= 0 && read_failed(r))
            return -1;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

/* ---- from memory to a tensor */

ag_tensor nn_make_buffer(ag_tape *t, ag_dtype d, ag_shape s, const nn_memory *m, const char *name)
{
    ag_mark mark = ag_tape_mark(t); /* the wrapped memory will be freed before the step ends */
    ag_tensor x = ag_buffer(ag_wrap(t, d, s, m->at, m->size), name);
    ag_tape_rewind(t, mark);
    return x;
}
