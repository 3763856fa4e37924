/* Single ops, one thread, f32, forward and backward by themselves, the best of many.
 * `ops`: what the memory bounds, beside a plain loop a[i] = b[i] + 3 c[i] over as many bytes as the op must move, timed in
 * turn; all in seconds of the processor. `ops NAME..`: some of these. `ops peers [NAME..]`: ops that peers.sh puts beside PyTorch's, as lines `NAME.DIRECTION SECONDS`. */
#include "ag/ag.h"
#include "clock.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 3, MASK = -1, ROUNDS = 15, SIDE = 2048 /* of the matrices that the memory bounds */ };

typedef struct bench {
    const char *name;
    ag_tensor (*run)(const ag_tensor *x);
    ag_shape shape[INPUTS];
    int below[INPUTS]; /* 0: floats, MASK: truth values, or indices below that */
    int kept;          /* what else the derivative reads, as bits: 1 << i is operand i, RESULT y */
    bool one_way;      /* without derivative */
} bench;
enum { A = 1, B = 2, C = 4, RESULT = 8 };

/* ---- what the memory bounds */

#define OP(name, value)                       \
    static ag_tensor name(const ag_tensor *x) \
    {                                         \
        return value;                         \
    }
OP(relu, ag_relu(x[0]))
OP(square, ag_square(x[0]))
OP(absolute, ag_abs(x[0]))
OP(clamp, ag_clamp(x[0], -1, 1))
OP(add, ag_add(x[0], x[1]))
OP(multiply, ag_mul(x[0], x[1]))
OP(divide, ag_div(x[0], x[1]))
OP(maximum, ag_maximum(x[0], x[1]))
OP(less, ag_less(x[0], x[1]))
OP(where, ag_where(x[0], x[1], x[2]))
OP(masked_fill, ag_masked_fill(x[0], x[1], -1))
OP(chosen, ag_masked_select(x[0], x[1]))
OP(cast, ag_cast(x[0], AG_F64))
OP(turned, ag_neg(ag_transpose(x[0], 0, 1)))
OP(columns, ag_concat(AG_LIST(x[0], x[1]), 1))
OP(tril, ag_tril(x[0], 0))
OP(flip_rows, ag_flip(x[0], AG_AXES(0)))
OP(flip_columns, ag_flip(x[0], AG_AXES(-1)))
OP(roll, ag_roll(x[0], -1, 5))
OP(repeat, ag_repeat(x[0], AG_SHAPE(4, 1)))
OP(stack, ag_stack(AG_LIST(x[0], x[1]), 0))
OP(one_hot, ag_one_hot(x[0], 128, AG_F32))

/* clang-format off */
#define FULL AG_DIMS(SIDE, SIDE)
static const bench bounded[] = {
    { "relu", relu, .shape = { FULL }, .kept = RESULT },
    { "square", square, .shape = { FULL }, .kept = A },
    { "abs", absolute, .shape = { FULL }, .kept = A },
    { "clamp", clamp, .shape = { FULL }, .kept = A },
    { "add", add, .shape = { FULL, FULL } },
    { "mul", multiply, .shape = { FULL, FULL }, .kept = A | B },
    { "div", divide, .shape = { FULL, FULL }, .kept = A | B },
    { "maximum", maximum, .shape = { FULL, FULL }, .kept = A | B },
    { "add [n,m] + [m]", add, .shape = { FULL, AG_DIMS(SIDE) } },
    { "mul [n,m] * [m]", multiply, .shape = { FULL, AG_DIMS(SIDE) }, .kept = A | B },
    { "mul [n,m] * [n,1]", multiply, .shape = { FULL, AG_DIMS(SIDE, 1) }, .kept = A | B },
    { "mul [k,n,m] * [n,1]", multiply, .shape = { AG_DIMS(64, 64, 1024), AG_DIMS(64, 1) }, .kept = A | B },
    { "neg of a transpose", turned, .shape = { FULL } },
    { "cast to f64", cast, .shape = { FULL } },
    { "less", less, .shape = { FULL, FULL }, .one_way = true },
    { "where", where, .shape = { FULL, FULL, FULL }, .below = { MASK }, .kept = A },
    { "masked_fill", masked_fill, .shape = { FULL, FULL }, .below = { 0, MASK }, .kept = B },
    { "masked_select", chosen, .shape = { FULL, FULL }, .below = { 0, MASK }, .kept = B },
    { "concat of columns", columns, .shape = { AG_DIMS(SIDE, SIDE / 2), AG_DIMS(SIDE, SIDE / 2) } },
    { "tril", tril, .shape = { FULL } },
    { "flip rows", flip_rows, .shape = { FULL } },
    { "flip columns", flip_columns, .shape = { FULL } },
    { "roll columns", roll, .shape = { FULL } },
    { "repeat 4 times", repeat, .shape = { AG_DIMS(SIDE / 4, SIDE) } },
    { "stack of two", stack, .shape = { AG_DIMS(SIDE / 2, SIDE), AG_DIMS(SIDE / 2, SIDE) } },
    { "one_hot of 128", one_hot, .shape = { AG_DIMS(SIDE * SIDE / 128) }, .below = { 128 }, .one_way = true },
    { 0 }
};
/* clang-format on */

#include "moves.h"
#include "reductions.h"

/* ---- beside PyTorch; the same names and operands are in peers_ops.py */

OP(gather_last, ag_gather(x[0], -1, x[1]))
OP(gather_first, ag_gather(x[0], 0, x[1]))
OP(scatter_add_last, ag_scatter_add(x[0], -1, x[1], x[2]))
OP(scatter, ag_scatter(x[0], -1, x[1], x[2]))
OP(scatter_add_first, ag_scatter_add(x[0], 0, x[1], x[2]))
OP(index_select_first, ag_index_select(x[0], 0, x[1]))
OP(index_select_last, ag_index_select(x[0], -1, x[1]))
OP(cumsum_last, ag_cumsum(x[0], -1))
OP(cumsum_first, ag_cumsum(x[0], 0))
OP(pad_zeros, ag_pad(x[0], AG_SHAPE(0, 0, 1, 1), AG_SHAPE(0, 0, 1, 1), AG_CONSTANT, 0))
OP(pad_reflect, ag_pad(x[0], AG_SHAPE(0, 0, 1, 1), AG_SHAPE(0, 0, 1, 1), AG_REFLECT, 0))
OP(max_pool, ag_max_pool2d(x[0], AG_SHAPE(2, 2), (ag_pool_options){ 0 }))
OP(max_pool_3, ag_max_pool2d(x[0], AG_SHAPE(3, 3), (ag_pool_options){ .stride = { 2, 2 }, .padding = { 1, 1 } }))
OP(avg_pool, ag_avg_pool2d(x[0], AG_SHAPE(2, 2), (ag_pool_options){ 0 }))
OP(layer_norm, ag_layer_norm(x[0], x[1], x[2], (ag_layer_norm_options){ 0 }))
OP(group_norm, ag_group_norm(x[0], 8, x[1], x[2], 1e-5))
OP(group_norm_32, ag_group_norm(x[0], 32, x[1], x[2], 1e-5))
OP(batch_norm,
   ag_batch_norm(x[0], (ag_tensor){ 0 }, (ag_tensor){ 0 }, x[1], x[2], (ag_batch_norm_options){ .training = true })
       .output)
OP(batch_norm_eval, ag_batch_norm(x[0], x[2], ag_square(x[1]), x[1], x[2], (ag_batch_norm_options){ 0 }).output)
OP(instance_norm, ag_instance_norm(x[0], x[1], x[2], 0))
OP(rms_norm, ag_rms_norm(x[0], x[1], (ag_layer_norm_options){ 0 }))
OP(softmax, ag_softmax(x[0], -1))
OP(log_softmax, ag_log_softmax(x[0], -1))
OP(sort, ag_sort(x[0], -1, (ag_sort_options){ 0 }).values)
OP(topk, ag_topk(x[0], 10, -1, (ag_topk_options){ 0 }).values)
OP(bilinear, ag_interpolate(x[0], (ag_interpolate_options){ .mode = AG_LINEAR, .scale = { 2, 2 } }))
OP(conv_3x3, ag_conv2d(x[0], x[1], x[2], (ag_conv_options){ .padding = { 1, 1 } }))
OP(conv_1x1, ag_conv2d(x[0], x[1], x[2], (ag_conv_options){ 0 }))
OP(conv_depthwise, ag_conv2d(x[0], x[1], x[2], (ag_conv_options){ .padding = { 1, 1 }, .groups = 64 }))
OP(conv_transpose,
   ag_conv_transpose2d(x[0], x[1], x[2],
                       (ag_conv_options){ .stride = { 2, 2 }, .padding = { 1, 1 }, .output_padding = { 1, 1 } }))
OP(cross_entropy, ag_cross_entropy(x[0], x[1]))
OP(cdist, ag_cdist(x[0], x[1], 2))
OP(embedding_bag, ag_embedding_bag(x[0], x[1], (ag_tensor){ 0 }, (ag_tensor){ 0 }, AG_BAG_MEAN))
#include "images.h"

/* clang-format off */
#define MATRIX AG_DIMS(1024, 1024)
#define IMAGES AG_DIMS(16, 32, 64, 64)
#define WIDE AG_DIMS(32, 64, 56, 56)
#define DEEP AG_DIMS(64, 256, 14, 14)
#define CLASSES AG_DIMS(128, 32000)
static const bench beside[] = {
    { "gather_last", gather_last, .shape = { MATRIX, MATRIX }, .below = { 0, 1024 } },
    { "gather_first", gather_first, .shape = { MATRIX, MATRIX }, .below = { 0, 1024 } },
    { "scatter_add_last", scatter_add_last, .shape = { MATRIX, MATRIX, MATRIX }, .below = { 0, 1024 } },
    { "scatter", scatter, .shape = { MATRIX, MATRIX, MATRIX }, .below = { 0, 1024 } },
    { "scatter_add_first", scatter_add_first, .shape = { MATRIX, MATRIX, MATRIX }, .below = { 0, 1024 } },
    { "index_select_first", index_select_first, .shape = { AG_DIMS(4096, 256), AG_DIMS(8192) }, .below = { 0, 4096 } },
    { "index_select_last", index_select_last, .shape = { MATRIX, AG_DIMS(1024) }, .below = { 0, 1024 } },
    { "cumsum_last", cumsum_last, .shape = { MATRIX } },
    { "cumsum_first", cumsum_first, .shape = { MATRIX } },
    { "pad_zeros", pad_zeros, .shape = { IMAGES } },
    { "pad_reflect", pad_reflect, .shape = { IMAGES } },
    { "max_pool_2", max_pool, .shape = { IMAGES } },
    { "max_pool_3", max_pool_3, .shape = { IMAGES } },
    { "avg_pool_2", avg_pool, .shape = { IMAGES } },
    { "layer_norm", layer_norm, .shape = { AG_DIMS(4096, 512), AG_DIMS(512), AG_DIMS(512) } },
    { "layer_norm_768", layer_norm, .shape = { AG_DIMS(8192, 768), AG_DIMS(768), AG_DIMS(768) } },
    { "layer_norm_long", layer_norm, .shape = { AG_DIMS(512, 4096), AG_DIMS(4096), AG_DIMS(4096) } },
    { "layer_norm_small", layer_norm, .shape = { AG_DIMS(64, 128), AG_DIMS(128), AG_DIMS(128) } },
    { "group_norm", group_norm, .shape = { IMAGES, AG_DIMS(32), AG_DIMS(32) } },
    { "group_norm_32", group_norm_32, .shape = { WIDE, AG_DIMS(64), AG_DIMS(64) } },
    { "group_norm_7x7", group_norm_32, .shape = { AG_DIMS(64, 256, 7, 7), AG_DIMS(256), AG_DIMS(256) } },
    { "batch_norm", batch_norm, .shape = { IMAGES, AG_DIMS(32), AG_DIMS(32) } },
    { "batch_norm_wide", batch_norm, .shape = { WIDE, AG_DIMS(64), AG_DIMS(64) } },
    { "batch_norm_14x14", batch_norm, .shape = { DEEP, AG_DIMS(256), AG_DIMS(256) } },
    { "batch_norm_rows", batch_norm, .shape = { AG_DIMS(128, 512), AG_DIMS(512), AG_DIMS(512) } },
    { "batch_norm_eval", batch_norm_eval, .shape = { IMAGES, AG_DIMS(32), AG_DIMS(32) } },
    { "batch_norm_eval_wide", batch_norm_eval, .shape = { WIDE, AG_DIMS(64), AG_DIMS(64) } },
    { "batch_norm_eval_14x14", batch_norm_eval, .shape = { DEEP, AG_DIMS(256), AG_DIMS(256) } },
    { "batch_norm_eval_rows", batch_norm_eval, .shape = { AG_DIMS(128, 512), AG_DIMS(512), AG_DIMS(512) } },
    { "instance_norm", instance_norm, .shape = { IMAGES, AG_DIMS(32), AG_DIMS(32) } },
    { "rms_norm", rms_norm, .shape = { AG_DIMS(4096, 512), AG_DIMS(512) } },
    { "rms_norm_long", rms_norm, .shape = { AG_DIMS(512, 4096), AG_DIMS(4096) } },
    { "softmax", softmax, .shape = { MATRIX } },
    { "softmax_long", softmax, .shape = { CLASSES } },
    { "softmax_short", softmax, .shape = { AG_DIMS(32768, 10) } },
    { "log_softmax", log_softmax, .shape = { MATRIX } },
    { "log_softmax_long", log_softmax, .shape = { CLASSES } },
    { "log_softmax_short", log_softmax, .shape = { AG_DIMS(32768, 10) } },
    { "sort", sort, .shape = { MATRIX } },
    { "topk_long", topk, .shape = { AG_DIMS(256, 4096) } },
    { "topk_short", topk, .shape = { AG_DIMS(16384, 64) } },
    { "bilinear", bilinear, .shape = { AG_DIMS(8, 32, 64, 64) } },
    { "conv_3x3", conv_3x3, .shape = { AG_DIMS(16, 64, 32, 32), AG_DIMS(64, 64, 3, 3), AG_DIMS(64) } },
    { "conv_1x1", conv_1x1, .shape = { AG_DIMS(16, 64, 32, 32), AG_DIMS(64, 64, 1, 1), AG_DIMS(64) } },
    { "conv_depthwise", conv_depthwise, .shape = { AG_DIMS(16, 64, 32, 32), AG_DIMS(64, 1, 3, 3), AG_DIMS(64) } },
    { "conv_transpose", conv_transpose, .shape = { AG_DIMS(16, 64, 16, 16), AG_DIMS(64, 32, 3, 3), AG_DIMS(32) } },
    { "cross_entropy", cross_entropy, .shape = { CLASSES, AG_DIMS(128) }, .below = { 0, 32000 } },
    { "cdist", cdist, .shape = { AG_DIMS(1024, 64), AG_DIMS(1024, 64) } },
    { "norm_of_rows", norm_along, .shape = { AG_DIMS(8192, 512) } },
    { "norm_of_32", norm_along, .shape = { AG_DIMS(1 << 17, 32) } },
    { "norm_of_3", norm_along, .shape = { AG_DIMS(1 << 20, 3) } },
    { "embedding_bag", embedding_bag, .shape = { AG_DIMS(10000, 128), AG_DIMS(512, 32) }, .below = { 0, 10000 } },
    BESIDE_IMAGES,
    { 0 }
};
/* clang-format on */

/* ---- timing */

typedef struct timed {
    const bench *b;
    ag_tape *t;
    int inputs;
    ag_tensor x[INPUTS], dy;
    double bytes[2];       /* that forward, backward must move */
    double best[2], begun; /* seconds; when the backward pass had dy */
} timed;

static ag_tensor operand(ag_tape *t, ag_shape s, int below)
{
    if (below == 0)
        return ag_buffer(ag_randn(t, AG_F32, s, 0, 1), "x");
    const ag_tensor u = ag_rand(t, AG_F32, s, 0, below == MASK ? 2 : below);
    return ag_buffer(ag_cast(ag_floor(u), below == MASK ? AG_U8 : AG_I64), "index");
}

static double bytes_of(ag_tensor x)
{
    return (double)ag_size_of(x) * (double)ag_dtype_size(ag_dtype_of(x));
}

/* Operands on a tape, the adjoint of the result, and how much is moved. */
static timed prepare(const bench *b)
{
    timed m = { .b = b, .t = ag_tape_new((ag_options){ .dtype = AG_F32, .threads = 1, .seed = 1 }) };
    for (; m.inputs < INPUTS && b->shape[m.inputs].rank > 0; m.inputs++)
        m.x[m.inputs] = operand(m.t, b->shape[m.inputs], b->below[m.inputs]);
    const ag_tensor y = b->run(m.x);
    m.bytes[0] = bytes_of(y);
    m.bytes[1] = bytes_of(y) + (b->kept & RESULT ? bytes_of(y) : 0);
    for (int i = 0; i < m.inputs; i++) {
        m.bytes[0] += bytes_of(m.x[i]);
        m.bytes[1] += (b->below[i] ? 0 : bytes_of(m.x[i])) + (b->kept & 1 << i ? bytes_of(m.x[i]) : 0);
    }
    if (!b->one_way)
        m.dy = ag_buffer(ag_randn(m.t, AG_F32, ag_shape_of(y), 0, 1), "dy");
    ag_tape_reset(m.t);
    return m;
}

static ag_tensor wrapped(const timed *m, ag_tensor x)
{
    const ag_dtype d = ag_dtype_of(x);
    return ag_wrap(m->t, d, ag_shape_of(x), ag_data(x, d), (size_t)bytes_of(x));
}

/* The operands are leaves of this step alone, whose gradients are written and not added to what was there. */
static void leaves_of(const timed *m, ag_tensor *x)
{
    for (int i = 0; i < m->inputs; i++) {
        x[i] = wrapped(m, m->x[i]);
        x[i] = m->b->below[i] || m->b->one_way ? x[i] : ag_require_grad(x[i]);
    }
}

static void forward(timed *m)
{
    ag_tensor x[INPUTS];
    leaves_of(m, x);
    const double start = worked();
    m->b->run(x);
    keep_best(&m->best[0], worked() - start);
    ag_tape_reset(m->t);
}

static ag_tensor begin(ag_tensor dy, void *user)
{
    timed *m = user;
    (void)dy;
    m->begun = worked();
    return (ag_tensor){ 0 };
}

/* From when dy, which the next op of a net would have left, is there. */
static void backward(timed *m)
{
    ag_tensor x[INPUTS];
    leaves_of(m, x);
    const ag_tensor y = m->b->run(x);
    ag_hook(y, begin, m);
    ag_backward_from(y, m->dy);
    keep_best(&m->best[1], worked() - m->begun);
    ag_tape_reset(m->t);
}

static ag_status finish(timed *m)
{
    const ag_status status = ag_error(m->t);
    ag_tape_free(m->t);
    return status;
}

/* ---- tables */

typedef struct arrays { /* three of so many floats, more than caches hold */
    int64_t n;
    float *a, *b, *c;
    double best;
} arrays;

static void move(arrays *m)
{
    const double start = worked();
    float *restrict a = m->a;
    for (int64_t i = 0; i < m->n; i++)
        a[i] = m->b[i] + 3 * m->c[i];
    keep_best(&m->best, worked() - start);
}

static ag_status beside_memory(const bench *b, arrays *memory)
{
    timed m = prepare(b);
    memory->best = 0;
    for (int i = 0; i < ROUNDS && !ag_error(m.t); i++) {
        forward(&m);
        if (!b->one_way)
            backward(&m);
        move(memory);
    }
    const double speed = 3.0 * sizeof(float) * (double)memory->n / memory->best;
    printf("%-22s", b->name);
    for (int way = 0; way < (b->one_way ? 1 : 2); way++)
        printf(" %8.2f ms %5.1f GB/s %5.2f", 1e3 * m.best[way], 1e-9 * m.bytes[way] / m.best[way],
               m.best[way] * speed / m.bytes[way]);
    printf("\n");
    return finish(&m);
}

static bool among(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

static ag_status table_of_memory(int count, char **names)
{
    arrays memory = { .n = (int64_t)SIDE * SIDE };
    float *all = calloc(3 * (size_t)memory.n, sizeof *all);
    if (!all)
        return AG_ENOMEM;
    memory.a = all;
    memory.b = all + memory.n;
    memory.c = all + 2 * memory.n;
    memset(all, 1, 3 * (size_t)memory.n * sizeof *all);
    ag_status status = AG_OK;
    printf("%-22s %26s %27s\n%-22s %26s %27s\n", "f32 [2048,2048]", "forward", "backward", "",
           "time, speed, times memory's", "time, speed, times memory's");
    const bench *const tables[] = { bounded, moved, reductions };
    for (int i = 0; i < 3; i++)
        for (const bench *b = tables[i]; b->name && !status; b++)
            status = among(b->name, count, names) ? beside_memory(b, &memory) : AG_OK;
    free(all);
    return status;
}

/* As often as a tenth of a second has, at least three times. */
static void many(void (*run)(timed *m), timed *m)
{
    const double start = worked();
    for (int i = 0; i < 3 || (worked() - start < 0.1 && !ag_error(m->t)); i++)
        run(m);
}

static ag_status lines_for_peers(int count, char **names)
{
    ag_status status = AG_OK;
    for (const bench *b = beside; b->name && !status; b++) {
        if (!among(b->name, count, names))
            continue;
        timed m = prepare(b);
        many(forward, &m);
        many(backward, &m);
        printf("%s.forward %.9f\n%s.backward %.9f\n", b->name, m.best[0], b->name, m.best[1]);
        status = finish(&m);
    }
    return status;
}

int main(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "peers") == 0 ? lines_for_peers(argc - 2, argv + 2)
                                                     : table_of_memory(argc - 1, argv + 1);
}
