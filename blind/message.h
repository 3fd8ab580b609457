/* blind/message.h - what a client and a blind worker say to each other inside a sealed session (seal/session.h): one message to a
 * chunk, one spelling each. Readers bound every count; what depends on the model's shapes is checked by blind/blind_worker.h.
 *
 *     client  hello, then by role   A, lattice: product ...        B: order, grant ...        bye (final chunk)
 *     worker  ready, then           answer ...                                                error (final chunk)
 *
 * Nothing in them depends on the prompt but counts of columns: sizes, order and fields are the same for two prompts of equal
 * padded length. An error is always the worker's last message. */
#ifndef BLIND_MESSAGE_H
#define BLIND_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "blind/pair_mask.h"
#include "blind/residues.h"

enum {
    BLIND_VERSION = 1,
    BLIND_TOKEN_MAX = 64,       /* bytes of a quota token */
    BLIND_STACKS_MAX = 4096,    /* of one model */
    BLIND_HELD_MAX = 64,        /* ranges of stacks that a worker holds */
    BLIND_COLUMNS_MAX = 64,     /* columns of one product or range */
    BLIND_RANGES_MAX = 1024,    /* of one order */
    BLIND_KEYS_MAX = 64,        /* of one order */
    BLIND_MESSAGE_MAX = 8 << 20 /* bytes, of any message: as many columns as fit go into one */
};

enum blind_role { BLIND_ROLE_A = 1, BLIND_ROLE_B = 2, BLIND_ROLE_LATTICE = 3, BLIND_ROLE_END };
enum blind_type {
    BLIND_HELLO = 1,
    BLIND_PRODUCT = 2,
    BLIND_ORDER = 3,
    BLIND_GRANT = 4,
    BLIND_BYE = 5,
    BLIND_READY = 17,
    BLIND_ANSWER = 18,
    BLIND_ERROR = 19
};
/* Why a worker ends a session. Numbers are wire values; the set is closed. */
enum blind_code {
    BLIND_CODE_VERSION = 1,  /* version not spoken */
    BLIND_CODE_FORMAT = 2,   /* a message that cannot be read */
    BLIND_CODE_STATE = 3,    /* a message that has no place here: before hello, or of another role */
    BLIND_CODE_MANIFEST = 4, /* no model of that blind manifest here */
    BLIND_CODE_STACK = 5,    /* no such stack, or not one that this worker holds */
    BLIND_CODE_COLUMNS = 6,  /* more columns, ranges or keys than a message may have, or none */
    BLIND_CODE_SHAPE = 7,    /* as many bytes as the stack's columns do not have */
    BLIND_CODE_RESIDUE = 8,  /* a residue >= p, or spare bits that are not zero */
    BLIND_CODE_KEYS = 9,     /* a range of an order lies in a batch whose key is not there */
    BLIND_CODE_WINDOW = 10,  /* more unanswered than ready allowed */
    BLIND_CODE_QUOTA = 11,   /* the session's columns are used up, or the token is unknown */
    BLIND_CODE_BUSY = 12,    /* as many sessions as the worker takes */
    BLIND_CODE_DRAINING = 13,
    BLIND_CODE_IDLE = 14, /* nothing was asked for too long */
    BLIND_CODE_INTERNAL = 15,
    BLIND_CODE_END
};
const char *blind_code_name(unsigned code); /* "residue"; NULL outside the set */

struct blind_hello {
    uint8_t role;              /* enum blind_role; a worker identity never serves both A and B for one client */
    uint8_t manifest_hash[32]; /* of the blind manifest */
    uint8_t token[BLIND_TOKEN_MAX];
    uint8_t token_n; /* 0: none */
};
struct blind_held { /* stacks [first, end) */
    uint32_t first, end;
};
struct blind_ready {
    uint8_t columns_max;    /* of one product or range, 1..BLIND_COLUMNS_MAX; see blind_columns_max too */
    uint16_t products_max;  /* unanswered at once, at least 1 */
    uint32_t bytes_max;     /* of their packed columns; one message always fits */
    uint16_t ranges_max;    /* B: unanswered at once, over all orders */
    uint64_t columns_quota; /* columns (one through one stack each) that this session may still ask for */
    uint16_t held_count;    /* 1..BLIND_HELD_MAX, ascending, disjoint */
    struct blind_held held[BLIND_HELD_MAX];
};
/* Packed columns: each column alone as blind/residues.h packs it, one after the other. */
struct blind_product {
    uint32_t seq; /* the client's number for it: 1, 2, 3, ... over products and orders alike */
    uint32_t stack;
    uint16_t count; /* columns */
    const uint8_t *packed;
    size_t packed_n;
};
struct blind_answer { /* rows [first, first + rows) of every column of a product, or of range `item` of an order */
    uint32_t seq;
    uint16_t item;  /* 0 for a product */
    uint16_t count; /* columns: all of them */
    uint32_t first; /* pieces come in order without gaps; a multiple of 16 */
    uint32_t rows;  /* a multiple of 16, but for the last piece */
    const uint8_t *packed;
    size_t packed_n;
};
struct blind_range { /* B: W r for columns n .. n + count - 1 of a stack */
    uint32_t stack, n;
    uint16_t count;
};
struct blind_batch { /* secret */
    uint32_t batch;
    uint8_t key[PAIR_KEY_BYTES];
};
struct blind_order {
    uint32_t seq;
    uint8_t key_count;            /* 1..BLIND_KEYS_MAX, batches ascending; every range lies within them */
    uint16_t range_count;         /* 1..BLIND_RANGES_MAX, in order of use */
    const uint8_t *keys, *ranges; /* as on the wire: blind_order_key, blind_order_range */
};
struct blind_error {
    uint32_t seq; /* what it is about; 0: the session */
    uint8_t code; /* enum blind_code */
};
struct blind_message {
    enum blind_type type;
    union {
        struct blind_hello hello;
        struct blind_ready ready;
        struct blind_product product;
        struct blind_answer answer;
        struct blind_order order;
        uint32_t grant; /* bytes of packed answers that B may send beyond those granted before, at least 1 */
        struct blind_error error;
    };
};
enum {
    BLIND_PRODUCT_HEAD = 1 + 4 + 4 + 2,
    BLIND_ANSWER_HEAD = 1 + 4 + 2 + 2 + 4 + 4,
    BLIND_KEY_WIRE = 4 + PAIR_KEY_BYTES,
    BLIND_RANGE_WIRE = 4 + 4 + 2,
    BLIND_ORDER_HEAD = 1 + 4 + 1 + 2,
    BLIND_ORDER_MAX = BLIND_ORDER_HEAD + BLIND_KEYS_MAX * BLIND_KEY_WIRE + BLIND_RANGES_MAX * BLIND_RANGE_WIRE,
    BLIND_SMALL_MAX = 1024 /* hello, ready, grant, bye, error */
};

/* Reads one whole message; pointers go into p. from_client: types of the other side are ERR_WRONG_STATE. ERR_VERSION, ERR_FORMAT,
 * ERR_RANGE, ERR_LIMIT, ERR_SHORT, ERR_TRAILING. *out is set only on 0. */
int blind_message_read(const uint8_t *p, size_t n, int from_client, struct blind_message *out);
/* Writes one message. With packed NULL only the head of a product or answer: the caller packs packed_n bytes behind it. */
void blind_message_write(struct writer *w, const struct blind_message *m);
/* 1 for the messages that go into a session's final chunk: bye and error, and no others. */
int blind_message_final(const uint8_t *p, size_t n);

/* Writes an order from arrays. */
void blind_order_write(struct writer *w, uint32_t seq, const struct blind_batch *keys, unsigned key_count,
                       const struct blind_range *ranges, unsigned range_count);
struct blind_range blind_order_range(const struct blind_order *o, unsigned i);
/* The key of column n's batch, into o's bytes; NULL when the order has none. */
const uint8_t *blind_order_key(const struct blind_order *o, uint32_t n);

/* Columns of a stack of that shape that one product and its whole answer may have: at most BLIND_COLUMNS_MAX, and both fit
 * BLIND_MESSAGE_MAX (the head of a large model has few). At least 1 for every shape that row8_shape takes. */
uint32_t blind_columns_max(const struct field *f, uint32_t rows, uint32_t cols);

#endif
