/* Layouts of transient tensors, shared where they are alike. */
#include "ag/tape/tape.h"

static unsigned hash_of(ag_dtype d, const ag_shape *s)
{
    uint64_t h = (uint64_t)d * 31 + (uint64_t)s->rank;
    for (int i = 0; i < s->rank; i++)
        h = (h ^ (uint64_t)s->dim[i]) * 0x9e3779b97f4a7c15u;
    return (unsigned)(h >> 60) % AG_RECENT_LAYOUTS;
}

static bool is_like(const ag_layout *l, ag_dtype d, const ag_shape *s)
{
    if (!l || l->dtype != d || l->rank != s->rank)
        return false;
    for (int i = 0; i < s->rank; i++)
        if (l->dim[i] != s->dim[i])
            return false;
    return true;
}

const ag_layout *ag_layout_new(ag_tape *t, ag_dtype d, ag_shape s)
{
    if (s.rank == 0)
        return &ag_scalar_layouts[d];
    unsigned h = s.rank > 0 && s.rank <= AG_MAX_RANK ? hash_of(d, &s) : 0;
    if (is_like(t->recent[h], d, &s))
        return t->recent[h];
    ag_layout *l = ag_scratch(t, sizeof *l);
    if (!l)
        return NULL;
    if (!ag_layout_set(l, d, s)) {
        char text[128];
        ag_fail(t, AG_ELIMIT, "a tensor of shape %s is too large", ag_shape_text(s, text, sizeof text));
        return NULL;
    }
    if (!t->closed) /* else no tensor comes of it, and its memory goes back with the function's that wanted one */
        t->recent[h] = l;
    return l;
}

const ag_layout *ag_layout_of_array(ag_tape *t, const ag_array *a)
{
    if (a->shape.rank == 0)
        return &ag_scalar_layouts[a->dtype];
    bool dense = ag_array_is_dense(a);
    if (dense)
        return ag_layout_new(t, a->dtype, a->shape);
    ag_layout *l = ag_scratch(t, sizeof *l);
    if (!l)
        return NULL;
    ag_layout_of_strides(l, a);
    return l;
}
