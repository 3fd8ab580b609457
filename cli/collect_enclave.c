/* cli/collect_enclave.c - what Apple's Secure Enclave shows. See collect.h, platform/enclave.h. Never yet run on hardware. */
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "cli/collect.h"
#include "evidence/apple_mda.h"
#include "evidence/binding.h"
#include "platform/enclave.h"

/* As the verifier takes them: a file as it is, certificates of the keychain one behind the other. */
static int read_attestation(struct buf *b, const char *attestation, struct why *why) {
    static struct enclave_certs certs;
    if (strncmp(attestation, "label:", 6) != 0) return file_read(b, attestation, APPLE_MDA_BYTES_MAX, why);
    buf_init(b, APPLE_MDA_BYTES_MAX);
    int r = enclave_certs(attestation + 6, &certs, why);
    for (unsigned i = 0; i < certs.count && r == 0; i++) r = buf_add(b, certs.at[i].p, certs.at[i].n);
    return r;
}

static int which_nonce(const struct enclave *e, struct why *why) {
    uint8_t digest[32];
    char hex[65];
    sha256_of(digest, enclave_public(e)->signer, ENCLAVE_POINT);
    hex_encode(hex, digest, 32);
    return why_set(why, ERR_USAGE,
                   "--enclave needs --attestation: let whoever manages this machine ask Apple for one (DeviceInformation, "
                   "DevicePropertiesAttestation) with DeviceAttestationNonce %s",
                   hex);
}

static int make(struct collected *c, struct enclave *e, const char *attestation, const uint8_t nonce[32], struct why *why) {
    struct ev_bound bound = {.channel = 0};
    uint8_t b[EV_BINDING_BYTES], signature[ENCLAVE_SIGNATURE_MAX];
    size_t n = 0;
    struct buf chain;
    int r = read_attestation(&chain, attestation, why);
    collect_keys(c, enclave_public(e)->seal + 1);
    memcpy(bound.nonce, nonce, sizeof bound.nonce);
    keystmt_id(bound.key_hash, &c->keys);
    ev_binding_long(b, &bound, EV_APPLE_MDA, NULL, 0);
    if (r == 0) r = enclave_sign(e, b, signature, &n, why);
    if (r == 0) {
        struct ev_part part = {
            .evidence = {chain.data, chain.len}, .key = {enclave_public(e)->signer, ENCLAVE_POINT}, .collateral = {signature, n}};
        r = ev_envelope_write(&c->envelope, &(struct ev_writing){.kind = EV_APPLE_MDA, .part = &part});
    }
    buf_release(&chain);
    return r;
}

int collect_enclave(struct collected *c, const char *attestation, const uint8_t nonce[32], struct why *why) {
    struct enclave *e = NULL;
    int r = enclave_open(&e, why);
    if (r != 0) return r;
    c->at_best = EV_A1;
    r = attestation ? make(c, e, attestation, nonce, why) : which_nonce(e, why);
    enclave_close(e);
    return r;
}
