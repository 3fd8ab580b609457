/* seal: receipts, usage statements, countersignatures, and the RECEIPT file that carries them with the opening. */
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

static struct fix_node x;
static struct buf file;
static struct transcript t;
static uint8_t coordinator_secret[64], coordinator_key[32];

static void setup(int countersigned) {
    uint8_t seed[32] = {0xc0};
    sign_keypair(coordinator_key, coordinator_secret, seed);
    fix_node(&x, 1);
    CHECK_INT(fix_transcript(&file, &x, countersigned ? coordinator_secret : NULL), 0);
    CHECK_INT(transcript_read(file.data, file.len, &t), 0);
}
static void done(void) {
    fix_node_done(&x);
    buf_release(&file);
}

TEST(a_receipt_file_round_trips_and_verifies) {
    for (int countersigned = 0; countersigned < 2; countersigned++) {
        struct buf again;
        setup(countersigned);
        CHECK_INT(transcript_verify(&t, NULL), 0);
        CHECK_INT(transcript_verify(&t, coordinator_key), 0);
        CHECK(t.has_countersign == countersigned && t.ids.count == FIX_IDS && t.receipt.from == FIX_FROM);
        CHECK_STR(transcript_model(&t)->name, "lull-toy:q8_0");
        buf_init(&again, TRANSCRIPT_BYTES_MAX);
        CHECK_INT(transcript_write(&again, &t), 0);
        CHECK_INT(again.len, file.len);
        CHECK_MEM(again.data, file.data, file.len);
        buf_release(&again);
        done();
    }
}

TEST(a_receipt_file_cut_at_any_byte_or_extended_is_malformed) {
    setup(1);
    for (size_t n = 0; n < file.len; n++) {
        uint8_t *tight = malloc(n ? n : 1);
        memcpy(tight, file.data, n);
        CHECK_INT(transcript_read(tight, n, &t), ERR_SHORT);
        free(tight);
    }
    CHECK_INT(buf_add(&file, "", 1), 0);
    CHECK_INT(transcript_read(file.data, file.len, &t), ERR_TRAILING);
    CHECK(seal_err_malformed(ERR_TRAILING) && !seal_err_malformed(BAD_IDS_CHAIN));
    static const uint8_t others[] = {0, 1, 4, 255};
    for (size_t i = 0; i < sizeof others; i++) {
        file.data[0] = others[i];
        CHECK_INT(transcript_read(file.data, file.len - 1, &t), ERR_VERSION);
    }
    done();
}

TEST(a_receipt_file_of_version_2_is_read_and_says_nothing_of_evidence) {
    setup(1);
    file.data[0] = 2;
    CHECK_INT(transcript_read(file.data, file.len, &t), ERR_TRAILING);
    CHECK_INT(transcript_read(file.data, file.len - 1, &t), 0);
    CHECK_INT(transcript_verify(&t, coordinator_key), 0);
    CHECK_INT(t.shown.class_number, 0);
    done();
}

/* Of another tier than attested it would be a lie, and of another class than there is no file. */
TEST(what_the_node_had_shown_is_noted_in_tier_attested_alone) {
    struct buf again;
    static struct transcript back;
    setup(1);
    t.shown = (struct transcript_shown){.class_number = 2, .policy = {1}, .envelope = {2}, .judged_s = 77};
    buf_init(&again, TRANSCRIPT_BYTES_MAX);
    CHECK_INT(transcript_write(&again, &t), 0);
    CHECK_INT(transcript_read(again.data, again.len, &back), 0);
    CHECK_MEM(back.shown.policy, t.shown.policy, 32);
    CHECK_MEM(back.shown.envelope, t.shown.envelope, 32);
    CHECK_INT(back.shown.judged_s, 77);
    CHECK_INT(transcript_verify(&back, coordinator_key), BAD_TIER);
    again.data[again.len - 73] = TRANSCRIPT_CLASSES + 1;
    CHECK_INT(transcript_read(again.data, again.len, &back), ERR_RANGE);
    buf_release(&again);
    done();
}

/* Bytes that the opening carries for people and that no receipt covers: request id, method, path, content type; and the ids
 * before `from` and the text before `text from`, which are not this node's. */
static int not_vouched(size_t i) {
    const uint8_t *p = file.data;
    size_t at = 1;
    for (int block = 0; block < 4; block++) at += 2 + ((size_t)p[at] << 8 | p[at + 1]);
    size_t text = at + 16 + 32, body = text + 1 + 4 + 2 + 20 + 1 + 16, ids = body + 4 + sizeof fix_body - 1 + 8 + 8 + 32 + 4;
    size_t answer = file.len - 1 - (sizeof FIX_TEXT - 1); /* text before byte 9 came from another node */
    if (i >= answer && i < answer + 9) return 1;
    return (i >= at && i < at + 16) || (i >= text && i < body) || (i >= ids && i < ids + 4 * FIX_FROM);
}

TEST(every_flipped_bit_of_a_receipt_file_is_noticed) {
    setup(1);
    size_t open_bits = 0;
    for (size_t i = 0; i < file.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            file.data[i] ^= (uint8_t)(1u << bit);
            int e = transcript_read(file.data, file.len, &t);
            if (e == 0) e = transcript_verify(&t, coordinator_key);
            if (e == 0) CHECK(not_vouched(i));
            open_bits += e == 0;
            file.data[i] ^= (uint8_t)(1u << bit);
        }
    CHECK(open_bits > 0);
    done();
}

TEST(each_failing_check_has_its_number) {
    struct fix_node other;
    static uint8_t bytes[256];
    fix_node(&other, 9);
#define EXPECT(change, want)                                     \
    do {                                                         \
        setup(1);                                                \
        change;                                                  \
        CHECK_INT(transcript_verify(&t, coordinator_key), want); \
        done();                                                  \
    } while (0)
#define SIGNED(change) (change, (void)receipt_sign(&t.receipt, x.receipt_secret))
    EXPECT(t.record = other.record, BAD_KEY_ID);
    EXPECT(t.record.sig[0] ^= 1, BAD_IDENTITY_SIG);
    EXPECT(t.head.size_class = 4096, BAD_HEADER_HASH);
    EXPECT(SIGNED(t.receipt.key_id[0] ^= 1), BAD_KEY_ID);
    EXPECT(t.receipt.sig[3] ^= 1, BAD_RECEIPT_SIG);
    EXPECT(SIGNED(t.receipt.manifest_hash[0] ^= 1), BAD_MANIFEST);
    EXPECT(SIGNED(t.receipt.engine_id[0] = 'x'), BAD_ENGINE);
    EXPECT(SIGNED(t.receipt.profile[1] = '9'), BAD_ENGINE);
    EXPECT(SIGNED(t.receipt.tier = TIER_ATTESTED), BAD_TIER);
    EXPECT(SIGNED(t.receipt.evidence_hash[1] = 1), BAD_EVIDENCE);
    EXPECT(t.body = bytes, BAD_BODY_HASH);
    EXPECT(t.salt[0] ^= 1, BAD_BODY_HASH);
    EXPECT(t.prompt_hash[0] ^= 1, BAD_PROMPT_HASH);
    EXPECT(t.seed++, BAD_SAMPLER);
    EXPECT(t.template_time++, BAD_SAMPLER);
    EXPECT(t.ids.count--, BAD_COUNTS);
    EXPECT(t.ids.be = bytes, BAD_IDS_CHAIN);
    EXPECT(t.digests = bytes, BAD_DIGEST_CHAIN);
    EXPECT(t.text = bytes, BAD_TEXT);
    EXPECT(t.text_n--, BAD_TEXT);
    EXPECT(SIGNED(t.receipt.text_from--), BAD_TEXT);
    EXPECT(SIGNED(t.receipt.text_hash[31] ^= 1), BAD_TEXT);
    EXPECT(SIGNED(t.receipt.end_ms = t.receipt.start_ms - 1), BAD_TIMES);
    EXPECT(SIGNED(t.receipt.start_ms = (FIX_NOW - 200) * (uint64_t)1000), BAD_KEY_NOT_YET);
    EXPECT(SIGNED(t.receipt.start_ms = t.receipt.end_ms = (FIX_NOW + 4000) * (uint64_t)1000), BAD_KEY_EXPIRED);
    EXPECT(t.countersign.frames++, BAD_COUNTERSIG);
    EXPECT((t.countersign.usage.prompt_tokens++, countersign_make(&t.countersign, coordinator_secret)), BAD_USAGE_SIG);
    EXPECT((t.countersign.node[0] ^= 1, countersign_make(&t.countersign, coordinator_secret)), BAD_COUNTER_NODE);
    EXPECT(countersign_make(&t.countersign, other.identity_secret), BAD_COUNTER_KEY);
    EXPECT(SIGNED(t.receipt.prompt_tokens++), BAD_USAGE_RECEIPT);
#undef EXPECT
#undef SIGNED
    for (int e = BAD_STOP; e <= BAD_IDENTITY_SIG; e++) CHECK(strlen(seal_err_text(e)) > 10);
    fix_node_done(&other);
}

TEST(a_receipt_says_nothing_to_who_guesses_without_the_salt) {
    uint8_t a[32], b[32], salt[32] = {1};
    setup(0);
    body_hash_salted(a, salt, fix_body, sizeof fix_body - 1);
    CHECK(memcmp(a, t.receipt.body_hash, 32) != 0);
    chain_start(b, salt);
    for (uint32_t i = FIX_FROM; i < FIX_IDS; i++) chain_add_id(b, id_at(&t.ids, i));
    CHECK(memcmp(b, t.receipt.ids_chain, 32) != 0);
    done();
}

TEST(ids_and_chains_have_their_written_form) {
    static const int32_t ids[] = {1, 258, 0x7fffffff};
    static const uint8_t packed[] = {0, 0, 0, 1, 0, 0, 1, 2, 0x7f, 0xff, 0xff, 0xff};
    uint8_t be[12], hash[32], want[32], chain[32] = {0}, step[36] = {0};
    int32_t back[3];
    ids_pack(be, ids, 3);
    CHECK_MEM(be, packed, 12);
    ids_unpack(back, &(struct id_list){be, 3});
    CHECK_MEM(back, ids, sizeof ids);
    prompt_ids_hash(hash, ids, 3);
    sha256_of(want, packed, 12);
    CHECK_MEM(hash, want, 32);
    chain_add_id(chain, 258); /* SHA-256(32 zero bytes || 00 00 01 02) */
    step[34] = 1;
    step[35] = 2;
    sha256_of(want, step, 36);
    CHECK_MEM(chain, want, 32);
}

TEST(a_receipt_with_a_value_outside_its_set_is_refused) {
    struct receipt r;
    uint8_t bytes[RECEIPT_BYTES_MAX];
    setup(0);
    static const float nan_bits = __builtin_nanf("");
#define EXPECT(change, want)                                \
    do {                                                    \
        r = t.receipt;                                      \
        change;                                             \
        struct writer w = writer_over(bytes, sizeof bytes); \
        receipt_write(&w, &r);                              \
        struct reader in = reader_over(bytes, w.len);       \
        CHECK_INT(receipt_read(&in, &r), want);             \
    } while (0)
    EXPECT((void)0, 0);
    EXPECT(r.sampler.temperature = nan_bits, ERR_RANGE);
    EXPECT(r.stop = 0, ERR_RANGE);
    EXPECT(r.stop = 4, ERR_RANGE);
    EXPECT(r.tier = 0, ERR_RANGE);
    EXPECT(r.from = r.output_tokens + 1, ERR_RANGE);
    EXPECT(r.output_tokens = IDS_MAX + 1, ERR_RANGE);
    EXPECT(r.engine_id[0] = 0, ERR_FORMAT);
    EXPECT(r.profile[0] = ' ', ERR_FORMAT);
#undef EXPECT
    done();
}

TEST(statements_have_fixed_sizes_and_refuse_cuts_and_flips) {
    uint8_t u[USAGE_BYTES + 1] = {0}, c[COUNTERSIGN_BYTES + 1] = {0};
    struct usage usage;
    struct countersign counter;
    setup(1);
    struct writer wu = writer_over(u, sizeof u), wc = writer_over(c, sizeof c);
    usage_write(&wu, &t.countersign.usage);
    countersign_write(&wc, &t.countersign);
    CHECK(wu.len == USAGE_BYTES && wc.len == COUNTERSIGN_BYTES);
    for (size_t n = 0; n <= COUNTERSIGN_BYTES + 1; n++) {
        struct reader r = reader_over(c, n);
        CHECK_INT(countersign_read(&r, &counter), n < COUNTERSIGN_BYTES ? ERR_SHORT : n > COUNTERSIGN_BYTES ? ERR_TRAILING : 0);
        r = reader_over(u, n < USAGE_BYTES + 1 ? n : USAGE_BYTES + 1);
        CHECK_INT(usage_read(&r, &usage), n < USAGE_BYTES ? ERR_SHORT : n > USAGE_BYTES ? ERR_TRAILING : 0);
    }
    for (size_t i = 0; i < COUNTERSIGN_BYTES * 8; i++) {
        c[i / 8] ^= (uint8_t)(1u << i % 8);
        struct reader r = reader_over(c, COUNTERSIGN_BYTES);
        CHECK(countersign_read(&r, &counter) != 0 || countersign_check(&counter, NULL) != 0);
        c[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    done();
}

TESTS_MAIN("receipt", T(a_receipt_file_of_version_2_is_read_and_says_nothing_of_evidence),
           T(what_the_node_had_shown_is_noted_in_tier_attested_alone), T(a_receipt_file_round_trips_and_verifies),
           T(a_receipt_file_cut_at_any_byte_or_extended_is_malformed), T(every_flipped_bit_of_a_receipt_file_is_noticed),
           T(each_failing_check_has_its_number), T(a_receipt_says_nothing_to_who_guesses_without_the_salt),
           T(ids_and_chains_have_their_written_form), T(a_receipt_with_a_value_outside_its_set_is_refused),
           T(statements_have_fixed_sizes_and_refuse_cuts_and_flips))
