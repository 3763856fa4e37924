/* What the files of nn_watch share: the numbers that it keeps, and writing them. */
#ifndef NN_WATCH_INTERNAL_H
#define NN_WATCH_INTERNAL_H

#include "nn/internal.h"

enum {
    NN_WATCH_POINTS = 512, /* of a curve */
    NN_WATCH_BINS = 32,
    NN_WATCH_VALUES = 16,
    NN_WATCH_PARAMS = 64 /* those beyond have no charts of their own */
};

/* A value over the steps. A point is the mean of `stride` values in a row; when there is no room, two points become one. */
typedef struct nn_curve {
    char name[NN_NAME];
    double x[NN_WATCH_POINTS], y[NN_WATCH_POINTS];
    int count;
    int64_t stride, held; /* held: values of which there is no point yet */
    double sum, at;       /* of those, and where the last one was */
} nn_curve;

/* How the finite elements of a tensor are distributed. */
typedef struct nn_bins {
    double low, high, mean, deviation;
    int64_t count[NN_WATCH_BINS], finite, bad;
} nn_bins;

typedef struct nn_watched {
    nn_curve norm; /* of the gradient; its name is the parameter's */
    nn_bins first, now;
    ag_shape shape;
} nn_watched;

/* What one kind of work has taken, in seconds. */
typedef struct nn_account {
    double spent, last;
} nn_account;

typedef struct nn_watching {
    nn_watch head;
    nn_watch_config config;
    char *texts;            /* for these: */
    const char *csv, *html; /* paths */
    double start, written;  /* seconds */
    nn_account measuring, writing;
    double quickest;          /* look at the gradients */
    int64_t unlooked, stride; /* steps since the clock was read, and after how many it is read again */
    bool ended, warned;
    nn_curve *values; /* NN_WATCH_VALUES */
    int value_count;
    nn_curve norm; /* of all gradients */
    ag_tensor *params;
    size_t count, shown;
    nn_watched *watched; /* `shown` */
} nn_watching;

/* ---- watch_numbers.c */

void nn_curve_add(nn_curve *c, double x, double y);
double nn_sum_of_squares(const void *memory, ag_dtype d, int64_t count); /* f32 or f64 */
void nn_bins_fill(nn_bins *b, const void *memory, ag_dtype d, int64_t count);

/* ---- watch_write.c */

bool nn_watch_write(nn_watching *w, const char *state); /* both files; false: reported */

#endif
