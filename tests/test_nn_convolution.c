/* Layers for images. */
#include "nn_support.h"

static void convolutions_are_the_ops(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const ag_conv_options padded = { .padding = { 1, 1 } };
    const ag_pool_options plain = { 0 };
    nn_module *conv = nn_conv2d(t, 2, 3, AG_SHAPE(3, 3), (nn_conv_config){ .options = padded }),
              *net = NN_SEQUENTIAL(t, conv, nn_max_pool2d(t, AG_SHAPE(2, 2), plain),
                                   nn_avg_pool2d(t, AG_SHAPE(1, 2), plain), nn_flatten(t));
    ag_tensor x = ag_rand(t, AG_F64, AG_SHAPE(2, 2, 4, 4), -1, 1), w = nn_find(conv, "weight"),
              b = nn_find(conv, "bias");
    ag_tensor expected = ag_conv2d(x, w, b, padded), found = nn_forward(net, x);
    expected = ag_avg_pool2d(ag_max_pool2d(expected, AG_SHAPE(2, 2), plain), AG_SHAPE(1, 2), plain);
    assert_int_equal(ag_shape_of(found).rank, 2);
    assert_int_equal(ag_shape_of(found).dim[1], 6);
    for (int i = 0; i < 12; i++)
        assert_near(ag_item_at(found, i), ag_item_at(expected, i), 0);
    for (int i = 0; i < 54; i++)
        assert_true(fabs(ag_item_at(w, i)) <= 1 / sqrt(18.0));
    nn_conv_config grouped = { .options = { .groups = 2 }, .no_bias = true };
    assert_int_equal(ag_shape_of(nn_find(nn_conv1d(t, 4, 6, AG_SHAPE(5), grouped), "weight")).dim[1], 2);
    assert_int_equal(nn_params(nn_conv3d(t, 4, 6, AG_SHAPE(1, 2, 3), grouped)).count, 1);
    expect_fine(t);
    nn_forward(conv, ag_ones(t, AG_FLOAT, AG_SHAPE(2, 3, 4, 4)));
    expect_error(t, AG_ESHAPE, "the input has 3 channels, but the weight is for 2");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_are_the_ops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
