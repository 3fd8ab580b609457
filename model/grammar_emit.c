/* model/grammar_emit.c - items to a program: each item becomes nodes that go on at a node that is there already.
 *
 * So a sequence is built from its last item back, and x* is a loop of its own, without a rule that calls itself. */
#include "base/mem.h"
#include "base/utf8.h"
#include "model/grammar_parts.h"

#include <stdlib.h>

int gram_add_node(struct grammar *g, struct gram_node n, uint32_t *out) {
    int r = gram_grow((void **)&g->node, &g->nodes_cap, g->nodes, GRAMMAR_NODES_MAX, sizeof *g->node);
    if (r != 0) return r;
    *out = (uint32_t)g->nodes;
    g->node[g->nodes++] = n;
    return 0;
}
int gram_add_edge(struct grammar *g, uint8_t lo, uint8_t hi, uint32_t to) {
    int r = gram_grow((void **)&g->edge, &g->edges_cap, g->edges, GRAMMAR_NODES_MAX, sizeof *g->edge);
    if (r == 0) g->edge[g->edges++] = (struct gram_edge){to, lo, hi};
    return r;
}
static int add_link(struct grammar *g, uint32_t to) {
    int r = gram_grow((void **)&g->link, &g->links_cap, g->links, GRAMMAR_NODES_MAX, sizeof *g->link);
    if (r == 0) g->link[g->links++] = to;
    return r;
}
static int add_fork(struct grammar *g, uint32_t a, uint32_t b, uint32_t *out) {
    struct gram_node n = {NODE_FORK, (uint32_t)g->links, 2};
    int r = add_link(g, a);
    if (r == 0) r = add_link(g, b);
    return r == 0 ? gram_add_node(g, n, out) : r;
}

static int emit(struct grammar *g, const struct gram_text *t, uint32_t item, uint32_t next, uint32_t *out);

static int emit_text(struct grammar *g, const uint32_t *cp, size_t n, uint32_t next, uint32_t *out) {
    *out = next;
    while (n-- > 0) {
        uint8_t utf8[4];
        for (size_t len = utf8_put(utf8, cp[n]); len-- > 0;) {
            struct gram_node node = {NODE_BYTES, (uint32_t)g->edges, 1};
            int r = gram_add_edge(g, utf8[len], utf8[len], *out);
            if (r == 0) r = gram_add_node(g, node, out);
            if (r != 0) return r;
        }
    }
    return 0;
}

/* The children of an item in an array of our own, for going backwards. */
static int children(const struct gram_text *t, uint32_t first, uint32_t **out, size_t *n) {
    *n = 0;
    for (uint32_t c = first; c; c = t->item[c].next) (*n)++;
    *out = mem_zalloc(*n ? *n : 1, sizeof **out);
    if (!*out) return ERR_NOMEM;
    for (uint32_t c = first, i = 0; c; c = t->item[c].next) (*out)[i++] = c;
    return 0;
}

static int emit_seq(struct grammar *g, const struct gram_text *t, uint32_t first, uint32_t next, uint32_t *out) {
    uint32_t *child;
    size_t n;
    int r = children(t, first, &child, &n);
    *out = next;
    while (r == 0 && n-- > 0) r = emit(g, t, child[n], *out, out);
    free(child);
    return r;
}

/* Of alternatives that are empty one is kept: however many there are, they lead to the same node. */
static int emit_alt(struct grammar *g, const struct gram_text *t, uint32_t first, uint32_t next, uint32_t *out) {
    uint32_t *child;
    size_t count, n = 0;
    int r = children(t, first, &child, &count), empty = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = emit(g, t, child[i], next, &child[n]);
        n += child[n] != next || !empty;
        empty |= child[n - 1] == next;
    }
    struct gram_node node = {NODE_FORK, (uint32_t)g->links, (uint32_t)n};
    for (size_t i = 0; r == 0 && n > 1 && i < n; i++) r = add_link(g, child[i]);
    if (r == 0 && n == 1) *out = child[0];
    if (r == 0 && n > 1) r = gram_add_node(g, node, out);
    free(child);
    return r;
}

/* What is repeated: copied when it is one node anyway, else called, so that repetitions within each other stay small. */
struct body {
    uint32_t item, entry; /* entry 0: copies */
};
static int emit_body(struct grammar *g, const struct gram_text *t, const struct body *b, uint32_t next, uint32_t *out) {
    if (b->entry) return gram_add_node(g, (struct gram_node){NODE_CALL, b->entry, next}, out);
    return emit(g, t, b->item, next, out);
}
static int is_one_node(const struct gram_text *t, const struct gram_item *it) {
    return it->kind == ITEM_RULE || (it->kind == ITEM_TEXT && it->count == 1 && t->cp[it->first] < 0x80);
}

/* x* or, entered at *body, x+ in front of next. */
static int emit_loop(struct grammar *g, const struct gram_text *t, const struct body *b, uint32_t next, uint32_t *loop,
                     uint32_t *body) {
    int r = add_fork(g, next, next, loop);
    if (r != 0) return r;
    uint32_t link = g->node[*loop].first;
    r = emit_body(g, t, b, *loop, body);
    if (r == 0) g->link[link] = *body;
    return r;
}

static int emit_repeat(struct grammar *g, const struct gram_text *t, const struct gram_item *it, uint32_t next, uint32_t *out) {
    struct body b = {.item = it->first};
    uint32_t most = it->max == GRAM_NO_END ? it->min : it->max, copies = it->min, loop, body;
    int r = 0;
    *out = next;
    if (it->max == 0) return 0;
    if (most > 1 && !is_one_node(t, &t->item[it->first])) {
        r = emit(g, t, it->first, 0, &b.entry);
        if (r != 0 || b.entry == 0) return r; /* 0: nothing is repeated */
    }
    if (it->max == GRAM_NO_END) {
        r = emit_loop(g, t, &b, next, &loop, &body);
        if (r == 0) *out = it->min ? body : loop;
        copies -= it->min > 0;
    }
    for (uint32_t i = it->min; r == 0 && it->max != GRAM_NO_END && i < it->max; i++) {
        r = emit_body(g, t, &b, *out, &body);
        if (r == 0) r = add_fork(g, body, next, out);
    }
    for (uint32_t i = 0; r == 0 && i < copies; i++) r = emit_body(g, t, &b, *out, out);
    return r;
}

static int emit(struct grammar *g, const struct gram_text *t, uint32_t item, uint32_t next, uint32_t *out) {
    const struct gram_item *it = &t->item[item];
    switch (it->kind) {
    case ITEM_TEXT: return emit_text(g, it->count ? t->cp + it->first : NULL, it->count, next, out);
    case ITEM_CLASS: return gram_emit_class(g, t->range + it->first, it->count, next, out);
    case ITEM_RULE: /* until all rules are there, a call of one holds GRAMMAR_NODES_MAX + its number */
        return gram_add_node(g, (struct gram_node){NODE_CALL, GRAMMAR_NODES_MAX + it->first, next}, out);
    case ITEM_SEQ: return emit_seq(g, t, it->first, next, out);
    case ITEM_ALT: return emit_alt(g, t, it->first, next, out);
    default: return emit_repeat(g, t, it, next, out);
    }
}

static void find_classes(struct grammar *g) {
    uint8_t begins[257] = {[0] = 1};
    for (size_t i = 0; i < g->edges; i++) begins[g->edge[i].lo] = begins[g->edge[i].hi + 1] = 1;
    for (unsigned b = 0; b < 256; b++) {
        if (begins[b]) g->class_byte[g->classes++] = (uint8_t)b;
        g->class_of[b] = (uint8_t)(g->classes - 1);
    }
}

int gram_emit(struct grammar *g, const struct gram_text *t, uint32_t root, struct why *why) {
    uint32_t *entry = mem_zalloc(t->rules, sizeof *entry), end;
    int r = entry ? gram_add_node(g, (struct gram_node){NODE_END, 0, 0}, &end) : ERR_NOMEM;
    for (uint32_t i = 1; r == 0 && i < t->rules; i++) r = emit(g, t, t->rule[i].body, 0, &entry[i]);
    for (size_t i = 0; r == 0 && i < g->nodes; i++)
        if (g->node[i].kind == NODE_CALL && g->node[i].first >= GRAMMAR_NODES_MAX)
            g->node[i].first = entry[g->node[i].first - GRAMMAR_NODES_MAX];
    if (r == 0) {
        g->root = entry[root];
        find_classes(g);
    }
    free(entry);
    if (r == ERR_LIMIT) return why_set(why, r, "the grammar is too large: its program has over %d parts", GRAMMAR_NODES_MAX);
    return r == 0 ? 0 : why_set(why, r, "no memory for a grammar");
}

int grammar_parse(struct grammar **out, const char *text, size_t n, struct why *why) {
    struct gram_text t = {0};
    uint32_t root;
    struct grammar *g = mem_zalloc(1, sizeof *g);
    *out = NULL;
    int r = g ? gram_text_parse(&t, text, n, why) : why_set(why, ERR_NOMEM, "no memory for a grammar");
    if (r == 0) r = gram_text_check(&t, &root, why);
    if (r == 0) r = gram_emit(g, &t, root, why);
    gram_text_release(&t);
    if (r == 0)
        *out = g;
    else
        grammar_free(g);
    return r;
}

void grammar_free(struct grammar *g) {
    if (!g) return;
    if (g->edge) mem_wipe(g->edge, g->edges_cap * sizeof *g->edge);
    free(g->node);
    free(g->edge);
    free(g->link);
    mem_wipe(g, sizeof *g);
    free(g);
}
