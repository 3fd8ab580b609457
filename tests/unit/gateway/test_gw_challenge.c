/* A node whose TPM nobody has challenged yet: the gateway does it, through the coordinator, and seals only to who answers with the secret. */
#include "tests/unit/gateway/tpm_net.h"

enum says { SECRET, WRONG, LONG_ONE, SHORT_ONE, SECRET_OF_ANOTHER_AK, NOT_OURS, TOO_OFTEN, CUT_OFF };
static enum says says, then; /* to the first challenge, and to later ones */
static unsigned evidence_asked, challenges;

static void answer_challenge(size_t i) {
    uint8_t secret[64] = {0}, name[TPM_NAME_BYTES];
    size_t n = says == LONG_ONE ? 64 : says == SHORT_ONE ? 31 : 32;
    CHECK_INT(asks[i].got, TPM_CREDENTIAL_BYTES + 70);
    CHECK_INT(tpm_member_ak_name((struct ev_bytes){s.member, s.member_n}, name), 0);
    challenges++;
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
static void begin(enum says how) {
    evidence_asked = challenges = 0;
    says = then = how;
    tpm_net_init();
    tpm_net_start(ev_policy_strict());
}
static void is_refused(enum says how, const char *factor) {
    struct app a;
    begin(how);
    tpm_net_ask(&a);
    app_got_error(&a);
    CHECK_INT(a.status, 503);
    CHECK_INT(net.job_count, 0);
    CHECK(challenges > 0);
    if (!app_has(&a, factor)) fail_msg("%s is not in %s", factor, a.text);
    tpm_net_end();
}

TEST(a_tpm_that_answers_the_challenge_is_sealed_to) {
    struct app a;
    begin(SECRET);
    tpm_net_ask(&a);
    CHECK(net.job_count > 0);
    CHECK_INT(challenges, 1);
    CHECK_INT(evidence_asked, 1); /* the same evidence was judged again */
    CHECK(gw_verdicts_class(gw_evidence_verdicts(net.g.evidence), net.node[TPM_NODE].key.key_id, clock_unix_s(),
                            clock_mono_ms()) == EV_T1);
    tpm_net_end();
}

static int has_second_list(void *arg) { return ((struct net *)arg)->dirs_taken > 1; }
TEST(a_pair_of_keys_is_challenged_once) {
    struct app a;
    begin(SECRET);
    tpm_net_ask(&a);
    net.node[TPM_NODE].record.keys.engine_id[0] ^= 1; /* a new key statement: its evidence is asked for, the TPM is the same */
    net_sign(&net.node[TPM_NODE]);
    gw_link_refresh(net.g.link);
    net_until(&net, has_second_list, &net, 8000);
    tpm_net_ask(&a);
    CHECK_INT(evidence_asked, 2);
    CHECK_INT(challenges, 1);
    tpm_net_end();
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
    tpm_net_end();
}
TEST(a_challenge_that_is_not_answered_says_nothing_of_the_node) {
    is_asked_again(CUT_OFF);
    is_asked_again(TOO_OFTEN);
}

TESTS_MAIN("gw_challenge", T(a_tpm_that_answers_the_challenge_is_sealed_to), T(a_pair_of_keys_is_challenged_once),
           T(a_wrong_secret_shows_nothing), T(a_secret_that_is_too_long_or_too_short_shows_nothing),
           T(a_tpm_in_which_another_ak_is_opens_nothing), T(a_node_that_opens_nothing_is_refused),
           T(a_challenge_that_is_not_answered_says_nothing_of_the_node))
