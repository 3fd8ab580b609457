/* What the app sees when the coordinator or a node lies: an error, never an answer that nobody signed for. */
#include "tests/unit/gateway/hostile_net.h"

#include "base/utf8.h"

#define NOT_UTF8_FIRST  "\xff\xc0\x80 \xed\xa0\x80 \xc3"
#define NOT_UTF8_SECOND "\xa9 \xe2\x82"

enum lie {
    NO_LIE,
    CUT,            /* a clean END_STREAM before the final frame */
    BIT_FLIPPED,    /* in the second token */
    FLIPPED_ONCE,   /* only in the first stream of a request */
    FORGED_ONCE,    /* the first stream of a request is junk that names a candidate */
    TRAILED_ONCE,   /* in the first, a byte in front of the second token's frame */
    POSITION_ONCE,  /* the first stream has a token out of place: that is the node's doing */
    FRAME_SWAPPED,  /* the second token is an earlier request's */
    REPLAYED,       /* all of an earlier request's stream */
    POSITION,       /* the second token says it is the third */
    FOREIGN_KEY,    /* receipt signed by another key */
    OTHER_IDS,      /* receipt about other ids */
    OTHER_TEXT,     /* receipt about the text that the ids have, which is not what was sent */
    NO_RECEIPT,     /* all of the answer but the final frame */
    USAGE_OUTPUT,   /* usage frame with one token more than were sent */
    USAGE_PROMPT,   /* usage frame with another prompt length than `accepted` */
    USAGE_STOP,     /* usage frame with another reason than the receipt */
    RECEIPT_PROMPT, /* signed receipt with another prompt length */
    OTHER_SAMPLER,  /* signed receipt with a temperature that nobody asked for */
    CACHED,         /* usage frame with more cached tokens than the prompt has */
    END_WITHOUT_ID, /* end of generation, but no id that ends it */
    STRING_UNASKED, /* a stop string, but the request has none */
    LENGTH_UNUSED,  /* all tokens used, after two */
    ID_NOT_THE_END, /* an id that ends generation, and another reason */
    KEYS_BEFORE,    /* signed receipt from before the keys were valid */
    CLOCK_AHEAD,    /* signed receipt of an answer that begins in two minutes */
    ENDS_LATER,     /* ... that ends in two minutes */
    OTHER_ENGINE,   /* accepted with another engine than the record's */
    OTHER_PROFILE,  /* accepted with another profile than the manifest's */
    NOT_UTF8,
    COUNTERSIGN_GARBAGE,
    COUNTERSIGN_FOREIGN
};

/* ---- a node's stream, made with its own keys ---- */
enum { FRAME = FRAME_BYTES_DEFAULT, TOKEN_1 = STREAM_START_BYTES + FRAME, TOKEN_2 = TOKEN_1 + FRAME };
static enum lie lie;
static struct {
    uint8_t bytes[64 * 1024];
    size_t n;
} stream, earlier;
static uint8_t plain[SIZE_CLASS_MAX];
static struct opened opened;
static struct stream_writer writer;

static struct fix_node *open_job(struct net_job *j) {
    for (size_t i = 0; i < NET_NODES; i++) {
        struct fix_node *x = &j->n->node[i];
        if (envelope_open(j->env.data, j->env.len, &x->own, &x->seen, clock_unix_s(), plain, sizeof plain, &opened) == 0)
            return x;
    }
    fail_msg("no node opens the envelope");
    return NULL;
}
static uint8_t *room_for(size_t n) {
    CHECK(stream.n + n <= sizeof stream.bytes);
    stream.n += n;
    return stream.bytes + stream.n - n;
}
static void put_start(void) {
    struct frame_accepted a = {.engine_id = "lull-0.1.0", .profile = "C1-f16", .prompt_tokens = 12};
    if (lie == OTHER_ENGINE) strcpy(a.engine_id, "lull-9");
    if (lie == OTHER_PROFILE) strcpy(a.profile, "C1-q8");
    memset(a.prompt_hash, 0x44, 32);
    memcpy(opened.content.prompt_hash, a.prompt_hash, 32);
    stream.n = 0;
    stream_writer_start(&writer, &opened, room_for(STREAM_START_BYTES));
    CHECK_INT(stream_put_accepted(&writer, room_for(FRAME), &a), 0);
}
static void put_token(uint32_t position, const char *text) {
    struct frame_token t = {
        .position = position, .id = (int32_t)(5 + position), .text = (const uint8_t *)text, .text_n = strlen(text)};
    t.is_end = position > 0 && !(lie >= END_WITHOUT_ID && lie <= LENGTH_UNUSED);
    memset(t.digest, (int)position, 32);
    writer.next_position = position;
    CHECK_INT(stream_put_token(&writer, room_for(FRAME), &t), 0);
}
static const char *answer_text(void) {
    if (lie == OTHER_TEXT) return "first Second ";
    return lie == NOT_UTF8 ? NOT_UTF8_FIRST NOT_UTF8_SECOND : "first second ";
}
/* What the request in the envelope asks for. */
static struct receipt_sampler asked_sampler(void) {
    struct api_request q;
    struct api_error err;
    CHECK_INT(api_request_parse(&q, API_V1_CHAT, opened.content.body, opened.content.body_n, &err), 0);
    struct receipt_sampler s = RECEIPT_SAMPLER(&q.gen.sampling);
    s.seed = opened.content.seed;
    api_request_free(&q);
    return s;
}
static void put_end(struct fix_node *x, struct receipt *r) {
    static uint8_t digests[64], ids[8];
    uint8_t bytes[RECEIPT_BYTES_MAX];
    for (uint32_t i = 0; i < 2; i++) memset(digests + 32 * i, (int)i, 32), id_put(ids + 4 * i, (int32_t)(5 + i));
    if (lie == OTHER_IDS) ids[7] ^= 1;
    struct id_list list = {ids, 2};
    fix_receipt(r, x, &opened, &list, digests + 32 * (size_t)opened.content.so_far.count, answer_text());
    r->start_ms = clock_unix_s() * 1000;
    r->end_ms = r->start_ms + 1;
    r->sampler = asked_sampler();
    if (lie == RECEIPT_PROMPT) r->prompt_tokens++;
    if (lie == OTHER_SAMPLER) r->sampler.temperature += 1;
    if (lie == STRING_UNASKED) r->stop = SEAL_STOP_STRING;
    if (lie == LENGTH_UNUSED || lie == ID_NOT_THE_END) r->stop = SEAL_STOP_LENGTH;
    if (lie == KEYS_BEFORE) r->start_ms -= 50000; /* no clock is so far off as to matter */
    if (lie == CLOCK_AHEAD) r->start_ms += 120000;
    if (lie == CLOCK_AHEAD || lie == ENDS_LATER) r->end_ms += 120000;
    CHECK_INT(receipt_sign(r, lie == FOREIGN_KEY ? x->identity_secret : x->receipt_secret), 0);
    struct writer w = writer_over(bytes, sizeof bytes);
    receipt_write(&w, r);
    struct frame_usage u = {.stop = r->stop, .prompt_tokens = 12, .output_tokens = 2};
    if (lie == CACHED) u.cached_tokens = 13;
    if (lie == USAGE_OUTPUT) u.output_tokens++;
    if (lie == USAGE_PROMPT) u.prompt_tokens++;
    if (lie == USAGE_STOP) u.stop = SEAL_STOP_LENGTH;
    size_t n = stream_end_bytes(&writer, w.len);
    CHECK_INT(stream_put_end(&writer, room_for(n), n, &u, bytes, w.len), 0);
}
static void countersign(const struct net *n, const struct fix_node *x, const struct receipt *r, char *hex) {
    uint8_t bytes[COUNTERSIGN_BYTES];
    struct countersign c = {.frames = (stream.n - STREAM_START_BYTES) / FRAME, .bytes = stream.n, .start_ms = 1, .end_ms = 2};
    CHECK_INT(usage_from_receipt(&c.usage, r, x->receipt_secret), 0);
    memcpy(c.node, x->record.keys.identity, 32);
    CHECK_INT(countersign_make(&c, lie == COUNTERSIGN_FOREIGN ? x->operator_secret : n->secret), 0);
    struct writer w = writer_over(bytes, sizeof bytes);
    countersign_write(&w, &c);
    if (lie == COUNTERSIGN_GARBAGE) memset(bytes, 0xa5, sizeof bytes);
    hex_encode(hex, bytes, w.len);
}

static void play(struct net_job *j) {
    struct fix_node *x = open_job(j);
    struct receipt receipt;
    char hex[2 * COUNTERSIGN_BYTES + 1] = "";
    put_start();
    if (opened.content.so_far.count == 0) put_token(0, lie == NOT_UTF8 ? NOT_UTF8_FIRST : "first ");
    if (lie != CUT) {
        size_t second = stream.n;
        int first_try = opened.content.attempt == 0;
        put_token(lie == POSITION || (lie == POSITION_ONCE && first_try) ? 2 : 1, lie == NOT_UTF8 ? NOT_UTF8_SECOND : "second ");
        if (lie == BIT_FLIPPED || (lie == FLIPPED_ONCE && first_try)) stream.bytes[second + 100] ^= 0x10;
        if (lie == FRAME_SWAPPED) memcpy(stream.bytes + second, earlier.bytes + TOKEN_2, FRAME);
        put_end(x, &receipt);
        if (lie == NO_RECEIPT) stream.n -= FRAME;
        countersign(j->n, x, &receipt, hex);
    }
    if (lie == FORGED_ONCE && opened.content.attempt == 0) memset(stream.bytes + 1, 7, stream.n - 1);
    if (lie == TRAILED_ONCE && opened.content.attempt == 0)
        memmove(stream.bytes + TOKEN_2 + 1, stream.bytes + TOKEN_2, stream.n++ - TOKEN_2);
    if (lie == REPLAYED) stream.n = earlier.n, memcpy(stream.bytes, earlier.bytes, earlier.n);
    struct h2_header trailer = {TRAILER_COUNTERSIGN, hex};
    CHECK_INT(h2_write(j->s, stream.bytes, stream.n), 0);
    CHECK_INT(h2_end(j->s, &(struct h2_headers){&trailer, hex[0] != 0}), 0);
}

/* ---- one gateway for the tests that need no more than a listed node ---- */
static struct net net;
static void begin(void) {
    net_init(&net, 1);
    net.play = play;
    net_start(&net);
}
static void ask_with(struct app *a, enum lie l) {
    lie = l;
    app_ask(a, &net, l == NO_LIE || l >= NOT_UTF8 ? "5" : "0.4");
}
static size_t receipts_kept(void) {
    size_t n = 0;
    for (size_t i = 0; i < RECEIPTS_KEPT; i++) n += net.g.receipts.kept[i].file.len > 0;
    return n;
}
/* The lie is told to one request; the next one gets a good answer, for the gateway goes on. */
static void is_an_error(enum lie l) {
    struct app a;
    size_t jobs = net.job_count, kept = receipts_kept();
    ask_with(&a, l);
    CHECK(net.job_count > jobs);
    app_got_error(&a);
    CHECK(!app_has(&a, "second "));
    CHECK_INT(receipts_kept(), kept);
    ask_with(&a, NO_LIE);
    CHECK_INT(a.status, 200);
    CHECK(app_has(&a, "first ") && app_has(&a, "second ") && app_has(&a, "[DONE]"));
    CHECK_INT(receipts_kept(), kept + 1);
}

TEST(a_forged_record_is_never_sealed_to) {
    struct app a;
    net_init(&net, 3);
    net.play = play;
    net.node[0].record.sig[5] ^= 1;
    net.node[1].record.operator= net.node[3].record.operator; /* of another identity */
    CHECK_INT(record_sign(&net.node[1].record, net.node[1].identity_secret), 0);
    net.node[2].record.keys.not_before -= 7200, net.node[2].record.keys.not_after -= 7200;
    CHECK_INT(record_sign(&net.node[2].record, net.node[2].identity_secret), 0);
    net_start(&net);
    CHECK_INT(net.g.dir.count, 0);
    CHECK_INT(net.g.dir.refused, 3);
    ask_with(&a, NO_LIE);
    CHECK_INT(a.status, 404);
    app_got_error(&a);
    CHECK_INT(net.job_count, 0);
    net.g.dir.fresh = 0;
    net.listed = NET_NODES; /* now an honest one stands behind them: it alone is sealed to */
    net_until(&net, net_has_list, &net, 5000);
    ask_with(&a, NO_LIE);
    CHECK_INT(a.status, 200);
    CHECK_INT(net.job_count, 1);
    CHECK_INT(opened.head.count, 1);
    CHECK_MEM(opened.head.key_id[0], net.node[3].key.key_id, 32);
    net_end(&net);
}
static int all_listed(void *arg) { return ((struct net *)arg)->g.dir.count == ((struct net *)arg)->listed; }
/* Node 0 calls another file by the model's name. */
static void squat(void) {
    net_init(&net, 3);
    net.play = play;
    struct fix_node *x = &net.node[0];
    x->record.models[0].file_sha256[0] ^= 1;
    CHECK_INT(record_sign(&x->record, x->identity_secret), 0);
    manifest_hash(x->model.manifest_hash, &x->record.models[0]);
}
TEST(a_foreign_node_cannot_take_a_name_or_fill_the_pins) {
    struct app a;
    squat();
    net.listed = 1;
    net_start(&net);
    CHECK_INT(net.g.pins.count, 0);
    net.g.o.policy.node_count = 1; /* only node 1 is permitted, which comes later */
    memcpy(net.g.o.policy.nodes[0], net.node[1].record.keys.identity, 32);
    ask_with(&a, NO_LIE);
    CHECK_INT(a.status, 404);
    net.listed = 2;
    net.g.dir.fresh = 0;
    net_until(&net, net_has_list, &net, 5000);
    net_until(&net, all_listed, &net, 5000);
    CHECK_INT(net.g.pins.count, 0);
    ask_with(&a, FOREIGN_KEY); /* an answer that does not verify pins nothing */
    app_got_error(&a);
    CHECK_INT(net.g.pins.count, 0);
    ask_with(&a, NO_LIE);
    CHECK(app_has(&a, "[DONE]"));
    CHECK_INT(net.g.pins.count, 1);
    CHECK_MEM(net.g.pins.list[0].manifest, net.node[1].model.manifest_hash, 32);
    net_end(&net);
}
TEST(a_name_stands_for_what_most_permitted_nodes_serve) {
    struct app a;
    uint8_t manifest[32];
    squat();
    net_start(&net);
    net_until(&net, all_listed, &net, 5000);
    CHECK_INT(gw_models_choose(&net.g, "lull-toy:q8_0", manifest), 0);
    CHECK_MEM(manifest, net.node[1].model.manifest_hash, 32);
    CHECK_INT(gw_models_choose(&net.g, "lull-toy:other", manifest), ERR_NOTFOUND);
    ask_with(&a, NO_LIE);
    CHECK(app_has(&a, "[DONE]"));
    net.listed = 1; /* the one left serves another file: it is not asked */
    net_until(&net, all_listed, &net, 5000);
    size_t jobs = net.job_count;
    ask_with(&a, NO_LIE);
    app_got_error(&a);
    CHECK_INT(net.job_count, jobs);
    net_end(&net);
}
TEST(the_coordinator_is_shown_the_gateways_key) {
    struct app a;
    net_init(&net, 1);
    net.play = play;
    net.bearer = "Bearer open-sesame"; /* the coordinator of these tests looks at every request */
    net_start(&net);
    ask_with(&a, NO_LIE);
    CHECK(app_has(&a, "[DONE]"));
    CHECK_INT(net.job_count, 1);
    net_end(&net);
}
TEST(no_header_promises_a_receipt_that_is_not_kept) {
    struct app a;
    begin();
    ask_with(&a, NO_LIE);
    CHECK(app_has(&a, "lull-receipt: "));
    net.g.receipts.dir = "/nonexistent/folder";
    ask_with(&a, NO_LIE);
    CHECK(app_has(&a, "[DONE]") && !app_has(&a, "lull-receipt: "));
    net_end(&net);
}
TEST(a_stream_cut_before_its_last_frame_is_no_answer) {
    begin();
    is_an_error(CUT);
    net_end(&net);
}
TEST(changed_swapped_and_replayed_frames_are_never_shown) {
    struct app a;
    begin();
    ask_with(&a, NO_LIE);
    CHECK(app_has(&a, "[DONE]"));
    earlier = stream;
    is_an_error(BIT_FLIPPED);
    is_an_error(FRAME_SWAPPED);
    is_an_error(REPLAYED);
    net_end(&net);
}
/* There is one node: had it been blamed, it would not be asked again. */
TEST(forged_bytes_blame_no_node_false_frames_do) {
    struct app a;
    begin();
    for (enum lie l = FLIPPED_ONCE; l <= TRAILED_ONCE; l++) {
        size_t jobs = net.job_count;
        lie = l;
        app_ask(&a, &net, "5");
        CHECK(app_has(&a, "[DONE]"));
        CHECK_INT(net.job_count, jobs + 2);
    }
    size_t jobs = net.job_count;
    ask_with(&a, POSITION_ONCE);
    app_got_error(&a);
    CHECK_INT(net.job_count, jobs + 1);
    net_end(&net);
}
TEST(a_token_out_of_place_is_never_shown) {
    begin();
    is_an_error(POSITION);
    net_end(&net);
}
/* Text of the tokens before the end was shown by then; the end is what must not come. */
TEST(an_answer_without_its_receipt_has_no_end) {
    struct app a;
    begin();
    for (enum lie l = FOREIGN_KEY; l <= OTHER_PROFILE; l++) {
        size_t jobs = net.job_count;
        ask_with(&a, l);
        app_got_error(&a);
        CHECK_INT(receipts_kept(), 0);
        CHECK(net.job_count - jobs <= (l == NO_RECEIPT ? 6 : 1)); /* the last token made again and again is no progress */
    }
    net_end(&net);
}
TEST(text_that_is_not_utf8_is_mended) {
    struct app a;
    begin();
    ask_with(&a, NOT_UTF8);
    CHECK_INT(a.status, 200);
    CHECK(app_has(&a, "[DONE]"));
    CHECK(utf8_valid(a.text, a.len));
    net_end(&net);
}
TEST(a_false_countersignature_is_not_kept) {
    static struct transcript t;
    static const enum lie lies[] = {NO_LIE, COUNTERSIGN_GARBAGE, COUNTERSIGN_FOREIGN};
    struct app a;
    begin();
    for (size_t i = 0; i < 3; i++) {
        ask_with(&a, lies[i]);
        CHECK(app_has(&a, "[DONE]"));
        const struct buf *file = &net.g.receipts.kept[i].file;
        CHECK_INT(transcript_read(file->data, file->len, &t), 0);
        CHECK_INT(transcript_verify(&t, net.public_key), 0);
        CHECK_INT(t.has_countersign, lies[i] == NO_LIE);
    }
    net_end(&net);
}

/* ---- what never ends ---- */
static struct timer *beat;
static struct net_job *beating;
static void beat_now(void *arg) {
    (void)arg;
    if (!beating->s) return;
    uint8_t frame[FRAME];
    CHECK_INT(stream_put_heartbeat(&writer, frame), 0);
    (void)h2_write(beating->s, frame, sizeof frame);
    timer_start_ms(beat, 20);
}
static void play_heartbeats(struct net_job *j) {
    (void)open_job(j);
    put_start();
    beating = j;
    CHECK_INT(h2_write(j->s, stream.bytes, stream.n), 0);
    beat_now(NULL);
}
TEST(heartbeats_for_ever_end_by_the_deadline) {
    struct app a;
    begin();
    net.play = play_heartbeats;
    CHECK_INT(timer_new(&beat, net.loop, beat_now, NULL), 0);
    uint64_t began = clock_mono_ms();
    app_ask(&a, &net, "0.4");
    CHECK(clock_mono_ms() - began >= 350);
    app_got_error(&a);
    CHECK_INT(net.job_count, 1);
    timer_free(beat);
    net_end(&net);
}

static int dir_was_closed(void *arg) { return ((struct net *)arg)->dirs_closed > 0; }
TEST(a_directory_without_end_is_cut_off) {
    struct app a;
    begin();
    for (enum dir_mode m = DIR_TOO_LONG; m <= DIR_ENDLESS; m++) {
        net.dir_mode = m;
        net.dirs_closed = net.dirs_cancelled = net.dirs_taken = 0;
        net_until(&net, dir_was_closed, &net, 4000);
        net.dir_mode = DIR_AS_LISTED;
        CHECK(net.dir_sent < 2 * (uint64_t)DIRLIST_BYTES_MAX); /* not read on to see how long it is */
        CHECK(m == DIR_TOO_LONG || net.dirs_cancelled == 1);
        ask_with(&a, NO_LIE); /* the gateway goes on with the list it has */
        CHECK(app_has(&a, "[DONE]"));
        CHECK_INT(net.dirs_taken, 0);
        CHECK_INT(net.g.dir.count, 1);
    }
    net_end(&net);
}

TESTS_MAIN("gw_hostile", T(a_forged_record_is_never_sealed_to), T(a_foreign_node_cannot_take_a_name_or_fill_the_pins),
           T(the_coordinator_is_shown_the_gateways_key), T(no_header_promises_a_receipt_that_is_not_kept),
           T(a_name_stands_for_what_most_permitted_nodes_serve), T(a_stream_cut_before_its_last_frame_is_no_answer),
           T(changed_swapped_and_replayed_frames_are_never_shown), T(a_token_out_of_place_is_never_shown),
           T(forged_bytes_blame_no_node_false_frames_do), T(an_answer_without_its_receipt_has_no_end),
           T(text_that_is_not_utf8_is_mended), T(a_false_countersignature_is_not_kept),
           T(heartbeats_for_ever_end_by_the_deadline), T(a_directory_without_end_is_cut_off))
