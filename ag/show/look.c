/* A graph that is looked at: its nodes, in the words of tables and pictures. */
#include "ag/show/show.h"
#include <errno.h>
#include <math.h>
#include <sys/stat.h>

const char *ag_look_op(const ag_tape *t, uint32_t i)
{
    switch (t->headers[i].op) {
    case AG_OP_CONSTANT:
        return "constant";
    case AG_OP_VARIABLE:
        return "variable";
    case AG_OP_PERSISTENT:
        return t->headers[i].flags & AG_NEEDS ? "parameter" : "buffer";
    case AG_OP_OUTPUT:
        return "output";
    default:
        return ag_op_at(t, t->headers[i].op)->name;
    }
}

const char *ag_look_name(const ag_tape *t, uint32_t i)
{
    return t->headers[i].op == AG_OP_PERSISTENT ? t->slots[ag_leaf_slot(t, i)].name : ag_named_at(t, i);
}

const char *ag_look_label(const ag_tape *t, uint32_t i, char *text, size_t bytes)
{
    const char *name = ag_look_name(t, i);
    if (*name)
        snprintf(text, bytes, "%s", name);
    else
        snprintf(text, bytes, "%%%u", i);
    return text;
}

static bool is_plain(const char *label)
{
    return (*label | 32) >= 'a' && (*label | 32) <= 'z' && !strpbrk(label, " ()/");
}

const char *ag_look_derivative(const char *y, const char *x, char *text, size_t bytes)
{
    snprintf(text, bytes, is_plain(y) && is_plain(x) ? "d%s/d%s" : "d(%s)/d(%s)", y, x);
    return text;
}

const char *ag_look_value(ag_tape *t, uint32_t id, char *text, size_t bytes)
{
    ag_array a = ag_array_of(t, id);
    char shape[128];
    if (ag_array_size(&a) == 1 && !ag_is_float(a.dtype))
        snprintf(text, bytes, "%" PRId64, ag_array_get_integer(&a, 0));
    else if (ag_array_size(&a) == 1)
        snprintf(text, bytes, "%.10g", ag_array_get(&a, 0));
    else
        snprintf(text, bytes, "%s%s", ag_dtype_name(a.dtype), ag_shape_text(a.shape, shape, sizeof shape));
    return text;
}

bool ag_look_is_leaf(const ag_tape *t, uint32_t i)
{
    return t->headers[i].op < AG_OP_OUTPUT;
}

ag_tensor ag_look_gradient(ag_tape *t, uint32_t i)
{
    const ag_header *h = &t->headers[i];
    if (!(h->flags & AG_NEEDS) || (!ag_look_is_leaf(t, i) && !(h->flags & AG_RETAINED) && !t->options.keep_grads))
        return ag_inert(t);
    return ag_grad(ag_handle(t, ag_id_at(t, i)));
}

int ag_look_inputs(const ag_tape *t, uint32_t i, const uint32_t **inputs)
{
    const ag_node *d = ag_node_or_null(t, i);
    *inputs = d ? ag_node_inputs(d) : t->records[i].parent;
    if (t->headers[i].op < AG_OP_FIRST)
        return 0;
    return d ? d->inputs : ag_op_at(t, t->headers[i].op)->inputs;
}

/* Scaled by the largest element, whose square need not be a number. */
double ag_look_measure(const ag_array *a)
{
    const int64_t n = ag_array_size(a);
    double largest = 0, sum = 0;
    if (n == 1)
        return ag_array_get(a, 0);
    for (int64_t i = 0; i < n; i++) {
        const double x = fabs(ag_array_get(a, i));
        if (x != x)
            return x;
        largest = x > largest ? x : largest;
    }
    if (largest == 0 || isinf(largest))
        return largest;
    for (int64_t i = 0; i < n; i++) {
        const double x = ag_array_get(a, i) / largest;
        sum += x * x;
    }
    return largest * sqrt(sum);
}

bool ag_look_begin(ag_look *g, ag_tensor y, FILE *to, const char *who)
{
    ag_tape *t = y.tape;
    *g = (ag_look){ .t = t, .to = to, .who = who };
    if (!t)
        return false;
    uint32_t id = ag_settle_all(t) ? ag_resolve(t, y, who, 0) : 0;
    if (!id) {
        ag_refuse(t, who);
        return false;
    }
    if (!to) {
        ag_fail(t, AG_ENULL, "%s: the file is NULL", who);
        return false;
    }
    g->y = AG_INDEX(id);
    g->top = ag_pass_top(t, g->y);
    g->reached = ag_reachable(t, g->y, 1);
    for (uint32_t i = 1; g->reached && i <= g->y; i++)
        g->nodes += g->reached[i] != 0;
    return g->reached;
}

ag_status ag_look_refused(ag_tensor y)
{
    return y.tape ? y.tape->error.status : AG_ENULL;
}

ag_status ag_look_end(ag_look *g)
{
    ag_pool_give(g->t, g->reached, (size_t)g->y + 1);
    return ferror(g->to) ? ag_fail(g->t, AG_EFILE, "%s: cannot write", g->who) : g->t->error.status;
}

ag_status ag_look_check_pass(const ag_look *g)
{
    const ag_layout *l = ag_layout_at(g->t, g->y);
    char label[AG_LABEL], shape[128];
    if (g->t->error.status)
        return g->t->error.status;
    if (l->size != 1)
        return ag_fail(
            g->t, AG_ESHAPE,
            "%s: '%s' has shape %s, not one element; ag_sum makes one of it, ag_explain_element takes an element",
            g->who, ag_look_label(g->t, g->y, label, sizeof label),
            ag_shape_text(ag_layout_shape(l), shape, sizeof shape));
    return ag_check_place(g->t, g->y, false, g->who);
}

ag_status ag_look_unwritable(ag_tape *t, const char *who, const char *path, const char *why)
{
    char directory[4096];
    struct stat is;
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;
    if (!length || length >= sizeof directory)
        return ag_fail(t, AG_EFILE, "%s: cannot write %s: %s", who, path, why);
    memcpy(directory, path, length);
    directory[length] = 0;
    if (!stat(directory, &is) || errno != ENOENT)
        return ag_fail(t, AG_EFILE, "%s: cannot write %s: %s", who, path, why);
    return ag_fail(t, AG_EFILE, "%s: cannot write %s: %s; there is no directory %s", who, path, why, directory);
}
