/* Tensors as text. */
#include "ag/backward/backward.h"
#include <inttypes.h>
#include <stdarg.h>

enum { EDGE = 3, ABRIDGED_FROM = 1000, SHOWN = 4096 };

typedef struct text { /* a string that is cut where its room ends */
    char *at;
    size_t used, room;
} text;

static void AG_PRINTF(2, 3) put(text *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(to->at + to->used, to->room - to->used, format, arguments);
    va_end(arguments);
    if (n > 0)
        to->used = to->used + (size_t)n < to->room ? to->used + (size_t)n : to->room - 1;
}

static void put_dimension(text *to, const ag_array *a, int axis, int64_t at, bool abridged)
{
    if (axis == a->shape.rank) {
        ag_array one = { .data = (char *)a->data + at * (int64_t)ag_dtype_size(a->dtype), .dtype = a->dtype };
        if (ag_is_float(a->dtype))
            put(to, "%.*g", a->dtype == AG_F32 ? 6 : 8, ag_array_get(&one, 0));
        else
            put(to, "%" PRId64, ag_array_get_integer(&one, 0));
        return;
    }
    int64_t n = a->shape.dim[axis];
    put(to, "[");
    for (int64_t i = 0; i < n; i++) {
        if (abridged && n > 2 * EDGE && i == EDGE) {
            put(to, axis + 1 < a->shape.rank ? ",\n%*s..." : ", ...", axis + 1, "");
            i = n - EDGE;
        }
        if (i)
            put(to, axis + 1 < a->shape.rank ? ",\n%*s" : ", ", axis + 1, "");
        put_dimension(to, a, axis + 1, at + i * a->stride[axis], abridged);
    }
    put(to, "]");
}

static const char *kind_of(const ag_tape *t, ag_tensor x)
{
    if (x.id & AG_TAG_PERSISTENT)
        return t->slots[AG_INDEX(x.id)].param ? "parameter" : "buffer";
    uint32_t i = AG_INDEX(x.id), op = t->headers[i].op;
    if (op == AG_OP_CONSTANT)
        return "constant";
    if (op == AG_OP_VARIABLE)
        return "variable";
    if (op == AG_OP_OUTPUT)
        i -= ag_node_at(t, i)->output;
    return t->headers[i].op >= AG_OP_FIRST ? ag_op_at(t, t->headers[i].op)->name : "leaf";
}

static void put_tensor(text *to, ag_tensor x)
{
    ag_tape *t = x.tape;
    char shape[128];
    if (!ag_ok(x)) {
        put(to, !t ? "absent tensor" : !x.id ? "failed tensor: %s" : "stale tensor", ag_error_text(t));
        return;
    }
    bool persistent = x.id & AG_TAG_PERSISTENT;
    if (!persistent && !ag_settle(t, x.id)) {
        put(to, "%s", "no memory to compute the tensor");
        return;
    }
    const ag_slot *s = persistent ? &t->slots[AG_INDEX(x.id)] : NULL;
    ag_array a = persistent ? ag_layout_array(s->layout, s->data) : ag_array_of(t, x.id);
    const char *name = persistent ? s->name : ag_named_at(t, AG_INDEX(x.id));
    put(to, "%s%s%s%s ", name, *name ? " " : "", ag_dtype_name(a.dtype), ag_shape_text(a.shape, shape, sizeof shape));
    put(to, "(%s) ", kind_of(t, x));
    if (a.shape.rank > 1)
        put(to, "\n");
    int64_t size = ag_array_size(&a);
    if (size == 0)
        memset(a.stride, 0, sizeof a.stride);
    put_dimension(to, &a, 0, 0,
                  size >= ABRIDGED_FROM || size == 0); /* without elements, dimensions can still be long */
}

ag_status ag_print(ag_tensor x, FILE *to)
{
    ag_tape *t = x.tape;
    char few[SHOWN];
    text s = { few, 0, sizeof few };
    if (!to || !t)
        return t ? ag_fail(t, AG_ENULL, "ag_print: the file is NULL") : AG_ENULL;
    if (!ag_ok(x))
        return x.id ? ag_fail(t, AG_ESTALE, "ag_print: the tensor is stale") : ag_refuse(t, "ag_print");
    if (!(x.id & AG_TAG_PERSISTENT) && !ag_settle(t, x.id))
        return t->error.status;
    few[0] = 0;
    put_tensor(&s, x);
    if (s.used < s.room - 1)
        return fprintf(to, "%s\n", few) < 0 ? ag_fail(t, AG_EFILE, "ag_print: cannot write") : AG_OK;
    s.room = (size_t)1 << 20; /* abridged or below a thousand elements of eight dimensions: this is enough */
    s.used = 0;
    s.at = ag_pool_take(t, s.room);
    if (!s.at)
        return t->error.status;
    put_tensor(&s, x);
    bool written = fprintf(to, "%s\n", s.at) >= 0;
    ag_pool_give(t, s.at, s.room);
    return written ? AG_OK : ag_fail(t, AG_EFILE, "ag_print: cannot write");
}

const char *ag_show(ag_tensor x)
{
    ag_tape *t = x.tape;
    if (!t)
        return "absent tensor";
    const ag_error_state before = t->error;
    t->hidden_count++; /* silent */
    if (!t->shown) {
        t->shown = ag_obtain(t, SHOWN);
        t->shown_bytes = t->shown ? SHOWN : 0;
    }
    if (t->shown) {
        text s = { t->shown, 0, t->shown_bytes };
        t->shown[0] = 0;
        put_tensor(&s, x);
    }
    t->hidden_count--;
    t->error = before;
    return t->shown ? t->shown : "no memory to show the tensor";
}
