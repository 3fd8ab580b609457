/* cli/cmd_blind_answers.h - `lull blind bench --ask`: whole answers to a text, greedy, by the local engine and by workers in turns, with ids
 * guessed ahead or not. */
#ifndef CLI_CMD_BLIND_ANSWERS_H
#define CLI_CMD_BLIND_ANSWERS_H

#include "base/opt.h"
#include "cli/cmd_blind_site.h"

enum { ANSWERS_ROUNDS_MAX = 64 };
struct blind_answers_opts {
    const struct opt_list *turns; /* what is asked, one after the other; the answer to the last is measured */
    uint32_t tokens_max, rounds, guess, threads;
    const char *mode;
    double rtt_ms;
    int json;
};
/* The site was opened with passes of 1 + guess columns. ERR_LOST, ERR_CONTEXT; ERR_INTERNAL: an answer of mode pair is not the local one. */
int blind_answers_run(struct blind_site *s, const struct blind_answers_opts *o, struct why *why);

#endif
