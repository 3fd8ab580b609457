/* model/grammar_class.c - a set of code points as nodes over the bytes of their UTF-8 (RFC 3629).
 *
 * A lead byte, then up to three bytes of six bits. Matching bytes needs no state for half a character, a token may end
 * anywhere in one, and nothing that is not UTF-8 can be matched. */
#include "model/grammar_parts.h"

struct build {
    struct grammar *g;
    const struct gram_range *r;
    size_t n;
    uint32_t floor;   /* code points below have a shorter form and are left out */
    uint32_t full[4]; /* [k]: the node that takes any k continuation bytes; [0] is what follows */
    int err;
};

/* Edges of one node, gathered first: nodes are built from the last byte back, and a node's edges lie together. */
struct edges {
    struct gram_edge e[256];
    size_t n;
};
static void put_edge(struct edges *es, uint32_t lo, uint32_t hi, uint32_t to) {
    struct gram_edge *last = es->n ? &es->e[es->n - 1] : NULL;
    if (last && last->to == to && last->hi + 1u == lo)
        last->hi = (uint8_t)hi;
    else
        es->e[es->n++] = (struct gram_edge){.to = to, .lo = (uint8_t)lo, .hi = (uint8_t)hi};
}

static uint32_t node_of(struct build *b, const struct edges *es) {
    uint32_t out = 0;
    struct gram_node n = {NODE_BYTES, (uint32_t)b->g->edges, (uint32_t)es->n};
    for (size_t i = 0; i < es->n && b->err == 0; i++) b->err = gram_add_edge(b->g, es->e[i].lo, es->e[i].hi, es->e[i].to);
    if (b->err == 0) b->err = gram_add_node(b->g, n, &out);
    return out;
}

static uint32_t full(struct build *b, unsigned k) {
    if (k == 0 || b->full[k]) return b->full[k];
    struct edges es = {.n = 0};
    put_edge(&es, 0x80, 0xbf, full(b, k - 1));
    return b->full[k] = node_of(b, &es);
}

/* The first range that does not end before cp. */
static size_t range_from(const struct build *b, uint32_t cp) {
    size_t lo = 0, hi = b->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (b->r[mid].hi < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The node for the last k >= 1 bytes of code points from base on. */
static uint32_t tail(struct build *b, uint32_t base, unsigned k);

/* Edges for the values of a byte in front of k more; mark: the byte's fixed bits; base: the first value's first code point. Goes
 * from range to range: values without any are passed over, values that are whole in one make one edge. */
static void put_edges(struct build *b, struct edges *es, uint32_t base, uint32_t mark, uint32_t values, unsigned k) {
    uint32_t size = 1u << 6 * k;
    for (uint32_t v = 0; v < values && b->err == 0;) {
        uint32_t from = base + v * size, to = from + size - 1, least = from > b->floor ? from : b->floor;
        size_t i = range_from(b, least);
        if (i == b->n) return;
        uint32_t lo = b->r[i].lo > least ? b->r[i].lo : least, hi = b->r[i].hi;
        if (lo > to) {
            v = (lo - base) / size;
        } else if (lo == from && hi >= to) {
            uint32_t last = (hi - base + 1) / size - 1;
            if (last >= values) last = values - 1;
            put_edge(es, mark | v, mark | last, full(b, k));
            v = last + 1;
        } else {
            put_edge(es, mark | v, mark | v, tail(b, from, k));
            v++;
        }
    }
}

static uint32_t tail(struct build *b, uint32_t base, unsigned k) {
    struct edges es = {.n = 0};
    put_edges(b, &es, base, 0x80, 64, k - 1);
    return node_of(b, &es);
}

int gram_emit_class(struct grammar *g, const struct gram_range *r, size_t n, uint32_t next, uint32_t *out) {
    static const struct {
        uint32_t floor, mark, values;
    } lengths[] = {{0, 0, 0x80}, {0x80, 0xc0, 32}, {0x800, 0xe0, 16}, {0x10000, 0xf0, 8}};
    struct build b = {.g = g, .r = r, .n = n, .full = {next}};
    struct edges es = {.n = 0};
    for (unsigned k = 0; k < 4; k++) {
        b.floor = lengths[k].floor;
        put_edges(&b, &es, 0, lengths[k].mark, lengths[k].values, k);
    }
    *out = node_of(&b, &es);
    return b.err;
}
