/* Text that is made in memory, and then a file. */
#include "nn/internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool nn_output_begin(nn_output *o, ag_tape *t, const char *who)
{
    *o = (nn_output){ .t = t, .who = who, .c = newlocale(LC_ALL_MASK, "C", (locale_t)0) };
    if (!o->c)
        return ag_fail(t, AG_ENOMEM, "%s: no memory for a locale", who), false;
    o->before = uselocale(o->c);
    return true;
}

void nn_output_end(nn_output *o)
{
    if (!o->c)
        return;
    uselocale(o->before);
    freelocale(o->c);
    o->c = (locale_t)0;
}

void nn_put(nn_output *o, const char *text, size_t length)
{
    o->failed = o->failed || !nn_memory_add(o->t, &o->text, text, length);
}

void nn_print(nn_output *o, const char *format, ...)
{
    char text[2048];
    va_list values;
    va_start(values, format);
    const int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (length >= 0 && (size_t)length < sizeof text) {
        nn_put(o, text, (size_t)length);
        return;
    }
    if (!o->failed)
        ag_fail(o->t, AG_ELIMIT, "%s: a line is longer than %zu bytes", o->who, sizeof text);
    o->failed = true;
}

bool nn_output_save(const nn_output *o, const char *path)
{
    nn_atomic_file f;
    if (o->failed)
        return false;
    const bool good =
        nn_atomic_open(&f, o->t, o->who, path) && nn_atomic_write(&f, o->text.at, o->text.size) && nn_atomic_commit(&f);
    nn_atomic_close(&f);
    return good;
}
