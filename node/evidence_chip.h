/* node/evidence_chip.h - what a TPM shows for one nonce and one key statement: an envelope with registers, quote, the seal key's birth, and the
 * lists that firmware and kernel wrote. For a node, and for `lull attest collect`. */
#ifndef NODE_EVIDENCE_CHIP_H
#define NODE_EVIDENCE_CHIP_H

#include "base/mem.h"
#include "evidence/evidence.h"
#include "node/chip_proc.h"

/* Either may be absent, which is for the verifier's policy to judge. */
#define EVIDENCE_EVENT_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define EVIDENCE_IMA_LOG   "/sys/kernel/security/ima/ascii_runtime_measurements"

/* Waits for the chip. key_hash: SHA-256(K), whose seal key is the chip's. prefetched: the member that the nonce comes from, or n 0. out is
 * initialised here, and to be released in any case. ERR_LOST, ERR_IO: the chip does not answer; ERR_LIMIT, ERR_NOMEM. */
int evidence_of_chip(struct chip_proc *chip, const uint8_t key_hash[32], const uint8_t nonce[32], struct ev_bytes prefetched,
                     struct buf *out, struct why *why);

#endif
