/* evidence/release_measured.h - which measurements of a release leaf (evidence/tlog_leaf.h) are those that a piece of evidence has.
 *
 *     evidence   kinds in the leaf                                  that the leaf must list
 *     sev-snp    sev-snp: MEASUREMENT                               sev-snp
 *     tdx        tdx-mrtd, tdx-rtmr0 to tdx-rtmr3                   tdx-mrtd, tdx-rtmr1, tdx-rtmr2: firmware alone is no release
 *     aws-nitro  nitro-pcr0 to nitro-pcr15                          nitro-pcr0
 *     tpm-quote  none: the leaf's "binary" must be in IMA's list, as far as the quote covers it
 *
 * A leaf may list several values of one kind (a machine's measurement depends on how many processors it has); one must be the evidence's. Every
 * kind that it lists must be met, so that a leaf says as much as its author wanted. Other kinds of evidence name no program. */
#ifndef EVIDENCE_RELEASE_MEASURED_H
#define EVIDENCE_RELEASE_MEASURED_H

#include "evidence/tlog_leaf.h"

/* 1: evidence of this kind can name a program. */
int release_names_program(enum ev_kind kind);
/* Of verified evidence only. 0; ERR_AUTH: it is not of this release; ERR_NOTFOUND: the leaf does not say what evidence of this kind must have, or
 * the evidence brings no list of programs; ERR_*: it cannot be read. With why. */
int release_measured(const struct tlog_leaf *leaf, enum ev_kind kind, struct ev_bytes evidence, struct why *why);

#endif
