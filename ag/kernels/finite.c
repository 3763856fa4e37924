/* Looking for values that are not finite, and for zeros. */
#include "ag/kernels/kernels.h"

/* A block is tested as a whole, which is done on vectors: infinities and NaNs have all bits of the exponent. */
#define AG_FIND(name, type, bits, exponent)                     \
    static int64_t name(const type *x, int64_t from, int64_t n) \
    {                                                           \
        enum { BLOCK = 1024 };                                  \
        for (int64_t i = from, end; i < n; i = end) {           \
            bits any = 0;                                       \
            end = n - i < BLOCK ? n : i + BLOCK;                \
            for (int64_t k = i; k < end; k++) {                 \
                bits b;                                         \
                memcpy(&b, &x[k], sizeof b);                    \
                any |= (bits)((b & (exponent)) == (exponent));  \
            }                                                   \
            for (int64_t k = i; any && k < end; k++)            \
                if (!ag_is_finite((double)x[k]))                \
                    return k;                                   \
        }                                                       \
        return -1;                                              \
    }
AG_FIND(find_f32, float, uint32_t, 0x7f800000u)
AG_FIND(find_f64, double, uint64_t, 0x7ff0000000000000u)

const char *ag_nonfinite_text(double x)
{
    return x != x ? "nan" : x > 0 ? "inf" : "-inf";
}

int64_t ag_find_nonfinite(const ag_array *a, int64_t from)
{
    const int64_t n = ag_array_size(a);
    if (!ag_is_float(a->dtype))
        return -1;
    if (ag_array_is_dense(a))
        return a->dtype == AG_F32 ? find_f32(a->data, from, n) : find_f64(a->data, from, n);
    for (int64_t i = from; i < n; i++)
        if (!ag_is_finite(ag_array_get(a, i)))
            return i;
    return -1;
}

/* Is there a zero in the row? */
#define AG_ZERO(name, type)                               \
    static void name(const ag_walk_row *w, void *context) \
    {                                                     \
        const type *x = w->data[0];                       \
        const int64_t step = w->stride[0];                \
        bool *found = context, any = false;               \
        for (int64_t i = 0; i < w->n && step == 1; i++)   \
            any |= x[i] == 0;                             \
        for (int64_t i = 0; i < w->n && step != 1; i++)   \
            any |= x[i * step] == 0;                      \
        *found |= any;                                    \
    }
AG_ZERO(zero_i32, int32_t)
AG_ZERO(zero_i64, int64_t)
AG_ZERO(zero_u8, uint8_t)

int64_t ag_find_zero(const ag_array *a)
{
    bool found = false;
    int64_t i = 0;
    ag_walk(a->shape, 1, &a, a->dtype == AG_I32 ? zero_i32 : a->dtype == AG_I64 ? zero_i64 : zero_u8, &found, 1);
    while (found && ag_array_get_integer(a, i) != 0)
        i++;
    return found ? i : -1;
}
