/* tests/e2e/tap.h - TAP for programs that are not cmocka tests: tap_ok for each result, tap_done at the end. */
#ifndef TESTS_E2E_TAP_H
#define TESTS_E2E_TAP_H

int tap_ok(int good, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* returns good */
void tap_skip(const char *name, const char *why);
void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int tap_done(void); /* prints the plan; the exit status */

#endif
