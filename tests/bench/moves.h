/* Ops that rearrange, mask, repeat, compare and convert, for the end of the first table of ops.c. */
#ifndef BENCH_MOVES_H
#define BENCH_MOVES_H

OP(plus_turned, ag_add(x[0], ag_transpose(x[1], 0, 1)))
OP(turned_copy, ag_flatten(ag_transpose(x[0], 0, 1), 0, -1))
OP(moved_copy, ag_flatten(ag_movedim(x[0], 1, -1), 0, -1))
OP(back_copy, ag_flatten(ag_movedim(x[0], -1, 1), 0, -1))
OP(odd_turned, ag_neg(ag_transpose(x[0], 0, 1)))
OP(repeat_columns, ag_repeat(x[0], AG_SHAPE(1, 4)))
OP(repeat_elements, ag_repeat_interleave(x[0], -1, 4))
OP(expand_copy, ag_flatten(ag_expand(x[0], AG_SHAPE(SIDE, SIDE)), 0, -1))
OP(slice_two_rows, ag_neg(ag_slice(x[0], 0, 0, INT64_MAX, 2)))
OP(slice_only, ag_slice(x[0], -1, 0, INT64_MAX, 2))
OP(embed_two, ag_embed(x[0], -1, SIDE, 0, 2))
OP(split_of_4, ag_split(x[0], 1, SIDE / 4, 1))
OP(trace, ag_trace(x[0]))
OP(triu, ag_triu(x[0], 1))
OP(roll_rows, ag_roll(x[0], 0, 5))
OP(pad_edge, ag_pad(x[0], AG_SHAPE(2, 2), AG_SHAPE(2, 2), AG_REPLICATE, 0))
OP(pad_circle, ag_pad(x[0], AG_SHAPE(2, 2), AG_SHAPE(2, 2), AG_CIRCULAR, 0))
OP(unfold_apart, ag_flatten(ag_unfold(x[0], 1, 4, 4), 0, -1))
OP(unfold, ag_flatten(ag_unfold(x[0], 1, 4, 2), 0, -1))
OP(stack_last, ag_stack(AG_LIST(x[0], x[1]), -1))
OP(take_along, ag_take_along(x[0], 1, x[1]))
OP(scattered, ag_masked_scatter(x[0], x[1], x[2]))
OP(equal, ag_equal(x[0], x[1]))
OP(logical_and, ag_logical_and(x[0], x[1]))
OP(logical_not, ag_logical_not(x[0]))
OP(is_nan, ag_isnan(x[0]))
OP(bits_and, ag_bitwise_and(x[0], x[1]))
OP(integers_add, ag_add(x[0], x[1]))
OP(cast_long, ag_cast(x[0], AG_I64))
OP(cast_mask, ag_cast(x[0], AG_F32))
OP(cast_truth, ag_cast(x[0], AG_U8))
OP(nonzero, ag_nonzero(x[0]))
OP(replaced, ag_nan_to_num(x[0], 0, 1, -1))
OP(mul_number, ag_mul_scalar(x[0], 3))
OP(floored, ag_floor(x[0]))
OP(dropout, ag_dropout(x[0], 0.1))
OP(bernoulli, ag_bernoulli(x[0]))
OP(column, ag_neg(ag_slice(x[0], -1, 0, 1, 1)))
OP(argmax_last, ag_argmax(x[0], -1))
OP(max_middle, ag_max_over(x[0], AG_AXES(1), 0))
OP(sum_middle, ag_sum_over(x[0], AG_AXES(1), 0))

/* clang-format off */
#define HALF AG_DIMS(SIDE, SIDE / 2)
#define QUARTER AG_DIMS(SIDE, SIDE / 4)
static const bench moved[] = {
    { "x + y'", plus_turned, .shape = { FULL, FULL } },
    { "copy of transpose", turned_copy, .shape = { FULL } },
    { "neg of odd transp.", odd_turned, .shape = { AG_DIMS(2047, 2049) } },
    { "nchw to nhwc", moved_copy, .shape = { AG_DIMS(16, 64, 64, 64) } },
    { "nhwc to nchw", back_copy, .shape = { AG_DIMS(16, 64, 64, 64) } },
    { "nhwc, 3 channels", back_copy, .shape = { AG_DIMS(16, 296, 296, 3) } },
    { "3 channels to nhwc", moved_copy, .shape = { AG_DIMS(16, 3, 296, 296) } },
    { "div [n,m] / [m]", divide, .shape = { FULL, AG_DIMS(SIDE) }, .kept = A | B },
    { "div [n,m] / [n,1]", divide, .shape = { FULL, AG_DIMS(SIDE, 1) }, .kept = A | B },
    { "max [n,m], [m]", maximum, .shape = { FULL, AG_DIMS(SIDE) }, .kept = A | B },
    { "outer product", multiply, .shape = { AG_DIMS(SIDE, 1), AG_DIMS(SIDE) }, .kept = A | B },
    { "max [n,m], [n,1]", maximum, .shape = { FULL, AG_DIMS(SIDE, 1) }, .kept = A | B },
    { "repeat columns", repeat_columns, .shape = { QUARTER } },
    { "repeat_interleave", repeat_elements, .shape = { QUARTER } },
    { "expand [m]", expand_copy, .shape = { AG_DIMS(SIDE) } },
    { "slice step 2", slice_only, .shape = { FULL } },
    { "neg of slice 2 rows", slice_two_rows, .shape = { FULL } },
    { "embed step 2", embed_two, .shape = { HALF } },
    { "split", split_of_4, .shape = { FULL } },
    { "trace", trace, .shape = { FULL } },
    { "triu", triu, .shape = { FULL } },
    { "roll rows", roll_rows, .shape = { FULL } },
    { "pad replicate", pad_edge, .shape = { FULL } },
    { "pad circular", pad_circle, .shape = { FULL } },
    { "unfold 4, 4", unfold_apart, .shape = { FULL } },
    { "unfold 4, 2", unfold, .shape = { FULL } },
    { "stack last", stack_last, .shape = { HALF, HALF } },
    { "take_along row", take_along, .shape = { FULL, AG_DIMS(1, SIDE) }, .below = { 0, SIDE }, .kept = B },
    { "masked_scatter", scattered, .shape = { FULL, FULL, FULL }, .below = { 0, MASK, 0 }, .kept = B },
    { "where c, a[m], b", where, .shape = { FULL, AG_DIMS(SIDE), FULL }, .below = { MASK }, .kept = A },
    { "masked_fill m[n,1]", masked_fill, .shape = { FULL, AG_DIMS(SIDE, 1) }, .below = { 0, MASK }, .kept = B },
    { "masked_select rows", chosen, .shape = { FULL, AG_DIMS(SIDE, 1) }, .below = { 0, MASK }, .kept = B },
    { "equal of integers", equal, .shape = { FULL, FULL }, .below = { 4, 4 }, .one_way = true },
    { "logical_and", logical_and, .shape = { FULL, FULL }, .below = { MASK, MASK }, .one_way = true },
    { "logical_not", logical_not, .shape = { FULL }, .below = { MASK }, .one_way = true },
    { "isnan", is_nan, .shape = { FULL }, .one_way = true },
    { "bitwise_and", bits_and, .shape = { FULL, FULL }, .below = { 100, 100 }, .one_way = true },
    { "add of integers", integers_add, .shape = { FULL, FULL }, .below = { 100, 100 }, .one_way = true },
    { "cast to i64", cast_long, .shape = { FULL }, .one_way = true },
    { "cast to u8", cast_truth, .shape = { FULL }, .one_way = true },
    { "cast from u8", cast_mask, .shape = { FULL }, .below = { MASK }, .one_way = true },
    { "nonzero", nonzero, .shape = { FULL }, .below = { MASK }, .one_way = true },
    { "nan_to_num", replaced, .shape = { FULL }, .kept = A },
    { "mul_scalar", mul_number, .shape = { FULL } },
    { "floor", floored, .shape = { FULL }, .one_way = true },
    { "dropout", dropout, .shape = { FULL } },
    { "bernoulli", bernoulli, .shape = { FULL }, .one_way = true },
    { "add [n,2,3] + [n,1,3]", add, .shape = { AG_DIMS(1 << 20, 2, 3), AG_DIMS(1 << 20, 1, 3) } },
    { "mul [n,8,8] * [n,1,8]", multiply, .shape = { AG_DIMS(1 << 16, 8, 8), AG_DIMS(1 << 16, 1, 8) }, .kept = A | B },
    { "mul [n,8,8] * [8,1]", multiply, .shape = { AG_DIMS(1 << 16, 8, 8), AG_DIMS(8, 1) }, .kept = A | B },
    { "mul [n,8,8] * [n,8,1]", multiply, .shape = { AG_DIMS(1 << 16, 8, 8), AG_DIMS(1 << 16, 8, 1) }, .kept = A | B },
    { "neg of 1 of 4 columns", column, .shape = { AG_DIMS(1 << 20, 4) } },
    { "sum over 2 of [n,2,3]", sum_middle, .shape = { AG_DIMS(1 << 20, 2, 3) } },
    { "max over 8 of [n,8,8]", max_middle, .shape = { AG_DIMS(1 << 16, 8, 8) }, .kept = A | RESULT },
    { "argmax of [n,10]", argmax_last, .shape = { AG_DIMS(400000, 10) }, .one_way = true },
    { "copy of turned mask", turned_copy, .shape = { AG_DIMS(4096, 4096) }, .below = { MASK }, .one_way = true },
    { 0 }
};
/* clang-format on */

#endif
