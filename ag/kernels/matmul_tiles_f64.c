#define REAL double
#define TILE ag_tile_f64
#if defined(__AVX512F__)
#define LOAD_SOME(from, mask) (lanes) _mm512_maskz_loadu_pd(mask, from)
#define STORE_SOME(to, mask, v) _mm512_mask_storeu_pd(to, mask, (__m512d)(v))
#define MASK __mmask8
#elif defined(__AVX2__)
#define LOAD_SOME(from, mask) (lanes) _mm256_maskload_pd(from, mask)
#define STORE_SOME(to, mask, v) _mm256_maskstore_pd(to, mask, (__m256d)(v))
#define COUNTS     \
    (__v4di)       \
    {              \
        0, 1, 2, 3 \
    }
#endif
#include "ag/kernels/matmul_tiles.inc"
