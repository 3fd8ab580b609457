/* blind/lattice_public.c - see lattice_public.h. */
#include "blind/lattice_public.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_MAX = 1 << 16, STEP = 32 };
static const char label[] = "lull blind A v1";

struct draw {
    EVP_MD *shake;
    EVP_MD_CTX *ctx;
};
static void draw_release(struct draw *d) {
    EVP_MD_CTX_free(d->ctx);
    EVP_MD_free(d->shake);
}
static int draw_init(struct draw *d) {
    *d = (struct draw){.shake = EVP_MD_fetch(NULL, "SHAKE128", NULL), .ctx = EVP_MD_CTX_new()};
    if (d->shake != NULL && d->ctx != NULL) return 0;
    draw_release(d);
    return ERR_INTERNAL;
}

/* The first n bytes, always from the start: OpenSSL 3.0 squeezes a context once, and gives wrong bytes when asked for more. */
static int squeeze(struct draw *d, uint8_t *out, size_t n, const uint8_t manifest[32], uint32_t j, uint8_t c) {
    const uint8_t which[5] = {(uint8_t)j, (uint8_t)(j >> 8), (uint8_t)(j >> 16), (uint8_t)(j >> 24), c};
    int good = EVP_DigestInit_ex(d->ctx, d->shake, NULL) == 1 && EVP_DigestUpdate(d->ctx, label, sizeof label - 1) == 1 &&
               EVP_DigestUpdate(d->ctx, manifest, 32) == 1 && EVP_DigestUpdate(d->ctx, which, sizeof which) == 1 &&
               EVP_DigestFinalXOF(d->ctx, out, n) == 1;
    return good ? 0 : ERR_INTERNAL;
}

/* How many of out's 256 values the n bytes give. */
static unsigned take_values(uint32_t out[NTT_N], const uint8_t *bytes, size_t n) {
    unsigned have = 0;
    for (size_t at = 0; at + 4 <= n && have < NTT_N; at += 4) {
        const uint8_t *b = bytes + at;
        uint32_t v = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)(b[3] & 0x7f) << 24;
        if (v < NTT_Q) out[have++] = v;
    }
    return have;
}

static int draw_values(struct draw *d, uint32_t out[NTT_N], const uint8_t manifest[32], uint32_t j, uint8_t c, size_t ask) {
    uint8_t usual[LATTICE_DRAW_BYTES], *bytes = usual, *longer = NULL;
    int r = ask >= 4 ? ERR_MORE : ERR_RANGE;
    for (size_t n = ask; r == ERR_MORE; n *= 2) {
        if (n > ASK_MAX) r = ERR_INTERNAL; /* thousands of draws in a row at or over q: not a working SHAKE */
        if (r == ERR_MORE && n > sizeof usual) {
            free(longer);
            bytes = longer = malloc(n);
            if (longer == NULL) r = ERR_NOMEM;
        }
        if (r != ERR_MORE) break;
        r = squeeze(d, bytes, n, manifest, j, c);
        if (r == 0 && take_values(out, bytes, n) < NTT_N) r = ERR_MORE;
    }
    free(longer);
    return r;
}

int lattice_public_draw(uint32_t out[NTT_N], const uint8_t manifest[32], uint32_t j, uint8_t c, size_t ask) {
    struct draw d;
    int r = draw_init(&d);
    if (r != 0) return r;
    r = draw_values(&d, out, manifest, j, c, ask);
    draw_release(&d);
    return r;
}

struct filling {
    struct lattice_public *a;
    const uint8_t *manifest;
    atomic_int err;
};
static void fill(void *arg, uint32_t begin, uint32_t end) {
    struct filling *f = arg;
    struct draw d;
    int r = draw_init(&d);
    if (r == 0) {
        for (uint32_t j = begin; j < end && r == 0; j++)
            for (uint32_t c = 0; c < f->a->rank && r == 0; c++)
                r = draw_values(&d, f->a->values + ((size_t)j * f->a->rank + c) * NTT_N, f->manifest, j, (uint8_t)c,
                                LATTICE_DRAW_BYTES);
        draw_release(&d);
    }
    if (r != 0) atomic_store(&f->err, r);
}

int lattice_public_new(struct lattice_public *a, const uint8_t manifest[32], uint32_t cols, uint32_t rank, struct pool *pool) {
    *a = (struct lattice_public){0};
    if (cols == 0 || rank == 0 || rank > NTT_RANK_MAX) return ERR_RANGE;
    size_t bytes = (size_t)cols * rank * NTT_N * sizeof(uint32_t);
    *a = (struct lattice_public){.cols = cols, .rank = rank, .values = aligned_alloc(64, bytes)};
    if (a->values == NULL) return ERR_NOMEM;
    struct filling f = {.a = a, .manifest = manifest};
    if (pool != NULL)
        pool_range(pool, cols, STEP, fill, &f);
    else
        fill(&f, 0, cols);
    int r = atomic_load(&f.err);
    if (r != 0) lattice_public_free(a);
    return r;
}

void lattice_public_free(struct lattice_public *a) {
    free(a->values);
    *a = (struct lattice_public){0};
}
