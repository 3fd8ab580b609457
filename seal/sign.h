/* seal/sign.h - labelled Ed25519 signatures (RFC 8032, verified as libsodium does: canonical, no small order).
 *
 * Every signature covers "lull <thing> v1" || 0x00 || bytes, so no signature of one kind can pass for another. */
#ifndef SEAL_SIGN_H
#define SEAL_SIGN_H

#include <stddef.h>
#include <stdint.h>

enum { SIGN_PUBLIC_BYTES = 32, SIGN_SECRET_BYTES = 64, SIGN_SEED_BYTES = 32, SIGN_BYTES = 64, SIGN_MESSAGE_MAX = 8192 };
enum { ID_BYTES = 32 }; /* key ids, operator ids, manifest hashes: SHA-256 */

#define LABEL_RECORD      "lull record v1"
#define LABEL_OPERATOR    "lull operator v1"
#define LABEL_LINK        "lull link v1"
#define LABEL_RECEIPT     "lull receipt v1"
#define LABEL_USAGE       "lull usage v1"
#define LABEL_COUNTERSIGN "lull countersign v1"

/* A key pair from a 32-byte seed, which is what key files hold. secret = seed || public. */
void sign_keypair(uint8_t public_key[SIGN_PUBLIC_BYTES], uint8_t secret[SIGN_SECRET_BYTES], const uint8_t seed[SIGN_SEED_BYTES]);
/* 0, or ERR_LIMIT when n is over SIGN_MESSAGE_MAX. */
int sign_make(uint8_t sig[SIGN_BYTES], const char *label, const void *bytes, size_t n, const uint8_t secret[SIGN_SECRET_BYTES]);
/* 0 or ERR_AUTH; ERR_LIMIT. */
int sign_check(const uint8_t sig[SIGN_BYTES], const char *label, const void *bytes, size_t n,
               const uint8_t public_key[SIGN_PUBLIC_BYTES]);

#endif
