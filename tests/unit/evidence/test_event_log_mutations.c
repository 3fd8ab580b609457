/* What must not pass as an event log, or not replay to what was quoted: real logs changed, cut and extended, and logs of our own that are
 * wrong. Each with what must come of it. */
#include "tests/unit/evidence/event_log_scene.h"

enum { ANY = 1 }; /* unreadable, by whatever error */

static uint8_t ccel[1 << 16], tpm[1 << 16];
static size_t ccel_n, tpm_n;
static uint8_t rtmr[4][48];
static struct tpm_pcrs pcrs;
static struct log_maker m;
static unsigned cases;

static void judged(const char *what, int r, int want) {
    cases++;
    if (want == ANY ? r == 0 || r == ERR_AUTH : r != want) fail_msg("%s: %s, wanted %s", what, err_text(r), err_text(want));
}

/* Read, and compared with what the quote holds; a copy of exactly n bytes. */
static int judge(const uint8_t *p, size_t n, enum event_log_of of) {
    struct event_log log;
    uint8_t *own = malloc(n ? n : 1);
    CHECK(own != NULL);
    if (n) memcpy(own, p, n);
    int r = event_log_read(&log, (struct ev_bytes){own, n}, of, NULL);
    if (r == 0)
        r = of == EVENT_LOG_CC ? event_log_explains_rtmrs(&log, rtmr, 0xf, NULL) : event_log_explains(&log, &pcrs, 0xffff, NULL);
    free(own);
    return r;
}

static void setup(void) {
    struct event_log log;
    struct event_replay replay;
    cos113_quoted(rtmr);
    ccel_n = log_file("cos113_ccel_data.dat", ccel, sizeof ccel);
    tpm_n = log_file("dstack_tpm_eventlog.bin", tpm, sizeof tpm);
    CHECK_INT(event_log_read(&log, (struct ev_bytes){tpm, tpm_n}, EVENT_LOG_TPM, NULL), 0);
    pcrs.select = tpm_selection_of(TPM_ALG_SHA256, 0xffff);
    CHECK_INT(event_log_replay(&log, TPM_ALG_SHA256, &replay), 0);
    for (int i = 0; i < 16; i++) memcpy(pcrs.value[i], replay.value[i], 32);
}

/* ---- one bit at a time ---- */

static void flip(const char *what, uint8_t *p, size_t n, enum event_log_of of, size_t at, int bit, int want) {
    p[at] ^= (uint8_t)(1 << bit);
    judged(what, judge(p, n, of), want);
    p[at] ^= (uint8_t)(1 << bit);
}

TEST(the_real_ones_themselves_are_good) {
    setup();
    judged("CCEL", judge(ccel, ccel_n, EVENT_LOG_CC), 0);
    judged("TPM", judge(tpm, tpm_n, EVENT_LOG_TPM), 0);
}

TEST(a_bit_in_each_field_of_the_header) {
    flip("CCEL, type", ccel, ccel_n, EVENT_LOG_CC, 4, 0, ERR_FORMAT);
    flip("CCEL, signature", ccel, ccel_n, EVENT_LOG_CC, 32, 0, ERR_FORMAT);
    flip("CCEL, size of the header", ccel, ccel_n, EVENT_LOG_CC, 28, 0, ANY);
    flip("CCEL, size, large", ccel, ccel_n, EVENT_LOG_CC, 31, 7, ERR_SHORT);
    flip("CCEL, count of hashes", ccel, ccel_n, EVENT_LOG_CC, 56, 1, ANY);
    flip("CCEL, no hash", ccel, ccel_n, EVENT_LOG_CC, 56, 0, ERR_LIMIT);
    flip("CCEL, count of hashes, large", ccel, ccel_n, EVENT_LOG_CC, 59, 6, ERR_LIMIT);
    flip("CCEL, hash", ccel, ccel_n, EVENT_LOG_CC, 60, 0, ANY);
    flip("CCEL, size of a digest", ccel, ccel_n, EVENT_LOG_CC, 62, 0, ERR_FORMAT);
    flip("CCEL, vendor information", ccel, ccel_n, EVENT_LOG_CC, 64, 0, ERR_SHORT);
    flip("TPM, type: then it is of the older form", tpm, tpm_n, EVENT_LOG_TPM, 4, 2, ANY);
    flip("TPM, hash: SHA-1 becomes 0005", tpm, tpm_n, EVENT_LOG_TPM, 60, 0, ANY);
    flip("TPM, size of SHA-256", tpm, tpm_n, EVENT_LOG_TPM, 66, 4, ERR_FORMAT);
}

/* What is flipped in each event of a log, and what must come of it: digests and registers change the replay, data does not (and is not
 * believed then: event_covered). */
TEST(a_bit_in_each_digest_of_each_event_of_the_real_logs) {
    struct event_log log;
    struct event e;
    CHECK_INT(event_log_read(&log, (struct ev_bytes){ccel, ccel_n}, EVENT_LOG_CC, NULL), 0);
    for (struct event_walk w = event_walk_over(&log); event_next(&w, &e);)
        flip("CCEL, digest", ccel, ccel_n, EVENT_LOG_CC, (size_t)(e.digest[0].digest.p - ccel) + e.number % 48, 3, ERR_AUTH);
    CHECK_INT(event_log_read(&log, (struct ev_bytes){tpm, tpm_n}, EVENT_LOG_TPM, NULL), 0);
    for (struct event_walk w = event_walk_over(&log); event_next(&w, &e);) {
        size_t at = (size_t)(event_digest(&e, TPM_ALG_SHA256).p - tpm);
        flip("TPM, digest", tpm, tpm_n, EVENT_LOG_TPM, at + e.number % 32, 3, e.type == EV_NO_ACTION_TYPE ? 0 : ERR_AUTH);
        at = (size_t)(event_digest(&e, TPM_ALG_SHA384).p - tpm);
        flip("TPM, digest of a bank that was not quoted", tpm, tpm_n, EVENT_LOG_TPM, at, 3, 0);
    }
}

TEST(a_bit_in_each_other_field_of_the_events) {
    struct event_log log;
    struct event e;
    CHECK_INT(event_log_read(&log, (struct ev_bytes){ccel, ccel_n}, EVENT_LOG_CC, NULL), 0);
    for (struct event_walk w = event_walk_over(&log); event_next(&w, &e);) {
        size_t head = (size_t)(e.digest[0].digest.p - ccel) - 14;
        flip("register", ccel, ccel_n, EVENT_LOG_CC, head, e.index == 1, ERR_AUTH);
        flip("register 24 and over", ccel, ccel_n, EVENT_LOG_CC, head + 1, 0, ERR_RANGE);
        flip("type: nothing is measured", ccel, ccel_n, EVENT_LOG_CC, head + 7, 7, e.type == 0x80000003 ? ERR_AUTH : 0);
        flip("count of digests", ccel, ccel_n, EVENT_LOG_CC, head + 8, 1, ERR_LIMIT);
        flip("hash of a digest", ccel, ccel_n, EVENT_LOG_CC, head + 12, 0, ERR_FORMAT);
        flip("size of the data, large", ccel, ccel_n, EVENT_LOG_CC, head + 14 + 48 + 3, 7, ERR_SHORT);
    }
}

/* ---- pieces ---- */

static size_t event_at(const uint8_t *from, const struct event_log *log, unsigned number) {
    struct event e;
    struct event_walk w = event_walk_over(log);
    size_t at = (size_t)(w.in.p - from);
    while (number-- > 0 && event_next(&w, &e)) at = (size_t)(w.in.p - from);
    return at;
}

TEST(events_left_out_doubled_or_exchanged) {
    static uint8_t made[1 << 16];
    struct event_log log;
    CHECK_INT(event_log_read(&log, (struct ev_bytes){ccel, ccel_n}, EVENT_LOG_CC, NULL), 0);
    for (unsigned i = 0; i + 1 < log.count; i++) {
        size_t a = event_at(ccel, &log, i), b = event_at(ccel, &log, i + 1), c = event_at(ccel, &log, i + 2), n;
        memcpy(made, ccel, a);
        memcpy(made + a, ccel + b, n = ccel_n - b);
        judged("left out", judge(made, a + n, EVENT_LOG_CC), ERR_AUTH);
        memcpy(made, ccel, b);
        memcpy(made + b, ccel + a, n = ccel_n - a);
        judged("doubled", judge(made, b + n, EVENT_LOG_CC), ERR_AUTH);
        memcpy(made, ccel, ccel_n);
        memcpy(made + a, ccel + b, c - b);
        memcpy(made + a + (c - b), ccel + a, b - a);
        struct event_log other;
        struct event x, y;
        CHECK_INT(event_log_read(&other, (struct ev_bytes){made, ccel_n}, EVENT_LOG_CC, NULL), 0);
        struct event_walk w = event_walk_over(&other);
        for (unsigned k = 0; k <= i; k++) CHECK(event_next(&w, &x));
        CHECK(event_next(&w, &y));
        judged("exchanged", judge(made, ccel_n, EVENT_LOG_CC),
               x.index == y.index && memcmp(x.digest[0].digest.p, y.digest[0].digest.p, 48) != 0 ? ERR_AUTH : 0);
    }
}

TEST(logs_cut_anywhere) {
    struct event_log log;
    CHECK_INT(event_log_read(&log, (struct ev_bytes){ccel, ccel_n}, EVENT_LOG_CC, NULL), 0);
    size_t header = event_at(ccel, &log, 0);
    for (size_t n = 0; n < header; n++) judged("cut in the header", judge(ccel, n, EVENT_LOG_CC), ERR_SHORT);
    judged("nothing but the header", judge(ccel, header, EVENT_LOG_CC), ERR_AUTH);
    for (unsigned i = 1; i < log.count; i++)
        judged("cut after an event", judge(ccel, event_at(ccel, &log, i), EVENT_LOG_CC), ERR_AUTH);
    for (size_t n = header + 1; n < ccel_n; n += 37) {
        int r = judge(ccel, n, EVENT_LOG_CC);
        judged("cut", r == ERR_AUTH ? ERR_SHORT : r, ERR_SHORT); /* zeros up to the cut read as padding */
    }
    uint8_t after[] = {0, 1, 0xff, 0x41};
    for (size_t i = 0; i < sizeof after; i++) {
        ccel[ccel_n] = after[i];
        ccel[ccel_n + 1] = 0x33;
        judged("bytes behind it", judge(ccel, ccel_n + 2, EVENT_LOG_CC), ERR_SHORT);
    }
}

TEST(logs_of_another_kind) {
    static uint8_t big[EVENT_LOG_BYTES_MAX + 1];
    judged("a TPM's as a CCEL", judge(tpm, tpm_n, EVENT_LOG_CC), ERR_RANGE);
    judged("a CCEL as a TPM's", judge(ccel, ccel_n, EVENT_LOG_TPM), ERR_AUTH);
    judged("too large", judge(big, sizeof big, EVENT_LOG_TPM), ERR_LIMIT);
    judged("zeros", judge(big, 4096, EVENT_LOG_TPM), ERR_FORMAT);
    judged("zeros as a CCEL", judge(big, 4096, EVENT_LOG_CC), ERR_FORMAT);
    memset(big, 0xff, sizeof big);
    judged("ones", judge(big, 4096, EVENT_LOG_TPM), ERR_SHORT);
    judged("empty", judge(big, 0, EVENT_LOG_TPM), ERR_SHORT);
    judged("text", judge((const uint8_t *)"{\"log\": []} and some more text to make it long enough", 52, EVENT_LOG_TPM),
           ERR_SHORT);
}

/* ---- our own ---- */

static void made(const char *what, int want) {
    struct event_log log;
    judged(what, log_made(&log, &m, EVENT_LOG_TPM), want);
}

TEST(localities_that_cannot_be) {
    for (int value = 0; value < 256; value++) {
        log_header(&m, 0, 1);
        log_locality(&m, (uint8_t)value);
        made("a locality", value == 0 || value == 3 || value == 4 ? 0 : ERR_FORMAT);
    }
    log_header(&m, 0, 1);
    log_locality(&m, 3);
    log_locality(&m, 3);
    made("twice", ERR_FORMAT);
    log_header(&m, 0, 1);
    log_event(&m, 0, TAG, "x", 1, "x", 1);
    log_locality(&m, 3);
    made("after PCR 0 was extended", ERR_FORMAT);
    log_header(&m, 0, 1);
    log_event(&m, 0, EV_NO_ACTION_TYPE, "", 0, "StartupLocality\0\3\0", 18);
    made("a byte too long", ERR_FORMAT);
    log_header(&m, 0, 1);
    log_event(&m, 0, EV_NO_ACTION_TYPE, "", 0, "StartupLocality", 16);
    made("a byte short", ERR_FORMAT);
    log_header(&m, 0, 1);
    log_event(&m, 1, EV_NO_ACTION_TYPE, "", 0, "StartupLocality\0\7", 17);
    made("in another PCR it says nothing", 0);
    log_header(&m, 0, 1);
    log_event(&m, 0, TAG, "x", 1, "StartupLocality\0\3", 17);
    made("in another type it says nothing", 0);
}

TEST(headers_that_cannot_be) {
    log_header(&m, 0, 2);
    m.text[64] = 0x0b, m.text[65] = 0, m.text[66] = 32; /* SHA-256 twice */
    made("a hash twice", ERR_FORMAT);
    log_header(&m, 0, 3);
    m.text[70] = 65;
    made("a digest of 65 bytes", ERR_FORMAT);
    log_header(&m, 0, 3);
    m.text[70] = 0;
    made("a digest of no bytes", ERR_FORMAT);
    log_header(&m, 0, 3);
    m.text[56] = 9;
    made("nine hashes", ERR_LIMIT);
    log_header(&m, 0, 2);
    log_event(&m, 0, TAG, "x", 1, "x", 1);
    size_t second = m.w.len - 1 - 4 - 20 - 2;
    m.text[second] = 0x0b;
    made("an event with a bank twice", ERR_FORMAT);
    log_header(&m, 0, 1);
    log_event(&m, 24, TAG, "x", 1, "x", 1);
    made("PCR 24", ERR_RANGE);
    log_header(&m, 0, 1);
    log_event(&m, 0xffffffff, TAG, "x", 1, "x", 1);
    made("PCR ffffffff", ERR_RANGE);
}

TEST(a_log_of_too_many_events) {
    static uint8_t text[1 << 20];
    struct writer w = writer_over(text, sizeof text);
    struct event_log log;
    log_header(&m, 0, 1);
    write_bytes(&w, m.text, m.w.len);
    size_t header = w.len;
    for (unsigned i = 0; i <= EVENT_LOG_EVENTS_MAX; i++) {
        write_u32_le(&w, 1);
        write_u32_le(&w, TAG);
        write_u32_le(&w, 0); /* no digest */
        write_u32_le(&w, 0);
    }
    CHECK_INT(w.err, 0);
    judged("one event too many", event_log_read(&log, (struct ev_bytes){text, w.len}, EVENT_LOG_TPM, NULL), ERR_LIMIT);
    judged("as many as may be",
           event_log_read(&log, (struct ev_bytes){text, header + 16 * EVENT_LOG_EVENTS_MAX}, EVENT_LOG_TPM, NULL), 0);
    struct event_replay replay;
    CHECK_INT(event_log_replay(&log, TPM_ALG_SHA256, &replay), 0);
    CHECK_INT(replay.unknown, 2);
}

TEST(all_is_counted) {
    printf("# %u mutations of event logs\n", cases);
    CHECK(cases >= 1411); /* docs/evidence.md */
}

TESTS_MAIN("event_log_mutations", T(the_real_ones_themselves_are_good), T(a_bit_in_each_field_of_the_header),
           T(a_bit_in_each_digest_of_each_event_of_the_real_logs), T(a_bit_in_each_other_field_of_the_events),
           T(events_left_out_doubled_or_exchanged), T(logs_cut_anywhere), T(logs_of_another_kind), T(localities_that_cannot_be),
           T(headers_that_cannot_be), T(a_log_of_too_many_events), T(all_is_counted))
