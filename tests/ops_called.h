/* Every function of ag/ops.h by its name, with numbers for its parameters, for tests that try all of them and for those
 * that read what to do from files. */
#ifndef TESTS_OPS_CALLED_H
#define TESTS_OPS_CALLED_H

#include "ag/ag.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MOST_INPUTS = 8, MOST_RESULTS = 8, MOST_PARAMETERS = 32 };

/* Tensors in the order of the prototype, a list's one after the other. Numbers likewise: an ag_axes or an ag_shape
 * begins with how many there are (-1: AG_ALL), options are taken field by field, what is missing is 0. */
typedef struct arguments {
    const ag_tensor *x;
    size_t count;
    const double *p;
    int parameters;
    const char *text; /* the one that a function takes, or "" */
} arguments;

typedef struct called_op {
    const char *name, *signature; /* letters of its arguments: tensor list double int n(int64_t) bool axes shape enum
                                     c(text) options */
    size_t results;
    void (*call)(const arguments *a, ag_tensor *y);
} called_op;

typedef struct reader { /* how far the arguments have been read */
    const arguments *a;
    size_t x;
    int p;
} reader;

static inline double read_number(reader *r)
{
    return r->p < r->a->parameters ? r->a->p[r->p++] : 0;
}

/* The nearest integer that there is; 0 for NaN. */
static inline int64_t read_whole(reader *r)
{
    const double v = read_number(r);
    return v >= 0x1p62 ? INT64_MAX : v <= -0x1p62 ? INT64_MIN : v != v ? 0 : (int64_t)v;
}

static inline int read_int(reader *r)
{
    const int64_t v = read_whole(r);
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int)v;
}

static inline ag_tensor read_tensor(reader *r)
{
    return r->x < r->a->count ? r->a->x[r->x++] : (ag_tensor){ NULL, 0, 0 };
}

/* All tensors but the last ones, `left` of them. */
static inline ag_list read_list(reader *r, size_t left)
{
    const size_t end = r->a->count > left ? r->a->count - left : 0, first = r->x;
    r->x = end > first ? end : first;
    return (ag_list){ r->a->x + first, r->x - first };
}

static inline ag_axes read_axes(reader *r)
{
    ag_axes axes = { .count = read_int(r) };
    if (axes.count == -1)
        return AG_ALL;
    for (int i = 0; i < axes.count && i < AG_MAX_RANK; i++)
        axes.axis[i] = read_int(r);
    return axes;
}

static inline ag_shape read_shape(reader *r)
{
    ag_shape s = { .rank = read_int(r) };
    for (int i = 0; i < s.rank && i < AG_MAX_RANK; i++)
        s.dim[i] = read_whole(r);
    return s;
}

#include "ops_calls.h"

enum { CALLED_OPS = sizeof called_ops / sizeof *called_ops };

static inline const called_op *op_called(const char *name)
{
    for (int i = 0; i < CALLED_OPS; i++)
        if (!strcmp(name, called_ops[i].name))
            return &called_ops[i];
    return NULL;
}

/* AG_FLOAT where there is none of that name. */
static inline ag_dtype dtype_named(const char *name)
{
    for (ag_dtype d = AG_F32; d <= AG_U8; d++)
        if (!strcmp(name, ag_dtype_name(d)))
            return d;
    return AG_FLOAT;
}

#endif
