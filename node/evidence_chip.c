/* node/evidence_chip.c - see evidence_chip.h. */
#ifdef LULL_TPM
#include "node/evidence_chip.h"

#include <string.h>

#include "base/file.h"
#include "evidence/binding.h"
#include "evidence/tpm_envelope.h"
#include "evidence/tpm_member.h"

enum { IMA = 1 << TPM_PCR_IMA };

static struct ev_bytes bytes_of(const struct chip_blob *b) { return (struct ev_bytes){b->p, b->n}; }

static void read_log(struct buf *b, const char *path) {
    if (file_read(b, path, TPM_LOG_BYTES_MAX, NULL) != 0) buf_init(b, 1);
}

static int write_out(struct buf *out, const struct chip_public *k, const struct chip_proof *p, struct tpm_showing *s) {
    s->ek_certificate = bytes_of(&k->ek_certificate);
    s->ak = bytes_of(&k->ak);
    s->seal = bytes_of(&k->seal);
    s->creation = bytes_of(&k->creation);
    s->quote = bytes_of(&p->quote);
    s->quote_signature = bytes_of(&p->quote_signature);
    s->birth = bytes_of(&p->birth);
    s->birth_signature = bytes_of(&p->birth_signature);
    s->values = p->pcrs;
    return tpm_envelope_write(out, s);
}

int evidence_of_chip(struct chip_proc *chip, const uint8_t key_hash[32], const uint8_t nonce[32], struct ev_bytes prefetched,
                     struct buf *out, struct why *why) {
    static struct chip_proof proof;
    struct ev_bound bound = {.channel = 0};
    uint8_t b[EV_BINDING_BYTES], extra[32];
    struct buf event_log, ima_log;
    memcpy(bound.nonce, nonce, sizeof bound.nonce);
    memcpy(bound.key_hash, key_hash, sizeof bound.key_hash);
    ev_binding_long(b, &bound, EV_TPM_QUOTE, NULL, 0);
    ev_binding_short(extra, b);
    buf_init(out, 0);
    read_log(&event_log, EVIDENCE_EVENT_LOG);
    read_log(&ima_log, EVIDENCE_IMA_LOG);
    struct tpm_showing s = {
        .pcrs = CHIP_BOOT_PCRS | (ima_log.len ? IMA : 0), .event_log = {event_log.data, event_log.len}, .prefetched = prefetched};
    int r = chip_proc_prove(chip, s.pcrs, extra, &proof, why);
    if (r == 0 && s.pcrs & IMA) {
        /* again: what ran in between is in the quote, and a list may be longer than its quote, but not shorter */
        buf_release(&ima_log);
        read_log(&ima_log, EVIDENCE_IMA_LOG);
        s.ima_log = (struct ev_bytes){ima_log.data, ima_log.len};
    }
    if (r == 0) r = write_out(out, chip_proc_public(chip), &proof, &s);
    buf_release(&event_log);
    buf_release(&ima_log);
    return r;
}
#endif
