/* seal/session.h - a sealed two-way session with exactly one worker: HPKE to the seal key of its key statement, one key for
 * each direction, whole messages as length-prefixed chunks, a counter and a final marker. No I/O.
 *
 *     client  start = u8 version | key id 32 | enc 32,   then chunks
 *     worker  reply = u8 version | nonce 32,             then chunks
 *     chunk   u32 head = final bit 31 | length, then `length` bytes: ChaCha20-Poly1305 of one message, tag behind
 *
 *     context       HPKE set-up with info = "lull session v1" || key id
 *     client's key  Export("lull session client v1", 32), base nonce zero: enc is fresh, so the key serves one session alone
 *     worker's key  RFC 9458 4.4 from Export("lull session worker v1", 32) and salt = enc || nonce: a start that is sent twice
 *                   must not make the worker seal two streams under one key
 *     chunk         nonce = base nonce XOR number of the chunk; associated data empty, "final" for the last one
 *
 * What opens comes from the peer, in order, each once. Who holds the key statement's seal key, and nobody else, can make the
 * worker's chunks; the client is anonymous. What does not open ends the session and accuses nobody: anybody on the way can
 * cause it. After a final chunk nothing is accepted; a connection that ends before one was cut. */
#ifndef SEAL_SESSION_H
#define SEAL_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "seal/chunk.h"
#include "seal/envelope.h"
#include "seal/keystmt.h"

enum {
    SESSION_VERSION = 1,
    SESSION_START_BYTES = 1 + 32 + 32,
    SESSION_REPLY_BYTES = 1 + CHUNK_RESPONSE_NONCE_BYTES,
    SESSION_MESSAGE_MAX = 8 << 20, /* bytes of one message */
    SESSION_HEAD_BYTES = 4,
    SESSION_OVERHEAD = SESSION_HEAD_BYTES + CHUNK_TAG_BYTES
};

struct session { /* secret; session_wipe */
    struct chunk_key out, in;
    uint8_t enc[32], worker_secret[32]; /* client: until the reply is there */
    uint8_t state;
    int err; /* 0, or what ended it: stays */
    int out_final, in_final;
};

/* Client. ERR_AUTH: the seal key is no good point. Messages may be sealed at once; opening waits for the reply. */
int session_start(struct session *s, const struct keystmt *to, uint8_t start[SESSION_START_BYTES]);
/* Client: the worker's first bytes. ERR_VERSION, ERR_WRONG_STATE. They prove nothing: the first chunk that opens does. */
int session_reply(struct session *s, const uint8_t reply[SESSION_REPLY_BYTES]);

struct replay;
/* Worker: takes a start; keys are its own, seen[i] the replay cache of keys[i] (the one of the requests' enc values serves
 * both). Draws the nonce. ERR_VERSION, ERR_NOTFOUND (another key's), ERR_AUTH, ERR_REPLAY, ERR_LIMIT (cache full: renew the
 * key). Nothing but "refused" may be told of any of them. */
int session_accept(struct session *s, const uint8_t start[SESSION_START_BYTES], const struct seal_key *keys, size_t count,
                   struct replay *const *seen, uint8_t reply[SESSION_REPLY_BYTES]);

/* Writes n + SESSION_OVERHEAD bytes; out may not overlap message. final: the last one of this direction. ERR_LIMIT over
 * SESSION_MESSAGE_MAX, ERR_WRONG_STATE after the final one, s->err once the session has ended. */
int session_seal(struct session *s, uint8_t *out, const uint8_t *message, size_t n, int final);

/* Opens the chunk at the front of p, in place. 0: *message (into p), *n, *final, and *used bytes were taken. ERR_MORE: *used is
 * how many bytes the chunk takes in all, or 0 while that is not known. max: the longest message that is acceptable now. ERR_LIMIT,
 * ERR_AUTH, ERR_TRAILING (after the final one), ERR_WRONG_STATE (before the reply): the session is over, s->err stays. */
int session_open(struct session *s, uint8_t *p, size_t have, size_t max, size_t *used, uint8_t **message, size_t *n, int *final);
/* To be asked when the connection ends: 0 after a final chunk, ERR_SHORT when it was cut before, else what ended it. */
int session_end(const struct session *s);
void session_wipe(struct session *s);

#endif
