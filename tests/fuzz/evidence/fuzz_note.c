/* Fuzz: signed notes, checkpoints and verifier keys. What is read lies within the input, and a key has one spelling. */
#include <strings.h>

#include "tests/fuzz/fuzz.h"

#include "evidence/tlog_checkpoint.h"

static void try_key(const uint8_t *data, size_t n) {
    char text[TLOG_VKEY_BYTES_MAX], again[TLOG_VKEY_BYTES_MAX];
    struct tlog_key k;
    if (n >= sizeof text) return;
    memcpy(text, data, n);
    text[n] = 0;
    if (tlog_vkey_read(&k, text) != 0) return;
    CHECK(tlog_vkey_text(again, &k) == 0 && strcasecmp(text, again) == 0); /* the id's digits may be of either case */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct tlog_note note;
    struct tlog_checkpoint c;
    struct tlog_witnessed w;
    static const struct log_policy trust = {.given = 1, .origin = "log.example", .witnesses = 2, .k = 2, .witness = {{1}, {2}}};
    char *own = fuzz_copy(data, n);
    const uint8_t *p = (const uint8_t *)own;
    try_key(p, n);
    if (tlog_note_read(&note, (struct ev_bytes){p, n}) == 0) {
        CHECK(note.text.p == p && note.text.n > 0 && note.text.n < n && note.count > 0 && note.count <= TLOG_SIGS_MAX);
        for (unsigned i = 0; i < note.count; i++)
            CHECK(note.sig[i].line.p > p && note.sig[i].line.p + note.sig[i].line.n <= p + n);
        tlog_witnessed(&w, &note, &trust);
        CHECK(!w.log_signed && w.count == 0); /* nobody signed it */
        if (tlog_checkpoint_read(&c, note.text) == 0) CHECK(c.origin.n > 0 && c.size <= TLOG_SIZE_MAX);
    }
    free(own);
    return 0;
}
