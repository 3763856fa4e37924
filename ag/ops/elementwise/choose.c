/* Loops over elements of which a condition chooses between two. */
#include "ag/ops/elementwise/choose.h"
#include "ag/kernels/kernels.h"

enum { PIECE = 128 }; /* elements */

/* Arrays of a row: y, the condition, a, b. */
#define CHOOSE(name, type)                                                                                  \
    static void name(const ag_walk_row *w, void *context)                                                   \
    {                                                                                                       \
        type *restrict y = w->data[0];                                                                      \
        const uint8_t *c = w->data[1];                                                                      \
        const type *a = w->data[2], *b = w->data[3];                                                        \
        const int64_t ys = w->stride[0], cs = w->stride[1], as = w->stride[2], bs = w->stride[3], n = w->n; \
        (void)context;                                                                                      \
        const bool plain = ys == 1 && cs == 1;                                                              \
        if (cs == 0) { /* of a whole row */                                                                 \
            const type *x = *c ? a : b;                                                                     \
            const int64_t xs = *c ? as : bs;                                                                \
            const type one = *x;                                                                            \
            for (int64_t i = 0; i < n && ys == 1 && xs == 1; i++)                                           \
                y[i] = x[i];                                                                                \
            for (int64_t i = 0; i < n && ys == 1 && xs == 0; i++)                                           \
                y[i] = one;                                                                                 \
            for (int64_t i = 0; i < n && (ys != 1 || (xs != 0 && xs != 1)); i++)                            \
                y[i * ys] = x[i * xs];                                                                      \
            return;                                                                                         \
        }                                                                                                   \
        const type one_a = *a, one_b = *b; /* a number stays in a register */                               \
        if (plain && as == 1 && bs == 1)                                                                    \
            for (int64_t i = 0; i < n; i++)                                                                 \
                y[i] = c[i] ? a[i] : b[i];                                                                  \
        else if (plain && as == 1 && bs == 0) /* a number */                                                \
            for (int64_t i = 0; i < n; i++) {                                                               \
                const type v = a[i]; /* loaded always: else there are no vectors of it */                   \
                y[i] = c[i] ? v : one_b;                                                                    \
            }                                                                                               \
        else if (plain && as == 0 && bs == 1)                                                               \
            for (int64_t i = 0; i < n; i++) {                                                               \
                const type v = b[i];                                                                        \
                y[i] = c[i] ? one_a : v;                                                                    \
            }                                                                                               \
        else                                                                                                \
            for (int64_t i = 0; i < n; i++)                                                                 \
                y[i * ys] = c[i * cs] ? a[i * as] : b[i * bs];                                              \
    }
CHOOSE(choose_f32, float)
CHOOSE(choose_f64, double)
CHOOSE(choose_i32, int32_t)
CHOOSE(choose_i64, int64_t)
CHOOSE(choose_u8, uint8_t)

void ag_choose_elements(const ag_array *y, const ag_array *c, const ag_array *a, const ag_array *b, int threads)
{
    static void (*const choose[])(const ag_walk_row *w, void *context) = { NULL,       choose_f32, choose_f64,
                                                                           choose_i32, choose_i64, choose_u8 };
    ag_walk_tiles(y->shape, 4, (const ag_array *const[]){ y, c, a, b }, 1 << 1 | 1 << 2 | 1 << 3, choose[y->dtype],
                  NULL, threads);
}

/* ---- the way back */

/* Arrays of a row: dx, the condition, dy. What was not chosen gets 0, and adding 0 is adding nothing. */
typedef struct route {
    bool other, add; /* other: dx is of the operand taken where the condition does not hold */
} route;

#define ROUTE(name, type)                                                                              \
    static void name(const ag_walk_row *w, void *context)                                              \
    {                                                                                                  \
        const route *r = context;                                                                      \
        type *restrict dx = w->data[0];                                                                \
        const uint8_t *c = w->data[1], other = r->other;                                               \
        const type *dy = w->data[2];                                                                   \
        const int64_t xs = w->stride[0], cs = w->stride[1], ys = w->stride[2];                         \
        if (xs == 1 && cs == 0 && ys == 1) { /* of a whole row */                                      \
            const bool chosen = (*c != 0) != other;                                                    \
            for (int64_t i = 0; i < w->n && chosen && r->add; i++)                                     \
                dx[i] += dy[i];                                                                        \
            for (int64_t i = 0; i < w->n && !r->add; i++) {                                            \
                const type g = dy[i];                                                                  \
                dx[i] = chosen ? g : 0;                                                                \
            }                                                                                          \
            return;                                                                                    \
        }                                                                                              \
        if (xs != 1 || cs != 1 || ys != 1) {                                                           \
            for (int64_t i = 0; i < w->n; i++)                                                         \
                dx[i * xs] = (r->add ? dx[i * xs] : 0) + ((c[i * cs] != 0) != other ? dy[i * ys] : 0); \
            return;                                                                                    \
        }                                                                                              \
        for (int64_t i = 0; i < w->n && !r->add && !other; i++) {                                      \
            const type g = dy[i]; /* loaded always: else there are no vectors of it */                 \
            dx[i] = c[i] ? g : 0;                                                                      \
        }                                                                                              \
        for (int64_t i = 0; i < w->n && !r->add && other; i++) {                                       \
            const type g = dy[i];                                                                      \
            dx[i] = c[i] ? 0 : g;                                                                      \
        }                                                                                              \
        for (int64_t i = 0; i < w->n && r->add; i++) {                                                 \
            const type g = dy[i];                                                                      \
            dx[i] += (c[i] != 0) != other ? g : 0;                                                     \
        }                                                                                              \
    }
ROUTE(route_f32, float)
ROUTE(route_f64, double)

/* Arrays of a row: da, the condition, dy, db. Both are written at once. */
#define PART(name, type)                                                                          \
    static void name(const ag_walk_row *w, void *context)                                         \
    {                                                                                             \
        type *restrict da = w->data[0], *restrict db = w->data[3];                                \
        const uint8_t *c = w->data[1];                                                            \
        const type *dy = w->data[2];                                                              \
        const int64_t as = w->stride[0], cs = w->stride[1], ys = w->stride[2], bs = w->stride[3]; \
        (void)context;                                                                            \
        for (int64_t i = 0; i < w->n && as == 1 && cs == 1 && ys == 1 && bs == 1; i++) {          \
            const type g = dy[i];                                                                 \
            da[i] = c[i] ? g : 0;                                                                 \
            db[i] = c[i] ? 0 : g;                                                                 \
        }                                                                                         \
        for (int64_t i = 0; i < w->n && (as != 1 || cs != 1 || ys != 1 || bs != 1); i++) {        \
            da[i * as] = c[i * cs] ? dy[i * ys] : 0;                                              \
            db[i * bs] = c[i * cs] ? 0 : dy[i * ys];                                              \
        }                                                                                         \
    }
PART(part_f32, float)
PART(part_f64, double)

bool ag_chosen_alike(const ag_array *dx, const ag_array *dy)
{
    return ag_shape_equal(dx->shape, dy->shape) && dx->dtype == dy->dtype;
}

void ag_chosen_part(const ag_array *da, const ag_array *db, const ag_array *c, const ag_array *dy, int threads)
{
    ag_walk_tiles(dy->shape, 4, (const ag_array *const[]){ da, c, dy, db }, 1 << 1 | 1 << 2,
                  dy->dtype == AG_F32 ? part_f32 : part_f64, NULL, threads);
}

/* What would be routed to an operand that has dy's shape: for one that was broadcast it is summed as it comes. Each
 * element comes once, and what the other operand receives is written while it lies in the cache. */
typedef struct routed {
    const uint8_t *condition;
    const void *dy;
    ag_dtype dtype;
    bool other;
    const ag_chosen *beside; /* NULL: none */
} routed;

static void *at(const void *p, int64_t i, ag_dtype d)
{
    return (char *)(uintptr_t)p + i * (int64_t)ag_bytes_of(d);
}

/* By turns, in pieces so short that memory does not wait for what is computed from the last one. */
static void make_routed(const void *context, int64_t i, int64_t n, void *block)
{
    const routed *m = context;
    const ag_dtype d = m->dtype;
    for (int64_t k = 0; k < n; k += PIECE) {
        ag_walk_row w = { .n = n - k < PIECE ? n - k : PIECE,
                          .data = { at(block, k, d), at(m->condition, i + k, AG_U8), at(m->dy, i + k, d) },
                          .stride = { 1, 1, 1 } };
        (d == AG_F32 ? route_f32 : route_f64)(&w, &(route){ m->other, false });
        if (!m->beside)
            continue;
        w.data[0] = at(m->beside->dx->data, i + k, d);
        (d == AG_F32 ? route_f32 : route_f64)(&w, &(route){ m->beside->other, m->beside->add });
    }
}

static ag_status sum_routed(const ag_call *call, const ag_chosen *to, const ag_chosen *beside, const ag_array *c,
                            const ag_array *dy)
{
    ag_array condition = *c;
    const size_t bytes = ag_reduce_work(to->dx, dy);
    void *room = bytes ? ag_call_scratch(call, bytes) : NULL;
    if (bytes && !room)
        return AG_ENOMEM;
    if (!ag_array_is_dense(c)) {
        condition = ag_dense_array(c->shape, AG_U8, ag_call_scratch(call, (size_t)ag_array_size(c)));
        if (!condition.data)
            return AG_ENOMEM;
        ag_copy_array(&condition, c, false, ag_call_threads(call));
    }
    const routed m = { condition.data, dy->data, dy->dtype, to->other, beside };
    ag_reduce_made(to->dx, dy, &(ag_maker){ make_routed, &m }, to->add, room, ag_call_threads(call));
    return AG_OK;
}

bool ag_chosen_takes(const ag_array *dx, const ag_array *dy)
{
    return ag_chosen_alike(dx, dy) ||
           (ag_array_is_dense(dy) && ag_array_size(dy) > 0 && !ag_shape_equal(dx->shape, dy->shape));
}

ag_status ag_chosen_back(const ag_call *call, const ag_chosen *to, const ag_chosen *beside, const ag_array *c,
                         const ag_array *dy)
{
    route r = { to->other, to->add };
    if (!ag_chosen_alike(to->dx, dy))
        return sum_routed(call, to, beside, c, dy);
    ag_walk_tiles(dy->shape, 3, (const ag_array *const[]){ to->dx, c, dy }, 1 << 1 | 1 << 2,
                  dy->dtype == AG_F32 ? route_f32 : route_f64, &r, ag_call_threads(call));
    return AG_OK;
}
