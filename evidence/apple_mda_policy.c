/* evidence/apple_mda_policy.c - the section "apple" of a policy, and version numbers. See apple_mda.h. */
#include <string.h>

#include "evidence/apple_mda.h"

enum { PART_DIGITS_MAX = 4 };

/* One number, without leading zeros. Returns its digits; 0: none. */
static size_t read_part(struct ev_bytes text, unsigned *out) {
    size_t n = 0;
    *out = 0;
    while (n < text.n && n < PART_DIGITS_MAX && text.p[n] >= '0' && text.p[n] <= '9') *out = *out * 10 + text.p[n++] - '0';
    return n > 1 && text.p[0] == '0' ? 0 : n;
}

int apple_version_read(struct apple_version *out, struct ev_bytes text) {
    struct apple_version v = {{0}};
    size_t at = 0;
    for (int i = 0; i < APPLE_VERSION_PARTS; i++) {
        size_t n = read_part((struct ev_bytes){text.p + at, text.n - at}, &v.part[i]);
        at += n;
        if (n == 0) return ERR_FORMAT;
        if (at == text.n) {
            *out = v;
            return 0;
        }
        if (text.p[at++] != '.') return ERR_FORMAT;
    }
    return ERR_FORMAT;
}

int apple_version_order(const struct apple_version *a, const struct apple_version *b) {
    for (int i = 0; i < APPLE_VERSION_PARTS; i++)
        if (a->part[i] != b->part[i]) return a->part[i] < b->part[i] ? -1 : 1;
    return 0;
}

void apple_policy_strict(struct apple_policy *p) { *p = (struct apple_policy){.os_given = 0}; }

static int read_os(const json_t *section, struct apple_policy *p, struct why *why) {
    const json_t *v = json_object_get(section, "min_os_version");
    const char *text = json_string_value(v);
    if (!v) return 0;
    p->os_given = 1;
    if (!text || apple_version_read(&p->os, (struct ev_bytes){(const uint8_t *)text, json_string_length(v)}) != 0)
        return why_set(why, ERR_FORMAT, "policy: \"min_os_version\" takes a version of 1 to 3 numbers, such as \"15.4\"");
    return 0;
}

int apple_policy_read(const json_t *section, struct apple_policy *p, struct why *why) {
    static const char *const names[] = {"min_os_version", "serials", "udids", NULL};
    apple_policy_strict(p);
    int r = ev_policy_known(section, names, "apple", why);
    if (r == 0) r = read_os(section, p, why);
    if (r == 0) r = ev_digests_read(&p->serials, section, "serials", 32, why);
    if (r == 0) r = ev_digests_read(&p->udids, section, "udids", 32, why);
    return r;
}
