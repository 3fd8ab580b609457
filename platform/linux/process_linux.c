/* platform/linux/process_linux.c - prctl, Landlock (base/landlock.h) and seccomp (base/syscalls.h). See process.h. */
#include "platform/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/landlock.h"
#include "base/secret.h"
#include "base/syscalls.h"

void process_close(struct measures *m) {
    struct rlimit core = {1, 1};
    secret_harden_process();
    int no_core = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0;
    measure_note(m, "no_core_files", no_core ? MEASURE_GIVEN : MEASURE_MISSING,
                 no_core ? "a crash writes no memory to disk" : "the limit on core files could not be set");
    int undumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
    measure_note(m, "undumpable", undumpable ? MEASURE_GIVEN : MEASURE_MISSING,
                 undumpable ? "other processes of this user cannot trace it or read its memory; root can"
                            : "PR_SET_DUMPABLE was refused");
    int no_new = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    measure_note(m, "no_new_privileges", no_new ? MEASURE_GIVEN : MEASURE_MISSING,
                 no_new ? "no program that it could start would gain rights" : "PR_SET_NO_NEW_PRIVS was refused");
}

/* Certificates of the system, which are read when a connection is checked; how much memory and how many processors there are. */
static const char *const always[] = {
    "/etc/ssl",          "/usr/lib/ssl",   "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/proc/meminfo",
    "/proc/self/cgroup", "/sys/fs/cgroup", "/sys/devices/system/cpu"};
enum { ALWAYS = sizeof always / sizeof *always };

void process_keep_files(struct measures *m, const struct process_path *paths, size_t n) {
    struct landlock_path at[PROCESS_PATHS_MAX + ALWAYS];
    struct landlock_rules rules = {.paths = at};
    struct why why = {{0}};
    for (size_t i = 0; i < n && i < PROCESS_PATHS_MAX; i++)
        at[rules.path_count++] = (struct landlock_path){paths[i].path, paths[i].may_write};
    for (size_t i = 0; i < ALWAYS; i++) at[rules.path_count++] = (struct landlock_path){always[i], 0};
    int r = landlock_confine(&rules, NULL, &why);
    if (r == 0)
        measure_note(m, "files", MEASURE_GIVEN,
                     "it opens its own folder, its models and the system's certificates, and nothing else (Landlock %d)",
                     landlock_version());
    else
        measure_note(m, "files", MEASURE_MISSING, "%s", why_text(&why, r));
}

void process_keep_calls(struct measures *m) {
    struct why why = {{0}};
    int r = syscalls_confine(SYSCALLS_WORK, &why);
    measure_note_result(m, "system_calls", r, &why,
                        "it starts no program, connects to nobody, sees no other process (seccomp, a list of what is allowed)");
}

const char *process_caveat(void) { return NULL; }
