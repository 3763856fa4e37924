/* The graph behind a tensor, as a table. */
#include "ag/show/show.h"

/* The gradient's text; "" where none is kept. */
static const char *gradient_text(ag_tape *t, uint32_t i, char *text, size_t bytes)
{
    ag_tensor g = ag_look_gradient(t, i);
    text[0] = 0;
    return g.id ? ag_look_value(t, g.id, text, bytes) : text;
}

static void put_inputs(const ag_look *g, uint32_t i)
{
    char text[AG_LABEL];
    const uint32_t *inputs;
    const int count = ag_look_inputs(g->t, i, &inputs);
    for (int k = 0; k < count; k++) {
        const uint32_t to = AG_INDEX(inputs[k]);
        fprintf(g->to, " %s", ag_look_label(g->t, to, text, sizeof text));
        if (!(g->t->headers[i].flags & AG_HAS_NODE) && ag_needs(g->t, to))
            fprintf(g->to, " (%.10g)", g->t->records[i].partial[k]);
    }
}

ag_status ag_print_graph(ag_tensor y, FILE *to)
{
    ag_look g;
    char label[AG_LABEL], value[AG_LABEL], gradient[AG_LABEL];
    if (!ag_look_begin(&g, y, to, "ag_print_graph"))
        return ag_look_refused(y);
    fprintf(to, "%-12s %-14s %-18s %-18s %s\n", "node", "op", "value", "gradient", "operands (local derivatives)");
    for (uint32_t i = 1; i <= g.y; i++) {
        if (!g.reached[i])
            continue;
        ag_look_value(g.t, ag_id_at(g.t, i), value, sizeof value);
        gradient_text(g.t, i, gradient, sizeof gradient);
        fprintf(to, "%-12s %-14s %-18s %-18s", ag_look_label(g.t, i, label, sizeof label), ag_look_op(g.t, i), value,
                *gradient ? gradient : "-");
        put_inputs(&g, i);
        fprintf(to, "\n");
    }
    return ag_look_end(&g);
}
