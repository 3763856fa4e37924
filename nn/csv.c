/* Tables of separated values: features and labels from their fields. */
#include "nn/internal.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = -1, FRACTION = -2 }; /* labels that are no class as they stand */

typedef struct csv {
    nn_fields in;
    nn_csv_config config;
    locale_t locale; /* numbers have a point, whatever the program's locale */
    ag_dtype real;
    int64_t columns, label, features, rows; /* label: from 1, 0: none */
    nn_memory x, y;                         /* the values so far: of type `real`; y: i64 for classes */
    nn_labels labels;
} csv;

static const char who[] = "nn_read_csv";

/* ---- rows */

/* The column of a feature, both from 1. */
static int64_t feature_column(const csv *f, int64_t feature)
{
    if (f->config.columns[0])
        return f->config.columns[feature - 1];
    return feature + (f->label && feature >= f->label);
}

static bool parse_number(const csv *f, const char *text, double *v)
{
    char *end;
    errno = 0;
    *v = strtod_l(text, &end, f->locale);
    return end != text && !*end;
}

static bool add_number(csv *f, nn_memory *to, int64_t column)
{
    const char *text = nn_fields_at(&f->in, column);
    double v;
    if (!parse_number(f, text, &v))
        return nn_reader_fail(&f->in.r, "line %lld: '%.40s' in column %lld is no number%s", (long long)f->in.row_line,
                              text, (long long)column,
                              to == &f->x && *text ? "; .columns of the configuration names those that are features"
                                                   : "");
    float narrow = (float)v;
    bool beyond = (errno == ERANGE && isinf(v)) || (f->real == AG_F32 && isfinite(v) && !isfinite(narrow));
    if (beyond)
        return nn_reader_fail(&f->in.r, "line %lld: %.40s in column %lld is beyond the range of %s",
                              (long long)f->in.row_line, text, (long long)column, ag_dtype_name(f->real));
    const void *value = f->real == AG_F32 ? (const void *)&narrow : &v;
    return nn_memory_add(f->in.r.t, to, value, ag_dtype_size(f->real));
}

/* The class that a label is if it stands as it is, a whole number >= 0. */
static int64_t class_of(const csv *f, const char *label)
{
    enum { DIGITS = 18 }; /* fit an int64_t */
    const double exact = 9007199254740992.0;
    size_t digits = strspn(label, "0123456789");
    double v;
    if (digits && digits <= DIGITS && !label[digits])
        return strtoll(label, NULL, 10);
    if (!parse_number(f, label, &v) || !isfinite(v))
        return WORD;
    return v != floor(v) ? FRACTION : v >= 0 && v <= exact ? (int64_t)v : WORD;
}

/* Looks at a label when it first appears. */
static int64_t new_class(csv *f, const char *text)
{
    size_t known = f->labels.count;
    int64_t number = nn_labels_add(f->in.r.t, &f->labels, text, who), class = WORD;
    if (number < 0 || f->labels.count == known)
        return number;
    class = class_of(f, text);
    f->labels.words |= class == WORD;
    if (class != FRACTION)
        return number;
    nn_reader_fail(&f->in.r,
                   "line %lld: the label %.40s is no whole number and so no class; regression reads it as it is",
                   (long long)f->in.row_line, text);
    return -1;
}

static bool add_class(csv *f)
{
    const char *text = nn_fields_at(&f->in, f->label);
    if (!*text)
        return nn_reader_fail(&f->in.r, "line %lld: the label is empty", (long long)f->in.row_line);
    bool given = f->config.classes && f->config.classes->count;
    int64_t number = given ? nn_labels_find(&f->labels, text) : new_class(f, text);
    if (number < 0 && given)
        return nn_reader_fail(&f->in.r, "line %lld: '%.40s' is none of the given classes", (long long)f->in.row_line,
                              text);
    return number >= 0 && nn_memory_add(f->in.r.t, &f->y, &number, sizeof number);
}

static bool add_row(csv *f)
{
    for (int64_t i = 1; i <= f->features; i++)
        if (!add_number(f, &f->x, feature_column(f, i)))
            return false;
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
        return nn_reader_fail(&f->in.r, "column %lld is to be the label, but there are %lld", (long long)label,
                              (long long)columns);
    f->features = columns - (f->label > 0);
    for (int i = 0; i < NN_CSV_COLUMNS && f->config.columns[i]; i++) {
        f->features = i + 1;
        if (f->config.columns[i] > columns || f->config.columns[i] == f->label)
            return nn_reader_fail(&f->in.r, "column %d is to be a feature, but %s", f->config.columns[i],
                                  f->config.columns[i] > columns ? "there are fewer" : "it is the label");
    }
    if (!f->features)
        return nn_reader_fail(&f->in.r, "beside the label there is no column");
    return true;
}

/* A first line that names the columns has no numbers, unless the configuration says so: else a sample would be lost. */
static bool check_header(const csv *f)
{
    double v;
    for (int64_t i = 1; i <= f->features; i++)
        if (!parse_number(f, nn_fields_at(&f->in, feature_column(f, i)), &v))
            return true;
    return nn_reader_fail(&f->in.r, "line %lld is all numbers: no_header if it is data, header if it names the columns",
                          (long long)f->in.row_line);
}

static bool read_table(csv *f)
{
    int64_t count = nn_fields_row(&f->in);
    if (count == 0)
        nn_reader_fail(&f->in.r, "there is no line in it");
    if (count <= 0 || !set_columns(f, count))
        return false;
    bool header = !f->config.no_header;
    if (header && !f->config.header && !check_header(f))
        return false;
    for (; count > 0; header = false) {
        if (count != f->columns)
            return nn_reader_fail(&f->in.r, "line %lld: %lld fields, but %lld in the first line",
                                  (long long)f->in.row_line, (long long)count, (long long)f->columns);
        if (!header && !add_row(f))
            return false;
        count = nn_fields_row(&f->in);
    }
    return count == 0;
}

/* Labels that are whole numbers are classes as they stand. */
static void number_classes(csv *f)
{
    for (int64_t i = 0; i < f->rows; i++) {
        int64_t number;
        memcpy(&number, f->y.at + (size_t)i * sizeof number, sizeof number);
        number = class_of(f, nn_labels_at(&f->labels, (size_t)number));
        memcpy(f->y.at + (size_t)i * sizeof number, &number, sizeof number);
    }
}

static bool make_tensors(csv *f, nn_dataset *d)
{
    ag_tape *t = f->in.r.t;
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
    if (c->header && c->no_header)
        return ag_fail(t, AG_EARG, "%s: header and no_header contradict each other", who), false;
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
    f->real = ag_tape_dtype(t);
    f->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!f->locale)
        return ag_fail(t, AG_ENOMEM, "%s: no memory for a locale", who), false;
    for (int64_t i = 0; config->classes && i < config->classes->count; i++)
        if (nn_labels_add(t, &f->labels, config->classes->name[i] ? config->classes->name[i] : "", who) < 0)
            return false;
    if (config->classes && (int64_t)f->labels.count != config->classes->count)
        return ag_fail(t, AG_EARG, "%s: a class is named twice in the given list", who), false;
    return nn_fields_open(&f->in, t, who, path, config->separator ? config->separator : ',');
}

static void close_table(csv *f)
{
    nn_memory_free(&f->x);
    nn_memory_free(&f->y);
    nn_labels_free(&f->labels);
    nn_fields_close(&f->in);
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
