/* The kernels of products by themselves, in every build: all small extents and strides, exact sums, what lies between and
 * beyond the operands. */
#include "ag/kernels/matmul_tiles.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || AG_DEBUG
enum { STRIDE = 3 }; /* of the extents that are tried; 1 and 40 are among them */
#else
enum { STRIDE = 1 };
#endif
enum { MOST = 40, ROW = 43, ROOM = (MOST + 1) * ROW };

/* Matrices of small integers, whose sums are exact, by rows and by columns; what no element lies in is NaN. */
typedef struct scene {
    ag_dtype dtype;
    double rows_a[ROOM], columns_a[ROOM], b[ROOM], c[ROOM]; /* of either type */
    double sums[MOST][MOST];
} scene;

static void set(const scene *s, void *at, int64_t i, double value)
{
    if (s->dtype == AG_F32)
        ((float *)at)[i] = (float)value;
    else
        ((double *)at)[i] = value;
}

static double get(ag_dtype dtype, const void *at, int64_t i)
{
    return dtype == AG_F32 ? (double)((const float *)at)[i] : ((const double *)at)[i];
}

static int integer(int i, int j)
{
    return (i * 7 + j * 11 + i * j) % 9 - 4;
}

static void begin(scene *s, ag_dtype dtype)
{
    memset(s, 0xff, sizeof *s);
    memset(s->sums, 0, sizeof s->sums);
    s->dtype = dtype;
    for (int i = 0; i < MOST; i++)
        for (int j = 0; j < MOST; j++) {
            set(s, s->rows_a, i * ROW + j, integer(i, j));
            set(s, s->columns_a, j * ROW + i, integer(i, j));
            set(s, s->b, i * ROW + j, integer(i + 3, j));
        }
}

/* The sums with one term more. */
static void add_term(scene *s, int l)
{
    for (int i = 0; i < MOST; i++)
        for (int j = 0; j < MOST; j++)
            s->sums[i][j] += integer(i, l) * integer(l + 3, j);
}

static void run(const ag_product_tile *t, const void *a, const void *b, void *c)
{
    (t->dtype == AG_F32 ? ag_tile_f32 : ag_tile_f64)(t, a, b, c);
}

static void fail_at(const ag_product_tile *t, int64_t i, int64_t j, double is, double wanted)
{
    print_error("%s m %d n %d k %d, a by %s, %s: c[%d,%d] is %.9g, not %.9g\n", t->dtype == AG_F32 ? "f32" : "f64",
                (int)t->m, (int)t->n, (int)t->k, t->a_columns ? "columns" : "rows", t->accumulate ? "added" : "set",
                (int)i, (int)j, is, wanted);
    fail();
}

static void check(scene *s, const ag_product_tile *t)
{
    memset(s->c, 0xff, sizeof s->c);
    for (int i = 0; t->accumulate && i < t->m; i++)
        for (int j = 0; j < t->n; j++)
            set(s, s->c, i * ROW + j, i - j);
    run(t, t->a_columns ? s->columns_a : s->rows_a, s->b, s->c);
    for (int i = 0; i < t->m; i++)
        for (int j = 0; j < MOST; j++) {
            const double is = get(t->dtype, s->c, i * ROW + j), wanted = s->sums[i][j] + (t->accumulate ? i - j : 0);
            if (j < t->n ? is != wanted : is == is)
                fail_at(t, i, j, is, j < t->n ? wanted : (double)NAN);
        }
    assert_true(isnan(get(t->dtype, s->c, t->m * ROW)));
}

/* ---- tests */

static void all_small_products_are_exact(void **unused)
{
    (void)unused;
    scene *s = malloc(sizeof *s);
    assert_non_null(s);
    for (int dtype = AG_F32; dtype <= AG_F64; dtype++) {
        begin(s, (ag_dtype)dtype);
        for (int k = 1; k <= MOST; k++) {
            add_term(s, k - 1);
            for (int m = 1; k % STRIDE == 1 % STRIDE && m <= MOST; m += STRIDE)
                for (int n = 1; n <= MOST; n += STRIDE)
                    for (int form = 0; form < 4; form++)
                        check(s, &(ag_product_tile){ .dtype = s->dtype,
                                                     .m = m,
                                                     .n = n,
                                                     .k = k,
                                                     .a_columns = form & 1,
                                                     .accumulate = form >> 1,
                                                     .a_step = ROW,
                                                     .b_step = ROW,
                                                     .c_row = ROW });
        }
    }
    free(s);
}

/* Two pages that can be read and written between two that can not. */
typedef struct guarded {
    char *pages, *start, *end;
} guarded;

enum { PAGE = 4096, INSIDE = 4 * PAGE };

static guarded guard(void)
{
    guarded g = { .pages = mmap(NULL, INSIDE + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
    assert_ptr_not_equal(g.pages, MAP_FAILED);
    g.start = g.pages + PAGE, g.end = g.start + INSIDE;
    assert_int_equal(mprotect(g.start, INSIDE, PROT_READ | PROT_WRITE), 0);
    return g;
}

/* In all forms, from the begin of the pages and up to their end. */
static void touch(const guarded *a, const guarded *b, const guarded *c, int64_t m, int64_t n, int64_t k)
{
    for (int form = 0; form < 8; form++) {
        const bool wide = form & 4, columns = form & 1;
        const int64_t size = wide ? 8 : 4;
        const ag_product_tile t = { .dtype = wide ? AG_F64 : AG_F32,
                                    .m = m,
                                    .n = n,
                                    .k = k,
                                    .a_columns = columns,
                                    .accumulate = form & 2,
                                    .a_step = columns ? m : k,
                                    .b_step = n,
                                    .c_row = n };
        run(&t, a->start, b->start, c->start);
        run(&t, a->end - m * k * size, b->end - k * n * size, c->end - m * n * size);
    }
}

static void nothing_beside_the_operands_is_touched(void **unused)
{
    (void)unused;
    guarded a = guard(), b = guard(), c = guard();
    for (int64_t m = 1; m <= MOST; m += STRIDE)
        for (int64_t n = 1; n <= MOST; n++)
            for (int64_t k = 1; k <= MOST; k += k < 6 ? 1 : 17)
                touch(&a, &b, &c, m, n, k);
    for (int64_t m = 1; m <= 13; m += m < 7 ? 1 : 3) /* and several wide blocks beside one another */
        for (int64_t n = MOST; n <= 150; n += STRIDE)
            for (int64_t k = 1; k <= 13; k += 4)
                touch(&a, &b, &c, m, n, k);
    munmap(a.pages, INSIDE + 2 * PAGE), munmap(b.pages, INSIDE + 2 * PAGE), munmap(c.pages, INSIDE + 2 * PAGE);
}

static double *numbers(int64_t count, ag_dtype dtype)
{
    double *all = malloc((size_t)count * sizeof *all);
    assert_non_null(all);
    const scene s = { .dtype = dtype };
    for (int64_t i = 0; i < count; i++)
        set(&s, all, i, (double)(i * i % 97) / 97 - 0.5);
    return all;
}

static void large(ag_dtype dtype, int64_t m, int64_t n, int64_t k, bool columns)
{
    const ag_product_tile t = {
        .dtype = dtype, .m = m, .n = n, .k = k, .a_columns = columns, .a_step = columns ? m : k, .b_step = n, .c_row = n
    };
    double *a = numbers(m * k, dtype), *b = numbers(k * n, dtype), *c = numbers(m * n, dtype);
    run(&t, a, b, c);
    for (int64_t i = 0; i < m; i += i < m - 20 ? 7 : 1)
        for (int64_t j = 0; j < n; j += j < n - 20 ? 5 : 1) {
            double sum = 0, size = 0;
            for (int64_t l = 0; l < k; l++) {
                const double term = get(dtype, a, columns ? l * m + i : i * k + l) * get(dtype, b, l * n + j);
                sum += term, size += fabs(term);
            }
            const double is = get(dtype, c, i * n + j),
                         bound = size * (dtype == AG_F32 ? 6e-8 : 1.2e-16) * (double)(k + 1);
            if (!(fabs(is - sum) <= bound))
                fail_at(&t, i, j, is, sum);
        }
    free(a), free(b), free(c);
}

static void large_products_are_as_exact_as_their_type(void **unused)
{
    (void)unused;
    static const int64_t shapes[][3] = { { 127, 65, 1027 }, { 129, 131, 517 }, { 1, 1000, 333 }, { 333, 1, 1000 },
                                         { 61, 16, 4099 },  { 13, 17, 8193 },  { 2, 3, 20001 },  { 250, 49, 3 },
                                         { 9, 100, 3001 },  { 19, 303, 1 },    { 20, 150, 2 },   { 13, 333, 16 },
                                         { 3, 410, 40 },    { 6, 200, 100 },   { 2, 77, 50 } };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < 4; form++)
            large(form & 1 ? AG_F64 : AG_F32, shapes[s][0], shapes[s][1], shapes[s][2], form & 2);
}

/* One NaN or infinity in a goes to its row of c and to no other, one in b to its column. */
static void what_is_not_finite_goes_where_it_belongs(void **unused)
{
    (void)unused;
    static const float odd[] = { NAN, INFINITY };
    float a[37 * 11], b[11 * 21], c[37 * 21];
    for (int k = 1; k <= 11; k++)
        for (int l = 0; l < k; l++)
            for (int which = 0; which < 4; which++) {
                const ag_product_tile t = { .dtype = AG_F32,
                                            .m = 37,
                                            .n = 21,
                                            .k = k,
                                            .a_columns = l % 2,
                                            .a_step = l % 2 ? 37 : k,
                                            .b_step = 21,
                                            .c_row = 21 };
                memset(a, 0, sizeof a), memset(b, 0, sizeof b);
                const int row = (5 * k + l) % 37, column = (3 * k + l) % 21;
                if (which & 1)
                    a[l % 2 ? l * 37 + row : row * k + l] = odd[which >> 1];
                else
                    b[l * 21 + column] = odd[which >> 1];
                run(&t, a, b, c); /* 0 times infinity */
                for (int i = 0; i < 37; i++)
                    for (int j = 0; j < 21; j++)
                        assert_true(isnan(c[i * 21 + j]) == (which & 1 ? i == row : j == column));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_small_products_are_exact),
        cmocka_unit_test(nothing_beside_the_operands_is_touched),
        cmocka_unit_test(large_products_are_as_exact_as_their_type),
        cmocka_unit_test(what_is_not_finite_goes_where_it_belongs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
