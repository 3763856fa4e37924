/* nn: modules, initial values, data sets and weight files, composed of ag's ops.
 *
 * Rules that hold for every function here, beside those of ag/ag.h:
 * - A module is a C struct that begins with nn_module. One's own is made by nn_init on memory of one's own, which must
 *   stay where it is until the tape is freed; those made here live on the tape, and there is nothing to free.
 * - NULL for a module or a batch source is what a failed constructor returned. Every function accepts it and does
 *   nothing: AG_ENULL, an inert tensor, an empty list, NULL or false, and no second error where one is pending already.
 * - Text given (names, paths) is copied.
 * - Everything belongs to one tape; a tensor or module of another one is AG_EUSE. */
#ifndef NN_NN_H
#define NN_NN_H

#include "ag/ag.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- modules */

typedef struct nn_module nn_module;
typedef ag_tensor nn_function(nn_module *m, ag_tensor x);
struct nn_module {
    ag_tape *tape;
    const char *name;             /* in its parent, once it has one */
    nn_function *forward;         /* NULL where a module has a typed step of its own */
    bool training;                /* see nn_train */
    struct nn_registry *registry; /* parameters, buffers and children: nn's own */
};

/* nn_init - makes *m a module without parameters, in training mode. `forward` may be NULL. */
AG_API void nn_init(nn_module *m, ag_tape *t, const char *name, nn_function *forward);

/* nn_param, nn_buffer - ag_param or ag_buffer of `value`, registered in m as `name`.
 * Names are UTF-8, not empty, without a dot, at most 127 bytes long, and unique within their module.
 * Errors: AG_EARG for a bad name or one that is taken, AG_EDTYPE for a parameter that is not floating. */
AG_API ag_tensor nn_param(nn_module *m, ag_tensor value, const char *name);
AG_API ag_tensor nn_buffer(nn_module *m, ag_tensor value, const char *name);
/* nn_share - registers an existing parameter or buffer itself, not a copy: weights that modules share, or what
 * ag_param_as made. Returns it. Errors: as nn_param; AG_EUSE if it is transient. */
AG_API ag_tensor nn_share(nn_module *m, ag_tensor persistent, const char *name);
/* nn_child - makes `child` a part of m called `name`; its parameters then answer to "name.weight" and are called so in
 * error messages. A module may be a child of several. Returns child, or NULL on failure. Errors: AG_EARG as nn_param,
 * or where m would contain itself; AG_ELIMIT for modules nested more than 32 deep. */
AG_API nn_module *nn_child(nn_module *m, nn_module *child, const char *name);

/* nn_forward - y = m(x), inside a name scope called like m. Errors: AG_EUSE where m has no forward function,
 * or x belongs to another tape. */
AG_API ag_tensor nn_forward(nn_module *m, ag_tensor x);
/* nn_params - the parameters of m and all below it, in order of registration, shared ones once. The list lives as long
 * as the tape; entries added later are in the list of a later call. One that is empty knows its tape (ag_list_none). */
AG_API ag_list nn_params(nn_module *m);
/* nn_find - the parameter or buffer at a path such as "0.weight". Errors: AG_EARG where there is none. */
AG_API ag_tensor nn_find(nn_module *m, const char *path);
/* nn_train - sets the training mode of m and all below it (dropout and the like look at it); initially true. */
AG_API void nn_train(nn_module *m, bool training);

/* ---- layers, initial values */
#include "layers.h"

/* ---- layers for sequences */
#include "sequences.h"

/* ---- data */
#include "data.h"

/* ---- pictures */
#include "plot.h"

/* ---- weight files: safetensors (github.com/huggingface/safetensors), which PyTorch's users exchange */

/* nn_save - writes the parameters and buffers of m and all below it under their paths, row-major, one that is shared
 * under each of its paths. The file appears whole or not at all: a temporary one beside it is written, synced and
 * renamed. Links are followed; a file that is replaced hands on its mode, its owner and group where that is allowed,
 * but no other links to it and no extended attributes. What saves that were killed left in the directory is removed.
 * Errors: AG_EFILE; then a file that was there before is as it was. */
AG_API ag_status nn_save(nn_module *m, const char *path);
/* nn_load - reads them back. The file must hold exactly the names, shapes and types of m, but f32 may be loaded into
 * f64;
 * "__metadata__" is ignored. Everything is checked before the first value is written.
 * Errors: AG_EFILE; then no value has changed. */
AG_API ag_status nn_load(nn_module *m, const char *path);

/* ---- penalties, snapshots, early stopping, progress */
#include "train.h"

#ifdef __cplusplus
}
#endif
#endif

#ifdef AG_TRACE_CALLS
#include "traced.h"
#endif
