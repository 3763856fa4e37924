/* What ops with many settings are told, and what ops with several results return. A part of ag.h, which includes it.
 *
 * Options are passed by value, last: `ag_conv2d(x, w, b, (ag_conv_options){ .stride = { 2, 2 } })`; what is not named is
 * zero, and zero means the default that is said here. */
#ifndef AG_OPTIONS_H
#define AG_OPTIONS_H

/* ---- shapes */

typedef enum ag_pad_mode { AG_CONSTANT, AG_REFLECT, AG_REPLICATE, AG_CIRCULAR } ag_pad_mode;
typedef enum ag_indexing { AG_IJ, AG_XY } ag_indexing; /* which axis the first tensor of a grid runs along: 0 or 1 */

/* ---- losses */

typedef enum ag_reduce { /* what a loss returns */
                         AG_REDUCE_MEAN,
                         AG_REDUCE_SUM,
                         AG_REDUCE_NONE, /* each element's */
                         AG_REDUCE_BATCH_MEAN /* the sum divided by the first extent, for losses of two tensors of one shape */
} ag_reduce;

typedef struct ag_poisson_options {
    bool rate;  /* the input is the rate itself, not its logarithm */
    bool full;  /* with Stirling's approximation of the logarithm of target! */
    double eps; /* is added to a rate before the logarithm is taken; zero: 1e-8 */
    ag_reduce reduce;
} ag_poisson_options;

typedef struct ag_gaussian_options {
    bool full;  /* with the constant log(2 pi) / 2 */
    double eps; /* variances count as at least that; zero: 1e-6 */
    ag_reduce reduce;
} ag_gaussian_options;

typedef struct ag_cross_entropy_options {
    ag_reduce reduce;
    bool ignore;            /* positions of the class ignore_index count for nothing */
    int64_t ignore_index;   /* any number, as -100, or a class, as that of padding */
    double label_smoothing; /* the part of a target's probability that all classes share */
} ag_cross_entropy_options;

typedef struct ag_nll_options {
    ag_reduce reduce;
    bool ignore; /* as above */
    int64_t ignore_index;
} ag_nll_options;

typedef struct ag_triplet_options {
    double p, eps; /* of ag_pairwise_distance; zero: 2 and 1e-6 */
    bool swap;     /* the negative is as far as it is from the anchor or the positive, whichever is less */
    ag_reduce reduce;
} ag_triplet_options;

typedef struct ag_ctc_options {
    ag_reduce reduce;
    int64_t blank;      /* its class */
    bool zero_infinity; /* what cannot be spelled loses 0 */
} ag_ctc_options;

/* ---- reductions, scans, sorting */

/* Values, and where along the axis they stand in x: i64, counted from 0. */
typedef struct ag_placed {
    ag_tensor values, indices;
} ag_placed;

/* Equal elements stay in their order, always. */
typedef struct ag_sort_options {
    bool descending; /* the largest first */
} ag_sort_options;

typedef struct ag_topk_options {
    bool smallest; /* the smallest ones, the smallest first */
} ag_topk_options;

typedef struct ag_searchsorted_options {
    bool right; /* the last place that keeps the order, not the first */
} ag_searchsorted_options;

typedef struct ag_unique {
    ag_tensor values, inverse, counts;
} ag_unique;

/* What a variance's sum is divided by: the number of elements less the correction. */
typedef struct ag_var_options {
    double correction; /* zero: 1 */
    bool biased;       /* no correction: divided by the number of elements */
} ag_var_options;

/* ---- linear algebra */

enum {                    /* flags: how a triangle is read */
       AG_UPPER = 1,      /* it is the upper one; otherwise the lower one */
       AG_TRANSPOSED = 2, /* and stands for its transpose */
       AG_UNIT = 4,       /* its diagonal counts as ones and is not read */
       AG_RIGHT = 8       /* the unknown stands on its left */
};

/* A determinant as its sign, 1, -1 or 0, and the logarithm of its size. */
typedef struct ag_signed_log {
    ag_tensor sign, logabsdet;
} ag_signed_log;

typedef enum ag_qr_mode { AG_QR_REDUCED, AG_QR_COMPLETE } ag_qr_mode; /* complete: q is square */

typedef struct ag_qr_options {
    ag_qr_mode mode;
} ag_qr_options;

/* q with orthonormal columns and an upper triangular r. */
typedef struct ag_qr_factors {
    ag_tensor q, r;
} ag_qr_factors;

/* Eigenvalues, ascending, and their vectors as columns. */
typedef struct ag_eigen {
    ag_tensor eigenvalues, eigenvectors;
} ag_eigen;

/* Singular values, descending, and their vectors: the columns of u, the rows of vh. */
typedef struct ag_singular {
    ag_tensor u, s, vh;
} ag_singular;

/* ---- indexing */

/* ag_embedding: a row of the table that stands for no word receives no gradient. */
typedef struct ag_embedding_options {
    bool padded;         /* is there one? */
    int64_t padding_idx; /* which; negative: from the end */
} ag_embedding_options;

typedef enum ag_bag { AG_BAG_MEAN, AG_BAG_SUM, AG_BAG_MAX } ag_bag; /* what ag_embedding_bag makes of a bag's rows */

/* ---- attention */

typedef struct ag_attention_options {
    bool causal;  /* a query sees the keys up to its own place, both counted from the first */
    double scale; /* that scores are multiplied by; zero: 1 / sqrt(d) */
} ag_attention_options;

/* ---- normalization */

typedef struct ag_layer_norm_options {
    int dims;   /* how many of the last dimensions are normalised together; zero: 1 */
    double eps; /* is added to the variance; zero: 1e-5, or as ag_rms_norm says */
} ag_layer_norm_options;

typedef struct ag_batch_norm_options {
    bool training;   /* the batch's own statistics are used, and the running ones move towards them */
    double momentum; /* how far, from 0 to 1; zero: 0.1 */
    double eps;      /* is added to the variance; zero: 1e-5 */
} ag_batch_norm_options;

typedef struct ag_batch_normed {
    ag_tensor output, running_mean, running_var;
} ag_batch_normed;

/* ---- convolution */

typedef enum ag_conv_mode {
    AG_CONV_PADDED, /* as `padding` says */
    AG_CONV_SAME    /* so that the result has the input's extents: dilation (k - 1), the larger half behind; stride 1 */
} ag_conv_mode;

/* Of a convolution over the last one, two or three dimensions, an entry for each of these in their order. */
typedef struct ag_conv_options {
    int64_t groups; /* of channels, each with weights of its own; zero: 1 */
    ag_conv_mode mode;
    int64_t stride[3];         /* all zero: 1 */
    int64_t padding[3];        /* zeros before and behind the input; { 1 } pads the first dimension alone */
    int64_t dilation[3];       /* from one element of the kernel to the next; all zero: 1 */
    int64_t output_padding[3]; /* of a transposed convolution: so many more results behind */
} ag_conv_options;

/* Of a pool over the last one, two or three dimensions. */
typedef struct ag_pool_options {
    bool ceil_mode;       /* extents of the result are rounded up */
    bool exclude_padding; /* an average is over what is not padded */
    int64_t divisor;      /* of an average, in place of the number of elements */
    int64_t stride[3];    /* all zero: the window's extents */
    int64_t padding[3];   /* before and behind the input, at most half a window */
    int64_t dilation[3];  /* of the windows of a maximum; all zero: 1 */
} ag_pool_options;

typedef enum ag_interpolation { AG_NEAREST, AG_LINEAR, AG_AREA, AG_CUBIC } ag_interpolation;

typedef struct ag_interpolate_options {
    ag_interpolation mode;
    bool align_corners; /* first and last elements stay where they are; for AG_LINEAR and AG_CUBIC */
    int64_t size[3];    /* the extents of the result, or */
    double scale[3];    /* by how much they are larger than x's */
} ag_interpolate_options;

#endif
