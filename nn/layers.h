/* Layers and initial values. A part of nn.h, which includes it. */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

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
    NN_IDENTITY,
    NN_GELU /* exact, by the error function */
} nn_activation_kind;
/* nn_activation - an elementwise function as a module. Errors: AG_EARG for an unknown kind. */
AG_API nn_module *nn_activation(ag_tape *t, int kind);

/* nn_dropout - ag_dropout with probability p in training mode; otherwise x itself. Errors: AG_EARG for a p that is not
 * from 0 to 1. */
AG_API nn_module *nn_dropout(ag_tape *t, double p);

typedef struct nn_layer_norm_config {
    double eps;     /* zero: 1e-5 */
    bool no_affine; /* neither weight nor bias */
    bool no_bias;
} nn_layer_norm_config;
/* nn_layer_norm - ag_layer_norm over the last dimensions, which have the extents of `shape`, as have weight, ones at
 * first, and bias, zeros. Errors: AG_EARG for a shape of rank 0, an extent below 1 or an eps that is none. */
AG_API nn_module *nn_layer_norm(ag_tape *t, ag_shape shape, nn_layer_norm_config config);

typedef struct nn_batch_norm_config {
    double eps;      /* zero: 1e-5 */
    double momentum; /* how far the running statistics move, from 0 to 1; zero: 0.1 */
    bool no_affine;  /* neither weight nor bias */
    bool no_running; /* no running statistics: those of the batch in evaluation too */
} nn_batch_norm_config;
/* nn_batch_norm - ag_batch_norm of x[n,channels,..], PyTorch's BatchNorm1d, 2d and 3d: with the batch's statistics in
 * training mode, when the buffers running_mean, zeros at first, and running_var, ones, move towards them and
 * num_batches_tracked counts; with the running ones otherwise. weight starts as ones, bias as zeros. Statistics move with
 * every forward, in a checkpoint twice. Errors: AG_EARG for no channels, an eps or a momentum that is none. */
AG_API nn_module *nn_batch_norm(ag_tape *t, int64_t channels, nn_batch_norm_config config);

/* nn_embedding - rows of weight [count,features], normal at first, for integers x[..]: y[..,features]. A row of padding
 * (see ag_embedding_options) starts as zeros. Errors: AG_EARG for an extent below 1 or a padding that is no row. */
AG_API nn_module *nn_embedding(ag_tape *t, int64_t count, int64_t features, ag_embedding_options options);

typedef struct nn_rbf_config {
    double width; /* that all start with; zero: 1 */
    bool fixed;   /* centers and widths are buffers, chosen and not trained */
} nn_rbf_config;
/* nn_rbf - radial basis functions, Gaussian: y[..,k] = exp(-|x - centers[k]|^2 / (2 widths[k]^2)) for x[..,in]. centers
 * [count,in] start normal; as a rule they are then assigned samples (nn_find, ag_assign). Errors: AG_EARG for an extent
 * below 1 or a width that is not above 0. */
AG_API nn_module *nn_rbf(ag_tape *t, int64_t in, int64_t count, nn_rbf_config config);

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

#endif
