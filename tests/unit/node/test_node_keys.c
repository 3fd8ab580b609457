/* Keys and names of a node: the signer process, the key ring, the operator's statement, model names. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "node/keyring.h"
#include "node/served.h"
#include "node/signer_proc.h"
#include "seal/seal_err.h"
#include "tests/check.h"

static char folder[64];
static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int start_signer(struct signer *s, struct why *why) {
    struct data_dir dir = {.lock_fd = -1};
    snprintf(dir.path, sizeof dir.path, "%s", folder);
    return signer_start(s, &dir, NULL, why);
}

static void fill_record(struct record *r, const struct keyring *k, const struct operator_stmt *op) {
    *r = (struct record){.keys = k->stmt[0], .model_count = 1, .operator= * op };
    r->models[0] = (struct manifest){.name = "toy:q8_0", .file_bytes = 1, .profile = "C1-f16", .context = 1024};
}

TEST(a_record_signed_by_the_signer_verifies_and_survives_a_restart_of_the_node) {
    struct signer s, again;
    struct why why = {{0}};
    struct keyring *k;
    struct operator_stmt op;
    struct record r;
    uint8_t op_id[32];
    const uint64_t now = clock_unix_s(); /* the signer looks at its own clock */
    CHECK_INT(start_signer(&s, &why), 0);
    CHECK_INT(keyring_new(&k), 0);
    CHECK_INT(operator_statement(&op, in_folder("operator.key"), s.identity, now, &why), 0);
    operator_id_of(op_id, op.operator_key);
    CHECK_INT(keyring_renew(k, s.identity, op_id, "lull-test", NULL, now), 0);
    fill_record(&r, k, &op);
    CHECK_INT(signer_sign_record(&s, &r), 0);
    CHECK_INT(record_verify(&r, now), 0);
    CHECK_INT(record_verify(&r, now + KEYRING_LIFETIME_S), BAD_KEY_EXPIRED);
    r.models[0].context++;
    CHECK_INT(record_verify(&r, now), BAD_IDENTITY_SIG);
    CHECK_INT(start_signer(&again, &why), 0);
    CHECK_MEM(again.identity, s.identity, 32);
    signer_stop(&s);
    signer_stop(&again);
    keyring_free(k);
}

TEST(the_signer_does_not_sign_for_another_identity) {
    struct signer s;
    struct why why = {{0}};
    struct keyring *k;
    struct operator_stmt op;
    struct record r;
    uint8_t other[32] = {1}, op_id[32], exporter[32] = {7}, proof[64];
    CHECK_INT(start_signer(&s, &why), 0);
    CHECK_INT(keyring_new(&k), 0);
    CHECK_INT(operator_statement(&op, in_folder("operator.key"), other, 1000000, &why), 0);
    operator_id_of(op_id, op.operator_key);
    CHECK_INT(keyring_renew(k, other, op_id, "lull-test", NULL, 1000000), 0);
    fill_record(&r, k, &op);
    CHECK_INT(signer_sign_record(&s, &r), ERR_PERM);
    CHECK_INT(signer_sign_link(&s, exporter, proof), 0);
    CHECK_INT(link_proof_check(proof, exporter, s.identity), 0);
    exporter[0]++;
    CHECK_INT(link_proof_check(proof, exporter, s.identity), BAD_LINK_PROOF);
    signer_stop(&s);
    keyring_free(k);
}

TEST(key_files_that_others_can_read_are_refused) {
    struct signer s;
    struct why why = {{0}};
    struct operator_stmt op;
    uint8_t identity[32] = {0};
    CHECK_INT(chmod(in_folder("identity.key"), 0644), 0);
    CHECK_INT(start_signer(&s, &why), ERR_PERM);
    CHECK_INT(chmod(in_folder("identity.key"), 0600), 0);
    CHECK_INT(file_write(in_folder("identity.key"), "short", 5, 0600, &why), 0);
    CHECK_INT(start_signer(&s, &why), ERR_FORMAT);
    CHECK_INT(chmod(in_folder("operator.key"), 0640), 0);
    CHECK_INT(operator_statement(&op, in_folder("operator.key"), identity, 1, &why), ERR_PERM);
    CHECK(strstr(why.text, "chmod 600"));
}

TEST(a_renewed_ring_keeps_one_older_key) {
    struct keyring *k;
    uint8_t identity[32] = {1}, op[32] = {2}, first[32], second[32];
    CHECK_INT(keyring_new(&k), 0);
    CHECK_INT(keyring_renew(k, identity, op, "e", NULL, 1000000), 0);
    memcpy(first, k->keys[0].key_id, 32);
    CHECK_INT(keyring_renew(k, identity, op, "e", NULL, 1003600), 0);
    memcpy(second, k->keys[0].key_id, 32);
    CHECK(k->count == 2 && memcmp(k->keys[1].key_id, first, 32) == 0 && memcmp(first, second, 32) != 0);
    CHECK_INT(replay_add(k->seen[1], first), 0);
    CHECK_INT(keyring_renew(k, identity, op, "e", NULL, 1007200), 0);
    CHECK(k->count == 2 && memcmp(k->keys[1].key_id, second, 32) == 0);
    CHECK_INT(replay_count(k->seen[1]), 0);
    keyring_free(k);
}

TEST(model_names_are_made_from_what_the_file_says) {
    char name[MODEL_NAME_BYTES];
    CHECK_INT(served_name(name, "lull-toy", "Q8_0"), 0);
    CHECK_STR(name, "lull-toy:q8_0");
    CHECK_INT(served_name(name, "  Meta Llama 3.1 (8B) Instruct", "Q4_0"), 0);
    CHECK_STR(name, "meta-llama-3.1-8b-instruct:q4_0");
    CHECK_INT(served_name(name, "", "Q8_0"), ERR_FORMAT);
    CHECK_INT(served_name(name, "\xe6\xa8\xa1", "F16"), ERR_FORMAT);
}

int main(void) {
    const struct CMUnitTest all[] = {T(a_record_signed_by_the_signer_verifies_and_survives_a_restart_of_the_node),
                                     T(the_signer_does_not_sign_for_another_identity),
                                     T(key_files_that_others_can_read_are_refused), T(a_renewed_ring_keeps_one_older_key),
                                     T(model_names_are_made_from_what_the_file_says)};
    snprintf(folder, sizeof folder, "/tmp/lull-node-XXXXXX");
    if (secret_setup() != 0 || !mkdtemp(folder)) return 99;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("node keys", all, NULL, NULL);
    char cmd[96];
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    return system(cmd) != 0 || failed != 0;
}
