/* Choosing BLIS's kernels leaves the environment alone, which other threads may read. */
#include "ag/kernels/libraries.h"
#include "support.h"

#include <blis.h>
#include <sys/wait.h>

static int changes;

int setenv(const char *name, const char *value, int overwrite)
{
    (void)name;
    (void)value;
    (void)overwrite;
    changes++;
    return 0;
}

int unsetenv(const char *name)
{
    (void)name;
    changes++;
    return 0;
}

int putenv(char *entry)
{
    (void)entry;
    changes++;
    return 0;
}

static void the_first_product_does_not_touch_the_environment(void **state)
{
    (void)state;
    char **before = environ;
    bool there = getenv("BLIS_ARCH_TYPE");
    ag_libraries_init();
    assert_ptr_equal(environ, before);
    assert_int_equal(changes, 0);
    assert_true(there == (getenv("BLIS_ARCH_TYPE") != NULL));
}

static void start_with(const char *choice, char *said, size_t bytes)
{
    char program[4096] = "";
    int ends[2], status;
    char *const arguments[] = { program, "describe", NULL };
    char *const list[] = { (char *)choice, NULL };
    assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        execve(program, arguments, list);
        _exit(99);
    }
    close(ends[1]);
    memset(said, 0, bytes);
    for (size_t have = 0; have < bytes - 1;) {
        ssize_t n = read(ends[0], said + have, bytes - 1 - have);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_choice_of_the_users_is_respected(void **state)
{
    (void)state;
    char said[256], choice[64], name[64];
    snprintf(choice, sizeof choice, "BLIS_ARCH_TYPE=%d", (int)BLIS_ARCH_GENERIC);
    snprintf(name, sizeof name, "(%s)", bli_arch_string(BLIS_ARCH_GENERIC));
    start_with(choice, said, sizeof said);
    if (!strstr(said, name))
        print_error("%s\n", said);
    assert_non_null(strstr(said, name));
    assert_null(strstr(said, "chosen by ag"));
    start_with("OTHER=1", said, sizeof said);
    assert_non_null(strstr(said, "BLIS"));
}

int main(int count, char **arguments)
{
    (void)arguments;
    if (count > 1)
        return puts(ag_libraries_describe()) < 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_product_does_not_touch_the_environment),
        cmocka_unit_test(a_choice_of_the_users_is_respected),
    };
    return cmocka_run_group_tests_name("libraries", tests, NULL, NULL);
}
