/* blind/blind_worker_parts.h - what the blind_worker*.c files share. Private to them.
 *
 *   blind_worker.c          birth and death of a worker and its clients
 *   blind_worker_message.c  what a client says: checked, counted, kept as jobs
 *   blind_worker_step.c     one batch: columns in, products, rows out */
#ifndef BLIND_BLIND_WORKER_PARTS_H
#define BLIND_BLIND_WORKER_PARTS_H

#include "blind/blind_worker.h"

enum {
    CLIENTS_DEFAULT = 32,
    PRODUCTS_MAX = 16,             /* of one client, unanswered */
    BYTES_MAX = BLIND_MESSAGE_MAX, /* of their packed columns */
    BATCH_COLUMNS = BLIND_COLUMNS_MAX,
    SLICE_SUMS = 65536, /* rows times columns computed at once: 256 KiB, which stay in a core's cache until they are packed */
    PIECE_BYTES_MAX = SLICE_SUMS * 26 / 8 + BLIND_ANSWER_HEAD
};

/* One message's work: a product, or an order whose ranges are done one by one. */
struct blind_job {
    struct blind_job *next;
    uint8_t *message; /* owned; what follows points into it */
    size_t message_n;
    int is_order;
    union {
        struct blind_product product;
        struct blind_order order;
    };
    uint16_t item; /* order: the next range */
};
/* What is computed for one client at once. */
struct blind_unit {
    struct blind_client *client;
    uint32_t seq, stack, n; /* n: first column of an order's range */
    uint16_t item, count;
};

enum client_state { CLIENT_FRESH, CLIENT_SERVED, CLIENT_ENDED };
struct blind_client {
    struct blind_client *prev, *next; /* the worker's ring */
    struct blind_worker *worker;
    struct blind_sink sink;
    enum client_state state;
    uint8_t role;
    uint64_t quota; /* columns it may still ask for */
    struct blind_account *account;
    uint64_t credit; /* B: bytes of packed answers it still takes */
    struct blind_job *head, *tail;
    uint32_t products, ranges; /* unanswered */
    size_t bytes;              /* of unanswered products' columns */
};
struct blind_worker {
    struct blind_worker_opts o;
    uint32_t client_count;
    struct blind_client *turn; /* ring of clients; the one to be looked at first */
    uint16_t held_count;
    struct blind_held held[BLIND_HELD_MAX];
    struct blind_worker_counts counts;
    uint8_t *columns;   /* of one batch, as the kernels want them */
    uint32_t *residues; /* [pool's threads][widest stack] */
    uint32_t widest;
    uint32_t *sums; /* [SLICE_SUMS], or one group of rows of a whole batch */
    uint8_t *piece; /* [PIECE_BYTES_MAX] */
};

/* ---- blind_worker_message.c ---- */
/* The next unit of c's work. 0 when there is none. */
int client_unit(struct blind_client *c, struct blind_unit *u);
/* u is answered: counted off, wiped with its message when that is done. */
void client_unit_done(struct blind_client *c);
void client_forget(struct blind_client *c); /* all jobs */

/* ---- blind_worker_step.c ---- */
/* Bytes that u's packed answer takes, and at most with all its messages' heads. */
size_t unit_packed_bytes(const struct blind_worker *w, const struct blind_unit *u);
size_t unit_room(const struct blind_worker *w, const struct blind_unit *u);

#endif
