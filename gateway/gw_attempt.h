/* gateway/gw_attempt.h - one envelope on its way and the sealed stream that comes back.
 *
 * Owns the secrets of this envelope and copies of the candidates' records; all is wiped when it is freed. Says what came,
 * decides nothing. */
#ifndef GATEWAY_GW_ATTEMPT_H
#define GATEWAY_GW_ATTEMPT_H

#include "api/errors.h"
#include "gateway/gw_dir.h"
#include "gateway/gw_link.h"
#include "gateway/gw_progress.h"
#include "net/h2.h"
#include "seal/envelope.h"
#include "seal/stream.h"
#include "seal/usage.h"

struct gw_attempt;
struct gw_attempt_events {
    /* One checked frame, in order; the attempt must not be freed here. Returning an error ends the attempt with CAUSE_BAD. The receipt frame is final: after it only
     * on_whole or, when the link breaks first, on_failed with CAUSE_LOST follows. */
    int (*on_frame)(void *arg, struct gw_attempt *a, const struct frame *f);
    /* The stream was whole; countersign (hexadecimal trailer) is NULL when the coordinator gave none. */
    void (*on_whole)(void *arg, struct gw_attempt *a, const char *countersign);
    /* It is over without that. The attempt must be freed by the owner, from inside this call or later. */
    void (*on_failed)(void *arg, struct gw_attempt *a, enum progress_cause cause, enum api_code code);
};
struct gw_attempt_spec {
    enum tier tier; /* TIER_SEALED or TIER_ATTESTED: the least, as the header says it */
    const char *model;
    const uint8_t *manifest;
    const struct gw_node *const *to;
    size_t count;
    const struct content *content;
};
/* Seals and sends. ERR_BUSY: no stream is free; ERR_LOST: the link goes down; ERR_LIMIT and what envelope_seal says. */
int gw_attempt_start(struct gw_attempt **out, const struct gw_link *link, const struct gw_attempt_spec *spec,
                     const struct gw_attempt_events *ev, void *arg);
/* Cancels what still runs. No event follows. NULL is fine. */
void gw_attempt_free(struct gw_attempt *a);

/* Received bytes whose window was not given back yet: call when the app took what they became. */
void gw_attempt_consume(struct gw_attempt *a);
/* Who answers: NULL until a frame has opened, for only that tells. */
const struct record *gw_attempt_record(const struct gw_attempt *a);
const struct envelope_secrets *gw_attempt_secrets(const struct gw_attempt *a);
/* Frames and bytes of the stream so far, as the coordinator should have counted them. */
void gw_attempt_counts(const struct gw_attempt *a, uint64_t *frames, uint64_t *bytes);

#endif
