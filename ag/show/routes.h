/* The routes between an element of x and one of y, as a graph of elements. */
#ifndef AG_SHOW_ROUTES_H
#define AG_SHOW_ROUTES_H

#include "ag/show/show.h"

enum { AG_ROUTE_VERTICES = 4096, AG_ROUTE_EDGES = 65536, AG_ROUTES_LISTED = 50, AG_ROUTE_WORK = 1 << 26 };

typedef struct ag_edge { /* from an element of a result to one of an operand */
    uint32_t to, next;   /* 1 + the vertex's next edge; 0: none */
    double local;
} ag_edge;
typedef struct ag_vertex { /* an element that y depends on by way of it, and that depends on x */
    int64_t element;
    uint32_t node, first, last; /* 1 + edges */
    uint32_t same;              /* 1 + the next vertex of the node; 0: none */
    uint64_t count;             /* of routes from y; UINT64_MAX: that many or more */
    double adjoint;             /* the sum of their products */
} ag_vertex;

typedef struct ag_routes {
    ag_look g;
    int64_t i, j;        /* the elements of y and x */
    uint32_t x;          /* the index of x, if it is transient */
    uint32_t slot;       /* 1 + its slot, if it is persistent */
    uint8_t *between;    /* by index: it depends on x, and a gradient flows */
    uint32_t *vertex_of; /* by index: 1 + the node's first vertex */
    uint32_t *table;     /* of vertices, by a hash of node and element */
    ag_vertex *vertices;
    ag_edge *edges;
    uint32_t vertex_count, vertex_capacity, edge_count, edge_capacity;
    int64_t work;   /* elements that the rules had to do with */
    bool too_many;  /* vertices or edges: there is no list */
    uint64_t count; /* of routes from y to x; UINT64_MAX: that many or more */
    double sum;     /* dy/dx */
} ag_routes;

/* ---- routes.c */
bool ag_routes_begin(ag_routes *r, ag_tensor y, int64_t i, ag_tensor x, int64_t j, FILE *to, const char *who);
ag_status ag_routes_end(ag_routes *r);
bool ag_routes_at_x(const ag_routes *r, const ag_vertex *v);

/* ---- walk.c: one route after the other */

typedef struct ag_route {
    const ag_edge *at[AG_ROUTE_VERTICES]; /* from y on */
    uint32_t length;
    double product;
} ag_route;
typedef void ag_route_see(void *user, const ag_route *route, uint32_t number); /* number: from 0 */
ag_status ag_routes_walk(const ag_routes *r, ag_route_see *see, void *user);

#endif
