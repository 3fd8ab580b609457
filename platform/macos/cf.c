/* platform/macos/cf.c - see cf.h. Never yet run on hardware. */
#include "platform/macos/cf.h"

#include <Security/Security.h>

CFDictionaryRef cf_dictionary(const struct cf_pair *pairs, size_t n) {
    const void *keys[CF_PAIRS_MAX], *values[CF_PAIRS_MAX];
    CFIndex count = 0;
    if (n > CF_PAIRS_MAX) return NULL;
    for (size_t i = 0; i < n; i++)
        if (pairs[i].value) {
            keys[count] = pairs[i].key;
            values[count++] = pairs[i].value;
        }
    return CFDictionaryCreate(kCFAllocatorDefault, keys, values, count, &kCFTypeDictionaryKeyCallBacks,
                              &kCFTypeDictionaryValueCallBacks);
}

CFDataRef cf_data(const uint8_t *p, size_t n) { return CFDataCreate(kCFAllocatorDefault, p, (CFIndex)n); }

void cf_drop(CFTypeRef p) {
    if (p) CFRelease(p);
}

static int say(struct why *why, int err, const char *what, long code) {
    if (code == errSecMissingEntitlement)
        return why_set(why, ERR_PERM,
                       "%s: the program's signature has no keychain access group: sign it with the entitlement "
                       "keychain-access-groups and a provisioning profile that allows it",
                       what);
    return why_set(why, err, "%s: error %ld of the Security framework (security error %ld says which)", what, code, code);
}

int cf_failed(struct why *why, int err, const char *what, CFErrorRef error) {
    long code = error ? (long)CFErrorGetCode(error) : 0;
    cf_drop(error);
    return say(why, err, what, code);
}

int cf_status(struct why *why, const char *what, int32_t status) {
    if (status == errSecSuccess) return 0;
    if (status == errSecItemNotFound) return why_set(why, ERR_NOTFOUND, "%s: there is none in the keychain", what);
    return say(why, ERR_IO, what, status);
}
