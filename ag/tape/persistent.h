/* What a tape keeps of a tensor that outlives steps, a parameter or buffer: see persistent.c. */
#ifndef AG_TAPE_PERSISTENT_H
#define AG_TAPE_PERSISTENT_H

#include "ag/array/array.h"

/* A gradient that outlives the pass, dense in the tensor's storage order. */
typedef struct ag_stored {
    void *data;
    uint32_t alias_id,
        alias_epoch; /* the handle that ag_grad gave out, to be marked as written when the gradient changes */
    bool arrived;    /* false: counts as zero, whatever data holds */
    bool begun;      /* during a pass: a leaf's adjoint is written straight to data, where others are to be added */
} ag_stored;

typedef struct ag_hooked {
    ag_hook_function *f;
    void *user;
    uint32_t index; /* of the node; a slot's have none */
} ag_hooked;

typedef struct ag_slot {
    uint64_t handle;              /* of its tensor, as ag_word has it; of none when that was released */
    uint32_t leaf_id, leaf_epoch; /* leaf_epoch 0: no leaf in this step. What each use reads stands first */
    bool param;
    uint32_t first_id, first_epoch; /* the step's first leaf: in it the storage is marked as written for all of them */
    uint32_t next, before; /* 1 + index of the one made after it and before it; next of a free one: another free one */
    uint32_t zeroed, hook_count, hook_capacity; /* zeroed: how often its gradient was */
    ag_hooked *hooks;
    void *block, *data;                   /* block: the layout and the data in one allocation; NULL: free */
    size_t bytes, grad_bytes, name_bytes; /* bytes: of the block; of name 0: the name lies in the block */
    ag_layout *layout;
    char *name;
    ag_stored grad;
} ag_slot;

#endif
