/* Random arguments, most of them sensible. */
#include "tests/fuzz/fuzz.h"

/* ---- numbers (Steele, Lea and Flood 2014: SplitMix) */

uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

uint64_t bits(world *w)
{
    w->random += 0x9e3779b97f4a7c15;
    return mix(w->random);
}

int draw(world *w, int below)
{
    return (int)((bits(w) >> 33) % (uint64_t)below);
}

bool chance(world *w, int in)
{
    return draw(w, in) == 0;
}

bool rude(world *w, habit h)
{
    return draw(w, 100) < w->rudeness && chance(w, 3) && !fuzz_without[h];
}

lane *draw_lane(world *w)
{
    return &w->lanes[chance(w, 10) ? 1 : 0];
}

const char *letter(const lane *l)
{
    return l == &l->world->lanes[0] ? "t" : "t'";
}

nn_module *draw_module(world *w, const lane *l)
{
    return l->module_count && !rude(w, may_absent) ? l->modules[draw(w, l->module_count)] : NULL;
}

/* ---- tensors */

bool is_float(const known *k)
{
    return k->dtype == AG_F32 || k->dtype == AG_F64;
}

bool is_integer(const known *k)
{
    return !is_float(k);
}

bool is_persistent(const known *k)
{
    return k->persistent;
}

bool is_param(const known *k)
{
    return k->param;
}

bool is_small(const known *k)
{
    return is_float(k) && ag_shape_size(k->shape) >= 0 && ag_shape_size(k->shape) < 10;
}

/* The last calls' results are the likeliest. */
static known *any(world *w)
{
    int call = w->call - (chance(w, 3) ? draw(w, w->call + 1) : draw(w, w->call < 12 ? w->call + 1 : 12));
    return w->results[call] ? &w->at[call * RESULTS + draw(w, w->results[call])] : NULL;
}

static argument given(world *w, ag_tensor x, int place)
{
    w->given.inert |= !x.id;
    w->given.gone |= place >= 0 && w->at[place].life == GONE;
    w->given.foreign |= w->given.first && x.tape && x.tape != w->given.first;
    if (!w->given.first)
        w->given.first = x.tape;
    return (argument){ x, place };
}

static argument found(world *w, const known *k)
{
    return given(w, k->x, (int)(k - w->at));
}

argument pick_made(world *w, ag_tensor x)
{
    return given(w, x, -1);
}

argument pick_of(world *w, bool (*fits)(const known *k))
{
    ag_tape *t = w->lanes[0].t;
    if (rude(w, may_absent))
        return given(w, (ag_tensor){ 0 }, -1);
    if (rude(w, may_inert))
        return given(w, (ag_tensor){ t, 0, 0 }, -1);
    bool gone = rude(w, may_stale), foreign = rude(w, may_foreign), odd = rude(w, may_other_dtype);
    for (int i = 0; i < 24; i++) {
        const known *k = any(w);
        if (!k || gone != (k->life == GONE) || (foreign ? k->tape == 0 : k->tape != 0))
            continue;
        if (odd || !fits || fits(k))
            return found(w, k);
    }
    for (int i = w->used_count - 1; i >= 0 && i > w->used_count - 60; i--) {
        const known *k = &w->at[w->used[i]];
        if (k->life == ALIVE && k->tape == 0 && (!fits || fits(k)))
            return found(w, k);
    }
    return given(w, (ag_tensor){ t, 0, 0 }, -1);
}

argument pick(world *w)
{
    return pick_of(w, chance(w, 12) ? NULL : is_float);
}

static bool same_shape(ag_shape a, ag_shape b)
{
    return a.rank == b.rank && a.rank >= 0 && !memcmp(a.dim, b.dim, (size_t)a.rank * sizeof *a.dim);
}

argument pick_like(world *w, argument x)
{
    if (x.place < 0 || chance(w, 6))
        return pick(w);
    const known *like = &w->at[x.place];
    for (int i = 0; i < 16; i++) {
        const known *k = any(w);
        if (k && k->tape == like->tape && k->life == ALIVE && k->dtype == like->dtype &&
            same_shape(k->shape, like->shape))
            return found(w, k);
    }
    return chance(w, 3) ? pick(w) : x;
}

ag_list pick_list(world *w, ag_tensor *to, int most)
{
    int count = draw(w, most + 1);
    if (rude(w, may_null_list))
        return (ag_list){ NULL, (size_t)draw(w, 3) };
    for (int i = 0; i < count; i++)
        to[i] = pick(w).x;
    return (ag_list){ to, (size_t)count };
}

/* ---- texts for the log */

static char *scratch_text(void)
{
    static char texts[16][TEXT];
    static int next;
    return texts[next++ % 16];
}

const char *text_of_shape(ag_shape s)
{
    char *text = scratch_text();
    int used = snprintf(text, TEXT, "[");
    for (int i = 0; i < s.rank && i < AG_MAX_RANK; i++)
        used += snprintf(text + used, (size_t)(TEXT - used), "%s%lld", i ? "," : "", (long long)s.dim[i]);
    snprintf(text + used, (size_t)(TEXT - used), s.rank < 0 || s.rank > AG_MAX_RANK ? "] of rank %d" : "]", s.rank);
    return text;
}

const char *text_of(world *w, argument a)
{
    if (!w->log)
        return "";
    char *text = scratch_text();
    if (a.place < 0) {
        snprintf(text, TEXT,
                 a.x.id     ? "new%s"
                 : a.x.tape ? "inert"
                            : "{0}",
                 a.x.id ? text_of_shape(ag_shape_of(a.x)) : "");
        return text;
    }
    const known *k = &w->at[a.place];
    snprintf(text, TEXT, "x%d%s%s%s", a.place, k->tape ? "'" : "", k->life == GONE ? "(gone)" : "",
             k->life == EITHER ? "(?)" : "");
    return text;
}

const char *text_of_list(world *w, ag_list l)
{
    if (!w->log)
        return "";
    char *text = scratch_text();
    int used = snprintf(text, TEXT, l.at ? "{" : "NULL{%zu", l.count);
    for (size_t i = 0; l.at && i < l.count && used < TEXT - 20; i++) {
        argument a = { l.at[i], -1 };
        for (int k = w->used_count - 1; k >= 0 && a.place < 0; k--)
            if (is_same(w->at[w->used[k]].x, a.x))
                a.place = w->used[k];
        used += snprintf(text + used, (size_t)(TEXT - used), "%s%s", i ? ", " : "", text_of(w, a));
    }
    snprintf(text + used, (size_t)(TEXT - used), "}");
    return text;
}

/* ---- plain arguments */

int64_t draw_extent(world *w)
{
    static const int64_t absurd[] = { -1,        -2,        INT64_MIN, INT64_MAX,        (int64_t)1 << 62,
                                      1LL << 61, 1LL << 32, 1LL << 31, (int64_t)1 << 40, 1000000 };
    if (rude(w, may_absurd_shape))
        return absurd[draw(w, COUNT(absurd))];
    if (rude(w, may_empty_shape))
        return 0;
    return 1 + draw(w, 4);
}

ag_shape draw_shape(world *w)
{
    static const ag_shape plain[] = { AG_DIMS(3),    AG_DIMS(2, 3), AG_DIMS(3, 2),    AG_DIMS(2),
                                      AG_DIMS(3, 3), AG_DIMS(1),    AG_DIMS(2, 3, 2), { 0, { 0 } } };
    ag_shape s = plain[draw(w, COUNT(plain))];
    if (!rude(w, may_absurd_shape) && !chance(w, 6)) {
        if (w->large && chance(w, 12))
            return AG_SHAPE(2, 30000);
        return s;
    }
    s.rank = rude(w, may_absurd_shape) ? draw(w, 12) - 1 : draw(w, 5);
    for (int i = 0; i < AG_MAX_RANK; i++)
        s.dim[i] = draw_extent(w);
    return s;
}

ag_shape shape_like(world *w, argument x)
{
    return x.place >= 0 && !chance(w, 5) ? w->at[x.place].shape : draw_shape(w);
}

ag_dtype draw_dtype(world *w)
{
    if (rude(w, may_other_dtype))
        return (ag_dtype)(draw(w, 9) - 1);
    static const ag_dtype likely[] = { AG_FLOAT, AG_FLOAT, AG_F64, AG_F64, AG_F32, AG_I32, AG_I64, AG_U8 };
    return likely[draw(w, COUNT(likely))];
}

double draw_number(world *w)
{
    static const double absurd[] = { NAN,  INFINITY, -INFINITY, 1e308,        -1e308, 5e-324, -0.0,
                                     1e19, -1e19,    1e-30,     2147483648.0, 0.5,    -1,     1 };
    if (rude(w, may_absurd_number))
        return absurd[draw(w, COUNT(absurd))];
    return (double)(draw(w, 41) - 20) / 8;
}

int64_t draw_index(world *w)
{
    static const int64_t absurd[] = { INT64_MAX, INT64_MIN, -1, 1000, (int64_t)1 << 32, -5, INT64_MAX - 1 };
    return rude(w, may_absurd_axis) ? absurd[draw(w, COUNT(absurd))] : draw(w, 4);
}

int draw_axis(world *w)
{
    static const int absurd[] = { 2, 3, 7, 8, 9, -2, -3, -8, -9, 100, INT32_MAX, INT32_MIN };
    return rude(w, may_absurd_axis) ? absurd[draw(w, COUNT(absurd))] : draw(w, 3) - 1;
}

ag_axes draw_axes(world *w)
{
    if (chance(w, 5))
        return AG_ALL;
    ag_axes a = { .count = draw(w, 3) };
    if (rude(w, may_absurd_axis))
        a.count = draw(w, 12) - 2;
    for (int i = 0; i < AG_MAX_RANK; i++)
        a.axis[i] = chance(w, 3) ? draw_axis(w) : i;
    return a;
}

int draw_flags(world *w)
{
    return rude(w, may_odd_flags) ? draw(w, 200) - 100 : draw(w, 2);
}

const char *draw_name(world *w)
{
    static const char *const names[] = { "a",    "b",        "weight", "0",
                                         "1",    NULL,       "",       "x.y",
                                         "%s%n", "\xff\xfe", "\"\\",   "a name that is longer than most",
                                         "bias", "0.weight" };
    return names[chance(w, 4) ? draw(w, COUNT(names)) : draw(w, 5)];
}
