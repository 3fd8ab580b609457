/* tests/e2e/e2e_demo.c - `lull demo --json` as a user would run it: everything it claims holds on this machine. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/e2e/tap.h"

static json_int_t number(const json_t *j, const char *key) { return json_integer_value(json_object_get(j, key)); }

int main(void) {
    const char *san = getenv("LULL_SAN");
    if (san && *san) {
        tap_skip("demo", "a sanitizer's shadow memory is too large to be searched");
        return tap_done();
    }
    const char *lull = getenv("LULL_BIN");
    char cmd[400];
    static char line[1 << 16];
    snprintf(cmd, sizeof cmd, "%s demo --json", lull ? lull : "build/lull");
    uint64_t start = clock_mono_ms();
    FILE *p = popen(cmd, "r");
    size_t n = p ? fread(line, 1, sizeof line - 1, p) : 0;
    int status = p ? pclose(p) : -1;
    json_t *j = json_loadb(line, n, 0, NULL);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0 && j, "the demo ends well");
    tap_ok(number(j, "nodes_killed") == 1 && number(j, "resumed_at") > 0 && json_is_true(json_object_get(j, "tokens_identical")),
           "one node killed in the middle, tokens identical");
    tap_ok(number(j, "coordinator_prompt_hits") == 0 && number(j, "coordinator_answer_hits") == 0,
           "the coordinator's memory holds neither prompt nor answer");
    tap_ok(number(j, "gateway_control_hits") > 0, "the same search finds them in the gateway");
    tap_ok(json_is_true(json_object_get(j, "receipt_valid")) && number(j, "replayed_tokens") == number(j, "tokens"),
           "the receipt is valid and replays whole");
    tap_note("took %llu ms", (unsigned long long)(clock_mono_ms() - start));
    json_decref(j);
    return tap_done();
}
