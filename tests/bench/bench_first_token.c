/* tests/bench/bench_first_token.c - what sealing, relaying and opening add to the first token.
 *
 * One coordinator, one node, one gateway on loopback, against the same model already loaded in this process with as many compute
 * threads; the same prompts, one after the other, interleaved. LULL_RUNS (400) pairs. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "cli/first_token.h"
#include "cli/world.h"

int main(void) {
    struct why why = {{0}};
    struct world w = {0};
    char model[WORLD_PATH];
    const char *lull = getenv("LULL_BIN"), *runs = getenv("LULL_RUNS");
    if (secret_setup() != 0) return 1;
    signal(SIGPIPE, SIG_IGN);
    int r = world_shipped_model(model);
    struct world_opts o = {.lull = lull ? lull : "build/lull", .model = model, .nodes = 1, .operators = 1};
    struct first_token f = {
        .model_name = "lull-toy:q8_0", .model_file = model, .runs = runs ? (uint32_t)atoi(runs) : 400, .threads = 1};
    if (r == 0) r = world_start(&w, &o, &why);
    f.gateway = w.gateway_at;
    if (r == 0) r = first_token_measure(&f, &why);
    world_stop(&w);
    if (r != 0) {
        fprintf(stderr, "bench_first_token: %s\n", why_text(&why, r));
        return 1;
    }
    printf("first token, %u interleaved pairs, shipped model, 1 compute thread, loopback:\n", f.runs);
    printf("  through the network  p50 %.2f ms  p99 %.2f ms\n", f.network_p50, f.network_p99);
    printf("  local engine         p50 %.2f ms  p99 %.2f ms\n", f.local_p50, f.local_p99);
    printf("  added                p50 %.2f ms  p99 %.2f ms\n", f.added_p50, f.added_p99);
    return 0;
}
