/* Evidence that was made ahead: taken where the record names it and the log's witnesses vouch for its nonce, and never a reason against the node. */
#include "evidence/prefetched_make.h"
#include "tests/unit/gateway/tpm_net.h"

enum shows { GOOD, ANOTHER_HASH, STALE, OTHER_LOG, NONE, SMALLER_LOG };
static enum shows shows;
static unsigned asked_ahead, asked_with_nonce;
static struct ev_policy policy;
static struct buf member;
static uint8_t wire[32768], other[32768];
static size_t wire_n, other_n;
static uint8_t log_seed[32] = {1}, witness_seed[32] = {2};

/* The member "nonce" of a log with `size` entries, signed by the witness so many seconds ago. */
static void make_nonce(const char *origin, uint64_t size, uint64_t ago, uint8_t nonce[32]) {
    struct tlog_key log, witness;
    struct tlog_note note;
    struct log_policy trust = {.given = 1, .witnesses = 1, .k = 1};
    struct buf bytes;
    struct why why = {{0}};
    struct ev_prefetched p;
    char text[256];
    uint64_t oldest;
    int n = snprintf(text, sizeof text, "%s\n%llu\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", origin,
                     (unsigned long long)size);
    struct ev_bytes over = {(const uint8_t *)text, (size_t)n};
    CHECK_INT(tlog_key_of(&log, origin, TLOG_SIG_ED25519, log_seed), 0);
    CHECK_INT(tlog_key_of(&witness, "witness.example", TLOG_SIG_COSIGNATURE, witness_seed), 0);
    strcpy(trust.origin, origin);
    memcpy(trust.key, log.key, 32);
    memcpy(trust.witness[0], witness.key, 32);
    buf_init(&bytes, TLOG_NOTE_BYTES_MAX);
    CHECK_INT(buf_add(&bytes, text, over.n), 0);
    CHECK_INT(buf_add(&bytes, "\n", 1), 0);
    CHECK_INT(tlog_sign(&bytes, over, &log, log_seed, 0), 0);
    CHECK_INT(tlog_sign(&bytes, over, &witness, witness_seed, clock_unix_s() - ago), 0);
    CHECK_INT(tlog_note_read(&note, (struct ev_bytes){bytes.data, bytes.len}), 0);
    buf_release(&member);
    CHECK_INT(ev_prefetched_of_note(&member, &note, &trust, &oldest, &why), 0);
    CHECK_INT(ev_prefetched_read(&p, (struct ev_bytes){member.data, member.len}), 0);
    ev_prefetched_nonce(nonce, &p);
    buf_release(&bytes);
    if (!policy.log.given) policy.log = trust;
}

/* The node's record, which names what it made ahead. The record's own hash is no part of the key statement. */
static void name_it(const char *origin, uint64_t size, uint64_t ago) {
    uint8_t nonce[32];
    struct fix_node *x = &net.node[TPM_NODE];
    net_sign(x); /* the key statement's times */
    make_nonce(origin, size, ago, nonce);
    wire_n = tpm_shows_for(wire, sizeof wire, &x->record.keys, nonce, 1, (struct ev_bytes){member.data, member.len});
    sha256_of(x->record.evidence_hash, wire, wire_n);
    if (shows == ANOTHER_HASH) x->record.evidence_hash[0] ^= 1;
    CHECK_INT(record_sign(&x->record, x->identity_secret), 0);
}

static void answer_challenge(size_t i) {
    uint8_t secret[32], name[TPM_NAME_BYTES];
    CHECK_INT(tpm_member_ak_name((struct ev_bytes){s.member, s.member_n}, name), 0);
    CHECK(open_credential(asks[i].body, name, secret));
    CHECK_INT(h2_respond(asks[i].s, 200, NULL), 0);
    CHECK_INT(h2_write(asks[i].s, secret, sizeof secret), 0);
    (void)h2_end(asks[i].s, NULL);
}
static void answer_nonce(size_t i) {
    int ahead = asks[i].got == 0;
    asked_ahead += (unsigned)ahead;
    asked_with_nonce += (unsigned)!ahead;
    if (!ahead) other_n = tpm_shows(other, sizeof other, &net.node[TPM_NODE].record.keys, asks[i].body, 1);
    CHECK_INT(h2_respond(asks[i].s, ahead && shows == NONE ? 404 : 200, NULL), 0);
    if (!ahead || shows != NONE) CHECK_INT(h2_write(asks[i].s, ahead ? wire : other, ahead ? wire_n : other_n), 0);
    (void)h2_end(asks[i].s, NULL);
}

static void begin(enum shows how, int names_a_log) {
    shows = how;
    asked_ahead = asked_with_nonce = 0;
    policy = *ev_policy_strict();
    policy.max_age_s = 600;
    tpm_net_init();
    name_it("log.example/lull", 9, how == STALE ? 601 : 60);
    if (how == OTHER_LOG) strcpy(policy.log.origin, "log.example/other");
    if (!names_a_log) policy.log.given = 0;
    tpm_net_start(&policy);
}
static void end(void) {
    tpm_net_end();
    buf_release(&member);
}
static enum ev_class class_now(void) {
    return gw_verdicts_class(gw_evidence_verdicts(net.g.evidence), net.node[TPM_NODE].key.key_id, clock_unix_s(),
                             clock_mono_ms());
}

TEST(what_was_made_ahead_is_taken_and_the_chip_left_alone) {
    struct app a;
    begin(GOOD, 1);
    tpm_net_ask(&a);
    CHECK(net.job_count > 0);
    CHECK_INT(class_now(), EV_T1);
    CHECK_INT(asked_ahead, 1);
    CHECK_INT(asked_with_nonce, 0);
    /* it was 60 seconds old, of 600 */
    const struct gw_verdict *v = gw_verdicts_find(gw_evidence_verdicts(net.g.evidence), net.node[TPM_NODE].key.key_id,
                                                  clock_unix_s(), clock_mono_ms());
    CHECK(v && v->until_ms <= clock_mono_ms() + 540000 && v->until_ms + 5000 > clock_mono_ms() + 540000);
    CHECK(v->log_size == 9);
    end();
}

TEST(a_policy_without_a_log_asks_with_a_nonce_at_once) {
    struct app a;
    begin(GOOD, 0);
    tpm_net_ask(&a);
    CHECK_INT(class_now(), EV_T1);
    CHECK_INT(asked_ahead, 0);
    CHECK_INT(asked_with_nonce, 1);
    end();
}

static void falls_back(enum shows how) {
    struct app a;
    begin(how, 1);
    tpm_net_ask(&a);
    CHECK(net.job_count > 0);
    CHECK_INT(class_now(), EV_T1);
    CHECK_INT(asked_ahead, 1);
    CHECK_INT(asked_with_nonce, 1);
    end();
}
TEST(what_is_wrong_with_it_is_no_reason_against_the_node) {
    falls_back(ANOTHER_HASH);
    falls_back(STALE);
    falls_back(OTHER_LOG);
    falls_back(NONE);
}

static int has_second_list(void *arg) { return ((struct net *)arg)->dirs_taken > 1; }
TEST(a_log_that_has_shrunk_vouches_for_nothing) {
    struct app a;
    begin(GOOD, 1);
    tpm_net_ask(&a);
    CHECK_INT(asked_with_nonce, 0);
    net.node[TPM_NODE].record.keys.engine_id[0] ^= 1; /* a new key statement, with evidence from a smaller log */
    shows = SMALLER_LOG;
    name_it("log.example/lull", 8, 30);
    gw_link_refresh(net.g.link);
    net_until(&net, has_second_list, &net, 8000);
    tpm_net_ask(&a);
    CHECK_INT(class_now(), EV_T1);
    CHECK_INT(asked_ahead, 2);
    CHECK_INT(asked_with_nonce, 1);
    end();
}

TESTS_MAIN("gw_ahead", T(what_was_made_ahead_is_taken_and_the_chip_left_alone),
           T(a_policy_without_a_log_asks_with_a_nonce_at_once), T(what_is_wrong_with_it_is_no_reason_against_the_node),
           T(a_log_that_has_shrunk_vouches_for_nothing))
