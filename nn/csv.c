/* Tables of separated values, after RFC 4180. */
#include "nn/internal.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

enum { CHUNK = 1 << 14, FIELD = 4096, END = -1, FAILED = -2 };
enum { MORE, LAST }; /* what follows a field, or FAILED */

typedef struct csv {
    nn_reader r;
    nn_csv_config config;
    int separator;
    locale_t locale; /* numbers have a point, whatever the program's locale */
    ag_dtype real;
    int64_t line;                           /* being read, from 1 */
    int64_t row_line;                       /* where the row began */
    int64_t columns, label, features, rows; /* label: from 1, 0: none */
    nn_memory text, start;                  /* of the row's fields, each with its end; size_t: where each begins */
    nn_memory x, y;                         /* the values so far: of type `real`; y: i64 for classes */
    nn_labels labels;
    size_t at, have; /* in the chunk */
    unsigned char chunk[CHUNK];
    char field[FIELD];
    size_t length;
} csv;

static const char who[] = "nn_read_csv";

/* ---- characters */

static int peek(csv *f)
{
    if (f->at == f->have) {
        int64_t got = nn_reader_read(&f->r, f->chunk, CHUNK);
        if (got < 0)
            return FAILED;
        f->at = 0;
        f->have = (size_t)got;
        if (!got)
            return END;
    }
    if (f->chunk[f->at])
        return f->chunk[f->at];
    nn_reader_fail(&f->r, "line %lld: a NUL byte; this is no text", (long long)f->line);
    return FAILED;
}

static void skip(csv *f)
{
    f->line += f->chunk[f->at++] == '\n';
}

static bool is_blank(const csv *f, int c)
{
    return (c == ' ' || c == '\t' || c == '\r') && c != f->separator;
}

static int skip_blanks(csv *f)
{
    int c = peek(f);
    for (; c >= 0 && is_blank(f, c); c = peek(f))
        skip(f);
    return c;
}

/* ---- fields */

static bool put(csv *f, int c)
{
    if (f->length == FIELD - 1)
        return nn_reader_fail(&f->r, "line %lld: a field of more than %d bytes", (long long)f->line, FIELD - 1);
    f->field[f->length++] = (char)c;
    return true;
}

static bool read_quoted(csv *f)
{
    long long first = f->line;
    skip(f);
    for (;;) {
        int c = peek(f);
        if (c == FAILED)
            return false;
        if (c == END)
            return nn_reader_fail(&f->r, "line %lld: a quote is not closed", first);
        skip(f);
        if (c == '"') {
            if (peek(f) != '"')
                break;
            skip(f);
        }
        if (!put(f, c))
            return false;
    }
    int c = skip_blanks(f);
    if (c >= 0 && c != '\n' && c != f->separator)
        return nn_reader_fail(&f->r, "line %lld: text after a closing quote", (long long)f->line);
    return c != FAILED;
}

static bool read_bare(csv *f)
{
    int c = peek(f);
    for (; c >= 0 && c != '\n' && c != f->separator; c = peek(f)) {
        if (!put(f, c))
            return false;
        skip(f);
    }
    while (f->length && is_blank(f, f->field[f->length - 1]))
        f->length--;
    return c != FAILED;
}

/* One field and what ends it. */
static int read_field(csv *f)
{
    f->length = 0;
    int c = skip_blanks(f);
    if (c == FAILED || !(c == '"' ? read_quoted(f) : read_bare(f)))
        return FAILED;
    f->field[f->length] = 0;
    c = peek(f);
    if (c >= 0)
        skip(f);
    return c == FAILED ? FAILED : c == f->separator ? MORE : LAST;
}

/* ---- rows */

static const char *text_at(const csv *f, int64_t column)
{
    return (const char *)f->text.at + ((const size_t *)(const void *)f->start.at)[column - 1];
}

/* The fields of the next line that is not empty; 0 at the end of the file, -1: failed. */
static int64_t read_row(csv *f)
{
    int follows = LAST;
    int64_t count = 0;
    while (count == 0 || follows == MORE) {
        if (count == 0) {
            f->row_line = f->line;
            f->text.size = f->start.size = 0;
            if (peek(f) == END)
                return 0;
        }
        size_t start = f->text.size;
        follows = read_field(f);
        if (follows == FAILED || !nn_memory_add(f->r.t, &f->text, f->field, f->length + 1, who) ||
            !nn_memory_add(f->r.t, &f->start, &start, sizeof start, who))
            return -1;
        bool empty = count == 0 && follows == LAST && f->length == 0;
        count += !empty;
    }
    return count;
}

static bool add_number(csv *f, nn_memory *to, int64_t column)
{
    const char *text = text_at(f, column);
    char *end;
    errno = 0;
    double v = strtod_l(text, &end, f->locale);
    if (end == text || *end)
        return nn_reader_fail(&f->r, "line %lld: '%.40s' in column %lld is no number", (long long)f->row_line, text,
                              (long long)column);
    float narrow = (float)v;
    bool beyond = (errno == ERANGE && isinf(v)) || (f->real == AG_F32 && isfinite(v) && !isfinite(narrow));
    if (beyond)
        return nn_reader_fail(&f->r, "line %lld: %.40s in column %lld is beyond the range of %s",
                              (long long)f->row_line, text, (long long)column, ag_dtype_name(f->real));
    const void *value = f->real == AG_F32 ? (const void *)&narrow : &v;
    return nn_memory_add(f->r.t, to, value, ag_dtype_size(f->real), who);
}

static bool add_class(csv *f)
{
    const char *text = text_at(f, f->label);
    if (!*text)
        return nn_reader_fail(&f->r, "line %lld: the label is empty", (long long)f->row_line);
    bool given = f->config.classes && f->config.classes->count;
    int64_t number = given ? nn_labels_find(&f->labels, text) : nn_labels_add(f->r.t, &f->labels, text, who);
    if (number < 0 && given)
        return nn_reader_fail(&f->r, "line %lld: '%.40s' is none of the given classes", (long long)f->row_line, text);
    return number >= 0 && nn_memory_add(f->r.t, &f->y, &number, sizeof number, who);
}

static bool add_row(csv *f)
{
    for (int64_t i = 0, column = 1; i < f->features; i++, column++) {
        if (!f->config.columns[0] && column == f->label)
            column++;
        if (!add_number(f, &f->x, f->config.columns[0] ? f->config.columns[i] : column))
            return false;
    }
    f->rows++;
    return !f->label || (f->config.regression ? add_number(f, &f->y, f->label) : add_class(f));
}

/* ---- the table */

/* Once the number of columns is known: which are the label and the features. */
static bool set_columns(csv *f, int64_t columns)
{
    int64_t label = f->config.label_column;
    f->columns = columns;
    f->label = f->config.no_label ? 0 : label > 0 ? label : columns + 1 + (label ? label : -1);
    if (!f->config.no_label && (f->label < 1 || f->label > columns))
        return nn_reader_fail(&f->r, "column %lld is to be the label, but there are %lld", (long long)label,
                              (long long)columns);
    f->features = columns - (f->label > 0);
    for (int i = 0; i < NN_CSV_COLUMNS && f->config.columns[i]; i++) {
        f->features = i + 1;
        if (f->config.columns[i] > columns || f->config.columns[i] == f->label)
            return nn_reader_fail(&f->r, "column %d is to be a feature, but %s", f->config.columns[i],
                                  f->config.columns[i] > columns ? "there are fewer" : "it is the label");
    }
    if (!f->features)
        return nn_reader_fail(&f->r, "beside the label there is no column");
    return true;
}

static bool skip_byte_order_mark(csv *f)
{
    if (peek(f) == FAILED)
        return false;
    if (f->have >= 3 && !memcmp(f->chunk, "\xef\xbb\xbf", 3))
        f->at = 3;
    return true;
}

static bool read_table(csv *f)
{
    if (!skip_byte_order_mark(f))
        return false;
    int64_t count = read_row(f);
    if (count == 0)
        nn_reader_fail(&f->r, "there is no line in it");
    if (count <= 0 || !set_columns(f, count))
        return false;
    for (bool header = !f->config.no_header; count > 0; header = false) {
        if (count != f->columns)
            return nn_reader_fail(&f->r, "line %lld: %lld fields, but %lld in the first line", (long long)f->row_line,
                                  (long long)count, (long long)f->columns);
        if (!header && !add_row(f))
            return false;
        count = read_row(f);
    }
    return count == 0;
}

/* Labels that are whole numbers are classes as they stand. */
static void number_classes(csv *f)
{
    for (int64_t i = 0; i < f->rows; i++) {
        int64_t number;
        memcpy(&number, f->y.at + (size_t)i * sizeof number, sizeof number);
        number = strtoll(nn_labels_at(&f->labels, (size_t)number), NULL, 10);
        memcpy(f->y.at + (size_t)i * sizeof number, &number, sizeof number);
    }
}

static bool make_tensors(csv *f, nn_dataset *d)
{
    ag_tape *t = f->r.t;
    nn_classes *classes = f->config.classes;
    bool given = classes && classes->count, named = f->label && !f->config.regression;
    if (named && !given && !f->labels.words)
        number_classes(f);
    d->x = nn_make_buffer(t, f->real, AG_SHAPE(f->rows, f->features), &f->x, "x");
    d->y = f->label ? nn_make_buffer(t, named ? AG_I64 : f->real, AG_SHAPE(f->rows), &f->y, "y") : (ag_tensor){ 0 };
    if (d->x.id && (d->y.id || !f->label) &&
        (!classes || given || !f->labels.words || nn_labels_export(t, &f->labels, classes)))
        return true;
    if (d->x.id)
        ag_release(d->x);
    if (d->y.id)
        ag_release(d->y);
    return false;
}

static bool check_config(ag_tape *t, const char *path, const nn_csv_config *c)
{
    if (!path)
        return ag_fail(t, AG_ENULL, "%s: the path is NULL", who), false;
    if (c->separator == '"' || c->separator == '\n' || c->separator == '\r')
        return ag_fail(t, AG_EARG, "%s: a quote or the end of a line cannot separate fields", who), false;
    if (c->no_label && (c->regression || c->label_column || c->classes))
        return ag_fail(t, AG_EARG, "%s: no_label goes with no option about labels", who), false;
    if (c->regression && c->classes)
        return ag_fail(t, AG_EARG, "%s: a label is a number or a class, not both", who), false;
    if (c->classes && (c->classes->count < 0 || (c->classes->count && !c->classes->name)))
        return ag_fail(t, AG_EARG, "%s: the list of classes has no names", who), false;
    for (int i = 0; i < NN_CSV_COLUMNS; i++)
        if (c->columns[i] < 0 || (i && c->columns[i] && !c->columns[i - 1]))
            return ag_fail(t, AG_EARG, "%s: feature column %d, the %d in the list, %s", who, c->columns[i], i + 1,
                           c->columns[i] < 0 ? "is negative" : "stands after a 0"),
                   false;
    return true;
}

static bool prepare(csv *f, ag_tape *t, const char *path, const nn_csv_config *config)
{
    f->config = *config;
    f->separator = config->separator ? (unsigned char)config->separator : ',';
    f->real = ag_tape_dtype(t);
    f->line = 1;
    f->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!f->locale)
        return ag_fail(t, AG_ENOMEM, "%s: no memory for a locale", who), false;
    for (int64_t i = 0; config->classes && i < config->classes->count; i++)
        if (nn_labels_add(t, &f->labels, config->classes->name[i] ? config->classes->name[i] : "", who) < 0)
            return false;
    if (config->classes && (int64_t)f->labels.count != config->classes->count)
        return ag_fail(t, AG_EARG, "%s: a class is named twice in the given list", who), false;
    return nn_reader_open(&f->r, t, who, path);
}

static void close_table(csv *f)
{
    nn_memory *const memories[] = { &f->text, &f->start, &f->x, &f->y };
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        nn_memory_free(memories[i]);
    nn_labels_free(&f->labels);
    nn_reader_close(&f->r);
    if (f->locale)
        freelocale(f->locale);
}

nn_dataset nn_read_csv(ag_tape *t, const char *path, nn_csv_config config)
{
    nn_dataset none = { nn_inert(t), nn_inert(t) }, d = none;
    if (!t || ag_error(t) || !check_config(t, path, &config))
        return none;
    csv f = { .rows = 0 };
    bool good = prepare(&f, t, path, &config) && read_table(&f) && make_tensors(&f, &d);
    close_table(&f);
    return good ? d : none;
}
