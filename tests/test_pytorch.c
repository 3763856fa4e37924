/* The ops against PyTorch: values and gradients in f64, from tests/fixtures/make_ops.py. A test per op. Gradients are
 * made twice, by a plain backward pass and with a graph. */
#include "ops_by_name.h"
#include "values.h"

#include <stdio.h>

enum { MOST_VALUES = 64, MOST_INPUTS = 4, MOST_PARAMETERS = 8, MOST_CASES = 400, LINE = 8192 };

typedef struct row { /* a tensor of the file */
    ag_dtype dtype;
    ag_shape shape;
    int64_t count;
    double v[MOST_VALUES];
} row;

typedef struct example {
    char op[32];
    double p[MOST_PARAMETERS];
    int parameters, inputs, gradients;
    bool adjoint;
    row x[MOST_INPUTS], dx[MOST_INPUTS], w, y;
} example;

/* ---- reading the files */

static example examples[MOST_CASES];
static int example_count;

static const char *word(void)
{
    const char *w = strtok(NULL, " \n");
    return w ? w : "";
}

static bool read_row(row *r)
{
    r->dtype = dtype_named(word());
    r->shape.rank = atoi(word());
    for (int i = 0; i < r->shape.rank; i++)
        r->shape.dim[i] = atoll(word());
    r->count = ag_shape_size(r->shape);
    if (r->dtype == AG_FLOAT || r->count < 0 || r->count > MOST_VALUES)
        return false;
    for (int64_t i = 0; i < r->count; i++)
        r->v[i] = strtod(word(), NULL);
    return true;
}

static void read_parameters(example *e)
{
    for (const char *w = word(); *w && e->parameters < MOST_PARAMETERS; w = word()) {
        ag_dtype d = dtype_named(w);
        e->p[e->parameters++] = d == AG_FLOAT ? strtod(w, NULL) : (double)d;
    }
}

static bool read_line(char *line)
{
    const char *key = strtok(line, " \n");
    example *e = &examples[example_count ? example_count - 1 : 0];
    if (!key)
        return true;
    if (!strcmp(key, "op")) {
        if (example_count == MOST_CASES)
            return false;
        e = &examples[example_count++];
        snprintf(e->op, sizeof e->op, "%s", word());
        read_parameters(e);
        return true;
    }
    if (!example_count)
        return false;
    if (!strcmp(key, "x"))
        return e->inputs < MOST_INPUTS && read_row(&e->x[e->inputs++]);
    if (!strcmp(key, "dx"))
        return e->gradients < MOST_INPUTS && read_row(&e->dx[e->gradients++]);
    if (!strcmp(key, "w"))
        return e->adjoint = read_row(&e->w);
    return !strcmp(key, "y") && read_row(&e->y);
}

static bool read_file(const char *path)
{
    static char line[LINE];
    FILE *file = fopen(path, "r");
    bool ok = file;
    while (ok && fgets(line, sizeof line, file))
        ok = read_line(line);
    if (file)
        fclose(file);
    return ok;
}

/* ---- comparing */

static ag_tensor tensor_of(ag_tape *t, const row *r)
{
    if (r->shape.rank == 0 && r->dtype == AG_F64)
        return ag_variable(t, r->v[0]);
    ag_tensor x = ag_zeros(t, r->dtype, r->shape);
    ag_copy_in(x, AG_F64, r->v, (size_t)r->count * sizeof *r->v);
    return r->dtype == AG_F64 ? ag_require_grad(x) : x;
}

static void expect_row(const char *op, int number, const char *what, ag_tensor x, const row *r)
{
    ag_shape s = ag_shape_of(x);
    if (ag_error(x.tape))
        fail_msg("%s, case %d, %s: %s", op, number, what, ag_error_text(x.tape));
    assert_int_equal(ag_dtype_of(x), r->dtype);
    assert_int_equal(s.rank, r->shape.rank);
    for (int i = 0; i < s.rank; i++)
        assert_int_equal(s.dim[i], r->shape.dim[i]);
    for (int64_t i = 0; i < r->count; i++) {
        double a = ag_item_at(x, i), b = r->v[i], tolerance = r->dtype == AG_F32 ? 1e-6 : 1e-12;
        if (!(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * (1 + fabs(b))))
            fail_msg("%s, case %d, %s element %lld: %.17g, PyTorch %.17g", op, number, what, (long long)i, a, b);
    }
}

static void check_example(const example *e, int number, const named_op *op)
{
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet });
    ag_tensor x[MOST_INPUTS], wanted[MOST_INPUTS], dx[MOST_INPUTS];
    size_t count = 0;
    for (int i = 0; i < e->inputs; i++) {
        x[i] = tensor_of(t, &e->x[i]);
        if (e->x[i].dtype == AG_F64)
            wanted[count++] = x[i];
    }
    arguments a = { x, (size_t)e->inputs, e->p, e->parameters };
    ag_tensor y = op->call(&a);
    expect_row(op->name, number, "value", y, &e->y);
    if (e->adjoint) {
        ag_tensor w = ag_detach(tensor_of(t, &e->w));
        assert_int_equal(count, (size_t)e->gradients);
        ag_backward_from(y, w);
        for (size_t i = 0; i < count; i++)
            expect_row(op->name, number, "gradient", ag_grad(wanted[i]), &e->dx[i]);
        ag_gradients(ag_sum(ag_mul(y, w)), (ag_list){ wanted, count }, AG_CREATE_GRAPH, dx);
        for (size_t i = 0; i < count; i++)
            expect_row(op->name, number, "gradient with a graph", dx[i], &e->dx[i]);
    }
    ag_tape_free(t);
}

static bool has_example(const char *name)
{
    for (int i = 0; i < example_count; i++)
        if (!strcmp(examples[i].op, name))
            return true;
    return false;
}

static void equals_pytorch(void **state)
{
    const named_op *op = *state;
    int number = 0;
    for (int i = 0; i < example_count; i++)
        if (!strcmp(examples[i].op, op->name))
            check_example(&examples[i], ++number, op);
    assert_true(number > 0);
}

static void every_case_is_known(void **state)
{
    (void)state;
    assert_true(example_count > 0);
    for (int i = 0; i < example_count; i++)
        if (!op_named(examples[i].op))
            fail_msg("no test of %s", examples[i].op);
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    printf("not in PyTorch, or by another name:");
    for (size_t i = 0; i < count; i++)
        if (!has_example(ops[i]->name))
            printf(" %s", ops[i]->name);
    printf("\n");
}

int main(void)
{
    struct CMUnitTest tests[NAMED_OPS + 1];
    size_t count = 0;
    if (!read_file("tests/fixtures/ops_elementwise.txt") || !read_file("tests/fixtures/ops_structured.txt")) {
        fprintf(stderr, "tests/fixtures/ops_*.txt cannot be read\n");
        return 1;
    }
    for (int i = 0; i < NAMED_OPS; i++)
        if (has_example(named_ops[i].name))
            tests[count++] = (struct CMUnitTest){ .name = named_ops[i].name,
                                                  .test_func = equals_pytorch,
                                                  .initial_state = (void *)(uintptr_t)&named_ops[i] };
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(every_case_is_known);
    return _cmocka_run_group_tests("pytorch", tests, count, NULL, NULL);
}
