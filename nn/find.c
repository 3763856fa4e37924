/* A module's tensors by their paths. */
#include "nn/internal.h"
#include <stdio.h>
#include <string.h>

typedef struct path_list { /* the first paths that have room */
    char text[160];
    size_t length, count;
} path_list;

static bool list_path(void *user, const nn_entry *e, const char *path)
{
    path_list *l = user;
    const size_t room = sizeof l->text - l->length, wanted = strlen(path) + 2;
    (void)e;
    l->count++;
    if (wanted >= room)
        l->length = sizeof l->text - 1; /* those that follow would not be the next ones */
    else
        l->length += (size_t)snprintf(l->text + l->length, room, "%s%s", l->count > 1 ? ", " : "", path);
    return true;
}

static void report_absent(nn_module *m, const char *path)
{
    path_list there = { .count = 0 };
    nn_walk(m, list_path, &there);
    if (!there.count)
        ag_fail(m->tape, AG_EARG, "nn_find: module '%s' has no parameter or buffer '%s', and no other", m->name, path);
    else
        ag_fail(m->tape, AG_EARG, "nn_find: module '%s' has no parameter or buffer '%s'; it has %zu: %s%s", m->name,
                path, there.count, there.text,
                there.length < sizeof there.text - 1 ? ""
                : *there.text                        ? ", ..."
                                                     : "...");
}

ag_tensor nn_find(nn_module *m, const char *path)
{
    if (!nn_usable(m, NULL, "nn_find"))
        return nn_inert(m ? m->tape : NULL);
    const nn_module *at = m;
    for (const char *name = path; name && at;) {
        size_t length = strcspn(name, ".");
        const nn_entry *e = nn_entry_called(at, name, length);
        if (e && !e->child && !name[length])
            return e->tensor;
        at = e && name[length] ? e->child : NULL;
        name += length + 1;
    }
    if (path)
        report_absent(m, path);
    else
        ag_fail(m->tape, AG_ENULL, "nn_find: module '%s': the path is NULL", m->name);
    return nn_inert(m->tape);
}
