/* gateway/gw_receipts.h - the last receipts, as RECEIPT files: in memory, and in a folder when the user wants that.
 *
 * A RECEIPT holds the question and the answer's ids, so memory is bounded and wiped, and nothing is written unless asked. */
#ifndef GATEWAY_GW_RECEIPTS_H
#define GATEWAY_GW_RECEIPTS_H

#include "base/err.h"
#include "base/mem.h"
#include "seal/content.h"

enum { RECEIPTS_KEPT = 64, RECEIPTS_BYTES_MAX = 64 << 20 };
struct gw_receipts {
    struct {
        uint8_t id[REQUEST_ID_BYTES];
        struct buf file;
    } kept[RECEIPTS_KEPT];
    size_t next, bytes;
    const char *dir; /* NULL: memory only */
};
void gw_receipts_init(struct gw_receipts *k, const char *dir);
/* 1: a receipt can be kept where it is wanted; 0: the folder is gone, or has not enough room. */
int gw_receipts_room(const struct gw_receipts *k);
void gw_receipts_release(struct gw_receipts *k);
/* Takes file over (it is empty afterwards). Older ones make room. ERR_* only from writing DIR/ID.receipt (mode 0600). */
int gw_receipts_add(struct gw_receipts *k, const uint8_t id[REQUEST_ID_BYTES], struct buf *file, struct why *why);
/* By its hexadecimal name; NULL when unknown or gone. */
const struct buf *gw_receipts_find(const struct gw_receipts *k, const char *name);

#endif
