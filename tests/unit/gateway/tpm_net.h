/* tests/unit/gateway/tpm_net.h - a gateway before a network of two nodes: one has nothing to show, the other has a TPM of the test's own. The EK's
 * private half is here, so credentials are opened as a TPM does. What the TPM's node answers is the test's. */
#ifndef TESTS_GATEWAY_TPM_NET_H
#define TESTS_GATEWAY_TPM_NET_H

#include "evidence/ev_challenge.h"
#include "seal/p256.h"
#include "tests/unit/gateway/hostile_net.h"
#include "tests/unit/gateway/shown_tpm.h"

#include <openssl/core_names.h>
#include <openssl/hmac.h>

#define ATTESTED "lull-min-tier: attested\r\n"
enum { TPM_NODE = 1 /* the net's second node has a key of P-256 */, ASKS = 16 };

static struct net net;
static struct {
    struct h2_stream *s;
    int activation;
    size_t got;
    uint8_t body[1024];
} asks[ASKS];
static size_t ask_count;
/* The whole body of ask i is here: the test answers. */
static void answer_nonce(size_t i);
static void answer_challenge(size_t i);

/* ---- a TPM's part: TPM2_ActivateCredential for an EK on P-256 (Part 1, 24; C.6) ---- */

static void ek_seed(const uint8_t *encrypted, uint8_t seed[32]) {
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
static int __attribute__((unused)) open_credential(const uint8_t *blob, const uint8_t name[TPM_NAME_BYTES], uint8_t secret[32]) {
    uint8_t seed[32], key[32], mac[32], plain[34], sealed[34 + TPM_NAME_BYTES], want[32];
    unsigned made = 0;
    int n = 0;
    static const uint8_t iv[16];
    ek_seed(blob + TPM_CREDENTIAL_BYTES, seed);
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

/* ---- the coordinator ---- */

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
/* Everything but the gateway, so that a test can change the nodes first. */
static void tpm_net_init(void) {
    uint8_t point[65];
    memset(asks, 0, sizeof asks);
    ask_count = 0;
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
}
static void tpm_net_start(const struct ev_policy *policy) {
    net_start(&net);
    struct gw_evidence_opts e = {
        .loop = net.loop, .link = net.g.link, .policy = policy, .verify = by_scene, .on_verdict = on_verdict, .arg = &net.g};
    CHECK_INT(gw_evidence_open(&net.g.evidence, &e), 0);
    net.g.link_up_ms -= 5000;
}
static void tpm_net_end(void) {
    net_end(&net);
    scene_release(&s);
}
static void tpm_net_ask(struct app *a) {
    app_send_with(a, &net, "0.6", ATTESTED);
    app_wait(a, &net);
}

#endif
