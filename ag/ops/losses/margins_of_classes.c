/* Margins between the score of a class and those of the others. */
#include "ag/ops/losses/classes.h"
#include "ag/kernels/kernels.h"

typedef struct margin_params {
    ag_class_params classes;
    int64_t p;
    double margin;
} margin_params;

static ag_status margin_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const margin_params *p = ag_call_params(c);
    if (p->p != 1 && p->p != 2)
        return ag_call_fail(c, AG_EARG, "p is %d, and must be 1 or 2", (int)p->p);
    if (x[0].shape.rank != 1 && x[0].shape.rank != 2)
        return ag_call_fail(c, AG_ESHAPE, "the scores must be [n,classes] or [classes]");
    if (ag_call_inputs(c) > 1 && ag_is_float(x[1].dtype))
        return ag_call_fail(c, AG_EDTYPE, "labels are integers; see ag_cast");
    return ag_classes_shape(c, x, y);
}

/* ---- kernels: rows of scores, of which the one of the class itself is left out */

typedef struct margins {
    ag_classes x;
    const void *weight; /* of the classes, or NULL */
    bool squared;
    double margin, beta;
    double *loss;        /* forward */
    const double *scale; /* backward: what arrives at the loss of each row */
    void *dz;
} margins;

enum { BLOCK = 512 };

/* to = v, whose sum is added to `total` */
#define SLOPES(type, to, v)                                                       \
    {                                                                             \
        type sum = 0;                                                             \
        _Pragma("omp simd reduction(+ : sum)") for (int64_t j = at; j < end; j++) \
        {                                                                         \
            const type b = z[j] - score + margin, slope = b > 0 ? (v) : 0;        \
            sum += slope;                                                         \
            dz[j] = (to);                                                         \
        }                                                                         \
        total += (double)sum;                                                     \
    }

/* Adds the sum of v to `total`. */
#define HINGES(type, v)                                                           \
    {                                                                             \
        type sum = 0;                                                             \
        _Pragma("omp simd reduction(+ : sum)") for (int64_t j = at; j < end; j++) \
        {                                                                         \
            const type b = z[j] - score + margin, h = b < 0 ? 0 : b;              \
            sum += (v);                                                           \
        }                                                                         \
        total += (double)sum;                                                     \
    }

#define KERNELS(type)                                                                                                \
    static double hinges_##type(const margins *m, int64_t n, const type *z, type score)                              \
    {                                                                                                                \
        const type margin = (type)m->margin;                                                                         \
        double total = 0;                                                                                            \
        for (int64_t at = 0; at < n; at += BLOCK) {                                                                  \
            const int64_t end = n - at < BLOCK ? n : at + BLOCK;                                                     \
            if (m->squared)                                                                                          \
                HINGES(type, h *h)                                                                                   \
            else                                                                                                     \
                HINGES(type, h)                                                                                      \
        }                                                                                                            \
        return total;                                                                                                \
    }                                                                                                                \
    /* The slopes go to dz, or are added; returns their sum. */                                                      \
    static double slopes_##type(const margins *m, int64_t n, const type *z, type score, type k, type *restrict dz)   \
    {                                                                                                                \
        const type margin = (type)m->margin, keep = (type)m->beta;                                                   \
        double total = 0;                                                                                            \
        for (int64_t at = 0; at < n; at += BLOCK) {                                                                  \
            const int64_t end = n - at < BLOCK ? n : at + BLOCK;                                                     \
            if (keep == 0 && m->squared)                                                                             \
                SLOPES(type, slope, 2 * b * k)                                                                       \
            else if (keep == 0)                                                                                      \
                SLOPES(type, slope, k)                                                                               \
            else if (m->squared)                                                                                     \
                SLOPES(type, slope + keep * dz[j], 2 * b * k)                                                        \
            else                                                                                                     \
                SLOPES(type, slope + keep * dz[j], k)                                                                \
        }                                                                                                            \
        return total;                                                                                                \
    }                                                                                                                \
    static void row_##type(const margins *m, int64_t i)                                                              \
    {                                                                                                                \
        const int64_t n = m->x.n, own = ag_classes_at(&m->x, i);                                                     \
        const type *z = (const type *)m->x.z + i * n, *after = z + own + 1;                                          \
        const double weight = (m->weight ? (double)((const type *)m->weight)[own] : 1) / (double)n;                  \
        if (m->loss) {                                                                                               \
            m->loss[i] = weight * (hinges_##type(m, own, z, z[own]) + hinges_##type(m, n - own - 1, after, z[own])); \
            return;                                                                                                  \
        }                                                                                                            \
        type *dz = (type *)m->dz + i * n;                                                                            \
        const type k = (type)(weight * m->scale[i]);                                                                 \
        const double sum = k == 0 ? 0                                                                                \
                                  : slopes_##type(m, own, z, z[own], k, dz) +                                        \
                                        slopes_##type(m, n - own - 1, after, z[own], k, dz + own + 1);               \
        for (int64_t j = 0; k == 0 && m->beta == 0 && j < n; j++)                                                    \
            dz[j] = 0;                                                                                               \
        dz[own] = (type)-sum + (m->beta == 0 ? 0 : (type)m->beta * dz[own]);                                         \
    }
KERNELS(float)
KERNELS(double)

static void run_row(const void *context, int64_t i)
{
    const margins *m = context;
    if (m->x.dtype == AG_F32)
        row_float(m, i);
    else
        row_double(m, i);
}

/* The weights are not those of a mean's divisor, which is the number of rows. */
static margins margins_of(const ag_call *c, const ag_array *z, const ag_array *target, const ag_array *weight)
{
    const margin_params *p = ag_call_params(c);
    return (margins){ .x = ag_classes_of(c, z, target, NULL),
                      .weight = weight ? weight->data : NULL,
                      .squared = p->p == 2,
                      .margin = p->margin };
}

static ag_status margin_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    margins m = margins_of(c, &x[0], &x[1], ag_call_inputs(c) == 3 ? &x[2] : NULL);
    m.loss = ag_call_scratch(c, (size_t)m.x.outer * sizeof *m.loss);
    if (!m.loss)
        return AG_ENOMEM;
    if (ag_classes_check(c, &m.x))
        return AG_EARG;
    ag_for_items(m.x.outer, (double)m.x.n, m.x.threads, run_row, &m);
    ag_classes_finish(&m.x, m.loss, y);
    return AG_OK;
}

static ag_status margin_vjp_fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_array *x[3];
    const ag_status s = ag_classes_operands(c, dx, x);
    if (s)
        return s;
    margins m = margins_of(c, x[0], x[1], x[2]);
    double *scale = ag_call_scratch(c, (size_t)m.x.outer * sizeof *scale);
    if (!scale)
        return AG_ENOMEM;
    if (ag_classes_check(c, &m.x)) /* wrapped memory may have changed */
        return AG_EARG;
    ag_classes_scales(&m.x, dy, false, scale);
    m.scale = scale;
    m.beta = beta[0];
    m.dz = dx[0].data;
    ag_for_items(m.x.outer, 2 * (double)m.x.n, m.x.threads, run_row, &m);
    return AG_OK;
}

/* ---- the rule: with h = margin - z[target] + z, 0 for the class itself, L = sum of share w max(h, 0)^p */

static void margin_vjp(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    const margin_params *p = ag_call_params(c);
    const ag_tensor z = ag_call_input(c, 0), zero = ag_constant(ag_call_tape(c), 0);
    const ag_shape s = ag_shape_of(z);
    const bool weights = ag_call_inputs(c) == 3, each = p->classes.reduce == AG_REDUCE_NONE;
    if (s.rank < 1)
        return;
    const int64_t classes = s.dim[s.rank - 1], rows = s.rank == 2 ? s.dim[0] : 1;
    const int64_t divisor = classes * (p->classes.reduce == AG_REDUCE_MEAN && rows > 0 ? rows : 1);
    const ag_tensor own = ag_one_hot(ag_call_input(c, 1), classes, AG_U8), chosen = ag_cast(own, ag_dtype_of(z));
    const ag_tensor score = ag_sum_over(ag_where(own, z, zero), AG_AXES(-1), AG_KEEPDIM);
    const ag_tensor h = ag_where(own, zero, ag_add_scalar(ag_sub(z, score), p->margin));
    const ag_tensor above = ag_cast(ag_greater(h, zero), ag_dtype_of(z));
    const ag_tensor share = ag_mul_scalar(each ? ag_unsqueeze(dy[0], -1) : dy[0], 1 / (double)divisor);
    if (ag_call_needs(c, 0)) {
        const ag_tensor w = weights ? ag_sum_over(ag_mul(chosen, ag_call_input(c, 2)), AG_AXES(-1), AG_KEEPDIM) : zero;
        const ag_tensor arrived = weights ? ag_mul(share, w) : share;
        const ag_tensor slope = ag_chain(above, p->p == 2 ? ag_mul(arrived, ag_mul_scalar(h, 2)) : arrived);
        dx[0] = ag_where(own, ag_neg(ag_sum_over(slope, AG_AXES(-1), AG_KEEPDIM)), slope);
    }
    if (weights && ag_call_needs(c, 2)) {
        const ag_tensor hinge = ag_relu(h), some = p->p == 2 ? ag_square(hinge) : hinge;
        const ag_tensor loss = ag_mul(share, ag_sum_over(some, AG_AXES(-1), AG_KEEPDIM)), of = ag_mul(chosen, loss);
        dx[2] = s.rank == 2 ? ag_sum_over(of, AG_AXES(0), 0) : of;
    }
}

/* A mean with weights over no positions is NaN in each of these: such a sample has one position. */
/* clang-format off */
#define SAMPLE(count, reduce, p, margin, ...) \
    { .inputs = count, .params = &(const margin_params){ { reduce, 0, 0, 0 }, p, margin }, .low = { -2, 0, 0.3 }, \
      .high = { 2, 3, 2 }, .dtype = { AG_FLOAT, AG_I64 }, .shape = { __VA_ARGS__ } }
/* clang-format on */

AG_OP(multi_margin) = {
    .name = "multi_margin",
    .formula = "mean of weight[target] max(margin - z[target] + z, 0)^p over other classes, reduced",
    .flags = AG_VARIADIC,
    .params_size = sizeof(margin_params),
    .shape = margin_shape,
    .forward = margin_forward,
    .vjp = margin_vjp,
    .vjp_fused = margin_vjp_fused,
    .samples = (const ag_sample[]){ SAMPLE(2, AG_REDUCE_MEAN, 1, 1, AG_DIMS(4, 3), AG_DIMS(4)),
                                    SAMPLE(2, AG_REDUCE_SUM, 2, 0.7, AG_DIMS(3), { 0, { 0 } }),
                                    SAMPLE(2, AG_REDUCE_NONE, 2, 1, AG_DIMS(5, 3), AG_DIMS(5)),
                                    SAMPLE(3, AG_REDUCE_MEAN, 2, 1, AG_DIMS(3), { 0, { 0 } }, AG_DIMS(3)),
                                    SAMPLE(3, AG_REDUCE_SUM, 1, 2, AG_DIMS(5, 3), AG_DIMS(5), AG_DIMS(3)),
                                    SAMPLE(3, AG_REDUCE_NONE, 1, 1.5, AG_DIMS(4, 3), AG_DIMS(4), AG_DIMS(3)),
                                    { 0 } },
};

/* ag_multi_margin - the score of the class target[n], or of one target[], is to be above those of the others by a margin;
 * scores z[n,c] or z[c], a weight for each class, weight[c], or {0}. p is 1 or 2.
 *   L = reduced 1/c sum_(j != target[i]) weight[target[i]] max(margin - z[i,target[i]] + z[i,j], 0)^p
 *       dz[i,j] = dL weight[target[i]] / c, for p = 2 times twice the base, where that is above 0; dz[i,target[i]] less
 *       the sum of these
 * Errors: AG_EARG for a class out of range, another p or an unknown reduction; AG_ESHAPE, AG_EDTYPE for other arguments. */
AG_API ag_tensor ag_multi_margin(ag_tensor z, ag_tensor target, ag_tensor weight, int p, double margin,
                                 ag_reduce reduce)
{
    const ag_reduce of = reduce == AG_REDUCE_BATCH_MEAN ? AG_REDUCE_MEAN : reduce; /* there is a loss for each row */
    const margin_params params = { { of, 0, 0, 0 }, p, margin };
    return AG_APPLY(multi_margin, ag_absent(weight) ? AG_LIST(z, target) : AG_LIST(z, target, weight), &params);
}
