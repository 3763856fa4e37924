/* Packing by a mask. Nobody can foretell a random one, so nothing here branches on it: with AVX-512 a vector of elements
 * at a time, of which as many are stored or loaded as are chosen; else one by one. */
#include "ag/kernels/pack.h"

#if defined __AVX512VL__ && defined __AVX512BW__
#include <immintrin.h>

/* Of 16 or 8 bytes, which are not 0. */
static inline uint32_t chosen_32(const uint8_t *mask)
{
    const __m128i m = _mm_loadu_si128((const __m128i *)(const void *)mask);
    return _mm_test_epi8_mask(m, m);
}
static inline uint32_t chosen_64(const uint8_t *mask)
{
    const __m128i m = _mm_loadl_epi64((const __m128i *)(const void *)mask);
    return _mm_test_epi8_mask(m, m);
}

/* Whole vectors: the number of elements that are done, and in *k how many of them were chosen. */
#define WHOLE(bits, lanes)                                                                                           \
    static int64_t pack_whole_##bits(uint##bits##_t *to, int64_t room, const uint##bits##_t *x, const uint8_t *mask, \
                                     int64_t n, int64_t *k)                                                          \
    {                                                                                                                \
        int64_t i = 0;                                                                                               \
        for (; i + lanes <= n; i += lanes) {                                                                         \
            const uint32_t c = chosen_##bits(mask + i);                                                              \
            const int count = __builtin_popcount(c);                                                                 \
            if (*k + count > room)                                                                                   \
                break;                                                                                               \
            const __m512i v = _mm512_maskz_compress_epi##bits((__mmask##lanes)c, _mm512_loadu_si512(x + i));         \
            _mm512_mask_storeu_epi##bits(to + *k, (__mmask##lanes)((1u << count) - 1), v);                           \
            *k += count;                                                                                             \
        }                                                                                                            \
        return i;                                                                                                    \
    }                                                                                                                \
    static int64_t unpack_whole_##bits(uint##bits##_t *to, const uint##bits##_t *other, const uint##bits##_t *from,  \
                                       int64_t count, const uint8_t *mask, int64_t n, int64_t *k)                    \
    {                                                                                                                \
        int64_t i = 0;                                                                                               \
        for (; i + lanes <= n; i += lanes) {                                                                         \
            const uint32_t c = chosen_##bits(mask + i);                                                              \
            const int now = __builtin_popcount(c);                                                                   \
            if (*k + now > count)                                                                                    \
                break;                                                                                               \
            const __m512i v = _mm512_maskz_loadu_epi##bits((__mmask##lanes)((1u << now) - 1), from + *k);            \
            const __m512i rest = other ? _mm512_loadu_si512(other + i) : _mm512_setzero_si512();                     \
            _mm512_storeu_si512(to + i, _mm512_mask_expand_epi##bits(rest, (__mmask##lanes)c, v));                   \
            *k += now;                                                                                               \
        }                                                                                                            \
        return i;                                                                                                    \
    }
WHOLE(32, 16)
WHOLE(64, 8)
#else
#define NONE(bits)                                                                                                   \
    static int64_t pack_whole_##bits(uint##bits##_t *to, int64_t room, const uint##bits##_t *x, const uint8_t *mask, \
                                     int64_t n, int64_t *k)                                                          \
    {                                                                                                                \
        (void)to, (void)room, (void)x, (void)mask, (void)n, (void)k;                                                 \
        return 0;                                                                                                    \
    }                                                                                                                \
    static int64_t unpack_whole_##bits(uint##bits##_t *to, const uint##bits##_t *other, const uint##bits##_t *from,  \
                                       int64_t count, const uint8_t *mask, int64_t n, int64_t *k)                    \
    {                                                                                                                \
        (void)to, (void)other, (void)from, (void)count, (void)mask, (void)n, (void)k;                                \
        return 0;                                                                                                    \
    }
NONE(32)
NONE(64)
#endif

/* One by one, from place i on: every element is written where the next chosen one belongs. */
#define EACH(bits)                                                                                                     \
    static int64_t pack_##bits(uint##bits##_t *to, int64_t room, const uint##bits##_t *x, const uint8_t *mask,         \
                               int64_t i, int64_t n, int64_t k)                                                        \
    {                                                                                                                  \
        for (; i < n && k < room; i++) {                                                                               \
            to[k] = x[i];                                                                                              \
            k += mask[i] != 0;                                                                                         \
        }                                                                                                              \
        return k;                                                                                                      \
    }                                                                                                                  \
    static int64_t unpack_##bits(uint##bits##_t *to, const uint##bits##_t *other, const uint##bits##_t *from,          \
                                 int64_t count, const uint8_t *mask, int64_t i, int64_t n, int64_t k)                  \
    {                                                                                                                  \
        for (; i < n && k < count; i++) {                                                                              \
            const uint##bits##_t all = (uint##bits##_t) - (uint##bits##_t)(mask[i] != 0), rest = other ? other[i] : 0; \
            to[i] = (uint##bits##_t)((from[k] & all) | (rest & (uint##bits##_t) ~all));                                \
            k += mask[i] != 0;                                                                                         \
        }                                                                                                              \
        for (; i < n; i++)                                                                                             \
            to[i] = other ? other[i] : 0;                                                                              \
        return k;                                                                                                      \
    }
EACH(8)
EACH(32)
EACH(64)

int64_t ag_pack(void *to, int64_t room, const void *x, const uint8_t *mask, int64_t n, size_t size)
{
    int64_t k = 0, i = 0;
    if (size == 1)
        return pack_8(to, room, x, mask, i, n, k);
    i = size == 4 ? pack_whole_32(to, room, x, mask, n, &k) : pack_whole_64(to, room, x, mask, n, &k);
    return size == 4 ? pack_32(to, room, x, mask, i, n, k) : pack_64(to, room, x, mask, i, n, k);
}

int64_t ag_unpack(void *to, const void *other, const void *from, int64_t count, const uint8_t *mask, int64_t n,
                  size_t size)
{
    int64_t k = 0, i = 0;
    if (size == 1)
        return unpack_8(to, other, from, count, mask, i, n, k);
    i = size == 4 ? unpack_whole_32(to, other, from, count, mask, n, &k)
                  : unpack_whole_64(to, other, from, count, mask, n, &k);
    return size == 4 ? unpack_32(to, other, from, count, mask, i, n, k)
                     : unpack_64(to, other, from, count, mask, i, n, k);
}
