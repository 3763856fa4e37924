/* Writing JSON: strings, numbers, arrays. */
#include "ag/show/json.h"
#include <math.h>

enum { ELEMENTS = 16 }; /* that are written of an array */

/* The bytes of the character of UTF-8 at text (Unicode 3.9, table 3-7); 0: it is none. */
static int character(const unsigned char *text)
{
    const unsigned char c = text[0];
    const int more = c < 0x80                ? 0
                     : c >= 0xc2 && c < 0xe0 ? 1
                     : c >= 0xe0 && c < 0xf0 ? 2
                     : c >= 0xf0 && c < 0xf5 ? 3
                                             : -1;
    for (int k = 1; k <= more; k++)
        if ((text[k] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) || (c == 0xf0 && text[1] < 0x90) ||
        (c == 0xf4 && text[1] > 0x8f))
        return 0;
    return more + 1;
}

void ag_json_text(FILE *to, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    fputc('"', to);
    while (*at) {
        const int bytes = character(at);
        if (bytes > 1)
            fwrite(at, 1, (size_t)bytes, to);
        else if (!bytes)
            fprintf(to, "\\ufffd");
        else if (*at < 0x20 || *at == '"' || *at == '\\' || *at == '<' || *at == '>' || *at == '&' || *at == 0x7f)
            fprintf(to, "\\u%04x", *at);
        else
            fputc(*at, to);
        at += bytes ? bytes : 1;
    }
    fputc('"', to);
}

/* With a point, whatever the locale has in its place. */
static void put_finite(FILE *to, double x)
{
    char text[64];
    bool pointed = false;
    snprintf(text, sizeof text, "%.17g", x);
    for (const char *at = text; *at; at++) {
        if (strchr("+-0123456789e", *at))
            fputc(*at, to);
        else if (!pointed)
            fputc('.', to);
        pointed |= !strchr("+-0123456789e", *at);
    }
}

void ag_json_number(FILE *to, double x)
{
    if (x != x)
        fprintf(to, "\"NaN\"");
    else if (isinf(x))
        fprintf(to, x > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        put_finite(to, x);
}

static void put_element(FILE *to, const ag_array *a, int64_t i)
{
    if (ag_is_float(a->dtype))
        ag_json_number(to, ag_array_get(a, i));
    else
        fprintf(to, "%" PRId64, ag_array_get_integer(a, i));
}

void ag_json_value(FILE *to, const ag_array *a)
{
    const int64_t size = ag_array_size(a);
    fprintf(to, "\"shape\":[");
    for (int k = 0; k < a->shape.rank; k++)
        fprintf(to, k ? ",%" PRId64 : "%" PRId64, a->shape.dim[k]);
    fprintf(to, "],");
    if (size == 1) {
        fprintf(to, "\"value\":");
        put_element(to, a, 0);
        return;
    }
    fprintf(to, "\"norm\":");
    ag_json_number(to, ag_look_measure(a));
    if (size > ELEMENTS)
        return;
    fprintf(to, ",\"values\":[");
    for (int64_t i = 0; i < size; i++) {
        if (i)
            fputc(',', to);
        put_element(to, a, i);
    }
    fputc(']', to);
}
