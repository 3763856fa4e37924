/* The graph behind a tensor as a Graphviz digraph: modules are boxes, and y's derivative stands on every node. */
#include "ag/show/pictures.h"
#include <stdlib.h>

typedef struct node {
    uint32_t index;
    ag_scope scope;
} node;

typedef struct drawing {
    ag_look *g;
    ag_scope *scopes;
    node *nodes; /* in the order of their scopes */
    uint32_t count;
    double *gradient; /* by index, where `arrived` */
    uint8_t *arrived;
    ag_step *locals; /* steps between numbers */
    uint32_t local_count, local_capacity;
    bool derived; /* these are of a pass, not what the tape keeps */
} drawing;

/* Colours that are told apart by colour-blind people, and in grey: blue for what wants a gradient, orange for y. */
#define WANTS "style=filled, fillcolor=\"#d6e9f8\", color=\"#0072b2\""
#define PLAIN "color=\"#666666\", style=filled, fillcolor=white"
#define FROM_Y "color=\"#d55e00\", penwidth=2.5"

/* ---- text */

/* Graphviz wants quotes and backslashes escaped. */
static void put_escaped(FILE *to, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes && text[i]; i++)
        fprintf(to, text[i] == '"' || text[i] == '\\' ? "\\%c" : "%c", text[i]);
}

static void put_measure(FILE *to, const ag_layout *l, const char *what, double measure)
{
    char shape[128];
    const bool dtype = l->dtype != AG_F64;
    if (l->size == 1)
        fprintf(to, "\\n%s%.6g", what, measure);
    else if (*what)
        fprintf(to, "\\n%snorm %.4g", what, measure);
    else
        fprintf(to, "\\n%s%s norm %.4g", dtype ? ag_dtype_name(l->dtype) : "",
                ag_shape_text(ag_layout_shape(l), shape, sizeof shape), measure);
}

static void put_gradient(const drawing *p, uint32_t i)
{
    ag_tape *t = p->g->t;
    if (p->arrived[i]) {
        put_measure(p->g->to, ag_layout_at(t, i), "gradient ", p->gradient[i]);
        return;
    }
    const ag_tensor g = p->derived ? ag_inert(t) : ag_look_gradient(t, i);
    if (g.id) {
        const ag_array a = ag_array_of(t, g.id);
        put_measure(p->g->to, ag_layout_at(t, i), "gradient ", ag_look_measure(&a));
    }
}

static void put_node(const drawing *p, uint32_t i)
{
    ag_look *g = p->g;
    ag_tape *t = g->t;
    char label[AG_LABEL], text[AG_LABEL];
    const bool leaf = ag_look_is_leaf(t, i);
    const ag_layout *l = ag_layout_at(t, i);
    fprintf(g->to, "  n%u [shape=%s, %s%s%s, label=\"", i, leaf ? "box" : "ellipse",
            ag_needs(t, i) && leaf ? WANTS : PLAIN, i == g->y ? ", " : "", i == g->y ? FROM_Y : "");
    put_escaped(g->to, ag_look_label(t, i, label, sizeof label), sizeof label);
    if (!leaf) {
        fprintf(g->to, " = ");
        put_escaped(g->to, ag_look_op(t, i), AG_LABEL);
    }
    if (l->size == 1) {
        fprintf(g->to, "\\n%s", ag_look_value(t, ag_id_at(t, i), text, sizeof text));
    } else {
        const ag_array a = ag_array_of(t, ag_id_at(t, i));
        put_measure(g->to, l, "", ag_look_measure(&a));
    }
    put_gradient(p, i);
    fprintf(g->to, "\"];\n");
}

/* ---- edges */

static const ag_step *local_of(const drawing *p, uint32_t from, int operand)
{
    for (uint32_t k = 0; k < p->local_count; k++)
        if (p->locals[k].from == from && p->locals[k].operand == operand)
            return &p->locals[k];
    return NULL;
}

static void put_edges(const drawing *p, uint32_t i)
{
    const ag_look *g = p->g;
    const ag_tape *t = g->t;
    const uint32_t *inputs;
    const int count = ag_look_inputs(t, i, &inputs);
    if (t->headers[i].op == AG_OP_OUTPUT)
        fprintf(g->to, "  n%u -> n%u [style=dashed];\n", i - ag_node_at(t, i)->output, i);
    for (int k = 0; k < count; k++) {
        const uint32_t to = AG_INDEX(inputs[k]);
        const ag_step *s = local_of(p, i, k);
        fprintf(g->to, "  n%u -> n%u", to, i);
        if (s || (!(t->headers[i].flags & AG_HAS_NODE) && ag_needs(t, to)))
            fprintf(g->to, " [label=\" %.6g\"]", s ? s->local : t->records[i].partial[k]);
        else if (!ag_needs(t, to))
            fprintf(g->to, " [color=\"#666666\"]");
        fprintf(g->to, ";\n");
    }
}

/* ---- modules */

static void put_open(const drawing *p, ag_scope s, size_t from)
{
    for (size_t at = from; at < s.length; at++) {
        if (at + 1 < s.length && s.name[at + 1] != '.')
            continue;
        fprintf(p->g->to, "  subgraph \"cluster_");
        put_escaped(p->g->to, s.name, at + 1);
        fprintf(p->g->to, "\" {\n  label=\"module ");
        put_escaped(p->g->to, s.name, at + 1);
        fprintf(p->g->to,
                "\"; labelloc=b; labeljust=l; style=\"rounded,filled\"; color=\"#b8b8b0\"; fillcolor=\"#f5f5ef\";\n");
    }
}

static void put_close(const drawing *p, ag_scope s, size_t down_to)
{
    for (size_t at = s.length; at > down_to; at--)
        if (at == s.length || s.name[at] == '.')
            fprintf(p->g->to, "  }\n");
}

static void put_nodes(const drawing *p)
{
    ag_scope open = { "", 0 };
    for (uint32_t n = 0; n < p->count; n++) {
        const ag_scope s = p->nodes[n].scope;
        const size_t common = ag_scopes_common(open, s);
        put_close(p, open, common);
        put_open(p, s, common);
        open = s;
        put_node(p, p->nodes[n].index);
    }
    put_close(p, open, 0);
}

static int compare(const void *a, const void *b)
{
    const node *p = a, *q = b;
    const int by_scope = ag_scopes_compare(p->scope, q->scope);
    return by_scope ? by_scope : p->index < q->index ? -1 : p->index > q->index;
}

/* ---- the drawing */

static void see(void *user, const ag_step *s, uint32_t i, const ag_array *gradient)
{
    drawing *p = user;
    ag_tape *t = p->g->t;
    if (!s) {
        p->gradient[i] = ag_look_measure(gradient);
        p->arrived[i] = 1;
    } else if (s->numbers &&
               ag_grow(t, (void **)&p->locals, &p->local_capacity, sizeof *p->locals, (uint64_t)p->local_count + 1)) {
        p->locals[p->local_count++] = *s;
    }
}

/* Where no pass can be made, as when an operand was written since, there are the gradients that the tape keeps. */
static ag_status derive(drawing *p)
{
    const ag_look *g = p->g;
    ag_tape *t = g->t;
    p->derived = !t->error.status && ag_look_single(t, g->y) && ag_needs(t, g->y) && !t->closed && g->y >= t->inner &&
                 t->hidden_count < AG_ERROR_DEPTH;
    if (!p->derived)
        return AG_OK;
    ag_error_push(t); /* nobody is told */
    ag_steps_run(g, 0, see, p);
    const ag_status status = t->error.status;
    const ag_error_state error = t->error;
    ag_error_pop(t);
    if (!status)
        return AG_OK;
    p->derived = false;
    p->local_count = 0;
    memset(p->arrived, 0, (size_t)g->top + 1);
    return status == AG_ENOMEM ? ag_fail(t, AG_ENOMEM, "%s", error.text) : AG_OK;
}

static void put_all(const drawing *p)
{
    char y[AG_LABEL];
    FILE *to = p->g->to;
    fprintf(to, "digraph graph_of_y {\n  rankdir=LR;\n  fontname=\"Helvetica\"; fontsize=11; labelloc=b;\n"
                "  node [fontname=\"Helvetica\", fontsize=12];\n"
                "  edge [fontname=\"Helvetica\", fontsize=11, fontcolor=\"#a04000\"];\n");
    put_nodes(p);
    for (uint32_t i = 1; i <= p->g->y; i++)
        if (p->g->reached[i])
            put_edges(p, i);
    fprintf(to, "  label=\"number on an edge: local derivative of its end by its start\\n");
    fprintf(to, "gradient: derivative of ");
    put_escaped(to, ag_look_label(p->g->t, p->g->y, y, sizeof y), sizeof y);
    fprintf(to, " by the node: multiply the edges of a route, add the routes\\n"
                "blue box: wants a gradient; grey box: does not\";\n}\n");
}

static size_t drawing_bytes(const ag_look *g)
{
    return ((size_t)g->top + 1) * (sizeof(ag_scope) + sizeof(double) + sizeof(node) + 1);
}

ag_status ag_draw_look(ag_look *g)
{
    ag_tape *t = g->t;
    drawing p = { .g = g };
    const size_t count = (size_t)g->top + 1;
    if (g->nodes > AG_LARGEST)
        return ag_fail(t, AG_ELIMIT, "%s: the graph has %u nodes, more than the %d that make a picture", g->who,
                       g->nodes, AG_LARGEST);
    p.scopes = ag_pool_take(t, drawing_bytes(g));
    if (!p.scopes)
        return t->error.status;
    p.nodes = (node *)(p.scopes + count);
    p.gradient = (double *)(p.nodes + count);
    p.arrived = memset(p.gradient + count, 0, count);
    const ag_status before = t->error.status;
    if (ag_scopes_find(g, p.scopes) && !derive(&p)) {
        for (uint32_t i = 1; i <= g->y; i++)
            if (g->reached[i])
                p.nodes[p.count++] = (node){ i, p.scopes[i] };
        qsort(p.nodes, p.count, sizeof *p.nodes, compare);
        put_all(&p);
    }
    if (p.locals)
        ag_give_back(t, p.locals, p.local_capacity * sizeof *p.locals);
    ag_pool_give(t, p.scopes, drawing_bytes(g));
    return before ? before : t->error.status;
}

ag_status ag_draw(ag_tensor y, FILE *to)
{
    ag_look g;
    if (!ag_look_begin(&g, y, to, "ag_draw"))
        return ag_look_refused(y);
    ag_draw_look(&g);
    return ag_look_end(&g);
}
