/* seal/signer.c - see signer.h.
 *
 *     request   u8 type | public: nothing; record: a record without its signature; link: exporter value 32
 *     reply     u8 status (0 done, 1 refused) | done: public key 32 or signature 64 */
#include "seal/signer.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

enum { STATUS_DONE = 0, STATUS_REFUSED = 1 };

void signer_ask_public(struct writer *w) { write_u8(w, SIGNER_PUBLIC); }

void signer_ask_record(struct writer *w, const struct record *r) {
    write_u8(w, SIGNER_RECORD);
    record_signed_bytes(w, r);
}

void signer_ask_link(struct writer *w, const uint8_t exporter[LINK_EXPORTER_BYTES]) {
    write_u8(w, SIGNER_LINK);
    write_bytes(w, exporter, LINK_EXPORTER_BYTES);
}

int signer_reply_read(const uint8_t *p, size_t got, uint8_t *out, size_t n) {
    struct reader r = reader_over(p, got);
    uint8_t status = read_u8(&r);
    if (r.err) return ERR_FORMAT;
    if (status == STATUS_REFUSED) return read_end(&r) == 0 ? ERR_PERM : ERR_FORMAT;
    if (status != STATUS_DONE || r.left != n) return ERR_FORMAT;
    read_copy(&r, out, n);
    return 0;
}

/* Only a well-formed record of this identity whose keys are of now and live no longer than they may. What is signed is the bytes as given:
 * a record that record_read_unsigned takes has one spelling. */
static int sign_record(uint8_t sig[SIGN_BYTES], uint64_t now_s, struct reader *in, const uint8_t *secret) {
    const uint8_t *bytes = in->p;
    size_t n = in->left;
    struct record r;
    int e = record_read_unsigned(in, &r);
    if (e == 0 && memcmp(r.keys.identity, secret + SIGN_SEED_BYTES, 32) != 0) e = ERR_PERM;
    if (e == 0 && keystmt_check_time(&r.keys, r.keys.not_before) != 0) e = ERR_PERM;
    if (e == 0 && (r.keys.not_before > now_s + SIGNER_AHEAD_S || r.keys.not_after <= now_s)) e = ERR_PERM;
    return e ? e : sign_make(sig, LABEL_RECORD, bytes, n, secret);
}

static int sign_link(uint8_t sig[SIGN_BYTES], struct reader *in, const uint8_t *secret) {
    uint8_t exporter[LINK_EXPORTER_BYTES];
    read_copy(in, exporter, sizeof exporter);
    int e = read_end(in);
    if (e == 0) e = link_proof_make(sig, exporter, secret);
    mem_wipe(exporter, sizeof exporter);
    return e;
}

size_t signer_handle(const uint8_t identity_secret[SIGN_SECRET_BYTES], uint64_t now_s, const uint8_t *request, size_t n,
                     uint8_t *reply) {
    struct reader r = reader_over(request, n);
    uint8_t *answer = reply + 1;
    size_t answer_n = SIGN_BYTES;
    int e = ERR_UNSUPPORTED;
    switch (read_u8(&r)) {
    case SIGNER_PUBLIC:
        e = read_end(&r);
        memcpy(answer, identity_secret + SIGN_SEED_BYTES, SIGN_PUBLIC_BYTES); /* libsodium: secret = seed || public */
        answer_n = SIGN_PUBLIC_BYTES;
        break;
    case SIGNER_RECORD: e = sign_record(answer, now_s, &r, identity_secret); break;
    case SIGNER_LINK: e = sign_link(answer, &r, identity_secret); break;
    }
    if (e) answer_n = 0;
    reply[0] = e ? STATUS_REFUSED : STATUS_DONE;
    return 1 + answer_n;
}
