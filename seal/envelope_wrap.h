/* seal/envelope_wrap.h - what sealing and opening an envelope share. Private to seal/envelope*.c. */
#ifndef SEAL_ENVELOPE_WRAP_H
#define SEAL_ENVELOPE_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "seal/hpke.h"

enum { ENVELOPE_INFO_LABEL = 15, ENVELOPE_INFO_BYTES = ENVELOPE_INFO_LABEL + 32 + 1 + 32 };
#define RESPONSE_LABEL "lull response v1"
/* "lull request v1" || SHA-256(header) || u8 candidate || key id: ties the body key to this header, place and receiver. */
void envelope_info(uint8_t out[ENVELOPE_INFO_BYTES], const uint8_t header_hash[32], uint8_t candidate, const uint8_t key_id[32]);
size_t envelope_body_bytes(uint32_t size_class);

#endif
