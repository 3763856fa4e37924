/* Warnings of what is allowed but as a rule a mistake, under ag_options.debug: see ag_warn. */
#include "ag/tape/tape.h"
#include <stdarg.h>
#include <stdlib.h>

enum { MANY_PASSES = 100, MANY_NODES = 1 << 20, LARGE_PART = 4 };

bool ag_debug_wanted(const ag_options *o)
{
    const char *asked = getenv("AG_DEBUG");
    return o->debug || o->on_warning || (asked && !strcmp(asked, "1"));
}

bool ag_tape_debug(const ag_tape *t)
{
    return t && t->options.debug;
}

void ag_warn(ag_tape *t, const char *format, ...)
{
    char text[AG_TEXT];
    if (!ag_tape_debug(t))
        return;
    va_list arguments;
    va_start(arguments, format);
    ag_compose(t, text, format, arguments);
    va_end(arguments);
    ag_handler *handler = t->options.on_warning;
    if (handler)
        ag_call_handler(t, handler, AG_OK, text);
    else
        fprintf(stderr, "warning: %s\n", text);
}

bool ag_warn_first(ag_tape *t, ag_warning w)
{
    bool first = ag_tape_debug(t) && !(t->warned & 1u << w);
    t->warned |= first ? 1u << w : 0;
    return first;
}

const char *ag_growth_text(const ag_tape *t, char *text, size_t bytes)
{
    char passes[48] = "";
    if (t->passes)
        snprintf(passes, sizeof passes, " and %u backward pass%s", t->passes, t->passes > 1 ? "es" : "");
    snprintf(text, bytes, "%lld nodes%s since the last ag_tape_reset", (long long)ag_tape_nodes(t), passes);
    return text;
}

void ag_watch_pass(ag_tape *t, ag_tensor y)
{
    char text[AG_PLACE];
    if (y.id && ag_word(y) == t->last_pass && ag_warn_first(t, AG_WARN_TWICE))
        ag_warn(t,
                "ag_backward: a second pass from the same tensor adds its gradients once more; if they are not wanted "
                "twice, call it once in a step");
    t->last_pass = ag_word(y);
    bool large = ag_next(t) > MANY_NODES || t->memory >= t->options.memory_limit / LARGE_PART;
    if (t->passes >= MANY_PASSES && large && ag_warn_first(t, AG_WARN_GROWS))
        ag_warn(
            t,
            "ag_backward: the tape only grows: %s, %llu MB; it is to be called at the end of each step, and what is "
            "to stay is made by ag_param or ag_buffer",
            ag_growth_text(t, text, sizeof text), (unsigned long long)(t->memory / 1000000));
}
