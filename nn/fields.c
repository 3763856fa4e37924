/* Rows of separated fields, after RFC 4180. */
#include "nn/internal.h"
#include <string.h>

enum { END = -1, FAILED = -2 };
enum { MORE, LAST }; /* what follows a field, or FAILED */

/* ---- characters */

static int peek(nn_fields *f)
{
    if (f->at == f->have) {
        int64_t got = nn_reader_read(&f->r, f->chunk, NN_CHUNK);
        if (got < 0)
            return FAILED;
        f->at = 0;
        f->have = (size_t)got;
        if (!got)
            return END;
    }
    if (f->chunk[f->at])
        return f->chunk[f->at];
    nn_reader_fail(&f->r, "line %lld: a NUL byte; this is no text", (long long)f->line);
    return FAILED;
}

static void skip(nn_fields *f)
{
    f->line += f->chunk[f->at++] == '\n';
}

static bool is_blank(const nn_fields *f, int c)
{
    return (c == ' ' || c == '\t' || c == '\r') && c != f->separator;
}

static int skip_blanks(nn_fields *f)
{
    int c = peek(f);
    for (; c >= 0 && is_blank(f, c); c = peek(f))
        skip(f);
    return c;
}

/* ---- fields */

static bool put(nn_fields *f, int c)
{
    if (f->length == NN_FIELD - 1)
        return nn_reader_fail(&f->r, "line %lld: a field of more than %d bytes", (long long)f->line, NN_FIELD - 1);
    f->field[f->length++] = (char)c;
    return true;
}

static bool read_quoted(nn_fields *f)
{
    long long first = f->line;
    skip(f);
    for (;;) {
        int c = peek(f);
        if (c == FAILED)
            return false;
        if (c == END)
            return nn_reader_fail(&f->r, "line %lld: a quote is not closed", first);
        skip(f);
        if (c == '"') {
            if (peek(f) != '"')
                break;
            skip(f);
        }
        if (!put(f, c))
            return false;
    }
    int c = skip_blanks(f);
    if (c >= 0 && c != '\n' && c != f->separator)
        return nn_reader_fail(&f->r, "line %lld: text after a closing quote", (long long)f->line);
    return c != FAILED;
}

static bool read_bare(nn_fields *f)
{
    int c = peek(f);
    for (; c >= 0 && c != '\n' && c != f->separator; c = peek(f)) {
        if (!put(f, c))
            return false;
        skip(f);
    }
    while (f->length && is_blank(f, f->field[f->length - 1]))
        f->length--;
    return c != FAILED;
}

/* One field and what ends it. */
static int read_field(nn_fields *f)
{
    f->length = 0;
    int c = skip_blanks(f);
    f->quoted = c == '"';
    if (c == FAILED || !(f->quoted ? read_quoted(f) : read_bare(f)))
        return FAILED;
    f->field[f->length] = 0;
    c = peek(f);
    if (c >= 0)
        skip(f);
    return c == FAILED ? FAILED : c == f->separator ? MORE : LAST;
}

/* ---- rows */

const char *nn_fields_at(const nn_fields *f, int64_t column)
{
    return (const char *)f->text.at + ((const size_t *)(const void *)f->start.at)[column - 1];
}

int64_t nn_fields_row(nn_fields *f)
{
    int follows = LAST;
    int64_t count = 0;
    while (count == 0 || follows == MORE) {
        if (count == 0) {
            f->row_line = f->line;
            f->text.size = f->start.size = 0;
            if (peek(f) == END)
                return 0;
        }
        size_t start = f->text.size;
        follows = read_field(f);
        if (follows == FAILED || !nn_memory_add(f->r.t, &f->text, f->field, f->length + 1) ||
            !nn_memory_add(f->r.t, &f->start, &start, sizeof start))
            return -1;
        bool empty = count == 0 && follows == LAST && f->length == 0 && !f->quoted;
        count += !empty;
    }
    return count;
}

bool nn_fields_open(nn_fields *f, ag_tape *t, const char *who, const char *path, char separator)
{
    static const unsigned char byte_order_mark[] = { 0xef, 0xbb, 0xbf };
    f->r = (nn_reader){ .t = t, .who = who, .path = path };
    f->separator = (unsigned char)separator;
    f->line = 1;
    if (!nn_reader_open(&f->r) || peek(f) == FAILED)
        return false;
    if (f->have >= sizeof byte_order_mark && !memcmp(f->chunk, byte_order_mark, sizeof byte_order_mark))
        f->at = sizeof byte_order_mark;
    return true;
}

void nn_fields_close(nn_fields *f)
{
    nn_memory_free(&f->text);
    nn_memory_free(&f->start);
    nn_reader_close(&f->r);
}
