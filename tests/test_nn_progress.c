/* Progress: what is written to files and terminals, and how often. */
#include "nn_support.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

static void pause_for(double seconds)
{
    nanosleep(&(struct timespec){ (time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds)) }, NULL);
}

/* What was written to the file, and how many lines. */
static const char *written(FILE *f, int *lines)
{
    static char text[1 << 16];
    rewind(f);
    const size_t size = fread(text, 1, sizeof text - 1, f);
    text[size] = 0;
    *lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        ++*lines;
    return text;
}

static void a_file_has_plain_lines(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    FILE *f = tmpfile();
    nn_progress *p = nn_progress_new(
        t, (nn_progress_config){ .total = 400, .label = "epoch 3", .unit = "images", .to = f, .every = 1e-6 });
    nn_progress_step(p, 100, 4);
    pause_for(0.01);
    nn_progress_step(p, 100, 2);
    assert_int_equal(p->done, 200);
    pause_for(0.01);
    nn_progress_step(p, 99, 1.5);
    nn_progress_end(p);
    assert_int_equal(p->done, 0);
    int lines;
    const char *text = written(f, &lines);
    assert_int_equal(lines, 3);
    assert_null(strchr(text, '\r'));
    assert_non_null(strstr(text, " s left\n"));
    assert_int_equal(strncmp(text, "epoch 3: 200 of 400 images (50 %), ", 35), 0);
    assert_non_null(strstr(text, " images/s, loss 3, ")); /* of the two before it */
    assert_non_null(strstr(text, "\nepoch 3: 299 of 400 images (74 %), "));
    assert_non_null(strstr(text, " images/s, loss 1.5, "));
    assert_non_null(strstr(text, "\nepoch 3: 299 images, "));
    assert_non_null(strstr(text, " images/s, loss 2.5, in ")); /* of all */
    expect_fine(t);
    fclose(f);
    ag_tape_free(t);
}

static void seldom_is_seldom(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    FILE *f = tmpfile();
    nn_progress *p = nn_progress_new(t, (nn_progress_config){ .to = f });
    for (int i = 0; i < 100000; i++)
        nn_progress_step(p, 1, i);
    int lines;
    assert_string_equal(written(f, &lines), "");
    nn_progress_end(p);
    nn_progress_end(p); /* nothing is left to be said */
    const char *text = written(f, &lines);
    assert_int_equal(lines, 1);
    assert_int_equal(strncmp(text, "100000 steps, ", 14), 0);
    assert_non_null(strstr(text, ", loss 5e+04, in "));
    nn_progress_step(p, 7, 1); /* the next epoch */
    nn_progress_end(p);
    assert_non_null(strstr(written(f, &lines), "\n7 steps, loss 1\n")); /* of one step there is no rate */
    fclose(f);
    ag_tape_free(t);
}

static void odd_numbers_are_shown(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    FILE *f = tmpfile();
    char label[600];
    memset(label, 'x', sizeof label);
    label[sizeof label - 1] = 0;
    nn_progress *p = nn_progress_new(t, (nn_progress_config){ .to = f, .total = 10, .label = label, .every = 1e-6 });
    memset(label, 'y', sizeof label);
    nn_progress_step(p, 0, NAN);
    pause_for(0.002);
    nn_progress_step(p, 0, INFINITY);
    pause_for(0.002);
    nn_progress_step(p, 30, 1); /* more than there were to be */
    pause_for(0.002);
    nn_progress_step(p, INT64_MAX, -1);
    assert_true(p->done == INT64_MAX);
    nn_progress_end(p);
    int lines;
    const char *text = written(f, &lines);
    assert_int_equal(lines, 4);
    assert_non_null(strstr(text, "xxx: 0 of 10 steps (0 %), loss nan\n"));
    assert_non_null(strstr(text, "xxx: 30 of 10 steps (300 %), "));
    assert_null(strchr(text, 'y'));
    expect_fine(t);
    fclose(f);
    ag_tape_free(t);
}

/* Both ends of a terminal. */
static FILE *open_terminal(int *other, int columns)
{
    *other = posix_openpt(O_RDWR | O_NOCTTY);
    if (*other < 0 || grantpt(*other) || unlockpt(*other))
        return NULL;
    FILE *f = fopen(ptsname(*other), "w");
    struct winsize window = { .ws_row = 25, .ws_col = (unsigned short)columns };
    if (f)
        ioctl(*other, TIOCSWINSZ, &window);
    return f;
}

static void a_terminal_has_one_line_that_is_written_over(void **state)
{
    (void)state;
    int other;
    FILE *f = open_terminal(&other, 40);
    if (!f) {
        printf("skip: there are no terminals\n");
        skip();
    }
    ag_tape *t = f64_tape();
    nn_progress *p = nn_progress_new(t, (nn_progress_config){ .to = f, .total = 1000000, .label = "a long label" });
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    double seconds = 0;
    for (int64_t i = 0; seconds < 0.5; i++) {
        nn_progress_step(p, 1, 1 / (1 + (double)i));
        clock_gettime(CLOCK_MONOTONIC, &now);
        seconds = (double)(now.tv_sec - begin.tv_sec) + 1e-9 * (double)(now.tv_nsec - begin.tv_nsec);
    }
    nn_progress_end(p);
    char text[1 << 14];
    size_t size = 0;
    struct pollfd ready = { .fd = other, .events = POLLIN };
    while (poll(&ready, 1, 100) == 1 && size < sizeof text - 1) {
        const ssize_t got = read(other, text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    text[size] = 0;
    int lines = 0;
    for (char *at = text, *next; (next = strchr(at + 1, '\r')) && next[1] != '\n'; at = next) {
        assert_true(next - at <= 40); /* none is wrapped */
        lines++;
    }
    assert_in_range(lines, 1, 5); /* ten times a second at most, and the last */
    assert_int_equal(strncmp(text, "\ra long label: ", 15), 0);
    assert_string_equal(text + size - 2, "\r\n"); /* as terminals make it of a line's end */
    fclose(f);
    close(other);
    ag_tape_free(t);
}

static void bad_settings_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    assert_null(nn_progress_new(NULL, (nn_progress_config){ 0 }));
    assert_null(nn_progress_new(t, (nn_progress_config){ .total = -5 }));
    expect_error(t, AG_EARG, "nn_progress_new: total is -5; it must not be negative");
    assert_null(nn_progress_new(t, (nn_progress_config){ .every = -1 }));
    expect_error(t, AG_EARG, "nn_progress_new: every is -1; it must be finite and not negative");
    assert_null(nn_progress_new(t, (nn_progress_config){ .every = NAN }));
    expect_error(t, AG_EARG, "nn_progress_new: every is nan");
    nn_progress *p = nn_progress_new(t, (nn_progress_config){ 0 });
    nn_progress_step(p, -3, 1);
    expect_error(t, AG_EARG, "nn_progress_step: the count is -3; it must not be negative");
    assert_int_equal(p->done, 0);
    nn_progress_end(p); /* nothing was done: nothing is said */
    nn_progress_step(NULL, 1, 1);
    nn_progress_end(NULL);
    expect_fine(t);
    ag_tape_free(t);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    memory memory = { 0 };
    ag_tape *t = tape_on(&memory, AG_F64);
    memory.requests = 0;
    memory.fail_at = 1;
    assert_null(nn_progress_new(t, (nn_progress_config){ 0 }));
    expect_error(t, AG_ENOMEM, "");
    memory.fail_at = 0;
    FILE *f = tmpfile();
    nn_progress *p = nn_progress_new(t, (nn_progress_config){ .to = f, .every = 1e-9 });
    const long requests = memory.requests;
    for (int i = 0; i < 100; i++)
        nn_progress_step(p, 1, 1);
    nn_progress_end(p);
    assert_int_equal(memory.requests, requests);
    fclose(f);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_plain_lines),   cmocka_unit_test(seldom_is_seldom),
        cmocka_unit_test(odd_numbers_are_shown),    cmocka_unit_test(a_terminal_has_one_line_that_is_written_over),
        cmocka_unit_test(bad_settings_are_refused), cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
