/* Leaves: each type in its one spelling, and what is none. */
#include <stdlib.h>

#include "base/json.h"
#include "evidence/tlog_leaf.h"
#include "evidence/tlog_tile.h"
#include "tests/check.h"

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"
#define H3 "3333333333333333333333333333333333333333333333333333333333333333"
#define RELEASE                                                                      \
    "{\"binary\":\"" H1 "\",\"measurements\":[{\"kind\":\"sev-snp\",\"value\":\"" H2 \
    "\"}],\"name\":\"lull\",\"type\":\"release\","                                   \
    "\"v\":1,\"version\":\"0.1.0\"}"
#define MODEL  "{\"manifest\":\"" H1 "\",\"name\":\"toy:latest\",\"type\":\"model\",\"v\":1}"
#define POLICY "{\"digest\":\"" H1 "\",\"name\":\"strict\",\"type\":\"policy\",\"v\":1}"
#define NODES                                                               \
    "{\"hour\":498780,\"nodes\":[[\"" H1 "\",\"" H3 "\"],[\"" H2 "\",\"" H3 \
    "\"]],\"part\":0,\"parts\":1,\"type\":\"nodes\",\"v\":1}"
#define STATE \
    "{\"from\":1000,\"in_force\":[\"" H1 "\",\"" H2 "\"],\"revoked\":[\"" H3 "\"],\"type\":\"state\",\"until\":87400,\"v\":1}"

static struct tlog_leaf leaf;
static int read_text(const char *s) { return tlog_leaf_read(&leaf, (struct ev_bytes){(const uint8_t *)s, strlen(s)}, NULL); }

TEST(each_type_is_read) {
    struct tlog_hash want, h1, h3;
    memset(h1.b, 0x11, 32);
    memset(h3.b, 0x33, 32);
    CHECK_INT(read_text(RELEASE), 0);
    CHECK_INT(leaf.type, TLOG_RELEASE);
    CHECK_STR(leaf.version, "0.1.0");
    CHECK_INT(leaf.measurements, 1);
    CHECK_INT(leaf.measurement[0].size, 32);
    tree_leaf_hash(want.b, RELEASE, strlen(RELEASE));
    CHECK(tlog_hash_equal(&leaf.hash, &want));
    CHECK_INT(read_text(MODEL), 0);
    CHECK_MEM(leaf.digest, h1.b, 32);
    CHECK_INT(read_text(POLICY), 0);
    CHECK_INT(leaf.type, TLOG_POLICY);
    CHECK_INT(read_text(NODES), 0);
    CHECK_INT(leaf.nodes, 2);
    CHECK(tlog_hash_equal(&leaf.list[3], &h3));
    CHECK_INT(read_text(STATE), 0);
    CHECK_INT(leaf.in_force, 2);
    CHECK_INT(leaf.revoked, 1);
    CHECK_INT(tlog_state_says(&leaf, &h1), TLOG_IN_FORCE);
    CHECK_INT(tlog_state_says(&leaf, &h3), TLOG_REVOKED);
    CHECK_INT(tlog_state_says(&leaf, &want), TLOG_NOT_LISTED);
}

/* One text of the leaf for another, then the leaf must be refused. */
static void refused(const char *base, const char *from, const char *to, int err) {
    char text[4096];
    const char *at = strstr(base, from);
    CHECK(at != NULL);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - base), base, to, at + strlen(from));
    int r = read_text(text);
    if (r != err) print_error("%s: %d\n", text, r);
    CHECK_INT(r, err);
}

TEST(what_is_no_leaf_is_refused) {
    refused(MODEL, "\"v\":1", "\"v\":2", ERR_VERSION);
    refused(MODEL, "\"v\":1", "\"v\":\"1\"", ERR_FORMAT);
    refused(MODEL, ",\"v\":1", "", ERR_FORMAT);
    refused(MODEL, "\"model\"", "\"thing\"", ERR_UNSUPPORTED);
    refused(MODEL, "\"model\"", "\"policy\"", ERR_FORMAT);
    refused(MODEL, "{\"manifest\":\"" H1 "\",", "{", ERR_FORMAT);
    refused(MODEL, "\"" H1 "\"", "\"11\"", ERR_FORMAT);
    refused(MODEL, "111", "AAA", ERR_FORMAT);
    refused(MODEL, ",\"v\":1", ",\"v\":1,\"x\":1", ERR_FORMAT);
    refused(MODEL, "toy:latest", "", ERR_FORMAT);
    refused(MODEL, "toy:latest", "two words", ERR_FORMAT);
    refused(MODEL, "toy:latest", "\xc3\xa9", ERR_FORMAT);
    refused(MODEL, ",", ", ", ERR_FORMAT); /* not the canonical spelling */
    refused(MODEL, "}", "}\n", ERR_FORMAT);
    refused(MODEL, MODEL, "[]", ERR_FORMAT);
    refused(MODEL, MODEL, "", ERR_FORMAT);
    refused(RELEASE, "\"" H2 "\"", "\"2222\"", ERR_FORMAT);
    refused(RELEASE, "\"" H2 "\"", "\"" H1 H1 H1 "\"", ERR_FORMAT);
    refused(RELEASE, "{\"kind\":\"sev-snp\",\"value\":\"" H2 "\"}", "1", ERR_FORMAT);
    refused(RELEASE, "{\"kind\":\"sev-snp\",", "{\"kind\":\"sev-snp\",\"more\":1,", ERR_FORMAT);
    refused(RELEASE, "[{\"kind\":\"sev-snp\",\"value\":\"" H2 "\"}]", "{}", ERR_FORMAT);
    refused(NODES, "\"part\":0", "\"part\":1", ERR_RANGE);
    refused(NODES, "\"parts\":1", "\"parts\":0", ERR_RANGE);
    refused(NODES, "\"hour\":498780", "\"hour\":-1", ERR_RANGE);
    refused(NODES, "[\"" H2 "\",\"" H3 "\"]", "[\"" H1 "\",\"" H3 "\"]", ERR_FORMAT); /* one node twice */
    refused(NODES, "[\"" H2 "\",\"" H3 "\"]", "[\"" H2 "\"]", ERR_FORMAT);
    refused(STATE, "87400", "87401", ERR_RANGE); /* over 24 hours */
    refused(STATE, "87400", "1000", ERR_RANGE);
    refused(STATE, "\"until\":87400", "\"until\":\"87400\"", ERR_FORMAT);
    refused(STATE, "1000", "-1", ERR_RANGE);
    refused(STATE, "\"" H1 "\",\"" H2 "\"", "\"" H2 "\",\"" H1 "\"", ERR_FORMAT);
    refused(STATE, "\"" H1 "\",\"" H2 "\"", "\"" H2 "\",\"" H2 "\"", ERR_FORMAT);
    refused(STATE, "\"" H3 "\"", "\"" H2 "\"", ERR_FORMAT); /* in force and revoked */
    refused(STATE, "[\"" H3 "\"]", "null", ERR_FORMAT);
}

TEST(lists_end_at_their_limits) {
    for (unsigned n = 399; n <= 401; n++) {
        json_t *list = json_array();
        for (unsigned i = 0; i < n; i++) json_array_append_new(list, json_sprintf("%064u", i));
        json_t *state = json_pack("{s:i,s:s,s:i,s:i,s:o,s:[]}", "v", 1, "type", "state", "from", 0, "until", 1, "in_force", list,
                                  "revoked");
        char *text = json_dumps(state, 0);
        struct buf entry;
        int r = tlog_leaf_write(&entry, text, strlen(text), NULL);
        CHECK_INT(r, n <= TLOG_LISTED_MAX ? 0 : ERR_LIMIT);
        if (r == 0) {
            CHECK(entry.len < TLOG_ENTRY_BYTES_MAX);
            buf_release(&entry);
        }
        free(text);
        json_decref(state);
    }
}

TEST(another_spelling_is_written_as_the_one_that_is_read) {
    static const char loose[] = " {\"type\": \"model\", \"v\" : 1, \"name\":\"toy\\u003alatest\",\n \"manifest\":\"" H1 "\"} ";
    struct buf entry;
    CHECK_INT(tlog_leaf_write(&entry, loose, strlen(loose), NULL), 0);
    CHECK_INT(entry.len, strlen(MODEL));
    CHECK_MEM(entry.data, MODEL, entry.len);
    buf_release(&entry);
    CHECK_INT(tlog_leaf_write(&entry, "{}", 2, NULL), ERR_FORMAT);
}

TESTS_MAIN("tlog_leaf", T(each_type_is_read), T(what_is_no_leaf_is_refused), T(lists_end_at_their_limits),
           T(another_spelling_is_written_as_the_one_that_is_read))
