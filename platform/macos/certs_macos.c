/* platform/macos/certs_macos.c - certificates of one label in the keychain. Never yet run on hardware. See enclave.h, enclave_certs.
 *
 * Profiles put what they bring into either of the two keychains of a Mac (technote TN3137), so both are asked. */
#include "platform/enclave.h"

#include <Security/Security.h>
#include <string.h>

#include "platform/macos/cf.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* All items of that class and label: an array to be released, or NULL. */
static CFArrayRef items(CFStringRef class, CFStringRef label, int data_protection) {
    CFTypeRef found = NULL;
    const struct cf_pair pairs[] = {{kSecClass, class},
                                    {kSecAttrLabel, label},
                                    {kSecUseDataProtectionKeychain, data_protection ? kCFBooleanTrue : NULL},
                                    {kSecMatchLimit, kSecMatchLimitAll},
                                    {kSecReturnRef, kCFBooleanTrue}};
    CFDictionaryRef query = cf_dictionary(pairs, COUNT(pairs));
    if (query && SecItemCopyMatching(query, &found) == errSecSuccess && found && CFGetTypeID(found) != CFArrayGetTypeID()) {
        CFRelease(found);
        found = NULL;
    }
    cf_drop(query);
    return (CFArrayRef)found;
}

static int add_certificate(struct enclave_certs *out, SecCertificateRef c, struct why *why) {
    CFDataRef der = SecCertificateCopyData(c);
    if (!der) return why_set(why, ERR_IO, "a certificate of the keychain cannot be read");
    size_t n = (size_t)CFDataGetLength(der);
    int r = n > ENCLAVE_CERT_BYTES_MAX || out->count == ENCLAVE_CERTS_MAX
                ? why_set(why, ERR_LIMIT, "more than %d certificates of that label, or one over %d bytes", ENCLAVE_CERTS_MAX,
                          ENCLAVE_CERT_BYTES_MAX)
                : 0;
    int twice = 0;
    for (unsigned i = 0; i < out->count; i++) twice |= out->at[i].n == n && memcmp(out->at[i].p, CFDataGetBytePtr(der), n) == 0;
    if (r == 0 && !twice) {
        out->at[out->count].n = n;
        memcpy(out->at[out->count++].p, CFDataGetBytePtr(der), n);
    }
    CFRelease(der);
    return r;
}

static int add_identity(struct enclave_certs *out, SecIdentityRef identity, struct why *why) {
    SecCertificateRef c = NULL;
    int r = cf_status(why, "the certificate of an identity", SecIdentityCopyCertificate(identity, &c));
    if (r == 0) r = add_certificate(out, c, why);
    cf_drop(c);
    return r;
}

/* 1: c issued one of the list that is not c itself. */
static int is_issuer(SecCertificateRef c, CFArrayRef list) {
    CFDataRef subject = SecCertificateCopyNormalizedSubjectSequence(c);
    int found = 0;
    for (CFIndex i = 0; subject && i < CFArrayGetCount(list) && !found; i++) {
        SecCertificateRef other = (SecCertificateRef)(uintptr_t)CFArrayGetValueAtIndex(list, i);
        CFDataRef issuer = other == c ? NULL : SecCertificateCopyNormalizedIssuerSequence(other);
        found = issuer && CFEqual(issuer, subject);
        cf_drop(issuer);
    }
    cf_drop(subject);
    return found;
}

/* First those that issued no other of them, which is the leaf. */
static int add_certificates(struct enclave_certs *out, CFArrayRef list, struct why *why) {
    int r = 0;
    for (int issuers = 0; issuers < 2; issuers++)
        for (CFIndex i = 0; i < CFArrayGetCount(list) && r == 0; i++) {
            SecCertificateRef c = (SecCertificateRef)(uintptr_t)CFArrayGetValueAtIndex(list, i);
            if (is_issuer(c, list) == issuers) r = add_certificate(out, c, why);
        }
    return r;
}

static int add_all(struct enclave_certs *out, CFStringRef label, int data_protection, struct why *why) {
    CFArrayRef identities = items(kSecClassIdentity, label, data_protection);
    CFArrayRef certificates = items(kSecClassCertificate, label, data_protection);
    int r = 0;
    for (CFIndex i = 0; identities && i < CFArrayGetCount(identities) && r == 0; i++)
        r = add_identity(out, (SecIdentityRef)(uintptr_t)CFArrayGetValueAtIndex(identities, i), why);
    if (r == 0 && certificates) r = add_certificates(out, certificates, why);
    cf_drop(certificates);
    cf_drop(identities);
    return r;
}

int enclave_certs(const char *label, struct enclave_certs *out, struct why *why) {
    CFStringRef name = CFStringCreateWithCString(kCFAllocatorDefault, label, kCFStringEncodingUTF8);
    out->count = 0;
    if (!name) return why_set(why, ERR_USAGE, "the label of certificates is not UTF-8");
    int r = add_all(out, name, 1, why);
    if (r == 0) r = add_all(out, name, 0, why);
    CFRelease(name);
    if (r == 0 && out->count == 0) r = why_set(why, ERR_NOTFOUND, "no certificate in the keychain has the label %.80s", label);
    return r;
}
