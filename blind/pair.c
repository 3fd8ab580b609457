/* blind/pair.c - see pair.h. */
#include "blind/pair.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/pair_parts.h"
#include "math/row8.h"

#include <stdlib.h>
#include <string.h>

static int products(void *state, const struct linear_ask *ask, unsigned asks) {
    struct pair *p = state;
    return asker_products(&p->asker, &p->pass, pair_chunk, p, ask, asks);
}
static int product(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y) {
    return products(state, &(struct linear_ask){stack, count, x, y}, 1);
}
const struct linear_ops pair_ops = {product, products};

void pair_prompt(struct pair *p, uint32_t columns) { pass_prompt(&p->pass, columns); }
void pair_why(const struct pair *p, struct why *why) { *why = p->asker.why; }
struct roster *pair_roster(struct pair *p) {
    return p->roster;
}

void pair_count(struct pair *p, struct blind_counts *out) {
    pthread_mutex_lock(&p->lock);
    *out = p->counts;
    pthread_mutex_unlock(&p->lock);
    out->bytes_up = out->up[PAIR_A] + out->up[PAIR_B];
    out->bytes_down = out->down[PAIR_A] + out->down[PAIR_B];
}

int pair_serving(struct pair *p, enum pair_role role, uint8_t identity[32]) {
    struct blind_counts now;
    pair_count(p, &now);
    if (now.served[role]) memcpy(identity, now.serving[role][0], 32);
    return now.served[role] > 0;
}

/* ---- birth and death ---- */

static int open_asker(struct pair *p, const struct pair_opts *o) {
    struct asker_opts ao = {.prepared = o->prepared,
                            .roster = p->roster,
                            .role = BLIND_ROLE_A,
                            .token = o->token[PAIR_A],
                            .token_n = o->token_n[PAIR_A],
                            .answer_ms = p->answer_ms,
                            .decode_columns = p->pass.decode_columns,
                            .lock = &p->lock,
                            .counts = &p->counts,
                            .lost = pair_end_session,
                            .owner = p};
    return asker_init(&p->asker, &ao);
}

static int open_b(struct pair *p, const struct pair_opts *o) {
    struct conversation_opts hello = {.role = BLIND_ROLE_B,
                                      .token = o->token[PAIR_B],
                                      .token_n = o->token_n[PAIR_B],
                                      .stacks = p->stacks,
                                      .stack_count = p->stack_count,
                                      .columns = PASS_CHUNK,
                                      .ranges = PAIR_RANGES_MAX,
                                      .wait_ms = p->answer_ms};
    memcpy(hello.manifest, prepared_digest(o->prepared), sizeof hello.manifest);
    return crew_init(&p->b, &hello);
}

static int take_memory(struct pair *p) {
    uint32_t cols = 0;
    for (uint32_t i = 0; i < p->stack_count; i++)
        if (p->stacks[i].cols > cols) cols = p->stacks[i].cols;
    p->zeros = mem_zalloc(cols, sizeof *p->zeros);
    p->stock = mem_zalloc(p->stack_count, sizeof *p->stock);
    return p->zeros && p->stock ? 0 : ERR_NOMEM;
}

static void set_up(struct pair *p, const struct pair_opts *o) {
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->news, NULL);
    p->prepared = o->prepared;
    p->stacks = prepared_stacks(o->prepared);
    p->stack_count = prepared_manifest(o->prepared)->stack_count;
    p->answer_ms = o->answer_ms ? o->answer_ms : PAIR_ANSWER_MS;
    p->ahead_bytes = o->ahead_bytes ? o->ahead_bytes : PAIR_AHEAD_BYTES;
    p->pass = (struct pass){.decode_columns = o->decode_columns ? o->decode_columns : 1, .stack_count = p->stack_count};
    plan_init(p);
}

int pair_new(struct pair **out, const struct pair_opts *o, struct why *why) {
    *out = NULL;
    if (o->decode_columns > PASS_CHUNK) return why_set(why, ERR_RANGE, "more than %d columns in a pass", PASS_CHUNK);
    if (!operators_ready(&o->policy)) return why_set(why, ERR_PERM, "no operators are listed for A, or none for B");
    struct pair *p = mem_zalloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    set_up(p, o);
    int r = roster_new(&p->roster, &o->workers, &o->policy);
    if (r == 0) r = take_memory(p);
    if (r == 0) r = open_asker(p, o);
    if (r == 0) r = open_b(p, o);
    if (r == 0 && pthread_create(&p->thread, NULL, pair_ahead_run, p) != 0) r = ERR_NOMEM;
    p->started = r == 0;
    if (r == 0)
        *out = p;
    else
        pair_free(p);
    return r;
}

void pair_free(struct pair *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stopping = 1;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    if (p->started) pthread_join(p->thread, NULL);
    asker_release(&p->asker);
    crew_release(&p->b);
    if (p->stock) stock_release(p);
    blind_session_free(p->session);
    free(p->zeros);
    free(p->stock);
    roster_free(p->roster);
    pthread_cond_destroy(&p->news);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
