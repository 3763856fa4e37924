/* A graph explained in words: values, then the steps of the backward pass. */
#include "ag/show/show.h"

enum { SHOWN = 500 }; /* nodes, and steps */

typedef struct explained {
    ag_look g;
    uint64_t steps;
    double *gradient; /* by index, where `arrived` */
    uint8_t *arrived;
} explained;

/* ---- a number, or shape and norm */

static void put_size(FILE *to, const ag_layout *l, double measure)
{
    char shape[128];
    if (l->size != 1)
        fprintf(to, "%s%s of norm ", ag_dtype_name(l->dtype), ag_shape_text(ag_layout_shape(l), shape, sizeof shape));
    fprintf(to, "%.10g", measure);
}

static void put_forward(const ag_look *g, uint32_t i)
{
    char text[AG_LABEL];
    const uint32_t *inputs;
    const ag_layout *l = ag_layout_at(g->t, i);
    const ag_array a = ag_array_of(g->t, ag_id_at(g->t, i));
    fprintf(g->to, "  %s = ", ag_look_label(g->t, i, text, sizeof text));
    if (g->t->headers[i].op == AG_OP_OUTPUT) {
        const int output = ag_node_at(g->t, i)->output;
        fprintf(g->to, "output %d of %s = ", output + 1, ag_look_label(g->t, i - (uint32_t)output, text, sizeof text));
    } else if (!ag_look_is_leaf(g->t, i)) {
        const int count = ag_look_inputs(g->t, i, &inputs);
        fprintf(g->to, "%s(", ag_look_op(g->t, i));
        for (int k = 0; k < count; k++)
            fprintf(g->to, k ? ", %s" : "%s", ag_look_label(g->t, AG_INDEX(inputs[k]), text, sizeof text));
        fprintf(g->to, ") = ");
    }
    if (l->size == 1)
        fprintf(g->to, "%s", ag_look_value(g->t, ag_id_at(g->t, i), text, sizeof text));
    else
        put_size(g->to, l, ag_look_measure(&a));
    fprintf(g->to, ag_look_is_leaf(g->t, i) ? "  (%s)\n" : "\n", ag_look_op(g->t, i));
}

static void put_all_forward(const ag_look *g)
{
    uint32_t shown = 0;
    fprintf(g->to, "Forward, %u node%s\n", g->nodes, g->nodes == 1 ? "" : "s");
    for (uint32_t i = 1; i <= g->y && shown < SHOWN; i++)
        if (g->reached[i]) {
            put_forward(g, i);
            shown++;
        }
    if (shown < g->nodes)
        fprintf(g->to, "  ... and %u more nodes, which are not shown: this is a large graph\n", g->nodes - shown);
}

/* ---- backward */

static const char *gradient_label(const ag_look *g, uint32_t i, char *text, size_t bytes)
{
    char y[AG_LABEL], x[AG_LABEL];
    ag_look_label(g->t, g->y, y, sizeof y);
    return ag_look_derivative(y, ag_look_label(g->t, i, x, sizeof x), text, bytes);
}

static void put_step(explained *e, const ag_step *s)
{
    const ag_look *g = &e->g;
    char text[2 * AG_LABEL + 16];
    if (s->numbers) {
        fprintf(g->to, "    %s: %.10g x %.10g = ", ag_look_label(g->t, s->to, text, sizeof text), s->upstream,
                s->local);
    } else {
        fprintf(g->to, "    %s: ", ag_look_label(g->t, s->to, text, sizeof text));
        put_size(g->to, ag_layout_at(g->t, s->from), s->upstream);
        fprintf(g->to, " x the derivative of %s = ", ag_look_op(g->t, s->from));
    }
    put_size(g->to, ag_layout_at(g->t, s->to), s->contribution);
    fprintf(g->to, ", accumulated into %s: ", gradient_label(g, s->to, text, sizeof text));
    if (ag_look_single(g->t, s->to))
        fprintf(g->to, "%.10g + %.10g = %.10g\n", s->before, s->contribution, s->after);
    else
        fprintf(g->to, "norm %.10g before, %.10g after\n", s->before, s->after);
}

static void see(void *user, const ag_step *s, uint32_t node, const ag_array *gradient)
{
    explained *e = user;
    char text[2 * AG_LABEL + 16];
    if (!s) {
        e->gradient[node] = ag_look_measure(gradient);
        e->arrived[node] = 1;
        if (e->steps >= SHOWN || ag_look_is_leaf(e->g.t, node))
            return;
        fprintf(e->g.to, "  %s, ", ag_look_label(e->g.t, node, text, sizeof text));
        fprintf(e->g.to, "%s: %s = ", ag_look_op(e->g.t, node), gradient_label(&e->g, node, text, sizeof text));
        put_size(e->g.to, ag_layout_at(e->g.t, node), e->gradient[node]);
        fprintf(e->g.to, "\n");
        return;
    }
    if (e->steps++ < SHOWN)
        put_step(e, s);
}

static void put_gradients(const explained *e)
{
    const ag_look *g = &e->g;
    char text[2 * AG_LABEL + 16];
    uint32_t found = 0;
    for (uint32_t i = 1; i <= g->y; i++) {
        if (!e->arrived[i] || (!ag_look_is_leaf(g->t, i) && !*ag_look_name(g->t, i)))
            continue;
        if (!found)
            fprintf(g->to, "Gradients\n");
        if (found++ >= SHOWN)
            continue;
        fprintf(g->to, "  %s = ", gradient_label(g, i, text, sizeof text));
        put_size(g->to, ag_layout_at(g->t, i), e->gradient[i]);
        fprintf(g->to, "\n");
    }
    if (found > SHOWN)
        fprintf(g->to, "  ... and %u more gradients, which are not shown\n", found - SHOWN);
}

static ag_status put_backward(explained *e)
{
    const ag_look *g = &e->g;
    const size_t count = (size_t)g->top + 1;
    if (!ag_needs(g->t, g->y)) {
        fprintf(g->to, "Backward: no gradient flows, since nothing here wants one (ag_variable, ag_param)\n");
        return AG_OK;
    }
    e->gradient = ag_pool_take(g->t, count * (sizeof *e->gradient + 1));
    if (!e->gradient)
        return g->t->error.status;
    e->arrived = (uint8_t *)(e->gradient + count);
    memset(e->arrived, 0, count);
    fprintf(g->to, "Backward: upstream x local derivative = contribution, accumulated into the operand's gradient\n");
    ag_status status = ag_steps_run(g, 0, see, e);
    if (e->steps > SHOWN)
        fprintf(g->to, "  ... and %" PRIu64 " more steps, which are not shown: this is a large graph\n",
                e->steps - SHOWN);
    if (!status)
        put_gradients(e);
    ag_pool_give(g->t, e->gradient, count * (sizeof *e->gradient + 1));
    return status;
}

ag_status ag_explain(ag_tensor y, FILE *to)
{
    explained e = { 0 };
    if (!ag_look_begin(&e.g, y, to, "ag_explain"))
        return ag_look_refused(y);
    if (!ag_look_check_pass(&e.g)) {
        put_all_forward(&e.g);
        put_backward(&e);
    }
    return ag_look_end(&e.g);
}
