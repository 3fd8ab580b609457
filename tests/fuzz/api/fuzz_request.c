/* Fuzz target: request bodies. The first byte picks the endpoint. What is accepted must lie inside the request's own memory and
 * limits, parse the same way twice, and what is refused must leave nothing behind. */
#include "api/request.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

static volatile uint8_t sink;
static void touch(struct gen_text t) {
    for (size_t i = 0; i < t.n; i++) sink ^= (uint8_t)t.p[i];
}

static void check(const struct api_request *q) {
    const struct gen_request *g = &q->gen;
    const struct gen_sampling *s = &g->sampling;
    if (g->message_count > GEN_MESSAGES_MAX || g->stop_count > GEN_STOPS_MAX || g->bias_count > GEN_BIAS_MAX) abort();
    if (!(s->temperature >= 0 && s->top_p >= 0 && s->top_p <= 1 && s->min_p >= 0 && s->min_p <= 1 && s->repeat_penalty > 0))
        abort();
    if (s->top_k < 0 || s->repeat_last_n < -1) abort();
    if (q->action == API_ANSWER && !g->raw && g->message_count == 0) abort();
    if (strlen(q->model) >= sizeof q->model || !strchr(q->model, ':')) abort();
    for (size_t i = 0; i < g->message_count; i++) touch(g->messages[i].content);
    for (size_t i = 0; i < g->stop_count; i++) {
        if (g->stop[i].n == 0 || g->stop[i].n > GEN_STOP_BYTES_MAX) abort();
        touch(g->stop[i]);
    }
    for (size_t i = 0; i < g->bias_count; i++)
        if (g->bias[i].id < 0 || !(g->bias[i].bias >= -100 && g->bias[i].bias <= 100)) abort();
    touch(g->text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return secret_setup();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0) return 0;
    enum api_endpoint e = (enum api_endpoint)(API_V1_CHAT + data[0] % 3);
    struct api_request q, again;
    struct api_error err, err_again;
    int r = api_request_parse(&q, e, data + 1, n - 1, &err);
    int r2 = api_request_parse(&again, e, data + 1, n - 1, &err_again);
    if (r != r2 || memcmp(&err, &err_again, sizeof err) != 0) abort();
    if (r == 0) {
        check(&q);
        if (q.gen.message_count != again.gen.message_count || strcmp(q.model, again.model) != 0) abort();
    } else if (q.arena.base || err.code == API_CODE_NONE || !err.message[0] != (err.code == API_TOO_LARGE))
        abort();
    struct buf b;
    buf_init(&b, 4096);
    if (r != 0 && api_error_body(&b, &err, api_dialect_of(e)) != 0) abort();
    buf_release(&b);
    api_request_free(&q);
    api_request_free(&again);
    return 0;
}
