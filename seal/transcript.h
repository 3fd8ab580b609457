/* seal/transcript.h - the RECEIPT file: receipt, request header, record, countersignature, and the opening (salt, body, ids,
 * digests, text), which is the user's secret. Verifying it needs nothing but the file; with the model it can be replayed. */
#ifndef SEAL_TRANSCRIPT_H
#define SEAL_TRANSCRIPT_H

#include "base/mem.h"
#include "seal/content.h"
#include "seal/receipt.h"
#include "seal/usage.h"

/* Files of version 2, which have no shown, are read too. */
enum { TRANSCRIPT_VERSION = 3, TRANSCRIPT_BYTES_MAX = 16 * 1024 * 1024, TRANSCRIPT_TEXT_MAX = 2 * 1024 * 1024 };

/* What the gateway had verified of the node before it sealed to it: its own note, which nobody signed. */
struct transcript_shown {
    uint8_t class_number;             /* enum ev_class (evidence/evidence.h); 0: nothing, as in every tier but attested */
    uint8_t policy[32], envelope[32]; /* digests: of the user's policy, of the evidence */
    uint64_t judged_s;
};
enum { TRANSCRIPT_CLASSES = 6 };

struct transcript { /* pointers go into the file's bytes, or into the caller's memory when writing */
    struct receipt receipt;
    struct reqhead head;
    struct record record;
    int has_countersign;
    struct countersign countersign;
    /* the opening */
    uint8_t request_id[REQUEST_ID_BYTES], salt[32];
    char method[CONTENT_METHOD_BYTES], path[CONTENT_PATH_BYTES], type[CONTENT_TYPE_BYTES];
    const uint8_t *body;
    uint32_t body_n;
    uint64_t seed, template_time;
    uint8_t prompt_hash[32]; /* plain hash of the prompt's ids */
    struct id_list ids;      /* the whole answer; positions before receipt.from are not vouched for */
    const uint8_t *digests;  /* 32 bytes for each position receipt.from .. ids.count - 1 */
    const uint8_t *text;     /* of the whole answer; bytes before receipt.text_from are not vouched for */
    uint32_t text_n;
    struct transcript_shown shown;
};
/* Appends to out. ERR_NOMEM, ERR_LIMIT. */
int transcript_write(struct buf *out, const struct transcript *t);
/* Reads a whole file; pointers go into p. t is about 10 KiB. */
int transcript_read(const uint8_t *p, size_t n, struct transcript *t);
/* Every check that needs no model: record (as of the receipt's start, when the request was opened), receipt, chains, text, countersignature when there is one; and that
 * nothing is said to have been shown in another tier than attested (BAD_TIER). pinned: the coordinator's key, or NULL. 0 or the first failing check. */
int transcript_verify(const struct transcript *t, const uint8_t *pinned);
/* The manifest that the receipt names (its file hash tells which model to replay with); NULL when the record has none such. */
const struct manifest *transcript_model(const struct transcript *t);

#endif
