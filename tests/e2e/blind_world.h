/* tests/e2e/blind_world.h - a network with blind workers: prepared folders, gateways of tier blind, and the local answers that theirs are held
 * against. */
#ifndef TESTS_E2E_BLIND_WORLD_H
#define TESTS_E2E_BLIND_WORLD_H

#include "cli/world.h"

#define BLIND_MODEL "lull-toy:q8_0"
struct blind_world {
    struct world w;
    const char *program;
    char model[WORLD_PATH], operator_a[40], operator_b[40];
};
/* What a command of the program prints; -1: it failed. */
int blind_command(const struct blind_world *b, char *out, size_t cap, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* `lull blind prepare`, with these options: 1 when it says that profile. */
int blind_prepare(const struct blind_world *b, const char *dir, const char *options, const char *profile);
/* The gateway again, tier blind with this folder, and node 0's operator as A, node 1's as B. */
int blind_start_gateway(struct blind_world *b, const char *dir, struct why *why);
/* Until it counts so many workers for its first model, at most ms: 1, or 0. */
int blind_workers_are(struct blind_world *b, int64_t of_a, int64_t of_b, uint32_t ms);
/* The greedy answer of `lull run` in that arithmetic, at most tokens of it. 0 or -1. */
int blind_local(const struct blind_world *b, const char *arith, const char *prompt, int tokens, char *out, size_t cap);

#endif
