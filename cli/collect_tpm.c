/* cli/collect_tpm.c - what a TPM 2.0 shows, made as a node makes it (node/chip_proc.h, node/evidence_chip.h). See collect.h. */
#include "cli/collect.h"

#ifdef LULL_TPM
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "evidence/ev_challenge.h"
#include "node/evidence_chip.h"

/* A challenge by this machine to itself: who verifies elsewhere must not take its word, but sees at once which pair is meant, and that the chip
 * can answer. */
static void challenge(struct collected *c, struct chip_proc *chip) {
    struct tpm_challenge t;
    uint8_t answer[CHIP_SECRET_MAX];
    size_t n = 0;
    int r = ev_challenge_make(&t, c->envelope.data, c->envelope.len);
    if (r == 0) r = chip_proc_activate(chip, t.credential, sizeof t.credential, t.encrypted, t.encrypted_n, answer, &n, NULL);
    if (r == 0 && tpm_challenge_answered(&t, answer, n)) {
        hex_encode(c->pair, t.ek_digest, 32);
        c->pair[64] = ':';
        hex_encode(c->pair + 65, t.ak_name, TPM_NAME_BYTES);
    }
    mem_wipe(answer, sizeof answer);
    tpm_challenge_wipe(&t);
}

int collect_tpm(struct collected *c, const char *tcti, const uint8_t nonce[32], struct why *why) {
    struct chip_proc *chip = NULL;
    struct measures ignored = {.count = 0}; /* of the process that talks to the chip */
    uint8_t key_hash[32];
    int r = chip_proc_start(&chip, tcti, CHIP_BOOT_PCRS, &ignored, why);
    if (r != 0) return r;
    collect_keys(c, chip_proc_public(chip)->seal_x);
    keystmt_id(key_hash, &c->keys);
    c->at_best = EV_T1;
    r = evidence_of_chip(chip, key_hash, nonce, (struct ev_bytes){NULL, 0}, &c->envelope, why);
    if (r == 0) challenge(c, chip);
    chip_proc_stop(chip);
    return r;
}
#else
int collect_tpm(struct collected *c, const char *tcti, const uint8_t nonce[32], struct why *why) {
    (void)c, (void)tcti, (void)nonce;
    return why_set(why, ERR_UNSUPPORTED, "--tpm: this program was built without tpm2-tss (libtss2-dev)");
}
#endif
