/* PGM files: good ones as text and as bytes, plain and gzipped; cut, stretched and lying ones. */
#include "nn_support.h"

#define TEXT(s) (const unsigned char *)(s), sizeof(s) - 1

static ag_tensor read_one(ag_tape *t, const char *path)
{
    return nn_read_pgm(t, &path, 1);
}

/* 2 rows of 3 pixels, 0, 1, 2, 10, 200, the maximum */
static const struct sample {
    int maximum;
    const unsigned char *bytes;
    size_t size;
} samples[] = {
    { 255, TEXT("P2\n3 2\n255\n0 1 2\n10 200 255\n") },
    { 255, TEXT("P2 3 2 255 0 1 2 10 200 255") },
    { 255, TEXT("P2# a\n#b\r3 # 4\n\v2\f255\t00 01 2#x\n10 200 255 # the end") },
    { 201, TEXT("P5\n3 2\n201\n\0\1\2\n\310\311") },
    { 255, TEXT("P5\n# made by hand\n3 2 255\n\0\1\2\n\310\377") },
    { 255, TEXT("P5 3 2 255# a comment is the end of its line\n\0\1\2\n\310\377") },
    { 65535, TEXT("P5 3 2 65535 \0\0\0\1\0\2\0\n\0\310\377\377") },
    { 256, TEXT("P5 3 2 256 \0\0\0\1\0\2\0\n\0\310\1\0") },
};

static void every_form_is_read(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4 * ARRAY_SIZE(samples); k++) {
        const struct sample *s = &samples[k / 4];
        const double pixels[] = { 0, 1, 2, 10, 200, s->maximum };
        ag_tape *t = tape_of(k & 1 ? AG_F32 : AG_F64);
        const char *path = in_directory(k & 2 ? "x.gz" : "x");
        (k & 2 ? write_gzip : write_bytes)(path, s->bytes, s->size);
        ag_tensor x = read_one(t, path);
        expect_fine(t);
        assert_shape(x, 1, 2, 3);
        assert_true(ag_is_persistent(x));
        assert_int_equal(ag_dtype_of(x), k & 1 ? AG_F32 : AG_F64);
        for (int i = 0; i < 6; i++)
            assert_near(ag_item_at(x, i), pixels[i] / s->maximum, k & 1 ? 1e-7 : 0);
        ag_tape_free(t);
    }
}

static void pictures_of_one_size_are_one_tensor(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const char *paths[] = { in_directory("a"), in_directory("b"), in_directory("c") };
    write_bytes(paths[0], TEXT("P2 2 1 4 1 2"));
    write_bytes(paths[1], TEXT("P5 2 1 8 \1\2"));
    write_bytes(paths[2], TEXT("P2 1 2 4 1 2"));
    assert_values(nn_read_pgm(t, paths, 2), 0.25, 0.5, 0.125, 0.25);
    ag_mark before = ag_tape_mark(t);
    assert_true(is_inert(nn_read_pgm(t, paths, 3), t));
    expect_error(t, AG_EFILE, "/c: it is 1 x 2 pixels, but ");
    ag_tape_rewind(t, before);
    ag_tape_free(t);
}

/* Nothing is left behind but the error. */
static void refuse(const char *path, const char *text)
{
    ag_tape *t = f64_tape();
    ag_mark before = ag_tape_mark(t);
    assert_true(is_inert(read_one(t, path), t));
    expect_error(t, AG_EFILE, text);
    ag_tape_rewind(t, before);
    ag_tape_free(t);
}

static void cut_and_stretched_files_are_refused(void **state)
{
    (void)state;
    const char *path = in_directory("cut");
    for (size_t k = 0; k < ARRAY_SIZE(samples); k++) {
        const struct sample *s = &samples[k];
        const size_t whole = k == 0 ? s->size - 1 : k == 2 ? s->size - 10 : s->size; /* without what may be missing */
        for (size_t cut = 0; cut < whole; cut++) {
            if (k < 3 && cut > whole - 3)
                continue; /* of the last number some digits are a number */
            write_bytes(path, s->bytes, cut);
            refuse(path, path);
        }
        unsigned char more[128];
        memcpy(more, s->bytes, s->size);
        memcpy(more + s->size, "\n1", 2);
        write_bytes(path, more, s->size + 2);
        refuse(path, "there is more than the 3 x 2 pixels that its header promises");
    }
}

static const struct {
    const unsigned char *bytes;
    size_t size;
    const char *text;
} attacks[] = {
    { TEXT(""), "no PGM file" },
    { TEXT("P"), "no PGM file" },
    { TEXT("P6 1 1 255 \1\1\1"), "no PGM file: it does not begin with P2 or P5" },
    { TEXT("p5 1 1 255 \1"), "no PGM file" },
    { TEXT("P5"), "the file ends where the width should stand" },
    { TEXT("P5 1 # 1 255 \1"), "the file ends where the height should stand" },
    { TEXT("P5 0 1 255 "), "the width is 0" },
    { TEXT("P5 1 0 255 "), "the height is 0" },
    { TEXT("P5 1 1 0 \0"), "the maximum is 0" },
    { TEXT("P5 1 1 65536 \0\0"), "the maximum is more than 65535" },
    { TEXT("P5 -1 1 255 \0"), "the width is no number: there is a byte 2d in it" },
    { TEXT("P5 1 1e3 255 \0"), "the height is no number: there is a byte 65 in it" },
    { TEXT("P5 1 1 25\0 \0"), "the maximum is no number: there is a byte 00 in it" },
    { TEXT("P5 2147483648 1 255 \0"), "the width is more than 2147483647" },
    { TEXT("P5 1 99999999999999999999999999999999 255 \0"), "the height is more than 2147483647" },
    { TEXT("P5 2147483647 2147483647 65535 \0\0"), "promises 2147483647 x 2147483647 pixels, but there are 2 bytes" },
    { TEXT("P2 2147483647 2147483647 65535 0 0"), "the file ends where a pixel should stand" },
    { TEXT("P5 2 1 9 \1\12"), "the pixel in row 0 and column 1, from 0, is 10, but the maximum is 9" },
    { TEXT("P2 1 2 300 1 301"), "the pixel in row 1 and column 0, from 0, is 301, but the maximum is 300" },
    { TEXT("P2 1 1 255 70000"), "a pixel is more than 65535" },
    { TEXT("P2 1 1 255 1.5"), "a pixel is no number: there is a byte 2e in it" },
    { TEXT("P2 1 1 255 -1"), "a pixel is no number" },
    { TEXT("P2 1 1 255 1 x"), "there is more than the 1 x 1 pixels" },
    { TEXT("P5 1 1 255 \1P5 1 1 255 \1"), "there is more than the 1 x 1 pixels" },
    { TEXT("P5 1 1 300 \1"), "promises 1 x 1 pixels, but there are 1 bytes" },
};

static void attacks_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(attacks); i++) {
        const char *path = in_directory(i % 2 ? "attack.gz" : "attack");
        (i % 2 ? write_gzip : write_bytes)(path, attacks[i / 2].bytes, attacks[i / 2].size);
        /* gzipped, only reading tells what is missing */
        refuse(path, i % 2 && strstr(attacks[i / 2].text, "promises") && !strstr(attacks[i / 2].text, "more than")
                         ? "the file ends within its "
                         : attacks[i / 2].text);
    }
}

/* Every byte replaced by every other: an error of the file, or as many pixels as a header can promise of so few bytes. */
static void headers_are_not_believed(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    const char *path = in_directory("header");
    for (size_t k = 2; k < ARRAY_SIZE(samples); k++) {
        unsigned char bytes[128];
        const size_t size = samples[k].size;
        memcpy(bytes, samples[k].bytes, size);
        for (size_t at = 0; at < size; at++) {
            for (int value = 0; value < 256; value += slow() ? 7 : 1) {
                bytes[at] = (unsigned char)value;
                write_bytes(path, bytes, size);
                ag_tensor x = read_one(t, path);
                assert_true(ag_error(t) == AG_EFILE || (ag_ok(x) && ag_size_of(x) >= 1 && ag_size_of(x) <= 32));
                if (x.id)
                    ag_release(x);
                ag_error_clear(t);
                ag_tape_reset(t);
            }
            bytes[at] = samples[k].bytes[at];
        }
    }
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(pictures_of_one_size_are_one_tensor),
        cmocka_unit_test(cut_and_stretched_files_are_refused),
        cmocka_unit_test(attacks_are_refused),
        cmocka_unit_test(headers_are_not_believed),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
