/* Random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; 2011).
 *
 * Element i of random call n is made of the four words w of the block with counter (i low, i high, n low, n high) and
 * key (seed low, seed high). With a = the upper 53 bits of w0 w1 and b = those of w2 w3:
 *   uniform, f64: low + (high - low) a / 2^53
 *   uniform, f32: low + (high - low) (w0 >> 8) / 2^24, computed in double
 *   normal:       mean + deviation sqrt(-2 log((a + 1) / 2^53)) cos(2 pi b / 2^53), computed in double
 *   truncated:    mean + deviation z, z the number below which a normal one is with probability p + (q - p) a / 2^53, p and q
 *                 those of the bounds; mean - deviation z and bounds seen from above where these lie rather above the mean
 *   Gumbel:       location - scale log(-log((a + 1) / 2^53)), computed in double
 * Logarithm and cosine are polynomials of this file, without contraction, so that every machine gets the same bits. */
#include "ag/kernels/kernels.h"
#include <float.h>
#include <math.h>

#ifdef __clang__ /* gcc does not contract in C11 mode */
#pragma STDC FP_CONTRACT OFF
#endif

enum {
    BLOCKS = 64, /* at a time, so that the compiler makes vectors of them */
    STEPS = 2    /* of an element */
};

typedef struct words {
    uint32_t w[4][BLOCKS];
} words;

static inline __attribute__((always_inline)) void philox(uint64_t seed, uint64_t call, uint64_t first, int blocks,
                                                         words *to)
{
#pragma omp simd
    for (int i = 0; i < blocks; i++) {
        const uint64_t n = first + (uint64_t)i;
        uint64_t c0 = (uint32_t)n, c1 = n >> 32, c2 = (uint32_t)call, c3 = call >> 32;
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 10
        for (int round = 0; round < 10; round++) { /* all of them in registers */
            const uint64_t p0 = 0xD2511F53u * c0, p1 = 0xCD9E8D57u * c2;
            c0 = p1 >> 32 ^ c1 ^ k0;
            c1 = (uint32_t)p1;
            c2 = p0 >> 32 ^ c3 ^ k1;
            c3 = (uint32_t)p0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        to->w[0][i] = (uint32_t)c0;
        to->w[1][i] = (uint32_t)c1;
        to->w[2][i] = (uint32_t)c2;
        to->w[3][i] = (uint32_t)c3;
    }
}

uint64_t ag_random_bits(uint64_t seed, uint64_t call, uint64_t i)
{
    words w;
    philox(seed, call, i, 1, &w);
    return (uint64_t)w.w[0][0] << 32 | w.w[1][0];
}

/* ---- one element; these are inlined into vector loops, so they have no branches and no integers that vectors lack */

static inline double upper_53(uint32_t high, uint32_t low) /* exact, in [0, 1) */
{
    return (double)high * 0x1p-32 + (double)(int32_t)(low >> 11) * 0x1p-53;
}

static inline uint64_t bits_of(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline double real_of(uint64_t b)
{
    double x;
    memcpy(&x, &b, sizeof x);
    return x;
}

/* log u for 2^-53 <= u <= 1: u = 2^e (1 + f) with 1 + f in about [sqrt(1/2), sqrt 2), s = f / (2 + f), z = s^2,
 * log(1 + f) = 2 atanh(s) = 2 (s + s z/3 + s z^2/5 + ...). As z < 0.0295, the first term left out is below 2^-55 of the
 * whole. */
static inline double log_of(double u)
{
    const uint64_t half = 0x3fe6a09e00000000, one = 0x3ff0000000000000; /* sqrt(1/2), cut off; 1 */
    uint64_t b = bits_of(u) + (one - half);
    double e = real_of((b >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
    double f = real_of((b & 0x000fffffffffffff) + half) - 1, s = f / (2 + f), z = s * s;
    double p = 2.0 / 19;
    p = p * z + 2.0 / 17;
    p = p * z + 2.0 / 15;
    p = p * z + 2.0 / 13;
    p = p * z + 2.0 / 11;
    p = p * z + 2.0 / 9;
    p = p * z + 2.0 / 7;
    p = p * z + 2.0 / 5;
    p = p * z + 2.0 / 3;
    return e * 0x1.62e42fefa39efp-1 + (2 * s + s * z * p);
}

/* cos(2 pi v) for 0 <= v < 1: v is q quarter turns, to the nearest, and a rest of at most 1/8 turn to either side. The
 * Taylor series of sine and cosine there end where the first term left out is below 2^-53 of the whole. */
static inline double cos_of_turns(double v)
{
    const double shift = 0x1.8p52; /* rounds to an integer, which is then in the low bits */
    double quarters = 4 * v + shift, x = (4 * v - (quarters - shift)) * 0x1.921fb54442d18p0, z = x * x;
    uint64_t q = bits_of(quarters);
    double sine = -1.0 / 1307674368000, cosine = 1.0 / 20922789888000;
    sine = sine * z + 1.0 / 6227020800;
    sine = sine * z - 1.0 / 39916800;
    sine = sine * z + 1.0 / 362880;
    sine = sine * z - 1.0 / 5040;
    sine = sine * z + 1.0 / 120;
    sine = sine * z - 1.0 / 6;
    sine = x + x * (z * sine);
    cosine = cosine * z - 1.0 / 87178291200;
    cosine = cosine * z + 1.0 / 479001600;
    cosine = cosine * z - 1.0 / 3628800;
    cosine = cosine * z + 1.0 / 40320;
    cosine = cosine * z - 1.0 / 720;
    cosine = cosine * z + 1.0 / 24;
    cosine = 1 - (0.5 * z - z * (z * cosine));
    uint64_t odd = 0 - (q & 1), negative = ((q + 1) & 2) << 62;
    return real_of(((bits_of(sine) & odd) | (bits_of(cosine) & ~odd)) ^ negative);
}

static inline double ratio(const double *above, const double *below, double x)
{
    double a = above[7], b = below[7];
    for (int i = 6; i >= 0; i--) {
        a = a * x + above[i];
        b = b * x + below[i];
    }
    return a / b;
}

/* The number below which a standard normal one is with probability p, 1e-300 <= p < 1 (Wichura 1988, algorithm AS 241):
 * ratios of polynomials near the middle, and of the square root of -log p or -log(1 - p) to its sides. */
static inline double normal_below(double p)
{
    static const double middle[] = { 3.3871328727963666080,    1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                     1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                     3.3430575583588128105e+4, 2.5090809287301226727e+3 },
                        under_middle[] = { 1,
                                           4.2313330701600911252e+1,
                                           6.8718700749205790830e+2,
                                           5.3941960214247511077e+3,
                                           2.1213794301586595867e+4,
                                           3.9307895800092710610e+4,
                                           2.8729085735721942674e+4,
                                           5.2264952788528545610e+3 },
                        side[] = { 1.42343711074968357734,    4.63033784615654529590,   5.76949722146069140550,
                                   3.64784832476320460504,    1.27045825245236838258,   2.41780725177450611770e-1,
                                   2.27238449892691845833e-2, 7.74545014278341407640e-4 },
                        under_side[] = { 1,
                                         2.05319162663775882187,
                                         1.67638483018380384940,
                                         6.89767334985100004550e-1,
                                         1.48103976427480074590e-1,
                                         1.51986665636164571966e-2,
                                         5.47593808499534494600e-4,
                                         1.05075007164441684324e-9 },
                        far[] = { 6.65790464350110377720,    5.46378491116411436990,    1.78482653991729133580,
                                  2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                  2.71155556874348757815e-5, 2.01033439929228813265e-7 },
                        under_far[] = { 1,
                                        5.99832206555887937690e-1,
                                        1.36929880922735805310e-1,
                                        1.48753612908506148525e-2,
                                        7.86869131145613259100e-4,
                                        1.84631831751005468180e-5,
                                        1.42151175831644588870e-7,
                                        2.04426310338993978564e-15 };
    const double q = p - 0.5, root = sqrt(-log_of(q < 0 ? p : 1 - p));
    if (q >= -0.425 && q <= 0.425)
        return q * ratio(middle, under_middle, 0.180625 - q * q);
    const double z = root <= 5 ? ratio(side, under_side, root - 1.6) : ratio(far, under_far, root - 5);
    return q < 0 ? -z : z;
}

/* ---- runs of elements */

typedef struct random_job {
    ag_dtype dtype;
    void *to;
    uint64_t seed, call;
    double origin, scale; /* low and high - low; mean and deviation; location and scale */
    double below, within; /* of a normal number, the probabilities that it is below the bounds, and within them */
    double least, most;   /* bounds that rounding must not cross */
    void (*make)(const struct random_job *j, const words *w, double *v);
} random_job;

static void make_uniform_f64(const random_job *j, const words *w, double *v)
{
    for (int i = 0; i < BLOCKS; i++)
        v[i] = j->origin + j->scale * upper_53(w->w[0][i], w->w[1][i]);
}

static void make_uniform_f32(const random_job *j, const words *w, double *v)
{
    for (int i = 0; i < BLOCKS; i++)
        v[i] = (float)(j->origin + j->scale * ((double)(int32_t)(w->w[0][i] >> 8) * 0x1p-24));
}

static void make_normal(const random_job *j, const words *w, double *v)
{
    double radius[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        radius[i] = sqrt(-2 * log_of(upper_53(w->w[0][i], w->w[1][i]) + 0x1p-53));
    for (int i = 0; i < BLOCKS; i++)
        v[i] = j->origin + j->scale * (radius[i] * cos_of_turns(upper_53(w->w[2][i], w->w[3][i])));
}

static void make_truncated(const random_job *j, const words *w, double *v)
{
    for (int i = 0; i < BLOCKS; i++) {
        const double p = j->below + j->within * upper_53(w->w[0][i], w->w[1][i]);
        v[i] = j->origin + j->scale * normal_below(p < 1e-300 ? 1e-300 : p < 1 - 0x1p-53 ? p : 1 - 0x1p-53);
    }
}

static void make_gumbel(const random_job *j, const words *w, double *v)
{
    for (int i = 0; i < BLOCKS; i++) {
        const double e = -log_of(upper_53(w->w[0][i], w->w[1][i]) + 0x1p-53);
        v[i] = j->origin - j->scale * log_of(e < 0x1p-54 ? 0x1p-54 : e);
    }
}

static void keep_within_bounds(const random_job *j, double *v)
{
    for (int i = 0; i < BLOCKS; i++) {
        double x = v[i] > j->most ? j->most : v[i];
        v[i] = x < j->least ? j->least : x;
    }
}

static void store(const random_job *j, int64_t i, int64_t n, const double *v)
{
    float narrow[BLOCKS];
    if (j->dtype == AG_F64) {
        memcpy((double *)j->to + i, v, (size_t)n * sizeof *v);
        return;
    }
    for (int k = 0; k < BLOCKS; k++)
        narrow[k] = (float)v[k];
    memcpy((float *)j->to + i, narrow, (size_t)n * sizeof *narrow);
}

static void make_range(const void *context, int64_t begin, int64_t end)
{
    const random_job *j = context;
    for (int64_t i = begin; i < end; i += BLOCKS) {
        double v[BLOCKS];
        words w;
        philox(j->seed, j->call, (uint64_t)i, BLOCKS, &w);
        j->make(j, &w, v);
        keep_within_bounds(j, v);
        store(j, i, end - i < BLOCKS ? end - i : BLOCKS, v);
    }
}

/* In [0, 1), where f32 has all of these numbers: nothing is rounded, and no bound is crossed. */
static void make_unit_range(const void *context, int64_t begin, int64_t end)
{
    const random_job *j = context;
    for (int64_t i = begin; i < end; i += BLOCKS) {
        float v[BLOCKS];
        words w;
        philox(j->seed, j->call, (uint64_t)i, BLOCKS, &w);
        for (int k = 0; k < BLOCKS; k++)
            v[k] = (float)(int32_t)(w.w[0][k] >> 8) * 0x1p-24f;
        memcpy((float *)j->to + i, v, (size_t)(end - i < BLOCKS ? end - i : BLOCKS) * sizeof *v);
    }
}

/* The numbers of the dtype in [low, high), or [low, high], go from least to most; where there is none, the one next to
 * low. */
static void set_bounds(random_job *j, double low, double high, bool open)
{
    if (j->dtype == AG_F64) {
        j->least = low;
        j->most = open ? nextafter(high, -INFINITY) : high;
    } else {
        float least = (float)low, most = (float)high;
        j->least = (double)least < low ? nextafterf(least, INFINITY) : least;
        j->most = (double)most > high || (open && (double)most == high) ? nextafterf(most, -INFINITY) : most;
    }
    if (j->most < j->least)
        j->most = j->least;
}

void ag_random_uniform(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double low, double high,
                       int threads)
{
    random_job j = { .dtype = d, .to = to, .seed = seed, .call = call, .origin = low, .scale = high - low };
    j.make = d == AG_F64 ? make_uniform_f64 : make_uniform_f32;
    set_bounds(&j, low, high, true);
    const bool unit = d == AG_F32 && low == 0 && high == 1;
    ag_for_ranges(count, STEPS, threads, unit ? make_unit_range : make_range, &j);
}

/* Any finite numbers. */
static void make_unbounded(random_job j, int64_t count, int threads)
{
    j.least = -DBL_MAX;
    j.most = DBL_MAX;
    ag_for_ranges(count, STEPS, threads, make_range, &j);
}

void ag_random_normal(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double mean, double deviation,
                      int threads)
{
    random_job j = { .dtype = d, .to = to, .seed = seed, .call = call, .origin = mean, .scale = deviation };
    j.make = make_normal;
    make_unbounded(j, count, threads);
}

bool ag_random_truncated(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double mean,
                         double deviation, double low, double high, int threads)
{
    random_job j = { .dtype = d, .to = to, .seed = seed, .call = call, .origin = mean, .scale = deviation };
    const double from = (low - mean) / deviation, end = (high - mean) / deviation;
    const bool turned = from + end > 0; /* so that the probabilities are not lost beside 1 */
    j.scale = turned ? -deviation : deviation;
    j.below = erfc((turned ? end : -from) * 0x1.6a09e667f3bcdp-1) / 2;
    j.within = erfc((turned ? from : -end) * 0x1.6a09e667f3bcdp-1) / 2 - j.below;
    if (!(j.below + j.within >= 1e-300 && j.within > 0))
        return false;
    j.make = make_truncated;
    set_bounds(&j, low, high, false);
    ag_for_ranges(count, STEPS, threads, make_range, &j);
    return true;
}

void ag_random_gumbel(ag_dtype d, void *to, int64_t count, uint64_t seed, uint64_t call, double location, double scale,
                      int threads)
{
    random_job j = { .dtype = d, .to = to, .seed = seed, .call = call, .origin = location, .scale = scale };
    j.make = make_gumbel;
    make_unbounded(j, count, threads);
}
