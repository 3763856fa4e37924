/* The routes of a graph of elements, one after the other: those by a first operand before those by a second. */
#include "ag/show/routes.h"

/* Does a way go on from the vertex to x? */
static bool leads_on(const ag_routes *r, const uint8_t *leads, const ag_vertex *v)
{
    for (uint32_t e = v->first; e; e = r->edges[e - 1].next)
        if (leads[r->edges[e - 1].to])
            return true;
    return false;
}

/* A vertex as a rule follows those that lead to it, but not always. */
static void find_ends(const ag_routes *r, uint8_t *leads)
{
    bool again = true;
    for (uint32_t v = 0; v < r->vertex_count; v++)
        leads[v] = ag_routes_at_x(r, &r->vertices[v]);
    while (again) {
        again = false;
        for (uint32_t v = r->vertex_count; v--;)
            if (!leads[v] && leads_on(r, leads, &r->vertices[v])) {
                leads[v] = true;
                again = true;
            }
    }
}

/* The next route after the one in `way`, which ends at x or is empty before the first: false, there is none. */
static bool advance(const ag_routes *r, const uint8_t *leads, ag_route *way)
{
    uint32_t e = way->length ? 0 : r->vertices[0].first;
    for (;;) {
        while (e && !leads[r->edges[e - 1].to])
            e = r->edges[e - 1].next;
        if (!e) {
            if (!way->length)
                return false;
            e = way->at[--way->length]->next;
            continue;
        }
        way->at[way->length++] = &r->edges[e - 1];
        if (ag_routes_at_x(r, &r->vertices[r->edges[e - 1].to]))
            return true;
        e = r->vertices[r->edges[e - 1].to].first;
    }
}

ag_status ag_routes_walk(const ag_routes *r, ag_route_see *see, void *user)
{
    ag_tape *t = r->g.t;
    const size_t bytes = sizeof(ag_route) + AG_ROUTE_VERTICES;
    ag_route *way = ag_pool_take(t, bytes);
    if (!way)
        return t->error.status;
    uint8_t *leads = (uint8_t *)(way + 1);
    way->length = 0;
    way->product = 1;
    find_ends(r, leads);
    if (ag_routes_at_x(r, &r->vertices[0]))
        see(user, way, 0);
    else
        for (uint32_t n = 0; n < AG_ROUTES_LISTED && advance(r, leads, way); n++) {
            way->product = 1;
            for (uint32_t k = 0; k < way->length; k++)
                way->product *= way->at[k]->local;
            see(user, way, n);
        }
    ag_pool_give(t, way, bytes);
    return AG_OK;
}
