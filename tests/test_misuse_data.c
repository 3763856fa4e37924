/* Misuse of parts of data, of standardising, of answers and of pictures. */
#include "misuse.h"

/* No part, and this error. */
#define expect_no_parts(t, call, status, text)                          \
    do {                                                                \
        nn_parts p_ = (call);                                           \
        assert_true(is_inert(p_.train.x, t) && is_inert(p_.test.x, t)); \
        expect_error(t, status, text);                                  \
    } while (0)

static void parts(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const nn_split_config plain = { 0 };
    const nn_dataset d = { ag_buffer(ag_ones(t, AG_F64, AG_SHAPE(3, 2)), "x"),
                           ag_buffer(ag_ones(t, AG_I64, AG_SHAPE(3)), "y") },
                     empty = { ag_buffer(ag_ones(t, AG_F64, AG_SHAPE(0, 2)), "none"), absent };
    const double fractions[] = { 0, 1, -0.5, 1.5, NAN, INFINITY };
    for (size_t i = 0; i < ARRAY_SIZE(fractions); i++)
        expect_no_parts(t, nn_split(d, fractions[i], plain), AG_EARG, "nn_split: a fraction is between 0 and 1, not ");
    expect_no_parts(t, nn_split(d, 0.1, plain), AG_EARG,
                    "nn_split: 0.1 of 3 samples in 3 groups leaves none for training");
    expect_no_parts(t, nn_split(d, 0.9, plain), AG_EARG, "leaves none for testing");
    expect_no_parts(t, nn_split(empty, 0.5, plain), AG_EARG, "nn_split: 0.5 of 0 samples");
    const int64_t folds[][2] = { { 1, 0 }, { 0, 0 },  { -1, 0 },        { 4, 0 },
                                 { 3, 3 }, { 3, -1 }, { INT64_MAX, 2 }, { 2, INT64_MIN } };
    for (size_t i = 0; i < ARRAY_SIZE(folds); i++)
        expect_no_parts(t, nn_kfold(d, folds[i][0], folds[i][1], plain), AG_EARG, "nn_kfold: there ");
    expect_no_parts(t, nn_kfold(d, 4, 0, plain), AG_EARG, "nn_kfold: there are no 4 folds of 3 samples");
    expect_no_parts(t, nn_kfold(d, 3, 3, plain), AG_EARG, "nn_kfold: there is no fold 3 of 3, which count from 0");
    const struct {
        nn_dataset d;
        ag_tensor groups;
        ag_status status;
        const char *text;
    } bad[] = {
        { { absent, d.y }, absent, AG_ENULL, "nn_split: x is absent" },
        { { ag_constant(t, 1), absent }, absent, AG_ESHAPE, "nn_split: x has rank 0" },
        { { d.x, ag_constant(t, 1) }, absent, AG_ESHAPE, "nn_split: y has rank 0" },
        { { d.x, ag_ones(t, AG_I64, AG_SHAPE(4)) }, absent, AG_ESHAPE, "nn_split: x has 3 samples, y 4" },
        { { d.x, b.foreign }, absent, AG_EUSE, "nn_split: x and y belong to different tapes" },
        { d, b.foreign, AG_EUSE, "nn_split: the groups belong to another tape" },
        { d, ag_ones(t, AG_F64, AG_SHAPE(3)), AG_EDTYPE, "nn_split: groups are integers, not f64" },
        { d, ag_ones(t, AG_I64, AG_SHAPE(2)), AG_ESHAPE,
          "the groups have rank 1 and 2 elements, not one for each of 3" },
        { d, ag_ones(t, AG_I64, AG_SHAPE(3)), AG_EARG, "in 1 groups leaves none for" },
        { { b.stale, absent }, absent, AG_ESTALE, "" },
        { { d.x, b.released }, absent, AG_ESTALE, "" },
        { d, b.stale, AG_ESTALE, "" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_no_parts(t, nn_split(bad[i].d, 0.5, (nn_split_config){ .groups = bad[i].groups }), bad[i].status,
                        bad[i].text);
    assert_null(nn_split((nn_dataset){ absent, absent }, 0.5, plain).train.x.tape);
    assert_null(nn_kfold((nn_dataset){ absent, absent }, 2, 0, plain).test.x.tape);
    assert_true(is_inert(nn_split((nn_dataset){ inert(t), absent }, 0.5, plain).test.x, t));
    expect_fine(t);
    free_bench(&b);
}

static void standardising(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    assert_null(nn_standardize(absent));
    assert_null(nn_standardize(inert(t)));
    expect_fine(t);
    assert_null(nn_standardize(ag_constant(t, 1)));
    expect_error(t, AG_ESHAPE, "nn_standardize: x has rank 0");
    assert_null(nn_standardize(ag_ones(t, AG_F64, AG_SHAPE(0, 3))));
    expect_error(t, AG_EARG, "nn_standardize: x has no sample");
    assert_null(nn_standardize(b.stale));
    expect_error(t, AG_ESTALE, "");
    nn_module *m = nn_standardize(ag_ones(t, AG_U8, AG_SHAPE(2, 3)));
    assert_true(is_inert(nn_forward(m, ag_ones(t, AG_U8, AG_SHAPE(2, 4))), t));
    expect_error(t, AG_ESHAPE, "standardize: ");
    free_bench(&b);
}

static void answers(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const ag_tensor z = ag_ones(t, AG_F64, AG_SHAPE(2, 3)), labels = ag_zeros(t, AG_I64, AG_SHAPE(2));
    const ag_tensor bad[][2] = { { z, ag_zeros(t, AG_I64, AG_SHAPE(3)) },
                                 { z, ag_zeros(t, AG_F64, AG_SHAPE(2)) },
                                 { labels, labels },
                                 { z, ag_full(t, AG_I64, AG_SHAPE(2), 3) },
                                 { z, ag_full(t, AG_I32, AG_SHAPE(2), -1) },
                                 { z, absent },
                                 { absent, labels },
                                 { z, b.foreign },
                                 { ag_zeros(t, AG_F64, AG_SHAPE(2, 0)), labels } };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(isnan(nn_accuracy(bad[i][0], bad[i][1])));
        expect_complaint(t, "nn_accuracy");
        assert_true(is_inert(nn_confusion_matrix(bad[i][0], bad[i][1]), t));
        expect_complaint(t, "nn_confusion_matrix");
    }
    assert_true(isnan(nn_accuracy(inert(t), labels)) && isnan(nn_accuracy(absent, absent)));
    assert_true(is_inert(nn_confusion_matrix(z, inert(t)), t));
    const ag_shape huge = { 2, { 0, INT64_MAX } };
    assert_true(is_inert(nn_confusion_matrix(ag_zeros(t, AG_F64, huge), ag_zeros(t, AG_I64, AG_SHAPE(0))), t));
    expect_error(t, AG_ELIMIT, "");
    free_bench(&b);
}

static void pictures(void **state)
{
    (void)state;
    bench b = new_bench();
    ag_tape *t = b.t;
    const char *const paths[] = { "/does/not/exist", NULL, "/", "/dev/null" };
    expect_inert(t, nn_read_pgm(t, NULL, 1), AG_ENULL, "nn_read_pgm");
    expect_inert(t, nn_read_pgm(t, paths, 0), AG_EARG, "nn_read_pgm");
    expect_inert(t, nn_read_pgm(t, paths + 1, 1), AG_ENULL, "nn_read_pgm");
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (paths[i])
            expect_inert(t, nn_read_pgm(t, paths + i, 1), AG_EFILE, "nn_read_pgm");
    assert_true(is_inert(nn_read_pgm(NULL, paths, 1), NULL));
    free_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(standardising),
        cmocka_unit_test(answers),
        cmocka_unit_test(pictures),
    };
    return cmocka_run_group_tests_name("misuse of data", tests, NULL, NULL);
}
