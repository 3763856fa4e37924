/* The page in which a reader steps through a graph: what ag_explain_json says, and a program that shows it. */
#include "ag/show/json.h"
#include <errno.h>

enum { NODES = 300, STEPS = 900 }; /* that are shown */

static const char *const page[] = {
#include "page.inc"
};

static void put_page(ag_look *g)
{
    for (size_t i = 0; i < sizeof page / sizeof *page; i++) {
        if (page[i]) {
            fputs(page[i], g->to);
            continue;
        }
        fputc('{', g->to);
        ag_explain_object(g, NODES, STEPS);
        fputs("}\n", g->to);
    }
}

ag_status ag_draw_html(ag_tensor y, const char *path)
{
    ag_look g;
    ag_tape *t = y.tape;
    FILE *to;
    if (!t || t->error.status || !ag_ok(y) || !path) { /* ag_look_begin finds out what is wrong */
        if (ag_look_begin(&g, y, NULL, "ag_draw_html"))
            ag_look_end(&g);
        return ag_look_refused(y);
    }
    to = fopen(path, "w");
    if (!to)
        return ag_look_unwritable(t, "ag_draw_html", path, strerror(errno));
    if (ag_look_begin(&g, y, to, "ag_draw_html")) {
        if (!ag_look_check_pass(&g))
            put_page(&g);
        ag_look_end(&g);
    }
    if (fclose(to) && !t->error.status)
        ag_look_unwritable(t, "ag_draw_html", path, strerror(errno));
    return t->error.status;
}
