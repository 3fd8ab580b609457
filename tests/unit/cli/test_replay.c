/* Records of answers, computed again: honest ones of every kind agree, and each change, another file and another context are
 * found. */
#include "base/file.h"
#include "cli/verify.h"
#include "model/answer_record.h"
#include "model/gen.h"
#include "model/model.h"
#include "seal/seal_err.h"
#include "tests/check.h"
#include "tests/unit/model/synth_model.h"

#include <stdlib.h>
#include <unistd.h>

static const char toy[] = "models/lull-toy-q8_0.gguf";
enum { TOKENS_MAX = 64 };

/* The answer as `lull run --json` prints it. */
static json_t *record_of(struct model *m, const struct gen_request *q, enum kv_format kv) {
    struct gen_pool_opts o = {.threads = 1, .slots = 1, .context_max = model_context(m) < 256 ? model_context(m) : 256, .kv = kv};
    struct gen_pool *pool;
    struct gen *g;
    struct gen_event ev;
    static const uint8_t zeros[DIGEST_BYTES];
    static int32_t id[TOKENS_MAX];
    static char text[4096];
    struct answer_record a = {.ids = id,
                              .at_start = gen_at_start(q),
                              .sampling = q->sampling,
                              .stop_count = q->stop_count,
                              .format = q->format,
                              .model_bytes = model_file_bytes(m),
                              .text = {text, 0}};
    CHECK_INT(gen_pool_new(&pool, m, &o, NULL), 0);
    CHECK_INT(gen_start(&g, pool, q, NULL, zeros, NULL, NULL), 0);
    while (a.stop == STOP_NONE) {
        if (gen_step(pool, &ev, 1) != 1) continue;
        CHECK(ev.err == 0 && a.count < TOKENS_MAX && a.text.n + ev.text_len < sizeof text);
        id[a.count++] = ev.id;
        if (ev.text_len) memcpy(text + a.text.n, ev.text, ev.text_len);
        a.text.n += ev.text_len;
        a.stop = ev.stop;
        a.has_end = ev.is_end;
    }
    a.prompt = gen_prompt_ids(g, &a.prompt_count);
    gen_digest_chain(g, a.chain);
    gen_times_of(g, &a.times);
    memcpy(a.stops, q->stop, sizeof a.stops);
    snprintf(a.profile, sizeof a.profile, "%s", model_profile(m, kv));
    struct buf b;
    json_t *j;
    CHECK_INT(answer_record_write(&b, &a), 0);
    CHECK_INT(json_parse(&j, b.data, b.len, NULL), 0);
    buf_release(&b);
    gen_pool_free(pool);
    return j;
}

/* verify_record's result in *r, and its verdict. */
static struct verdict judged(const json_t *j, const char *model, uint32_t threads, int *r, struct why *why) {
    struct verdict v;
    struct buf b;
    struct replay_how how = {model, threads};
    CHECK_INT(json_print(&b, j, 1 << 20), 0);
    *r = verify_record(&v, b.data, b.len, &how, why);
    buf_release(&b);
    return v;
}
static void agrees(const json_t *j, const char *model) {
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct why why = {{0}};
        int r;
        struct verdict v = judged(j, model, threads, &r, &why);
        if (r != 0) printf("# %s\n", why_text(&why, r));
        CHECK_INT(r, 0);
        CHECK_INT(v.err, 0);
        CHECK(v.readable && v.replayed && v.mismatch == v.tokens && v.replay_ns > 0 && v.generated_ns > 0);
    }
}
/* The answer is judged, and wrong in this way. */
static struct verdict differs(const json_t *j, const char *model, int want) {
    int r;
    struct verdict v = judged(j, model, 2, &r, NULL);
    CHECK_INT(r, 0);
    CHECK_INT(v.err, want);
    CHECK_INT(verdict_status(&v), 10);
    return v;
}

static struct model *open_toy(void) {
    struct model *m = NULL;
    if (access(toy, R_OK) != 0) return NULL;
    CHECK_INT(model_open(&m, toy, NULL, NULL), 0);
    return m;
}
static const struct gen_message sky = {ROLE_USER, {"Why is the sky blue?", 20}};
static struct gen_request question(void) {
    return (struct gen_request){.messages = &sky, .message_count = 1, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 24};
}
static struct gen_request sampled(void) {
    struct gen_request q = question();
    q.max_tokens = 7;
    q.sampling = (struct gen_sampling){.temperature = 5,
                                       .top_k = 40,
                                       .top_p = 0.99f,
                                       .min_p = 0.001f,
                                       .repeat_penalty = 1.1f,
                                       .presence_penalty = 0.1f,
                                       .frequency_penalty = 0.1f,
                                       .repeat_last_n = 5,
                                       .seed = UINT64_MAX - 3};
    return q;
}

static void check_kind(struct model *m, const struct gen_request *q, enum kv_format kv, const char *stop_reason) {
    json_t *j = record_of(m, q, kv);
    CHECK_STR(json_string_value(json_object_get(j, "stop_reason")), stop_reason);
    agrees(j, toy);
    json_decref(j);
}

TEST(answers_of_every_kind_replay) {
    struct model *m = open_toy();
    if (!m) SKIP("models/lull-toy-q8_0.gguf is not here");
    struct gen_request q = sampled();
    check_kind(m, &q, KV_F16, "length");
    check_kind(m, &q, KV_Q8, "length");
    q = question();
    q.stop[0] = (struct gen_text){"e", 1}, q.stop_count = 1;
    check_kind(m, &q, KV_F16, "stop");
    q = question();
    q.max_tokens = TOKENS_MAX - 1;
    static const struct gen_message sum = {ROLE_USER, {"What is 23 + 45?", 16}};
    q.messages = &sum;
    check_kind(m, &q, KV_F16, "stop");
    q.format = (struct gen_format){FORMAT_GBNF, {"root ::= \"yes\" | \"no\"", 21}};
    check_kind(m, &q, KV_F16, "stop");
    q = (struct gen_request){.raw = 1, .text = {"Once upon a time", 16}, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 3};
    check_kind(m, &q, KV_F16, "length");
    q.max_tokens = 1;
    check_kind(m, &q, KV_F16, "length");
    model_close(m);
}

TEST(any_change_to_a_record_is_found) {
    struct model *m = open_toy();
    if (!m) SKIP("models/lull-toy-q8_0.gguf is not here");
    struct gen_request q = sampled();
    json_t *j = record_of(m, &q, KV_F16), *ids = json_object_get(j, "tokens"), *sampling = json_object_get(j, "sampling");
    model_close(m);
    for (size_t at = 0; at < json_array_size(ids); at += 5) {
        json_t *was = json_incref(json_array_get(ids, at));
        json_array_set_new(ids, at, json_integer(json_integer_value(was) ^ 1));
        CHECK_INT(differs(j, toy, BAD_IDS_CHAIN).mismatch, at);
        json_array_set_new(ids, at, was);
    }
    char hex[65];
    snprintf(hex, sizeof hex, "%s", json_string_value(json_object_get(j, "logits_digest")));
    hex[63] = hex[63] == '0' ? '1' : '0';
    json_t *digest = json_incref(json_object_get(j, "logits_digest"));
    json_object_set_new(j, "logits_digest", json_string(hex));
    CHECK_INT(differs(j, toy, BAD_DIGEST_CHAIN).mismatch, json_array_size(ids));
    json_object_set_new(j, "logits_digest", digest);
    json_t *prompt = json_object_get(j, "prompt_ids"), *first = json_incref(json_array_get(prompt, 1));
    json_array_set_new(prompt, 1, json_integer(json_integer_value(first) ^ 1));
    int r;
    CHECK(judged(j, toy, 1, &r, NULL).err != 0 && r == 0);
    json_array_set_new(prompt, 1, first);
    json_object_set_new(j, "profile", json_string("C1-q8"));
    CHECK(judged(j, toy, 1, &r, NULL).err != 0 && r == 0);
    json_object_set_new(j, "profile", json_string("C1-f16"));
    int other_seeds = 0; /* a draw can be the same with another seed, but not always */
    for (int seed = 0; seed < 40 && !other_seeds; seed++) {
        json_object_set_new(sampling, "seed", json_sprintf("%d", seed));
        other_seeds = judged(j, toy, 1, &r, NULL).err == BAD_IDS_CHAIN;
    }
    CHECK(other_seeds);
    json_object_set_new(sampling, "seed", json_string("18446744073709551612"));
    agrees(j, toy);
    json_t *text = json_incref(json_object_get(j, "text"));
    json_object_set_new(j, "text", json_sprintf("%s!", json_string_value(text)));
    (void)differs(j, toy, BAD_TEXT);
    json_object_set_new(j, "text", json_string(""));
    (void)differs(j, toy, BAD_TEXT);
    json_object_set_new(j, "text", text);
    json_object_set_new(j, "stop_reason", json_string("stop"));
    (void)differs(j, toy, BAD_STOP);
    json_decref(j);
}

TEST(an_answer_cut_short_or_gone_on_with_does_not_replay) {
    struct model *m = open_toy();
    if (!m) SKIP("models/lull-toy-q8_0.gguf is not here");
    struct gen_request q = question();
    static const struct gen_message sum = {ROLE_USER, {"What is 23 + 45?", 16}};
    q.messages = &sum;
    json_t *j = record_of(m, &q, KV_F16), *ids = json_object_get(j, "tokens");
    model_close(m);
    CHECK(json_object_get(j, "end_token") != NULL);
    json_array_append(ids, json_object_get(j, "end_token")); /* the end, in the middle of the answer */
    (void)differs(j, toy, BAD_IDS_CHAIN);
    json_array_remove(ids, json_array_size(ids) - 1);
    json_array_remove(ids, json_array_size(ids) - 1);
    (void)differs(j, toy, BAD_IDS_CHAIN); /* the end, too early */
    json_object_del(j, "end_token");
    (void)differs(j, toy, BAD_DIGEST_CHAIN);
    json_decref(j);
}

TEST(another_file_is_not_judged_and_other_weights_are_found) {
    struct model *m = open_toy(), *other;
    if (!m) SKIP("models/lull-toy-q8_0.gguf is not here");
    struct gen_request q = question();
    json_t *j = record_of(m, &q, KV_F16);
    model_close(m);
    struct why why = {{0}};
    char path[128];
    int r;
    snprintf(path, sizeof path, "%s", synth_path("other"));
    synth_write(&synth_all[3], path);
    struct verdict v = judged(j, path, 1, &r, &why);
    CHECK(r == ERR_NOTFOUND && v.readable && !v.replayed && strstr(why.text, "another size"));
    v = judged(j, "/nonexistent", 1, &r, &why);
    CHECK_INT(r, ERR_NOTFOUND);
    struct buf file;
    CHECK_INT(file_read(&file, toy, 64 << 20, NULL), 0);
    file.data[file.len / 2 + 1] ^= 4; /* one bit of some weights: the same size, another model */
    CHECK_INT(file_write(path, file.data, file.len, 0600, NULL), 0);
    buf_release(&file);
    CHECK_INT(model_open(&other, path, NULL, &why), 0);
    model_close(other);
    v = judged(j, path, 1, &r, &why);
    CHECK(r == 0 && (v.err == BAD_DIGEST_CHAIN || v.err == BAD_IDS_CHAIN));
    unlink(path);
    json_decref(j);
}

/* The profile of a longrope model says for which context it was opened, and a replay opens it so. */
TEST(a_longrope_answer_replays_with_its_context) {
    char path[128];
    struct model *m;
    struct model_opts shorter = {.context = 100};
    struct gen_request q = {.raw = 1, .text = {"ab", 2}, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 20};
    int r;
    snprintf(path, sizeof path, "%s", synth_path("longrope"));
    synth_write(&synth_families[6], path);
    CHECK_INT(model_open(&m, path, &shorter, NULL), 0);
    json_t *j = record_of(m, &q, KV_F16);
    model_close(m);
    CHECK_STR(json_string_value(json_object_get(j, "profile")), "C1-f16-c100");
    agrees(j, path);
    json_object_set_new(j, "profile", json_string("C1-f16-c512"));
    CHECK(judged(j, path, 1, &r, NULL).err != 0 && r == 0);
    static const char *const impossible[] = {"C1-f16-c513", "C1-f16", "C1-f16-c0", "C1-f16-c", "C1-f16-c99999999999"};
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        json_object_set_new(j, "profile", json_string(impossible[i]));
        (void)judged(j, path, 1, &r, NULL);
        CHECK_INT(r, ERR_UNSUPPORTED);
    }
    unlink(path);
    json_decref(j);
}

TEST(an_answer_in_integers_replays_in_integers) {
    struct model *m;
    struct model_opts integers = {.arith = ARITH_ROW8};
    struct gen_request q = sampled();
    if (access(toy, R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    CHECK_INT(model_open(&m, toy, &integers, NULL), 0);
    json_t *j = record_of(m, &q, KV_Q8);
    model_close(m);
    CHECK_STR(json_string_value(json_object_get(j, "profile")), "C1-row8-q8");
    agrees(j, toy);
    json_object_set_new(j, "profile", json_string("C1-q8"));
    int r;
    CHECK(judged(j, toy, 1, &r, NULL).err != 0 && r == 0);
    json_decref(j);
}

TESTS_MAIN("replay", T(answers_of_every_kind_replay), T(any_change_to_a_record_is_found),
           T(an_answer_cut_short_or_gone_on_with_does_not_replay), T(another_file_is_not_judged_and_other_weights_are_found),
           T(a_longrope_answer_replays_with_its_context), T(an_answer_in_integers_replays_in_integers))
