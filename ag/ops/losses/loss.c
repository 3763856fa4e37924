#include "ag/ops/losses/loss.h"
#include "ag/kernels/kernels.h"

/* ---- reductions */

#define UNKNOWN "the reduction %d is unknown; see ag_reduce"

ag_status ag_loss_check_reduce(const ag_call *c, int64_t reduce)
{
    if (reduce < AG_REDUCE_MEAN || reduce > AG_REDUCE_BATCH_MEAN)
        return ag_call_fail(c, AG_EARG, UNKNOWN, (int)reduce);
    return AG_OK;
}

int64_t ag_loss_divisor(int64_t reduce, ag_shape s)
{
    if (reduce == AG_REDUCE_MEAN)
        return ag_shape_size(s);
    return reduce == AG_REDUCE_BATCH_MEAN && s.rank > 0 ? s.dim[0] : 1;
}

ag_tensor ag_loss_reduced(ag_tensor each, ag_reduce reduce)
{
    const ag_shape s = ag_shape_of(each);
    if (s.rank < 0 || reduce == AG_REDUCE_NONE)
        return each;
    if (reduce == AG_REDUCE_MEAN)
        return ag_mean(each);
    if (reduce != AG_REDUCE_SUM && reduce != AG_REDUCE_BATCH_MEAN) {
        ag_fail(each.tape, AG_EARG, UNKNOWN, (int)reduce);
        return ag_inert(each.tape);
    }
    return ag_mul_scalar(ag_sum(each), 1 / (double)ag_loss_divisor(reduce, s));
}

/* ---- losses of pairs */

/* Both of one shape; only two numbers may have different dtypes, and then count as f64. */
ag_status ag_loss_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_loss_params *p = ag_call_params(c);
    if (!ag_is_float(x[0].dtype) || !ag_is_float(x[1].dtype))
        return ag_call_fail(c, AG_EDTYPE, "both must be f32 or f64; see ag_cast");
    if (!ag_shape_equal(x[0].shape, x[1].shape))
        return ag_call_fail(c, AG_ESHAPE, "the shapes differ%s",
                            ag_array_size(&x[0]) == ag_array_size(&x[1])
                                ? "; ag_squeeze or ag_reshape gives one the shape of the other"
                                : "");
    if (x[0].dtype != x[1].dtype && x[0].shape.rank > 0)
        return ag_call_fail(c, AG_EDTYPE, "the dtypes differ; see ag_cast");
    y->dtype = x[0].dtype == x[1].dtype ? x[0].dtype : AG_F64;
    if (p->reduce == AG_REDUCE_NONE)
        y->shape = x[0].shape;
    return ag_loss_check_reduce(c, p->reduce);
}

static ag_pairs pairs_of(const ag_call *c, const ag_array *a, const ag_array *b)
{
    const ag_loss_params *p = ag_call_params(c);
    return (ag_pairs){ .kind = (ag_pair_kind)p->kind,
                       .dtype = a->dtype,
                       .n = ag_array_size(a),
                       .a = a->data,
                       .b = b->data,
                       .c = p->c,
                       .slope = p->reduce == AG_REDUCE_NONE ? NULL : c->carried,
                       .threads = ag_call_threads(c) };
}

ag_status ag_loss_forward(const ag_call *c, const ag_array *x, ag_array *y)
{
    const ag_loss_params *params = ag_call_params(c);
    ag_pairs p = pairs_of(c, &x[0], &x[1]);
    double a, b;
    if (x[0].dtype != x[1].dtype) {
        a = ag_array_get(&x[0], 0);
        b = ag_array_get(&x[1], 0);
        p.dtype = AG_F64;
        p.slope = NULL;
        p.a = &a;
        p.b = &b;
    }
    if (params->reduce == AG_REDUCE_NONE) {
        ag_pair_each(&p, y->data);
        return AG_OK;
    }
    double *partials = ag_call_scratch(c, (size_t)ag_pair_partials(p.n) * sizeof *partials);
    if (!partials)
        return AG_ENOMEM;
    ag_fill_array(y, ag_pair_sum(&p, partials) / (double)ag_loss_divisor(params->reduce, x[0].shape));
    return AG_OK;
}

ag_status ag_loss_back(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    const ag_loss_params *params = ag_call_params(c);
    const ag_array *a = ag_call_input_array(c, 0), *b = ag_call_input_array(c, 1);
    if (!a || !b)
        return AG_EUSE;
    if (a->dtype != b->dtype)
        return AG_USE_RULE;
    const ag_pairs p = pairs_of(c, a, b);
    const bool each = params->reduce == AG_REDUCE_NONE;
    const double scale = each ? 0 : ag_array_get(dy, 0) / (double)ag_loss_divisor(params->reduce, a->shape);
    ag_pair_back(&p, each ? dy->data : NULL, scale, beta, dx);
    return AG_OK;
}

ag_tensor ag_loss_share(const ag_call *c, ag_tensor dy)
{
    const ag_loss_params *p = ag_call_params(c);
    const ag_shape s = ag_shape_of(ag_call_input(c, 0));
    const int64_t divisor = s.rank < 0 ? 1 : ag_loss_divisor(p->reduce, s);
    return divisor > 1 ? ag_mul_scalar(dy, 1 / (double)divisor) : dy;
}
