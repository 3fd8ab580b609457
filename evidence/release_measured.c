/* evidence/release_measured.c - see release_measured.h. */
#include "evidence/release_measured.h"

#include <string.h>

#include "evidence/ima_log.h"
#include "evidence/nitro_doc.h"
#include "evidence/nitro_frame.h"
#include "evidence/sev_snp_report.h"
#include "evidence/tdx_quote.h"
#include "evidence/tpm_container.h"
#include "evidence/tpm_member.h"

int release_names_program(enum ev_kind kind) {
    return kind == EV_SEV_SNP || kind == EV_TDX || kind == EV_AWS_NITRO || kind == EV_TPM_QUOTE;
}

/* ---- registers ---- */

struct reg {
    const char *kind; /* as a leaf calls it */
    struct ev_bytes value;
    int needed;
};

/* -1: the leaf lists none of that kind; 1: one of them is the value; 0: none is. */
static int listed(const struct tlog_leaf *leaf, const struct reg *g) {
    int found = -1;
    for (unsigned i = 0; i < leaf->measurements; i++) {
        if (strcmp(leaf->measurement[i].kind, g->kind) != 0) continue;
        if (leaf->measurement[i].size == g->value.n && memcmp(leaf->measurement[i].value, g->value.p, g->value.n) == 0) return 1;
        found = 0;
    }
    return found;
}

static int compare(const struct tlog_leaf *leaf, const struct reg *regs, size_t n, struct why *why) {
    for (size_t i = 0; i < n; i++) {
        int found = listed(leaf, &regs[i]);
        if (found == 0) return why_set(why, ERR_AUTH, "%s is none of the release's", regs[i].kind);
        if (found < 0 && regs[i].needed) return why_set(why, ERR_NOTFOUND, "the release says nothing of %s", regs[i].kind);
    }
    return 0;
}

static int snp(const struct tlog_leaf *leaf, struct ev_bytes evidence, struct why *why) {
    struct snp_report report;
    int r = snp_report_read(&report, evidence);
    const struct reg regs[] = {{"sev-snp", {report.measurement, SNP_DIGEST_BYTES}, 1}};
    return r == 0 ? compare(leaf, regs, 1, why) : r;
}

static int tdx(const struct tlog_leaf *leaf, struct ev_bytes evidence, struct why *why) {
    static const char *const names[TDX_RTMRS] = {"tdx-rtmr0", "tdx-rtmr1", "tdx-rtmr2", "tdx-rtmr3"};
    struct tdx_quote q;
    int r = tdx_quote_read(evidence, &q);
    if (r != 0) return r;
    struct reg regs[1 + TDX_RTMRS] = {{"tdx-mrtd", {q.body.mr_td, TDX_MR}, 1}};
    for (int i = 0; i < TDX_RTMRS; i++) regs[1 + i] = (struct reg){names[i], {q.body.rtmr[i], TDX_MR}, i == 1 || i == 2};
    return compare(leaf, regs, 1 + TDX_RTMRS, why);
}

static int nitro(const struct tlog_leaf *leaf, struct ev_bytes evidence, struct why *why) {
    static const char *const names[] = {"nitro-pcr0",  "nitro-pcr1",  "nitro-pcr2",  "nitro-pcr3", "nitro-pcr4",  "nitro-pcr5",
                                        "nitro-pcr6",  "nitro-pcr7",  "nitro-pcr8",  "nitro-pcr9", "nitro-pcr10", "nitro-pcr11",
                                        "nitro-pcr12", "nitro-pcr13", "nitro-pcr14", "nitro-pcr15"};
    enum { NAMED = sizeof names / sizeof *names };
    _Static_assert((int)NAMED <= (int)NITRO_PCRS, "registers that a document has");
    struct nitro_cose cose;
    struct nitro_doc doc;
    struct reg regs[NAMED];
    struct ev_bytes bytes;
    int r = nitro_unframe(&bytes, evidence);
    if (r == 0) r = nitro_cose_read(&cose, bytes, why);
    if (r == 0) r = nitro_doc_read(&doc, cose.payload, why);
    for (int i = 0; i < NAMED && r == 0; i++) regs[i] = (struct reg){names[i], doc.pcr[i], i == 0};
    return r == 0 ? compare(leaf, regs, NAMED, why) : r;
}

/* ---- a TPM: the program is a line of IMA's list ---- */

/* Of the entries that the quoted PCR 10 covers. */
static int program_ran(const struct ima_log *log, unsigned entries, const uint8_t binary[32]) {
    struct ima_entry e;
    for (struct ima_walk w = ima_walk_over(log); ima_next(&w, &e) && e.number < entries;)
        if (!e.violation && strcmp(e.hash_name, "sha256") == 0 && e.digest_size == 32 && memcmp(e.digest, binary, 32) == 0)
            return 1;
    return 0;
}

static int covered_entries(const struct ima_log *log, const struct tpm_pcrs *quoted, unsigned *entries) {
    struct ima_match match;
    for (unsigned i = 0; i < quoted->select.banks; i++) {
        uint16_t alg = quoted->select.bank[i].alg;
        int at = tpm_pcrs_at(quoted, alg, TPM_PCR_IMA);
        if (at < 0) continue;
        int r = ima_log_match(log, alg, (struct ev_bytes){quoted->value[at], tpm_hash_size(alg)}, &match);
        *entries = match.entries;
        return r;
    }
    return ERR_NOTFOUND;
}

static int tpm(const struct tlog_leaf *leaf, struct ev_bytes evidence, struct why *why) {
    struct tpm_member m;
    struct tpm_container c;
    struct tpm_pcrs quoted;
    struct ima_log log;
    unsigned entries = 0;
    if (!tpm_member_looks(evidence) || tpm_member_read(evidence, &m) != 0 || m.ima_log.n == 0)
        return why_set(why, ERR_NOTFOUND, "a TPM names no program without IMA's list");
    int r = tpm_container_read(m.quote, &c, NULL);
    if (r == 0) r = tpm_container_pcrs(&c, &quoted);
    if (r == 0) r = ima_log_read(&log, m.ima_log, why);
    if (r == 0) r = covered_entries(&log, &quoted, &entries);
    if (r == 0 && !program_ran(&log, entries, leaf->digest))
        r = why_set(why, ERR_AUTH, "the release's program is not in IMA's list");
    tpm_container_release(&c);
    return r;
}

int release_measured(const struct tlog_leaf *leaf, enum ev_kind kind, struct ev_bytes evidence, struct why *why) {
    switch (kind) {
    case EV_SEV_SNP: return snp(leaf, evidence, why);
    case EV_TDX: return tdx(leaf, evidence, why);
    case EV_AWS_NITRO: return nitro(leaf, evidence, why);
    case EV_TPM_QUOTE: return tpm(leaf, evidence, why);
    default: return why_set(why, ERR_NOTFOUND, "evidence of this kind names no program");
    }
}
