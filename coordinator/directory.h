/* coordinator/directory.h - the nodes that are here now: their records, load and free slots; and the choice among candidates.
 *
 * No I/O and no clock: times are given. A dir_node is embedded in whatever holds the way to the node. */
#ifndef COORDINATOR_DIRECTORY_H
#define COORDINATOR_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "coordinator/idmap.h"
#include "seal/codes.h"
#include "seal/record.h"
#include "seal/reqhead.h"

enum { DIR_RECORDS_EACH = 2 }; /* of one identity: the key in use, and the next while they overlap */

struct dir_model {
    char name[MODEL_NAME_BYTES];
    uint8_t manifest_hash[32];
};
struct dir_node;
struct dir_record { /* what routing needs of a verified record, and the bytes that are handed out */
    uint8_t key_id[32], receipt_key[32];
    uint64_t not_before, not_after; /* unix seconds */
    struct dir_node *node;
    uint8_t model_count;
    struct dir_model models[RECORD_MODELS_MAX];
    size_t n;
    uint8_t bytes[]; /* n, as the node sent them */
};
struct route;
struct dir_node {
    uint8_t identity[32], operator_id[32];
    struct route *route;
    uint16_t slots, load_permille; /* as last reported */
    uint16_t withheld;             /* slots that the node reported taken by what is not ours */
    uint8_t reason;                /* enum node_reason */
    uint8_t draining;
    uint32_t running; /* jobs of ours on it */
    uint64_t heard_ms, since_ms;
    struct dir_record *record[DIR_RECORDS_EACH]; /* the directory's from here on */
    size_t index;
    int listed;
};
struct directory {
    struct idmap by_identity, by_key;
    struct dir_node **nodes; /* count of them, in no order */
    size_t count, max, each_operator;
};
int dir_init(struct directory *d, size_t nodes_max, size_t each_operator_max); /* 0 or ERR_NOMEM */
void dir_release(struct directory *d); /* no node may be listed any more; fine on a zeroed directory */

/* A record of the node, already verified. record->keys.identity and operator_id must be the node's own. The first one lists
 * the node; a third replaces the one that ends first. ERR_BUSY: directory full; ERR_LIMIT: too many nodes of that operator;
 * ERR_EXISTS: the key, or (for the first record) the identity, is listed by another node; ERR_NOMEM. */
int dir_put(struct directory *d, struct dir_node *node, const struct record *record, const uint8_t *bytes, size_t n);
void dir_remove(struct directory *d, struct dir_node *node); /* forgets its records; not listed is fine */
struct dir_node *dir_by_identity(const struct directory *d, const uint8_t identity[32]);
const struct dir_record *dir_by_key(const struct directory *d, const uint8_t key_id[32]);
/* A heartbeat. free and slots as reported. */
void dir_heard(struct dir_node *node, uint16_t slots, uint16_t slots_free, uint16_t load_permille, uint8_t reason,
               uint64_t now_ms);
uint32_t dir_free(const struct dir_node *node); /* slots that we may still fill; 0 when draining */
const struct dir_model *dir_model(const struct dir_record *r, const char *name,
                                  const uint8_t *manifest_hash); /* hash NULL: any */

struct dir_choice {
    struct dir_node *node;
    const struct dir_record *record;
    uint8_t index; /* in head->key_id */
};
/* The least loaded free candidate among those in head; equal ones by draw, which is a random number. CODE_NONE: *out is set.
 * CODE_BUSY: some would do, none is free now. CODE_DRAINING: all that would do are leaving. CODE_NO_MODEL: nobody here serves
 * that model and manifest. CODE_REFUSED: none of the keys is known here; fresh records will help. */
enum code dir_choose(const struct directory *d, const struct reqhead *head, uint64_t now_s, uint64_t draw,
                     struct dir_choice *out);

#endif
