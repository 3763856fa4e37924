/* How examples 3.8 to 3.12 compare networks: by the number of their weights, and by how often they are right. */
#ifndef COMPARE_H
#define COMPARE_H
#include "nn/nn.h"

static inline int weights_of(nn_module *m)
{
    ag_list w = nn_params(m);
    int count = 0;
    for (size_t i = 0; i < w.count; i++)
        count += (int)ag_size_of(w.at[i]);
    return count;
}

/* The share of the logits that are above 0 where y is 1, and not where it is 0 */
static inline double share_right(ag_tensor logits, ag_tensor y)
{
    return ag_item(ag_mean(ag_cast(ag_equal(ag_greater_scalar(logits, 0), ag_greater_scalar(y, 0.5)), AG_F64)));
}

#endif
