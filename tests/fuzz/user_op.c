/* Ops of a user's: some behave, some do not. What an application does follows from its parameters. */
#include "tests/fuzz/fuzz.h"

/* What is wrong with one application. */
typedef enum fault_kind {
    NOTHING,
    SHAPE_FAILS,
    SHAPE_ODD,
    SHAPE_CALLS,
    FORWARD_FAILS,
    FORWARD_CALLS,
    VIEW_ODD,
    RULE_NOTHING,
    RULE_FAILS,
    RULE_ANY,
    RULE_SHAPE,
    RULE_CALLS,
    FUSED_FAILS,
    FUSED_CALLS,
    FUSED_DECLINES,
    FAULTS
} fault_kind;

typedef struct trick {
    world *w;
    fault_kind kind;
    uint32_t number;
} trick;
_Static_assert(sizeof(trick) <= FUZZ_PARAMS, "room for the parameters");

static trick trick_of(const ag_call *c)
{
    trick t;
    memcpy(&t, ag_call_params(c), sizeof t);
    return t;
}

static bool allowed(fault_kind k)
{
    static const habit habits[FAULTS] = {
        [SHAPE_FAILS] = may_shape_odd,     [SHAPE_ODD] = may_shape_odd,         [SHAPE_CALLS] = may_shape_calls,
        [FORWARD_FAILS] = may_forward_odd, [FORWARD_CALLS] = may_forward_calls, [VIEW_ODD] = may_view_odd,
        [RULE_NOTHING] = may_rule_odd,     [RULE_FAILS] = may_rule_odd,         [RULE_ANY] = may_rule_odd,
        [RULE_SHAPE] = may_rule_odd,       [RULE_CALLS] = may_rule_calls,       [FUSED_FAILS] = may_fused_odd,
        [FUSED_CALLS] = may_fused_calls,   [FUSED_DECLINES] = may_fused_odd
    };
    return !k || !fuzz_without[habits[k]];
}

static bool ours(const ag_call *c, const world *w)
{
    return ag_call_tape(c) == w->lanes[0].t || ag_call_tape(c) == w->lanes[1].t;
}

static void call_out(const ag_call *c, world *w, const char *where)
{
    w->callbacks++;
    if (!ours(c, w))
        return;
    note(w, "  (the op's %s calls)", where);
    play_inside(w);
}

static ag_status fail(const ag_call *c, world *w)
{
    w->callbacks++;
    switch (draw(w, 4)) {
    case 0:
        return ag_call_fail(c, AG_EARG, "fuzz_op: on purpose");
    case 1:
        return AG_USE_RULE;
    case 2:
        return (ag_status)(1 + draw(w, 10));
    default:
        return fuzz_without[may_odd_status] ? AG_EARG : (ag_status)77;
    }
}

/* ---- shape and forward */

static void odd_array(world *w, ag_array *y)
{
    y->shape = draw_shape(w);
    y->dtype = (ag_dtype)draw(w, 9);
    if (chance(w, 3))
        y->shape.rank = draw(w, 12) - 2;
    for (int i = 0; i < AG_MAX_RANK; i++)
        y->stride[i] = draw(w, 9) - 3;
}

static ag_status shape(const ag_call *c, const ag_array *x, ag_array *y, int outputs)
{
    trick t = trick_of(c);
    for (int i = 0; i < outputs; i++) {
        bool whole = i % 3 == 1;
        y[i].dtype = whole ? AG_I64 : x[0].dtype == AG_F32 ? AG_F32 : AG_F64;
        y[i].shape = x[0].shape;
    }
    if (t.kind == SHAPE_ODD)
        odd_array(t.w, &y[draw(t.w, outputs)]);
    if (t.kind == SHAPE_CALLS)
        call_out(c, t.w, "shape rule");
    if (ag_call_inputs(c) < 1 || ag_call_threads(c) < 1 || ag_call_needs(c, 99))
        fault(t.w, "an op's call is not as it was made");
    return t.kind == SHAPE_FAILS ? fail(c, t.w) : AG_OK;
}

static ag_status shape_one(const ag_call *c, const ag_array *x, ag_array *y)
{
    return shape(c, x, y, 1);
}

static ag_status shape_three(const ag_call *c, const ag_array *x, ag_array *y)
{
    return shape(c, x, y, 3);
}

static ag_status shape_many(const ag_call *c, const ag_array *x, ag_array *y)
{
    return shape(c, x, y, 12);
}

/* x x, for nobody, where that is a product: of square matrices. */
static ag_status multiply(const ag_call *c, const ag_array *x)
{
    ag_array y = x[0];
    const int64_t size = ag_shape_size(y.shape);
    int64_t stride = 1;
    for (int i = y.shape.rank - 1; i >= 0; stride *= size ? y.shape.dim[i] : 1, i--)
        y.stride[i] = stride;
    y.data = ag_call_scratch(c, (size_t)size * ag_dtype_size(y.dtype));
    return y.data ? ag_call_matmul(c, &x[0], &x[0], &y, 0) : AG_ENOMEM;
}

static ag_status forward(const ag_call *c, const ag_array *x, ag_array *y, int outputs)
{
    trick t = trick_of(c);
    if (t.kind == FORWARD_CALLS && t.number % 2)
        call_out(c, t.w, "forward");
    int64_t size = ag_shape_size(x[0].shape);
    for (int k = 0; k < outputs; k++)
        for (int64_t i = 0; i < ag_shape_size(y[k].shape); i++)
            fuzz_store(&y[k], i, size ? 2 * fuzz_element(&x[0], i % size) : 1);
    if (t.number % 5 == 0 && multiply(c, x))
        return AG_ESHAPE;
    char *scratch = ag_call_scratch(c, t.number % 100);
    if (scratch)
        memset(scratch, 7, t.number % 100);
    if (t.kind == FORWARD_CALLS && t.number % 2 == 0)
        call_out(c, t.w, "forward");
    return t.kind == FORWARD_FAILS ? fail(c, t.w) : scratch ? AG_OK : AG_ENOMEM;
}

static ag_status forward_one(const ag_call *c, const ag_array *x, ag_array *y)
{
    return forward(c, x, y, 1);
}

static ag_status forward_three(const ag_call *c, const ag_array *x, ag_array *y)
{
    return forward(c, x, y, 3);
}

static ag_status forward_many(const ag_call *c, const ag_array *x, ag_array *y)
{
    return forward(c, x, y, 12);
}

/* A row of the operand, or a claim to more than it has. */
static ag_status view_shape(const ag_call *c, const ag_array *x, ag_array *y)
{
    trick t = trick_of(c);
    *y = x[0];
    if (y->shape.rank > 0 && y->shape.dim[0] > 1)
        y->shape.dim[0]--;
    if (t.kind == VIEW_ODD) {
        odd_array(t.w, y);
        if (chance(t.w, 2))
            y->data = chance(t.w, 2) ? NULL : (char *)x[0].data + 8 * (draw(t.w, 400) - 200);
        else
            y->data = x[0].data;
    }
    if (t.kind == SHAPE_CALLS)
        call_out(c, t.w, "view");
    return t.kind == SHAPE_FAILS ? fail(c, t.w) : AG_OK;
}

/* ---- derivatives */

static void rule(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    trick t = trick_of(c);
    world *w = t.w;
    if (t.kind == RULE_CALLS && t.number % 2)
        call_out(c, w, "rule");
    for (int i = 0; i < ag_call_inputs(c); i++)
        if (ag_call_needs(c, i))
            dx[i] = ag_mul_scalar(i ? ag_mul(dy[0], ag_call_input(c, 0)) : dy[0], 2);
    if (t.kind >= RULE_NOTHING && t.kind <= RULE_SHAPE)
        w->callbacks++;
    if (t.kind == RULE_NOTHING)
        memset(dx, 0, (size_t)ag_call_inputs(c) * sizeof *dx);
    if (t.kind == RULE_FAILS)
        fail(c, w);
    if (t.kind == RULE_ANY && ours(c, w))
        dx[0] = chance(w, 4) ? (ag_tensor){ ag_call_tape(c), 0, 0 } : pick(w).x;
    if (t.kind == RULE_SHAPE)
        dx[0] = ag_zeros(ag_call_tape(c), draw_dtype(w), draw_shape(w));
    if (t.kind == RULE_CALLS && t.number % 3 == 0 && ours(c, w)) { /* kept for later */
        const ag_tensor kept[] = { ag_call_input(c, 0), ag_call_output(c, 0), dx[0] };
        for (int i = 0; i < COUNT(kept); i++) {
            int place = learn(w, kept[i], -1, false);
            if (place >= 0)
                w->at[place].changing = true; /* they may share the values of others */
        }
    }
    if (t.kind == RULE_CALLS && t.number % 2 == 0)
        call_out(c, w, "rule");
}

/* The last output is a copy of the first one: what arrives there is as good. */
static void rule_of_saved(const ag_call *c, const ag_tensor *dy, ag_tensor *dx)
{
    ag_tensor both[] = { ag_add(dy[0], dy[2]), dy[1], dy[2] };
    rule(c, both, dx);
    world *w = trick_of(c).w;
    if (!chance(w, 3))
        return;
    w->callbacks++; /* not the derivative that another pass finds */
    dx[0] = ag_mul(both[0], ag_call_output(c, 2));
}

static ag_status fused(const ag_call *c, const ag_array *dy, ag_array *dx, const double *beta)
{
    trick t = trick_of(c);
    if (t.kind == FUSED_CALLS)
        call_out(c, t.w, "kernel");
    if (t.kind == FUSED_DECLINES)
        return AG_USE_RULE;
    const ag_array *x = ag_call_input_array(c, 0), *y = ag_call_output_array(c, 0);
    if (!x || !y)
        return t.number % 2 ? AG_USE_RULE : AG_EUSE;
    for (int k = 0; k < ag_call_inputs(c); k++)
        if (dx[k].data && ag_shape_size(dx[k].shape) != ag_shape_size(dy[0].shape))
            return AG_USE_RULE;
    for (int k = 0; k < ag_call_inputs(c); k++)
        for (int64_t i = 0; dx[k].data && i < ag_shape_size(dx[k].shape); i++) {
            double v = dy[0].data ? 2 * fuzz_element(&dy[0], i) * (k ? fuzz_element(x, i) : 1) : 0;
            fuzz_store(&dx[k], i, v + (beta[k] ? beta[k] * fuzz_element(&dx[k], i) : 0));
        }
    return t.kind == FUSED_FAILS ? fail(c, t.w) : AG_OK;
}

static void jvp(const ag_call *c, const ag_tensor *dx, ag_tensor *dy)
{
    (void)c;
    dy[0] = ag_mul_scalar(dx[0], 2);
}

static double map_one(const double *x, const void *params)
{
    (void)params;
    return 2 * x[0];
}

static double map_two(const double *x, const void *params)
{
    (void)params;
    return x[0] * x[1];
}

static const trick no_trick;
static const ag_sample samples[] = { { .params = &no_trick, .low = { -1 }, .high = { 1 }, .shape = { AG_DIMS(3) } },
                                     { 0 } };

#define PARAMS .params_size = sizeof(trick)
static const ag_op ops[] = {
    { .name = "fuzz_plain",
      .inputs = 1,
      PARAMS,
      .samples = samples,
      .shape = shape_one,
      .forward = forward_one,
      .vjp = rule },
    { .name = "fuzz_fused",
      .inputs = 1,
      PARAMS,
      .samples = samples,
      .shape = shape_one,
      .forward = forward_one,
      .vjp = rule,
      .vjp_fused = fused },
    { .name = "fuzz_two",
      .inputs = 2,
      PARAMS,
      .shape = shape_one,
      .forward = forward_one,
      .vjp = rule,
      .vjp_fused = fused,
      .flags = AG_STRIDED },
    { .name = "fuzz_three",
      .inputs = 1,
      .outputs = 3,
      PARAMS,
      .shape = shape_three,
      .forward = forward_three,
      .vjp = rule },
    { .name = "fuzz_three_fused",
      .inputs = 1,
      .outputs = 3,
      PARAMS,
      .shape = shape_three,
      .forward = forward_three,
      .vjp = rule,
      .vjp_fused = fused },
    { .name = "fuzz_saves",
      .inputs = 2,
      .saved = 2,
      PARAMS,
      .shape = shape_three,
      .forward = forward_three,
      .vjp = rule_of_saved,
      .vjp_fused = fused,
      .flags = AG_DENSE_ROWS },
    { .name = "fuzz_many",
      .flags = AG_VARIADIC,
      .outputs = 12,
      PARAMS,
      .shape = shape_many,
      .forward = forward_many,
      .vjp = rule },
    { .name = "fuzz_view", .inputs = 1, .flags = AG_VIEW, PARAMS, .shape = view_shape, .vjp = rule },
    { .name = "fuzz_map", .inputs = 1, PARAMS, .samples = samples, .map = map_one, .vjp = rule },
    { .name = "fuzz_map_two", .inputs = 2, .map = map_two, .jvp = jvp },
    { .name = "fuzz_constant",
      .inputs = 1,
      .flags = AG_NO_GRADIENT,
      PARAMS,
      .shape = shape_one,
      .forward = forward_one },
    { .name = "fuzz_no_rule", .inputs = 1, PARAMS, .shape = shape_one, .forward = forward_one },
    { .name = "fuzz_jvp",
      .inputs = 1,
      PARAMS,
      .shape = shape_one,
      .forward = forward_one,
      .vjp = rule,
      .jvp = jvp,
      .flags = AG_STRIDED },
};
static const ag_op odd_ops[] = {
    { .name = "fuzz_flags", .inputs = 1, .flags = 1 << 20, PARAMS, .shape = shape_one, .forward = forward_one },
    { .name = "fuzz_nothing", .inputs = 1 },
    { .name = "fuzz_many_outputs", .inputs = 1, .outputs = 300, PARAMS, .shape = shape_one, .forward = forward_one },
    { .name = "fuzz_saves_many",
      .inputs = 1,
      .outputs = 3,
      .saved = 253,
      PARAMS,
      .shape = shape_three,
      .forward = forward_three,
      .vjp = rule },
    { .name = "fuzz_negative", .inputs = -1, .outputs = -1, PARAMS, .shape = shape_one, .forward = forward_one },
    { .inputs = 1, .map = map_one },
};

const ag_op *user_op(world *w, void *params)
{
    trick t = { w, (fault_kind)(chance(w, 2) ? draw(w, FAULTS) : NOTHING), (uint32_t)draw(w, 1000) };
    if (!allowed(t.kind))
        t.kind = NOTHING;
    memset(params, 0, FUZZ_PARAMS);
    memcpy(params, &t, sizeof t);
    if (rude(w, may_odd_flags) && chance(w, 2))
        return &odd_ops[draw(w, COUNT(odd_ops))];
    return &ops[draw(w, COUNT(ops))];
}
