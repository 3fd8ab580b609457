/* evidence/tpm_quote.c - one quote: reads it, finds the AK, checks the signature, and joins what the other files judge. See tpm_quote.h. */
#include "evidence/tpm_quote.h"

#include <string.h>

#include "evidence/tpm_ak.h"
#include "evidence/tpm_certs.h"
#include "evidence/tpm_hcl_verify.h"
#include "evidence/tpm_member.h"
#include "evidence/vouched.h"

enum source { NOWHERE, GIVEN, CERTIFIED, FROM_HCL, CLAIMED };

struct job {
    const struct ev_input *in;
    const struct tpm_trust *trust;
    struct ev_report *r;
    struct tpm_container c;
    struct ev_certs certs;
    struct tpm_ak ak;
    enum source from;
    int has_hcl, hcl_good;
    struct hcl_report hcl;
    struct tpm_signature sig;
    struct tpm_signature_hold hold;
    struct tpm_pcrs values;
};

/* ---- reading ---- */

static int read_container(struct job *j) {
    struct why why = {""};
    int e = tpm_container_read(j->in->evidence, &j->c, &why);
    if (!ev_check(j->r, "format", e == 0, e == ERR_NOMEM ? EV_INTERNAL : EV_UNSUPPORTED, "%s", why_text(&why, e))) return 0;
    ev_tell(j->r, "form", "%s", j->c.form);
    if (j->c.version &&
        !ev_check(j->r, "version", j->c.version <= 2, EV_UNSUPPORTED, "%lld is not 1 or 2", (long long)j->c.version))
        return 0;
    return tpm_attest_is(j->r, &j->c.attest, j->c.attest_err, TPM_ST_QUOTE);
}

static int read_hcl(struct job *j, struct ev_bytes bytes) {
    int e = hcl_read(bytes, &j->hcl);
    j->has_hcl = 1;
    if (e == ERR_UNSUPPORTED)
        return ev_fail(j->r, "hcl_report", EV_UNSUPPORTED,
                       "it holds no SEV-SNP report, which is what is read here: of a TDX machine give its quote, as kind tdx");
    return e == 0 || ev_fail(j->r, "hcl_report", EV_UNSUPPORTED, "%s", err_text(e));
}

static int read_key(struct job *j, struct ev_bytes bytes, enum source from) {
    int e = tpm_ak_read(bytes, &j->ak);
    j->from = from;
    if (e == ERR_UNSUPPORTED) return ev_fail(j->r, "key", EV_UNSUPPORTED, "not RSA of 2048 to 4096 bits, nor on P-256 or P-384");
    return e == 0 || ev_fail(j->r, "key", EV_UNSUPPORTED, "no public key in PEM or DER, no certificate, no TPM2B_PUBLIC");
}

static int take(struct job *j, EVP_PKEY *key, enum source from) {
    j->ak.key = key;
    j->from = from;
    return key != NULL;
}

/* In this order: what the caller says it is, what a processor or a cloud says it is, what the evidence says of itself. */
static int find_key(struct job *j) {
    struct ev_bytes hcl = hcl_looks(j->in->key) ? j->in->key : j->c.hcl_report;
    if (hcl.n && !read_hcl(j, hcl)) return 0;
    if (j->in->key.n && !hcl_looks(j->in->key)) return read_key(j, j->in->key, GIVEN);
    if (hcl.n)
        return take(j, hcl_ak(&j->hcl), FROM_HCL) ||
               ev_fail(j->r, "hcl_report", EV_UNSUPPORTED, "HCLAkPub is not an RSA key of 2048 to 4096 bits");
    X509 *cert = tpm_cert_of_kind(&j->certs, TPM_CERT_AK);
    if (cert && take(j, X509_get_pubkey(cert), CERTIFIED)) return 1;
    if (j->c.ak_public.n) return read_key(j, j->c.ak_public, CLAIMED);
    if (j->certs.count) ev_fail(j->r, "ak_certificate", EV_INVALID, "none of the chain's certificates is an AK's");
    return ev_fail(j->r, "signature", EV_INVALID, "no key to check it with: neither the AK nor its certificate was given");
}

/* ---- checking ---- */

static int check_signature(struct job *j) {
    int e = tpm_container_signature(&j->c, j->ak.key, &j->sig, &j->hold);
    if (e == ERR_NOTFOUND) return ev_fail(j->r, "signature", EV_INVALID, "there is none: an attestation alone shows nothing");
    if (e != 0) return ev_fail(j->r, "signature", EV_INVALID, "not a signature of this key's kind and size, or bytes follow it");
    int good = tpm_signature_check(j->ak.key, &j->sig, j->c.attest.whole);
    if (good == ERR_UNSUPPORTED && (j->sig.hash == TPM_ALG_SHA256 || j->sig.hash == TPM_ALG_SHA384))
        good = 0; /* of another kind than the key */
    return ev_check(j->r, "signature", good == 1, good < 0 ? EV_UNSUPPORTED : EV_INVALID,
                    good < 0 ? "its hash is neither SHA-256 nor SHA-384" : "not by this key over this quote");
}

static void check_certificates(struct job *j, int *tied) {
    X509 *ak = tpm_cert_of_key(&j->certs, j->ak.key), *ek = tpm_cert_of_kind(&j->certs, TPM_CERT_EK);
    if (ak)
        *tied |= tpm_ak_certificate(j->r, ak, &j->certs, &j->trust->roots, j->in->now);
    else if (tpm_cert_of_kind(&j->certs, TPM_CERT_AK) || (j->certs.count && !ek && !j->has_hcl))
        ev_fail(j->r, "ak_certificate", EV_INVALID, "none of the chain's certificates is of the key that is to have signed");
    if (ek) tpm_ek_certificate(j->r, ek, &j->certs, j->trust->policy, &j->trust->roots, j->in->now);
}

static void check_key(struct job *j, int vouched) {
    int tied = j->hcl_good;
    uint8_t digest[32];
    if (j->ak.has_public)
        tpm_ak_attributes(j->r, vouched, &j->ak.public_area, &j->sig);
    else
        ev_unchecked(j->r, "ak_attributes");
    check_certificates(j, &tied);
    if ((j->from == CLAIMED || j->in->enveloped) && !tied)
        ev_fail(j->r, "ak_not_activated", EV_REFUSED, "the key came with the quote, and nobody else says that it is in a TPM");
    else if (!tied)
        ev_unchecked(j->r, "ak_not_activated");
    if (vouched && tpm_key_digest(j->ak.key, digest) == 0) ev_tell_hex(j->r, "ak_sha256", digest, sizeof digest);
}

static void verify(struct job *j) {
    if (!read_container(j) || !ev_certs_of_padded(&j->certs, j->in, j->r) || !find_key(j)) return;
    if (j->has_hcl)
        j->hcl_good = tpm_hcl_verify(j->in, &j->hcl, j->c.vcek, j->from == FROM_HCL ? NULL : j->ak.key, j->trust, j->r);
    int vouched = check_signature(j);
    int values_err = tpm_container_pcrs(&j->c, &j->values);
    tpm_quote_judge(j->r, vouched, &j->c.attest, &j->sig, j->in->nonce, &j->values, values_err, j->trust->policy);
    check_key(j, vouched);
    if (j->in->enveloped && !j->hcl_good)
        ev_fail(j->r, "seal_key", EV_REFUSED,
                "a quote alone, where an envelope needs the member form: nothing binds the seal key");
}

void tpm_quote_verify_with(const struct ev_input *in, const struct tpm_trust *trust, struct ev_report *out) {
    struct job j = {.in = in, .trust = trust, .r = out};
    out->best = EV_T1;
    if (tpm_member_looks(in->evidence)) {
        tpm_member_verify_with(in, trust, NULL, out);
        return;
    }
    verify(&j);
    tpm_ak_release(&j.ak);
    ev_certs_release(&j.certs);
    tpm_container_release(&j.c);
}
