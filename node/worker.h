/* node/worker.h - the engine thread of one model: work comes in through a bounded queue, what happens goes out to the loop
 * through a mailbox. The loop never waits for the engine; the engine waits for the loop when the mailbox is full. */
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "api/request.h"
#include "base/err.h"
#include "model/gen.h"
#include "net/loop.h"

struct worker;

/* One answer to be made. Owned by the worker once submitted; wiped and freed on its thread. */
struct work {
    uint64_t job;               /* the loop's number for it: events carry it back */
    struct api_request request; /* parsed; seed and template_time set */
    int32_t *resumed;           /* malloc'd ids of the answer so far, NULL when resumed_count is 0 */
    uint32_t resumed_count;
    uint8_t salt[32];        /* starts the digest chain */
    uint8_t cache_salt[16];  /* KV pages are kept and shared under it; zeros: none are */
    uint64_t text_delivered; /* bytes of the resumed ids' text that the client has; the rest comes as WORK_CARRY */
    int check_prompt_hash;   /* 1: prompt_hash must be equal, or the job ends with ERR_AUTH */
    uint8_t prompt_hash[32];
};
void work_free(struct work *w); /* wipes; NULL is fine */

enum work_kind { WORK_ACCEPTED, WORK_CARRY, WORK_TOKEN, WORK_TEXT, WORK_DONE, WORK_FAILED };
enum { WORK_TEXT_BYTES = 512 };
struct work_event {
    uint64_t job;
    enum work_kind kind;
    int err; /* FAILED: ERR_CONTEXT, ERR_BUSY, ERR_RANGE, ERR_UNSUPPORTED, ERR_NONFINITE, ERR_AUTH, ERR_NOMEM, ERR_INTERNAL */
    /* ACCEPTED */
    uint32_t prompt_tokens;
    uint8_t prompt_hash[32];
    /* CARRY: text of resumed ids that the client lacks, before the first token; only text and text_len are set.
     * TOKEN; text longer than WORK_TEXT_BYTES goes on in WORK_TEXT events before the next token */
    uint32_t position;
    int32_t id;
    int is_end;
    uint8_t digest[32];
    uint16_t text_len;
    uint8_t text[WORK_TEXT_BYTES];
    /* DONE: follows the last token */
    enum gen_stop stop;
    struct gen_times times;
};

enum { KEEP_MS = 10 * 60 * 1000 };
struct worker_opts {
    struct model *model; /* must outlive the worker */
    struct gen_pool_opts pool;
    uint32_t keep_ms; /* kept KV pages that were not used for so long are wiped; 0: KEEP_MS */
    struct loop *loop;
    void (*on_event)(void *arg, const struct work_event *e); /* on the loop's thread */
    void *arg;
};
int worker_new(struct worker **out, const struct worker_opts *o, struct why *why);
/* Cancels everything, joins the thread, frees. Unread events are dropped. NULL is fine. */
void worker_free(struct worker *w);
/* Takes w over on success. ERR_BUSY: as many jobs as slots are under way (w stays the caller's). */
int worker_submit(struct worker *x, struct work *w);
/* The job computes no further token; no DONE or FAILED follows, though events already posted may. Unknown jobs are fine. */
void worker_cancel(struct worker *x, uint64_t job);
/* Slots that are neither computing nor promised to submitted work. */
uint32_t worker_free_slots(struct worker *x);

#endif
