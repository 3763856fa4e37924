/* Cross entropy of logits, with classes or probabilities as targets. */
#include "ag/ops/losses/classes.h"
#include "ag/kernels/kernels.h"
#include "ag/ops/losses/columns.h"

/* Losses and derivatives are computed for groups of rows: see softmax_kernels.h. Where the classes are not the last
 * axis, classes as targets have kernels for columns; otherwise the logits of up to WIDTH neighbouring positions are
 * copied into rows, and what comes out is copied back. Where labels are smoothed, or probabilities weighted, what the
 * losses are weighted with is made as rows of chances. */
enum { WIDTH = AG_COLUMNS, STEPS = 4 /* of an element */ };

typedef struct cross {
    ag_classes x;
    const ag_softmax_kernels *k;
    bool dense, made;             /* are there rows of chances, and have they to be made? */
    int64_t height, width, tiles; /* rows of a group; positions of a tile, tiles of a slice */
    size_t size, room;            /* bytes of an element; of what a thread needs */
    char *rooms;
    double *loss;        /* forward */
    const double *scale; /* backward: for each position */
    double beta;
    char *dz;
} cross;

static cross cross_of(const ag_classes *x)
{
    cross c = { .x = *x, .k = x->dtype == AG_F32 ? &ag_softmax_f32 : &ag_softmax_f64 };
    c.dense = !x->by_class || x->p.smoothing != 0;
    c.made = x->p.smoothing != 0 || (!x->by_class && (x->weight || x->inner > 1));
    c.height = AG_SOFTMAX_BLOCK / x->n;
    c.height = c.height < 1 ? 1 : c.height > AG_SOFTMAX_GROUP ? AG_SOFTMAX_GROUP : c.height;
    c.width = x->inner <= 1 ? 1 : x->inner < WIDTH ? x->inner : WIDTH;
    c.tiles = ag_parts(x->inner, c.width);
    c.size = ag_dtype_size(x->dtype);
    const int64_t rows = x->inner > 1 && c.dense ? 2 * c.width : 0; /* logits and their derivatives */
    c.room = (size_t)ag_times(rows + (c.made ? c.height : 0), x->n) * c.size;
    c.room = (c.room + 63) / 64 * 64;
    return c;
}

/* Positions side by side, and where their logits are as rows. */
typedef struct group {
    int64_t rows, first; /* the number of the first position */
    const char *z, *chances;
    char *dz;
    int64_t target[AG_SOFTMAX_GROUP];
    double scale[AG_SOFTMAX_GROUP];
} group;

/* q = w ((1 - e) t + e / n), t the chances, or 1 at the target */
#define SOFTEN(name, type)                                                                                          \
    static void name(const cross *c, const group *g, type *q)                                                       \
    {                                                                                                               \
        const ag_classes *x = &c->x;                                                                                \
        const type *w = x->weight, keep = (type)(1 - x->p.smoothing), rest = (type)(x->p.smoothing / (double)x->n); \
        for (int64_t r = 0; r < g->rows; r++, q += x->n) {                                                          \
            const bool ignored = x->by_class && g->target[r] < 0;                                                   \
            for (int64_t i = 0; i < x->n; i++)                                                                      \
                q[i] = ignored ? 0 : x->by_class ? rest : keep * q[i] + rest;                                       \
            if (x->by_class && !ignored)                                                                            \
                q[g->target[r]] += keep;                                                                            \
            for (int64_t i = 0; w && i < x->n; i++)                                                                 \
                q[i] *= w[i];                                                                                       \
        }                                                                                                           \
    }
SOFTEN(soften_f32, float)
SOFTEN(soften_f64, double)

/* `rows` neighbouring positions from `first` on of an array like the logits, as a view that has a row for each */
static ag_array rows_of(const cross *c, const void *data, int64_t first, int64_t rows)
{
    const ag_classes *x = &c->x;
    const int64_t at = first / x->inner * x->n * x->inner + first % x->inner;
    return (ag_array){ .data = (char *)(uintptr_t)data + (size_t)at * c->size,
                       .dtype = x->dtype,
                       .shape = { 2, { rows, x->n } },
                       .stride = { x->inner == 1 ? x->n : 1, x->inner } };
}

static ag_array swapped(ag_array a)
{
    return (ag_array){ .data = a.data,
                       .dtype = a.dtype,
                       .shape = { 2, { a.shape.dim[1], a.shape.dim[0] } },
                       .stride = { a.stride[1], a.stride[0] } };
}

/* Copies between rows and logits as they lie, along the neighbouring positions of these. */
static void copy_rows(ag_array to, ag_array from, bool add)
{
    const ag_array t = swapped(to), f = swapped(from);
    ag_copy_array(&t, &f, add, 1);
}

static void make_chances(const cross *c, group *g, char *room)
{
    const ag_classes *x = &c->x;
    g->chances = room;
    if (!x->by_class) {
        const ag_array from = rows_of(c, x->target, g->first, g->rows);
        const ag_array to = ag_dense_array(from.shape, x->dtype, room);
        copy_rows(to, from, false);
    }
    if (x->dtype == AG_F32)
        soften_f32(c, g, (void *)room);
    else
        soften_f64(c, g, (void *)room);
}

/* Each loss times what its class weighs. */
static void weigh(const cross *c, int64_t first, int64_t count)
{
    double *loss = c->loss + first;
    for (int64_t r = 0; r < count; r++) {
        const double weight = ag_classes_weight(&c->x, first + r);
        loss[r] = weight == 0 ? 0 : weight * loss[r];
    }
}

static void run_group(const cross *c, group *g)
{
    double *loss = c->loss ? c->loss + g->first : NULL;
    if (g->chances && loss) {
        c->k->chances_loss(g->rows, c->x.n, g->z, g->chances, loss);
        for (int64_t r = 0; c->x.by_class && r < g->rows; r++)
            loss[r] = ag_classes_at(&c->x, g->first + r) < 0 ? 0 : loss[r];
    } else if (g->chances) {
        c->k->chances_back(g->rows, c->x.n, g->z, g->chances, g->scale, c->beta, g->dz);
    } else if (loss) {
        c->k->class_loss(g->rows, c->x.n, g->z, g->target, loss);
        weigh(c, g->first, g->rows);
    } else {
        c->k->class_back(g->rows, c->x.n, g->z, g->target, g->scale, c->beta, g->dz);
    }
}

/* A group of rows that lie one after the other at z, whose derivative goes to dz. */
static void start_group(const cross *c, int64_t first, int64_t rows, const char *z, char *dz, char *room)
{
    group g = { .rows = rows, .first = first, .z = z, .dz = dz };
    for (int64_t r = 0; r < rows; r++) {
        g.target[r] = c->x.by_class ? ag_classes_at(&c->x, first + r) : 0;
        g.scale[r] = c->scale ? c->scale[first + r] : 0;
    }
    if (c->made)
        make_chances(c, &g, room);
    else if (c->dense)
        g.chances = rows_of(c, c->x.target, first, rows).data;
    for (int64_t r = 0; r < rows; r++)
        g.target[r] = g.target[r] < 0 ? 0 : g.target[r]; /* whatever: its weight is 0 */
    run_group(c, &g);
}

/* Tile i of the logits, whose classes are not the last axis. */
static void run_tile(const cross *c, int64_t i, char *room)
{
    const int64_t column = i % c->tiles * c->width, first = i / c->tiles * c->x.inner + column;
    const int64_t width = c->x.inner - column < c->width ? c->x.inner - column : c->width;
    const size_t row = (size_t)c->x.n * c->size, bytes = (size_t)c->width * row;
    const ag_array z = rows_of(c, c->x.z, first, width), copy = ag_dense_array(z.shape, z.dtype, room);
    const ag_array made = ag_dense_array(z.shape, z.dtype, room + bytes);
    cross here = *c;
    here.beta = 0;
    copy_rows(copy, z, false);
    for (int64_t at = 0; at < width; at += c->height) {
        const int64_t rows = width - at < c->height ? width - at : c->height;
        start_group(&here, first + at, rows, room + (size_t)at * row, room + bytes + (size_t)at * row,
                    room + 2 * bytes);
    }
    if (c->dz) {
        const ag_array to = rows_of(c, c->dz, first, width);
        copy_rows(to, made, c->beta != 0);
    }
}

static void run_columns(const cross *c, int64_t i)
{
    const int64_t column = i % c->tiles * c->width, first = i / c->tiles * c->x.inner + column;
    const int64_t width = c->x.inner - column < c->width ? c->x.inner - column : c->width;
    const ag_columns_kernels *k = c->x.dtype == AG_F32 ? &ag_columns_f32 : &ag_columns_f64;
    int64_t target[WIDTH];
    const ag_columns columns = { c->x.n, c->x.inner, width, rows_of(c, c->x.z, first, width).data, target };
    for (int64_t l = 0; l < width; l++)
        target[l] = ag_classes_at(&c->x, first + l);
    if (c->loss) {
        k->loss(&columns, c->loss + first);
        weigh(c, first, width);
    } else {
        k->back(&columns, c->scale + first, c->beta, rows_of(c, c->dz, first, width).data);
    }
}

static void run_rows(const cross *c, int64_t i, char *room)
{
    const int64_t first = i * c->height, rest = c->x.outer - first;
    const size_t offset = (size_t)(first * c->x.n) * c->size;
    start_group(c, first, rest < c->height ? rest : c->height, (const char *)c->x.z + offset,
                c->dz ? c->dz + offset : NULL, room);
}

/* The share of one thread. */
typedef struct shares {
    const cross *c;
    int64_t items, count;
} shares;

static void run_share(const void *context, int64_t k)
{
    const shares *s = context;
    const cross *c = s->c;
    char *room = c->rooms + (size_t)k * c->room;
    for (int64_t i = s->items * k / s->count; i < s->items * (k + 1) / s->count; i++)
        if (c->x.inner == 1)
            run_rows(c, i, room);
        else if (c->dense)
            run_tile(c, i, room);
        else
            run_columns(c, i);
}

static ag_status run_all(const ag_call *call, cross *c)
{
    const int64_t count = c->x.inner == 1 ? ag_parts(c->x.outer, c->height) : ag_times(c->x.outer, c->tiles);
    const double steps = STEPS * (double)c->x.n * (double)(c->x.inner == 1 ? c->height : c->width);
    const int64_t parts = ag_team(count, steps, c->x.threads);
    if (count == 0)
        return AG_OK;
    c->rooms = ag_call_scratch(call, (size_t)parts * (c->room ? c->room : 1));
    if (!c->rooms)
        return AG_ENOMEM;
    ag_for_items(parts, steps * (double)count / (double)parts, c->x.threads, run_share, &(shares){ c, count, parts });
    return AG_OK;
}

static ag_status cross_entropy_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_classes classes = ag_classes_of(c, &x[0], &x[1], ag_call_inputs(c) == 3 ? &x[2] : NULL);
    double *loss = ag_call_scratch(c, (size_t)ag_times(classes.outer, classes.inner) * sizeof *loss);
    cross cross = cross_of(&classes);
    if (!loss)
        return AG_ENOMEM;
    if (ag_classes_check(c, &classes))
        return AG_EARG;
    cross.loss = loss;
    if (run_all(c, &cross))
        return AG_ENOMEM;
    ag_classes_finish(&classes, loss, y);
    return AG_OK;
}

static void cross_entropy_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_classes_vjp(c, dy, dx, true);
}

static ag_status cross_entropy_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x[3];
    const ag_status s = ag_classes_operands(c, dx, x);
    if (s)
        return s;
    const ag_classes classes = ag_classes_of(c, x[0], x[1], x[2]);
    double *scale = ag_call_scratch(c, (size_t)ag_times(classes.outer, classes.inner) * sizeof *scale);
    if (!scale)
        return AG_ENOMEM;
    if (ag_classes_check(c, &classes)) /* wrapped memory may have changed */
        return AG_EARG;
    cross cross = cross_of(&classes);
    ag_classes_scales(&classes, dy, !cross.dense, scale);
    cross.scale = scale;
    cross.beta = beta[0];
    cross.dz = dx[0].data;
    return run_all(c, &cross);
}

/* clang-format off */
#define PARAMS(...) &(const ag_class_params){ __VA_ARGS__ }
#define CLASSES(type, count, parameters, ...) \
    { .inputs = 2, .params = parameters, .low = { -2, 0 }, .high = { 2, count }, .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }
#define WEIGHTED(type, count, parameters, ...) \
    { .inputs = 3, .params = parameters, .low = { -2, 0, 0.3 }, .high = { 2, count, 2 }, .dtype = { AG_FLOAT, type }, .shape = { __VA_ARGS__ } }
#define CHANCES(count, parameters, ...) \
    { .inputs = count, .params = parameters, .low = { -2, 0.1, 0.3 }, .high = { 2, 1, 2 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

/* A mean with weights over no positions is NaN in each of these: such samples have one position. */
static const ag_sample samples[] = {
    CLASSES(AG_I64, 4, PARAMS(0), AG_DIMS(3, 4), AG_DIMS(3)),
    CLASSES(AG_I32, 2, PARAMS(0), AG_DIMS(5, 2), AG_DIMS(5)),
    CLASSES(AG_U8, 5, PARAMS(0), AG_DIMS(5), { 0, { 0 } }),
    CLASSES(AG_I64, 3, PARAMS(AG_REDUCE_NONE, 1, 1, 0), AG_DIMS(6, 3), AG_DIMS(6)),
    CLASSES(AG_I64, 3, PARAMS(AG_REDUCE_SUM, 0, 0, 0.2), AG_DIMS(2, 3, 2), AG_DIMS(2, 2)),
    CLASSES(AG_I64, 3, PARAMS(AG_REDUCE_MEAN, 1, 0, 0.1), AG_DIMS(2, 3, 2, 2), AG_DIMS(2, 2, 2)),
    WEIGHTED(AG_I64, 3, PARAMS(0), AG_DIMS(3), { 0, { 0 } }, AG_DIMS(3)),
    WEIGHTED(AG_I64, 3, PARAMS(AG_REDUCE_SUM, 1, 2, 0.3), AG_DIMS(2, 3, 3), AG_DIMS(2, 3), AG_DIMS(3)),
    WEIGHTED(AG_I32, 4, PARAMS(AG_REDUCE_NONE, 0, 0, 0.1), AG_DIMS(4), { 0, { 0 } }, AG_DIMS(4)),
    CHANCES(2, PARAMS(0), AG_DIMS(3, 4), AG_DIMS(3, 4)),
    CHANCES(2, PARAMS(0), AG_DIMS(5), AG_DIMS(5)),
    CHANCES(2, PARAMS(AG_REDUCE_NONE, 0, 0, 0.2), AG_DIMS(2, 3, 2), AG_DIMS(2, 3, 2)),
    CHANCES(3, PARAMS(AG_REDUCE_MEAN, 0, 0, 0.1), AG_DIMS(4), AG_DIMS(4), AG_DIMS(4)),
    CHANCES(3, PARAMS(AG_REDUCE_SUM, 0, 0, 0), AG_DIMS(2, 3, 3), AG_DIMS(2, 3, 3), AG_DIMS(3)),
    { 0 }
};

AG_OP(cross_entropy) = {
    .name = "cross_entropy",
    .formula = "-log softmax(z)[target], reduced",
    .flags = AG_VARIADIC | AG_REPEATS,
    .params_size = sizeof(ag_class_params),
    .shape = ag_classes_shape,
    .forward = cross_entropy_forward,
    .vjp = cross_entropy_vjp,
    .vjp_fused = cross_entropy_vjp_fused,
    .samples = samples,
};

/* ag_cross_entropy - mean over the rows of logits z[n,c] (or one row, z[c]) of -log softmax(z), taken at a class per
 * row, target[n] (i64, i32 or u8), or weighted with probabilities target[n,c] of z's dtype. NaN where n = 0. Logits of
 * more dimensions are [n,c,d1,..], with targets [n,d1,..] or [n,c,d1,..].
 *   y = 1/n sum_i (log(sum_j exp z[i,j]) - z[i,target[i]])        dz = dy (softmax(z) - onehot(target)) / n
 *   y = -1/n sum_ij target[i,j] log softmax(z)[i,j]
 *       dz = dy (softmax(z) sum_j target[i,j] - target) / n, dtarget = -dy log softmax(z) / n
 * A class of probability 0 contributes 0, whatever its logit.
 * Errors: AG_EARG for a class out of range; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_cross_entropy(ag_tensor z, ag_tensor target)
{
    return AG_APPLY(cross_entropy, AG_LIST(z, target), &(ag_class_params){ 0 });
}

/* ag_cross_entropy_with - ag_cross_entropy with options, and with a weight for each class, weight[c], or {0}. Smoothing
 * e takes e of a target's probability and gives it to all classes alike. A position whose class is ignored counts for
 * nothing. A mean is divided by the sum of the weights of the positions' classes, or with probabilities by the number
 * of positions; it is NaN where that is 0.
 *   y = reduced sum_j weight[j] ((1-e) target[i,j] + e/c) (-log softmax(z)[i,j]), target[i,j] 1 at a class, else 0
 *       dz = dy (softmax(z) sum_j q[i,j] - q), q what -log softmax(z) is multiplied by
 * Errors: AG_EARG for a class out of range, a smoothing that is not from 0 to 1, an unknown reduction, or probabilities
 * where a class is to be ignored; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_cross_entropy_with(ag_tensor z, ag_tensor target, ag_tensor weight,
                                       ag_cross_entropy_options options)
{
    const ag_class_params p = { options.reduce, options.ignore, options.ignore_index, options.label_smoothing };
    return AG_APPLY(cross_entropy, ag_absent(weight) ? AG_LIST(z, target) : AG_LIST(z, target, weight), &p);
}
