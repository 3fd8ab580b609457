/* seal/worker_entry.c - see worker_entry.h.
 *
 *     u8 version | u8-text model name | blind manifest hash 32 | u8-text HOST:PORT or nothing | its pin 32 */
#include "seal/worker_entry.h"
#include "base/err.h"

#include <string.h>

void worker_entry_write(struct writer *w, const struct worker_entry *e) {
    write_u8(w, WORKER_ENTRY_VERSION);
    write_text8(w, e->name);
    write_bytes(w, e->manifest_hash, 32);
    write_text8(w, e->at);
    write_bytes(w, e->at_pin, 32);
}

int worker_entry_read(struct reader *r, struct worker_entry *out) {
    struct worker_entry e;
    memset(&e, 0, sizeof e);
    if (read_u8(r) != WORKER_ENTRY_VERSION) read_fail(r, ERR_VERSION);
    read_text8(r, e.name, sizeof e.name);
    read_copy(r, e.manifest_hash, 32);
    read_text8(r, e.at, sizeof e.at);
    read_copy(r, e.at_pin, 32);
    if (read_end(r) != 0) return r->err;
    if (!model_name_is_full(e.name) || (e.at[0] && !wire_id_ok(e.at, sizeof e.at))) return ERR_FORMAT;
    static const uint8_t none[32];
    if (!e.at[0] && memcmp(e.at_pin, none, 32) != 0) return ERR_RANGE;
    *out = e;
    return 0;
}
