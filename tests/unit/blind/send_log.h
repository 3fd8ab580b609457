/* tests/unit/blind/send_log.h - links to the worker that sees inputs, which write down every column that a client means to send, with its
 * connection and session, and which die where they are told to.
 *
 * The same inputs are asked for again and again, so columns of the same bytes are two uses of one mask. */
#ifndef TESTS_UNIT_BLIND_SEND_LOG_H
#define TESTS_UNIT_BLIND_SEND_LOG_H

#include <stdlib.h>

#include "base/hash.h"
#include "blind/message.h"
#include "tests/check.h"

enum { SEND_LOG_MAX = 4096, SEND_LOG_LINKS = 32 };
struct send_log {
    struct {
        uint8_t hash[32];
        unsigned link, links; /* its own; that there were then */
        uint32_t stack;
        uint64_t session;
    } column[SEND_LOG_MAX];
    unsigned columns, products, links;
    const unsigned
        *fatal; /* products at which a connection dies, ascending, 0 at the end: by turns before it has left, and after */
    unsigned deaths;
    uint64_t (*sessions)(void); /* that the client has begun */
    int crew;                   /* several workers serve together */
    struct send_link {
        struct blind_link inner;
        struct send_log *log;
        unsigned number;
        int dead;
    } link[SEND_LOG_LINKS];
};

static inline void send_log_product(struct send_link *k, const uint8_t *message, size_t n) {
    struct send_log *g = k->log;
    struct blind_message m;
    if (blind_message_read(message, n, 1, &m) != 0 || m.type != BLIND_PRODUCT) return;
    g->products++;
    size_t each = m.product.packed_n / m.product.count;
    for (uint16_t i = 0; i < m.product.count; i++) {
        if (g->columns == SEND_LOG_MAX) abort();
        sha256_of(g->column[g->columns].hash, m.product.packed + i * each, each);
        g->column[g->columns].link = k->number;
        g->column[g->columns].links = g->links;
        g->column[g->columns].stack = m.product.stack;
        g->column[g->columns++].session = g->sessions();
    }
    if (g->fatal[g->deaths] == g->products) {
        k->dead = 1;
        g->deaths++;
    }
}

static inline int send_log_send(void *state, const uint8_t *message, size_t n) {
    struct send_link *k = state;
    int was_dead = k->dead;
    if (!was_dead) send_log_product(k, message, n);
    if (was_dead || (k->dead && k->log->deaths % 2 == 1)) return ERR_IO;
    return k->inner.ops->send(k->inner.state, message, n);
}
static inline int send_log_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct send_link *k = state;
    return k->dead ? ERR_IO : k->inner.ops->receive(k->inner.state, message, n, wait_ms);
}
static inline void send_log_close(void *state) {
    struct send_link *k = state;
    k->inner.ops->close(k->inner.state);
}
static const struct blind_link_ops send_log_ops = {send_log_send, send_log_receive, send_log_close};

static inline void send_log_wrap(struct send_log *g, struct blind_link *k) {
    if (g->links == SEND_LOG_LINKS) abort();
    struct send_link *l = &g->link[g->links];
    *l = (struct send_link){.inner = *k, .log = g, .number = g->links++};
    k->ops = &send_log_ops;
    k->state = l;
}

/* No mask was used twice, not even for what never left, and no session's columns were for two connections, nor of a crew one stack's, and a crew
 * opened no connection while a session lasted. */
static inline void send_log_check(const struct send_log *g) {
    CHECK(g->columns > 0);
    for (unsigned i = 0; i < g->columns; i++)
        for (unsigned k = 0; k < i; k++) {
            CHECK(memcmp(g->column[i].hash, g->column[k].hash, 32) != 0);
            if (g->column[i].session != g->column[k].session) continue;
            CHECK_INT(g->column[i].links, g->column[k].links);
            if (!g->crew || g->column[i].stack == g->column[k].stack) CHECK_INT(g->column[i].link, g->column[k].link);
        }
    CHECK_INT(g->fatal[g->deaths], 0);
    CHECK(g->links > g->deaths);
}

#endif
