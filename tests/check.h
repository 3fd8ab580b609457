/* tests/check.h - TEST and CHECK over cmocka. A test program is a list of TESTs and one line at the end:
 *     TESTS_MAIN("wire", T(short_input_is_refused), T(round_trip))
 * CHECK may only be used on the test's own thread. SKIP("why") leaves a test, counted and listed by the runner. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/secret.h"

#define TEST(name)         static void name(void **cmocka_state_ __attribute__((unused)))
#define T(name)            cmocka_unit_test(name)
#define CHECK(cond)        assert_true(cond)
#define CHECK_INT(a, b)    assert_int_equal((a), (b))
#define CHECK_STR(a, b)    assert_string_equal((a), (b))
#define CHECK_MEM(a, b, n) assert_memory_equal((a), (b), (n))
#define SKIP(why)                       \
    do {                                \
        printf("# skipped: %s\n", why); \
        skip();                         \
    } while (0)
#define TESTS_MAIN(group, ...)                                           \
    int main(void) {                                                     \
        const struct CMUnitTest all[] = {__VA_ARGS__};                   \
        if (secret_setup() != 0) return 99;                              \
        cmocka_set_message_output(CM_OUTPUT_TAP);                        \
        return cmocka_run_group_tests_name(group, all, NULL, NULL) != 0; \
    }

#endif
