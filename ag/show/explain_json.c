/* A graph explained to programs: its nodes, the steps of the backward pass, the gradients. */
#include "ag/show/json.h"

enum { SHOWN = 500 }; /* nodes, and steps */

typedef struct written {
    const ag_look *g;
    uint32_t most_nodes, most_steps;
    uint64_t steps;
    double *gradient; /* by index, where `arrived` */
    uint8_t *arrived;
} written;

/* ---- nodes */

static void put_inputs(const ag_look *g, uint32_t i)
{
    const ag_tape *t = g->t;
    const uint32_t *inputs;
    const int count = ag_look_inputs(t, i, &inputs);
    const bool record = !(t->headers[i].flags & AG_HAS_NODE);
    fprintf(g->to, ",\"inputs\":[");
    for (int k = 0; k < count; k++) {
        const uint32_t to = AG_INDEX(inputs[k]);
        fprintf(g->to, "%s{\"node\":%u", k ? "," : "", to);
        if (record && ag_needs(t, to)) {
            fprintf(g->to, ",\"local\":");
            ag_json_number(g->to, t->records[i].partial[k]);
        }
        fputc('}', g->to);
    }
    fputc(']', g->to);
}

/* The constants of an elementwise op: x + c. */
static void put_constants(const ag_look *g, uint32_t i)
{
    const ag_op *op = ag_op_at(g->t, g->t->headers[i].op);
    if (!(op->flags & AG_ROW) || !(((const ag_row *)op)->flags & AG_ROW_CONSTANT))
        return;
    const ag_row_params p = ag_row_params_at(g->t, i);
    fprintf(g->to, ",\"c\":");
    ag_json_number(g->to, p.c);
    if (((const ag_row *)op)->flags & AG_ROW_TWO) {
        fprintf(g->to, ",\"d\":");
        ag_json_number(g->to, p.d);
    }
}

static void put_node(const ag_look *g, uint32_t i)
{
    ag_tape *t = g->t;
    const ag_array a = ag_array_of(t, ag_id_at(t, i));
    fprintf(g->to, "{\"node\":%u,\"name\":", i);
    ag_json_text(g->to, ag_look_name(t, i));
    fprintf(g->to, ",\"op\":");
    ag_json_text(g->to, ag_look_op(t, i));
    fprintf(g->to, ",\"dtype\":\"%s\",", ag_dtype_name(a.dtype));
    ag_json_value(g->to, &a);
    fprintf(g->to, ",\"gradient_flows\":%s", ag_needs(t, i) ? "true" : "false");
    if (t->headers[i].op == AG_OP_OUTPUT) {
        const int output = ag_node_at(t, i)->output;
        fprintf(g->to, ",\"output\":%d,\"of\":%u", output, i - (uint32_t)output);
    } else if (!ag_look_is_leaf(t, i)) {
        const char *formula = ag_op_at(t, t->headers[i].op)->formula;
        fprintf(g->to, ",\"formula\":");
        ag_json_text(g->to, formula ? formula : "");
        put_constants(g, i);
        put_inputs(g, i);
    }
    fputc('}', g->to);
}

static void put_nodes(const ag_look *g, uint32_t most)
{
    uint32_t shown = 0;
    fprintf(g->to, "\"y\":%u,\"node_count\":%u,\n\"nodes\":[", g->y, g->nodes);
    for (uint32_t i = 1; i <= g->y && shown < most; i++)
        if (g->reached[i]) {
            fprintf(g->to, shown++ ? ",\n" : "\n");
            put_node(g, i);
        }
    fprintf(g->to, "]");
}

/* ---- steps and gradients */

static void see(void *user, const ag_step *s, uint32_t node, const ag_array *gradient)
{
    written *w = user;
    FILE *to = w->g->to;
    if (!s) {
        w->gradient[node] = ag_look_measure(gradient);
        w->arrived[node] = 1;
        return;
    }
    if (w->steps++ >= w->most_steps)
        return;
    fprintf(to, w->steps > 1 ? ",\n" : "\n");
    fprintf(to, "{\"from\":%u,\"to\":%u,\"operand\":%d,\"upstream\":", s->from, s->to, s->operand);
    ag_json_number(to, s->upstream);
    if (s->numbers) {
        fprintf(to, ",\"local\":");
        ag_json_number(to, s->local);
    }
    fprintf(to, ",\"contribution\":");
    ag_json_number(to, s->contribution);
    fprintf(to, ",\"before\":");
    ag_json_number(to, s->before);
    fprintf(to, ",\"after\":");
    ag_json_number(to, s->after);
    fputc('}', to);
}

static void put_gradients(const written *w)
{
    const ag_look *g = w->g;
    uint32_t found = 0;
    fprintf(g->to, "],\n\"step_count\":%" PRIu64 ",\n\"gradients\":[", w->steps);
    for (uint32_t i = 1; i <= g->y; i++) {
        if (!w->arrived[i] || found >= w->most_nodes)
            continue;
        fprintf(g->to, "%s{\"node\":%u,\"%s\":", found++ ? ",\n" : "\n", i, ag_look_single(g->t, i) ? "value" : "norm");
        ag_json_number(g->to, w->gradient[i]);
        fputc('}', g->to);
    }
    fprintf(g->to, "],\n\"limited\":%s", g->nodes > w->most_nodes || w->steps > w->most_steps ? "true" : "false");
}

ag_status ag_explain_object(const ag_look *g, uint32_t nodes, uint32_t steps)
{
    written w = { .g = g, .most_nodes = nodes, .most_steps = steps };
    const size_t count = (size_t)g->top + 1, bytes = count * (sizeof *w.gradient + 1);
    w.gradient = ag_pool_take(g->t, bytes);
    if (!w.gradient)
        return g->t->error.status;
    w.arrived = (uint8_t *)(w.gradient + count);
    memset(w.arrived, 0, count);
    put_nodes(g, nodes);
    fprintf(g->to, ",\n\"steps\":[");
    ag_status status = ag_steps_run(g, 0, see, &w);
    put_gradients(&w);
    ag_pool_give(g->t, w.gradient, bytes);
    return status;
}

ag_status ag_explain_json(ag_tensor y, FILE *to)
{
    ag_look g;
    if (!ag_look_begin(&g, y, to, "ag_explain_json"))
        return ag_look_refused(y);
    if (!ag_look_check_pass(&g)) {
        fprintf(to, "{");
        ag_explain_object(&g, SHOWN, SHOWN);
        fprintf(to, "}\n");
    }
    return ag_look_end(&g);
}
