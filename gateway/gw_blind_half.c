/* gateway/gw_blind_half.c - see gw_blind_half.h. */
#include "gateway/gw_blind_half.h"
#include "blind/lattice_params.h"
#include "blind/prepare_hint.h"

#include <stdlib.h>

#define MIB ((size_t)1 << 20)

/* ---- mode pair ---- */

static void on_pair_prompt(void *state, uint32_t columns) { pair_prompt(state, columns); }
static void on_pair_why(void *state, struct why *why) { pair_why(state, why); }
static void on_pair_count(void *state, struct blind_counts *out) { pair_count(state, out); }
static struct roster *on_pair_roster(void *state) { return pair_roster(state); }
static const struct gw_blind_client pair_client = {
    .prompt = on_pair_prompt, .why = on_pair_why, .count = on_pair_count, .roster = on_pair_roster, .role = {"A", "B"}};

static int open_pair(struct gw_blind_half *h, const struct gw_blind_half_opts *o, struct why *why) {
    struct pair_opts po = {
        .prepared = o->prepared, .workers = o->workers, .policy = o->blind->policy, .decode_columns = 1 + o->blind->guess};
    for (int role = 0; role < PAIR_ROLES; role++) {
        po.token[role] = o->blind->token[role].data;
        po.token_n[role] = (uint8_t)o->blind->token[role].len; /* at most BLIND_TOKEN_MAX: it was checked */
    }
    int r = pair_new(&h->pair, &po, why);
    h->client = &pair_client;
    h->linear = &pair_ops;
    h->state = h->pair;
    return r;
}

/* ---- mode lattice ---- */

static void on_lattice_prompt(void *state, uint32_t columns) { lattice_client_prompt(state, columns); }
static void on_lattice_why(void *state, struct why *why) { lattice_client_why(state, why); }
static void on_lattice_count(void *state, struct blind_counts *out) { lattice_client_count(state, out); }
static struct roster *on_lattice_roster(void *state) { return lattice_client_roster(state); }
static const struct gw_blind_client lattice_client = {.prompt = on_lattice_prompt,
                                                      .why = on_lattice_why,
                                                      .count = on_lattice_count,
                                                      .roster = on_lattice_roster,
                                                      .role = {"worker", "worker"}};

/* The hint, checked against the manifest and the digest that was kept, and the public vectors: both of the parameters that it was made
 * with. */
static int open_public(struct gw_blind_half *h, const struct gw_blind_half_opts *o, struct why *why) {
    struct pool *pool = NULL;
    uint32_t cols = 0;
    for (uint32_t i = 0; i < prepared_manifest(o->prepared)->stack_count; i++)
        if (prepared_stacks(o->prepared)[i].cols > cols) cols = prepared_stacks(o->prepared)[i].cols;
    int r = pool_new(&pool, o->blind->threads, why);
    if (r == 0) r = prepared_hint_open(&h->hint, o->dir, o->prepared, 0, pool, why);
    if (r == 0) r = lattice_public_new(&h->a, prepared_digest(o->prepared), cols, h->hint.rank, pool);
    pool_free(pool);
    return r;
}

static int open_lattice(struct gw_blind_half *h, const struct gw_blind_half_opts *o, struct why *why) {
    struct lattice_client_opts lo = {.prepared = o->prepared,
                                     .a = &h->a,
                                     .hint = &h->hint,
                                     .workers = o->workers,
                                     .policy = o->blind->policy,
                                     .token = o->blind->token[PAIR_A].data,
                                     .token_n = (uint8_t)o->blind->token[PAIR_A].len,
                                     .decode_columns = 1 + o->blind->guess,
                                     .masks_bytes = o->blind->masks_mb * MIB};
    int r = kern_select(&lo.k, getenv("LULL_KERNELS"), why);
    if (r == 0) r = open_public(h, o, why);
    if (r == 0) r = lattice_client_new(&h->lattice, &lo, why);
    if (r != 0) return r;
    h->client = &lattice_client;
    h->linear = &lattice_client_ops;
    h->state = h->lattice;
    h->params = lattice_params_of_rank(h->hint.rank)->name; /* of the table: hint_rank_of */
    return 0;
}

/* ---- either ---- */

int gw_blind_half_open(struct gw_blind_half *h, const struct gw_blind_half_opts *o, struct why *why) {
    *h = (struct gw_blind_half){.client = NULL};
    int r = o->blind->mode == GW_BLIND_LATTICE ? open_lattice(h, o, why) : open_pair(h, o, why);
    if (r != 0) gw_blind_half_close(h);
    return r;
}

void gw_blind_half_close(struct gw_blind_half *h) {
    pair_free(h->pair);
    lattice_client_free(h->lattice);
    lattice_public_free(&h->a);
    hint_close(&h->hint);
    *h = (struct gw_blind_half){.client = NULL};
}
