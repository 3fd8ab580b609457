/* blind: the client's half of mode `lattice`: products by one worker are right within the bound of the noise, a dishonest one
 * is replaced, and a lost connection ends the session and not the work. */
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "blind/hint_make.h"
#include "blind/lattice_client.h"
#include "blind/local_link.h"
#include "blind/prepared.h"
#include "tests/unit/blind/send_log.h"
#include "tests/unit/blind/worker_scene.h"

enum { RANK = 5, PLACES = 3 };
struct site {
    char dir[64], out[96], path[96];
    struct synth_source synth;
    struct prepared *prepared;
    struct lattice_public a;
    struct hint hint;
    struct weights weights;
    struct blind_local *local[PLACES];
    uint32_t places;
    struct lattice_client_opts how;
    struct lattice_client *client;
    void (*wrap)(struct blind_link *k, uint32_t place);
};
static struct site s;

static int open_link(void *state, enum pair_role role, uint32_t place, struct blind_link *out) {
    (void)state;
    if (role != PAIR_A || place >= s.places) return ERR_NOTFOUND;
    int r = blind_local_link(s.local[place], out);
    if (r != 0) return r;
    memset(out->operator_id, 7, 32);
    if (s.wrap) s.wrap(out, place);
    return 0;
}

static void open_site(uint32_t places) {
    struct prepare_opts po = {.name = "synth:latest", .profile = "C1-row8-f16", .file_bytes = 4242};
    struct hint_make_opts ho = {.rank = RANK};
    uint8_t digest[32];
    struct why why = {{0}};
    memset(&s, 0, sizeof s);
    strcpy(s.dir, "/tmp/lull-lattice-XXXXXX");
    CHECK(mkdtemp(s.dir) != NULL);
    snprintf(s.out, sizeof s.out, "%s/out", s.dir);
    snprintf(s.path, sizeof s.path, "%s/hint", s.dir);
    struct prepare_source source = synth_open(&s.synth);
    CHECK_INT(prepare_dir(s.out, &source, &po, &why), 0);
    CHECK_INT(prepared_open(&s.prepared, s.out, NULL, &why), 0);
    CHECK_INT(kern_select(&ho.k, NULL, &why), 0);
    CHECK_INT(hint_make(s.path, prepared_manifest(s.prepared), &source, &ho, digest, &why), 0);
    struct hint_id id = {.rank = RANK, .stacks = SYNTH_STACKS, .linear = prepared_stacks(s.prepared)};
    memcpy(id.manifest, prepared_digest(s.prepared), 32);
    CHECK_INT(hint_open(&s.hint, s.path, &id, digest, NULL, &why), 0);
    CHECK_INT(lattice_public_new(&s.a, id.manifest, SYNTH_COLS_MAX, RANK, NULL), 0);
    weights_open(&s.weights, 1);
    memcpy(s.weights.opts.manifest_hash, id.manifest, 32);
    for (s.places = 0; s.places < places; s.places++) CHECK_INT(blind_local_new(&s.local[s.places], &s.weights.opts, 0), 0);
    s.how = (struct lattice_client_opts){
        .prepared = s.prepared, .a = &s.a, .hint = &s.hint, .k = ho.k, .workers = {open_link, NULL}, .answer_ms = 5000};
    CHECK_INT(operators_list(&s.how.policy, PAIR_A, "07070707070707070707070707070707", &why), 0);
}

static void start(void) {
    struct why why = {{0}};
    CHECK_INT(lattice_client_new(&s.client, &s.how, &why), 0);
}

static void close_site(void) {
    static const char *const names[] = {PREPARED_MANIFEST, PREPARED_CHECKS, PREPARED_CLIENT};
    char path[160];
    lattice_client_free(s.client);
    for (uint32_t i = 0; i < s.places; i++) blind_local_free(s.local[i]);
    weights_close(&s.weights);
    lattice_public_free(&s.a);
    hint_close(&s.hint);
    prepared_close(s.prepared);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", s.out, names[i]);
        unlink(path);
    }
    unlink(s.path);
    snprintf(path, sizeof path, "%s.journal", s.path);
    unlink(path);
    rmdir(s.out);
    CHECK_INT(rmdir(s.dir), 0);
}

/* A product of count columns; the largest distance from the exact one, in parts of what the noise may add. Nonzero: it failed. */
static int one_product(uint32_t stack, uint32_t count, double *most) {
    const struct linear *l = &prepared_stacks(s.prepared)[stack];
    double g = l->field->wire_bits == 24 ? 0.8 : 1.6;
    int32_t *x = malloc((size_t)count * l->cols * sizeof *x), *y = malloc((size_t)count * l->rows * sizeof *y);
    CHECK(x && y);
    int bound = (int)(l->t / sqrt(l->cols));
    for (size_t i = 0; i < (size_t)count * l->cols; i++) x[i] = (int32_t)(i * 2654435761u % (2 * (uint32_t)bound + 1)) - bound;
    int r = lattice_client_ops.product(s.client, stack, count, x, y);
    for (uint32_t t = 0; r == 0 && t < count; t++)
        for (uint32_t row = 0; row < l->rows; row++) {
            int64_t sum = 0, weight = 0;
            for (uint32_t c = 0; c < l->cols; c++) {
                int w = synth_weight(stack, row, c);
                sum += (int64_t)w * x[(size_t)t * l->cols + c];
                weight += w < 0 ? -w : w;
            }
            double off = fabs((double)(y[(size_t)t * l->rows + row] - sum)) / (g * (double)weight + 0.5);
            if (off > *most) *most = off;
        }
    free(x);
    free(y);
    return r;
}

TEST(products_are_right_within_the_bound_of_the_noise) {
    static const uint32_t counts[] = {1, 1, 3, 64, 70, 1};
    struct blind_counts n;
    double most = 0;
    open_site(1);
    start();
    lattice_client_settle(s.client);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++)
            if (stack != 3 || counts[i] < 4)
                CHECK_INT(one_product(stack, counts[i], &most), 0); /* the wide one is slow to check */
    lattice_client_count(s.client, &n);
    printf("# at most %.3f of the bound; %llu products\n", most, (unsigned long long)n.products);
    CHECK(most > 0 && most <= 1);
    CHECK_INT(n.products, n.verified);
    CHECK_INT(roster_incident_count(lattice_client_roster(s.client)), 0);
    close_site();
}

/* ---- workers that fail ---- */

struct faulty {
    struct blind_link inner;
    unsigned heard;
    int hangs_up;
    uint8_t message[1 << 20];
};
static struct faulty faulty;
static int faulty_send(void *state, const uint8_t *message, size_t n) {
    struct faulty *f = state;
    return f->inner.ops->send(f->inner.state, message, n);
}
static int faulty_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct faulty *f = state;
    int r = f->inner.ops->receive(f->inner.state, message, n, wait_ms);
    if (r != 0 || ++f->heard != 7) return r;
    if (f->hangs_up) return ERR_IO;
    if (*n > sizeof f->message) abort();
    memcpy(f->message, *message, *n);
    f->message[BLIND_ANSWER_HEAD + 4] ^= 1;
    *message = f->message;
    return 0;
}
static void faulty_close(void *state) {
    struct faulty *f = state;
    f->inner.ops->close(f->inner.state);
}
static const struct blind_link_ops faulty_ops = {faulty_send, faulty_receive, faulty_close};
static int first_only;
static void faulty_wrap(struct blind_link *k, uint32_t place) {
    if (place != 0 || first_only++) return;
    faulty.inner = *k;
    faulty.heard = 0;
    k->ops = &faulty_ops;
    k->state = &faulty;
}

static void one_fails(int hangs_up, enum blind_fault fault) {
    struct blind_incident i;
    struct blind_counts n;
    double most = 0;
    open_site(2);
    s.wrap = faulty_wrap;
    faulty.hangs_up = hangs_up;
    first_only = 0;
    start();
    for (uint32_t k = 0; k < 4; k++)
        for (uint32_t stack = 0; stack < 3; stack++) CHECK_INT(one_product(stack, 2, &most), 0);
    CHECK(most > 0 && most <= 1);
    CHECK_INT(roster_incident_count(lattice_client_roster(s.client)), 1);
    CHECK_INT(roster_incidents(lattice_client_roster(s.client), 0, &i, 1), 1);
    CHECK_INT(i.fault, fault);
    lattice_client_count(s.client, &n);
    CHECK_INT(n.sessions, 2);
    close_site();
}
TEST(a_dishonest_worker_is_named_and_replaced) { one_fails(0, FAULT_PRODUCT); }
TEST(a_lost_connection_ends_the_session_and_not_the_work) { one_fails(1, FAULT_LINK); }

static struct send_log sent;
static uint64_t sessions(void) {
    struct blind_counts n;
    lattice_client_count(s.client, &n);
    return n.sessions;
}
static void log_wrap(struct blind_link *k, uint32_t place) {
    (void)place;
    send_log_wrap(&sent, k);
}
TEST(what_was_masked_for_a_connection_goes_over_no_other) {
    static const unsigned fatal[] = {2, 5, 6, 7, 11, 0}; /* three in a row are two workers' */
    double most = 0;
    sent = (struct send_log){.fatal = fatal, .sessions = sessions};
    open_site(2);
    s.wrap = log_wrap;
    start();
    CHECK_INT(sessions(), 0); /* a copy of a machine that has no connection yet has no mask either */
    for (uint32_t i = 0; i < 10; i++) CHECK_INT(one_product(i % 2, i % 3 ? 1 : 3, &most), 0);
    CHECK(most > 0 && most <= 1);
    CHECK_INT(sessions(), 6);
    CHECK_INT(roster_incident_count(lattice_client_roster(s.client)), 5);
    send_log_check(&sent);
    close_site();
}

/* Two workers that hold a part each: one session over both. */
TEST(parts_that_make_up_the_model_serve_together) {
    enum { SPLIT = 2 };
    struct row8 part[2][SYNTH_STACKS];
    struct blind_counts n;
    double most = 0;
    open_site(0);
    struct blind_worker_opts whole = s.weights.opts;
    for (int i = 0; i < 2; i++) {
        memcpy(part[i], s.weights.stacks, sizeof part[i]);
        for (int k = 0; k < SYNTH_STACKS; k++)
            if ((k < SPLIT) != (i == 0)) part[i][k].data = NULL;
        s.weights.opts.stacks = part[i];
        CHECK_INT(blind_local_new(&s.local[s.places++], &s.weights.opts, 0), 0);
    }
    s.weights.opts = whole;
    start();
    for (uint32_t stack = 0; stack < 3; stack++) CHECK_INT(one_product(stack, 2, &most), 0);
    CHECK(most > 0 && most <= 1);
    lattice_client_count(s.client, &n);
    CHECK_INT(n.served[PAIR_A], 2);
    CHECK_INT(n.sessions, 1);
    CHECK_INT(roster_incident_count(lattice_client_roster(s.client)), 0);
    close_site();
}

TEST(without_a_worker_the_product_says_so) {
    struct why why;
    double most = 0;
    open_site(0);
    start();
    CHECK_INT(one_product(0, 1, &most), ERR_LOST);
    lattice_client_why(s.client, &why);
    CHECK(strstr(why.text, "no worker is left") != NULL);
    close_site();
}

TESTS_MAIN("lattice_client", T(products_are_right_within_the_bound_of_the_noise), T(a_dishonest_worker_is_named_and_replaced),
           T(a_lost_connection_ends_the_session_and_not_the_work), T(what_was_masked_for_a_connection_goes_over_no_other),
           T(parts_that_make_up_the_model_serve_together), T(without_a_worker_the_product_says_so))
