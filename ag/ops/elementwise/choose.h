/* Elements of which a condition chooses between two: see where.c. Arrays have one shape. */
#ifndef AG_OPS_CHOOSE_H
#define AG_OPS_CHOOSE_H

#include "ag/ops/define.h"

/* ---- choose.c */

/* y = c ? a : b, of one dtype */
void ag_choose_elements(const ag_array *y, const ag_array *c, const ag_array *a, const ag_array *b, int threads);
/* da = c ? dy : 0 and db = c ? 0 : dy */
void ag_chosen_part(const ag_array *da, const ag_array *db, const ag_array *c, const ag_array *dy, int threads);
bool ag_chosen_alike(const ag_array *dx, const ag_array *dy); /* have they one shape and dtype? */
bool ag_chosen_takes(const ag_array *dx, const ag_array *dy); /* may ag_chosen_back be called? */
/* dx (+)= c ? dy : 0, or `other`: c ? 0 : dy; summed where dx's shape broadcasts to dy's */
typedef struct ag_chosen {
    const ag_array *dx;
    bool other, add;
} ag_chosen;
/* beside: another one, which is alike and dense, where `to` is summed: both in one walk through memory; NULL: none. */
ag_status ag_chosen_back(const ag_call *call, const ag_chosen *to, const ag_chosen *beside, const ag_array *c,
                         const ag_array *dy);

#endif
