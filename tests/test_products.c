/* Products against a plain loop: sizes, strides, both types, beta, guard cells, and the same bits on 1, 2 and 3
 * threads. */
#include "ag/kernels/matmul.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUARD = 32 };

typedef enum layout {
    BY_ROWS,
    BY_COLUMNS,
    PADDED_ROWS,
    PADDED_COLUMNS,
    SPREAD,      /* both strides above 1 */
    INTERLEAVED, /* neither stride spans the other dimension, elements still disjoint */
    REVERSED,
    RESULT_LAYOUTS, /* in those below elements share places */
    ONE_ROW = RESULT_LAYOUTS,
    ONE_COLUMN,
    ONE_ELEMENT,
    SLIDING, /* both strides 1 */
    LAYOUTS
} layout;

typedef struct operand {
    int64_t rows, cols, row, col;
    ag_dtype dtype;
    size_t size, bytes;
    char *memory, *at; /* at: element [0,0] */
} operand;

/* ---- operands */

static void set_strides(operand *o, layout kind)
{
    int64_t rows = o->rows, cols = o->cols;
    const int64_t row[LAYOUTS] = {
        cols, 1, cols + 5, 1, 3 * cols + 1, rows <= cols ? cols + 1 : rows, -cols, 0, 1, 0, 1
    };
    const int64_t col[LAYOUTS] = { 1, rows, 1, rows + 3, 3, rows <= cols ? cols : rows + 1, -1, 1, 0, 0, 1 };
    o->row = row[kind];
    o->col = col[kind];
}

/* Memory at an odd number of elements past the start, with guard cells on both sides; c of a test may be anywhere. */
static operand make(ag_dtype dtype, int64_t rows, int64_t cols, layout kind)
{
    operand o = { .rows = rows, .cols = cols, .dtype = dtype, .size = dtype == AG_F32 ? 4 : 8 };
    set_strides(&o, kind);
    int64_t reach = rows > 0 && cols > 0 ? llabs((rows - 1) * o.row) + llabs((cols - 1) * o.col) + 1 : 0;
    o.bytes = (size_t)(reach + 2 * GUARD + 1) * o.size;
    o.memory = malloc(o.bytes);
    assert_non_null(o.memory);
    o.at = o.memory + (GUARD + 1) * o.size + (kind == REVERSED && reach > 0 ? (size_t)(reach - 1) * o.size : 0);
    return o;
}

static double get(const operand *o, int64_t i, int64_t j)
{
    const char *at = o->at + (i * o->row + j * o->col) * (int64_t)o->size;
    return o->dtype == AG_F32 ? (double)*(const float *)at : *(const double *)at;
}

static void set(const operand *o, int64_t i, int64_t j, double value)
{
    char *at = o->at + (i * o->row + j * o->col) * (int64_t)o->size;
    if (o->dtype == AG_F32)
        *(float *)at = (float)value;
    else
        *(double *)at = value;
}

static uint64_t state = 88172645463325252u;

static int random_below(int bound)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (int)(state % (uint64_t)bound);
}

/* Small integers, whose sums of products are exact in any order; or fractions, whose sums show the order. */
static void fill(const operand *o, bool fractions)
{
    for (int64_t i = 0; i < o->rows; i++)
        for (int64_t j = 0; j < o->cols; j++) {
            int number = random_below(17) - 8;
            set(o, i, j, fractions ? number / 3.0 + 0.01 : number);
        }
}

static void fill_nan(const operand *o)
{
    memset(o->memory, 0xff, o->bytes);
}

/* ---- running */

static ag_product product_of(const operand *a, const operand *b, const operand *c, double beta, int threads)
{
    return (ag_product){ a->dtype, a->rows, b->cols, a->cols, a->at,  a->row, a->col, b->at,
                         b->row,   b->col,  c->at,   c->row,  c->col, beta,   threads };
}

static void run(const ag_product *p)
{
    size_t bytes = ag_product_workspace(p);
    const size_t all = (bytes + 63) / 64 * 64 + 64; /* behind it stay the last ones as they are */
    unsigned char *workspace = bytes > 0 ? aligned_alloc(64, all) : NULL;
    if (bytes > 0)
        memset(workspace, 0xff, all);
    assert_int_equal(ag_product_run(p, workspace), AG_OK);
    for (size_t i = bytes; bytes > 0 && i < all; i++)
        assert_int_equal(workspace[i], 0xff);
    free(workspace);
}

static double expected(const operand *a, const operand *b, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t l = 0; l < a->cols; l++)
        sum += get(a, i, l) * get(b, l, j);
    return sum;
}

static void fail_at(const operand *a, const operand *b, const operand *c, int64_t i, int64_t j, double beta,
                    double wanted)
{
    print_error("%s m %lld n %lld k %lld, strides a %lld %lld, b %lld %lld, c %lld %lld, beta %g: c[%lld,%lld] is "
                "%.9g, not %.9g\n",
                a->dtype == AG_F32 ? "f32" : "f64", (long long)a->rows, (long long)b->cols, (long long)a->cols,
                (long long)a->row, (long long)a->col, (long long)b->row, (long long)b->col, (long long)c->row,
                (long long)c->col, beta, (long long)i, (long long)j, get(c, i, j), wanted);
    fail();
}

static double *gathered(const operand *o)
{
    double *all = malloc((size_t)(o->rows * o->cols + 1) * sizeof *all);
    assert_non_null(all);
    for (int64_t i = 0; i < o->rows; i++)
        for (int64_t j = 0; j < o->cols; j++)
            all[i * o->cols + j] = get(o, i, j);
    return all;
}

/* to + v from; the test's own memory need not be checked by sanitizers, which would take most of the time. */
__attribute__((no_sanitize("address", "undefined"))) static void add_row(double *restrict to, double v,
                                                                         const double *restrict from, int64_t n)
{
#pragma omp simd
    for (int64_t j = 0; j < n; j++)
        to[j] += v * from[j];
}

/* Row by row, with the sums in any order: the numbers are small integers. */
static double *plain_product(const operand *a, const operand *b)
{
    const int64_t m = a->rows, n = b->cols, k = a->cols;
    double *left = gathered(a), *right = gathered(b), *sums = calloc((size_t)(m * n + 1), sizeof *sums);
    assert_non_null(sums);
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < k; l++)
            add_row(sums + i * n, left[i * k + l], right + l * n, n);
    free(left), free(right);
    return sums;
}

/* What c's memory must be, guard cells included. */
static operand reference(const double *sums, const operand *c, double beta)
{
    operand r = *c;
    r.memory = malloc(c->bytes);
    assert_non_null(r.memory);
    memcpy(r.memory, c->memory, c->bytes);
    r.at = r.memory + (c->at - c->memory);
    for (int64_t i = 0; i < c->rows; i++)
        for (int64_t j = 0; j < c->cols; j++)
            set(&r, i, j, sums[i * c->cols + j] + (beta != 0 ? get(c, i, j) : 0));
    return r;
}

static void check(ag_dtype dtype, int64_t m, int64_t n, int64_t k, layout in_a, layout in_b, layout in_c, int threads)
{
    operand a = make(dtype, m, k, in_a), b = make(dtype, k, n, in_b), c = make(dtype, m, n, in_c);
    fill_nan(&a), fill_nan(&b);
    fill(&a, false), fill(&b, false);
    double *sums = plain_product(&a, &b);
    for (int beta = 0; beta < 2; beta++) {
        fill_nan(&c);
        if (beta > 0)
            fill(&c, false);
        operand r = reference(sums, &c, beta);
        ag_product p = product_of(&a, &b, &c, beta, threads);
        run(&p);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                if (get(&c, i, j) != get(&r, i, j))
                    fail_at(&a, &b, &c, i, j, beta, get(&r, i, j));
        for (int64_t i = 0; i < m; i++) /* a zero's sign is free; all other bits are not */
            for (int64_t j = 0; j < n; j++)
                if (get(&c, i, j) == 0)
                    set(&c, i, j, 0), set(&r, i, j, 0);
        assert_memory_equal(c.memory, r.memory, c.bytes);
        free(r.memory);
    }
    free(a.memory), free(b.memory), free(c.memory), free(sums);
}

/* ---- tests */

static const int64_t sizes[] = { 0, 1, 3, 8, 15, 17, 33, 65, 129 };
enum { SIZES = sizeof sizes / sizeof *sizes };

static void all_sizes(void **unused)
{
    (void)unused;
    int turn = 0;
    for (int i = 0; i < SIZES; i++)
        for (int j = 0; j < SIZES; j++)
            for (int l = 0; l < SIZES; l++)
                for (int dtype = AG_F32; dtype <= AG_F64; dtype++, turn++) {
                    check((ag_dtype)dtype, sizes[i], sizes[j], sizes[l], BY_ROWS, BY_ROWS, BY_ROWS, 1);
                    check((ag_dtype)dtype, sizes[i], sizes[j], sizes[l], turn % LAYOUTS, turn / LAYOUTS % LAYOUTS,
                          turn / LAYOUTS / LAYOUTS % RESULT_LAYOUTS, 1 + turn % 3);
                }
}

static void all_strides(void **unused)
{
    (void)unused;
    static const int64_t shapes[][3] = { { 1, 1, 1 },  { 2, 3, 2 },    { 5, 1, 9 },    { 1, 17, 5 },  { 9, 10, 1 },
                                         { 8, 16, 8 }, { 33, 17, 31 }, { 17, 65, 10 }, { 1, 33, 40 }, { 40, 1, 33 } };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int a = 0; a < LAYOUTS; a++)
            for (int b = 0; b < LAYOUTS; b++)
                for (int c = 0; c < RESULT_LAYOUTS; c++)
                    for (int dtype = AG_F32; dtype <= AG_F64; dtype++)
                        check((ag_dtype)dtype, shapes[s][0], shapes[s][1], shapes[s][2], a, b, c, 1);
}

static const int64_t large[][3] = { { 600, 600, 600 },  { 300, 129, 1100 }, { 129, 700, 513 }, { 64, 128, 784 },
                                    { 784, 128, 64 },   { 256, 256, 256 },  { 1, 3000, 700 },  { 3000, 1, 700 },
                                    { 3000, 2, 70 },    { 7, 9, 20000 },    { 1, 1, 40000 },   { 2000, 300, 1 },
                                    { 16, 16, 100000 }, { 40, 1030, 1030 }, { 515, 514, 70 },  { 8, 2100, 1100 },
                                    { 32, 300, 260 },   { 33, 300, 260 } };
enum { LARGE = sizeof large / sizeof *large };

static void large_products(void **unused)
{
    (void)unused;
    for (int s = 0; s < LARGE; s++)
        for (int dtype = AG_F32; dtype <= AG_F64; dtype++)
            for (int ab = 0; ab < 4; ab++)
                check((ag_dtype)dtype, large[s][0], large[s][1], large[s][2], ab & 1, ab >> 1,
                      ab == 3 ? s % RESULT_LAYOUTS : 0, 2);
}

/* More rows or columns than the grid packs at once. */
static void very_large_products(void **unused)
{
    (void)unused;
    check(AG_F32, 40, 5000, 520, BY_ROWS, BY_COLUMNS, BY_ROWS, 2);
    check(AG_F32, 5000, 40, 520, SPREAD, BY_ROWS, BY_ROWS, 2);
    check(AG_F64, 4500, 600, 520, BY_COLUMNS, SPREAD, BY_COLUMNS, 2);
}

static void same_bits(ag_dtype dtype, const int64_t *shape, layout in_a, layout in_b)
{
    operand a = make(dtype, shape[0], shape[2], in_a), b = make(dtype, shape[2], shape[1], in_b), c[3];
    fill(&a, true), fill(&b, true);
    for (int t = 0; t < 3; t++) {
        c[t] = make(dtype, shape[0], shape[1], BY_ROWS);
        fill_nan(&c[t]);
        ag_product p = product_of(&a, &b, &c[t], 0, t + 1);
        run(&p);
        assert_memory_equal(c[t].memory, c[0].memory, c[0].bytes);
    }
    for (int s = 0; s < 200; s++) {
        int64_t i = random_below((int)shape[0]), j = random_below((int)shape[1]);
        double wanted = expected(&a, &b, i, j),
               bound = (dtype == AG_F32 ? 6e-8 : 1.2e-16) * 32 * (double)(shape[2] + 1);
        if (!(get(&c[0], i, j) - wanted <= bound && wanted - get(&c[0], i, j) <= bound))
            fail_at(&a, &b, &c[0], i, j, 0, wanted);
    }
    free(a.memory), free(b.memory);
    for (int t = 0; t < 3; t++)
        free(c[t].memory);
}

static void threads_give_the_same_bits(void **unused)
{
    (void)unused;
    for (int s = 0; s < LARGE; s++)
        for (int dtype = AG_F32; dtype <= AG_F64; dtype++)
            for (int ab = 0; ab < 4; ab++)
                same_bits((ag_dtype)dtype, large[s], ab & 1, ab >> 1);
}

static void infinities_and_nans_pass(void **unused)
{
    (void)unused;
    for (int64_t n = 1; n <= 40; n += 13) {
        operand a = make(AG_F32, n, n, BY_ROWS), b = make(AG_F32, n, n, BY_ROWS), c = make(AG_F32, n, n, BY_ROWS);
        fill(&a, false), fill(&b, false);
        set(&a, 0, 0, 0);
        set(&b, 0, 0, 1 / 0.0); /* 0 times infinity */
        ag_product p = product_of(&a, &b, &c, 0, 1);
        run(&p);
        assert_true(get(&c, 0, 0) != get(&c, 0, 0));
        free(a.memory), free(b.memory), free(c.memory);
    }
}

static void bad_arguments_are_refused(void **unused)
{
    (void)unused;
    double a[4] = { 1, 2, 3, 4 }, c[4] = { 7, 7, 7, 7 };
    const ag_product good = { AG_F64, 2, 2, 2, a, 2, 1, a, 2, 1, c, 2, 1, 0, 1 };
    ag_product bad[4] = { good, good, good, good };
    bad[0].dtype = AG_I32;
    bad[1].m = -1;
    bad[2].beta = 0.5;
    bad[3].dtype = AG_FLOAT;
    for (int i = 0; i < 4; i++)
        assert_int_equal(ag_product_run(&bad[i], NULL), AG_EARG);
    ag_product packed = { AG_F64, 2, 2, 20, a, 0, 0, a, 0, 0, c, 2, 1, 0, 1 };
    if (ag_product_workspace(&packed) > 0)
        assert_int_equal(ag_product_run(&packed, NULL), AG_ENOMEM);
    for (int i = 0; i < 4; i++)
        assert_true(c[i] == 7);
}

/* A long inner dimension is split, and a shorter last part may want more of the workspace than the first. */
static void the_workspace_is_for_the_last_part_too(void **unused)
{
    (void)unused;
    for (int64_t k = 16383; k < 16387; k++)
        for (int d = 0; d < 2; d++)
            for (layout in = BY_ROWS; in <= PADDED_COLUMNS; in++)
                check(d ? AG_F64 : AG_F32, 2, 2, k, in, in == BY_COLUMNS ? BY_ROWS : BY_COLUMNS, BY_ROWS, 1);
}

static void libraries_describe_themselves(void **unused)
{
    (void)unused;
    ag_products_init();
    ag_products_init();
    assert_non_null(strstr(ag_products_describe(), "BLIS"));
    assert_null(strstr(ag_products_describe(), "generic"));
    print_message("%s\n", ag_products_describe());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libraries_describe_themselves),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(all_strides),
        cmocka_unit_test(the_workspace_is_for_the_last_part_too),
        cmocka_unit_test(large_products),
        cmocka_unit_test(very_large_products),
        cmocka_unit_test(threads_give_the_same_bits),
        cmocka_unit_test(infinities_and_nans_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
