/* Fuzz: a JSON Schema from a stranger. What is taken is a grammar that parses, and where a walk through it, led by the input,
 * comes to an end, the text is JSON. */
#include "tests/fuzz/fuzz.h"

#include "model/grammar_match.h"
#include "model/schema.h"

#include <jansson.h>

enum { WALK_BYTES = 160 };

static const struct gram_room room = {256, 1024, 4096, 1 << 20};

/* A byte that may come next: of one of the places that wait for one, one that its node takes. -1: there is none. */
static int pick(const struct gram_match *m, unsigned k) {
    const struct gram_state *s = &m->state[m->root];
    if (s->count == 0) return -1;
    const struct gram_node *n = &m->g->node[m->place[s->first + k % s->count].node];
    const struct gram_edge *e = &m->g->edge[n->first + k / 7 % n->count];
    return e->lo + (int)(k % (e->hi - e->lo + 1u));
}

static void walk(const struct grammar *g, const uint8_t *lead, size_t n) {
    struct gram_match *m;
    char text[WALK_BYTES];
    size_t len = 0;
    if (gram_match_new_in(&m, g, &room) != 0) return;
    for (; len < WALK_BYTES; len++) {
        int b = pick(m, lead[(len * 7 + len / n) % n]);
        if (b < 0) break;
        text[len] = (char)b;
        uint8_t byte = (uint8_t)b;
        if (gram_match_advance(m, &byte, 1) != 0) break;
    }
    if (m->state[m->root].accepts) { /* the text may end here */
        json_t *j = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        CHECK(j != NULL);
        json_decref(j);
    }
    gram_match_free(m);
}

/* Repetitions of hundreds make programs of many thousand parts: slow, and nothing new. */
static int repeats_much(const struct buf *gbnf) {
    const char *p = (const char *)gbnf->data;
    unsigned digits = 0;
    for (size_t i = 0, inside = 0; i < gbnf->len; i++) {
        inside = p[i] == '{' || (inside && (p[i] == ',' || (p[i] >= '0' && p[i] <= '9')));
        digits = inside && p[i] != '{' && p[i] != ',' ? digits + 1 : 0;
        if (digits > 2) return 1;
    }
    return 0;
}

/* The result is the same wherever a schema is compiled. */
static void same_again(struct gen_text text, int r, const struct buf *gbnf, const struct why *why) {
    struct why again = {{0}};
    struct buf other;
    CHECK(schema_to_gbnf(&other, text, &again) == r && strcmp(why->text, again.text) == 0);
    CHECK(r != 0 || (other.len == gbnf->len && memcmp(other.data, gbnf->data, other.len) == 0));
    buf_release(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct gen_text text = {(const char *)data, n};
    struct grammar *g;
    struct why why = {{0}};
    struct buf gbnf;
    int r = schema_to_gbnf(&gbnf, text, &why);
    CHECK(r == 0 || why.text[0]);
    if (n % 4 == 0) same_again(text, r, &gbnf, &why);
    if (r == 0 && !repeats_much(&gbnf)) {
        r = grammar_parse(&g, (const char *)gbnf.data, gbnf.len, &why);
        CHECK(r == 0 || r == ERR_FORMAT || r == ERR_LIMIT);
        if (r == 0) walk(g, data, n);
        grammar_free(g);
    }
    buf_release(&gbnf);
    return 0;
}
