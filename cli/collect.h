/* cli/collect.h - what `lull attest collect` shows: one way for each kind of machine. None of them is a node: keys are made for the
 * occasion, so the evidence shows the machine, and nothing is sealed to it. */
#ifndef CLI_COLLECT_H
#define CLI_COLLECT_H

#include "base/mem.h"
#include "evidence/envelope_write.h"
#include "seal/keystmt.h"

struct collected {
    struct buf envelope;   /* CBOR */
    struct keystmt keys;   /* that it is bound to */
    int has_keys;          /* 0: it is bound to none, since nothing in it could be */
    enum ev_class at_best; /* what a verifier may make of it */
    char pair[2 * 32 + 1 + 2 * 34 +
              1]; /* a TPM that has answered a challenge of this machine's own: as lull attest verify --activated takes it */
};
/* Each sets c->envelope, which is to be released in any case. */

/* What the program says of itself; class T0. */
int collect_software(struct collected *c, struct why *why);
/* Of a TPM 2.0, class T1. ERR_NOTFOUND: there is none; ERR_UNSUPPORTED: built without tss2. */
int collect_tpm(struct collected *c, const char *tcti, const uint8_t nonce[32], struct why *why);
/* Of Apple's Secure Enclave, class A1. attestation: a file with the certificates that Apple made for this machine, or "label:NAME", theirs in
 * the keychain. ERR_UNSUPPORTED: not a machine of Apple's. NULL: says in why which nonce to ask Apple for, ERR_USAGE. */
int collect_enclave(struct collected *c, const char *attestation, const uint8_t nonce[32], struct why *why);

/* A key statement for that seal key on P-256, of a node that does not exist: its identity's secret is thrown away. */
void collect_keys(struct collected *c, const uint8_t seal_x[32]);
/* The devices of this machine that could show more, one by one; NULL: that was all. */
const char *collect_device(size_t i, const char **path);

#endif
