/* tests/unit/model/test_schema.c - schemas: which texts their grammars match, what is refused by name, and that whatever is
 * sampled under one parses and fits it by a validator of the test's own (schema_check.h). */
#include "tests/check.h"

#include <stdlib.h>

#include "base/json.h"
#include "model/gen.h"
#include "model/grammar_format.h"
#include "model/grammar_run.h"
#include "model/model.h"
#include "model/replay.h"
#include "model/sampler.h"
#include "model/schema.h"
#include "tests/unit/model/schema_check.h"

static struct grammar *compile(const char *schema) {
    struct grammar *g;
    struct why why = {{0}};
    struct gen_format f = {FORMAT_SCHEMA, {schema, strlen(schema)}};
    int r = gram_of_format(&g, &f, &why);
    if (r != 0) printf("# %s: %s\n", schema, why.text);
    CHECK_INT(r, 0);
    return g;
}

static int whole(const struct grammar *g, const char *text) {
    struct gram_match *m;
    CHECK_INT(gram_match_new(&m, g), 0);
    int ok = gram_match_advance(m, (const uint8_t *)text, strlen(text)) == 0 && m->state[m->root].accepts;
    gram_match_free(m);
    return ok;
}

/* ---- what matches ---- */

TEST(schemas_match_what_fits_them) {
    static const struct {
        const char *schema, *yes[6], *no[6];
    } rows[] = {
        {"{\"type\":\"object\"}",
         {"{}", "{\"a\":[1,{\"b\":null}]}", "{\n  \"a\": 1,\n  \"b\": true\n}"},
         {"[]", "", "{\"a\"}", "{\"a\":01}", "{} "}},
        {"{}", {"null", "-0.5e-7", "\"\\ud83d\\ude00\\n\"", "[[],{}]"}, {"\"\\ud83d\"", "\"\\u0000\"", "\"\n\"", "+1", "1."}},
        {"true", {"1"}, {"x"}},
        {"{\"type\":[\"null\",\"boolean\"]}", {"null", "false"}, {"1", "nul"}},
        {"{\"type\":\"string\",\"nullable\":true}", {"null", "\"\""}, {"1"}},
        {"{\"properties\":{\"a\":{},\"b\":{},\"c\":{}},\"required\":[\"b\"]}",
         {"{\"b\":1}", "{\"a\":1,\"b\":2}", "{\"b\":1,\"c\":2}", "{\"a\":1, \"b\":2, \"c\":3}"},
         {"{}", "{\"a\":1}", "{\"b\":1,\"a\":2}", "{\"b\":1,}", "{,\"b\":1}", "{\"b\":1,\"d\":2}"}},
        {"{\"properties\":{\"a\":{}},\"required\":[\"z\"]}", {"{\"z\":1}", "{\"a\":1,\"z\":[]}"}, {"{\"a\":1}"}},
        {"{\"properties\":{\"ab\":{\"type\":\"null\"},\"a\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":\"integer\"}"
         "}",
         {"{}", "{\"ab\":null}", "{\"abc\":1,\"\":2}", "{\"a\":null,\"b\":7}"},
         {"{\"ab\":1}", "{\"a\":1}", "{\"b\":null}", "{\"\\u0061\":1}"}},
        {"{\"properties\":{\"a\\\"\\\\\\n\":{}},\"required\":[\"a\\\"\\\\\\n\"]}", {"{\"a\\\"\\\\\\n\":1}"}, {"{}"}},
        {"{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":3}",
         {"[1]", "[1,2, 3]"},
         {"[]", "[1,2,3,4]", "[1,]"}},
        {"{\"type\":\"array\",\"maxItems\":0}", {"[]", "[ ]"}, {"[1]"}},
        {"{\"prefixItems\":[{\"const\":1},{\"const\":2}]}", {"[]", "[1]", "[1,2]"}, {"[2]", "[1,2,3]"}},
        {"{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{\"const\":3},\"minItems\":2,\"maxItems\":4}",
         {"[1,2]", "[1,2,3]", "[1,2,3,3]"},
         {"[1]", "[1,2,3,3,3]"}},
        {"{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"maxItems\":1}", {"[]", "[1]"}, {"[1,2]"}},
        {"{\"enum\":[\"a\",1,null,{\"b\":[1.5]}]}", {"\"a\"", "1", "null", "{\"b\":[1.5]}"}, {"\"b\"", "2"}},
        {"{\"type\":\"string\",\"enum\":[\"a\",1]}", {"\"a\""}, {"1"}},
        {"{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}",
         {"\"a\"", "\"\xe2\x82\xac\\n\"", "\"\\ud83d\\ude00x\""},
         {"\"\"", "\"abc\""}},
        {"{\"type\":\"integer\",\"minimum\":-5,\"maximum\":12}",
         {"-5", "-1", "0", "9", "10", "12"},
         {"-6", "13", "-0", "00", "1.0", "100"}},
        {"{\"type\":\"integer\",\"exclusiveMinimum\":8,\"exclusiveMaximum\":11}", {"9", "10"}, {"8", "11", "1"}},
        {"{\"type\":\"integer\",\"minimum\":2.5,\"maximum\":1000}", {"3", "999", "1000"}, {"2", "1001"}},
        {"{\"type\":\"number\",\"minimum\":0,\"maximum\":1}", {"0", "0.25", "1", "1.0"}, {"1.01", "-0.1", "2", "1e5"}},
        {"{\"type\":\"number\",\"exclusiveMinimum\":-2,\"exclusiveMaximum\":2}",
         {"-1.9", "1.99", "0", "-0.3"},
         {"-2", "2", "2.0", "-2.0"}},
        {"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}]}",
         {"1", "[]", "[[1],2]"},
         {"\"a\"", "[null]"}},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}", {"1", "\"a\""}, {"null"}},
        {"{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"string\"}},\"anyOf\":[{\"required\":[\"k\"]},{\"required\":["
         "\"l\"]}]}",
         {"{\"k\":\"\"}", "{\"l\":1}", "{\"k\":\"\",\"l\":1}"},
         {"{}"}},
        {"{\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"properties\":{\"y\":{\"maximum\":3}},\"required\":[\"x\"]}],"
         "\"$defs\":{\"a\":{\"type\":\"object\",\"properties\":{\"x\":{},\"y\":{\"type\":\"integer\",\"minimum\":1}}}}}",
         {"{\"x\":0}", "{\"x\":0,\"y\":3}"},
         {"{}", "{\"x\":0,\"y\":4}", "{\"x\":0,\"y\":0}"}},
        {"{\"$ref\":\"#/definitions/t\",\"definitions\":{\"t\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},"
         "\"next\":{\"anyOf\":[{\"$ref\":\"#/definitions/t\"},{\"type\":\"null\"}]}},\"required\":[\"v\",\"next\"]}}}",
         {"{\"v\":1,\"next\":{\"v\":2,\"next\":null}}"},
         {"{\"v\":1}", "null"}},
        {"{\"type\":\"string\",\"format\":\"date\"}",
         {"\"2024-02-28\"", "\"1999-12-31\"", "\"2023-04-30\""},
         {"\"2023-02-30\"", "\"2023-04-31\"", "\"2023-13-01\""}},
        {"{\"type\":\"string\",\"format\":\"uuid\"}", {"\"123e4567-e89b-12d3-a456-426614174000\""}, {"\"123e4567\""}},
        {"{\"pattern\":\"^(a|bc)+\\\\d{2,3}x?$\"}", {"\"abc12\"", "\"a123x\""}, {"\"a1\"", "\"ab12\"", "\"a12xx\""}},
        {"{\"pattern\":\"b[^\\\\d\\\"-]\"}", {"\"abcd\"", "\"b\\\\\"", "\"b\\n\""}, {"\"b1\"", "\"ab\""}},
        {"{\"pattern\":\"^a|b$\"}", {"\"ax\"", "\"xb\""}, {"\"xa\"", "\"bx\""}},
        {"{\"pattern\":\"^.$\"}", {"\"x\"", "\"\\\"\"", "\"\\t\""}, {"\"\\n\"", "\"\""}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct grammar *g = compile(rows[i].schema);
        for (size_t k = 0; k < 6; k++) {
            if (rows[i].yes[k] && !whole(g, rows[i].yes[k])) printf("# %s: %s is refused\n", rows[i].schema, rows[i].yes[k]);
            if (rows[i].yes[k]) CHECK(whole(g, rows[i].yes[k]));
            if (rows[i].no[k] && whole(g, rows[i].no[k])) printf("# %s: %s is taken\n", rows[i].schema, rows[i].no[k]);
            if (rows[i].no[k]) CHECK(!whole(g, rows[i].no[k]));
        }
        grammar_free(g);
    }
}

/* All integers of a window against all ranges in it. */
TEST(integer_ranges_are_exact) {
    static const int ends[] = {-1234, -1000, -999, -100, -99, -11, -10, -9,  -1,  0,    1,   7,
                               9,     10,    11,   42,   99,  100, 101, 789, 999, 1000, 1203};
    enum { N = sizeof ends / sizeof ends[0] };
    for (size_t a = 0; a < N; a++)
        for (size_t z = a; z < N; z += 3) {
            char schema[96], text[16];
            struct gram_match *m;
            snprintf(schema, sizeof schema, "{\"type\":\"integer\",\"minimum\":%d,\"maximum\":%d}", ends[a], ends[z]);
            struct grammar *g = compile(schema);
            CHECK_INT(gram_match_new(&m, g), 0);
            for (int v = -1300; v <= 1300; v++) {
                snprintf(text, sizeof text, "%d", v);
                m->root = 2;
                int ok = gram_match_advance(m, (const uint8_t *)text, strlen(text)) == 0 && m->state[m->root].accepts;
                CHECK_INT(ok, v >= ends[a] && v <= ends[z]);
            }
            gram_match_free(m);
            grammar_free(g);
        }
    struct grammar *g = compile("{\"type\":\"integer\",\"minimum\":-999999999999999999,\"maximum\":999999999999999998}");
    CHECK(whole(g, "999999999999999998") && !whole(g, "999999999999999999") && whole(g, "-999999999999999999"));
    grammar_free(g);
}

/* ---- what is refused ---- */

TEST(what_is_not_done_is_refused_by_name) {
    static const struct {
        const char *schema, *has;
        int err;
    } rows[] = {
        {"", "not valid JSON", ERR_FORMAT},
        {"1", "must be an object, true or false", ERR_FORMAT},
        {"false", "false", ERR_UNSUPPORTED},
        {"{\"properties\":{\"a\":{\"uniqueItems\":true}}}", "#/properties/a/uniqueItems: this word", ERR_UNSUPPORTED},
        {"{\"items\":{\"not\":{}}}", "#/items/not: this word", ERR_UNSUPPORTED},
        {"{\"anyOf\":[{},{\"if\":{}}]}", "#/anyOf/1/if: this word", ERR_UNSUPPORTED},
        {"{\"minimumm\":1}", "#/minimumm: this word", ERR_UNSUPPORTED},
        {"{\"patternProperties\":{}}", "patternProperties", ERR_UNSUPPORTED},
        {"{\"multipleOf\":2}", "multipleOf", ERR_UNSUPPORTED},
        {"{\"type\":\"thing\"}", "#/type: is no type", ERR_FORMAT},
        {"{\"type\":[]}", "#/type", ERR_FORMAT},
        {"{\"type\":\"string\",\"format\":\"email\"}", "#/format", ERR_UNSUPPORTED},
        {"{\"pattern\":\"(?=a)\"}", "#/pattern: has a group", ERR_UNSUPPORTED},
        {"{\"pattern\":\"\\\\bx\"}", "#/pattern: has an escape", ERR_UNSUPPORTED},
        {"{\"pattern\":\"(a)\\\\1\"}", "#/pattern: has an escape", ERR_UNSUPPORTED},
        {"{\"pattern\":\"a{2\"}", "#/pattern", ERR_UNSUPPORTED},
        {"{\"pattern\":\"a(^b)\"}", "#/pattern", ERR_UNSUPPORTED},
        {"{\"pattern\":\"(((\"}", "#/pattern", ERR_UNSUPPORTED},
        {"{\"pattern\":\"a)\"}", "#/pattern", ERR_UNSUPPORTED},
        {"{\"pattern\":\"[]\"}", "#/pattern: has a class", ERR_UNSUPPORTED},
        {"{\"pattern\":\"a\",\"maxLength\":3}", "#/pattern", ERR_UNSUPPORTED},
        {"{\"minLength\":3,\"maxLength\":2}", "#/maxLength", ERR_FORMAT},
        {"{\"minItems\":3,\"maxItems\":2}", "fewer items", ERR_FORMAT},
        {"{\"type\":\"integer\",\"minimum\":3,\"maximum\":2}", "no number lies between", ERR_FORMAT},
        {"{\"type\":\"number\",\"minimum\":0.5}", "#/minimum: of a number must be whole", ERR_UNSUPPORTED},
        {"{\"type\":\"integer\",\"minimum\":1e300}", "#/minimum", ERR_LIMIT},
        {"{\"enum\":[]}", "no value of enum", ERR_FORMAT},
        {"{\"enum\":[\"a\"],\"minLength\":3}", "#/minLength: is not supported beside", ERR_UNSUPPORTED},
        {"{\"$ref\":\"http://example.com/s.json\"}", "#/$ref: only references within", ERR_UNSUPPORTED},
        {"{\"$ref\":\"#/nowhere\"}", "#/$ref: leads nowhere", ERR_FORMAT},
        {"{\"$ref\":\"#\"}", "no finite value", ERR_FORMAT},
        {"{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", "no finite value", ERR_FORMAT},
        {"{\"allOf\":[{\"$ref\":\"#\"}]}", "circle", ERR_LIMIT},
        {"{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "no type is left", ERR_FORMAT},
        {"{\"allOf\":[{\"pattern\":\"a\"},{\"pattern\":\"b\"}]}", "#/pattern: cannot be put together", ERR_UNSUPPORTED},
        {"{\"oneOf\":[{\"type\":\"number\"},{\"type\":\"integer\"}]}", "#/oneOf: a value might fit two", ERR_UNSUPPORTED},
        {"{\"additionalProperties\":false,\"required\":[\"a\"]}", "#/required", ERR_FORMAT},
        {"{\"properties\":{\"a\":false},\"required\":[\"a\"]}", "#/required", ERR_FORMAT},
        {"{\"properties\":[]}", "#/properties", ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct grammar *g;
        struct why why = {{0}};
        struct gen_format f = {FORMAT_SCHEMA, {rows[i].schema, strlen(rows[i].schema)}};
        int r = gram_of_format(&g, &f, &why);
        if (r != rows[i].err || !strstr(why.text, rows[i].has)) printf("# %s: %d %s\n", rows[i].schema, r, why.text);
        CHECK_INT(r, rows[i].err);
        CHECK(strstr(why.text, rows[i].has) != NULL);
    }
}

/* Each level merges the one below with itself: 2^30 steps if nobody counted. */
TEST(a_schema_that_multiplies_is_stopped) {
    struct buf b;
    struct grammar *g;
    buf_init(&b, 1 << 16);
    buf_addf(&b, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
    for (int i = 0; i < 30; i++)
        buf_addf(&b, "\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1, i + 1);
    buf_addf(&b, "\"d30\":{\"type\":\"null\"}}}");
    struct gen_format f = {FORMAT_SCHEMA, {(const char *)b.data, b.len}};
    CHECK_INT(gram_of_format(&g, &f, NULL), ERR_LIMIT);
    buf_release(&b);
}

/* n items, each a number between two texts. */
static void put_items(struct buf *b, const char *const around[2], int n) {
    for (int i = 0; i < n; i++) buf_addf(b, "%s%s%d%s", i ? "," : "", around[0], i, around[1]);
}

/* Lists that are compared or copied each with each: gigabytes, or minutes, within 256 KiB of schema, if nobody counted. */
TEST(schemas_that_take_much_work_are_stopped) {
    static const struct {
        const char *open, *item[2], *between, *other[2], *close;
        int items, others;
    } rows[] = {
        {"{\"oneOf\":[{\"enum\":[", {"", ""}, "]},{\"enum\":[", {"\"", "\""}, "]}]}", 6000, 6000},
        {"{\"allOf\":[{\"enum\":[", {"", ""}, "]},{\"enum\":[", {"\"", "\""}, "]}]}", 6000, 6000},
        {"{\"allOf\":[{\"required\":[", {"\"a", "\""}, "]},{\"required\":[", {"\"b", "\""}, "]}]}", 6000, 6000},
        {"{\"oneOf\":[", {"{\"const\":", "}"}, "],\"default\":[", {"", ""}, "]}", 6000, 6000},
        {"{\"anyOf\":[", {"{\"minLength\":", "}"}, "],\"type\":\"null\",", {"\"x-", "\":0"}, "}", 6000, 6000},
        {"{\"required\":[", {"\"a", "\""}, "],\"properties\":{", {"\"", "\":{}"}, "}}", 12000, 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b, out;
        struct why why = {{0}};
        buf_init(&b, SCHEMA_BYTES_MAX);
        buf_addf(&b, "%s", rows[i].open);
        put_items(&b, rows[i].item, rows[i].items);
        buf_addf(&b, "%s", rows[i].between);
        put_items(&b, rows[i].other, rows[i].others);
        buf_addf(&b, "%s", rows[i].close);
        int r = schema_to_gbnf(&out, (struct gen_text){(const char *)b.data, b.len}, &why);
        if (r != ERR_LIMIT) printf("# row %zu: %d %s\n", i, r, why.text);
        CHECK(r == ERR_LIMIT && strstr(why.text, "too much work"));
        buf_release(&out);
        buf_release(&b);
    }
}

/* ---- what is sampled ---- */

static const char *const sampled[] = {
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":12},\"age\":{\"type\":\"integer\","
    "\"minimum\":0,\"maximum\":130},"
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":6},\"maxItems\":3}},\"required\":[\"name\","
    "\"age\"],\"additionalProperties\":false}",
    "{\"type\":\"array\",\"items\":{\"type\":\"number\",\"minimum\":-3,\"exclusiveMaximum\":1000},\"minItems\":2,\"maxItems\":5}",
    "{\"enum\":[\"red\",\"green\",7,null,{\"a\":[1,2.5]}]}",
    "{\"type\":\"object\",\"properties\":{\"when\":{\"type\":\"string\",\"format\":\"date-time\"},\"day\":{\"type\":\"string\","
    "\"format\":\"date\"},"
    "\"id\":{\"type\":\"string\",\"format\":\"uuid\"}},\"required\":[\"when\",\"id\"]}",
    "{\"type\":\"string\",\"pattern\":\"^[A-Z][a-z]{1,5}(-\\\\d+)?$\"}",
    "{\"type\":\"string\",\"pattern\":\"a[^b]?c|\\\\\\\\$\"}",
    "{\"$ref\":\"#/$defs/"
    "node\",\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":[\"integer\",\"boolean\",\"null\"]},"
    "\"next\":{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/node\"}]}},\"required\":[\"v\",\"next\"]}}}",
    "{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"a\"},\"x\":{\"type\":\"integer\"}},\"required\":[\"k\","
    "\"x\"]},"
    "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"b\"},\"y\":{\"type\":\"boolean\"}},\"required\":[\"k\"]},{\"type\":"
    "\"null\"}]}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"},\"ab\":{\"type\":\"null\"}},\"additionalProperties\":{"
    "\"type\":\"integer\",\"maximum\":9}}",
    "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\",\"minLength\":2,\"maxLength\":4}],"
    "\"items\":{\"type\":\"boolean\"},\"minItems\":1,\"maxItems\":4}",
    "{\"allOf\":[{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}},{\"properties\":{\"n\":{\"minimum\":100,"
    "\"maximum\":2000}},\"required\":[\"n\"]}]}",
    "{\"type\":\"number\"}",
    "{\"type\":\"object\"}",
    "{}",
};
enum { SAMPLED = sizeof sampled / sizeof sampled[0] };

static struct model *shipped(void) {
    struct model *m;
    struct why why = {{0}};
    int r = model_open(&m, "models/lull-toy-q8_0.gguf", NULL, &why);
    if (r != 0) printf("# %s\n", why.text);
    CHECK_INT(r, 0);
    return m;
}

/* The answer parses and fits. Names that are not listed may repeat: the last one counts. */
static void judge(const char *schema, const char *text, size_t n) {
    json_t *s = json_loads(schema, JSON_DECODE_ANY, NULL), *v = json_loadb(text, n, JSON_DECODE_ANY, NULL);
    if (!v || !fits(s, s, v)) printf("# %s\n# %.*s\n", schema, (int)n, text);
    CHECK(v && fits(s, s, v));
    json_decref(v);
    json_decref(s);
}

/* Logits that know nothing: every allowed id is about as likely, which the grammar must stand. */
static int sample_blindly(struct model *m, struct gram_trie **trie, const char *schema, uint64_t seed, uint32_t most) {
    struct gen_sampling p = {.temperature = 1, .top_p = 1, .repeat_penalty = 1, .repeat_last_n = 64, .seed = seed};
    struct gen_format f = {FORMAT_SCHEMA, {schema, strlen(schema)}};
    struct sampler s;
    struct gram_run *run;
    struct buf text;
    uint32_t n_vocab = model_n_vocab(m), at = 0;
    float *l = calloc(n_vocab, sizeof *l);
    int32_t id = -1;
    buf_init(&text, 1 << 20);
    CHECK_INT(sampler_init(&s, n_vocab, &p, NULL, 0, most + 1, NULL), 0);
    CHECK_INT(gram_run_of_format(&run, &f, trie, model_vocab(m), 1, NULL), 0);
    sampler_constrain(&s, run);
    for (; at < most; at++) {
        for (uint32_t i = 0; i < n_vocab; i++)
            l[i] = (float)((i * 2654435761u + at * 40503u + (uint32_t)seed * 97u) >> 20) * 0x1p-12f;
        CHECK_INT(sampler_pick(&s, l, at, 0, &id), 0);
        sampler_accept(&s, id);
        CHECK_INT(sampler_check(&s, 0), 0);
        if (vocab_is_eog(model_vocab(m), id)) break;
        struct gguf_str piece = vocab_piece(model_vocab(m), id, 0);
        CHECK_INT(buf_add(&text, piece.p, piece.n), 0);
    }
    if (at < most) judge(schema, (const char *)text.data, text.len);
    sampler_release(&s);
    buf_release(&text);
    free(l);
    return at < most;
}

TEST(any_ids_that_are_allowed_give_json_that_fits) {
    struct model *m = shipped();
    struct gram_trie *trie = NULL;
    int ended = 0, all = 0;
    for (uint64_t seed = 1; seed <= 8; seed++)
        for (size_t i = 0; i < SAMPLED; i++, all++) ended += sample_blindly(m, &trie, sampled[i], seed, 200);
    printf("# %d of %d answers ended within 200 tokens, and fit\n", ended, all);
    CHECK(ended > all / 2);
    gram_trie_free(trie);
    model_close(m);
}

struct answer {
    struct gen *gen;
    const char *schema;
    struct gen_format format;
    struct gen_sampling sampling;
    int32_t id[256];
    uint8_t chain[DIGEST_BYTES], text[4096];
    size_t ids, text_len;
    enum gen_stop stop;
};

static void take(struct answer *a, const struct gen_event *ev) {
    CHECK_INT(ev->err, 0);
    CHECK(a->ids < 256 && a->text_len + ev->text_len < sizeof a->text);
    if (ev->id >= 0) a->id[a->ids++] = ev->id;
    if (ev->text_len) memcpy(a->text + a->text_len, ev->text, ev->text_len);
    a->text_len += ev->text_len;
    a->stop = ev->stop;
    gen_digest_chain(ev->gen, a->chain);
}

static const struct gen_message question[] = {{ROLE_USER, {"What is 23 + 45?", 16}}};
static const uint8_t salt[DIGEST_BYTES] = {9};

static struct gen_request request_of(const struct answer *a, uint32_t most) {
    return (struct gen_request){
        .messages = question, .message_count = 1, .sampling = a->sampling, .format = a->format, .max_tokens = most};
}

static void start(struct gen_pool *p, struct answer *a, const char *schema, uint64_t seed) {
    struct why why = {{0}};
    *a = (struct answer){.schema = schema, .format = {FORMAT_SCHEMA, {schema, strlen(schema)}}};
    a->sampling = (struct gen_sampling){.temperature = 1, .top_p = 1, .repeat_penalty = 1.1f, .repeat_last_n = 64, .seed = seed};
    struct gen_request q = request_of(a, 120);
    CHECK_INT(gen_start(&a->gen, p, &q, NULL, salt, a, &why), 0);
}

static void run_all(struct gen_pool *p, size_t slots) {
    struct gen_event ev[64];
    while (gen_pool_active(p)) {
        int n = gen_step(p, ev, slots);
        CHECK(n >= 0);
        for (int i = 0; i < n; i++) {
            take(ev[i].user, &ev[i]);
            if (ev[i].stop != STOP_NONE) gen_free(ev[i].gen);
        }
    }
}

/* The same answer from a cut on, and from a replay; a replay under another schema or none sees that the ids are not its own. */
static void resume_and_replay(struct model *m, struct gen_pool *p, const struct answer *a) {
    struct answer again = *a;
    struct gen_request q = request_of(a, 120);
    struct gen_resume half = {a->id, a->ids / 2};
    again.ids = half.count, again.text_len = 0, again.stop = STOP_NONE;
    CHECK_INT(gen_start(&again.gen, p, &q, &half, salt, &again, NULL), 0);
    size_t prompt_count, before;
    const int32_t *ids = gen_prompt_ids(again.gen, &prompt_count);
    const uint8_t *text = gen_resumed_text(again.gen, &before);
    int32_t prompt[64];
    CHECK(prompt_count < 64);
    memcpy(prompt, ids, prompt_count * sizeof *ids);
    if (before) memcpy(again.text, text, before);
    again.text_len = before;
    run_all(p, 1);
    CHECK(again.ids == a->ids && again.text_len == a->text_len && memcmp(again.id, a->id, a->ids * sizeof *ids) == 0);
    CHECK_MEM(again.text, a->text, a->text_len);
    struct replay in = {.prompt = prompt,
                        .prompt_count = prompt_count,
                        .sampling = a->sampling,
                        .format = a->format,
                        .at_start = 1,
                        .ids = a->id,
                        .count = a->ids,
                        .salt = salt,
                        .chain = a->chain};
    struct replay_result out;
    CHECK_INT(replay_run(m, &in, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_EXACT);
    in.format = (struct gen_format){FORMAT_GBNF, {"root ::= [\\u4e00]+", 18}};
    CHECK_INT(replay_run(m, &in, &out, NULL), 0);
    CHECK(out.verdict == REPLAY_ID && out.position == 0);
}

TEST(the_shipped_model_answers_in_the_schema_resumes_and_replays) {
    enum { SEEDS = 4, ALL = SEEDS * SAMPLED, SLOTS = 8 };
    struct model *m = shipped();
    struct gen_pool *p;
    struct gen_pool_opts o = {.slots = SLOTS, .threads = 2};
    static struct answer a[ALL];
    int ended = 0;
    CHECK_INT(gen_pool_new(&p, m, &o, NULL), 0);
    for (size_t i = 0; i < ALL; i += SLOTS) {
        size_t n = ALL - i < SLOTS ? ALL - i : SLOTS;
        for (size_t k = 0; k < n; k++) start(p, &a[i + k], sampled[(i + k) % SAMPLED], 100 + (i + k) / SAMPLED);
        run_all(p, SLOTS);
    }
    for (size_t i = 0; i < ALL; i++) {
        if (a[i].stop == STOP_END) judge(a[i].schema, (const char *)a[i].text, a[i].text_len);
        ended += a[i].stop == STOP_END;
    }
    for (size_t i = 0; i < 3; i++) resume_and_replay(m, p, &a[i]);
    printf("# %d of %d answers ended within 120 tokens, and fit\n", ended, ALL);
    CHECK(ended > ALL / 2);
    /* ids that the schema forbids cannot be resumed */
    int32_t wrong[] = {vocab_find(model_vocab(m), "a", 1)};
    struct gen_request q = request_of(&a[0], 120);
    struct gen_resume bad = {wrong, 1};
    struct gen *g;
    CHECK_INT(gen_start(&g, p, &q, &bad, salt, NULL, NULL), ERR_RANGE);
    q.format = (struct gen_format){FORMAT_SCHEMA, {"{\"not\":{}}", 10}};
    CHECK_INT(gen_start(&g, p, &q, NULL, salt, NULL, NULL), ERR_UNSUPPORTED);
    gen_pool_free(p);
    model_close(m);
}

TESTS_MAIN("schema", T(schemas_match_what_fits_them), T(integer_ranges_are_exact), T(what_is_not_done_is_refused_by_name),
           T(a_schema_that_multiplies_is_stopped), T(schemas_that_take_much_work_are_stopped),
           T(any_ids_that_are_allowed_give_json_that_fits), T(the_shipped_model_answers_in_the_schema_resumes_and_replays))
