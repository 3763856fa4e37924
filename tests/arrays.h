/* Strided arrays of any dtype for tests of the kernels, read and written one element at a time. */
#ifndef TESTS_ARRAYS_H
#define TESTS_ARRAYS_H

#include "ag/record/record.h"

#include "tests/support.h"

#include <float.h>
#include <limits.h>

enum { GUARD = 16 };

static UNUSED const ag_dtype dtypes[] = { AG_F32, AG_F64, AG_I32, AG_I64, AG_U8 };

static uint64_t state;

static UNUSED uint64_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static UNUSED int64_t below(int64_t bound)
{
    return (int64_t)(next_random() % (uint64_t)bound);
}

static UNUSED double real(void) /* in [-1, 1), with all bits in use, so that sums are rounded */
{
    uint64_t high = next_random();
    return (double)(high << 31 | next_random()) * 0x1p-61 - 1;
}

/* ---- arrays in memory of their own, between guard cells */

typedef struct block {
    ag_array a;
    unsigned char *memory;
    size_t bytes;
} block;

static UNUSED int64_t *order_of(int rank)
{
    static int64_t order[AG_MAX_RANK];
    for (int i = 0; i < rank; i++)
        order[i] = i;
    for (int i = rank - 1; i > 0; i--) {
        int64_t k = below(i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    return order;
}

/* Elements in a random order of dimensions, with gaps, some backwards; with `spread` some dimensions have stride 0. */
static UNUSED block make(ag_dtype d, ag_shape s, bool plain, bool spread)
{
    block b = { .a = { .dtype = d, .shape = s } };
    size_t size = ag_dtype_size(d);
    int64_t reach = 1, first = 0, *order = order_of(s.rank);
    ag_array_dense(&b.a);
    if (plain)
        reach = ag_array_size(&b.a);
    for (int i = 0; !plain && i < s.rank; i++) {
        int64_t k = order[i], extent = s.dim[k] > 0 ? s.dim[k] : 1;
        b.a.stride[k] = below(3) ? reach : reach + below(3);
        if (spread && below(4) == 0) {
            b.a.stride[k] = 0;
            continue;
        }
        reach = b.a.stride[k] * (extent - 1) + reach;
        if (below(6) == 0) {
            first += b.a.stride[k] * (extent - 1);
            b.a.stride[k] = -b.a.stride[k];
        }
    }
    b.bytes = ((size_t)reach + 2 * GUARD) * size;
    b.memory = malloc(b.bytes);
    assert_non_null(b.memory);
    memset(b.memory, 0x5a, b.bytes);
    b.a.data = b.memory + ((size_t)first + GUARD) * size;
    return b;
}

static UNUSED block copy_of(const block *b)
{
    block c = *b;
    c.memory = malloc(b->bytes);
    assert_non_null(c.memory);
    memcpy(c.memory, b->memory, b->bytes);
    c.a.data = c.memory + ((unsigned char *)b->a.data - b->memory);
    return c;
}

/* Where element i, counted row-major, lies. */
static UNUSED void *place(const ag_array *a, int64_t i)
{
    int64_t at = 0;
    if (ag_array_is_dense(a))
        return (char *)a->data + i * (int64_t)ag_dtype_size(a->dtype);
    for (int d = a->shape.rank - 1; d >= 0; d--) {
        at += i % a->shape.dim[d] * a->stride[d];
        i /= a->shape.dim[d];
    }
    return (char *)a->data + at * (int64_t)ag_dtype_size(a->dtype);
}

static UNUSED long double get(const ag_array *a, int64_t i)
{
    const void *p = place(a, i);
    switch (a->dtype) {
    case AG_F32:
        return *(const float *)p;
    case AG_F64:
        return *(const double *)p;
    case AG_I32:
        return *(const int32_t *)p;
    case AG_I64:
        return *(const int64_t *)p;
    default:
        return *(const uint8_t *)p;
    }
}

static UNUSED long double limited(long double v, long double low, long double high)
{
    return v != v ? 0 : v < low ? low : v > high ? high : truncl(v);
}

/* The value as dtype d holds it, by way of long double, in which every element is exact. */
static UNUSED long double converted(long double v, ag_dtype d)
{
    switch (d) {
    case AG_F32:
        return (float)v;
    case AG_F64:
        return (double)v;
    case AG_I32:
        return limited(v, INT32_MIN, INT32_MAX);
    case AG_I64:
        return limited(v, (long double)INT64_MIN, (long double)INT64_MAX);
    default:
        return limited(v, 0, UINT8_MAX);
    }
}

static UNUSED void put(const ag_array *a, int64_t i, long double v)
{
    void *p = place(a, i);
    v = converted(v, a->dtype);
    switch (a->dtype) {
    case AG_F32:
        *(float *)p = (float)v;
        break;
    case AG_F64:
        *(double *)p = (double)v;
        break;
    case AG_I32:
        *(int32_t *)p = (int32_t)v;
        break;
    case AG_I64:
        *(int64_t *)p = (int64_t)v;
        break;
    default:
        *(uint8_t *)p = (uint8_t)v;
    }
}

static UNUSED void fill_with(const ag_array *a, long double (*value)(void))
{
    for (int64_t i = 0; i < ag_array_size(a); i++)
        put(a, i, value());
}

static UNUSED long double any_value(void)
{
    static const long double special[] = {
        NAN,    INFINITY, -INFINITY,  0,          -0.0L,          0.999L, -0.999L, 255,    255.5L,    -1,    1e30L,
        -1e30L, 1e300L,   2147483647, 2147483648, -2147483648.0L, 0x1p63, -0x1p63, 0x1p62, -0x1.8p62, -2.5L, 1e-320L
    };
    int64_t k = below(3 * (int64_t)(sizeof special / sizeof *special));
    return k < (int64_t)(sizeof special / sizeof *special) ? special[k] : 1000 * real();
}

static UNUSED long double small_integer(void)
{
    return (long double)(below(17) - 8);
}

static UNUSED long double any_real(void)
{
    return real();
}

static UNUSED ag_shape any_shape(int rank, int64_t most)
{
    ag_shape s = { .rank = rank };
    for (int i = 0; i < rank; i++)
        s.dim[i] = 1 + below(most);
    return s;
}

static UNUSED void assert_same(const block *a, const block *b)
{
    assert_int_equal(a->bytes, b->bytes);
    assert_memory_equal(a->memory, b->memory, a->bytes);
}

/* ---- reductions */

static UNUSED ag_shape reduced_shape(ag_shape s, unsigned mask)
{
    for (int d = 0; d < s.rank; d++)
        if (mask >> d & 1)
            s.dim[d] = 1;
    return s;
}

/* The element of `to` that belongs to element i of from. */
static UNUSED int64_t result_of(const ag_array *to, const ag_array *from, int64_t i)
{
    int64_t index[AG_MAX_RANK] = { 0 }, at = 0;
    for (int d = from->shape.rank - 1; d >= 0; d--) {
        index[d] = i % from->shape.dim[d];
        i /= from->shape.dim[d];
    }
    for (int d = 0; d < to->shape.rank; d++)
        at = at * to->shape.dim[d] + (to->shape.dim[d] == 1 ? 0 : index[d]);
    return at;
}

#endif
