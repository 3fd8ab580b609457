/* IMA lists: real ones, every template, replay, boot aggregate, judging by digest. What must fail is a table: test_ima_log_mutations.c. */
#include "tests/unit/evidence/ima_scene.h"

static uint8_t text[1 << 17];
static struct ima_maker m;
static struct ima_log log_;
static struct ima_entry e;
static struct why why;

static int read_made(void) {
    why.text[0] = 0;
    return ima_log_read(&log_, ima_text(&m), &why);
}
static void made(void) {
    if (read_made() != 0) fail_msg("%s", why.text);
}
static void read_file(const char *name) {
    size_t n = maker_file(name, text, sizeof text);
    if (ima_log_read(&log_, (struct ev_bytes){text, n}, &why) != 0) fail_msg("%s", why.text);
}
static void first(void) {
    struct ima_walk w = ima_walk_over(&log_);
    CHECK_INT(ima_next(&w, &e), 1);
}
static int path_is(const char *s) { return e.path.n == strlen(s) && memcmp(e.path.p, s, e.path.n) == 0; }
static struct ev_bytes of_hex(uint8_t out[64], const char *hex) {
    size_t n = strlen(hex) / 2;
    CHECK_INT(hex_decode(out, n, hex, 2 * n), 0);
    return (struct ev_bytes){out, n};
}

/* ---- real lists ---- */

static const struct {
    uint16_t alg;
    enum ima_form form;
    const char *pcr10;
} keylime[] = {
    {TPM_ALG_SHA1, IMA_PER_BANK, "82231c67a69da98dc5b3aa10f6343d33109225fc"},
    {TPM_ALG_SHA256, IMA_PER_BANK, "c4a065637fc6a7c55f2811dd06cb45dd037133be2b3dc5c3e6fbe6bf061db724"},
    {TPM_ALG_SHA256, IMA_PADDED, "ef71b29aba95006a998a95086640b01738a688e3558e36b547df3d989a4c57fd"},
    {TPM_ALG_SHA384, IMA_PER_BANK,
     "cd3b31be56970702d736d8faebcf9c0ad90961e38a4922975b3f4cce4fa106096c51bb5ef1b8dc41519ed18bd61afae5"},
};

TEST(a_real_list_replays_to_what_a_second_implementation_gives) {
    read_file("ima/ima_ascii_runtime_measurements.txt");
    CHECK_INT(log_.count, 826);
    CHECK_INT(log_.violations, 0);
    for (size_t i = 0; i < sizeof keylime / sizeof *keylime; i++) {
        uint8_t want[64], value[TPM_DIGEST_MAX];
        struct ima_match match;
        struct ev_bytes pcr10 = of_hex(want, keylime[i].pcr10);
        CHECK_INT(ima_log_replay(&log_, log_.count, keylime[i].alg, keylime[i].form, value), 0);
        CHECK_MEM(value, want, pcr10.n);
        CHECK_INT(ima_log_match(&log_, keylime[i].alg, pcr10, &match), 0);
        CHECK_INT(match.form, keylime[i].form);
        CHECK_INT(match.entries, 826);
    }
}

TEST(a_short_real_list_is_read) {
    read_file("ima/ima_short.txt");
    CHECK_INT(log_.count, 1);
    first();
    CHECK(path_is("boot_aggregate"));
    CHECK_STR(e.hash_name, "sha256");
    CHECK_INT(e.digest_size, 32);
}

TEST(a_list_that_grew_after_the_quote_is_covered_up_to_the_quote) {
    uint8_t value[TPM_DIGEST_MAX];
    struct ima_match match;
    read_file("ima/ima_ascii_runtime_measurements.txt");
    CHECK_INT(ima_log_replay(&log_, 800, TPM_ALG_SHA256, IMA_PER_BANK, value), 0);
    CHECK_INT(ima_log_match(&log_, TPM_ALG_SHA256, (struct ev_bytes){value, 32}, &match), 0);
    CHECK_INT(match.entries, 800);
    value[0] ^= 1;
    CHECK_INT(ima_log_match(&log_, TPM_ALG_SHA256, (struct ev_bytes){value, 32}, &match), ERR_AUTH);
    CHECK_INT(match.entries, 0);
}

TEST(a_pcr_of_zeros_is_no_beginning_of_a_list) {
    struct ima_match match;
    read_file("ima/ima_short.txt");
    CHECK_INT(ima_log_match(&log_, TPM_ALG_SHA256, (struct ev_bytes){digest_none, 32}, &match), ERR_AUTH);
    CHECK_INT(ima_log_match(&log_, 0x0012, (struct ev_bytes){digest_none, 32}, &match), ERR_UNSUPPORTED);
}

/* ---- lines ---- */

TEST(every_template_is_read) {
    static const uint8_t signature[] = {3, 2, 4, 0xff, 0};
    const struct ima_spec all[] = {
        {.template_name = "ima", .hash = "sha1", .digest = digest_a, .digest_n = 20, .path = "/bin/sh"},
        {.template_name = "ima-ng", .hash = "sha256", .digest = digest_a, .digest_n = 32, .path = "/bin/sh"},
        {.template_name = "ima-ng", .hash = "sha512", .digest = digest_a, .digest_n = 64, .path = "/bin/sh"},
        {.template_name = "ima-ng", .hash = "sm3", .digest = digest_a, .digest_n = 32, .path = "/bin/sh"},
        {.template_name = "ima-ngv2", .hash = "verity:sha256", .digest = digest_a, .digest_n = 32, .path = "/bin/sh"},
        {.template_name = "ima-sig",
         .hash = "sha256",
         .digest = digest_a,
         .digest_n = 32,
         .path = "/bin/sh",
         .extra = signature,
         .extra_n = 5},
        {.template_name = "ima-sig", .hash = "sha256", .digest = digest_a, .digest_n = 32, .path = "/bin/sh"},
        {.template_name = "ima-sigv2",
         .hash = "ima:sha384",
         .digest = digest_a,
         .digest_n = 48,
         .path = "/bin/sh",
         .extra = signature,
         .extra_n = 5},
        {.template_name = "ima-buf",
         .hash = "sha256",
         .digest = digest_a,
         .digest_n = 32,
         .path = "kexec-cmdline",
         .extra = signature,
         .extra_n = 5},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        m.n = 0;
        ima_add(&m, &all[i]);
        made();
        first();
        CHECK_STR(e.template_name, all[i].template_name);
        CHECK_STR(e.hash_name, all[i].hash);
        CHECK(e.digest_size == all[i].digest_n && memcmp(e.digest, all[i].digest, e.digest_size) == 0);
        CHECK(path_is(all[i].path));
        CHECK_INT(e.extra.n, 2 * all[i].extra_n);
        CHECK_INT(e.violation, 0);
    }
}

TEST(paths_hold_spaces_line_ends_and_bytes_of_any_kind) {
    static const char *const paths[] = {"/a file",       "/two  spaces ", " ",     "",          "/gr\xc3\xbc\xc3\x9f",
                                        "/\xff\x01\x7f", "/x\ny",         "\n",    "/x\n\n\ny", "/a beef",
                                        "/a 00",         "/x\\ny",        "/a\tb", "/a: b:c"};
    static const char *const templates[] = {"ima", "ima-ng", "ima-sig"};
    static const uint8_t signature[] = {0xbe, 0xef};
    for (size_t t = 0; t < 3; t++)
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
            for (size_t n = 0; n < (t == 2 ? 2 : 1); n++) {
                struct ima_spec s = {.template_name = templates[t],
                                     .hash = t ? "sha256" : "sha1",
                                     .digest = digest_a,
                                     .digest_n = t ? 32 : 20,
                                     .path = paths[i],
                                     .extra = signature,
                                     .extra_n = n * 2};
                m.n = 0;
                ima_add(&m, &s);
                s.path = "/after";
                ima_add(&m, &s);
                made();
                CHECK_INT(log_.count, 2);
                first();
                CHECK(path_is(paths[i]));
                CHECK_INT(e.extra.n, n * 4);
            }
}

/* A file's name that holds a whole line of another entry: what is found is the one entry, with that name. */
TEST(a_path_that_looks_like_a_line_of_its_own_adds_no_entry) {
    static char path[512];
    struct ima_spec s = ima_ng(digest_a, "/bin/allowed");
    m.n = 0;
    ima_add(&m, &s);
    snprintf(path, sizeof path, "/x\n%.*s", (int)m.n - 1, m.text); /* without the line end */
    m.n = 0;
    s = ima_ng(digest_b, path);
    ima_add(&m, &s);
    made();
    CHECK_INT(log_.count, 1);
    first();
    CHECK(path_is(path));
    CHECK_MEM(e.digest, digest_b, 32);
}

TEST(a_signature_without_the_space_before_nothing_is_read) {
    struct ima_spec s = {.template_name = "ima-sig", .hash = "sha256", .digest = digest_a, .digest_n = 32, .path = "/bin/a b"};
    m.n = 0;
    ima_add(&m, &s);
    CHECK(m.text[m.n - 2] == ' ');
    m.text[m.n-- - 2] = '\n'; /* as an editor leaves it */
    made();
    first();
    CHECK(path_is("/bin/a b"));
}

TEST(the_last_line_may_have_lost_its_end) {
    struct ima_spec s = ima_ng(digest_a, "/bin/sh");
    m.n = 0;
    ima_add(&m, &s);
    ima_add(&m, &s);
    m.n--;
    made();
    CHECK_INT(log_.count, 2);
    m.n--; /* but not more */
    CHECK_INT(read_made(), ERR_AUTH);
}

TEST(a_list_of_another_bank_has_longer_hashes) {
    static const uint16_t algs[] = {TPM_ALG_SHA256, TPM_ALG_SHA384, TPM_ALG_SHA512};
    uint8_t value[2][TPM_DIGEST_MAX];
    struct ima_spec s = ima_ng(digest_a, "/bin/sh");
    m.n = 0;
    ima_add(&m, &s);
    made();
    CHECK_INT(ima_log_replay(&log_, 1, TPM_ALG_SHA256, IMA_PADDED, value[0]), 0);
    for (int i = 0; i < 3; i++) {
        m.n = 0;
        s.alg = algs[i];
        ima_add(&m, &s);
        made();
        CHECK_INT(log_.text_alg, algs[i]);
        CHECK_INT(ima_log_replay(&log_, 1, TPM_ALG_SHA256, IMA_PADDED, value[1]), 0);
        CHECK_MEM(value[1], value[0], 32);
    }
}

/* ---- violations ---- */

TEST(a_violation_extends_ones_in_the_form_of_its_kernel) {
    struct ima_spec s = ima_ng(digest_none, "/written/while read");
    uint8_t joined[64] = {0}, want[32], value[TPM_DIGEST_MAX];
    s.violation = 1;
    m.n = 0;
    ima_add(&m, &s);
    made();
    CHECK_INT(log_.violations, 1);
    first();
    CHECK(e.violation && path_is("/written/while read"));
    memset(joined + 32, 0xff, 32);
    sha256_of(want, joined, 64);
    CHECK_INT(ima_log_replay(&log_, 1, TPM_ALG_SHA256, IMA_PER_BANK, value), 0);
    CHECK_MEM(value, want, 32);
    memset(joined + 32 + 20, 0, 12);
    sha256_of(want, joined, 64);
    CHECK_INT(ima_log_replay(&log_, 1, TPM_ALG_SHA256, IMA_PADDED, value), 0);
    CHECK_MEM(value, want, 32);
}

/* ---- boot aggregate ---- */

static struct tpm_pcrs booted(uint16_t alg, uint32_t mask) {
    struct tpm_pcrs p = {.select = tpm_selection_of(alg, mask)};
    unsigned at = 0;
    for (unsigned i = 0; i < 24; i++)
        if (mask >> i & 1) memset(p.value[at++], (int)i + 1, tpm_hash_size(alg));
    return p;
}
/* A list that begins with the aggregate of PCR 0 to last. */
static void aggregate(uint16_t alg, const char *name, unsigned last, const char *path) {
    uint8_t all[10 * 64], digest[TPM_DIGEST_MAX];
    size_t size = tpm_hash_size(alg);
    for (unsigned i = 0; i <= last; i++) memset(all + i * size, (int)i + 1, size);
    CHECK_INT(tpm_hash(alg, digest, all, (last + 1) * size), 0);
    struct ima_spec s = {.template_name = "ima-ng", .hash = name, .digest = digest, .digest_n = size, .path = path};
    m.n = 0;
    ima_add(&m, &s);
    s = ima_ng(digest_a, "boot_aggregate");
    ima_add(&m, &s);
    made();
}

TEST(the_boot_aggregate_is_recomputed_from_the_quoted_registers) {
    struct tpm_pcrs sha1 = booted(TPM_ALG_SHA1, 0x3ff), sha256 = booted(TPM_ALG_SHA256, 0x3ff);
    aggregate(TPM_ALG_SHA1, "sha1", 7, "boot_aggregate");
    CHECK_INT(ima_boot_aggregate(&log_, &sha1, &why), 0);
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), ERR_NOTFOUND);
    aggregate(TPM_ALG_SHA1, "sha1", 9, "boot_aggregate"); /* never so */
    CHECK_INT(ima_boot_aggregate(&log_, &sha1, &why), ERR_AUTH);
    aggregate(TPM_ALG_SHA256, "sha256", 9, "boot_aggregate");
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), 0);
    CHECK_INT(ima_boot_aggregate(&log_, &sha1, &why), ERR_NOTFOUND);
    aggregate(TPM_ALG_SHA256, "sha256", 7, "boot_aggregate");
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), 0);
    aggregate(TPM_ALG_SHA256, "sha256", 8, "boot_aggregate");
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), ERR_AUTH);
    sha256 = booted(TPM_ALG_SHA256, 0xff);
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), ERR_NOTFOUND); /* 8 and 9 may be what it lacks */
    aggregate(TPM_ALG_SHA256, "sha256", 9, "boot_aggregates");
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), ERR_FORMAT);
    aggregate(TPM_ALG_SHA256, "sm3", 9, "boot_aggregate");
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), ERR_UNSUPPORTED);
}

TEST(the_aggregate_of_another_boot_is_refused) {
    struct tpm_pcrs sha256 = booted(TPM_ALG_SHA256, 0x3ff);
    aggregate(TPM_ALG_SHA256, "sha256", 9, "boot_aggregate");
    sha256.value[9][31] ^= 1;
    CHECK_INT(ima_boot_aggregate(&log_, &sha256, &why), ERR_AUTH);
    read_file("ima/ima_ascii_runtime_measurements.txt"); /* made without a TPM: zeros */
    struct tpm_pcrs sha1 = booted(TPM_ALG_SHA1, 0xff);
    CHECK_INT(ima_boot_aggregate(&log_, &sha1, &why), ERR_AUTH);
}

/* ---- judging ---- */

TEST(entries_that_are_not_in_the_list_are_counted_and_the_first_is_named) {
    static struct ev_digests list = {.given = 1, .count = 1, .size = {32}};
    struct ima_judgement j;
    char name[64];
    memcpy(list.bytes[0], digest_a, 32);
    aggregate(TPM_ALG_SHA256, "sha256", 9, "boot_aggregate"); /* and one that only bears its name, of digest a */
    struct ima_spec s = ima_ng(digest_a, "/bin/sh");
    ima_add(&m, &s);
    s = ima_ng(digest_b, "/tmp/odd\nname");
    ima_add(&m, &s);
    s = ima_ng(digest_b, "/tmp/log");
    s.violation = 1;
    ima_add(&m, &s);
    made();
    ima_log_judge(&log_, 5, 1, ima_allows_digests, &list, &j);
    CHECK_INT(j.unknown, 2);
    CHECK_INT(j.violations, 1);
    CHECK_INT(j.first.number, 3);
    ima_path_text(&j.first, name, sizeof name);
    CHECK_STR(name, "/tmp/odd\\x0aname");
    ima_log_judge(&log_, 5, 0, ima_allows_digests, &list, &j); /* the aggregate is not known to be good */
    CHECK_INT(j.unknown, 3);
    CHECK_INT(j.first.number, 0);
    ima_log_judge(&log_, 3, 1, ima_allows_digests, &list, &j); /* what the quote covers is good */
    CHECK_INT(j.unknown, 0);
    ima_log_judge(&log_, 2, 1, ima_allows_digests, &(struct ev_digests){.given = 1}, &j);
    CHECK_INT(j.unknown, 1); /* a second boot_aggregate is judged like any */
}

TEST(a_violation_is_unknown_though_its_digest_is_allowed) {
    static struct ev_digests list = {.given = 1, .count = 1, .size = {32}}; /* zeros */
    struct ima_judgement j;
    struct ima_spec s = ima_ng(digest_none, "/x");
    s.violation = 1;
    m.n = 0;
    ima_add(&m, &s);
    made();
    ima_log_judge(&log_, 1, 0, ima_allows_digests, &list, &j);
    CHECK_INT(j.unknown, 1);
}

/* A stranger's list of 1 MiB that is made of such names alone took a gateway twelve times as long as another. */
TEST(a_list_may_have_some_names_with_line_ends_and_not_thousands) {
    static const char name[] = "\n \n \n \n \n \n \n \n \n \n \n \n \n \n \n \n";
    static struct ima_maker kernel;
    static const uint8_t digest[32] = {9};
    struct ima_log list;
    memset(&kernel, 0, sizeof kernel);
    for (int i = 0; i < IMA_LIST_LINES_MAX / IMA_PATH_LINES_MAX; i++)
        ima_add(&kernel,
                &(struct ima_spec){.template_name = "ima-sig", .hash = "sha256", .digest = digest, .digest_n = 32, .path = name});
    CHECK_INT(ima_log_read(&list, ima_text(&kernel), NULL), 0);
    ima_add(&kernel,
            &(struct ima_spec){.template_name = "ima-ng", .hash = "sha256", .digest = digest, .digest_n = 32, .path = "a\nb"});
    CHECK_INT(ima_log_read(&list, ima_text(&kernel), NULL), ERR_LIMIT);
}

TEST(many_allowed_digests_are_searched_in_order) {
    static uint8_t many[1000][32];
    struct ima_sorted list = {many[0], 1000, 32};
    for (unsigned i = 0; i < 1000; i++) {
        many[i][0] = (uint8_t)(i >> 8);
        many[i][1] = (uint8_t)i;
    }
    for (unsigned i = 0; i < 1000; i++) CHECK(ima_allows_sorted(&list, many[i], 32));
    CHECK(!ima_allows_sorted(&list, digest_a, 32));
    CHECK(!ima_allows_sorted(&list, many[5], 20));
    list.count = 0;
    CHECK(!ima_allows_sorted(&list, many[0], 32));
}

TEST(a_name_for_people_fits_and_is_plain) {
    char out[64];
    e = (struct ima_entry){.path = {(const uint8_t *)"\x1b[2Jabc\\", 8}};
    ima_path_text(&e, out, sizeof out);
    CHECK_STR(out, "\\x1b[2Jabc\\x5c");
    for (size_t cap = 0; cap <= 15; cap++) {
        memset(out, '#', sizeof out);
        ima_path_text(&e, out, cap);
        CHECK(out[cap] == '#');
        if (cap) CHECK(strlen(out) < cap);
        if (cap == 8) CHECK_STR(out, "\\x1b...");
    }
    ima_path_text(&e, out, 15);
    CHECK_STR(out, "\\x1b[2Jabc\\x5c");
}

TESTS_MAIN("ima_log", T(a_real_list_replays_to_what_a_second_implementation_gives), T(a_short_real_list_is_read),
           T(a_list_that_grew_after_the_quote_is_covered_up_to_the_quote), T(a_pcr_of_zeros_is_no_beginning_of_a_list),
           T(every_template_is_read), T(paths_hold_spaces_line_ends_and_bytes_of_any_kind),
           T(a_list_may_have_some_names_with_line_ends_and_not_thousands),
           T(a_path_that_looks_like_a_line_of_its_own_adds_no_entry), T(a_signature_without_the_space_before_nothing_is_read),
           T(the_last_line_may_have_lost_its_end), T(a_list_of_another_bank_has_longer_hashes),
           T(a_violation_extends_ones_in_the_form_of_its_kernel), T(the_boot_aggregate_is_recomputed_from_the_quoted_registers),
           T(the_aggregate_of_another_boot_is_refused), T(entries_that_are_not_in_the_list_are_counted_and_the_first_is_named),
           T(a_violation_is_unknown_though_its_digest_is_allowed), T(many_allowed_digests_are_searched_in_order),
           T(a_name_for_people_fits_and_is_plain))
