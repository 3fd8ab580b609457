/* evidence/binding.c - see binding.h. */
#include "evidence/binding.h"

#include <sodium.h>
#include <string.h>

#include "base/hash.h"

static const char label[] = "lull evidence v1";

static const struct {
    enum ev_slot slot;
    size_t size;
} kinds[EV_KIND_END] = {
    [EV_KIND_NONE] = {EV_SLOT_END, 0},  [EV_SEV_SNP] = {EV_SLOT_CPU, 64},     [EV_TDX] = {EV_SLOT_CPU, 64},
    [EV_TPM_QUOTE] = {EV_SLOT_TPM, 32}, [EV_APPLE_MDA] = {EV_SLOT_APPLE, 64}, [EV_NVIDIA_GPU] = {EV_SLOT_GPU, 32},
    [EV_AWS_NITRO] = {EV_SLOT_CPU, 64},
};

const char *ev_slot_label(enum ev_slot slot) {
    static const char *const labels[EV_SLOT_END] = {"gpu", "tpm", "cpu", "apple"};
    return (unsigned)slot < EV_SLOT_END ? labels[slot] : "";
}
enum ev_slot ev_slot_of(enum ev_kind kind) { return (unsigned)kind < EV_KIND_END ? kinds[kind].slot : EV_SLOT_END; }
size_t ev_binding_size(enum ev_kind kind) { return (unsigned)kind < EV_KIND_END ? kinds[kind].size : 0; }

void ev_binding_before(uint8_t l[32], const struct ev_made *before, unsigned count) {
    struct sha256 h;
    sha256_init(&h);
    for (unsigned i = 0; i < count; i++) {
        uint8_t kind = (uint8_t)before[i].kind;
        sha256_add(&h, &kind, 1);
        sha256_add(&h, before[i].digest, 32);
    }
    sha256_done(&h, l);
}

void ev_binding_long(uint8_t b[EV_BINDING_BYTES], const struct ev_bound *bound, enum ev_kind kind, const struct ev_made *before,
                     unsigned count) {
    crypto_hash_sha512_state h;
    uint8_t l[32], head[2] = {(uint8_t)kind, bound->channel};
    ev_binding_before(l, before, count);
    crypto_hash_sha512_init(&h);
    crypto_hash_sha512_update(&h, (const uint8_t *)label, sizeof label - 1);
    crypto_hash_sha512_update(&h, head, sizeof head);
    crypto_hash_sha512_update(&h, bound->nonce, sizeof bound->nonce);
    crypto_hash_sha512_update(&h, bound->key_hash, sizeof bound->key_hash);
    crypto_hash_sha512_update(&h, l, sizeof l);
    crypto_hash_sha512_update(&h, bound->x, sizeof bound->x);
    crypto_hash_sha512_final(&h, b);
}

void ev_binding_short(uint8_t out[32], const uint8_t b[EV_BINDING_BYTES]) { sha256_of(out, b, EV_BINDING_BYTES); }
