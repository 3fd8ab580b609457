/* gateway/gw_dir.h - the nodes that the coordinator lists, each record verified here. Pure: bytes and times are given.
 *
 * The coordinator is believed in nothing but that a node may be reachable; who it is, which keys it has and which models it
 * serves stands in its signed record. */
#ifndef GATEWAY_GW_DIR_H
#define GATEWAY_GW_DIR_H

#include <stddef.h>
#include <stdint.h>

#include "seal/dirlist.h"
#include "seal/record.h"

struct gw_node {
    struct record record;
    uint8_t record_hash[32]; /* of the bytes, so that an unchanged record is not verified again */
    uint8_t key_id[32];
    uint8_t model_hash[RECORD_MODELS_MAX][32]; /* of the record's manifests */
    uint16_t load_permille, slots, slots_free;
};
struct gw_dir {
    struct gw_node *nodes; /* DIRLIST_MAX of them are reserved; distinct identities */
    struct gw_node *spare; /* the next list is built here, so that a bad one changes nothing */
    size_t count, refused; /* refused: entries of the last list that did not verify */
    int fresh;             /* the list is of the link that is up now */
    uint8_t coordinator_key[32];
};
int gw_dir_init(struct gw_dir *d); /* 0 or ERR_NOMEM */
void gw_dir_release(struct gw_dir *d);
/* A whole directory body. Entries that do not verify are left out and counted; of two records of one identity the newer one
 * stays. ERR_*: the body is malformed and nothing changed. */
int gw_dir_take(struct gw_dir *d, const void *body, size_t n, uint64_t now_s);
/* The link is lost: what is known may no longer be so. */
void gw_dir_stale(struct gw_dir *d);
/* 1 if any node serves the full name, whatever its manifest. */
int gw_dir_has_model(const struct gw_dir *d, const char *name);

#endif
