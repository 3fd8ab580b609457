/* What a node with a TPM shows, as a gateway judges it: the whole form with certificates and activators of the test's own, the seal key in the key
 * statement, and each thing that makes it no candidate. */
#include "gateway/gw_judge.h"
#include "tests/unit/evidence/tpm_scene.h"

static struct tpm_scene s;
static struct keystmt keys;
static uint8_t nonce[32], wire[32768];
static struct gw_verdict v;

static void by_scene(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated, struct ev_report *out) {
    struct tpm_trust trust = scene_trust(&s);
    CHECK_INT(kind, EV_TPM_QUOTE);
    memset(out, 0, sizeof *out);
    tpm_member_verify_with(in, &trust, activated, out);
}

/* A node: its TPM, and the key statement that it announces. */
static void node_init(void) {
    uint8_t point[65];
    scene_init(&s);
    s.ak = EVP_EC_gen("P-256");
    s.seal = EVP_EC_gen("P-256");
    CHECK(s.ak && s.seal);
    scene_point(s.seal, point);
    keys = (struct keystmt){.kem = HPKE_P256, .not_before = SCENE_NOW - 60, .not_after = SCENE_NOW + 3600};
    memcpy(keys.seal_key, point + 1, 32);
    strcpy(keys.engine_id, "lull-test");
    memset(nonce, 0x3c, sizeof nonce);
}
/* The policy names a value of the first register. */
static void name_what_booted(void) {
    s.policy.select_given = 1;
    s.policy.select = s.values.select;
    s.policy.named = 1;
    s.policy.values = 1;
    s.policy.value[0].size = 32;
    memcpy(s.policy.value[0].value, s.values.value[0], 32);
}
/* What the node answers; how long it is. */
static size_t node_answers(int named) {
    static struct cmw c;
    static uint8_t space[16384];
    struct ev_bound bound = {.channel = 0};
    uint8_t b[EV_BINDING_BYTES];
    memcpy(bound.nonce, nonce, 32);
    keystmt_id(bound.key_hash, &keys);
    ev_binding_long(b, &bound, EV_TPM_QUOTE, NULL, 0);
    ev_binding_short(s.nonce, b);
    memcpy(s.seal_nonce, s.nonce, 32);
    s.ak_n = scene_public(s.ak_public, sizeof s.ak_public, s.ak, s.ak_attributes, NULL, TPM_ALG_ECDSA, TPM_CURVE_P256, 0);
    scene_quote(&s);
    if (named) name_what_booted();
    scene_seal(&s);
    scene_certificates(&s);
    scene_statements(&s);
    scene_pack(&s);
    struct ev_part part = {.evidence = {s.member, s.member_n}, .certs = 1, .cert = {{s.ek.der, s.ek.n}}};
    struct writer m = writer_over(space, sizeof space);
    ev_envelope_put_member(&m, &part, 1);
    c = (struct cmw){.form = CMW_COLLECTION, .items = 1, .collection_type = EV_ENVELOPE_TYPE};
    c.item[0] = (struct cmw_item){.label = "tpm", .has_indicator = 1, .indicator = CMW_EVIDENCE, .value = {m.p, m.len}};
    strcpy(c.item[0].type, ev_envelope_media_type(EV_TPM_QUOTE));
    struct writer w = writer_over(wire, sizeof wire);
    cmw_write_cbor(&w, &c);
    CHECK_INT(m.err, 0);
    CHECK_INT(w.err, 0);
    return w.len;
}
static void judge(size_t n, const struct keystmt *k) {
    struct gw_judge_input in = {.envelope = wire,
                                .n = n,
                                .keys = k,
                                .nonce = nonce,
                                .policy = ev_policy_strict(),
                                .now_s = SCENE_NOW,
                                .now_ms = 5000,
                                .asked_ms = 4000,
                                .verify = by_scene};
    gw_judge(&v, &in);
}
static int refused_for(const char *factors) {
    if (v.shows == EV_CLASS_NONE && strcmp(v.factors, factors) == 0) return 1;
    print_message("# class %s, failed: %s\n", ev_class_name(v.shows), v.factors);
    return 0;
}

TEST(a_node_whose_tpm_holds_the_seal_key_shows_t1) {
    node_init();
    judge(node_answers(1), &keys);
    CHECK_STR(v.factors, "");
    CHECK_INT(v.shows, EV_T1);
    scene_release(&s);
}

TEST(another_node_that_passes_it_on_is_refused) {
    node_init();
    size_t n = node_answers(1);
    struct keystmt other = keys;
    other.identity[0] ^= 1; /* with the very seal key: what was sealed to it, only the first could open */
    judge(n, &other);
    CHECK(refused_for("nonce, seal_key_nonce"));
    other.seal_key[0] ^= 1;
    judge(n, &other);
    CHECK(refused_for("nonce, seal_key_nonce, seal_key_statement"));
    scene_release(&s);
}

TEST(a_key_statement_whose_seal_key_is_in_no_tpm_is_refused) {
    node_init();
    keys.seal_key[5] ^= 1; /* the node announces one key and has another in its TPM */
    judge(node_answers(1), &keys);
    CHECK(refused_for("seal_key_statement"));
    scene_release(&s);
    node_init();
    keys.kem = HPKE_X25519;
    judge(node_answers(1), &keys);
    CHECK(refused_for("seal_key_statement"));
    scene_release(&s);
}

TEST(an_ak_that_nobody_activated_is_refused) {
    node_init();
    s.activators = 0;
    judge(node_answers(1), &keys);
    CHECK(refused_for("ak_not_activated"));
    scene_release(&s);
}

TEST(a_tpm_under_a_policy_that_names_no_boot_is_refused) {
    node_init();
    judge(node_answers(0), &keys);
    CHECK(refused_for("measurement"));
    scene_release(&s);
}

TEST(a_software_tpm_is_refused_as_one) {
    node_init();
    s.firmware = 0x2019102300163636;
    judge(node_answers(1), &keys);
    CHECK(refused_for("software_tpm"));
    scene_release(&s);
}

TESTS_MAIN("gw_judge_tpm", T(a_node_whose_tpm_holds_the_seal_key_shows_t1), T(another_node_that_passes_it_on_is_refused),
           T(a_key_statement_whose_seal_key_is_in_no_tpm_is_refused), T(an_ak_that_nobody_activated_is_refused),
           T(a_tpm_under_a_policy_that_names_no_boot_is_refused), T(a_software_tpm_is_refused_as_one))
