/* tests/unit/model/logits.h - logits of sequences, computed in many ways that may not change a bit: whole or in chunks, alone or in
 * batches, by this kernel or that, on a device; and the digests that are written down. */
#ifndef TESTS_LOGITS_H
#define TESTS_LOGITS_H

#include "base/hash.h"
#include "math/attend.h"
#include "model/engine.h"
#include "tests/unit/model/synth_model.h"

static inline void token_ids(int32_t *id, uint32_t n, uint32_t n_vocab, uint64_t seed) {
    for (uint32_t i = 0; i < n; i++) id[i] = (int32_t)(synth_next(&seed) % n_vocab);
}

static inline size_t row_bytes(const struct model *m, uint32_t n) { return (size_t)n * model_n_vocab(m) * sizeof(float); }

struct setting {
    const struct kern *kern;
    uint32_t threads, chunk, waste; /* waste: pages taken by others first, so that this sequence gets different ones */
    enum kv_format kv;
    const struct device_ops *device;
};

/* Logits of every position, n rows, taken a chunk at a time. The caller frees them. */
static inline float *all_logits(const struct model *m, const int32_t *id, uint32_t n, struct setting s) {
    struct engine *e;
    struct kv_seq seq, other;
    struct why why = {{0}};
    uint32_t pages = (n + KV_PAGE - 1) / KV_PAGE, v = model_n_vocab(m);
    struct engine_opts o = {.threads = s.threads,
                            .rows_max = s.chunk,
                            .logits_max = s.chunk,
                            .kv_pages = pages + s.waste,
                            .kern = s.kern,
                            .kv = s.kv,
                            .device = s.device};
    float *rows = malloc(row_bytes(m, n));
    int r = engine_new(&e, m, &o, &why);
    if (r != 0) printf("# %s\n", why.text);
    CHECK_INT(r, 0);
    CHECK_INT(kv_seq_init(&seq, n), 0);
    CHECK_INT(kv_seq_init(&other, 64 * KV_PAGE), 0);
    CHECK_INT(kv_seq_reserve(&other, engine_kv(e), s.waste * KV_PAGE), 0);
    CHECK_INT(kv_seq_reserve(&seq, engine_kv(e), n), 0);
    for (uint32_t at = 0; at < n; at += s.chunk) {
        struct engine_part p = {.seq = &seq, .ids = id + at, .count = n - at < s.chunk ? n - at : s.chunk};
        CHECK_INT(engine_step(e, &p, 1), 0);
        CHECK_INT(p.err, 0);
        memcpy(rows + (size_t)at * v, p.logits, (size_t)p.count * v * sizeof *rows);
    }
    kv_seq_release(&seq, engine_kv(e));
    kv_seq_release(&other, engine_kv(e));
    engine_free(e);
    return rows;
}

/* ---- batches ---- */

enum { BATCH_MAX = 64, BATCH_LENGTH = 24, BATCH_PIECE = 5 };
struct batch {
    struct engine *e;
    uint32_t sequences, n_vocab;
    struct kv_seq seq[BATCH_MAX];
    int32_t id[BATCH_MAX][BATCH_LENGTH];
    float *want[BATCH_MAX]; /* each sequence's logits, computed alone */
};

/* An engine with room for so many sequences of BATCH_LENGTH, by setting; what is wanted is computed without its device. */
static inline void batch_init(struct batch *b, const struct model *m, uint32_t sequences, struct setting s) {
    uint32_t rows = sequences * BATCH_PIECE;
    struct engine_opts o = {.threads = s.threads,
                            .rows_max = rows,
                            .logits_max = rows,
                            .kv_pages = sequences,
                            .kern = s.kern,
                            .kv = s.kv,
                            .device = s.device};
    b->sequences = sequences;
    b->n_vocab = model_n_vocab(m);
    CHECK_INT(engine_new(&b->e, m, &o, NULL), 0);
    for (uint32_t i = 0; i < sequences; i++) {
        token_ids(b->id[i], BATCH_LENGTH, b->n_vocab, 100 + i);
        b->want[i] = all_logits(m, b->id[i], BATCH_LENGTH, (struct setting){NULL, 1, BATCH_LENGTH, 0, s.kv, NULL});
        CHECK_INT(kv_seq_init(&b->seq[i], BATCH_LENGTH), 0);
    }
}

static inline void batch_done(struct batch *b) {
    for (uint32_t i = 0; i < b->sequences; i++) {
        kv_seq_release(&b->seq[i], engine_kv(b->e));
        free(b->want[i]);
    }
    engine_free(b->e);
}

/* Pieces of some of the sequences, from one that draw chooses on. */
static inline size_t batch_pieces(struct batch *b, struct engine_part *part, uint64_t *draw) {
    size_t parts = 0;
    uint32_t shift = (uint32_t)(synth_next(draw) % b->sequences);
    for (uint32_t i = 0; i < b->sequences; i++) {
        uint32_t s = (i + shift) % b->sequences, count = (uint32_t)(synth_next(draw) % (BATCH_PIECE + 1));
        if (count > BATCH_LENGTH - b->seq[s].length) count = BATCH_LENGTH - b->seq[s].length;
        if (count) part[parts++] = (struct engine_part){.seq = &b->seq[s], .ids = b->id[s] + b->seq[s].length, .count = count};
    }
    return parts;
}

/* All sequences from their beginning to their end, in steps of pieces whose lengths and order change. */
static inline void batch_run(struct batch *b, uint64_t draw) {
    for (uint32_t s = 0; s < b->sequences; s++) CHECK_INT(kv_seq_reserve(&b->seq[s], engine_kv(b->e), BATCH_LENGTH), 0);
    for (uint32_t left = b->sequences * BATCH_LENGTH; left;) {
        struct engine_part part[BATCH_MAX];
        size_t parts = batch_pieces(b, part, &draw);
        if (!parts) continue;
        CHECK_INT(engine_step(b->e, part, parts), 0);
        for (size_t i = 0; i < parts; i++) {
            uint32_t s = (uint32_t)(part[i].seq - b->seq), first = b->seq[s].length - part[i].count;
            CHECK_INT(part[i].err, 0);
            CHECK_MEM(part[i].logits, b->want[s] + (size_t)first * b->n_vocab, part[i].count * b->n_vocab * sizeof(float));
            left -= part[i].count;
        }
    }
}

static inline void check_batch(const struct model *m, uint32_t sequences, uint32_t threads, enum kv_format kv) {
    static struct batch b;
    batch_init(&b, m, sequences, (struct setting){.threads = threads, .kv = kv});
    batch_run(&b, sequences);
    batch_done(&b);
}

/* ---- golden digests ---- */

/* tests/data/golden_logits.txt: "name sha256" of the logits of n positions, at most 200. 1 when they differ. */
static inline int golden_differs(const char *name, const struct model *m, uint32_t n, enum kv_format kv) {
    int32_t id[200];
    uint8_t digest[32];
    char hex[65], line[160], want[65] = "";
    token_ids(id, n, model_n_vocab(m), 4711);
    float *rows = all_logits(m, id, n, (struct setting){NULL, 2, 50, 0, kv, NULL});
    sha256_of(digest, rows, row_bytes(m, n));
    hex_encode(hex, digest, 32);
    free(rows);
    FILE *f = fopen("tests/data/golden_logits.txt", "re");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f)) {
        char entry[64], value[65];
        if (sscanf(line, "%63s %64s", entry, value) == 2 && strcmp(entry, name) == 0) strcpy(want, value);
    }
    fclose(f);
    int differs = strcmp(hex, want) != 0;
    if (differs) printf("# golden: %s %s\n", name, hex);
    return differs;
}

#endif
