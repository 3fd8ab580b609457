/* node/hardening.c - see hardening.h. */
#include "node/hardening.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/landlock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/syscalls.h"
#include "node/evidence_answer.h"

/* ---- the process ---- */

/* As much as may be locked: hardening_calls says what came of it. */
static void raise_memory_limit(void) {
    struct rlimit l;
    if (getrlimit(RLIMIT_MEMLOCK, &l) != 0 || l.rlim_cur >= l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    (void)setrlimit(RLIMIT_MEMLOCK, &l);
}

void hardening_process(struct measures *m) {
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
    raise_memory_limit();
}

/* ---- files ---- */

enum { PATHS_MAX = 2 * NODE_MODELS_MAX + 16, PATH_BYTES = 512 };
struct allowed {
    struct landlock_path at[PATHS_MAX];
    char text[2 * NODE_MODELS_MAX][PATH_BYTES];
    size_t n, texts;
};

static void add(struct allowed *a, const char *path, int may_write) {
    if (path && a->n < PATHS_MAX) a->at[a->n++] = (struct landlock_path){path, may_write};
}

/* The files of --model and --blind, whose options may carry a name behind them. */
static void add_models(struct allowed *a, const struct opt_list *list) {
    const char *name;
    for (size_t i = 0; i < list->count && a->texts < 2 * NODE_MODELS_MAX; i++)
        if (served_spec(list->item[i], a->text[a->texts], PATH_BYTES, &name) == 0) add(a, a->text[a->texts++], 0);
}

void hardening_files(struct measures *m, const struct node_opts *o, const struct data_dir *dir) {
    struct allowed a = {.n = 0};
    struct why why = {{0}};
    add(&a, dir->path, 1);
    add_models(&a, &o->models);
    add_models(&a, &o->blind);
    add(&a, o->operator_key, 0); /* its statement is made anew every hour */
    add(&a, o->blind_clients, 0);
    /* certificates of the system, which are read when a connection is checked; how much memory and how many processors there
     * are; what a node with a TPM shows */
    static const char *const system[] = {"/etc/ssl",
                                         "/usr/lib/ssl",
                                         "/usr/share/ca-certificates",
                                         "/usr/local/share/ca-certificates",
                                         "/proc/meminfo",
                                         "/proc/self/cgroup",
                                         "/sys/fs/cgroup",
                                         "/sys/devices/system/cpu",
                                         EVIDENCE_EVENT_LOG,
                                         EVIDENCE_IMA_LOG};
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) add(&a, system[i], 0);
    struct landlock_rules rules = {.paths = a.at, .path_count = a.n};
    int r = landlock_confine(&rules, NULL, &why);
    if (r == 0)
        measure_note(m, "files", MEASURE_GIVEN,
                     "it opens its own folder, its models and the system's certificates, and nothing else (Landlock %d)",
                     landlock_version());
    else
        measure_note(m, "files", MEASURE_MISSING, "%s", why_text(&why, r));
}

/* ---- system calls, and memory ---- */

void hardening_calls(struct measures *m) {
    struct why why = {{0}};
    struct mem_private_bytes b = mem_private_count();
    if (b.unlocked)
        measure_note(
            m, "locked_memory", b.locked ? MEASURE_PARTLY : MEASURE_MISSING,
            "%zu of %zu KiB for prompts, keys and values cannot be kept out of swap: raise LimitMEMLOCK, or encrypt swap",
            b.unlocked >> 10, (b.locked + b.unlocked) >> 10);
    else
        measure_note(m, "locked_memory", MEASURE_GIVEN, "%zu KiB for prompts, keys and values stay out of swap", b.locked >> 10);
    int r = syscalls_confine(SYSCALLS_WORK, &why);
    measure_note_result(m, "system_calls", r, &why,
                        "it starts no program, connects to nobody, sees no other process (seccomp, a list of what is allowed)");
}

void hardening_log(const struct measures *m) {
    log_event(LOG_INFO, "node", "hardened", LOG_COUNT("given", measures_in_state(m, MEASURE_GIVEN)),
              LOG_COUNT("partly", measures_in_state(m, MEASURE_PARTLY)),
              LOG_COUNT("missing", measures_in_state(m, MEASURE_MISSING)));
    for (unsigned i = 0; i < m->count; i++)
        if (m->list[i].state != MEASURE_GIVEN)
            log_event(LOG_WARN, "node", "not_hardened", LOG_CODE("measure", m->list[i].name),
                      LOG_CODE("state", measure_state_name(m->list[i].state)));
}
