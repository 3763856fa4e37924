/* Short training loops, whose steps repeat themselves but for what is drawn to differ. */
#include "tests/fuzz/fuzz.h"

enum { LOOP = 9, LOOP_OPS = 6, LOOP_KINDS = 12 };

typedef struct loop {
    ag_tensor w, b, s, x, labels;
    int op[LOOP_OPS];
} loop;

static ag_tensor next(const loop *g, int op, ag_tensor h)
{
    switch (op) {
    case 0:
        return ag_linear(h, g->w, g->b);
    case 1:
        return ag_mul(h, g->s);
    case 2:
        return ag_tanh(ag_sub(h, g->x));
    case 3:
        return ag_add(ag_relu(h), h);
    case 4:
        return ag_reshape(ag_add(h, g->b), AG_SHAPE(2, 3));
    case 5:
        return ag_mul_scalar(ag_mul(h, ag_sum_over(h, AG_AXES(0), AG_KEEPDIM)), 0.5);
    case 6:
        return ag_mul(h, ag_square(ag_sub(g->s, ag_mean(h))));
    case 7:
        return ag_mul(h, ag_mse(h, g->x));
    case 8:
        return ag_add(h, ag_bce_logits(h, g->x));
    case 9:
        return ag_mul(h, ag_cross_entropy(h, g->labels));
    case 10:
        return ag_matmul(h, g->w);
    default:
        return ag_sqrt(ag_relu(h));
    }
}

/* What comes between the ops of one step, but not of the others. */
static void disturb(world *w, lane *l, loop *g, ag_tensor *h)
{
    switch (draw(w, 7)) {
    case 0:
        ag_assign(g->b, ag_mul_scalar(g->b, 0.5));
        break;
    case 1:
        ag_retain_grad(*h);
        break;
    case 2:
        ag_no_grad_begin(l->t);
        *h = ag_neg(*h);
        ag_no_grad_end(l->t);
        break;
    case 3:
        ag_backward(ag_sum(*h));
        break;
    case 4:
        ag_tape_rewind(l->t, ag_tape_mark(l->t));
        break;
    case 5:
        ag_grad(g->s);
        break;
    default:
        *h = next(g, draw(w, LOOP_KINDS), *h);
    }
}

static void observe_gradient(world *w, ag_tensor p)
{
    ag_storage s;
    if (ag_storage_of(p, &s) || !s.grad)
        return;
    for (int64_t i = 0; i < s.count; i++)
        observe_number(w, s.dtype == AG_F32 ? (double)((const float *)s.grad)[i] : ((const double *)s.grad)[i]);
}

static void loop_step(world *w, lane *l, loop *g)
{
    const int odd = chance(w, 4) ? draw(w, LOOP_OPS) : -1;
    ag_tensor h = g->x;
    for (int i = 0; i < LOOP_OPS; i++) {
        if (i == odd)
            disturb(w, l, g, &h);
        h = next(g, g->op[i], h);
    }
    const ag_tensor y = ag_mean(ag_square(h));
    const ag_status s = ag_backward(y);
    if (!ag_error(l->t))
        observe_number(w, ag_item(y));
    if (!s && !ag_error(l->t)) {
        observe_gradient(w, g->w);
        observe_gradient(w, g->b);
        observe_gradient(w, g->s);
    }
    if (!chance(w, 8)) {
        ag_zero_grad(g->w);
        ag_zero_grad(g->b);
        ag_zero_grad(g->s);
    }
}

static void play_loop(world *w)
{
    lane *l = draw_lane(w);
    frame f = begin(w, l->t, "a loop on %s", letter(l));
    const ag_tensor x = ag_full(l->t, AG_FLOAT, AG_SHAPE(2, 3), 0.25), v = ag_full(l->t, AG_FLOAT, AG_SHAPE(3), 0.5);
    loop g = { ag_param(ag_full(l->t, AG_FLOAT, AG_SHAPE(3, 3), 0.75), NULL),
               ag_param(v, NULL),
               ag_param(ag_full(l->t, chance(w, 2) ? AG_F64 : AG_FLOAT, AG_SCALAR, 1.25), NULL),
               ag_buffer(x, NULL),
               ag_buffer(ag_full(l->t, AG_I64, AG_SHAPE(2), 1), NULL),
               { 0 } };
    for (int i = 0; i < LOOP_OPS; i++)
        g.op[i] = draw(w, LOOP_KINDS);
    for (int i = 0; i < LOOP && !ag_error(l->t); i++) {
        loop_step(w, l, &g);
        reset_tape(w, l); /* handlers of the next steps are told what is gone */
    }
    const ag_tensor all[] = { g.w, g.b, g.s, g.x, g.labels };
    for (int i = 0; i < 5; i++)
        if (ag_ok(all[i]))
            ag_release(all[i]);
    reset_tape(w, l);
    end_call(&f);
}

const move loop_moves[] = {
    { .name = "loop", 4, play_loop, .ends = true, .differentiates = true, .writes = true },
    { .name = NULL },
};
