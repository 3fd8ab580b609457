/* evidence/sev_snp.c - the checks of sev_snp.h, in its order. */
#include "evidence/sev_snp.h"

#include <string.h>

#include "evidence/sev_snp_chain.h"
#include "evidence/sev_snp_judge.h"
#include "evidence/sev_snp_leaf.h"
#include "evidence/vouched.h"

/* A certificate, and whether its key signed the report: 1, 0, or ERR_*. Asked once, as it costs a third of the verdict. */
struct signer {
    X509 *cert;
    int good;
};

struct check {
    const struct ev_input *in;
    struct ev_bytes bytes;
    struct ev_report *out;
    struct snp_report report;
    struct ev_certs certs;
    struct signer signer;
    struct snp_leaf leaf; /* of the signer */
    int vouched;          /* chain and signature are good: what is good may be noted */
};

#define CHECKED(k, ...) ev_check_vouched((k)->out, (k)->vouched, __VA_ARGS__)

static int read_report(struct check *k) {
    int e = snp_report_read(&k->report, k->bytes);
    if (e == ERR_FORMAT && k->bytes.n >= 4 && memcmp(k->bytes.p, "HCLA", 4) == 0)
        return ev_fail(k->out, "format", EV_UNSUPPORTED, "Azure's HCL report, which goes with a quote: kind tpm-quote, as --key");
    if (e == ERR_FORMAT)
        return ev_fail(k->out, "format", EV_UNSUPPORTED, "a report has %d bytes, this has %zu", SNP_REPORT_BYTES, k->bytes.n);
    ev_check(k->out, "format", 1, EV_UNSUPPORTED, " ");
    if (!ev_check(k->out, "version", e == 0, EV_UNSUPPORTED, "version %u; 2 to 5 are read here", k->report.version)) return 0;
    return ev_check(k->out, "algorithm", k->report.signature_algorithm == 1, EV_UNSUPPORTED,
                    "signature algorithm %u; 1 is the one that is known (ECDSA on P-384 with SHA-384)",
                    k->report.signature_algorithm);
}

/* ---- the certificate ---- */

static int signed_by(const struct check *k, X509 *cert) {
    struct ev_bytes text = {k->bytes.p, SNP_SIGNED_BYTES};
    EVP_PKEY *key = X509_get0_pubkey(cert);
    return key ? ev_ecdsa_verify(key, "SHA384", k->report.r, k->report.s, SNP_SCALAR_BYTES, text) : 0;
}

/* A caller may hand on all certificates that a host had, of several chips or firmware levels: the one that signed, else one of the kind
 * that the report names, else the other kind's. Which one is taken decides what the user reads, not what is trusted. */
static struct signer pick_signer(const struct check *k) {
    struct signer of_kind = {NULL, 0}, other = {NULL, 0};
    for (unsigned i = k->certs.count; i-- > 0;) {
        X509 *cert = k->certs.cert[i];
        enum snp_key key = snp_key_of(cert);
        if (key == SNP_KEY_NONE) continue;
        struct signer s = {cert, signed_by(k, cert)};
        if (s.good == 1) return s;
        if ((unsigned)key == k->report.signing_key)
            of_kind = s;
        else
            other = s;
    }
    return of_kind.cert ? of_kind : other;
}

static int read_leaf(struct check *k) {
    struct why why = {""};
    if (!ev_certs_of(&k->certs, k->in, k->out)) return 0;
    k->signer = pick_signer(k);
    if (!k->signer.cert) return ev_fail(k->out, "certificates", EV_INVALID, "no VCEK's or VLEK's among the %u", k->certs.count);
    if (snp_leaf_read(&k->leaf, k->signer.cert, &why) != 0) return ev_fail(k->out, "certificates", EV_INVALID, "%s", why.text);
    ev_check(k->out, "certificates", 1, EV_INVALID, " ");
    return k->leaf.product != SNP_PRODUCT_NONE ||
           ev_fail(k->out, "product", EV_UNSUPPORTED, "the certificate is for \"%s\"; Milan, Genoa and Turin are known here",
                   k->leaf.product_text);
}

/* ---- who says it ---- */

static void check_signer(struct check *k) {
    const struct snp_report *s = &k->report;
    const char *cert = k->leaf.key == SNP_KEY_VCEK ? "VCEK" : "VLEK";
    if (s->signing_key == SNP_KEY_NONE)
        CHECKED(k, "signer", 0, EV_INVALID, "the report says that it is not signed");
    else if (s->signing_key != SNP_KEY_VCEK && s->signing_key != SNP_KEY_VLEK)
        CHECKED(k, "signer", 0, EV_UNSUPPORTED, "signing key %u; 0 (VCEK) and 1 (VLEK) are known here", s->signing_key);
    else if (s->chip_key_masked && s->signing_key == SNP_KEY_VCEK)
        CHECKED(k, "signer", 0, EV_INVALID, "the chip's key is masked, so no VCEK can have signed");
    else
        CHECKED(k, "signer", s->signing_key == (unsigned)k->leaf.key, EV_INVALID, "signed by a %s, and the certificate is a %s's",
                s->signing_key == SNP_KEY_VCEK ? "VCEK" : "VLEK", cert);
}

static void authenticate(struct check *k, const struct snp_anchors *anchors) {
    int chain = snp_chain_check(k->out, k->leaf.cert, &k->certs, &anchors->product[k->leaf.product], k->in->now,
                                k->in->collateral);
    int good = k->report.signature_clean ? k->signer.good : 0;
    if (good < 0)
        ev_fail(k->out, "signature", EV_INTERNAL, "%s", err_text(good));
    else
        ev_check_vouched(k->out, chain, "signature", good, EV_INVALID, "%s",
                         k->report.signature_clean ? "it is not the certificate's over this report"
                                                   : "bytes around r and s are not zero");
    k->vouched = chain && good == 1;
    check_signer(k);
    k->vouched = k->vouched && !ev_report_failed(k->out, "signer");
}

/* ---- is the certificate this report's ---- */

static void check_product(struct check *k) {
    const struct snp_report *s = &k->report;
    enum snp_product cpu = s->version < 3 ? k->leaf.product : snp_product_of_cpu(s->cpu_family, s->cpu_model);
    if (cpu == SNP_PRODUCT_NONE)
        CHECKED(k, "product", 0, EV_UNSUPPORTED, "a processor of family %02x, model %02x is not known here", s->cpu_family,
                s->cpu_model);
    else
        CHECKED(k, "product", cpu == k->leaf.product, EV_INVALID, "the report is a %s's, the certificate a %s's",
                snp_product_name(cpu), snp_product_name(k->leaf.product));
}

/* A host can have CHIP_ID be zeros (MaskChipId); then nothing of the report's says that the certificate is its chip's. */
static void check_leaf(struct check *k) {
    static const uint8_t masked[SNP_CHIP_BYTES];
    const struct snp_report *s = &k->report;
    CHECKED(k, "tcb_match", memcmp(k->leaf.tcb, s->reported_tcb, SNP_TCB_BYTES) == 0, EV_INVALID,
            "the certificate is for another TCB version than the report names");
    if (k->leaf.key == SNP_KEY_VCEK)
        CHECKED(k, "chip_id", memcmp(k->leaf.chip, s->chip_id, SNP_CHIP_BYTES) == 0, EV_INVALID, "%s",
                memcmp(masked, s->chip_id, SNP_CHIP_BYTES) == 0 ? "the host masks the chip's id, and a VCEK is for one chip"
                                                                : "the certificate is for another chip than the report names");
}

int sev_snp_verify_report(const struct ev_input *in, struct ev_bytes report, const struct ev_bytes *report_data,
                          const struct snp_policy *policy, const struct snp_anchors *anchors, struct ev_report *out,
                          struct snp_report *parsed) {
    struct check k = {.in = in, .bytes = report, .out = out};
    if (read_report(&k) && read_leaf(&k)) {
        authenticate(&k, anchors);
        check_product(&k);
        check_leaf(&k);
        snp_judge(out, &k.report, k.leaf.product, policy, k.vouched);
        if (report_data) snp_judge_data(out, &k.report, *report_data, k.vouched);
        if (k.vouched) snp_tell(out, &k.report, &k.leaf);
    }
    ev_certs_release(&k.certs);
    if (parsed) *parsed = k.report;
    return k.vouched;
}

void sev_snp_verify_with(const struct ev_input *in, const struct snp_policy *policy, const struct snp_anchors *anchors,
                         struct ev_report *out) {
    out->best = EV_T2;
    (void)sev_snp_verify_report(in, in->evidence, &in->nonce, policy, anchors, out, NULL);
}
