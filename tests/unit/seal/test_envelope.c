/* seal: the sealed request, from the gateway, through a coordinator's eyes, to a node; and everything that must not open. */
#include "seal/chunk.h"
#include "seal/envelope_wrap.h"
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

enum { NODES = 3 };
static struct fix_node nodes[CANDIDATES_MAX];
static struct buf env;
static struct envelope_secrets secrets;
static uint8_t plain[SIZE_CLASS_MAX];
static struct opened o;

static void setup(const struct content *c, unsigned count) {
    for (unsigned i = 0; i < CANDIDATES_MAX; i++) fix_node(&nodes[i], (uint8_t)(i + 1));
    CHECK_INT(fix_seal(&env, &secrets, nodes, count, c), 0);
}
static void done(void) {
    for (unsigned i = 0; i < CANDIDATES_MAX; i++) fix_node_done(&nodes[i]);
    buf_release(&env);
}
static int try_open(unsigned node) { return fix_open(&nodes[node], env.data, env.len, plain, sizeof plain, &o); }
static int wiped(const void *p, size_t n) {
    const uint8_t *b = p;
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) any |= b[i];
    return any == 0;
}

TEST(every_candidate_opens_the_same_content) {
    struct content c;
    fix_content(&c);
    setup(&c, NODES);
    for (unsigned i = 0; i < NODES; i++) {
        CHECK_INT(try_open(i), 0);
        CHECK_INT(o.candidate, i);
        CHECK_INT(o.content.body_n, c.body_n);
        CHECK_MEM(o.content.body, c.body, c.body_n);
        CHECK_STR(o.content.path, c.path);
        CHECK(o.content.seed == 42 && o.content.so_far.count == 2 && id_at(&o.content.so_far, 1) == 258 &&
              o.content.attempt == 1);
        CHECK(o.content.text_delivered == 9 && o.content.deadline_ms == 60000 && o.content.prompt_hash[5] == 0x33);
        CHECK_MEM(o.response_secret, secrets.response_secret[i], 32);
        CHECK_MEM(o.header_hash, secrets.header_hash, 32);
    }
    CHECK(memcmp(secrets.response_secret[0], secrets.response_secret[1], 32) != 0);
    CHECK_INT(try_open(NODES), ERR_NOTFOUND); /* not a candidate */
    done();
}

TEST(size_classes_hide_the_length) {
    static uint8_t body[CONTENT_BODY_MAX];
    static const struct {
        uint32_t body, size_class;
    } rows[] = {{0, 1024},       {500, 1024},      {2000, 4096},
                {10000, 16384},  {16384, 65536},   {60000, 65536},
                {70000, 262144}, {300000, 524288}, {CONTENT_BODY_MAX, CONTENT_BODY_MAX + SIZE_CLASS_STEP}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct content c;
        fix_content(&c);
        c.body = body;
        c.body_n = rows[i].body;
        setup(&c, 1);
        CHECK_INT(secrets.head.size_class, rows[i].size_class);
        CHECK_INT(env.len, reqhead_bytes(&secrets.head) + ENVELOPE_WRAP_BYTES + envelope_body_bytes(rows[i].size_class));
        CHECK_INT(try_open(0), 0);
        CHECK_INT(o.content.body_n, c.body_n);
        done();
    }
    CHECK(size_class_ok(1024) && size_class_ok(SIZE_CLASS_MAX) && !size_class_ok(0) && !size_class_ok(2048) &&
          !size_class_ok(1023));
    CHECK(!size_class_ok(SIZE_CLASS_MAX + SIZE_CLASS_STEP) && size_class_for(SIZE_CLASS_MAX + 1) == 0);
}

TEST(content_over_the_limits_is_not_sealed) {
    struct content c;
    struct buf out;
    struct envelope_secrets s;
    static uint8_t big[CONTENT_BODY_MAX + 1];
    fix_node(&nodes[0], 1);
    fix_content(&c);
    c.body = big;
    c.body_n = CONTENT_BODY_MAX + 1;
    CHECK_INT(fix_seal(&out, &s, nodes, 1, &c), ERR_LIMIT);
    CHECK(out.len == 0 && wiped(&s, sizeof s));
    buf_release(&out);
    fix_content(&c);
    c.so_far.count = IDS_MAX + 1;
    c.so_far.be = big;
    CHECK_INT(fix_seal(&out, &s, nodes, 1, &c), ERR_LIMIT);
    buf_release(&out);
    fix_content(&c);
    strcpy(c.path, "no-slash");
    CHECK_INT(fix_seal(&out, &s, nodes, 1, &c), ERR_FORMAT);
    buf_release(&out);
    fix_content(&c);
    CHECK_INT(fix_seal(&out, &s, nodes, 0, &c), ERR_RANGE);
    buf_release(&out);
    CHECK_INT(fix_seal(&out, &s, nodes, 9, &c), ERR_RANGE);
    buf_release(&out);
    fix_node_done(&nodes[0]);
}

TEST(a_candidate_named_twice_is_refused_on_both_sides) {
    struct content c;
    struct buf out;
    fix_content(&c);
    setup(&c, 2);
    struct fix_node same[2] = {nodes[0], nodes[0]};
    CHECK_INT(fix_seal(&out, &secrets, same, 2, &c), ERR_EXISTS);
    buf_release(&out);
    size_t ids_at = reqhead_bytes(&secrets.head); /* secrets was wiped: take the size from the envelope */
    struct envelope_head h;
    CHECK_INT(envelope_head_read(env.data, env.len, &h), 0);
    ids_at = reqhead_bytes(&h.head) - 32 - 2 * 32;
    memcpy(env.data + ids_at + 32, env.data + ids_at, 32);
    CHECK_INT(envelope_head_read(env.data, env.len, &h), ERR_EXISTS);
    CHECK_INT(try_open(0), ERR_EXISTS);
    done();
}

TEST(a_coordinator_reads_the_head_in_any_pieces) {
    struct content c;
    struct envelope_head h;
    fix_content(&c);
    setup(&c, NODES);
    size_t need = reqhead_bytes(&secrets.head) + NODES * ENVELOPE_WRAP_BYTES;
    for (size_t n = 0; n < need; n++) CHECK_INT(envelope_head_read(env.data, n, &h), ERR_MORE);
    CHECK_INT(envelope_head_read(env.data, need, &h), 0);
    CHECK(h.head_bytes == need && h.head_bytes + h.body_bytes == env.len && h.head.count == NODES);
    CHECK_STR(h.head.model, "lull-toy:q8_0");
    CHECK_MEM(h.header_hash, secrets.header_hash, 32);
    env.data[0] = 2;
    CHECK_INT(envelope_head_read(env.data, env.len, &h), ERR_VERSION);
    env.data[0] = 1;
    env.data[2] = 0x10; /* a KEM we do not speak */
    CHECK_INT(envelope_head_read(env.data, env.len, &h), ERR_VERSION);
    done();
}

TEST(an_envelope_cut_at_any_byte_or_extended_is_refused) {
    struct content c;
    fix_content(&c);
    setup(&c, NODES);
    for (size_t n = 0; n < env.len; n++) {
        uint8_t *tight = malloc(n ? n : 1);
        memcpy(tight, env.data, n);
        CHECK_INT(fix_open(&nodes[1], tight, n, plain, sizeof plain, &o), ERR_SHORT);
        free(tight);
    }
    CHECK_INT(buf_add(&env, "", 1), 0);
    CHECK_INT(try_open(1), ERR_TRAILING);
    CHECK(wiped(&o, sizeof o));
    CHECK_INT(fix_open(&nodes[1], env.data, env.len - 1, plain, 1023, &o), ERR_LIMIT);
    CHECK_INT(fix_open(&nodes[1], env.data, env.len - 1, plain, 1024, &o), 0);
    done();
}

TEST(every_flipped_bit_is_refused_by_the_node_it_concerns) {
    struct content c;
    fix_content(&c);
    setup(&c, NODES);
    memset(plain, 0, 1024); /* of earlier tests */
    size_t head = reqhead_bytes(&secrets.head), other_wraps = head + ENVELOPE_WRAP_BYTES,
           body = head + NODES * ENVELOPE_WRAP_BYTES;
    for (size_t i = 0; i < env.len; i++) {
        if (i >= other_wraps && i < body) continue; /* what the other candidates got is no concern of node 0 */
        for (unsigned bit = 0; bit < 8; bit++) {
            env.data[i] ^= (uint8_t)(1u << bit);
            CHECK(try_open(0) != 0);
            CHECK(wiped(&o, sizeof o) && wiped(plain, 1024));
            env.data[i] ^= (uint8_t)(1u << bit);
        }
    }
    CHECK_INT(try_open(0), 0);
    done();
}

TEST(a_replayed_envelope_is_refused) {
    struct content c;
    fix_content(&c);
    setup(&c, 2);
    CHECK_INT(try_open(0), 0);
    CHECK_INT(try_open(0), ERR_REPLAY);
    CHECK(wiped(&o, sizeof o) && wiped(plain, 1024));
    CHECK_INT(try_open(1), 0);
    done();
}

TEST(a_request_more_than_a_minute_off_is_answered_but_not_served) {
    struct content c;
    struct fix_node *x = &nodes[0];
    fix_content(&c);
    setup(&c, 1);
    CHECK_INT(envelope_open(env.data, env.len, &x->own, &x->seen, FIX_NOW + 61, plain, sizeof plain, &o), ERR_TIME);
    CHECK_MEM(o.response_secret, secrets.response_secret[0], 32); /* the refusal can be sealed */
    CHECK_INT(envelope_open(env.data, env.len, &x->own, &x->seen, FIX_NOW - 61, plain, sizeof plain, &o), ERR_TIME);
    CHECK_INT(envelope_open(env.data, env.len, &x->own, &x->seen, FIX_NOW - 60, plain, sizeof plain, &o), 0);
    done();
}

TEST(an_old_envelope_does_not_open_after_a_restart) {
    struct content c;
    fix_content(&c);
    setup(&c, 1);
    fix_node_done(&nodes[0]);
    fix_node(&nodes[0], 1); /* same identity, but keys made anew, with an empty replay cache */
    CHECK_INT(try_open(0), ERR_NOTFOUND);
    memcpy(nodes[0].key.key_id, secrets.head.key_id[0], 32); /* even if it thought the id its own */
    CHECK_INT(try_open(0), ERR_AUTH);
    done();
}

TEST(both_keys_of_an_overlap_open) {
    struct content c;
    fix_content(&c);
    setup(&c, 2);
    struct seal_key two[2] = {nodes[5].key, nodes[1].key};
    struct envelope_own own = {two, 2, &nodes[1].model, 1};
    struct replay *seen[2] = {nodes[5].seen, nodes[1].seen};
    CHECK_INT(envelope_open(env.data, env.len, &own, seen, FIX_NOW, plain, sizeof plain, &o), 0);
    CHECK(o.key == 1 && replay_count(nodes[1].seen) == 1 && replay_count(nodes[5].seen) == 0);
    two[0] = nodes[0].key; /* sealed to two keys of one node: asked twice */
    CHECK_INT(envelope_open(env.data, env.len, &own, seen, FIX_NOW, plain, sizeof plain, &o), ERR_NOTFOUND);
    done();
}

TEST(a_model_that_is_not_served_is_refused) {
    struct content c;
    fix_content(&c);
    setup(&c, 1);
    nodes[0].model.manifest_hash[0] ^= 1;
    CHECK_INT(try_open(0), ERR_NOTFOUND);
    nodes[0].model.manifest_hash[0] ^= 1;
    nodes[0].model.name = "other:latest";
    CHECK_INT(try_open(0), ERR_NOTFOUND);
    done();
}

/* Opens candidate i's wrap as its owner would, for the attacks below. */
static void steal_dek(unsigned i, uint8_t dek[32]) {
    const uint8_t *wrap = env.data + reqhead_bytes(&secrets.head) + i * ENVELOPE_WRAP_BYTES;
    uint8_t info[ENVELOPE_INFO_BYTES];
    struct hpke_ctx c;
    envelope_info(info, secrets.header_hash, (uint8_t)i, nodes[i].key.key_id);
    struct hpke_receiver us = seal_key_receiver(&nodes[i].key);
    CHECK_INT(hpke_setup_receive(&c, &us, wrap, info, sizeof info), 0);
    CHECK_INT(hpke_open(&c, dek, wrap + 32, 48, NULL, 0), 0);
}

/* Puts new content under a body key, as a candidate can that knows it. */
static void rewrite_body(const struct content *c, const uint8_t dek[32]) {
    uint8_t padded[1024];
    struct chunk_key k;
    CHECK_INT(content_write(padded, sizeof padded, c), 0);
    chunk_key_once(&k, dek);
    chunk_seal(&k, env.data + env.len - sizeof padded - CHUNK_TAG_BYTES, padded, sizeof padded, 1);
}

TEST(a_candidate_that_rewrites_the_body_under_its_dek_is_refused) {
    struct content c, evil;
    uint8_t dek[32];
    fix_content(&c);
    setup(&c, NODES);
    steal_dek(2, dek);
    evil = c;
    evil.body = (const uint8_t *)"{\"messages\":[]}";
    evil.body_n = 15;
    rewrite_body(&evil, dek);
    CHECK_INT(try_open(0), ERR_AUTH); /* the header's hash is of the first body */

    /* with the header's hash made to fit, the header is another one, and the honest wraps no longer open */
    size_t head = reqhead_bytes(&secrets.head), body = head + NODES * ENVELOPE_WRAP_BYTES;
    sha256_of(env.data + head - 32, env.data + body, env.len - body);
    CHECK_INT(try_open(0), ERR_AUTH);
    done();
}

TEST(a_wrap_in_another_place_or_envelope_does_not_open) {
    struct content c;
    uint8_t tmp[ENVELOPE_WRAP_BYTES];
    fix_content(&c);
    setup(&c, 2);
    uint8_t *wraps = env.data + reqhead_bytes(&secrets.head);
    memcpy(tmp, wraps, sizeof tmp); /* swapped */
    memcpy(wraps, wraps + ENVELOPE_WRAP_BYTES, sizeof tmp);
    memcpy(wraps + ENVELOPE_WRAP_BYTES, tmp, sizeof tmp);
    CHECK_INT(try_open(0), ERR_AUTH);
    CHECK_INT(try_open(1), ERR_AUTH);
    struct buf second; /* from another envelope to the same candidates */
    struct envelope_secrets s2;
    CHECK_INT(fix_seal(&second, &s2, nodes, 2, &c), 0);
    memcpy(second.data + reqhead_bytes(&s2.head), tmp, sizeof tmp);
    CHECK_INT(fix_open(&nodes[0], second.data, second.len, plain, sizeof plain, &o), ERR_AUTH);
    buf_release(&second);
    done();
}

TEST(content_with_dirty_padding_or_wrong_lengths_is_refused) {
    struct content c, out;
    uint8_t padded[1024];
    fix_content(&c);
    CHECK_INT(content_write(padded, sizeof padded, &c), 0);
    size_t n = content_bytes(&c);
    CHECK_INT(content_read(padded, sizeof padded, &out), 0);
    for (size_t i = n; i < sizeof padded; i++) {
        padded[i] = 1;
        CHECK_INT(content_read(padded, sizeof padded, &out), ERR_FORMAT);
        padded[i] = 0;
    }
    for (size_t i = 0; i < n; i++) CHECK_INT(content_read(padded, i, &out), ERR_SHORT);
    CHECK_INT(content_read(padded, n, &out), 0);
    CHECK_INT(content_write(padded, n - 1, &c), ERR_LIMIT);
    CHECK(wiped(padded, n - 1));
}

TEST(the_replay_cache_remembers_everything_up_to_its_bound) {
    struct replay *r;
    uint8_t enc[32] = {0};
    CHECK_INT(replay_new(&r, 5000), 0);
    for (uint32_t i = 0; i < 5000; i++) {
        memcpy(enc, &i, sizeof i);
        CHECK_INT(replay_add(r, enc), 0);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        memcpy(enc, &i, sizeof i);
        CHECK_INT(replay_add(r, enc), ERR_REPLAY);
    }
    enc[31] = 1;
    CHECK_INT(replay_add(r, enc), ERR_LIMIT);
    CHECK_INT(replay_count(r), 5000);
    replay_free(r);
    CHECK_INT(replay_new(&r, REPLAY_MAX + 1), ERR_RANGE);
}

TESTS_MAIN("envelope", T(every_candidate_opens_the_same_content), T(size_classes_hide_the_length),
           T(content_over_the_limits_is_not_sealed), T(a_candidate_named_twice_is_refused_on_both_sides),
           T(a_coordinator_reads_the_head_in_any_pieces), T(an_envelope_cut_at_any_byte_or_extended_is_refused),
           T(every_flipped_bit_is_refused_by_the_node_it_concerns), T(a_replayed_envelope_is_refused),
           T(a_request_more_than_a_minute_off_is_answered_but_not_served), T(an_old_envelope_does_not_open_after_a_restart),
           T(both_keys_of_an_overlap_open), T(a_model_that_is_not_served_is_refused),
           T(a_candidate_that_rewrites_the_body_under_its_dek_is_refused), T(a_wrap_in_another_place_or_envelope_does_not_open),
           T(content_with_dirty_padding_or_wrong_lengths_is_refused), T(the_replay_cache_remembers_everything_up_to_its_bound))
