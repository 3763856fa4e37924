/* Sums of products of tensors, in Einstein's notation. */
#include "ag/ops/products/equation.h"

/* ---- factors */

static void drop_axis(ag_factor *f, int axis)
{
    f->rank--;
    for (int i = axis; i < f->rank; i++)
        f->label[i] = f->label[i + 1];
}

/* Two axes of one label. */
static bool find_repeated(const ag_factor *f, int axes[2])
{
    for (axes[0] = 0; axes[0] < f->rank; axes[0]++)
        for (axes[1] = axes[0] + 1; axes[1] < f->rank; axes[1]++)
            if (f->label[axes[0]] == f->label[axes[1]])
                return true;
    return false;
}

/* One axis for each label: two become their diagonal. Those of extent 1 are left out, which is to broadcast them. */
static void make_distinct(ag_factor *f, ag_shape s)
{
    int axes[2];
    for (int i = s.rank - 1; i >= 0; i--)
        if (s.dim[i] == 1) {
            f->x = ag_squeeze(f->x, i);
            drop_axis(f, i);
        }
    while (find_repeated(f, axes)) {
        const int8_t label = f->label[axes[0]];
        f->x = ag_diagonal(f->x, 0, axes[0], axes[1]);
        drop_axis(f, axes[1]);
        drop_axis(f, axes[0]);
        f->label[f->rank++] = label;
    }
    for (int i = 0; i < f->rank; i++)
        f->labels |= ag_label(f->label[i]);
}

/* Labels that one factor alone has, and that the result has not, are summed over at once. */
static void sum_lone(const ag_equation *e, ag_factor *f)
{
    ag_axes axes = { 0 };
    ag_factor rest = { 0 };
    for (int i = 0; i < f->rank; i++) {
        const int label = f->label[i];
        if (e->uses[label] == 1 && !(e->kept & ag_label(label))) {
            axes.axis[axes.count++] = i;
        } else {
            rest.label[rest.rank++] = f->label[i];
            rest.labels |= ag_label(label);
        }
    }
    rest.x = axes.count ? ag_sum_over(f->x, axes, 0) : f->x;
    *f = rest;
}

static void count_uses(ag_equation *e, uint64_t labels, int more)
{
    for (; labels; labels &= labels - 1)
        e->uses[__builtin_ctzll(labels)] += more;
}

static void make_factors(ag_equation *e, const ag_shape *shapes)
{
    memset(e->uses, 0, sizeof e->uses);
    for (int i = 0; i < e->count; i++) {
        make_distinct(&e->factors[i], shapes[i]);
        count_uses(e, e->factors[i].labels, 1);
    }
    for (int i = 0; i < e->count; i++)
        sum_lone(e, &e->factors[i]);
}

/* ---- products */

/* The labels that the product of two factors needs: those of the result and of others. */
static uint64_t needed(const ag_equation *e, const ag_factor *a, const ag_factor *b)
{
    uint64_t labels = 0;
    for (uint64_t rest = a->labels | b->labels; rest; rest &= rest - 1) {
        const int label = __builtin_ctzll(rest);
        const int here = (a->labels >> label & 1) + (b->labels >> label & 1);
        if (e->kept >> label & 1 || e->uses[label] > here)
            labels |= ag_label(label);
    }
    return labels;
}

/* Of two factors the one with the later axes of the result is the right one, so that they lie there in memory. */
static ag_factor product(const ag_equation *e, const ag_factor *a, const ag_factor *b, uint64_t kept)
{
    for (int i = e->out_rank - 1; i >= 0; i--) {
        const uint64_t label = ag_label(e->out[i]);
        if ((a->labels & label) != (b->labels & label))
            return a->labels & label ? ag_contract_pair(b, a, kept, e->extent)
                                     : ag_contract_pair(a, b, kept, e->extent);
    }
    return ag_contract_pair(a, b, kept, e->extent);
}

enum { NEAR = 64 }; /* factors among which the next pair is looked for */

/* Of many factors the two whose product is smallest beside them, as opt_einsum chooses (Smith and Gray, opt_einsum - A
 * Python package for optimizing contraction order for einsum-like expressions, 2018). False: there is none. */
static bool contract_greedily(ag_equation *e)
{
    const int count = e->count < NEAR ? e->count : NEAR;
    double least = 0;
    int first = -1, second = -1;
    for (int i = 0; i < count; i++)
        for (int k = i + 1; k < count; k++) {
            const ag_factor *a = &e->factors[i], *b = &e->factors[k];
            const uint64_t labels = needed(e, a, b);
            const double more = ag_labels_size(labels, e->extent) - ag_labels_size(a->labels, e->extent) -
                                ag_labels_size(b->labels, e->extent);
            if (__builtin_popcountll(labels) <= AG_MAX_RANK && (first < 0 || more < least)) {
                least = more;
                first = i;
                second = k;
            }
        }
    if (first < 0)
        return false;
    ag_factor *a = &e->factors[first], *b = &e->factors[second];
    const ag_factor both = product(e, a, b, needed(e, a, b));
    count_uses(e, a->labels, -1);
    count_uses(e, b->labels, -1);
    count_uses(e, both.labels, 1);
    *a = both;
    *b = e->factors[--e->count];
    return true;
}

/* The product of the factors in a mask. */
static ag_factor planned(const ag_equation *e, const ag_contraction_plan *plan, unsigned mask)
{
    if (!(mask & (mask - 1)))
        return e->factors[__builtin_ctz(mask)];
    const ag_factor a = planned(e, plan, plan->left[mask]), b = planned(e, plan, mask ^ plan->left[mask]);
    uint64_t kept = e->kept;
    for (int i = 0; i < e->count; i++)
        if (!(mask >> i & 1))
            kept |= e->factors[i].labels;
    return product(e, &a, &b, kept);
}

static ag_tensor contract(ag_equation *e)
{
    ag_contraction_plan plan;
    int8_t label[AG_MAX_RANK];
    ag_shape s = { .rank = e->out_rank };
    int count = 0;
    bool possible = true;
    while (possible && e->count > AG_PLAN_MAX)
        possible = contract_greedily(e);
    if (!possible || !ag_plan_products(e->factors, e->count, e->kept, e->extent, &plan)) {
        ag_fail(e->tape, AG_ELIMIT, "ag_einsum: \"%.*s\": in every order a product has more than %d dimensions",
                AG_QUOTED, e->text, AG_MAX_RANK);
        return ag_inert(e->tape);
    }
    const ag_factor y = planned(e, &plan, (1u << e->count) - 1);
    for (int i = 0; i < e->out_rank; i++) {
        s.dim[i] = e->extent[e->out[i]];
        if (s.dim[i] != 1)
            label[count++] = e->out[i];
    }
    const ag_tensor ordered = ag_factor_ordered(&y, label, count);
    return count < e->out_rank ? ag_reshape(ordered, s) : ordered;
}

/* ---- the op */

/* Floats alone, those with dimensions of one dtype. */
static bool check_dtypes(ag_tape *t, ag_list xs, const ag_shape *shapes)
{
    ag_dtype dtype = AG_FLOAT;
    for (size_t i = 0; i < xs.count; i++) {
        const ag_dtype d = ag_dtype_of(xs.at[i]);
        if (!ag_is_float(d))
            return ag_fail(t, AG_EDTYPE, "ag_einsum: operand %zu is %s, but must be floating; see ag_cast", i + 1,
                           ag_dtype_name(d)),
                   false;
        if (shapes[i].rank == 0)
            continue;
        if (dtype != AG_FLOAT && d != dtype)
            return ag_fail(t, AG_EDTYPE, "ag_einsum: operand %zu is %s, but others are %s; see ag_cast", i + 1,
                           ag_dtype_name(d), ag_dtype_name(dtype)),
                   false;
        dtype = d;
    }
    return true;
}

static ag_tensor run(const char *equation, ag_list xs, ag_tape *t)
{
    ag_equation e = { .tape = t, .text = equation, .count = (int)xs.count };
    ag_shape *shapes = ag_arena_take(t, &t->work, xs.count * sizeof *shapes);
    e.factors = shapes ? ag_arena_take(t, &t->work, xs.count * sizeof *e.factors) : NULL;
    if (!e.factors || !ag_shapes_for("ag_einsum", xs, shapes) || !check_dtypes(t, xs, shapes) ||
        !ag_equation_read(&e, xs, shapes))
        return ag_inert(t);
    make_factors(&e, shapes);
    return contract(&e);
}

/* ag_einsum - a sum of products in Einstein's notation: "bik,kj->bij" names the axes of each operand by letters, and
 * behind the arrow those of the result; products are summed over all other letters. A letter that an operand has twice
 * is its diagonal; axes of extent 1 broadcast; `...` stands for any further axes, which broadcast from their end.
 * Without an arrow the result has the axes of `...`, then the letters that stand once, A to Z before a to z. Of up to
 * six operands those are multiplied first that make the fewest multiplications in all.
 *   y = sum over the letters that y lacks of x0 x1 ...        dxi: the same of dy and the others
 * Errors: AG_EARG, with the place, for an equation that is none; AG_ESHAPE if it does not fit the operands; AG_EDTYPE if
 * one is not floating or dtypes differ; AG_ELIMIT if every order needs more than eight dimensions. */
AG_API ag_tensor ag_einsum(const char *equation, ag_list xs)
{
    ag_tape *t = ag_list_tape(xs);
    if (!t)
        return ag_inert(NULL);
    if (!equation || !xs.count || xs.count > UINT16_MAX) {
        ag_fail(t, equation ? AG_EARG : AG_ENULL,
                equation ? "ag_einsum: %zu operands are given" : "ag_einsum: the equation is NULL", xs.count);
        return ag_inert(t);
    }
    const uint64_t work = ag_work_begin(t);
    const ag_tensor y = run(equation, xs, t);
    ag_work_end(t, work);
    return y;
}
