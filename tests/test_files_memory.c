/* Reading and writing files while the C library's memory runs out: whichever request fails, the error is AG_ENOMEM or
 * comes from a file that cannot be opened, nothing leaks, and the same call succeeds afterwards. */
#include "nn_support.h"
#include <errno.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define INTERPOSED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define INTERPOSED 0
#else
#define INTERPOSED 1
#endif
#else
#define INTERPOSED 1
#endif

static long requests, fail_at, held; /* counted while fail_at is not 0 */

#if INTERPOSED
extern void *__libc_malloc(size_t bytes), *__libc_calloc(size_t count, size_t bytes),
    *__libc_realloc(void *p, size_t bytes);
extern void __libc_free(void *p);

static bool refused(void)
{
    if (!fail_at || ++requests != fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    held += p && fail_at;
    return p;
}

void *malloc(size_t bytes)
{
    return refused() ? NULL : counted(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t bytes)
{
    return refused() ? NULL : counted(__libc_calloc(count, bytes));
}

void *realloc(void *p, size_t bytes)
{
    if (refused())
        return NULL;
    void *grown = __libc_realloc(p, bytes);
    return p ? grown : counted(grown);
}

void free(void *p)
{
    held -= p && fail_at;
    __libc_free(p);
}
#endif

static void *take_quietly(void *user, size_t bytes, size_t alignment)
{
    long at = fail_at;
    void *p = NULL;
    (void)user;
    fail_at = 0;
    if (posix_memalign(&p, alignment < 64 ? 64 : alignment, bytes + !bytes))
        p = NULL;
    fail_at = at;
    return p;
}

static void release_quietly(void *user, void *p, size_t bytes)
{
    long at = fail_at;
    (void)user;
    (void)bytes;
    fail_at = 0;
    free(p);
    fail_at = at;
}

typedef ag_status action(ag_tape *t, nn_module *m);

static ag_status read_idx(ag_tape *t, nn_module *m)
{
    (void)m;
    return ag_ok(nn_read_idx(t, in_directory("idx"), NULL).x) ? AG_OK : ag_error(t);
}

static ag_status read_csv(ag_tape *t, nn_module *m)
{
    nn_classes classes = { 0 };
    (void)m;
    return ag_ok(nn_read_csv(t, in_directory("csv"), (nn_csv_config){ .classes = &classes }).x) ? AG_OK : ag_error(t);
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

static void fail_each_request(action *act)
{
    if (!INTERPOSED) {
        printf("skip: the sanitizers have a malloc of their own\n");
        skip();
    }
    ag_tape *t = ag_tape_new(
        (ag_options){ .on_error = ag_quiet, .allocator = { .allocate = take_quietly, .release = release_quietly } });
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 } });
    assert_int_equal(nn_save(m, in_directory("weights")), AG_OK);
    for (long n = 1;; n++) {
        requests = held = 0;
        fail_at = n;
        ag_status status = act(t, m);
        bool failed = requests >= n;
        fail_at = 0;
        assert_int_equal(held, 0);
        assert_int_equal(status, failed ? AG_ENOMEM : AG_OK);
        assert_int_equal(status, ag_error(t));
        ag_error_clear(t);
        assert_int_equal(act(t, m), AG_OK);
        if (!failed)
            break;
    }
    ag_tape_free(t);
}

static void idx_files(void **state)
{
    (void)state;
    const unsigned char shorts[] = { 0, 0, 11, 1, 0, 0, 0, 3, 0, 1, 0, 2, 0, 3 };
    write_bytes(in_directory("idx"), shorts, sizeof shorts);
    fail_each_request(read_idx);
}

static void tables(void **state)
{
    (void)state;
    const char text[] = "a,b\n1,x\n2,\"y\"\n";
    write_bytes(in_directory("csv"), text, strlen(text));
    fail_each_request(read_csv);
}

static void saving(void **state)
{
    (void)state;
    fail_each_request(save);
}

static void loading(void **state)
{
    (void)state;
    fail_each_request(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_files),
        cmocka_unit_test(tables),
        cmocka_unit_test(saving),
        cmocka_unit_test(loading),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
