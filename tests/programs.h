/* Programs in a small language of lines, as tests/programs/generate.py writes them, with what PyTorch computed:
 *
 *   program NUMBER TOLERANCE TOLERANCE32     relative to the sum of magnitudes; 0: not to be played in f32
 *   leaf KIND DTYPE SHAPE SEED LOW HIGH GRID LOW HIGH in steps of 1/GRID; SHAPE as 2,3 or - for rank 0
 *   OP OPERANDS.. : PARAMETERS..             an op of ag, or detach, require_grad
 *   assign X : SEED                          other values for a parameter or buffer
 *   retain X     no_grad     grad            ag_retain_grad, ag_no_grad_begin and _end
 *   loss X..                                 each is differentiated, multiplied with weights if it has several elements
 *   gradient X                               a leaf, or an intermediate result that was retained
 *
 * KIND is v (wants a gradient), c (does not), p (parameter), q (parameter stored in reverse order) or b (buffer).
 * Leaves and results are numbered as they appear. After " =" stands what PyTorch computed, once for each step: behind
 * ops the weighted sum of the values (see weight), behind gradients that of the first gradient and, for leaves, of the
 * second and perhaps the third: the gradient of the weighted sum of all leaves' gradients before. nan: not known. In a
 * second step leaves have other values. */
#ifndef TESTS_PROGRAMS_H
#define TESTS_PROGRAMS_H

#include "ops_called.h"
#include "support.h"

enum { MOST_OPERANDS = 8, MOST_STATEMENTS = 1000, MOST_STEPS = 2, MOST_ORDER = 3, PROGRAM_LINE = 4096 };

typedef enum statement_kind {
    LEAF,
    OP,
    DETACH,
    REQUIRE_GRAD,
    ASSIGN,
    RETAIN,
    NO_GRAD,
    GRAD,
    LOSS,
    GRADIENT
} statement_kind;

typedef struct statement {
    statement_kind kind;
    const called_op *op;
    int operand[MOST_OPERANDS], operands, parameters, expectations;
    double parameter[MOST_PARAMETERS];
    double expected[MOST_ORDER * MOST_STEPS];
    char leaf; /* its kind */
    ag_dtype dtype;
    ag_shape shape;
    uint64_t seed;
    double low, high, grid;
} statement;

typedef struct program {
    int number, count, tensors, steps;
    double tolerance, tolerance32;
    statement s[MOST_STATEMENTS];
} program;

/* ---- numbers that PyTorch's side draws in the same way */

static uint64_t scramble(uint64_t z)
{
    z ^= z >> 31;
    z *= 0x94D049BB133111EBu;
    z ^= z >> 29;
    z *= 0xBF58476D1CE4E5B9u;
    return z ^ z >> 32;
}

static UNUSED double leaf_value(const statement *s, int step, int64_t i)
{
    uint64_t z = (s->seed + (uint64_t)step * 1000003u) * 0x9E3779B97F4A7C15u + (uint64_t)i * 0xD1342543DE82EF95u;
    double k = (double)(scramble(scramble(z)) >> 48);
    return s->low + floor(k * (s->high - s->low) * s->grid / 65536) / s->grid;
}

/* From 1 on, below 2; a single element counts as it is. */
static UNUSED double weight(int64_t i)
{
    return 1 + (double)(((uint64_t)i * 2654435761u >> 16) % 65536) / 65536;
}

/* ---- reading */

typedef struct program_file {
    FILE *file;
    char line[PROGRAM_LINE];
    bool ahead; /* the line is the next program's first */
    int at;     /* number of the line */
    const char *wrong;
} program_file;

static bool shape_of_text(const char *text, ag_shape *s)
{
    *s = AG_SCALAR;
    if (!text || !strcmp(text, "-"))
        return text;
    for (const char *p = text; *p; p += *p == ',') {
        char *end;
        if (s->rank == AG_MAX_RANK)
            return false;
        s->dim[s->rank++] = strtoll(p, &end, 10);
        if (end == p || (*end && *end != ','))
            return false;
        p = end;
    }
    return true;
}

static bool read_leaf(statement *s)
{
    const char *kind = strtok(NULL, " \n"), *dtype = strtok(NULL, " \n");
    if (!kind || !strchr("vcpqb", *kind) || !dtype || !shape_of_text(strtok(NULL, " \n"), &s->shape))
        return false;
    s->leaf = *kind;
    s->dtype = dtype_named(dtype);
    double number[4];
    for (int i = 0; i < 4; i++) {
        const char *word = strtok(NULL, " \n");
        if (!word)
            return false;
        number[i] = strtod(word, NULL);
    }
    s->seed = (uint64_t)number[0];
    s->low = number[1];
    s->high = number[2];
    s->grid = number[3];
    return true;
}

/* Operands, parameters behind a colon, expectations behind an equals sign. */
static bool read_rest(statement *s, int tensors)
{
    char part = ' ';
    for (const char *word = strtok(NULL, " \n"); word; word = strtok(NULL, " \n")) {
        ag_dtype d = dtype_named(word);
        double number = d == AG_FLOAT ? strtod(word, NULL) : (double)d;
        if (!strcmp(word, ":") || !strcmp(word, "="))
            part = *word;
        else if (part == ' ' && s->operands < MOST_OPERANDS && number >= 0 && number < tensors)
            s->operand[s->operands++] = (int)number;
        else if (part == ':' && s->parameters < MOST_PARAMETERS)
            s->parameter[s->parameters++] = number;
        else if (part == '=' && s->expectations < (int)ARRAY_SIZE(s->expected))
            s->expected[s->expectations++] = number;
        else
            return false;
    }
    return true;
}

static bool makes_tensor(const statement *s)
{
    return s->kind <= REQUIRE_GRAD;
}

static bool read_statement(program *p, char *line)
{
    static const char *const words[] = {
        [LEAF] = "leaf",         [ASSIGN] = "assign",   [DETACH] = "detach", [REQUIRE_GRAD] = "require_grad",
        [RETAIN] = "retain",     [NO_GRAD] = "no_grad", [GRAD] = "grad",     [LOSS] = "loss",
        [GRADIENT] = "gradient",
    };
    if (p->count == MOST_STATEMENTS)
        return false;
    statement *s = &p->s[p->count++];
    memset(s, 0, sizeof *s);
    const char *word = strtok(line, " \n");
    s->kind = OP;
    for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
        if (words[i] && !strcmp(word, words[i]))
            s->kind = (statement_kind)i;
    s->op = word && s->kind == OP ? op_called(word) : NULL;
    if (s->kind == OP && !s->op)
        return false;
    if (!(s->kind == LEAF ? read_leaf(s) : read_rest(s, p->tensors)))
        return false;
    p->tensors += makes_tensor(s);
    if (s->kind == OP && s->expectations > p->steps)
        p->steps = s->expectations;
    return true;
}

/* false at the end, and where a line is wrong: f->wrong. */
static UNUSED bool read_program(program_file *f, program *p)
{
    bool inside = false;
    p->count = p->tensors = 0;
    p->steps = 1;
    while (f->ahead || fgets(f->line, sizeof f->line, f->file)) {
        f->at += !f->ahead;
        bool first = !strncmp(f->line, "program ", 8);
        f->ahead = first && inside;
        if (f->ahead)
            return true;
        if (f->line[0] == '#' || f->line[0] == '\n')
            continue;
        inside |= first;
        if (first ? sscanf(f->line, "program %d %lf %lf", &p->number, &p->tolerance, &p->tolerance32) != 3
                  : !inside || !read_statement(p, f->line)) {
            f->wrong = "a line that means nothing";
            return false;
        }
    }
    return inside;
}

#endif
