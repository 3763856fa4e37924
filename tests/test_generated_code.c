/* The code that products run on leaves nothing behind: no file, no descriptor, no memory that grows with the shapes. */
#include "ag/kernels/code.h"
#include "ag/kernels/libraries.h"
#include "ag/kernels/matmul.h"
#include "support.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- products of small integers, which are exact */

enum { LARGEST = 70, ELEMENTS = LARGEST * LARGEST };

typedef struct scene {
    float a[ELEMENTS], b[ELEMENTS], c[ELEMENTS];
    unsigned seed;
} scene;

static int below(scene *s, int n)
{
    s->seed = s->seed * 1664525 + 1013904223;
    return (int)((s->seed >> 8) % (unsigned)n);
}

/* A product of random shape; how many of its elements are wrong. */
static int random_product(scene *s)
{
    int m = 2 + below(s, LARGEST - 1), n = 2 + below(s, LARGEST - 1), k = 2 + below(s, LARGEST - 1), wrong = 0;
    for (int i = 0; i < m * k; i++)
        s->a[i] = (float)(below(s, 7) - 3);
    for (int i = 0; i < k * n; i++)
        s->b[i] = (float)(below(s, 7) - 3);
    ag_product p = { .dtype = AG_F32, .m = m, .n = n, .k = k, .threads = 1 };
    p.a = s->a, p.a_row = k, p.a_col = 1;
    p.b = s->b, p.b_row = n, p.b_col = 1;
    p.c = s->c, p.c_row = n, p.c_col = 1;
    if (ag_product_workspace(&p) || ag_product_run(&p, NULL))
        return INT_MAX / 2;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int l = 0; l < k; l++)
                sum += s->a[i * k + l] * s->b[l * n + j];
            wrong += s->c[i * n + j] != sum;
        }
    return wrong;
}

static int random_products(unsigned seed, int count)
{
    scene *s = malloc(sizeof *s);
    int wrong = 0;
    s->seed = seed;
    while (count-- > 0)
        wrong += random_product(s);
    free(s);
    return wrong;
}

/* ---- what a process of its own says at its end */

static int descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int count = 0;
    while (d && readdir(d))
        count++;
    if (d)
        closedir(d);
    return count;
}

static const char *verdict = "did not come so far";

static void report(void)
{
    const char *said = fcntl(0, F_GETFD) < 0 ? "closed descriptor 0" : verdict;
    if (write(1, said, strlen(said)) < 0)
        abort();
}

static void make_products(void)
{
    int before = descriptors(), wrong = random_products(1, 20);
    verdict = wrong ? "wrong" : descriptors() != before ? "left a descriptor" : "fine";
}

#define FUNCTION(library, name, ...) ((__VA_ARGS__)(uintptr_t)dlsym(library, name))

/* The same by a library that is loaded and dropped. */
static void load_and_drop(const char *program)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/../libag.so", (int)(strrchr(program, '/') - program), program);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        verdict = dlerror();
        return;
    }
    ag_tape *t = FUNCTION(library, "ag_tape_new", ag_tape * (*)(ag_options))((ag_options){ .seed = 1 });
    ag_tensor x = FUNCTION(library, "ag_rand", ag_tensor(*)(ag_tape *, ag_dtype, ag_shape, double, double))(
        t, AG_F32, AG_SHAPE(40, 40), 0, 1);
    FUNCTION(library, "ag_matmul", ag_tensor(*)(ag_tensor, ag_tensor))(x, x);
    verdict = FUNCTION(library, "ag_error", ag_status(*)(const ag_tape *))(t) ? "an error" : "fine";
    FUNCTION(library, "ag_tape_free", void (*)(ag_tape *))(t);
    dlclose(library);
    if (fcntl(0, F_GETFD) < 0)
        verdict = "closed descriptor 0 when it was dropped";
}

static void run_child(const char *what)
{
    char program[PATH_MAX] = "", said[256] = "";
    int ends[2], status;
    assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        if (open("/dev/null", O_RDONLY) > 0) /* 0 is open in any case */
            execl(program, program, what, (char *)NULL);
        _exit(99);
    }
    close(ends[1]);
    for (size_t have = 0; have < sizeof said - 1;) {
        ssize_t n = read(ends[0], said + have, sizeof said - 1 - have);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_equal(said, "fine");
    assert_int_equal(status, 0);
}

static void the_first_product_leaves_descriptors_alone(void **state)
{
    (void)state;
    run_child("products");
}

static void a_library_that_is_dropped_leaves_descriptors_alone(void **state)
{
    (void)state;
    run_child("drop");
}

/* libxsmm's lock file has a name that anyone can guess. */
static void the_first_product_follows_no_planted_link(void **state)
{
    (void)state;
    char link[64], directory[] = "/tmp/ag-planted-XXXXXX", victim[64];
    struct stat s;
    snprintf(link, sizeof link, "/tmp/.libxsmm.%u", (unsigned)getuid());
    assert_non_null(mkdtemp(directory));
    snprintf(victim, sizeof victim, "%s/victim", directory);
    bool planted = symlink(victim, link) == 0; /* another process of the user's may have the file */
    if (planted)
        run_child("products");
    bool followed = lstat(victim, &s) == 0, there = lstat(link, &s) == 0;
    unlink(victim);
    if (planted)
        unlink(link);
    rmdir(directory);
    assert_false(followed);
    assert_true(there);
}

/* ---- bounds */

/* Bytes of memory that holds code and is no file's. */
static long long anonymous_code(void)
{
    char line[512];
    long long all = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long long from, to, inode;
        char rights[8];
        if (sscanf(line, "%llx-%llx %7s %*s %*s %llu", &from, &to, rights, &inode) == 4 && rights[2] == 'x' && !inode &&
            !strchr(line, '['))
            all += (long long)(to - from);
    }
    fclose(f);
    return all;
}

static long long resident(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*s %lld", &pages), 1);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void three_thousand_shapes_take_a_bounded_memory(void **state)
{
    (void)state;
    const long long bound = (long long)AG_CODE_KINDS * AG_CODE_BYTES;
    assert_int_equal(random_products(1, 2), 0);
    long long code = anonymous_code(), memory = resident();
    assert_int_equal(random_products(3, slow() ? 600 : 3000), 0);
    assert_int_equal(anonymous_code(), code);
    if (slow())
        return; /* the tools have memory and code of their own */
    assert_true(code <= bound);
    assert_true(resident() - memory <= bound);
}

static void *products_of_a_thread(void *seed)
{
    return (void *)(intptr_t)random_products(*(unsigned *)seed, slow() ? 200 : 2000);
}

static void threads_share_the_store_while_it_is_replaced(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    unsigned seed[THREADS] = { 11, 12, 13, 11 };
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, products_of_a_thread, &seed[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(thread[i], &wrong), 0);
        assert_int_equal((intptr_t)wrong, 0);
    }
}

/* ---- the store alone */

static size_t generate_some(const void *context, void *to, size_t room)
{
    assert_true(room >= AG_CODE_BYTES);
    memset(to, 0xc3, 16); /* ret */
    return *(const size_t *)context;
}

static void code_in_use_is_not_replaced(void **state)
{
    (void)state;
    static ag_code *held[AG_CODE_KINDS];
    size_t some = 16;
    ag_libraries_init();
    if (!ag_libraries_generate()) {
        print_message("skip: nothing is generated here\n");
        skip();
    }
    for (int i = 0; i < AG_CODE_KINDS; i++) {
        ag_code_key key = { { 1, 2, 3, (uint64_t)i + 1000 } };
        held[i] = ag_code_take(&key, generate_some, &some);
        assert_non_null(held[i]);
        held[i]->run();
    }
    ag_code_key more = { { 1, 2, 3, 4 } };
    assert_null(ag_code_take(&more, generate_some, &some)); /* there is no place */
    for (int i = 0; i < AG_CODE_KINDS; i++) {
        ag_code_key key = { { 1, 2, 3, (uint64_t)i + 1000 } };
        ag_code *again = ag_code_take(&key, generate_some, &some);
        assert_ptr_equal(again, held[i]);
        ag_code_release(again);
        ag_code_release(held[i]);
    }
    ag_code *c = ag_code_take(&more, generate_some, &some);
    assert_non_null(c);
    ag_code_release(c);
}

static void code_that_can_not_be_made_is_not_kept(void **state)
{
    (void)state;
    size_t none = 0, some = 16;
    ag_libraries_init();
    if (!ag_libraries_generate())
        skip();
    ag_code_key key = { { 5, 5, 5, 5 } };
    assert_null(ag_code_take(&key, generate_some, &none));
    ag_code *c = ag_code_take(&key, generate_some, &some);
    assert_non_null(c);
    ag_code_release(c);
}

int main(int count, char **arguments)
{
    if (count > 1) {
        atexit(report); /* before what the products may register, so that it runs after that */
        if (strcmp(arguments[1], "drop") == 0)
            load_and_drop(arguments[0]);
        else
            make_products();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_product_leaves_descriptors_alone),
        cmocka_unit_test(a_library_that_is_dropped_leaves_descriptors_alone),
        cmocka_unit_test(the_first_product_follows_no_planted_link),
        cmocka_unit_test(three_thousand_shapes_take_a_bounded_memory),
        cmocka_unit_test(threads_share_the_store_while_it_is_replaced),
        cmocka_unit_test(code_in_use_is_not_replaced),
        cmocka_unit_test(code_that_can_not_be_made_is_not_kept),
    };
    return cmocka_run_group_tests_name("generated code", tests, NULL, NULL);
}
