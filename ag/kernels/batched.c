#include "ag/kernels/kernels.h"

static const double STEPS = 1.0 / 16; /* of a multiply-add */

ag_array ag_swapped(const ag_array *a)
{
    ag_array swapped = *a;
    const int last = a->shape.rank - 1;
    swapped.shape.dim[last] = a->shape.dim[last - 1];
    swapped.shape.dim[last - 1] = a->shape.dim[last];
    swapped.stride[last] = a->stride[last - 1];
    swapped.stride[last - 1] = a->stride[last];
    return swapped;
}

ag_array ag_with_axis(const ag_array *a, int d)
{
    ag_array more = *a;
    for (int i = a->shape.rank; i > d; i--) {
        more.shape.dim[i] = a->shape.dim[i - 1];
        more.stride[i] = a->stride[i - 1];
    }
    more.shape.rank++;
    more.shape.dim[d] = 1;
    more.stride[d] = d < a->shape.rank ? a->shape.dim[d] * a->stride[d] : 1; /* as in a dense array */
    return more;
}

/* Extent and stride of leading dimension d, counted from the matrix outwards. */
static int64_t extent(const ag_array *x, int d)
{
    const int i = x->shape.rank - 3 - d;
    return i < 0 ? 1 : x->shape.dim[i];
}

static int64_t step(const ag_array *x, int d)
{
    const int i = x->shape.rank - 3 - d;
    return i < 0 || x->shape.dim[i] == 1 ? 0 : x->stride[i];
}

/* Can an outer dimension be one with an inner one? */
static bool continues(int64_t outer_step, int64_t inner_extent, int64_t inner_step)
{
    return outer_step == inner_extent * inner_step;
}

/* Rows of the result, its columns, or terms of its sums: a dimension that continues one of them makes one larger
 * product. `moves`: along it lie different matrices of c. */
static bool merge(ag_product *p, int64_t dim, int64_t a, int64_t b, int64_t c, bool moves)
{
    if (moves && b == 0 && (p->m == 1 || (continues(a, p->m, p->a_row) && continues(c, p->m, p->c_row)))) {
        if (p->m == 1) {
            p->a_row = a;
            p->c_row = c;
        }
        p->m *= dim;
    } else if (moves && a == 0 && (p->n == 1 || (continues(b, p->n, p->b_col) && continues(c, p->n, p->c_col)))) {
        if (p->n == 1) {
            p->b_col = b;
            p->c_col = c;
        }
        p->n *= dim;
    } else if (!moves && (p->k == 1 || (continues(a, p->k, p->a_col) && continues(b, p->k, p->b_row)))) {
        if (p->k == 1) {
            p->a_col = a;
            p->b_row = b;
        }
        p->k *= dim;
    } else {
        return false;
    }
    return true;
}

static void insert(ag_batch *s, int at, int64_t dim, int64_t a, int64_t b, int64_t c)
{
    for (int i = s->rank; i > at; i--) {
        s->dim[i] = s->dim[i - 1];
        s->a[i] = s->a[i - 1];
        s->b[i] = s->b[i - 1];
        s->c[i] = s->c[i - 1];
    }
    s->dim[at] = dim;
    s->a[at] = a;
    s->b[at] = b;
    s->c[at] = c;
    s->rank++;
}

/* The extent of leading dimension d. */
static int64_t common_extent(const ag_array *a, const ag_array *b, const ag_array *c, int d)
{
    const int64_t x = extent(a, d), y = x == 1 ? extent(b, d) : x;
    return y == 1 ? extent(c, d) : y;
}

/* Where there are no elements the product of the other extents may overflow: it is not needed. */
static bool is_empty(ag_batch *s, const ag_array *a, const ag_array *b, const ag_array *c, int leading)
{
    for (int d = 0; d < leading; d++) {
        if (extent(c, d) == 0)
            s->kept = 0;
        if (common_extent(a, b, c, d) == 0)
            s->summed = 0;
    }
    if (s->product.k == 0)
        s->summed = 0;
    return s->kept == 0 || s->summed == 0 || s->product.m == 0 || s->product.n == 0;
}

static ag_batch plan(const ag_array *a, const ag_array *b, const ag_array *c)
{
    const int ra = a->shape.rank, rb = b->shape.rank, rc = c->shape.rank;
    ag_batch s; /* its lists have `rank` entries */
    s.rank = 0;
    s.kept = s.summed = 1;
    s.product = (ag_product){ .dtype = c->dtype,
                              .m = c->shape.dim[rc - 2],
                              .n = c->shape.dim[rc - 1],
                              .k = a->shape.dim[ra - 1],
                              .a_row = a->stride[ra - 2],
                              .a_col = a->stride[ra - 1],
                              .b_row = b->stride[rb - 2],
                              .b_col = b->stride[rb - 1],
                              .c_row = c->stride[rc - 2],
                              .c_col = c->stride[rc - 1] };
    int moving = 0;
    const int leading = (ra > rb ? ra > rc ? ra : rc : rb > rc ? rb : rc) - 2;
    if (is_empty(&s, a, b, c, leading))
        return s;
    for (int d = 0; d < leading; d++) {
        const int64_t dim = common_extent(a, b, c, d);
        const bool moves = extent(c, d) != 1;
        if (dim == 1 || (dim > 1 && merge(&s.product, dim, step(a, d), step(b, d), step(c, d), moves)))
            continue;
        if (moves) {
            insert(&s, 0, dim, step(a, d), step(b, d), step(c, d));
            moving++;
            s.kept *= dim;
        } else {
            insert(&s, moving, dim, step(a, d), step(b, d), 0);
            s.summed *= dim;
        }
    }
    return s;
}

/* Products number i * summed ... of the batch, into one matrix of c. */
static ag_status run_one(const ag_batch *s, int64_t i, int threads, void *workspace)
{
    ag_product p = s->product;
    const int64_t size = (int64_t)ag_dtype_size(p.dtype);
    p.threads = threads;
    for (int64_t j = 0; j < s->summed; j++) {
        int64_t rest = i * s->summed + j, a = 0, b = 0, c = 0;
        for (int d = s->rank - 1; d >= 0; d--) {
            const int64_t index = rest % s->dim[d];
            rest /= s->dim[d];
            a += index * s->a[d];
            b += index * s->b[d];
            c += index * s->c[d];
        }
        p.a = (const char *)s->product.a + a * size;
        p.b = (const char *)s->product.b + b * size;
        p.c = (char *)s->product.c + c * size;
        p.beta = j == 0 ? s->product.beta : 1;
        const ag_status status = ag_product_run(&p, workspace);
        if (status)
            return status;
    }
    return AG_OK;
}

/* Multiply-adds. */
static double work_of(const ag_batch *s)
{
    const ag_product *p = &s->product;
    return (double)p->m * (double)p->n * (double)p->k * (double)s->summed * (double)s->kept;
}

/* A share of the products has a workspace of its own. */
typedef struct shares {
    const ag_batch *batch;
    char *workspace;
    int64_t count;
    _Atomic ag_status *worst;
} shares;

static void run_share(const void *context, int64_t k)
{
    const shares *all = context;
    const ag_batch *s = all->batch;
    char *workspace = all->workspace ? all->workspace + (size_t)k * s->share : NULL;
    for (int64_t i = s->kept * k / all->count; i < s->kept * (k + 1) / all->count; i++) {
        const ag_status status = run_one(s, i, 1, workspace);
        if (status)
            *all->worst = status;
    }
}

static ag_status run_parallel(const ag_batch *s, char *workspace)
{
    _Atomic ag_status worst = AG_OK;
    const int64_t count = s->kept < s->threads ? s->kept : s->threads;
    ag_for_items(count, work_of(s) * STEPS / (double)count, s->threads, run_share,
                 &(shares){ s, workspace, count, &worst });
    return worst;
}

/* Bytes for one thread's products. */
static size_t share_of(const ag_batch *s)
{
    ag_product p = s->product;
    p.threads = s->spread ? 1 : s->threads;
    size_t bytes = ag_product_workspace(&p);
    if (s->summed > 1 && p.beta == 0) {
        p.beta = 1;
        const size_t later = ag_product_workspace(&p);
        bytes = later > bytes ? later : bytes;
    }
    return (bytes + 63) / 64 * 64;
}

ag_batch ag_batched_plan(const ag_array *a, const ag_array *b, const ag_array *c, double beta, int threads)
{
    ag_batch s = plan(a, b, c);
    ag_product *p = &s.product;
    p->a = a->data;
    p->b = b->data;
    p->c = c->data;
    p->beta = beta;
    s.threads = threads;
    s.spread = s.single = false;
    s.share = s.workspace = 0;
    if (s.kept == 0 || s.summed == 0 || p->m == 0 || p->n == 0)
        return s;
    s.single = s.kept == 1 && s.summed == 1;
    if (AG_LIKELY(s.single)) {
        p->threads = threads;
        s.workspace = (ag_product_plan(p, &s.plan) + 63) / 64 * 64;
        return s;
    }
    s.spread = threads > 1 && s.kept >= threads && work_of(&s) * STEPS >= 2 * AG_SHARE;
    s.share = share_of(&s);
    s.workspace = s.share * (size_t)(s.spread ? threads : 1);
    return s;
}

ag_status ag_batched_run(ag_batch *s, const ag_array *c, void *workspace)
{
    const ag_product *p = &s->product;
    if (s->kept == 0 || p->m == 0 || p->n == 0)
        return AG_OK;
    if (s->summed == 0) {
        if (p->beta == 0)
            ag_fill_array(c, 0);
        return AG_OK;
    }
    if (s->workspace && !workspace)
        return AG_ENOMEM;
    if (AG_LIKELY(s->single)) {
        ag_plan_run(&s->plan, workspace);
        return AG_OK;
    }
    if (s->spread)
        return run_parallel(s, workspace);
    ag_status status = AG_OK;
    for (int64_t i = 0; i < s->kept && !status; i++)
        status = run_one(s, i, s->threads, workspace);
    return status;
}
