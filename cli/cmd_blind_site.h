/* cli/cmd_blind_site.h - all parties of blind computing in this process, for measuring: a client that has the prepared folder
 * only, one worker of each role, and beside them the engine that has the weights itself. The weights are in memory once, for
 * the workers and that engine. */
#ifndef CLI_CMD_BLIND_SITE_H
#define CLI_CMD_BLIND_SITE_H

#include <stdint.h>
#include <sys/types.h>

#include "blind/local_link.h"
#include "blind/lattice_client.h"
#include "blind/pair.h"
#include "cli/temp_folder.h"
#include "math/pool.h"
#include "model/engine.h"

enum { SITE_TASKS_MAX = 512 };
struct blind_site_opts {
    int lattice;             /* else pair */
    uint32_t rank;           /* of lattice */
    int folded;              /* profile C1-row8-fold, of the local engine too */
    const char *model;       /* path */
    uint32_t positions;      /* of one answer, prompt included */
    uint32_t threads;        /* of the engines and of A; 0: one per core */
    uint32_t threads_b;      /* of B */
    uint32_t rtt_us;         /* round trip to either worker */
    size_t ahead_bytes;      /* pair_opts */
    uint32_t decode_columns; /* of each pass after the prompt; 0: 1 */
};
/* What the process holds: its own pages, and those of files (the hint, the client file), which the system can take back at any time. */
struct blind_site_memory {
    uint64_t own, mapped; /* bytes */
};

struct blind_site {
    struct temp_folder folder;
    char out[112]; /* in it */
    struct model *weights, *client;
    struct prepared *prepared;
    struct row8 *stacks;
    struct pool *pool[PAIR_ROLES];
    struct blind_local *worker[PAIR_ROLES];
    struct pair *pair; /* one of the two modes */
    struct lattice_client *lattice;
    struct lattice_public a;
    struct hint hint;
    struct engine *local, *blind;
    struct kv_seq local_seq, blind_seq;
    struct {
        pid_t id[SITE_TASKS_MAX];
        unsigned count;
    } tasks[PAIR_ROLES];                    /* threads of the workers */
    struct blind_site_memory memory_before; /* before the client's parts came */
};
/* Prepares a folder of its own below $TMPDIR, opens everything. */
int blind_site_open(struct blind_site *s, const struct blind_site_opts *o, struct why *why);
void blind_site_close(struct blind_site *s); /* removes the folder */

/* What the modes have in common. */
void blind_site_prompt(struct blind_site *s, uint32_t columns);
void blind_site_count(const struct blind_site *s, struct blind_counts *out);
void blind_site_why(const struct blind_site *s, struct why *why);
/* Waits until what is made or ordered ahead is there. */
void blind_site_settle(struct blind_site *s);

/* Processor time so far, in ns: of a worker's threads; of all that are no worker's. */
uint64_t blind_site_worker_ns(const struct blind_site *s, enum pair_role role);
uint64_t blind_site_client_ns(const struct blind_site *s);
/* Of this process. */
struct blind_site_memory blind_site_memory_now(void);

#endif
