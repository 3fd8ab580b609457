/* blind/blind_worker.h - a worker's products: takes messages of any number of clients, answers them, keeps nothing. No sockets, no
 * threads of its own but the pool's; everything is called from one thread.
 *
 * One step computes one stack for all clients whose next product is of that stack: the weights are read from memory once for
 * all their columns. Rows leave in pieces while the next are computed. A client is served only while its sink has room for its
 * whole answer, so a slow one delays nobody; its products wait, and it may have no more of them than ready told it. Columns, masks,
 * keys and sums are wiped as soon as they are used. */
#ifndef BLIND_BLIND_WORKER_H
#define BLIND_BLIND_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "blind/blind_account.h"
#include "blind/message.h"
#include "math/kern.h"
#include "math/pool.h"
#include "math/row8.h"

struct blind_worker_opts {
    const struct row8 *stacks; /* stack_count of them, the caller's; data NULL: not held here. At least one is held */
    uint32_t stack_count;
    uint8_t manifest_hash[32]; /* of the blind manifest */
    const struct kern *kern;
    struct pool *pool;      /* used by this worker alone while it steps */
    uint64_t columns_quota; /* of one session; 0: no end (UINT64_MAX is told) */
    uint32_t clients_max;   /* 0: 32 */
};
struct blind_worker;
/* ERR_RANGE (a shape, or nothing held), ERR_LIMIT (stacks in more than BLIND_HELD_MAX ranges), ERR_NOMEM. */
int blind_worker_new(struct blind_worker **out, const struct blind_worker_opts *o);
void blind_worker_free(struct blind_worker *w); /* after its clients; wipes; NULL is fine */

#define BLIND_SINK_MESSAGE(n) ((size_t)(n) + 64) /* n bytes, and what keeping them may cost the sink */
enum { BLIND_SINK_ROOM = BLIND_MESSAGE_MAX + (1 << 20) };
struct blind_sink {
    /* One message; final: none follows. The sink copies. Answers are put only while there is room for them, messages of at most
     * BLIND_SMALL_MAX bytes (ready, error: one of each) at any time. May not call the worker back. */
    void (*put)(void *arg, const uint8_t *message, size_t n, int final);
    /* Bytes of answers that put takes now, each counted as BLIND_SINK_MESSAGE. At least BLIND_SINK_ROOM when all were taken away. */
    size_t (*room)(void *arg);
    void *arg;
};
struct blind_client;
/* A new session, before its hello. account: what it pays from, beside the session's own quota; NULL: nothing. ERR_BUSY: clients_max are
 * there. ERR_NOMEM. */
int blind_client_open(struct blind_client **out, struct blind_worker *w, const struct blind_sink *sink,
                      struct blind_account *account);
/* One message as the session opened it, in malloc'd memory, which is taken over in any case and wiped. What is wrong with it ends
 * the client: an error goes to the sink, further messages are dropped. 0, or 1 when the client has ended (bye, or an error). */
int blind_client_message(struct blind_client *c, uint8_t *message, size_t n);
/* Ends it from our side: the error goes out after what was answered. */
void blind_client_fail(struct blind_client *c, enum blind_code code);
/* Products and ranges that are not answered yet. */
uint32_t blind_client_waiting(const struct blind_client *c);
void blind_client_close(struct blind_client *c); /* forgets and wipes what it had; NULL is fine */

/* Computes one batch and hands out its answers. 1: did something; 0: nothing can be done now (no product, no room, no credit). */
int blind_worker_step(struct blind_worker *w);

uint32_t blind_worker_clients_max(const struct blind_worker *w);

struct blind_worker_counts {
    uint64_t products, columns, batches; /* products: ranges of orders too */
    uint64_t shared;                     /* batches that served more than one client */
};
void blind_worker_count(const struct blind_worker *w, struct blind_worker_counts *out);

#endif
