/* Random numbers against the published words of Philox, their specification and their distributions. */
#include "tests/arrays.h"

static void reference_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t w[4])
{
    uint32_t c[4], k[2] = { key[0], key[1] };
    memcpy(c, counter, sizeof c);
    for (int r = 0; r < 10; r++) {
        uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
        uint32_t n[4] = { (uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k[1],
                          (uint32_t)a };
        memcpy(c, n, sizeof c);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    memcpy(w, c, sizeof c);
}

static void reference_words(uint64_t seed, uint64_t call, uint64_t i, uint32_t w[4])
{
    const uint32_t counter[4] = { (uint32_t)i, (uint32_t)(i >> 32), (uint32_t)call, (uint32_t)(call >> 32) };
    reference_philox(counter, (const uint32_t[2]){ (uint32_t)seed, (uint32_t)(seed >> 32) }, w);
}

/* From Random123's file of known answers. */
static void philox_gives_the_published_words(void **unused)
{
    (void)unused;
    static const uint32_t known[3][10] = { { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
                                           { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                             0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
                                           { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
                                             0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } };
    for (int k = 0; k < 3; k++) {
        const uint32_t *v = known[k];
        uint32_t w[4];
        reference_philox(v, v + 4, w);
        assert_memory_equal(w, v + 6, sizeof w);
        uint64_t i = (uint64_t)v[1] << 32 | v[0], call = (uint64_t)v[3] << 32 | v[2],
                 seed = (uint64_t)v[5] << 32 | v[4];
        assert_true(ag_random_bits(seed, call, i) == ((uint64_t)v[6] << 32 | v[7]));
    }
}

static long double upper_53(uint32_t high, uint32_t low)
{
    return (long double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53L;
}

static void random_elements_are_as_specified(void **unused)
{
    (void)unused;
    enum { N = 1000 };
    static double u[N], z[N];
    static float uf[N], zf[N];
    state = 11;
    for (int k = 0; k < 50; k++) {
        uint64_t seed = next_random() << 31 ^ next_random(), call = next_random() << 31 ^ next_random();
        int64_t n = 1 + below(N);
        ag_random_uniform(AG_F64, u, n, seed, call, 0, 1, 1);
        ag_random_uniform(AG_F32, uf, n, seed, call, 0, 1, 1);
        ag_random_normal(AG_F64, z, n, seed, call, 0, 1, 1);
        ag_random_normal(AG_F32, zf, n, seed, call, 3, 2, 1);
        for (int64_t i = 0; i < n; i++) {
            uint32_t w[4];
            reference_words(seed, call, (uint64_t)i, w);
            assert_true(u[i] == (double)upper_53(w[0], w[1]));
            assert_true(uf[i] == (float)(w[0] >> 8) * 0x1p-24f);
            long double radius = sqrtl(-2 * logl(upper_53(w[0], w[1]) + 0x1p-53L));
            long double wanted = radius * cosl(6.283185307179586476925286766559L * upper_53(w[2], w[3]));
            assert_true(fabsl(z[i] - wanted) <= 4 * DBL_EPSILON * radius);
            assert_true(zf[i] == (float)(3 + 2 * z[i]));
        }
    }
}

static void random_numbers_depend_on_no_thread_and_no_size(void **unused)
{
    (void)unused;
    enum { N = 200003 };
    double *one = malloc(N * sizeof *one), *many = malloc(N * sizeof *many);
    for (int k = 0; k < 4; k++) {
        ag_dtype d = k & 1 ? AG_F32 : AG_F64;
        void (*make_numbers)(ag_dtype, void *, int64_t, uint64_t, uint64_t, double, double, int) =
            k < 2 ? ag_random_uniform : ag_random_normal;
        make_numbers(d, one, N, 5, 6, 1, 2, 1);
        for (int threads = 2; threads <= 5; threads++) {
            memset(many, 0, N * sizeof *many);
            make_numbers(d, many, N, 5, 6, 1, 2, threads);
            assert_memory_equal(one, many, N * ag_dtype_size(d));
        }
        make_numbers(d, many, 77, 5, 6, 1, 2, 1);
        assert_memory_equal(one, many, 77 * ag_dtype_size(d));
        make_numbers(d, many, N, 5, 7, 1, 2, 1);
        assert_true(memcmp(one, many, N * ag_dtype_size(d)) != 0);
        make_numbers(d, many, N, 4, 6, 1, 2, 1);
        assert_true(memcmp(one, many, N * ag_dtype_size(d)) != 0);
    }
    free(one);
    free(many);
}

static void uniform_numbers_stay_in_their_interval(void **unused)
{
    (void)unused;
    enum { N = 20000 };
    static double x[N];
    static float f[N];
    const double intervals[][2] = {
        { 0, 1 },        { -0.1, 0.1 }, { 1, 1 + DBL_EPSILON },    { 1, 1 + 3 * DBL_EPSILON },
        { 0.1, 0.3 },    { -1e-40, 0 }, { 1e30, 1.0000001e30 },    { 1, 1 + 1.5 * FLT_EPSILON },
        { -3e38, 3e38 }, { 0, 5e-324 }, { 16777215.3, 16777217.9 }
    };
    for (size_t k = 0; k < sizeof intervals / sizeof *intervals; k++) {
        double low = intervals[k][0], high = intervals[k][1];
        ag_random_uniform(AG_F64, x, N, 1, k, low, high, 1);
        ag_random_uniform(AG_F32, f, N, 1, k, low, high, 1);
        bool narrow = nextafterf((float)low, INFINITY) >= (float)high; /* perhaps no f32 lies inside */
        for (int i = 0; i < N; i++) {
            assert_true(x[i] >= low && x[i] < high);
            if (!narrow)
                assert_true((double)f[i] >= low && (double)f[i] < high);
        }
    }
}

static void random_numbers_have_their_distribution(void **unused)
{
    (void)unused;
    enum { N = 1 << 20, BINS = 64 };
    double *x = malloc(N * sizeof *x), moments[5] = { 0 }, neighbours = 0;
    int bins[BINS] = { 0 };
    ag_random_normal(AG_F64, x, N, 2024, 1, 0, 1, 2);
    for (int i = 0; i < N; i++) {
        double p = 1;
        for (int k = 1; k < 5; k++)
            moments[k] += p *= x[i];
        neighbours += i ? x[i] * x[i - 1] : 0;
        bins[(int)(BINS * 0.5 * erfc(-x[i] * sqrt(0.5)))]++;
    }
    double root = sqrt((double)N), chi = 0; /* five standard deviations each */
    assert_true(fabs(moments[1] / N) < 5 / root);
    assert_true(fabs(moments[2] / N - 1) < 5 * sqrt(2) / root);
    assert_true(fabs(moments[3] / N) < 5 * sqrt(15) / root);
    assert_true(fabs(moments[4] / N - 3) < 5 * sqrt(96) / root);
    assert_true(fabs(neighbours / N) < 5 / root);
    for (int b = 0; b < BINS; b++) {
        double off = bins[b] - (double)N / BINS;
        chi += off * off * BINS / N;
        bins[b] = 0;
    }
    assert_true(chi > 20 && chi < 125); /* 63 degrees of freedom */
    ag_random_uniform(AG_F64, x, N, 2024, 2, -1, 3, 2);
    double mean = 0, square = 0;
    for (int i = 0; i < N; i++) {
        mean += x[i];
        square += (x[i] - 1) * (x[i] - 1);
        bins[(int)((x[i] + 1) * (BINS / 4))]++;
    }
    assert_true(fabs(mean / N - 1) < 5 * sqrt(16.0 / 12) / root);
    assert_true(fabs(square / N - 16.0 / 12) < 5 * sqrt(16 * 16 / 180.0) / root);
    chi = 0;
    for (int b = 0; b < BINS; b++) {
        double off = bins[b] - (double)N / BINS;
        chi += off * off * BINS / N;
    }
    assert_true(chi > 20 && chi < 125);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_words),
        cmocka_unit_test(random_elements_are_as_specified),
        cmocka_unit_test(random_numbers_depend_on_no_thread_and_no_size),
        cmocka_unit_test(uniform_numbers_stay_in_their_interval),
        cmocka_unit_test(random_numbers_have_their_distribution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
