/* evidence/tlog_leaf.h - what a log's entries say. An entry is one JSON object in its canonical form (canonical_json.h), at most 65535
 * bytes, so that it has one spelling and one hash. Members, all of which must be there and no other (docs/transparency-log.md):
 *
 *     release   {"v":1, "type":"release", "name", "version", "binary": HEX32, "measurements": [{"kind", "value": HEX}, ...]}
 *     model     {"v":1, "type":"model", "name", "manifest": HEX32}
 *     policy    {"v":1, "type":"policy", "name", "digest": HEX32}
 *     nodes     {"v":1, "type":"nodes", "hour": N, "part": N, "parts": N, "nodes": [[identity HEX32, operator HEX32], ...]}
 *     state     {"v":1, "type":"state", "from": TIME, "until": TIME, "in_force": [leaf hash HEX32, ...], "revoked": [...]}
 *
 * Times are seconds since 1970, hour counts hours since then. A state holds for at most 24 hours; its lists ascend, and nothing is in
 * both. Nothing is in force because it is in the log: it is in force while a state in date lists it. */
#ifndef EVIDENCE_TLOG_LEAF_H
#define EVIDENCE_TLOG_LEAF_H

#include "base/mem.h"
#include "evidence/evidence.h"
#include "evidence/tlog_merkle.h"

enum tlog_leaf_type { TLOG_RELEASE = 1, TLOG_MODEL, TLOG_POLICY, TLOG_NODES, TLOG_STATE, TLOG_LEAF_END };
const char *tlog_leaf_type_name(enum tlog_leaf_type t); /* never NULL */

enum {
    TLOG_LEAF_TEXT_MAX = 128,
    TLOG_MEASUREMENTS_MAX = 64,
    TLOG_MEASUREMENT_MAX = 64,
    TLOG_NODES_MAX = 400, /* of one part */
    TLOG_PARTS_MAX = 1024,
    TLOG_LISTED_MAX = 400, /* in force, and revoked */
    TLOG_STATE_S_MAX = 24 * 3600
};
struct tlog_leaf {
    enum tlog_leaf_type type;
    struct tlog_hash hash;                                              /* of the entry, as the tree has it */
    char name[TLOG_LEAF_TEXT_MAX + 1], version[TLOG_LEAF_TEXT_MAX + 1]; /* release; name also of model and policy */
    uint8_t digest[32];                                                 /* release: of the binary; model: manifest; policy */
    unsigned measurements;
    struct {
        char kind[32]; /* "sev-snp": which register of which platform is the kind's to say */
        unsigned size;
        uint8_t value[TLOG_MEASUREMENT_MAX];
    } measurement[TLOG_MEASUREMENTS_MAX];
    int64_t hour, part, parts; /* nodes */
    unsigned nodes;
    int64_t from, until; /* state */
    unsigned in_force, revoked;
    /* nodes: identity and operator in turn; state: what is in force, then what is revoked */
    struct tlog_hash list[2 * TLOG_NODES_MAX];
};
/* ERR_FORMAT (also: not in canonical form), ERR_VERSION, ERR_UNSUPPORTED: a type that we do not know, ERR_LIMIT, ERR_RANGE. */
int tlog_leaf_read(struct tlog_leaf *out, struct ev_bytes entry, struct why *why);
/* The entry of a JSON text in whatever spelling, read once so that no log gets what no client takes. entry is initialised here. */
int tlog_leaf_write(struct buf *entry, const void *json, size_t n, struct why *why);

enum tlog_standing { TLOG_NOT_LISTED, TLOG_IN_FORCE, TLOG_REVOKED };
enum tlog_standing tlog_state_says(const struct tlog_leaf *state, const struct tlog_hash *leaf);

#endif
