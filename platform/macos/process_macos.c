/* platform/macos/process_macos.c - never yet run on hardware. See process.h.
 *
 * csops and csr_get_active_config are calls of the system's library without a header in Apple's SDK, so they are looked up by name: a
 * system without them gives a measure that is missing, not a program that does not start. Declarations as in the kernel's published source
 * (bsd/kern/kern_cs.c, libsyscall/wrappers/csr.c). */
#include "platform/process.h"

#include <dlfcn.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include "platform/macos_words.h"

typedef int csops_call(pid_t pid, unsigned operation, void *out, size_t n);
typedef int csr_config_call(uint32_t *config);

/* POSIX has dlsym give functions as void *, which C has no conversion for. */
static csops_call *find_csops(void) {
    union {
        void *object;
        csops_call *call;
    } u = {dlsym(RTLD_DEFAULT, "csops")};
    return u.call;
}
static csr_config_call *find_csr_config(void) {
    union {
        void *object;
        csr_config_call *call;
    } u = {dlsym(RTLD_DEFAULT, "csr_get_active_config")};
    return u.call;
}

static void note_code(struct measures *m) {
    csops_call *csops = find_csops();
    uint32_t flags = 0;
    macos_note_code(m, csops && csops(getpid(), MACOS_CS_OPS_STATUS, &flags, sizeof flags) == 0, flags);
}

static void note_integrity(struct measures *m) {
    csr_config_call *active = find_csr_config();
    uint32_t config = 0;
    macos_note_integrity(m, active && active(&config) == 0, config);
}

static void note(struct measures *m, const char *name, int given, const char *good, const char *bad) {
    measure_note(m, name, given ? MEASURE_GIVEN : MEASURE_MISSING, "%s", given ? good : bad);
}

extern char **environ;

void process_close(struct measures *m) {
    struct rlimit core = {0, 0}, now = {1, 1};
    (void)setrlimit(RLIMIT_CORE, &core);
    note(m, "no_core_files", getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max == 0, "a crash writes no memory to disk",
         "the limit on core files could not be set");
    note_code(m);
    note_integrity(m);
    macos_note_environment(m, environ);
    /* Of this process alone: a forked one calls it anew. A process that is being traced does not come back from it (ptrace(2)). */
    note(m, "no_debugger", ptrace(PT_DENY_ATTACH, 0, NULL, 0) == 0,
         "debuggers are turned away (PT_DENY_ATTACH); kernel extensions are not", "PT_DENY_ATTACH was refused");
    measure_note(m, "no_new_privileges", MEASURE_MISSING, "macOS has nothing like PR_SET_NO_NEW_PRIVS");
}

void process_keep_files(struct measures *m, const struct process_path *paths, size_t n) {
    (void)paths, (void)n;
    measure_note(m, "files", MEASURE_MISSING,
                 "macOS confines files by entitlements in the program's signature only (App Sandbox), and this one has none");
}

void process_keep_calls(struct measures *m) {
    measure_note(m, "system_calls", MEASURE_MISSING, "macOS offers programs no filter of system calls");
}

const char *process_caveat(void) {
    return "The macOS part of this program has never yet run on hardware: it was checked against declarations of Apple's "
           "interfaces, and "
           "nothing here shows that it does what it says.";
}
