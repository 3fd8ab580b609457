/* gateway/gw_blind_receipt.c - see gw_blind_receipt.h. */
#include "gateway/gw_blind_receipt.h"
#include "base/clock.h"
#include "base/hash.h"
#include "seal/record.h"

#include <inttypes.h>
#include <string.h>

void gw_blind_account_worker(struct gw_blind_account *a, enum pair_role role, const uint8_t identity[32],
                             const uint8_t operator_id[32]) {
    uint32_t kept = a->worker_count < ACCOUNT_WORKERS_MAX ? a->worker_count : ACCOUNT_WORKERS_MAX;
    for (uint32_t i = 0; i < kept; i++)
        if (a->worker[i].role == role && memcmp(a->worker[i].identity, identity, 32) == 0) return;
    if (a->worker_count++ >= ACCOUNT_WORKERS_MAX) return;
    struct gw_blind_worker *w = &a->worker[kept];
    w->role = role;
    memcpy(w->identity, identity, 32);
    memcpy(w->operator_id, operator_id, 32);
}

static int same_kind(const struct blind_incident *a, const struct blind_incident *b) {
    return a->role == b->role && a->fault == b->fault && memcmp(a->identity, b->identity, 32) == 0;
}

uint32_t gw_blind_account_incident(struct gw_blind_account *a, const struct blind_incident *i) {
    uint32_t kept = a->incident_count < ACCOUNT_INCIDENTS_MAX ? a->incident_count : ACCOUNT_INCIDENTS_MAX;
    for (uint32_t k = 0; k < kept; k++)
        if (same_kind(&a->incident[k].what, i)) return ++a->incident[k].times;
    if (a->incident_count++ >= ACCOUNT_INCIDENTS_MAX) return 1;
    a->incident[kept].what = *i;
    return a->incident[kept].times = 1;
}

static const char *role_text(enum gw_blind_mode mode, enum pair_role role) {
    return mode == GW_BLIND_LATTICE ? "worker" : role == PAIR_A ? "A" : "B";
}

static int add_party(struct buf *out, const char *comma, const char *role, const uint8_t *identity, const uint8_t *operator_id) {
    char id[65], op[OPERATOR_TEXT_BYTES];
    hex_encode(id, identity, 32);
    operator_text(op, operator_id);
    return buf_addf(out, "%s{\"role\":\"%s\",\"identity\":\"%s\",\"operator\":\"%s\"", comma, role, id, op);
}

static int add_workers(struct buf *out, const struct gw_blind_account *a, enum gw_blind_mode mode) {
    int r = buf_addf(out, ",\"workers\":[");
    for (uint32_t i = 0; r == 0 && i < a->worker_count && i < ACCOUNT_WORKERS_MAX; i++) {
        const struct gw_blind_worker *w = &a->worker[i];
        r = add_party(out, i ? "," : "", role_text(mode, w->role), w->identity, w->operator_id);
        if (r == 0) r = buf_addf(out, "}");
    }
    return r == 0 ? buf_addf(out, "],\"worker_count\":%" PRIu32, a->worker_count) : r;
}

static int add_incidents(struct buf *out, const struct gw_blind_account *a, enum gw_blind_mode mode) {
    int r = buf_addf(out, ",\"incidents\":[");
    for (uint32_t i = 0; r == 0 && i < a->incident_count && i < ACCOUNT_INCIDENTS_MAX; i++) {
        const struct blind_incident *x = &a->incident[i].what;
        r = add_party(out, i ? "," : "", role_text(mode, x->role), x->identity, x->operator_id);
        if (r == 0)
            r = buf_addf(out, ",\"what\":\"%s\",\"times\":%" PRIu32 ",\"banned\":%s}", fault_text(x->fault), a->incident[i].times,
                         fault_accuses(x->fault) ? "true" : "false");
    }
    return r == 0 ? buf_addf(out, "],\"incident_count\":%" PRIu32, a->incident_count) : r;
}

/* What somebody with the weights may expect of the same question. */
static int add_mode(struct buf *out, const struct gw_blind_receipt *q) {
    if (q->mode == GW_BLIND_PAIR)
        return buf_addf(out, ",\"mode\":\"pair\",\"replay\":\"exact: the answer is that of an engine with the weights\"");
    return buf_addf(out,
                    ",\"mode\":\"lattice\",\"params\":\"%s\",\"replay\":\"not exact: every product carries fresh noise, within a "
                    "bound\"",
                    q->params);
}

int gw_blind_receipt_write(struct buf *out, const struct gw_blind_receipt *q) {
    const struct gw_blind_account *a = q->account;
    char id[33], manifest[65], start[CLOCK_TEXT_BYTES], end[CLOCK_TEXT_BYTES];
    hex_encode(id, q->request_id, 16);
    hex_encode(manifest, q->manifest, 32);
    clock_text(start, q->start_ms * 1000000u, 3);
    clock_text(end, q->end_ms * 1000000u, 3);
    int r = buf_addf(out,
                     "{\"lull_receipt\":\"blind\",\"version\":2,\"notice\":\"" BLIND_NOTICE "\",\"id\":\"%s\",\"start\":\"%s\","
                     "\"end\":\"%s\",\"model\":\"%s\",\"profile\":\"%s\",\"manifest\":\"%s\"",
                     id, start, end, q->model, q->profile, manifest);
    if (r == 0) r = add_mode(out, q);
    if (r == 0)
        r = buf_addf(out,
                     ",\"prompt_tokens\":%" PRIu32 ",\"kept_tokens\":%" PRIu32 ",\"output_tokens\":%" PRIu32
                     ",\"stop_reason\":\"%s\"",
                     q->prompt_tokens, a->kept, q->output_tokens, q->stop == STOP_LENGTH ? "length" : "stop");
    if (r == 0)
        r = buf_addf(out,
                     ",\"products\":%" PRIu64 ",\"verified\":%" PRIu64 ",\"bytes_up\":%" PRIu64 ",\"bytes_down\":%" PRIu64
                     ",\"sessions\":%" PRIu64,
                     a->products, a->verified, a->bytes_up, a->bytes_down, a->sessions);
    if (r == 0) r = add_workers(out, a, q->mode);
    if (r == 0) r = add_incidents(out, a, q->mode);
    if (r != 0) return r;
    return buf_addf(out,
                    ",\"visible_to_workers\":{\"model\":\"%s\",\"prompt_columns\":%" PRIu32 ",\"passes\":%" PRIu64
                    ",\"columns_per_pass\":%" PRIu32 ",\"also\":\"timing, and whether the answer was given up\"}}\n",
                    q->model, a->prompt_padded, a->passes, a->pass_columns ? a->pass_columns : 1);
}

int gw_blind_receipt_is(const struct buf *file) { return file->len > 0 && file->data[0] == '{'; }
