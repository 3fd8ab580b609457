/* evidence/tpm_container.c - see tpm_container.h. */
#include "evidence/tpm_container.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/tpm_container_json.h"

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
/* An attestation begins here; a wrong magic before a right type is one too, so that it can be said what is wrong with it. */
static int attest_at(const uint8_t *p, size_t n) {
    return n >= 6 && (be32(p) == TPM_MAGIC || tpm_attest_type_known((uint16_t)(p[4] << 8 | p[5])));
}

static void read_attest(struct reader *r, struct tpm_container *c) { c->attest_err = tpm_attest_read(r, &c->attest); }

/* ---- our wire form ---- */

static int read_wire(struct ev_bytes in, struct tpm_container *c) {
    struct reader r = reader_over(in.p, in.n), attest = read_block16(&r, TPM_ATTEST_BYTES_MAX);
    if (r.err) return r.err;
    read_attest(&attest, c);
    if (c->attest_err == 0) c->attest_err = read_end(&attest);
    if (c->attest_err != 0) return 0;
    struct reader from = r;
    struct tpm_signature sig;
    if (tpm_signature_read(&r, &sig) != 0) return r.err;
    c->rest = (struct ev_bytes){from.p, from.left - r.left};
    c->values = read_u8(&r);
    if (c->values > TPM_PCRS_MAX || (c->values && c->values != tpm_selection_count(&c->attest.select))) return ERR_FORMAT;
    unsigned at = 0;
    for (unsigned i = 0; i < c->attest.select.banks; i++)
        for (int n = __builtin_popcount(c->attest.select.bank[i].mask); n > 0 && at < c->values; n--) {
            size_t size = tpm_hash_size(c->attest.select.bank[i].alg);
            c->value[at++] = (struct ev_bytes){read_bytes(&r, size), size};
        }
    return read_end(&r);
}

/* ---- files, one behind the other ---- */

static int read_files(struct ev_bytes in, struct tpm_container *c) {
    struct reader r = reader_over(in.p, in.n);
    read_attest(&r, c);
    c->pcr_file_allowed = 1;
    if (c->attest_err == 0) c->rest = (struct ev_bytes){r.p, r.left};
    return 0;
}

static int read_keylime(struct ev_bytes in, struct tpm_container *c) {
    struct ev_bytes part[3];
    const char *p = (const char *)in.p + 1, *end = (const char *)in.p + in.n;
    while (end > p && (end[-1] == '\n' || end[-1] == '\r')) end--;
    for (int i = 0; i < 3; i++) {
        const char *colon = i < 2 ? memchr(p, ':', (size_t)(end - p)) : end;
        if (!colon || tpm_container_base64(c, p, (size_t)(colon - p), &part[i]) != 0) return ERR_FORMAT;
        p = colon + 1;
    }
    struct reader r = reader_over(part[0].p, part[0].n);
    read_attest(&r, c);
    if (c->attest_err == 0) c->attest_err = read_end(&r);
    c->rest = part[1];
    c->pcr_file = part[2];
    return 0;
}

static int looks_like_wire(struct ev_bytes in) {
    return in.n > 8 && ((size_t)in.p[0] << 8 | in.p[1]) <= TPM_ATTEST_BYTES_MAX && attest_at(in.p + 2, in.n - 2);
}

static int blank(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

int tpm_container_read(struct ev_bytes in, struct tpm_container *out, struct why *why) {
    *out = (struct tpm_container){.form = "none"};
    size_t skip = 0;
    while (skip < in.n && blank(in.p[skip])) skip++;
    int json = skip < in.n && in.p[skip] == '{', keylime = in.n > 8 && in.p[0] == 'r' && memchr(in.p, ':', in.n) != NULL;
    size_t max = json || keylime ? TPM_JSON_BYTES_MAX : TPM_FILES_BYTES_MAX;
    if (in.n == 0 || in.n > max) return why_set(why, ERR_LIMIT, "%zu bytes, of 1 to %zu", in.n, max);
    out->scratch = malloc(in.n);
    if (!out->scratch) return why_set(why, ERR_NOMEM, "no memory");
    int r;
    if (json)
        out->form = "json", r = tpm_container_json(in, out, why);
    else if (keylime)
        out->form = "keylime", r = read_keylime(in, out);
    else if (attest_at(in.p, in.n))
        out->form = "files", r = read_files(in, out);
    else if (looks_like_wire(in))
        out->form = "wire", r = in.n > TPM_QUOTE_BYTES_MAX ? ERR_LIMIT : read_wire(in, out);
    else
        return why_set(why, ERR_FORMAT, "none of the forms of a quote (docs/evidence.md)");
    return r == 0 || (why && why->text[0]) ? r : why_set(why, r, "a quote in the form \"%s\": %s", out->form, err_text(r));
}

void tpm_container_release(struct tpm_container *c) {
    free(c->scratch);
    c->scratch = NULL;
}

void tpm_container_attest(struct tpm_container *c, struct ev_bytes message) {
    struct reader r = reader_over(message.p, message.n);
    read_attest(&r, c);
    if (c->attest_err == 0) c->attest_err = read_end(&r);
}

/* ---- the signature ---- */

enum { PCR_FILE_HEAD = 132, PCR_FILE_LIST = 4 + 8 * 66 };

/* What follows a signature: nothing, or a PCR file where one may. */
static int follows(struct tpm_container *c, struct ev_bytes rest) {
    if (rest.n == 0) return 0;
    if (!c->pcr_file_allowed || rest.n < PCR_FILE_HEAD + 4) return ERR_FORMAT;
    c->pcr_file = rest;
    return 0;
}

static int plain_ecdsa(struct tpm_container *c, struct tpm_signature *out, struct tpm_signature_hold *hold) {
    const unsigned char *at = c->rest.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)c->rest.n);
    ERR_clear_error();
    if (!sig) return ERR_FORMAT;
    int r = BN_is_negative(ECDSA_SIG_get0_r(sig)) || BN_is_negative(ECDSA_SIG_get0_s(sig)) ||
                    BN_bn2binpad(ECDSA_SIG_get0_r(sig), hold->r, sizeof hold->r) < 0 ||
                    BN_bn2binpad(ECDSA_SIG_get0_s(sig), hold->s, sizeof hold->s) < 0
                ? ERR_FORMAT
                : 0;
    ECDSA_SIG_free(sig);
    out->scheme = TPM_ALG_ECDSA;
    out->r = (struct ev_bytes){hold->r, sizeof hold->r};
    out->s = (struct ev_bytes){hold->s, sizeof hold->s};
    return r == 0 ? follows(c, (struct ev_bytes){at, c->rest.n - (size_t)(at - c->rest.p)}) : r;
}

static int plain_rsa(struct tpm_container *c, EVP_PKEY *key, struct tpm_signature *out) {
    size_t n = (size_t)EVP_PKEY_get_size(key);
    if (c->rest.n < n) return ERR_FORMAT;
    out->r = (struct ev_bytes){c->rest.p, n};
    return follows(c, (struct ev_bytes){c->rest.p + n, c->rest.n - n});
}

int tpm_container_signature(struct tpm_container *c, EVP_PKEY *key, struct tpm_signature *out, struct tpm_signature_hold *hold) {
    struct reader r = reader_over(c->rest.p, c->rest.n);
    *out = (struct tpm_signature){0};
    if (c->rest.n == 0) return ERR_NOTFOUND;
    /* A plain one can begin like a TPMT_SIGNATURE by chance, but then its lengths do not come out right. */
    if (tpm_signature_read(&r, out) == 0 && follows(c, (struct ev_bytes){r.p, r.left}) == 0) return 0;
    *out = (struct tpm_signature){.hash = c->attest.pcr_digest.n == 48 ? TPM_ALG_SHA384 : TPM_ALG_SHA256};
    return EVP_PKEY_is_a(key, "RSA") ? plain_rsa(c, key, out) : plain_ecdsa(c, out, hold);
}

/* ---- PCR values ---- */

static int put(struct tpm_pcrs *out, unsigned at, size_t size, struct ev_bytes v) {
    if (v.n != size) return ERR_FORMAT;
    memcpy(out->value[at], v.p, size);
    return 0;
}

/* tpm2-tools writes its own structures, little-endian on all machines that it runs on: 16 selections of 8 bytes behind their count, then a count
 * of lists, each with room for 8 digests of 64 bytes. The selection in it is a claim, which must be the signed one. */
static int selection_of_file(struct reader *r, struct tpm_selection *out) {
    uint32_t banks = read_u32_le(r);
    *out = (struct tpm_selection){.banks = banks};
    if (banks > TPM_BANKS_MAX) return ERR_FORMAT;
    for (unsigned i = 0; i < 16; i++) {
        uint16_t alg = read_u16_le(r);
        uint8_t size = read_u8(r), bitmap[4], spare;
        read_copy(r, bitmap, 4);
        spare = read_u8(r);
        (void)spare;
        if (i >= banks) continue;
        if (size < 1 || size > 4 || (size == 4 && bitmap[3])) return ERR_FORMAT;
        out->bank[i].alg = alg;
        out->bank[i].size = size;
        for (unsigned b = 0; b < size; b++) out->bank[i].mask |= (uint32_t)bitmap[b] << 8 * b;
    }
    return r->err;
}

static int pcrs_of_file(struct ev_bytes file, struct tpm_pcrs *out) {
    struct reader r = reader_over(file.p, file.n);
    struct tpm_selection claimed;
    unsigned at = 0, wanted = tpm_selection_count(&out->select);
    if (selection_of_file(&r, &claimed) != 0 || !tpm_selection_same(&claimed, &out->select)) return ERR_FORMAT;
    uint32_t lists = read_u32_le(&r);
    if (lists > TPM_PCRS_MAX) return ERR_FORMAT;
    uint8_t size[TPM_PCRS_MAX];
    for (unsigned i = 0, n = 0; i < out->select.banks; i++)
        for (int k = __builtin_popcount(out->select.bank[i].mask); k > 0; k--)
            size[n++] = (uint8_t)tpm_hash_size(out->select.bank[i].alg);
    for (uint32_t l = 0; l < lists && !r.err; l++) {
        uint32_t count = read_u32_le(&r);
        if (count > 8) return ERR_FORMAT;
        for (uint32_t i = 0; i < 8 && !r.err; i++) {
            uint16_t n = read_u16_le(&r);
            const uint8_t *p = read_bytes(&r, 64);
            if (i >= count || !p) continue;
            if (at >= wanted || put(out, at, size[at], (struct ev_bytes){p, n}) != 0) return ERR_FORMAT;
            at++;
        }
    }
    return read_end(&r) == 0 && at == wanted ? 0 : ERR_FORMAT;
}

int tpm_container_pcrs(const struct tpm_container *c, struct tpm_pcrs *out) {
    unsigned at = 0, wanted = tpm_selection_count(&c->attest.select);
    memset(out, 0, sizeof *out);
    out->select = c->attest.select;
    if (c->pcr_file.n) return pcrs_of_file(c->pcr_file, out);
    if (c->values == 0) return ERR_NOTFOUND;
    if (!c->by_index && c->values != wanted) return ERR_FORMAT;
    for (unsigned i = 0; i < out->select.banks; i++) {
        size_t size = tpm_hash_size(out->select.bank[i].alg);
        for (unsigned n = 0; n < TPM_PCR_COUNT; n++) {
            if (!(out->select.bank[i].mask >> n & 1)) continue;
            if (c->by_index && !(c->indexes >> n & 1)) return ERR_FORMAT;
            if (put(out, at, size, c->value[c->by_index ? n : at]) != 0) return ERR_FORMAT;
            at++;
        }
    }
    return 0;
}
