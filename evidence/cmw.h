/* evidence/cmw.h - RATS Conceptual Message Wrapper (draft-ietf-rats-msg-wrap): typed bytes, alone or in a collection; JSON for people,
 * CBOR for the wire. What is in them is nobody's business here (evidence/ev_envelope.h knows).
 *
 *     record       [type, value, ?indicator]      type: a media type, or a CoAP content format; JSON's value is base64url
 *     tag          #6.TN(value)                   CBOR only; TN stands for a content format (RFC 9277)
 *     collection   {?"__cmwc_t": text, + label: record or tag}
 *
 * A collection within a collection is refused, though the draft allows it: nothing of ours needs it, and it would need a limit of depth. */
#ifndef EVIDENCE_CMW_H
#define EVIDENCE_CMW_H

#include "base/mem.h"
#include "base/wire.h"
#include "evidence/evidence.h"

enum { CMW_ITEMS_MAX = 16, CMW_TYPE_BYTES_MAX = 128, CMW_LABEL_BYTES_MAX = 64, CMW_BYTES_MAX = 4 << 20 };
enum cmw_form { CMW_RECORD, CMW_TAG, CMW_COLLECTION };

/* Bits of the indicator. */
enum { CMW_REFERENCE_VALUES = 1, CMW_ENDORSEMENTS = 2, CMW_EVIDENCE = 4, CMW_RESULTS = 8 };

struct cmw_item {
    char label[CMW_LABEL_BYTES_MAX + 1]; /* in a collection; a number's digits when label_is_number */
    int label_is_number;
    int64_t label_number;
    char type[CMW_TYPE_BYTES_MAX + 1]; /* media type; empty: content_format */
    uint16_t content_format;
    int is_tag;
    struct ev_bytes value;
    int has_indicator;
    uint32_t indicator;
};
struct cmw {
    enum cmw_form form;
    char collection_type[CMW_TYPE_BYTES_MAX + 1]; /* empty: none */
    unsigned items;                               /* 1, unless a collection */
    struct cmw_item item[CMW_ITEMS_MAX];
    struct buf decoded; /* where JSON's values are */
};

/* Reads either spelling; the first byte says which. rules: for CBOR (evidence/cbor.h). Values point into the bytes (CBOR) or into
 * out->decoded (JSON). *out is initialised here and to be released also after a failure.
 * ERR_LIMIT: over CMW_BYTES_MAX, CMW_ITEMS_MAX or a text's limit; ERR_EXISTS: a label twice; ERR_UNSUPPORTED: a collection within
 * one, or a collection type that is no text; ERR_FORMAT and the other ERR_* of a reader. */
int cmw_read(struct cmw *out, const void *p, size_t n, unsigned rules, struct why *why);
int cmw_looks_like_json(const void *p, size_t n);
void cmw_release(struct cmw *c);
const struct cmw_item *cmw_find(const struct cmw *c, const char *label);

/* Deterministic CBOR. Failures in w->err. */
void cmw_write_cbor(struct writer *w, const struct cmw *c);
/* b is initialised here. ERR_UNSUPPORTED: a tag, or a label that is a number, which JSON does not have; ERR_NOMEM. */
int cmw_write_json(struct buf *b, const struct cmw *c);

/* RFC 9277, 4.3: the tag of a content format, and back (0: the tag is not of that range). */
uint64_t cmw_tag_of(uint16_t content_format);
int cmw_content_format_of(uint64_t tag, uint16_t *content_format);

#endif
