/* One spelling per value: what RFC 8785 makes of texts, and what is refused because two programs could read it differently. */
#include "base/hash.h"
#include "evidence/canonical_json.h"
#include "tests/check.h"

/* canonical NULL: must be refused. */
static void becomes(const char *text, const char *canonical) {
    struct buf b;
    struct why why = {{0}};
    int r = canonical_json(&b, text, strlen(text), &why);
    if (!canonical) {
        CHECK_INT(r, ERR_FORMAT);
        CHECK(why.text[0]);
        return;
    }
    CHECK_INT(r, 0);
    CHECK_INT(b.len, strlen(canonical));
    CHECK_MEM(b.data, canonical, b.len);
    CHECK_INT(canonical_json_check(b.data, b.len, NULL), 0);
    buf_release(&b);
}

TEST(members_are_sorted_and_nothing_is_between_the_tokens) {
    becomes(" { \"b\" : [ 1 , true,null ] , \"a\":{}, \"Z\" :false} ", "{\"Z\":false,\"a\":{},\"b\":[1,true,null]}");
    becomes("{\"a1\":1,\"a\":2,\"a-\":3}", "{\"a\":2,\"a-\":3,\"a1\":1}");
    becomes("[]", "[]");
    becomes("\"\"", "\"\"");
}

/* RFC 8785, 3.2.2.2 */
TEST(texts_have_the_fewest_escapes) {
    becomes("\"\\u0041\\/\\u20ac\\\\\\\"\"", "\"A/\xe2\x82\xac\\\\\\\"\"");
    becomes("\"\\u0008\\u0009\\u000a\\u000c\\u000d\\u0000\\u001F\\u007f\"", "\"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\"");
    becomes("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
}

TEST(integers_stop_at_53_bits_and_there_is_nothing_else) {
    becomes("[-0,9007199254740991,-9007199254740991]", "[0,9007199254740991,-9007199254740991]");
    static const char *const bad[] = {
        "9007199254740992", "-9007199254740992", "1.0", "1e2", "0.5", "99999999999999999999", "01", "+1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) becomes(bad[i], NULL);
}

TEST(what_two_programs_could_read_differently_is_refused) {
    static const char *const bad[] = {"{\"a\":1,\"a\":2}",
                                      "{\"a\":1,\"\\u0061\":2}",
                                      "{\"\xc3\xa9\":1}",
                                      "{\"\\n\":1}",
                                      "{\"a\":1}x",
                                      "",
                                      "\"\\ud800\"",
                                      "\"\xff\"",
                                      "{\"a\\u0000\":1}",
                                      "{a:1}",
                                      "[1,]",
                                      "nul"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) becomes(bad[i], NULL);
}

TEST(nesting_and_size_are_bounded) {
    char deep[2 * (JSON_DEPTH_MAX + 1)];
    memset(deep, '[', JSON_DEPTH_MAX + 1);
    memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    struct buf b;
    CHECK_INT(canonical_json(&b, deep, sizeof deep, NULL), ERR_FORMAT);
    CHECK_INT(canonical_json(&b, deep + 1, sizeof deep - 2, NULL), 0);
    buf_release(&b);
    static char big[CANONICAL_BYTES_MAX + 1];
    memset(big, ' ', sizeof big);
    CHECK_INT(canonical_json(&b, big, sizeof big, NULL), ERR_LIMIT);
}

TEST(another_spelling_of_the_same_value_is_noticed_and_has_the_same_digest) {
    static const char good[] = "{\"a\":1,\"b\":2}";
    static const char *const others[] = {"{\"b\":2,\"a\":1}", "{\"a\":1, \"b\":2}", "{\"a\":1,\"b\":2}\n",
                                         "{\"\\u0061\":1,\"b\":2}"};
    uint8_t want[32], direct[32], got[32];
    sha256_of(direct, good, sizeof good - 1);
    CHECK_INT(canonical_json_digest(want, good, sizeof good - 1, NULL), 0);
    CHECK_MEM(direct, want, 32);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct why why = {{0}};
        CHECK_INT(canonical_json_check(others[i], strlen(others[i]), &why), ERR_FORMAT);
        CHECK(strstr(why.text, "canonical") != NULL);
        CHECK_INT(canonical_json_digest(got, others[i], strlen(others[i]), NULL), 0);
        CHECK_MEM(got, want, 32);
    }
}

TESTS_MAIN("canonical_json", T(members_are_sorted_and_nothing_is_between_the_tokens), T(texts_have_the_fewest_escapes),
           T(integers_stop_at_53_bits_and_there_is_nothing_else), T(what_two_programs_could_read_differently_is_refused),
           T(nesting_and_size_are_bounded), T(another_spelling_of_the_same_value_is_noticed_and_has_the_same_digest))
