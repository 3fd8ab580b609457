/* seal/hpke.c - see hpke.h. Names of steps are RFC 9180's. */
#include "seal/hpke.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "seal/chunk.h"
#include "seal/hkdf.h"
#include "seal/p256.h"

#include <sodium.h>
#include <string.h>

struct suite { /* suite_id: "KEM" || kem, or "HPKE" || kem || kdf || aead */
    uint8_t id[10];
    size_t n;
};

uint16_t hpke_kem_id(enum hpke_kem kem) { return kem == HPKE_P256 ? HPKE_KEM_P256 : HPKE_KEM; }

static struct suite kem_suite(enum hpke_kem kem) {
    uint16_t id = hpke_kem_id(kem);
    return (struct suite){{'K', 'E', 'M', (uint8_t)(id >> 8), (uint8_t)id}, 5};
}

static struct suite hpke_suite(enum hpke_kem kem, uint16_t aead_id) {
    uint16_t id = hpke_kem_id(kem);
    return (struct suite){{'H', 'P', 'K', 'E', (uint8_t)(id >> 8), (uint8_t)id, HPKE_KDF >> 8, HPKE_KDF & 0xff,
                           (uint8_t)(aead_id >> 8), (uint8_t)aead_id},
                          10};
}

static void labeled_extract(uint8_t prk[32], const struct suite *s, const void *salt, size_t salt_n, const char *label,
                            const void *ikm, size_t ikm_n) {
    struct hkdf_part parts[] = {{"HPKE-v1", 7}, {s->id, s->n}, {label, strlen(label)}, {ikm, ikm_n}};
    hkdf_extract(prk, salt, salt_n, parts, 4);
}

static int labeled_expand(uint8_t *out, size_t n, const struct suite *s, const uint8_t prk[32], const char *label,
                          const void *info, size_t info_n) {
    if (n > HKDF_OUT_MAX) return ERR_LIMIT;
    uint8_t length[2] = {(uint8_t)(n >> 8), (uint8_t)n};
    struct hkdf_part parts[] = {{length, 2}, {"HPKE-v1", 7}, {s->id, s->n}, {label, strlen(label)}, {info, info_n}};
    return hkdf_expand(out, n, prk, parts, 5);
}

void hpke_keypair(uint8_t public_key[HPKE_PUBLIC_BYTES], uint8_t secret[HPKE_SECRET_BYTES]) {
    random_bytes(secret, HPKE_SECRET_BYTES);
    crypto_scalarmult_base(public_key, secret);
}

/* dh -> shared secret, bound to both public values (kem_context = enc || pkR), each of n bytes. */
static int extract_and_expand(uint8_t shared[HPKE_SHARED_BYTES], enum hpke_kem kem, const uint8_t dh[32], const uint8_t *enc,
                              const uint8_t *receiver, size_t n) {
    struct suite s = kem_suite(kem);
    uint8_t context[2 * P256_POINT_BYTES], prk[32];
    memcpy(context, enc, n);
    memcpy(context + n, receiver, n);
    labeled_extract(prk, &s, NULL, 0, "eae_prk", dh, 32);
    int r = labeled_expand(shared, HPKE_SHARED_BYTES, &s, prk, "shared_secret", context, 2 * n);
    mem_wipe(prk, sizeof prk);
    return r;
}

int hpke_encap_with(uint8_t shared[HPKE_SHARED_BYTES], uint8_t enc[HPKE_PUBLIC_BYTES], const uint8_t ephemeral[HPKE_SECRET_BYTES],
                    const uint8_t receiver[HPKE_PUBLIC_BYTES]) {
    uint8_t dh[32];
    crypto_scalarmult_base(enc, ephemeral);
    /* libsodium says -1 for an all-zero result, which is RFC 9180's check against low-order points (7.1.4) */
    int r = crypto_scalarmult(dh, ephemeral, receiver) ? ERR_AUTH : 0;
    if (r == 0) r = extract_and_expand(shared, HPKE_X25519, dh, enc, receiver, 32);
    mem_wipe(dh, sizeof dh);
    return r;
}

int hpke_decap(uint8_t shared[HPKE_SHARED_BYTES], const uint8_t enc[HPKE_PUBLIC_BYTES], const uint8_t secret[HPKE_SECRET_BYTES]) {
    uint8_t dh[32], receiver[32];
    crypto_scalarmult_base(receiver, secret);
    int r = crypto_scalarmult(dh, secret, enc) ? ERR_AUTH : 0;
    if (r == 0) r = extract_and_expand(shared, HPKE_X25519, dh, enc, receiver, 32);
    mem_wipe(dh, sizeof dh);
    return r;
}

int hpke_p256_encap_with(uint8_t shared[HPKE_SHARED_BYTES], uint8_t enc[65], const uint8_t ephemeral[HPKE_SECRET_BYTES],
                         const uint8_t receiver[65]) {
    uint8_t dh[32];
    int r = p256_public(enc, ephemeral);
    if (r == 0) r = p256_ecdh(dh, ephemeral, receiver);
    if (r == 0) r = extract_and_expand(shared, HPKE_P256, dh, enc, receiver, P256_POINT_BYTES);
    mem_wipe(dh, sizeof dh);
    return r;
}

int hpke_p256_decap(uint8_t shared[HPKE_SHARED_BYTES], const uint8_t enc[65], const uint8_t receiver[65], hpke_ecdh *ecdh,
                    void *arg) {
    uint8_t dh[32];
    int r = ecdh(arg, dh, enc);
    if (r == 0) r = extract_and_expand(shared, HPKE_P256, dh, enc, receiver, P256_POINT_BYTES);
    mem_wipe(dh, sizeof dh);
    return r;
}

int hpke_schedule(struct hpke_ctx *c, enum hpke_kem kem, uint16_t aead_id, const uint8_t shared[HPKE_SHARED_BYTES],
                  const void *info, size_t info_n) {
    if (info_n > HPKE_INFO_MAX) return ERR_LIMIT;
    struct suite s = hpke_suite(kem, aead_id);
    uint8_t context[65] = {0}, secret[32]; /* mode_base || psk_id_hash || info_hash */
    labeled_extract(context + 1, &s, NULL, 0, "psk_id_hash", NULL, 0);
    labeled_extract(context + 33, &s, NULL, 0, "info_hash", info, info_n);
    labeled_extract(secret, &s, shared, HPKE_SHARED_BYTES, "secret", NULL, 0);
    *c = (struct hpke_ctx){.kem = kem, .aead_id = aead_id};
    int r = labeled_expand(c->exporter, 32, &s, secret, "exp", context, sizeof context);
    if (r == 0 && aead_id == HPKE_AEAD) r = labeled_expand(c->key, 32, &s, secret, "key", context, sizeof context);
    if (r == 0 && aead_id == HPKE_AEAD) r = labeled_expand(c->base_nonce, 12, &s, secret, "base_nonce", context, sizeof context);
    mem_wipe(secret, sizeof secret);
    return r;
}

/* ---- set-ups ---- */

static int encap_x25519(uint8_t shared[HPKE_SHARED_BYTES], uint8_t enc[32], const uint8_t receiver[32]) {
    uint8_t ephemeral[32];
    random_bytes(ephemeral, sizeof ephemeral);
    int r = hpke_encap_with(shared, enc, ephemeral, receiver);
    mem_wipe(ephemeral, sizeof ephemeral);
    return r;
}

static int encap_p256(uint8_t shared[HPKE_SHARED_BYTES], uint8_t enc[32], const uint8_t receiver[32]) {
    uint8_t ephemeral[32], point[P256_POINT_BYTES], to[P256_POINT_BYTES];
    int r = p256_point(to, receiver);
    if (r == 0) r = p256_keypair(enc, ephemeral);
    if (r == 0) r = hpke_p256_encap_with(shared, point, ephemeral, to);
    mem_wipe(ephemeral, sizeof ephemeral);
    return r;
}

int hpke_setup_send(struct hpke_ctx *c, enum hpke_kem kem, uint8_t enc[HPKE_PUBLIC_BYTES],
                    const uint8_t receiver[HPKE_PUBLIC_BYTES], const void *info, size_t info_n) {
    uint8_t shared[32];
    int r = (kem == HPKE_P256 ? encap_p256 : encap_x25519)(shared, enc, receiver);
    if (r == 0) r = hpke_schedule(c, kem, HPKE_AEAD, shared, info, info_n);
    if (r != 0) hpke_wipe(c);
    mem_wipe(shared, sizeof shared);
    return r;
}

static int ecdh_in_memory(void *arg, uint8_t out[32], const uint8_t point[65]) { return p256_ecdh(out, arg, point); }

static int decap_p256(uint8_t shared[HPKE_SHARED_BYTES], const uint8_t enc[32], const struct hpke_receiver *to) {
    uint8_t point[P256_POINT_BYTES], own[P256_POINT_BYTES];
    int r = p256_point(point, enc);
    if (r == 0) r = to->ecdh ? p256_point(own, to->public_key) : p256_public(own, to->secret);
    if (r != 0) return r;
    if (to->ecdh) return hpke_p256_decap(shared, point, own, to->ecdh, to->arg);
    return hpke_p256_decap(shared, point, own, ecdh_in_memory, (void *)(uintptr_t)to->secret);
}

int hpke_setup_receive(struct hpke_ctx *c, const struct hpke_receiver *to, const uint8_t enc[HPKE_PUBLIC_BYTES], const void *info,
                       size_t info_n) {
    uint8_t shared[32];
    int r = to->kem == HPKE_P256 ? decap_p256(shared, enc, to) : hpke_decap(shared, enc, to->secret);
    if (r == 0) r = hpke_schedule(c, to->kem, HPKE_AEAD, shared, info, info_n);
    if (r != 0) hpke_wipe(c);
    mem_wipe(shared, sizeof shared);
    return r;
}

int hpke_seal(struct hpke_ctx *c, uint8_t *ct, const uint8_t *pt, size_t n, const void *aad, size_t aad_n) {
    if (c->aead_id != HPKE_AEAD) return ERR_UNSUPPORTED;
    if (c->seq == UINT64_MAX) return ERR_LIMIT;
    uint8_t nonce[CHUNK_NONCE_BYTES];
    chunk_nonce(nonce, c->base_nonce, c->seq);
    crypto_aead_chacha20poly1305_ietf_encrypt(ct, NULL, pt, n, aad, aad_n, NULL, nonce, c->key);
    c->seq++;
    return 0;
}

int hpke_open(struct hpke_ctx *c, uint8_t *pt, const uint8_t *ct, size_t n, const void *aad, size_t aad_n) {
    if (c->aead_id != HPKE_AEAD) return ERR_UNSUPPORTED;
    if (c->seq == UINT64_MAX) return ERR_LIMIT;
    if (n < HPKE_TAG_BYTES) return ERR_SHORT;
    uint8_t nonce[CHUNK_NONCE_BYTES];
    chunk_nonce(nonce, c->base_nonce, c->seq);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(pt, NULL, NULL, ct, n, aad, aad_n, nonce, c->key) != 0) {
        mem_wipe(pt, n - HPKE_TAG_BYTES);
        return ERR_AUTH;
    }
    c->seq++;
    return 0;
}

int hpke_export(const struct hpke_ctx *c, uint8_t *out, size_t n, const void *context, size_t context_n) {
    struct suite s = hpke_suite(c->kem, c->aead_id);
    return labeled_expand(out, n, &s, c->exporter, "sec", context, context_n);
}

void hpke_wipe(struct hpke_ctx *c) { mem_wipe(c, sizeof *c); }
