/* evidence/event_replay.c - what the registers hold if the log is true, and whether they do. See event_log.h. */
#include "evidence/event_log.h"

#include <string.h>

static int has_bank(const struct event_log *log, uint16_t alg) {
    for (unsigned i = 0; i < log->banks; i++)
        if (log->bank[i].alg == alg) return 1;
    return 0;
}

static unsigned registers_of(const struct event_log *log) { return log->of == EVENT_LOG_CC ? CC_REGISTERS : EVENT_REGISTERS; }

/* value = H(value || digest) */
static int extend(struct event_replay *out, unsigned index, struct ev_bytes digest) {
    uint8_t joined[2 * TPM_DIGEST_MAX];
    memcpy(joined, out->value[index], out->size);
    memcpy(joined + out->size, digest.p, out->size);
    return tpm_hash(out->alg, out->value[index], joined, 2 * out->size);
}

static void begin(const struct event_log *log, struct event_replay *out) {
    if (log->of != EVENT_LOG_TPM) return;
    out->value[0][out->size - 1] = log->startup_locality;
    for (unsigned i = 17; i <= 22; i++) memset(out->value[i], 0xff, out->size);
}

int event_log_replay(const struct event_log *log, uint16_t alg, struct event_replay *out) {
    *out = (struct event_replay){.alg = alg, .size = tpm_hash_size(alg)};
    if (!has_bank(log, alg)) return ERR_NOTFOUND;
    if (out->size == 0) return ERR_UNSUPPORTED;
    begin(log, out);
    struct event_walk walk = event_walk_over(log);
    struct event e;
    int r = 0;
    while (r == 0 && event_next(&walk, &e)) {
        if (e.type == EV_NO_ACTION_TYPE) continue;
        uint32_t bit = (uint32_t)1 << e.index;
        struct ev_bytes digest = event_digest(&e, alg);
        if (log->of == EVENT_LOG_TPM && e.index >= 17 && e.index <= 22 && !(out->extended & bit))
            memset(out->value[e.index], 0, out->size);
        out->extended |= bit;
        if (digest.n == 0)
            out->unknown |= bit;
        else
            r = extend(out, e.index, digest);
    }
    return r == 0 ? walk.in.err : r;
}

/* ---- comparison ---- */

/* The replay of one bank is made once for all that is asked of it: the values asked for mostly come bank by bank. */
int event_log_compare(const struct event_log *log, const struct event_given *given, unsigned count, enum event_says *says) {
    struct event_replay replay = {0};
    int unlike = 0, r = ERR_NOTFOUND;
    for (unsigned i = 0; i < count; i++) {
        const struct event_given *g = &given[i];
        if (i == 0 || g->alg != replay.alg) r = event_log_replay(log, g->alg, &replay);
        if (r != 0 && r != ERR_NOTFOUND && r != ERR_UNSUPPORTED) return ERR_INTERNAL;
        if (r != 0)
            says[i] = EVENT_NO_BANK;
        else if (g->index >= registers_of(log) || (log->of == EVENT_LOG_CC && g->index == 0))
            says[i] = EVENT_NO_REGISTER;
        else if (replay.unknown >> g->index & 1)
            says[i] = EVENT_NO_BANK;
        else
            says[i] = g->value.n == replay.size && memcmp(g->value.p, replay.value[g->index], replay.size) == 0 ? EVENT_AGREES
                                                                                                                : EVENT_DISAGREES;
        unlike += says[i] != EVENT_AGREES;
    }
    return unlike;
}

static const char *said(enum event_says s) {
    switch (s) {
    case EVENT_AGREES: return "as quoted";
    case EVENT_DISAGREES: return "another than was quoted";
    case EVENT_NO_BANK: return "not told by the log, which lacks digests of that bank";
    case EVENT_NO_REGISTER: break;
    }
    return "no register";
}

static int explain(const struct event_log *log, const struct event_given *given, unsigned count, const char *what, unsigned first,
                   struct why *why) {
    enum event_says says[TPM_PCRS_MAX];
    if (count == 0) return why_set(why, ERR_NOTFOUND, "event log: no quoted value was compared with it");
    int unlike = event_log_compare(log, given, count, says);
    if (unlike < 0) return why_set(why, unlike, "event log: it cannot be replayed");
    if (unlike == 0) return 0;
    unsigned i = 0;
    while (says[i] == EVENT_AGREES) i++;
    return why_set(why, ERR_AUTH, "event log: %s %u of %s is %s (%d of %u disagree)", what, given[i].index - first,
                   tpm_hash_name(given[i].alg) ? tpm_hash_name(given[i].alg) : "an unknown hash", said(says[i]), unlike, count);
}

int event_log_explains(const struct event_log *log, const struct tpm_pcrs *given, uint32_t mask, struct why *why) {
    struct event_given all[TPM_PCRS_MAX];
    unsigned count = 0, at = 0;
    for (unsigned b = 0; b < given->select.banks; b++)
        for (unsigned i = 0; i < TPM_PCR_COUNT; i++) {
            uint16_t alg = given->select.bank[b].alg;
            if (!(given->select.bank[b].mask >> i & 1)) continue;
            if (at == TPM_PCRS_MAX) return why_set(why, ERR_LIMIT, "event log: over %d PCRs to compare with", TPM_PCRS_MAX);
            if (mask >> i & 1)
                all[count++] = (struct event_given){.alg = alg, .index = i, .value = {given->value[at], tpm_hash_size(alg)}};
            at++;
        }
    return explain(log, all, count, "PCR", 0, why);
}

int event_log_explains_rtmrs(const struct event_log *log, const uint8_t rtmr[4][48], unsigned mask, struct why *why) {
    struct event_given all[4];
    unsigned count = 0;
    for (unsigned i = 0; i < 4; i++)
        if (mask >> i & 1) all[count++] = (struct event_given){.alg = TPM_ALG_SHA384, .index = i + 1, .value = {rtmr[i], 48}};
    return explain(log, all, count, "RTMR", 1, why);
}
