/* blind/lattice_client.h - mode `lattice`, the client's half: the large products of a forward pass (model/linear.h) by one
 * worker that need not be trusted. Experimental construction, not yet reviewed.
 *
 * Masks are made ahead, on a thread of its own, while the caller waits for the worker or computes (blind/lattice_store.h).
 * Passes are filled up, answers checked, workers replaced and sessions ended as in mode `pair` (blind/asker.h). Products carry
 * the noise of blind/lattice_block.h, so answers do not replay exactly.
 *
 * product (lattice_client_ops) is called from one thread at a time; so is everything else here, unless it says otherwise. */
#ifndef BLIND_LATTICE_CLIENT_H
#define BLIND_LATTICE_CLIENT_H

#include "blind/asker.h"
#include "blind/hint.h"
#include "blind/lattice_public.h"
#include "math/kern.h"
#include "model/linear.h"

struct lattice_client;
struct lattice_client_opts { /* all that is pointed to must outlive the client */
    const struct prepared *prepared;
    const struct lattice_public *a; /* of the prepared manifest, as many coordinates as the widest stack has columns */
    const struct hint *hint;        /* of the same */
    const struct kern *k;
    struct blind_source workers; /* asked for PAIR_A, the role that sees masked inputs */
    struct operators policy;     /* who may serve: what is listed for PAIR_A */
    const uint8_t *token;
    uint8_t token_n;
    uint32_t answer_ms;      /* one answer may take, and a greeting; 0: 30000 */
    uint32_t decode_columns; /* of each pass after the prompt; 0: 1 */
    size_t masks_bytes;      /* memory for masks ahead; 0: 512 MiB */
};
/* Connects to nobody yet, and makes no mask before that. ERR_NOMEM; ERR_PERM: nobody may serve; ERR_RANGE. */
int lattice_client_new(struct lattice_client **out, const struct lattice_client_opts *o, struct why *why);
void lattice_client_free(struct lattice_client *c); /* says bye; wipes; NULL is fine */

/* State: struct lattice_client. Errors as pair_ops. */
extern const struct linear_ops lattice_client_ops;
void lattice_client_prompt(struct lattice_client *c, uint32_t columns);        /* as pair_prompt */
void lattice_client_why(const struct lattice_client *c, struct why *why);      /* why the last product failed */
void lattice_client_count(struct lattice_client *c, struct blind_counts *out); /* any thread */
struct roster *lattice_client_roster(struct lattice_client *c);
size_t lattice_client_held(struct lattice_client *c); /* bytes of masks that are there or being made; any thread */
/* Waits until all is made ahead that the memory set aside holds: for the connection that there is, or a new one, as masks belong
 * to a connection. With nobody to connect to it returns at once. */
void lattice_client_settle(struct lattice_client *c);

#endif
