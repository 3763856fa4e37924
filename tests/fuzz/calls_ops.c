/* Every op of ag/ops.h, with the arguments of its cases in tests/fixtures: as they are, or some of them others. */
#include "tests/cases.h"
#include "tests/fuzz/fuzz.h"

static const examples *all;
static struct {
    int first, count; /* of the op's cases */
} cases[CALLED_OPS];

bool load_cases(void)
{
    all = read_cases();
    for (int k = 0; all && k < CALLED_OPS; k++)
        for (int i = 0; i < all->count; i++) {
            if (strcmp(all->at[i].op, called_ops[k].name))
                continue;
            if (!cases[k].count)
                cases[k].first = i;
            cases[k].count++;
        }
    return all;
}

static int draw_op(world *w)
{
    for (;;) {
        const int op = draw(w, CALLED_OPS);
        if (cases[op].count)
            return op;
    }
}

/* The cases of an op need not stand one after the other. */
static const example *draw_case(world *w, int op)
{
    int i = cases[op].first;
    for (int skip = draw(w, cases[op].count); skip > 0; skip--)
        do
            i++;
        while (strcmp(all->at[i].op, called_ops[op].name));
    return &all->at[i];
}

static double other_number(world *w, double v)
{
    switch (draw(w, 4)) {
    case 0:
        return v + draw(w, 5) - 2;
    case 1:
        return draw_axis(w);
    case 2:
        return (double)draw_index(w);
    default:
        return draw_number(w);
    }
}

/* An operand: the case's own, one like it, or one of any kind. */
static argument pick_for(world *w, const row *r, ag_tape *t, bool own, argument like)
{
    const bool floating = r->dtype == AG_F64;
    if (own || (!floating && chance(w, 2)))
        return pick_made(w, tensor_of(t, r, floating && chance(w, 4) ? AG_F32 : r->dtype));
    if (!floating)
        return pick_of(w, is_integer);
    return like.x.tape && chance(w, 2) ? pick_like(w, like) : pick(w);
}

static const char *text_of_arguments(const arguments *a)
{
    static char text[TEXT];
    int used = snprintf(text, sizeof text, "%s :", a->text);
    for (int i = 0; i < a->parameters && used < TEXT - 40; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %.9g", a->p[i]);
    return text;
}

/* Which operand the result may be a view of: the first, but for a grid's axis its own vector. */
static int shown_operand(const arguments *a, const char *op)
{
    const bool vector = !strcmp(op, "meshgrid") && a->p[0] >= 0 && a->p[0] < (double)a->count;
    return vector ? (int)a->p[0] : 0;
}

static void play_op(world *w)
{
    const int op = draw_op(w);
    const example *e = draw_case(w, op);
    const bool own = chance(w, 3), odd = chance(w, 3);
    ag_tape *t = w->lanes[0].t;
    ag_tensor x[MOST_INPUTS], y[MOST_RESULTS] = { { 0 } };
    double p[MOST_PARAMETERS];
    int places[MOST_INPUTS] = { -1 };
    argument first = { { 0 }, -1 };
    bool absent = false, inert = false;
    for (int i = 0; i < e->inputs; i++) {
        const argument a = e->x[i].v ? pick_for(w, &e->x[i], t, own, first) : (argument){ { 0 }, -1 };
        x[i] = a.x;
        places[i] = a.place;
        first = i ? first : a;
        absent |= !a.x.tape;
        inert |= a.x.tape && !a.x.id;
    }
    for (int i = 0; i < e->parameters; i++)
        p[i] = odd && chance(w, 3) ? other_number(w, e->p[i]) : e->p[i];
    const arguments a = { x, (size_t)e->inputs, p, e->parameters, e->text };
    for (int i = 0; i < e->inputs; i++)
        t = i == 0 || !t ? x[i].tape : t;
    frame f = begin(w, t, "ag_%s(%s %s)", e->op, text_of_list(w, (ag_list){ x, a.count }), text_of_arguments(&a));
    called_ops[op].call(&a, y);
    f.inert = inert || (absent && !y[0].id); /* what is absent may be optional */
    for (size_t i = 0; i < called_ops[op].results; i++)
        end_tensor(&f, y[i], places[shown_operand(&a, e->op)]);
}

const move op_moves[] = {
    { .name = "op", 1, play_op },
    { .name = NULL },
};
