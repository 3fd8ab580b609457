/* evidence/sev_snp_judge.c - see sev_snp_judge.h. */
#include "evidence/sev_snp_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "evidence/vouched.h"

struct judge {
    struct ev_report *out;
    const struct snp_report *s;
    enum snp_product product;
    const struct snp_policy *policy;
    int vouched;
};

#define CHECKED(j, ...) ev_check_vouched((j)->out, (j)->vouched, __VA_ARGS__)

/* ---- rules that the guest was started under ---- */

static void judge_guest_policy(const struct judge *j) {
    uint64_t p = j->s->policy, one = j->policy->must_be_one & ~p, zero = j->policy->must_be_zero & p;
    CHECKED(j, "debug", !(p & SNP_POLICY_DEBUG), EV_REFUSED, "the guest's policy lets the host read its memory (debug)");
    if (!(p & SNP_POLICY_RESERVED_ONE))
        CHECKED(j, "policy", 0, EV_REFUSED, "bit 17 of the guest's policy is not one, as it must be");
    else if (p & SNP_POLICY_MIGRATE)
        CHECKED(j, "policy", 0, EV_REFUSED, "the guest's policy lets a migration agent have its memory");
    else if (p & ~SNP_POLICY_KNOWN)
        CHECKED(j, "policy", 0, EV_REFUSED, "the guest's policy has bits that are not known here: 0x%" PRIx64,
                p & ~SNP_POLICY_KNOWN);
    else
        CHECKED(j, "policy", !one && !zero, EV_REFUSED,
                "the guest's policy lacks 0x%" PRIx64 " that must be one, has 0x%" PRIx64 " that must be zero", one, zero);
}

static void judge_platform(const struct judge *j) {
    const struct snp_policy *p = j->policy;
    uint64_t one = p->platform_must_be_one & ~j->s->platform_info, zero = p->platform_must_be_zero & j->s->platform_info;
    if (p->platform_must_be_one | p->platform_must_be_zero)
        CHECKED(j, "platform", !one && !zero, EV_REFUSED,
                "PLATFORM_INFO lacks 0x%" PRIx64 " that must be one, has 0x%" PRIx64 " that must be zero", one, zero);
}

static void judge_vmpl(const struct judge *j) {
    CHECKED(j, "vmpl", j->s->vmpl <= 3 && j->s->vmpl <= (uint64_t)j->policy->vmpl_max, EV_REFUSED,
            "asked for %s %" PRIu32 "; at most %d", j->s->vmpl <= 3 ? "at VMPL" : "by the host: VMPL", j->s->vmpl,
            (int)j->policy->vmpl_max);
}

/* ---- firmware ---- */

/* Each byte by itself: a TCB version is no number, and a new microcode makes up for no old boot loader. 1: not under the floor. */
static int judge_tcb(const struct judge *j, const char *which, const uint8_t have[SNP_TCB_BYTES]) {
    const struct snp_tcb_part *part = snp_tcb_parts(j->product);
    const uint8_t *floor = j->policy->floor[j->product];
    for (int i = 0; i < SNP_TCB_BYTES; i++)
        if (have[i] < floor[i]) {
            CHECKED(j, "tcb_floor", 0, EV_REFUSED, "%s TCB: %s is %u, and the policy asks for %u", which,
                    part[i].name ? part[i].name : "a spare part", have[i], floor[i]);
            return 0;
        }
    return 1;
}

static void judge_floor(const struct judge *j) {
    const struct snp_report *s = j->s;
    int any = 0;
    for (int i = 0; i < SNP_PRODUCTS; i++) any |= j->policy->floor_given[i];
    if (!any)
        ev_unchecked(j->out, "tcb_floor");
    else if (!j->policy->floor_given[j->product])
        CHECKED(j, "tcb_floor", 0, EV_REFUSED, "the policy has floors, and none for %s", snp_product_name(j->product));
    else if (judge_tcb(j, "reported", s->reported_tcb) && judge_tcb(j, "committed", s->committed_tcb) &&
             judge_tcb(j, "current", s->current_tcb) && judge_tcb(j, "launch", s->launch_tcb))
        CHECKED(j, "tcb_floor", 1, EV_REFUSED, " ");
}

/* ---- what runs, and where ---- */

static void judge_listed(const struct judge *j, const char *name, const struct ev_digests *list, const uint8_t *p, size_t n) {
    if (list->given)
        CHECKED(j, name, ev_digests_have(list, p, n), EV_REFUSED, "none of the policy's");
    else
        ev_unchecked(j->out, name);
}

void snp_judge(struct ev_report *r, const struct snp_report *s, enum snp_product product, const struct snp_policy *policy,
               int vouched) {
    struct judge j = {.out = r, .s = s, .product = product, .policy = policy, .vouched = vouched};
    judge_guest_policy(&j);
    judge_platform(&j);
    judge_vmpl(&j);
    judge_floor(&j);
    judge_listed(&j, "measurement", &policy->measurements, s->measurement, sizeof s->measurement);
    judge_listed(&j, "host_data", &policy->host_data, s->host_data, sizeof s->host_data);
    judge_listed(&j, "chip_allowed", &policy->chips, s->chip_id, sizeof s->chip_id);
}

void snp_judge_data(struct ev_report *r, const struct snp_report *s, struct ev_bytes want, int vouched) {
    if (want.n == 0) {
        ev_unchecked(r, "nonce");
        return;
    }
    uint8_t whole[SNP_DATA_BYTES] = {0};
    if (want.n <= sizeof whole) memcpy(whole, want.p, want.n);
    int good = want.n <= sizeof whole && memcmp(whole, s->report_data, sizeof whole) == 0;
    ev_check_vouched(r, vouched, "nonce", good, EV_INVALID, "REPORT_DATA is not the nonce of %zu bytes, with zeros after it",
                     want.n);
}

/* ---- for people ---- */

static void tell_tcb(struct ev_report *r, const char *name, enum snp_product product, const uint8_t tcb[SNP_TCB_BYTES]) {
    const struct snp_tcb_part *part = snp_tcb_parts(product);
    char text[128] = "";
    size_t n = 0;
    for (int i = 0; i < SNP_TCB_BYTES; i++)
        if (part[i].name) n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %u", n ? ", " : "", part[i].name, tcb[i]);
    ev_tell(r, name, "%s", text);
}

static void tell_digest(struct ev_report *r, const char *name, const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i]) {
            ev_tell_hex(r, name, p, n);
            return;
        }
}

static void tell_dates(struct ev_report *r, const X509 *cert) {
    struct tm from, to;
    char a[32] = "", b[32] = "";
    if (ASN1_TIME_to_tm(X509_get0_notBefore(cert), &from) != 1 || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &to) != 1) return;
    strftime(a, sizeof a, "%Y-%m-%d", &from);
    strftime(b, sizeof b, "%Y-%m-%d", &to);
    ev_tell(r, "certificate_dates", "%s to %s", a, b);
}

void snp_tell(struct ev_report *r, const struct snp_report *s, const struct snp_leaf *leaf) {
    ev_tell(r, "version", "%" PRIu32, s->version);
    ev_tell(r, "product", "%s", leaf->product_text);
    if (s->cpu_family) ev_tell(r, "cpu", "family %02x, model %02x, stepping %02x", s->cpu_family, s->cpu_model, s->cpu_stepping);
    ev_tell(r, "signer", "%s", leaf->key == SNP_KEY_VCEK ? "VCEK" : "VLEK");
    if (leaf->key == SNP_KEY_VLEK) ev_tell(r, "cloud", "%s", leaf->csp);
    tell_dates(r, leaf->cert);
    tell_digest(r, "chip_id", s->chip_id, leaf->product == SNP_TURIN ? 8 : sizeof s->chip_id);
    ev_tell(r, "firmware", "%u.%u.%u", s->current.major, s->current.minor, s->current.build);
    tell_tcb(r, "reported_tcb", leaf->product, s->reported_tcb);
    tell_tcb(r, "committed_tcb", leaf->product, s->committed_tcb);
    tell_tcb(r, "current_tcb", leaf->product, s->current_tcb);
    tell_tcb(r, "launch_tcb", leaf->product, s->launch_tcb);
    ev_tell(r, "guest_policy", "0x%" PRIx64, s->policy);
    ev_tell(r, "platform_info", "0x%" PRIx64, s->platform_info);
    ev_tell(r, "vmpl", "%" PRIu32, s->vmpl);
    ev_tell(r, "guest_svn", "%" PRIu32, s->guest_svn);
    ev_tell_hex(r, "measurement", s->measurement, sizeof s->measurement);
    tell_digest(r, "host_data", s->host_data, sizeof s->host_data);
    tell_digest(r, "id_key_digest", s->id_key_digest, sizeof s->id_key_digest);
    tell_digest(r, "author_key_digest", s->author_key_digest, sizeof s->author_key_digest);
    tell_digest(r, "report_data", s->report_data, sizeof s->report_data);
    if (s->version >= 5)
        ev_tell(r, "mitigations", "launch 0x%" PRIx64 ", current 0x%" PRIx64, s->launch_mitigations, s->current_mitigations);
}
