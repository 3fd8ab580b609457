/* evidence/tpm_member.c - the form of a member. See tpm_member.h; judging it is tpm_member_verify.c. */
#include "evidence/tpm_member.h"

#include <openssl/core_names.h>
#include <string.h>

static const uint8_t mark[4] = {'L', 'T', 'P', 'M'};

int tpm_member_looks(struct ev_bytes bytes) { return bytes.n >= sizeof mark && memcmp(bytes.p, mark, sizeof mark) == 0; }

static struct ev_bytes block(struct reader *r, size_t max) {
    struct reader b = read_block16(r, max);
    return (struct ev_bytes){b.p, b.left};
}

static struct ev_bytes log_of(struct reader *r) {
    struct reader b = read_block32(r, TPM_LOG_BYTES_MAX);
    return (struct ev_bytes){b.p, b.left};
}

int tpm_member_read(struct ev_bytes bytes, struct tpm_member *out) {
    struct reader r = reader_over(bytes.p, bytes.n);
    struct tpm_member m = {0};
    *out = m;
    if (!tpm_member_looks(bytes)) return ERR_FORMAT;
    (void)read_bytes(&r, sizeof mark);
    if (read_u8(&r) != TPM_MEMBER_VERSION) read_fail(&r, ERR_VERSION);
    m.quote = block(&r, TPM_QUOTE_BYTES_MAX);
    m.ak = block(&r, TPM_PUBLIC_BYTES_MAX);
    m.seal.attest = block(&r, TPM_ATTEST_BYTES_MAX);
    m.seal.signature = block(&r, TPM_SIGNATURE_BYTES_MAX);
    m.seal.creation = block(&r, TPM_CREATION_BYTES_MAX);
    m.seal.public_area = block(&r, TPM_PUBLIC_BYTES_MAX);
    m.statements = read_u8(&r);
    if (m.statements > TPM_STATEMENTS_MAX) read_fail(&r, ERR_LIMIT);
    m.statement = read_bytes(&r, r.err ? 0 : (size_t)m.statements * TPM_STATEMENT_BYTES);
    m.event_log = log_of(&r);
    m.ima_log = log_of(&r);
    int e = read_end(&r);
    if (e == 0) *out = m;
    return e;
}

static void put(struct writer *w, struct ev_bytes b) { write_block16(w, b.p, b.n); }

void tpm_member_write(struct writer *w, const struct tpm_member *m) {
    write_bytes(w, mark, sizeof mark);
    write_u8(w, TPM_MEMBER_VERSION);
    put(w, m->quote);
    put(w, m->ak);
    put(w, m->seal.attest);
    put(w, m->seal.signature);
    put(w, m->seal.creation);
    put(w, m->seal.public_area);
    write_u8(w, (uint8_t)m->statements);
    write_bytes(w, m->statement, (size_t)m->statements * TPM_STATEMENT_BYTES);
    write_block32(w, m->event_log.p, m->event_log.n);
    write_block32(w, m->ima_log.p, m->ima_log.n);
}

void tpm_quote_wire_write(struct writer *w, struct ev_bytes attest, struct ev_bytes signature, const struct tpm_pcrs *values) {
    unsigned at = 0;
    put(w, attest);
    write_bytes(w, signature.p, signature.n);
    write_u8(w, values ? (uint8_t)tpm_selection_count(&values->select) : 0);
    for (unsigned i = 0; values && i < values->select.banks; i++)
        for (int n = __builtin_popcount(values->select.bank[i].mask); n > 0 && at < TPM_PCRS_MAX; n--)
            write_bytes(w, values->value[at++], tpm_hash_size(values->select.bank[i].alg));
}

int tpm_member_seal_key(struct ev_bytes bytes, uint8_t x[32]) {
    struct tpm_member m;
    struct tpm_public p;
    uint8_t point[65] = {0};
    size_t n = 0;
    memset(x, 0, 32);
    int e = tpm_member_read(bytes, &m);
    if (e == 0) e = tpm_public_of(m.seal.public_area, &p);
    if (e != 0) return e;
    if (p.type != TPM_ALG_ECC || p.curve != TPM_CURVE_P256) return ERR_UNSUPPORTED;
    EVP_PKEY *key = tpm_public_key(&p);
    int good = key && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &n) == 1 &&
               n == 65;
    EVP_PKEY_free(key);
    if (good) memcpy(x, point + 1, 32);
    return good ? 0 : ERR_FORMAT;
}

int tpm_member_ak_name(struct ev_bytes bytes, uint8_t name[TPM_NAME_BYTES]) {
    struct tpm_member m;
    struct tpm_public p;
    memset(name, 0, TPM_NAME_BYTES);
    int e = tpm_member_read(bytes, &m);
    if (e == 0) e = tpm_public_of(m.ak, &p);
    return e == 0 ? tpm_name(&p, name) : e;
}
