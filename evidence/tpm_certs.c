/* evidence/tpm_certs.c - see tpm_certs.h. */
#include "evidence/tpm_certs.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "evidence/tpm_key.h"

/* ---- kinds ---- */

/* -1: no extended key usage; else whether it has this one. */
static int has_eku(X509 *cert, const char *oid) {
    int critical = -1, has = 0;
    EXTENDED_KEY_USAGE *list = X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
    if (!list) return critical == -1 ? -1 : 0; /* -2, twice, and unreadable count as having another */
    ASN1_OBJECT *want = OBJ_txt2obj(oid, 1);
    for (int i = 0; want && i < sk_ASN1_OBJECT_num(list); i++) has |= OBJ_cmp(sk_ASN1_OBJECT_value(list, i), want) == 0;
    ASN1_OBJECT_free(want);
    EXTENDED_KEY_USAGE_free(list);
    return has;
}

enum tpm_cert_kind tpm_cert_kind(X509 *cert) {
    int ca = X509_check_ca(cert) != 0;         /* reads the extensions, which the next calls need */
    uint32_t usage = X509_get_key_usage(cert); /* UINT32_MAX: says none */
    int says = usage != UINT32_MAX, ek = has_eku(cert, "2.23.133.8.1"), ak = has_eku(cert, "2.23.133.8.3");
    EVP_PKEY *key = X509_get0_pubkey(cert);
    ERR_clear_error();
    if (ca || X509_get_extension_flags(cert) & EXFLAG_INVALID || !key || !tpm_key_allowed(key)) return TPM_CERT_OTHER;
    if (says && usage & KU_KEY_CERT_SIGN) return TPM_CERT_OTHER;
    int decrypts = says && usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT), signs = says && usage & KU_DIGITAL_SIGNATURE;
    if (signs) return ak != 0 && !decrypts ? TPM_CERT_AK : TPM_CERT_OTHER;
    if (ek == 0 || (says && !decrypts) || (!says && ek != 1)) return TPM_CERT_OTHER;
    return TPM_CERT_EK;
}

X509 *tpm_cert_of_key(const struct ev_certs *certs, EVP_PKEY *key) {
    for (unsigned i = 0; i < certs->count; i++) {
        EVP_PKEY *k = X509_get0_pubkey(certs->cert[i]);
        int same = k && EVP_PKEY_eq(k, key) == 1;
        ERR_clear_error();
        if (same) return certs->cert[i];
    }
    return NULL;
}

X509 *tpm_cert_of_kind(const struct ev_certs *certs, enum tpm_cert_kind kind) {
    for (unsigned i = 0; i < certs->count; i++)
        if (tpm_cert_kind(certs->cert[i]) == kind) return certs->cert[i];
    return NULL;
}

/* ---- checks ---- */

int tpm_ak_certificate(struct ev_report *r, X509 *cert, const struct ev_certs *others, const struct ev_anchors *anchors,
                       int64_t now) {
    int kind = ev_check(r, "ak_certificate", tpm_cert_kind(cert) == TPM_CERT_AK, EV_INVALID,
                        "not the certificate of an AK: one that signs, is no CA, and is for AKs if it says what for");
    int chain = ev_chain_check(r, cert, others, anchors, now, NULL, 0);
    return kind && chain;
}

/* swtpm's own CA names the model "swtpm", or IBM's number of the software TPM. */
static int says_software(X509 *cert) {
    int found = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        if (g->type != GEN_DIRNAME) continue;
        for (int k = 0; k < X509_NAME_entry_count(g->d.directoryName); k++) {
            const ASN1_STRING *v = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(g->d.directoryName, k));
            size_t n = (size_t)ASN1_STRING_length(v);
            const void *p = ASN1_STRING_get0_data(v);
            found |= (n == 5 && strncasecmp(p, "swtpm", 5) == 0) || (n == 11 && memcmp(p, "id:00001014", 11) == 0);
        }
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return found;
}

enum { ROOTS_MAX = 32 };
/* The anchors whose digest the policy names. */
static struct ev_anchors narrowed(const struct ev_anchors *all, const struct ev_digests *wanted, const char **room) {
    unsigned n = 0;
    if (!wanted->given) return *all;
    for (const char *const *pem = all->roots; *pem && n + 1 < ROOTS_MAX; pem++) {
        struct ev_certs one = {.count = 0};
        uint8_t digest[32];
        if (ev_certs_add(&one, (struct ev_bytes){(const uint8_t *)*pem, strlen(*pem)}) == 0 && one.count == 1) {
            ev_cert_digest(one.cert[0], digest);
            if (ev_digests_have(wanted, digest, sizeof digest)) room[n++] = *pem;
        }
        ev_certs_release(&one);
    }
    room[n] = NULL;
    return (struct ev_anchors){room, all->intermediates};
}

int tpm_ek_certificate(struct ev_report *r, X509 *cert, const struct ev_certs *others, const struct tpm_policy *policy,
                       const struct ev_anchors *anchors, int64_t now) {
    const char *room[ROOTS_MAX];
    uint8_t digest[32];
    int good = ev_check(r, "ek_certificate", tpm_cert_kind(cert) == TPM_CERT_EK, EV_INVALID,
                        "not the certificate of an EK: one that decrypts, is no CA, and is for EKs if it says what for");
    good &= ev_chain_check(r, cert, others, anchors, now, NULL, 0);
    if (says_software(cert) && !tpm_software_accepted())
        good = ev_fail(r, "software_tpm", EV_REFUSED,
                       "the EK's certificate is of a TPM in software: whoever runs it knows its keys");
    if (good && policy->ek_roots.given) {
        struct ev_anchors fewer = narrowed(anchors, &policy->ek_roots, room);
        struct ev_report again = {.factors = 0};
        good = ev_check(r, "ek_root", ev_chain_check(&again, cert, others, &fewer, now, NULL, 0), EV_REFUSED,
                        "the EK's certificate ends in a root that the policy leaves out");
    }
    if (policy->eks.given)
        good &= ev_check(r, "ek_allowed",
                         tpm_key_digest(X509_get0_pubkey(cert), digest) == 0 && ev_digests_have(&policy->eks, digest, 32),
                         EV_REFUSED, "an EK that the policy does not name");
    return good;
}
