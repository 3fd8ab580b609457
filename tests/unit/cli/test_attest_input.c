/* What a user types beside evidence: times, hexadecimal, and files that are hexadecimal. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/attest.h"
#include "tests/check.h"

TEST(times_are_read_as_seconds_or_as_rfc_3339) {
    static const struct {
        const char *text;
        int64_t at;
    } good[] = {
        {"0", 0},
        {"1795600800", 1795600800},
        {"253402300799", 253402300799},
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-25T10:00:00Z", 1795600800},
        {"2026-11-25t10:00:00z", 1795600800},
        {"2026-11-25T11:30:00+01:30", 1795600800},
        {"2026-11-25T04:00:00-06:00", 1795600800},
        {"2026-11-25T10:00:00.999Z", 1795600800},
        {"2024-02-29T23:59:59Z", 1709251199},
        {"2000-02-29T00:00:00Z", 951782400},
        {"2016-12-31T23:59:60Z", 1483228800}, /* a leap second is the next one */
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t at = -1;
        CHECK_INT(attest_time_read(&at, good[i].text, NULL), 0);
        CHECK_INT(at, good[i].at);
    }
}

TEST(what_is_no_time_is_refused) {
    static const char *const bad[] = {"",
                                      "-1",
                                      "now",
                                      "1e9",
                                      " 5",
                                      "253402300800",
                                      "9999999999999",
                                      "2026-11-25",
                                      "2026-11-25T10:00:00",
                                      "2026-11-25 10:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2025-02-29T00:00:00Z",
                                      "2100-02-29T00:00:00Z",
                                      "2026-11-31T00:00:00Z",
                                      "2026-11-25T24:00:00Z",
                                      "2026-11-25T10:60:00Z",
                                      "2026-11-25T10:00:61Z",
                                      "2026-11-25T10:00:00.Z",
                                      "2026-11-25T10:00:00+24:00",
                                      "2026-11-25T10:00:00+0100",
                                      "2026-11-25T10:00:00Zx",
                                      "1969-12-31T23:59:59Z",
                                      "1970-01-01T00:00:00+01:00",
                                      "2026-1-25T10:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t at;
        struct why why = {{0}};
        if (attest_time_read(&at, bad[i], &why) == 0) print_message("# \"%s\"\n", bad[i]);
        CHECK_INT(attest_time_read(&at, bad[i], &why), ERR_USAGE);
        CHECK(strstr(why.text, "--at") != NULL);
    }
}

TEST(hexadecimal_options_say_what_they_take) {
    uint8_t out[4];
    size_t n;
    struct why why = {{0}};
    CHECK_INT(attest_hex(out, 4, &n, "nonce", "00fFA1b2", &why), 0);
    CHECK_INT(n, 4);
    CHECK_MEM(out, "\x00\xff\xa1\xb2", 4);
    static const char *const bad[] = {"", "0", "0g", "0011223344", "0x11"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(attest_hex(out, 4, &n, "nonce", bad[i], &why), ERR_USAGE);
        CHECK(strstr(why.text, "--nonce") != NULL);
    }
}

static size_t read_as(uint8_t *out, const char *text, size_t n) {
    char path[] = "/tmp/lull-attest-XXXXXX";
    struct buf b;
    close(mkstemp(path));
    CHECK_INT(file_write(path, text, n, 0600, NULL), 0);
    CHECK_INT(attest_evidence_file(&b, path, 4096, NULL), 0);
    n = b.len;
    memcpy(out, b.data, n);
    buf_release(&b);
    unlink(path);
    return n;
}

TEST(evidence_in_hexadecimal_digits_is_read_as_what_it_stands_for) {
    uint8_t out[4096];
    char text[200];
    memset(text, '4', 128);
    CHECK_INT(read_as(out, text, 128), 64);
    CHECK(out[0] == 0x44 && out[63] == 0x44);
    text[128] = '\n';
    text[60] = '\n';
    CHECK_INT(read_as(out, text, 129), 129); /* an odd number of digits: it is something else */
    text[61] = ' ';
    CHECK_INT(read_as(out, text, 129), 63);
    text[5] = 'x';
    CHECK_INT(read_as(out, text, 129), 129);
    CHECK_INT(read_as(out, "00112233", 8), 8); /* too short to be meant so */
}

TEST(digits_may_begin_with_0x_and_stand_between_tabs) {
    uint8_t out[4096];
    char text[200];
    memset(text, '4', sizeof text);
    memcpy(text, " 0x", 3);
    CHECK_INT(read_as(out, text, 131), 64);
    CHECK(out[0] == 0x44 && out[63] == 0x44);
    text[70] = '\t', text[130] = '\n';
    CHECK_INT(read_as(out, text, 131), 63);
    memcpy(text, "440", 3), text[70] = '4', text[90] = 'x';
    CHECK_INT(read_as(out, text, 131), 131); /* not elsewhere */
}

TEST(evidence_in_base64_is_read_as_what_it_stands_for) {
    static const char *const forms[] = {
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-Pw",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIj\r\nJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw\r\n==\r\n"};
    static const char *const others[] = {
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Px==", /* bits left over */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7P==D0+Pw",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIj:JCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw", "AAECAwQFBgc="};
    uint8_t out[4096];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        CHECK_INT(read_as(out, forms[i], strlen(forms[i])), 64);
        for (int k = 0; k < 64; k++) CHECK_INT(out[k], k);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK_INT(read_as(out, others[i], strlen(others[i])), strlen(others[i]));
}

TEST(a_file_over_the_limit_is_told_from_one_that_cannot_be_read) {
    struct buf b;
    struct why why = {{0}};
    CHECK_INT(attest_file(&b, "tests/data/toy_stories.txt", 10, &why), ERR_LIMIT);
    buf_release(&b);
    CHECK_INT(attest_file(&b, "tests/data/no-such-file", 10, &why), ERR_NOTFOUND);
    buf_release(&b);
}

TESTS_MAIN("attest_input", T(times_are_read_as_seconds_or_as_rfc_3339), T(what_is_no_time_is_refused),
           T(hexadecimal_options_say_what_they_take), T(evidence_in_hexadecimal_digits_is_read_as_what_it_stands_for),
           T(digits_may_begin_with_0x_and_stand_between_tabs), T(evidence_in_base64_is_read_as_what_it_stands_for),
           T(a_file_over_the_limit_is_told_from_one_that_cannot_be_read))
