/* evidence/tpm_member_verify.c - judges a member. See tpm_member.h. */
#include <string.h>

#include "evidence/tpm_ak.h"
#include "evidence/tpm_certs.h"
#include "evidence/tpm_member.h"

struct job {
    const struct ev_input *in;
    const struct tpm_trust *trust;
    const struct tpm_activated *own;
    struct ev_report *r;
    struct tpm_member m;
    struct tpm_container c;
    struct ev_certs certs;
    struct tpm_ak ak;
    struct tpm_signature sig;
    struct tpm_signature_hold hold;
    struct tpm_pcrs values;
    int values_err;
};

static int read_all(struct job *j) {
    struct why why = {""};
    int e = tpm_member_read(j->in->evidence, &j->m);
    if (e != 0) return ev_fail(j->r, "format", EV_UNSUPPORTED, "a TPM's member: %s", err_text(e));
    e = tpm_container_read(j->m.quote, &j->c, &why);
    if (e == 0 && strcmp(j->c.form, "wire") != 0) e = why_set(&why, ERR_FORMAT, "the quote in it is not in wire form");
    if (!ev_check(j->r, "format", e == 0, e == ERR_NOMEM ? EV_INTERNAL : EV_UNSUPPORTED, "%s", why_text(&why, e))) return 0;
    if (!tpm_attest_is(j->r, &j->c.attest, j->c.attest_err, TPM_ST_QUOTE)) return 0;
    if (tpm_ak_read(j->m.ak, &j->ak) != 0 || !j->ak.has_public)
        return ev_fail(j->r, "key", EV_UNSUPPORTED, "the AK in it is no public area of an RSA or elliptic key");
    return ev_certs_of_padded(&j->certs, j->in, j->r);
}

static int check_quote(struct job *j) {
    int e = tpm_container_signature(&j->c, j->ak.key, &j->sig, &j->hold);
    int good = e == 0 ? tpm_signature_check(j->ak.key, &j->sig, j->c.attest.whole) : 0;
    int vouched = ev_check(j->r, "signature", good == 1, EV_INVALID, "not by the AK over this quote");
    j->values_err = tpm_container_pcrs(&j->c, &j->values);
    tpm_quote_judge(j->r, vouched, &j->c.attest, &j->sig, j->in->nonce, &j->values, j->values_err, j->trust->policy);
    tpm_ak_attributes(j->r, vouched, &j->ak.public_area, &j->sig);
    return vouched;
}

static int activated_by_caller(const struct job *j, const uint8_t ek[32], const uint8_t *name) {
    for (unsigned i = 0; j->own && i < j->own->count; i++)
        if (memcmp(j->own->pair[i].ek_digest, ek, 32) == 0 && memcmp(j->own->pair[i].ak_name, name, TPM_NAME_BYTES) == 0)
            return 1;
    return 0;
}

/* From a certified EK to the AK. */
static int check_activation(struct job *j, X509 *ek) {
    uint8_t ek_digest[32], name[TPM_NAME_BYTES];
    if (tpm_key_digest(X509_get0_pubkey(ek), ek_digest) != 0 || tpm_name(&j->ak.public_area, name) != 0) return 0;
    if (activated_by_caller(j, ek_digest, name)) {
        ev_tell(j->r, "activated_by", "the caller");
        return 1;
    }
    unsigned n = tpm_statements_count(j->m.statement, j->m.statements, ek_digest, name, j->trust->policy, j->in->now);
    if (n == 0 || n < j->trust->policy->activators_needed) return 0;
    ev_tell(j->r, "activated_by", "%u of the policy's activators", n);
    return 1;
}

static void check_key(struct job *j) {
    X509 *ek = tpm_cert_of_kind(&j->certs, TPM_CERT_EK), *ak = tpm_cert_of_key(&j->certs, j->ak.key);
    int tied = ak && tpm_ak_certificate(j->r, ak, &j->certs, &j->trust->roots, j->in->now);
    if (ek) {
        int good = tpm_ek_certificate(j->r, ek, &j->certs, j->trust->policy, &j->trust->roots, j->in->now);
        tied |= check_activation(j, ek) && good;
    } else if (!ak)
        ev_fail(j->r, "ek_certificate", j->certs.count ? EV_INVALID : EV_REFUSED,
                "%s, nor one of the AK: nothing says that this TPM is a real one",
                j->certs.count ? "none of those that came is one" : "there is none");
    if (!ek && j->trust->policy->eks.given)
        ev_fail(j->r, "ek_allowed", EV_REFUSED, "the policy names EKs, and there is no EK's certificate");
    ev_check(j->r, "ak_not_activated", tied, EV_REFUSED,
             "nobody whom the policy trusts, nor the caller, has challenged this AK in the TPM of this EK");
}

/* Values that were signed, or NULL. */
static const struct tpm_pcrs *authentic(const struct job *j, int vouched) {
    return vouched && j->values_err == 0 && !ev_report_failed(j->r, "pcr_digest") ? &j->values : NULL;
}

void tpm_member_verify_with(const struct ev_input *in, const struct tpm_trust *trust, const struct tpm_activated *own,
                            struct ev_report *out) {
    struct job j = {.in = in, .trust = trust, .own = own, .r = out};
    out->best = EV_T1;
    if (read_all(&j)) {
        int vouched = check_quote(&j);
        check_key(&j);
        tpm_seal_key_verify(out, vouched, &j.m.seal, j.ak.key, in->nonce, (struct ev_bytes){0}, authentic(&j, vouched),
                            trust->policy);
        if (j.m.event_log.n) ev_unchecked(out, "event_log");
        if (j.m.ima_log.n) ev_unchecked(out, "ima_log");
    }
    tpm_ak_release(&j.ak);
    ev_certs_release(&j.certs);
    tpm_container_release(&j.c);
}
