/* node/activate_answer.c - see activate_answer.h. */
#include "node/activate_answer.h"

#ifdef LULL_TPM
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/chip_proc.h"
#include "seal/http_names.h"

struct asked {
    struct node *n;
    uint8_t credential[ACTIVATE_BYTES_MAX];
    size_t got;
    int too_long;
};

static void respond(struct h2_stream *s, int status) {
    if (h2_respond(s, status, NULL) == 0) (void)h2_end(s, NULL);
}

/* Two blocks, each behind its length in two bytes, and nothing else. */
static int split(const struct asked *a, size_t *first) {
    if (a->too_long || a->got < ACTIVATE_BYTES_MIN) return ERR_FORMAT;
    *first = 2 + (size_t)(a->credential[0] << 8 | a->credential[1]);
    if (*first + 2 > a->got) return ERR_SHORT;
    size_t second = 2 + (size_t)(a->credential[*first] << 8 | a->credential[*first + 1]);
    return *first + second == a->got ? 0 : ERR_TRAILING;
}

static int activate(const struct asked *a, uint8_t secret[CHIP_SECRET_MAX], size_t *n) {
    struct why why = {{0}};
    size_t first = 0;
    int r = split(a, &first);
    return r != 0 ? r
                  : chip_proc_activate(a->n->chip, a->credential, first, a->credential + first, a->got - first, secret, n, &why);
}

static void on_end(void *arg, struct h2_stream *s) {
    struct asked *a = arg;
    uint8_t secret[CHIP_SECRET_MAX];
    size_t n = 0;
    uint64_t began = clock_mono_ms();
    int r = activate(a, secret, &n);
    chip_turns_done(&a->n->activations, began, clock_mono_ms());
    if (r != 0) {
        int chip = r == ERR_LOST || r == ERR_IO;
        log_event(chip ? LOG_ERROR : LOG_INFO, "activation", "refused", LOG_CODE("reason", err_text(r)));
        respond(s, chip ? 503 : 400);
        return;
    }
    log_event(LOG_INFO, "activation", "answered", LOG_COUNT("bytes", n));
    if (h2_respond(s, 200, NULL) == 0 && h2_write(s, secret, n) == 0) (void)h2_end(s, NULL);
    mem_wipe(secret, sizeof secret);
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct asked *a = arg;
    h2_consume(s, n);
    if (n > sizeof a->credential - a->got) a->too_long = 1;
    if (a->too_long) return;
    memcpy(a->credential + a->got, p, n);
    a->got += n;
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)s, (void)code;
    free(arg);
}

static const struct h2_stream_events events = {.on_data = on_data, .on_end = on_end, .on_close = on_close};
static const struct h2_stream_events none = {0};

void activate_answer_begin(struct node *n, struct h2_stream *s) {
    struct asked *a = chip_turns_take(&n->activations, clock_mono_ms()) ? mem_zalloc(1, sizeof *a) : NULL;
    if (!a) {
        h2_stream_set(s, &none, NULL);
        respond(s, 429);
        return;
    }
    a->n = n;
    h2_stream_set(s, &events, a);
}
#else
void activate_answer_begin(struct node *n, struct h2_stream *s) { (void)n, (void)s; } /* n->chip is never there */
#endif
