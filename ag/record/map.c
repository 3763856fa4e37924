/* Elementwise ops of a user's, given by a map of one element. */
#include "ag/record/record.h"

typedef struct map_context {
    const ag_call *c;
    int inputs;
} map_context;

static double load(const ag_walk_row *w, int k, int64_t i)
{
    ag_array a = { .data = (char *)w->data[k] + i * w->stride[k] * (int64_t)ag_dtype_size(w->dtype[k]),
                   .dtype = w->dtype[k] };
    return ag_array_get(&a, 0);
}

static void map_row(const ag_walk_row *w, void *context)
{
    const map_context *m = context;
    double x[AG_WALK_ARRAYS - 1];
    for (int64_t i = 0; i < w->n; i++) {
        for (int k = 0; k < m->inputs; k++)
            x[k] = load(w, 1 + k, i);
        double y = m->c->op->map(x, m->c->params);
        if (w->dtype[0] == AG_F32)
            ((float *)w->data[0])[i] = (float)y;
        else
            ((double *)w->data[0])[i] = y;
    }
}

ag_status ag_map_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_dtype ranked = AG_FLOAT, any = AG_FLOAT;
    y->shape = AG_SCALAR;
    if (c->count > AG_WALK_ARRAYS - 1)
        return ag_call_fail(c, AG_ELIMIT, "an elementwise op has at most %d operands", AG_WALK_ARRAYS - 1);
    for (int i = 0; i < c->count; i++) {
        ag_dtype *seen = x[i].shape.rank ? &ranked : &any;
        if (!ag_is_float(x[i].dtype))
            return ag_call_fail(c, AG_EDTYPE, "the op is defined for f32 and f64; see ag_cast");
        if (!ag_shape_broadcast(y->shape, x[i].shape, &y->shape))
            return ag_call_fail(c, AG_ESHAPE, "the shapes do not broadcast");
        if (*seen != AG_FLOAT && *seen != x[i].dtype && x[i].shape.rank)
            return ag_call_fail(c, AG_EDTYPE, "the dtypes differ; see ag_cast");
        *seen = *seen == AG_FLOAT || *seen == x[i].dtype ? x[i].dtype : AG_F64;
    }
    y->dtype = ranked != AG_FLOAT ? ranked : any;
    return AG_OK;
}

void ag_map_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    ag_array expanded[AG_WALK_ARRAYS];
    const ag_array *arrays[AG_WALK_ARRAYS] = { y };
    for (int i = 0; i < c->count; i++) {
        expanded[i] = ag_array_expand(&x[i], y->shape);
        arrays[1 + i] = &expanded[i];
    }
    map_context m = { c, c->count };
    ag_walk(y->shape, c->count + 1, arrays, map_row, &m, c->tape->options.threads);
}
