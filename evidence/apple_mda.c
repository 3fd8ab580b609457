/* evidence/apple_mda.c - the checks of apple_mda.h, in its order. */
#include "evidence/apple_mda.h"

#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/hash.h"
#include "evidence/apple_certs.h"
#include "evidence/apple_se.h"
#include "evidence/vouched.h"

#define APPLE_EKU "1.2.840.113635.100.4.24"
#define APPLE_OID "1.2.840.113635.100.8."
enum { TEXT_MAX = 64, FRESHNESS_BYTES = 32, BINDING_BYTES = 64 };

struct check {
    const struct ev_input *in;
    const struct apple_policy *policy;
    struct ev_report *out;
    struct ev_certs certs;     /* the leaf first */
    int authentic;             /* Apple says it: from here on what is good may be noted */
    struct ev_bytes freshness; /* n 0: none that can be used */
};

#define CHECKED(k, ...) ev_check_vouched((k)->out, (k)->authentic, __VA_ARGS__)

static const X509 *leaf_of(const struct check *k) { return k->certs.cert[0]; }

/* ---- who says it ---- */

static int read_evidence(struct check *k) {
    struct why why = {""};
    const char *form = "";
    if (k->in->evidence.n > APPLE_MDA_BYTES_MAX)
        return ev_fail(k->out, "format", EV_UNSUPPORTED, "over %d bytes", APPLE_MDA_BYTES_MAX);
    int r = apple_certs_read(&k->certs, k->in->evidence, &form, &why);
    if (r != 0 && k->certs.count == 0)
        return ev_fail(k->out, "format", EV_UNSUPPORTED, "%s",
                       why.text[0] ? why.text : "neither certificates in PEM or DER nor a WebAuthn statement");
    ev_check(k->out, "format", 1, EV_UNSUPPORTED, " ");
    unsigned i = 0;
    while (r == 0 && i < k->in->chain_count) r = ev_certs_add(&k->certs, k->in->chain[i++]);
    ev_tell(k->out, "form", "%s", form);
    return r == 0 ? 1
                  : ev_fail(k->out, "certificates", EV_UNSUPPORTED, "certificate %u cannot be read (%s)", k->certs.count + 1,
                            err_text(r));
}

/* By ACME the leaf has a key of the device, on either curve. */
static int key_allowed(const X509 *cert) {
    char group[32] = "";
    size_t n = 0;
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    return key && EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &n) == 1 &&
           (strcmp(group, SN_secp384r1) == 0 || strcmp(group, SN_X9_62_prime256v1) == 0);
}

static int has_purpose(const X509 *cert) {
    EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    ASN1_OBJECT *want = OBJ_txt2obj(APPLE_EKU, 1);
    int found = 0;
    for (int i = 0; want && i < sk_ASN1_OBJECT_num(all); i++) found |= OBJ_cmp(sk_ASN1_OBJECT_value(all, i), want) == 0;
    ASN1_OBJECT_free(want);
    sk_ASN1_OBJECT_pop_free(all, ASN1_OBJECT_free);
    return found;
}

static void authenticate(struct check *k, const struct ev_anchors *anchors) {
    X509 *leaf = k->certs.cert[0];
    int good = ev_check(k->out, "certificates", X509_check_ca(leaf) == 0 && key_allowed(leaf), EV_INVALID,
                        "the first certificate is a CA's (the device's comes first), or its key is not on P-256 or P-384");
    int chain = ev_chain_check(k->out, leaf, &k->certs, anchors, k->in->now, NULL, 0);
    int purpose = has_purpose(leaf);
    if (chain || !purpose)
        ev_check(k->out, "eku", purpose, EV_INVALID, "the certificate is not for attestation of devices (%s)", APPLE_EKU);
    k->authentic = good && chain && purpose;
}

/* ---- extensions ---- */

/* n 0: absent, or blank; ERR_FORMAT: there more than once. */
static int property(const struct check *k, const char *oid, struct ev_bytes *out) {
    int r = ev_extension(leaf_of(k), oid, out);
    size_t blanks = 0;
    while (blanks < out->n && (out->p[blanks] == ' ' || out->p[blanks] == 0)) blanks++;
    if (r != 0 || blanks == out->n) *out = (struct ev_bytes){0};
    return r == ERR_NOTFOUND ? 0 : r;
}

static int is_text(struct ev_bytes s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] > 0x7e) return 0;
    return s.n > 0 && s.n <= TEXT_MAX;
}

/* 1: out is text; 0: noted as failed. */
static int text_property(struct check *k, const char *factor, const char *oid, struct ev_bytes *out) {
    int r = property(k, oid, out);
    if (r == 0 && out->n == 0) return CHECKED(k, factor, 0, EV_REFUSED, "the certificate does not tell it (%s)", oid);
    if (r != 0 || !is_text(*out)) return CHECKED(k, factor, 0, EV_UNSUPPORTED, "%s is there twice, or no plain text", oid);
    return 1;
}

/* A DER INTEGER that must be 0, which is the good value. A value of one zero byte is not one. */
static void zero_property(struct check *k, const char *factor, const char *oid, const char *bad) {
    struct ev_bytes v;
    uint64_t n = 1;
    int r = ev_extension(leaf_of(k), oid, &v);
    if (r == ERR_NOTFOUND || (r == 0 && v.n == 0))
        CHECKED(k, factor, 0, EV_REFUSED, "the certificate does not tell it (%s)", oid);
    else if (r != 0 || ev_der_uint(v, &n) != 0)
        CHECKED(k, factor, 0, EV_UNSUPPORTED, "%s is there twice, or no DER INTEGER", oid);
    else
        CHECKED(k, factor, n == 0, EV_REFUSED, "%s (%llu; 0 would be good)", bad, (unsigned long long)n);
}

/* ---- what binds it ---- */

/* Raw: a hash may begin like DER, and is not unwrapped. A value of blanks is no hash of anything. */
static void check_freshness(struct check *k) {
    struct ev_bytes v;
    int r = property(k, APPLE_OID "11.1", &v);
    if (r == 0 && v.n == 0)
        CHECKED(k, "freshness", 0, EV_INVALID, "the certificate has no freshness value");
    else if (CHECKED(k, "freshness", r == 0 && v.n == FRESHNESS_BYTES, EV_UNSUPPORTED,
                     "the freshness value is there twice, or not of %d bytes", FRESHNESS_BYTES))
        k->freshness = v;
}

/* What comes from an envelope is the node's own word, so there a key must be there, and be the attested one. */
static int check_key(struct check *k) {
    uint8_t point[64];
    if (k->in->key.n == 0) {
        if (k->in->enveloped) return CHECKED(k, "se_key", 0, EV_INVALID, "there is no key of the Secure Enclave");
        ev_unchecked(k->out, "se_key");
        return 0;
    }
    if (apple_se_point(k->in->key, point) != 0)
        return CHECKED(k, "se_key", 0, EV_UNSUPPORTED, "the Secure Enclave's key is none on P-256, of 65 or 64 bytes or in DER");
    return CHECKED(k, "se_key", k->freshness.n && apple_se_digest_is(point, k->freshness.p), EV_INVALID,
                   "the freshness value is not the SHA-256 of the Secure Enclave's key: Apple may have handed out an older "
                   "certificate");
}

static void check_nonce(struct check *k, int key_good) {
    struct ev_bytes nonce = k->in->nonce;
    if (nonce.n == 0)
        ev_unchecked(k->out, "nonce");
    else if (nonce.n == BINDING_BYTES)
        CHECKED(k, "nonce", key_good && apple_se_verify(k->in->key, nonce, k->in->collateral) == 1, EV_INVALID,
                "the binding value is not signed by the attested key of the Secure Enclave");
    else if (nonce.n != FRESHNESS_BYTES || k->in->enveloped)
        CHECKED(k, "nonce", 0, EV_INVALID, "a nonce of %zu bytes can be in no attestation", nonce.n);
    else
        CHECKED(k, "nonce", k->freshness.n && memcmp(k->freshness.p, nonce.p, nonce.n) == 0, EV_INVALID,
                "the freshness value is another than was asked for: Apple may have handed out an older certificate");
}

/* ---- how it is protected ---- */

static void check_protection(struct check *k) {
    static const char full[] = "Full Security";
    struct ev_bytes v;
    zero_property(k, "sip", APPLE_OID "13.1", "System Integrity Protection is off");
    if (text_property(k, "secure_boot", APPLE_OID "13.2", &v))
        CHECKED(k, "secure_boot", v.n == sizeof full - 1 && memcmp(v.p, full, v.n) == 0, EV_REFUSED,
                "secure boot is \"%.*s\", not \"%s\"", (int)v.n, (const char *)v.p, full);
    zero_property(k, "kexts", APPLE_OID "13.3", "kernel extensions of others may be loaded");
}

static void check_os(struct check *k) {
    struct ev_bytes v;
    struct apple_version os;
    const struct apple_version *floor = &k->policy->os;
    if (!text_property(k, "os_version", APPLE_OID "10.1", &v)) return;
    if (apple_version_read(&os, v) != 0)
        CHECKED(k, "os_version", 0, EV_UNSUPPORTED, "\"%.*s\" is no version", (int)v.n, (const char *)v.p);
    else if (!k->policy->os_given)
        ev_unchecked(k->out, "os_version");
    else
        CHECKED(k, "os_version", apple_version_order(&os, floor) >= 0, EV_REFUSED, "%.*s is older than %u.%u.%u", (int)v.n,
                (const char *)v.p, floor->part[0], floor->part[1], floor->part[2]);
}

static void check_device(struct check *k, const struct ev_digests *list, const char *oid, const char *what) {
    struct ev_bytes v;
    uint8_t digest[SHA256_BYTES];
    if (!list->given || !text_property(k, "device_allowed", oid, &v)) return;
    sha256_of(digest, v.p, v.n);
    CHECKED(k, "device_allowed", ev_digests_have(list, digest, sizeof digest), EV_REFUSED,
            "the SHA-256 of its %s is not in the policy's list", what);
}

static void check_devices(struct check *k) {
    if (!k->policy->serials.given && !k->policy->udids.given) ev_unchecked(k->out, "device_allowed");
    check_device(k, &k->policy->serials, APPLE_OID "9.1", "serial number");
    check_device(k, &k->policy->udids, APPLE_OID "9.2", "UDID");
}

/* ---- facts ---- */

static void tell(const struct check *k) {
    static const struct {
        const char *name, *oid;
    } texts[] = {
        {"serial_number", APPLE_OID "9.1"},          {"udid", APPLE_OID "9.2"},
        {"software_update_device", APPLE_OID "9.4"}, {"os_version", APPLE_OID "10.1"},
        {"sep_os_version", APPLE_OID "10.2"},        {"llb_version", APPLE_OID "10.3"},
        {"secure_boot", APPLE_OID "13.2"},
    };
    struct ev_bytes v;
    uint8_t digest[SHA256_BYTES];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (property(k, texts[i].oid, &v) == 0 && is_text(v)) ev_tell(k->out, texts[i].name, "%.*s", (int)v.n, (const char *)v.p);
    if (k->freshness.n) ev_tell_hex(k->out, "freshness", k->freshness.p, k->freshness.n);
    ev_cert_digest(leaf_of(k), digest);
    ev_tell_hex(k->out, "certificate_sha256", digest, sizeof digest);
}

void apple_mda_verify_with(const struct ev_input *in, const struct apple_policy *policy, const struct ev_anchors *anchors,
                           struct ev_report *out) {
    struct check k = {.in = in, .policy = policy, .out = out};
    out->best = EV_A1;
    if (read_evidence(&k)) {
        authenticate(&k, anchors);
        check_freshness(&k);
        check_nonce(&k, check_key(&k));
        check_protection(&k);
        check_os(&k);
        check_devices(&k);
        if (k.authentic) tell(&k);
    }
    ev_certs_release(&k.certs);
}
