/* What becomes of the totals of sums: scaled, converted, written or added. */
#include "ag/kernels/convert.h"
#include "ag/kernels/reduce_sums.h"

/* A union's members are no vectors to gcc. */
static void scale_totals(const ag_sum_ending *e, ag_total *total, int64_t count)
{
    const double divisor = e->divisor, scale = e->scale;
    double *real = (double *)total;
    uint64_t *integer = (uint64_t *)total;
    if (!ag_is_float(e->from) && ag_is_float(e->to)) {
        for (int64_t i = 0; i < count; i++)
            total[i].real = (double)(int64_t)(total[i].integer * e->times);
    } else if (!ag_is_float(e->from)) {
        for (int64_t i = 0; i < count; i++)
            integer[i] *= e->times;
        return;
    } else if (e->times != 1) {
        for (int64_t i = 0; i < count; i++)
            real[i] *= (double)e->times;
    }
    if (divisor != 0)
        for (int64_t i = 0; i < count; i++)
            real[i] /= divisor;
    else if (scale != 1)
        for (int64_t i = 0; i < count; i++)
            real[i] *= scale;
}

#define STORE(type, value)                                                        \
    for (int64_t i = 0; i < count && side_by_side; i++)                           \
        ((type *)to)[i] = value;                                                  \
    for (int64_t i = 0; i < count && !side_by_side; i++) {                        \
        type v = value;                                                           \
        ((type *)to)[i * step] = e->add ? (type)(((type *)to)[i * step] + v) : v; \
    }

void ag_sum_finish(const ag_sum_ending *e, void *to, int64_t step, ag_total *total, int64_t count)
{
    const double *real = (const double *)total;
    scale_totals(e, total, count);
    const bool integers = !ag_is_float(e->from), side_by_side = step == 1 && !e->add;
    switch (e->to) {
    case AG_F32:
        STORE(float, (float)real[i])
        break;
    case AG_F64:
        STORE(double, real[i])
        break;
    case AG_I64:
        STORE(int64_t, integers ? (int64_t)total[i].integer : ag_i64_of_real(total[i].real))
        break;
    case AG_I32:
        STORE(int32_t, integers ? ag_i32_of_integer((int64_t)total[i].integer) : ag_i32_of_real(total[i].real))
        break;
    default:
        STORE(uint8_t, integers ? ag_u8_of_integer((int64_t)total[i].integer) : ag_u8_of_real(total[i].real))
        break;
    }
}
