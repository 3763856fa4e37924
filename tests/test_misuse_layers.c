/* Misuse of layers for images. */
#include "misuse.h"

static void convolutions(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const nn_conv_config plain = { 0 }, grouped = { .options = { .groups = 3 } },
                         negative = { .options = { .groups = -1 } };
    const int64_t extents[] = { 0, -1, INT64_MIN, INT64_MAX };
    for (size_t i = 0; i < ARRAY_SIZE(extents); i++) {
        assert_null(nn_conv1d(t, extents[i], 1, AG_SHAPE(2), i < 3 ? plain : grouped));
        expect_complaint(t, "nn_conv1d");
        assert_null(nn_conv2d(t, 1, 2, AG_SHAPE(i < 3 ? extents[i] : 1, i < 3 ? 1 : 0), plain));
        expect_complaint(t, "nn_conv2d");
        assert_null(nn_max_pool2d(t, AG_SHAPE(2, i < 3 ? extents[i] : 0), (ag_pool_options){ 0 }));
        expect_complaint(t, "nn_max_pool2d");
        assert_null(nn_avg_pool2d(t, AG_SHAPE(2), (ag_pool_options){ 0 }));
        expect_complaint(t, "nn_avg_pool2d");
    }
    assert_null(nn_conv3d(t, 2, 2, AG_SHAPE(2, 2), plain));
    expect_complaint(t, "nn_conv3d");
    assert_null(nn_conv3d(t, 2, 2, AG_SHAPE(2, 2, 2), negative));
    expect_complaint(t, "nn_conv3d");
    assert_null(nn_conv2d(NULL, 2, 2, AG_SHAPE(2, 2), plain));
    assert_null(nn_max_pool2d(NULL, AG_SHAPE(2, 2), (ag_pool_options){ 0 }));
    assert_null(nn_flatten(NULL));
    nn_forward(nn_flatten(t), ag_constant(t, 1));
    assert_int_not_equal(ag_error(t), AG_OK);
    ag_error_clear(t);
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
    };
    return cmocka_run_group_tests_name("misuse of layers for images", tests, NULL, NULL);
}
