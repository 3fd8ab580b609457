/* tests/e2e/e2e_measure.c - `lull perplexity` against its definition, from the rows that `lull logits` writes. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/tap.h"

#define TEXT \
    "Once upon a time there was a fox who had a lantern. The fox went into the forest and met a bear, and they were friends."
enum { WINDOW = 12, WINDOWS = 2, VOCAB = 512 };
static char dir[64];

/* The JSON that `lull ARGS` prints, or NULL. */
static json_t *lull_json(const char *args) {
    char cmd[1024], out[65536];
    const char *bin = getenv("LULL_BIN");
    snprintf(cmd, sizeof cmd, "%s %s", bin ? bin : "build/lull", args);
    FILE *p = popen(cmd, "r");
    size_t n = p ? fread(out, 1, sizeof out, p) : 0;
    if (!p || pclose(p) != 0) return NULL;
    return json_loadb(out, n, JSON_DISABLE_EOF_CHECK, NULL);
}

/* Sum over the tokens that count in one window of -ln p, from a file of logits. */
static double window_sum(const int *id, int *counted) {
    static float row[WINDOW][VOCAB];
    char cmd[1024], *at = cmd + sprintf(cmd, "%s logits %s/m.gguf --out %s/rows --tokens ",
                                        getenv("LULL_BIN") ? getenv("LULL_BIN") : "build/lull", dir, dir);
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) at += sprintf(at, "%s%d", i ? "," : "", id[i]);
    if (system(cmd) != 0) return NAN;
    snprintf(cmd, sizeof cmd, "%s/rows", dir);
    FILE *f = fopen(cmd, "re");
    int good = f && fread(row, sizeof row, 1, f) == 1;
    if (f) fclose(f);
    for (int t = WINDOW / 2; good && t + 1 < WINDOW; t++, ++*counted) {
        double all = 0;
        for (int i = 0; i < VOCAB; i++) all += exp((double)row[t][i]);
        sum += log(all) - (double)row[t][id[t + 1]];
    }
    return good ? sum : NAN;
}

int main(void) {
    char args[512];
    int id[WINDOW * WINDOWS], counted = 0;
    double sum = 0;
    snprintf(dir, sizeof dir, "/tmp/lull-measure-XXXXXX");
    if (!mkdtemp(dir)) return 99;
    snprintf(args, sizeof args, "%s/text", dir);
    FILE *f = fopen(args, "we");
    if (!f || fputs(TEXT, f) < 0 || fclose(f) != 0) return 99;

    snprintf(
        args, sizeof args,
        "%s model from-llama2c tests/data/stories260K/stories260K.bin tests/data/stories260K/tok512.bin %s/m.gguf > /dev/null",
        getenv("LULL_BIN") ? getenv("LULL_BIN") : "build/lull", dir);
    if (!tap_ok(system(args) == 0, "the small model of stories is there")) return tap_done();
    snprintf(args, sizeof args, "tokenize %s/m.gguf --bos --json < %s/text", dir, dir);
    json_t *tokens = lull_json(args), *list = json_object_get(tokens, "tokens");
    if (!tap_ok(json_array_size(list) >= WINDOW * WINDOWS, "the text has %d tokens", (int)json_array_size(list)))
        return tap_done();
    for (int i = 0; i < WINDOW * WINDOWS; i++) id[i] = (int)json_integer_value(json_array_get(list, (size_t)i));
    id[WINDOW] = id[0]; /* a window begins with BOS */
    for (int w = 0; w < WINDOWS; w++) sum += window_sum(id + w * WINDOW, &counted);

    snprintf(args, sizeof args, "perplexity %s/m.gguf %s/text --context %d --windows %d --json", dir, dir, WINDOW, WINDOWS);
    json_t *j = lull_json(args);
    double said = json_number_value(json_object_get(j, "perplexity")), expected = exp(sum / counted);
    tap_ok(fabs(said - expected) <= 1e-5 * expected, "perplexity is %.4f (by the logits %.4f)", said, expected);
    tap_ok(json_integer_value(json_object_get(j, "tokens")) == counted && said < 50, "over %d tokens, and a story is no surprise",
           counted);
    json_decref(j);
    json_decref(tokens);

    snprintf(args, sizeof args, "perplexity %s/m.gguf %s/text 2>/dev/null", dir, dir);
    tap_ok(lull_json(args) == NULL, "a text shorter than a window is refused");
    snprintf(args, sizeof args, "rm -r %s", dir);
    return system(args) == 0 ? tap_done() : 99;
}
