/* A tape's data structures.
 *
 * Every node is a 32-byte record and a 4-byte header at the same index. A rank-0 f64 result of an elementwise op is
 * nothing more; for anything else the record points to an ag_node. Ids are indices with two tag bits. */
#ifndef AG_TAPE_TAPE_H
#define AG_TAPE_TAPE_H

#include "ag/array/array.h"
#include "ag/kernels/kernels.h"
#include "ag/tape/arena.h"
#include "ag/tape/echo.h"
#include "ag/tape/errors.h"
#include "ag/tape/persistent.h"
#include "ag/tape/routine.h"
#include "ag/tape/waiting.h"

#define AG_TAG_PERSISTENT 0x80000000u
#define AG_TAG_RANKED 0x40000000u /* not a rank-0 f64: its values are in the node's data */
#define AG_INDEX(id) ((id)&0x3fffffffu)
enum { AG_MAX_NODES = 0x3ffffff0 };

/* ---- records */

typedef struct ag_record {
    uint32_t parent[2]; /* a unary op names itself second; with a node: itself and the node's index */
    double partial[2];  /* dy/dparent; a unary op's constant second; a leaf's stored gradient first */
    double value;
} ag_record;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
typedef struct ag_header { /* op | flags << 16 */
    uint16_t op, flags;
} ag_header;
#else
typedef struct ag_header {
    uint16_t flags, op;
} ag_header;
#endif

enum { /* header flags */
       AG_HAS_NODE = 1,
       AG_NEEDS = 2,    /* a gradient flows through it */
       AG_RETAINED = 4, /* an intermediate whose gradient is kept */
       AG_HOOKED = 16,  /* it has hooks: see backward/hook.c */
       AG_STORED = 8    /* a rank-0 f64 variable whose gradient (partial[0]) has arrived */
};

enum { /* ops that are none; the registry's numbers follow */
       AG_OP_CONSTANT,
       AG_OP_VARIABLE,   /* a transient leaf that wants a gradient */
       AG_OP_PERSISTENT, /* the leaf by which a persistent tensor enters a step; parent[1] or input[0]: its slot */
       AG_OP_OUTPUT,     /* the second, third ... output of the op at id - output */
       AG_OP_FIRST
};

/* ---- ranked tensors */

typedef struct ag_node {
    void *data;    /* first element; NULL: the value is in the record */
    void *adjoint; /* during a pass: row-major, of the node's shape and dtype (a leaf's: of its storage's order) */
    const ag_layout *layout; /* shared between nodes */
    void *params;            /* of the op; with more than three inputs their ids follow at input[0..1] as a pointer */
    uint32_t input[3];
    uint32_t owner;   /* index of the node whose storage this is: itself unless a view */
    uint32_t written; /* the next id at the storage's last write; valid in the owner */
    uint32_t id;
    uint32_t grad;   /* 1 + index of its stored gradient, 0: none */
    uint16_t inputs; /* how many */
    uint8_t output;  /* which output of its op */
    uint8_t flags;
} ag_node;
_Static_assert(sizeof(ag_record) == 32 && sizeof(ag_header) == 4 && sizeof(ag_node) == 64,
               "the sizes that were measured");

enum {                       /* node flags */
       AG_NODE_READONLY = 1, /* a gradient, or wrapped memory */
       AG_NODE_DIRECT = 2    /* during a pass: its adjoint is the persistent tensor's gradient itself */
};

typedef struct ag_segment {
    uint32_t first, epoch;
} ag_segment;

typedef struct ag_named {
    uint32_t index;
    char *name; /* of the pool */
} ag_named;

/* ---- memory */

typedef struct ag_owned { /* header of a block from ag_tape_allocate */
    struct ag_owned *next, *before;
    size_t bytes; /* with the header */
} ag_owned;

typedef struct ag_wrapped { /* a caller's memory, which must stay as it is until reset: DEBUG=1 checks it */
    const void *data;
    size_t bytes;
    uint64_t hash;
    uint32_t index; /* of its node */
} ag_wrapped;

/* Modes that functions under ag_checkpoint look at (ag_replayed): noted as they run first, told when they run again. */
typedef struct ag_modes {
    uint8_t *noted;
    uint32_t count, capacity;
    uint32_t notes;      /* nesting of functions that run first */
    const uint8_t *next; /* of one that runs again */
    uint32_t left;
} ag_modes;

/* ---- the tape */

enum { AG_RECENT_LAYOUTS = 16 };

struct ag_tape {
    uint64_t memory, random_calls; /* first: free() writes here, and what follows tells of a freed tape */
    /* all that recording a rank-0 op touches: the newest segment of live nodes is
     * [base, base + span) as epoch << 32 | index; records and headers of its first node */
    uint64_t base, span;
    uint64_t limit; /* span at which the quick path must stop: no room, recording is off, or observers are told */
    ag_record *r;
    ag_header *h;
    double *adjoints;       /* by index, zero between passes */
    uint64_t room;          /* what limit is while recording is on */
    uint32_t no_grad, busy; /* nesting of no-grad blocks; of passes and gradient checks */
    uint64_t inner_arena;   /* where the arena was when `inner` began */
    uint32_t inner; /* the first id of what the innermost running rule, hook or function under a checkpoint records: its
                     * own passes stay there; 0: none runs */
    uint32_t rules; /* nesting of derivative rules and hooks that run, in which there may be infinities on the way */
    bool telling;   /* the error handler is running */
    bool freed;     /* what ag_tape_free leaves, to be found for as long as nothing else lies there */
    uint32_t closed;         /* nesting of code of the user's that may not record: see ag_close */
    bool observed, examined; /* every op is shown to observers: see ag_observe; and they look at values */
    struct ag_observer *observers;
    ag_waiting waiting;        /* values that are computed later */
    struct ag_suspect *blamed; /* of finite checks: by the pass within the rule that runs */

    ag_record *records; /* by index */
    ag_header *headers;
    uint32_t capacity, record_capacity, header_capacity, adjoint_capacity; /* capacity: of both */
    ag_node *nodes;
    uint32_t node_count, node_capacity;
    uint32_t *stops; /* indices at which a pass stops, ascending: nodes, and leaves other than constants */
    uint32_t stop_count, stop_capacity;
    ag_segment *segments;
    uint32_t segment_count, segment_capacity, segment_floor; /* so many stay while an interlude runs */
    uint64_t outer, outer_span;  /* base and span of the segment that an interlude interrupts */
    uint32_t epoch, reset_epoch; /* the last one that was given out; that of the last reset */
    ag_slot *slots;
    uint32_t slot_count, slot_capacity;
    uint32_t slot_first, slot_last, slot_free; /* 1 + index; 0: none */
    ag_named *names;
    uint32_t name_count, name_capacity;
    ag_stored *grads;
    uint32_t grad_count, grad_capacity;
    uint32_t grad_free;  /* 1 + index of an entry that a rewind has left, chained through alias_id */
    uint32_t last_write; /* no storage was written at a later id */
    double *retained;    /* rank-0 f64 intermediates' gradients by index; NULL until one is retained */
    uint32_t retained_capacity;
    bool any_retained;
    bool hooked_again;                              /* functions under checkpoints give hooks, when they run again */
    ag_hooked *hooks;                               /* of transient tensors, by index */
    uint32_t hook_count, hook_capacity, slot_hooks; /* slot_hooks: how many the slots have */
    ag_wrapped *wrapped;
    uint32_t wrapped_count, wrapped_capacity;
    const ag_op **user_ops;
    uint32_t user_op_count, user_op_capacity;
    ag_tensor *param_list;
    uint32_t param_count, param_capacity;

    const ag_layout
        *recent[AG_RECENT_LAYOUTS]; /* of this step, by a hash of dtype and shape: shared by tensors that are alike */

    ag_arena arena;
    ag_arena work; /* of the functions of ops: what one takes goes back when it returns */
    ag_pool pool;
    ag_owned *owned;
    ag_account account;
    ag_routines routines;
    ag_echoes echoes;
    ag_modes modes;
    ag_options options;
    char *shown;
    size_t shown_bytes;

    ag_error_state error, hidden[AG_ERROR_DEPTH];
    const char *scopes[AG_SCOPES];
    int hidden_count, scope_count;
    ag_sites sites;
    uint32_t passes, warned; /* backward passes since the last reset or rewind; warnings that were given */
    uint64_t last_pass;      /* the tensor from which the last of them began, as ag_word has it */
};

/* ---- allocator.c */

ag_allocator ag_default_allocator(void);

/* ---- memory.c. Functions that can fail report AG_ENOMEM themselves and return NULL or false. */

void *ag_obtain(ag_tape *t, size_t bytes);     /* from the tape's allocator, 64-byte aligned, not zeroed */
void *ag_try_obtain(ag_tape *t, size_t bytes); /* the same, and no error where there is none */
void ag_give_back(ag_tape *t, void *memory, size_t bytes);
bool ag_grow(ag_tape *t, void **array, uint32_t *capacity, size_t element,
             uint64_t wanted); /* doubles; keeps contents */

static inline void *ag_scratch(ag_tape *t, size_t bytes) /* transient memory: until reset or rewind */
{
    return ag_arena_block(t, &t->arena, bytes);
}

enum { AG_FEW = 16 }; /* entries of tables on the stack: operands, outputs, adjoints; longer ones lie in memory */

/* ---- layouts.c */

const ag_layout *ag_layout_new(ag_tape *t, ag_dtype d, ag_shape s); /* transient; NULL on failure */
const ag_layout *ag_layout_of_array(ag_tape *t, const ag_array *a);

/* ---- tape.c */

bool ag_make_room(ag_tape *t, uint32_t nodes); /* records, headers, nodes and stops for that many more */
void ag_set_recording(ag_tape *t);             /* after a change of no_grad, closed or room */
/* While the error handler runs, or a function of a user's op that is no rule, the tape is closed: what they see lies in
 * tables that move when something is recorded, and the call that they interrupt goes on. No tensor is made, no pass
 * begins, no step ends. */
void ag_close(ag_tape *t);
void ag_open(ag_tape *t);
void ag_rewind_nodes(ag_tape *t, uint32_t index);    /* drops nodes from index on; the epoch stays */
void ag_rewind_arena(ag_tape *t, uint64_t position); /* the transient data, with the layouts that lie there */

/* ---- marks.c */

bool ag_live(const ag_tape *t, uint32_t index, uint32_t epoch);
uint32_t ag_epoch_of(const ag_tape *t, uint32_t index);
bool ag_new_epoch(ag_tape *t, uint32_t first); /* nodes from `first` on, of which there are none, belong to it */
/* An interlude: what is recorded from its begin to its end is gone with the end, like after a rewind, but what follows
 * is of the epoch that it interrupted: handles of before are found as quickly as before. Interludes nest. A block of
 * no-grad that begins or ends in it is over, or goes on. */
typedef struct ag_interlude {
    uint64_t arena, outer, outer_span;
    uint32_t first, segments, floor, no_grad;
    ag_echo_aside echoes;
} ag_interlude;
bool ag_interlude_begin(ag_tape *t, ag_interlude *g); /* false: no memory, nothing has begun */
void ag_interlude_end(ag_tape *t, const ag_interlude *g);
static inline uint64_t ag_word(ag_tensor x)
{
    return (uint64_t)x.epoch << 32 | x.id;
}
static inline ag_tensor ag_of_word(ag_tape *t, uint64_t w)
{
    return (ag_tensor){ t, (uint32_t)w, (uint32_t)(w >> 32) };
}
static inline uint32_t ag_next(const ag_tape *t)
{
    return (uint32_t)t->base + (uint32_t)t->span;
}
static inline ag_tensor ag_handle(ag_tape *t, uint32_t id) /* of a live node */
{
    uint32_t index = AG_INDEX(id);
    uint32_t epoch = AG_LIKELY(index >= (uint32_t)t->base)                  ? (uint32_t)(t->base >> 32)
                     : index - (uint32_t)t->outer < (uint32_t)t->outer_span ? (uint32_t)(t->outer >> 32)
                                                                            : ag_epoch_of(t, index);
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
/* Where is the value of a node, NULL: of a record that has none? As a number in the record, or at its data. */
static inline bool ag_is_number(const ag_node *d)
{
    return !d || !d->data;
}
static inline uint32_t ag_id_at(const ag_tape *t, uint32_t index) /* with its tag */
{
    return ag_is_number(ag_node_or_null(t, index)) ? index : index | AG_TAG_RANKED;
}
static inline const uint32_t *ag_node_inputs(const ag_node *d)
{
    const uint32_t *many;
    if (d->inputs <= 3)
        return d->input;
    memcpy(&many, d->input, sizeof many);
    return many;
}
static inline const ag_layout *ag_layout_at(const ag_tape *t, uint32_t id) /* of any live id */
{
    const ag_node *d = ag_node_or_null(t, id);
    return d ? d->layout : &ag_scalar_layouts[AG_F64];
}
static inline ag_dtype ag_real_dtype(const ag_tape *t, ag_dtype d) /* AG_FLOAT resolved */
{
    return d == AG_FLOAT ? t->options.dtype : d;
}

/* ---- handle.c */

ag_tensor ag_inert(ag_tape *t);
/* The id of a live node for x: persistent tensors by their leaf, made where this is the first use. 0: failed, reported
 * (unless x is inert) under the name of the function `who`; `operand` counts from 1, 0: the only one. */
uint32_t ag_resolve(ag_tape *t, ag_tensor x, const char *who, int operand);
uint32_t ag_find(ag_tape *t, ag_tensor x, const char *who, int operand); /* the same, but its value may be pending */
/* The id of an operand in the newest segment or the one that it interrupted, or of a persistent tensor's leaf there;
 * 0: ag_resolve must look. */
static inline uint32_t ag_quick_id(const ag_tape *t, ag_tensor x)
{
    uint64_t word = (uint64_t)x.epoch << 32 | (x.id & ~AG_TAG_RANKED);
    uint32_t id = x.id;
    if (id & AG_TAG_PERSISTENT) {
        uint32_t index = AG_INDEX(id);
        if (index >= t->slot_count)
            return 0;
        const ag_slot *s = &t->slots[index];
        if (s->handle != ag_word(x))
            return 0;
        id = s->leaf_id;
        word = (uint64_t)s->leaf_epoch << 32 | AG_INDEX(id);
    }
    return AG_LIKELY(word - t->base < t->span) || word - t->outer < t->outer_span ? id : 0;
}
uint32_t ag_leaf_again(ag_tape *t, ag_tensor x);  /* 0 too: it is no leaf that the last step had at the next place */
ag_status ag_refuse(ag_tape *t, const char *who); /* the status of an action on an unusable tensor: never AG_OK */
ag_tape *ag_common_tape(const ag_tensor *x, size_t count, const char *who); /* NULL: reported where possible */
ag_tensor ag_node_new(ag_tape *t, uint32_t op, const ag_layout *layout, void *data, const uint32_t *inputs,
                      size_t count, bool needs);
ag_tensor ag_scalar_new(ag_tape *t, uint32_t op, double value); /* a record without a node; op: constant or variable */
ag_tensor ag_constant_of(ag_tape *t, const ag_array *a);        /* with a's data, which lives as long */
ag_array ag_array_of(ag_tape *t, uint32_t id); /* data may point into the records: void at the next node */
/* The same for the functions of an op: a number is copied to `number`, so that it stays where it is. */
void ag_array_for_op(const ag_tape *t, uint32_t id, double *number, ag_array *x);
void ag_mark_written(ag_tape *t, uint32_t id);
static inline bool ag_needs(const ag_tape *t, uint32_t id)
{
    return t->headers[AG_INDEX(id)].flags & AG_NEEDS;
}
ag_slot *ag_slot_of(ag_tensor persistent, const char *who);        /* NULL: reported */
static inline uint32_t ag_leaf_slot(const ag_tape *t, uint32_t id) /* the slot of which a live node is the leaf */
{
    const ag_node *d = ag_node_or_null(t, id);
    return d ? d->input[0] : t->records[AG_INDEX(id)].parent[1];
}

/* ---- names.c */
/* A name behind those of the open scopes, "" for none: how many bytes it takes, with its end, and writing it. */
size_t ag_scoped_bytes(const ag_tape *t, const char *name);
char *ag_scoped_name(const ag_tape *t, const char *name, char *to); /* returns `to`, in which the name may lie */

const char *ag_named_at(const ag_tape *t, uint32_t index); /* "" without one */

/* ---- persistent.c */

static inline uint32_t ag_slot_generation(const ag_slot *s) /* the epoch of its handle */
{
    return (uint32_t)(s->handle >> 32);
}
static inline bool ag_slot_taken(const ag_slot *s)
{
    return s->handle & AG_TAG_PERSISTENT;
}
static inline void ag_slot_end(ag_slot *s) /* keeps the generation, with an id that no tensor has */
{
    s->handle = s->handle >> 32 << 32 | AG_INDEX(UINT32_MAX);
}

void ag_slots_end_step(ag_tape *t); /* frees released slots */
void ag_slots_free(ag_tape *t);
void *ag_slot_gradient(ag_tape *t, ag_slot *s); /* where its gradient lies, or will lie */

/* ---- create.c */
/* A transient leaf with uninitialised dense data. What was written to a's data is its value only with ag_settled: a
 * rank-0 f64 is a mere record. */
ag_tensor ag_fresh(ag_tape *t, ag_dtype d, ag_shape s, ag_array *a, const char *who);
ag_tensor ag_settled(ag_tensor x, const ag_array *a);
void ag_check_wrapped(ag_tape *t); /* at the end of a step */
#include "ag/tape/again.h"
#include "ag/tape/node.h"
#include "ag/tape/pending.h"
#endif
