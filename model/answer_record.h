/* model/answer_record.h - one answer as JSON, with all that computing it again needs: what `lull run --json` prints and
 * `lull replay --record` reads. README and `lull run --help` name the members; unknown ones are ignored.
 *
 * A record is unsigned: it says what one machine computed, to someone who can compute it again. */
#ifndef MODEL_ANSWER_RECORD_H
#define MODEL_ANSWER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/digest.h"
#include "model/gen.h"
#include "model/gen_request.h"
#include "model/ids.h"

enum { ANSWER_RECORD_BYTES_MAX = 64 << 20, ANSWER_RECORD_IDS_MAX = 1 << 22, ANSWER_PROFILE_BYTES = 32 };

struct answer_record {
    const int32_t *prompt;
    size_t prompt_count;
    const int32_t *ids; /* every sampled id, a closing end-of-generation id included */
    size_t count;
    int has_end;  /* the last one is such an id: it is no part of the answer */
    int at_start; /* gen_at_start of its request */
    enum gen_stop stop;
    struct gen_text text;
    struct gen_sampling sampling;
    struct gen_text stops[GEN_STOPS_MAX];
    size_t stop_count;
    struct gen_format format;
    uint8_t chain[DIGEST_BYTES]; /* over the logits of every sampled id, from zeros on */
    char profile[ANSWER_PROFILE_BYTES];
    char model[96]; /* its name as it says; not read back */
    uint64_t model_bytes;
    struct gen_times times; /* read back: prefill_ns and decode_ns only, 0 when they are not given */
    /* of a record that was read: what the pointers above point into */
    struct ids own_prompt, own_ids;
    json_t *json;
};
/* One line without its end into b (initialised here). ERR_NOMEM. */
int answer_record_write(struct buf *b, const struct answer_record *a);
/* Reads what the other wrote. ERR_FORMAT (why names the member, never its value), ERR_LIMIT, ERR_NOMEM; a is then released. Ids
 * are 0..INT32_MAX, texts within the request's limits; sampling is within binary32 and otherwise not checked (sampling_check). */
int answer_record_read(struct answer_record *a, const void *text, size_t n, struct why *why);
/* Of one that was read: wipes and frees what it owns. Fine on a zeroed one. */
void answer_record_release(struct answer_record *a);

#endif
