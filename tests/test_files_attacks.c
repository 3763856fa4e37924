/* Weight files that lie: every cut, every byte of a header, and forged ones. Loading fails and changes nothing. */
#include "nn_support.h"

#define FIXTURE "tests/fixtures/"

static void cut_and_stretched_files_are_refused(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    bytes b = read_bytes(FIXTURE "mlp.safetensors");
    const char *path = in_directory("cut");
    for (size_t cut = 0; cut < b.size; cut++) {
        write_bytes(path, b.at, cut);
        refuse_file(m, path, path);
    }
    b.at[b.size] = 0;
    write_bytes(path, b.at, b.size + 1);
    refuse_file(m, path, "its tensors take");
    free(b.at);
    ag_tape_free(t);
}

/* Every byte of length and header replaced by every other: refused, or the same network under the same names. */
static void any_header_is_checked(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    bytes b = read_bytes(FIXTURE "mlp.safetensors");
    const char *path = in_directory("header");
    size_t end = 8 + (b.at[0] | (size_t)b.at[1] << 8), accepted = 0;
    double before = checksum(m);
    for (size_t at = 0; at < end; at++) {
        unsigned char original = b.at[at];
        for (int value = 0; value < 256; value += at < 8 ? 1 : 3) {
            if (value == original)
                continue;
            b.at[at] = (unsigned char)value;
            write_bytes(path, b.at, b.size);
            if (nn_load(m, path) == AG_OK) {
                accepted++;
                assert_int_equal(original, ' '); /* white space for white space */
                before = checksum(m);
            }
            assert_true(ag_error(t) == AG_OK || ag_error(t) == AG_EFILE);
            ag_error_clear(t);
            assert_near(checksum(m), before, 0);
        }
        b.at[at] = original;
    }
    assert_true(accepted < 100);
    free(b.at);
    ag_tape_free(t);
}

/* A file with this header and `count` bytes of data. */
static const char *forge(const char *header, size_t count)
{
    static unsigned char text[4096];
    const char *path = in_directory("forged");
    uint64_t length = strlen(header);
    memset(text, 0, sizeof text);
    memcpy(text, &length, 8);
    memcpy(text + 8, header, length);
    write_bytes(path, text, 8 + length + count);
    return path;
}

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define B "\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[8,16]}"
static const struct {
    const char *header, *text; /* text NULL: it is fine */
} headers[] = {
    { "{" A "," B "}", NULL },
    { "{" B "," A "}", NULL },
    { "{\"__metadata__\":{\"format\":\"pt\",\"x\":\"\"}," A "," B "}", NULL },
    { "{ " A " ,\n " B " }   ", NULL },
    { "{\"\\u0061\":{\"data_offsets\":[0,8],\"shape\":[2],\"dtype\":\"F32\"}," B "}", NULL },
    { "", "its header would have 0 bytes" },
    { "{}", "its tensors take 0 bytes" },
    { "[]", "no JSON object" },
    { "{}{}", "no JSON" },
    { " {" A "," B "}", "no JSON object" },
    { "{" A "," B "}x", "no JSON" },
    { "{" A "," B, "no JSON" },
    { "{" A B "}", "no JSON" },
    { "{" A "," A "," B "}", "begins at byte 0 of the data" },
    { "{" A ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", "it has 'a' twice" },
    { "{\"__metadata__\":{},\"__metadata__\":{}," A "," B "}", "two __metadata__" },
    { "{\"__metadata__\":{\"x\":1}," A "," B "}", "not made of strings" },
    { "{\"__metadata__\":[]," A "," B "}", "not made of strings" },
    { "{" A "}", "its tensors take 8 bytes" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "'a' has not the shape" },
    { "{" A ",\"c\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[8,16]}}", "it lacks 'b'" },
    { "{" A "," B ",\"c\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[16,16]}}", "it has 'c'" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}," B "}", "begins at byte 8" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}," B "}", "begins at byte 4" },
    { "{" A ",\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[7,15]}}", "begins at byte 7" },
    { "{" A ",\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[16,24]}}", "lies at bytes 16 to 24 of 16" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}," B "}", "lies at bytes 8 to 0" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}," B "}", "do not fit its shape" },
    { "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}," B "}", "is f64, but f32" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}," B "}", "has not the shape" },
    { "{\"a\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}," B "}", "dtype BF16" },
    { "{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "is no string" },
    { "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "lacks a dtype" },
    { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}," B "}", "lacks a dtype, shape" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}," B "}", "or data_offsets" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}," B "}",
      "a second field 'shape'" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"more\":1}," B "}", "an unknown field 'more'" },
    { "{\"a\":[1,2]," B "}", "is no object" },
    { "{\"a\":null," B "}", "is no object" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}," B "}", "is no array" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1e300],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,8]}," B "}",
      "do not fit" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387906],\"data_offsets\":[0,8]}," B "}", "do not fit" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551618],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[02],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2e0],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,],\"data_offsets\":[0,8]}," B "}", "whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2}," B "}", "no JSON at byte" },
    { "{\"a\":{\"dtype\":\"F32\" \"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{\"a\" {\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{" A "," B ",}", "no JSON at byte" },
    { "{\"a\n\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{\"\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{\"\\udc00\\ud800\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{\"\\u00\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{\"\\x61\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
    { "{\"\\u0020\\ud83d\\ude00\\u20AC\\t\\/\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}",
      "it has ' \xf0\x9f\x98\x80\xe2\x82\xac\t/'" },
    { "{\"a\\", "no JSON at byte" },
    { "{\"a\\u", "no JSON at byte" },
    { "{\"__metadata__\":{\"x\":\"\\q\"}," A "," B "}", "no JSON at byte" },
    { "{\"__metadata__\":{\"x\"}," A "," B "}", "no JSON at byte" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}," B "}",
      "more than 8 dimensions" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}," B "}", "not two whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}," B "}", "not two whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":{}}," B "}", "not two whole numbers" },
    { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}," B "}", "not two whole numbers" },
    { "{\"a\\u0000x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}," B "}", "no JSON at byte" },
};

static void attacks_are_refused(void **state)
{
    (void)state;
    ag_tape *t = f64_tape();
    nn_module m;
    nn_init(&m, t, "m", NULL);
    nn_param(&m, ag_ones(t, AG_F32, AG_SHAPE(2)), "a");
    nn_buffer(&m, ag_ones(t, AG_I64, AG_SHAPE(1)), "b");
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        const char *path = forge(headers[i].header, 16);
        if (headers[i].text)
            refuse_file(&m, path, headers[i].text);
        else
            assert_int_equal(nn_load(&m, path), AG_OK);
        assert_near(ag_item_at(nn_find(&m, "a"), 0), headers[i].text ? 1 : 0, 0);
        ag_assign(nn_find(&m, "a"), ag_ones(t, AG_F32, AG_SHAPE(2)));
    }
    char deep[3000] = "{\"a\":";
    memset(deep + 5, '[', 2500);
    refuse_file(&m, forge(deep, 0), "is no object");
    ag_tape_free(t);
}

static void headers_have_a_limit(void **state)
{
    (void)state;
    ag_tape *t = tape_of(AG_F32);
    nn_module *m = small_mlp(t);
    const char *path = in_directory("limit");
    const uint64_t lengths[] = { 100000001, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63, 1, 0 };
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        unsigned char b[64] = { 0 };
        memcpy(b, &lengths[i], 8);
        b[8] = '{';
        write_bytes(path, b, sizeof b);
        refuse_file(m, path, "its header would have");
    }
    write_bytes(path, (const unsigned char *)"PK\3\4\0\0\x8\x8", 8);
    refuse_file(m, path, "it is a zip archive, as torch.save writes; the function save_file of the Python package");
    size_t size = 5000008;
    unsigned char *many = malloc(size);
    assert_non_null(many);
    uint64_t length = size - 8;
    memset(many, '[', size);
    memcpy(many, &length, 8);
    many[8] = '{';
    write_bytes(path, many, size);
    refuse_file(m, path, "no JSON at byte 1");
    many[100] = 0;
    write_bytes(path, many, size);
    refuse_file(m, path, "a NUL byte");
    free(many);
    ag_tape_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_and_stretched_files_are_refused),
        cmocka_unit_test(any_header_is_checked),
        cmocka_unit_test(attacks_are_refused),
        cmocka_unit_test(headers_have_a_limit),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
