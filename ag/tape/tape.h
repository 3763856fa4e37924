/* A tape's data structures.
 *
 * Every node is a 32-byte record and a 4-byte header at the same index. A rank-0 f64 result of an elementwise op is
 * nothing more; for anything else the record points to an ag_node. Ids are indices with two tag bits. */
#ifndef AG_TAPE_H
#define AG_TAPE_H

#include "ag/ag.h"

#define AG_LIKELY(x) __builtin_expect(!!(x), 1)
#define AG_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AG_COLD __attribute__((noinline, cold))
#define AG_ASIDE __attribute__((noinline))

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

typedef struct ag_layout {
    int64_t size; /* elements */
    ag_dtype dtype;
    int rank;
    bool dense; /* row-major without gaps */
    int64_t dim[AG_MAX_RANK], stride[AG_MAX_RANK];
} ag_layout;

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

/* A gradient that outlives the pass, dense in the tensor's storage order. */
typedef struct ag_stored {
    void *data;
    uint32_t alias_id,
        alias_epoch; /* the handle that ag_grad gave out, to be marked as written when the gradient changes */
    bool arrived;    /* false: counts as zero, whatever data holds */
} ag_stored;

typedef struct ag_slot {
    void *block;  /* the layout and the data in one allocation; NULL: free */
    size_t bytes; /* of the block */
    size_t grad_bytes;
    size_t name_bytes; /* 0: the name lies in the block */
    ag_layout *layout;
    void *data;
    char *name;
    ag_stored grad;
    uint32_t generation, leaf_id, leaf_epoch; /* leaf_epoch 0: no leaf in this step */
    uint32_t first_id, first_epoch; /* the step's first leaf: in it the storage is marked as written for all of them */
    bool param, released;
} ag_slot;

typedef struct ag_segment {
    uint32_t first, epoch;
} ag_segment;

typedef struct ag_named {
    uint32_t index;
    char *name; /* of the pool */
} ag_named;

/* ---- memory: chunks of which the first `used` bytes are taken; positions are chunk << 48 | offset */

typedef struct ag_chunk {
    char *memory;
    size_t bytes;
} ag_chunk;

typedef struct ag_arena {
    ag_chunk *chunks;
    uint32_t count, capacity, current;
    char *at, *end; /* of the current chunk */
} ag_arena;

enum { AG_POOL_CLASSES = 48 };
/* Blocks in size classes for adjoints, which live shorter than a step; cut from an arena of its own. */
typedef struct ag_pool {
    ag_arena arena;
    void *free[AG_POOL_CLASSES];
} ag_pool;

typedef struct ag_owned { /* header of a block from ag_tape_allocate */
    struct ag_owned *next;
    size_t bytes;
} ag_owned;

typedef struct ag_wrapped { /* a caller's memory, which must stay as it is until reset: DEBUG=1 checks it */
    const void *data;
    size_t bytes;
    uint64_t hash;
    uint32_t index; /* of its node */
} ag_wrapped;

/* ---- errors */

enum { AG_RECENT_LAYOUTS = 16 };
enum { AG_TEXT = 1024, AG_ERROR_DEPTH = 8, AG_SCOPES = 16 };
typedef struct ag_error_state {
    ag_status status;
    char text[AG_TEXT];
} ag_error_state;

/* ---- the tape */

struct ag_tape {
    /* all that recording a rank-0 op touches: the newest segment of live nodes is
     * [base, base + span) as epoch << 32 | index; records and headers of its first node */
    uint64_t base, span;
    uint64_t limit; /* span at which the quick path must stop: no room, or recording is off */
    ag_record *r;
    ag_header *h;
    double *adjoints;       /* by index, zero between passes */
    uint64_t room;          /* what limit is while recording is on */
    uint32_t no_grad, busy; /* nesting of no-grad blocks; of passes and gradient checks */
    bool in_pass; /* rules are running: they may begin no pass of their own, which would use the same adjoints */

    ag_record *records; /* by index */
    ag_header *headers;
    uint32_t capacity, record_capacity, header_capacity, adjoint_capacity; /* capacity: of both */
    ag_node *nodes;
    uint32_t node_count, node_capacity;
    uint32_t *stops; /* indices at which a pass stops, ascending: nodes, and leaves other than constants */
    uint32_t stop_count, stop_capacity;
    ag_segment *segments;
    uint32_t segment_count, segment_capacity, reset_epoch;
    ag_slot *slots;
    uint32_t slot_count, slot_capacity;
    ag_named *names;
    uint32_t name_count, name_capacity;
    ag_stored *grads;
    uint32_t grad_count, grad_capacity;
    uint32_t grad_free;  /* 1 + index of an entry that a rewind has left, chained through alias_id */
    uint32_t last_write; /* no storage was written at a later id */
    double *retained;    /* rank-0 f64 intermediates' gradients by index; NULL until one is retained */
    uint32_t retained_capacity;
    bool any_retained;
    ag_wrapped *wrapped;
    uint32_t wrapped_count, wrapped_capacity;
    const ag_op **user_ops;
    uint32_t user_op_count, user_op_capacity;
    ag_tensor *param_list;
    uint32_t param_count, param_capacity;

    const ag_layout
        *recent[AG_RECENT_LAYOUTS]; /* of this step, by a hash of dtype and shape: shared by tensors that are alike */

    ag_arena arena;
    ag_pool pool;
    ag_owned *owned;
    uint64_t memory;
    uint64_t random_calls;
    ag_options options;
    char *shown;
    size_t shown_bytes;

    ag_error_state error, hidden[AG_ERROR_DEPTH];
    int hidden_count;
    const char *scopes[AG_SCOPES];
    int scope_count;
};

#endif
