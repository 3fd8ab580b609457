/* node/served.h - the models a node serves: opened, hashed, named, each with an engine thread of its own. */
#ifndef NODE_SERVED_H
#define NODE_SERVED_H

#include "base/file.h"
#include "node/worker.h"
#include "seal/manifest.h"
#include "seal/record.h"

struct served {
    struct manifest manifest;
    uint8_t manifest_hash[32];
    struct model *model;
    struct worker *worker;
    uint32_t context; /* tokens per answer */
};
struct served_opts {
    uint32_t threads, slots, context; /* 0: default */
    enum kv_format kv;
    struct loop *loop;
    void (*on_event)(void *arg, const struct work_event *e);
    void *arg;
};
/* spec is FILE or FILE=NAME. Without NAME: general.name and file type, made to fit ("lull-toy:q8_0"). Progress of loading and
 * hashing goes to stderr when it takes over a second. The file's hash is kept in DIR/hashes, keyed by device, inode, size and
 * modification time. */
int served_open(struct served *s, const char *spec, const struct served_opts *o, const struct data_dir *dir, struct why *why);
void served_close(struct served *s); /* fine on a zeroed one */
/* Splits FILE or FILE=NAME: path gets FILE, *name points to NAME or is NULL. ERR_LIMIT: too long. */
int served_spec(const char *spec, char *path, size_t cap, const char **name);
/* "lull-toy:q8_0" from general.name and type; ERR_FORMAT when nothing usable is left. Exposed for tests. */
int served_name(char out[MODEL_NAME_BYTES], const char *general_name, const char *type);

#endif
