/* model/weights_pack.c - matrices, or stacks of row8, from the file into one mapping, by all threads; the file's pages are given back
 * on the way. */
#include "base/mem.h"
#include "math/pool.h"
#include "math/weight.h"
#include "model/matrix_rows.h"
#include "model/memory.h"
#include "model/model_parts.h"
#include "model/row8_stacks.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct packing {
    struct model *m;
    struct pool *pool;
    const struct model_opts *o;
    struct why *why;
    size_t at;          /* in m->packed */
    uint64_t done, all; /* bytes of the file */
};

static void tell(struct packing *p, uint64_t bytes) {
    p->done += bytes;
    if (p->o->progress) p->o->progress(p->o->arg, p->done, p->all);
}

/* Only pages that a file backs may be dropped. */
void weights_drop(const struct model *m, const struct gguf_tensor *t) {
    if (!m->gguf.map.data) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)t->data + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)t->data + t->bytes) & ~(page - 1);
    if (to > from) (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

/* ---- matrices ---- */

struct pack_job {
    const struct matrix *m;
    const uint8_t *rows;
    int bad;
};
static void pack_groups(void *arg, uint32_t begin, uint32_t end) {
    struct pack_job *j = arg;
    if (matrix_pack(j->m, begin, end, j->rows) != 0) __atomic_store_n(&j->bad, 1, __ATOMIC_RELAXED);
}

/* Experts lie one after the other: the matrix of expert e is at data + e * matrix_bytes. */
static int pack_matrix(struct packing *p, const struct matrix_rows *s, struct matrix *x) {
    const struct gguf_tensor *t = gguf_tensor(&p->m->gguf, s->tensor);
    size_t row = weight_row_bytes(x->type, s->cols);
    x->data = p->m->packed + p->at;
    p->at += matrix_bytes(x) * s->experts;
    int bad = 0;
    for (uint32_t e = 0; e < s->experts; e++) {
        struct matrix one = *x;
        one.data += e * matrix_bytes(x);
        struct pack_job job = {&one, t->data + ((size_t)e * s->of_rows + s->first_row) * row, 0};
        pool_range(p->pool, x->groups, 0, pack_groups, &job);
        bad |= job.bad;
    }
    weights_drop(p->m, t);
    tell(p, (uint64_t)row * s->rows * s->experts);
    return bad ? why_set(p->why, ERR_NONFINITE, "tensor %s holds a scale that is NaN or infinite", s->tensor) : 0;
}

static int pack_matrices(struct packing *p) {
    struct model *m = p->m;
    struct matrix_rows output = output_rows(m);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < m->hp.n_layer; i++) {
        struct layer_matrices all = layer_matrices(m, i);
        for (unsigned k = 0; r == 0 && k < all.count; k++) r = pack_matrix(p, &all.matrix[k].from, all.matrix[k].to);
    }
    return r == 0 ? pack_matrix(p, &output, &m->output) : r;
}

/* ---- stacks ---- */

static int pack_stacks(struct packing *p) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < p->m->stack_count; i++) {
        struct row8_stack *s = &p->m->stack[i];
        uint64_t bytes = 0;
        s->weights.data = p->m->packed + p->at;
        p->at += row8_bytes(&s->weights);
        r = row8_stack_derive(p->m, i, p->pool, p->why);
        model_linear_drop(p->m, i);
        for (unsigned k = 0; k < s->parts; k++) bytes += row8_part_bytes(&s->part[k]);
        tell(p, bytes);
    }
    return r;
}

/* ---- both ---- */

static int map_room(struct model *m, struct why *why) {
    int fits = memory_check(m->packed_bytes, "the weights", why);
    if (fits != 0) return fits;
    m->packed = mmap(NULL, m->packed_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->packed == MAP_FAILED) {
        m->packed = NULL;
        return why_set(why, ERR_NOMEM, "no memory for %zu MiB of weights", m->packed_bytes >> 20);
    }
    (void)madvise(m->packed, m->packed_bytes, MADV_HUGEPAGE); /* fewer TLB misses; only advice */
    mem_dontdump(m->packed, m->packed_bytes);
    return 0;
}

static int pack_all(struct packing *p) {
    int r = map_room(p->m, p->why);
    if (r == 0) r = pool_new(&p->pool, p->o->threads, p->why);
    if (r == 0) r = arith_in_stacks(p->m->arith) ? pack_stacks(p) : pack_matrices(p);
    pool_free(p->pool);
    return r;
}

int weights_pack(struct model *m, const struct model_opts *o, uint64_t bytes, struct why *why) {
    struct packing p = {.m = m, .o = o, .why = why, .all = bytes};
    int r = m->packed_bytes ? pack_all(&p) : 0;
    int packed_too = m->packed_bytes && !gguf_tensor(&m->gguf, "output.weight"); /* then its values were seen */
    if (r == 0 && !packed_too && weight_rows_check(m->embd_type, m->embd_rows, m->n_vocab, m->hp.n_embd) != 0)
        r = why_set(why, ERR_NONFINITE, "tensor token_embd.weight holds NaN or infinity");
    weights_drop(m, gguf_tensor(&m->gguf, "token_embd.weight"));
    return r;
}
