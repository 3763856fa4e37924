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

#endif
