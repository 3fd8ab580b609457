/* blind: a client of mode `pair` that is killed in the middle of a pass, again and again, at any point of what it says and
 * hears: no mask is ever used twice. Every run asks the same, so a mask that came again would show as a column of the same
 * bytes. */
#include <signal.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "blind/message.h"
#include "tests/unit/blind/pair_scene.h"

enum { KILLS = 24, TOKENS = 4, COLUMNS_MAX = 1 << 16, HASH = 16 };
static struct pair_site s;
static int to_parent;          /* the child's end: hashes of columns, written before they are sent */
static uint32_t events, fatal; /* what was said and heard so far; the one at which the process dies; 0: none */

struct tap {
    struct blind_link inner;
    enum pair_role role;
};
static struct tap taps[PAIR_ROLES];

static void event(void) {
    if (__atomic_add_fetch(&events, 1, __ATOMIC_SEQ_CST) == fatal) raise(SIGKILL);
}

/* Each column that leaves, before it does. */
static void tell(const struct blind_product *p) {
    size_t each = p->packed_n / p->count;
    for (uint16_t i = 0; i < p->count; i++) {
        uint8_t h[32];
        sha256_of(h, p->packed + i * each, each);
        if (write(to_parent, h, HASH) != HASH) _exit(3);
    }
}

static int on_send(void *state, const uint8_t *message, size_t n) {
    struct tap *t = state;
    struct blind_message m;
    event();
    if (blind_message_read(message, n, 1, &m) != 0) _exit(4);
    if (m.type == BLIND_PRODUCT) tell(&m.product);
    event();
    int r = t->inner.ops->send(t->inner.state, message, n);
    event();
    return r;
}
static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct tap *t = state;
    int r = t->inner.ops->receive(t->inner.state, message, n, wait_ms);
    if (r == 0) event();
    return r;
}
static void on_close(void *state) {
    struct tap *t = state;
    t->inner.ops->close(t->inner.state);
}
static const struct blind_link_ops tap_ops = {on_send, on_receive, on_close};
static void wrap(struct pair_worker *w, struct blind_link *k) {
    struct tap *t = &taps[w->role];
    t->inner = *k;
    k->ops = &tap_ops;
    k->state = t;
}

/* The child: a client that starts anew, from what is on disk. Threads begin only here. The parent's checks are zero in a fork. */
static int client(void) {
    const struct gen_sampling greedy = GEN_SAMPLING_GREEDY;
    struct pair_answer got;
    struct prepared *own;
    if (prepared_open(&own, s.out, NULL, NULL) != 0) return 1;
    s.how.prepared = own;
    for (int role = 0; role < PAIR_ROLES; role++) pair_site_worker(&s, (enum pair_role)role)->wrap = wrap;
    pair_site_start(&s);
    if (pair_generate(&s, s.pair, "Tell me a story about a cat.", &greedy, TOKENS, &got) != 0) return 2;
    uint8_t last[HASH] = {0}; /* the number of events, after everything else */
    memcpy(last, "events", 6);
    memcpy(last + 8, &events, sizeof events);
    return write(to_parent, last, HASH) == HASH ? 0 : 3;
}

static uint8_t (*seen)[HASH];
static uint32_t seen_count;

/* Runs a client that dies at its event number `at`; its columns are added to seen. The events of one that lives. */
static uint32_t run(uint32_t at) {
    int p[2], status;
    uint32_t all = 0;
    uint8_t h[HASH];
    CHECK_INT(pipe(p), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(p[0]);
        to_parent = p[1];
        fatal = at;
        _exit(client());
    }
    close(p[1]);
    for (ssize_t n; (n = read(p[0], h, HASH)) == HASH;) {
        if (memcmp(h, "events", 6) == 0) {
            memcpy(&all, h + 8, sizeof all);
            continue;
        }
        CHECK(seen_count < COLUMNS_MAX);
        memcpy(seen[seen_count++], h, HASH);
    }
    close(p[0]);
    CHECK_INT(waitpid(pid, &status, 0), pid);
    if (at == 0) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (at != 0) CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return all;
}

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, HASH); }

static void kill_everywhere(enum model_arith arith) {
    uint32_t twice = 0;
    seen_count = 0;
    seen = malloc((size_t)COLUMNS_MAX * HASH);
    CHECK(seen != NULL);
    pair_site_open_as(&s, arith);
    uint32_t all = run(0), whole = seen_count;
    CHECK(all > 100 && whole > 64 * 24);
    for (uint32_t i = 0; i < KILLS; i++) (void)run(all / 3 + 1 + (uint32_t)((uint64_t)(all / 2) * i / KILLS));
    (void)run(0);
    qsort(seen, seen_count, HASH, by_bytes);
    for (uint32_t i = 1; i < seen_count; i++) twice += memcmp(seen[i - 1], seen[i], HASH) == 0;
    printf("# %u events of an answer, %u columns, %u in all runs\n", all, whole, seen_count);
    CHECK(seen_count > whole * 3);
    CHECK_INT(twice, 0);
    pair_site_close(&s);
    free(seen);
}

TEST(a_client_that_is_killed_anywhere_never_uses_a_mask_again) { kill_everywhere(ARITH_ROW8); }
TEST(a_folded_client_that_is_killed_anywhere_never_uses_a_mask_again) { kill_everywhere(ARITH_ROW8_FOLD); }

TESTS_MAIN("pair_crash", T(a_client_that_is_killed_anywhere_never_uses_a_mask_again),
           T(a_folded_client_that_is_killed_anywhere_never_uses_a_mask_again))
