/* evidence/report.c - factors, facts and the verdict that follows from them. See evidence.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "evidence/evidence.h"

static const char *const kinds[EV_KIND_END] = {
    [EV_KIND_NONE] = "none",      [EV_SEV_SNP] = "sev-snp",     [EV_TDX] = "tdx",
    [EV_TPM_QUOTE] = "tpm-quote", [EV_APPLE_MDA] = "apple-mda", [EV_NVIDIA_GPU] = "nvidia-gpu",
    [EV_AWS_NITRO] = "aws-nitro",
};
const char *ev_kind_name(enum ev_kind kind) { return (unsigned)kind < EV_KIND_END ? kinds[kind] : kinds[EV_KIND_NONE]; }
enum ev_kind ev_kind_named(const char *name) {
    for (int k = EV_KIND_NONE + 1; k < EV_KIND_END; k++)
        if (strcmp(kinds[k], name) == 0) return (enum ev_kind)k;
    return EV_KIND_NONE;
}

static const struct {
    const char *name, *reach;
} classes[] = {
    [EV_CLASS_NONE] = {"none", "anybody: the evidence shows nothing"},
    [EV_T0] = {"T0", "the node's owner, with root"},
    [EV_T1] = {"T1",
               "an owner with physical or DMA access; a firmware or kernel bug; root, where the measured system lets root run or "
               "read what is not in the log"},
    [EV_T2] = {"T2", "a break of that CPU's protection (Nitro: AWS)"},
    [EV_T3] = {"T3", "a break of the CPU's or of the GPU's protection"},
    [EV_A1] = {"A1", "the owner, with a program of their own"},
    [EV_A2] = {"A2", "physical attack on the package; a bug of macOS"},
};
static int class_known(enum ev_class c) { return (unsigned)c < sizeof classes / sizeof *classes; }
const char *ev_class_name(enum ev_class c) { return classes[class_known(c) ? c : EV_CLASS_NONE].name; }
const char *ev_class_reach(enum ev_class c) { return classes[class_known(c) ? c : EV_CLASS_NONE].reach; }

const char *ev_verdict_name(enum ev_verdict v) {
    switch (v) {
    case EV_OK: return "ok";
    case EV_INVALID: return "invalid";
    case EV_REFUSED: return "refused";
    case EV_UNSUPPORTED: return "unsupported";
    case EV_INTERNAL: break;
    }
    return "internal";
}

/* ---- factors ---- */

static __attribute__((format(printf, 5, 0))) void note(struct ev_report *r, const char *name, int ok, enum ev_verdict as,
                                                       const char *fmt, va_list args) {
    if (r->factors == EV_FACTORS_MAX) { /* the last place says so */
        r->factor[EV_FACTORS_MAX - 1] = (struct ev_factor){
            .name = "too_many_factors", .as = EV_INTERNAL, .why = "more factors than a report holds"};
        return;
    }
    struct ev_factor *f = &r->factor[r->factors++];
    *f = (struct ev_factor){.name = name, .ok = ok, .as = as};
    if (!ok) vsnprintf(f->why, sizeof f->why, fmt, args);
}

int ev_check(struct ev_report *r, const char *name, int ok, enum ev_verdict as, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    note(r, name, ok != 0, as, fmt, args);
    va_end(args);
    return ok != 0;
}

int ev_fail(struct ev_report *r, const char *name, enum ev_verdict as, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    note(r, name, 0, as, fmt, args);
    va_end(args);
    return 0;
}

void ev_unchecked(struct ev_report *r, const char *name) {
    if (r->uncheckeds < sizeof r->unchecked / sizeof *r->unchecked) r->unchecked[r->uncheckeds++] = name;
}

/* ---- facts ---- */

void ev_tell(struct ev_report *r, const char *name, const char *fmt, ...) {
    if (r->facts == EV_FACTS_MAX) return;
    struct ev_fact *f = &r->fact[r->facts++];
    va_list args;
    f->name = name;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
}

void ev_tell_hex(struct ev_report *r, const char *name, const void *p, size_t n) {
    char text[sizeof r->fact[0].text];
    size_t most = (sizeof text - 1) / 2;
    hex_encode(text, p, n < most ? n : most);
    ev_tell(r, name, "%s", text);
}

/* ---- the whole ---- */

static int gravity(enum ev_verdict v) {
    static const enum ev_verdict order[] = {EV_OK, EV_REFUSED, EV_INVALID, EV_UNSUPPORTED, EV_INTERNAL};
    for (int i = 0; i < 5; i++)
        if (order[i] == v) return i;
    return 4;
}

enum ev_verdict ev_report_verdict(const struct ev_report *r) {
    enum ev_verdict worst = r->factors > 0 ? EV_OK : EV_INTERNAL; /* a verifier that looked at nothing has shown nothing */
    for (unsigned i = 0; i < r->factors; i++) {
        const struct ev_factor *f = &r->factor[i];
        enum ev_verdict as = f->as == EV_OK ? EV_INTERNAL : f->as;
        if (!f->ok && gravity(as) > gravity(worst)) worst = as;
    }
    return worst;
}

enum ev_class ev_report_class(const struct ev_report *r) { return ev_report_verdict(r) == EV_OK ? r->best : EV_CLASS_NONE; }

const struct ev_factor *ev_report_failed(const struct ev_report *r, const char *name) {
    for (unsigned i = 0; i < r->factors; i++)
        if (!r->factor[i].ok && strcmp(r->factor[i].name, name) == 0) return &r->factor[i];
    return NULL;
}
