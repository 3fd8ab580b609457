/* Fuzz: a JSON Schema from a stranger. What is taken is a grammar that parses, and a walk through it, led by the input, gives
 * JSON that parses when it comes to an end. */
#include "model/grammar_format.h"
#include "model/grammar_match.h"
#include "model/schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(c)           \
    do {                   \
        if (!(c)) abort(); \
    } while (0)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WALK_BYTES = 400 };

/* The k-th byte that may come next; -1: none may. */
static int pick(struct gram_match *m, unsigned k) {
    int choice[256];
    unsigned count = 0;
    for (unsigned b = 0; b < 256; b++) {
        uint32_t s = gram_match_step(m, m->root, (uint8_t)b);
        if (s == GRAM_FULL) return -1;
        if (s != GRAM_DEAD) choice[count++] = (int)b;
    }
    return count ? choice[k % count] : -1;
}

static void walk(const struct grammar *g, const uint8_t *lead, size_t n) {
    struct gram_match *m;
    char text[WALK_BYTES];
    size_t len = 0;
    if (gram_match_new(&m, g) != 0) return;
    for (; len < WALK_BYTES; len++) {
        int b = pick(m, n ? lead[(len * 7 + len / n) % n] : 0);
        if (b < 0) break;
        text[len] = (char)b;
        uint8_t byte = (uint8_t)b;
        if (gram_match_advance(m, &byte, 1) != 0) break;
    }
    if (len < WALK_BYTES && m->state[m->root].accepts) { /* it stopped for want of a byte, and may end here */
        json_t *j = json_loadb(text, len, JSON_DECODE_ANY, NULL);
        CHECK(j != NULL);
        json_decref(j);
    }
    gram_match_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct gen_format f = {FORMAT_SCHEMA, {(const char *)data, n}};
    struct grammar *g;
    struct why why = {{0}}, again = {{0}};
    struct buf one, two;
    int r = schema_to_gbnf(&one, f.text, &why), r2 = schema_to_gbnf(&two, f.text, &again);
    CHECK(r == r2 && strcmp(why.text, again.text) == 0); /* the same text both times, wherever it is compiled */
    CHECK(r != 0 || (one.len == two.len && memcmp(one.data, two.data, one.len) == 0));
    CHECK(r == 0 || why.text[0]);
    buf_release(&one);
    buf_release(&two);
    if (r != 0) return 0;
    r = gram_of_format(&g, &f, &why);
    CHECK(r == 0 || r == ERR_FORMAT || r == ERR_LIMIT);
    if (r == 0) walk(g, data, n);
    grammar_free(g);
    return 0;
}
