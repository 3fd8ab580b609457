/* blind/hint_make.c - see hint_make.h. */
#include "blind/hint_make.h"

#include <stdlib.h>
#include <string.h>

#include "blind/hint_build.h"
#include "blind/hint_check.h"
#include "blind/lattice_params.h"
#include "blind/merkle.h"
#include "math/ntt_rows.h"

/* What both passes over the weights share. */
struct pass {
    const struct blind_manifest *m;
    const struct prepare_source *source;
    const struct hint_make_opts *o;
    struct hint_id id;
    struct linear *linear;
    struct lattice_public a;
    int8_t *batch;            /* NTT_ROWS_MAX rows of the widest stack */
    struct hint_build *build; /* one of the two */
    struct hint_check *check;
    uint64_t done, all; /* weights */
    struct why *why;
};

struct linear *hint_shapes(const struct blind_manifest *m) {
    struct linear *l = mem_zalloc(m->stack_count, sizeof *l);
    for (uint32_t i = 0; l != NULL && i < m->stack_count; i++)
        l[i] = (struct linear){.rows = m->stacks[i].rows, .cols = m->stacks[i].cols, .field = blind_stack_field(&m->stacks[i])};
    return l;
}

static void pass_release(struct pass *p) {
    hint_build_close(p->build);
    hint_check_free(p->check);
    lattice_public_free(&p->a);
    free(p->linear);
    free(p->batch);
}

static int pass_init(struct pass *p, const struct blind_manifest *m, const struct prepare_source *source,
                     const struct hint_make_opts *o, struct why *why) {
    *p = (struct pass){.m = m, .source = source, .o = o, .why = why};
    if (lattice_params_of_rank(o->rank) == NULL) return why_set(why, ERR_RANGE, "hint: no parameters of rank %u", o->rank);
    if (source->stacks != m->stack_count) return why_set(why, ERR_AUTH, "hint: the weights are not the manifest's");
    uint32_t widest = 0;
    for (uint32_t i = 0; i < m->stack_count; i++) {
        if (m->stacks[i].cols > widest) widest = m->stacks[i].cols;
        p->all += (uint64_t)m->stacks[i].rows * m->stacks[i].cols;
    }
    p->linear = hint_shapes(m);
    p->batch = mem_zalloc(NTT_ROWS_MAX, widest);
    if (p->linear == NULL || p->batch == NULL) return ERR_NOMEM;
    p->id = (struct hint_id){.rank = o->rank, .stacks = m->stack_count, .linear = p->linear};
    int r = blind_manifest_digest(m, p->id.manifest);
    return r == 0 ? lattice_public_new(&p->a, p->id.manifest, widest, o->rank, o->pool) : r;
}

static int add_batch(struct pass *p, uint32_t stack, uint32_t first, uint32_t count) {
    int r = p->build != NULL ? hint_build_rows(p->build, stack, first, count, p->batch, p->why)
                             : hint_check_rows(p->check, stack, first, count, p->batch);
    p->done += (uint64_t)count * p->linear[stack].cols;
    if (r == 0 && p->o->progress != NULL && p->o->progress(p->o->arg, p->done, p->all) != 0)
        r = why_set(p->why, ERR_CANCELLED, "hint: stopped; what is whole is kept");
    return r;
}

/* The last rows are added only when all of them are known to be the manifest's: a stack is noted as whole with them. */
static int stream_stack(struct pass *p, uint32_t stack) {
    const struct blind_stack *s = &p->m->stacks[stack];
    struct merkle tree;
    uint8_t root[32];
    uint32_t held = 0;
    merkle_init(&tree);
    for (uint32_t row = 0; row < s->rows; row++) {
        int8_t *w = p->batch + (size_t)held++ * s->cols;
        float scale;
        int r = p->source->row(p->source->state, stack, row, w, &scale, p->why);
        if (r == 0) r = merkle_add_row(&tree, w, s->cols, scale);
        if (r == 0 && row + 1 == s->rows) {
            merkle_root(&tree, root);
            if (memcmp(root, s->root, 32) != 0)
                r = why_set(p->why, ERR_AUTH, "hint: the weights of stack %u are not the manifest's", stack);
        }
        if (r == 0 && (held == NTT_ROWS_MAX || row + 1 == s->rows)) {
            r = add_batch(p, stack, row + 1 - held, held);
            held = 0;
        }
        if (r != 0) return r;
    }
    return 0;
}

static int stream_all(struct pass *p) {
    int r = 0;
    for (uint32_t i = 0; i < p->m->stack_count && r == 0; i++) {
        uint32_t rows, cols;
        r = p->source->shape(p->source->state, i, &rows, &cols);
        if (r == 0 && (rows != p->m->stacks[i].rows || cols != p->m->stacks[i].cols))
            r = why_set(p->why, ERR_AUTH, "hint: stack %u of the weights has another shape than the manifest's", i);
        if (r == 0 && !(p->build != NULL && hint_build_has(p->build, i))) r = stream_stack(p, i);
    }
    return r;
}

int hint_make(const char *path, const struct blind_manifest *m, const struct prepare_source *source,
              const struct hint_make_opts *o, uint8_t digest[32], struct why *why) {
    struct pass p;
    int r = pass_init(&p, m, source, o, why);
    if (r == 0) r = hint_build_open(&p.build, path, &p.id, &p.a, o->k, o->pool, why);
    if (r == 0) {
        hint_build_progress(p.build, &p.done, &p.all);
        r = stream_all(&p);
    }
    if (r == 0) r = hint_build_finish(p.build, digest, why);
    pass_release(&p);
    return r;
}

int hint_check_fetched(const char *path, const struct blind_manifest *m, const struct prepare_source *source,
                       const struct hint_make_opts *o, uint8_t digest[32], struct why *why) {
    struct pass p;
    struct hint h = {0};
    int r = pass_init(&p, m, source, o, why);
    if (r == 0) r = hint_open(&h, path, &p.id, NULL, o->pool, why); /* before minutes are spent on what cannot be it */
    if (r == 0) r = hint_check_new(&p.check, p.linear, m->stack_count);
    if (r == 0) r = stream_all(&p);
    for (uint32_t i = 0; i < m->stack_count && r == 0; i++) r = hint_check_stack(p.check, o->k, &h, &p.a, i, why);
    if (r == 0) memcpy(digest, h.digest, 32);
    hint_close(&h);
    pass_release(&p);
    return r;
}
