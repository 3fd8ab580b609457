/* evidence/ima_log.c - the whole list: reading, replay, boot aggregate, judging. See ima_log.h. */
#include "evidence/ima_log.h"

#include <stdio.h>
#include <string.h>

#include "evidence/ima_line.h"

/* ---- reading ---- */

static uint16_t alg_of(const struct ima_line *l) {
    return l->hash_size == 20   ? TPM_ALG_SHA1
           : l->hash_size == 32 ? TPM_ALG_SHA256
           : l->hash_size == 48 ? TPM_ALG_SHA384
                                : TPM_ALG_SHA512;
}

static unsigned line_ends(struct ev_bytes path) {
    unsigned n = 0;
    for (size_t i = 0; i < path.n; i++) n += path.p[i] == '\n';
    return n;
}

int ima_log_read(struct ima_log *out, struct ev_bytes text, struct why *why) {
    struct ima_log log = {.text = text};
    struct ima_line line;
    struct why in_line = {""};
    unsigned ends = 0;
    *out = (struct ima_log){0};
    if (text.n > IMA_LOG_BYTES_MAX) return why_set(why, ERR_LIMIT, "IMA list: over %d bytes", IMA_LOG_BYTES_MAX);
    if (text.n == 0) return why_set(why, ERR_SHORT, "IMA list: it is empty");
    for (size_t at = 0; at < text.n; at += line.taken, log.count++) {
        int e = ima_line_read(&line, (struct ev_bytes){text.p + at, text.n - at}, &in_line);
        if (e != 0) return why_set(why, e, "IMA list: entry %u: %s", log.count, in_line.text);
        if (log.count == 0) log.text_alg = alg_of(&line);
        if (log.text_alg != alg_of(&line))
            return why_set(why, ERR_FORMAT, "IMA list: entry %u has a template hash of another size", log.count);
        log.violations += line.entry.violation != 0;
        ends += line_ends(line.entry.path);
        if (ends > IMA_LIST_LINES_MAX)
            return why_set(why, ERR_LIMIT, "IMA list: its paths have over %d line ends", IMA_LIST_LINES_MAX);
    }
    *out = log;
    return 0;
}

struct ima_walk ima_walk_over(const struct ima_log *log) {
    return (struct ima_walk){.log = log};
}

int ima_next(struct ima_walk *w, struct ima_entry *out) {
    struct ima_line line;
    struct ev_bytes text = w->log->text;
    if (w->at >= text.n || ima_line_read(&line, (struct ev_bytes){text.p + w->at, text.n - w->at}, NULL) != 0) return 0;
    w->at += line.taken;
    *out = line.entry;
    out->number = w->number++;
    return 1;
}

/* ---- PCR 10 ---- */

/* What one entry extends a bank with. */
static int extension(const struct ima_entry *e, uint16_t alg, enum ima_form form, uint8_t out[TPM_DIGEST_MAX]) {
    memset(out, 0, TPM_DIGEST_MAX);
    return ima_template_hash(e, form == IMA_PADDED ? TPM_ALG_SHA1 : alg, out);
}

static int extend(uint8_t value[TPM_DIGEST_MAX], const struct ima_entry *e, uint16_t alg, enum ima_form form) {
    uint8_t joined[2 * TPM_DIGEST_MAX], with[TPM_DIGEST_MAX];
    size_t size = tpm_hash_size(alg);
    int r = extension(e, alg, form, with);
    if (r != 0) return r;
    memcpy(joined, value, size);
    memcpy(joined + size, with, size);
    return tpm_hash(alg, value, joined, 2 * size);
}

int ima_log_replay(const struct ima_log *log, unsigned entries, uint16_t alg, enum ima_form form, uint8_t out[TPM_DIGEST_MAX]) {
    struct ima_walk w = ima_walk_over(log);
    struct ima_entry e;
    int r = tpm_hash_size(alg) ? 0 : ERR_UNSUPPORTED;
    memset(out, 0, TPM_DIGEST_MAX);
    for (unsigned i = 0; i < entries && r == 0 && ima_next(&w, &e); i++) r = extend(out, &e, alg, form);
    return r;
}

/* Both forms at once; a beginning of no entry shows nothing, so zeros match none. */
int ima_log_match(const struct ima_log *log, uint16_t alg, struct ev_bytes pcr10, struct ima_match *out) {
    uint8_t value[2][TPM_DIGEST_MAX] = {{0}, {0}};
    struct ima_walk w = ima_walk_over(log);
    struct ima_entry e;
    int found = 0, r = tpm_hash_size(alg) ? 0 : ERR_UNSUPPORTED;
    *out = (struct ima_match){.form = IMA_PER_BANK};
    while (r == 0 && ima_next(&w, &e))
        for (int form = IMA_PADDED; form >= IMA_PER_BANK && r == 0; form--) {
            r = extend(value[form], &e, alg, (enum ima_form)form);
            if (r != 0 || pcr10.n != tpm_hash_size(alg) || memcmp(value[form], pcr10.p, pcr10.n) != 0) continue;
            *out = (struct ima_match){.form = (enum ima_form)form, .entries = e.number + 1};
            found = 1;
        }
    return r != 0 ? r : found ? 0 : ERR_AUTH;
}

/* ---- the boot ---- */

static int path_is(const struct ima_entry *e, const char *name) {
    return e->path.n == strlen(name) && memcmp(e->path.p, name, e->path.n) == 0;
}

/* H(PCR 0 ... last); ERR_NOTFOUND. */
static int aggregate(const struct tpm_pcrs *given, uint16_t alg, unsigned last, uint8_t out[TPM_DIGEST_MAX]) {
    uint8_t all[10 * TPM_DIGEST_MAX];
    size_t size = tpm_hash_size(alg);
    for (unsigned i = 0; i <= last; i++) {
        int at = tpm_pcrs_at(given, alg, i);
        if (at < 0) return ERR_NOTFOUND;
        memcpy(all + i * size, given->value[at], size);
    }
    return tpm_hash(alg, out, all, (last + 1) * size);
}

int ima_boot_aggregate(const struct ima_log *log, const struct tpm_pcrs *given, struct why *why) {
    static const unsigned lasts[] = {9, 7};
    struct ima_walk w = ima_walk_over(log);
    struct ima_entry e;
    uint8_t made[TPM_DIGEST_MAX];
    if (!ima_next(&w, &e) || !path_is(&e, "boot_aggregate") || e.violation)
        return why_set(why, ERR_FORMAT, "IMA list: entry 0 is no boot_aggregate");
    uint16_t alg = tpm_hash_named(e.hash_name);
    if (!alg) return why_set(why, ERR_UNSUPPORTED, "IMA list: boot_aggregate is by \"%s\"", e.hash_name);
    int missing = 0;
    for (int i = alg == TPM_ALG_SHA1; i < 2; i++) {
        int r = aggregate(given, alg, lasts[i], made);
        if (r == ERR_NOTFOUND)
            missing = 1;
        else if (r != 0)
            return why_set(why, r, "IMA list: boot_aggregate cannot be computed");
        else if (memcmp(made, e.digest, e.digest_size) == 0)
            return 0;
    }
    if (missing)
        return why_set(why, ERR_NOTFOUND, "IMA list: boot_aggregate needs PCR 0 to %d of %s", alg == TPM_ALG_SHA1 ? 7 : 9,
                       tpm_hash_name(alg));
    return why_set(why, ERR_AUTH, "IMA list: boot_aggregate is not that of the quoted PCRs: it is another boot's");
}

/* ---- what ran ---- */

int ima_allows_digests(const void *list, const uint8_t *digest, size_t n) { return ev_digests_have(list, digest, n); }

int ima_allows_sorted(const void *list, const uint8_t *digest, size_t n) {
    const struct ima_sorted *s = list;
    size_t lo = 0, hi = s->count;
    if (n != s->size) return 0;
    while (lo < hi) {
        size_t at = lo + (hi - lo) / 2;
        int order = memcmp(s->bytes + at * n, digest, n);
        if (order == 0) return 1;
        if (order < 0)
            lo = at + 1;
        else
            hi = at;
    }
    return 0;
}

void ima_log_judge(const struct ima_log *log, unsigned entries, int aggregate_good, ima_allows *allows, const void *list,
                   struct ima_judgement *out) {
    struct ima_walk w = ima_walk_over(log);
    struct ima_entry e;
    *out = (struct ima_judgement){0};
    for (unsigned i = 0; i < entries && ima_next(&w, &e); i++) {
        if (i == 0 && aggregate_good) continue;
        if (!e.violation && allows(list, e.digest, e.digest_size)) continue;
        if (out->unknown++ == 0) out->first = e;
        out->violations += e.violation != 0;
    }
}

/* While more is to come, "..." always fits behind what is there. */
void ima_path_text(const struct ima_entry *e, char *out, size_t cap) {
    size_t at = 0;
    if (cap == 0) return;
    out[0] = 0;
    for (size_t i = 0; i < e->path.n && cap >= 4; i++) {
        uint8_t c = e->path.p[i];
        size_t need = c >= 0x20 && c < 0x7f && c != '\\' ? 1 : 4, after = i + 1 < e->path.n ? 3 : 0;
        if (at + need + after + 1 > cap) {
            memcpy(out + at, "...", 4);
            return;
        }
        at += (size_t)snprintf(out + at, cap - at, need == 1 ? "%c" : "\\x%02x", c);
    }
}
