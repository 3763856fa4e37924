#define REAL float
#define TILE ag_tile_f32
#if defined(__AVX512F__)
#define LOAD_SOME(from, mask) (lanes) _mm512_maskz_loadu_ps(mask, from)
#define STORE_SOME(to, mask, v) _mm512_mask_storeu_ps(to, mask, (__m512)(v))
#define MASK __mmask16
#elif defined(__AVX2__)
#define LOAD_SOME(from, mask) (lanes) _mm256_maskload_ps(from, mask)
#define STORE_SOME(to, mask, v) _mm256_maskstore_ps(to, mask, (__m256)(v))
#define COUNTS                 \
    (__v8si)                   \
    {                          \
        0, 1, 2, 3, 4, 5, 6, 7 \
    }
#endif
#include "ag/kernels/matmul_tiles.inc"
