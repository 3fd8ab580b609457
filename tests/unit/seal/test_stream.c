/* seal: response streams, written by a node and read by a gateway in any pieces; and every way to tamper with one. */
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

static struct fix_node nodes[2];
static struct envelope_secrets secrets;
static struct opened o[2];
static uint8_t plain[2][1024];
static struct stream_writer w;
static struct stream_reader r;
static uint8_t out[512 * 1024];
static size_t out_n;

static void setup(uint16_t frame_bytes) {
    struct buf env;
    struct content c;
    fix_content(&c);
    struct envelope_spec spec = {.tier = TIER_SEALED, .model = "lull-toy:q8_0", .count = 2, .frame_bytes = frame_bytes};
    for (unsigned i = 0; i < 2; i++) {
        fix_node(&nodes[i], (uint8_t)(i + 1));
        spec.to[i].key_id = nodes[i].key.key_id;
        spec.to[i].seal_key = nodes[i].record.keys.seal_key;
        spec.to[i].kem = nodes[i].record.keys.kem;
    }
    spec.manifest_hash = nodes[0].model.manifest_hash;
    buf_init(&env, ENVELOPE_BYTES_MAX);
    CHECK_INT(envelope_seal(&env, &secrets, &spec, &c), 0);
    for (unsigned i = 0; i < 2; i++) CHECK_INT(fix_open(&nodes[i], env.data, env.len, plain[i], 1024, &o[i]), 0);
    buf_release(&env);
}
static void done(void) {
    fix_node_done(&nodes[0]);
    fix_node_done(&nodes[1]);
}

static const struct frame_accepted accepted = {.engine_id = "lull-0.1.0", .profile = "C1-f16", .prompt_tokens = 12};
static const struct frame_usage usage = {.stop = SEAL_STOP_END, .prompt_tokens = 12, .output_tokens = 6};

/* A whole answer of candidate i into out: each token releases text_each bytes. */
static void answer(unsigned i, unsigned tokens, size_t text_each) {
    static uint8_t text[STREAM_PENDING_MAX], receipt[457];
    memset(text, 'a', sizeof text);
    memset(receipt, 0x5c, sizeof receipt);
    stream_writer_start(&w, &o[i], out);
    size_t at = STREAM_START_BYTES, frame = w.frame_bytes;
    CHECK_INT(stream_put_accepted(&w, out + at, &accepted), 0);
    CHECK_INT(stream_put_heartbeat(&w, out + at + frame), 0);
    at += 2 * frame;
    for (unsigned k = 0; k < tokens; k++, at += frame) {
        struct frame_token t = {.position = FIX_FROM + k, .id = (int32_t)(100 + k), .text = text, .text_n = text_each};
        CHECK_INT(stream_put_token(&w, out + at, &t), 0);
    }
    size_t end = stream_end_bytes(&w, sizeof receipt);
    CHECK_INT(stream_put_end(&w, out + at, sizeof out - at, &usage, receipt, sizeof receipt), 0);
    out_n = at + end;
}

struct seen {
    unsigned tokens, frames;
    size_t text, receipt;
    int err;
};
/* Reads n bytes in pieces of `step`; what is left unread after an error stays. */
static struct seen read_all(const uint8_t *p, size_t n, size_t step) {
    struct seen s = {0, 0, 0, 0, 0};
    stream_reader_start(&r, &secrets, FIX_FROM);
    for (size_t at = 0; at < n && s.err == 0;) {
        size_t piece = step < n - at ? step : n - at, used;
        struct frame f;
        int e = stream_read(&r, p + at, piece, &used, &f);
        at += used;
        if (e == ERR_MORE) continue;
        if (e != 0) {
            s.err = e;
            break;
        }
        s.frames++;
        if (f.type == FRAME_TOKEN) s.tokens++, s.text += f.token.text_n;
        if (f.type == FRAME_TEXT) s.text += f.text.n;
        if (f.type == FRAME_RECEIPT && f.final) s.receipt = f.receipt.n;
    }
    if (s.err == 0) s.err = stream_reader_end(&r);
    return s;
}

TEST(an_answer_arrives_whole_in_any_pieces) {
    setup(0);
    answer(1, 5, 7);
    static const size_t steps[] = {1, 2, 33, 255, 256, 257, 1000, sizeof out};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct seen s = read_all(out, out_n, steps[i]);
        CHECK(s.err == 0 && s.tokens == 5 && s.text == 35 && s.receipt == 457 && r.candidate == 1);
        CHECK_INT(s.frames, 1 + 1 + 5 + 8);
        for (size_t k = 0; k < s.receipt; k++) CHECK(r.receipt[k] == 0x5c);
    }
    done();
}

TEST(answers_of_equal_token_count_give_equal_streams) {
    static const size_t texts[] = {0, 1, 30, 196};
    setup(0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        answer(0, 20, texts[i]);
        CHECK_INT(out_n, STREAM_START_BYTES + (1 + 1 + 20 + 8) * 256);
        CHECK_INT(read_all(out, out_n, 100).text, 20 * texts[i]);
    }
    done();
}

TEST(long_text_waits_for_following_frames_and_the_end_grows_by_eights) {
    setup(0);
    answer(0, 4, 210); /* 14 bytes more than fit each time */
    CHECK_INT(out_n, STREAM_START_BYTES + (1 + 1 + 4 + 8) * 256);
    CHECK_INT(read_all(out, out_n, 77).text, 4 * 210);
    answer(0, 4, 600); /* 1616 bytes wait at the end: 7 frames of text */
    CHECK_INT(out_n, STREAM_START_BYTES + (1 + 1 + 4 + 16) * 256);
    struct seen s = read_all(out, out_n, 77);
    CHECK(s.err == 0 && s.text == 4 * 600);
    done();
}

TEST(the_writer_refuses_text_over_its_bound_and_frames_out_of_order) {
    static uint8_t text[STREAM_PENDING_MAX + 1];
    setup(0);
    stream_writer_start(&w, &o[0], out);
    struct frame_token t = {.position = FIX_FROM, .id = 1, .text = text, .text_n = sizeof text};
    CHECK_INT(stream_put_token(&w, out, &t), ERR_WRONG_STATE); /* not accepted yet */
    CHECK_INT(stream_put_end(&w, out, sizeof out, &usage, text, 100), ERR_WRONG_STATE);
    CHECK_INT(stream_put_accepted(&w, out, &accepted), 0);
    CHECK_INT(stream_put_accepted(&w, out, &accepted), ERR_WRONG_STATE);
    CHECK_INT(stream_put_token(&w, out, &t), ERR_LIMIT);
    t.text_n = 1;
    t.position = FIX_FROM + 1;
    CHECK_INT(stream_put_token(&w, out, &t), ERR_WRONG_STATE);
    CHECK_INT(stream_put_end(&w, out, 8 * 256 - 1, &usage, text, 100), ERR_LIMIT);
    CHECK_INT(stream_put_error(&w, out, sizeof out, &(struct frame_error){CODE_DRAINING, FIX_NOW}), 0);
    CHECK_INT(stream_put_heartbeat(&w, out), ERR_WRONG_STATE);
    CHECK_INT(stream_put_error(&w, out, sizeof out, &(struct frame_error){CODE_DRAINING, FIX_NOW}), ERR_WRONG_STATE);
    done();
}

TEST(carried_text_of_a_resumed_answer_goes_first) {
    setup(0);
    stream_writer_start(&w, &o[0], out);
    size_t at = STREAM_START_BYTES, used;
    CHECK_INT(stream_carry_text(&w, (const uint8_t *)"old ", 4), 0);
    CHECK_INT(stream_put_accepted(&w, out + at, &accepted), 0);
    at += 256;
    CHECK_INT(stream_put_token(&w, out + at,
                               &(struct frame_token){.position = FIX_FROM, .id = 5, .text = (const uint8_t *)"new", .text_n = 3}),
              0);
    at += 256;
    struct frame f;
    stream_reader_start(&r, &secrets, FIX_FROM);
    CHECK_INT(stream_read(&r, out, at, &used, &f), 0);
    CHECK_INT(stream_read(&r, out + used, at - used, &used, &f), 0);
    CHECK_INT(f.token.text_n, 7);
    CHECK_MEM(f.token.text, "old new", 7);
    CHECK_INT(stream_reader_end(&r), ERR_SHORT);
    done();
}

TEST(an_error_ends_a_stream_in_eight_frames_before_or_after_acceptance) {
    for (int started = 0; started < 2; started++) {
        setup(0);
        stream_writer_start(&w, &o[0], out);
        size_t at = STREAM_START_BYTES;
        if (started) {
            CHECK_INT(stream_put_accepted(&w, out + at, &accepted), 0);
            at += 256;
        }
        CHECK_INT(stream_end_bytes(&w, 0), 8 * 256);
        CHECK_INT(stream_put_error(&w, out + at, sizeof out - at, &(struct frame_error){CODE_CONTEXT_OVER, FIX_NOW}), 0);
        struct seen s = read_all(out, at + 8 * 256, 64);
        CHECK(s.err == 0 && r.failed_code == CODE_CONTEXT_OVER && s.receipt == 0);
        CHECK_INT(read_all(out, at + 7 * 256, 64).err, ERR_SHORT);
        done();
    }
}

TEST(every_flipped_bit_of_a_stream_is_noticed) {
    setup(128);
    answer(0, 2, 5);
    for (size_t i = 0; i < out_n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            out[i] ^= (uint8_t)(1u << bit);
            CHECK(read_all(out, out_n, sizeof out).err != 0);
            out[i] ^= (uint8_t)(1u << bit);
        }
    CHECK_INT(read_all(out, out_n, sizeof out).err, 0);
    done();
}

TEST(a_stream_cut_at_any_byte_is_short_and_an_extended_one_trailing) {
    setup(128);
    answer(0, 2, 5);
    for (size_t n = 0; n < out_n; n++) CHECK_INT(read_all(out, n, sizeof out).err, ERR_SHORT);
    out[out_n] = 0;
    CHECK_INT(read_all(out, out_n + 1, sizeof out).err, ERR_TRAILING);
    CHECK_INT(r.err, ERR_TRAILING); /* and stays so */
    done();
}

TEST(swapped_dropped_and_repeated_frames_are_refused) {
    static uint8_t good[sizeof out];
    setup(0);
    answer(0, 4, 5);
    memcpy(good, out, out_n);
    size_t frames = (out_n - STREAM_START_BYTES) / 256;
    for (size_t i = 0; i + 1 < frames; i++) {
        uint8_t *a = out + STREAM_START_BYTES + i * 256, *b = a + 256;
        memcpy(a, good + (b - out), 256); /* swapped */
        memcpy(b, good + (a - out), 256);
        CHECK_INT(read_all(out, out_n, sizeof out).err, ERR_AUTH);
        memcpy(b, good + (a - out), 256); /* the one before, twice */
        memcpy(a, good + (a - out), 256);
        CHECK_INT(read_all(out, out_n, sizeof out).err, ERR_AUTH);
        memcpy(out, good, out_n);
        memmove(a, b, out_n - (size_t)(b - out)); /* dropped */
        CHECK_INT(read_all(out, out_n - 256, sizeof out).err, ERR_AUTH);
        memcpy(out, good, out_n);
    }
    done();
}

TEST(an_answer_from_another_candidate_or_request_is_refused) {
    setup(0);
    answer(0, 2, 5);
    out[0] = 1; /* candidate 0's answer, said to be candidate 1's */
    CHECK_INT(read_all(out, out_n, sizeof out).err, ERR_AUTH);
    out[0] = 2; /* no such candidate */
    CHECK_INT(read_all(out, out_n, sizeof out).err, ERR_RANGE);
    out[0] = 0;
    CHECK_INT(read_all(out, out_n, sizeof out).err, 0);
    done();
    setup(0); /* the same stream for a new envelope */
    CHECK_INT(read_all(out, out_n, sizeof out).err, ERR_AUTH);
    done();
}

TEST(two_openings_of_one_envelope_never_share_keys) {
    static uint8_t first[sizeof out];
    setup(0);
    answer(0, 2, 5);
    memcpy(first, out, out_n);
    answer(0, 2, 5);
    for (size_t at = STREAM_START_BYTES; at < out_n; at += 256) CHECK(memcmp(first + at, out + at, 256) != 0);
    done();
}

/* A stream with frames of the test's own choosing, each with its own final flag. */
static int feed(const struct frame *f, const int *final, size_t count) {
    uint8_t text[4096];
    stream_writer_start(&w, &o[0], out);
    size_t at = STREAM_START_BYTES;
    for (size_t i = 0; i < count; i++, at += 256) {
        CHECK_INT(frame_write(text, 240, &f[i]), 0);
        chunk_seal(&w.key, out + at, text, 240, final[i]);
    }
    return read_all(out, at, sizeof out).err;
}

TEST(frames_in_a_wrong_state_are_refused) {
    static const struct frame acc = {.type = FRAME_ACCEPTED, .accepted = {.engine_id = "e", .profile = "p"}};
    static const struct frame tok = {.type = FRAME_TOKEN, .token = {.position = FIX_FROM}},
                              late = {.type = FRAME_TOKEN, .token = {.position = FIX_FROM + 1}};
    static const struct frame use = {.type = FRAME_USAGE, .usage = {.stop = 1}}, fill = {.type = FRAME_FILLER},
                              txt = {.type = FRAME_TEXT};
    static const struct frame rec = {.type = FRAME_RECEIPT, .receipt = {(const uint8_t *)"r", 1}},
                              err = {.type = FRAME_ERROR, .error = {1, 0}};
    const struct {
        struct frame f[4];
        int final[4];
        size_t n;
        int err;
    } rows[] = {
        {{tok}, {0}, 1, ERR_WRONG_STATE},
        {{acc, acc}, {0}, 2, ERR_WRONG_STATE},
        {{acc, late}, {0}, 2, ERR_WRONG_STATE},
        {{acc, tok, tok}, {0}, 3, ERR_WRONG_STATE},
        {{acc, txt, tok}, {0}, 3, ERR_WRONG_STATE},
        {{acc, use, tok}, {0}, 3, ERR_WRONG_STATE},
        {{acc, use, use}, {0}, 3, ERR_WRONG_STATE},
        {{acc, use, err}, {0, 0, 1}, 3, ERR_WRONG_STATE},
        {{acc, rec}, {0, 1}, 2, ERR_WRONG_STATE},
        {{acc, fill, use}, {0}, 3, ERR_WRONG_STATE},
        {{acc, use, rec, fill}, {0}, 4, ERR_WRONG_STATE},
        {{acc, tok}, {0, 1}, 2, ERR_FORMAT},
        {{acc, err}, {0, 0}, 2, ERR_FORMAT},
        {{acc, use, rec}, {0, 0, 0}, 3, ERR_SHORT},
        {{acc, use, rec}, {0, 0, 1}, 3, 0},
        {{acc, err}, {0, 1}, 2, 0},
        {{err}, {1}, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setup(0);
        CHECK_INT(feed(rows[i].f, rows[i].final, rows[i].n), rows[i].err);
        done();
    }
}

TEST(a_receipt_over_its_limit_is_refused) {
    static uint8_t piece[237];
    struct frame f[6] = {{.type = FRAME_ACCEPTED, .accepted = {.engine_id = "e", .profile = "p"}},
                         {.type = FRAME_USAGE, .usage = {.stop = 1}}};
    int final[6] = {0};
    for (int i = 2; i < 6; i++) f[i] = (struct frame){.type = FRAME_RECEIPT, .receipt = {piece, sizeof piece}};
    setup(0);
    CHECK_INT(feed(f, final, 6), ERR_LIMIT);
    done();
}

TEST(frames_with_dirty_padding_or_wrong_lengths_are_refused) {
    uint8_t p[112];
    struct frame f = {.type = FRAME_USAGE, .usage = {.stop = 2, .output_tokens = 3}}, back;
    CHECK_INT(frame_write(p, sizeof p, &f), 0);
    CHECK_INT(frame_read(p, sizeof p, &back), 0);
    CHECK_INT(back.usage.output_tokens, 3);
    p[sizeof p - 1] = 1;
    CHECK_INT(frame_read(p, sizeof p, &back), ERR_FORMAT);
    p[sizeof p - 1] = 0;
    p[2]++; /* one byte too many used */
    CHECK_INT(frame_read(p, sizeof p, &back), ERR_FORMAT);
    p[2] -= 2;
    CHECK_INT(frame_read(p, sizeof p, &back), ERR_FORMAT);
    p[1] = 0xff;
    CHECK_INT(frame_read(p, sizeof p, &back), ERR_FORMAT);
    for (unsigned type = 0; type < 256; type++) {
        memset(p, 0, sizeof p);
        p[0] = (uint8_t)type;
        int empty_ok = type == FRAME_HEARTBEAT || type == FRAME_FILLER || type == FRAME_TEXT || type == FRAME_RECEIPT;
        CHECK_INT(frame_read(p, sizeof p, &back) == 0, empty_ok);
    }
    f = (struct frame){.type = FRAME_TEXT, .text = {p, sizeof p - FRAME_HEAD_BYTES + 1}};
    CHECK_INT(frame_write(p, sizeof p, &f), ERR_LIMIT);
}

TESTS_MAIN("stream", T(an_answer_arrives_whole_in_any_pieces), T(answers_of_equal_token_count_give_equal_streams),
           T(long_text_waits_for_following_frames_and_the_end_grows_by_eights),
           T(the_writer_refuses_text_over_its_bound_and_frames_out_of_order), T(carried_text_of_a_resumed_answer_goes_first),
           T(an_error_ends_a_stream_in_eight_frames_before_or_after_acceptance), T(every_flipped_bit_of_a_stream_is_noticed),
           T(a_stream_cut_at_any_byte_is_short_and_an_extended_one_trailing), T(swapped_dropped_and_repeated_frames_are_refused),
           T(an_answer_from_another_candidate_or_request_is_refused), T(two_openings_of_one_envelope_never_share_keys),
           T(frames_in_a_wrong_state_are_refused), T(a_receipt_over_its_limit_is_refused),
           T(frames_with_dirty_padding_or_wrong_lengths_are_refused))
