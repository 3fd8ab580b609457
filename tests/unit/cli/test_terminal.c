/* What a stranger's machine sent must not steer the user's terminal. */
#include "cli/terminal.h"
#include "tests/check.h"

static void cleans_to(const char *text, size_t n, const char *expected) {
    char out[256];
    size_t len = terminal_clean(text, n, out);
    CHECK_INT(len, strlen(expected));
    CHECK_MEM(out, expected, len);
}

TEST(ordinary_text_passes) {
    cleans_to("Hello,\tworld\n", 13, "Hello,\tworld\n");
    cleans_to("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8d", 11, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8d");
}

TEST(control_characters_are_replaced) {
    cleans_to("\x1b[2J", 4, "\xef\xbf\xbd[2J");
    cleans_to("a\bb\rc\x7f", 6,
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd"
              "c\xef\xbf\xbd");
    cleans_to("\xc2\x9b"
              "31m",
              5,
              "\xef\xbf\xbd"
              "31m"); /* C1 CSI as one character */
}

TEST(broken_utf8_is_replaced) { cleans_to("\xff\x9b\xc3", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); }

TESTS_MAIN("terminal", T(ordinary_text_passes), T(control_characters_are_replaced), T(broken_utf8_is_replaced))
