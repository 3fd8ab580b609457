/* blind/pair_mask.c - see pair_mask.h. */
#include "blind/pair_mask.h"
#include "base/mem.h"
#include "seal/hkdf.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

/* Whole ChaCha20 blocks, and whole draws of 3 and of 4 bytes. Few draws are refused, so little of the second stream is needed. */
enum { CHUNK = 3072, CHUNK_ANEW = 192 };

void pair_batch_key(uint8_t key[PAIR_KEY_BYTES], const uint8_t session_key[PAIR_KEY_BYTES], uint32_t batch) {
    static const char label[] = "lull pair v1";
    uint8_t prk[HKDF_BYTES], le[4] = {(uint8_t)batch, (uint8_t)(batch >> 8), (uint8_t)(batch >> 16), (uint8_t)(batch >> 24)};
    const struct hkdf_part ikm = {session_key, PAIR_KEY_BYTES};
    const struct hkdf_part info[] = {{label, sizeof label - 1}, {le, sizeof le}};
    hkdf_extract(prk, NULL, 0, &ikm, 1);
    (void)hkdf_expand(key, PAIR_KEY_BYTES, prk, info, 2); /* fails only for longer outputs */
    mem_wipe(prk, sizeof prk);
}

/* The draws of one of a column's two streams, a chunk at a time. */
struct draws {
    const struct field *f;
    const uint8_t *key;
    uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
    uint32_t block;           /* of the next chunk */
    size_t at, chunk;         /* place in bytes[], of so many; at == chunk: none left */
    uint8_t bytes[CHUNK + 1]; /* one more than is used, for the last draw's load */
};

static void put_le32(uint8_t *out, uint32_t v) {
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(v >> (8 * i));
}

static void draws_begin(struct draws *d, const struct field *f, const uint8_t *key, uint32_t stack, uint32_t n, uint32_t stream,
                        size_t chunk) {
    d->f = f;
    d->key = key;
    put_le32(d->nonce, stack);
    put_le32(d->nonce + 4, n);
    put_le32(d->nonce + 8, stream);
    d->block = 0;
    d->at = d->chunk = chunk;
}

static void draws_refill(struct draws *d) {
    memset(d->bytes, 0, d->chunk);
    crypto_stream_chacha20_ietf_xor_ic(d->bytes, d->bytes, d->chunk, d->nonce, d->block, d->key);
    d->block += (uint32_t)d->chunk / 64;
    d->at = 0;
}

/* Four bytes at a time, whatever the step: the mask drops what belongs to the next draw. */
static inline uint32_t draw_at(const uint8_t *p, uint32_t mask) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v) & mask;
}

/* The next count draws, whatever their value. */
static void draws_take(struct draws *d, uint32_t *out, size_t count) {
    uint32_t mask = (1u << d->f->draw_bits) - 1, step = d->f->draw_bytes;
    while (count) {
        if (d->at == d->chunk) draws_refill(d);
        size_t have = (d->chunk - d->at) / step;
        if (have > count) have = count;
        for (size_t i = 0; i < have; i++) out[i] = draw_at(d->bytes + d->at + i * step, mask);
        d->at += have * step;
        out += have;
        count -= have;
    }
}

/* Which draws were refused tells nothing of the elements: what replaces them is independent of it. So this may branch. */
void pair_mask(const struct field *f, const uint8_t batch_key[PAIR_KEY_BYTES], uint32_t stack, uint32_t n, uint32_t *r,
               uint32_t cols) {
    struct draws d;
    draws_begin(&d, f, batch_key, stack, n, 0, CHUNK);
    draws_take(&d, r, cols);
    draws_begin(&d, f, batch_key, stack, n, 1, CHUNK_ANEW);
    for (uint32_t j = 0; j < cols; j++)
        while (r[j] >= f->p) draws_take(&d, &r[j], 1);
    mem_wipe(&d, sizeof d);
}

int pair_mask_add(const struct field *f, const int32_t *x, const uint32_t *r, uint32_t *u, uint32_t cols) {
    int32_t half = (int32_t)(f->p / 2);
    unsigned over = 0;
    for (uint32_t j = 0; j < cols; j++) {
        uint32_t negative = -((uint32_t)x[j] >> 31);
        over |= (unsigned)(x[j] > half) | (unsigned)(x[j] < -half);
        u[j] = field_add(f, (uint32_t)x[j] + (f->p & negative), r[j]);
    }
    return over ? ERR_RANGE : 0;
}

void pair_mask_remove(const struct field *f, const uint32_t *z, const uint32_t *wr, int32_t *y, uint32_t rows) {
    for (uint32_t i = 0; i < rows; i++) y[i] = field_balanced(f, field_sub(f, z[i], wr[i]));
}
