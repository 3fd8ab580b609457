/* tests/e2e/blind_world.c - see blind_world.h. */
#include "tests/e2e/blind_world.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/e2e/blind_ask.h"

int blind_command(const struct blind_world *b, char *out, size_t cap, const char *fmt, ...) {
    char arguments[3 * WORLD_PATH], command[4 * WORLD_PATH];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(arguments, sizeof arguments, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "%s %s 2>/dev/null", b->program, arguments);
    FILE *f = popen(command, "re");
    if (!f) return -1;
    size_t n = fread(out, 1, cap - 1, f);
    out[n] = 0;
    return pclose(f) == 0 ? 0 : -1;
}

int blind_prepare(const struct blind_world *b, const char *dir, const char *options, const char *profile) {
    char said[1024];
    return blind_command(b, said, sizeof said, "blind prepare %s --out %s --name %s %s", b->model, dir, BLIND_MODEL, options) ==
               0 &&
           strstr(said, profile) != NULL;
}

int blind_start_gateway(struct blind_world *b, const char *dir, struct why *why) {
    const char *const extra[8] = {"--tier", "blind", "--blind", dir, "--pair-a", b->operator_a, "--pair-b", b->operator_b};
    memcpy(b->w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&b->w.gateway, SIGTERM, 5000);
    return world_start_gateway(&b->w, why);
}

int blind_workers_are(struct blind_world *b, int64_t of_a, int64_t of_b, uint32_t ms) {
    for (uint64_t until = clock_mono_ms() + ms; clock_mono_ms() < until; poll(NULL, 0, 50)) {
        json_t *j = blind_get(&b->w, "/lull/status");
        const json_t *blind = json_array_get(json_object_get(j, "blind"), 0);
        int all = json_integer_value(json_object_get(blind, "workers_a")) == of_a &&
                  json_integer_value(json_object_get(blind, "workers_b")) == of_b;
        json_decref(j);
        if (all) return 1;
    }
    return 0;
}

int blind_local(const struct blind_world *b, const char *arith, const char *prompt, int tokens, char *out, size_t cap) {
    int r = blind_command(b, out, cap, "run %s --arith %s --temp 0 --max-tokens %d \"%s\"", b->model, arith, tokens, prompt);
    if (r != 0) *out = 0;
    while (*out && out[strlen(out) - 1] == '\n') out[strlen(out) - 1] = 0;
    return r;
}
