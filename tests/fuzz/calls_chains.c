/* Arrays whose rows are long enough that ops which broadcast, and sums over axes, wait with others. */
#include "tests/fuzz/fuzz.h"

enum { ROWS = 70, COLUMNS = 17 };

static ag_shape draw_rows(world *w)
{
    static const ag_shape shapes[] = { AG_DIMS(ROWS, COLUMNS), AG_DIMS(ROWS, COLUMNS),    AG_DIMS(COLUMNS),
                                       AG_DIMS(ROWS, 1),       AG_DIMS(1, COLUMNS),       AG_DIMS(2, ROWS, COLUMNS),
                                       AG_DIMS(2, 1, COLUMNS), AG_DIMS(2, ROWS, COLUMNS), { 0, { 0 } } };
    return shapes[draw(w, COUNT(shapes))];
}

static bool has_rows(const known *k)
{
    const int r = k->shape.rank;
    if (!is_float(k) || r < 1 || r > 3)
        return false;
    return k->shape.dim[r - 1] == COLUMNS || (r > 1 && k->shape.dim[r - 2] == ROWS && k->shape.dim[r - 1] == 1);
}

static void play_rows(world *w)
{
    lane *l = draw_lane(w);
    const ag_shape s = draw_rows(w);
    const int which = draw(w, 3);
    frame f = begin(w, l->t, "ag_rand(%s)%s", text_of_shape(s),
                    which == 0   ? ""
                    : which == 1 ? ", ag_param"
                                 : ", ag_require_grad");
    const ag_tensor x = ag_rand(l->t, chance(w, 5) ? draw_dtype(w) : AG_FLOAT, s, -1, 1);
    const ag_tensor y = which == 0 ? x : which == 1 ? ag_param(x, NULL) : ag_require_grad(x);
    f.inert |= !x.id;
    end_tensor(&f, y, -1);
}

static ag_tensor row_op(int which, ag_tensor x, ag_tensor y)
{
    switch (which) {
    case 0:
        return ag_add(x, y);
    case 1:
        return ag_sub(x, y);
    case 2:
        return ag_mul(x, y);
    case 3:
        return ag_div(x, y);
    case 4:
        return ag_maximum(x, y);
    case 5:
        return ag_tanh(x);
    case 6:
        return ag_square(x);
    default:
        return ag_sqrt(x);
    }
}

static void play_row_op(world *w)
{
    static const char *const names[] = { "add", "sub", "mul", "div", "maximum", "tanh", "square", "sqrt" };
    const int which = draw(w, COUNT(names));
    const argument x = pick_of(w, has_rows), y = which < 5 ? pick_of(w, has_rows) : x;
    frame f = begin(w, x.x.tape, "ag_%s(%s, %s)", names[which], text_of(w, x), text_of(w, y));
    end_tensor(&f, row_op(which, x.x, y.x), -1);
}

static void play_row_sum(world *w)
{
    static const ag_axes all[] = { { 1, { -1 } }, { 1, { -1 } }, { 1, { 0 } }, { 2, { 0, 1 } }, { 2, { 1, 2 } } };
    const argument x = pick_of(w, has_rows);
    const ag_axes axes = chance(w, 12) ? draw_axes(w) : all[draw(w, COUNT(all))];
    const int flags = chance(w, 3) ? draw_flags(w) : AG_KEEPDIM;
    const bool mean = chance(w, 2);
    frame f = begin(w, x.x.tape, "ag_%s_over(%s, {%d}, %d)", mean ? "mean" : "sum", text_of(w, x), axes.axis[0], flags);
    end_tensor(&f, mean ? ag_mean_over(x.x, axes, flags) : ag_sum_over(x.x, axes, flags), -1);
}

const move chain_moves[] = {
    { .name = "rows", 4, play_rows },
    { .name = "row_op", 8, play_row_op },
    { .name = "row_sum", 4, play_row_sum },
    { .name = NULL },
};
