/* tests/unit/blind/dishonest.h - a worker that lies: it stands where the worker's messages come out of its session, and
 * changes one answer of it. The client cannot tell it from a worker that computes so. */
#ifndef TESTS_UNIT_BLIND_DISHONEST_H
#define TESTS_UNIT_BLIND_DISHONEST_H

#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "blind/message.h"
#include "tests/unit/blind/pair_scene.h"

enum lie {
    LIE_NONE,
    LIE_BIT_FLIP,
    LIE_SWAP_COLUMNS, /* of one column: two of its rows */
    LIE_OLD_ROWS,     /* an earlier answer's rows under the present number */
    LIE_OLD_MESSAGE,  /* an earlier answer as it was */
    LIE_ZERO,
    LIE_ADD_P,
    LIE_OVER_P,
    LIE_LAZY_ROWS, /* the second half is not computed */
    LIE_OTHER_STACK,
    LIE_CUT,
    LIE_FEWER_COLUMNS,
    LIE_TWICE, /* the first piece again */
    LIE_SILENCE,
    LIE_LATE,
    LIE_GARBAGE,
    LIE_ERROR,    /* "your message is wrong" */
    LIE_DRAINING, /* no lie: it shuts down */
    LIE_HANG_UP,  /* no lie either */
    LIES
};

enum { LIE_OLD = 64, LIE_LATE_MS = 6000 };
struct dishonest {
    struct blind_link inner;
    enum lie lie;
    unsigned when; /* answers that stay honest */
    unsigned heard, lied;
    uint64_t since_ms;
    uint8_t role;
    uint8_t *now; /* the message as told */
    size_t now_n;
    struct { /* the last answers that were honest */
        uint8_t *p;
        size_t n;
    } old[LIE_OLD];
    uint32_t stack, stack_count; /* LIE_OTHER_STACK: of the last product */
    int again;
};

/* Links are used on other threads than the test's. */
static inline void must(int ok) {
    if (!ok) abort();
}
static inline void put32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}
static inline uint32_t residue24(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16; }
static inline void residue24_put(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 3; i++) p[i] = (uint8_t)(v >> (8 * i));
}

/* Changes the answer in d->now; 0: this one does not lend itself to the lie. */
static inline int tell_rows(struct dishonest *d, const struct blind_answer *a) {
    uint8_t *z = d->now + BLIND_ANSWER_HEAD, other[3];
    size_t n = a->packed_n, each = n / a->count;
    switch (d->lie) {
    case LIE_BIT_FLIP: {
        uint32_t at;
        random_bytes(&at, sizeof at);
        z[at / 8 % n] ^= (uint8_t)(1u << at % 8);
        return 1;
    }
    case LIE_SWAP_COLUMNS:
        if (a->count > 1) {
            for (size_t i = 0; i < each; i++) {
                uint8_t t = z[i];
                z[i] = z[each + i];
                z[each + i] = t;
            }
            return 1;
        }
        if (n < 6 || memcmp(z, z + 3, 3) == 0) return 0;
        memcpy(other, z, 3);
        memcpy(z, z + 3, 3);
        memcpy(z + 3, other, 3);
        return 1;
    case LIE_OLD_ROWS:
        for (unsigned i = 0; i < LIE_OLD; i++)
            if (d->old[i].n == d->now_n) {
                memcpy(z, d->old[i].p + BLIND_ANSWER_HEAD, n);
                return 1;
            }
        return 0;
    case LIE_ZERO: memset(z, 0, n); return 1;
    case LIE_ADD_P:
        for (size_t i = 0; i + 3 <= n; i += 3)
            if (residue24(z + i) < (1u << 24) - FIELD_P24) {
                residue24_put(z + i, residue24(z + i) + FIELD_P24);
                return 1;
            }
        return 0;
    case LIE_OVER_P: residue24_put(z + n - 3, FIELD_P24); return 1;
    case LIE_LAZY_ROWS: memset(z + each / 2, 0, each - each / 2); return 1;
    case LIE_CUT: d->now_n -= 3; return 1;
    case LIE_FEWER_COLUMNS:
        if (a->count < 2) return 0;
        d->now[7]--; /* counts are two bytes, big endian, after type, seq and item */
        d->now[8] = (uint8_t)(a->count - 1);
        d->now[7] = (uint8_t)((a->count - 1) >> 8);
        d->now_n -= each;
        return 1;
    default: return 0;
    }
}

static inline int tell_message(struct dishonest *d) {
    struct writer w = writer_over(d->now, BLIND_MESSAGE_MAX);
    switch (d->lie) {
    case LIE_OLD_MESSAGE:
        if (!d->old[0].n) return 0;
        d->now_n = d->old[0].n;
        memcpy(d->now, d->old[0].p, d->now_n);
        return 1;
    case LIE_TWICE: d->again = 1; return 1;
    case LIE_GARBAGE: random_bytes(d->now, d->now_n); return 1;
    case LIE_ERROR:
    case LIE_DRAINING:
        blind_message_write(
            &w, &(struct blind_message){.type = BLIND_ERROR,
                                        .error = {.code = d->lie == LIE_ERROR ? BLIND_CODE_SHAPE : BLIND_CODE_DRAINING}});
        d->now_n = w.len;
        return 1;
    default: return 0;
    }
}

static inline void tell(struct dishonest *d, const struct blind_answer *a) {
    if (d->heard++ < d->when || (d->lied && d->lie != LIE_LAZY_ROWS)) return;
    d->lied += (unsigned)(tell_rows(d, a) || tell_message(d));
}

static inline void keep(struct dishonest *d, const uint8_t *message, size_t n) {
    unsigned at = d->heard % LIE_OLD;
    free(d->old[at].p);
    d->old[at].p = malloc(n);
    must(d->old[at].p != NULL);
    memcpy(d->old[at].p, message, n);
    d->old[at].n = n;
}

static inline void nap(uint32_t ms) {
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static inline int dishonest_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct dishonest *d = state;
    struct blind_message m;
    int silent = d->heard >= d->when && d->heard && (d->lie == LIE_SILENCE || d->lie == LIE_LATE);
    if (d->again) {
        d->again = 0;
        *message = d->now;
        *n = d->now_n;
        return 0;
    }
    if (silent) {
        if (d->lied++ == 0) d->since_ms = clock_mono_ms();
        nap(wait_ms < LIE_LATE_MS ? wait_ms : LIE_LATE_MS);
        if (d->lie == LIE_SILENCE || clock_mono_ms() - d->since_ms < LIE_LATE_MS) return ERR_MORE;
    }
    if (d->lie == LIE_HANG_UP && d->heard >= d->when && d->heard) {
        d->lied++;
        return ERR_IO;
    }
    int r = d->inner.ops->receive(d->inner.state, message, n, wait_ms);
    if (r != 0) return r;
    memcpy(d->now, *message, *n);
    d->now_n = *n;
    must(blind_message_read(*message, *n, 0, &m) == 0);
    if (m.type == BLIND_ANSWER) {
        tell(d, &m.answer);
        if (!d->lied) keep(d, *message, *n);
    }
    *message = d->now;
    *n = d->now_n;
    return 0;
}

/* To answer for another layer's stack of the same shape is to read another number in what was asked. */
static inline int dishonest_send(void *state, const uint8_t *message, size_t n) {
    struct dishonest *d = state;
    struct blind_message m;
    uint8_t *copy = malloc(n);
    must(copy != NULL);
    memcpy(copy, message, n);
    must(blind_message_read(message, n, 1, &m) == 0);
    if (m.type == BLIND_PRODUCT && d->lie == LIE_OTHER_STACK && d->heard >= d->when && m.product.stack + 1 < d->stack_count) {
        put32(copy + 5, (m.product.stack + 4) % (d->stack_count - 1));
        d->lied++;
    }
    if (m.type == BLIND_ORDER && d->lie == LIE_OTHER_STACK && d->heard >= d->when) {
        uint8_t *range = copy + (m.order.ranges - message);
        for (unsigned i = 0; i < m.order.range_count; i++, range += BLIND_RANGE_WIRE) {
            uint32_t stack = blind_order_range(&m.order, i).stack;
            if (stack + 1 < d->stack_count) put32(range, (stack + 4) % (d->stack_count - 1)), d->lied++;
        }
    }
    int r = d->inner.ops->send(d->inner.state, copy, n);
    mem_wipe(copy, n);
    free(copy);
    return r;
}

static inline void dishonest_close(void *state) {
    struct dishonest *d = state;
    d->inner.ops->close(d->inner.state);
    free(d->now);
    d->now = NULL;
    for (unsigned i = 0; i < LIE_OLD; i++) {
        free(d->old[i].p);
        d->old[i].p = NULL;
        d->old[i].n = 0;
    }
}

static const struct blind_link_ops dishonest_ops = {dishonest_send, dishonest_receive, dishonest_close};

/* arg: a struct dishonest with lie, when and stack_count set. */
static inline void dishonest_wrap(struct pair_worker *w, struct blind_link *k) {
    struct dishonest *d = w->arg;
    d->inner = *k;
    d->now = malloc(BLIND_MESSAGE_MAX);
    must(d->now != NULL);
    d->heard = 0;
    k->ops = &dishonest_ops;
    k->state = d;
}

#endif
