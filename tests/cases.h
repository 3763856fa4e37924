/* The cases of tests/fixtures/ops_*.txt; their README says what stands there. */
#ifndef TESTS_CASES_H
#define TESTS_CASES_H

#include "ops_called.h"

#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST_VALUES = 256, MOST_CASES = 4096, MOST_LACKS = 256, CASE_LINE = 32768 };

typedef struct row { /* a tensor of the file; without values: an absent one */
    ag_dtype dtype;
    ag_shape shape;
    int64_t count;
    double *v;
} row;

typedef struct example {
    char op[32], text[64];
    double p[MOST_PARAMETERS], single;
    int parameters, inputs, results, gradients, seconds;
    row x[MOST_INPUTS], y[MOST_RESULTS], w, dx[MOST_INPUTS], v[MOST_INPUTS], ddx[MOST_INPUTS + 1];
    int adjoints, vs; /* how many lines of w, of v */
} example;

typedef struct lack { /* no case of this kind, for a reason that docs/ops.md has */
    char kind[16], op[32];
} lack;

typedef struct examples {
    example at[MOST_CASES];
    lack lacks[MOST_LACKS];
    int count, lacking;
} examples;

static inline const char *next_word(void)
{
    const char *w = strtok(NULL, " \n");
    return w ? w : "";
}

static inline bool read_row(row *to, int *used, int most)
{
    if (*used == most)
        return false;
    row *r = &to[(*used)++];
    const char *dtype = next_word();
    if (!strcmp(dtype, "absent"))
        return true;
    r->dtype = dtype_named(dtype);
    r->shape.rank = atoi(next_word());
    for (int i = 0; i < r->shape.rank && i < AG_MAX_RANK; i++)
        r->shape.dim[i] = atoll(next_word());
    r->count = ag_shape_size(r->shape);
    if (r->dtype == AG_FLOAT || r->count < 0 || r->count > MOST_VALUES)
        return false;
    r->v = calloc((size_t)r->count + 1, sizeof *r->v);
    for (int64_t i = 0; r->v && i < r->count; i++)
        r->v[i] = strtod(next_word(), NULL);
    return r->v;
}

static inline bool read_call(example *e)
{
    e->single = 1e-5;
    snprintf(e->op, sizeof e->op, "%s", next_word());
    for (const char *w = next_word(); *w; w = next_word()) {
        ag_dtype d = dtype_named(w);
        if (e->parameters == MOST_PARAMETERS)
            return false;
        if (*w == '"')
            snprintf(e->text, sizeof e->text, "%.*s", (int)strlen(w) - 2, w + 1);
        else
            e->p[e->parameters++] = d == AG_FLOAT ? strtod(w, NULL) : (double)d;
    }
    return true;
}

static inline bool read_lack(examples *all)
{
    if (all->lacking == MOST_LACKS)
        return false;
    lack *l = &all->lacks[all->lacking++];
    snprintf(l->kind, sizeof l->kind, "%s", next_word());
    snprintf(l->op, sizeof l->op, "%s", next_word());
    return *next_word();
}

static inline bool read_case_line(examples *all, char *line)
{
    const char *key = strtok(line, " \n");
    if (!key)
        return true;
    if (!strcmp(key, "op"))
        return all->count < MOST_CASES && read_call(&all->at[all->count++]);
    if (!strcmp(key, "lacks"))
        return read_lack(all);
    if (!all->count)
        return false;
    example *e = &all->at[all->count - 1];
    if (!strcmp(key, "otherwise"))
        return true;
    if (!strcmp(key, "single"))
        return e->single = strtod(next_word(), NULL), true;
    const struct {
        const char *key;
        row *to;
        int *used, most;
    } rows[] = {
        { "x", e->x, &e->inputs, MOST_INPUTS }, { "y", e->y, &e->results, MOST_RESULTS },
        { "w", &e->w, &e->adjoints, 1 },        { "dx", e->dx, &e->gradients, MOST_INPUTS },
        { "v", e->v, &e->vs, MOST_INPUTS },     { "ddx", e->ddx, &e->seconds, MOST_INPUTS + 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(key, rows[i].key))
            return read_row(rows[i].to, rows[i].used, rows[i].most);
    return false;
}

static inline bool read_cases_of(examples *all, const char *path)
{
    static char line[CASE_LINE];
    FILE *file = fopen(path, "r");
    bool ok = file;
    for (int number = 1; ok && fgets(line, sizeof line, file); number++) {
        ok = strchr(line, '\n') && read_case_line(all, line);
        if (!ok)
            fprintf(stderr, "%s:%d: cannot be read\n", path, number);
    }
    if (file)
        fclose(file);
    return ok;
}

/* All of them, from the top of the project; NULL, with a word on stderr, if that does not work. */
static inline const examples *read_cases(void)
{
    static examples all;
    glob_t files;
    bool ok = !glob("tests/fixtures/ops_*.txt", 0, NULL, &files);
    if (!ok)
        fprintf(stderr, "there is no tests/fixtures/ops_*.txt here\n");
    for (size_t i = 0; ok && i < files.gl_pathc; i++)
        ok = read_cases_of(&all, files.gl_pathv[i]);
    globfree(&files);
    return ok ? &all : NULL;
}

static inline const example *first_case_of(const examples *all, const char *op)
{
    for (int i = 0; i < all->count; i++)
        if (!strcmp(all->at[i].op, op))
            return &all->at[i];
    return NULL;
}

/* An input of a case as a tensor of this dtype: a number where it can be one, a leaf that wants a gradient where it is
 * floating; absent where it is. */
static inline ag_tensor tensor_of(ag_tape *t, const row *r, ag_dtype d)
{
    if (!r->v)
        return (ag_tensor){ NULL, 0, 0 };
    if (r->shape.rank == 0 && d == AG_F64)
        return ag_variable(t, r->v[0]);
    ag_tensor x = ag_zeros(t, d, r->shape);
    ag_copy_in(x, AG_F64, r->v, (size_t)r->count * sizeof *r->v);
    return d == AG_F64 || d == AG_F32 ? ag_require_grad(x) : x;
}

#endif
