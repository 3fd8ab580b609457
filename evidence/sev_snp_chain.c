/* evidence/sev_snp_chain.c - see sev_snp_chain.h.
 *
 * AMD publishes one list per product, by the ARK, of ASKs; there is none by an ASK, of VCEKs. So the list is asked of the chain that
 * begins at the ASK: asked of the whole chain it would always be one list too few. */
#include "evidence/sev_snp_chain.h"

#include <openssl/err.h>
#include <string.h>

/* By key, not by name alone: a product may have had two ASKs of one name. */
static int issued(X509 *issuer, X509 *leaf) {
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    int good = key && X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(leaf)) == 0 &&
               X509_verify(leaf, key) == 1;
    ERR_clear_error();
    return good;
}

static X509 *issuer_in(const struct ev_certs *c, X509 *leaf) {
    for (unsigned i = 0; i < c->count; i++)
        if (issued(c->cert[i], leaf)) return c->cert[i];
    return NULL;
}

/* The list's verdict on the ASK, under the names of this kind: whatever is wrong with a list that could be read, it clears nobody. */
static int check_issuer(struct ev_report *r, X509 *issuer, const struct ev_certs *others, const struct ev_anchors *anchors,
                        int64_t now, struct ev_bytes crl) {
    struct ev_report one = {.best = EV_CLASS_NONE};
    if (ev_chain_check(&one, issuer, others, anchors, now, &crl, 1)) {
        ev_check(r, "revocation_list", 1, EV_UNSUPPORTED, " ");
        return ev_check(r, "revoked", 1, EV_INVALID, " ");
    }
    const struct ev_factor *f = ev_report_failed(&one, "revocation_list");
    if (f) return ev_fail(r, "revocation_list", EV_UNSUPPORTED, "collateral: %s", f->why);
    f = &one.factor[one.factors - 1];
    return ev_fail(r, "revoked", f->as, "AMD's revocation list: %s", f->why);
}

int snp_chain_check(struct ev_report *r, X509 *leaf, const struct ev_certs *others, const struct ev_anchors *anchors, int64_t now,
                    struct ev_bytes crl) {
    if (!ev_chain_check(r, leaf, others, anchors, now, NULL, 0)) return 0;
    if (crl.n == 0) return 1;
    struct ev_certs pinned = {.count = 0};
    int e = 0;
    for (const char *const *pem = anchors->intermediates; *pem && e == 0; pem++)
        e = ev_certs_add(&pinned, (struct ev_bytes){(const uint8_t *)*pem, strlen(*pem)});
    X509 *issuer = issuer_in(others, leaf);
    if (!issuer) issuer = issuer_in(&pinned, leaf);
    int good = e == 0 && issuer ? check_issuer(r, issuer, others, anchors, now, crl)
                                : ev_fail(r, "revoked", EV_INTERNAL, "the chain is good and its ASK is not found");
    ev_certs_release(&pinned);
    return good;
}
