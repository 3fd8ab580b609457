/* A daemon that dials in vain for a night: what its log gets to see. */
#include "net/link_log.h"
#include "tests/check.h"

static const char refused[] = "connection refused", unknown[] = "unknown host";

static void fault(struct link_log *k, const char *why) { link_log_fault(k, LOG_ERROR, "cannot connect", "127.0.0.1:1", why, ""); }

TEST(the_same_fault_is_told_once_a_minute_with_its_count) {
    struct link_log k = {0};
    fault(&k, refused);
    CHECK(k.untold == 0 && k.told_ms > 0);
    for (int i = 0; i < 5; i++) fault(&k, refused);
    CHECK_INT(k.untold, 5);
    k.told_ms -= 60001; /* a minute later */
    fault(&k, refused);
    CHECK_INT(k.untold, 0);
    fault(&k, refused);
    CHECK_INT(k.untold, 1);
}

TEST(a_new_fault_and_one_after_a_link_are_told_at_once) {
    struct link_log k = {0};
    fault(&k, refused);
    fault(&k, refused);
    fault(&k, unknown);
    CHECK_INT(k.untold, 0);
    fault(&k, unknown);
    link_log_up(&k);
    fault(&k, unknown);
    CHECK_INT(k.untold, 0);
}

TESTS_MAIN("link_log", T(the_same_fault_is_told_once_a_minute_with_its_count),
           T(a_new_fault_and_one_after_a_link_are_told_at_once))
