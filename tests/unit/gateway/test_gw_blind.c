/* Tier blind at the edges: which options start it, which models it takes, and what its receipts say. */
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "gateway/gw_blind.h"
#include "gateway/gw_models.h"
#include "tests/check.h"

#define A1 "00112233445566778899aabbccddeeff"
#define B1 "ffeeddccbbaa99887766554433221100"

/* ---- options ---- */

static struct gw_opts o; /* large */
static struct why why;

static int parse(const char *const *extra) {
    static char name[] = "gateway", option[] = "--coordinator", value[] = "127.0.0.1:1";
    char *argv[24] = {name, option, value};
    int argc = 3;
    while (*extra) argv[argc++] = (char *)(uintptr_t)*extra++; /* opt_parse writes to none of them */
    gw_opts_release(&o);
    why = (struct why){{0}};
    return gw_opts_parse(&o, argc, argv, &why);
}
#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

TEST(mode_pair_does_not_start_without_two_disjoint_lists_of_operators) {
    CHECK_INT(PARSE("--tier", "blind"), ERR_USAGE);
    CHECK(strstr(why.text, "lull blind prepare") != NULL);
    CHECK_INT(PARSE("--tier", "blind", "--blind", "dir"), ERR_USAGE);
    CHECK(strstr(why.text, "--pair-a OPERATOR and --pair-b OPERATOR") != NULL);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1), ERR_USAGE);
    CHECK_INT(PARSE("--blind", "dir", "--pair-b", B1), ERR_USAGE);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", A1), ERR_USAGE);
    CHECK(strncmp(why.text, "--pair-b: ", 10) == 0);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", "abc", "--pair-b", B1), ERR_USAGE);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1), 0);
    CHECK_INT(o.blind.least, API_TIER_SEALED);
    CHECK_INT(PARSE("--tier", "blind", "--mode", "pair", "--blind", "dir", "--pair-a", A1, "--pair-b", B1), 0);
    CHECK_INT(o.blind.least, API_TIER_BLIND);
    CHECK_INT(o.blind.policy.role[PAIR_A].allowed_count, 1);
}

TEST(mode_lattice_does_not_start_without_an_operator_nor_with_options_of_the_other_mode) {
    CHECK_INT(PARSE("--tier", "blind", "--mode", "lattice", "--blind", "dir"), ERR_USAGE);
    CHECK(strstr(why.text, "--lattice-operator OPERATOR") != NULL);
    CHECK_INT(PARSE("--mode", "lattice", "--blind", "dir", "--lattice-operator", "abc"), ERR_USAGE);
    CHECK_INT(PARSE("--mode", "lattice", "--blind", "dir", "--lattice-operator", A1, "--pair-b", B1), ERR_USAGE);
    CHECK(strstr(why.text, "only with --mode pair") != NULL);
    CHECK_INT(PARSE("--mode", "lattice", "--blind", "dir", "--lattice-operator", A1, "--pair-direct"), ERR_USAGE);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--lattice-masks-mb", "64"), ERR_USAGE);
    CHECK(strstr(why.text, "only with --mode lattice") != NULL);
    CHECK_INT(PARSE("--lattice-operator", A1), ERR_USAGE);
    CHECK(strstr(why.text, "only with --blind DIR") != NULL);
    CHECK_INT(
        PARSE("--mode", "lattice", "--blind", "dir", "--lattice-operator", A1, "--lattice-operator", B1, "--lattice-direct"), 0);
    CHECK_INT(o.blind.mode, GW_BLIND_LATTICE);
    CHECK_INT(o.blind.direct, 1);
    CHECK_INT(o.blind.policy.role[PAIR_A].allowed_count, 2);
    CHECK_INT(o.blind.policy.role[PAIR_B].allowed_count, 0);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1), 0);
    CHECK_INT(o.blind.mode, GW_BLIND_PAIR);
    CHECK_INT(o.blind.direct, 0);
}

TEST(options_of_tier_blind_without_a_folder_are_refused) {
    CHECK_INT(PARSE("--log", "info"), 0);
    CHECK_INT(PARSE("--pair-a", A1), ERR_USAGE);
    CHECK_INT(PARSE("--mode", "pair"), ERR_USAGE);
    CHECK_INT(PARSE("--pair-direct"), ERR_USAGE);
    CHECK_INT(PARSE("--tier", "open"), ERR_USAGE);
    CHECK_INT(PARSE("--blind", "dir", "--mode", "triple", "--pair-a", A1, "--pair-b", B1), ERR_USAGE);
}

TEST(how_much_is_kept_between_turns_is_bounded) {
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1), 0);
    CHECK_INT(o.blind.keep, 4);
    CHECK_INT(o.blind.keep_minutes, 15);
    CHECK_INT(o.blind.guess, 0);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--blind-keep", "0", "--blind-keep-minutes", "1"), 0);
    CHECK_INT(o.blind.keep, 0);
    CHECK_INT(o.blind.keep_minutes, 1);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--blind-keep", "65"), ERR_USAGE);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--blind-keep-minutes", "0"), ERR_USAGE);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--blind-keep-minutes", "1441"), ERR_USAGE);
}

TEST(guesses_are_asked_for_and_bounded) {
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--blind-guess", "7"), 0);
    CHECK_INT(o.blind.guess, 7);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--blind-guess", "8"), ERR_USAGE);
    CHECK_INT(PARSE("--blind-guess", "1"), ERR_USAGE);
    CHECK(strstr(why.text, "only with --blind DIR") != NULL);
}

TEST(a_token_is_one_line_of_a_file) {
    char path[] = "/tmp/lull-test-token-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, "0123456789abcdef\n", 17) == 17);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--pair-a-token", path), 0);
    CHECK_INT(o.blind.token[PAIR_A].len, 16);
    CHECK_INT(o.blind.token[PAIR_B].len, 0);
    CHECK_INT(PARSE("--mode", "lattice", "--blind", "dir", "--lattice-operator", A1, "--lattice-token", path), 0);
    CHECK_INT(o.blind.token[PAIR_A].len, 16);
    CHECK_INT(ftruncate(fd, 0), 0);
    CHECK(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--pair-b-token", path) != 0);
    CHECK_INT(ftruncate(fd, 65), 0);
    CHECK_INT(PARSE("--blind", "dir", "--pair-a", A1, "--pair-b", B1, "--pair-b-token", path), ERR_USAGE);
    close(fd);
    unlink(path);
    gw_opts_release(&o);
}

/* ---- which model ---- */

static void named(struct gw_blind_model *m, const char *name) {
    *m = (struct gw_blind_model){.since_s = 1};
    snprintf(m->shown.name, sizeof m->shown.name, "%s", name);
}

TEST(a_name_means_a_prepared_model_by_itself_or_as_the_only_one_of_its_kind) {
    static struct gw_blind b;
    named(&b.models[0], "toy:q8_0"), named(&b.models[1], "other:f16"), named(&b.models[2], "other:q4_0");
    b.count = 3;
    CHECK(gw_blind_find(&b, "toy:q8_0") == &b.models[0]);
    CHECK(gw_blind_find(&b, "toy:latest") == &b.models[0]);
    CHECK(gw_blind_find(&b, "toy:f16") == NULL);
    CHECK(gw_blind_find(&b, "other:latest") == NULL);
    CHECK(gw_blind_find(&b, "other:q4_0") == &b.models[2]);
    CHECK(gw_blind_find(&b, "to:latest") == NULL);
    CHECK(gw_blind_find(NULL, "toy:q8_0") == NULL);
    CHECK(!gw_blind_unclear(&b, "toy:latest") && !gw_blind_unclear(&b, "toy:f16") && !gw_blind_unclear(NULL, "toy:latest"));
    named(&b.models[1], "toy:f32"); /* which of the two? Neither, and not a third one that nodes serve under the bare name */
    CHECK(gw_blind_find(&b, "toy:latest") == NULL);
    CHECK(gw_blind_unclear(&b, "toy:latest") && !gw_blind_unclear(&b, "toy:f32"));
}

TEST(lists_name_prepared_models_and_under_tier_blind_nothing_else) {
    static struct gateway g;
    static struct gw_blind b;
    struct gw_model list[8];
    CHECK_INT(gw_dir_init(&g.dir), 0);
    named(&b.models[0], "toy:q8_0");
    b.count = 1;
    g.blind = &b;
    g.dir.count = 1; /* a node with two models, one of the same name */
    g.dir.nodes[0].record.model_count = 2;
    snprintf(g.dir.nodes[0].record.models[0].name, MODEL_NAME_BYTES, "toy:q8_0");
    snprintf(g.dir.nodes[0].record.models[1].name, MODEL_NAME_BYTES, "sealed:q8_0");
    CHECK_INT(gw_models_list(&g, list, 8), 2);
    CHECK_STR(list[0].model->name, "sealed:q8_0");
    CHECK(list[1].model == &b.models[0].shown);
    g.o.blind.least = API_TIER_BLIND;
    CHECK_INT(gw_models_list(&g, list, 8), 1);
    CHECK(list[0].model == &b.models[0].shown);
    gw_dir_release(&g.dir);
}

/* ---- receipts ---- */

static const uint8_t id[16] = {1}, manifest[32] = {2};

static json_t *written(const struct gw_blind_account *a, enum gw_blind_mode mode) {
    struct gw_blind_receipt q = {.request_id = id,
                                 .mode = mode,
                                 .params = mode == GW_BLIND_LATTICE ? "d6" : NULL,
                                 .model = "toy:q8_0",
                                 .profile = "C1-row8-f16",
                                 .manifest = manifest,
                                 .start_ms = 1000,
                                 .end_ms = 2000,
                                 .prompt_tokens = 5,
                                 .output_tokens = 6,
                                 .stop = STOP_LENGTH,
                                 .account = a};
    struct buf b;
    json_t *j = NULL;
    buf_init(&b, BLIND_RECEIPT_BYTES_MAX);
    CHECK_INT(gw_blind_receipt_write(&b, &q), 0);
    CHECK(gw_blind_receipt_is(&b));
    CHECK_INT(json_parse(&j, b.data, b.len, NULL), 0);
    buf_release(&b);
    return j;
}

TEST(a_receipt_names_workers_counts_and_what_was_visible) {
    struct gw_blind_account a = {
        .products = 9, .verified = 8, .bytes_up = 7, .passes = 5, .prompt_padded = 64, .kept = 3, .pass_columns = 4};
    struct blind_incident lie = {.identity = {3}, .operator_id = {4}, .role = PAIR_B, .fault = FAULT_PRODUCT};
    struct blind_incident loss = {.identity = {3}, .operator_id = {4}, .role = PAIR_B, .fault = FAULT_LINK};
    uint8_t who[32] = {5}, whose[32] = {6};
    gw_blind_account_worker(&a, PAIR_A, who, whose);
    gw_blind_account_worker(&a, PAIR_A, who, whose);
    CHECK_INT(gw_blind_account_incident(&a, &loss), 1);
    CHECK_INT(gw_blind_account_incident(&a, &lie), 1);
    CHECK_INT(gw_blind_account_incident(&a, &loss), 2);
    json_t *j = written(&a, GW_BLIND_PAIR);
    const json_t *workers = json_object_get(j, "workers"), *incidents = json_object_get(j, "incidents");
    CHECK_STR(json_string_value(json_object_get(j, "notice")), "experimental construction, not yet reviewed");
    CHECK_STR(json_string_value(json_object_get(j, "manifest")),
              "0200000000000000000000000000000000000000000000000000000000000000");
    CHECK_STR(json_string_value(json_object_get(j, "mode")), "pair");
    CHECK_STR(json_string_value(json_object_get(json_array_get(workers, 0), "role")), "A");
    CHECK_INT(json_integer_value(json_object_get(j, "products")), 9);
    CHECK_INT(json_integer_value(json_object_get(j, "verified")), 8);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(j, "visible_to_workers"), "prompt_columns")), 64);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(j, "visible_to_workers"), "passes")), 5);
    CHECK_INT(json_integer_value(json_object_get(json_object_get(j, "visible_to_workers"), "columns_per_pass")), 4);
    CHECK_INT(json_integer_value(json_object_get(j, "kept_tokens")), 3);
    CHECK_INT(json_integer_value(json_object_get(j, "version")), 2);
    CHECK_STR(json_string_value(json_object_get(j, "stop_reason")), "length");
    CHECK_INT(json_array_size(workers), 1);
    CHECK_STR(json_string_value(json_object_get(json_array_get(workers, 0), "operator")), "06000000000000000000000000000000");
    CHECK_INT(json_array_size(incidents), 2);
    CHECK_INT(json_integer_value(json_object_get(json_array_get(incidents, 0), "times")), 2);
    CHECK(json_is_false(json_object_get(json_array_get(incidents, 0), "banned")));
    CHECK(json_is_true(json_object_get(json_array_get(incidents, 1), "banned")));
    CHECK_STR(json_string_value(json_object_get(json_array_get(incidents, 1), "what")), "a wrong product");
    json_decref(j);
}

TEST(a_receipt_of_mode_lattice_says_that_answers_do_not_replay_exactly) {
    struct gw_blind_account a = {.products = 9, .verified = 9, .prompt_padded = 64};
    struct blind_incident loss = {.identity = {3}, .operator_id = {4}, .role = PAIR_A, .fault = FAULT_LINK};
    uint8_t who[32] = {5}, whose[32] = {6};
    gw_blind_account_worker(&a, PAIR_A, who, whose);
    gw_blind_account_incident(&a, &loss);
    json_t *j = written(&a, GW_BLIND_LATTICE);
    CHECK_STR(json_string_value(json_object_get(j, "notice")), "experimental construction, not yet reviewed");
    CHECK_STR(json_string_value(json_object_get(j, "mode")), "lattice");
    CHECK_STR(json_string_value(json_object_get(j, "params")), "d6");
    CHECK(strncmp(json_string_value(json_object_get(j, "replay")), "not exact", 9) == 0);
    CHECK_STR(json_string_value(json_object_get(json_array_get(json_object_get(j, "workers"), 0), "role")), "worker");
    CHECK_STR(json_string_value(json_object_get(json_array_get(json_object_get(j, "incidents"), 0), "role")), "worker");
    CHECK(json_object_get(json_object_get(j, "visible_to_workers"), "prompt_columns") != NULL);
    json_decref(j);
    j = written(&a, GW_BLIND_PAIR);
    CHECK(strncmp(json_string_value(json_object_get(j, "replay")), "exact", 5) == 0);
    CHECK(json_object_get(j, "params") == NULL);
    json_decref(j);
}

TEST(more_workers_and_incidents_than_a_receipt_holds_are_counted) {
    struct gw_blind_account a = {.products = 1};
    for (unsigned i = 0; i < 3 * ACCOUNT_WORKERS_MAX; i++) {
        struct blind_incident x = {.identity = {(uint8_t)i}, .fault = FAULT_LATE};
        gw_blind_account_worker(&a, PAIR_A, x.identity, x.identity);
        gw_blind_account_incident(&a, &x);
    }
    json_t *j = written(&a, GW_BLIND_PAIR);
    CHECK_INT(json_array_size(json_object_get(j, "workers")), ACCOUNT_WORKERS_MAX);
    CHECK_INT(json_integer_value(json_object_get(j, "worker_count")), 3 * ACCOUNT_WORKERS_MAX);
    CHECK_INT(json_array_size(json_object_get(j, "incidents")), ACCOUNT_INCIDENTS_MAX);
    CHECK_INT(json_integer_value(json_object_get(j, "incident_count")), 3 * ACCOUNT_INCIDENTS_MAX);
    json_decref(j);
}

TESTS_MAIN("gw_blind", T(mode_pair_does_not_start_without_two_disjoint_lists_of_operators),
           T(mode_lattice_does_not_start_without_an_operator_nor_with_options_of_the_other_mode),
           T(options_of_tier_blind_without_a_folder_are_refused), T(how_much_is_kept_between_turns_is_bounded),
           T(guesses_are_asked_for_and_bounded), T(a_token_is_one_line_of_a_file),
           T(a_name_means_a_prepared_model_by_itself_or_as_the_only_one_of_its_kind),
           T(lists_name_prepared_models_and_under_tier_blind_nothing_else),
           T(a_receipt_names_workers_counts_and_what_was_visible),
           T(a_receipt_of_mode_lattice_says_that_answers_do_not_replay_exactly),
           T(more_workers_and_incidents_than_a_receipt_holds_are_counted))
