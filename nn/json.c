/* What a reader of JSON (RFC 8259) asks for, piece by piece: no tree is built, so it takes no memory. */
#include "nn/internal.h"
#include <string.h>

int nn_utf8_length(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80)
        return s[0] != 0;
    int length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (int i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] > 0x9f, beyond = s[0] == 0xf4 && s[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

char nn_json_peek(nn_json *j)
{
    j->at += strspn(j->at, " \t\n\r");
    return *j->at;
}

bool nn_json_take(nn_json *j, char c)
{
    bool found = nn_json_peek(j) == c;
    j->at += found;
    return found;
}

/* ---- strings */

static bool take_hex(nn_json *j, uint32_t *unit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    *unit = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        const char *digit = *j->at ? strchr(digits, *j->at) : NULL;
        if (!digit)
            return false;
        *unit = *unit << 4 | ((uint32_t)(digit - digits) & 15);
    }
    return true;
}

/* What stands behind "\u": a code point, of one unit or of two that are surrogates. Not 0, which would end the text. */
static bool take_code_point(nn_json *j, uint32_t *c)
{
    uint32_t low;
    if (!take_hex(j, c) || *c == 0 || (*c >= 0xdc00 && *c < 0xe000))
        return false;
    if (*c < 0xd800 || *c >= 0xe000)
        return true;
    if (j->at[0] != '\\' || j->at[1] != 'u')
        return false;
    j->at += 2;
    if (!take_hex(j, &low) || low < 0xdc00 || low >= 0xe000)
        return false;
    *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* As UTF-8, which is never longer than the escape was. */
static char *put_code_point(char *to, uint32_t c)
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    int length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(lead[length] | c);
    return to + length;
}

/* What stands behind a backslash; NULL: nothing that may. */
static char *take_escape(nn_json *j, char *to)
{
    static const char letters[] = "btnfr\"\\/", meant[] = "\b\t\n\f\r\"\\/";
    uint32_t c;
    if (*j->at == 'u') {
        j->at++;
        return take_code_point(j, &c) ? put_code_point(to, c) : NULL;
    }
    const char *letter = *j->at ? strchr(letters, *j->at) : NULL;
    if (!letter)
        return NULL;
    j->at++;
    *to = meant[letter - letters];
    return to + 1;
}

const char *nn_json_string(nn_json *j)
{
    if (!nn_json_take(j, '"'))
        return NULL;
    char *start = j->at, *to = start;
    while (*j->at != '"') {
        int length = nn_utf8_length(j->at);
        if ((unsigned char)*j->at < 0x20 || !length) /* the end of the text too */
            return NULL;
        if (*j->at == '\\') {
            j->at++;
            to = take_escape(j, to);
            if (!to)
                return NULL;
        } else {
            memmove(to, j->at, (size_t)length);
            to += length;
            j->at += length;
        }
    }
    j->at++;
    *to = 0; /* at the closing quote or before it */
    return start;
}

/* ---- numbers */

bool nn_json_size(nn_json *j, uint64_t *to)
{
    uint64_t v = 0;
    nn_json_peek(j);
    const char *start = j->at;
    for (; *j->at >= '0' && *j->at <= '9'; j->at++) {
        uint64_t digit = (uint64_t)(*j->at - '0');
        if (v > (INT64_MAX - digit) / 10)
            return false;
        v = 10 * v + digit;
    }
    *to = v;
    bool zeros = *start == '0' && j->at > start + 1;
    return j->at > start && !zeros && !(*j->at && strchr(".eE", *j->at));
}

/* ---- names */

const char *nn_what_is_wrong(const char *name)
{
    if (!name || !*name)
        return "is empty";
    if (strlen(name) >= NN_NAME)
        return "is longer than 127 bytes";
    for (const char *s = name; *s;) {
        int length = nn_utf8_length(s);
        if (!length)
            return "is not UTF-8";
        s += length;
    }
    return NULL;
}
