/* What profiles write: tables that name what was seen, and traces that are JSON. */
#include "explain.h"
#include "profile.h"

static void tables_name_what_was_seen(void **state)
{
    (void)state;
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .seed = 3, .threads = 1 });
    training m = new_training(t);
    ag_profile *p = begin(t);
    step(&m);
    ag_profile_end(p);
    char *text = PRINTED(AG_OK, ag_profile_print(p, 0, to));
    static const char *const parts[] = { "1 steps of ",
                                         "on 1 thread; the machine: 1000 GFLOP/s in f32, 500 in f64, 100 GB/s",
                                         "of peak",
                                         "  linear\n",
                                         "  linear backward\n",
                                         "  mlp.0\n",
                                         "  (no scope)\n",
                                         "  other\n",
                                         "  profile\n" };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        assert_part(text, parts[i]);
    free(text);
    text = PRINTED(AG_OK, ag_profile_print(p, AG_BY_OP | AG_BY_SCOPE | AG_BY_SHAPES, to));
    assert_part(text, "  mlp.0: linear backward [8,3] [4,3] [4]\n");
    free(text);
    ag_tape_free(t);
}

static char *trace_of(const char *path)
{
    FILE *from = fopen(path, "r");
    assert_non_null(from);
    char *text = calloc(1, 1 << 20);
    assert_true(text && fread(text, 1, (1 << 20) - 1, from) > 0);
    fclose(from);
    return text;
}

static void the_trace_is_json(void **state)
{
    (void)state;
    char path[] = "/tmp/ag_trace_XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    ag_tape *t = tape_with((ag_options){ .dtype = AG_F32, .seed = 3, .threads = 1 });
    training m = new_training(t);
    ag_profile_options options = known_machine;
    options.trace = path;
    ag_profile *p = ag_profile_begin(t, options);
    step(&m);
    ag_scope_begin(t, "a \"name\"\n");
    ag_sin(m.x);
    ag_scope_end(t);
    assert_int_equal(ag_profile_end(p), AG_OK);
    char *text = trace_of(path);
    assert_json(text);
    static const char *const parts[] = { "\"name\":\"linear\",\"cat\":\"forward\",\"ts\":",
                                         "\"name\":\"linear backward\",\"cat\":\"backward\"",
                                         "\"name\":\"mlp\",\"cat\":\"module\"",
                                         "\"name\":\"0\",\"cat\":\"module\"",
                                         "\"shapes\":\"[8,3] [4,3] [4]\"",
                                         "\"name\":\"optim_step\",\"cat\":\"region\"",
                                         "a \\u0022name\\u0022\\u000a",
                                         "\"dropped\":0" };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        assert_part(text, parts[i]);
    free(text);
    options.events = 3;
    p = ag_profile_begin(t, options);
    step(&m);
    assert_int_equal(ag_profile_end(p), AG_OK);
    text = trace_of(path);
    assert_json(text);
    assert_null(strstr(text, "\"dropped\":0"));
    free(text);
    unlink(path);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_name_what_was_seen),
        cmocka_unit_test(the_trace_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
