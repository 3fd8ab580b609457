/* evidence/tdx_log.c - see tdx_log.h. */
#include "evidence/tdx_log.h"

#include <string.h>

#include "evidence/event_log.h"
#include "evidence/vouched.h"

enum { BOOT = 0x7 /* RTMR 0 to 2 */, PROGRAMS = 3 };
_Static_assert(TDX_RTMRS == 4 && TDX_MR == 48, "registers as event_log_explains_rtmrs takes them");

/* 1: some event of the log, measured or not, is RTMR 3's. A log that hides one is found out by the others' registers only where they differ, so
 * what it leaves out is said to be unchecked. */
static int extends_programs(const struct event_log *log) {
    struct event_replay replay;
    return event_log_replay(log, TPM_ALG_SHA384, &replay) == 0 && replay.extended >> (PROGRAMS + 1) & 1;
}

static void compare(struct ev_report *r, int vouched, const struct event_log *log, const struct tdx_body *body,
                    const struct tdx_policy *policy) {
    static const uint8_t zeros[TDX_MR];
    uint8_t quoted[TDX_RTMRS][TDX_MR];
    struct why why = {""};
    int programs = extends_programs(log);
    for (int i = 0; i < TDX_RTMRS; i++) memcpy(quoted[i], body->rtmr[i], TDX_MR);
    int e = event_log_explains_rtmrs(log, quoted, BOOT | (unsigned)programs << PROGRAMS, &why);
    ev_check_vouched(r, vouched, "event_log", e == 0, EV_INVALID, "%.150s", why_text(&why, e));
    if (e != 0 || !vouched) return;
    ev_tell(r, "event_log", "%u events, RTMR 0 to %d", log->count, programs ? 3 : 2);
    if (!programs && !policy->rtmr[PROGRAMS].given && memcmp(quoted[PROGRAMS], zeros, TDX_MR) != 0) ev_unchecked(r, "rtmr3");
}

void tdx_log_check(struct ev_report *r, int vouched, struct ev_bytes text, const struct tdx_body *body,
                   const struct tdx_policy *policy) {
    struct event_log log;
    struct why why = {""};
    if (text.n == 0) {
        if (policy->event_log_required)
            ev_fail(r, "event_log", EV_REFUSED, "the policy requires one, and there is none");
        else
            ev_unchecked(r, "event_log");
        return;
    }
    int e = event_log_read(&log, text, EVENT_LOG_CC, &why);
    if (e != 0)
        ev_fail(r, "event_log", EV_UNSUPPORTED, "%.150s", why_text(&why, e));
    else
        compare(r, vouched, &log, body, policy);
}
