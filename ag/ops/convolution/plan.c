/* How a convolution is cut into tiles, and where its taps read. All follows from extents alone, so that the bits do. */
#include "ag/ops/convolution/kernels.h"
#include "ag/kernels/kernels.h"

enum {
    TABLES = 6,  /* of an axis, as many entries each as it has taps */
    SHORT = 128, /* elements of a row */
    FEW = 16     /* taps */
};

size_t ag_conv_tables(const ag_conv *v)
{
    double taps = 0;
    for (int d = 0; d < AG_SPATIAL; d++)
        taps += (double)v->k[d] + 1;
    return taps < 0x1p40 ? (size_t)taps * TABLES * sizeof(int64_t) : SIZE_MAX / 4;
}

/* The phases of the taps, in order of their first appearance. */
static int64_t find_slots(ag_conv_axis *a, int64_t *phase)
{
    int64_t slots = 0;
    for (int64_t k = 0; k < a->taps; k++) {
        const int64_t at = k * a->dilation % a->stride;
        int64_t s = 0;
        while (s < slots && phase[s] != at)
            s++;
        if (s == slots)
            phase[slots++] = at;
        a->slot[k] = s;
    }
    return slots;
}

static void order_taps(ag_conv_axis *a, bool by_slot)
{
    int64_t used = 0;
    for (int64_t s = 0; s < a->to_slots; s++) {
        a->first[s] = used;
        for (int64_t k = 0; k < a->taps; k++)
            if (!by_slot || a->slot[k] == s)
                a->order[used++] = k;
        a->count[s] = used - a->first[s];
    }
    if (a->to_slots <= a->taps) { /* a place at which no tap arrives is of the slot after them all */
        a->first[a->to_slots] = used;
        a->count[a->to_slots] = 0;
    }
}

/* Are there rows to which a lag would add much, and outputs enough for a larger slab? */
static bool pays_apart(const ag_conv *v, bool back, const ag_conv_axis *a)
{
    const int64_t *to = back ? v->x : v->y, outputs = back ? v->c : v->o;
    return a->lag > 0 && a->taps <= FEW && to[1] > 1 && to[2] <= SHORT && outputs >= AG_CONV_MANY &&
           (!back || a->stride == 1);
}

/* A plane of the slab for each tap, whose rows are no longer than those of the results. */
static void set_apart(ag_conv_axis *a, bool back)
{
    a->apart = true;
    a->from_slots = a->taps;
    for (int64_t k = 0; k < a->taps; k++)
        a->from_phase[k] = back ? a->lag - k * a->dilation : k * a->dilation;
    a->lag = 0;
}

static int64_t *make_axis(const ag_conv *v, int d, bool back, bool patches, ag_conv_axis *a, int64_t *table)
{
    const int64_t n = v->k[d] + 1, first = back ? v->before[d] / v->stride[d] : 0; /* the first position */
    *a = (ag_conv_axis){ .taps = v->k[d], .stride = v->stride[d], .dilation = v->dilation[d] };
    a->slot = table;
    a->order = table + n;
    a->first = table + 2 * n;
    a->count = table + 3 * n;
    a->from_phase = table + 4 * n;
    a->to_phase = table + 5 * n;
    const int64_t slots = find_slots(a, back ? a->to_phase : a->from_phase);
    *(back ? a->from_phase : a->to_phase) = 0;
    a->from_slots = back ? 1 : slots;
    a->to_slots = back ? slots : 1;
    order_taps(a, back);
    a->lag = a->taps > 0 ? (a->taps - 1) * a->dilation / a->stride : 0;
    a->from_step = back ? 1 : a->stride;
    a->from_before = back ? a->lag - first : v->before[d];
    a->from_extent = back ? v->y[d] : v->x[d];
    a->to_step = back ? a->stride : 1;
    a->to_before = back ? v->before[d] - first * a->stride : 0;
    a->to_extent = back ? v->x[d] : v->y[d];
    a->positions = back ? (v->x[d] - 1 + v->before[d]) / a->stride - first + 1 : v->y[d];
    if (d > 0 && (patches || (d == 2 && pays_apart(v, back, a))))
        set_apart(a, back);
    return table + TABLES * n;
}

static int64_t at_most(int64_t x, int64_t most)
{
    return x < most ? x : most;
}

/* Into as few blocks as can be, of nearly the same length. */
static int64_t evenly(int64_t n, int64_t most, int64_t *blocks)
{
    const int64_t block = at_most(n, most > 1 ? most : 1);
    *blocks = n > 0 ? (n + block - 1) / block : 0;
    return n > 0 ? (n + *blocks - 1) / *blocks : 0;
}

static void cut(ag_conv_axis *a, int64_t block)
{
    a->block = evenly(a->positions, block, &a->blocks);
}

/* So many bytes, or more than there are. */
static size_t bytes_of(double count, ag_dtype d)
{
    return count < 0x1p48 ? ((size_t)count * ag_dtype_size(d) + 63) / 64 * 64 : SIZE_MAX / 64;
}

static void measure(ag_conv_plan *p)
{
    const ag_conv *v = p->v;
    const ag_conv_axis *h = &p->axis[1], *w = &p->axis[2];
    const double row = (double)w->block + (double)w->lag, rows = (double)h->block + (double)h->lag;
    const double channel = (double)p->axis[0].taps * (double)h->from_slots * (double)w->from_slots * rows * row;
    const double fitting = (double)AG_CONV_SLAB / ((channel + 1) * (double)ag_dtype_size(v->dtype));
    const int64_t outputs = (p->outputs + 15) / 16 * 16;
    p->channel_block = evenly(p->channels, (int64_t)fitting, &p->channel_blocks);
    p->slab = bytes_of(channel * (double)p->channel_block + AG_CONV_TAIL, v->dtype);
    const int64_t lanes = AG_CONV_VECTORS;
    p->positions = ((int64_t)row * (h->block - 1) + w->block + lanes - 1) / lanes * lanes;
    p->results = bytes_of((double)AG_CONV_ROWS * (double)p->positions, v->dtype);
    p->offsets = bytes_of((double)p->taps * (double)p->channel_block, AG_I64);
    p->weights = bytes_of((double)v->groups * (double)outputs * (double)p->channels * (double)p->taps, v->dtype);
    p->worker = p->slab + p->results + p->offsets;
    if (p->slab >= SIZE_MAX / 64)
        return;
    p->wide = (int64_t)row;
    p->plane = p->wide * (int64_t)rows;
    p->slice = p->plane * h->from_slots * w->from_slots;
    p->channel = p->slice * p->axis[0].taps;
}

/* dw by products: of each tap, or of the taps of all channels where these are few. */
static void choose_products(const ag_conv *v, ag_conv_plan *p)
{
    p->products = p->outputs >= AG_CONV_MANY && p->taps * p->channels >= AG_CONV_MANY && ag_libraries_suit_small();
    p->patches = p->products && p->channels < AG_CONV_MANY && p->taps <= AG_CONV_TAPS && v->k[0] == 1;
    p->products = p->patches || (p->products && p->channels >= AG_CONV_MANY);
}

ag_conv_plan ag_conv_plan_make(const ag_conv *v, ag_conv_result result, void *tables)
{
    const bool back = result == AG_CONV_X;
    ag_conv_plan p = { .v = v, .back = back, .channels = back ? v->o : v->c, .outputs = back ? v->c : v->o };
    int64_t *table = tables;
    p.taps = v->k[0] * v->k[1] * v->k[2];
    if (result == AG_CONV_W)
        choose_products(v, &p);
    for (int d = 0; d < AG_SPATIAL; d++)
        table = make_axis(v, d, back, p.patches, &p.axis[d], table);
    ag_conv_axis *h = &p.axis[1], *w = &p.axis[2];
    const int64_t tile = p.patches ? AG_CONV_PATCHES : AG_CONV_TILE;
    cut(w, tile);
    cut(h, tile / (w->block + at_most(w->lag, tile) + 1));
    p.axis[0].blocks = p.axis[0].to_extent;
    p.tiles = v->images * v->groups * p.axis[0].blocks * h->blocks * w->blocks;
    measure(&p);
    if (v->k[0] == 1 && h->to_slots == 1 && w->to_slots == 1 && p.taps <= AG_CONV_KNOWN)
        p.known = ag_conv_offsets(&p, 1, 0, 0, p.offset);
    return p;
}

ag_conv_tile ag_conv_tile_at(const ag_conv_plan *p, int64_t i)
{
    const ag_conv_axis *h = &p->axis[1], *w = &p->axis[2];
    ag_conv_tile t;
    t.column = i % w->blocks * w->block;
    i /= w->blocks;
    t.row = i % h->blocks * h->block;
    i /= h->blocks;
    t.depth = i % p->axis[0].blocks;
    i /= p->axis[0].blocks;
    t.group = i % p->v->groups;
    t.image = i / p->v->groups;
    t.rows = at_most(h->block, h->positions - t.row);
    t.columns = at_most(w->block, w->positions - t.column);
    return t;
}

int64_t ag_conv_source_depth(const ag_conv_plan *p, int64_t depth, int64_t tap)
{
    const ag_conv_axis *a = &p->axis[0];
    if (!p->back)
        return depth * a->stride + tap * a->dilation - p->v->before[0];
    const int64_t from = depth + p->v->before[0] - tap * a->dilation;
    return from < 0 ? -1 : from / a->stride;
}

ag_conv_slices ag_conv_slices_at(const ag_conv_plan *p, int64_t depth)
{
    const ag_conv_axis *a = &p->axis[0];
    ag_conv_slices s = { 0, 0, 0 };
    if (p->back) {
        const int64_t phase = (depth + p->v->before[0]) % a->stride;
        while (s.slot < a->to_slots && a->to_phase[s.slot] != phase)
            s.slot++;
        if (s.slot == a->to_slots)
            return s;
    }
    int64_t end = a->first[s.slot] + a->count[s.slot];
    s.first = a->first[s.slot];
    for (; s.first < end; s.first++) { /* those in the source are neighbours */
        const int64_t from = ag_conv_source_depth(p, depth, a->order[s.first]);
        if (from >= 0 && from < a->from_extent)
            break;
    }
    for (; s.first + s.count < end; s.count++) {
        const int64_t from = ag_conv_source_depth(p, depth, a->order[s.first + s.count]);
        if (from < 0 || from >= a->from_extent)
            break;
    }
    return s;
}

/* Where a tap reads, seen from the position of its result. */
static int64_t reads(const ag_conv_plan *p, const ag_conv_axis *a, int64_t tap)
{
    const int64_t lag = a->apart ? 0 : tap * a->dilation / a->stride;
    return p->back ? a->lag - lag : lag;
}

int64_t ag_conv_offsets(const ag_conv_plan *p, int64_t slices, int64_t row_slot, int64_t column_slot, int64_t *offset)
{
    const ag_conv_axis *h = &p->axis[1], *w = &p->axis[2];
    int64_t used = 0;
    if (p->known > 0 && slices == 1) {
        memcpy(offset, p->offset, (size_t)p->known * sizeof *offset);
        return p->known;
    }
    for (int64_t s = 0; s < slices; s++)
        for (int64_t i = 0; i < h->count[row_slot]; i++)
            for (int64_t j = 0; j < w->count[column_slot]; j++) {
                const int64_t kh = h->order[h->first[row_slot] + i], kw = w->order[w->first[column_slot] + j];
                const int64_t high = h->apart  ? kh
                                     : p->back ? 0
                                               : h->slot[kh],
                              wide = w->apart  ? kw
                                     : p->back ? 0
                                               : w->slot[kw];
                offset[used++] = s * p->slice + (high * w->from_slots + wide) * p->plane + reads(p, h, kh) * p->wide +
                                 reads(p, w, kw);
            }
    return used;
}

int64_t ag_conv_first_tap(const ag_conv_plan *p, ag_conv_slices s, int64_t row_slot, int64_t column_slot)
{
    const ag_conv_axis *d = &p->axis[0], *h = &p->axis[1], *w = &p->axis[2];
    const int64_t rows = h->first[row_slot], columns = w->first[column_slot];
    const int64_t group =
        d->first[s.slot] * h->taps * w->taps + d->count[s.slot] * (rows * w->taps + h->count[row_slot] * columns);
    return group + (s.first - d->first[s.slot]) * h->count[row_slot] * w->count[column_slot];
}
