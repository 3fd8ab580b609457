/* Conceptual message wrappers: the draft's own examples in both spellings, round trips, and what is refused. */
#include "base/file.h"
#include "base/json.h"
#include "evidence/cbor.h"
#include "evidence/cmw.h"
#include "tests/check.h"

#define FOLDER "tests/data/evidence/rats-cmw/"
static const uint8_t sample[4] = {0x23, 0x47, 0xda, 0x55};

static struct buf file;
static const struct cmw *from_file(struct cmw *c, const char *path, unsigned rules) {
    struct why why = {{0}};
    CHECK_INT(file_read(&file, path, 65536, &why), 0);
    int r = cmw_read(c, file.data, file.len, rules, &why);
    if (r != 0) print_message("# %s: %s\n", path, why.text);
    CHECK_INT(r, 0);
    return c;
}
static void done(struct cmw *c) {
    cmw_release(c);
    buf_release(&file);
}
static void holds(const struct cmw_item *it, const void *p, size_t n) {
    CHECK(it != NULL);
    CHECK_INT(it->value.n, n);
    CHECK_MEM(it->value.p, p, n);
}

TEST(the_drafts_records_are_read_in_both_spellings) {
    static struct cmw c;
    static const char *const json[] = {FOLDER "cmw-example-1.json", FOLDER "cmw-example-2.json"};
    static const char *const types[] = {"application/vnd.example.rats-conceptual-msg",
                                        "application/eat+cwt; eat_profile=\"tag:psacertified.org,2023:psa#tfm\""};
    for (int i = 0; i < 2; i++) {
        from_file(&c, json[i], 0);
        CHECK_INT(c.form, CMW_RECORD);
        CHECK_STR(c.item[0].type, types[i]);
        holds(&c.item[0], sample, 4);
        done(&c);
    }
    from_file(&c, FOLDER "cmw-example-1.cbor", CBOR_DETERMINISTIC);
    CHECK(c.form == CMW_RECORD && c.item[0].content_format == 64999 && c.item[0].type[0] == 0 && !c.item[0].has_indicator);
    holds(&c.item[0], sample, 4);
    done(&c);
    from_file(&c, FOLDER "cmw-example-2.cbor", CBOR_DETERMINISTIC);
    CHECK_STR(c.item[0].type, types[0]);
    holds(&c.item[0], sample, 4);
    done(&c);
    from_file(&c, FOLDER "cmw-example-tag-1.cbor", CBOR_DETERMINISTIC);
    CHECK(c.form == CMW_TAG && c.item[0].content_format == 64999 && c.item[0].is_tag);
    holds(&c.item[0], sample, 4);
    done(&c);
}

TEST(the_drafts_collections_are_read_in_both_spellings) {
    static struct cmw c;
    static const char *const json[] = {FOLDER "collection-example-1.json", FOLDER "collection-example-2.json"};
    for (int i = 0; i < 2; i++) {
        from_file(&c, json[i], 0);
        CHECK(c.form == CMW_COLLECTION && c.items == 2);
        CHECK_STR(c.collection_type, i ? "tag:example.com,2024:another-composite-attester" : "");
        holds(cmw_find(&c, "attester A"), "{}\n", 3);
        holds(cmw_find(&c, "attester B"), "\xa0", 1);
        CHECK(cmw_find(&c, "attester A")->indicator == CMW_EVIDENCE && cmw_find(&c, "attester C") == NULL);
        done(&c);
    }
    static const char *const cbor[] = {FOLDER "collection-example-1.cbor", FOLDER "collection-example-2.cbor",
                                       FOLDER "collection-example-1-unsorted.cbor", FOLDER "collection-example-2-unsorted.cbor"};
    for (int i = 0; i < 4; i++) {
        from_file(&c, cbor[i], i < 2 ? CBOR_DETERMINISTIC : 0);
        CHECK(c.form == CMW_COLLECTION && c.items == 3);
        CHECK_STR(c.collection_type, "tag:example.com,2024:composite-attester");
        CHECK(c.item[0].label_is_number && c.item[0].label_number == 0 && c.item[0].indicator == CMW_EVIDENCE);
        CHECK(c.item[1].is_tag && c.item[1].content_format == 64999);
        CHECK(c.item[2].indicator == CMW_RESULTS);
        holds(&c.item[1], sample, 4);
        holds(&c.item[2], i % 2 ? "..." : "Li4u", i % 2 ? 3 : 4);
        done(&c);
    }
}

TEST(the_drafts_eat_carries_a_collection) {
    static struct cmw c;
    json_t *eat;
    struct buf text;
    CHECK_INT(file_read(&file, FOLDER "eat-example-1.json", 65536, NULL), 0);
    CHECK_INT(json_parse(&eat, file.data, file.len, NULL), 0);
    CHECK_INT(json_print(&text, json_object_get(eat, "cmw"), 65536), 0);
    CHECK_INT(cmw_read(&c, text.data, text.len, 0, NULL), 0);
    CHECK_INT(c.items, 2);
    json_decref(eat);
    buf_release(&text);
    done(&c);
}

TEST(what_is_written_is_what_was_read) {
    static const char *const names[] = {FOLDER "cmw-example-1.cbor", FOLDER "cmw-example-2.cbor", FOLDER "cmw-example-tag-1.cbor",
                                        FOLDER "collection-example-1.cbor", FOLDER "collection-example-2.cbor"};
    static struct cmw c, again;
    uint8_t bytes[512];
    for (int i = 0; i < 5; i++) {
        from_file(&c, names[i], CBOR_DETERMINISTIC);
        struct writer w = writer_over(bytes, sizeof bytes);
        cmw_write_cbor(&w, &c);
        CHECK_INT(w.err, 0);
        CHECK_INT(w.len, file.len);
        CHECK_MEM(bytes, file.data, file.len);
        done(&c);
    }
    from_file(&c, FOLDER "collection-example-2.json", 0);
    struct buf b;
    CHECK_INT(cmw_write_json(&b, &c), 0);
    CHECK_INT(cmw_read(&again, b.data, b.len, 0, NULL), 0);
    CHECK_INT(again.items, 2);
    CHECK_STR(again.collection_type, c.collection_type);
    CHECK_STR(again.item[1].type, c.item[1].type);
    CHECK(again.item[1].indicator == 4 && again.item[1].value.n == c.item[1].value.n);
    cmw_release(&again);
    buf_release(&b);
    done(&c);
}

/* RFC 9277, 4.3 */
TEST(tags_stand_for_content_formats_and_no_other_tag_does) {
    uint16_t back;
    CHECK_INT(cmw_tag_of(64999), 1668612070);
    for (uint32_t f = 0; f <= UINT16_MAX; f += 7) {
        CHECK(cmw_content_format_of(cmw_tag_of((uint16_t)f), &back));
        CHECK_INT(back, f);
    }
    CHECK(!cmw_content_format_of(1668546816, &back));
    CHECK(!cmw_content_format_of(1668546817 + 255, &back));
    CHECK(!cmw_content_format_of(cmw_tag_of(UINT16_MAX) + 1, &back));
}

static int json(const char *text) {
    static struct cmw c;
    int r = cmw_read(&c, text, strlen(text), 0, NULL);
    cmw_release(&c);
    return r;
}

TEST(malformed_json_is_refused) {
    static const char *const bad[] = {
        "[]",
        "{}",
        "[\"a/b\"]",
        "[\"a/b\",\"\",4,4]",
        "[\"a/b\",\"I0faVQ==\"]",      /* padded */
        "[\"a/b\",\"I0faVR\"]",        /* bits behind the last byte */
        "[\"a/b\",\"I0fa\\u0000VQ\"]", /* something between */
        "[\"a/b\",\"I0+aVQ\"]",        /* the other alphabet */
        "[\"a/b\",7]",
        "[\"ab\",\"\"]",
        "[\"/b\",\"\"]",
        "[\"a/\",\"\"]",
        "[\"a/\\u0001b\",\"\"]",
        "[null,\"\"]",
        "[\"a/b\",\"\",\"4\"]",
        "[\"a/b\",\"\",null]",
        "{\"\":[\"a/b\",\"\"]}",
        "{\"a\":\"b\"}",
        "{\"__cmwc_t\":\"x:y\"}",
        "{\"__cmwc_t\":7,\"a\":[\"a/b\",\"\"]}",
        "{\"a\":[\"a/b\",\"\"],\"a\":[\"a/b\",\"\"]}",
        "{\"a\":[\"a/b\",\"\"]} x",
        "[",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (json(bad[i]) != ERR_FORMAT) print_message("# %s: %d\n", bad[i], json(bad[i]));
        CHECK_INT(json(bad[i]), ERR_FORMAT);
    }
    CHECK_INT(json("[65536,\"\"]"), ERR_RANGE);
    CHECK_INT(json("[-1,\"\"]"), ERR_RANGE);
    CHECK_INT(json("[\"a/b\",\"\",4294967296]"), ERR_RANGE);
    CHECK_INT(json("[\"a/b\",\"\",4294967295]"), 0);
}

TEST(a_collection_within_a_collection_is_refused) {
    static struct cmw c;
    static const uint8_t nested[] = {0xa1, 0x61, 'a', 0xa1, 0x61, 'b', 0x82, 0x00, 0x40};
    CHECK_INT(json("{\"a\":{\"b\":[\"a/b\",\"\"]}}"), ERR_UNSUPPORTED);
    CHECK_INT(cmw_read(&c, nested, sizeof nested, CBOR_DETERMINISTIC, NULL), ERR_UNSUPPORTED);
    cmw_release(&c);
}

TEST(malformed_cbor_is_refused) {
    static const struct {
        const char *bytes;
        size_t n;
        int r;
    } bad[] = {
        {"", 0, ERR_SHORT},
        {"\x82\x00\x40\x00", 4, ERR_TRAILING},
        {"\x82\x00", 2, ERR_SHORT},
        {"\x81\x00", 2, ERR_FORMAT},
        {"\x84\x00\x40\x04\x04", 5, ERR_FORMAT},
        {"\x82\x00\x60", 3, ERR_FORMAT},     /* text where bytes must be */
        {"\x82\x18\x05\x40", 4, ERR_FORMAT}, /* not the shortest head */
        {"\x9f\x00\x40\xff", 4, ERR_FORMAT}, /* of indefinite length */
        {"\x82\x1a\x00\x01\x00\x00\x40", 7, ERR_RANGE},
        {"\xc1\x40", 2, ERR_FORMAT}, /* a tag of something else */
        {"\xa0", 1, ERR_FORMAT},
        {"\xa2\x61\x62\x82\x00\x40\x61\x61\x82\x00\x40", 11, ERR_FORMAT}, /* not ascending */
        {"\xa2\x61\x61\x82\x00\x40\x61\x61\x82\x00\x40", 11, ERR_FORMAT}, /* twice */
    };
    static struct cmw c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int r = cmw_read(&c, bad[i].bytes, bad[i].n, CBOR_DETERMINISTIC, NULL);
        if (r != bad[i].r) print_message("# case %zu: %d, not %d\n", i, r, bad[i].r);
        CHECK_INT(r, bad[i].r);
        cmw_release(&c);
    }
    CHECK_INT(cmw_read(&c, bad[12].bytes, bad[12].n, 0, NULL), ERR_EXISTS); /* also where the order is free */
    cmw_release(&c);
}

TEST(a_label_more_than_the_limit_and_a_message_over_its_limit_are_refused) {
    static char text[64 * (CMW_ITEMS_MAX + 1)];
    for (int n = CMW_ITEMS_MAX; n <= CMW_ITEMS_MAX + 1; n++) {
        size_t at = (size_t)snprintf(text, sizeof text, "{");
        for (int i = 0; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s\"m%d\":[\"a/b\",\"AA\"]", i ? "," : "", i);
        snprintf(text + at, sizeof text - at, "}");
        CHECK_INT(json(text), n > CMW_ITEMS_MAX ? ERR_LIMIT : 0);
    }
    static uint8_t big[CMW_BYTES_MAX + 1];
    static struct cmw c;
    CHECK_INT(cmw_read(&c, big, sizeof big, 0, NULL), ERR_LIMIT);
    cmw_release(&c);
}

/* Parsed, each "{}" takes seventy times its bytes. */
TEST(json_of_many_small_values_is_refused_before_it_is_parsed) {
    static char text[64 << 10];
    struct cmw c;
    size_t n = 0;
    text[n++] = '[';
    while (n < sizeof text - 4) text[n++] = '{', text[n++] = '}', text[n++] = ',';
    text[n++] = '1', text[n++] = ']';
    CHECK_INT(cmw_read(&c, text, n, 0, NULL), ERR_LIMIT);
    cmw_release(&c);
    static const char quoted[] = "[\"a/b;\\\"[,[,[,\",\"\"]"; /* brackets in a text are no values */
    CHECK_INT(cmw_read(&c, quoted, sizeof quoted - 1, 0, NULL), 0);
    cmw_release(&c);
}

TEST(every_cut_of_a_collection_is_refused) {
    static struct cmw c, cut;
    static const char *const names[] = {FOLDER "collection-example-1.cbor", FOLDER "collection-example-1.json"};
    for (int f = 0; f < 2; f++) {
        from_file(&c, names[f], 0);
        size_t n = file.len;
        while (f == 1 && n > 0 && file.data[n - 1] != '}') n--;
        for (size_t i = 0; i < n; i++) {
            CHECK(cmw_read(&cut, file.data, i, 0, NULL) != 0);
            cmw_release(&cut);
        }
        done(&c);
    }
}

TESTS_MAIN("cmw", T(the_drafts_records_are_read_in_both_spellings), T(the_drafts_collections_are_read_in_both_spellings),
           T(the_drafts_eat_carries_a_collection), T(what_is_written_is_what_was_read),
           T(tags_stand_for_content_formats_and_no_other_tag_does), T(malformed_json_is_refused),
           T(a_collection_within_a_collection_is_refused), T(malformed_cbor_is_refused),
           T(a_label_more_than_the_limit_and_a_message_over_its_limit_are_refused), T(every_cut_of_a_collection_is_refused),
           T(json_of_many_small_values_is_refused_before_it_is_parsed))
