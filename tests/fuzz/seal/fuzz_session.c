/* Fuzz: worker sessions. Input: u8 mode, u8 number of edits, edits (u16 offset, u8 mask), then messages (u8 length, bytes). The messages are
 * sealed, the edits change bytes of what travels, mode says how it is cut into pieces and whether start or reply are among them. What
 * comes out must be a prefix of what went in, and whole only if nothing was changed. */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "base/secret.h"
#include "seal/hpke.h"
#include "seal/replay_cache.h"
#include "seal/session.h"

enum { WIRE = 8192, MESSAGES = 32 };

struct said {
    const uint8_t *p;
    size_t n;
};

static size_t seal_all(struct session *s, uint8_t *wire, const uint8_t *data, size_t n, struct said *said, unsigned *count) {
    size_t len = 0;
    *count = 0;
    while (n && *count < MESSAGES) {
        size_t part = data[0] < n - 1 ? data[0] : n - 1;
        int last = part == n - 1 || *count == MESSAGES - 1;
        if (len + part + SESSION_OVERHEAD > WIRE) break;
        CHECK(session_seal(s, wire + len, data + 1, part, last) == 0);
        said[(*count)++] = (struct said){data + 1, part};
        len += part + SESSION_OVERHEAD;
        data += 1 + part;
        n -= 1 + part;
    }
    return len;
}

/* 1: the end was heard. */
static int open_all(struct session *s, uint8_t *wire, size_t len, size_t step, const struct said *said, unsigned count) {
    unsigned heard = 0;
    int final = 0;
    for (size_t at = 0, have = step; !final; have += step) {
        size_t used, n;
        uint8_t *message;
        if (have > len) have = len;
        int r;
        while (!final && (r = session_open(s, wire + at, have - at, WIRE, &used, &message, &n, &final)) == 0) {
            CHECK(heard < count && n == said[heard].n && memcmp(message, said[heard].p, n) == 0);
            heard++;
            at += used;
        }
        if (!final && (r != ERR_MORE || have == len)) break;
    }
    CHECK((session_end(s) == 0) == final);
    return final && heard == count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct seal_key key;
    static struct keystmt keys;
    static uint8_t wire[WIRE];
    if (!keys.not_after) {
        CHECK(secret_setup() == 0);
        hpke_keypair(keys.seal_key, key.secret);
        memcpy(keys.engine_id, "fuzz", 5);
        keys.not_after = 1;
        keystmt_id(key.key_id, &keys);
    }
    if (n < 2 || n < 2 + 3 * (size_t)(data[1] % 8)) return 0;
    unsigned edits = data[1] % 8, count, changed = 0;
    uint8_t start[SESSION_START_BYTES], reply[SESSION_REPLY_BYTES], mode = data[0];
    struct session client, worker;
    struct said said[MESSAGES];
    struct replay *seen;
    CHECK(replay_new(&seen, 16) == 0 && session_start(&client, &keys, start) == 0);
    if (mode & 1 && edits) start[data[2] % SESSION_START_BYTES] ^= data[4], changed |= data[4];
    if (session_accept(&worker, start, &key, 1, &seen, reply) == 0) {
        if (mode & 2 && edits) reply[data[2] % SESSION_REPLY_BYTES] ^= data[4], changed |= data[4];
        CHECK(session_reply(&client, reply) == 0 || changed);
        if (client.err) goto done; /* a reply of another version */
        struct session *from = mode & 4 ? &worker : &client, *to = mode & 4 ? &client : &worker;
        size_t len = seal_all(from, wire, data + 2 + 3 * edits, n - 2 - 3 * edits, said, &count);
        for (unsigned i = 0; i < edits && len; i++) {
            const uint8_t *e = data + 2 + 3 * i;
            wire[(size_t)(e[0] << 8 | e[1]) % len] ^= e[2];
            changed |= e[2];
        }
        int whole = open_all(to, wire, len, 1 + (mode >> 3) * 7u, said, count);
        CHECK(whole || changed || count == 0 || len == 0 || !from->out_final);
    }
done:
    session_wipe(&client);
    session_wipe(&worker);
    replay_free(seen);
    return 0;
}
