/* evidence/canonical_json.h - the one spelling of a JSON value, so that its digest means something: RFC 8785 (JCS) for what
 * policies are made of. Keys are printable ASCII, numbers are integers of at most 53 bits, no key comes twice.
 *
 * Members are sorted by key, nothing is between the tokens, texts are UTF-8 with the fewest escapes. What RFC 8785 would allow and
 * this does not, fractions and other keys, is refused: two programs that round or sort differently must not be able to read two
 * policies from one digest. */
#ifndef EVIDENCE_CANONICAL_JSON_H
#define EVIDENCE_CANONICAL_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

enum { CANONICAL_BYTES_MAX = 1 << 20 };

/* Writes the canonical form of a JSON text to out (initialised here; release it on success only). ERR_LIMIT: over
 * CANONICAL_BYTES_MAX; ERR_FORMAT: not JSON, a key twice, or something that has no canonical form here; ERR_NOMEM. */
int canonical_json(struct buf *out, const void *text, size_t n, struct why *why);
/* The same of a value that was read before. */
int canonical_json_of(struct buf *out, const json_t *value, struct why *why);
/* 0 when the text is the canonical form of itself; else as above, ERR_FORMAT also for another spelling. */
int canonical_json_check(const void *text, size_t n, struct why *why);
/* SHA-256 of the canonical form. Failures as above. */
int canonical_json_digest(uint8_t digest[32], const void *text, size_t n, struct why *why);

#endif
