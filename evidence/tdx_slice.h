/* evidence/tdx_slice.h - the exact bytes of one member of a JSON object.
 *
 * Intel signs the TCB info and the enclave's identity as they stand in its answers, byte for byte. Whoever parses them and writes them
 * anew checks a signature over another text, and whoever searches for a name can be shown the wrong one: this walks the object. */
#ifndef EVIDENCE_TDX_SLICE_H
#define EVIDENCE_TDX_SLICE_H

#include "evidence/evidence.h"

enum { TDX_SLICE_DEPTH_MAX = 32 };

/* The value of `member` in the object that text is, without the blanks around it; points into text. That the value is good JSON must be
 * shown by parsing it; here it only begins and ends where it does. ERR_NOTFOUND: an object without it. ERR_FORMAT: no object, cut, bytes
 * behind it, the member twice, or a name in the object that is written with escapes. ERR_LIMIT: nested deeper than TDX_SLICE_DEPTH_MAX. */
int tdx_collateral_slice(struct ev_bytes text, const char *member, struct ev_bytes *out);

#endif
