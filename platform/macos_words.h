/* platform/macos_words.h - what macOS's answers about a process mean, as measures. No call of the system's: built and tested everywhere,
 * asked only by platform/macos/.
 *
 * The numbers are those of the kernel's published source, bsd/sys/codesign.h and bsd/sys/csr.h of
 * https://github.com/apple-oss-distributions/xnu. Neither header is in Apple's SDK, so they are written out here. */
#ifndef PLATFORM_MACOS_WORDS_H
#define PLATFORM_MACOS_WORDS_H

#include <stdint.h>

#include "base/measures.h"

enum {
    MACOS_CS_OPS_STATUS = 0, /* csops: what flags a process has */
    MACOS_CS_VALID = 0x1,    /* the signature is good */
    MACOS_CS_ADHOC = 0x2,    /* nobody signed it */
    MACOS_CS_GET_TASK_ALLOW = 0x4,
    MACOS_CS_HARD = 0x100, /* pages that do not match the signature are not loaded */
    MACOS_CS_KILL = 0x200, /* and end the process */
    MACOS_CS_REQUIRE_LV = 0x2000,
    MACOS_CS_RUNTIME = 0x10000, /* hardened runtime */
    MACOS_CS_DEBUGGED = 0x10000000
};

/* Measures hardened_runtime, no_debugger_entitlement and library_validation. known 0: the system did not say. */
void macos_note_code(struct measures *m, int known, uint32_t flags);
/* Measure system_integrity: config is what csr_get_active_config gives, in which every bit allows something and 0 is full protection. */
void macos_note_integrity(struct measures *m, int known, uint32_t config);
/* Measure no_inserted_libraries, from the environment (NULL: not known). */
void macos_note_environment(struct measures *m, char *const *environment);

#endif
