/* Finds the graph of elements between an element of x and one of y, counts its routes, and adds their products. A node
 * is met after all that used it, so that one loop does all of that. */
#include "ag/show/routes.h"

enum { TABLE = 4 * AG_ROUTE_VERTICES }; /* a power of two */

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static bool is_x(const ag_routes *r, uint32_t i)
{
    const ag_tape *t = r->g.t;
    return r->slot ? t->headers[i].op == AG_OP_PERSISTENT && ag_leaf_slot(t, i) + 1 == r->slot : i == r->x;
}

bool ag_routes_at_x(const ag_routes *r, const ag_vertex *v)
{
    return v->element == r->j && is_x(r, v->node);
}

/* ---- vertices and edges */

/* The vertex of an element, which is made where there is none; AG_ROUTE_VERTICES: there are too many. UINT32_MAX: no
 * memory. */
static uint32_t vertex_at(ag_routes *r, uint32_t node, int64_t element)
{
    uint64_t h = (((uint64_t)element * 0x9e3779b97f4a7c15u) ^ node) * 0xbf58476d1ce4e5b9u;
    uint32_t at = (uint32_t)(h >> 32) & (TABLE - 1);
    for (; r->table[at]; at = (at + 1) & (TABLE - 1)) {
        const ag_vertex *v = &r->vertices[r->table[at] - 1];
        if (v->node == node && v->element == element)
            return r->table[at] - 1;
    }
    if (r->vertex_count == AG_ROUTE_VERTICES)
        return AG_ROUTE_VERTICES;
    if (!ag_grow(r->g.t, (void **)&r->vertices, &r->vertex_capacity, sizeof *r->vertices, r->vertex_count + 1))
        return UINT32_MAX;
    r->vertices[r->vertex_count] = (ag_vertex){ .node = node, .element = element, .same = r->vertex_of[node] };
    r->vertex_of[node] = r->table[at] = ++r->vertex_count;
    return r->vertex_count - 1;
}

static ag_status add_edge(ag_routes *r, uint32_t from, uint32_t node, int64_t element, double local)
{
    uint32_t to = vertex_at(r, node, element), *last;
    if (to == UINT32_MAX)
        return r->g.t->error.status;
    r->too_many = to == AG_ROUTE_VERTICES || r->edge_count == AG_ROUTE_EDGES;
    if (r->too_many)
        return AG_OK;
    if (!ag_grow(r->g.t, (void **)&r->edges, &r->edge_capacity, sizeof *r->edges, r->edge_count + 1))
        return r->g.t->error.status;
    r->edges[r->edge_count++] = (ag_edge){ .to = to, .local = local };
    ag_vertex *v = &r->vertices[from];
    last = v->last ? &r->edges[v->last - 1].next : &v->first;
    *last = v->last = r->edge_count;
    r->vertices[to].count = plus(r->vertices[to].count, v->count);
    if (v->adjoint != 0)
        r->vertices[to].adjoint += v->adjoint * local;
    return AG_OK;
}

/* ---- the edges of a vertex */

static ag_status edges_of_record(ag_routes *r, uint32_t vertex)
{
    ag_tape *t = r->g.t;
    const uint32_t i = r->vertices[vertex].node;
    const int inputs = ag_op_at(t, t->headers[i].op)->inputs;
    ag_status status = AG_OK;
    for (int k = 0; k < inputs && !status && !r->too_many; k++) {
        const uint32_t to = AG_INDEX(t->records[i].parent[k]);
        if (r->between[to])
            status = add_edge(r, vertex, to, 0, ag_push_number(t, i, k, 1));
    }
    return status;
}

/* Elements of an operand on which the vertex does not depend are no edges; x itself counts by its element alone. */
static ag_status edges_to(ag_routes *r, uint32_t vertex, uint32_t to, const ag_array *local)
{
    const int64_t size = ag_array_size(local);
    const bool x = is_x(r, to);
    ag_status status = AG_OK;
    for (int64_t e = x ? r->j : 0; e < (x ? r->j + 1 : size) && !status && !r->too_many; e++) {
        const double d = ag_array_get(local, e);
        if (d != 0 || size == 1)
            status = add_edge(r, vertex, to, e, d);
    }
    return status;
}

/* A rule computes with whole arrays, though one element is asked for. */
static bool is_too_much(ag_routes *r, uint32_t base, const uint32_t *inputs, int count)
{
    r->work += ag_layout_at(r->g.t, base)->size;
    for (int k = 0; k < count; k++)
        r->work += ag_layout_at(r->g.t, inputs[k])->size;
    r->too_many |= r->work > AG_ROUTE_WORK;
    return r->too_many;
}

static ag_status edges_of_node(ag_routes *r, uint32_t vertex)
{
    ag_tape *t = r->g.t;
    const ag_vertex v = r->vertices[vertex];
    const int output = t->headers[v.node].op == AG_OP_OUTPUT ? ag_node_at(t, v.node)->output : 0;
    const uint32_t base = v.node - (uint32_t)output, *inputs;
    const int count = ag_look_inputs(t, base, &inputs);
    ag_aside aside;
    if (is_too_much(r, base, inputs, count))
        return AG_OK;
    if (!ag_aside_begin(t, &aside))
        return t->error.status;
    ag_array *dx = ag_scratch(t, (size_t)count * sizeof *dx);
    ag_status status = dx ? ag_push_one(t, base, output, v.element, dx) : t->error.status;
    for (int k = 0; k < count && !status && !r->too_many; k++) {
        ag_look_inputs(t, base, &inputs); /* the table may have moved */
        if (dx[k].data && r->between[AG_INDEX(inputs[k])])
            status = edges_to(r, vertex, AG_INDEX(inputs[k]), &dx[k]);
    }
    ag_aside_end(t, &aside);
    return status;
}

static ag_status follow(ag_routes *r, uint32_t i)
{
    ag_status status = AG_OK;
    for (uint32_t v = r->vertex_of[i]; v && !status && !r->too_many; v = r->vertices[v - 1].same) {
        if (is_x(r, i)) { /* what x itself depends on is of no interest */
            if (ag_routes_at_x(r, &r->vertices[v - 1])) {
                r->count = plus(r->count, r->vertices[v - 1].count);
                r->sum += r->vertices[v - 1].adjoint;
            }
        } else if (r->g.t->headers[i].flags & AG_HAS_NODE) {
            status = edges_of_node(r, v - 1);
        } else {
            status = edges_of_record(r, v - 1);
        }
    }
    return status;
}

/* ---- what lies between */

static void find_between(ag_routes *r)
{
    const ag_tape *t = r->g.t;
    memset(r->between, 0, (size_t)r->g.top + 1);
    for (uint32_t i = 1; i <= r->g.y; i++) {
        const uint32_t *inputs;
        if (!r->g.reached[i])
            continue;
        r->between[i] = is_x(r, i) && ag_needs(t, i);
        if (t->headers[i].op == AG_OP_OUTPUT)
            r->between[i] |= r->between[i - ag_node_at(t, i)->output];
        const int count = ag_look_inputs(t, i, &inputs);
        for (int k = 0; k < count && ag_op_needs(t, i); k++)
            r->between[i] |= r->between[AG_INDEX(inputs[k])];
    }
}

static ag_status no_route(const ag_routes *r, ag_tensor x)
{
    ag_tape *t = r->g.t;
    char y[AG_LABEL], label[AG_LABEL] = "x";
    const char *why = ag_needs_grad(x)
                          ? "the one does not depend on the other, or a part without history lies between them"
                          : "it wants no gradient";
    if (!r->slot)
        ag_look_label(t, r->x, label, sizeof label);
    else
        snprintf(label, sizeof label, "%s", t->slots[r->slot - 1].name);
    return ag_fail(t, AG_EARG, "%s: no route leads from '%s' to '%s': %s", r->g.who, label,
                   ag_look_label(t, r->g.y, y, sizeof y), why);
}

static void see_x(void *user, const ag_step *step, uint32_t node, const ag_array *gradient)
{
    ag_routes *r = user;
    if (!step && is_x(r, node))
        r->sum += ag_array_get(gradient, r->j);
}

/* dy/dx where the elements between are too many. */
static ag_status by_pass(ag_routes *r)
{
    r->sum = 0;
    return ag_steps_run(&r->g, r->i, see_x, r);
}

static ag_status find(ag_routes *r)
{
    ag_status status = AG_OK;
    const uint32_t y = vertex_at(r, r->g.y, r->i);
    if (y == UINT32_MAX)
        return r->g.t->error.status;
    r->vertices[y].count = 1;
    r->vertices[y].adjoint = 1;
    for (uint32_t i = r->g.y; i && !status && !r->too_many; i--)
        if (r->between[i])
            status = follow(r, i);
    return status || !r->too_many ? status : by_pass(r);
}

/* ---- arguments */

static ag_status check_element(const ag_routes *r, const ag_layout *l, int64_t i, const char *which)
{
    char shape[128];
    if (i >= 0 && i < l->size)
        return AG_OK;
    return ag_fail(r->g.t, AG_EARG, "%s: element %" PRId64 " of %s is not there, whose shape is %s", r->g.who, i, which,
                   ag_shape_text(ag_layout_shape(l), shape, sizeof shape));
}

static ag_status check(ag_routes *r, ag_tensor x)
{
    ag_tape *t = r->g.t;
    if (t->error.status)
        return t->error.status;
    const uint32_t id = ag_resolve(t, x, r->g.who, 2);
    if (!id)
        return ag_refuse(t, r->g.who);
    r->x = AG_INDEX(id);
    if (t->headers[r->x].op == AG_OP_PERSISTENT)
        r->slot = ag_leaf_slot(t, r->x) + 1;
    ag_status status = ag_check_place(t, r->g.y, false, r->g.who);
    if (!status)
        status = check_element(r, ag_layout_at(t, r->g.y), r->i, "y");
    return status ? status : check_element(r, ag_layout_at(t, r->x), r->j, "x");
}

static size_t table_bytes(const ag_routes *r)
{
    return ((size_t)r->g.top + 1) * (sizeof *r->vertex_of + 1) + TABLE * sizeof *r->table;
}

bool ag_routes_begin(ag_routes *r, ag_tensor y, int64_t i, ag_tensor x, int64_t j, FILE *to, const char *who)
{
    *r = (ag_routes){ .i = i, .j = j };
    if (!ag_look_begin(&r->g, y, to, who))
        return false;
    ag_status status = check(r, x);
    if (!status && !(r->table = ag_pool_take(y.tape, table_bytes(r))))
        status = y.tape->error.status;
    if (!status) {
        memset(r->table, 0, table_bytes(r));
        r->vertex_of = r->table + TABLE;
        r->between = (uint8_t *)(r->vertex_of + r->g.top + 1);
        find_between(r);
        status = r->between[r->g.y] ? find(r) : no_route(r, x);
    }
    if (status)
        ag_routes_end(r);
    return !status;
}

ag_status ag_routes_end(ag_routes *r)
{
    ag_tape *t = r->g.t;
    if (r->table)
        ag_pool_give(t, r->table, table_bytes(r));
    if (r->vertices)
        ag_give_back(t, r->vertices, r->vertex_capacity * sizeof *r->vertices);
    if (r->edges)
        ag_give_back(t, r->edges, r->edge_capacity * sizeof *r->edges);
    return ag_look_end(&r->g);
}
