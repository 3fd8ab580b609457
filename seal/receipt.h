/* seal/receipt.h - what a node signs about an answer, for the user alone. Salted: whoever is shown it cannot test guesses. */
#ifndef SEAL_RECEIPT_H
#define SEAL_RECEIPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/names.h"
#include "seal/record.h"
#include "seal/reqhead.h"

enum { RECEIPT_VERSION = 2, RECEIPT_BYTES_MAX = 640 };

struct receipt_sampler { /* as in PROTOCOL.md, Sampler; floats travel as their IEEE 754 bits */
    float temperature, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty;
    int32_t top_k, repeat_last_n;
    uint64_t seed;
};
/* From anything whose fields have these names, as an engine's parameters do. */
#define RECEIPT_SAMPLER(s)                                                 \
    ((struct receipt_sampler){.temperature = (s)->temperature,             \
                              .top_p = (s)->top_p,                         \
                              .min_p = (s)->min_p,                         \
                              .repeat_penalty = (s)->repeat_penalty,       \
                              .presence_penalty = (s)->presence_penalty,   \
                              .frequency_penalty = (s)->frequency_penalty, \
                              .top_k = (s)->top_k,                         \
                              .repeat_last_n = (s)->repeat_last_n,         \
                              .seed = (s)->seed})
int receipt_sampler_same(const struct receipt_sampler *a, const struct receipt_sampler *b);

struct receipt {
    uint8_t header_hash[32], key_id[32];
    uint8_t body_hash[32];   /* body_hash_salted */
    uint8_t prompt_hash[32]; /* prompt_hash_salted */
    uint8_t manifest_hash[32];
    char engine_id[ENGINE_ID_BYTES], profile[PROFILE_BYTES];
    struct receipt_sampler sampler;
    uint64_t template_time;
    uint8_t ids_chain[32], digests_chain[32]; /* over positions from .. output_tokens - 1, both begin with the salt */
    uint8_t text_hash[32];                    /* text_hash_salted, over the answer's text from byte text_from on */
    uint64_t text_from;                       /* bytes of text that the client had before: this node vouches for none of them */
    uint32_t from;                            /* first position this node computed: it vouches for no id before it */
    uint32_t prompt_tokens, output_tokens;    /* output: of the whole answer, resumed ids and the end id included */
    uint8_t stop;                             /* enum seal_stop */
    uint8_t tier;                             /* as asked for in the header */
    uint8_t evidence_hash[32];                /* the record's, zeros: none */
    uint64_t start_ms, end_ms;                /* unix, by the node's clock */
    uint8_t sig[SIGN_BYTES];                  /* by the receipt key of the key statement */
};
void receipt_signed_bytes(struct writer *w, const struct receipt *r);
void receipt_write(struct writer *w, const struct receipt *r);
int receipt_read(struct reader *in, struct receipt *out); /* whole; syntax only */
int receipt_sign(struct receipt *r, const uint8_t receipt_secret[SIGN_SECRET_BYTES]);

/* What the holder of the opening expects. The gateway fills it from what it sent and received, transcript.c from the file. */
struct receipt_expect {
    const struct reqhead *head;
    const uint8_t *header_hash;  /* 32 bytes */
    const struct record *record; /* of the node that answered; verified by the caller */
    const uint8_t *salt;         /* 32 */
    const uint8_t *body;
    size_t body_n;
    const uint8_t *prompt_hash;            /* 32, prompt_ids_hash as `accepted` gave it */
    const struct receipt_sampler *sampler; /* what the request asks for; NULL: only its seed is known here */
    uint64_t seed, template_time;
    uint64_t text_from;
    const uint8_t *text_hash;                 /* 32, over the text from byte text_from on */
    uint32_t from, output_tokens;             /* positions */
    const uint8_t *ids_chain, *digests_chain; /* 32 each, over from .. output_tokens - 1 */
};
/* 0 or the first failing check: BAD_HEADER_HASH, BAD_KEY_ID (not the record's key, or not a candidate), BAD_RECEIPT_SIG,
 * BAD_MANIFEST, BAD_ENGINE, BAD_TIER, BAD_EVIDENCE, BAD_BODY_HASH, BAD_PROMPT_HASH, BAD_SAMPLER, BAD_COUNTS, BAD_IDS_CHAIN,
 * BAD_DIGEST_CHAIN, BAD_TEXT, BAD_TIMES. */
int receipt_check(const struct receipt *r, const struct receipt_expect *e);

#endif
