/* Random programs over all ops beside what PyTorch computed: values, first and second gradients by every way there is, in
 * f64 and f32, on one thread and two, by parameters and by transient leaves. They stand in tests/fixtures/programs.txt;
 * `make programs` makes new ones, for which this is run with their file as its argument. */
#include "programs_play.h"

enum { MOST_COMPLAINTS = 100 };

static const char *path = "tests/fixtures/programs.txt";
static bool fixture = true;

typedef struct book { /* what a test has found */
    int programs, wrong, complaints;
} book;

/* ---- comparing */

static const char *name_of(const program *p, int tensor)
{
    for (int i = 0, made = 0; i < p->count; made += makes_tensor(&p->s[i++]))
        if (makes_tensor(&p->s[i]) && made == tensor)
            return p->s[i].op ? p->s[i].op->name : p->s[i].kind == LEAF ? "leaf" : "detached";
    return "";
}

static bool complain(book *b, const program *p, const result *r, const char *text, double found, double wanted)
{
    if (b->complaints++ < MOST_COMPLAINTS)
        print_error("program %d, step %d, %%%d (%s), %s: %s %.17g, not %.17g\n", p->number, r->step, r->tensor,
                    name_of(p, r->tensor), r->what, text, found, wanted);
    return false;
}

static bool is_near(double a, double b, double scale, double tolerance)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fmax(1, scale);
}

static bool as_expected(book *b, const program *p, const result *r, double tolerance)
{
    double sum = 0, scale = 0;
    for (int64_t i = 0; i < r->count; i++) {
        double w = r->count == 1 ? 1 : weight(i);
        sum += w * r->v[i];
        scale += isfinite(r->v[i]) ? fabs(w * r->v[i]) : 0;
    }
    return !r->expected || isnan(*r->expected) || is_near(sum, *r->expected, scale, tolerance) ||
           complain(b, p, r, "PyTorch differs: the weighted sum is", sum, *r->expected);
}

/* The elements, measured by the largest of them. tolerance 0: the same bits. */
static bool same(book *b, const program *p, const result *r, const result *like, double tolerance)
{
    double scale = 0;
    if (r->count != like->count)
        return complain(b, p, r, "the number of elements is", (double)r->count, (double)like->count);
    if (tolerance == 0 && !memcmp(r->v, like->v, (size_t)r->count * sizeof *r->v))
        return true;
    for (int64_t i = 0; i < r->count; i++)
        scale = fmax(scale, isfinite(like->v[i]) ? fabs(like->v[i]) : 0);
    for (int64_t i = 0; i < r->count; i++)
        if (tolerance > 0 ? !is_near(r->v[i], like->v[i], scale, tolerance)
                          : memcmp(&r->v[i], &like->v[i], sizeof *r->v))
            return complain(b, p, r, "an element is", r->v[i], like->v[i]);
    return true;
}

static bool played_well(book *b, const program *p, const outcome *o)
{
    if (o->error[0] && b->complaints++ < MOST_COMPLAINTS)
        print_error("program %d, %s\n", p->number, o->error);
    return !o->error[0];
}

/* Against PyTorch, and the ways to a gradient against each other. */
static bool right(book *b, const program *p, const outcome *o, double tolerance)
{
    bool good = played_well(b, p, o);
    for (int i = 0; i < o->count && good; i++) {
        const result *r = &o->results[i];
        good = as_expected(b, p, r, tolerance) && (r->like < 0 || same(b, p, r, &o->results[r->like], tolerance));
    }
    return good;
}

static bool equal(book *b, const program *p, const outcome *o, const outcome *like, double tolerance)
{
    bool good = played_well(b, p, o) && played_well(b, p, like);
    for (int i = 0; i < o->count && good; i++)
        good = i < like->count && same(b, p, &o->results[i], &like->results[i], tolerance);
    return good;
}

/* ---- the settings */

/* A gradient that is retained only after a pass lacks what that pass brought. */
static bool retains(const program *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->s[i].kind == RETAIN)
            return true;
    return false;
}

static bool assigns(const program *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->s[i].kind == ASSIGN)
            return true;
    return false;
}

static bool in_f64(book *b, const program *p)
{
    outcome o;
    play(p, (setting){ .dtype = AG_F64, .threads = 1 }, &o);
    bool good = right(b, p, &o, p->tolerance);
    forget(&o);
    return good;
}

static bool in_f32(book *b, const program *p)
{
    outcome o;
    if (p->tolerance32 == 0)
        return true;
    play(p, (setting){ .dtype = AG_F32, .threads = 1 }, &o);
    bool good = right(b, p, &o, p->tolerance32);
    forget(&o);
    return good;
}

static bool beside(book *b, const program *p, setting set, setting other, double tolerance)
{
    outcome o, like;
    play(p, set, &like);
    play(p, other, &o);
    bool good = equal(b, p, &o, &like, tolerance);
    forget(&o);
    forget(&like);
    return good;
}

static bool on_threads(book *b, const program *p, ag_dtype d, int threads)
{
    return beside(b, p, (setting){ .dtype = d, .threads = 1 }, (setting){ .dtype = d, .threads = threads }, 0);
}

/* On two, three, four or eight. */
static bool on_several_threads(book *b, const program *p)
{
    static const int threads[] = { 2, 3, 4, 8 };
    const int64_t i = p->number / (slow() ? 10 : 1);
    return on_threads(b, p, AG_F64, threads[i % 4]) &&
           (p->tolerance32 == 0 || on_threads(b, p, AG_F32, threads[(i + 1) % 4]));
}

static bool by_any_leaves(book *b, const program *p)
{
    setting set = { .dtype = AG_F64, .threads = 1, .leaves = ALL_TRANSIENT },
            other = { .dtype = AG_F64, .threads = 1, .leaves = ALL_PERSISTENT };
    return assigns(p) || beside(b, p, set, other, p->tolerance);
}

static bool with_all_kept(book *b, const program *p)
{
    return beside(b, p, (setting){ .dtype = AG_F64, .threads = 1 },
                  (setting){ .dtype = AG_F64, .threads = 1, .keep_grads = true }, p->tolerance);
}

static bool while_recording(book *b, const program *p)
{
    setting early = { .dtype = AG_F64, .threads = 1, .early = true };
    return retains(p) || beside(b, p, (setting){ .dtype = AG_F64, .threads = 1 }, early, p->tolerance);
}

static bool after_a_rehearsal(book *b, const program *p)
{
    setting rehearsed = { .dtype = AG_F64, .threads = 1, .rehearse = true };
    return beside(b, p, (setting){ .dtype = AG_F64, .threads = 1 }, rehearsed, p->tolerance);
}

/* Values are looked at before a backward pass, or only after those of the losses. */
static bool in_blocks(book *b, const program *p, ag_dtype d, bool early)
{
    const setting set = { .dtype = d, .threads = 1, .early = early, .fuse = AG_FUSE_OFF },
                  other = { .dtype = d, .threads = 2, .early = early, .fuse = 1 };
    return beside(b, p, set, other, 0);
}

static bool in_blocks_or_op_by_op(book *b, const program *p)
{
    return in_blocks(b, p, AG_F64, false) && in_blocks(b, p, AG_F64, true) &&
           (p->tolerance32 == 0 || in_blocks(b, p, AG_F32, true));
}

/* ---- the tests */

static void every_program(bool (*holds)(book *b, const program *p))
{
    static program p;
    static program_file f;
    book b = { 0 };
    f = (program_file){ .file = fopen(path, "r") };
    if (!f.file)
        fail_msg("%s cannot be read", path);
    while (read_program(&f, &p)) {
        if (fixture && slow() && p.number % 10)
            continue;
        b.programs++;
        if (holds(&b, &p))
            continue;
        b.wrong++;
    }
    fclose(f.file);
    if (f.wrong)
        fail_msg("%s:%d: %s", path, f.at, f.wrong);
    if (b.wrong)
        fail_msg("%d of %d programs", b.wrong, b.programs);
    assert_true(b.programs > 0);
}

static void values_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    every_program(in_f64);
}

static void in_f32_they_are_close(void **state)
{
    (void)state;
    every_program(in_f32);
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    every_program(on_several_threads);
}

static void ops_that_wait_give_the_same_bits(void **state)
{
    (void)state;
    every_program(in_blocks_or_op_by_op);
}

static void parameters_and_transient_leaves_agree(void **state)
{
    (void)state;
    every_program(by_any_leaves);
}

static void keeping_all_gradients_changes_none(void **state)
{
    (void)state;
    every_program(with_all_kept);
}

static void differentiating_while_recording_changes_nothing(void **state)
{
    (void)state;
    every_program(while_recording);
}

static void what_is_rewound_leaves_nothing_behind(void **state)
{
    (void)state;
    every_program(after_a_rehearsal);
}

/* ---- coverage */

enum { OPS_OF_LANGUAGE = 70 }; /* tests/programs/language.py */
static void every_op_of_the_language_is_played(void **state)
{
    (void)state;
    static program p;
    static program_file f;
    bool played[CALLED_OPS] = { false };
    int count = 0;
    f = (program_file){ .file = fopen(path, "r") };
    assert_non_null(f.file);
    while (read_program(&f, &p))
        for (int i = 0; i < p.count; i++)
            if (p.s[i].op)
                played[p.s[i].op - called_ops] = true;
    fclose(f.file);
    for (int i = 0; i < CALLED_OPS; i++)
        count += played[i];
    assert_int_equal(count, OPS_OF_LANGUAGE);
}

int main(int arguments, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_of_the_language_is_played),
        cmocka_unit_test(values_and_gradients_are_pytorchs),
        cmocka_unit_test(in_f32_they_are_close),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(ops_that_wait_give_the_same_bits),
        cmocka_unit_test(parameters_and_transient_leaves_agree),
        cmocka_unit_test(keeping_all_gradients_changes_none),
        cmocka_unit_test(differentiating_while_recording_changes_nothing),
        cmocka_unit_test(what_is_rewound_leaves_nothing_behind),
    };
    if (arguments > 1) {
        path = argument[1];
        fixture = false;
    }
    return cmocka_run_group_tests_name("programs", tests, NULL, NULL);
}
