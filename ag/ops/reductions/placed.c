/* The derivative of values and their places. */
#include "ag/ops/reductions/placed.h"

ag_tensor ag_placed_vjp(const ag_call *c, int axis, ag_tensor dy)
{
    const ag_shape x = ag_call_input_shape(c, 0);
    if (x.rank == 0)
        return dy;
    const ag_tensor zeros = ag_zeros(ag_call_tape(c), ag_dtype_of(dy), x), place = ag_call_output(c, 1);
    const int at = ag_axis(axis, x.rank);
    if (ag_shape_of(dy).rank < x.rank) /* the results lack the axis */
        return ag_scatter_add(zeros, at, ag_unsqueeze(place, at), ag_unsqueeze(dy, at));
    return ag_scatter_add(zeros, at, place, dy);
}

ag_tensor ag_placed_jvp(const ag_call *c, int axis, ag_tensor dx)
{
    const ag_tensor place = ag_call_output(c, 1);
    const int rank = ag_shape_of(dx).rank, at = ag_axis(axis, rank);
    if (rank < 1)
        return dx;
    return ag_shape_of(place).rank < rank ? ag_squeeze(ag_gather(dx, at, ag_unsqueeze(place, at)), at)
                                          : ag_gather(dx, at, place);
}

typedef struct placing {
    ag_lines lines;
    int64_t k; /* places of a line */
    const int64_t *place;
    const void *dy;
    void *dx;
    ag_dtype dtype;
    bool add;
} placing;

#define PUT(type)                                                          \
    {                                                                      \
        type *dx = (type *)p->dx + row * n * inner;                        \
        const type *dy = (const type *)p->dy + row * p->k * inner;         \
        for (int64_t i = 0; !p->add && i < n * inner; i++)                 \
            dx[i] = 0;                                                     \
        for (int64_t i = 0; i < p->k; i++)                                 \
            for (int64_t j = 0; j < inner; j++)                            \
                dx[place[i * inner + j] * inner + j] += dy[i * inner + j]; \
    }

static void put_rows(const void *context, int64_t begin, int64_t end)
{
    const placing *p = context;
    const int64_t n = p->lines.n, inner = p->lines.inner;
    for (int64_t row = begin; row < end; row++) {
        const int64_t *place = p->place + row * p->k * inner;
        if (p->dtype == AG_F32)
            PUT(float)
        else
            PUT(double)
    }
}

ag_status ag_placed_vjp_fused(const ag_call *c, int axis, const ag_array *dy, const ag_array *dx, double beta)
{
    const ag_array *places = ag_call_output_array(c, 1);
    if (!places)
        return AG_EUSE;
    const ag_lines l = ag_lines_of(&dx->shape, ag_line_axis(axis, dx->shape.rank));
    const int64_t lines = ag_times(l.outer, l.inner);
    if (ag_array_size(dx) == 0) /* however many lines of nothing */
        return AG_OK;
    const placing p = { l, ag_array_size(dy) / lines, places->data, dy->data, dx->data, dx->dtype, beta != 0 };
    ag_for_ranges(l.outer, (double)((l.n + p.k) * l.inner), ag_call_threads(c), put_rows, &p);
    return AG_OK;
}
