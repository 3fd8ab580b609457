/* Signed notes, keys and checkpoints: C2SP's examples, and what is none. */
#include "base/file.h"
#include "evidence/tlog_checkpoint.h"
#include "tests/check.h"

#define VECTORS "tests/data/evidence/tlog-checkpoint/"

static void load(struct buf *b, const char *path) { CHECK_INT(file_read(b, path, 65536, NULL), 0); }
static struct ev_bytes over(const char *s) { return (struct ev_bytes){(const uint8_t *)s, strlen(s)}; }

TEST(the_example_of_signed_note_verifies_and_no_changed_byte_of_it) {
    struct buf b, v;
    struct tlog_key key;
    struct tlog_note note;
    uint64_t time;
    load(&b, VECTORS "signed_note_c2sp.txt");
    load(&v, VECTORS "signed_note_c2sp.vkey");
    v.data[strcspn((char *)v.data, "\n")] = 0;
    CHECK_INT(tlog_vkey_read(&key, (char *)v.data), 0);
    CHECK_STR(key.name, "example.com/foo");
    for (size_t at = 0; at <= b.len; at++) { /* at b.len nothing is changed */
        if (at < b.len) b.data[at] ^= 1;
        int r = tlog_note_read(&note, (struct ev_bytes){b.data, b.len});
        int claims = r == 0 && tlog_sig_claims(&note.sig[0], TLOG_SIG_ED25519, key.key);
        int good = claims && tlog_sig_check(&note.sig[0], note.text, TLOG_SIG_ED25519, key.key, &time) == 0;
        if (good != (at == b.len)) print_error("byte %zu\n", at);
        CHECK_INT(good, at == b.len);
        if (at < b.len) b.data[at] ^= 1;
    }
    char again[TLOG_VKEY_BYTES_MAX];
    CHECK_INT(tlog_vkey_text(again, &key), 0);
    CHECK_STR(again, (char *)v.data);
    buf_release(&b);
    buf_release(&v);
}

TEST(the_example_of_a_cosigned_checkpoint_is_read) {
    struct buf b;
    struct tlog_note note;
    struct tlog_checkpoint c;
    load(&b, VECTORS "checkpoint_cosigned_format_example.txt");
    CHECK_INT(tlog_note_read(&note, (struct ev_bytes){b.data, b.len}), 0);
    CHECK_INT(note.count, 2);
    CHECK_INT(note.sig[0].n, 64);
    CHECK_INT(note.sig[1].n, 72);
    CHECK_INT(note.sig[1].name.n, strlen("witness.example.com/w1"));
    uint64_t time = 0;
    for (int i = 0; i < 8; i++) time = time << 8 | note.sig[1].bytes[i];
    CHECK_INT(time, 1679315147); /* the time that tlog-cosignature.md says it has */
    CHECK_INT(tlog_checkpoint_read(&c, note.text), 0);
    CHECK_INT(c.size, 20852163);
    CHECK_INT(c.origin.n, strlen("example.com/behind-the-sofa"));
    buf_release(&b);
}

#define LINE "\xe2\x80\x94 a.example AAAAAAA=\n"
TEST(what_is_no_note_is_refused) {
    static const char *const bad[] = {"",
                                      "\n",
                                      "text\n",
                                      "text\n\n",
                                      "text" LINE,
                                      "text\n" LINE,
                                      "text\n\n\xe2\x80\x94 a.example AAAAAAA=",
                                      "text\n\n\xe2\x80\x94 a.example AAAAAA==\n", /* an id and nothing behind it */
                                      "text\n\n\xe2\x80\x94 a.example AAAAAAB=\n", /* bits left over */
                                      "text\n\n\xe2\x80\x94 a.example AAAA AAA=\n",
                                      "text\n\n\xe2\x80\x94 a.example AAAAAAA= \n",
                                      "text\n\n\xe2\x80\x94 a.example\n",
                                      "text\n\n\xe2\x80\x94  AAAAAAA=\n",
                                      "text\n\n\xe2\x80\x94 a+b AAAAAAA=\n",
                                      "text\n\n\xe2\x80\x94 a\xc2\xa0"
                                      "b AAAAAAA=\n",
                                      "text\n\n\xe2\x80\x94 a\xe2\x80\x83"
                                      "b AAAAAAA=\n",
                                      "text\n\n- a.example AAAAAAA=\n",
                                      "text\n\n" LINE "more\n",
                                      "te\rxt\n\n" LINE,
                                      "te\xffxt\n\n" LINE,
                                      "\n" LINE};
    struct tlog_note note;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int r = tlog_note_read(&note, over(bad[i]));
        if (r != ERR_FORMAT) print_error("case %zu: %d\n", i, r);
        CHECK_INT(r, ERR_FORMAT);
    }
    CHECK_INT(tlog_note_read(&note, over("text\n\n" LINE)), 0);
    CHECK_INT(tlog_note_read(&note, over("one\n\ntwo\n\n" LINE)), 0);
    CHECK_INT(note.text.n, 9);
}

TEST(sixteen_signatures_of_5_kb_are_read_and_33_are_not) {
    struct buf b;
    struct tlog_note note;
    char line[6800] = "\xe2\x80\x94 pq.example ";
    memset(line + strlen(line), 'A', 6700);
    line[14 + 6700] = 0;
    buf_init(&b, 1 << 20);
    CHECK_INT(buf_addf(&b, "text\n\n"), 0);
    for (int i = 0; i < 16; i++) CHECK_INT(buf_addf(&b, "%.*s\n", 15 + 6696, line), 0);
    CHECK_INT(tlog_note_read(&note, (struct ev_bytes){b.data, b.len}), 0);
    CHECK_INT(note.count, 16);
    b.len = 0;
    CHECK_INT(buf_addf(&b, "text\n\n"), 0);
    for (int i = 0; i < 33; i++) CHECK_INT(buf_addf(&b, LINE), 0);
    CHECK_INT(tlog_note_read(&note, (struct ev_bytes){b.data, b.len}), ERR_LIMIT);
    buf_release(&b);
}

TEST(what_is_no_checkpoint_is_refused) {
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    static const char *const bad[] = {"",
                                      "o\n",
                                      "o\n1\n",
                                      "\n1\n" ROOT,
                                      "o\n01\n" ROOT,
                                      "o\n-1\n" ROOT,
                                      "o\n+1\n" ROOT,
                                      "o\n 1\n" ROOT,
                                      "o\n\n" ROOT,
                                      "o\n9223372036854775808\n" ROOT,
                                      "o\n18446744073709551617\n" ROOT,
                                      "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
                                      "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
                                      "o\n1\n" ROOT "\n",
                                      "o\n1\n" ROOT "extension\n\nmore\n",
                                      "o\n1\n" ROOT "extension"};
    struct tlog_checkpoint c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_INT(tlog_checkpoint_read(&c, over(bad[i])), ERR_FORMAT);
    CHECK_INT(tlog_checkpoint_read(&c, over("o\n0\n" ROOT)), 0);
    CHECK_INT(tlog_checkpoint_read(&c, over("o\n9223372036854775807\n" ROOT "extension\n")), 0);
}

TEST(keys_go_out_and_come_back_and_wrong_ids_are_refused) {
    uint8_t seed[32] = {1, 2, 3}, back[32];
    struct tlog_key k, read;
    char text[TLOG_SKEY_BYTES_MAX];
    CHECK_INT(tlog_key_of(&k, "log.example/x", TLOG_SIG_COSIGNATURE, seed), 0);
    CHECK_INT(tlog_skey_text(text, &k, seed), 0);
    CHECK_INT(tlog_skey_read(&read, back, text), 0);
    CHECK_MEM(back, seed, 32);
    CHECK_MEM(read.key, k.key, 32);
    CHECK_INT(tlog_vkey_read(&read, text), ERR_FORMAT); /* a secret is no verifier key */
    CHECK_INT(tlog_vkey_text(text, &k), 0);
    CHECK_INT(tlog_vkey_read(&read, text), 0);
    CHECK_INT(read.type, TLOG_SIG_COSIGNATURE);
    char *id = strchr(text, '+') + 1;
    *id = *id == '0' ? '1' : '0';
    CHECK_INT(tlog_vkey_read(&read, text), ERR_FORMAT);
    CHECK_INT(tlog_key_of(&k, "two words", TLOG_SIG_ED25519, seed), ERR_FORMAT);
    CHECK_INT(tlog_key_of(&k, "a+b", TLOG_SIG_ED25519, seed), ERR_FORMAT);
}

/* A log's signature is not a witness's, though both are by one key over one text. */
TEST(a_signature_of_one_type_does_not_pass_for_the_other) {
    uint8_t seed[32] = {9};
    struct tlog_key log, witness;
    struct tlog_note note;
    struct buf b;
    uint64_t time;
    CHECK_INT(tlog_key_of(&log, "one.example", TLOG_SIG_ED25519, seed), 0);
    CHECK_INT(tlog_key_of(&witness, "one.example", TLOG_SIG_COSIGNATURE, seed), 0);
    buf_init(&b, 4096);
    CHECK_INT(buf_addf(&b, "text\n\n"), 0);
    CHECK_INT(tlog_sign(&b, over("text\n"), &log, seed, 0), 0);
    CHECK_INT(tlog_sign(&b, over("text\n"), &witness, seed, 1234567890), 0);
    CHECK_INT(tlog_note_read(&note, (struct ev_bytes){b.data, b.len}), 0);
    CHECK(tlog_sig_claims(&note.sig[0], TLOG_SIG_ED25519, log.key));
    CHECK(!tlog_sig_claims(&note.sig[0], TLOG_SIG_COSIGNATURE, log.key));
    CHECK_INT(tlog_sig_check(&note.sig[0], note.text, TLOG_SIG_ED25519, log.key, &time), 0);
    CHECK_INT(tlog_sig_check(&note.sig[0], note.text, TLOG_SIG_COSIGNATURE, log.key, &time), ERR_AUTH);
    CHECK_INT(tlog_sig_check(&note.sig[1], note.text, TLOG_SIG_COSIGNATURE, log.key, &time), 0);
    CHECK_INT(time, 1234567890);
    note.sig[1].bytes[7] ^= 1; /* another time */
    CHECK_INT(tlog_sig_check(&note.sig[1], note.text, TLOG_SIG_COSIGNATURE, log.key, &time), ERR_AUTH);
    buf_release(&b);
}

TESTS_MAIN("tlog_note", T(the_example_of_signed_note_verifies_and_no_changed_byte_of_it),
           T(the_example_of_a_cosigned_checkpoint_is_read), T(what_is_no_note_is_refused),
           T(sixteen_signatures_of_5_kb_are_read_and_33_are_not), T(what_is_no_checkpoint_is_refused),
           T(keys_go_out_and_come_back_and_wrong_ids_are_refused), T(a_signature_of_one_type_does_not_pass_for_the_other))
