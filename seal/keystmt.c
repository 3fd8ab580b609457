/* seal/keystmt.c - see keystmt.h.
 *
 *     u8 version | identity 32 | operator id 32 | u16 KEM | u8-block seal key | receipt key 32 | u8-text engine id |
 *     u64 not before | u64 not after */
#include "seal/keystmt.h"
#include "base/err.h"
#include "base/hash.h"
#include "seal/seal_err.h"

#include <string.h>

void keystmt_write(struct writer *w, const struct keystmt *k) {
    write_u8(w, KEYSTMT_VERSION);
    write_bytes(w, k->identity, 32);
    write_bytes(w, k->operator_id, 32);
    write_u16(w, hpke_kem_id(k->kem));
    write_block8(w, k->seal_key, sizeof k->seal_key);
    write_bytes(w, k->receipt_key, 32);
    write_text8(w, k->engine_id);
    write_u64(w, k->not_before);
    write_u64(w, k->not_after);
}

int keystmt_read(struct reader *r, struct keystmt *out) {
    struct keystmt k;
    memset(&k, 0, sizeof k);
    if (read_u8(r) != KEYSTMT_VERSION) read_fail(r, ERR_VERSION);
    read_copy(r, k.identity, 32);
    read_copy(r, k.operator_id, 32);
    uint16_t kem = read_u16(r);
    if (kem != HPKE_KEM && kem != HPKE_KEM_P256) read_fail(r, ERR_UNSUPPORTED);
    k.kem = kem == HPKE_KEM_P256 ? HPKE_P256 : HPKE_X25519;
    struct reader seal = read_block8(r, 255);
    read_copy(r, k.receipt_key, 32);
    read_text8(r, k.engine_id, sizeof k.engine_id);
    k.not_before = read_u64(r);
    k.not_after = read_u64(r);
    if (read_end(r) != 0) return r->err;
    read_copy(&seal, k.seal_key, sizeof k.seal_key);
    if (read_end(&seal) != 0 || !wire_id_ok(k.engine_id, sizeof k.engine_id)) return ERR_FORMAT;
    *out = k;
    return 0;
}

void keystmt_id(uint8_t out[32], const struct keystmt *k) {
    uint8_t bytes[KEYSTMT_BYTES_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    keystmt_write(&w, k);
    sha256_of(out, bytes, w.len);
}

int keystmt_check_time(const struct keystmt *k, uint64_t now_s) {
    if (k->not_after <= k->not_before || k->not_after - k->not_before > KEY_LIFETIME_S_MAX) return BAD_KEY_LIFETIME;
    if (now_s < k->not_before) return BAD_KEY_NOT_YET;
    return now_s < k->not_after ? 0 : BAD_KEY_EXPIRED;
}
