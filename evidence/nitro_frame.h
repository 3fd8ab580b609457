/* evidence/nitro_frame.h - a Nitro document as dstack stores it (VersionedAttestation, version 0, kind 2, in SCALE):
 *     00 02 | document | count, then so many (name, payload) | 64 bytes | configuration        each string with its length before it
 * Lengths and the count are SCALE's compact integers. Nobody signs what stands around the document, so none of it is used; it must be
 * there and end where it says, so that a file has one reading. A COSE_Sign1 begins with 84 or d2 and is never taken for a frame. */
#ifndef EVIDENCE_NITRO_FRAME_H
#define EVIDENCE_NITRO_FRAME_H

#include "evidence/evidence.h"

enum { NITRO_FRAME_EVENTS_MAX = 256 };

/* *doc: the document within, or all of it when it is no frame. ERR_* when it begins as one and is none. */
int nitro_unframe(struct ev_bytes *doc, struct ev_bytes evidence);

#endif
