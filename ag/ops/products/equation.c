/* Einstein's notation, read. */
#include "ag/ops/products/equation.h"

#include <stdarg.h>

/* The labels of an operand, or of the result, as they are written. */
typedef struct subscripts {
    int8_t label[AG_MAX_RANK];
    const char *place[AG_MAX_RANK];
    int count, ellipsis; /* how many labels stand before `...`, -1 without */
} subscripts;

static bool wrong(const ag_equation *e, ag_status s, const char *at, const char *format, ...)
    __attribute__((__format__(__printf__, 4, 5)));
static bool wrong(const ag_equation *e, ag_status s, const char *at, const char *format, ...)
{
    char why[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    ag_fail(e->tape, s, "ag_einsum: \"%.*s\", character %d: %s", AG_QUOTED, e->text, (int)(at - e->text) + 1, why);
    return false;
}

static char letter_of(int label)
{
    return (char)(label < 26 ? 'A' + label : 'a' + label - 26);
}

static char peek(ag_equation *e)
{
    while (*e->at == ' ')
        e->at++;
    return *e->at;
}

/* Up to a comma, an arrow or the end. */
static bool read_subscripts(ag_equation *e, subscripts *s)
{
    *s = (subscripts){ .ellipsis = -1 };
    for (char c = peek(e); c && c != ',' && c != '-'; c = peek(e)) {
        const bool large = c >= 'A' && c <= 'Z', small = c >= 'a' && c <= 'z';
        if (c == '.') {
            if (strncmp(e->at, "...", 3))
                return wrong(e, AG_EARG, e->at, "an ellipsis has three points");
            if (s->ellipsis >= 0)
                return wrong(e, AG_EARG, e->at, "there is an ellipsis already");
            s->ellipsis = s->count;
            e->at += 3;
            continue;
        }
        if (!large && !small)
            return wrong(e, AG_EARG, e->at, "'%c' is no letter", c >= ' ' && c <= '~' ? c : '?');
        if (s->count == AG_MAX_RANK)
            return wrong(e, AG_ESHAPE, e->at, "a tensor has at most %d dimensions", AG_MAX_RANK);
        s->place[s->count] = e->at;
        s->label[s->count++] = (int8_t)(large ? c - 'A' : c - 'a' + 26);
        e->at++;
    }
    return true;
}

/* Axis i of an operand has the label and the extent. */
static bool meet(ag_equation *e, const char *at, int operand, int label, int64_t extent)
{
    int64_t *known = &e->extent[label];
    if (*known < 0 || *known == 1)
        *known = extent;
    if (extent == *known || extent == 1)
        return true;
    if (label >= AG_ELLIPSIS)
        return wrong(e, AG_ESHAPE, at, "the dimensions of '...' do not broadcast: %lld in operand %d, but %lld before",
                     (long long)extent, operand + 1, (long long)*known);
    return wrong(e, AG_ESHAPE, at, "'%c' is %lld in operand %d, but %lld before", letter_of(label), (long long)extent,
                 operand + 1, (long long)*known);
}

/* The labels of the operand's axes, those of an ellipsis aligned at its end. */
static bool read_operand(ag_equation *e, int i, ag_tensor x, ag_shape shape)
{
    const char *begin = (peek(e), e->at);
    int8_t *label = e->factors[i].label;
    subscripts s;
    if (!read_subscripts(e, &s))
        return false;
    const int more = shape.rank - s.count;
    if (s.ellipsis < 0 ? more != 0 : more < 0)
        return wrong(e, AG_ESHAPE, begin, "operand %d has %d dimensions, but %d letters", i + 1, shape.rank, s.count);
    e->factors[i] = (ag_factor){ .x = x, .rank = shape.rank };
    for (int d = 0; d < shape.rank; d++) {
        const int behind = d - (s.ellipsis < 0 ? shape.rank : s.ellipsis);
        const int written = behind < 0 ? d : d - more; /* which letter */
        const bool dots = behind >= 0 && behind < more;
        const char *at = dots ? begin : s.place[written];
        label[d] = dots ? (int8_t)(AG_LABELS_USED - more + behind) : s.label[written];
        e->uses[label[d]]++;
        if (!meet(e, at, i, label[d], shape.dim[d]))
            return false;
        for (int k = 0; k < d; k++)
            if (label[k] == label[d] && shape.dim[k] != shape.dim[d])
                return wrong(e, AG_ESHAPE, at, "'%c' is %lld and %lld in operand %d", letter_of(label[d]),
                             (long long)shape.dim[k], (long long)shape.dim[d], i + 1);
    }
    return true;
}

static void put_ellipsis(ag_equation *e)
{
    for (int label = AG_ELLIPSIS; label < AG_LABELS_USED; label++)
        if (e->extent[label] >= 0)
            e->out[e->out_rank++] = (int8_t)label;
}

/* What stands behind the arrow. */
static bool read_result(ag_equation *e)
{
    subscripts s;
    if (!read_subscripts(e, &s))
        return false;
    if (peek(e))
        return wrong(e, AG_EARG, e->at, "there must be nothing behind the result");
    for (int i = 0; i <= s.count; i++) {
        if (i == s.ellipsis)
            put_ellipsis(e);
        if (i == s.count)
            break;
        if (e->extent[s.label[i]] < 0)
            return wrong(e, AG_EARG, s.place[i], "'%c' of the result stands in no operand", letter_of(s.label[i]));
        for (int k = 0; k < i; k++)
            if (s.label[k] == s.label[i])
                return wrong(e, AG_EARG, s.place[i], "'%c' stands twice in the result", letter_of(s.label[i]));
        e->out[e->out_rank++] = s.label[i];
    }
    return true;
}

/* Without an arrow: the ellipsis, then the labels that stand once, in the order of letters. */
static void imply_result(ag_equation *e)
{
    put_ellipsis(e);
    for (int label = 0; label < AG_ELLIPSIS; label++)
        if (e->uses[label] == 1)
            e->out[e->out_rank++] = (int8_t)label;
}

bool ag_equation_read(ag_equation *e, ag_list xs, const ag_shape *shapes)
{
    for (int label = 0; label < AG_LABELS; label++)
        e->extent[label] = -1;
    e->at = e->text;
    for (int i = 0; i < e->count; i++) {
        if (i > 0 && peek(e) != ',')
            return wrong(e, AG_EARG, e->at, "%d operands are given, but %d written", e->count, i);
        e->at += i > 0;
        if (!read_operand(e, i, xs.at[i], shapes[i]))
            return false;
    }
    if (peek(e) == ',')
        return wrong(e, AG_EARG, e->at, "%d operands are given, but more written", e->count);
    const bool arrow = !strncmp(e->at, "->", 2);
    if (*e->at && !arrow)
        return wrong(e, AG_EARG, e->at, "an arrow is ->");
    e->at += arrow ? 2 : 0;
    if (!arrow)
        imply_result(e);
    else if (!read_result(e))
        return false;
    for (int i = 0; i < e->out_rank; i++)
        e->kept |= ag_label(e->out[i]);
    return e->out_rank <= AG_MAX_RANK || wrong(e, AG_ESHAPE, e->at, "a result has at most %d dimensions", AG_MAX_RANK);
}
