/* Tensors that want no gradient, where a derivative by them is asked for. */
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
