/* Tables of separated values: what is read, and what must be refused with the line that is wrong. */
#include "nn_support.h"
#include <locale.h>

static nn_dataset read_text(ag_tape *t, const char *text, nn_csv_config config)
{
    write_bytes(in_directory("table.csv"), text, strlen(text));
    return nn_read_csv(t, in_directory("table.csv"), config);
}

static void check_numbers(ag_tensor x, const double *values, int64_t count)
{
    assert_int_equal(ag_size_of(x), count);
    for (int64_t i = 0; i < count; i++)
        assert_near(ag_item_at(x, i), values[i], 0);
}

static const nn_csv_config plain;

/* The same 2 x 2 table in many forms, the label last. */
static void forms_of_one_table(void **state)
{
    (void)state;
    const struct {
        const char *text;
        nn_csv_config config;
    } forms[] = {
        { "a,b,c\n1,2.5,0\n-3,4e2,1\n", { 0 } },
        { "a,b,c\r\n1,2.5,0\r\n-3,4e2,1\r\n", { 0 } },
        { "a,b,c\n1,2.5,0\n-3,4e2,1", { 0 } },
        { "\xef\xbb\xbf\"a\",\"b\",\"c\"\n1,2.5,0\n-3,4e2,1\n\n\n", { 0 } },
        { "\n\na,b,c\n\n1,2.5,0\n  \n-3,4e2,1\n", { 0 } },
        { "a,b,c\n \t1 , 2.5\t,0 \n\"-3\" , \"4e2\",\"1\"\n", { 0 } },
        { "\"a\nb\",\"x,\"\"y\"\"\",c\n1,2.5,0\n-3,4e2,1\n", { 0 } },
        { "1,2.5,0\n-3,4e2,1\n", { .no_header = true } },
        { "1;2.5;0\n-3;4e2;1\n", { .no_header = true, .separator = ';' } },
        { "1\t2.5\t0\n-3\t4e2\t1\n", { .no_header = true, .separator = '\t' } },
        { "1 2.5 0\n-3 4e2 1\n", { .no_header = true, .separator = ' ' } },
        { "c,a,b\n0,1,2.5\n1,-3,4e2\n", { .label_column = 1 } },
        { "a,c,b\n1,0,2.5\n-3,1,4e2\n", { .label_column = 2 } },
        { "a,c,b\n1,0,2.5\n-3,1,4e2\n", { .label_column = -2 } },
        { "a,b,c\n1,2.5,0\n-3,4e2,1\n", { .label_column = -1 } },
        { "b,word,a,c\n2.5,one,1,0\n4e2,two,-3,1\n", { .columns = { 3, 1 } } },
        { "a,b,c\n1,2.5,no\n-3,4e2,yes\n", { 0 } },
        { "a,b,c\n1,2.5,\"n,\"\"o\"\"\"\n-3,4e2, y es \n", { 0 } },
        { "+1,0x1.4p1,00\n-3.000,400.,01\n", { .no_header = true } },
    };
    const double x[] = { 1, 2.5, -3, 400 }, y[] = { 0, 1 };
    for (size_t k = 0; k < 2 * ARRAY_SIZE(forms); k++) {
        ag_tape *t = tape_of(k % 2 ? AG_F32 : AG_F64);
        nn_dataset d = read_text(t, forms[k / 2].text, forms[k / 2].config);
        expect_fine(t);
        assert_int_equal(ag_dtype_of(d.x), ag_tape_dtype(t));
        assert_int_equal(ag_dtype_of(d.y), AG_I64);
        assert_int_equal(ag_shape_of(d.x).dim[1], 2);
        assert_true(ag_is_persistent(d.x) && ag_is_persistent(d.y));
        check_numbers(d.x, x, 4);
        check_numbers(d.y, y, 2);
        ag_tape_free(t);
    }
}

static void labels_are_classes_or_numbers(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const double whole[] = { 7, 3, 7 }, words[] = { 0, 1, 0 }, mixed[] = { 0, 1, 2 }, numbers[] = { -1, 0.5, 2 };
    check_numbers(read_text(t, "1,7\n2,3\n3,7\n", (nn_csv_config){ .no_header = true }).y, whole, 3);
    check_numbers(read_text(t, "1,b\n2,a\n3,b\n", (nn_csv_config){ .no_header = true }).y, words, 3);
    check_numbers(read_text(t, "1,-1\n2,1\n3,-1\n", (nn_csv_config){ .no_header = true }).y, words, 3);
    check_numbers(read_text(t, "1,4\n2,x\n3,2\n", (nn_csv_config){ .no_header = true }).y, mixed, 3);
    check_numbers(read_text(t, "1,7.0\n2,3.\n3,7.0\n", (nn_csv_config){ .no_header = true }).y, whole, 3);
    check_numbers(read_text(t, "1,7\n2,+3\n3,0.7e1\n", (nn_csv_config){ .no_header = true }).y, whole, 3);
    check_numbers(read_text(t, "1,nan\n2,1e400\n3,nan\n", (nn_csv_config){ .no_header = true }).y, words, 3);
    nn_dataset d = read_text(t, "1,-1\n2,.5\n3,2\n", (nn_csv_config){ .no_header = true, .regression = true });
    assert_int_equal(ag_dtype_of(d.y), AG_F64);
    check_numbers(d.y, numbers, 3);
    d = read_text(t, "1,-1\n2,.5\n", (nn_csv_config){ .no_header = true, .no_label = true });
    assert_int_equal(ag_shape_of(d.x).dim[1], 2);
    assert_null(d.y.tape);
    d = read_text(t, "a,b\n", plain); /* no row is a data set too */
    assert_int_equal(ag_shape_of(d.x).dim[0], 0);
    assert_int_equal(ag_size_of(d.y), 0);
    expect_fine(t);
    ag_tape_free(t);
}

/* A fraction is no class: the user meant regression, or says which classes there are. */
static void fractions_are_no_classes(void **state)
{
    (void)state;
    const char *const tables[] = { "a,b\n1,0.5\n2,1.5\n", "a,b\n1,1\n2,.5\n", "a,b\n1,word\n2,-1e-3\n",
                                   "a,b\n1,0\n2,\"1.5\"\n" };
    ag_tape *t = f64_tape();
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        nn_classes classes = { 0 };
        assert_true(is_inert(read_text(t, tables[i], (nn_csv_config){ .classes = i % 2 ? &classes : NULL }).y, t));
        expect_error(t, AG_EFILE, i ? "line 3: the label" : "line 2: the label 0.5 is no whole number");
    }
    const double numbers[] = { 0.5, 1.5 }, second[] = { 1, 0 };
    check_numbers(read_text(t, tables[0], (nn_csv_config){ .regression = true }).y, numbers, 2);
    const char *names[] = { "1.5", "0.5" };
    nn_classes classes = { names, 2 };
    check_numbers(read_text(t, tables[0], (nn_csv_config){ .classes = &classes }).y, second, 2);
    expect_fine(t);
    ag_tape_free(t);
}

/* Else the first sample would be lost where a table has no header. */
static void a_first_line_of_numbers_must_be_declared(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const double both[] = { 1, 3 }, second[] = { 3 };
    const char *const tables[] = { "1,2\n3,4\n", "\n1,setosa\n3,virginica\n" };
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        assert_true(is_inert(read_text(t, tables[i], plain).x, t));
        expect_error(t, AG_EFILE, i ? "line 2 is all numbers: no_header" : "line 1 is all numbers: no_header");
        check_numbers(read_text(t, tables[i], (nn_csv_config){ .no_header = true }).x, both, 2);
        check_numbers(read_text(t, tables[i], (nn_csv_config){ .header = true }).x, second, 1);
    }
    check_numbers(read_text(t, "a,7,x\n1,1,3\n", (nn_csv_config){ .columns = { 1 } }).x, both, 1);
    read_text(t, "a,7,x\n1,1,3\n", (nn_csv_config){ .columns = { 2 } }); /* of the columns that are read */
    expect_error(t, AG_EFILE, "line 1 is all numbers");
    ag_tape_free(t);
}

static void classes_pass_from_file_to_file(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_classes classes = { 0 };
    const nn_csv_config config = { .no_header = true, .classes = &classes };
    const double second[] = { 1, 1, 0 };
    read_text(t, "1,red\n2,green\n3,red\n", config);
    assert_int_equal(classes.count, 2);
    assert_string_equal(classes.name[0], "red");
    assert_string_equal(classes.name[1], "green");
    check_numbers(read_text(t, "1,green\n2,green\n3,red\n", config).y, second, 3);
    expect_fine(t);
    assert_true(is_inert(read_text(t, "1,green\n2,blue\n", config).x, t));
    expect_error(t, AG_EFILE, "line 2: 'blue' is none of the given classes");
    assert_int_equal(classes.count, 2);
    const char *twice[] = { "a", "a" };
    nn_classes wrong = { twice, 2 };
    read_text(t, "1,a\n", (nn_csv_config){ .no_header = true, .classes = &wrong });
    expect_error(t, AG_EARG, "named twice");
    wrong = (nn_classes){ NULL, 2 };
    read_text(t, "1,a\n", (nn_csv_config){ .no_header = true, .classes = &wrong });
    expect_error(t, AG_EARG, "has no names");
    nn_classes unused = { 0 };
    read_text(t, "1,5\n", (nn_csv_config){ .no_header = true, .classes = &unused });
    assert_int_equal(unused.count, 0); /* whole numbers have no names */
    expect_fine(t);
    ag_tape_free(t);
}

static void many_classes(void **state)
{
    (void)state;
    enum { N = 5000 };
    ag_tape *t = f64_tape();
    char *text = malloc(N * 24), *at = text;
    assert_non_null(text);
    for (int i = 0; i < N; i++)
        at += sprintf(at, "%d,name %d\n", i, i % 2500);
    nn_classes classes = { 0 };
    nn_dataset d = read_text(t, text, (nn_csv_config){ .no_header = true, .classes = &classes });
    expect_fine(t);
    assert_int_equal(classes.count, 2500);
    assert_string_equal(classes.name[1234], "name 1234");
    const int64_t *y = ag_data(d.y, AG_I64);
    const double *x = ag_data(d.x, AG_F64);
    for (int i = 0; i < N; i++) {
        assert_int_equal(y[i], i % 2500);
        assert_near(x[i], i, 0);
    }
    free(text);
    ag_tape_free(t);
}

static void bad_tables_name_their_line(void **state)
{
    (void)state;
    const struct {
        const char *text;
        nn_csv_config config;
        const char *message;
    } bad[] = {
        { "", { 0 }, "there is no line" },
        { "\n \n\r\n", { 0 }, "there is no line" },
        { "a,b\n1,2\n1,2,3\n", { 0 }, "line 3: 3 fields, but 2" },
        { "a,b\n1,2\n3\n", { 0 }, "line 3: 1 fields, but 2" },
        { "a,b\n1,2\n\n\n,2\n", { 0 }, "line 5: '' in column 1 is no number" },
        { "a,b\nx,2\n", { 0 }, "line 2: 'x' in column 1 is no number; .columns of" },
        { "a,b\n1.5.2,2\n", { 0 }, "is no number" },
        { "a,b\n1 2,2\n", { 0 }, "is no number" },
        { "a,b\n\"1\n\",2\n", { 0 }, "line 2:" },
        { "a,b\n1e999,2\n", { 0 }, "beyond the range of f64" },
        { "a,b\n1,x\n", { .regression = true }, "'x' in column 2 is no number" },
        { "a,b\n1,\n", { 0 }, "line 2: the label is empty" },
        { "a,b\n\"1,2\n", { 0 }, "line 2: a quote is not closed" },
        { "a,b\n\"1\"x,2\n", { 0 }, "line 2: text after a closing quote" },
        { "a\n1\n", { 0 }, "beside the label there is no column" },
        { "a,b\n1,2\n", { .label_column = 3 }, "column 3 is to be the label, but there are 2" },
        { "a,b\n1,2\n", { .label_column = -3 }, "column -3" },
        { "a,b\n1,2\n", { .columns = { 3 } }, "column 3 is to be a feature, but there are fewer" },
        { "a,b\n1,2\n", { .columns = { 1, 2 } }, "column 2 is to be a feature, but it is the label" },
        { "a\n,b\n", { 0 }, "beside the label" },
        { "a,b\n\"\"\n1,2\n", { 0 }, "line 2: 1 fields, but 2" }, /* a quoted field is one, even if it is empty */
        { "a\n1\n\"\"\n2\n", { .no_label = true }, "line 3: '' in column 1 is no number" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ag_tape *t = f64_tape();
        nn_dataset d = read_text(t, bad[i].text, bad[i].config);
        assert_true(is_inert(d.x, t) && is_inert(d.y, t));
        expect_error(t, AG_EFILE, bad[i].message);
        assert_int_equal(ag_tape_nodes(t), 0);
        ag_tape_free(t);
    }
}

static void numbers_beyond_f32(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_dataset d = read_text(t, "1e39,0\n", (nn_csv_config){ .no_header = true });
    expect_error(t, AG_EFILE, "line 1: 1e39 in column 1 is beyond the range of f32");
    d = read_text(t, "inf,nan,-inf,1e-60,0\n", (nn_csv_config){ .no_header = true });
    expect_fine(t);
    assert_true(isinf(ag_item_at(d.x, 0)) && isnan(ag_item_at(d.x, 1)) && ag_item_at(d.x, 2) < 0);
    assert_near(ag_item_at(d.x, 3), 0, 0);
    ag_tape_free(t);
}

static void bytes_that_are_no_text(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const char *path = in_directory("binary");
    write_bytes(path, "a,b\n1,\0002\n", 9);
    nn_read_csv(t, path, plain);
    expect_error(t, AG_EFILE, "line 2: a NUL byte");
    char *text = malloc(10000);
    assert_non_null(text);
    memset(text, '1', 10000);
    write_bytes(path, text, 10000);
    nn_read_csv(t, path, plain);
    expect_error(t, AG_EFILE, "more than 4095 bytes");
    write_bytes(path, text, 4095); /* the longest field; one column alone is too few */
    nn_read_csv(t, path, plain);
    expect_error(t, AG_EFILE, "beside the label");
    free(text);
    nn_read_csv(t, in_directory("absent"), plain);
    expect_error(t, AG_EFILE, "No such file");
    nn_read_csv(t, directory, plain);
    expect_error(t, AG_EFILE, "it is a directory");
    assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0); /* nobody writes to it: opening it could wait for ever */
    nn_read_csv(t, in_directory("pipe"), plain);
    expect_error(t, AG_EFILE, "it is no regular file");
    ag_tape_free(t);
}

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_classes classes = { 0 }, negative = { NULL, -1 };
    const nn_csv_config bad[] = {
        { .separator = '"' },
        { .separator = '\n' },
        { .separator = '\r' },
        { .header = true, .no_header = true },
        { .no_label = true, .regression = true },
        { .no_label = true, .label_column = 1 },
        { .no_label = true, .classes = &classes },
        { .regression = true, .classes = &classes },
        { .columns = { -1 } },
        { .columns = { 0, 1 } },
        { .columns = { 1, 0, 2 } },
        { .classes = &negative },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(is_inert(read_text(t, "a,b\n1,2\n", bad[i]).x, t));
        expect_error(t, AG_EARG, "nn_read_csv");
    }
    nn_read_csv(t, NULL, plain);
    expect_error(t, AG_ENULL, "the path is NULL");
    assert_null(nn_read_csv(NULL, "x", plain).x.tape);
    ag_fail(t, AG_EARG, "pending");
    assert_true(is_inert(read_text(t, "a,b\n1,2\n", plain).x, t));
    expect_error(t, AG_EARG, "pending");
    ag_tape_free(t);
}

static void the_locale_does_not_matter(void **state)
{
    (void)state;
    const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8" };
    const char *set = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(names) && !set; i++)
        set = setlocale(LC_ALL, names[i]);
    ag_tape *t = f64_tape();
    const double x[] = { 1.5 };
    check_numbers(read_text(t, "1.5,0\n", (nn_csv_config){ .no_header = true }).x, x, 1);
    expect_fine(t);
    setlocale(LC_ALL, "C");
    ag_tape_free(t);
}

static void gzipped_tables(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const char *path = in_directory("table.csv.gz");
    gzFile f = gzopen(path, "wb");
    for (int i = 0; i < 20000; i++)
        gzprintf(f, "%d,%d\n", i, i % 3);
    assert_int_equal(gzclose(f), Z_OK);
    nn_dataset d = nn_read_csv(t, path, (nn_csv_config){ .no_header = true });
    expect_fine(t);
    assert_near(ag_item_at(d.x, 19999), 19999, 0);
    bytes b = read_bytes(path);
    for (size_t cut = 20; cut < b.size; cut += b.size / 50) {
        write_bytes(path, b.at, cut);
        nn_read_csv(t, path, (nn_csv_config){ .no_header = true });
        expect_error(t, AG_EFILE, "cut short");
    }
    free(b.at);
    ag_tape_free(t);
}

/* Any byte in any place: an error or a table, never worse. */
static void mutations(void **state)
{
    (void)state;
    const char text[] = "a,\"b\",c\r\n1,2.5,\"n\"\n-3,4e2,y\n";
    const char odd[] = "\0\n\r\",;x1-.\xff ";
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (size_t k = 0; k < sizeof odd; k++) {
            char mutated[sizeof text];
            memcpy(mutated, text, sizeof text);
            mutated[at] = odd[k];
            const char *path = in_directory("mutated");
            write_bytes(path, mutated, k + 1 < sizeof odd ? sizeof text - 1 : at); /* the last kind: cut there */
            ag_tape *t = f64_tape();
            nn_classes classes = { 0 };
            nn_dataset d = nn_read_csv(t, path, (nn_csv_config){ .classes = &classes });
            assert_true(ag_error(t) == AG_OK || ag_error(t) == AG_EFILE);
            assert_int_equal(ag_ok(d.x) && ag_ok(d.y), ag_error(t) == AG_OK);
            ag_tape_free(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_one_table),
        cmocka_unit_test(labels_are_classes_or_numbers),
        cmocka_unit_test(fractions_are_no_classes),
        cmocka_unit_test(a_first_line_of_numbers_must_be_declared),
        cmocka_unit_test(classes_pass_from_file_to_file),
        cmocka_unit_test(many_classes),
        cmocka_unit_test(bad_tables_name_their_line),
        cmocka_unit_test(numbers_beyond_f32),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(gzipped_tables),
        cmocka_unit_test(mutations),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
