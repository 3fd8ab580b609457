/* evidence/tpm_quote_judge.c - what a quote says, against nonce and policy. See tpm_quote.h. */
#include <string.h>

#include "evidence/tpm_quote.h"
#include "evidence/vouched.h"

int tpm_attest_is(struct ev_report *r, const struct tpm_attest *a, int err, uint16_t type) {
    if (err == ERR_VERSION) return ev_fail(r, "magic", EV_INVALID, "%08x, where a TPM writes ff544347", a->magic);
    int readable = a->type == TPM_ST_QUOTE || a->type == TPM_ST_CREATION;
    if (err != 0 && readable) return ev_fail(r, "format", EV_UNSUPPORTED, "the attestation: %s", err_text(err));
    if (err != 0 && err != ERR_UNSUPPORTED) return ev_fail(r, "format", EV_UNSUPPORTED, "the attestation: %s", err_text(err));
    ev_check(r, "magic", 1, EV_INVALID, " ");
    return ev_check(r, "type", a->type == type, tpm_attest_type_known(a->type) ? EV_INVALID : EV_UNSUPPORTED,
                    "%04x is not %s (%04x)", a->type, type == TPM_ST_QUOTE ? "a quote" : "a certified creation", type);
}

static void tell(struct ev_report *r, const struct tpm_attest *a, const struct tpm_signature *sig,
                 const struct tpm_pcrs *values) {
    char text[160];
    tpm_selection_text(&a->select, text, sizeof text);
    ev_tell(r, "pcrs", "%s", text);
    ev_tell_hex(r, "pcr_digest", a->pcr_digest.p, a->pcr_digest.n);
    ev_tell_hex(r, "extra_data", a->extra.p, a->extra.n);
    ev_tell(r, "tpm_firmware", "%016llx", (unsigned long long)a->firmware);
    ev_tell(r, "clock_ms", "%llu", (unsigned long long)a->clock);
    ev_tell(r, "resets", "%u", a->reset_count);
    ev_tell(r, "restarts", "%u", a->restart_count);
    ev_tell(r, "signature_algorithm", "%s with %s",
            sig->scheme == TPM_ALG_ECDSA    ? "ECDSA"
            : sig->scheme == TPM_ALG_RSAPSS ? "RSAPSS"
                                            : "RSA",
            tpm_hash_name(sig->hash));
    static const char *const names[TPM_PCR_COUNT] = {"pcr0",  "pcr1",  "pcr2",  "pcr3",  "pcr4",  "pcr5",  "pcr6",  "pcr7",
                                                     "pcr8",  "pcr9",  "pcr10", "pcr11", "pcr12", "pcr13", "pcr14", "pcr15",
                                                     "pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22", "pcr23"};
    for (unsigned i = 0, at = 0; values && i < values->select.banks; i++)
        for (unsigned n = 0; n < TPM_PCR_COUNT; n++)
            if (values->select.bank[i].mask >> n & 1)
                ev_tell_hex(r, names[n], values->value[at++], tpm_hash_size(values->select.bank[i].alg));
}

static int check_digest(struct ev_report *r, int vouched, const struct tpm_attest *a, const struct tpm_signature *sig,
                        const struct tpm_pcrs *values, int values_err) {
    uint8_t digest[TPM_DIGEST_MAX];
    if (values_err == ERR_NOTFOUND) {
        ev_unchecked(r, "pcr_digest");
        return 0;
    }
    if (values_err != 0)
        return ev_check_vouched(r, vouched, "pcr_digest", 0, EV_INVALID,
                                "the values that came are not of the PCRs that are signed, in number, size or claim");
    size_t n = tpm_hash_size(sig->hash);
    if (n == 0) return 0; /* no signature was read: nobody knows which hash it would be */
    return ev_check_vouched(r, vouched, "pcr_digest",
                            tpm_pcrs_digest(sig->hash, values, digest) == 0 && a->pcr_digest.n == n &&
                                memcmp(digest, a->pcr_digest.p, n) == 0,
                            EV_INVALID, "the values that came are not those that were signed");
}

void tpm_quote_judge(struct ev_report *r, int vouched, const struct tpm_attest *a, const struct tpm_signature *sig,
                     struct ev_bytes nonce, const struct tpm_pcrs *values, int values_err, const struct tpm_policy *policy) {
    if (nonce.n == 0)
        ev_unchecked(r, "nonce");
    else
        ev_check_vouched(r, vouched, "nonce", a->extra.n == nonce.n && memcmp(a->extra.p, nonce.p, nonce.n) == 0, EV_INVALID,
                         "extraData is another, of %zu bytes where %zu are asked for", a->extra.n, nonce.n);
    int good = check_digest(r, vouched, a, sig, values, values_err);
    const struct tpm_pcrs *authentic = vouched && good ? values : NULL;
    tpm_policy_pcrs(r, vouched, policy, &a->select, authentic);
    tpm_policy_firmware(r, vouched, policy, a->firmware);
    if (vouched) tell(r, a, sig, authentic);
}
