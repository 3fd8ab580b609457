/* evidence/evidence.h - what a verifier of evidence is given, and what it says.
 *
 * No sockets, no clock, no globals: evidence, certificates, nonce, policy and the time come from the caller, and out comes one
 * verdict per factor, with a name. The same inputs give the same verdict, byte for byte, on any machine. Everything but policy
 * and time is hostile: every length is bounded before it is believed. Evidence holds no secrets, so a factor may quote it. */
#ifndef EVIDENCE_EVIDENCE_H
#define EVIDENCE_EVIDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Bytes that somebody else owns; p may be NULL when n is 0. */
struct ev_bytes {
    const uint8_t *p;
    size_t n;
};

enum ev_kind { EV_KIND_NONE, EV_SEV_SNP, EV_TDX, EV_TPM_QUOTE, EV_APPLE_MDA, EV_NVIDIA_GPU, EV_AWS_NITRO, EV_KIND_END };
/* "sev-snp", "tdx", "tpm-quote", "apple-mda", "nvidia-gpu", "aws-nitro"; never NULL. */
const char *ev_kind_name(enum ev_kind kind);
enum ev_kind ev_kind_named(const char *name); /* EV_KIND_NONE: there is none of that name */

/* What evidence can show at best (docs/evidence.md says who could still read a prompt under each). */
enum ev_class { EV_CLASS_NONE, EV_T0, EV_T1, EV_T2, EV_T3, EV_A1, EV_A2 };
const char *ev_class_name(enum ev_class c); /* "T0" ...; "none" */
/* Who could still read a prompt, in one sentence. */
const char *ev_class_reach(enum ev_class c);

/* The values are the exit codes of `lull attest verify`. */
enum ev_verdict { EV_OK = 0, EV_INVALID = 10, EV_REFUSED = 20, EV_UNSUPPORTED = 30, EV_INTERNAL = 40 };
const char *ev_verdict_name(enum ev_verdict v); /* "ok", "invalid", "refused", "unsupported", "internal" */

enum { EV_FACTORS_MAX = 64, EV_FACTS_MAX = 64, EV_CHAIN_MAX = 8 };

/* One thing that was looked at. `as` is what the whole becomes if it fails: EV_INVALID, the evidence is not what it says
 * (signature, chain, dates, binding, nonce); EV_REFUSED, it is genuine and the policy does not want it (debug, an old TCB, an unknown
 * measurement); EV_UNSUPPORTED, malformed, or of a version that we do not read; EV_INTERNAL, out of memory and the like. */
struct ev_factor {
    const char *name; /* static, snake_case: "signature", "tcb_floor" */
    int ok;
    enum ev_verdict as;
    char why[160]; /* empty when ok */
};
/* Something that the evidence says, for people. */
struct ev_fact {
    const char *name; /* static */
    char text[200];
};
struct ev_report {
    enum ev_class best; /* the class that it shows if all is well */
    struct ev_factor factor[EV_FACTORS_MAX];
    unsigned factors;
    struct ev_fact fact[EV_FACTS_MAX];
    unsigned facts;
    const char *unchecked[16]; /* what could not be looked at because the caller gave nothing to compare with: "nonce" */
    unsigned uncheckeds;
};

/* Notes one factor; returns ok. fmt says what was wrong and what would be right. A factor that does not fit makes the report
 * EV_INTERNAL: nothing that failed can be lost. */
int ev_check(struct ev_report *r, const char *name, int ok, enum ev_verdict as, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* ev_check that failed. Returns 0. */
int ev_fail(struct ev_report *r, const char *name, enum ev_verdict as, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void ev_unchecked(struct ev_report *r, const char *name);
/* Facts over EV_FACTS_MAX, or longer than fits, are cut: they decide nothing. */
void ev_tell(struct ev_report *r, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void ev_tell_hex(struct ev_report *r, const char *name, const void *p, size_t n);

/* EV_OK when there are factors and none failed; else the gravest of the failed ones, in the order internal, unsupported, invalid,
 * refused. */
enum ev_verdict ev_report_verdict(const struct ev_report *r);
/* best if the verdict is EV_OK, else EV_CLASS_NONE. */
enum ev_class ev_report_class(const struct ev_report *r);
/* The first factor of that name that failed, or NULL. */
const struct ev_factor *ev_report_failed(const struct ev_report *r, const char *name);

struct ev_policy; /* evidence/policy.h */

/* One raw piece of evidence, and what is known beside it. Each kind's header says which parts it uses and how. */
struct ev_input {
    struct ev_bytes evidence;
    struct ev_bytes chain[EV_CHAIN_MAX]; /* each one DER certificate, or PEM with some; any order */
    unsigned chain_count;
    struct ev_bytes key;            /* a public key: of the TPM's AK, of the Secure Enclave */
    struct ev_bytes collateral;     /* what the manufacturer publishes beside it */
    struct ev_bytes event_log;      /* what the firmware says that it measured: of TDX (evidence/tdx_log.h) */
    struct ev_bytes nonce;          /* what the evidence must have been made for; n 0: not known, and "nonce" is unchecked */
    const struct ev_policy *policy; /* never NULL: ev_policy_strict() when the user has none */
    int64_t now;                    /* seconds since 1970: dates are judged by this and by nothing else */
    int enveloped; /* key, chain and collateral came with the evidence: they are the node's word, not the caller's */
};
/* Verifies by kind. *out is initialised here. */
void ev_verify(enum ev_kind kind, const struct ev_input *in, struct ev_report *out);

#endif
