/* Every op of ag/ops.h. */
#include "tests/fuzz/fuzz.h"

/* ---- tables of those with the same arguments */

/* clang-format off */
#define UNARY(X) X(ag_neg) X(ag_square) X(ag_sqrt) X(ag_exp) X(ag_log) X(ag_sin) X(ag_cos) X(ag_tanh) X(ag_sigmoid) \
    X(ag_softplus) X(ag_relu) X(ag_abs) X(ag_sign) X(ag_sum) X(ag_mean) X(ag_max) X(ag_min)
#define BINARY(X) X(ag_add) X(ag_sub) X(ag_mul) X(ag_div) X(ag_pow) X(ag_maximum) X(ag_minimum) X(ag_chain) \
    X(ag_less) X(ag_less_equal) X(ag_greater) X(ag_greater_equal) X(ag_equal) X(ag_not_equal) \
    X(ag_mse) X(ag_bce) X(ag_bce_logits)
#define NUMBER_AFTER(X) X(ag_add_scalar) X(ag_mul_scalar) X(ag_pow_scalar) X(ag_leaky_relu) X(ag_maximum_scalar) \
    X(ag_minimum_scalar) X(ag_heaviside)
#define NUMBER_BEFORE(X) X(ag_scalar_sub) X(ag_scalar_div)
#define OVER(X) X(ag_sum_over) X(ag_mean_over) X(ag_max_over) X(ag_min_over) X(ag_logsumexp)
#define ALONG(X) X(ag_softmax) X(ag_log_softmax) X(ag_unsqueeze) X(ag_squeeze)
/* clang-format on */
#define LISTED(op) { #op, op },

static const struct {
    const char *name;
    ag_tensor (*call)(ag_tensor);
} unary[] = { UNARY(LISTED) };
static const struct {
    const char *name;
    ag_tensor (*call)(ag_tensor, ag_tensor);
} binary[] = { BINARY(LISTED) };
static const struct {
    const char *name;
    ag_tensor (*call)(ag_tensor, double);
} number_after[] = { NUMBER_AFTER(LISTED) };
static const struct {
    const char *name;
    ag_tensor (*call)(double, ag_tensor);
} number_before[] = { NUMBER_BEFORE(LISTED) };
static const struct {
    const char *name;
    ag_tensor (*call)(ag_tensor, ag_axes, int);
} over[] = { OVER(LISTED) };
static const struct {
    const char *name;
    ag_tensor (*call)(ag_tensor, int);
} along[] = { ALONG(LISTED) };

static void play_unary(world *w)
{
    int i = draw(w, COUNT(unary));
    argument x = pick(w);
    frame f = begin(w, x.x.tape, "%s(%s)", unary[i].name, text_of(w, x));
    end_tensor(&f, unary[i].call(x.x), -1);
}

static void play_binary(world *w)
{
    int i = draw(w, chance(w, 3) ? COUNT(binary) : 4);
    argument a = pick(w), b = pick_like(w, a);
    frame f = begin(w, a.x.tape ? a.x.tape : b.x.tape, "%s(%s, %s)", binary[i].name, text_of(w, a), text_of(w, b));
    end_tensor(&f, binary[i].call(a.x, b.x), -1);
}

static void play_number(world *w)
{
    int i = draw(w, COUNT(number_after)), k = draw(w, COUNT(number_before));
    argument x = pick(w);
    double c = draw_number(w);
    if (chance(w, 4)) {
        frame f = begin(w, x.x.tape, "%s(%g, %s)", number_before[k].name, c, text_of(w, x));
        end_tensor(&f, number_before[k].call(c, x.x), -1);
    } else {
        frame f = begin(w, x.x.tape, "%s(%s, %g)", number_after[i].name, text_of(w, x), c);
        end_tensor(&f, number_after[i].call(x.x, c), -1);
    }
}

static void play_clamp(world *w)
{
    argument x = pick(w);
    double low = draw_number(w), high = chance(w, 4) ? draw_number(w) : low + draw(w, 3);
    frame f = begin(w, x.x.tape, "ag_clamp(%s, %g, %g)", text_of(w, x), low, high);
    end_tensor(&f, ag_clamp(x.x, low, high), -1);
}

static const char *text_of_axes(const ag_axes *a)
{
    static char text[TEXT];
    int used = snprintf(text, sizeof text, "%d:", a->count);
    for (int i = 0; i < a->count && i < AG_MAX_RANK; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %d", a->axis[i]);
    return text;
}

static void play_over(world *w)
{
    int i = draw(w, COUNT(over)), flags = draw_flags(w);
    argument x = pick(w);
    ag_axes a = draw_axes(w);
    frame f = begin(w, x.x.tape, "%s(%s, (%s), %d)", over[i].name, text_of(w, x), text_of_axes(&a), flags);
    end_tensor(&f, over[i].call(x.x, a, flags), -1);
}

static void play_along(world *w)
{
    int i = draw(w, COUNT(along)), axis = draw_axis(w);
    argument x = pick(w);
    frame f = begin(w, x.x.tape, "%s(%s, %d)", along[i].name, text_of(w, x), axis);
    end_tensor(&f, along[i].call(x.x, axis), x.place);
}

/* ---- the others */

static void play_cast(world *w)
{
    argument x = pick_of(w, NULL);
    ag_dtype d = draw_dtype(w);
    frame f = begin(w, x.x.tape, "ag_cast(%s, %s)", text_of(w, x), ag_dtype_name(d));
    end_tensor(&f, ag_cast(x.x, d), x.place);
}

static ag_tape *first_tape(ag_list xs)
{
    for (size_t i = 0; xs.at && i < xs.count; i++)
        if (xs.at[i].tape)
            return xs.at[i].tape;
    return NULL;
}

static void play_joined(world *w)
{
    ag_tensor at[12];
    ag_list xs = pick_list(w, at, chance(w, 4) ? 12 : 3);
    if (xs.at && xs.count && chance(w, 2))
        for (size_t i = 1; i < xs.count; i++)
            at[i] = at[0];
    int axis = draw_axis(w);
    bool concat = chance(w, 2);
    frame f = begin(w, first_tape(xs), "%s(%s, %d)", concat ? "ag_concat" : "ag_stack", text_of_list(w, xs), axis);
    f.gone = f.foreign = false; /* they may have been replaced */
    f.inert = !xs.at || !xs.count;
    for (size_t i = 0; xs.at && i < xs.count; i++)
        f.inert |= !xs.at[i].id;
    ag_tensor y = concat ? ag_concat(xs, axis) : ag_stack(xs, axis);
    end_tensor(&f, y, -1);
}

static void play_two(world *w)
{
    static ag_tensor (*const calls[])(ag_tensor, ag_tensor) = { ag_matmul, ag_dot, ag_cross_entropy };
    static const char *const names[] = { "ag_matmul", "ag_dot", "ag_cross_entropy" };
    int i = draw(w, COUNT(calls));
    argument a = pick(w), b = i == 2 && chance(w, 2) ? pick_of(w, is_integer) : pick_like(w, a);
    frame f = begin(w, a.x.tape ? a.x.tape : b.x.tape, "%s(%s, %s)", names[i], text_of(w, a), text_of(w, b));
    end_tensor(&f, calls[i](a.x, b.x), -1);
}

static void play_three(world *w)
{
    bool linear = chance(w, 2);
    argument a = linear ? pick(w) : pick_of(w, is_integer), b = pick_like(w, a), c = { { 0 }, -1 };
    if (!linear || chance(w, 2))
        c = pick_like(w, b);
    ag_tape *t = first_tape(AG_LIST(a.x, b.x, c.x));
    frame f =
        begin(w, t, "%s(%s, %s, %s)", linear ? "ag_linear" : "ag_where", text_of(w, a), text_of(w, b), text_of(w, c));
    f.inert = !a.x.id || !b.x.id || (!c.x.id && (c.x.tape || !linear));
    end_tensor(&f, linear ? ag_linear(a.x, b.x, c.x) : ag_where(a.x, b.x, c.x), -1);
}

static void play_one_hot(world *w)
{
    argument x = pick_of(w, is_integer);
    int64_t classes = chance(w, 4) ? draw_index(w) : 5;
    ag_dtype d = draw_dtype(w);
    frame f = begin(w, x.x.tape, "ag_one_hot(%s, %lld, %s)", text_of(w, x), (long long)classes, ag_dtype_name(d));
    end_tensor(&f, ag_one_hot(x.x, classes, d), -1);
}

/* ---- views */

static void play_shaped(world *w)
{
    argument x = pick(w);
    ag_shape s = shape_like(w, x);
    bool expand = chance(w, 2);
    if (expand && s.rank >= 0 && s.rank < AG_MAX_RANK && chance(w, 2)) {
        memmove(s.dim + 1, s.dim, (AG_MAX_RANK - 1) * sizeof *s.dim);
        s.dim[0] = draw_extent(w);
        s.rank++;
    } else if (!expand && s.rank > 0 && s.rank <= AG_MAX_RANK && chance(w, 2)) {
        s = chance(w, 2) ? AG_SHAPE(-1) : AG_SHAPE(s.dim[s.rank - 1], -1);
    }
    frame f = begin(w, x.x.tape, "%s(%s, %s)", expand ? "ag_expand" : "ag_reshape", text_of(w, x), text_of_shape(s));
    end_tensor(&f, expand ? ag_expand(x.x, s) : ag_reshape(x.x, s), x.place);
}

static void play_axes_moved(world *w)
{
    argument x = pick(w);
    int a = draw_axis(w), b = draw_axis(w), which = draw(w, 3);
    ag_axes axes = { 2, { 1, 0 } };
    if (chance(w, 3))
        axes = draw_axes(w);
    frame f = begin(w, x.x.tape, "%s(%s, %d, %d)",
                    which == 0   ? "ag_transpose"
                    : which == 1 ? "ag_flatten"
                                 : "ag_permute",
                    text_of(w, x), which == 2 ? axes.axis[0] : a, which == 2 ? axes.axis[1] : b);
    end_tensor(&f,
               which == 0   ? ag_transpose(x.x, a, b)
               : which == 1 ? ag_flatten(x.x, a, b)
                            : ag_permute(x.x, axes),
               x.place);
}

static void play_slice(world *w)
{
    argument x = pick(w);
    int axis = draw_axis(w);
    int64_t start = draw_index(w), stop = chance(w, 3) ? INT64_MAX : draw_index(w), step = draw_index(w);
    frame f = begin(w, x.x.tape, "ag_slice(%s, %d, %lld, %lld, %lld)", text_of(w, x), axis, (long long)start,
                    (long long)stop, (long long)step);
    end_tensor(&f, ag_slice(x.x, axis, start, stop, step), x.place);
}

static void play_select(world *w)
{
    argument x = pick(w);
    int axis = draw_axis(w);
    int64_t i = draw_index(w);
    frame f = begin(w, x.x.tape, "ag_select(%s, %d, %lld)", text_of(w, x), axis, (long long)i);
    end_tensor(&f, ag_select(x.x, axis, i), x.place);
}

static void play_embed(world *w)
{
    argument x = pick(w);
    int axis = draw_axis(w);
    int64_t extent = chance(w, 3) ? draw_index(w) : 9, start = draw_index(w), step = draw_index(w);
    frame f = begin(w, x.x.tape, "ag_embed(%s, %d, %lld, %lld, %lld)", text_of(w, x), axis, (long long)extent,
                    (long long)start, (long long)step);
    end_tensor(&f, ag_embed(x.x, axis, extent, start, step), -1);
}

const move op_moves[] = {
    { .name = "unary", 12, play_unary },
    { .name = "binary", 16, play_binary },
    { .name = "number", 8, play_number },
    { .name = "clamp", 2, play_clamp },
    { .name = "over", 6, play_over },
    { .name = "along", 4, play_along },
    { .name = "cast", 2, play_cast },
    { .name = "joined", 4, play_joined },
    { .name = "two", 6, play_two },
    { .name = "three", 4, play_three },
    { .name = "one_hot", 1, play_one_hot },
    { .name = "shaped", 5, play_shaped },
    { .name = "axes", 4, play_axes_moved },
    { .name = "slice", 4, play_slice },
    { .name = "select", 3, play_select },
    { .name = "embed", 2, play_embed },
    { .name = NULL },
};
