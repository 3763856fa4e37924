/* Reading files: plain or gzipped, into memory of the tape that grows with what really comes. */
#include "nn/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ---- memory */

bool nn_memory_grow(ag_tape *t, nn_memory *m, size_t capacity)
{
    if (capacity <= m->capacity)
        return true;
    unsigned char *at = ag_tape_resize(t, m->at, capacity);
    if (!at)
        return false;
    m->t = t;
    m->at = at;
    m->capacity = capacity;
    return true;
}

bool nn_memory_add(ag_tape *t, nn_memory *m, const void *bytes, size_t count)
{
    if (count > m->capacity - m->size) {
        size_t wanted = m->size + count, doubled = m->capacity ? 2 * m->capacity : 4096;
        if (!nn_memory_grow(t, m, wanted > doubled ? wanted : doubled))
            return false;
    }
    if (count)
        memcpy(m->at + m->size, bytes, count);
    m->size += count;
    return true;
}

void nn_memory_free(nn_memory *m)
{
    ag_tape_deallocate(m->t, m->at);
    *m = (nn_memory){ 0 };
}

/* ---- the file */

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

enum { GZIP_NOT, GZIP_WITHIN, GZIP_ENDED }; /* between two members, or behind the last: ENDED */

typedef struct nn_source {
    int file, gzip;
    int64_t size, position; /* of the file, and how much of it was read */
    z_stream z;             /* next_in, avail_in: what of the buffer is not used up, gzipped or not */
    unsigned char buffer[1 << 16];
} nn_source;

/* A pipe without a writer would block if it were opened otherwise. */
static bool open_regular(const nn_reader *r, nn_source *s)
{
    struct stat is;
    s->file = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (s->file < 0 || fstat(s->file, &is))
        return nn_reader_fail(r, "%s", strerror(errno));
    s->size = (int64_t)is.st_size;
    if (S_ISDIR(is.st_mode))
        return nn_reader_fail(r, "it is a directory, no regular file");
    return S_ISREG(is.st_mode) || nn_reader_fail(r, "it is no regular file");
}

/* Up to `count` bytes of the file as they are; -1: reported. */
static int64_t read_file(const nn_reader *r, void *to, size_t count)
{
    nn_source *s = r->source;
    size_t done = 0;
    while (done < count) {
        size_t rest = count - done;
        ssize_t got = read(s->file, (char *)to + done, rest < 1u << 30 ? rest : 1u << 30);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nn_reader_fail(r, "%s", strerror(errno)), -1;
        if (!got)
            break;
        done += (size_t)got;
    }
    s->position += (int64_t)done;
    return (int64_t)done;
}

/* ---- gzip */

static void *take(void *tape, unsigned count, unsigned bytes)
{
    return ag_tape_allocate(tape, (size_t)count * bytes);
}

static void give_back(void *tape, void *memory)
{
    ag_tape_deallocate(tape, memory);
}

/* Bytes for inflating; false: reported. None are left at the end of the file. */
static bool fill(const nn_reader *r)
{
    nn_source *s = r->source;
    memmove(s->buffer, s->z.next_in, s->z.avail_in);
    int64_t got = read_file(r, s->buffer + s->z.avail_in, sizeof s->buffer - s->z.avail_in);
    s->z.next_in = s->buffer;
    s->z.avail_in += got > 0 ? (unsigned)got : 0;
    return got >= 0;
}

static bool is_gzip(const nn_source *s)
{
    return s->z.avail_in >= 2 && s->z.next_in[0] == 0x1f && s->z.next_in[1] == 0x8b;
}

static bool begin(const nn_reader *r)
{
    nn_source *s = r->source;
    s->z = (z_stream){ .zalloc = take, .zfree = give_back, .opaque = r->t, .next_in = s->buffer };
    if (!fill(r))
        return false;
    if (r->plain || !is_gzip(s))
        return true;
    int status = inflateInit2(&s->z, 16 + MAX_WBITS); /* 16: gzip's format, not zlib's */
    if (status != Z_OK)                               /* a lack of memory was reported by the tape */
        return ag_fail(r->t, status == Z_MEM_ERROR ? AG_ENOMEM : AG_EUSE, "%s: %s: zlib does not start", r->who,
                       r->path),
               false;
    s->gzip = GZIP_WITHIN;
    return true;
}

/* Members follow one another; what else stands behind the last is passed over, as gzip does. */
static bool next_member(const nn_reader *r)
{
    nn_source *s = r->source;
    if (s->z.avail_in < 2 && !fill(r))
        return false;
    s->gzip = is_gzip(s) && inflateReset(&s->z) == Z_OK ? GZIP_WITHIN : GZIP_ENDED;
    return true;
}

/* A damaged or cut stream is found at the byte where it is. */
static bool inflate_some(const nn_reader *r)
{
    nn_source *s = r->source;
    if (!s->z.avail_in && !fill(r))
        return false;
    if (!s->z.avail_in)
        return nn_reader_fail(r, "the gzip data are cut short");
    int status = inflate(&s->z, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
        return next_member(r);
    return status == Z_OK || nn_reader_fail(r, "%s", s->z.msg ? s->z.msg : "the gzip data are damaged");
}

static int64_t inflate_into(const nn_reader *r, void *to, size_t count)
{
    nn_source *s = r->source;
    size_t done = 0;
    while (done < count && s->gzip == GZIP_WITHIN) {
        size_t rest = count - done;
        unsigned room = rest < 1u << 30 ? (unsigned)rest : 1u << 30;
        s->z.next_out = (unsigned char *)to + done;
        s->z.avail_out = room;
        if (!inflate_some(r))
            return -1;
        done += room - s->z.avail_out;
    }
    return (int64_t)done;
}

/* ---- reading */

bool nn_reader_open(nn_reader *r)
{
    r->source = ag_tape_allocate(r->t, sizeof *r->source);
    if (!r->source)
        return false;
    return open_regular(r, r->source) && begin(r);
}

void nn_reader_close(nn_reader *r)
{
    nn_source *s = r->source;
    if (!s)
        return;
    if (s->gzip)
        inflateEnd(&s->z);
    if (s->file >= 0)
        close(s->file);
    ag_tape_deallocate(r->t, s);
    r->source = NULL;
}

int64_t nn_reader_read(nn_reader *r, void *to, size_t count)
{
    nn_source *s = r->source;
    if (s->gzip)
        return inflate_into(r, to, count);
    size_t ready = s->z.avail_in < count ? s->z.avail_in : count;
    if (ready)
        memcpy(to, s->z.next_in, ready);
    s->z.next_in += ready;
    s->z.avail_in -= (unsigned)ready;
    int64_t got = ready < count ? read_file(r, (char *)to + ready, count - ready) : 0;
    return got < 0 ? got : (int64_t)ready + got;
}

int64_t nn_reader_rest(const nn_reader *r)
{
    const nn_source *s = r->source;
    int64_t ahead = s->size > s->position ? s->size - s->position : 0;
    return s->gzip ? -1 : ahead + s->z.avail_in;
}

/* ---- from memory to a tensor */

ag_tensor nn_make_buffer(ag_tape *t, ag_dtype d, ag_shape s, const nn_memory *m, const char *name)
{
    ag_mark mark = ag_tape_mark(t); /* the wrapped memory will be freed before the step ends */
    ag_tensor x = ag_buffer(ag_wrap(t, d, s, m->at, m->size), name);
    ag_tape_rewind(t, mark);
    return x;
}
