/* Elements where a mask is not 0, one after the other, and back in their places. All lie contiguous; they have 1, 4 or 8
 * bytes. */
#ifndef AG_KERNELS_PACK_H
#define AG_KERNELS_PACK_H

#include <stddef.h>
#include <stdint.h>

/* to[..] = the x[i] with mask[i], i < n, at most `room` of them. Returns how many. */
int64_t ag_pack(void *to, int64_t room, const void *x, const uint8_t *mask, int64_t n, size_t size);
/* to[i] = mask[i] ? the next of from : other[i], i < n; other: NULL for zeros, or to. Of from there are `count`, after
 * which no mask counts. Returns how many were used. */
int64_t ag_unpack(void *to, const void *other, const void *from, int64_t count, const uint8_t *mask, int64_t n,
                  size_t size);

#endif
