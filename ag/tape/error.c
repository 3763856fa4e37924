/* Errors: the first one sticks to its tape. */
#include "ag/tape/tape.h"
#include <stdarg.h>

void ag_quiet(void *user, ag_status status, const char *text)
{
    (void)user;
    (void)status;
    (void)text;
}

const char *ag_status_name(ag_status s)
{
    static const char *const names[] = { "AG_OK",     "AG_ENOMEM", "AG_ENULL",   "AG_ESTALE",      "AG_ESHAPE",
                                         "AG_EDTYPE", "AG_EARG",   "AG_EUSE",    "AG_EINCOMPLETE", "AG_ELIMIT",
                                         "AG_EFILE",  "AG_EVALUE", "AG_USE_RULE" };
    return (unsigned)s < sizeof names / sizeof *names ? names[s] : "unknown status";
}

static void append(char *text, size_t *used, const char *format, va_list arguments)
{
    int n = vsnprintf(text + *used, AG_TEXT - *used, format, arguments);
    if (n > 0)
        *used = *used + (size_t)n < AG_TEXT ? *used + (size_t)n : AG_TEXT - 1;
}

static void append_scopes(const ag_tape *t, char *text, size_t *used)
{
    int n = t->scope_count < AG_SCOPES ? t->scope_count : AG_SCOPES;
    for (int i = 0; i < n; i++) {
        int k = snprintf(text + *used, AG_TEXT - *used, "%s%s", t->scopes[i], i + 1 < n ? "." : ": ");
        if (k > 0)
            *used = *used + (size_t)k < AG_TEXT ? *used + (size_t)k : AG_TEXT - 1;
    }
}

/* Of a message that nothing else can be true of: the function's name. */
static void tell_of_freed(char *text, size_t bytes)
{
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (text[name] != ':')
        name = 0;
    snprintf(text + name, bytes - name, "%sthe tape was freed by ag_tape_free before this call", name ? ": " : "");
}

void ag_compose(const ag_tape *t, char *text, const char *format, va_list arguments)
{
    ag_site_text(t->sites.now, "", text, AG_TEXT / 2);
    size_t used = strlen(text);
    used += used ? (size_t)snprintf(text + used, AG_TEXT - used, ": ") : 0;
    append_scopes(t, text, &used);
    const size_t before = used;
    append(text, &used, format ? format : "", arguments);
    if (t->freed)
        tell_of_freed(text + before, AG_TEXT - before);
}

static void print(void *user, ag_status s, const char *text)
{
    (void)user;
    fprintf(stderr, "%s (%s)\n", text, ag_status_name(s));
}

static ag_handler *handler_of(const ag_options *o)
{
    return o->on_error ? o->on_error : print;
}

void ag_tell(const ag_options *o, ag_status s, const char *text)
{
    handler_of(o)(o->user, s, text);
}

/* The error stands until the call that failed has returned, whatever the handler does: it is asked for on the way. */
void ag_call_handler(ag_tape *t, ag_handler *handler, ag_status s, const char *text)
{
    const uint32_t no_grad = t->no_grad;
    const int hidden = t->hidden_count;
    const bool telling = t->telling;
    ag_close(t);
    t->telling = true;
    handler(t->options.user, s, text);
    while (t->hidden_count > hidden)
        ag_error_pop(t);
    t->telling = telling;
    t->no_grad = no_grad;
    ag_open(t);
}

ag_status ag_fail(ag_tape *t, ag_status s, const char *format, ...)
{
    if (!t || s == AG_OK || t->error.status)
        return s;
    va_list arguments;
    va_start(arguments, format);
    t->error.status = s;
    ag_compose(t, t->error.text, format, arguments);
    va_end(arguments);
    if (!t->hidden_count)
        ag_call_handler(t, handler_of(&t->options), s, t->error.text);
    return s;
}

ag_status ag_fail_at(const char *file, int line, ag_tape *t, ag_status s, const char *format, ...)
{
    char text[AG_TEXT] = "";
    va_list arguments;
    va_start(arguments, format);
    if (format)
        vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const ag_site before = ag_site_enter(t, file, line);
    ag_fail(t, s, "%s", text);
    ag_site_leave(t, before);
    return s;
}

ag_status ag_error(const ag_tape *t)
{
    return t ? t->error.status : AG_ENOMEM;
}

const char *ag_error_text(const ag_tape *t)
{
    return t ? t->error.status ? t->error.text : "" : "there is no tape";
}

void ag_error_clear(ag_tape *t)
{
    if (t && (!t->telling || t->hidden_count)) /* a handler's own probes are its own */
        t->error.status = AG_OK;
}

ag_status ag_error_push(ag_tape *t)
{
    if (!t)
        return AG_ENULL;
    if (t->hidden_count == AG_ERROR_DEPTH)
        return ag_fail(t, AG_ELIMIT, "ag_error_push: nested more than %d deep", AG_ERROR_DEPTH);
    t->hidden[t->hidden_count++] = t->error;
    t->error.status = AG_OK;
    return AG_OK;
}

ag_status ag_error_pop(ag_tape *t)
{
    if (!t)
        return AG_ENULL;
    if (!t->hidden_count)
        return ag_fail(t, AG_EUSE, "ag_error_pop: no ag_error_push before it");
    ag_status s = t->error.status;
    t->error = t->hidden[--t->hidden_count];
    return s;
}

void ag_scope_begin(ag_tape *t, const char *name)
{
    if (!t)
        return;
    if (t->scope_count < AG_SCOPES)
        t->scopes[t->scope_count] = name ? name : "";
    t->scope_count++;
}

void ag_scope_end(ag_tape *t)
{
    if (t && t->scope_count)
        t->scope_count--;
}
