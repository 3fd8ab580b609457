/* What must not pass as an IMA list, or not replay to what was quoted: a real list changed, cut and extended, and lists of our own that are
 * wrong. Each with what must come of it. */
#include "tests/unit/evidence/ima_scene.h"

static uint8_t real[1 << 17], work[1 << 17];
static size_t real_n;
static uint8_t pcr10[32];
static struct ima_maker m;
static unsigned cases;

/* 0: all of the list is what was quoted; ERR_AUTH: not, or a template hash is wrong. */
static int judge(const uint8_t *p, size_t n) {
    struct ima_log log;
    struct ima_match match;
    uint8_t *own = malloc(n ? n : 1);
    CHECK(own != NULL);
    if (n) memcpy(own, p, n);
    int r = ima_log_read(&log, (struct ev_bytes){own, n}, NULL);
    if (r == 0) r = ima_log_match(&log, TPM_ALG_SHA256, (struct ev_bytes){pcr10, 32}, &match);
    if (r == 0 && match.entries != log.count) r = ERR_TRAILING; /* more than was quoted */
    free(own);
    return r;
}

static void judged(const char *what, int r, int want) {
    cases++;
    if (r != want) fail_msg("%s: %s, wanted %s", what, err_text(r), err_text(want));
}

static size_t line_at(unsigned number) {
    size_t at = 0;
    while (number-- > 0) at += (size_t)((const uint8_t *)memchr(real + at, '\n', real_n - at) - (real + at)) + 1;
    return at;
}

/* The first 40 entries of the real list: every mutation reads it whole. */
TEST(the_real_list_itself_is_good) {
    struct ima_log log;
    real_n = maker_file("ima/ima_ascii_runtime_measurements.txt", real, sizeof real);
    real_n = line_at(40);
    CHECK_INT(ima_log_read(&log, (struct ev_bytes){real, real_n}, NULL), 0);
    CHECK_INT(ima_log_replay(&log, 40, TPM_ALG_SHA256, IMA_PER_BANK, work), 0);
    memcpy(pcr10, work, 32);
    judged("real", judge(real, real_n), 0);
}

static void put(const char *what, size_t at, uint8_t byte, int want) {
    memcpy(work, real, real_n);
    work[at] = byte;
    judged(what, judge(work, real_n), want);
}

TEST(a_byte_in_each_field_of_each_line) {
    for (unsigned i = 0; i < 40; i++) {
        size_t at = line_at(i), end = line_at(i + 1) - 1, digest = at + 3 + 41 + 7;
        put("PCR 11", at + 1, '1', ERR_UNSUPPORTED);
        put("PCR", at, 'x', ERR_UNSUPPORTED);
        put("template hash", at + 3 + i % 40, real[at + 3 + i % 40] == '0' ? '1' : '0', ERR_AUTH);
        put("template hash, no digit", at + 3 + i % 40, 'g', ERR_FORMAT);
        put("template", at + 44, 'j', ERR_UNSUPPORTED);
        put("hash's name", digest, 't', ERR_AUTH);
        put("digest", digest + 5 + i % 40, real[digest + 5 + i % 40] == '7' ? '8' : '7', ERR_AUTH);
        put("digest, no digit", digest + 5 + i % 40, 'z', ERR_FORMAT);
        put("path", end - 1, real[end - 1] ^ 1, ERR_AUTH);
        put("a NUL in the path", end - 1, 0, ERR_AUTH);
        put("line end", end, ' ', ERR_AUTH);
        put("space before the template", at + 43, '_', ERR_FORMAT);
    }
}

TEST(lines_left_out_doubled_exchanged_or_added) {
    for (unsigned i = 0; i + 1 < 40; i++) {
        size_t a = line_at(i), b = line_at(i + 1), c = line_at(i + 2);
        memcpy(work, real, a);
        memcpy(work + a, real + b, real_n - b);
        judged("left out", judge(work, real_n - (b - a)), ERR_AUTH);
        memcpy(work, real, b);
        memcpy(work + b, real + a, real_n - a);
        judged("doubled", judge(work, real_n + (b - a)), ERR_AUTH);
        memcpy(work, real, real_n);
        memcpy(work + a, real + b, c - b);
        memcpy(work + a + (c - b), real + a, b - a);
        judged("exchanged", judge(work, real_n), ERR_AUTH);
        judged("cut after a line", judge(real, b), ERR_AUTH);
        judged("cut before a line's end", judge(real, b - 1), ERR_AUTH);
        judged("cut within a line", judge(real, a + 60), ERR_FORMAT);
    }
    memcpy(work, real, real_n);
    memcpy(work + real_n, real, line_at(1));
    judged("one more, which was not quoted", judge(work, real_n + line_at(1)), ERR_TRAILING);
}

TEST(texts_that_are_no_list) {
    static uint8_t big[IMA_LOG_BYTES_MAX + 1];
    static const char *const texts[] = {
        "\n",
        "10",
        "10 ",
        "10 00 ima-ng sha1:00 /x\n",
        "{}\n",
        " \n",
        "#10\n",
        "010 ",
        "10 0000000000000000000000000000000000000000\n",
        "10  0000000000000000000000000000000000000000 ima-ng sha1:00 /x\n",
        "10 0000000000000000000000000000000000000000 ima-ng  /x\n",
        "10 0000000000000000000000000000000000000000 ima-ng sha1: /x\n",
        "10 0000000000000000000000000000000000000000 ima-ng :0000000000000000000000000000000000000000 /x\n",
        "10 0000000000000000000000000000000000000000 ima-ng 0000000000000000000000000000000000000000 /x\n",
        "10 0000000000000000000000000000000000000000 ima sha1:0000000000000000000000000000000000000000 /x\n",
        "10 0000000000000000000000000000000000000000 ima-ng sha256:0000000000000000000000000000000000000000 /x\n",
        "10 0000000000000000000000000000000000000000 ima-ng a-name-that-is-too-long-:0000000000000000000000000000000000000000 "
        "/x\n",
        "10 0000000000000000000000000000000000000000 ima-ng sha1:000000000000000000000000000000000000000 /x\n",
        "10 0000000000000000000000000000000000000000 ima-ng sha1:0000000000000000000000000000000000000000\n",
        "10 000000000000000000000000000000000000000 ima-ng sha1:0000000000000000000000000000000000000000 /x\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        judged(texts[i], judge((const uint8_t *)texts[i], strlen(texts[i])), ERR_FORMAT);
    judged("empty", judge(big, 0), ERR_SHORT);
    judged("too large", judge(big, sizeof big), ERR_LIMIT);
    memset(big, '\n', sizeof big);
    judged("line ends", judge(big, 4096), ERR_FORMAT);
    judged("another template", judge((const uint8_t *)"10 0000000000000000000000000000000000000000 ima-modsig sha1:00 /x\n", 66),
           ERR_UNSUPPORTED);
}

static void made(const char *what, int want) {
    struct ima_log log;
    judged(what, ima_log_read(&log, ima_text(&m), NULL), want);
}
static void one(const char *what, const char *template_name, size_t path_n, size_t extra_n, int want) {
    static char path[8192];
    static uint8_t extra[4096];
    memset(path, 'p', sizeof path);
    m.n = 0;
    ima_add(&m, &(struct ima_spec){.template_name = template_name,
                                   .hash = "sha1",
                                   .digest = digest_a,
                                   .digest_n = 20,
                                   .path = path,
                                   .path_n = path_n,
                                   .extra = extra,
                                   .extra_n = extra_n});
    made(what, want);
}

TEST(lines_over_the_limits) {
    one("the longest path", "ima-ng", 4095, 0, 0);
    one("a path too long", "ima-ng", 4096, 0, ERR_AUTH);
    one("the longest name of template ima", "ima", 255, 0, 0);
    one("a name too long for template ima", "ima", 256, 0, ERR_AUTH);
    one("a large signature", "ima-sig", 10, 4096, 0);
    /* a name of line ends: some are found, too many are not */
    static char lines[64];
    memset(lines, '\n', sizeof lines);
    struct ima_spec s = ima_ng(digest_a, lines);
    for (size_t n = 1; n < 40; n++) {
        s.path_n = n;
        m.n = 0;
        ima_add(&m, &s);
        made("a name of line ends", n <= IMA_PATH_LINES_MAX ? 0 : ERR_AUTH);
    }
}

TEST(lists_of_mixed_kinds) {
    struct ima_spec s = ima_ng(digest_a, "/x");
    m.n = 0;
    ima_add(&m, &s);
    s.alg = TPM_ALG_SHA256;
    ima_add(&m, &s);
    made("template hashes of two sizes", ERR_FORMAT);
    s.alg = 0;
    s.template_name = "ima-sig"; /* a list may have several templates: a policy can name one */
    m.n = 0;
    ima_add(&m, &s);
    s.template_name = "ima-ng";
    ima_add(&m, &s);
    made("two templates", 0);
    m.n = 0;
    ima_add(&m, &s);
    memcpy(strstr(m.text, "ima-ng"), "ima-si", 6);
    made("an unknown template", ERR_UNSUPPORTED);
    m.n = 0;
    s.template_name = "ima-sig";
    s.extra = digest_b;
    s.extra_n = 8;
    ima_add(&m, &s);
    m.text[m.n - 2] = '1';
    made("another signature", ERR_AUTH);
    m.n -= 2;
    ima_put_word(&m, "\n");
    made("half a byte of a signature", ERR_AUTH);
}

TEST(a_list_of_nothing_but_violations_is_read_in_time) {
    static uint8_t text[1 << 20];
    static const char line[] = "10 0000000000000000000000000000000000000000 ima 0000000000000000000000000000000000000000 \n";
    struct ima_log log;
    size_t n = 0, unit = sizeof line - 1;
    int most = (int)(sizeof text / unit);
    for (int i = 0; i < most; i++, n += unit) memcpy(text + n, line, unit);
    judged("as many violations as fit", ima_log_read(&log, (struct ev_bytes){text, n}, NULL), 0);
    CHECK_INT(log.violations, most);
}

TEST(all_is_counted) {
    printf("# %u mutations of IMA lists\n", cases);
    CHECK(cases >= 790); /* docs/evidence.md */
}

TESTS_MAIN("ima_log_mutations", T(the_real_list_itself_is_good), T(a_byte_in_each_field_of_each_line),
           T(lines_left_out_doubled_exchanged_or_added), T(texts_that_are_no_list), T(lines_over_the_limits),
           T(lists_of_mixed_kinds), T(a_list_of_nothing_but_violations_is_read_in_time), T(all_is_counted))
