/* Places of extremes among few elements. */
#ifndef AG_KERNELS_PLACES_BOXES_H
#define AG_KERNELS_PLACES_BOXES_H

#include "ag/kernels/kernels.h"

/* ag_extremum_places where n is small, and rows are narrow or few elements are a box; false: they are not, and nothing is
 * done. */
bool ag_place_boxes(ag_dtype d, const void *from, int64_t outer, int64_t n, int64_t inner, bool largest, int64_t *place,
                    void *value, int threads);

#endif
