/* tests/e2e/blind_ask.c - see blind_ask.h. */
#include "tests/e2e/blind_ask.h"
#include "base/json.h"
#include "cli/ask.h"

#include <stdio.h>
#include <string.h>

void pieces_begin(struct pieces *p) {
    buf_init(&p->text, 1 << 20);
    p->count = 0;
}

void pieces_add(void *arg, const char *text, size_t n) {
    struct pieces *p = arg;
    (void)buf_add(&p->text, text, n);
    if (p->count < PIECES_MAX) p->end[p->count++] = p->text.len;
    if (p->at) p->at(p->count);
}

json_t *blind_question(const char *model, const char *prompt, double temperature, int tokens) {
    return json_pack("{s:s, s:[{s:s, s:s}], s:b, s:f, s:i, s:i}", "model", model, "messages", "role", "user", "content", prompt,
                     "stream", 1, "temperature", temperature, "seed", 3, "max_tokens", tokens);
}

int blind_ask(const struct world *w, struct pieces *p, const char *mode, const json_t *question, struct why *why) {
    struct ask a = {
        .gateway = w->gateway_at, .body = question, .min_tier = "blind", .blind_mode = mode, .on_text = pieces_add, .arg = p};
    pieces_begin(p);
    int r = ask_run(&a, why);
    memcpy(p->receipt, a.receipt, sizeof p->receipt);
    return r;
}

json_t *blind_get(struct world *w, const char *path) {
    struct buf b;
    json_t *j = NULL;
    if (world_get(w, path, &b) != 0) return NULL;
    json_parse(&j, b.data, b.len, NULL);
    buf_release(&b);
    return j;
}

json_t *blind_receipt(struct world *w, const struct pieces *p) {
    char path[128];
    snprintf(path, sizeof path, "/lull/receipts/%.80s", p->receipt);
    return blind_get(w, path);
}

int blind_parties(const struct world *w, const json_t *receipt, const char *list, const char *role, int *last) {
    const json_t *x;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(receipt, list), i, x) {
        if (strcmp(json_string_value(json_object_get(x, "role")), role) != 0) continue;
        n++;
        for (int k = 0; k < w->o.nodes; k++)
            if (strcmp(w->identity[k], json_string_value(json_object_get(x, "identity"))) == 0) *last = k;
    }
    return n;
}

uint64_t memory_hits(const struct proc *p, const void *needle, size_t n) {
    struct patterns *s = NULL;
    uint64_t found = 0, read = 0;
    int r = patterns_new(&s, 8);
    if (r == 0) r = patterns_add(s, needle, n);
    if (r == 0) r = proc_search(p, s, &found, &read);
    patterns_free(s);
    return r == 0 ? found : UINT64_MAX;
}

int blind_operator(const struct world *w, int node, char out[40]) {
    char path[WORLD_PATH + 32], line[2048];
    snprintf(path, sizeof path, "%s/node%d.log", w->dir, node);
    FILE *f = fopen(path, "r");
    out[0] = 0;
    while (f && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, "link registered") ? strstr(line, "operator=") : NULL;
        if (at) snprintf(out, 33, "%s", at + strlen("operator="));
    }
    if (f) fclose(f);
    return strlen(out) == 32;
}

int log_lines(const struct world *w, const char *name, const char *text) {
    char path[WORLD_PATH + 32], line[2048];
    int found = 0;
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) found += strstr(line, text) != NULL;
    if (f) fclose(f);
    return f ? found : -1;
}
