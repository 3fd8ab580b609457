/* tests/e2e/e2e_blind.c - blind workers as real processes: two nodes of different operators, found through the coordinator, compute products and
 * mask products for this program over sealed sessions; what is wrong is refused with its code; the coordinator's memory holds nothing of
 * what passed, the worker's nothing of what it answered; one that is killed or leaves is noticed and another one serves. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "blind/message.h"
#include "blind/prepare_model.h"
#include "cli/world.h"
#include "gateway/blind_net.h"
#include "model/linear.h"
#include "model/model.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum { WORKERS = 2, WAIT_MS = 30000, COLUMNS = 3, NEEDLE = 32 };
#define MODEL "lull-toy:q8_0"

static struct world w;
static struct model *model;
static struct pool *pool;
static const struct kern *kern;
static uint8_t digest[32];
static struct blind_net *net;
static struct record workers[WORKERS];

/* ---- a session ---- */
static uint8_t out[BLIND_MESSAGE_MAX];
static uint32_t *u, *z, *got; /* columns and rows of the widest stack */

static int say(struct blind_link *k, const struct blind_message *m) {
    struct writer wr = writer_over(out, sizeof out);
    blind_message_write(&wr, m);
    return wr.err ? wr.err : k->ops->send(k->state, out, wr.len);
}
static int hear(struct blind_link *k, struct blind_message *m, uint32_t wait_ms) {
    const uint8_t *p;
    size_t n;
    int r = k->ops->receive(k->state, &p, &n, wait_ms);
    return r == 0 ? blind_message_read(p, n, 0, m) : r;
}
static int greet(struct blind_link *k, unsigned worker, enum blind_role role, const uint8_t *manifest,
                 struct blind_message *reply) {
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = (uint8_t)role}};
    memcpy(m.hello.manifest_hash, manifest, 32);
    int r = blind_dial(k, blind_net_dialer(net), &workers[worker].keys);
    if (r != 0) return r;
    r = say(k, &m);
    return r == 0 ? hear(k, reply, WAIT_MS) : r;
}
static int ready(struct blind_link *k, unsigned worker, enum blind_role role) {
    struct blind_message m;
    return greet(k, worker, role, digest, &m) == 0 && m.type == BLIND_READY && m.ready.held[0].end == model_linear_count(model);
}
static void leave(struct blind_link *k) {
    (void)say(k, &(struct blind_message){.type = BLIND_BYE});
    k->ops->close(k->state);
}

/* ---- products, and what they must be ---- */
static const struct field *field_at(uint32_t stack) { return model_linear(model, stack).field; }

static void draw(uint32_t stack, uint32_t count) {
    size_t n = (size_t)model_linear(model, stack).cols * count;
    random_bytes(u, n * sizeof *u);
    for (size_t i = 0; i < n; i++) u[i] %= field_at(stack)->p;
}
/* z = W u by this process. */
static void compute(uint32_t stack, uint32_t count) {
    const struct row8 *m = model_linear_weights(model, stack);
    const struct field *f = field_at(stack);
    struct row8_cols c;
    void *mem = aligned_alloc(64, row8_cols_bytes(m->cols, count, f->digits));
    row8_cols_init(&c, m->cols, count, f->digits, mem);
    for (uint32_t i = 0; i < count; i++) row8_cols_fill_residues(&c, i, f, u + (size_t)i * m->cols);
    row8_mul_residues(kern, m, 0, m->groups, &c, f, z, m->rows);
    free(mem);
}
static int send_product(struct blind_link *k, uint32_t seq, uint32_t stack, uint16_t count) {
    const struct field *f = field_at(stack);
    uint32_t cols = model_linear(model, stack).cols;
    size_t each = residues_bytes(f, cols);
    struct writer wr = writer_over(out, sizeof out);
    blind_message_write(
        &wr, &(struct blind_message){.type = BLIND_PRODUCT,
                                     .product = {.seq = seq, .stack = stack, .count = count, .packed_n = each * count}});
    for (uint32_t i = 0; i < count; i++)
        if (residues_pack(f, out + wr.len + i * each, u + (size_t)i * cols, cols) != 0) return ERR_INTERNAL;
    return k->ops->send(k->state, out, wr.len + each * count);
}
/* Whether the whole answer comes and is z. */
static int answered(struct blind_link *k, uint32_t seq, uint16_t item, uint32_t stack, uint16_t count) {
    uint32_t rows = model_linear(model, stack).rows, at = 0;
    const struct field *f = field_at(stack);
    struct blind_message m;
    compute(stack, count);
    while (at < rows) {
        if (hear(k, &m, WAIT_MS) != 0 || m.type != BLIND_ANSWER || m.answer.seq != seq || m.answer.item != item) return 0;
        size_t each = residues_bytes(f, m.answer.rows);
        if (m.answer.first != at || m.answer.count != count || m.answer.packed_n != each * count) return 0;
        for (uint32_t i = 0; i < count; i++)
            if (residues_unpack(f, got, m.answer.rows, m.answer.packed + i * each, each) != 0 ||
                memcmp(got, z + (size_t)i * rows + at, m.answer.rows * sizeof *got) != 0)
                return 0;
        at += m.answer.rows;
    }
    return at == rows;
}

static void products_are_right(void) {
    struct blind_link k;
    int good = ready(&k, 0, BLIND_ROLE_A);
    if (!tap_ok(good, "a worker found through the coordinator opens a session")) return;
    uint32_t count = model_linear_count(model);
    for (uint32_t stack = 0; good && stack < count; stack++) {
        draw(stack, COLUMNS);
        good = send_product(&k, stack + 1, stack, COLUMNS) == 0 && answered(&k, stack + 1, 0, stack, COLUMNS);
    }
    tap_ok(good, "products of all %u stacks are right", count);
    draw(0, 64);
    tap_ok(send_product(&k, count + 1, 0, 64) == 0 && answered(&k, count + 1, 0, 0, 64), "and so is one of 64 columns");
    leave(&k);
}

static void masks_are_right(void) {
    struct blind_link k;
    struct blind_batch key = {.batch = 0};
    static struct blind_range ranges[BLIND_RANGES_MAX];
    uint32_t count = model_linear_count(model);
    random_bytes(key.key, sizeof key.key);
    for (uint32_t i = 0; i < count; i++) ranges[i] = (struct blind_range){i, i % 60, 2};
    int good = ready(&k, 1, BLIND_ROLE_B);
    struct writer wr = writer_over(out, sizeof out);
    blind_order_write(&wr, 1, &key, 1, ranges, count);
    good = good && k.ops->send(k.state, out, wr.len) == 0 &&
           say(&k, &(struct blind_message){.type = BLIND_GRANT, .grant = UINT32_MAX}) == 0;
    for (uint32_t i = 0; good && i < count; i++) {
        uint32_t cols = model_linear(model, i).cols;
        for (uint32_t c = 0; c < 2; c++) pair_mask(field_at(i), key.key, i, i % 60 + c, u + (size_t)c * cols, cols);
        good = answered(&k, 1, (uint16_t)i, i, 2);
    }
    tap_ok(good, "mask products come in the order of use and are right");
    leave(&k);
}

/* ---- what is refused ---- */
static int hears_code(struct blind_link *k, enum blind_code code) {
    struct blind_message m;
    return hear(k, &m, WAIT_MS) == 0 && m.type == BLIND_ERROR && m.error.code == code && hear(k, &m, 1000) == ERR_IO;
}
static void wrong_requests(void) {
    struct blind_link k;
    struct blind_message m;
    uint8_t other[32] = {1};
    int good = greet(&k, 0, BLIND_ROLE_A, other, &m) == 0 && m.type == BLIND_ERROR && m.error.code == BLIND_CODE_MANIFEST;
    tap_ok(good, "another manifest is refused");
    k.ops->close(k.state);
    good = ready(&k, 0, BLIND_ROLE_A);
    draw(0, 1);
    size_t n = BLIND_PRODUCT_HEAD + residues_bytes(field_at(0), model_linear(model, 0).cols);
    good = good && send_product(&k, 1, 0, 1) == 0 && answered(&k, 1, 0, 0, 1);
    memset(out + BLIND_PRODUCT_HEAD, 0xff, 3);
    tap_ok(good && k.ops->send(k.state, out, n) == 0 && hears_code(&k, BLIND_CODE_RESIDUE),
           "a residue >= p ends the session with its code");
    k.ops->close(k.state);
    good = ready(&k, 0, BLIND_ROLE_A) && send_product(&k, 1, 0, 1) == 0;
    out[8] = 0xff;
    tap_ok(good && answered(&k, 1, 0, 0, 1) && k.ops->send(k.state, out, n) == 0 && hears_code(&k, BLIND_CODE_STACK),
           "so does a stack that is not there");
    k.ops->close(k.state);
}

static void another_workers_key(void) {
    struct blind_link k;
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A}};
    struct keystmt lie = workers[0].keys;
    random_bytes(lie.seal_key, sizeof lie.seal_key); /* the key id is then another too */
    int r = blind_dial(&k, blind_net_dialer(net), &lie);
    (void)say(&k, &m); /* the refusal may be quicker */
    tap_ok(r == 0 && hear(&k, &m, WAIT_MS) == ERR_IO, "a key that no node has leads nowhere");
    k.ops->close(k.state);
}

/* ---- what is left where ---- */
static unsigned process_of(unsigned worker) {
    char hex[65];
    for (unsigned b = 0; b < 32; b++) snprintf(hex + 2 * b, 3, "%02x", workers[worker].keys.identity[b]);
    for (unsigned i = 0; i < WORKERS; i++)
        if (strcmp(hex, w.identity[i]) == 0) return i;
    return 0;
}
static uint64_t hits(const struct proc *p, const void *needle, size_t n) {
    struct patterns *s = NULL;
    uint64_t found = 0, read = 0;
    int r = patterns_new(&s, 8);
    if (r == 0) r = patterns_add(s, needle, n);
    if (r == 0) r = proc_search(p, s, &found, &read);
    patterns_free(s);
    if (r != 0) tap_note("cannot search: %s", err_text(r));
    return r == 0 ? found : UINT64_MAX;
}
static void nothing_is_left(void) {
    struct blind_link k;
    const char *san = getenv("LULL_SAN");
    if (san && *san) {
        tap_skip("nothing_is_left", "a sanitizer's shadow memory is too large to be searched");
        return;
    }
    uint8_t needle[NEEDLE], answer[NEEDLE];
    draw(0, 1);
    int good = ready(&k, 0, BLIND_ROLE_A) && send_product(&k, 1, 0, 1) == 0;
    memcpy(needle, out + BLIND_PRODUCT_HEAD, sizeof needle);
    good = good && answered(&k, 1, 0, 0, 1) && residues_pack(field_at(0), answer, z, NEEDLE / 3) == 0;
    tap_ok(good && hits(&w.coordinator, digest, 32) > 0, "the coordinator's memory can be searched");
    tap_ok(hits(&w.coordinator, needle, sizeof needle) == 0 && hits(&w.coordinator, answer, NEEDLE / 3 * 3) == 0,
           "it holds nothing of what was asked and answered");
    unsigned serving = process_of(0);
    tap_ok(hits(&w.nodes[serving], digest, 32) > 0, "the worker's memory can be searched");
    tap_ok(hits(&w.nodes[serving], needle, sizeof needle) == 0 && hits(&w.nodes[serving], answer, NEEDLE / 3 * 3) == 0 &&
               hits(&w.nodes[serving], u, NEEDLE) == 0,
           "it holds nothing of them after its answer");
    leave(&k);
}

/* ---- without the coordinator's detour ---- */
enum { ROUNDS = 100 };
/* Mean microseconds of one product of one column, from sending it to having compared its answer. */
static unsigned round_us(struct blind_link *k, uint32_t first_seq) {
    draw(0, 1);
    uint64_t begun = clock_mono_us();
    for (uint32_t i = 0; i < ROUNDS; i++)
        if (send_product(k, first_seq + i, 0, 1) != 0 || !answered(k, first_seq + i, 0, 0, 1)) return 0;
    return (unsigned)((clock_mono_us() - begun) / ROUNDS);
}
static void direct_way(void) {
    struct blind_link k;
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A}};
    struct worker_entry entry = *record_worker(&workers[0], digest), none = entry;
    memcpy(m.hello.manifest_hash, digest, 32);
    int good = blind_dial_direct(&k, blind_net_dialer(net), &workers[0].keys, &entry) == 0 && say(&k, &m) == 0 &&
               hear(&k, &m, WAIT_MS) == 0;
    draw(2, COLUMNS);
    good = good && m.type == BLIND_READY && send_product(&k, 1, 2, COLUMNS) == 0 && answered(&k, 1, 0, 2, COLUMNS);
    tap_ok(good, "a direct connection to %s serves as well", entry.at);
    unsigned direct = round_us(&k, 2), detour;
    leave(&k);
    good = ready(&k, 0, BLIND_ROLE_A);
    detour = round_us(&k, 1);
    leave(&k);
    tap_ok(good && direct && detour, "one column and back: %u us directly, %u us through the coordinator", direct, detour);
    entry.at_pin[0] ^= 1;
    good = blind_dial_direct(&k, blind_net_dialer(net), &workers[0].keys, &entry) == 0 && hear(&k, &m, WAIT_MS) == ERR_IO;
    tap_ok(good, "one whose certificate the record does not name is refused");
    k.ops->close(k.state);
    none.at[0] = 0;
    tap_ok(blind_dial_direct(&k, blind_net_dialer(net), &workers[0].keys, &none) == ERR_NOTFOUND,
           "who names no address has none");
}

/* One address gets a quarter of a worker's seats on the direct way, however many connections it makes; through the coordinator there are others. */
static void direct_seats(void) {
    enum { SEATS = 32, MINE = SEATS / 4 };
    struct worker_entry entry = *record_worker(&workers[1], digest);
    struct blind_link k[MINE + 1], other;
    struct blind_message m;
    unsigned opened = 0, seated = 0;
    for (; opened < MINE + 1; opened++) {
        m = (struct blind_message){.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A}};
        memcpy(m.hello.manifest_hash, digest, 32);
        if (blind_dial_direct(&k[opened], blind_net_dialer(net), &workers[1].keys, &entry) != 0) break;
        seated += say(&k[opened], &m) == 0 && hear(&k[opened], &m, WAIT_MS) == 0 && m.type == BLIND_READY;
    }
    tap_ok(opened == MINE + 1 && seated == MINE, "of %u sessions that one address wants directly, %u get a seat", opened, seated);
    tap_ok(ready(&other, 1, BLIND_ROLE_A), "and whoever comes through the coordinator does");
    leave(&other);
    for (unsigned i = 0; i < opened; i++) k[i].ops->close(k[i].state);
}

/* ---- who leaves ---- */
enum { DRAIN_MS = 5000, STUFFING = 8 << 20 /* more than lies in all windows and buffers between a worker and a caller */ };

/* Asks for more than it takes: its connection lives, and answers wait at the worker that cannot leave. */
static int stuffed(struct blind_link *k, unsigned worker) {
    uint32_t stack = model_linear_count(model) - 1; /* the tallest */
    size_t each = 64 * residues_bytes(field_at(stack), model_linear(model, stack).rows);
    struct blind_message m;
    if (!ready(k, worker, BLIND_ROLE_A)) return 0;
    draw(stack, 64);
    for (uint32_t seq = 1; seq * each < STUFFING; seq++)
        if (send_product(k, seq, stack, 64) != 0) return 0;
    return hear(k, &m, WAIT_MS) == 0; /* it has begun to answer */
}
static void the_end_of_one_whose_client_takes_nothing(struct proc *node, uint64_t since_ms) {
    while (proc_running(node) && clock_mono_ms() - since_ms < 4 * DRAIN_MS) usleep(20000);
    uint64_t took = clock_mono_ms() - since_ms;
    int left = took < 4 * DRAIN_MS;
    if (left) node->pid = 0; /* waited for */
    tap_ok(left && took >= DRAIN_MS, "it waits for a client that takes nothing, and not for ever (%llu ms)",
           (unsigned long long)took);
}

static void one_leaves_and_one_is_killed(void) {
    struct blind_link k, other, stuck;
    struct blind_message m;
    int good = ready(&k, 0, BLIND_ROLE_A) && ready(&other, 1, BLIND_ROLE_A) && stuffed(&stuck, 0);
    uint64_t asked = clock_mono_ms();
    proc_signal(&w.nodes[process_of(0)], SIGTERM);
    tap_ok(good && hears_code(&k, BLIND_CODE_DRAINING), "a worker that leaves ends its sessions with the code");
    k.ops->close(k.state);
    draw(1, 1);
    tap_ok(send_product(&other, 1, 1, 1) == 0 && answered(&other, 1, 0, 1, 1), "another one goes on");
    uint64_t start = clock_mono_ms();
    proc_stop(&w.nodes[process_of(1)], SIGKILL, 5000);
    int r = hear(&other, &m, 10000);
    tap_ok(r == ERR_IO, "a worker that is killed is noticed (%llu ms)", (unsigned long long)(clock_mono_ms() - start));
    other.ops->close(other.state);
    the_end_of_one_whose_client_takes_nothing(&w.nodes[process_of(0)], asked);
    stuck.ops->close(stuck.state);
}

/* ---- set-up ---- */
static int open_model(const char *path, struct why *why) {
    struct model_opts mo = {.arith = ARITH_ROW8, .stacks = STACKS_PACKED};
    struct prepare_model_opts po = {.name = MODEL, .kv = KV_F16};
    struct blind_manifest manifest = {.stacks = NULL};
    size_t widest = 0;
    int r = model_open(&model, path, &mo, why);
    if (r == 0) r = prepare_model_manifest(&manifest, model, &po, w.dir[0] ? w.dir : "/tmp", why);
    if (r == 0) r = blind_manifest_digest(&manifest, digest);
    blind_manifest_release(&manifest);
    for (uint32_t i = 0; r == 0 && i < model_linear_count(model); i++) {
        struct linear l = model_linear(model, i);
        if (l.rows > widest) widest = l.rows;
        if (l.cols > widest) widest = l.cols;
    }
    u = calloc(64 * widest, sizeof *u), z = calloc(64 * widest, sizeof *z), got = calloc(widest, sizeof *got);
    if (r == 0) r = pool_new(&pool, 1, why);
    if (r == 0) r = kern_select(&kern, NULL, why);
    return r == 0 && !(u && z && got) ? ERR_NOMEM : r;
}

static int start(const char *program, const char *path, struct why *why) {
    static char ca[WORLD_PATH + 32], blind[WORLD_PATH + 32];
    snprintf(blind, sizeof blind, "%s=%s", path, MODEL);
    struct world_opts o = {.lull = program,
                           .model = path,
                           .nodes = WORKERS,
                           .operators = WORKERS,
                           .how = PROC_SEARCHABLE,
                           .nodes_how = PROC_SEARCHABLE,
                           .drain_ms = "5000", /* DRAIN_MS */
                           .node_extra = {"--blind", blind, "--blind-listen", "127.0.0.1:0"}};
    int r = world_start(&w, &o, why);
    if (r == 0) r = open_model(path, why);
    snprintf(ca, sizeof ca, "%s/coordinator/tls.crt", w.dir);
    struct blind_net_opts no = {.coordinator = w.coordinator_at, .ca = ca};
    return r == 0 ? blind_net_open(&net, &no, why) : r;
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = start(lull ? lull : "build/lull", path, &why);
    if (r == ERR_PERM) {
        tap_skip("blind_workers", "tracing is barred, so memory cannot be searched");
        return tap_done();
    }
    if (tap_ok(r == 0, "coordinator, two workers: %s", r == 0 ? "up" : why_text(&why, r)) &&
        tap_ok(blind_net_wait(net, digest, workers, WORKERS, WAIT_MS) == WORKERS,
               "both list the blind manifest that this program computes") &&
        tap_ok(memcmp(workers[0].keys.operator_id, workers[1].keys.operator_id, 32) != 0, "they are of different operators")) {
        products_are_right();
        masks_are_right();
        wrong_requests();
        another_workers_key();
        direct_way();
        direct_seats();
        nothing_is_left();
        one_leaves_and_one_is_killed();
    }
    blind_net_close(net);
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    model_close(model);
    pool_free(pool);
    free(u), free(z), free(got);
    return tap_done();
}
