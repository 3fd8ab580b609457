/* evidence/pinned.h - the manufacturers' roots that this build trusts, and intermediates that everybody has, so that a leaf alone is
 * enough. A policy can narrow them, never add one. Digests beside each, and tests/unit/evidence/test_pinned.c. */
#ifndef EVIDENCE_PINNED_H
#define EVIDENCE_PINNED_H

#include "evidence/x509.h"

/* PEM texts, ended by NULL. */
const char *const *pinned_roots(enum ev_roots roots);
const char *const *pinned_intermediates(enum ev_roots roots);

#endif
