/* Routes as text: multiply the edges of a route, add the routes. */
#include "ag/show/routes.h"

enum { HEAD = 12, TAIL = 4, TERMS = 12 }; /* of a long route; of a sum */

typedef struct listing {
    const ag_routes *r;
    double product[TERMS];
    uint32_t listed;
} listing;

/* ---- names of elements: "w[2,3]" */

static const char *element_label(const ag_routes *r, uint32_t node, int64_t element, char *text, size_t bytes)
{
    const ag_layout *l = ag_layout_at(r->g.t, node);
    char at[160] = "";
    size_t used = 0;
    int64_t below = l->size;
    for (int k = 0; k < l->rank && l->size != 1; k++) {
        below /= l->dim[k];
        used += (size_t)snprintf(at + used, sizeof at - used, "%s%" PRId64, k ? "," : "[", element / below);
        element %= below;
    }
    char name[AG_LABEL];
    snprintf(text, bytes, "%s%s%s", ag_look_label(r->g.t, node, name, sizeof name), at, used ? "]" : "");
    return text;
}

static const char *end_label(const ag_routes *r, bool x, char *text, size_t bytes)
{
    return x ? element_label(r, r->x, r->j, text, bytes) : element_label(r, r->g.y, r->i, text, bytes);
}

/* ---- one route */

static bool left_out(FILE *to, const char *between, uint32_t k, uint32_t length)
{
    if (length <= HEAD + TAIL || k < HEAD || k >= length - TAIL)
        return false;
    if (k == HEAD)
        fprintf(to, "%s...", between);
    return true;
}

static void put_route(void *user, const ag_route *way, uint32_t number)
{
    listing *out = user;
    const ag_routes *r = out->r;
    FILE *to = r->g.to;
    char text[2 * AG_LABEL];
    if (number < TERMS)
        out->product[number] = way->product;
    out->listed = number + 1;
    fprintf(to, "  %u. %s", number + 1, end_label(r, false, text, sizeof text));
    for (uint32_t k = 0; k < way->length; k++) {
        const ag_vertex *v = &r->vertices[way->at[k]->to];
        if (!left_out(to, " <- ", k, way->length))
            fprintf(to, " <- %s", element_label(r, v->node, v->element, text, sizeof text));
    }
    fprintf(to, ": ");
    for (uint32_t k = 0; k < way->length; k++)
        if (!left_out(to, " x ", k, way->length))
            fprintf(to, k ? " x %.10g" : "%.10g", way->at[k]->local);
    fprintf(to, way->length == 1 ? "\n" : way->length ? " = %.10g\n" : "%.10g\n", way->product);
}

/* ---- all of them */

static void put_count(FILE *to, uint64_t count)
{
    if (count == UINT64_MAX)
        fprintf(to, "more than %" PRIu64, UINT64_MAX - 1);
    else
        fprintf(to, "%" PRIu64, count);
}

static void put_derivative(const ag_routes *r)
{
    char x[2 * AG_LABEL], y[2 * AG_LABEL], text[4 * AG_LABEL + 16];
    end_label(r, false, y, sizeof y);
    fprintf(r->g.to, "%s = ", ag_look_derivative(y, end_label(r, true, x, sizeof x), text, sizeof text));
}

static void put_sum(const listing *out)
{
    const ag_routes *r = out->r;
    put_derivative(r);
    if (out->listed == r->count && r->count > 1 && r->count <= TERMS) {
        for (uint32_t n = 0; n < out->listed; n++)
            fprintf(r->g.to, n ? " + %.10g" : "%.10g", out->product[n]);
        fprintf(r->g.to, " = ");
    }
    fprintf(r->g.to, "%.10g\n", r->sum);
}

static ag_status put_routes(const ag_routes *r)
{
    listing out = { .r = r };
    FILE *to = r->g.to;
    char text[2 * AG_LABEL];
    fprintf(to, "Routes from %s", end_label(r, true, text, sizeof text));
    fprintf(to, " to %s: ", end_label(r, false, text, sizeof text));
    if (r->too_many) {
        fprintf(to, "not listed: between them lie more than %d elements, %d edges, or arrays that are too large\n",
                AG_ROUTE_VERTICES, AG_ROUTE_EDGES);
        put_sum(&out);
        return AG_OK;
    }
    put_count(to, r->count);
    fprintf(to, "; multiply the edges of a route, add the routes\n");
    ag_status status = ag_routes_walk(r, put_route, &out);
    if (out.listed < r->count) {
        fprintf(to, "  ... and ");
        put_count(to, r->count == UINT64_MAX ? r->count : r->count - out.listed);
        fprintf(to, " more, which are in the sum but not shown\n");
    }
    put_sum(&out);
    return status;
}

ag_status ag_explain_element(ag_tensor y, int64_t i, ag_tensor x, int64_t j, FILE *to)
{
    ag_routes r;
    if (!ag_routes_begin(&r, y, i, x, j, to, "ag_explain_element"))
        return ag_look_refused(y);
    put_routes(&r);
    return ag_routes_end(&r);
}

/* Has the tensor one element? Where it cannot be told ag_routes_begin finds out why. */
static ag_status check_single(ag_tape *t, ag_tensor x, const char *which)
{
    const ag_shape s = ag_shape_of(x);
    char text[128];
    if (ag_shape_size(s) == 1)
        return AG_OK;
    return ag_fail(t, AG_ESHAPE, "ag_explain_routes: %s has shape %s, not one element; ag_explain_element takes one",
                   which, ag_shape_text(s, text, sizeof text));
}

ag_status ag_explain_routes(ag_tensor y, ag_tensor x, FILE *to)
{
    ag_routes r;
    ag_tape *t = y.tape;
    ag_status status = AG_OK;
    if (ag_ok(y) && ag_ok(x) && x.tape == t && !t->error.status) {
        status = check_single(t, y, "y");
        if (!status)
            status = check_single(t, x, "x");
    }
    if (status)
        return status;
    if (!ag_routes_begin(&r, y, 0, x, 0, to, "ag_explain_routes"))
        return ag_look_refused(y);
    put_routes(&r);
    return ag_routes_end(&r);
}
