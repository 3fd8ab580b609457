/* model/chacha.h - the ChaCha20 block function (RFC 8439, 2.3), the sampler's counter-based source of draws.
 *
 * Twenty lines of our own rather than libsodium: the engine then builds for any machine with a C compiler alone, and a draw
 * needs one block at a given counter, nothing of a cipher's interface. Not for encryption: seal/ uses libsodium. */
#ifndef MODEL_CHACHA_H
#define MODEL_CHACHA_H

#include <stdint.h>

/* 64 bytes of key stream for one block. */
void chacha20_block(uint8_t out[64], const uint8_t key[32], uint32_t counter, const uint8_t nonce[12]);

#endif
