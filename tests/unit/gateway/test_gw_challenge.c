/* A node whose TPM nobody has challenged yet: the gateway does it, through the coordinator, and seals only to who answers with the secret. The EK's
 * private half is here, so the test opens credentials as a TPM does. */
#include "evidence/ev_challenge.h"
#include "seal/p256.h"
#include "tests/unit/gateway/hostile_net.h"
#include "tests/unit/gateway/shown_tpm.h"

#include <openssl/core_names.h>
#include <openssl/hmac.h>

#define ATTESTED "lull-min-tier: attested\r\n"
enum { TPM_NODE = 1 /* the net's second node has a key of P-256 */, ASKS = 16 };
enum says { SECRET, WRONG, LONG_ONE, SHORT_ONE, SECRET_OF_ANOTHER_AK, NOT_OURS, TOO_OFTEN, SILENT, CUT_OFF };

static struct net net;
static enum says says, then; /* to the first challenge, and to later ones */
static unsigned evidence_asked, challenges;
static struct {
    struct h2_stream *s;
    int activation;
    size_t got;
    uint8_t body[1024];
} asks[ASKS];
static size_t ask_count;

/* ---- a TPM's part: TPM2_ActivateCredential for an EK on P-256 (Part 1, 24; C.6) ---- */

static void seed_of(const uint8_t *encrypted, uint8_t seed[32]) {
    uint8_t mine[65], z[32];
    size_t n = 0;
    EVP_PKEY *theirs = ev_ec_key("P-256", encrypted + 4, encrypted + 38, 32);
    CHECK(theirs && EVP_PKEY_get_octet_string_param(s.ek.key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, mine, 65, &n) == 1);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, s.ek.key, NULL);
    n = 32;
    CHECK(c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, theirs) == 1 && EVP_PKEY_derive(c, z, &n) == 1);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(theirs);
    tpm_kdfe(seed, z, "IDENTITY", encrypted + 4, mine + 1);
}

/* 1: the credential is for this AK's name. */
static int open_credential(const uint8_t *blob, const uint8_t name[TPM_NAME_BYTES], uint8_t secret[32]) {
    uint8_t seed[32], key[32], mac[32], plain[34], sealed[34 + TPM_NAME_BYTES], want[32];
    unsigned made = 0;
    int n = 0;
    static const uint8_t iv[16];
    seed_of(blob + TPM_CREDENTIAL_BYTES, seed);
    memcpy(sealed, blob + 36, 34);
    memcpy(sealed + 34, name, TPM_NAME_BYTES);
    CHECK_INT(tpm_kdfa(key, seed, "INTEGRITY", (struct ev_bytes){0}, 256), 0);
    CHECK(HMAC(EVP_sha256(), key, 32, sealed, sizeof sealed, mac, &made) != NULL);
    memcpy(want, blob + 4, 32);
    CHECK_INT(tpm_kdfa(key, seed, "STORAGE", (struct ev_bytes){name, TPM_NAME_BYTES}, 128), 0);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    CHECK(c && EVP_DecryptInit_ex(c, EVP_aes_128_cfb128(), NULL, key, iv) == 1 &&
          EVP_DecryptUpdate(c, plain, &n, sealed, 34) == 1);
    EVP_CIPHER_CTX_free(c);
    memcpy(secret, plain + 2, 32);
    return memcmp(mac, want, 32) == 0;
}

/* ---- the node behind the coordinator ---- */

static void answer_challenge(size_t i) {
    uint8_t secret[64] = {0}, name[TPM_NAME_BYTES];
    size_t n = says == LONG_ONE ? 64 : says == SHORT_ONE ? 31 : 32;
    CHECK_INT(asks[i].got, TPM_CREDENTIAL_BYTES + 70);
    CHECK_INT(tpm_member_ak_name((struct ev_bytes){s.member, s.member_n}, name), 0);
    challenges++;
    if (says == SILENT) return;
    if (says == SECRET_OF_ANOTHER_AK) name[5] ^= 1;
    int opens = open_credential(asks[i].body, name, secret);
    CHECK_INT(opens, says != SECRET_OF_ANOTHER_AK);
    if (says == WRONG) secret[31] ^= 1;
    int status = says == NOT_OURS || !opens ? 400 : says == TOO_OFTEN ? 429 : 200;
    CHECK_INT(h2_respond(asks[i].s, status, NULL), 0);
    if (status == 200) CHECK_INT(h2_write(asks[i].s, secret, n), 0);
    if (says == CUT_OFF)
        h2_reset(asks[i].s, H2_INTERNAL), asks[i].s = NULL;
    else
        (void)h2_end(asks[i].s, NULL);
    says = then;
}
static void answer_nonce(size_t i) {
    static uint8_t wire[32768];
    CHECK_INT(asks[i].got, 32);
    evidence_asked++;
    size_t n = tpm_shows(wire, sizeof wire, &net.node[TPM_NODE].record.keys, asks[i].body, 1);
    CHECK_INT(h2_respond(asks[i].s, 200, NULL), 0);
    CHECK_INT(h2_write(asks[i].s, wire, n), 0);
    (void)h2_end(asks[i].s, NULL);
}
static size_t index_of(void *arg) { return (size_t)((uintptr_t)arg - 1); }
static void ask_data(void *arg, struct h2_stream *st, const uint8_t *p, size_t n) {
    size_t i = index_of(arg);
    h2_consume(st, n);
    CHECK(asks[i].got + n <= sizeof asks[i].body);
    memcpy(asks[i].body + asks[i].got, p, n);
    asks[i].got += n;
}
static void ask_end(void *arg, struct h2_stream *st) {
    size_t i = index_of(arg);
    (void)st;
    if (asks[i].activation)
        answer_challenge(i);
    else
        answer_nonce(i);
}
static void ask_close(void *arg, struct h2_stream *st, uint32_t code) {
    (void)st, (void)code;
    asks[index_of(arg)].s = NULL;
}
static const struct h2_stream_events ask_events = {.on_data = ask_data, .on_end = ask_end, .on_close = ask_close};
static const struct h2_stream_events nothing = {0};

static void begin_ask(struct net *n, struct h2_stream *st, const char *identity, int activation) {
    uint8_t id[32];
    CHECK_INT(hex_decode(id, 32, identity, strlen(identity)), 0);
    if (memcmp(n->node[TPM_NODE].record.keys.identity, id, 32) != 0) { /* the other one has no TPM */
        h2_stream_set(st, &nothing, NULL);
        CHECK_INT(h2_respond(st, 404, NULL), 0);
        (void)h2_end(st, NULL);
        return;
    }
    CHECK(ask_count < ASKS);
    asks[ask_count].s = st;
    asks[ask_count].activation = activation;
    h2_stream_set(st, &ask_events, (void *)(uintptr_t)(++ask_count));
}
static void on_evidence(struct net *n, struct h2_stream *st, const char *identity) { begin_ask(n, st, identity, 0); }
static void on_activate(struct net *n, struct h2_stream *st, const char *identity) { begin_ask(n, st, identity, 1); }
static void play(struct net_job *j) { (void)h2_end(j->s, NULL); }

/* ---- the scene ---- */

static void on_verdict(void *arg) { gw_requests_wake(arg); }
static void begin(enum says how) {
    uint8_t point[65];
    memset(asks, 0, sizeof asks);
    ask_count = 0;
    evidence_asked = challenges = 0;
    says = then = how;
    net_init(&net, 2);
    net.play = play;
    net.evidence = on_evidence;
    net.activate = on_activate;
    scene_init(&s);
    s.activators = 0;
    s.cert_from = (int64_t)clock_unix_s() - 3600;
    s.cert_to = s.cert_from + 86400;
    s.ak = EVP_EC_gen("P-256");
    CHECK_INT(p256_point(point, net.node[TPM_NODE].record.keys.seal_key), 0);
    s.seal = ev_ec_key("P-256", point + 1, point + 33, 32);
    CHECK(s.ak && s.seal);
    net_start(&net);
    struct gw_evidence_opts e = {.loop = net.loop,
                                 .link = net.g.link,
                                 .policy = ev_policy_strict(),
                                 .verify = by_scene,
                                 .on_verdict = on_verdict,
                                 .arg = &net.g};
    CHECK_INT(gw_evidence_open(&net.g.evidence, &e), 0);
    net.g.link_up_ms -= 5000;
}
static void end(void) {
    net_end(&net);
    scene_release(&s);
}
static void ask(struct app *a) {
    app_send_with(a, &net, "0.6", ATTESTED);
    app_wait(a, &net);
}
static void is_refused(enum says how, const char *factor) {
    struct app a;
    begin(how);
    ask(&a);
    app_got_error(&a);
    CHECK_INT(a.status, 503);
    CHECK_INT(net.job_count, 0);
    CHECK(challenges > 0);
    if (!app_has(&a, factor)) fail_msg("%s is not in %s", factor, a.text);
    end();
}

TEST(a_tpm_that_answers_the_challenge_is_sealed_to) {
    struct app a;
    begin(SECRET);
    ask(&a);
    CHECK(net.job_count > 0);
    CHECK_INT(challenges, 1);
    CHECK_INT(evidence_asked, 1); /* the same evidence was judged again */
    CHECK(gw_verdicts_class(gw_evidence_verdicts(net.g.evidence), net.node[TPM_NODE].key.key_id, clock_unix_s(),
                            clock_mono_ms()) == EV_T1);
    end();
}

static int has_second_list(void *arg) { return ((struct net *)arg)->dirs_taken > 1; }
TEST(a_pair_of_keys_is_challenged_once) {
    struct app a;
    begin(SECRET);
    ask(&a);
    net.node[TPM_NODE].record.keys.engine_id[0] ^= 1; /* a new key statement: its evidence is asked for, the TPM is the same */
    net_sign(&net.node[TPM_NODE]);
    gw_link_refresh(net.g.link);
    net_until(&net, has_second_list, &net, 8000);
    ask(&a);
    CHECK_INT(evidence_asked, 2);
    CHECK_INT(challenges, 1);
    end();
}

TEST(a_wrong_secret_shows_nothing) { is_refused(WRONG, "ak_not_activated"); }
TEST(a_secret_that_is_too_long_or_too_short_shows_nothing) {
    is_refused(LONG_ONE, "ak_not_activated");
    is_refused(SHORT_ONE, "ak_not_activated");
}
TEST(a_tpm_in_which_another_ak_is_opens_nothing) { is_refused(SECRET_OF_ANOTHER_AK, "ak_not_activated"); }
TEST(a_node_that_opens_nothing_is_refused) { is_refused(NOT_OURS, "ak_not_activated"); }
/* The first challenge meets what may soon be over; the second, two seconds later, is answered. */
static void is_asked_again(enum says first) {
    struct app a;
    begin(first);
    then = SECRET;
    app_send_with(&a, &net, "5", ATTESTED);
    app_wait(&a, &net);
    CHECK(net.job_count > 0);
    CHECK_INT(challenges, 2);
    end();
}
TEST(a_challenge_that_is_not_answered_says_nothing_of_the_node) {
    is_asked_again(CUT_OFF);
    is_asked_again(TOO_OFTEN);
}

TESTS_MAIN("gw_challenge", T(a_tpm_that_answers_the_challenge_is_sealed_to), T(a_pair_of_keys_is_challenged_once),
           T(a_wrong_secret_shows_nothing), T(a_secret_that_is_too_long_or_too_short_shows_nothing),
           T(a_tpm_in_which_another_ak_is_opens_nothing), T(a_node_that_opens_nothing_is_refused),
           T(a_challenge_that_is_not_answered_says_nothing_of_the_node))
