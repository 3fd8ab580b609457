/* See ../README.md. */
#ifndef STUB_SECURITY_H
#define STUB_SECURITY_H
#include <CoreFoundation/CoreFoundation.h>

typedef int32_t OSStatus;
enum { errSecSuccess = 0, errSecItemNotFound = -25300, errSecMissingEntitlement = -34018 };
typedef struct __SecKey *SecKeyRef;
typedef struct __SecCertificate *SecCertificateRef;
typedef struct __SecIdentity *SecIdentityRef;
typedef struct __SecAccessControl *SecAccessControlRef;
typedef CFStringRef SecKeyAlgorithm;
typedef unsigned long SecAccessControlCreateFlags;
enum { kSecAccessControlPrivateKeyUsage = 1ul << 30 };

extern const CFStringRef kSecClass, kSecClassKey, kSecClassCertificate, kSecClassIdentity;
extern const CFStringRef kSecAttrKeyClass, kSecAttrKeyClassPrivate, kSecAttrKeyClassPublic;
extern const CFStringRef kSecAttrKeyType, kSecAttrKeyTypeECSECPrimeRandom, kSecAttrKeySizeInBits;
extern const CFStringRef kSecAttrTokenID, kSecAttrTokenIDSecureEnclave, kSecPrivateKeyAttrs;
extern const CFStringRef kSecAttrIsPermanent, kSecAttrApplicationTag, kSecAttrAccessControl, kSecAttrLabel;
extern const CFStringRef kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly, kSecUseDataProtectionKeychain;
extern const CFStringRef kSecMatchLimit, kSecMatchLimitOne, kSecMatchLimitAll, kSecReturnRef;
extern const SecKeyAlgorithm kSecKeyAlgorithmECDHKeyExchangeStandard, kSecKeyAlgorithmECDSASignatureMessageX962SHA256;

SecAccessControlRef SecAccessControlCreateWithFlags(CFAllocatorRef allocator, CFTypeRef protection, SecAccessControlCreateFlags flags,
                                                    CFErrorRef *error);
OSStatus SecItemCopyMatching(CFDictionaryRef query, CFTypeRef *result);
CFTypeID SecKeyGetTypeID(void);
SecKeyRef SecKeyCreateRandomKey(CFDictionaryRef parameters, CFErrorRef *error);
SecKeyRef SecKeyCreateWithData(CFDataRef keyData, CFDictionaryRef attributes, CFErrorRef *error);
SecKeyRef SecKeyCopyPublicKey(SecKeyRef key);
CFDataRef SecKeyCopyExternalRepresentation(SecKeyRef key, CFErrorRef *error);
CFDataRef SecKeyCopyKeyExchangeResult(SecKeyRef privateKey, SecKeyAlgorithm algorithm, SecKeyRef publicKey, CFDictionaryRef parameters,
                                      CFErrorRef *error);
CFDataRef SecKeyCreateSignature(SecKeyRef key, SecKeyAlgorithm algorithm, CFDataRef dataToSign, CFErrorRef *error);
CFDataRef SecCertificateCopyData(SecCertificateRef certificate);
CFDataRef SecCertificateCopyNormalizedIssuerSequence(SecCertificateRef certificate);
CFDataRef SecCertificateCopyNormalizedSubjectSequence(SecCertificateRef certificate);
OSStatus SecIdentityCopyCertificate(SecIdentityRef identityRef, SecCertificateRef *certificateRef);
#endif
