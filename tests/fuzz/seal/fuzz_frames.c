/* Fuzz: the stream reader. Input: u8 mode, then either bytes as they come from the network, or 112-byte plaintext frames, which
 * are sealed as a hostile candidate would seal them (it has the key), final where the byte in front says so. */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "seal/stream.h"

enum { FRAME = 128, PLAIN = FRAME - CHUNK_TAG_BYTES, FRAMES_MAX = 64 };

static struct envelope_secrets secrets;

static void feed(const uint8_t *p, size_t n, size_t step) {
    static struct stream_reader r;
    stream_reader_start(&r, &secrets, 0);
    int ended = 0;
    for (size_t at = 0; at < n && !r.err;) {
        size_t piece = step < n - at ? step : n - at, used = 0;
        struct frame f;
        int e = stream_read(&r, p + at, piece, &used, &f);
        at += used;
        CHECK(!ended || e == ERR_TRAILING || e == ERR_MORE); /* nothing after the final frame */
        if (e == 0 && f.final) ended = 1;
        if (e == ERR_MORE) CHECK(used == piece);
    }
    CHECK(stream_reader_end(&r) != 0 || ended);
    stream_reader_wipe(&r);
}

static void one_frame(const uint8_t *data, size_t n) {
    uint8_t again[FRAME_BYTES_MAX];
    struct frame f;
    if (n <= sizeof again && frame_read(data, n, &f) == 0) CHECK(frame_write(again, n, &f) == 0 && memcmp(again, data, n) == 0);
}

static void sealed_frames(const uint8_t *data, size_t n, size_t step) {
    static uint8_t out[STREAM_START_BYTES + FRAMES_MAX * FRAME];
    struct chunk_key k;
    size_t len = STREAM_START_BYTES;
    memset(out, 0, STREAM_START_BYTES);
    chunk_key_response(&k, secrets.response_secret[0], secrets.enc[0], out + 1);
    for (; n > PLAIN && len + FRAME <= sizeof out; data += 1 + PLAIN, n -= 1 + PLAIN, len += FRAME) {
        chunk_seal(&k, out + len, data + 1, PLAIN, data[0] & 1);
        one_frame(data + 1, PLAIN);
    }
    feed(out, len, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    secrets.head.count = 2;
    secrets.head.frame_bytes = FRAME;
    if (n == 0) return 0;
    size_t step = data[0] >> 1 ? data[0] >> 1 : 1000;
    if (data[0] & 1)
        sealed_frames(data + 1, n - 1, step);
    else
        feed(data + 1, n - 1, step);
    return 0;
}
