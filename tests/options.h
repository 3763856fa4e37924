/* Options of ops from numbers, for ops_called.h. Those of ag/options.h are read field by field by functions that are
 * generated; here stand the ones that must be read in another way: `read_` and the type's name. A field that is a tensor
 * takes the next one. What is missing is 0. */
#ifndef TESTS_OPTIONS_H
#define TESTS_OPTIONS_H

static inline void read_three(reader *r, int64_t *to)
{
    for (int i = 0; i < 3; i++)
        to[i] = read_whole(r);
}

static inline ag_conv_options read_ag_conv_options(reader *r)
{
    ag_conv_options o = { 0 };
    read_three(r, o.stride);
    read_three(r, o.padding);
    read_three(r, o.dilation);
    read_three(r, o.output_padding);
    o.groups = read_whole(r);
    o.mode = (ag_conv_mode)read_int(r);
    return o;
}

#endif
