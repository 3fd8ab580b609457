/* platform/macos/enclave_macos.c - never yet run on hardware. See enclave.h.
 *
 * After Apple's "Protecting keys with the Secure Enclave", "Generating New Cryptographic Keys" and "Storing Keys in the Keychain"
 * (developer.apple.com/documentation/security). The data protection keychain is asked for, because keys of the Secure Enclave live in no
 * other (technote TN3137); it takes programs that are signed with a keychain access group. */
#include "platform/enclave.h"

#include <Security/Security.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "platform/macos/cf.h"

#define SIGNER_TAG "lull.attestation.signer.1"
#define COUNT(a)   (sizeof(a) / sizeof *(a))

struct enclave {
    SecKeyRef signer, seal;
    struct enclave_public shown;
};

/* ---- keys ---- */

/* Usable once the machine was unlocked after a start, by this device alone, without anybody being there to touch a sensor. */
static SecAccessControlRef access_rule(struct why *why) {
    CFErrorRef error = NULL;
    SecAccessControlRef rule = SecAccessControlCreateWithFlags(
        kCFAllocatorDefault, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly, kSecAccessControlPrivateKeyUsage, &error);
    if (!rule) (void)cf_failed(why, ERR_IO, "the rule for a key of the Secure Enclave", error);
    return rule;
}

/* tag NULL: a key that is stored nowhere. */
static int make_key(SecKeyRef *out, CFDataRef tag, struct why *why) {
    int bits = 256;
    CFErrorRef error = NULL;
    SecAccessControlRef rule = access_rule(why);
    CFNumberRef size = CFNumberCreate(kCFAllocatorDefault, kCFNumberIntType, &bits);
    const struct cf_pair private_pairs[] = {{kSecAttrIsPermanent, tag ? kCFBooleanTrue : kCFBooleanFalse},
                                            {kSecAttrApplicationTag, tag},
                                            {kSecAttrAccessControl, rule}};
    CFDictionaryRef private_part = cf_dictionary(private_pairs, COUNT(private_pairs));
    const struct cf_pair pairs[] = {{kSecAttrKeyType, kSecAttrKeyTypeECSECPrimeRandom},
                                    {kSecAttrKeySizeInBits, size},
                                    {kSecAttrTokenID, kSecAttrTokenIDSecureEnclave},
                                    {kSecUseDataProtectionKeychain, kCFBooleanTrue},
                                    {kSecPrivateKeyAttrs, private_part}};
    CFDictionaryRef all = rule && size && private_part ? cf_dictionary(pairs, COUNT(pairs)) : NULL;
    *out = all ? SecKeyCreateRandomKey(all, &error) : NULL;
    int r = *out ? 0 : !rule ? ERR_IO : !all ? ERR_NOMEM : cf_failed(why, ERR_IO, "a key in the Secure Enclave", error);
    cf_drop(all);
    cf_drop(private_part);
    cf_drop(size);
    cf_drop(rule);
    return r;
}

static int find_key(SecKeyRef *out, CFDataRef tag, struct why *why) {
    CFTypeRef found = NULL;
    const struct cf_pair pairs[] = {{kSecClass, kSecClassKey},
                                    {kSecAttrKeyClass, kSecAttrKeyClassPrivate},
                                    {kSecAttrTokenID, kSecAttrTokenIDSecureEnclave},
                                    {kSecAttrApplicationTag, tag},
                                    {kSecUseDataProtectionKeychain, kCFBooleanTrue},
                                    {kSecMatchLimit, kSecMatchLimitOne},
                                    {kSecReturnRef, kCFBooleanTrue}};
    CFDictionaryRef query = cf_dictionary(pairs, COUNT(pairs));
    if (!query) return ERR_NOMEM;
    int r = cf_status(why, "the key that signs evidence", SecItemCopyMatching(query, &found));
    cf_drop(query);
    if (r == 0 && (!found || CFGetTypeID(found) != SecKeyGetTypeID())) {
        cf_drop(found);
        return why_set(why, ERR_IO, "the keychain gave something that is no key");
    }
    /* a reference to a CFTypeRef of that type; the cast only takes away the const that SecKeyRef does not have */
    *out = (SecKeyRef)(uintptr_t)found;
    return r;
}

static int open_signer(SecKeyRef *out, struct why *why) {
    CFDataRef tag = cf_data((const uint8_t *)SIGNER_TAG, strlen(SIGNER_TAG));
    int r = tag ? find_key(out, tag, why) : ERR_NOMEM;
    if (r == ERR_NOTFOUND) r = make_key(out, tag, why);
    cf_drop(tag);
    return r;
}

/* X9.63, uncompressed: 04 || x || y (SecKeyCopyExternalRepresentation, "Discussion"). */
static int public_point(uint8_t out[ENCLAVE_POINT], SecKeyRef key, struct why *why) {
    CFErrorRef error = NULL;
    SecKeyRef public = SecKeyCopyPublicKey(key);
    CFDataRef bytes = public ? SecKeyCopyExternalRepresentation(public, &error) : NULL;
    int r = bytes ? 0 : cf_failed(why, ERR_IO, "the public part of a key in the Secure Enclave", error);
    if (r == 0 && (CFDataGetLength(bytes) != ENCLAVE_POINT || CFDataGetBytePtr(bytes)[0] != 4))
        r = why_set(why, ERR_IO, "a key of the Secure Enclave is not on P-256");
    if (r == 0) memcpy(out, CFDataGetBytePtr(bytes), ENCLAVE_POINT);
    cf_drop(bytes);
    cf_drop(public);
    return r;
}

int enclave_open(struct enclave **out, struct why *why) {
    *out = NULL;
    struct enclave *e = mem_zalloc(1, sizeof *e);
    if (!e) return ERR_NOMEM;
    int r = open_signer(&e->signer, why);
    if (r == 0) r = make_key(&e->seal, NULL, why);
    if (r == 0) r = public_point(e->shown.signer, e->signer, why);
    if (r == 0) r = public_point(e->shown.seal, e->seal, why);
    if (r == 0)
        *out = e;
    else
        enclave_close(e);
    return r;
}

void enclave_close(struct enclave *e) {
    if (!e) return;
    cf_drop(e->seal);
    cf_drop(e->signer);
    free(e);
}

const struct enclave_public *enclave_public(const struct enclave *e) { return &e->shown; }

/* ---- what they do ---- */

/* Importing checks that the point is on the curve. */
static SecKeyRef import_point(const uint8_t point[ENCLAVE_POINT]) {
    CFErrorRef error = NULL;
    CFDataRef bytes = cf_data(point, ENCLAVE_POINT);
    const struct cf_pair pairs[] = {{kSecAttrKeyType, kSecAttrKeyTypeECSECPrimeRandom},
                                    {kSecAttrKeyClass, kSecAttrKeyClassPublic}};
    CFDictionaryRef what = cf_dictionary(pairs, COUNT(pairs));
    SecKeyRef key = bytes && what ? SecKeyCreateWithData(bytes, what, &error) : NULL;
    cf_drop(error);
    cf_drop(what);
    cf_drop(bytes);
    return key;
}

/* The framework's own copy of the shared secret is nobody else's, and goes with this one reference. */
static void wipe_data(CFDataRef d) {
    if (d) mem_wipe((void *)(uintptr_t)CFDataGetBytePtr(d), (size_t)CFDataGetLength(d));
    cf_drop(d);
}

int enclave_ecdh(void *arg, uint8_t out[32], const uint8_t point[ENCLAVE_POINT]) {
    struct enclave *e = arg;
    CFErrorRef error = NULL;
    SecKeyRef peer = import_point(point);
    if (!peer) return ERR_AUTH;
    CFDictionaryRef no_parameters = cf_dictionary(NULL, 0);
    CFDataRef x = no_parameters
                      ? SecKeyCopyKeyExchangeResult(e->seal, kSecKeyAlgorithmECDHKeyExchangeStandard, peer, no_parameters, &error)
                      : NULL;
    int r = x && CFDataGetLength(x) == 32 ? 0 : ERR_IO;
    if (r == 0) memcpy(out, CFDataGetBytePtr(x), 32);
    wipe_data(x);
    cf_drop(error);
    cf_drop(no_parameters);
    cf_drop(peer);
    return r;
}

int enclave_sign(struct enclave *e, const uint8_t binding[64], uint8_t out[ENCLAVE_SIGNATURE_MAX], size_t *n, struct why *why) {
    CFErrorRef error = NULL;
    CFDataRef message = cf_data(binding, 64);
    *n = 0;
    if (!message) return ERR_NOMEM;
    CFDataRef signature = SecKeyCreateSignature(e->signer, kSecKeyAlgorithmECDSASignatureMessageX962SHA256, message, &error);
    int r = signature ? 0 : cf_failed(why, ERR_IO, "a signature by the Secure Enclave", error);
    if (r == 0 && CFDataGetLength(signature) > ENCLAVE_SIGNATURE_MAX)
        r = why_set(why, ERR_IO, "a signature by the Secure Enclave is longer than any on P-256");
    if (r == 0) {
        *n = (size_t)CFDataGetLength(signature);
        memcpy(out, CFDataGetBytePtr(signature), *n);
    }
    cf_drop(signature);
    cf_drop(message);
    return r;
}
