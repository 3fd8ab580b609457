/* tests/e2e/notice.h - when a process of the network noticed a loss, read from its log. */
#ifndef TESTS_E2E_NOTICE_H
#define TESTS_E2E_NOTICE_H

#include <stdint.h>

struct notice {
    char log[320];
    long from;       /* bytes of the log that were there before */
    uint64_t struck; /* Unix ms */
};
/* Call just before the fault. */
void notice_start(struct notice *n, const char *log);
/* ms from notice_start to the log's first line since then that says an attempt failed or fell silent, or that the link was
 * lost; -1 when there is none. The log's clock and ours are the same, in whole ms. */
int64_t notice_ms(const struct notice *n);

#endif
