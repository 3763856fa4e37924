/* Pictures of graphs: what they say of a node beside its values. */
#ifndef AG_SHOW_PICTURES_H
#define AG_SHOW_PICTURES_H

#include "ag/show/show.h"

enum { AG_LARGEST = 2000 }; /* nodes that still make a picture */

/* ---- scopes.c: modules, by names */

typedef struct ag_scope {
    const char *name; /* of so many bytes: "net.0" */
    size_t length;
} ag_scope;
/* By index up to y. False: no memory. */
bool ag_scopes_find(const ag_look *g, ag_scope *scopes);
int ag_scopes_compare(ag_scope a, ag_scope b);
size_t ag_scopes_common(ag_scope a, ag_scope b); /* bytes of the innermost scope that both lie in */

/* ---- draw.c */
ag_status ag_draw_look(ag_look *g); /* to its file */

#endif
