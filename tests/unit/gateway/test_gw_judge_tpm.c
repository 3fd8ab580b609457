/* What a node with a TPM shows, as a gateway judges it: the whole form with certificates and activators of the test's own, the seal key in the key
 * statement, and each thing that makes it no candidate. */
#include "tests/unit/gateway/shown_tpm.h"

static struct keystmt keys;
static uint8_t nonce[32], wire[32768];
static struct gw_verdict v;

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
static size_t node_answers(int named) { return tpm_shows(wire, sizeof wire, &keys, nonce, named); }
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

/* With the firmware alone named, or with any of the four left out, the machine's owner chooses the rest. */
TEST(a_policy_that_names_a_part_of_the_boot_names_no_boot) {
    static const int parts[] = {1 << 7, 1 << 4 | 1 << 8 | 1 << 9, 0x311 & ~(1 << 4), 0x311 & ~(1 << 8), 0x311 & ~(1 << 9)};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        node_init();
        judge(node_answers(parts[i]), &keys);
        CHECK(refused_for("measurement"));
        scene_release(&s);
    }
    node_init();
    judge(node_answers(0x311 | 1 << 7), &keys);
    CHECK_INT(v.shows, EV_T1);
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
           T(a_tpm_under_a_policy_that_names_no_boot_is_refused), T(a_policy_that_names_a_part_of_the_boot_names_no_boot),
           T(a_software_tpm_is_refused_as_one))
