/* What the tests of ag share: tapes that say nothing, errors that are expected, tensors that are compared. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include "nn/nn.h"
#include "optim/optim.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

/* Programs are slower where every memory access is checked: what takes long takes less of it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

static UNUSED bool slow(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return SANITIZED || (preloaded && strstr(preloaded, "vgpreload")); /* by Valgrind */
}

/* ---- tapes */

static UNUSED ag_tape *tape_with(ag_options options)
{
    if (!options.on_error)
        options.on_error = ag_quiet;
    ag_tape *t = ag_tape_new(options);
    assert_non_null(t);
    return t;
}

static UNUSED ag_tape *new_tape(void)
{
    return tape_with((ag_options){ .seed = 7 });
}

/* ---- errors */

/* The pending error has this status and its text contains `part`; clears it. */
#define expect_error(t, status, part) check_error(t, status, part, __FILE__, __LINE__)
static UNUSED void check_error(ag_tape *t, ag_status status, const char *part, const char *file, int line)
{
    bool fits = ag_error(t) == status && strstr(ag_error_text(t), part) && *ag_error_text(t);
    if (!fits)
        print_error("%s:%d: expected %s with '%s', got %s: %s\n", file, line, ag_status_name(status), part,
                    ag_status_name(ag_error(t)), ag_error_text(t));
    _assert_true(fits, "the expected error", file, line);
    ag_error_clear(t);
}

#define expect_fine(t) check_fine(t, __FILE__, __LINE__)
static UNUSED void check_fine(const ag_tape *t, const char *file, int line)
{
    if (ag_error(t))
        print_error("%s:%d: %s: %s\n", file, line, ag_status_name(ag_error(t)), ag_error_text(t));
    _assert_int_equal(ag_error(t), AG_OK, file, line);
}

static UNUSED bool is_inert(ag_tensor x, const ag_tape *t)
{
    return x.tape == t && x.id == 0;
}

static UNUSED bool same_handle(ag_tensor x, ag_tensor y)
{
    return x.tape == y.tape && x.id == y.id && x.epoch == y.epoch;
}

static UNUSED ag_tensor inert(ag_tape *t)
{
    return (ag_tensor){ t, 0, 0 };
}

static const ag_tensor absent UNUSED = { NULL, 0, 0 };

/* A handle whose step is over, of a tensor like AG_VALUES(t, AG_SHAPE(2), ..). Rewinds, so nothing before it
 * is lost. */
static UNUSED ag_tensor stale_tensor(ag_tape *t)
{
    ag_mark mark = ag_tape_mark(t);
    ag_tensor x = ag_zeros(t, AG_F64, AG_SHAPE(2));
    ag_tape_rewind(t, mark);
    return x;
}

/* ---- numbers */

static UNUSED bool is_close(double a, double b, double tolerance)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance * fmax(1, fabs(b));
}

#define assert_close(a, b, tolerance) check_close(a, b, tolerance, __FILE__, __LINE__)
static UNUSED void check_close(double a, double b, double tolerance, const char *file, int line)
{
    if (!is_close(a, b, tolerance))
        print_error("%s:%d: %.17g is not %.17g\n", file, line, a, b);
    _assert_true(is_close(a, b, tolerance), "close", file, line);
}

/* The tensor's only element. */
#define assert_item(x, value) check_item(x, value, __FILE__, __LINE__)
static UNUSED void check_item(ag_tensor x, double value, const char *file, int line)
{
    check_fine(x.tape, file, line);
    check_close(ag_item(x), value, 1e-12, file, line);
    check_fine(x.tape, file, line);
}

/* The tensor's elements, row-major. */
#define assert_values(x, ...) \
    check_values(x, (const double[]){ __VA_ARGS__ }, AG_COUNT(double, __VA_ARGS__), __FILE__, __LINE__)
static UNUSED void check_values(ag_tensor x, const double *values, size_t count, const char *file, int line)
{
    check_fine(x.tape, file, line);
    _assert_int_equal(ag_size_of(x), count, file, line);
    for (size_t i = 0; i < count; i++) {
        double v = ag_item_at(x, (int64_t)i);
        if (!is_close(v, values[i], ag_dtype_of(x) == AG_F32 ? 1e-6 : 1e-12))
            print_error("%s:%d: element %zu is %.17g, not %.17g\n", file, line, i, v, values[i]);
        _assert_true(is_close(v, values[i], ag_dtype_of(x) == AG_F32 ? 1e-6 : 1e-12), "values", file, line);
    }
}

#define assert_shape(x, ...) check_shape(x, AG_SHAPE(__VA_ARGS__), __FILE__, __LINE__)
static UNUSED void check_shape(ag_tensor x, ag_shape s, const char *file, int line)
{
    ag_shape is = ag_shape_of(x);
    _assert_int_equal(is.rank, s.rank, file, line);
    for (int i = 0; i < s.rank; i++)
        _assert_int_equal(is.dim[i], s.dim[i], file, line);
}

/* The tape works: 2 * 3 + 1 and its derivative, on rank 0 and on arrays, whatever was recorded before. */
#define assert_usable(t) check_usable(t, __FILE__, __LINE__)
static UNUSED void check_usable(ag_tape *t, const char *file, int line)
{
    check_fine(t, file, line);
    ag_tensor x = ag_variable(t, 2), y = ag_add_scalar(ag_mul_scalar(x, 3), 1), dx = inert(t);
    check_item(y, 7, file, line);
    ag_gradients(y, AG_LIST(x), 0, &dx);
    check_item(dx, 3, file, line);
    ag_tensor v = ag_require_grad(AG_VALUES(t, AG_SHAPE(2), 2, 3));
    ag_tensor z = ag_sum(ag_add_scalar(ag_mul(v, AG_VALUES(t, AG_SHAPE(2), 3, 5)), 1));
    check_item(z, 23, file, line);
    _assert_int_equal(ag_backward(z), AG_OK, file, line);
    check_values(ag_grad(v), (const double[]){ 3, 5 }, 2, file, line);
}

/* ---- files */

/* What a file says, until the next call. */
static UNUSED const char *text_of_file(const char *path)
{
    static char *text;
    size_t size;
    free(text);
    FILE *from = fopen(path, "r"), *to = open_memstream(&text, &size);
    assert_true(from && to);
    for (int c; (c = fgetc(from)) != EOF;)
        fputc(c, to);
    fclose(from);
    fclose(to);
    return text;
}

#endif
