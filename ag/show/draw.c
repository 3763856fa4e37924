/* The graph behind a tensor, as a table and as a Graphviz digraph. */
#include "ag/show/show.h"

enum { LARGEST = 2000 }; /* nodes that still make a picture */

/* The gradient's text; "" where none is kept. */
static const char *gradient_text(ag_tape *t, uint32_t i, char *text, size_t bytes)
{
    ag_tensor g = ag_look_gradient(t, i);
    text[0] = 0;
    return g.id ? ag_look_value(t, g.id, text, bytes) : text;
}

/* The local derivative along edge k where it is a number: "" else. */
static const char *local_text(ag_tape *t, uint32_t i, int k, char *text, size_t bytes)
{
    const ag_record *r = &t->records[i];
    text[0] = 0;
    if (!(t->headers[i].flags & AG_HAS_NODE) && t->headers[AG_INDEX(r->parent[k])].flags & AG_NEEDS)
        snprintf(text, bytes, "%.10g", r->partial[k]);
    return text;
}

ag_status ag_print_graph(ag_tensor y, FILE *to)
{
    ag_look g;
    char a[256], b[256], c[256];
    if (!ag_look_begin(&g, y, to, "ag_print_graph"))
        return ag_look_refused(y);
    fprintf(to, "%-12s %-14s %-18s %-18s %s\n", "node", "op", "value", "gradient", "operands (local derivatives)");
    for (uint32_t i = 1; i <= g.y; i++) {
        const uint32_t *inputs;
        if (!g.reached[i])
            continue;
        ag_look_value(g.t, ag_id_at(g.t, i), b, sizeof b);
        gradient_text(g.t, i, c, sizeof c);
        fprintf(to, "%-12s %-14s %-18s %-18s", ag_look_label(g.t, i, a, sizeof a), ag_look_op(g.t, i), b, *c ? c : "-");
        int n = ag_look_inputs(g.t, i, &inputs);
        for (int k = 0; k < n; k++) {
            ag_look_label(g.t, AG_INDEX(inputs[k]), a, sizeof a);
            local_text(g.t, i, k, b, sizeof b);
            fprintf(to, *b ? " %s (%s)" : " %s", a, b);
        }
        fprintf(to, "\n");
    }
    return ag_look_end(&g);
}

/* Graphviz wants quotes and backslashes escaped. */
static void put_escaped(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void draw_node(ag_look *g, uint32_t i)
{
    char name[256], value[256], gradient[256], local[64];
    const uint32_t *inputs;
    bool leaf = g->t->headers[i].op < AG_OP_FIRST;
    ag_look_value(g->t, ag_id_at(g->t, i), value, sizeof value);
    gradient_text(g->t, i, gradient, sizeof gradient);
    fprintf(g->to, "  n%u [shape=%s%s, label=\"", i, leaf ? "box" : "ellipse",
            g->t->headers[i].flags & AG_NEEDS ? leaf ? ", style=filled, fillcolor=\"#dbe9ff\"" : "" : ", color=gray");
    put_escaped(g->to, ag_look_label(g->t, i, name, sizeof name));
    fprintf(g->to, "%s%s\\n%s%s%s\"];\n", leaf ? "" : " = ", leaf ? "" : ag_look_op(g->t, i), value,
            *gradient ? "\\ngradient " : "", gradient);
    int n = ag_look_inputs(g->t, i, &inputs);
    for (int k = 0; k < n; k++) {
        local_text(g->t, i, k, local, sizeof local);
        fprintf(g->to, "  n%u -> n%u [label=\"%s%s\"];\n", AG_INDEX(inputs[k]), i, *local ? " " : "", local);
    }
}

ag_status ag_draw(ag_tensor y, FILE *to)
{
    ag_look g;
    if (!ag_look_begin(&g, y, to, "ag_draw"))
        return ag_look_refused(y);
    if (g.nodes > LARGEST) {
        ag_pool_give(g.t, g.reached, (size_t)g.y + 1);
        return ag_fail(g.t, AG_ELIMIT, "ag_draw: the graph has %u nodes, more than the %d that make a picture", g.nodes,
                       LARGEST);
    }
    fprintf(to, "digraph graph_of_y {\n  rankdir=LR;\n  node [fontname=\"Helvetica\", fontsize=12];\n"
                "  edge [fontname=\"Helvetica\", fontsize=10];\n");
    for (uint32_t i = 1; i <= g.y; i++)
        if (g.reached[i])
            draw_node(&g, i);
    fprintf(to, "}\n");
    return ag_look_end(&g);
}
