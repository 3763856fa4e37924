/* How many elements are true, whether one is, whether all are: of any dtype, what is not 0 is true, a NaN too. */
#include "ag/ops/reductions/lines.h"
#include "ag/ops/reductions/reduction.h"

static ag_status count_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    y->dtype = AG_I64;
    return ag_reduction_shape(c, x->shape, &y->shape);
}

static void join_counts(ag_total_of *total, const ag_total_of *more, int64_t count, const void *context)
{
    (void)context;
    for (int64_t i = 0; i < count; i++)
        total[i].n += more[i].n;
}

#define COUNT(name, type, number)                                                                                    \
    AG_FOLD_EACH(name##_rows, type, number, 0, a += v != 0)                                                          \
    static void name(const void *x, int64_t n, int64_t step, int64_t count, const void *context, ag_total_of *total) \
    {                                                                                                                \
        number many[AG_FOLD_COLUMNS], unused[AG_FOLD_COLUMNS];                                                       \
        (void)context;                                                                                               \
        name##_rows(x, n, step, count, NULL, many, unused);                                                          \
        for (int64_t k = 0; k < count; k++)                                                                          \
            total[k] = (ag_total_of){ .n = many[k] };                                                                \
    }
COUNT(count_f32, float, int32_t)
COUNT(count_f64, double, int64_t)
COUNT(count_i32, int32_t, int32_t)
COUNT(count_i64, int64_t, int64_t)
COUNT(count_u8, uint8_t, int32_t)

static void finish(const ag_call *c, const ag_total_of *total, int64_t first, int64_t count, ag_array *y)
{
    (void)c;
    for (int64_t i = 0; i < count; i++)
        ((int64_t *)y->data)[first + i] = total[i].n;
}

static ag_status count_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_dtype d = x->dtype;
    const ag_fold f = { .columns = d == AG_F32   ? count_f32
                                   : d == AG_F64 ? count_f64
                                   : d == AG_I32 ? count_i32
                                   : d == AG_I64 ? count_i64
                                                 : count_u8,
                        .join = join_counts,
                        .deep = 4096 };
    return ag_fold_axes(c, &f, x, ag_reduction_of(c).axes, finish, y);
}

/* clang-format off */
#define SAMPLE(axes, type, ...)                                                                                        \
    { .params = &(const ag_reduction){ axes, 0 }, .low = { -2 }, .high = { 2 }, .dtype = { type }, .shape = { __VA_ARGS__ } }
#define AXES(...) { (int)AG_COUNT(int, __VA_ARGS__), { __VA_ARGS__ } }
#define EVERY { -1, { 0 } }
/* clang-format on */

AG_OP(count_nonzero_over) = {
    .name = "count_nonzero_over",
    .formula = "number of elements of x over axes that are not 0",
    .inputs = 1,
    .flags = AG_NO_GRADIENT,
    .params_size = sizeof(ag_reduction),
    .shape = count_shape,
    .forward = count_forward,
    .samples = (const ag_sample[]){ SAMPLE(AXES(0), 0, AG_DIMS(3, 4)),
                                    SAMPLE(AXES(0, 2), AG_I64, AG_DIMS(2, 3, 2)),
                                    SAMPLE(AXES(-1), AG_I32, AG_DIMS(3, 4)),
                                    SAMPLE(EVERY, AG_I32, AG_DIMS(2, 3)),
                                    { 0 } },
};

/* ag_count_nonzero - how many elements are not 0, i64; 0 if there are none.
 *   y = sum of (x != 0), no gradient */
AG_API ag_tensor ag_count_nonzero(ag_tensor x)
{
    return ag_count_nonzero_over(x, AG_ALL, 0);
}

/* ag_count_nonzero_over - how many are not 0 over axes, i64; axes and flags as in ag_sum_over.
 *   y[i,..] = sum of (x[i,..,j,..] != 0) over j, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_count_nonzero_over(ag_tensor x, ag_axes axes, int flags)
{
    return AG_APPLY(count_nonzero_over, AG_LIST(x), (&(ag_reduction){ axes, flags }));
}

/* Truth values are ordered: one of them is true if the largest is, all are if the smallest is. Of none there is no
 * largest: they are counted. */
static ag_tensor one_of(ag_tensor truth, ag_axes axes, int flags)
{
    return ag_size_of(truth) > 0 ? ag_max_over(truth, axes, flags)
                                 : ag_not_equal_scalar(ag_sum_over(truth, axes, flags), 0);
}

static ag_tensor all_of(ag_tensor truth, ag_axes axes, int flags)
{
    return ag_size_of(truth) > 0 ? ag_min_over(truth, axes, flags)
                                 : ag_equal_scalar(ag_sum_over(truth, axes, flags), 0);
}

/* ag_any - is one element not 0? u8; 0 if there are none.
 *   y = 1 where an x != 0, else 0, no gradient */
AG_API ag_tensor ag_any(ag_tensor x)
{
    return one_of(ag_not_equal_scalar(x, 0), AG_ALL, 0);
}

/* ag_any_over - is one of them not 0, over axes? u8; axes and flags as in ag_sum_over.
 *   y[i,..] = 1 where an x[i,..,j,..] != 0, else 0, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_any_over(ag_tensor x, ag_axes axes, int flags)
{
    return one_of(ag_not_equal_scalar(x, 0), axes, flags);
}

/* ag_all - are all elements not 0? u8; 1 if there are none.
 *   y = 1 where every x != 0, else 0, no gradient */
AG_API ag_tensor ag_all(ag_tensor x)
{
    return all_of(ag_not_equal_scalar(x, 0), AG_ALL, 0);
}

/* ag_all_over - are all of them not 0, over axes? u8; axes and flags as in ag_sum_over.
 *   y[i,..] = 1 where every x[i,..,j,..] != 0, else 0, no gradient
 * Errors: AG_ESHAPE if an axis is out of range or named twice; AG_EARG for unknown flags. */
AG_API ag_tensor ag_all_over(ag_tensor x, ag_axes axes, int flags)
{
    return all_of(ag_not_equal_scalar(x, 0), axes, flags);
}
