#include "ag/kernels/matmul.h"

#include "ag/kernels/libraries.h"
#include "ag/kernels/matmul_grid.h"

/* Measured bounds; the choices they guide must depend on the product alone. */
enum {
    TINY = 64,            /* multiplications: up to here a loop beats planning tiles */
    TINY_FOR_BLIS = 8192, /* and calling BLIS */
    SPLIT_K = 8192,       /* an inner dimension is split into parts no shorter */
    SPLIT_OUTPUT = 4096,  /* where the result has at most so many elements */
    SPLIT_PARTS = 16,
    VECTOR_ROWS = 64 /* rows of a matrix by vector product, or of a loop, in one unit */
};

static double work(const ag_product *p)
{
    return (double)p->m * (double)p->n * (double)p->k;
}

static const ag_loops *loops_for(const ag_product *p)
{
    return p->dtype == AG_F32 ? &ag_loops_f32 : &ag_loops_f64;
}

/* ---- loops of our own */

static void run_product_rows(const void *context, int64_t unit)
{
    const ag_plan *g = context;
    const ag_product *p = &g->p;
    int64_t i = unit * VECTOR_ROWS;
    ag_matrix a = { element(g, p->a, i * p->a_row), p->a_row, p->a_col }, b = { p->b, p->b_row, p->b_col };
    ag_matrix_out c = { (char *)p->c + i * p->c_row * (int64_t)g->size, p->c_row, p->c_col, p->beta != 0 };
    g->loops->product(smaller(VECTOR_ROWS, p->m - i), p->n, p->k, a, b, c);
}

static void run_vector_rows(const void *context, int64_t unit)
{
    const ag_plan *g = context;
    const ag_product *p = &g->p;
    int64_t i = unit * VECTOR_ROWS;
    ag_matrix a = { element(g, p->a, i * p->a_row), p->a_row, p->a_col }, x = { p->b, p->b_row, 0 };
    ag_matrix_out y = { (char *)p->c + i * p->c_row * (int64_t)g->size, p->c_row, 0, p->beta != 0 };
    g->loops->matvec(smaller(VECTOR_ROWS, p->m - i), p->k, a, x, y);
}

static bool loops_suffice(const ag_product *p)
{
    return p->n == 1 || p->k == 1 || work(p) <= TINY || (work(p) <= TINY_FOR_BLIS && !ag_libraries_suit_small());
}

static void run_loops(const ag_plan *g)
{
    const ag_product *p = &g->p;
    double bytes = work(p) * (double)g->size;
    ag_for_units(divide_up(p->m, VECTOR_ROWS), ag_byte_steps(bytes), p->threads,
                 p->n == 1 ? run_vector_rows : run_product_rows, g);
}

/* ---- whole products */

static void exchange(int64_t *x, int64_t *y)
{
    const int64_t kept = *x;
    *x = *y, *y = kept;
}

/* c' = b' a' */
static void transpose(ag_product *p)
{
    const void *a = p->a;
    p->a = p->b, p->b = a;
    exchange(&p->m, &p->n);
    exchange(&p->a_row, &p->b_col);
    exchange(&p->a_col, &p->b_row);
    exchange(&p->c_row, &p->c_col);
}

static void begin_plan(const ag_product *p, ag_plan *g)
{
    const bool by_columns = p->c_col != 1 && p->c_row == 1 && p->n > 1;
    g->loops = loops_for(p);
    g->size = p->dtype == AG_F32 ? 4 : 8;
    g->p = *p;
    if (p->n != 1 && (p->m == 1 || by_columns))
        transpose(&g->p);
}

/* The product goes through parts of its own: dense, where c's strides are not for tiles, and several where k alone is
 * long. */
static int64_t parts_for(const ag_product *p)
{
    if ((double)p->m * (double)p->n <= SPLIT_OUTPUT && p->k >= 2 * SPLIT_K)
        return smaller(SPLIT_PARTS, p->k / SPLIT_K);
    return loops_suffice(p) || dense(p->c_row, p->c_col, p->n) ? 0 : 1;
}

static ag_product part_of(const ag_plan *g, int64_t parts, int64_t index)
{
    ag_product q = g->p;
    int64_t length = divide_evenly(q.k, divide_up(q.k, parts)), from = index * length;
    q.k = parts == 1 ? q.k : smaller(length, q.k - from);
    q.a = element(g, q.a, from * q.a_col);
    q.b = element(g, q.b, from * q.b_row);
    q.c_row = q.n;
    q.c_col = 1;
    q.beta = 0;
    if (parts > 1)
        q.threads = 1;
    return q;
}

typedef struct parts_run {
    const ag_plan *g;
    int64_t parts;
    char *sums, *workspaces;
    size_t each; /* bytes of one workspace */
} parts_run;

static void run_whole(ag_plan *g, char *workspace)
{
    if (loops_suffice(&g->p))
        run_loops(g);
    else
        ag_grid_run(g, workspace);
}

static size_t whole_workspace(ag_plan *g)
{
    if (loops_suffice(&g->p))
        return 0;
    return ag_grid_plan(g);
}

static void run_part(const void *context, int64_t unit)
{
    const parts_run *r = context;
    const ag_plan *g = r->g;
    ag_plan part = *g;
    part.p = part_of(g, r->parts, unit);
    part.p.c = r->sums + (size_t)(unit * g->p.m * g->p.n) * g->size;
    whole_workspace(&part);
    run_whole(&part, r->workspaces + (size_t)unit * r->each);
}

/* The last part is shorter, which may be what one tile takes where the others take several, smaller ones. */
static size_t parts_workspace(const ag_plan *g, int64_t parts, size_t *each)
{
    ag_plan first = *g, last = *g;
    first.p = part_of(g, parts, 0);
    last.p = part_of(g, parts, parts - 1);
    const size_t of_first = whole_workspace(&first), of_last = whole_workspace(&last);
    *each = of_first > of_last ? of_first : of_last;
    return aligned((size_t)(parts * g->p.m * g->p.n) * g->size) + (size_t)parts * *each;
}

static void run_parts(const ag_plan *g, int64_t parts, char *workspace)
{
    parts_run r = { .g = g, .parts = parts, .sums = workspace };
    parts_workspace(g, parts, &r.each);
    r.workspaces = workspace + aligned((size_t)(parts * g->p.m * g->p.n) * g->size);
    ag_for_units(parts, ag_byte_steps(work(&g->p)), g->p.threads, run_part, &r);
    ag_matrix_out c = { g->p.c, g->p.c_row, g->p.c_col, g->p.beta != 0 };
    g->loops->add(g->p.m, g->p.n, parts, workspace, c);
}

/* ---- the interface */

/* Nothing or almost nothing to do: no plan, no library. */
static bool trivial(const ag_product *p)
{
    return p->m == 0 || p->n == 0 || p->k == 0 || work(p) <= TINY;
}

static void run_trivial(const ag_product *p)
{
    if (p->m == 0 || p->n == 0 || (p->k == 0 && p->beta != 0))
        return;
    ag_matrix_out c = { p->c, p->c_row, p->c_col, p->beta != 0 };
    loops_for(p)->product(p->m, p->n, p->k, (ag_matrix){ p->a, p->a_row, p->a_col },
                          (ag_matrix){ p->b, p->b_row, p->b_col }, c);
}

static bool valid(const ag_product *p)
{
    return (p->dtype == AG_F32 || p->dtype == AG_F64) && p->m >= 0 && p->n >= 0 && p->k >= 0 &&
           (p->beta == 0 || p->beta == 1);
}

size_t ag_product_plan(const ag_product *p, ag_plan *g)
{
    size_t each;
    if (trivial(p)) {
        g->p = *p;
        g->kind = AG_PLAN_TRIVIAL;
        return 0;
    }
    begin_plan(p, g);
    g->parts = parts_for(&g->p);
    g->kind = g->parts > 0 ? AG_PLAN_PARTS : loops_suffice(&g->p) ? AG_PLAN_LOOPS : AG_PLAN_GRID;
    return g->kind == AG_PLAN_PARTS  ? parts_workspace(g, g->parts, &each)
           : g->kind == AG_PLAN_GRID ? ag_grid_plan(g)
                                     : 0;
}

void ag_plan_run(ag_plan *g, void *workspace)
{
    if (g->kind == AG_PLAN_TRIVIAL)
        run_trivial(&g->p);
    else if (g->kind == AG_PLAN_LOOPS)
        run_loops(g);
    else if (g->kind == AG_PLAN_GRID)
        ag_grid_run(g, workspace);
    else
        run_parts(g, g->parts, workspace);
}

size_t ag_product_workspace(const ag_product *p)
{
    ag_plan g;
    return valid(p) ? ag_product_plan(p, &g) : 0;
}

ag_status ag_product_run(const ag_product *p, void *workspace)
{
    ag_plan g;
    if (!valid(p))
        return AG_EARG;
    if (ag_product_plan(p, &g) > 0 && !workspace)
        return AG_ENOMEM;
    ag_plan_run(&g, workspace);
    return AG_OK;
}

void ag_products_init(void)
{
    ag_libraries_init();
}

const char *ag_products_describe(void)
{
    return ag_libraries_describe();
}
