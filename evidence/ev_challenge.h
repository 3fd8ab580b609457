/* evidence/ev_challenge.h - the challenge for the TPM that an envelope shows, for a client who has seen all else to be good.
 *
 * A verdict whose only failed factor is "ak_not_activated" says: AK, quote and EK certificate are good, but nobody has shown that both keys
 * are in one TPM. The client makes a challenge, has the node answer it (`POST /lull/v1/activate`), keeps the pair of keys
 * (struct tpm_activated), and verifies the same envelope again. Once for each pair. */
#ifndef EVIDENCE_EV_CHALLENGE_H
#define EVIDENCE_EV_CHALLENGE_H

#include "evidence/tpm_credential.h"
#include "evidence/tpm_member.h"

enum { TPM_ACTIVATED_MAX = 512, TPM_CHALLENGE_BYTES_MAX = TPM_CREDENTIAL_BYTES + TPM_ENCRYPTED_BYTES_MAX };

/* For the first EK's certificate and the AK of the member tpm; judges neither. ERR_NOTFOUND: there is no such member, or no EK's
 * certificate in it; ERR_UNSUPPORTED: an EK of another kind; others as ev_envelope_read. Wipe it with tpm_challenge_wipe. */
int ev_challenge_make(struct tpm_challenge *out, const void *envelope, size_t n);
/* As it travels: credential, then encrypted secret. How many bytes. */
size_t ev_challenge_bytes(const struct tpm_challenge *c, uint8_t out[TPM_CHALLENGE_BYTES_MAX]);

/* The pairs that answered. Zeroed at first; when all TPM_ACTIVATED_MAX places are taken, the oldest goes. */
struct ev_activations {
    struct tpm_pair pair[TPM_ACTIVATED_MAX];
    unsigned count, next;
};
/* Keeps the challenge's pair if the answer is its secret: 1, else 0. */
int ev_activations_take(struct ev_activations *a, const struct tpm_challenge *c, const void *answer, size_t n);
struct tpm_activated ev_activations_view(const struct ev_activations *a);

#endif
