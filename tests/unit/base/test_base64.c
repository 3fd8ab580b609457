/* base: base64 has one spelling. */
#include "base/base64.h"
#include "base/err.h"
#include "tests/check.h"

static int reads(const char *text, enum base64_form form, uint8_t out[8], size_t *n) {
    return base64_read(out, 8, n, text, strlen(text), form);
}

TEST(rfc_4648_examples_are_read) {
    static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    uint8_t out[8];
    size_t n;
    for (size_t i = 0; i < 7; i++) {
        CHECK_INT(reads(texts[i], BASE64_PLAIN, out, &n), 0);
        CHECK_INT(n, i);
        CHECK_MEM(out, "foobar", i);
    }
    CHECK_INT(reads("Zm8", BASE64_URL, out, &n), 0);
    CHECK_INT(reads("-_-_", BASE64_URL, out, &n), 0);
    CHECK_INT(reads("+/+/", BASE64_PLAIN, out, &n), 0);
}

/* A fuzz target found bytes of 0xff that were read as digits. */
TEST(no_other_byte_is_a_digit) {
    uint8_t out[8];
    size_t n;
    for (unsigned c = 0; c < 256; c++) {
        char text[4] = {'A', (char)c, 'A', 'A'};
        int digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        CHECK_INT(base64_read(out, 8, &n, text, 4, BASE64_PLAIN) == 0, digit || c == '+' || c == '/');
        CHECK_INT(base64_read(out, 8, &n, text, 4, BASE64_URL) == 0, digit || c == '-' || c == '_');
    }
}

TEST(other_spellings_and_too_much_are_refused) {
    static const char *const bad[] = {"Zg",     "Zg=",   "Zg===",        "Zh==", "Zm9",     "Z",
                                      "Zm9v\n", " Zm9v", "Zm9vYmFyZm9v", "=",    "Zg==Zg=="};
    uint8_t out[8];
    size_t n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_INT(reads(bad[i], BASE64_PLAIN, out, &n), ERR_FORMAT);
    CHECK_INT(reads("Zg==", BASE64_URL, out, &n), ERR_FORMAT);
    CHECK_INT(reads("Zh", BASE64_URL, out, &n), ERR_FORMAT);
}

TESTS_MAIN("base64", T(rfc_4648_examples_are_read), T(no_other_byte_is_a_digit), T(other_spellings_and_too_much_are_refused))
