/* evidence/tpm_container_json.h - the JSON form of quotes, and base64; part of tpm_container.h. */
#ifndef EVIDENCE_TPM_CONTAINER_JSON_H
#define EVIDENCE_TPM_CONTAINER_JSON_H

#include "evidence/tpm_container.h"

int tpm_container_json(struct ev_bytes in, struct tpm_container *c, struct why *why);
/* Into the container's scratch, which is as large as the evidence. Either alphabet, padded or not. ERR_FORMAT. */
int tpm_container_base64(struct tpm_container *c, const char *text, size_t n, struct ev_bytes *out);
/* Reads the attestation that fills the bytes. */
void tpm_container_attest(struct tpm_container *c, struct ev_bytes message);

#endif
