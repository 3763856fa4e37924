/* From floating numbers to integers, which do not hold all of them: toward zero, the nearest there is, 0 for NaN;
 * nothing is left to what the processor does. */
#include "support.h"

static const struct {
    double from, i64, i32, u8;
} cases[] = {
    { 2.9, 2, 2, 2 },
    { -2.9, -2, -2, 0 },
    { 300, 300, 300, 255 },
    { 1e10, 1e10, INT32_MAX, 255 },
    { -1e10, -1e10, INT32_MIN, 0 },
    { 0x1p63, 0x1p63, INT32_MAX, 255 },
    { -0x1p63, -0x1p63, INT32_MIN, 0 },
    { 1e30, 0x1p63, INT32_MAX, 255 },
    { -1e30, -0x1p63, INT32_MIN, 0 },
    { INFINITY, 0x1p63, INT32_MAX, 255 },
    { -INFINITY, -0x1p63, INT32_MIN, 0 },
    { NAN, 0, 0, 0 },
};
static const ag_dtype integers[] = { AG_I64, AG_I32, AG_U8 }, floats[] = { AG_F64, AG_F32 };

static double expected(size_t i, ag_dtype d)
{
    return d == AG_I64 ? cases[i].i64 : d == AG_I32 ? cases[i].i32 : cases[i].u8;
}

static void casts_saturate(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(integers); k++) {
            const ag_dtype d = integers[k];
            for (size_t f = 0; f < ARRAY_SIZE(floats); f++) {
                ag_tensor x = ag_full(t, floats[f], AG_SHAPE(37, 3), cases[i].from),
                          one = ag_select(ag_select(x, 0, 0), 0, 0);
                ag_tensor casts[] = { ag_cast(x, d), ag_cast(ag_transpose(x, 0, 1), d), ag_cast(one, d),
                                      ag_cast(ag_expand(one, AG_SHAPE(5)), d), ag_cast(ag_slice(x, 0, 0, 37, 2), d) };
                for (size_t c = 0; c < ARRAY_SIZE(casts); c++)
                    for (int64_t e = 0; e < ag_size_of(casts[c]); e++)
                        if (ag_item_at(casts[c], e) != expected(i, d))
                            fail_msg("%g of %s as %s: %g", cases[i].from, ag_dtype_name(floats[f]), ag_dtype_name(d),
                                     ag_item_at(casts[c], e));
            }
            assert_true(ag_item(ag_full(t, d, AG_SCALAR, cases[i].from)) == expected(i, d));
            assert_true(ag_item_at(ag_full(t, d, AG_SHAPE(3), cases[i].from), 2) == expected(i, d));
            ag_tape_reset(t);
        }
    }
    expect_fine(t);
    ag_tape_free(t);
}

static void sequences_of_integers_saturate(void **state)
{
    (void)state;
    ag_tape *t = new_tape();
    assert_values(ag_arange(t, AG_I32, 0, 4e9, 1e9), 0, 1e9, 2e9, INT32_MAX);
    assert_values(ag_arange(t, AG_U8, -100, 400, 200), 0, 100, 255);
    assert_values(ag_linspace(t, AG_I64, -1e300, 1e300, 3), -0x1p63, 0, 0x1p63);
    assert_values(ag_linspace(t, AG_U8, 0, INFINITY, 2), 0, 255);
    const double wrong[][3] = { { 0, INFINITY, 1 }, { 0, 1, 0 }, { 0, 1, NAN }, { NAN, 1, 1 }, { 0, 1e300, 1e-300 } };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_true(is_inert(ag_arange(t, AG_I64, wrong[i][0], wrong[i][1], wrong[i][2]), t));
        expect_error(t, AG_EARG, "ag_arange");
    }
    ag_tensor classes = ag_cast(AG_VALUES(t, AG_SHAPE(2), NAN, INFINITY), AG_I64);
    assert_true(is_inert(ag_one_hot(classes, 3, AG_F64), t));
    expect_error(t, AG_EARG, "element 1 is 9223372036854775807");
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(casts_saturate),
        cmocka_unit_test(sequences_of_integers_saturate),
    };
    return cmocka_run_group_tests_name("conversions", tests, NULL, NULL);
}
