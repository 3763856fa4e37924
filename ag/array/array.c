/* Arrays: an address with a dtype, a shape and strides. */
#include "ag/array/array.h"

/* ---- dtypes */

size_t ag_dtype_size(ag_dtype d)
{
    static const size_t sizes[] = { 0, 4, 8, 4, 8, 1 };
    return (unsigned)d < sizeof sizes / sizeof *sizes ? sizes[d] : 0;
}

const char *ag_dtype_name(ag_dtype d)
{
    static const char *const names[] = { "float", "f32", "f64", "i32", "i64", "u8" };
    return (unsigned)d < sizeof names / sizeof *names ? names[d] : "unknown dtype";
}

/* ---- strides */

void ag_array_dense(ag_array *a)
{
    int64_t stride = 1;
    bool any = ag_array_size(a) > 0; /* of an array without elements the extents' product may overflow */
    for (int i = a->shape.rank - 1; i >= 0; i--) {
        a->stride[i] = stride;
        if (any)
            stride *= a->shape.dim[i];
    }
}

bool ag_array_is_dense(const ag_array *a)
{
    int64_t stride = 1;
    if (ag_array_size(a) == 0)
        return true;
    for (int i = a->shape.rank - 1; i >= 0; i--) {
        if (a->shape.dim[i] != 1 && a->stride[i] != stride)
            return false;
        stride *= a->shape.dim[i];
    }
    return true;
}

int64_t ag_array_size(const ag_array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->shape.rank; i++)
        if (a->shape.dim[i] == 0)
            return 0;
    for (int i = 0; i < a->shape.rank; i++)
        n *= a->shape.dim[i];
    return n;
}

ag_array ag_array_expand(const ag_array *a, ag_shape to)
{
    ag_array e = { .data = a->data, .dtype = a->dtype, .shape = to };
    for (int i = 1; i <= to.rank; i++) {
        int from = a->shape.rank - i;
        bool spread = from < 0 || (a->shape.dim[from] == 1 && to.dim[to.rank - i] != 1);
        e.stride[to.rank - i] = spread ? 0 : a->stride[from];
    }
    return e;
}

ag_array ag_dense_array(ag_shape shape, ag_dtype d, const void *data)
{
    ag_array a = { .data = (void *)(uintptr_t)data, .dtype = d, .shape = shape };
    ag_array_dense(&a);
    return a;
}

/* ---- elements */

static double get(const ag_array *a, int64_t at)
{
    switch (a->dtype) {
    case AG_F32:
        return ((const float *)a->data)[at];
    case AG_I32:
        return ((const int32_t *)a->data)[at];
    case AG_I64:
        return (double)((const int64_t *)a->data)[at];
    case AG_U8:
        return ((const uint8_t *)a->data)[at];
    default:
        return ((const double *)a->data)[at];
    }
}

static int64_t place_of(const ag_array *a, int64_t i)
{
    int64_t at = 0;
    for (int k = a->shape.rank - 1; k >= 0; k--) {
        at += i % a->shape.dim[k] * a->stride[k];
        i /= a->shape.dim[k];
    }
    return at;
}

double ag_array_get(const ag_array *a, int64_t i)
{
    return get(a, place_of(a, i));
}

int64_t ag_array_get_integer(const ag_array *a, int64_t i)
{
    const int64_t at = place_of(a, i);
    return a->dtype == AG_I64   ? ((const int64_t *)a->data)[at]
           : a->dtype == AG_I32 ? ((const int32_t *)a->data)[at]
                                : ((const uint8_t *)a->data)[at];
}
