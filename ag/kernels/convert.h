/* One number to another dtype. To an integer: truncated toward zero, then the nearest that it holds; NaN gives 0. */
#ifndef AG_KERNELS_CONVERT_H
#define AG_KERNELS_CONVERT_H

#include <stdint.h>

static inline int32_t ag_i32_of_real(double v)
{
    return v >= INT32_MAX ? INT32_MAX : v <= INT32_MIN ? INT32_MIN : v == v ? (int32_t)v : 0;
}

static inline int64_t ag_i64_of_real(double v)
{
    return v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : v == v ? (int64_t)v : 0;
}

static inline uint8_t ag_u8_of_real(double v)
{
    return v >= UINT8_MAX ? UINT8_MAX : v > 0 ? (uint8_t)v : 0;
}

static inline int32_t ag_i32_of_integer(int64_t v)
{
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

static inline uint8_t ag_u8_of_integer(int64_t v)
{
    return v > UINT8_MAX ? UINT8_MAX : v < 0 ? 0 : (uint8_t)v;
}

#endif
