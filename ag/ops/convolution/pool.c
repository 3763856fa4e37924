/* Windows of pools, and what can be wrong with them. */
#include "ag/ops/convolution/pool.h"

ag_status ag_pool_check_rank(const ag_call *c, ag_shape x, int64_t spatial)
{
    static const char *const shapes[] = { "[n,c,l] or [c,l]", "[n,c,h,w] or [c,h,w]", "[n,c,d,h,w] or [c,d,h,w]" };
    if (spatial < 1 || spatial > AG_SPATIAL)
        return ag_call_fail(c, AG_EARG, "there are no pools over %lld dimensions", (long long)spatial);
    if (x.rank == spatial + 1 || x.rank == spatial + 2)
        return AG_OK;
    return ag_call_fail(c, AG_ESHAPE, "the input must be %s", shapes[spatial - 1]);
}

ag_status ag_check_spatial(const ag_call *c, const char *name, const int64_t *list, int64_t least, int64_t spatial)
{
    int given = 0;
    for (int d = 0; d < AG_SPATIAL; d++) {
        if (list[d] < 0 || list[d] > INT32_MAX)
            return ag_call_fail(c, AG_EARG, "%s[%d] is %lld, but must be from %lld to %d", name, d, (long long)list[d],
                                (long long)least, INT32_MAX);
        if (list[d] && d >= spatial)
            return ag_call_fail(c, AG_EARG, "%s[%d] is %lld, but there %s %lld", name, d, (long long)list[d],
                                spatial == 1 ? "is" : "are", (long long)spatial);
        given += list[d] > 0;
    }
    if (least == 1 && given > 0 && given < spatial)
        return ag_call_fail(c, AG_EARG, "%s has %d entries above 0, but must have one for each of the %lld dimensions",
                            name, given, (long long)spatial);
    return AG_OK;
}

void ag_watch_padding(const ag_call *c, const int64_t *padding, const int64_t *window, int64_t spatial)
{
    ag_tape *t = ag_call_tape(c);
    bool alone = ag_tape_debug(t) && spatial > 1 && padding[0] > 0;
    for (int64_t d = 1; alone && d < spatial; d++)
        alone = padding[d] == 0 && window[d] == window[0];
    if (alone && ag_warn_first(t, AG_WARN_PADDING))
        ag_warn(t,
                "ag_%s: the padding is %lld along the first of %lld dimensions and 0 along the others, for which the "
                "list has entries of their own, though the window is as long there",
                c->op->name, (long long)padding[0], (long long)spatial);
}

static ag_status check(const ag_call *c, const ag_pool_params *p)
{
    const ag_pool_options *o = &p->options;
    ag_status s = AG_OK;
    if (p->window.rank != p->spatial)
        return ag_call_fail(c, AG_EARG, "%s has %d extents, but must have %lld",
                            p->adaptive ? "the size" : "the window", p->window.rank, (long long)p->spatial);
    for (int d = 0; d < p->spatial; d++)
        if (p->window.dim[d] < !p->adaptive || p->window.dim[d] > INT32_MAX)
            return ag_call_fail(c, AG_EARG, "extent %d of %s is %lld", d, p->adaptive ? "the size" : "the window",
                                (long long)p->window.dim[d]);
    s = ag_check_spatial(c, "stride", o->stride, 1, p->spatial);
    if (!s)
        s = ag_check_spatial(c, "dilation", o->dilation, 1, p->spatial);
    if (!s)
        s = ag_check_spatial(c, "padding", o->padding, 0, p->spatial);
    if (!s)
        ag_watch_padding(c, o->padding, p->window.dim, p->spatial);
    return s;
}

static ag_status settle_axis(const ag_call *c, const ag_pool_params *p, int i, ag_pool_axis *a)
{
    const ag_pool_options *o = &p->options;
    a->window = p->window.dim[i];
    a->stride = o->stride[i] > 0 ? o->stride[i] : a->window;
    a->dilation = o->dilation[i] > 0 ? o->dilation[i] : 1;
    a->before = o->padding[i];
    if ((double)a->source > 0x1p58)
        return ag_call_fail(c, AG_ELIMIT, "the extents are too large");
    const int64_t reach = (a->window - 1) * a->dilation + 1, padded = a->source + 2 * a->before;
    const int axis = i - (int)p->spatial;
    if (2 * a->before > reach)
        return ag_call_fail(c, AG_EARG, "padding[%d] is %lld, but must be at most half of the window's %lld", i,
                            (long long)a->before, (long long)reach);
    if (padded < reach || a->source == 0)
        return ag_call_fail(
            c, AG_ESHAPE,
            "along axis %d the extent would be (x + 2 padding - dilation (window - 1) - 1) / stride + 1 with "
            "x = %lld, padding %lld, dilation %lld and a window of %lld, which is longer than what it reads",
            axis, (long long)a->source, (long long)a->before, (long long)a->dilation, (long long)a->window);
    a->result = (padded - reach + (o->ceil_mode ? a->stride - 1 : 0)) / a->stride + 1;
    if (o->ceil_mode && (a->result - 1) * a->stride >= a->source + a->before) /* all padding */
        a->result--;
    return AG_OK;
}

ag_status ag_pool_settle(const ag_call *c, const ag_pool_params *p, ag_shape x, ag_pool_axis *axis)
{
    ag_status s = ag_pool_check_rank(c, x, p->spatial);
    if (!s)
        s = check(c, p);
    for (int d = 0; d < AG_SPATIAL && !s; d++) {
        const int i = d - AG_SPATIAL + (int)p->spatial;
        axis[d] = (ag_pool_axis){ 1, 1, 1, 1, 0, 1 };
        if (i < 0)
            continue;
        axis[d].source = x.dim[x.rank - AG_SPATIAL + d];
        if (!p->adaptive) {
            s = settle_axis(c, p, i, &axis[d]);
            continue;
        }
        axis[d].result = p->window.dim[i];
        if (axis[d].source == 0 || axis[d].source > INT32_MAX)
            return ag_call_fail(c, AG_ESHAPE, "axis %d has %lld elements", i - (int)p->spatial,
                                (long long)axis[d].source);
    }
    return s;
}
