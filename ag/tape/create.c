/* Tensors from numbers. */
#include "ag/tape/tape.h"
#include <math.h>

static bool is_dtype(ag_tape *t, ag_dtype d, const char *who)
{
    return ag_dtype_size(ag_real_dtype(t, d)) || (ag_fail(t, AG_EDTYPE, "%s: %d is no dtype", who, (int)d), false);
}

ag_tensor ag_fresh(ag_tape *t, ag_dtype d, ag_shape s, ag_array *a, const char *who)
{
    char text[128];
    *a = (ag_array){ 0 };
    if (!t)
        return ag_inert(NULL);
    if (!is_dtype(t, d, who))
        return ag_inert(t);
    d = ag_real_dtype(t, d);
    int64_t size = ag_shape_size(s);
    if (size < 0 || size > INT64_MAX / 16) {
        bool wrong = s.rank < 0 || s.rank > AG_MAX_RANK;
        for (int i = 0; !wrong && i < s.rank; i++)
            wrong = s.dim[i] < 0;
        ag_fail(t, wrong ? AG_ESHAPE : AG_ELIMIT,
                wrong ? "%s: %s is no shape" : "%s: a tensor of shape %s is too large", who,
                ag_shape_text(s, text, sizeof text));
        return ag_inert(t);
    }
    if ((uint64_t)size > t->options.memory_limit / ag_dtype_size(d)) {
        ag_fail(t, AG_ENOMEM, "%s: %s of shape %s takes more than the memory limit of %llu bytes", who,
                ag_dtype_name(d), ag_shape_text(s, text, sizeof text), (unsigned long long)t->options.memory_limit);
        return ag_inert(t);
    }
    const ag_layout *l = ag_layout_new(t, d, s);
    void *data = l ? ag_scratch(t, (size_t)size * ag_dtype_size(d)) : NULL;
    if (!data)
        return ag_inert(t);
    *a = ag_layout_array(l, data);
    if (d == AG_F64 && s.rank == 0)
        return ag_scalar_new(t, AG_OP_CONSTANT, 0);
    return ag_node_new(t, AG_OP_CONSTANT, l, data, NULL, 0, false);
}

ag_tensor ag_settled(ag_tensor x, const ag_array *a)
{
    if (x.id && !(x.id & AG_TAG_RANKED))
        x.tape->records[x.id].value = *(double *)a->data;
    return x;
}

static ag_tensor filled(ag_tape *t, ag_dtype d, ag_shape s, double v, const char *who)
{
    ag_array a;
    ag_tensor x = ag_fresh(t, d, s, &a, who);
    if (x.id)
        ag_fill_array(&a, v);
    return ag_settled(x, &a);
}

ag_tensor ag_variable(ag_tape *t, double v)
{
    return t ? ag_scalar_new(t, AG_OP_VARIABLE, v) : ag_inert(NULL);
}

ag_tensor ag_constant(ag_tape *t, double v)
{
    return t ? ag_scalar_new(t, AG_OP_CONSTANT, v) : ag_inert(NULL);
}

ag_tensor ag_empty(ag_tape *t, ag_dtype d, ag_shape s)
{
    ag_array a;
    return ag_fresh(t, d, s, &a, "ag_empty");
}

ag_tensor ag_zeros(ag_tape *t, ag_dtype d, ag_shape s)
{
    return filled(t, d, s, 0, "ag_zeros");
}

ag_tensor ag_ones(ag_tape *t, ag_dtype d, ag_shape s)
{
    return filled(t, d, s, 1, "ag_ones");
}

ag_tensor ag_full(ag_tape *t, ag_dtype d, ag_shape s, double v)
{
    return filled(t, d, s, v, "ag_full");
}

/* ---- from numbers of the caller's */

ag_tensor ag_values(ag_tape *t, ag_shape s, const double *v, size_t count)
{
    ag_array a;
    char text[128];
    if (!t)
        return ag_inert(NULL);
    if (!v && count) {
        ag_fail(t, AG_ENULL, "ag_values: the numbers are NULL");
        return ag_inert(t);
    }
    if (ag_shape_size(s) >= 0 && (uint64_t)ag_shape_size(s) != count) {
        ag_fail(t, AG_ESHAPE, "ag_values: shape %s takes %lld numbers, but %zu are given",
                ag_shape_text(s, text, sizeof text), (long long)ag_shape_size(s), count);
        return ag_inert(t);
    }
    ag_tensor x = ag_fresh(t, AG_FLOAT, s, &a, "ag_values");
    if (!x.id)
        return x;
    ag_array from = a;
    from.dtype = AG_F64;
    from.data = (void *)(uintptr_t)v;
    ag_copy_array(&a, &from, false, t->options.threads);
    return ag_settled(x, &a);
}

/* bytes must be those of the shape */
static bool fits(ag_tape *t, ag_dtype d, ag_shape s, const void *data, size_t bytes, const char *who)
{
    int64_t size = ag_shape_size(s);
    char text[128];
    if (!t)
        return false;
    if (size >= 0 && ag_dtype_size(ag_real_dtype(t, d)) && bytes / ag_dtype_size(ag_real_dtype(t, d)) != (uint64_t)size)
        return ag_fail(t, AG_EARG, "%s: %zu bytes given, but shape %s of %s takes %lld elements of %zu bytes", who,
                       bytes, ag_shape_text(s, text, sizeof text), ag_dtype_name(ag_real_dtype(t, d)), (long long)size,
                       ag_dtype_size(ag_real_dtype(t, d))),
               false;
    if (size >= 0 && ag_dtype_size(ag_real_dtype(t, d)) && bytes % ag_dtype_size(ag_real_dtype(t, d)))
        return ag_fail(t, AG_EARG, "%s: %zu bytes are no whole number of elements", who, bytes), false;
    if (!data && bytes)
        return ag_fail(t, AG_ENULL, "%s: the memory is NULL", who), false;
    return true;
}

static ag_tensor copied(ag_tape *t, ag_dtype d, ag_shape s, const void *data, size_t bytes, const char *who)
{
    ag_array a;
    ag_tensor x = ag_fresh(t, d, s, &a, who);
    if (x.id && bytes)
        memcpy(a.data, data, bytes);
    return ag_settled(x, &a);
}

ag_tensor ag_from(ag_tape *t, ag_dtype d, ag_shape s, const void *data, size_t bytes)
{
    return fits(t, d, s, data, bytes, "ag_from") ? copied(t, d, s, data, bytes, "ag_from") : ag_inert(t);
}

#ifdef AG_DEBUG
static uint64_t hash_of(const unsigned char *p, size_t bytes) /* FNV-1a */
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

static bool remember(ag_tape *t, uint32_t index, const void *data, size_t bytes)
{
    if (!ag_grow(t, (void **)&t->wrapped, &t->wrapped_capacity, sizeof *t->wrapped, (uint64_t)t->wrapped_count + 1))
        return false;
    t->wrapped[t->wrapped_count++] = (ag_wrapped){ data, bytes, hash_of(data, bytes), index };
    return true;
}

void ag_check_wrapped(ag_tape *t)
{
    for (uint32_t i = 0; i < t->wrapped_count; i++)
        if (hash_of(t->wrapped[i].data, t->wrapped[i].bytes) != t->wrapped[i].hash)
            ag_fail(t, AG_EUSE, "ag_wrap: %zu bytes of wrapped memory were changed before the reset",
                    t->wrapped[i].bytes);
    t->wrapped_count = 0;
}
#else
static bool remember(const ag_tape *t, uint32_t index, const void *data, size_t bytes)
{
    (void)index;
    (void)data;
    (void)bytes;
    return t;
}

void ag_check_wrapped(ag_tape *t)
{
    (void)t;
}
#endif

ag_tensor ag_wrap(ag_tape *t, ag_dtype d, ag_shape s, const void *data, size_t bytes)
{
    if (!fits(t, d, s, data, bytes, "ag_wrap"))
        return ag_inert(t);
    d = ag_real_dtype(t, d);
    if ((uintptr_t)data % (ag_dtype_size(d) ? ag_dtype_size(d) : 1)) {
        ag_fail(t, AG_EARG, "ag_wrap: the memory is not aligned for %s", ag_dtype_name(d));
        return ag_inert(t);
    }
    if (s.rank == 0 || ag_shape_size(s) <= 0 || !ag_dtype_size(d))
        return copied(t, d, s, data, bytes, "ag_wrap"); /* nothing that would be worth sharing, or an error */
    const ag_layout *l = ag_layout_new(t, d, s);
    ag_tensor x = l ? ag_node_new(t, AG_OP_CONSTANT, l, (void *)(uintptr_t)data, NULL, 0, false) : ag_inert(t);
    if (!x.id)
        return x;
    ag_node_at(t, x.id)->flags |= AG_NODE_READONLY;
    return remember(t, AG_INDEX(x.id), data, bytes) ? x : ag_inert(t);
}

/* ---- sequences, computed in f64 */

/* The array itself if it is f64, else f64 memory of its shape; data NULL: no memory. */
static ag_array doubles(ag_tape *t, const ag_array *a)
{
    ag_array numbers = *a;
    numbers.dtype = AG_F64;
    if (a->dtype != AG_F64)
        numbers.data = ag_scratch(t, (size_t)ag_array_size(a) * sizeof(double));
    return numbers;
}

static ag_tensor converted(ag_tensor x, const ag_array *a, const ag_array *numbers)
{
    if (numbers->data != a->data)
        ag_copy_array(a, numbers, false, x.tape->options.threads);
    return x;
}

ag_tensor ag_arange(ag_tape *t, ag_dtype d, double low, double high, double step)
{
    ag_array a;
    if (!t || !is_dtype(t, d, "ag_arange"))
        return ag_inert(t);
    double count = ceil((high - low) / step);
    if (!(step != 0) || !isfinite(count) || count > 1e18) {
        ag_fail(t, AG_EARG, "ag_arange: no sequence goes from %g to %g in steps of %g", low, high, step);
        return ag_inert(t);
    }
    ag_tensor x = ag_fresh(t, d, AG_SHAPE(count > 0 ? (int64_t)count : 0), &a, "ag_arange");
    ag_array numbers = x.id ? doubles(t, &a) : (ag_array){ 0 };
    if (!numbers.data)
        return ag_inert(t);
    for (int64_t i = 0; i < ag_array_size(&a); i++)
        ((double *)numbers.data)[i] = low + (double)i * step;
    return converted(x, &a, &numbers);
}

ag_tensor ag_linspace(ag_tape *t, ag_dtype d, double low, double high, int64_t count)
{
    ag_array a;
    if (!t || !is_dtype(t, d, "ag_linspace"))
        return ag_inert(t);
    ag_tensor x = ag_fresh(t, d, AG_SHAPE(count), &a, "ag_linspace");
    ag_array numbers = x.id ? doubles(t, &a) : (ag_array){ 0 };
    if (!numbers.data)
        return ag_inert(t);
    for (int64_t i = 0; i < count; i++) {
        double from_low = low + (high - low) * (double)i / (double)(count - 1);
        ((double *)numbers.data)[i] = i == 0 ? low : i == count - 1 ? high : from_low;
    }
    return converted(x, &a, &numbers);
}

ag_tensor ag_eye(ag_tape *t, ag_dtype d, int64_t n)
{
    ag_array a;
    ag_tensor x = ag_fresh(t, d, AG_SHAPE(n, n), &a, "ag_eye");
    if (!x.id)
        return x;
    ag_fill_array(&a, 0);
    ag_array diagonal = { .data = a.data, .dtype = a.dtype, .shape = AG_SHAPE(n), .stride = { n + 1 } };
    ag_fill_array(&diagonal, 1);
    return x;
}

/* ---- sharing the values of another tensor */

static ag_tensor shared(ag_tensor x, uint32_t op, const char *who)
{
    ag_tape *t = x.tape;
    if (!t)
        return ag_inert(NULL);
    uint32_t id = ag_resolve(t, x, who, 0);
    if (!id)
        return ag_inert(t);
    ag_node *d = ag_node_or_null(t, id);
    if (ag_is_number(d))
        return ag_scalar_new(t, op, t->records[id].value);
    if (op == AG_OP_VARIABLE && !ag_is_float(d->layout->dtype)) {
        ag_fail(t, AG_EDTYPE, "%s: only floating tensors have gradients, not %s", who, ag_dtype_name(d->layout->dtype));
        return ag_inert(t);
    }
    uint32_t owner = d->owner;
    ag_tensor y = ag_node_new(t, op, d->layout, d->data, NULL, 0, op == AG_OP_VARIABLE);
    if (y.id)
        ag_node_at(t, y.id)->owner = owner;
    return y;
}

ag_tensor ag_require_grad(ag_tensor x)
{
    return shared(x, AG_OP_VARIABLE, "ag_require_grad");
}

ag_tensor ag_detach(ag_tensor x)
{
    return shared(x, AG_OP_CONSTANT, "ag_detach");
}
