/* Memory while files are read and written: it is the tape's and obeys its limit; whichever request fails, the error is
 * AG_ENOMEM, nothing is kept, and the same call succeeds afterwards. */
#include "nn_support.h"
#include <errno.h>

#if SANITIZED || !defined(__GLIBC__)
#define INTERPOSED 0
#else
#define INTERPOSED 1
#endif

static long requests, fail_at; /* of the C library, while fail_at is not 0 */

#if INTERPOSED
extern void *__libc_malloc(size_t bytes), *__libc_calloc(size_t count, size_t bytes),
    *__libc_realloc(void *p, size_t bytes);

static bool refused(void)
{
    if (!fail_at || ++requests != fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t bytes)
{
    return refused() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return refused() ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *p, size_t bytes)
{
    return refused() ? NULL : __libc_realloc(p, bytes);
}
#endif

typedef ag_status action(ag_tape *t, nn_module *m);

static ag_status status_of(ag_tensor x)
{
    return ag_ok(x) ? AG_OK : ag_error(x.tape);
}

static ag_status read_idx(ag_tape *t, nn_module *m)
{
    (void)m;
    nn_dataset d = nn_read_idx(t, in_directory("idx"), in_directory("idx"));
    assert_int_equal(ag_ok(d.y), ag_ok(d.x));
    return status_of(d.x);
}

static ag_status read_gzipped_idx(ag_tape *t, nn_module *m)
{
    (void)m;
    return status_of(nn_read_idx(t, in_directory("idx.gz"), NULL).x);
}

static ag_status read_csv(ag_tape *t, nn_module *m)
{
    nn_classes classes = { 0 };
    (void)m;
    nn_dataset d = nn_read_csv(t, in_directory("csv"), (nn_csv_config){ .classes = &classes });
    assert_int_equal(ag_ok(d.y), ag_ok(d.x));
    assert_int_equal(classes.count, ag_ok(d.x) ? 2 : 0);
    return status_of(d.x);
}

static ag_status read_pgm(ag_tape *t, nn_module *m)
{
    const char *paths[] = { in_directory("pgm"), in_directory("pgm.gz") };
    (void)m;
    return status_of(nn_read_pgm(t, paths, 2));
}

static ag_status save(ag_tape *t, nn_module *m)
{
    (void)t;
    return nn_save(m, in_directory("weights"));
}

static ag_status load(ag_tape *t, nn_module *m)
{
    (void)t;
    return nn_load(m, in_directory("weights"));
}

static action *const actions[] = { read_idx, read_gzipped_idx, read_csv, read_pgm, load, save };

static int make_files(void **state)
{
    const unsigned char shorts[] = { 0, 0, 11, 1, 0, 0, 0, 3, 0, 1, 0, 2, 0, 3 };
    const char text[] = "a,b\n1,x\n2,\"y\"\n", picture[] = "P2 2 1 255 7 8";
    if (make_directory(state))
        return -1;
    write_bytes(in_directory("idx"), shorts, sizeof shorts);
    write_gzip(in_directory("idx.gz"), shorts, sizeof shorts);
    write_bytes(in_directory("csv"), text, strlen(text));
    write_bytes(in_directory("pgm"), picture, strlen(picture));
    write_gzip(in_directory("pgm.gz"), picture, strlen(picture));
    ag_tape *t = f64_tape();
    assert_int_equal(nn_save(small_mlp(t), in_directory("weights")), AG_OK);
    ag_tape_free(t);
    return 0;
}

/* A save looks through the directory, for which the C library takes memory; it does without where there is none. */
static void the_c_library_is_not_asked(void **state)
{
    (void)state;
    if (!INTERPOSED) {
        printf("skip: the sanitizers have a malloc of their own\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        memory memory = { 0 };
        ag_tape *t = tape_on(&memory, AG_F64);
        nn_module *m = small_mlp(t);
        for (long n = 1; n < 10; n++) {
            requests = 0;
            fail_at = n;
            ag_status status = actions[i](t, m);
            fail_at = 0;
            assert_int_equal(status, AG_OK);
            assert_true(requests == 0 || actions[i] == save);
        }
        ag_tape_free(t);
    }
}

static void each_request_of_the_tape_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        bool failed = true;
        for (long n = 1; failed; n++) {
            memory memory = { 0 };
            ag_tape *t = tape_on(&memory, AG_F64);
            nn_module *m = small_mlp(t);
            uint64_t before = 0;
            for (int k = 0; k < 3 && failed; k++) {
                memory.requests = 0;
                memory.fail_at = n;
                ag_status status = actions[i](t, m);
                failed = memory.requests >= n;
                memory.fail_at = 0;
                assert_int_equal(status, failed ? AG_ENOMEM : AG_OK);
                assert_int_equal(ag_error(t), status);
                ag_error_clear(t);
                ag_tape_reset(t);
                if (failed && before)
                    assert_int_equal(ag_tape_memory(t), before); /* none was kept */
                before = ag_tape_memory(t);
            }
            assert_int_equal(actions[i](t, m), AG_OK);
            ag_tape_free(t);
        }
    }
}

/* ---- the limit */

static ag_tape *limited_tape(uint64_t limit)
{
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet, .memory_limit = limit });
    assert_non_null(t);
    return t;
}

/* A few bytes that unpack to very many. */
static void small_files_that_hold_much(void **state)
{
    (void)state;
    enum { CHUNK = 1 << 20, CHUNKS = 64, LIMIT = 16 << 20 };
    unsigned char *zeros = calloc(1, CHUNK);
    const unsigned char header[] = { 0, 0, 8, 1, 4, 0, 0, 0 }; /* 64 MB */
    assert_non_null(zeros);
    gzFile idx = gzopen(in_directory("bomb.idx"), "wb"), csv = gzopen(in_directory("bomb.csv"), "wb"),
           pgm = gzopen(in_directory("bomb.pgm"), "wb");
    gzwrite(idx, header, sizeof header);
    gzputs(pgm, "P5 8192 8192 255\n");
    memset(zeros, '\n', CHUNK);
    for (int i = 0; i < CHUNKS; i++) {
        gzwrite(idx, zeros, CHUNK);
        gzwrite(pgm, zeros, CHUNK);
    }
    for (int i = 0; i < CHUNK; i++)
        memcpy(zeros + i, &"1,2\n"[i % 4], 1);
    for (int i = 0; i < CHUNKS / 8; i++)
        gzwrite(csv, zeros, CHUNK);
    free(zeros);
    gzclose(idx);
    gzclose(csv);
    gzclose(pgm);
    const char *bomb = in_directory("bomb.pgm");
    ag_tape *t = limited_tape(LIMIT);
    nn_read_idx(t, in_directory("bomb.idx"), NULL);
    expect_error(t, AG_ENOMEM, "would exceed the memory limit");
    assert_true(ag_tape_memory(t) < LIMIT / 8); /* all given back */
    nn_read_pgm(t, &bomb, 1);
    expect_error(t, AG_ENOMEM, "would exceed the memory limit");
    assert_true(ag_tape_memory(t) < LIMIT / 8);
    nn_read_csv(t, in_directory("bomb.csv"), (nn_csv_config){ .no_header = true });
    expect_error(t, AG_ENOMEM, "would exceed the memory limit");
    assert_true(ag_tape_memory(t) < LIMIT / 8);
    ag_tape_free(t);
}

/* A header of weights names half a million tensors; what the machine would give for them is not asked for. */
static void headers_with_many_entries(void **state)
{
    (void)state;
    enum { ENTRIES = 500000, LIMIT = 64 << 20 };
    char *text = malloc((size_t)ENTRIES * 80), *at = text + 8;
    assert_non_null(text);
    for (int i = 0; i < ENTRIES; i++)
        at += sprintf(at, "%c\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? ',' : '{', i);
    *at++ = '}';
    uint64_t length = (uint64_t)(at - text) - 8;
    memcpy(text, &length, sizeof length);
    write_bytes(in_directory("entries"), text, length + 8);
    free(text);
    ag_tape *t = limited_tape(LIMIT);
    nn_module *m = small_mlp(t);
    assert_int_equal(nn_load(m, in_directory("entries")), AG_ENOMEM);
    expect_error(t, AG_ENOMEM, "would exceed the memory limit");
    assert_true(ag_tape_memory(t) < LIMIT / 8);
    ag_tape_free(t);
}

/* A header that promises gigabytes costs nothing where they are not there. */
static void promises_take_no_memory(void **state)
{
    (void)state;
    const unsigned char large[] = { 0, 0, 8, 1, 255, 255, 255, 255, 1, 2, 3 };
    memory memory = { 0 };
    ag_tape *t = tape_on(&memory, AG_F64);
    uint64_t before = ag_tape_memory(t);
    write_bytes(in_directory("promise"), large, sizeof large);
    nn_read_idx(t, in_directory("promise"), NULL);
    expect_error(t, AG_EFILE, "promises 4294967295 bytes of data, but there are 3");
    assert_int_equal(ag_tape_memory(t), before);
    assert_true(memory.largest < 1 << 17);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_c_library_is_not_asked), cmocka_unit_test(each_request_of_the_tape_may_fail),
        cmocka_unit_test(small_files_that_hold_much), cmocka_unit_test(headers_with_many_entries),
        cmocka_unit_test(promises_take_no_memory),
    };
    return cmocka_run_group_tests(tests, make_files, remove_directory);
}
