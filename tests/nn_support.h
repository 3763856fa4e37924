/* What the tests of nn and optim share: tapes whose memory can be made to fail, errors that are expected, files. */
#ifndef TESTS_NN_SUPPORT_H
#define TESTS_NN_SUPPORT_H

#include "nn/nn.h"
#include "optim/optim.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

/* ---- tapes */

/* Memory that counts, and fails at the request number `fail_at` (from 1; 0: never). */
typedef struct memory {
    long requests, fail_at;
    size_t largest; /* request */
} memory;

static void *take_memory(void *user, size_t bytes, size_t alignment)
{
    memory *m = user;
    void *p = NULL;
    m->largest = bytes > m->largest ? bytes : m->largest;
    if (++m->requests == m->fail_at || posix_memalign(&p, alignment < 64 ? 64 : alignment, bytes + !bytes))
        return NULL;
    return p;
}

static void release_memory(void *user, void *p, size_t bytes)
{
    (void)user;
    (void)bytes;
    free(p);
}

static UNUSED ag_tape *tape_on(memory *m, ag_dtype d)
{
    return ag_tape_new((ag_options){ .dtype = d,
                                     .seed = 3,
                                     .on_error = ag_quiet,
                                     .allocator = { .allocate = take_memory, .release = release_memory, .user = m },
                                     .memory_limit = (uint64_t)1 << 40 });
}

static UNUSED ag_tape *tape_of(ag_dtype d)
{
    ag_tape *t = ag_tape_new((ag_options){ .dtype = d, .seed = 3, .on_error = ag_quiet });
    assert_non_null(t);
    return t;
}

static UNUSED ag_tape *f64_tape(void)
{
    return tape_of(AG_F64);
}

/* The pending error is this one and says `part`; clears it. */
#define assert_error(t, status, part) check_error(t, status, part, __FILE__, __LINE__)
static UNUSED void check_error(ag_tape *t, ag_status status, const char *part, const char *file, int line)
{
    if (ag_error(t) != status || !strstr(ag_error_text(t), part))
        print_error("%s:%d: expected %s with '%s', got %s: %s\n", file, line, ag_status_name(status), part,
                    ag_status_name(ag_error(t)), ag_error_text(t));
    _assert_int_equal(ag_error(t), status, file, line);
    _assert_true(strstr(ag_error_text(t), part) != NULL, part, file, line);
    ag_error_clear(t);
}

#define assert_fine(t) check_fine(t, __FILE__, __LINE__)
static UNUSED void check_fine(ag_tape *t, const char *file, int line)
{
    if (ag_error(t))
        print_error("%s:%d: %s: %s\n", file, line, ag_status_name(ag_error(t)), ag_error_text(t));
    _assert_int_equal(ag_error(t), AG_OK, file, line);
}

#define assert_near(a, b, tolerance) check_near(a, b, tolerance, __FILE__, __LINE__)
static UNUSED void check_near(double a, double b, double tolerance, const char *file, int line)
{
    bool near = fabs(a - b) <= tolerance || a == b;
    if (!near)
        print_error("%s:%d: %.17g is not within %g of %.17g\n", file, line, a, tolerance, b);
    _assert_true(near, "near", file, line);
}

/* Failed, on this tape. */
static UNUSED bool is_inert(ag_tensor x, const ag_tape *t)
{
    return x.tape == t && x.id == 0;
}

static UNUSED bool same_handle(ag_tensor x, ag_tensor y)
{
    return x.tape == y.tape && x.id == y.id && x.epoch == y.epoch;
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
    assert_error(m->tape, AG_EFILE, text);
    assert_near(checksum(m), before, 0);
}

#endif
