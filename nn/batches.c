/* Batches of a data set. */
#include "nn/internal.h"
#include <math.h>
#include <string.h>

typedef struct batches {
    nn_batches base;
    ag_tape *t;
    nn_dataset data;
    nn_batches_config config;
    ag_dtype x_dtype, y_dtype;
    ag_shape x_shape, y_shape;
    int64_t samples, at; /* at: the first sample of the next batch, in this epoch's order */
    int64_t *order;
    bool ordered; /* this epoch's order is drawn */
} batches;

/* ---- making */

static bool has_values(ag_tensor x)
{
    return x.tape != NULL;
}

static bool check_tensor(ag_tape *t, ag_tensor x, const char *name, ag_shape *s)
{
    if (x.tape != t)
        return ag_fail(t, AG_EUSE, "nn_batches_new: x and y belong to different tapes"), false;
    if (!x.id)
        return false;
    *s = ag_shape_of(x);
    if (s->rank < 0) /* stale: reported */
        return false;
    if (!ag_is_persistent(x))
        return ag_fail(t, AG_EUSE, "nn_batches_new: %s is transient; ag_buffer makes a tensor that persists", name),
               false;
    if (s->rank == 0)
        return ag_fail(t, AG_ESHAPE, "nn_batches_new: %s has rank 0, no dimension of samples", name), false;
    return true;
}

static bool check_config(ag_tape *t, const nn_batches_config *c, ag_dtype x)
{
    if (c->size < 1)
        return ag_fail(t, AG_EARG, "nn_batches_new: batches of %lld samples; set .size of the configuration",
                       (long long)c->size),
               false;
    if (!isfinite(c->scale))
        return ag_fail(t, AG_EARG, "nn_batches_new: the scale is %g", c->scale), false;
    if (c->scale != 0 && c->scale != 1 && (x == AG_I32 || x == AG_I64))
        return ag_fail(t, AG_EARG, "nn_batches_new: x is %s, which stays as it is; the scale %g does not apply",
                       ag_dtype_name(x), c->scale),
               false;
    return true;
}

static bool check_data(batches *b)
{
    ag_tape *t = b->t;
    if (!check_tensor(t, b->data.x, "x", &b->x_shape))
        return false;
    b->x_dtype = ag_dtype_of(b->data.x);
    b->samples = b->x_shape.dim[0];
    if (!has_values(b->data.y))
        return true;
    if (!check_tensor(t, b->data.y, "y", &b->y_shape))
        return false;
    b->y_dtype = ag_dtype_of(b->data.y);
    if (b->y_shape.dim[0] != b->samples)
        return ag_fail(t, AG_ESHAPE, "nn_batches_new: x has %lld samples, y %lld", (long long)b->samples,
                       (long long)b->y_shape.dim[0]),
               false;
    return true;
}

static void clear(batches *b)
{
    b->base.x = b->base.y = b->base.index = nn_inert(b->t);
    b->base.count = 0;
}

nn_batches *nn_batches_new(nn_dataset data, nn_batches_config config)
{
    batches made = { .t = data.x.tape, .data = data, .config = config };
    if (!made.t) {
        ag_fail(data.y.tape, AG_ENULL, "nn_batches_new: x is absent");
        return NULL;
    }
    if (!check_data(&made) || !check_config(made.t, &config, made.x_dtype))
        return NULL;
    if (config.scale == 0)
        made.config.scale = 1;
    if (made.samples > INT64_MAX / (int64_t)sizeof *made.order) { /* there may be so many where none has an element */
        ag_fail(made.t, AG_ELIMIT, "nn_batches_new: %lld samples are too many", (long long)made.samples);
        return NULL;
    }
    batches *b = ag_tape_allocate(made.t, sizeof *b);
    made.order = b ? ag_tape_allocate(made.t, (size_t)made.samples * sizeof *made.order) : NULL;
    if (!made.order)
        return NULL;
    *b = made;
    clear(b);
    return &b->base;
}

/* ---- gathering */

/* Writes one sample of `count` elements. */
typedef void row_function(void *out, const void *in, int64_t count, double scale);

#define NN_ROW(name, from, to)                                               \
    static void name(void *out, const void *in, int64_t count, double scale) \
    {                                                                        \
        const to factor = (to)scale;                                         \
        to *restrict y = out;                                                \
        const from *restrict x = in;                                         \
        for (int64_t i = 0; i < count; i++)                                  \
            y[i] = (to)x[i] * factor;                                        \
    }
NN_ROW(u8_to_f32, uint8_t, float)
NN_ROW(u8_to_f64, uint8_t, double)
NN_ROW(f32_to_f32, float, float)
NN_ROW(f32_to_f64, float, double)
NN_ROW(f64_to_f32, double, float)
NN_ROW(f64_to_f64, double, double)

static void copy_bytes(void *out, const void *in, int64_t count, double scale)
{
    (void)scale;
    memcpy(out, in, (size_t)count);
}

static row_function *choose(ag_dtype from, ag_dtype to)
{
    if (from == AG_U8)
        return to == AG_F32 ? u8_to_f32 : u8_to_f64;
    if (from == AG_F32)
        return to == AG_F32 ? f32_to_f32 : f32_to_f64;
    return to == AG_F32 ? f64_to_f32 : f64_to_f64;
}

/* Samples lie anywhere in memory, so their first bytes are asked for some samples ahead: this makes a batch of 64
 * pictures of 784 bytes three times as fast. */
static void write_rows(const batches *b, row_function *write, char *out, const char *in, int64_t rows, int64_t count,
                       size_t out_bytes, size_t in_bytes)
{
    enum { AHEAD = 4, NEAR = 4096, LINE = 64 };
    const int64_t *order = b->order + b->at;
    for (int64_t r = 0; r < rows; r++) {
        const char *later = in + (size_t)order[r + AHEAD < rows ? r + AHEAD : r] * in_bytes;
        for (size_t k = 0; k < in_bytes && k < NEAR; k += LINE)
            __builtin_prefetch(later + k);
        write(out + (size_t)r * out_bytes, in + (size_t)order[r] * in_bytes, count, b->config.scale);
    }
}

/* Rows `at` to `at + rows` of the order, of x (scaled) or y, as a transient tensor. */
static ag_tensor gather(const batches *b, ag_tensor data, ag_dtype from, ag_shape s, int64_t rows, bool scaled)
{
    ag_dtype to = scaled && from != AG_I32 && from != AG_I64 ? ag_tape_dtype(b->t) : from;
    s.dim[0] = rows;
    ag_tensor y = ag_empty(b->t, to, s);
    int64_t size = ag_shape_size(s), count = size / rows;
    const char *in = y.id && size ? ag_data(data, from) : NULL;
    char *out = in ? ag_write(y, to) : NULL;
    if (!out)
        return size == 0 ? y : nn_inert(b->t);
    size_t in_bytes = (size_t)count * ag_dtype_size(from), out_bytes = (size_t)count * ag_dtype_size(to);
    if (from == to && (!scaled || b->config.scale == 1))
        write_rows(b, copy_bytes, out, in, rows, (int64_t)in_bytes, out_bytes, in_bytes);
    else
        write_rows(b, choose(from, to), out, in, rows, count, out_bytes, in_bytes);
    return y;
}

/* ---- the next batch */

static bool draw_order(batches *b)
{
    size_t bytes = (size_t)b->samples * sizeof *b->order;
    if (!b->config.shuffle)
        for (int64_t i = 0; i < b->samples; i++)
            b->order[i] = i;
    else if (ag_copy_out(ag_randperm(b->t, b->samples), AG_I64, b->order, bytes))
        return false;
    return true;
}

static bool end_epoch(batches *b)
{
    b->at = 0;
    b->ordered = false;
    b->base.epoch++;
    return false;
}

static bool next(batches *b)
{
    clear(b);
    if (ag_error(b->t))
        return false;
    int64_t rest = b->samples - b->at, count = rest < b->config.size ? rest : b->config.size;
    if (count == 0 || (b->config.drop_last && count < b->config.size))
        return end_epoch(b);
    b->ordered = b->ordered || draw_order(b);
    if (!b->ordered)
        return false;
    ag_tensor x = gather(b, b->data.x, b->x_dtype, b->x_shape, count, true), y = { 0 };
    if (has_values(b->data.y))
        y = gather(b, b->data.y, b->y_dtype, b->y_shape, count, false);
    ag_tensor index = ag_from(b->t, AG_I64, AG_SHAPE(count), b->order + b->at, (size_t)count * sizeof *b->order);
    if (!x.id || !index.id || (has_values(b->data.y) && !y.id))
        return false;
    b->base.x = x;
    b->base.y = y;
    b->base.index = index;
    b->base.count = count;
    b->at += count;
    return true;
}

bool nn_batches_next(nn_batches *public)
{
    batches *b = (batches *)public;
    if (!b)
        return false;
    ag_region_begin(b->t, "nn_batches_next");
    const bool more = next(b);
    ag_region_end(b->t);
    return more;
}
