/* Elements of arrays, as a kernel of a user's reads and writes them. */
#include "tests/fuzz/fuzz.h"

static int64_t place_of(const ag_array *x, int64_t i)
{
    int64_t at = 0;
    for (int k = x->shape.rank - 1; k >= 0; k--) {
        at += i % x->shape.dim[k] * x->stride[k];
        i /= x->shape.dim[k];
    }
    return at;
}

double fuzz_element(const ag_array *x, int64_t i)
{
    const int64_t at = place_of(x, i);
    return x->dtype == AG_F32   ? ((const float *)x->data)[at]
           : x->dtype == AG_F64 ? ((const double *)x->data)[at]
                                : ((const uint8_t *)x->data)[at * (int64_t)ag_dtype_size(x->dtype)];
}

void fuzz_store(ag_array *y, int64_t i, double v)
{
    i = place_of(y, i); /* a gradient may lie in its tensor's order */
    if (y->dtype == AG_F32)
        ((float *)y->data)[i] = (float)v;
    else if (y->dtype == AG_F64)
        ((double *)y->data)[i] = v;
    else
        memset((char *)y->data + i * (int64_t)ag_dtype_size(y->dtype), 1, ag_dtype_size(y->dtype));
}
