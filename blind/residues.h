/* blind/residues.h - residues as bytes: on the wire, and in the file of a client's checks.
 *
 * n residues of a field take 24 (p24) or 26 (p26) bits each: residue i fills bits i * wire_bits and up, bit b of the text being bit b % 8
 * of byte b / 8 (low bits first); the spare bits of the last byte are zero. So a list of residues has exactly one spelling, and both ends
 * refuse a value >= p: a worker that could send z + p would learn from the refusal of it, or not, what the client computes. */
#ifndef BLIND_RESIDUES_H
#define BLIND_RESIDUES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "math/field.h"

enum { RESIDUES_MAX = 1 << 24 }; /* in one list: sizes of lists never overflow */

/* ceil(n * wire_bits / 8), for n <= RESIDUES_MAX. */
size_t residues_bytes(const struct field *f, size_t n);
/* Writes residues_bytes(f, n) bytes. ERR_RANGE if a value is >= p, ERR_LIMIT if n > RESIDUES_MAX; out is then not to be used. */
int residues_pack(const struct field *f, uint8_t *out, const uint32_t *r, size_t n);
/* Reads n residues from exactly in_n bytes. ERR_SHORT, ERR_TRAILING: another length; ERR_RANGE: a value >= p; ERR_FORMAT: a spare bit is
 * set; ERR_LIMIT: n > RESIDUES_MAX. r is then not to be used. */
int residues_unpack(const struct field *f, uint32_t *r, size_t n, const uint8_t *in, size_t in_n);

#endif
