/* gateway/gw_blind.c - see gw_blind.h. */
#include "gateway/gw_blind.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

static int operator_of(void *arg, const uint8_t identity[32], uint8_t operator_id[32]) {
    return gw_blind_workers_operator(arg, identity, operator_id);
}

/* ---- one model ---- */

/* The client file: what lists show of it is what the manifest says of the whole model's file. */
static int open_model(struct gw_blind_model *m, const struct gw_opts *o, enum kv_format *kv, struct why *why) {
    const struct blind_manifest *b = prepared_manifest(m->prepared);
    struct model_opts mo = {.threads = o->blind.threads,
                            .kernels = getenv("LULL_KERNELS"),
                            .arith = profile_arith(b->profile),
                            .stacks = STACKS_ELSEWHERE,
                            .linear = prepared_stacks(m->prepared),
                            .linear_count = b->stack_count};
    int r = model_open(&m->model, prepared_client_path(m->prepared), &mo, why);
    if (r == 0) r = model_profile_kv(kv, m->model, b->profile, why);
    if (r != 0) return r;
    m->digest = prepared_digest(m->prepared);
    m->since_s = clock_unix_s();
    m->shown = (struct manifest){.file_bytes = b->file_bytes, .context = model_context_usual(m->model)};
    memcpy(m->shown.name, b->name, sizeof m->shown.name);
    memcpy(m->shown.profile, b->profile, sizeof m->shown.profile);
    memcpy(m->shown.file_sha256, b->file_sha256, sizeof m->shown.file_sha256);
    return 0;
}

static int open_half(struct gw_blind_model *m, const char *dir, struct blind_net *net, const struct gw_blind_opts *o,
                     struct why *why) {
    m->mode = o->mode;
    int r = gw_blind_workers_new(&m->workers, net, m->digest, &o->policy, o->direct);
    struct gw_blind_half_opts ho = {.dir = dir, .prepared = m->prepared, .blind = o};
    if (r == 0) ho.workers = gw_blind_workers_source(m->workers);
    return r == 0 ? gw_blind_half_open(&m->half, &ho, why) : r;
}

static int open_one(struct gw_blind_model *m, const char *dir, struct blind_net *net, const struct gw_opts *o,
                    const struct gw_blind_engine_opts *events, struct why *why) {
    enum kv_format kv = KV_F16;
    int r = prepared_open(&m->prepared, dir, NULL, why);
    if (r == 0) r = open_model(m, o, &kv, why);
    if (r == 0) r = open_half(m, dir, net, &o->blind, why);
    if (r != 0) return r;
    struct gen_pool_opts go = {.threads = o->blind.threads,
                               .slots = 1,
                               .context_max = m->shown.context,
                               .kv = kv,
                               .prefill_chunk = PASS_CHUNK,
                               .linear = m->half.linear,
                               .linear_state = m->half.state,
                               .guesses = o->blind.guess,
                               .guess_always = 1}; /* the columns go out in any case */
    struct gw_blind_engine_opts eo = *events;
    r = gen_pool_new(&m->pool, m->model, &go, why);
    eo.pool = m->pool;
    eo.client = m->half.client;
    eo.client_state = m->half.state;
    eo.operator_of = operator_of;
    eo.operator_arg = m->workers;
    eo.model = m->shown.name;
    eo.pass_columns = 1 + o->blind.guess;
    eo.keep = o->keep_nothing ? 0 : o->blind.keep;
    eo.keep_ms = (uint64_t)o->blind.keep_minutes * 60000;
    return r == 0 ? gw_blind_engine_new(&m->engine, &eo, why) : r;
}

/* The engine first: it uses all of the rest. */
static void close_one(struct gw_blind_model *m) {
    gw_blind_engine_free(m->engine);
    gen_pool_free(m->pool);
    gw_blind_half_close(&m->half);
    gw_blind_workers_free(m->workers);
    model_close(m->model);
    prepared_close(m->prepared);
    *m = (struct gw_blind_model){.engine = NULL};
}

/* ---- all of them ---- */

static int open_models(struct gw_blind *b, const struct gw_opts *o, const struct gw_blind_engine_opts *events, struct why *why) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->blind.dirs.count; i++) {
        struct gw_blind_model *m = &b->models[i];
        r = open_one(m, o->blind.dirs.item[i], b->net, o, events, why);
        b->count = i + 1; /* also when it failed: closed with the others */
        for (size_t k = 0; r == 0 && k < i; k++)
            if (strcmp(b->models[k].shown.name, m->shown.name) == 0)
                r = why_set(why, ERR_USAGE, "--blind %.200s: %.64s is in another folder too", o->blind.dirs.item[i],
                            m->shown.name);
        if (r == 0)
            log_event(LOG_INFO, "blind", "model opened: " BLIND_NOTICE, LOG_NAME("model", m->shown.name),
                      LOG_CODE("mode", gw_blind_mode_name(m->mode)), LOG_CODE("params", m->half.params ? m->half.params : "none"),
                      LOG_ID("manifest", m->digest, 32));
    }
    return r;
}

int gw_blind_open(struct gw_blind **out, const struct gw_opts *o, struct loop *l,
                  void (*on_event)(void *arg, const struct gw_blind_event *e), void *arg, struct why *why) {
    struct gw_blind *b = mem_zalloc(1, sizeof *b);
    struct gw_blind_engine_opts events = {.loop = l, .on_event = on_event, .arg = arg, .queue_max = o->max_queue};
    struct blind_net_opts no = {
        .coordinator = o->coordinator, .ca = o->ca, .pin = o->pin, .bearer = o->bearer[0] ? o->bearer : NULL};
    *out = NULL;
    if (!b) return ERR_NOMEM;
    int r = blind_net_open(&b->net, &no, why);
    if (r == 0) r = open_models(b, o, &events, why);
    if (r == 0)
        *out = b;
    else
        gw_blind_stop(b), gw_blind_free(b);
    return r;
}

void gw_blind_stop(struct gw_blind *b) {
    if (!b) return;
    for (size_t i = 0; i < b->count; i++)
        if (b->models[i].workers) gw_blind_workers_stop(b->models[i].workers);
    for (size_t i = 0; i < b->count; i++) close_one(&b->models[i]);
    blind_net_close(b->net);
    b->net = NULL;
}

void gw_blind_free(struct gw_blind *b) { free(b); }

/* How many prepared models NAME:latest may mean, and one of them; 0 for a name with another tag. */
static size_t meant(struct gw_blind *b, const char *name, struct gw_blind_model **one) {
    const char *colon = strchr(name, ':');
    size_t n = colon && strcmp(colon, ":latest") == 0 ? (size_t)(colon - name) + 1 : 0, matches = 0;
    for (size_t i = 0; b && n && i < b->count; i++)
        if (strncmp(b->models[i].shown.name, name, n) == 0) *one = &b->models[i], matches++;
    return matches;
}

struct gw_blind_model *gw_blind_find(struct gw_blind *b, const char *name) {
    struct gw_blind_model *only = NULL;
    for (size_t i = 0; b && i < b->count; i++)
        if (strcmp(b->models[i].shown.name, name) == 0) return &b->models[i];
    return meant(b, name, &only) == 1 ? only : NULL;
}

int gw_blind_unclear(struct gw_blind *b, const char *name) {
    struct gw_blind_model *one = NULL;
    return !gw_blind_find(b, name) && meant(b, name, &one) > 1;
}

static int show_workers(const struct gw_blind_model *m, struct buf *out) {
    size_t a = gw_blind_workers_count(m->workers, PAIR_A);
    if (m->mode == GW_BLIND_LATTICE)
        return buf_addf(out, "\"params\":\"%s\",\"workers\":%zu,\"masks_bytes\":%zu", m->half.params, a,
                        lattice_client_held(m->half.lattice));
    return buf_addf(out, "\"workers_a\":%zu,\"workers_b\":%zu", a, gw_blind_workers_count(m->workers, PAIR_B));
}

int gw_blind_show(struct gw_blind *b, struct buf *out) {
    int r = buf_addf(out, "[");
    for (size_t i = 0; r == 0 && b && i < b->count; i++) {
        struct gw_blind_model *m = &b->models[i];
        r = buf_addf(out, "%s{\"model\":\"%s\",\"mode\":\"%s\",\"notice\":\"" BLIND_NOTICE "\",", i ? "," : "", m->shown.name,
                     gw_blind_mode_name(m->mode));
        if (r == 0) r = show_workers(m, out);
        if (r == 0)
            r = buf_addf(out, ",\"requests\":%u,\"conversations_kept\":%u}", gw_blind_engine_queued(m->engine),
                         gw_blind_engine_kept(m->engine));
    }
    return r == 0 ? buf_addf(out, "]") : r;
}
