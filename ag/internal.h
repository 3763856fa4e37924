/* What the files of ag/ share: see docs/design.md for the way of an op through them. */
#ifndef AG_INTERNAL_H
#define AG_INTERNAL_H

#include "ag/ag.h"
#include "ag/kernels/kernels.h"
#include "ag/tape/tape.h"
#include <string.h>

/* ---- recording a rank-0 op */

/* Keeps two range checks two branches: merged, they would make the values wait for both. */
#define AG_BARRIER() __asm__ volatile("")

/* Appends the record that was written at the newest segment's end; flags: of the operands, of which AG_NEEDS is
 * inherited. */
static inline ag_tensor ag_append(ag_tape *t, uint64_t n, uint32_t op, uint32_t flags)
{
    const uint32_t header = op | (flags & AG_NEEDS) << 16;
    const uint64_t word = t->base + n;
    memcpy(&t->h[n], &header, sizeof header);
    t->span = n + 1;
    return (ag_tensor){ t, (uint32_t)word, (uint32_t)(word >> 32) };
}

/* ---- allocator.c */
ag_allocator ag_default_allocator(void);

/* ---- memory.c. Functions that can fail report AG_ENOMEM themselves and return NULL or false. */
void *ag_take(ag_tape *t, size_t bytes); /* from the tape's allocator, 64-byte aligned, not zeroed */
void ag_give_back(ag_tape *t, void *memory, size_t bytes);
bool ag_grow(ag_tape *t, void **array, uint32_t *capacity, size_t element,
             uint64_t wanted); /* doubles; keeps contents */
void *ag_arena_take(ag_tape *t, ag_arena *a, size_t bytes);
uint64_t ag_arena_position(const ag_arena *a);
bool ag_arena_reached(const ag_arena *a, uint64_t position); /* can it be rewound to there? */
void ag_arena_rewind(ag_arena *a, uint64_t position);
void ag_arena_free(ag_tape *t, ag_arena *a);
void *ag_pool_take(ag_tape *t, size_t bytes);
void ag_pool_give(ag_tape *t, void *block, size_t bytes);
void ag_pool_reset(ag_tape *t);
static inline void *ag_scratch(ag_tape *t, size_t bytes) /* transient memory: until reset or rewind */
{
    size_t rounded = (bytes + !bytes + 63) & ~(size_t)63;
    ag_arena *a = &t->arena;
    if (AG_LIKELY(rounded >= bytes && rounded <= (size_t)(a->end - a->at))) {
        void *p = a->at;
        a->at += rounded;
        return p;
    }
    return ag_arena_take(t, a, bytes);
}

/* ---- create.c */
void ag_check_wrapped(ag_tape *t); /* at the end of a step */

/* ---- tape.c */
ag_tensor ag_inert(ag_tape *t);
bool ag_make_room(ag_tape *t, uint32_t nodes); /* records, headers, nodes and stops for that many more */
void ag_set_recording(ag_tape *t);             /* after a change of no_grad or room */
bool ag_live(const ag_tape *t, uint32_t index, uint32_t epoch);
uint32_t ag_epoch_of(const ag_tape *t, uint32_t index);
void ag_rewind_nodes(ag_tape *t, uint32_t index);    /* drops nodes from index on; the epoch stays */
void ag_rewind_arena(ag_tape *t, uint64_t position); /* the transient data, with the layouts that lie there */
bool ag_new_epoch(ag_tape *t, uint32_t first);       /* AG_ELIMIT when there are no more */
extern const ag_op *const ag_builtin[];              /* from AG_OP_FIRST on */
extern const uint32_t ag_op_count;                   /* the number of the first op of a user's */
static inline const ag_op *ag_op_at(const ag_tape *t, uint32_t number)
{
    return AG_LIKELY(number < ag_op_count) ? ag_builtin[number - AG_OP_FIRST] : t->user_ops[number - ag_op_count];
}
uint32_t ag_op_number(ag_tape *t, const ag_op *op); /* registers a user's op; 0 on failure */
static inline uint64_t ag_word(ag_tensor x)
{
    return (uint64_t)x.epoch << 32 | x.id;
}
static inline uint32_t ag_next(const ag_tape *t)
{
    return (uint32_t)t->base + (uint32_t)t->span;
}
static inline ag_tensor ag_handle(ag_tape *t, uint32_t id) /* of a live node */
{
    uint32_t index = AG_INDEX(id);
    uint32_t epoch = AG_LIKELY(index >= (uint32_t)t->base) ? (uint32_t)(t->base >> 32) : ag_epoch_of(t, index);
    return (ag_tensor){ t, id, epoch };
}
static inline ag_node *ag_node_at(const ag_tape *t, uint32_t id) /* of a node that has one */
{
    return &t->nodes[t->records[AG_INDEX(id)].parent[1]];
}
static inline ag_node *ag_node_or_null(const ag_tape *t, uint32_t id)
{
    return t->headers[AG_INDEX(id)].flags & AG_HAS_NODE ? ag_node_at(t, id) : NULL;
}
static inline const uint32_t *ag_node_inputs(const ag_node *d)
{
    const uint32_t *many;
    if (d->inputs <= 3)
        return d->input;
    memcpy(&many, d->input, sizeof many);
    return many;
}

/* ---- array.c */
static inline size_t ag_bytes_of(ag_dtype d) /* ag_dtype_size without a call */
{
    return d == AG_U8 ? 1 : d == AG_F32 || d == AG_I32 ? 4 : d == AG_F64 || d == AG_I64 ? 8 : 0;
}
extern const ag_layout ag_scalar_layouts[];               /* by dtype, rank 0 */
bool ag_layout_set(ag_layout *l, ag_dtype d, ag_shape s); /* row-major; false: too large or a negative extent */
const ag_layout *ag_layout_new(ag_tape *t, ag_dtype d, ag_shape s); /* transient; NULL on failure */
const ag_layout *ag_layout_of_array(ag_tape *t, const ag_array *a);
const ag_layout *ag_layout_at(const ag_tape *t, uint32_t id); /* of any live id */
static inline bool ag_layout_same_shape(const ag_layout *a, const ag_layout *b)
{
    if (AG_LIKELY(a == b))
        return true;
    if (a->rank != b->rank || a->size != b->size)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}
ag_shape ag_layout_shape(const ag_layout *l);
static inline ag_array ag_layout_array(const ag_layout *l, void *data)
{
    ag_array a;
    a.data = data;
    a.dtype = l->dtype;
    a.shape.rank = l->rank;
    memcpy(a.shape.dim, l->dim, sizeof l->dim);
    memcpy(a.stride, l->stride, sizeof l->stride);
    return a;
}
void ag_array_dense(ag_array *a); /* sets row-major strides for its shape */
bool ag_array_is_dense(const ag_array *a);
int64_t ag_array_size(const ag_array *a);
bool ag_shape_equal(ag_shape a, ag_shape b);
bool ag_shape_broadcast(ag_shape a, ag_shape b, ag_shape *to);   /* false: they do not fit */
ag_array ag_array_expand(const ag_array *a, ag_shape to);        /* stride 0 along broadcast dimensions */
int ag_axis(int axis, int rank);                                 /* -1 is the last; -1 returned: out of range */
bool ag_axes_mask(ag_axes axes, int rank, bool *reduced);        /* AG_ALL too; false: out of range or twice */
const char *ag_shape_text(ag_shape s, char *text, size_t bytes); /* "[64,10]" */
static inline size_t ag_layout_bytes(const ag_layout *l)
{
    return (size_t)l->size * ag_bytes_of(l->dtype);
}
static inline bool ag_is_float(ag_dtype d)
{
    return d == AG_F32 || d == AG_F64;
}
static inline ag_dtype ag_real_dtype(const ag_tape *t, ag_dtype d) /* AG_FLOAT resolved */
{
    return d == AG_FLOAT ? t->options.dtype : d;
}

/* ---- handle.c */
/* The id of a live node for x: persistent tensors by their leaf, made where this is the first use. 0: failed, reported
 * (unless x is inert) under the name of the function `who`; `operand` counts from 1, 0: the only one. */
uint32_t ag_resolve(ag_tape *t, ag_tensor x, const char *who, int operand);
/* The id of an operand in the newest segment, or of a persistent tensor's leaf there; 0: ag_resolve must look. */
static inline uint32_t ag_quick_id(const ag_tape *t, ag_tensor x)
{
    uint64_t word = (uint64_t)x.epoch << 32 | (x.id & ~AG_TAG_RANKED);
    uint32_t id = x.id;
    if (id & AG_TAG_PERSISTENT) {
        uint32_t index = AG_INDEX(id);
        if (index >= t->slot_count)
            return 0;
        const ag_slot *s = &t->slots[index];
        if (s->generation != x.epoch || s->released)
            return 0;
        id = s->leaf_id;
        word = (uint64_t)s->leaf_epoch << 32 | AG_INDEX(id);
    }
    return AG_LIKELY(word - t->base < t->span) ? id : 0;
}
ag_status ag_refuse(ag_tape *t, const char *who); /* the status of an action on an unusable tensor: never AG_OK */
ag_tape *ag_common_tape(const ag_tensor *x, size_t count, const char *who); /* NULL: reported where possible */
bool ag_begin(ag_tape *t); /* an action may run: t is not NULL and no error pending */
ag_tensor ag_node_new(ag_tape *t, uint32_t op, const ag_layout *layout, void *data, const uint32_t *inputs,
                      size_t count, bool needs);
ag_tensor ag_scalar_new(ag_tape *t, uint32_t op, double value); /* a record without a node; op: constant or variable */
ag_array ag_array_of(ag_tape *t, uint32_t id);     /* data may point into the records: void at the next node */
double ag_array_get(const ag_array *a, int64_t i); /* element i in row-major order */
void ag_mark_written(ag_tape *t, uint32_t id);
static inline bool ag_needs(const ag_tape *t, uint32_t id)
{
    return t->headers[AG_INDEX(id)].flags & AG_NEEDS;
}
const char *ag_named_at(const ag_tape *t, uint32_t index);  /* "" without one */
ag_slot *ag_slot_of(ag_tensor persistent, const char *who); /* NULL: reported */
void ag_slots_end_step(ag_tape *t);                         /* frees released slots */
void ag_slots_free(ag_tape *t);

void ag_stored_changed(ag_tape *t, ag_stored *g); /* handles that ag_grad gave out show the old gradient */

/* ---- elementwise.c: elementwise ops */
typedef struct ag_row ag_row;

/* ---- apply.c: every other op */
struct ag_call {
    ag_tape *tape;
    const ag_op *op;
    const void *params;
    const ag_array *x;      /* inputs, while shape or forward run */
    const uint32_t *inputs; /* ids, while a rule runs */
    uint32_t id;            /* of the first output */
    int count;              /* of inputs */
    int outputs;
    bool all_needed;    /* ag_local: a derivative by every input */
    ag_array *operands; /* inputs then outputs, dense where the op asks, in vjp_fused */
};
const char *ag_op_prefix(const ag_op *op); /* of its name in messages: "ag_" for built-in ones */
ag_status ag_map_shape(const ag_call *c, const ag_array *x,
                       ag_array *y); /* map.c: shape and forward of an op with a map */
void ag_map_forward(const ag_call *c, const ag_array *x, ag_array *y);
/* ag_apply for a built-in op by its number in the registry */
ag_tensor ag_apply_op(uint32_t number, ag_list inputs, const void *params);
ag_status ag_apply_number(ag_tape *t, uint32_t number, ag_list inputs, const void *params, ag_tensor *outputs);
/* The call of the node at id as its rules see it. */
void ag_call_of(ag_tape *t, uint32_t id, ag_call *c, uint32_t inputs[3], double constants[2]);
uint32_t ag_rule_result(const ag_call *c, ag_tensor dx,
                        int i); /* the id of what a rule gave for input i; 0: reported */
ag_status ag_fail_written(ag_tape *t, const ag_op *op, uint32_t id, const char *what, int i); /* what i, which is id */
void ag_operand_text(const ag_call *c, const ag_array *x, char *text, size_t bytes); /* shapes, dtypes and names */

/* ---- backward.c, recorded.c: the two kinds of backward pass */
typedef struct ag_target { /* whose adjoint ag_gradients wants */
    uint32_t id, slot;     /* slot + 1 for a persistent tensor: all its leaves count */
    void *data;            /* dense, of the tensor's shape; NULL until something arrived */
} ag_target;
ag_status ag_sweep(ag_tape *t, uint32_t y, const ag_array *seed, ag_target *targets, size_t count);
ag_status ag_graph_gradients(ag_tape *t, uint32_t y, ag_tensor seed, const ag_target *targets, size_t count,
                             ag_tensor *out);
uint8_t *ag_reachable(ag_tape *t,
                      uint32_t y); /* by index, from the pool (y + 1 bytes): does y depend on it? NULL: no memory */

#endif
