/* gateway/gw_blind_engine.h - the client's own half of a model in tier blind: a thread that makes one answer after another.
 *
 * One at a time, so that what workers see of an answer does not depend on others: a prompt's chunks of 64 columns, then passes of a fixed
 * number, one unless ids are guessed. Guesses come from this client's own text, and right or wrong as many columns go out; but how many are
 * right, and so how many passes there are, follows from the text. Keys and values of the last few conversations are kept
 * (gateway/gw_blind_kept.h), so that their next turn sends only what is new; nothing else that is computed is used twice, for a hit would
 * show. The loop never waits for this thread; the thread waits for the loop when its mailbox is full. */
#ifndef GATEWAY_GW_BLIND_ENGINE_H
#define GATEWAY_GW_BLIND_ENGINE_H

#include "api/request.h"
#include "blind/asker.h"
#include "gateway/gw_blind_receipt.h"
#include "model/gen.h"
#include "net/loop.h"

struct gw_blind_work {
    uint64_t job;               /* the loop's number for it: events carry it back */
    struct api_request request; /* parsed; seed and template_time set */
    struct gw_blind_work *next; /* the queue's */
};
void gw_blind_work_free(struct gw_blind_work *w); /* wipes; NULL is fine */

enum gw_blind_kind { BLIND_EVENT_ACCEPTED, BLIND_EVENT_TEXT, BLIND_EVENT_DONE, BLIND_EVENT_FAILED };
enum { BLIND_EVENT_TEXT_BYTES = 512 };
struct gw_blind_event {
    uint64_t job;
    enum gw_blind_kind kind;
    uint32_t prompt_tokens; /* ACCEPTED */
    /* TEXT: a token's text, or a part of it; tokens: so many are there now */
    uint32_t tokens;
    uint16_t text_len;
    uint8_t text[BLIND_EVENT_TEXT_BYTES];
    /* DONE: follows the last text */
    enum gen_stop stop;
    struct gen_times times;
    struct gw_blind_account account;
    /* FAILED: ERR_LOST (no worker is left for a role; why says what became of them), ERR_CONTEXT, ERR_RANGE, ERR_UNSUPPORTED,
     * ERR_LIMIT, ERR_NONFINITE, ERR_NOMEM, ERR_INTERNAL */
    int err;
    char why[sizeof(struct why)];
};

/* The client of a mode, as the engine sees it: pair_prompt, pair_why and so on. It lives as long as the engine: connections, sessions and
 * what is made ahead serve one answer after the other. */
struct gw_blind_client {
    void (*prompt)(void *state, uint32_t columns);
    void (*why)(void *state, struct why *why);
    void (*count)(void *state, struct blind_counts *out);
    struct roster *(*roster)(void *state);
    const char *role[PAIR_ROLES]; /* for the log */
};

struct gw_blind_engine;
struct gw_blind_engine_opts { /* all of them outlive the engine; pool and client are its thread's while it runs */
    struct gen_pool *pool;    /* of one slot, over the client's ops, with pass_columns - 1 guesses */
    const struct gw_blind_client *client;
    void *client_state;
    int (*operator_of)(void *arg, const uint8_t identity[32], uint8_t operator_id[32]); /* of who serves: 1, or 0: not known */
    void *operator_arg;
    const char *model; /* for the log */
    struct loop *loop;
    void (*on_event)(void *arg, const struct gw_blind_event *e); /* on the loop's thread */
    void *arg;
    uint32_t queue_max;    /* answers that wait or are made; beyond: ERR_BUSY */
    uint32_t pass_columns; /* of each pass after the prompt; 0: 1 */
    uint32_t keep;         /* conversations whose keys and values are kept between turns; 0: none */
    uint64_t keep_ms;      /* for so long without a turn */
};
int gw_blind_engine_new(struct gw_blind_engine **out, const struct gw_blind_engine_opts *o, struct why *why);
/* Cancels everything and joins. Links must be lost first (gw_blind_workers_stop), else it may wait for a worker. Before loop_free. NULL is fine. */
void gw_blind_engine_free(struct gw_blind_engine *x);
/* Takes w over on success. ERR_BUSY: w stays the caller's. */
int gw_blind_engine_submit(struct gw_blind_engine *x, struct gw_blind_work *w);
/* No pass is begun for it any more; neither DONE nor FAILED follows, though events already posted may. Unknown jobs and NULL are fine. */
void gw_blind_engine_cancel(struct gw_blind_engine *x, uint64_t job);
uint32_t gw_blind_engine_queued(struct gw_blind_engine *x); /* waiting or being made */
uint32_t gw_blind_engine_kept(struct gw_blind_engine *x);   /* conversations between two turns */

#endif
