/* Derivatives that are zeros for want of a history: by tensors that want no gradient, and of what depends on none. */
#include "ag/backward/backward.h"

/* The name in quotes behind a space, or "". */
static const char *named(ag_tensor x, char *text, size_t bytes)
{
    const char *name = ag_name_of(x);
    snprintf(text, bytes, "%s%s%s", *name ? " '" : "", name, *name ? "'" : "");
    return text;
}

AG_COLD ag_status ag_fail_unwanted(ag_tensor x, const char *who)
{
    char text[128];
    return ag_fail(x.tape, AG_EUSE,
                   "%s: the tensor%s wants no gradient; ag_param, ag_variable and ag_require_grad make tensors that do",
                   who, named(x, text, sizeof text));
}

/* A gradient check has the leaf of a buffer want one. */
static bool wants_gradient(const ag_tape *t, ag_tensor x)
{
    if (!(x.id & AG_TAG_PERSISTENT))
        return ag_needs(t, x.id);
    const ag_slot *s = &t->slots[AG_INDEX(x.id)];
    const bool used = s->leaf_epoch && ag_live(t, AG_INDEX(s->leaf_id), s->leaf_epoch);
    return s->param || (used && ag_needs(t, s->leaf_id));
}

AG_COLD void ag_watch_unwanted(ag_tensor x, const char *who)
{
    ag_tape *t = x.tape;
    char text[128];
    if (!t->busy && !t->inner && !wants_gradient(t, x) && ag_warn_first(t, AG_WARN_UNWANTED))
        ag_warn(t,
                "%s: the tensor%s wants no gradient, so that the derivative by it is zeros; ag_require_grad makes a "
                "leaf that does, to compute with from then on",
                who, named(x, text, sizeof text));
}

AG_COLD ag_status ag_fail_constant(ag_tape *t, const char *who)
{
    return ag_fail(t, AG_EUSE,
                   "%s: the tensor depends on no leaf that wants a gradient (ag_variable, ag_param, ag_require_grad), "
                   "was recorded between ag_no_grad_begin and ag_no_grad_end, or comes of gradients made without "
                   "AG_CREATE_GRAPH",
                   who);
}

/* One warning is enough where nothing flows: that of a tensor by which it is asked for comes first. */
AG_COLD void ag_watch_constant(ag_tensor y, ag_list xs, const char *who)
{
    ag_tape *t = y.tape;
    char text[128];
    bool wanted = !t->busy && !t->inner && xs.count;
    for (size_t i = 0; wanted && i < xs.count; i++)
        wanted = wants_gradient(t, xs.at[i]);
    if (wanted && !wants_gradient(t, y) && ag_warn_first(t, AG_WARN_CONSTANT))
        ag_warn(t,
                "%s: the tensor%s depends on nothing that wants a gradient, so that its derivatives are zeros; a "
                "gradient is made with AG_CREATE_GRAPH to be differentiated again, anything else not between "
                "ag_no_grad_begin and ag_no_grad_end",
                who, named(y, text, sizeof text));
}
