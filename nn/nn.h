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

/* ---- layers */

typedef struct nn_linear_config {
    bool no_bias;
} nn_linear_config;
/* nn_linear - y[..,out] = x[..,in] weight' + bias. weight [out,in], stored for this product (strides (1, out)), and
 * bias [out] start uniform in (-1/sqrt(in), 1/sqrt(in)), as PyTorch's do. Errors: AG_EARG for an extent below 1. */
AG_API nn_module *nn_linear(ag_tape *t, int64_t in, int64_t out, nn_linear_config config);

typedef struct nn_conv_config {
    ag_conv_options options; /* stride, padding, ... */
    bool no_bias;
} nn_conv_config;
/* nn_conv1d, nn_conv2d, nn_conv3d - ag_conv1d and its like of weight [out,in/groups,kernel..] and bias [out], which start
 * uniform within 1/sqrt(in/groups times the kernel's elements) of 0, as PyTorch's do. Errors: AG_EARG for an extent below
 * 1, another rank of the kernel, or groups that do not divide in and out; other options are checked by the op. */
AG_API nn_module *nn_conv1d(ag_tape *t, int64_t in, int64_t out, ag_shape kernel, nn_conv_config config);
AG_API nn_module *nn_conv2d(ag_tape *t, int64_t in, int64_t out, ag_shape kernel, nn_conv_config config);
AG_API nn_module *nn_conv3d(ag_tape *t, int64_t in, int64_t out, ag_shape kernel, nn_conv_config config);
/* nn_max_pool2d, nn_avg_pool2d - ag_max_pool2d and ag_avg_pool2d. Errors: AG_EARG for a window that is none. */
AG_API nn_module *nn_max_pool2d(ag_tape *t, ag_shape window, ag_pool_options options);
AG_API nn_module *nn_avg_pool2d(ag_tape *t, ag_shape window, ag_pool_options options);
/* nn_flatten - every sample's dimensions as one: [n,c,h,w] becomes [n,c h w]. */
AG_API nn_module *nn_flatten(ag_tape *t);

typedef enum nn_activation_kind {
    NN_RELU,
    NN_TANH,
    NN_SIGMOID,
    NN_SOFTPLUS,
    NN_LEAKY_RELU, /* slope 0.01 */
    NN_IDENTITY
} nn_activation_kind;
/* nn_activation - an elementwise function as a module. Errors: AG_EARG for an unknown kind. */
AG_API nn_module *nn_activation(ag_tape *t, int kind);

/* nn_sequential - y = m[count-1](... m[0](x)); the children are called "0", "1", ... See NN_SEQUENTIAL. */
AG_API nn_module *nn_sequential(ag_tape *t, nn_module *const *modules, size_t count);
#ifdef __cplusplus
} /* extern "C" */
namespace nn_detail
{
inline nn_module *sequential(ag_tape *t, std::initializer_list<nn_module *> modules)
{
    return nn_sequential(t, modules.begin(), modules.size());
}
inline nn_module *sequential(const char *file, int line, ag_tape *t, std::initializer_list<nn_module *> modules)
{
    const ag_site before = ag_site_enter(t, file, line);
    nn_module *m = sequential(t, modules);
    ag_site_leave(t, before);
    return m;
}
} // namespace nn_detail
extern "C" {
#define NN_SEQUENTIAL(t, ...) nn_detail::sequential(t, { __VA_ARGS__ })
#else
#define NN_SEQUENTIAL(t, ...) nn_sequential(t, (nn_module *[]){ __VA_ARGS__ }, AG_COUNT(nn_module *, __VA_ARGS__))
#endif

enum { NN_MLP_SIZES = 16 };
typedef struct nn_mlp_config {
    int sizes[NN_MLP_SIZES]; /* of the input, the hidden layers and the output, up to the first 0 */
    int activation;          /* an nn_activation_kind, after every layer but the last */
    bool no_bias;
} nn_mlp_config;
/* nn_mlp - a multi-layer perceptron: linear, activation, linear, ..., a sequence numbered as PyTorch's would be
 * ("0.weight", "0.bias", "2.weight", ...). Errors: AG_EARG for fewer than two sizes, a negative one, or one after
 * a 0. */
AG_API nn_module *nn_mlp(ag_tape *t, nn_mlp_config config);

/* ---- initial values: transient, AG_FLOAT. fan_in = dim[1] r, fan_out = dim[0] r, r the product of the other extents.
 * Errors: AG_ESHAPE for fewer than two dimensions. */

/* Glorot and Bengio 2010: uniform in +-sqrt(6 / (fan_in + fan_out)), or normal with variance 2 / (fan_in + fan_out) */
AG_API ag_tensor nn_xavier_uniform(ag_tape *t, ag_shape s);
AG_API ag_tensor nn_xavier_normal(ag_tape *t, ag_shape s);
/* He et al. 2015, for ReLU: uniform in +-sqrt(6 / fan_in), or normal with variance 2 / fan_in */
AG_API ag_tensor nn_kaiming_uniform(ag_tape *t, ag_shape s);
AG_API ag_tensor nn_kaiming_normal(ag_tape *t, ag_shape s);

/* ---- data: read from regular files; while that is done, all memory comes from the tape and counts for its limit */

/* Samples along the first dimension of both; y may be absent, {0}. */
typedef struct nn_dataset {
    ag_tensor x, y; /* persistent */
} nn_dataset;

/* nn_read_idx - reads MNIST's file format (yann.lecun.com/exdb/mnist), plain or gzipped. y_path NULL: no labels.
 * Unsigned bytes stay AG_U8; signed bytes, shorts and ints become AG_I32; floats AG_F32; doubles AG_F64.
 * Errors: AG_EFILE if a file cannot be read, is shorter or longer than its header says, or the counts differ; both
 * tensors are inert then. The header is not believed: memory is taken for data that are there. */
AG_API nn_dataset nn_read_idx(ag_tape *t, const char *x_path, const char *y_path);

/* The names of classes, in the order of their indices; memory of the tape. */
typedef struct nn_classes {
    const char *const *name;
    int64_t count;
} nn_classes;

enum { NN_CSV_COLUMNS = 32 };
typedef struct nn_csv_config {
    char separator;              /* zero: ',' */
    bool no_header;              /* the first line is data */
    bool header;                 /* the first line names the columns, even if by numbers */
    bool no_label;               /* every column is a feature; y is absent */
    bool regression;             /* the label is a number: y is AG_FLOAT */
    int label_column;            /* counted from 1, negative from the end: -1 is the last; zero: the last */
    int columns[NN_CSV_COLUMNS]; /* the features, counted from 1, up to the first 0; none: all but the label */
    nn_classes *classes;         /* the names of the labels: used if there are any, else filled in; NULL: not wanted */
} nn_csv_config;
/* nn_read_csv - reads a table (RFC 4180, plain or gzipped) of numbers: x [rows, features] AG_FLOAT, y [rows].
 * Labels are classes, y i64: as they stand if all are whole numbers >= 0, else words, numbered in order of first
 * appearance or, for a second file, as `classes` of the first one has them; a fraction is neither. Empty lines are
 * skipped, and spaces around fields that are not quoted; numbers are those of strtod in the C locale. Fields are at
 * most 4095 bytes long. Errors: AG_EFILE with the line's number, also for a first line whose features are all numbers
 * where neither header nor no_header says what it is; AG_EARG for a configuration that makes no sense. */
AG_API nn_dataset nn_read_csv(ag_tape *t, const char *path, nn_csv_config config);

typedef struct nn_batches_config {
    int64_t size;   /* samples in a batch; the last one of an epoch may have fewer */
    double scale;   /* what x is multiplied by; zero: 1 */
    bool shuffle;   /* a new order each epoch, from the tape's random numbers */
    bool drop_last; /* no smaller batch at the end */
} nn_batches_config;
typedef struct nn_batches {
    ag_tensor x, y,
        index;            /* of this batch, transient; index: i64, which samples these are; y absent if the data's is */
    int64_t count, epoch; /* samples in this batch; epochs completed */
} nn_batches;
/* nn_batches_new - a source of batches, which lives on the data's tape. x of type AG_U8, AG_F32 or AG_F64 comes out as
 * AG_FLOAT times scale; other integers as they are. y keeps its type.
 * Errors: AG_EARG for a size below 1, a scale that is not finite or that does not apply; AG_EUSE for transient data;
 * AG_ESHAPE for data of rank 0 or of different lengths. */
AG_API nn_batches *nn_batches_new(nn_dataset data, nn_batches_config config);
/* nn_batches_next - fetches the next batch. False at the end of the epoch, when the next call starts another, and while
 * an error is pending, when nothing is skipped. Without a batch the tensors are inert and count is 0. */
AG_API bool nn_batches_next(nn_batches *b);

/* nn_correct - in how many rows of logits [n,c] the largest element (the first of equals) stands at the label, labels
 * [n] being integers. A row with a NaN is wrong. 0 on error: AG_ESHAPE, AG_EDTYPE, AG_EARG for a label outside
 * [0, c). */
AG_API int64_t nn_correct(ag_tensor logits, ag_tensor labels);

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

#ifdef __cplusplus
}
#endif
#endif

#ifdef AG_TRACE_CALLS
#include "traced.h"
#endif
