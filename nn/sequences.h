/* Layers for sequences x[n,t,features]: recurrent ones, attention, the transformer. A part of nn.h, which includes it. */
#ifndef NN_SEQUENCES_H
#define NN_SEQUENCES_H

/* ---- recurrent */

typedef struct nn_recurrent_config {
    int layers; /* each but the first goes over what the one before makes; zero: 1 */
    bool no_bias;
    bool relu;      /* of nn_rnn, in place of tanh */
    double dropout; /* in training mode, of what each layer but the last makes */
} nn_recurrent_config;
/* What a recurrent layer makes: output[n,t,hidden], the last layer's h of every step, and the last step's h and c of
 * every layer, [layers,n,hidden]; c is the LSTM's alone, else absent. */
typedef struct nn_sequence {
    ag_tensor output, h, c;
} nn_sequence;
/* nn_rnn, nn_lstm, nn_gru - PyTorch's RNN, LSTM and GRU of batches first. Layer k has weight_ih_lk [g hidden,in],
 * weight_hh_lk [g hidden,hidden], bias_ih_lk and bias_hh_lk [g hidden], uniform within 1/sqrt(hidden) of 0, where the g
 * gates stand one below the other; a = x_t weight_ih' + bias_ih, b = h weight_hh' + bias_hh:
 *   rnn   h = tanh(a + b)
 *   lstm  i, f, g, o = the parts of a + b;  c = sigmoid(f) c + sigmoid(i) tanh(g),  h = sigmoid(o) tanh(c)
 *   gru   r, z = sigmoid(a + b), n = tanh(a + r b) of each one's part;  h = (1 - z) n + z h
 * nn_forward gives the output, from zeros. Errors: AG_EARG for an extent below 1, layers below 0, relu where it is not
 * for, a dropout that is not from 0 to 1. */
AG_API nn_module *nn_rnn(ag_tape *t, int64_t in, int64_t hidden, nn_recurrent_config config);
AG_API nn_module *nn_lstm(ag_tape *t, int64_t in, int64_t hidden, nn_recurrent_config config);
AG_API nn_module *nn_gru(ag_tape *t, int64_t in, int64_t hidden, nn_recurrent_config config);
/* nn_unroll - m over x[n,t,in] from h and, for an LSTM, c, both [layers,n,hidden]; {0}: zeros. What it returns goes on in
 * the next call; ag_detach, or ag_assign to a buffer, ends the history there. Errors: AG_EUSE where m is none of these;
 * AG_ESHAPE for an x or a state of another shape, or of no step; AG_EARG for a c that is not an LSTM's. */
AG_API nn_sequence nn_unroll(nn_module *m, ag_tensor x, ag_tensor h, ag_tensor c);

/* ---- attention */

typedef struct nn_attention_config {
    double dropout; /* in training mode, of the weights that the values get */
    bool no_bias;
    bool causal; /* no position attends to a later one */
} nn_attention_config;
/* nn_multihead_attention - PyTorch's MultiheadAttention of batches first (Vaswani et al. 2017): linear maps of query, key
 * and value, whose features are shared among the heads; each head's softmax(q k' / sqrt(d)) v, d = features / heads; a
 * linear map of all of them. in_proj_weight [3 features,features] and in_proj_bias hold the first three maps, out_proj.weight
 * and out_proj.bias the last. nn_forward is self-attention: query, key and value are x[n,t,features].
 * Errors: AG_EARG for an extent below 1, heads that do not divide the features, a dropout that is not from 0 to 1. */
AG_API nn_module *nn_multihead_attention(ag_tape *t, int64_t features, int64_t heads, nn_attention_config config);
/* nn_attend - the same with query[n,q,features], key and value[n,k,features], and a mask of
 * ag_scaled_dot_product_attention that broadcasts to [n,heads,q,k], {0}: none. It is true where a query may look at a key
 * (of PyTorch's MultiheadAttention where not); what sees no key gets zeros. With dropout matrices [q,k] are made.
 * Errors: AG_EUSE where m is no attention; AG_ESHAPE, AG_EDTYPE for other operands. */
AG_API ag_tensor nn_attend(nn_module *m, ag_tensor query, ag_tensor key, ag_tensor value, ag_tensor mask);

typedef struct nn_transformer_config {
    double dropout; /* in training mode: of attention's weights, and of what each linear map makes */
    double eps;     /* of the norms; zero: 1e-5 */
    int activation; /* an nn_activation_kind */
    bool causal;    /* no position attends to a later one */
    bool post_norm; /* normalised after each sum, as at first, not before what is added */
} nn_transformer_config;
/* nn_transformer_block - PyTorch's TransformerEncoderLayer of batches first, x[n,t,features] to the same:
 *   x = x + attention(norm1(x)),  y = x + linear2(activation(linear1(norm2(x))))
 * with `hidden` features between the linear maps. Its parts are called self_attn, linear1, linear2, norm1 and norm2.
 * Errors: as nn_multihead_attention and nn_activation; AG_EARG for `hidden` below 1. */
AG_API nn_module *nn_transformer_block(ag_tape *t, int64_t features, int64_t heads, int64_t hidden,
                                       nn_transformer_config config);
/* nn_positions - sines and cosines [length,features], transient, to be added to x[n,length,features], so that attention
 * sees the order (Vaswani et al. 2017): of position p sin(p / 10000^(2 i / features)) at 2 i, its cosine at 2 i + 1.
 * Errors: AG_EARG for an extent below 1. */
AG_API ag_tensor nn_positions(ag_tape *t, int64_t length, int64_t features);

#endif
