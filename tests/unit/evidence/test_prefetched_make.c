/* A cosigned checkpoint becomes a nonce: what the maker takes is what the verifier takes. */
#include "evidence/prefetched_make.h"
#include "tests/unit/evidence/tlog_scene.h"

static struct scene s;
static struct buf note, member;
static struct tlog_note read_note;
static struct why why;
static uint64_t oldest;

/* A checkpoint with the log's signature, and nobody's else yet. */
static void begin(void) {
    struct buf text;
    struct tlog_hash root = {{9}};
    scene_open(&s);
    CHECK_INT(tlog_checkpoint_text(&text, "log.example/lull", 12, &root), 0);
    buf_init(&note, TLOG_NOTE_BYTES_MAX);
    CHECK_INT(buf_add(&note, text.data, text.len), 0);
    CHECK_INT(buf_add(&note, "\n", 1), 0);
    CHECK_INT(tlog_sign(&note, (struct ev_bytes){text.data, text.len}, &s.key, s.seed, 0), 0);
    buf_release(&text);
    why = (struct why){{0}};
}
static struct ev_bytes text_of(void) {
    struct tlog_note n;
    CHECK_INT(tlog_note_read(&n, (struct ev_bytes){note.data, note.len}), 0);
    return n.text;
}
static void sign(int witness, uint64_t time) {
    uint8_t copy[512];
    struct ev_bytes text = text_of();
    CHECK(text.n <= sizeof copy); /* the buffer may move while it grows */
    memcpy(copy, text.p, text.n);
    CHECK_INT(tlog_sign(&note, (struct ev_bytes){copy, text.n}, &s.witness[witness], s.witness_seed[witness], time), 0);
}
static int make(void) {
    CHECK_INT(tlog_note_read(&read_note, (struct ev_bytes){note.data, note.len}), 0);
    buf_release(&member);
    return ev_prefetched_of_note(&member, &read_note, &s.trust, &oldest, &why);
}
static void end(void) {
    buf_release(&note);
    buf_release(&member);
    scene_close(&s);
}
static struct ev_prefetched made(void) {
    struct ev_prefetched p;
    CHECK_INT(ev_prefetched_read(&p, (struct ev_bytes){member.data, member.len}), 0);
    return p;
}

TEST(what_is_made_is_good_for_the_verifier_and_as_old_as_it_says) {
    struct ev_report r = {.factors = 0};
    begin();
    sign(2, 1000);
    sign(0, 1010);
    sign(1, 990);
    CHECK_INT(make(), 0);
    struct ev_prefetched p = made();
    CHECK_INT(p.count, 3);
    CHECK_INT(p.log_size, 12);
    CHECK_INT(oldest, 990);
    CHECK_INT(ev_prefetched_time(&p, &s.trust), 1000); /* the older of the two newest: two must have signed */
    CHECK(ev_prefetched_check(&r, &p, &s.trust, 60, 1050, 0));
    CHECK(!ev_prefetched_check(&r, &p, &s.trust, 49, 1050, 0));
    end();
}

TEST(of_a_witness_that_signed_twice_the_newest_counts) {
    begin();
    sign(0, 1000);
    sign(1, 1000);
    sign(0, 1500);
    sign(0, 1200);
    CHECK_INT(make(), 0);
    struct ev_prefetched p = made();
    CHECK_INT(p.count, 2);
    CHECK_INT(ev_prefetched_time(&p, &s.trust), 1000);
    s.trust.k = 1;
    CHECK_INT(ev_prefetched_time(&p, &s.trust), 1500);
    s.trust.k = 3;
    CHECK_INT(ev_prefetched_time(&p, &s.trust), 0);
    end();
}

TEST(too_few_witnesses_make_no_nonce) {
    begin();
    CHECK_INT(make(), ERR_AUTH);
    sign(1, 1000);
    sign(1, 1001);
    CHECK_INT(make(), ERR_AUTH);
    CHECK(strstr(why.text, "1 of the given witnesses") != NULL);
    s.trust.witnesses = 1; /* and one who is not among those that are trusted */
    sign(2, 1000);
    s.trust.k = 1;
    CHECK_INT(make(), ERR_AUTH);
    end();
}

TEST(a_signature_that_does_not_verify_is_none) {
    begin();
    sign(0, 1000);
    sign(1, 1000);
    CHECK_INT(make(), 0);
    for (size_t i = 0; i < text_of().n; i++) { /* each byte of the text: then nobody has signed it */
        note.data[i] ^= 1;
        struct tlog_note n;
        if (tlog_note_read(&n, (struct ev_bytes){note.data, note.len}) == 0) CHECK(make() != 0);
        note.data[i] ^= 1;
    }
    end();
}

TEST(another_logs_checkpoint_makes_none) {
    begin();
    sign(0, 1000);
    sign(1, 1000);
    strcpy(s.trust.origin, "log.example/other");
    CHECK_INT(make(), ERR_FORMAT);
    strcpy(s.trust.origin, "log.example/lull");
    s.trust.key[0] ^= 1;
    CHECK_INT(make(), ERR_AUTH);
    end();
}

TESTS_MAIN("prefetched_make", T(what_is_made_is_good_for_the_verifier_and_as_old_as_it_says),
           T(of_a_witness_that_signed_twice_the_newest_counts), T(too_few_witnesses_make_no_nonce),
           T(a_signature_that_does_not_verify_is_none), T(another_logs_checkpoint_makes_none))
