/* cli/cmd_blind_site.c - see cmd_blind_site.h. */
#include "cli/cmd_blind_site.h"
#include "base/hash.h"
#include "base/mem.h"
#include "blind/prepare_hint.h"
#include "blind/prepare_model.h"
#include "cli/model_load.h"
#include "model/linear.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 64 /* columns of a step of prompt: what blind computing pads to */ };

/* ---- processor time and memory, as the system tells them ---- */

static unsigned list_tasks(pid_t *out, unsigned max) {
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; d && (e = readdir(d));)
        if (*e->d_name != '.' && n < max) out[n++] = (pid_t)atoi(e->d_name);
    if (d) closedir(d);
    return n;
}

static int is_in(pid_t id, const pid_t *list, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (list[i] == id) return 1;
    return 0;
}

uint64_t blind_site_worker_ns(const struct blind_site *s, enum pair_role role) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->tasks[role].count; i++) {
        char path[64];
        uint64_t ns;
        snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", (int)s->tasks[role].id[i]);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%" SCNu64, &ns) == 1) sum += ns;
        if (f) fclose(f);
    }
    return sum;
}

uint64_t blind_site_client_ns(const struct blind_site *s) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    uint64_t all = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    uint64_t workers = blind_site_worker_ns(s, PAIR_A) + blind_site_worker_ns(s, PAIR_B);
    return all > workers ? all - workers : 0;
}

struct blind_site_memory blind_site_memory_now(void) {
    uint64_t all = 0, resident = 0, files = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64, &all, &resident, &files) != 3) resident = files = 0;
    if (f) fclose(f);
    return (struct blind_site_memory){(resident - files) * page, files * page};
}

/* ---- the modes ---- */

void blind_site_prompt(struct blind_site *s, uint32_t columns) {
    if (s->pair)
        pair_prompt(s->pair, columns);
    else
        lattice_client_prompt(s->lattice, columns);
}

void blind_site_count(const struct blind_site *s, struct blind_counts *out) {
    if (s->pair)
        pair_count(s->pair, out);
    else
        lattice_client_count(s->lattice, out);
}

void blind_site_why(const struct blind_site *s, struct why *why) {
    if (s->pair)
        pair_why(s->pair, why);
    else
        lattice_client_why(s->lattice, why);
}

/* Of B's answers it shows when there are no more. */
void blind_site_settle(struct blind_site *s) {
    struct timespec nap = {0, 20000000};
    struct blind_counts now, before = {0};
    if (s->lattice) lattice_client_settle(s->lattice);
    for (int still = 0; still < 10; still++) {
        nanosleep(&nap, NULL);
        blind_site_count(s, &now);
        if (now.verified != before.verified) still = 0;
        before = now;
    }
}

/* ---- the parties ---- */

static void show(void *arg, uint64_t done, uint64_t all) { cli_progress_show(arg, done, all); }

static enum model_arith arith_of(const struct blind_site_opts *o) { return o->folded ? ARITH_ROW8_FOLD : ARITH_ROW8; }

static int prepare(struct blind_site *s, const struct blind_site_opts *o, struct why *why) {
    struct cli_progress progress;
    struct prepare_model_opts po = {.name = "bench:latest", .folded = o->folded, .progress = show, .arg = &progress};
    int r = temp_folder_open(&s->folder, "lull-blind-bench", why);
    if (r != 0) return r;
    snprintf(s->out, sizeof s->out, "%s/prepared", s->folder.path);
    cli_progress_start(&progress, "preparing");
    r = prepare_opened_dir(s->out, s->weights, &po, why);
    cli_progress_end(&progress);
    return r == 0 ? prepared_open(&s->prepared, s->out, NULL, why) : r;
}

static int open_weights(struct blind_site *s, const struct blind_site_opts *o, struct why *why) {
    struct cli_progress progress;
    struct model_opts mo = {.threads = o->threads, .arith = arith_of(o), .progress = show, .arg = &progress};
    cli_progress_start(&progress, "loading");
    int r = model_open(&s->weights, o->model, &mo, why);
    cli_progress_end(&progress);
    if (r != 0) return r;
    uint32_t n = model_linear_count(s->weights);
    s->stacks = mem_zalloc(n, sizeof *s->stacks);
    if (!s->stacks) return ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++) s->stacks[i] = *model_linear_weights(s->weights, i);
    return 0;
}

static int start_worker(struct blind_site *s, enum pair_role role, unsigned threads, uint32_t delay_us, struct why *why) {
    struct blind_worker_opts wo = {.stacks = s->stacks, .stack_count = model_linear_count(s->weights)};
    memcpy(wo.manifest_hash, prepared_digest(s->prepared), 32);
    int r = pool_new(&s->pool[role], threads, why);
    if (r == 0) r = kern_select(&wo.kern, getenv("LULL_KERNELS"), why);
    wo.pool = s->pool[role];
    return r == 0 ? blind_local_new(&s->worker[role], &wo, delay_us) : r;
}

/* Their threads are those that are there afterwards and were not before. */
static int start_workers(struct blind_site *s, const struct blind_site_opts *o, struct why *why) {
    pid_t before[SITE_TASKS_MAX], after[SITE_TASKS_MAX];
    int r = 0;
    for (int role = 0; role < (o->lattice ? 1 : PAIR_ROLES) && r == 0; role++) {
        unsigned b = list_tasks(before, SITE_TASKS_MAX);
        r = start_worker(s, (enum pair_role)role, role == PAIR_A ? o->threads : o->threads_b, o->rtt_us / 2, why);
        unsigned a = list_tasks(after, SITE_TASKS_MAX);
        for (unsigned i = 0; i < a; i++)
            if (!is_in(after[i], before, b)) s->tasks[role].id[s->tasks[role].count++] = after[i];
    }
    return r;
}

static int open_link(void *state, enum pair_role role, uint32_t place, struct blind_link *out) {
    struct blind_site *s = state;
    int r = place == 0 ? blind_local_link(s->worker[role], out) : ERR_NOTFOUND;
    if (r == 0) memset(out->operator_id, 1 + (int)role, sizeof out->operator_id);
    return r;
}

/* Operators whose ids repeat one byte, which open_link gives them. */
static int list_operators(struct operators *o, struct why *why) {
    int r = 0;
    for (int role = 0; role < PAIR_ROLES && r == 0; role++) {
        uint8_t id[OPERATOR_PREFIX_BYTES];
        char text[2 * OPERATOR_PREFIX_BYTES + 1];
        memset(id, 1 + role, sizeof id);
        hex_encode(text, id, sizeof id);
        r = operators_list(o, (enum pair_role)role, text, why);
    }
    return r;
}

static int open_pair(struct blind_site *s, const struct blind_site_opts *o, struct why *why) {
    struct pair_opts po = {
        .prepared = s->prepared, .workers = {open_link, s}, .ahead_bytes = o->ahead_bytes, .decode_columns = o->decode_columns};
    int r = list_operators(&po.policy, why);
    return r == 0 ? pair_new(&s->pair, &po, why) : r;
}

static int show_hint(void *arg, uint64_t done, uint64_t all) {
    cli_progress_show(arg, done, all);
    return 0;
}

static int open_hint(struct blind_site *s, const struct blind_site_opts *o, const struct kern *k, struct why *why) {
    struct cli_progress progress;
    struct hint_make_opts ho = {
        .k = k, .pool = engine_threads(s->local), .rank = o->rank, .progress = show_hint, .arg = &progress};
    cli_progress_start(&progress, "making the hint");
    int r = prepare_hint(s->out, s->prepared, s->weights, &ho, why);
    cli_progress_end(&progress);
    return r == 0 ? prepared_hint_open(&s->hint, s->out, s->prepared, o->rank, ho.pool, why) : r;
}

static int open_lattice(struct blind_site *s, const struct blind_site_opts *o, struct why *why) {
    struct lattice_client_opts lo = {.prepared = s->prepared,
                                     .a = &s->a,
                                     .hint = &s->hint,
                                     .workers = {open_link, s},
                                     .masks_bytes = o->ahead_bytes,
                                     .decode_columns = o->decode_columns};
    uint32_t cols = 0;
    for (uint32_t i = 0; i < prepared_manifest(s->prepared)->stack_count; i++)
        if (prepared_stacks(s->prepared)[i].cols > cols) cols = prepared_stacks(s->prepared)[i].cols;
    int r = kern_select(&lo.k, getenv("LULL_KERNELS"), why);
    if (r == 0) r = open_hint(s, o, lo.k, why);
    if (r == 0) r = lattice_public_new(&s->a, prepared_digest(s->prepared), cols, o->rank, engine_threads(s->local));
    if (r == 0) r = list_operators(&lo.policy, why);
    return r == 0 ? lattice_client_new(&s->lattice, &lo, why) : r;
}

static int open_client(struct blind_site *s, const struct blind_site_opts *o, struct why *why) {
    struct model_opts mo = {.threads = o->threads,
                            .arith = arith_of(o),
                            .stacks = STACKS_ELSEWHERE,
                            .linear = prepared_stacks(s->prepared),
                            .linear_count = prepared_manifest(s->prepared)->stack_count};
    int r = model_open(&s->client, prepared_client_path(s->prepared), &mo, why);
    if (r != 0) return r;
    return o->lattice ? open_lattice(s, o, why) : open_pair(s, o, why);
}

static int open_engine(struct engine **e, struct kv_seq *seq, const struct model *m, const struct blind_site_opts *o,
                       const struct linear_ops *linear, void *state, struct why *why) {
    struct engine_opts eo = {.threads = o->threads,
                             .rows_max = CHUNK,
                             .logits_max = 1,
                             .kv_pages = (o->positions + KV_PAGE - 1) / KV_PAGE,
                             .linear = linear,
                             .linear_state = state};
    int r = engine_new(e, m, &eo, why);
    return r == 0 ? kv_seq_init(seq, o->positions) : r;
}

int blind_site_open(struct blind_site *s, const struct blind_site_opts *o, struct why *why) {
    *s = (struct blind_site){.weights = NULL};
    int r = open_weights(s, o, why);
    if (r == 0) r = open_engine(&s->local, &s->local_seq, s->weights, o, NULL, NULL, why);
    s->memory_before = blind_site_memory_now();
    if (r == 0) r = prepare(s, o, why);
    if (r == 0) r = open_client(s, o, why);
    if (r == 0)
        r = open_engine(&s->blind, &s->blind_seq, s->client, o, o->lattice ? &lattice_client_ops : &pair_ops,
                        o->lattice ? (void *)s->lattice : (void *)s->pair, why);
    return r == 0 ? start_workers(s, o, why) : r;
}

void blind_site_close(struct blind_site *s) {
    if (s->blind) kv_seq_release(&s->blind_seq, engine_kv(s->blind));
    if (s->local) kv_seq_release(&s->local_seq, engine_kv(s->local));
    engine_free(s->blind);
    engine_free(s->local);
    pair_free(s->pair);
    lattice_client_free(s->lattice);
    lattice_public_free(&s->a);
    hint_close(&s->hint);
    for (int role = 0; role < PAIR_ROLES; role++) {
        blind_local_free(s->worker[role]);
        pool_free(s->pool[role]);
    }
    model_close(s->client);
    prepared_close(s->prepared);
    free(s->stacks);
    model_close(s->weights);
    temp_folder_close(&s->folder);
    *s = (struct blind_site){.weights = NULL};
}
