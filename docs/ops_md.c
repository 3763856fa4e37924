/* Writes docs/ops.md: the functions of ag/ops.h by purpose, what the elementwise ops and the reductions give at the edges,
 * and where PyTorch differs. Everything is computed, or taken from ag/ops.h, the registry and tests/fixtures. */
#include "ag/record/record.h"
#include "tests/accuracy/bounds.h"
#include "tests/cases.h"

#include <math.h>

enum { LINE = 4096 };

static const examples *all;

/* ---- text in tables */

static void print_cell(const char *text)
{
    for (; *text; text++)
        printf("%s%c", strchr("|*<_", *text) ? "\\" : "", *text);
}

static const char *text_of(double v)
{
    static char texts[16][32];
    static int next;
    char *text = texts[next++ % 16];
    if (v != v)
        return "nan";
    snprintf(text, sizeof *texts, fabs(v) < 1e-300 && v != 0 ? "%.0e" : "%.6g", v);
    return text;
}

/* ---- the list: a heading for each purpose, a row for each function */

static const ag_op *op_of(const char *name)
{
    size_t count;
    const ag_op *const *ops = ag_ops(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ops[i]->name, name))
            return ops[i];
    return NULL;
}

static const char *kind_of(const ag_op *op)
{
    if (!op)
        return "made of others";
    if (op->flags & AG_NO_GRADIENT)
        return "no gradient";
    if (op->flags & AG_VIEW)
        return "rule; a view";
    return op->vjp_fused ? "rule and kernel" : op->map ? "rule and row kernel" : "rule";
}

/* The first sentence of what follows. A colon within brackets, as in (-1: the last), does not end it. */
static void end_sentence(char *what)
{
    char *end = strstr(what, " */");
    int brackets = 0;
    if (end)
        *end = 0;
    for (char *stop = what; *stop; stop++) {
        brackets += (*stop == '(') - (*stop == ')');
        if (!brackets && (*stop == '.' || *stop == ':') && (!stop[1] || (stop[1] == ' ' && stop[2] != '.')))
            *stop = 0;
    }
}

/* A comment of ag/ops.h: name - what it is, up to a formula, which is indented. */
static void print_function(char *line, FILE *header)
{
    static char more[LINE], what[2 * LINE];
    char *name = strstr(line, "ag_") + 3, *rest = strstr(line, " - ");
    *rest = 0;
    snprintf(what, sizeof what, "%s", rest + 3);
    for (strcpy(more, rest + 3); !strstr(more, "*/") && fgets(more, sizeof more, header) && strncmp(more, " *  ", 4);) {
        what[strcspn(what, "\n")] = 0;
        strncat(what, more + 2, sizeof what - strlen(what) - 1);
    }
    what[strcspn(what, "\n")] = 0;
    end_sentence(what);
    const ag_op *op = op_of(name);
    printf("| `ag_%s` | ", name);
    print_cell(what);
    printf(" | ");
    print_cell(op && op->formula ? op->formula : "");
    printf(" | %s |\n", kind_of(op));
}

static int print_list(void)
{
    char line[LINE];
    FILE *header = fopen("ag/ops.h", "r");
    if (!header)
        return 1;
    while (fgets(line, sizeof line, header)) {
        char family[64];
        if (sscanf(line, "/* ======== %63[a-z ] */", family) == 1) {
            family[strlen(family) - 1] = 0; /* a blank */
            printf("\n## %c%s\n\n| function | what it is | formula | derivative |\n|---|---|---|---|\n", family[0] - 32,
                   family + 1);
        }
        if (!strncmp(line, "/* ag_", 6) && strstr(line, " - "))
            print_function(line, header);
    }
    fclose(header);
    return 0;
}

/* ---- edges of elementwise ops: y, and the derivative, at special numbers */

static const double edges[] = { 0.0, -0.0, 1, -1, 5e-324, INFINITY, -INFINITY, NAN };
enum { EDGES = sizeof edges / sizeof *edges };

/* Is it an elementwise op of floats with these arguments? */
static bool is_elementwise(const called_op *f, const char *signature)
{
    const ag_op *op = op_of(f->name);
    return op && op->flags & AG_ROW && !strcmp(f->signature, signature) && !strstr(f->name, "bitwise");
}

static void print_point(const called_op *f, const example *e, const double *v, int operands)
{
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet });
    ag_tensor x[2], y, dx[2];
    for (int i = 0; i < operands; i++)
        x[i] = ag_variable(t, v[i]);
    f->call(&(arguments){ x, (size_t)operands, e->p, e->parameters, e->text }, &y);
    if (ag_error(t)) {
        printf(" %s |", ag_status_name(ag_error(t)));
    } else if (!ag_needs_grad(y)) {
        printf(" %s |", text_of(ag_item(y)));
    } else {
        const double value = ag_item(y);
        ag_gradients(y, (ag_list){ x, (size_t)operands }, 0, dx);
        printf(" %s; %s", text_of(value), text_of(ag_item(dx[0])));
        printf(operands > 1 ? ", %s |" : " |", operands > 1 ? text_of(ag_item(dx[1])) : "");
    }
    ag_tape_free(t);
}

static void print_name(const called_op *f, const example *e)
{
    printf("| `%s`", f->name);
    for (int i = 0; i < e->parameters; i++)
        printf("%s%s", i ? ", " : " ", text_of(e->p[i]));
    printf(" |");
}

static void print_edges_of_one(void)
{
    static const char *const signatures[] = { "t", "td", "dt", "tdd" };
    printf("\n## Edges of elementwise ops\n\nIn f64: the value; the derivative. In brackets behind the name its "
           "numbers.\n\n| op |");
    for (int i = 0; i < EDGES; i++)
        printf(" %s |", text_of(edges[i]));
    printf("\n|---|");
    for (int i = 0; i < EDGES; i++)
        printf("---|");
    printf("\n");
    for (int s = 0; s < 4; s++)
        for (int k = 0; k < CALLED_OPS; k++) {
            const called_op *f = &called_ops[k];
            const example *e = first_case_of(all, f->name);
            if (!e || !is_elementwise(f, signatures[s]))
                continue;
            print_name(f, e);
            for (int i = 0; i < EDGES; i++)
                print_point(f, e, &edges[i], 1);
            printf("\n");
        }
}

static void print_edges_of_two(void)
{
    static const double pairs[][2] = {
        { 0, 0 },        { 0.0, -0.0 }, { 1, 1 },  { 1, 0 }, { -1, 0 }, { INFINITY, INFINITY }, { INFINITY, -INFINITY },
        { 0, INFINITY }, { NAN, 1 },    { 1, NAN }
    };
    const int count = sizeof pairs / sizeof *pairs;
    printf("\nOf two operands: the value; the derivatives by both.\n\n| op |");
    for (int i = 0; i < count; i++)
        printf(" %s, %s |", text_of(pairs[i][0]), text_of(pairs[i][1]));
    printf("\n|---|");
    for (int i = 0; i < count; i++)
        printf("---|");
    printf("\n");
    for (int k = 0; k < CALLED_OPS; k++) {
        const example *e = first_case_of(all, called_ops[k].name);
        if (!e || !is_elementwise(&called_ops[k], "tt"))
            continue;
        print_name(&called_ops[k], e);
        for (int i = 0; i < count; i++)
            print_point(&called_ops[k], e, pairs[i], 2);
        printf("\n");
    }
}

/* ---- edges of reductions: vectors with ties, with what is not finite, without elements */

static void print_vector(ag_tensor x)
{
    const int64_t n = ag_size_of(x);
    printf(" [");
    for (int64_t i = 0; i < n; i++)
        printf("%s%s", i ? " " : "", text_of(ag_item_at(x, i)));
    printf("]");
}

/* Parameters for a vector: along axis 0, over all axes, and otherwise the case's. */
static int parameters_for_vector(const called_op *f, const example *e, double *p)
{
    int count = 0, from = 0;
    bool axis = true;
    for (const char *s = f->signature; *s; s++) {
        if (*s == 'a') {
            p[count++] = -1;
            from += 1 + (e->p[from] > 0 ? (int)e->p[from] : 0);
        } else if (*s == 'i' && axis && !strchr(f->signature, 'a')) {
            p[count++] = 0;
            axis = false;
            from++;
        } else if (*s != 't') {
            do
                p[count++] = e->p[from++];
            while (*s == 'o' && from < e->parameters);
        }
    }
    return count;
}

static void print_vector_at(const called_op *f, const double *p, int parameters, const double *v, int64_t n)
{
    ag_tape *t = ag_tape_new((ag_options){ .on_error = ag_quiet });
    ag_tensor x = ag_require_grad(ag_values(t, AG_SHAPE(n), v, (size_t)n)), y[MOST_RESULTS], dx;
    f->call(&(arguments){ &x, 1, p, parameters, "" }, y);
    if (ag_error(t)) {
        printf(" %s", ag_status_name(ag_error(t)));
    } else {
        for (size_t i = 0; i < f->results; i++)
            print_vector(y[i]);
        if (ag_needs_grad(y[0]) && !ag_gradients(ag_sum(y[0]), AG_LIST(x), 0, &dx)) {
            printf(";");
            print_vector(dx);
        }
    }
    printf(" |");
    ag_tape_free(t);
}

static bool is_of_vector(const called_op *f, const example *e)
{
    static const char *const families[] = { "ag_max",  "ag_min",   "ag_sum",    "ag_mean",    "ag_prod",
                                            "ag_arg",  "ag_cum",   "ag_log",    "ag_softmax", "ag_sort",
                                            "ag_topk", "ag_var",   "ag_std",    "ag_norm",    "ag_any",
                                            "ag_all",  "ag_count", "ag_median", "ag_kth" };
    char name[64];
    const ag_op *op = op_of(f->name);
    snprintf(name, sizeof name, "ag_%s", f->name);
    if (!e || e->inputs != 1 || strstr(name, "pool") || strstr(name, "det") || f->signature[0] != 't' ||
        (op && op->flags & AG_ROW) || strchr(f->signature, 'c'))
        return false;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (!strncmp(name, families[i], strlen(families[i])))
            return true;
    return false;
}

static void print_edges_of_vectors(void)
{
    static const double v[][3] = {
        { 1, 3, 3 }, { 0, 0, 2 }, { 1, NAN, 2 }, { 1, INFINITY, 2 }, { -INFINITY, -INFINITY, -INFINITY }
    };
    printf("\n## Edges of reductions\n\nOf a vector, along it: the results; the gradient of the first one's sum.\n\n"
           "| function | [1 3 3] | [0 0 2] | [1 nan 2] | [1 inf 2] | [-inf -inf -inf] | [] "
           "|\n|---|---|---|---|---|---|---|\n");
    for (int k = 0; k < CALLED_OPS; k++) {
        const called_op *f = &called_ops[k];
        const example *e = first_case_of(all, f->name);
        double p[MOST_PARAMETERS + 8];
        if (!is_of_vector(f, e))
            continue;
        const int count = parameters_for_vector(f, e, p);
        printf("| `%s` |", f->name);
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)
            print_vector_at(f, p, count, v[i], 3);
        print_vector_at(f, p, count, v[0], 0);
        printf("\n");
    }
}

/* ---- accuracy: what tests/accuracy/bounds.h promises */

static void print_accuracy(void)
{
    printf(
        "\n## Accuracy\n\nErrors that values nowhere exceed, in units of the result's last place (0.5: rounded once), "
        "of builds by gcc for processors\nwith fused multiply-adds; clang calls libmvec, which promises 4. They were "
        "measured over the whole range against MPFR\n(`make accuracy`), and a test compares. Results of comparisons, "
        "rounding and integers are exact.\n\n| f64 | f32 | ops | |\n|---|---|---|---|\n");
    for (const accuracy_bound *b = accuracy_bounds; b->ops; b++) {
        printf("| %g | %g |", b->f64, b->f32);
        for (const char *at = b->ops; *at; at += strspn(at, " ")) {
            const int length = (int)strcspn(at, " ");
            printf(" `%.*s`", length, at);
            at += length;
        }
        printf(" | %s |\n", b->why);
    }
    printf(
        "\nThe derivative of sigmoid is y (1 - y), which is 0 from x = 37 on in f64 and 17 in f32, where exp(-x) is "
        "true: its error is\nthat of 1. To know better a backward pass would have to keep x beside y and take the "
        "exponential again. tanh is alike.\n\nThe derivative of log_softmax takes exp(y), whose error is that of "
        "y times |y|: 2^-53 |y| in f64, 8e-14 at most before exp(y)\nis 0, and 2^-24 |y| in f32, 6e-6 at most. To know "
        "it better y would have to be kept in two parts.\n");
}

/* ---- where PyTorch differs, and what is not compared: the lines `otherwise` and `lacks` of the fixtures */

/* lacks KIND OP REASON, a line for each op */
static void print_lack(const char *line)
{
    char kind[16], op[32];
    int reason = 0;
    if (sscanf(line, "lacks %15s %31s %n", kind, op, &reason) == 2)
        printf("- `ag_%s`, %s: %s", op, kind, line + reason);
}

static int print_differences(const char *key)
{
    glob_t files;
    if (glob("tests/fixtures/ops_*.txt", 0, NULL, &files))
        return 1;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        static char line[CASE_LINE], last[CASE_LINE];
        char op[64] = "";
        FILE *file = fopen(files.gl_pathv[i], "r");
        while (file && fgets(line, sizeof line, file)) {
            sscanf(line, "op %63s", op);
            if (strncmp(line, key, strlen(key)) || !strcmp(line, last))
                continue;
            snprintf(last, sizeof last, "%s", line);
            if (*key == 'l')
                print_lack(line);
            else
                printf("- `ag_%s`: %s", op, line + strlen(key));
        }
        if (file)
            fclose(file);
    }
    globfree(&files);
    return 0;
}

int main(void)
{
    all = read_cases();
    if (!all)
        return 1;
    printf(
        "# The ops\n\nGenerated by `make docs`. Signatures, shapes and errors: [`ag/ops.h`](../ag/ops.h); options and "
        "structs of results: [`ag/options.h`](../ag/options.h).\nEvery op is checked by `ag_check_op` on its samples: "
        "derivatives to second order against numeric ones, rule against\nkernel, f32 against f64, strided, broadcast, "
        "empty and rank-0 operands, bad shapes and handles, one thread against\nseveral bit for bit; and every "
        "function "
        "beside PyTorch's values, gradients and second gradients ([cases](../tests/fixtures/README.md)).\n");
    if (print_list())
        return 1;
    print_edges_of_one();
    print_edges_of_two();
    print_edges_of_vectors();
    print_accuracy();
    printf("\n## Otherwise than PyTorch\n\n");
    if (print_differences("otherwise "))
        return 1;
    printf(
        "\nEvery function has cases of every kind - random inputs, edges, no elements, strided ones, f32, gradients, "
        "second\ngradients, and where it broadcasts two shapes - but these:\n\n");
    return print_differences("lacks ");
}
