/* evidence/tpm_hcl.c - see tpm_hcl.h. */
#include "evidence/tpm_hcl.h"

#include <string.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/json.h"

enum { HEAD = 32, ZEROS_MAX = 4096, TYPE_SNP = 2, HASH_SHA256 = 1 };

int hcl_looks(struct ev_bytes bytes) { return bytes.n >= 4 && memcmp(bytes.p, "HCLA", 4) == 0; }

static int base64url(const json_t *key, const char *name, uint8_t *out, size_t cap, size_t *n) {
    const char *text;
    size_t len;
    if (json_get_str(key, name, &text, &len) != JSON_OK || len > 2 * cap) return ERR_FORMAT;
    return base64_read(out, cap, n, text, len, BASE64_URL);
}

static int read_key(const json_t *key, struct hcl_report *out) {
    const char *kty;
    size_t n;
    if (json_get_str(key, "kty", &kty, &n) != JSON_OK || strcmp(kty, "RSA") != 0) return ERR_UNSUPPORTED;
    int r = base64url(key, "n", out->modulus, sizeof out->modulus, &out->modulus_n);
    return r == 0 ? base64url(key, "e", out->exponent, sizeof out->exponent, &out->exponent_n) : r;
}

static int read_json(struct hcl_report *out) {
    json_t *j = NULL;
    size_t i;
    json_t *key;
    unsigned found = 0;
    int r = json_parse(&j, out->json.p, out->json.n, NULL);
    if (r != 0) return ERR_FORMAT;
    json_array_foreach(json_object_get(j, "keys"), i, key) {
        const char *kid;
        size_t n;
        if (json_get_str(key, "kid", &kid, &n) != JSON_OK || strcmp(kid, "HCLAkPub") != 0) continue;
        if (found++ == 0) r = read_key(key, out);
    }
    json_decref(j);
    return found == 1 ? r : ERR_NOTFOUND;
}

int hcl_read(struct ev_bytes bytes, struct hcl_report *out) {
    struct hcl_report h = {0};
    struct reader r = reader_over(bytes.p, bytes.n);
    *out = h;
    if (!hcl_looks(bytes) || bytes.n > HCL_BYTES_MAX) return ERR_FORMAT;
    (void)read_bytes(&r, 4);
    uint32_t version = read_u32_le(&r);
    (void)read_bytes(&r, HEAD - 8);
    h.snp = (struct ev_bytes){read_bytes(&r, HCL_SNP_BYTES), HCL_SNP_BYTES};
    uint32_t size = read_u32_le(&r), inner = read_u32_le(&r), type = read_u32_le(&r), hash = read_u32_le(&r), n = read_u32_le(&r);
    if (r.err) return r.err;
    if (version < 1 || version > 2 || inner != 1) return ERR_VERSION;
    if (type != TYPE_SNP || hash != HASH_SHA256) return ERR_UNSUPPORTED;
    if (n > HCL_JSON_BYTES_MAX || size != n + 20) return ERR_FORMAT;
    h.json = (struct ev_bytes){read_bytes(&r, n), n};
    if (r.err) return r.err;
    if (r.left > ZEROS_MAX) return ERR_TRAILING;
    for (size_t i = 0; i < r.left; i++)
        if (r.p[i]) return ERR_TRAILING;
    sha256_of(h.json_digest, h.json.p, h.json.n);
    int e = read_json(&h);
    if (e == 0) *out = h;
    return e;
}

EVP_PKEY *hcl_ak(const struct hcl_report *h) {
    const uint8_t *n = h->modulus;
    return tpm_rsa_key((struct ev_bytes){n, h->modulus_n}, (struct ev_bytes){h->exponent, h->exponent_n});
}
