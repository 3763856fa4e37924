/* Routes for programs. */
#include "ag/show/json.h"
#include "ag/show/routes.h"

static void put_route(void *user, const ag_route *way, uint32_t number)
{
    const ag_routes *r = user;
    FILE *to = r->g.to;
    fprintf(to, "%s{\"product\":", number ? ",\n" : "\n");
    ag_json_number(to, way->product);
    fprintf(to, ",\"edges\":[");
    for (uint32_t k = 0; k < way->length; k++) {
        const ag_vertex *v = &r->vertices[way->at[k]->to];
        fprintf(to, "%s{\"to\":%u,\"element\":%" PRId64 ",\"local\":", k ? "," : "", v->node, v->element);
        ag_json_number(to, way->at[k]->local);
        fputc('}', to);
    }
    fprintf(to, "]}");
}

static void put_end(const ag_routes *r, const char *which, uint32_t node, int64_t element)
{
    fprintf(r->g.to, "\"%s\":{\"node\":%u,\"element\":%" PRId64 ",\"name\":", which, node, element);
    ag_json_text(r->g.to, ag_look_name(r->g.t, node));
    fprintf(r->g.to, "},\n");
}

ag_status ag_explain_element_json(ag_tensor y, int64_t i, ag_tensor x, int64_t j, FILE *to)
{
    ag_routes r;
    if (!ag_routes_begin(&r, y, i, x, j, to, "ag_explain_element_json"))
        return ag_look_refused(y);
    fprintf(to, "{");
    put_end(&r, "y", r.g.y, i);
    put_end(&r, "x", r.x, j);
    fprintf(to, "\"derivative\":");
    ag_json_number(to, r.sum);
    if (!r.too_many) { /* a count that no double holds is text */
        fprintf(to, r.count > (uint64_t)1 << 53 ? ",\n\"count\":\"%" PRIu64 "\"" : ",\n\"count\":%" PRIu64, r.count);
        fprintf(to, ",\n\"routes\":[");
        ag_routes_walk(&r, put_route, &r);
        fprintf(to, "]");
    }
    fprintf(to, ",\n\"limited\":%s}\n", r.too_many || r.count > AG_ROUTES_LISTED ? "true" : "false");
    return ag_routes_end(&r);
}
