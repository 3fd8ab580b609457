/* evidence/ima_line.h - one line of an IMA list, and the bytes that its template hash is of. See ima_log.h. */
#ifndef EVIDENCE_IMA_LINE_H
#define EVIDENCE_IMA_LINE_H

#include "evidence/ima_log.h"

struct ima_line {
    struct ima_entry entry;
    uint8_t hash[TPM_DIGEST_MAX]; /* the template hash of the text */
    size_t hash_size, taken;      /* bytes of the text, the line's end included */
};
/* The line at the beginning of text. The entry's path ends where the template hash says so; for a violation, which has none, at the first
 * line end. ERR_AUTH, ERR_FORMAT, ERR_SHORT, ERR_LIMIT, ERR_UNSUPPORTED. */
int ima_line_read(struct ima_line *out, struct ev_bytes text, struct why *why);
/* The template hash by another algorithm. For a violation ff..ff. */
int ima_template_hash(const struct ima_entry *e, uint16_t alg, uint8_t out[TPM_DIGEST_MAX]);

#endif
