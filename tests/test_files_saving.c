/* Saving: a file is replaced as a whole or stays as it was, with its mode and behind its links, whatever happens. */
#include "nn_support.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int files_in_directory(void)
{
    int count = 0;
    DIR *d = opendir(directory);
    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static bool is_there(const char *path)
{
    struct stat s;
    return !lstat(path, &s);
}

static void assert_holds(const char *path, nn_module *m)
{
    double sum = checksum(m);
    ag_tensor first = nn_params(m).at[0];
    ag_assign(first, ag_zeros(m->tape, ag_dtype_of(first), ag_shape_of(first)));
    assert_int_equal(nn_load(m, path), AG_OK);
    assert_near(checksum(m), sum, 0);
}

/* ---- what is replaced */

static void a_failed_save_changes_nothing(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 100, 100, 2 } }), *before = small_mlp(t);
    const char *path = in_directory("precious");
    assert_int_equal(nn_save(before, path), AG_OK);
    bytes old = read_bytes(path);
    int files = files_in_directory();
    struct rlimit limit, small = { 10000, RLIM_INFINITY };
    getrlimit(RLIMIT_FSIZE, &limit);
    small.rlim_max = limit.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small); /* the disk is full */
    assert_int_equal(nn_save(m, path), AG_EFILE);
    setrlimit(RLIMIT_FSIZE, &limit);
    expect_error(t, AG_EFILE, "cannot be written");
    bytes now = read_bytes(path);
    assert_int_equal(now.size, old.size);
    assert_memory_equal(now.at, old.at, old.size);
    assert_int_equal(files_in_directory(), files); /* the temporary file is gone */
    free(now.at);
    free(old.at);
    assert_int_equal(nn_save(m, path), AG_OK);
    assert_holds(path, m);
    assert_int_equal(files_in_directory(), files);
    ag_tape_free(t);
}

static void a_file_keeps_its_mode_and_owner(void **state)
{
    (void)state;
    const mode_t modes[] = { 0600, 0640, 0644, 0666, 0755 };
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    const char *path = in_directory("mode");
    struct stat s;
    mode_t mask = umask(027);
    assert_int_equal(nn_save(m, path), AG_OK);
    stat(path, &s);
    assert_int_equal(s.st_mode & 07777, 0640); /* a new one is as any that this process makes */
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        bool given = geteuid() == 0 && !chown(path, 1234, 5678);
        assert_int_equal(nn_save(m, path), AG_OK);
        stat(path, &s);
        assert_int_equal(s.st_mode & 07777, modes[i]);
        assert_true(!given || (s.st_uid == 1234 && s.st_gid == 5678));
    }
    umask(mask);
    ag_tape_free(t);
}

static void links_are_followed(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    char absolute[512];
    snprintf(absolute, sizeof absolute, "%s", in_directory("far/there"));
    assert_int_equal(mkdir(in_directory("far"), 0700), 0);
    const struct {
        const char *link, *to, *file;
    } links[] = { { "near", "here", "here" },
                  { "into", "far/file", "far/file" },
                  { "through", "into", "far/file" },
                  { "far/back", "../other", "other" },
                  { "absolute", absolute, "far/there" } };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(links); i++) { /* at first the file is not there yet */
        const char *link = in_directory(links[i / 2].link), *file = in_directory(links[i / 2].file);
        assert_true(i % 2 || !symlink(links[i / 2].to, link));
        ag_assign(nn_find(m, "0.bias"), ag_full(t, AG_F32, AG_SHAPE(4), (double)i));
        assert_int_equal(nn_save(m, link), AG_OK);
        struct stat s;
        assert_int_equal(lstat(link, &s), 0);
        assert_true(S_ISLNK(s.st_mode));
        assert_int_equal(lstat(file, &s), 0);
        assert_true(S_ISREG(s.st_mode));
        assert_holds(file, m);
    }
    assert_int_equal(symlink("loop", in_directory("loop")), 0);
    assert_int_equal(nn_save(m, in_directory("loop")), AG_EFILE);
    expect_error(t, AG_EFILE, "Too many levels of symbolic links");
    assert_int_equal(symlink("/nowhere/at/all", in_directory("broken")), 0);
    assert_int_equal(nn_save(m, in_directory("broken")), AG_EFILE);
    expect_error(t, AG_EFILE, "No such file or directory");
    assert_int_equal(symlink("/dev/null", in_directory("device")), 0);
    assert_int_equal(nn_save(m, in_directory("device")), AG_EFILE);
    expect_error(t, AG_EFILE, "is no regular file");
    ag_tape_free(t);
}

static void names_of_any_length(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    char here[512], name[300];
    assert_non_null(getcwd(here, sizeof here));
    memset(name, 'n', sizeof name);
    assert_int_equal(chdir(directory), 0); /* none of them has a directory */
    for (int length = 250; length < 260; length++) {
        name[length] = 0;
        assert_int_equal(nn_save(m, name), length <= 255 ? AG_OK : AG_EFILE);
        if (length <= 255)
            assert_holds(name, m);
        else
            expect_error(t, AG_EFILE, "File name too long");
        name[length] = 'n';
    }
    assert_int_equal(nn_save(m, "plain"), AG_OK);
    assert_int_equal(chdir(here), 0);
    assert_holds(in_directory("plain"), m);
    ag_tape_free(t);
}

/* ---- without rights */

/* In a child process, as a user without rights where this one is root. */
static void without_rights(void (*act)(const char *path), const char *path)
{
    pid_t child = fork();
    if (!child) {
        if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(1);
        act(path);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void refuse_to_save(const char *path)
{
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet, .threads = 1 });
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 3, 4, 2 } });
    if (nn_save(m, path) != AG_EFILE || !strstr(ag_error_text(t), "Permission denied"))
        _exit(2);
    ag_tape_free(t);
}

static void files_and_directories_that_may_not_be_written(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(mkdir(in_directory("locked"), 0700), 0);
    assert_int_equal(mkdir(in_directory("open"), 0700), 0);
    assert_int_equal(nn_save(m, in_directory("locked/file")), AG_OK);
    assert_int_equal(nn_save(m, in_directory("open/file")), AG_OK);
    chmod(in_directory("locked/file"), 0666);
    chmod(in_directory("open/file"), 0444);
    chmod(in_directory("locked"), 0555);
    chmod(in_directory("open"), 0777);
    without_rights(refuse_to_save, in_directory("locked/file"));
    without_rights(refuse_to_save, in_directory("locked/new"));
    without_rights(refuse_to_save, in_directory("open/file"));
    assert_holds(in_directory("locked/file"), m);
    assert_holds(in_directory("open/file"), m);
    chmod(in_directory("locked"), 0700);
    ag_tape_free(t);
}

/* ---- what killed processes leave */

#define LEFT ".ag-save-0123456789abcde" /* and one more digit */

static void what_was_left_behind_is_removed(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    const char *const others[] = { ".ag-save-", LEFT, LEFT "ff", LEFT "g", "x" LEFT "0", ".ag-save" };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        write_bytes(in_directory(others[i]), "", 0);
    write_bytes(in_directory(LEFT "0"), "half", 4);
    write_bytes(in_directory(LEFT "1"), "", 0);
    write_bytes(in_directory(LEFT "2"), "being written", 13);
    int writer = open(in_directory(LEFT "2"), O_WRONLY);
    assert_int_equal(flock(writer, LOCK_EX), 0);
    assert_int_equal(mkdir(in_directory(LEFT "3"), 0700), 0);
    assert_int_equal(mkfifo(in_directory(LEFT "4"), 0600), 0);
    assert_int_equal(symlink("x" LEFT "0", in_directory(LEFT "5")), 0);
    write_bytes(in_directory(LEFT "6"), "another's", 9);
    bool given = geteuid() == 0 && !chown(in_directory(LEFT "6"), 1234, 1234);
    assert_int_equal(nn_save(m, in_directory("weights")), AG_OK);
    assert_false(is_there(in_directory(LEFT "0")) || is_there(in_directory(LEFT "1")));
    assert_true(is_there(in_directory(LEFT "2")) && is_there(in_directory(LEFT "3")));
    assert_true(is_there(in_directory(LEFT "4")) && is_there(in_directory(LEFT "5")));
    assert_int_equal(is_there(in_directory(LEFT "6")), given);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_true(is_there(in_directory(others[i])));
    close(writer);
    assert_int_equal(nn_save(m, in_directory("weights")), AG_OK);
    assert_false(is_there(in_directory(LEFT "2")));
    ag_tape_free(t);
}

static nn_module *large_mlp(ag_tape *t, double value)
{
    nn_module *m = nn_mlp(t, (nn_mlp_config){ .sizes = { 300, 300, 2 } });
    ag_assign(nn_find(m, "2.bias"), ag_full(t, AG_F32, AG_SHAPE(2), value));
    return m;
}

static void save_for_ever(const char *path)
{
    ag_tape *t = ag_tape_new((ag_options){ .dtype = AG_F32, .on_error = ag_quiet, .threads = 1 });
    for (double value = 1;; value++) {
        if (nn_save(large_mlp(t, value), path))
            _exit(1);
        if (value == 50)
            _exit(0);
        ag_tape_reset(t);
    }
}

/* Saves that are killed at any moment: what is read is what some save has written. */
static void killed_saves_leave_a_whole_file(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = large_mlp(t, 0);
    const char *path = in_directory("killed");
    assert_int_equal(nn_save(m, path), AG_OK);
    int files = files_in_directory();
    long kills = getenv("KILLS") ? atol(getenv("KILLS")) : 20;
    unsigned random = 1;
    for (long i = 0; i < kills; i++) {
        pid_t child = fork();
        if (!child)
            save_for_ever(path);
        random = random * 1103515245 + 12345;
        usleep(500 + random / 65536 % 20000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        assert_int_equal(nn_load(m, path), AG_OK);
        double value = ag_item_at(nn_find(m, "2.bias"), 0);
        assert_true(value >= 0 && value == floor(value) && value == ag_item_at(nn_find(m, "2.bias"), 1));
    }
    assert_int_equal(nn_save(m, path), AG_OK);
    assert_int_equal(files_in_directory(), files); /* and what the killed ones had begun is gone */
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_save_changes_nothing),
        cmocka_unit_test(a_file_keeps_its_mode_and_owner),
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(names_of_any_length),
        cmocka_unit_test(files_and_directories_that_may_not_be_written),
        cmocka_unit_test(what_was_left_behind_is_removed),
        cmocka_unit_test(killed_saves_leave_a_whole_file),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
