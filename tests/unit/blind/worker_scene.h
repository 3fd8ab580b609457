/* tests/unit/blind/worker_scene.h - a worker over the synthetic stacks, and clients that say what they are told and keep what they hear. */
#ifndef TESTS_UNIT_BLIND_WORKER_SCENE_H
#define TESTS_UNIT_BLIND_WORKER_SCENE_H

#include <stdlib.h>

#include "base/mem.h"
#include "base/secret.h"
#include "blind/blind_worker.h"
#include "tests/check.h"
#include "tests/unit/blind/synth_stacks.h"

#define SCENE static __attribute__((unused))
enum { SCENE_HEARD_MAX = 1 << 12, SCENE_BUF = 1 << 20 };
static const uint8_t scene_manifest[32] = {1, 2, 3};

struct weights {
    struct row8 stacks[SYNTH_STACKS];
    struct pool *pool;
    struct blind_worker_opts opts;
};
SCENE void weights_open(struct weights *s, unsigned threads) {
    struct why why = {{0}};
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < SYNTH_STACKS; i++) {
        uint32_t rows = synth_shapes[i].rows, cols = synth_shapes[i].cols;
        int8_t *w = malloc((size_t)rows * cols);
        CHECK(w != NULL);
        CHECK_INT(row8_shape(&s->stacks[i], rows, cols), 0);
        s->stacks[i].data = aligned_alloc(64, row8_bytes(&s->stacks[i]));
        CHECK(s->stacks[i].data != NULL);
        for (uint32_t r = 0; r < rows; r++) synth_row(i, r, w + (size_t)r * cols);
        row8_pack(&s->stacks[i], 0, rows, w);
        free(w);
    }
    CHECK_INT(pool_new(&s->pool, threads, &why), 0);
    s->opts = (struct blind_worker_opts){.stacks = s->stacks, .stack_count = SYNTH_STACKS, .pool = s->pool};
    CHECK_INT(kern_select(&s->opts.kern, NULL, &why), 0);
    memcpy(s->opts.manifest_hash, scene_manifest, 32);
}
SCENE void weights_close(struct weights *s) {
    for (uint32_t i = 0; i < SYNTH_STACKS; i++) free(s->stacks[i].data);
    pool_free(s->pool);
}

struct heard {
    uint8_t *p;
    size_t n;
    int final;
};
struct speaker { /* one client, and everything that the worker said to it */
    struct blind_client *c;
    struct heard heard[SCENE_HEARD_MAX];
    size_t count, read;
    size_t room;
};
SCENE void speaker_put(void *arg, const uint8_t *message, size_t n, int final) {
    struct speaker *s = arg;
    uint8_t *copy = malloc(n);
    CHECK(copy != NULL && s->count < SCENE_HEARD_MAX);
    CHECK_INT(blind_message_final(message, n), final);
    memcpy(copy, message, n);
    s->heard[s->count++] = (struct heard){copy, n, final};
}
SCENE size_t speaker_room(void *arg) { return ((struct speaker *)arg)->room; }
SCENE void speaker_open(struct speaker *s, struct blind_worker *w) {
    struct blind_sink sink = {speaker_put, speaker_room, s};
    memset(s, 0, sizeof *s);
    s->room = BLIND_SINK_ROOM;
    CHECK_INT(blind_client_open(&s->c, w, &sink, NULL), 0);
}
SCENE void speaker_forget(struct speaker *s) {
    for (size_t i = 0; i < s->count; i++) {
        mem_wipe(s->heard[i].p, s->heard[i].n);
        free(s->heard[i].p);
    }
    s->count = s->read = 0;
}
SCENE void speaker_close(struct speaker *s) {
    blind_client_close(s->c);
    speaker_forget(s);
}
SCENE int speaker_bytes(struct speaker *s, const uint8_t *p, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    CHECK(copy != NULL);
    memcpy(copy, p, n);
    return blind_client_message(s->c, copy, n);
}
static uint8_t scene_buf[SCENE_BUF];
SCENE size_t scene_write(const struct blind_message *m) {
    struct writer w = writer_over(scene_buf, sizeof scene_buf);
    blind_message_write(&w, m);
    CHECK_INT(w.err, 0);
    return w.len;
}
SCENE int speaker_say(struct speaker *s, const struct blind_message *m) { return speaker_bytes(s, scene_buf, scene_write(m)); }

/* The next message that was heard, read as a client reads it. */
SCENE struct blind_message speaker_hear(struct speaker *s) {
    struct blind_message m;
    CHECK(s->read < s->count);
    CHECK_INT(blind_message_read(s->heard[s->read].p, s->heard[s->read].n, 0, &m), 0);
    s->read++;
    return m;
}
SCENE void speaker_hello(struct speaker *s, enum blind_role role) {
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = (uint8_t)role}};
    memcpy(m.hello.manifest_hash, scene_manifest, 32);
    CHECK_INT(speaker_say(s, &m), 0);
    CHECK_INT(speaker_hear(s).type, BLIND_READY);
}
SCENE void speaker_hears_error(struct speaker *s, uint32_t seq, enum blind_code code) {
    struct blind_message m = speaker_hear(s);
    CHECK_INT(m.type, BLIND_ERROR);
    CHECK_INT(m.error.code, code);
    CHECK_INT(m.error.seq, seq);
    CHECK_INT(s->read, s->count); /* nothing after it */
}

/* ---- products ---- */
SCENE const struct field *scene_field(uint32_t stack) { return field_of(synth_shapes[stack].cols); }
SCENE void scene_input(uint32_t stack, uint32_t *u, size_t n) {
    const struct field *f = scene_field(stack);
    random_bytes(u, n * sizeof *u);
    for (size_t i = 0; i < n; i++) u[i] %= f->p;
}
/* A product of `count` columns u as a message in scene_buf; its length. */
SCENE size_t scene_product(uint32_t seq, uint32_t stack, uint16_t count, const uint32_t *u) {
    const struct field *f = scene_field(stack);
    size_t cols = synth_shapes[stack].cols, each = residues_bytes(f, cols);
    size_t at = scene_write(&(struct blind_message){
        .type = BLIND_PRODUCT, .product = {.seq = seq, .stack = stack, .count = count, .packed_n = each * count}});
    CHECK(at + each * count <= SCENE_BUF);
    for (uint16_t i = 0; i < count; i++) CHECK_INT(residues_pack(f, scene_buf + at + i * each, u + i * cols, cols), 0);
    return at + each * count;
}
/* Reads the pieces of one answer and compares them with the plain product of u. The pieces' number. */
SCENE unsigned speaker_expects(struct speaker *s, uint32_t seq, uint16_t item, uint32_t stack, uint16_t count,
                               const uint32_t *u) {
    const struct field *f = scene_field(stack);
    uint32_t rows = synth_shapes[stack].rows, at = 0, *z = malloc((size_t)count * rows * 4), *got = malloc(rows * 4);
    unsigned pieces = 0;
    CHECK(z != NULL && got != NULL);
    for (uint16_t i = 0; i < count; i++) synth_product(stack, f, u + (size_t)i * synth_shapes[stack].cols, z + (size_t)i * rows);
    while (at < rows) {
        struct blind_message m = speaker_hear(s);
        CHECK_INT(m.type, BLIND_ANSWER);
        CHECK_INT(m.answer.seq, seq);
        CHECK_INT(m.answer.item, item);
        CHECK_INT(m.answer.count, count);
        CHECK_INT(m.answer.first, at);
        size_t each = residues_bytes(f, m.answer.rows);
        CHECK_INT(m.answer.packed_n, each * count);
        for (uint16_t i = 0; i < count; i++) {
            CHECK_INT(residues_unpack(f, got, m.answer.rows, m.answer.packed + i * each, each), 0);
            CHECK_MEM(got, z + (size_t)i * rows + at, m.answer.rows * 4);
        }
        at += m.answer.rows;
        pieces++;
    }
    CHECK_INT(at, rows);
    free(z);
    free(got);
    return pieces;
}

#endif
