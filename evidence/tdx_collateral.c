/* evidence/tdx_collateral.c - the file, and the exact bytes of what is signed in it. See tdx_collateral.h. */
#include "evidence/tdx_collateral.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "evidence/tdx_slice.h"

/* ---- the file ---- */

static struct ev_bytes text_of(const json_t *all, const char *key) {
    const json_t *v = json_object_get(all, key);
    if (!json_is_string(v)) return (struct ev_bytes){NULL, 0};
    return (struct ev_bytes){(const uint8_t *)json_string_value(v), json_string_length(v)};
}

static int hex_of(struct ev_bytes text, uint8_t *out, size_t n) {
    return text.n == 2 * n ? hex_decode(out, n, (const char *)text.p, text.n) : ERR_FORMAT;
}

/* The inner text and its signature, from the two texts, or from the PCS's answer {inner: {...}, "signature": "..."}. */
static int read_signed(const json_t *all, const char *key, const char *inner, struct tdx_signed *out) {
    char name[64];
    struct ev_bytes text = text_of(all, key), slice, signature;
    if (text.n == 0) return ERR_NOTFOUND;
    snprintf(name, sizeof name, "%s_issuer_chain", key);
    out->issuers = text_of(all, name);
    snprintf(name, sizeof name, "%s_signature", key);
    signature = text_of(all, name);
    out->text = text;
    if (tdx_collateral_slice(text, inner, &slice) == 0) {
        out->text = slice;
        if (signature.n == 0 && tdx_collateral_slice(text, "signature", &signature) == 0 && signature.n > 2)
            signature = (struct ev_bytes){signature.p + 1, signature.n - 2}; /* without the quotes */
    }
    return hex_of(signature, out->signature, sizeof out->signature);
}

static int read_crls(struct tdx_collateral *c) {
    static const char *const keys[2] = {"pck_crl", "root_ca_crl"};
    size_t at = 0, bytes = 0;
    for (int i = 0; i < 2; i++) { /* one in another form must not pass for none */
        const json_t *v = json_object_get(c->all, keys[i]);
        if (v && !json_is_string(v) && !json_is_null(v)) return ERR_FORMAT;
    }
    for (int i = 0; i < 2; i++) bytes += text_of(c->all, keys[i]).n / 2;
    if (bytes == 0) return 0;
    c->crl_bytes = malloc(bytes);
    if (!c->crl_bytes) return ERR_NOMEM;
    for (int i = 0; i < 2; i++) {
        struct ev_bytes hex = text_of(c->all, keys[i]);
        if (hex_of(hex, c->crl_bytes + at, hex.n / 2) != 0) return ERR_FORMAT;
        c->crls[i] = (struct ev_bytes){c->crl_bytes + at, hex.n / 2};
        at += hex.n / 2;
    }
    return 0;
}

int tdx_collateral_read(struct ev_bytes bytes, struct tdx_collateral *out, struct why *why) {
    *out = (struct tdx_collateral){.all = NULL};
    if (bytes.n > TDX_COLLATERAL_BYTES_MAX) return why_set(why, ERR_LIMIT, "over %d bytes", TDX_COLLATERAL_BYTES_MAX);
    if (json_has_over(bytes.p, bytes.n, TDX_COLLATERAL_VALUES_MAX))
        return why_set(why, ERR_LIMIT, "over %d values: it is an object of texts", TDX_COLLATERAL_VALUES_MAX);
    if (json_parse(&out->all, bytes.p, bytes.n, NULL) != 0 || !json_is_object(out->all))
        return why_set(why, ERR_FORMAT, "not a JSON object");
    if (read_signed(out->all, "tcb_info", "tcbInfo", &out->tcb_info) != 0)
        return why_set(why, ERR_FORMAT, "no tcb_info with a signature of 64 bytes");
    if (read_signed(out->all, "qe_identity", "enclaveIdentity", &out->qe_identity) != 0)
        return why_set(why, ERR_FORMAT, "no qe_identity with a signature of 64 bytes");
    int r = read_crls(out);
    return r == 0 ? 0 : why_set(why, r, "a revocation list is not in hexadecimal digits");
}

void tdx_collateral_release(struct tdx_collateral *c) {
    json_decref(c->all);
    free(c->crl_bytes);
    *c = (struct tdx_collateral){.all = NULL};
}
