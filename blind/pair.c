/* blind/pair.c - see pair.h. */
#include "blind/pair.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/pair_parts.h"
#include "math/row8.h"

#include <stdlib.h>
#include <string.h>

/* ---- passes: what is filled up to which number of columns ---- */

static void pass_begin(struct pair *p, uint32_t stack, uint32_t count) {
    if (stack != 0 && p->pass != PASS_NONE) return;
    p->pass_prompt = count < p->prompt_left ? count : p->prompt_left;
    p->prompt_left -= p->pass_prompt;
    p->pass = p->pass_prompt || count > p->decode_columns ? PASS_PROMPT : PASS_DECODE;
}

static void pass_failed(struct pair *p) {
    p->prompt_left += p->pass_prompt;
    p->pass_prompt = 0;
    p->pass = PASS_NONE;
}

/* The output matrix is asked for one column per sequence, in prompts too. */
static uint32_t padded(const struct pair *p, uint32_t stack, uint32_t count) {
    int few = p->pass == PASS_DECODE || stack == p->stack_count - 1;
    if (few && count <= p->decode_columns) return p->decode_columns;
    return (count + PAIR_COLUMNS - 1) / PAIR_COLUMNS * PAIR_COLUMNS;
}

static uint32_t columns_most(const struct pair *p, uint32_t stack) {
    const struct linear *l = &p->stacks[stack];
    uint32_t most = blind_columns_max(l->field, l->rows, l->cols);
    return most < PAIR_COLUMNS ? most : PAIR_COLUMNS;
}

void pair_prompt(struct pair *p, uint32_t columns) {
    p->prompt_left = columns;
    p->pass_prompt = 0;
    p->pass = PASS_NONE;
}

/* ---- products ---- */

static int product(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y) {
    struct pair *p = state;
    if (stack >= p->stack_count || count == 0) return why_set(&p->why, ERR_RANGE, "no such stack, or no columns");
    const struct linear *l = &p->stacks[stack];
    uint32_t most = columns_most(p, stack), room = (uint32_t)(p->z_words / l->rows);
    if (most > room) most = room;
    p->why.text[0] = 0;
    roster_again(p->roster);
    pass_begin(p, stack, count);
    uint32_t all = padded(p, stack, count);
    int r = 0;
    for (uint32_t at = 0, n; at < all && r == 0; at += n) {
        n = all - at < most ? all - at : most;
        uint32_t wanted = at >= count ? 0 : count - at < n ? count - at : n;
        r = pair_chunk(p, stack, n, wanted, wanted ? x + (size_t)at * l->cols : NULL, wanted ? y + (size_t)at * l->rows : NULL);
    }
    if (r != 0) pass_failed(p);
    return r;
}
const struct linear_ops pair_ops = {product};

/* ---- what is told ---- */

void pair_why(const struct pair *p, struct why *why) { *why = p->why; }
struct roster *pair_roster(struct pair *p) {
    return p->roster;
}

void pair_count(struct pair *p, struct pair_counts *out) {
    pthread_mutex_lock(&p->lock);
    *out = p->counts;
    pthread_mutex_unlock(&p->lock);
    out->bytes_up = out->up[PAIR_A] + out->up[PAIR_B];
    out->bytes_down = out->down[PAIR_A] + out->down[PAIR_B];
}

int pair_serving(struct pair *p, enum pair_role role, uint8_t identity[32]) {
    pthread_mutex_lock(&p->lock);
    int served = p->served[role];
    if (served) memcpy(identity, p->serving[role], 32);
    pthread_mutex_unlock(&p->lock);
    return served;
}

/* ---- birth and death ---- */

static void greeting(struct pair *p, const struct pair_opts *o, enum pair_role role) {
    struct conversation_opts *h = &p->hello[role];
    *h = (struct conversation_opts){.role = role == PAIR_A ? BLIND_ROLE_A : BLIND_ROLE_B,
                                    .token = o->token[role],
                                    .token_n = o->token_n[role],
                                    .stacks = p->stacks,
                                    .stack_count = p->stack_count,
                                    .columns = PAIR_COLUMNS,
                                    .ranges = PAIR_RANGES_MAX,
                                    .wait_ms = p->answer_ms};
    memcpy(h->manifest, prepared_digest(o->prepared), sizeof h->manifest);
}

static int take_memory(struct pair *p) {
    uint32_t cols = 0;
    for (uint32_t i = 0; i < p->stack_count; i++) {
        const struct linear *l = &p->stacks[i];
        uint32_t columns = columns_most(p, i);
        if (i + 1 == p->stack_count && columns > p->decode_columns) columns = p->decode_columns; /* more go one after the other */
        if ((size_t)columns * l->rows > p->z_words) p->z_words = (size_t)columns * l->rows;
        if (l->cols > cols) cols = l->cols;
    }
    p->z = secret_pages(p->z_words * sizeof *p->z);
    p->u = secret_pages(cols * sizeof *p->u);
    p->zeros = mem_zalloc(cols, sizeof *p->zeros);
    p->stock = mem_zalloc(p->stack_count, sizeof *p->stock);
    return p->z && p->u && p->zeros && p->stock ? 0 : ERR_NOMEM;
}

int pair_new(struct pair **out, const struct pair_opts *o, struct why *why) {
    *out = NULL;
    if (o->decode_columns > PAIR_COLUMNS) return why_set(why, ERR_RANGE, "more than %d columns in a pass", PAIR_COLUMNS);
    struct pair *p = mem_zalloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->news, NULL);
    p->prepared = o->prepared;
    p->stacks = prepared_stacks(o->prepared);
    p->stack_count = prepared_manifest(o->prepared)->stack_count;
    p->decode_columns = o->decode_columns ? o->decode_columns : 1;
    p->answer_ms = o->answer_ms ? o->answer_ms : PAIR_ANSWER_MS;
    p->ahead_bytes = o->ahead_bytes ? o->ahead_bytes : PAIR_AHEAD_BYTES;
    for (int role = 0; role < PAIR_ROLES; role++) greeting(p, o, (enum pair_role)role);
    plan_init(p);
    int r = roster_new(&p->roster, &o->workers, &o->policy, why);
    if (r == 0) r = take_memory(p);
    if (r == 0) r = conversation_init(&p->a, &p->hello[PAIR_A]);
    if (r == 0) r = conversation_init(&p->b, &p->hello[PAIR_B]);
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
    conversation_release(&p->a);
    conversation_release(&p->b);
    if (p->stock) stock_release(p);
    blind_session_free(p->session);
    secret_pages_free(p->z);
    secret_pages_free(p->u);
    free(p->zeros);
    free(p->stock);
    roster_free(p->roster);
    pthread_cond_destroy(&p->news);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
