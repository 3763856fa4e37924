/* What the tests of explanations share: the lecture's graph, what a function printed, JSON that is valid. */
#ifndef TESTS_EXPLAIN_H
#define TESTS_EXPLAIN_H

#include "support.h"

typedef struct lecture {
    ag_tape *t;
    ag_tensor a, b, c, d;
} lecture;

/* c = a + b, d = a c at a = 4, b = 3. */
static UNUSED lecture new_lecture(ag_options options)
{
    lecture g = { .t = tape_with(options) };
    g.a = ag_name(ag_variable(g.t, 4), "a");
    g.b = ag_name(ag_variable(g.t, 3), "b");
    g.c = ag_name(ag_add(g.a, g.b), "c");
    g.d = ag_name(ag_mul(g.a, g.c), "d");
    return g;
}

/* A function's output as a string, which the caller frees; `call` is an expression with the file `to`. */
#define PRINTED(status, call) (begin_printing(), end_printing(status, call))
static FILE *to;
static char *printed_text;
static size_t printed_bytes;

static UNUSED void begin_printing(void)
{
    to = open_memstream(&printed_text, &printed_bytes);
    assert_non_null(to);
}

static UNUSED char *end_printing(ag_status expected, ag_status s)
{
    fclose(to);
    assert_int_equal(s, expected);
    return printed_text;
}

/* Part of the text, or says what there is in its place. */
#define assert_part(text, part) check_part(text, part, __FILE__, __LINE__)
static UNUSED void check_part(const char *text, const char *part, const char *file, int line)
{
    if (!strstr(text, part))
        print_error("%s:%d: no '%s' in:\n%s\n", file, line, part, text);
    _assert_true(strstr(text, part) != NULL, part, file, line);
}

/* ---- a reader of JSON (RFC 8259) that knows whether it is */

static const char *json_blank(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *json_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    while (*at && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\') {
            at++;
            if (*at == 'u' && strspn(at + 1, "0123456789abcdefABCDEF") < 4)
                return NULL;
            if (*at != 'u' && (!*at || !strchr("\"\\/bfnrt", *at)))
                return NULL;
        }
        at++;
    }
    return *at == '"' ? at + 1 : NULL;
}

static const char *json_number(const char *at)
{
    at += *at == '-';
    size_t digits = strspn(at, "0123456789");
    if (!digits || (digits > 1 && *at == '0'))
        return NULL;
    at += digits;
    if (*at == '.') {
        digits = strspn(++at, "0123456789");
        at = digits ? at + digits : NULL;
    }
    if (at && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '+' || *at == '-';
        digits = strspn(at, "0123456789");
        at = digits ? at + digits : NULL;
    }
    return at;
}

/* What follows the value, NULL where there is none. */
static const char *json_value(const char *at)
{
    at = json_blank(at);
    if (*at == '"')
        return json_string(at);
    if (*at != '{' && *at != '[') {
        static const char *const words[] = { "true", "false", "null" };
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
            if (!strncmp(at, words[i], strlen(words[i])))
                return at + strlen(words[i]);
        return json_number(at);
    }
    const char open = *at, end = open == '{' ? '}' : ']';
    at = json_blank(at + 1);
    if (*at == end)
        return at + 1;
    for (;;) {
        at = json_blank(at);
        if (open == '{') {
            at = json_string(at);
            at = at ? json_blank(at) : NULL;
            if (!at || *at++ != ':')
                return NULL;
        }
        at = json_value(at);
        at = at ? json_blank(at) : NULL;
        if (!at || *at == end)
            return at ? at + 1 : NULL;
        if (*at++ != ',')
            return NULL;
    }
}

#define assert_json(text) check_json(text, __FILE__, __LINE__)
static UNUSED void check_json(const char *text, const char *file, int line)
{
    const char *end = json_value(text);
    const bool valid = end && !*json_blank(end);
    if (!valid)
        print_error("%s:%d: no JSON:\n%s\n", file, line, text);
    _assert_true(valid, "JSON", file, line);
}

#endif
