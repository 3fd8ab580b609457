/* tests/e2e/answers.h - an answer's text and token ids, as the gateway's stream and its receipt have them. */
#ifndef TESTS_E2E_ANSWERS_H
#define TESTS_E2E_ANSWERS_H

#include "base/mem.h"
#include "cli/ask.h"
#include "cli/world.h"

enum { ANSWER_IDS = 2048 };
struct answer {
    struct buf text;
    int32_t ids[ANSWER_IDS];
    uint32_t id_count, from; /* from: first position of the node that signed last; > 0 after a resume */
    uint64_t first_gap_ms;   /* longest silence between two deltas */
};
struct question {
    const char *model, *prompt;
    double temperature;
    int64_t seed;
    int max_tokens;
    void (*on_delta)(void *arg, int delta); /* after each piece of text, counted from 1; may be NULL */
    void *arg;
};
/* Asks with streaming, collects the text, fetches the receipt for the ids. a is initialised here; release it also on failure. */
int answer_get(struct answer *a, struct world *w, const struct question *q, struct why *why);
int answer_equal(const struct answer *a, const struct answer *b);
void answer_release(struct answer *a);

#endif
