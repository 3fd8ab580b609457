/* tests/e2e/blind_ask.h - a question to a gateway of tier blind, the answer in pieces, and what is told of it afterwards. */
#ifndef TESTS_E2E_BLIND_ASK_H
#define TESTS_E2E_BLIND_ASK_H

#include <jansson.h>

#include "base/mem.h"
#include "cli/world.h"

enum { PIECES_MAX = 512 };
/* An answer, one piece for each token that has text. */
struct pieces {
    struct buf text;
    size_t end[PIECES_MAX];
    uint32_t count;
    char receipt[80];
    void (*at)(uint32_t count); /* after each piece; may be NULL */
};
void pieces_begin(struct pieces *p);
void pieces_add(void *arg, const char *text, size_t n); /* arg: the pieces */

/* The body of a chat request, streamed. */
json_t *blind_question(const char *model, const char *prompt, double temperature, int tokens);
/* Asks it, tier blind at least. mode NULL: the gateway's. What ask_run returns. */
int blind_ask(const struct world *w, struct pieces *p, const char *mode, const json_t *question, struct why *why);

/* JSON of the gateway; NULL: none. */
json_t *blind_get(struct world *w, const char *path);
json_t *blind_receipt(struct world *w, const struct pieces *p);
/* How many of the receipt's "workers" or "incidents" are of that role; *last: the node of the last one. */
int blind_parties(const struct world *w, const json_t *receipt, const char *list, const char *role, int *last);

/* Places of these bytes in the memory of a process that was started to be searched; UINT64_MAX: it could not be read. */
uint64_t memory_hits(const struct proc *p, const void *needle, size_t n);
/* The operator of a node, 32 digits, as it logs it; 0: it has not registered. */
int blind_operator(const struct world *w, int node, char out[40]);
/* Lines of a log in the world's folder that have this text; -1: no such log. */
int log_lines(const struct world *w, const char *name, const char *text);

#endif
