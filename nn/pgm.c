/* Gray pictures: P2 or P5, the width, the height and the maximum as text, and the pixels, as text or as one or two bytes
 * each, big-endian. Among the text # begins a comment, up to the end of the line. */
#include "nn/internal.h"
#include <string.h>

enum { END = -1, FAILED = -2 };

typedef struct pgm {
    nn_reader r;
    bool text; /* P2 */
    int64_t width, height, maximum;
    size_t at, have; /* in the chunk */
    unsigned char chunk[NN_CHUNK];
} pgm;

/* ---- bytes and numbers */

static int next_byte(pgm *f)
{
    if (f->at == f->have) {
        const int64_t got = nn_reader_read(&f->r, f->chunk, NN_CHUNK);
        if (got <= 0)
            return got < 0 ? FAILED : END;
        f->at = 0;
        f->have = (size_t)got;
    }
    return f->chunk[f->at++];
}

/* The same of text: a comment is the end of its line. */
static int next_character(pgm *f)
{
    int c = next_byte(f);
    if (c == '#')
        while (c >= 0 && c != '\n' && c != '\r')
            c = next_byte(f);
    return c;
}

static bool is_blank(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int skip_blanks(pgm *f)
{
    int c = next_character(f);
    while (is_blank(c))
        c = next_character(f);
    return c;
}

/* A number up to `most`, and the character behind it, a blank or the end; -1: reported. */
static int64_t read_number(pgm *f, const char *what, int64_t most)
{
    int64_t v = 0;
    int c = skip_blanks(f);
    if (c == END)
        return nn_reader_fail(&f->r, "the file ends where %s should stand", what), -1;
    for (; c >= '0' && c <= '9'; c = next_character(f)) {
        v = 10 * v + (c - '0');
        if (v > most)
            return nn_reader_fail(&f->r, "%s is more than %lld", what, (long long)most), -1;
    }
    if (c >= 0 && !is_blank(c))
        return nn_reader_fail(&f->r, "%s is no number: there is a byte %02x in it", what, (unsigned)c), -1;
    return c == FAILED ? -1 : v;
}

/* ---- the header */

static bool read_extent(pgm *f, const char *what, int64_t most, int64_t *to)
{
    *to = read_number(f, what, most);
    return *to > 0 || (*to == 0 && nn_reader_fail(&f->r, "%s is 0", what));
}

static bool read_header(pgm *f)
{
    const int letter = next_byte(f), digit = letter == 'P' ? next_byte(f) : END;
    if (letter == FAILED || digit == FAILED)
        return false;
    if (digit != '2' && digit != '5')
        return nn_reader_fail(&f->r, "it is no PGM file: it does not begin with P2 or P5");
    f->text = digit == '2';
    return read_extent(f, "the width", INT32_MAX, &f->width) && read_extent(f, "the height", INT32_MAX, &f->height) &&
           read_extent(f, "the maximum", UINT16_MAX, &f->maximum);
}

/* ---- pixels */

/* -1: reported */
static int64_t read_pixel(pgm *f)
{
    if (f->text)
        return read_number(f, "a pixel", UINT16_MAX);
    const int high = f->maximum > UINT8_MAX ? next_byte(f) : 0, low = high >= 0 ? next_byte(f) : high;
    if (low == END)
        nn_reader_fail(&f->r, "the file ends within its %lld x %lld pixels", (long long)f->width, (long long)f->height);
    return low < 0 ? -1 : high * 256 + low;
}

static bool add_pixel(pgm *f, int64_t i, nn_memory *to)
{
    const int64_t v = read_pixel(f);
    if (v > f->maximum)
        return nn_reader_fail(&f->r, "the pixel in row %lld and column %lld, from 0, is %lld, but the maximum is %lld",
                              (long long)(i / f->width), (long long)(i % f->width), (long long)v,
                              (long long)f->maximum);
    const double wide = (double)v / (double)f->maximum;
    const float narrow = (float)wide;
    const bool f32 = ag_tape_dtype(f->r.t) == AG_F32;
    return v >= 0 && nn_memory_add(f->r.t, to, f32 ? (const void *)&narrow : &wide, f32 ? sizeof narrow : sizeof wide);
}

/* The header may lie: the size of a file is compared with it, and memory is taken as pixels come. */
static bool read_pixels(pgm *f, nn_memory *to)
{
    const int64_t count = f->width * f->height, rest = nn_reader_rest(&f->r), bytes = f->maximum > UINT8_MAX ? 2 : 1;
    const int64_t there = rest < 0 ? rest : rest + (int64_t)(f->have - f->at);
    if (!f->text && there >= 0 && there < count * bytes)
        return nn_reader_fail(&f->r, "its header promises %lld x %lld pixels, but there are %lld bytes",
                              (long long)f->width, (long long)f->height, (long long)there);
    for (int64_t i = 0; i < count; i++)
        if (!add_pixel(f, i, to))
            return false;
    const int c = f->text ? skip_blanks(f) : next_byte(f);
    if (c >= 0)
        nn_reader_fail(&f->r, "there is more than the %lld x %lld pixels that its header promises", (long long)f->width,
                       (long long)f->height);
    return c == END;
}

/* ---- pictures */

/* Adds the pixels of a picture of this size, [height,width]; of the first one, whose size is not known, it is set. */
static bool read_picture(ag_tape *t, const char *path, const char *first, ag_shape *s, nn_memory *to)
{
    pgm f = { .r = { .t = t, .who = "nn_read_pgm", .path = path } };
    bool good = nn_reader_open(&f.r) && read_header(&f);
    if (good && !s->rank)
        *s = AG_SHAPE(f.height, f.width);
    if (good && (s->dim[0] != f.height || s->dim[1] != f.width))
        good = nn_reader_fail(&f.r, "it is %lld x %lld pixels, but %.100s is %lld x %lld", (long long)f.width,
                              (long long)f.height, first, (long long)s->dim[1], (long long)s->dim[0]);
    good = good && read_pixels(&f, to);
    nn_reader_close(&f.r);
    return good;
}

ag_tensor nn_read_pgm(ag_tape *t, const char *const *paths, size_t count)
{
    ag_tensor x = nn_inert(t);
    ag_shape s = AG_SCALAR;
    nn_memory pixels = { 0 };
    if (!t || ag_error(t))
        return x;
    if (!paths || !count) {
        ag_fail(t, paths ? AG_EARG : AG_ENULL, "nn_read_pgm: %s",
                paths ? "there is no path" : "the list of paths is NULL");
        return x;
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = paths[i] && read_picture(t, paths[i], paths[0], &s, &pixels);
        if (!paths[i])
            ag_fail(t, AG_ENULL, "nn_read_pgm: path %zu of %zu, from 0, is NULL", i, count);
    }
    if (good)
        x = nn_make_buffer(t, ag_tape_dtype(t), AG_SHAPE((int64_t)count, s.dim[0], s.dim[1]), &pixels, "x");
    nn_memory_free(&pixels);
    return x;
}
