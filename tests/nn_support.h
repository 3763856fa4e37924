/* What the tests of nn and optim share: tapes whose memory can be made to fail, errors that are expected, files. */
#ifndef TESTS_NN_SUPPORT_H
#define TESTS_NN_SUPPORT_H

#include "memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

/* ---- tapes */

static UNUSED ag_tape *tape_on(memory *m, ag_dtype d)
{
    return ag_tape_new((ag_options){
        .dtype = d, .seed = 3, .on_error = ag_quiet, .allocator = allocator_of(m), .memory_limit = (uint64_t)1 << 40 });
}

static UNUSED ag_tape *tape_of(ag_dtype d)
{
    return tape_with((ag_options){ .dtype = d, .seed = 3 });
}

static UNUSED ag_tape *f64_tape(void)
{
    return tape_of(AG_F64);
}

#define assert_near(a, b, tolerance) check_near(a, b, tolerance, __FILE__, __LINE__)
static UNUSED void check_near(double a, double b, double tolerance, const char *file, int line)
{
    bool near = fabs(a - b) <= tolerance || a == b;
    if (!near)
        print_error("%s:%d: %.17g is not within %g of %.17g\n", file, line, a, tolerance, b);
    _assert_true(near, "near", file, line);
}

/* ---- files */

typedef struct bytes {
    unsigned char *at;
    size_t size;
} bytes;

static UNUSED bytes read_bytes(const char *path)
{
    bytes b = { NULL, 0 };
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    b.size = (size_t)ftell(f);
    rewind(f);
    b.at = malloc(b.size + 1);
    assert_non_null(b.at);
    assert_int_equal(fread(b.at, 1, b.size, f), b.size);
    fclose(f);
    return b;
}

/* Without O_TRUNC, after which some file systems flush to the disk. */
static UNUSED void write_bytes(const char *path, const void *at, size_t size)
{
    int f = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(f >= 0);
    assert_int_equal(write(f, at, size), size);
    assert_int_equal(ftruncate(f, (off_t)size), 0);
    assert_int_equal(close(f), 0);
}

static UNUSED void write_gzip(const char *path, const void *at, size_t size)
{
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, at, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

/* A directory of the test program's own; the group's teardown removes it with what is in it. */
static char directory[] = "/tmp/ag-test-XXXXXX";

static UNUSED int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static UNUSED int remove_directory(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static UNUSED const char *in_directory(const char *name)
{
    static char path[4][512];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", directory, name);
    return p;
}

/* ---- weights */

static UNUSED nn_module *small_mlp(ag_tape *t)
{
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 } });
    assert_non_null(m);
    return m;
}

/* All values of the module, to see whether any changes. */
static UNUSED double checksum(nn_module *m)
{
    double sum = 0;
    ag_list list = nn_params(m);
    for (size_t i = 0; i < list.count; i++)
        for (int64_t k = 0; k < ag_size_of(list.at[i]); k++)
            sum = sum * 1.000123 + ag_item_at(list.at[i], k);
    return sum;
}

/* Loading fails with this text and changes nothing. */
static UNUSED void refuse_file(nn_module *m, const char *path, const char *text)
{
    double before = checksum(m);
    assert_int_equal(nn_load(m, path), AG_EFILE);
    expect_error(m->tape, AG_EFILE, text);
    assert_near(checksum(m), before, 0);
}

#endif
