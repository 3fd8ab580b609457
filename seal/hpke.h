/* seal/hpke.h - HPKE (RFC 9180), base mode, HKDF-SHA256 0x0001, ChaCha20-Poly1305 0x0003, and two KEMs: DHKEM(X25519, HKDF-SHA256) 0x0020, and
 * DHKEM(P-256, HKDF-SHA256) 0x0010 for keys that live in a TPM, none of which has X25519. Other suites are refused where they are named
 * (seal/keystmt.h, seal/reqhead.h).
 *
 * A public key, and what is sent for an ephemeral one, are 32 bytes in either KEM: of P-256 the x coordinate, as seal/p256.h says. */
#ifndef SEAL_HPKE_H
#define SEAL_HPKE_H

#include <stddef.h>
#include <stdint.h>

enum hpke_kem { HPKE_X25519, HPKE_P256 }; /* zero is the usual one */

enum {
    HPKE_KEM = 0x0020,
    HPKE_KEM_P256 = 0x0010,
    HPKE_KDF = 0x0001,
    HPKE_AEAD = 0x0003,
    HPKE_PUBLIC_BYTES = 32,
    HPKE_SECRET_BYTES = 32,
    HPKE_SHARED_BYTES = 32,
    HPKE_TAG_BYTES = 16,
    HPKE_INFO_MAX = 256
};

/* A context of either side. Secret: wipe it with hpke_wipe. */
struct hpke_ctx {
    uint8_t key[32], base_nonce[12], exporter[32];
    uint64_t seq;
    enum hpke_kem kem;
    uint16_t aead_id;
};

/* Id on the wire. */
uint16_t hpke_kem_id(enum hpke_kem kem);
/* X25519. */
void hpke_keypair(uint8_t public_key[HPKE_PUBLIC_BYTES], uint8_t secret[HPKE_SECRET_BYTES]);
/* Sender: draws an ephemeral key. ERR_AUTH: the receiver's key is a low-order point, or no point of the curve. ERR_LIMIT: info too
 * long. P-256 besides: ERR_NOMEM, ERR_INTERNAL. */
int hpke_setup_send(struct hpke_ctx *c, enum hpke_kem kem, uint8_t enc[HPKE_PUBLIC_BYTES],
                    const uint8_t receiver[HPKE_PUBLIC_BYTES], const void *info, size_t info_n);

/* The x coordinate of the secret key times a point (04 || x || y), for a key that is not in this process's memory. 0 or ERR_*. */
typedef int hpke_ecdh(void *arg, uint8_t out[32], const uint8_t point[65]);
struct hpke_receiver {
    enum hpke_kem kem;
    const uint8_t *secret; /* 32 bytes; of P-256 NULL when ecdh is there */
    hpke_ecdh *ecdh;       /* P-256 only */
    void *arg;
    const uint8_t *public_key; /* with ecdh: the key's own 32 bytes */
};
/* Receiver. ERR_AUTH: enc is a low-order point, or no point of the curve; else what ecdh says. */
int hpke_setup_receive(struct hpke_ctx *c, const struct hpke_receiver *to, const uint8_t enc[HPKE_PUBLIC_BYTES], const void *info,
                       size_t info_n);
/* ct holds n + 16 bytes and may be pt itself. The sequence number goes up by one. */
int hpke_seal(struct hpke_ctx *c, uint8_t *ct, const uint8_t *pt, size_t n, const void *aad, size_t aad_n);
/* pt holds n - 16 bytes. ERR_AUTH (pt is zeroed, the sequence number stays), ERR_SHORT. */
int hpke_open(struct hpke_ctx *c, uint8_t *pt, const uint8_t *ct, size_t n, const void *aad, size_t aad_n);
/* RFC 9180 5.3. n <= 8160. */
int hpke_export(const struct hpke_ctx *c, uint8_t *out, size_t n, const void *context, size_t context_n);
void hpke_wipe(struct hpke_ctx *c);

/* The steps below the set-ups, apart so that published vectors reach them.
 * The sender's half with a given ephemeral secret, and the key schedule for any AEAD id: for ids other than HPKE_AEAD only
 * exports have a meaning, and seal and open refuse the context (ERR_UNSUPPORTED). */
int hpke_encap_with(uint8_t shared[HPKE_SHARED_BYTES], uint8_t enc[HPKE_PUBLIC_BYTES], const uint8_t ephemeral[HPKE_SECRET_BYTES],
                    const uint8_t receiver[HPKE_PUBLIC_BYTES]);
int hpke_decap(uint8_t shared[HPKE_SHARED_BYTES], const uint8_t enc[HPKE_PUBLIC_BYTES], const uint8_t secret[HPKE_SECRET_BYTES]);
/* P-256, with whole points. */
int hpke_p256_encap_with(uint8_t shared[HPKE_SHARED_BYTES], uint8_t enc[65], const uint8_t ephemeral[HPKE_SECRET_BYTES],
                         const uint8_t receiver[65]);
int hpke_p256_decap(uint8_t shared[HPKE_SHARED_BYTES], const uint8_t enc[65], const uint8_t receiver[65], hpke_ecdh *ecdh,
                    void *arg);
int hpke_schedule(struct hpke_ctx *c, enum hpke_kem kem, uint16_t aead_id, const uint8_t shared[HPKE_SHARED_BYTES],
                  const void *info, size_t info_n);

#endif
