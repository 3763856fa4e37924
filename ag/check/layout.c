/* The same values in single precision, and in memory of other layouts. */
#include "ag/check/check.h"
#include <math.h>
#include <stdio.h>

static bool run(ag_op_check *k, const ag_case *c, const ag_run *r, ag_outcome *o)
{
    return ag_check_memory(k, ag_case_run(c, r, &k->tapes, o));
}

/* ---- f32 */

void ag_check_f32(ag_op_check *k, const ag_case *c)
{
    ag_outcome exact, single;
    ag_scale s;
    ag_run r = { .dtype = AG_F64, .threads = 1, .pass = AG_CASE_PLAIN };
    bool floats = false;
    for (int i = 0; i < c->count; i++)
        floats |= c->dtype[i] == AG_FLOAT;
    if (!floats) {
        ag_check_skip(k, AG_CHECK_F32, "no input of the tape's float type");
        return;
    }
    if (!run(k, c, &r, &exact) || exact.status || !ag_check_memory(k, ag_case_scale(c, &k->tapes, &s)))
        return;
    const double epsilon = fmax(AG_CLOSE_F32, c->tolerance);
    ag_outcome_round(&exact);
    const ag_case_pass passes[] = { AG_CASE_PLAIN, AG_CASE_GRAPH };
    r.dtype = AG_F32;
    for (int i = 0; i < 2; i++) {
        r.pass = passes[i];
        if (!run(k, c, &r, &single))
            return;
        if (!single.applied && single.status == AG_EDTYPE) {
            ag_check_skip(k, AG_CHECK_F32, "refused: %s", single.text);
            return;
        }
        ag_check_close(k, AG_CHECK_F32, c, &single, &exact, &s, epsilon,
                       i ? "f32 with a graph, against f64" : "f32 against f64");
    }
}

/* ---- strides */

static bool fits(const ag_case *c, int i, ag_case_layout layout)
{
    bool several = false;
    for (int k = 0; k < c->shape[i].rank; k++)
        several |= c->shape[i].dim[k] > 1;
    return layout == AG_CASE_TRANSPOSED ? c->shape[i].rank > 1 : several;
}

/* Inputs in `which` (bits) laid out in another way, against dense ones. */
static void compare_layout(ag_op_check *k, const ag_case *c, const ag_scale *s, ag_case_layout layout, uint32_t which)
{
    static const char *const names[] = { "dense", "transposed", "gaps between the elements of",
                                         "stretched (stride 0)" };
    char what[96];
    ag_outcome dense, other;
    for (int pass = 0; pass < 3; pass++) { /* plain and with a graph in f64, plain in f32 */
        ag_run r = { .dtype = pass == 2 ? AG_F32 : AG_F64,
                     .threads = 1,
                     .pass = pass == 1 ? AG_CASE_GRAPH : AG_CASE_PLAIN };
        if (!run(k, c, &r, &dense))
            return;
        if (dense.status)
            continue;
        bool any = false;
        for (int i = 0; i < c->count; i++)
            if (which >> i & 1 && fits(c, i, layout)) {
                r.layout[i] = layout;
                any = true;
            }
        if (!any || !run(k, c, &r, &other))
            return;
        snprintf(what, sizeof what, "%s%s operand%s", pass == 2 ? "f32, " : "", names[layout],
                 which & (which - 1) ? "s" : "");
        double epsilon = pass == 2 ? fmax(AG_CLOSE_F32, c->tolerance) : AG_CLOSE_F64;
        ag_check_close(k, AG_CHECK_STRIDES, c, &other, &dense, s, epsilon, what);
    }
}

static void compare_layouts(ag_op_check *k, const ag_case *c, ag_case_layout layout)
{
    ag_scale s;
    if (!ag_check_memory(k, ag_case_scale(c, &k->tapes, &s)))
        return;
    for (int i = 0; i < c->count; i++)
        if (fits(c, i, layout))
            compare_layout(k, c, &s, layout, (uint32_t)1 << i);
    if (c->count > 1)
        compare_layout(k, c, &s, layout, ~(uint32_t)0);
}

void ag_check_strides(ag_op_check *k, const ag_case *c)
{
    int64_t before = k->result[AG_CHECK_STRIDES].done;
    ag_case flat = *c;
    compare_layouts(k, c, AG_CASE_TRANSPOSED);
    compare_layouts(k, c, AG_CASE_GAPS);
    for (int i = 0; i < c->count; i++)
        if (!ag_check_memory(k, ag_case_flatten(k->tapes.home, &flat, i)))
            return;
    compare_layouts(k, &flat, AG_CASE_STRETCHED);
    if (k->result[AG_CHECK_STRIDES].done == before)
        ag_check_skip(k, AG_CHECK_STRIDES, "no input has more than one element");
}
