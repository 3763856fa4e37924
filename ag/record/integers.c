/* What elementwise ops ask of integers: that the op is defined for them, of constants to be integers, of divisors not to
 * be 0. */
#include "ag/record/record.h"
#include <math.h>

bool ag_row_defined(const ag_row *row, ag_dtype d, const char **lack)
{
    if (ag_is_float(d)) {
        *lack = ": the op is defined for integers; see ag_cast";
        return row->forward[AG_ROW_ARRAYS][0];
    }
    *lack = row->flags & AG_ROW_DIVIDES ? ": of integers ag_floor_divide makes integers, ag_cast floats to divide"
                                        : ": the op is defined for f32 and f64; see ag_cast";
    return row->integers[0];
}

/* c modulo the number of values that the type has, as a number of the type. */
static double wrapped(double c, ag_dtype d)
{
    const uint64_t whole = c < 0 ? (uint64_t)(int64_t)c : (uint64_t)c;
    return d == AG_U8    ? (double)(uint8_t)whole
           : d == AG_I32 ? (double)(int32_t)(uint32_t)whole
                         : (double)(int64_t)whole;
}

static bool settle_constant(ag_tape *t, const ag_row *row, const ag_operands *p, double *c)
{
    const bool orders = row->flags & AG_ROW_ORDERS, divides = row->flags & AG_ROW_DIVIDES;
    const bool large = fabs(*c) > 0x1p63, whole = *c == rint(*c);
    char what[128];
    if (orders && whole)
        return true;
    double in_type = whole && !large ? wrapped(*c, p->dtype) : 0;
    if (!whole)
        snprintf(what, sizeof what, ": the number %g is no integer; ag_cast makes floats of integers", *c);
    else if (divides && *c == 0)
        snprintf(what, sizeof what, ": integers cannot be divided by 0");
    else if (large || (divides && in_type != *c))
        snprintf(what, sizeof what, ": the number %g is beyond %s", *c, ag_dtype_name(large ? AG_I64 : p->dtype));
    else
        return *c = in_type, true;
    ag_row_complain(t, row, p, AG_EARG, what);
    return false;
}

static bool check_divisor(ag_tape *t, const ag_row *row, const ag_operands *p)
{
    const ag_array b = ag_array_of(t, p->x[1].id);
    const int64_t i = p->layout->size ? ag_find_zero(&b) : -1;
    char what[128], shape[128];
    if (i < 0)
        return true;
    if (b.shape.rank)
        snprintf(what, sizeof what, ": integers cannot be divided by 0, which element %lld of b %s is", (long long)i,
                 ag_shape_text(b.shape, shape, sizeof shape));
    ag_row_complain(t, row, p, AG_EARG, b.shape.rank ? what : ": integers cannot be divided by 0");
    return false;
}

bool ag_row_integers(ag_tape *t, const ag_row *row, const ag_operands *p, ag_row_params *q)
{
    const bool numbers = row->flags & AG_ROW_CONSTANT && !(row->flags & AG_ROW_TRUTH);
    if (numbers && !settle_constant(t, row, p, &q->c))
        return false;
    if (numbers && row->flags & AG_ROW_TWO && !settle_constant(t, row, p, &q->d))
        return false;
    return p->count == 1 || !(row->flags & AG_ROW_DIVIDES) || check_divisor(t, row, p);
}
