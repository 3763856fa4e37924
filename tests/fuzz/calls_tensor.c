/* Making tensors, transient and persistent, reading and writing them. */
#include "tests/fuzz/fuzz.h"

static const double numbers[64] = { 0.5,  -1,   2,    0.25, 3, -2,  1.5, -0.5, 0, 4,  1, 0.125, -3, 0.75, 7,   1e-3,
                                    -8,   1e9,  0.1,  0.2,  5, 6,   -7,  8,    9, 10, 1, 1,     2,  3,    -1,  -4,
                                    1e-9, 0.01, 0.99, 1.01, 2, 2.5, 3.5, 1,    0, 0,  1, 2,     1,  0,    0.3, 0.6 };

/* ---- transient */

static const double *draw_values(world *w, double *to)
{
    if (!rude(w, may_absurd_number))
        return numbers + draw(w, 40);
    for (int i = 0; i < 64; i++)
        to[i] = draw_number(w);
    return to;
}

static void play_values(world *w)
{
    lane *l = draw_lane(w);
    ag_shape s = draw_shape(w);
    int64_t size = ag_shape_size(s);
    size_t count = size >= 0 && size <= 24 && !rude(w, may_absurd_shape) ? (size_t)size : (size_t)draw(w, 25);
    double own[64];
    const double *v = draw_values(w, own);
    frame f = begin(w, l->t, "ag_values(%s, %zu)", text_of_shape(s), count);
    end_tensor(&f, ag_values(l->t, s, rude(w, may_null_list) ? NULL : v, count), -1);
}

static void play_rank_0(world *w)
{
    lane *l = draw_lane(w);
    double v = draw_number(w);
    bool variable = chance(w, 2);
    frame f = begin(w, l->t, "%s(%g)", variable ? "ag_variable" : "ag_constant", v);
    end_tensor(&f, variable ? ag_variable(l->t, v) : ag_constant(l->t, v), -1);
}

static void play_filled(world *w)
{
    lane *l = draw_lane(w);
    ag_dtype d = draw_dtype(w);
    ag_shape s = draw_shape(w);
    double v = draw_number(w);
    int which = draw(w, 4);
    frame f = begin(w, l->t, "ag_full or like it (%d) (%s, %s, %g)", which, ag_dtype_name(d), text_of_shape(s), v);
    if (which == 3) { /* its values are undefined until they are written */
        ag_tensor x = ag_empty(l->t, d, s);
        void *p = ag_write(x, d);
        if (p)
            memset(p, 1, (size_t)ag_size_of(x) * ag_dtype_size(ag_dtype_of(x)));
        if (p)
            end_tensor(&f, x, -1);
        else
            end_call(&f);
        return;
    }
    end_tensor(&f, which == 0 ? ag_zeros(l->t, d, s) : which == 1 ? ag_ones(l->t, d, s) : ag_full(l->t, d, s, v), -1);
}

static void play_sequence(world *w)
{
    lane *l = draw_lane(w);
    ag_dtype d = draw_dtype(w);
    double low = draw_number(w), high = draw_number(w), step = draw_number(w);
    int64_t n = rude(w, may_absurd_shape) ? draw_extent(w) : draw(w, 6);
    int which = draw(w, 4);
    frame f = begin(w, l->t, "%s(%s, %g, %g, %g or %lld)",
                    which == 0   ? "ag_arange"
                    : which == 1 ? "ag_linspace"
                    : which == 2 ? "ag_eye"
                                 : "ag_randperm",
                    ag_dtype_name(d), low, high, step, (long long)n);
    end_tensor(&f,
               which == 0   ? ag_arange(l->t, d, low, high, step)
               : which == 1 ? ag_linspace(l->t, d, low, high, n)
               : which == 2 ? ag_eye(l->t, d, n)
                            : ag_randperm(l->t, n),
               -1);
}

static void play_random(world *w)
{
    static const char *const names[] = { "ag_rand", "ag_randn", "ag_gumbel", "ag_truncated_normal" };
    lane *l = draw_lane(w);
    ag_dtype d = draw_dtype(w);
    ag_shape s = draw_shape(w);
    double a = draw_number(w), b = chance(w, 4) ? draw_number(w) : fabs(a) + 1;
    const int which = draw(w, COUNT(names));
    frame f = begin(w, l->t, "%s(%s, %s, %g, %g)", names[which], ag_dtype_name(d), text_of_shape(s), a, b);
    end_tensor(&f,
               which == 0   ? ag_rand(l->t, d, s, a, b)
               : which == 1 ? ag_randn(l->t, d, s, a, b)
               : which == 2 ? ag_gumbel(l->t, d, s, a, b)
                            : ag_truncated_normal(l->t, d, s, 0, 1, a, b),
               -1);
}

static void play_foreign_memory(world *w)
{
    lane *l = draw_lane(w);
    ag_dtype d = draw_dtype(w);
    ag_shape s = draw_shape(w);
    int64_t size = ag_shape_size(s);
    size_t bytes = size >= 0 && size < 64 ? (size_t)size * (ag_dtype_size(d) ? ag_dtype_size(d) : 8) : 16;
    bytes = rude(w, may_absurd_shape) ? (size_t)draw(w, 128) : bytes < sizeof numbers ? bytes : sizeof numbers;
    const void *data = rude(w, may_null_list) ? NULL : (const void *)numbers;
    bool wrap = chance(w, 2);
    frame f = begin(w, l->t, "%s(%s, %s, %s, %zu)", wrap ? "ag_wrap" : "ag_from", ag_dtype_name(d), text_of_shape(s),
                    data ? "memory" : "NULL", bytes);
    end_tensor(&f, wrap ? ag_wrap(l->t, d, s, data, bytes) : ag_from(l->t, d, s, data, bytes), -1);
}

static void play_shared(world *w)
{
    argument x = pick(w);
    bool leaf = !chance(w, 3);
    frame f = begin(w, x.x.tape, "%s(%s)", leaf ? "ag_require_grad" : "ag_detach", text_of(w, x));
    end_tensor(&f, leaf ? ag_require_grad(x.x) : ag_detach(x.x), x.place);
}

/* ---- persistent */

static void play_persistent(world *w)
{
    argument x = pick(w);
    const char *name = draw_name(w);
    ag_axes order = AG_AXES(1, 0);
    if (chance(w, 3))
        order = draw_axes(w);
    int which = draw(w, 6);
    frame f = begin(w, x.x.tape, "%s(%s, %s)",
                    which == 0   ? "ag_buffer"
                    : which == 1 ? "ag_param_as"
                    : which == 2 ? "ag_buffer_as"
                                 : "ag_param",
                    text_of(w, x), name ? name : "NULL");
    end_tensor(&f,
               which == 0   ? ag_buffer(x.x, name)
               : which == 1 ? ag_param_as(x.x, order, name)
               : which == 2 ? ag_buffer_as(x.x, order, name)
                            : ag_param(x.x, name),
               -1);
}

static void play_assign(world *w)
{
    argument p = pick_of(w, chance(w, 8) ? NULL : is_persistent), x = pick_like(w, p);
    frame f = begin(w, p.x.tape, "ag_assign(%s, %s)", text_of(w, p), text_of(w, x));
    const known *to = p.place >= 0 ? &w->at[p.place] : NULL, *from = x.place >= 0 ? &w->at[x.place] : NULL;
    bool fit = to && from && from->life == ALIVE && ag_shape_size(to->shape) == ag_shape_size(from->shape);
    uint64_t given = fit ? values_hash(x.x, to->dtype, to->shape) : 0;
    ag_status s = ag_assign(p.x, x.x);
    if (!s && to) {
        wrote(w, p.place);
        if (fit && given != NOT_KNOWN && to->hash != NOT_KNOWN && to->hash != given)
            fault(w, "ag_assign: the values are not the ones given");
    }
    end_status(&f, s);
}

static void play_release(world *w)
{
    argument p = pick_of(w, chance(w, 8) ? NULL : is_persistent);
    frame f = begin(w, p.x.tape, "ag_release(%s)", text_of(w, p));
    ag_status s = ag_release(p.x);
    for (int i = 0; i < w->used_count && !s && p.place >= 0; i++) {
        known *k = &w->at[w->used[i]];
        if (is_same(k->x, p.x))
            k->life = w->depth ? EITHER : GONE; /* a gradient check undoes it */
    }
    end_anyway(&f, s);
}

/* All parameters that are known are listed, in the order of their creation. */
static void play_params(world *w)
{
    lane *l = draw_lane(w);
    frame f = begin(w, l->t, "ag_params(%d)", (int)(l - w->lanes));
    ag_list list = ag_params(l->t), none = ag_list_none(l->t);
    if (none.count || ag_list_tape(none) != l->t || (list.at && ag_list_tape(list) != l->t))
        fault(w, "a list has forgotten its tape");
    size_t at = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < list.count; i++)
        if (!ag_ok(list.at[i]) || !ag_is_persistent(list.at[i]) || !ag_needs_grad(list.at[i]))
            fault(w, "ag_params lists what is no parameter");
    for (int i = 0; i < w->used_count && (list.count || !ag_error(l->t)); i++) {
        const known *k = &w->at[w->used[i]];
        if (!k->param || k->life != ALIVE || &w->lanes[k->tape] != l || k->undated || k->birth <= last)
            continue;
        last = k->birth;
        while (at < list.count && (list.at[at].id != k->x.id || list.at[at].epoch != k->x.epoch))
            at++;
        if (at == list.count)
            fault(w, "ag_params does not list x%d, or in another order", w->used[i]);
    }
    end_call(&f);
}

static void play_storage(world *w)
{
    argument p = pick_of(w, chance(w, 8) ? NULL : is_persistent);
    ag_storage s;
    bool nowhere = rude(w, may_null_list);
    frame f = begin(w, p.x.tape, "ag_storage_of(%s) and a write", text_of(w, p));
    ag_status status = ag_storage_of(p.x, nowhere ? NULL : &s);
    if (!status && !nowhere && s.count > 0) {
        if (s.dtype == AG_F64)
            ((double *)s.value)[s.count - 1] = 0.5;
        if (s.grad && s.dtype == AG_F64)
            ((double *)s.grad)[0] = 0.25;
        ag_grad_written(p.x);
        status = ag_written(p.x);
        wrote(w, p.place);
    }
    end_anyway(&f, status);
}

/* ---- names, reading, writing */

static void play_name(world *w)
{
    argument x = pick(w);
    const char *name = draw_name(w);
    frame f = begin(w, x.x.tape, "ag_name(%s, %s)", text_of(w, x), name ? name : "NULL");
    ag_tensor y = ag_name(x.x, name);
    if (y.id && !ag_error(x.x.tape) && w->lanes[f.lane].told == f.told && name && !strstr(ag_name_of(y), name))
        fault(w, "ag_name_of is '%s'", ag_name_of(y));
    end_tensor(&f, y, x.place);
}

static void play_reads(world *w)
{
    argument x = pick_of(w, NULL);
    int64_t i = draw_index(w);
    ag_dtype d = chance(w, 3) ? draw_dtype(w) : x.place >= 0 ? w->at[x.place].dtype : AG_F64;
    frame f = begin(w, x.x.tape, "reading %s", text_of(w, x));
    observe_number(w, ag_item(x.x));
    observe_number(w, ag_item_at(x.x, i));
    const unsigned char *data = ag_data(x.x, d);
    if (data && ag_size_of(x.x) > 0)
        observe(w, data[0]);
    observe(w, (uint64_t)(ag_needs_grad(x.x) + 2 * ag_is_persistent(x.x) + 4 * ag_ok(x.x)));
    if (!ag_show(x.x) || !ag_name_of(x.x))
        fault(w, "a text that is NULL");
    double v[32];
    size_t bytes = (size_t)draw(w, 4) * 64;
    ag_copy_out(x.x, d, bytes ? v : NULL, bytes);
    if (f.gone && !f.before && w->lanes[f.lane < 0 ? 0 : f.lane].clears == f.clears && !ag_error(x.x.tape))
        fault(w, "a tensor that is gone was read");
    end_call(&f);
}

static void play_write(world *w)
{
    argument x = pick_of(w, NULL);
    ag_dtype d = x.place >= 0 && !chance(w, 6) ? w->at[x.place].dtype : draw_dtype(w);
    double v[64];
    for (int i = 0; i < 64; i++)
        v[i] = draw_number(w);
    frame f = begin(w, x.x.tape, "writing %s", text_of(w, x));
    int64_t size = x.place >= 0 ? ag_shape_size(w->at[x.place].shape) : 0;
    size_t bytes = (size_t)size * ag_dtype_size(d);
    if (chance(w, 2) && size <= 64) {
        ag_status s = ag_copy_in(x.x, d, v, bytes);
        if (!s)
            wrote(w, x.place);
        end_anyway(&f, s);
        return;
    }
    void *p = ag_write(x.x, d);
    if (p && bytes <= sizeof v)
        memcpy(p, v, bytes);
    if (p)
        wrote(w, x.place);
    end_call(&f);
}

/* ---- the first tensors */

void furnish(world *w, int i)
{
    lane *l = &w->lanes[i == FURNITURE - 1];
    ag_tape *t = l->t;
    frame f = begin(w, t, "furniture %d", i);
    const double *v = numbers + i;
    ag_tensor x = { t, 0, 0 };
    switch (i) {
    case 0:
        x = ag_param(ag_values(t, AG_SHAPE(2, 3), v, 6), "p");
        break;
    case 1:
        x = ag_param(ag_values(t, AG_SHAPE(3), v, 3), "q");
        break;
    case 2:
        x = ag_variable(t, 2);
        break;
    case 3:
        x = ag_require_grad(ag_values(t, AG_SHAPE(2, 3), v, 6));
        break;
    case 4:
        x = ag_param_as(ag_values(t, AG_SHAPE(3, 3), v, 9), AG_AXES(1, 0), "r");
        break;
    case 5:
        x = ag_cast(ag_values(t, AG_SHAPE(2), v + 3, 2), chance(w, 2) ? AG_I64 : AG_U8);
        break;
    case 6:
        x = ag_param(ag_constant(t, 1.5), "s");
        break;
    case 7:
        x = ag_values(t, AG_SHAPE(3), v, 3);
        break;
    case 8:
        x = ag_buffer(ag_cast(ag_values(t, AG_SHAPE(3), v, 3), chance(w, 2) ? AG_F32 : AG_F64), "b");
        break;
    default:
        x = ag_param(ag_values(t, AG_SHAPE(2, 3), v, 6), "foreign");
    }
    end_tensor(&f, x, -1);
}

const move tensor_moves[] = {
    { .name = "values", 4, play_values },
    { .name = "rank_0", 3, play_rank_0 },
    { .name = "filled", 3, play_filled },
    { .name = "sequence", 2, play_sequence },
    { .name = "random", 2, play_random },
    { .name = "memory", 2, play_foreign_memory },
    { .name = "shared", 4, play_shared },
    { .name = "persistent", 3, play_persistent },
    { .name = "assign", 3, play_assign, .writes = true },
    { .name = "release", 1, play_release },
    { .name = "params", 1, play_params },
    { .name = "storage", 1, play_storage, .writes = true },
    { .name = "name", 1, play_name },
    { .name = "reads", 4, play_reads },
    { .name = "write", 3, play_write, .writes = true },
    { .name = NULL },
};
