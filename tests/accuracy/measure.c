/* Inputs over the whole range, and the error of one result. */
#include "tests/accuracy/accuracy.h"

#include <math.h>
#include <stdlib.h>

/* ---- many digits */

enum { POOL = 4096 };
static mpfr_t pool[POOL];
static int used = -1;

void mp_begin(void)
{
    if (used < 0) {
        mpfr_set_default_prec(MP_BITS);
        for (int i = 0; i < POOL; i++)
            mpfr_init(pool[i]);
    }
    used = 0;
}

num mp_take(void)
{
    if (used == POOL)
        abort();
    return pool[used++];
}

num mp_of(double v)
{
    num y = mp_take();
    mpfr_set_d(y, v, MPFR_RNDN);
    return y;
}

/* ---- inputs */

uint64_t next_bits(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

static double held(double v, bool single)
{
    return single ? (double)(float)v : v;
}

/* A third of any bits, a third of moderate size, a third near whole numbers; of the kind that the dtype holds. */
static double draw(uint64_t *state, bool single)
{
    static const double special[] = { 0,     -0.0,     1,         -1,   INFINITY, -INFINITY, NAN,   5e-324,
                                      1e-45, 0x1p-126, 0x1p-1022, 88.7, -103.9,   709.7,     -745.1 };
    const uint64_t z = next_bits(state);
    const double u = (double)(next_bits(state) >> 11) * 0x1p-53, sign = z & 8 ? -1 : 1;
    double x = 0;
    if (z % 97 == 0)
        x = special[next_bits(state) % (sizeof special / sizeof *special)];
    else if (z % 3 == 0 && single) {
        const uint32_t bits = (uint32_t)next_bits(state);
        float f;
        memcpy(&f, &bits, sizeof f);
        return (double)f;
    } else if (z % 3 == 0) {
        const uint64_t bits = next_bits(state);
        memcpy(&x, &bits, sizeof x);
    } else if (z % 3 == 1) {
        x = sign * 12 * u;
    } else {
        x = (double)((int)(z >> 8 & 31) - 16) + sign * exp2(-60 * u);
    }
    return held(x, single);
}

/* ---- the error of one result */

/* |y - truth| in units of the place of the last of `digits` binary digits of `size`, none of which is below 2^least. */
static double error_of(double y, num truth, num size, int digits, int least, double largest)
{
    if (mpfr_nan_p(truth) || y != y)
        return mpfr_nan_p(truth) && y != y ? 0 : INFINITY;
    if (isinf(y) && mpfr_inf_p(truth) == 0) { /* right where rounding the truth gives infinity */
        const num limit = mp_add(mp_of(largest), mp_of(ldexp(largest, -digits - 1)));
        return mpfr_cmp(mp_abs(truth), limit) >= 0 && (y > 0) == (mpfr_sgn(truth) > 0) ? 0 : INFINITY;
    }
    if (mpfr_inf_p(truth))
        return isinf(y) && (y > 0) == (mpfr_sgn(truth) > 0) ? 0 : INFINITY;
    int place = mpfr_regular_p(size) ? (int)fmax((double)mpfr_get_exp(size) - digits, least) : least;
    const num error = mp_abs(mp_sub(mp_of(y), truth));
    return mpfr_get_d(mp_div(error, mp_pow(mp_of(2), mp_of(place))), MPFR_RNDN);
}

double error_beside(double y, num truth, num terms, bool single)
{
    const num size = terms && mpfr_cmpabs(terms, truth) > 0 ? terms : truth;
    return single ? error_of(y, truth, size, 24, -149, (double)0x1.fffffep127f)
                  : error_of(y, truth, size, 53, -1074, 0x1.fffffffffffffp1023);
}

static double error_at(const reference *r, const double *v, int count, double y, bool single)
{
    num values[4];
    mp_begin();
    for (int i = 0; i < 4; i++)
        values[i] = mp_of(i < count ? v[i] : 0);
    return error_beside(y, r->value(values), r->terms ? r->terms(values) : NULL, single);
}

/* ---- an op */

enum { BATCH = 1024 };

typedef struct batch { /* inputs and results */
    double x[2][BATCH], y[BATCH];
} batch;

static ag_tensor operand(ag_tape *t, const double *x, way how)
{
    const ag_tensor a = ag_zeros(t, how == ARRAYS_F32 ? AG_F32 : AG_F64, AG_SHAPE(BATCH));
    ag_copy_in(a, AG_F64, x, BATCH * sizeof *x);
    return a;
}

static void run(const called_op *op, const double *p, int inputs, way how, batch *b)
{
    ag_tape *t = ag_tape_new((ag_options){ .threads = 1 });
    ag_tensor x[2] = { { 0 } }, y;
    arguments a = { x, (size_t)inputs, p, 2, "" };
    if (how != NUMBERS) {
        for (int i = 0; i < inputs; i++)
            x[i] = operand(t, b->x[i], how);
        op->call(&a, &y);
        ag_copy_out(y, AG_F64, b->y, sizeof b->y);
    }
    for (int k = 0; how == NUMBERS && k < BATCH; k++) {
        for (int i = 0; i < inputs; i++)
            x[i] = ag_constant(t, b->x[i][k]);
        op->call(&a, &y);
        b->y[k] = ag_item(y);
    }
    ag_tape_free(t);
}

static void note(finding *f, const reference *r, const batch *b, int inputs, const double *p, bool single)
{
    for (int k = 0; k < BATCH; k++) {
        double v[4];
        for (int i = 0; i < inputs; i++)
            v[i] = b->x[i][k];
        for (int i = 0; i < 2; i++)
            v[inputs + i] = held(p[i], single);
        const double ulp = error_at(r, v, inputs + 2, b->y[k], single);
        f->tried++;
        if (ulp > f->ulp || f->tried == 1)
            *f = (finding){ ulp, { v[0], inputs > 1 ? v[1] : 0 }, { p[0], p[1] }, b->y[k], f->tried };
    }
}

finding measure(const reference *r, const called_op *op, way how, long count)
{
    const int inputs = strcmp(op->signature, "tt") ? 1 : 2;
    const bool single = how == ARRAYS_F32;
    finding f = { 0 };
    uint64_t state = 1;
    batch b;
    for (int n = 0; n < MOST_CONSTANTS && (!n || r->number[n][0] || r->number[n][1]); n++)
        for (long done = 0; done < count; done += BATCH) {
            for (int k = 0; k < BATCH; k++)
                for (int i = 0; i < inputs; i++)
                    b.x[i][k] = draw(&state, single);
            run(op, r->number[n], inputs, how, &b);
            note(&f, r, &b, inputs, r->number[n], single);
        }
    return f;
}
