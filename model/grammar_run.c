/* model/grammar_run.c - see grammar_run.h. */
#include "model/grammar_run.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static size_t words(const struct gram_run *r) { return ((size_t)r->trie->n_vocab + 31) / 32; }

int gram_run_new_in(struct gram_run **out, struct grammar *g, const struct gram_trie *trie, const struct vocab *v, int at_start,
                    const struct gram_room *room) {
    struct gram_run *r = mem_zalloc(1, sizeof *r);
    *out = NULL;
    if (!r) {
        grammar_free(g);
        return ERR_NOMEM;
    }
    *r = (struct gram_run){.g = g, .trie = trie, .v = v, .skip_blank = at_start && trie->adds_space};
    r->state = mem_zalloc(trie->depth_max + 1, sizeof *r->state);
    r->path = mem_zalloc(trie->depth_max + 1, 1);
    int e = r->state && r->path ? gram_match_new_in(&r->m, g, room) : ERR_NOMEM;
    for (size_t i = 0; i < GRAM_MASKS && e == 0; i++)
        if (!(r->mask[i].bits = mem_zalloc(words(r), sizeof *r->mask[i].bits))) e = ERR_NOMEM;
    if (e == 0)
        *out = r;
    else
        gram_run_free(r);
    return e;
}

int gram_run_new(struct gram_run **out, struct grammar *g, const struct gram_trie *trie, const struct vocab *v, int at_start) {
    return gram_run_new_in(out, g, trie, v, at_start, &gram_room_full);
}

void gram_run_free(struct gram_run *r) {
    if (!r) return;
    for (size_t i = 0; i < GRAM_MASKS; i++) free(r->mask[i].bits);
    if (r->path) mem_wipe(r->path, r->trie->depth_max + 1);
    free(r->path);
    free(r->state);
    gram_match_free(r->m);
    grammar_free(r->g);
    mem_wipe(r, sizeof *r);
    free(r);
}

int gram_run_may_end(const struct gram_run *r) { return r->m->state[r->m->root].accepts; }

void gram_run_accept(struct gram_run *r, int32_t id) {
    if (r->err) return;
    if (vocab_is_eog(r->v, id)) {
        if (!gram_run_may_end(r)) r->err = ERR_RANGE;
        return;
    }
    struct gguf_str piece = vocab_piece(r->v, id, 0);
    size_t skip = r->skip_blank && piece.n && piece.p[0] == ' ';
    r->err = piece.n ? gram_match_advance(r->m, (const uint8_t *)piece.p + skip, piece.n - skip) : ERR_RANGE;
    if (r->skip_blank)
        for (size_t i = 0; i < GRAM_MASKS; i++) r->mask[i].state = GRAM_FULL; /* from now on a blank counts */
    r->skip_blank = 0;
}

/* ---- masks ---- */

/* The state after the last byte of path, depth bytes long. */
static uint32_t go_on(struct gram_run *r, size_t depth) {
    if (depth == 1 && r->skip_blank && r->path[1] == ' ') return r->state[0];
    return gram_match_step(r->m, r->state[depth - 1], r->path[depth]);
}

/* The same with emptied tables: every state of the path is found anew. */
static uint32_t go_on_emptied(struct gram_run *r, size_t depth) {
    if (r->m->work > r->m->room.work) return GRAM_FULL;
    gram_match_empty(r->m);
    r->state[0] = r->m->root;
    for (size_t d = 1; d <= depth; d++) {
        uint32_t s = go_on(r, d);
        if (s == GRAM_FULL || (s == GRAM_DEAD && d < depth)) return s;
        r->state[d] = s;
    }
    return r->state[depth];
}

/* Walks the tree of pieces and the grammar together. */
static int walk(struct gram_run *r, struct gram_mask *mask) {
    const struct gram_trie *t = r->trie;
    r->state[0] = r->m->root;
    for (uint32_t i = 1; i < t->nodes;) {
        const struct gram_trie_node *n = &t->node[i];
        r->path[n->depth] = n->byte;
        uint32_t s = go_on(r, n->depth);
        if (s == GRAM_FULL || r->m->work > r->m->room.work) s = go_on_emptied(r, n->depth);
        if (s == GRAM_FULL) return ERR_LIMIT;
        if (s == GRAM_DEAD) {
            i = n->skip;
            continue;
        }
        r->state[n->depth] = s;
        for (uint32_t k = n->first; k < n[1].first; k++) {
            mask->bits[t->id[k] / 32] |= 1u << t->id[k] % 32;
            mask->allowed++;
        }
        i++;
    }
    return 0;
}

static int holds(const struct gram_run *r, const struct gram_mask *m) {
    return m->state == r->m->root && m->emptied == r->m->emptied;
}

/* The mask of this state if it is kept, else the one that was not used for longest. */
static struct gram_mask *find_mask(struct gram_run *r) {
    struct gram_mask *oldest = &r->mask[0];
    for (size_t i = 0; i < GRAM_MASKS; i++) {
        if (holds(r, &r->mask[i])) return &r->mask[i];
        if (r->mask[i].age < oldest->age) oldest = &r->mask[i];
    }
    return oldest;
}

static int make_mask(struct gram_run *r, struct gram_mask *m) {
    m->state = GRAM_FULL;
    m->allowed = 0;
    memset(m->bits, 0, words(r) * sizeof *m->bits);
    r->m->work = 0;
    int e = walk(r, m);
    for (size_t i = 0; i < r->trie->ends && gram_run_may_end(r); i++) {
        int32_t id = r->trie->end[i];
        m->bits[id / 32] |= 1u << id % 32;
        m->allowed++;
    }
    if (e == 0 && m->allowed == 0) e = ERR_UNSUPPORTED;
    if (e != 0) return e;
    m->state = r->m->root; /* the walk may have given it another number */
    m->emptied = r->m->emptied;
    return 0;
}

int gram_run_mask(struct gram_run *r, const uint32_t **bits) {
    struct gram_mask *m = find_mask(r);
    if (r->err == 0 && !holds(r, m)) r->err = make_mask(r, m);
    if (r->err) return r->err;
    m->age = ++r->clock;
    *bits = m->bits;
    return 0;
}

int gram_run_of_format(struct gram_run **out, const struct gen_format *f, struct gram_trie **trie, const struct vocab *v,
                       int at_start, struct why *why) {
    struct grammar *g;
    *out = NULL;
    int r = gram_of_format(&g, f, why);
    if (r != 0 || !g) return r;
    if (!*trie) r = gram_trie_new(trie, v);
    if (r != 0)
        grammar_free(g);
    else
        r = gram_run_new(out, g, *trie, v, at_start);
    if (r == ERR_LIMIT) return why_set(why, r, "the grammar is too ambiguous");
    return r == 0 ? 0 : why_set(why, r, "no memory for a grammar's tables");
}
