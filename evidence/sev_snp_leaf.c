/* evidence/sev_snp_leaf.c - see sev_snp_leaf.h. */
#include "evidence/sev_snp_leaf.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "evidence/p384.h"

#define AMD "1.3.6.1.4.1.3704.1."
enum { DER_IA5 = 0x16, TURIN_CHIP_BYTES = 8 };

/* The common name, if there is exactly one and it is this text. */
static int common_name_is(const X509_NAME *name, const char *text) {
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0) return 0;
    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    return (size_t)ASN1_STRING_length(s) == strlen(text) && memcmp(ASN1_STRING_get0_data(s), text, strlen(text)) == 0;
}

enum snp_key snp_key_of(const X509 *cert) {
    const X509_NAME *subject = X509_get_subject_name(cert);
    return common_name_is(subject, "SEV-VCEK") ? SNP_KEY_VCEK : common_name_is(subject, "SEV-VLEK") ? SNP_KEY_VLEK : SNP_KEY_NONE;
}

/* An IA5String in DER of printable characters, with a NUL behind them. ERR_*. */
static int read_ia5(const X509 *cert, const char *oid, char *out, size_t cap) {
    struct ev_bytes e;
    int r = ev_extension(cert, oid, &e);
    if (r != 0) return r;
    if (e.n < 3 || e.p[0] != DER_IA5 || e.p[1] != e.n - 2 || e.n - 2 >= cap) return ERR_FORMAT;
    for (size_t i = 2; i < e.n; i++)
        if (e.p[i] < 0x20 || e.p[i] > 0x7e) return ERR_FORMAT;
    memcpy(out, e.p + 2, e.n - 2);
    out[e.n - 2] = 0;
    return 0;
}

/* Parts without a name are spare: absent is zero. */
static int read_tcb(struct snp_leaf *l, struct why *why) {
    const struct snp_tcb_part *part = snp_tcb_parts(l->product);
    for (size_t i = 0; i < SNP_TCB_BYTES; i++) {
        struct ev_bytes e;
        uint64_t v = 0;
        int r = ev_extension(l->cert, part[i].oid, &e);
        if (r == 0) r = ev_der_uint(e, &v);
        if (r == ERR_NOTFOUND && !part[i].name) r = 0;
        if (r != 0 || v > UINT8_MAX)
            return why_set(why, ERR_FORMAT, "the certificate's extension %s is missing, or no integer from 0 to 255",
                           part[i].oid);
        l->tcb[i] = (uint8_t)v;
    }
    return 0;
}

/* Turin's ids have 8 bytes, which CHIP_ID holds with zeros after them; the others' fill it. */
static int read_chip(struct snp_leaf *l, struct why *why) {
    size_t want = l->product == SNP_TURIN ? TURIN_CHIP_BYTES : SNP_CHIP_BYTES;
    struct ev_bytes e;
    if (ev_extension(l->cert, AMD "4", &e) != 0 || e.n != want)
        return why_set(why, ERR_FORMAT, "the VCEK certificate's chip id (" AMD "4) is missing, or has not %zu bytes", want);
    memcpy(l->chip, e.p, e.n);
    return 0;
}

/* A VLEK is for a cloud and for no chip, a VCEK for a chip and for no cloud. */
static int read_owner(struct snp_leaf *l, struct why *why) {
    struct ev_bytes e;
    if (l->key == SNP_KEY_VCEK) {
        if (ev_extension(l->cert, AMD "5", &e) != ERR_NOTFOUND)
            return why_set(why, ERR_FORMAT, "the VCEK certificate names a cloud (" AMD "5)");
        return read_chip(l, why);
    }
    if (ev_extension(l->cert, AMD "4", &e) != ERR_NOTFOUND)
        return why_set(why, ERR_FORMAT, "the VLEK certificate names a chip (" AMD "4)");
    if (read_ia5(l->cert, AMD "5", l->csp, sizeof l->csp) != 0)
        return why_set(why, ERR_FORMAT, "the VLEK certificate's cloud (" AMD "5) is missing, or no text");
    return 0;
}

/* SEV-Milan signs VCEKs and SEV-VLEK-Milan VLEKs: neither may stand in for the other, and the ARK for none of them. */
static int issuer_good(const struct snp_leaf *l) {
    static const char *const issuer[SNP_PRODUCTS][2] = {
        {"SEV-Milan", "SEV-VLEK-Milan"}, {"SEV-Genoa", "SEV-VLEK-Genoa"}, {"SEV-Turin", "SEV-VLEK-Turin"}};
    return common_name_is(X509_get_issuer_name(l->cert), issuer[l->product][l->key == SNP_KEY_VLEK]);
}

int snp_leaf_read(struct snp_leaf *out, X509 *cert, struct why *why) {
    *out = (struct snp_leaf){.cert = cert, .key = snp_key_of(cert), .product = SNP_PRODUCT_NONE};
    if (out->key == SNP_KEY_NONE) return why_set(why, ERR_FORMAT, "neither a VCEK's nor a VLEK's certificate");
    if (!p384_key_in(cert)) return why_set(why, ERR_FORMAT, "the certificate's key is not on P-384");
    if (X509_check_ca(cert) != 0) return why_set(why, ERR_FORMAT, "the certificate is a CA's");
    if (read_ia5(cert, AMD "2", out->product_text, sizeof out->product_text) != 0)
        return why_set(why, ERR_FORMAT, "the certificate's product name (" AMD "2) is missing, or no text");
    out->product = snp_product_named((struct ev_bytes){(const uint8_t *)out->product_text, strlen(out->product_text)});
    if (out->product == SNP_PRODUCT_NONE) return 0;
    if (!issuer_good(out)) return why_set(why, ERR_FORMAT, "the certificate's issuer is not the one that signs this kind of key");
    int r = read_tcb(out, why);
    return r == 0 ? read_owner(out, why) : r;
}
