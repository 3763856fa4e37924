/* Views: what an op's shape rule sets must lie in its operand's memory, or is copied there. */
#include "ag/record/record.h"

/* The bytes that an array without empty dimensions spans, counted from `base`. False: no memory is as large. */
static bool find_span(const ag_array *a, const void *base, int64_t *first, int64_t *end)
{
    int64_t low = 0, high = 0, size = (int64_t)ag_bytes_of(a->dtype);
    int64_t start = (int64_t)((uintptr_t)a->data - (uintptr_t)base);
    for (int i = 0; i < a->shape.rank; i++) {
        int64_t reach, *side = a->stride[i] < 0 ? &low : &high;
        if (__builtin_mul_overflow(a->shape.dim[i] - 1, a->stride[i], &reach) ||
            __builtin_add_overflow(*side, reach, side))
            return false;
    }
    return !__builtin_mul_overflow(low, size, first) && !__builtin_add_overflow(*first, start, first) &&
           !__builtin_add_overflow(high, 1, &high) && !__builtin_mul_overflow(high, size, end) &&
           !__builtin_add_overflow(*end, start, end);
}

static bool lies_in(const ag_array *y, const ag_array *x, const ag_layout *layout)
{
    const int64_t size = (int64_t)ag_bytes_of(x->dtype);
    int64_t first = 0, end = layout->size * size, from, to;
    bool fits = layout->size > 0 && find_span(y, x->data, &from, &to);
    if (!layout->dense)
        fits = fits && find_span(x, x->data, &first, &end);
    return fits && from >= first && to <= end && (from - first) % size == 0;
}

/* There is no view of x that has y's shape: its elements, one after the other. */
static ag_status copy_elements(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_array to = *x;
    if (ag_array_size(x) != ag_array_size(y))
        return ag_call_fail(c, AG_ESHAPE, "a view that sets no data has as many elements as its operand");
    y->data = ag_scratch(c->tape, (size_t)ag_array_size(y) * ag_bytes_of(y->dtype));
    if (!y->data)
        return AG_ENOMEM;
    ag_array_dense(y);
    to.data = y->data;
    ag_array_dense(&to);
    ag_copy_array(&to, x, false, ag_call_threads(c));
    return AG_OK;
}

ag_status ag_view_settle(const ag_call *c, const ag_array *x, ag_array *y, bool *copied)
{
    *copied = false;
    if (y->dtype != x->dtype)
        return ag_call_fail(c, AG_EDTYPE, "a view has its operand's dtype, not %s", ag_dtype_name(y->dtype));
    if (ag_array_size(y) == 0) {
        y->data = x->data;
        ag_array_dense(y);
        return AG_OK;
    }
    *copied = !y->data;
    if (*copied)
        return copy_elements(c, x, y);
    return lies_in(y, x, ag_layout_at(c->tape, c->inputs[0]))
               ? AG_OK
               : ag_call_fail(c, AG_ESHAPE, "the view reaches outside its operand's memory");
}
