/* blind: the manifest of blind computing. */
#include <stdlib.h>

#include "blind/blind_manifest.h"
#include "tests/check.h"

enum { STACKS = 5, BYTES = 1 + 1 + 13 + 8 + 32 + 1 + 11 + 8 + 32 + 2 + STACKS * 44 };

static void a_manifest(struct blind_manifest *m) {
    CHECK_INT(blind_manifest_init(m, STACKS), 0);
    strcpy(m->name, "lull-toy:q8_0");
    strcpy(m->profile, "C1-row8-f16");
    m->file_bytes = 123456789;
    m->client_bytes = 1234;
    memset(m->file_sha256, 1, 32);
    memset(m->client_sha256, 2, 32);
    for (uint32_t i = 0; i < STACKS; i++) {
        m->stacks[i] = (struct blind_stack){.rows = 16 + i, .cols = i == 3 ? 8193 : 64};
        memset(m->stacks[i].root, (int)(3 + i), 32);
    }
}

static size_t written(const struct blind_manifest *m, uint8_t *out, size_t cap) {
    struct writer w = writer_over(out, cap);
    blind_manifest_write(&w, m);
    CHECK_INT(w.err, 0);
    return w.len;
}

static int read_it(const uint8_t *p, size_t n, struct blind_manifest *m, struct why *why) {
    struct reader r = reader_over(p, n);
    return blind_manifest_read(&r, m, why);
}

TEST(a_manifest_round_trips_in_its_documented_layout) {
    struct blind_manifest m, back;
    uint8_t bytes[BYTES], again[BYTES];
    a_manifest(&m);
    CHECK_INT(written(&m, bytes, BYTES), BYTES);
    CHECK_INT(bytes[0], 1);
    CHECK_INT(bytes[1], 13);
    CHECK_MEM(bytes + 2, "lull-toy:q8_0", 13);
    CHECK_MEM(bytes + 15, "\0\0\0\0\x07\x5b\xcd\x15", 8);
    const uint8_t *fourth = bytes + BYTES - 2 * 44;
    CHECK_MEM(fourth, "\0\0\0\x13\0\0\x20\x01\x03\xff\xff\xfb\x06", 13); /* rows 19, cols 8193, p26 */
    CHECK_MEM(bytes + BYTES - 44 + 8, "\0\xfe\xfe\xfd", 4);              /* p24 */
    CHECK_INT(read_it(bytes, BYTES, &back, NULL), 0);
    CHECK_INT(written(&back, again, BYTES), BYTES);
    CHECK_MEM(bytes, again, BYTES);
    CHECK_INT(blind_manifest_same(&m, &back, NULL), 0);
    blind_manifest_release(&m);
    blind_manifest_release(&back);
}

TEST(a_manifest_cut_short_or_extended_is_refused) {
    struct blind_manifest m, back;
    uint8_t bytes[BYTES + 1] = {0};
    a_manifest(&m);
    written(&m, bytes, BYTES);
    for (size_t n = 0; n < BYTES; n++) {
        int r = read_it(bytes, n, &back, NULL);
        CHECK(r == ERR_SHORT || (n == 0 && r == ERR_VERSION));
    }
    CHECK_INT(read_it(bytes, BYTES + 1, &back, NULL), ERR_TRAILING);
    blind_manifest_release(&m);
}

TEST(every_changed_bit_is_another_manifest_or_refused) {
    struct blind_manifest m, back;
    uint8_t bytes[BYTES], digest[32], other[32];
    a_manifest(&m);
    written(&m, bytes, BYTES);
    CHECK_INT(blind_manifest_digest(&m, digest), 0);
    unsigned accepted = 0;
    for (size_t bit = 0; bit < 8 * BYTES; bit++) {
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
        if (read_it(bytes, BYTES, &back, NULL) == 0) {
            accepted++;
            CHECK_INT(blind_manifest_digest(&back, other), 0);
            CHECK(memcmp(digest, other, 32) != 0);
            CHECK(strcmp(back.name, m.name) != 0 || blind_manifest_same(&m, &back, NULL) == ERR_AUTH);
            blind_manifest_release(&back);
        }
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
    }
    CHECK(accepted > 8 * 7 * 32); /* at least the hashes */
    blind_manifest_release(&m);
}

static int refused(void (*change)(struct blind_manifest *m), struct why *why) {
    struct blind_manifest m, back;
    uint8_t *bytes = malloc(BLIND_MANIFEST_BYTES_MAX);
    a_manifest(&m);
    change(&m);
    int r = read_it(bytes, written(&m, bytes, BLIND_MANIFEST_BYTES_MAX), &back, why);
    if (r == 0) blind_manifest_release(&back);
    CHECK_INT(blind_manifest_check(&m, NULL), r);
    blind_manifest_release(&m);
    free(bytes);
    return r;
}

static void short_name(struct blind_manifest *m) { strcpy(m->name, "lull-toy"); }
static void other_profile(struct blind_manifest *m) { strcpy(m->profile, "C1-f16"); }
static void spaced_profile(struct blind_manifest *m) { strcpy(m->profile, "C1-row8 f16"); }
static void empty_file(struct blind_manifest *m) { m->file_bytes = 0; }
static void empty_client(struct blind_manifest *m) { m->client_bytes = 0; }
static void no_rows(struct blind_manifest *m) { m->stacks[1].rows = 0; }
static void many_rows(struct blind_manifest *m) { m->stacks[1].rows = (1 << 20) + 1; }
static void no_cols(struct blind_manifest *m) { m->stacks[4].cols = 0; }
static void many_cols(struct blind_manifest *m) { m->stacks[4].cols = 65537; }

TEST(values_that_no_model_has_are_refused_with_the_reason) {
    static const struct {
        void (*change)(struct blind_manifest *m);
        int err;
        const char *says;
    } cases[] = {
        {short_name, ERR_FORMAT, "name"},  {other_profile, ERR_UNSUPPORTED, "row8"}, {spaced_profile, ERR_FORMAT, "profile"},
        {empty_file, ERR_RANGE, "empty"},  {empty_client, ERR_RANGE, "empty"},       {no_rows, ERR_RANGE, "stack 1"},
        {many_rows, ERR_RANGE, "stack 1"}, {no_cols, ERR_RANGE, "stack 4"},          {many_cols, ERR_RANGE, "stack 4"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct why why = {""};
        CHECK_INT(refused(cases[i].change, &why), cases[i].err);
        CHECK(strstr(why.text, cases[i].says));
    }
}

TEST(a_wrong_modulus_version_or_number_of_stacks_is_refused) {
    struct blind_manifest m, back;
    uint8_t bytes[BYTES];
    a_manifest(&m);
    written(&m, bytes, BYTES);
    bytes[BYTES - 44 + 11] ^= 1;
    CHECK_INT(read_it(bytes, BYTES, &back, NULL), ERR_RANGE);
    bytes[BYTES - 44 + 11] ^= 1;
    bytes[0] = 2;
    CHECK_INT(read_it(bytes, BYTES, &back, NULL), ERR_VERSION);
    bytes[0] = 1;
    static const uint16_t counts[] = {0, 1, 4, 6, 8, BLIND_MANIFEST_STACKS_MAX + 4, 65533};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint8_t *at = bytes + BYTES - STACKS * 44 - 2;
        at[0] = (uint8_t)(counts[i] >> 8);
        at[1] = (uint8_t)counts[i];
        CHECK_INT(read_it(bytes, BYTES, &back, NULL), ERR_RANGE);
    }
    blind_manifest_release(&m);
}

TEST(the_largest_manifest_fits_its_limit) {
    struct blind_manifest m;
    uint8_t *bytes = malloc(BLIND_MANIFEST_BYTES_MAX);
    CHECK_INT(blind_manifest_init(&m, BLIND_MANIFEST_STACKS_MAX), 0);
    memset(m.name, 'a', 129);
    m.name[64] = ':';
    strcpy(m.profile, "C1-row8-f16-c16777216000");
    m.file_bytes = m.client_bytes = 1;
    for (uint32_t i = 0; i < m.stack_count; i++) m.stacks[i] = (struct blind_stack){.rows = 1 << 20, .cols = 65536};
    CHECK_INT(blind_manifest_check(&m, NULL), 0);
    CHECK(written(&m, bytes, BLIND_MANIFEST_BYTES_MAX) <= BLIND_MANIFEST_BYTES_MAX);
    struct blind_manifest back;
    CHECK_INT(read_it(bytes, written(&m, bytes, BLIND_MANIFEST_BYTES_MAX), &back, NULL), 0);
    blind_manifest_release(&back);
    blind_manifest_release(&m);
    free(bytes);
}

TEST(a_manifest_of_another_model_is_refused_with_what_differs) {
    struct blind_manifest m, other;
    struct why why;
    a_manifest(&m);
    a_manifest(&other);
    CHECK_INT(blind_manifest_same(&m, &other, &why), 0);
    other.file_sha256[0] ^= 1;
    CHECK_INT(blind_manifest_same(&m, &other, &why), ERR_AUTH);
    CHECK(strstr(why.text, "another file"));
    other.file_sha256[0] ^= 1;
    strcpy(other.profile, "C1-row8-q8");
    CHECK_INT(blind_manifest_same(&m, &other, &why), ERR_AUTH);
    CHECK(strstr(why.text, "C1-row8-q8"));
    strcpy(other.profile, m.profile);
    other.stacks[3].rows++;
    CHECK_INT(blind_manifest_same(&m, &other, &why), ERR_AUTH);
    CHECK(strstr(why.text, "stack 3"));
    other.stacks[3].rows--;
    other.stacks[4].root[31] ^= 0x80;
    CHECK_INT(blind_manifest_same(&m, &other, &why), ERR_AUTH);
    CHECK(strstr(why.text, "weights of stack 4"));
    other.stacks[4].root[31] ^= 0x80;
    other.client_sha256[5] ^= 1;
    CHECK_INT(blind_manifest_same(&m, &other, &why), ERR_AUTH);
    CHECK(strstr(why.text, "tokenizer"));
    blind_manifest_release(&m);
    blind_manifest_release(&other);
}

TESTS_MAIN("blind_manifest", T(a_manifest_round_trips_in_its_documented_layout), T(a_manifest_cut_short_or_extended_is_refused),
           T(every_changed_bit_is_another_manifest_or_refused), T(values_that_no_model_has_are_refused_with_the_reason),
           T(a_wrong_modulus_version_or_number_of_stacks_is_refused), T(the_largest_manifest_fits_its_limit),
           T(a_manifest_of_another_model_is_refused_with_what_differs))
