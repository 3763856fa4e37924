/* The graph behind a tensor, as a table and as a Graphviz digraph. */
#include "ag/backward/backward.h"
#include <inttypes.h>

enum { LARGEST = 2000 }; /* nodes that still make a picture */

typedef struct graph {
    ag_tape *t;
    FILE *to;
    uint32_t y;
    uint8_t *reached;
} graph;

static const char *op_name(const ag_tape *t, uint32_t i)
{
    switch (t->headers[i].op) {
    case AG_OP_CONSTANT:
        return "constant";
    case AG_OP_VARIABLE:
        return "variable";
    case AG_OP_PERSISTENT:
        return t->headers[i].flags & AG_NEEDS ? "parameter" : "buffer";
    case AG_OP_OUTPUT:
        return "output";
    default:
        return ag_op_at(t, t->headers[i].op)->name;
    }
}

static const char *label(const ag_tape *t, uint32_t i, char *text, size_t bytes)
{
    const char *name = ag_named_at(t, i);
    if (t->headers[i].op == AG_OP_PERSISTENT)
        name = t->slots[ag_leaf_slot(t, i)].name;
    if (*name)
        snprintf(text, bytes, "%s", name);
    else
        snprintf(text, bytes, "%%%u", i);
    return text;
}

static const char *value_text(ag_tape *t, uint32_t id, char *text, size_t bytes)
{
    ag_array a = ag_array_of(t, id);
    char shape[128];
    if (ag_array_size(&a) == 1 && !ag_is_float(a.dtype))
        snprintf(text, bytes, "%" PRId64, ag_array_get_integer(&a, 0));
    else if (ag_array_size(&a) == 1)
        snprintf(text, bytes, "%.10g", ag_array_get(&a, 0));
    else
        snprintf(text, bytes, "%s%s", ag_dtype_name(a.dtype), ag_shape_text(a.shape, shape, sizeof shape));
    return text;
}

/* The gradient's text; "" where none is kept. */
static const char *gradient_text(ag_tape *t, uint32_t i, char *text, size_t bytes)
{
    const ag_header *h = &t->headers[i];
    bool leaf = h->op == AG_OP_VARIABLE || h->op == AG_OP_PERSISTENT;
    text[0] = 0;
    if (!(h->flags & AG_NEEDS) || (!leaf && !(h->flags & AG_RETAINED) && !t->options.keep_grads))
        return text;
    ag_tensor g = ag_grad(ag_handle(t, ag_id_at(t, i)));
    if (g.id)
        value_text(t, g.id, text, bytes);
    return text;
}

static int inputs_of(const ag_tape *t, uint32_t i, const uint32_t **inputs)
{
    const ag_node *d = ag_node_or_null(t, i);
    *inputs = d ? ag_node_inputs(d) : t->records[i].parent;
    if (t->headers[i].op < AG_OP_FIRST)
        return 0;
    return d ? d->inputs : ag_op_at(t, t->headers[i].op)->inputs;
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

static bool begin(graph *g, ag_tensor y, FILE *to, const char *who)
{
    ag_tape *t = y.tape;
    *g = (graph){ .t = t, .to = to };
    if (!t)
        return false;
    uint32_t id = ag_resolve(t, y, who, 0);
    if (!id) {
        ag_refuse(t, who);
        return false;
    }
    if (!to) {
        ag_fail(t, AG_ENULL, "%s: the file is NULL", who);
        return false;
    }
    g->y = AG_INDEX(id);
    g->reached = ag_reachable(t, g->y, 1);
    return g->reached;
}

static ag_status end(graph *g, const char *who)
{
    ag_pool_give(g->t, g->reached, (size_t)g->y + 1);
    return ferror(g->to) ? ag_fail(g->t, AG_EFILE, "%s: cannot write", who) : g->t->error.status;
}

ag_status ag_print_graph(ag_tensor y, FILE *to)
{
    graph g;
    char a[256], b[256], c[256];
    if (!begin(&g, y, to, "ag_print_graph"))
        return y.tape ? y.tape->error.status : AG_ENULL;
    fprintf(to, "%-12s %-14s %-18s %-18s %s\n", "node", "op", "value", "gradient", "operands (local derivatives)");
    for (uint32_t i = 1; i <= g.y; i++) {
        const uint32_t *inputs;
        if (!g.reached[i])
            continue;
        value_text(g.t, ag_id_at(g.t, i), b, sizeof b);
        gradient_text(g.t, i, c, sizeof c);
        fprintf(to, "%-12s %-14s %-18s %-18s", label(g.t, i, a, sizeof a), op_name(g.t, i), b, *c ? c : "-");
        int n = inputs_of(g.t, i, &inputs);
        for (int k = 0; k < n; k++) {
            label(g.t, AG_INDEX(inputs[k]), a, sizeof a);
            local_text(g.t, i, k, b, sizeof b);
            fprintf(to, *b ? " %s (%s)" : " %s", a, b);
        }
        fprintf(to, "\n");
    }
    return end(&g, "ag_print_graph");
}

/* Graphviz wants quotes and backslashes escaped. */
static void put_escaped(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void draw_node(graph *g, uint32_t i)
{
    char name[256], value[256], gradient[256], local[64];
    const uint32_t *inputs;
    bool leaf = g->t->headers[i].op < AG_OP_FIRST;
    value_text(g->t, ag_id_at(g->t, i), value, sizeof value);
    gradient_text(g->t, i, gradient, sizeof gradient);
    fprintf(g->to, "  n%u [shape=%s%s, label=\"", i, leaf ? "box" : "ellipse",
            g->t->headers[i].flags & AG_NEEDS ? leaf ? ", style=filled, fillcolor=\"#dbe9ff\"" : "" : ", color=gray");
    put_escaped(g->to, label(g->t, i, name, sizeof name));
    fprintf(g->to, "%s%s\\n%s%s%s\"];\n", leaf ? "" : " = ", leaf ? "" : op_name(g->t, i), value,
            *gradient ? "\\ngradient " : "", gradient);
    int n = inputs_of(g->t, i, &inputs);
    for (int k = 0; k < n; k++) {
        local_text(g->t, i, k, local, sizeof local);
        fprintf(g->to, "  n%u -> n%u [label=\"%s%s\"];\n", AG_INDEX(inputs[k]), i, *local ? " " : "", local);
    }
}

ag_status ag_draw(ag_tensor y, FILE *to)
{
    graph g;
    uint32_t nodes = 0;
    if (!begin(&g, y, to, "ag_draw"))
        return y.tape ? y.tape->error.status : AG_ENULL;
    for (uint32_t i = 1; i <= g.y; i++)
        nodes += g.reached[i] != 0;
    if (nodes > LARGEST) {
        ag_pool_give(g.t, g.reached, (size_t)g.y + 1);
        return ag_fail(g.t, AG_ELIMIT, "ag_draw: the graph has %u nodes, more than the %d that make a picture", nodes,
                       LARGEST);
    }
    fprintf(to, "digraph graph_of_y {\n  rankdir=LR;\n  node [fontname=\"Helvetica\", fontsize=12];\n"
                "  edge [fontname=\"Helvetica\", fontsize=10];\n");
    for (uint32_t i = 1; i <= g.y; i++)
        if (g.reached[i])
            draw_node(&g, i);
    fprintf(to, "}\n");
    return end(&g, "ag_draw");
}
