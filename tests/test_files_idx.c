/* IDX files: good ones of every type, plain and gzipped; cut, stretched and lying ones. */
#include "nn_support.h"

#define MNIST "/usr/share/datasets/fashion-mnist/"

/* 2 x 3 elements of each type: the file, and what is read */
static const struct sample {
    ag_dtype dtype;
    size_t size;
    double values[6];
    unsigned char bytes[64];
} samples[] = {
    { AG_U8, 6, { 0, 1, 127, 128, 254, 255 }, { 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 127, 128, 254, 255 } },
    { AG_I32, 6, { 0, 1, 127, -128, -2, -1 }, { 0, 0, 9, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 127, 128, 254, 255 } },
    { AG_I32, 12, { 0, 1, 256, -32768, -1, 32767 }, { 0, 0, 11, 2, 0, 0, 0,   2, 0,   0,   0,   3,
                                                      0, 0, 0,  1, 1, 0, 128, 0, 255, 255, 127, 255 } },
    { AG_I32, 24, { 0, 1, 16909060, -2147483648.0, -1, 256 }, { 0,   0, 12, 2, 0,   0,   0,   2,   0, 0, 0, 3,
                                                                0,   0, 0,  0, 0,   0,   0,   1,   1, 2, 3, 4,
                                                                128, 0, 0,  0, 255, 255, 255, 255, 0, 0, 1, 0 } },
    { AG_F32, 24, { 0, 1, -2, 0.5, 1.5, 3 }, { 0,    0, 13, 2, 0,    0,    0, 2, 0,    0,    0, 3,
                                               0,    0, 0,  0, 0x3f, 0x80, 0, 0, 0xc0, 0,    0, 0,
                                               0x3f, 0, 0,  0, 0x3f, 0xc0, 0, 0, 0x40, 0x40, 0, 0 } },
    { AG_F64, 48, { 0, 1, -2, 0.5, 1.5, 3 }, { 0,    0, 14,   2,    0, 0, 0,    2,    0,    0,    0,    3,   0, 0,
                                               0,    0, 0,    0,    0, 0, 0x3f, 0xf0, 0,    0,    0,    0,   0, 0,
                                               0xc0, 0, 0,    0,    0, 0, 0,    0,    0x3f, 0xe0, 0,    0,   0, 0,
                                               0,    0, 0x3f, 0xf8, 0, 0, 0,    0,    0,    0,    0x40, 0x08 } },
};
enum { HEAD = 12 };

static void every_type_is_read(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2 * ARRAY_SIZE(samples); k++) {
        const struct sample *s = &samples[k / 2];
        ag_tape *t = tape_of(k % 2 ? AG_F32 : AG_F64);
        const char *path = in_directory(k % 2 ? "x.gz" : "x");
        (k % 2 ? write_gzip : write_bytes)(path, s->bytes, HEAD + s->size);
        nn_dataset d = nn_read_idx(t, path, NULL);
        expect_fine(t);
        assert_int_equal(ag_dtype_of(d.x), s->dtype);
        assert_true(ag_is_persistent(d.x));
        assert_int_equal(ag_shape_of(d.x).rank, 2);
        for (int i = 0; i < 6; i++)
            assert_near(ag_item_at(d.x, i), s->values[i], 0);
        assert_null(d.y.tape);
        ag_tape_reset(t);
        assert_near(ag_item_at(d.x, 1), 1, 0);
        ag_tape_free(t);
    }
}

/* Nothing is left behind but the error. */
static void refuse(const char *x, const char *y, const char *text)
{
    ag_tape *t = f64_tape();
    ag_mark before = ag_tape_mark(t);
    nn_dataset d = nn_read_idx(t, x, y);
    assert_true(is_inert(d.x, t) && is_inert(d.y, t));
    expect_error(t, AG_EFILE, text);
    ag_tape_rewind(t, before);
    ag_tape_free(t);
}

static void cut_and_stretched_files_are_refused(void **state)
{
    (void)state;
    const char *path = in_directory("cut");
    for (size_t k = 0; k < ARRAY_SIZE(samples); k++) {
        size_t size = HEAD + samples[k].size;
        for (size_t cut = 0; cut < size; cut++) {
            write_bytes(path, samples[k].bytes, cut);
            refuse(path, NULL, path);
        }
        write_bytes(path, samples[k].bytes, size + 1);
        refuse(path, NULL, "there are more than");
    }
    write_gzip(path, samples[0].bytes, HEAD + 6);
    bytes zipped = read_bytes(path);
    for (size_t cut = 1; cut < zipped.size; cut++) {
        write_bytes(path, zipped.at, cut);
        refuse(path, NULL, path);
    }
    for (size_t i = 10; i < zipped.size; i++) { /* a flipped bit in the data, checksum or length */
        zipped.at[i] ^= 0x10;
        write_bytes(path, zipped.at, zipped.size);
        refuse(path, NULL, path);
        zipped.at[i] ^= 0x10;
    }
    free(zipped.at);
}

/* As gzip has it: members one after the other are one file, and what is none behind them is passed over. */
static void members_of_a_gzip_file_follow_one_another(void **state)
{
    (void)state;
    const char *path = in_directory("members");
    ag_tape *t = f64_tape();
    for (size_t cut = 0; cut <= HEAD + 6; cut++) {
        write_gzip(path, samples[0].bytes, cut);
        bytes first = read_bytes(path);
        write_gzip(path, samples[0].bytes + cut, HEAD + 6 - cut);
        bytes second = read_bytes(path), both = { malloc(first.size + second.size + 3), first.size + second.size };
        assert_non_null(both.at);
        memcpy(both.at, first.at, first.size);
        memcpy(both.at + first.size, second.at, second.size);
        memset(both.at + both.size, 0x1f, 3);
        for (size_t more = 0; more <= 3; more++) {
            write_bytes(path, both.at, both.size + more);
            assert_int_equal(ag_size_of(nn_read_idx(t, path, NULL).x), 6);
        }
        free(first.at);
        free(second.at);
        free(both.at);
    }
    expect_fine(t);
    ag_tape_free(t);
}

/* Any header at all: an error, or exactly the elements that are there. */
static void headers_are_not_believed(void **state)
{
    (void)state;
    unsigned char b[64];
    const char *path = in_directory("lie");
    for (int at = 0; at < HEAD; at++) {
        for (int value = 0; value < 256; value++) {
            memcpy(b, samples[0].bytes, sizeof b);
            b[at] = (unsigned char)value;
            write_bytes(path, b, HEAD + 6);
            ag_tape *t = f64_tape();
            nn_dataset d = nn_read_idx(t, path, NULL);
            bool read = value == samples[0].bytes[at] || (at == 2 && value == 9) || (at == 3 && value == 1 && false);
            assert_int_equal(ag_error(t), read ? AG_OK : AG_EFILE);
            assert_int_equal(ag_size_of(d.x), read ? 6 : -1);
            ag_tape_free(t);
        }
    }
    const unsigned char huge[] = { 0,   0,   14,  8,   255, 255, 255, 255, 255, 255, 255, 255,
                                   255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                   255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
    write_bytes(path, huge, sizeof huge);
    refuse(path, NULL, "more than 2^59 elements");
    const unsigned char large[] = {
        0, 0, 8, 2, 255, 255, 255, 255, 0, 255, 255, 255, 1, 2, 3
    }; /* 2^56 bytes, 3 are there */
    write_bytes(path, large, sizeof large);
    refuse(path, NULL, "but there are 3");
    const unsigned char none[] = { 0, 0, 13, 2, 0, 0, 0, 0, 255, 255, 255, 255 };
    write_bytes(path, none, sizeof none);
    ag_tape *t = f64_tape();
    assert_int_equal(ag_size_of(nn_read_idx(t, path, NULL).x), 0); /* no sample is a data set too */
    expect_fine(t);
    ag_tape_free(t);
}

static void labels_must_fit(void **state)
{
    (void)state;
    const unsigned char two[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 9 }, three[] = { 0, 0, 8, 1, 0, 0, 0, 3, 7, 9, 1 };
    const char *x = in_directory("images"), *y = in_directory("labels");
    write_bytes(x, samples[0].bytes, HEAD + 6);
    write_bytes(y, three, sizeof three);
    refuse(x, y, "2 samples, but");
    write_bytes(y, two, sizeof two);
    ag_tape *t = f64_tape();
    nn_dataset d = nn_read_idx(t, x, y);
    expect_fine(t);
    assert_int_equal(ag_dtype_of(d.y), AG_U8);
    assert_near(ag_item_at(d.y, 1), 9, 0);
    ag_fail(t, AG_EARG, "pending");
    assert_true(is_inert(nn_read_idx(t, x, y).x, t));
    expect_error(t, AG_EARG, "pending");
    assert_true(is_inert(nn_read_idx(t, NULL, y).x, t));
    expect_error(t, AG_ENULL, "nn_read_idx: the path is NULL");
    assert_null(nn_read_idx(NULL, x, y).x.tape);
    ag_tape_free(t);
    refuse(x, in_directory("absent"), "No such file");
    refuse(in_directory("absent"), NULL, "No such file");
    refuse(directory, NULL, "it is a directory");
    refuse("", NULL, "No such file");
    assert_int_equal(mkfifo(in_directory("pipe"), 0600), 0); /* nobody writes to it: opening it could wait for ever */
    refuse(in_directory("pipe"), NULL, "it is no regular file");
    refuse("/dev/null", NULL, "it is no regular file");
}

/* Images whose labels do not fit are given back. */
static void refused_data_take_no_memory(void **state)
{
    (void)state;
    enum { SIZE = 8 + 200000 };
    unsigned char *images = calloc(1, SIZE);
    assert_non_null(images);
    const unsigned char head[] = { 0, 0, 8, 1, 0, 3, 13, 64 }, labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 7, 9 };
    memcpy(images, head, sizeof head);
    write_bytes(in_directory("many"), images, SIZE);
    write_bytes(in_directory("few"), labels, sizeof labels);
    free(images);
    ag_tape *t = f64_tape();
    uint64_t before = 0;
    for (int i = 0; i < 20; i++) {
        nn_read_idx(t, in_directory("many"), in_directory("few"));
        expect_error(t, AG_EFILE, "200000 samples, but");
        ag_tape_reset(t);
        before = i < 3 ? ag_tape_memory(t) : before;
        assert_int_equal(ag_tape_memory(t), before);
    }
    ag_tape_free(t);
}

static void fashion_mnist_is_read(void **state)
{
    (void)state;
    if (access(MNIST, R_OK)) {
        printf("skip: " MNIST " is not there (package dataset-fashion-mnist)\n");
        skip();
    }
    ag_tape *t = tape_of(AG_F32);
    nn_dataset d = nn_read_idx(t, MNIST "t10k-images-idx3-ubyte.gz", MNIST "t10k-labels-idx1-ubyte.gz");
    expect_fine(t);
    assert_int_equal(ag_shape_of(d.x).rank, 3);
    assert_int_equal(ag_size_of(d.x), 10000 * 28 * 28);
    assert_int_equal(ag_size_of(d.y), 10000);
    const uint8_t *pixels = ag_data(d.x, AG_U8), *labels = ag_data(d.y, AG_U8);
    uint64_t sum = 0;
    int64_t of_class[10] = { 0 };
    for (int64_t i = 0; i < ag_size_of(d.x); i++)
        sum += pixels[i];
    for (int64_t i = 0; i < 10000; i++)
        of_class[labels[i]]++;
    assert_near((double)sum / (10000 * 784), 73.1466, 1e-3);
    for (int i = 0; i < 10; i++)
        assert_int_equal(of_class[i], 1000);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(cut_and_stretched_files_are_refused),
        cmocka_unit_test(members_of_a_gzip_file_follow_one_another),
        cmocka_unit_test(headers_are_not_believed),
        cmocka_unit_test(labels_must_fit),
        cmocka_unit_test(refused_data_take_no_memory),
        cmocka_unit_test(fashion_mnist_is_read),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
