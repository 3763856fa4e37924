/* Negative log likelihood of normal distributions. It is computed block by block, so that means and y come from memory once,
 * and variances that are repeated are never written out. */
#include "ag/kernels/kernels.h"
#include "ag/ops/losses/gaussian.h"
#include "ag/ops/losses/loss.h"

enum { CHUNK = 8192, LINE = 64 };

typedef struct operands {
    const ag_gaussian_kernels *kernels;
    ag_dtype dtype;
    int64_t n;
    const void *mean, *y;
    ag_gathered variance;
    bool shared;        /* it is one number */
    bool in_short_rows; /* ones shorter than a block */
    double least;
} operands;

static operands operands_of(const ag_call *c, const ag_array *mean, const ag_array *y, const ag_array *variance)
{
    const ag_array each = ag_array_expand(variance, mean->shape);
    operands x = { .kernels = mean->dtype == AG_F32 ? &ag_gaussian_f32 : &ag_gaussian_f64,
                   .dtype = mean->dtype,
                   .n = ag_array_size(mean),
                   .mean = mean->data,
                   .y = y->data,
                   .variance = ag_gathered_of(&each, mean->dtype),
                   .shared = ag_array_size(variance) == 1,
                   .least = ag_loss_constant(c) };
    x.in_short_rows = x.n > 0 && x.variance.nest.dim[x.variance.nest.rank - 1] < AG_NORMALS;
    return x;
}

static void *at(const void *p, int64_t i, ag_dtype d)
{
    return p ? (char *)(uintptr_t)p + i * (int64_t)ag_bytes_of(d) : NULL;
}

/* For the next block: memory would wait while this one is computed. */
static void ask_for(const ag_normals *b, ag_dtype d, int64_t n)
{
    const char *mean = at(b->mean, b->n, d), *y = at(b->y, b->n, d);
    for (int64_t i = 0; i < n * (int64_t)ag_bytes_of(d); i += LINE) {
        __builtin_prefetch(mean + i);
        __builtin_prefetch(y + i);
    }
}

/* The variances of elements in [from, end): of a block, or, as a copy of each short row costs a call, of many. */
typedef struct gathering {
    int64_t from, end; /* 0: there are none yet */
    const void *variance;
    _Alignas(64) char room[CHUNK * 8];
} gathering;

/* The block from number i on, of those up to `end`, at most CHUNK of them. */
static ag_normals block_at(const operands *x, int64_t i, int64_t end, gathering *g)
{
    const ag_dtype d = x->dtype;
    const int64_t n = end - i < AG_NORMALS ? end - i : AG_NORMALS, after = x->n - i - n;
    if (g->end < i + n && !(x->shared && g->end > 0)) {
        g->from = i;
        g->end = x->in_short_rows ? end : i + n;
        g->variance = ag_gathered_at(&x->variance, i, g->end - i, g->room);
    }
    const ag_normals b = { .n = n,
                           .mean = at(x->mean, i, d),
                           .y = at(x->y, i, d),
                           .variance = x->shared ? g->variance : at(g->variance, i - g->from, d),
                           .least = x->least };
    ask_for(&b, d, after < AG_NORMALS ? after : AG_NORMALS);
    return b;
}

/* ---- the loss */

static ag_status gaussian_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_loss_params *p = ag_call_params(c);
    ag_shape all;
    if (!ag_is_float(x[0].dtype) || x[1].dtype != x[0].dtype || x[2].dtype != x[0].dtype)
        return ag_call_fail(c, AG_EDTYPE, "all must be f32, or all f64; see ag_cast");
    if (!ag_shape_equal(x[0].shape, x[1].shape) || !ag_shape_broadcast(x[2].shape, x[0].shape, &all) ||
        !ag_shape_equal(all, x[0].shape))
        return ag_call_fail(c, AG_ESHAPE, "the first two must have one shape, to which the variances broadcast");
    y->dtype = x[0].dtype;
    if (p->reduce == AG_REDUCE_NONE)
        y->shape = x[0].shape;
    return ag_loss_check_reduce(c, p->reduce);
}

typedef struct part { /* of the result */
    double sum;
    bool negative; /* is a variance below 0 among them? */
} part;

typedef struct forward {
    operands x;
    part *parts;
    void *each; /* NULL: sums are wanted */
} forward;

static void run_part(const void *context, int64_t number)
{
    const forward *f = context;
    const operands *x = &f->x;
    const int64_t begin = number * CHUNK, end = x->n - begin < CHUNK ? x->n : begin + CHUNK;
    part p = { 0 };
    double logarithms = 0;
    gathering g;
    g.end = 0;
    for (int64_t i = begin; i < end; i += AG_NORMALS) {
        const ag_normals b = block_at(x, i, end, &g);
        const bool known = x->shared && i > begin && b.n == AG_NORMALS;
        p.negative = p.negative || (!known && x->kernels->negative(&b));
        if (f->each) {
            x->kernels->each(&b, at(f->each, i, x->dtype));
            continue;
        }
        logarithms = known ? logarithms : x->kernels->logarithms(&b);
        p.sum += 0.5 * (logarithms + x->kernels->quotients(&b));
    }
    f->parts[number] = p;
}

static ag_status refuse(const ag_call *c, const ag_array *variance)
{
    int64_t i = 0;
    while (!(ag_array_get(variance, i) < 0))
        i++;
    return ag_call_fail(c, AG_EARG, "the variance of element %lld is %g, and must not be below 0", (long long)i,
                        ag_array_get(variance, i));
}

static ag_status gaussian_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_loss_params *params = ag_call_params(c);
    const bool each = params->reduce == AG_REDUCE_NONE;
    const int64_t parts = ag_parts(ag_array_size(&x[0]), CHUNK);
    const forward f = { .x = operands_of(c, &x[0], &x[1], &x[2]),
                        .parts = ag_call_scratch(c, (size_t)parts * sizeof *f.parts),
                        .each = each ? y->data : NULL };
    if (!f.parts)
        return AG_ENOMEM;
    ag_for_items(parts, CHUNK, ag_call_threads(c), run_part, &f);
    double sum = 0;
    for (int64_t i = 0; i < parts; i++) {
        if (f.parts[i].negative)
            return refuse(c, &x[2]);
        sum += f.parts[i].sum;
    }
    if (!each)
        ag_fill_array(y, sum / (double)ag_loss_divisor(params->reduce, x[0].shape));
    return AG_OK;
}

/* ---- the derivatives */

/* A variance below eps counts as eps, and its derivative as if it were that, so that it can grow again. */
static void gaussian_nll_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const ag_tensor d = ag_sub(ag_call_input(c, 0), ag_call_input(c, 1)), given = ag_expand_as(ag_call_input(c, 2), d);
    const ag_tensor each = ag_loss_share(c, dy[0]);
    const ag_tensor v = ag_add(given, ag_detach(ag_relu(ag_scalar_sub(ag_loss_constant(c), given))));
    const ag_tensor ratio = ag_div(d, v);
    if (ag_call_needs(c, 0) || ag_call_needs(c, 1))
        dx[0] = ag_chain(each, ratio);
    if (ag_call_needs(c, 1))
        dx[1] = ag_neg(dx[0]);
    if (ag_call_needs(c, 2))
        dx[2] = ag_chain(ag_mul_scalar(each, 0.5), ag_sub(ag_scalar_div(1, v), ag_square(ratio)));
}

typedef struct backward {
    operands x;
    const void *dy; /* NULL: what arrives is the scale */
    double scale;
    const ag_array *dx;
    const double *beta;
} backward;

/* Of elements from `begin` on; those by the variances go to dv. */
static void run_back(const backward *b, int64_t begin, int64_t end, void *dv, double beta)
{
    const ag_dtype d = b->x.dtype;
    gathering g;
    g.end = 0;
    for (int64_t i = begin; i < end; i += AG_NORMALS) {
        const ag_normals some = block_at(&b->x, i, end, &g);
        void *const to[] = { at(b->dx[0].data, i, d), at(b->dx[1].data, i, d), at(dv, i - begin, d) };
        b->x.kernels->back(&some, at(b->dy, i, d), b->scale, (const double[]){ b->beta[0], b->beta[1], beta }, to);
    }
}

static void run_back_part(const void *context, int64_t number)
{
    const backward *b = context;
    const int64_t i = number * CHUNK, n = b->x.n;
    run_back(b, i, n - i < CHUNK ? n : i + CHUNK, at(b->dx[2].data, i, b->x.dtype), b->beta[2]);
}

/* For a sum over what shares a variance. Each element is asked for once. */
static void make_slopes(const void *context, int64_t i, int64_t n, void *to)
{
    run_back(context, i, i + n, to, 0);
}

static ag_status gaussian_back(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_loss_params *params = ag_call_params(c);
    const ag_array *mean = ag_call_input_array(c, 0), *y = ag_call_input_array(c, 1), *v = ag_call_input_array(c, 2);
    if (!mean || !y || !v)
        return AG_EUSE;
    const bool each = params->reduce == AG_REDUCE_NONE;
    const double divisor = (double)ag_loss_divisor(params->reduce, mean->shape);
    const backward b = { .x = operands_of(c, mean, y, v),
                         .dy = each ? dy->data : NULL,
                         .scale = each ? 0 : ag_array_get(dy, 0) / divisor,
                         .dx = dx,
                         .beta = beta };
    if (!dx[2].data || ag_shape_equal(v->shape, mean->shape)) {
        ag_for_items(ag_parts(b.x.n, CHUNK), CHUNK, ag_call_threads(c), run_back_part, &b);
        return AG_OK;
    }
    const size_t bytes = ag_reduce_work(&dx[2], mean);
    void *room = bytes ? ag_call_scratch(c, bytes) : NULL;
    if (bytes && !room)
        return AG_ENOMEM;
    ag_reduce_made(&dx[2], mean, &(ag_maker){ make_slopes, &b }, beta[2] != 0, room, ag_call_threads(c));
    return AG_OK;
}

/* ---- the op */

/* clang-format off */
#define SAMPLE(how, same, variance)                                                                     \
    { .params = &(const ag_loss_params){ .reduce = how, .c = 1e-6 },                                  \
      .low = { -2, -2, 0.3 }, .high = { 2, 2, 2 }, .shape = { same, same, variance } }
/* clang-format on */

AG_OP(gaussian_nll) = {
    .name = "gaussian_nll",
    .formula = "(log v + (mean - y)^2 / v) / 2, v the variance but at least eps, reduced",
    .inputs = 3,
    .flags = AG_REPEATS,
    .params_size = sizeof(ag_loss_params),
    .shape = gaussian_shape,
    .forward = gaussian_forward,
    .vjp = gaussian_nll_vjp,
    .vjp_fused = gaussian_back,
    .samples = (const ag_sample[]){ SAMPLE(AG_REDUCE_MEAN, AG_DIMS(5), AG_DIMS(5)),
                                    SAMPLE(AG_REDUCE_SUM, AG_DIMS(3, 7), AG_DIMS(3, 1)),
                                    SAMPLE(AG_REDUCE_BATCH_MEAN, AG_DIMS(2, 3), AG_DIMS(2, 3)),
                                    SAMPLE(AG_REDUCE_SUM, AG_DIMS(2, 3), AG_DIMS(3)),
                                    SAMPLE(AG_REDUCE_NONE, AG_DIMS(3, 7), AG_DIMS(3, 7)),
                                    SAMPLE(AG_REDUCE_NONE, AG_DIMS(2, 3), AG_DIMS(1)),
                                    { .params = &(const ag_loss_params){ .c = 1e-6 },
                                      .low = { -2, -2, 0.3 },
                                      .high = { 2, 2, 2 } },
                                    { 0 } },
};

/* The shapes are those of the means, of y and of the variances. The result's shape; rank -1: refused. */
static ag_shape gaussian_result(ag_tape *t, const ag_shape *s)
{
    ag_shape both, all, variance = s[2];
    char text[128], wanted[128];
    if (!ag_shape_broadcast(s[0], s[1], &both)) {
        ag_fail(t, AG_ESHAPE, "ag_gaussian_nll: the means %s and the targets %s do not broadcast",
                ag_shape_text(s[0], text, sizeof text), ag_shape_text(s[1], wanted, sizeof wanted));
        return (ag_shape){ .rank = -1 };
    }
    if (variance.rank == both.rank - 1)
        variance.dim[variance.rank++] = 1;
    if (!ag_shape_broadcast(variance, both, &all) || !ag_shape_equal(all, both)) {
        ag_fail(t, AG_ESHAPE,
                "ag_gaussian_nll: the variances are %s, and must be %s, lack its last axis or broadcast to it",
                ag_shape_text(s[2], text, sizeof text), ag_shape_text(both, wanted, sizeof wanted));
        return (ag_shape){ .rank = -1 };
    }
    return both;
}

static ag_tensor expanded(ag_tensor x, ag_shape s, ag_shape to)
{
    return ag_shape_equal(s, to) ? x : ag_expand(x, to);
}

/* ag_gaussian_nll - negative log likelihood of y under normal distributions of the given means and variances. The means
 * and y broadcast; the variances have the shape of both, or lack its last axis, or broadcast to it. A variance below
 * eps counts as eps, and is passed the derivative that it would have there.
 *   L = reduced (log v + (mean - y)^2 / v) / 2, v = max(variance, eps)
 *       dmean = dL (mean - y) / v    dy = -dmean    dvariance = dL (1 - (mean - y)^2 / v) / (2 v)
 * Errors: AG_EARG for a variance below 0 or an unknown reduction; AG_ESHAPE if the shapes do not fit. */
AG_API ag_tensor ag_gaussian_nll(ag_tensor mean, ag_tensor y, ag_tensor variance, ag_gaussian_options options)
{
    const double half_log_two_pi = 0.91893853320467274178;
    const ag_loss_params p = { .reduce = options.reduce, .c = options.eps != 0 ? options.eps : 1e-6 };
    const ag_dtype d = ag_ok(mean) ? ag_dtype_of(mean) : AG_FLOAT;
    ag_shape s[3];
    ag_tape *t = ag_shapes_for("ag_gaussian_nll", AG_LIST(mean, y, variance), s);
    if (!t)
        return ag_inert(ag_list_tape(AG_LIST(mean, y, variance)));
    if (!ag_is_float(d) || ag_dtype_of(y) != d || ag_dtype_of(variance) != d) {
        ag_fail(t, AG_EDTYPE, "ag_gaussian_nll: all must be f32, or all f64; see ag_cast");
        return ag_inert(t);
    }
    const ag_shape both = gaussian_result(t, s);
    if (both.rank < 0)
        return ag_inert(t);
    const ag_tensor each = s[2].rank == both.rank - 1 ? ag_unsqueeze(variance, -1) : variance;
    const ag_list given = AG_LIST(expanded(mean, s[0], both), expanded(y, s[1], both), each);
    const ag_tensor loss = AG_APPLY(gaussian_nll, given, &p);
    const bool sum = options.reduce == AG_REDUCE_SUM || options.reduce == AG_REDUCE_BATCH_MEAN;
    const double count = (double)ag_shape_size(both) / (double)ag_loss_divisor(options.reduce, both);
    return options.full && loss.id ? ag_add_scalar(loss, sum ? half_log_two_pi * count : half_log_two_pi) : loss;
}
