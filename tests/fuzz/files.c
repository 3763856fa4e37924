/* Damaged files: tables, IDX files, pictures and weights, plain and gzipped, are changed at random and read. Whatever they hold,
 * reading gives good tensors or an error of the file, keeps no memory, and a refused file of weights changes none.
 *
 *     fuzz_files [FILES [SEED]]     tells the seed of a file that is read wrongly, and leaves the file in TMPDIR */
#include "nn/nn.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { ROOM = 1 << 16, LIMIT = 8 << 20 };

typedef struct text {
    unsigned char at[ROOM];
    size_t size;
} text;

typedef struct fuzz {
    uint64_t seed, state;
    char path[256];
    text original, changed, weights[2];
    ag_tape *t;
    nn_module *m;
    nn_module root;
    unsigned long read, refused;
} fuzz;

/* ---- random numbers */

static uint64_t next(fuzz *f) /* SplitMix64 (Steele, Lea, Flood 2014) */
{
    uint64_t z = f->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t below(fuzz *f, size_t n)
{
    return n ? (size_t)(next(f) % n) : 0;
}

static bool one_in(fuzz *f, size_t n)
{
    return below(f, n) == 0;
}

static _Noreturn void die(const fuzz *f, const char *what)
{
    printf("seed %llu: %s (%s): %s\n", (unsigned long long)f->seed, what, ag_error_text(f->t), f->path);
    exit(1);
}

/* ---- good files */

static void add(text *x, const char *format, ...) AG_PRINTF(2, 3);
static void add(text *x, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    x->size += (size_t)vsnprintf((char *)x->at + x->size, ROOM - x->size, format, arguments);
    va_end(arguments);
}

static void make_table(fuzz *f, text *x)
{
    static const char *const cells[] = { "1", "-2.5", "3e4", " 7 ", "\"8\"", "\"\"", "", "nan", "0x1p3" },
                             *const labels[] = { "0", "1", "red", "\"a \"\"b\"\"\"", "2.0", "0.5", "-1", "" };
    size_t rows = below(f, 12), columns = 1 + below(f, 5);
    x->size = 0;
    if (one_in(f, 2))
        for (size_t i = 0; i <= columns; i++)
            add(x, "%sc%zu%s", i ? "," : "", i, i < columns ? "" : "\n");
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < columns; i++)
            add(x, "%s,", cells[one_in(f, 6) ? below(f, 9) : below(f, 5)]);
        add(x, "%s%s", labels[one_in(f, 4) ? below(f, 8) : below(f, 2)], one_in(f, 5) ? "\r\n" : "\n");
    }
}

static void make_idx(fuzz *f, text *x)
{
    static const unsigned char codes[] = { 8, 9, 11, 12, 13, 14 }, bytes[] = { 1, 1, 2, 4, 4, 8 };
    size_t kind = below(f, 6), rank = 1 + below(f, 3), count = bytes[kind];
    x->size = 4 + 4 * rank;
    memset(x->at, 0, x->size);
    x->at[2] = codes[kind];
    x->at[3] = (unsigned char)rank;
    for (size_t i = 0; i < rank; i++) {
        size_t extent = below(f, 5);
        x->at[4 + 4 * i + 3] = (unsigned char)extent;
        count *= extent;
    }
    for (size_t i = 0; i < count; i++)
        x->at[x->size++] = (unsigned char)next(f);
}

static void make_picture(fuzz *f, text *x)
{
    const size_t width = 1 + below(f, 4), height = 1 + below(f, 4), most = one_in(f, 2) ? 255 : 1 + below(f, 65535);
    const bool plain = one_in(f, 2);
    x->size = 0;
    add(x, "P%d%s%zu %zu\n%zu\n", plain ? 2 : 5, one_in(f, 3) ? "# a comment\n" : " ", width, height, most);
    for (size_t i = 0; i < width * height; i++) {
        const size_t v = below(f, most + 1);
        if (plain)
            add(x, "%zu%c", v, one_in(f, 4) ? '\n' : ' ');
        else if (most > 255)
            x->at[x->size++] = (unsigned char)(v >> 8);
        if (!plain)
            x->at[x->size++] = (unsigned char)v;
    }
}

static void read_back(const char *path, text *x)
{
    FILE *file = fopen(path, "rb");
    x->size = file ? fread(x->at, 1, ROOM, file) : 0;
    if (file)
        fclose(file);
}

static void make_weights(fuzz *f, text *x)
{
    *x = f->weights[below(f, 2)];
}

/* ---- damage */

static void replace(text *x, size_t at, size_t gone, const void *with, size_t count)
{
    if (at > x->size || gone > x->size - at || x->size - gone + count > ROOM)
        return;
    memmove(x->at + at + count, x->at + at + gone, x->size - at - gone);
    memcpy(x->at + at, with, count);
    x->size += count - gone;
}

static void damage(fuzz *f, text *x)
{
    static const char *const parts[] = { "\"",          "\n",
                                         ",",           ":",
                                         "{",           "}",
                                         "[",           "]",
                                         "\\u0041",     "\\",
                                         "0",           "9223372036854775807",
                                         "1e400",       "\xff",
                                         "F64",         "[[[[",
                                         "\r",          "__metadata__",
                                         "P2",          "P5 ",
                                         "#",           "65535 ",
                                         "2147483647 ", "-1",
                                         "1.5",         "\xef\xbb\xbf",
                                         " ",           "\\ud83d\\ude00",
                                         "\x1f\x8b" };
    unsigned char copy[64], byte = (unsigned char)next(f);
    size_t at = one_in(f, 3) ? below(f, x->size < 24 ? x->size + 1 : 24) : below(f, x->size + 1);
    size_t count = 1 + below(f, sizeof copy), rest = x->size - (at < x->size ? at : x->size);
    const char *part = parts[below(f, sizeof parts / sizeof *parts)];
    switch (below(f, 7)) {
    case 0:
        replace(x, at, 1, &byte, 1);
        break;
    case 1:
        if (at < x->size)
            x->at[at] ^= (unsigned char)(1u << below(f, 8));
        break;
    case 2:
        replace(x, at, 0, part, strlen(part));
        break;
    case 3:
        replace(x, at, below(f, 4), part, strlen(part));
        break;
    case 4:
        replace(x, at, count < rest ? count : rest, "", 0);
        break;
    case 5: /* a piece again at another place */
        count = count < rest ? count : rest;
        memcpy(copy, x->at + at, count);
        replace(x, below(f, x->size + 1), 0, copy, count);
        break;
    default:
        x->size = at < x->size ? at : x->size;
    }
}

static void write_file(fuzz *f, const text *x, bool gzipped)
{
    if (gzipped) {
        gzFile file = gzopen(f->path, "wb1");
        if (!file || (x->size && gzwrite(file, x->at, (unsigned)x->size) != (int)x->size) || gzclose(file))
            die(f, "the file cannot be written");
        return;
    }
    FILE *file = fopen(f->path, "wb");
    if (!file || fwrite(x->at, 1, x->size, file) != x->size || fclose(file))
        die(f, "the file cannot be written");
}

/* ---- reading */

/* Good tensors and no error, or an error of the file (or of the limit) and none. */
static void check_data(fuzz *f, nn_dataset d, bool has_y)
{
    ag_status s = ag_error(f->t);
    if (s && s != AG_EFILE && s != AG_ENOMEM && s != AG_ELIMIT)
        die(f, "an unexpected error");
    if (ag_ok(d.x) != !s || (has_y && ag_ok(d.y) != !s))
        die(f, "tensors with an error or none without");
    f->read += !s;
    f->refused += s != AG_OK;
    ag_error_clear(f->t);
    if (s)
        return;
    double sum = 0;
    for (int64_t i = 0; i < ag_size_of(d.x); i++) /* every value can be read */
        sum += ag_item_at(d.x, i);
    for (int64_t i = 0; has_y && i < ag_size_of(d.y); i++)
        sum += ag_item_at(d.y, i);
    volatile double kept = sum;
    (void)kept;
    ag_release(d.x);
    if (has_y)
        ag_release(d.y);
}

static void read_table(fuzz *f)
{
    nn_classes classes = { 0 };
    nn_csv_config c = { .no_header = one_in(f, 2), .classes = one_in(f, 2) ? &classes : NULL };
    c.header = !c.no_header && one_in(f, 2);
    c.regression = !c.classes && one_in(f, 3);
    c.no_label = !c.classes && !c.regression && one_in(f, 3);
    c.label_column = c.no_label ? 0 : (int)below(f, 5) - 2;
    if (one_in(f, 4))
        c.columns[0] = 1 + (int)below(f, 3);
    check_data(f, nn_read_csv(f->t, f->path, c), !c.no_label);
}

static void read_idx(fuzz *f)
{
    bool labels = one_in(f, 4);
    check_data(f, nn_read_idx(f->t, f->path, labels ? f->path : NULL), labels);
}

static void read_picture(fuzz *f)
{
    const char *paths[] = { f->path, f->path };
    check_data(f, (nn_dataset){ .x = nn_read_pgm(f->t, paths, 1 + below(f, 2)) }, false);
}

static double sum_of(nn_module *m)
{
    double sum = 0;
    ag_list l = nn_params(m);
    for (size_t i = 0; i < l.count; i++)
        for (int64_t k = 0; k < ag_size_of(l.at[i]); k++)
            sum = sum * 1.001 + ag_item_at(l.at[i], k);
    return sum;
}

static void read_weights(fuzz *f)
{
    nn_module *m = one_in(f, 2) ? f->m : &f->root;
    double before = sum_of(m), after;
    ag_status s = nn_load(m, f->path);
    if (s && s != AG_EFILE && s != AG_ENOMEM)
        die(f, "an unexpected error");
    f->read += !s;
    f->refused += s != AG_OK;
    ag_error_clear(f->t);
    after = sum_of(m);
    if (s && memcmp(&before, &after, sizeof after))
        die(f, "a refused file changed the module");
}

static void make_modules(fuzz *f)
{
    f->m = nn_mlp(f->t, (nn_mlp_config){ .sizes = { 3, 4, 2 } });
    nn_init(&f->root, f->t, "root", NULL);
    nn_child(&f->root, f->m, "mlp");
    nn_share(&f->root, nn_find(f->m, "0.bias"), "tied");
    nn_buffer(&f->root, ag_ones(f->t, AG_I64, AG_SHAPE(2, 0, 3)), "none");
    nn_param(&f->root, ag_ones(f->t, AG_F32, AG_SCALAR), "quote\"\xc3\xa9");
    for (int i = 0; i < 2; i++) { /* once, as each save waits for the disk */
        if (nn_save(i ? f->m : &f->root, f->path))
            die(f, "a save failed");
        read_back(f->path, &f->weights[i]);
    }
}

static void play(fuzz *f, uint64_t seed)
{
    static void (*const make[])(fuzz *, text *) = { make_table, make_idx, make_weights, make_picture };
    static void (*const read[])(fuzz *) = { read_table, read_idx, read_weights, read_picture };
    f->seed = f->state = seed;
    size_t kind = below(f, 4), changes = below(f, one_in(f, 2) ? 2 : 6);
    bool gzipped = one_in(f, 3), both = gzipped && one_in(f, 2);
    make[kind](f, &f->original);
    for (size_t i = 0; i < changes && (!gzipped || both); i++)
        damage(f, &f->original);
    write_file(f, &f->original, gzipped);
    if (gzipped) { /* what is packed is changed, or the packing */
        read_back(f->path, &f->changed);
        for (size_t i = 0; i < changes && !both; i++)
            damage(f, &f->changed);
        write_file(f, &f->changed, false);
    }
    read[one_in(f, 50) ? below(f, 4) : kind](f);
    ag_tape_reset(f->t);
}

static void new_tape(fuzz *f)
{
    ag_tape_free(f->t);
    f->t = ag_tape_new((ag_options){ .on_error = ag_quiet, .threads = 1, .memory_limit = LIMIT });
    make_modules(f);
}

/* What is refused takes no memory; where the tape has grown, it is enough for doing the same once more. */
static void play_and_measure(fuzz *f, uint64_t seed)
{
    unsigned long refused = f->refused;
    uint64_t before = ag_tape_memory(f->t), after;
    play(f, seed);
    after = ag_tape_memory(f->t);
    if (f->refused == refused || after == before)
        return;
    play(f, seed);
    f->refused--;
    if (ag_tape_memory(f->t) > after)
        die(f, "memory is kept");
}

int main(int argc, char **argv)
{
    enum { TAPE = 500 }; /* files: the names of classes stay on their tape */
    static fuzz f;
    unsigned long files = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const char *place = getenv("TMPDIR");
    char directory[200];
    snprintf(directory, sizeof directory, "%s/ag-fuzz-XXXXXX", place && *place ? place : "/tmp");
    if (!mkdtemp(directory))
        return 1;
    snprintf(f.path, sizeof f.path, "%s/file", directory);
    for (unsigned long i = 0; i < files; i++) {
        if (i % TAPE == 0)
            new_tape(&f);
        play_and_measure(&f, first + i);
    }
    printf("%lu files from seed %llu on: %lu read, %lu refused\n", files, (unsigned long long)first, f.read, f.refused);
    ag_tape_free(f.t);
    unlink(f.path);
    return rmdir(directory) != 0;
}
