/* node/hardening.c - see hardening.h. */
#include "node/hardening.h"

#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/evidence_chip.h"
#include "platform/process.h"

/* As much as may be locked: hardening_calls says what came of it. */
static void raise_memory_limit(void) {
    struct rlimit l;
    if (getrlimit(RLIMIT_MEMLOCK, &l) != 0 || l.rlim_cur >= l.rlim_max) return;
    l.rlim_cur = l.rlim_max;
    (void)setrlimit(RLIMIT_MEMLOCK, &l);
}

void hardening_process(struct measures *m) {
    process_close(m);
    raise_memory_limit();
}

/* ---- files ---- */

enum { PATH_BYTES = 512 };
_Static_assert(2 * NODE_MODELS_MAX + 16 <= PROCESS_PATHS_MAX, "the models and the rest must fit");
struct allowed {
    struct process_path at[PROCESS_PATHS_MAX];
    char text[2 * NODE_MODELS_MAX][PATH_BYTES];
    size_t n, texts;
};

static void add(struct allowed *a, const char *path, int may_write) {
    if (path && a->n < PROCESS_PATHS_MAX) a->at[a->n++] = (struct process_path){path, may_write};
}

/* The files of --model and --blind, whose options may carry a name behind them. */
static void add_models(struct allowed *a, const struct opt_list *list) {
    const char *name;
    for (size_t i = 0; i < list->count && a->texts < 2 * NODE_MODELS_MAX; i++)
        if (served_spec(list->item[i], a->text[a->texts], PATH_BYTES, &name) == 0) add(a, a->text[a->texts++], 0);
}

void hardening_files(struct measures *m, const struct node_opts *o, const struct data_dir *dir) {
    struct allowed a = {.n = 0};
    add(&a, dir->path, 1);
    add_models(&a, &o->models);
    add_models(&a, &o->blind);
    add(&a, o->operator_key, 0); /* its statement is made anew every hour */
    add(&a, o->blind_clients, 0);
    add(&a, EVIDENCE_EVENT_LOG, 0); /* what a node with a TPM shows */
    add(&a, EVIDENCE_IMA_LOG, 0);
    process_keep_files(m, a.at, a.n);
}

/* ---- system calls, and memory ---- */

void hardening_calls(struct measures *m) {
    struct mem_private_bytes b = mem_private_count();
    if (b.unlocked)
        measure_note(
            m, "locked_memory", b.locked ? MEASURE_PARTLY : MEASURE_MISSING,
            "%zu of %zu KiB for prompts, keys and values cannot be kept out of swap: raise LimitMEMLOCK, or encrypt swap",
            b.unlocked >> 10, (b.locked + b.unlocked) >> 10);
    else
        measure_note(m, "locked_memory", MEASURE_GIVEN, "%zu KiB for prompts, keys and values stay out of swap", b.locked >> 10);
    process_keep_calls(m);
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
