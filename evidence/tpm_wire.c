/* evidence/tpm_wire.c - see tpm_wire.h. */
#include "evidence/tpm_wire.h"

#include <string.h>

#include "base/hash.h"

enum { NAME_MAX_BYTES = 2 + TPM_DIGEST_MAX, EXTRA_MAX = 2 + TPM_DIGEST_MAX };

static struct ev_bytes block(struct reader *r, size_t max) {
    struct reader b = read_block16(r, max);
    return (struct ev_bytes){b.p, b.left};
}

/* What was read since `from`. */
static struct ev_bytes since(const struct reader *from, const struct reader *now) {
    return (struct ev_bytes){from->p, from->left - now->left};
}

/* ---- attestations ---- */

int tpm_attest_type_known(uint16_t type) { return (type >= 0x8014 && type <= 0x801a) || type == 0x801c || type == 0x801d; }

static void read_quote(struct reader *r, struct tpm_attest *a) {
    tpm_selection_read(r, &a->select);
    a->pcr_digest = block(r, TPM_DIGEST_MAX);
}

static void read_created(struct reader *r, struct tpm_attest *a) {
    a->name = block(r, NAME_MAX_BYTES);
    a->creation_hash = block(r, TPM_DIGEST_MAX);
}

int tpm_attest_read(struct reader *r, struct tpm_attest *out) {
    struct reader from = *r;
    struct tpm_attest a = {.magic = read_u32(r), .type = read_u16(r)};
    *out = (struct tpm_attest){.magic = a.magic, .type = a.type};
    if (!r->err && a.magic != TPM_MAGIC) read_fail(r, ERR_VERSION);
    if (!r->err && a.type != TPM_ST_QUOTE && a.type != TPM_ST_CREATION) read_fail(r, ERR_UNSUPPORTED);
    a.signer = block(r, NAME_MAX_BYTES);
    a.extra = block(r, EXTRA_MAX);
    a.clock = read_u64(r);
    a.reset_count = read_u32(r);
    a.restart_count = read_u32(r);
    a.safe = read_u8(r);
    if (a.safe > 1) read_fail(r, ERR_FORMAT);
    a.firmware = read_u64(r);
    if (a.type == TPM_ST_QUOTE)
        read_quote(r, &a);
    else
        read_created(r, &a);
    a.whole = since(&from, r);
    if (!r->err && a.whole.n > TPM_ATTEST_BYTES_MAX) read_fail(r, ERR_LIMIT);
    if (!r->err) *out = a;
    return r->err;
}

/* ---- signatures ---- */

int tpm_signature_read(struct reader *r, struct tpm_signature *out) {
    struct tpm_signature s = {.scheme = read_u16(r), .hash = read_u16(r)};
    *out = (struct tpm_signature){0};
    if (!r->err && s.scheme != TPM_ALG_RSASSA && s.scheme != TPM_ALG_RSAPSS && s.scheme != TPM_ALG_ECDSA)
        read_fail(r, ERR_UNSUPPORTED);
    s.r = block(r, TPM_RSA_BYTES_MAX);
    if (s.scheme == TPM_ALG_ECDSA) s.s = block(r, TPM_RSA_BYTES_MAX);
    if (!r->err) *out = s;
    return r->err;
}

/* ---- public areas ---- */

enum { ALG_RSAES = 0x0015, ALG_OAEP = 0x0017, ALG_ECDAA = 0x001a, ALG_SM2 = 0x001b, ALG_ECSCHNORR = 0x001c, ALG_ECMQV = 0x001d };

static void read_symmetric(struct reader *r, struct tpm_public *p) {
    p->symmetric = read_u16(r);
    if (p->symmetric == TPM_ALG_NULL) return;
    (void)read_u16(r); /* bits */
    (void)read_u16(r); /* mode */
}

static void read_scheme(struct reader *r, struct tpm_public *p) {
    p->scheme = read_u16(r);
    p->scheme_hash = TPM_ALG_NULL;
    switch (p->scheme) {
    case TPM_ALG_NULL:
    case ALG_RSAES: return;
    case ALG_ECDAA:
        p->scheme_hash = read_u16(r);
        (void)read_u16(r); /* count */
        return;
    case TPM_ALG_RSASSA:
    case TPM_ALG_RSAPSS:
    case ALG_OAEP:
    case TPM_ALG_ECDSA:
    case TPM_ALG_ECDH:
    case ALG_SM2:
    case ALG_ECSCHNORR:
    case ALG_ECMQV: p->scheme_hash = read_u16(r); return;
    default: read_fail(r, ERR_UNSUPPORTED);
    }
}

static void read_rsa(struct reader *r, struct tpm_public *p) {
    p->rsa_bits = read_u16(r);
    p->exponent = read_u32(r);
    p->x = block(r, TPM_RSA_BYTES_MAX);
    if (p->x.n * 8 != p->rsa_bits) read_fail(r, ERR_FORMAT);
}

static void read_ecc(struct reader *r, struct tpm_public *p) {
    p->curve = read_u16(r);
    p->kdf = read_u16(r);
    if (p->kdf != TPM_ALG_NULL) (void)read_u16(r);
    p->x = block(r, TPM_DIGEST_MAX + 2);
    p->y = block(r, TPM_DIGEST_MAX + 2);
}

int tpm_public_read(struct reader *r, struct tpm_public *out) {
    struct reader from = *r;
    struct tpm_public p = {.type = read_u16(r), .name_alg = read_u16(r), .attributes = read_u32(r)};
    *out = (struct tpm_public){0};
    if (!r->err && p.type != TPM_ALG_RSA && p.type != TPM_ALG_ECC) read_fail(r, ERR_UNSUPPORTED);
    p.auth_policy = block(r, TPM_DIGEST_MAX);
    read_symmetric(r, &p);
    read_scheme(r, &p);
    if (p.type == TPM_ALG_RSA)
        read_rsa(r, &p);
    else
        read_ecc(r, &p);
    p.whole = since(&from, r);
    if (!r->err && p.whole.n > TPM_PUBLIC_BYTES_MAX) read_fail(r, ERR_LIMIT);
    if (!r->err) *out = p;
    return r->err;
}

/* Skips the size of a TPM2B that fills the bytes exactly. The structures here do not begin with their own length less two: a public
 * area begins with its type (1 or 0x23), creation data with a count of banks below 0x10000, so with zeros. */
static struct reader unboxed(struct ev_bytes bytes) {
    struct reader r = reader_over(bytes.p, bytes.n), inner = r;
    if (bytes.n > 0xffff) read_fail(&inner, ERR_LIMIT);
    if (bytes.n > 0x25 && read_u16(&r) == bytes.n - 2) inner = r;
    return inner;
}

int tpm_public_of(struct ev_bytes bytes, struct tpm_public *out) {
    struct reader r = unboxed(bytes);
    tpm_public_read(&r, out);
    int e = read_end(&r);
    if (e != 0) *out = (struct tpm_public){0};
    return e;
}

int tpm_name(const struct tpm_public *p, uint8_t out[TPM_NAME_BYTES]) {
    memset(out, 0, TPM_NAME_BYTES);
    if (p->name_alg != TPM_ALG_SHA256) return ERR_UNSUPPORTED;
    out[1] = TPM_ALG_SHA256;
    sha256_of(out + 2, p->whole.p, p->whole.n);
    return 0;
}

void tpm_qualified_primary(uint32_t hierarchy, const uint8_t name[TPM_NAME_BYTES], uint8_t out[TPM_NAME_BYTES]) {
    uint8_t both[4 + TPM_NAME_BYTES];
    struct writer w = writer_over(both, sizeof both);
    write_u32(&w, hierarchy);
    write_bytes(&w, name, TPM_NAME_BYTES);
    out[0] = 0;
    out[1] = TPM_ALG_SHA256;
    sha256_of(out + 2, both, w.len);
}

/* ---- creation data ---- */

int tpm_creation_of(struct ev_bytes bytes, struct tpm_creation *out) {
    struct reader r = unboxed(bytes);
    struct tpm_creation c = {.whole = {r.p, r.left}};
    if (c.whole.n > TPM_CREATION_BYTES_MAX) read_fail(&r, ERR_LIMIT);
    tpm_selection_read(&r, &c.select);
    c.pcr_digest = block(&r, TPM_DIGEST_MAX);
    c.locality = read_u8(&r);
    c.parent_name_alg = read_u16(&r);
    c.parent_name = block(&r, NAME_MAX_BYTES);
    c.parent_qualified = block(&r, NAME_MAX_BYTES);
    c.outside = block(&r, EXTRA_MAX);
    int e = read_end(&r);
    *out = e == 0 ? c : (struct tpm_creation){0};
    return e;
}
