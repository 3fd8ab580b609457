/* platform/macos_words.c - see macos_words.h. */
#include "platform/macos_words.h"

#include <string.h>

static void note(struct measures *m, const char *name, int given, const char *good, const char *bad) {
    measure_note(m, name, given ? MEASURE_GIVEN : MEASURE_MISSING, "%s", given ? good : bad);
}

/* All three, or somebody can write code into the process: RUNTIME alone does not end one whose pages were changed. */
static void note_runtime(struct measures *m, uint32_t flags) {
    const uint32_t all = MACOS_CS_VALID | MACOS_CS_HARD | MACOS_CS_KILL | MACOS_CS_RUNTIME;
    if ((flags & all) != all)
        measure_note(m, "hardened_runtime", MEASURE_MISSING,
                     "the program is not signed with the hardened runtime (flags %#x): codesign --options runtime,hard,kill",
                     flags);
    else if (flags & MACOS_CS_ADHOC)
        measure_note(m, "hardened_runtime", MEASURE_PARTLY,
                     "it is on, but the signature is nobody's (ad hoc): whoever changes the program signs it anew");
    else
        measure_note(m, "hardened_runtime", MEASURE_GIVEN,
                     "code that is not the signed program's is not run, and ends the process");
}

void macos_note_code(struct measures *m, int known, uint32_t flags) {
    if (!known) {
        static const char *const names[] = {"hardened_runtime", "no_debugger_entitlement", "library_validation"};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            measure_note(m, names[i], MEASURE_MISSING, "the system does not say how the program is signed (csops)");
        return;
    }
    note_runtime(m, flags);
    note(m, "no_debugger_entitlement", !(flags & (MACOS_CS_GET_TASK_ALLOW | MACOS_CS_DEBUGGED)),
         "its signature lets no debugger in, and none was",
         flags & MACOS_CS_DEBUGGED ? "a debugger is or was attached"
                                   : "signed with get-task-allow: any program of this user may read it");
    note(m, "library_validation", (flags & MACOS_CS_REQUIRE_LV) != 0, "libraries are Apple's or of the program's signer",
         "libraries of others can be loaded: sign without com.apple.security.cs.disable-library-validation");
}

void macos_note_integrity(struct measures *m, int known, uint32_t config) {
    if (known && config != 0)
        measure_note(m, "system_integrity", MEASURE_MISSING,
                     "System Integrity Protection is off, or off in part (%#x): csrutil enable, in recovery", config);
    else
        note(m, "system_integrity", known, "System Integrity Protection is on: not even root reads a hardened process",
             "the system does not say whether System Integrity Protection is on");
}

/* A hardened program's are dropped by the loader; one that is still there shows that it did not. */
void macos_note_environment(struct measures *m, char *const *environment) {
    int inserted = 0, steered = 0;
    for (size_t i = 0; environment && environment[i]; i++) {
        inserted |= strncmp(environment[i], "DYLD_INSERT_LIBRARIES=", 22) == 0;
        steered |= strncmp(environment[i], "DYLD_", 5) == 0;
    }
    if (environment && steered && !inserted)
        measure_note(m, "no_inserted_libraries", MEASURE_PARTLY,
                     "DYLD_ variables say where libraries come from: start it without");
    else
        note(m, "no_inserted_libraries", environment && !inserted, "the environment names no library to load",
             inserted ? "DYLD_INSERT_LIBRARIES put a library into the process" : "the environment cannot be read");
}
