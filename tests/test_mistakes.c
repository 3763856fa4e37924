/* The usual mistakes, as a new user makes them: the message says what is wrong, where, and what to change. */
#define AG_TRACE_CALLS
#include "support.h"

/* The pending error's text ends like this, behind the place of the call. */
#define expect_text(t, status, text) check_text(t, status, text, __LINE__)
static void check_text(ag_tape *t, ag_status status, const char *text, int line)
{
    const char *got = ag_error_text(t), *from = strstr(got, ": ");
    bool fits = !strncmp(got, "test_mistakes.c:", 16) && from && !strcmp(from + 2, text);
    if (!fits)
        print_error("line %d: expected '%s'\n                 got '%s'\n", line, text, got);
    assert_int_equal(ag_error(t), status);
    assert_true(fits);
    ag_error_clear(t);
}

/* ---- wrong shapes */

static void a_weight_that_stands_the_other_way(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_name(ag_ones(t, AG_F64, AG_SHAPE(64, 100)), "x");
    ag_matmul(x, ag_param(ag_ones(t, AG_F64, AG_SHAPE(10, 100)), "w"));
    expect_text(t, AG_ESHAPE,
                "ag_matmul: 'x' [64,100] f64 and 'w' [10,100] f64: the shapes do not fit: inner 100 != 10; "
                "ag_transpose(b, -2, -1) would fit, and ag_linear multiplies by a weight [out,in]");
    ag_matmul(x, ag_param(ag_ones(t, AG_F64, AG_SHAPE(64, 10)), "w"));
    expect_text(t, AG_ESHAPE,
                "ag_matmul: 'x' [64,100] f64 and 'w' [64,10] f64: the shapes do not fit: inner 100 != 64; "
                "ag_transpose(a, -2, -1) would fit");
    ag_matmul(x, ag_ones(t, AG_F64, AG_SHAPE(7)));
    expect_text(t, AG_ESHAPE, "ag_matmul: 'x' [64,100] f64 and [7] f64: the shapes do not fit: inner 100 != 7");
    ag_tape_free(t);
}

static void an_image_that_is_no_row_yet(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    nn_module *net = nn_mlp(t, (nn_mlp_config){ .sizes = { 784, 10 } });
    nn_forward(net, ag_ones(t, AG_F64, AG_SHAPE(64, 28, 28)));
    expect_text(t, AG_ESHAPE,
                "mlp.0: ag_linear: [64,28,28] f64, '0.weight' [10,784] f64 and '0.bias' [10] f64: the shapes do not "
                "fit: inner 28 != 784; ag_flatten(x, 1, -1) would fit");
    nn_forward(net, ag_ones(t, AG_F64, AG_SHAPE(64, 700)));
    expect_text(t, AG_ESHAPE,
                "mlp.0: ag_linear: [64,700] f64, '0.weight' [10,784] f64 and '0.bias' [10] f64: the shapes do not fit: "
                "inner 700 != 784");
    ag_tape_free(t);
}

static void a_bias_that_lacks_a_dimension(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_ones(t, AG_F64, AG_SHAPE(64, 10));
    ag_add(x, ag_param(ag_ones(t, AG_F64, AG_SHAPE(64)), "b"));
    expect_text(t, AG_ESHAPE,
                "ag_add: [64,10] f64 and 'b' [64] f64 do not broadcast: extent 10 meets 64, counted from the last "
                "dimension; ag_unsqueeze(b, -1) would fit");
    ag_mul(ag_ones(t, AG_F64, AG_SHAPE(5, 4)), ag_ones(t, AG_F64, AG_SHAPE(2, 3, 1, 7)));
    expect_text(t, AG_ESHAPE,
                "ag_mul: [5,4] f64 and [2,3,1,7] f64 do not broadcast: extent 4 meets 7, counted from the last "
                "dimension");
    ag_tape_free(t);
}

static void a_loss_of_different_shapes(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor y = ag_ones(t, AG_F64, AG_SHAPE(64, 1)), target = ag_ones(t, AG_F64, AG_SHAPE(64));
    ag_mse(y, target);
    expect_text(t, AG_ESHAPE,
                "ag_mse: [64,1] f64 and [64] f64: the shapes differ; ag_squeeze or ag_reshape gives one the shape of "
                "the other");
    ag_bce_logits(y, ag_ones(t, AG_F64, AG_SHAPE(32)));
    expect_text(t, AG_ESHAPE, "ag_bce_logits: [64,1] f64 and [32] f64: the shapes differ");
    ag_cross_entropy(ag_ones(t, AG_F64, AG_SHAPE(64, 10)), ag_ones(t, AG_I64, AG_SHAPE(64, 1)));
    expect_text(t, AG_ESHAPE,
                "ag_cross_entropy: [64,10] f64 and [64,1] i64: the labels must be [64], one for each row of logits");
    ag_cross_entropy(ag_ones(t, AG_F64, AG_SHAPE(64, 10)), ag_ones(t, AG_F64, AG_SHAPE(64)));
    expect_text(t, AG_ESHAPE,
                "ag_cross_entropy: [64,10] f64 and [64] f64: probabilities must be [64,10]; labels, one for each row, "
                "are integers: see ag_cast");
    ag_cross_entropy(ag_ones(t, AG_F64, AG_SHAPE(64, 5, 10)), ag_ones(t, AG_I64, AG_SHAPE(64, 5)));
    expect_text(t, AG_ESHAPE,
                "ag_cross_entropy: [64,5,10] f64 and [64,5] i64: the labels must be [64,10], one for each position of "
                "logits, whose classes lie along axis 1; see ag_movedim");
    ag_tape_free(t);
}

/* ---- dtypes */

static void a_wrong_dtype(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const double numbers[] = { 1, 2, 3 };
    ag_tensor x = ag_ones(t, AG_F32, AG_SHAPE(3, 3)), images = ag_ones(t, AG_U8, AG_SHAPE(3, 3));
    ag_matmul(x, ag_param(ag_ones(t, AG_F64, AG_SHAPE(3, 3)), "w"));
    expect_text(t, AG_EDTYPE, "ag_matmul: [3,3] f32 and 'w' [3,3] f64: both must be f32, or both f64; see ag_cast");
    ag_mul_scalar(images, 1 / 255.0);
    expect_text(t, AG_EARG,
                "ag_mul_scalar: [3,3] u8: the number 0.00392157 is no integer; ag_cast makes floats of integers");
    ag_exp(images);
    expect_text(t, AG_EDTYPE, "ag_exp: [3,3] u8: the op is defined for f32 and f64; see ag_cast");
    ag_add(x, ag_ones(t, AG_F64, AG_SHAPE(3)));
    expect_text(t, AG_EDTYPE, "ag_add: [3,3] f32 and [3] f64 differ in dtype; see ag_cast");
    nn_forward(nn_linear(t, 3, 2, (nn_linear_config){ 0 }), images);
    expect_text(t, AG_EDTYPE,
                "linear: ag_linear: [3,3] u8, 'weight' [2,3] f64 and 'bias' [2] f64: all must be f32, or all f64; see "
                "ag_cast");
    assert_null(ag_data(x, AG_F64));
    expect_text(t, AG_EDTYPE, "ag_data: the tensor is f32, not f64; ag_copy_out converts");
    ag_from(t, AG_F32, AG_SHAPE(3), numbers, sizeof numbers);
    expect_text(t, AG_EARG, "ag_from: 24 bytes given, but shape [3] of f32 takes 3 elements of 4 bytes");
    ag_tape_free(t);
}

/* ---- labels */

static void a_label_out_of_range(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    const int64_t labels[] = { 1, 3, 2 }; /* counted from 1 */
    ag_tensor z = ag_ones(t, AG_F64, AG_SHAPE(3, 3)), y = ag_from(t, AG_I64, AG_SHAPE(3), labels, sizeof labels);
    ag_cross_entropy(z, y);
    expect_text(t, AG_EARG, "ag_cross_entropy: [3,3] f64 and [3] i64: target[1] is 3, but there are 3 classes, 0 to 2");
    ag_one_hot(ag_ones(t, AG_I64, AG_SHAPE(2)), 1, AG_F64);
    expect_text(t, AG_EARG, "ag_one_hot: [2] i64: element 0 is 1, but there are 1 classes, 0 to 0");
    nn_correct(z, y);
    expect_text(t, AG_EARG, "nn_correct: label 3 in row 1 is outside [0, 3)");
    ag_tape_free(t);
}

/* ---- steps */

static void a_tensor_of_an_earlier_step(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "w"), x = ag_ones(t, AG_F64, AG_SHAPE(2));
    const int made = __LINE__ - 1;
    for (int i = 0; i < 2 && !ag_error(t); i++) {
        ag_backward(ag_sum(ag_mul(w, x)));
        ag_tape_reset(t);
    }
    char text[256];
    snprintf(text, sizeof text,
             "ag_mul: operand 2 is stale: it was made at test_mistakes.c:%d in the step before, which ag_tape_reset at "
             "test_mistakes.c:%d ended; ag_param and ag_buffer make tensors that persist",
             made, made + 4);
    expect_text(t, AG_ESTALE, text);
    ag_tape_free(t);
}

/* ---- gradients */

static void a_loss_of_several_elements_or_of_nothing(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor x = ag_require_grad(ag_ones(t, AG_F64, AG_SHAPE(3))), loss = ag_name(ag_square(x), "loss");
    ag_backward(loss);
    expect_text(t, AG_ESHAPE,
                "ag_backward: the tensor 'loss' has shape [3], not one element; ag_mean or ag_sum makes a loss of it, "
                "ag_backward_from takes an adjoint");
    ag_backward(ag_sum(ag_ones(t, AG_F64, AG_SHAPE(3))));
    expect_text(
        t, AG_EUSE,
        "ag_backward: the tensor depends on no leaf that wants a gradient (ag_variable, ag_param, "
        "ag_require_grad), was recorded between ag_no_grad_begin and ag_no_grad_end, or comes of gradients made "
        "without AG_CREATE_GRAPH");
    ag_grad(loss);
    expect_text(t, AG_EUSE,
                "ag_grad: the gradient of an intermediate result is kept only after ag_retain_grad, or with "
                "keep_grads");
    ag_tape_free(t);
}

static void a_learning_rate_that_was_not_set(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    assert_null(
        optim_sgd(AG_LIST(ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "w")), (optim_sgd_config){ .momentum = 1 }));
    expect_text(t, AG_EARG, "optim_sgd: lr is 0; it must be positive and finite: set .lr of the configuration");
    ag_tape_free(t);
}

static void a_weight_written_too_early(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    ag_tensor w = ag_param(ag_ones(t, AG_F64, AG_SHAPE(2)), "w"), loss = ag_sum(ag_square(w));
    const int written = __LINE__ + 1;
    ag_assign(w, ag_mul_scalar(w, 0.5));
    ag_backward(loss);
    char text[256];
    snprintf(text, sizeof text,
             "ag_square: operand 1 'w' was written at test_mistakes.c:%d after the op had been recorded, but its "
             "derivative needs the old values; write after ag_backward, and record again before the next one",
             written);
    expect_text(t, AG_EUSE, text);
    ag_tape_free(t);
}

/* ---- tapes and handles */

static void two_tapes_and_no_tensor(void **state)
{
    (void)state;
    ag_tape *t = new_tape(), *other = new_tape();
    ag_tensor x = ag_variable(t, 1), y = ag_variable(other, 2), never = { 0 };
    ag_add(x, y);
    expect_text(t, AG_EUSE,
                "ag_add: operand 2 belongs to another tape than the first; ag_copy_out and ag_from copy values");
    nn_forward(nn_activation(t, NN_TANH), ag_ones(other, AG_F64, AG_SHAPE(2)));
    expect_text(
        t, AG_EUSE,
        "nn_forward: the input belongs to another tape than module 'tanh'; ag_copy_out and ag_from copy values");
    expect_fine(other);
    ag_add(x, never);
    expect_text(t, AG_ENULL, "ag_add: operand 2 is absent: {0}, never set");
    ag_tape_free(t);
    ag_tape_free(other);
}

/* As long as nothing else lies where the tape lay, which this allocator sees to; then the line is on stderr. */
static void keep_block(void *user, void *block, size_t bytes)
{
    void ***next = user;
    (void)bytes;
    *(*next)++ = block;
}

static void *take_block(void *user, size_t bytes, size_t alignment)
{
    (void)user;
    return aligned_alloc(alignment < 64 ? 64 : alignment, (bytes + 63) & ~(size_t)63);
}

static void a_tape_that_is_freed(void **state)
{
    (void)state;
    void *kept[100] = { NULL }, **next = kept;
    char text[2000] = "";
    ag_tape *t = ag_tape_new((ag_options){ .allocator = { take_block, keep_block, &next, NULL } });
    ag_tensor x = ag_variable(t, 3), p = ag_param(x, "p");
    FILE *file = tmpfile();
    fflush(stderr);
    int keep = dup(2);
    dup2(fileno(file), 2);
    ag_tape_free(t);
    ag_square(x);
    ag_error_clear(t);
    ag_add(p, p);
    ag_error_clear(t);
    ag_ones(t, AG_F64, AG_SHAPE(3));
    ag_error_clear(t);
    ag_variable(t, 1);
    ag_error_clear(t);
    ag_backward(x);
    ag_error_clear(t);
    ag_tape_reset(t);
    ag_error_clear(t);
    ag_tape_allocate(t, 8);
    ag_error_clear(t);
    ag_tape_free(t); /* not traced */
    fflush(stderr);
    dup2(keep, 2);
    close(keep);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    int lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
        if (!strstr(line, ": the tape was freed by ag_tape_free before this call (AG_E"))
            fail_msg("%s", line);
    assert_int_equal(lines, 8);
    while (next > kept)
        free(*--next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weight_that_stands_the_other_way),
        cmocka_unit_test(an_image_that_is_no_row_yet),
        cmocka_unit_test(a_bias_that_lacks_a_dimension),
        cmocka_unit_test(a_loss_of_different_shapes),
        cmocka_unit_test(a_wrong_dtype),
        cmocka_unit_test(a_label_out_of_range),
        cmocka_unit_test(a_tensor_of_an_earlier_step),
        cmocka_unit_test(a_loss_of_several_elements_or_of_nothing),
        cmocka_unit_test(a_learning_rate_that_was_not_set),
        cmocka_unit_test(a_weight_written_too_early),
        cmocka_unit_test(two_tapes_and_no_tensor),
        cmocka_unit_test(a_tape_that_is_freed),
    };
    return cmocka_run_group_tests_name("mistakes", tests, NULL, NULL);
}
