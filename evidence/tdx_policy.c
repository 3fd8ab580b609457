/* evidence/tdx_policy.c - the section "tdx" of a policy. See tdx.h. */
#include <string.h>

#include "evidence/tdx.h"

void tdx_policy_strict(struct tdx_policy *p) {
    *p = (struct tdx_policy){.statuses = 1u << TDX_UP_TO_DATE | 1u << TDX_SW_HARDENING_NEEDED};
}

static int read_statuses(const json_t *section, struct tdx_policy *p, struct why *why) {
    const json_t *list = json_object_get(section, "tcb_status");
    if (!list) return 0;
    p->collateral_required = 1; /* nothing else could meet it */
    p->statuses = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        int s = text ? tdx_status_named(text) : -1;
        if (s < 0 || s == TDX_REVOKED)
            return why_set(why, ERR_FORMAT, "policy: \"tcb_status\" takes Intel's names of statuses, but never \"Revoked\"");
        p->statuses |= 1u << s;
    }
    return p->statuses ? 0 : why_set(why, ERR_FORMAT, "policy: \"tcb_status\" takes a list of statuses");
}

static int read_required(const json_t *section, const char *name, int *required, struct why *why) {
    const json_t *v = json_object_get(section, name);
    if (!v) return 0;
    const char *text = json_string_value(v);
    *required = 1;
    return text && strcmp(text, "required") == 0 ? 0 : why_set(why, ERR_FORMAT, "policy: \"%s\" takes \"required\"", name);
}

int tdx_policy_read(const json_t *section, struct tdx_policy *p, struct why *why) {
    static const char *const known[] = {
        "collateral", "tcb_status", "tcb_evaluation_min", "mrtd", "rtmr0", "rtmr1",     "rtmr2",
        "rtmr3",      "mr_config",  "td_attributes",      "xfam", "fmspc", "platforms", "event_log",
        NULL};
    tdx_policy_strict(p);
    int r = ev_policy_known(section, known, "tdx", why);
    if (r == 0) r = read_required(section, "collateral", &p->collateral_required, why);
    if (r == 0) r = read_required(section, "event_log", &p->event_log_required, why);
    if (r == 0) r = read_statuses(section, p, why);
    if (r == 0) r = ev_policy_int(section, "tcb_evaluation_min", 0, INT32_MAX, &p->evaluation_min, why);
    if (p->evaluation_min > 0) p->collateral_required = 1;
    if (r == 0) r = ev_digests_read(&p->mrtd, section, "mrtd", TDX_MR, why);
    for (int i = 0; i < TDX_RTMRS && r == 0; i++) r = ev_digests_read(&p->rtmr[i], section, known[4 + i], TDX_MR, why);
    if (r == 0) r = ev_digests_read(&p->mr_config, section, "mr_config", TDX_MR, why);
    if (r == 0) r = ev_digests_read(&p->td_attributes, section, "td_attributes", 8, why);
    if (r == 0) r = ev_digests_read(&p->xfam, section, "xfam", 8, why);
    if (r == 0) r = ev_digests_read(&p->fmspc, section, "fmspc", 6, why);
    if (r == 0) r = ev_digests_read(&p->platforms, section, "platforms", 16, why);
    return r;
}
