/* node/evidence_make.c - see evidence_make.h. */
#include "node/evidence_make.h"

#ifdef LULL_TPM
#include "node/evidence_chip.h"

int evidence_make(struct node *n, const uint8_t nonce[32], struct ev_bytes prefetched, struct buf *out, struct why *why) {
    uint8_t key_hash[32];
    keystmt_id(key_hash, &n->keys->stmt[0]);
    return evidence_of_chip(n->chip, key_hash, nonce, prefetched, out, why);
}
#else
int evidence_make(struct node *n, const uint8_t nonce[32], struct ev_bytes prefetched, struct buf *out, struct why *why) {
    (void)n, (void)nonce, (void)prefetched;
    buf_init(out, 0);
    return why_set(why, ERR_UNSUPPORTED, "this program was built without tpm2-tss");
}
#endif
