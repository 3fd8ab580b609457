/* gateway/gw_judge.h - a node's evidence becomes a verdict. Pure.
 *
 * The evidence must be for this gateway's own nonce, for channel 0 and for the node's key statement as its signed record has it; so another
 * node's evidence, an older one, and one for somebody else's nonce are refused. Beyond what ev_envelope_verify asks, tier attested wants
 *     class        T1, T2, T3 or A2, whatever the policy accepts: T0 and A1 are tier sealed
 *     measurement  that the policy names what may run, or a proof of a release does: where nothing is named, the machine's owner chose the
 *                  program */
#ifndef GATEWAY_GW_JUDGE_H
#define GATEWAY_GW_JUDGE_H

#include "evidence/envelope_verify.h"
#include "gateway/gw_verdicts.h"
#include "seal/keystmt.h"

enum { VERDICT_REFUSED_MS = 30000, VERDICT_PASSING_MS = 2000 };
struct gw_judge_input {
    const uint8_t *envelope;
    size_t n;
    const struct keystmt *keys;
    const uint8_t *nonce;   /* 32 bytes, drawn for this ask; NULL: the evidence was made ahead, for the nonce that it carries */
    uint64_t log_size_seen; /* then: of the largest checkpoint that was good */
    const struct ev_policy *policy;
    struct ev_bytes release;               /* a proof from the policy's log of the release that must run; n 0: none */
    const struct tpm_activated *activated; /* TPMs that this gateway has challenged; NULL: none */
    uint64_t now_s, now_ms, asked_ms;      /* the evidence may be as old as the ask, or as its nonce */
    ev_verifier *verify;                   /* NULL: those that end in the pinned roots. Only tests have others */
};
void gw_judge(struct gw_verdict *out, const struct gw_judge_input *in);
/* 1: the only thing that the verdict lacks is that somebody challenges the TPM (evidence/ev_challenge.h). */
int gw_judge_wants_challenge(const struct gw_verdict *v);
/* Without an envelope: refused, for the named reason. */
void gw_judge_refuse(struct gw_verdict *out, const struct keystmt *keys, const char *factor, int passing, uint64_t now_ms);

#endif
