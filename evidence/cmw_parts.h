/* evidence/cmw_parts.h - between cmw.c and cmw_json.c. */
#ifndef EVIDENCE_CMW_PARTS_H
#define EVIDENCE_CMW_PARTS_H

#include "evidence/cmw.h"

#define CMW_TYPE_LABEL "__cmwc_t"
enum { CMW_JSON_VALUES_MAX = 256 }; /* a collection has four for each item */

/* Each 0, ERR_LIMIT or ERR_FORMAT. */
int cmw_type_set(char out[CMW_TYPE_BYTES_MAX + 1], struct ev_bytes text);
int cmw_media_type_set(struct cmw_item *it, struct ev_bytes text);
int cmw_label_set(struct cmw_item *it, struct ev_bytes text);
/* ERR_LIMIT, ERR_EXISTS. */
int cmw_add(struct cmw *c, const struct cmw_item *it);

int cmw_read_json(struct cmw *out, const void *p, size_t n);

#endif
