/* The GGUF reader on good files, on every prefix and on crafted ones; each published advisory of other readers has a test
 * that is named for it. */
#include "tests/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/wire.h"
#include "math/weight.h"
#include "model/gguf.h"
#include "model/gguf_write.h"

struct image {
    uint8_t byte[4096];
    struct writer w;
};

static void start(struct image *f, uint32_t version, uint64_t tensors, uint64_t keys) {
    memset(f, 0, sizeof *f);
    f->w = writer_over(f->byte, sizeof f->byte);
    write_bytes(&f->w, "GGUF", 4);
    write_u32_le(&f->w, version);
    write_u64_le(&f->w, tensors);
    write_u64_le(&f->w, keys);
}

static void str(struct image *f, const char *s) {
    write_u64_le(&f->w, strlen(s));
    write_bytes(&f->w, s, strlen(s));
}

static void key(struct image *f, const char *name, uint32_t type) {
    str(f, name);
    write_u32_le(&f->w, type);
}

static void key_u32(struct image *f, const char *name, uint32_t v) {
    key(f, name, GGUF_U32);
    write_u32_le(&f->w, v);
}

static void info(struct image *f, const char *name, uint32_t n_dims, uint64_t a, uint64_t b, uint32_t type, uint64_t offset) {
    str(f, name);
    write_u32_le(&f->w, n_dims);
    for (uint32_t i = 0; i < n_dims && i < 8; i++) write_u64_le(&f->w, i == 0 ? a : i == 1 ? b : 1);
    write_u32_le(&f->w, type);
    write_u64_le(&f->w, offset);
}

static void pad(struct image *f) { write_zeros(&f->w, (32 - f->w.len % 32) % 32); }

/* Parses from memory of exactly the file's length, so that a sanitizer sees any byte too many. */
static int parse(const struct image *f, struct why *why) {
    uint8_t *exact = malloc(f->w.len ? f->w.len : 1);
    struct gguf g;
    memcpy(exact, f->byte, f->w.len);
    int r = gguf_parse(&g, exact, f->w.len, why);
    if (r == 0) gguf_close(&g);
    free(exact);
    return r;
}

static void refused(const struct image *f, int err, const char *words) {
    struct why why = {{0}};
    int r = parse(f, &why);
    if (r != err || !strstr(why.text, words)) printf("# %d \"%s\", expected %d \"%s\"\n", r, why.text, err, words);
    CHECK(r == err && strstr(why.text, words) != NULL);
}

/* A file of one tensor. */
static void tensor_refused(uint32_t n_dims, uint64_t a, uint64_t b, uint32_t type, uint64_t offset, int err, const char *words) {
    struct image f;
    start(&f, 3, 1, 0);
    info(&f, "t", n_dims, a, b, type, offset);
    refused(&f, err, words);
}

static void good(struct image *f) {
    start(f, 3, 2, 4);
    key(f, "a.text", GGUF_STRING);
    str(f, "hello");
    key_u32(f, "a.count", 7);
    key(f, "a.list", GGUF_ARRAY);
    write_u32_le(&f->w, GGUF_STRING);
    write_u64_le(&f->w, 2);
    str(f, "x");
    str(f, "");
    key(f, "a.flag", GGUF_BOOL);
    write_u8(&f->w, 1);
    info(f, "one", 1, 4, 0, WEIGHT_F32, 0);
    info(f, "two", 2, 32, 2, WEIGHT_Q8_0, 32);
    pad(f);
    write_zeros(&f->w, 32 + 68);
}

TEST(a_good_file_reads_back) {
    struct image f;
    struct gguf g;
    struct why why = {{0}};
    good(&f);
    CHECK_INT(gguf_parse(&g, f.byte, f.w.len, &why), 0);
    uint32_t n = 0;
    int flag = 0;
    struct gguf_str s;
    const struct gguf_kv *list;
    CHECK(gguf_u32(&g, "a.count", 0, 9, &n, &why) == 0 && n == 7);
    CHECK(gguf_bool(&g, "a.flag", &flag, &why) == 0 && flag == 1);
    CHECK(gguf_text(&g, "a.text", &s, &why) == 0 && s.n == 5 && memcmp(s.p, "hello", 5) == 0);
    CHECK(gguf_array(&g, "a.list", GGUF_STRING, &list, &why) == 0 && list->count == 2);
    size_t cursor = 0;
    CHECK(gguf_next_str(list, &cursor, &s) && s.n == 1 && gguf_next_str(list, &cursor, &s) && s.n == 0 &&
          !gguf_next_str(list, &cursor, &s));
    const struct gguf_tensor *t = gguf_tensor(&g, "two");
    CHECK(t && t->dims[0] == 32 && t->dims[1] == 2 && t->dims[2] == 1 && t->bytes == 68 && t->data + 68 == f.byte + f.w.len);
    CHECK(gguf_tensor(&g, "three") == NULL);
    gguf_close(&g);
}

TEST(getters_say_what_is_wrong_with_a_key) {
    struct image f;
    struct gguf g;
    struct why why = {{0}};
    uint32_t n = 5;
    float x;
    good(&f);
    CHECK_INT(gguf_parse(&g, f.byte, f.w.len, &why), 0);
    CHECK(gguf_u32(&g, "a.none", 0, 9, &n, &why) == ERR_NOTFOUND && n == 5 && strstr(why.text, "a.none"));
    CHECK(gguf_u32(&g, "a.count", 8, 9, &n, &why) == ERR_RANGE && strstr(why.text, "a.count"));
    CHECK(gguf_u32(&g, "a.text", 0, 9, &n, &why) == ERR_FORMAT && strstr(why.text, "a.text"));
    CHECK(gguf_f32(&g, "a.list", 0, 9, &x, &why) == ERR_FORMAT && strstr(why.text, "an array of string"));
    gguf_close(&g);
}

TEST(counts_may_be_any_integer_type) {
    static const struct {
        uint32_t type;
        uint8_t bytes;
        uint64_t value;
        int ok;
    } rows[] = {{GGUF_U8, 1, 9, 1},           {GGUF_I8, 1, 0xff, 0},       {GGUF_U16, 2, 9, 1},          {GGUF_I16, 2, 0xffff, 0},
                {GGUF_U32, 4, 9, 1},          {GGUF_I32, 4, 9, 1},         {GGUF_I32, 4, 0xffffffff, 0}, {GGUF_U64, 8, 9, 1},
                {GGUF_U64, 8, 1ull << 32, 0}, {GGUF_I64, 8, UINT64_MAX, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct image f;
        struct gguf g;
        uint32_t n = 0;
        start(&f, 3, 0, 1);
        key(&f, "k", rows[i].type);
        for (int b = 0; b < rows[i].bytes; b++) write_u8(&f.w, (uint8_t)(rows[i].value >> 8 * b));
        CHECK_INT(gguf_parse(&g, f.byte, f.w.len, NULL), 0);
        CHECK_INT(gguf_u32(&g, "k", 0, UINT32_MAX - 1, &n, NULL), rows[i].ok ? 0 : ERR_RANGE);
        CHECK(!rows[i].ok || n == 9);
        gguf_close(&g);
    }
}

TEST(a_file_cut_anywhere_is_refused) {
    struct image f;
    good(&f);
    size_t whole = f.w.len;
    for (f.w.len = 0; f.w.len < whole; f.w.len++) CHECK(parse(&f, NULL) < 0);
}

TEST(any_flipped_bit_gives_an_error_or_a_file) {
    struct image f;
    for (size_t bit = 0;; bit++) {
        good(&f);
        if (bit / 8 == f.w.len) break;
        f.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)parse(&f, NULL); /* sanitizers judge */
    }
}

TEST(version_1_and_4_and_big_endian_are_refused) {
    struct image f;
    start(&f, 1, 0, 0);
    refused(&f, ERR_VERSION, "version 1");
    start(&f, 4, 0, 0);
    refused(&f, ERR_VERSION, "version 4");
    start(&f, 0x03000000, 0, 0);
    refused(&f, ERR_UNSUPPORTED, "big-endian");
    start(&f, 2, 0, 0);
    CHECK_INT(parse(&f, NULL), 0);
    f.byte[0] = 'g';
    refused(&f, ERR_FORMAT, "not a GGUF");
}

TEST(cve_2024_21802_too_many_dimensions) {
    tensor_refused(5, 1, 1, WEIGHT_F32, 0, ERR_RANGE, "5 dimensions");
    tensor_refused(0xffffffff, 1, 1, WEIGHT_F32, 0, ERR_RANGE, "tensor t");
}

TEST(cve_2024_21825_array_longer_than_memory) {
    struct image f;
    for (uint64_t count = 1ull << 60; count; count = count == UINT64_MAX ? 0 : UINT64_MAX) {
        start(&f, 3, 0, 1);
        key(&f, "list", GGUF_ARRAY);
        write_u32_le(&f.w, GGUF_U64);
        write_u64_le(&f.w, count);
        write_zeros(&f.w, 64);
        refused(&f, ERR_SHORT, "key list");
    }
}

TEST(cve_2024_21836_too_many_tensors) {
    struct image f;
    start(&f, 3, 1ull << 61, 0);
    write_zeros(&f.w, 64);
    refused(&f, ERR_LIMIT, "tensors");
    start(&f, 3, UINT64_MAX, 0);
    refused(&f, ERR_LIMIT, "tensors");
}

TEST(cve_2024_23496_string_of_all_ones_length) {
    struct image f;
    start(&f, 3, 0, 1);
    write_u64_le(&f.w, UINT64_MAX);
    write_zeros(&f.w, 32);
    refused(&f, ERR_SHORT, "key 0");
    start(&f, 3, 0, 1);
    key(&f, "text", GGUF_STRING);
    write_u64_le(&f.w, UINT64_MAX - 7);
    refused(&f, ERR_SHORT, "key text");
}

TEST(cve_2024_23605_too_many_keys) {
    struct image f;
    start(&f, 3, 0, UINT64_MAX);
    write_zeros(&f.w, 64);
    refused(&f, ERR_LIMIT, "keys");
    start(&f, 3, 0, 0x1000000000000000u);
    refused(&f, ERR_LIMIT, "keys");
}

TEST(cve_2024_25664_to_25668_unchecked_counts_and_types) {
    struct image f;
    start(&f, 3, 0, 2); /* fewer keys than announced */
    key_u32(&f, "k", 1);
    refused(&f, ERR_LIMIT, "keys");
    start(&f, 3, 0, 1);
    key(&f, "k", 99);
    write_zeros(&f.w, 16);
    refused(&f, ERR_UNSUPPORTED, "type 99");
    start(&f, 3, 0, 1); /* array of strings whose last one reaches outside */
    key(&f, "k", GGUF_ARRAY);
    write_u32_le(&f.w, GGUF_STRING);
    write_u64_le(&f.w, 2);
    str(&f, "in");
    write_u64_le(&f.w, 1);
    refused(&f, ERR_SHORT, "key k");
}

TEST(cve_2024_32878_failing_halfway_frees_nothing_unset) {
    struct image f;
    start(&f, 3, 3, 2);
    key_u32(&f, "k", 1);
    key_u32(&f, "l", 1);
    info(&f, "t", 1, 4, 0, WEIGHT_F32, 0);
    write_zeros(&f.w, 70);
    CHECK(parse(&f, NULL) < 0); /* sanitizers judge the clean-up */
}

TEST(cve_2024_41130_no_tensor_data_is_no_null_pointer) {
    tensor_refused(1, 4, 0, WEIGHT_F32, 0, ERR_SHORT, "ends before its tensor data");
}

TEST(cve_2025_53630_and_2026_27940_sum_of_sizes_overflows) {
    struct image f;
    start(&f, 3, 2, 0);
    info(&f, "a", 2, 0x80000000, 0x1fffffffff, WEIGHT_F32, 0);
    info(&f, "b", 2, 0x80000000, 0x1fffffffff, WEIGHT_F32, 0);
    pad(&f);
    refused(&f, ERR_RANGE, "tensor a");
    start(&f, 3, 1, 0);
    str(&f, "c");
    write_u32_le(&f.w, 4);
    for (int i = 0; i < 4; i++) write_u64_le(&f.w, 0x40000000);
    write_u32_le(&f.w, WEIGHT_F32);
    write_u64_le(&f.w, 0);
    refused(&f, ERR_RANGE, "tensor c");
}

TEST(cve_2026_7482_tensor_beyond_the_file) {
    struct image f;
    start(&f, 3, 1, 0);
    info(&f, "t", 2, 32, 1000, WEIGHT_F32, 0);
    pad(&f);
    write_zeros(&f.w, 64);
    refused(&f, ERR_SHORT, "tensor t goes beyond");
    start(&f, 3, 1, 0);
    info(&f, "t", 1, 4, 0, WEIGHT_F32, UINT64_MAX - 31);
    pad(&f);
    write_zeros(&f.w, 64);
    refused(&f, ERR_FORMAT, "tensor t starts at");
}

TEST(cve_2024_39720_tiny_files) {
    struct image f;
    for (size_t n = 0; n < 24; n++) {
        start(&f, 3, 0, 0);
        f.w.len = n;
        CHECK(parse(&f, NULL) < 0);
    }
}

TEST(cve_2025_0312_zero_dimensions_and_alignment) {
    struct image f;
    tensor_refused(2, 0, 4, WEIGHT_F32, 0, ERR_FORMAT, "tensor t");
    tensor_refused(2, 4, 0, WEIGHT_F32, 0, ERR_RANGE, "tensor t");
    for (uint32_t bad = 0; bad < 4; bad += 3) {
        start(&f, 3, 0, 1);
        key_u32(&f, "general.alignment", bad);
        refused(&f, ERR_RANGE, "general.alignment");
    }
    start(&f, 3, 0, 1);
    key_u32(&f, "general.alignment", 0x80000000);
    refused(&f, ERR_RANGE, "general.alignment");
}

TEST(nested_arrays_are_refused) {
    struct image f;
    start(&f, 3, 0, 1);
    key(&f, "deep", GGUF_ARRAY);
    for (int i = 0; i < 100; i++) {
        write_u32_le(&f.w, GGUF_ARRAY);
        write_u64_le(&f.w, 1);
    }
    refused(&f, ERR_UNSUPPORTED, "an array inside an array");
}

TEST(doubles_overlaps_and_gaps_are_refused) {
    struct image f;
    start(&f, 3, 0, 2);
    key_u32(&f, "same", 1);
    key_u32(&f, "same", 2);
    refused(&f, ERR_FORMAT, "key same is there twice");
    start(&f, 3, 2, 0);
    info(&f, "t", 1, 4, 0, WEIGHT_F32, 0);
    info(&f, "t", 1, 4, 0, WEIGHT_F32, 32);
    refused(&f, ERR_FORMAT, "tensor t is there twice");
    for (uint64_t at = 0; at <= 64; at += 64) {
        start(&f, 3, 2, 0);
        info(&f, "t", 1, 4, 0, WEIGHT_F32, 0);
        info(&f, "u", 1, 4, 0, WEIGHT_F32, at);
        pad(&f);
        write_zeros(&f.w, 256);
        refused(&f, ERR_FORMAT, "32 is expected");
    }
}

TEST(split_models_are_refused_with_advice) {
    struct image f;
    start(&f, 3, 0, 1);
    key(&f, "split.count", GGUF_U16);
    write_u16_le(&f.w, 5);
    refused(&f, ERR_UNSUPPORTED, "one of 5 parts");
}

TEST(types_and_rows_that_do_not_fit_are_refused) {
    tensor_refused(1, 32, 0, 7777, 0, ERR_UNSUPPORTED, "weight type 7777");
    tensor_refused(1, 33, 0, WEIGHT_Q8_0, 0, ERR_FORMAT, "rows of 33 values");
}

/* What is computed with is among what files can hold, of the same size. */
TEST(the_two_type_tables_agree) {
    const struct weight_type *t;
    for (size_t i = 0; (t = weight_type_nth(i)) != NULL; i++) {
        const struct gguf_tensor_type *f = gguf_tensor_type(t->id);
        CHECK(f != NULL);
        CHECK_STR(f->name, t->name);
        CHECK(f->block_len == t->block_len && f->block_bytes == t->block_bytes);
    }
    CHECK(gguf_tensor_type(16) && !weight_type_of(16));
    CHECK(!gguf_tensor_type(4) && !gguf_tensor_type(7777));
}

TEST(names_with_control_characters_are_refused) {
    static const char *const names[] = {"a\x1b[2J", "\xff",
                                        "a\xc2\x9b"
                                        "2J"}; /* U+009B, which some terminals obey as ESC [ */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct image f;
        start(&f, 3, 0, 1);
        key_u32(&f, names[i], 1);
        refused(&f, ERR_FORMAT, "not plain text");
    }
}

TEST(bools_are_0_or_1) {
    struct image f;
    start(&f, 3, 0, 1);
    key(&f, "b", GGUF_BOOL);
    write_u8(&f.w, 2);
    refused(&f, ERR_FORMAT, "key b");
}

/* ---- writer ---- */

static void path_for(char out[64], const char *what) { snprintf(out, 64, "/tmp/lull-gguf-%s-%ld", what, (long)getpid()); }

TEST(what_is_written_reads_back) {
    char path[64];
    struct gguf_writer *w;
    struct why why = {{0}};
    path_for(path, "back");
    CHECK_INT(gguf_writer_new(&w, path, &why), 0);
    const struct gguf_str texts[] = {{"ab", 2}, {"", 0}};
    const float reals[] = {1.5f, -2};
    gguf_put_u32(w, "u", 3);
    gguf_put_text(w, "t", "x");
    gguf_put_strs(w, "s", texts, 2);
    gguf_put_f32s(w, "f", reals, 2);
    gguf_put_tensor(w, "v", WEIGHT_F32, 1, 3, 1);
    gguf_put_tensor(w, "m", WEIGHT_F32, 2, 2, 2);
    const float data[7] = {1, 2, 3, 4, 5, 6, 7};
    gguf_put_data(w, data, 5);
    gguf_put_data(w, (const uint8_t *)data + 5, sizeof data - 5);
    CHECK(access(path, F_OK) != 0); /* not before it is complete */
    CHECK_INT(gguf_writer_finish(w, &why), 0);
    gguf_writer_free(w);
    struct gguf g;
    CHECK_INT(gguf_open(&g, path, &why), 0);
    const struct gguf_kv *f;
    CHECK(gguf_array(&g, "f", GGUF_F32, &f, &why) == 0 && f->count == 2 && gguf_f32_at(f, 1) == -2.0f);
    CHECK(memcmp(gguf_tensor(&g, "v")->data, data, 12) == 0 && memcmp(gguf_tensor(&g, "m")->data, data + 3, 16) == 0);
    gguf_close(&g);
    unlink(path);
}

TEST(an_unfinished_file_leaves_nothing) {
    char path[64], temp[128];
    struct gguf_writer *w;
    struct why why = {{0}};
    path_for(path, "part");
    snprintf(temp, sizeof temp, "%s.%ld.tmp", path, (long)getpid());
    CHECK_INT(gguf_writer_new(&w, path, &why), 0);
    gguf_put_tensor(w, "v", WEIGHT_F32, 1, 3, 1);
    gguf_put_data(w, "1234", 4);
    CHECK_INT(gguf_writer_finish(w, &why), ERR_SHORT);
    gguf_writer_free(w);
    CHECK(access(path, F_OK) != 0 && access(temp, F_OK) != 0);
}

TEST(too_much_data_is_an_error) {
    char path[64];
    struct gguf_writer *w;
    path_for(path, "much");
    CHECK_INT(gguf_writer_new(&w, path, NULL), 0);
    gguf_put_tensor(w, "v", WEIGHT_F32, 1, 1, 1);
    gguf_put_data(w, "12345", 5);
    CHECK_INT(gguf_writer_finish(w, NULL), ERR_TRAILING);
    gguf_writer_free(w);
    CHECK(access(path, F_OK) != 0);
    CHECK_INT(gguf_writer_new(&w, "/nonexistent/x.gguf", NULL), ERR_IO);
}

TESTS_MAIN("gguf", T(a_good_file_reads_back), T(getters_say_what_is_wrong_with_a_key), T(counts_may_be_any_integer_type),
           T(a_file_cut_anywhere_is_refused), T(any_flipped_bit_gives_an_error_or_a_file),
           T(version_1_and_4_and_big_endian_are_refused), T(cve_2024_21802_too_many_dimensions),
           T(cve_2024_21825_array_longer_than_memory), T(cve_2024_21836_too_many_tensors),
           T(cve_2024_23496_string_of_all_ones_length), T(cve_2024_23605_too_many_keys),
           T(cve_2024_25664_to_25668_unchecked_counts_and_types), T(cve_2024_32878_failing_halfway_frees_nothing_unset),
           T(cve_2024_41130_no_tensor_data_is_no_null_pointer), T(cve_2025_53630_and_2026_27940_sum_of_sizes_overflows),
           T(cve_2026_7482_tensor_beyond_the_file), T(cve_2024_39720_tiny_files), T(cve_2025_0312_zero_dimensions_and_alignment),
           T(nested_arrays_are_refused), T(doubles_overlaps_and_gaps_are_refused), T(split_models_are_refused_with_advice),
           T(types_and_rows_that_do_not_fit_are_refused), T(the_two_type_tables_agree),
           T(names_with_control_characters_are_refused), T(bools_are_0_or_1), T(what_is_written_reads_back),
           T(an_unfinished_file_leaves_nothing), T(too_much_data_is_an_error))
