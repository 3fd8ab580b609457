/* Fuzz: a worker and two clients that may say anything. Input: records of u8 (bit 0: which client, bit 1: a step follows, bit 2: it says
 * hello first), u8 length, bytes of one message. Every message that is put must be one that a client can read, none follows an error, and
 * what is answered was asked. */
#include "tests/fuzz/fuzz.h"

#include "base/secret.h"
#include "blind/blind_worker.h"

enum { STACKS = 3 };

static struct row8 stacks[STACKS];
static struct blind_worker_opts opts;

struct end {
    struct blind_client *c;
    int ended;
};
static void on_put(void *arg, const uint8_t *message, size_t n, int final) {
    struct end *e = arg;
    struct blind_message m;
    CHECK(!e->ended);
    CHECK(blind_message_read(message, n, 0, &m) == 0);
    CHECK(final == blind_message_final(message, n));
    if (m.type == BLIND_ANSWER) CHECK(m.answer.first + m.answer.rows <= 40);
    e->ended = final;
}
static size_t on_room(void *arg) { return (void)arg, BLIND_SINK_ROOM; }

static void make_stacks(void) {
    static const uint32_t shapes[STACKS][2] = {{17, 8}, {40, 5}, {16, 9}};
    static int8_t w[40 * 9];
    struct why why;
    CHECK(secret_setup() == 0);
    for (unsigned i = 0; i < STACKS; i++) {
        CHECK(row8_shape(&stacks[i], shapes[i][0], shapes[i][1]) == 0);
        if (i == 2) continue; /* not held */
        stacks[i].data = aligned_alloc(64, row8_bytes(&stacks[i]));
        CHECK(stacks[i].data != NULL);
        row8_pack(&stacks[i], 0, shapes[i][0], w);
    }
    opts = (struct blind_worker_opts){.stacks = stacks, .stack_count = STACKS, .columns_quota = 100};
    CHECK(pool_new(&opts.pool, 1, &why) == 0 && kern_select(&opts.kern, NULL, &why) == 0);
}

static void say(struct end *e, const uint8_t *p, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    CHECK(copy != NULL);
    if (n) memcpy(copy, p, n);
    int r = blind_client_message(e->c, copy, n);
    CHECK(r == 1 || !e->ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct blind_worker *w;
    struct end ends[2] = {{0}};
    if (!opts.pool) make_stacks();
    CHECK(blind_worker_new(&w, &opts) == 0);
    for (unsigned i = 0; i < 2; i++) {
        struct blind_sink sink = {on_put, on_room, &ends[i]};
        CHECK(blind_client_open(&ends[i].c, w, &sink, NULL) == 0);
    }
    while (n >= 2) {
        struct end *e = &ends[data[0] & 1];
        size_t part = data[1] < n - 2 ? data[1] : n - 2;
        if (data[0] & 4) {
            uint8_t hello[36] = {BLIND_HELLO, BLIND_VERSION, (uint8_t)(1 + (data[0] >> 3) % 3)};
            say(e, hello, sizeof hello);
        }
        say(e, data + 2, part);
        if (data[0] & 2) (void)blind_worker_step(w);
        data += 2 + part;
        n -= 2 + part;
    }
    while (blind_worker_step(w)) {}
    for (unsigned i = 0; i < 2; i++) blind_client_close(ends[i].c);
    blind_worker_free(w);
    return 0;
}
