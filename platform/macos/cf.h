/* platform/macos/cf.h - what the files of this folder share of CoreFoundation: dictionaries as tables, and what an error says. */
#ifndef PLATFORM_MACOS_CF_H
#define PLATFORM_MACOS_CF_H

#include <CoreFoundation/CoreFoundation.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cf_pair {
    CFStringRef key;
    CFTypeRef value; /* NULL: the pair is left out */
};
enum { CF_PAIRS_MAX = 12 };
/* To be released. NULL: no memory, or too many. */
CFDictionaryRef cf_dictionary(const struct cf_pair *pairs, size_t n);
CFDataRef cf_data(const uint8_t *p, size_t n);
/* CFRelease, which does not take NULL. */
void cf_drop(CFTypeRef p);

/* Says what Apple's error means, releases it, and gives err. error may be NULL. */
int cf_failed(struct why *why, int err, const char *what, CFErrorRef error);
/* The same for a status of SecItem*; a signature that lacks entitlements is ERR_PERM, nothing found ERR_NOTFOUND. */
int cf_status(struct why *why, const char *what, int32_t status);

#endif
