/* evidence/tpm_policy.c - see tpm_policy.h: what a policy asks. Reading one is tpm_policy_read.c. */
#include "evidence/tpm_policy.h"

#include <stdio.h>
#include <string.h>

#include "evidence/vouched.h"

void tpm_policy_strict(struct tpm_policy *p) {
    *p = (struct tpm_policy){.activators_needed = 1, .activation_age_s = TPM_ACTIVATION_AGE_S};
}

/* ---- PCRs ---- */

/* SHA-1 can be made to collide: its bank shows what an attacker prepared as well as what is good. */
static int only_strong(const struct tpm_selection *s) {
    for (unsigned i = 0; i < s->banks; i++)
        if (s->bank[i].alg == TPM_ALG_SHA1 && s->bank[i].mask) return 0;
    return 1;
}

static void check_selection(struct ev_report *r, int vouched, const struct tpm_policy *p, const struct tpm_selection *select) {
    char has[100], wants[100];
    tpm_selection_text(select, has, sizeof has);
    tpm_selection_text(&p->select, wants, sizeof wants);
    int some = tpm_selection_count(select) > 0, strong = only_strong(select);
    int same = !p->select_given || tpm_selection_same(select, &p->select);
    ev_check_vouched(r, vouched, "pcr_selection", some && strong && same, EV_REFUSED, "signed over %.60s: %s%.60s",
                     some ? has : "no PCR at all",
                     !some     ? "it shows nothing"
                     : !strong ? "SHA-1 is broken"
                               : "the policy asks for ",
                     some && strong ? wants : "");
    if (!p->select_given) ev_unchecked(r, "pcr_selection");
    uint32_t leaning = tpm_selection_union(select);
    ev_check_vouched(r, vouched, "resettable_pcr", leaning == 0 || (leaning & ~(uint32_t)TPM_RESETTABLE) != 0, EV_REFUSED,
                     "only PCR 16 and 23 are quoted, which any program can reset");
    if (vouched && leaning & TPM_RESETTABLE) ev_tell(r, "resettable_pcrs", "PCR 16 or 23 is quoted too, and decides nothing");
}

int tpm_policy_value_good(const struct tpm_policy *p, unsigned index, const uint8_t *value, size_t n) {
    if (index >= TPM_PCR_COUNT || !(p->named >> index & 1)) return 1;
    for (unsigned i = 0; i < p->values; i++)
        if (p->value[i].index == index && p->value[i].size == n && memcmp(p->value[i].value, value, n) == 0) return 1;
    return 0;
}

static void check_values(struct ev_report *r, int vouched, const struct tpm_policy *p, const struct tpm_pcrs *values) {
    char bad[100] = "";
    size_t at = 0;
    uint16_t alg = p->select.bank[0].alg;
    for (unsigned n = 0; n < TPM_PCR_COUNT; n++) {
        if (!(p->named >> n & 1)) continue;
        int there = values ? tpm_pcrs_at(values, alg, n) : -1;
        if (there >= 0 && tpm_policy_value_good(p, n, values->value[there], tpm_hash_size(alg))) continue;
        at += (size_t)snprintf(bad + at, sizeof bad - at, " %u", n);
    }
    ev_check_vouched(r, vouched, "pcr_values", at == 0, EV_REFUSED, "%s PCR%s",
                     values ? "another value than the policy's:" : "no values came with it, and the policy names", bad);
}

void tpm_policy_pcrs(struct ev_report *r, int vouched, const struct tpm_policy *p, const struct tpm_selection *select,
                     const struct tpm_pcrs *values) {
    check_selection(r, vouched, p, select);
    if (p->named) check_values(r, vouched, p, values);
    if ((p->named & TPM_PCRS_OF_BOOT) != TPM_PCRS_OF_BOOT) ev_unchecked(r, "pcr_values");
}

/* ---- firmware ---- */

/* FIRMWARE_V1 and _V2 of VendorString.h or VendorInfo.c in libtpms up to 0.9 (and IBM's and Microsoft's of that time), in Microsoft's of
 * 2017, in libtpms 0.10. Not here: 2016051100162800, Microsoft's of 2016, as Google's virtual TPMs say it of themselves too. */
static const uint64_t software[] = {0x2019102300163636, 0x2017061900163636, 0x2024012500120000};

int tpm_firmware_is_software(uint64_t firmware) {
    for (size_t i = 0; i < sizeof software / sizeof *software; i++)
        if (software[i] == firmware) return 1;
    return 0;
}

int tpm_software_accepted(void) {
#ifdef LULL_TEST_TPM
    return 1;
#else
    return 0;
#endif
}

void tpm_policy_firmware(struct ev_report *r, int vouched, const struct tpm_policy *p, uint64_t firmware) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(firmware >> (56 - 8 * i));
    ev_check_vouched(r, vouched, "software_tpm", !tpm_firmware_is_software(firmware) || tpm_software_accepted(), EV_REFUSED,
                     "firmware %016llx is a TPM in software: whoever runs it knows its keys", (unsigned long long)firmware);
    if (p->firmware.given)
        ev_check_vouched(r, vouched, "firmware", ev_digests_have(&p->firmware, bytes, 8), EV_REFUSED,
                         "version %016llx is none of the policy's", (unsigned long long)firmware);
}
