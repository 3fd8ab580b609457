/* Records of `lull run --json`: what is written is read back, and whatever is missing, wrong or cut is refused by name. */
#include "tests/check.h"

#include <float.h>
#include <stdlib.h>

#include "model/answer_record.h"

static const int32_t prompt[] = {1, 0, INT32_MAX}, ids[] = {5, 7, 2};

static struct answer_record example(void) {
    struct answer_record a = {
        .prompt = prompt,
        .prompt_count = 3,
        .ids = ids,
        .count = 3,
        .has_end = 1,
        .at_start = 1,
        .stop = STOP_END,
        .text = {"a \"text\"\n\0\xc3\xa4", 12},
        .sampling = {0.1f, 40, 0.95f, 0x1p-30f, 1.1f, -FLT_MAX, 0.3f, -1, UINT64_MAX},
        .stops = {{"END", 3}, {"\n\n", 2}},
        .stop_count = 2,
        .format = {FORMAT_GBNF, {"root ::= \"a\"", 12}},
        .profile = "C1-q8-c4096",
        .model = "toy \xe2\x82\xac",
        .model_bytes = (uint64_t)1 << 40,
        .times = {.prefill_ns = 1500000000, .decode_ns = 2000000000, .prompt_tokens = 3, .output_tokens = 2}};
    for (int i = 0; i < DIGEST_BYTES; i++) a.chain[i] = (uint8_t)(i * 9);
    return a;
}

static struct buf written(const struct answer_record *a) {
    struct buf b;
    CHECK_INT(answer_record_write(&b, a), 0);
    return b;
}

static int same_text(struct gen_text a, struct gen_text b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }

static void check_same(const struct answer_record *a, const struct answer_record *b) {
    CHECK_INT(a->prompt_count, b->prompt_count);
    CHECK_MEM(a->prompt, b->prompt, a->prompt_count * sizeof *a->prompt);
    CHECK_INT(a->count, b->count);
    CHECK_MEM(a->ids, b->ids, a->count * sizeof *a->ids);
    CHECK(a->has_end == b->has_end && a->at_start == b->at_start && a->stop == b->stop && a->stop_count == b->stop_count);
    CHECK(same_text(a->text, b->text) && same_text(a->format.text, b->format.text) && a->format.kind == b->format.kind);
    for (size_t i = 0; i < a->stop_count; i++) CHECK(same_text(a->stops[i], b->stops[i]));
    const struct gen_sampling *s = &a->sampling, *t = &b->sampling;
    CHECK(s->temperature == t->temperature && s->top_k == t->top_k && s->top_p == t->top_p && s->min_p == t->min_p);
    CHECK(s->repeat_penalty == t->repeat_penalty && s->presence_penalty == t->presence_penalty);
    CHECK(s->frequency_penalty == t->frequency_penalty && s->repeat_last_n == t->repeat_last_n && s->seed == t->seed);
    CHECK_MEM(a->chain, b->chain, DIGEST_BYTES);
    CHECK_STR(a->profile, b->profile);
    CHECK(a->model_bytes == b->model_bytes);
    CHECK(a->times.prefill_ns == b->times.prefill_ns && a->times.decode_ns == b->times.decode_ns);
}

static void check_round_trip(const struct answer_record *a) {
    struct answer_record back;
    struct why why = {{0}};
    struct buf b = written(a);
    CHECK_INT(answer_record_read(&back, b.data, b.len, &why), 0);
    check_same(a, &back);
    answer_record_release(&back);
    buf_release(&b);
}

TEST(what_is_written_is_read_back) {
    struct answer_record a = example();
    check_round_trip(&a);
    a.stop = STOP_STRING, a.has_end = 0, a.at_start = 0;
    check_round_trip(&a);
    a.stop = STOP_LENGTH, a.stop_count = 0, a.text = (struct gen_text){NULL, 0};
    a.format = (struct gen_format){FORMAT_TEXT, {"", 0}};
    check_round_trip(&a);
    for (int kind = FORMAT_JSON; kind <= FORMAT_GBNF; kind++) {
        a.format.kind = (enum gen_format_kind)kind;
        check_round_trip(&a);
    }
}

TEST(a_record_cut_anywhere_is_refused) {
    struct answer_record a = example(), back;
    struct buf b = written(&a);
    for (size_t n = 0; n < b.len; n++) {
        char *own = malloc(n ? n : 1);
        memcpy(own, b.data, n);
        CHECK_INT(answer_record_read(&back, own, n, NULL), ERR_FORMAT);
        free(own);
    }
    buf_release(&b);
}

/* Reads the example with `path` ("member" or "object.member") set to a value (NULL: left out). */
static int read_with(const char *path, json_t *value, struct why *why) {
    struct answer_record a = example(), back;
    struct buf b = written(&a), changed;
    json_t *j = NULL;
    CHECK_INT(json_parse(&j, b.data, b.len, NULL), 0);
    buf_release(&b);
    const char *dot = strchr(path, '.');
    char first[32] = "";
    memcpy(first, path, dot ? (size_t)(dot - path) : 0);
    json_t *in = dot ? json_object_get(j, first) : j;
    if (value)
        json_object_set_new(in, dot ? dot + 1 : path, value);
    else
        json_object_del(in, dot ? dot + 1 : path);
    CHECK_INT(json_print(&changed, j, 1 << 16), 0);
    *why = (struct why){{0}};
    int r = answer_record_read(&back, changed.data, changed.len, why);
    answer_record_release(&back);
    buf_release(&changed);
    json_decref(j);
    return r;
}

TEST(what_is_missing_or_wrong_is_refused_by_name) {
    struct why why;
    static const char *const needed[] = {
        "text",     "tokens",      "prompt_ids",           "logits_digest", "profile",        "stop_reason",
        "at_start", "sampling",    "sampling.temperature", "sampling.seed", "sampling.top_k", "sampling.repeat_last_n",
        "model",    "model.bytes", "format.text"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const char *dot = strchr(needed[i], '.'), *name = dot ? dot + 1 : needed[i];
        CHECK_INT(read_with(needed[i], NULL, &why), ERR_FORMAT);
        CHECK(strstr(why.text, name) != NULL);
        CHECK_INT(read_with(needed[i], json_pack("[[]]"), &why), ERR_FORMAT); /* no member is like that */
        CHECK(strstr(why.text, name) != NULL);
    }
    CHECK_INT(read_with("tokens", json_pack("[i, i]", 1, -1), &why), ERR_FORMAT);
    CHECK_INT(read_with("tokens", json_pack("[I]", (json_int_t)1 << 31), &why), ERR_FORMAT);
    CHECK_INT(read_with("prompt_ids", json_pack("[f]", 1.0), &why), ERR_FORMAT);
    CHECK_INT(read_with("sampling.temperature", json_real(1e39), &why), ERR_FORMAT);
    CHECK_INT(read_with("sampling.seed", json_string("18446744073709551616"), &why), ERR_FORMAT);
    CHECK_INT(read_with("sampling.seed", json_string("-1"), &why), ERR_FORMAT);
    CHECK_INT(read_with("sampling.seed", json_string(""), &why), ERR_FORMAT);
    CHECK_INT(read_with("profile", json_string("C1-f16\x1b[31m"), &why), ERR_FORMAT);
    CHECK(strchr(why.text, 0x1b) == NULL);
    CHECK_INT(read_with("profile", json_string("C1-f16-c-but-of-thirty-two-bytes"), &why), ERR_FORMAT);
    CHECK_INT(read_with("logits_digest", json_string("00"), &why), ERR_FORMAT);
    CHECK_INT(read_with("stop_reason", json_string("tired"), &why), ERR_FORMAT);
    CHECK_INT(read_with("stop_reason", json_string("length"), &why), ERR_FORMAT); /* and an end token */
    CHECK_INT(read_with("format.kind", json_string("regex"), &why), ERR_FORMAT);
    CHECK_INT(read_with("format.kind", json_string("text"), &why), ERR_FORMAT);
    CHECK_INT(read_with("model.bytes", json_integer(0), &why), ERR_FORMAT);
    CHECK_INT(read_with("decode_s", json_integer(-1), &why), ERR_FORMAT);
    CHECK_INT(read_with("decode_s", NULL, &why), 0);
    CHECK_INT(read_with("something_else", json_integer(1), &why), 0);
}

TEST(too_many_stop_strings_or_ids_are_refused) {
    struct why why;
    json_t *many = json_array(), *ids_many = json_array();
    for (int i = 0; i <= GEN_STOPS_MAX; i++) json_array_append_new(many, json_string("x"));
    CHECK_INT(read_with("stop", many, &why), ERR_FORMAT);
    json_t *one = json_integer(1);
    for (int i = 0; i < 5000; i++) json_array_append(ids_many, one);
    json_decref(one);
    CHECK_INT(read_with("tokens", ids_many, &why), 0); /* five thousand are none too many */
    char long_one[GEN_STOP_BYTES_MAX + 2];
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = 0;
    CHECK_INT(read_with("stop", json_pack("[s]", long_one), &why), ERR_FORMAT);
    CHECK_INT(read_with("stop", json_pack("[i]", 1), &why), ERR_FORMAT);
    struct answer_record back;
    CHECK_INT(answer_record_read(&back, "", (size_t)ANSWER_RECORD_BYTES_MAX + 1, &why), ERR_LIMIT);
}

TESTS_MAIN("answer_record", T(what_is_written_is_read_back), T(a_record_cut_anywhere_is_refused),
           T(what_is_missing_or_wrong_is_refused_by_name), T(too_many_stop_strings_or_ids_are_refused))
