/* model/gen.h - answers in the making: prompt ids, engine sequences, sampled ids, and the text they release.
 *
 * One pool belongs to one thread. The same weights, prompt ids, sampling and seed give the same ids, digests and text,
 * whatever else runs in the pool and wherever an answer was resumed. gen_step allocates nothing. */
#ifndef MODEL_GEN_H
#define MODEL_GEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gen_request.h"
#include "model/profile.h"

struct model;      /* model/model.h: weights, vocabulary, template; shared, read-only */
struct device_ops; /* model/device.h */
struct linear_ops; /* model/linear.h */
struct gen_pool;
struct gen;

struct gen_pool_opts {
    uint32_t threads;       /* compute threads; 0: one per core */
    uint32_t slots;         /* answers at once, 1..64 */
    uint32_t context_max;   /* tokens per answer; 0: the model's */
    uint64_t kv_bytes_max;  /* of keys and values; 0: what all slots at context_max need, and half of it for kept pages */
    enum kv_format kv;      /* format of keys and values: part of the profile */
    uint32_t prefill_chunk; /* prompt tokens per step, so that a cancel is seen soon; 0: 128 */
    const struct device_ops *device; /* computes; NULL: this processor */
    const struct linear_ops *linear; /* computes the stacks of a model of ARITH_ROW8, with this state; NULL: this processor */
    void *linear_state;
    uint32_t guesses; /* ids guessed ahead per answer and step, 0..GEN_GUESSES_MAX; 0: none. Changes no id and no digest */
    int guess_always; /* also after wrong guesses: a step costs the same with them */
};
enum { GEN_GUESSES_MAX = 8 };
/* The model must outlive the pool. ERR_NOMEM, also when keys, values and buffers would not fit the memory that is free (why has
 * the numbers); ERR_USAGE (why says which option); ERR_UNSUPPORTED. */
int gen_pool_new(struct gen_pool **out, struct model *m, const struct gen_pool_opts *o, struct why *why);
void gen_pool_free(struct gen_pool *p); /* frees the answers too; wipes KV */
uint32_t gen_pool_free_slots(const struct gen_pool *p);
uint32_t gen_pool_active(const struct gen_pool *p);
uint32_t gen_pool_events_max(const struct gen_pool *p); /* most events of one step: slots * (1 + guesses) */

/* Kept pages (gen_request's cache_salt): wipes what was not used for so long; returns how many pages are still kept. */
uint32_t gen_pool_expire(struct gen_pool *p, uint64_t idle_ms);
/* Wipes what is kept under this salt; pages that answers in the making use go when these end. */
void gen_pool_forget(struct gen_pool *p, const uint8_t *cache_salt);

/* Where a broken answer goes on: ids of the answer so far; their text is recomputed, never sent again. */
struct gen_resume {
    const int32_t *ids;
    size_t count;
};
/* Applies the template, tokenizes, checks lengths and takes a slot. r (with its texts) may be freed afterwards; user may be
 * NULL and comes back in events. digest_salt: the start of the digest chain (32 bytes), NULL: digests are not computed.
 * A resumed answer that its ids already complete (a stop string, max_tokens, an end-of-generation id in the last place) gives
 * one event with id -1, no text and its stop reason; ids beyond such an end are ERR_RANGE.
 * ERR_CONTEXT: prompt or answer does not fit; ERR_BUSY: no slot or no KV pages; ERR_RANGE: parameters; ERR_UNSUPPORTED. */
int gen_start(struct gen **out, struct gen_pool *p, const struct gen_request *r, const struct gen_resume *resume,
              const uint8_t *digest_salt, void *user, struct why *why);
/* Takes effect before the next step; events of this answer that were not looked at yet are void. Wipes the answer's buffers and
 * KV pages, but for full pages that are kept under its cache_salt. */
void gen_free(struct gen *g);

/* Keys and values that an answer leaves behind, with the ids that they are of, for the next turn of the same conversation. Unlike pages
 * kept under a cache_salt they are found by nobody: who holds them says which request goes on with them. */
struct gen_past;
/* gen_free, but keeps those of the first `most` ids, prompt and answer; UINT32_MAX: of all that were fed. NULL: there are none, or no
 * memory. The caller's, to be freed before the pool; its pages are the pool's. */
struct gen_past *gen_leave(struct gen *g, uint32_t most);
void gen_past_free(struct gen_past *t);          /* wipes; NULL is fine */
uint32_t gen_past_ids(const struct gen_past *t); /* how many it is of */
/* As gen_start, for an answer that goes on with *past as far as the prompt's ids are its ids, but for the last of the prompt, and for
 * `most` of them at most; what is behind is forgotten. gen_times_of tells how many as cached_tokens. The result does not depend on it.
 * On success *past is taken over, and NULL then; else nothing has changed. *past may be NULL. ERR_RANGE: with a cache_salt. */
int gen_start_after(struct gen **out, struct gen_pool *p, const struct gen_request *r, struct gen_past **past, uint32_t most,
                    void *user, struct why *why);

enum gen_stop { STOP_NONE, STOP_END, STOP_STRING, STOP_LENGTH }; /* "stop" for END and STRING, "length" */
/* Prompt ids, valid while g lives. */
const int32_t *gen_prompt_ids(const struct gen *g, size_t *count);
/* All text that the resumed ids have released (what had not been delivered is its tail); valid while g lives. */
const uint8_t *gen_resumed_text(const struct gen *g, size_t *n);
/* Why the answer is over, if it is: also of a resumed one that was over already. */
enum gen_stop gen_stop_of(const struct gen *g);
/* The digest chain over the rows computed here so far, from digest_salt on. */
void gen_digest_chain(const struct gen *g, uint8_t out[32]);

struct gen_event {
    struct gen *gen;
    void *user;
    int err;           /* 0, else the answer has failed and only gen_free is left to do: ERR_NONFINITE; ERR_UNSUPPORTED: no
                        * token goes on in the request's format; ERR_LIMIT: its grammar takes too much work */
    uint32_t position; /* 0 = first id of the whole answer, resumed ids counted */
    int32_t id;        /* the sampled id; with is_end the end-of-generation id, which is not part of the answer */
    int is_end;
    const uint8_t *text; /* complete UTF-8 released by this id (held-back stop prefixes excluded); valid until the next step */
    size_t text_len;
    uint8_t logits_digest[32]; /* digest of this position's logits row, when asked for */
    enum gen_stop stop;        /* other than NONE: this was the last event */
};
/* One forward pass over the batch: a token for each decoding answer, and more where guesses were right; a chunk of prompt for
 * those that wait, in turn, smaller while others decode. Events of one answer follow each other in order.
 * Returns the number of events written, at most cap, or ERR_INTERNAL, or ERR_RANGE: cap is below gen_pool_active; or what linear's product
 * returned: no answer has gone on, and the step may be tried again. With room for
 * gen_pool_events_max guessing is not held back. 0 means only prefill happened or idle. */
int gen_step(struct gen_pool *p, struct gen_event *out, size_t cap);
/* Wall time of the steps that worked on g's prompt and on its tokens so far (others' work in the same steps included), prompt
 * tokens whose KV pages were there already, and how many ids were guessed and how many of them right. Resumed ids count as
 * prompt here. */
struct gen_times {
    uint64_t prefill_ns, decode_ns;
    uint32_t prompt_tokens, cached_tokens, output_tokens;
    uint32_t guessed, guessed_right;
};
void gen_times_of(const struct gen *g, struct gen_times *t);

#endif
